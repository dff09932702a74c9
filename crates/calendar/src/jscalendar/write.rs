//! Events to JSON objects.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::words::{self, word};
use super::{extension, overrides, rule, times, zones};
use crate::event::{
    Address, Alert, AlertKey, Attendance, Details, Event, Instance, Location, Participant, Role,
    Trigger, VirtualLocation,
};
use crate::ical::whole_days;
use crate::recurrence::Rule;
use crate::time::{Length, Start};

/// The whole event.
pub(super) fn event(event: &Event) -> Map<String, Value> {
    let mut map = instance(&event.master);
    identity(&mut map, event);
    if event.shape != crate::event::Shape::default() {
        put(&mut map, extension::SHAPE, word(words::SHAPE, &event.shape));
    }
    let rules = |rules: &[Rule]| {
        let written = rules
            .iter()
            .map(|one| rule::write(one, times::format_local));
        written.collect::<Vec<Value>>()
    };
    put_some(&mut map, "recurrenceRules", rules(&event.recurrence_rules));
    put_some(
        &mut map,
        "excludedRecurrenceRules",
        rules(&event.excluded_recurrence_rules),
    );
    if !event.recurrence_overrides.is_empty() {
        put(&mut map, "recurrenceOverrides", overrides::write(event));
    }
    if !event.time_zones.is_empty() {
        put(&mut map, "timeZones", zones::write(&event.time_zones));
    }
    map
}

/// What an event and each of its occurrences have in common.
pub(super) fn identity(map: &mut Map<String, Value>, event: &Event) {
    put(map, "@type", "Event");
    put(map, "uid", event.uid.as_str());
    put(map, "sequence", event.sequence);
    for (name, instant) in [("created", event.created), ("updated", event.updated)] {
        if let Some(instant) = instant {
            put(map, name, times::format_instant(instant));
        }
    }
}

/// An instance: what an override can change.
pub(super) fn instance(instance: &Instance) -> Map<String, Value> {
    let mut map = details(&instance.details);
    let start = &instance.start;
    put(&mut map, "start", times::format_local(start.local()));
    put(
        &mut map,
        "timeZone",
        start.zone().map(|zone| zone.0.as_str()),
    );
    put(&mut map, "duration", length(start, instance.duration));
    put(&mut map, "showWithoutTime", start.is_all_day());
    if let Some(zone) = &instance.end_zone {
        put(&mut map, extension::END_ZONE, zone.0.as_str());
    }
    map
}

/// How long something of this kind lasts: whole days last at least one.
pub(super) fn length(start: &Start, length: Length) -> String {
    times::format_length(if start.is_all_day() {
        Length::days(whole_days(length))
    } else {
        length
    })
}

fn details(details: &Details) -> Map<String, Value> {
    let mut map = Map::new();
    put(&mut map, "title", details.title.as_str());
    put(&mut map, "status", word(words::STATUS, &details.status));
    put(
        &mut map,
        "freeBusyStatus",
        word(words::FREE_BUSY, &details.free_busy_status),
    );
    put(&mut map, "privacy", word(words::PRIVACY, &details.privacy));
    if !details.description.is_empty() {
        put(&mut map, "description", details.description.as_str());
    }
    if let Some(color) = &details.color {
        put(&mut map, "color", color.as_str());
    }
    if details.priority != 0 {
        put(&mut map, "priority", details.priority);
    }
    let link = details
        .url
        .iter()
        .map(|url| json!({ "@type": "Link", "href": url }));
    put_map(&mut map, "links", numbered(link));
    put_map(
        &mut map,
        "locations",
        numbered(details.locations.iter().map(location)),
    );
    put_map(
        &mut map,
        "virtualLocations",
        numbered(details.virtual_locations.iter().map(virtual_location)),
    );
    let keywords = details.keywords.iter();
    put_map(
        &mut map,
        "keywords",
        keywords.map(|word| (word.clone(), json!(true))).collect(),
    );
    let people = details.participants.iter();
    put_map(
        &mut map,
        "participants",
        people
            .map(|(address, one)| (id_of(&address.0), participant(address, one)))
            .collect(),
    );
    let alerts = details.alerts.iter();
    put_map(
        &mut map,
        "alerts",
        alerts
            .map(|(key, one)| (id_of(&key.0), alert(key, one)))
            .collect(),
    );
    map
}

