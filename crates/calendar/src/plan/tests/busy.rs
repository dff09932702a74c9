//! Links that show only that the time is taken.

use super::*;
use crate::event::{FreeBusyStatus, Override, RecurrenceId, Status};

#[test]
fn a_busy_only_link_shows_and_takes_nothing_but_time() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::TwoWay)
    };
    let secret = meeting("Divorce lawyer", 9);
    let owed = plan_outgoing(link(), &live(&secret), None, &rules, &[]);
    let Owed::Write {
        write: Write::Create { event, .. },
        ..
    } = owed
    else {
        panic!("{owed:?}")
    };
    assert_eq!(
        event.master.details,
        Details {
            title: BUSY_TITLE.into(),
            ..Details::default()
        }
    );

    // They move it and rename it: only the move arrives, and the title here stays.
    let ours = Ours::Mirrored {
        agreed: Box::new(agreed(&event, Origin::Kalends)),
        canonical: live(&secret),
        debt: Debt::Settled,
        held: Vec::new(),
    };
    let mut moved = (*event).clone();
    moved.master.start = meeting("", 15).master.start;
    moved.master.details.title = "Hello".into();
    let steps = plan_incoming(
        &ours,
        Theirs::Present(&RemoteId::from("x"), &observed(&moved)),
        &rules,
    );
    let [Step::SetMirror(_), Step::UpdateEvent { body, .. }] = steps.as_slice() else {
        panic!("{}", told(&steps))
    };
    assert_eq!(**body, meeting("Divorce lawyer", 15));
}

#[test]
fn a_deletion_through_a_busy_only_link_does_not_undo_an_edit_that_it_cannot_see() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::TwoWay)
    };
    let (old, renamed) = (meeting("old", 9), meeting("renamed elsewhere", 9));
    let owed = mirrored(&rules.mask(&old), live(&renamed), Debt::Owed);
    insta::assert_snapshot!(incoming(&owed, None, &rules), @"forget, push (EditBeatsDeletionThere)");
    let settled = mirrored(&rules.mask(&old), live(&renamed), Debt::Settled);
    insta::assert_snapshot!(incoming(&settled, None, &rules), @"delete (DeletedThere), forget");
}

#[test]
fn a_deletion_here_does_not_take_along_an_edit_there_that_the_link_does_not_show() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::TwoWay)
    };
    let (old, renamed) = (meeting("old", 9), meeting("renamed there", 9));
    let ours = mirrored(&old, deleted_from(&meeting("Busy", 9)), Debt::Owed);
    insta::assert_snapshot!(
        incoming(&ours, Some(&renamed), &rules),
        @"agree, update to Busy (EditBeatsDeletionHere)"
    );
    insta::assert_snapshot!(incoming(&ours, Some(&old), &rules), @"agree");
}

#[test]
fn an_edit_through_a_busy_only_link_revives_the_whole_event() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::TwoWay)
    };
    let whole = meeting("Doctor", 9);
    let ours = Ours::Mirrored {
        agreed: Box::new(agreed(&rules.mask(&whole), Origin::Kalends)),
        canonical: deleted_from(&whole),
        debt: Debt::Owed,
        held: Vec::new(),
    };
    let moved = rules.mask(&meeting("Doctor", 15));
    let steps = plan_incoming(
        &ours,
        Theirs::Present(&RemoteId::from("x"), &observed(&moved)),
        &rules,
    );
    let [Step::SetMirror(_), Step::UpdateEvent { body, .. }] = steps.as_slice() else {
        panic!("{}", told(&steps))
    };
    assert_eq!(**body, meeting("Doctor", 15));
}

#[test]
fn a_copy_that_shows_only_the_time_says_nothing_about_the_rest() {
    // Its link showed no more; a new link, which shows all, finds it again.
    let whole = meeting("Doctor", 9);
    let full = rules(Direction::TwoWay);
    let busy = Rules {
        detail: Detail::Busy,
        ..full.clone()
    };
    let mut copy = observed(&busy.mask(&whole));
    copy.mark = Some(Mark {
        event: id(),
        uid: whole.uid.clone(),
    });
    let ours = Ours::Candidate {
        canonical: live(&whole),
        standing: Standing::Own,
    };
    let steps = plan_incoming(&ours, Theirs::Present(&RemoteId::from("x"), &copy), &full);
    insta::assert_snapshot!(told(&steps), @"agree, push (FoundAgain)");
}

