//! What we leave in an event's private extended properties: our mark, and what Google has no field for, so that it comes
//! back as it went.
//!
//! All names open with `kalends-` and no other is ever touched. Google cuts values and drops long names in silence, so
//! that both are kept well within its limits, or refused.

use std::collections::BTreeMap;

use kalends_calendar::event::{AlertKey, Location, VirtualLocation};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::{EventId, Uid};
use kalends_calendar::provider::Mark;
use kalends_calendar::time::Length;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::{Properties, Resource};

/// The id of the event of ours that this one mirrors.
const MARK_EVENT: &str = "kalends-id";
/// The UID of that event: Google takes either an id or a UID of ours, and the id is what makes creation repeatable.
const MARK_UID: &str = "kalends-uid";
/// The id under which the mirror was made. A copy that a person makes of it has another, and is no mirror.
const MARK_PLACE: &str = "kalends-at";
/// The pieces of [`More`], from 1.
const MORE: &str = "kalends-more-";

/// The longest value that Google keeps whole, in characters; taken as bytes, which are never fewer.
const VALUE_BYTES_MAX: usize = 1_024;

/// How many pieces are written at most: 16 kB, half of what Google allows all programs together on one event.
const PIECES_MAX: usize = 16;

/// What Google has no field for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) priority: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keywords: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) color: Option<String>,
    /// All places, where they are more than one name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) locations: Vec<Location>,
    /// Those that are no conference of Google's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) virtual_locations: Vec<VirtualLocation>,
    /// The length, where start and end alone read as another: nominal days of an event with a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<Length>,
    /// Whether the time is meant wherever the reader is, and was only pinned to a zone for Google.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) floating: bool,
    /// The names of reminders that have one of their own, by what they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) alert_keys: Vec<NamedAlert>,
}

/// A reminder with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedAlert {
    pub(crate) method: String,
    pub(crate) minutes: i64,
    pub(crate) key: AlertKey,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(fact: &bool) -> bool {
    !*fact
}

fn private(properties: Option<&Properties>) -> Option<&BTreeMap<String, Value>> {
    properties?.private.as_ref()
}

fn value<'p>(properties: &'p BTreeMap<String, Value>, name: &str) -> Option<&'p str> {
    properties.get(name)?.as_str()
}

/// What was left where Google has no field. What somebody has damaged counts as nothing.
pub(crate) fn more(properties: Option<&Properties>) -> More {
    let Some(properties) = private(properties) else {
        return More::default();
    };
    let text: String = (1..=PIECES_MAX)
        .map_while(|number| value(properties, &format!("{MORE}{number}")))
        .collect();
    if text.is_empty() {
        return More::default();
    }
    serde_json::from_str(&text).unwrap_or_default()
}

/// The mark of an event. Whether it is the mirror itself or somebody's copy of it, [`is_place`] tells.
pub(crate) fn mark(properties: Option<&Properties>) -> Option<Mark> {
    let properties = private(properties)?;
    Some(Mark {
        event: value(properties, MARK_EVENT)?.parse::<EventId>().ok()?,
        uid: Uid::from(value(properties, MARK_UID)?),
    })
}

/// Whether a marked event was made by us under this very id.
pub(crate) fn is_place(properties: Option<&Properties>, id: &str) -> bool {
    private(properties)
        .and_then(|properties| value(properties, MARK_PLACE))
        .is_some_and(|place| place == id)
}

/// The properties of a mark.
pub(crate) fn mark_properties(mark: &Mark, id: &str) -> Result<Resource, Failure> {
    if mark.uid.as_str().len() > VALUE_BYTES_MAX {
        return Err(Failure::item(format!(
            "uid: Google keeps at most {VALUE_BYTES_MAX} bytes of it"
        )));
    }
    let mut properties = Resource::new();
    properties.insert(MARK_EVENT.to_owned(), json!(mark.event));
    properties.insert(MARK_UID.to_owned(), json!(mark.uid));
    properties.insert(MARK_PLACE.to_owned(), json!(id));
    Ok(properties)
}

/// The properties that hold `now`, and nulls for the pieces of `before` that are not needed any more.
pub(crate) fn more_properties(before: &More, now: &More) -> Result<Resource, String> {
    let (old, new) = (pieces(before)?, pieces(now)?);
    let mut properties = Resource::new();
    for (at, piece) in new.iter().enumerate() {
        properties.insert(format!("{MORE}{}", at + 1), json!(piece));
    }
    for at in new.len()..old.len() {
        properties.insert(format!("{MORE}{}", at + 1), Value::Null);
    }
    Ok(properties)
}

fn pieces(more: &More) -> Result<Vec<String>, String> {
    if *more == More::default() {
        return Ok(Vec::new());
    }
    // Plain data with string keys: writing it cannot fail.
    let mut rest = serde_json::to_string(more).unwrap_or_default();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let after = rest.split_off(rest.floor_char_boundary(VALUE_BYTES_MAX));
        pieces.push(std::mem::replace(&mut rest, after));
    }
    if pieces.len() > PIECES_MAX {
        let limit = VALUE_BYTES_MAX * PIECES_MAX;
        return Err(format!(
            "url, keywords, locations and virtualLocations: Google keeps at most {limit} bytes of them"
        ));
    }
    Ok(pieces)
}
