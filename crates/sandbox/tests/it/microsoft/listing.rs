//! Listings: what stands in them, what they can be asked, and how they go on.

use serde_json::json;

use super::desk::{Desk, ask, berlin, five_days, hour, text};

fn desk() -> Desk {
    let mut desk = Desk::new();
    for (subject, day) in [
        ("c", "2026-03-05"),
        ("a", "2026-03-03"),
        ("b", "2026-03-04"),
    ] {
        desk.create(hour(subject, day));
        desk.tick();
    }
    desk
}

#[test]
fn events_are_singles_and_masters_and_views_are_what_happens() {
    let mut desk = Desk::new();
    desk.create(hour("Single", "2026-03-03"));
    let master = desk.create_id(five_days("Series"));
    let occurrence = desk.occurrence(&master, "2026-03-04");
    desk.patch(&occurrence, json!({ "subject": "Special" }));
    assert_eq!(desk.get("/me/events").subjects(), ["Single", "Series"]);
    let view = desk.view("2026-03-02", "2026-03-05");
    let kinds: Vec<String> = view.iter().map(|event| text(&event["type"])).collect();
    assert_eq!(
        kinds,
        ["occurrence", "occurrence", "singleInstance", "exception"]
    );
    desk.graph().switches.exceptions_in_events = true;
    assert_eq!(
        desk.get("/me/events").subjects(),
        ["Single", "Series", "Special"]
    );
    let master = master.replace('=', "%3D");
    desk.graph().switches.exceptions_in_events = false;
    let exceptions = desk.get(format!(
        "/me/events?$filter=seriesMasterId%20eq%20'{master}'"
    ));
    assert_eq!(exceptions.subjects(), ["Special"]);
}

#[test]
fn pages_go_on_by_their_links() {
    let mut desk = desk();
    let first = desk.get("/me/events?$top=2&$count=true&$select=subject");
    assert_eq!(
        (first.subjects(), &first.body["@odata.count"]),
        (vec!["c".to_owned(), "a".to_owned()], &json!(3))
    );
    let second = desk.get(first.next().expect("a further page"));
    assert_eq!(
        (second.subjects(), second.next()),
        (vec!["b".to_owned()], None)
    );
    assert_eq!(
        second.body["value"][0]
            .as_object()
            .map(serde_json::Map::len),
        Some(3)
    );
    let skipped = desk.get("/me/events?$skip=1&$orderby=subject%20desc");
    assert_eq!(skipped.subjects(), ["b", "a"]);
    assert_eq!(
        desk.get("/me/events?$top=0").refusal(),
        (400, "ErrorInvalidUrlQuery")
    );
    assert_eq!(
        desk.get("/me/events?$top=1001").refusal(),
        (400, "ErrorInvalidUrlQuery")
    );
    assert_eq!(
        desk.get("/me/events?$top=many").refusal(),
        (400, "BadRequest")
    );
    for number in 0..9 {
        desk.create(hour(&format!("n{number}"), "2026-03-06"));
    }
    assert_eq!(desk.get("/me/events").values().len(), 10);
}

