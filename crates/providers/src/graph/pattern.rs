//! Outlook's patterns: as Graph writes them, and which dates they begin with.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use super::wire::Pattern;

/// The weekdays as Graph names them, from Monday on.
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The places within a month that a pattern can name.
pub(super) const INDEXES: [(&str, i8); 5] = [
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("last", -1),
];

/// How many periods are looked at for the first date of a pattern: with intervals, the first one that has it is near.
const PERIODS_MAX: i32 = 120;

/// The days of a month that a pattern means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// This one; in a shorter month its last.
    Of(i8),
    /// The first, second, … or last of these weekdays together.
    Nth { index: i8, days: Vec<Weekday> },
}

/// A pattern without its interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Daily,
    Weekly { days: Vec<Weekday>, first: Weekday },
    Monthly(Day),
    Yearly(i8, Day),
}

impl Kind {
    /// Reads a pattern; what is there beside what its type says is filled in by Graph, and means nothing.
    pub(super) fn read(pattern: &Pattern) -> Result<Self, String> {
        let days = || {
            let days: Option<BTreeSet<i8>> =
                pattern.days_of_week.iter().map(|day| offset(day)).collect();
            let days = days.filter(|days| !days.is_empty());
            let days = days.ok_or("its pattern names no days of the week")?;
            Ok::<_, String>(days.into_iter().filter_map(weekday).collect::<Vec<_>>())
        };
        let nth = || {
            let known = INDEXES
                .iter()
                .find(|(name, _)| pattern.index.eq_ignore_ascii_case(name));
            Ok::<_, String>(Day::Nth {
                index: known.map_or(1, |(_, index)| *index),
                days: days()?,
            })
        };
        let of = || {
            let day = pattern.day_of_month;
            if (1..=31).contains(&day) {
                Ok(Day::Of(day))
            } else {
                Err(format!("there is no day {day} of a month"))
            }
        };
        let month = || {
            let month = pattern.month;
            if (1..=12).contains(&month) {
                Ok(month)
            } else {
                Err(format!("there is no month {month}"))
            }
        };
        match pattern.kind.as_str() {
            "daily" => Ok(Kind::Daily),
            "weekly" => Ok(Kind::Weekly {
                days: days()?,
                first: offset(&pattern.first_day_of_week)
                    .and_then(weekday)
                    .unwrap_or(Weekday::Sunday),
            }),
            "absoluteMonthly" => Ok(Kind::Monthly(of()?)),
            "relativeMonthly" => Ok(Kind::Monthly(nth()?)),
            "absoluteYearly" => Ok(Kind::Yearly(month()?, of()?)),
            "relativeYearly" => Ok(Kind::Yearly(month()?, nth()?)),
            other => Err(format!("nobody knows what a pattern “{other}” is")),
        }
    }

    /// As Graph wants it.
    pub(super) fn to_value(&self, interval: u32) -> Value {
        let mut pattern = json!({"interval": interval});
        let mut set = |key: &str, value: Value| pattern[key] = value;
        let day = match self {
            Self::Daily => {
                set("type", json!("daily"));
                return pattern;
            }
            Self::Weekly { days, first } => {
                set("type", json!("weekly"));
                set("daysOfWeek", names(days));
                set("firstDayOfWeek", json!(day_name(*first)));
                return pattern;
            }
            Self::Monthly(day) => day,
            Self::Yearly(month, day) => {
                set("month", json!(month));
                day
            }
        };
        let period = if matches!(self, Self::Yearly(..)) {
            "Yearly"
        } else {
            "Monthly"
        };
        match day {
            Day::Of(day) => {
                set("type", json!(format!("absolute{period}")));
                set("dayOfMonth", json!(day));
            }
            Day::Nth { index, days } => {
                set("type", json!(format!("relative{period}")));
                set("daysOfWeek", names(days));
                let name = INDEXES.iter().find(|(_, known)| known == index);
                set("index", json!(name.map_or("first", |(name, _)| *name)));
            }
        }
        pattern
    }

    /// The first date of the pattern from a date on, where that date begins the first period.
    pub(super) fn first(&self, from: Date, interval: u32) -> Option<Date> {
        let interval = i32::try_from(interval).ok()?;
        match self {
            Self::Daily => Some(from),
            Self::Weekly { days, first } => {
                let week = from
                    .checked_sub(i32::from(from.weekday().since(*first)).days())
                    .ok()?;
                let in_week = |week: Date| {
                    (0..7)
                        .filter_map(|n| week.checked_add(n.days()).ok())
                        .find(|date| *date >= from && days.contains(&date.weekday()))
                };
                in_week(week).or_else(|| in_week(week.checked_add((7 * interval).days()).ok()?))
            }
            Self::Monthly(day) => {
                let begin = from.first_of_month();
                (0..PERIODS_MAX)
                    .filter_map(|n| begin.checked_add((n * interval).months()).ok())
                    .find_map(|month| day.within(month).filter(|date| *date >= from))
            }
            Self::Yearly(month, day) => {
                let begin = Date::new(from.year(), *month, 1).ok()?;
                // The first year of the pattern is the one in which it begins: earlier in that year means the next one.
                (0..PERIODS_MAX)
                    .filter_map(|n| begin.checked_add(n.years()).ok())
                    .find_map(|month| day.within(month).filter(|date| *date >= from))
            }
        }
    }
}

impl Day {
    /// The date in the month that begins here.
    fn within(&self, month: Date) -> Option<Date> {
        match self {
            Self::Of(day) => Date::new(
                month.year(),
                month.month(),
                (*day).min(month.days_in_month()),
            )
            .ok(),
            Self::Nth { index, days } => {
                let mut dates = (1..=month.days_in_month())
                    .filter_map(|day| Date::new(month.year(), month.month(), day).ok())
                    .filter(|date| days.contains(&date.weekday()));
                match usize::try_from(*index) {
                    Ok(index) => dates.nth(index.checked_sub(1)?),
                    Err(_) => dates.next_back(),
                }
            }
        }
    }
}

/// Weekdays from Monday on, each once.
pub(super) fn in_order(mut days: Vec<Weekday>) -> Vec<Weekday> {
    days.sort_by_key(|day| day.to_monday_zero_offset());
    days.dedup();
    days
}

fn names(days: &[Weekday]) -> Value {
    days.iter().map(|day| json!(day_name(*day))).collect()
}

fn day_name(day: Weekday) -> &'static str {
    WEEKDAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

fn offset(name: &str) -> Option<i8> {
    let at = WEEKDAYS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))?;
    i8::try_from(at).ok()
}

/// A weekday by its distance from Monday.
pub(super) fn weekday(offset: i8) -> Option<Weekday> {
    Weekday::from_monday_zero_offset(offset).ok()
}
