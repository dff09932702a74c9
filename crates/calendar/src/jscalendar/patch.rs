//! Changing an event as if its JSON were changed by JSON Merge Patch (RFC 7396).

use serde_json::{Map, Value};

use super::merge::{merged, refuse_taken_away};
use super::node::{Node, join};
use super::write::{self, put};
use super::{JsError, extension, limits, read};
use crate::event::{Event, RecurrenceId};
use crate::ical::used_zones;
use crate::series;

/// Members that a change may repeat, and not change.
pub(super) const FIXED: [&str; 5] = ["@type", "uid", "created", "updated", "sequence"];

/// Members that name one occurrence.
const OF_OCCURRENCE: [&str; 2] = ["recurrenceId", "recurrenceIdTimeZone"];

/// Members that are of a series and not of its occurrences.
pub(super) const OF_SERIES: [&str; 5] = [
    "recurrenceRules",
    "excludedRecurrenceRules",
    "recurrenceOverrides",
    "timeZones",
    extension::SHAPE,
];

/// Changes an event: null removes a member, objects merge, everything else replaces. What is not named stays.
///
/// An override that says nothing of a member follows the series in it. Where the start of a series moves, the ids of its
/// overrides and the end of its rules move along (see [`series::follow_start`]); ids within the change are those after it.
/// Within an override null is kept: it says that the occurrence has no such member.
pub fn patch(event: &Event, change: &Map<String, Value>) -> Result<Event, JsError> {
    let before = write::event(event);
    refuse_fixed(&before, change, &FIXED)?;
    refuse_fixed(&before, change, &[extension::SHAPE])?;
    // Before it is merged, which takes the longer the more it is.
    limits::check_named(change, change.keys())?;
    let mut after = merged(&before, change);
    let start = read::start_of(&Value::Object(after.clone()))?;
    if start == event.master.start {
        refuse_taken_away(&before, change)?;
    } else {
        let mut moved = event.clone();
        if change.get("recurrenceOverrides") == Some(&Value::Null) {
            moved.recurrence_overrides.clear();
        }
        moved.master.start = start;
        series::follow_start(&mut moved, &event.master.start)
            .map_err(|error| JsError::new("/start", error.to_string()))?;
        let mut moved = write::event(&moved);
        // These were merged as they were before the move.
        for name in [
            "timeZone",
            "showWithoutTime",
            "duration",
            extension::END_ZONE,
        ] {
            match before.get(name) {
                Some(value) => put(&mut moved, name, value.clone()),
                None => drop(moved.remove(name)),
            }
        }
        refuse_taken_away(&moved, change)?;
        after = merged(&moved, change);
    }
    limits::check_named(&after, change.keys())?;
    read::event(&Value::Object(after), || event.uid.clone())
}

/// Changes one occurrence of a series, which departs from it from then on. `"excluded": true` takes it away.
pub fn patch_occurrence(
    event: &Event,
    id: RecurrenceId,
    change: &Map<String, Value>,
) -> Result<Event, JsError> {
    limits::check_named(change, change.keys())?;
    series::check_occurrence(event, id)?;
    let mut identity = Map::new();
    write::identity(&mut identity, event);
    // What `occurrence_to_json` says may be said again.
    let again = super::occurrence_to_json(event, id)?;
    for name in OF_OCCURRENCE {
        put(&mut identity, name, again[name].clone());
    }
    refuse_fixed(&identity, change, &FIXED)?;
    refuse_fixed(&identity, change, &OF_OCCURRENCE)?;
    if let Some(name) = OF_SERIES.iter().find(|name| change.contains_key(**name)) {
        let problem = "is of the series and cannot be changed in one occurrence";
        return Err(JsError::new(join("", name), problem));
    }
    if let Some(excluded) = change.get("excluded").filter(|value| !value.is_null())
        && Node::new(excluded, "/excluded").flag()?
    {
        return Ok(series::exclude(event, id)?);
    }
    let now = series::instance_of(event, id)?;
    let mut change = change.clone();
    change.retain(|name, _| {
        let said = [&FIXED[..], &OF_OCCURRENCE[..]].concat();
        name != "excluded" && !said.contains(&name.as_str())
    });
    let merged = merged(&write::instance(&now), &change);
    limits::check_named(&merged, change.keys())?;
    let merged = Value::Object(merged);
    let instance = read::instance(&Node::new(&merged, ""), &event.time_zones)?;
    if instance == now {
        return Ok(event.clone());
    }
    let mut changed = series::replace(event, id, instance)?;
    changed.time_zones = used_zones(&changed, &event.time_zones);
    Ok(changed)
}

fn refuse_fixed(
    before: &Map<String, Value>,
    change: &Map<String, Value>,
    fixed: &[&str],
) -> Result<(), JsError> {
    for name in fixed {
        let asked = change.get(*name);
        let now = before.get(*name).unwrap_or(&Value::Null);
        if asked.is_some_and(|asked| asked != now) {
            return Err(JsError::new(join("", name), "cannot be changed"));
        }
    }
    Ok(())
}
