//! What an event of ours says in Graph's terms, property by property, so that only what differs is written.
//!
//! Both sides of a comparison are composed here: what Graph has no words for is lost on both, and so never written. That
//! is how `oof` stays `oof` as long as an event stays busy.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use kalends_calendar::event::{
    AlertAction, AlertKey, Details, Event, FreeBusyStatus, Instance, Location, Override, Privacy,
    RecurrenceId, Shape, Status, Trigger, VirtualLocation,
};
use kalends_calendar::failure::Failure;
use kalends_calendar::series::{self, SeriesError};
use kalends_calendar::time::{Start, ZoneId};
use kalends_calendar::zone::resolve;
use serde_json::{Map, Value, json};

use super::normalize::{derived_key, state};
use super::properties::{NamedReminder, Note, ShownState};
use super::{recurrence, zones};
use crate::html;

/// Properties by name, as a body has them.
pub(super) type Fields = Map<String, Value>;

/// What is written together or not at all.
const TOGETHER: [&[&str]; 2] = [
    &["isAllDay", "start", "end"],
    &["isReminderOn", "reminderMinutesBeforeStart"],
];

/// What a change of the series' own time is seen by: then Outlook forgets every exception.
const RESETTING: [&str; 4] = ["isAllDay", "start", "end", "recurrence"];

/// A master, or an event that happens once, as Graph is to have it. `pinned` is the zone in which times without one stand.
pub(super) fn master(event: &Event, pinned: &ZoneId) -> Result<Fields, Failure> {
    if event.shape == Shape::InstancesOnly {
        return Err(unsayable("occurrences without a series"));
    }
    if !event.excluded_recurrence_rules.is_empty() {
        return Err(unsayable("rules that take occurrences away"));
    }
    let mut fields = instance(event, &event.master, pinned)?;
    let recurrence = match &event.recurrence_rules[..] {
        [] => {
            let adds = event
                .recurrence_overrides
                .values()
                .any(|change| !matches!(change, Override::Excluded));
            if adds {
                return Err(unsayable("dates without a rule"));
            }
            let own = RecurrenceId(event.master.start.local());
            if event.recurrence_overrides.contains_key(&own) {
                return Err(Failure::item(
                    "Outlook shows no event that never takes place: the only day of this one is taken away",
                ));
            }
            Value::Null
        }
        [rule] => {
            let zone = clock(event, &event.master.start, pinned)?.name;
            recurrence::to_graph(rule, &event.master.start, zone).map_err(|reason| {
                Failure::item(format!("Outlook cannot repeat this event: {reason}"))
            })?
        }
        _ => return Err(unsayable("several rules")),
    };
    fields.insert("recurrence".to_owned(), recurrence);
    Ok(fields)
}

/// One happening. `body` is the plain text of the description; whoever sends it makes a body of it.
pub(super) fn instance(
    event: &Event,
    instance: &Instance,
    pinned: &ZoneId,
) -> Result<Fields, Failure> {
    let details = &instance.details;
    let mut fields = Fields::new();
    let mut set = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    set("subject", json!(subject(&details.title)));
    set("body", json!(html::canonical(&details.description)));
    set("showAs", json!(show_as(details)));
    set("sensitivity", json!(sensitivity(details.privacy)));
    set("importance", json!(importance(details.priority)));
    set(
        "categories",
        details.keywords.iter().map(|word| json!(word)).collect(),
    );
    match &details.locations[..] {
        [] => set("location", json!({"displayName": ""})),
        [one] => set("location", place(one)),
        several => set("locations", several.iter().map(place).collect()),
    }
    let minutes = reminder(instance).map(|(minutes, _)| minutes);
    set("isReminderOn", json!(minutes.is_some()));
    if let Some(minutes) = minutes {
        set("reminderMinutesBeforeStart", json!(minutes));
    }
    let (start, end) = span(event, instance, pinned)?;
    set("isAllDay", json!(instance.start.is_all_day()));
    set("start", start);
    set("end", end);
    Ok(fields)
}

/// What of an event Graph has no place for. `made_there` is the way into an online meeting of Graph's own.
pub(super) fn note(event: &Event, pinned: &ZoneId, made_there: &[VirtualLocation]) -> Note {
    let details = &event.master.details;
    let mut note = Note {
        url: details.url.clone(),
        conferences: conferences(details, made_there),
        reminder: reminder(&event.master)
            .filter(|(minutes, key)| derived_key(*minutes) != **key)
            .map(|(minutes, key)| NamedReminder {
                minutes,
                key: key.clone(),
            }),
        state: unusual_state(details),
        ..Note::default()
    };
    match &event.master.start {
        Start::AllDay(_) => {}
        Start::Floating(_) => {
            note.floating = true;
            note.zone = unusual(pinned);
        }
        Start::Zoned { zone, .. } => {
            note.zone = unusual(zone);
            note.end_zone.clone_from(&event.master.end_zone);
        }
    }
    note
}

