//! Outlook's patterns and our rules, both ways. What one side cannot say is refused with a reason that names the part;
//! nothing is said in a weaker form.
//!
//! Two differences hide behind alike words. A month too short for the day is skipped by a rule (RFC 5545 §3.3.10) and
//! gives its last day to a pattern; and a start that does not match is an occurrence of a rule, but not of a pattern.

use std::num::NonZeroU32;

use jiff::civil::{Date, Weekday};
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};
use kalends_calendar::time::Start;
use serde_json::{Map, Value, json};

use super::pattern::{Day, INDEXES, Kind, in_order, weekday};
use super::wire::{PatternedRecurrence, Range};

/// The shortest month there is: from this day on, a month may be too short.
const DAYS_ALWAYS: i8 = 28;

/// What a rule is as a pattern that begins at `start` in a zone of this Windows name.
pub(super) fn to_graph(rule: &Rule, start: &Start, zone: &str) -> Result<Value, String> {
    let local = start.local();
    let date = local.date();
    let (kind, interval) = kind_of(rule, start)?;
    if kind.first(date, interval) != Some(date) {
        return Err(format!(
            "its first occurrence, on {date}, is not one that its rule gives, which Outlook cannot say"
        ));
    }
    let mut range = Map::new();
    range.insert("startDate".to_owned(), json!(date.to_string()));
    range.insert("recurrenceTimeZone".to_owned(), json!(zone));
    match rule.end {
        End::Never => {
            range.insert("type".to_owned(), json!("noEnd"));
        }
        End::Count(count) => {
            let count = i32::try_from(count).ok().filter(|count| *count > 0);
            let count = count.ok_or("its COUNT is out of range")?;
            range.insert("type".to_owned(), json!("numbered"));
            range.insert("numberOfOccurrences".to_owned(), json!(count));
        }
        End::Until(until) => {
            // The last day on which the occurrence of that day still starts in time.
            let last = if local.time() <= until.time() {
                until.date()
            } else {
                until.date().yesterday().unwrap_or(until.date())
            };
            range.insert("type".to_owned(), json!("endDate"));
            range.insert("endDate".to_owned(), json!(last.max(date).to_string()));
        }
    }
    Ok(json!({"pattern": kind.to_value(interval), "range": range}))
}

/// The rule of a pattern, and the start that the series has by it: the first date that matches.
pub(super) fn from_graph(
    recurrence: &PatternedRecurrence,
    start: &Start,
) -> Result<(Rule, Start), String> {
    let interval = recurrence.pattern.interval.max(1);
    let kind = Kind::read(&recurrence.pattern)?;
    let date = start.local().date();
    let first = kind
        .first(date, interval)
        .ok_or("its pattern matches no day")?;
    let start = start.at(first.to_datetime(start.local().time()));
    let mut rule = rule_of(&kind, first, interval);
    rule.interval = NonZeroU32::new(interval).unwrap_or(NonZeroU32::MIN);
    rule.end = read_end(&recurrence.range, &start)?;
    Ok((rule, start))
}

fn read_end(range: &Range, start: &Start) -> Result<End, String> {
    match range.kind.as_str() {
        "noEnd" | "" => Ok(End::Never),
        "numbered" => Ok(End::Count(range.number_of_occurrences.max(1))),
        "endDate" => {
            let last: Date = range
                .end_date
                .parse()
                .map_err(|_| format!("its end, “{}”, is not a date", range.end_date))?;
            Ok(End::Until(last.to_datetime(start.local().time())))
        }
        other => Err(format!("nobody knows what a range “{other}” is")),
    }
}

