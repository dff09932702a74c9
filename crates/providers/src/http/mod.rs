//! HTTP as values: a request, an answer, and the one trait that turns the first into the second.

mod bearer;
mod budget;
mod client;
mod exchange;
pub mod guard;
mod meter;
mod resolve;
mod retry_after;

use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

pub(crate) use bearer::Api;
pub use budget::{Budget, Unlimited};
pub use client::{HttpSettings, HttpTransport, SettingsError};
pub use exchange::Credentials;
pub(crate) use exchange::{Answer, Door};
pub use meter::{Metered, Traffic};
pub(crate) use retry_after::retry_at;

/// Sends requests. The simulation and the tests bring their own.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request to one address and reads the whole answer. Follows no redirect and retries nothing.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

/// A request as a value.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `PUT`, `PROPFIND`, …
    pub method: Method,
    /// Absolute, `http` or `https`.
    pub url: Url,
    /// Without `Host` and `Content-Length`, which the transport adds.
    pub headers: HeaderMap,
    /// Empty where the method has none.
    pub body: Bytes,
    /// How much of an answer, and how long for it, is enough.
    pub limits: Limits,
}

/// Where waiting and reading end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body that is read, in bytes, after decompression.
    pub body_bytes_max: usize,
    /// The longest time from the first byte sent to the last byte read.
    pub time_max: Duration,
}

/// An answer as a value.
#[derive(Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body, decompressed.
    pub body: Bytes,
}

/// Why there is no answer. The cases differ in what may have happened at the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The address guard forbids it; nothing was sent.
    #[error("{0}")]
    Refused(#[from] guard::Refused),
    /// No connection came about; nothing was sent.
    #[error("{host} cannot be reached: {reason}")]
    NotSent {
        /// The host that was tried.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The request left, at least in part, and no answer came back: its effect is not known.
    #[error("{host} did not answer: {reason}")]
    Unanswered {
        /// The host that was asked.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The answer is longer than the request allows. The request took effect, if it has one.
    #[error("the answer of {host} is longer than {limit_bytes} bytes")]
    TooLong {
        /// The host that was asked.
        host: String,
        /// The limit that was given.
        limit_bytes: usize,
    },
}

/// The host of an address, for messages: paths and queries of feeds are secrets, hosts are not.
pub(crate) fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("(no host)").to_owned()
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &host_of(&self.url))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
