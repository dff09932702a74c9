//! Writing against an Outlook that remembers: nobody is mailed, nothing is lost, and what is cut off can be repeated.

use std::collections::BTreeMap;
use std::sync::Arc;

use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Event, Override, ParticipationStatus, RecurrenceId,
    Trigger, VirtualLocation,
};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteId, Version};
use kalends_calendar::merge::differing;
use kalends_calendar::provider::{Mark, Observed, Provider, Raw, Receipt, State, Write};
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};
use kalends_calendar::time::ZoneId;
use kalends_providers::graph::Graph;
use serde_json::{Value, json};

use super::outlook::{Fault, Outlook};
use super::{account, berlin, calendar, create, event, mark, now, series, single};

/// What the engine keeps of an event between writes.
pub(super) struct Mirror {
    pub(super) id: RemoteId,
    version: Option<Version>,
    raw: Raw,
}

pub(super) fn settled(receipt: Receipt) -> (Mirror, Observed) {
    match receipt {
        Receipt::Written {
            remote_id,
            observed,
        } => (kept(remote_id, &observed), *observed),
        Receipt::ReadBack {
            remote_id,
            observed,
            sent,
        } => {
            assert_eq!(
                differing(&observed.event, &sent),
                [],
                "what was sent is what stands there"
            );
            (kept(remote_id, &observed), *observed)
        }
        Receipt::Deleted => panic!("deleted"),
    }
}

fn kept(id: RemoteId, observed: &Observed) -> Mirror {
    Mirror {
        id,
        version: observed.version.clone(),
        raw: observed.raw.clone(),
    }
}

fn look(account: &Graph, id: &str) -> (Mirror, Observed) {
    let ids = [RemoteId::from(id)];
    let change = now(account.fetch(&calendar(), &ids)).unwrap().remove(0);
    match change.state {
        State::Present(observed) => (kept(change.remote_id, &observed), *observed),
        other => panic!("{other:?}"),
    }
}

/// Writes an event as it shall be, over what is known of it.
fn write(
    account: &Graph,
    mirror: &Mirror,
    event: &Event,
    mark: Option<Mark>,
) -> Result<Receipt, Failure> {
    let write = Write::Update {
        remote_id: mirror.id.clone(),
        version: mirror.version.clone(),
        raw: mirror.raw.clone(),
        event: Box::new(event.clone()),
        mark,
    };
    now(account.write(&calendar(), &write))
}

fn remove(account: &Graph, mirror: &Mirror) -> Result<Receipt, Failure> {
    let write = Write::Delete {
        remote_id: mirror.id.clone(),
        version: mirror.version.clone(),
        raw: mirror.raw.clone(),
    };
    now(account.write(&calendar(), &write))
}

fn id(text: &str) -> RecurrenceId {
    RecurrenceId(text.parse().unwrap())
}

fn on_mondays() -> Rule {
    let mut rule = Rule::every(Frequency::Weekly);
    rule.by_day.push(NthDay {
        day: jiff::civil::Weekday::Monday,
        nth_of_period: None,
    });
    rule
}

/// Every Monday, once another title, once later, once not at all.
fn busy_weeks() -> Event {
    let mut weekly = event("Weekly", berlin("2026-06-01T10:00:00"));
    weekly.recurrence_rules = vec![on_mondays()];
    let mut titled = weekly.master.clone();
    titled.start = berlin("2026-06-08T10:00:00");
    "Special".clone_into(&mut titled.details.title);
    let mut later = weekly.master.clone();
    later.start = berlin("2026-06-16T15:00:00");
    weekly.recurrence_overrides = BTreeMap::from([
        (
            id("2026-06-08T10:00:00"),
            Override::Replaced(Box::new(titled)),
        ),
        (
            id("2026-06-15T10:00:00"),
            Override::Replaced(Box::new(later)),
        ),
        (id("2026-06-22T10:00:00"), Override::Excluded),
    ]);
    weekly
}

