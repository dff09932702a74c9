//! Sending a mail from a mailbox at Google or Microsoft: the only mails that Kalends ever sends.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{HeaderMap, Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};
use serde_json::json;
use url::Url;

use crate::http::{Answer, Api, Limits, Request, Transport, Unlimited, retry_at};
use crate::oauth::{Tokens, Vendor};

/// What a mailbox has to say to a mail fits in this many bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long it may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A mailbox that mails can be sent from.
pub struct Mailbox {
    /// Where it is.
    pub vendor: Vendor,
    /// The address of the API: `https://gmail.googleapis.com/`, `https://graph.microsoft.com/`.
    pub base: Url,
    /// What opens it.
    pub tokens: Arc<dyn Tokens>,
    /// What requests are sent over.
    pub transport: Arc<dyn Transport>,
}

impl Mailbox {
    /// Sends a whole message (RFC 5322) with its headers. A failure of [`Class::Unknown`] may have sent it.
    pub async fn send(&self, message: &[u8], now: Timestamp) -> Result<(), Failure> {
        let api = Api {
            transport: Arc::clone(&self.transport),
            tokens: Arc::clone(&self.tokens),
            base: self.base.clone(),
            budget: Arc::new(Unlimited),
            patch_units: 1,
        };
        let answer = api.send(request(self.vendor, &self.base, message)?).await?;
        match answer.status {
            StatusCode::OK | StatusCode::ACCEPTED => Ok(()),
            _ => Err(refused(self.vendor, &answer, now)),
        }
    }
}

/// Gmail takes the message in JSON and the URL's alphabet, Graph as text and the usual one.
/// (developers.google.com/workspace/gmail/api/guides/sending, learn.microsoft.com/graph/api/user-sendmail)
fn request(vendor: Vendor, base: &Url, message: &[u8]) -> Result<Request, Failure> {
    let (path, kind, body) = match vendor {
        Vendor::Google => (
            "gmail/v1/users/me/messages/send",
            "application/json",
            json!({ "raw": URL_SAFE.encode(message) }).to_string(),
        ),
        Vendor::Microsoft => ("v1.0/me/sendMail", "text/plain", STANDARD.encode(message)),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(Request {
        method: Method::POST,
        url: base
            .join(path)
            .map_err(|_| Failure::protocol("the address of the mailbox is none"))?,
        headers,
        body: Bytes::from(body),
        limits: Limits {
            body_bytes_max: ANSWER_BYTES_MAX,
            time_max: ANSWER_TIME_MAX,
        },
    })
}

fn refused(vendor: Vendor, answer: &Answer, now: Timestamp) -> Failure {
    let name = vendor.name();
    let status = answer.status;
    let class = match status.as_u16() {
        401 => Class::ReconnectNeeded,
        429 | 503 => Class::Passing {
            retry_at: retry_at(&answer.headers, now),
        },
        // What stands behind the gateway may have sent it.
        408 | 500..=599 => Class::Unknown,
        403 => Class::Forbidden,
        _ => Class::Item,
    };
    Failure::new(class, format!("{name} answers {status} to a mail"))
}
