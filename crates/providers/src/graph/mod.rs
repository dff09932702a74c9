//! Microsoft Graph v1.0 calendars as a provider: Microsoft 365, Exchange Online, Outlook.com.
//!
//! A series is one aggregate here, though Graph gives it out in pieces: changes in a window of time are a signal, and what
//! they signal is read whole from the master. Requests are values and answers are bytes; nothing is kept that could not
//! be learned again.

mod answer;
mod body;
mod calendars;
mod compose;
mod exceptions;
mod fetch;
mod listing;
mod normalize;
mod pattern;
mod properties;
mod recurrence;
mod refusal;
mod requests;
mod schedule;
pub mod watch;
mod wire;
mod write;
mod zones;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::channel::{Channel, Push, Renewal, Wanted};
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{
    BusyTimes, Capabilities, Change, Discovery, Guests, Page, Position, Provider, Raw, Receipt,
    Write,
};
use kalends_calendar::seams::Clock;
use kalends_calendar::time::ZoneId;
use url::Url;

use crate::http::{Answer, Api, Budget, Request, Transport, Unlimited, host_of, retry_at};
use crate::oauth::Tokens;
use requests::Ask;

pub use schedule::{Availability, Busy, SCHEDULE_PEOPLE_MAX, ScheduleAnswer};

/// Where Graph is, for everybody but some national clouds.
pub const BASE_URL: &str = "https://graph.microsoft.com/v1.0/";

/// How far back changes are watched, in months. What is older changes rarely, and a full listing finds it.
pub const MONTHS_BACK: i32 = 3;

/// How far ahead changes are watched, in months. Each occurrence within costs a line of an answer.
pub const MONTHS_AHEAD: i32 = 12;

/// How many events one fetch names: as many as are read in a second or two.
const FETCH_BATCH: usize = 20;

/// How many requests are under way at once. Exchange refuses the fifth of one mailbox, and two runs may be about one.
const IN_FLIGHT_MAX: usize = 2;

/// What stands before the name of a creation whose id is not known yet. No id of Graph's has a colon.
const NAMED: &str = "name:";

/// How an account at Graph is reached and read.
#[derive(Clone, Debug)]
pub struct GraphSettings {
    /// The root of the API, with its version ([`BASE_URL`]).
    pub base: Url,
    /// The addresses under which the account's owner is invited, where they are known already.
    pub me: Vec<Address>,
    /// How far back changes are watched, in months.
    pub months_back: i32,
    /// How far ahead changes are watched, in months.
    pub months_ahead: i32,
    /// The zone in which events without a zone stand at Graph, which has no such events.
    pub floating_zone: ZoneId,
}

impl GraphSettings {
    /// The usual settings of an API at an address.
    pub fn new(base: Url) -> Self {
        Self {
            base,
            me: Vec::new(),
            months_back: MONTHS_BACK,
            months_ahead: MONTHS_AHEAD,
            floating_zone: ZoneId::utc(),
        }
    }
}

/// One account at Microsoft.
pub struct Graph {
    api: Api,
    clock: Arc<dyn Clock>,
    settings: GraphSettings,
    learned: Mutex<Learned>,
    in_flight: usize,
}

/// What was learned on the way.
#[derive(Default)]
struct Learned {
    /// The owner's addresses.
    me: Vec<Address>,
    /// What the last page named as being in the calendar: of anything else that is looked at, it must be asked.
    named: HashSet<RemoteId>,
    /// Until when Graph wants to be left alone.
    left_alone_until: Option<Timestamp>,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("host", &host_of(&self.settings.base))
            .finish_non_exhaustive()
    }
}

impl Graph {
    /// An account. Asks nothing yet.
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tokens: Arc<dyn Tokens>,
        settings: GraphSettings,
    ) -> Self {
        Self {
            api: Api {
                transport,
                tokens,
                base: settings.base.clone(),
                budget: Arc::new(Unlimited),
                patch_units: 1,
            },
            clock,
            learned: Mutex::new(Learned {
                me: settings.me.clone(),
                ..Learned::default()
            }),
            settings,
            in_flight: IN_FLIGHT_MAX,
        }
    }

    /// The same account with a budget.
    #[must_use]
    pub fn with_budget(mut self, budget: Arc<dyn Budget>) -> Self {
        self.api.budget = budget;
        self
    }

    /// The same account with another number of requests under way at once: a simulation wants one.
    #[must_use]
    pub fn with_in_flight(self, in_flight: usize) -> Self {
        Self {
            in_flight: in_flight.clamp(1, IN_FLIGHT_MAX),
            ..self
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            base: &self.settings.base,
            now: self.now(),
        }
    }

    fn me(&self) -> Vec<Address> {
        self.with_learned(|learned| learned.me.clone())
    }

    /// Sends a request, unless Graph wants to be left alone: what is sent nevertheless counts against us.
    async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let now = self.now();
        if let Some(at) = self.left_alone_until().filter(|at| now < *at) {
            return Err(Failure::new(
                Class::Passing { retry_at: Some(at) },
                format!("Microsoft wants to be left alone until {at}"),
            ));
        }
        let answer = self.api.send(request).await;
        let asked = match &answer {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => retry_at(&answer.headers, self.now()),
            // Whoever gives the tokens wants to be left alone, and nothing is answered without one.
            Err(failure) => failure.retry_at(),
        };
        self.with_learned(|learned| {
            learned.left_alone_until = learned.left_alone_until.max(asked);
        });
        answer
    }

    /// Sends a request that reads, and gives back the body of its answer.
    async fn read_body(&self, request: Request) -> Result<bytes::Bytes, Failure> {
        let answer = self.send(request).await?;
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(refusal::of_read(&answer, self.now()))
        }
    }

    fn with_learned<T>(&self, act: impl FnOnce(&mut Learned) -> T) -> T {
        act(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Provider for Graph {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fetch_batch: FETCH_BATCH,
            // A fetch itself has as many requests under way as Exchange allows.
            fetch_in_flight: 1,
            writes: true,
            series_in_steps: true,
            stamps_edits: true,
            guests: Guests::AlwaysMailed,
            push: Push::Channels(Renewal::Prolonged),
        }
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        self.discover().await
    }

    /// Graph gives its own ids. This is the name by which [`Provider::fetch`] finds what was created under it, with the id
    /// that it has.
    fn place(&self, _: &RemoteCalendarId, name: &str) -> RemoteId {
        RemoteId(format!("{NAMED}{name}"))
    }

    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        self.list(calendar, from).await
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

    /// The base of a merge is what stands there: an occurrence that a write of ours was still to change is as it was.
    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        let item = wire::item(&wire::value(raw.0.as_bytes())?)?;
        normalize::event(&item, &self.me(), normalize::Owed::Waits)
    }

    async fn open_channel(
        &self,
        calendar: &RemoteCalendarId,
        wanted: &Wanted<'_>,
    ) -> Result<Channel, Failure> {
        self.open_subscription(calendar, wanted).await
    }

    async fn renew_channel(&self, channel: &Channel) -> Result<Channel, Failure> {
        let renewed = self.renew(&channel.provider_id).await?;
        Ok(renewed.into_channel(channel.id))
    }

    async fn close_channel(&self, channel: &Channel) -> Result<(), Failure> {
        self.unsubscribe(&channel.provider_id).await
    }

    fn left_alone_until(&self) -> Option<Timestamp> {
        self.with_learned(|learned| learned.left_alone_until)
    }

    fn overdrawn_until(&self) -> Option<Timestamp> {
        self.api.budget.overdrawn_until()
    }
}
