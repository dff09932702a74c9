//! Laws that hold for every event and every text.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Details, Event, FreeBusyStatus, Instance,
    Kind, Location, Override, Participant, ParticipationStatus, Privacy, RecurrenceId, Role, Shape,
    Status, Trigger, VirtualLocation,
};
use kalends_calendar::ical::{
    PatchOptions, Tree, WriteOptions, decode, patch_object, read_calendar, read_object,
    silence_scheduling, write_object,
};
use kalends_calendar::ids::{EventId, Uid};
use kalends_calendar::provider::Mark;
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_calendar::zone::{CustomZone, Observance};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use uuid::Uuid;

use super::corpus::comparable;

/// Text as people and programs write it, with all that iCalendar must escape.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9 ,;:\\\\\"'^\n\täöüß€😀.-]{0,60}",
        1 => "[^\\x00-\\x08\\x0b-\\x1f\\x7f]{0,200}",
    ]
}

/// A name: text that means the same without blanks around it, and is not empty.
fn name() -> impl Strategy<Value = String> {
    text()
        .prop_map(|text| format!("n{}", text.trim()))
        .prop_map(|text| text.trim().to_owned())
}

fn wall() -> impl Strategy<Value = DateTime> {
    // Noon to evening: an hour that every zone has once on every day.
    (date(), 10i8..20, 0i8..60, 0i8..60)
        .prop_map(|(date, hour, minute, second)| date.at(hour, minute, second, 0))
}

fn date() -> impl Strategy<Value = Date> {
    (2000i16..2040, 1i8..=12, 1i8..=28)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap())
}

const CUSTOM: &str = "/Our own time; +1,\"5\"";

fn zone() -> impl Strategy<Value = ZoneId> {
    prop_oneof![
        Just(ZoneId::utc()),
        Just(ZoneId("Europe/Berlin".into())),
        Just(ZoneId("America/New_York".into())),
        Just(ZoneId("Asia/Kolkata".into())),
        Just(ZoneId(CUSTOM.into())),
    ]
}

fn custom_zone() -> CustomZone {
    CustomZone {
        observances: vec![Observance {
            start: Date::constant(1970, 1, 1).at(0, 0, 0, 0),
            offset_from: 5_400,
            offset_to: 5_400,
            recurrence_rules: Vec::new(),
            dates: Vec::new(),
        }],
    }
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        1 => date().prop_map(Start::AllDay),
        1 => wall().prop_map(Start::Floating),
        3 => (wall(), zone()).prop_map(|(local, zone)| Start::Zoned { local, zone }),
    ]
}

fn length() -> impl Strategy<Value = Length> {
    prop_oneof![
        // Whole hours within the day, so that no end falls into an hour that the clock shows twice.
        4 => (0i64..4).prop_map(|hours| Length::seconds(hours * 3_600)),
        1 => (0i32..40, 0i64..86_400).prop_map(|(days, seconds)| Length { days, seconds }),
        1 => (1i32..10).prop_map(Length::days),
    ]
}

prop_compose! {
    fn instance()(
        start in start(),
        length in length(),
        end_zone in option::weighted(0.1, zone()),
        details in details(),
    ) -> Instance {
        let duration = if start.is_all_day() { Length::days(length.days.max(1)) } else { length };
        let end_zone = end_zone
            .filter(|zone| start.zone().is_some_and(|own| own != zone))
            .filter(|_| duration.days == 0);
        Instance { start, duration, end_zone, details }
    }
}

prop_compose! {
    fn location()(name in name(), coordinates in option::of(prop_oneof![
        Just("geo:48.137,11.575".to_owned()),
        Just("geo:-1.5,20;u=35".to_owned()),
    ])) -> Location {
        Location { name, coordinates }
    }
}

