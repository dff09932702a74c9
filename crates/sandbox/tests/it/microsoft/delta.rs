//! Change tracking: rounds, pages, stubs, removals and the death of tokens.

use kalends_sandbox::Fault;
use kalends_sandbox::microsoft::{DeadDelta, SeriesRemoval};
use serde_json::{Value, json};

use super::desk::{
    ANN, Answer, Desk, IMMUTABLE, ask, berlin, escape, event_path, five_days, hour, text,
};

const MARCH: &str =
    "/me/calendarView/delta?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";

/// Follows a link to the end of its round.
fn round(desk: &mut Desk, link: &str) -> (Vec<Value>, String) {
    let (mut items, mut link) = (Vec::new(), link.to_owned());
    loop {
        let answer = desk.send(ask("GET", link).immutable());
        assert_eq!(answer.status, 200, "{}", answer.body);
        items.extend(answer.values());
        if let Some(delta) = answer.delta() {
            return (items, delta);
        }
        link = answer.next().expect("a further page");
    }
}

fn kinds(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| match item.get("@removed") {
            Some(_) => "removed".to_owned(),
            None => text(&item["type"]),
        })
        .collect()
}

#[test]
fn the_first_round_has_everything_and_the_next_one_what_changed() {
    let mut desk = Desk::new();
    let a = desk.create_id(hour("a", "2026-03-03"));
    desk.create(hour("b", "2026-03-04"));
    let first = desk.send(ask("GET", MARCH).immutable());
    assert_eq!(first.subjects(), ["a", "b"]);
    assert_eq!(
        first.header("preference-applied"),
        Some("IdType=\"ImmutableId\", odata.track-changes")
    );
    assert_eq!(
        first.body["value"][0]["@odata.type"],
        "#microsoft.graph.event"
    );
    let link = first.delta().expect("a link");
    let (items, link) = round(&mut desk, &link);
    assert_eq!(items, Vec::<Value>::new());
    desk.patch(&a, json!({ "subject": "new" }));
    desk.patch(&a, json!({ "showAs": "free" }));
    let (items, again) = round(&mut desk, &link);
    assert_eq!((items.len(), &items[0]["subject"]), (1, &json!("new")));
    // A link can be followed twice.
    assert_eq!(round(&mut desk, &link).0, items);
    assert_eq!(round(&mut desk, &again).0, Vec::<Value>::new());
}

#[test]
fn a_window_is_needed_and_the_other_options_are_not_to_be() {
    let mut desk = Desk::new();
    let refused = desk.get("/me/calendarView/delta");
    assert_eq!(refused.refusal(), (400, "ErrorInvalidParameter"));
    for option in [
        "$select=subject",
        "$expand=extensions",
        "$filter=subject",
        "$orderby=subject",
        "$search=x",
        "$top=5",
    ] {
        assert_eq!(
            desk.get(format!("{MARCH}&{option}")).refusal(),
            (400, "ErrorInvalidUrlQuery"),
            "{option}"
        );
    }
    desk.graph().switches.top_in_delta = true;
    assert_eq!(desk.get(format!("{MARCH}&$top=5")).status, 200);
}

#[test]
fn occurrences_come_as_stubs_and_exceptions_whole() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let occurrence = desk.occurrence(&master, "2026-03-04");
    desk.patch(&occurrence, json!({ "subject": "Special" }));
    let (items, link) = round(&mut desk, MARCH);
    assert_eq!(
        kinds(&items),
        [
            "occurrence",
            "occurrence",
            "exception",
            "occurrence",
            "occurrence"
        ]
    );
    let names: Vec<&String> = items[0].as_object().expect("an object").keys().collect();
    assert_eq!(
        names,
        [
            "@odata.etag",
            "@odata.type",
            "end",
            "id",
            "seriesMasterId",
            "start",
            "type"
        ]
    );
    assert_eq!(items[2]["subject"], "Special");
    desk.graph().switches.masters_in_delta = true;
    desk.graph().switches.bare_exceptions_in_delta = true;
    desk.patch(&master, json!({ "showAs": "free" }));
    let (items, _) = round(&mut desk, &link);
    assert_eq!(kinds(&items)[0], "seriesMaster");
    assert_eq!((items.len(), &items[3]["subject"]), (6, &json!("")));
}

#[test]
fn a_changed_series_is_sent_whole_in_one_page_and_a_deleted_occurrence_is_only_missing() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let (_, link) = round(&mut desk, MARCH);
    let occurrence = desk.occurrence(&master, "2026-03-04");
    desk.delete(&occurrence);
    let small = desk.send(ask("GET", &link).header("prefer", "odata.maxpagesize=1"));
    assert_eq!((small.values().len(), small.next()), (4, None));
    assert!(
        small
            .values()
            .iter()
            .all(|item| item.get("@removed").is_none())
    );
    desk.graph().switches.deleted_occurrences_reported = true;
    let (items, _) = round(&mut desk, &link);
    assert_eq!(kinds(&items).last().map(String::as_str), Some("removed"));
}

