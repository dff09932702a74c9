//! Subscriptions: the handshake, the notifications, their addresses' manners, and how they end.

use bytes::Bytes;
use http::Response;
use jiff::SignedDuration;
use kalends_sandbox::handle;
use kalends_sandbox::microsoft::{Delivered, Lifecycle, Push, PushKind};
use serde_json::{Value, json};

use super::desk::{ANN, Answer, Desk, ask, escape, event_path, hour, text};

const HOOK: &str = "https://hooks.example.com/m?tenant=a";

fn wanted(expires: &str) -> Value {
    json!({
        "changeType": "created,updated,deleted",
        "notificationUrl": HOOK,
        "lifecycleNotificationUrl": "https://hooks.example.com/m/lifecycle",
        "resource": "/me/events",
        "expirationDateTime": expires,
        "clientState": "secret",
    })
}

/// Within the longest life.
const TOMORROW: &str = "2026-03-02T12:00:00Z";

fn subscribe(desk: &mut Desk) -> Value {
    let answer = desk.send(
        ask("POST", "/subscriptions")
            .immutable()
            .body(wanted(TOMORROW)),
    );
    assert_eq!(answer.status, 201, "{}", answer.body);
    desk.graph().pushes.clear();
    answer.body
}

fn create(desk: &mut Desk, body: Value) -> Answer {
    desk.post("/subscriptions", body)
}

fn took(milliseconds: i64, status: u16) -> Delivered<'static> {
    Delivered {
        status: Some(status),
        content_type: "text/plain",
        body: "",
        took: SignedDuration::from_millis(milliseconds),
    }
}

/// What is due in a minute, read.
fn due(desk: &mut Desk) -> Vec<(Push, Value)> {
    desk.tick();
    let now = desk.now;
    let due = desk.graph().due_pushes(now);
    due.into_iter()
        .map(|push| {
            let body: Value = serde_json::from_slice(&push.body).expect("JSON");
            (push, body["value"][0].clone())
        })
        .collect()
}

#[test]
fn a_subscription_says_everything_about_itself() {
    let mut desk = Desk::new();
    let made = subscribe(&mut desk);
    assert_eq!(made["applicationId"], "kalends");
    assert_eq!(made["clientState"], "secret");
    assert_eq!(made["expirationDateTime"], "2026-03-02T12:00:00.0000000Z");
    assert_eq!(made["latestSupportedTlsVersion"], "v1_2");
    assert_eq!(made["encryptionCertificate"], Value::Null);
    let path = format!("/subscriptions/{}", text(&made["id"]));
    assert_eq!(desk.get(&path).body["id"], made["id"]);
    assert_eq!(desk.get("/subscriptions").values().len(), 1);
    assert_eq!(
        desk.send(ask("GET", "/subscriptions").by_ben())
            .values()
            .len(),
        0
    );
    assert_eq!(
        desk.send(ask("GET", &path).by_ben()).refusal(),
        (404, "ResourceNotFound")
    );
    assert_eq!(desk.send(ask("DELETE", &path)).status, 204);
    assert_eq!(desk.get(&path).refusal(), (404, "ResourceNotFound"));
}

fn post(desk: &mut Desk) -> Response<Bytes> {
    let request = desk.build(&ask("POST", "/subscriptions").body(wanted(TOMORROW)));
    let now = desk.now;
    handle(&mut desk.world, &request, now)
}

