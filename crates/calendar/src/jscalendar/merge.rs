//! What an object says after a change: JSON Merge Patch (RFC 7396), where it leaves an event whole.

use serde_json::{Map, Value, json};

use super::node::{Node, join, unescaped};
use super::times::{self, Moment};
use super::write::put;
use super::{JsError, extension};
use crate::event::Address;
use crate::ical::whole_days;
use crate::time::Length;

const OVERRIDES: &str = "recurrenceOverrides";

/// An object after a change. Two things differ from the standard.
///
/// An override is a patch itself, in which null is a value ("not in this occurrence"); merging may not remove it.
/// And participants, places and links have no ids of ours, so that an entry under another id which is one that is there
/// counts as that one: a change that is sent again changes nothing.
pub(super) fn merged(
    before: &Map<String, Value>,
    change: &Map<String, Value>,
) -> Map<String, Value> {
    let change = recognised(before, change);
    let mut after = before.clone();
    for (name, value) in &change {
        match value {
            Value::Object(overrides) if name == OVERRIDES => {
                let known = after.entry(name.clone()).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    merge_overrides(known, overrides, whole_days_are(before));
                }
            }
            _ => merge(&mut after, name, value),
        }
    }
    follow_kind(before, &change, &mut after);
    after
}

/// RFC 7396 §2.
fn merge(target: &mut Map<String, Value>, name: &str, value: &Value) {
    match value {
        Value::Null => {
            target.remove(name);
        }
        Value::Object(inner) => {
            let entry = target.entry(name).or_insert(Value::Null);
            if !entry.is_object() {
                *entry = Value::Object(Map::new());
            }
            if let Value::Object(entry) = entry {
                for (name, value) in inner {
                    merge(entry, name, value);
                }
            }
        }
        other => put(target, name, other.clone()),
    }
}

fn merge_overrides(known: &mut Map<String, Value>, changes: &Map<String, Value>, all_day: bool) {
    for (key, change) in changes {
        let key = override_key(key, all_day);
        match (known.get_mut(&key), change) {
            (_, Value::Null) => drop(known.remove(&key)),
            (Some(Value::Object(patch)), Value::Object(change)) => {
                for (path, value) in change {
                    let within = format!("{path}/");
                    patch.retain(|other, _| !other.starts_with(&within));
                    if !put_within(patch, path, value) {
                        put(patch, path, value.clone());
                    }
                }
            }
            (_, other) => put(known, &key, other.clone()),
        }
    }
}

/// Changes what a patch says as a whole by a path into it. False where the patch says nothing of the kind as a whole, or
/// where the path leads nowhere, which is told when the patch is read.
fn put_within(patch: &mut Map<String, Value>, path: &str, value: &Value) -> bool {
    let cuts: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    let said = cuts.iter().find(|at| patch.contains_key(&path[..**at]));
    let Some((outer, rest)) = said.map(|at| (&path[..*at], &path[at + 1..])) else {
        return false;
    };
    let Some(mut target) = patch.get_mut(outer).and_then(Value::as_object_mut) else {
        return false;
    };
    let mut names = rest.split('/').map(unescaped);
    let mut name = names.next().unwrap_or_default();
    for next in names {
        match target.get_mut(&name) {
            Some(Value::Object(inner)) => target = inner,
            _ => return false,
        }
        name = next;
    }
    if value.is_null() {
        target.remove(&name);
    } else {
        target.insert(name, value.clone());
    }
    true
}

/// The key of an override as it is written: those of whole days may be dates.
fn override_key(key: &str, all_day: bool) -> String {
    match times::parse_moment(key) {
        Some(Moment::Date(date)) if all_day => times::format_local(date.at(0, 0, 0, 0)),
        _ => key.to_owned(),
    }
}

