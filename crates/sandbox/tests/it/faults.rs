//! What befalls requests, and that the world stays whole under it.

use http::{Method, Request, StatusCode};
use kalends_sandbox::faults::Session;
use kalends_sandbox::world::render_log;
use kalends_sandbox::{Chance, Fault, Odds, Outcome, World, handle_with};

use crate::desk::{Ask, CALENDAR, Desk, ask, event, propfind, sync};

const PATH: &str = "/dav/calendars/ada/work/a.ics";

fn put(text: &str) -> Ask<'static> {
    ask("PUT", PATH)
        .header("content-type", "text/calendar")
        .header("if-none-match", "*")
        .body(text)
}

#[test]
fn lost_before_and_lost_after() {
    let mut desk = Desk::plain();
    assert!(matches!(
        desk.try_send(&put(&event("a", "a")).struck(Fault::LostBeforeSend)),
        Outcome::Lost
    ));
    assert!(desk.names().is_empty());
    assert!(matches!(
        desk.try_send(&put(&event("a", "a")).struck(Fault::LostAfterEffect)),
        Outcome::Lost
    ));
    assert_eq!(desk.names(), ["a.ics"]);
    let log = render_log(&desk.world.requests);
    assert!(
        log.contains("PUT /dav/calendars/ada/work/a.ics -> never came (LostBeforeSend)"),
        "{log}"
    );
    assert!(log.contains("-> 201 (LostAfterEffect)"), "{log}");
}

#[test]
fn sent_twice_looks_like_somebody_was_faster() {
    let mut desk = Desk::plain();
    let answer = desk.send(put(&event("a", "a")).struck(Fault::SentTwice));
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(desk.get("a.ics").body, event("a", "a"));
}

#[test]
fn refusals_do_nothing_and_gateways_come_too_late() {
    let mut desk = Desk::plain();
    let fault = Fault::Status {
        code: 429,
        retry_after_s: Some(30),
    };
    let answer = desk.send(put(&event("a", "a")).struck(fault));
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, Some("30"))
    );
    assert_eq!(
        desk.send(put(&event("a", "a")).struck(Fault::Unauthorized))
            .status,
        StatusCode::UNAUTHORIZED
    );
    let page = desk.send(put(&event("a", "a")).struck(Fault::Html));
    assert!(page.status.is_success() && page.has("<html>"));
    assert!(desk.names().is_empty());
    let late = desk.send(put(&event("a", "a")).struck(Fault::GatewayAfterEffect { code: 504 }));
    assert_eq!((late.status.as_u16(), desk.names().len()), (504, 1));
}

#[test]
fn tags_and_bodies_get_lost() {
    let mut desk = Desk::plain();
    assert_eq!(
        desk.send(put(&event("a", "a")).struck(Fault::MissingEtag))
            .header("etag"),
        None
    );
    let whole = desk.get("a.ics").body;
    let cut = desk
        .send(ask("GET", PATH).struck(Fault::CutBody { keep_percent: 50 }))
        .body;
    assert_eq!(cut, whole[..whole.len() / 2]);
}

#[test]
fn a_dead_cursor_strikes_only_a_cursor() {
    let mut desk = Desk::plain();
    let first = desk.send(sync("").struck(Fault::DeadCursor));
    assert_eq!(first.status, StatusCode::MULTI_STATUS);
    assert!(
        desk.send(sync(&first.token()).struck(Fault::DeadCursor))
            .has("valid-sync-token")
    );
    assert_eq!(desk.sync(&first.token()).status, StatusCode::MULTI_STATUS);
}

#[test]
fn a_stale_listing_has_the_older_token_and_is_made_good() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("a.ics", &event("a", "a"));
    let first = desk.sync("");
    desk.elsewhere_put("b.ics", &event("b", "b"));
    desk.elsewhere_put("c.ics", &event("c", "c"));
    desk.elsewhere_delete("a.ics");
    let stale = Fault::StaleRead {
        changes: 2,
        session: Session::Kept,
    };
    let token = first.token();
    let second = desk.send(sync(&token).struck(stale));
    assert_eq!((second.present(), second.gone()), (vec!["b.ics"], vec![]));
    let third = desk.sync(&second.token());
    assert_eq!(
        (third.present(), third.gone()),
        (vec!["c.ics"], vec!["a.ics"])
    );
}

