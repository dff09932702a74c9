//! What an event at Graph says in our terms, and what of ours is written when.

use std::collections::BTreeSet;
use std::sync::Arc;

use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Event, FreeBusyStatus, Kind, Location, Override,
    ParticipationStatus, Privacy, RecurrenceId, Role, Status, Trigger,
};
use kalends_calendar::ids::{RemoteId, Version};
use kalends_calendar::provider::{Provider, Receipt, Write};
use kalends_calendar::time::{Length, Start, ZoneId};
use serde_json::{Value, json};

use super::{Echo, account, berlin, calendar, create, event, now, raw, read, series, single};
use crate::script::Script;

/// Something that is done to an event.
type Edit = fn(&mut Event);

/// The body that a change of an event at Graph is written with; none where nothing needs to be written.
fn patched(before: &Value, change: impl FnOnce(&mut Event)) -> Option<Value> {
    let mut after = read(before);
    change(&mut after);
    let write = Write::Update {
        remote_id: RemoteId::from("e1"),
        version: Some(Version::from("W/\"one\"")),
        raw: raw(before),
        event: Box::new(after),
        mark: None,
    };
    let echo = Echo::new(200, before);
    let receipt = now(account(Arc::clone(&echo) as _).write(&calendar(), &write)).unwrap();
    assert!(matches!(receipt, Receipt::Written { .. }));
    let request = echo.asked()?;
    assert_eq!(
        (request.method.as_str(), request.url.path()),
        ("PATCH", "/v1.0/me/events/e1")
    );
    assert_eq!(request.headers["if-match"], "W/\"one\"");
    Some(serde_json::from_slice(&request.body).unwrap())
}

