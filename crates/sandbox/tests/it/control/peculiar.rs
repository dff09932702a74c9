//! CalDAV servers and publishers of feeds made peculiar from outside, as a client meets them.

use http::Response;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::desk::{ADA, Desk, MIA, arrived};
use crate::desk::event;

const FEED: &str = "/feeds/team.ics";

/// A request of Ada's to her calendar, answered.
fn asks(desk: &mut Desk, method: &str, path: &str, body: &str) -> Response<bytes::Bytes> {
    let mut request = desk.to_caldav(method, path, body);
    let kind = http::HeaderValue::from_static("text/calendar; charset=utf-8");
    request.headers_mut().insert("content-type", kind);
    arrived(desk.exchange(&request))
}

/// Puts an event, and says the status and whether an ETag was told.
fn puts(desk: &mut Desk, name: &str, uid: &str) -> (u16, bool) {
    let response = asks(desk, "PUT", name, &event(uid, "Round"));
    (
        response.status().as_u16(),
        response.headers().contains_key("etag"),
    )
}

/// Anybody's GET.
fn fetched(desk: &mut Desk, path: &str) -> Response<bytes::Bytes> {
    let request = http::Request::get(path)
        .body(bytes::Bytes::new())
        .expect("a request");
    arrived(desk.exchange(&request))
}

fn sets(desk: &mut Desk, changes: Value) -> Value {
    desk.door("PATCH", "switches", changes).is(200)
}

fn of_ada(changes: &Value) -> Value {
    json!({ "caldav": { "users": { ADA: changes } } })
}

#[test]
fn what_is_set_for_a_user_or_a_calendar_changes_its_answers() {
    let mut desk = Desk::new();
    assert_eq!(puts(&mut desk, "a.ics", "a"), (201, true));
    let after = sets(&mut desk, of_ada(&json!({ "put_etag": "Absent" })));
    let ada = &after["caldav"]["users"][ADA];
    assert_eq!(
        (&ada["put_etag"], &ada["calendars"]["work"]["put_etag"]),
        (&json!("Absent"), &json!("Absent"))
    );
    assert_eq!(puts(&mut desk, "b.ics", "b"), (201, false));
    let work = json!({ "calendars": { "work": { "put_etag": "Always" } } });
    let after = sets(&mut desk, of_ada(&work));
    assert_eq!(
        after["caldav"]["users"][ADA]["put_etag"], "Absent",
        "the calendar's alone"
    );
    assert_eq!(puts(&mut desk, "c.ics", "c"), (201, true));

    let mut conflicts = Vec::new();
    for word in [
        "Forbidden403",
        "BadRequest400",
        "Conflict409",
        "PreconditionFailed412",
    ] {
        sets(&mut desk, of_ada(&json!({ "uid_conflict": word })));
        conflicts.push(puts(&mut desk, "d.ics", "a").0);
    }
    assert_eq!(conflicts, [403, 400, 409, 412]);

    let work = json!({ "calendars": { "work": { "access": "ReadOnly", "object_bytes_max": 10 } } });
    sets(&mut desk, of_ada(&work));
    assert_eq!(puts(&mut desk, "e.ics", "e").0, 403);
    let work = json!({ "calendars": { "work": { "access": "ReadWrite" } } });
    sets(&mut desk, of_ada(&work));
    assert_eq!(puts(&mut desk, "e.ics", "e").0, 403, "it is too large now");

    desk.door("DELETE", "switches", Value::Null).is(200);
    assert_eq!(
        puts(&mut desk, "e.ics", "e"),
        (201, true),
        "all is as it was"
    );
}

