//! Writing: what is sent for each change of ours, and what never is.

use jiff::civil::date;
use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Event, Override, Participant,
    ParticipationStatus, Privacy, Status, Trigger,
};
use kalends_calendar::failure::Class;
use kalends_calendar::ids::Uid;
use kalends_calendar::provider::{Provider, Receipt, Write};
use kalends_calendar::recurrence::{Frequency, Rule};
use kalends_calendar::time::{Length, Start, ZoneId};
use serde_json::{Value, json};

use super::desk::{Desk, ID, NAME, called, mark, monday, observed, weekly, weeks_later};
use super::mapping::event;
use super::shelf::Mishap;
use super::{ANN, ann, present};

#[tokio::test]
async fn a_new_event_is_inserted_under_an_id_of_ours_with_a_mark() {
    let desk = Desk::new();
    let mut event = event("Planning", monday());
    event.master.details.participants.insert(
        Address::new("bob@example.org"),
        Participant {
            attendance: Some(Attendance::default()),
            ..Participant::default()
        },
    );
    let receipt = desk.create(&event).await.unwrap();
    assert_eq!(desk.shelf.asked(), ["GET ", "POST "]);
    assert_eq!(
        desk.shelf.bodies(),
        [json!({
            "id": ID,
            "summary": "Planning",
            "start": {"dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": "2026-06-01T11:00:00+02:00", "timeZone": "Europe/Berlin"},
            "reminders": {"useDefault": false, "overrides": []},
            "extendedProperties": {"private": {
                "kalends-id": "00000000-0000-0000-0000-000000000007",
                "kalends-uid": "uid-of-Planning",
                "kalends-at": ID,
            }},
        })]
    );
    let Receipt::Written {
        remote_id,
        observed,
    } = receipt
    else {
        panic!("{receipt:?}");
    };
    assert_eq!(remote_id.as_str(), ID);
    assert_eq!(observed.mark, Some(mark(&event)));
    let version = observed.version.clone().unwrap();
    assert!(version.as_str().starts_with("\"1\""), "{version:?}");
    // The UID is ours, though Google made one of its own. The guest was not told of, so that nobody was invited.
    assert_eq!(observed.event.uid, event.uid);
    assert!(observed.event.master.details.participants.is_empty());
}

#[tokio::test]
async fn somebody_s_copy_of_a_mirror_is_no_mirror() {
    let desk = Desk::new();
    desk.made(&event("Planning", monday())).await;
    let mut copy = desk.shelf.event(ID);
    copy["id"] = json!("copy1");
    copy["iCalUID"] = json!("copy1@google.com");
    desk.shelf.put(copy);
    let copy = desk.look("copy1").await;
    assert_eq!(present(&copy).event.uid, Uid::from("copy1@google.com"));
}

#[tokio::test]
async fn a_repeated_creation_meets_its_own_first_try() {
    let desk = Desk::new();
    let event = event("Planning", monday());
    desk.made(&event).await;
    let failure = desk.create(&event).await.unwrap_err();
    assert_eq!(failure.class, Class::Exists);
    assert_eq!(desk.google.place(&ann(), NAME).as_str(), ID);
}

#[tokio::test]
async fn an_event_that_was_deleted_there_comes_back_under_its_id() {
    let desk = Desk::new();
    let first = event("Planning", monday());
    let there = desk.made(&first).await;
    let delete = Write::Delete {
        remote_id: ID.into(),
        version: there.version.clone(),
        raw: there.raw.clone(),
    };
    for _ in 0..2 {
        let receipt = desk.google.write(&ann(), &delete).await.unwrap();
        assert_eq!(receipt, Receipt::Deleted);
        assert!(!desk.shelf.has(ID));
    }
    desk.shelf.asked();
    let wanted = event("Planning again", monday());
    let back = observed(desk.create(&wanted).await.unwrap());
    assert_eq!(
        desk.shelf.asked(),
        ["POST ", &format!("GET {ID}"), &format!("PUT {ID}")]
    );
    assert!(desk.shelf.has(ID));
    assert_eq!(back.event.master.details.title, "Planning again");
}

