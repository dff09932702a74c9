//! Finding changes: sync tokens (RFC 6578), ctags, and listings of ETags.

use http::StatusCode;
use kalends_sandbox::Quirks;
use kalends_sandbox::quirks::{BareQuery, ClientLimit, DeadToken, Etags, Listing, Page};

use crate::desk::{CALENDAR, Desk, ask, event, event_with, propfind, sync};

fn three() -> Desk {
    let mut desk = Desk::plain();
    for name in ["a", "b", "c"] {
        desk.elsewhere_put(&format!("{name}.ics"), &event(name, name));
    }
    desk
}

#[test]
fn a_token_gives_what_changed_since() {
    let mut desk = three();
    let first = desk.sync("");
    assert_eq!(first.status, StatusCode::MULTI_STATUS);
    assert_eq!(first.present(), ["a.ics", "b.ics", "c.ics"]);
    desk.elsewhere_put("b.ics", &event("b", "new"));
    desk.elsewhere_delete("a.ics");
    desk.elsewhere_put("d.ics", &event("d", "d"));
    desk.elsewhere_delete("d.ics");
    let second = desk.sync(&first.token());
    assert_eq!(second.present(), ["b.ics"]);
    // One that came and went between is reported too: clients must not mind.
    assert_eq!(second.gone(), ["a.ics", "d.ics"]);
    let third = desk.sync(&second.token());
    assert_eq!(
        (third.responses().len(), third.token()),
        (0, second.token())
    );
}

#[test]
fn dead_tokens_are_refused_in_each_known_way() {
    let cases = [
        (DeadToken::Forbidden403, 403, true),
        (DeadToken::Conflict409, 409, true),
        (DeadToken::PreconditionFailed412, 412, true),
        (DeadToken::BareGone410, 410, false),
    ];
    for (dead_token, status, element) in cases {
        let mut desk = three();
        desk.calendar().quirks.dead_token = dead_token;
        let token = desk.sync("").token();
        desk.calendar().kill_tokens();
        let answer = desk.sync(&token);
        assert_eq!(
            (answer.status.as_u16(), answer.has("valid-sync-token")),
            (status, element),
            "{dead_token:?}"
        );
        assert_eq!(desk.sync("").present().len(), 3);
        assert_eq!(desk.sync("nonsense").status.as_u16(), status);
    }
}

#[test]
fn a_token_from_the_future_is_dead() {
    let mut desk = three();
    let snapshot = desk.world.clone();
    desk.elsewhere_put("d.ics", &event("d", "d"));
    let token = desk.sync("").token();
    desk.world = snapshot;
    assert_eq!(desk.sync(&token).status, StatusCode::FORBIDDEN);
}

#[test]
fn a_truncated_listing_continues_by_its_token() {
    let mut desk = three();
    desk.calendar().quirks.page = Page::Members(2);
    let first = desk.sync("");
    assert_eq!(first.present(), ["a.ics", "b.ics"]);
    assert!(
        first.responses()[2]
            .starts_with("<d:href>/dav/calendars/ada/work/</d:href><d:status>HTTP/1.1 507")
    );
    assert!(first.has("number-of-matches-within-limits"));
    desk.elsewhere_delete("a.ics");
    desk.elsewhere_put("e.ics", &event("e", "e"));
    let second = desk.sync(&first.token());
    assert_eq!(
        (second.present(), second.gone()),
        (vec!["c.ics"], vec!["a.ics"])
    );
    let third = desk.sync(&second.token());
    assert_eq!(third.present(), ["e.ics"]);
    assert!(!third.has("507"));
}

#[test]
fn a_clients_own_limit() {
    let limited = |token: &str| {
        let limit = "<limit><nresults>1</nresults></limit></sync-collection>";
        let body = format!(
            "<sync-collection xmlns=\"DAV:\"><sync-token>{token}</sync-token><sync-level>1</sync-level>\
             <prop><getetag/></prop>{limit}"
        );
        ask("REPORT", CALENDAR).header("depth", "0").body(body)
    };
    let mut desk = three();
    let honoured = desk.send(limited(""));
    assert_eq!(honoured.present(), ["a.ics"]);
    assert_eq!(desk.sync(&honoured.token()).present(), ["b.ics", "c.ics"]);
    desk.calendar().quirks.client_limit = ClientLimit::Refused;
    assert_eq!(
        desk.send(limited("")).status,
        StatusCode::INSUFFICIENT_STORAGE
    );
    desk.calendar().quirks.client_limit = ClientLimit::LosesTheRest;
    let lossy = desk.send(limited(""));
    assert!(desk.sync(&lossy.token()).present().is_empty());
}

#[test]
fn the_report_is_for_depth_zero() {
    let mut desk = three();
    let body = "<sync-collection xmlns=\"DAV:\"><sync-token/><sync-level>1</sync-level><prop/></sync-collection>";
    assert_eq!(
        desk.send(ask("REPORT", CALENDAR).header("depth", "1").body(body))
            .status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        desk.send(ask("REPORT", CALENDAR).body(body)).status,
        StatusCode::MULTI_STATUS
    );
    let levelless = "<sync-collection xmlns=\"DAV:\"><sync-token/><prop/></sync-collection>";
    assert_eq!(
        desk.send(ask("REPORT", CALENDAR).body(levelless)).status,
        StatusCode::BAD_REQUEST
    );
}