#[test]
fn a_new_event_carries_its_mark_and_reads_as_what_was_sent() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let lunch = event("Lunch", berlin("2026-06-01T10:00:00"));
    let (mirror, observed) = settled(now(account.write(&calendar(), &create(&lunch))).unwrap());
    assert_eq!(differing(&observed.event, &lunch), []);
    assert_eq!(observed.mark, Some(mark()));
    assert_eq!(observed.event.uid, lunch.uid);
    let (again, seen) = look(&account, mirror.id.as_str());
    assert_eq!((again.version, seen.mark), (mirror.version, Some(mark())));
    assert!(outlook.mailed().is_empty());
}

#[test]
fn a_creation_whose_answer_was_lost_is_found_by_its_name() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let lunch = event("Lunch", berlin("2026-06-01T10:00:00"));
    let wanted = create(&lunch);
    let Write::Create { name, .. } = &wanted else {
        panic!()
    };
    let place = account.place(&calendar(), name);
    let looked = now(account.fetch(&calendar(), std::slice::from_ref(&place))).unwrap();
    assert_eq!(
        (&looked[0].remote_id, &looked[0].state),
        (&place, &State::Gone),
        "nothing yet"
    );

    outlook.befall("POST", Fault::LostAnswer);
    let failure = now(account.write(&calendar(), &wanted)).unwrap_err();
    assert_eq!(failure.class, Class::Unknown);
    let found = now(account.fetch(&calendar(), &[place])).unwrap();
    let State::Present(observed) = &found[0].state else {
        panic!("{found:?}")
    };
    assert_eq!(observed.mark, Some(mark()));
    assert_eq!(
        found[0].remote_id.as_str(),
        outlook.ids()[0],
        "under the id that it has"
    );

    // Even without the look, a second creation meets the first.
    let receipt = now(account.write(&calendar(), &wanted)).unwrap();
    assert!(
        matches!(receipt, Receipt::ReadBack { .. }),
        "and may have been edited since"
    );
    assert_eq!(outlook.ids().len(), 1);
}

#[test]
fn an_edit_is_made_in_place_under_its_version() {
    let outlook = Outlook::new();
    outlook.add(single("e1", "Lunch"));
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "e1");
    let mut supper = observed.event;
    "Supper".clone_into(&mut supper.master.details.title);
    let (mirror, observed) = settled(write(&account, &mirror, &supper, None).unwrap());
    assert_eq!(observed.event.master.details.title, "Supper");

    outlook.edit("e1", &json!({"subject": "Dinner"}));
    "Brunch".clone_into(&mut supper.master.details.title);
    let failure = write(&account, &mirror, &supper, None).unwrap_err();
    assert_eq!(failure.class, Class::Changed);
    assert_eq!(outlook.shown("e1")["subject"], "Dinner");
    assert_eq!(remove(&account, &mirror).unwrap_err().class, Class::Changed);
    let (mirror, _) = look(&account, "e1");
    assert_eq!(remove(&account, &mirror).unwrap(), Receipt::Deleted);
    assert_eq!(
        remove(&account, &mirror).unwrap(),
        Receipt::Deleted,
        "it was already"
    );
    assert_eq!(
        write(&account, &mirror, &supper, None).unwrap_err().class,
        Class::Gone
    );
}

#[test]
fn without_a_version_what_it_says_must_be_the_same() {
    let outlook = Outlook::new();
    outlook.add(single("e1", "Lunch"));
    let account = account(Arc::clone(&outlook) as _);
    let (mut mirror, observed) = look(&account, "e1");
    mirror.version = None;
    let mut supper = observed.event;
    "Supper".clone_into(&mut supper.master.details.title);
    outlook.edit("e1", &json!({"showAs": "oof"}));
    settled(write(&account, &mirror, &supper, None).unwrap());
    outlook.edit("e1", &json!({"showAs": "free"}));
    assert_eq!(
        write(&account, &mirror, &supper, None).unwrap_err().class,
        Class::Changed
    );
}

#[test]
fn a_series_is_written_with_all_that_departs_from_it() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let weeks = busy_weeks();
    let (mirror, observed) = settled(now(account.write(&calendar(), &create(&weeks))).unwrap());
    assert_eq!(differing(&observed.event, &weeks), []);
    assert_eq!(
        differing(&account.read(&mirror.raw).unwrap(), &weeks),
        [],
        "and nothing is owed"
    );
    let shown = outlook.shown(mirror.id.as_str());
    assert_eq!(shown["exceptionOccurrences"].as_array().unwrap().len(), 2);
    assert_eq!(shown["cancelledOccurrences"].as_array().unwrap().len(), 1);
    assert_eq!(look(&account, mirror.id.as_str()).1.mark, Some(mark()));
}

