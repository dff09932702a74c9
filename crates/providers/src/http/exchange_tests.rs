//! Where passwords go and redirects lead.

use super::*;

fn given_for(home: &str) -> Credentials {
    Credentials {
        home: home.parse().unwrap(),
        user: "ann".to_owned(),
        password: "secret".into(),
    }
}

#[test]
fn a_password_goes_only_where_it_belongs() {
    let table = [
        (
            "https://dav.example.com/",
            "https://dav.example.com/x",
            true,
        ),
        (
            "https://dav.example.com/",
            "https://dav.example.com:8443/x",
            true,
        ),
        (
            "https://dav.example.com/",
            "http://dav.example.com/x",
            false,
        ),
        ("http://dav.example.com/", "https://dav.example.com/x", true),
        ("http://dav.example.com/", "http://dav.example.com/x", true),
        (
            "http://dav.example.com/",
            "http://dav.example.com:81/x",
            false,
        ),
        ("https://example.com/", "https://dav.example.com/x", true),
        ("https://example.com/", "https://evilexample.com/x", false),
        ("https://dav.example.com/", "https://example.com/x", false),
        ("https://a.co.uk/", "https://b.co.uk/x", false),
        (
            "https://caldav.icloud.com/",
            "https://p07-caldav.icloud.com/1/",
            true,
        ),
        (
            "https://caldav.icloud.com/",
            "https://icloud.com.evil.net/1/",
            false,
        ),
        (
            "https://caldav.icloud.com/",
            "http://p07-caldav.icloud.com/1/",
            false,
        ),
        ("http://127.0.0.1:5232/", "http://127.0.0.1:5232/x", true),
        ("http://127.0.0.1:5232/", "http://127.0.0.1:5233/x", false),
        ("https://10.0.0.1/", "https://1.10.0.0.1.evil.net/", false),
    ];
    for (home, target, expected) in table {
        let credentials = given_for(home);
        assert_eq!(
            credentials.belong_to(&target.parse().unwrap()),
            expected,
            "{home} -> {target}"
        );
    }
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?}", given_for("https://dav.example.com/private/token"));
    assert_eq!(printed, r#"Credentials { host: "dav.example.com", .. }"#);
}
