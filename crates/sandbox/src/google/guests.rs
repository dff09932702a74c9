//! Guests' copies: what the organizer does reaches their calendars, and what they answer comes back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Google;
use super::event::{Answer, Attendee, Event, PERSONAL_FIELDS, Status};
use super::series;

/// Brings the guests' calendars up to what the organizer's calendar `home` has now.
pub(super) fn spread(
    google: &mut Google,
    home: &str,
    before: Option<&Event>,
    after: &Event,
    now: Timestamp,
) {
    if after.private_copy || !after.is_organized_by(home) {
        return;
    }
    let guests = |event: &Event, google: &Google| -> BTreeSet<String> {
        let emails = event.attendees.iter();
        emails
            .map(|attendee| attendee.email.to_ascii_lowercase())
            .filter(|email| email != home && google.accounts.contains_key(email))
            .collect()
    };
    let invited = if after.is_tombstone() {
        BTreeSet::new()
    } else {
        guests(after, google)
    };
    for guest in &invited {
        invite(google, guest, after, now);
    }
    for guest in before
        .map(|before| guests(before, google))
        .unwrap_or_default()
    {
        if !invited.contains(&guest) {
            uninvite(google, &guest, after, now);
        }
    }
    if after.is_series() && !invited.is_empty() {
        let exceptions = google
            .calendars
            .get(home)
            .map(|calendar| series::exceptions(calendar, &after.id));
        for exception in exceptions.unwrap_or_default() {
            for guest in guests(&exception, google) {
                invite(google, &guest, &exception, now);
            }
        }
    }
}

/// Puts an event on a guest's calendar, or brings their copy up to it.
fn invite(google: &mut Google, guest: &str, event: &Event, now: Timestamp) {
    let Some(calendar) = google.calendars.get(guest) else {
        return;
    };
    let existing = calendar.event(&event.id);
    // A guest who threw the invitation away is not asked again.
    let declined = event
        .attendee(guest)
        .is_some_and(|guest| guest.answer == Answer::Declined);
    if declined && existing.is_none_or(|copy| copy.is_tombstone()) {
        return;
    }
    // An instance that the guest alone cancelled stays so.
    if declined && existing.is_some_and(|copy| series::is_cancelled_instance(copy)) {
        return;
    }
    let copy = copy_of(event, existing.map(AsRef::as_ref));
    if existing.is_some_and(|existing| **existing == copy) {
        return;
    }
    google.put(guest, copy, now);
}

/// Takes an event off a guest's calendar: as something deleted, or as an instance without them.
fn uninvite(google: &mut Google, guest: &str, event: &Event, now: Timestamp) {
    let Some(calendar) = google.calendars.get(guest) else {
        return;
    };
    let on_series = event.slot.as_ref().is_some_and(|slot| {
        let series = calendar.event(&slot.series);
        series.is_some_and(|series| !series.is_tombstone())
    });
    let Some(copy) = calendar.event(&event.id) else {
        if on_series {
            let mut cancelled = copy_of(event, None);
            cancelled.status = Status::Cancelled;
            cancelled.deleted_at = None;
            google.put(guest, cancelled, now);
        }
        return;
    };
    if copy.is_tombstone() || (on_series && copy.is_cancelled()) {
        return;
    }
    let mut gone = Event::clone(copy);
    gone.status = Status::Cancelled;
    gone.deleted_at = (!on_series).then_some(now);
    let exceptions = series::exceptions(calendar, &event.id);
    google.put(guest, gone, now);
    for exception in exceptions {
        let mut exception = Event::clone(&exception);
        exception.status = Status::Cancelled;
        exception.deleted_at = Some(now);
        google.put(guest, exception, now);
    }
}

/// The organizer's event as a guest has it: with the guest's own colour, reminders and such. Compares equal to the
/// existing copy when nothing reaches the guest.
fn copy_of(event: &Event, existing: Option<&Event>) -> Event {
    let mut copy = event.clone();
    let own = existing.map(|existing| &existing.fields);
    for name in PERSONAL_FIELDS {
        take_over(&mut copy.fields, name, own.and_then(|own| own.get(name)));
    }
    // What the event came from is for its creator's eyes.
    copy.fields.remove("source");
    let shared = event.fields.get("extendedProperties");
    let shared = shared.and_then(|properties| properties.get("shared"));
    let private = own
        .and_then(|own| own.get("extendedProperties"))
        .and_then(|properties| properties.get("private"));
    let mut properties = Map::new();
    for (side, value) in [("private", private), ("shared", shared)] {
        if let Some(value) = value {
            properties.insert(side.to_owned(), value.clone());
        }
    }
    let properties = (!properties.is_empty()).then_some(Value::Object(properties));
    take_over(&mut copy.fields, "extendedProperties", properties.as_ref());
    match existing {
        Some(existing) => {
            copy.reminders.clone_from(&existing.reminders);
            copy.updated = existing.updated;
            copy.version = existing.version;
        }
        None => copy.reminders = BTreeMap::new(),
    }
    copy
}

fn take_over(fields: &mut Map<String, Value>, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value.clone());
        }
        None => {
            fields.remove(name);
        }
    }
}

/// What a guest's copy says that the organizer's event should know.
#[derive(Debug)]
pub(super) struct Reply {
    /// The guest's own entry.
    pub(super) me: Option<Attendee>,
    /// Who the guest invited besides.
    pub(super) brought: Vec<Attendee>,
    /// The guest's version of the event, where guests may change it.
    pub(super) rewritten: Option<Event>,
}

/// Carries what a guest did to the organizer's calendar and from there to everybody, where that calendar is ours.
pub(super) fn answer(google: &mut Google, copy: &Event, reply: Reply, now: Timestamp) {
    let home = copy.organizer.email.to_ascii_lowercase();
    let Some(calendar) = google.calendars.get(&home) else {
        return;
    };
    let Some(before) = series::find(calendar, &copy.id, &google.switches) else {
        return;
    };
    if before.is_tombstone() {
        return;
    }
    let mut after = Event::clone(&before);
    if let Some(me) = reply.me {
        match after.attendees.iter_mut().find(|known| known.is(&me.email)) {
            Some(known) => {
                known.answer = me.answer;
                known.comment = me.comment;
                known.additional_guests = me.additional_guests;
            }
            None => after.attendees.push(me),
        }
    }
    for guest in reply.brought {
        if after.attendee(&guest.email).is_none() {
            after.attendees.push(guest);
        }
    }
    if let Some(rewritten) = reply.rewritten {
        let own = copy_of(&rewritten, Some(&before));
        after.fields = own.fields;
        if let Some(source) = before.fields.get("source") {
            after.fields.insert("source".to_owned(), source.clone());
        }
        after.start = rewritten.start;
        after.end = rewritten.end;
        after.recurrence = rewritten.recurrence;
    }
    if *before == after {
        return;
    }
    let stored = google.put(&home, after, now);
    if stored.is_series() {
        series::follow(google, &home, &before, &stored, now);
    }
    spread(google, &home, Some(&before), &stored, now);
}
