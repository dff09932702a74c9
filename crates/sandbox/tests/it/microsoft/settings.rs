//! The mailbox as a whole: settings, zones, schedules, batches and limits.

use serde_json::json;

use super::desk::{ANN, BEN, Desk, ask, berlin, five_days, hour, text};
use kalends_sandbox::microsoft::{Limit, Throttle};

#[test]
fn the_mailbox_has_a_zone_and_working_hours() {
    let mut desk = Desk::new();
    let settings = desk.get("/me/mailboxSettings").body;
    assert_eq!(settings["timeZone"], "W. Europe Standard Time");
    assert_eq!(settings["workingHours"]["startTime"], "08:00:00.0000000");
    assert_eq!(
        desk.get("/me/mailboxSettings/timeZone").body["value"],
        "W. Europe Standard Time"
    );
    let changed =
        desk.send(ask("PATCH", "/me/mailboxSettings").body(json!({ "timeZone": "Asia/Tokyo" })));
    assert_eq!(
        (changed.status.as_u16(), &changed.body["timeZone"]),
        (200, &json!("Asia/Tokyo"))
    );
    let wrong = desk.send(ask("PATCH", "/me/mailboxSettings").body(json!({ "timeZone": "Mars" })));
    assert_eq!(wrong.refusal().0, 400);
}

#[test]
fn zones_are_listed_by_either_standard() {
    let mut desk = Desk::new();
    let windows = desk.get("/me/outlook/supportedTimeZones").values();
    assert!(
        windows
            .iter()
            .any(|zone| zone["alias"] == "W. Europe Standard Time")
    );
    let path =
        "/me/outlook/supportedTimeZones(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')";
    let iana = desk.get(path).values();
    assert!(iana.iter().any(|zone| zone["alias"] == "Europe/Berlin"));
    for zone in windows.iter().chain(&iana) {
        let mut event = hour("zoned", "2026-03-03");
        event["start"]["timeZone"] = zone["alias"].clone();
        event["end"]["timeZone"] = zone["alias"].clone();
        let made = desk.create(event);
        assert_eq!(made["originalStartTimeZone"], zone["alias"]);
    }
}

#[test]
fn a_schedule_shows_when_somebody_is_busy() {
    let mut desk = Desk::new();
    desk.create(hour("Busy", "2026-03-03"));
    let mut private = hour("Secret", "2026-03-03");
    private["start"]["dateTime"] = "2026-03-03T09:30:00".into();
    private["end"]["dateTime"] = "2026-03-03T10:30:00".into();
    private["sensitivity"] = "private".into();
    private["showAs"] = "oof".into();
    desk.create(private);
    let wanted = json!({
        "schedules": [ANN, "nobody@example.com"],
        "startTime": { "dateTime": "2026-03-03T08:00:00", "timeZone": "UTC" },
        "endTime": { "dateTime": "2026-03-03T11:00:00", "timeZone": "UTC" },
        "availabilityViewInterval": 30,
    });
    let asked = ask("POST", "/me/calendar/getSchedule")
        .body(wanted.clone())
        .by_ben();
    let answer = desk.send(asked);
    let ann = &answer.body["value"][0];
    assert_eq!(ann["availabilityView"], "002330");
    assert_eq!(ann["scheduleItems"][0]["subject"], "Busy");
    assert_eq!(
        (
            ann["scheduleItems"][1].get("subject"),
            &ann["scheduleItems"][1]["isPrivate"]
        ),
        (None, &json!(true))
    );
    assert_eq!(
        answer.body["value"][1]["error"]["responseCode"],
        "ErrorMailRecipientNotFound"
    );
    let mut long = wanted.clone();
    long["endTime"]["dateTime"] = "2026-06-03T11:00:00".into();
    assert_eq!(
        desk.post("/me/calendar/getSchedule", long).refusal(),
        (400, "ErrorTimeIntervalTooBig")
    );
    let mut fine = wanted.clone();
    fine["availabilityViewInterval"] = 4.into();
    assert_eq!(
        desk.post("/me/calendar/getSchedule", fine).refusal(),
        (400, "ErrorInvalidParameter")
    );
    let mut many = wanted;
    many["schedules"] = vec![BEN; 21].into();
    assert_eq!(
        desk.post("/me/calendar/getSchedule", many).refusal(),
        (400, "ErrorInvalidParameter")
    );
}

