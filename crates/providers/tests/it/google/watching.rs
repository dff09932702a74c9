//! Notifications and busy times.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use kalends_calendar::channel::{ChannelToken, Push, Renewal, Wanted};
use kalends_calendar::failure::Class;
use kalends_calendar::ids::ChannelId;
use kalends_calendar::provider::{BusyTimes, Provider as _};
use kalends_providers::google::{Channel, Happened, Notification, WatchRequest};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{EVENTS, ann, error, scripted};
use crate::script::Script;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn wanted() -> WatchRequest {
    WatchRequest {
        id: "0f7d1c4e-6a47-4c1f-9d0f-1b2c3d4e5f60".to_owned(),
        address: "https://hooks.example.com/google".parse().unwrap(),
        token: "of-channel".into(),
        lifetime: Duration::from_hours(7 * 24),
    }
}

#[tokio::test]
async fn a_channel_is_opened_for_as_long_as_google_grants() {
    for expiration in [json!("1780000000000"), json!(1_780_000_000_000_i64)] {
        let answer = json!({"kind": "api#channel", "id": wanted().id, "resourceId": "o3hgv1538sdjfh", "expiration": expiration});
        let script = Script::new().on(&format!("POST {EVENTS}/watch"), 200, &answer.to_string());
        let channel = scripted(&script).watch(&ann(), &wanted()).await.unwrap();
        assert_eq!(
            channel,
            Channel {
                id: wanted().id,
                resource_id: "o3hgv1538sdjfh".to_owned(),
                expires_at: Some(at("2026-05-28T20:26:40Z")),
            }
        );
        let sent: Value = serde_json::from_str(&script.last_body()).unwrap();
        assert_eq!(
            sent,
            json!({
                "id": wanted().id, "type": "web_hook", "address": "https://hooks.example.com/google",
                "token": "of-channel", "params": {"ttl": "604800"},
            })
        );
    }
}

#[tokio::test]
async fn the_engine_opens_and_closes_channels_by_the_seam() {
    let id = ChannelId("0f7d1c4e-6a47-4c1f-9d0f-1b2c3d4e5f60".parse().unwrap());
    let answer = json!({"kind": "api#channel", "id": id, "resourceId": "o3hgv1538sdjfh", "expiration": "1780000000000"});
    let script = Script::new()
        .on(&format!("POST {EVENTS}/watch"), 200, &answer.to_string())
        .on(
            "POST https://www.googleapis.com/calendar/v3/channels/stop",
            204,
            "",
        );
    let account = scripted(&script);
    let renewal = account.capabilities().push;
    assert_eq!(renewal, Push::Channels(Renewal::Replaced));
    let token = ChannelToken::new("of-channel");
    let wanted = Wanted {
        id,
        address: "https://hooks.example.com/google",
        token: &token,
    };
    let opened = account.open_channel(&ann(), &wanted).await.unwrap();
    let sent: Value = serde_json::from_str(&script.last_body()).unwrap();
    assert_eq!(
        sent,
        json!({
            "id": id, "type": "web_hook", "address": "https://hooks.example.com/google",
            "token": "of-channel", "params": {"ttl": "604800"},
        })
    );
    assert_eq!(
        (opened.id, opened.provider_id.as_str()),
        (id, "o3hgv1538sdjfh")
    );
    account.close_channel(&opened).await.unwrap();
    let sent: Value = serde_json::from_str(&script.last_body()).unwrap();
    assert_eq!(sent, json!({"id": id, "resourceId": "o3hgv1538sdjfh"}));
    let nowhere = Wanted {
        address: "of-channel",
        ..wanted
    };
    let failure = account.open_channel(&ann(), &nowhere).await.unwrap_err();
    assert!(!failure.message.contains("of-channel"), "{failure}");
}

#[tokio::test]
async fn a_refused_address_is_no_dead_connection() {
    #[rustfmt::skip]
    let table = [
        (400, "push.webhookUrlNotHttps", Class::Item),
        (401, "push.webhookUrlUnauthorized", Class::Item),
        (400, "channelIdNotUnique", Class::Item),
        (400, "pushNotSupportedForRequestedResource", Class::Item),
        (404, "notFound", Class::Gone),
        (503, "backendError", Class::Passing { retry_at: None }),
    ];
    for (status, reason, class) in table {
        let line = format!("POST {EVENTS}/watch");
        let body = error(status, "global", reason, "no");
        let mut script = Script::new().on(&line, status, &body);
        if status == 401 {
            script = script.on(&line, status, &body);
        }
        let failure = scripted(&script)
            .watch(&ann(), &wanted())
            .await
            .unwrap_err();
        assert_eq!(failure.class, class, "{status} {reason}");
    }
}

