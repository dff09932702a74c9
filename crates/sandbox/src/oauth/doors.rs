//! The operator's doors: what people and administrators do at a provider beside signing in.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::grant::domain_of;
use super::{
    ACCESS_GOOD_FOR, Client, Ended, Grant, Holder, Maker, Oauth, Person, Refresh, Secret, Style,
};
use crate::microsoft::signin::scopes::OPENID;

/// What a Gmail scope begins with. A new password ends refresh tokens that have one, and spares all others.
const GMAIL: [&str; 2] = [
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/gmail.",
];

/// What stands between a person and their tokens until somebody clears it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// The account is disabled (AADSTS50057; at Google it counts as deleted).
    Disabled,
    /// The account is in another organisation now (AADSTS50020).
    OtherOrganisation,
    /// The person is not assigned to the client (AADSTS50105).
    NotAssigned,
    /// A second factor is asked for (AADSTS50076).
    SecondFactor,
    /// A second factor must be set up first (AADSTS50079).
    SecondFactorSetup,
    /// The sign-in is too old (AADSTS70043; `invalid_rapt` at Google).
    SignInTooOld,
    /// A rule of the organisation forbids it (AADSTS53003).
    Blocked,
    /// The server is out of order for this person (AADSTS90033; 503 at Google).
    Outage,
}

