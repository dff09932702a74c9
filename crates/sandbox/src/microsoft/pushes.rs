//! What the server would send to subscribers: queued here, for the holder of the world to deliver over HTTP.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::Microsoft;
use super::answer;
use super::asked::Asked;
use super::ids;
use super::refusal::Refusal;
use crate::saved::{self, Word};

/// A POST that the server owes somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Not to be sent before.
    pub due_at: Timestamp,
    /// When it was first queued.
    pub queued_at: Timestamp,
    /// What it is.
    pub kind: PushKind,
    /// The subscription's id.
    pub subscription: String,
    /// Where to, with its query.
    pub address: String,
    /// The content type of the body.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub content_type: Word,
    /// The body.
    #[serde(with = "saved::raw")]
    pub body: Bytes,
    /// The `request-id` of the request that waits for it; empty for notifications, for which nobody waits.
    pub cause: String,
    /// How often it was sent in vain.
    pub attempts: u32,
}

/// The kinds of pushes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PushKind {
    /// The address is asked to give this token back, as plain text and within [`VALIDATION_WITHIN`].
    Validation {
        /// The token, decoded.
        token: String,
    },
    /// Something changed.
    Change,
    /// Something happened to the subscription itself.
    Lifecycle,
}

/// What an address answered to a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// The status; none when there was no answer.
    pub status: Option<u16>,
    /// The content type of the answer.
    pub content_type: &'a str,
    /// The body of the answer.
    pub body: &'a str,
    /// How long it took.
    pub took: SignedDuration,
}

/// How an address has answered lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    since: Timestamp,
    sent: u32,
    slow: u32,
}

/// How long an address may think about a validation token.
pub const VALIDATION_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// How long an address may take to take a notification.
pub const TAKEN_WITHIN: SignedDuration = SignedDuration::from_secs(3);

/// An answer that takes longer counts as slow.
const SLOW_AFTER: SignedDuration = SignedDuration::from_millis(2900);

/// From how many notifications on the share of slow answers is looked at.
const SLOW_COUNTED_FROM: u32 = 100;

/// From which share of slow answers, in percent, notifications are delayed, and from which they are dropped.
const SLOW_PERCENT_DELAYS: u32 = 10;
const SLOW_PERCENT_DROPS: u32 = 15;

/// How long an address is watched before its record begins anew, which is also how long a slow one waits.
const WATCHED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// For how long a notification that nobody takes is tried.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(4);

/// How long the first retry waits; each further one waits twice as long.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(15);

impl Push {
    pub(crate) fn validation(
        address: &str,
        subscription: &str,
        place: usize,
        asked: &Asked<'_>,
    ) -> Self {
        // With the characters that are lost by decoding once too often or once too little.
        let token = format!(
            "Validation: Testing client application reachability for subscription Request-Id: {}+{place}",
            asked.request_id
        );
        let mut full = address.to_owned();
        let joint = if address.contains('?') { '&' } else { '?' };
        let _ = write!(
            full,
            "{joint}validationToken={}",
            utf8_percent_encode(&token, NON_ALPHANUMERIC)
                .to_string()
                .replace("%20", "+")
        );
        Self {
            due_at: asked.now,
            queued_at: asked.now,
            kind: PushKind::Validation { token },
            subscription: subscription.to_owned(),
            address: full,
            content_type: "text/plain; charset=utf-8",
            body: Bytes::new(),
            cause: asked.request_id.clone(),
            attempts: 0,
        }
    }

    /// Whether the answer gives the token back as it must.
    fn validated_by(&self, answer: &Delivered<'_>) -> bool {
        match &self.kind {
            PushKind::Validation { token } => {
                answer.status == Some(200)
                    && answer.content_type.starts_with("text/plain")
                    && answer.body == token
                    && answer.took <= VALIDATION_WITHIN
            }
            PushKind::Change | PushKind::Lifecycle => false,
        }
    }
}

