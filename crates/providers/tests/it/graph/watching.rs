//! Subscriptions, notifications, and when people are free.

use std::sync::Arc;

use kalends_calendar::channel::{Channel, ChannelToken, Push, Renewal, Wanted};
use kalends_calendar::event::Address;
use kalends_calendar::failure::Class;
use kalends_calendar::ids::ChannelId;
use kalends_calendar::provider::Provider as _;
use kalends_providers::graph::watch::{
    Signal, Subscribe, Watched, read_notifications, validation_token,
};
use kalends_providers::graph::{Availability, Busy};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{BASE, account, calendar, now};
use crate::script::Script;

fn wanted() -> Subscribe {
    Subscribe {
        watched: Watched::Mailbox,
        notify: "https://hooks.example.com/m?t=1".parse().unwrap(),
        lifecycle: Some("https://hooks.example.com/m/life".parse().unwrap()),
        secret: "a secret".into(),
    }
}

#[test]
fn the_engine_subscribes_to_a_calendar_or_to_the_mailbox_by_the_seam() {
    let id = ChannelId("0f7d1c4e-6a47-4c1f-9d0f-1b2c3d4e5f60".parse().unwrap());
    let answer =
        json!({"id": "5522bd62", "expirationDateTime": "2026-03-04T08:30:00Z"}).to_string();
    let refusal =
        r#"{"error":{"code":"ExtensionError","message":"The resource is not supported."}}"#;
    let line = format!("POST {BASE}/subscriptions");
    let script = Script::new()
        .on(&line, 201, &answer)
        .on(&line, 400, refusal)
        .on(&line, 201, &answer)
        .on(
            &format!("PATCH {BASE}/subscriptions/5522bd62"),
            200,
            &answer,
        )
        .on(&format!("DELETE {BASE}/subscriptions/5522bd62"), 204, "");
    let account = account(Arc::clone(&script) as _);
    assert_eq!(
        account.capabilities().push,
        Push::Channels(Renewal::Prolonged)
    );
    let token = ChannelToken::new("a secret");
    let wanted = Wanted {
        id,
        address: "https://hooks.example.com/m/",
        token: &token,
    };
    for resource in [
        format!("/me/calendars/{}/events", calendar()),
        "/me/events".to_owned(),
    ] {
        let opened = now(account.open_channel(&calendar(), &wanted)).unwrap();
        let body: Value = serde_json::from_str(&script.last_body()).unwrap();
        assert_eq!(
            (&body["resource"], &body["clientState"]),
            (&json!(resource), &json!("a secret"))
        );
        assert_eq!(body["notificationUrl"], body["lifecycleNotificationUrl"]);
        assert_eq!((opened.id, opened.provider_id.as_str()), (id, "5522bd62"));
        assert_eq!(opened.expires_at, "2026-03-04T08:30:00Z".parse().ok());
    }
    let opened = Channel {
        id,
        provider_id: "5522bd62".to_owned(),
        expires_at: None,
    };
    let renewed = now(account.renew_channel(&opened)).unwrap();
    assert_eq!(renewed.expires_at, "2026-03-04T08:30:00Z".parse().ok());
    now(account.close_channel(&opened)).unwrap();
}

#[test]
fn a_subscription_is_made_renewed_and_ended() {
    let answer = json!({"id": "5522bd62", "expirationDateTime": "2026-03-04T08:30:00Z", "clientState": null});
    let script = Script::new()
        .on(
            &format!("POST {BASE}/subscriptions"),
            201,
            &answer.to_string(),
        )
        .on(
            &format!("PATCH {BASE}/subscriptions/5522bd62"),
            200,
            &answer.to_string(),
        )
        .on(&format!("DELETE {BASE}/subscriptions/5522bd62"), 204, "")
        .on(&format!("DELETE {BASE}/subscriptions/5522bd62"), 404, "")
        .on(
            &format!("PATCH {BASE}/subscriptions/5522bd62"),
            404,
            r#"{"error":{"code":"ResourceNotFound"}}"#,
        );
    let account = account(Arc::clone(&script) as _);
    let made = now(account.subscribe(&wanted())).unwrap();
    let body: Value = serde_json::from_str(&script.last_body()).unwrap();
    assert_eq!(
        body,
        json!({
            "changeType": "created,updated,deleted", "resource": "/me/events", "clientState": "a secret",
            "notificationUrl": "https://hooks.example.com/m?t=1",
            "lifecycleNotificationUrl": "https://hooks.example.com/m/life",
            "expirationDateTime": "2026-03-04T08:30:00Z", "latestSupportedTlsVersion": "v1_2"
        })
    );
    let begun = "2026-03-01T10:00:00Z".parse().unwrap();
    assert_eq!(
        made.renew_at(begun).to_string(),
        "2026-03-02T21:15:00Z",
        "at half its life"
    );

    assert_eq!(now(account.renew("5522bd62")).unwrap(), made);
    assert_eq!(
        script.last_body(),
        r#"{"expirationDateTime":"2026-03-04T08:30:00Z"}"#
    );
    now(account.unsubscribe("5522bd62")).unwrap();
    now(account.unsubscribe("5522bd62")).unwrap();
    assert_eq!(
        now(account.renew("5522bd62")).unwrap_err().class,
        Class::Gone
    );
}