/// A text as a JSCalendar id (RFC 8984 §1.4.1): itself where it is one, else a UUID that is always the same.
fn id_of(text: &str) -> String {
    if is_id(text) {
        text.to_owned()
    } else {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
    }
}

/// Whether a text is an id.
pub(super) fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

fn numbered(values: impl Iterator<Item = Value>) -> Map<String, Value> {
    let ids = (1..).map(|id: usize| id.to_string());
    ids.zip(values).collect()
}

fn location(location: &Location) -> Value {
    let mut map = typed("Location");
    put_text(&mut map, "name", &location.name);
    if let Some(coordinates) = &location.coordinates {
        put(&mut map, "coordinates", coordinates.as_str());
    }
    Value::Object(map)
}

fn virtual_location(place: &VirtualLocation) -> Value {
    let mut map = typed("VirtualLocation");
    put(&mut map, "uri", place.uri.as_str());
    put_text(&mut map, "name", &place.name);
    Value::Object(map)
}

fn participant(address: &Address, participant: &Participant) -> Value {
    let mut map = typed("Participant");
    put_text(&mut map, "name", &participant.name);
    if address.0.contains('@') && !address.0.contains(':') {
        put(&mut map, "email", address.0.as_str());
    } else {
        put(&mut map, "sendTo", json!({ "other": address.0 }));
    }
    let mut roles = Map::new();
    if participant.organizer {
        put(&mut roles, "owner", true);
    }
    if let Some(attendance) = &participant.attendance {
        if attendance.role != Role::Informational {
            put(&mut roles, "attendee", true);
        }
        if attendance.role != Role::Required {
            put(&mut roles, word(words::ROLE, &attendance.role), true);
        }
        let usual = Attendance::default();
        if attendance.participation_status != usual.participation_status {
            let status = word(words::PARTICIPATION, &attendance.participation_status);
            put(&mut map, "participationStatus", status);
        }
        if attendance.kind != usual.kind {
            put(&mut map, "kind", word(words::KIND, &attendance.kind));
        }
        if attendance.expect_reply {
            put(&mut map, "expectReply", true);
        }
    }
    put(&mut map, "roles", roles);
    Value::Object(map)
}

fn alert(key: &AlertKey, alert: &Alert) -> Value {
    let mut map = typed("Alert");
    let mut trigger = typed("OffsetTrigger");
    match &alert.trigger {
        Trigger::FromStart(seconds) => put(&mut trigger, "offset", times::format_offset(*seconds)),
        Trigger::FromEnd(seconds) => {
            put(&mut trigger, "offset", times::format_offset(*seconds));
            put(&mut trigger, "relativeTo", "end");
        }
        Trigger::At(instant) => {
            trigger = typed("AbsoluteTrigger");
            put(&mut trigger, "when", times::format_instant(*instant));
        }
    }
    put(&mut map, "trigger", trigger);
    if alert.action != crate::event::AlertAction::Display {
        put(&mut map, "action", word(words::ACTION, &alert.action));
    }
    if !is_id(&key.0) {
        put(&mut map, extension::KEY, key.0.as_str());
    }
    Value::Object(map)
}

/// An object of a type, with nothing said yet.
pub(super) fn typed(name: &str) -> Map<String, Value> {
    let mut map = Map::new();
    put(&mut map, "@type", name);
    map
}

/// Sets a member.
pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    map.insert(name.to_owned(), value.into());
}

/// Sets a list, unless it is empty.
pub(super) fn put_some(map: &mut Map<String, Value>, name: &str, values: Vec<Value>) {
    if !values.is_empty() {
        put(map, name, values);
    }
}

fn put_text(map: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        put(map, name, text);
    }
}

fn put_map(map: &mut Map<String, Value>, name: &str, values: Map<String, Value>) {
    if !values.is_empty() {
        put(map, name, values);
    }
}
