//! The mapping: what Google's resources mean here, and that what goes there comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{DateTime, date};
use kalends_calendar::event::{
    Address, Details, Event, FreeBusyStatus, Instance, Location, Override, ParticipationStatus,
    Privacy, RecurrenceId, Role, Shape, Status, VirtualLocation,
};
use kalends_calendar::ids::Uid;
use kalends_calendar::provider::{Mark, Observed, Provider, Raw, Receipt, Write};
use kalends_calendar::recurrence::End;
use kalends_calendar::time::{Length, Start, ZoneId};
use serde_json::{Value, json};

use super::shelf::Shelf;
use super::{ANN, account, ann};
use crate::script::Script;

/// An hour in Berlin.
pub(super) fn event(title: &str, wall: DateTime) -> Event {
    Event {
        uid: Uid(format!("uid-of-{title}")),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: wall,
                zone: ZoneId("Europe/Berlin".to_owned()),
            },
            duration: Length::minutes(60),
            end_zone: None,
            details: Details {
                title: title.to_owned(),
                ..Details::default()
            },
        },
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

/// What a resource of Ann's calendar means, and the instances beside it.
fn read_with(fields: &Value, instances: &Value) -> Result<Event, String> {
    let mut event = json!({
        "id": "e1", "etag": "\"1\"", "iCalUID": "e1@google.com", "status": "confirmed",
        "start": {"dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-06-01T11:00:00+02:00", "timeZone": "Europe/Berlin"},
        "organizer": {"email": ANN, "self": true},
    });
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    let raw = json!({
        "frame": {"timeZone": "Europe/Berlin", "defaultReminders": [{"method": "popup", "minutes": 10}]},
        "event": event,
        "instances": instances,
    });
    let google = account(Script::new());
    google
        .read(&Raw(raw.to_string()))
        .map_err(|failure| failure.message)
}

fn read(fields: &Value) -> Event {
    read_with(fields, &json!({})).unwrap()
}

fn zoned(local: DateTime, zone: &str) -> Start {
    Start::Zoned {
        local,
        zone: ZoneId(zone.to_owned()),
    }
}

fn at(hour: i8) -> DateTime {
    date(2026, 6, 1).at(hour, 0, 0, 0)
}

