//! Ann and Bob use Google through the page, and whoever syncs their calendars hears of it.

use kalends_sandbox::google::MailKind;
use serde_json::json;

use super::browser::Browser;
use crate::google::desk::{ANN, BOB, Desk, ann, each, text, weekly};

/// Ann's primary calendar.
const CALENDAR: &str = "/_sandbox/page/google/ann@example.com/ann@example.com";

#[test]
fn an_event_made_on_the_page_is_in_the_next_incremental_list() {
    let mut desk = Desk::new();
    let cursor = desk.cursor();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let user = browser.open("/").ok().link("Ann Example");
    let calendar = browser.open(&user).ok().link("ann@example.com");
    let form = browser.open(&calendar).ok().link("New event");
    let form = browser.open(&form).ok().form("/new");
    assert_eq!(form.value("zone"), Some("Europe/Berlin"), "the calendar's");
    let form = form
        .with("title", "Rounds")
        .with("start", "2026-06-03")
        .with("start_time", "08:30")
        .with("end", "2026-06-03")
        .with("end_time", "09:15")
        .with("place", "Ward 4")
        .with("text", "Bring the\r\nnumbers.")
        .with("repeat", "weekly")
        .with("times", "4");
    let event = browser.send(&form).ok();
    assert!(event.has("The event was created.") && event.has("Rounds") && event.has("Ward 4"));
    let (changes, _) = desk.changes(&cursor);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    let event = &changes[0];
    assert_eq!(text(event, "summary"), "Rounds");
    assert_eq!(event["start"]["dateTime"], "2026-06-03T08:30:00+02:00");
    assert_eq!(event["end"]["dateTime"], "2026-06-03T09:15:00+02:00");
    assert_eq!(event["start"]["timeZone"], "Europe/Berlin");
    assert_eq!(event["recurrence"], json!(["RRULE:FREQ=WEEKLY;COUNT=4"]));
    assert_eq!(text(event, "description"), "Bring the\nnumbers.");
}

#[test]
fn a_guest_accepts_and_the_organizer_sees_and_is_mailed() {
    let mut desk = Desk::new();
    let cursor = desk.cursor();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser.open(&format!("{CALENDAR}/new?day=2026-06-01"));
    let form = form.ok().form("/new").with("title", "Interview");
    let form = form.with("guests", BOB);
    assert_eq!(form.value("mail"), Some("1"), "Google asks");
    let made = browser.send(&form).ok();
    assert!(made.has("has not answered"));
    let bob = "/_sandbox/page/google/bob@example.com/bob@example.com?month=2026-06";
    let month = browser.open(bob).ok();
    assert!(month.has("you have not answered"), "{}", month.body);
    let invited = browser.open(&month.link("Interview")).ok();
    let answered = browser.send(&invited.form("/answer").with("answer", "accepted"));
    assert!(answered.ok().has("The answer was given."));
    let (changes, _) = desk.changes(&cursor);
    let attendee = &changes[0]["attendees"][0];
    assert_eq!(attendee["responseStatus"], "accepted");
    let mails: Vec<_> = desk.world.google.mails.iter().collect();
    assert_eq!(mails.len(), 2);
    assert_eq!((&*mails[0].to, mails[0].kind), (BOB, MailKind::Invitation));
    assert_eq!((&*mails[1].to, mails[1].kind), (ANN, MailKind::Answer));
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let log = browser.open("/_sandbox/page/mails").ok();
    assert!(log.has("the organizer invited a guest; the request said: all"));
    assert!(log.has("a guest answered"));
}

#[test]
fn nobody_is_mailed_when_the_box_is_not_ticked() {
    let mut desk = Desk::new();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser.open(&format!("{CALENDAR}/new")).form("/new");
    let form = form
        .with("title", "Quiet")
        .with("guests", BOB)
        .without("mail");
    browser.send(&form).ok();
    assert!(desk.world.google.mails.is_empty());
}

#[test]
fn one_occurrence_is_edited_and_then_all_that_follow() {
    let mut desk = Desk::new();
    let series = desk.insert(&weekly("Rounds", 5));
    let id = text(&series, "id").to_owned();
    let cursor = desk.cursor();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let month = browser.open(&format!("{CALENDAR}?month=2026-06")).ok();
    assert_eq!(month.body.matches("class=\"entry\"").count(), 5);
    assert!(month.has("repeats"));
    let second = format!("{CALENDAR}/event?id={id}_20260608T080000Z");
    let one = browser.open(&second).ok();
    let form = browser.open(&one.link("Edit this one")).ok().form("/edit");
    assert_eq!(form.value("repeat"), None, "one does not repeat");
    let done = browser.send(&form.with("start_time", "11:00").with("end_time", "12:00"));
    assert!(done.ok().has("Differs from it"));
    let third = format!("{CALENDAR}/event?id={id}_20260615T080000Z");
    let from = browser.open(&third).ok().link("Edit this and following");
    let form = browser.open(&from).ok().form("/edit");
    browser.send(&form.with("title", "Late rounds")).ok();
    let (changes, _) = desk.changes(&cursor);
    let titles = each(&changes, "summary");
    assert_eq!(titles, ["Rounds", "Rounds", "Late rounds"]);
    assert_eq!(changes[0]["start"]["dateTime"], "2026-06-08T11:00:00+02:00");
    let until = changes[1]["recurrence"][0].as_str().expect("a rule");
    assert!(until.contains("UNTIL=20260615T075959Z"), "{until}");
    assert_eq!(
        changes[2]["recurrence"],
        json!(["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3"])
    );
}

