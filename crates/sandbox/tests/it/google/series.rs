//! Series: rules, instances, exceptions and what becomes of them.

use kalends_sandbox::google::Misfits;
use serde_json::{Value, json};

use super::desk::{Desk, EVENTS, each, encoded, meeting, meeting_with, text, weekly};

const SECOND: &str = "_20260608T080000Z";

fn made(desk: &mut Desk, body: &Value) -> String {
    text(&desk.insert(body), "id").to_owned()
}

fn starts(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| text(&item["start"], "dateTime")[..10].to_owned())
        .collect()
}

#[test]
fn rules_that_google_does_not_take_are_refused() {
    let mut desk = Desk::new();
    for line in [
        "RRULE:FREQ=HOURLY",
        "RRULE:FREQ=MINUTELY",
        "RRULE:FREQ=WEEKLY;COUNT=3;UNTIL=20261231T225959Z",
        "RRULE:FREQ=WEEKLY;UNTIL=20261231",
        "RRULE:FREQ=WEEKLY;UNTIL=20261231T235959",
        "RRULE:FREQ=SOMETIMES",
        "RRULE:BYDAY=MO",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=32",
        "DTSTART:20260601T080000Z",
        "EXDATE;TZID=Mars:20260608T100000",
        "weekly",
    ] {
        let answer = desk.post(EVENTS, &meeting_with("", json!({ "recurrence": [line] })));
        let said = "global.invalid: Invalid recurrence rule.";
        assert_eq!(answer.refusal(), (400, said.to_owned()), "{line}");
    }
    let day = json!({ "start": { "date": "2026-06-01" }, "end": { "date": "2026-06-02" },
                      "recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20261231T225959Z"] });
    assert_eq!(desk.post(EVENTS, &day).status, 400);
    let switches = &mut desk.google().switches;
    switches.sub_daily_refused = false;
    switches.until_types_enforced = false;
    switches.count_and_until_refused = false;
    for line in [
        "RRULE:FREQ=HOURLY;COUNT=2",
        "RRULE:FREQ=WEEKLY;COUNT=3;UNTIL=20261231",
    ] {
        desk.insert(&meeting_with("", json!({ "recurrence": [line] })));
    }
    desk.post(EVENTS, &day).ok();
}

#[test]
fn a_series_needs_a_zone() {
    let mut desk = Desk::new();
    let mut body = weekly("zoneless", 2);
    body["start"] = json!({ "dateTime": "2026-06-01T10:00:00+02:00" });
    let said = "global.required: Missing time zone definition for start time.";
    assert_eq!(desk.post(EVENTS, &body).refusal(), (400, said.to_owned()));
    body["start"]["timeZone"] = json!("America/New_York");
    assert_eq!(desk.post(EVENTS, &body).status, 400);
}

#[test]
fn instances_follow_the_wall_clock_of_the_series() {
    let mut desk = Desk::new();
    let mut autumn = weekly("standup", 3);
    autumn["start"] =
        json!({ "dateTime": "2026-10-19T10:00:00+02:00", "timeZone": "Europe/Berlin" });
    autumn["end"] = json!({ "dateTime": "2026-10-19T11:00:00+02:00", "timeZone": "Europe/Berlin" });
    let id = made(&mut desk, &autumn);
    let list = desk.get(&format!("{EVENTS}/{id}/instances")).ok();
    let items = list["items"].as_array().expect("items");
    assert_eq!(
        each(items, "id"),
        [
            format!("{id}_20261019T080000Z"),
            format!("{id}_20261026T090000Z"),
            format!("{id}_20261102T090000Z")
        ]
    );
    assert_eq!(items[1]["start"]["dateTime"], "2026-10-26T10:00:00+01:00");
    assert_eq!(items[1]["originalStartTime"], items[1]["start"]);
    assert_eq!(items[1]["recurringEventId"], id.as_str());
    assert_eq!(items[1]["iCalUID"], format!("{id}@google.com"));
    let path = format!("{EVENTS}/{id}/instances");
    let one = desk
        .get(&format!(
            "{path}?originalStart={}",
            encoded("2026-10-26T10:00:00+01:00")
        ))
        .ok();
    assert_eq!(one["items"].as_array().map(Vec::len), Some(1));
    let late = desk
        .get(&format!("{path}?timeMin=2026-10-26T10:00:00Z&maxResults=1"))
        .ok();
    assert_eq!(late["items"][0]["id"], format!("{id}_20261026T090000Z"));
    let page = encoded(text(&late, "nextPageToken"));
    let last = desk
        .get(&format!(
            "{path}?timeMin=2026-10-26T10:00:00Z&maxResults=1&pageToken={page}"
        ))
        .ok();
    assert_eq!(last["items"][0]["id"], format!("{id}_20261102T090000Z"));
    assert!(last.get("nextPageToken").is_none());
}

