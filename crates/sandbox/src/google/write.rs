//! Changing events: what Google checks, what it stores, and what follows from it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::body::{self, Context, Draft};
use super::calendar::Role;
use super::event::{Attendee, Event, Kind, Party, Status};
use super::guests::{self, Reply};
use super::mail::{self, SendUpdates};
use super::switches::GuestEdits;
use super::{Google, Refusal, conference, series};

/// Who writes where, and how.
#[derive(Clone, Debug)]
pub(super) struct Writing<'a> {
    pub(super) user: &'a str,
    pub(super) calendar: &'a str,
    pub(super) role: Role,
    pub(super) now: Timestamp,
    pub(super) send: SendUpdates,
    /// `conferenceDataVersion=1`: conference data in the body counts.
    pub(super) conference: bool,
    /// `supportsAttachments=true`: attachments in the body count.
    pub(super) attachments: bool,
    /// `eventLabelVersion=1`: labels in the body count.
    pub(super) labels: bool,
}

/// How a body changes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// PUT: what is not named is cleared.
    Replace,
    /// PATCH: what is not named stays.
    Patch,
}

impl Writing<'_> {
    pub(super) fn context<'a>(&self, google: &'a Google) -> Context<'a> {
        let calendar = google.calendars.get(self.calendar);
        Context {
            zone: calendar.map_or("UTC", |calendar| &calendar.time_zone),
            switches: &google.switches,
        }
    }

    /// Who the calendar is as an organizer.
    pub(super) fn party(&self, google: &Google) -> Party {
        let calendar = google.calendars.get(self.calendar);
        let name = match calendar {
            Some(calendar) if !calendar.primary => Some(calendar.summary.clone()),
            _ => None,
        };
        Party {
            email: self.calendar.to_owned(),
            name,
        }
    }
}

/// Whether an `If-Match` lets a write to this version through.
pub(super) fn met(etag: &str, if_match: Option<&str>) -> Result<(), Refusal> {
    let matches = if_match
        .is_none_or(|tags| tags.trim() == "*" || tags.split(',').any(|tag| tag.trim() == etag));
    if matches {
        Ok(())
    } else {
        Err(Refusal::condition())
    }
}

/// The event that is to be written, if this writer may.
fn target(
    google: &Google,
    writing: &Writing<'_>,
    id: &str,
    if_match: Option<&str>,
) -> Result<Arc<Event>, Refusal> {
    let calendar = google
        .calendars
        .get(writing.calendar)
        .ok_or_else(Refusal::not_found)?;
    let event = series::find(calendar, id, &google.switches).ok_or_else(Refusal::not_found)?;
    if event.is_private() && writing.role < Role::Writer {
        return Err(Refusal::access_level("writer"));
    }
    met(&event.etag(), if_match)?;
    Ok(event)
}

/// `events.update` and `events.patch`.
pub(super) fn change(
    google: &mut Google,
    writing: &Writing<'_>,
    id: &str,
    (body, manner): (&Map<String, Value>, Manner),
    if_match: Option<&str>,
) -> Result<Arc<Event>, Refusal> {
    let before = target(google, writing, id, if_match)?;
    let draft = match manner {
        Manner::Patch => {
            let mut whole = body::writable(&before, writing.user);
            body::merge(&mut whole, body);
            body::read(&whole, writing.context(google))?
        }
        Manner::Replace => body::read(body, writing.context(google))?,
    };
    let mut after = applied(google, writing, &before, draft)?;
    let was_gone = before.is_tombstone();
    if after.is_cancelled() {
        if before.is_cancelled() {
            after.deleted_at = before.deleted_at;
        } else {
            return remove(google, writing, &before);
        }
    } else if was_gone {
        if !google.switches.revival {
            return Err(Refusal::not_found());
        }
        after.deleted_at = None;
    }
    let organizes = before.private_copy || before.is_organized_by(writing.calendar);
    if !organizes {
        return change_as_guest(google, writing, &before, after);
    }
    if let Some(slot) = after.slot.clone() {
        restrict_series(google, writing, &slot.series, &before, &mut after);
    }
    Ok(commit(google, writing, Some(&before), after))
}