#[test]
fn what_was_not_touched_is_not_sent() {
    let mut desk = Desk::new();
    let event = json!({
        "summary": "Desk", "colorId": "7", "attendees": [
            { "email": BOB, "comment": "late", "optional": true, "responseStatus": "tentative" },
        ],
        "start": { "dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin" },
        "end": { "dateTime": "2026-06-01T11:00:00-03:00", "timeZone": "America/Sao_Paulo" },
    });
    let event = desk.insert(&event);
    let page = format!("{CALENDAR}/edit?id={}", text(&event, "id"));
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser.open(&page).ok().form("/edit");
    assert!(browser.send(&form).ok().has("Nothing was changed."));
    let form = form
        .with("title", "Desk 2")
        .with("guests", "bob@example.com eve@example.org");
    browser.send(&form).ok();
    let after = desk.world.google.event(ANN, text(&event, "id"));
    let after = after.expect("the event");
    assert_eq!(after["summary"], "Desk 2");
    for kept in ["start", "end", "colorId"] {
        assert_eq!(after[kept], event[kept], "{kept}");
    }
    assert_eq!(after["attendees"][0], event["attendees"][0]);
    assert_eq!(after["attendees"][1]["email"], "eve@example.org");
}

#[test]
fn a_form_that_is_out_of_date_undoes_nothing() {
    let mut desk = Desk::new();
    let event = desk.insert(&crate::google::desk::meeting("First"));
    let id = text(&event, "id").to_owned();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser
        .open(&format!("{CALENDAR}/edit?id={id}"))
        .form("/edit");
    let now = desk.now;
    let patch = json!({ "summary": "Meanwhile" });
    desk.google()
        .patch_event(ann(), &id, &patch, now)
        .expect("an edit elsewhere");
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let sight = browser.send(&form.with("place", "Here"));
    assert_eq!(sight.status, 409);
    assert!(sight.has("has changed since this form was opened") && sight.has("value=\"Here\""));
    let after = desk.world.google.event(ANN, &id).expect("the event");
    assert_eq!(after["summary"], "Meanwhile");
    assert_eq!(after.get("location"), None);
}

#[test]
fn moving_and_deleting() {
    let mut desk = Desk::new();
    let now = desk.now;
    let other = desk
        .google()
        .add_calendar(ANN, "Team", "Europe/Berlin", now);
    let event = desk.insert(&crate::google::desk::meeting("Wanderer"));
    let id = text(&event, "id").to_owned();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let page = browser.open(&format!("{CALENDAR}/event?id={id}")).ok();
    let moved = browser.send(&page.form("/move").with("to", &other)).ok();
    assert!(moved.has("The event was moved here.") && moved.has("Team"));
    assert_eq!(
        desk.world.google.event(&other, &id).expect("there")["summary"],
        "Wanderer"
    );
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let after = browser.send(&moved.form("/delete")).ok();
    assert!(after.has("June 2026") && !after.has("Wanderer"));
    let gone = browser.open(&moved.path);
    assert_eq!(gone.status, 404);
}

#[test]
fn a_shared_calendar_is_seen_as_its_role_allows() {
    let mut desk = Desk::new();
    desk.insert(&crate::google::desk::meeting_with(
        "Therapy",
        json!({ "visibility": "private" }),
    ));
    let event = desk.insert(&crate::google::desk::meeting("Open"));
    let now = desk.now;
    desk.google()
        .share(ANN, BOB, kalends_sandbox::google::Role::Reader, now);
    let seat = "/_sandbox/page/google/bob@example.com/ann@example.com";
    let mut browser = Browser::new(&mut desk.world, now);
    let month = browser.open(&format!("{seat}?month=2026-06")).ok();
    assert!(month.has("Read only") && month.has("Open") && !month.has("Therapy"));
    let id = text(&event, "id");
    let page = browser.open(&format!("{seat}/event?id={id}")).ok();
    assert!(!page.has("<form "), "nothing can be done");
    assert_eq!(browser.open(&format!("{seat}/edit?id={id}")).status, 404);
    let form = super::browser::Form {
        action: format!("{seat}/delete"),
        fields: vec![("id".to_owned(), id.to_owned())],
    };
    let refused = browser.send(&form);
    assert_eq!(refused.status, 403);
    assert!(refused.has("requiredAccessLevel"), "in Google's own words");
    let strangers = browser.open("/_sandbox/page/google/ann@example.com/bob@example.com");
    assert_eq!(strangers.status, 404);
}
