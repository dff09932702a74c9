//! Guests: their copies, their answers, who is mailed, and what imports are.

use kalends_sandbox::google::{GuestEdits, LowerSequence, MailKind};
use serde_json::{Value, json};

use super::desk::{ALL, ANN, BOB, Desk, EVENTS, each, meeting, meeting_with, text, weekly};

const OUTSIDER: &str = "cy@elsewhere.example";

fn with_guests(title: &str, guests: &[&str]) -> Value {
    let guests: Vec<Value> = guests
        .iter()
        .map(|email| json!({ "email": email }))
        .collect();
    meeting_with(title, json!({ "attendees": guests }))
}

fn answer_of(event: &Value, email: &str) -> String {
    let attendees = event["attendees"].as_array().expect("attendees");
    let found = attendees.iter().find(|attendee| attendee["email"] == email);
    text(found.expect("the guest"), "responseStatus").to_owned()
}

/// Everybody who was mailed since the last look, and what.
fn mails(desk: &mut Desk) -> Vec<(String, MailKind)> {
    let mails = std::mem::take(&mut desk.google().mails);
    mails.into_iter().map(|mail| (mail.to, mail.kind)).collect()
}

#[test]
fn an_invitation_is_on_the_guests_calendar_and_the_answer_comes_back() {
    let mut desk = Desk::new();
    let mut body = with_guests("lunch", &[BOB, OUTSIDER]);
    body["colorId"] = json!("3");
    body["source"] = json!({ "title": "page", "url": "https://example.com" });
    body["extendedProperties"] = json!({ "private": { "mine": "1" }, "shared": { "ours": "2" } });
    let event = desk.insert(&body);
    let path = format!("{EVENTS}/{}", text(&event, "id"));

    desk.sign_in(BOB, &[ALL]);
    let copy = desk.get(&path).ok();
    assert_eq!(
        (&copy["id"], &copy["iCalUID"]),
        (&event["id"], &event["iCalUID"])
    );
    assert_eq!(copy["organizer"], json!({ "email": ANN }));
    assert_eq!(copy["start"]["dateTime"], "2026-06-01T04:00:00-04:00");
    assert_eq!(
        copy["extendedProperties"],
        json!({ "shared": { "ours": "2" } })
    );
    assert!(copy.get("colorId").is_none() && copy.get("source").is_none());
    let me = &copy["attendees"][0];
    assert_eq!(
        (&me["self"], &me["responseStatus"]),
        (&json!(true), &json!("needsAction"))
    );
    let own = json!({
        "colorId": "9", "attendeesOmitted": true,
        "attendees": [{ "email": BOB, "responseStatus": "accepted", "comment": "with pleasure" }],
    });
    let accepted = desk.patch(&path, &own).ok();
    assert_eq!(accepted["attendees"].as_array().map(Vec::len), Some(2));

    desk.sign_in(ANN, &[ALL]);
    let seen = desk.get(&path).ok();
    assert_eq!(
        (answer_of(&seen, BOB), &seen["colorId"]),
        ("accepted".to_owned(), &json!("3"))
    );
    assert_eq!(seen["attendees"][0]["comment"], "with pleasure");
    let cursor = desk.cursor();
    desk.patch(&path, &json!({ "summary": "dinner" })).ok();
    assert_eq!(desk.changes(&cursor).0.len(), 1);

    desk.sign_in(BOB, &[ALL]);
    let told = desk.get(&path).ok();
    assert_eq!(
        (&told["summary"], &told["colorId"]),
        (&json!("dinner"), &json!("9"))
    );
    assert!(mails(&mut desk).is_empty());
}

#[test]
fn a_guest_who_deletes_the_invitation_declines_it() {
    let mut desk = Desk::new();
    let event = desk.insert(&with_guests("lunch", &[BOB]));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.delete(&format!("{path}?sendUpdates=all")).status, 204);
    assert_eq!(mails(&mut desk), [(ANN.to_owned(), MailKind::Answer)]);
    desk.sign_in(ANN, &[ALL]);
    assert_eq!(answer_of(&desk.get(&path).ok(), BOB), "declined");
    // What comes later does not bring it back.
    desk.patch(&path, &json!({ "summary": "dinner" })).ok();
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&path).ok()["status"], "cancelled");
}