/// The event as a draft would have it.
fn applied(
    google: &Google,
    writing: &Writing<'_>,
    before: &Event,
    draft: Draft,
) -> Result<Event, Refusal> {
    if draft.kind.is_some_and(|kind| kind != before.kind) {
        let message = "The type of an event cannot be changed.";
        return Err(Refusal::event_type(message));
    }
    if draft
        .sequence
        .is_some_and(|sequence| sequence < before.sequence)
    {
        return Err(lower_sequence());
    }
    if before.attendees != draft.attendees {
        check_guests(google, writing, &draft.attendees)?;
    }
    let mut after = before.clone();
    after.status = draft.status.unwrap_or(Status::Confirmed);
    after.start = draft.start;
    after.end = draft.end;
    if after.slot.is_none() {
        after.recurrence = draft.recurrence;
    }
    after.attendees = if draft.attendees_omitted {
        answered(&before.attendees, &draft.attendees, writing.calendar)
    } else if before.private_copy {
        // On a private copy only one's own answer can change; a new import sets the others'.
        draft
            .attendees
            .iter()
            .map(|attendee| match before.attendee(&attendee.email) {
                Some(known) if !attendee.is(writing.calendar) => known.clone(),
                Some(_) | None => attendee.clone(),
            })
            .collect()
    } else {
        let kept_resource = |mut attendee: Attendee| {
            if let Some(known) = before.attendee(&attendee.email) {
                attendee.resource = known.resource;
            }
            attendee
        };
        draft.attendees.into_iter().map(kept_resource).collect()
    };
    after.fields = draft.fields;
    disregard(&mut after.fields, Some(before), writing);
    if before.creator.email != writing.user {
        // Only its creator sees or changes where it came from.
        match before.fields.get("source") {
            Some(source) => after.fields.insert("source".to_owned(), source.clone()),
            None => after.fields.remove("source"),
        };
    }
    match draft.reminders {
        Some(reminders) => after.reminders.insert(writing.user.to_owned(), reminders),
        None => after.reminders.remove(writing.user),
    };
    conference::request(&mut after, Some(before), google.switches.late_conferences);
    let moved = before.start != after.start
        || before.end != after.end
        || before.recurrence != after.recurrence;
    check_limits(before, &after)?;
    after.sequence = draft.sequence.unwrap_or(before.sequence);
    if moved && after.sequence == before.sequence && before.is_organized_by(writing.calendar) {
        after.sequence += 1;
    }
    Ok(after)
}

/// Refuses guests to those who may not invite.
pub(super) fn check_guests(
    google: &Google,
    writing: &Writing<'_>,
    attendees: &[Attendee],
) -> Result<(), Refusal> {
    if !attendees.is_empty() && google.switches.cannot_invite.contains(writing.user) {
        return Err(Refusal::service_account());
    }
    Ok(())
}

/// What cannot be changed of a locked copy, and of an event that came out of a mail.
fn check_limits(before: &Event, after: &Event) -> Result<(), Refusal> {
    let differs = |name: &str| before.fields.get(name) != after.fields.get(name);
    let moved = before.start != after.start
        || before.end != after.end
        || before.recurrence != after.recurrence;
    let rewritten = ["summary", "description", "location"]
        .into_iter()
        .any(differs);
    if before.flag("locked", false) && (moved || rewritten) {
        return Err(Refusal::forbidden());
    }
    let only_personal = before.kind == Kind::FromGmail;
    if only_personal && (moved || rewritten || before.attendees != after.attendees) {
        return Err(Refusal::event_type(
            "This event came from Gmail and can hardly be changed.",
        ));
    }
    Ok(())
}

/// The guest list with nothing but one's own answer taken from a partial one.
fn answered(known: &[Attendee], partial: &[Attendee], me: &str) -> Vec<Attendee> {
    let mine = partial.iter().find(|attendee| attendee.is(me));
    known
        .iter()
        .map(|attendee| match mine {
            Some(mine) if attendee.is(me) => Attendee {
                answer: mine.answer,
                comment: mine.comment.clone().or_else(|| attendee.comment.clone()),
                ..attendee.clone()
            },
            Some(_) | None => attendee.clone(),
        })
        .collect()
}

/// Visibility of one instance: what is stricter goes for the whole series, what is not is passed over.
fn restrict_series(
    google: &mut Google,
    writing: &Writing<'_>,
    series: &str,
    before: &Event,
    after: &mut Event,
) {
    let strictness = |event: &Event| match event.text("visibility") {
        Some("public") => 0,
        Some("private" | "confidential") => 2,
        Some(_) | None => 1,
    };
    if strictness(after) == strictness(before) {
        return;
    }
    let found = google.calendars.get(writing.calendar);
    let Some(series) = found.and_then(|calendar| calendar.event(series)).cloned() else {
        return;
    };
    if strictness(after) < strictness(&series) {
        match before.fields.get("visibility") {
            Some(kept) => after.fields.insert("visibility".to_owned(), kept.clone()),
            None => after.fields.remove("visibility"),
        };
        return;
    }
    let mut stricter = Event::clone(&series);
    if let Some(visibility) = after.fields.get("visibility") {
        stricter
            .fields
            .insert("visibility".to_owned(), visibility.clone());
        let stored = google.put(writing.calendar, stricter, writing.now);
        series::follow(google, writing.calendar, &series, &stored, writing.now);
    }
}

