//! Occurrences that depart from their series, as patches of the master (RFC 8984 §4.3.5, §1.4.9).

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Time};
use serde_json::{Map, Value, json};

use super::node::{Node, escaped, unescaped};
use super::times::{self, Moment};
use super::write::put;
use super::{JsError, extension, limits, merge, patch, read, write};
use crate::event::{Event, Override, RecurrenceId};
use crate::series;
use crate::time::Start;

/// Members whose entries are patched one by one.
const MAPS: [&str; 6] = [
    "participants",
    "alerts",
    "keywords",
    "locations",
    "virtualLocations",
    "links",
];

/// For how many added dates with a length it is looked up whether the rules yield them too, where they do not say so
/// themselves, as those that are written here do. Each may follow a rule for long.
const LOOKED_UP_MAX: usize = 10;

/// Writes the overrides of an event.
pub(super) fn write(event: &Event) -> Map<String, Value> {
    let mut base = write::instance(&event.master);
    let mut overrides = Map::new();
    for (id, change) in &event.recurrence_overrides {
        let key = times::format_local(id.0);
        let patch = match change {
            Override::Excluded => json!({ "excluded": true }),
            Override::Added { duration: None } => json!({}),
            Override::Added {
                duration: Some(length),
            } => {
                let mut patch = Map::new();
                let length = write::length(&event.master.start, *length);
                put(&mut patch, "duration", length);
                // Whoever reads it need not find out whether the rules yield it too.
                put(&mut patch, extension::ADDED, true);
                Value::Object(patch)
            }
            Override::Replaced(instance) => {
                put(&mut base, "start", key.as_str());
                let mut patch = differing(&base, &write::instance(instance));
                if patch.keys().all(|name| name == "duration") {
                    // Without it this would be an added date.
                    put(&mut patch, "start", key.as_str());
                }
                Value::Object(patch)
            }
        };
        overrides.insert(key, patch);
    }
    overrides
}

fn is_ruled(event: &Event, id: RecurrenceId, looked_up: &mut usize) -> bool {
    *looked_up += 1;
    *looked_up <= LOOKED_UP_MAX && series::is_ruled(event, id).unwrap_or(false)
}

/// The patch that makes one instance the other.
fn differing(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (name, value) in to {
        match (from.get(name), value) {
            (Some(before), after) if before == after => {}
            (Some(Value::Object(before)), Value::Object(after))
                if MAPS.contains(&name.as_str()) =>
            {
                let path = |key: &str| format!("{name}/{}", escaped(key));
                for (key, value) in after {
                    if before.get(key) != Some(value) {
                        patch.insert(path(key), value.clone());
                    }
                }
                for key in before.keys().filter(|key| !after.contains_key(*key)) {
                    patch.insert(path(key), Value::Null);
                }
            }
            _ => put(&mut patch, name, value.clone()),
        }
    }
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        put(&mut patch, name, Value::Null);
    }
    patch
}

/// Reads the overrides of an event whose master and rules are read. `source` is the object that it was read from: patches
/// follow its ids.
pub(super) fn read(
    node: &Node<'_>,
    event: &Event,
    source: &Value,
) -> Result<BTreeMap<RecurrenceId, Override>, JsError> {
    let mut base = base(event, source);
    let mut looked_up = 0;
    let (mut said, size) = (0, json_bytes(&base));
    let mut overrides = BTreeMap::new();
    for (key, node) in node.entries()? {
        let id = recurrence_id(key, &event.master.start)
            .ok_or_else(|| node.fail("is under a key that is no start of this event"))?;
        put(&mut base, "start", times::format_local(id.0));
        let change = read_one(&node, id, event, &base, &mut looked_up)?;
        if let Override::Replaced(_) = change {
            said += size + json_bytes_of(node.value);
            if said > limits::OVERRIDES_BYTES_MAX {
                return Err(node.fail("is too much: with all it repeats of the event, this is more than one event holds"));
            }
        }
        if overrides.insert(id, change).is_some() {
            return Err(node.fail("is a second one for the same occurrence"));
        }
    }
    Ok(overrides)
}

fn json_bytes(map: &Map<String, Value>) -> usize {
    map.values().map(json_bytes_of).sum()
}

