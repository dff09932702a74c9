//! New events: inserted, imported, or made of a line of text.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::body::{self, Draft};
use super::event::{Event, Kind, Party, Status};
use super::moment::Moment;
use super::switches::LowerSequence;
use super::write::{Writing, check_guests, commit, disregard, lower_sequence};
use super::{Google, Refusal, conference, series};

/// `events.insert`.
pub(super) fn insert(
    google: &mut Google,
    writing: &Writing<'_>,
    body: &Map<String, Value>,
) -> Result<Arc<Event>, Refusal> {
    let draft = body::read(body, writing.context(google))?;
    if draft.id.as_ref().is_some_and(|id| !body::is_id(id)) {
        return Err(Refusal::invalid("Invalid resource id value."));
    }
    insert_draft(google, writing, draft)
}

/// Inserts an event under an id that only Google itself gives.
pub(super) fn insert_named(
    google: &mut Google,
    writing: &Writing<'_>,
    body: &Map<String, Value>,
    id: &str,
) -> Result<Arc<Event>, Refusal> {
    let mut draft = body::read(body, writing.context(google))?;
    draft.id = Some(id.to_owned());
    insert_draft(google, writing, draft)
}

fn insert_draft(
    google: &mut Google,
    writing: &Writing<'_>,
    draft: Draft,
) -> Result<Arc<Event>, Refusal> {
    let kind = draft.kind.unwrap_or(Kind::Default);
    check_new(google, writing, kind, &draft)?;
    let calendar = google
        .calendars
        .get(writing.calendar)
        .ok_or_else(Refusal::not_found)?;
    // A deleted event keeps its id: it is a duplicate, not revived.
    let taken = |id: &String| calendar.event(id).is_some();
    let uid_taken = |uid: &String| calendar.with_uid(uid).any(|event| !event.is_tombstone());
    if draft.id.as_ref().is_some_and(taken) || draft.uid.as_ref().is_some_and(uid_taken) {
        return Err(Refusal::duplicate());
    }
    check_guests(google, writing, &draft.attendees)?;
    google.count_creation(writing.user, writing.now)?;
    let organizer = writing.party(google);
    let event = new_event(google, writing, draft, organizer);
    let stored = commit(google, writing, None, event);
    let late_touch = google.switches.late_touches && stored.is_series();
    if late_touch {
        google.touch_later(writing.calendar, &stored.id, writing.now);
    }
    Ok(stored)
}

fn new_event(google: &mut Google, writing: &Writing<'_>, draft: Draft, organizer: Party) -> Event {
    let id = draft.id.unwrap_or_else(|| google.name(writing.calendar));
    let uid = draft.uid.unwrap_or_else(|| format!("{id}@google.com"));
    let mut fields = draft.fields;
    disregard(&mut fields, None, writing);
    let mut event = Event {
        uid,
        status: draft.status.unwrap_or(Status::Confirmed),
        start: draft.start,
        end: draft.end,
        recurrence: draft.recurrence,
        slot: None,
        creator: Party {
            email: writing.user.to_owned(),
            name: None,
        },
        organizer,
        attendees: draft.attendees,
        sequence: draft.sequence.unwrap_or(0),
        kind: draft.kind.unwrap_or(Kind::Default),
        private_copy: false,
        reminders: BTreeMap::new(),
        fields,
        created: writing.now,
        updated: writing.now,
        version: 0,
        deleted_at: None,
        id,
    };
    if let Some(reminders) = draft.reminders {
        event.reminders.insert(writing.user.to_owned(), reminders);
    }
    if event.kind == Kind::WorkingLocation {
        event
            .fields
            .insert("transparency".to_owned(), "transparent".into());
        event
            .fields
            .insert("visibility".to_owned(), "public".into());
    }
    if event.is_cancelled() {
        event.deleted_at = Some(writing.now);
    }
    conference::request(&mut event, None, google.switches.late_conferences);
    event
}

/// What a new event of a kind must be like.
fn check_new(
    google: &Google,
    writing: &Writing<'_>,
    kind: Kind,
    draft: &Draft,
) -> Result<(), Refusal> {
    let restricted = |message: &str| Err(Refusal::event_type(message));
    let primary = google
        .calendars
        .get(writing.calendar)
        .is_some_and(|calendar| calendar.primary);
    match kind {
        Kind::FromGmail => restricted("An event of this type cannot be created."),
        Kind::OutOfOffice | Kind::FocusTime if !primary => {
            restricted("An event of this type can only be on a primary calendar.")
        }
        Kind::OutOfOffice | Kind::FocusTime if draft.start.is_day() => {
            restricted("An event of this type cannot last all day.")
        }
        Kind::Default | Kind::OutOfOffice | Kind::FocusTime => Ok(()),
        Kind::WorkingLocation => {
            let properties = draft.fields.get("workingLocationProperties");
            let known = properties.and_then(|properties| properties["type"].as_str());
            if primary
                && matches!(
                    known,
                    Some("homeOffice" | "officeLocation" | "customLocation")
                )
            {
                Ok(())
            } else {
                let message = "A working location event needs working location properties.";
                Err(Refusal::new(
                    400,
                    "calendar",
                    "malformedWorkingLocationEvent",
                    message,
                ))
            }
        }
        Kind::Birthday => {
            let yearly = draft
                .recurrence
                .iter()
                .any(|line| line.contains("FREQ=YEARLY"));
            let properties = draft.fields.get("birthdayProperties");
            let named = properties.and_then(|properties| properties["type"].as_str());
            if !draft.start.is_day() || !yearly {
                restricted("A birthday lasts all day and comes back every year.")
            } else if named.is_some_and(|named| named != "birthday") {
                restricted("Only birthdays of type birthday can be created.")
            } else {
                Ok(())
            }
        }
    }
}