impl Microsoft {
    /// Takes out the validations that the request behind `response` waits for. The response is the one for addresses that
    /// prove themselves: a holder with real HTTP sends these first, reports what it was answered by
    /// [`Microsoft::report_validation`], and sends the response only then.
    pub fn validations_of(&mut self, response: &Response<Bytes>) -> Vec<Push> {
        let cause = response
            .headers()
            .get("request-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let (waiting, rest) = std::mem::take(&mut self.pushes)
            .into_iter()
            .partition(|push| !cause.is_empty() && push.cause == cause);
        self.pushes = rest;
        waiting
    }

    /// Takes the answer to a validation in. If the address did not prove itself, the subscription is taken back, and the
    /// response is the one to send in place of the first.
    pub fn report_validation(
        &mut self,
        push: &Push,
        answered: &Delivered<'_>,
    ) -> Result<(), Box<Response<Bytes>>> {
        if push.validated_by(answered) {
            return Ok(());
        }
        for mailbox in self.mailboxes.values_mut() {
            mailbox.subscriptions.remove(&push.subscription);
        }
        self.drop_pushes_of(&push.subscription);
        let refusal = Refusal::bad(
            "InvalidRequest",
            "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.",
        );
        Err(Box::new(answer::refuse(
            &refusal,
            &push.cause,
            &push.cause,
            push.due_at,
        )))
    }

    /// Takes out what is due, in the order in which it is due.
    pub fn due_pushes(&mut self, now: Timestamp) -> Vec<Push> {
        let (mut due, rest): (Vec<Push>, Vec<Push>) = std::mem::take(&mut self.pushes)
            .into_iter()
            .partition(|push| push.due_at <= now);
        self.pushes = rest;
        due.sort_by_key(|push| push.due_at);
        due
    }

    /// Takes the answer to a notification in. What was not taken in time is queued again, for four hours; an address that
    /// is often slow waits longer, and loses notifications in the end.
    pub fn report_delivery(&mut self, mut push: Push, answered: &Delivered<'_>, now: Timestamp) {
        let host = host(&push.address).to_owned();
        let endpoint = self.endpoints.entry(host).or_insert(Endpoint {
            since: now,
            sent: 0,
            slow: 0,
        });
        if now.duration_since(endpoint.since) >= WATCHED_FOR {
            *endpoint = Endpoint {
                since: now,
                sent: 0,
                slow: 0,
            };
        }
        endpoint.sent += 1;
        endpoint.slow += u32::from(answered.took > SLOW_AFTER);
        let percent = if endpoint.sent < SLOW_COUNTED_FROM {
            0
        } else {
            endpoint.slow.saturating_mul(100) / endpoint.sent
        };
        let taken = answered
            .status
            .is_some_and(|status| (200..300).contains(&status))
            && answered.took <= TAKEN_WITHIN;
        let too_old = now.duration_since(push.queued_at) >= TRIED_FOR;
        if taken || too_old || percent >= SLOW_PERCENT_DROPS {
            return;
        }
        push.attempts += 1;
        let wait = if percent >= SLOW_PERCENT_DELAYS {
            WATCHED_FOR
        } else {
            RETRY_AFTER.saturating_mul(1 << push.attempts.min(10))
        };
        push.due_at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        self.pushes.push(push);
    }

    pub(crate) fn drop_pushes_of(&mut self, subscription: &str) {
        self.pushes.retain(|push| push.subscription != subscription);
    }
}

/// The host of an address.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// The id of the `number`th request.
pub(crate) fn request_id(number: u64) -> String {
    ids::guid(&[b"request", &number.to_be_bytes()])
}

/// What was refused before anything was looked at.
pub(crate) fn too_many(code: &'static str, message: &str, retry_after: Option<String>) -> Refusal {
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, message);
    match retry_after {
        Some(seconds) => refusal.with("retry-after", seconds),
        None => refusal,
    }
}
