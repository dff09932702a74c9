//! Accounts: who may come in, and what is theirs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Collection, Place};
use crate::quirks::Quirks;

/// Somebody's account on a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The name to log in with, also part of the account's paths.
    pub user: String,
    /// The password. Changing it is how access is revoked.
    pub password: String,
    /// Mail addresses of this person, without `mailto:`.
    pub addresses: Vec<String>,
    /// How the server behaves above its collections; new collections begin with a copy.
    pub quirks: Quirks,
    /// Collections by the last part of their path.
    pub collections: BTreeMap<String, Collection>,
}

/// What `/.well-known/caldav` answers (RFC 6764 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WellKnown {
    /// 301 to the root of the CalDAV paths, before anybody is asked for a password.
    #[default]
    Moved301,
    /// 302.
    Found302,
    /// 307.
    Temporary307,
    /// 308.
    Permanent308,
    /// 401 without credentials, 301 with them.
    LoginFirst,
    /// It answers itself, as the root would.
    Answers,
    /// 404: the client must be given the address.
    Missing,
}

impl Account {
    /// An account without collections whose user name is also its mail address's local part at `example.com`.
    pub fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: format!("{user}-password"),
            addresses: vec![format!("{user}@example.com")],
            quirks: Quirks::default(),
            collections: BTreeMap::new(),
        }
    }

    /// Adds a collection with the account's quirks, and says where it is.
    pub fn add_collection(&mut self, slug: &str) -> Place {
        let collection = Collection::new(slug, self.quirks.clone());
        self.collections.insert(slug.to_owned(), collection);
        Place {
            user: self.user.clone(),
            collection: slug.to_owned(),
        }
    }

    /// Whether an address, with or without `mailto:`, is this person's. Case does not matter.
    pub fn is_me(&self, address: &str) -> bool {
        let address = bare_address(address);
        self.addresses
            .iter()
            .any(|own| own.eq_ignore_ascii_case(address))
    }
}

/// The address without its `mailto:`.
pub(super) fn bare_address(address: &str) -> &str {
    match address.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &address[7..],
        _ => address,
    }
}