fn participant() -> impl Strategy<Value = Participant> {
    let attendance = (0usize..5, 0usize..4, 0usize..4, any::<bool>()).prop_map(
        |(status, role, kind, expect_reply)| Attendance {
            participation_status: [
                ParticipationStatus::NeedsAction,
                ParticipationStatus::Accepted,
                ParticipationStatus::Declined,
                ParticipationStatus::Tentative,
                ParticipationStatus::Delegated,
            ][status],
            role: [
                Role::Required,
                Role::Optional,
                Role::Chair,
                Role::Informational,
            ][role],
            kind: [Kind::Individual, Kind::Group, Kind::Resource, Kind::Room][kind],
            expect_reply,
        },
    );
    (name(), option::weighted(0.9, attendance)).prop_map(|(name, attendance)| Participant {
        name,
        organizer: attendance.is_none(),
        attendance,
    })
}

fn alert() -> impl Strategy<Value = Alert> {
    let trigger = prop_oneof![
        4 => (-5i64..2).prop_map(|quarters| Trigger::FromStart(quarters * 900)),
        1 => (-200_000i64..200_000).prop_map(Trigger::FromEnd),
        1 => instant().prop_map(Trigger::At),
    ];
    (trigger, any::<bool>()).prop_map(|(trigger, mail)| Alert {
        trigger,
        action: if mail {
            AlertAction::Email
        } else {
            AlertAction::Display
        },
    })
}

fn alert_key() -> impl Strategy<Value = AlertKey> {
    prop_oneof![
        Just(AlertKey("display -PT15M start".into())),
        Just(AlertKey("display -PT15M start #2".into())),
        Just(AlertKey("email PT0S start".into())),
        "[A-F0-9]{8}".prop_map(AlertKey),
    ]
}

prop_compose! {
    fn details()(
        title in text(),
        description in text(),
        locations in vec(location(), 0..3),
        virtual_locations in vec(
            ("https://meet\\.example\\.org/[a-z]{3,40}\\?a=1,2;b", text())
                .prop_map(|(uri, name)| VirtualLocation { uri, name }),
            0..3,
        ),
        url in option::of("https://example\\.org/[a-z,;]{0,90}"),
        states in (0usize..3, any::<bool>(), 0usize..3, 0u8..=9),
        keywords in btree_set(name(), 0..4),
        color in option::of("[a-z]{3,12}"),
        participants in btree_map(
            prop_oneof!["[a-z]{1,8}@example\\.org", "urn:uuid:[0-9a-f]{8}"]
                .prop_map(|text| Address::new(&text)),
            participant(),
            0..4,
        ),
        alerts in btree_map(alert_key(), alert(), 0..4),
    ) -> Details {
        Details {
            title,
            description,
            locations,
            virtual_locations,
            url,
            status: [Status::Confirmed, Status::Tentative, Status::Cancelled][states.0],
            free_busy_status: if states.1 { FreeBusyStatus::Free } else { FreeBusyStatus::Busy },
            privacy: [Privacy::Public, Privacy::Private, Privacy::Secret][states.2],
            priority: states.3,
            keywords,
            color,
            participants,
            alerts,
        }
    }
}