#[test]
fn what_is_deleted_or_leaves_the_window_is_removed() {
    let mut desk = Desk::new();
    let gone = desk.create_id(hour("gone", "2026-03-03"));
    let moved = desk.create_id(hour("moved", "2026-03-04"));
    let away = desk.create_id(hour("away", "2026-03-05"));
    let ids = round(&mut desk, MARCH).0;
    let (_, link) = round(&mut desk, MARCH);
    desk.delete(&gone);
    desk.patch(
        &moved,
        json!({
        "start": berlin("2026-05-04T09:00:00"), "end": berlin("2026-05-04T10:00:00") }),
    );
    let (other, now) = (
        desk.graph().add_calendar(ANN, "Other").expect("a calendar"),
        desk.now,
    );
    desk.graph()
        .as_user_move(ANN, &away, &other, now)
        .expect("an event");
    // An event that was never in the window is reported removed all the same.
    desk.create(hour("elsewhen", "2026-07-01"));
    let (items, _) = round(&mut desk, &link);
    assert_eq!(kinds(&items), ["removed"; 4]);
    for (item, before) in items.iter().zip(&ids) {
        assert_eq!(item["id"], before["id"]);
        assert_eq!(item["@removed"], json!({ "reason": "deleted" }));
        assert_eq!(item["@odata.type"], "#microsoft.graph.event");
    }
    assert_eq!(desk.event(&moved).status, 200);
    assert_eq!(desk.event(&gone).status, 404);
    desk.graph().switches.removed_reason_changed = true;
    let reasons: Vec<Value> = round(&mut desk, &link)
        .0
        .iter()
        .map(|item| item["@removed"]["reason"].clone())
        .collect();
    assert_eq!(
        reasons,
        [
            json!("deleted"),
            json!("changed"),
            json!("deleted"),
            json!("changed")
        ]
    );
}

#[test]
fn a_normal_id_is_removed_as_it_was_before_the_move() {
    let mut desk = Desk::new();
    let id = desk.create_id(hour("away", "2026-03-05"));
    let first = desk.get(MARCH);
    let (other, now) = (
        desk.graph().add_calendar(ANN, "Other").expect("a calendar"),
        desk.now,
    );
    desk.graph()
        .as_user_move(ANN, &id, &other, now)
        .expect("an event");
    let second = desk.get(first.delta().expect("a link"));
    assert_eq!(text(&second.body["value"][0]["id"]), id);
    let there = format!(
        "/me/calendars/{}/calendarView/delta?startDateTime=2026-03-01&endDateTime=2026-04-01",
        escape(&other)
    );
    assert_eq!(desk.get(there).subjects(), ["away"]);
}

#[test]
fn a_deleted_series_is_removed_by_the_ids_that_the_switch_names() {
    let mut desk = Desk::new();
    let master = desk.create_id(five_days("Series"));
    let (_, link) = round(&mut desk, MARCH);
    desk.delete(&master);
    let count = |desk: &mut Desk, removal| {
        desk.graph().switches.series_removal = removal;
        round(desk, &link).0.len()
    };
    assert_eq!(count(&mut desk, SeriesRemoval::Both), 6);
    assert_eq!(count(&mut desk, SeriesRemoval::Master), 1);
    assert_eq!(count(&mut desk, SeriesRemoval::Occurrences), 5);
}

#[test]
fn pages_have_the_preferred_size_and_may_be_empty_or_repeat() {
    let mut desk = Desk::new();
    for number in 0..5 {
        desk.create(hour(&format!("n{number}"), "2026-03-03"));
    }
    let page = |desk: &mut Desk, link: String| {
        desk.send(ask("GET", link).header("prefer", "odata.maxpagesize=2"))
    };
    let walk = |desk: &mut Desk, link: &str| {
        let (mut sizes, mut link) = (Vec::new(), link.to_owned());
        loop {
            let answer: Answer = page(desk, link);
            sizes.push(answer.values().len());
            match answer.next() {
                Some(next) => link = next,
                None => return (sizes, answer.delta().expect("a link")),
            }
        }
    };
    let (sizes, link) = walk(&mut desk, MARCH);
    assert_eq!(sizes, [2, 2, 1]);
    desk.graph().switches.empty_pages = true;
    assert_eq!(walk(&mut desk, MARCH).0, [0, 2, 2, 1]);
    desk.graph().switches.replays = true;
    assert_eq!(walk(&mut desk, MARCH).0, [0, 2, 3, 2]);
    for id in round(&mut desk, MARCH).0 {
        desk.patch(&text(&id["id"]), json!({ "showAs": "free" }));
    }
    assert_eq!(walk(&mut desk, &link).0, [0, 2, 3, 2]);
}

