//! `CalDAV` (RFC 4791, RFC 6578, RFC 6638) as a provider.
//!
//! Every module here is a pair of request values and a reading of answers; this one holds what an account is and
//! strings the pairs together. Nothing is kept that could not be learned again.

mod discovery;
mod fetch;
mod href;
mod listing;
mod object;
pub(crate) mod refusal;
mod requests;
mod scheduling;
mod write;
mod xml;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::StatusCode;
use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::channel::Push;
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{
    Capabilities, Change, Discovery, Guests, Page, Position, Provider, Raw, Receipt, Write,
};
use kalends_calendar::seams::Clock;
use secrecy::SecretString;
use url::Url;

use crate::http::{Answer, Credentials, Door, Request, Transport, retry_at};

pub use discovery::locate;

/// How many events one multiget names. Radicale gives out 2,000 events in 2.2 s by 25, 1.6 s by 50, 1.2 s by 100 and
/// no faster by 200; servers with limits of their own have them above a hundred.
const FETCH_BATCH: usize = 100;

/// How many multigets are under way at once: one is read here while the server works on the next.
const FETCH_IN_FLIGHT: usize = 2;

/// One `CalDAV` account.
pub struct CalDav {
    door: Door,
    clock: Arc<dyn Clock>,
    base: Url,
    user: String,
    learned: Mutex<Learned>,
    fetch_in_flight: usize,
}

/// Where an account is and what opens it.
#[derive(Clone)]
pub struct Account {
    /// Any address of the server that a person has: its host, the principal, a calendar. See [`locate`].
    pub base: Url,
    /// The user's name there.
    pub user: String,
    /// The password, made for this app where the provider has such.
    pub password: SecretString,
}

/// What was learned of the server on the way, to save a request next time.
#[derive(Default)]
struct Learned {
    /// The owner's addresses.
    me: Vec<Address>,
    /// Calendars that cannot report changes.
    without_sync: HashSet<RemoteCalendarId>,
    /// Whether the server mails guests and organizers by itself.
    schedules: Option<bool>,
    /// Until when it wants to be left alone.
    left_alone_until: Option<Timestamp>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("host", &self.base.host_str())
            .finish_non_exhaustive()
    }
}

impl CalDav {
    /// An account. Asks nothing yet.
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, account: Account) -> Self {
        let base = href::canonical(account.base);
        Self {
            door: Door {
                transport,
                credentials: Some(Credentials {
                    home: base.clone(),
                    user: account.user.clone(),
                    password: account.password,
                }),
            },
            clock,
            base,
            user: account.user,
            learned: Mutex::default(),
            fetch_in_flight: FETCH_IN_FLIGHT,
        }
    }

    /// The same account with the addresses under which its owner is invited, as an earlier discovery found them. Without
    /// them, and before a discovery of its own, every event with guests is taken for the owner's and for a guest's at once.
    #[must_use]
    pub fn with_me(self, me: Vec<Address>) -> Self {
        self.with_learned(|learned| learned.me = me);
        self
    }

    /// The same account with another number of fetches under way at once: a simulation wants one.
    #[must_use]
    pub fn with_fetch_in_flight(self, fetch_in_flight: usize) -> Self {
        Self {
            fetch_in_flight,
            ..self
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let now = self.now();
        if let Some(at) = self.left_alone_until().filter(|at| now < *at) {
            let host = request.url.host_str().unwrap_or_default();
            return Err(Failure::new(
                Class::Passing { retry_at: Some(at) },
                format!("{host} wants to be left alone until {at}"),
            ));
        }
        let answer = self.door.send(request).await?;
        if !answer.status.is_success()
            && let Some(at) = retry_at(&answer.headers, self.now())
        {
            self.with_learned(|learned| {
                learned.left_alone_until = learned.left_alone_until.max(Some(at));
            });
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            let host = answer.url.host_str().unwrap_or_default();
            return Err(refusal::wrong_password(host));
        }
        Ok(answer)
    }

    fn with_learned<T>(&self, act: impl FnOnce(&mut Learned) -> T) -> T {
        act(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Provider for CalDav {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fetch_batch: FETCH_BATCH,
            fetch_in_flight: self.fetch_in_flight,
            writes: true,
            series_in_steps: false,
            stamps_edits: false,
            guests: Guests::Silent,
            push: Push::None,
        }
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        self.discover().await
    }

    fn place(&self, calendar: &RemoteCalendarId, name: &str) -> RemoteId {
        match href::calendar_url(calendar) {
            Ok(url) => href::remote_id(&url, &href::placed(&url, name)),
            // Nothing can be created in what is no calendar; the name stands for the refusal to come.
            Err(_) => RemoteId::from(name),
        }
    }

    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        self.list(calendar, from).await
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

    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        object::read(raw)
    }

    fn left_alone_until(&self) -> Option<Timestamp> {
        self.with_learned(|learned| learned.left_alone_until)
    }
}

/// A calendar that is not there.
fn calendar_gone(url: &Url) -> Failure {
    Failure::new(
        Class::Gone,
        format!(
            "{} no longer has this calendar",
            url.host_str().unwrap_or_default()
        ),
    )
}
