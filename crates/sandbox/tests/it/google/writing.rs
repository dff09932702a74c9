//! Writing events: what is taken, what is refused and in which words, and what comes back.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::desk::{ANN, Desk, EVENTS, each, meeting, meeting_with, text, weekly};

#[test]
fn an_event_comes_back_as_google_shows_it() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting_with(
        "Planning",
        json!({ "id": "plan12", "transparency": "opaque", "visibility": "default", "guestsCanModify": false,
                "location": "", "unheardOf": { "a": 1 }, "organizer": { "email": "somebody@else" } }),
    ));
    insta::assert_snapshot!(format!("{event:#}"), @r#"
    {
      "created": "2026-05-20T08:00:01.000Z",
      "creator": {
        "email": "ann@example.com",
        "self": true
      },
      "end": {
        "dateTime": "2026-06-01T11:00:00+02:00",
        "timeZone": "Europe/Berlin"
      },
      "etag": "\"3558528002000000\"",
      "eventType": "default",
      "htmlLink": "https://www.google.com/calendar/event?eid=cGxhbjEyIGFubkBleGFtcGxlLmNvbQ",
      "iCalUID": "plan12@google.com",
      "id": "plan12",
      "kind": "calendar#event",
      "organizer": {
        "email": "ann@example.com",
        "self": true
      },
      "reminders": {
        "useDefault": true
      },
      "sequence": 0,
      "start": {
        "dateTime": "2026-06-01T10:00:00+02:00",
        "timeZone": "Europe/Berlin"
      },
      "status": "confirmed",
      "summary": "Planning",
      "updated": "2026-05-20T08:00:01.000Z"
    }
    "#);
    let answer = desk.get(&format!("{EVENTS}/plan12"));
    assert_eq!(answer.header("etag"), event["etag"].as_str());
    assert_eq!(answer.ok(), event);
}

#[test]
fn what_is_wrong_with_a_time_is_said() {
    let mut desk = Desk::new();
    let berlin = json!({ "dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin" });
    let day = json!({ "date": "2026-06-01" });
    for (start, end, said) in [
        (
            json!(null),
            json!(null),
            "global.required: Missing end time.",
        ),
        (
            json!(null),
            berlin.clone(),
            "global.required: Missing start time.",
        ),
        (
            json!({}),
            berlin.clone(),
            "global.required: Missing start time.",
        ),
        (
            json!({ "date": "2026-06-01", "dateTime": "2026-06-01T10:00:00Z" }),
            berlin.clone(),
            "global.invalid: Invalid start time.",
        ),
        (
            day.clone(),
            berlin.clone(),
            "global.invalid: Start and end times must either both be date or both be dateTime.",
        ),
        (
            json!({ "dateTime": "2026-06-01T10:00:00" }),
            berlin.clone(),
            "global.required: Missing time zone definition for start time.",
        ),
        (
            json!({ "dateTime": "2026-06-01T10:00:00", "timeZone": "W. Europe Standard Time" }),
            berlin.clone(),
            "global.invalid: Invalid time zone definition for start time.",
        ),
        (
            json!({ "dateTime": "2026-06-01T11:00:00+02:00" }),
            berlin.clone(),
            "calendar.timeRangeEmpty: The specified time range is empty.",
        ),
        (
            day.clone(),
            day.clone(),
            "calendar.timeRangeEmpty: The specified time range is empty.",
        ),
        (
            json!({ "date": "2026-13-01" }),
            day.clone(),
            "global.invalid: Invalid value for: Invalid format: \"2026-13-01\"",
        ),
    ] {
        let body = json!({ "start": start, "end": end });
        assert_eq!(
            desk.post(EVENTS, &body).refusal(),
            (400, said.to_owned()),
            "{body}"
        );
    }
    let local = json!({ "dateTime": "2026-06-01T10:00:00", "timeZone": "America/New_York" });
    let event = desk.insert(&json!({ "start": local, "end": local }));
    assert_eq!(event["start"]["dateTime"], "2026-06-01T16:00:00+02:00");
    assert_eq!(event["start"]["timeZone"], "America/New_York");
    assert_eq!(
        desk.post(EVENTS, &json!([1])).refusal().1,
        "global.parseError: Parse Error"
    );
}

