//! Push channels: how they are made, what they say, and when they end.

use jiff::SignedDuration;
use kalends_sandbox::google::Push;
use serde_json::{Value, json};

use super::desk::{ALL, ANN, BOB, Desk, EVENTS, ann, meeting};

const ADDRESS: &str = "https://hooks.example.com/g";

fn channel(id: &str) -> Value {
    json!({ "id": id, "type": "web_hook", "address": ADDRESS, "token": "conn=42" })
}

fn watch(desk: &mut Desk, body: &Value) -> Value {
    desk.post(&format!("{EVENTS}/watch"), body).ok()
}

fn header<'a>(push: &'a Push, name: &str) -> &'a str {
    let found = push.headers.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, value)| value.as_str())
}

fn due(desk: &mut Desk) -> Vec<Push> {
    let now = desk.now;
    desk.google().take_due_pushes(now)
}

#[test]
fn a_channel_says_hello_and_then_that_something_changed() {
    let mut desk = Desk::new();
    let made = watch(&mut desk, &channel("c-1"));
    assert_eq!(made["kind"], "api#channel");
    assert_eq!(
        made["resourceUri"],
        "https://www.googleapis.com/calendar/v3/calendars/ann%40example%2Ecom/events?alt=json"
    );
    let week = SignedDuration::from_hours(24 * 7);
    assert_eq!(
        made["expiration"],
        (desk.now + week).as_millisecond().to_string()
    );
    // The first message may be there before the answer to the request is.
    let hello = due(&mut desk);
    assert_eq!(hello.len(), 1);
    let lines: Vec<String> = hello[0]
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .filter(|line| !line.contains("Resource-ID"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Content-Length: 0
    User-Agent: APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)
    X-Goog-Channel-ID: c-1
    X-Goog-Channel-Expiration: Wed, 27 May 2026 08:00:01 GMT
    X-Goog-Resource-URI: https://www.googleapis.com/calendar/v3/calendars/ann%40example%2Ecom/events?alt=json
    X-Goog-Resource-State: sync
    X-Goog-Message-Number: 1
    X-Goog-Channel-Token: conn=42
    ");
    assert_eq!(header(&hello[0], "X-Goog-Resource-ID"), made["resourceId"]);
    assert_eq!(hello[0].address, ADDRESS);

    desk.insert(&meeting("a"));
    assert!(due(&mut desk).is_empty(), "a change is told a moment later");
    let now = desk.now;
    desk.google()
        .create_event(ann(), &meeting("b"), now)
        .expect("an event");
    desk.wait(SignedDuration::from_secs(1));
    let told = due(&mut desk);
    let numbers: Vec<u64> = told
        .iter()
        .map(|push| {
            header(push, "X-Goog-Message-Number")
                .parse()
                .expect("a number")
        })
        .collect();
    assert_eq!(told.len(), 2);
    assert!(1 < numbers[0] && numbers[0] < numbers[1], "{numbers:?}");
    assert!(
        told.iter()
            .all(|push| header(push, "X-Goog-Resource-State") == "exists")
    );
}

#[test]
fn a_channel_ends_when_it_is_stopped_or_its_time_is_over() {
    let mut desk = Desk::new();
    let made = watch(&mut desk, &channel("c-1"));
    let mut short = channel("c-2");
    short["params"] = json!({ "ttl": "60" });
    watch(&mut desk, &short);
    let mut long = channel("c-3");
    long["expiration"] = json!((desk.now + SignedDuration::from_hours(24 * 365)).as_millisecond());
    let long = watch(&mut desk, &long);
    let month = SignedDuration::from_hours(24 * 30);
    assert_eq!(
        long["expiration"],
        (desk.now + month).as_millisecond().to_string()
    );

    let stop = json!({ "id": "c-1", "resourceId": made["resourceId"] });
    desk.sign_in(BOB, &[ALL]);
    let said = format!(
        "global.notFound: Channel 'c-1' not found for project '{}'",
        super::desk::CLIENT
    );
    assert_eq!(desk.post("channels/stop", &stop).refusal(), (404, said));
    desk.sign_in(ANN, &[ALL]);
    let wrong = json!({ "id": "c-1", "resourceId": "other" });
    assert_eq!(desk.post("channels/stop", &wrong).status, 404);
    assert_eq!(desk.post("channels/stop", &stop).status, 204);
    assert_eq!(desk.post("channels/stop", &stop).status, 404);
    desk.wait(SignedDuration::from_secs(60));
    due(&mut desk);
    desk.insert(&meeting("a"));
    desk.wait(SignedDuration::from_secs(1));
    let told: Vec<String> = due(&mut desk)
        .into_iter()
        .map(|push| push.channel)
        .collect();
    assert_eq!(told, ["c-3"]);
    // An id may be used again when its channel is over.
    watch(&mut desk, &channel("c-2"));
}

#[test]
fn what_cannot_be_a_channel_is_refused() {
    let mut desk = Desk::new();
    watch(&mut desk, &channel("taken"));
    let with = |name: &str, value: Value| {
        let mut body = channel("c-1");
        body[name] = value;
        body
    };
    for (body, said) in [
        (
            with("address", json!("http://hooks.example.com/g")),
            "global.push.webhookUrlNotHttps: WebHook callback must be HTTPS: http://hooks.example.com/g",
        ),
        (
            channel("taken"),
            "global.channelIdNotUnique: Channel id taken not unique",
        ),
        (
            with("id", json!("no spaces")),
            "global.push.channelIdInvalid: Invalid channel id",
        ),
        (
            with("id", json!("x".repeat(65))),
            "global.push.channelIdInvalid: Invalid channel id",
        ),
        (with("address", Value::Null), "global.required: Required"),
        (with("id", Value::Null), "global.required: Required"),
        (
            with("token", json!("t".repeat(257))),
            "global.invalid: Invalid value for: token",
        ),
        (
            with("type", json!("pigeon")),
            "global.push.channelUnknown: Unknown channel type",
        ),
    ] {
        let answer = desk.post(&format!("{EVENTS}/watch"), &body);
        assert_eq!(answer.refusal(), (400, said.to_owned()), "{body}");
    }
    let holidays = "calendars/de.german%23holiday%40group.v.calendar.google.com/events/watch";
    let (status, said) = desk.post(holidays, &channel("h-1")).refusal();
    assert_eq!(status, 400);
    assert!(said.starts_with("global.pushNotSupportedForRequestedResource: "));
    desk.google().switches.channels.verified_hosts = Some(["ours.example".to_owned()].into());
    let unverified = desk
        .post(&format!("{EVENTS}/watch"), &channel("c-1"))
        .refusal();
    assert_eq!(
        unverified,
        (
            401,
            format!(
                "global.push.webhookUrlUnauthorized: Unauthorized WebHook callback channel: {ADDRESS}"
            )
        )
    );
    desk.google().switches.channels.verified_hosts = None;
    desk.google().switches.channels.https_required = false;
    watch(
        &mut desk,
        &with("address", json!("http://127.0.0.1:8080/g")),
    );
}

#[test]
fn messages_may_get_lost_and_lists_and_settings_are_watched_too() {
    let mut desk = Desk::new();
    let now = desk.now;
    desk.post("users/me/calendarList/watch", &channel("list"))
        .ok();
    desk.post("users/me/settings/watch", &channel("settings"))
        .ok();
    desk.post("calendars/primary/acl/watch", &channel("acl"))
        .ok();
    watch(&mut desk, &channel("events"));
    due(&mut desk);
    desk.google().add_calendar(ANN, "new", "Europe/Berlin", now);
    desk.google().change_setting(ANN, "weekStart", "0", now);
    let rule = json!({ "role": "reader", "scope": { "type": "default" } });
    desk.post("calendars/primary/acl", &rule).ok();
    desk.google().switches.channels.lost_percent = 100;
    desk.insert(&meeting("never told"));
    desk.wait(SignedDuration::from_secs(5));
    let told: Vec<String> = due(&mut desk)
        .into_iter()
        .map(|push| push.channel)
        .collect();
    assert_eq!(told, ["list", "settings", "acl"]);
}
