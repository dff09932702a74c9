//! What people did: every acknowledged edit, to be found again in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, EventId};
use kalends_calendar::merge::{Field, differing};
use kalends_sandbox::Place;
use kalends_sandbox::oauth::Pair;

/// Everything that people did, in order, and what they know.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) deeds: Vec<Deed>,
    /// Until when a node (by its name) was told to leave a user's account alone.
    pub(crate) left_alone: BTreeMap<(String, String), Timestamp>,
    passwords: BTreeMap<String, String>,
    grants: BTreeMap<String, Pair>,
    words: BTreeMap<Place, BTreeSet<String>>,
    serial: u64,
}

/// Something that a person did and that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) at: Timestamp,
    pub(crate) tenant: usize,
    /// The UID that all copies of the event share.
    pub(crate) uid: String,
    pub(crate) side: Side,
    pub(crate) what: What,
}

/// Where it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// To an event of ours.
    Ours(CalendarId, EventId),
    /// To an object at a server.
    There(Place, String),
}

/// What was done.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A new event.
    Created,
    /// One field was given another value: what the event was before and after.
    Edited {
        field: Field,
        before: Arc<Event>,
        after: Arc<Event>,
    },
    /// It was deleted. Of an event that is at home at a server: what it was.
    Deleted { of: Option<Arc<Event>> },
    /// Its deletion was refused: it stays.
    Kept,
}

impl Ledger {
    /// A word that stands nowhere else, and gives away whose it is.
    pub(crate) fn word(&mut self, canary: &str) -> String {
        self.serial += 1;
        format!("{canary}{:05}x", self.serial)
    }

    /// Notes the fields in which an edit changed an event.
    pub(crate) fn edited(&mut self, deed: &Deed, before: &Event, after: &Event) {
        let fields = differing(before, after);
        let (before, after) = (Arc::new(before.clone()), Arc::new(after.clone()));
        for field in fields {
            let what = What::Edited {
                field,
                before: Arc::clone(&before),
                after: Arc::clone(&after),
            };
            self.deeds.push(Deed {
                what,
                ..deed.clone()
            });
        }
    }

    /// Whether anybody deleted an event with this UID.
    pub(crate) fn was_deleted(&self, tenant: usize, uid: &str) -> bool {
        self.deeds.iter().any(|deed| {
            deed.tenant == tenant && deed.uid == uid && matches!(deed.what, What::Deleted { .. })
        })
    }

    /// Notes the words that a person put into a collection.
    pub(crate) fn put_there(&mut self, place: &Place, canary: &str, text: &str) {
        let words = words(canary, text);
        self.words.entry(place.clone()).or_default().extend(words);
    }

    /// Whether a person put this word into a collection.
    pub(crate) fn stands_there(&self, place: &Place, word: &str) -> bool {
        self.words
            .get(place)
            .is_some_and(|words| words.contains(word))
    }

    pub(crate) fn set_password(&mut self, user: &str, password: &str) {
        self.passwords.insert(user.to_owned(), password.to_owned());
    }

    /// The password that was given to us for an account; it may be an old one.
    pub(crate) fn password(&self, user: &str) -> String {
        self.passwords.get(user).cloned().unwrap_or_default()
    }

    pub(crate) fn set_grant(&mut self, user: &str, grant: Pair) {
        self.grants.insert(user.to_owned(), grant);
    }

    /// The tokens that we hold for an account at a vendor; they may be dead.
    pub(crate) fn grant(&self, user: &str) -> Option<Pair> {
        self.grants.get(user).cloned()
    }
}

/// The words in a text that [`Ledger::word`] made with this canary. Lines must be unfolded.
pub(crate) fn words(canary: &str, text: &str) -> BTreeSet<String> {
    text.match_indices(canary)
        .map(|(at, _)| {
            let digits = text[at + canary.len()..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            text[at..at + canary.len() + digits].to_owned() + "x"
        })
        .collect()
}