#[test]
fn an_id_is_ours_to_choose_once() {
    let mut desk = Desk::new();
    for id in ["abcd", "abcdw", "ABCDE", "ab-cde"] {
        let answer = desk.post(EVENTS, &meeting_with("named", json!({ "id": id })));
        let said = "global.invalid: Invalid resource id value.";
        assert_eq!(answer.refusal(), (400, said.to_owned()), "{id}");
    }
    let named = meeting_with("named", json!({ "id": "0123456789abcdefghijklmnopqrstuv" }));
    desk.insert(&named);
    let duplicate = (
        409,
        "global.duplicate: The requested identifier already exists.".to_owned(),
    );
    assert_eq!(desk.post(EVENTS, &named).refusal(), duplicate);
    let path = format!("{EVENTS}/0123456789abcdefghijklmnopqrstuv");
    assert_eq!(desk.delete(&path).status, 204);
    assert_eq!(desk.post(EVENTS, &named).refusal(), duplicate);
    assert_eq!(
        desk.delete(&path).refusal(),
        (410, "global.deleted: Resource has been deleted".to_owned())
    );
    assert_eq!(
        desk.delete(&format!("{EVENTS}/never0")).refusal(),
        (404, "global.notFound: Not Found".to_owned())
    );
    let back = desk.patch(&path, &json!({ "status": "confirmed" })).ok();
    assert_eq!(
        (&back["summary"], &back["status"]),
        (&json!("named"), &json!("confirmed"))
    );
    assert_eq!(each(&desk.list("").0, "summary"), ["named"]);
    desk.google().switches.revival = false;
    desk.delete(&path);
    assert_eq!(desk.put(&path, &named).status, 404);
}

#[test]
fn an_etag_guards_a_version() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting("first"));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let etag = text(&event, "etag").to_owned();
    let known = [("if-none-match", etag.as_str())];
    let unchanged = desk.send_if(("GET", &path), &known, None);
    assert_eq!(
        (unchanged.status, unchanged.header("etag")),
        (304, Some(etag.as_str()))
    );
    let guard = [("if-match", etag.as_str())];
    let patch = json!({ "summary": "second" });
    let second = desk.send_if(("PATCH", &path), &guard, Some(&patch)).ok();
    assert_ne!(second["etag"], event["etag"]);
    assert!(text(&second, "updated") > text(&event, "updated"));
    for (method, body) in [
        ("PATCH", Some(&patch)),
        ("PUT", Some(&event)),
        ("DELETE", None),
    ] {
        let answer = desk.send_if((method, &path), &guard, body);
        let said = "global.conditionNotMet: Precondition Failed";
        assert_eq!(answer.refusal(), (412, said.to_owned()));
        let place = &answer.json["error"]["errors"][0];
        assert_eq!(
            (&place["locationType"], &place["location"]),
            (&json!("header"), &json!("If-Match"))
        );
    }
    assert_eq!(desk.get(&path).ok(), second);
    let any = [("if-match", "*")];
    assert_eq!(desk.send_if(("DELETE", &path), &any, None).status, 204);
}

#[test]
fn two_writes_at_the_same_moment_have_two_etags() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting("a"));
    desk.wait(SignedDuration::from_secs(-600));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let later = desk.patch(&path, &json!({ "summary": "b" })).ok();
    assert_ne!(later["etag"], event["etag"]);
    // A clock that goes back does not take `updated` with it.
    assert_eq!(later["updated"], event["updated"]);
}