#[tokio::test]
async fn only_what_changed_is_patched_and_only_if_nobody_was_quicker() {
    let desk = Desk::new();
    let there = desk.made(&event("Planning", monday())).await;
    let mut to = there.event.clone();
    to.master.details.title = "Planning, moved".to_owned();
    to.master.start = Start::AllDay(date(2026, 6, 2));
    to.master.duration = Length::days(2);
    let receipt = desk.update(&there, &to).await.unwrap();
    assert_eq!(desk.shelf.asked(), [format!("PATCH {ID}")]);
    assert_eq!(
        desk.shelf.bodies(),
        [json!({
            "summary": "Planning, moved",
            "start": {"date": "2026-06-02", "dateTime": null, "timeZone": null},
            "end": {"date": "2026-06-04", "dateTime": null, "timeZone": null},
        })]
    );
    let now = observed(receipt);
    assert_eq!(now.event.master, to.master);

    // Back to a time, from what was read a write ago: somebody was quicker.
    let failure = desk.update(&there, &there.event).await;
    assert!(
        matches!(failure, Ok(Receipt::Written { .. })),
        "nothing differs from what it was"
    );
    let mut other = there.event.clone();
    other.master.details.title = "Too late".to_owned();
    let failure = desk.update(&there, &other).await.unwrap_err();
    assert_eq!(failure.class, Class::Changed);

    desk.shelf.bodies();
    let mut timed = now.event.clone();
    timed.master.start = there.event.master.start.clone();
    timed.master.duration = Length::minutes(30);
    timed.master.details.title.clear();
    desk.update(&now, &timed).await.unwrap();
    assert_eq!(
        desk.shelf.bodies(),
        [json!({
            "summary": null,
            "start": {"date": null, "dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin"},
            "end": {"date": null, "dateTime": "2026-06-01T10:30:00+02:00", "timeZone": "Europe/Berlin"},
        })]
    );
}

