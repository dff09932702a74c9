//! Ada uses another program at her CalDAV server: the page.

use http::StatusCode;
use kalends_sandbox::quirks::Scheduling;
use kalends_sandbox::world::Access;
use kalends_sandbox::{Place, Quirks};

use super::browser::Browser;
use crate::desk::{CALENDAR, Desk, event_with, sync};

const PAGE: &str = "/_sandbox/page/caldav/ada/work";

fn series(lines: &[&str]) -> String {
    let mut all = vec![
        "SUMMARY:Rounds",
        "RRULE:FREQ=DAILY;COUNT=5",
        "X-MINE;A=1:kept",
    ];
    all.extend(lines);
    event_with("rounds", &all)
}

fn only(desk: &mut Desk) -> String {
    let objects = desk.calendar().objects();
    assert_eq!(objects.len(), 1, "{objects:#?}");
    objects.values().next().expect("one").text.to_string()
}

#[test]
fn an_event_made_on_the_page_is_what_the_next_sync_reports() {
    let mut desk = Desk::plain();
    let token = desk.send(sync("")).token();
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser.open(&format!("{PAGE}/new?day=2026-03-29")).ok();
    let form = form
        .form("/new")
        .with("title", "Lunch; with, commas")
        .with("start_time", "02:30")
        .with("end_time", "12:00")
        .with("zone", "Europe/Berlin");
    let made = browser.send(&form).ok();
    assert!(made.has("Lunch; with, commas"));
    let news = desk.sync(&token);
    let names = news.present();
    assert_eq!(names.len(), 1);
    let text = desk.get(names[0]).body;
    assert!(
        text.contains("SUMMARY:Lunch\\; with\\, commas\r\n"),
        "{text}"
    );
    assert!(text.contains("DTSTART;TZID=Europe/Berlin:20260329T023000\r\n"));
    assert!(text.contains("BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n"));
    assert!(text.contains("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"));
}

#[test]
fn an_edit_changes_its_lines_and_no_others() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("rounds.ics", &series(&[]));
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser
        .open(&format!("{PAGE}/edit?id=rounds.ics"))
        .ok()
        .form("/edit");
    assert_eq!(form.value("repeat"), Some("kept"));
    browser.send(&form.with("title", "Ward rounds")).ok();
    let text = only(&mut desk);
    for line in [
        "SUMMARY:Ward rounds",
        "RRULE:FREQ=DAILY;COUNT=5",
        "X-MINE;A=1:kept",
        "DTSTART:20260310T090000Z",
        "SEQUENCE:1",
        "DTSTAMP:20260301T120100Z",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
    }
}

#[test]
fn an_occurrence_is_set_apart_left_out_and_followed_by_another_series() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("rounds.ics", &series(&[]));
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let month = browser.open(&format!("{PAGE}?month=2026-03")).ok();
    assert_eq!(month.body.matches("class=\"entry\"").count(), 5);
    let at = |at: &str| format!("{PAGE}/event?id=rounds.ics&at={at}");
    let second = browser.open(&at("2026-03-11T09:00:00")).ok();
    let form = browser.open(&second.link("Edit this one")).form("/edit");
    browser
        .send(&form.with("start_time", "10:00").with("end_time", "11:00"))
        .ok();
    let first = browser.open(&at("2026-03-10T09:00:00")).ok();
    browser.send(&first.form("/delete")).ok();
    let text = only(&mut desk);
    assert!(text.contains("EXDATE:20260310T090000Z\r\n"), "{text}");
    assert!(text.contains("RECURRENCE-ID:20260311T090000Z\r\nDTSTART:20260311T100000Z\r\n"));
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let fourth = browser.open(&at("2026-03-13T09:00:00")).ok();
    let form = browser
        .open(&fourth.link("Edit this and following"))
        .form("/edit");
    browser.send(&form.with("title", "Late rounds")).ok();
    let month = browser.open(&format!("{PAGE}?month=2026-03")).ok();
    assert_eq!(month.body.matches(">Rounds<").count(), 2);
    assert_eq!(month.body.matches(">Late rounds<").count(), 2);
    let objects = desk.calendar().objects();
    assert_eq!(objects.len(), 2);
    let old = &objects["rounds.ics"].text;
    assert!(
        old.contains("RRULE:FREQ=DAILY;UNTIL=20260313T085959Z"),
        "{old}"
    );
    assert!(old.contains("EXDATE:20260310") && old.contains("RECURRENCE-ID:20260311"));
    let new = objects.iter().find(|(name, _)| *name != "rounds.ics");
    let new = &new.expect("another").1.text;
    assert!(new.contains("RRULE:FREQ=DAILY;COUNT=2\r\n"), "{new}");
    assert!(new.contains("X-MINE;A=1:kept") && !new.contains("RECURRENCE-ID"));
}