#[test]
fn times_are_read_on_the_wall_clock_of_their_zone() {
    let of = |start: Value, end: Value| {
        let master = read(&json!({"start": start, "end": end})).master;
        (master.start, master.duration, master.end_zone)
    };
    // Google renders times in the zone of the calendar and names that of the event beside them.
    assert_eq!(
        of(
            json!({"dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "America/New_York"}),
            json!({"dateTime": "2026-06-01T11:30:00.5+02:00", "timeZone": "America/New_York"}),
        ),
        (zoned(at(4), "America/New_York"), Length::minutes(90), None)
    );
    // Without a zone of its own it is in the calendar's.
    assert_eq!(
        of(
            json!({"dateTime": "2026-06-01T08:00:00Z"}),
            json!({"dateTime": "2026-06-01T08:00:00Z"}),
        ),
        (zoned(at(10), "Europe/Berlin"), Length::default(), None)
    );
    // Without an offset it is a time on the wall.
    assert_eq!(
        of(
            json!({"dateTime": "2026-06-01T10:00:00", "timeZone": "Europe/Berlin"}),
            json!({"dateTime": "2026-06-01T10:00:00", "timeZone": "America/New_York"}),
        ),
        (
            zoned(at(10), "Europe/Berlin"),
            Length::seconds(6 * 3_600),
            Some(ZoneId("America/New_York".to_owned()))
        )
    );
    assert_eq!(
        of(
            json!({"date": "2026-06-01", "timeZone": "Europe/Berlin"}),
            json!({"date": "2026-06-04"}),
        ),
        (Start::AllDay(date(2026, 6, 1)), Length::days(3), None)
    );
    // An end that Google made up is none.
    let open = read(&json!({"endTimeUnspecified": true}));
    assert_eq!(open.master.duration, Length::default());
}

#[test]
fn what_makes_no_sense_is_said_by_its_field() {
    let wrong = |fields: Value| read_with(&fields, &json!({})).unwrap_err();
    let day = json!({"date": "2026-06-01"});
    let instance = json!({"a": {"id": "a", "start": day, "end": day}});
    let told = [
        wrong(json!({"start": null})),
        wrong(json!({"start": {"timeZone": "Europe/Berlin"}})),
        wrong(json!({"start": {"dateTime": "noon"}})),
        wrong(json!({"end": day})),
        wrong(json!({"start": {"dateTime": "2026-06-01T08:00:00Z", "timeZone": "Mars/Base"}})),
        wrong(json!({"recurrence": ["RRULE:FREQ=OFTEN"]})),
        wrong(json!({"recurrence": ["DTSTART:20260601T080000Z"]})),
        wrong(json!({"recurrence": ["RRULE:FREQ=DAILY\r\nATTENDEE:mailto:x@example.com"]})),
        wrong(json!({"attendees": "many"})),
        read_with(&json!({"recurrence": ["RRULE:FREQ=DAILY"]}), &instance).unwrap_err(),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    start: missing
    start: neither a date nor a time
    start: not a time: “noon”
    end: a day, where the start is a time
    start: unknown time zone “Mars/Base”
    recurrence: RRULE: not understood: "FREQ=OFTEN"
    recurrence: not understood: “DTSTART:20260601T080000Z”
    recurrence: not understood: “RRULE:FREQ=DAILY
    ATTENDEE:mailto:x@example.com”
    not an event as Google documents it: invalid type: string "many", expected a sequence
    originalStartTime: missing
    "#);
}

#[test]
fn states_are_read_as_a_table() {
    let details = |fields: Value| read(&fields).master.details;
    assert_eq!(details(json!({})), Details::default());
    let set = details(json!({
        "summary": "Call", "description": "Agenda", "location": "Room 4", "status": "tentative",
        "transparency": "transparent", "visibility": "confidential", "colorId": "7",
    }));
    assert_eq!(
        set,
        Details {
            title: "Call".to_owned(),
            description: "Agenda".to_owned(),
            locations: vec![Location {
                name: "Room 4".to_owned(),
                coordinates: None
            }],
            status: Status::Tentative,
            free_busy_status: FreeBusyStatus::Free,
            privacy: Privacy::Secret,
            ..Details::default()
        }
    );
    for (visibility, privacy) in [
        ("default", Privacy::Public),
        ("public", Privacy::Public),
        ("private", Privacy::Private),
    ] {
        assert_eq!(details(json!({"visibility": visibility})).privacy, privacy);
    }
}

#[test]
fn reminders_are_the_event_s_own_or_those_of_its_calendar() {
    let keys = |fields: Value| -> Vec<String> {
        let alerts = read(&fields).master.details.alerts;
        alerts.into_keys().map(|key| key.0).collect()
    };
    let of_calendar = json!({"reminders": {"useDefault": true}});
    assert_eq!(keys(of_calendar.clone()), ["display -PT10M start"]);
    let mut all_day = of_calendar;
    all_day["start"] = json!({"date": "2026-06-01"});
    all_day["end"] = json!({"date": "2026-06-02"});
    assert!(keys(all_day).is_empty());
    let own = json!({"reminders": {"useDefault": false, "overrides": [
        {"method": "email", "minutes": 1440}, {"method": "popup", "minutes": 95},
        {"method": "popup", "minutes": 95}, {"method": "popup", "minutes": 0},
    ]}});
    assert_eq!(
        keys(own),
        [
            "display -PT1H35M start",
            "display -PT1H35M start #2",
            "display PT0S start",
            "email -P1D start",
        ]
    );
    assert!(keys(json!({"reminders": {"useDefault": false}})).is_empty());
}

#[test]
fn an_organizer_counts_where_there_are_guests() {
    let people = |fields: Value| read(&fields).master.details.participants;
    // Google names an organizer on every event.
    assert!(people(json!({})).is_empty());
    let guests = json!([
        {"email": "Eve@Example.org", "displayName": "Eve", "optional": true, "responseStatus": "tentative"},
        {"email": "room@resource.calendar.google.com", "resource": true, "responseStatus": "accepted"},
        {"id": "profile without an address"},
    ]);
    let found = people(json!({"attendees": guests}));
    let ann = &found[&Address::new(ANN)];
    assert!(ann.organizer && ann.attendance.is_none());
    let eve = &found[&Address::new("eve@example.org")];
    let attendance = eve.attendance.as_ref().unwrap();
    assert_eq!(eve.name, "Eve");
    assert_eq!(attendance.role, Role::Optional);
    assert_eq!(
        attendance.participation_status,
        ParticipationStatus::Tentative
    );
    assert_eq!(found.len(), 3);

    // A team's calendar organizes its own events, and imported events are organized by nobody.
    for organizer in [
        json!({"email": "team@group.calendar.google.com", "self": true}),
        json!({"email": "unknownorganizer@calendar.google.com"}),
    ] {
        let found = people(json!({"attendees": guests, "organizer": organizer}));
        assert!(found.values().all(|who| !who.organizer), "{organizer}");
    }
    let found = people(json!({"attendees": guests, "organizer": {"email": "bob@example.org"}}));
    assert!(found[&Address::new("bob@example.org")].organizer);
}

#[test]
fn conferences_are_ways_to_take_part() {
    let of = |fields: Value| read(&fields).master.details.virtual_locations;
    let way = |uri: &str, name: &str| VirtualLocation {
        uri: uri.to_owned(),
        name: name.to_owned(),
    };
    let meet = "https://meet.google.com/aaa-bbbb-ccc";
    assert_eq!(of(json!({"hangoutLink": meet})), [way(meet, "")]);
    let data = json!({
        "conferenceSolution": {"name": "Google Meet"},
        "entryPoints": [
            {"entryPointType": "video", "uri": meet, "label": "meet.google.com/aaa-bbbb-ccc"},
            {"entryPointType": "phone", "uri": "tel:+49-30-1"},
        ],
    });
    assert_eq!(
        of(json!({"hangoutLink": meet, "conferenceData": data})),
        [way(meet, "Google Meet")]
    );
}

#[test]
fn a_date_that_is_left_out_is_one_thing_however_google_says_it() {
    let rule = "RRULE:FREQ=WEEKLY;UNTIL=20260629T080000Z";
    let line = json!({"recurrence": [rule, "EXDATE;TZID=Europe/Berlin:20260608T100000"]});
    let in_utc = json!({"recurrence": [rule, "EXDATE:20260608T080000Z"]});
    let cancelled = json!({"e1_20260608T080000Z": {
        "id": "e1_20260608T080000Z", "status": "cancelled", "recurringEventId": "e1",
        "originalStartTime": {"dateTime": "2026-06-08T04:00:00-04:00", "timeZone": "Europe/Berlin"},
    }});
    let by_line = read(&line);
    assert_eq!(
        by_line.recurrence_overrides,
        BTreeMap::from([(
            RecurrenceId(date(2026, 6, 8).at(10, 0, 0, 0)),
            Override::Excluded
        )])
    );
    assert_eq!(
        by_line.recurrence_rules[0].end,
        End::Until(date(2026, 6, 29).at(10, 0, 0, 0))
    );
    assert_eq!(read(&in_utc), by_line);
    let plain = json!({"recurrence": [rule]});
    assert_eq!(read_with(&plain, &cancelled).unwrap(), by_line);

    // What is left of an occurrence that the series no longer has takes nothing away.
    let other = json!({"recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU"]});
    let left = read_with(&other, &cancelled).unwrap();
    assert!(left.recurrence_overrides.is_empty());

    let all_day = json!({
        "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"},
        "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260610", "EXDATE;VALUE=DATE:20260603", "RDATE;VALUE=DATE:20260701"],
    });
    let event = read(&all_day);
    let midnight = |month, day| RecurrenceId(date(2026, month, day).at(0, 0, 0, 0));
    assert_eq!(
        event.recurrence_overrides,
        BTreeMap::from([
            (midnight(6, 3), Override::Excluded),
            (midnight(7, 1), Override::Added { duration: None }),
        ])
    );
}

