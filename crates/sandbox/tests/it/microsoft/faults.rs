//! What befalls requests to this face.

use kalends_sandbox::Fault;
use kalends_sandbox::faults::Session;
use serde_json::json;

use super::desk::{ANN, Desk, ask, event_path, hour, text};

const MARCH: &str = "/me/calendarView/delta?startDateTime=2026-03-01&endDateTime=2026-04-01";

fn elsewhere(desk: &mut Desk, subject: &str) -> String {
    let (calendar, now) = (desk.calendar.clone(), desk.now);
    desk.graph()
        .as_user_create(ANN, &calendar, &hour(subject, "2026-03-03"), now)
        .expect("an event")
}

fn stale(session: Session) -> Fault {
    Fault::StaleRead {
        changes: 50,
        session,
    }
}

#[test]
fn a_lagging_replica_shows_what_was() {
    let mut desk = Desk::new();
    desk.create(hour("mine", "2026-03-03"));
    let id = elsewhere(&mut desk, "theirs");
    let kept = desk.send(ask("GET", "/me/events").struck(stale(Session::Kept)));
    assert_eq!(kept.subjects(), ["mine"]);
    let broken = desk.send(ask("GET", "/me/events").struck(stale(Session::Broken)));
    assert_eq!(broken.values().len(), 0);
    let none = desk.send(ask("GET", event_path(&id)).struck(stale(Session::Kept)));
    assert_eq!(none.refusal(), (404, "ErrorItemNotFound"));
    assert_eq!(desk.event(&id).body["subject"], "theirs");
    // What was shown once is not taken back.
    let kept = desk.send(ask("GET", "/me/events").struck(stale(Session::Kept)));
    assert_eq!(kept.subjects(), ["mine", "theirs"]);
}

#[test]
fn a_stale_delta_has_the_older_token_and_is_made_good() {
    let mut desk = Desk::new();
    desk.create(hour("mine", "2026-03-03"));
    elsewhere(&mut desk, "theirs");
    let old = desk.send(ask("GET", MARCH).struck(stale(Session::Kept)));
    assert_eq!(old.subjects(), ["mine"]);
    let next = desk.get(old.delta().expect("a link"));
    assert_eq!(next.subjects(), ["theirs"]);
    // A replica that lags behind the token has nothing to tell.
    elsewhere(&mut desk, "third");
    let behind =
        desk.send(ask("GET", next.delta().expect("a link")).struck(stale(Session::Broken)));
    assert_eq!(behind.values().len(), 0);
    assert_eq!(
        desk.get(behind.delta().expect("a link")).subjects(),
        ["third"]
    );
}

#[test]
fn emptiness_is_made_good_by_its_own_token() {
    let mut desk = Desk::new();
    desk.create(hour("a", "2026-03-03"));
    let list = desk.send(ask("GET", "/me/events").struck(Fault::EmptyListing));
    assert_eq!((list.values().len(), list.next()), (0, None));
    let empty = desk.send(ask("GET", MARCH).struck(Fault::EmptyListing));
    assert_eq!(empty.values().len(), 0);
    let link = empty.delta().expect("a link");
    let whole = desk.get(&link);
    assert_eq!(whole.subjects(), ["a"]);
    desk.create(hour("b", "2026-03-03"));
    let link = whole.delta().expect("a link");
    let empty = desk.send(ask("GET", &link).struck(Fault::EmptyListing));
    assert_eq!(empty.values().len(), 0);
    assert_eq!(desk.get(empty.delta().expect("a link")).subjects(), ["b"]);
}

#[test]
fn a_cut_listing_goes_on_by_its_link() {
    let mut desk = Desk::new();
    for subject in ["a", "b", "c"] {
        desk.create(hour(subject, "2026-03-03"));
    }
    for path in ["/me/events", MARCH] {
        let cut = desk.send(ask("GET", path).struck(Fault::CutListing { members: 1 }));
        assert_eq!((cut.subjects(), cut.delta()), (vec!["a".to_owned()], None));
        assert_eq!(
            desk.get(cut.next().expect("a further page")).subjects(),
            ["b", "c"]
        );
    }
}

#[test]
fn a_write_that_is_sent_twice_is_done_once_with_a_transaction() {
    let mut desk = Desk::new();
    let mut event = hour("once", "2026-03-03");
    event["transactionId"] = "t".into();
    let answer = desk.send(
        ask("POST", "/me/events")
            .body(event)
            .struck(Fault::SentTwice),
    );
    assert_eq!(answer.status, 201);
    assert_eq!(desk.get("/me/events").subjects(), ["once"]);
    let late = ask("POST", "/me/events").body(hour("late", "2026-03-03"));
    let answer = desk.send(late.struck(Fault::GatewayAfterEffect { code: 504 }));
    assert_eq!(answer.status, 504);
    assert_eq!(desk.get("/me/events").subjects(), ["once", "late"]);
}

#[test]
fn the_world_is_a_value_and_follows_from_its_requests() {
    let tell = || {
        let mut desk = Desk::new();
        desk.graph().switches.spurious_conflict_percent = 30;
        desk.graph().seed(7);
        let mut statuses = Vec::new();
        for number in 0..20 {
            let made = desk.post("/me/events", hour(&number.to_string(), "2026-03-03"));
            statuses.push(made.status.as_u16());
            desk.patch(&text(&made.body["id"]), json!({ "subject": "x" }));
        }
        (statuses, desk.world)
    };
    let (first, second) = (tell(), tell());
    assert_eq!(first.0, second.0);
    assert!(first.0.contains(&412) && first.0.contains(&201));
    assert_eq!(first.1, second.1);
}
