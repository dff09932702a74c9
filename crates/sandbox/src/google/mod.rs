//! Google as its documents describe it: Calendar API v3 and what belongs to it, below one prefix.
//!
//! What the documents leave open is a field of [`Switches`]. [`Google`] has doors for what people do in Google's own
//! web pages, without HTTP: see [`Visit`].

mod account;
mod acl;
mod api;
mod batch;
mod body;
mod calendar;
mod calendar_list;
mod calendars;
mod call;
mod conference;
mod doors;
mod event;
mod events;
mod fields;
mod free_busy;
mod guests;
mod list;
mod mail;
mod make;
mod moment;
mod operation;
mod push;
mod query;
mod quota;
mod recurrence;
mod refusal;
mod reminders;
mod render;
mod reply;
mod selection;
mod series;
mod settings;
pub(crate) mod signin;
mod switches;
mod token;
mod unknown;
mod vocabulary;
mod watch;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use account::{Account, Entry};
pub use calendar::{Calendar, Change, Role, Rule};
pub use doors::{Split, Visit};
pub use event::{Answer, Attendee, Event, Kind, Party, Slot, Status};
pub use mail::{Mail, MailKind, SendUpdates};
pub use moment::Moment;
pub use push::{Channel, Push, TAKEN_WITHIN, Watched};
pub use refusal::Refusal;
pub use switches::{
    Channels, GuestEdits, LeavingWindow, LowerSequence, Misfits, PropertyFilters, Quotas, Switches,
    UnknownNames,
};

use crate::chance::Chance;
use crate::digest;
use crate::faults::Disturbance;
use crate::oauth::{Oauth, Style};
use crate::saved;
use crate::world::World;
use conference::Touch;
use quota::Meter;

/// What stands before every path of this face.
pub const PREFIX: &str = "/google/";

/// What stands before the paths of the Calendar API; the batch door is beside it.
const CALENDAR_PREFIX: &str = "/google/calendar/v3/";
const BATCH_PATH: &str = "/google/batch/calendar/v3";

/// Everything behind this face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Google {
    /// Who can sign in, and what was given out.
    pub oauth: Oauth,
    /// How this Google behaves where that is open.
    pub switches: Switches,
    /// Who has calendars, by mail address in lower case.
    pub accounts: BTreeMap<String, Account>,
    /// Every calendar by id.
    pub calendars: BTreeMap<String, Calendar>,
    /// Every mail Google would have sent, in order. The holder may take them out.
    pub mails: Vec<Mail>,
    /// Messages to push channels, in the order they were made. The holder delivers those that are due.
    pub pushes: Vec<Push>,
    /// The push channels there are, by client and id. They stay when they have run out.
    #[serde(with = "saved::pairs")]
    pub channels: BTreeMap<(String, String), Channel>,
    /// Which messages get lost.
    pub chance: Chance,
    meter: Meter,
    touches: Vec<Touch>,
    /// The last time given to anything as `updated`: it never goes back.
    latest: Timestamp,
    /// The last number given to an ETag.
    version: u64,
    /// How many names were made up: what makes the next one differ.
    made: u64,
}

impl Default for Google {
    fn default() -> Self {
        Self {
            oauth: Oauth::new(Style::Google, 0),
            switches: Switches::default(),
            accounts: BTreeMap::new(),
            calendars: BTreeMap::new(),
            mails: Vec::new(),
            pushes: Vec::new(),
            channels: BTreeMap::new(),
            chance: Chance::new(0),
            meter: Meter::default(),
            touches: Vec::new(),
            latest: Timestamp::UNIX_EPOCH,
            version: 0,
            made: 0,
        }
    }
}

/// Whether a path is one of the Calendar API, which a token opens.
pub(crate) fn is_api(path: &str) -> bool {
    path.starts_with(CALENDAR_PREFIX) || path == BATCH_PATH
}

/// 401, although the token may be good.
pub(crate) fn unauthorized() -> Response<Bytes> {
    reply::refused(&Refusal::credentials())
}

/// A refusal that means nothing but "not now": too much was asked, or the servers behind are out of order.
pub(crate) fn refuse_for_now(status: StatusCode) -> Response<Bytes> {
    let code = status.as_u16();
    reply::refused(&match code {
        403 => {
            let message = "User Rate Limit Exceeded";
            Refusal::new(code, "usageLimits", "userRateLimitExceeded", message)
        }
        429 => {
            let message = "Rate Limit Exceeded";
            Refusal::new(code, "usageLimits", "rateLimitExceeded", message)
        }
        _ => Refusal::new(code, "global", "backendError", "Backend Error"),
    })
}

/// Answers a request.
pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    if let Some(response) = signin::answer(world, request, now) {
        return response;
    }
    let google = &mut world.google;
    let path = request.uri().path();
    if path.starts_with(CALENDAR_PREFIX) {
        api::answer(google, request, now, how)
    } else if path == BATCH_PATH {
        batch::answer(google, request, now, how)
    } else {
        reply::refused(&Refusal::not_found())
    }
}

/// What a version is stamped with.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    updated: Timestamp,
    version: u64,
}

impl Google {
    /// The next stamp: `updated` never goes back, and no two versions share a number.
    fn stamp(&mut self, now: Timestamp) -> Stamp {
        let to_the_millisecond = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.latest = self.latest.max(to_the_millisecond);
        // Real numbers are twice the microseconds, as far as one can see.
        let doubled = u64::try_from(self.latest.as_microsecond()).unwrap_or(0) * 2;
        self.version = doubled.max(self.version + 2);
        Stamp {
            updated: self.latest,
            version: self.version,
        }
    }

    /// A new name of 26 characters that are allowed in ids.
    fn name(&mut self, salt: &str) -> String {
        self.made += 1;
        let name = digest::short(&[salt.as_bytes(), &self.made.to_be_bytes(), b"1"]);
        let more = digest::short(&[salt.as_bytes(), &self.made.to_be_bytes(), b"2"]);
        format!("{name}{}", &more[..2])
    }

    /// Stores an event with a new version, and tells those who watch. Whose calendar it is must exist.
    fn put(&mut self, calendar: &str, mut event: Event, now: Timestamp) -> Arc<Event> {
        let stamp = self.stamp(now);
        event.updated = stamp.updated;
        event.version = stamp.version;
        self.keep(calendar, event, stamp.updated)
    }

    /// Stores an event as it is stamped, and tells those who watch.
    fn keep(&mut self, calendar: &str, event: Event, now: Timestamp) -> Arc<Event> {
        let stored = match self.calendars.get_mut(calendar) {
            Some(calendar) => calendar.store(event, now),
            None => Arc::new(event),
        };
        push::notify(self, &Watched::Events(calendar.to_owned()), now);
        stored
    }

    /// What `user` may do with a calendar.
    pub fn role(&self, user: &str, calendar: &str) -> Role {
        let Some(calendar) = self.calendars.get(calendar) else {
            return Role::None;
        };
        if calendar.owner.eq_ignore_ascii_case(user) {
            return Role::Owner;
        }
        let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
        let keys = [
            format!("user:{}", user.to_ascii_lowercase()),
            format!("domain:{}", domain.to_ascii_lowercase()),
            "default".to_owned(),
        ];
        let roles = keys.iter().filter_map(|key| calendar.rules.get(key));
        roles.map(|rule| rule.role).max().unwrap_or(Role::None)
    }
}
