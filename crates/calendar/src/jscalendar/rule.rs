//! Recurrence rules (RFC 8984 §4.3.3) to and from JSON.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use jiff::civil::{DateTime, Time, Weekday};
use serde_json::{Value, json};

use super::JsError;
use super::node::{Members, Node};
use super::times::{self, Moment};
use super::words::{self, word};
use super::write::{put, put_some, typed};
use crate::recurrence::{End, NthDay, Rule};
use crate::time::Start;

/// Writes a rule. `until` writes the end on the clock that is asked for.
pub(super) fn write(rule: &Rule, until: impl Fn(DateTime) -> String) -> Value {
    let mut map = typed("RecurrenceRule");
    put(
        &mut map,
        "frequency",
        word(words::FREQUENCY, &rule.frequency),
    );
    if rule.interval != NonZeroU32::MIN {
        put(&mut map, "interval", rule.interval.get());
    }
    if rule.first_day_of_week != Weekday::Monday {
        let day = word(words::WEEKDAY, &rule.first_day_of_week);
        put(&mut map, "firstDayOfWeek", day);
    }
    put_some(
        &mut map,
        "byDay",
        rule.by_day.iter().copied().map(nth_day).collect(),
    );
    // RFC 7529 has months with letters, so that months are texts.
    let months = rule.by_month.iter().map(|month| json!(month.to_string()));
    put_some(&mut map, "byMonth", months.collect());
    for (name, numbers) in [
        ("byMonthDay", &rule.by_month_day),
        ("byWeekNo", &rule.by_week_no),
        ("byHour", &rule.by_hour),
        ("byMinute", &rule.by_minute),
        ("bySecond", &rule.by_second),
    ] {
        let numbers = numbers.iter().map(|number| json!(number));
        put_some(&mut map, name, numbers.collect());
    }
    for (name, numbers) in [
        ("byYearDay", &rule.by_year_day),
        ("bySetPosition", &rule.by_set_position),
    ] {
        let numbers = numbers.iter().map(|number| json!(number));
        put_some(&mut map, name, numbers.collect());
    }
    match rule.end {
        End::Never => {}
        End::Count(count) => put(&mut map, "count", count),
        End::Until(wall) => put(&mut map, "until", until(wall)),
    }
    Value::Object(map)
}

fn nth_day(day: NthDay) -> Value {
    let mut map = typed("NDay");
    put(&mut map, "day", word(words::WEEKDAY, &day.day));
    if let Some(nth) = day.nth_of_period {
        put(&mut map, "nthOfPeriod", nth);
    }
    Value::Object(map)
}

/// Reads a rule. `until` reads the end onto the clock of the event.
pub(super) fn read(
    node: &Node<'_>,
    until: impl Fn(&Node<'_>) -> Result<DateTime, JsError>,
) -> Result<Rule, JsError> {
    let mut members = node.members("RecurrenceRule")?;
    let mut rule = Rule::every(members.need("frequency")?.one_of(words::FREQUENCY)?);
    if let Some(node) = members.take("interval") {
        let interval = node.integer(1..=i64::from(u32::MAX))?;
        rule.interval = narrow(interval)
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN);
    }
    if let Some(node) = members.take("firstDayOfWeek") {
        rule.first_day_of_week = node.one_of(words::WEEKDAY)?;
    }
    // What these say by default is what we do (RFC 7529).
    for (name, only) in [("rscale", "gregorian"), ("skip", "omit")] {
        if let Some(node) = members.take(name)
            && !node.text()?.eq_ignore_ascii_case(only)
        {
            return Err(node.fail(format!("is not followed by Kalends, unless it is {only}")));
        }
    }
    for node in members.list("byDay")? {
        rule.by_day.push(read_nth_day(&node)?);
    }
    for node in members.list("byMonth")? {
        let month = node.text()?.parse::<i8>().ok();
        let month = month.filter(|month| (1..=12).contains(month));
        let month = month.ok_or_else(|| node.fail("is not a month from \"1\" to \"12\""))?;
        rule.by_month.insert(month);
    }
    rule.by_month_day = numbers(&mut members, "byMonthDay", -31..=31, Zero::No)?;
    rule.by_year_day = numbers(&mut members, "byYearDay", -366..=366, Zero::No)?;
    rule.by_week_no = numbers(&mut members, "byWeekNo", -53..=53, Zero::No)?;
    rule.by_hour = numbers(&mut members, "byHour", 0..=23, Zero::Yes)?;
    rule.by_minute = numbers(&mut members, "byMinute", 0..=59, Zero::Yes)?;
    let seconds: BTreeSet<i8> = numbers(&mut members, "bySecond", 0..=60, Zero::Yes)?;
    rule.by_second = seconds.into_iter().map(|second| second.min(59)).collect();
    rule.by_set_position = numbers(&mut members, "bySetPosition", -366..=366, Zero::No)?;
    rule.end = match (members.take("count"), members.take("until")) {
        (None, None) => End::Never,
        (Some(node), None) => {
            let count = node.integer(1..=i64::from(u32::MAX))?;
            End::Count(narrow(count).unwrap_or(u32::MAX))
        }
        (None, Some(node)) => End::Until(until(&node)?),
        (Some(_), Some(node)) => return Err(node.fail("and count exclude each other")),
    };
    members.finish(&[])?;
    Ok(rule)
}

/// Reads the end of a rule on the clock of the event's start, as the start asks for it.
pub(super) fn until(node: &Node<'_>, start: &Start) -> Result<DateTime, JsError> {
    let moment = times::moment(node)?;
    Ok(match (moment, start) {
        (Moment::Date(date), Start::AllDay(_)) => date.to_datetime(Time::midnight()),
        (Moment::Local(local), Start::AllDay(_)) => local.date().to_datetime(Time::midnight()),
        // A date includes its day.
        (Moment::Date(date), _) => date.at(23, 59, 59, 0),
        (Moment::Local(local), _) => local,
    })
}

fn read_nth_day(node: &Node<'_>) -> Result<NthDay, JsError> {
    let mut members = node.members("NDay")?;
    let day = members.need("day")?.one_of(words::WEEKDAY)?;
    let nth = members.take("nthOfPeriod");
    let nth = nth.map(|node| number(&node, -53..=53, Zero::No));
    members.finish(&[])?;
    Ok(NthDay {
        day,
        nth_of_period: nth.transpose()?,
    })
}

/// Whether zero is among the numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zero {
    Yes,
    No,
}

fn numbers<N: Ord + TryFrom<i64>>(
    members: &mut Members<'_>,
    name: &'static str,
    range: RangeInclusive<i64>,
    zero: Zero,
) -> Result<BTreeSet<N>, JsError> {
    let nodes = members.list(name)?.into_iter();
    nodes
        .map(|node| number(&node, range.clone(), zero))
        .collect()
}

fn number<N: TryFrom<i64>>(
    node: &Node<'_>,
    range: RangeInclusive<i64>,
    zero: Zero,
) -> Result<N, JsError> {
    let number = node.integer(range)?;
    if number == 0 && zero == Zero::No {
        return Err(node.fail("is zero"));
    }
    N::try_from(number).map_err(|_| node.fail("is too large"))
}

fn narrow(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}
