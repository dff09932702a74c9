//! Everything beside events: lists of calendars, calendars, free and busy, settings, colours, batches.

use bytes::Bytes;
use http::Request;
use kalends_sandbox::handle;
use serde_json::{Value, json};

use super::desk::{
    ALL, ANN, BOB, Desk, EVENTS, each, encoded, meeting, meeting_with, text, weekly,
};

const LIST: &str = "users/me/calendarList";

#[test]
fn the_calendar_list_has_the_primary_calendar_and_tells_changes() {
    let mut desk = Desk::new();
    let list = desk.get(LIST).ok();
    let own = &list["items"][0];
    assert_eq!(
        (&own["id"], &own["primary"], &own["accessRole"]),
        (&json!(ANN), &json!(true), &json!("owner"))
    );
    assert_eq!(
        (&own["colorId"], &own["backgroundColor"]),
        (&json!("14"), &json!("#9fe1e7"))
    );
    let cursor = encoded(text(&list, "nextSyncToken"));
    let made = desk
        .post(
            "calendars",
            &json!({ "summary": "Projects", "timeZone": "Europe/Paris" }),
        )
        .ok();
    let id = text(&made, "id").to_owned();
    assert!(id.ends_with("@group.calendar.google.com"));
    assert_eq!(made["dataOwner"], ANN);
    let changes = desk.get(&format!("{LIST}?syncToken={cursor}")).ok();
    assert_eq!(
        each(changes["items"].as_array().expect("items"), "id"),
        [id.as_str()]
    );
    let cursor = encoded(text(&changes, "nextSyncToken"));

    // A title is read-only here, and its change is not told.
    let calendar = format!("calendars/{}", encoded(&id));
    desk.patch(&calendar, &json!({ "summary": "Plans" })).ok();
    let changes = desk.get(&format!("{LIST}?syncToken={cursor}")).ok();
    assert_eq!(changes["items"], json!([]));
    let entry = format!("{LIST}/{}", encoded(&id));
    let own_name = json!({ "summaryOverride": "Mine", "hidden": true, "colorId": "3" });
    let entry_now = desk.patch(&entry, &own_name).ok();
    assert_eq!(
        (&entry_now["summary"], &entry_now["summaryOverride"]),
        (&json!("Plans"), &json!("Mine"))
    );
    assert_eq!(entry_now["backgroundColor"], "#f83a22");
    let count = |answer: Value| answer["items"].as_array().map_or(0, Vec::len);
    assert_eq!(count(desk.get(LIST).ok()), 1);
    assert_eq!(count(desk.get(&format!("{LIST}?showHidden=true")).ok()), 2);
    assert_eq!(
        count(desk.get(&format!("{LIST}?syncToken={cursor}")).ok()),
        1
    );

    assert_eq!(desk.delete(&entry).status, 204);
    assert_eq!(desk.get(&entry).status, 404);
    let deleted = desk.get(&format!("{LIST}?syncToken={cursor}")).ok();
    assert_eq!(deleted["items"][0]["deleted"], true);
    assert_eq!(
        count(
            desk.get(&format!("{LIST}?showDeleted=true&showHidden=true"))
                .ok()
        ),
        2
    );
    let primary = format!("{LIST}/{}", encoded(ANN));
    assert_eq!(desk.delete(&primary).status, 403);
    desk.post(LIST, &json!({ "id": id })).ok();
    assert_eq!(desk.post(LIST, &json!({ "id": BOB })).status, 404);
}

#[test]
fn the_calendar_list_is_paged_filtered_and_its_tokens_die() {
    let mut desk = Desk::new();
    let now = desk.now;
    for number in 0..3 {
        desk.google()
            .add_calendar(ANN, &format!("c{number}"), "Europe/Berlin", now);
    }
    desk.google()
        .share(BOB, ANN, kalends_sandbox::google::Role::Reader, now);
    let first = desk.get(&format!("{LIST}?maxResults=4")).ok();
    let page = encoded(text(&first, "nextPageToken"));
    assert!(first.get("nextSyncToken").is_none());
    let last = desk
        .get(&format!("{LIST}?maxResults=4&pageToken={page}"))
        .ok();
    assert_eq!(last["items"].as_array().map(Vec::len), Some(1));
    let token = encoded(text(&last, "nextSyncToken"));
    let writable = desk.get(&format!("{LIST}?minAccessRole=writer")).ok();
    assert_eq!(writable["items"].as_array().map(Vec::len), Some(4));
    let forbidden = desk.get(&format!("{LIST}?syncToken={token}&minAccessRole=writer"));
    assert_eq!(forbidden.status, 400);
    assert_eq!(
        desk.get(&format!("{LIST}?syncToken={token}&showHidden=false"))
            .status,
        400
    );
    desk.google().kill_list_tokens(ANN);
    assert_eq!(desk.get(&format!("{LIST}?syncToken={token}")).status, 410);
    let etag = text(&desk.get(LIST).ok(), "etag").to_owned();
    let known = [("if-none-match", etag.as_str())];
    assert_eq!(desk.send_if(("GET", LIST), &known, None).status, 304);
}

