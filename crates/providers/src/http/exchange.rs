//! One logical request: sent, followed through redirects, with the password going only where it belongs.

use std::fmt;
use std::sync::Arc;

use ::http::header::{AUTHORIZATION, HeaderValue, LOCATION};
use ::http::{HeaderMap, Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kalends_calendar::failure::{Class, Failure};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Request, Transport, TransportError, host_of};

/// The longest chain of redirects. iCloud needs two; more than a handful is a loop.
const REDIRECTS_MAX: usize = 5;

/// Providers that spread their accounts over hosts of their own domain and send clients on to them.
const SHARDED_DOMAINS: [&str; 4] = ["icloud.com", "icloud.com.cn", "fastmail.com", "yahoo.com"];

/// User and password, and the address they were given for.
#[derive(Clone)]
pub struct Credentials {
    /// The address that the person typed.
    pub home: Url,
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("host", &host_of(&self.home))
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Whether the password may be shown to the host of `url`: the host it was given for, hosts below that one, and
    /// the sister hosts of a provider known to have them. Never another port without TLS, never in clear when it was
    /// given for TLS. A public suffix list would allow more; without one `a.co.uk` would trust `b.co.uk`.
    pub(crate) fn belong_to(&self, url: &Url) -> bool {
        let (Some(ours), Some(theirs)) = (self.home.host_str(), url.host_str()) else {
            return false;
        };
        let encrypted = url.scheme() == "https";
        if ours == theirs {
            let same_port = self.home.port_or_known_default() == url.port_or_known_default();
            return encrypted || (self.home.scheme() == url.scheme() && same_port);
        }
        let is_name = matches!(self.home.host(), Some(url::Host::Domain(_)));
        encrypted
            && is_name
            && (is_below(theirs, ours)
                || SHARDED_DOMAINS
                    .iter()
                    .any(|domain| is_below(ours, domain) && is_below(theirs, domain)))
    }

    fn header(&self) -> HeaderValue {
        let pair = format!("{}:{}", self.user, self.password.expose_secret());
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
            .unwrap_or_else(|_| HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }
}

/// Whether a host is a proper part of a domain.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
}

/// An answer, and where it came from in the end: relative references count from there.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Whether it says that something is done, and nothing else, as the answer to a deletion does. A success that comes with
    /// a body is the page of somebody on the way, a hotel's or a proxy's, and the server knows nothing of it.
    pub(crate) fn is_done(&self) -> bool {
        self.status.is_success() && self.body.is_empty()
    }
}

/// The way out: a transport, and the credentials for it where there are some.
pub(crate) struct Door {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) credentials: Option<Credentials>,
}

impl Door {
    /// Sends a request and follows its redirects with the same method and body (RFC 6764 §5: a `PROPFIND` stays one).
    /// All that is not a redirect is an answer, whatever its status.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        for _ in 0..=REDIRECTS_MAX {
            let url = request.url.clone();
            let mut sent = request.clone();
            if let Some(credentials) = &self.credentials {
                if !credentials.belong_to(&url) {
                    return Err(Failure::protocol(format!(
                        "{} sends us on to {}://{}, where the password is not sent; connect with that address if it is right",
                        host_of(&credentials.home),
                        url.scheme(),
                        host_of(&url),
                    )));
                }
                sent.headers.insert(AUTHORIZATION, credentials.header());
            }
            let answer = self
                .transport
                .send(sent)
                .await
                .map_err(|error| unsent(&request.method, &error))?;
            let Some(target) = redirect_target(&request, answer.status, &answer.headers)? else {
                return Ok(Answer {
                    url,
                    status: answer.status,
                    headers: answer.headers,
                    body: answer.body,
                });
            };
            request.url = target;
        }
        Err(Failure::protocol(format!(
            "{} sends us round in circles",
            host_of(&request.url)
        )))
    }
}

/// Whether a request changes something: then a lost answer is an unknown outcome.
fn changes_something(method: &Method) -> bool {
    !(method.is_safe() || matches!(method.as_str(), "PROPFIND" | "REPORT"))
}

pub(crate) fn unsent(method: &Method, error: &TransportError) -> Failure {
    let class = match error {
        TransportError::Refused(_) => Class::AddressRefused,
        TransportError::Unanswered { .. } | TransportError::TooLong { .. }
            if changes_something(method) =>
        {
            Class::Unknown
        }
        TransportError::NotSent { .. } | TransportError::Unanswered { .. } => {
            Class::Passing { retry_at: None }
        }
        TransportError::TooLong { .. } => Class::Protocol,
    };
    Failure::new(class, error.to_string())
}

/// Where an answer sends us; none if it does not.
fn redirect_target(
    request: &Request,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, Failure> {
    match status {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {}
        // "See other" after a write means that it was done and its result is elsewhere: not to be sent again.
        StatusCode::SEE_OTHER if !changes_something(&request.method) => {}
        _ => return Ok(None),
    }
    let host = host_of(&request.url);
    let nowhere = || Failure::protocol(format!("{host} answers {status} without saying where to"));
    let location = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(nowhere)?;
    let mut target = request.url.join(location).map_err(|_| nowhere())?;
    let _ = target.set_username("");
    let _ = target.set_password(None);
    target.set_fragment(None);
    let downgraded = request.url.scheme() == "https" && target.scheme() != "https";
    if downgraded {
        return Err(Failure::protocol(format!(
            "{host} sends us from https on to {}, which is not followed",
            target.scheme()
        )));
    }
    Ok(Some(target))
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