#[test]
fn both_addresses_prove_themselves_by_giving_the_token_back() {
    let mut desk = Desk::new();
    let response = post(&mut desk);
    assert_eq!(response.status(), 201);
    let handshakes = desk.graph().validations_of(&response);
    assert_eq!(handshakes.len(), 2);
    assert!(desk.graph().pushes.is_empty());
    for push in &handshakes {
        let PushKind::Validation { token } = &push.kind else {
            panic!("{push:?}");
        };
        assert!(
            token.contains(' ') && token.contains('+') && token.contains(':'),
            "{token}"
        );
        let (_, query) = push
            .address
            .split_once("validationToken=")
            .expect("a token");
        let once = query
            .replace('+', " ")
            .replace("%3A", ":")
            .replace("%2B", "+")
            .replace("%2D", "-");
        assert_eq!(once, *token);
        assert_eq!(push.content_type, "text/plain; charset=utf-8");
        let good = Delivered {
            status: Some(200),
            content_type: "text/plain; charset=utf-8",
            body: token,
            took: SignedDuration::from_secs(9),
        };
        assert!(desk.graph().report_validation(push, &good).is_ok());
    }
    assert!(
        handshakes[0]
            .address
            .starts_with("https://hooks.example.com/m?tenant=a&validationToken=")
    );
    assert_eq!(desk.get("/subscriptions").values().len(), 1);
}

#[test]
fn an_address_that_does_not_prove_itself_gets_no_subscription() {
    for wrong in ["slow", "status", "body", "type", "silent"] {
        let mut desk = Desk::new();
        let response = post(&mut desk);
        let push = desk.graph().validations_of(&response).remove(0);
        let PushKind::Validation { token } = &push.kind else {
            panic!("{push:?}");
        };
        let answered = Delivered {
            status: match wrong {
                "silent" => None,
                "status" => Some(202),
                _ => Some(200),
            },
            content_type: if wrong == "type" {
                "application/json"
            } else {
                "text/plain"
            },
            body: if wrong == "body" {
                "something else"
            } else {
                token
            },
            took: SignedDuration::from_secs(if wrong == "slow" { 11 } else { 1 }),
        };
        let refusal = desk
            .graph()
            .report_validation(&push, &answered)
            .expect_err(wrong);
        assert_eq!(refusal.status(), 400);
        let body: Value = serde_json::from_slice(refusal.body()).expect("JSON");
        assert_eq!(body["error"]["code"], "InvalidRequest");
        assert_eq!(
            body["error"]["message"],
            "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request."
        );
        assert_eq!(desk.get("/subscriptions").values().len(), 0);
    }
}

#[test]
fn what_cannot_be_subscribed_to_is_refused() {
    let mut desk = Desk::new();
    let with = |name: &str, value: Value| {
        let mut body = wanted(TOMORROW);
        body[name] = value;
        body
    };
    for body in [
        with("resource", json!("/me/messages")),
        with("changeType", json!("moved")),
        with("notificationUrl", json!("ftp://hooks")),
        with("clientState", json!("x".repeat(129))),
        with("expirationDateTime", json!("2026-02-01T00:00:00Z")),
        with("includeResourceData", json!(true)),
    ] {
        let refused = create(&mut desk, body);
        assert_eq!(
            refused.refusal(),
            (400, "InvalidRequest"),
            "{}",
            refused.body
        );
    }
    assert_eq!(
        create(
            &mut desk,
            with("resource", json!("/users/ben@example.com/events"))
        )
        .refusal()
        .0,
        403
    );
    let long = create(&mut desk, wanted("2026-03-05T12:00:00Z"));
    assert_eq!(
        long.message(),
        "Subscription expiration can only be 4230 minutes in the future."
    );
    let short = create(&mut desk, wanted("2026-03-01T12:01:00Z"));
    assert_eq!(
        short.body["expirationDateTime"],
        "2026-03-01T12:45:00.0000000Z"
    );
    desk.graph().switches.subscription_minutes_max = 10_080;
    assert_eq!(
        create(&mut desk, wanted("2026-03-05T12:00:00Z")).status,
        201
    );
    desk.graph().switches.duplicate_subscription_refused = true;
    assert_eq!(
        create(&mut desk, wanted(TOMORROW)).refusal(),
        (409, "ResourceAlreadyExists")
    );
    desk.graph().switches.subscriptions_max = 2;
    assert_eq!(create(&mut desk, wanted(TOMORROW)).refusal().0, 403);
}

