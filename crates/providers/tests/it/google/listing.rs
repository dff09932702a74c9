//! Listings: pages in any order become whole events, and nothing is taken for gone that was only not named.

use std::collections::BTreeMap;
use std::sync::Arc;

use kalends_calendar::event::{Override, RecurrenceId};
use kalends_calendar::failure::Class;
use kalends_calendar::ids::{Cursor, RemoteId};
use kalends_calendar::provider::{Change, Coverage, Next, Part, Position, Provider, State};
use kalends_providers::google::Google;
use serde_json::{Value, json};

use super::{EVENTS, LISTING, ann, error, page, present, scripted};
use crate::script::Script;

/// A single event.
fn single(id: &str, title: &str) -> Value {
    json!({
        "kind": "calendar#event", "id": id, "etag": format!("\"{id}\""), "status": "confirmed",
        "iCalUID": format!("{id}@google.com"), "summary": title,
        "start": {"dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-06-01T11:00:00+02:00", "timeZone": "Europe/Berlin"},
    })
}

/// A weekly series on Mondays.
fn weekly(id: &str) -> Value {
    let mut event = single(id, "Weekly");
    event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;BYDAY=MO"]);
    event
}

/// An instance of it a week later, called otherwise.
fn changed(series: &str) -> Value {
    let mut event = single(&format!("{series}_20260608T080000Z"), "Moved");
    event["iCalUID"] = json!(format!("{series}@google.com"));
    event["recurringEventId"] = json!(series);
    event["originalStartTime"] =
        json!({"dateTime": "2026-06-08T10:00:00+02:00", "timeZone": "Europe/Berlin"});
    event["start"] = json!({"dateTime": "2026-06-08T12:00:00+02:00", "timeZone": "Europe/Berlin"});
    event["end"] = json!({"dateTime": "2026-06-08T13:00:00+02:00", "timeZone": "Europe/Berlin"});
    event
}

/// The instance after that, taken away: with no more than Google promises of such.
fn cancelled(series: &str) -> Value {
    json!({
        "kind": "calendar#event", "id": format!("{series}_20260615T080000Z"), "status": "cancelled",
        "recurringEventId": series,
        "originalStartTime": {"dateTime": "2026-06-15T10:00:00+02:00", "timeZone": "Europe/Berlin"},
    })
}

fn ids(changes: &[Change]) -> Vec<&str> {
    changes
        .iter()
        .map(|change| change.remote_id.as_str())
        .collect()
}

/// All pages of a listing, laid together, and then the series that came in parts.
async fn whole(google: &Google, from: Position) -> (Vec<Change>, Option<Cursor>, Coverage) {
    let mut all = Vec::new();
    let mut series: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    let mut position = from;
    loop {
        let page = google.changes(&ann(), &position).await.unwrap();
        all.extend(page.changes);
        for part in page.parts {
            series.entry(part.series.clone()).or_default().push(part);
        }
        match page.next {
            Next::More(token) => position = Position::Page(token),
            Next::Done { cursor, coverage } => {
                for (series, parts) in series {
                    all.extend(google.assemble(&ann(), &series, parts).await.unwrap());
                }
                return (all, cursor, coverage);
            }
        }
    }
}

fn since(token: &str) -> Position {
    Position::Since(Cursor(format!("1:{token}")))
}

fn listing(rest: &str) -> String {
    format!("GET {EVENTS}?{LISTING}{rest}")
}

fn series_of(id: &str) -> String {
    format!("GET {EVENTS}?iCalUID={id}%40google.com&maxResults=500&singleEvents=false")
}

fn not_found() -> String {
    error(404, "global", "notFound", "Not Found")
}

#[tokio::test]
async fn the_parts_of_a_series_come_together_whatever_page_they_are_on() {
    let script = Script::new()
        .on(
            &listing(""),
            200,
            &page(
                &json!([changed("week"), single("one", "One")]),
                ("nextPageToken", "two"),
            ),
        )
        // A page may be empty while another follows.
        .on(
            &listing("&pageToken=two"),
            200,
            &page(&json!([]), ("nextPageToken", "three")),
        )
        .on(
            &listing("&pageToken=three"),
            200,
            &page(
                &json!([weekly("week"), cancelled("week"), single("two", "Two")]),
                ("nextSyncToken", "later"),
            ),
        );
    let google = scripted(&script);
    let (changes, cursor, coverage) = whole(&google, Position::Start).await;
    assert_eq!(ids(&changes), ["one", "two", "week"]);
    assert_eq!(cursor, Some(Cursor("1:later".to_owned())));
    assert_eq!(coverage, Coverage::Complete);

    let week = present(&changes[2]);
    let over = |day| {
        week.event.recurrence_overrides.get(&RecurrenceId(
            jiff::civil::date(2026, 6, day).at(10, 0, 0, 0),
        ))
    };
    let Some(Override::Replaced(moved)) = over(8) else {
        panic!("{:?}", week.event.recurrence_overrides);
    };
    assert_eq!(moved.details.title, "Moved");
    assert_eq!(over(15), Some(&Override::Excluded));
    assert_eq!(week.event.recurrence_overrides.len(), 2);
    assert_eq!(google.read(&week.raw).unwrap(), week.event);
}

