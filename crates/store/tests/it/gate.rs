//! The gate for runs under way: a tenant that loses [`CALENDAR_SYNC`](kalends_store::features::CALENDAR_SYNC) takes in and
//! sends nothing more, and loses nothing.

use kalends_calendar::ids::{EventId, LinkId, RunId};
use kalends_calendar::plan::Step;
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::Direction;
use kalends_store::events;
use kalends_store::intents::{self, Intent, IntentState, MirrorMove, Sending, Settled, Settlement};
use kalends_store::leases::{self, AtOnce, Outcome, RunResult};
use kalends_store::links::DueReason;
use kalends_store::remote_writes::{self, WriteOp, WriteOutcome};
use kalends_store::{ApplyError, Batch, CursorMove, Lease, LeaseError, Store, apply, mirrors};

use crate::fixture::{
    World, at, claim, edit, event, id, mirror, plan, put_plan, set_plan, taken_in,
};
use crate::harness::contract;

async fn add(world: &World, name: &str) -> EventId {
    let made = EventId(id());
    let mut tx = world.begin().await;
    events::create(
        &mut tx,
        world.calendar,
        made,
        &event(name),
        &edit("added", 1),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    made
}

async fn owed(world: &World, link: LinkId) -> Vec<Intent> {
    let mut tx = world.read().await;
    intents::due(&mut tx, link, at(1000), 9).await.unwrap()
}

async fn mark(world: &World, lease: &Lease, intent: &Intent) -> Result<(), LeaseError> {
    let sending = Sending {
        event: intent.event,
        stamp: intent.stamp,
        revision: Revision(1),
        name: Some("derived".to_owned()),
        op: WriteOp::Create,
        remote_id: None,
        fields: vec![],
        reason: intent.reason,
        run: RunId(id()),
        at: at(2),
    };
    intents::mark_sent(&world.store, lease, &sending)
        .await
        .map(drop)
}

async fn apply_steps(store: &Store, lease: &Lease, steps: Vec<Step>) -> Result<(), ApplyError> {
    let mut batch = Batch::new(RunId(id()), at(3));
    batch.steps = steps;
    batch.cursor = CursorMove::Set("later".into());
    apply(store, lease, batch).await.map(drop)
}

fn stopped() -> Outcome {
    Outcome {
        at: at(4),
        next_due_at: Some(at(4)),
        next_reason: DueReason::Retry,
        result: RunResult::Stopped,
        reconnect: None,
    }
}

async fn claimed(store: &Store, minute: i64) -> Vec<LinkId> {
    let leased = leases::claim_due(store, &claim("node", minute), 9)
        .await
        .unwrap();
    leased.iter().map(|leased| leased.link.id).collect()
}

contract! {
    async fn a_run_under_way_takes_in_and_sends_nothing_more(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let mut lease = world.lease(link, 0).await;
        world.take_in(&lease, "theirs").await;
        apply_steps(&db.store, &lease, vec![]).await.unwrap();
        add(&world, "one").await;
        add(&world, "two").await;
        let before = world.look(link).await;
        let intents_before = owed(&world, link).await;

        world.set_sync(None).await;
        let renewed = leases::renew(&db.store, &mut lease, at(30)).await;
        assert!(matches!(renewed, Err(LeaseError::Fenced)), "{renewed:?}");
        for steps in [vec![], taken_in(EventId(id()), "late")] {
            let applied = apply_steps(&db.store, &lease, steps).await;
            assert!(matches!(applied, Err(ApplyError::Fenced)), "{applied:?}");
        }
        for intent in &intents_before {
            let marked = mark(&world, &lease, intent).await;
            assert!(matches!(marked, Err(LeaseError::Fenced)), "{marked:?}");
        }
        assert_eq!(world.look(link).await, before);
        assert_eq!(owed(&world, link).await, intents_before);
        let mut tx = world.read().await;
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 1);
        assert_eq!(remote_writes::list(&mut tx, intents_before[0].event, 9).await.unwrap(), []);
        drop(tx);

        leases::release(&db.store, &lease, stopped()).await.unwrap();
        let waiting = world.look(link).await;
        // What was edited during the run came first.
        assert_eq!((waiting.due_at, waiting.holder, waiting.cursor), (Some(at(1)), None, before.cursor));
        assert_eq!(claimed(&db.store, 5).await, []);
        assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), None);
        assert_eq!(world.look(link).await.due_at, Some(at(1)));
        // By a plan as well as by its own word.
        put_plan(&db.store, plan("pro", &[("can_use_calendar_sync", true)]), 5).await.unwrap();
        set_plan(&db.store, world.tenant, Some("pro")).await.unwrap();
        let again = leases::claim_due(&db.store, &claim("node", 5), 9).await.unwrap();
        assert_eq!(again.len(), 1);
        let mut lease = again[0].lease.clone();
        leases::renew(&db.store, &mut lease, at(30)).await.unwrap();
        mark(&world, &lease, &intents_before[0]).await.unwrap();
        put_plan(&db.store, plan("pro", &[]), 6).await.unwrap();
        let marked = mark(&world, &lease, &intents_before[1]).await;
        assert!(matches!(marked, Err(LeaseError::Fenced)), "{marked:?}");
    }

    async fn what_was_sent_before_is_still_settled(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        for name in ["landed", "unsure", "silent"] {
            add(&world, name).await;
        }
        let lease = world.lease(link, 1).await;
        let sent = owed(&world, link).await;
        for intent in &sent {
            mark(&world, &lease, intent).await.unwrap();
        }
        world.set_sync(Some(false)).await;
        let landed = &sent[0];
        let done = Settlement::Done(MirrorMove::Set(mirror(landed.event, "landed", "1")));
        let unsure = Settlement::Unknown { at: at(9), error: "no answer".to_owned() };
        for (intent, settlement) in sent.iter().zip([done, unsure]) {
            let settled = intents::settle(&db.store, &lease, intent.event, intent.stamp, settlement, at(3)).await;
            assert_eq!(settled.unwrap(), Settled::AsSent);
        }
        leases::release(&db.store, &lease, stopped()).await.unwrap();
        let mut tx = world.read().await;
        assert_eq!(mirrors::by_events(&mut tx, link, &[landed.event]).await.unwrap().len(), 1);
        assert_eq!(remote_writes::list(&mut tx, landed.event, 9).await.unwrap()[0].outcome, WriteOutcome::Done);
        drop(tx);
        // Of the others nobody knows: they are looked at before anything is written again.
        let left: Vec<_> = owed(&world, link).await.iter().map(|intent| (intent.event, intent.state)).collect();
        assert_eq!(left, [(sent[1].event, IntentState::Sent), (sent[2].event, IntentState::Sent)]);
        // Nor does the gate let anybody in whose lease is another's by now.
        world.set_sync(Some(true)).await;
        world.lease(link, 5).await;
        let late = intents::settle(&db.store, &lease, sent[1].event, sent[1].stamp, Settlement::Replan, at(6)).await;
        assert!(matches!(late, Err(LeaseError::Fenced)), "{late:?}");
    }

    async fn a_lease_that_nobody_released_runs_out_and_the_link_is_claimed_with_the_feature_back(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let mut lease = world.lease(link, 0).await;
        world.set_sync(Some(false)).await;
        assert_eq!(claimed(&db.store, 11).await, []);
        // The feature is back before anybody noticed: the run goes on.
        world.set_sync(Some(true)).await;
        leases::renew(&db.store, &mut lease, at(20)).await.unwrap();
        world.set_sync(Some(false)).await;
        assert_eq!(claimed(&db.store, 21).await, []);
        world.set_sync(Some(true)).await;
        assert_eq!(claimed(&db.store, 21).await, [link]);
        let late = leases::release(&db.store, &lease, stopped()).await;
        assert!(matches!(late, Err(LeaseError::Fenced)), "{late:?}");
    }
}
