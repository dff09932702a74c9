//! Series that are divided at one of their occurrences.

use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use kalends_calendar::event::{Event, Instance, Override, RecurrenceId, Shape};
use kalends_calendar::ids::Uid;
use kalends_calendar::recurrence::{End, Frequency, Rule, occurrences};
use kalends_calendar::series::{SeriesError, split, truncate};
use kalends_calendar::time::{Length, Start, ZoneId};

use super::generator::{Dice, first_start, rule as any_rule};
use super::notation::{local, rule};
use super::series::{berlin, event, replaced, series};

/// How many occurrences of a series are compared.
const COMPARED: usize = 60;

fn id(at: &str) -> RecurrenceId {
    RecurrenceId(local(at))
}

fn halves(event: &Event, id: RecurrenceId) -> (Event, Event) {
    let (first, second) = split(event, id, Uid::from("two@example.com")).unwrap();
    assert_eq!(truncate(event, id).unwrap(), first);
    assert_eq!(first.uid, event.uid);
    assert_eq!(second.uid, Uid::from("two@example.com"));
    (first, second)
}

type Seen = (Timestamp, Timestamp, Start, String);

/// What happens before a time, in order.
fn happens(event: &Event, until: Timestamp) -> Vec<Seen> {
    let window = Timestamp::MIN..until;
    let found = occurrences(event, window, &TimeZone::UTC, 100_000).unwrap();
    let seen = found.into_iter().map(|one| {
        let title = one.instance.details.title.clone();
        (one.span.start, one.span.end, one.start, title)
    });
    seen.collect()
}

fn assert_together(event: &Event, id: RecurrenceId, until: Timestamp) -> (Event, Event) {
    let (first, second) = halves(event, id);
    let mut together = happens(&first, until);
    together.extend(happens(&second, until));
    let order = |seen: &Seen| (seen.0, seen.1, seen.2.local(), seen.3.clone());
    together.sort_by_key(order);
    let mut whole = happens(event, until);
    whole.sort_by_key(order);
    assert_eq!(
        together, whole,
        "{event:#?}\nat {id}\n{first:#?}\n{second:#?}"
    );
    assert!(first.recurrence_overrides.keys().all(|other| *other < id));
    assert!(second.recurrence_overrides.keys().all(|other| *other >= id));
    (first, second)
}

fn far() -> Timestamp {
    "2031-01-01T00:00:00Z".parse().unwrap()
}

fn end_of(event: &Event) -> End {
    event.recurrence_rules[0].end
}