#[test]
fn whole_days_have_ids_of_days() {
    let mut desk = Desk::new();
    let id = made(
        &mut desk,
        &json!({ "start": { "date": "2026-06-01" }, "end": { "date": "2026-06-03" },
                 "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"] }),
    );
    let event = desk.get(&format!("{EVENTS}/{id}_20260608")).ok();
    assert_eq!(
        (&event["start"]["date"], &event["end"]["date"]),
        (&json!("2026-06-08"), &json!("2026-06-10"))
    );
    assert_eq!(desk.get(&format!("{EVENTS}/{id}_20260609")).status, 404);
    assert_eq!(desk.get(&format!("{EVENTS}/{id}_20260615")).status, 404);
}

#[test]
fn one_instance_is_changed_cancelled_and_restored() {
    let mut desk = Desk::new();
    let id = made(&mut desk, &weekly("standup", 3));
    let path = format!("{EVENTS}/{id}{SECOND}");
    let moved = desk
        .patch(
            &path,
            &json!({ "start": { "dateTime": "2026-06-09T15:00:00+02:00" },
                     "end": { "dateTime": "2026-06-09T16:00:00+02:00" } }),
        )
        .ok();
    assert_eq!(moved["id"], format!("{id}{SECOND}"));
    assert_eq!(
        moved["originalStartTime"]["dateTime"],
        "2026-06-08T10:00:00+02:00"
    );
    let again = json!({ "originalStartTime": { "dateTime": "2026-06-09T15:00:00+02:00" } });
    assert_eq!(
        desk.patch(&path, &again).ok()["originalStartTime"],
        moved["originalStartTime"]
    );
    assert_eq!(desk.list("").0.len(), 2);

    assert_eq!(desk.delete(&path).status, 204);
    assert_eq!(desk.delete(&path).status, 410);
    let (items, _) = desk.list("");
    let cancelled = items
        .iter()
        .find(|item| item["status"] == "cancelled")
        .expect("an instance");
    assert_eq!(cancelled["recurringEventId"], id.as_str());
    assert_eq!(
        cancelled["originalStartTime"]["dateTime"],
        "2026-06-08T10:00:00+02:00"
    );
    let (expanded, _) = desk.list("singleEvents=true");
    assert_eq!(starts(&expanded), ["2026-06-01", "2026-06-15"]);

    let back = desk.patch(&path, &json!({ "status": "confirmed" })).ok();
    assert_eq!(back["status"], "confirmed");
    assert_eq!(desk.list("singleEvents=true").0.len(), 3);
    let status = json!({ "status": "cancelled" });
    assert_eq!(
        desk.patch(&format!("{EVENTS}/{id}_20260615T080000Z"), &status)
            .ok()["status"],
        "cancelled"
    );
    assert_eq!(desk.list("singleEvents=true").0.len(), 2);
}

#[test]
fn an_excluded_date_stays_in_the_rule_and_is_no_instance() {
    let mut desk = Desk::new();
    let lines = json!([
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID=Europe/Berlin:20260608T100000",
        "RDATE:20260610T080000Z"
    ]);
    let id = made(
        &mut desk,
        &meeting_with("holed", json!({ "recurrence": lines })),
    );
    let (items, _) = desk.list("");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["recurrence"], lines);
    assert_eq!(
        starts(&desk.list("singleEvents=true").0),
        ["2026-06-01", "2026-06-10", "2026-06-15"]
    );
    assert_eq!(desk.get(&format!("{EVENTS}/{id}{SECOND}")).status, 404);
    assert_eq!(
        desk.get(&format!("{EVENTS}/{id}_20260610T080000Z")).status,
        200
    );
}

