//! Feeds as publishers serve them, whole and broken.

use std::sync::Arc;

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteCalendarId};
use kalends_calendar::provider::{Access, Coverage, Next, Page, Position, Provider, State};
use kalends_providers::http::{Transport, TransportError};
use kalends_providers::ics::Feed;

use crate::script::{Script, Still};

const URL: &str = "https://feeds.example.com/private-token/basic.ics";
const GET: &str = "GET https://feeds.example.com/private-token/basic.ics";

fn feed_at(script: &Arc<Script>, url: &str) -> Feed {
    let transport: Arc<dyn Transport> = Arc::clone(script) as _;
    Feed::new(transport, Arc::new(Still), url.parse().unwrap())
}

fn event(uid: &str, title: &str, stamp: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:{stamp}\r\nDTSTART:20260301T100000Z\r\nDTEND:20260301T110000Z\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n"
    )
}

fn calendar(events: &[String]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nX-WR-CALNAME:Matches\r\nX-APPLE-CALENDAR-COLOR:#FF2968\r\n{}END:VCALENDAR\r\n",
        events.concat()
    )
}

async fn id_of(feed_url: &str) -> RemoteCalendarId {
    let script = Script::new().on(GET, 200, &calendar(&[]));
    feed_at(&script, feed_url)
        .calendars()
        .await
        .unwrap()
        .calendars[0]
        .id
        .clone()
}

async fn changes(script: &Arc<Script>, from: &Position) -> Result<Page, Failure> {
    feed_at(script, URL).changes(&id_of(URL).await, from).await
}

fn cursor_of(page: &Page) -> Cursor {
    match &page.next {
        Next::Done {
            cursor: Some(cursor),
            ..
        } => cursor.clone(),
        other => panic!("{other:?}"),
    }
}

fn ids(page: &Page) -> Vec<&str> {
    page.changes
        .iter()
        .map(|change| change.remote_id.as_str())
        .collect()
}

#[tokio::test]
async fn a_feed_is_one_calendar_that_can_only_be_read() {
    let body = calendar(&[event("a", "Kick-off", "20260101T000000Z")]);
    let script = Script::new().on(GET, 200, &body);
    let feed = feed_at(
        &script,
        "webcal://feeds.example.com/private-token/basic.ics",
    );
    let found = feed.calendars().await.unwrap().calendars;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "Matches");
    assert_eq!(found[0].color.as_deref(), Some("#ff2968"));
    assert_eq!(found[0].access, Access::ReadOnly);
    assert_eq!(found[0].id, id_of(URL).await);
    // Its address is a secret and shows nowhere.
    for shown in [
        found[0].id.to_string(),
        format!("{feed:?}"),
        format!("{:?}", script.asked()),
    ] {
        assert!(!shown.contains("token"), "{shown}");
    }
}

#[tokio::test]
async fn an_unchanged_feed_is_nothing_new_with_and_without_validators() {
    let body = calendar(&[event("a", "Kick-off", "20260101T000000Z")]);
    let script = Script::new().on_with(
        GET,
        200,
        &[
            ("etag", "\"e1\""),
            ("last-modified", "Sun, 01 Mar 2026 09:00:00 GMT"),
        ],
        &body,
    );
    let first = changes(&script, &Position::Start).await.unwrap();
    assert_eq!(ids(&first), ["a"]);
    assert!(matches!(
        first.next,
        Next::Done {
            coverage: Coverage::Complete,
            ..
        }
    ));

    let since = Position::Since(cursor_of(&first));
    let script = Script::new().on(GET, 304, "");
    let second = changes(&script, &since).await.unwrap();
    assert_eq!(second.changes, []);
    assert_eq!(
        second.next,
        Next::Done {
            cursor: Some(cursor_of(&first)),
            coverage: Coverage::Incremental
        }
    );
    assert_eq!(
        script.last_header("if-none-match").as_deref(),
        Some("\"e1\"")
    );
    assert_eq!(
        script.last_header("if-modified-since").as_deref(),
        Some("Sun, 01 Mar 2026 09:00:00 GMT")
    );

    let script = Script::new().on(GET, 200, &body);
    let third = changes(&script, &since).await.unwrap();
    assert_eq!(third.changes, []);
    assert!(matches!(
        third.next,
        Next::Done {
            coverage: Coverage::Incremental,
            ..
        }
    ));
}

