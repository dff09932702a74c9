//! What people see and do in another calendar program at a CalDAV server: objects are read, changed as text, and put.

mod edit;
mod page;
mod read;
mod zone;

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use read::{calendars, entries, sheet, users, zone};

use super::draft::Changes;
use super::entry::{Answer, Key, Refused, Seat};
use crate::quirks::Scheduling;
use crate::world::{
    Access, Account, Collection, Holds, MailRecord, Place, ScheduleAct, Upload, World, WorldError,
    after_delete, after_put, with_schedule_status,
};

impl From<WorldError> for Refused {
    fn from(error: WorldError) -> Self {
        let status = match error {
            WorldError::NoCollection(_) | WorldError::NoObject(_) => StatusCode::NOT_FOUND,
            WorldError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            WorldError::UidTaken(_) => StatusCode::CONFLICT,
        };
        Self::new(status, format!("CalDAV: {error}"))
    }
}

fn place(seat: &Seat) -> Place {
    Place {
        user: seat.user.clone(),
        collection: seat.calendar.clone(),
    }
}

pub(super) fn create(
    world: &mut World,
    seat: &Seat,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let account = account(world, seat)?;
    // What differs from all that was ever put here is the number of changes so far.
    let collection = world.collection(&place(seat))?;
    let salt = collection.revision().to_be_bytes();
    let uid = crate::digest::short(&[seat.user.as_bytes(), seat.calendar.as_bytes(), &salt]);
    let text = edit::created(&uid, account, changes, now)?;
    let name = format!("{uid}.ics");
    store(world, seat, &name, &text, now)?;
    Ok(Key { id: name, at: None })
}

pub(super) fn change(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let text = text_of(world, seat, key)?;
    let changed = edit::changed(&text, &edit_of(world, seat, key)?, changes, now)?;
    store(world, seat, &key.id, &changed, now)?;
    Ok(key.clone())
}

/// Changes this occurrence and all that follow: a second object takes over.
pub(super) fn split(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let text = text_of(world, seat, key)?;
    let edit = edit_of(world, seat, key)?;
    let salt = world.collection(&place(seat))?.revision().to_be_bytes();
    let uid = crate::digest::short(&[key.id.as_bytes(), &salt, b"following"]);
    let (before, after) = edit::split(&text, &edit, changes, &uid, now)?;
    let name = format!("{uid}.ics");
    store(world, seat, &name, &after, now)?;
    match before {
        Some(before) => store(world, seat, &key.id, &before, now)?,
        None => remove(world, seat, &key.id, now)?,
    }
    Ok(Key { id: name, at: None })
}

pub(super) fn delete(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    now: Timestamp,
) -> Result<(), Refused> {
    if key.at.is_none() {
        return remove(world, seat, &key.id, now);
    }
    let text = text_of(world, seat, key)?;
    match edit::without(&text, &edit_of(world, seat, key)?, now)? {
        Some(rest) => store(world, seat, &key.id, &rest, now),
        None => remove(world, seat, &key.id, now),
    }
}

/// Moves an object as programs do that know no MOVE: they put it there and delete it here.
pub(super) fn relocate(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    to: &str,
    now: Timestamp,
) -> Result<Key, Refused> {
    let text = text_of(world, seat, key)?;
    let target = Seat {
        calendar: to.to_owned(),
        ..seat.clone()
    };
    writable(world, seat)?;
    let taken = world
        .collection(&place(&target))?
        .objects()
        .contains_key(&key.id);
    if taken {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "There is an object of this name already.",
        ));
    }
    writable(world, &target)?;
    let upload = Upload {
        name: &key.id,
        text: &text,
    };
    // It is the same event before and after: nobody is told.
    world.put(&place(&target), upload, now)?;
    world.delete(&place(seat), &key.id, now)?;
    Ok(Key {
        id: key.id.clone(),
        at: None,
    })
}