/// Stores what the holder of the leading copy did, with everything that follows: exceptions, guests, mails.
pub(super) fn commit(
    google: &mut Google,
    writing: &Writing<'_>,
    before: Option<&Event>,
    mut after: Event,
) -> Arc<Event> {
    if let Some(before) = before.filter(|before| only_reminders_differ(before, &after)) {
        // Reminders leave `updated` alone; the change is told all the same.
        if google.switches.reminders_change_etag {
            after.version = google.stamp(writing.now).version;
        }
        after.updated = before.updated;
        return google.keep(writing.calendar, after, writing.now);
    }
    let stored = google.put(writing.calendar, after, writing.now);
    if let Some(before) = before.filter(|before| before.is_series() || stored.is_series()) {
        series::follow(google, writing.calendar, before, &stored, writing.now);
    }
    if conference::is_pending(&stored) {
        google.touch_later(writing.calendar, &stored.id, writing.now);
    }
    guests::spread(google, writing.calendar, before, &stored, writing.now);
    mail::announce(google, writing, before, &stored);
    stored
}

fn only_reminders_differ(before: &Event, after: &Event) -> bool {
    let mut same = after.clone();
    same.reminders.clone_from(&before.reminders);
    same == *before && after.reminders != before.reminders
}

/// What a guest may do to their copy, and what of it the organizer learns.
fn change_as_guest(
    google: &mut Google,
    writing: &Writing<'_>,
    before: &Event,
    mut after: Event,
) -> Result<Arc<Event>, Refusal> {
    let me = writing.calendar;
    let free = before.flag("guestsCanModify", false);
    let permissions = [
        "guestsCanModify",
        "guestsCanInviteOthers",
        "guestsCanSeeOtherGuests",
    ];
    let touched = permissions
        .iter()
        .any(|name| before.fields.get(*name) != after.fields.get(*name));
    if touched && !free {
        return Err(Refusal::non_organizer());
    }
    let rewritten = before.shared() != after.shared();
    if rewritten && !free && google.switches.guest_edits == GuestEdits::Refused {
        return Err(Refusal::non_organizer());
    }
    let may_invite = free || before.flag("guestsCanInviteOthers", true);
    let mut brought: Vec<Attendee> = after.attendees.clone();
    brought.retain(|attendee| may_invite && before.attendee(&attendee.email).is_none());
    let mine = after.attendee(me).cloned();
    // Nobody answers for others, and nobody strikes others off.
    let mut attendees = before.attendees.clone();
    if let (Some(mine), Some(known)) = (&mine, attendees.iter_mut().find(|known| known.is(me))) {
        known.answer = mine.answer;
        known.comment.clone_from(&mine.comment);
        known.additional_guests = mine.additional_guests;
    }
    attendees.extend(brought.iter().cloned());
    after.attendees = attendees;
    after.sequence = before.sequence;
    let known = before.attendee(me);
    let answers = mine.is_some() && after.attendee(me) != known;
    let stored = if only_reminders_differ(before, &after) {
        return Ok(commit(google, writing, Some(before), after));
    } else {
        google.put(me, after, writing.now)
    };
    if answers || !brought.is_empty() || (rewritten && free) {
        let reply = Reply {
            me: stored.attendee(me).filter(|_| answers).cloned(),
            brought,
            rewritten: (rewritten && free).then(|| Event::clone(&stored)),
        };
        guests::answer(google, &stored, reply, writing.now);
    }
    if answers {
        mail::report(google, writing, &stored);
    }
    let found = google.calendars.get(me);
    let latest = found.and_then(|calendar| calendar.event(&stored.id));
    Ok(latest.map_or(stored, Arc::clone))
}

/// `events.delete`.
pub(super) fn delete(
    google: &mut Google,
    writing: &Writing<'_>,
    id: &str,
    if_match: Option<&str>,
) -> Result<(), Refusal> {
    let calendar = google
        .calendars
        .get(writing.calendar)
        .ok_or_else(Refusal::not_found)?;
    let found = series::find(calendar, id, &google.switches);
    if found.ok_or_else(Refusal::not_found)?.is_cancelled() {
        return Err(Refusal::deleted());
    }
    let before = target(google, writing, id, if_match)?;
    remove(google, writing, &before).map(drop)
}

