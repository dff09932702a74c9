//! Single events: what is stored of what was written, and how it is read back.

use serde_json::{Value, json};

use super::desk::{ANN, Desk, ask, berlin, escape, event_path, hour, text};
use kalends_sandbox::microsoft::TransactionRepeat;

#[test]
fn times_are_read_in_utc_and_remember_their_zone() {
    let mut desk = Desk::new();
    let mut event = hour("Planning", "2026-06-01");
    event["start"] = berlin("2026-06-01T10:00:00");
    event["end"] = json!({ "dateTime": "2026-06-01T05:00:00", "timeZone": "America/New_York" });
    let made = desk.create(event);
    assert_eq!(
        made["start"],
        json!({ "dateTime": "2026-06-01T08:00:00.0000000", "timeZone": "UTC" })
    );
    assert_eq!(
        made["end"],
        json!({ "dateTime": "2026-06-01T09:00:00.0000000", "timeZone": "UTC" })
    );
    assert_eq!(made["originalStartTimeZone"], "W. Europe Standard Time");
    assert_eq!(made["originalEndTimeZone"], "America/New_York");
    assert_eq!(made["type"], "singleInstance");
    assert_eq!(
        made["responseStatus"],
        json!({ "response": "organizer", "time": "0001-01-01T00:00:00Z" })
    );
    let path = event_path(&text(&made["id"]));
    let prefer = "outlook.timezone=\"Tokyo Standard Time\", IdType=\"ImmutableId\"";
    let read = desk.send(ask("GET", &path).header("prefer", prefer));
    assert_eq!(
        read.body["start"],
        json!({ "dateTime": "2026-06-01T17:00:00.0000000", "timeZone": "Tokyo Standard Time" })
    );
    assert_eq!(
        read.header("preference-applied"),
        Some("outlook.timezone=\"Tokyo Standard Time\", IdType=\"ImmutableId\"")
    );
    let unknown = desk.send(ask("GET", &path).header("prefer", "outlook.timezone=\"Mars\""));
    assert_eq!(unknown.refusal(), (400, "TimeZoneNotSupportedException"));
    let mut event = hour("nowhere", "2026-06-01");
    event["start"]["timeZone"] = "Mars".into();
    assert_eq!(
        desk.post("/me/events", event).refusal(),
        (400, "TimeZoneNotSupportedException")
    );
    let mut event = hour("offset", "2026-06-01");
    event["start"]["dateTime"] = "2026-06-01T09:00:00+02:00".into();
    assert_eq!(
        desk.post("/me/events", event).refusal(),
        (400, "ErrorPropertyValidationFailure")
    );
}

#[test]
fn whole_days_begin_and_end_at_midnight_of_one_zone() {
    let mut desk = Desk::new();
    let day = json!({ "subject": "Fair", "isAllDay": true,
        "start": berlin("2026-06-01T00:00:00"), "end": berlin("2026-06-03T00:00:00") });
    let made = desk.create(day.clone());
    assert_eq!(made["start"]["dateTime"], "2026-06-01T00:00:00.0000000");
    assert_eq!(
        made["end"],
        json!({ "dateTime": "2026-06-03T00:00:00.0000000", "timeZone": "UTC" })
    );
    assert_eq!(made["originalStartTimeZone"], "W. Europe Standard Time");
    let mut late = day.clone();
    late["start"] = berlin("2026-06-01T01:00:00");
    let refused = desk.post("/me/events", late);
    assert_eq!(refused.refusal(), (400, "ErrorPropertyValidationFailure"));
    assert_eq!(
        refused.message(),
        "The Event.Start property for an all-day event needs to be set to midnight."
    );
    let mut torn = day.clone();
    torn["end"]["timeZone"] = "UTC".into();
    assert_eq!(
        desk.post("/me/events", torn).refusal(),
        (400, "ErrorPropertyValidationFailure")
    );
    let mut none = day;
    none["end"] = berlin("2026-06-01T00:00:00");
    assert_eq!(
        desk.post("/me/events", none).refusal(),
        (400, "ErrorPropertyValidationFailure")
    );
    desk.graph().switches.all_day_shifts = true;
    let shifted = desk.event(&text(&made["id"]));
    assert_eq!(
        shifted.body["start"]["dateTime"],
        "2026-05-31T22:00:00.0000000"
    );
}

