//! Who gets in, how far, and how often.

use http::Method;
use jiff::SignedDuration;
use kalends_sandbox::google::{Role, UnknownNames, Visit};
use serde_json::{Value, json};

use super::desk::{
    ALL, ANN, Answer, BOB, Desk, EVENTS, ann, each, encoded, meeting, meeting_with, text,
};

const AUTH: &str = "https://www.googleapis.com/auth/";

fn anns() -> String {
    format!("calendars/{}/events", encoded(ANN))
}

#[test]
fn without_a_good_token_nothing_is_said() {
    let mut desk = Desk::new();
    let said = (401, "global.authError: Invalid Credentials".to_owned());
    desk.wait(SignedDuration::from_secs(3600));
    let answer = desk.get(EVENTS);
    assert_eq!(answer.refusal(), said);
    assert_eq!(
        answer.json["error"]["errors"][0]["location"],
        "Authorization"
    );
    assert!(
        answer
            .header("www-authenticate")
            .is_some_and(|value| value.starts_with("Bearer "))
    );
    desk.token = "nobody's".to_owned();
    assert_eq!(desk.get(EVENTS).refusal(), said);
    desk.sign_in("eve@example.com", &[ALL]);
    let stranger = desk.get(EVENTS).refusal();
    assert_eq!(stranger.0, 403);
    assert!(stranger.1.starts_with("calendar.notACalendarUser: "));
}

#[test]
fn a_scope_that_was_not_granted_is_missed_by_name() {
    let mut desk = Desk::new();
    desk.sign_in(ANN, &[&format!("{AUTH}calendar.events")]);
    let answer = desk.get("users/me/calendarList");
    assert_eq!(
        answer.refusal(),
        (
            403,
            "global.insufficientPermissions: Insufficient Permission".to_owned()
        )
    );
    let error = &answer.json["error"];
    assert_eq!(
        error["message"],
        "Request had insufficient authentication scopes."
    );
    assert_eq!(error["status"], "PERMISSION_DENIED");
    assert!(
        answer
            .header("www-authenticate")
            .is_some_and(|value| value.contains("insufficient_scope"))
    );
    assert_eq!(desk.get(EVENTS).status, 200);
}

#[test]
fn narrow_scopes_reach_only_what_they_name() {
    let mut desk = Desk::new();
    let now = desk.now;
    desk.insert(&meeting("secret"));
    desk.google().share(ANN, BOB, Role::Writer, now);
    desk.sign_in(BOB, &[&format!("{AUTH}calendar.events.owned")]);
    assert_eq!(desk.get(EVENTS).status, 200);
    assert_eq!(desk.get(&anns()).status, 403);
    desk.sign_in(BOB, &[&format!("{AUTH}calendar.events.public.readonly")]);
    assert_eq!(desk.get(&anns()).status, 403);
    desk.sign_in(BOB, &[&format!("{AUTH}calendar.events.freebusy")]);
    let busy = desk.get(&anns()).ok();
    assert_eq!(busy["accessRole"], "freeBusyReader");
    assert!(busy["items"][0].get("summary").is_none());
    desk.sign_in(ANN, &[&format!("{AUTH}calendar.app.created")]);
    assert_eq!(desk.get(EVENTS).status, 403);
    let own = desk.post("calendars", &json!({ "summary": "ours" })).ok();
    let path = format!("calendars/{}/events", encoded(text(&own, "id")));
    assert_eq!(desk.post(&path, &meeting("in it")).status, 200);
}

#[test]
fn roles_see_and_do_what_they_may() {
    let mut desk = Desk::new();
    let open = desk.insert(&meeting("open"));
    let private = desk.insert(&meeting_with("private", json!({ "visibility": "private" })));
    let (open, private) = (
        text(&open, "id").to_owned(),
        text(&private, "id").to_owned(),
    );
    let not_found = (404, "global.notFound: Not Found".to_owned());
    let too_low = (
        403,
        "calendar.requiredAccessLevel: You need to have writer access to this calendar.".to_owned(),
    );
    let now = desk.now;
    let path = anns();
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&path).refusal(), not_found);

    desk.google().share(ANN, BOB, Role::FreeBusyReader, now);
    let busy = desk.get(&path).ok();
    let items = busy["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert!(
        items
            .iter()
            .all(|item| item.get("summary").is_none() && item.get("start").is_some())
    );

    desk.google().share(ANN, BOB, Role::Reader, now);
    assert_eq!(desk.get(&format!("{path}/{open}")).ok()["summary"], "open");
    let hidden = desk.get(&format!("{path}/{private}")).ok();
    assert!(hidden.get("summary").is_none() && hidden.get("organizer").is_none());
    assert_eq!(hidden["visibility"], "private");
    assert_eq!(desk.post(&path, &meeting("no")).refusal(), too_low);
    assert_eq!(desk.delete(&format!("{path}/{open}")).refusal(), too_low);

    desk.google()
        .share(ANN, BOB, Role::WriterWithoutPrivateAccess, now);
    desk.patch(&format!("{path}/{open}"), &json!({ "summary": "changed" }))
        .ok();
    assert!(
        desk.get(&format!("{path}/{private}"))
            .ok()
            .get("summary")
            .is_none()
    );
    let patch = json!({ "summary": "seen" });
    assert_eq!(
        desk.patch(&format!("{path}/{private}"), &patch).refusal(),
        too_low
    );

    desk.google().share(ANN, BOB, Role::Writer, now);
    let seen = desk.patch(&format!("{path}/{private}"), &patch).ok();
    assert_eq!(
        (&seen["summary"], &seen["creator"]["email"]),
        (&json!("seen"), &json!(ANN))
    );
    let made = desk.post(&path, &meeting("by Bob")).ok();
    assert_eq!(made["creator"], json!({ "email": BOB }));
    assert_eq!(made["organizer"], json!({ "email": ANN, "self": true }));
    assert_eq!(
        desk.get(&format!("calendars/{}/acl", encoded(ANN))).status,
        403
    );
}