/// The body that a new event is written with.
fn posted(event: &Event) -> Value {
    let echo = Echo::new(201, &single("e1", "x"));
    now(account(Arc::clone(&echo) as _).write(&calendar(), &create(event))).unwrap();
    let request = echo.asked().unwrap();
    assert_eq!(
        (request.method.as_str(), request.url.path()),
        ("POST", "/v1.0/me/calendars/cal-1%3D/events")
    );
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_plain_event_reads_as_what_it_is() {
    let mut value = single("e1", "Lunch");
    value["locations"] = json!([
        {"displayName": "Room 4", "coordinates": {"latitude": 52.5, "longitude": 13.4}}, {"displayName": "Annex"}
    ]);
    value["categories"] = json!(["Work"]);
    value["importance"] = json!("high");
    let read = read(&value);
    let details = &read.master.details;
    assert_eq!(read.master.start, berlin("2026-06-01T10:00:00"));
    assert_eq!(read.master.duration, Length::minutes(60));
    assert_eq!(
        read.uid.as_str(),
        "040000008200E00074C5B7101A82E00800000000F088B8B95843D601"
    );
    assert_eq!(
        (details.title.as_str(), details.description.as_str()),
        ("Lunch", "Agenda")
    );
    assert_eq!(details.locations.len(), 2);
    assert_eq!(
        details.locations[0].coordinates.as_deref(),
        Some("geo:52.5,13.4")
    );
    assert_eq!(details.keywords, BTreeSet::from(["Work".to_owned()]));
    assert_eq!(details.priority, 1);
    assert_eq!(
        details.alerts[&AlertKey("display -PT15M start".to_owned())].trigger,
        Trigger::FromStart(-900)
    );
    assert!(
        details.participants.is_empty(),
        "an appointment has no organizer to speak of"
    );
    assert_eq!(
        read.updated.unwrap().to_string(),
        "2026-05-02T09:15:00.7654321Z"
    );
}

#[test]
fn states_of_theirs_have_a_meaning_of_ours() {
    let table = [
        (
            json!({"showAs": "free"}),
            Status::Confirmed,
            FreeBusyStatus::Free,
            Privacy::Public,
        ),
        (
            json!({"showAs": "tentative"}),
            Status::Tentative,
            FreeBusyStatus::Busy,
            Privacy::Public,
        ),
        (
            json!({"showAs": "oof"}),
            Status::Confirmed,
            FreeBusyStatus::Busy,
            Privacy::Public,
        ),
        (
            json!({"showAs": "workingElsewhere"}),
            Status::Confirmed,
            FreeBusyStatus::Busy,
            Privacy::Public,
        ),
        (
            json!({"showAs": "unknown"}),
            Status::Confirmed,
            FreeBusyStatus::Busy,
            Privacy::Public,
        ),
        (
            json!({"isCancelled": true}),
            Status::Cancelled,
            FreeBusyStatus::Busy,
            Privacy::Public,
        ),
        (
            json!({"sensitivity": "personal"}),
            Status::Confirmed,
            FreeBusyStatus::Busy,
            Privacy::Private,
        ),
        (
            json!({"sensitivity": "private"}),
            Status::Confirmed,
            FreeBusyStatus::Busy,
            Privacy::Private,
        ),
        (
            json!({"sensitivity": "confidential"}),
            Status::Confirmed,
            FreeBusyStatus::Busy,
            Privacy::Secret,
        ),
    ];
    for (said, status, busy, privacy) in table {
        let mut value = single("e1", "Lunch");
        for (key, inner) in said.as_object().unwrap() {
            value[key] = inner.clone();
        }
        let details = read(&value).master.details;
        assert_eq!(
            (details.status, details.free_busy_status, details.privacy),
            (status, busy, privacy),
            "{said}"
        );
    }
}

#[test]
fn who_takes_part_is_read_from_a_meeting() {
    let mut value = single("e1", "Lunch");
    value["isOrganizer"] = json!(false);
    value["organizer"] = json!({"emailAddress": {"name": "Bob", "address": "Bob@Example.com"}});
    value["responseStatus"] = json!({"response": "tentativelyAccepted"});
    let guest = |address: &str, kind: &str, response: &str| json!({"type": kind, "status": {"response": response}, "emailAddress": {"name": "N", "address": address}});
    value["attendees"] = json!([
        guest("ann@example.com", "required", "none"), guest("c@example.com", "optional", "accepted"),
        guest("room@example.com", "resource", "declined"), {"type": "required", "emailAddress": null}
    ]);
    let people = read(&value).master.details.participants;
    let of = |address: &str| people[&Address::new(address)].clone();
    assert_eq!(people.len(), 4);
    assert!(of("bob@example.com").organizer);
    assert!(of("bob@example.com").attendance.is_none());
    let ann = of("ann@example.com").attendance.unwrap();
    assert_eq!(
        ann.participation_status,
        ParticipationStatus::Tentative,
        "her own answer stands elsewhere"
    );
    assert_eq!(of("c@example.com").attendance.unwrap().role, Role::Optional);
    let room = of("room@example.com").attendance.unwrap();
    assert_eq!(
        (room.kind, room.participation_status),
        (Kind::Resource, ParticipationStatus::Declined)
    );
}

#[test]
fn a_day_is_a_day_in_whatever_zone_it_is_written() {
    let mut value = single("e1", "Holiday");
    value["isAllDay"] = json!(true);
    value["originalStartTimeZone"] = json!("W. Europe Standard Time");
    value["start"] = json!({"dateTime": "2026-06-01T00:00:00.0000000", "timeZone": "UTC"});
    value["end"] = json!({"dateTime": "2026-06-03T00:00:00.0000000", "timeZone": "UTC"});
    let days = read(&value).master;
    assert_eq!(days.start, Start::AllDay("2026-06-01".parse().unwrap()));
    assert_eq!(days.duration, Length::days(2));

    let mut holiday = event("Holiday", Start::AllDay("2026-12-31".parse().unwrap()));
    holiday.master.duration = Length::days(1);
    let body = posted(&holiday);
    assert_eq!(body["isAllDay"], true);
    assert_eq!(
        body["start"],
        json!({"dateTime": "2026-12-31T00:00:00", "timeZone": "UTC"})
    );
    assert_eq!(
        body["end"],
        json!({"dateTime": "2027-01-01T00:00:00", "timeZone": "UTC"})
    );
}

#[test]
fn a_new_event_says_everything_that_outlook_would_else_make_up() {
    let mut lunch = event("Lunch\nwith Bob", berlin("2026-06-01T10:00:00"));
    lunch.master.details.description = "Bread & <beer>\n\n  twice".to_owned();
    lunch.master.details.locations = vec![Location {
        name: "Inn".to_owned(),
        coordinates: Some("geo:52.5,13.4".to_owned()),
    }];
    lunch.master.details.url = Some("https://x.example/".to_owned());
    let body = posted(&lunch);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "body": {
        "content": "Bread &amp; &lt;beer&gt;<br>\n<br>\n&nbsp;&nbsp;twice",
        "contentType": "html"
      },
      "categories": [],
      "end": {
        "dateTime": "2026-06-01T11:00:00",
        "timeZone": "W. Europe Standard Time"
      },
      "importance": "normal",
      "isAllDay": false,
      "isReminderOn": false,
      "location": {
        "coordinates": {
          "latitude": 52.5,
          "longitude": 13.4
        },
        "displayName": "Inn"
      },
      "sensitivity": "normal",
      "showAs": "busy",
      "singleValueExtendedProperties": [
        {
          "id": "String {5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7} Name kalends-name",
          "value": "6f1e6c1c-0000-5000-8000-000000000001"
        },
        {
          "id": "String {5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7} Name kalends-mark",
          "value": "{\"event\":\"0198c0de-0000-7000-8000-000000000001\",\"uid\":\"home@example.com\"}"
        },
        {
          "id": "String {5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7} Name kalends-note",
          "value": "{\"url\":\"https://x.example/\"}"
        }
      ],
      "start": {
        "dateTime": "2026-06-01T10:00:00",
        "timeZone": "W. Europe Standard Time"
      },
      "subject": "Lunch with Bob",
      "transactionId": "6f1e6c1c-0000-5000-8000-000000000001"
    }
    "#);
}

