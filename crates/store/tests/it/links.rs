//! Links: settings, pauses, and becoming due.

use kalends_calendar::ids::{EventId, LinkId, RunId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_store::links::{self, DueReason, LinkSettings, LinkState, NewLink};
use kalends_store::{ApplyError, Batch, CursorMove, StoreError, apply, events, intents, mirrors};

use crate::fixture::{World, at, edit, event, id};
use crate::harness::contract;

contract! {
    async fn a_new_link_is_due_and_knows_nothing(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let kept = world.look(link).await;
        assert_eq!((kept.due_at, kept.due_reason), (Some(at(0)), DueReason::New));
        assert_eq!((kept.cursor, kept.generation, kept.live), (None, 0, false));
        assert_eq!((kept.state, kept.failures), (LinkState::Active, 0));
        let mut tx = world.begin().await;
        let twin = NewLink {
            id: LinkId(id()),
            calendar: kept.calendar,
            connection: kept.connection,
            remote_calendar: kept.remote_calendar,
            direction: Direction::Pull,
            detail: Detail::Busy,
            conflict_policy: ConflictPolicy::Ask,
            bounds: ImportBounds::default(),
            created_at: at(1),
        };
        let error = links::insert(&mut tx, twin).await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)), "{error}");
    }

    async fn signals_coalesce_and_the_earliest_stands(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        world.lease(link, 0).await;
        assert_eq!(world.look(link).await.due_at, None);
        let mut tx = world.begin().await;
        links::make_due(&mut tx, link, at(9), DueReason::Schedule).await.unwrap();
        links::make_due(&mut tx, link, at(5), DueReason::Signal).await.unwrap();
        links::make_all_due(&mut tx, at(7), DueReason::User).await.unwrap();
        tx.commit().await.unwrap();
        let kept = world.look(link).await;
        assert_eq!((kept.due_at, kept.due_reason), (Some(at(5)), DueReason::Signal));
        let mut tx = world.begin().await;
        links::make_all_due(&mut tx, at(4), DueReason::User).await.unwrap();
        tx.commit().await.unwrap();
        let kept = world.look(link).await;
        assert_eq!((kept.due_at, kept.due_reason), (Some(at(4)), DueReason::User));
    }

    async fn a_pause_takes_the_lease_away_and_keeps_everything(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let event = world.take_in(&lease, "tea").await;
        let mut tx = world.begin().await;
        links::set_state(&mut tx, link, LinkState::Paused, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let late = apply(&db.store, &lease, Batch::new(RunId(id()), at(1))).await;
        assert!(matches!(late, Err(ApplyError::Fenced)));
        // What is edited meanwhile is owed, and due as soon as the link is resumed.
        let mut tx = world.begin().await;
        let now = events::get(&mut tx, event).await.unwrap().unwrap();
        events::update(&mut tx, event, now.revision, &now.body.unwrap(), &edit("edited", 2)).await.unwrap();
        links::set_state(&mut tx, link, LinkState::Active, at(3)).await.unwrap();
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 1);
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let kept = world.look(link).await;
        assert_eq!((kept.state, kept.due_at), (LinkState::Active, Some(at(1))));
    }

    async fn new_rules_are_caught_up_with(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::Pull).await;
        let lease = world.lease(link, 0).await;
        world.take_in(&lease, "theirs").await;
        let mut batch = Batch::new(RunId(id()), at(1));
        batch.cursor = CursorMove::Set("token".into());
        apply(&db.store, &lease, batch).await.unwrap();
        let mut tx = world.begin().await;
        events::create(&mut tx, world.calendar, EventId(id()), &event("ours"), &edit("added", 1)).await.unwrap();
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 0);
        let settings = LinkSettings {
            direction: Direction::TwoWay,
            detail: Detail::Full,
            conflict_policy: ConflictPolicy::Ask,
        };
        links::update_settings(&mut tx, link, settings, at(2)).await.unwrap();
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 2);
        tx.commit().await.unwrap();
        let kept = world.look(link).await;
        assert_eq!((kept.direction, kept.conflict_policy), (Direction::TwoWay, ConflictPolicy::Ask));
        assert_eq!((kept.cursor, kept.due_at), (None, Some(at(2))));
        let mut tx = world.begin().await;
        let settings = LinkSettings { direction: Direction::Pull, ..settings };
        links::update_settings(&mut tx, link, settings, at(3)).await.unwrap();
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 0);
    }

    async fn a_deleted_link_leaves_the_events(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let event = world.take_in(&lease, "tea").await;
        let mut tx = world.begin().await;
        links::delete(&mut tx, link, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        let late = apply(&db.store, &lease, Batch::new(RunId(id()), at(2))).await;
        assert!(matches!(late, Err(ApplyError::Fenced)));
        let mut tx = world.read().await;
        assert!(events::get(&mut tx, event).await.unwrap().is_some());
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 0);
        assert_eq!(links::list(&mut tx).await.unwrap(), []);
        let gone = links::get(&mut tx, link).await.unwrap();
        assert_eq!(gone, None);
    }
}
