//! What people do on the page: forms that are shown, and forms that are sent.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::draft::Draft;
use super::entry::{Answer, Calendar, Key, Part, Refused, Seat, Sheet, rules};
use super::form::{self, Purpose};
use super::frame::see_other;
use super::{desk, event, path};
use crate::oauth::params::Params;
use crate::world::World;

/// What a page says after something was done, by the word in its address.
const SAID: [(&str, &str); 5] = [
    ("created", "The event was created."),
    ("changed", "The change is made."),
    ("same", "Nothing was changed."),
    ("moved", "The event was moved here."),
    ("answered", "The answer was given."),
];

/// An event that a query or a form names, in a calendar that its user sees.
struct Found {
    calendar: Calendar,
    zone: TimeZone,
    key: Key,
    sheet: Sheet,
}

fn find(world: &World, seat: &Seat, params: &Params) -> Option<Found> {
    let calendar = desk::calendar(world, seat)?;
    let zone = zone(world, seat);
    let key = path::key(params)?;
    let sheet = desk::sheet(world, seat, &key, &zone)?;
    Some(Found {
        calendar,
        zone,
        key,
        sheet,
    })
}

fn zone(world: &World, seat: &Seat) -> TimeZone {
    rules(&desk::zone(world, seat)).unwrap_or(TimeZone::UTC)
}

/// The form for a new event, on the day that the query names.
pub(super) fn blank(
    world: &World,
    seat: &Seat,
    query: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let calendar = desk::calendar(world, seat).filter(|calendar| calendar.writable)?;
    let name = desk::zone(world, seat);
    let today = zone(world, seat).to_datetime(now).date();
    let day = query.get("day").and_then(|day| day.parse().ok());
    let draft = Draft::on(day.unwrap_or(today), &name);
    let shown = form::Shown {
        seat,
        calendar: &calendar,
        purpose: Purpose::New,
        draft: &draft,
        refused: None,
    };
    Some(form::page(&shown, now))
}

pub(super) fn create(
    world: &mut World,
    seat: &Seat,
    form: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let calendar = desk::calendar(world, seat)?;
    let read = Draft::read(form, None);
    let draft = read.clone().unwrap_or_else(|_| Draft::typed(form));
    let made = read.and_then(|draft| desk::create(world, seat, &draft.whole(), now));
    Some(match made {
        Ok(key) => see_other(&path::event(seat, &key, &[("said", "created")])),
        Err(refused) => {
            let shown = form::Shown {
                seat,
                calendar: &calendar,
                purpose: Purpose::New,
                draft: &draft,
                refused: Some(&refused),
            };
            form::page(&shown, now)
        }
    })
}

/// An event's page.
pub(super) fn shown(
    world: &World,
    seat: &Seat,
    query: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let found = find(world, seat, query)?;
    let word = query.get("said");
    let said = SAID.iter().find(|(known, _)| Some(*known) == word);
    let shown = event::Shown {
        seat,
        calendar: &found.calendar,
        sheet: &found.sheet,
        said: said.map(|(_, told)| *told),
        refused: None,
    };
    Some(event::page(world, &shown, now))
}

/// The form with what is there.
pub(super) fn filled(
    world: &World,
    seat: &Seat,
    query: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let found = find(world, seat, query)?;
    if !found.calendar.writable {
        return None;
    }
    let draft = Draft::of(&found.sheet);
    let shown = form::Shown {
        seat,
        calendar: &found.calendar,
        purpose: purpose(query, &found.sheet),
        draft: &draft,
        refused: None,
    };
    Some(form::page(&shown, now))
}

fn purpose<'a>(params: &Params, sheet: &'a Sheet) -> Purpose<'a> {
    let following = params.get("following").is_some();
    match sheet.entry.part {
        Part::Occurrence | Part::Exception if following => Purpose::Following(sheet),
        Part::Single | Part::Series | Part::Occurrence | Part::Exception => Purpose::Edit(sheet),
    }
}

pub(super) fn change(
    world: &mut World,
    seat: &Seat,
    form: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let found = find(world, seat, form)?;
    let sheet = &found.sheet;
    let read = Draft::read(form, Some(sheet));
    let draft = read.clone().unwrap_or_else(|_| Draft::typed(form));
    let fresh = if form.get("version") == Some(&sheet.version) {
        Ok(())
    } else {
        // What is in the form is what was there before: to send it would undo what happened since.
        Err(Refused::new(
            StatusCode::CONFLICT,
            "The event has changed since this form was opened. Open it again, and change it there.",
        ))
    };
    let changes = fresh.and(read).map(|draft| draft.against(sheet));
    let done = changes.and_then(|changes| match purpose(form, sheet) {
        _ if changes.is_empty() => Ok((found.key.clone(), "same")),
        Purpose::Following(_) => {
            desk::split(world, seat, &found.key, &changes, now).map(|key| (key, "changed"))
        }
        Purpose::Edit(_) | Purpose::New => {
            desk::change(world, seat, &found.key, &changes, now).map(|key| (key, "changed"))
        }
    });
    Some(match done {
        Ok((key, said)) => see_other(&path::event(seat, &key, &[("said", said)])),
        Err(refused) => {
            let shown = form::Shown {
                seat,
                calendar: &found.calendar,
                purpose: purpose(form, sheet),
                draft: &draft,
                refused: Some(&refused),
            };
            form::page(&shown, now)
        }
    })
}

pub(super) fn delete(
    world: &mut World,
    seat: &Seat,
    form: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let found = find(world, seat, form)?;
    let mail = form.get("mail").is_some();
    let done = desk::delete(world, seat, &found.key, mail, now);
    let month = found.zone.to_datetime(found.sheet.entry.when.span.start);
    let month = month.strftime("%Y-%m").to_string();
    let back = path::calendar(seat, &[("month", &month)]);
    Some(settled(world, seat, &found, done.map(|()| back), now))
}

pub(super) fn relocate(
    world: &mut World,
    seat: &Seat,
    form: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let found = find(world, seat, form)?;
    let target = Seat {
        calendar: form.get("to")?.to_owned(),
        ..seat.clone()
    };
    desk::calendar(world, &target)?;
    let done = desk::relocate(world, seat, &found.key, &target.calendar, now);
    let there = done.map(|key| path::event(&target, &key, &[("said", "moved")]));
    Some(settled(world, seat, &found, there, now))
}

pub(super) fn respond(
    world: &mut World,
    seat: &Seat,
    form: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let found = find(world, seat, form)?;
    let word = form.get("answer")?;
    let answer = Answer::GIVEN
        .into_iter()
        .find(|answer| answer.word() == word)?;
    let done = desk::respond(world, seat, &found.key, answer, now);
    let there = done.map(|()| {
        // Who declines may have lost sight of it: then the calendar is what is left.
        match desk::sheet(world, seat, &found.key, &found.zone) {
            Some(_) => path::event(seat, &found.key, &[("said", "answered")]),
            None => path::calendar(seat, &[]),
        }
    });
    Some(settled(world, seat, &found, there, now))
}

/// On to where it goes, or back to the event with what could not be done.
fn settled(
    world: &World,
    seat: &Seat,
    found: &Found,
    done: Result<String, Refused>,
    now: Timestamp,
) -> Response<Bytes> {
    match done {
        Ok(address) => see_other(&address),
        Err(refused) => {
            let shown = event::Shown {
                seat,
                calendar: &found.calendar,
                sheet: &found.sheet,
                said: None,
                refused: Some(&refused),
            };
            event::page(world, &shown, now)
        }
    }
}
