//! The authorisation servers of Google and Microsoft: people, clients, and the tokens they were given.
//!
//! What both have in common stands here: codes, tokens, grants, proofs, pages, and the doors of an operator. How each
//! words its answers stands in [`crate::google`] and [`crate::microsoft`].

mod client;
mod doors;
mod grant;
pub(crate) mod identity;
mod key;
mod maker;
pub(crate) mod page;
pub(crate) mod params;
mod pkce;
pub(crate) mod reply;
mod session;
mod switches;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Request, header};
use jiff::{SignedDuration, Timestamp};

pub(crate) use client::ClientProblem;
pub use client::{Client, ClientKind, Publishing, Secret};
pub use doors::{Obstacle, Pair};
pub(crate) use grant::{
    Code, CodeProblem, GOOGLE_IDENTITY, Offline, Redemption, RefreshProblem, code_end, domain_of,
};
pub use grant::{Ended, Grant, Holder, Refresh};
pub(crate) use maker::Maker;
pub(crate) use pkce::Challenge;
pub use switches::{Issuer, Switches};

/// How long an access token is good, as both providers' documents show it (`expires_in: 3599`).
pub const ACCESS_GOOD_FOR: SignedDuration = SignedDuration::from_secs(3599);

/// One provider's authorisation server: whom it knows, and what it gave out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Oauth {
    /// Whose server this is.
    pub style: Style,
    /// Who can sign in, by mail address.
    pub people: BTreeMap<String, Person>,
    /// Who may ask for tokens, by client id.
    pub clients: BTreeMap<String, Client>,
    /// How it behaves where the provider's documents leave it open.
    pub switches: Switches,
    /// What stands in the way of a person's tokens, by mail address.
    pub(crate) obstacles: BTreeMap<String, Obstacle>,
    /// Scopes that an administrator has closed (`admin_policy_enforced` at Google).
    pub(crate) restricted: BTreeSet<String>,
    /// Organisations, by domain, in which only an administrator may consent.
    pub(crate) admin_consent: BTreeSet<String>,
    /// What administrators consented to, by domain and client.
    pub(crate) approved: BTreeMap<(String, String), BTreeSet<String>>,
    /// What people consented to.
    pub(crate) grants: BTreeMap<Holder, Grant>,
    /// The access tokens that were given out, by their text. They stay when they have run out.
    access: BTreeMap<String, Access>,
    /// The refresh tokens that were given out, by their text. They stay when they are dead.
    pub(crate) refresh: BTreeMap<String, Refresh>,
    /// The codes that were given out, by their text. They stay when they are used.
    pub(crate) codes: BTreeMap<String, Code>,
    /// Browsers that are signed in: the cookie, and whose it is.
    pub(crate) sessions: BTreeMap<String, String>,
    /// What makes every token.
    pub(crate) maker: Maker,
}

/// Whose authorisation server it is: what its tokens look like, and how long they live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Google's.
    #[default]
    Google,
    /// The Microsoft identity platform, version 2.0.
    Microsoft,
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
    /// A server of one of the two, without people and clients. Servers of different seeds give different tokens.
    pub fn new(style: Style, seed: u64) -> Self {
        Self {
            style,
            switches: Switches::of(style),
            maker: Maker::new(seed),
            ..Self::default()
        }
    }

    /// Gives out an access token without asking anybody: for seeds and tests. Scopes may be written short or long.
    pub fn issue(&mut self, email: &str, client: &str, scopes: &[&str], now: Timestamp) -> String {
        let holder = Holder {
            email: email.to_owned(),
            client: client.to_owned(),
        };
        let scopes = scopes
            .iter()
            .map(|scope| self.style.long_scope(scope))
            .collect();
        self.give_access(&holder, scopes, ACCESS_GOOD_FOR, now)
    }

    /// Who a request comes from, by its `Authorization: Bearer`.
    pub fn bearer(&self, request: &Request<Bytes>, now: Timestamp) -> Result<&Access, Denied> {
        self.access(bearer_token(request).ok_or(Denied::Missing)?, now)
    }

    /// For whom the token of a request was given out, whether it is good or not: the mail address.
    pub(crate) fn holder_of(&self, request: &Request<Bytes>) -> Option<&str> {
        let access = self.access.get(bearer_token(request)?)?;
        Some(&access.email)
    }

    /// What an access token stands for, if it is good now.
    pub(crate) fn access(&self, token: &str, now: Timestamp) -> Result<&Access, Denied> {
        let access = self.access.get(token).ok_or(Denied::Unknown)?;
        if access.revoked {
            return Err(Denied::Unknown);
        }
        if access.expires_at <= now {
            return Err(Denied::Expired);
        }
        Ok(access)
    }

    /// Gives out an access token that is good for so long.
    pub(crate) fn give_access(
        &mut self,
        holder: &Holder,
        scopes: BTreeSet<String>,
        good_for: SignedDuration,
        now: Timestamp,
    ) -> String {
        let token = self.maker.token(match self.style {
            Style::Google => "ya29.a0",
            Style::Microsoft => "EwB",
        });
        let access = Access {
            email: holder.email.clone(),
            client: holder.client.clone(),
            scopes,
            expires_at: later(now, good_for),
            revoked: false,
        };
        self.access.insert(token.clone(), access);
        token
    }
}

/// The token in `Authorization: Bearer`.
fn bearer_token(request: &Request<Bytes>) -> Option<&str> {
    let header = request.headers().get(header::AUTHORIZATION)?;
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A time after `now`, or the last there is.
pub(crate) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
