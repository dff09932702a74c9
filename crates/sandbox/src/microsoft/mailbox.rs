//! A mailbox: calendars, items, and every change ever made to them, so that deltas are cheap and replicas can lag.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{self, IdType, ItemId, Misread, Named, Part};
use super::item::{Address, Item};
use super::moment::Zone;
use super::refusal::Refusal;
use super::subscriptions::Subscription;
use crate::faults::{Disturbance, Session};
use crate::saved::{self, Word};
use crate::world::By;

/// One user's mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mailbox {
    pub(crate) owner: Address,
    /// The user's object id.
    pub(crate) subject: String,
    pub(crate) tag: [u8; 8],
    pub(crate) zone: Zone,
    /// What `mailboxSettings` says beside the zone.
    pub(crate) settings: Map<String, Value>,
    pub(crate) calendars: BTreeMap<u64, Calendar>,
    pub(crate) default: u64,
    #[serde(with = "saved::shared_map")]
    items: BTreeMap<u64, Arc<Item>>,
    by_uid: BTreeMap<String, u64>,
    by_transaction: BTreeMap<String, u64>,
    log: Vec<Change>,
    pub(crate) generation: u32,
    told: u64,
    made: u64,
    /// Open extensions by item, occurrence and name. They are no part of the item: changing them is no change of it.
    #[serde(with = "saved::pairs")]
    pub(crate) extensions: BTreeMap<(u64, Option<Date>), Extensions>,
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    /// What the next requests are refused with.
    pub(crate) throttles: VecDeque<Throttle>,
    /// The requests whose answers are held back: by which client, and until when.
    #[serde(default)]
    pub(crate) under_way: Vec<(String, Timestamp)>,
    /// When the present stretch of the budget began, and how many requests it has seen.
    pub(crate) spent: (Timestamp, u32),
}

/// Open extensions by name.
pub(crate) type Extensions = BTreeMap<String, Map<String, Value>>;

/// A calendar of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calendar {
    pub(crate) key: u64,
    pub(crate) name: String,
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) color: Word,
    pub(crate) version: u64,
    /// Whether its user may write into it.
    pub(crate) can_edit: bool,
}

/// One change of a mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) key: u64,
    pub(crate) by: By,
    #[serde(with = "saved::shared_option")]
    pub(crate) before: Option<Arc<Item>>,
    #[serde(with = "saved::shared_option")]
    pub(crate) after: Option<Arc<Item>>,
}

/// A refusal that an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// What kind of limit is said to be met.
    pub limit: Limit,
    /// `Retry-After` as it is written; decimals are possible.
    pub retry_after: Option<String>,
}

/// The limits that a request may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// 10,000 requests in ten minutes: 429 `TooManyRequests`.
    Requests,
    /// Four requests of a mailbox at the same time: 429 `ApplicationThrottled`.
    Concurrency,
    /// The service itself: 503 `serviceNotAvailable`.
    Service,
}

/// An item, or one occurrence of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Which {
    pub(crate) key: u64,
    /// None for a single event or a master.
    pub(crate) date: Option<Date>,
}

impl Mailbox {
    pub(crate) fn new(owner: Address, subject: String, zone: Zone) -> Self {
        let tag = ids::mailbox_tag(&owner.address.to_ascii_lowercase());
        let mut mailbox = Self {
            owner,
            subject,
            tag,
            zone,
            settings: Map::new(),
            calendars: BTreeMap::new(),
            default: 0,
            items: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            by_transaction: BTreeMap::new(),
            log: Vec::new(),
            generation: 1,
            told: 0,
            made: 0,
            extensions: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            throttles: VecDeque::new(),
            under_way: Vec::new(),
            spent: (Timestamp::MIN, 0),
        };
        mailbox.default = mailbox.add_calendar("Calendar");
        mailbox
    }

    pub(crate) fn add_calendar(&mut self, name: &str) -> u64 {
        let key = self.next_key();
        self.calendars.insert(
            key,
            Calendar {
                key,
                name: name.to_owned(),
                color: "auto",
                version: 0,
                can_edit: true,
            },
        );
        key
    }

    pub(crate) fn next_key(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// The number of the last change.
    pub(crate) fn revision(&self) -> u64 {
        self.log.len() as u64
    }

    pub(crate) fn items(&self) -> &BTreeMap<u64, Arc<Item>> {
        &self.items
    }

    pub(crate) fn item(&self, key: u64) -> Result<&Arc<Item>, Refusal> {
        self.items.get(&key).ok_or_else(Refusal::not_found)
    }

    pub(crate) fn with_uid(&self, uid: &str) -> Option<&Arc<Item>> {
        self.by_uid.get(uid).and_then(|key| self.items.get(key))
    }

    pub(crate) fn with_transaction(&self, transaction: &str) -> Option<&Arc<Item>> {
        self.by_transaction
            .get(transaction)
            .and_then(|key| self.items.get(key))
    }

    /// The items as they were after the change `revision`.
    pub(crate) fn items_at(&self, revision: u64) -> Cow<'_, BTreeMap<u64, Arc<Item>>> {
        if revision >= self.revision() {
            return Cow::Borrowed(&self.items);
        }
        let mut items = BTreeMap::new();
        for change in self.changes(0, revision) {
            match &change.after {
                Some(item) => items.insert(change.key, Arc::clone(item)),
                None => items.remove(&change.key),
            };
        }
        Cow::Owned(items)
    }

