//! The policy as tables that a product person can read, and the laws that hold for every pair of sides.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::event::{Address, Attendance, Details, Instance, Participant, Shape};
use crate::ids::{LinkId, Uid};
use crate::merge::{Debt, Field, Winner, differing};
use crate::provider::{Guests, Mark, Observed, Write};
use crate::rules::{BUSY_TITLE, ConflictPolicy, Detail, Direction, Rules};
use crate::time::{Length, Start, ZoneId};

mod bounds;
mod busy;

fn id() -> EventId {
    EventId(Uuid::from_u128(7))
}

fn fresh() -> EventId {
    EventId(Uuid::from_u128(8))
}

fn link() -> LinkId {
    LinkId(Uuid::from_u128(9))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn meeting(title: &str, hour: i8) -> Event {
    Event {
        uid: Uid::from("meeting@example.com"),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: date(2026, 12, 1).at(hour, 0, 0, 0),
                zone: ZoneId("Europe/Berlin".into()),
            },
            duration: Length::minutes(30),
            end_zone: None,
            details: Details {
                title: title.into(),
                ..Details::default()
            },
        },
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: std::collections::BTreeMap::new(),
        time_zones: std::collections::BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

fn with_guest(mut event: Event, organizer: &str) -> Event {
    for (address, organizes) in [
        (organizer, true),
        ("me@example.com", organizer == "me@example.com"),
    ] {
        event.master.details.participants.insert(
            Address::new(address),
            Participant {
                name: String::new(),
                organizer: organizes,
                attendance: Some(Attendance::default()),
            },
        );
    }
    event
}

fn rules(direction: Direction) -> Rules {
    Rules {
        direction,
        detail: Detail::Full,
        conflict_policy: ConflictPolicy::Remote,
        guests: Guests::Silent,
        writable: true,
        me: vec![Address::new("me@example.com")],
    }
}

fn observed(event: &Event) -> Observed {
    Observed {
        version: Some(Version::from("new")),
        event: event.clone(),
        raw: Raw("raw".into()),
        mark: None,
    }
}

fn live(event: &Event) -> Canonical {
    Canonical::Live {
        id: id(),
        revision: Revision(3),
        event: Box::new(event.clone()),
        changed_at: at(1_000),
    }
}

fn deleted() -> Canonical {
    Canonical::Deleted {
        last: None,
        id: id(),
        revision: Revision(4),
    }
}

fn deleted_from(last: &Event) -> Canonical {
    Canonical::Deleted {
        last: Some(Box::new(last.clone())),
        id: id(),
        revision: Revision(4),
    }
}

fn agreed(base: &Event, origin: Origin) -> Agreed {
    let mirror = Mirror {
        event: id(),
        remote_id: RemoteId::from("/cal/meeting.ics"),
        version: Some(Version::from("old")),
        raw: Raw("old raw".into()),
        origin,
    };
    Agreed {
        mirror,
        base: base.clone(),
    }
}

fn mirrored(base: &Event, canonical: Canonical, debt: Debt) -> Ours {
    Ours::Mirrored {
        agreed: Box::new(agreed(base, Origin::Remote)),
        canonical,
        debt,
        held: Vec::new(),
    }
}

/// Steps in a few words.
fn told(steps: &[Step]) -> String {
    let words: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Step::CreateEvent { body, reason, .. } => {
                format!("create {} ({reason:?})", body.master.details.title)
            }
            Step::UpdateEvent { body, reason, .. } => {
                format!("update to {} ({reason:?})", body.master.details.title)
            }
            Step::DeleteEvent { reason, .. } => format!("delete ({reason:?})"),
            Step::SetMirror(_) => "agree".to_owned(),
            Step::DropMirror { .. } => "forget".to_owned(),
            Step::Push { reason, .. } => format!("push ({reason:?})"),
            Step::RecordConflict { conflict, .. } => {
                format!("conflict {:?} {:?}", conflict.field, conflict.winner)
            }
            Step::HoldDeletion { .. } => "hold".to_owned(),
            Step::Skip { .. } => "skip".to_owned(),
            Step::LeaveOutside(_) => "leave outside".to_owned(),
        })
        .collect();
    words.join(", ")
}