#[test]
fn only_what_differs_is_written() {
    let before = single("e1", "Lunch");
    let table: [(&str, Edit, Value); 8] = [
        (
            "title",
            |event| "Supper".clone_into(&mut event.master.details.title),
            json!({"subject": "Supper"}),
        ),
        (
            "text",
            |event| "Other".clone_into(&mut event.master.details.description),
            json!({"body": {"contentType": "html", "content": "Other"}}),
        ),
        (
            "free",
            |event| event.master.details.free_busy_status = FreeBusyStatus::Free,
            json!({"showAs": "free"}),
        ),
        (
            "private",
            |event| event.master.details.privacy = Privacy::Private,
            json!({"sensitivity": "private"}),
        ),
        (
            "priority",
            |event| event.master.details.priority = 8,
            json!({"importance": "low"}),
        ),
        (
            "no alert",
            |event| event.master.details.alerts.clear(),
            json!({"isReminderOn": false}),
        ),
        (
            "time",
            |event| event.master.start = berlin("2026-06-01T12:00:00"),
            json!({
                "isAllDay": false,
                "start": {"dateTime": "2026-06-01T12:00:00", "timeZone": "W. Europe Standard Time"},
                "end": {"dateTime": "2026-06-01T13:00:00", "timeZone": "W. Europe Standard Time"}
            }),
        ),
        (
            "place",
            |event| {
                event.master.details.locations = vec![Location {
                    name: "Inn".to_owned(),
                    coordinates: None,
                }];
            },
            json!({"location": {"displayName": "Inn"}}),
        ),
    ];
    for (what, change, expected) in table {
        assert_eq!(patched(&before, change), Some(expected), "{what}");
    }
}

#[test]
fn what_has_the_same_meaning_is_not_written() {
    let mut before = single("e1", "Lunch");
    before["showAs"] = json!("oof");
    before["sensitivity"] = json!("personal");
    before["body"]["content"] = json!("<html><body><div>One</div>\r\n<div>two</div></body></html>");
    let table: [(&str, Edit); 5] = [
        ("nothing", |_| {}),
        ("white space", |event| {
            "One  \r\ntwo\n\n".clone_into(&mut event.master.details.description);
        }),
        ("priority", |event| event.master.details.priority = 5),
        ("a mail", |event| {
            let mail = Alert {
                trigger: Trigger::FromStart(-60),
                action: AlertAction::Email,
            };
            event
                .master
                .details
                .alerts
                .insert(AlertKey("m".to_owned()), mail);
        }),
        ("guests", |event| {
            let bob = kalends_calendar::event::Participant::default();
            event
                .master
                .details
                .participants
                .insert(Address::new("bob@example.com"), bob);
        }),
    ];
    for (what, change) in table {
        assert_eq!(patched(&before, change), None, "{what}");
    }
    // Busy stays out of office while only the title changes.
    let title = patched(&before, |event| {
        "Supper".clone_into(&mut event.master.details.title);
    });
    assert_eq!(title, Some(json!({"subject": "Supper"})));
}

#[test]
fn the_way_into_an_online_meeting_stays_in_its_body() {
    let block = "<div>________________________________________________________________________________</div><a href=\"https://teams.microsoft.com/l/meetup-join/1\">Join</a>";
    let mut before = single("e1", "Call");
    before["isOnlineMeeting"] = json!(true);
    before["onlineMeeting"] = json!({"joinUrl": "https://teams.microsoft.com/l/meetup-join/1"});
    before["body"]["content"] = json!(format!("<html><body>Agenda<br>{block}</body></html>"));
    let call = read(&before);
    assert_eq!(call.master.details.description, "Agenda");
    assert_eq!(
        call.master.details.virtual_locations[0].uri,
        "https://teams.microsoft.com/l/meetup-join/1"
    );
    let body = patched(&before, |event| {
        "New".clone_into(&mut event.master.details.description);
    })
    .unwrap();
    assert_eq!(
        body["body"]["content"],
        format!("<html><body>New<br>\n{block}</body></html>")
    );
}

