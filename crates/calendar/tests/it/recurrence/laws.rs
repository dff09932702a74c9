//! Laws that hold for every rule, however odd.

use std::num::NonZeroU32;

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use kalends_calendar::recurrence::{
    End, ExpansionError, Frequency, NthDay, Rule, bounds, occurrences,
};
use kalends_calendar::time::{Length, Start, ZoneId};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::generator::{Dice, first_start, rule};
use super::series::event;

fn any_local() -> impl Strategy<Value = DateTime> {
    let year = prop_oneof![
        6 => 1900_i16..2200,
        1 => -9999_i16..=-9990,
        1 => 9990_i16..=9999,
        1 => -9999_i16..=9999,
    ];
    (year, 1_i8..=12, 1_i8..=28, 0_i8..24, 0_i8..60, 0_i8..60)
        .prop_map(|(y, mo, d, h, mi, s)| DateTime::new(y, mo, d, h, mi, s, 0).unwrap())
}

fn any_weekday() -> impl Strategy<Value = Weekday> {
    (0_i8..7).prop_map(|day| Weekday::from_monday_zero_offset(day).unwrap())
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let frequency = prop_oneof![
        Just(Frequency::Yearly),
        Just(Frequency::Monthly),
        Just(Frequency::Weekly),
        Just(Frequency::Daily),
        Just(Frequency::Hourly),
        Just(Frequency::Minutely),
        Just(Frequency::Secondly),
    ];
    let interval = prop_oneof![4 => 1_u32..5, 1 => 1_u32..5000, 1 => Just(u32::MAX)];
    let end = prop_oneof![
        Just(End::Never),
        (0_u32..200).prop_map(End::Count),
        any::<u32>().prop_map(End::Count),
        any_local().prop_map(End::Until),
    ];
    let by_day = vec(
        (any_weekday(), proptest::option::weighted(0.5, any::<i8>())).prop_map(|(day, nth)| {
            NthDay {
                day,
                nth_of_period: nth,
            }
        }),
        0..3,
    );
    let days = (
        by_day,
        btree_set(any::<i8>(), 0..3),
        btree_set(-1_i8..14, 0..3),
        btree_set(-370_i16..370, 0..2),
        btree_set(any::<i8>(), 0..2),
    );
    let times = (
        btree_set(-1_i8..25, 0..3),
        btree_set(-1_i8..62, 0..3),
        btree_set(-1_i8..62, 0..3),
        btree_set(-400_i16..400, 0..2),
    );
    (frequency, interval, any_weekday(), days, times, end).prop_map(
        |(frequency, interval, first_day_of_week, days, times, end)| {
            let mut rule = Rule::every(frequency);
            rule.interval = NonZeroU32::new(interval).unwrap();
            rule.first_day_of_week = first_day_of_week;
            (
                rule.by_day,
                rule.by_month_day,
                rule.by_month,
                rule.by_year_day,
                rule.by_week_no,
            ) = days;
            (
                rule.by_hour,
                rule.by_minute,
                rule.by_second,
                rule.by_set_position,
            ) = times;
            rule.end = end;
            rule
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rule_ascends_and_ends_without_a_panic(rule in any_rule(), first in any_local(), from in any_local()) {
        let mut last = None;
        for start in rule.starts(first, from).take(30) {
            let Ok(start) = start else { break };
            prop_assert!(start >= from);
            prop_assert!(last.is_none_or(|last| last < start));
            last = Some(start);
        }
        let zone = ZoneId("America/New_York".to_owned());
        let event = event(Start::Zoned { local: first, zone }, Length::minutes(90), vec![rule]);
        let begins = kalends_calendar::zone::iana("Europe/Berlin").unwrap().to_ambiguous_timestamp(from).compatible();
        let begins = begins.unwrap_or(Timestamp::UNIX_EPOCH);
        let ends = Timestamp::from_second(begins.as_second() + 40 * 86_400).unwrap_or(Timestamp::MAX);
        let limit = 50;
        let bounds = bounds(&event, &TimeZone::UTC).unwrap();
        match occurrences(&event, begins..ends, &TimeZone::UTC, limit) {
            Ok(found) => {
                prop_assert!(found.len() <= limit);
                for occurrence in found {
                    prop_assert!(bounds.starts_at <= occurrence.span.start);
                    prop_assert!(bounds.ends_at.is_none_or(|end| occurrence.span.end <= end));
                }
            }
            Err(ExpansionError::TooMany(_) | ExpansionError::Barren(_)) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn seeking_finds_what_walking_finds() {
    let mut dice = Dice(7);
    for _ in 0..1_500 {
        let first = first_start(&mut dice);
        let rule = rule(&mut dice, first);
        let walked: Vec<_> = rule
            .starts(first, DateTime::MIN)
            .map_while(Result::ok)
            .take(60)
            .collect();
        let Some(from) = walked.get(walked.len() / 2) else {
            continue;
        };
        for from in [
            *from,
            from.checked_add(jiff::Span::new().seconds(1)).unwrap(),
        ] {
            let sought: Vec<_> = rule
                .starts(first, from)
                .map_while(Result::ok)
                .take(20)
                .collect();
            let expected: Vec<_> = walked
                .iter()
                .copied()
                .filter(|at| *at >= from)
                .take(20)
                .collect();
            assert_eq!(
                sought[..expected.len().min(sought.len())],
                expected,
                "{rule:?} {first} {from}"
            );
        }
    }
}
