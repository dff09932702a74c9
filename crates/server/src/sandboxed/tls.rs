//! HTTPS for the sandbox: a local authority, and the certificate of this machine that it vouches for.
//!
//! Microsoft's sign-in library speaks to nothing else. Whoever is to trust the sandbox is given the authority's
//! certificate, `ca.pem`, and it stays the same for as long as its folder is kept.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::serve::Listener;
use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ServerConfig;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The authority's certificate, which clients are told to trust.
const AUTHORITY_FILE: &str = "ca.pem";
/// The authority's key. Who has it can pose as the sandbox, and as nothing else: see [`authority`].
const KEY_FILE: &str = "ca-key.pem";
/// The authority's name, by which people find it among those that a browser trusts. It is also what ties a certificate
/// to a kept authority, and so must not change.
const AUTHORITY_NAME: &str = "Kalends sandbox, local authority";

/// Until when an authority is good: for ever, as far as certificates go. Later years are written in another way.
const AUTHORITY_ENDS: Date = jiff::civil::date(2049, 12, 31);
/// A certificate is made anew at each start, and some systems trust none that is good for longer than 398 days.
const CERTIFICATE_DAYS: i64 = 90;

/// How long a client may take to agree on keys. A connection that says nothing is let go.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How many connections may be agreeing on keys at a time. Further ones wait in the system's queue.
const HANDSHAKES_MAX: usize = 256;

/// What HTTPS is served with.
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    authority: PathBuf,
    /// The folder when nobody named one: it goes when the sandbox goes.
    _passing: Option<TempDir>,
}

impl Tls {
    /// Takes the authority in a folder, or makes one there, and has it vouch for this machine at these addresses. Without a
    /// folder the authority lasts as long as the sandbox.
    pub(crate) fn prepare(folder: Option<&Path>, host: IpAddr, now: Timestamp) -> Result<Self> {
        let (folder, passing) = if let Some(folder) = folder {
            (folder.to_owned(), None)
        } else {
            let passing = tempfile::tempdir().context("a folder for the authority")?;
            (passing.path().to_owned(), Some(passing))
        };
        private_folder(&folder).with_context(|| folder.display().to_string())?;
        let today = now.to_zoned(TimeZone::UTC).date();
        let issuer = authority_in(&folder, today)?;
        let path = folder.join(AUTHORITY_FILE);
        let path = fs::canonicalize(&path).with_context(|| path.display().to_string())?;
        let (certificate, key) = certificate(&issuer, host, today)?;
        prove(&path, &certificate, host, now)?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Ok(Self {
            config: Arc::new(config),
            authority: path,
            _passing: passing,
        })
    }

    /// The certificate that clients are to trust.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }

    /// A port that speaks HTTPS.
    pub(super) fn over(&self, tcp: TcpListener) -> Secured {
        Secured {
            tcp,
            acceptor: TlsAcceptor::from(Arc::clone(&self.config)),
            agreeing: JoinSet::new(),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What the authority is: the same each time, so that a kept key is all it takes to go on with it. It can vouch for
/// addresses and for names of this machine, so that trusting it opens nobody's bank to whoever finds the key.
fn authority(today: Date) -> Result<CertificateParams> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name = rcgen::DistinguishedName::new();
    authority
        .distinguished_name
        .push(DnType::CommonName, AUTHORITY_NAME);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
        excluded_subtrees: Vec::new(),
    });
    lasts(&mut authority, today, AUTHORITY_ENDS)?;
    Ok(authority)
}

/// Certificates begin to be good a day ago, for clients whose clocks are slow.
fn lasts(params: &mut CertificateParams, today: Date, ends: Date) -> Result<()> {
    let [begins, ends] = [today.yesterday()?, ends].map(|day| {
        let [month, day_of_month] = [day.month(), day.day()].map(i8::unsigned_abs);
        rcgen::date_time_ymd(day.year().into(), month, day_of_month)
    });
    (params.not_before, params.not_after) = (begins, ends);
    Ok(())
}

/// The authority in a folder: its key is taken, or made where there is none.
fn authority_in(folder: &Path, today: Date) -> Result<Issuer<'static, KeyPair>> {
    let (key_path, path) = (folder.join(KEY_FILE), folder.join(AUTHORITY_FILE));
    let params = authority(today)?;
    let known = match fs::read_to_string(&key_path) {
        Ok(text) => Some(KeyPair::from_pem(&text).with_context(|| key_path.display().to_string())?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| key_path.display().to_string()),
    };
    let is_whole = known.is_some() && path.exists();
    let key = known.map_or_else(KeyPair::generate, Ok)?;
    if !is_whole {
        write(&path, &params.self_signed(&key)?.pem(), 0o644)?;
        write(&key_path, &key.serialize_pem(), 0o600)?;
    }
    Ok(Issuer::new(params, key))
}

/// A certificate of this machine, with a key that is never written down.
fn certificate(
    issuer: &Issuer<'_, KeyPair>,
    host: IpAddr,
    today: Date,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Kalends sandbox");
    let mut addresses = vec![
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    if !addresses.contains(&host) {
        addresses.push(host);
    }
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into()?)];
    params
        .subject_alt_names
        .extend(addresses.into_iter().map(SanType::IpAddress));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let ends = today.checked_add(Span::new().days(CERTIFICATE_DAYS))?;
    lasts(&mut params, today, ends)?;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| anyhow!(error))?;
    Ok((certificate.der().clone(), key))
}

/// Looks at the certificate as a client would that trusts the authority: what was kept may be the halves of two.
fn prove(
    authority: &Path,
    certificate: &CertificateDer<'_>,
    host: IpAddr,
    now: Timestamp,
) -> Result<()> {
    let trusted = || -> Result<()> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
        let now = Duration::from_secs(u64::try_from(now.as_second())?);
        let now = UnixTime::since_unix_epoch(now);
        verifier.verify_server_cert(certificate, &[], &ServerName::from(host), &[], now)?;
        Ok(())
    };
    trusted().with_context(|| {
        format!(
            "{} is no longer good; remove it and {KEY_FILE} beside it, and another is made",
            authority.display()
        )
    })
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that is in nobody's way: an older one is replaced, with its mode.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let written = || -> io::Result<()> {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        options.open(path)?.write_all(text.as_bytes())
    };
    written().with_context(|| path.display().to_string())
}

/// A port that speaks HTTPS. Clients agree on keys beside each other, so that a slow one delays nobody.
pub(super) struct Secured {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    agreeing: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let room = self.agreeing.len() < HANDSHAKES_MAX;
            tokio::select! {
                (tcp, address) = Listener::accept(&mut self.tcp), if room => {
                    let agreeing = self.acceptor.accept(tcp);
                    self.agreeing.spawn(async move {
                        let agreed = tokio::time::timeout(HANDSHAKE_WITHIN, agreeing).await;
                        Some((agreed.ok()?.ok()?, address))
                    });
                }
                // Who does not speak HTTPS, or does not trust the authority, is heard of no more.
                Some(agreed) = self.agreeing.join_next() => {
                    if let Ok(Some(agreed)) = agreed {
                        return agreed;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

#[cfg(test)]
mod tests;
