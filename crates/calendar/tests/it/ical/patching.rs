//! What an edit does to a text that others wrote.

use jiff::Timestamp;
use jiff::civil::datetime;
use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Event, Override, ParticipationStatus, RecurrenceId,
    Trigger,
};
use kalends_calendar::ical::{PatchOptions, patch_object, read_object};
use kalends_calendar::ids::{EventId, Uid};
use kalends_calendar::provider::Mark;
use kalends_calendar::time::{Length, Start, ZoneId};
use uuid::Uuid;

const TEXT: &str = "BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Somebody//Else//EN\r
X-WR-CALNAME:theirs\r
BEGIN:VEVENT\r
X-FIRST:stays\r
DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T090000\r
DURATION:PT1H\r
SUMMARY;LANGUAGE=en;ALTREP=\"cid:1\":Stand\r
 up\r
RRULE:FREQ=DAILY;UNTIL=20260131T080000Z\r
EXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000\r
CATEGORIES:work,team\r
CATEGORIES;X-B=2:daily\r
ATTENDEE;X-NUM-GUESTS=0;PARTSTAT=NEEDS-ACTION;CN=Bob:mailto:Bob@example.org\r
ORGANIZER:mailto:ann@example.org\r
UID:one\r
LAST-MODIFIED:20260101T000000Z\r
SEQUENCE:1\r
DTSTAMP:20260101T000000Z\r
BEGIN:VALARM\r
TRIGGER;X-C=3:-PT5M\r
ACTION:DISPLAY\r
X-MOZ-LASTACK:stays\r
END:VALARM\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:one\r
RECURRENCE-ID:20260108T080000Z\r
DTSTART:20260108T100000Z\r
DTEND:20260108T110000Z\r
SUMMARY:Late\r
X-LAST:stays\r
END:VEVENT\r
END:VCALENDAR\r
";

/// The difference that an edit makes, line by line.
fn difference(edit: impl FnOnce(&mut Event)) -> String {
    let mut event = read_object(TEXT).unwrap().event;
    edit(&mut event);
    let options = PatchOptions {
        mark: None,
        stamp: "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap(),
    };
    let text = patch_object(TEXT, &event, &options).unwrap();
    let back = read_object(&text).unwrap().event;
    assert_eq!(
        Event {
            updated: None,
            ..back
        },
        Event {
            updated: None,
            ..event
        }
    );
    lines_between(TEXT, &text)
}

/// Lines only in one (`-`) and only in the other (`+`), in order; the time stamps that every change brings left out.
fn lines_between(one: &str, other: &str) -> String {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let mut longest = vec![vec![0usize; other.len() + 1]; one.len() + 1];
    for a in (0..one.len()).rev() {
        for b in (0..other.len()).rev() {
            longest[a][b] = if one[a] == other[b] {
                longest[a + 1][b + 1] + 1
            } else {
                longest[a + 1][b].max(longest[a][b + 1])
            };
        }
    }
    let (mut a, mut b, mut lines) = (0, 0, Vec::new());
    while a < one.len() || b < other.len() {
        if a < one.len() && b < other.len() && one[a] == other[b] {
            a += 1;
            b += 1;
        } else if b == other.len() || (a < one.len() && longest[a + 1][b] >= longest[a][b + 1]) {
            lines.push(format!("-{}", one[a]));
            a += 1;
        } else {
            lines.push(format!("+{}", other[b]));
            b += 1;
        }
    }
    let stamps = ["DTSTAMP:", "LAST-MODIFIED:"];
    lines.retain(|line| !stamps.iter().any(|name| line[1..].starts_with(name)));
    lines.join("\n")
}