#[tokio::test]
async fn the_version_of_a_series_is_that_of_all_its_parts() {
    let version = async |parts: Value| {
        let script = Script::new().on(&listing(""), 200, &page(&parts, ("nextSyncToken", "x")));
        let (changes, ..) = whole(&scripted(&script), Position::Start).await;
        present(&changes[0]).version.clone().unwrap()
    };
    let bare = version(json!([weekly("week")])).await;
    assert_eq!(bare.as_str(), "\"week\"");
    let with = version(json!([weekly("week"), changed("week")])).await;
    let reordered = version(json!([changed("week"), weekly("week")])).await;
    let mut again = changed("week");
    again["etag"] = json!("\"other\"");
    let changed_again = version(json!([weekly("week"), again])).await;
    let and_cancelled = version(json!([weekly("week"), changed("week"), cancelled("week")])).await;
    assert_eq!(with, reordered);
    let all = [bare, with, changed_again, and_cancelled];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), 4, "{all:?}");
}

#[tokio::test]
async fn what_changed_is_told_by_the_same_parameters_and_a_token() {
    let script = Script::new()
        .on(
            &listing("&syncToken=then"),
            200,
            &page(
                &json!([single("one", "One again"), {"id": "two", "status": "cancelled"}]),
                ("nextPageToken", "more"),
            ),
        )
        .on(
            &listing("&syncToken=then&pageToken=more"),
            200,
            &page(&json!([]), ("nextSyncToken", "now")),
        );
    let (changes, cursor, coverage) = whole(&scripted(&script), since("then")).await;
    assert_eq!(ids(&changes), ["one", "two"]);
    assert_eq!(changes[1].state, State::Gone);
    assert_eq!(cursor, Some(Cursor("1:now".to_owned())));
    assert_eq!(coverage, Coverage::Incremental);
}

#[tokio::test]
async fn a_changed_instance_brings_its_whole_series() {
    let script = Script::new()
        .on(
            &listing("&syncToken=then"),
            200,
            &page(&json!([changed("week")]), ("nextSyncToken", "now")),
        )
        .on(
            &series_of("week"),
            200,
            &page(
                &json!([
                    weekly("week"),
                    changed("week"),
                    cancelled("week"),
                    single("other", "Same UID")
                ]),
                ("nextSyncToken", "unused"),
            ),
        );
    let (changes, ..) = whole(&scripted(&script), since("then")).await;
    // The instance alone is no event, should it have been taken for one before.
    assert_eq!(ids(&changes), ["week_20260608T080000Z", "week"]);
    assert_eq!(changes[0].state, State::Gone);
    let week = present(&changes[1]);
    assert_eq!(week.event.recurrence_overrides.len(), 2);
}

#[tokio::test]
async fn a_cancelled_instance_names_no_uid_so_its_series_is_asked_first() {
    let script = Script::new()
        .on(
            &listing("&syncToken=then"),
            200,
            &page(&json!([cancelled("week")]), ("nextSyncToken", "now")),
        )
        .on(
            &format!("GET {EVENTS}/week"),
            200,
            &weekly("week").to_string(),
        )
        .on(
            &series_of("week"),
            200,
            &page(
                &json!([weekly("week"), cancelled("week")]),
                ("nextSyncToken", "x"),
            ),
        );
    let (changes, ..) = whole(&scripted(&script), since("then")).await;
    let week = present(&changes[1]);
    assert_eq!(
        week.event.recurrence_overrides.values().collect::<Vec<_>>(),
        [&Override::Excluded]
    );
}

