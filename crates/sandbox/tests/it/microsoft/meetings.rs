//! Meetings: who is mailed, what appears in whose mailbox, and how answers come back.

use kalends_sandbox::world::{By, MailKind};
use serde_json::{Value, json};

use super::desk::{ANN, BEN, Desk, ask, berlin, escape, event_path, five_days, guest, hour, text};

/// What was mailed since the last look: kind, recipients, and why.
fn mails(desk: &mut Desk) -> Vec<(MailKind, String, &'static str)> {
    let mails = std::mem::take(&mut desk.graph().mails);
    mails
        .into_iter()
        .map(|mail| (mail.kind, mail.to.join(","), mail.why))
        .collect()
}

fn meeting(subject: &str) -> Value {
    let mut event = hour(subject, "2026-03-03");
    event["attendees"] = json!([guest(BEN), guest("cleo@elsewhere.net")]);
    event
}

/// Ben's copy of the only event in his calendar.
fn bens(desk: &mut Desk) -> Value {
    let answer = desk.send(ask("GET", "/me/events").by_ben());
    assert_eq!(answer.values().len(), 1, "{}", answer.body);
    answer.values().remove(0)
}

fn ben_does(desk: &mut Desk, id: &Value, action: &str, body: Value) -> u16 {
    let path = format!("{}/{action}", event_path(&text(id)));
    desk.send(ask("POST", path).by_ben().body(body))
        .status
        .as_u16()
}

#[test]
fn whoever_is_in_the_body_is_invited_at_once() {
    let mut desk = Desk::new();
    let made = desk.create(meeting("Planning"));
    assert_eq!(
        made["attendees"][0]["status"],
        json!({ "response": "none", "time": "0001-01-01T00:00:00Z" })
    );
    let mail = desk.graph().mails[0].clone();
    assert_eq!(
        (mail.by, mail.from.as_str(), mail.subject.as_str()),
        (By::Request, ANN, "Planning")
    );
    assert_eq!(
        mails(&mut desk),
        [(
            MailKind::Invitation,
            "ben@example.com,cleo@elsewhere.net".to_owned(),
            "the event has attendees"
        )]
    );
    let copy = bens(&mut desk);
    assert_eq!(
        (&copy["iCalUId"], &copy["isOrganizer"]),
        (&made["iCalUId"], &json!(false))
    );
    assert_eq!(copy["responseStatus"]["response"], "notResponded");
    assert_eq!(
        (
            &copy["showAs"],
            &copy["organizer"]["emailAddress"]["address"]
        ),
        (&json!("tentative"), &json!(ANN))
    );
    assert_ne!(copy["id"], made["id"]);
}

#[test]
fn an_event_without_guests_mails_nobody() {
    let mut desk = Desk::new();
    let id = desk.create_id(hour("Alone", "2026-03-03"));
    desk.patch(&id, json!({ "subject": "Still" }));
    desk.delete(&id);
    assert_eq!(mails(&mut desk), []);
}

#[test]
fn updates_go_to_those_who_know_and_only_when_there_is_something_to_say() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    mails(&mut desk);
    desk.patch(
        &id,
        json!({ "categories": ["Mine"], "showAs": "oof", "isReminderOn": false }),
    );
    assert_eq!(mails(&mut desk), []);
    desk.patch(&id, json!({ "location": { "displayName": "Room 4" } }));
    assert_eq!(
        mails(&mut desk),
        [(
            MailKind::Update,
            "ben@example.com,cleo@elsewhere.net".to_owned(),
            "the organizer changed the event"
        )]
    );
    assert_eq!(bens(&mut desk)["location"]["displayName"], "Room 4");
    assert_eq!(bens(&mut desk)["categories"], json!([]));
    desk.patch(
        &id,
        json!({ "attendees": [guest(BEN), guest("dora@elsewhere.net")] }),
    );
    assert_eq!(
        mails(&mut desk),
        [
            (
                MailKind::Cancellation,
                "cleo@elsewhere.net".to_owned(),
                "the organizer took attendees off"
            ),
            (
                MailKind::Invitation,
                "dora@elsewhere.net".to_owned(),
                "the event has attendees"
            ),
        ]
    );
    desk.graph().switches.attendee_change_mails_everybody = true;
    desk.patch(&id, json!({ "attendees": [guest(BEN)] }));
    let kinds: Vec<MailKind> = mails(&mut desk).into_iter().map(|mail| mail.0).collect();
    assert_eq!(kinds, [MailKind::Cancellation, MailKind::Update]);
}

