//! What the days of a first import let in, as tables.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::*;
use crate::recurrence::{End, Frequency, Rule};
use crate::zone;

fn day(text: &str) -> Option<Date> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn days(first: &str, last: &str) -> ImportBounds {
    ImportBounds {
        first_day: day(first),
        last_day: day(last),
    }
}

fn new_york() -> TimeZone {
    zone::iana("America/New_York").unwrap()
}

/// From a start on for so many minutes; the start in the zone named behind it, floating without one, or a whole day.
fn from(start: &str, minutes: i64) -> Event {
    let mut event = meeting("from", 9);
    event.master.duration = Length::minutes(minutes);
    event.master.start = match start.split_once(' ') {
        Some((local, zone)) => Start::Zoned {
            local: local.parse().unwrap(),
            zone: ZoneId(zone.into()),
        },
        None if start.contains('T') => Start::Floating(start.parse().unwrap()),
        None => Start::AllDay(start.parse().unwrap()),
    };
    event
}

fn all_day(start: &str, length: i32) -> Event {
    let mut event = from(start, 0);
    event.master.duration = Length::days(length);
    event
}

fn repeated(mut event: Event, frequency: Frequency, end: End) -> Event {
    event.recurrence_rules = vec![Rule {
        end,
        ..Rule::every(frequency)
    }];
    event
}

#[test]
fn the_days_of_a_first_import() {
    let march = days("2026-03-01", "2026-03-31");
    let open_end = days("2026-03-01", "");
    let open_beginning = days("", "2026-03-31");
    let berlin = "Europe/Berlin";
    let weekly = |start: &str, end| repeated(from(start, 60), Frequency::Weekly, end);
    // What, its bounds, whether it is inside; the calendar is in New York, five hours behind UTC until 8 March.
    let table = [
        (
            "before",
            from("2026-02-27T10:00:00 Etc/UTC", 60),
            march,
            false,
        ),
        (
            "within",
            from("2026-03-10T10:00:00 Etc/UTC", 60),
            march,
            true,
        ),
        (
            "after",
            from("2026-04-02T10:00:00 Etc/UTC", 60),
            march,
            false,
        ),
        (
            "after, no end",
            from("2036-04-02T10:00:00 Etc/UTC", 60),
            open_end,
            true,
        ),
        (
            "long ago, no beginning",
            from("1990-04-02T10:00:00 Etc/UTC", 60),
            open_beginning,
            true,
        ),
        (
            "still the day before in New York",
            from("2026-03-01T04:00:00 Etc/UTC", 60),
            march,
            false,
        ),
        (
            "reaching into the first day",
            from("2026-03-01T04:00:00 Etc/UTC", 61),
            march,
            true,
        ),
        (
            "still the last day in New York",
            from("2026-04-01T03:59:00 Etc/UTC", 60),
            march,
            true,
        ),
        (
            "the day after",
            from("2026-04-01T04:00:00 Etc/UTC", 60),
            march,
            false,
        ),
        (
            "morning in Berlin, before",
            from(&format!("2026-03-01T05:00:00 {berlin}"), 60),
            march,
            false,
        ),
        (
            "an instant, as the first day begins",
            from("2026-03-01T05:00:00 Etc/UTC", 0),
            march,
            true,
        ),
        (
            "floating, the last minute",
            from("2026-03-31T23:59:00", 30),
            march,
            true,
        ),
        (
            "floating, the day before",
            from("2026-02-28T23:00:00", 60),
            march,
            false,
        ),
        ("the last whole day", all_day("2026-03-31", 1), march, true),
        (
            "the whole day after",
            all_day("2026-04-01", 1),
            march,
            false,
        ),
        (
            "the whole day before",
            all_day("2026-02-28", 1),
            march,
            false,
        ),
        (
            "a holiday that reaches into it",
            all_day("2026-02-20", 10),
            march,
            true,
        ),
        (
            "weekly for ever, from before",
            weekly("2020-01-06T09:00:00 Etc/UTC", End::Never),
            march,
            true,
        ),
        (
            "weekly, ended before",
            weekly("2020-01-06T09:00:00 Etc/UTC", End::Count(10)),
            march,
            false,
        ),
        (
            "weekly, from after",
            weekly("2026-05-04T09:00:00 Etc/UTC", End::Never),
            march,
            false,
        ),
        (
            "yearly, never in March",
            repeated(
                from("2020-07-06T09:00:00 Etc/UTC", 60),
                Frequency::Yearly,
                End::Never,
            ),
            march,
            false,
        ),
        (
            "yearly, once in March",
            repeated(
                from("2020-03-06T09:00:00 Etc/UTC", 60),
                Frequency::Yearly,
                End::Never,
            ),
            march,
            true,
        ),
        (
            "in a zone that nobody knows",
            from("2020-01-06T09:00:00 Mars/Olympus", 60),
            march,
            true,
        ),
    ];
    for (what, event, bounds, inside) in table {
        assert_eq!(bounds.meet(&event, &new_york()), inside, "{what}");
    }
    let anywhere = days("", "");
    assert!(anywhere.are_open() && anywhere.meet(&from("1990-01-01", 0), &new_york()));
}

