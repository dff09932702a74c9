//! Intents: on record before they are sent, and settled only if nothing changed meanwhile.

use kalends_calendar::ids::{EventId, LinkId, RemoteId, RunId};
use kalends_calendar::merge::{Debt, Field};
use kalends_calendar::plan::{Reason, Step};
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::Direction;
use kalends_store::intents::{
    self, Intent, IntentState, Marked, MirrorMove, Sending, Settled, Settlement,
};
use kalends_store::remote_writes::{self, WriteOp, WriteOutcome};
use kalends_store::{Lease, debts, events, mirrors};

use crate::fixture::{World, at, edit, event, id, mirror};
use crate::harness::contract;

fn sending(intent: &Intent) -> Sending {
    Sending {
        revision: Revision(1),
        event: intent.event,
        stamp: intent.stamp,
        name: Some("derived".to_owned()),
        op: WriteOp::Create,
        remote_id: None,
        fields: vec![Field::Title, Field::Time],
        reason: intent.reason,
        run: RunId(id()),
        at: at(2),
    }
}

async fn only(world: &World, link: LinkId) -> Intent {
    let mut tx = world.read().await;
    let mut owed = intents::due(&mut tx, link, at(1000), 10).await.unwrap();
    assert_eq!(owed.len(), 1);
    owed.remove(0)
}

