//! How much one event may hold.

use serde_json::{Map, Value};

use super::JsError;
use super::node::Node;

/// The longest text. No provider keeps a longer description, nor does a person read one.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// The longest name of a member, keyword or id.
const NAME_BYTES_MAX: usize = 1_000;
/// Ten years of a daily series with each occurrence changed are 3,650; the iCalendar reader has the same limit.
const OVERRIDES_MAX: usize = 5_000;
/// Rules of an event, excluding ones included, as the iCalendar reader has it.
const RULES_MAX: usize = 20;
/// Alerts, as the iCalendar reader has it.
const ALERTS_MAX: usize = 100;
/// Participants, keywords, places, zones, observances and values of a rule: more than any event of a person has.
const ENTRIES_MAX: usize = 1_000;
/// Objects within objects: the deepest that is understood is an observance's rule's weekday.
const NESTING_MAX: usize = 12;

/// Names in a path of an override: no path that leads anywhere has more.
const PATH_NAMES_MAX: usize = NESTING_MAX;

/// All that overrides say in full, in bytes: each is kept whole, so that a long description and many overrides would
/// make much of little.
pub(super) const OVERRIDES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Refuses an object that holds too much.
pub(super) fn check(value: &Value) -> Result<(), JsError> {
    if let Value::Object(map) = value {
        rules(map)?;
    }
    bounded("", &Node::new(value, ""), 0)
}

/// Refuses an event one of whose named members holds too much. What else it holds came by another way.
pub(super) fn check_named<'n>(
    event: &Map<String, Value>,
    names: impl Iterator<Item = &'n String>,
) -> Result<(), JsError> {
    for name in names {
        if let Some(value) = event.get(name) {
            bounded(name, &Node::new(value, super::node::join("", name)), 0)?;
        }
        if name.ends_with("ecurrenceRules") {
            rules(event)?;
        }
    }
    Ok(())
}

fn rules(event: &Map<String, Value>) -> Result<(), JsError> {
    let count = |name| {
        event
            .get(name)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    };
    if count("recurrenceRules") + count("excludedRecurrenceRules") > RULES_MAX {
        let problem = format!("is more than {RULES_MAX} rules, excluding ones included");
        return Err(JsError::new("/recurrenceRules", problem));
    }
    Ok(())
}

fn bounded(name: &str, node: &Node<'_>, depth: usize) -> Result<(), JsError> {
    let many = |count: usize, most: usize| {
        if count > most {
            Err(node.fail(format!("has more than {most} entries")))
        } else {
            Ok(())
        }
    };
    if depth > NESTING_MAX {
        return Err(node.fail("is nested too deep"));
    }
    match node.value {
        Value::String(text) if text.len() > TEXT_BYTES_MAX => {
            Err(node.fail(format!("is longer than {TEXT_BYTES_MAX} bytes")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(list) => {
            many(list.len(), ENTRIES_MAX)?;
            let elements = list.iter().enumerate();
            elements
                .map(|(at, value)| (at.to_string(), value))
                .try_for_each(|(at, value)| inner(&at, value, node, depth))
        }
        Value::Object(map) => {
            let most = match name {
                "recurrenceOverrides" => OVERRIDES_MAX,
                "alerts" => ALERTS_MAX,
                _ => ENTRIES_MAX,
            };
            many(map.len(), most)?;
            map.iter().try_for_each(|(key, value)| {
                if key.matches('/').count() >= PATH_NAMES_MAX && is_path(&node.pointer) {
                    return Err(node.fail("has a path that is nested too deep"));
                }
                if key.len() > NAME_BYTES_MAX {
                    return Err(node.fail(format!("has a name longer than {NAME_BYTES_MAX} bytes")));
                }
                inner(key, value, node, depth)
            })
        }
    }
}

/// Whether the names of an object at this place are paths: those of an override are.
fn is_path(pointer: &str) -> bool {
    let mut names = pointer.split('/').skip(1);
    names.next() == Some("recurrenceOverrides") && names.next().is_some() && names.next().is_none()
}

fn inner(name: &str, value: &Value, outer: &Node<'_>, depth: usize) -> Result<(), JsError> {
    let node = Node::new(value, super::node::join(&outer.pointer, name));
    bounded(name, &node, depth + 1)
}
