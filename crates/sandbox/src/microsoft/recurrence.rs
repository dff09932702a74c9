//! `patternedRecurrence`: read strictly, shown with its defaults filled in, and turned into the dates it means.

use std::num::NonZeroU32;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, Weekday, date};
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::moment::Zone;
use super::refusal::Refusal;
use super::words::{PATTERN_TYPE, RANGE_TYPE, WEEK_INDEX, WEEKDAYS, word};
use crate::saved;

/// When a series happens: a pattern within a range, on the clock of one zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) pattern: Pattern,
    /// The first date, once it is on the pattern.
    pub(crate) start: Date,
    pub(crate) range: Range,
    pub(crate) zone: Zone,
    /// The time of day of every occurrence in that zone.
    pub(crate) time: Time,
    /// Whether a day that a month lacks means its last day.
    pub(crate) clamp: bool,
}

/// On which days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pattern {
    kind: Kind,
    interval: NonZeroU32,
    month: i8,
    day_of_month: i8,
    #[serde(with = "saved::weekdays")]
    days: Vec<Weekday>,
    #[serde(with = "saved::weekday")]
    first_day: Weekday,
    /// Place in [`WEEK_INDEX`].
    index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Daily,
    Weekly,
    AbsoluteMonthly,
    RelativeMonthly,
    AbsoluteYearly,
    RelativeYearly,
}

/// Until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Range {
    /// For ever.
    NoEnd,
    /// Until this date, which belongs to it.
    EndDate(Date),
    /// This many dates of the pattern, whether they were deleted or not.
    Numbered(u32),
}

/// What a client wrote, before it is brought together with the event's start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) pattern: Pattern,
    pub(crate) start: Date,
    pub(crate) range: Range,
    pub(crate) zone: Option<Zone>,
}

/// Kinds in the order of [`PATTERN_TYPE`].
const KINDS: [Kind; 6] = [
    Kind::Daily,
    Kind::Weekly,
    Kind::AbsoluteMonthly,
    Kind::RelativeMonthly,
    Kind::AbsoluteYearly,
    Kind::RelativeYearly,
];

/// How many days lie between two dates of a pattern with interval 1 at most: eight years, from one 29th of February to
/// the next across a year that is none.
const STRIDE_DAYS_MAX: i64 = 8 * 366;

impl Written {
    /// Reads `recurrence`, which must have pattern and range.
    pub(crate) fn read(value: &Value) -> Result<Self, Refusal> {
        let parts = value.as_object();
        let part = |name: &str| {
            parts
                .and_then(|parts| parts.get(name))
                .and_then(Value::as_object)
                .ok_or_else(|| {
                    Refusal::property(format!("The Event.Recurrence property needs a {name}."))
                })
        };
        let (pattern, range) = (part("pattern")?, part("range")?);
        let start = date_of(range, "startDate")?
            .ok_or_else(|| Refusal::property("The recurrence range needs a startDate."))?;
        Ok(Self {
            pattern: Pattern::read(pattern)?,
            start,
            range: Range::read(range, start)?,
            zone: match range.get("recurrenceTimeZone") {
                None | Some(Value::Null) => None,
                Some(zone) => Some(Zone::find(zone.as_str().unwrap_or_default())?),
            },
        })
    }
}