/// Cancels an instance, or makes anything else a tombstone.
fn remove(
    google: &mut Google,
    writing: &Writing<'_>,
    before: &Event,
) -> Result<Arc<Event>, Refusal> {
    let mut after = before.clone();
    after.status = Status::Cancelled;
    let calendar = google
        .calendars
        .get(writing.calendar)
        .ok_or_else(Refusal::not_found)?;
    let on_series = after.slot.as_ref().is_some_and(|slot| {
        let series = calendar.event(&slot.series);
        series.is_some_and(|series| !series.is_tombstone())
    });
    after.deleted_at = (!on_series).then_some(writing.now);
    if before.private_copy || before.is_organized_by(writing.calendar) {
        return Ok(commit(google, writing, Some(before), after));
    }
    // A guest who throws an invitation away declines it.
    let me = writing.calendar;
    let mut declined = false;
    if let Some(mine) = after.attendees.iter_mut().find(|known| known.is(me)) {
        mine.answer = super::event::Answer::Declined;
        declined = true;
    }
    let stored = google.put(me, after, writing.now);
    if stored.is_series() {
        series::follow(google, me, before, &stored, writing.now);
    }
    if declined {
        let reply = Reply {
            me: stored.attendee(me).cloned(),
            brought: Vec::new(),
            rewritten: None,
        };
        guests::answer(google, &stored, reply, writing.now);
        mail::report(google, writing, &stored);
    }
    Ok(stored)
}

/// `events.move`: the event has another organizer afterwards, with the same id and `iCalUID`.
pub(super) fn relocate(
    google: &mut Google,
    writing: &Writing<'_>,
    id: &str,
    destination: &str,
) -> Result<Arc<Event>, Refusal> {
    let before = target(google, writing, id, None)?;
    if before.is_cancelled() {
        return Err(Refusal::not_found());
    }
    if before.kind != Kind::Default {
        let message = "Only events of type default can be moved.";
        return Err(Refusal::event_type(message));
    }
    if before.slot.is_some() {
        let message = "Cannot change the organizer of an instance.";
        return Err(Refusal::new(
            400,
            "calendar",
            "cannotChangeOrganizerOfInstance",
            message,
        ));
    }
    if !before.is_organized_by(writing.calendar) {
        return Err(Refusal::non_organizer());
    }
    let target = Writing {
        calendar: destination,
        ..writing.clone()
    };
    let there = google
        .calendars
        .get(destination)
        .and_then(|calendar| calendar.event(id));
    if there.is_some_and(|event| !event.is_tombstone() && !event.is_organized_by(writing.calendar))
    {
        return Err(Refusal::duplicate());
    }
    if destination == writing.calendar {
        return Ok(before);
    }
    let organizer = target.party(google);
    let family = google
        .calendars
        .get(writing.calendar)
        .map(|calendar| series::exceptions(calendar, id))
        .unwrap_or_default();
    let mut moved = Event::clone(&before);
    moved.organizer = organizer.clone();
    let stored = google.put(destination, moved, writing.now);
    for exception in &family {
        let mut exception = Event::clone(exception);
        exception.organizer = organizer.clone();
        google.put(destination, exception, writing.now);
    }
    let stays_invited = before.attendee(writing.calendar).is_some();
    for event in family.iter().chain([&before]) {
        let mut left = Event::clone(event);
        left.organizer = organizer.clone();
        if !stays_invited {
            left.status = Status::Cancelled;
            left.deleted_at = Some(writing.now);
        }
        google.put(writing.calendar, left, writing.now);
    }
    guests::spread(google, destination, Some(&before), &stored, writing.now);
    mail::announce(google, &target, Some(&before), &stored);
    Ok(stored)
}

/// Sets aside what a body says without the parameter that makes it count, and keeps what was there.
pub(super) fn disregard(
    fields: &mut Map<String, Value>,
    before: Option<&Event>,
    writing: &Writing<'_>,
) {
    let mut keep = |name: &str| {
        fields.remove(name);
        if let Some(value) = before.and_then(|before| before.fields.get(name)) {
            fields.insert(name.to_owned(), value.clone());
        }
    };
    if !writing.conference {
        keep("conferenceData");
    }
    if !writing.attachments {
        keep("attachments");
    }
    if !writing.labels {
        keep("eventLabelId");
    }
    keep("hangoutLink");
    keep("locked");
    if !fields.contains_key("conferenceData") {
        fields.remove("hangoutLink");
    }
}

pub(super) fn lower_sequence() -> Refusal {
    Refusal::invalid(
        "Invalid sequence value. The specified sequence number is below the current sequence number of the resource.",
    )
}
