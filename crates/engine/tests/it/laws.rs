//! The engine's laws, each as a short story.

use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_engine::{Outcome, Silent, dry_run, edits};
use kalends_store::{conflicts, held, intents, links};

use crate::trouble::{Listing, Trouble};
use crate::world::{Remote, World, meeting};

#[tokio::test]
async fn an_edit_crosses_and_its_echo_is_silent() {
    let world = World::new().await;
    let (ann, ben) = (Remote::new(), Remote::new());
    let (to_ann, to_ben) = (world.link(&ann).await, world.link(&ben).await);
    ann.put("/a.ics", meeting("a", "Standup"));
    ben.put("/b.ics", meeting("b", "Lunch"));

    assert_eq!(world.sync(to_ann).await.counts.created, 1);
    assert_eq!(world.sync(to_ben).await.counts.pushed, 1);
    world.sync(to_ann).await;
    assert_eq!(ann.titles(), ["Lunch", "Standup"]);
    assert_eq!(ben.titles(), ["Lunch", "Standup"]);
    assert_eq!(world.titles().await, ["Lunch", "Standup"]);

    ann.put("/a.ics", meeting("a", "Standup, moved"));
    world.rename("Lunch", "Late lunch").await;
    for link in [to_ann, to_ben, to_ann, to_ben] {
        assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    }
    assert_eq!(ann.titles(), ["Late lunch", "Standup, moved"]);
    assert_eq!(ben.titles(), ["Late lunch", "Standup, moved"]);

    ann.writes();
    ben.writes();
    for link in [to_ann, to_ben] {
        let report = world.sync(link).await;
        assert_eq!((report.counts.updated, report.counts.pushed), (0, 0));
    }
    assert_eq!(
        [ann.writes(), ben.writes()],
        [Vec::<String>::new(), Vec::new()]
    );
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_would_do_and_does_nothing() {
    let world = World::new().await;
    let remote = Remote::new();
    remote.put("/a.ics", meeting("a", "Standup"));
    world.add("b", "Lunch").await;
    let link = world.link(&remote).await;
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let stored = links::get(&mut tx, link).await.unwrap().unwrap();
    drop(tx);
    let report = dry_run(&world.engine, world.tenant, stored, &Silent)
        .await
        .unwrap();
    let lines: Vec<String> = report
        .plan
        .iter()
        .map(|line| {
            format!(
                "{:?} {:?} {} {:?}",
                line.side, line.action, line.title, line.reason
            )
        })
        .collect();
    assert_eq!(
        lines,
        ["Here Create Standup NewThere", "There Create Lunch NewHere"]
    );
    assert_eq!(world.titles().await, ["Lunch"]);
    assert_eq!(remote.titles(), ["Standup"]);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_not_repeated() {
    for trouble in [Trouble::LostAfterEffect, Trouble::LostBeforeSend] {
        let world = World::new().await;
        let remote = Remote::new();
        let link = world.link(&remote).await;
        world.sync(link).await;
        world.add("a", "Standup").await;
        *remote.trouble.lock().unwrap() = Some(trouble.clone());
        world.sync(link).await;
        world.wait(7200);
        let report = world.sync(link).await;
        assert_eq!(report.outcome, Outcome::Succeeded);
        assert_eq!(remote.titles(), ["Standup"], "{trouble:?}");
        assert_eq!(world.titles().await, ["Standup"]);
        assert_eq!(remote.writes(), ["create Standup"]);
        assert_eq!(world.mirrors(link).await, 1);
    }
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_does_not_undo_what_came_after() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    remote.put("/a.ics", meeting("a", "Standup"));
    world.sync(link).await;
    world.rename("Standup", "Ours").await;
    *remote.trouble.lock().unwrap() = Some(Trouble::LostAfterEffect);
    world.sync(link).await;
    remote.put("/a.ics", meeting("a", "Theirs, after ours"));
    world.wait(7200);
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Theirs, after ours"]);
    assert_eq!(world.titles().await, ["Theirs, after ours"]);
}

#[tokio::test]
async fn a_dead_cursor_is_routine() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for n in 0..5 {
        remote.put(
            &format!("/{n}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    world.sync(link).await;
    remote.remove("/3.ics");
    *remote.forgotten.lock().unwrap() = usize::MAX;
    let report = world.sync(link).await;
    assert_eq!(
        (report.outcome, report.counts.deleted, report.counts.created),
        (Outcome::Succeeded, 1, 0)
    );
    assert_eq!(world.titles().await.len(), 4);
}

#[tokio::test]
async fn a_large_calendar_is_gone_through_from_end_to_end() {
    // More than one statement looks at.
    const LARGE: usize = 1_100;
    let world = World::new().await;
    let (ann, ben) = (Remote::new(), Remote::new());
    let id = |n: usize| format!("/{n:04}.ics");
    for n in 0..LARGE {
        ann.put(&id(n), meeting(&n.to_string(), &format!("Event {n:04}")));
    }
    let to_ann = world.link(&ann).await;
    assert_eq!(world.sync(to_ann).await.counts.created, LARGE);
    // What is linked later is owed all of it.
    let to_ben = world.link(&ben).await;
    assert_eq!(world.sync(to_ben).await.outcome, Outcome::Succeeded);
    assert_eq!(ben.titles(), ann.titles());

    // What goes without a word is missed by a listing of everything, wherever it stood.
    for n in [0, LARGE / 2, LARGE - 1] {
        ann.remove_silently(&id(n));
    }
    *ann.forgotten.lock().unwrap() = usize::MAX;
    assert_eq!(world.sync(to_ann).await.counts.deleted, 3);
    assert_eq!(world.titles().await, ann.titles());
}

#[tokio::test]
async fn an_empty_or_failing_listing_deletes_nothing() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for n in 0..3 {
        remote.put(
            &format!("/{n}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    world.sync(link).await;
    *remote.forgotten.lock().unwrap() = usize::MAX;
    for listing in [Listing::Fails, Listing::Empty] {
        *remote.listing.lock().unwrap() = listing;
        let report = world.sync(link).await;
        assert_eq!(report.counts.deleted, 0);
        assert_eq!(world.titles().await.len(), 3, "{listing:?}");
    }
    // It was a passing fault: what was held is let go, and nobody had to say a word.
    *remote.listing.lock().unwrap() = Listing::Honest;
    world.sync(link).await;
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    assert_eq!(held::list(&mut tx, link).await.unwrap(), []);
}

#[tokio::test]
async fn a_mass_deletion_waits_for_a_word() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for n in 0..40 {
        remote.put(
            &format!("/{n:02}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    world.sync(link).await;
    for n in 0..20 {
        remote.remove(&format!("/{n:02}.ics"));
    }
    let report = world.sync(link).await;
    assert_eq!((report.counts.deleted, report.counts.held), (0, 20));
    assert_eq!(world.titles().await.len(), 40);
    // Still waiting, however often it runs.
    assert_eq!(world.sync(link).await.counts.deleted, 0);

    // One of them comes back before the word is said.
    remote.put("/07.ics", meeting("7", "Event 7"));
    world.sync(link).await;
    let now = world.engine.clock.now();
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    held::confirm(&mut tx, link, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.sync(link).await.counts.deleted, 19);
    assert_eq!(world.titles().await.len(), 21);
    assert_eq!(remote.titles().len(), 21);
}

#[tokio::test]
async fn deletions_cross_and_edits_beat_them() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for uid in ["a", "b", "c", "d"] {
        remote.put(&format!("/{uid}.ics"), meeting(uid, uid));
    }
    world.sync(link).await;
    remote.remove("/a.ics");
    world.delete("b").await;
    remote.remove("/c.ics");
    world.rename("c", "c, edited here").await;
    world.delete("d").await;
    remote.put("/d.ics", meeting("d", "d, edited there"));
    world.sync(link).await;
    world.sync(link).await;
    assert_eq!(world.titles().await, ["c, edited here", "d, edited there"]);
    assert_eq!(remote.titles(), ["c, edited here", "d, edited there"]);
}

#[tokio::test]
async fn an_edit_that_a_busy_only_link_hides_beats_a_deletion_of_which_nobody_was_told() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    let settings = links::LinkSettings {
        direction: Direction::TwoWay,
        detail: Detail::Busy,
        conflict_policy: ConflictPolicy::Remote,
    };
    links::update_settings(&mut tx, link, settings, world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.add("a", "Standup").await;
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Busy"]);
    remote.remove_silently(&remote.ids()[0]);
    world.rename("Standup", "Standup, edited here").await;
    assert_eq!(world.sync(link).await.counts.deleted, 0);
    assert_eq!(remote.titles(), ["Busy"]);
    assert_eq!(world.titles().await, ["Standup, edited here"]);
}

#[tokio::test]
async fn a_conflict_keeps_the_losing_value_and_a_person_can_choose_it() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world
        .link_as(
            &remote,
            world.calendar,
            Direction::TwoWay,
            ConflictPolicy::Ask,
        )
        .await;
    remote.put("/a.ics", meeting("a", "Standup"));
    world.sync(link).await;
    remote.put("/a.ics", meeting("a", "Theirs"));
    world.rename("Standup", "Ours").await;
    assert_eq!(world.sync(link).await.counts.conflicts, 1);
    world.sync(link).await;
    assert_eq!(
        (world.titles().await, remote.titles()),
        (vec!["Ours".to_owned()], vec!["Theirs".to_owned()])
    );

    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let open = conflicts::list(&mut tx, conflicts::Which::Open, 10)
        .await
        .unwrap();
    drop(tx);
    let [conflict] = open.as_slice() else {
        panic!("{open:?}")
    };
    assert_eq!(
        (&conflict.conflict.local, &conflict.conflict.remote),
        (&"Ours".into(), &"Theirs".into())
    );
    edits::resolve(
        &world.engine,
        world.tenant,
        conflict.id,
        edits::Choice::Local,
        edits::Editor("ann"),
    )
    .await
    .unwrap();
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Ours"]);
    assert_eq!(world.titles().await, ["Ours"]);
}

#[tokio::test]
async fn an_empty_database_finds_its_own_events_again() {
    let first = World::new().await;
    let (ann, ben) = (Remote::new(), Remote::new());
    ann.put("/a.ics", meeting("a", "Standup"));
    let (to_ann, to_ben) = (first.link(&ann).await, first.link(&ben).await);
    first.add("made-here", "Lunch").await;
    for link in [to_ann, to_ben, to_ann] {
        first.sync(link).await;
    }
    assert_eq!(
        (ann.titles(), ben.titles()),
        (
            vec!["Lunch".to_owned(), "Standup".into()],
            vec!["Lunch".into(), "Standup".into()]
        )
    );
    ann.writes();
    ben.writes();

    // Ben's copies come first this time: they bring the identities back, and Ann's originals join them.
    let second = World::new().await;
    second.wait(100_000);
    let (to_ben, to_ann) = (second.link(&ben).await, second.link(&ann).await);
    for link in [to_ben, to_ann, to_ben, to_ann] {
        assert_eq!(second.sync(link).await.outcome, Outcome::Succeeded);
    }
    assert_eq!(second.titles().await, ["Lunch", "Standup"]);
    assert_eq!(
        (ann.titles(), ben.titles()),
        (
            vec!["Lunch".to_owned(), "Standup".into()],
            vec!["Lunch".into(), "Standup".into()]
        )
    );
    assert_eq!(
        [ann.writes(), ben.writes()],
        [Vec::<String>::new(), Vec::new()]
    );
}

#[tokio::test]
async fn a_copy_is_never_copied() {
    let world = World::new().await;
    let (ann, shared) = (Remote::new(), Remote::new());
    ann.put("/a.ics", meeting("a", "Standup"));
    let (to_ann, to_shared) = (world.link(&ann).await, world.link(&shared).await);
    let other = world.another_calendar("Other").await;
    let from_shared = world
        .link_as(&shared, other, Direction::TwoWay, ConflictPolicy::Remote)
        .await;
    for link in [to_ann, to_shared, from_shared, to_shared, from_shared] {
        world.sync(link).await;
    }
    assert_eq!(shared.titles(), ["Standup"]);
    assert_eq!(world.mirrors(from_shared).await, 0);

    // Somebody duplicates the copy by hand; the program they use copies our mark with it. That is an event of its own.
    let copy = shared.ids()[0].clone();
    let (event, _) = world.ours().await[0].clone();
    let mark = kalends_calendar::provider::Mark {
        event,
        uid: "a".into(),
    };
    let mut duplicate = shared.event(&copy);
    duplicate.uid = "their-own".into();
    duplicate.master.details.title = "Standup, again".into();
    shared.put_marked("/dup.ics", duplicate, Some(mark));
    world.sync(to_shared).await;
    assert_eq!(world.titles().await, ["Standup", "Standup, again"]);
}

#[tokio::test]
async fn a_refused_item_stalls_nothing_and_is_tried_when_it_changes() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    world.sync(link).await;
    world.add("a", "Refused").await;
    world.add("b", "Fine").await;
    *remote.trouble.lock().unwrap() = Some(Trouble::Refused);
    let report = world.sync(link).await;
    assert_eq!((report.counts.pushed, report.counts.skipped), (1, 1));
    assert_eq!(remote.titles(), ["Fine"]);
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    assert_eq!(intents::failed(&mut tx, link).await.unwrap().len(), 1);
    drop(tx);
    assert_eq!(world.sync(link).await.counts.pushed, 0);
    world.rename("Refused", "Now fine").await;
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Fine", "Now fine"]);
}

#[tokio::test]
async fn what_is_held_stays_held_however_few_deletions_there_are_later() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for n in 0..20 {
        remote.put(
            &format!("/{n:02}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    world.sync(link).await;
    for n in 0..12 {
        remote.remove(&format!("/{n:02}.ics"));
    }
    assert_eq!(world.sync(link).await.counts.held, 12);
    // Two come back, so that fewer than the brake's limit are missing when everything is listed again.
    for n in 0..2 {
        remote.put(
            &format!("/{n:02}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    *remote.forgotten.lock().unwrap() = usize::MAX;
    world.wait(100_000);
    world.sync(link).await;
    assert_eq!(world.titles().await.len(), 20);
}

#[tokio::test]
async fn what_was_deleted_here_does_not_live_on_in_another_calendars_copy() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    world.add("same", "Standup").await;
    world.sync(link).await;
    let other = world.another_calendar("Second").await;
    let elsewhere = Remote::new();
    elsewhere.put("/a.ics", meeting("same", "Standup"));
    let source = world
        .link_as(&elsewhere, other, Direction::Pull, ConflictPolicy::Remote)
        .await;
    world.sync(source).await;
    world.delete("Standup").await;
    world.sync(link).await;
    assert!(remote.titles().is_empty());

    // The other calendar's event now stands at the same place, by another link.
    let second = world
        .link_as(&remote, other, Direction::Push, ConflictPolicy::Local)
        .await;
    world.sync(second).await;
    assert_eq!(remote.titles(), ["Standup"]);
    world.sync(link).await;
    assert!(world.titles().await.is_empty());
}

#[tokio::test]
async fn what_happened_after_a_lost_answer_is_not_undone_by_our_own_echo() {
    // A creation landed unseen; meanwhile the event is edited, or deleted, here.
    for deleted in [false, true] {
        let world = World::new().await;
        let remote = Remote::new();
        let link = world.link(&remote).await;
        world.sync(link).await;
        world.add("a", "First").await;
        *remote.trouble.lock().unwrap() = Some(Trouble::LostAfterEffect);
        world.sync(link).await;
        if deleted {
            world.delete("First").await;
        } else {
            world.rename("First", "Second").await;
        }
        world.wait(7_200);
        let report = world.sync(link).await;
        assert_eq!(report.counts.conflicts, 0);
        world.sync(link).await;
        let expected: Vec<String> = if deleted {
            vec![]
        } else {
            vec!["Second".to_owned()]
        };
        assert_eq!(
            (world.titles().await, remote.titles()),
            (expected.clone(), expected)
        );
    }
    // The same with an update.
    for deleted in [false, true] {
        let world = World::new().await;
        let remote = Remote::new();
        let link = world.link(&remote).await;
        remote.put("/a.ics", meeting("a", "First"));
        world.sync(link).await;
        world.rename("First", "Second").await;
        *remote.trouble.lock().unwrap() = Some(Trouble::LostAfterEffect);
        world.sync(link).await;
        if deleted {
            world.delete("Second").await;
        } else {
            world.rename("Second", "Third").await;
        }
        world.wait(7_200);
        let report = world.sync(link).await;
        assert_eq!(report.counts.conflicts, 0);
        world.sync(link).await;
        let expected: Vec<String> = if deleted {
            vec![]
        } else {
            vec!["Third".to_owned()]
        };
        assert_eq!(
            (world.titles().await, remote.titles()),
            (expected.clone(), expected)
        );
    }
}

#[tokio::test]
async fn an_event_that_moved_to_another_address_stays_itself() {
    let world = World::new().await;
    let (ann, ben) = (Remote::new(), Remote::new());
    let (to_ann, to_ben) = (world.link(&ann).await, world.link(&ben).await);
    ann.put("/a.ics", meeting("a", "Standup"));
    world.sync(to_ann).await;
    world.sync(to_ben).await;
    let before = world.ours().await;
    ann.remove("/a.ics");
    ann.put("/elsewhere.ics", meeting("a", "Standup"));
    for link in [to_ann, to_ben, to_ann] {
        world.sync(link).await;
    }
    assert_eq!(world.ours().await, before);
    assert_eq!(ann.ids(), ["/elsewhere.ics"]);
    assert_eq!(ben.titles(), ["Standup"]);
    ann.put("/elsewhere.ics", meeting("a", "Standup, later"));
    world.sync(to_ann).await;
    world.sync(to_ben).await;
    assert_eq!(ben.titles(), ["Standup, later"]);
}

#[tokio::test]
async fn a_link_that_does_not_send_owes_nothing_and_rests() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world
        .link_as(
            &remote,
            world.calendar,
            Direction::Pull,
            ConflictPolicy::Remote,
        )
        .await;
    remote.put("/a.ics", meeting("a", "Standup"));
    world.sync(link).await;
    world.rename("Standup", "Ours").await;
    remote.remove("/a.ics");
    world.sync(link).await;
    assert_eq!(
        world.titles().await,
        ["Ours"],
        "the edit beats the deletion"
    );
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let stored = links::get(&mut tx, link).await.unwrap().unwrap();
    assert!(stored.due_at.unwrap() > world.engine.clock.now() + jiff::SignedDuration::from_mins(1));
}

#[tokio::test]
async fn a_confirmation_counts_for_what_was_held_and_nothing_else() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for n in 0..40 {
        remote.put(
            &format!("/{n:02}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    world.sync(link).await;
    for n in 0..20 {
        remote.remove(&format!("/{n:02}.ics"));
    }
    assert_eq!(world.sync(link).await.counts.held, 20);
    let now = world.engine.clock.now();
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    held::confirm(&mut tx, link, now).await.unwrap();
    tx.commit().await.unwrap();
    for n in 20..40 {
        remote.remove(&format!("/{n:02}.ics"));
    }
    let report = world.sync(link).await;
    assert_eq!((report.counts.deleted, report.counts.held), (20, 20));
    assert_eq!(world.titles().await.len(), 20);
}
