//! Full listings: parameters, filters, orders and pages.

use kalends_sandbox::google::PropertyFilters;
use serde_json::{Value, json};

use super::desk::{ANN, Desk, EVENTS, each, encoded, meeting, meeting_with, text, weekly};

fn at(title: &str, start: &str, end: &str) -> Value {
    json!({ "summary": title, "start": { "dateTime": start }, "end": { "dateTime": end } })
}

#[test]
fn a_listing_says_what_calendar_it_is_of() {
    let mut desk = Desk::new();
    let answer = desk.get(EVENTS);
    let etag = text(&answer.json, "etag").to_owned();
    assert_eq!(answer.header("etag"), Some(etag.as_str()));
    let list = answer.ok();
    assert_eq!(list["kind"], "calendar#events");
    assert_eq!(
        (&list["summary"], &list["timeZone"]),
        (&json!(ANN), &json!("Europe/Berlin"))
    );
    assert_eq!(list["accessRole"], "owner");
    assert_eq!(
        list["defaultReminders"],
        json!([{ "method": "popup", "minutes": 10 }])
    );
    let unchanged = desk.send_if(("GET", EVENTS), &[("if-none-match", &etag)], None);
    assert_eq!(
        (unchanged.status, unchanged.response.body().len()),
        (304, 0)
    );
    desk.insert(&meeting("new"));
    let changed = desk.send_if(("GET", EVENTS), &[("if-none-match", &etag)], None);
    assert_eq!(changed.status, 200);
}

#[test]
fn parameters_are_what_the_document_says_or_refused() {
    let mut desk = Desk::new();
    for (query, said) in [
        (
            "maxResults=0",
            "global.invalidParameter: Invalid value '0'. Values must be within the range: [1, 2147483647]",
        ),
        (
            "maxResults=many",
            "global.invalidParameter: Invalid integer value: 'many'.",
        ),
        (
            "singleEvents=yes",
            "global.invalidParameter: Invalid boolean value: 'yes'.",
        ),
        (
            "orderBy=title",
            "global.invalidParameter: Invalid string value: 'title'. Allowed values: [startTime, updated]",
        ),
        (
            "orderBy=startTime",
            "global.badRequest: The requested ordering is not available for the particular query.",
        ),
        (
            "timeMin=2026-06-01T00:00:00",
            "global.badRequest: Bad Request",
        ),
        (
            "timeMin=2026-06-02T00:00:00Z&timeMax=2026-06-01T00:00:00Z",
            "calendar.timeRangeEmpty: The specified time range is empty.",
        ),
        (
            "timeZone=Mars",
            "global.invalidParameter: Unrecognized timezone identifier: 'Mars'.",
        ),
        (
            "alt=xml",
            "global.invalidParameter: Invalid string value: 'xml'. Allowed values: [json]",
        ),
        (
            "fields=items(",
            "global.invalidParameter: Invalid field selection items(",
        ),
    ] {
        let answer = desk.get(&format!("{EVENTS}?{query}"));
        assert_eq!(answer.refusal(), (400, said.to_owned()), "{query}");
    }
    // What Google does not know it passes over.
    assert_eq!(desk.get(&format!("{EVENTS}?unheardOf=1")).status, 200);
}

#[test]
fn updated_min_reaches_back_a_month_and_tells_of_deletions() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting("gone"));
    desk.delete(&format!("{EVENTS}/{}", text(&event, "id")));
    assert!(desk.list("").0.is_empty());
    let (items, _) = desk.list("updatedMin=2026-05-20T00:00:00Z");
    assert_eq!(each(&items, "summary"), ["gone"]);
    let answer = desk.get(&format!("{EVENTS}?updatedMin=2026-01-01T00:00:00Z"));
    let said = "calendar.updatedMinTooLongAgo: The requested minimum modification time lies too far in the past.";
    assert_eq!(answer.refusal(), (410, said.to_owned()));
}

#[test]
fn a_window_takes_what_ends_after_and_starts_before() {
    let mut desk = Desk::new();
    desk.insert(&at(
        "ends then",
        "2026-06-01T08:00:00Z",
        "2026-06-01T09:00:00Z",
    ));
    desk.insert(&at(
        "reaches in",
        "2026-06-01T08:00:00Z",
        "2026-06-01T09:00:01Z",
    ));
    desk.insert(&at(
        "starts then",
        "2026-06-01T12:00:00Z",
        "2026-06-01T13:00:00Z",
    ));
    desk.insert(&weekly("series", 4));
    let (items, _) = desk.list("timeMin=2026-06-01T09:00:00Z&timeMax=2026-06-01T12:00:00Z");
    assert_eq!(each(&items, "summary"), ["reaches in"]);
    let (items, _) = desk.list("timeMin=2026-06-08T00:00:00Z&timeMax=2026-06-09T00:00:00Z");
    assert_eq!(each(&items, "summary"), ["series"]);
}

