//! What to send so that Google holds an event as it shall be: only what differs from what is there.
//!
//! Differences are looked for in our terms, between what a resource reads as and the target. So a description in HTML, a
//! reordered rule or a default that Google leaves unsaid is no difference, and nothing is written that nobody changed.

use kalends_calendar::event::{Event, Instance, Privacy, RecurrenceId, Shape, VirtualLocation};
use kalends_calendar::provider::Mark;
use kalends_calendar::time::Start;
use serde_json::{Value, json};

use super::aggregate::{self, Frame};
use super::details::{self, Reader};
use super::normalize;
use super::properties;
use super::recurrence;
use super::times;
use super::wire::{self, Resource};

/// What a guest may change of an event that somebody else organizes.
const PERSONAL: [&str; 6] = [
    "attendees",
    "attendeesOmitted",
    "extendedProperties",
    "reminders",
    "transparency",
    "visibility",
];

/// What nobody may change of a copy that Google has locked.
const LOCKED: [&str; 6] = [
    "description",
    "end",
    "location",
    "recurrence",
    "start",
    "summary",
];

/// A resource that is there, and what it reads as.
pub(crate) struct Standing<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) typed: wire::Event,
    pub(crate) reader: Reader<'a>,
}

impl<'a> Standing<'a> {
    pub(crate) fn of(resource: &'a Resource, reader: Reader<'a>) -> Result<Self, String> {
        Ok(Self {
            resource,
            typed: aggregate::typed(resource)?,
            reader,
        })
    }
}

/// A new event: the resource to insert. Its changed occurrences follow one by one. Guests are left out: whom Google is
/// told of gets the event into his calendar, mailed or not.
pub(crate) fn compose(
    event: &Event,
    mark: &Mark,
    id: &str,
    frame: &Frame,
) -> Result<Resource, String> {
    refuse_shape(event)?;
    let pin = &frame.time_zone;
    let (start, end) = times::write(&event.master, pin)?;
    let mut resource = details::write(None, &event.master.details)?;
    resource.insert("id".to_owned(), json!(id));
    resource.insert("start".to_owned(), start);
    resource.insert("end".to_owned(), end);
    let lines = recurrence::write(event, &pinned(&event.master.start, pin), |_| true)?;
    if !lines.is_empty() {
        resource.insert("recurrence".to_owned(), json!(lines));
    }
    let mut private = properties::mark_properties(mark, id).map_err(|failure| failure.message)?;
    let more = more(&event.master, &[], pin)?;
    private.extend(properties::more_properties(
        &properties::More::default(),
        &more,
    )?);
    resource.insert(
        "extendedProperties".to_owned(),
        json!({ "private": private }),
    );
    Ok(resource)
}

fn refuse_shape(event: &Event) -> Result<(), String> {
    match event.shape {
        Shape::Series => Ok(()),
        Shape::InstancesOnly => {
            Err("shape: Google has no series of which only single occurrences are known".to_owned())
        }
    }
}

/// The zone that a floating event is pinned to: the one it stands in already, else the calendar's.
pub(crate) fn pin(standing: &Standing<'_>) -> String {
    let clock = normalize::clock(&standing.typed, standing.reader.frame);
    let stands = normalize::pin(&standing.typed, clock).filter(|_| clock.floating);
    stands.map_or_else(|| clock.calendar_zone.to_owned(), |zone| zone.0)
}

fn pinned(start: &Start, pin: &str) -> Start {
    let zone = kalends_calendar::zone::identify(pin);
    normalize::pinned(start, zone.as_ref())
}

/// What of an instance goes where Google has no field.
fn more(
    instance: &Instance,
    conference: &[VirtualLocation],
    pin: &str,
) -> Result<properties::More, String> {
    let mut more = details::more(&instance.details, conference)?;
    more.floating = matches!(instance.start, Start::Floating(_));
    more.duration = normalize::stands_as(instance, pin)
        .filter(|standing| standing.duration != instance.duration)
        .map(|_| instance.duration);
    Ok(more)
}

/// What to change of an event or a master. Empty where nothing that Google holds differs.
pub(crate) fn master(
    standing: &Standing<'_>,
    base: &Event,
    target: &Event,
    mark: Option<&Mark>,
) -> Result<Resource, String> {
    refuse_shape(target)?;
    let pin = pin(standing);
    let mut patch = instance_fields(standing, &base.master, &target.master, &pin)?;
    if let Some(lines) = changed_lines(standing, base, target, &pin)? {
        patch.insert("recurrence".to_owned(), lines);
    }
    let (before, now) = (&base.master.details, &target.master.details);
    if let Some(answer) = details::own_answer(&standing.typed, before, now)? {
        patch.insert("attendees".to_owned(), answer);
        // Only the owner's own entry is meant; the others stay.
        patch.insert("attendeesOmitted".to_owned(), json!(true));
    }
    if let Some(mark) = mark {
        leave_mark(standing, mark, &mut patch)?;
    }
    permitted(standing, &patch)?;
    Ok(patch)
}

/// What to change of one instance, from what it reads as. Google keeps no instance more open than its series, and hides
/// the whole series with one that is to be hidden: so an instance is told no more than what its series is told.
pub(crate) fn instance(
    standing: &Standing<'_>,
    before: &Instance,
    now: &Instance,
    pin: &str,
    series: Privacy,
) -> Result<Resource, String> {
    let mut patch = instance_fields(standing, before, now, pin)?;
    if now.details.privacy != series {
        patch.remove("visibility");
    }
    permitted(standing, &patch)?;
    Ok(patch)
}

