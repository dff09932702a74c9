//! A calendar: its events now, every change that led there, and who may do what with it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::Event;
use super::moment::rules;
use crate::saved;

/// A calendar with everything on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its id: a primary calendar's is its user's mail address.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// What is kept as it was given: `description`, `location` and such.
    pub fields: Map<String, Value>,
    /// The IANA name of its zone.
    pub time_zone: String,
    /// Whose it is.
    pub owner: String,
    /// Whether it is its owner's primary calendar.
    pub primary: bool,
    /// The client that made it, if one did.
    pub created_by: Option<String>,
    /// Who may do what, the owner aside: roles by rule id, such as `user:ben@example.com` or `default`.
    pub rules: BTreeMap<String, Rule>,
    /// The number in its own ETag.
    pub version: u64,
    /// When it or anything on it last changed.
    pub updated: Timestamp,
    #[serde(with = "saved::shared_map")]
    events: BTreeMap<String, Arc<Event>>,
    uids: BTreeMap<String, BTreeSet<String>>,
    log: Vec<Change>,
    generation: u32,
    told: u64,
    /// What was deleted, in order.
    graves: VecDeque<Grave>,
    forgotten: u64,
}

/// Something deleted that is still told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Grave {
    since: Timestamp,
    revision: u64,
    id: String,
}

/// One access control rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it allows.
    pub role: Role,
    /// The number in its ETag.
    pub version: u64,
}

/// What somebody may do with a calendar, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the role of its name")]
pub enum Role {
    None,
    FreeBusyReader,
    Reader,
    WriterWithoutPrivateAccess,
    Writer,
    Owner,
}

/// One change of a calendar's events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its number, from 1 without gaps.
    pub revision: u64,
    /// The event after it.
    #[serde(with = "saved::shared")]
    pub event: Arc<Event>,
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::WriterWithoutPrivateAccess => "writerWithoutPrivateAccess",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        [
            Self::None,
            Self::FreeBusyReader,
            Self::Reader,
            Self::WriterWithoutPrivateAccess,
            Self::Writer,
            Self::Owner,
        ]
        .into_iter()
        .find(|role| role.word() == word)
    }
}

impl Calendar {
    pub(super) fn new(
        id: &str,
        summary: &str,
        time_zone: &str,
        owner: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id: id.to_owned(),
            summary: summary.to_owned(),
            fields: Map::new(),
            time_zone: time_zone.to_owned(),
            owner: owner.to_owned(),
            primary: false,
            created_by: None,
            rules: BTreeMap::new(),
            version: 0,
            updated: now,
            events: BTreeMap::new(),
            uids: BTreeMap::new(),
            log: Vec::new(),
            generation: 0,
            told: 0,
            graves: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Every event by id: singles, series, exceptions and tombstones.
    pub fn events(&self) -> &BTreeMap<String, Arc<Event>> {
        &self.events
    }

    /// The event stored under this id.
    pub fn event(&self, id: &str) -> Option<&Arc<Event>> {
        self.events.get(id)
    }

    /// Every change there ever was.
    pub fn log(&self) -> &[Change] {
        &self.log
    }

    /// The number of the last change; 0 when there was none.
    pub fn revision(&self) -> u64 {
        self.log.len() as u64
    }

    /// How often all sync tokens have died.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Makes every sync token of its events given so far worthless.
    pub fn kill_tokens(&mut self) {
        self.generation += 1;
    }

    /// Forgets what was deleted before `limit`: it is found no more, and tokens from before its deletion are dead.
    pub fn age_out(&mut self, limit: Timestamp) {
        while let Some(grave) = self.graves.front()
            && grave.since < limit
        {
            let Some(grave) = self.graves.pop_front() else {
                return;
            };
            let event = self.events.get(&grave.id);
            // What was revived since is no longer dead.
            if event.is_some_and(|event| event.deleted_at == Some(grave.since))
                && let Some(event) = self.events.remove(&grave.id)
            {
                self.unname(&event);
                self.forgotten = self.forgotten.max(grave.revision);
            }
        }
    }

    /// Notes that an event is a tombstone now, if it is.
    fn dig(&mut self, event: &Event, revision: u64) {
        if let Some(since) = event.deleted_at {
            self.graves.push_back(Grave {
                since,
                revision,
                id: event.id.clone(),
            });
        }
    }

    /// The last change whose telling can no longer be relied on.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The zone that whole days are read in.
    pub(crate) fn zone(&self) -> TimeZone {
        rules(&self.time_zone)
    }

    /// The highest revision any answer has shown or made.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// Notes that an answer has shown the state up to `revision`.
    pub(crate) fn tell(&mut self, revision: u64) {
        self.told = self.told.max(revision);
    }

    /// The ids of all events with this `iCalUID`.
    pub(crate) fn with_uid(&self, uid: &str) -> impl Iterator<Item = &Arc<Event>> {
        let ids = self.uids.get(uid).into_iter().flatten();
        ids.filter_map(|id| self.events.get(id))
    }

    /// The events as they were after the change `revision`.
    pub(crate) fn events_at(&self, revision: u64) -> Cow<'_, BTreeMap<String, Arc<Event>>> {
        if revision >= self.revision() {
            return Cow::Borrowed(&self.events);
        }
        let mut events = BTreeMap::new();
        for change in self
            .log
            .iter()
            .take_while(|change| change.revision <= revision)
        {
            events.insert(change.event.id.clone(), Arc::clone(&change.event));
        }
        Cow::Owned(events)
    }