#[test]
fn one_calendar_can_be_watched_and_a_secret_has_an_end() {
    let answer = json!({"id": "1", "expirationDateTime": "2026-03-04T08:30:00Z"}).to_string();
    let script = Script::new().on(&format!("POST {BASE}/subscriptions"), 201, &answer);
    let account = account(Arc::clone(&script) as _);
    let one = Subscribe {
        watched: Watched::Calendar(calendar()),
        lifecycle: None,
        ..wanted()
    };
    now(account.subscribe(&one)).unwrap();
    let body: Value = serde_json::from_str(&script.last_body()).unwrap();
    assert_eq!(body["resource"], "/me/calendars/cal-1=/events");
    assert!(body.get("lifecycleNotificationUrl").is_none());
    let long = Subscribe {
        secret: "x".repeat(129).into(),
        ..wanted()
    };
    assert!(now(account.subscribe(&long)).is_err());
}

#[test]
fn a_validation_token_is_decoded_once() {
    let query = "t=1&validationToken=Validation%3a+Testing%2Bclient%20%252F";
    assert_eq!(
        validation_token(query).as_deref(),
        Some("Validation: Testing+client %2F")
    );
    assert_eq!(validation_token("t=1"), None);
    assert_eq!(
        validation_token(&format!("validationToken={}", "x".repeat(5_000))),
        None
    );
}

#[test]
fn notifications_are_hints() {
    let body = json!({"value": [
        {"subscriptionId": "s1", "changeType": "updated", "clientState": "a secret", "resource": "Users/1/Events/2",
         "resourceData": {"id": "2"}},
        {"subscriptionId": "s2", "changeType": "deleted", "clientState": null},
        {"subscriptionId": "s3", "lifecycleEvent": "reauthorizationRequired"},
        {"subscriptionId": "s3", "lifecycleEvent": "subscriptionRemoved"},
        {"subscriptionId": "s3", "lifecycleEvent": "missed"},
        {"subscriptionId": "s3", "lifecycleEvent": "somethingNew"},
    ]});
    let read = read_notifications(body.to_string().as_bytes()).unwrap();
    let signals: Vec<_> = read
        .iter()
        .map(|one| (one.subscription.as_str(), &one.signal))
        .collect();
    assert_eq!(
        signals,
        [
            ("s1", &Signal::Changed),
            ("s2", &Signal::Changed),
            ("s3", &Signal::RenewNow),
            ("s3", &Signal::Removed),
            ("s3", &Signal::Missed),
            ("s3", &Signal::Unknown("somethingNew".to_owned())),
        ]
    );
    assert_eq!(read[0].secret.as_ref().unwrap().expose_secret(), "a secret");
    assert!(read[1].secret.is_none());
    assert!(!format!("{read:?}").contains("a secret"));
    assert!(read_notifications(b"{}").is_err());
    assert!(read_notifications(b"not json").is_err());
}

#[test]
fn people_are_busy_or_not_known() {
    let answer = json!({"value": [
        {"scheduleId": "Bob@example.com", "availabilityView": "02", "scheduleItems": [
            {"status": "busy", "start": {"dateTime": "2026-06-01T08:00:00.0000000", "timeZone": "UTC"},
             "end": {"dateTime": "2026-06-01T09:00:00.0000000", "timeZone": "UTC"}},
            {"status": "free", "start": {"dateTime": "2026-06-01T10:00:00.0000000", "timeZone": "UTC"},
             "end": {"dateTime": "2026-06-01T11:00:00.0000000", "timeZone": "UTC"}},
            {"status": "oof", "start": {"dateTime": "2026-06-02T10:00:00.0000000", "timeZone": "W. Europe Standard Time"},
             "end": {"dateTime": "2026-06-02T11:00:00.0000000", "timeZone": "W. Europe Standard Time"}}]},
        {"scheduleId": "who@example.com", "error": {"responseCode": "ErrorMailRecipientNotFound", "message": "…"}}
    ]});
    let script = Script::new().on(
        &format!("POST {BASE}/me/calendar/getSchedule"),
        200,
        &answer.to_string(),
    );
    let account = account(Arc::clone(&script) as _);
    let people = [
        Address::new("bob@example.com"),
        Address::new("who@example.com"),
    ];
    let (from, to) = (
        "2026-06-01T00:00:00Z".parse().unwrap(),
        "2026-06-03T00:00:00Z".parse().unwrap(),
    );
    let found = now(account.schedule(&people, from, to)).unwrap();
    let body: Value = serde_json::from_str(&script.last_body()).unwrap();
    assert_eq!(
        body,
        json!({
            "schedules": ["bob@example.com", "who@example.com"], "availabilityViewInterval": 15,
            "startTime": {"dateTime": "2026-06-01T00:00:00", "timeZone": "UTC"},
            "endTime": {"dateTime": "2026-06-03T00:00:00", "timeZone": "UTC"}
        })
    );
    let busy = |from: &str, to: &str, availability| Busy {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        availability,
    };
    assert_eq!(
        found[0].busy,
        Ok(vec![
            busy(
                "2026-06-01T08:00:00Z",
                "2026-06-01T09:00:00Z",
                Availability::Busy
            ),
            busy(
                "2026-06-02T08:00:00Z",
                "2026-06-02T09:00:00Z",
                Availability::OutOfOffice
            ),
        ])
    );
    assert_eq!(found[1].busy, Err("ErrorMailRecipientNotFound".to_owned()));
    let many = vec![Address::new("bob@example.com"); 21];
    assert!(now(account.schedule(&many, from, to)).is_err());
}
