//! Push channels, and the messages that are due on them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Google;
use crate::digest;
use crate::saved;

/// Something that can be watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Watched {
    /// The events of a calendar, by its id.
    Events(String),
    /// Somebody's list of calendars.
    CalendarList(String),
    /// Who may do what with a calendar.
    Acl(String),
    /// Somebody's settings.
    Settings(String),
}

/// A push channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The id its maker gave it.
    pub id: String,
    /// The client that made it.
    pub client: String,
    /// The user it was made for.
    pub user: String,
    /// What it tells of.
    pub watched: Watched,
    /// Where messages go.
    pub address: String,
    /// What is said with each of them.
    pub token: Option<String>,
    /// Until when it lives.
    pub expires: Timestamp,
    /// The API's address of what is watched.
    pub resource_uri: String,
    /// The number of the last message.
    pub number: u64,
}

/// A message to be delivered: a POST without a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// From when on it may arrive.
    pub due: Timestamp,
    /// On which channel.
    pub channel: String,
    /// Where it goes.
    pub address: String,
    /// Its headers, names as Google writes them.
    #[serde(deserialize_with = "saved::headers::deserialize")]
    pub headers: Vec<(&'static str, String)>,
    /// How often it was sent in vain.
    pub attempts: u32,
}

/// What a message says about the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The channel is there.
    Sync,
    /// Something has changed.
    Exists,
}

/// How long an address may take to take a message. Not told; this is what others have seen.
pub const TAKEN_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// How often a message is sent again, and how long the first retry waits; each further one waits twice as long. Google
/// says that it backs off exponentially, and not for how long: this is some ten minutes.
const RETRIES_MAX: u32 = 6;
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What an address may answer to be asked again. Every other refusal drops the message.
const ASKED_AGAIN: [u16; 4] = [500, 502, 503, 504];

/// Numbers grow by 1 to this: gaps are allowed, and real ones are large.
const NUMBER_GAP_MAX: u64 = 1000;

impl Push {
    /// Whether it is the first message of its channel.
    pub(crate) fn is_sync(&self) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|(name, value)| *name == "X-Goog-Resource-State" && value == "sync")
    }
}

impl Channel {
    /// The opaque name of what is watched, the same on every channel.
    pub(super) fn resource_id(&self) -> String {
        let (kind, name) = match &self.watched {
            Watched::Events(calendar) => ("events", calendar),
            Watched::CalendarList(user) => ("calendarList", user),
            Watched::Acl(calendar) => ("acl", calendar),
            Watched::Settings(user) => ("settings", user),
        };
        digest::short(&[kind.as_bytes(), name.as_bytes()])
    }

    pub(super) fn message(&self, state: State, due: Timestamp) -> Push {
        let state = match state {
            State::Sync => "sync",
            State::Exists => "exists",
        };
        let expires = self.expires.strftime("%a, %d %b %Y %H:%M:%S GMT");
        let mut headers = vec![
            ("Content-Length", "0".to_owned()),
            (
                "User-Agent",
                "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"
                    .to_owned(),
            ),
            ("X-Goog-Channel-ID", self.id.clone()),
            ("X-Goog-Channel-Expiration", expires.to_string()),
            ("X-Goog-Resource-ID", self.resource_id()),
            ("X-Goog-Resource-URI", self.resource_uri.clone()),
            ("X-Goog-Resource-State", state.to_owned()),
            ("X-Goog-Message-Number", self.number.to_string()),
        ];
        if let Some(token) = &self.token {
            headers.push(("X-Goog-Channel-Token", token.clone()));
        }
        Push {
            due,
            channel: self.id.clone(),
            address: self.address.clone(),
            headers,
            attempts: 0,
        }
    }
}

/// Tells every channel on `watched` that something has changed.
pub(super) fn notify(google: &mut Google, watched: &Watched, now: Timestamp) {
    let Google {
        channels,
        chance,
        switches,
        pushes,
        ..
    } = google;
    for channel in channels.values_mut() {
        if channel.watched != *watched || channel.expires <= now {
            continue;
        }
        channel.number += 1 + chance.below(NUMBER_GAP_MAX);
        if !chance.percent(switches.channels.lost_percent) {
            let due = later(now, switches.channels.change_delay);
            pushes.push(channel.message(State::Exists, due));
        }
    }
}

pub(super) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl Google {
    /// Takes out the messages that are due.
    pub fn take_due_pushes(&mut self, now: Timestamp) -> Vec<Push> {
        let (due, waiting) = std::mem::take(&mut self.pushes)
            .into_iter()
            .partition(|push| push.due <= now);
        self.pushes = waiting;
        due
    }

    /// Takes out the first messages of channels that are due, where the answer to `watch` waits for them.
    pub(crate) fn take_awaited_pushes(&mut self, now: Timestamp) -> Vec<Push> {
        if !self.switches.channels.sync_first {
            return Vec::new();
        }
        let (awaited, waiting) = std::mem::take(&mut self.pushes)
            .into_iter()
            .partition(|push| push.is_sync() && push.attempts == 0 && push.due <= now);
        self.pushes = waiting;
        awaited
    }

    /// Takes the status in that a message was answered with; none when nothing came back. It is sent again after a server's
    /// error or silence, later each time.
    pub fn report_push(&mut self, mut push: Push, status: Option<u16>, now: Timestamp) {
        let again = status.is_none_or(|status| ASKED_AGAIN.contains(&status));
        if !again || push.attempts >= RETRIES_MAX {
            return;
        }
        push.due = later(now, RETRY_AFTER.saturating_mul(1 << push.attempts));
        push.attempts += 1;
        self.pushes.push(push);
    }
}
