//! The doors without HTTP: what other people do, and what is true.

use serde_json::{Value, json};

use super::desk::{ANN, Desk, five_days, hour, text};

#[test]
fn the_truth_has_everything_about_a_series() {
    let mut desk = Desk::new();
    let (calendar, now) = (desk.calendar.clone(), desk.now);
    let mut event = five_days("Series");
    event["singleValueExtendedProperties"] = json!([{
        "id": "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name syncId", "value": "abc" }]);
    event["iCalUId"] = "series@elsewhere.net".into();
    let graph = desk.graph();
    let id = graph
        .as_user_create(ANN, &calendar, &event, now)
        .expect("a series");
    let day = |day| jiff::civil::date(2026, 3, day);
    let third = graph.occurrence(ANN, &id, day(4)).expect("an occurrence");
    let exception = graph
        .as_user_change(ANN, &third, &json!({ "subject": "Special" }), now)
        .expect("an occurrence");
    assert_ne!(third, exception);
    let fourth = graph.occurrence(ANN, &id, day(5)).expect("an occurrence");
    graph
        .as_user_delete(ANN, &fourth, now)
        .expect("an occurrence");
    assert_eq!(graph.occurrence(ANN, &id, day(5)), None);
    assert_eq!(graph.occurrence(ANN, &id, day(9)), None);
    let truth = graph.truth(ANN, &id).expect("a series");
    assert_eq!(truth["iCalUId"], "series@elsewhere.net");
    assert_eq!(truth["singleValueExtendedProperties"][0]["value"], "abc");
    assert_eq!(truth["exceptionOccurrences"][0]["subject"], "Special");
    assert_eq!(
        truth["exceptionOccurrences"][0]["originalStart"],
        "2026-03-04T08:00:00Z"
    );
    assert_eq!(
        truth["cancelledOccurrences"],
        json!([format!("OID.{id}.2026-03-05")])
    );
    assert_eq!(text(&truth["calendar"]["id"]), calendar);
    assert_eq!(graph.truth(ANN, &fourth), None);
    assert_eq!(
        graph
            .truth(ANN, &exception)
            .map(|truth| truth["type"].clone()),
        Some(json!("exception"))
    );
    assert_eq!(
        (graph.changes(ANN), graph.changes_by_requests(ANN)),
        (Ok(3), Ok(0))
    );
}

#[test]
fn a_whole_calendar_can_be_looked_at() {
    let mut desk = Desk::new();
    desk.create(hour("a", "2026-03-03"));
    let (calendar, now) = (desk.calendar.clone(), desk.now);
    let graph = desk.graph();
    let other = graph.add_calendar(ANN, "Other").expect("a calendar");
    graph
        .as_user_create(ANN, &other, &hour("b", "2026-03-03"), now)
        .expect("an event");
    let subjects = |all: Vec<Value>| {
        all.iter()
            .map(|event| text(&event["subject"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        subjects(graph.all(ANN, &calendar).expect("a calendar")),
        ["a"]
    );
    assert_eq!(subjects(graph.all(ANN, &other).expect("a calendar")), ["b"]);
    let names: Vec<Value> = graph
        .calendars(ANN)
        .expect("a mailbox")
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, [json!("Calendar"), json!("Other")]);
    assert_eq!(graph.changes_by_requests(ANN), Ok(1));
}

#[test]
fn a_person_cannot_do_what_the_server_does_not_let_happen() {
    let mut desk = Desk::new();
    let (calendar, now) = (desk.calendar.clone(), desk.now);
    let graph = desk.graph();
    let refusal = graph.as_user_create(ANN, &calendar, &json!({ "subject": "timeless" }), now);
    assert_eq!(
        refusal.map_err(|refusal| refusal.code),
        Err("ErrorPropertyValidationFailure")
    );
    let refusal = graph.as_user_delete(ANN, "none", now);
    assert_eq!(
        refusal.map_err(|refusal| refusal.code),
        Err("ErrorInvalidIdMalformed")
    );
    let refusal = graph.add_calendar("nobody@example.com", "x");
    assert_eq!(
        refusal.map_err(|refusal| refusal.code),
        Err("MailboxNotEnabledForRESTAPI")
    );
}
