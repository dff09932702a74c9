//! What people see and do in Google's own web page, by the doors that the face has for it.

use http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::DateTime};
use serde_json::{Map, Value, json};

use super::draft::{Changes, Repeat, Stretch};
use super::entry::{
    Answer, Calendar, Entry, Guest, Key, Part, Refused, Seat, Sheet, Status, User, When, rules,
};
use super::shown::Shown;
use crate::google::{Google, Refusal, Role, SendUpdates, Visit};

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, format!("Google: {refusal}"))
    }
}

fn visit(seat: &Seat, mail: bool) -> Visit<'_> {
    Visit {
        user: &seat.user,
        calendar: &seat.calendar,
        send: if mail {
            SendUpdates::All
        } else {
            SendUpdates::None
        },
    }
}

pub(super) fn users(google: &Google) -> Vec<User> {
    let accounts = google.accounts.values();
    accounts
        .map(|account| User {
            id: account.email.clone(),
            name: account.name.clone(),
            password: google
                .oauth
                .people
                .get(&account.email)
                .map(|person| person.password.clone()),
        })
        .collect()
}

/// The calendars on somebody's list, the primary one first.
pub(super) fn calendars(google: &Google, user: &str) -> Vec<Calendar> {
    let Some(account) = google.accounts.get(user) else {
        return Vec::new();
    };
    let listed = account.list.iter().filter(|(_, entry)| !entry.deleted);
    let mut calendars: Vec<(bool, Calendar)> = listed
        .filter_map(|(id, _)| {
            let calendar = google.calendars.get(id)?;
            let role = google.role(user, id);
            let note = if calendar.owner == user {
                format!("Time zone {}", calendar.time_zone)
            } else {
                format!("{} of {}", role.word(), calendar.owner)
            };
            let shown = Calendar {
                id: id.clone(),
                name: calendar.summary.clone(),
                writable: role >= Role::WriterWithoutPrivateAccess,
                note,
            };
            Some((!calendar.primary || calendar.owner != user, shown))
        })
        .collect();
    calendars.sort_by_key(|(secondary, _)| *secondary);
    calendars.into_iter().map(|(_, shown)| shown).collect()
}

pub(super) fn zone(google: &Google, seat: &Seat) -> Option<String> {
    let calendar = google.calendars.get(&seat.calendar)?;
    Some(calendar.time_zone.clone())
}

pub(super) fn entries(google: &Google, seat: &Seat, shown: &Shown) -> Vec<Entry> {
    let view = google.view(visit(seat, false), shown.window());
    let entries = view.iter();
    entries
        .filter_map(|event| entry(google, seat, event, &shown.zone))
        .collect()
}

pub(super) fn sheet(google: &Google, seat: &Seat, key: &Key, zone: &TimeZone) -> Option<Sheet> {
    let event = google.seen_event(visit(seat, false), &key.id)?;
    let series = event["recurringEventId"].as_str().map(|id| Key {
        id: id.to_owned(),
        at: None,
    });
    let guests = event["attendees"].as_array().into_iter().flatten();
    let lines = event["recurrence"].as_array().map(|lines| {
        let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
        lines.join("\n")
    });
    Some(Sheet {
        entry: entry(google, seat, &event, zone)?,
        place: text(&event, "location"),
        text: text(&event, "description"),
        organizer: event["organizer"]["email"].as_str().map(str::to_owned),
        guests: guests.map(guest).collect(),
        rule: lines,
        series,
        version: text(&event, "etag"),
        raw: format!("{event:#}"),
    })
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap_or_default().to_owned()
}

fn entry(google: &Google, seat: &Seat, event: &Value, shown: &TimeZone) -> Option<Entry> {
    let id = text(event, "id");
    // A guest's copy of what was cancelled shows little more than which instance it was.
    let start = match &event["start"] {
        Value::Null => &event["originalStartTime"],
        start => start,
    };
    let end = match &event["end"] {
        Value::Null => start,
        end => end,
    };
    let part = match (&event["recurringEventId"], &event["recurrence"]) {
        (Value::Null, Value::Null) => Part::Single,
        (Value::Null, _) => Part::Series,
        // What is stored by itself differs from its series.
        _ if is_stored(google, seat, &id) => Part::Exception,
        _ => Part::Occurrence,
    };
    let me = event["attendees"].as_array().and_then(|attendees| {
        attendees
            .iter()
            .find(|attendee| attendee["self"] == true && attendee["organizer"] != true)
    });
    Some(Entry {
        key: Key { id, at: None },
        title: text(event, "summary"),
        when: when(start, end, shown)?,
        part,
        status: match event["status"].as_str() {
            Some("cancelled") => Status::Cancelled,
            Some("tentative") => Status::Tentative,
            Some(_) | None => Status::Confirmed,
        },
        answer: me.map(|me| answer(&me["responseStatus"])),
        free: event["transparency"] == "transparent",
    })
}

fn is_stored(google: &Google, seat: &Seat, id: &str) -> bool {
    let calendar = google.calendars.get(&seat.calendar);
    calendar.is_some_and(|calendar| calendar.event(id).is_some())
}

fn when(start: &Value, end: &Value, shown: &TimeZone) -> Option<When> {
    if let Some(first) = start["date"].as_str() {
        let first: Date = first.parse().ok()?;
        let last = end["date"].as_str().and_then(|day| day.parse().ok());
        let last = last
            .filter(|last| *last > first)
            .or_else(|| first.tomorrow().ok());
        return Some(When::days(first, last?, shown));
    }
    let instant = |value: &Value| value["dateTime"].as_str()?.parse::<Timestamp>().ok();
    let span = instant(start)?..instant(end)?;
    let zone = start["timeZone"].as_str().unwrap_or("UTC");
    Some(When::times(span, zone))
}

