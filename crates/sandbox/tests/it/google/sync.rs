//! Incremental listings: tokens, tombstones, and what happens to those who come late.

use jiff::SignedDuration;
use kalends_sandbox::Fault;
use kalends_sandbox::faults::Session;
use kalends_sandbox::google::{LeavingWindow, Role};
use serde_json::json;

use super::desk::{ANN, BOB, Desk, EVENTS, ann, each, encoded, meeting, text, weekly};

#[test]
fn a_change_is_told_once_and_the_token_may_be_used_again() {
    let mut desk = Desk::new();
    let kept = desk.insert(&meeting("kept"));
    let cursor = desk.cursor();
    assert_eq!(desk.changes(&cursor).0, Vec::<serde_json::Value>::new());
    let made = desk.insert(&meeting("made"));
    let (items, next) = desk.changes(&cursor);
    assert_eq!(each(&items, "id"), [text(&made, "id")]);
    // The answer was lost, so to speak: the same token tells the same again.
    assert_eq!(desk.changes(&cursor).0, items);
    assert!(desk.changes(&next).0.is_empty());
    desk.delete(&format!("{EVENTS}/{}", text(&kept, "id")));
    let (items, _) = desk.changes(&next);
    assert_eq!(items[0]["status"], "cancelled");
    let members: Vec<&String> = items[0].as_object().expect("an event").keys().collect();
    assert_eq!(members, ["etag", "id", "kind", "status"]);
}

#[test]
fn a_change_during_the_paging_of_a_full_listing_is_not_lost() {
    let mut desk = Desk::new();
    for number in 0..5 {
        desk.insert(&meeting(&format!("meeting {number}")));
    }
    let first = desk.get(&format!("{EVENTS}?maxResults=3")).ok();
    let early = text(&first["items"][0], "id").to_owned();
    desk.patch(
        &format!("{EVENTS}/{early}"),
        &json!({ "summary": "changed" }),
    );
    let page = encoded(text(&first, "nextPageToken"));
    let last = desk
        .get(&format!("{EVENTS}?maxResults=3&pageToken={page}"))
        .ok();
    let (items, _) = desk.changes(text(&last, "nextSyncToken"));
    assert_eq!(each(&items, "summary"), ["changed"]);
}

#[test]
fn incremental_pages_end_with_the_next_token() {
    let mut desk = Desk::new();
    let cursor = desk.cursor();
    for number in 0..7 {
        desk.insert(&meeting(&format!("meeting {number}")));
    }
    let (items, next) = desk.list(&format!("maxResults=2&syncToken={}", encoded(&cursor)));
    assert_eq!(items.len(), 7);
    assert!(desk.changes(&next.expect("a sync token")).0.is_empty());
}

#[test]
fn a_dead_token_asks_for_a_full_listing() {
    let gone = (
        410,
        "calendar.fullSyncRequired: Sync token is no longer valid, a full sync is required."
            .to_owned(),
    );
    let mut desk = Desk::new();
    let cursor = desk.cursor();
    let path = format!("{EVENTS}?syncToken={}", encoded(&cursor));
    let answer = desk.struck(&path, Fault::DeadCursor);
    assert_eq!(answer.refusal(), gone);
    assert_eq!(answer.json["error"]["errors"][0]["location"], "syncToken");
    assert_eq!(desk.get(&path).status, 200);

    let calendar = desk
        .google()
        .calendars
        .get_mut(ANN)
        .expect("Ann's calendar");
    calendar.kill_tokens();
    assert_eq!(desk.get(&path).refusal(), gone);
    let watched = desk.post(
        &format!("{EVENTS}/watch?syncToken={}", encoded(&cursor)),
        &json!({}),
    );
    assert_eq!(watched.refusal(), gone);

    let cursor = desk.cursor();
    desk.wait(SignedDuration::from_hours(24 * 29));
    desk.sign_in(ANN, &[super::desk::ALL]);
    let path = format!("{EVENTS}?syncToken={}", encoded(&cursor));
    assert_eq!(desk.get(&path).refusal(), gone);
}