#[test]
fn text_is_kept_as_html_and_read_as_either() {
    let mut desk = Desk::new();
    let mut event = hour("Notes", "2026-06-01");
    event["body"] = json!({ "contentType": "text", "content": "a < b\nsecond" });
    let made = desk.create(event);
    assert_eq!(made["body"]["contentType"], "html");
    assert!(
        made["body"]["content"]
            .as_str()
            .is_some_and(|html| html.contains("a &lt; b<br>"))
    );
    assert_eq!(made["bodyPreview"], "a < b\r\nsecond");
    let path = event_path(&text(&made["id"]));
    let read = desk.send(ask("GET", path).header("prefer", "outlook.body-content-type=\"text\""));
    assert_eq!(
        read.body["body"],
        json!({ "contentType": "text", "content": "a < b\r\nsecond" })
    );
    assert_eq!(
        read.header("preference-applied"),
        Some("outlook.body-content-type=\"text\"")
    );
}

#[test]
fn a_location_wipes_the_others() {
    let mut desk = Desk::new();
    let mut event = hour("Tour", "2026-06-01");
    event["locations"] = json!([{ "displayName": "Hall" }, { "displayName": "Roof" }]);
    let made = desk.create(event);
    assert_eq!(made["location"]["displayName"], "Hall");
    let id = text(&made["id"]);
    let moved = desk
        .patch(&id, json!({ "location": { "displayName": "Room 4" } }))
        .body;
    assert_eq!(
        moved["location"],
        json!({ "displayName": "Room 4", "locationType": "default", "uniqueId": "Room 4", "uniqueIdType": "private" })
    );
    assert_eq!(moved["locations"].as_array().map(Vec::len), Some(1));
    let nowhere = desk
        .patch(&id, json!({ "location": { "displayName": "" } }))
        .body;
    assert_eq!(
        (&nowhere["locations"], &nowhere["location"]["displayName"]),
        (&json!([]), &json!(""))
    );
}

