//! Time zones: IANA names from the bundled database, Windows names, and zones that an event defines itself.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::recurrence::Rule;
use crate::time::ZoneId;

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
    /// When it begins again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurrence_rules: Vec<Rule>,
    /// Further beginnings (`RDATE`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateTime>,
}

/// The zone of the bundled database with this name, whatever its capitals; none if it has none.
pub fn iana(name: &str) -> Option<TimeZone> {
    let _ = name;
    None
}

/// The zone that a `TZID` means: an IANA name as it stands, a Windows or Outlook name by CLDR, a prefixed name
/// (`/mozilla.org/…/Europe/Berlin`) by its tail. None where only the file's own `VTIMEZONE` can tell.
pub fn identify(tzid: &str) -> Option<ZoneId> {
    let _ = tzid;
    None
}
