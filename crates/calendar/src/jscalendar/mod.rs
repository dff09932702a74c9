//! Events as JSCalendar (RFC 8984), in and out, losing nothing.
//!
//! [`to_json`] writes all that an event has; what the standard has no word for stands under names with the prefix
//! `kalends:`. [`from_json`] is strict: what is not understood, or would not be kept, is refused with the place where it
//! stands. [`patch`] and [`patch_occurrence`] change an event as if its JSON were changed by JSON Merge Patch (RFC 7396).
//! A member that is null counts as not there.

mod details;
mod limits;
mod merge;
mod node;
mod overrides;
mod patch;
mod read;
mod rule;
mod times;
mod words;
mod write;
mod zones;

use serde_json::Value;

use crate::event::{Event, RecurrenceId};
use crate::failure::{MESSAGE_BYTES_MAX, shortened};
use crate::ids::Uid;
use crate::series::{self, SeriesError};

pub use patch::{patch, patch_occurrence};

/// What of a JSCalendar object cannot be taken, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", self.place())]
pub struct JsError {
    /// A JSON pointer (RFC 6901), such as `/recurrenceRules/0/frequency`; empty for the whole.
    pub pointer: String,
    /// What is wrong there, to be read after the pointer.
    pub problem: String,
}

impl JsError {
    fn place(&self) -> String {
        match self.pointer.as_str() {
            "" => String::new(),
            pointer => format!("{pointer}: "),
        }
    }

    fn new(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            pointer: shortened(pointer.into(), MESSAGE_BYTES_MAX),
            problem: shortened(problem.into(), MESSAGE_BYTES_MAX),
        }
    }
}

impl From<SeriesError> for JsError {
    fn from(error: SeriesError) -> Self {
        Self::new("", error.to_string())
    }
}

/// Writes an event as a JSCalendar `Event` (RFC 8984 §2.1). Members that have their default are left out, but for those
/// that every reader looks for: uid, title, start, timeZone, duration, showWithoutTime, status, freeBusyStatus, privacy
/// and sequence.
pub fn to_json(event: &Event) -> Value {
    Value::Object(write::event(event))
}

/// Writes one occurrence of a series as an `Event` of its own, named by `recurrenceId` (RFC 8984 §4.3.1). It must happen
/// (see [`crate::series::check_occurrence`]).
pub fn occurrence_to_json(event: &Event, id: RecurrenceId) -> Result<Value, SeriesError> {
    let mut map = write::instance(&series::instance_of(event, id)?);
    write::identity(&mut map, event);
    let zone = event.master.start.zone();
    write::put(&mut map, "recurrenceId", times::format_local(id.0));
    write::put(
        &mut map,
        "recurrenceIdTimeZone",
        zone.map(|zone| zone.0.as_str()),
    );
    Ok(Value::Object(map))
}

/// Reads a JSCalendar `Event` (RFC 8984 §2.1). `uid` names it where it has no name.
///
/// Beyond the standard, a start or an id may be a date alone, which means whole days; such an event lasts a day where
/// nobody says how long.
pub fn from_json(value: &Value, uid: impl FnOnce() -> Uid) -> Result<Event, JsError> {
    limits::check(value)?;
    read::event(value, uid)
}

/// The names of the extensions.
mod extension {
    /// What the occurrences come from, where that is not the series.
    pub(super) const SHAPE: &str = "kalends:shape";
    /// The zone in which the end was given.
    pub(super) const END_ZONE: &str = "kalends:endTimeZone";
    /// The key of an alert, where it is no JSCalendar id.
    pub(super) const KEY: &str = "kalends:key";
    /// Marks an added date that the rules yield too, so that it is not taken for a changed occurrence.
    pub(super) const ADDED: &str = "kalends:added";
    /// Whether each observance of a zone in turn is `standard` or `daylight`.
    pub(super) const ORDER: &str = "kalends:order";
    /// Further beginnings of an observance, where their order tells something.
    pub(super) const DATES: &str = "kalends:dates";
}
