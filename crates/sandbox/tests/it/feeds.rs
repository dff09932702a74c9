//! Feeds: served well, served badly, and not at all.

use http::StatusCode;
use kalends_sandbox::ics::{Body, Feed, Stamps, Validators};
use kalends_sandbox::{Fault, seed};

use crate::desk::{Answer, Desk, ask, event};

const FEED: &str = "/feeds/secret.ics";

fn desk(change: impl Fn(&mut Feed)) -> Desk {
    let mut desk = Desk::plain();
    desk.elsewhere_put("a.ics", &event("a", "a"));
    desk.elsewhere_put("b.ics", &event("b", "b"));
    let mut feed = Feed::new(desk.work.clone());
    change(&mut feed);
    desk.world.feeds.insert(FEED.to_owned(), feed);
    desk
}

fn get(desk: &mut Desk) -> Answer {
    desk.send(ask("GET", FEED).header("authorization", ""))
}

#[test]
fn a_feed_is_the_collection_in_one_file() {
    let mut desk = desk(|_| {});
    let answer = get(&mut desk);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body.matches("BEGIN:VEVENT").count(), 2);
    assert_eq!(answer.body.matches("BEGIN:VCALENDAR").count(), 1);
    assert!(answer.body.ends_with("END:VCALENDAR\r\n"));
    assert_eq!(
        desk.send(ask("GET", "/feeds/other.ics")).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        desk.send(ask("PUT", FEED)).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[test]
fn each_zone_stands_once() {
    let mut desk = desk(|_| {});
    for (index, text) in seed::populate(3, 60).iter().enumerate() {
        desk.elsewhere_put(&format!("{index}.ics"), text);
    }
    assert_eq!(
        get(&mut desk)
            .body
            .matches("TZID:Europe/Berlin\r\n")
            .count(),
        1
    );
}

#[test]
fn conditions_are_honoured_as_far_as_there_are_validators() {
    for (validators, by_etag, by_date) in [
        (Validators::EtagAndDate, 304, 304),
        (Validators::Etag, 304, 200),
        (Validators::Date, 200, 304),
        (Validators::None, 200, 200),
    ] {
        let mut desk = desk(|feed| feed.validators = validators);
        let first = get(&mut desk);
        let etag = first.header("etag").unwrap_or("\"x\"").to_owned();
        let date = first
            .header("last-modified")
            .unwrap_or("Thu, 01 Jan 1970 00:00:00 GMT")
            .to_owned();
        let again = |desk: &mut Desk| {
            let etag = desk
                .send(ask("GET", FEED).header("if-none-match", &etag))
                .status
                .as_u16();
            let date = desk
                .send(ask("GET", FEED).header("if-modified-since", &date))
                .status
                .as_u16();
            (etag, date)
        };
        assert_eq!(again(&mut desk), (by_etag, by_date), "{validators:?}");
        desk.elsewhere_put("a.ics", &event("a", "new"));
        assert_eq!(again(&mut desk), (200, 200), "{validators:?}");
    }
}

#[test]
fn stamps_may_differ_each_time() {
    let mut desk = desk(|feed| feed.stamps = Stamps::Request);
    let (first, second) = (get(&mut desk), get(&mut desk));
    assert_ne!(first.body, second.body);
    assert_ne!(first.header("etag"), second.header("etag"));
    let without = |answer: &Answer| {
        answer
            .body
            .lines()
            .filter(|line| !line.starts_with("DTSTAMP"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(without(&first), without(&second));
}

#[test]
fn what_publishers_do_instead() {
    let serve = |body: Body| get(&mut desk(move |feed| feed.body = body.clone()));
    let page = serve(Body::LoginPage);
    assert!(page.status == StatusCode::OK && page.has("<html>"));
    let cut = serve(Body::Truncated);
    assert!(cut.status == StatusCode::OK && !cut.has("END:VCALENDAR"));
    let huge = serve(Body::Huge { bytes: 1_000_000 });
    assert!(huge.body.len() >= 1_000_000 && huge.body.ends_with("END:VCALENDAR\r\n"));
    let away = serve(Body::Redirect {
        to: "http://169.254.169.254/latest".to_owned(),
    });
    assert_eq!(
        (away.status, away.header("location")),
        (StatusCode::FOUND, Some("http://169.254.169.254/latest"))
    );
    assert_eq!(serve(Body::NotFound).status, StatusCode::NOT_FOUND);
    assert_eq!(serve(Body::Gone).status, StatusCode::GONE);
    let empty = serve(Body::Empty);
    assert!(empty.has("END:VCALENDAR") && !empty.has("VEVENT"));
}

#[test]
fn faults_strike_feeds_too() {
    let mut desk = desk(|_| {});
    assert!(
        !desk
            .send(ask("GET", FEED).struck(Fault::EmptyListing))
            .has("VEVENT")
    );
    let session = kalends_sandbox::faults::Session::Kept;
    let stale = desk.send(ask("GET", FEED).struck(Fault::StaleRead {
        changes: 1,
        session,
    }));
    assert_eq!(stale.body.matches("BEGIN:VEVENT").count(), 1);
}
