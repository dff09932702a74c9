//! Single events: get, insert, import, update, patch, delete, move, quickAdd.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::calendar::Role;
use super::call::{Call, Seat};
use super::event::Event;
use super::operation::Operation;
use super::render::Look;
use super::reply::Reply;
use super::write::{self, Manner};
use super::{Google, Refusal, list, make, series};

/// How the caller sees the events of a calendar.
pub(super) fn look<'a>(
    google: &'a Google,
    call: &'a Call<'_>,
    seat: &Seat,
) -> Result<Look<'a>, Refusal> {
    let calendar = google
        .calendars
        .get(&seat.calendar)
        .ok_or_else(Refusal::not_found)?;
    let zone: Option<TimeZone> = call.query.zone()?;
    let account = google.accounts.get(&call.user);
    Ok(Look {
        calendar,
        user: &call.user,
        role: seat.role,
        zone: zone.unwrap_or_else(|| calendar.zone()),
        attendees_max: call.query.count("maxAttendees")?,
        default_reminders: account.map_or(&[], |account| account.default_reminders(&calendar.id)),
        stubs: false,
    })
}

fn shown(google: &Google, call: &Call<'_>, seat: &Seat, event: &Event) -> Result<Value, Refusal> {
    Ok(look(google, call, seat)?.event(event))
}

/// Notes that the caller has seen, or made, everything there is.
fn tell(google: &mut Google, calendar: &str, revision: u64) {
    if let Some(calendar) = google.calendars.get_mut(calendar) {
        calendar.tell(revision);
    }
}

fn tell_all(google: &mut Google, calendar: &str) {
    let revision = google
        .calendars
        .get(calendar)
        .map_or(0, super::Calendar::revision);
    tell(google, calendar, revision);
}

/// `events.get`.
pub(super) fn get(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::FreeBusyReader)?;
    let look = look(google, call, &seat)?;
    let revision = list::revision(look.calendar, call.how);
    let found = if revision < look.calendar.revision() {
        look.calendar.event_at(call.name(1), revision).cloned()
    } else {
        series::find(look.calendar, call.name(1), &google.switches)
    };
    let event = found.ok_or_else(Refusal::not_found)?;
    let value = look.event(&event);
    tell(google, &seat.calendar, revision);
    Ok(call.tagged(value))
}

/// `events.insert`, `events.import` and `events.quickAdd`.
pub(super) fn create(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::WriterWithoutPrivateAccess)?;
    let writing = call.writing(&seat)?;
    // What is wrong with the parameters is said before anything is written.
    look(google, call, &seat)?;
    google.count_write(&seat.calendar, call.now)?;
    let stored = if call.operation == Operation::EventsQuickAdd {
        make::quick_add(google, &writing, call.query.required("text")?)?
    } else {
        let body = call.body()?;
        if call.operation == Operation::EventsImport {
            make::import(google, &writing, &body)?
        } else {
            make::insert(google, &writing, &body)?
        }
    };
    tell_all(google, &seat.calendar);
    Ok(Reply::Json(shown(google, call, &seat, &stored)?))
}

/// `events.update` and `events.patch`.
pub(super) fn change(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::WriterWithoutPrivateAccess)?;
    let writing = call.writing(&seat)?;
    look(google, call, &seat)?;
    google.count_write(&seat.calendar, call.now)?;
    let body = call.body()?;
    let manner = if call.operation == Operation::EventsPatch {
        Manner::Patch
    } else {
        Manner::Replace
    };
    let how = (&body, manner);
    let stored = write::change(google, &writing, call.name(1), how, call.if_match())?;
    tell_all(google, &seat.calendar);
    Ok(Reply::Json(shown(google, call, &seat, &stored)?))
}

/// `events.delete`.
pub(super) fn delete(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::WriterWithoutPrivateAccess)?;
    let writing = call.writing(&seat)?;
    google.count_write(&seat.calendar, call.now)?;
    write::delete(google, &writing, call.name(1), call.if_match())?;
    tell_all(google, &seat.calendar);
    Ok(Reply::Empty)
}

/// `events.move`.
pub(super) fn relocate(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Writer)?;
    let there = call.seat_at(google, call.query.required("destination")?, Role::Writer)?;
    let writing = call.writing(&seat)?;
    google.count_write(&seat.calendar, call.now)?;
    let moved = write::relocate(google, &writing, call.name(1), &there.calendar)?;
    tell_all(google, &seat.calendar);
    tell_all(google, &there.calendar);
    Ok(Reply::Json(shown(google, call, &there, &moved)?))
}
