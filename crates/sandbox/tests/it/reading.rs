//! GET and HEAD of one object.

use http::StatusCode;
use kalends_sandbox::quirks::Etags;

use crate::desk::{CALENDAR, Desk, ask, event};

#[test]
fn an_object_comes_with_its_tag_and_only_when_it_is_new() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("a b.ics", &event("a", "a"));
    let first = desk.get("a%20b.ics");
    assert_eq!(
        (first.status, first.body.as_str()),
        (StatusCode::OK, event("a", "a").as_str())
    );
    assert_eq!(
        first.header("content-type"),
        Some("text/calendar; charset=utf-8")
    );
    let etag = first.header("etag").expect("an ETag").to_owned();
    let path = format!("{CALENDAR}a%20b.ics");
    let again = desk.send(ask("GET", &path).header("if-none-match", &etag));
    assert_eq!(
        (again.status, again.body.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    desk.elsewhere_put("a b.ics", &event("a", "new"));
    assert_eq!(
        desk.send(ask("GET", &path).header("if-none-match", &etag))
            .status,
        StatusCode::OK
    );
    // The first text again is a new version all the same.
    desk.elsewhere_put("a b.ics", &event("a", "a"));
    assert_ne!(desk.get("a%20b.ics").header("etag"), Some(etag.as_str()));
    let head = desk.send(ask("HEAD", &path));
    assert!(head.header("etag").is_some() && head.body.is_empty());
}

#[test]
fn what_is_not_there() {
    let mut desk = Desk::plain();
    assert_eq!(desk.get("none.ics").status, StatusCode::NOT_FOUND);
    assert_eq!(
        desk.send(ask("GET", "/somewhere/else")).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        desk.send(ask("GET", CALENDAR)).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        desk.send(ask("PATCH", CALENDAR)).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[test]
fn tags_may_be_weak_or_missing() {
    for (etags, weak) in [
        (Etags::WeakAccepted, Some(true)),
        (Etags::WeakRefused, Some(true)),
        (Etags::Never, None),
    ] {
        let mut desk = Desk::plain();
        desk.calendar().quirks.etags = etags;
        desk.elsewhere_put("a.ics", &event("a", "a"));
        assert_eq!(
            desk.get("a.ics")
                .header("etag")
                .map(|tag| tag.starts_with("W/\"")),
            weak,
            "{etags:?}"
        );
    }
}
