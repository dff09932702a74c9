//! What all tasks of one simulation share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use kalends_calendar::event::Address;
use kalends_calendar::ids::{CalendarId, ConnectionId, LinkId, RemoteCalendarId, TenantId};
use kalends_calendar::rules::Rules;
use kalends_sandbox::{Odds, Place, World};

use crate::baton::Baton;
use crate::face::{self, Face};
use crate::ledger::Ledger;
use crate::plant::Plant;
use crate::seams::Lots;

/// A law of the oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// A write began although another node had taken the link over.
    OldFence,
    /// One tenant's words reached another's rows or requests.
    TenantsApart,
    /// A link that shows only that the time is taken sent more.
    BusyLeaks,
    /// Something was deleted that nobody had deleted.
    DeletedByNobody,
    /// A mail that nobody asked for.
    NoMail,
    /// More requests or writes than a budget allows.
    Budgets,
    /// A request before the time that the provider had named in `Retry-After`.
    RetryAfter,
    /// Both sides of a link differ at rest.
    SidesDiffer,
    /// One event stands twice.
    Doubled,
    /// What was edited is not in the result, was not overwritten later and stands in no conflict.
    EditLost,
    /// It writes on and on, or a link is never looked at again.
    NoRest,
    /// The simulation itself stopped where it should not.
    Broken,
}

impl std::fmt::Display for Law {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OldFence => "no write under an old fence",
            Self::TenantsApart => "no tenant sees another",
            Self::BusyLeaks => "a busy-only link shows nothing but the time",
            Self::DeletedByNobody => "nothing is deleted that nobody deleted",
            Self::NoMail => "nobody gets a mail",
            Self::Budgets => "budgets are kept",
            Self::RetryAfter => "a provider that wants to be left alone is left alone",
            Self::SidesDiffer => "at rest both sides are equal",
            Self::Doubled => "no event is doubled",
            Self::EditLost => "no edit is lost",
            Self::NoRest => "it comes to rest",
            Self::Broken => "the simulation runs to its end",
        })
    }
}

/// A broken law, and how it was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// What happened, in a few words.
    pub detail: String,
}

/// A tenant and what is its.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    /// Stands in every text of this tenant and in no other.
    pub(crate) canary: &'static str,
    pub(crate) calendars: Vec<CalendarId>,
}

/// An account at the remote side, and the connection to it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) tenant: usize,
    pub(crate) user: String,
    pub(crate) face: Face,
    /// What of it is linked.
    pub(crate) place: Place,
    pub(crate) connection: ConnectionId,
    pub(crate) me: Vec<Address>,
}

/// A link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) tenant: usize,
    pub(crate) calendar: CalendarId,
    pub(crate) place: Place,
    pub(crate) rules: Rules,
}

/// Who takes part; made by the set-up, then fixed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cast {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) links: Vec<Link>,
}

impl Cast {
    /// The links of a place.
    pub(crate) fn links_at<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Link> {
        self.links.iter().filter(move |link| link.place == *place)
    }

    /// Whose account this is.
    pub(crate) fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.user == user)
    }

    /// What kind of server a place is at.
    pub(crate) fn face(&self, place: &Place) -> Face {
        self.account(&place.user)
            .map_or(Face::Caldav, |account| account.face)
    }

    /// The places that links lead to, each once.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.links.iter().map(|link| link.place.clone()).collect();
        places.sort();
        places.dedup();
        places
    }
}

/// What the oracle looks up in the database once the task that asks has parked.
#[derive(Clone, Debug)]
pub(crate) struct WriteBegins {
    pub(crate) holder: String,
    pub(crate) tenant: TenantId,
    pub(crate) connection: ConnectionId,
    pub(crate) remote: RemoteCalendarId,
}

/// How rough the way to the servers is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) odds: Odds,
    /// Whether a request may take so long that a lease runs out.
    pub(crate) slow_percent: u64,
}

/// What all tasks share.
pub(crate) struct Stage {
    pub(crate) baton: Arc<Baton>,
    pub(crate) database: PathBuf,
    pub(crate) plant: Plant,
    /// Chance for whatever is not a node.
    pub(crate) lots: Arc<Lots>,
    pub(crate) cast: OnceLock<Cast>,
    nobody: Cast,
    world: Mutex<World>,
    ledger: Mutex<Ledger>,
    weather: Mutex<Option<Weather>>,
    begun: Mutex<Vec<WriteBegins>>,
    violations: Mutex<Vec<Violation>>,
    /// Per place and per object of it, the writes of ours that took effect.
    pub(crate) writes: Mutex<BTreeMap<String, Vec<Timestamp>>>,
}

impl Stage {
    pub(crate) fn new(
        baton: Arc<Baton>,
        lots: Arc<Lots>,
        database: PathBuf,
        plant: Plant,
    ) -> Arc<Self> {
        Arc::new(Self {
            baton,
            database,
            plant,
            lots,
            cast: OnceLock::new(),
            nobody: Cast::default(),
            world: Mutex::new(World::new(face::ORIGIN)),
            ledger: Mutex::default(),
            weather: Mutex::new(None),
            begun: Mutex::default(),
            violations: Mutex::default(),
            writes: Mutex::default(),
        })
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub(crate) fn weather(&self) -> Option<Weather> {
        *lock(&self.weather)
    }

    pub(crate) fn set_weather(&self, weather: Option<Weather>) {
        *lock(&self.weather) = weather;
    }

    pub(crate) fn cast(&self) -> &Cast {
        self.cast.get().unwrap_or(&self.nobody)
    }

    pub(crate) fn write_begins(&self, begun: WriteBegins) {
        lock(&self.begun).push(begun);
    }

    pub(crate) fn begun(&self) -> Vec<WriteBegins> {
        std::mem::take(&mut *lock(&self.begun))
    }

    /// A law is broken.
    pub(crate) fn cry(&self, law: Law, detail: impl Into<String>) {
        let detail = detail.into();
        self.baton.say(&format!("LAW BROKEN: {law}: {detail}"));
        lock(&self.violations).push(Violation { law, detail });
    }

    pub(crate) fn first_violation(&self) -> Option<Violation> {
        lock(&self.violations).first().cloned()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
