//! Writing series: the master first, then each occurrence that departs from it, and what is told when that breaks off.

use jiff::civil::date;
use kalends_calendar::event::{Override, RecurrenceId, Status};
use kalends_calendar::failure::Class;
use kalends_calendar::provider::{Observed, Raw, Receipt};
use kalends_calendar::recurrence::{Frequency, Rule};
use serde_json::{Value, json};

use super::desk::{Desk, ID, called, mark, observed, weekly, weeks_later};
use super::shelf::Mishap;
use super::{error, present};

#[tokio::test]
async fn a_new_series_is_its_master_and_then_each_occurrence_that_departs() {
    let desk = Desk::new();
    let mut event = weekly();
    let extra = RecurrenceId(date(2026, 6, 10).at(15, 0, 0, 0));
    event.recurrence_overrides.extend([
        (weeks_later(1), called(&event, weeks_later(1), "Special")),
        (weeks_later(2), Override::Excluded),
        (extra, called(&event, extra, "Extra")),
    ]);
    let receipt = desk.create(&event).await.unwrap();
    assert_eq!(
        desk.shelf.asked(),
        [
            "GET ".to_owned(),
            "POST ".to_owned(),
            format!("GET {ID}/instances"),
            format!("PATCH {ID}_20260608T080000Z"),
            format!("GET {ID}/instances"),
            format!("PATCH {ID}_20260610T130000Z"),
            format!("GET {ID}"),
            "GET ".to_owned(),
        ]
    );
    let bodies = desk.shelf.bodies();
    assert_eq!(
        bodies[0]["recurrence"],
        json!([
            "RRULE:FREQ=WEEKLY",
            "RDATE;TZID=Europe/Berlin:20260610T150000",
            "EXDATE;TZID=Europe/Berlin:20260615T100000",
        ])
    );
    assert_eq!(bodies[1], json!({"summary": "Special"}));
    let Receipt::ReadBack { observed, sent, .. } = receipt else {
        panic!("{receipt:?}");
    };
    assert_eq!(
        observed.event.recurrence_overrides,
        event.recurrence_overrides
    );
    assert_eq!(observed.event, *sent);
}

#[tokio::test]
async fn occurrences_are_cancelled_brought_back_changed_and_put_back() {
    let desk = Desk::new();
    let mut event = weekly();
    event
        .recurrence_overrides
        .insert(weeks_later(5), Override::Excluded);
    let there = desk.made(&event).await;

    // One is taken away, one is called otherwise.
    let mut to = there.event.clone();
    let special = called(&to, weeks_later(2), "Special");
    to.recurrence_overrides.extend([
        (weeks_later(1), Override::Excluded),
        (weeks_later(2), special),
    ]);
    let there = observed(desk.update(&there, &to).await.unwrap());
    assert_eq!(
        desk.shelf.asked()[..4],
        [
            format!("GET {ID}/instances"),
            format!("DELETE {ID}_20260608T080000Z"),
            format!("GET {ID}/instances"),
            format!("PATCH {ID}_20260615T080000Z"),
        ]
    );
    assert_eq!(there.event.recurrence_overrides, to.recurrence_overrides);

    // The one that was taken away comes back, the other is as its series again; what stood among the lines comes back
    // with the lines.
    desk.shelf.bodies();
    to.recurrence_overrides.clear();
    let there = observed(desk.update(&there, &to).await.unwrap());
    assert_eq!(
        desk.shelf.bodies(),
        [
            json!({"recurrence": ["RRULE:FREQ=WEEKLY"]}),
            json!({"status": "confirmed"}),
            json!({"summary": "Weekly"}),
        ]
    );
    assert_eq!(there.event.recurrence_overrides, to.recurrence_overrides);

    // An occurrence that does not take place, though it is still shown elsewhere, is taken away at Google.
    let Override::Replaced(mut off) = called(&to, weeks_later(3), "Off") else {
        panic!("not replaced");
    };
    off.details.status = Status::Cancelled;
    to.recurrence_overrides
        .insert(weeks_later(3), Override::Replaced(off));
    let there = observed(desk.update(&there, &to).await.unwrap());
    assert_eq!(
        there.event.recurrence_overrides[&weeks_later(3)],
        Override::Excluded
    );
}

#[tokio::test]
async fn rules_change_together_with_all_exclusions() {
    let desk = Desk::new();
    let mut event = weekly();
    event
        .recurrence_overrides
        .insert(weeks_later(2), Override::Excluded);
    let there = desk.made(&event).await;
    let mut to = there.event.clone();
    to.recurrence_rules = vec![Rule::every(Frequency::Daily)];
    to.recurrence_overrides
        .insert(weeks_later(1), Override::Excluded);
    let now = observed(desk.update(&there, &to).await.unwrap());
    assert_eq!(
        desk.shelf.bodies(),
        [json!({"recurrence": [
            "RRULE:FREQ=DAILY",
            "EXDATE;TZID=Europe/Berlin:20260608T100000",
            "EXDATE;TZID=Europe/Berlin:20260615T100000",
        ]})]
    );
    assert_eq!(now.event.recurrence_overrides, to.recurrence_overrides);

    // And a series may become an event that happens once.
    let mut once = now.event.clone();
    once.recurrence_rules.clear();
    once.recurrence_overrides.clear();
    desk.update(&now, &once).await.unwrap();
    assert_eq!(desk.shelf.bodies(), [json!({"recurrence": null})]);
}

