//! What a server was asked, for oracles that count, search and explain.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use crate::faults::Fault;
use crate::{caldav, google, microsoft, page, saved};

/// A request as it arrived, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// When it arrived.
    pub at: Timestamp,
    /// Who asked: the user name it gave, right or wrong, or whose token it carried.
    pub user: Option<String>,
    /// Its method.
    #[serde(with = "saved::method")]
    pub method: Method,
    /// Its path and query, as sent.
    pub path: String,
    /// `Depth`, `If-Match` and such, as (name, value); never credentials.
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(with = "saved::raw")]
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
    /// Who sends a request: the user name that it gives, or whose token it carries.
    pub(crate) fn who_asks(&self, request: &Request<Bytes>) -> Option<String> {
        let path = request.uri().path();
        let holder = if path.starts_with(google::PREFIX) {
            self.google.oauth.whose(request)
        } else if path.starts_with(microsoft::PREFIX) {
            self.microsoft.oauth.whose(request)
        } else {
            None
        };
        let named = || caldav::credentials(request).map(|(user, _)| user);
        holder.map(|holder| holder.email).or_else(named)
    }

    /// Writes a request down.
    pub(crate) fn record(
        &mut self,
        request: &Request<Bytes>,
        now: Timestamp,
        status: Option<u16>,
        fault: Option<Fault>,
    ) {
        // Whoever looks at the page asks no face, and would see nothing but the looking.
        if page::is_for_page(request) {
            return;
        }
        let headers = HEADERS_KEPT
            .iter()
            .filter_map(|name| {
                let value = request.headers().get(*name)?.to_str().ok()?;
                Some(((*name).to_owned(), value.to_owned()))
            })
            .collect();
        self.requests.push(RequestRecord {
            at: now,
            user: self.who_asks(request),
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