#[test]
fn an_endless_series_ends_with_the_last_before() {
    let event = series("20260302T090000", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE");
    // Over the change of the clocks on 29 March.
    let (first, second) = assert_together(&event, id("20260330T090000"), far());
    assert_eq!(end_of(&first), End::Until(local("20260318T090000")));
    assert_eq!(end_of(&second), End::Never);
    assert_eq!(second.master.start, berlin("20260330T090000"));
}

#[test]
fn a_count_is_divided_and_an_end_kept() {
    let counted = series("20260105T090000", "FREQ=DAILY;COUNT=10");
    let (first, second) = assert_together(&counted, id("20260108T090000"), far());
    assert_eq!(
        (end_of(&first), end_of(&second)),
        (End::Count(3), End::Count(7))
    );
    let (first, second) = assert_together(&counted, id("20260114T090000"), far());
    assert_eq!(
        (end_of(&first), end_of(&second)),
        (End::Count(9), End::Count(1))
    );

    let ending = series("20260105T090000", "FREQ=DAILY;UNTIL=20260120T090000");
    let (first, second) = assert_together(&ending, id("20260108T090000"), far());
    let until = |at| End::Until(local(at));
    assert_eq!(
        (end_of(&first), end_of(&second)),
        (until("20260107T090000"), until("20260120T090000"))
    );

    // A first start that the rule does not match counts too.
    let odd = series("20260106T090000", "FREQ=WEEKLY;BYDAY=MO;COUNT=4");
    let (first, second) = assert_together(&odd, id("20260112T090000"), far());
    assert_eq!(
        (end_of(&first), end_of(&second)),
        (End::Count(1), End::Count(3))
    );
}

#[test]
fn whole_days_are_divided_by_date() {
    let start = Start::AllDay(date(2026, 1, 31));
    let event = event(
        start,
        Length::days(2),
        vec![rule("FREQ=MONTHLY;BYMONTHDAY=-1")],
    );
    let (first, second) = assert_together(&event, id("20260430"), far());
    assert_eq!(end_of(&first), End::Until(local("20260331")));
    assert_eq!(second.master.start, Start::AllDay(date(2026, 4, 30)));
}

#[test]
fn overrides_go_where_their_ids_lie() {
    let mut event = series("20260105T090000", "FREQ=WEEKLY;COUNT=8");
    event.recurrence_overrides = [
        (id("20260112T090000"), Override::Excluded),
        // Before the cut by its id, after it by its time.
        (id("20260119T090000"), replaced("20260301T100000", "late")),
        (id("20260120T090000"), Override::Added { duration: None }),
        (id("20260126T090000"), replaced("20260104T100000", "early")),
        (id("20260202T090000"), Override::Excluded),
        (
            id("20260203T180000"),
            Override::Added {
                duration: Some(Length::minutes(5)),
            },
        ),
    ]
    .into();
    for cut in [
        "20260119T090000",
        "20260120T090000",
        "20260126T090000",
        "20260203T180000",
        "20260209T090000",
    ] {
        assert_together(&event, id(cut), far());
    }
    // An added date is none of the rule's, which goes on from its own next start.
    let (_, second) = halves(&event, id("20260120T090000"));
    assert_eq!(second.master.start, berlin("20260126T090000"));
    assert_eq!(end_of(&second), End::Count(5));
    // Of a rule that has ended nothing is left.
    event
        .recurrence_overrides
        .insert(id("20270101T090000"), Override::Added { duration: None });
    let (_, second) = assert_together(&event, id("20270101T090000"), far());
    assert_eq!(second.recurrence_rules, []);
    assert!(second.recurrence_overrides.is_empty());
}

#[test]
fn dates_without_rules_are_divided() {
    let mut event = event(berlin("20260110T090000"), Length::minutes(60), Vec::new());
    let added = || Override::Added { duration: None };
    event.recurrence_overrides = [
        (id("20260105T090000"), added()),
        (id("20260107T090000"), added()),
        (id("20260112T090000"), added()),
    ]
    .into();
    for cut in ["20260107T090000", "20260110T090000", "20260112T090000"] {
        assert_together(&event, id(cut), far());
    }
    let before = id("20260105T090000");
    assert_eq!(
        truncate(&event, before),
        Err(SeriesError::NothingBefore(before))
    );
}

#[test]
fn custom_zones_go_where_they_are_used() {
    let mut event = series("20260105T090000", "FREQ=WEEKLY");
    let works = ZoneId("/works".to_owned());
    let custom = kalends_calendar::zone::CustomZone {
        observances: Vec::new(),
    };
    event.time_zones.insert(works.clone(), custom);
    let mut moved = event.master.clone();
    moved.start = Start::Zoned {
        local: local("20260113T090000"),
        zone: works.clone(),
    };
    let moved = Override::Replaced(Box::<Instance>::new(moved));
    event
        .recurrence_overrides
        .insert(id("20260112T090000"), moved);
    let (first, second) = assert_together(&event, id("20260119T090000"), far());
    assert!(first.time_zones.contains_key(&works));
    assert!(second.time_zones.is_empty());
}

#[test]
fn what_cannot_be_divided_is_refused() {
    let weekly = series("20260105T090000", "FREQ=WEEKLY");
    let at = |event: &Event, cut: &str| split(event, id(cut), Uid::from("two")).unwrap_err();
    let first = "20260105T090000";
    assert_eq!(at(&weekly, first), SeriesError::NothingBefore(id(first)));
    let no = "20260106T090000";
    assert_eq!(at(&weekly, no), SeriesError::NoOccurrence(id(no)));
    let mut two = weekly.clone();
    two.recurrence_rules.push(rule("FREQ=MONTHLY"));
    assert_eq!(at(&two, "20260112T090000"), SeriesError::ManyRules);
    // The first part alone is sure.
    assert!(truncate(&two, id("20260112T090000")).is_ok());
    let mut guests = weekly;
    guests.shape = Shape::InstancesOnly;
    assert_eq!(at(&guests, "20260112T090000"), SeriesError::InstancesOnly);
}

/// The first starts of a rule.
fn walked(rule: &Rule, first: DateTime) -> Vec<DateTime> {
    let starts = rule.starts(first, DateTime::MIN);
    starts.map_while(Result::ok).take(COMPARED).collect()
}

/// Whether all that a rule yields is at one time of the day.
fn within_days(rule: &Rule) -> bool {
    let days = match rule.frequency {
        Frequency::Yearly | Frequency::Monthly | Frequency::Weekly | Frequency::Daily => true,
        Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => false,
    };
    days && rule.by_hour.is_empty() && rule.by_minute.is_empty() && rule.by_second.is_empty()
}

#[test]
fn the_parts_together_are_the_whole() {
    let mut dice = Dice(8984);
    let mut divided = 0;
    for _ in 0..1_500 {
        let first = first_start(&mut dice);
        let rule = any_rule(&mut dice, first);
        let start = match dice.below(3) {
            0 if within_days(&rule) => Start::AllDay(first.date()),
            1 => Start::Floating(first),
            // Without changes of the clock: where it skips, two starts may be one.
            _ => Start::Zoned {
                local: first,
                zone: ZoneId("Asia/Tokyo".to_owned()),
            },
        };
        let all_day = start.is_all_day();
        let mut event = event(start, Length::minutes(30), vec![rule]);
        if all_day {
            event.master.duration = Length::days(1);
            if let End::Until(until) = &mut event.recurrence_rules[0].end {
                *until = until.date().at(0, 0, 0, 0);
            }
        }
        let starts = walked(&event.recurrence_rules[0], event.master.start.local());
        let (Some(last), true) = (starts.last(), starts.len() > 1) else {
            continue;
        };
        let until = TimeZone::UTC.to_timestamp(*last).unwrap();
        for _ in 0..dice.below(4) {
            let at = usize::try_from(dice.below(starts.len() as u64)).unwrap();
            let mut odd = event.master.clone();
            odd.start = odd.start.at(starts[(at + 3) % starts.len()]);
            "odd".clone_into(&mut odd.details.title);
            let (at, change) = match dice.below(3) {
                0 => (starts[at], Override::Excluded),
                1 => (starts[at], Override::Replaced(Box::new(odd))),
                _ => (
                    starts[at] + jiff::Span::new().days(1),
                    Override::Added { duration: None },
                ),
            };
            event.recurrence_overrides.insert(RecurrenceId(at), change);
        }
        let cut = starts[1 + usize::try_from(dice.below(starts.len() as u64 - 1)).unwrap()];
        let cut = RecurrenceId(cut);
        match split(&event, cut, Uid::from("two@example.com")) {
            Ok(_) => {
                assert_together(&event, cut, until);
                divided += 1;
            }
            Err(SeriesError::TakenAway(_)) => {
                assert_eq!(event.recurrence_overrides[&cut], Override::Excluded);
            }
            Err(other) => panic!("{other}\n{event:#?}\nat {cut}"),
        }
    }
    assert!(divided > 800, "only {divided} series were divided");
}
