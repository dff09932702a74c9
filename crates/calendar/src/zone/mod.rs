//! Time zones: IANA names from the bundled database, Windows names, and zones that an event defines itself.

mod names;
mod observances;
mod resolved;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::recurrence::Rule;

pub use names::{bundled_version, iana, iana_names, identify};
pub use observances::observances;
pub(crate) use resolved::clamped;
pub use resolved::{CustomRules, Resolved, resolve};

/// A zone defined by its own rules (`VTIMEZONE`, RFC 5545 §3.6.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomZone {
    /// Its observances, in the order they were given.
    pub observances: Vec<Observance>,
}

/// A stretch of standard or daylight time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observance {
    /// When it first begins, on the wall clock before it (`DTSTART`).
    pub start: DateTime,
    /// Seconds east of UTC before (`TZOFFSETFROM`).
    pub offset_from: i32,
    /// Seconds east of UTC during it (`TZOFFSETTO`).
    pub offset_to: i32,
    /// When it begins again. `UNTIL` is on the wall clock before it, like `start`: the file's UTC plus `offset_from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurrence_rules: Vec<Rule>,
    /// Further beginnings (`RDATE`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateTime>,
}