#[test]
fn a_token_dies_with_the_tombstones_it_would_have_told_of() {
    let mut desk = Desk::new();
    desk.google().switches.sync_token_lifetime = SignedDuration::from_hours(24 * 365);
    let event = desk.insert(&meeting("short-lived"));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let before = desk.cursor();
    desk.delete(&path);
    let after = desk.cursor();
    assert_eq!(desk.get(&path).ok()["status"], "cancelled");
    desk.wait(SignedDuration::from_hours(24 * 31));
    desk.sign_in(ANN, &[super::desk::ALL]);
    assert_eq!(
        desk.get(&path).refusal(),
        (404, "global.notFound: Not Found".to_owned())
    );
    assert_eq!(
        desk.get(&format!("{EVENTS}?syncToken={}", encoded(&before)))
            .status,
        410
    );
    assert!(desk.changes(&after).0.is_empty());
}

#[test]
fn a_token_belongs_to_one_user_calendar_and_role() {
    let mut desk = Desk::new();
    let now = desk.now;
    desk.google().share(ANN, BOB, Role::Writer, now);
    desk.sign_in(BOB, &[super::desk::ALL]);
    let shared = format!("calendars/{}/events", encoded(ANN));
    let token = encoded(text(&desk.get(&shared).ok(), "nextSyncToken"));
    assert_eq!(desk.get(&format!("{shared}?syncToken={token}")).status, 200);
    let invalid = (400, "global.invalid: Invalid sync token value.".to_owned());
    assert_eq!(
        desk.get(&format!("{EVENTS}?syncToken={token}")).refusal(),
        invalid
    );
    desk.google().share(ANN, BOB, Role::Reader, now);
    assert_eq!(desk.get(&format!("{shared}?syncToken={token}")).status, 410);
    desk.sign_in(ANN, &[super::desk::ALL]);
    assert_eq!(
        desk.get(&format!("{EVENTS}?syncToken={token}")).refusal(),
        invalid
    );
    assert_eq!(
        desk.get(&format!("{EVENTS}?syncToken=CPiM")).refusal(),
        invalid
    );
    let page = desk.get(&format!("{EVENTS}?pageToken=CPiM")).refusal();
    assert_eq!(
        page,
        (400, "global.invalid: Invalid page token value.".to_owned())
    );
}

#[test]
fn a_token_goes_with_nothing_that_would_leave_something_out() {
    let mut desk = Desk::new();
    let token = encoded(&desk.cursor());
    for parameter in [
        "iCalUID=a",
        "privateExtendedProperty=a%3Db",
        "sharedExtendedProperty=a%3Db",
        "q=a",
        "timeMin=2026-01-01T00:00:00Z",
        "timeMax=2026-01-01T00:00:00Z",
        "updatedMin=2026-05-01T00:00:00Z",
    ] {
        let answer = desk.get(&format!("{EVENTS}?syncToken={token}&{parameter}"));
        let said = "global.badRequest: Sync token cannot be used with other request restrictions.";
        assert_eq!(answer.refusal(), (400, said.to_owned()), "{parameter}");
    }
    let ordered = desk
        .get(&format!("{EVENTS}?syncToken={token}&orderBy=updated"))
        .refusal();
    let said = "global.badRequest: Sync token cannot be used with non-default ordering.";
    assert_eq!(ordered, (400, said.to_owned()));
    assert_eq!(
        desk.get(&format!("{EVENTS}?syncToken={token}&showDeleted=false"))
            .status,
        400
    );
    assert_eq!(
        desk.get(&format!("{EVENTS}?syncToken={token}&showDeleted=true"))
            .status,
        200
    );
}

#[test]
fn filters_end_without_a_token_and_windows_stick_to_it() {
    let mut desk = Desk::new();
    for filter in [
        "q=a",
        "orderBy=updated",
        "iCalUID=a",
        "updatedMin=2026-05-19T00:00:00Z",
    ] {
        assert_eq!(desk.list(filter).1, None, "{filter}");
    }
    let event = desk.insert(&meeting("inside"));
    let june = "timeMin=2026-06-01T00:00:00Z&timeMax=2026-07-01T00:00:00Z";
    let (items, token) = desk.list(june);
    let token = token.expect("a sync token");
    assert_eq!(items.len(), 1);
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let july = json!({
        "start": { "dateTime": "2026-07-10T10:00:00+02:00" },
        "end": { "dateTime": "2026-07-10T11:00:00+02:00" },
    });
    desk.patch(&path, &july).ok();
    assert_eq!(each(&desk.changes(&token).0, "status"), ["cancelled"]);
    desk.google().switches.leaving_window = LeavingWindow::Silent;
    assert!(desk.changes(&token).0.is_empty());
}

