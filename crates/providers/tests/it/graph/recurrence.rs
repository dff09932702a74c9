//! Patterns and rules: a table of what each side calls the other, what cannot be said, and that both give the same dates.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Weekday};
use kalends_calendar::event::Event;
use kalends_calendar::failure::Class;
use kalends_calendar::ical::{WriteOptions, read_object, write_object};
use kalends_calendar::provider::Provider;
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};
use kalends_calendar::time::Start;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Echo, account, berlin, calendar, create, event, now, read, series, single, walker};
use crate::script::Script;

/// The pattern that a rule is written as, or why not.
fn written(rule: &Rule, start: Start) -> Result<Value, String> {
    let mut repeated = event("x", start);
    repeated.recurrence_rules = vec![rule.clone()];
    let echo = Echo::new(201, &single("e1", "x"));
    let sent = now(account(Arc::clone(&echo) as _).write(&calendar(), &create(&repeated)));
    match (sent, echo.asked()) {
        (Ok(_), Some(request)) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            Ok(body["recurrence"].clone())
        }
        (Err(failure), None) => {
            assert_eq!(failure.class, Class::Item);
            Err(failure.message)
        }
        (sent, asked) => panic!("{sent:?} {asked:?}"),
    }
}

/// A series whose pattern is this, from 10:00 in Berlin on.
fn patterned(recurrence: &Value) -> Event {
    let date: Date = recurrence["range"]["startDate"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let zone = kalends_calendar::zone::iana("Europe/Berlin").unwrap();
    let utc = |hour: i8| {
        let at = zone
            .to_ambiguous_timestamp(date.at(hour, 0, 0, 0))
            .compatible()
            .unwrap();
        json!({"dateTime": at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC"})
    };
    let mut value = series("s1", "x");
    value["start"] = utc(10);
    value["end"] = utc(11);
    value["recurrence"] = recurrence.clone();
    read(&value)
}

/// The rule as iCalendar writes it.
fn rrule(event: &Event) -> String {
    let options = WriteOptions {
        mark: None,
        stamp: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    let text = write_object(event, &options);
    // The last one: those before are of the zone.
    let line = text
        .lines()
        .rfind(|line| line.starts_with("RRULE:"))
        .unwrap_or_default();
    line.trim_start_matches("RRULE:").to_owned()
}

/// A rule as iCalendar has it.
fn rule(text: &str, start: &str) -> Rule {
    let object = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:{start}\r\nRRULE:{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    read_object(&object)
        .unwrap()
        .event
        .recurrence_rules
        .remove(0)
}

fn range(start: &str) -> Value {
    json!({"type": "noEnd", "startDate": start, "recurrenceTimeZone": "W. Europe Standard Time"})
}

#[test]
fn each_pattern_is_a_rule_and_each_rule_that_pattern() {
    // Pattern, first date, rule.
    let table = [
        (
            json!({"type": "daily", "interval": 3}),
            "2026-06-01",
            "FREQ=DAILY;INTERVAL=3",
        ),
        (
            json!({"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "friday"], "firstDayOfWeek": "sunday"}),
            "2026-06-01",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,FR",
        ),
        (
            json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 15}),
            "2026-06-15",
            "FREQ=MONTHLY;BYMONTHDAY=15",
        ),
        (
            json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}),
            "2026-07-31",
            "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
        ),
        (
            json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 29}),
            "2026-06-29",
            "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1",
        ),
        // Every month that it comes to has a 30th.
        (
            json!({"type": "absoluteMonthly", "interval": 2, "dayOfMonth": 30}),
            "2026-07-30",
            "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=30",
        ),
        (
            json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"}),
            "2026-06-09",
            "FREQ=MONTHLY;BYDAY=2TU",
        ),
        (
            json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday", "tuesday"], "index": "second"}),
            "2026-06-02",
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2",
        ),
        (
            json!({"type": "relativeMonthly", "interval": 1, "index": "last",
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]}),
            "2026-06-30",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1",
        ),
        (
            json!({"type": "absoluteYearly", "interval": 1, "month": 3, "dayOfMonth": 31}),
            "2026-03-31",
            "FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=3",
        ),
        (
            json!({"type": "absoluteYearly", "interval": 1, "month": 2, "dayOfMonth": 29}),
            "2028-02-29",
            "FREQ=YEARLY;BYMONTHDAY=28,29;BYMONTH=2;BYSETPOS=-1",
        ),
        (
            json!({"type": "relativeYearly", "interval": 1, "month": 10, "daysOfWeek": ["wednesday"], "index": "last"}),
            "2026-10-28",
            "FREQ=YEARLY;BYDAY=-1WE;BYMONTH=10",
        ),
    ];
    for (pattern, start, expected) in table {
        let recurrence = json!({"pattern": pattern, "range": range(start)});
        let read = patterned(&recurrence);
        let parts = |text: &str| {
            let mut parts: Vec<String> = text.split(';').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(parts(&rrule(&read)), parts(expected), "{pattern}");
        assert_eq!(
            written(&read.recurrence_rules[0], read.master.start),
            Ok(recurrence)
        );
    }
}

#[test]
fn rules_that_say_it_otherwise_are_understood() {
    let table = [
        (
            "FREQ=WEEKLY",
            "20260602T100000",
            json!({"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"}),
        ),
        (
            "FREQ=DAILY;BYDAY=MO,TU",
            "20260602T100000",
            json!({"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "tuesday"], "firstDayOfWeek": "monday"}),
        ),
        (
            "FREQ=MONTHLY",
            "20260602T100000",
            json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 2}),
        ),
        (
            "FREQ=YEARLY",
            "20260602T100000",
            json!({"type": "absoluteYearly", "interval": 1, "month": 6, "dayOfMonth": 2}),
        ),
        (
            "FREQ=YEARLY;BYMONTHDAY=2",
            "20260602T100000",
            json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 2}),
        ),
        (
            "FREQ=MONTHLY;BYMONTH=3,6,9,12",
            "20260602T100000",
            json!({"type": "absoluteMonthly", "interval": 3, "dayOfMonth": 2}),
        ),
        (
            "FREQ=YEARLY;BYMONTH=3,6,9,12;BYDAY=1TU",
            "20260602T100000",
            json!({"type": "relativeMonthly", "interval": 3, "daysOfWeek": ["tuesday"], "index": "first"}),
        ),
        (
            "FREQ=MONTHLY;BYMONTH=6;BYMONTHDAY=2",
            "20260602T100000",
            json!({"type": "absoluteYearly", "interval": 1, "month": 6, "dayOfMonth": 2}),
        ),
        (
            "FREQ=DAILY;BYHOUR=10",
            "20260602T100000",
            json!({"type": "daily", "interval": 1}),
        ),
    ];
    for (text, start, expected) in table {
        let local: DateTime = start.parse().unwrap();
        let found = written(&rule(text, start), berlin(&local.to_string()));
        assert_eq!(found.unwrap()["pattern"], expected, "{text}");
    }
}