/// What a rule means as a pattern, and every how many periods.
fn kind_of(rule: &Rule, start: &Start) -> Result<(Kind, u32), String> {
    let date = start.local().date();
    let interval = rule.interval.get();
    if interval > 999 {
        return Err(format!(
            "its INTERVAL={interval} is more than Outlook takes"
        ));
    }
    if !rule.by_year_day.is_empty() {
        return Err("Outlook has no BYYEARDAY".to_owned());
    }
    if !rule.by_week_no.is_empty() {
        return Err("Outlook has no BYWEEKNO".to_owned());
    }
    let time = start.local().time();
    let clocks = [
        ("BYHOUR", &rule.by_hour, time.hour()),
        ("BYMINUTE", &rule.by_minute, time.minute()),
        ("BYSECOND", &rule.by_second, time.second()),
    ];
    for (part, values, own) in clocks {
        let says_nothing = start.is_all_day() || values.iter().all(|value| *value == own);
        if !says_nothing {
            return Err(format!("Outlook has no {part}"));
        }
    }
    let absent = |part: &str, is_absent: bool| {
        if is_absent {
            Ok(())
        } else {
            Err(format!("Outlook has no {part} in such a rule"))
        }
    };
    match rule.frequency {
        Frequency::Secondly | Frequency::Minutely | Frequency::Hourly => {
            Err("Outlook knows no rule of less than a day".to_owned())
        }
        Frequency::Daily => {
            absent("BYMONTH", rule.by_month.is_empty())?;
            absent("BYMONTHDAY", rule.by_month_day.is_empty())?;
            absent("BYSETPOS", rule.by_set_position.is_empty())?;
            if rule.by_day.is_empty() {
                return Ok((Kind::Daily, interval));
            }
            absent("BYDAY", interval == 1)?;
            Ok((weekly(rule, date)?, 1))
        }
        Frequency::Weekly => {
            absent("BYMONTH", rule.by_month.is_empty())?;
            absent("BYMONTHDAY", rule.by_month_day.is_empty())?;
            absent("BYSETPOS", rule.by_set_position.is_empty())?;
            Ok((weekly(rule, date)?, interval))
        }
        Frequency::Monthly => {
            let day = |months: Months| day_of(rule, date, months);
            if rule.by_month.is_empty() {
                return Ok((Kind::Monthly(day(Months::Every(interval))?), interval));
            }
            in_months(rule, date)
        }
        Frequency::Yearly => {
            if !rule.by_month.is_empty() {
                return if rule.by_month.len() == 1 {
                    let month = rule.by_month.first().copied().unwrap_or(date.month());
                    Ok((
                        Kind::Yearly(month, day_of(rule, date, Months::One(month))?),
                        interval,
                    ))
                } else {
                    in_months(rule, date)
                };
            }
            absent("BYDAY without BYMONTH", rule.by_day.is_empty())?;
            if rule.by_month_day.is_empty() {
                let month = date.month();
                absent("BYSETPOS", rule.by_set_position.is_empty())?;
                return Ok((
                    Kind::Yearly(month, day_of(rule, date, Months::One(month))?),
                    interval,
                ));
            }
            // Such days are meant of every month of the year.
            absent("BYMONTHDAY without BYMONTH", interval == 1)?;
            absent("BYSETPOS", rule.by_set_position.is_empty())?;
            Ok((Kind::Monthly(day_of(rule, date, Months::Every(1))?), 1))
        }
    }
}

/// A rule with `BYMONTH` in months that are equally far apart all the year round: a pattern of that many months.
fn in_months(rule: &Rule, date: Date) -> Result<(Kind, u32), String> {
    if rule.interval.get() != 1 {
        return Err("Outlook has no INTERVAL together with several BYMONTH".to_owned());
    }
    if rule.frequency == Frequency::Yearly && !rule.by_set_position.is_empty() {
        return Err("Outlook has no BYSETPOS over several BYMONTH".to_owned());
    }
    let count = u32::try_from(rule.by_month.len()).unwrap_or(u32::MAX);
    let step = 12_u32.checked_div(count).unwrap_or_default();
    let is_even = step > 0
        && 12 % count == 0
        && rule
            .by_month
            .iter()
            .all(|month| u32::from(month.abs_diff(date.month())) % step == 0);
    if !is_even {
        return Err("Outlook has no BYMONTH with months that are not equally far apart".to_owned());
    }
    if count == 1 {
        let month = date.month();
        return Ok((
            Kind::Yearly(month, day_of(rule, date, Months::One(month))?),
            1,
        ));
    }
    Ok((
        Kind::Monthly(day_of(rule, date, Months::Every(step))?),
        step,
    ))
}

fn weekly(rule: &Rule, date: Date) -> Result<Kind, String> {
    if rule.by_day.iter().any(|day| day.nth_of_period.is_some()) {
        return Err("Outlook has no numbered days in a weekly rule".to_owned());
    }
    let mut days: Vec<Weekday> = rule.by_day.iter().map(|day| day.day).collect();
    if days.is_empty() {
        days.push(date.weekday());
    }
    Ok(Kind::Weekly {
        days: in_order(days),
        first: rule.first_day_of_week,
    })
}

/// The months that a rule comes to, seen from its start.
#[derive(Clone, Copy)]
enum Months {
    /// Every so many.
    Every(u32),
    /// Always this one.
    One(i8),
}