/// Refuses to change an occurrence that was taken away without bringing it back: what is said of it would say nothing.
pub(super) fn refuse_taken_away(
    before: &Map<String, Value>,
    change: &Map<String, Value>,
) -> Result<(), JsError> {
    let overrides = |of: &Map<String, Value>| of.get(OVERRIDES)?.as_object().cloned();
    let (Some(known), Some(changes)) = (overrides(before), overrides(change)) else {
        return Ok(());
    };
    let all_day = whole_days_are(before);
    for (key, change) in &changes {
        let patch = known.get(&override_key(key, all_day));
        let is_gone = patch.is_some_and(|patch| patch.get("excluded") == Some(&json!(true)));
        let says =
            |change: &Map<String, Value>| !change.is_empty() && !change.contains_key("excluded");
        if is_gone && change.as_object().is_some_and(says) {
            let pointer = join(&join("", OVERRIDES), key);
            let problem = "was taken away: say `\"excluded\": false` too, or null to have it as the series has it";
            return Err(JsError::new(pointer, problem));
        }
    }
    Ok(())
}

/// The change with the ids of what it recognisably means.
fn recognised(before: &Map<String, Value>, change: &Map<String, Value>) -> Map<String, Value> {
    let mut change = change.clone();
    for name in ["participants", "locations", "virtualLocations", "links"] {
        let (Some(Value::Object(known)), Some(Value::Object(entries))) =
            (before.get(name), change.get_mut(name))
        else {
            continue;
        };
        let said = |entry: &Value| {
            if name == "participants" {
                address(entry).map(|address| json!(address.0))
            } else {
                bare(entry)
            }
        };
        let new: Vec<(String, Value)> = entries
            .iter()
            .filter(|(id, _)| !known.contains_key(*id))
            .filter_map(|(id, entry)| Some((id.clone(), said(entry)?)))
            .collect();
        if new.is_empty() {
            continue;
        }
        let known = known
            .iter()
            .filter_map(|(id, entry)| Some((id, said(entry)?)));
        for (is, says) in known {
            let same = new.iter().find(|(_, said)| *said == says);
            if let Some((id, _)) = same
                && !entries.contains_key(is)
                && let Some(entry) = entries.remove(id)
            {
                entries.insert(is.clone(), entry);
            }
        }
    }
    change
}

/// An entry without what need not be said.
fn bare(entry: &Value) -> Option<Value> {
    let mut entry = entry.as_object()?.clone();
    entry.retain(|name, value| name != "@type" && !value.is_null());
    Some(Value::Object(entry))
}

fn address(entry: &Value) -> Option<Address> {
    let ways = entry.get("sendTo").and_then(Value::as_object);
    let uri = ways.and_then(|ways| ways.values().next());
    let text = uri.or_else(|| entry.get("email"))?.as_str()?;
    Some(Address::new(text))
}

fn whole_days_are(map: &Map<String, Value>) -> bool {
    map.get("showWithoutTime") == Some(&Value::Bool(true))
}

/// What has a time of day and becomes whole days loses what whole days cannot have, unless the change says otherwise:
/// its time, its zones, and of its length what is no day.
pub(super) fn follow_kind(
    before: &Map<String, Value>,
    change: &Map<String, Value>,
    after: &mut Map<String, Value>,
) {
    let named = |name: &str| change.contains_key(name);
    let moment = |map: &Map<String, Value>| {
        let text = map.get("start").and_then(Value::as_str);
        text.and_then(times::parse_moment)
    };
    if matches!(moment(change), Some(Moment::Date(_))) && !named("showWithoutTime") {
        put(after, "showWithoutTime", true);
    }
    if whole_days_are(before) || !whole_days_are(after) {
        return;
    }
    if !named("start")
        && let Some(Moment::Local(local)) = moment(after)
    {
        put(after, "start", local.date().to_string());
    }
    for name in ["timeZone", extension::END_ZONE] {
        if !named(name) {
            after.remove(name);
        }
    }
    if !named("duration")
        && let Some(length) = after.get("duration")
        && let Ok(length) = times::length(&Node::new(length, "/duration"))
    {
        let days = Length::days(whole_days(length));
        put(after, "duration", times::format_length(days));
    }
}
