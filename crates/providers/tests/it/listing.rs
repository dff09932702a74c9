//! What the answers of `changes` mean: nothing is ever taken for a deletion that is none.

use std::sync::Arc;

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteCalendarId, Version};
use kalends_calendar::provider::{Change, Coverage, Next, Page, Position, Provider, State};

use crate::script::{Script, account_at, found, multistatus, precondition, status};

const CAL: &str = "https://dav.example.com/cal/work/";
const REPORT: &str = "REPORT https://dav.example.com/cal/work/";
const PROPFIND: &str = "PROPFIND https://dav.example.com/cal/work/";

async fn changes(script: &Arc<Script>, from: &Position) -> Result<Page, Failure> {
    account_at(script, "https://dav.example.com/")
        .changes(&RemoteCalendarId::from(CAL), from)
        .await
}

fn since(cursor: &str) -> Position {
    Position::Since(Cursor::from(cursor))
}

fn listed(id: &str, version: &str) -> Change {
    Change {
        remote_id: id.into(),
        state: State::Listed(Some(Version::from(version))),
    }
}

fn gone(id: &str) -> Change {
    Change {
        remote_id: id.into(),
        state: State::Gone,
    }
}

fn done(cursor: &str, coverage: Coverage) -> Next {
    Next::Done {
        cursor: Some(Cursor::from(cursor)),
        coverage,
    }
}

fn etag(tag: &str) -> String {
    format!("<d:getetag>&quot;{tag}&quot;</d:getetag><d:resourcetype/>")
}

fn token(token: &str) -> String {
    format!("<d:sync-token>{token}</d:sync-token>")
}

#[tokio::test]
async fn a_first_listing_is_complete_and_leaves_out_what_is_no_event() {
    let body = multistatus(&[
        found("/cal/work/", "<d:resourcetype><d:collection/><cal:calendar/></d:resourcetype>"),
        found("/cal/work/a.ics", &etag("1")),
        found("https://dav.example.com/cal/work/%62%c3%bc.ics", &etag("2")),
        found("/cal/work/sub/", "<d:resourcetype><d:collection/></d:resourcetype>"),
        found("/cal/work/sub/c.ics", &etag("3")),
        found("/cal/work/task.ics", "<d:getetag>\"4\"</d:getetag><d:getcontenttype>text/calendar; charset=utf-8; component=vtodo</d:getcontenttype>"),
        found("/cal/work/d.ics", "<d:getetag>W/\"5\"</d:getetag><d:getcontenttype>text/calendar; component=VEVENT</d:getcontenttype>"),
        token("http://sabre.io/ns/sync/7"),
    ].concat());
    let script = Script::new().on(REPORT, 207, &body);
    let page = changes(&script, &Position::Start).await.unwrap();
    assert_eq!(
        page,
        Page::new(
            vec![
                listed("/cal/work/a.ics", "\"1\""),
                listed("/cal/work/b%C3%BC.ics", "\"2\""),
                listed("/cal/work/d.ics", "W/\"5\""),
            ],
            done("sync:http://sabre.io/ns/sync/7", Coverage::Complete),
        )
    );
    assert_eq!(script.last_header("depth").as_deref(), Some("0"));
    let asked = script.last_body();
    assert!(
        asked.contains("<d:sync-token></d:sync-token><d:sync-level>1</d:sync-level>"),
        "{asked}"
    );
    assert!(!asked.contains("limit"), "{asked}");
}

#[tokio::test]
async fn nothing_new_is_one_request() {
    let script = Script::new().on(REPORT, 207, &multistatus(&token("t2")));
    let page = changes(&script, &since("sync:t1")).await.unwrap();
    assert_eq!(page.changes, []);
    assert_eq!(page.next, done("sync:t2", Coverage::Incremental));
    assert!(
        script
            .last_body()
            .contains("<d:sync-token>t1</d:sync-token>")
    );
}