impl Months {
    /// The length of the shortest of them.
    fn shortest(self, date: Date) -> i8 {
        let length = |month: i8| match month {
            2 => DAYS_ALWAYS,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        match self {
            Self::One(month) => length(month),
            Self::Every(step) => {
                let step = i8::try_from(step % 12).unwrap_or_default();
                (0..12)
                    .map(|n: i8| length((date.month() - 1 + n * step % 12) % 12 + 1))
                    .min()
                    .unwrap_or(DAYS_ALWAYS)
            }
        }
    }
}

/// Which day of its months a rule means.
fn day_of(rule: &Rule, date: Date, months: Months) -> Result<Day, String> {
    let positions: Vec<i16> = rule.by_set_position.iter().copied().collect();
    if rule.by_day.is_empty() {
        return numbered_day(rule, date, months, &positions);
    }
    if !rule.by_month_day.is_empty() {
        return Err("Outlook has no BYDAY together with BYMONTHDAY".to_owned());
    }
    let days = in_order(rule.by_day.iter().map(|day| day.day).collect());
    let index = match (&rule.by_day[..], &positions[..]) {
        ([one], []) => one
            .nth_of_period
            .ok_or("Outlook has no weekday of a month without saying which one")?,
        (several, [position]) if several.iter().all(|day| day.nth_of_period.is_none()) => {
            i8::try_from(*position).unwrap_or_default()
        }
        (_, []) => return Err("Outlook has no several numbered days in one rule".to_owned()),
        (_, _) => return Err("Outlook has no such BYSETPOS".to_owned()),
    };
    if INDEXES.iter().any(|(_, known)| *known == index) {
        Ok(Day::Nth { index, days })
    } else {
        Err(format!(
            "Outlook counts weekdays of a month to the fourth, or takes the last; not {index}"
        ))
    }
}

fn numbered_day(rule: &Rule, date: Date, months: Months, positions: &[i16]) -> Result<Day, String> {
    let days: Vec<i8> = rule.by_month_day.iter().copied().collect();
    match (&days[..], positions) {
        ([], []) => fixed_day(date.day(), date, months),
        ([-1], []) => Ok(Day::Nth {
            index: -1,
            days: (0..7).filter_map(weekday).collect(),
        }),
        ([day], []) if *day > 0 => fixed_day(*day, date, months),
        ([day], []) => Err(format!("Outlook has no BYMONTHDAY={day}")),
        ([DAYS_ALWAYS, .., last], [-1]) if is_run(&days) => Ok(Day::Of(*last)),
        (_, []) => Err("Outlook has no several BYMONTHDAY in one rule".to_owned()),
        (_, _) => Err("Outlook has no such BYSETPOS".to_owned()),
    }
}

/// A day that each of the months has: another one would be skipped by the rule, but not by Outlook.
fn fixed_day(day: i8, date: Date, months: Months) -> Result<Day, String> {
    if day <= months.shortest(date) {
        Ok(Day::Of(day))
    } else {
        Err(format!(
            "it skips months without a day {day}, where Outlook would take their last day"
        ))
    }
}

fn is_run(days: &[i8]) -> bool {
    days.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

/// The rule of a pattern that begins on a date.
fn rule_of(kind: &Kind, date: Date, interval: u32) -> Rule {
    let (mut rule, day, months) = match kind {
        Kind::Daily => return Rule::every(Frequency::Daily),
        Kind::Weekly { days, first } => {
            let mut rule = Rule::every(Frequency::Weekly);
            rule.first_day_of_week = *first;
            rule.by_day = every(days);
            return rule;
        }
        Kind::Monthly(day) => (
            Rule::every(Frequency::Monthly),
            day,
            Months::Every(interval),
        ),
        Kind::Yearly(month, day) => {
            let mut rule = Rule::every(Frequency::Yearly);
            rule.by_month.insert(*month);
            (rule, day, Months::One(*month))
        }
    };
    match day {
        Day::Of(day) if *day <= months.shortest(date) => {
            rule.by_month_day.insert(*day);
        }
        Day::Of(day) => {
            rule.by_month_day.extend(DAYS_ALWAYS..=*day);
            rule.by_set_position.insert(-1);
        }
        Day::Nth { index, days } => match &days[..] {
            [one] => rule.by_day.push(NthDay {
                day: *one,
                nth_of_period: Some(*index),
            }),
            several => {
                rule.by_day = every(several);
                rule.by_set_position.insert(i16::from(*index));
            }
        },
    }
    rule
}

fn every(days: &[Weekday]) -> Vec<NthDay> {
    days.iter()
        .map(|day| NthDay {
            day: *day,
            nth_of_period: None,
        })
        .collect()
}
