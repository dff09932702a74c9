//! What is seen on the page: the way to everything, months and agendas, the log of requests.

use serde_json::{Value, json};

use super::browser::Browser;
use crate::google::desk::{ANN, Desk, ann, meeting, meeting_with, text, weekly};

const CALENDAR: &str = "/_sandbox/page/google/ann@example.com/ann@example.com";

fn log(browser: &mut Browser<'_>, since: u64) -> Value {
    let sight = browser.open(&format!("/_sandbox/page/requests.json?since={since}"));
    assert_eq!(
        sight.headers["content-type"],
        "application/json; charset=utf-8"
    );
    serde_json::from_str(&sight.body).expect("JSON")
}

#[test]
fn the_first_page_says_who_lives_where() {
    let mut desk = Desk::new();
    desk.world
        .add_account(kalends_sandbox::world::Account::new("ada"))
        .add_collection("work");
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open("/").ok();
    for piece in [
        "https://sandbox.example.com/google",
        "https://sandbox.example.com/microsoft",
        "https://sandbox.example.com/</code>",
        "Ann Example",
        "ada-password",
        "Nobody has an account here.",
        "<html lang=\"en\">",
    ] {
        assert!(page.has(piece), "{piece}");
    }
    assert_eq!(browser.open("/_sandbox/page/google/nobody").status, 404);
    assert_eq!(browser.open("/_sandbox/page/nowhere").status, 404);
    let style = browser.open("/_sandbox/page/style.css").ok();
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
}

#[test]
fn programs_that_ask_the_root_still_find_the_calendar_server() {
    let mut desk = crate::desk::Desk::plain();
    let found = crate::desk::propfind("/", "0", &["d:current-user-principal"]);
    assert!(desk.send(found).has("/dav/principals/ada/"));
    let get = desk.send(crate::desk::ask("GET", "/"));
    assert!(get.has("Kalends sandbox"), "a browser finds the page");
}

#[test]
fn a_month_shows_what_is_cancelled_declined_far_away_and_all_day() {
    let mut desk = Desk::new();
    desk.insert(&weekly("Rounds", 3));
    let series = desk.insert(&weekly("Clinic", 3));
    let instance = format!("{}_20260608T080000Z", text(&series, "id"));
    let now = desk.now;
    desk.google()
        .delete_event(ann(), &instance, now)
        .expect("one less");
    desk.insert(&json!({
        "summary": "Call", "transparency": "transparent",
        "start": { "dateTime": "2026-06-02T23:30:00-04:00", "timeZone": "America/New_York" },
        "end": { "dateTime": "2026-06-03T00:30:00-04:00", "timeZone": "America/New_York" },
    }));
    desk.insert(&json!({
        "summary": "Leave", "start": { "date": "2026-06-29" }, "end": { "date": "2026-07-02" },
    }));
    desk.insert(&meeting_with(
        "Dinner",
        json!({ "attendees": [{ "email": ANN, "responseStatus": "declined" }],
                "status": "tentative" }),
    ));
    let mut browser = Browser::new(&mut desk.world, now);
    let month = browser.open(&format!("{CALENDAR}?month=2026-06")).ok();
    assert!(month.has("June 2026"));
    assert_eq!(month.body.matches(">Leave<").count(), 3, "into July");
    assert_eq!(month.body.matches("entry cancelled").count(), 1);
    assert!(month.has("entry tentative"));
    // 05:30 on the 3rd in Berlin.
    let (_, third) = month
        .body
        .split_once("datetime=\"2026-06-03\"")
        .expect("a day");
    let (third, _) = third.split_once("datetime=").expect("the next day");
    assert!(
        third.contains("05:30") && third.contains("in America/New York"),
        "{third}"
    );
    let there = browser.open(&format!("{CALENDAR}?month=2026-06&zone=America/New_York"));
    let (_, second) = there
        .body
        .split_once("datetime=\"2026-06-02\"")
        .expect("a day");
    let (second, _) = second
        .split_once("datetime=\"2026-06-04\"")
        .expect("a later day");
    assert!(
        second.contains("23:30") && second.contains("continues"),
        "{second}"
    );
    let may = browser.open(&month.link("←")).ok();
    assert!(may.has("May 2026"));
    let agenda = browser
        .open(&format!("{CALENDAR}?view=agenda&from=2026-06-01"))
        .ok();
    for piece in [
        "10:00 – 11:00",
        "repeats",
        "cancelled",
        "All day",
        "05:30 – 06:30",
    ] {
        assert!(agenda.has(piece), "{piece} in {}", agenda.body);
    }
}

#[test]
fn a_crowded_day_leads_to_all_of_it() {
    let mut desk = Desk::new();
    for number in 0..9 {
        desk.insert(&meeting(&format!("Patient {number}")));
    }
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let month = browser.open(&format!("{CALENDAR}?month=2026-06")).ok();
    assert_eq!(month.body.matches(">Patient ").count(), 6);
    let day = browser.open(&month.link("3 more")).ok();
    assert_eq!(day.body.matches(">Patient ").count(), 9);
}

#[test]
fn the_log_goes_on_from_where_one_stopped_and_shows_no_looking() {
    let mut desk = Desk::new();
    desk.get("calendars/primary/events");
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let first = log(&mut browser, 0);
    assert_eq!(first["last"], 1);
    assert_eq!(first["requests"][0]["face"], "Google");
    assert_eq!(first["requests"][0]["method"], "GET");
    assert_eq!(first["requests"][0]["status"], 200);
    assert_eq!(log(&mut browser, 1)["requests"], json!([]));
    desk.post("calendars/primary/events", &meeting("Logged"));
    let mut browser = Browser::new(&mut desk.world, now);
    let next = log(&mut browser, 1);
    assert_eq!(next["requests"].as_array().map(Vec::len), Some(1));
    let body = next["requests"][0]["body"].as_str().expect("a body");
    assert!(body.contains("Logged"));
    let page = browser.open("/_sandbox/page/requests").ok();
    assert!(
        page.has("data-last=\"2\"") && page.has("/google/calendar/v3/calendars/primary/events")
    );
    desk.world.requests.clear();
    let mut browser = Browser::new(&mut desk.world, now);
    assert_eq!(log(&mut browser, 2)["last"], 0, "the world began anew");
}

#[test]
fn what_lets_somebody_in_is_not_in_the_log() {
    let mut desk = Desk::new();
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let secrets = "grant_type=refresh_token&client_secret=s3cret&refresh_token=1//tok&password=pw1";
    browser.ask("POST", "/google/token?code=c0de&state=x", &[], secrets);
    let page = browser.open("/_sandbox/page/requests").ok();
    for shown in [page.body, log(&mut browser, 0).to_string()] {
        assert!(shown.contains("grant_type=refresh_token"));
        assert!(shown.contains("client_secret=…") && shown.contains("state=x"));
        for secret in ["s3cret", "1//tok", "pw1", "c0de"] {
            assert!(!shown.contains(secret), "{secret}");
        }
    }
}
