//! What each refusal means, as a table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use kalends_calendar::event::{Event, Override, RecurrenceId};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteId, Version};
use kalends_calendar::provider::{Position, Provider, State, Write};
use kalends_providers::graph::{BASE_URL, Graph, GraphSettings};
use kalends_providers::oauth::Tokens;
use secrecy::SecretString;
use serde_json::json;

use super::outlook::{Fault, Outlook};
use super::{account, berlin, calendar, create, event, now, raw, read, series, single};
use crate::script::{Script, Still};

const NOW: &str = "2026-03-01T10:00:00Z";

fn passing(seconds: Option<i64>) -> Class {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    Class::Passing {
        retry_at: seconds.map(|seconds| now + jiff::SignedDuration::from_secs(seconds)),
    }
}

fn update() -> Write {
    let before = single("e1", "Lunch");
    let mut after = read(&before);
    "Supper".clone_into(&mut after.master.details.title);
    Write::Update {
        remote_id: RemoteId::from("e1"),
        version: Some(Version::from("W/\"one\"")),
        raw: raw(&before),
        event: Box::new(after),
        mark: None,
    }
}

fn delete() -> Write {
    Write::Delete {
        remote_id: RemoteId::from("e1"),
        version: Some(Version::from("W/\"one\"")),
        raw: raw(&single("e1", "Lunch")),
    }
}

#[test]
fn a_refused_write_says_what_must_happen_next() {
    let post = "POST https://graph.microsoft.com/v1.0/me/calendars/cal-1%3D/events";
    let patch = "PATCH https://graph.microsoft.com/v1.0/me/events/e1";
    let new = || create(&event("Lunch", berlin("2026-06-01T10:00:00")));
    let table = [
        (
            new(),
            post,
            400,
            "ErrorPropertyValidationFailure",
            None,
            Class::Item,
        ),
        (
            new(),
            post,
            403,
            "ErrorAccessDenied",
            None,
            Class::Forbidden,
        ),
        (new(), post, 404, "ErrorItemNotFound", None, Class::Gone),
        (
            new(),
            post,
            404,
            "MailboxNotEnabledForRESTAPI",
            None,
            Class::Forbidden,
        ),
        (
            new(),
            post,
            409,
            "ErrorIrresolvableConflict",
            None,
            Class::Exists,
        ),
        (
            new(),
            post,
            429,
            "TooManyRequests",
            Some("2.128"),
            passing(Some(3)),
        ),
        (
            new(),
            post,
            429,
            "ApplicationThrottled",
            None,
            passing(None),
        ),
        (
            new(),
            post,
            500,
            "ErrorInternalServerError",
            None,
            Class::Unknown,
        ),
        (
            new(),
            post,
            503,
            "serviceNotAvailable",
            Some("10"),
            passing(Some(10)),
        ),
        (new(), post, 504, "gatewayTimeout", None, Class::Unknown),
        (new(), post, 507, "ErrorQuotaExceeded", None, passing(None)),
        (new(), post, 403, "errorquotaexceeded", None, passing(None)),
        (
            update(),
            patch,
            400,
            "ErrorInvalidIdMalformed",
            None,
            Class::Gone,
        ),
        (
            update(),
            patch,
            400,
            "ErrorInvalidRequest",
            None,
            Class::Item,
        ),
        (
            update(),
            patch,
            401,
            "InvalidAuthenticationToken",
            None,
            Class::ReconnectNeeded,
        ),
        (update(), patch, 404, "itemNotFound", None, Class::Gone),
        // A page of a portal on the way: whether the deletion went past it is not known.
        (
            delete(),
            "DELETE https://graph.microsoft.com/v1.0/me/events/e1",
            200,
            "<html>",
            None,
            Class::Unknown,
        ),
        (
            update(),
            patch,
            409,
            "ErrorIrresolvableConflict",
            None,
            Class::Changed,
        ),
        (
            update(),
            patch,
            412,
            "ErrorIrresolvableConflict",
            None,
            Class::Changed,
        ),
        (update(), patch, 412, "", None, Class::Changed),
        (update(), patch, 423, "locked", None, passing(None)),
    ];
    for (write, line, status, code, wait, class) in table {
        let body = json!({"error": {"code": "outer", "message": "words https://secret.example/", "innerError": {"code": code}}});
        let headers: Vec<(&str, &str)> = wait.iter().map(|wait| ("retry-after", *wait)).collect();
        let script = Script::new().on_with(line, status, &headers, &body.to_string());
        if status == 401 {
            // The token is replaced once.
            script.on(line, status, &body.to_string());
        }
        let failure = now(account(script).write(&calendar(), &write)).unwrap_err();
        assert_eq!(failure.class, class, "{line} {status} {code}");
        assert!(
            !failure.message.contains("secret.example"),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("words"), "{}", failure.message);
    }
}