impl Pattern {
    fn read(object: &Map<String, Value>) -> Result<Self, Refusal> {
        let kind = member(object, "type", PATTERN_TYPE)?
            .and_then(|at| KINDS.get(at).copied())
            .ok_or_else(|| Refusal::property("The recurrence pattern needs a type."))?;
        let days = match object.get("daysOfWeek") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(days)) => days.iter().map(weekday).collect::<Result<_, _>>()?,
            Some(_) => return Err(Refusal::unreadable("'daysOfWeek' is no collection.")),
        };
        let interval = number(object, "interval", 1, 0, 9999)?;
        let pattern = Self {
            kind,
            interval: u32::try_from(interval)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(|| {
                    Refusal::property("The recurrence pattern's interval must be at least 1.")
                })?,
            month: small(number(object, "month", 0, 0, 12)?),
            day_of_month: small(number(object, "dayOfMonth", 0, 0, 31)?),
            days,
            first_day: object
                .get("firstDayOfWeek")
                .filter(|day| !day.is_null())
                .map_or(Ok(Weekday::Sunday), weekday)?,
            index: member(object, "index", WEEK_INDEX)?.unwrap_or(0),
        };
        pattern.complete()?;
        Ok(pattern)
    }

    /// Whether all is there that the pattern's type needs.
    fn complete(&self) -> Result<(), Refusal> {
        let needs = |there: bool, what: &str| {
            if there {
                Ok(())
            } else {
                Err(Refusal::property(format!(
                    "A recurrence pattern of this type needs {what}."
                )))
            }
        };
        let days = || needs(!self.days.is_empty(), "daysOfWeek");
        let month = || needs(self.month > 0, "a month");
        let day = || needs(self.day_of_month > 0, "a dayOfMonth");
        match self.kind {
            Kind::Daily => Ok(()),
            Kind::Weekly | Kind::RelativeMonthly => days(),
            Kind::AbsoluteMonthly => day(),
            Kind::AbsoluteYearly => {
                month()?;
                day()?;
                // A leap year has the most days a month can have.
                needs(
                    self.day_of_month <= date(2024, self.month, 1).days_in_month(),
                    "a dayOfMonth that the month has",
                )
            }
            Kind::RelativeYearly => month().and_then(|()| days()),
        }
    }

    /// Whether a date is one of the pattern's, wherever its intervals begin.
    fn matches(&self, day: Date, clamp: bool) -> bool {
        let on_day = || {
            let last = day.days_in_month();
            let wanted = if clamp {
                self.day_of_month.min(last)
            } else {
                self.day_of_month
            };
            day.day() == wanted
        };
        match self.kind {
            Kind::Daily => true,
            Kind::Weekly => self.days.contains(&day.weekday()),
            Kind::AbsoluteMonthly => on_day(),
            Kind::RelativeMonthly => self.nth_in_month(day),
            Kind::AbsoluteYearly => day.month() == self.month && on_day(),
            Kind::RelativeYearly => day.month() == self.month && self.nth_in_month(day),
        }
    }

    /// Whether the date is the nth of the named weekdays in its month: with several days, the nth of them all together.
    fn nth_in_month(&self, day: Date) -> bool {
        if !self.days.contains(&day.weekday()) {
            return false;
        }
        let among = |from: Date, until: Date| {
            from.series(1.day())
                .take_while(|date| *date < until)
                .filter(|date| self.days.contains(&date.weekday()))
                .count()
        };
        if self.index + 1 == WEEK_INDEX.len() {
            let tomorrow = day.saturating_add(1.day());
            let end = day.last_of_month().saturating_add(1.day());
            among(tomorrow, end) == 0
        } else {
            among(day.first_of_month(), day) == self.index
        }
    }

    /// The pattern as a rule of dates.
    fn rule(&self, clamp: bool) -> Rule {
        let frequency = match self.kind {
            Kind::Daily => Frequency::Daily,
            Kind::Weekly => Frequency::Weekly,
            Kind::AbsoluteMonthly | Kind::RelativeMonthly => Frequency::Monthly,
            Kind::AbsoluteYearly | Kind::RelativeYearly => Frequency::Yearly,
        };
        let mut rule = Rule::every(frequency);
        rule.interval = self.interval;
        rule.first_day_of_week = self.first_day;
        let days = || {
            self.days
                .iter()
                .map(|day| NthDay {
                    day: *day,
                    nth_of_period: None,
                })
                .collect()
        };
        match self.kind {
            Kind::Daily => {}
            Kind::Weekly => rule.by_day = days(),
            Kind::AbsoluteMonthly | Kind::AbsoluteYearly => {
                // The last of the days that the month has, up to the wanted one, is that one or the month's last.
                if clamp && self.day_of_month > 28 {
                    rule.by_month_day = (28..=self.day_of_month).collect();
                    rule.by_set_position = [-1].into();
                } else {
                    rule.by_month_day = [self.day_of_month].into();
                }
            }
            Kind::RelativeMonthly | Kind::RelativeYearly => {
                rule.by_day = days();
                let last = self.index + 1 == WEEK_INDEX.len();
                let place = i16::try_from(self.index + 1).unwrap_or(1);
                rule.by_set_position = [if last { -1 } else { place }].into();
            }
        }
        if matches!(self.kind, Kind::AbsoluteYearly | Kind::RelativeYearly) {
            rule.by_month = [self.month].into();
        }
        rule
    }

    fn to_json(&self) -> Value {
        let at = KINDS
            .iter()
            .position(|kind| *kind == self.kind)
            .unwrap_or(0);
        let mut pattern = json!({
            "type": PATTERN_TYPE[at],
            "interval": self.interval,
            "month": 0,
            "dayOfMonth": 0,
            "firstDayOfWeek": weekday_name(self.first_day),
            "index": WEEK_INDEX[self.index],
        });
        // What the type does not use is shown as if it had not been written; days are not shown where there are none.
        if matches!(self.kind, Kind::AbsoluteYearly | Kind::RelativeYearly) {
            pattern["month"] = self.month.into();
        }
        if matches!(self.kind, Kind::AbsoluteMonthly | Kind::AbsoluteYearly) {
            pattern["dayOfMonth"] = self.day_of_month.into();
        }
        if matches!(
            self.kind,
            Kind::Weekly | Kind::RelativeMonthly | Kind::RelativeYearly
        ) {
            pattern["daysOfWeek"] = self.days.iter().map(|day| weekday_name(*day)).collect();
        }
        pattern
    }
}