/// The ways into conferences that Graph does not keep by itself.
fn conferences(details: &Details, made_there: &[VirtualLocation]) -> Vec<VirtualLocation> {
    let is_kept = |way: &&VirtualLocation| made_there.iter().all(|own| own.uri != way.uri);
    let ways = details.virtual_locations.iter();
    ways.filter(is_kept).cloned().collect()
}

/// A state that would be read as another one from what is shown of it.
fn unusual_state(details: &Details) -> Option<ShownState> {
    let (status, free_busy_status) = (details.status, details.free_busy_status);
    let shown = show_as(details);
    (state(shown) != (status, free_busy_status)).then(|| ShownState {
        show_as: shown.to_owned(),
        status,
        free_busy_status,
    })
}

/// A zone whose Windows name would be read as another one.
fn unusual(zone: &ZoneId) -> Option<ZoneId> {
    let read = zones::windows(zone).and_then(zones::iana);
    (!zone.is_custom() && !zone.is_utc() && read.as_ref() != Some(zone)).then(|| zone.clone())
}

/// What of `want` differs from `have`.
pub(super) fn differing(have: &Fields, want: &Fields) -> Fields {
    let mut patch: Fields = want
        .iter()
        .filter(|(key, value)| have.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for group in TOGETHER {
        if group.iter().any(|key| patch.contains_key(*key)) {
            for key in group {
                if let Some(value) = want.get(*key) {
                    patch.insert((*key).to_owned(), value.clone());
                }
            }
        }
    }
    patch
}

/// Whether a change of a series makes Outlook forget its exceptions.
pub(super) fn resets(patch: &Fields) -> bool {
    RESETTING.iter().any(|key| patch.contains_key(*key))
}

/// The event that was asked for as Graph's words tell it: what stands there, with every property that says something else
/// taken from what was asked for.
/// `made_there` is the way into an online meeting that stands there.
pub(super) fn as_told(
    observed: &Event,
    asked: &Event,
    pinned: &ZoneId,
    made_there: &[VirtualLocation],
) -> Result<Event, Failure> {
    let mut told = observed.clone();
    let changed = differing(&master(observed, pinned)?, &master(asked, pinned)?);
    if resets(&changed) {
        told.recurrence_rules.clone_from(&asked.recurrence_rules);
        told.excluded_recurrence_rules.clear();
    }
    tell(&mut told.master, &asked.master, &changed);
    let (into, from) = (&mut told.master.details, &asked.master.details);
    into.url.clone_from(&from.url);
    into.virtual_locations = made_there.to_vec();
    into.virtual_locations.extend(conferences(from, made_there));
    for id in observed
        .recurrence_overrides
        .keys()
        .chain(asked.recurrence_overrides.keys())
    {
        let (there, wanted) = (happening(observed, *id), happening(asked, *id));
        let alike = match (&there, &wanted) {
            (Some(there), Some(wanted)) => differing(
                &instance(observed, there, pinned)?,
                &instance(asked, wanted, pinned)?,
            )
            .is_empty(),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !alike {
            match asked.recurrence_overrides.get(id) {
                Some(change) => told.recurrence_overrides.insert(*id, change.clone()),
                None => told.recurrence_overrides.remove(id),
            };
        }
    }
    Ok(told)
}

/// An occurrence as it is; none where it was taken away, or never was.
pub(super) fn happening(event: &Event, id: RecurrenceId) -> Option<Instance> {
    let departs = event.recurrence_overrides.contains_key(&id);
    let instance = series::instance_of(event, id).ok();
    instance.filter(|_| departs || is_given(event, id))
}

/// Whether the rule itself gives an occurrence here, whatever became of it.
pub(super) fn is_given(event: &Event, id: RecurrenceId) -> bool {
    let mut bare = event.clone();
    bare.recurrence_overrides.clear();
    // What cannot be told is left to Graph.
    !matches!(
        series::check_occurrence(&bare, id),
        Err(SeriesError::NoOccurrence(_))
    )
}

fn tell(told: &mut Instance, asked: &Instance, changed: &Fields) {
    let (into, from) = (&mut told.details, &asked.details);
    for key in changed.keys() {
        match key.as_str() {
            "subject" => into.title.clone_from(&from.title),
            "body" => into.description.clone_from(&from.description),
            "showAs" => {
                into.status = from.status;
                into.free_busy_status = from.free_busy_status;
            }
            "sensitivity" => into.privacy = from.privacy,
            "importance" => into.priority = from.priority,
            "categories" => into.keywords.clone_from(&from.keywords),
            "location" | "locations" => into.locations.clone_from(&from.locations),
            "isReminderOn" | "reminderMinutesBeforeStart" => into.alerts.clone_from(&from.alerts),
            "start" | "end" | "isAllDay" | "recurrence" => {
                told.start.clone_from(&asked.start);
                told.duration = asked.duration;
                told.end_zone.clone_from(&asked.end_zone);
            }
            _ => {}
        }
    }
}

fn unsayable(what: &str) -> Failure {
    Failure::item(format!("Outlook cannot repeat this event: it has {what}"))
}

/// Two states of ours, three of theirs that are ever written. What is cancelled here takes no time there.
fn show_as(details: &Details) -> &'static str {
    match (details.status, details.free_busy_status) {
        (Status::Cancelled, _) | (_, FreeBusyStatus::Free) => "free",
        (Status::Tentative, FreeBusyStatus::Busy) => "tentative",
        (Status::Confirmed, FreeBusyStatus::Busy) => "busy",
    }
}

/// A title as Outlook keeps one: on one line, with nothing around it.
fn subject(title: &str) -> String {
    title.replace(['\r', '\n'], " ").trim().to_owned()
}

fn sensitivity(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "normal",
        Privacy::Private => "private",
        Privacy::Secret => "confidential",
    }
}

