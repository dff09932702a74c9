//! Stories of clients that trust the authority, and of clients that do not.

use std::os::unix::fs::PermissionsExt as _;

use kalends_calendar::seams::Clock as _;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn prepare(folder: &Path, now: &str) -> Result<Tls> {
    Tls::prepare(Some(folder), Ipv4Addr::LOCALHOST.into(), at(now))
}

/// What somebody trusts who was given this certificate.
fn trusting(authority: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority).unwrap();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A port that gives back the first four bytes that come in on a connection.
async fn echo(tls: &Tls) -> SocketAddr {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let mut secured = tls.over(tcp);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = secured.accept().await;
            let mut said = [0; 4];
            if stream.read_exact(&mut said).await.is_ok() {
                let _ = stream.write_all(&said).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

async fn said(client: &TlsConnector, to: SocketAddr, name: &str) -> io::Result<String> {
    let tcp = TcpStream::connect(to).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = client.connect(name, tcp).await?;
    stream.write_all(b"ping").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn now() -> String {
    crate::seams::SystemClock.now().to_string()
}

#[tokio::test]
async fn who_trusts_the_authority_is_served_by_every_name_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let tls = prepare(folder.path(), &now()).unwrap();
    let address = echo(&tls).await;
    let client = trusting(tls.authority());
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert_eq!(
            said(&client, address, name).await.unwrap(),
            "ping",
            "{name}"
        );
    }
    let elsewhere = said(&client, address, "calendar.example").await;
    assert!(
        elsewhere.is_err(),
        "the certificate is of this machine alone"
    );
}

#[tokio::test]
async fn who_trusts_another_authority_is_not_served_and_who_says_nothing_delays_nobody() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tls = prepare(ours.path(), &now()).unwrap();
    let other = prepare(theirs.path(), &now()).unwrap();
    let address = echo(&tls).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    assert!(
        said(&trusting(other.authority()), address, "localhost")
            .await
            .is_err()
    );
    let trusted = trusting(tls.authority());
    assert_eq!(said(&trusted, address, "localhost").await.unwrap(), "ping");
}

#[test]
fn the_authority_stays_and_its_key_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("kept");
    let first = prepare(&below, "2026-12-01T00:00:00Z").unwrap();
    let text = fs::read_to_string(first.authority()).unwrap();
    let second = prepare(&below, "2030-12-01T00:00:00Z").unwrap();
    assert_eq!(fs::read_to_string(second.authority()).unwrap(), text);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&below.join(KEY_FILE)), 0o600);
    assert_eq!(mode(&below), 0o700);
    assert!(!text.contains("PRIVATE"));
}

#[test]
fn the_halves_of_two_authorities_are_told_and_a_lost_certificate_is_made_anew() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tls = prepare(folder.path(), "2026-12-01T00:00:00Z").unwrap();
    prepare(other.path(), "2026-12-01T00:00:00Z").unwrap();
    fs::copy(other.path().join(KEY_FILE), folder.path().join(KEY_FILE)).unwrap();
    let told = prepare(folder.path(), "2026-12-01T00:00:00Z")
        .err()
        .unwrap();
    assert!(
        format!("{told:#}").contains("is no longer good; remove it"),
        "{told:#}"
    );

    fs::remove_file(tls.authority()).unwrap();
    prepare(folder.path(), "2026-12-01T00:00:00Z").unwrap();
}

#[test]
fn an_authority_that_nobody_keeps_goes_with_the_sandbox() {
    let tls = Tls::prepare(None, Ipv4Addr::LOCALHOST.into(), at("2026-12-01T00:00:00Z")).unwrap();
    let path = tls.authority().to_owned();
    assert!(path.exists());
    drop(tls);
    assert!(!path.exists());
}

/// Whoever finds the key cannot pose as somebody else towards those who trust the authority.
#[test]
fn the_authority_vouches_for_no_name_beyond_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let now = at("2026-12-01T00:00:00Z");
    let today = now.to_zoned(TimeZone::UTC).date();
    let issuer = authority_in(folder.path(), today).unwrap();
    let mut params = CertificateParams::new(vec!["bank.example".to_owned()]).unwrap();
    lasts(&mut params, today, AUTHORITY_ENDS).unwrap();
    let forged = params
        .signed_by(&KeyPair::generate().unwrap(), &issuer)
        .unwrap();
    let mut roots = RootCertStore::empty();
    let path = folder.path().join(AUTHORITY_FILE);
    roots
        .add(CertificateDer::from_pem_file(path).unwrap())
        .unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().unsigned_abs()));
    let name = ServerName::try_from("bank.example").unwrap();
    let seen = verifier
        .unwrap()
        .verify_server_cert(forged.der(), &[], &name, &[], at);
    assert!(
        format!("{seen:?}").contains("NameConstraintViolation"),
        "{seen:?}"
    );
}