impl Range {
    fn read(object: &Map<String, Value>, start: Date) -> Result<Self, Refusal> {
        let kind = member(object, "type", RANGE_TYPE)?
            .ok_or_else(|| Refusal::property("The recurrence range needs a type."))?;
        let count = number(object, "numberOfOccurrences", 0, 0, 9999)?;
        match RANGE_TYPE[kind] {
            "endDate" => {
                let end = date_of(object, "endDate")?
                    .ok_or_else(|| Refusal::property("The recurrence range needs an endDate."))?;
                if end < start {
                    return Err(Refusal::property(
                        "The recurrence range ends before it starts.",
                    ));
                }
                Ok(Self::EndDate(end))
            }
            "numbered" if count == 0 => Err(Refusal::property(
                "The recurrence range needs a numberOfOccurrences of at least 1.",
            )),
            "numbered" => Ok(Self::Numbered(u32::try_from(count).unwrap_or(1))),
            _ => Ok(Self::NoEnd),
        }
    }
}

impl Series {
    /// The first date on or after the range's start that the pattern has; none when the range has none.
    pub(crate) fn aligned_start(written: &Written, clamp: bool) -> Option<Date> {
        if written.pattern.matches(written.start, clamp) {
            return Some(written.start);
        }
        let begin = written.start.to_datetime(Time::midnight());
        let next = written
            .pattern
            .rule(clamp)
            .starts(begin, begin)
            .map_while(Result::ok)
            .map(DateTime::date)
            .find(|date| written.pattern.matches(*date, clamp))?;
        match written.range {
            Range::EndDate(end) => (next <= end).then_some(next),
            Range::NoEnd | Range::Numbered(_) => Some(next),
        }
    }

