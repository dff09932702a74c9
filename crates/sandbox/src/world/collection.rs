//! A collection: its objects now, and every change that led there, so that it can be shown as it was.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::digest;
use crate::quirks::{Quirks, Trash};
use crate::saved;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The largest object that a collection takes unless it is told otherwise, in bytes: more than any calendar program makes.
pub(crate) const OBJECT_BYTES_MAX: usize = 10_000_000;

/// A calendar collection (RFC 4791 §4.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// Its display name.
    pub name: String,
    /// Its colour, `#RRGGBB` or `#RRGGBBAA`.
    pub color: Option<String>,
    /// What its user may do.
    pub access: Access,
    /// What may be stored in it.
    pub holds: Holds,
    /// How the server behaves here.
    pub quirks: Quirks,
    /// The largest object it takes, in bytes.
    pub object_bytes_max: usize,
    objects: BTreeMap<String, Object>,
    /// Who has which UID: the objects' names by theirs.
    holders: BTreeMap<String, String>,
    log: Vec<Change>,
    generation: u32,
    told: u64,
    trash: BTreeSet<String>,
}

/// What a collection's user may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Read and write.
    ReadWrite,
    /// Read only: writes get 403 with `DAV:need-privileges`.
    ReadOnly,
}

/// What may be stored in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holds {
    /// `VEVENT`.
    Events,
    /// `VTODO`, such as a reminders list: to be passed over by a calendar client.
    Tasks,
}

/// A calendar object as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The stored iCalendar text.
    #[serde(with = "saved::shared_text")]
    pub text: Arc<str>,
    /// The opaque part of its ETag, without quotes. Never the same for two versions.
    pub etag: String,
    /// The UID of all its components.
    pub uid: String,
    /// The collection's revision that made it.
    pub revision: u64,
    /// When it was stored.
    pub modified: Timestamp,
}

/// One change of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number, from 1 without gaps.
    pub revision: u64,
    /// The object's name.
    pub name: String,
    /// Whose it was.
    pub by: By,
    /// When.
    pub at: Timestamp,
    /// The object after it; none when it was deleted.
    pub object: Option<Object>,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// A request through a face: the program under test.
    Request,
    /// Another client, through the world's own doors.
    Other,
}

impl Collection {
    pub(super) fn new(name: &str, quirks: Quirks) -> Self {
        Self {
            name: name.to_owned(),
            color: None,
            access: Access::ReadWrite,
            holds: Holds::Events,
            quirks,
            object_bytes_max: OBJECT_BYTES_MAX,
            objects: BTreeMap::new(),
            holders: BTreeMap::new(),
            log: Vec::new(),
            generation: 0,
            told: 0,
            trash: BTreeSet::new(),
        }
    }

    /// The objects by name.
    pub fn objects(&self) -> &BTreeMap<String, Object> {
        &self.objects
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

    /// Makes every sync token and ctag given so far worthless, as after a restore or a cleaning of the change log.
    pub fn kill_tokens(&mut self) {
        self.generation += 1;
    }

    /// Forgets the UIDs of deleted objects.
    pub fn empty_trash(&mut self) {
        self.trash.clear();
    }

    /// The highest revision any answer has shown or made.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// Notes that an answer has shown the state up to `revision`.
    pub(crate) fn tell(&mut self, revision: u64) {
        self.told = self.told.max(revision);
    }

    /// The name of another object than `name` with this UID.
    pub(crate) fn holder_of(&self, uid: &str, name: &str) -> Option<&str> {
        self.holders
            .get(uid)
            .map(String::as_str)
            .filter(|holder| *holder != name)
    }

    /// Whether the trash bin holds this UID.
    pub(crate) fn trash_holds(&self, uid: &str) -> bool {
        self.quirks.trash == Trash::KeepsUids && self.trash.contains(uid)
    }

    /// The objects as they were after the change `revision`.
    pub(crate) fn objects_at(&self, revision: u64) -> Cow<'_, BTreeMap<String, Object>> {
        if revision >= self.revision() {
            return Cow::Borrowed(&self.objects);
        }
        let mut objects = BTreeMap::new();
        for change in self
            .log
            .iter()
            .take_while(|change| change.revision <= revision)
        {
            match &change.object {
                Some(object) => objects.insert(change.name.clone(), object.clone()),
                None => objects.remove(&change.name),
            };
        }
        Cow::Owned(objects)
    }

    /// The last change of each object in `after..=until`, in the order of these last changes.
    pub(crate) fn changes_between(&self, after: u64, until: u64) -> Vec<&Change> {
        let mut last: BTreeMap<&str, &Change> = BTreeMap::new();
        let from = usize::try_from(after)
            .unwrap_or(usize::MAX)
            .min(self.log.len());
        for change in self.log[from..]
            .iter()
            .take_while(|change| change.revision <= until)
        {
            last.insert(&change.name, change);
        }
        let mut changes: Vec<&Change> = last.into_values().collect();
        changes.sort_by_key(|change| change.revision);
        changes
    }

    /// Stores an object and returns its ETag's opaque part. The text must have been checked.
    pub(crate) fn store(
        &mut self,
        name: &str,
        text: Arc<str>,
        uid: String,
        by: By,
        at: Timestamp,
    ) -> String {
        let revision = self.revision() + 1;
        // The revision is part of it, so that a text that comes back gets a new ETag.
        let etag = digest::short(&[name.as_bytes(), &revision.to_be_bytes(), text.as_bytes()]);
        self.trash.remove(&uid);
        if let Some(before) = self.objects.get(name) {
            self.holders.remove(&before.uid);
        }
        self.holders.insert(uid.clone(), name.to_owned());
        let object = Object {
            text,
            etag: etag.clone(),
            uid,
            revision,
            modified: at,
        };
        self.objects.insert(name.to_owned(), object.clone());
        self.log.push(Change {
            revision,
            name: name.to_owned(),
            by,
            at,
            object: Some(object),
        });
        etag
    }

    /// Removes an object and returns what it was.
    pub(crate) fn remove(&mut self, name: &str, by: By, at: Timestamp) -> Option<Object> {
        let removed = self.objects.remove(name)?;
        let revision = self.revision() + 1;
        self.holders.remove(&removed.uid);
        self.trash.insert(removed.uid.clone());
        self.log.push(Change {
            revision,
            name: name.to_owned(),
            by,
            at,
            object: None,
        });
        Some(removed)
    }
}
