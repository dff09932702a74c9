//! What a server was asked, for oracles that count, search and explain.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;

use super::World;
use crate::faults::Fault;
use crate::{caldav, google, microsoft};

/// A request as it arrived, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRecord {
    /// When it arrived.
    pub at: Timestamp,
    /// The user name it gave, right or wrong; of a token, whom it was given for.
    pub user: Option<String>,
    /// Its method.
    pub method: Method,
    /// Its path and query, as sent.
    pub path: String,
    /// `Depth`, `If-Match` and such, as (name, value); never credentials.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// The status of the answer, whether it arrived or not; none when the request never came here.
    pub status: Option<u16>,
    /// What befell it.
    pub fault: Option<Fault>,
}

/// The headers that decide what a request does.
const HEADERS_KEPT: [&str; 8] = [
    "content-type",
    "depth",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-schedule-tag-match",
    "prefer",
    "schedule-reply",
];

impl World {
    /// Writes a request down.
    pub(crate) fn record(
        &mut self,
        request: &Request<Bytes>,
        now: Timestamp,
        status: Option<u16>,
        fault: Option<Fault>,
    ) {
        let headers = HEADERS_KEPT
            .iter()
            .filter_map(|name| {
                let value = request.headers().get(*name)?.to_str().ok()?;
                Some(((*name).to_owned(), value.to_owned()))
            })
            .collect();
        self.requests.push(RequestRecord {
            at: now,
            user: self.sender(request),
            method: request.method().clone(),
            path: request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            headers,
            body: request.body().clone(),
            status,
            fault,
        });
    }

    /// Whose request it is, by the name in it or by its token, good or not.
    fn sender(&self, request: &Request<Bytes>) -> Option<String> {
        let path = request.uri().path();
        let oauth = if path.starts_with(google::PREFIX) {
            &self.google.oauth
        } else if path.starts_with(microsoft::PREFIX) {
            &self.microsoft.oauth
        } else {
            return caldav::credentials(request).map(|(user, _)| user);
        };
        oauth.holder_of(request).map(str::to_owned)
    }
}

/// The requests as lines that a person can read: time, method, path, status and fault.
pub fn render_log(requests: &[RequestRecord]) -> String {
    requests.iter().fold(String::new(), |mut text, record| {
        let status = record
            .status
            .map_or_else(|| "never came".to_owned(), |status| status.to_string());
        let _ = write!(
            text,
            "{} {} {} -> {status}",
            record.at, record.method, record.path
        );
        if let Some(fault) = &record.fault {
            let _ = write!(text, " ({fault:?})");
        }
        text.push('\n');
        text
    })
}
