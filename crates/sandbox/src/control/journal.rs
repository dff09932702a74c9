//! What was asked and what was pushed, each with a number that stays.

use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use crate::world::{RequestRecord, World};
use crate::{google, ics, microsoft};

/// How many entries an answer has when nothing is said.
const ENTRIES_DEFAULT: u64 = 100;

/// Where a listing begins, and how long it gets.
pub(super) struct Window {
    /// Only what has a higher number.
    since: u64,
    limit: usize,
}

impl Window {
    pub(super) fn read(asked: &Asked<'_>) -> Result<Self, Refused> {
        let limit = asked.number("limit")?.unwrap_or(ENTRIES_DEFAULT);
        Ok(Self {
            since: asked.number("since")?.unwrap_or(0),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        })
    }

    /// The entries behind `since`, the oldest first, and where to go on. Each has its number already.
    pub(super) fn list(&self, name: &str, entries: impl Iterator<Item = (u64, Value)>) -> Done {
        let shown: Vec<(u64, Value)> = entries
            .filter(|(number, _)| *number > self.since)
            .take(self.limit)
            .collect();
        let next = shown.last().map_or(self.since, |(number, _)| *number);
        let all: Vec<Value> = shown
            .into_iter()
            .map(|(number, mut value)| {
                value["number"] = number.into();
                value
            })
            .collect();
        Done::ok(json!({ name: all, "next": next }))
    }
}

/// Whose path it is.
pub(super) fn face_of(path: &str) -> &'static str {
    if path.starts_with(google::PREFIX) {
        "google"
    } else if path.starts_with(microsoft::PREFIX) {
        "microsoft"
    } else if path.starts_with(ics::PREFIX) {
        "ics"
    } else {
        "caldav"
    }
}

impl World {
    /// The requests that are kept, each with its number in all that ever came.
    pub(crate) fn numbered_requests(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u64, &RequestRecord)> {
        let first = self.control.requests_forgotten + 1;
        let records = self.requests.iter().enumerate();
        records.map(move |(index, record)| (first + index as u64, record))
    }
}

/// `GET /_sandbox/requests`: with how many there ever were, also of those that are kept no more.
pub(super) fn requests(world: &World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let window = Window::read(asked)?;
    let (face, user) = (asked.parameter("face"), asked.parameter("user"));
    let wanted = |record: &RequestRecord| {
        face.as_deref()
            .is_none_or(|face| face == face_of(&record.path))
            && user
                .as_deref()
                .is_none_or(|user| record.user.as_deref() == Some(user))
    };
    let numbered = (world.control.requests_forgotten + 1..).zip(&world.requests);
    let entries = numbered
        .filter(|(_, record)| wanted(record))
        .map(|(number, record)| (number, show_request(record)));
    let ever = world.control.requests_forgotten + world.requests.len() as u64;
    Ok(window.list("requests", entries).with("ever", ever.into()))
}

fn show_request(record: &RequestRecord) -> Value {
    let headers: serde_json::Map<String, Value> = record
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    json!({
        "at": record.at.to_string(),
        "face": face_of(&record.path),
        "user": record.user,
        "method": record.method.as_str(),
        "path": record.path,
        "headers": headers,
        "body": String::from_utf8_lossy(&record.body),
        "status": record.status,
        "fault": record.fault.map(|fault| format!("{fault:?}")),
    })
}

/// `GET /_sandbox/pushes`: what was sent, and how much waits.
pub(super) fn pushes(world: &World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let window = Window::read(asked)?;
    let sent = world.control.deliveries.iter().map(|delivery| {
        let value = json!({
            "at": delivery.at.to_string(),
            "face": delivery.face,
            "kind": delivery.kind,
            "channel": delivery.channel,
            "address": delivery.address,
            "attempts": delivery.attempts,
            "status": delivery.status,
            "took_ms": delivery.took.as_millis(),
        });
        (delivery.number, value)
    });
    let done = window.list("pushes", sent);
    let google = world.google.pushes.iter().map(|push| {
        json!({ "face": "google", "due": push.due.to_string(), "channel": push.channel, "attempts": push.attempts })
    });
    let microsoft = world.microsoft.pushes.iter().map(|push| {
        json!({ "face": "microsoft", "due": push.due_at.to_string(), "channel": push.subscription, "attempts": push.attempts })
    });
    Ok(done.with("waiting", google.chain(microsoft).collect()))
}

/// `DELETE /_sandbox/requests`: forgets them, and lets the numbers go on.
pub(super) fn forget_requests(world: &mut World) -> Done {
    world.control.requests_forgotten += super::keep_last(&mut world.requests, 0);
    Done::ok(json!({}))
}

/// `DELETE /_sandbox/pushes`: the same.
pub(super) fn forget_pushes(world: &mut World) -> Done {
    world.control.deliveries.clear();
    Done::ok(json!({}))
}