#[test]
fn what_is_gone_already_is_deleted() {
    let line = "DELETE https://graph.microsoft.com/v1.0/me/events/e1";
    for (status, code) in [(404, "ErrorItemNotFound"), (400, "ErrorInvalidIdMalformed")] {
        let body = json!({"error": {"code": code, "message": "words"}}).to_string();
        let script = Script::new().on(line, status, &body);
        let receipt = now(account(Arc::clone(&script) as _).write(&calendar(), &delete()));
        assert_eq!(
            receipt.unwrap(),
            kalends_calendar::provider::Receipt::Deleted
        );
        assert_eq!(script.last_header("if-match").as_deref(), Some("W/\"one\""));
    }
}

#[test]
fn a_look_at_an_event_tells_gone_from_unreadable() {
    let table = [
        (404, "ErrorItemNotFound", Ok("gone")),
        (400, "ErrorInvalidIdMalformed", Ok("gone")),
        (403, "ErrorAccessDenied", Err(Class::Forbidden)),
        (500, "ErrorInternalServerError", Err(passing(None))),
    ];
    for (status, code, expected) in table {
        let outlook = super::outlook::Outlook::new();
        outlook.add(single("e2", "Lunch"));
        outlook.befall(
            "GET me/events/e1",
            super::outlook::Fault::Refused(status, code),
        );
        let account = account(Arc::clone(&outlook) as _);
        let ids = [RemoteId::from("e1")];
        let alone = now(account.fetch(&calendar(), &ids));
        match expected {
            Ok(_) => assert_eq!(alone.unwrap()[0].state, State::Gone, "{code}"),
            Err(class) => assert_eq!(alone.unwrap_err().class, class, "{code}"),
        }
        outlook.befall(
            "GET me/events/e1",
            super::outlook::Fault::Refused(status, code),
        );
        let ids = [RemoteId::from("e1"), RemoteId::from("e2")];
        let both = now(account.fetch(&calendar(), &ids)).unwrap();
        assert!(
            matches!(both[1].state, State::Present(_)),
            "one event stops no other"
        );
        let is_open = matches!(
            both[0].state,
            State::Gone | State::Broken { version: None, .. }
        );
        assert!(is_open, "{:?}", both[0].state);
    }
}

#[test]
fn who_wants_to_be_left_alone_is_left_alone() {
    let view = "GET https://graph.microsoft.com/v1.0/me/calendars/cal-1%3D/calendarView/delta?startDateTime=2025-12-01T10:00:00Z&endDateTime=2027-03-01T10:00:00Z";
    let script = Script::new().on_with(view, 429, &[("retry-after", "30")], "{}");
    let account = account(script);
    for _ in 0..2 {
        let failure = now(account.changes(&calendar(), &Position::Start)).unwrap_err();
        assert_eq!(
            failure.class,
            passing(Some(30)),
            "the second is not even sent"
        );
    }
    assert!(account.left_alone_until().is_some());
}

/// A series of four Mondays of which the third is left out.
fn with_a_gap() -> Event {
    let mut weekly = read(&series("e1", "Weekly"));
    let third = RecurrenceId("2026-06-15T10:00:00".parse().unwrap());
    weekly.recurrence_overrides = BTreeMap::from([(third, Override::Excluded)]);
    weekly
}

#[test]
fn a_series_that_was_made_and_could_not_be_finished_is_found_again() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let refused = Fault::Refused(400, "ErrorOccurrenceCrossingBoundary");
    outlook.befall("DELETE ", refused);
    let failure = now(account.write(&calendar(), &create(&with_a_gap()))).unwrap_err();
    assert_eq!(failure.class, Class::Unknown, "{failure:?}");
    assert_eq!(outlook.ids().len(), 1);
}

#[test]
fn an_occurrence_is_away_only_where_outlook_says_so() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    outlook.befall("/instances", Fault::Nothing);
    let failure = now(account.write(&calendar(), &create(&with_a_gap()))).unwrap_err();
    assert_eq!(failure.class, Class::Changed, "{failure:?}");
}

/// Gives no token, and wants to be left alone for a while.
struct Tired(AtomicUsize);

#[async_trait]
impl Tokens for Tired {
    async fn access(&self, _: Option<&SecretString>) -> Result<SecretString, Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Failure::new(passing(Some(30)), "no token now"))
    }
}

#[test]
fn who_gives_the_tokens_is_left_alone_too() {
    let tired = Arc::new(Tired(AtomicUsize::default()));
    let settings = GraphSettings::new(BASE_URL.parse().unwrap());
    let tokens = Arc::clone(&tired) as Arc<dyn Tokens>;
    let account = Graph::new(Script::new(), Arc::new(Still), tokens, settings).with_in_flight(1);
    let ids = ["e1", "e2", "e3"].map(RemoteId::from);
    let failure = now(account.fetch(&calendar(), &ids)).unwrap_err();
    assert_eq!(failure.class, passing(Some(30)));
    assert_eq!(tired.0.load(Ordering::Relaxed), 1);
    assert_eq!(account.left_alone_until(), failure.retry_at());
}