#[test]
fn one_occurrence_is_changed_and_the_others_are_left_alone() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "s1");
    let mut weekly = observed.event;
    let mut special = weekly.master.clone();
    special.start = berlin("2026-06-08T10:00:00");
    "Special".clone_into(&mut special.details.title);
    weekly.recurrence_overrides.insert(
        id("2026-06-08T10:00:00"),
        Override::Replaced(Box::new(special)),
    );
    weekly
        .recurrence_overrides
        .insert(id("2026-06-15T10:00:00"), Override::Excluded);
    outlook.asked();
    let (mirror, observed) = settled(write(&account, &mirror, &weekly, None).unwrap());
    assert_eq!(differing(&observed.event, &weekly), []);
    let written: Vec<String> = outlook
        .asked()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert_eq!(
        written,
        [
            "DELETE me/events/s1.2026-06-15",
            "PATCH me/events/s1.2026-06-08"
        ],
        "the master is not touched"
    );

    // Back to what the series gives: it stays an exception there, which says nothing else.
    weekly
        .recurrence_overrides
        .remove(&id("2026-06-08T10:00:00"));
    let receipt = write(&account, &mirror, &weekly, None).unwrap();
    let (mirror, observed) = settled(receipt);
    assert!(
        observed
            .event
            .recurrence_overrides
            .contains_key(&id("2026-06-08T10:00:00"))
    );

    // What was deleted does not come back.
    weekly
        .recurrence_overrides
        .remove(&id("2026-06-15T10:00:00"));
    let failure = write(&account, &mirror, &weekly, None).unwrap_err();
    assert_eq!(failure.class, Class::Item);
    assert!(
        failure.message.contains("does not bring back"),
        "{}",
        failure.message
    );
}

#[test]
fn an_occurrence_does_not_pass_its_neighbour() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "s1");
    let mut weekly = observed.event;
    let mut far = weekly.master.clone();
    far.start = berlin("2026-06-16T10:00:00");
    weekly
        .recurrence_overrides
        .insert(id("2026-06-08T10:00:00"), Override::Replaced(Box::new(far)));
    let failure = write(&account, &mirror, &weekly, None).unwrap_err();
    assert_eq!(failure.class, Class::Item);
    assert!(failure.message.contains("neighbour"), "{}", failure.message);
}

