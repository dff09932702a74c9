//! Pushes on their way out.

use jiff::SignedDuration;
use kalends_sandbox::control::Parcel;
use kalends_sandbox::microsoft::Delivered;
use serde_json::{Value, json};

use super::desk::{Desk, appointment, meeting};

const HOOK: &str = "http://127.0.0.1:9/hook";

fn watched(desk: &mut Desk) {
    let channel = json!({ "id": "c-1", "type": "web_hook", "address": HOOK, "token": "t=1" });
    desk.google("POST", "calendars/primary/events/watch", &channel)
        .is(200);
}

fn due(desk: &mut Desk) -> Vec<Parcel> {
    desk.world.due_pushes(desk.now)
}

fn report(desk: &mut Desk, parcel: Parcel, status: Option<u16>) {
    let answered = Delivered {
        status,
        content_type: "",
        body: "",
        took: SignedDuration::from_millis(12),
    };
    let refused = desk.world.report_push(parcel, &answered, desk.now);
    assert_eq!(refused.map(|response| response.status()), None);
}

fn change(desk: &mut Desk) {
    desk.google("POST", "calendars/primary/events", &meeting("Audit"))
        .is(200);
    desk.wait(SignedDuration::from_secs(2));
}

#[test]
fn google_sends_again_after_a_servers_error_and_drops_what_is_refused() {
    let mut desk = Desk::new();
    watched(&mut desk);
    let hello = due(&mut desk).pop().expect("a hello");
    report(&mut desk, hello, Some(503));
    assert_eq!(due(&mut desk), []);
    desk.wait(SignedDuration::from_secs(10));
    let again = due(&mut desk).pop().expect("a second try");
    report(&mut desk, again, None);
    desk.wait(SignedDuration::from_secs(20));
    let third = due(&mut desk).pop().expect("a third try");
    report(&mut desk, third, Some(404));
    desk.wait(SignedDuration::from_hours(5));
    assert_eq!(due(&mut desk), []);

    let seen = desk.sees("pushes");
    let tries: Vec<(&Value, &Value)> = seen["pushes"]
        .as_array()
        .expect("pushes")
        .iter()
        .map(|push| (&push["attempts"], &push["status"]))
        .collect();
    assert_eq!(
        tries,
        [
            (&json!(0), &json!(503)),
            (&json!(1), &json!(null)),
            (&json!(2), &json!(404))
        ]
    );
    assert_eq!(seen["pushes"][0]["kind"], "sync");
}

#[test]
fn google_gives_up_in_the_end() {
    let mut desk = Desk::new();
    watched(&mut desk);
    let mut tries = 0;
    while let Some(parcel) = due(&mut desk).pop() {
        tries += 1;
        report(&mut desk, parcel, None);
        desk.wait(SignedDuration::from_hours(1));
    }
    assert_eq!(tries, 7);
}

#[test]
fn a_graph_request_waits_for_both_addresses_to_prove_themselves() {
    let mut desk = Desk::new();
    let wanted = json!({
        "changeType": "created", "resource": "me/events", "clientState": "s",
        "notificationUrl": HOOK, "lifecycleNotificationUrl": format!("{HOOK}/life"),
        "expirationDateTime": "2026-05-20T10:00:00Z",
    });
    let request = desk.to_graph("POST", "subscriptions", &wanted);
    let exchange = desk.exchange(&request);
    assert_eq!(exchange.awaited.len(), 2);
    let silent = Delivered {
        status: Some(200),
        content_type: "text/plain",
        body: "",
        took: SignedDuration::ZERO,
    };
    let parcel = exchange.awaited[0].clone();
    assert!(parcel.address.contains("validationToken="));
    let refused = desk.world.report_push(parcel, &silent, desk.now);
    assert_eq!(refused.expect("a refusal").status().as_u16(), 400);
    assert_eq!(desk.sees("channels")["channels"], json!([]));
    // What was said with the token is nobody's business.
    assert_eq!(desk.sees("pushes")["pushes"][0]["address"], HOOK);
}

#[test]
fn rules_drop_double_and_delay_pushes() {
    let mut desk = Desk::new();
    watched(&mut desk);
    due(&mut desk);
    let rule = |desk: &mut Desk, fault: Value| {
        let rules = json!({ "rules": [{ "fault": fault, "face": "google", "path": "/hook$" }] });
        desk.door("PUT", "faults", rules).is(200);
    };
    rule(&mut desk, json!({ "kind": "push_dropped" }));
    change(&mut desk);
    assert_eq!(due(&mut desk), []);

    rule(&mut desk, json!({ "kind": "push_twice" }));
    change(&mut desk);
    let twice = due(&mut desk);
    assert_eq!(twice.len(), 2);
    assert_eq!(twice[0], twice[1]);

    rule(&mut desk, json!({ "kind": "push_late", "ms": 60_000 }));
    change(&mut desk);
    assert_eq!(due(&mut desk), []);
    desk.wait(SignedDuration::from_secs(59));
    assert_eq!(due(&mut desk), []);
    desk.wait(SignedDuration::from_secs(1));
    assert_eq!(due(&mut desk).len(), 1, "late once, and not for ever");
}

#[test]
fn a_channel_is_killed_without_a_word() {
    let mut desk = Desk::new();
    watched(&mut desk);
    let subscription = json!({
        "changeType": "created", "resource": "me/events", "notificationUrl": HOOK,
        "expirationDateTime": "2026-05-20T10:00:00Z",
    });
    let made = desk.graph("POST", "subscriptions", &subscription).is(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        desk.sees("channels")["channels"].as_array().map(Vec::len),
        Some(2)
    );
    desk.door("DELETE", "channels/c-1", Value::Null).is(200);
    desk.door("DELETE", &format!("channels/{id}"), Value::Null)
        .is(200);
    desk.door("DELETE", "channels/c-1", Value::Null).is(404);
    change(&mut desk);
    desk.graph("POST", "me/events", &appointment("Audit"))
        .is(201);
    desk.wait(SignedDuration::from_mins(1));
    assert_eq!(due(&mut desk), []);
}

#[test]
fn what_waits_for_a_receiver_that_is_down_does_not_pile_up() {
    let mut desk = Desk::new();
    watched(&mut desk);
    for _ in 0..2_100 {
        desk.world
            .google
            .create_event(
                kalends_sandbox::google::Visit::primary(super::desk::ANN),
                &meeting("Audit"),
                desk.now,
            )
            .expect("an event");
    }
    desk.wait(SignedDuration::from_secs(2));
    assert_eq!(due(&mut desk).len(), 2_000);
}
