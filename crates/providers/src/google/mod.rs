//! Google Calendar, API v3, as a provider.
//!
//! [`requests`] makes request values and [`wire`] reads answers; [`normalize`] turns resources into events and [`patch`]
//! says what to send so that they become others. [`aggregate`] is what is kept of an event: all that Google said of it.
//! This module holds what an account is and strings the pairs together.
//!
//! Nobody is ever told of a write: each says `sendUpdates=none`. And because that alone would still put an event into the
//! calendars of guests at Google, guests are never written either.

mod aggregate;
mod busy;
mod calendars;
mod description;
mod details;
mod fetch;
mod listing;
mod normalize;
mod occurrences;
mod patch;
mod properties;
mod recurrence;
mod refusal;
mod requests;
mod times;
mod watch;
mod wire;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::channel::{Channel as Open, Push, Renewal, Wanted};
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{
    BusyTimes, Capabilities, Change, Discovery, Guests, Page, Part, Position, Provider, Raw,
    Receipt, Write,
};
use kalends_calendar::seams::Clock;
use url::Url;

use self::aggregate::{Aggregate, Frame};
use self::listing::Listing;
use self::refusal::Doing;
use crate::http::{Answer, Api, Budget, Request, Transport, Unlimited, retry_at};
use crate::oauth::Tokens;
use crate::remote_id::digest;

pub use watch::{Channel, Happened, Notification, WatchRequest};

/// Where Google's own API is.
pub const API_BASE: &str = "https://www.googleapis.com/calendar/v3/";

/// How many events one fetch reads: each is a request, a series two or three, and a run tells how far it is between them.
const FETCH_BATCH: usize = 20;

/// How many units of the quota a `PATCH` takes (reference page of `events.patch`).
const PATCH_UNITS: i64 = 3;

/// What the ids of events that we make open with. All its letters are of the alphabet that ids have (`0-9a-v`).
const ID_PREFIX: &str = "kalends";

/// The longest name that an id is spelled from; longer ones are digested. Ids may have 1,024 characters, five bits each.
const NAME_BYTES_MAX: usize = 600;

/// What an account at Google is, apart from what opens it.
#[derive(Clone, Debug)]
pub struct GoogleSettings {
    /// Where the API is: [`API_BASE`], or a stand-in such as `http://127.0.0.1:8080/google/calendar/v3/`.
    pub base: Url,
    /// The addresses under which the account's owner is invited, as a discovery found them.
    pub me: Vec<Address>,
}

/// One Google account.
pub struct Google {
    api: Api,
    clock: Arc<dyn Clock>,
    me: Vec<Address>,
    learned: Mutex<Learned>,
}

/// What was learned on the way, and what of listings under way waits for their end.
#[derive(Default)]
struct Learned {
    /// What calendars say of all their events.
    frames: BTreeMap<RemoteCalendarId, Frame>,
    /// Listings of what changed, by number.
    listings: BTreeMap<u64, Listing>,
    listings_begun: u64,
    /// Until when Google wants to be left alone.
    left_alone_until: Option<Timestamp>,
}

impl Google {
    /// An account. Asks nothing yet.
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tokens: Arc<dyn Tokens>,
        settings: GoogleSettings,
    ) -> Self {
        Self {
            api: Api {
                transport,
                tokens,
                base: settings.base,
                budget: Arc::new(Unlimited),
                patch_units: PATCH_UNITS,
            },
            clock,
            me: settings.me,
            learned: Mutex::default(),
        }
    }

    /// The same account with a budget.
    #[must_use]
    pub fn with_budget(mut self, budget: Arc<dyn Budget>) -> Self {
        self.api.budget = budget;
        self
    }

    /// Sends a request. What is no success is a failure, by what was to be done.
    async fn ask(&self, request: Request, doing: Doing) -> Result<Answer, Failure> {
        let now = self.clock.now();
        if let Some(at) = self.left_alone_until().filter(|at| now < *at) {
            return Err(Failure::new(
                Class::Passing { retry_at: Some(at) },
                format!("Google wants to be left alone until {at}"),
            ));
        }
        let answer = self.api.send(request).await.inspect_err(|failure| {
            // Whoever gives the tokens wants to be left alone, and nothing is answered without one.
            self.leave_alone(failure.retry_at());
        })?;
        if answer.status.is_success() {
            return match doing {
                Doing::Delete if !answer.is_done() => Err(Failure::new(
                    Class::Unknown,
                    "what answers a deletion is not Google; whether it was carried out is not known",
                )),
                _ => Ok(answer),
            };
        }
        let now = self.clock.now();
        self.leave_alone(retry_at(&answer.headers, now));
        Err(refusal::failure(&answer, doing, now))
    }

    fn leave_alone(&self, until: Option<Timestamp>) {
        self.with_learned(|learned| {
            learned.left_alone_until = learned.left_alone_until.max(until);
        });
    }

    fn with_learned<T>(&self, act: impl FnOnce(&mut Learned) -> T) -> T {
        act(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Provider for Google {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fetch_batch: FETCH_BATCH,
            fetch_in_flight: 1,
            writes: true,
            series_in_steps: true,
            // A change of reminders leaves no stamp.
            stamps_edits: false,
            // Not mailed, but in their calendars all the same: a copy is nobody's invitation.
            guests: Guests::AlwaysMailed,
            push: Push::Channels(Renewal::Replaced),
        }
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        self.list_calendars().await
    }

    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        self.list(calendar, from).await
    }

    async fn assemble(
        &self,
        calendar: &RemoteCalendarId,
        series: &str,
        parts: Vec<Part>,
    ) -> Result<Vec<Change>, Failure> {
        self.put_together(calendar, series, parts).await
    }

    async fn free_busy(
        &self,
        calendars: &[RemoteCalendarId],
        window: Range<Timestamp>,
    ) -> Result<Vec<BusyTimes>, Failure> {
        self.busy(calendars, window).await
    }

    async fn fetch(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        self.fetch_all(calendar, ids).await
    }

    async fn write(&self, calendar: &RemoteCalendarId, write: &Write) -> Result<Receipt, Failure> {
        self.write_one(calendar, write).await
    }

    fn place(&self, _: &RemoteCalendarId, name: &str) -> RemoteId {
        placed(name)
    }

    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        normalize::event(&Aggregate::parse(raw)?, &self.me).map_err(Failure::item)
    }

    async fn open_channel(
        &self,
        calendar: &RemoteCalendarId,
        wanted: &Wanted<'_>,
    ) -> Result<Open, Failure> {
        self.open_watch(calendar, wanted).await
    }

    async fn close_channel(&self, channel: &Open) -> Result<(), Failure> {
        self.stop(&Channel {
            id: channel.id.to_string(),
            resource_id: channel.provider_id.clone(),
            expires_at: channel.expires_at,
        })
        .await
    }

    fn left_alone_until(&self) -> Option<Timestamp> {
        self.with_learned(|learned| learned.left_alone_until)
    }

    fn overdrawn_until(&self) -> Option<Timestamp> {
        self.api.budget.overdrawn_until()
    }
}

/// The id of an event that is made under a name: the name in base32hex (RFC 4648 §7, lower case), which is Google's
/// alphabet, so that different names never meet.
fn placed(name: &str) -> RemoteId {
    let spelled = if name.len() > NAME_BYTES_MAX {
        digest(name)
    } else {
        base32hex(name.as_bytes())
    };
    RemoteId(format!("{ID_PREFIX}{spelled}"))
}

fn base32hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[(held >> bits) as usize & 31]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(DIGITS[(held << (5 - bits)) as usize & 31]));
    }
    text
}