#[test]
fn sharing_by_rules_lets_people_in_and_out_again() {
    let mut desk = Desk::new();
    let rule = json!({ "role": "reader", "scope": { "type": "user", "value": BOB } });
    let made = desk
        .post("calendars/primary/acl?sendNotifications=false", &rule)
        .ok();
    assert_eq!(made["id"], format!("user:{BOB}"));
    assert!(desk.google().mails.is_empty());
    let list = desk.get("calendars/primary/acl").ok();
    assert_eq!(
        each(list["items"].as_array().expect("rules"), "role"),
        ["owner", "reader"]
    );
    let path = format!("calendars/primary/acl/{}", encoded(text(&made, "id")));
    assert_eq!(
        desk.patch(&path, &json!({ "role": "writer" })).ok()["role"],
        "writer"
    );
    let stale = [("if-match", text(&made, "etag"))];
    assert_eq!(desk.send_if(("DELETE", &path), &stale, None).status, 412);
    assert_eq!(desk.get(&path).ok()["role"], "writer");

    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&anns()).ok()["accessRole"], "writer");
    assert_eq!(
        desk.get(&format!("users/me/calendarList/{}", encoded(ANN)))
            .status,
        404
    );
    let entry = desk
        .post("users/me/calendarList", &json!({ "id": ANN }))
        .ok();
    assert_eq!(
        (&entry["accessRole"], entry.get("primary")),
        (&json!("writer"), None)
    );
    let cursor = text(&desk.get("users/me/calendarList").ok(), "nextSyncToken").to_owned();

    desk.sign_in(ANN, &[ALL]);
    assert_eq!(desk.delete(&path).status, 204);
    assert_eq!(desk.delete(&path).status, 404);
    let public = json!({ "role": "reader", "scope": { "type": "default" } });
    desk.post("calendars/primary/acl", &public).ok();
    desk.sign_in(BOB, &[&format!("{AUTH}calendar.events.public.readonly")]);
    assert_eq!(desk.get(&anns()).ok()["accessRole"], "reader");
    desk.sign_in(BOB, &[ALL]);
    let changes = desk
        .get(&format!(
            "users/me/calendarList?syncToken={}",
            encoded(&cursor)
        ))
        .ok();
    assert_eq!(changes["items"][0]["deleted"], true);
}

#[test]
fn rules_are_listed_by_pages_and_what_has_changed_by_a_sync_token() {
    let mut desk = Desk::new();
    for name in ["cleo", "dan"] {
        let whom = json!({ "type": "user", "value": format!("{name}@example.com") });
        desk.post(
            "calendars/primary/acl",
            &json!({ "role": "reader", "scope": whom }),
        )
        .ok();
    }
    let first = desk.get("calendars/primary/acl?maxResults=2").ok();
    assert_eq!(first.get("nextSyncToken"), None, "only on the last page");
    let page = encoded(text(&first, "nextPageToken"));
    let last = desk
        .get(&format!(
            "calendars/primary/acl?maxResults=2&pageToken={page}"
        ))
        .ok();
    let ids = |page: &Value| each(page["items"].as_array().expect("rules"), "id").join(" ");
    assert_eq!(
        [ids(&first), ids(&last)],
        [
            format!("user:{ANN} user:cleo@example.com"),
            "user:dan@example.com".to_owned()
        ]
    );
    let token = encoded(text(&last, "nextSyncToken"));
    let changes = format!("calendars/primary/acl?syncToken={token}");
    assert_eq!(desk.get(&changes).ok()["items"], json!([]));

    desk.delete("calendars/primary/acl/user:cleo%40example.com");
    let changed = desk.get(&changes).ok();
    assert_eq!(
        (ids(&changed), &changed["items"][0]["role"]),
        ("user:cleo@example.com".to_owned(), &json!("none"))
    );
    let all = desk.get("calendars/primary/acl").ok();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    let all = desk.get("calendars/primary/acl?showDeleted=true").ok();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        desk.get(&format!("{changes}&showDeleted=false")).status,
        400
    );
    assert_eq!(desk.get("calendars/primary/acl?syncToken=x").status, 400);
    desk.google()
        .calendars
        .get_mut(ANN)
        .expect("hers")
        .kill_tokens();
    assert_eq!(desk.get(&changes).status, 410);
}