prop_compose! {
    fn rule()(
        frequency in 0usize..7,
        interval in 1u32..5,
        sunday in any::<bool>(),
        by_day in vec((0i8..7, option::of(prop_oneof![-5i8..=-1, 1i8..=5])), 0..3),
        by_month_day in btree_set(prop_oneof![-31i8..=-1, 1i8..=31], 0..3),
        by_month in btree_set(1i8..=12, 0..3),
        by_hour in btree_set(0i8..24, 0..2),
        by_set_position in btree_set(prop_oneof![-3i16..=-1, 1i16..=3], 0..2),
        end in (0usize..3, 1u32..100, wall()),
    ) -> Rule {
        Rule {
            frequency: [
                Frequency::Yearly, Frequency::Monthly, Frequency::Weekly, Frequency::Daily,
                Frequency::Hourly, Frequency::Minutely, Frequency::Secondly,
            ][frequency],
            interval: NonZeroU32::new(interval).unwrap(),
            first_day_of_week: if sunday { Weekday::Sunday } else { Weekday::Monday },
            by_day: by_day.into_iter().map(|(day, nth_of_period)| NthDay {
                day: Weekday::from_monday_zero_offset(day).unwrap(),
                nth_of_period,
            }).collect(),
            by_month_day,
            by_month,
            by_year_day: BTreeSet::new(),
            by_week_no: BTreeSet::new(),
            by_hour,
            by_minute: BTreeSet::new(),
            by_second: BTreeSet::new(),
            by_set_position,
            end: [End::Never, End::Count(end.1), End::Until(end.2)][end.0],
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Excluded,
    Added(Option<Length>),
    Replaced(Box<Instance>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Excluded),
        option::of((1i64..9).prop_map(Length::minutes)).prop_map(Change::Added),
        instance().prop_map(|instance| Change::Replaced(Box::new(instance))),
    ]
}

prop_compose! {
    fn series()(
        uid in name(),
        master in instance(),
        recurrence_rules in vec(rule(), 0..2),
        excluded_recurrence_rules in vec(rule(), 0..2),
        changes in btree_map(wall(), change(), 0..4),
        sequence in 0u32..4,
        times in (option::of(instant()), option::of(instant())),
    ) -> Event {
        let all_day = master.start.is_all_day();
        let overrides = changes.into_iter().map(|(wall, change)| {
            let id = if all_day { wall.date().to_datetime(Time::midnight()) } else { wall };
            let change = match change {
                Change::Excluded => Override::Excluded,
                Change::Added(duration) => Override::Added {
                    // An all-day event has no minutes, and a length like the master's is none of its own.
                    duration: duration
                        .filter(|length| !all_day && *length != master.duration),
                },
                Change::Replaced(instance) => Override::Replaced(instance),
            };
            (RecurrenceId(id), change)
        }).collect();
        let mut event = Event {
            uid: Uid(uid),
            shape: Shape::Series,
            master,
            recurrence_rules,
            excluded_recurrence_rules,
            recurrence_overrides: overrides,
            time_zones: BTreeMap::new(),
            sequence,
            created: times.0,
            updated: times.1,
        };
        if all_day {
            let rules = event.recurrence_rules.iter_mut();
            for rule in rules.chain(&mut event.excluded_recurrence_rules) {
                if let End::Until(until) = &mut rule.end {
                    *until = until.date().to_datetime(Time::midnight());
                }
            }
        }
        with_zones(event)
    }
}

/// Adds the definition of the custom zone where the event uses it.
fn with_zones(mut event: Event) -> Event {
    let replaced = event
        .recurrence_overrides
        .values()
        .filter_map(|change| match change {
            Override::Replaced(instance) => Some(instance.as_ref()),
            Override::Excluded | Override::Added { .. } => None,
        });
    let custom = ZoneId(CUSTOM.into());
    let used = std::iter::once(&event.master)
        .chain(replaced)
        .any(|instance| {
            instance.start.zone() == Some(&custom) || instance.end_zone.as_ref() == Some(&custom)
        });
    event.time_zones.clear();
    if used {
        event.time_zones.insert(custom, custom_zone());
    }
    event
}

/// An event of which only single instances are known.
fn instances() -> impl Strategy<Value = Event> {
    (series(), btree_map(wall(), instance(), 1..4)).prop_map(|(mut event, replaced)| {
        event.shape = Shape::InstancesOnly;
        event.recurrence_rules.clear();
        event.excluded_recurrence_rules.clear();
        let first = replaced.values().next().unwrap().clone();
        event.recurrence_overrides = replaced
            .into_iter()
            .map(|(wall, instance)| {
                let id = first.start.at(wall).local();
                (RecurrenceId(id), Override::Replaced(Box::new(instance)))
            })
            .collect();
        let Some(Override::Replaced(first)) = event.recurrence_overrides.values().next() else {
            unreachable!("there is at least one")
        };
        event.master = first.as_ref().clone();
        // Ids of one day fall together when the first is all-day.
        let start = event.master.start.clone();
        event.recurrence_overrides = event
            .recurrence_overrides
            .into_iter()
            .map(|(id, change)| (RecurrenceId(start.at(id.0).local()), change))
            .collect();
        if let Some(Override::Replaced(first)) = event.recurrence_overrides.values().next() {
            event.master = first.as_ref().clone();
        }
        with_zones(event)
    })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![4 => series(), 1 => instances()]
}

fn stamp() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn written(event: &Event, mark: Option<&Mark>) -> String {
    write_object(
        event,
        &WriteOptions {
            mark,
            stamp: stamp(),
        },
    )
}

pub(crate) fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(400)
}

