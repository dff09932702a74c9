//! A world as a file: whatever happened in it, what comes back is the same and answers on.

use bytes::Bytes;
use http::Request;
use jiff::SignedDuration;
use kalends_sandbox::control::FileError;
use kalends_sandbox::google::Visit;
use kalends_sandbox::{Chance, Outcome, World, seed};
use serde_json::{Value, json};

use super::desk::{ADA, ANN, Desk, MIA, appointment, meeting};

/// How many lives are lived, and how long each is.
const LIVES: u64 = 12;
const STEPS: u64 = 40;

/// What a client keeps between its requests.
#[derive(Default)]
struct Cursors {
    google: Option<String>,
    graph: Option<String>,
    caldav: Option<String>,
}

fn body(exchange: &kalends_sandbox::control::Exchange) -> (u16, Bytes) {
    match &exchange.outcome {
        Outcome::Answered(response) => (response.status().as_u16(), response.body().clone()),
        Outcome::Lost => (0, Bytes::new()),
    }
}

/// The requests by which each face is read incrementally.
fn reads(desk: &Desk, cursors: &Cursors) -> Vec<Request<Bytes>> {
    let mut all = Vec::new();
    if let Some(token) = &cursors.google {
        let path = format!("calendars/primary/events?syncToken={token}");
        all.push(desk.to_google("GET", &path, &Value::Null));
    }
    if let Some(link) = &cursors.graph {
        all.push(desk.to_graph("GET", link, &Value::Null));
    }
    if let Some(token) = &cursors.caldav {
        let report = format!(
            "<sync-collection xmlns=\"DAV:\"><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
        );
        all.push(desk.to_caldav("REPORT", "", &report));
    }
    all
}

fn listed(desk: &mut Desk, cursors: &mut Cursors) {
    let google = desk.google("GET", "calendars/primary/events", &Value::Null);
    cursors.google = google.json["nextSyncToken"].as_str().map(str::to_owned);
    let window =
        "me/calendarView/delta?startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z";
    let graph = desk.graph("GET", window, &Value::Null);
    let link = graph.json["@odata.deltaLink"].as_str();
    cursors.graph = link
        .and_then(|link| link.split_once("/v1.0/"))
        .map(|(_, path)| path.to_owned());
    let report = "<sync-collection xmlns=\"DAV:\"><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>";
    let request = desk.to_caldav("REPORT", "", report);
    let (_, body) = body(&desk.exchange(&request));
    let text = String::from_utf8_lossy(&body).into_owned();
    let token = text.rsplit_once("sync-token>").and_then(|(before, _)| {
        let (_, token) = before.rsplit_once("sync-token>")?;
        Some(token.split('<').next()?.to_owned())
    });
    cursors.caldav = token.filter(|token| !token.is_empty());
}

