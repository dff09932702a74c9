//! What Google's refusals mean, as a table.

use std::sync::Arc;

use async_trait::async_trait;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::provider::{Position, Provider, Raw, Write};
use kalends_providers::google::{API_BASE, Google, GoogleSettings};
use kalends_providers::oauth::Tokens;
use secrecy::SecretString;
use serde_json::json;

use super::{EVENTS, LISTING, ann, error, scripted};
use crate::script::{Script, Still};

/// What a listing and an update make of the same answer.
async fn told(status: u16, body: &str) -> (Failure, Failure) {
    let script = Script::new().on(&format!("GET {EVENTS}?{LISTING}"), status, body);
    let read = scripted(&script)
        .changes(&ann(), &Position::Start)
        .await
        .unwrap_err();
    let raw = Raw(json!({
        "frame": {"timeZone": "Europe/Berlin", "defaultReminders": []},
        "event": {"id": "e1", "etag": "\"1\"", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}},
    })
    .to_string());
    let script = Script::new().on(&format!("PATCH {EVENTS}/e1?sendUpdates=none"), status, body);
    let google = scripted(&script);
    let mut event = google.read(&raw).unwrap();
    event.master.details.title.push_str("New");
    let write = Write::Update {
        remote_id: "e1".into(),
        version: Some("\"1\"".into()),
        raw,
        event: Box::new(event),
        mark: None,
    };
    (read, google.write(&ann(), &write).await.unwrap_err())
}

fn passing() -> Class {
    Class::Passing { retry_at: None }
}

/// Hours after 10 o'clock, which it is.
fn in_hours(hours: i64) -> Class {
    let now: jiff::Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    Class::Passing {
        retry_at: Some(now + jiff::SignedDuration::from_hours(hours)),
    }
}

#[tokio::test]
async fn each_reason_says_what_must_happen_next() {
    #[rustfmt::skip]
    let table = [
        // status, domain, reason, read, write
        (400, "calendar", "timeRangeEmpty", Class::Protocol, Class::Item),
        (400, "global", "required", Class::Protocol, Class::Item),
        (400, "global", "invalid", Class::Protocol, Class::Item),
        (400, "global", "badRequest", Class::Protocol, Class::Item),
        (400, "global", "parseError", Class::Protocol, Class::Item),
        (403, "usageLimits", "userRateLimitExceeded", passing(), passing()),
        (403, "usageLimits", "rateLimitExceeded", passing(), passing()),
        (429, "usageLimits", "rateLimitExceeded", passing(), passing()),
        (403, "usageLimits", "quotaExceeded", in_hours(4), in_hours(4)),
        (403, "usageLimits", "dailyLimitExceeded", in_hours(1), in_hours(1)),
        (403, "usageLimits", "accessNotConfigured", in_hours(1), in_hours(1)),
        (403, "calendar", "forbiddenForNonOrganizer", Class::Item, Class::Item),
        (403, "calendar", "requiredAccessLevel", Class::Forbidden, Class::Forbidden),
        (403, "global", "forbidden", Class::Forbidden, Class::Forbidden),
        (403, "global", "insufficientPermissions", Class::ReconnectNeeded, Class::ReconnectNeeded),
        (404, "global", "notFound", Class::Gone, Class::Gone),
        (409, "global", "duplicate", Class::Exists, Class::Exists),
        (409, "global", "conflict", passing(), passing()),
        (410, "calendar", "fullSyncRequired", Class::CursorDead, Class::Gone),
        (410, "calendar", "updatedMinTooLongAgo", Class::CursorDead, Class::Gone),
        (410, "global", "deleted", Class::Gone, Class::Gone),
        (412, "global", "conditionNotMet", Class::Changed, Class::Changed),
        (500, "global", "backendError", passing(), Class::Unknown),
        (502, "global", "backendError", passing(), Class::Unknown),
        (503, "global", "backendError", passing(), Class::Unknown),
        (504, "global", "backendError", passing(), Class::Unknown),
        (418, "global", "teapot", Class::Protocol, Class::Item),
        (304, "global", "notModified", Class::Protocol, Class::Unknown),
    ];
    for (status, domain, reason, of_read, of_write) in table {
        let (read, write) = told(status, &error(status, domain, reason, "Words of Google's")).await;
        assert_eq!(read.class, of_read, "reading: {status} {reason}");
        assert_eq!(write.class, of_write, "writing: {status} {reason}");
        assert!(
            read.message.contains("Words of Google's"),
            "{}",
            read.message
        );
    }
}

