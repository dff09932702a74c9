//! What an operator sees and does.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::desk::{ADA, ANN, Desk, MIA, appointment, meeting};

#[test]
fn every_door_that_is_listed_is_there_and_says_what_it_takes() {
    let mut desk = Desk::new();
    let doors = desk.sees("")["doors"].clone();
    let doors = doors.as_array().expect("doors");
    assert!(doors.len() > 25);
    for door in doors {
        let path = door["path"].as_str().expect("a path");
        let path = path.trim_start_matches("/_sandbox/").replace("{id}", "x");
        let answer = desk.door(door["method"].as_str().expect("a method"), &path, json!({}));
        assert_ne!(answer.status, 405, "{door}");
        let error = answer.json["error"].as_str().unwrap_or_default();
        assert!(!error.contains("There is nothing at"), "{door}: {error}");
    }
    let refused = desk.door("PATCH", "clock", Value::Null).is(405);
    assert_eq!(refused["error"], "Here one can GET, PUT, DELETE.");
    let refused = desk.door("GET", "weather", Value::Null).is(404);
    assert_eq!(
        refused["error"],
        "There is nothing at /_sandbox/weather. GET /_sandbox/ lists what there is."
    );
}

#[test]
fn what_was_asked_is_read_from_where_one_left_off() {
    let mut desk = Desk::new();
    desk.google("GET", "users/me/calendarList", &Value::Null)
        .is(200);
    desk.graph("POST", "me/events", &appointment("Audit"))
        .is(201);
    let seen = desk.sees("requests");
    let lines: Vec<String> = seen["requests"]
        .as_array()
        .expect("requests")
        .iter()
        .map(|one| {
            let [number, face, user, path] = ["number", "face", "user", "path"].map(|of| &one[of]);
            format!("{number} {face} {user} {path} {}", one["status"])
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    1 "google" "ann@example.com" "/google/calendar/v3/users/me/calendarList" 200
    2 "microsoft" "mia@contoso.example" "/microsoft/v1.0/me/events" 201
    "#);
    assert!(seen["requests"][1]["body"].to_string().contains("Audit"));

    assert_eq!(desk.sees("requests?since=1")["requests"][0]["number"], 2);
    assert_eq!(
        desk.sees("requests?face=google")["requests"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(desk.sees("requests?user=nobody")["requests"], json!([]));
    assert_eq!(
        desk.door("GET", "requests?since=x", Value::Null).is(400)["field"],
        "since"
    );

    // Numbers go on where the old ones are forgotten.
    desk.door("DELETE", "requests", Value::Null).is(200);
    desk.google("GET", "users/me/calendarList", &Value::Null)
        .is(200);
    assert_eq!(desk.sees("requests")["requests"][0]["number"], 3);
}

#[test]
fn the_oldest_requests_are_forgotten_and_their_numbers_not_given_again() {
    let mut desk = Desk::new();
    for _ in 0..2_010 {
        desk.google("GET", "nowhere", &Value::Null);
    }
    assert_eq!(desk.world.requests.len(), 2_000);
    assert_eq!(desk.sees("requests?limit=1")["requests"][0]["number"], 11);
    assert_eq!(desk.sees("requests?since=2009")["next"], 2010);
}

#[test]
fn every_mail_says_whom_it_was_for_and_why() {
    let mut desk = Desk::new();
    let mut event = meeting("Audit");
    event["attendees"] = json!([{ "email": "bea@elsewhere.example" }]);
    desk.google("POST", "calendars/primary/events?sendUpdates=all", &event)
        .is(200);
    desk.wait(SignedDuration::from_secs(1));
    let mut event = appointment("Review");
    event["attendees"] =
        json!([{ "type": "required", "emailAddress": { "address": "bea@elsewhere.example" } }]);
    desk.graph("POST", "me/events", &event).is(201);
    let seen = desk.sees("mails?to=BEA@elsewhere.example");
    let lines: Vec<String> = seen["mails"]
        .as_array()
        .expect("mails")
        .iter()
        .map(|mail| {
            let [number, face, from, subject] =
                ["number", "face", "from", "subject"].map(|of| &mail[of]);
            format!(
                "{number} {face} {from} {} {subject}: {}",
                mail["kind"], mail["why"]
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    1 "google" "ann@example.com" "invitation" "Audit": "the organizer invited a guest"
    2 "microsoft" "mia@contoso.example" "invitation" "Review": "the event has attendees"
    "#);
    assert_eq!(desk.sees("mails?since=1")["mails"][0]["face"], "microsoft");
    assert_eq!(desk.sees("mails?face=caldav")["mails"], json!([]));
    desk.door("DELETE", "mails", Value::Null).is(200);
    assert_eq!(desk.sees("mails")["mails"], json!([]));
}

#[test]
fn people_are_added_and_live_at_once() {
    let mut desk = Desk::new();
    let users = desk.sees("users");
    assert_eq!(users["google"]["users"][0]["user"], ANN);
    assert_eq!(
        users["microsoft"]["users"][0]["calendars"][0]["name"],
        "Calendar"
    );
    assert_eq!(users["caldav"]["users"][0]["user"], ADA);
    assert_eq!(users["google"]["clients"][0]["secrets"][0], "secret");

    let zoe = json!({ "face": "google", "user": "zoe@example.com", "password": "p", "time_zone": "Asia/Tokyo" });
    assert_eq!(
        desk.door("POST", "users", zoe.clone()).is(201)["password"],
        "p"
    );
    for (body, field) in [
        (zoe, "user"),
        (json!({ "face": "google", "user": "zoe" }), "user"),
        (json!({ "face": "caldav", "user": "a/b" }), "user"),
        (json!({ "face": "yahoo", "user": "z@example.com" }), "face"),
        (json!({ "face": "google" }), "user"),
        (
            json!({ "face": "google", "user": "z@example.com", "time_zone": "Mars" }),
            "time_zone",
        ),
        (
            json!({ "face": "microsoft", "user": "z@example.com", "time_zone": "Mars" }),
            "time_zone",
        ),
    ] {
        let refused = desk.door("POST", "users", body.clone()).is(400);
        assert_eq!(refused["field"], field, "{body}: {refused}");
    }
    // Who was refused is not there.
    let users = desk.sees("users");
    assert_eq!(
        users["microsoft"]["users"].as_array().map(Vec::len),
        Some(1)
    );
    let wanted = json!({ "face": "microsoft", "user": "z@example.com" });
    desk.door("POST", "tokens", wanted).is(404);
}

#[test]
fn a_grant_is_revoked_and_tokens_run_out() {
    let mut desk = Desk::new();
    let grants = desk.sees("grants")["grants"].clone();
    assert_eq!(grants.as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&grants[0]["user"], &grants[0]["refresh_tokens"]),
        (&json!(ANN), &json!(1))
    );
    let revoked = desk.door(
        "POST",
        "grants/revoke",
        json!({ "face": "google", "user": ANN }),
    );
    assert_eq!(revoked.is(200)["revoked"], 1);
    assert_eq!(
        desk.google("GET", "users/me/calendarList", &Value::Null)
            .status,
        401
    );

    desk.door(
        "POST",
        "grants/expire",
        json!({ "face": "microsoft", "user": MIA }),
    )
    .is(200);
    assert_eq!(desk.graph("GET", "me/events", &Value::Null).status, 401);
    assert_eq!(desk.sees("grants")["grants"][0]["refresh_tokens"], 1);
    let both = json!({ "face": "microsoft", "user": MIA, "tokens": "both" });
    desk.door("POST", "grants/expire", both).is(200);
    assert_eq!(desk.sees("grants")["grants"][0]["refresh_tokens"], 0);

    let hindered = json!({ "face": "microsoft", "user": MIA, "obstacle": "second_factor" });
    desk.door("POST", "grants/hinder", hindered).is(200);
    assert_eq!(
        desk.sees("users")["microsoft"]["users"][0]["obstacle"],
        "SecondFactor"
    );

    let before = desk.to_caldav("PROPFIND", "", "");
    let revoked = desk.door(
        "POST",
        "grants/revoke",
        json!({ "face": "caldav", "user": ADA }),
    );
    assert!(revoked.is(200)["password"].is_string());
    let refused = super::desk::arrived(desk.exchange(&before));
    assert_eq!(refused.status().as_u16(), 401);
    desk.door(
        "POST",
        "grants/revoke",
        json!({ "face": "google", "user": "x@y.example" }),
    )
    .is(404);
}

#[test]
fn cursors_die_at_a_word() {
    let mut desk = Desk::new();
    let listed = desk
        .google("GET", "calendars/primary/events", &Value::Null)
        .is(200);
    let token = listed["nextSyncToken"]
        .as_str()
        .expect("a token")
        .to_owned();
    let again = format!("calendars/primary/events?syncToken={token}");
    desk.google("GET", &again, &Value::Null).is(200);
    let killed = json!({ "face": "google", "user": ANN });
    assert_eq!(
        desk.door("POST", "cursors/kill", killed).is(200)["calendars"],
        1
    );
    assert_eq!(desk.google("GET", &again, &Value::Null).status, 410);

    let window =
        "me/calendarView/delta?startDateTime=2026-05-01T00:00:00Z&endDateTime=2026-07-01T00:00:00Z";
    let listed = desk.graph("GET", window, &Value::Null).is(200);
    let link = listed["@odata.deltaLink"].as_str().expect("a link");
    let link = link.split_once("/v1.0/").expect("a path").1.to_owned();
    desk.graph("GET", &link, &Value::Null).is(200);
    desk.door("POST", "cursors/kill", json!({ "face": "microsoft" }))
        .is(200);
    assert_eq!(desk.graph("GET", &link, &Value::Null).status, 410);

    desk.door(
        "POST",
        "cursors/kill",
        json!({ "face": "caldav", "user": ADA, "calendar": "work" }),
    )
    .is(200);
    let cursors = desk.sees("cursors")["cursors"].clone();
    let generations: Vec<&Value> = cursors
        .as_array()
        .expect("cursors")
        .iter()
        .map(|cursor| &cursor["generation"])
        .collect();
    assert_eq!(generations, [1, 2, 1]);
    let nobody = json!({ "face": "google", "user": "x@y.example" });
    assert_eq!(
        desk.door("POST", "cursors/kill", nobody).is(404)["field"],
        "user"
    );
}

#[test]
fn google_forgets_what_was_deleted_and_the_cursors_from_before() {
    let mut desk = Desk::new();
    let made = desk
        .google("POST", "calendars/primary/events", &meeting("Audit"))
        .is(200);
    let listed = desk
        .google("GET", "calendars/primary/events", &Value::Null)
        .is(200);
    let old = listed["nextSyncToken"]
        .as_str()
        .expect("a token")
        .to_owned();
    let id = made["id"].as_str().expect("an id");
    desk.google(
        "DELETE",
        &format!("calendars/primary/events/{id}"),
        &Value::Null,
    );
    let listed = desk
        .google("GET", "calendars/primary/events", &Value::Null)
        .is(200);
    let young = listed["nextSyncToken"]
        .as_str()
        .expect("a token")
        .to_owned();
    desk.wait(SignedDuration::from_mins(1));
    desk.door("POST", "cursors/age", json!({ "face": "google" }))
        .is(200);
    let read = |token: &str| format!("calendars/primary/events?syncToken={token}");
    assert_eq!(desk.google("GET", &read(&old), &Value::Null).status, 410);
    assert_eq!(desk.google("GET", &read(&young), &Value::Null).status, 200);
    let elsewhere = desk.door("POST", "cursors/age", json!({ "face": "caldav" }));
    assert_eq!(elsewhere.is(400)["field"], "face");
}

#[test]
fn no_page_of_another_site_opens_a_door() {
    let mut desk = Desk::new();
    let mut asks = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("/_sandbox/{path}"))
            .header("host", "127.0.0.1:8090");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(bytes::Bytes::new()).expect("a request");
        match desk.exchange(&request).outcome {
            kalends_sandbox::Outcome::Answered(response) => response.status().as_u16(),
            kalends_sandbox::Outcome::Lost => panic!("no answer"),
        }
    };
    for (headers, status) in [
        // A program.
        (&[][..], 200),
        // The page's own script, and an address that a person types.
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("origin", "http://127.0.0.1:8090")], 200),
        (&[("sec-fetch-site", "cross-site")], 403),
        // Another port of this machine is another's page too.
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "http://127.0.0.1:9000")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
    ] {
        for (method, path) in [("DELETE", "faults"), ("DELETE", "clock"), ("GET", "users")] {
            assert_eq!(
                asks(method, path, headers),
                status,
                "{method} {path} {headers:?}"
            );
        }
    }
}

#[test]
fn switches_are_set_by_name_all_of_a_request_or_none() {
    let mut desk = Desk::new();
    let before = desk.sees("switches");
    assert_eq!(before["google"]["unknown_names"], "PassedOver");
    let changes = json!({
        "google": { "unknown_names": "Refused", "channels": { "lost_percent": 7 } },
        "microsoft": { "page_default": 3 },
    });
    let after = desk.door("PATCH", "switches", changes).is(200);
    assert_eq!(after["google"]["channels"]["lost_percent"], 7);
    assert_eq!(after["microsoft"]["page_default"], 3);
    assert_eq!(desk.sees("switches"), after);
    let mut expected = before.clone();
    expected["google"]["unknown_names"] = "Refused".into();
    expected["google"]["channels"]["lost_percent"] = 7.into();
    expected["microsoft"]["page_default"] = 3.into();
    assert_eq!(after, expected, "what was not named stays");
    desk.google("GET", "calendars/primary/events?colour=1", &Value::Null)
        .is(400);

    for (wrong, field) in [
        (json!({ "yahoo": {} }), "yahoo"),
        (json!({ "google": 1 }), "google"),
        (
            json!({ "google": { "quotas": { "spare": 1 } } }),
            "google.quotas.spare",
        ),
        (
            json!({ "microsoft": { "top_max": 5 }, "google": { "revival": "perhaps" } }),
            "google.revival",
        ),
        (
            json!({ "microsoft": { "page_default": 0 } }),
            "microsoft.page_default",
        ),
        (
            json!({ "microsoft": { "pushes_per_change": 101 } }),
            "microsoft.pushes_per_change",
        ),
    ] {
        let refused = desk.door("PATCH", "switches", wrong).is(400);
        assert_eq!(refused["field"], field, "{refused}");
        assert_eq!(desk.sees("switches"), after);
    }
    assert_ne!(desk.door("DELETE", "switches", Value::Null).is(200), after);
    desk.google("GET", "calendars/primary/events?colour=1", &Value::Null)
        .is(200);
}

#[test]
fn every_switch_is_in_the_manual() {
    let manual = include_str!("../../../../../docs/sandbox.md");
    let mut desk = Desk::new();
    let feed = json!({ "user": ADA, "calendar": "work", "name": "work.ics" });
    desk.door("POST", "feeds", feed).is(201);
    let switches = desk.sees("switches");
    let caldav = &switches["caldav"];
    for (face, all) in [
        ("google", &switches["google"]),
        ("microsoft", &switches["microsoft"]),
        ("caldav", &caldav["users"][ADA]["calendars"]["work"]),
        ("ics", &switches["ics"]["work.ics"]),
    ] {
        for (name, value) in all.as_object().expect("switches") {
            let inner = value.as_object().into_iter().flatten();
            let names = inner.map(|(inner, _)| format!("{name}.{inner}"));
            let names: Vec<String> = names.collect();
            for name in if names.is_empty() {
                vec![name.clone()]
            } else {
                names
            } {
                assert!(manual.contains(&format!("| `{name}` |")), "{face}: {name}");
            }
        }
    }
    assert!(manual.contains("| `well_known` |"));
}

#[test]
fn every_door_is_in_the_manual() {
    let manual = include_str!("../../../../../docs/sandbox.md");
    let doors = Desk::new().sees("")["doors"].clone();
    for door in doors.as_array().expect("doors") {
        let path = door["path"].as_str().expect("a path");
        let path = path.trim_start_matches("/_sandbox/");
        let path = path.split('{').next().expect("its beginning");
        if !path.is_empty() {
            let found = manual.contains(&format!("\"$B/{path}"));
            assert!(found, "{door}");
        }
    }
}
