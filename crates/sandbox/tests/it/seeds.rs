//! Calendars and edits from seeds: the same each time, storable, and with everything real ones have.

use std::collections::BTreeSet;

use kalends_sandbox::quirks::{Quirks, Storage};
use kalends_sandbox::{Chance, seed};

use crate::desk::Desk;

#[test]
fn a_seed_gives_the_same_calendar_and_a_longer_one_begins_alike() {
    assert_eq!(seed::populate(1, 50), seed::populate(1, 50));
    assert_eq!(seed::populate(1, 50), seed::populate(1, 80)[..50]);
    assert_ne!(seed::populate(1, 50), seed::populate(2, 50));
    insta::assert_snapshot!(seed::one(11, "shown").replace('\r', ""));
}

#[test]
fn every_object_may_be_stored_and_has_its_own_uid() {
    let mut desk = Desk::plain();
    let mut uids = BTreeSet::new();
    for (index, text) in seed::populate(7, 2000).iter().enumerate() {
        desk.elsewhere_put(&format!("{index}.ics"), text);
        assert!(uids.insert(seed::uid_of(text)));
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
    }
    assert!(
        seed::populate(8, 2000)
            .iter()
            .all(|text| !uids.contains(&seed::uid_of(text)))
    );
}

#[test]
fn everything_real_calendars_have_is_there() {
    let all = seed::populate(7, 2000).concat().replace("\r\n ", "");
    for piece in [
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=WEEKLY",
        "RRULE:FREQ=MONTHLY",
        "RRULE:FREQ=YEARLY",
        "BYSETPOS",
        "BYYEARDAY",
        "WKST",
        "COUNT=",
        "UNTIL=",
        "EXDATE;TZID=Europe/Berlin",
        "EXDATE;VALUE=DATE",
        "RECURRENCE-ID;TZID=",
        "RECURRENCE-ID;VALUE=DATE",
        "RDATE",
        "DTSTART;VALUE=DATE:",
        "DTSTART;TZID=America/New_York:",
        "DTSTART;TZID=W. Europe Standard Time:",
        "DURATION:P",
        "BEGIN:VALARM",
        "ATTENDEE;",
        "ORGANIZER;",
        "ENCODING=BASE64",
        "🎂",
        "会議",
        "X-APPLE-STRUCTURED-LOCATION",
        "GEO:",
    ] {
        assert!(all.contains(piece), "{piece}");
    }
    let starts = |test: fn(&str) -> bool| {
        all.lines()
            .any(|line| line.starts_with("DTSTART:") && test(line))
    };
    assert!(
        starts(|line| line.ends_with('Z'))
            && starts(|line| !line.ends_with('Z') && line.len() == 23)
    );
}

#[test]
fn an_edit_changes_something_but_not_whose_it_is() {
    let mut kinds = BTreeSet::new();
    for (index, text) in seed::populate(9, 1500).iter().enumerate() {
        let edited = seed::edit(index as u64, text);
        assert_ne!(*text, edited);
        assert_eq!(edited, seed::edit(index as u64, text));
        assert_eq!(seed::uid_of(text), seed::uid_of(&edited));
        let mut desk = Desk::plain();
        desk.elsewhere_put("a.ics", text);
        desk.elsewhere_put("a.ics", &edited);
        let lines = |text: &str| {
            text.replace("\r\n ", "")
                .lines()
                .map(str::to_owned)
                .collect::<BTreeSet<_>>()
        };
        let (before, after) = (lines(text), lines(&edited));
        kinds.extend(
            after
                .difference(&before)
                .map(|line| line.split([':', ';']).next().unwrap_or("").to_owned()),
        );
        let lost = before.difference(&after).count();
        assert!(
            lost <= 3,
            "an edit touches few lines: {:?}",
            before.difference(&after).collect::<Vec<_>>()
        );
    }
    for kind in [
        "SUMMARY",
        "DESCRIPTION",
        "LOCATION",
        "DTSTART",
        "EXDATE",
        "RECURRENCE-ID",
        "TRIGGER",
        "STATUS",
    ] {
        assert!(kinds.contains(kind), "no edit of {kind} in {kinds:?}");
    }
}

#[test]
fn a_hundred_edits_in_a_row_still_make_a_calendar() {
    let mut desk = Desk::plain();
    for (index, text) in seed::populate(21, 40).iter().enumerate() {
        let mut text = text.clone();
        let name = format!("{index}.ics");
        for step in 0..100 {
            text = seed::edit(step, &text);
            desk.elsewhere_put(&name, &text);
        }
    }
    assert_eq!(desk.names().len(), 40);
    assert_eq!(seed::edit(1, "no calendar"), "no calendar");
}

#[test]
fn servers_that_rewrite_take_every_object() {
    let mut desk = Desk::new(Quirks {
        storage: Storage::Rewritten,
        ..Quirks::default()
    });
    for (index, text) in seed::populate(5, 300).iter().enumerate() {
        let answer = desk.put(&format!("{index}.ics"), text);
        assert_eq!(answer.status.as_u16(), 201, "{}\n{text}", answer.body);
        let stored = desk.get(&format!("{index}.ics")).body;
        assert_eq!(
            desk.put(&format!("{index}.ics"), &stored).status.as_u16(),
            204,
            "{stored}"
        );
    }
}

#[test]
fn drawn_quirks_follow_their_chance() {
    let draw = |seed| Quirks::draw(&mut Chance::new(seed));
    assert_eq!(draw(4), draw(4));
    assert!((0..50).map(draw).any(|quirks| quirks != draw(4)));
}