#[tokio::test]
async fn the_newer_form_of_errors_is_understood_and_so_is_none() {
    let scope = json!({"error": {
        "code": 403, "message": "Request had insufficient authentication scopes.", "status": "PERMISSION_DENIED",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}],
    }});
    let (read, _) = told(403, &scope.to_string()).await;
    assert_eq!(read.class, Class::ReconnectNeeded);
    insta::assert_snapshot!(read.message, @"Google was not given the right to do this; connect the account again and leave all boxes ticked: “Request had insufficient authentication scopes.”");
    let disabled = json!({"error": {
        "code": 403, "message": "Google Calendar API has not been used in project 7 before or it is disabled. Enable it by visiting https://console.example/7", "status": "PERMISSION_DENIED",
        "details": [{"reason": "SERVICE_DISABLED"}],
    }});
    let (read, _) = told(403, &disabled.to_string()).await;
    assert_eq!(read.class, in_hours(1));
    insta::assert_snapshot!(read.message, @"Google says that the operator of this installation has not enabled the Calendar API: “Google Calendar API has not been used in project 7 before or it is disabled. Enable it by visiting …”");
    for body in ["", "<html>", "[]", r#"{"error": "odd"}"#] {
        let (read, write) = told(403, body).await;
        assert_eq!(read.class, Class::Forbidden, "{body}");
        assert_eq!(read.message, "Google does not let this account do this");
        assert_eq!(write.class, Class::Forbidden);
    }
    // A token that Google does not know as one is as dead as one that it has forgotten.
    let stray = json!({"error": {"code": 400, "message": "Invalid sync token", "errors": [
        {"domain": "global", "reason": "invalid", "message": "Invalid sync token", "location": "syncToken", "locationType": "parameter"}]}});
    let (read, _) = told(400, &stray.to_string()).await;
    assert_eq!(read.class, Class::CursorDead);
}

#[tokio::test]
async fn google_is_left_alone_as_long_as_it_asks() {
    let line = format!("GET {EVENTS}?{LISTING}");
    let script = Script::new().on_with(
        &line,
        429,
        &[("retry-after", "90")],
        &error(
            429,
            "usageLimits",
            "rateLimitExceeded",
            "Rate Limit Exceeded",
        ),
    );
    let google = scripted(&script);
    let until: jiff::Timestamp = "2026-03-01T10:01:30Z".parse().unwrap();
    for _ in 0..2 {
        let failure = google.changes(&ann(), &Position::Start).await.unwrap_err();
        assert_eq!(
            failure.class,
            Class::Passing {
                retry_at: Some(until)
            }
        );
    }
    assert_eq!(google.left_alone_until(), Some(until));
    assert_eq!(script.asked().len(), 1);
}

/// Gives no token, and wants to be left alone for a while.
struct Tired(Class);

#[async_trait]
impl Tokens for Tired {
    async fn access(&self, _: Option<&SecretString>) -> Result<SecretString, Failure> {
        Err(Failure::new(self.0.clone(), "no token now"))
    }
}

#[tokio::test]
async fn who_gives_the_tokens_is_left_alone_too() {
    let until: jiff::Timestamp = "2026-03-01T10:01:30Z".parse().unwrap();
    let class = Class::Passing {
        retry_at: Some(until),
    };
    let settings = GoogleSettings {
        base: API_BASE.parse().unwrap(),
        me: Vec::new(),
    };
    let tokens = Arc::new(Tired(class.clone()));
    let google = Google::new(Script::new(), Arc::new(Still), tokens, settings);
    let failure = google.changes(&ann(), &Position::Start).await.unwrap_err();
    assert_eq!(failure.class, class);
    assert_eq!(google.left_alone_until(), Some(until));
}

#[tokio::test]
async fn an_answer_that_is_no_calendar_is_a_protocol_failure() {
    for body in ["<html>Sign in</html>", "{\"items\": [", "{\"items\": [{}]}"] {
        let script = Script::new().on(&format!("GET {EVENTS}?{LISTING}"), 200, body);
        let failure = scripted(&script)
            .changes(&ann(), &Position::Start)
            .await
            .unwrap_err();
        assert_eq!(failure.class, Class::Protocol, "{body}");
    }
}
