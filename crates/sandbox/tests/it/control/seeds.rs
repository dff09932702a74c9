//! Worlds to begin with: the same on the same day, plausible on every day, with everything in them that calendars have.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use kalends_sandbox::World;
use kalends_sandbox::seed::{SEEDS, Seed};
use serde_json::Value;

fn planted(seed: Seed, day: Date) -> World {
    let mut world = World::new("http://127.0.0.1:8090");
    let now = day.at(9, 0, 0, 0).to_zoned(TimeZone::UTC).expect("a time");
    seed.plant(&mut world, now.timestamp()).expect("a world");
    world
}

/// Everything in everybody's calendar at Google and Microsoft, and all texts at CalDAV.
fn all(world: &World) -> (Vec<Value>, Vec<Value>, Vec<String>) {
    let google = world.google.calendars.keys();
    let google = google.flat_map(|id| world.google.events(id)).collect();
    let people: Vec<&String> = world.microsoft.oauth.people.keys().collect();
    let microsoft = people.iter().flat_map(|email| {
        let calendars = world.microsoft.calendars(email).expect("calendars");
        let id = calendars[0]["id"].as_str().expect("an id").to_owned();
        world.microsoft.all(email, &id).expect("events")
    });
    let caldav = world.collections().flat_map(|(_, collection)| {
        let texts = collection.objects().values();
        texts
            .map(|object| object.text.to_string())
            .collect::<Vec<_>>()
    });
    (google, microsoft.collect(), caldav.collect())
}

#[test]
fn the_same_day_gives_the_same_world_and_every_day_a_possible_one() {
    for seed in SEEDS {
        let day = date(2026, 11, 23);
        let world = planted(seed, day);
        assert!(world == planted(seed, day), "{seed:?}");
        // With exceptions, guests' copies and journeys, it comes back from a file.
        let file = world.save().expect("a file");
        assert!(World::load(&file).expect("a world") == world, "{seed:?}");
        // A leap day, turns of the year, and the days on which clocks change.
        for day in [
            date(2026, 1, 1),
            date(2026, 3, 8),
            date(2026, 3, 29),
            date(2026, 10, 25),
            date(2026, 12, 31),
            date(2028, 2, 29),
        ] {
            planted(seed, day);
        }
    }
}

#[test]
fn a_clinic_has_what_calendars_have() {
    let world = planted(Seed::Clinic, date(2026, 11, 23));
    let (google, microsoft, caldav) = all(&world);
    let count = |like: &dyn Fn(&Value) -> bool| google.iter().filter(|event| like(event)).count();
    assert!(
        count(&|event| event["recurrence"].is_array()) >= 5,
        "series"
    );
    assert!(
        count(&|event| event["status"] == "cancelled") >= 2,
        "cancelled occurrences"
    );
    let moved =
        |event: &Value| event["originalStartTime"].is_object() && event["status"] != "cancelled";
    assert!(count(&moved) >= 2, "moved occurrences");
    assert!(
        count(&|event| event["start"]["date"].is_string()) >= 6,
        "whole days"
    );
    assert!(count(&|event| event["attendees"].is_array()) >= 3, "guests");
    let journey = |event: &Value| event["start"]["timeZone"] != event["end"]["timeZone"];
    assert_eq!(count(&journey), 1, "a journey across zones");

    let leave = microsoft
        .iter()
        .find(|event| event["subject"] == "Parental leave");
    assert_eq!(leave.expect("leave")["showAs"], "oof");
    let invited = microsoft
        .iter()
        .filter(|event| event["isOrganizer"] == false);
    assert!(invited.count() >= 1, "guests have copies");
    assert!(
        caldav
            .iter()
            .any(|text| text.contains("RECURRENCE-ID") && text.contains("EXDATE"))
    );
}

#[test]
fn the_night_in_which_the_clocks_change_is_an_hour_longer_or_shorter() {
    for (day, hours) in [(date(2026, 11, 23), 7), (date(2026, 9, 1), 9)] {
        let world = planted(Seed::Clinic, day);
        let (_, microsoft, _) = all(&world);
        let night = microsoft
            .iter()
            .find(|event| event["subject"] == "Night duty (clocks change)")
            .expect("a night");
        let at = |which: &str| -> Timestamp {
            let text = night[which]["dateTime"].as_str().expect("a time");
            format!("{text}Z").parse().expect("UTC")
        };
        let length = at("end").duration_since(at("start"));
        assert_eq!(length.as_hours(), hours, "{day}: {night}");
    }
}

#[test]
fn a_law_firm_calls_at_new_yorks_time() {
    let world = planted(Seed::LawFirm, date(2026, 11, 23));
    let (google, microsoft, caldav) = all(&world);
    let call = microsoft
        .iter()
        .find(|event| event["subject"] == "Call with Berlin" && event["isOrganizer"] == true)
        .expect("a call");
    assert_eq!(call["originalStartTimeZone"], "America/New_York");
    assert_eq!(call["attendees"].as_array().map(Vec::len), Some(1));
    let cancelled = google.iter().filter(|event| event["status"] == "cancelled");
    assert_eq!(cancelled.count(), 1);
    assert_eq!(caldav.len(), 3);
}
