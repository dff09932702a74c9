//! Faults and the clock by the page's forms, as programs feel them.

use bytes::Bytes;
use http::{Request, StatusCode};
use kalends_sandbox::{Outcome, World, control};

use super::browser::{Browser, Form};
use crate::google::desk::{ALL, ANN, CLIENT, Desk};

const FAULTS: &str = "/_sandbox/page/faults";
const CLOCK: &str = "/_sandbox/page/clock";

/// What a program gets that lists Ann's events; none where the connection breaks.
fn listed(world: &mut World, token: &str, now: jiff::Timestamp) -> Option<StatusCode> {
    let request = Request::get("/google/calendar/v3/calendars/primary/events")
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new())
        .expect("a request");
    match control::exchange(world, &request, now).outcome {
        Outcome::Answered(response) => Some(response.status()),
        Outcome::Lost => None,
    }
}

#[test]
fn a_rule_made_on_the_page_strikes_programs_and_never_the_page() {
    let mut desk = Desk::new();
    let (token, now) = (desk.token.clone(), desk.now);
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open(FAULTS).ok();
    assert!(page.has("nothing goes wrong"));
    let form = page.form("/faults");
    let form = form
        .with("fault", "status")
        .with("number", "503")
        .with("face", "google")
        .with("count", "2");
    let page = browser.send(&form).ok();
    assert!(page.has("the status: 503 · face google · in 100 of 100 cases · at most 2 times"));
    let lost = page.form("/faults").with("fault", "lost_before_send");
    browser.send(&lost.with("path", "/events")).ok();
    let answers: Vec<_> = (0..3)
        .map(|_| listed(&mut desk.world, &token, now))
        .collect();
    let unavailable = Some(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answers, [unavailable, unavailable, None]);
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open(FAULTS).ok();
    assert!(page.has("Met 2 times, struck 2 times."), "{}", page.body);
    let log = browser.open("/_sandbox/page/requests").ok();
    assert!(log.has("never came") && log.has("LostBeforeSend"));
    let page = browser.send(&page.form("/remove").with("id", "2")).ok();
    assert_eq!(page.body.matches("class=\"card\"").count(), 1);
    let all = page.form("/remove").without("id");
    assert!(browser.send(&all).ok().has("nothing goes wrong"));
    assert_eq!(listed(&mut desk.world, &token, now), Some(StatusCode::OK));
}

#[test]
fn a_rule_that_cannot_be_is_refused_with_its_reason() {
    let mut desk = Desk::new();
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let form = browser.open(FAULTS).form("/faults");
    for (name, value, told) in [
        ("path", "(", "not a regular expression"),
        ("number", "99", "A status from 400 to 599"),
        ("percent", "101", "A number from 0 to 100"),
        ("count", "many", "not a whole number"),
        ("fault", "gremlins", "no such fault"),
    ] {
        let form = form.clone().with("fault", "status").with("number", "500");
        let refused = browser.send(&form.with(name, value));
        assert!(refused.status.is_client_error(), "{name}: {}", refused.body);
        assert!(
            refused.has(told) && refused.has("role=\"alert\""),
            "{name}: {}",
            refused.body
        );
    }
    assert!(browser.open(FAULTS).ok().has("nothing goes wrong"));
}

#[test]
fn the_clock_is_moved_and_set_right_again() {
    let mut desk = Desk::new();
    let now = desk.now;
    let token = desk.google().oauth.issue(ANN, CLIENT, &[ALL], now);
    assert_eq!(listed(&mut desk.world, &token, now), Some(StatusCode::OK));
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open(CLOCK).ok();
    assert!(page.has("It is right."));
    let form = page.form("/clock").with("advance", "24h");
    let page = browser.send(&form).ok();
    assert!(page.has("Thursday, 21 May 2026, 08:00:00 UTC"));
    assert!(page.has("It is 1 d 0 h 0 min ahead."));
    assert_eq!(
        listed(&mut desk.world, &token, now),
        Some(StatusCode::UNAUTHORIZED)
    );
    let mut browser = Browser::new(&mut desk.world, now);
    let set = |name: &str, value: &str| Form {
        action: CLOCK.to_owned(),
        fields: vec![(name.to_owned(), value.to_owned())],
    };
    let early = browser.send(&set("now", "2026-05-20T07:30")).ok();
    assert!(early.has("It is 0 d 0 h 30 min behind."), "{}", early.body);
    assert!(browser.send(&set("now", "soon")).status.is_client_error());
    assert!(browser.send(&set("right", "1")).ok().has("It is right."));
}

#[test]
fn a_world_goes_back_to_its_beginning_and_another_takes_its_place() {
    let mut desk = Desk::new();
    desk.world.begin_here();
    desk.insert(&crate::google::desk::meeting("Since then"));
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open("/_sandbox/page/worlds").ok();
    let back = browser.send(&page.form("/worlds").without("seed"));
    assert_eq!(back.path, "/");
    assert!(back.ok().has("Ann Example"));
    assert!(browser.world.google.events(ANN).is_empty());
    let planted = browser.send(&page.form("/worlds").with("seed", "clinic"));
    assert!(!planted.ok().has("Ann Example"), "other people live here");
    assert!(browser.world.google.accounts.len() > 1);
    let wrong = browser.send(&page.form("/worlds").with("seed", "moon"));
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    assert!(wrong.has("role=\"alert\""));
}
