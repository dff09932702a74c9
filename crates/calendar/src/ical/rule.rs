//! Recurrence rules (RFC 5545 §3.3.10) to and from their text.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use jiff::civil::{DateTime, Weekday};

use super::moment::{self, Written};
use super::quoted;
use crate::recurrence::{End, Frequency, NthDay, Rule};

/// The two letters of each weekday, Monday first.
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("YEARLY", Frequency::Yearly),
    ("MONTHLY", Frequency::Monthly),
    ("WEEKLY", Frequency::Weekly),
    ("DAILY", Frequency::Daily),
    ("HOURLY", Frequency::Hourly),
    ("MINUTELY", Frequency::Minutely),
    ("SECONDLY", Frequency::Secondly),
];

/// Reads a rule. `until` brings a moment as written onto the wall clock of the event.
pub(crate) fn parse(
    value: &str,
    until: impl Fn(Written) -> Option<DateTime>,
) -> Result<Rule, String> {
    let mut frequency = None;
    let mut rule = Rule::every(Frequency::Daily);
    let mut count = None;
    let mut end = None;
    for part in value.split(';') {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let bad = || format!("not understood: {}", quoted(part));
        let (name, value) = part.split_once('=').ok_or_else(bad)?;
        let value = value.trim();
        match name.trim().to_ascii_uppercase().as_str() {
            "FREQ" => {
                let found = FREQUENCIES
                    .iter()
                    .find(|(text, _)| value.eq_ignore_ascii_case(text));
                frequency = Some(found.ok_or_else(bad)?.1);
            }
            "INTERVAL" => {
                let every: u32 = value.parse().map_err(|_| bad())?;
                // Zero makes no sense; those who write it mean one.
                rule.interval = NonZeroU32::new(every).unwrap_or(NonZeroU32::MIN);
            }
            "COUNT" => count = Some(value.parse::<u32>().map_err(|_| bad())?),
            "UNTIL" => {
                let written = moment::parse(value).ok_or_else(bad)?;
                end = Some(until(written).ok_or_else(bad)?);
            }
            "WKST" => rule.first_day_of_week = weekday(value).ok_or_else(bad)?,
            "BYDAY" => {
                for day in value.split(',').filter(|day| !day.trim().is_empty()) {
                    rule.by_day.push(nth_day(day.trim()).ok_or_else(bad)?);
                }
            }
            "BYMONTHDAY" => rule.by_month_day = numbers(value, -31..=31, false).ok_or_else(bad)?,
            "BYMONTH" => rule.by_month = numbers(value, 1..=12, true).ok_or_else(bad)?,
            "BYYEARDAY" => rule.by_year_day = numbers(value, -366..=366, false).ok_or_else(bad)?,
            "BYWEEKNO" => rule.by_week_no = numbers(value, -53..=53, false).ok_or_else(bad)?,
            "BYHOUR" => rule.by_hour = numbers(value, 0..=23, true).ok_or_else(bad)?,
            "BYMINUTE" => rule.by_minute = numbers(value, 0..=59, true).ok_or_else(bad)?,
            "BYSECOND" => {
                let seconds: BTreeSet<i8> = numbers(value, 0..=60, true).ok_or_else(bad)?;
                rule.by_second = seconds.into_iter().map(|second| second.min(59)).collect();
            }
            "BYSETPOS" => {
                rule.by_set_position = numbers(value, -366..=366, false).ok_or_else(bad)?;
            }
            // RFC 7529: what it says by default is what RFC 5545 says.
            "RSCALE" if value.eq_ignore_ascii_case("GREGORIAN") => {}
            "SKIP" if value.eq_ignore_ascii_case("OMIT") => {}
            _ => return Err(format!("this rule part is not supported: {}", quoted(part))),
        }
    }
    rule.frequency = frequency.ok_or_else(|| format!("no FREQ: {}", quoted(value)))?;
    rule.end = match (count, end) {
        (Some(_), Some(_)) => return Err("COUNT and UNTIL exclude each other".to_owned()),
        (Some(0), None) => return Err("COUNT=0 leaves no occurrence".to_owned()),
        (Some(count), None) => End::Count(count),
        (None, Some(until)) => End::Until(until),
        (None, None) => End::Never,
    };
    Ok(rule)
}

