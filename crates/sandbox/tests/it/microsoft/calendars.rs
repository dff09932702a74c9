//! Calendars, and the door before everything.

use serde_json::{Value, json};

use super::desk::{ANN, Desk, ask, escape, hour, text};

#[test]
fn a_mailbox_begins_with_one_calendar_that_stays() {
    let mut desk = Desk::new();
    let list = desk.get("/me/calendars");
    assert_eq!(list.status, 200);
    let calendar = list.values().remove(0);
    assert_eq!(calendar["isDefaultCalendar"], true);
    assert_eq!(calendar["isTallyingResponses"], true);
    assert_eq!(calendar["canEdit"], true);
    assert_eq!(calendar["owner"], json!({ "name": "Ann", "address": ANN }));
    assert_eq!(calendar["hexColor"], "");
    let id = text(&calendar["id"]);
    assert_eq!(desk.get("/me/calendar").body["id"], calendar["id"]);
    let path = format!("/me/calendars/{}", escape(&id));
    let answer = desk.send(ask("DELETE", &path));
    assert_eq!(answer.refusal(), (400, "ErrorDeleteDistinguishedFolder"));
    assert_eq!(desk.get(&path).body["name"], "Calendar");
}

#[test]
fn further_calendars_are_made_renamed_and_deleted_with_all_that_is_in_them() {
    let mut desk = Desk::new();
    let made = desk.post(
        "/me/calendars",
        json!({ "name": "Team", "color": "lightGreen" }),
    );
    assert_eq!(
        (made.status.as_u16(), &made.body["color"]),
        (201, &json!("lightGreen"))
    );
    let again = desk.post("/me/calendars", json!({ "name": "team" }));
    assert_eq!(again.refusal(), (409, "ErrorFolderExists"));
    let path = format!("/me/calendars/{}", escape(&text(&made.body["id"])));
    let renamed = desk.send(ask("PATCH", &path).body(json!({ "name": "Club" })));
    assert_eq!(renamed.body["name"], "Club");
    assert_ne!(renamed.body["changeKey"], made.body["changeKey"]);
    let wrong = desk.send(ask("PATCH", &path).body(json!({ "color": "pink" })));
    assert_eq!(wrong.refusal(), (400, "RequestBodyRead"));
    let event = desk.post(format!("{path}/events"), hour("there", "2026-03-03"));
    assert_eq!(event.status, 201);
    assert_eq!(desk.send(ask("DELETE", &path)).status, 204);
    assert_eq!(desk.get(&path).refusal(), (404, "ErrorItemNotFound"));
    assert_eq!(
        desk.event(&text(&event.body["id"])).refusal(),
        (404, "ErrorItemNotFound")
    );
}

#[test]
fn a_calendar_that_may_only_be_read_takes_no_event() {
    let mut desk = Desk::new();
    let calendar = desk.calendar.clone();
    let id = desk.create_id(hour("there", "2026-03-03"));
    desk.graph()
        .let_write(ANN, &calendar, false)
        .expect("a calendar");
    assert_eq!(desk.get("/me/calendar").body["canEdit"], false);
    let refused = desk.post("/me/events", hour("no", "2026-03-03"));
    assert_eq!(refused.refusal(), (403, "ErrorAccessDenied"));
    assert_eq!(desk.patch(&id, json!({ "subject": "no" })).refusal().0, 403);
    assert_eq!(desk.delete(&id).refusal().0, 403);
    assert_eq!(desk.event(&id).body["subject"], "there");
}