#[test]
fn a_copy_loses_what_its_link_may_not_show_any_more() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::TwoWay)
    };
    let secret = meeting("Divorce lawyer", 9);
    let owed = plan_outgoing(
        link(),
        &live(&secret),
        Some(&agreed(&secret, Origin::Kalends)),
        &rules,
        &[],
    );
    let Owed::Write {
        write: Write::Update { event, .. },
        ..
    } = owed
    else {
        panic!("{owed:?}")
    };
    assert_eq!(event.master.details.title, BUSY_TITLE);
    // An event that is at home there keeps its own words.
    let owed = plan_outgoing(
        link(),
        &live(&secret),
        Some(&agreed(&secret, Origin::Remote)),
        &rules,
        &[],
    );
    assert_eq!(owed, Owed::Nothing);
}

#[test]
fn an_occurrence_whose_difference_the_other_side_cannot_show_follows_its_series_there() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::TwoWay)
    };
    let named = RecurrenceId(date(2026, 12, 8).at(9, 0, 0, 0));
    let perhaps = RecurrenceId(date(2026, 12, 15).at(9, 0, 0, 0));
    let mut series = meeting("Rounds", 9);
    let mut own = meeting("Rounds, by heart", 9).master;
    series
        .recurrence_overrides
        .insert(named, Override::Replaced(Box::new(own.clone())));
    own.details.status = Status::Tentative;
    series
        .recurrence_overrides
        .insert(perhaps, Override::Replaced(Box::new(own)));
    // There, only what is tentative is an exception: a title is not shown.
    let mut base = rules.mask(&series);
    base.recurrence_overrides.remove(&named);
    let mut theirs = base.clone();
    theirs.master.details.free_busy_status = FreeBusyStatus::Free;

    let steps = plan_incoming(
        &mirrored(&base, live(&series), Debt::Settled),
        Theirs::Present(&RemoteId::from("x"), &observed(&theirs)),
        &rules,
    );
    let [Step::SetMirror(_), Step::UpdateEvent { body, .. }] = steps.as_slice() else {
        panic!("{}", told(&steps))
    };
    let state = |id: RecurrenceId| {
        let Override::Replaced(one) = &body.recurrence_overrides[&id] else {
            panic!("{body:?}")
        };
        (one.details.title.as_str(), one.details.free_busy_status)
    };
    assert_eq!(state(named), ("Rounds, by heart", FreeBusyStatus::Free));
    assert_eq!(
        state(perhaps),
        ("Rounds, by heart", FreeBusyStatus::Busy),
        "theirs tells of it by itself"
    );
    // What is still owed there will say so there.
    let steps = plan_incoming(
        &mirrored(&base, live(&series), Debt::Owed),
        Theirs::Present(&RemoteId::from("x"), &observed(&theirs)),
        &rules,
    );
    let [Step::SetMirror(_), Step::UpdateEvent { body, .. }] = steps.as_slice() else {
        panic!("{}", told(&steps))
    };
    assert_eq!(body.recurrence_overrides, series.recurrence_overrides);
}

#[test]
fn what_a_pulling_link_hides_was_edited_all_the_same() {
    let rules = Rules {
        detail: Detail::Busy,
        ..rules(Direction::Pull)
    };
    let theirs = meeting("Divorce lawyer", 9);
    for (here, expected) in [
        // As it was taken in, and as it was taken in when the link showed all of it.
        (rules.mask(&theirs), "delete (DeletedThere), forget"),
        (theirs.clone(), "delete (DeletedThere), forget"),
        (meeting("edited elsewhere", 9), "forget"),
    ] {
        let ours = mirrored(&theirs, live(&here), Debt::Settled);
        assert_eq!(incoming(&ours, None, &rules), expected);
    }
}