#[tokio::test]
async fn new_stamps_are_no_new_versions() {
    let version = |page: &Page| match &page.changes[0].state {
        State::Present(observed) => observed.version.clone(),
        other => panic!("{other:?}"),
    };
    let list = async |title: &str, stamp: &str| {
        let script = Script::new().on(GET, 200, &calendar(&[event("a", title, stamp)]));
        version(&changes(&script, &Position::Start).await.unwrap())
    };
    let first = list("Kick-off", "20260101T000000Z").await;
    assert_eq!(first, list("Kick-off", "20260201T000000Z").await);
    assert_ne!(first, list("Final", "20260101T000000Z").await);
}

#[tokio::test]
async fn what_is_no_whole_calendar_is_an_error_and_never_a_deletion() {
    let whole = calendar(&[
        event("a", "A", "20260101T000000Z"),
        event("b", "B", "20260101T000000Z"),
    ]);
    for cut in [
        10,
        60,
        whole.len() / 2,
        whole.len() - 40,
        whole.len() - 18,
        whole.len() - 3,
    ] {
        let script = Script::new().on(GET, 200, &whole[..cut]);
        assert_eq!(
            changes(&script, &Position::Start).await.unwrap_err().class,
            Class::Protocol,
            "cut at {cut}"
        );
    }
    for (body, sentence) in [
        (
            "",
            "feeds.example.com answers nothing instead of a calendar",
        ),
        (
            "<!DOCTYPE html><html><body>Sign in</body></html>",
            "feeds.example.com answers a web page, perhaps to sign in instead of a calendar",
        ),
        (
            "{\"error\":1}",
            "feeds.example.com answers something else instead of a calendar",
        ),
    ] {
        let script = Script::new().on(GET, 200, body);
        let failure = changes(&script, &Position::Start).await.unwrap_err();
        assert_eq!(
            (failure.class, failure.message.as_str()),
            (Class::Protocol, sentence)
        );
    }
    let script = Script::new().fails(
        GET,
        TransportError::TooLong {
            host: "feeds.example.com".to_owned(),
            limit_bytes: 20_000_000,
        },
    );
    assert_eq!(
        changes(&script, &Position::Start).await.unwrap_err().class,
        Class::Protocol
    );
    // A whole calendar without events is one: what follows is for the engine's brake.
    let script = Script::new().on(GET, 200, &calendar(&[]));
    assert_eq!(
        changes(&script, &Position::Start).await.unwrap().changes,
        []
    );
}

#[tokio::test]
async fn a_broken_event_keeps_its_name_and_does_not_stop_the_others() {
    let broken =
        "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:nonsense\r\nSUMMARY:B\r\nEND:VEVENT\r\n".to_owned();
    let body = calendar(&[
        event("a", "A", "20260101T000000Z"),
        broken,
        event("c", "C", "20260101T000000Z"),
    ]);
    let script = Script::new().on(GET, 200, &body);
    let page = changes(&script, &Position::Start).await.unwrap();
    assert_eq!(ids(&page), ["a", "b", "c"]);
    assert!(
        matches!(&page.changes[1].state, State::Broken { error, .. } if error.contains("DTSTART"))
    );
    assert!(matches!(
        page.next,
        Next::Done {
            coverage: Coverage::Complete,
            ..
        }
    ));

    // One without a name may be any of the known ones: then nothing is taken for gone.
    let nameless = "BEGIN:VEVENT\r\nDTSTART:nonsense\r\nSUMMARY:B\r\nEND:VEVENT\r\n".to_owned();
    let body = calendar(&[event("a", "A", "20260101T000000Z"), nameless]);
    let script = Script::new().on(GET, 200, &body);
    let page = changes(&script, &Position::Start).await.unwrap();
    assert!(page.changes[1].remote_id.as_str().starts_with("no-uid-"));
    assert!(matches!(
        page.next,
        Next::Done {
            coverage: Coverage::Incremental,
            ..
        }
    ));

    // Nor when it is asked for by itself.
    let script = Script::new().on(GET, 200, &body);
    let found = feed_at(&script, URL)
        .fetch(&id_of(URL).await, &["a".into(), "x".into()])
        .await
        .unwrap();
    assert!(matches!(&found[0].state, State::Present(_)));
    assert!(matches!(
        &found[1].state,
        State::Broken { version: None, error } if error.contains("may be this one")
    ));
}