#[test]
fn an_occurrence_that_was_moved_into_the_days_brings_its_series_along() {
    let march = days("2026-03-01", "2026-03-31");
    let mut event = repeated(
        from("2020-01-06T09:00:00 Etc/UTC", 60),
        Frequency::Weekly,
        End::Count(10),
    );
    assert!(!march.meet(&event, &new_york()));
    let mut moved = event.master.clone();
    moved.start = from("2026-03-10T10:00:00 Etc/UTC", 0).master.start;
    event.recurrence_overrides.insert(
        crate::event::RecurrenceId("2020-01-13T09:00:00".parse().unwrap()),
        crate::event::Override::Replaced(Box::new(moved)),
    );
    assert!(march.meet(&event, &new_york()));
}

#[test]
fn what_is_left_out_by_what_is_known_of_it() {
    let march = days("2026-03-01", "2026-03-31");
    let zone = new_york();
    let inside = observed(&from("2026-03-10T10:00:00 Etc/UTC", 60));
    let outside = observed(&from("2026-05-10T10:00:00 Etc/UTC", 60));
    let marked = Observed {
        mark: Some(Mark {
            event: id(),
            uid: Uid::from("x"),
        }),
        ..outside.clone()
    };
    let left = |version: Option<&str>, raw: &str| Met::Outside {
        version: version.map(Version::from),
        fingerprint: Fingerprint::of(&Raw(raw.into())),
    };
    let unversioned = Observed {
        version: None,
        ..outside.clone()
    };
    // What is known, what is there; left out by the first import, and later.
    let table = [
        ("never met, inside", Met::Never, &inside, (false, false)),
        ("never met, outside", Met::Never, &outside, (true, false)),
        ("ours", Met::Never, &marked, (false, false)),
        ("unread, outside", Met::Unread, &outside, (true, true)),
        ("unread, inside", Met::Unread, &inside, (false, false)),
        ("refused, outside", Met::Refused, &outside, (true, false)),
        (
            "left, the same version",
            left(Some("new"), "other"),
            &outside,
            (true, true),
        ),
        (
            "left, the same content",
            left(Some("old"), "raw"),
            &outside,
            (true, true),
        ),
        (
            "left, changed",
            left(Some("old"), "other"),
            &outside,
            (true, false),
        ),
        (
            "left, changed into the days",
            left(Some("old"), "other"),
            &inside,
            (false, false),
        ),
        (
            "left, no versions, the same",
            left(None, "raw"),
            &unversioned,
            (true, true),
        ),
        (
            "left, no versions, changed",
            left(None, "other"),
            &unversioned,
            (true, false),
        ),
        (
            "left, and ours now",
            left(Some("new"), "raw"),
            &marked,
            (false, false),
        ),
    ];
    for (what, met, observed, expected) in table {
        let leaves = |bounds: &ImportBounds, is_first| {
            let importing = Importing {
                bounds,
                zone: &zone,
                is_first,
            };
            importing.leaves_out(&met, observed)
        };
        assert_eq!(
            (leaves(&march, true), leaves(&march, false)),
            expected,
            "{what}"
        );
        assert!(!leaves(&days("", ""), true), "{what}, without bounds");
    }
}

#[test]
fn what_is_left_out_is_remembered_whichever_way_the_link_goes() {
    let there = meeting("there", 9);
    for direction in [Direction::TwoWay, Direction::Pull, Direction::Push] {
        assert_eq!(
            incoming(&Ours::Outside, Some(&there), &rules(direction)),
            "leave outside"
        );
        assert_eq!(incoming(&Ours::Outside, None, &rules(direction)), "");
    }
}