#[tokio::test]
async fn a_floating_event_is_pinned_to_the_calendar_and_stays_floating() {
    let shelf = Shelf::new();
    let mut wanted = event("Lunch", at(12));
    wanted.master.start = Start::Floating(at(12));
    let there = created(&shelf, &wanted).await;
    assert_eq!(there.event.master.start, Start::Floating(at(12)));
    let id = id_of(&there);
    let mut stored = shelf.event(&id);
    assert_eq!(
        stored["start"],
        json!({"dateTime": "2026-06-01T12:00:00+02:00", "timeZone": "Europe/Berlin"})
    );
    // Moved at Google, it still is at one o'clock wherever the reader is.
    stored["start"]["dateTime"] = json!("2026-06-01T13:00:00+02:00");
    shelf.put(stored);
    let google = account(Arc::clone(&shelf) as _);
    let found = google.fetch(&ann(), &[id.as_str().into()]).await.unwrap();
    assert_eq!(
        super::present(&found[0]).event.master.start,
        Start::Floating(at(13))
    );
}

#[tokio::test]
async fn what_google_shows_goes_before_what_was_left_beside_it() {
    let shelf = Shelf::new();
    let mut wanted = event("Trip", at(12));
    wanted.master.duration = Length::days(1);
    let place = |name: &str, coordinates: Option<&str>| Location {
        name: name.to_owned(),
        coordinates: coordinates.map(str::to_owned),
    };
    wanted.master.details.locations = vec![
        place("Station", Some("geo:52.5,13.4")),
        place("Hotel", None),
    ];
    let there = created(&shelf, &wanted).await;
    assert_eq!(there.event.master, wanted.master);
    let id = id_of(&there);
    let mut stored = shelf.event(&id);
    assert_eq!(stored["location"], "Station");
    stored["location"] = json!("Airport");
    stored["end"]["dateTime"] = json!("2026-06-01T14:00:00+02:00");
    shelf.put(stored);
    let google = account(Arc::clone(&shelf) as _);
    let found = google.fetch(&ann(), &[id.as_str().into()]).await.unwrap();
    let master = &super::present(&found[0]).event.master;
    assert_eq!(
        master.details.locations,
        [place("Airport", None), place("Hotel", None)]
    );
    assert_eq!(master.duration, Length::minutes(120));
}

pub(super) fn id_of(there: &Observed) -> String {
    let raw: Value = serde_json::from_str(&there.raw.0).unwrap();
    raw["event"]["id"].as_str().unwrap().to_owned()
}

pub(super) async fn created(shelf: &Arc<Shelf>, event: &Event) -> Observed {
    let write = Write::Create {
        name: "n".to_owned(),
        event: Box::new(event.clone()),
        mark: Mark {
            event: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            uid: event.uid.clone(),
        },
    };
    let google = account(Arc::clone(shelf) as _);
    taken(google.write(&ann(), &write).await.unwrap())
}

pub(super) fn taken(receipt: Receipt) -> Observed {
    match receipt {
        Receipt::Written { observed, .. } => *observed,
        Receipt::ReadBack { observed, sent, .. } => {
            assert_eq!(*sent, observed.event, "what was sent is what stands there");
            *observed
        }
        Receipt::Deleted => panic!("deleted"),
    }
}