#[test]
fn put_replaces_and_patch_merges() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting_with(
        "whole",
        json!({ "location": "Room 4", "description": "d", "colorId": "7",
                "extendedProperties": { "private": { "a": "1", "b": "2" }, "shared": { "s": "3" } } }),
    ));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let patched = desk
        .patch(
            &path,
            &json!({ "location": null, "extendedProperties": { "private": { "a": null, "c": "3" } } }),
        )
        .ok();
    assert!(patched.get("location").is_none());
    assert_eq!(patched["colorId"], "7");
    assert_eq!(
        patched["extendedProperties"],
        json!({ "private": { "b": "2", "c": "3" }, "shared": { "s": "3" } })
    );
    let mut body = meeting("replaced");
    body["extendedProperties"] = json!({ "private": { "b": "2" } });
    let replaced = desk.put(&path, &body).ok();
    assert!(replaced.get("description").is_none() && replaced.get("colorId").is_none());
    assert_eq!(
        replaced["extendedProperties"],
        json!({ "private": { "b": "2" } })
    );
    assert_eq!(
        (&replaced["id"], &replaced["iCalUID"]),
        (&event["id"], &event["iCalUID"])
    );
    let missing = desk.put(&path, &json!({ "summary": "no time" })).refusal();
    assert_eq!(
        missing,
        (400, "global.required: Missing end time.".to_owned())
    );
    // What was read can be written back.
    let again = desk.put(&path, &replaced).ok();
    assert_eq!(again["sequence"], replaced["sequence"]);
}

#[test]
fn a_timed_event_becomes_a_whole_day_by_taking_its_time_away() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting("long"));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let careless = json!({ "start": { "date": "2026-06-01" }, "end": { "date": "2026-06-02" } });
    let answer = desk.patch(&path, &careless).refusal();
    assert_eq!(
        answer,
        (400, "global.invalid: Invalid end time.".to_owned())
    );
    let whole = json!({
        "start": { "date": "2026-06-01", "dateTime": null, "timeZone": null },
        "end": { "date": "2026-06-02", "dateTime": null, "timeZone": null },
    });
    let event = desk.patch(&path, &whole).ok();
    assert_eq!(event["start"], json!({ "date": "2026-06-01" }));
    assert_eq!(event["sequence"], 1);
}

#[test]
fn sequence_never_goes_back() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting_with("counted", json!({ "sequence": 3 })));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let lower = desk.patch(&path, &json!({ "sequence": 2 })).refusal();
    let said = "global.invalid: Invalid sequence value. The specified sequence number is below the current sequence \
                number of the resource.";
    assert_eq!(lower, (400, said.to_owned()));
    assert_eq!(
        desk.patch(&path, &json!({ "summary": "x" })).ok()["sequence"],
        3
    );
    let moved = json!({ "end": { "dateTime": "2026-06-01T12:00:00+02:00" } });
    assert_eq!(desk.patch(&path, &moved).ok()["sequence"], 4);
    assert_eq!(
        desk.patch(&path, &json!({ "sequence": 9 })).ok()["sequence"],
        9
    );
}

#[test]
fn properties_that_are_too_long_are_dropped_or_cut_without_a_word() {
    let mut desk = Desk::new();
    let properties = json!({ "private": { "k".repeat(44): "kept", "k".repeat(45): "dropped", "long": "v".repeat(2000) } });
    let event = desk.insert(&meeting_with(
        "marked",
        json!({ "extendedProperties": properties }),
    ));
    let private = event["extendedProperties"]["private"]
        .as_object()
        .expect("properties");
    assert_eq!(private.len(), 2);
    assert_eq!(
        text(&event["extendedProperties"]["private"], "long").len(),
        1024
    );
}