#[test]
fn nobody_comes_in_without_a_token_that_is_good_for_it() {
    let mut desk = Desk::new();
    let stranger =
        desk.send(ask("GET", "/me/calendars").header("authorization", "Bearer nonsense"));
    assert_eq!(stranger.refusal(), (401, "InvalidAuthenticationToken"));
    assert!(
        stranger
            .header("www-authenticate")
            .is_some_and(|value| value.starts_with("Bearer"))
    );
    let now = desk.now;
    let issue = |desk: &mut Desk, scope: &str| {
        let token = desk.graph().oauth.issue(ANN, "kalends", &[scope], now);
        format!("Bearer {token}")
    };
    let reader = issue(&mut desk, "https://graph.microsoft.com/Calendars.Read");
    let read = desk.send(ask("GET", "/me/calendars").header("authorization", &reader));
    assert_eq!(read.status, 200);
    let write = ask("POST", "/me/events").header("authorization", &reader);
    let refused = desk.send(write.body(hour("no", "2026-03-03")));
    assert_eq!(refused.refusal(), (403, "ErrorAccessDenied"));
    let settings = ask("GET", "/me/mailboxSettings").header("authorization", &reader);
    assert_eq!(desk.send(settings).refusal(), (403, "ErrorAccessDenied"));
    let basic = issue(&mut desk, "Calendars.ReadBasic");
    let mut event = hour("seen", "2026-03-03");
    event["body"] = json!({ "contentType": "text", "content": "hidden" });
    desk.create(event);
    let seen = desk.send(ask("GET", "/me/events").header("authorization", &basic));
    assert_eq!(
        (
            &seen.body["value"][0]["subject"],
            seen.body["value"][0].get("body")
        ),
        (&json!("seen"), None)
    );
    desk.now += jiff::SignedDuration::from_hours(2);
    let expired = desk.get("/me/calendars");
    assert_eq!(expired.refusal().0, 401);
    assert_eq!(
        expired.message(),
        "Lifetime validation failed, the token is expired."
    );
    let homeless =
        desk.graph()
            .oauth
            .issue("nobody@example.com", "kalends", &["Calendars.Read"], now);
    desk.now = now;
    let answer = desk
        .send(ask("GET", "/me/calendars").header("authorization", format!("Bearer {homeless}")));
    assert_eq!(answer.refusal(), (404, "MailboxNotEnabledForRESTAPI"));
}

#[test]
fn every_refusal_wears_the_same_envelope() {
    let mut desk = Desk::new();
    let client = "11111111-2222-3333-4444-555555555555";
    let answer = desk.send(ask("GET", "/me/events/none").header("client-request-id", client));
    assert_eq!(answer.refusal(), (400, "ErrorInvalidIdMalformed"));
    let inner = &answer.body["error"]["innerError"];
    assert_eq!(inner["date"], "2026-03-01T12:00:00");
    assert_eq!(inner["client-request-id"], client);
    assert_eq!(inner["request-id"].as_str(), answer.header("request-id"));
    assert_eq!(answer.header("client-request-id"), Some(client));
    assert_eq!(answer.message(), "Id is malformed.");
    assert_eq!(desk.get("/me/nothing").refusal(), (400, "BadRequest"));
    assert_eq!(desk.send(ask("PUT", "/me/events")).refusal().0, 405);
    let others = desk.get("/users/ben@example.com/calendars");
    assert_eq!(others.refusal(), (403, "ErrorAccessDenied"));
    assert_eq!(desk.get("/users/ann@example.com/calendars").status, 200);
}

#[test]
fn calendars_come_in_pages_and_by_selection() {
    let mut desk = Desk::new();
    for number in 0..12 {
        desk.graph()
            .add_calendar(ANN, &format!("c{number}"))
            .expect("a calendar");
    }
    let first = desk.get("/me/calendars?$select=name");
    assert_eq!(first.values().len(), 10);
    let names: Vec<&Value> = first.body["value"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(names[0].as_object().map(serde_json::Map::len), Some(2));
    let second = desk.get(first.next().expect("a further page"));
    assert_eq!((second.values().len(), second.next()), (3, None));
    let whole = desk.send(ask("GET", "/me/calendars").header("prefer", "odata.maxpagesize=50"));
    assert_eq!(
        (whole.values().len(), whole.header("preference-applied")),
        (13, Some("odata.maxpagesize=50"))
    );
}