/// `events.import`: a private copy, found again by its `iCalUID`, and nobody is mailed.
pub(super) fn import(
    google: &mut Google,
    writing: &Writing<'_>,
    body: &Map<String, Value>,
) -> Result<Arc<Event>, Refusal> {
    if body.get("id").is_some_and(|id| !id.is_null()) {
        return Err(Refusal::invalid("Invalid resource id value."));
    }
    let mut draft = body::read(body, writing.context(google))?;
    let Some(uid) = draft.uid.clone() else {
        return Err(Refusal::required("Required"));
    };
    if draft.kind.is_some_and(|kind| kind != Kind::Default) {
        let message = "Only events of type default can be imported.";
        return Err(Refusal::event_type(message));
    }
    let owner = writing.calendar;
    let organizer = draft.organizer.take();
    let external = organizer.filter(|party| !party.email.eq_ignore_ascii_case(owner));
    let is_guest = draft.attendees.iter().any(|attendee| attendee.is(owner));
    if external.is_some() && !is_guest {
        let message = "The owner of the calendar must either be the organizer or an attendee of an event that is imported.";
        return Err(Refusal::new(
            400,
            "calendar",
            "participantIsNeitherOrganizerNorAttendee",
            message,
        ));
    }
    let private_copy = external.is_some();
    let organizer = external.unwrap_or_else(|| writing.party(google));
    let calendar = google.calendars.get(owner).ok_or_else(Refusal::not_found)?;
    let mut known: Vec<Arc<Event>> = calendar.with_uid(&uid).map(Arc::clone).collect();
    let series = known.iter().find(|event| event.slot.is_none()).cloned();
    let slot = draft.slot.take();
    known.retain(|event| {
        event.slot.as_ref().map(|slot| &slot.original) == slot.as_ref().map(|slot| &slot.original)
    });
    let existing = known.first().cloned();
    if let Some(existing) = &existing
        && draft
            .sequence
            .is_some_and(|sequence| sequence < existing.sequence)
    {
        match google.switches.lower_sequence {
            LowerSequence::Refused => return Err(lower_sequence()),
            LowerSequence::Ignored => return Ok(Arc::clone(existing)),
        }
    }
    google.count_creation(writing.user, writing.now)?;
    let sequence = draft.sequence;
    let mut event = new_event(google, writing, draft, organizer);
    event.private_copy = private_copy;
    event.uid = uid;
    if let (Some(mut slot), Some(series)) = (slot, &series) {
        slot.series.clone_from(&series.id);
        event.id = series::instance_id(&series.id, &slot.original);
        event.slot = Some(slot);
        event.recurrence = Vec::new();
    }
    if let Some(existing) = &existing {
        event.id.clone_from(&existing.id);
        event.created = existing.created;
        event.creator = existing.creator.clone();
        event.sequence = sequence.unwrap_or(existing.sequence);
    }
    let stored = google.put(owner, event, writing.now);
    if let Some(existing) = existing.filter(|_| stored.is_series()) {
        series::follow(google, owner, &existing, &stored, writing.now);
    }
    Ok(stored)
}

/// `events.quickAdd`, as far as a machine without a reader goes: the text is the title, for the next full hour.
pub(super) fn quick_add(
    google: &mut Google,
    writing: &Writing<'_>,
    text: &str,
) -> Result<Arc<Event>, Refusal> {
    let hour = 3600;
    let next = (writing.now.as_second() / hour + 1) * hour;
    let zone = writing.context(google).zone.to_owned();
    let at = |second: i64| Moment::Time {
        at: Timestamp::from_second(second).unwrap_or(writing.now),
        zone: zone.clone(),
    };
    let mut body = Map::new();
    body.insert("summary".to_owned(), text.into());
    body.insert("start".to_owned(), super::moment::members(&at(next)).into());
    body.insert(
        "end".to_owned(),
        super::moment::members(&at(next + hour)).into(),
    );
    insert(google, writing, &body)
}