#[test]
fn a_guest_who_is_taken_off_or_whose_organizer_cancels_loses_the_event() {
    let mut desk = Desk::new();
    let event = desk.insert(&with_guests("lunch", &[BOB]));
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    desk.patch(&path, &json!({ "attendees": null })).ok();
    desk.sign_in(BOB, &[ALL]);
    let stub = desk.get(&path).ok();
    assert_eq!(stub["status"], "cancelled");
    assert!(stub.get("summary").is_none());
    desk.sign_in(ANN, &[ALL]);
    desk.patch(&path, &json!({ "attendees": [{ "email": BOB }] }))
        .ok();
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&path).ok()["status"], "confirmed");
    desk.sign_in(ANN, &[ALL]);
    desk.delete(&path);
    // The organizer's own copy keeps what it was, to be brought back.
    assert_eq!(desk.get(&path).ok()["summary"], "lunch");
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&path).ok()["status"], "cancelled");
}

#[test]
fn a_series_and_its_exceptions_reach_the_guest() {
    let mut desk = Desk::new();
    let mut body = weekly("standup", 3);
    body["attendees"] = json!([{ "email": BOB }]);
    let event = desk.insert(&body);
    let second = format!("{EVENTS}/{}_20260608T080000Z", text(&event, "id"));
    let third = format!("{EVENTS}/{}_20260615T080000Z", text(&event, "id"));
    desk.patch(&second, &json!({ "location": "Room 4" })).ok();
    desk.delete(&third);
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&second).ok()["location"], "Room 4");
    assert_eq!(desk.list("singleEvents=true").0.len(), 2);
    let decline = json!({ "attendees": [{ "email": BOB, "responseStatus": "declined" }] });
    desk.patch(
        &format!("{EVENTS}/{}_20260601T080000Z", text(&event, "id")),
        &decline,
    )
    .ok();
    desk.sign_in(ANN, &[ALL]);
    let first = desk
        .get(&format!("{EVENTS}/{}_20260601T080000Z", text(&event, "id")))
        .ok();
    assert_eq!(answer_of(&first, BOB), "declined");
    assert_eq!(answer_of(&desk.get(&second).ok(), BOB), "needsAction");
}

#[test]
fn a_guest_invited_to_one_instance_has_that_instance_alone() {
    let mut desk = Desk::new();
    let event = desk.insert(&weekly("standup", 3));
    let second = format!("{EVENTS}/{}_20260608T080000Z", text(&event, "id"));
    desk.patch(&second, &json!({ "attendees": [{ "email": BOB }] }))
        .ok();
    desk.sign_in(BOB, &[ALL]);
    let (items, _) = desk.list("");
    assert_eq!(each(&items, "recurringEventId"), [text(&event, "id")]);
    assert_eq!(
        desk.get(&format!("{EVENTS}/{}", text(&event, "id"))).status,
        404
    );
}