#[test]
fn calendars_come_change_and_go() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("calendars", &json!({})).refusal().0, 400);
    let made = desk
        .post(
            "calendars",
            &json!({ "summary": "Projects", "description": "d" }),
        )
        .ok();
    let path = format!("calendars/{}", encoded(text(&made, "id")));
    let stale = [("if-match", "\"0\"")];
    let patch = json!({ "timeZone": "Asia/Tokyo" });
    assert_eq!(
        desk.send_if(("PATCH", &path), &stale, Some(&patch)).status,
        412
    );
    let changed = desk.patch(&path, &patch).ok();
    assert_eq!(
        (&changed["timeZone"], &changed["description"]),
        (&json!("Asia/Tokyo"), &json!("d"))
    );
    assert_eq!(
        desk.patch(&path, &json!({ "timeZone": "Mars" })).status,
        400
    );
    let replaced = desk.put(&path, &json!({ "summary": "Plans" })).ok();
    assert!(replaced.get("description").is_none());
    desk.post(&format!("{path}/events"), &meeting("in it")).ok();
    assert_eq!(desk.post(&format!("{path}/clear"), &json!({})).status, 400);
    assert_eq!(desk.delete(&path).status, 204);
    assert_eq!(desk.get(&path).status, 404);
    let events = desk.get(&format!("{path}/events")).refusal();
    assert_eq!(events, (404, "global.notFound: Not Found".to_owned()));
    assert_eq!(desk.delete("calendars/primary").status, 403);
    desk.insert(&weekly("series", 2));
    assert_eq!(desk.post("calendars/primary/clear", &json!({})).status, 204);
    assert!(desk.list("").0.is_empty());
    assert_eq!(
        desk.post(
            "calendars/primary/transferOwnership?newDataOwner=a&useAdminAccess=true",
            &json!({})
        )
        .status,
        403
    );
}

#[test]
fn busy_times_are_merged_and_only_shown_to_those_who_may() {
    let mut desk = Desk::new();
    let id = text(&desk.insert(&weekly("standup", 3)), "id").to_owned();
    desk.delete(&format!("{EVENTS}/{id}_20260608T080000Z"));
    let long = json!({
        "start": { "dateTime": "2026-06-01T10:30:00+02:00" }, "end": { "dateTime": "2026-06-01T12:00:00+02:00" },
    });
    desk.insert(&long);
    desk.insert(&meeting_with("free", json!({ "transparency": "transparent",
        "start": { "dateTime": "2026-06-02T10:00:00+02:00" }, "end": { "dateTime": "2026-06-02T11:00:00+02:00" } })));
    desk.insert(&meeting_with("declined", json!({ "attendees": [{ "email": ANN, "responseStatus": "declined" }],
        "start": { "dateTime": "2026-06-03T10:00:00+02:00" }, "end": { "dateTime": "2026-06-03T11:00:00+02:00" } })));
    let question = |more: Value| {
        let mut body = json!({ "timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-06-30T00:00:00Z",
                               "items": [{ "id": "primary" }, { "id": BOB }] });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    };
    let answer = desk.post("freeBusy", &question(json!({}))).ok();
    assert_eq!(answer["timeMin"], "2026-06-01T00:00:00.000Z");
    assert_eq!(
        answer["calendars"],
        json!({
            "primary": { "busy": [
                { "start": "2026-06-01T08:00:00Z", "end": "2026-06-01T10:00:00Z" },
                { "start": "2026-06-15T08:00:00Z", "end": "2026-06-15T09:00:00Z" } ] },
            BOB: { "errors": [{ "domain": "global", "reason": "notFound" }], "busy": [] },
        })
    );
    let berlin = desk
        .post(
            "freeBusy",
            &question(json!({ "timeZone": "Europe/Berlin" })),
        )
        .ok();
    assert_eq!(
        berlin["calendars"]["primary"]["busy"][0]["start"],
        "2026-06-01T10:00:00+02:00"
    );
    let few = desk
        .post("freeBusy", &question(json!({ "calendarExpansionMax": 1 })))
        .ok();
    assert_eq!(
        few["calendars"][BOB]["errors"][0]["reason"],
        "tooManyCalendarsRequested"
    );
    let long = desk.post(
        "freeBusy",
        &question(json!({ "timeMax": "2027-06-30T00:00:00Z" })),
    );
    assert!(long.refusal().1.starts_with("calendar.timeRangeTooLong: "));
    let empty = desk.post(
        "freeBusy",
        &question(json!({ "timeMax": "2026-06-01T00:00:00Z" })),
    );
    assert_eq!(
        empty.refusal().1,
        "calendar.timeRangeEmpty: The specified time range is empty."
    );
}