#[test]
fn what_changes_during_a_round_comes_in_the_next() {
    let mut desk = Desk::new();
    for number in 0..3 {
        desk.create(hour(&format!("n{number}"), "2026-03-03"));
    }
    let first = desk.send(ask("GET", MARCH).header("prefer", "odata.maxpagesize=2"));
    let second = text(&first.body["value"][1]["id"]);
    desk.delete(&second);
    let late = desk.create_id(hour("late", "2026-03-03"));
    let rest = desk.get(first.next().expect("a further page"));
    assert_eq!(rest.subjects(), ["n2", "late"]);
    let after = desk.get(rest.delta().expect("a link"));
    assert_eq!(kinds(&after.values()), ["removed", "singleInstance"]);
    assert_eq!(text(&after.body["value"][1]["id"]), late);
}

#[test]
fn a_dead_generation_is_410_and_says_where_to_begin_anew() {
    let mut desk = Desk::new();
    desk.create(hour("a", "2026-03-03"));
    let (_, link) = round(&mut desk, MARCH);
    desk.graph().bump_generation(ANN).expect("a mailbox");
    let dead = desk.get(&link);
    assert_eq!(dead.refusal(), (410, "SyncStateNotFound"));
    assert!(
        dead.message().contains("generation=1;[highest=2]"),
        "{}",
        dead.message()
    );
    let anew = dead.header("location").expect("a location").to_owned();
    assert!(anew.ends_with("$deltatoken="), "{anew}");
    assert_eq!(desk.get(&anew).subjects(), ["a"]);
    for (dead, code) in [
        (DeadDelta::ResyncRequired, "resyncRequired"),
        (DeadDelta::SyncStateInvalid, "SyncStateInvalid"),
    ] {
        desk.graph().switches.dead_delta = dead;
        assert_eq!(desk.get(&link).refusal(), (410, code));
    }
    let garbled = link.replace("$deltatoken=", "$deltatoken=x");
    assert_eq!(desk.get(garbled).refusal(), (400, "ErrorInvalidUrlQuery"));
}

#[test]
fn tokens_may_be_forgotten_after_some_changes() {
    let mut desk = Desk::new();
    desk.graph().switches.delta_changes_kept = Some(2);
    let (_, link) = round(&mut desk, MARCH);
    desk.create(hour("a", "2026-03-03"));
    desk.create(hour("b", "2026-03-03"));
    assert_eq!(round(&mut desk, &link).0.len(), 2);
    desk.create(hour("c", "2026-03-03"));
    assert_eq!(desk.get(&link).refusal().0, 410);
}

#[test]
fn a_dead_cursor_strikes_only_tokens() {
    let mut desk = Desk::new();
    let first = desk.send(ask("GET", MARCH).struck(Fault::DeadCursor));
    assert_eq!(first.status, 200);
    let link = first.delta().expect("a link");
    let dead = desk.send(ask("GET", &link).struck(Fault::DeadCursor));
    assert_eq!(dead.refusal(), (410, "SyncStateNotFound"));
    assert_eq!(desk.get(&link).status, 200);
}

#[test]
fn the_link_of_a_lost_calendar_is_404() {
    let mut desk = Desk::new();
    let other = desk.graph().add_calendar(ANN, "Other").expect("a calendar");
    let path = format!("/me/calendars/{}", escape(&other));
    let window = "startDateTime=2026-03-01&endDateTime=2026-04-01";
    let link = desk
        .get(format!("{path}/calendarView/delta?{window}"))
        .delta()
        .expect("a link");
    assert_eq!(desk.send(ask("DELETE", &path)).status, 204);
    assert_eq!(desk.get(&link).refusal(), (404, "ErrorItemNotFound"));
}

#[test]
fn a_delta_of_events_is_a_switch() {
    let mut desk = Desk::new();
    let single = desk.create_id(hour("a", "2026-07-03"));
    desk.create(five_days("Series"));
    let path = "/me/calendar/events/delta";
    assert_eq!(desk.get(path).refusal().0, 400);
    desk.graph().switches.events_delta = true;
    let refused = desk.get(format!("{path}?startDateTime="));
    assert_eq!(
        refused.message(),
        "The value '' of parameter 'StartDateTime' is invalid."
    );
    let first = desk.get(path);
    assert_eq!(kinds(&first.values()), ["singleInstance", "seriesMaster"]);
    assert_eq!(first.values()[0].get("subject"), None);
    desk.delete(&single);
    let second = desk.get(first.delta().expect("a link"));
    assert_eq!(kinds(&second.values()), ["removed"]);
}

#[test]
fn after_one_change_a_delta_does_not_look_at_the_rest() {
    let mut desk = Desk::new();
    for number in 0..3000 {
        desk.create(hour(&number.to_string(), "2026-03-03"));
    }
    let link = {
        let all = desk.send(ask("GET", MARCH).header("prefer", "odata.maxpagesize=5000"));
        assert_eq!(all.values().len(), 3000);
        all.delta().expect("a link")
    };
    let id = desk.create_id(hour("one", "2026-03-03"));
    let (items, _) = round(&mut desk, &link);
    assert_eq!(items.len(), 1);
    let shown = desk.send(ask("GET", event_path(&id)).header(IMMUTABLE.0, IMMUTABLE.1));
    assert_eq!(items[0]["id"], shown.body["id"]);
}