#[test]
fn a_series_that_moves_keeps_what_departs_from_it() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let mut weeks = busy_weeks();
    let (mirror, _) = settled(now(account.write(&calendar(), &create(&weeks))).unwrap());
    weeks.recurrence_rules[0].end = End::Count(20);
    let (_, observed) = settled(write(&account, &mirror, &weeks, Some(mark())).unwrap());
    assert_eq!(differing(&observed.event, &weeks), []);
    assert_eq!(
        outlook.shown(mirror.id.as_str())["exceptionOccurrences"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_write_that_is_cut_off_loses_no_occurrence_and_can_be_repeated() {
    for cut in 1..=3 {
        for is_new in [true, false] {
            let outlook = Outlook::new();
            let account = account(Arc::clone(&outlook) as _);
            let mut weeks = busy_weeks();
            let mut known = None;
            if !is_new {
                let (mirror, _) =
                    settled(now(account.write(&calendar(), &create(&weeks))).unwrap());
                weeks.recurrence_rules[0].end = End::Count(20);
                known = Some(mirror);
            }
            // The instances are looked at once for each occurrence.
            for _ in 1..cut {
                outlook.befall("/instances", Fault::LostAnswer);
            }
            let attempt = |known: &Option<Mirror>| match known {
                Some(mirror) => write(&account, mirror, &weeks, Some(mark())),
                None => now(account.write(&calendar(), &create(&weeks))),
            };
            outlook.befall("/instances", Fault::Refused(503, "serviceNotAvailable"));
            let failure = attempt(&known).unwrap_err();
            // What is new must be found again, whatever becomes of the event until then.
            let is_right = match failure.class {
                Class::Unknown => is_new,
                Class::Passing { .. } => !is_new,
                _ => false,
            };
            assert!(is_right, "{failure:?}");

            let made = outlook.ids().remove(0);
            let (mirror, observed) = look(&account, &made);
            assert_eq!(
                differing(&observed.event, &weeks),
                [],
                "nobody undid anything"
            );
            assert_ne!(
                differing(&account.read(&mirror.raw).unwrap(), &weeks),
                [],
                "it is still owed"
            );

            let mut tries = 0;
            let receipt = loop {
                let (mirror, observed) = look(&account, &made);
                assert_eq!(
                    differing(&observed.event, &weeks),
                    [],
                    "however often it is cut off"
                );
                tries += 1;
                match write(&account, &mirror, &weeks, Some(mark())) {
                    Ok(receipt) => break receipt,
                    Err(failure) => assert!(tries < 5, "{failure:?}"),
                }
            };
            let (mirror, observed) = settled(receipt);
            assert_eq!(differing(&observed.event, &weeks), []);
            assert_eq!(
                differing(&account.read(&mirror.raw).unwrap(), &weeks),
                [],
                "nothing is owed any more"
            );
            assert_eq!(outlook.ids().len(), 1);
        }
    }
}

#[test]
fn a_remote_edit_of_an_occurrence_is_not_written_over() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let mut weeks = busy_weeks();
    let (mirror, _) = settled(now(account.write(&calendar(), &create(&weeks))).unwrap());
    outlook.edit(
        &format!("{}.2026-06-08", mirror.id),
        &json!({"subject": "Theirs"}),
    );
    "New".clone_into(&mut weeks.master.details.title);
    let failure = write(&account, &mirror, &weeks, Some(mark())).unwrap_err();
    assert_eq!(failure.class, Class::Changed);
    assert_eq!(outlook.shown(mirror.id.as_str())["subject"], "Weekly");
    assert_eq!(remove(&account, &mirror).unwrap_err().class, Class::Changed);
}

#[test]
fn a_tag_that_changed_for_nothing_stops_no_write_of_a_series() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "s1");
    outlook.edit("s1", &json!({"subject": "Weekly"}));
    let mut weekly = observed.event;
    "New".clone_into(&mut weekly.master.details.title);
    settled(write(&account, &mirror, &weekly, None).unwrap());
    assert_eq!(outlook.shown("s1")["subject"], "New");
}

#[test]
fn a_series_becomes_one_event_and_one_event_a_series() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "s1");
    let mut once = observed.event;
    let rules = std::mem::take(&mut once.recurrence_rules);
    let (mirror, observed) = settled(write(&account, &mirror, &once, None).unwrap());
    assert_eq!(differing(&observed.event, &once), []);
    assert!(outlook.shown("s1")["recurrence"].is_null());
    once.recurrence_rules = rules;
    let (_, observed) = settled(write(&account, &mirror, &once, None).unwrap());
    assert_eq!(observed.event.recurrence_rules.len(), 1);
}

#[test]
fn nobody_is_mailed_about_a_meeting() {
    let guest = json!([{"type": "required", "status": {"response": "none"},
        "emailAddress": {"name": "Bob", "address": "bob@example.com"}}]);
    for (make, is_series) in [
        (single("m1", "Meeting"), false),
        (series("m1", "Meeting"), true),
    ] {
        let outlook = Outlook::new();
        let mut meeting = make;
        meeting["attendees"] = guest.clone();
        outlook.add(meeting);
        let account = account(Arc::clone(&outlook) as _);
        let (mirror, observed) = look(&account, "m1");
        let mut changed = observed.event.clone();
        "Other".clone_into(&mut changed.master.details.title);
        let failure = write(&account, &mirror, &changed, None).unwrap_err();
        assert_eq!(failure.class, Class::Item);
        assert!(
            failure.message.contains("would mail the guests"),
            "{}",
            failure.message
        );
        assert_eq!(remove(&account, &mirror).unwrap_err().class, Class::Item);
        if is_series {
            let mut shorter = observed.event.clone();
            shorter
                .recurrence_overrides
                .insert(id("2026-06-08T10:00:00"), Override::Excluded);
            assert_eq!(
                write(&account, &mirror, &shorter, None).unwrap_err().class,
                Class::Item
            );
        }
        outlook.asked();
        let mut personal = observed.event;
        personal.master.details.keywords.insert("Red".to_owned());
        personal.master.details.alerts.clear();
        settled(write(&account, &mirror, &personal, None).unwrap());
        assert_eq!(outlook.shown("m1")["categories"], json!(["Red"]));
        assert_eq!(outlook.shown("m1")["subject"], "Meeting");
        let written = outlook
            .asked()
            .iter()
            .filter(|line| line.starts_with("PATCH"))
            .count();
        assert_eq!(written, 1, "what only Ann sees");
    }
}

