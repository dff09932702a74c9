//! From an address to a list of calendars (RFC 6764, 5397, 4791 §6.2).

use http::StatusCode;
use kalends_sandbox::Quirks;
use kalends_sandbox::quirks::{Hrefs, Listing, Scheduling};
use kalends_sandbox::world::{Access, Holds, WellKnown};

use crate::desk::{CALENDAR, Desk, ask, propfind};

#[test]
fn the_well_known_address_leads_to_the_root() {
    let cases = [
        (WellKnown::Moved301, 301),
        (WellKnown::Found302, 302),
        (WellKnown::Temporary307, 307),
        (WellKnown::Permanent308, 308),
        (WellKnown::LoginFirst, 301),
        (WellKnown::Answers, 207),
        (WellKnown::Missing, 404),
    ];
    for (well_known, status) in cases {
        let mut desk = Desk::plain();
        desk.world.well_known = well_known;
        let answer = desk.send(propfind(
            "/.well-known/caldav",
            "0",
            &["d:current-user-principal"],
        ));
        assert_eq!(answer.status.as_u16(), status, "{well_known:?}");
        let location = (300..400).contains(&status).then_some("/dav/");
        assert_eq!(answer.header("location"), location, "{well_known:?}");
        assert_eq!(answer.has("/dav/principals/ada/"), status == 207);
    }
}

#[test]
fn a_login_is_asked_for_before_the_redirect_where_the_server_does_so() {
    let mut desk = Desk::plain();
    desk.world.well_known = WellKnown::LoginFirst;
    let answer = desk
        .send(propfind("/.well-known/caldav", "0", &[]).header("authorization", "Basic bm86bm8="));
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn nobody_comes_in_without_the_right_password() {
    let mut desk = Desk::plain();
    for wrong in ["Basic YWRhOndyb25n", "Basic ???", "Bearer abc", ""] {
        let answer = desk.send(
            propfind("/dav/", "0", &["d:current-user-principal"]).header("authorization", wrong),
        );
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|value| value.starts_with("Basic "))
        );
    }
}

#[test]
fn the_way_from_root_to_calendars() {
    let mut desk = Desk::plain();
    let root = desk.send(propfind("/dav/", "0", &["d:current-user-principal"]));
    assert_eq!(
        root.element("d:current-user-principal"),
        Some("<d:href>/dav/principals/ada/</d:href>")
    );
    let principal = desk.send(propfind(
        "/dav/principals/ada/",
        "0",
        &["c:calendar-home-set", "c:calendar-user-address-set"],
    ));
    assert_eq!(
        principal.element("cal:calendar-home-set"),
        Some("<d:href>/dav/calendars/ada/</d:href>")
    );
    assert!(principal.has("mailto:ada@example.com"));
    let home = desk.send(propfind("/dav/calendars/ada/", "1", &["d:resourcetype"]));
    assert_eq!(home.responses().len(), 2);
    assert!(home.responses()[1].contains("<cal:calendar/>"));
    assert_eq!(
        desk.send(propfind("/dav/calendars/ada/", "0", &["d:resourcetype"]))
            .responses()
            .len(),
        1
    );
}

