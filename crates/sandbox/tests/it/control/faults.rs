//! Faults by rule.

use jiff::SignedDuration;
use kalends_sandbox::{Fault, Outcome};
use serde_json::{Value, json};

use super::desk::{ANN, Desk, arrived, meeting};

const LIST: &str = "users/me/calendarList";

#[test]
fn a_rule_strikes_what_it_names_and_as_often_as_it_says() {
    let mut desk = Desk::new();
    let rule = json!({
        "fault": { "kind": "status", "code": 503, "retry_after_s": 7 },
        "face": "google", "method": "get", "path": r"/calendarList(\?|$)", "user": ANN,
        "after": 1, "count": 2,
    });
    let made = desk.door("POST", "faults", rule).is(201);
    assert_eq!((&made["id"], &made["percent"]), (&json!(1), &json!(100)));

    let statuses: Vec<u16> = (0..5)
        .map(|_| desk.google("GET", LIST, &Value::Null).status)
        .collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200]);
    assert_eq!(desk.graph("GET", "me/events", &Value::Null).status, 200);
    let rule = desk.sees("faults/1");
    assert_eq!((&rule["met"], &rule["struck"]), (&json!(3), &json!(2)));
    let seen = desk.sees("requests?since=1&limit=1");
    assert!(
        seen["requests"][0]["fault"].to_string().contains("503"),
        "{seen}"
    );

    desk.door("DELETE", "faults/1", Value::Null).is(200);
    desk.door("GET", "faults/1", Value::Null).is(404);
}

#[test]
fn chance_follows_from_a_seed_and_keeps_to_its_share() {
    let strikes = |seed: u64| {
        let mut desk = Desk::new();
        let rules =
            json!({ "seed": seed, "rules": [{ "fault": { "kind": "throttled" }, "percent": 30 }] });
        desk.door("PUT", "faults", rules).is(200);
        let statuses = (0..400).map(|_| desk.google("GET", LIST, &Value::Null).status);
        statuses.map(|status| status == 429).collect::<Vec<bool>>()
    };
    let first = strikes(1);
    assert_eq!(first, strikes(1));
    assert_ne!(first, strikes(2));
    let share = first.iter().filter(|struck| **struck).count();
    assert!((80..160).contains(&share), "{share} of 400");
}

#[test]
fn every_fault_that_can_be_written_does_what_its_name_says() {
    let struck = |fault: Value| {
        let mut desk = Desk::new();
        desk.google("POST", "calendars/primary/events", &meeting("Before"))
            .is(200);
        let listed = desk
            .google("GET", "calendars/primary/events", &Value::Null)
            .is(200);
        let token = listed["nextSyncToken"]
            .as_str()
            .expect("a token")
            .to_owned();
        desk.door("POST", "faults", json!({ "fault": fault }))
            .is(201);
        let make = desk.to_google("POST", "calendars/primary/events", &meeting("Audit"));
        let list = desk.to_google(
            "GET",
            &format!("calendars/primary/events?syncToken={token}"),
            &Value::Null,
        );
        let (made, listed) = (desk.exchange(&make), desk.exchange(&list));
        let events = desk.world.google.events(ANN).len();
        (made, listed, events)
    };
    let status = |outcome: &Outcome| match outcome {
        Outcome::Answered(response) => Some(response.status().as_u16()),
        Outcome::Lost => None,
    };
    for (fault, made, listed, events) in [
        (json!({ "kind": "lost_before_send" }), None, None, 1),
        (json!({ "kind": "lost_after_effect" }), None, None, 2),
        (json!({ "kind": "sent_twice" }), Some(200), Some(200), 3),
        (
            json!({ "kind": "status", "code": 500 }),
            Some(500),
            Some(500),
            1,
        ),
        (json!({ "kind": "throttled" }), Some(429), Some(429), 1),
        (
            json!({ "kind": "gateway_after_effect" }),
            Some(502),
            Some(502),
            2,
        ),
        (json!({ "kind": "unauthorized" }), Some(401), Some(401), 1),
        (json!({ "kind": "dead_cursor" }), Some(200), Some(410), 2),
        (json!({ "kind": "html" }), Some(200), Some(200), 1),
        (json!({ "kind": "revoked_grant" }), Some(401), Some(401), 1),
        (json!({ "kind": "cut_body" }), Some(200), Some(200), 2),
        (
            json!({ "kind": "delay", "ms": 250 }),
            Some(200),
            Some(200),
            2,
        ),
    ] {
        let (first, second, held) = struck(fault.clone());
        let got = (status(&first.outcome), status(&second.outcome), held);
        assert_eq!(got, (made, listed, events), "{fault}");
        assert_eq!(first.breaks_off, fault["kind"] == "cut_body");
        let delay = if fault["kind"] == "delay" { 250 } else { 0 };
        assert_eq!(first.delay, SignedDuration::from_millis(delay));
    }
    let (_, listed, _) =
        struck(json!({ "kind": "stale_read", "changes": 9, "breaks_session": true }));
    let listed = String::from_utf8_lossy(arrived(listed).body()).into_owned();
    assert!(!listed.contains("Audit"), "{listed}");
    let (_, listed, _) = struck(json!({ "kind": "missing_etag" }));
    assert!(!arrived(listed).headers().contains_key("etag"));
}