#[test]
fn every_change_is_notified_with_the_ids_that_were_asked_for() {
    let mut desk = Desk::new();
    let subscription = subscribe(&mut desk);
    let id = desk.create_id(hour("a", "2026-03-03"));
    let (push, notification) = due(&mut desk).remove(0);
    assert_eq!(
        (&push.kind, push.address.as_str()),
        (&PushKind::Change, HOOK)
    );
    assert_eq!(notification["subscriptionId"], subscription["id"]);
    assert_eq!(notification["changeType"], "created");
    assert_eq!(notification["clientState"], "secret");
    let shown = desk.send(ask("GET", event_path(&id)).immutable()).body;
    assert_eq!(notification["resourceData"]["id"], shown["id"]);
    assert_eq!(
        notification["resourceData"]["@odata.etag"],
        shown["@odata.etag"]
    );
    assert_eq!(
        notification["resourceData"]["@odata.type"],
        "#Microsoft.Graph.Event"
    );
    assert_eq!(
        notification["resource"],
        notification["resourceData"]["@odata.id"]
    );
    desk.patch(&id, json!({ "subject": "b" }));
    desk.delete(&id);
    let kinds: Vec<Value> = due(&mut desk)
        .iter()
        .map(|(_, body)| body["changeType"].clone())
        .collect();
    assert_eq!(kinds, [json!("updated"), json!("deleted")]);
    desk.graph().switches.pushes_per_change = 3;
    desk.create(hour("c", "2026-03-03"));
    assert_eq!(due(&mut desk).len(), 3);
}

#[test]
fn one_calendar_can_be_subscribed_to() {
    let mut desk = Desk::new();
    let other = desk.graph().add_calendar(ANN, "Other").expect("a calendar");
    let mut body = wanted(TOMORROW);
    body["resource"] = format!("/me/calendars/{}/events", escape(&other)).into();
    body["changeType"] = "created".into();
    assert_eq!(create(&mut desk, body.clone()).status, 201);
    desk.graph().pushes.clear();
    desk.create(hour("here", "2026-03-03"));
    assert_eq!(due(&mut desk).len(), 0);
    let there = desk.post(
        format!("/me/calendars/{}/events", escape(&other)),
        hour("there", "2026-03-03"),
    );
    desk.delete(&text(&there.body["id"]));
    assert_eq!(due(&mut desk).len(), 1);
    desk.graph().switches.calendars_can_be_subscribed = false;
    assert_eq!(create(&mut desk, body).refusal(), (400, "InvalidRequest"));
}

#[test]
fn a_subscription_runs_out_unless_it_is_renewed() {
    let mut desk = Desk::new();
    let made = subscribe(&mut desk);
    let path = format!("/subscriptions/{}", text(&made["id"]));
    let renewed = desk
        .send(ask("PATCH", &path).body(json!({ "expirationDateTime": "2026-03-03T12:00:00Z" })));
    assert_eq!(
        renewed.body["expirationDateTime"],
        "2026-03-03T12:00:00.0000000Z"
    );
    let fixed = desk.send(ask("PATCH", &path).body(json!({ "clientState": "other" })));
    assert_eq!(fixed.refusal(), (400, "InvalidRequest"));
    desk.now += SignedDuration::from_hours(48);
    let now = desk.now;
    let calendar = desk.calendar.clone();
    desk.graph()
        .as_user_create(ANN, &calendar, &hour("late", "2026-03-03"), now)
        .expect("an event");
    assert_eq!(due(&mut desk).len(), 0);
}