#[tokio::test]
async fn only_a_404_of_the_whole_response_is_a_deletion() {
    let etagless = "<d:response><d:href>/cal/work/noetag.ics</d:href>\
        <d:propstat><d:prop><d:getetag/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>";
    let body = multistatus(
        &[
            status("/cal/work/gone.ics", "404 Not Found").as_str(),
            &status("/cal/work/gone2.ics", "410 Gone"),
            etagless,
            &status("/cal/work/hidden.ics", "403 Forbidden"),
            &status("/cal/work/locked.ics", "423 Locked"),
            &status("/cal/work/ill.ics", "500 Internal Server Error"),
            &found("/cal/work/back.ics", &etag("9")),
            &status("/cal/work/back.ics", "404 Not Found"),
            &token("t2"),
        ]
        .concat(),
    );
    let script = Script::new().on(REPORT, 207, &body);
    let page = changes(&script, &since("sync:t1")).await.unwrap();
    let broken = |id: &str, error: &str| Change {
        remote_id: id.into(),
        state: State::Broken {
            version: None,
            error: error.to_owned(),
        },
    };
    assert_eq!(
        page.changes,
        [
            gone("/cal/work/gone.ics"),
            gone("/cal/work/gone2.ics"),
            // Removed and there again: the last word is that it is there.
            gone("/cal/work/back.ics"),
            Change {
                remote_id: "/cal/work/noetag.ics".into(),
                state: State::Listed(None)
            },
            broken("/cal/work/hidden.ics", "the server answers 403"),
            broken("/cal/work/locked.ics", "the server answers 423"),
            broken("/cal/work/ill.ics", "the server answers 500"),
            listed("/cal/work/back.ics", "\"9\""),
        ]
    );
}

#[tokio::test]
async fn a_cut_listing_goes_on_from_its_token_and_ends_as_it_began() {
    let cut = multistatus(
        &[
            found("/cal/work/a.ics", &etag("1")),
            status("/cal/work", "507 Insufficient Storage"),
            token("part & 1"),
        ]
        .concat()
        .replace("part & 1", "part &amp; 1"),
    );
    let rest = multistatus(&[found("/cal/work/b.ics", &etag("2")), token("whole")].concat());
    let script = Script::new().on(REPORT, 207, &cut).on(REPORT, 207, &rest);
    let account = account_at(&script, "https://dav.example.com/");
    let calendar = RemoteCalendarId::from(CAL);
    let first = account.changes(&calendar, &Position::Start).await.unwrap();
    assert_eq!(first.changes, [listed("/cal/work/a.ics", "\"1\"")]);
    let Next::More(page) = first.next else {
        panic!("a cut listing goes on")
    };
    let second = account
        .changes(&calendar, &Position::Page(page))
        .await
        .unwrap();
    assert_eq!(second.changes, [listed("/cal/work/b.ics", "\"2\"")]);
    assert_eq!(second.next, done("sync:whole", Coverage::Complete));
    assert!(
        script
            .last_body()
            .contains("<d:sync-token>part &amp; 1</d:sync-token>")
    );

    let script = Script::new().on(REPORT, 207, &cut);
    let page = changes(&script, &since("sync:t1")).await.unwrap();
    assert_eq!(page.next, Next::More("news:part & 1".to_owned()));

    // A server that cuts and stays where it is would go on for ever.
    let script = Script::new().on(REPORT, 207, &cut);
    let failure = changes(&script, &since("sync:part & 1")).await.unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
}

#[tokio::test]
async fn a_cut_listing_that_cannot_go_on_is_no_listing() {
    let cut = multistatus(
        &[
            found("/cal/work/", "<s:getctag>1</s:getctag>"),
            found("/cal/work/a.ics", &etag("1")),
            status("/cal/work/", "507 Insufficient Storage"),
        ]
        .concat(),
    );
    let script = Script::new().on(REPORT, 501, "").on(PROPFIND, 207, &cut);
    let failure = changes(&script, &Position::Start).await.unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
    assert!(failure.message.contains("cuts its listing"), "{failure}");
}

