//! What people do in Google's own web pages, without HTTP.

use jiff::SignedDuration;
use kalends_sandbox::google::{MailKind, SendUpdates, Visit};
use serde_json::{Value, json};

use super::desk::{ANN, BOB, Desk, EVENTS, ann, each, meeting, meeting_with, text, weekly};

#[test]
fn an_event_is_put_patched_moved_and_deleted_by_its_user() {
    let mut desk = Desk::new();
    let now = desk.now;
    let google = desk.google();
    let other = google.add_calendar(ANN, "Projects", "Europe/Berlin", now);
    google
        .put_event(ann(), "handmade1", &meeting("first"), now)
        .expect("made");
    google
        .put_event(ann(), "handmade1", &meeting("second"), now)
        .expect("replaced");
    google
        .patch_event(ann(), "handmade1", &json!({ "location": "Room 4" }), now)
        .expect("changed");
    let truth = google.event(ANN, "handmade1").expect("an event");
    assert_eq!(
        (&truth["summary"], &truth["location"]),
        (&json!("second"), &json!("Room 4"))
    );
    google
        .move_event(ann(), "handmade1", &other, now)
        .expect("moved");
    assert!(google.events(ANN).is_empty());
    assert_eq!(each(&google.events(&other), "id"), ["handmade1"]);
    google
        .delete_event(ann().on(&other), "handmade1", now)
        .expect("deleted");
    assert!(google.events(&other).is_empty());
    let gone = google.event(&other, "handmade1").expect("a tombstone");
    assert_eq!(gone["status"], "cancelled");
}

#[test]
fn what_is_done_by_hand_is_told_like_everything_else() {
    let mut desk = Desk::new();
    let cursor = desk.cursor();
    let now = desk.now;
    desk.google()
        .create_event(ann(), &weekly("standup", 3), now)
        .expect("made");
    let (items, cursor) = desk.changes(&cursor);
    let id = text(&items[0], "id").to_owned();
    let moved = json!({
        "start": { "dateTime": "2026-06-09T15:00:00+02:00" }, "end": { "dateTime": "2026-06-09T16:00:00+02:00" },
    });
    let second = format!("{id}_20260608T080000Z");
    desk.google()
        .patch_event(ann(), &second, &moved, now)
        .expect("moved");
    assert_eq!(each(&desk.changes(&cursor).0, "id"), [second]);
}

fn dates(desk: &mut Desk) -> Vec<String> {
    let (items, _) = desk.list("singleEvents=true&orderBy=startTime");
    items
        .iter()
        .map(|item| {
            format!(
                "{} {}",
                &text(&item["start"], "dateTime")[..16],
                text(item, "summary")
            )
        })
        .collect()
}

#[test]
fn this_and_following_cuts_a_series_in_two() {
    let mut desk = Desk::new();
    let now = desk.now;
    let id = text(&desk.insert(&weekly("standup", 4)), "id").to_owned();
    let last = format!("{id}_20260622T080000Z");
    desk.google()
        .patch_event(ann(), &last, &json!({ "summary": "lost" }), now)
        .expect("an exception");
    let later = json!({
        "summary": "later",
        "start": { "dateTime": "2026-06-15T12:00:00+02:00" }, "end": { "dateTime": "2026-06-15T13:00:00+02:00" },
    });
    let cut = format!("{id}_20260615T080000Z");
    let split = desk
        .google()
        .split_series(ann(), &cut, &later, now)
        .expect("two series");
    assert_eq!(
        split.before.expect("the beginning")["recurrence"],
        json!(["RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260615T075959Z"])
    );
    assert_eq!(split.after["id"], format!("{id}_R20260615T080000"));
    assert_eq!(
        split.after["iCalUID"],
        format!("{id}_R20260615T080000@google.com")
    );
    assert_eq!(
        split.after["recurrence"],
        json!(["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2"])
    );
    assert_eq!(
        dates(&mut desk),
        [
            "2026-06-01T10:00 standup",
            "2026-06-08T10:00 standup",
            "2026-06-15T12:00 later",
            "2026-06-22T12:00 later"
        ]
    );
    // The instances of the new series are found although its own id has an underscore.
    let path = format!("{EVENTS}/{id}_R20260615T080000_20260622T100000Z");
    assert_eq!(desk.get(&path).ok()["summary"], "later");
    let whole = format!("{id}_20260601T080000Z");
    let split = desk
        .google()
        .split_series(ann(), &whole, &json!({}), now)
        .expect("a series");
    assert_eq!(split.before, None);
    assert_eq!(dates(&mut desk).len(), 4);
}

