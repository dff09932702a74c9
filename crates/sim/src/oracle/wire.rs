//! Laws that each request must keep.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::rules::Detail;
use kalends_sandbox::Place;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::ledger::words;
use crate::page::unfolded;
use crate::stage::{Law, Stage, lock};
use crate::truth;

/// How many writes of one object may take effect within an hour: the engine's own limit for one link is 20, a collection
/// may have two links, and what was sent twice by the network counts twice.
const WRITES_PER_HOUR_MAX: usize = 50;

/// How many requests a whole simulation may send. Usual are some hundreds; a loop sends without end.
const REQUESTS_MAX: usize = 12_000;

/// What a request is about, and how that was before.
pub(crate) struct Before {
    place: Place,
    /// What is written, as far as the request tells: the name, or what it shall be called.
    name: String,
    /// The UIDs of what stood there, by name, where the request may change anything.
    uids: BTreeMap<String, String>,
    changed: u64,
}

/// The object that a path names.
pub(crate) fn named(path: &str) -> Option<(Place, String)> {
    let mut parts = path
        .strip_prefix("/dav/calendars/")?
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let place = Place {
        user: parts.next()?,
        collection: parts.next()?,
    };
    Some((place, parts.next().unwrap_or_default()))
}

/// Whether a request may change anything at a server: not one for a token.
pub(crate) fn writes(method: &Method, path: &str) -> bool {
    let is_write = [Method::PUT, Method::POST, Method::PATCH, Method::DELETE].contains(method);
    is_write && !path.contains("/token")
}

/// What a request is about: of one to a vendor, the one place that is linked of its account.
fn about(stage: &Stage, user: &str, asked: &Request<Bytes>) -> Option<(Place, String)> {
    let path = asked.uri().path();
    let Some(account) = stage
        .cast()
        .account(user)
        .filter(|account| account.face.vendor().is_some())
    else {
        return named(path);
    };
    let body: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
    // What is made is called as its maker says: by an id at Google, by a name for the transaction at Graph.
    let name = ["id", "transactionId"]
        .into_iter()
        .find_map(|name| body[name].as_str());
    let name = name.map_or_else(|| path.to_owned(), str::to_owned);
    Some((account.place.clone(), name))
}

/// Looks at a request of a user's account before it takes effect.
pub(crate) fn before(stage: &Stage, user: &str, asked: &Request<Bytes>) -> Option<Before> {
    let (place, name) = about(stage, user, asked)?;
    words_stay_where_they_belong(stage, asked, &place);
    let mut world = stage.world();
    if world.requests.len() > REQUESTS_MAX {
        world.requests.clear();
        drop(world);
        stage.cry(Law::Budgets, format!("more than {REQUESTS_MAX} requests"));
        return None;
    }
    drop(world);
    let uids = if writes(asked.method(), asked.uri().path()) {
        truth::uids(stage, &place)
    } else {
        BTreeMap::new()
    };
    Some(Before {
        uids,
        changed: truth::revision(stage, &place),
        place,
        name,
    })
}

/// Looks at what a request did.
pub(crate) fn after(stage: &Arc<Stage>, asked: &Request<Bytes>, before: Option<Before>) {
    if let Some(mail) = mailed(stage) {
        stage.cry(Law::NoMail, mail);
    }
    let Some(before) = before else { return };
    if truth::revision(stage, &before.place) <= before.changed {
        return;
    }
    count_write(stage, &before);
    if writes(asked.method(), asked.uri().path()) {
        vanished(stage, &before);
    }
}

/// The first mail that anybody would have got, of whatever kind of server.
fn mailed(stage: &Stage) -> Option<String> {
    let mut world = stage.world();
    let mail = world.mails.first().map(|mail| format!("{mail:?}"));
    let by_google = world.google.mails.first().map(|mail| format!("{mail:?}"));
    let by_microsoft = world
        .microsoft
        .mails
        .first()
        .map(|mail| format!("{mail:?}"));
    world.mails.clear();
    world.google.mails.clear();
    world.microsoft.mails.clear();
    mail.or(by_google).or(by_microsoft)
}

fn words_stay_where_they_belong(stage: &Stage, asked: &Request<Bytes>, place: &Place) {
    let cast = stage.cast();
    let Some(account) = cast.account(&place.user) else {
        return;
    };
    let Ok(body) = std::str::from_utf8(asked.body()) else {
        return;
    };
    let body = unfolded(body);
    for (index, tenant) in cast.tenants.iter().enumerate() {
        if index != account.tenant
            && let Some(word) = words(tenant.canary, &body).first()
        {
            stage.cry(
                Law::TenantsApart,
                format!(
                    "{} {} carries {word} of another tenant",
                    asked.method(),
                    asked.uri().path()
                ),
            );
        }
    }
    let only_busy = cast
        .links_at(place)
        .all(|link| link.rules.detail == Detail::Busy);
    if only_busy && writes(asked.method(), asked.uri().path()) {
        let words = words(cast.tenants[account.tenant].canary, &body);
        let ledger = stage.ledger();
        let leaked = words
            .iter()
            .find(|word| !ledger.stands_there(place, word))
            .cloned();
        drop(ledger);
        if let Some(word) = leaked {
            stage.cry(
                Law::BusyLeaks,
                format!(
                    "{} {} carries {word}, which nobody wrote there",
                    asked.method(),
                    asked.uri().path()
                ),
            );
        }
    }
}

fn count_write(stage: &Stage, before: &Before) {
    let now = stage.baton.now();
    let since = now
        .checked_sub(SignedDuration::from_hours(1))
        .unwrap_or(Timestamp::MIN);
    let key = format!("{}/{}", before.place, before.name);
    let mut writes = lock(&stage.writes);
    let times = writes.entry(key).or_default();
    times.retain(|at| *at > since);
    times.push(now);
    let count = times.len();
    drop(writes);
    if count > WRITES_PER_HOUR_MAX {
        stage.cry(
            Law::Budgets,
            format!(
                "{}/{} was written {count} times within an hour",
                before.place, before.name
            ),
        );
    }
}

/// What a request made vanish must have been deleted by somebody.
fn vanished(stage: &Stage, before: &Before) {
    let Some(account) = stage.cast().account(&before.place.user) else {
        return;
    };
    let now = truth::uids(stage, &before.place);
    let gone = before
        .uids
        .iter()
        .filter(|(name, _)| !now.contains_key(*name));
    for (_, uid) in gone {
        if !uid.is_empty() && !stage.ledger().was_deleted(account.tenant, uid) {
            stage.cry(
                Law::DeletedByNobody,
                format!(
                    "DELETE of {uid} at {}, which nobody had deleted",
                    before.place
                ),
            );
        }
    }
}
