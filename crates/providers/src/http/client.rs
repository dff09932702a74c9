//! The transport that really sends: reqwest over rustls, behind the address guard.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::guard::{Guard, Refused};
use super::resolve::GuardedResolver;
use super::{Request, Response, Transport, TransportError, host_of};

/// How long a connection may take to come about: names, TCP and TLS. Well below every [`super::Limits::time_max`], so
/// that a server that is down is known to have received nothing.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. Most servers close theirs after a minute; reusing one that just closed
/// turns a write into an unknown outcome for no reason.
const IDLE_TIME_MAX: Duration = Duration::from_secs(20);

/// Sends over the network.
pub struct HttpTransport {
    client: reqwest::Client,
    guard: Arc<Guard>,
}

/// How [`HttpTransport`] is set up.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// What it may talk to.
    pub guard: Guard,
    /// How it introduces itself: `Kalends/0.1 (+https://…)`.
    pub user_agent: String,
    /// Certificates (PEM, one or several) that are trusted beside the system's: a company's own authority.
    pub extra_roots_pem: Option<String>,
}

/// Settings that no transport can be made of.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The extra certificates are no PEM.
    #[error("the extra certificates cannot be read: {0}")]
    Certificates(reqwest::Error),
    /// The system has no certificates of public authorities, or TLS cannot be set up.
    #[error(
        "TLS cannot be set up (is the package ca-certificates installed?): {}",
        root_cause(.0)
    )]
    Tls(reqwest::Error),
}

impl HttpTransport {
    /// A transport. HTTPS trusts what the system trusts, and the extra certificates.
    pub fn new(settings: &HttpSettings) -> Result<Self, SettingsError> {
        // The first to install a provider wins and the others are refused; both are the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Arc::new(settings.guard.clone());
        let mut builder = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIME_MAX)
            .pool_idle_timeout(IDLE_TIME_MAX)
            .tcp_nodelay(true)
            .dns_resolver(GuardedResolver {
                guard: Arc::clone(&guard),
            });
        if let Some(pem) = &settings.extra_roots_pem {
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(SettingsError::Certificates)?;
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder.build().map_err(SettingsError::Tls)?;
        Ok(Self { client, guard })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.guard.url(&request.url)?;
        let host = host_of(&request.url);
        let limit_bytes = request.limits.body_bytes_max;
        let answer = self
            .client
            .request(request.method, without_userinfo(request.url))
            .headers(request.headers)
            .timeout(request.limits.time_max)
            .body(request.body)
            .send()
            .await;
        let mut answer = answer.map_err(|error| not_answered(&host, &error))?;
        let unanswered = |error: reqwest::Error| TransportError::Unanswered {
            host: host.clone(),
            reason: root_cause(&error),
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > limit_bytes {
                return Err(TransportError::TooLong { host, limit_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body: Bytes::from(body),
        })
    }
}

/// reqwest would make an `Authorization` header of user and password in the address, on whichever host it stands for.
fn without_userinfo(mut url: url::Url) -> url::Url {
    if !url.username().is_empty() || url.password().is_some() {
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url
}

fn not_answered(host: &str, error: &reqwest::Error) -> TransportError {
    if let Some(refused) = refusal_in(error) {
        return TransportError::Refused(refused);
    }
    let host = host.to_owned();
    // A builder error is an address or header that no request can be made of.
    if error.is_connect() || error.is_builder() {
        let reason = root_cause(error);
        TransportError::NotSent { host, reason }
    } else if error.is_timeout() {
        let reason = "it took too long".to_owned();
        TransportError::Unanswered { host, reason }
    } else {
        let reason = root_cause(error);
        TransportError::Unanswered { host, reason }
    }
}

fn refusal_in(error: &reqwest::Error) -> Option<Refused> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused.clone());
        }
        cause = error.source();
    }
    None
}

/// The innermost cause: reqwest's own words repeat the address, which may hold a secret.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::eq(
        std::ptr::from_ref(cause).cast::<()>(),
        std::ptr::from_ref(error).cast::<()>(),
    ) {
        return if error.is_timeout() {
            "it took too long".to_owned()
        } else {
            "the request cannot be sent".to_owned()
        };
    }
    cause.to_string()
}