#[test]
fn a_series_gives_its_exceptions_what_they_had_from_it() {
    let mut desk = Desk::new();
    let id = made(&mut desk, &weekly("standup", 3));
    let exception = format!("{EVENTS}/{id}{SECOND}");
    desk.patch(&exception, &json!({ "location": "Room 4" }))
        .ok();
    let cursor = desk.cursor();
    desk.patch(
        &format!("{EVENTS}/{id}"),
        &json!({ "summary": "daily", "location": "Room 1" }),
    )
    .ok();
    let changed = desk.get(&exception).ok();
    assert_eq!(
        (&changed["summary"], &changed["location"]),
        (&json!("daily"), &json!("Room 4"))
    );
    assert_eq!(desk.changes(&cursor).0.len(), 2);
    desk.google().switches.masters_reach_exceptions = false;
    desk.patch(&format!("{EVENTS}/{id}"), &json!({ "summary": "weekly" }))
        .ok();
    assert_eq!(desk.get(&exception).ok()["summary"], "daily");
}

#[test]
fn exceptions_without_a_place_in_the_new_rule_are_dropped_or_kept() {
    for (misfits, left) in [(Misfits::Dropped, 1), (Misfits::Kept, 2)] {
        let mut desk = Desk::new();
        desk.google().switches.misfits = misfits;
        let id = made(&mut desk, &weekly("standup", 3));
        desk.patch(
            &format!("{EVENTS}/{id}{SECOND}"),
            &json!({ "summary": "special" }),
        )
        .ok();
        let fits = json!({ "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"] });
        desk.patch(&format!("{EVENTS}/{id}"), &fits).ok();
        assert_eq!(desk.list("").0.len(), 2);
        let later = json!({
            "start": { "dateTime": "2026-06-01T12:00:00+02:00" }, "end": { "dateTime": "2026-06-01T13:00:00+02:00" },
        });
        desk.patch(&format!("{EVENTS}/{id}"), &later).ok();
        assert_eq!(desk.list("").0.len(), left);
    }
}

#[test]
fn where_an_exception_was_dropped_the_series_can_have_an_instance_again() {
    let mut desk = Desk::new();
    desk.google().switches.misfits = Misfits::Dropped;
    let id = made(&mut desk, &weekly("standup", 3));
    let (series, second) = (format!("{EVENTS}/{id}"), format!("{EVENTS}/{id}{SECOND}"));
    desk.patch(&second, &json!({ "summary": "special" })).ok();
    for rule in ["COUNT=1", "COUNT=3"] {
        let lines = json!({ "recurrence": [format!("RRULE:FREQ=WEEKLY;{rule}")] });
        desk.patch(&series, &lines).ok();
    }
    let again = desk.get(&second).ok();
    assert_eq!(
        (&again["summary"], &again["status"]),
        (&json!("standup"), &json!("confirmed"))
    );
    let listed = desk.get(&format!("{series}/instances")).ok();
    let listed = listed["items"].as_array().unwrap();
    let listed = listed.iter().find(|one| one["id"] == again["id"]).unwrap();
    assert_eq!(
        listed["etag"], again["etag"],
        "what is listed can be written"
    );
}

#[test]
fn a_stricter_instance_makes_the_series_strict_and_a_laxer_one_nothing() {
    let mut desk = Desk::new();
    let id = made(&mut desk, &weekly("standup", 3));
    let instance = format!("{EVENTS}/{id}{SECOND}");
    desk.patch(&instance, &json!({ "visibility": "private" }))
        .ok();
    assert_eq!(
        desk.get(&format!("{EVENTS}/{id}")).ok()["visibility"],
        "private"
    );
    let lax = desk
        .patch(&instance, &json!({ "visibility": "public" }))
        .ok();
    assert_eq!(lax["visibility"], "private");
}

#[test]
fn a_single_event_becomes_a_series_and_back() {
    let mut desk = Desk::new();
    let id = made(&mut desk, &meeting("once"));
    let path = format!("{EVENTS}/{id}");
    desk.patch(
        &path,
        &json!({ "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"] }),
    )
    .ok();
    assert_eq!(desk.list("singleEvents=true").0.len(), 3);
    desk.patch(
        &format!("{path}_20260602T080000Z"),
        &json!({ "summary": "twice" }),
    )
    .ok();
    let single = desk.patch(&path, &json!({ "recurrence": null })).ok();
    assert!(single.get("recurrence").is_none());
    assert_eq!(desk.list("").0.len(), 1);
}
