//! A server's whole state, and the doors by which tests and simulations look at it and change it.

mod account;
mod collection;
mod journal;
mod mail;
mod outbox;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use account::{Account, WellKnown};
pub(crate) use collection::OBJECT_BYTES_MAX;
pub use collection::{Access, By, Change, Collection, Holds, Object};
pub use journal::{RequestRecord, render_log};
pub use mail::{MailKind, MailRecord};
pub(crate) use mail::{ScheduleAct, after_delete, after_put, with_schedule_status};
pub use outbox::SentMail;
pub(crate) use store::{as_stored, schedule_tag};

use crate::control::Control;
use crate::google::Google;
use crate::ics::Feed;
use crate::microsoft::Microsoft;
use crate::oauth::{Oauth, Style};
use crate::text::valid;

/// A server: one host, its accounts, and everything that ever happened to it. A clone is a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// The host as it stands in absolute addresses, with its scheme and without a slash at the end.
    pub origin: String,
    /// What `/.well-known/caldav` answers.
    pub well_known: WellKnown,
    /// Accounts by user name.
    pub accounts: BTreeMap<String, Account>,
    /// Published feeds by path, each beginning with [`crate::ics::PREFIX`].
    pub feeds: BTreeMap<String, Feed>,
    /// What is behind the Google face.
    pub google: Google,
    /// What is behind the Microsoft face.
    pub microsoft: Microsoft,
    /// Every request, in order. The holder may take them out.
    pub requests: Vec<RequestRecord>,
    /// Every mail the server would have sent, in order.
    pub mails: Vec<MailRecord>,
    /// Every mail that a client sent through a mailbox, in order.
    pub outbox: Vec<SentMail>,
    /// What an operator has set, where the world stands behind a port.
    pub control: Control,
}

/// A collection's address: whose, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The account's user name.
    pub user: String,
    /// The last part of the collection's path, decoded.
    pub collection: String,
}

/// Why something could not be done to a world directly. A simulation that sees one has made a mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// There is no such account or collection.
    #[error("no collection {0}")]
    NoCollection(Place),
    /// There is no such object.
    #[error("no object {0}")]
    NoObject(String),
    /// The text may not be stored.
    #[error("not a calendar object: {0}")]
    Invalid(&'static str),
    /// Another object has this UID.
    #[error("the UID is that of {0}")]
    UidTaken(String),
}

/// An object as another client of the account would put it.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// The last part of its path, decoded.
    pub name: &'a str,
    /// Its iCalendar text.
    pub text: &'a str,
}

impl World {
    /// A server without accounts at `origin`, such as `https://dav.example.com`.
    pub fn new(origin: &str) -> Self {
        let mut world = Self {
            origin: origin.trim_end_matches('/').to_owned(),
            well_known: WellKnown::default(),
            accounts: BTreeMap::new(),
            feeds: BTreeMap::new(),
            google: Google::default(),
            microsoft: Microsoft::default(),
            requests: Vec::new(),
            mails: Vec::new(),
            outbox: Vec::new(),
            control: Control::default(),
        };
        world.microsoft.oauth = Oauth::new(Style::Microsoft, 0);
        world
    }

    /// Lets every token from now on follow from another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.google.oauth.reseed(seed);
        self.microsoft.oauth.reseed(seed);
    }

    /// Adds an account, and returns it.
    pub fn add_account(&mut self, account: Account) -> &mut Account {
        let user = account.user.clone();
        self.accounts.entry(user).insert_entry(account).into_mut()
    }

    /// The collection at `place`.
    pub fn collection(&self, place: &Place) -> Result<&Collection, WorldError> {
        self.accounts
            .get(&place.user)
            .and_then(|account| account.collections.get(&place.collection))
            .ok_or_else(|| WorldError::NoCollection(place.clone()))
    }

    /// The collection at `place`, to be changed.
    pub fn collection_mut(&mut self, place: &Place) -> Result<&mut Collection, WorldError> {
        self.accounts
            .get_mut(&place.user)
            .and_then(|account| account.collections.get_mut(&place.collection))
            .ok_or_else(|| WorldError::NoCollection(place.clone()))
    }

    /// Every collection there is, in order.
    pub fn collections(&self) -> impl Iterator<Item = (Place, &Collection)> {
        self.accounts.values().flat_map(|account| {
            account.collections.iter().map(|(slug, collection)| {
                (
                    Place {
                        user: account.user.clone(),
                        collection: slug.clone(),
                    },
                    collection,
                )
            })
        })
    }

    /// What another client of the account does: puts an object, new or changed. The text is stored as given, nobody is
    /// mailed, and nothing is logged but the change. Returns the new ETag's opaque part.
    pub fn put(
        &mut self,
        place: &Place,
        upload: Upload<'_>,
        now: Timestamp,
    ) -> Result<String, WorldError> {
        let valid = valid::check(upload.text).map_err(|invalid| match invalid {
            valid::Invalid::Data(why) | valid::Invalid::Resource(why) => WorldError::Invalid(why),
        })?;
        let collection = self.collection_mut(place)?;
        if let Some(holder) = collection.holder_of(&valid.uid, upload.name) {
            return Err(WorldError::UidTaken(holder.to_owned()));
        }
        Ok(collection.store(
            upload.name,
            Arc::from(upload.text),
            valid.uid,
            By::Other,
            now,
        ))
    }

    /// What another client of the account does: deletes an object.
    pub fn delete(&mut self, place: &Place, name: &str, now: Timestamp) -> Result<(), WorldError> {
        let removed = self.collection_mut(place)?.remove(name, By::Other, now);
        removed
            .map(drop)
            .ok_or_else(|| WorldError::NoObject(name.to_owned()))
    }
}

impl Place {
    /// An address from its path form `user/collection`.
    pub fn parse(path: &str) -> Option<Self> {
        let (user, collection) = path.trim_matches('/').split_once('/')?;
        Some(Self {
            user: user.to_owned(),
            collection: collection.to_owned(),
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.user, self.collection)
    }
}