#[test]
fn an_acceptance_reaches_the_organizer_and_changes_the_key() {
    let mut desk = Desk::new();
    let made = desk.create(meeting("Planning"));
    let copy = bens(&mut desk);
    mails(&mut desk);
    assert_eq!(
        ben_does(
            &mut desk,
            &copy["id"],
            "accept",
            json!({ "comment": "Gladly" })
        ),
        202
    );
    let mail = desk.graph().mails[0].clone();
    assert_eq!(
        (mail.kind, mail.to, mail.comment),
        (MailKind::Reply, vec![ANN.to_owned()], "Gladly".to_owned())
    );
    let own = desk.event(&text(&made["id"])).body;
    assert_eq!(own["attendees"][0]["status"]["response"], "accepted");
    assert_ne!(own["changeKey"], made["changeKey"]);
    let copy = bens(&mut desk);
    assert_eq!(
        (&copy["responseStatus"]["response"], &copy["showAs"]),
        (&json!("accepted"), &json!("busy"))
    );
    // A change of the time asks anew.
    desk.patch(
        &text(&made["id"]),
        json!({
        "start": berlin("2026-03-03T15:00:00"), "end": berlin("2026-03-03T16:00:00") }),
    );
    assert_eq!(
        bens(&mut desk)["responseStatus"]["response"],
        "notResponded"
    );
}

#[test]
fn an_answer_can_be_silent() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    let copy = bens(&mut desk);
    mails(&mut desk);
    let silent = json!({ "sendResponse": false });
    assert_eq!(
        ben_does(&mut desk, &copy["id"], "tentativelyAccept", silent),
        202
    );
    assert_eq!(mails(&mut desk), []);
    assert_eq!(
        bens(&mut desk)["responseStatus"]["response"],
        "tentativelyAccepted"
    );
    assert_eq!(
        desk.event(&id).body["attendees"][0]["status"]["response"],
        "none"
    );
}

#[test]
fn a_declined_event_leaves_the_calendar() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    let copy = bens(&mut desk);
    assert_eq!(ben_does(&mut desk, &copy["id"], "decline", json!({})), 202);
    assert_eq!(
        desk.send(ask("GET", "/me/events").by_ben()).values().len(),
        0
    );
    assert_eq!(
        desk.event(&id).body["attendees"][0]["status"]["response"],
        "declined"
    );
}

#[test]
fn a_declined_event_may_stay() {
    let mut desk = Desk::new();
    desk.graph().switches.declined_stays = true;
    desk.create(meeting("Planning"));
    let copy = bens(&mut desk);
    ben_does(&mut desk, &copy["id"], "decline", json!({}));
    assert_eq!(bens(&mut desk)["responseStatus"]["response"], "declined");
}

#[test]
fn a_new_time_can_be_proposed_with_an_answer_if_the_organizer_allows_it() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    let copy = bens(&mut desk);
    let slot =
        json!({ "start": berlin("2026-03-04T09:00:00"), "end": berlin("2026-03-04T10:00:00") });
    let quiet = json!({ "proposedNewTime": slot, "sendResponse": false });
    assert_eq!(
        ben_does(&mut desk, &copy["id"], "tentativelyAccept", quiet),
        400
    );
    assert_eq!(
        ben_does(
            &mut desk,
            &copy["id"],
            "tentativelyAccept",
            json!({ "proposedNewTime": slot })
        ),
        202
    );
    assert_eq!(
        desk.event(&id).body["attendees"][0]["proposedNewTime"],
        slot
    );
    desk.patch(&id, json!({ "allowNewTimeProposals": false }));
    assert_eq!(
        ben_does(
            &mut desk,
            &copy["id"],
            "decline",
            json!({ "proposedNewTime": slot })
        ),
        400
    );
}

#[test]
fn some_things_only_the_organizer_can_do_and_some_only_the_guests() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    let own = desk.post(format!("{}/accept", event_path(&id)), json!({}));
    assert_eq!(own.refusal(), (400, "ErrorInvalidRequest"));
    assert_eq!(
        own.message(),
        "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer."
    );
    let copy = bens(&mut desk);
    let path = format!("{}/cancel", event_path(&text(&copy["id"])));
    let refused = desk.send(ask("POST", path).by_ben());
    assert_eq!(refused.refusal(), (400, "ErrorInvalidRequest"));
    assert_eq!(
        refused.message(),
        "Your request can't be completed. You need to be an organizer to cancel a meeting."
    );
}