/// Something that somebody does, or that an operator does to them.
fn step(desk: &mut Desk, chance: &mut Chance, cursors: &mut Cursors) {
    desk.wait(SignedDuration::from_secs(chance.within(1..90)));
    match chance.below(12) {
        0 => {
            let mut event = meeting("Round");
            event["attendees"] = json!([{ "email": "bea@elsewhere.example" }]);
            event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=9"]);
            event["start"]["timeZone"] = "Europe/Berlin".into();
            event["end"]["timeZone"] = "Europe/Berlin".into();
            desk.google("POST", "calendars/primary/events?sendUpdates=all", &event);
        }
        1 => {
            let events = desk.world.google.events(ANN);
            if let Some(event) = events.first() {
                let id = event["id"].as_str().unwrap_or_default().to_owned();
                let _ = desk
                    .world
                    .google
                    .delete_event(Visit::primary(ANN), &id, desk.now);
            }
        }
        2 => {
            let mut event = appointment("Review");
            event["attendees"] = json!([{ "type": "required", "emailAddress": { "address": "bea@elsewhere.example" } }]);
            event["recurrence"] = json!({
                "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"] },
                "range": { "type": "numbered", "startDate": "2026-06-01", "numberOfOccurrences": 5 },
            });
            event["singleValueExtendedProperties"] = json!([
                { "id": "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Mark", "value": "m" }
            ]);
            desk.graph("POST", "me/events", &event);
        }
        3 => {
            let seen = desk.graph("GET", "me/events", &Value::Null);
            if let Some(id) = seen.json["value"][0]["id"].as_str() {
                let path = format!("me/events/{id}");
                desk.graph(
                    "PATCH",
                    &path,
                    &json!({ "subject": "Changed", "importance": "high" }),
                );
            }
        }
        4 => {
            let text = seed::one(chance.next(), &format!("u{}", chance.next()));
            let name = format!("{}.ics", chance.below(9));
            let request = desk.to_caldav("PUT", &name, &text);
            desk.exchange(&request);
        }
        5 => {
            let name = format!("{}.ics", chance.below(9));
            let request = desk.to_caldav("DELETE", &name, "");
            desk.exchange(&request);
        }
        6 => {
            let channel = json!({ "id": format!("c-{}", chance.next()), "type": "web_hook", "address": "http://127.0.0.1:9/" });
            desk.google("POST", "calendars/primary/events/watch", &channel);
        }
        7 => {
            let subscription = json!({
                "changeType": "created,deleted", "resource": "me/events", "notificationUrl": "http://127.0.0.1:9/",
                "expirationDateTime": (desk.now + SignedDuration::from_hours(9)).to_string(),
            });
            desk.graph("POST", "subscriptions", &subscription);
        }
        8 => {
            let rule = json!({ "fault": { "kind": "push_late", "ms": 9_000 }, "percent": 50, "path": "^http" });
            desk.door("POST", "faults", rule);
            desk.door(
                "POST",
                "faults",
                json!({ "fault": { "kind": "throttled" }, "percent": 10 }),
            );
        }
        9 => {
            desk.door("PUT", "clock", json!({ "advance": "3m" }));
        }
        10 => {
            for parcel in desk.world.due_pushes(desk.now) {
                let answered = kalends_sandbox::microsoft::Delivered {
                    status: Some(503),
                    content_type: "",
                    body: "",
                    took: SignedDuration::from_secs(1),
                };
                desk.world.report_push(parcel, &answered, desk.now);
            }
        }
        _ => listed(desk, cursors),
    }
}

#[test]
fn whatever_happened_a_world_comes_back_the_same_and_answers_on() {
    let mut read = 0;
    for life in 0..LIVES {
        let mut chance = Chance::new(life);
        let mut desk = Desk::new();
        let mut cursors = Cursors::default();
        listed(&mut desk, &mut cursors);
        for _ in 0..STEPS {
            step(&mut desk, &mut chance, &mut cursors);
        }
        let file = desk.world.save().expect("a file");
        let mut again = World::load(&file).expect("a world");
        assert!(again == desk.world, "life {life} is another one");
        assert_eq!(again.save().expect("a file"), file, "life {life}");

        // Cursors of before are good after, and what comes next comes alike.
        for request in reads(&desk, &cursors) {
            let there = kalends_sandbox::control::exchange(&mut again, &request, desk.now);
            let here = desk.exchange(&request);
            assert_eq!(body(&there), body(&here), "life {life}: {}", request.uri());
            read += usize::from(body(&here).0 < 300);
        }
        let make = desk.to_google("POST", "calendars/primary/events", &meeting("After"));
        let there = kalends_sandbox::control::exchange(&mut again, &make, desk.now);
        assert_eq!(body(&there), body(&desk.exchange(&make)));
        assert!(again == desk.world, "life {life} parts after its file");
    }
    assert!(read > 20, "cursors were good {read} times");
}

#[test]
fn bytes_that_are_no_text_come_back_too() {
    let mut desk = Desk::new();
    let request = desk.to_caldav("PUT", "x.ics", "");
    let (parts, _) = request.into_parts();
    let request = Request::from_parts(parts, Bytes::from_static(b"\xff\x00\xfe"));
    desk.exchange(&request);
    let file = desk.world.save().expect("a file");
    let again = World::load(&file).expect("a world");
    assert_eq!(&again.requests[0].body[..], b"\xff\x00\xfe");
}

#[test]
fn a_file_that_is_no_world_is_refused_with_its_reason() {
    for (file, reason) in [
        ("", "not a world: .: EOF"),
        ("{}", "not a world: .: missing field `format`"),
        (
            r#"{"format":"else","version":1}"#,
            "not a world, but \"else\"",
        ),
        (
            r#"{"format":"kalends-sandbox-world","version":9}"#,
            "version 9 is unknown",
        ),
        (
            r#"{"format":"kalends-sandbox-world","version":1,"world":{"origin":3}}"#,
            "not a world: world.origin: invalid type",
        ),
    ] {
        let error = World::load(file.as_bytes()).expect_err("no world");
        assert!(error.to_string().starts_with(reason), "{file}: {error}");
    }
    assert!(matches!(World::load(b"[]"), Err(FileError::Unreadable(_))));
    let mut desk = Desk::new();
    desk.door("PUT", "world", json!({ "format": "else", "version": 1 }))
        .is(400);
    assert_eq!(desk.world.accounts.len(), 1, "the world stays");
}

