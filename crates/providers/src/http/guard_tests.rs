//! What the address guard lets through and what not, as a table.

use super::*;

fn judge(guard: &Guard, text: &str) -> Result<(), Kind> {
    let url: Url = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    guard.url(&url).map_err(|refused| refused.kind)
}

#[test]
fn addresses_in_every_spelling_are_judged_by_where_they_lead() {
    let table = [
        ("https://caldav.example.com/", Ok(())),
        ("http://8.8.8.8/", Ok(())),
        ("https://[2606:4700::1111]/", Ok(())),
        ("https://172.15.0.1/", Ok(())),
        ("https://172.32.0.1/", Ok(())),
        ("https://100.63.255.255/", Ok(())),
        ("https://100.128.0.1/", Ok(())),
        ("https://11.0.0.1/", Ok(())),
        ("https://192.169.0.1/", Ok(())),
        ("https://223.255.255.1/", Ok(())),
        ("https://[64:ff9b::808:808]/", Ok(())),
        ("https://[2002:808:808::1]/", Ok(())),
        // Loopback, spelt as attackers do.
        ("http://127.0.0.1/", Err(Kind::Loopback)),
        ("http://127.1/", Err(Kind::Loopback)),
        ("http://127.0.0.1./", Err(Kind::Loopback)),
        ("http://127.255.255.254:8080/", Err(Kind::Loopback)),
        ("http://2130706433/", Err(Kind::Loopback)),
        ("http://0x7f000001/", Err(Kind::Loopback)),
        ("http://0x7f.1/", Err(Kind::Loopback)),
        ("http://0177.0.0.1/", Err(Kind::Loopback)),
        ("http://017700000001/", Err(Kind::Loopback)),
        ("http://127.0.0.1%2e/", Err(Kind::Loopback)),
        ("http://%31%32%37.0.0.1/", Err(Kind::Loopback)),
        ("http://①②⑦.⓪.⓪.①/", Err(Kind::Loopback)),
        ("http://127。0。0。1/", Err(Kind::Loopback)),
        ("http://user:pw@127.0.0.1/", Err(Kind::Loopback)),
        ("http://8.8.8.8@127.0.0.1/", Err(Kind::Loopback)),
        ("http://[::1]/", Err(Kind::Loopback)),
        ("http://[0:0:0:0:0:0:0:1]/", Err(Kind::Loopback)),
        ("http://[::ffff:127.0.0.1]/", Err(Kind::Loopback)),
        ("http://[::ffff:7f00:1]/", Err(Kind::Loopback)),
        ("http://[::127.0.0.1]/", Err(Kind::Loopback)),
        ("http://[::ffff:0:127.0.0.1]/", Err(Kind::Loopback)),
        ("http://[64:ff9b::127.0.0.1]/", Err(Kind::Loopback)),
        ("http://[2002:7f00:1::]/", Err(Kind::Loopback)),
        ("http://[2001:470::5efe:7f00:1]/", Err(Kind::Loopback)),
        // Private networks.
        ("http://10.0.0.1/", Err(Kind::Private)),
        ("http://172.16.0.1/", Err(Kind::Private)),
        ("http://172.31.255.255/", Err(Kind::Private)),
        ("http://192.168.178.1/", Err(Kind::Private)),
        ("http://192.168.257/", Err(Kind::Private)),
        ("http://3232235777/", Err(Kind::Private)),
        ("http://[::ffff:192.168.0.1]/", Err(Kind::Private)),
        ("http://[fd12:3456::1]/", Err(Kind::Private)),
        ("http://[fc00::1]/", Err(Kind::Private)),
        ("http://[fec0::1]/", Err(Kind::Private)),
        ("http://[2002:c0a8:1::1]/", Err(Kind::Private)),
        ("http://100.64.0.1/", Err(Kind::Shared)),
        ("http://100.127.255.255/", Err(Kind::Shared)),
        ("http://169.254.1.1/", Err(Kind::LinkLocal)),
        ("http://[fe80::1]/", Err(Kind::LinkLocal)),
        ("http://[febf::1]/", Err(Kind::LinkLocal)),
        // Metadata services.
        ("http://169.254.169.254/latest/", Err(Kind::Metadata)),
        ("http://2852039166/", Err(Kind::Metadata)),
        ("http://0xa9fea9fe/", Err(Kind::Metadata)),
        ("http://[::ffff:169.254.169.254]/", Err(Kind::Metadata)),
        ("http://[64:ff9b::a9fe:a9fe]/", Err(Kind::Metadata)),
        ("http://100.100.100.200/", Err(Kind::Metadata)),
        ("http://168.63.129.16/", Err(Kind::Metadata)),
        ("http://[fd00:ec2::254]/", Err(Kind::Metadata)),
        ("http://169.254.170.2/v2/credentials/", Err(Kind::Metadata)),
        ("http://169.254.170.23/v1/credentials", Err(Kind::Metadata)),
        ("http://[fd00:ec2::23]/v1/credentials", Err(Kind::Metadata)),
        ("http://metadata.google.internal/", Err(Kind::Metadata)),
        ("http://METADATA.google.internal./", Err(Kind::Metadata)),
        ("http://metadata/", Err(Kind::Metadata)),
        // The rest.
        ("http://0.0.0.0/", Err(Kind::Reserved)),
        ("http://0/", Err(Kind::Reserved)),
        ("http://[::]/", Err(Kind::Reserved)),
        ("http://192.0.2.1/", Err(Kind::Reserved)),
        ("http://198.51.100.7/", Err(Kind::Reserved)),
        ("http://203.0.113.9/", Err(Kind::Reserved)),
        ("http://198.18.0.1/", Err(Kind::Reserved)),
        ("http://198.19.255.255/", Err(Kind::Reserved)),
        ("http://192.88.99.1/", Err(Kind::Reserved)),
        ("http://240.0.0.1/", Err(Kind::Reserved)),
        ("http://255.255.255.255/", Err(Kind::Reserved)),
        ("http://[2001:db8::1]/", Err(Kind::Reserved)),
        ("http://[3fff::1]/", Err(Kind::Reserved)),
        ("http://[2001::1]/", Err(Kind::Reserved)),
        ("http://[64:ff9b:1::a00:1]/", Err(Kind::Reserved)),
        ("http://[100::1]/", Err(Kind::Reserved)),
        ("http://[5f00::1]/", Err(Kind::Reserved)),
        ("http://224.0.0.1/", Err(Kind::Multicast)),
        ("http://239.255.255.250/", Err(Kind::Multicast)),
        ("http://[ff02::1]/", Err(Kind::Multicast)),
        ("ftp://example.com/", Err(Kind::NotHttp)),
        ("file:///etc/passwd", Err(Kind::NotHttp)),
        ("gopher://example.com/", Err(Kind::NotHttp)),
        ("data:text/calendar,x", Err(Kind::NotHttp)),
    ];
    let guard = Guard::default();
    for (text, expected) in table {
        assert_eq!(judge(&guard, text), expected, "{text}");
    }
}

