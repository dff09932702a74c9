//! Applying plans: whole or not at all, with everything that follows from them.

use kalends_calendar::ids::{Cursor, EventId, RemoteId, RunId, Version};
use kalends_calendar::merge::Debt;
use kalends_calendar::plan::{Reason, Step};
use kalends_calendar::revision::{Actor, Revision};
use kalends_calendar::rules::Direction;
use kalends_store::links::DueReason;
use kalends_store::{
    Applied, ApplyError, Batch, CursorMove, apply, debts, events, held, intents, mirrors, skips,
};

use crate::fixture::{World, at, edit, event, id, mirror, taken_in};
use crate::harness::contract;

contract! {
    async fn what_comes_in_through_one_link_is_owed_to_the_others(db) {
        let world = World::new(&db.store, "a").await;
        let from = world.link(Direction::TwoWay).await;
        let both = world.link(Direction::TwoWay).await;
        let out = world.link(Direction::Push).await;
        let pull = world.link(Direction::Pull).await;
        for link in [both, out, pull] {
            world.lease(link, 0).await;
        }
        let lease = world.lease(from, 0).await;
        let run = RunId(id());
        let tea = EventId(id());
        let mut batch = Batch::new(run, at(1));
        batch.steps = taken_in(tea, "tea");
        batch.cursor = CursorMove::Set(Cursor("token 1".to_owned()));
        batch.generation = Some(1);
        batch.complete = true;
        let applied = apply(&db.store, &lease, batch).await.unwrap();
        assert_eq!(applied, Applied { created: 1, mirrored: 1, ..Applied::default() });

        let mut tx = world.read().await;
        let kept = events::get(&mut tx, tea).await.unwrap().unwrap();
        assert_eq!((kept.revision, kept.calendar, kept.body), (Revision(1), world.calendar, Some(event("tea"))));
        let history = events::history(&mut tx, tea).await.unwrap();
        assert_eq!(history[0].cause.actor, Actor::Sync { link: from, run });
        assert_eq!(history[0].cause.reason, "new there");
        assert_eq!(mirrors::by_events(&mut tx, from, &[tea]).await.unwrap(), [mirror(tea, "tea", "1")]);
        for link in [both, out] {
            let owed = intents::due(&mut tx, link, at(1), 10).await.unwrap();
            assert_eq!(owed.len(), 1);
            assert_eq!((owed[0].event, owed[0].reason, owed[0].run), (tea, Reason::NewHere, Some(run)));
            assert_eq!(debts::owed_among(&mut tx, link, &[tea, EventId(id())]).await.unwrap(), [(tea, Debt::Owed)]);
        }
        for link in [from, pull] {
            assert_eq!(intents::count(&mut tx, link).await.unwrap(), 0);
        }
        drop(tx);
        let kept = world.look(from).await;
        assert_eq!((kept.cursor, kept.generation, kept.live), (Some(Cursor("token 1".to_owned())), 1, true));
        assert_eq!(kept.due_at, None);
        for link in [both, out] {
            let kept = world.look(link).await;
            assert_eq!((kept.due_at, kept.due_reason), (Some(at(1)), DueReason::Edit));
        }
        assert_eq!(world.look(pull).await.due_at, None);
        // A dead cursor is forgotten, and a batch that says nothing about it keeps it.
        world.apply(&lease, vec![]).await;
        assert!(world.look(from).await.cursor.is_some());
        let mut batch = Batch::new(run, at(2));
        batch.cursor = CursorMove::Clear;
        apply(&db.store, &lease, batch).await.unwrap();
        let kept = world.look(from).await;
        assert_eq!((kept.cursor, kept.live), (None, true));
    }

    async fn a_stale_step_undoes_the_whole_batch(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let tea = world.take_in(&lease, "tea").await;
        let mut tx = world.begin().await;
        events::update(&mut tx, tea, Revision(1), &event("milk"), &edit("edited", 2)).await.unwrap();
        tx.commit().await.unwrap();
        let update = |from| Step::UpdateEvent {
            event: tea,
            from: Revision(from),
            body: Box::new(event("theirs")),
            reason: Reason::ChangedThere,
        };
        let delete = Step::DeleteEvent { event: tea, from: Revision(1), reason: Reason::DeletedThere };
        let create_again = taken_in(tea, "again");
        for stale in [vec![update(1)], vec![delete], create_again] {
            let mut batch = Batch::new(RunId(id()), at(3));
            batch.steps = taken_in(EventId(id()), "new");
            batch.steps.extend(stale);
            batch.cursor = CursorMove::Set(Cursor("token".to_owned()));
            let error = apply(&db.store, &lease, batch).await.unwrap_err();
            assert!(matches!(error, ApplyError::Stale(event) if event == tea), "{error}");
        }
        assert_eq!(world.look(link).await.cursor, None);
        let mut tx = world.read().await;
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 1);
        assert_eq!(events::changes_since(&mut tx, 0, 10).await.unwrap().len(), 2);
        drop(tx);
        let applied = world.apply(&lease, vec![update(2)]).await;
        assert_eq!(applied.updated, 1);
        let delete = Step::DeleteEvent { event: tea, from: Revision(3), reason: Reason::DeletedThere };
        let applied = world.apply(&lease, vec![delete, Step::DropMirror { event: tea }]).await;
        assert_eq!((applied.deleted, applied.dropped), (1, 1));
    }

    async fn the_last_word_about_an_event_counts(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let one = world.take_in(&lease, "one").await;
        let two = world.take_in(&lease, "two").await;
        let steps = vec![
            Step::DropMirror { event: one },
            Step::SetMirror(mirror(one, "one", "2")),
            Step::SetMirror(mirror(one, "one", "3")),
            Step::SetMirror(mirror(two, "two", "2")),
            Step::DropMirror { event: two },
            Step::Push { event: one, reason: Reason::Merged },
            Step::Push { event: one, reason: Reason::PutBack },
        ];
        let applied = world.apply(&lease, steps).await;
        assert_eq!((applied.mirrored, applied.dropped, applied.pushed), (1, 1, 1));
        let mut tx = world.read().await;
        let kept = mirrors::by_events(&mut tx, link, &[one, two]).await.unwrap();
        assert_eq!(kept, [mirror(one, "one", "3")]);
        let owed = intents::due(&mut tx, link, at(1), 10).await.unwrap();
        assert_eq!((owed.len(), owed[0].reason), (1, Reason::PutBack));
        drop(tx);
        // Two events may trade their remote ids.
        world.apply(&lease, vec![Step::SetMirror(mirror(two, "two", "9"))]).await;
        let swapped = vec![
            Step::SetMirror(mirror(one, "two", "1")),
            Step::SetMirror(mirror(two, "one", "1")),
        ];
        world.apply(&lease, swapped).await;
        let mut tx = world.read().await;
        let ids = [RemoteId("/cal/one.ics".to_owned()), RemoteId("/cal/nowhere.ics".to_owned())];
        assert_eq!(mirrors::by_remote_ids(&mut tx, link, &ids).await.unwrap(), [mirror(two, "one", "1")]);
        let light = mirrors::versions(&mut tx, link, &ids).await.unwrap();
        assert_eq!((light.len(), light[0].event, light[0].version.clone()), (1, two, Some(Version("1".to_owned()))));
    }

    async fn a_full_listing_finds_what_it_did_not_see(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let mut all = Vec::new();
        for n in 0..200 {
            all.push((world.take_in(&lease, &format!("e{n}")).await, format!("e{n}")));
        }
        let mut batch = Batch::new(RunId(id()), at(2));
        batch.generation = Some(1);
        batch.seen = all[..150].iter().map(|(_, name)| RemoteId(format!("/cal/{name}.ics"))).collect();
        // One that changed is seen by being set.
        batch.steps = vec![Step::SetMirror(mirror(all[150].0, "e150", "2"))];
        apply(&db.store, &lease, batch).await.unwrap();
        let mut tx = world.read().await;
        let unseen = mirrors::unseen(&mut tx, link, 1, None, None).await.unwrap();
        let told: Vec<_> = unseen.iter().map(|mirror| mirror.event).collect();
        let expected: Vec<_> = all[151..].iter().map(|(event, _)| *event).collect();
        assert_eq!(told, expected);
        let some = mirrors::unseen(&mut tx, link, 1, Some(expected[9]), Some(expected[11])).await.unwrap();
        let told: Vec<_> = some.iter().map(|mirror| mirror.event).collect();
        assert_eq!(told, expected[10..12]);
        // From end to end, nothing is passed over and nothing is looked at twice.
        let mut ids: Vec<_> = all.iter().map(|(event, _)| *event).collect();
        ids.sort_unstable();
        let (mut after, mut told, mut ends) = (None, Vec::new(), Vec::new());
        loop {
            let end = mirrors::stretch_end(&mut tx, link, after, 60).await.unwrap();
            let unseen = mirrors::unseen(&mut tx, link, 1, after, end).await.unwrap();
            told.extend(unseen.into_iter().map(|mirror| mirror.event));
            let Some(end) = end else { break };
            ends.push(end);
            after = Some(end);
        }
        assert_eq!(told, expected);
        assert_eq!(ends, [ids[59], ids[119], ids[179]]);
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 200);
        drop(tx);
        assert!(!world.look(link).await.live);
    }

    async fn a_skip_stays_until_its_item_can_be_read_or_is_gone(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let remote = |name: &str| RemoteId(format!("/cal/{name}.ics"));
        let skip = |name: &str, version: &str| Step::Skip {
            remote_id: remote(name),
            version: Some(Version(version.to_owned())),
            error: format!("line 7: {name}"),
        };
        let mut batch = Batch::new(RunId(id()), at(1));
        batch.generation = Some(1);
        batch.complete = true;
        batch.steps = vec![skip("bad", "1"), skip("worse", "1"), skip("mended", "1"), skip("lost", "1")];
        assert_eq!(apply(&db.store, &lease, batch).await.unwrap().skipped, 4);
        let mut batch = Batch::new(RunId(id()), at(2));
        batch.gone = vec![remote("worse")];
        batch.steps = taken_in(EventId(id()), "mended");
        apply(&db.store, &lease, batch).await.unwrap();
        let mut batch = Batch::new(RunId(id()), at(3));
        batch.generation = Some(2);
        batch.complete = true;
        batch.seen = vec![remote("bad")];
        apply(&db.store, &lease, batch).await.unwrap();
        let mut tx = world.read().await;
        let left = skips::list(&mut tx, link).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].remote_id.clone(), left[0].error.as_str(), left[0].at), (remote("bad"), "line 7: bad", at(1)));
        assert_eq!(skips::get(&mut tx, link, &[remote("bad"), remote("lost")]).await.unwrap(), left);
    }

    async fn held_deletions_wait_for_a_word(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let one = world.take_in(&lease, "one").await;
        let two = world.take_in(&lease, "two").await;
        let three = world.take_in(&lease, "three").await;
        let hold = |event| Step::HoldDeletion { event };
        let applied = world.apply(&lease, vec![hold(one), hold(two), hold(three), hold(EventId(id()))]).await;
        assert_eq!(applied.held, 3);
        assert_eq!(world.apply(&lease, vec![hold(one)]).await.held, 0);
        // They came back by themselves: one changed, and one as it was, which a listing of news alone names too.
        world.apply(&lease, vec![Step::SetMirror(mirror(three, "three", "2"))]).await;
        let four = world.take_in(&lease, "four").await;
        world.apply(&lease, vec![hold(four)]).await;
        let mut batch = Batch::new(RunId(id()), at(2));
        batch.generation = Some(0);
        batch.seen = vec![RemoteId("/cal/four.ics".to_owned())];
        apply(&db.store, &lease, batch).await.unwrap();
        let mut tx = world.begin().await;
        let waiting = held::list(&mut tx, link).await.unwrap();
        let told: Vec<_> = waiting.iter().map(|held| (held.event, held.confirmed)).collect();
        assert_eq!(told, [(one, false), (two, false)]);
        assert_eq!(waiting[0].remote_id, RemoteId("/cal/one.ics".to_owned()));
        assert_eq!(held::confirm(&mut tx, link, at(5)).await.unwrap(), 2);
        tx.commit().await.unwrap();
        let kept = world.look(link).await;
        assert_eq!(kept.due_at, Some(at(5)));
        let delete = Step::DeleteEvent { event: one, from: Revision(1), reason: Reason::DeletedThere };
        world.apply(&lease, vec![delete, Step::DropMirror { event: one }]).await;
        let mut tx = world.begin().await;
        let waiting = held::list(&mut tx, link).await.unwrap();
        assert_eq!((waiting.len(), waiting[0].event, waiting[0].confirmed), (1, two, true));
        assert_eq!(held::refuse(&mut tx, link, at(6)).await.unwrap(), 1);
        assert_eq!(held::list(&mut tx, link).await.unwrap(), []);
        assert_eq!(mirrors::by_events(&mut tx, link, &[two]).await.unwrap(), []);
        let owed = intents::due(&mut tx, link, at(6), 9).await.unwrap();
        assert_eq!((owed.len(), owed[0].event, owed[0].reason), (1, two, Reason::PutBack));
    }
}
