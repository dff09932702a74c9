//! What is refused, with the place where it stands.

use serde_json::{Value, json};

use super::read;

/// A plain event with one member set.
fn with(pointer: &str, value: Value) -> Value {
    let mut event = json!({
        "@type": "Event",
        "title": "Standup",
        "start": "2026-12-01T09:00:00",
        "timeZone": "Europe/Berlin",
        "duration": "PT15M",
        "recurrenceRules": [{ "frequency": "daily", "byDay": [{ "day": "mo" }] }],
        "recurrenceOverrides": { "2026-12-07T09:00:00": { "title": "Long standup" } },
        "participants": { "ann": { "email": "ann@example.com", "roles": { "attendee": true } } },
        "alerts": { "a": { "trigger": { "offset": "-PT5M" } } },
        "locations": { "1": { "name": "Kitchen" } },
        "timeZones": {}
    });
    let (outer, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    match event.pointer_mut(outer).unwrap() {
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
        Value::Object(map) => drop(map.insert(name, value)),
        other => panic!("{other} holds nothing"),
    }
    event
}

#[test]
fn every_refusal_says_where_and_what() {
    let cases = [
        ("/start", json!(null)),
        ("/start", json!("2026-12-01T09:00:00Z")),
        ("/start", json!("2026-12-01T09:00:00+01:00")),
        ("/start", json!("2026-12-01T09:00:00.5")),
        ("/start", json!("2026-12-01")),
        ("/start", json!("2026-02-30T09:00:00")),
        ("/start", json!(1_796_112_000)),
        ("/showWithoutTime", json!(true)),
        ("/timeZone", json!("Europe/Berln")),
        ("/timeZone", json!("/nobody")),
        ("/duration", json!("-PT15M")),
        ("/duration", json!("15 minutes")),
        ("/duration", json!("PT1.5S")),
        ("/duration", json!("P99999999999D")),
        ("/@type", json!("Task")),
        ("/timezone", json!("Europe/Berlin")),
        ("/summary", json!("Standup")),
        ("/relatedTo", json!({})),
        ("/method", json!("request")),
        ("/title", json!(["Standup"])),
        ("/uid", json!(" ")),
        ("/status", json!("Confirmed")),
        ("/priority", json!(10)),
        ("/sequence", json!(-1)),
        ("/created", json!("2026-12-01T09:00:00")),
        ("/keywords", json!({ "a": false })),
        ("/recurrenceRules/0/frequency", json!("fortnightly")),
        ("/recurrenceRules/0/interval", json!(0)),
        ("/recurrenceRules/0/byMonth", json!([12])),
        ("/recurrenceRules/0/byMonthDay", json!([15, 0])),
        ("/recurrenceRules/0/byDay/0/day", json!("monday")),
        ("/recurrenceRules/0/rscale", json!("hebrew")),
        ("/recurrenceRules/0/until", json!("2026-12-31T09:00:00Z")),
        (
            "/recurrenceRules/0",
            json!({ "frequency": "daily", "count": 2, "until": "2026-12-31" }),
        ),
        ("/recurrenceOverrides/2026-12-08", json!({})),
        (
            "/recurrenceOverrides/2026-12-07T09:00:00",
            json!({ "recurrenceRules": [] }),
        ),
        (
            "/recurrenceOverrides/2026-12-07T09:00:00",
            json!({ "titel": "x" }),
        ),
        (
            "/recurrenceOverrides/2026-12-07T09:00:00",
            json!({ "locations/2/name": "x" }),
        ),
        (
            "/recurrenceOverrides/2026-12-07T09:00:00",
            json!({ "locations": {}, "locations/1": null }),
        ),
        (
            "/recurrenceOverrides/2026-12-07T09:00:00",
            json!({ "start": null }),
        ),
        ("/participants/ann/roles", json!({})),
        ("/participants/ann/roles", json!({ "contact": true })),
        ("/participants/ann/email", json!("ann")),
        (
            "/participants/ann/sendTo",
            json!({ "imip": "mailto:other@example.com" }),
        ),
        ("/participants/ann/scheduleAgent", json!("server")),
        (
            "/participants/a b",
            json!({ "email": "b@example.com", "roles": { "attendee": true } }),
        ),
        (
            "/participants/again",
            json!({ "email": "Ann@example.com", "roles": { "attendee": true } }),
        ),
        (
            "/alerts/a/trigger",
            json!({ "@type": "Unknown", "offset": "PT0S" }),
        ),
        ("/alerts/a/trigger/relativeTo", json!("middle")),
        ("/locations/1/coordinates", json!("48.1,11.5")),
        ("/locations/1/timeZone", json!("Europe/Berlin")),
        (
            "/links",
            json!({ "1": { "href": "https://a.example" }, "2": { "href": "https://b.example" } }),
        ),
        ("/timeZones/Works", json!({})),
        ("/timeZones/~1Works", json!({})),
        ("/kalends:shape", json!("instancesOnly")),
        ("/kalends:colour", json!("red")),
    ];
    let refusals: Vec<String> = cases
        .into_iter()
        .map(|(pointer, value)| read(&with(pointer, value)).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    /start: is missing
    /start: is "2026-12-01T09:00:00Z"; it is to be a local time such as "2026-12-01T09:00:00", without Z or offset: its zone goes into timeZone
    /start: is "2026-12-01T09:00:00+01:00"; it is to be a local time such as "2026-12-01T09:00:00", without Z or offset: its zone goes into timeZone
    /start: is "2026-12-01T09:00:00.5", not a local time such as "2026-12-01T09:00:00", in whole seconds
    /timeZone: is not null; whole days have no time zone
    /start: is "2026-02-30T09:00:00", not a local time such as "2026-12-01T09:00:00", in whole seconds
    /start: is a number, not a text
    /start: has a time of day; with showWithoutTime it is a date or midnight, else showWithoutTime is false
    /timeZone: is "Europe/Berln", not a time zone that is known, such as "Europe/Berlin"
    /timeZone: is "/nobody", which no member of timeZones defines
    /duration: is "-PT15M"; nothing lasts less than no time
    /duration: is "15 minutes", not a duration such as "PT1H30M" or "P1D", of whole seconds and at most 3660000 days
    /duration: is "PT1.5S", not a duration such as "PT1H30M" or "P1D", of whole seconds and at most 3660000 days
    /duration: is "P99999999999D", not a duration such as "PT1H30M" or "P1D", of whole seconds and at most 3660000 days
    /@type: is not Event
    /timezone: is not known; timeZone is
    /summary: is not known
    /relatedTo: is not kept by Kalends
    /method: is not kept by Kalends
    /title: is an array, not a text
    /uid: is empty
    /status: is "Confirmed", not one of confirmed, tentative, cancelled
    /priority: is not a whole number from 0 to 9
    /sequence: is not a whole number from 0 to 4294967295
    /created: is "2026-12-01T09:00:00", not a time in UTC such as "2026-12-01T09:00:00Z"
    /keywords/a: is false; leave it away
    /recurrenceRules/0/frequency: is "fortnightly", not one of yearly, monthly, weekly, daily, hourly, minutely, secondly
    /recurrenceRules/0/interval: is not a whole number from 1 to 4294967295
    /recurrenceRules/0/byMonth/0: is a number, not a text
    /recurrenceRules/0/byMonthDay/1: is zero
    /recurrenceRules/0/byDay/0/day: is "monday", not one of mo, tu, we, th, fr, sa, su
    /recurrenceRules/0/rscale: is not followed by Kalends, unless it is gregorian
    /recurrenceRules/0/until: is "2026-12-31T09:00:00Z"; it is to be a local time such as "2026-12-01T09:00:00", without Z or offset: its zone goes into timeZone
    /recurrenceRules/0/until: and count exclude each other
    /recurrenceOverrides/2026-12-08: is under a key that is no start of this event
    /recurrenceOverrides/2026-12-07T09:00:00/recurrenceRules: cannot differ in one occurrence
    /recurrenceOverrides/2026-12-07T09:00:00/titel: is not known
    /recurrenceOverrides/2026-12-07T09:00:00/locations~12~1name: leads nowhere: the event has no such member
    /recurrenceOverrides/2026-12-07T09:00:00/locations~11: lies within what this patch replaces
    /recurrenceOverrides/2026-12-07T09:00:00/start: is missing
    /participants/ann/roles: is empty
    /participants/ann/roles/contact: is not kept by Kalends
    /participants/ann/email: is not an address such as "ann@example.com"
    /participants/ann/email: is not the address of sendTo; Kalends keeps one
    /participants/ann/scheduleAgent: is not kept by Kalends
    /participants/a b: is under an id that is not of 1 to 255 letters, digits, - and _
    /participants/ann: is a second participant with "ann@example.com"
    /alerts/a/trigger/@type: is not OffsetTrigger
    /alerts/a/trigger/relativeTo: is "middle", not one of start, end
    /locations/1/coordinates: is "48.1,11.5", not a geo: URI such as "geo:48.137,11.575"
    /locations/1/timeZone: is not kept by Kalends
    /links/2: is a second link; Kalends keeps one
    /timeZones/Works: is under an id that does not open with /
    /timeZones/~1Works: has neither standard nor daylight
    /kalends:shape: is instancesOnly, which goes with changed occurrences and without rules
    /kalends:colour: is not known
    "#);
    assert_eq!(
        read(&json!([])).unwrap_err().to_string(),
        "is an array, not an object"
    );
}

#[test]
fn what_is_too_much_is_refused() {
    let many = |count: usize, entry: &dyn Fn(usize) -> (String, Value)| {
        Value::Object((0..count).map(entry).collect())
    };
    let overrides = many(5_001, &|n| (format!("{n}"), json!({ "excluded": true })));
    let alerts = many(101, &|n| {
        (format!("a{n}"), json!({ "trigger": { "offset": "PT0S" } }))
    });
    let keywords = many(1_001, &|n| (format!("k{n}"), json!(true)));
    let rules = json!(vec![json!({ "frequency": "daily" }); 21]);
    let mut nested = json!("deep");
    for _ in 0..40 {
        nested = json!([nested]);
    }
    let mut amplified = with("/description", json!("x".repeat(200 * 1024)));
    amplified["recurrenceOverrides"] = many(400, &|n| {
        (
            format!("2027-01-01T09:{:02}:{:02}", n / 60, n % 60),
            json!({ "title": "x" }),
        )
    });
    let cases = [
        with("/recurrenceOverrides", overrides),
        with("/alerts", alerts),
        with("/keywords", keywords),
        with("/recurrenceRules", rules),
        with("/title", json!("x".repeat(256 * 1024 + 1))),
        with("/nested", nested),
        amplified,
    ];
    let refusals: Vec<String> = cases
        .iter()
        .map(|value| read(value).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    /recurrenceOverrides: has more than 5000 entries
    /alerts: has more than 100 entries
    /keywords: has more than 1000 entries
    /recurrenceRules: is more than 20 rules, excluding ones included
    /title: is longer than 262144 bytes
    /nested/0/0/0/0/0/0/0/0/0/0/0/0: is nested too deep
    /recurrenceOverrides/2027-01-01T09:05:27: is too much: with all it repeats of the event, this is more than one event holds
    ");
}
