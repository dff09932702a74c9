//! Single occurrences by name, and series whose start moves.

use jiff::civil::date;
use kalends_calendar::event::{Override, RecurrenceId, Shape};
use kalends_calendar::recurrence::End;
use kalends_calendar::series::{
    SeriesError, check_occurrence, exclude, follow_start, instance_of, replace,
};
use kalends_calendar::time::{Length, Start};

use super::notation::{local, rule};
use super::series::{berlin, event, replaced, series, starts, window};

fn id(at: &str) -> RecurrenceId {
    RecurrenceId(local(at))
}

#[test]
fn an_id_names_what_happens() {
    let mut weekly = series("20260105T090000", "FREQ=WEEKLY;COUNT=9");
    // Far more than one overlaps each second.
    weekly.master.duration = Length::days(300);
    weekly.excluded_recurrence_rules = vec![rule("FREQ=WEEKLY;BYMONTHDAY=19")];
    weekly.recurrence_overrides = [
        (id("20260112T090000"), Override::Excluded),
        (id("20260113T090000"), Override::Added { duration: None }),
        (id("20260126T090000"), replaced("20260127T100000", "moved")),
    ]
    .into();
    let check = |at: &str| check_occurrence(&weekly, id(at));
    for there in [
        "20260105T090000",
        "20260113T090000",
        "20260126T090000",
        "20260302T090000",
    ] {
        assert_eq!(check(there), Ok(()), "{there}");
    }
    let away = SeriesError::TakenAway(id("20260112T090000"));
    assert_eq!(check("20260112T090000"), Err(away));
    for nothing in [
        "20260105T090001",
        "20260106T090000",
        "20260119T090000",
        "20260127T100000",
        "20260309T090000",
    ] {
        let error = SeriesError::NoOccurrence(id(nothing));
        assert_eq!(check(nothing), Err(error), "{nothing}");
    }
    let once = event(berlin("20260105T090000"), Length::minutes(60), Vec::new());
    assert_eq!(
        check_occurrence(&once, id("20260105T090000")),
        Err(SeriesError::HappensOnce)
    );
    let mut days = event(
        Start::AllDay(date(2026, 1, 5)),
        Length::days(1),
        vec![rule("FREQ=DAILY;COUNT=3")],
    );
    assert_eq!(check_occurrence(&days, id("20260106")), Ok(()));
    // Where the clock skips, two starts are one, and it is the one that the clock shows.
    let hourly = series("20260329T000000", "FREQ=HOURLY");
    let skipped = id("20260329T020000");
    assert_eq!(
        check_occurrence(&hourly, skipped),
        Err(SeriesError::NoOccurrence(skipped))
    );
    assert_eq!(check_occurrence(&hourly, id("20260329T030000")), Ok(()));

    days.shape = Shape::InstancesOnly;
    days.recurrence_rules.clear();
    let only = id("20260106");
    days.recurrence_overrides = [(only, Override::Replaced(Box::new(days.master.clone())))].into();
    assert_eq!(exclude(&days, only), Err(SeriesError::NothingLeft));
    let mut other = days.master.clone();
    "renamed".clone_into(&mut other.details.title);
    let renamed = replace(&days, only, other).unwrap();
    assert_eq!(renamed.master.details.title, "renamed");
}

#[test]
fn one_occurrence_is_replaced_or_taken_away() {
    let daily = series("20260105T090000", "FREQ=DAILY;COUNT=4");
    let second = id("20260106T090000");
    let mut one = instance_of(&daily, second).unwrap();
    assert_eq!(one.start, berlin("20260106T090000"));
    one.start = berlin("20260106T110000");
    let moved = replace(&daily, second, one).unwrap();
    let week = window("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z");
    assert_eq!(
        starts(&moved, week.clone()),
        [
            "2026-01-05T08:00:00Z",
            "2026-01-06T10:00:00Z",
            "2026-01-07T08:00:00Z",
            "2026-01-08T08:00:00Z"
        ]
    );
    let without = exclude(&moved, second).unwrap();
    assert_eq!(starts(&without, week).len(), 3);
    assert_eq!(exclude(&without, second).unwrap(), without);
    assert_eq!(
        instance_of(&without, second),
        Err(SeriesError::TakenAway(second))
    );
    let never = id("20260120T090000");
    assert_eq!(
        exclude(&daily, never),
        Err(SeriesError::NoOccurrence(never))
    );
}

#[test]
fn what_hangs_on_a_start_moves_with_it() {
    let mut weekly = series("20260105T090000", "FREQ=WEEKLY;UNTIL=20260126T090000");
    weekly.recurrence_overrides = [
        (id("20260112T090000"), replaced("20260112T090000", "named")),
        (id("20260119T090000"), replaced("20260120T150000", "moved")),
    ]
    .into();
    let all = window("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let before = weekly.master.start.clone();
    let mut later = weekly.clone();
    later.master.start = berlin("20260106T100000");
    follow_start(&mut later, &before).unwrap();
    assert_eq!(
        starts(&later, all.clone()),
        [
            "2026-01-06T09:00:00Z",
            "2026-01-13T09:00:00Z",
            "2026-01-20T14:00:00Z",
            "2026-01-27T09:00:00Z"
        ]
    );

    // A long move begins the series later, and its end stays.
    let mut short = series("20260105T090000", "FREQ=WEEKLY;UNTIL=20260126T090000");
    short.master.start = berlin("20260119T090000");
    follow_start(&mut short, &before).unwrap();
    assert_eq!(
        short.recurrence_rules[0].end,
        End::Until(local("20260126T090000"))
    );

    let mut days = weekly.clone();
    days.master.start = Start::AllDay(date(2026, 1, 5));
    let unchanged = days.clone();
    assert_eq!(
        follow_start(&mut days, &before),
        Err(SeriesError::OtherKind { all_day: true })
    );
    assert_eq!(days, unchanged);
}