#[test]
fn only_those_are_mailed_who_the_request_says() {
    let mut desk = Desk::new();
    let mail = |to: &str, kind| (to.to_owned(), kind);
    for (parameter, invited) in [
        ("", vec![]),
        ("?sendUpdates=none", vec![]),
        (
            "?sendUpdates=externalOnly",
            vec![mail(OUTSIDER, MailKind::Invitation)],
        ),
        (
            "?sendUpdates=all",
            vec![
                mail(BOB, MailKind::Invitation),
                mail(OUTSIDER, MailKind::Invitation),
            ],
        ),
        (
            "?sendNotifications=true",
            vec![
                mail(BOB, MailKind::Invitation),
                mail(OUTSIDER, MailKind::Invitation),
            ],
        ),
    ] {
        desk.post(
            &format!("{EVENTS}{parameter}"),
            &with_guests("lunch", &[ANN, BOB, OUTSIDER]),
        )
        .ok();
        assert_eq!(mails(&mut desk), invited, "{parameter}");
    }
    let event = desk.insert(&with_guests("lunch", &[BOB, OUTSIDER]));
    let path = format!("{EVENTS}/{}?sendUpdates=all", text(&event, "id"));
    desk.patch(&path, &json!({ "colorId": "4" })).ok();
    assert!(mails(&mut desk).is_empty());
    desk.patch(
        &path,
        &json!({ "location": "Room 4", "attendees": [{ "email": BOB }] }),
    )
    .ok();
    assert_eq!(
        mails(&mut desk),
        [
            mail(BOB, MailKind::Update),
            mail(OUTSIDER, MailKind::Cancellation)
        ]
    );
    desk.delete(&path);
    assert_eq!(mails(&mut desk), [mail(BOB, MailKind::Cancellation)]);
    desk.google().switches.mails_by_default = true;
    desk.insert(&with_guests("lunch", &[BOB]));
    assert_eq!(mails(&mut desk), [mail(BOB, MailKind::Invitation)]);
    assert_eq!(
        desk.post(&format!("{EVENTS}?sendUpdates=some"), &meeting(""))
            .status,
        400
    );
}

#[test]
fn a_guest_changes_the_own_copy_alone_or_nothing() {
    let refused = (
        403,
        "calendar.forbiddenForNonOrganizer: Shared properties can only be changed by the organizer of the event."
            .to_owned(),
    );
    let mut desk = Desk::new();
    let mut body = with_guests("lunch", &[BOB]);
    body["guestsCanInviteOthers"] = json!(false);
    let event = desk.insert(&body);
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(
        desk.patch(&path, &json!({ "summary": "mine" })).ok()["summary"],
        "mine"
    );
    assert_eq!(
        desk.patch(&path, &json!({ "guestsCanModify": true }))
            .refusal(),
        refused
    );
    // A PUT that leaves the permissions out changes them.
    assert_eq!(desk.put(&path, &meeting("mine")).refusal(), refused);
    desk.google().switches.guest_edits = GuestEdits::Refused;
    assert_eq!(
        desk.patch(&path, &json!({ "summary": "theirs" })).refusal(),
        refused
    );
    desk.sign_in(ANN, &[ALL]);
    assert_eq!(desk.get(&path).ok()["summary"], "lunch");
    desk.patch(&path, &json!({ "location": "Room 4" })).ok();
    desk.sign_in(BOB, &[ALL]);
    assert_eq!(desk.get(&path).ok()["summary"], "lunch");
}

#[test]
fn guests_may_bring_others_and_change_what_they_are_allowed_to() {
    let mut desk = Desk::new();
    let mut body = with_guests("lunch", &[BOB]);
    body["guestsCanModify"] = json!(true);
    let event = desk.insert(&body);
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    desk.sign_in(BOB, &[ALL]);
    let more =
        json!({ "summary": "dinner", "attendees": [{ "email": BOB }, { "email": OUTSIDER }] });
    desk.patch(&path, &more).ok();
    desk.sign_in(ANN, &[ALL]);
    let seen = desk.get(&path).ok();
    assert_eq!(seen["summary"], "dinner");
    assert_eq!(answer_of(&seen, OUTSIDER), "needsAction");
}

#[test]
fn guests_who_may_not_see_each_other_do_not() {
    let mut desk = Desk::new();
    let mut body = with_guests("lunch", &[BOB, OUTSIDER]);
    body["guestsCanSeeOtherGuests"] = json!(false);
    let event = desk.insert(&body);
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    desk.sign_in(BOB, &[ALL]);
    let copy = desk.get(&path).ok();
    assert_eq!(
        each(copy["attendees"].as_array().expect("a list"), "email"),
        [BOB]
    );
    assert_eq!(copy["attendeesOmitted"], true);
    desk.sign_in(ANN, &[ALL]);
    let few = desk.get(&format!("{path}?maxAttendees=1")).ok();
    assert!(few.get("attendees").is_none());
    assert_eq!(few["attendeesOmitted"], true);
}