#[tokio::test]
async fn an_address_too_long_to_keep_stops_only_its_own_event() {
    let long = format!("/cal/work/{}.ics", "x".repeat(3_000));
    let body = multistatus(
        &[
            found(&long, &etag("1")),
            found("/cal/work/a.ics", &etag("2")),
            token("t1"),
        ]
        .concat(),
    );
    let script = Script::new().on(REPORT, 207, &body);
    let page = changes(&script, &Position::Start).await.unwrap();
    let [
        Change {
            remote_id,
            state: State::Broken { version, error },
        },
        other,
    ] = page.changes.as_slice()
    else {
        panic!("{page:?}")
    };
    assert_eq!(*other, listed("/cal/work/a.ics", "\"2\""));
    assert!(remote_id.as_str().len() < 100, "{remote_id}");
    assert_eq!(*version, Some(Version::from("\"1\"")));
    insta::assert_snapshot!(
        error,
        @"its address at the server is longer than 1000 bytes, which is too long to keep"
    );

    // Asked for by itself it is as broken, and nothing is asked of the server.
    let account = account_at(&Script::new(), "https://dav.example.com/");
    let fetched = account
        .fetch(
            &RemoteCalendarId::from(CAL),
            std::slice::from_ref(remote_id),
        )
        .await
        .unwrap();
    assert!(matches!(
        &fetched[0].state,
        State::Broken { version: None, .. }
    ));

    let body = multistatus(&[status(&long, "404 Not Found"), token("t2")].concat());
    let script = Script::new().on(REPORT, 207, &body);
    let page = changes(&script, &since("sync:t1")).await.unwrap();
    assert_eq!(page.changes, [gone(remote_id.as_str())]);
}

#[tokio::test]
async fn dead_tokens_are_known_by_their_element_and_by_any_refusal() {
    let element = precondition("<d:valid-sync-token/>");
    let sabre = precondition(
        "<s:exception>Sabre\\DAV\\Exception\\InvalidSyncToken</s:exception><d:valid-sync-token/>",
    );
    for (code, body) in [
        (403, element.as_str()),
        (403, &sabre),
        (409, &element),
        (412, &element),
        (507, &element),
        (403, ""),
        (404, "gone"),
        (409, ""),
        (410, ""),
        (412, "<html>Precondition Failed</html>"),
        (405, ""),
        (501, ""),
    ] {
        let script = Script::new().on(REPORT, code, body);
        let failure = changes(&script, &since("sync:t1")).await.unwrap_err();
        assert_eq!(failure.class, Class::CursorDead, "{code} {body}");
    }
    // 400 may mean the Depth header: asked once more, then the token is what is wrong.
    let script = Script::new().on(REPORT, 400, "").on(REPORT, 400, "");
    let failure = changes(&script, &since("sync:t1")).await.unwrap_err();
    assert_eq!(failure.class, Class::CursorDead);
    assert_eq!(script.last_header("depth").as_deref(), Some("1"));
    let script = Script::new().on(REPORT, 400, &element);
    assert_eq!(
        changes(&script, &since("sync:t1")).await.unwrap_err().class,
        Class::CursorDead
    );
    // Cursors of nobody's are dead too, without asking.
    let script = Script::new();
    assert_eq!(
        changes(&script, &since("what?")).await.unwrap_err().class,
        Class::CursorDead
    );
}

#[tokio::test]
async fn failing_servers_do_not_kill_tokens() {
    for code in [500, 502, 503, 504, 429] {
        let script = Script::new().on_with(REPORT, code, &[("retry-after", "30")], "");
        let failure = changes(&script, &since("sync:t1")).await.unwrap_err();
        let retry_at = Some("2026-03-01T10:00:30Z".parse().unwrap());
        assert_eq!(failure.class, Class::Passing { retry_at }, "{code}");
    }
    let script = Script::new().on(REPORT, 401, "");
    assert_eq!(
        changes(&script, &since("sync:t1")).await.unwrap_err().class,
        Class::ReconnectNeeded
    );
}

#[tokio::test]
async fn only_a_whole_multistatus_is_a_listing() {
    let whole = multistatus(&[found("/cal/work/a.ics", &etag("1")), token("t2")].concat());
    let cut = &whole[..whole.len() - 20];
    for from in [Position::Start, since("sync:t1")] {
        for (code, body) in [
            (200, "<html>Sign in</html>"),
            (200, whole.as_str()),
            (207, ""),
            (
                207,
                "<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>",
            ),
            (207, cut),
            (204, ""),
            (302, ""),
        ] {
            let script = Script::new().on(REPORT, code, body);
            let failure = changes(&script, &from).await.unwrap_err();
            assert_eq!(failure.class, Class::Protocol, "{code} {body}");
        }
    }
}