#[test]
fn what_an_event_does_not_have_is_refused() {
    let mut desk = Desk::new();
    let with = |name: &str, value: Value| {
        let mut event = hour("wrong", "2026-06-01");
        event[name] = value;
        event
    };
    for (event, code) in [
        (with("uid", json!("x")), "RequestBodyRead"),
        (with("showAs", json!("away")), "RequestBodyRead"),
        (with("subject", json!(7)), "RequestBodyRead"),
        (
            with(
                "attendees",
                json!([{ "emailAddress": { "address": "nobody" } }]),
            ),
            "ErrorInvalidRecipients",
        ),
        (
            with(
                "end",
                json!({ "dateTime": "2026-06-01T08:00:00", "timeZone": "UTC" }),
            ),
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        (
            json!({ "subject": "timeless" }),
            "ErrorPropertyValidationFailure",
        ),
    ] {
        let answer = desk.post("/me/events", event);
        assert_eq!(answer.refusal(), (400, code), "{}", answer.body);
    }
    let unreadable = desk.send(ask("POST", "/me/events").body(json!("text")));
    assert_eq!(unreadable.refusal(), (400, "BadRequest"));
    desk.graph().switches.unknown_properties_refused = false;
    assert!(desk.create(with("uid", json!("x"))).get("uid").is_none());
    // What only the server writes is passed over.
    let made = desk.create(with("iCalUId", json!("mine@example.com")));
    assert!(text(&made["iCalUId"]).starts_with("040000008200E00074C5B7101A82E00800000000"));
    assert_eq!(text(&made["iCalUId"]).len(), 112);
}

#[test]
fn a_patch_changes_what_it_names_and_every_change_has_a_new_key() {
    let mut desk = Desk::new();
    let made = desk.create(hour("Before", "2026-06-01"));
    let id = text(&made["id"]);
    desk.tick();
    let changed = desk
        .patch(
            &id,
            json!({ "subject": "After", "showAs": "oof", "categories": ["Work"] }),
        )
        .body;
    assert_eq!(
        (&changed["subject"], &changed["start"]),
        (&json!("After"), &made["start"])
    );
    assert_ne!(changed["changeKey"], made["changeKey"]);
    assert_eq!(
        text(&changed["@odata.etag"]),
        format!("W/\"{}\"", text(&changed["changeKey"]))
    );
    assert_eq!(changed["createdDateTime"], "2026-03-01T12:00:00.0000000Z");
    assert_eq!(
        changed["lastModifiedDateTime"],
        "2026-03-01T12:01:00.0000000Z"
    );
    let online = desk.patch(&id, json!({ "isOnlineMeeting": true })).body;
    assert_eq!(online["onlineMeetingProvider"], "teamsForBusiness");
    assert!(text(&online["onlineMeeting"]["joinUrl"]).starts_with("https://teams.microsoft.com/"));
    let still = desk.patch(&id, json!({ "isOnlineMeeting": false })).body;
    assert_eq!(still["isOnlineMeeting"], true);
}

#[test]
fn a_write_under_an_old_key_is_a_conflict() {
    let mut desk = Desk::new();
    let made = desk.create(hour("Mine", "2026-06-01"));
    let id = text(&made["id"]);
    let now = desk.now;
    desk.graph()
        .as_user_change(ANN, &id, &json!({ "subject": "Hers" }), now)
        .expect("an event");
    let old = text(&made["@odata.etag"]);
    let path = event_path(&id);
    let patch = ask("PATCH", &path)
        .header("if-match", &old)
        .body(json!({ "subject": "x" }));
    let refused = desk.send(patch);
    assert_eq!(refused.refusal(), (412, "ErrorIrresolvableConflict"));
    assert!(
        refused
            .message()
            .contains("does not match the current change key")
    );
    assert_eq!(
        desk.send(ask("DELETE", &path).header("if-match", &old))
            .refusal()
            .0,
        412
    );
    let new = text(&desk.event(&id).body["@odata.etag"]);
    let patch = ask("PATCH", &path)
        .header("if-match", &new)
        .body(json!({ "subject": "x" }));
    assert_eq!(desk.send(patch).status, 200);
    desk.graph().touch(ANN, &id, now).expect("an event");
    let patch = ask("PATCH", &path)
        .header("if-match", &new)
        .body(json!({ "subject": "y" }));
    assert_eq!(desk.send(patch).refusal().0, 412);
    assert_eq!(
        desk.send(ask("DELETE", &path).header("if-match", "*"))
            .status,
        204
    );
}

#[test]
fn conflicts_may_come_out_of_nowhere() {
    let mut desk = Desk::new();
    let id = desk.create_id(hour("Mine", "2026-06-01"));
    desk.graph().switches.spurious_conflict_percent = 100;
    let refused = desk.patch(&id, json!({ "subject": "x" }));
    assert_eq!(refused.refusal(), (412, "ErrorIrresolvableConflict"));
    desk.graph().switches.spurious_conflict_status = 409;
    assert_eq!(
        desk.delete(&id).refusal(),
        (409, "ErrorIrresolvableConflict")
    );
    desk.graph().switches.spurious_conflict_percent = 0;
    assert_eq!(desk.event(&id).body["subject"], "Mine");
}

#[test]
fn a_repeated_transaction_creates_nothing() {
    let mut desk = Desk::new();
    let mut event = hour("Once", "2026-06-01");
    event["transactionId"] = "t-1".into();
    let made = desk.create(event.clone());
    assert_eq!(made["transactionId"], "t-1");
    let again = desk.post("/me/events", event.clone());
    assert_eq!(
        (again.status.as_u16(), &again.body["id"]),
        (201, &made["id"])
    );
    desk.graph().switches.transaction_repeat = TransactionRepeat::Ok;
    assert_eq!(desk.post("/me/events", event.clone()).status, 200);
    desk.graph().switches.transaction_repeat = TransactionRepeat::Conflict;
    let refused = desk.post("/me/events", event.clone());
    assert_eq!(refused.refusal(), (409, "ErrorDuplicateTransactionId"));
    let calendar = desk.calendar.clone();
    assert_eq!(
        desk.graph().all(ANN, &calendar).expect("a calendar").len(),
        1
    );
    desk.delete(&text(&made["id"]));
    assert_ne!(desk.create(event)["id"], made["id"]);
}

#[test]
fn deleted_is_gone_whichever_way() {
    let mut desk = Desk::new();
    let id = desk.create_id(hour("First", "2026-06-01"));
    assert_eq!(desk.delete(&id).status, 204);
    assert_eq!(desk.delete(&id).refusal(), (404, "ErrorItemNotFound"));
    assert_eq!(
        desk.event(&id).message(),
        "The specified object was not found in the store."
    );
    let id = desk.create_id(hour("Second", "2026-06-01"));
    let path = format!("{}/permanentDelete", event_path(&id));
    assert_eq!(desk.send(ask("POST", path)).status, 204);
    assert_eq!(desk.event(&id).refusal().0, 404);
}

#[test]
fn a_normal_id_changes_on_a_move_and_an_immutable_one_does_not() {
    let mut desk = Desk::new();
    let made = desk.create(hour("Wanderer", "2026-06-01"));
    let normal = text(&made["id"]);
    let immutable = text(&desk.send(ask("GET", event_path(&normal)).immutable()).body["id"]);
    assert!(
        normal.starts_with("AAMk") && immutable.starts_with("AAkA"),
        "{normal} {immutable}"
    );
    let (other, now) = (
        desk.graph().add_calendar(ANN, "Other").expect("a calendar"),
        desk.now,
    );
    desk.graph()
        .as_user_move(ANN, &immutable, &other, now)
        .expect("an event");
    assert_eq!(desk.event(&normal).refusal(), (404, "ErrorItemNotFound"));
    let moved = desk.event(&immutable);
    assert_eq!(moved.status, 200);
    assert_ne!(text(&moved.body["id"]), normal);
    assert_eq!(moved.body["iCalUId"], made["iCalUId"]);
    let its = desk.get(format!("{}/calendar", event_path(&immutable)));
    assert_eq!(text(&its.body["id"]), other);
    let here = format!(
        "/me/calendars/{}/events/{}",
        escape(&desk.calendar),
        escape(&immutable)
    );
    assert_eq!(desk.get(here).refusal(), (404, "ErrorItemNotFound"));
    // Capitals count.
    assert_eq!(
        desk.event(&immutable.to_lowercase()).refusal(),
        (400, "ErrorInvalidIdMalformed")
    );
}

#[test]
fn ids_are_translated_into_their_other_form() {
    let mut desk = Desk::new();
    let id = desk.create_id(hour("Event", "2026-06-01"));
    let immutable = text(&desk.send(ask("GET", event_path(&id)).immutable()).body["id"]);
    let answer = desk.post(
        "/me/translateExchangeIds",
        json!({ "inputIds": [id, "nonsense"], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId" }),
    );
    assert_eq!(
        answer.values()[0],
        json!({ "sourceId": id, "targetId": immutable })
    );
    assert_eq!(
        answer.values()[1]["errorDetails"]["code"],
        "ErrorInvalidIdMalformed"
    );
    // As Microsoft's own libraries write it.
    let capital = desk.post(
        "/me/translateExchangeIds",
        json!({ "InputIds": [immutable], "SourceIdType": "restImmutableEntryId", "TargetIdType": "restId" }),
    );
    assert_eq!(capital.values()[0]["targetId"], id.as_str());
    let refused = desk.post(
        "/me/translateExchangeIds",
        json!({ "inputIds": [id], "sourceIdType": "restId", "targetIdType": "ewsId" }),
    );
    assert_eq!(refused.refusal(), (400, "ErrorInvalidParameter"));
}

const MARK: &str = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name syncId";

#[test]
fn marks_are_written_shown_on_demand_and_found_again() {
    let mut desk = Desk::new();
    let mut event = hour("Marked", "2026-06-01");
    event["singleValueExtendedProperties"] = json!([{ "id": MARK.to_uppercase().replace("STRING", "String")
        .replace("NAME SYNCID", "Name syncId"), "value": "abc" }]);
    let made = desk.create(event);
    desk.create(hour("Plain", "2026-06-01"));
    assert_eq!(made.get("singleValueExtendedProperties"), None);
    let id = text(&made["id"]);
    let expand = format!(
        "$expand=singleValueExtendedProperties($filter=id%20eq%20'{}')",
        MARK.replace(' ', "%20")
    );
    let shown = desk.get(format!("{}?{expand}", event_path(&id)));
    assert_eq!(
        shown.body["singleValueExtendedProperties"],
        json!([{ "id": MARK, "value": "abc" }])
    );
    let filter = format!(
        "$filter=singleValueExtendedProperties/Any(ep:%20ep/id%20eq%20'{}'%20and%20ep/value%20eq%20'abc')&{expand}",
        MARK.replace(' ', "%20")
    );
    let found = desk.get(format!("/me/events?{filter}"));
    assert_eq!(found.subjects(), ["Marked"]);
    assert_eq!(
        found.body["value"][0]["singleValueExtendedProperties"][0]["value"],
        "abc"
    );
    desk.patch(
        &id,
        json!({ "singleValueExtendedProperties": [{ "id": MARK, "value": "new" }] }),
    );
    assert_eq!(
        desk.get(format!("/me/events?{filter}")).subjects(),
        Vec::<String>::new()
    );
    let wrong = desk.patch(
        &id,
        json!({ "singleValueExtendedProperties": [{ "id": "mine", "value": "x" }] }),
    );
    assert_eq!(wrong.refusal(), (400, "ErrorInvalidProperty"));
}

#[test]
fn open_extensions_belong_to_the_copy_and_not_to_its_version() {
    let mut desk = Desk::new();
    let mut event = hour("Extended", "2026-06-01");
    event["extensions"] = json!([{ "@odata.type": "microsoft.graph.openTypeExtension",
        "extensionName": "com.example.sync", "k": "v" }]);
    let made = desk.create(event);
    let path = event_path(&text(&made["id"]));
    let one = format!("{path}/extensions/com.example.sync");
    let shown = desk.get(&one).body;
    assert_eq!(
        shown["id"],
        "Microsoft.OutlookServices.OpenTypeExtension.com.example.sync"
    );
    assert_eq!(shown["k"], "v");
    let patched = desk
        .send(ask("PATCH", &one).body(json!({ "k": null, "n": 2 })))
        .body;
    assert_eq!((&patched["k"], &patched["n"]), (&json!("v"), &json!(2)));
    assert_eq!(desk.get(&path).body["changeKey"], made["changeKey"]);
    let listed = desk.get("/me/events?$expand=extensions($filter=id%20eq%20'com.example.sync')");
    assert_eq!(listed.body["value"][0]["extensions"][0]["n"], 2);
    let other = json!({ "extensionName": "other", "x": true });
    assert_eq!(desk.post(format!("{path}/extensions"), other).status, 201);
    assert_eq!(desk.get(format!("{path}/extensions")).values().len(), 2);
    assert_eq!(desk.send(ask("DELETE", &one)).status, 204);
    assert_eq!(desk.get(&one).refusal(), (404, "ErrorItemNotFound"));
}
