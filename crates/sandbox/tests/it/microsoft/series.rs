//! Series: patterns, occurrences, exceptions, and what a change of the master does to them.

use serde_json::{Value, json};

use super::desk::{ANN, Desk, ask, berlin, daily, escape, event_path, five_days, hour, text};
use kalends_sandbox::microsoft::StartDateMismatch;

fn starts(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| text(&event["start"]["dateTime"])[..16].to_owned())
        .collect()
}

#[test]
fn a_series_is_read_back_with_its_defaults_and_keeps_its_hour_over_the_change_of_clocks() {
    let mut desk = Desk::new();
    let made = desk.create(json!({
        "subject": "Weekly", "start": berlin("2026-03-23T09:00:00"), "end": berlin("2026-03-23T10:00:00"),
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"] },
            "range": { "type": "endDate", "startDate": "2026-03-23", "endDate": "2026-04-06" } } }));
    assert_eq!(made["type"], "seriesMaster");
    assert_eq!(
        made["recurrence"],
        json!({
            "pattern": { "type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0, "daysOfWeek": ["monday"],
                         "firstDayOfWeek": "sunday", "index": "first" },
            "range": { "type": "endDate", "startDate": "2026-03-23", "endDate": "2026-04-06",
                       "recurrenceTimeZone": "W. Europe Standard Time", "numberOfOccurrences": 0 } })
    );
    let view = desk.view("2026-03-01", "2026-05-01");
    assert_eq!(
        starts(&view),
        ["2026-03-23T08:00", "2026-03-30T07:00", "2026-04-06T07:00"]
    );
    for occurrence in &view {
        assert_eq!(
            (&occurrence["type"], &occurrence["seriesMasterId"]),
            (&json!("occurrence"), &made["id"])
        );
        assert_eq!(occurrence["recurrence"], Value::Null);
    }
    assert_eq!(view[1]["originalStart"], "2026-03-30T07:00:00Z");
    // The documents say that every occurrence has its own UID: the master's with its date in it.
    assert!(text(&view[1]["iCalUId"]).starts_with("040000008200E00074C5B7101A82E00807EA031E"));
}

#[test]
fn a_series_written_in_utc_follows_the_clock_of_its_recurrence_zone() {
    let mut desk = Desk::new();
    desk.create(json!({
        "subject": "Weekly", "start": { "dateTime": "2026-03-23T08:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-03-23T09:00:00", "timeZone": "UTC" },
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"] },
            "range": { "type": "numbered", "startDate": "2026-03-23", "numberOfOccurrences": 2,
                       "recurrenceTimeZone": "Europe/Berlin" } } }));
    assert_eq!(
        starts(&desk.view("2026-03-01", "2026-05-01")),
        ["2026-03-23T08:00", "2026-03-30T07:00"]
    );
}