#[test]
fn an_incremental_listing_stops_early_and_its_token_dies_as_it_is_told() {
    let mut desk = Desk::new();
    for name in ["a", "b", "c"] {
        puts(&mut desk, &format!("{name}.ics"), name);
    }
    let ask = |token: &str| {
        format!(
            "<d:sync-collection xmlns:d=\"DAV:\"><d:sync-token>{token}</d:sync-token>\
             <d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>"
        )
    };
    let text =
        |response: &Response<bytes::Bytes>| String::from_utf8_lossy(response.body()).into_owned();
    let whole = text(&asks(&mut desk, "REPORT", "", &ask("")));
    assert!(!whole.contains("507"), "{whole}");
    sets(
        &mut desk,
        of_ada(&json!({ "page": { "Members": 2 }, "xml": "DefaultNamespaces" })),
    );
    let paged = text(&asks(&mut desk, "REPORT", "", &ask("")));
    assert!(paged.contains("507 Insufficient Storage"), "{paged}");
    assert_eq!(paged.matches(".ics").count(), 2, "{paged}");
    // A choice with a number in it gives way to one without.
    sets(
        &mut desk,
        of_ada(&json!({ "page": "Whole", "xml": "Prefixes" })),
    );
    assert_eq!(text(&asks(&mut desk, "REPORT", "", &ask(""))), whole);

    let (_, token) = whole.split_once("sync-token>").expect("a token");
    let token = token.split('<').next().expect("its text").to_owned();
    desk.door(
        "POST",
        "cursors/kill",
        json!({ "face": "caldav", "user": ADA }),
    )
    .is(200);
    let mut deaths = Vec::new();
    for word in [
        "Forbidden403",
        "Conflict409",
        "PreconditionFailed412",
        "BareGone410",
    ] {
        sets(&mut desk, of_ada(&json!({ "dead_token": word })));
        deaths.push(
            asks(&mut desk, "REPORT", "", &ask(&token))
                .status()
                .as_u16(),
        );
    }
    assert_eq!(deaths, [403, 409, 412, 410]);
}

#[test]
fn the_well_known_address_answers_as_it_is_told() {
    let mut desk = Desk::new();
    for (word, status) in [
        ("Moved301", 301),
        ("Permanent308", 308),
        ("LoginFirst", 401),
        ("Missing", 404),
    ] {
        sets(&mut desk, json!({ "caldav": { "well_known": word } }));
        assert_eq!(
            fetched(&mut desk, "/.well-known/caldav").status().as_u16(),
            status,
            "{word}"
        );
    }
}

#[test]
fn a_known_server_is_imitated_for_everybody_or_one_calendar() {
    let mut desk = Desk::new();
    desk.door("POST", "users", json!({ "face": "caldav", "user": "bea" }))
        .is(201);
    let shown = desk
        .door("POST", "switches/imitate", json!({ "server": "nextcloud" }))
        .is(200);
    assert_eq!(
        shown["users"]["bea"]["calendars"]["work"]["trash"],
        "KeepsUids"
    );
    puts(&mut desk, "a.ics", "a");
    assert_eq!(puts(&mut desk, "b.ics", "a").0, 400);
    let one = json!({ "server": "xandikos", "user": ADA, "calendar": "work" });
    let shown = desk.door("POST", "switches/imitate", one).is(200);
    assert_eq!(shown["users"][ADA]["uid_conflict"], "BadRequest400");
    assert_eq!(puts(&mut desk, "b.ics", "a").0, 412);
    let plain = json!({ "server": "plain", "user": ADA });
    desk.door("POST", "switches/imitate", plain).is(200);
    assert_eq!(puts(&mut desk, "b.ics", "a").0, 403);
    for (wrong, status, field) in [
        (json!({ "server": "exchange" }), 400, "server"),
        (json!({ "server": "icloud", "user": "zoe" }), 404, "user"),
        (
            json!({ "server": "icloud", "calendar": "work" }),
            400,
            "user",
        ),
        (
            json!({ "server": "icloud", "user": ADA, "calendar": "x" }),
            404,
            "calendar",
        ),
    ] {
        let refused = desk.door("POST", "switches/imitate", wrong).is(status);
        assert_eq!(refused["field"], field, "{refused}");
    }
}