#[test]
fn a_status_beside_that_of_the_time_counts_until_something_else_is_shown() {
    use FreeBusyStatus::{Busy, Free};
    use Status::{Cancelled, Confirmed, Tentative};
    let state = |show_as: &str, note: Value| {
        let mut value = single("e1", "Lunch");
        value["showAs"] = json!(show_as);
        value["singleValueExtendedProperties"] = json!([{"id": "string {5B6F1C9E-2D4A-4F0B-9C38-7A1D60E4B2F7} name kalends-note", "value": note}]);
        let details = read(&value).master.details;
        (details.status, details.free_busy_status)
    };
    // Each as it is here, what is shown of it, and whether that would be read as something else.
    let table = [
        ((Confirmed, Busy), "busy", false),
        ((Confirmed, Free), "free", false),
        ((Tentative, Busy), "tentative", false),
        ((Tentative, Free), "free", true),
        ((Cancelled, Busy), "free", true),
        ((Cancelled, Free), "free", true),
    ];
    for (here, shown, is_noted) in table {
        let mut copy = event("x", berlin("2026-06-01T10:00:00"));
        (
            copy.master.details.status,
            copy.master.details.free_busy_status,
        ) = here;
        let sent = posted(&copy);
        let note = sent["singleValueExtendedProperties"][2]["value"].clone();
        assert_eq!(sent["showAs"], shown, "{here:?}");
        assert_eq!(note != "{}", is_noted, "{here:?}");
        assert_eq!(state(shown, note.clone()), here);
        // Whoever says in Outlook that it takes time says so of all of it.
        if shown != "busy" {
            assert_eq!(state("busy", note), (Confirmed, Busy), "{here:?}");
        }
    }
}