#[tokio::test]
async fn an_event_that_becomes_unreadable_is_known_by_the_name_it_had() {
    // Escapes that nobody defined, a second UID after an empty one, and a UID that no database would take as a key.
    let long = "x".repeat(3_000);
    for uid in [
        r"ann\bob\;1",
        r"a\Users\next",
        "\r\nUID:second",
        "  spaced ",
        &long,
    ] {
        let good = event(uid, "A", "20260101T000000Z");
        let bad = good.replace("DTSTART:2026", "DTSTART:nonsense");
        let mut names = Vec::new();
        for body in [calendar(&[good]), calendar(&[bad])] {
            let script = Script::new().on(GET, 200, &body);
            let page = changes(&script, &Position::Start).await.unwrap();
            assert!(matches!(
                page.next,
                Next::Done {
                    coverage: Coverage::Complete,
                    ..
                }
            ));
            names.push(page.changes[0].remote_id.clone());

            let script = Script::new().on(GET, 200, &body);
            let found = feed_at(&script, URL)
                .fetch(&id_of(URL).await, &names[..1])
                .await
                .unwrap();
            assert_ne!(found[0].state, State::Gone, "{uid}");
        }
        assert_eq!(names[0], names[1], "{uid}");
        assert!(names[0].as_str().len() <= 1_000, "{uid}");
    }
}

#[tokio::test]
async fn refusals_say_what_must_happen() {
    let passing = Class::Passing {
        retry_at: Some("2026-03-01T10:01:00Z".parse().unwrap()),
    };
    for (code, class) in [
        (401, Class::ReconnectNeeded),
        (403, Class::ReconnectNeeded),
        (404, Class::Gone),
        (410, Class::Gone),
        (429, passing.clone()),
        (503, passing),
        (304, Class::Protocol),
        (418, Class::Protocol),
    ] {
        let script = Script::new().on_with(GET, code, &[("retry-after", "60")], "");
        let failure = changes(&script, &Position::Start).await.unwrap_err();
        assert_eq!(failure.class, class, "{code}");
        assert!(!failure.message.contains("token"), "{failure}");
    }
}

#[tokio::test]
async fn a_feed_follows_its_publisher_but_not_out_of_tls() {
    let body = calendar(&[event("a", "A", "20260101T000000Z")]);
    let script = Script::new()
        .on_with(
            GET,
            302,
            &[("location", "https://cdn.example.net/x.ics")],
            "",
        )
        .on("GET https://cdn.example.net/x.ics", 200, &body);
    assert_eq!(
        ids(&changes(&script, &Position::Start).await.unwrap()),
        ["a"]
    );

    let script = Script::new().on_with(
        GET,
        302,
        &[("location", "http://cdn.example.net/x.ics")],
        "",
    );
    let failure = changes(&script, &Position::Start).await.unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
}

#[tokio::test]
async fn single_events_are_read_from_the_whole() {
    let body = calendar(&[
        event("a", "A", "20260101T000000Z"),
        event("b", "B", "20260101T000000Z"),
    ]);
    let script = Script::new().on(GET, 200, &body);
    let feed = feed_at(&script, URL);
    let found = feed
        .fetch(&id_of(URL).await, &["b".into(), "x".into()])
        .await
        .unwrap();
    let State::Present(observed) = &found[0].state else {
        panic!("{found:?}")
    };
    assert_eq!(observed.event.master.details.title, "B");
    assert_eq!(feed.read(&observed.raw).unwrap(), observed.event);
    assert_eq!(found[1].state, State::Gone);
}