#[test]
fn a_calendar_is_published_and_its_feed_behaves_as_it_is_told() {
    let mut desk = Desk::new();
    puts(&mut desk, "a.ics", "a");
    let wanted = json!({ "user": ADA, "calendar": "work", "name": "team.ics" });
    let made = desk.door("POST", "feeds", wanted.clone()).is(201);
    assert_eq!(made["address"], "http://127.0.0.1:8090/feeds/team.ics");
    let kind = |response: &Response<bytes::Bytes>| {
        let has = |name: &str| response.headers().contains_key(name);
        (
            response.status().as_u16(),
            has("etag"),
            has("last-modified"),
        )
    };
    assert_eq!(kind(&fetched(&mut desk, FEED)), (200, true, true));
    let mut told = |changes: Value| {
        sets(&mut desk, json!({ "ics": { "team.ics": changes } }));
        fetched(&mut desk, FEED)
    };
    assert_eq!(
        kind(&told(json!({ "validators": "Date" }))),
        (200, false, true)
    );
    assert_eq!(
        kind(&told(json!({ "validators": "None" }))),
        (200, false, false)
    );
    let stamped = told(json!({ "stamps": "Request" }));
    let stamped = String::from_utf8_lossy(stamped.body()).into_owned();
    assert!(stamped.contains("DTSTAMP:20260520T080000Z"), "{stamped}");
    let page = told(json!({ "body": "LoginPage" }));
    assert!(
        page.status() == 200
            && page.headers()["content-type"]
                .to_str()
                .is_ok_and(|kind| kind.contains("html"))
    );
    assert!(
        told(json!({ "body": { "Huge": { "bytes": 2_000_000 } } }))
            .body()
            .len()
            >= 2_000_000
    );
    let away = told(json!({ "body": { "Redirect": { "to": "http://10.0.0.1/" } } }));
    assert_eq!(
        (away.status().as_u16(), &away.headers()["location"]),
        (302, &"http://10.0.0.1/".parse().expect("a value"))
    );
    assert!(
        !told(json!({ "body": "Truncated" }))
            .body()
            .ends_with(b"END:VCALENDAR\r\n")
    );
    assert_eq!(told(json!({ "body": "Gone" })).status(), 410);

    let refused = desk.door("POST", "feeds", wanted).is(400);
    assert_eq!(refused["field"], "name");
    desk.door("DELETE", "switches", Value::Null).is(200);
    assert_eq!(kind(&fetched(&mut desk, FEED)), (200, true, true));
    desk.door("DELETE", "feeds/team.ics", Value::Null).is(200);
    assert_eq!(fetched(&mut desk, FEED).status(), 404);
    desk.door("DELETE", "feeds/team.ics", Value::Null).is(404);
    // One without a name has an address that nobody guesses.
    let hidden = desk
        .door("POST", "feeds", json!({ "user": ADA, "calendar": "work" }))
        .is(201);
    let name = hidden["name"].as_str().expect("a name");
    assert!(name.len() > 30, "{name}");
    assert_eq!(desk.sees("feeds")["feeds"][0]["name"], name);
}

#[test]
fn what_is_wrong_is_named_and_nothing_of_it_counts() {
    let mut desk = Desk::new();
    let feed = json!({ "user": ADA, "calendar": "work", "name": "team.ics" });
    desk.door("POST", "feeds", feed).is(201);
    let before = desk.sees("switches");
    for (wrong, status, field) in [
        (json!({ "caldav": 1 }), 400, "caldav"),
        (
            json!({ "caldav": { "put_etag": "Absent" } }),
            400,
            "caldav.put_etag",
        ),
        (
            json!({ "caldav": { "well_known": "Moved300" } }),
            400,
            "caldav.well_known",
        ),
        (
            json!({ "caldav": { "users": { "zoe": {} } } }),
            404,
            "caldav.users.zoe",
        ),
        (
            of_ada(&json!({ "colour": 1 })),
            400,
            "caldav.users.ada.colour",
        ),
        (
            of_ada(&json!({ "put_etag": "Absent", "etags": "Strange" })),
            400,
            "caldav.users.ada.etags",
        ),
        (
            of_ada(&json!({ "page": { "Members": 0 } })),
            400,
            "caldav.users.ada.page",
        ),
        (
            of_ada(&json!({ "page": { "Members": -1 } })),
            400,
            "caldav.users.ada.page",
        ),
        (
            of_ada(&json!({ "access": "ReadOnly" })),
            400,
            "caldav.users.ada.access",
        ),
        (
            of_ada(&json!({ "calendars": { "x": {} } })),
            404,
            "caldav.users.ada.calendars.x",
        ),
        (
            of_ada(&json!({ "put_etag": "Absent", "calendars": { "work": { "access": "None" } } })),
            400,
            "caldav.users.ada.calendars.work.access",
        ),
        (json!({ "ics": { "other.ics": {} } }), 404, "ics.other.ics"),
        (
            json!({ "ics": { "team.ics": { "place": {} } } }),
            400,
            "ics.team.ics.place",
        ),
        (
            json!({ "ics": { "team.ics": { "body": "Nice" } } }),
            400,
            "ics.team.ics.body",
        ),
        (
            json!({ "ics": { "team.ics": { "body": { "Huge": { "bytes": 1, "kind": 2 } } } } }),
            400,
            "ics.team.ics.body",
        ),
        (
            json!({ "ics": { "team.ics": { "body": { "Huge": { "bytes": 1_000_000_000_u64 } } } } }),
            400,
            "ics.team.ics.body",
        ),
        (
            json!({ "ics": { "team.ics": { "body": { "Redirect": { "to": "a\nb" } } } } }),
            400,
            "ics.team.ics.body",
        ),
        (
            json!({ "google": { "revival": false }, "ics": { "team.ics": { "stamps": "Now" } } }),
            400,
            "ics.team.ics.stamps",
        ),
    ] {
        let refused = desk.door("PATCH", "switches", wrong).is(status);
        assert_eq!(refused["field"], field, "{refused}");
        assert_eq!(desk.sees("switches"), before, "{field}");
    }
    for (wrong, status, field) in [
        (json!({ "user": "zoe", "calendar": "work" }), 404, "user"),
        (json!({ "user": ADA, "calendar": "x" }), 404, "calendar"),
        (
            json!({ "user": ADA, "calendar": "work", "name": "a/b" }),
            400,
            "name",
        ),
        (json!({ "user": ADA }), 400, "calendar"),
    ] {
        let refused = desk.door("POST", "feeds", wrong).is(status);
        assert_eq!(refused["field"], field, "{refused}");
    }
}