#[test]
fn the_zone_that_a_person_named_comes_back() {
    let rome = |note: &str, original: &str| {
        let mut value = single("e1", "Lunch");
        value["originalStartTimeZone"] = json!(original);
        value["singleValueExtendedProperties"] = json!([{"id": "string {5B6F1C9E-2D4A-4F0B-9C38-7A1D60E4B2F7} name kalends-note", "value": note}]);
        read(&value).master.start
    };
    let zone = |start: &Start| start.zone().map(|zone| zone.0.clone()).unwrap();
    let note = r#"{"zone":"Europe/Rome"}"#;
    assert_eq!(zone(&rome(note, "W. Europe Standard Time")), "Europe/Rome");
    assert_eq!(
        zone(&rome(note, "Tokyo Standard Time")),
        "Asia/Tokyo",
        "somebody chose another one since"
    );
    assert_eq!(
        zone(&rome("nonsense", "W. Europe Standard Time")),
        "Europe/Berlin"
    );
    let floating = rome(r#"{"floating":true}"#, "W. Europe Standard Time");
    assert_eq!(
        floating,
        Start::Floating("2026-06-01T10:00:00".parse().unwrap())
    );

    let note_of =
        |event: &Event| posted(event)["singleValueExtendedProperties"][2]["value"].clone();
    let in_rome = Start::Zoned {
        local: "2026-06-01T10:00:00".parse().unwrap(),
        zone: ZoneId("Europe/Rome".to_owned()),
    };
    assert_eq!(note_of(&event("x", in_rome)), note);
    assert_eq!(note_of(&event("x", berlin("2026-06-01T10:00:00"))), "{}");
    let free = event("x", Start::Floating("2026-06-01T10:00:00".parse().unwrap()));
    assert_eq!(note_of(&free), r#"{"floating":true}"#);
    assert_eq!(
        posted(&free)["start"]["timeZone"],
        "W. Europe Standard Time"
    );
}

#[test]
fn odd_zones_are_read_where_that_is_safe() {
    let mut value = single("e1", "Lunch");
    value["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
    assert_eq!(read(&value).master.start.zone(), Some(&ZoneId::utc()));
    let mut repeated = series("e1", "Lunch");
    repeated["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
    repeated["recurrence"]["range"]["recurrenceTimeZone"] = json!("tzone://Microsoft/Custom");
    let sender = account(Script::new());
    assert!(
        sender.read(&raw(&repeated)).is_err(),
        "an hour off for half the year"
    );
    repeated["recurrence"]["range"]["recurrenceTimeZone"] = json!("W. Europe Standard Time");
    assert_eq!(read(&repeated).master.start, berlin("2026-06-01T10:00:00"));
}

#[test]
fn flights_have_two_zones() {
    let mut value = single("e1", "Flight");
    value["originalEndTimeZone"] = json!("Tokyo Standard Time");
    let flight = read(&value);
    assert_eq!(
        flight.master.end_zone,
        Some(ZoneId("Asia/Tokyo".to_owned()))
    );
    let mut later = flight.clone();
    later.master.start = berlin("2026-06-02T10:00:00");
    let body = patched(&value, |event| *event = later).unwrap();
    assert_eq!(
        body["end"],
        json!({"dateTime": "2026-06-02T18:00:00", "timeZone": "Tokyo Standard Time"})
    );
}

#[test]
fn exceptions_are_named_by_the_start_that_the_pattern_gave_them() {
    let mut value = series("s1", "Weekly");
    let mut moved = single("x", "Moved");
    moved["type"] = json!("exception");
    moved["seriesMasterId"] = json!("s1");
    moved["originalStart"] = json!("2026-06-08T08:00:00Z");
    moved["start"]["dateTime"] = json!("2026-06-09T08:00:00");
    moved["end"]["dateTime"] = json!("2026-06-09T10:00:00");
    // In winter the same clock is another instant.
    let mut winter = moved.clone();
    winter["originalStart"] = json!("2026-12-07T09:00:00Z");
    value["exceptionOccurrences"] = json!([moved, winter]);
    value["cancelledOccurrences"] = json!(["OID.s1.2026-06-15", "nonsense"]);
    let weekly = read(&value);
    let id = |text: &str| RecurrenceId(text.parse().unwrap());
    let overrides = &weekly.recurrence_overrides;
    assert_eq!(
        overrides.keys().copied().collect::<Vec<_>>(),
        [
            id("2026-06-08T10:00:00"),
            id("2026-06-15T10:00:00"),
            id("2026-12-07T10:00:00")
        ]
    );
    let Override::Replaced(instance) = &overrides[&id("2026-06-08T10:00:00")] else {
        panic!()
    };
    assert_eq!(instance.start, berlin("2026-06-09T10:00:00"));
    assert_eq!(instance.duration, Length::minutes(120));

    // The midnight of a day, however it is told.
    let mut days = series("s1", "Days");
    days["isAllDay"] = json!(true);
    days["start"]["dateTime"] = json!("2026-06-01T00:00:00");
    days["end"]["dateTime"] = json!("2026-06-02T00:00:00");
    for original in ["2026-06-08T00:00:00Z", "2026-06-07T22:00:00Z"] {
        let mut day = days.clone();
        day["recurrence"] = Value::Null;
        day["originalStart"] = json!(original);
        days["exceptionOccurrences"] = json!([day]);
        let found = read(&days).recurrence_overrides;
        assert!(
            found.contains_key(&id("2026-06-08T00:00:00")),
            "{original}: {found:?}"
        );
    }
}

#[test]
fn marks_give_copies_their_uid_and_duplicates_none() {
    let mut value = single("e1", "Lunch");
    value["transactionId"] = json!("k-1");
    let property = |name: &str, text: &str| json!({"id": format!("String {{5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7}} Name {name}"), "value": text});
    let mark = r#"{"event":"0198c0de-0000-7000-8000-000000000001","uid":"home@example.com"}"#;
    value["singleValueExtendedProperties"] = json!([
        property("kalends-name", "k-1"),
        property("kalends-mark", mark)
    ]);
    assert_eq!(read(&value).uid.as_str(), "home@example.com");
    // Somebody duplicated it, or cut a series in two, and Outlook copied what it does not know.
    for transaction in [Value::Null, json!("another")] {
        value["transactionId"] = transaction;
        assert!(read(&value).uid.as_str().starts_with("0400"));
    }
}

#[test]
fn all_occurrences_of_a_meeting_have_one_uid() {
    let mut value = single("e1", "Lunch");
    value["iCalUId"] = json!("040000008200E00074C5B7101A82E00807EA0608F088B8B95843D601");
    assert_eq!(
        read(&value).uid.as_str(),
        "040000008200E00074C5B7101A82E00800000000F088B8B95843D601"
    );
    value["iCalUId"] = json!("abc@google.com");
    assert_eq!(read(&value).uid.as_str(), "abc@google.com");
}
