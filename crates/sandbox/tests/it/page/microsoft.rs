//! Ann and Ben use Outlook through the page.

use serde_json::json;

use super::browser::{Browser, Form};
use crate::microsoft::desk::{ANN, BEN, Desk, five_days, text};

fn calendar(desk: &Desk) -> String {
    let id: String =
        percent_encoding::utf8_percent_encode(&desk.calendar, percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    format!("/_sandbox/page/microsoft/{ANN}/{id}")
}

#[test]
fn an_event_made_on_the_page_is_in_the_next_delta() {
    let mut desk = Desk::new();
    let path = "/me/calendarView/delta?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";
    let delta = desk.get(path).delta().expect("a delta link");
    let page = calendar(&desk);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser.open(&format!("{page}/new?day=2026-03-09")).ok();
    let form = form
        .form("/new")
        .with("title", "Hearing")
        .with("guests", BEN)
        .with("place", "Room 2");
    let event = browser.send(&form).ok();
    assert!(event.has("Hearing") && event.has("Room 2") && event.has("has not answered"));
    let news = desk.get(delta);
    assert_eq!(news.subjects(), ["Hearing"]);
    let event = &news.values()[0];
    assert_eq!(event["start"]["dateTime"], "2026-03-09T08:00:00.0000000");
    assert_eq!(desk.world.microsoft.mails[0].to, [BEN]);
}

#[test]
fn a_guest_declines_and_the_organizer_sees_it() {
    let mut desk = Desk::new();
    let page = calendar(&desk);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser
        .open(&format!("{page}/new?day=2026-03-09"))
        .form("/new");
    let made = browser.send(&form.with("title", "Hearing").with("guests", BEN));
    let ben = browser.open("/_sandbox/page/microsoft/ben@example.com");
    let month = ben.ok().link("Month");
    let month = browser.open(&format!("{month}&month=2026-03")).ok();
    let invited = browser.open(&month.link("Hearing")).ok();
    assert!(invited.has("Your answer"));
    let after = browser.send(&invited.form("/answer").with("answer", "declined"));
    assert!(after.ok().has("<ol class=\"month\">"), "his copy is gone");
    let organizer = browser.open(&made.path).ok();
    assert!(organizer.has("declined"), "{}", organizer.body);
    let mails = browser.open("/_sandbox/page/mails").ok();
    assert!(mails.has("an attendee answered"));
}

#[test]
fn one_occurrence_and_all_that_follow() {
    let mut desk = Desk::new();
    let master = text(&desk.create(five_days("Rounds"))["id"]);
    let page = calendar(&desk);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let month = browser.open(&format!("{page}?month=2026-03")).ok();
    assert_eq!(month.body.matches("class=\"entry\"").count(), 5);
    let first = browser.open(&month.link("Rounds")).ok();
    let form = browser.open(&first.link("Edit this one")).form("/edit");
    browser
        .send(
            &form
                .with("title", "Rounds, longer")
                .with("end_time", "10:30"),
        )
        .ok();
    let agenda = browser
        .open(&format!("{page}?view=agenda&from=2026-03-05"))
        .ok();
    let fourth = browser.open(&agenda.link("Rounds")).ok();
    let form = browser
        .open(&fourth.link("Edit this and following"))
        .form("/edit");
    let form = form.with("start_time", "14:00").with("end_time", "15:00");
    let after = browser.send(&form).ok();
    assert!(after.has("2 times"), "what is left of five: {}", after.body);
    let view = desk.view("2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z");
    let times: Vec<String> = view
        .iter()
        .map(|event| text(&event["start"]["dateTime"]))
        .collect();
    assert_eq!(
        times.iter().map(|time| &time[5..13]).collect::<Vec<_>>(),
        ["03-02T08", "03-03T08", "03-04T08", "03-05T13", "03-06T13"]
    );
    assert_eq!(view[0]["subject"], "Rounds, longer");
    let range = &desk.event(&master).body["recurrence"]["range"];
    assert_eq!(range["endDate"], "2026-03-04");
}

#[test]
fn a_whole_day_becomes_an_hour_and_back() {
    let mut desk = Desk::new();
    let page = calendar(&desk);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let form = browser
        .open(&format!("{page}/new?day=2026-03-28"))
        .form("/new");
    let form = form
        .with("title", "Leave")
        .with("all_day", "1")
        .with("end", "2026-03-30");
    let made = browser.send(&form).ok();
    assert!(made.has("Saturday, 28 March 2026 to Monday, 30 March 2026, all day"));
    let month = browser.open(&format!("{page}?month=2026-03")).ok();
    assert_eq!(
        month.body.matches(">Leave<").count(),
        3,
        "over the change of the clock"
    );
    let form: Form = browser.open(&made.link("Edit")).form("/edit");
    assert_eq!(
        (form.value("end"), form.value("all_day")),
        (Some("2026-03-30"), Some("1"))
    );
    let form = form
        .without("all_day")
        .with("start_time", "09:00")
        .with("end", "2026-03-28")
        .with("end_time", "10:00")
        .with("zone", "America/New_York");
    let after = browser.send(&form).ok();
    assert!(
        after.has("09:00 – 10:00 (America/New York)"),
        "{}",
        after.body
    );
    assert!(
        after.has("14:00 – 15:00 (Europe/Berlin)"),
        "an hour less than usual"
    );
}

#[test]
fn what_the_server_refuses_is_said_in_its_words_and_nothing_is_lost() {
    let mut desk = Desk::new();
    let calendar_id = desk.calendar.clone();
    desk.create(five_days("Rounds"));
    let page = calendar(&desk);
    let mut browser = Browser::new(&mut desk.world, desk.now);
    let month = browser.open(&format!("{page}?month=2026-03")).ok();
    let first = browser.open(&month.link("Rounds")).ok();
    let form = browser.open(&first.link("Edit this one")).form("/edit");
    let refused = browser.send(&form.with("start", "2026-03-04").with("end", "2026-03-04"));
    assert_eq!(refused.status, 400);
    assert!(refused.has("ErrorOccurrenceCrossingBoundary") && refused.has("value=\"2026-03-04\""));
    let all = desk.world.microsoft.all(ANN, &calendar_id).expect("events");
    assert_eq!(all[0]["exceptionOccurrences"], json!([]));
}
