//! Recurrence: rules, and their expansion within a window.

mod bounds;
pub(crate) mod civil;
mod compiled;
mod occurrences;
mod starts;
mod walk;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use serde::{Deserialize, Serialize};

use crate::event::{Instance, RecurrenceId};

pub use bounds::{Bounds, bounds};
pub use occurrences::occurrences;
pub(crate) use starts::First;
pub use starts::Starts;

/// A recurrence rule (RFC 5545 §3.3.10, RFC 8984 §4.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The period.
    pub frequency: Frequency,
    /// Every how many periods.
    #[serde(default = "every", skip_serializing_if = "is_every")]
    pub interval: NonZeroU32,
    /// `WKST`. Monday where nothing is said.
    #[serde(
        default = "monday",
        with = "weekday_name",
        skip_serializing_if = "is_monday"
    )]
    pub first_day_of_week: Weekday,
    /// `BYDAY`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_day: Vec<NthDay>,
    /// `BYMONTHDAY`, ±1..=31.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_month_day: BTreeSet<i8>,
    /// `BYMONTH`, 1..=12.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_month: BTreeSet<i8>,
    /// `BYYEARDAY`, ±1..=366.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_year_day: BTreeSet<i16>,
    /// `BYWEEKNO`, ±1..=53.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_week_no: BTreeSet<i8>,
    /// `BYHOUR`, 0..=23.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_hour: BTreeSet<i8>,
    /// `BYMINUTE`, 0..=59.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_minute: BTreeSet<i8>,
    /// `BYSECOND`, 0..=59; 60 is read as 59.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_second: BTreeSet<i8>,
    /// `BYSETPOS`, ±1..=366.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_set_position: BTreeSet<i16>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "End::is_never")]
    pub end: End,
}

impl Rule {
    /// A rule that repeats once in every period, for ever.
    pub fn every(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: every(),
            first_day_of_week: monday(),
            by_day: Vec::new(),
            by_month_day: BTreeSet::new(),
            by_month: BTreeSet::new(),
            by_year_day: BTreeSet::new(),
            by_week_no: BTreeSet::new(),
            by_hour: BTreeSet::new(),
            by_minute: BTreeSet::new(),
            by_second: BTreeSet::new(),
            by_set_position: BTreeSet::new(),
            end: End::Never,
        }
    }
}

/// The period of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Frequency {
    /// `FREQ=YEARLY`
    Yearly,
    /// `FREQ=MONTHLY`
    Monthly,
    /// `FREQ=WEEKLY`
    Weekly,
    /// `FREQ=DAILY`
    Daily,
    /// `FREQ=HOURLY`
    Hourly,
    /// `FREQ=MINUTELY`
    Minutely,
    /// `FREQ=SECONDLY`
    Secondly,
}

/// A weekday, perhaps counted within the month or year: `-1` is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NthDay {
    /// Which weekday.
    #[serde(with = "weekday_name")]
    pub day: Weekday,
    /// Which of them, ±1..=53; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth_of_period: Option<i8>,
}

/// When a rule ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum End {
    /// It goes on.
    #[default]
    Never,
    /// After this many occurrences, the first included (`COUNT`).
    Count(u32),
    /// With the last occurrence that starts at or before this wall-clock time in the master's zone (`UNTIL`, which
    /// iCalendar writes in UTC for zoned events; end of day where it gave a date to a timed event).
    Until(DateTime),
}

impl End {
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

fn every() -> NonZeroU32 {
    NonZeroU32::MIN
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_every(interval: &NonZeroU32) -> bool {
    *interval == NonZeroU32::MIN
}

fn monday() -> Weekday {
    Weekday::Monday
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_monday(day: &Weekday) -> bool {
    *day == Weekday::Monday
}

/// Weekdays as the two letters of iCalendar, lower-cased as `JSCalendar` has them.
mod weekday_name {
    use jiff::civil::Weekday;
    use serde::{Deserialize, Deserializer, Serializer};

    const NAMES: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference"
    )]
    pub(super) fn serialize<S: Serializer>(day: &Weekday, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(NAMES[usize::from(day.to_monday_zero_offset().unsigned_abs())])
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Weekday, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(from)?;
        NAMES
            .iter()
            .position(|known| *known == name)
            .and_then(|offset| Weekday::from_monday_zero_offset(i8::try_from(offset).ok()?).ok())
            .ok_or_else(|| {
                serde::de::Error::custom(format!(
                    "`{name}` is not a weekday (mo, tu, we, th, fr, sa, su)"
                ))
            })
    }
}

/// One happening of an event within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence<'a> {
    /// Which occurrence of the series; none for an event that happens once.
    pub recurrence_id: Option<RecurrenceId>,
    /// When it starts, as the event says it.
    pub start: crate::time::Start,
    /// The instants it covers, half-open.
    pub span: Range<Timestamp>,
    /// Where its details stand: the override, or the master.
    pub instance: &'a Instance,
}

/// Why an expansion was cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpansionError {
    /// More occurrences than asked for.
    #[error("more than {0} occurrences in the window")]
    TooMany(usize),
    /// The rule was followed for too long without a result.
    #[error("the rule yields nothing for too long: {0}")]
    Barren(String),
    /// A zone is not known.
    #[error("unknown time zone `{0}`")]
    UnknownZone(String),
}