#[test]
fn single_events_are_expanded_and_ordered() {
    let mut desk = Desk::new();
    let series = desk.insert(&weekly("standup", 3));
    let id = text(&series, "id").to_owned();
    desk.insert(&at(
        "between",
        "2026-06-03T08:00:00Z",
        "2026-06-03T09:00:00Z",
    ));
    let moved = json!({
        "summary": "moved",
        "start": { "dateTime": "2026-06-30T10:00:00+02:00" },
        "end": { "dateTime": "2026-06-30T11:00:00+02:00" },
    });
    desk.patch(&format!("{EVENTS}/{id}_20260608T080000Z"), &moved)
        .ok();
    for page in ["", "&maxResults=1"] {
        let (items, _) = desk.list(&format!("singleEvents=true&orderBy=startTime{page}"));
        let titles = each(&items, "summary");
        assert_eq!(titles, ["standup", "between", "standup", "moved"]);
    }
    let (items, _) = desk.list("singleEvents=true&maxResults=2");
    assert_eq!(items.len(), 4);
    assert!(items.iter().all(|item| item.get("recurrence").is_none()));
    let (items, _) = desk.list("orderBy=updated");
    assert_eq!(each(&items, "summary"), ["standup", "between", "moved"]);
    desk.delete(&format!("{EVENTS}/{id}"));
    assert_eq!(desk.list("singleEvents=true").0.len(), 1);
    let (items, _) = desk.list("singleEvents=true&showDeleted=true");
    assert_eq!(items.len(), 5, "{items:#?}");
    assert!(items.iter().all(|item| item.get("recurrence").is_none()));
}

#[test]
fn a_series_without_end_is_expanded_to_a_limit() {
    let mut desk = Desk::new();
    desk.insert(&meeting_with(
        "daily",
        json!({ "recurrence": ["RRULE:FREQ=DAILY"] }),
    ));
    assert_eq!(desk.list("singleEvents=true&maxResults=2500").0.len(), 730);
}

#[test]
fn events_are_found_by_uid_text_kind_and_properties() {
    let mut desk = Desk::new();
    let series = desk.insert(&weekly("standup", 3));
    let (id, uid) = (
        text(&series, "id").to_owned(),
        text(&series, "iCalUID").to_owned(),
    );
    desk.patch(
        &format!("{EVENTS}/{id}_20260608T080000Z"),
        &json!({ "location": "Café" }),
    )
    .ok();
    desk.insert(&meeting_with(
        "marked",
        json!({ "extendedProperties": { "private": { "a": "1", "b": "2" }, "shared": { "s": "x=y" } } }),
    ));
    let away = json!({ "eventType": "outOfOffice" });
    desk.insert(&meeting_with("away", away));
    let mut found = |query: &str| desk.list(query).0.len();
    assert_eq!(found(&format!("iCalUID={}", encoded(&uid))), 2);
    assert_eq!(found("iCalUID=nobody"), 0);
    assert_eq!(found("q=caf%C3%A9"), 1);
    assert_eq!(found("q=STANDUP"), 2);
    assert_eq!(found("eventTypes=outOfOffice"), 1);
    assert_eq!(found("eventTypes=outOfOffice&eventTypes=default"), 4);
    assert_eq!(found("privateExtendedProperty=a%3D1"), 1);
    assert_eq!(found("privateExtendedProperty=a%3D2"), 0);
    assert_eq!(found("sharedExtendedProperty=s%3Dx%3Dy"), 1);
    let both = "privateExtendedProperty=a%3D1&privateExtendedProperty=b%3D9";
    assert_eq!(found(both), 0);
    desk.google().switches.property_filters = PropertyFilters::Any;
    assert_eq!(desk.list(both).0.len(), 1);
    let answer = desk.get(&format!("{EVENTS}?privateExtendedProperty=a"));
    assert_eq!(answer.status, 400);
}

#[test]
fn a_page_may_be_empty_and_still_not_be_the_last() {
    let mut desk = Desk::new();
    desk.google().switches.empty_pages = true;
    desk.insert(&meeting("hidden behind an empty page"));
    let first = desk.get(EVENTS).ok();
    assert_eq!(first["items"], json!([]));
    assert!(first.get("nextSyncToken").is_none());
    let (items, token) = desk.list("");
    assert_eq!((items.len(), token.is_some()), (1, true));
}

#[test]
fn times_are_shown_in_the_zone_that_is_asked_for() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting("zoned"));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let shown = |event: Value| text(&event["start"], "dateTime").to_owned();
    assert_eq!(shown(desk.get(&path).ok()), "2026-06-01T10:00:00+02:00");
    let asked = desk.get(&format!("{path}?timeZone=America/New_York")).ok();
    assert_eq!(asked["start"]["timeZone"], "Europe/Berlin");
    assert_eq!(shown(asked), "2026-06-01T04:00:00-04:00");
    assert_eq!(
        shown(desk.get(&format!("{path}?timeZone=UTC")).ok()),
        "2026-06-01T08:00:00Z"
    );
}

#[test]
fn only_the_fields_that_are_asked_for_come_and_in_one_line() {
    let mut desk = Desk::new();
    desk.insert(&meeting("short"));
    let query = "fields=items(summary,start/timeZone)&prettyPrint=false";
    let answer = desk.get(&format!("{EVENTS}?{query}"));
    let body = std::str::from_utf8(answer.response.body()).expect("text");
    insta::assert_snapshot!(body, @r#"{"items":[{"start":{"timeZone":"Europe/Berlin"},"summary":"short"}]}"#);
    let pretty = desk.get(&format!("{EVENTS}?fields=kind"));
    let body = std::str::from_utf8(pretty.response.body()).expect("text");
    assert_eq!(body, "{\n  \"kind\": \"calendar#events\"\n}\n");
    assert_eq!(
        pretty.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
}
