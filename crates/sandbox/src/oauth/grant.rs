//! Codes, refresh tokens and grants: what was given out, and why it is good no more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Challenge, ClientKind, Oauth, Obstacle, Publishing, Style, later};

/// How long a code is good at both providers.
const CODE_GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Google ends a refresh token that nobody used for six months.
const GOOGLE_IDLE_MAX: SignedDuration = SignedDuration::from_hours(183 * 24);
/// Microsoft ends a refresh token that nobody used for 90 days.
const MICROSOFT_IDLE_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Google ends refresh tokens of clients in status Testing after a week.
const TESTING_GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Microsoft ends refresh tokens of single-page clients after a day, however often they are exchanged.
const SINGLE_PAGE_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How many refresh tokens of one person and client live at Google; one more ends the oldest.
pub(crate) const GOOGLE_LIVE_MAX: usize = 100;
/// Google's scopes that only tell who somebody is.
pub(crate) const GOOGLE_IDENTITY: [&str; 3] = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
];

/// A person and a client: between whom a grant is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// The person's mail address.
    pub email: String,
    /// The client's id.
    pub client: String,
}

/// What a person lets a client do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What for, in the provider's long form.
    pub scopes: BTreeSet<String>,
    /// Since when.
    pub since: Timestamp,
    /// Whether a refresh token was ever given under it. Google gives no second one unasked.
    pub refresh_given: bool,
}

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) holder: Holder,
    pub(crate) redirect: String,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) offline: Offline,
    pub(crate) good_until: Timestamp,
    pub(crate) used: bool,
}

/// Whether a code leads to a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Offline {
    /// No.
    Never,
    /// If none was given under the grant before.
    Once,
    /// Yes.
    Always,
}

/// What a client sends with a code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redemption<'a> {
    pub(crate) code: &'a str,
    pub(crate) client: &'a str,
    pub(crate) redirect: Option<&'a str>,
    pub(crate) verifier: Option<&'a str>,
}

/// Why a code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeProblem {
    /// Nobody was given it.
    Unknown,
    /// It was taken before.
    Used,
    /// Its ten minutes are over.
    Expired,
    /// It was given to another client.
    OtherClient,
    /// It was sent to another address.
    OtherRedirect,
    /// It has a challenge, and no verifier came with it.
    VerifierMissing,
    /// The verifier does not meet the challenge, or there is no challenge.
    VerifierWrong,
}

/// A refresh token that was given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Between whom.
    pub holder: Holder,
    /// What it leads to, in the provider's long form.
    pub scopes: BTreeSet<String>,
    /// When it was given.
    pub issued_at: Timestamp,
    /// When it was last used, or given.
    pub used_at: Timestamp,
    /// When it ends, however much it is used.
    pub good_until: Option<Timestamp>,
    /// Why it is dead, when somebody ended it.
    pub ended: Option<Ended>,
    /// Its number: a later token has a higher one.
    pub number: usize,
}

/// Why a refresh token was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// The grant was taken back.
    Revoked,
    /// An operator let it run out.
    Expired,
    /// The password was changed.
    PasswordChanged,
    /// All sessions of the person were ended.
    SessionsRevoked,
    /// It was exchanged for a new one.
    Replaced,
    /// There were too many, and it was the oldest.
    Crowded,
}

/// Why a refresh token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshProblem {
    /// Nobody was given it.
    Unknown,
    /// It was given to another client.
    OtherClient,
    /// The person has no account any more.
    NoPerson,
    /// Something stands in the person's way.
    Hindered(Obstacle),
    /// Somebody ended it.
    Ended(Ended),
    /// Its fixed time is over.
    TimeUp { issued_at: Timestamp },
    /// Nobody used it for too long.
    Idle { issued_at: Timestamp },
    /// The consent behind it is gone.
    NoConsent,
}

impl Oauth {
    /// Remembers that a person consents to scopes, in addition to what they consented to before.
    pub(crate) fn consent(&mut self, holder: &Holder, scopes: &BTreeSet<String>, now: Timestamp) {
        let grant = self.grants.entry(holder.clone()).or_insert_with(|| Grant {
            scopes: BTreeSet::new(),
            since: now,
            refresh_given: false,
        });
        grant.scopes.extend(scopes.iter().cloned());
    }

    /// All that a client may do for a person: by the person's own consent, and by an administrator's.
    pub(crate) fn consented(&self, holder: &Holder) -> BTreeSet<String> {
        let own = self.grants.get(holder).map(|grant| &grant.scopes);
        let place = (domain_of(&holder.email).to_owned(), holder.client.clone());
        let approved = self.approved.get(&place);
        own.into_iter().chain(approved).flatten().cloned().collect()
    }

    /// Gives out a code, good for ten minutes.
    pub(crate) fn give_code(&mut self, code: Code) -> String {
        let text = self.maker.token(match self.style {
            Style::Google => "4/0A",
            Style::Microsoft => "1.AXoA",
        });
        self.codes.insert(text.clone(), code);
        text
    }

