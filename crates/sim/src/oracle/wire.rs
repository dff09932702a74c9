//! Laws that each request must keep.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::rules::Detail;
use kalends_sandbox::Place;
use kalends_sandbox::world::Object;
use percent_encoding::percent_decode_str;

use super::seen;
use crate::ledger::words;
use crate::page::unfolded;
use crate::stage::{Law, Stage, lock};

/// How many writes of one object may take effect within an hour: the engine's own limit for one link is 20, a collection
/// may have two links, and what was sent twice by the network counts twice.
const WRITES_PER_HOUR_MAX: usize = 50;

/// How many requests a whole simulation may send. Usual are some hundreds; a loop sends without end.
const REQUESTS_MAX: usize = 12_000;

/// What a request is about, and how that was before.
pub(crate) struct Before {
    place: Place,
    name: String,
    object: Option<Object>,
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

/// Looks at a request before it takes effect.
pub(crate) fn before(stage: &Stage, asked: &Request<Bytes>) -> Option<Before> {
    let (place, name) = named(asked.uri().path())?;
    words_stay_where_they_belong(stage, asked, &place);
    let mut world = stage.world();
    if world.requests.len() > REQUESTS_MAX {
        world.requests.clear();
        drop(world);
        stage.cry(Law::Budgets, format!("more than {REQUESTS_MAX} requests"));
        return None;
    }
    let collection = world.collection(&place).ok()?;
    Some(Before {
        object: collection.objects().get(&name).cloned(),
        changed: collection.revision(),
        place,
        name,
    })
}

/// Looks at what a request did.
pub(crate) fn after(stage: &Arc<Stage>, asked: &Request<Bytes>, before: Option<Before>) {
    let mailed = stage.world().mails.first().map(|mail| format!("{mail:?}"));
    if let Some(mail) = mailed {
        stage.world().mails.clear();
        stage.cry(Law::NoMail, mail);
    }
    let Some(before) = before else { return };
    let changed = match stage.world().collection(&before.place) {
        Ok(collection) => collection.revision() > before.changed,
        Err(_) => false,
    };
    if !changed {
        return;
    }
    count_write(stage, &before);
    if asked.method() == Method::DELETE
        && let Some(object) = &before.object
    {
        deleted(stage, &before, object);
    }
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
    if only_busy && asked.method() == Method::PUT {
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
                    "PUT {} carries {word}, which nobody wrote there",
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

fn deleted(stage: &Stage, before: &Before, object: &Object) {
    let cast = stage.cast();
    let Some(account) = cast.account(&before.place.user) else {
        return;
    };
    let Some(seen) = seen(&object.text) else {
        return;
    };
    if !stage.ledger().was_deleted(account.tenant, &seen.uid) {
        stage.cry(
            Law::DeletedByNobody,
            format!(
                "DELETE of {} at {}, which nobody had deleted",
                seen.uid, before.place
            ),
        );
    }
}