#[test]
fn opening_private_addresses_leaves_metadata_and_nonsense_closed() {
    let guard = Guard::open_to_private();
    for text in [
        "http://127.0.0.1:5232/",
        "http://[::1]/",
        "http://192.168.1.4/",
        "http://100.64.0.1/",
        "http://[fe80::1]/",
        "http://[fd12::1]/",
    ] {
        assert_eq!(judge(&guard, text), Ok(()), "{text}");
    }
    for text in [
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
    ] {
        assert_eq!(judge(&guard, text), Err(Kind::Metadata), "{text}");
    }
    assert_eq!(judge(&guard, "http://0.0.0.0/"), Err(Kind::Reserved));
    assert_eq!(judge(&guard, "http://224.0.0.1/"), Err(Kind::Multicast));
}

#[test]
fn what_the_operator_names_is_open_and_nothing_beside_it() {
    let guard = Guard {
        allowed: ["192.168.1.0/24", "fd12::/16", "10.1.2.3", "NAS.local."]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
        private: PrivateAddresses::Refused,
    };
    let table = [
        ("http://192.168.1.9/", Ok(())),
        ("http://[::ffff:192.168.1.9]/", Ok(())),
        ("http://192.168.2.9/", Err(Kind::Private)),
        ("http://[fd12:1::1]/", Ok(())),
        ("http://[fd13::1]/", Err(Kind::Private)),
        ("http://10.1.2.3/", Ok(())),
        ("http://10.1.2.4/", Err(Kind::Private)),
    ];
    for (text, expected) in table {
        assert_eq!(judge(&guard, text), expected, "{text}");
    }
    let private = "192.168.77.7".parse().unwrap();
    assert_eq!(guard.address("nas.local", private), Ok(()));
    assert!(guard.address("other.local", private).is_err());
}

#[test]
fn what_a_name_resolves_to_is_judged_like_a_literal() {
    let guard = Guard::default();
    let refused = guard
        .address("innocent.example", "10.0.0.7".parse().unwrap())
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "innocent.example (10.0.0.7) is a private address; an operator can open it with the setting network.allow"
    );
    assert_eq!(
        guard.address("example.com", "93.184.216.34".parse().unwrap()),
        Ok(())
    );
}

#[test]
fn settings_that_name_nothing_are_refused() {
    for text in [
        "",
        "10.0.0.0/33",
        "fd00::/129",
        "nas.local/24",
        "a b",
        "10.0.0.0/x",
    ] {
        assert!(text.parse::<Allowed>().is_err(), "{text:?}");
    }
}
