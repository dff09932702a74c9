//! A transport that plays a script: this is asked, that is answered, and nothing is left over.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use kalends_calendar::seams::Clock;
use kalends_providers::caldav::{Account, CalDav};
use kalends_providers::http::{Request, Response, Transport, TransportError};

/// What is asked and what is answered, in this order.
#[derive(Default)]
pub(crate) struct Script {
    steps: Mutex<VecDeque<Step>>,
    asked: Mutex<Vec<Request>>,
}

struct Step {
    /// `METHOD https://host/path`.
    line: String,
    answer: Result<Response, TransportError>,
}

impl Script {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The next request is this one, and this answers it.
    pub(crate) fn on(self: &Arc<Self>, line: &str, status: u16, body: &str) -> Arc<Self> {
        self.on_with(line, status, &[], body)
    }

    /// The same, with headers in the answer.
    pub(crate) fn on_with(
        self: &Arc<Self>,
        line: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Arc<Self> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        self.push(
            line,
            Ok(Response {
                status: StatusCode::from_u16(status).unwrap(),
                headers,
                body: body.to_owned().into(),
            }),
        )
    }

    /// The next request is this one, and nothing answers it.
    pub(crate) fn fails(self: &Arc<Self>, line: &str, error: TransportError) -> Arc<Self> {
        self.push(line, Err(error))
    }

    fn push(self: &Arc<Self>, line: &str, answer: Result<Response, TransportError>) -> Arc<Self> {
        self.steps.lock().unwrap().push_back(Step {
            line: line.to_owned(),
            answer,
        });
        Arc::clone(self)
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// The value of a header in the last request.
    pub(crate) fn last_header(&self, name: &str) -> Option<String> {
        let asked = self.asked.lock().unwrap();
        let value = asked.last()?.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }

    /// The body of the last request.
    pub(crate) fn last_body(&self) -> String {
        let asked = self.asked.lock().unwrap();
        String::from_utf8(asked.last().unwrap().body.to_vec()).unwrap()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let line = format!("{} {}", request.method, request.url);
        self.asked.lock().unwrap().push(request);
        let step = self.steps.lock().unwrap().pop_front();
        let step = step.unwrap_or_else(|| panic!("nothing more was to be asked, but: {line}"));
        assert_eq!(line, step.line);
        step.answer
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let left: Vec<_> = self
                .steps
                .get_mut()
                .unwrap()
                .iter()
                .map(|step| &step.line)
                .collect();
            assert!(left.is_empty(), "never asked: {left:?}");
        }
    }
}

/// A clock that stands at 2026-03-01T10:00:00Z.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        panic!("a provider never sleeps")
    }
}

/// Ann's account on a script.
pub(crate) fn account_at(script: &Arc<Script>, base: &str) -> CalDav {
    let transport: Arc<dyn Transport> = Arc::clone(script) as _;
    CalDav::new(
        transport,
        Arc::new(Still),
        Account {
            base: base.parse().unwrap(),
            user: "ann".to_owned(),
            password: "secret".into(),
        },
    )
}

/// A multistatus of these responses.
pub(crate) fn multistatus(inner: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<d:multistatus xmlns:d="DAV:" xmlns:cal="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/" xmlns:x1="http://apple.com/ns/ical/" xmlns:oc="http://owncloud.org/ns">{inner}</d:multistatus>"#
    )
}

/// A response with properties that are there.
pub(crate) fn found(href: &str, properties: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

/// A response that is a status alone.
pub(crate) fn status(href: &str, line: &str) -> String {
    format!("<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {line}</d:status></d:response>")
}

/// An error body with one precondition.
pub(crate) fn precondition(element: &str) -> String {
    format!(
        r#"<d:error xmlns:d="DAV:" xmlns:cal="urn:ietf:params:xml:ns:caldav" xmlns:s="http://sabredav.org/ns">{element}</d:error>"#
    )
}