#[test]
fn a_series_that_is_moved_takes_its_exceptions_along() {
    let mut desk = Desk::plain();
    let text = series(&["EXDATE:20260310T090000Z"]);
    desk.elsewhere_put("rounds.ics", &text);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    for day in ["11", "12"] {
        let one = format!("{PAGE}/edit?id=rounds.ics&at=2026-03-{day}T09:00:00");
        let form = browser.open(&one).ok().form("/edit");
        browser
            .send(&form.with("title", &format!("Apart {day}")))
            .ok();
    }
    let form = browser
        .open(&format!("{PAGE}/edit?id=rounds.ics"))
        .form("/edit");
    let form = form.with("start", "2026-03-11").with("end", "2026-03-11");
    browser.send(&form).ok();
    let text = only(&mut desk);
    assert!(text.contains("EXDATE:20260311T090000Z"), "{text}");
    for (day, title) in [("12", "Apart 11"), ("13", "Apart 12")] {
        let id = format!("RECURRENCE-ID:202603{day}T090000Z");
        let (_, rest) = text
            .split_once(&id)
            .unwrap_or_else(|| panic!("{id} in {text}"));
        let (part, _) = rest.split_once("END:VEVENT").expect("an event");
        assert!(part.contains(&format!("SUMMARY:{title}\r\n")), "{text}");
    }
}

#[test]
fn an_answer_is_written_into_ones_own_line_and_the_organizer_is_mailed_by_the_server() {
    let mut desk = Desk::new(Quirks {
        scheduling: Scheduling::Auto,
        ..Quirks::default()
    });
    let invitation = event_with(
        "meet",
        &[
            "SUMMARY:Meeting",
            "ORGANIZER:mailto:eve@example.org",
            "ATTENDEE;CN=\"Lovelace, Ada\";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ada@example.com",
            "ATTENDEE;PARTSTAT=DECLINED:mailto:max@example.org",
        ],
    );
    desk.elsewhere_put("meet.ics", &invitation);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let page = browser.open(&format!("{PAGE}/event?id=meet.ics")).ok();
    assert!(page.has("has not answered") && page.has("Your answer"));
    browser
        .send(&page.form("/answer").with("answer", "tentative"))
        .ok();
    let text = only(&mut desk).replace("\r\n ", "");
    assert!(
        text.contains("ATTENDEE;CN=\"Lovelace, Ada\";PARTSTAT=TENTATIVE:mailto:ada@example.com"),
        "{text}"
    );
    assert!(text.contains("ATTENDEE;PARTSTAT=DECLINED:mailto:max@example.org"));
    assert_eq!(desk.world.mails.len(), 1);
    assert_eq!(desk.world.mails[0].to, ["eve@example.org"]);
    assert_eq!(desk.world.mails[0].why, "an attendee's answer changed");
}

#[test]
fn an_object_moves_to_another_collection_and_a_read_only_one_is_left_alone() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("rounds.ics", &series(&[]));
    let home = desk
        .world
        .accounts
        .get_mut("ada")
        .map(|ada| ada.add_collection("home"));
    assert!(home.is_some());
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let page = browser.open(&format!("{PAGE}/event?id=rounds.ics")).ok();
    let moved = browser.send(&page.form("/move").with("to", "home")).ok();
    assert!(moved.has("The event was moved here."));
    assert!(desk.names().is_empty());
    let home = Place {
        user: "ada".to_owned(),
        collection: "home".to_owned(),
    };
    let there = desk.world.collection_mut(&home).expect("a collection");
    assert!(there.objects().contains_key("rounds.ics"));
    there.access = Access::ReadOnly;
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let refused = browser.send(&moved.form("/delete"));
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.has("need-privileges"));
}

#[test]
fn what_cannot_be_read_is_shown_as_the_text_it_is() {
    let mut desk = Desk::plain();
    let odd = event_with("odd", &["SUMMARY:Odd"]).replace("20260310T090000Z", "20261399T090000Z");
    desk.elsewhere_put("odd.ics", &odd);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    browser.open(PAGE).ok();
    let page = browser.open(&format!("{PAGE}/event?id=odd.ics")).ok();
    assert!(page.has("DTSTART:20261399T090000Z"));
    assert!(CALENDAR.ends_with("/work/"), "the same calendar");
}