fn importance(priority: u8) -> &'static str {
    match priority {
        1..=4 => "high",
        6..=9 => "low",
        _ => "normal",
    }
}

fn place(location: &Location) -> Value {
    let mut place = json!({"displayName": location.name});
    let coordinates = location.coordinates.as_deref().and_then(|text| {
        let (latitude, longitude) = text.strip_prefix("geo:")?.split_once(',')?;
        let longitude = longitude.split([',', ';']).next()?;
        Some((
            latitude.parse::<f64>().ok()?,
            longitude.parse::<f64>().ok()?,
        ))
    });
    if let Some((latitude, longitude)) = coordinates {
        place["coordinates"] = json!({"latitude": latitude, "longitude": longitude});
    }
    place
}

/// Minutes before the start at which Outlook reminds, and what that reminder is called: of several on a screen the last one
/// before the start.
fn reminder(instance: &Instance) -> Option<(i64, &AlertKey)> {
    instance
        .details
        .alerts
        .iter()
        .filter(|(_, alert)| alert.action == AlertAction::Display)
        .filter_map(|(key, alert)| match alert.trigger {
            Trigger::FromStart(seconds) => Some((seconds, key)),
            Trigger::FromEnd(_) | Trigger::At(_) => None,
        })
        .filter(|(seconds, _)| *seconds <= 0)
        .map(|(seconds, key)| (seconds.saturating_neg() / 60, key))
        .min_by_key(|(minutes, _)| *minutes)
}

/// A clock that Graph can be told.
struct Clock {
    zone: ZoneId,
    name: &'static str,
}

/// The clock of a start. What happens once may stand in UTC where Windows has no name for its zone; what repeats may not.
fn clock(event: &Event, start: &Start, pinned: &ZoneId) -> Result<Clock, Failure> {
    let zone = match start {
        Start::AllDay(_) => {
            return Ok(Clock {
                zone: ZoneId::utc(),
                name: zones::UTC,
            });
        }
        Start::Floating(_) => pinned,
        Start::Zoned { zone, .. } => zone,
    };
    match zones::windows(zone) {
        Some(name) => Ok(Clock {
            zone: zone.clone(),
            name,
        }),
        None if event.recurrence_rules.is_empty() => Ok(Clock {
            zone: ZoneId::utc(),
            name: zones::UTC,
        }),
        None => Err(Failure::item(format!(
            "Outlook cannot repeat this event: it has no zone like “{zone}”"
        ))),
    }
}

/// Start and end.
fn span(event: &Event, instance: &Instance, pinned: &ZoneId) -> Result<(Value, Value), Failure> {
    let moment = |local: DateTime, name: &str| json!({"dateTime": local.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": name});
    let too_late = || Failure::item("The event ends after all calendars");
    let local = instance.start.local();
    let after_days = local
        .checked_add(SignedDuration::from_hours(
            24 * i64::from(instance.duration.days),
        ))
        .map_err(|_| too_late())?;
    if instance.start.is_all_day() {
        let more = instance.duration.seconds.div_euclid(86_400)
            + i64::from(instance.duration.seconds.rem_euclid(86_400) > 0);
        let end = after_days
            .checked_add(SignedDuration::from_hours(24 * more))
            .map_err(|_| too_late())?;
        return Ok((moment(local, zones::UTC), moment(end, zones::UTC)));
    }
    let own = instance.start.zone().unwrap_or(pinned);
    let known = |zone: &ZoneId| {
        resolve(zone, &event.time_zones)
            .map_err(|error| Failure::item(format!("The event cannot be written: {error}")))
    };
    let own = known(own)?;
    let clock = clock(event, &instance.start, pinned)?;
    let end_clock = instance
        .end_zone
        .as_ref()
        .and_then(|zone| zones::windows(zone).map(|name| (zone.clone(), name)))
        .unwrap_or_else(|| (clock.zone.clone(), clock.name));
    let begin = own.to_instant(local);
    let end = own
        .to_instant(after_days)
        .checked_add(SignedDuration::from_secs(instance.duration.seconds))
        .map_err(|_| too_late())?;
    Ok((
        moment(known(&clock.zone)?.to_local(begin), clock.name),
        moment(known(&end_clock.0)?.to_local(end), end_clock.1),
    ))
}