/// About how much is said.
fn json_bytes_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(json_bytes_of).sum(),
        Value::Object(map) => json_bytes(map) + map.keys().map(String::len).sum::<usize>(),
    }
}

/// The master as its occurrences patch it.
fn base(event: &Event, source: &Value) -> Map<String, Value> {
    let members = source.as_object().into_iter().flatten();
    let mut base: Map<String, Value> = members
        .filter(|(name, value)| read::INSTANCE.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let canonical = write::instance(&event.master);
    for name in ["timeZone", "showWithoutTime", "duration"] {
        base.insert(name.to_owned(), canonical[name].clone());
    }
    base
}

/// The occurrence that a key names.
pub(super) fn recurrence_id(key: &str, start: &Start) -> Option<RecurrenceId> {
    let local: DateTime = match (times::parse_moment(key)?, start) {
        (Moment::Date(date), Start::AllDay(_)) => date.to_datetime(Time::midnight()),
        (Moment::Local(local), Start::AllDay(_)) if local.time() != Time::midnight() => {
            return None;
        }
        (Moment::Local(local), _) => local,
        (Moment::Date(_), _) => return None,
    };
    Some(RecurrenceId(local))
}

fn read_one(
    node: &Node<'_>,
    id: RecurrenceId,
    event: &Event,
    base: &Map<String, Value>,
    looked_up: &mut usize,
) -> Result<Override, JsError> {
    let Some(patch) = node.value.as_object() else {
        return Err(node.fail("is not an object"));
    };
    let flag = |name: &str| match patch.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => Node::new(value, super::node::join(&node.pointer, name)).flag(),
    };
    if flag("excluded")? {
        return Ok(Override::Excluded);
    }
    let added = flag(extension::ADDED)?;
    let mut patch = patch.clone();
    patch.retain(|name, _| name != "excluded" && name != extension::ADDED);
    if patch.is_empty() {
        return Ok(Override::Added { duration: None });
    }
    let length_alone = patch.len() == 1 && patch.get("duration").is_some_and(Value::is_string);
    let is_added = added || (length_alone && !is_ruled(event, id, looked_up));
    let merged = Value::Object(applied(base, &patch, node)?);
    let instance = read::instance(&Node::new(&merged, node.pointer.clone()), &event.time_zones)?;
    if !is_added {
        return Ok(Override::Replaced(Box::new(instance)));
    }
    if !length_alone {
        return Err(node.fail("says more of an added date than how long it lasts"));
    }
    let duration = Some(instance.duration).filter(|length| *length != event.master.duration);
    Ok(Override::Added { duration })
}

/// An instance with a patch applied (RFC 8984 §1.4.9): its paths are JSON pointers without their first slash.
fn applied(
    base: &Map<String, Value>,
    patch: &Map<String, Value>,
    node: &Node<'_>,
) -> Result<Map<String, Value>, JsError> {
    let mut target = base.clone();
    for (path, value) in patch {
        let fail = |problem: &str| {
            let pointer = super::node::join(&node.pointer, path);
            Err(JsError::new(pointer, problem))
        };
        let mut parts = path.split('/').map(unescaped);
        let mut name = parts.next().unwrap_or_default();
        if patch::OF_SERIES.contains(&name.as_str()) || patch::FIXED.contains(&name.as_str()) {
            return fail("cannot differ in one occurrence");
        }
        let within = path.match_indices('/').map(|(at, _)| &path[..at]);
        if within.into_iter().any(|outer| patch.contains_key(outer)) {
            return fail("lies within what this patch replaces");
        }
        let mut object = &mut target;
        if MAPS.contains(&name.as_str()) && path.matches('/').count() == 1 {
            // The series may have lost all its entries since.
            object.entry(name.clone()).or_insert_with(|| json!({}));
        }
        for next in parts {
            match object.get_mut(&name) {
                Some(Value::Object(inner)) => object = inner,
                _ => return fail("leads nowhere: the event has no such member"),
            }
            name = next;
        }
        if value.is_null() {
            object.remove(&name);
        } else {
            object.insert(name, value.clone());
        }
    }
    merge::follow_kind(base, patch, &mut target);
    Ok(target)
}