#[test]
fn settings_and_colours_are_there() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.get("users/me/settings/timezone").ok()["value"],
        "Europe/Berlin"
    );
    assert_eq!(desk.get("users/me/settings/nothing").status, 404);
    let list = desk.get("users/me/settings").ok();
    let path = format!(
        "users/me/settings?syncToken={}",
        encoded(text(&list, "nextSyncToken"))
    );
    assert_eq!(desk.get(&path).ok()["items"], json!([]));
    let now = desk.now;
    desk.google().change_setting(ANN, "locale", "de", now);
    assert!(
        !desk.get(&path).ok()["items"]
            .as_array()
            .expect("items")
            .is_empty()
    );
    let colors = desk.get("colors").ok();
    let count = |side: &str| colors[side].as_object().map_or(0, serde_json::Map::len);
    assert_eq!((count("calendar"), count("event")), (24, 11));
    assert_eq!(colors["event"]["11"]["background"], "#dc2127");
}

fn batch(desk: &mut Desk, body: &str) -> (u16, String) {
    let request = Request::post("https://sandbox.example.com/google/batch/calendar/v3")
        .header("authorization", format!("Bearer {}", desk.token))
        .header("content-type", "multipart/mixed; boundary=\"b1\"")
        .body(Bytes::from(body.replace('\n', "\r\n")))
        .expect("a request");
    let response = handle(&mut desk.world, &request, desk.now);
    let body = String::from_utf8_lossy(response.body()).into_owned();
    (response.status().as_u16(), body)
}

#[test]
fn a_batch_has_a_status_for_each_call() {
    let mut desk = Desk::new();
    let inner = json!({ "id": "batched1", "start": { "date": "2026-06-01" }, "end": { "date": "2026-06-02" } });
    let (status, body) = batch(
        &mut desk,
        &format!(
            "--b1\nContent-Type: application/http\nContent-ID: <item1>\n\n\
             POST /calendar/v3/calendars/primary/events?fields=id&prettyPrint=false\nContent-Type: application/json\n\n{inner}\n\
             --b1\nContent-Type: application/http\nContent-ID: <item2>\n\n\
             GET https://www.googleapis.com/calendar/v3/calendars/primary/events/missing\n\n\
             --b1\nContent-Type: application/http\nContent-ID: <item3>\n\n\
             DELETE /calendar/v3/calendars/primary/events/batched1\n\n--b1--\n"
        ),
    );
    assert_eq!(status, 200);
    let parts: Vec<(&str, &str)> = body
        .split("Content-ID: <response-")
        .skip(1)
        .map(|part| {
            let (id, rest) = part.split_once('>').expect("an id");
            let (_, status) = rest.split_once("HTTP/1.1 ").expect("a status");
            (id, &status[..3])
        })
        .collect();
    assert_eq!(
        parts,
        [("item1", "200"), ("item2", "404"), ("item3", "204")]
    );
    assert!(body.contains("{\"id\":\"batched1\"}"), "{body}");
    assert!(body.contains("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(
        desk.get(&format!("{EVENTS}/batched1")).ok()["status"],
        "cancelled"
    );
}

#[test]
fn a_batch_is_refused_when_it_is_too_large_or_none() {
    let mut desk = Desk::new();
    let part = "--b1\nContent-Type: application/http\n\nGET /calendar/v3/colors\n\n";
    assert_eq!(
        batch(&mut desk, &format!("{}--b1--\n", part.repeat(50))).0,
        200
    );
    assert_eq!(
        batch(&mut desk, &format!("{}--b1--\n", part.repeat(51))).0,
        400
    );
    assert_eq!(batch(&mut desk, "nothing").0, 400);
    desk.google().switches.quotas.user_units_per_minute = 51;
    let (status, body) = batch(&mut desk, &format!("{}--b1--\n", part.repeat(2)));
    assert_eq!(status, 200);
    assert!(
        body.contains("HTTP/1.1 200") && body.contains("HTTP/1.1 403"),
        "{body}"
    );
}

#[test]
fn people_of_the_sandbox_each_have_their_own() {
    let mut desk = Desk::new();
    desk.insert(&meeting("Ann's"));
    desk.sign_in(BOB, &[ALL]);
    assert!(desk.list("").0.is_empty());
    assert_eq!(desk.get("calendars/primary").ok()["id"], BOB);
}

#[test]
fn two_writes_of_a_batch_to_one_calendar_may_get_in_each_others_way() {
    let mut desk = Desk::new();
    desk.google().switches.batch_conflicts = true;
    let part = |path: &str| {
        format!("--b1\nContent-Type: application/http\n\nPOST /calendar/v3/{path}?text=a\n\n")
    };
    let own = part("calendars/primary/events/quickAdd");
    let (_, body) = batch(&mut desk, &format!("{own}{own}--b1--\n"));
    assert!(
        body.contains("HTTP/1.1 200") && body.contains("HTTP/1.1 409"),
        "{body}"
    );
    assert!(body.contains("\"reason\": \"conflict\""));
    assert_eq!(desk.list("").0.len(), 1);
}
