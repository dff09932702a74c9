//! Whom the server would have mailed (RFC 6638), and Schedule-Tags.

use http::StatusCode;
use kalends_sandbox::Quirks;
use kalends_sandbox::quirks::{ScheduleTag, Scheduling};
use kalends_sandbox::world::MailKind;

use crate::desk::{Desk, event_with};

fn desk() -> Desk {
    Desk::new(Quirks {
        scheduling: Scheduling::Auto,
        schedule_tag: ScheduleTag::On,
        ..Quirks::default()
    })
}

/// Mails so far as (what, to whom).
fn mails(desk: &Desk) -> Vec<(MailKind, String)> {
    desk.world
        .mails
        .iter()
        .map(|mail| (mail.kind, mail.to.join(" ")))
        .collect()
}

const MINE: &str = "ORGANIZER:mailto:Ada@example.com";
const BOB: &str = "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org";
const CLIENT_BOB: &str = "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:bob@example.org";

#[test]
fn an_organizer_who_names_attendees_mails_them() {
    let mut desk = desk();
    desk.put("a.ics", &event_with("a", &[MINE, BOB, "SUMMARY:a"]));
    assert_eq!(
        mails(&desk),
        [(MailKind::Invitation, "bob@example.org".to_owned())]
    );
    assert!(desk.get("a.ics").body.contains("SCHEDULE-STATUS=1.1"));
    desk.put(
        "a.ics",
        &event_with("a", &[MINE, BOB, "SUMMARY:a", "BEGIN:VALARM", "END:VALARM"]),
    );
    assert_eq!(
        desk.world.mails.len(),
        1,
        "an alarm is nobody else's concern"
    );
    desk.put(
        "a.ics",
        &event_with(
            "a",
            &[MINE, BOB, "ATTENDEE:mailto:eve@example.org", "SUMMARY:b"],
        ),
    );
    desk.put("a.ics", &event_with("a", &[MINE, BOB, "SUMMARY:b"]));
    desk.delete_if("a.ics", &[]);
    let kinds: Vec<MailKind> = mails(&desk)[1..].iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [
            MailKind::Invitation,
            MailKind::Update,
            MailKind::Cancellation,
            MailKind::Update,
            MailKind::Cancellation
        ]
    );
}

#[test]
fn nobody_is_mailed_when_the_client_says_it_will() {
    let mut desk = desk();
    let none = "ATTENDEE;SCHEDULE-AGENT=NONE:mailto:eve@example.org";
    desk.put(
        "a.ics",
        &event_with("a", &[MINE, CLIENT_BOB, none, "SUMMARY:a"]),
    );
    desk.put(
        "a.ics",
        &event_with("a", &[MINE, CLIENT_BOB, none, "SUMMARY:b"]),
    );
    desk.delete_if("a.ics", &[]);
    assert_eq!(mails(&desk), []);
}

#[test]
fn nobody_is_mailed_by_other_clients_or_other_servers() {
    let mut desk = desk();
    desk.elsewhere_put("a.ics", &event_with("a", &[MINE, BOB]));
    desk.elsewhere_delete("a.ics");
    assert_eq!(mails(&desk), []);
    let mut plain = Desk::plain();
    plain.put("a.ics", &event_with("a", &[MINE, BOB]));
    assert_eq!(mails(&plain), []);
}

#[test]
fn an_attendees_answer_is_mailed_to_the_organizer() {
    let theirs = "ORGANIZER:mailto:boss@example.org";
    let me = |answer: &str| format!("ATTENDEE;PARTSTAT={answer}:mailto:ada@example.com");
    let reply = (MailKind::Reply, "boss@example.org".to_owned());
    let mut desk = desk();
    desk.elsewhere_put("a.ics", &event_with("a", &[theirs, &me("NEEDS-ACTION")]));
    desk.put(
        "a.ics",
        &event_with("a", &[theirs, &me("NEEDS-ACTION"), "COLOR:red"]),
    );
    assert_eq!(mails(&desk), []);
    desk.put("a.ics", &event_with("a", &[theirs, &me("ACCEPTED")]));
    assert_eq!(mails(&desk), std::slice::from_ref(&reply));
    let before = desk.world.clone();
    desk.delete_if("a.ics", &[("schedule-reply", "F")]);
    assert_eq!(desk.world.mails.len(), 1);
    desk.world = before;
    desk.delete_if("a.ics", &[]);
    assert_eq!(mails(&desk), [reply.clone(), reply]);
    let silent = "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:boss@example.org";
    desk.put("b.ics", &event_with("b", &[silent, &me("ACCEPTED")]));
    desk.delete_if("b.ics", &[]);
    assert_eq!(desk.world.mails.len(), 2);
}

#[test]
fn a_schedule_tag_outlives_an_answer() {
    let mut desk = desk();
    let put = desk.put("a.ics", &event_with("a", &[MINE, CLIENT_BOB]));
    let tag = put.header("schedule-tag").expect("a tag").to_owned();
    let old_etag = desk
        .get("a.ics")
        .header("etag")
        .expect("an ETag")
        .to_owned();
    let accepted = "ATTENDEE;SCHEDULE-AGENT=CLIENT;PARTSTAT=ACCEPTED:mailto:bob@example.org";
    desk.elsewhere_put("a.ics", &event_with("a", &[MINE, accepted]));
    assert_eq!(desk.get("a.ics").header("schedule-tag"), Some(tag.as_str()));
    let text = event_with("a", &[MINE, accepted, "SUMMARY:new"]);
    assert_eq!(
        desk.put_if("a.ics", &text, &[("if-match", &old_etag)])
            .status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        desk.put_if("a.ics", &text, &[("if-schedule-tag-match", &tag)])
            .status,
        StatusCode::NO_CONTENT
    );
    let stale = desk.put_if("a.ics", &text, &[("if-schedule-tag-match", &tag)]);
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        desk.put("b.ics", &event_with("b", &["SUMMARY:mine alone"]))
            .header("schedule-tag"),
        None
    );
}
