//! The way to the servers: requests reach the world in memory, some late, some twice, some never.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use jiff::SignedDuration;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use kalends_sandbox::{Fault, Outcome, handle_with};

use crate::plant::Plant;
use crate::seams::Lots;
use crate::stage::{Law, Stage};
use crate::{oracle, plant};

/// How long a request is on its way, each way, in milliseconds.
const USUAL_MS: std::ops::Range<i64> = 5..400;

/// How long a slow one is: around and beyond the life of a lease.
const SLOW_MS: std::ops::Range<i64> = 15_000..120_000;

/// How long a client waits for an answer that does not come.
const NO_ANSWER: Duration = Duration::from_secs(30);

/// One node's way to the servers.
pub(crate) struct Wire {
    /// Whose way, and to which user's account.
    pub(crate) node: String,
    pub(crate) user: String,
    pub(crate) stage: Arc<Stage>,
    pub(crate) lots: Arc<Lots>,
}

impl Wire {
    fn latency(&self) -> Duration {
        let slow_percent = self
            .stage
            .weather()
            .map_or(0, |weather| weather.slow_percent);
        if self.lots.draw(|chance| chance.percent(slow_percent)) {
            self.lots.length(SLOW_MS)
        } else {
            self.lots.length(USUAL_MS)
        }
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let weather = self.stage.weather()?;
        let (method, path) = (&request.method, request.url.path());
        self.lots
            .draw(|chance| weather.odds.draw(chance, method, path))
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        self.stage.baton.pause(self.latency()).await;
        let fault = self.fault(&request);
        let refused =
            fault == Some(Fault::LostBeforeSend) && self.lots.draw(|chance| chance.percent(50));
        self.heeds_retry_after();
        let mut arrived = Vec::new();
        for request in plant::on_the_wire(&self.stage, &request) {
            arrived.push(self.arrive(&request, fault));
        }
        let outcome = arrived.swap_remove(0);
        if refused {
            let reason = "connection refused".to_owned();
            return Err(TransportError::NotSent { host, reason });
        }
        match outcome {
            Outcome::Answered(answer) => {
                self.stage.baton.pause(self.latency()).await;
                let (mut parts, body) = answer.into_parts();
                self.note_retry_after(&parts.headers);
                plant::on_an_answer(&self.stage, &mut parts.headers);
                Ok(Response {
                    status: parts.status,
                    headers: parts.headers,
                    body,
                })
            }
            Outcome::Lost => {
                self.stage.baton.pause(NO_ANSWER).await;
                let reason = "no answer".to_owned();
                Err(TransportError::Unanswered { host, reason })
            }
        }
    }
}

/// How far a node's clock may be ahead of the world's.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

impl Wire {
    /// Who was asked to leave a server alone sends it nothing before that time is over.
    fn heeds_retry_after(&self) {
        let key = (self.node.clone(), self.user.clone());
        let now = self.stage.baton.now();
        let until = self.stage.ledger().left_alone.get(&key).copied();
        if let Some(until) = until.filter(|until| until.duration_since(now) > CLOCKS_APART) {
            let (node, user) = key;
            self.stage.cry(
                Law::RetryAfter,
                format!("{node} asks for {user} again, and was told not before {until}"),
            );
        }
    }

    fn note_retry_after(&self, headers: &HeaderMap) {
        let seconds = headers
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(SignedDuration::from_secs);
        if let Some(until) = seconds.and_then(|s| self.stage.baton.now().checked_add(s).ok()) {
            let key = (self.node.clone(), self.user.clone());
            self.stage.ledger().left_alone.insert(key, until);
        }
    }

    fn arrive(&self, request: &Request, fault: Option<Fault>) -> Outcome {
        let now = self.stage.baton.now();
        let asked = as_http(request);
        let before = oracle::wire::before(&self.stage, &self.user, &asked);
        let outcome = handle_with(&mut self.stage.world(), &asked, now, fault);
        let said = match &outcome {
            Outcome::Answered(answer) => answer.status().as_u16().to_string(),
            Outcome::Lost => "nothing".to_owned(),
        };
        let mut line = format!("{} {} -> {said}", asked.method(), asked.uri().path());
        if let Some(fault) = fault {
            // Writing to a String cannot fail.
            let _ = write!(line, " ({fault:?})");
        }
        self.stage.baton.say(&line);
        oracle::wire::after(&self.stage, &asked, before);
        outcome
    }
}

/// A request as servers get it.
pub(crate) fn as_http(request: &Request) -> http::Request<bytes::Bytes> {
    let mut asked = http::Request::new(request.body.clone());
    *asked.method_mut() = request.method.clone();
    *asked.uri_mut() = request.url.as_str().parse().unwrap_or_default();
    *asked.headers_mut() = request.headers.clone();
    asked
}

impl Plant {
    /// Whether this fault is planted.
    pub(crate) fn is(self, other: Self) -> bool {
        self == other
    }
}