#[test]
fn reminders_are_rewritten_silently_and_leave_updated_alone() {
    let mut desk = Desk::new();
    let event = desk.insert(&meeting("remembered"));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let cursor = desk.cursor();
    let own = json!({ "reminders": { "useDefault": false, "overrides": [
        { "method": "popup", "minutes": 99_999 }, { "method": "email", "minutes": -5 },
        { "method": "sms", "minutes": 5 }, { "method": "email", "minutes": 0 } ] } });
    let changed = desk.patch(&path, &own).ok();
    assert_eq!(
        changed["reminders"]["overrides"],
        json!([{ "method": "email", "minutes": 0 }, { "method": "popup", "minutes": 40_320 }])
    );
    assert_eq!(changed["updated"], event["updated"]);
    assert_ne!(changed["etag"], event["etag"]);
    assert_eq!(desk.changes(&cursor).0.len(), 1);
    desk.google().switches.reminders_change_etag = false;
    let none = desk
        .patch(&path, &json!({ "reminders": { "useDefault": false } }))
        .ok();
    assert_eq!(
        (&none["etag"], &none["reminders"]),
        (&changed["etag"], &json!({ "useDefault": false }))
    );

    let minutes = |minutes: i64| json!({ "method": "popup", "minutes": minutes });
    let six: Vec<Value> = (1..=6).map(minutes).collect();
    let many = desk.patch(
        &path,
        &json!({ "reminders": { "useDefault": false, "overrides": six } }),
    );
    assert!(
        many.refusal()
            .1
            .starts_with("calendar.eventRemindersCountExceedsLimit: ")
    );
    let both = json!({ "reminders": { "useDefault": true, "overrides": [minutes(1)] } });
    let said = "calendar.cannotUseDefaultRemindersAndSpecifyOverride: Cannot specify both default reminders and \
                overrides at the same time.";
    assert_eq!(desk.patch(&path, &both).refusal(), (400, said.to_owned()));

    let day = json!({ "start": { "date": "2026-06-01" }, "end": { "date": "2026-06-02" } });
    assert_eq!(
        desk.insert(&day)["reminders"],
        json!({ "useDefault": false, "overrides": [{ "method": "popup", "minutes": 10 }] })
    );
}

#[test]
fn event_types_have_rules_of_their_own() {
    let mut desk = Desk::new();
    let office = json!({ "eventType": "workingLocation", "workingLocationProperties": { "type": "homeOffice" } });
    let home = desk.insert(&meeting_with("home", office));
    assert_eq!(
        (&home["transparency"], &home["visibility"]),
        (&json!("transparent"), &json!("public"))
    );
    let path = format!("{EVENTS}/{}", text(&home, "id"));
    let changed = desk
        .patch(&path, &json!({ "eventType": "default" }))
        .refusal();
    assert_eq!(changed.0, 400);
    assert!(
        changed.1.starts_with("calendar.eventTypeRestriction: "),
        "{}",
        changed.1
    );
    let moved = desk
        .post(&format!("{path}/move?destination={ANN}"), &json!({}))
        .refusal();
    assert!(
        moved.1.starts_with("calendar.eventTypeRestriction: "),
        "{}",
        moved.1
    );
    let day = |kind: &str| json!({ "eventType": kind, "start": { "date": "2026-06-01" }, "end": { "date": "2026-06-02" } });
    for (body, reason) in [
        (
            meeting_with("", json!({ "eventType": "fromGmail" })),
            "eventTypeRestriction",
        ),
        (day("outOfOffice"), "eventTypeRestriction"),
        (day("focusTime"), "eventTypeRestriction"),
        (day("birthday"), "eventTypeRestriction"),
        (day("workingLocation"), "malformedWorkingLocationEvent"),
    ] {
        let (status, said) = desk.post(EVENTS, &body).refusal();
        assert_eq!(status, 400);
        assert!(said.starts_with(&format!("calendar.{reason}: ")), "{said}");
    }
    let mut birthday = day("birthday");
    birthday["recurrence"] = json!(["RRULE:FREQ=YEARLY"]);
    assert_eq!(desk.insert(&birthday)["eventType"], "birthday");
    let now = desk.now;
    let other = desk
        .google()
        .add_calendar(ANN, "other", "Europe/Berlin", now);
    let away = meeting_with("away", json!({ "eventType": "outOfOffice" }));
    let other = super::desk::encoded(&other);
    assert_eq!(
        desk.post(&format!("calendars/{other}/events"), &away)
            .status,
        400
    );
    assert_eq!(desk.insert(&away)["eventType"], "outOfOffice");
}