/// The user answers an invitation: in the whole object, or for one occurrence.
pub(super) fn respond(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    answer: Answer,
    now: Timestamp,
) -> Result<(), Refused> {
    let account = account(world, seat)?.clone();
    let text = text_of(world, seat, key)?;
    let edit = edit_of(world, seat, key)?;
    let answered = edit::answered(&text, &edit, &account, answer, now)?;
    store(world, seat, &key.id, &answered, now)
}

fn account<'a>(world: &'a World, seat: &Seat) -> Result<&'a Account, Refused> {
    world
        .accounts
        .get(&seat.user)
        .ok_or_else(Refused::not_found)
}

fn text_of(world: &World, seat: &Seat, key: &Key) -> Result<Arc<str>, Refused> {
    let collection = world.collection(&place(seat))?;
    let object = collection.objects().get(&key.id);
    Ok(Arc::clone(&object.ok_or_else(Refused::not_found)?.text))
}

/// What of an object is edited: whose it is, which occurrence, and when that is.
fn edit_of(world: &World, seat: &Seat, key: &Key) -> Result<edit::Target, Refused> {
    let sheet = sheet(world, seat, key, &TimeZone::UTC).ok_or_else(Refused::not_found)?;
    let account = account(world, seat)?;
    Ok(edit::Target {
        at: key.at,
        start: sheet.entry.when.start,
        end: sheet.entry.when.end,
        owner: account.addresses.first().cloned().unwrap_or_default(),
    })
}

fn writable<'a>(world: &'a World, seat: &Seat) -> Result<&'a Collection, Refused> {
    let collection = world.collection(&place(seat))?;
    match (collection.access, collection.holds) {
        (Access::ReadWrite, Holds::Events) => Ok(collection),
        (Access::ReadOnly, _) => Err(Refused::new(
            StatusCode::FORBIDDEN,
            "CalDAV: need-privileges: this calendar can only be read.",
        )),
        (_, Holds::Tasks) => Err(Refused::new(
            StatusCode::FORBIDDEN,
            "CalDAV: supported-calendar-component: this is a list of tasks.",
        )),
    }
}

/// Puts an object as another program of the user would. Where the server schedules, it mails as it would for that program.
fn store(
    world: &mut World,
    seat: &Seat,
    name: &str,
    text: &str,
    now: Timestamp,
) -> Result<(), Refused> {
    let collection = writable(world, seat)?;
    let before = collection.objects().get(name).cloned();
    let schedules = collection.quirks.scheduling == Scheduling::Auto;
    let account = account(world, seat)?;
    let acts = if schedules {
        after_put(account, before.as_ref().map(|object| &*object.text), text)
    } else {
        Vec::new()
    };
    let text = with_schedule_status(text, &acts);
    let place = place(seat);
    let upload = Upload { name, text: &text };
    world.put(&place, upload, now)?;
    let uid = crate::seed::uid_of(&text).unwrap_or_default();
    mail(world, &place, (name, &uid), acts, now);
    Ok(())
}

fn remove(world: &mut World, seat: &Seat, name: &str, now: Timestamp) -> Result<(), Refused> {
    let collection = writable(world, seat)?;
    let object = collection.objects().get(name).cloned();
    let object = object.ok_or_else(Refused::not_found)?;
    let acts = match collection.quirks.scheduling {
        Scheduling::Auto => after_delete(account(world, seat)?, &object, true),
        Scheduling::Off => Vec::new(),
    };
    let place = place(seat);
    world.delete(&place, name, now)?;
    mail(world, &place, (name, &object.uid), acts, now);
    Ok(())
}

fn mail(
    world: &mut World,
    place: &Place,
    (name, uid): (&str, &str),
    acts: Vec<ScheduleAct>,
    now: Timestamp,
) {
    world.mails.extend(acts.into_iter().map(|act| MailRecord {
        at: now,
        place: place.clone(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        kind: act.kind,
        to: act.to,
        why: act.why,
    }));
}