#[test]
fn what_outlook_cannot_say_is_refused_by_name() {
    let table = [
        ("FREQ=HOURLY", "20260601T100000", "less than a day"),
        ("FREQ=YEARLY;BYWEEKNO=20", "20260601T100000", "BYWEEKNO"),
        ("FREQ=YEARLY;BYYEARDAY=152", "20260601T100000", "BYYEARDAY"),
        ("FREQ=DAILY;BYHOUR=9,10", "20260601T100000", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=0,30", "20260601T100000", "BYMINUTE"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,15",
            "20260601T100000",
            "several BYMONTHDAY",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-2",
            "20260629T100000",
            "BYMONTHDAY=-2",
        ),
        (
            "FREQ=MONTHLY;BYMONTH=1,6",
            "20260601T100000",
            "not equally far apart",
        ),
        ("FREQ=MONTHLY;BYDAY=5MO", "20260629T100000", "not 5"),
        ("FREQ=MONTHLY;BYDAY=-2MO", "20260622T100000", "not -2"),
        (
            "FREQ=MONTHLY;BYDAY=1MO,3MO",
            "20260601T100000",
            "several numbered days",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO",
            "20260601T100000",
            "without saying which one",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=5",
            "20260615T100000",
            "not 5",
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "20261113T100000",
            "together with BYMONTHDAY",
        ),
        (
            "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1",
            "20260601T100000",
            "BYSETPOS",
        ),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO", "20260601T100000", "BYDAY"),
        (
            "FREQ=YEARLY;BYDAY=20MO",
            "20260518T100000",
            "without BYMONTH",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "20260731T100000",
            "without a day 31",
        ),
        ("FREQ=YEARLY", "20280229T100000", "without a day 29"),
        (
            "FREQ=WEEKLY;BYDAY=TU",
            "20260601T100000",
            "first occurrence",
        ),
    ];
    for (text, start, reason) in table {
        let local: DateTime = start.parse().unwrap();
        let error = written(&rule(text, start), berlin(&local.to_string())).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let mut two = event("x", berlin("2026-06-01T10:00:00"));
    two.recurrence_rules = vec![
        Rule::every(Frequency::Daily),
        Rule::every(Frequency::Weekly),
    ];
    let mut without = event("x", berlin("2026-06-01T10:00:00"));
    without.recurrence_rules = vec![Rule::every(Frequency::Daily)];
    without.excluded_recurrence_rules = vec![Rule::every(Frequency::Weekly)];
    let mut own_zone = event(
        "x",
        Start::Zoned {
            local: "2026-06-01T10:00:00".parse().unwrap(),
            zone: kalends_calendar::time::ZoneId("/own".to_owned()),
        },
    );
    own_zone.recurrence_rules = vec![Rule::every(Frequency::Daily)];
    own_zone.time_zones = BTreeMap::from([(
        kalends_calendar::time::ZoneId("/own".to_owned()),
        kalends_calendar::zone::CustomZone {
            observances: Vec::new(),
        },
    )]);
    for (refused, reason) in [
        (two, "several rules"),
        (without, "take occurrences away"),
        (own_zone, "no zone like"),
    ] {
        let failure =
            now(account(Script::new()).write(&calendar(), &create(&refused))).unwrap_err();
        assert_eq!(failure.class, Class::Item);
        assert!(failure.message.contains(reason), "{}", failure.message);
    }
}

#[test]
fn an_end_is_a_day_there_and_a_moment_here() {
    let ends = |until: &str| {
        let mut daily = Rule::every(Frequency::Daily);
        daily.end = End::Until(until.parse().unwrap());
        written(&daily, berlin("2026-06-01T10:00:00")).unwrap()["range"]["endDate"].clone()
    };
    assert_eq!(ends("2026-06-05T10:00:00"), "2026-06-05");
    assert_eq!(ends("2026-06-05T23:59:59"), "2026-06-05");
    assert_eq!(
        ends("2026-06-05T09:59:59"),
        "2026-06-04",
        "that day's occurrence comes too late"
    );
    assert_eq!(ends("2026-05-05T10:00:00"), "2026-06-01");

    let read = |range: Value| {
        let pattern = json!({"type": "daily", "interval": 1});
        patterned(&json!({"pattern": pattern, "range": range}))
            .recurrence_rules
            .remove(0)
            .end
    };
    let mut dated = range("2026-06-01");
    dated["type"] = json!("endDate");
    dated["endDate"] = json!("2026-12-31");
    assert_eq!(
        read(dated),
        End::Until("2026-12-31T10:00:00".parse().unwrap())
    );
    let mut counted = range("2026-06-01");
    counted["type"] = json!("numbered");
    counted["numberOfOccurrences"] = json!(7);
    assert_eq!(read(counted), End::Count(7));
}

#[test]
fn a_start_off_the_pattern_moves_to_its_first_date() {
    let weekly = json!({"type": "weekly", "interval": 2, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "sunday"});
    let table = [
        ("2026-06-01", "2026-06-02"),
        ("2026-06-02", "2026-06-02"),
        ("2026-06-03", "2026-06-16"),
    ];
    for (start, first) in table {
        let read = patterned(&json!({"pattern": weekly, "range": range(start)}));
        assert_eq!(
            read.master.start.local().date(),
            first.parse::<Date>().unwrap(),
            "{start}"
        );
    }
}

/// The first dates of an event by our own expander.
fn expanded(event: &Event, limit: usize) -> Vec<Date> {
    let start = event.master.start.local();
    event.recurrence_rules[0]
        .starts(start, start)
        .take(limit)
        .map(|start| start.unwrap().date())
        .collect()
}

fn weekdays() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(
        vec![
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ],
        1..=7,
    )
}

