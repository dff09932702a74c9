//! Changing events, whole series and single occurrences.

use jiff::civil::{DateTime, date};
use kalends_calendar::event::{Event, Override, RecurrenceId};
use kalends_calendar::jscalendar::{JsError, patch, patch_occurrence, to_json};
use kalends_calendar::recurrence::End;
use kalends_calendar::time::{Length, Start, ZoneId};
use serde_json::{Value, json};

use super::read;

fn standup() -> Event {
    read(&json!({
        "title": "Standup",
        "description": "Every day",
        "start": "2026-12-01T09:00:00",
        "timeZone": "Europe/Berlin",
        "duration": "PT15M",
        "recurrenceRules": [{ "frequency": "daily", "until": "2026-12-31T09:00:00" }],
        "recurrenceOverrides": {
            "2026-12-02T09:00:00": { "title": "Long standup" },
            "2026-12-03T09:00:00": { "excluded": true },
            "2026-12-04T09:00:00": { "start": "2026-12-04T14:00:00" }
        },
        "participants": {
            "ann": { "email": "ann@example.com", "roles": { "attendee": true } },
            "bob": { "email": "bob@example.com", "roles": { "owner": true } }
        }
    }))
    .unwrap()
}

fn at(day: i8, hour: i8) -> DateTime {
    date(2026, 12, day).at(hour, 0, 0, 0)
}

fn id(day: i8, hour: i8) -> RecurrenceId {
    RecurrenceId(at(day, hour))
}

fn changed(event: &Event, change: &Value) -> Result<Event, JsError> {
    patch(event, change.as_object().unwrap())
}

fn in_one(event: &Event, id: RecurrenceId, change: &Value) -> Result<Event, JsError> {
    patch_occurrence(event, id, change.as_object().unwrap())
}

fn id_of(event: &Event, email: &str) -> String {
    let value = to_json(event);
    let people = value["participants"].as_object().unwrap();
    let found = people.iter().find(|(_, one)| one["email"] == email);
    found.unwrap().0.clone()
}