#[test]
fn attendees_need_addresses() {
    let mut desk = Desk::new();
    let invalid = desk.post(EVENTS, &with_guests("", &["bob"])).refusal();
    assert_eq!(
        invalid,
        (400, "global.invalid: Invalid attendee email.".to_owned())
    );
    let nameless = meeting_with("", json!({ "attendees": [{ "displayName": "Bob" }] }));
    assert_eq!(desk.post(EVENTS, &nameless).status, 400);
}

fn invitation(title: &str) -> Value {
    meeting_with(
        title,
        json!({ "iCalUID": "abc@elsewhere.example", "organizer": { "email": OUTSIDER, "displayName": "Cy" },
                "attendees": [{ "email": ANN }, { "email": BOB, "responseStatus": "needsAction" }] }),
    )
}

#[test]
fn an_import_is_a_private_copy_that_is_found_by_its_uid() {
    let import = format!("{EVENTS}/import");
    let mut desk = Desk::new();
    let mut body = invitation("theirs");
    body["location"] = json!("Room 4");
    let first = desk.post(&import, &body).ok();
    assert_eq!(
        (&first["privateCopy"], &first["iCalUID"]),
        (&json!(true), &json!("abc@elsewhere.example"))
    );
    assert_eq!(
        first["organizer"],
        json!({ "email": OUTSIDER, "displayName": "Cy" })
    );
    let again = desk.post(&import, &invitation("theirs again")).ok();
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["summary"], "theirs again");
    assert!(again.get("location").is_none());
    // Nothing spreads from it, and nobody is mailed.
    let path = format!("{EVENTS}/{}", text(&first, "id"));
    let answers = json!({ "attendees": [
        { "email": ANN, "responseStatus": "accepted" }, { "email": BOB, "responseStatus": "accepted" } ] });
    let patched = desk
        .patch(&format!("{path}?sendUpdates=all"), &answers)
        .ok();
    assert_eq!(
        (answer_of(&patched, ANN), answer_of(&patched, BOB)),
        ("accepted".to_owned(), "needsAction".to_owned())
    );
    let mut body = invitation("theirs");
    body["attendees"][1]["responseStatus"] = json!("declined");
    assert_eq!(answer_of(&desk.post(&import, &body).ok(), BOB), "declined");
    assert!(mails(&mut desk).is_empty());
    desk.sign_in(BOB, &[ALL]);
    assert!(desk.list("").0.is_empty());
}

#[test]
fn an_import_is_refused_where_google_refuses_it() {
    let import = format!("{EVENTS}/import");
    let mut desk = Desk::new();
    let mut with_id = invitation("x");
    with_id["id"] = json!("abcde");
    assert_eq!(
        desk.post(&import, &with_id).refusal(),
        (400, "global.invalid: Invalid resource id value.".to_owned())
    );
    let mut stranger = invitation("x");
    stranger["attendees"] = json!([{ "email": BOB }]);
    let said = "calendar.participantIsNeitherOrganizerNorAttendee: The owner of the calendar must either be the \
                organizer or an attendee of an event that is imported.";
    assert_eq!(
        desk.post(&import, &stranger).refusal(),
        (400, said.to_owned())
    );
    assert_eq!(
        desk.post(&import, &meeting("no uid")).refusal().1,
        "global.required: Required"
    );
    let mut away = invitation("x");
    away["eventType"] = json!("outOfOffice");
    assert_eq!(desk.post(&import, &away).status, 400);
    let mut third = invitation("third");
    third["sequence"] = json!(3);
    desk.post(&import, &third).ok();
    let mut second = invitation("second");
    second["sequence"] = json!(2);
    assert_eq!(desk.post(&import, &second).status, 400);
    desk.google().switches.lower_sequence = LowerSequence::Ignored;
    assert_eq!(desk.post(&import, &second).ok()["summary"], "third");
}

