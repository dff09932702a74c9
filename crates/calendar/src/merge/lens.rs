//! Reading and setting one field of an event as JSON: the form in which conflicts are kept, shown and resolved.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Field;
use crate::event::{Event, Shape};
use crate::recurrence::Rule;
use crate::time::{Length, Start, ZoneId};
use crate::zone::CustomZone;

/// A value that does not fit its field.
#[derive(Debug, thiserror::Error)]
#[error("{field:?}: {reason}")]
pub struct FieldError {
    /// Which field.
    pub field: Field,
    /// What is wrong with the value.
    pub reason: String,
}

/// When a series happens: the unit in which time is merged.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TimeUnit {
    #[serde(default)]
    shape: Shape,
    start: Start,
    #[serde(default)]
    duration: Length,
    #[serde(default)]
    end_zone: Option<ZoneId>,
    #[serde(default)]
    recurrence_rules: Vec<Rule>,
    #[serde(default)]
    excluded_recurrence_rules: Vec<Rule>,
    #[serde(default)]
    time_zones: std::collections::BTreeMap<ZoneId, CustomZone>,
}

/// The fields that stand in every event.
const SINGLE: [Field; 12] = [
    Field::Time,
    Field::Title,
    Field::Description,
    Field::Locations,
    Field::VirtualLocations,
    Field::Url,
    Field::Status,
    Field::FreeBusyStatus,
    Field::Privacy,
    Field::Priority,
    Field::Keywords,
    Field::Color,
];

/// All fields that any of these events has.
pub(super) fn fields<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeSet<Field> {
    let mut all: BTreeSet<Field> = SINGLE.into_iter().collect();
    for event in events {
        let details = &event.master.details;
        all.extend(details.participants.keys().cloned().map(Field::Participant));
        all.extend(details.alerts.keys().cloned().map(Field::Alert));
        all.extend(
            event
                .recurrence_overrides
                .keys()
                .copied()
                .map(Field::Override),
        );
    }
    all
}

/// The fields in which two events differ. UID, sequence and time stamps are no fields.
pub fn differing(one: &Event, other: &Event) -> Vec<Field> {
    fields([one, other])
        .into_iter()
        .filter(|field| get(one, field) != get(other, field))
        .collect()
}

/// One field of an event; null where the element is not there.
pub fn get(event: &Event, field: &Field) -> Value {
    let details = &event.master.details;
    match field {
        Field::Time => value(&TimeUnit {
            shape: event.shape,
            start: event.master.start.clone(),
            duration: event.master.duration,
            end_zone: event.master.end_zone.clone(),
            recurrence_rules: event.recurrence_rules.clone(),
            excluded_recurrence_rules: event.excluded_recurrence_rules.clone(),
            time_zones: event.time_zones.clone(),
        }),
        Field::Title => json!(details.title),
        Field::Description => json!(details.description),
        Field::Locations => value(&details.locations),
        Field::VirtualLocations => value(&details.virtual_locations),
        Field::Url => value(&details.url),
        Field::Status => value(&details.status),
        Field::FreeBusyStatus => value(&details.free_busy_status),
        Field::Privacy => value(&details.privacy),
        Field::Priority => json!(details.priority),
        Field::Keywords => value(&details.keywords),
        Field::Color => value(&details.color),
        Field::Participant(address) => value(&details.participants.get(address)),
        Field::Alert(key) => value(&details.alerts.get(key)),
        Field::Override(id) => value(&event.recurrence_overrides.get(id)),
    }
}

/// Sets one field of an event; null takes an element away.
pub fn set(event: &mut Event, field: &Field, to: &Value) -> Result<(), FieldError> {
    let details = &mut event.master.details;
    match field {
        Field::Time => {
            let unit: TimeUnit = parse(field, to)?;
            event.shape = unit.shape;
            event.master.start = unit.start;
            event.master.duration = unit.duration;
            event.master.end_zone = unit.end_zone;
            event.recurrence_rules = unit.recurrence_rules;
            event.excluded_recurrence_rules = unit.excluded_recurrence_rules;
            event.time_zones = unit.time_zones;
        }
        Field::Title => details.title = parse(field, to)?,
        Field::Description => details.description = parse(field, to)?,
        Field::Locations => details.locations = parse(field, to)?,
        Field::VirtualLocations => details.virtual_locations = parse(field, to)?,
        Field::Url => details.url = parse(field, to)?,
        Field::Status => details.status = parse(field, to)?,
        Field::FreeBusyStatus => details.free_busy_status = parse(field, to)?,
        Field::Privacy => details.privacy = parse(field, to)?,
        Field::Priority => details.priority = parse(field, to)?,
        Field::Keywords => details.keywords = parse(field, to)?,
        Field::Color => details.color = parse(field, to)?,
        Field::Participant(address) => put(&mut details.participants, address, parse(field, to)?),
        Field::Alert(key) => put(&mut details.alerts, key, parse(field, to)?),
        Field::Override(id) => put(&mut event.recurrence_overrides, id, parse(field, to)?),
    }
    Ok(())
}

fn put<K: Ord + Clone, V>(map: &mut std::collections::BTreeMap<K, V>, key: &K, value: Option<V>) {
    match value {
        Some(value) => {
            map.insert(key.clone(), value);
        }
        None => {
            map.remove(key);
        }
    }
}

fn value<T: Serialize>(of: &T) -> Value {
    // Plain data with string keys: serialising it cannot fail.
    serde_json::to_value(of).unwrap_or(Value::Null)
}

fn parse<T: DeserializeOwned>(field: &Field, from: &Value) -> Result<T, FieldError> {
    T::deserialize(from).map_err(|error| FieldError {
        field: field.clone(),
        reason: error.to_string(),
    })
}