    /// An event as it was after the change `revision`.
    pub(crate) fn event_at(&self, id: &str, revision: u64) -> Option<&Arc<Event>> {
        if revision >= self.revision() {
            return self.event(id);
        }
        let until = usize::try_from(revision).unwrap_or(usize::MAX);
        let earlier = self.log[..until.min(self.log.len())].iter().rev();
        let mut found = earlier.filter(|change| change.event.id == id);
        found.next().map(|change| &change.event)
    }

    /// The last change of each event in `after..=until`, in the order of these last changes.
    pub(crate) fn changes_between(&self, after: u64, until: u64) -> Vec<&Change> {
        let place = |revision: u64| {
            usize::try_from(revision)
                .unwrap_or(usize::MAX)
                .min(self.log.len())
        };
        let mut last: BTreeMap<&str, &Change> = BTreeMap::new();
        for change in &self.log[place(after)..place(until).max(place(after))] {
            last.insert(&change.event.id, change);
        }
        let mut changes: Vec<&Change> = last.into_values().collect();
        changes.sort_by_key(|change| change.revision);
        changes
    }

    /// Stores an event, new or changed.
    pub(super) fn store(&mut self, event: Event, now: Timestamp) -> Arc<Event> {
        if let Some(before) = self.events.remove(&event.id) {
            self.unname(&before);
        }
        let ids = self.uids.entry(event.uid.clone()).or_default();
        ids.insert(event.id.clone());
        let event = Arc::new(event);
        self.events.insert(event.id.clone(), Arc::clone(&event));
        let revision = self.revision() + 1;
        self.dig(&event, revision);
        self.log.push(Change {
            revision,
            event: Arc::clone(&event),
        });
        self.updated = self.updated.max(now);
        event
    }

    /// Replaces an event without a trace in the log, so that no listing of changes names it.
    pub(super) fn bury(&mut self, event: Event) {
        self.dig(&event, 0);
        self.events.insert(event.id.clone(), Arc::new(event));
    }

    /// Takes an event out of the index by `iCalUID`.
    fn unname(&mut self, event: &Event) {
        if let Some(ids) = self.uids.get_mut(&event.uid) {
            ids.remove(&event.id);
            if ids.is_empty() {
                self.uids.remove(&event.uid);
            }
        }
    }
}