    /// The changes after `after` up to `until`.
    pub(crate) fn changes(&self, after: u64, until: u64) -> &[Change] {
        let place = |revision: u64| {
            usize::try_from(revision)
                .unwrap_or(usize::MAX)
                .min(self.log.len())
        };
        let from = place(after);
        &self.log[from..place(until).max(from)]
    }

    /// Which state an answer shows.
    pub(crate) fn shown(&self, how: Disturbance) -> u64 {
        match how {
            Disturbance::Stale { changes, session } => {
                let earlier = self.revision().saturating_sub(changes);
                match session {
                    Session::Kept => earlier.max(self.told),
                    Session::Broken => earlier,
                }
            }
            Disturbance::None
            | Disturbance::DeadCursor
            | Disturbance::EmptyListing
            | Disturbance::CutListing { .. } => self.revision(),
        }
    }

    /// Notes that an answer has shown the state up to `revision`.
    pub(crate) fn tell(&mut self, revision: u64) {
        self.told = self.told.max(revision);
    }

    /// Stores an item as a new version.
    pub(crate) fn store(&mut self, mut item: Item, by: By, now: Timestamp) -> Arc<Item> {
        item.version = self.revision() + 1;
        item.modified = now;
        self.by_uid.insert(item.uid.clone(), item.key);
        if let Some(transaction) = &item.transaction {
            self.by_transaction.insert(transaction.clone(), item.key);
        }
        let key = item.key;
        let item = Arc::new(item);
        let before = self.items.insert(key, Arc::clone(&item));
        self.write_down(key, by, before, Some(Arc::clone(&item)));
        item
    }

    /// Removes an item.
    pub(crate) fn remove(&mut self, key: u64, by: By) -> Option<Arc<Item>> {
        let item = self.items.remove(&key)?;
        if self.by_uid.get(&item.uid) == Some(&key) {
            self.by_uid.remove(&item.uid);
        }
        if let Some(transaction) = &item.transaction {
            self.by_transaction.remove(transaction);
        }
        self.extensions.retain(|(of, _), _| *of != key);
        self.write_down(key, by, Some(Arc::clone(&item)), None);
        Some(item)
    }

    fn write_down(
        &mut self,
        key: u64,
        by: By,
        before: Option<Arc<Item>>,
        after: Option<Arc<Item>>,
    ) {
        self.log.push(Change {
            key,
            by,
            before,
            after,
        });
        // Who writes has seen what was written.
        if by == By::Request {
            self.tell(self.revision());
        }
    }

    /// The calendar with this id.
    pub(crate) fn calendar(&self, id: &str) -> Result<&Calendar, Refusal> {
        match ids::read(self.tag, id) {
            Err(Misread::Malformed) => Err(Refusal::malformed_id()),
            Ok(Named::Calendar(key)) => self.calendars.get(&key).ok_or_else(Refusal::not_found),
            Ok(Named::Item(_)) | Err(Misread::Foreign) => Err(Refusal::not_found()),
        }
    }

    /// What an event's id means in this state of the items. Ids of before a move, and of before an occurrence became an
    /// exception, mean nothing any more.
    pub(crate) fn find(
        &self,
        items: &BTreeMap<u64, Arc<Item>>,
        id: &str,
    ) -> Result<Which, Refusal> {
        let id = match ids::read(self.tag, id) {
            Err(Misread::Malformed) => return Err(Refusal::malformed_id()),
            Ok(Named::Item(id)) => id,
            Ok(Named::Calendar(_)) | Err(Misread::Foreign) => return Err(Refusal::not_found()),
        };
        let item = items.get(&id.key).ok_or_else(Refusal::not_found)?;
        if id.moves.is_some_and(|moves| moves != item.moves) {
            return Err(Refusal::not_found());
        }
        let date = match id.part {
            Part::Whole => None,
            Part::Occurrence(date) | Part::Exception(date) => {
                if part(item, date) != id.part || item.occurrence(date).is_none() {
                    return Err(Refusal::not_found());
                }
                Some(date)
            }
        };
        Ok(Which { key: id.key, date })
    }

    /// The id of an item, or of one of its occurrences.
    pub(crate) fn id(&self, item: &Item, date: Option<Date>, kind: IdType) -> String {
        ids::item(
            self.tag,
            ItemId {
                key: item.key,
                moves: match kind {
                    IdType::Normal => Some(item.moves),
                    IdType::Immutable => None,
                },
                part: date.map_or(Part::Whole, |date| part(item, date)),
            },
        )
    }

    pub(crate) fn calendar_id(&self, key: u64) -> String {
        ids::calendar(self.tag, key)
    }

    /// The change key of an item, or of one of its occurrences: a plain one has its master's.
    pub(crate) fn change_key(&self, item: &Item, date: Option<Date>) -> String {
        let exception = date.and_then(|date| item.exceptions.get(&date));
        let version = exception.map_or(item.version, |exception| exception.version);
        let key = if exception.is_some() {
            // So that an exception made with its master does not share the master's.
            item.key ^ (1 << 63)
        } else {
            item.key
        };
        ids::change_key(self.tag, key, version)
    }
}

fn part(item: &Item, date: Date) -> Part {
    match item.exceptions.get(&date) {
        Some(exception) if exception.renamed => Part::Exception(date),
        Some(_) | None => Part::Occurrence(date),
    }
}
