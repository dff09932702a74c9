//! The authorisation servers of Google and Microsoft: people, clients, and the tokens they were given.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Request, header};
use jiff::{SignedDuration, Timestamp};

use crate::digest;

/// How long an access token is good, as both providers' documents show it (`expires_in: 3599`).
pub const ACCESS_GOOD_FOR: SignedDuration = SignedDuration::from_secs(3599);

/// One provider's authorisation server: whom it knows, and what it gave out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Oauth {
    /// Who can sign in, by mail address.
    pub people: BTreeMap<String, Person>,
    /// The access tokens that were given out, by their text. They stay when they have run out.
    access: BTreeMap<String, Access>,
    /// How many tokens were made: what makes the next one differ.
    made: u64,
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The mail address, by which the person signs in.
    pub email: String,
    /// The full name.
    pub name: String,
    /// The password.
    pub password: String,
    /// What never changes: `sub` at Google, `oid` at Microsoft.
    pub subject: String,
}

/// What an access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whose data it opens: the mail address.
    pub email: String,
    /// To which client it was given.
    pub client: String,
    /// What it may be used for, in the provider's long form.
    pub scopes: BTreeSet<String>,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It has no token.
    Missing,
    /// Nobody was given such a token, or it was taken back.
    Unknown,
    /// It has run out.
    Expired,
}

impl Oauth {
    /// Gives out an access token without asking anybody: for seeds and tests.
    pub fn issue(&mut self, email: &str, client: &str, scopes: &[&str], now: Timestamp) -> String {
        self.made += 1;
        let token = format!(
            "ya29.{}",
            digest::short(&[
                email.as_bytes(),
                client.as_bytes(),
                &self.made.to_be_bytes()
            ])
        );
        let access = Access {
            email: email.to_owned(),
            client: client.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: now
                .saturating_add(ACCESS_GOOD_FOR)
                .unwrap_or(Timestamp::MAX),
            revoked: false,
        };
        self.access.insert(token.clone(), access);
        token
    }

    /// Who a request comes from, by its `Authorization: Bearer`.
    pub fn bearer(&self, request: &Request<Bytes>, now: Timestamp) -> Result<&Access, Denied> {
        let header = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .ok_or(Denied::Missing)?;
        let (scheme, token) = header.split_once(' ').ok_or(Denied::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::Missing);
        }
        let access = self.access.get(token.trim()).ok_or(Denied::Unknown)?;
        if access.revoked {
            return Err(Denied::Unknown);
        }
        if access.expires_at <= now {
            return Err(Denied::Expired);
        }
        Ok(access)
    }
}