#[test]
fn of_a_guests_copy_only_what_is_personal_is_written() {
    let outlook = Outlook::new();
    let mut meeting = single("m1", "Meeting");
    meeting["isOrganizer"] = json!(false);
    meeting["organizer"] = json!({"emailAddress": {"name": "Bob", "address": "bob@example.com"}});
    meeting["attendees"] = json!([{"type": "required", "emailAddress": {"name": "Ann", "address": "ann@example.com"}}]);
    outlook.add(meeting);
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "m1");
    let mut changed = observed.event.clone();
    "Other".clone_into(&mut changed.master.details.title);
    assert_eq!(
        write(&account, &mirror, &changed, None).unwrap_err().class,
        Class::Item
    );
    let mut personal = observed.event;
    personal.master.details.keywords.insert("Red".to_owned());
    let (mirror, _) = settled(write(&account, &mirror, &personal, None).unwrap());
    assert_eq!(
        remove(&account, &mirror).unwrap(),
        Receipt::Deleted,
        "the organizer is told nothing"
    );
}

/// Bob's meeting in Ann's calendar.
fn invitation() -> Value {
    let mut meeting = single("m1", "Meeting");
    meeting["isOrganizer"] = json!(false);
    meeting["organizer"] = json!({"emailAddress": {"name": "Bob", "address": "bob@example.com"}});
    meeting["attendees"] = json!([{"type": "required", "emailAddress": {"name": "Ann", "address": "ann@example.com"}}]);
    meeting["responseStatus"] = json!({"response": "notResponded", "time": "0001-01-01T00:00:00Z"});
    meeting
}

fn answered(event: &Event, status: ParticipationStatus) -> Event {
    let mut event = event.clone();
    let participants = &mut event.master.details.participants;
    let own = participants.get_mut(&Address::new("ann@example.com"));
    own.unwrap()
        .attendance
        .as_mut()
        .unwrap()
        .participation_status = status;
    event
}

#[test]
fn the_own_answer_is_given_and_the_organizer_told_nothing() {
    let outlook = Outlook::new();
    outlook.add(invitation());
    let account = account(Arc::clone(&outlook) as _);
    let (mirror, observed) = look(&account, "m1");
    outlook.asked();
    let yes = answered(&observed.event, ParticipationStatus::Accepted);
    let (mirror, observed) = settled(write(&account, &mirror, &yes, None).unwrap());
    assert_eq!(observed.event.master.details, yes.master.details);
    assert_eq!(
        outlook.asked(),
        ["POST me/events/m1/accept", "GET me/events/m1"]
    );
    let mut perhaps = answered(&observed.event, ParticipationStatus::Tentative);
    perhaps.master.details.keywords.insert("Red".to_owned());
    let (mirror, observed) = settled(write(&account, &mirror, &perhaps, None).unwrap());
    assert_eq!(observed.event.master.details, perhaps.master.details);
    assert_eq!(
        outlook.asked(),
        [
            "PATCH me/events/m1",
            "POST me/events/m1/tentativelyAccept",
            "GET me/events/m1"
        ]
    );

    let none = answered(&observed.event, ParticipationStatus::NeedsAction);
    let failure = write(&account, &mirror, &none, None).unwrap_err();
    assert_eq!(failure.class, Class::Item);
    assert_eq!(outlook.asked(), [""; 0], "refused before anything is sent");

    let no = answered(&observed.event, ParticipationStatus::Declined);
    let (mirror, observed) = settled(write(&account, &mirror, &no, None).unwrap());
    assert_eq!(observed.event.master.details, no.master.details);
    let gone = now(account.fetch(&calendar(), &[mirror.id])).unwrap();
    assert_eq!(gone[0].state, State::Gone, "a later listing says the same");
}

