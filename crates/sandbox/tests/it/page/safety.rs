//! What is text stays text, and nobody is made to send a form from elsewhere.

use http::StatusCode;
use serde_json::json;

use super::browser::Browser;
use crate::google::desk::{ANN, BOB, Desk, meeting_with, text};

const CALENDAR: &str = "/_sandbox/page/google/ann@example.com/ann@example.com";
const EVIL: &str = "\"><script>alert(1)</script><img src=x onerror='x'>";

#[test]
fn a_title_with_a_script_is_read_and_not_run() {
    let mut desk = Desk::new();
    let event = meeting_with(
        EVIL,
        json!({ "location": EVIL, "description": EVIL, "attendees": [
            { "email": BOB, "displayName": EVIL },
        ] }),
    );
    let event = desk.insert(&event);
    let id = text(&event, "id").to_owned();
    desk.get(&format!(
        "calendars/primary/events?q={}",
        crate::google::desk::encoded(EVIL)
    ));
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    for path in [
        format!("{CALENDAR}?month=2026-06"),
        format!("{CALENDAR}?view=agenda&from=2026-06-01"),
        format!("{CALENDAR}/event?id={id}"),
        format!("{CALENDAR}/edit?id={id}"),
        "/_sandbox/page/requests".to_owned(),
        "/_sandbox/page/mails".to_owned(),
        format!("{CALENDAR}?zone=%22%3E%3Cscript%3E&month=%3Cscript%3E"),
        format!("{CALENDAR}/event?id={id}&said=%3Cscript%3E"),
    ] {
        let page = browser.open(&path).ok();
        assert_eq!(
            page.body.matches("<script").count(),
            1,
            "only our own: {path}"
        );
        assert!(!page.has("<img"), "{path}");
    }
    let form = browser
        .open(&format!("{CALENDAR}/edit?id={id}"))
        .form("/edit");
    assert_eq!(form.value("title"), Some(EVIL), "as it was written");
    assert!(browser.send(&form).ok().has("Nothing was changed."));
    let refused = browser.send(&form.with("start", EVIL));
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body.matches("<script").count(), 1);
}

#[test]
fn a_page_loads_nothing_from_elsewhere_and_is_framed_by_nobody() {
    let mut desk = Desk::new();
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    for path in [
        "/",
        CALENDAR,
        "/_sandbox/page/requests",
        "/_sandbox/page/access",
        "/_sandbox/page/none/such",
    ] {
        let page = browser.open(path);
        let policy = page.headers["content-security-policy"]
            .to_str()
            .expect("text");
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.headers["x-frame-options"], "DENY");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert!(!page.has("style=") && !page.has(" onclick"), "{path}");
    }
}

#[test]
fn a_form_that_was_sent_from_another_site_is_refused() {
    let mut desk = Desk::new();
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let form = browser
        .open(&format!("{CALENDAR}/new?day=2026-06-01"))
        .form("/new");
    let body = form.with("title", "Forged").written();
    let new = format!("{CALENDAR}/new");
    for headers in [
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ][..],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://sandbox.example.com"),
        ],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "https://sandbox.example.com.evil.example")],
        &[("origin", "null")],
        &[],
    ] {
        let sight = browser.ask("POST", &new, headers, &body);
        assert_eq!(sight.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert!(browser.world.google.events(ANN).is_empty());
    let own = browser.ask(
        "POST",
        &new,
        &[("origin", "https://sandbox.example.com")],
        &body,
    );
    assert_eq!(own.status, StatusCode::SEE_OTHER, "an older browser");
    assert_eq!(browser.world.google.events(ANN).len(), 1);
    let typed = browser.ask("GET", &format!("{new}?{body}"), &[], "");
    assert_eq!(typed.status, StatusCode::OK, "an address makes nothing");
    assert_eq!(browser.world.google.events(ANN).len(), 1);
    assert_eq!(
        browser.ask("PUT", &new, &[], "").status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}