/// Writes a rule. `until` writes the end in the form that the event's start asks for.
pub(crate) fn format(rule: &Rule, until: impl Fn(DateTime) -> String) -> String {
    let frequency = FREQUENCIES
        .iter()
        .find(|(_, frequency)| *frequency == rule.frequency)
        .map_or("DAILY", |(text, _)| text);
    let mut text = format!("FREQ={frequency}");
    let mut part = |name: &str, value: String| {
        if !value.is_empty() {
            text.push(';');
            text.push_str(name);
            text.push('=');
            text.push_str(&value);
        }
    };
    match rule.end {
        End::Never => {}
        End::Count(count) => part("COUNT", count.to_string()),
        End::Until(wall) => part("UNTIL", until(wall)),
    }
    if rule.interval != NonZeroU32::MIN {
        part("INTERVAL", rule.interval.to_string());
    }
    part("BYSECOND", joined(&rule.by_second));
    part("BYMINUTE", joined(&rule.by_minute));
    part("BYHOUR", joined(&rule.by_hour));
    part(
        "BYDAY",
        joined(rule.by_day.iter().copied().map(nth_day_name)),
    );
    part("BYMONTHDAY", joined(&rule.by_month_day));
    part("BYYEARDAY", joined(&rule.by_year_day));
    part("BYWEEKNO", joined(&rule.by_week_no));
    part("BYMONTH", joined(&rule.by_month));
    part("BYSETPOS", joined(&rule.by_set_position));
    if rule.first_day_of_week != Weekday::Monday {
        part("WKST", weekday_name(rule.first_day_of_week).to_owned());
    }
    text
}

fn joined(values: impl IntoIterator<Item = impl Display>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    texts.join(",")
}

fn numbers<N>(value: &str, range: RangeInclusive<i16>, zero: bool) -> Option<BTreeSet<N>>
where
    N: Ord + TryFrom<i16>,
{
    let mut set = BTreeSet::new();
    for text in value.split(',') {
        let number: i16 = text.trim().parse().ok()?;
        if !range.contains(&number) || (number == 0 && !zero) {
            return None;
        }
        set.insert(N::try_from(number).ok()?);
    }
    Some(set)
}

fn weekday(name: &str) -> Option<Weekday> {
    let at = WEEKDAYS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

fn weekday_name(day: Weekday) -> &'static str {
    WEEKDAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

fn nth_day(text: &str) -> Option<NthDay> {
    let split = text.len().checked_sub(2)?;
    let (nth, name) = (text.get(..split)?.trim(), text.get(split..)?);
    let nth_of_period = match nth {
        "" => None,
        nth => Some(
            nth.parse::<i8>()
                .ok()
                .filter(|n| *n != 0 && n.abs() <= 53)?,
        ),
    };
    Some(NthDay {
        day: weekday(name)?,
        nth_of_period,
    })
}

fn nth_day_name(day: NthDay) -> String {
    let name = weekday_name(day.day);
    day.nth_of_period
        .map_or_else(|| name.to_owned(), |nth| format!("{nth}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rule, String> {
        parse(text, |written| Some(written.wall()))
    }

    #[test]
    fn rules_come_back() {
        for text in [
            "FREQ=DAILY",
            "FREQ=WEEKLY;UNTIL=20261231T235959;INTERVAL=2;BYDAY=MO,WE;WKST=SU",
            "FREQ=MONTHLY;COUNT=5;BYDAY=-1FR,2MO;BYSETPOS=-1,1",
            "FREQ=YEARLY;BYSECOND=0,59;BYMINUTE=1;BYHOUR=9;BYMONTHDAY=-1,13;BYYEARDAY=-366,1;BYWEEKNO=53;BYMONTH=2",
        ] {
            let rule = read(text).unwrap();
            let back = format(&rule, moment::format_wall);
            assert_eq!(read(&back).unwrap(), rule);
            assert_eq!(back.len(), text.len(), "{back}");
        }
    }

    #[test]
    fn sloppy_rules_are_read() {
        assert_eq!(
            read("freq=weekly;interval=0;byday=mo, We;").unwrap(),
            read("FREQ=WEEKLY;BYDAY=MO,WE").unwrap()
        );
        assert!(read("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=OMIT").is_ok());
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let refusals: Vec<String> = [
            "RSCALE=HEBREW;FREQ=YEARLY",
            "FREQ=YEARLY;BYEASTER=1",
            "FREQ=DAILY;COUNT=3;UNTIL=20260101",
            "FREQ=OFTEN",
            "BYDAY=MO",
            "FREQ=MONTHLY;BYMONTHDAY=32",
        ]
        .iter()
        .map(|text| read(text).unwrap_err())
        .collect();
        insta::assert_snapshot!(refusals.join("\n"), @r#"
        this rule part is not supported: "RSCALE=HEBREW"
        this rule part is not supported: "BYEASTER=1"
        COUNT and UNTIL exclude each other
        not understood: "FREQ=OFTEN"
        no FREQ: "BYDAY=MO"
        not understood: "BYMONTHDAY=32"
        "#);
    }
}