fn instance(event: &Event, id: RecurrenceId) -> &kalends_calendar::event::Instance {
    match &event.recurrence_overrides[&id] {
        Override::Replaced(instance) => instance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn occurrences_follow_the_series_in_what_they_do_not_say() {
    let event = changed(
        &standup(),
        &json!({ "title": "Scrum", "description": null, "freeBusyStatus": "free" }),
    )
    .unwrap();
    assert_eq!(event.master.details.title, "Scrum");
    assert_eq!(event.master.details.description, "");
    let (named, moved) = (instance(&event, id(2, 9)), instance(&event, id(4, 9)));
    assert_eq!(named.details.title, "Long standup");
    assert_eq!(named.details.description, "");
    assert_eq!(moved.details.title, "Scrum");
}

#[test]
fn objects_merge_and_null_removes() {
    let before = standup();
    let mut people = serde_json::Map::new();
    let accepted = json!({ "participationStatus": "accepted" });
    people.insert(id_of(&before, "ann@example.com"), accepted);
    people.insert(id_of(&before, "bob@example.com"), Value::Null);
    let event = changed(&before, &json!({ "participants": people })).unwrap();
    let value = to_json(&event);
    let left: Vec<&Value> = value["participants"]
        .as_object()
        .unwrap()
        .values()
        .collect();
    assert_eq!(
        left,
        [&json!({
            "@type": "Participant",
            "email": "ann@example.com",
            "roles": { "attendee": true },
            "participationStatus": "accepted"
        })]
    );

    let event = changed(
        &before,
        &json!({ "recurrenceOverrides": { "2026-12-03T09:00:00": null, "2026-12-05T09:00:00": { "excluded": true } } }),
    )
    .unwrap();
    assert!(!event.recurrence_overrides.contains_key(&id(3, 9)));
    assert_eq!(event.recurrence_overrides[&id(5, 9)], Override::Excluded);
    assert_eq!(event.recurrence_overrides.len(), 3);
}

#[test]
fn a_change_that_is_sent_again_changes_nothing() {
    let change = json!({
        "participants": { "zoe": { "sendTo": { "imip": "mailto:Zoe@example.com" }, "roles": { "attendee": true } } },
        "locations": { "kitchen": { "name": "Kitchen" } },
        "links": { "map": { "href": "https://example.com/map" } },
        "recurrenceOverrides": { "2026-12-05T09:00:00": { "description": null, "title": "Quiet" } }
    });
    let once = changed(&standup(), &change).unwrap();
    assert_eq!(once.master.details.participants.len(), 3);
    // Null in an override says that the occurrence has none.
    assert_eq!(instance(&once, id(5, 9)).details.description, "");
    assert_eq!(changed(&once, &change).unwrap(), once);
    // And so it stays, whatever else the override is told.
    let more =
        json!({ "recurrenceOverrides": { "2026-12-05T09:00:00": { "status": "tentative" } } });
    let more = changed(&once, &more).unwrap();
    let quiet = &instance(&more, id(5, 9)).details;
    assert_eq!(
        (quiet.title.as_str(), quiet.description.as_str()),
        ("Quiet", "")
    );
    assert_eq!(
        to_json(&more)["recurrenceOverrides"]["2026-12-05T09:00:00"]["status"],
        "tentative"
    );
}

#[test]
fn a_series_moves_with_all_that_hangs_on_it() {
    let event = changed(&standup(), &json!({ "start": "2026-12-01T10:00:00" })).unwrap();
    let ids: Vec<RecurrenceId> = event.recurrence_overrides.keys().copied().collect();
    assert_eq!(ids, [id(2, 10), id(3, 10), id(4, 10)]);
    assert_eq!(event.recurrence_rules[0].end, End::Until(at(31, 10)));
    // What stood where the rules put it moves along; what was moved by itself stays.
    assert_eq!(instance(&event, id(2, 10)).start.local(), at(2, 10));
    assert_eq!(instance(&event, id(4, 10)).start.local(), at(4, 14));

    let event = changed(&standup(), &json!({ "timeZone": "Asia/Tokyo" })).unwrap();
    let tokyo = ZoneId("Asia/Tokyo".to_owned());
    assert_eq!(instance(&event, id(2, 9)).start.zone(), Some(&tokyo));
    let berlin = ZoneId("Europe/Berlin".to_owned());
    assert_eq!(instance(&event, id(4, 9)).start.zone(), Some(&berlin));
    assert_eq!(event.recurrence_rules[0].end, End::Until(at(31, 9)));

    // What the change says of the end and of single occurrences counts, after the move.
    let event = changed(
        &standup(),
        &json!({
            "start": "2026-12-01T10:00:00",
            "recurrenceRules": [{ "frequency": "daily", "count": 9 }],
            "recurrenceOverrides": { "2026-12-02T10:00:00": null }
        }),
    )
    .unwrap();
    assert_eq!(event.recurrence_rules[0].end, End::Count(9));
    assert_eq!(event.recurrence_overrides.len(), 2);
}

#[test]
fn times_become_whole_days() {
    let whole = changed(
        &standup(),
        &json!({ "start": "2026-12-01", "recurrenceOverrides": null }),
    )
    .unwrap();
    assert_eq!(whole.master.start, Start::AllDay(date(2026, 12, 1)));
    assert_eq!(whole.master.duration, Length::days(1));
    let midnight = date(2026, 12, 31).at(0, 0, 0, 0);
    assert_eq!(whole.recurrence_rules[0].end, End::Until(midnight));
    let same = changed(
        &standup(),
        &json!({ "showWithoutTime": true, "recurrenceOverrides": null }),
    );
    assert_eq!(same.unwrap(), whole);
    let kept = changed(&standup(), &json!({ "start": "2026-12-01" })).unwrap_err();
    assert_eq!(
        kept.to_string(),
        "/start: single occurrences of this series were changed; it cannot become whole days without losing that"
    );

    let timed = changed(
        &whole,
        &json!({ "start": "2026-12-01T09:00:00", "showWithoutTime": false, "timeZone": "Europe/Berlin", "duration": "PT15M" }),
    )
    .unwrap();
    // The last day counts, at whatever time.
    let end = date(2026, 12, 31).at(23, 59, 59, 0);
    assert_eq!(timed.recurrence_rules[0].end, End::Until(end));
}

#[test]
fn one_occurrence_is_changed() {
    let series = standup();
    let event = in_one(
        &series,
        id(5, 9),
        &json!({ "start": "2026-12-05T11:00:00" }),
    )
    .unwrap();
    let one = instance(&event, id(5, 9));
    assert_eq!(one.start.local(), at(5, 11));
    assert_eq!(one.details, series.master.details);
    assert_eq!(event.recurrence_overrides.len(), 4);

    // Again, and what was changed before stays.
    let event = in_one(&event, id(5, 9), &json!({ "description": null })).unwrap();
    let one = instance(&event, id(5, 9));
    assert_eq!(
        (one.start.local(), one.details.description.as_str()),
        (at(5, 11), "")
    );

    let away = in_one(&event, id(5, 9), &json!({ "excluded": true })).unwrap();
    assert_eq!(away.recurrence_overrides[&id(5, 9)], Override::Excluded);
    assert_eq!(in_one(&series, id(5, 9), &json!({})).unwrap(), series);

    let refusals = [
        (id(5, 10), json!({ "title": "x" })),
        (id(3, 9), json!({ "title": "x" })),
        (id(5, 9), json!({ "recurrenceRules": [] })),
        (id(5, 9), json!({ "uid": "other" })),
        (id(5, 9), json!({ "status": "perhaps" })),
        (id(5, 9), json!({ "titel": "x" })),
    ]
    .map(|(id, change)| in_one(&series, id, &change).unwrap_err().to_string());
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    no occurrence of this series starts at 2026-12-05T10:00:00
    the occurrence at 2026-12-03T09:00:00 was taken away
    /recurrenceRules: is of the series and cannot be changed in one occurrence
    /uid: cannot be changed
    /status: is "perhaps", not one of confirmed, tentative, cancelled
    /titel: is not known
    "#);
}

#[test]
fn what_an_occurrence_says_as_a_whole_is_changed_by_path() {
    let alerts = json!({ "1": { "trigger": { "@type": "OffsetTrigger", "offset": "-PT5M" } } });
    let whole = json!({ "recurrenceOverrides": { "2026-12-02T09:00:00": { "alerts": alerts } } });
    let event = changed(&standup(), &whole).unwrap();
    let of = |event: &Event| {
        let alerts = &instance(event, id(2, 9)).details.alerts;
        alerts.len()
    };
    assert_eq!(of(&event), 1);
    let path = |path: &str, value: Value| json!({ "recurrenceOverrides": { "2026-12-02T09:00:00": { path: value } } });
    let second = json!({ "trigger": { "@type": "OffsetTrigger", "offset": "-PT9M" } });
    let event = changed(&event, &path("alerts/2", second)).unwrap();
    assert_eq!(of(&event), 2);
    let shown = to_json(&event);
    let said = shown["recurrenceOverrides"]["2026-12-02T09:00:00"].clone();
    let nine = said
        .as_object()
        .unwrap()
        .iter()
        .find(|(_, value)| value.to_string().contains("PT9M"))
        .unwrap()
        .0;
    // However deep it lies in what is said.
    let nine = if said[nine].get("trigger").is_some() {
        format!("{nine}/trigger/offset")
    } else {
        let inner = said[nine].as_object().unwrap();
        let key = inner
            .iter()
            .find(|(_, value)| value.to_string().contains("PT9M"));
        format!("{nine}/{}/trigger/offset", key.unwrap().0)
    };
    let event = changed(&event, &path(&nine, json!("-PT7M"))).unwrap();
    let text = to_json(&event).to_string();
    assert!(text.contains("-PT7M") && !text.contains("-PT9M"), "{text}");
    let deep = path(&"a/".repeat(20), json!(1));
    let error = changed(&event, &deep).unwrap_err();
    assert!(error.problem.contains("nested too deep"), "{error}");
    let nowhere = path("alerts/none/trigger/offset", json!("-PT7M"));
    assert!(changed(&event, &nowhere).is_err());
}

#[test]
fn an_occurrence_that_was_taken_away_is_brought_back_before_it_is_changed() {
    let event = standup();
    let third = |change: Value| {
        let change = json!({ "recurrenceOverrides": { "2026-12-03T09:00:00": change } });
        changed(&event, &change)
    };
    let error = third(json!({ "title": "Ghost" })).unwrap_err();
    assert_eq!(error.pointer, "/recurrenceOverrides/2026-12-03T09:00:00");
    assert!(error.problem.contains("taken away"), "{error}");
    let back = third(json!({ "title": "Back", "excluded": false })).unwrap();
    assert_eq!(instance(&back, id(3, 9)).details.title, "Back");
    assert!(third(Value::Null).unwrap().recurrence_overrides.len() == 2);
    assert_eq!(third(json!({})).unwrap(), event);
    assert_eq!(third(json!({ "excluded": true })).unwrap(), event);
    // Where the series moves, it is meant by its new id.
    let moved = json!({ "start": "2026-12-01T10:00:00",
        "recurrenceOverrides": { "2026-12-03T10:00:00": { "title": "Ghost" } } });
    assert!(changed(&event, &moved).is_err());
}

#[test]
fn a_series_is_empty_when_each_of_its_occurrences_was_taken_away() {
    use kalends_calendar::series::{exclude, is_empty, truncate};
    let three = read(
        &json!({ "start": "2026-12-01T09:00:00", "timeZone": "Europe/Berlin",
        "recurrenceRules": [{ "frequency": "daily", "count": 3 }] }),
    )
    .unwrap();
    let mut left = three.clone();
    for day in 1..=3 {
        assert!(!is_empty(&left), "{day}");
        left = exclude(&left, id(day, 9)).unwrap();
    }
    assert!(is_empty(&left));
    let without_first = exclude(&three, id(1, 9)).unwrap();
    assert!(!is_empty(&without_first));
    assert!(is_empty(&truncate(&without_first, id(2, 9)).unwrap()));
    let once = read(&json!({ "start": "2026-12-01T09:00:00" })).unwrap();
    assert!(!is_empty(&once));
    let for_ever = read(&json!({ "start": "2026-12-01T09:00:00",
        "recurrenceRules": [{ "frequency": "secondly" }],
        "recurrenceOverrides": { "2026-12-01T09:00:01": { "excluded": true } } }))
    .unwrap();
    assert!(!is_empty(&for_ever));
}

#[test]
fn identity_and_bookkeeping_are_not_changed() {
    let event = standup();
    let refusals = [
        json!({ "uid": "other" }),
        json!({ "uid": null }),
        json!({ "@type": "Task" }),
        json!({ "sequence": 7 }),
        json!({ "created": "2026-12-01T09:00:00Z" }),
        json!({ "kalends:shape": "instancesOnly" }),
        json!({ "start": null }),
        json!({ "alerts": { "new": { "trigger": { "offset": "soon" } } } }),
    ]
    .map(|change| changed(&event, &change).unwrap_err().to_string());
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    /uid: cannot be changed
    /uid: cannot be changed
    /@type: cannot be changed
    /sequence: cannot be changed
    /created: cannot be changed
    /kalends:shape: cannot be changed
    /start: is missing
    /alerts/new/trigger/offset: is "soon", not a duration such as "PT1H30M" or "P1D", of whole seconds and at most 3660000 days
    "#);
    let same =
        json!({ "uid": "given@example.com", "sequence": 0, "created": null, "@type": "Event" });
    assert_eq!(changed(&event, &same).unwrap(), event);
}