#[tokio::test]
async fn a_deleted_series_takes_its_instances_along() {
    let script = Script::new().on(
        &listing("&syncToken=then"),
        200,
        &page(
            &json!([changed("week"), {"id": "week", "status": "cancelled"}]),
            ("nextSyncToken", "now"),
        ),
    );
    let (changes, ..) = whole(&scripted(&script), since("then")).await;
    assert_eq!(ids(&changes), ["week", "week_20260608T080000Z"]);
    assert!(changes.iter().all(|change| change.state == State::Gone));

    // The same where the listing names an instance only.
    let mut deleted = weekly("week");
    deleted["status"] = json!("cancelled");
    let script = Script::new()
        .on(
            &listing("&syncToken=then"),
            200,
            &page(&json!([cancelled("week")]), ("nextSyncToken", "now")),
        )
        .on(&format!("GET {EVENTS}/week"), 200, &deleted.to_string());
    let (changes, ..) = whole(&scripted(&script), since("then")).await;
    assert!(changes.iter().all(|change| change.state == State::Gone));
}

#[tokio::test]
async fn an_invitation_to_one_instance_is_an_event_of_its_own() {
    let orphans = page(&json!([changed("theirs")]), ("nextSyncToken", "x"));
    let script = Script::new()
        .on(&listing(""), 200, &orphans)
        .on(&series_of("theirs"), 200, &orphans)
        .on(&format!("GET {EVENTS}/theirs"), 404, &not_found());
    let google = scripted(&script);
    let (changes, ..) = whole(&google, Position::Start).await;
    assert_eq!(ids(&changes), ["theirs_20260608T080000Z"]);
    let event = &present(&changes[0]).event;
    assert!(event.recurrence_rules.is_empty() && event.recurrence_overrides.is_empty());
    assert_eq!(event.uid.as_str(), "theirs_20260608T080000Z@google.com");

    // Looked at alone it is still there, until its series can be seen.
    let id: RemoteId = "theirs_20260608T080000Z".into();
    let line = format!("GET {EVENTS}/{id}");
    let script = Script::new()
        .on(&line, 200, &changed("theirs").to_string())
        .on(&format!("GET {EVENTS}/theirs"), 404, &not_found())
        .on(
            &format!("GET {EVENTS}?maxResults=1&fields=timeZone%2CdefaultReminders"),
            200,
            r#"{"timeZone": "Europe/Berlin"}"#,
        );
    let found = scripted(&script)
        .fetch(&ann(), std::slice::from_ref(&id))
        .await
        .unwrap();
    assert_eq!(present(&found[0]).event, *event);
    let script = Script::new()
        .on(&line, 200, &changed("theirs").to_string())
        .on(
            &format!("GET {EVENTS}/theirs"),
            200,
            &weekly("theirs").to_string(),
        )
        .on(
            &series_of("theirs"),
            200,
            &page(
                &json!([weekly("theirs"), changed("theirs")]),
                ("nextSyncToken", "x"),
            ),
        );
    let found = scripted(&script).fetch(&ann(), &[id]).await.unwrap();
    assert_eq!(found[0].state, State::Gone);
}

#[tokio::test]
async fn a_single_event_and_a_series_are_fetched_whole() {
    let script = Script::new()
        .on(
            &format!("GET {EVENTS}/week"),
            200,
            &weekly("week").to_string(),
        )
        .on(
            &series_of("week"),
            200,
            &page(
                &json!([weekly("week"), changed("week")]),
                ("nextPageToken", "2"),
            ),
        )
        .on(
            &format!("{}&pageToken=2", series_of("week")),
            200,
            &page(&json!([cancelled("week")]), ("nextSyncToken", "x")),
        )
        .on(
            &format!("GET {EVENTS}/one"),
            200,
            &single("one", "One").to_string(),
        )
        .on(
            &format!("GET {EVENTS}/gone"),
            200,
            r#"{"id": "gone", "status": "cancelled"}"#,
        )
        .on(
            &format!("GET {EVENTS}/bad"),
            200,
            r#"{"id": "bad", "etag": "\"7\"", "start": {"date": "soon"}}"#,
        );
    let google = scripted(&script);
    let wanted = ["week".into(), "one".into(), "gone".into(), "bad".into()];
    let found = google.fetch(&ann(), &wanted).await.unwrap();
    assert_eq!(present(&found[0]).event.recurrence_overrides.len(), 2);
    assert_eq!(present(&found[1]).event.master.details.title, "One");
    assert_eq!(found[2].state, State::Gone);
    assert_eq!(
        found[3].state,
        State::Broken {
            version: Some("\"7\"".into()),
            error: "start: not a date: “soon”".to_owned(),
        }
    );
}