#[test]
fn an_import_of_ones_own_is_a_normal_event_whose_next_change_reaches_guests() {
    let mut desk = Desk::new();
    let mut own = invitation("ours");
    own["organizer"] = json!({ "email": ANN });
    let event = desk.post(&format!("{EVENTS}/import"), &own).ok();
    assert!(event.get("privateCopy").is_none());
    assert!(mails(&mut desk).is_empty());
    let path = format!("{EVENTS}/{}?sendUpdates=all", text(&event, "id"));
    desk.patch(&path, &json!({ "location": "Room 4" })).ok();
    assert_eq!(mails(&mut desk), [(BOB.to_owned(), MailKind::Update)]);
}

#[test]
fn an_exception_can_be_imported_into_its_series() {
    let mut desk = Desk::new();
    let import = format!("{EVENTS}/import");
    let mut series = weekly("imported", 3);
    series["iCalUID"] = json!("series@elsewhere.example");
    let id = text(&desk.post(&import, &series).ok(), "id").to_owned();
    let mut exception = meeting("special");
    exception["iCalUID"] = json!("series@elsewhere.example");
    exception["recurringEventId"] = json!("whatever");
    exception["originalStartTime"] = json!({ "dateTime": "2026-06-08T10:00:00+02:00" });
    let stored = desk.post(&import, &exception).ok();
    assert_eq!(stored["id"], format!("{id}_20260608T080000Z"));
    assert_eq!(desk.list("iCalUID=series%40elsewhere.example").0.len(), 2);
}

#[test]
fn a_moved_event_has_another_organizer_and_leaves_a_stub() {
    let mut desk = Desk::new();
    let now = desk.now;
    let other = desk
        .google()
        .add_calendar(ANN, "Projects", "Europe/Berlin", now);
    let other_events = format!("calendars/{}/events", super::desk::encoded(&other));
    let event = desk.insert(&weekly("moved", 2));
    let id = text(&event, "id").to_owned();
    desk.delete(&format!("{EVENTS}/{id}_20260608T080000Z"));
    let cursor = desk.cursor();
    let destination = super::desk::encoded(&other);
    let missing = desk
        .post(&format!("{EVENTS}/{id}/move"), &json!({}))
        .refusal();
    assert_eq!(
        missing,
        (
            400,
            "global.required: Required parameter: destination".to_owned()
        )
    );
    let moved = desk
        .post(
            &format!("{EVENTS}/{id}/move?destination={destination}"),
            &json!({}),
        )
        .ok();
    assert_eq!(
        (&moved["id"], &moved["iCalUID"]),
        (&event["id"], &event["iCalUID"])
    );
    assert_eq!(
        moved["organizer"],
        json!({ "email": other, "displayName": "Projects", "self": true })
    );
    let (items, _) = desk.changes(&cursor);
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item["status"] == "cancelled"));
    let there = desk.get(&other_events).ok();
    assert_eq!(there["items"].as_array().map(Vec::len), Some(2));
    let instance = desk.post(
        &format!("{other_events}/{id}_20260601T080000Z/move?destination=primary"),
        &json!({}),
    );
    assert_eq!(instance.status, 400);
    desk.post(
        &format!("{other_events}/{id}/move?destination=primary"),
        &json!({}),
    )
    .ok();
    assert_eq!(
        desk.get(&format!("{EVENTS}/{id}")).ok()["status"],
        "confirmed"
    );
}

#[test]
fn a_service_account_without_delegation_cannot_invite() {
    let mut desk = Desk::new();
    desk.google().switches.cannot_invite.insert(ANN.to_owned());
    let event = desk.insert(&meeting("alone"));
    let said = "calendar.forbiddenForServiceAccounts: Service accounts cannot invite attendees without Domain-Wide \
                Delegation of Authority.";
    assert_eq!(
        desk.post(EVENTS, &with_guests("", &[BOB])).refusal(),
        (403, said.to_owned())
    );
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let guests = json!({ "attendees": [{ "email": BOB }] });
    assert_eq!(desk.patch(&path, &guests).status, 403);
}