    /// The dates of the series from `from` on, deleted ones included.
    pub(crate) fn dates_from(&self, from: Date) -> impl Iterator<Item = Date> + use<> {
        let mut rule = self.pattern.rule(self.clamp);
        rule.end = match self.range {
            Range::NoEnd => End::Never,
            Range::EndDate(end) => End::Until(end.to_datetime(Time::midnight())),
            Range::Numbered(count) => End::Count(count),
        };
        let midnight = Time::midnight();
        rule.starts(self.start.to_datetime(midnight), from.to_datetime(midnight))
            .map_while(Result::ok)
            .map(DateTime::date)
    }

    /// Whether the series has this date.
    pub(crate) fn has(&self, day: Date) -> bool {
        self.dates_from(day).next() == Some(day)
    }

    /// The date before `day`, which is one of the series.
    pub(crate) fn before(&self, day: Date) -> Option<Date> {
        let stride = STRIDE_DAYS_MAX.saturating_mul(i64::from(self.pattern.interval.get()).min(12));
        let mut reach = i64::from(self.pattern.interval.get()).saturating_mul(8);
        loop {
            let from = day.saturating_sub(reach.min(stride).days()).max(self.start);
            let last = self.dates_from(from).take_while(|date| *date < day).last();
            if last.is_some() || from == self.start || reach >= stride {
                return last;
            }
            reach = reach.saturating_mul(8);
        }
    }

    /// The date after `day`.
    pub(crate) fn after(&self, day: Date) -> Option<Date> {
        self.dates_from(day.saturating_add(1.day())).next()
    }

    pub(crate) fn to_json(&self) -> Value {
        let (kind, end, count) = match self.range {
            Range::NoEnd => ("noEnd", NO_DATE.to_owned(), 0),
            Range::EndDate(end) => ("endDate", end.to_string(), 0),
            Range::Numbered(count) => ("numbered", NO_DATE.to_owned(), count),
        };
        json!({
            "pattern": self.pattern.to_json(),
            "range": {
                "type": kind,
                "startDate": self.start.to_string(),
                "endDate": end,
                "recurrenceTimeZone": &*self.zone.name,
                "numberOfOccurrences": count,
            }
        })
    }
}

/// A date that is not there.
const NO_DATE: &str = "0001-01-01";

/// The place of a member in its enumeration.
fn member(
    object: &Map<String, Value>,
    name: &str,
    table: &'static [&'static str],
) -> Result<Option<usize>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let found = value.as_str().and_then(|text| word(table, text));
            let place = found.and_then(|found| table.iter().position(|member| *member == found));
            place.map(Some).ok_or_else(|| {
                Refusal::unreadable(format!(
                    "The value {value} of '{name}' is no member of its type."
                ))
            })
        }
    }
}

fn number(
    object: &Map<String, Value>,
    name: &str,
    absent: i64,
    least: i64,
    most: i64,
) -> Result<i64, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(absent),
        Some(value) => value
            .as_i64()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                Refusal::property(format!(
                    "The value {value} of the recurrence's {name} is out of range."
                ))
            }),
    }
}

/// A number that [`number`] has bounded.
fn small(number: i64) -> i8 {
    i8::try_from(number).unwrap_or(0)
}

fn date_of(object: &Map<String, Value>, name: &str) -> Result<Option<Date>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| {
                Refusal::unreadable(format!("The value {value} of '{name}' is no date."))
            }),
    }
}

fn weekday(value: &Value) -> Result<Weekday, Refusal> {
    value
        .as_str()
        .and_then(|text| WEEKDAYS.iter().position(|name| *name == text))
        .and_then(|at| Weekday::from_sunday_zero_offset(i8::try_from(at).ok()?).ok())
        .ok_or_else(|| Refusal::unreadable(format!("The value {value} is no day of the week.")))
}