#[test]
fn a_schedule_knows_the_occurrences_of_series() {
    let mut desk = Desk::new();
    desk.create(five_days("Series"));
    let answer = desk.post("/me/calendar/getSchedule", json!({
        "Schedules": [ANN], "StartTime": berlin("2026-03-03T08:00:00"), "EndTime": berlin("2026-03-03T12:00:00"),
        "AvailabilityViewInterval": 60 }));
    assert_eq!(answer.body["value"][0]["availabilityView"], "0200");
}

#[test]
fn a_batch_answers_each_of_its_requests() {
    let mut desk = Desk::new();
    let json_body = json!({ "Content-Type": "application/json" });
    let answer = desk.post("/$batch", json!({ "requests": [
        { "id": "1", "method": "POST", "url": "/me/events", "headers": json_body, "body": hour("a", "2026-03-03") },
        { "id": "2", "method": "GET", "url": "/me/events/none" },
        { "id": "3", "method": "GET", "url": "/me/events?$top=1", "dependsOn": ["2"] },
        { "id": "4", "method": "GET", "url": "/me/events", "dependsOn": ["1"],
          "headers": { "Prefer": "IdType=\"ImmutableId\"" } },
    ] }));
    assert_eq!(answer.status, 200);
    let responses = answer.body["responses"].as_array().expect("responses");
    let statuses: Vec<u64> = responses
        .iter()
        .filter_map(|one| one["status"].as_u64())
        .collect();
    assert_eq!(statuses, [201, 400, 424, 200]);
    assert!(text(&responses[3]["body"]["value"][0]["id"]).starts_with("AAkA"));
    assert_eq!(
        responses[3]["headers"]["Preference-Applied"],
        "IdType=\"ImmutableId\""
    );
    let many: Vec<_> = (0..21)
        .map(|id| json!({ "id": id.to_string(), "method": "GET", "url": "/me/events" }))
        .collect();
    assert_eq!(
        desk.post("/$batch", json!({ "requests": many })).refusal(),
        (400, "BadRequest")
    );
    let twice = json!({ "requests": [{ "id": "1", "method": "GET", "url": "/me/events" },
                                     { "id": "1", "method": "GET", "url": "/me/events" }] });
    assert_eq!(desk.post("/$batch", twice).refusal(), (400, "BadRequest"));
    let stranger = ask("POST", "/$batch")
        .header("authorization", "Bearer x")
        .body(json!({ "requests": [] }));
    assert_eq!(
        desk.send(stranger).refusal(),
        (401, "InvalidAuthenticationToken")
    );
}

#[test]
fn limits_are_met_when_the_operator_says_so() {
    let mut desk = Desk::new();
    for (limit, retry_after, status, code) in [
        (Limit::Requests, Some("2.128"), 429, "TooManyRequests"),
        (Limit::Concurrency, Some("1"), 429, "ApplicationThrottled"),
        (Limit::Service, None, 503, "serviceNotAvailable"),
    ] {
        let retry_after = retry_after.map(str::to_owned);
        let throttle = Throttle {
            limit,
            retry_after: retry_after.clone(),
        };
        desk.graph().throttle(ANN, throttle).expect("a mailbox");
        let refused = desk.post("/me/events", hour("no", "2026-03-03"));
        assert_eq!(refused.refusal(), (status, code));
        assert_eq!(refused.header("retry-after"), retry_after.as_deref());
    }
    assert_eq!(desk.get("/me/events").values().len(), 0);
}

#[test]
fn a_mailbox_has_a_budget_that_refused_requests_spend_too() {
    let mut desk = Desk::new();
    desk.graph().switches.budget_requests = 3;
    for _ in 0..3 {
        assert_eq!(desk.get("/me/calendar").status, 200);
    }
    let refused = desk.get("/me/calendar");
    assert_eq!(refused.refusal(), (429, "TooManyRequests"));
    assert_eq!(refused.header("retry-after"), Some("2.128"));
    assert_eq!(refused.body["error"]["innerError"]["code"], "429");
    assert_eq!(desk.send(ask("GET", "/me/calendar").by_ben()).status, 200);
    // Each request of a batch is counted and refused by itself.
    let batch = desk.post(
        "/$batch",
        json!({ "requests": [{ "id": "1", "method": "GET", "url": "/me/calendar" }] }),
    );
    let response = &batch.body["responses"][0];
    assert_eq!(
        (&response["status"], &response["headers"]["Retry-After"]),
        (&json!(429), &json!("2.128"))
    );
    desk.now += jiff::SignedDuration::from_mins(10);
    assert_eq!(desk.get("/me/calendar").status, 200);
}