#[test]
fn what_nobody_takes_in_time_is_sent_again_for_four_hours() {
    let mut desk = Desk::new();
    subscribe(&mut desk);
    desk.create(hour("a", "2026-03-03"));
    let (push, _) = due(&mut desk).remove(0);
    let mut tries = 0;
    let mut waiting = push;
    loop {
        let now = desk.now;
        // Three seconds and a bit are too long, whatever the status says.
        let answered = if tries == 0 {
            took(3001, 202)
        } else {
            took(5, 503)
        };
        desk.graph()
            .report_delivery(waiting.clone(), &answered, now);
        let Some(next) = desk.graph().pushes.pop() else {
            break;
        };
        assert!(next.due_at > now);
        desk.now = next.due_at;
        waiting = next;
        tries += 1;
    }
    assert!((4..20).contains(&tries), "{tries} tries");
    assert!(desk.now.duration_since(waiting.queued_at) >= SignedDuration::from_hours(4));
    desk.now = "2026-03-01T12:30:00Z".parse().expect("a time");
    desk.create(hour("b", "2026-03-03"));
    let (push, _) = due(&mut desk).remove(0);
    let now = desk.now;
    desk.graph().report_delivery(push, &took(5, 202), now);
    assert!(desk.graph().pushes.is_empty());
}

#[test]
fn an_address_that_is_often_slow_waits_and_then_loses_notifications() {
    let mut desk = Desk::new();
    subscribe(&mut desk);
    desk.create(hour("a", "2026-03-03"));
    let (push, _) = due(&mut desk).remove(0);
    let now = desk.now;
    let report = |desk: &mut Desk, answered: Delivered<'_>| {
        desk.graph().report_delivery(push.clone(), &answered, now);
        std::mem::take(&mut desk.graph().pushes).pop()
    };
    for _ in 0..90 {
        assert_eq!(report(&mut desk, took(5, 202)), None);
    }
    for _ in 0..10 {
        report(&mut desk, took(2950, 202));
    }
    let delayed = report(&mut desk, took(5000, 202)).expect("another try");
    assert_eq!(
        delayed.due_at.duration_since(now),
        SignedDuration::from_mins(10)
    );
    for _ in 0..10 {
        report(&mut desk, took(2950, 202));
    }
    assert_eq!(report(&mut desk, took(5000, 202)), None);
}

#[test]
fn the_life_of_a_subscription_is_told_at_its_own_address() {
    let mut desk = Desk::new();
    let made = subscribe(&mut desk);
    let now = desk.now;
    desk.graph()
        .lifecycle(ANN, Lifecycle::ReauthorizationRequired, now);
    let (push, body) = due(&mut desk).remove(0);
    assert_eq!(
        (push.kind, push.address.as_str()),
        (PushKind::Lifecycle, "https://hooks.example.com/m/lifecycle")
    );
    assert_eq!(
        (&body["lifecycleEvent"], body.get("resourceData")),
        (&json!("reauthorizationRequired"), None)
    );
    assert_eq!(body["clientState"], "secret");
    // Nothing is delivered until the client has said that it may go on.
    desk.create(hour("unheard", "2026-03-03"));
    assert_eq!(due(&mut desk).len(), 0);
    let path = format!("/subscriptions/{}/reauthorize", text(&made["id"]));
    assert_eq!(desk.send(ask("POST", &path)).status, 204);
    desk.create(hour("heard", "2026-03-03"));
    assert_eq!(due(&mut desk).len(), 1);
    desk.create(hour("lost", "2026-03-03"));
    let now = desk.now;
    desk.graph().lifecycle(ANN, Lifecycle::Missed, now);
    let told: Vec<Value> = due(&mut desk)
        .into_iter()
        .map(|(_, body)| body["lifecycleEvent"].clone())
        .collect();
    assert_eq!(told, [json!("missed")]);
    let now = desk.now;
    desk.graph()
        .lifecycle(ANN, Lifecycle::SubscriptionRemoved, now);
    assert_eq!(due(&mut desk)[0].1["lifecycleEvent"], "subscriptionRemoved");
    assert_eq!(
        desk.send(ask("POST", &path)).refusal(),
        (404, "ResourceNotFound")
    );
}