pub(crate) fn weekday_name(day: Weekday) -> &'static str {
    WEEKDAYS[usize::from(day.to_sunday_zero_offset().unsigned_abs())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(pattern: &Value, range: &Value) -> Series {
        let written =
            Written::read(&json!({ "pattern": pattern, "range": range })).expect("a recurrence");
        Series {
            start: Series::aligned_start(&written, true).expect("a first date"),
            pattern: written.pattern,
            range: written.range,
            zone: Zone::utc(),
            time: Time::midnight(),
            clamp: true,
        }
    }

    fn first(series: &Series, count: usize) -> Vec<String> {
        let dates = series.dates_from(series.start).take(count);
        dates.map(|date| date.to_string()).collect()
    }

    #[test]
    fn short_months_have_a_last_day() {
        let monthly = series(
            &json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}),
            &json!({"type": "noEnd", "startDate": "2026-01-31"}),
        );
        assert_eq!(
            first(&monthly, 4),
            ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
        );
        assert_eq!(monthly.before(date(2026, 3, 31)), Some(date(2026, 2, 28)));
        assert_eq!(monthly.before(date(2026, 1, 31)), None);
        let yearly = series(
            &json!({"type": "absoluteYearly", "interval": 1, "month": 2, "dayOfMonth": 29}),
            &json!({"type": "numbered", "startDate": "2024-02-29", "numberOfOccurrences": 3}),
        );
        assert_eq!(
            first(&yearly, 9),
            ["2024-02-29", "2025-02-28", "2026-02-28"]
        );
        assert_eq!(yearly.before(date(2026, 2, 28)), Some(date(2025, 2, 28)));
    }

    #[test]
    fn several_days_with_an_index_are_counted_together() {
        let workday = series(
            &json!({"type": "relativeMonthly", "interval": 1, "index": "last",
                   "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"]}),
            &json!({"type": "endDate", "startDate": "2026-01-01", "endDate": "2026-05-29"}),
        );
        assert_eq!(
            first(&workday, 9),
            [
                "2026-01-30",
                "2026-02-27",
                "2026-03-31",
                "2026-04-30",
                "2026-05-29"
            ]
        );
        let second = series(
            &json!({"type": "relativeYearly", "interval": 1, "month": 6, "index": "second", "daysOfWeek": ["tuesday"]}),
            &json!({"type": "noEnd", "startDate": "2026-06-09"}),
        );
        assert_eq!(first(&second, 2), ["2026-06-09", "2027-06-08"]);
    }

    #[test]
    fn a_start_beside_the_pattern_waits_for_its_next_date() {
        let weekly = series(
            &json!({"type": "weekly", "interval": 2, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"}),
            &json!({"type": "noEnd", "startDate": "2026-06-03"}),
        );
        assert_eq!(first(&weekly, 2), ["2026-06-15", "2026-06-29"]);
    }

    #[test]
    fn what_is_not_used_is_shown_by_its_default_and_still_checked() {
        let daily = series(
            &json!({"type": "daily", "interval": 1, "month": 7, "dayOfMonth": 4}),
            &json!({"type": "noEnd", "startDate": "2026-06-03"}),
        );
        assert_eq!(
            daily.to_json(),
            json!({"pattern": {"type": "daily", "interval": 1, "month": 0, "dayOfMonth": 0, "firstDayOfWeek": "sunday",
                               "index": "first"},
                   "range": {"type": "noEnd", "startDate": "2026-06-03", "endDate": "0001-01-01",
                             "recurrenceTimeZone": "UTC", "numberOfOccurrences": 0}})
        );
        for pattern in [
            json!({"type": "daily", "interval": 1, "month": 13}),
            json!({"type": "daily", "interval": 0}),
            json!({"type": "hourly", "interval": 1}),
            json!({"type": "weekly", "interval": 1}),
            json!({"type": "absoluteYearly", "interval": 1, "month": 2, "dayOfMonth": 30}),
        ] {
            let range = json!({"type": "noEnd", "startDate": "2026-06-03"});
            let refusal = Written::read(&json!({"pattern": pattern, "range": range}));
            assert!(
                refusal.is_err_and(|refusal| refusal.status == 400),
                "{pattern}"
            );
        }
    }
}
