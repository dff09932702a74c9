//! Bytes out, bytes in: what is asked for each thing that an account can do, and what is made of the answer.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use kalends_calendar::event::Address;
use kalends_calendar::failure::Class;
use kalends_calendar::ids::RemoteId;
use kalends_calendar::provider::{Access, Guests, Provider, RemoteCalendar, State};
use kalends_providers::http::{Limits, Request};
use serde_json::json;

use super::{ANN, EVENTS, ann, error, scripted};
use crate::schema::google::{is_at_hand, wrong_with};
use crate::script::Script;

#[tokio::test]
async fn calendars_are_listed_page_by_page_with_the_primary_one_first() {
    let list = "https://www.googleapis.com/calendar/v3/users/me/calendarList?maxResults=250";
    let first = json!({"nextPageToken": "two", "items": [
        {"id": "team@group.calendar.google.com", "summary": "Team", "summaryOverride": "My team",
         "backgroundColor": "#9FE1E7", "accessRole": "writer"},
        {"id": "old@group.calendar.google.com", "deleted": true},
        {"id": "away@group.calendar.google.com", "summary": "Away", "hidden": true, "accessRole": "owner"},
        {"id": "de#holiday@group.v.calendar.google.com", "summary": "Feiertage", "accessRole": "reader"},
    ]});
    let second = json!({"items": [
        {"id": ANN, "summary": ANN, "accessRole": "owner", "primary": true, "timeZone": "Europe/Berlin"},
        {"id": "new@example.com", "summary": " ", "accessRole": "somethingNew"},
        {"id": "boss@example.com", "summary": "Boss", "accessRole": "writerWithoutPrivateAccess"},
    ]});
    let script = Script::new()
        .on(&format!("GET {list}"), 200, &first.to_string())
        .on(
            &format!("GET {list}&pageToken=two"),
            200,
            &second.to_string(),
        );
    let found = scripted(&script).calendars().await.unwrap();
    assert_eq!(found.me, [Address::new(ANN)]);
    let calendar = |id: &str, name: &str, color: Option<&str>, access| RemoteCalendar {
        id: id.into(),
        name: name.to_owned(),
        color: color.map(str::to_owned),
        access,
    };
    assert_eq!(
        found.calendars,
        [
            calendar(ANN, ANN, None, Access::ReadWrite),
            calendar(
                "team@group.calendar.google.com",
                "My team",
                Some("#9fe1e7"),
                Access::ReadWrite
            ),
            calendar(
                "de#holiday@group.v.calendar.google.com",
                "Feiertage",
                None,
                Access::ReadOnly
            ),
            calendar("new@example.com", "new@example.com", None, Access::ReadOnly),
            calendar("boss@example.com", "Boss", None, Access::ReadWrite),
        ]
    );
}

#[tokio::test]
async fn a_calendar_id_is_one_segment_of_the_path_whatever_is_in_it() {
    let line = "GET https://www.googleapis.com/calendar/v3/calendars/de%23holiday%2F1@group.v.calendar.google.com/events/e1";
    let script = Script::new().on(line, 404, &error(404, "global", "notFound", "Not Found"));
    let found = scripted(&script)
        .fetch(
            &"de#holiday/1@group.v.calendar.google.com".into(),
            &["e1".into()],
        )
        .await
        .unwrap();
    assert_eq!(found[0].state, State::Gone);
    let script = Script::new();
    let failure = scripted(&script)
        .fetch(&ann(), &["..".into()])
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let line = format!("GET {EVENTS}/e1");
    let refused = error(401, "global", "authError", "Invalid Credentials");
    let script = Script::new().on(&line, 401, &refused).on(
        &line,
        404,
        &error(404, "global", "notFound", "Not Found"),
    );
    let found = scripted(&script)
        .fetch(&ann(), &["e1".into()])
        .await
        .unwrap();
    assert_eq!(found[0].state, State::Gone);
    let tokens: Vec<HeaderValue> = script
        .asked()
        .iter()
        .map(|request| request.headers[AUTHORIZATION].clone())
        .collect();
    assert_eq!(tokens, ["Bearer token-0", "Bearer token-1"]);

    let script = Script::new()
        .on(&line, 401, &refused)
        .on(&line, 401, &refused);
    let failure = scripted(&script)
        .fetch(&ann(), &["e1".into()])
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::ReconnectNeeded);
}

#[test]
fn the_id_of_a_new_event_spells_its_name_in_google_s_alphabet() {
    let google = scripted(&Script::new());
    let place = |name: &str| google.place(&ann(), name);
    let name = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    assert_eq!(
        place(name),
        RemoteId::from("kalends6ph62dr270oj0b9pchgm8b9h65i32b9o61h38b9g61hj0d36cgq36c3370")
    );
    assert_ne!(place("a"), place("A"));
    for name in ["", "x", name, &"long".repeat(1_000)] {
        let id = place(name).0;
        assert!((5..=1_000).contains(&id.len()), "{id}");
        assert!(
            id.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'))
        );
    }
    assert_eq!(google.capabilities().guests, Guests::AlwaysMailed);
    assert!(google.capabilities().writes);
}

#[test]
fn the_checker_bites() {
    let request = |method: Method, url: &str, body: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Request {
            method,
            url: format!("https://www.googleapis.com/calendar/v3/{url}")
                .parse()
                .unwrap(),
            headers,
            body: body.to_owned().into(),
            limits: Limits {
                body_bytes_max: 1,
                time_max: std::time::Duration::from_secs(1),
            },
        }
    };
    let event = "calendars/a/events/e1";
    let table = [
        (Method::PATCH, event, r#"{"summary": "x"}"#, ""),
        (
            Method::PATCH,
            event,
            r#"{"summary": "x", "titel": "x"}"#,
            "Event: unknown field titel",
        ),
        (
            Method::PATCH,
            event,
            r#"{"start": {"dateTime": "noon"}}"#,
            "Event.start.dateTime: not a date-time",
        ),
        (
            Method::PATCH,
            event,
            r#"{"sequence": "1", "recurrence": "RRULE"}"#,
            r#"Event.recurrence: not a "array"; Event.sequence: not a "integer""#,
        ),
        (
            Method::PUT,
            event,
            r#"{"summary": null}"#,
            "Event.summary: null outside of a patch",
        ),
        (
            Method::PATCH,
            "calendars/a/event/e1",
            "{}",
            "no such method",
        ),
        (Method::DELETE, event, "{}", "a body, where there is none"),
        (
            Method::GET,
            "calendars/a/events?maxResults=many&sendUpdates=none&eventTypes=party",
            "",
            "maxResults=many: not a number; unknown parameter sendUpdates; eventTypes=party: not among the words",
        ),
        (
            Method::GET,
            "calendars/a/events?syncToken=x&timeMin=2026-01-01T00:00:00Z&showDeleted=false",
            "",
            "timeMin beside a sync token; showDeleted=false beside a sync token",
        ),
        (
            Method::POST,
            "calendars/a/events",
            r#"{"id": "X", "iCalUID": "u", "start": {"date": "2026-03-01"}}"#,
            "end is missing; X cannot be an id; an id and a UID",
        ),
    ];
    if !is_at_hand() {
        println!("skipped: no Discovery document; set KALENDS_SHARED to the folder that has it");
        return;
    }
    for (method, url, body, wrong) in table {
        assert_eq!(wrong_with(&request(method, url, body)).join("; "), wrong);
    }
}