#[test]
fn the_first_fault_wins_and_delays_add_up() {
    let mut desk = Desk::new();
    let rules = json!({ "rules": [
        { "fault": { "kind": "delay", "ms": 100 } },
        { "fault": { "kind": "status", "code": 503 } },
        { "fault": { "kind": "unauthorized" } },
        { "fault": { "kind": "delay", "ms": 20 } },
    ] });
    desk.door("PUT", "faults", rules).is(200);
    let request = desk.to_google("GET", LIST, &Value::Null);
    let exchange = desk.exchange(&request);
    assert_eq!(exchange.delay, SignedDuration::from_millis(120));
    assert_eq!(arrived(exchange).status().as_u16(), 503);
    let last = desk.world.requests.last().expect("a request");
    assert!(matches!(last.fault, Some(Fault::Status { code: 503, .. })));
    // Operators are never struck.
    assert_eq!(desk.sees("faults")["rules"][2]["struck"], 0);
}

#[test]
fn a_rule_that_cannot_be_is_refused_by_the_field_that_is_wrong() {
    let mut desk = Desk::new();
    for (rule, field) in [
        (json!({}), "fault"),
        (json!({ "fault": { "kind": "earthquake" } }), "fault.kind"),
        (
            json!({ "fault": { "kind": "status", "code": 200 } }),
            "fault.code",
        ),
        (
            json!({ "fault": { "kind": "cut_body", "keep_percent": 100 } }),
            "fault.keep_percent",
        ),
        (
            json!({ "fault": { "kind": "delay", "ms": 4_000_000 } }),
            "fault.ms",
        ),
        (
            json!({ "fault": { "kind": "html" }, "percent": 101 }),
            "percent",
        ),
        (
            json!({ "fault": { "kind": "html" }, "face": "yahoo" }),
            "face",
        ),
        (json!({ "fault": { "kind": "html" }, "path": "(" }), "path"),
        (
            json!({ "fault": { "kind": "html" }, "chance": 3 }),
            "chance",
        ),
    ] {
        let refused = desk.door("POST", "faults", rule.clone()).is(400);
        assert_eq!(refused["field"], field, "{rule}: {refused}");
    }
    let rules = json!({ "rules": [{ "fault": { "kind": "html" } }, { "fault": { "kind": "html" }, "percent": 101 }] });
    let refused = desk.door("PUT", "faults", rules).is(400);
    assert_eq!(refused["field"], "rules[1].percent");
    assert_eq!(desk.sees("faults")["rules"], json!([]));
}