#[test]
fn a_conference_is_made_on_request_and_once() {
    let mut desk = Desk::new();
    let wanted = json!({ "conferenceData": { "createRequest": {
        "requestId": "r1", "conferenceSolutionKey": { "type": "hangoutsMeet" } } } });
    let without = desk.insert(&meeting_with("ignored", wanted.clone()));
    assert!(without.get("conferenceData").is_none());
    let path = format!("{EVENTS}/{}", text(&without, "id"));
    let with = desk
        .patch(&format!("{path}?conferenceDataVersion=1"), &wanted)
        .ok();
    let link = text(&with, "hangoutLink").to_owned();
    assert!(link.starts_with("https://meet.google.com/"));
    assert_eq!(
        with["conferenceData"]["createRequest"]["status"]["statusCode"],
        "success"
    );
    let again = desk
        .patch(&format!("{path}?conferenceDataVersion=1"), &wanted)
        .ok();
    assert_eq!(again["conferenceData"], with["conferenceData"]);
    // A PUT that does not speak of conferences leaves it alone.
    assert_eq!(
        desk.put(&path, &meeting("kept")).ok()["hangoutLink"],
        link.as_str()
    );
    let gone = desk
        .put(&format!("{path}?conferenceDataVersion=1"), &meeting("gone"))
        .ok();
    assert!(gone.get("hangoutLink").is_none() && gone.get("conferenceData").is_none());
}

#[test]
fn google_may_touch_what_was_written_a_second_later() {
    let mut desk = Desk::new();
    desk.google().switches.late_conferences = true;
    desk.google().switches.late_touches = true;
    let wanted = meeting_with(
        "late",
        json!({ "conferenceData": { "createRequest": { "requestId": "r1" } } }),
    );
    let made = desk
        .post(&format!("{EVENTS}?conferenceDataVersion=1"), &wanted)
        .ok();
    assert_eq!(
        made["conferenceData"]["createRequest"]["status"]["statusCode"],
        "pending"
    );
    let series = desk.insert(&weekly("series", 2));
    for (event, name) in [(&made, "hangoutLink"), (&series, "summary")] {
        let path = format!("{EVENTS}/{}", text(event, "id"));
        let etag = text(event, "etag").to_owned();
        let guard = [("if-match", etag.as_str())];
        let answer = desk.send_if(("PATCH", &path), &guard, Some(&json!({ "summary": "x" })));
        assert_eq!(answer.status, 412);
        let latest = desk.get(&path).ok();
        assert!(latest.get(name).is_some());
        let guard = [("if-match", text(&latest, "etag"))];
        assert_eq!(
            desk.send_if(("PATCH", &path), &guard, Some(&json!({})))
                .status,
            200
        );
    }
}

#[test]
fn attachments_and_sources_have_their_conditions() {
    let mut desk = Desk::new();
    let files =
        json!({ "attachments": [{ "fileUrl": "https://example.com/a.pdf", "title": "a" }] });
    assert!(
        desk.insert(&meeting_with("bare", files.clone()))
            .get("attachments")
            .is_none()
    );
    let with = format!("{EVENTS}?supportsAttachments=true");
    let event = desk.post(&with, &meeting_with("filed", files)).ok();
    assert_eq!(event["attachments"][0]["title"], "a");
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    assert!(
        desk.put(&path, &meeting("kept"))
            .ok()
            .get("attachments")
            .is_some()
    );
    let list: Vec<Value> = (0..26)
        .map(|_| json!({ "fileUrl": "https://example.com" }))
        .collect();
    assert_eq!(
        desk.post(&with, &meeting_with("", json!({ "attachments": list })))
            .status,
        400
    );
}

#[test]
fn quick_add_takes_the_text_for_the_next_hour() {
    let mut desk = Desk::new();
    let event = desk
        .post(
            &format!("{EVENTS}/quickAdd?text=Lunch+with+Bob"),
            &json!({}),
        )
        .ok();
    assert_eq!(event["summary"], "Lunch with Bob");
    assert_eq!(event["start"]["dateTime"], "2026-05-20T11:00:00+02:00");
    let answer = desk
        .post(&format!("{EVENTS}/quickAdd"), &json!({}))
        .refusal();
    assert_eq!(
        answer,
        (400, "global.required: Required parameter: text".to_owned())
    );
}