#[test]
fn a_start_beside_the_pattern_moves_to_its_next_date() {
    let mut desk = Desk::new();
    let series = json!({
        "subject": "Mondays", "start": berlin("2026-03-04T09:00:00"), "end": berlin("2026-03-04T10:00:00"),
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday" },
            "range": { "type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 2 } } });
    let made = desk.create(series.clone());
    assert_eq!(made["start"]["dateTime"], "2026-03-09T08:00:00.0000000");
    assert_eq!(made["recurrence"]["range"]["startDate"], "2026-03-09");
    assert_eq!(
        starts(&desk.view("2026-03-01", "2026-05-01")),
        ["2026-03-09T08:00", "2026-03-16T08:00"]
    );
    let mut other = series;
    other["recurrence"]["range"]["startDate"] = "2026-03-05".into();
    assert_eq!(
        desk.post("/me/events", other.clone()).refusal(),
        (400, "ErrorPropertyValidationFailure")
    );
    desk.graph().switches.start_date_mismatch = StartDateMismatch::Corrected;
    assert_eq!(
        desk.create(other)["start"]["dateTime"],
        "2026-03-09T08:00:00.0000000"
    );
}

#[test]
fn short_months_clamp_unless_switched_off() {
    let mut desk = Desk::new();
    let monthly = json!({
        "subject": "Ultimo", "start": berlin("2026-03-31T09:00:00"), "end": berlin("2026-03-31T10:00:00"),
        "recurrence": {
            "pattern": { "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 },
            "range": { "type": "numbered", "startDate": "2026-03-31", "numberOfOccurrences": 3 } } });
    let id = desk.create_id(monthly.clone());
    assert_eq!(
        starts(&desk.view("2026-03-01", "2026-12-01")),
        ["2026-03-31T07:00", "2026-04-30T07:00", "2026-05-31T07:00"]
    );
    desk.delete(&id);
    desk.graph().switches.short_months_clamp = false;
    desk.create(monthly);
    assert_eq!(
        starts(&desk.view("2026-03-01", "2026-12-01")),
        ["2026-03-31T07:00", "2026-05-31T07:00", "2026-07-31T07:00"]
    );
}

#[test]
fn a_recurrence_is_whole_or_refused() {
    let mut desk = Desk::new();
    let id = desk.create_id(five_days("Series"));
    for recurrence in [
        json!({ "range": { "type": "noEnd", "startDate": "2026-03-02" } }),
        json!({ "pattern": { "type": "daily", "interval": 2 } }),
        json!({ "pattern": { "type": "daily", "interval": 1 }, "range": { "type": "endDate", "startDate": "2026-03-02" } }),
        json!({ "pattern": { "type": "daily", "interval": 1 },
                "range": { "type": "endDate", "startDate": "2026-03-02", "endDate": "2026-03-01" } }),
        json!({ "pattern": { "type": "daily", "interval": 1 }, "range": { "type": "numbered", "startDate": "2026-03-02" } }),
    ] {
        let refused = desk.patch(&id, json!({ "recurrence": recurrence }));
        assert_eq!(
            refused.refusal(),
            (400, "ErrorPropertyValidationFailure"),
            "{}",
            refused.body
        );
    }
    let occurrence = desk.occurrence(&id, "2026-03-03");
    let refused = desk.patch(
        &occurrence,
        json!({ "recurrence": five_days("x")["recurrence"] }),
    );
    assert_eq!(refused.refusal(), (400, "ErrorPropertyValidationFailure"));
    // Null ends the series; a recurrence begins one.
    let single = desk.patch(&id, json!({ "recurrence": null })).body;
    assert_eq!(
        (&single["type"], &single["recurrence"]),
        (&json!("singleInstance"), &Value::Null)
    );
    assert_eq!(desk.view("2026-03-01", "2026-04-01").len(), 1);
    let series = desk
        .patch(&id, json!({ "recurrence": five_days("x")["recurrence"] }))
        .body;
    assert_eq!(series["type"], "seriesMaster");
    assert_eq!(desk.view("2026-03-01", "2026-04-01").len(), 5);
}

#[test]
fn an_occurrence_becomes_an_exception_with_another_id() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let plain = desk.occurrence(&master, "2026-03-04");
    let changed = desk.patch(
        &plain,
        json!({ "subject": "Special", "start": berlin("2026-03-04T11:00:00"),
        "end": berlin("2026-03-04T12:00:00") }),
    );
    assert_eq!(changed.status, 200, "{}", changed.body);
    let exception = changed.body;
    assert_eq!(exception["type"], "exception");
    assert_eq!(text(&exception["seriesMasterId"]), master);
    assert_eq!(exception["originalStart"], "2026-03-04T08:00:00Z");
    assert_ne!(text(&exception["id"]), plain);
    assert_eq!(desk.event(&plain).refusal(), (404, "ErrorItemNotFound"));
    assert_eq!(
        desk.event(&text(&exception["id"])).body["subject"],
        "Special"
    );
    let path = format!(
        "{}?$select=subject,cancelledOccurrences,exceptionOccurrences&$expand=exceptionOccurrences",
        event_path(&master)
    );
    let whole = desk.get(path).body;
    assert_eq!(whole["exceptionOccurrences"][0]["id"], exception["id"]);
    assert_eq!(
        (&whole["cancelledOccurrences"], whole.get("start")),
        (&json!([]), None)
    );
    // A new title of the series reaches the exception's other properties, not its own.
    desk.patch(&master, json!({ "subject": "Renamed", "showAs": "free" }));
    let still = desk.event(&text(&exception["id"])).body;
    assert_eq!(
        (&still["subject"], &still["showAs"]),
        (&json!("Special"), &json!("free"))
    );
}

#[test]
fn exceptions_may_keep_their_id() {
    let mut desk = Desk::new();
    desk.graph().switches.exception_changes_id = false;
    let master = desk.create_id(five_days("Series"));
    let plain = desk.occurrence(&master, "2026-03-04");
    let changed = desk.patch(&plain, json!({ "subject": "Special" })).body;
    assert_eq!(
        (text(&changed["id"]), &changed["type"]),
        (plain, &json!("exception"))
    );
}

#[test]
fn an_exception_stays_between_its_neighbours_even_deleted_ones() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let next = desk.occurrence(&master, "2026-03-05");
    assert_eq!(desk.delete(&next).status, 204);
    let id = desk.occurrence(&master, "2026-03-04");
    for (start, end) in [
        ("2026-03-05T11:00:00", "2026-03-05T12:00:00"),
        ("2026-03-03T22:00:00", "2026-03-03T23:00:00"),
        ("2026-03-04T22:00:00", "2026-03-05T10:00:00"),
    ] {
        let refused = desk.patch(&id, json!({ "start": berlin(start), "end": berlin(end) }));
        assert_eq!(refused.refusal(), (400, "ErrorOccurrenceCrossingBoundary"));
        assert_eq!(
            refused.message(),
            "Modified occurrence is crossing or overlapping adjacent occurrence."
        );
    }
    let late = desk.patch(
        &id,
        json!({ "start": berlin("2026-03-04T22:00:00"), "end": berlin("2026-03-04T23:00:00") }),
    );
    assert_eq!(late.status, 200);
}

#[test]
fn a_deleted_occurrence_leaves_only_its_date() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let id = desk.occurrence(&master, "2026-03-04");
    assert_eq!(desk.delete(&id).status, 204);
    assert_eq!(desk.event(&id).refusal(), (404, "ErrorItemNotFound"));
    assert_eq!(desk.view("2026-03-01", "2026-04-01").len(), 4);
    let path = format!("{}?$select=cancelledOccurrences", event_path(&master));
    let cancelled = desk.get(&path).body["cancelledOccurrences"].clone();
    assert_eq!(cancelled, json!([format!("OID.{master}.2026-03-04")]));
    desk.graph().switches.cancelled_occurrences = false;
    assert_eq!(desk.get(&path).body.get("cancelledOccurrences"), None);
    // A numbered series does not make up for it.
    let last = desk
        .view("2026-03-01", "2026-04-01")
        .pop()
        .expect("an occurrence");
    assert_eq!(last["start"]["dateTime"], "2026-03-06T08:00:00.0000000");
}

#[test]
fn a_new_time_of_the_master_drops_its_exceptions() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let changed = desk.occurrence(&master, "2026-03-04");
    desk.patch(&changed, json!({ "subject": "Special" }));
    let deleted = desk.occurrence(&master, "2026-03-05");
    desk.delete(&deleted);
    // The same times again are no new ones.
    desk.patch(
        &master,
        json!({ "start": berlin("2026-03-02T09:00:00"), "end": berlin("2026-03-02T10:00:00") }),
    );
    assert_eq!(desk.view("2026-03-01", "2026-04-01").len(), 4);
    desk.patch(
        &master,
        json!({ "start": berlin("2026-03-02T14:00:00"), "end": berlin("2026-03-02T15:00:00") }),
    );
    let view = desk.view("2026-03-01", "2026-04-01");
    assert_eq!((view.len(), &view[2]["subject"]), (5, &json!("Series")));
    assert!(starts(&view).iter().all(|start| start.ends_with("T13:00")));
}

