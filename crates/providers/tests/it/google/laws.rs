//! Laws of the mapping: whatever Google can hold comes back as it went, and any event can become any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, DateTime, date};
use kalends_calendar::event::{
    Alert, AlertAction, AlertKey, Details, Event, FreeBusyStatus, Instance, Location, Override,
    Privacy, RecurrenceId, Status, Trigger, VirtualLocation,
};
use kalends_calendar::provider::{Provider, Write};
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};
use kalends_calendar::time::{Length, Start, ZoneId};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::mapping::{created, event, id_of, taken};
use super::shelf::Shelf;
use super::{account, ann};

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ,;:\\\\\"'<>&\näöüß€😀.-]{0,60}"
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("n{text}"))
}

fn day() -> impl Strategy<Value = Date> {
    (2020i16..2030, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| date(year, month, day))
}

fn wall() -> impl Strategy<Value = DateTime> {
    // Noon to evening: an hour that every zone has once on every day.
    (day(), 10i8..20, 0i8..60).prop_map(|(day, hour, minute)| day.at(hour, minute, 0, 0))
}

fn zone() -> impl Strategy<Value = ZoneId> {
    proptest::sample::select(vec![
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Etc/UTC",
    ])
    .prop_map(|name| ZoneId(name.to_owned()))
}

/// The kinds of start: those of one series are alike.
#[derive(Clone, Copy, Debug)]
enum Kind {
    AllDay,
    Floating,
    Zoned,
}

fn start(kind: Kind) -> BoxedStrategy<Start> {
    match kind {
        Kind::AllDay => day().prop_map(Start::AllDay).boxed(),
        Kind::Floating => wall().prop_map(Start::Floating).boxed(),
        Kind::Zoned => (wall(), zone())
            .prop_map(|(local, zone)| Start::Zoned { local, zone })
            .boxed(),
    }
}

fn alert() -> impl Strategy<Value = Alert> {
    (0i64..100, any::<bool>()).prop_map(|(quarters, mail)| Alert {
        trigger: Trigger::FromStart(-quarters * 900),
        action: if mail {
            AlertAction::Email
        } else {
            AlertAction::Display
        },
    })
}

fn alert_key() -> impl Strategy<Value = AlertKey> {
    prop_oneof![
        Just("display -PT15M start".to_owned()),
        Just("display -PT15M start #2".to_owned()),
        Just("email PT0S start".to_owned()),
        "[A-F0-9]{8}",
    ]
    .prop_map(AlertKey)
}

prop_compose! {
    fn details()(
        title in text(),
        description in text(),
        locations in vec((text(), option::of(Just("geo:1,2".to_owned())))
            .prop_map(|(name, coordinates)| Location { name, coordinates }), 0..3),
        virtual_locations in vec(("https://meet\\.example/[a-z]{3,9}", text())
            .prop_map(|(uri, name)| VirtualLocation { uri, name }), 0..2),
        url in option::of("https://example\\.org/[a-z]{0,90}"),
        states in (any::<bool>(), any::<bool>(), 0u8..=9),
        keywords in btree_set(name(), 0..4),
        color in option::of("[a-z]{3,12}"),
        alerts in btree_map(alert_key(), alert(), 0..4),
        padding in prop_oneof![4 => Just(0usize), 1 => 900usize..3_000],
    ) -> Details {
        let mut keywords: BTreeSet<String> = keywords;
        if padding > 0 {
            keywords.insert("ß".repeat(padding));
        }
        Details {
            title,
            description,
            locations,
            virtual_locations,
            url,
            status: if states.0 { Status::Tentative } else { Status::Confirmed },
            free_busy_status: if states.1 { FreeBusyStatus::Free } else { FreeBusyStatus::Busy },
            privacy: Privacy::Public,
            priority: states.2,
            keywords,
            color,
            participants: BTreeMap::new(),
            alerts,
        }
    }
}

fn instance(kind: Kind) -> impl Strategy<Value = Instance> {
    let length = prop_oneof![
        4 => (0i64..300).prop_map(Length::minutes),
        1 => (0i32..40, 0i64..86_400).prop_map(|(days, seconds)| Length { days, seconds }),
    ];
    (
        start(kind),
        length,
        option::weighted(0.2, zone()),
        details(),
    )
        .prop_map(|(start, length, end_zone, details)| Instance {
            duration: if start.is_all_day() {
                Length::days(length.days.max(1))
            } else {
                length
            },
            end_zone: end_zone.filter(|zone| start.zone().is_some_and(|own| own != zone)),
            start,
            details,
        })
}