fn incoming(ours: &Ours, theirs: Option<&Event>, rules: &Rules) -> String {
    let remote_id = RemoteId::from("/cal/meeting.ics");
    match theirs {
        Some(event) => told(&plan_incoming(
            ours,
            Theirs::Present(&remote_id, &observed(event)),
            rules,
        )),
        None => told(&plan_incoming(ours, Theirs::Gone, rules)),
    }
}

#[test]
fn what_happens_to_a_remote_event_by_direction() {
    let (old, new, mine) = (meeting("old", 9), meeting("new", 9), meeting("mine", 9));
    let unknown = Ours::Unknown { fresh: fresh() };
    let untouched = mirrored(&old, live(&old), Debt::Settled);
    let edited = mirrored(&old, live(&mine), Debt::Owed);
    let removed = mirrored(&old, deleted(), Debt::Owed);
    let cases = [
        ("unknown, there", &unknown, Some(&new)),
        ("unknown, gone", &unknown, None),
        ("untouched, same", &untouched, Some(&old)),
        ("untouched, changed", &untouched, Some(&new)),
        ("untouched, gone", &untouched, None),
        ("edited, same", &edited, Some(&old)),
        ("edited, changed", &edited, Some(&new)),
        ("edited, gone", &edited, None),
        ("deleted, same", &removed, Some(&old)),
        ("deleted, changed", &removed, Some(&new)),
        ("deleted, gone", &removed, None),
        (
            "a copy from elsewhere",
            &Ours::CopyFromElsewhere,
            Some(&new),
        ),
    ];
    let mut table = String::new();
    for (name, ours, theirs) in cases {
        for direction in [Direction::TwoWay, Direction::Pull, Direction::Push] {
            let line = incoming(ours, theirs, &rules(direction));
            let _ = writeln!(table, "{name:22} {direction:?}: {line}");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn who_wins_a_field_that_both_sides_changed() {
    let (old, mine) = (meeting("old", 9), meeting("mine", 9));
    let mut theirs = meeting("theirs", 9);
    let mut table = String::new();
    for (updated, age) in [
        (None, "unknown"),
        (Some(at(999)), "older"),
        (Some(at(1_001)), "newer"),
    ] {
        theirs.updated = updated;
        for policy in [
            ConflictPolicy::Newest,
            ConflictPolicy::Remote,
            ConflictPolicy::Local,
            ConflictPolicy::Ask,
        ] {
            let rules = Rules {
                conflict_policy: policy,
                ..rules(Direction::TwoWay)
            };
            let line = incoming(
                &mirrored(&old, live(&mine), Debt::Owed),
                Some(&theirs),
                &rules,
            );
            let _ = writeln!(table, "theirs {age:7} {policy:?}: {line}");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn changes_of_different_fields_do_not_conflict() {
    let old = meeting("old", 9);
    let ours = mirrored(&old, live(&meeting("mine", 9)), Debt::Owed);
    let theirs = meeting("old", 11);
    let steps = plan_incoming(
        &ours,
        Theirs::Present(&RemoteId::from("x"), &observed(&theirs)),
        &rules(Direction::TwoWay),
    );
    let [
        Step::SetMirror(_),
        Step::UpdateEvent {
            body,
            reason: Reason::Merged,
            ..
        },
    ] = steps.as_slice()
    else {
        panic!("{}", told(&steps));
    };
    assert_eq!(**body, meeting("mine", 11));
}

#[test]
fn what_the_provider_lost_of_ours_is_no_edit_of_ours() {
    // The provider trimmed the title when we wrote it; later somebody renames the event there.
    let ours = mirrored(
        &meeting("Trimmed", 9),
        live(&meeting("Trimmed  ", 9)),
        Debt::Settled,
    );
    let plan = incoming(
        &ours,
        Some(&meeting("Renamed", 9)),
        &rules(Direction::TwoWay),
    );
    insta::assert_snapshot!(plan, @"agree, update to Renamed (ChangedThere)");
    let plan = incoming(&ours, None, &rules(Direction::TwoWay));
    insta::assert_snapshot!(plan, @"delete (DeletedThere), forget");
}

#[test]
fn who_deletes_a_copy_that_was_made_by_half_deletes_the_event() {
    let (half, whole) = (meeting("Lunch", 9), meeting("Lunch with all", 9));
    for detail in [Detail::Full, Detail::Busy] {
        let rules = Rules {
            detail,
            ..rules(Direction::TwoWay)
        };
        let cut_off = mirrored(&half, live(&whole), Debt::Creation);
        let plan = incoming(&cut_off, None, &rules);
        assert_eq!(plan, "delete (DeletedThere), forget", "{detail:?}");
        let edited = mirrored(&half, live(&whole), Debt::Owed);
        let plan = incoming(&edited, None, &rules);
        assert_eq!(plan, "forget, push (EditBeatsDeletionThere)", "{detail:?}");
    }
}

#[test]
fn a_link_that_only_receives_owes_nothing_for_an_edit_that_beats_a_deletion() {
    let base = meeting("Lunch", 12);
    let ours = mirrored(&base, live(&meeting("Late lunch", 12)), Debt::Owed);
    let pushes = |direction| {
        plan_incoming(&ours, Theirs::Gone, &rules(direction))
            .iter()
            .any(|step| matches!(step, Step::Push { .. }))
    };
    assert!(pushes(Direction::TwoWay));
    assert!(!pushes(Direction::Pull));
}

#[test]
fn half_of_a_write_of_ours_is_no_edit_that_would_beat_a_deletion_here() {
    // Title and time were changed here; the title arrived, the time was refused, and then the event was deleted.
    let last = meeting("Late lunch", 13);
    let half = meeting("Late lunch", 12);
    for origin in [Origin::Remote, Origin::Kalends] {
        let ours = Ours::Mirrored {
            agreed: Box::new(agreed(&meeting("Lunch", 12), origin)),
            canonical: deleted_from(&last),
            debt: Debt::Owed,
            held: Vec::new(),
        };
        let plan = |theirs: &Event, direction| incoming(&ours, Some(theirs), &rules(direction));
        assert_eq!(plan(&half, Direction::TwoWay), "agree");
        assert_eq!(
            plan(&meeting("Brunch", 12), Direction::TwoWay),
            "agree, update to Brunch (EditBeatsDeletionHere)"
        );
        assert_eq!(
            plan(&meeting("Late lunch", 11), Direction::TwoWay),
            "agree, update to Late lunch (EditBeatsDeletionHere)"
        );
        // Through a link that sends nothing, nothing of ours can have got there.
        assert_eq!(
            plan(&half, Direction::Pull),
            "agree, update to Late lunch (EditBeatsDeletionHere)"
        );
    }
}

#[test]
fn an_undecided_conflict_is_not_settled_by_the_next_change() {
    let rules = Rules {
        conflict_policy: ConflictPolicy::Ask,
        ..rules(Direction::TwoWay)
    };
    let ours = Ours::Mirrored {
        agreed: Box::new(agreed(&meeting("theirs", 9), Origin::Remote)),
        canonical: live(&meeting("mine", 9)),
        debt: Debt::Settled,
        held: vec![Field::Title],
    };
    insta::assert_snapshot!(
        incoming(&ours, Some(&meeting("theirs again", 9)), &rules),
        @"agree, conflict Title Undecided"
    );
    let Ours::Mirrored {
        agreed, canonical, ..
    } = &ours
    else {
        unreachable!()
    };
    assert_eq!(
        plan_outgoing(link(), canonical, Some(agreed), &rules, &[Field::Title]),
        Owed::Nothing
    );
    let Owed::Write { fields, .. } = plan_outgoing(link(), canonical, Some(agreed), &rules, &[])
    else {
        panic!("once decided, our title is owed");
    };
    assert_eq!(fields, [Field::Title]);
}

#[test]
fn a_guest_never_writes_over_the_organizer() {
    let theirs = with_guest(meeting("review", 9), "boss@example.com");
    let mut mine = theirs.clone();
    mine.master.details.title = "boring review".into();
    mine.master.details.color = Some("red".into());
    let answer = mine
        .master
        .details
        .participants
        .get_mut(&Address::new("me@example.com"))
        .unwrap();
    answer.attendance.as_mut().unwrap().participation_status =
        crate::event::ParticipationStatus::Accepted;

    // The own answer is written even where guests never are: it is told to nobody.
    for guests in [Guests::Silent, Guests::AlwaysMailed] {
        let rules = Rules {
            guests,
            ..rules(Direction::TwoWay)
        };
        let theirs = agreed(&theirs, Origin::Remote);
        let owed = plan_outgoing(link(), &live(&mine), Some(&theirs), &rules, &[]);
        let Owed::Write {
            write: Write::Update { event, .. },
            fields,
        } = owed
        else {
            panic!("{owed:?}")
        };
        assert_eq!(
            fields,
            [
                Field::Color,
                Field::Participant(Address::new("me@example.com"))
            ]
        );
        assert_eq!(event.master.details.title, "review");
    }

    let own = with_guest(meeting("review", 9), "me@example.com");
    let mut renamed = own.clone();
    renamed.master.details.title = "retro".into();
    let owed = plan_outgoing(
        link(),
        &live(&renamed),
        Some(&agreed(&own, Origin::Remote)),
        &rules(Direction::TwoWay),
        &[],
    );
    assert!(matches!(owed, Owed::Write { fields, .. } if fields == [Field::Title]));
}

#[test]
fn guests_are_not_written_where_the_provider_would_mail_them() {
    let rules = Rules {
        guests: Guests::AlwaysMailed,
        ..rules(Direction::TwoWay)
    };
    let own = with_guest(meeting("review", 9), "me@example.com");
    let owed = plan_outgoing(link(), &live(&own), None, &rules, &[]);
    let Owed::Write {
        write: Write::Create { event, .. },
        ..
    } = owed
    else {
        panic!("{owed:?}")
    };
    assert!(event.master.details.participants.is_empty());
    let mut uninvited = own.clone();
    uninvited.master.details.participants.clear();
    let owed = plan_outgoing(
        link(),
        &live(&own),
        Some(&agreed(&uninvited, Origin::Remote)),
        &rules,
        &[],
    );
    assert_eq!(owed, Owed::Nothing);
}

#[test]
fn a_marked_copy_in_an_empty_database_becomes_its_event_again() {
    let mut copy = observed(&meeting("copy", 9));
    copy.mark = Some(Mark {
        event: id(),
        uid: Uid::from("origin@example.com"),
    });
    copy.event.uid = Uid::from("derived@example.com");
    let steps = plan_incoming(
        &Ours::Unknown { fresh: id() },
        Theirs::Present(&RemoteId::from("x"), &copy),
        &rules(Direction::TwoWay),
    );
    let [
        Step::CreateEvent { event, body, .. },
        Step::SetMirror(mirror),
    ] = steps.as_slice()
    else {
        panic!("{}", told(&steps));
    };
    assert_eq!(
        (*event, &body.uid),
        (id(), &Uid::from("origin@example.com"))
    );
    assert_eq!(mirror.origin, Origin::Kalends);
}

#[test]
fn what_two_sides_found_to_be_one_event_is_joined_not_doubled() {
    let (mine, theirs) = (meeting("mine", 9), meeting("theirs", 9));
    let same = Ours::Candidate {
        canonical: live(&mine),
        standing: Standing::Own,
    };
    insta::assert_snapshot!(incoming(&same, Some(&mine), &rules(Direction::TwoWay)), @"agree");
    insta::assert_snapshot!(
        incoming(&same, Some(&theirs), &rules(Direction::TwoWay)),
        @"agree, update to theirs (FoundAgain), conflict Title Remote"
    );
    insta::assert_snapshot!(
        incoming(&Ours::Candidate { canonical: deleted(), standing: Standing::Own }, Some(&theirs), &rules(Direction::TwoWay)),
        @"update to theirs (FoundAgain), agree"
    );
}

#[test]
fn an_original_beats_what_is_known_from_a_copy() {
    // The database was lost; the busy-only copy was found first, just now; then comes the original, last changed long ago.
    let mut original = meeting("Divorce lawyer", 9);
    original.updated = Some(at(10));
    for conflict_policy in [
        ConflictPolicy::Newest,
        ConflictPolicy::Local,
        ConflictPolicy::Ask,
    ] {
        let rules = Rules {
            conflict_policy,
            ..rules(Direction::TwoWay)
        };
        let known = Ours::Candidate {
            canonical: live(&meeting(BUSY_TITLE, 9)),
            standing: Standing::FromCopy,
        };
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                incoming(&known, Some(&original), &rules),
                @"agree, update to Divorce lawyer (FoundAgain), conflict Title Remote"
            );
        }
    }
    // Where both are originals, only what the contents say of their own age counts.
    let rules = Rules {
        conflict_policy: ConflictPolicy::Newest,
        ..rules(Direction::TwoWay)
    };
    let own = Ours::Candidate {
        canonical: live(&meeting("mine", 9)),
        standing: Standing::Own,
    };
    insta::assert_snapshot!(
        incoming(&own, Some(&original), &rules),
        @"agree, update to Divorce lawyer (FoundAgain), conflict Title Remote"
    );
}

#[test]
fn a_held_edit_survives_a_deletion_there() {
    let ours = Ours::Mirrored {
        agreed: Box::new(agreed(&meeting("theirs", 9), Origin::Remote)),
        canonical: live(&meeting("mine", 9)),
        debt: Debt::Settled,
        held: vec![Field::Title],
    };
    insta::assert_snapshot!(
        incoming(&ours, None, &rules(Direction::TwoWay)),
        @"forget, push (EditBeatsDeletionThere)"
    );
}

#[test]
fn our_own_echo_is_not_their_edit() {
    let (agreed, sent) = (meeting("A", 9), meeting("B", 9));
    // It landed, and somebody moved the event since.
    let base = crate::merge::assume_sent(Some(&agreed), &sent, &meeting("B", 11));
    assert_eq!(base, meeting("B", 9));
    // It did not land, and somebody moved the event since.
    let base = crate::merge::assume_sent(Some(&agreed), &sent, &meeting("A", 11));
    assert_eq!(base, meeting("A", 9));
}

#[test]
fn an_occurrence_that_was_written_by_half_is_our_own_echo() {
    let id = crate::event::RecurrenceId(date(2026, 12, 5).at(9, 0, 0, 0));
    let with = |over: crate::event::Override| {
        let mut event = meeting("A", 9);
        event.recurrence_overrides.insert(id, over);
        event
    };
    let sent = with(crate::event::Override::Replaced(Box::new(
        meeting("moved", 12).master,
    )));
    let added = |duration| with(crate::event::Override::Added { duration });
    // Its date was added, and the rest did not follow.
    let base = crate::merge::assume_sent(Some(&meeting("A", 9)), &sent, &added(None));
    assert_eq!(base, added(None));
    // A date with a length of its own is nothing that we sent.
    let theirs = added(Some(crate::time::Length::minutes(5)));
    let base = crate::merge::assume_sent(Some(&meeting("A", 9)), &sent, &theirs);
    assert_eq!(base, meeting("A", 9));
}

#[test]
fn an_occurrence_that_a_creation_did_not_get_to_was_taken_away_by_nobody() {
    let id = crate::event::RecurrenceId(date(2026, 12, 5).at(9, 0, 0, 0));
    let mut sent = meeting("A", 9);
    let out = crate::event::Override::Excluded;
    sent.recurrence_overrides.insert(id, out);
    let base = crate::merge::assume_created_in_steps(&sent, &meeting("A", 9));
    let ours = mirrored(&base, live(&sent), Debt::Owed);
    let there = meeting("A", 9);
    insta::assert_snapshot!(incoming(&ours, Some(&there), &rules(Direction::TwoWay)), @"agree");
    // Deleted here meanwhile, it is no edit that would bring the event back.
    let gone = mirrored(&base, deleted_from(&sent), Debt::Owed);
    insta::assert_snapshot!(incoming(&gone, Some(&there), &rules(Direction::TwoWay)), @"agree");
}

fn any_event() -> impl Strategy<Value = Event> {
    let over = (
        1..4_i8,
        prop_oneof![
            Just(crate::event::Override::Excluded),
            "[ab]".prop_map(|title| crate::event::Override::Replaced(Box::new(
                meeting(&title, 12).master
            ))),
        ],
    );
    (
        "[abc]",
        9..12_i8,
        0..3_u8,
        proptest::option::of("(red|blue)"),
        proptest::collection::vec(over, 0..3),
    )
        .prop_map(|(title, hour, priority, color, overrides)| {
            let mut event = meeting(&title, hour);
            event.master.details.priority = priority;
            event.master.details.color = color;
            event.recurrence_overrides = overrides
                .into_iter()
                .map(|(day, over)| {
                    (
                        crate::event::RecurrenceId(date(2026, 12, day).at(9, 0, 0, 0)),
                        over,
                    )
                })
                .collect();
            event
        })
}

proptest! {
    /// Every change of either side is in the result, or the losing value stands in a conflict.
    #[test]
    fn no_edit_is_lost(base in any_event(), mine in any_event(), theirs in any_event()) {
        for policy in [ConflictPolicy::Newest, ConflictPolicy::Remote, ConflictPolicy::Local, ConflictPolicy::Ask] {
            let rules = Rules { conflict_policy: policy, ..rules(Direction::TwoWay) };
            let sides = crate::merge::Sides {
                base: Some(&base), local: &mine, remote: &theirs, local_changed_at: at(1), debt: Debt::Owed, held: &[],
            };
            let merged = crate::merge::merge(&sides, &rules, crate::rules::Authority::Shared);
            for (side, winner) in [(&mine, Winner::Local), (&theirs, Winner::Remote)] {
                for field in differing(&base, side) {
                    let kept = crate::merge::get(&merged.event, &field) == crate::merge::get(side, &field);
                    let recorded = merged.conflicts.iter().any(|conflict| conflict.field == field && conflict.winner != winner);
                    prop_assert!(kept || recorded, "{field:?} of {winner:?}");
                }
            }
        }
    }

    /// After both directions have run, both sides are equal and nothing more is owed.
    #[test]
    fn one_round_brings_both_sides_in_step(base in any_event(), mine in any_event(), theirs in any_event()) {
        let rules = rules(Direction::TwoWay);
        let steps = plan_incoming(
            &mirrored(&base, live(&mine), Debt::Owed),
            Theirs::Present(&RemoteId::from("x"), &observed(&theirs)),
            &rules,
        );
        let ours = steps.iter().find_map(|step| match step {
            Step::UpdateEvent { body, .. } => Some((**body).clone()),
            _ => None,
        }).unwrap_or(mine);
        let there = match plan_outgoing(link(), &live(&ours), Some(&agreed(&theirs, Origin::Remote)), &rules, &[]) {
            Owed::Write { write: Write::Update { event, .. }, .. } => *event,
            Owed::Write { write, .. } => panic!("{write:?}"),
            Owed::Nothing => theirs,
        };
        prop_assert_eq!(differing(&ours, &there), Vec::new());
        prop_assert_eq!(
            plan_outgoing(link(), &live(&ours), Some(&agreed(&there, Origin::Remote)), &rules, &[]),
            Owed::Nothing
        );
    }
}