#[test]
fn another_account_is_closed() {
    let mut desk = Desk::plain();
    desk.world
        .add_account(kalends_sandbox::world::Account::new("bob"))
        .add_collection("home");
    for path in [
        "/dav/principals/bob/",
        "/dav/calendars/bob/",
        "/dav/calendars/bob/home/",
    ] {
        assert_eq!(
            desk.send(propfind(path, "0", &["d:resourcetype"])).status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[test]
fn a_calendar_says_what_may_be_done_with_it() {
    let mut desk = Desk::plain();
    desk.calendar().color = Some("#FF2968FF".to_owned());
    desk.calendar().name = "Work & <play>".to_owned();
    let props = [
        "d:displayname",
        "a:calendar-color",
        "d:current-user-privilege-set",
        "c:supported-calendar-component-set",
        "d:supported-report-set",
    ];
    let answer = desk.send(propfind(CALENDAR, "0", &props));
    assert_eq!(
        answer.element("d:displayname"),
        Some("Work &amp; &lt;play&gt;")
    );
    assert_eq!(answer.element("ic:calendar-color"), Some("#FF2968FF"));
    assert!(
        answer.has("<d:write-content/>")
            && answer.has("<d:sync-collection/>")
            && answer.has("name=\"VEVENT\"")
    );
    desk.calendar().access = Access::ReadOnly;
    desk.calendar().holds = Holds::Tasks;
    desk.calendar().quirks.listing = Listing::CtagOnly;
    let answer = desk.send(propfind(CALENDAR, "0", &props));
    assert!(answer.has("<d:read/>") && !answer.has("write") && !answer.has("bind"));
    assert!(!answer.has("sync-collection") && answer.has("name=\"VTODO\""));
}

#[test]
fn a_property_that_is_not_there_is_a_404_of_its_own() {
    let mut desk = Desk::plain();
    let answer = desk.send(propfind(
        CALENDAR,
        "0",
        &["d:displayname", "a:calendar-color", "x:unheard-of"],
    ));
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    let (found, missing) = answer
        .body
        .split_once("HTTP/1.1 200 OK")
        .expect("something is found");
    assert!(found.contains("d:displayname"));
    assert!(missing.contains("<ic:calendar-color/>") && missing.contains("unheard-of"));
    assert!(missing.contains("HTTP/1.1 404 Not Found"));
}

#[test]
fn all_properties_or_their_names() {
    let mut desk = Desk::plain();
    let all = desk.send(ask("PROPFIND", CALENDAR).header("depth", "0"));
    assert!(all.has("<d:displayname>work</d:displayname>") && !all.has("getctag"));
    let body = "<propfind xmlns='DAV:'><propname/></propfind>";
    let names = desk.send(ask("PROPFIND", CALENDAR).header("depth", "0").body(body));
    assert!(names.has("<cs:getctag/>") && names.has("<d:displayname/>"));
}

#[test]
fn what_a_propfind_may_not_be() {
    let mut desk = Desk::plain();
    let infinite = desk.send(ask("PROPFIND", CALENDAR));
    assert_eq!(infinite.status, StatusCode::FORBIDDEN);
    assert!(infinite.has("propfind-finite-depth"));
    assert_eq!(
        desk.send(ask("PROPFIND", CALENDAR).header("depth", "2"))
            .status,
        StatusCode::BAD_REQUEST
    );
    let broken = ask("PROPFIND", CALENDAR)
        .header("depth", "0")
        .body("<propfind>");
    assert_eq!(desk.send(broken).status, StatusCode::BAD_REQUEST);
    let nowhere = propfind("/dav/calendars/ada/none/", "0", &["d:displayname"]);
    assert_eq!(desk.send(nowhere).status, StatusCode::NOT_FOUND);
}

#[test]
fn addresses_come_in_many_forms() {
    let cases = [
        (Hrefs::Paths, "/dav/calendars/ada/work/"),
        (
            Hrefs::Urls,
            "https://dav.example.com/dav/calendars/ada/work/",
        ),
        (Hrefs::NoTrailingSlash, "/dav/calendars/ada/work"),
        (Hrefs::OverEncoded, "/dav/calendars/a%64a/w%6frk/"),
    ];
    for (hrefs, address) in cases {
        let mut desk = Desk::new(Quirks {
            hrefs,
            ..Quirks::default()
        });
        let home = desk.send(propfind("/dav/calendars/ada/", "1", &["d:resourcetype"]));
        assert!(
            home.has(&format!("<d:href>{address}</d:href>")),
            "{hrefs:?}: {}",
            home.body
        );
        let path = address.trim_start_matches("https://dav.example.com");
        assert_eq!(
            desk.send(propfind(path, "0", &["d:resourcetype"])).status,
            StatusCode::MULTI_STATUS
        );
    }
}

#[test]
fn inbox_and_outbox_stand_beside_calendars_and_are_none() {
    let mut desk = Desk::new(Quirks {
        scheduling: Scheduling::Auto,
        ..Quirks::default()
    });
    let home = desk.send(propfind("/dav/calendars/ada/", "1", &["d:resourcetype"]));
    assert_eq!(home.responses().len(), 4);
    assert_eq!(
        home.responses()
            .iter()
            .filter(|response| response.contains("<cal:calendar/>"))
            .count(),
        1
    );
    let options = desk.send(ask("OPTIONS", CALENDAR));
    assert_eq!(
        options.header("dav"),
        Some("1, 3, calendar-access, calendar-auto-schedule")
    );
    assert!(
        options
            .header("allow")
            .is_some_and(|allow| allow.contains("REPORT"))
    );
}

#[test]
fn the_same_answer_without_prefixes() {
    let mut desk = Desk::new(Quirks::icloud());
    let answer = desk.send(propfind("/dav/", "0", &["d:current-user-principal"]));
    assert!(
        answer.has("<multistatus xmlns=\"DAV:\"><response>"),
        "{}",
        answer.body
    );
}
