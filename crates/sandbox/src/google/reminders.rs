//! Reminders: each user's own, rewritten silently where Google was seen to do so.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::body::wrong;
use super::refusal::Refusal;

/// Four weeks: later reminders are moved to this.
const MINUTES_MAX: i64 = 40_320;
/// More overrides are refused.
const OVERRIDES_MAX: usize = 5;

/// Reads `reminders` of an event; none when nothing of one's own is said.
pub(crate) fn read(value: Option<&Value>) -> Result<Option<Value>, Refusal> {
    let value = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value @ Value::Object(_)) => value,
        Some(_) => return Err(wrong("reminders")),
    };
    let default = value["useDefault"].as_bool().unwrap_or(false);
    let overrides = list(&value["overrides"])?;
    if default && !overrides.is_empty() {
        let message = "Cannot specify both default reminders and overrides at the same time.";
        return Err(Refusal::new(
            400,
            "calendar",
            "cannotUseDefaultRemindersAndSpecifyOverride",
            message,
        ));
    }
    Ok((!default).then(|| own(&overrides)))
}

/// Reads a list of reminders: unknown methods are dropped, minutes brought into range, doubles made one, all sorted.
pub(crate) fn list(value: &Value) -> Result<Vec<Value>, Refusal> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(wrong("reminders")),
    };
    let mut kept = BTreeSet::new();
    for entry in list {
        let Some(method) = entry["method"].as_str() else {
            return Err(Refusal::required("Missing reminder method."));
        };
        let Some(minutes) = entry["minutes"].as_i64() else {
            return Err(Refusal::required("Missing reminder minutes."));
        };
        if matches!(method, "email" | "popup") {
            kept.insert((method, minutes.clamp(0, MINUTES_MAX)));
        }
    }
    if kept.len() > OVERRIDES_MAX {
        let message = "The maximum number of override reminders has been exceeded.";
        return Err(Refusal::new(
            400,
            "calendar",
            "eventRemindersCountExceedsLimit",
            message,
        ));
    }
    let shown = |(method, minutes): (&str, i64)| json!({ "method": method, "minutes": minutes });
    Ok(kept.into_iter().map(shown).collect())
}

fn own(overrides: &[Value]) -> Value {
    if overrides.is_empty() {
        json!({ "useDefault": false })
    } else {
        json!({ "useDefault": false, "overrides": overrides })
    }
}

/// `reminders` as a user sees them. Whole-day events never inherit: the defaults are written out.
pub(crate) fn shown(stored: Option<&Value>, all_day: bool, defaults: &[Value]) -> Value {
    match stored {
        Some(stored) => stored.clone(),
        None if all_day => own(defaults),
        None => json!({ "useDefault": true }),
    }
}