fn guest(attendee: &Value) -> Guest {
    Guest {
        address: text(attendee, "email"),
        name: text(attendee, "displayName"),
        answer: answer(&attendee["responseStatus"]),
    }
}

fn answer(word: &Value) -> Answer {
    match word.as_str() {
        Some("accepted") => Answer::Accepted,
        Some("tentative") => Answer::Tentative,
        Some("declined") => Answer::Declined,
        Some(_) | None => Answer::Waiting,
    }
}

pub(super) fn create(
    google: &mut Google,
    seat: &Seat,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let body = body(google, seat, changes, &[]);
    let made = google.create_event(visit(seat, changes.mail), &body, now)?;
    Ok(named(&made))
}

pub(super) fn change(
    google: &mut Google,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let body = change_body(google, seat, key, changes);
    let changed = google.patch_event(visit(seat, changes.mail), &key.id, &body, now)?;
    Ok(named(&changed))
}

/// Changes this occurrence and all that follow.
pub(super) fn split(
    google: &mut Google,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let body = change_body(google, seat, key, changes);
    let split = google.split_series(visit(seat, changes.mail), &key.id, &body, now)?;
    Ok(named(&split.after))
}

fn named(event: &Value) -> Key {
    Key {
        id: text(event, "id"),
        at: None,
    }
}

fn change_body(google: &Google, seat: &Seat, key: &Key, changes: &Changes) -> Value {
    let known = google.seen_event(visit(seat, false), &key.id);
    let known = known
        .as_ref()
        .and_then(|event| event["attendees"].as_array());
    body(google, seat, changes, known.map_or(&[], Vec::as_slice))
}

/// What is sent: only what changes. Guests who stay keep what is known of them.
fn body(google: &Google, seat: &Seat, changes: &Changes, known: &[Value]) -> Value {
    let mut body = Map::new();
    for (name, value) in [
        ("summary", &changes.title),
        ("location", &changes.place),
        ("description", &changes.text),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    let zone = zone(google, seat);
    if let Some(time) = &changes.time {
        let zone = zone.as_deref().unwrap_or("UTC");
        body.insert("start".to_owned(), moment(time, time.start, zone));
        body.insert("end".to_owned(), moment(time, time.end, zone));
    }
    if let Some(guests) = &changes.guests {
        let attendees: Vec<Value> = guests
            .iter()
            .map(|address| {
                let same = |guest: &&Value| {
                    guest["email"]
                        .as_str()
                        .is_some_and(|email| email.eq_ignore_ascii_case(address))
                };
                let known = known.iter().find(same).cloned();
                known.unwrap_or_else(|| json!({ "email": address }))
            })
            .collect();
        body.insert("attendees".to_owned(), attendees.into());
    }
    match changes.repeat {
        Repeat::Kept => {}
        Repeat::Never => {
            body.insert("recurrence".to_owned(), Value::Null);
        }
        Repeat::Every(..) => {
            let rule = changes.repeat.rule().unwrap_or_default();
            let lines = json!([format!("RRULE:{rule}")]);
            body.insert("recurrence".to_owned(), lines);
        }
    }
    body.into()
}

/// `start` or `end`: the members that do not belong to it are named, so that a patch takes them away.
fn moment(time: &Stretch, local: DateTime, zone: &str) -> Value {
    if time.all_day {
        return json!({ "date": local.date().to_string(), "dateTime": null, "timeZone": null });
    }
    let zone = time.zone.as_deref().unwrap_or(zone);
    // Google knows IANA's names alone, and a person may have written Microsoft's.
    let name = rules(zone).and_then(|zone| zone.iana_name().map(str::to_owned));
    json!({
        "date": null,
        "dateTime": local.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "timeZone": name.as_deref().unwrap_or(zone),
    })
}

pub(super) fn delete(
    google: &mut Google,
    seat: &Seat,
    key: &Key,
    mail: bool,
    now: Timestamp,
) -> Result<(), Refused> {
    Ok(google.delete_event(visit(seat, mail), &key.id, now)?)
}

pub(super) fn relocate(
    google: &mut Google,
    seat: &Seat,
    key: &Key,
    to: &str,
    now: Timestamp,
) -> Result<Key, Refused> {
    let moved = google.move_event(visit(seat, false), &key.id, to, now)?;
    Ok(named(&moved))
}

/// The user answers an invitation, and the organizer is mailed.
pub(super) fn respond(
    google: &mut Google,
    seat: &Seat,
    key: &Key,
    answer: Answer,
    now: Timestamp,
) -> Result<(), Refused> {
    let event = google
        .seen_event(visit(seat, false), &key.id)
        .ok_or_else(Refused::not_found)?;
    let mut attendees = event["attendees"].as_array().cloned().unwrap_or_default();
    let me = attendees
        .iter_mut()
        .find(|attendee| attendee["self"] == true)
        .ok_or_else(|| Refused::form("Only who is invited can answer."))?;
    me["responseStatus"] = match answer {
        Answer::Waiting => "needsAction",
        Answer::Accepted => "accepted",
        Answer::Tentative => "tentative",
        Answer::Declined => "declined",
    }
    .into();
    let patch = json!({ "attendees": attendees });
    google.patch_event(visit(seat, true), &key.id, &patch, now)?;
    Ok(())
}