#[test]
fn a_listing_may_lag_break_off_or_show_nothing() {
    let mut desk = Desk::new();
    for number in 0..4 {
        let title = format!("meeting {number}");
        let now = desk.now;
        desk.google()
            .create_event(ann(), &meeting(&title), now)
            .expect("an event");
    }
    let stale = Fault::StaleRead {
        changes: 1,
        session: Session::Kept,
    };
    let lagging = desk.struck(EVENTS, stale).ok();
    assert_eq!(lagging["items"].as_array().map(Vec::len), Some(3));
    // Who believes it is told the rest later, for the token is as old as the answer.
    let (rest, _) = desk.changes(text(&lagging, "nextSyncToken"));
    assert_eq!(rest.len(), 1);
    // Now all was shown: a session does not go back behind that.
    assert_eq!(
        desk.struck(EVENTS, stale).ok()["items"]
            .as_array()
            .map(Vec::len),
        Some(4)
    );

    let cut = desk.struck(EVENTS, Fault::CutListing { members: 3 }).ok();
    assert_eq!(cut["items"].as_array().map(Vec::len), Some(3));
    let page = encoded(text(&cut, "nextPageToken"));
    let last = desk.get(&format!("{EVENTS}?pageToken={page}")).ok();
    assert_eq!(last["items"].as_array().map(Vec::len), Some(1));

    let empty = desk.struck(EVENTS, Fault::EmptyListing).ok();
    assert_eq!(empty["items"], json!([]));
    let (all, _) = desk.changes(text(&empty, "nextSyncToken"));
    assert_eq!(all.len(), 4);
}

#[test]
fn a_deleted_series_is_told_with_its_exceptions_or_without() {
    for (one_by_one, told) in [(true, 2), (false, 1)] {
        let mut desk = Desk::new();
        desk.google().switches.deaths_told_one_by_one = one_by_one;
        let series = desk.insert(&weekly("standup", 4));
        let id = text(&series, "id").to_owned();
        let instance = format!("{EVENTS}/{id}_20260608T080000Z");
        desk.patch(&instance, &json!({ "summary": "moved" })).ok();
        let cursor = desk.cursor();
        desk.delete(&format!("{EVENTS}/{id}"));
        let (items, _) = desk.changes(&cursor);
        assert_eq!(items.len(), told);
        assert!(items.iter().all(|item| item["status"] == "cancelled"));
        assert!(desk.list("").0.is_empty());
        assert_eq!(desk.get(&instance).ok()["status"], "cancelled");
    }
}

#[test]
fn many_events_are_paged_and_one_change_is_one_item() {
    let mut desk = Desk::new();
    desk.google().switches.quotas.user_units_per_minute = u64::MAX;
    for number in 0..6000 {
        let now = desk.now;
        desk.google()
            .create_event(ann(), &meeting(&format!("meeting {number}")), now)
            .expect("an event");
    }
    let first = desk.get(&format!("{EVENTS}?maxResults=9999")).ok();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2500));
    let (items, token) = desk.list("maxResults=2500");
    assert_eq!(items.len(), 6000);
    let ids: std::collections::BTreeSet<String> = each(&items, "id").into_iter().collect();
    assert_eq!(ids.len(), 6000);
    let id = ids.first().expect("an event").clone();
    let now = desk.now;
    desk.google()
        .patch_event(ann(), &id, &json!({ "location": "Room 4" }), now)
        .expect("a change");
    let (changes, _) = desk.changes(&token.expect("a sync token"));
    assert_eq!(each(&changes, "location"), ["Room 4"]);
}

#[test]
fn an_expanded_listing_tells_of_instances_that_are_no_more() {
    let mut desk = Desk::new();
    let series = desk.insert(&weekly("standup", 4));
    let path = format!("{EVENTS}/{}", text(&series, "id"));
    let token = desk.list("singleEvents=true").1.expect("a sync token");
    let shorter = json!({ "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"] });
    desk.patch(&path, &shorter).ok();
    let (items, token) = desk.changes(&token);
    let statuses = ["confirmed", "confirmed", "confirmed", "cancelled"];
    assert_eq!(each(&items, "status"), statuses);
    assert!(
        items
            .iter()
            .all(|item| item["recurringEventId"] == series["id"])
    );
    desk.delete(&path);
    let (items, _) = desk.changes(&token);
    assert_eq!(each(&items, "status"), ["cancelled"; 3]);
}