#[test]
fn a_new_title_is_one_line() {
    let title = difference(|event| event.master.details.title = "Sit, down".into());
    insta::assert_snapshot!(title, @r#"
    -SUMMARY;LANGUAGE=en;ALTREP="cid:1":Stand
    - up
    +SUMMARY;LANGUAGE=en;ALTREP="cid:1":Sit\, down
    "#);
}

#[test]
fn a_new_time_keeps_style_and_zone_name() {
    let moved = difference(|event| {
        event.master.start = event.master.start.at(datetime(2026, 1, 5, 9, 30, 0, 0));
        event.master.duration = Length::minutes(45);
    });
    insta::assert_snapshot!(moved, @r#"
    -DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T090000
    -DURATION:PT1H
    +DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T093000
    +DURATION:PT45M
    "#);
}

#[test]
fn a_new_zone_brings_its_definition_and_moves_the_dates() {
    let zone = ZoneId("Asia/Kolkata".into());
    let moved = difference(|event| {
        let local = event.master.start.local();
        event.master.start = Start::Zoned {
            local,
            zone: zone.clone(),
        };
    });
    insta::assert_snapshot!(moved, @r"
    +BEGIN:VTIMEZONE
    +TZID:Asia/Kolkata
    +BEGIN:STANDARD
    +DTSTART:19451015T000000
    +TZOFFSETFROM:+0630
    +TZOFFSETTO:+0530
    +END:STANDARD
    +END:VTIMEZONE
    -DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T090000
    +DTSTART;X-A=1;TZID=Asia/Kolkata:20260105T090000
    -RRULE:FREQ=DAILY;UNTIL=20260131T080000Z
    -EXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000
    +RRULE:FREQ=DAILY;UNTIL=20260131T033000Z
    +EXDATE;TZID=Asia/Kolkata:20260106T090000
    +EXDATE;TZID=Asia/Kolkata:20260107T090000
    -RECURRENCE-ID:20260108T080000Z
    +RECURRENCE-ID;TZID=Asia/Kolkata:20260108T090000
    ");
}

#[test]
fn guests_answer_within_their_line() {
    let answer = difference(|event| {
        let bob = Address::new("bob@example.org");
        let bob = event.master.details.participants.get_mut(&bob).unwrap();
        bob.attendance.as_mut().unwrap().participation_status = ParticipationStatus::Accepted;
    });
    insta::assert_snapshot!(answer, @r"
    -ATTENDEE;X-NUM-GUESTS=0;PARTSTAT=NEEDS-ACTION;CN=Bob:mailto:Bob@example.org
    +ATTENDEE;X-NUM-GUESTS=0;PARTSTAT=ACCEPTED;CN=Bob:mailto:Bob@example.org
    ");
}

#[test]
fn lists_change_by_their_elements() {
    let lists = difference(|event| {
        event.master.details.keywords.remove("team");
        event.master.details.keywords.insert("new, too".into());
        let at = |day| RecurrenceId(datetime(2026, 1, day, 9, 0, 0, 0));
        event.recurrence_overrides.remove(&at(6));
        event
            .recurrence_overrides
            .insert(at(12), Override::Excluded);
        event.recurrence_overrides.insert(at(8), Override::Excluded);
    });
    insta::assert_snapshot!(lists, @r"
    -EXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000
    -CATEGORIES:work,team
    -CATEGORIES;X-B=2:daily
    +EXDATE;TZID=Europe/Berlin:20260107T090000
    +CATEGORIES:work
    +CATEGORIES;X-B=2:daily,new\, too
    +EXDATE;TZID=Europe/Berlin:20260108T090000
    +EXDATE;TZID=Europe/Berlin:20260112T090000
    -BEGIN:VEVENT
    -UID:one
    -RECURRENCE-ID:20260108T080000Z
    -DTSTART:20260108T100000Z
    -DTEND:20260108T110000Z
    -SUMMARY:Late
    -X-LAST:stays
    -END:VEVENT
    ");
}

#[test]
fn alerts_change_by_themselves() {
    let alerts = difference(|event| {
        let alerts = &mut event.master.details.alerts;
        let key = AlertKey("display -PT5M start".into());
        alerts.get_mut(&key).unwrap().trigger = Trigger::FromEnd(-600);
        let mail = Alert {
            trigger: Trigger::FromStart(-3_600),
            action: AlertAction::Email,
        };
        alerts.insert(AlertKey("email -PT1H start".into()), mail);
    });
    insta::assert_snapshot!(alerts, @r"
    -TRIGGER;X-C=3:-PT5M
    +TRIGGER;X-C=3;RELATED=END:-PT10M
    +UID:display -PT5M start
    +BEGIN:VALARM
    +ACTION:EMAIL
    +TRIGGER:-PT1H
    +SUMMARY:Standup
    +DESCRIPTION:Standup
    +END:VALARM
    ");
}

#[test]
fn an_override_is_edited_where_it_stands() {
    let later = difference(|event| {
        let id = RecurrenceId(datetime(2026, 1, 8, 9, 0, 0, 0));
        let Some(Override::Replaced(instance)) = event.recurrence_overrides.get_mut(&id) else {
            panic!("no override")
        };
        instance.duration = Length::minutes(90);
        let mut other = instance.clone();
        other.details.title = "Later".into();
        other.start = other.start.at(datetime(2026, 1, 9, 11, 0, 0, 0));
        let id = RecurrenceId(datetime(2026, 1, 9, 9, 0, 0, 0));
        event
            .recurrence_overrides
            .insert(id, Override::Replaced(other));
        event.sequence = 2;
    });
    insta::assert_snapshot!(later, @r"
    -DTEND:20260108T110000Z
    +DTEND:20260108T113000Z
    +SEQUENCE:2
    +BEGIN:VEVENT
    +UID:one
    +RECURRENCE-ID;TZID=Europe/Berlin:20260109T090000
    +DTSTART:20260109T110000Z
    +DTEND:20260109T123000Z
    +SEQUENCE:2
    +SUMMARY:Later
    +END:VEVENT
    ");
}

#[test]
fn a_series_becomes_one_all_day_event() {
    let single = difference(|event| {
        event.recurrence_rules.clear();
        event.recurrence_overrides.clear();
        event.master.start = Start::AllDay(jiff::civil::date(2026, 2, 1));
        event.master.duration = Length::days(2);
    });
    insta::assert_snapshot!(single, @r"
    -DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T090000
    -DURATION:PT1H
    +DTSTART;X-A=1;VALUE=DATE:20260201
    +DURATION:P2D
    -RRULE:FREQ=DAILY;UNTIL=20260131T080000Z
    -EXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000
    -BEGIN:VEVENT
    -UID:one
    -RECURRENCE-ID:20260108T080000Z
    -DTSTART:20260108T100000Z
    -DTEND:20260108T110000Z
    -SUMMARY:Late
    -X-LAST:stays
    -END:VEVENT
    ");
}

#[test]
fn a_mark_is_two_lines_and_left_only_once() {
    let event = read_object(TEXT).unwrap().event;
    let mark = Mark {
        event: EventId(Uuid::from_u128(1)),
        uid: Uid::from("ours"),
    };
    let stamp = Timestamp::UNIX_EPOCH;
    let options = PatchOptions {
        mark: Some(&mark),
        stamp,
    };
    let marked = patch_object(TEXT, &event, &options).unwrap();
    insta::assert_snapshot!(lines_between(TEXT, &marked), @r"
    +X-KALENDS-ID:00000000-0000-0000-0000-000000000001
    +X-KALENDS-UID:ours
    ");
    assert_eq!(read_object(&marked).unwrap().mark.as_ref(), Some(&mark));
    assert_eq!(patch_object(&marked, &event, &options).unwrap(), marked);
}