#[test]
fn a_cancelled_meeting_stays_marked_with_its_guests() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    mails(&mut desk);
    let cancelled = desk.post(
        format!("{}/cancel", event_path(&id)),
        json!({ "Comment": "Sorry" }),
    );
    assert_eq!(
        (cancelled.status.as_u16(), &cancelled.body),
        (202, &Value::Null)
    );
    let mail = desk.graph().mails[0].clone();
    assert_eq!(
        (mail.kind, mail.comment.as_str(), mail.to.len()),
        (MailKind::Cancellation, "Sorry", 2)
    );
    assert_eq!(desk.event(&id).refusal(), (404, "ErrorItemNotFound"));
    let copy = bens(&mut desk);
    assert_eq!(
        (&copy["subject"], &copy["isCancelled"]),
        (&json!("Canceled: Planning"), &json!(true))
    );
    assert_eq!(copy["showAs"], "free");
}

#[test]
fn deleting_as_organizer_cancels_and_as_guest_tells_nobody() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    mails(&mut desk);
    let copy = bens(&mut desk);
    let path = event_path(&text(&copy["id"]));
    assert_eq!(desk.send(ask("DELETE", path).by_ben()).status, 204);
    assert_eq!(mails(&mut desk), []);
    assert_eq!(
        desk.event(&id).body["attendees"][0]["status"]["response"],
        "none"
    );
    assert_eq!(desk.delete(&id).status, 204);
    assert_eq!(mails(&mut desk)[0].0, MailKind::Cancellation);
    desk.graph().switches.attendee_delete_tells_organizer = true;
    desk.create(meeting("Again"));
    let copy = bens(&mut desk);
    mails(&mut desk);
    desk.send(ask("DELETE", event_path(&text(&copy["id"]))).by_ben());
    assert_eq!(
        mails(&mut desk),
        [(
            MailKind::Reply,
            ANN.to_owned(),
            "an attendee deleted the event"
        )]
    );
}

#[test]
fn what_a_guest_writes_stays_on_the_copy_until_the_organizer_speaks() {
    let mut desk = Desk::new();
    let id = desk.create_id(meeting("Planning"));
    mails(&mut desk);
    let copy = bens(&mut desk);
    let notes =
        json!({ "subject": "Boring", "categories": ["Work"], "reminderMinutesBeforeStart": 5 });
    let patched = desk.send(
        ask("PATCH", event_path(&text(&copy["id"])))
            .by_ben()
            .body(notes),
    );
    assert_eq!(patched.status, 200);
    assert_eq!(mails(&mut desk), []);
    assert_eq!(desk.event(&id).body["subject"], "Planning");
    desk.patch(&id, json!({ "location": { "displayName": "Room 4" } }));
    let copy = bens(&mut desk);
    assert_eq!(
        (&copy["subject"], &copy["categories"]),
        (&json!("Planning"), &json!(["Work"]))
    );
    assert_eq!(copy["reminderMinutesBeforeStart"], 5);
}