#[test]
fn what_outlook_makes_of_a_title_is_what_is_kept() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let lunch = event("  Lunch  ", berlin("2026-06-01T10:00:00"));
    let (_, observed) = settled(now(account.write(&calendar(), &create(&lunch))).unwrap());
    assert_eq!(observed.event.master.details.title, "Lunch");
}

#[test]
fn what_graph_has_no_place_for_is_kept_beside_the_event() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let mut night_train = event("Night train", berlin("2026-06-01T20:00:00"));
    night_train.master.end_zone = Some(ZoneId("Europe/Rome".to_owned()));
    let details = &mut night_train.master.details;
    details.virtual_locations = vec![VirtualLocation {
        uri: "https://meet.example.org/x".to_owned(),
        name: "Way in".to_owned(),
    }];
    let alert = Alert {
        trigger: Trigger::FromStart(-900),
        action: AlertAction::Display,
    };
    details
        .alerts
        .insert(AlertKey("its own name".to_owned()), alert.clone());
    let (mirror, observed) =
        settled(now(account.write(&calendar(), &create(&night_train))).unwrap());
    assert_eq!(differing(&observed.event, &night_train), []);

    // Somebody moves the reminder in Outlook: that is another one.
    outlook.edit(
        mirror.id.as_str(),
        &json!({"isReminderOn": true, "reminderMinutesBeforeStart": 30}),
    );
    let (mirror, observed) = look(&account, mirror.id.as_str());
    let keys: Vec<&str> = observed
        .event
        .master
        .details
        .alerts
        .keys()
        .map(|key| key.0.as_str())
        .collect();
    assert_eq!(keys, ["display -PT30M start"]);

    let mut elsewhere = observed.event.clone();
    elsewhere.master.details.virtual_locations.clear();
    let (_, observed) = settled(write(&account, &mirror, &elsewhere, Some(mark())).unwrap());
    assert_eq!(differing(&observed.event, &elsewhere), []);
}

#[test]
fn a_change_of_the_series_does_not_reach_what_departs_from_it() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let mut team = event("Team", berlin("2026-06-01T10:00:00"));
    team.recurrence_rules = vec![on_mondays()];
    let mut at_the_lake = team.master.clone();
    at_the_lake.start = berlin("2026-06-08T14:00:00");
    let lake = id("2026-06-08T10:00:00");
    team.recurrence_overrides
        .insert(lake, Override::Replaced(Box::new(at_the_lake)));
    let (mirror, observed) = settled(now(account.write(&calendar(), &create(&team))).unwrap());
    let mut retold = observed.event.clone();
    "Crew".clone_into(&mut retold.master.details.title);
    let (mirror, observed) = settled(write(&account, &mirror, &retold, Some(mark())).unwrap());
    assert_eq!(differing(&observed.event, &retold), []);

    // One that the rule does not give is refused before anything is sent.
    let mut odd = observed.event;
    let tuesday = odd.recurrence_overrides[&lake].clone();
    odd.recurrence_overrides
        .insert(id("2026-06-09T10:00:00"), tuesday);
    outlook.asked();
    let failure = write(&account, &mirror, &odd, Some(mark())).unwrap_err();
    assert_eq!(failure.class, Class::Item, "{}", failure.message);
    let written = outlook.asked().iter().any(|line| !line.starts_with("GET"));
    assert!(!written);
}

#[test]
fn an_event_whose_only_day_is_taken_away_is_not_shown() {
    let account = account(crate::script::Script::new() as _);
    let mut never = event("Never", berlin("2026-06-01T10:00:00"));
    never
        .recurrence_overrides
        .insert(id("2026-06-01T10:00:00"), Override::Excluded);
    let failure = now(account.write(&calendar(), &create(&never))).unwrap_err();
    assert_eq!(failure.class, Class::Item);
}