#[test]
fn where_exceptions_outlive_a_new_pattern_those_do_that_it_still_has() {
    let mut desk = Desk::new();
    desk.graph().switches.master_change_drops_exceptions = false;
    let master = desk.create_id(five_days("Series"));
    for (date, subject) in [("2026-03-03", "Early"), ("2026-03-05", "Late")] {
        let id = desk.occurrence(&master, date);
        desk.patch(&id, json!({ "subject": subject }));
    }
    let shorter = desk.patch(
        &master,
        json!({ "recurrence": {
            "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 3 } } }),
    );
    assert_eq!(shorter.status, 200, "{}", shorter.body);
    let view = desk.view("2026-03-01", "2026-04-01");
    let subjects: Vec<String> = view.iter().map(|one| text(&one["subject"])).collect();
    assert_eq!(subjects, ["Series", "Early", "Series"]);
    let path = format!("{}?$expand=exceptionOccurrences", event_path(&master));
    let exceptions = desk.get(path).body["exceptionOccurrences"].clone();
    assert_eq!(exceptions.as_array().map(Vec::len), Some(1));
}

#[test]
fn an_exception_outside_the_window_is_seen_only_with_its_master() {
    let mut desk = Desk::new();
    let master = desk.create_id(json!({
        "subject": "Monthly", "start": berlin("2026-03-10T09:00:00"), "end": berlin("2026-03-10T10:00:00"),
        "recurrence": {
            "pattern": { "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 10 },
            "range": { "type": "noEnd", "startDate": "2026-03-10" } } }));
    let april = desk.occurrence(&master, "2026-04-10");
    desk.patch(
        &april,
        json!({ "start": berlin("2026-04-25T09:00:00"), "end": berlin("2026-04-25T10:00:00") }),
    );
    assert_eq!(desk.view("2026-04-01", "2026-04-20").len(), 0);
    assert_eq!(desk.view("2026-04-20", "2026-05-01").len(), 1);
    let path = format!("{}?$expand=exceptionOccurrences", event_path(&master));
    assert_eq!(
        desk.get(path).body["exceptionOccurrences"][0]["originalStart"],
        "2026-04-10T07:00:00Z"
    );
}

#[test]
fn instances_need_a_series_and_a_window() {
    let mut desk = Desk::new();
    let single = desk.create_id(hour("Single", "2026-03-03"));
    let window = "startDateTime=2026-03-01&endDateTime=2026-04-01";
    let refused = desk.get(format!("{}/instances?{window}", event_path(&single)));
    assert_eq!(refused.refusal(), (400, "ErrorInvalidRequest"));
    let master = desk.create_id(daily("Endless", json!({ "type": "noEnd" })));
    let refused = desk.get(format!("{}/instances", event_path(&master)));
    assert_eq!(refused.refusal(), (400, "ErrorInvalidParameter"));
    let listed = desk.get(format!(
        "{}/instances?{window}&$top=50",
        event_path(&master)
    ));
    assert_eq!(listed.values().len(), 30);
    // A plain occurrence does not say where it belongs unless it is asked for everything.
    assert_eq!(listed.values()[0].get("originalStart"), None);
    let own = desk.event(&text(&listed.values()[0]["id"])).body;
    assert_eq!(own["originalStart"], "2026-03-02T08:00:00Z");
}

#[test]
fn whole_day_series_are_recognised_by_their_date() {
    let mut desk = Desk::new();
    let master = desk.create_id(json!({
        "subject": "Holiday", "isAllDay": true,
        "start": berlin("2026-03-02T00:00:00"), "end": berlin("2026-03-03T00:00:00"),
        "recurrence": {
            "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 3 } } }));
    let view = desk.view("2026-03-01", "2026-04-01");
    assert_eq!(
        starts(&view),
        ["2026-03-02T00:00", "2026-03-03T00:00", "2026-03-04T00:00"]
    );
    assert_eq!(view[1]["originalStart"], "2026-03-03T00:00:00Z");
    let id = text(&view[1]["id"]);
    desk.delete(&id);
    let cancelled = desk.get(format!(
        "{}?$select=cancelledOccurrences",
        event_path(&master)
    ));
    assert_eq!(
        cancelled.body["cancelledOccurrences"],
        json!([format!("OID.{master}.2026-03-03")])
    );
}

#[test]
fn this_and_following_ends_one_series_and_begins_another() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let now = desk.now;
    let date = jiff::civil::date(2026, 3, 5);
    let new = desk
        .graph()
        .as_user_change_from(ANN, &master, date, &json!({ "subject": "Later" }), now)
        .expect("a series");
    let view = desk.view("2026-03-01", "2026-04-01");
    let subjects: Vec<String> = view.iter().map(|event| text(&event["subject"])).collect();
    assert_eq!(subjects, ["Series", "Series", "Series", "Later", "Later"]);
    let old = desk.event(&master).body;
    assert_eq!(old["recurrence"]["range"]["endDate"], "2026-03-04");
    let new = desk.event(&new).body;
    assert_eq!(new["recurrence"]["range"]["numberOfOccurrences"], 2);
    assert_ne!(new["iCalUId"], old["iCalUId"]);
    assert_eq!(
        desk.send(ask("GET", format!("/me/events/{}", escape(&master))))
            .status,
        200
    );
}
