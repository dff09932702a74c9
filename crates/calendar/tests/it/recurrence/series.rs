//! Series with all that departs from their rules, within windows.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use kalends_calendar::event::{Details, Event, Instance, Override, RecurrenceId, Shape};
use kalends_calendar::ids::Uid;
use kalends_calendar::recurrence::{Bounds, ExpansionError, Rule, bounds, occurrences};
use kalends_calendar::time::{Length, Start, ZoneId};

use super::notation::{local, rule};

pub(super) fn event(start: Start, duration: Length, rules: Vec<Rule>) -> Event {
    Event {
        uid: Uid::from("one@example.com"),
        shape: Shape::Series,
        master: Instance {
            start,
            duration,
            end_zone: None,
            details: Details::default(),
        },
        recurrence_rules: rules,
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

pub(super) fn berlin(start: &str) -> Start {
    Start::Zoned {
        local: local(start),
        zone: ZoneId("Europe/Berlin".to_owned()),
    }
}

/// An hour in Berlin by one rule.
pub(super) fn series(start: &str, text: &str) -> Event {
    event(berlin(start), Length::minutes(60), vec![rule(text)])
}

pub(super) fn window(from: &str, to: &str) -> Range<Timestamp> {
    from.parse().unwrap()..to.parse().unwrap()
}

pub(super) fn replaced(start: &str, title: &str) -> Override {
    let mut instance = event(berlin(start), Length::minutes(60), Vec::new()).master;
    title.clone_into(&mut instance.details.title);
    Override::Replaced(Box::new(instance))
}

pub(super) fn starts(event: &Event, window: Range<Timestamp>) -> Vec<String> {
    occurrences(event, window, &TimeZone::UTC, 100)
        .unwrap()
        .iter()
        .map(|occurrence| occurrence.span.start.to_string())
        .collect()
}

#[test]
fn a_window_is_half_open_and_sees_what_reaches_into_it() {
    let daily = series("20260101T090000", "FREQ=DAILY");
    let touching = window("2026-01-05T09:00:00Z", "2026-01-07T08:00:00Z");
    assert_eq!(starts(&daily, touching), ["2026-01-06T08:00:00Z"]);
    let overlapping = window("2026-01-05T08:59:59Z", "2026-01-06T08:00:01Z");
    assert_eq!(
        starts(&daily, overlapping),
        ["2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z"]
    );

    let mut moment = daily.clone();
    moment.master.duration = Length::default();
    let at_its_start = window("2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z");
    assert_eq!(starts(&moment, at_its_start), ["2026-01-05T08:00:00Z"]);
    assert!(
        starts(
            &moment,
            window("2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z")
        )
        .is_empty()
    );

    let mut fortnight = series("20260101T090000", "FREQ=YEARLY");
    fortnight.master.duration = Length::days(14);
    let last_hour = window("2027-01-15T07:30:00Z", "2027-01-16T00:00:00Z");
    assert_eq!(starts(&fortnight, last_hour), ["2027-01-01T08:00:00Z"]);
}

#[test]
fn overrides_move_into_and_out_of_the_window() {
    let mut weekly = series("20260105T090000", "FREQ=WEEKLY");
    let id = |at| RecurrenceId(local(at));
    weekly.recurrence_overrides = [
        (
            id("20260112T090000"),
            replaced("20260303T100000", "moved out"),
        ),
        (
            id("20260601T090000"),
            replaced("20260114T100000", "moved in"),
        ),
        (id("20260119T090000"), Override::Excluded),
        (
            id("20260120T090000"),
            Override::Added {
                duration: Some(Length::minutes(5)),
            },
        ),
        (id("20260121T090000"), Override::Added { duration: None }),
    ]
    .into();
    let january = window("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let found = occurrences(&weekly, january, &TimeZone::UTC, 100).unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|o| {
            let minutes = (o.span.end.as_second() - o.span.start.as_second()) / 60;
            let named = o.recurrence_id.map(|id| id.to_string()).unwrap_or_default();
            format!(
                "{} {minutes} {named} {}",
                o.span.start, o.instance.details.title
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "2026-01-05T08:00:00Z 60 2026-01-05T09:00:00 ",
            "2026-01-14T09:00:00Z 60 2026-06-01T09:00:00 moved in",
            "2026-01-20T08:00:00Z 5 2026-01-20T09:00:00 ",
            "2026-01-21T08:00:00Z 60 2026-01-21T09:00:00 ",
            "2026-01-26T08:00:00Z 60 2026-01-26T09:00:00 ",
        ]
    );
}

#[test]
fn excluding_rules_take_away_what_they_match() {
    let mut daily = series("20260101T090000", "FREQ=DAILY;COUNT=7");
    daily.excluded_recurrence_rules = vec![rule("FREQ=WEEKLY;BYDAY=SA,SU")];
    let found = starts(
        &daily,
        window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    );
    // Thursday to Wednesday without the weekend. DTSTART is no weekend and stays.
    assert_eq!(found.len(), 5);
    assert_eq!(found[0], "2026-01-01T08:00:00Z");
    assert_eq!(found[2], "2026-01-05T08:00:00Z");
}

#[test]
fn instances_alone_have_no_master() {
    let mut guest = event(berlin("20260105T090000"), Length::minutes(30), Vec::new());
    guest.shape = Shape::InstancesOnly;
    guest.recurrence_overrides = [(
        RecurrenceId(local("20260112T090000")),
        replaced("20260112T110000", "invited"),
    )]
    .into();
    let year = window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_eq!(starts(&guest, year), ["2026-01-12T10:00:00Z"]);
}

#[test]
fn a_skipped_hour_shifts_and_a_doubled_one_is_taken_once() {
    let daily = series("20260327T023000", "FREQ=DAILY;COUNT=4");
    assert_eq!(
        starts(
            &daily,
            window("2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z")
        ),
        [
            "2026-03-27T01:30:00Z",
            "2026-03-28T01:30:00Z",
            // 02:30 does not exist on the 29th: it is read with the offset before, and shown as 03:30.
            "2026-03-29T01:30:00Z",
            "2026-03-30T00:30:00Z",
        ]
    );
    let hourly = series("20260329T000000", "FREQ=HOURLY");
    let spring = starts(
        &hourly,
        window("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
    );
    assert_eq!(spring.len(), 23);
    let autumn = series("20261025T000000", "FREQ=HOURLY");
    let found = occurrences(
        &autumn,
        window("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        &TimeZone::UTC,
        100,
    )
    .unwrap();
    assert_eq!(found.len(), 24);
    assert!(
        found
            .windows(2)
            .all(|pair| pair[0].span.start < pair[1].span.start)
    );
}

#[test]
fn days_are_nominal_and_seconds_exact() {
    let mut nominal = series("20260328T120000", "FREQ=DAILY;COUNT=1");
    nominal.master.duration = Length::days(1);
    let mut exact = nominal.clone();
    exact.master.duration = Length::seconds(86_400);
    let year = window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let end = |event| {
        let found = occurrences(event, year.clone(), &TimeZone::UTC, 9).unwrap();
        found[0].span.end.to_string()
    };
    assert_eq!(end(&nominal), "2026-03-29T10:00:00Z");
    assert_eq!(end(&exact), "2026-03-29T11:00:00Z");
}

#[test]
fn whole_days_follow_the_reader() {
    let day = event(
        Start::AllDay(date(2026, 3, 29)),
        Length::default(),
        Vec::new(),
    );
    let zone = kalends_calendar::zone::iana("Europe/Berlin").unwrap();
    let year = window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let found = occurrences(&day, year, &zone, 9).unwrap();
    assert_eq!(
        found[0].span,
        window("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    );
    assert_eq!(found[0].recurrence_id, None);
}

#[test]
fn too_many_and_too_few_are_errors_and_not_hangs() {
    let ever = window("1990-01-01T00:00:00Z", "9990-01-01T00:00:00Z");
    let cut = |text: &str| {
        occurrences(
            &series("20200101T090000", text),
            ever.clone(),
            &TimeZone::UTC,
            500,
        )
        .unwrap_err()
    };
    for barren in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=60;BYSECOND=30",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
        "FREQ=DAILY;BYSETPOS=2",
        "FREQ=YEARLY;BYWEEKNO=53;BYYEARDAY=100",
    ] {
        assert!(matches!(cut(barren), ExpansionError::Barren(_)), "{barren}");
    }
    for many in [
        "FREQ=SECONDLY",
        "FREQ=DAILY",
        "FREQ=MINUTELY;COUNT=4000000000",
    ] {
        assert_eq!(cut(many), ExpansionError::TooMany(500), "{many}");
    }
    let narrow = window("2026-01-05T00:00:00Z", "2026-01-05T00:00:03Z");
    let counted = series(
        "19900101T000000",
        "FREQ=SECONDLY;BYDAY=MO,TU,WE,TH,FR,SA;COUNT=4000000000",
    );
    assert!(matches!(
        occurrences(&counted, narrow, &TimeZone::UTC, 10),
        Err(ExpansionError::TooMany(_))
    ));
    let mut unknown = series("20260101T090000", "FREQ=DAILY");
    unknown.master.start = unknown.master.start.at(local("20260101T090000"));
    if let Start::Zoned { zone, .. } = &mut unknown.master.start {
        *zone = ZoneId("Mars/Olympus".to_owned());
    }
    assert_eq!(
        occurrences(&unknown, ever, &TimeZone::UTC, 10).unwrap_err(),
        ExpansionError::UnknownZone("Mars/Olympus".to_owned())
    );
}

#[test]
fn bounds_hold_all_occurrences() {
    let known = |event: &Event| bounds(event, &TimeZone::UTC).unwrap();
    let endless = known(&series("20260101T090000", "FREQ=DAILY"));
    assert_eq!(
        endless,
        Bounds {
            starts_at: "2026-01-01T08:00:00Z".parse().unwrap(),
            ends_at: None
        }
    );
    let mut counted = series("20260101T090000", "FREQ=DAILY;COUNT=3");
    let ends_at = known(&counted).ends_at.unwrap().to_string();
    assert_eq!(ends_at, "2026-01-04T11:00:00Z");
    let early = RecurrenceId(local("20260102T090000"));
    counted.recurrence_overrides = [(early, replaced("20250101T090000", "before all"))].into();
    assert_eq!(
        known(&counted).starts_at.to_string(),
        "2025-01-01T08:00:00Z"
    );
    // However many rules there are, they are not followed for ever.
    let mut many = series("20260101T090000", "FREQ=DAILY;COUNT=9000");
    assert!(known(&many).ends_at.is_some());
    many.recurrence_rules = vec![many.recurrence_rules[0].clone(); 2];
    assert_eq!(known(&many).ends_at, None);
    let barren = series("20260101T090000", "FREQ=YEARLY;COUNT=1").recurrence_rules;
    many.recurrence_rules = vec![barren[0].clone(); 20];
    assert!(known(&many).ends_at.is_some());
    many.recurrence_rules = vec![barren[0].clone(); 21];
    assert_eq!(known(&many).ends_at, None);
    let single = event(berlin("20260101T090000"), Length::minutes(60), Vec::new());
    assert_eq!(
        known(&single).ends_at.unwrap().to_string(),
        "2026-01-01T09:00:00Z"
    );
}