/// Refuses an occurrence that is to be hidden better than its series.
pub(crate) fn refuse_hidden(occurrence: &Instance, series: &Instance) -> Result<(), String> {
    if strictness(occurrence.details.privacy) > strictness(series.details.privacy) {
        return Err(
            "privacy: Google would hide the whole series where one occurrence is to be hidden"
                .to_owned(),
        );
    }
    Ok(())
}

fn strictness(privacy: Privacy) -> u8 {
    match privacy {
        Privacy::Public => 0,
        Privacy::Private => 1,
        Privacy::Secret => 2,
    }
}

fn instance_fields(
    standing: &Standing<'_>,
    before: &Instance,
    now: &Instance,
    pin: &str,
) -> Result<Resource, String> {
    let mut patch = details::write(Some(&before.details), &now.details)?;
    let moved = |one: &Instance, other: &Instance| {
        one.start != other.start || one.duration != other.duration || one.end_zone != other.end_zone
    };
    if moved(before, now) {
        let (start, end) = times::write(now, pin)?;
        for (name, value) in [("start", start), ("end", end)] {
            patch.insert(name.to_owned(), switched(standing.resource, name, value));
        }
    }
    let was = properties::more(standing.typed.extended_properties.as_ref());
    let conference = details::conference(&standing.typed);
    let is = more(now, &conference, pin)?;
    if was != is {
        let private = properties::more_properties(&was, &is)?;
        if !private.is_empty() {
            patch.insert(
                "extendedProperties".to_owned(),
                json!({ "private": private }),
            );
        }
    }
    Ok(patch)
}

/// A start or an end with nulls for what stands there and may not stay: a day has no time, a time no day.
fn switched(resource: &Resource, name: &str, mut value: Value) -> Value {
    let stands = resource.get(name).and_then(Value::as_object);
    if let (Some(stands), Some(fields)) = (stands, value.as_object_mut()) {
        for member in ["date", "dateTime", "timeZone"] {
            let is_there = stands.get(member).is_some_and(|there| !there.is_null());
            if is_there && !fields.contains_key(member) {
                fields.insert(member.to_owned(), Value::Null);
            }
        }
    }
    value
}

/// The recurrence lines, where they must change.
///
/// Exclusions that stand among them stay there, and new ones are cancelled as instances, so that an exclusion alone does
/// not rewrite the series. Where time or rules change, all exclusions are given with them: nothing may reappear even for
/// a moment.
fn changed_lines(
    standing: &Standing<'_>,
    base: &Event,
    target: &Event,
    pin: &str,
) -> Result<Option<Value>, String> {
    let clock = normalize::clock(&standing.typed, standing.reader.frame);
    let there = normalize::lines(&standing.typed, &base.master.start, clock)?;
    let rules_change = base.master.start != target.master.start
        || base.recurrence_rules != target.recurrence_rules
        || base.excluded_recurrence_rules != target.excluded_recurrence_rules;
    let start = pinned(&target.master.start, pin);
    let among_lines = |id: RecurrenceId| rules_change || there.dates.contains_key(&id);
    let wanted = recurrence::write(target, &start, among_lines)?;
    let old = standing.typed.recurrence.clone().unwrap_or_default();
    let is_same = recurrence::read(&old, &start).ok() == Some(recurrence::read(&wanted, &start)?);
    let says_as_much = old.is_empty() == wanted.is_empty();
    Ok(if is_same && says_as_much {
        None
    } else if wanted.is_empty() {
        Some(Value::Null)
    } else {
        Some(json!(wanted))
    })
}

fn leave_mark(standing: &Standing<'_>, mark: &Mark, patch: &mut Resource) -> Result<(), String> {
    let properties = standing.typed.extended_properties.as_ref();
    let id = &standing.typed.id;
    let stands =
        properties::mark(properties).as_ref() == Some(mark) && properties::is_place(properties, id);
    if stands || patch.is_empty() {
        return Ok(());
    }
    let marks = properties::mark_properties(mark, id).map_err(|failure| failure.message)?;
    let private = patch
        .entry("extendedProperties")
        .or_insert_with(|| json!({"private": {}}))
        .get_mut("private")
        .and_then(Value::as_object_mut);
    if let Some(private) = private {
        private.extend(marks);
    }
    Ok(())
}

/// Refuses what only the organizer may change, and what nobody may.
fn permitted(standing: &Standing<'_>, patch: &Resource) -> Result<(), String> {
    if is_guest(&standing.typed)
        && let Some(field) = patch
            .keys()
            .find(|field| !PERSONAL.contains(&field.as_str()))
    {
        return Err(format!(
            "{field}: somebody else organizes this event, and Google takes only what is personal"
        ));
    }
    if standing.typed.locked == Some(true)
        && let Some(field) = patch.keys().find(|field| LOCKED.contains(&field.as_str()))
    {
        return Err(format!("{field}: Google has locked this copy of the event"));
    }
    Ok(())
}

/// Whether the owner of the calendar is a guest of this event, and no more.
pub(crate) fn is_guest(typed: &wire::Event) -> bool {
    let is_organizer = typed
        .organizer
        .as_ref()
        .is_some_and(|organizer| organizer.is_self == Some(true));
    let attends = typed
        .attendees
        .iter()
        .flatten()
        .any(|person| person.is_self == Some(true) && person.organizer != Some(true));
    attends && !is_organizer && typed.guests_can_modify != Some(true)
}