#[tokio::test]
async fn what_nobody_touched_stays_as_google_has_it() {
    let desk = Desk::new();
    desk.shelf.put(json!({
        "id": "theirs", "iCalUID": "theirs@google.com", "status": "confirmed", "summary": "Call",
        "description": "<b>Agenda</b>", "colorId": "7", "hangoutLink": "https://meet.google.com/aaa",
        "start": {"dateTime": "2026-06-01T08:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-06-01T09:00:00Z", "timeZone": "Europe/Berlin"},
        "reminders": {"useDefault": true},
        "extendedProperties": {"private": {"of-another-program": "x"}, "shared": {"k": "v"}},
    }));
    let there = present(&desk.look("theirs").await).clone();
    let mut to = there.event.clone();
    to.master.details.title = "Call Bob".to_owned();
    to.master.details.keywords.insert("work".to_owned());
    desk.update(&there, &to).await.unwrap();
    assert_eq!(
        desk.shelf.bodies(),
        [json!({
            "summary": "Call Bob",
            "extendedProperties": {"private": {"kalends-more-1": r#"{"keywords":["work"]}"#}},
        })]
    );
    let stored = desk.shelf.event("theirs");
    assert_eq!(stored["colorId"], "7");
    assert_eq!(
        stored["extendedProperties"]["private"]["of-another-program"],
        "x"
    );
}

#[tokio::test]
async fn a_description_in_html_is_compared_as_the_text_that_people_read() {
    let desk = Desk::new();
    desk.shelf.put(json!({
        "id": "theirs", "iCalUID": "theirs@google.com", "status": "confirmed", "summary": "Call",
        "description": "<b>Agenda</b>:<br>beer &amp; bread",
        "start": {"dateTime": "2026-06-01T08:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-06-01T09:00:00Z", "timeZone": "Europe/Berlin"},
    }));
    let there = present(&desk.look("theirs").await).clone();
    assert_eq!(
        there.event.master.details.description,
        "Agenda:\nbeer & bread"
    );
    let mut to = there.event.clone();
    to.master.details.title = "Call Bob".to_owned();
    desk.update(&there, &to).await.unwrap();
    assert_eq!(desk.shelf.bodies(), [json!({"summary": "Call Bob"})]);
    assert_eq!(
        desk.shelf.event("theirs")["description"],
        "<b>Agenda</b>:<br>beer &amp; bread"
    );
    let there = present(&desk.look("theirs").await).clone();
    let mut to = there.event.clone();
    to.master.details.description = "Agenda: <b> is no tag here".to_owned();
    let written = observed(desk.update(&there, &to).await.unwrap());
    assert_eq!(
        desk.shelf.bodies(),
        [json!({"description": "Agenda: &lt;b&gt; is no tag here"})]
    );
    assert_eq!(
        written.event.master.details.description,
        "Agenda: <b> is no tag here"
    );
}

/// An invitation of Bob's in Ann's calendar.
fn invitation() -> Value {
    json!({
        "id": "invited", "iCalUID": "invited@google.com", "status": "confirmed", "summary": "Bob's meeting",
        "start": {"dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-06-01T11:00:00+02:00", "timeZone": "Europe/Berlin"},
        "organizer": {"email": "bob@example.org", "displayName": "Bob"},
        "attendees": [
            {"email": "bob@example.org", "organizer": true, "responseStatus": "accepted"},
            {"email": ANN, "self": true, "responseStatus": "needsAction"},
            {"email": "eve@example.org", "optional": true, "responseStatus": "declined"},
        ],
    })
}

#[tokio::test]
async fn a_guest_writes_only_what_is_personal() {
    let desk = Desk::new();
    desk.shelf.put(invitation());
    let there = present(&desk.look("invited").await).clone();

    let mut to = there.event.clone();
    let own = to
        .master
        .details
        .participants
        .get_mut(&Address::new(ANN))
        .unwrap();
    own.attendance.as_mut().unwrap().participation_status = ParticipationStatus::Accepted;
    to.master
        .details
        .participants
        .remove(&Address::new("eve@example.org"));
    to.master.details.alerts.insert(
        AlertKey("display -PT5M start".to_owned()),
        Alert {
            trigger: Trigger::FromStart(-300),
            action: AlertAction::Display,
        },
    );
    desk.update(&there, &to).await.unwrap();
    assert_eq!(
        desk.shelf.bodies(),
        [json!({
            "attendees": [{"email": ANN, "responseStatus": "accepted"}],
            "attendeesOmitted": true,
            "reminders": {"useDefault": false, "overrides": [{"method": "popup", "minutes": 5}]},
        })]
    );

    let mut to = there.event.clone();
    to.master.details.title = "My meeting".to_owned();
    let failure = desk.update(&there, &to).await.unwrap_err();
    assert_eq!(failure.class, Class::Item);
    insta::assert_snapshot!(failure.message, @"summary: somebody else organizes this event, and Google takes only what is personal");
    assert_eq!(desk.shelf.event("invited")["summary"], "Bob's meeting");
}

#[tokio::test]
async fn guests_are_never_written_and_nobody_is_told() {
    let desk = Desk::new();
    let mut own = invitation();
    own["organizer"] = json!({"email": ANN, "self": true});
    own["attendees"] = json!([
        {"email": ANN, "self": true, "organizer": true, "responseStatus": "accepted"},
        {"email": "eve@example.org"},
    ]);
    desk.shelf.put(own);
    let there = present(&desk.look("invited").await).clone();
    let mut to = there.event.clone();
    to.master.details.participants.clear();
    to.master.details.title = "Now mine alone".to_owned();
    desk.update(&there, &to).await.unwrap();
    assert_eq!(desk.shelf.bodies(), [json!({"summary": "Now mine alone"})]);
    assert_eq!(
        desk.shelf.event("invited")["attendees"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn what_google_cannot_hold_is_refused_with_its_reason_and_nothing_is_sent() {
    let change = |act: fn(&mut Event)| {
        let mut event = weekly();
        act(&mut event);
        event
    };
    let alert = |trigger| Alert {
        trigger,
        action: AlertAction::Display,
    };
    let several = |event: &mut Event, count: i64| {
        for number in 0..count {
            event.master.details.alerts.insert(
                AlertKey(number.to_string()),
                Alert {
                    trigger: Trigger::FromStart(-60 * number),
                    action: AlertAction::Display,
                },
            );
        }
    };
    let mut six = weekly();
    several(&mut six, 6);
    let mut late = weekly();
    let key = AlertKey("a".to_owned());
    late.master
        .details
        .alerts
        .insert(key.clone(), alert(Trigger::FromEnd(0)));
    let mut early = weekly();
    early
        .master
        .details
        .alerts
        .insert(key.clone(), alert(Trigger::FromStart(-60 * 40_321)));
    let mut odd = weekly();
    odd.master
        .details
        .alerts
        .insert(key, alert(Trigger::FromStart(-90)));
    let mut of_one = weekly();
    let Override::Replaced(mut hidden) = called(&of_one, weeks_later(1), "Weekly") else {
        panic!("not replaced");
    };
    hidden.details.description = "x".repeat(8_193);
    of_one
        .recurrence_overrides
        .insert(weeks_later(1), Override::Replaced(hidden));
    let mut of_two = weekly();
    let Override::Replaced(mut secret) = called(&of_two, weeks_later(1), "Weekly") else {
        panic!("not replaced");
    };
    secret.details.privacy = Privacy::Secret;
    of_two
        .recurrence_overrides
        .insert(weeks_later(1), Override::Replaced(secret));
    let events = [
        of_two,
        six,
        late,
        early,
        odd,
        of_one,
        change(|event| event.master.details.description = "ä".repeat(8_193)),
        change(|event| event.master.details.status = Status::Cancelled),
        change(|event| event.recurrence_rules = vec![Rule::every(Frequency::Hourly)]),
        change(|event| event.shape = kalends_calendar::event::Shape::InstancesOnly),
        change(|event| event.uid = Uid("u".repeat(1_025))),
        change(|event| event.master.details.url = Some("x".repeat(20_000))),
        change(|event| {
            event.master.start = Start::Zoned {
                local: monday(),
                zone: ZoneId("/own".to_owned()),
            };
        }),
        change(|event| {
            event.recurrence_overrides.insert(
                weeks_later(1),
                Override::Added {
                    duration: Some(Length::minutes(5)),
                },
            );
        }),
    ];
    let desk = Desk::new();
    let mut told = Vec::new();
    for event in events {
        let failure = desk.create(&event).await.unwrap_err();
        assert_eq!(failure.class, Class::Item);
        told.push(failure.message);
    }
    assert!(desk.shelf.bodies().is_empty());
    insta::assert_snapshot!(told.join("\n"), @"
    privacy: Google would hide the whole series where one occurrence is to be hidden
    alerts: Google takes at most 5, and these are 6
    alerts: Google reminds before the start only
    alerts: Google reminds at most 40320 minutes before the start
    alerts: Google reminds whole minutes before the start
    description: Google keeps at most 8192 characters, and these are 8193
    description: Google keeps at most 8192 characters, and these are 8193
    status: Google shows no events that are cancelled
    recurrenceRules: Google repeats nothing within a day
    shape: Google has no series of which only single occurrences are known
    uid: Google keeps at most 1024 bytes of it
    url, keywords, locations and virtualLocations: Google keeps at most 16384 bytes of them
    start: Google does not know the time zone “/own”
    recurrenceOverrides: Google has no added dates with a length of their own
    ");
}

#[tokio::test]
async fn locked_copies_and_answers_that_are_none() {
    let desk = Desk::new();
    let mut locked = invitation();
    locked["locked"] = json!(true);
    locked["attendees"] = json!([]);
    desk.shelf.put(locked);
    let there = present(&desk.look("invited").await).clone();
    let mut to = there.event.clone();
    to.master.details.title = "Mine".to_owned();
    let failure = desk.update(&there, &to).await.unwrap_err();
    assert_eq!(
        failure.message,
        "summary: Google has locked this copy of the event"
    );

    // A page of a portal on the way: whether the write went past it is not known.
    let desk = Desk::new();
    desk.shelf.mishap(Mishap {
        after_writes: 0,
        answer: Some((200, "<html>".to_owned())),
    });
    let failure = desk.create(&event("Planning", monday())).await.unwrap_err();
    assert_eq!(failure.class, Class::Unknown);
}

#[tokio::test]
async fn a_deletion_takes_away_only_what_was_seen() {
    let desk = Desk::new();
    let there = desk.made(&event("Planning", monday())).await;
    let mut stored = desk.shelf.event(ID);
    stored["summary"] = json!("Planning, by Bob");
    desk.shelf.put(stored);
    let delete = Write::Delete {
        remote_id: ID.into(),
        version: there.version.clone(),
        raw: there.raw.clone(),
    };
    let failure = desk.google.write(&ann(), &delete).await.unwrap_err();
    assert_eq!(failure.class, Class::Changed);
    assert!(desk.shelf.has(ID));
    assert_eq!(desk.shelf.asked(), [format!("DELETE {ID}")]);
}

#[tokio::test]
async fn a_page_of_a_portal_is_no_word_of_a_deletion() {
    let desk = Desk::new();
    let there = desk.made(&event("Planning", monday())).await;
    desk.shelf.mishap(Mishap {
        after_writes: 0,
        answer: Some((200, "<html>".to_owned())),
    });
    let delete = Write::Delete {
        remote_id: ID.into(),
        version: there.version.clone(),
        raw: there.raw.clone(),
    };
    let failure = desk.google.write(&ann(), &delete).await.unwrap_err();
    assert_eq!(failure.class, Class::Unknown);
}

#[tokio::test]
async fn the_sandbox_stands_in_for_google_by_its_address() {
    for base in [
        "http://127.0.0.1:7000/google/calendar/v3/",
        "http://127.0.0.1:7000/google/calendar/v3",
    ] {
        let script = crate::script::Script::new().on(
            "GET http://127.0.0.1:7000/google/calendar/v3/calendars/ann@example.com/events/e1",
            404,
            "",
        );
        let google = super::account_at(script, base);
        let found = google.fetch(&ann(), &["e1".into()]).await.unwrap();
        assert_eq!(found[0].state, kalends_calendar::provider::State::Gone);
    }
}
