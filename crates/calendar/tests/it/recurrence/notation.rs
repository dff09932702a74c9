//! Rules as iCalendar writes them, so that tests can be read beside the standard.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::civil::{DateTime, Weekday};
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// `20260322T090000` or `20260322`.
pub(super) fn local(text: &str) -> DateTime {
    let text = text.trim_end_matches('Z');
    let format = if text.contains('T') {
        "%Y%m%dT%H%M%S"
    } else {
        "%Y%m%d"
    };
    if text.contains('T') {
        DateTime::strptime(format, text).unwrap()
    } else {
        jiff::civil::Date::strptime(format, text)
            .unwrap()
            .to_datetime(jiff::civil::Time::midnight())
    }
}

pub(super) fn compact(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

/// `FREQ=WEEKLY;BYDAY=MO,-1SU`; panics on anything else.
pub(super) fn rule(text: &str) -> Rule {
    let part = |name: &str| {
        text.split(';')
            .filter_map(|part| part.split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let mut rule = Rule::every(match part("FREQ").unwrap() {
        "YEARLY" => Frequency::Yearly,
        "MONTHLY" => Frequency::Monthly,
        "WEEKLY" => Frequency::Weekly,
        "DAILY" => Frequency::Daily,
        "HOURLY" => Frequency::Hourly,
        "MINUTELY" => Frequency::Minutely,
        "SECONDLY" => Frequency::Secondly,
        other => panic!("{other}"),
    });
    if let Some(interval) = part("INTERVAL") {
        rule.interval = interval.parse().unwrap();
    }
    if let Some(day) = part("WKST") {
        rule.first_day_of_week = weekday(day);
    }
    rule.by_day = part("BYDAY")
        .into_iter()
        .flat_map(|days| days.split(','))
        .map(|day| {
            let (n, name) = day.split_at(day.len() - 2);
            NthDay {
                day: weekday(name),
                nth_of_period: (!n.is_empty()).then(|| n.parse().unwrap()),
            }
        })
        .collect();
    rule.by_month = numbers(part("BYMONTH"));
    rule.by_month_day = numbers(part("BYMONTHDAY"));
    rule.by_year_day = numbers(part("BYYEARDAY"));
    rule.by_week_no = numbers(part("BYWEEKNO"));
    rule.by_hour = numbers(part("BYHOUR"));
    rule.by_minute = numbers(part("BYMINUTE"));
    rule.by_second = numbers(part("BYSECOND"));
    rule.by_set_position = numbers(part("BYSETPOS"));
    rule.end = match (part("COUNT"), part("UNTIL")) {
        (Some(count), _) => End::Count(count.parse().unwrap()),
        (None, Some(until)) => End::Until(local(until)),
        (None, None) => End::Never,
    };
    rule
}

fn weekday(name: &str) -> Weekday {
    let at = DAYS.iter().position(|day| *day == name).unwrap();
    Weekday::from_monday_zero_offset(i8::try_from(at).unwrap()).unwrap()
}

fn numbers<T>(list: Option<&str>) -> BTreeSet<T>
where
    T: std::str::FromStr<Err: std::fmt::Debug> + Ord,
{
    list.into_iter()
        .flat_map(|list| list.split(','))
        .map(|number| number.parse().unwrap())
        .collect()
}

/// The way back; `UNTIL` as `until` writes it.
pub(super) fn text(rule: &Rule, until: impl Fn(DateTime) -> String) -> String {
    let mut out = format!("FREQ={:?}", rule.frequency).to_uppercase();
    if rule.interval.get() > 1 {
        write!(out, ";INTERVAL={}", rule.interval).unwrap();
    }
    if rule.first_day_of_week != Weekday::Monday {
        write!(out, ";WKST={}", name(rule.first_day_of_week)).unwrap();
    }
    list(&mut out, "BYMONTH", &rule.by_month);
    list(&mut out, "BYWEEKNO", &rule.by_week_no);
    list(&mut out, "BYYEARDAY", &rule.by_year_day);
    list(&mut out, "BYMONTHDAY", &rule.by_month_day);
    let days = rule.by_day.iter().map(|day| match day.nth_of_period {
        Some(n) => format!("{n}{}", name(day.day)),
        None => name(day.day).to_owned(),
    });
    list(&mut out, "BYDAY", days);
    list(&mut out, "BYHOUR", &rule.by_hour);
    list(&mut out, "BYMINUTE", &rule.by_minute);
    list(&mut out, "BYSECOND", &rule.by_second);
    list(&mut out, "BYSETPOS", &rule.by_set_position);
    match rule.end {
        End::Never => {}
        End::Count(count) => write!(out, ";COUNT={count}").unwrap(),
        End::Until(at) => write!(out, ";UNTIL={}", until(at)).unwrap(),
    }
    out
}

fn name(day: Weekday) -> &'static str {
    DAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

fn list(out: &mut String, part: &str, values: impl IntoIterator<Item = impl ToString>) {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    if !values.is_empty() {
        write!(out, ";{part}={}", values.join(",")).unwrap();
    }
}

#[test]
fn rules_are_read_and_written_alike() {
    for sample in [
        "FREQ=YEARLY;INTERVAL=2;WKST=SU;BYMONTH=1,3;BYDAY=-1SU,MO;BYHOUR=8,9;BYSETPOS=-1,1;COUNT=4",
        "FREQ=SECONDLY;BYWEEKNO=-1;BYYEARDAY=-366,1;BYMONTHDAY=-31,31;UNTIL=20260101T000000",
    ] {
        let parsed = rule(sample);
        let written = text(&parsed, compact);
        assert_eq!(rule(&written), parsed, "{written}");
    }
}