#[test]
fn who_asks_too_much_is_told_with_403_and_429_by_turns() {
    let mut desk = Desk::new();
    desk.google().switches.quotas.user_units_per_minute = 5;
    let event = desk.insert(&meeting("a"));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    // A patch is three units.
    desk.patch(&path, &json!({})).ok();
    assert_eq!(desk.get(&path).status, 200);
    let user = (
        403,
        "usageLimits.userRateLimitExceeded: User Rate Limit Exceeded".to_owned(),
    );
    let rate = (
        429,
        "usageLimits.rateLimitExceeded: Rate Limit Exceeded".to_owned(),
    );
    assert_eq!(desk.get(&path).refusal(), user);
    assert_eq!(desk.get(&path).refusal(), rate);
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(EVENTS).status, 200);
    desk.sign_in(ANN, &[ALL]);
    desk.wait(SignedDuration::from_mins(1));
    assert_eq!(desk.get(&path).status, 200);

    desk.google().switches.quotas.project_units_per_minute = 1;
    assert_eq!(desk.get(&path).status, 403);
}

#[test]
fn one_calendar_takes_only_so_many_writes_and_a_day_only_so_many_events() {
    let mut desk = Desk::new();
    desk.google().switches.quotas.calendar_writes = Some((2, SignedDuration::from_secs(10)));
    desk.insert(&meeting("a"));
    desk.insert(&meeting("b"));
    assert_eq!(desk.post(EVENTS, &meeting("c")).status, 403);
    assert_eq!(desk.get(EVENTS).status, 200);
    desk.wait(SignedDuration::from_secs(10));
    desk.insert(&meeting("c"));
    desk.google().switches.quotas.calendar_writes = None;
    desk.google().switches.quotas.creations_per_day = Some(1);
    desk.insert(&meeting("d"));
    assert_eq!(
        desk.post(EVENTS, &meeting("e")).refusal(),
        (
            403,
            "usageLimits.quotaExceeded: Calendar usage limits exceeded.".to_owned()
        )
    );
}

#[test]
fn unknown_addresses_are_not_found_and_long_gets_may_be_posts() {
    let mut desk = Desk::new();
    let request = desk.request(("GET", "calendars/primary/nothing"), &[], None);
    let response = kalends_sandbox::handle(&mut desk.world, &request, desk.now);
    assert_eq!(Answer::read(response).refusal().0, 404);
    desk.insert(&meeting("found"));
    desk.insert(&meeting("passed over"));
    let headers = [("x-http-method-override", "GET")];
    let mut request = desk.request(("POST", EVENTS), &headers, None);
    assert_eq!(request.method(), Method::POST);
    *request.body_mut() = "q=found&maxResults=5".into();
    let response = kalends_sandbox::handle(&mut desk.world, &request, desk.now);
    let list = Answer::read(response).ok();
    assert_eq!(
        each(list["items"].as_array().expect("items"), "summary"),
        ["found"]
    );
}

#[test]
fn names_that_google_does_not_have_are_passed_over_or_refused_as_one_likes() {
    let mut desk = Desk::new();
    let mut body = meeting("new");
    body["extendedProperties"] = json!({ "private": { "any name": "x" } });
    body["start"]["zone"] = json!("Europe/Berlin");
    let id = desk.insert(&body)["id"].as_str().expect("an id").to_owned();

    desk.google().switches.unknown_names = UnknownNames::Refused;
    let there = format!("{EVENTS}/{id}");
    let message = |answer: Answer| answer.json["error"]["message"].to_string();
    assert!(
        message(desk.post(EVENTS, &body)).contains("Unknown name \\\"zone\\\" at 'EventDateTime'")
    );
    let path = format!("{there}?sendUpdate=none");
    assert!(message(desk.patch(&path, &json!({}))).contains("sendUpdate"));
    let notes = json!({ "attendees": [{ "email": BOB, "answer": "accepted" }] });
    assert!(message(desk.patch(&there, &notes)).contains("'EventAttendee'"));
    body["start"] = meeting("new")["start"].clone();
    desk.post(
        &format!("{EVENTS}?sendUpdates=none&prettyPrint=false"),
        &body,
    )
    .ok();
}

#[test]
fn somebody_without_access_cannot_use_the_web_page_either() {
    let mut desk = Desk::new();
    let now = desk.now;
    let event: Value = desk
        .google()
        .create_event(ann(), &meeting("a"), now)
        .expect("an event");
    let id = text(&event, "id");
    let visit = Visit::primary(BOB).on(ANN);
    let refusal = desk
        .google()
        .delete_event(visit, id, now)
        .expect_err("no access");
    assert_eq!(refusal.to_string(), "404 global.notFound: Not Found");
    desk.google().share(ANN, BOB, Role::Reader, now);
    let refusal = desk
        .google()
        .delete_event(visit, id, now)
        .expect_err("no access");
    assert_eq!(
        (refusal.status, refusal.reason),
        (403, "requiredAccessLevel")
    );
}