#[tokio::test]
async fn a_channel_is_stopped_also_where_it_is_gone() {
    let channel = Channel {
        id: "c1".to_owned(),
        resource_id: "r1".to_owned(),
        expires_at: None,
    };
    let line = "POST https://www.googleapis.com/calendar/v3/channels/stop";
    let script = Script::new().on(line, 204, "").on(
        line,
        404,
        &error(404, "global", "notFound", "Channel 'c1' not found"),
    );
    let google = scripted(&script);
    google.stop(&channel).await.unwrap();
    assert_eq!(script.last_body(), r#"{"id":"c1","resourceId":"r1"}"#);
    google.stop(&channel).await.unwrap();
}

#[test]
fn a_notification_is_read_from_its_headers() {
    let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    };
    let full = headers(&[
        ("x-goog-channel-id", "c1"),
        ("x-goog-resource-id", "r1"),
        ("x-goog-resource-state", "exists"),
        ("x-goog-message-number", "42"),
        ("x-goog-channel-expiration", "Tue, 19 Nov 2030 01:13:52 GMT"),
        ("x-goog-channel-token", "of-channel"),
    ]);
    let read = Notification::read(&full).unwrap();
    assert_eq!(read.channel, "c1");
    assert_eq!(read.resource_id.as_deref(), Some("r1"));
    assert_eq!(read.event, Happened::Changed);
    assert_eq!(read.number, Some(42));
    assert_eq!(read.expires_at, Some(at("2030-11-19T01:13:52Z")));
    assert_eq!(read.token.unwrap().expose_secret(), "of-channel");

    let first = headers(&[
        ("x-goog-channel-id", "c1"),
        ("x-goog-resource-state", "sync"),
    ]);
    assert_eq!(Notification::read(&first).unwrap().event, Happened::Opened);
    for none in [
        headers(&[]),
        headers(&[("x-goog-resource-state", "exists")]),
        headers(&[
            ("x-goog-channel-id", "c1"),
            ("x-goog-resource-state", "odd"),
        ]),
    ] {
        assert!(Notification::read(&none).is_none());
    }
}

#[tokio::test]
async fn busy_times_are_asked_in_stretches_and_laid_together() {
    let line = "POST https://www.googleapis.com/calendar/v3/freeBusy";
    let first = json!({"calendars": {
        "ann@example.com": {"busy": [
            {"start": "2026-06-01T08:00:00Z", "end": "2026-06-01T09:00:00Z"},
            {"start": "2026-07-30T23:00:00Z", "end": "2026-07-31T00:00:00Z"},
        ]},
        "nobody@example.com": {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []},
    }});
    let second = json!({"calendars": {
        "ann@example.com": {"busy": [{"start": "2026-07-31T00:00:00Z", "end": "2026-07-31T02:00:00Z"}]},
        "nobody@example.com": {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []},
    }});
    let script = Script::new()
        .on(line, 200, &first.to_string())
        .on(line, 200, &second.to_string());
    let calendars = [ann(), "nobody@example.com".into()];
    let window = at("2026-06-01T00:00:00Z")..at("2026-08-01T00:00:00Z");
    let told = scripted(&script).busy(&calendars, window).await.unwrap();
    assert_eq!(
        told,
        [
            BusyTimes {
                calendar: ann(),
                busy: Ok(vec![
                    at("2026-06-01T08:00:00Z")..at("2026-06-01T09:00:00Z"),
                    at("2026-07-30T23:00:00Z")..at("2026-07-31T02:00:00Z"),
                ]),
            },
            BusyTimes {
                calendar: "nobody@example.com".into(),
                busy: Err("notFound".to_owned()),
            },
        ]
    );
    let asked: Value = serde_json::from_slice(&script.asked()[0].body).unwrap();
    assert_eq!(
        asked,
        json!({
            "timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-07-31T00:00:00Z",
            "items": [{"id": "ann@example.com"}, {"id": "nobody@example.com"}],
        })
    );
}
