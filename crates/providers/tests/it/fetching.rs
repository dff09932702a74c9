//! Reading single events: one answer for each id, whatever the server leaves out, renames or spoils.

use std::collections::BTreeMap;
use std::sync::Arc;

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId, Version};
use kalends_calendar::provider::{Provider, State};

use crate::script::{Script, account_at, found, multistatus, status};

const CAL: &str = "https://dav.example.com/cal/ann%40example.com/";
const REPORT: &str = "REPORT https://dav.example.com/cal/ann%40example.com/";

fn id(name: &str) -> RemoteId {
    RemoteId(format!("/cal/ann%40example.com/{name}"))
}

fn get(name: &str) -> String {
    format!("GET {CAL}{name}")
}

fn object(title: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:{title}@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T100000Z\r\nDURATION:PT1H\r\nSUMMARY:{title}\r\nX-OWN;A=b:kept\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn entry(href: &str, tag: &str, data: &str) -> String {
    found(
        href,
        &format!("<d:getetag>\"{tag}\"</d:getetag><cal:calendar-data>{data}</cal:calendar-data>"),
    )
}

async fn fetch(script: &Arc<Script>, names: &[&str]) -> Result<BTreeMap<RemoteId, State>, Failure> {
    let ids: Vec<RemoteId> = names.iter().map(|name| id(name)).collect();
    let account = account_at(script, "https://dav.example.com/");
    let changes = account.fetch(&RemoteCalendarId::from(CAL), &ids).await?;
    assert_eq!(changes.len(), ids.len(), "one change for each id");
    Ok(changes
        .into_iter()
        .map(|change| (change.remote_id, change.state))
        .collect())
}

fn title(state: &State) -> &str {
    match state {
        State::Present(observed) => &observed.event.master.details.title,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_tells_present_gone_and_broken_apart() {
    let body = multistatus(
        &[
            entry("/cal/ann@example.com/a.ics", "1", &object("A")),
            entry("/other/path/to/b%2Eics", "2", &object("B")),
            status("/cal/ann%40example.com/c.ics", "404 Not Found"),
            entry(
                "/cal/ann%40example.com/d.ics",
                "4",
                "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:d\r\nDTSTART:never\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            ),
            status("/cal/ann%40example.com/e.ics", "403 Forbidden"),
            entry("/cal/ann%40example.com/unasked.ics", "9", &object("X")),
        ]
        .concat(),
    );
    let script = Script::new().on(REPORT, 207, &body);
    let states = fetch(&script, &["a.ics", "b.ics", "c.ics", "d.ics", "e.ics"])
        .await
        .unwrap();
    assert_eq!(title(&states[&id("a.ics")]), "A");
    let State::Present(observed) = &states[&id("a.ics")] else {
        unreachable!("its title was read")
    };
    assert_eq!(observed.version, Some(Version::from("\"1\"")));
    assert_eq!(observed.raw.0, object("A"));
    assert_eq!(title(&states[&id("b.ics")]), "B");
    assert_eq!(states[&id("c.ics")], State::Gone);
    let State::Broken { version, error } = &states[&id("d.ics")] else {
        panic!("{states:?}")
    };
    assert_eq!(*version, Some(Version::from("\"4\"")));
    assert!(
        error.contains("DTSTART") && error.contains("line 4"),
        "{error}"
    );
    assert!(matches!(&states[&id("e.ics")], State::Broken { .. }));
    assert!(
        script
            .last_body()
            .contains("<d:href>/cal/ann%40example.com/a.ics</d:href>")
    );
}

#[tokio::test]
async fn a_path_that_opens_with_two_slashes_is_not_another_host() {
    let id = RemoteId::from("//cal/ann/a.ics");
    let script = Script::new().on(REPORT, 405, "").on(
        "GET https://dav.example.com//cal/ann/a.ics",
        200,
        &object("A"),
    );
    let account = account_at(&script, "https://dav.example.com/");
    let ids = [id.clone()];
    let changes = account.fetch(&RemoteCalendarId::from(CAL), &ids).await;
    let changes = changes.unwrap();
    assert_eq!(changes[0].remote_id, id);
    assert_eq!(title(&changes[0].state), "A");
    let asked = script.asked();
    let batch = std::str::from_utf8(&asked[0].body).unwrap();
    assert!(
        batch.contains("<d:href>https://dav.example.com//cal/ann/a.ics</d:href>"),
        "{batch}"
    );
}

#[tokio::test]
async fn what_a_batch_leaves_open_is_asked_for_by_itself() {
    let dataless = "<d:response><d:href>/cal/ann%40example.com/b.ics</d:href><d:propstat><d:prop><d:getetag/><cal:calendar-data/></d:prop>\
        <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>";
    let body = multistatus(&[dataless, &entry("/cal/ann%40example.com/c.ics", "3", "")].concat());
    let script = Script::new()
        .on(REPORT, 207, &body)
        .on_with(&get("a.ics"), 200, &[("etag", "\"1\"")], &object("A"))
        .on(&get("b.ics"), 404, "")
        .on(&get("c.ics"), 200, &object("C"));
    let states = fetch(&script, &["a.ics", "b.ics", "c.ics"]).await.unwrap();
    assert_eq!(title(&states[&id("a.ics")]), "A");
    assert_eq!(states[&id("b.ics")], State::Gone);
    let State::Present(observed) = &states[&id("c.ics")] else {
        panic!("{states:?}")
    };
    assert_eq!(observed.version, None);
}

#[tokio::test]
async fn servers_that_refuse_batches_are_asked_one_by_one() {
    for code in [400, 403, 405, 500, 501] {
        let script = Script::new()
            .on(REPORT, code, "")
            .on(&get("a.ics"), 200, &object("A"))
            .on(&get("b.ics"), 500, "");
        let states = fetch(&script, &["a.ics", "b.ics"]).await.unwrap();
        assert_eq!(title(&states[&id("a.ics")]), "A", "{code}");
        assert!(
            matches!(&states[&id("b.ics")], State::Broken { .. }),
            "{code}"
        );
    }
    // One event with a character that XML forbids must not hide the others.
    let spoilt = multistatus(
        &[
            entry("/cal/ann%40example.com/a.ics", "1", &object("A")),
            entry("/cal/ann%40example.com/b.ics", "2", "&#0;"),
        ]
        .concat(),
    );
    let script = Script::new()
        .on(REPORT, 207, &spoilt)
        .on(&get("a.ics"), 200, &object("A"))
        .on(&get("b.ics"), 200, "\u{1}");
    let states = fetch(&script, &["a.ics", "b.ics"]).await.unwrap();
    assert_eq!(title(&states[&id("a.ics")]), "A");
    assert!(matches!(&states[&id("b.ics")], State::Broken { .. }));
}

#[tokio::test]
async fn what_fails_for_now_among_good_ones_is_broken_in_no_version() {
    let later = |state: &State| matches!(state, State::Broken { version: None, .. });
    for line in ["503 Busy", "500 Oops", "423 Locked", "429 Slow down"] {
        // Within a batch.
        let body = multistatus(
            &[
                entry("/cal/ann%40example.com/a.ics", "1", &object("A")),
                status("/cal/ann%40example.com/b.ics", line),
            ]
            .concat(),
        );
        let script = Script::new().on(REPORT, 207, &body);
        let states = fetch(&script, &["a.ics", "b.ics"]).await.unwrap();
        assert_eq!(title(&states[&id("a.ics")]), "A", "{line}");
        assert!(later(&states[&id("b.ics")]), "{line}: {states:?}");

        // Not one is good: a busy server says so of all, and all else is about the event.
        let none = multistatus(&status("/cal/ann%40example.com/b.ics", line));
        let script = Script::new().on(REPORT, 207, &none);
        let fetched = fetch(&script, &["b.ics"]).await;
        if line.starts_with("503") || line.starts_with("429") {
            let class = fetched.unwrap_err().class;
            assert_eq!(class, Class::Passing { retry_at: None }, "{line}");
        } else {
            assert!(later(&fetched.unwrap()[&id("b.ics")]), "{line}");
        }
    }
    // By themselves; an entity tag on the refusal is not that of the event.
    for code in [423, 500, 502, 504] {
        let script = Script::new()
            .on(REPORT, 405, "")
            .on_with(&get("a.ics"), code, &[("etag", "\"1\"")], "")
            .on(&get("b.ics"), 200, &object("B"));
        let states = fetch(&script, &["a.ics", "b.ics"]).await.unwrap();
        assert!(later(&states[&id("a.ics")]), "{code}: {states:?}");
        assert_eq!(title(&states[&id("b.ics")]), "B", "{code}");
    }
    // A server that wants to be left alone is not asked for the rest, and what it gave is kept.
    for code in [429, 503] {
        let script = Script::new()
            .on(REPORT, 405, "")
            .on(&get("a.ics"), 200, &object("A"))
            .on_with(&get("b.ics"), code, &[("retry-after", "20")], "");
        let states = fetch(&script, &["a.ics", "b.ics", "c.ics"]).await.unwrap();
        assert_eq!(title(&states[&id("a.ics")]), "A", "{code}");
        assert!(later(&states[&id("b.ics")]), "{code}: {states:?}");
        assert!(later(&states[&id("c.ics")]), "{code}: {states:?}");

        let script = Script::new().on(REPORT, 405, "").on_with(
            &get("a.ics"),
            code,
            &[("retry-after", "20")],
            "",
        );
        let failure = fetch(&script, &["a.ics", "b.ics"]).await.unwrap_err();
        let retry_at = Some("2026-03-01T10:00:20Z".parse().unwrap());
        assert_eq!(failure.class, Class::Passing { retry_at }, "{code}");
    }
}

/// sabre/dav answers 500 to whatever names an event whose stored text it cannot read: the multiget and the event itself.
#[tokio::test]
async fn one_event_that_the_server_cannot_read_stops_nothing() {
    let script = Script::new()
        .on(REPORT, 500, "")
        .on(&get("corrupt.ics"), 500, "");
    let states = fetch(&script, &["corrupt.ics"]).await.unwrap();
    let State::Broken { version, error } = &states[&id("corrupt.ics")] else {
        panic!("{states:?}")
    };
    assert_eq!(
        *version, None,
        "it is tried again whether or not it changes"
    );
    assert!(error.contains("500"), "{error}");
}

#[tokio::test]
async fn a_server_that_says_when_to_come_back_is_no_broken_event() {
    let script =
        Script::new()
            .on(REPORT, 500, "")
            .on_with(&get("a.ics"), 500, &[("retry-after", "20")], "");
    let account = account_at(&script, "https://dav.example.com/");
    let calendar = RemoteCalendarId::from(CAL);
    let failure = account
        .fetch(&calendar, &[id("a.ics"), id("b.ics")])
        .await
        .unwrap_err();
    let retry_at = Some("2026-03-01T10:00:20Z".parse().unwrap());
    assert_eq!(failure.class, Class::Passing { retry_at });
    // Nor is it asked anything else before that.
    assert_eq!(account.left_alone_until(), retry_at);
    let failure = account.fetch(&calendar, &[id("c.ics")]).await.unwrap_err();
    assert_eq!(failure.class, Class::Passing { retry_at });
    for (code, class) in [
        (401, Class::ReconnectNeeded),
        (404, Class::Gone),
        (429, Class::Passing { retry_at: None }),
        (503, Class::Passing { retry_at: None }),
        (200, Class::Protocol),
    ] {
        let script = Script::new().on(REPORT, code, "");
        assert_eq!(
            fetch(&script, &["a.ics"]).await.unwrap_err().class,
            class,
            "{code}"
        );
    }
    let script = Script::new();
    assert_eq!(fetch(&script, &[]).await.unwrap().len(), 0);
}
