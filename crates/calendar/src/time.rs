//! Zoned, floating and all-day times as different types, and nominal durations.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// A time zone as an event names it: an IANA name (`Europe/Berlin`, `Etc/UTC` for UTC), or, opening with `/`, the key
/// of a custom zone in the event's own `time_zones` (RFC 8984 §4.7.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZoneId(pub String);

impl ZoneId {
    /// The zone of times written with a trailing `Z`.
    pub fn utc() -> Self {
        Self("Etc/UTC".to_owned())
    }

    /// Whether this is UTC itself, whatever it was called.
    pub fn is_utc(&self) -> bool {
        matches!(
            self.0.as_str(),
            "Etc/UTC" | "UTC" | "Etc/GMT" | "Etc/Zulu" | "Zulu" | "Etc/UCT" | "UCT"
        )
    }

    /// Whether the zone's rules travel with the event instead of coming from the time zone database.
    pub fn is_custom(&self) -> bool {
        self.0.starts_with('/')
    }
}

impl std::fmt::Display for ZoneId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// When something starts. The three kinds never compare equal and never convert into one another silently.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Start {
    /// A whole day, wherever the reader is (JSCalendar `showWithoutTime`, iCalendar `VALUE=DATE`).
    AllDay(Date),
    /// A wall-clock time wherever the reader is (JSCalendar `timeZone: null`).
    Floating(DateTime),
    /// A wall-clock time in one zone. The wall time is what people agreed on; the instant follows from it.
    Zoned {
        /// The wall-clock time.
        local: DateTime,
        /// The zone whose rules turn it into an instant.
        zone: ZoneId,
    },
}

impl Start {
    /// The wall-clock time; midnight for a whole day.
    pub fn local(&self) -> DateTime {
        match self {
            Self::AllDay(date) => date.to_datetime(jiff::civil::Time::midnight()),
            Self::Floating(local) | Self::Zoned { local, .. } => *local,
        }
    }

    /// The zone, where there is one.
    pub fn zone(&self) -> Option<&ZoneId> {
        match self {
            Self::AllDay(_) | Self::Floating(_) => None,
            Self::Zoned { zone, .. } => Some(zone),
        }
    }

    /// The same kind of start at another wall-clock time.
    #[must_use]
    pub fn at(&self, local: DateTime) -> Self {
        match self {
            Self::AllDay(_) => Self::AllDay(local.date()),
            Self::Floating(_) => Self::Floating(local),
            Self::Zoned { zone, .. } => Self::Zoned {
                local,
                zone: zone.clone(),
            },
        }
    }

    /// Whether this is a whole day.
    pub fn is_all_day(&self) -> bool {
        matches!(self, Self::AllDay(_))
    }
}

/// How long something lasts: `days` on the calendar first, then exact `seconds` (RFC 5545 §3.3.6: `P1D` and `PT24H`
/// differ where the clocks change). Neither is negative in an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Length {
    /// Calendar days.
    pub days: i32,
    /// Exact seconds after those days.
    pub seconds: i64,
}

impl Length {
    /// Calendar days only.
    pub const fn days(days: i32) -> Self {
        Self { days, seconds: 0 }
    }

    /// Exact seconds only.
    pub const fn seconds(seconds: i64) -> Self {
        Self { days: 0, seconds }
    }

    /// Exact minutes only.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes * 60)
    }
}