#[test]
fn without_sync_collection_there_are_ctag_and_etags() {
    let mut desk = three();
    desk.calendar().quirks.listing = Listing::CtagOnly;
    assert!(desk.sync("").has("supported-report"));
    let ctag = |desk: &mut Desk| {
        let answer = desk.send(propfind(CALENDAR, "0", &["cs:getctag", "d:sync-token"]));
        assert!(answer.has("<d:sync-token/>"), "not found: {}", answer.body);
        answer.element("cs:getctag").map(str::to_owned)
    };
    let before = ctag(&mut desk);
    assert_eq!(ctag(&mut desk), before);
    desk.elsewhere_put("a.ics", &event("a", "new"));
    assert_ne!(ctag(&mut desk), before);
    let listing = desk.send(propfind(CALENDAR, "1", &["d:getetag"]));
    assert_eq!(listing.present(), ["a.ics", "b.ics", "c.ics"]);
    desk.calendar().quirks.listing = Listing::EtagsOnly;
    assert_eq!(ctag(&mut desk), None);
}

#[test]
fn a_server_without_etags_does_not_say_that_members_are_gone() {
    let mut desk = three();
    desk.calendar().quirks.etags = Etags::Never;
    let answer = desk.sync("");
    assert_eq!(answer.responses().len(), 3);
    assert!(answer.gone().is_empty());
    assert!(answer.responses()[0].contains("<d:getetag/></d:prop><d:status>HTTP/1.1 404"));
}

#[test]
fn multiget_brings_texts_and_says_what_is_missing() {
    let mut desk = three();
    let body = "<c:calendar-multiget xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><d:prop><d:getetag/>\
                <c:calendar-data/></d:prop><d:href>/dav/calendars/ada/work/%61.ics</d:href>\
                <d:href>https://dav.example.com/dav/calendars/ada/work/b.ics</d:href>\
                <d:href>/dav/calendars/ada/work/zzz.ics</d:href><d:href>/dav/calendars/ada/other/c.ics</d:href>\
                </c:calendar-multiget>";
    let answer = desk.send(ask("REPORT", CALENDAR).body(body));
    assert_eq!(answer.present(), ["a.ics", "b.ics"]);
    assert_eq!(answer.gone(), ["zzz.ics", "c.ics"]);
    assert!(
        answer
            .element("cal:calendar-data")
            .is_some_and(|text| text.starts_with("BEGIN:VCALENDAR"))
    );
}

#[test]
fn calendar_query_by_component_and_time() {
    let mut desk = three();
    let weekly = ["RRULE:FREQ=WEEKLY;UNTIL=20260401T090000Z"];
    desk.elsewhere_put("weekly.ics", &event_with("weekly", &weekly));
    let query = |inner: &str| {
        ask("REPORT", CALENDAR).header("depth", "1").body(format!(
            "<c:calendar-query xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><d:prop><d:getetag/></d:prop>\
             <c:filter><c:comp-filter name=\"VCALENDAR\">{inner}</c:comp-filter></c:filter></c:calendar-query>"
        ))
    };
    let events = |range: &str| format!("<c:comp-filter name=\"VEVENT\">{range}</c:comp-filter>");
    let count = |desk: &mut Desk, inner: &str| desk.send(query(inner)).present().len();
    assert_eq!(count(&mut desk, &events("")), 4);
    assert_eq!(count(&mut desk, "<c:comp-filter name=\"VTODO\"/>"), 0);
    assert_eq!(
        count(
            &mut desk,
            &events("<c:time-range start=\"20260310T000000Z\" end=\"20260311T000000Z\"/>")
        ),
        4
    );
    assert_eq!(
        count(
            &mut desk,
            &events("<c:time-range start=\"20260310T100000Z\" end=\"20260311T000000Z\"/>")
        ),
        1
    );
    assert_eq!(
        count(
            &mut desk,
            &events("<c:time-range start=\"20260501T000000Z\"/>")
        ),
        0
    );
    assert_eq!(
        count(
            &mut desk,
            &events("<c:time-range end=\"20260301T000000Z\"/>")
        ),
        0
    );
    assert_eq!(count(&mut desk, ""), 4);
    desk.calendar().quirks.bare_query = BareQuery::Refused;
    assert!(desk.send(query("")).has("valid-filter"));
    let by_property = desk.send(query(&events("<c:prop-filter name=\"UID\"/>")));
    assert_eq!(
        (by_property.status, by_property.has("supported-filter")),
        (StatusCode::FORBIDDEN, true)
    );
}

#[test]
fn the_log_of_requests_has_everything_but_credentials() {
    let mut desk = Desk::new(Quirks::default());
    desk.send(sync(""));
    let record = desk.world.requests.last().expect("a record");
    assert_eq!(
        (record.user.as_deref(), record.status, record.path.as_str()),
        (Some("ada"), Some(207), CALENDAR)
    );
    assert!(
        record
            .headers
            .contains(&("depth".to_owned(), "0".to_owned()))
    );
    assert!(!format!("{record:?}").contains("ada-password"));
}