#[tokio::test]
async fn a_write_that_breaks_off_can_be_gone_on_with() {
    let mut event = weekly();
    event.recurrence_overrides.extend([
        (weeks_later(1), called(&event, weeks_later(1), "First")),
        (weeks_later(2), called(&event, weeks_later(2), "Second")),
    ]);
    let limit = error(
        403,
        "usageLimits",
        "rateLimitExceeded",
        "Rate Limit Exceeded",
    );
    let refusal = error(400, "global", "invalid", "Invalid Value");
    let moved = error(412, "global", "conditionNotMet", "Precondition Failed");
    #[rustfmt::skip]
    let table = [
        (0, Some((403, limit.clone())), Class::Passing { retry_at: None }),
        (0, Some((400, refusal.clone())), Class::Item),
        (0, None, Class::Unknown),
        (1, Some((403, limit)), Class::Unknown),
        (1, Some((400, refusal)), Class::Unknown),
        (2, Some((412, moved)), Class::Changed),
        (2, None, Class::Unknown),
    ];
    for (after_writes, answer, class) in table {
        let desk = Desk::new();
        let landed = after_writes > 0 || answer.is_none();
        desk.shelf.mishap(Mishap {
            after_writes,
            answer,
        });
        let failure = desk.create(&event).await.unwrap_err();
        assert_eq!(failure.class, class, "after {after_writes}: {failure}");
        assert_eq!(desk.shelf.has(ID), landed);
        // The engine looks first, and writes what is still owed.
        let receipt = if landed {
            let there = present(&desk.look(ID).await).clone();
            assert_eq!(there.mark, Some(mark(&event)));
            desk.update(&there, &event).await
        } else {
            desk.create(&event).await
        };
        let now = observed(receipt.unwrap());
        assert_eq!(now.event.recurrence_overrides, event.recurrence_overrides);
    }
}

#[tokio::test]
async fn an_occurrence_that_somebody_changed_meanwhile_is_not_written_over() {
    let desk = Desk::new();
    let mut event = weekly();
    event
        .recurrence_overrides
        .insert(weeks_later(1), called(&event, weeks_later(1), "Special"));
    let there = desk.made(&event).await;
    let name = format!("{ID}_20260608T080000Z");
    let mut theirs = desk.shelf.event(&name);
    theirs["location"] = json!("Room 4");
    desk.shelf.put(theirs);

    // Whether the occurrence itself is written or its series.
    let mut to = there.event.clone();
    to.recurrence_overrides.insert(
        weeks_later(1),
        called(&event, weeks_later(1), "More special"),
    );
    let failure = desk.update(&there, &to).await.unwrap_err();
    assert_eq!(failure.class, Class::Changed);
    let mut to = there.event.clone();
    to.master.details.title = "Each week".to_owned();
    let failure = desk.update(&there, &to).await.unwrap_err();
    assert_eq!(failure.class, Class::Changed);
    assert_eq!(desk.shelf.event(&name)["location"], "Room 4");

    // The same where it was as its series until then.
    let mut theirs = desk.shelf.event(&name);
    theirs["id"] = json!(format!("{ID}_20260615T080000Z"));
    theirs["originalStartTime"]["dateTime"] = json!("2026-06-15T10:00:00+02:00");
    desk.shelf.put(theirs);
    let there = {
        let mut raw: Value = serde_json::from_str(&there.raw.0).unwrap();
        raw["event"]["etag"] = desk.shelf.event(ID)["etag"].clone();
        Observed {
            raw: Raw(raw.to_string()),
            ..there
        }
    };
    let mut to = there.event.clone();
    to.recurrence_overrides
        .insert(weeks_later(2), Override::Excluded);
    let failure = desk.update(&there, &to).await.unwrap_err();
    assert_eq!(failure.class, Class::Changed);
}

#[tokio::test]
async fn a_guest_takes_no_occurrence_away_for_that_would_decline_it() {
    let desk = Desk::new();
    desk.made(&weekly()).await;
    let mut theirs = desk.shelf.event(ID);
    theirs["organizer"] = json!({"email": "bob@example.org"});
    theirs["attendees"] = json!([
        {"email": "bob@example.org", "organizer": true},
        {"email": super::ANN, "self": true},
    ]);
    desk.shelf.put(theirs);
    let there = present(&desk.look(ID).await).clone();
    let mut to = there.event.clone();
    to.recurrence_overrides
        .insert(weeks_later(1), Override::Excluded);
    let failure = desk.update(&there, &to).await.unwrap_err();
    assert_eq!(failure.class, Class::Item);
    assert!(desk.shelf.bodies().is_empty());
    insta::assert_snapshot!(failure.message, @"recurrenceOverrides: somebody else organizes this event, and whoever takes an occurrence away declines it");
}