/// An access token and a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Oauth {
    /// Lets every further token follow from another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.maker = Maker::new(seed);
    }

    /// Gives somebody an account.
    pub fn register(&mut self, person: Person) {
        self.people.insert(person.email.clone(), person);
    }

    /// Lets a client ask for tokens.
    pub fn register_client(&mut self, client: Client) {
        self.clients.insert(client.id.clone(), client);
    }

    /// Gives out both tokens, as after a consent to these scopes: for seeds and tests.
    pub fn issue_offline(&mut self, holder: &Holder, scopes: &[&str], now: Timestamp) -> Pair {
        let scopes: BTreeSet<String> = scopes
            .iter()
            .map(|scope| self.style.long_scope(scope))
            .collect();
        self.consent(holder, &scopes, now);
        Pair {
            access: self.give_access(holder, scopes.clone(), ACCESS_GOOD_FOR, now),
            refresh: self.give_refresh(holder, scopes, None, now),
        }
    }

    /// Takes back what a person allowed a client: every refresh token ends, and every code that was not used. Access
    /// tokens end too, unless [`super::Switches::access_outlives_grant`] says otherwise.
    pub fn revoke_grant(&mut self, holder: &Holder) {
        self.grants.remove(holder);
        self.codes
            .retain(|_, code| code.used || code.holder != *holder);
        match self.style {
            Style::Google => self.end(Ended::Revoked, |refresh| refresh.holder == *holder),
            // The tokens stay; that nobody consents any more is found when they are used (AADSTS65001).
            Style::Microsoft => {}
        }
        if !self.switches.access_outlives_grant {
            self.revoke_access(|email, client| email == holder.email && client == holder.client);
        }
    }

    /// Ends all sessions of a person, as `revokeSignInSessions` and an administrator's reset do.
    pub fn revoke_sessions(&mut self, email: &str) {
        self.sessions.retain(|_, whose| whose != email);
        self.end(Ended::SessionsRevoked, |refresh| {
            refresh.holder.email == email
        });
    }

    /// Lets every access token of a person run out now.
    pub fn expire_access(&mut self, email: &str, now: Timestamp) {
        for access in self.access.values_mut() {
            if access.email == email && access.expires_at > now {
                access.expires_at = now;
            }
        }
    }

    /// Lets every refresh token of a person run out now.
    pub fn expire_refresh(&mut self, email: &str) {
        self.end(Ended::Expired, |refresh| refresh.holder.email == email);
    }

    /// Changes a password. Google then ends refresh tokens with Gmail scopes; Microsoft ends those of public clients and
    /// spares those of servers.
    pub fn change_password(&mut self, email: &str, password: &str) {
        if let Some(person) = self.people.get_mut(email) {
            password.clone_into(&mut person.password);
        }
        self.sessions.retain(|_, whose| whose != email);
        let public: BTreeSet<String> = self
            .clients
            .values()
            .filter(|client| client.secrets.is_empty())
            .map(|client| client.id.clone())
            .collect();
        let style = self.style;
        self.end(Ended::PasswordChanged, |refresh| {
            refresh.holder.email == email
                && match style {
                    Style::Google => refresh
                        .scopes
                        .iter()
                        .any(|scope| GMAIL.iter().any(|gmail| scope.starts_with(gmail))),
                    Style::Microsoft => public.contains(&refresh.holder.client),
                }
        });
    }

    /// Puts something in a person's way. It befalls refreshes and, at Microsoft, sign-ins on the page; access tokens live
    /// on. At Google only [`Obstacle::Disabled`] keeps somebody from signing in.
    pub fn hinder(&mut self, email: &str, obstacle: Obstacle) {
        self.obstacles.insert(email.to_owned(), obstacle);
    }

    /// What stands in a person's way.
    pub fn obstacle(&self, email: &str) -> Option<Obstacle> {
        self.obstacles.get(email).copied()
    }

    /// A password that nobody has seen before.
    pub(crate) fn made_up(&mut self) -> String {
        self.maker.token("pw-")
    }

    /// Clears away what stands in a person's way.
    pub fn unhinder(&mut self, email: &str) {
        self.obstacles.remove(email);
    }

    /// Closes a scope for everybody, as an administrator of Google Workspace does (`admin_policy_enforced`).
    pub fn restrict(&mut self, scope: &str) {
        self.restricted.insert(scope.to_owned());
    }

    /// Opens a scope again.
    pub fn unrestrict(&mut self, scope: &str) {
        self.restricted.remove(scope);
    }

    /// From now on only an administrator may consent for people of a domain (AADSTS90094). What they consented to
    /// themselves before stays good.
    pub fn require_admin_consent(&mut self, domain: &str) {
        self.admin_consent.insert(domain.to_owned());
    }

    /// An administrator of a domain consents to a client for everybody in it.
    pub fn approve(&mut self, domain: &str, scopes: &[&str], client: &str) {
        let openid: &[&str] = match self.style {
            Style::Google => &[],
            // Who consents for an organisation consents to sign-ins too.
            Style::Microsoft => &OPENID,
        };
        let long = scopes
            .iter()
            .chain(openid)
            .map(|scope| self.style.long_scope(scope));
        self.approved
            .entry((domain.to_owned(), client.to_owned()))
            .or_default()
            .extend(long);
    }

    /// From now on people of a domain may consent for themselves again.
    pub fn allow_own_consent(&mut self, domain: &str) {
        self.admin_consent.remove(domain);
    }

    /// Takes back what an administrator consented to for a domain. False when that was nothing.
    pub fn disapprove(&mut self, domain: &str, client: &str) -> bool {
        let place = (domain.to_owned(), client.to_owned());
        self.approved.remove(&place).is_some()
    }

    /// Gives a client a new secret in place of all it had, and returns it. None when there is no such client.
    pub fn rotate_secret(&mut self, client: &str) -> Option<String> {
        let client = self.clients.get_mut(client)?;
        let text = self.maker.token(match self.style {
            Style::Google => "GOCSPX-",
            Style::Microsoft => "8Q~",
        });
        client.secrets = vec![Secret {
            text: text.clone(),
            good_until: None,
        }];
        Some(text)
    }

    /// Lets every secret of a client run out now.
    pub fn expire_secrets(&mut self, client: &str, now: Timestamp) {
        if let Some(client) = self.clients.get_mut(client) {
            for secret in &mut client.secrets {
                secret.good_until = Some(now);
            }
        }
    }

    /// What people allow clients.
    pub fn grants(&self) -> impl Iterator<Item = (&Holder, &Grant)> {
        self.grants.iter()
    }

    /// The refresh tokens of a person and client that neither ended nor ran out, the oldest first.
    pub fn live_refresh(&self, holder: &Holder, now: Timestamp) -> Vec<&Refresh> {
        let mut live: Vec<&Refresh> = self
            .refresh
            .values()
            .filter(|refresh| refresh.holder == *holder && self.is_live(refresh, now))
            .collect();
        live.sort_by_key(|refresh| refresh.number);
        live
    }

    /// Clears away what a sign-in on the page settles by itself.
    pub(crate) fn settle(&mut self, email: &str) {
        let settled = match self.obstacles.get(email) {
            Some(Obstacle::SecondFactor | Obstacle::SecondFactorSetup | Obstacle::SignInTooOld) => {
                true
            }
            Some(
                Obstacle::Disabled
                | Obstacle::OtherOrganisation
                | Obstacle::NotAssigned
                | Obstacle::Blocked
                | Obstacle::Outage,
            )
            | None => false,
        };
        if settled {
            self.obstacles.remove(email);
        }
    }

    /// Whether only an administrator may consent for a person.
    pub(crate) fn needs_admin(&self, email: &str) -> bool {
        self.admin_consent.contains(domain_of(email))
    }

    /// Ends one refresh token.
    pub(crate) fn end_refresh(&mut self, text: &str, why: Ended) {
        if let Some(refresh) = self.refresh.get_mut(text) {
            refresh.ended.get_or_insert(why);
        }
    }

    /// Takes back one access token.
    pub(crate) fn revoke_access_token(&mut self, text: &str) {
        if let Some(access) = self.access.get_mut(text) {
            access.revoked = true;
        }
    }

    /// Takes back the access tokens of which this is true, by person and client.
    fn revoke_access(&mut self, which: impl Fn(&str, &str) -> bool) {
        for access in self.access.values_mut() {
            if which(&access.email, &access.client) {
                access.revoked = true;
            }
        }
    }

    /// Ends the refresh tokens of which this is true. One that is dead already keeps its reason.
    fn end(&mut self, why: Ended, which: impl Fn(&Refresh) -> bool) {
        for refresh in self.refresh.values_mut() {
            if which(refresh) {
                refresh.ended.get_or_insert(why);
            }
        }
    }
}