async fn add(world: &World) -> EventId {
    let event_id = EventId(id());
    let mut tx = world.begin().await;
    events::create(
        &mut tx,
        world.calendar,
        event_id,
        &event("tea"),
        &edit("added", 1),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    event_id
}

async fn change(world: &World, event_id: EventId, from: i64) {
    let mut tx = world.begin().await;
    events::update(
        &mut tx,
        event_id,
        Revision(from),
        &event("milk"),
        &edit("edited", 3),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn mark(world: &World, lease: &Lease, intent: &Intent) -> Marked {
    intents::mark_sent(&world.store, lease, &sending(intent))
        .await
        .unwrap()
}

contract! {
    async fn an_edit_is_owed_sent_and_done(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let lease = world.lease(link, 1).await;
        let intent = only(&world, link).await;
        assert_eq!((intent.state, intent.attempts, intent.reason), (IntentState::Due, 0, Reason::NewHere));
        assert_eq!(mark(&world, &lease, &intent).await, Marked::Sent);
        let sent = only(&world, link).await;
        assert_eq!((sent.state, sent.attempts, sent.name.as_deref()), (IntentState::Sent, 1, Some("derived")));
        let mut tx = world.read().await;
        assert_eq!(debts::sent(&mut tx, link, 9).await.unwrap(), [sent]);
        let unsure = remote_writes::list(&mut tx, event_id, 9).await.unwrap();
        assert_eq!((unsure[0].outcome, unsure[0].remote_id.clone()), (WriteOutcome::Sent, None));
        drop(tx);
        let done = Settlement::Done(MirrorMove::Set(mirror(event_id, "tea", "1")));
        let settled = intents::settle(&db.store, &lease, event_id, intent.stamp, done, at(3)).await.unwrap();
        assert_eq!(settled, Settled::AsSent);
        let mut tx = world.read().await;
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 0);
        assert_eq!(intents::next_due(&mut tx, link).await.unwrap(), None);
        assert_eq!(mirrors::by_events(&mut tx, link, &[event_id]).await.unwrap(), [mirror(event_id, "tea", "1")]);
        let written = remote_writes::list(&mut tx, event_id, 9).await.unwrap();
        assert_eq!(written.len(), 1);
        assert_eq!(written[0].outcome, WriteOutcome::Done);
        assert_eq!(written[0].remote_id, Some(RemoteId("/cal/tea.ics".to_owned())));
        assert_eq!(written[0].fields, [Field::Title, Field::Time]);
        assert_eq!(remote_writes::count_since(&mut tx, link, event_id, at(2)).await.unwrap(), 1);
        assert_eq!(remote_writes::count_since(&mut tx, link, event_id, at(3)).await.unwrap(), 0);
    }

    async fn an_edit_while_a_write_is_under_way_is_not_lost(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let lease = world.lease(link, 1).await;
        let intent = only(&world, link).await;
        mark(&world, &lease, &intent).await;
        change(&world, event_id, 1).await;
        // Nobody knows yet what came of the first: it must be looked at before anything else is written.
        let newer = only(&world, link).await;
        assert_eq!((newer.state, newer.stamp > intent.stamp), (IntentState::Sent, true));
        assert_eq!(newer.name.as_deref(), Some("derived"));
        let unknown = Settlement::Unknown { at: at(9), error: "lost".to_owned() };
        intents::settle(&db.store, &lease, event_id, intent.stamp, unknown, at(3)).await.unwrap();
        assert_eq!(only(&world, link).await.state, IntentState::Sent);
        let mut tx = world.read().await;
        assert_eq!(debts::sent_contents(&mut tx, link, &[event_id]).await.unwrap().len(), 1);
        drop(tx);
        let done = Settlement::Done(MirrorMove::Set(mirror(event_id, "tea", "1")));
        let settled = intents::settle(&db.store, &lease, event_id, intent.stamp, done, at(4)).await.unwrap();
        assert_eq!(settled, Settled::Superseded);
        let newer = only(&world, link).await;
        assert_eq!((newer.state, newer.due_at), (IntentState::Due, at(4)));
        let mut tx = world.read().await;
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 1);
        drop(tx);
        // What was planned under the old stamp is not sent any more.
        assert_eq!(mark(&world, &lease, &intent).await, Marked::Superseded);
        assert_eq!(only(&world, link).await.state, IntentState::Due);
    }

    async fn what_is_owed_is_the_rest_of_a_creation_until_somebody_edits_the_event(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let lease = world.lease(link, 1).await;
        let owed = async || {
            let mut tx = world.read().await;
            debts::owed_among(&mut tx, link, &[event_id]).await.unwrap()
        };
        assert_eq!(owed().await, [(event_id, Debt::Owed)]);
        let intent = only(&world, link).await;
        mark(&world, &lease, &intent).await;
        let half = Settlement::Unknown { at: at(9), error: "cut off".to_owned() };
        intents::settle(&db.store, &lease, event_id, intent.stamp, half, at(3)).await.unwrap();
        assert_eq!(owed().await, [(event_id, Debt::Creation)]);
        intents::settle(&db.store, &lease, event_id, intent.stamp, Settlement::Replan, at(4)).await.unwrap();
        assert_eq!(owed().await, [(event_id, Debt::Creation)]);
        change(&world, event_id, 1).await;
        assert_eq!(owed().await, [(event_id, Debt::Owed)]);
    }

    async fn a_write_may_come_out_in_every_way(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let lease = world.lease(link, 1).await;
        let stamp = only(&world, link).await.stamp;
        let settle = async |settlement| {
            let intent = only(&world, link).await;
            assert_eq!(mark(&world, &lease, &intent).await, Marked::Sent);
            intents::settle(&db.store, &lease, event_id, stamp, settlement, at(4)).await.unwrap()
        };
        let error = || "503".to_owned();
        settle(Settlement::Retry { at: at(9), error: error() }).await;
        let kept = only(&world, link).await;
        assert_eq!((kept.state, kept.due_at, kept.error.as_deref()), (IntentState::Due, at(9), Some("503")));
        let mut tx = world.read().await;
        assert_eq!(intents::due(&mut tx, link, at(8), 9).await.unwrap(), []);
        assert_eq!(intents::next_due(&mut tx, link).await.unwrap(), Some(at(9)));
        drop(tx);
        settle(Settlement::Unknown { at: at(12), error: error() }).await;
        let kept = only(&world, link).await;
        assert_eq!((kept.state, kept.due_at), (IntentState::Sent, at(12)));
        assert_eq!(world.look(link).await.due_at, None);
        settle(Settlement::Replan).await;
        let kept = only(&world, link).await;
        assert_eq!((kept.state, kept.due_at, kept.attempts), (IntentState::Due, at(12), 3));
        assert_eq!(world.look(link).await.due_at, None);
        settle(Settlement::Failed { error: "no such field".to_owned() }).await;
        let mut tx = world.read().await;
        assert_eq!(intents::due(&mut tx, link, at(1000), 9).await.unwrap(), []);
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 1);
        let failed = intents::failed(&mut tx, link).await.unwrap();
        assert_eq!((failed.len(), failed[0].error.as_deref()), (1, Some("no such field")));
        let outcomes: Vec<_> = remote_writes::list(&mut tx, event_id, 9).await.unwrap().iter().map(|write| write.outcome).collect();
        // What nobody knew about was settled with the write after it.
        assert_eq!(outcomes, [WriteOutcome::Failed, WriteOutcome::Replan, WriteOutcome::Replan, WriteOutcome::Retry]);
        drop(tx);
        // A new version is another chance.
        change(&world, event_id, 1).await;
        let kept = only(&world, link).await;
        assert_eq!((kept.state, kept.attempts, kept.error), (IntentState::Due, 0, None));
        let gone = intents::settle(&db.store, &lease, event_id, kept.stamp, Settlement::Done(MirrorMove::Drop), at(5)).await.unwrap();
        assert_eq!(gone, Settled::AsSent);
        let again = intents::settle(&db.store, &lease, event_id, kept.stamp, Settlement::Done(MirrorMove::Keep), at(5)).await.unwrap();
        assert_eq!(again, Settled::AsSent);
    }

    async fn what_was_refused_is_tried_again_when_the_other_side_changes(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let other = add(&world).await;
        let lease = world.lease(link, 1).await;
        let refuse = async || {
            let mut tx = world.read().await;
            let due = intents::due(&mut tx, link, at(1000), 9).await.unwrap();
            drop(tx);
            for intent in due {
                assert_eq!(mark(&world, &lease, &intent).await, Marked::Sent);
                let refused = Settlement::Failed { error: "it would mail".to_owned() };
                intents::settle(&db.store, &lease, intent.event, intent.stamp, refused, at(2)).await.unwrap();
            }
        };
        let due = async || {
            let mut tx = world.read().await;
            let due = intents::due(&mut tx, link, at(1000), 9).await.unwrap();
            due.iter().map(|intent| intent.event).collect::<Vec<_>>()
        };
        refuse().await;
        assert_eq!(due().await, []);
        // Something else stands there now; what stands for the other event did not change.
        world.apply(&lease, vec![Step::SetMirror(mirror(event_id, "tea", "2"))]).await;
        assert_eq!(due().await, [event_id]);
        refuse().await;
        // A listing names it once more.
        world.apply(&lease, vec![Step::SetMirror(mirror(event_id, "tea", "2"))]).await;
        assert_eq!(due().await, []);
        // Nothing does any more.
        world.apply(&lease, vec![Step::DropMirror { event: event_id }]).await;
        assert_eq!(due().await, [event_id]);
        let mut tx = world.read().await;
        let failed = intents::failed(&mut tx, link).await.unwrap();
        assert_eq!(failed.iter().map(|intent| intent.event).collect::<Vec<_>>(), [other]);
    }

    async fn a_refusal_that_changes_the_other_side_itself_is_final_in_the_end(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let lease = world.lease(link, 1).await;
        let mut sent = 0;
        for version in 1..20 {
            let mut tx = world.read().await;
            let due = intents::due(&mut tx, link, at(1000), 9).await.unwrap();
            drop(tx);
            for intent in due {
                sent += 1;
                assert_eq!(mark(&world, &lease, &intent).await, Marked::Sent);
                let refused = Settlement::Failed { error: "not past its neighbour".to_owned() };
                intents::settle(&db.store, &lease, intent.event, intent.stamp, refused, at(2)).await.unwrap();
            }
            // What was written before the refusal comes back as a change.
            world.apply(&lease, vec![Step::SetMirror(mirror(event_id, "tea", &version.to_string()))]).await;
        }
        assert_eq!(sent, 5);
    }

    async fn a_stamp_is_never_given_twice(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let event_id = add(&world).await;
        let lease = world.lease(link, 1).await;
        let mut stamps = Vec::new();
        for _ in 0..3 {
            let intent = only(&world, link).await;
            stamps.push(intent.stamp);
            let keep = Settlement::Done(MirrorMove::Keep);
            intents::settle(&db.store, &lease, event_id, intent.stamp, keep, at(2)).await.unwrap();
            world.apply(&lease, vec![Step::Push { event: event_id, reason: Reason::PutBack }]).await;
        }
        let mut tx = world.begin().await;
        debts::owe(&mut tx, link, event_id, at(5)).await.unwrap();
        tx.commit().await.unwrap();
        stamps.push(only(&world, link).await.stamp);
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
    }

    async fn the_link_that_brought_a_change_does_not_owe_it(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let mut except = edit("added", 1);
        except.except_link = Some(link);
        let mut tx = world.begin().await;
        events::create(&mut tx, world.calendar, EventId(id()), &event("tea"), &except).await.unwrap();
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 0);
    }
}