#[tokio::test]
async fn servers_without_the_report_are_listed_whole_and_compared_by_change_tag() {
    let own = "<d:resourcetype><d:collection/><cal:calendar/></d:resourcetype><cs:getctag>c1</cs:getctag>";
    let listing = multistatus(
        &[
            found("/cal/work/", own),
            found("/cal/work/a.ics", &etag("1")),
        ]
        .concat(),
    );
    let unsupported = precondition("<d:supported-report/>");
    for (code, body) in [
        (403, unsupported.as_str()),
        (405, ""),
        (501, ""),
        (415, ""),
        (500, ""),
    ] {
        let script = Script::new()
            .on(REPORT, code, body)
            .on(PROPFIND, 207, &listing)
            // The second time it is remembered.
            .on(PROPFIND, 207, &listing);
        let account = account_at(&script, "https://dav.example.com/");
        let calendar = RemoteCalendarId::from(CAL);
        for _ in 0..2 {
            let page = account.changes(&calendar, &Position::Start).await.unwrap();
            assert_eq!(page.changes, [listed("/cal/work/a.ics", "\"1\"")], "{code}");
            assert_eq!(page.next, done("ctag:c1", Coverage::Complete));
            assert_eq!(script.last_header("depth").as_deref(), Some("1"));
        }
    }
}

#[tokio::test]
async fn an_unchanged_change_tag_is_one_request_and_a_changed_one_a_listing() {
    let tag = |tag: &str| {
        multistatus(&found(
            "/cal/work/",
            &format!("<cs:getctag>{tag}</cs:getctag>"),
        ))
    };
    let script = Script::new().on(PROPFIND, 207, &tag("c1"));
    let page = changes(&script, &since("ctag:c1")).await.unwrap();
    assert_eq!(page.changes, []);
    assert_eq!(page.next, done("ctag:c1", Coverage::Incremental));
    assert_eq!(script.last_header("depth").as_deref(), Some("0"));

    let script = Script::new()
        .on(PROPFIND, 207, &tag("c2"))
        .on(PROPFIND, 207, &tag("c2"));
    let page = changes(&script, &since("ctag:c1")).await.unwrap();
    assert_eq!(page.next, done("ctag:c2", Coverage::Complete));

    // Without a tag every run lists everything.
    let bare = multistatus(&found(
        "/cal/work",
        "<d:resourcetype><d:collection/></d:resourcetype>",
    ));
    let script = Script::new().on(REPORT, 405, "").on(PROPFIND, 207, &bare);
    let page = changes(&script, &Position::Start).await.unwrap();
    assert_eq!(
        page.next,
        Next::Done {
            cursor: None,
            coverage: Coverage::Complete
        }
    );
}

#[tokio::test]
async fn a_listing_of_something_else_is_no_empty_calendar() {
    let script = Script::new()
        .on(REPORT, 405, "")
        .on(PROPFIND, 207, &multistatus(""));
    assert_eq!(
        changes(&script, &Position::Start).await.unwrap_err().class,
        Class::Protocol
    );

    // A report without a token cannot be trusted to be one: the listing is asked instead.
    let own = found(
        "/cal/work/",
        "<d:resourcetype><d:collection/></d:resourcetype>",
    );
    let script =
        Script::new()
            .on(REPORT, 207, &multistatus(""))
            .on(PROPFIND, 207, &multistatus(&own));
    assert_eq!(
        changes(&script, &Position::Start).await.unwrap().changes,
        []
    );

    for (code, class) in [
        (403, Class::Forbidden),
        (404, Class::Gone),
        (410, Class::Gone),
    ] {
        let script = Script::new().on(REPORT, 403, "").on(PROPFIND, code, "");
        assert_eq!(
            changes(&script, &Position::Start).await.unwrap_err().class,
            class
        );
    }
}

#[tokio::test]
async fn a_calendar_that_says_of_itself_that_it_is_gone_is_gone() {
    let body = multistatus(&[status("/cal/work/", "404 Not Found"), token("t")].concat());
    let script = Script::new().on(REPORT, 207, &body);
    assert_eq!(
        changes(&script, &Position::Start).await.unwrap_err().class,
        Class::Gone
    );
}