#[test]
fn a_mailbox_meets_its_limits_at_a_word() {
    let mut desk = Desk::new();
    let limits = json!({ "user": MIA, "limit": "concurrency", "retry_after": "1.5", "count": 2 });
    desk.door("POST", "mailboxes/throttle", limits).is(200);
    for _ in 0..2 {
        let request = desk.to_graph("GET", "me/events", &Value::Null);
        let response = arrived(desk.exchange(&request));
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1.5");
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(body["error"]["code"], "ApplicationThrottled");
    }
    desk.graph("GET", "me/events", &Value::Null).is(200);
    for (wrong, status, field) in [
        (json!({ "user": "nobody", "limit": "service" }), 404, "user"),
        (json!({ "user": MIA, "limit": "patience" }), 400, "limit"),
        (
            json!({ "user": MIA, "limit": "service", "count": 0 }),
            400,
            "count",
        ),
        (
            json!({ "user": MIA, "limit": "service", "retry_after": "soon" }),
            400,
            "retry_after",
        ),
    ] {
        let refused = desk.door("POST", "mailboxes/throttle", wrong).is(status);
        assert_eq!(refused["field"], field, "{refused}");
    }
}

#[test]
fn a_fifth_request_at_the_same_time_is_one_too_many_for_a_mailbox() {
    let mut desk = Desk::new();
    desk.door(
        "POST",
        "users",
        json!({ "face": "microsoft", "user": "bo@contoso.example" }),
    )
    .is(201);
    let slow = json!({ "fault": { "kind": "delay", "ms": 3000 }, "face": "microsoft", "count": 5 });
    desk.door("POST", "faults", slow).is(201);
    for _ in 0..4 {
        desk.graph("GET", "me/events", &Value::Null).is(200);
    }
    let request = desk.to_graph("GET", "me/events", &Value::Null);
    let refused = arrived(desk.exchange(&request));
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "2.128");
    let body: Value = serde_json::from_slice(refused.body()).expect("JSON");
    assert_eq!(body["error"]["code"], "ApplicationThrottled");
    // Another mailbox has room of its own.
    let token = desk.token("microsoft", "bo@contoso.example");
    let mut request = desk.to_graph("GET", "me/events", &Value::Null);
    let value = token.parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    assert_eq!(arrived(desk.exchange(&request)).status(), 200);
    desk.wait(SignedDuration::from_secs(3));
    desk.graph("GET", "me/events", &Value::Null).is(200);
}

#[test]
fn the_answer_to_a_watch_waits_for_the_first_message_where_a_switch_says_so() {
    let mut desk = Desk::new();
    let watches = |desk: &mut Desk, id: &str| {
        let channel = json!({ "id": id, "type": "web_hook", "address": "http://127.0.0.1:9/hook" });
        let request = desk.to_google("POST", "calendars/primary/events/watch", &channel);
        desk.exchange(&request).awaited.len()
    };
    assert_eq!(watches(&mut desk, "one"), 0);
    assert_eq!(desk.world.due_pushes(desk.now).len(), 1);
    sets(
        &mut desk,
        json!({ "google": { "channels": { "sync_first": true } } }),
    );
    assert_eq!(watches(&mut desk, "two"), 1);
    assert_eq!(
        desk.world.due_pushes(desk.now),
        [],
        "it is under way already"
    );
    desk.door(
        "POST",
        "faults",
        json!({ "fault": { "kind": "push_dropped" } }),
    )
    .is(201);
    assert_eq!(
        watches(&mut desk, "three"),
        0,
        "a lost one is not waited for"
    );
}