pub(crate) fn seed() -> RngSeed {
    let asked = std::env::var("PROPTEST_RNG_SEED").ok();
    RngSeed::Fixed(asked.and_then(|text| text.parse().ok()).unwrap_or(5545))
}

proptest! {
    // The same cases in every run: a build must not fail by luck. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` try others.
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        rng_seed: seed(),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_written_reads_the_same(event in event(), marked in any::<bool>()) {
        let mark = marked.then(|| Mark {
            event: EventId(Uuid::from_u128(7)),
            uid: Uid::from("the, original\\one"),
        });
        let text = written(&event, mark.as_ref());
        let object = read_object(&text).unwrap();
        prop_assert_eq!(&object.event, &event, "{}", text);
        prop_assert_eq!(object.mark, mark);
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 75), "{}", text);
        prop_assert_eq!(Tree::parse(&text).to_string(), text);
    }

    #[test]
    fn a_patch_with_nothing_new_changes_nothing(event in event()) {
        let text = written(&event, None);
        let same = patch_object(&text, &event, &PatchOptions { mark: None, stamp: stamp() });
        prop_assert_eq!(same.unwrap(), text);
    }

    #[test]
    fn a_patched_text_reads_as_the_target(from in event(), to in event()) {
        let text = written(&from, None);
        // The sequence never goes down.
        let to = Event { sequence: to.sequence.max(from.sequence), ..to };
        let options = PatchOptions { mark: None, stamp: stamp() };
        let patched = patch_object(&text, &to, &options).unwrap();
        let object = read_object(&patched).unwrap();
        prop_assert_eq!(
            comparable(&object.event), comparable(&to), "{}\n--- patched ---\n{}", text, patched
        );
        prop_assert_eq!(object.problems, vec![]);
        let again = patch_object(&patched, &to, &options).unwrap();
        prop_assert_eq!(again, patched);
    }

    #[test]
    fn unknown_lines_survive_every_patch(from in series(), to in series()) {
        let text = written(&from, None)
            .replace("BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\nX-OURS;A=\"1,2\":kept\r\n \r\njunk\r\n")
            .replace("\r\nSUMMARY:", "\r\nSUMMARY;LANGUAGE=de;X-P=1:");
        let options = PatchOptions { mark: None, stamp: stamp() };
        let patched = patch_object(&text, &to, &options).unwrap();
        prop_assert!(patched.contains("X-OURS;A=\"1,2\":kept\r\n \r\njunk\r\n"));
        if !from.master.details.title.is_empty() && !to.master.details.title.is_empty() {
            prop_assert!(patched.contains("SUMMARY;LANGUAGE=de;X-P=1:"));
        }
    }

    #[test]
    fn broken_texts_never_panic(
        event in event(),
        cuts in vec((any::<prop::sample::Index>(), 0usize..9, "[\\x00-\\xff]{0,12}"), 1..12),
        target in event(),
    ) {
        let mut bytes = written(&event, None).into_bytes();
        for (at, length, put) in cuts {
            let at = at.index(bytes.len());
            let end = (at + length * length).min(bytes.len());
            bytes.splice(at..end, put.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(0)));
            if bytes.is_empty() {
                break;
            }
        }
        let decoded = decode(&bytes);
        let text = decoded.text.as_ref();
        prop_assert_eq!(Tree::parse(text).to_string(), text);
        let reading = read_calendar(text);
        for object in reading.objects.into_iter().flatten() {
            let again = read_object(&object.text).unwrap();
            prop_assert_eq!(&again.event, &object.event);
            let options = PatchOptions { mark: None, stamp: stamp() };
            let same = patch_object(&object.text, &object.event, &options).unwrap();
            prop_assert_eq!(&same, &object.text);
            let to = Event {
                sequence: target.sequence.max(object.event.sequence),
                ..target.clone()
            };
            let patched = patch_object(&object.text, &to, &options).unwrap();
            let back = read_object(&patched).unwrap();
            prop_assert_eq!(
                comparable(&back.event), comparable(&to), "{}\n--- patched ---\n{}", object.text, patched
            );
        }
        silence_scheduling(text, &[]);
    }
}