#[test]
fn filters_and_orders_are_the_documented_ones() {
    let mut desk = desk();
    let list = |desk: &mut Desk, query: &str| {
        let answer = desk.get(format!("/me/events?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.subjects()
    };
    let window = "$filter=start/dateTime%20ge%20'2026-03-04'%20and%20start/dateTime%20lt%20'2026-03-05T00:00:00Z'";
    assert_eq!(list(&mut desk, window), ["b"]);
    assert_eq!(list(&mut desk, "$orderby=start/dateTime"), ["a", "b", "c"]);
    assert_eq!(
        list(&mut desk, "$orderby=createdDateTime+desc"),
        ["b", "a", "c"]
    );
    assert_eq!(list(&mut desk, "$filter=subject%20eq%20'a'"), ["a"]);
    assert_eq!(
        list(&mut desk, "$filter=startsWith(subject,'B')"),
        ["b"],
        "in either case"
    );
    assert_eq!(
        list(&mut desk, "$filter=type%20eq%20'seriesMaster'"),
        Vec::<String>::new()
    );
    let uid = text(&desk.get("/me/events?$filter=subject%20eq%20'b'").body["value"][0]["iCalUId"]);
    assert_eq!(
        list(&mut desk, &format!("$filter=iCalUId%20eq%20'{uid}'")),
        ["b"]
    );
    for (query, code) in [
        ("$filter=uid%20eq%20'x'", "ErrorInvalidUrlQueryFilter"),
        (
            "$filter=transactionId%20eq%20'x'",
            "ErrorInvalidUrlQueryFilter",
        ),
        ("$filter=iCalUId%20ne%20'x'", "ErrorInvalidUrlQueryFilter"),
        ("$filter=nonsense", "ErrorInvalidUrlQueryFilter"),
        (
            "$filter=startsWith(webLink,'x')",
            "ErrorInvalidUrlQueryFilter",
        ),
        ("$orderby=body", "RequestBroker--ParseUri"),
        ("$select=uid", "RequestBroker--ParseUri"),
        ("$expand=everything", "RequestBroker--ParseUri"),
        ("$search=x", "ErrorInvalidUrlQuery"),
    ] {
        assert_eq!(
            desk.get(format!("/me/events?{query}")).refusal(),
            (400, code),
            "{query}"
        );
    }
}

#[test]
fn a_uid_is_found_by_that_of_any_occurrence() {
    let mut desk = Desk::new();
    desk.create(five_days("Series"));
    let view = desk.view("2026-03-03", "2026-03-04");
    let uid = text(&view[0]["iCalUId"]);
    let found = desk.get(format!("/me/events?$filter=iCalUId%20eq%20'{uid}'"));
    assert_eq!(found.subjects(), ["Series"]);
    desk.graph().switches.uid_per_occurrence = false;
    assert_eq!(
        desk.view("2026-03-03", "2026-03-04")[0]["iCalUId"],
        found.body["value"][0]["iCalUId"]
    );
}

#[test]
fn a_view_needs_a_window_that_is_not_too_wide() {
    let mut desk = desk();
    let refused = desk.get("/me/calendarView");
    assert_eq!(refused.refusal(), (400, "ErrorInvalidParameter"));
    assert_eq!(
        refused.message(),
        "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime."
    );
    let refused = desk.get("/me/calendarView?startDateTime=&endDateTime=2026-03-05");
    assert_eq!(
        refused.message(),
        "The value '' of parameter 'StartDateTime' is invalid."
    );
    let refused = desk.get("/me/calendarView?startDateTime=2020-01-01&endDateTime=2026-01-01");
    assert_eq!(refused.refusal(), (400, "ErrorInvalidRequest"));
    assert!(refused.message().ends_with("Maximum number of days: 1825"));
    // The offset of the window counts, the preferred zone does not.
    let view = "/me/calendarView?startDateTime=2026-03-03T12:00:00%2B02:00&endDateTime=2026-03-04T11:01:00%2B02:00";
    let answer =
        desk.send(ask("GET", view).header("prefer", "outlook.timezone=\"Tokyo Standard Time\""));
    assert_eq!(answer.subjects(), ["b"]);
    assert_eq!(
        answer.body["value"][0]["start"]["dateTime"],
        "2026-03-04T18:00:00.0000000"
    );
}

#[test]
fn a_window_holds_what_overlaps_it() {
    let mut desk = Desk::new();
    let mut point = hour("Point", "2026-03-04");
    point["start"] = berlin("2026-03-04T01:00:00");
    point["end"] = berlin("2026-03-04T01:00:00");
    desk.create(point);
    desk.create(hour("Hour", "2026-03-04"));
    assert_eq!(
        desk.view("2026-03-04T00:00:00Z", "2026-03-04T09:00:00Z")
            .len(),
        1
    );
    assert_eq!(
        desk.view("2026-03-04T09:59:00Z", "2026-03-04T12:00:00Z")
            .len(),
        1
    );
    assert_eq!(
        desk.view("2026-03-04T10:00:00Z", "2026-03-04T12:00:00Z")
            .len(),
        0
    );
}