    /// Takes a code, once. A code that is refused stays as it is.
    pub(crate) fn redeem(
        &mut self,
        asked: Redemption<'_>,
        now: Timestamp,
    ) -> Result<Code, CodeProblem> {
        let code = self.codes.get_mut(asked.code).ok_or(CodeProblem::Unknown)?;
        if code.holder.client != asked.client {
            return Err(CodeProblem::OtherClient);
        }
        if code.used {
            let holder = code.holder.clone();
            if self.switches.replay_revokes {
                self.revoke_grant(&holder);
            }
            return Err(CodeProblem::Used);
        }
        if code.good_until <= now {
            return Err(CodeProblem::Expired);
        }
        if asked.redirect != Some(code.redirect.as_str()) {
            return Err(CodeProblem::OtherRedirect);
        }
        match (&code.challenge, asked.verifier) {
            (None, None) => {}
            (Some(_), None) => return Err(CodeProblem::VerifierMissing),
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
            (None | Some(_), Some(_)) => return Err(CodeProblem::VerifierWrong),
        }
        code.used = true;
        Ok(code.clone())
    }

    /// Gives out a refresh token. `until` is the end of the one that it replaces, where that end is fixed.
    pub(crate) fn give_refresh(
        &mut self,
        holder: &Holder,
        scopes: BTreeSet<String>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> String {
        if self.style == Style::Google {
            self.make_room(holder, now);
        }
        let text = self.maker.token(match self.style {
            Style::Google => "1//0",
            Style::Microsoft => "0.AXoA",
        });
        let refresh = Refresh {
            holder: holder.clone(),
            good_until: until.or_else(|| self.fixed_end(holder, &scopes, now)),
            scopes,
            issued_at: now,
            used_at: now,
            ended: None,
            number: self.refresh.len(),
        };
        self.refresh.insert(text.clone(), refresh);
        if let Some(grant) = self.grants.get_mut(holder) {
            grant.refresh_given = true;
        }
        text
    }

    /// Ends the oldest refresh tokens of a holder until one more has room.
    fn make_room(&mut self, holder: &Holder, now: Timestamp) {
        let mut live: Vec<(usize, String)> = self
            .refresh
            .iter()
            .filter(|(_, refresh)| refresh.holder == *holder && self.is_live(refresh, now))
            .map(|(text, refresh)| (refresh.number, text.clone()))
            .collect();
        live.sort();
        let surplus = (live.len() + 1).saturating_sub(GOOGLE_LIVE_MAX);
        for (_, text) in live.into_iter().take(surplus) {
            if let Some(refresh) = self.refresh.get_mut(&text) {
                refresh.ended = Some(Ended::Crowded);
            }
        }
    }

    /// When a refresh token of a holder ends, however much it is used.
    fn fixed_end(
        &self,
        holder: &Holder,
        scopes: &BTreeSet<String>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let client = self.clients.get(&holder.client)?;
        match self.style {
            Style::Google => {
                let tells_more = scopes
                    .iter()
                    .any(|scope| !GOOGLE_IDENTITY.contains(&scope.as_str()));
                (client.publishing == Publishing::Testing && tells_more)
                    .then(|| later(now, TESTING_GOOD_FOR))
            }
            Style::Microsoft => {
                (client.kind == ClientKind::SinglePage).then(|| later(now, SINGLE_PAGE_GOOD_FOR))
            }
        }
    }

    /// Takes a refresh token, and notes that it was used.
    pub(crate) fn take_refresh(
        &mut self,
        text: &str,
        client: &str,
        now: Timestamp,
    ) -> Result<Refresh, RefreshProblem> {
        let refresh = self.refresh.get(text).ok_or(RefreshProblem::Unknown)?;
        if let Some(problem) = self.problem_of(refresh, client, now) {
            return Err(problem);
        }
        let taken = refresh.clone();
        if let Some(refresh) = self.refresh.get_mut(text) {
            refresh.used_at = now;
        }
        Ok(taken)
    }

    fn problem_of(
        &self,
        refresh: &Refresh,
        client: &str,
        now: Timestamp,
    ) -> Option<RefreshProblem> {
        let issued_at = refresh.issued_at;
        if refresh.holder.client != client {
            return Some(RefreshProblem::OtherClient);
        }
        if !self.people.contains_key(&refresh.holder.email) {
            return Some(RefreshProblem::NoPerson);
        }
        if let Some(obstacle) = self.obstacles.get(&refresh.holder.email) {
            return Some(RefreshProblem::Hindered(*obstacle));
        }
        if let Some(ended) = refresh.ended {
            return Some(RefreshProblem::Ended(ended));
        }
        if refresh.good_until.is_some_and(|end| end <= now) {
            return Some(RefreshProblem::TimeUp { issued_at });
        }
        if later(refresh.used_at, self.idle_max()) <= now {
            return Some(RefreshProblem::Idle { issued_at });
        }
        let consented = self.consented(&refresh.holder);
        (!refresh.scopes.is_subset(&consented)).then_some(RefreshProblem::NoConsent)
    }

    /// Whether a refresh token has neither been ended nor run out.
    pub(crate) fn is_live(&self, refresh: &Refresh, now: Timestamp) -> bool {
        refresh.ended.is_none()
            && refresh.good_until.is_none_or(|end| end > now)
            && later(refresh.used_at, self.idle_max()) > now
    }

    fn idle_max(&self) -> SignedDuration {
        match self.style {
            Style::Google => GOOGLE_IDLE_MAX,
            Style::Microsoft => MICROSOFT_IDLE_MAX,
        }
    }
}

/// When a code that is given now ends.
pub(crate) fn code_end(now: Timestamp) -> Timestamp {
    later(now, CODE_GOOD_FOR)
}

/// What stands behind the at sign: the organisation, for these servers.
pub(crate) fn domain_of(email: &str) -> &str {
    email.rsplit_once('@').map_or(email, |(_, domain)| domain)
}