#[test]
fn hidden_guests_see_only_themselves() {
    let mut desk = Desk::new();
    let mut event = meeting("Planning");
    event["hideAttendees"] = true.into();
    desk.create(event);
    let copy = bens(&mut desk);
    assert_eq!(copy["attendees"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_forwarded_invitation_makes_a_guest() {
    let mut desk = Desk::new();
    let mut event = hour("Planning", "2026-03-03");
    event["attendees"] = json!([guest("cleo@elsewhere.net")]);
    let id = desk.create_id(event);
    mails(&mut desk);
    let path = format!("{}/forward", event_path(&id));
    let sent = desk.post(
        &path,
        json!({ "toRecipients": [{ "emailAddress": { "address": BEN } }] }),
    );
    assert_eq!(sent.status, 202);
    assert_eq!(
        mails(&mut desk),
        [(
            MailKind::Invitation,
            BEN.to_owned(),
            "an invitation was forwarded"
        )]
    );
    assert_eq!(bens(&mut desk)["subject"], "Planning");
    assert_eq!(
        desk.event(&id).body["attendees"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(
        desk.post(&path, json!({})).refusal(),
        (400, "ErrorInvalidRecipients")
    );
}

#[test]
fn reminders_can_be_dismissed_and_snoozed() {
    let mut desk = Desk::new();
    let path = event_path(&desk.create_id(hour("Planning", "2026-03-03")));
    assert_eq!(
        desk.send(ask("POST", format!("{path}/dismissReminder")))
            .status,
        202
    );
    let later = json!({ "newReminderTime": berlin("2026-03-03T08:00:00") });
    assert_eq!(
        desk.post(format!("{path}/snoozeReminder"), later).status,
        202
    );
    assert_eq!(
        desk.post(format!("{path}/snoozeReminder"), json!({}))
            .refusal()
            .0,
        400
    );
}

fn series(subject: &str) -> Value {
    let mut event = five_days(subject);
    event["attendees"] = json!([guest(BEN)]);
    event
}

fn bens_view(desk: &mut Desk) -> Vec<Value> {
    let path = "/me/calendarView?startDateTime=2026-03-01&endDateTime=2026-04-01&$top=50";
    desk.send(ask("GET", path).by_ben()).values()
}

#[test]
fn one_occurrence_of_a_series_can_be_answered_changed_and_called_off() {
    let mut desk = Desk::new();
    let master = desk.create_id(series("Daily"));
    assert_eq!(bens_view(&mut desk).len(), 5);
    let second = bens_view(&mut desk)[1]["id"].clone();
    assert_eq!(ben_does(&mut desk, &second, "accept", json!({})), 202);
    let third = bens_view(&mut desk)[2]["id"].clone();
    assert_eq!(ben_does(&mut desk, &third, "decline", json!({})), 202);
    assert_eq!(bens_view(&mut desk).len(), 4);
    let path = format!("{}?$expand=exceptionOccurrences", event_path(&master));
    let exceptions = desk.get(path).body["exceptionOccurrences"].clone();
    let answers: Vec<Value> = exceptions
        .as_array()
        .expect("exceptions")
        .iter()
        .map(|exception| exception["attendees"][0]["status"]["response"].clone())
        .collect();
    assert_eq!(answers, [json!("accepted"), json!("declined")]);
    mails(&mut desk);
    let last = desk.occurrence(&master, "2026-03-06");
    desk.patch(&last, json!({ "subject": "Last one" }));
    assert_eq!(
        mails(&mut desk),
        [(
            MailKind::Update,
            BEN.to_owned(),
            "the organizer changed the event"
        )]
    );
    assert_eq!(bens_view(&mut desk)[3]["subject"], "Last one");
    assert_eq!(
        bens_view(&mut desk)[1]["responseStatus"]["response"],
        "accepted"
    );
    let fourth = desk.occurrence(&master, "2026-03-05");
    desk.delete(&fourth);
    assert_eq!(
        mails(&mut desk),
        [(
            MailKind::Cancellation,
            BEN.to_owned(),
            "the organizer deleted an occurrence"
        )]
    );
    assert_eq!(bens_view(&mut desk)[2]["subject"], "Canceled: Daily");
}

#[test]
fn a_change_of_a_series_is_told_once_more_for_each_modified_instance() {
    let mut desk = Desk::new();
    let master = desk.create_id(series("Daily"));
    let last = desk.occurrence(&master, "2026-03-06");
    desk.patch(&last, json!({ "subject": "Last one" }));
    mails(&mut desk);
    desk.patch(&master, json!({ "location": { "displayName": "Room 4" } }));
    assert_eq!(mails(&mut desk).len(), 2);
    assert_eq!(bens_view(&mut desk)[4]["location"]["displayName"], "Room 4");
    assert_eq!(bens_view(&mut desk)[4]["subject"], "Last one");
}

#[test]
fn a_person_at_outlook_mails_as_well_but_it_is_known_who_did_it() {
    let mut desk = Desk::new();
    let (calendar, now) = (desk.calendar.clone(), desk.now);
    let id = desk
        .graph()
        .as_user_create(ANN, &calendar, &meeting("By hand"), now)
        .expect("an event");
    assert_eq!(desk.graph().mails[0].by, By::Other);
    assert_eq!(desk.get(format!("/me/events/{}", escape(&id))).status, 200);
}