#[test]
fn a_kept_session_never_goes_behind_what_it_has_shown_or_done() {
    let mut desk = Desk::plain();
    let stale = |session| Fault::StaleRead {
        changes: 50,
        session,
    };
    desk.put("a.ics", &event("a", "a"));
    desk.elsewhere_put("b.ics", &event("b", "b"));
    assert_eq!(
        desk.send(sync("").struck(stale(Session::Kept))).present(),
        ["a.ics"]
    );
    assert_eq!(
        desk.send(sync("").struck(stale(Session::Broken))).present(),
        Vec::<&str>::new()
    );
    assert_eq!(desk.get("b.ics").status, StatusCode::OK);
    assert_eq!(
        desk.send(sync("").struck(stale(Session::Kept))).present(),
        ["a.ics", "b.ics"]
    );
    let get = ask("GET", "/dav/calendars/ada/work/b.ics");
    assert_eq!(
        desk.send(get.struck(stale(Session::Broken))).status,
        StatusCode::NOT_FOUND
    );
    // A token that is newer than the replica brings nothing, and stays.
    let token = desk.sync("").token();
    let behind = desk.send(sync(&token).struck(stale(Session::Broken)));
    assert_eq!(
        (behind.responses().len(), behind.token()),
        (0, token.clone())
    );
}

#[test]
fn emptiness_is_made_good_by_its_own_token() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("a.ics", &event("a", "a"));
    let empty = desk.send(sync("").struck(Fault::EmptyListing));
    assert_eq!(
        (empty.status, empty.responses().len()),
        (StatusCode::MULTI_STATUS, 0)
    );
    assert_eq!(desk.sync(&empty.token()).present(), ["a.ics"]);
    let token = desk.sync("").token();
    desk.elsewhere_put("b.ics", &event("b", "b"));
    let nothing = desk.send(sync(&token).struck(Fault::EmptyListing));
    assert_eq!((nothing.responses().len(), nothing.token()), (0, token));
    let ctag = |desk: &mut Desk, fault: Option<Fault>| {
        let listing = propfind(CALENDAR, "1", &["cs:getctag", "d:getetag"]);
        let answer = desk.send(match fault {
            Some(fault) => listing.struck(fault),
            None => listing,
        });
        (
            answer.element("cs:getctag").map(str::to_owned),
            answer.present().len(),
        )
    };
    let (wrong, none) = ctag(&mut desk, Some(Fault::EmptyListing));
    let (right, two) = ctag(&mut desk, None);
    assert_eq!((none, two), (0, 2));
    assert_ne!(wrong, right);
}

#[test]
fn a_cut_listing_says_so() {
    let mut desk = Desk::plain();
    for name in ["a", "b", "c"] {
        desk.elsewhere_put(&format!("{name}.ics"), &event(name, name));
    }
    let cut = propfind(CALENDAR, "1", &["d:getetag"]).struck(Fault::CutListing { members: 1 });
    let answer = desk.send(cut);
    assert_eq!(answer.present(), ["a.ics"]);
    assert!(answer.has("HTTP/1.1 507 Insufficient Storage"));
    let answer = desk.send(sync("").struck(Fault::CutListing { members: 2 }));
    assert_eq!(answer.present(), ["a.ics", "b.ics"]);
    assert_eq!(desk.sync(&answer.token()).present(), ["c.ics"]);
}

#[test]
fn odds_follow_their_seed_and_their_numbers() {
    let draw = |seed: u64, odds: Odds| {
        let mut chance = Chance::new(seed);
        (0..2000)
            .map(|_| odds.draw(&mut chance, &Method::GET, PATH))
            .collect::<Vec<_>>()
    };
    assert_eq!(draw(1, Odds::rough()), draw(1, Odds::rough()));
    assert_ne!(draw(1, Odds::rough()), draw(2, Odds::rough()));
    assert!(draw(1, Odds::default()).iter().all(Option::is_none));
    let struck = draw(1, Odds::rough()).iter().flatten().count();
    assert!((150..350).contains(&struck), "{struck} of 2000");
    let always = Odds {
        html: 1000,
        ..Odds::default()
    };
    assert!(
        draw(1, always)
            .iter()
            .all(|fault| *fault == Some(Fault::Html))
    );
    let only_reports = Odds {
        dead_cursor: 1000,
        ..Odds::default()
    };
    assert!(draw(1, only_reports).iter().all(Option::is_none));
}