#[test]
fn a_person_decides_whether_guests_are_mailed() {
    let mut desk = Desk::new();
    let now = desk.now;
    let lunch = meeting_with("lunch", json!({ "attendees": [{ "email": BOB }] }));
    let google = desk.google();
    google.create_event(ann(), &lunch, now).expect("made");
    assert!(google.mails.is_empty());
    let mailing = Visit {
        send: SendUpdates::All,
        ..ann()
    };
    let event = google.create_event(mailing, &lunch, now).expect("made");
    assert_eq!(
        (google.mails.len(), google.mails[0].kind),
        (1, MailKind::Invitation)
    );
    let id = text(&event, "id");
    let yes = json!({ "attendeesOmitted": true, "attendees": [{ "email": BOB, "responseStatus": "accepted" }] });
    let bob = Visit {
        send: SendUpdates::All,
        ..Visit::primary(BOB)
    };
    google.patch_event(bob, id, &yes, now).expect("answered");
    assert_eq!(
        (google.mails[1].to.as_str(), google.mails[1].kind),
        (ANN, MailKind::Answer)
    );
}

#[test]
fn an_invitation_from_elsewhere_is_answered_and_its_organizer_told() {
    let mut desk = Desk::new();
    let now = desk.now;
    let cy = "cy@elsewhere.example";
    let event = meeting_with(
        "theirs",
        json!({ "iCalUID": "abc@elsewhere.example", "organizer": { "email": cy }, "attendees": [{ "email": ANN }] }),
    );
    let received = desk
        .google()
        .receive_invitation(ANN, &event, now)
        .expect("received");
    assert!(received.get("privateCopy").is_none());
    let path = format!("{EVENTS}/{}?sendUpdates=all", text(&received, "id"));
    let yes = json!({ "attendees": [{ "email": ANN, "responseStatus": "tentative" }] });
    let answered: Value = desk.patch(&path, &yes).ok();
    assert_eq!(answered["attendees"][0]["responseStatus"], "tentative");
    assert_eq!(desk.google().mails[0].to, cy);
}

#[test]
fn a_world_is_the_same_each_time_and_a_clone_is_a_snapshot() {
    let tell = || {
        let mut desk = Desk::new();
        desk.insert(&weekly("standup", 3));
        desk.wait(SignedDuration::from_secs(7));
        desk.insert(&meeting("once"));
        desk
    };
    let (mut one, other) = (tell(), tell());
    assert_eq!(one.world, other.world);
    let snapshot = one.world.clone();
    one.insert(&meeting("later"));
    assert_ne!(one.world.google, snapshot.google);
    assert_eq!(other.world.google, snapshot.google);
}

#[test]
fn a_locked_copy_and_an_event_out_of_a_mail_keep_what_they_say() {
    let mut desk = Desk::new();
    let now = desk.now;
    let id = text(&desk.insert(&meeting("locked")), "id").to_owned();
    let path = format!("{EVENTS}/{id}");
    desk.google()
        .lock_event(ANN, &id, true, now)
        .expect("an event");
    assert_eq!(desk.patch(&path, &json!({ "summary": "x" })).status, 403);
    assert_eq!(
        desk.patch(&path, &json!({ "colorId": "2" })).ok()["locked"],
        true
    );
    desk.google()
        .lock_event(ANN, &id, false, now)
        .expect("an event");
    assert_eq!(desk.patch(&path, &json!({ "summary": "x" })).status, 200);

    let ticket = desk
        .google()
        .add_from_gmail(ANN, &meeting("flight"), now)
        .expect("an event");
    assert_eq!(ticket["eventType"], "fromGmail");
    let path = format!("{EVENTS}/{}", text(&ticket, "id"));
    assert_eq!(
        desk.patch(&path, &json!({ "location": "gate" })).status,
        400
    );
    let own = json!({ "colorId": "2", "transparency": "transparent", "visibility": "private" });
    assert_eq!(desk.patch(&path, &own).ok()["visibility"], "private");
}
