//! A second reading of Outlook's patterns: which dates they give, day by day, from Microsoft's words alone.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde_json::Value;

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// No series here is looked at for longer.
const DAYS_MAX: i32 = 366 * 30;

fn offset(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap()
}

/// The first dates of a `patternedRecurrence`.
pub(super) fn dates(recurrence: &Value, limit: usize) -> Vec<Date> {
    let (pattern, range) = (&recurrence["pattern"], &recurrence["range"]);
    let start: Date = range["startDate"].as_str().unwrap().parse().unwrap();
    let last: Option<Date> =
        (range["type"] == "endDate").then(|| range["endDate"].as_str().unwrap().parse().unwrap());
    let count = if range["type"] == "numbered" {
        usize::try_from(range["numberOfOccurrences"].as_u64().unwrap()).unwrap()
    } else {
        usize::MAX
    };
    let mut found = Vec::new();
    for day in 0..DAYS_MAX {
        let date = start.checked_add(day.days()).unwrap();
        if last.is_some_and(|last| date > last) || found.len() == count.min(limit) {
            break;
        }
        if matches(pattern, start, date) {
            found.push(date);
        }
    }
    found
}

fn matches(pattern: &Value, start: Date, date: Date) -> bool {
    let interval = i32::try_from(pattern["interval"].as_i64().unwrap_or(1)).unwrap();
    let named = |date: Date| {
        let name = DAYS[offset(date.weekday())];
        pattern["daysOfWeek"]
            .as_array()
            .is_some_and(|days| days.iter().any(|day| day == name))
    };
    let months =
        i32::from(date.year() - start.year()) * 12 + i32::from(date.month() - start.month());
    let years = i32::from(date.year() - start.year());
    let is_month = pattern["month"] == i64::from(date.month());
    let absolute = || {
        let wanted = i8::try_from(pattern["dayOfMonth"].as_i64().unwrap()).unwrap();
        date.day() == wanted.min(date.days_in_month())
    };
    let relative = || {
        let alike: Vec<Date> = (1..=date.days_in_month())
            .map(|day| Date::new(date.year(), date.month(), day).unwrap())
            .filter(|date| named(*date))
            .collect();
        let wanted = match pattern["index"].as_str().unwrap() {
            "first" => alike.first(),
            "second" => alike.get(1),
            "third" => alike.get(2),
            "fourth" => alike.get(3),
            "last" => alike.last(),
            other => panic!("{other}"),
        };
        wanted == Some(&date)
    };
    match pattern["type"].as_str().unwrap() {
        "daily" => start.until(date).unwrap().get_days() % interval == 0,
        "weekly" => {
            let first = pattern["firstDayOfWeek"].as_str().unwrap();
            let first = DAYS.iter().position(|day| *day == first).unwrap();
            let begin = |date: Date| {
                let back = (offset(date.weekday()) + 7 - first) % 7;
                date.checked_sub(i32::try_from(back).unwrap().days())
                    .unwrap()
            };
            let weeks = begin(start).until(begin(date)).unwrap().get_days() / 7;
            named(date) && weeks % interval == 0
        }
        "absoluteMonthly" => months % interval == 0 && absolute(),
        "relativeMonthly" => months % interval == 0 && relative(),
        "absoluteYearly" => years % interval == 0 && is_month && absolute(),
        "relativeYearly" => years % interval == 0 && is_month && relative(),
        other => panic!("{other}"),
    }
}