prop_compose! {
    fn rule()(
        frequency in 0usize..3,
        interval in 1u32..4,
        nth in option::of(prop_oneof![Just(-1i8), 1i8..=4]),
        weekday in 0i8..7,
        end in (0usize..3, 1u32..100, wall()),
    ) -> Rule {
        let frequency = [Frequency::Daily, Frequency::Weekly, Frequency::Monthly][frequency];
        let mut rule = Rule::every(frequency);
        rule.interval = interval.try_into().unwrap();
        if frequency == Frequency::Monthly {
            rule.by_day = vec![NthDay {
                day: jiff::civil::Weekday::from_monday_zero_offset(weekday).unwrap(),
                nth_of_period: nth,
            }];
        }
        rule.end = [End::Never, End::Count(end.1), End::Until(end.2)][end.0];
        rule
    }
}

#[derive(Clone, Debug)]
enum Departure {
    Excluded,
    Added,
    Replaced(Box<Instance>),
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![Just(Kind::AllDay), Just(Kind::Floating), Just(Kind::Zoned)];
    kind.prop_flat_map(|kind| {
        let departure = prop_oneof![
            Just(Departure::Excluded),
            Just(Departure::Added),
            instance(kind).prop_map(|instance| Departure::Replaced(Box::new(instance))),
        ];
        (
            instance(kind),
            option::of(rule()),
            btree_map(0i32..40, departure, 0..4),
            0usize..3,
        )
    })
    .prop_map(|(master, rule, departures, privacy)| {
        let mut event = Event {
            master,
            ..event("any", date(2026, 6, 1).at(0, 0, 0, 0))
        };
        let all_day = event.master.start.is_all_day();
        event.master.details.privacy =
            [Privacy::Public, Privacy::Private, Privacy::Secret][privacy];
        event.recurrence_rules.extend(rule.map(|mut rule| {
            if let End::Until(until) = &mut rule.end
                && all_day
            {
                *until = until.date().at(0, 0, 0, 0);
            }
            rule
        }));
        if event.recurrence_rules.is_empty() {
            return event;
        }
        let first = event.master.start.local();
        for (days, departure) in departures {
            let id = RecurrenceId(first + jiff::Span::new().days(days));
            let is_ruled = kalends_calendar::series::check_occurrence(&event, id).is_ok();
            let over = match departure {
                // Only what happens can be taken away, and only what does not can be added.
                Departure::Excluded if is_ruled => Override::Excluded,
                Departure::Added if !is_ruled => Override::Added { duration: None },
                Departure::Excluded | Departure::Added => continue,
                Departure::Replaced(mut instance) => {
                    instance.details.privacy = event.master.details.privacy;
                    Override::Replaced(instance)
                }
            };
            event.recurrence_overrides.insert(id, over);
        }
        event
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// A number that the environment may give, for trying other cases.
fn asked(name: &str, usual: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

proptest! {
    // The same cases in every run: a build must not fail by luck. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` try others.
    #![proptest_config(ProptestConfig {
        cases: u32::try_from(asked("PROPTEST_CASES", 96)).unwrap(),
        rng_seed: RngSeed::Fixed(asked("PROPTEST_RNG_SEED", 3)),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_goes_to_google_comes_back(event in any_event()) {
        runtime().block_on(async {
            let there = created(&Shelf::new(), &event).await;
            assert_eq!(there.event, event);
        });
    }

    #[test]
    fn any_event_can_become_any_other(one in any_event(), other in any_event()) {
        runtime().block_on(async {
            let shelf = Shelf::new();
            let there = created(&shelf, &one).await;
            let write = Write::Update {
                remote_id: id_of(&there).into(),
                version: there.version.clone(),
                raw: there.raw.clone(),
                event: Box::new(other.clone()),
                mark: there.mark.clone(),
            };
            let google = account(Arc::clone(&shelf) as _);
            let now = taken(google.write(&ann(), &write).await.unwrap());
            assert_eq!(now.event, other);
        });
    }
}