#[test]
fn a_world_goes_out_at_one_door_and_comes_in_again() {
    let mut desk = Desk::new();
    let file = desk.sees("world");
    desk.google("POST", "calendars/primary/events", &meeting("Audit"))
        .is(200);
    desk.door("PUT", "world", file).is(200);
    assert_eq!(desk.world.google.events(ANN).len(), 0);
    assert_eq!(
        desk.google("GET", "users/me/calendarList", &Value::Null)
            .status,
        200
    );
}

#[test]
fn a_reset_goes_back_as_a_server_restored_from_a_copy_does() {
    let mut desk = Desk::new();
    assert_eq!(desk.door("POST", "reset", Value::Null).status, 404);
    desk.world.begin_here();
    let mut cursors = Cursors::default();
    desk.google("POST", "calendars/primary/events", &meeting("Audit"))
        .is(200);
    listed(&mut desk, &mut cursors);
    let later = desk.token("google", ANN);
    let seen = desk.sees("requests")["next"].as_u64().expect("a number");
    desk.door("POST", "reset", Value::Null).is(200);

    assert_eq!(desk.world.google.events(ANN).len(), 0);
    assert_ne!(desk.token("google", ANN), later, "no token is made twice");
    let statuses: Vec<u16> = reads(&desk, &cursors)
        .iter()
        .map(|request| body(&desk.exchange(request)).0)
        .collect();
    assert_eq!(statuses, [410, 410, 403], "cursors given since are dead");
    assert_eq!(desk.sees("requests")["requests"][0]["number"], seen + 1);
    desk.door("POST", "reset", Value::Null).is(200);
}

#[test]
fn seeds_are_listed_and_planted_and_clients_stay() {
    let mut desk = Desk::new();
    let names: Vec<Value> = desk.sees("seeds")["seeds"]
        .as_array()
        .expect("seeds")
        .iter()
        .map(|seed| seed["name"].clone())
        .collect();
    assert_eq!(names, ["demo", "clinic", "law-firm"]);
    for name in ["demo", "clinic", "law-firm"] {
        let users = desk
            .door("POST", &format!("seeds/{name}"), Value::Null)
            .is(200);
        for face in ["google", "microsoft", "caldav"] {
            let people = users[face]["users"].as_array().expect("people");
            assert!(!people.is_empty(), "{name}: nobody at {face}");
            assert!(people[0]["password"].is_string());
        }
        assert_eq!(users["google"]["clients"][0]["id"], "kalends");
        assert_eq!(desk.sees("mails")["mails"], json!([]), "nobody was mailed");
    }
    assert!(!desk.world.google.accounts.contains_key(ANN));
    assert!(desk.world.microsoft.calendars(MIA).is_err());
    assert!(!desk.world.accounts.contains_key(ADA));
    desk.door("POST", "seeds/circus", Value::Null).is(404);
}

#[test]
fn a_file_from_before_a_switch_was_there_is_still_read() {
    let mut desk = Desk::new();
    let mut file = desk.sees("world");
    let world = &mut file["world"];
    let channels = world["google"]["switches"]["channels"].as_object_mut();
    let known = channels.expect("switches").remove("sync_first");
    assert!(known.is_some());
    let microsoft = &mut world["microsoft"];
    let switches = microsoft["switches"].as_object_mut().expect("switches");
    assert!(switches.remove("concurrency_max").is_some());
    let mailboxes = microsoft["mailboxes"].as_object_mut().expect("mailboxes");
    for mailbox in mailboxes.values_mut() {
        let mailbox = mailbox.as_object_mut().expect("a mailbox");
        assert!(mailbox.remove("under_way").is_some());
    }
    desk.door("PUT", "world", file).is(200);
    let switches = desk.sees("switches");
    assert_eq!(switches["microsoft"]["concurrency_max"], 4);
    assert_eq!(switches["google"]["channels"]["sync_first"], false);
}