/// Asks one of the vendors' APIs for something, struck by a fault.
fn at_a_vendor(path: &str, fault: Fault) -> (u16, http::HeaderMap, serde_json::Value) {
    let now = "2026-05-20T08:00:00Z".parse().expect("a time");
    let mut world = World::new("https://sandbox.example.com");
    world
        .google
        .add_account("ann@example.com", "Ann", "Europe/Berlin", now);
    let request = Request::builder()
        .uri(format!("https://sandbox.example.com{path}"))
        .body(bytes::Bytes::new())
        .expect("a request");
    let Outcome::Answered(answer) = handle_with(&mut world, &request, now, Some(fault)) else {
        panic!("nothing arrived");
    };
    let (parts, body) = answer.into_parts();
    let body = if body.is_empty() {
        serde_json::Value::Null
    } else {
        serde_json::from_slice(&body).expect("JSON")
    };
    (parts.status.as_u16(), parts.headers, body)
}

#[test]
fn each_face_words_its_refusals_in_its_own_way() {
    let status = |code| Fault::Status {
        code,
        retry_after_s: Some(30),
    };
    let google = "/google/calendar/v3/calendars/primary/events";
    for (code, reason) in [
        (403, "userRateLimitExceeded"),
        (429, "rateLimitExceeded"),
        (503, "backendError"),
    ] {
        let (told, headers, body) = at_a_vendor(google, status(code));
        assert_eq!(
            (told, headers["retry-after"].as_bytes()),
            (code, &b"30"[..])
        );
        assert_eq!(body["error"]["errors"][0]["reason"], reason);
    }
    let (told, headers, body) = at_a_vendor(google, Fault::Unauthorized);
    assert_eq!(
        (told, &body["error"]["errors"][0]["reason"]),
        (401, &"authError".into())
    );
    assert!(headers.contains_key("www-authenticate"));
    let graph = "/microsoft/v1.0/me/events";
    for (code, word) in [(429, "TooManyRequests"), (503, "serviceNotAvailable")] {
        let (told, headers, body) = at_a_vendor(graph, status(code));
        assert_eq!(
            (told, headers["retry-after"].as_bytes()),
            (code, &b"30"[..])
        );
        assert_eq!(body["error"]["code"], word);
    }
    let (told, headers, body) = at_a_vendor(graph, Fault::Unauthorized);
    assert_eq!(
        (told, &body["error"]["code"]),
        (401, &"InvalidAuthenticationToken".into())
    );
    assert!(headers.contains_key("www-authenticate"));
    // Whoever asks for a token has none to be refused.
    let (told, ..) = at_a_vendor("/google/token", Fault::Unauthorized);
    assert_ne!(told, 401);
}

#[test]
fn a_dead_cursor_may_strike_where_a_face_lists_by_get() {
    let odds = Odds {
        dead_cursor: 1000,
        ..Odds::default()
    };
    let strikes = |path: &str| odds.draw(&mut Chance::new(1), &Method::GET, path).is_some();
    assert!(strikes("/google/calendar/v3/calendars/primary/events"));
    assert!(strikes("/microsoft/v1.0/me/calendarView/delta"));
    assert!(!strikes("/google/token"));
    assert!(!strikes(PATH));
}

#[test]
fn the_journal_knows_whose_token_it_was() {
    let now = "2026-05-20T08:00:00Z".parse().expect("a time");
    let mut world = World::new("https://sandbox.example.com");
    let oauth = &mut world.microsoft.oauth;
    let token = oauth.issue("ann@example.com", "a-client", &["Calendars.Read"], now);
    let request = Request::builder()
        .uri("https://sandbox.example.com/microsoft/v1.0/me/events")
        .header("authorization", format!("Bearer {token}"))
        .body(bytes::Bytes::new())
        .expect("a request");
    let _ = handle_with(&mut world, &request, now, Some(Fault::LostBeforeSend));
    assert_eq!(world.requests[0].user.as_deref(), Some("ann@example.com"));
}