#[tokio::test]
async fn working_locations_and_birthdays_are_no_events_here() {
    let mut office = single("office", "Office");
    office["eventType"] = json!("workingLocation");
    let mut away = single("away", "Out of office");
    away["eventType"] = json!("outOfOffice");
    away["outOfOfficeProperties"] = json!({"autoDeclineMode": "declineAllConflictingInvitations"});
    let script = Script::new().on(
        &listing(""),
        200,
        &page(&json!([office, away]), ("nextSyncToken", "x")),
    );
    let (changes, ..) = whole(&scripted(&script), Position::Start).await;
    assert_eq!(ids(&changes), ["away"]);
}

#[tokio::test]
async fn a_dead_cursor_and_a_lost_calendar_are_told_apart() {
    let dead = error(
        410,
        "calendar",
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
    );
    let script = Script::new().on(&listing("&syncToken=old"), 410, &dead);
    let failure = scripted(&script)
        .changes(&ann(), &since("old"))
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::CursorDead);

    // A cursor of listings with other parameters is not even shown to Google.
    let other = Position::Since(Cursor("0:old".to_owned()));
    let failure = scripted(&Script::new())
        .changes(&ann(), &other)
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::CursorDead);

    let script = Script::new().on(&listing("&syncToken=old"), 404, &not_found());
    let failure = scripted(&script)
        .changes(&ann(), &since("old"))
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Gone);
}

#[tokio::test]
async fn news_that_failed_are_not_gone_on_with() {
    let first = page(&json!([weekly("week")]), ("nextPageToken", "two"));
    let script: Arc<Script> = Script::new()
        .on(&listing("&syncToken=then"), 200, &first)
        .on(&listing("&syncToken=then&pageToken=two"), 503, "");
    let google = scripted(&script);
    let Next::More(token) = google.changes(&ann(), &since("then")).await.unwrap().next else {
        panic!("there is more");
    };
    let again = Position::Page(token);
    for _ in 0..2 {
        let failure = google.changes(&ann(), &again).await.unwrap_err();
        assert_eq!(failure.class, Class::Passing { retry_at: None });
    }
}

#[tokio::test]
async fn a_listing_of_everything_goes_on_in_another_process() {
    let script = Script::new()
        .on(
            &listing(""),
            200,
            &page(
                &json!([weekly("week"), single("one", "One")]),
                ("nextPageToken", "two"),
            ),
        )
        .on(
            &listing("&pageToken=two"),
            200,
            &page(&json!([changed("week")]), ("nextSyncToken", "x")),
        )
        .on(
            &format!("GET {EVENTS}?maxResults=1&fields=timeZone%2CdefaultReminders"),
            200,
            &page(&json!([]), ("nextSyncToken", "")),
        );
    let first = scripted(&script);
    let page = first.changes(&ann(), &Position::Start).await.unwrap();
    assert_eq!(ids(&page.changes), ["one"]);
    let mut parts = page.parts;
    let Next::More(token) = page.next else {
        panic!("there is another page");
    };
    let second = scripted(&script);
    let page = second
        .changes(&ann(), &Position::Page(token))
        .await
        .unwrap();
    parts.extend(page.parts);
    let Next::More(token) = page.next else {
        panic!("the parts are still to be put together");
    };
    // Neither the end of the pages nor the parts are bound to whoever read them.
    let third = scripted(&script);
    let end = third.changes(&ann(), &Position::Page(token)).await.unwrap();
    assert_eq!(
        end.next,
        Next::Done {
            cursor: Some(Cursor("1:x".into())),
            coverage: Coverage::Complete,
        }
    );
    let whole = third.assemble(&ann(), "week", parts).await.unwrap();
    assert_eq!(ids(&whole), ["week"]);
    let State::Present(observed) = &whole[0].state else {
        panic!("it can be read");
    };
    assert_eq!(observed.event.recurrence_overrides.len(), 1);
}

#[tokio::test]
async fn a_page_of_another_version_is_no_place_to_go_on() {
    let google = scripted(&Script::new());
    for token in ["", "{}", "nonsense", r#"{"listing":1,"page":"two"}"#] {
        let failure = google
            .changes(&ann(), &Position::Page(token.into()))
            .await
            .unwrap_err();
        assert_eq!(failure.class, Class::CursorDead, "{token}");
    }
}