fn patterns() -> impl Strategy<Value = Value> {
    let index = prop::sample::select(vec!["first", "second", "third", "fourth", "last"]);
    let first = prop::sample::select(vec!["sunday", "monday", "saturday"]);
    prop_oneof![
        (1..40).prop_map(|interval| json!({"type": "daily", "interval": interval})),
        (1..6, weekdays(), first).prop_map(|(interval, days, first)| json!({
            "type": "weekly", "interval": interval, "daysOfWeek": days, "firstDayOfWeek": first
        })),
        (1..14, 1..=31).prop_map(|(interval, day)| json!({
            "type": "absoluteMonthly", "interval": interval, "dayOfMonth": day
        })),
        (1..14, weekdays(), index.clone()).prop_map(|(interval, days, index)| json!({
            "type": "relativeMonthly", "interval": interval, "daysOfWeek": days, "index": index
        })),
        (1..=12, 1..=31).prop_map(|(month, day)| json!({
            "type": "absoluteYearly", "interval": 1, "month": month, "dayOfMonth": day
        })),
        (1..=12, weekdays(), index).prop_map(|(month, days, index)| json!({
            "type": "relativeYearly", "interval": 1, "month": month, "daysOfWeek": days, "index": index
        })),
    ]
}

fn rules() -> impl Strategy<Value = Rule> {
    let days = vec![
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let frequency = prop::sample::select(vec![
        Frequency::Daily,
        Frequency::Weekly,
        Frequency::Monthly,
        Frequency::Yearly,
    ]);
    let day = (
        prop::sample::select(days.clone()),
        prop::option::of(-2_i8..=5),
    )
        .prop_map(|(day, nth)| NthDay {
            day,
            nth_of_period: nth.filter(|nth| *nth != 0),
        });
    (
        frequency,
        1_u32..5,
        prop::sample::select(days),
        prop::collection::vec(day, 0..3),
        prop::collection::btree_set(prop_oneof![1_i8..=31, Just(-1_i8)], 0..3),
        prop::collection::btree_set(1_i8..=12, 0..3),
        prop::collection::btree_set(prop_oneof![1_i16..=4, Just(-1_i16)], 0..2),
        prop_oneof![Just(End::Never), (1_u32..20).prop_map(End::Count)],
    )
        .prop_map(
            |(frequency, interval, first, by_day, by_month_day, by_month, by_set_position, end)| {
                let mut rule = Rule::every(frequency);
                rule.interval = interval.try_into().unwrap();
                rule.first_day_of_week = first;
                rule.by_day = by_day;
                rule.by_month_day = by_month_day;
                rule.by_month = by_month;
                rule.by_set_position = by_set_position;
                rule.end = end;
                rule
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_pattern_and_its_rule_give_the_same_dates(pattern in patterns(), day in 0_i32..800, count in prop::option::of(1_u32..30)) {
        let start = Date::constant(2026, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        let mut recurrence = json!({"pattern": pattern, "range": range(&start.to_string())});
        if let Some(count) = count {
            recurrence["range"]["type"] = json!("numbered");
            recurrence["range"]["numberOfOccurrences"] = json!(count);
        }
        // Of patterns whose period does not begin with the first date, nobody knows how it is counted.
        let first = walker::dates(&recurrence, 1);
        if first.first() == Some(&start) {
            let read = patterned(&recurrence);
            prop_assert_eq!(expanded(&read, 8), walker::dates(&recurrence, 8));
            prop_assert_eq!(written(&read.recurrence_rules[0], read.master.start), Ok(recurrence));
        }
    }

    #[test]
    fn a_rule_is_refused_or_written_with_the_same_dates(rule in rules(), day in 0_i32..800) {
        let start = Date::constant(2026, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        let local = start.at(10, 0, 0, 0);
        if let Ok(recurrence) = written(&rule, berlin(&local.to_string())) {
            let ours: Vec<Date> = rule.starts(local, local).take(8).map(|start| start.unwrap().date()).collect();
            prop_assert_eq!(walker::dates(&recurrence, 8), ours, "{}", recurrence);
        }
    }
}
