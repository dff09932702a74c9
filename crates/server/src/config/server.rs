//! `[server]`: where the API is served, and under which names.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use anyhow::{Context, Result, bail};
use axum::http::HeaderValue;
use serde::Deserialize;
use url::{Host, Url};

use super::env;
use super::reference::Setting;

/// Only for this machine, until somebody says otherwise.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// More than a busy browser asks, and less than what makes a node slow for others.
const REQUESTS_A_MINUTE: NonZeroU32 = NonZeroU32::new(3_000).expect("not zero");

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// Address and port.
    listen: Option<SocketAddr>,
    /// Under which address people reach it.
    public_url: Option<String>,
    /// Whether providers are asked to call there.
    push: Option<bool>,
    /// The domain whose subdomains are tenants.
    domain: Option<String>,
    /// Whether a proxy stands before it.
    behind_proxy: Option<bool>,
    /// How many requests a user may make in a minute.
    requests_per_minute: Option<NonZeroU32>,
    /// Sites whose pages may call the API from a browser.
    #[serde(default)]
    cors_origins: Vec<String>,
    /// Sites to which people may be sent back after consenting at a provider.
    #[serde(default)]
    return_origins: Vec<String>,
    /// Sites whose pages may show screens of Kalends in a frame.
    #[serde(default)]
    frame_origins: Vec<String>,
}

/// Where the API is served, and under which names.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Address and port.
    pub(crate) listen: SocketAddr,
    /// Under which address people reach it, for links in mails and pages; none: where it listens.
    pub(crate) public_url: Option<Url>,
    /// Whether providers are asked to call there when a calendar changes.
    pub(crate) push: bool,
    /// `example.com`, where `demo.example.com` is the tenant `demo`.
    pub(crate) domain: Option<String>,
    /// Whether `X-Forwarded-For` is the word of a proxy of ours.
    pub(crate) behind_proxy: bool,
    /// How many requests a user may make in a minute.
    pub(crate) requests_per_minute: NonZeroU32,
    /// Sites whose pages may call the API from a browser.
    pub(crate) cors_origins: Vec<HeaderValue>,
    /// The origins to which people may be sent back after consenting at a provider.
    pub(crate) return_origins: Vec<String>,
    /// The origins whose pages may show screens of Kalends in a frame.
    pub(crate) frame_origins: Vec<String>,
}

impl Section {
    pub(super) fn checked(self) -> Result<Server> {
        let listen = match env("KALENDS_LISTEN") {
            Some(text) => text
                .parse()
                .with_context(|| format!("KALENDS_LISTEN: {text:?} is no ADDRESS:PORT"))?,
            None => self.listen.unwrap_or(LISTEN),
        };
        let public_url = env("KALENDS_PUBLIC_URL").or(self.public_url);
        Ok(Server {
            listen,
            public_url: public_url.as_deref().map(checked_public_url).transpose()?,
            push: push(self.push)?,
            domain: env("KALENDS_DOMAIN")
                .or(self.domain)
                .map(|name| domain(&name))
                .transpose()?,
            behind_proxy: self.behind_proxy.unwrap_or(false),
            requests_per_minute: self.requests_per_minute.unwrap_or(REQUESTS_A_MINUTE),
            cors_origins: self
                .cors_origins
                .iter()
                .map(|text| {
                    origin("server.cors_origins", text)?;
                    Ok(HeaderValue::from_str(text)?)
                })
                .collect::<Result<_>>()?,
            return_origins: origins("server.return_origins", self.return_origins)?,
            frame_origins: origins("server.frame_origins", self.frame_origins)?,
        })
    }
}

fn origins(setting: &str, listed: Vec<String>) -> Result<Vec<String>> {
    listed
        .into_iter()
        .map(|text| origin(setting, &text).map(|()| text))
        .collect()
}

fn push(file: Option<bool>) -> Result<bool> {
    match env("KALENDS_PUSH").as_deref() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(text) => bail!("KALENDS_PUSH: {text:?} is neither true nor false"),
        None => Ok(file.unwrap_or(true)),
    }
}

/// An address under which people may reach the service.
pub(crate) fn checked_public_url(text: &str) -> Result<Url> {
    let url: Url = text
        .parse()
        .with_context(|| format!("server.public_url: {text:?} is no address"))?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && is_plain(url.path())
        && url.query().is_none()
        && url.fragment().is_none();
    if !fits {
        bail!(
            "server.public_url: {text:?} must be like https://kalends.example.com, or with a path such as /kalends"
        );
    }
    Ok(url)
}

/// Whether an address leads to the machine on which it is opened, whatever a resolver says (RFC 6761 §6.3).
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a path stands in pages, cookies and headers as it is.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().all(plain) && !path.contains("//")
}

/// A site, as browsers write its origin (RFC 6454 §6.2).
pub(crate) fn checked_origin(text: &str) -> Result<String> {
    origin("the site", text).map(|()| text.to_owned())
}

/// Makes sure that a text is an origin as browsers write it (RFC 6454 §6.2).
fn origin(setting: &str, text: &str) -> Result<()> {
    let wrong = || format!("{setting}: {text:?} is no origin, such as https://app.example.com");
    let url: Url = text.parse().with_context(wrong)?;
    let is_origin =
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text;
    if !is_origin {
        bail!(wrong());
    }
    Ok(())
}

fn domain(text: &str) -> Result<String> {
    let name = text.trim_start_matches('.').to_lowercase();
    let fits = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if !fits {
        bail!("server.domain: {text:?} is no domain, such as example.com");
    }
    Ok(name)
}

impl Server {
    /// Where people reach it, as far as it is told: else where it listens.
    pub(crate) fn address(&self) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }

    /// The path below which people reach it, such as `/kalends`, where it shares its host with others; else empty.
    pub(crate) fn prefix(&self) -> &str {
        let path = self.public_url.as_ref().map_or("", Url::path);
        path.trim_end_matches('/')
    }

    /// Whether people may be sent back to an address: it is below one of the listed origins, or Kalends' own.
    pub(crate) fn may_return_to(&self, url: &Url) -> bool {
        let origin = url.origin().ascii_serialization();
        let own = Url::parse(&self.address()).ok().map(|own| own.origin());
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && (self.return_origins.contains(&origin) || own == Some(url.origin()))
    }

    /// Whether the way to the browser has to be encrypted. Only on this very machine it need not be; elsewhere a browser that
    /// comes without encryption gets a cookie that it does not keep.
    pub(crate) fn is_encrypted(&self) -> bool {
        match &self.public_url {
            Some(url) => url.scheme() == "https" || !is_this_machine(url),
            None => !self.listen.ip().is_loopback(),
        }
    }

    /// Whether it is certain that people reach it by HTTPS.
    pub(crate) fn is_https(&self) -> bool {
        let url = self.public_url.as_ref();
        url.is_some_and(|url| url.scheme() == "https")
    }
}

#[cfg(test)]
impl Server {
    /// One that nothing is told of.
    pub(crate) fn for_tests() -> Self {
        Self {
            listen: LISTEN,
            public_url: None,
            push: false,
            domain: None,
            behind_proxy: false,
            requests_per_minute: NonZeroU32::MAX,
            cors_origins: Vec::new(),
            return_origins: Vec::new(),
            frame_origins: Vec::new(),
        }
    }
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("server"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("listen"),
            Some("LISTEN"),
            &format!("`{LISTEN}`"),
            "where `serve` listens",
        ),
        setting(
            Some("public_url"),
            Some("PUBLIC_URL"),
            "where it listens",
            "under which address people and providers reach it: `https://kalends.example.com`, or `https://example.com/kalends` where it shares its host. Google and Microsoft call only where it is `https`",
        ),
        setting(
            Some("push"),
            Some("PUSH"),
            "`true`",
            "whether Google and Microsoft are asked to say when a calendar changes; else it is polled",
        ),
        setting(
            Some("domain"),
            Some("DOMAIN"),
            "none",
            "the domain whose subdomains are tenants: with `example.com`, `demo.example.com` is the tenant `demo`; `demo.localhost` always is",
        ),
        setting(
            Some("behind_proxy"),
            None,
            "`false`",
            "whether `X-Forwarded-For` is the word of a proxy of yours",
        ),
        setting(
            Some("requests_per_minute"),
            None,
            &format!("`{REQUESTS_A_MINUTE}`"),
            "how many requests a user may make in a minute",
        ),
        setting(
            Some("cors_origins"),
            None,
            "none",
            "sites whose pages may call the API from a browser: `[\"https://app.example.com\"]`",
        ),
        setting(
            Some("return_origins"),
            None,
            "none",
            "sites to which people may be sent back after consenting at Google or Microsoft: `[\"https://app.example.com\"]`",
        ),
        setting(
            Some("frame_origins"),
            None,
            "none",
            "sites whose pages may show screens of Kalends in a frame: `[\"https://app.example.com\"]`",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_encryption_people_come_on_this_machine_alone() {
        let at = |url: &str| {
            let server = Server {
                public_url: Some(checked_public_url(url).unwrap()),
                ..Server::for_tests()
            };
            (server.is_encrypted(), server.is_https())
        };
        for url in [
            "http://localhost:8080",
            "http://kalends.localhost",
            "http://127.0.0.1:8080",
            "http://127.8.0.1",
            "http://[::1]:8080/kalends",
        ] {
            assert_eq!(at(url), (false, false), "{url}");
        }
        for url in [
            "http://kalends.lan:8080",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://10.0.0.1",
        ] {
            assert_eq!(at(url), (true, false), "{url}");
        }
        assert_eq!(at("https://kalends.example.com"), (true, true));
        assert_eq!(at("https://localhost"), (true, true));
        let unsaid = |listen: &str| {
            let server = Server {
                listen: listen.parse().unwrap(),
                ..Server::for_tests()
            };
            (server.is_encrypted(), server.is_https())
        };
        assert_eq!(unsaid("127.0.0.1:8080"), (false, false));
        assert_eq!(unsaid("0.0.0.0:8080"), (true, false));
    }

    #[test]
    fn the_public_address_may_have_a_path_and_nothing_else() {
        let prefix = |text: &str| Server {
            public_url: Some(checked_public_url(text).unwrap()),
            ..Server::for_tests()
        };
        assert_eq!(prefix("https://kalends.example.com").prefix(), "");
        let below = prefix("https://example.com/tools/kalends/");
        assert_eq!(below.prefix(), "/tools/kalends");
        assert_eq!(below.address(), "https://example.com/tools/kalends");
        for wrong in [
            "ftp://example.com",
            "https://example.com/?a",
            "https://example.com/#a",
            "https://ann:pw@example.com/",
            "https://example.com/a//b",
            "https://example.com/%22",
        ] {
            let error = checked_public_url(wrong).unwrap_err().to_string();
            assert!(error.contains("server.public_url"), "{wrong}: {error}");
        }
    }
}
