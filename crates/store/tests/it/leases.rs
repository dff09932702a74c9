//! Leases: one holder at a time, fairly, and nobody writes too late.

use std::collections::BTreeSet;

use kalends_calendar::ids::{EventId, LinkId, RunId};
use kalends_calendar::rules::Direction;
use kalends_store::connections::{self, ConnectionState};
use kalends_store::intents::{self, Settlement};
use kalends_store::leases::{self, AtOnce, Outcome, RunResult};
use kalends_store::links::{self, DueReason, LinkState};
use kalends_store::runs::{self, NewRun, RunState};
use kalends_store::{ApplyError, Batch, LeaseError, Store, apply};

use crate::fixture::{World, at, claim, id, taken_in};
use crate::harness::contract;

fn outcome(next: Option<i64>, result: RunResult) -> Outcome {
    Outcome {
        at: at(5),
        next_due_at: next.map(at),
        next_reason: DueReason::Schedule,
        result,
        reconnect: None,
    }
}

async fn claimed(store: &Store, minute: i64, limit: i64) -> Vec<LinkId> {
    let leased = leases::claim_due(store, &claim("node", minute), limit)
        .await
        .unwrap();
    leased.iter().map(|leased| leased.link.id).collect()
}

contract! {
    async fn a_second_holder_fences_the_first(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let mut first = world.lease(link, 0).await;
        assert_eq!(world.try_lease(link, 9).await, None);
        // The first is overdue, and still good as long as nobody else came.
        assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), Some(at(10)));
        let event = world.take_in(&first, "kept").await;
        let second = leases::claim_due(&db.store, &claim("other", 10), 5).await.unwrap();
        assert_eq!((second.len(), second[0].lease.fence), (1, first.fence + 1));
        assert_eq!(second[0].lease.holder, "other");

        let mut batch = Batch::new(RunId(id()), at(11));
        batch.steps = taken_in(EventId(id()), "late");
        let late = apply(&db.store, &first, batch).await;
        assert!(matches!(late, Err(ApplyError::Fenced)));
        let late = leases::renew(&db.store, &mut first, at(30)).await;
        assert!(matches!(late, Err(LeaseError::Fenced)));
        let late = intents::settle(&db.store, &first, event, 1, Settlement::Replan, at(11)).await;
        assert!(matches!(late, Err(LeaseError::Fenced)));
        let late = leases::release(&db.store, &first, outcome(None, RunResult::Success)).await;
        assert!(matches!(late, Err(LeaseError::Fenced)));
        let mut tx = world.read().await;
        let page = kalends_store::events::list_range(&mut tx, None, kalends_store::events::Window::default(), None, 9).await.unwrap();
        assert_eq!(page.events.len(), 1);
        drop(tx);
        let kept = world.look(link).await;
        assert_eq!((kept.holder.as_deref(), kept.lease_until), (Some("other"), Some(at(20))));
        let mut second = second.into_iter().next().unwrap().lease;
        leases::renew(&db.store, &mut second, at(40)).await.unwrap();
        assert_eq!((second.until, world.look(link).await.lease_until), (at(40), Some(at(40))));
    }

    async fn a_release_says_how_it_went_and_when_to_come_back(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        for failures in 1..=2 {
            let lease = world.lease(link, 0).await;
            let failed = RunResult::Failure("no route".to_owned());
            leases::release(&db.store, &lease, outcome(Some(15), failed)).await.unwrap();
            let kept = world.look(link).await;
            assert_eq!((kept.failures, kept.last_error.as_deref()), (failures, Some("no route")));
            assert_eq!((kept.due_at, kept.holder, kept.last_success_at), (Some(at(15)), None, None));
        }
        let lease = world.lease(link, 0).await;
        // A signal during the run is not lost, and comes first.
        let mut tx = world.begin().await;
        links::make_due(&mut tx, link, at(3), DueReason::Signal).await.unwrap();
        tx.commit().await.unwrap();
        let mut whole = Batch::new(RunId(id()), at(5));
        whole.complete = true;
        apply(&db.store, &lease, whole).await.unwrap();
        leases::release(&db.store, &lease, outcome(Some(60), RunResult::Success)).await.unwrap();
        let kept = world.look(link).await;
        assert_eq!((kept.failures, kept.last_error.as_deref()), (0, None));
        assert_eq!((kept.last_success_at, kept.last_full_at), (Some(at(5)), Some(at(5))));
        assert_eq!((kept.due_at, kept.due_reason), (Some(at(3)), DueReason::Signal));
        let lease = world.lease(link, 4).await;
        let well = RunResult::Success;
        leases::release(&db.store, &lease, outcome(None, well)).await.unwrap();
        assert_eq!(world.look(link).await.due_at, None);
        assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), None);
    }

    async fn a_run_that_was_stopped_says_nothing_about_its_link(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let run = RunId(id());
        let mut tx = world.begin().await;
        let new = NewRun {
            id: run,
            link,
            reason: DueReason::Schedule,
            holder: "node".to_owned(),
            cursor: None,
            started_at: at(0),
        };
        runs::start(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        leases::release(&db.store, &lease, outcome(Some(5), RunResult::Stopped)).await.unwrap();
        let kept = world.look(link).await;
        assert_eq!((kept.failures, kept.last_error), (0, None));
        let mut tx = world.read().await;
        let closed = runs::get(&mut tx, run).await.unwrap().unwrap();
        assert_eq!((closed.state, closed.finished_at), (RunState::Failed, Some(at(5))));
    }

    async fn no_run_of_a_link_that_is_deleted_stays_open(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let begin = async || {
            let run = RunId(id());
            let mut tx = world.begin().await;
            let new = NewRun {
                id: run,
                link,
                reason: DueReason::Schedule,
                holder: "node".to_owned(),
                cursor: None,
                started_at: at(0),
            };
            runs::start(&mut tx, new).await.unwrap();
            tx.commit().await.unwrap();
            run
        };
        let before = begin().await;
        let mut tx = world.begin().await;
        links::delete(&mut tx, link, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        // Who had claimed it begins too late.
        let after = begin().await;
        let mut tx = world.read().await;
        let closed = runs::get(&mut tx, before).await.unwrap().unwrap();
        assert_eq!((closed.state, closed.finished_at), (RunState::Failed, Some(at(2))));
        assert_eq!(runs::get(&mut tx, after).await.unwrap(), None);
    }

    async fn a_run_that_was_cut_off_is_not_left_open(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let begin = async |minute: i64| {
            let run = RunId(id());
            let mut tx = world.begin().await;
            let new = NewRun {
                id: run,
                link,
                reason: DueReason::Schedule,
                holder: "node".to_owned(),
                cursor: None,
                started_at: at(minute),
            };
            runs::start(&mut tx, new).await.unwrap();
            tx.commit().await.unwrap();
            run
        };
        let state = async |run| {
            let mut tx = world.read().await;
            let run = runs::get(&mut tx, run).await.unwrap().unwrap();
            (run.state, run.finished_at)
        };
        let set = async |state| {
            let mut tx = world.begin().await;
            links::set_state(&mut tx, link, state, at(2)).await.unwrap();
            tx.commit().await.unwrap();
        };
        // By a pause while it goes on.
        world.lease(link, 0).await;
        let paused = begin(1).await;
        set(LinkState::Paused).await;
        assert_eq!(state(paused).await, (RunState::Failed, Some(at(2))));
        // By a pause before it was on record: its end finds the link with nobody.
        set(LinkState::Active).await;
        let lease = world.lease(link, 3).await;
        set(LinkState::Paused).await;
        let late = begin(4).await;
        let ended = leases::release(&db.store, &lease, outcome(Some(5), RunResult::Stopped)).await;
        assert!(matches!(ended, Err(LeaseError::Fenced)));
        assert_eq!(state(late).await, (RunState::Failed, Some(at(5))));
        // By the death of its node: the next run closes it, and the dead one's end does not touch the next.
        set(LinkState::Active).await;
        let dead = world.lease(link, 6).await;
        let killed = begin(6).await;
        let next = world.lease(link, 20).await;
        let going = begin(20).await;
        assert_eq!(state(killed).await, (RunState::Failed, Some(at(20))));
        let ended = leases::release(&db.store, &dead, outcome(Some(5), RunResult::Stopped)).await;
        assert!(matches!(ended, Err(LeaseError::Fenced)));
        assert_eq!(state(going).await, (RunState::Running, None));
        leases::release(&db.store, &next, outcome(Some(5), RunResult::Stopped)).await.unwrap();
        assert_eq!(state(going).await.0, RunState::Failed);
    }

    async fn an_account_that_was_connected_again_is_not_lost_to_an_old_run(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        for (minute, expected) in [(60, 60), (7, 60), (90, 90)] {
            let mut tx = world.begin().await;
            connections::leave_alone(&mut tx, world.connection, at(minute)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(world.connection_state().await.retry_at, Some(at(expected)));
        }
        // The account is connected again while a run goes on with the old password.
        let lease = world.lease(link, 0).await;
        let mut tx = world.begin().await;
        links::revive(&mut tx, world.connection, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let mut refused = outcome(None, RunResult::Failure("401".to_owned()));
        refused.reconnect = Some("401".to_owned());
        let late = leases::release(&db.store, &lease, refused.clone()).await;
        assert!(matches!(late, Err(LeaseError::Fenced)));
        assert_eq!(world.connection_state().await.state, ConnectionState::Ok);
        assert_eq!(world.look(link).await.due_at, Some(at(1)));
        let lease = world.lease(link, 2).await;
        leases::release(&db.store, &lease, refused).await.unwrap();
        let known = world.connection_state().await;
        assert_eq!(known.state, ConnectionState::ReconnectNeeded);
        assert_eq!(known.problem.as_deref(), Some("401"));
    }

    async fn only_what_can_run_is_claimed(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        assert!(claimed(&db.store, -1, 9).await.is_empty());
        let mut tx = world.begin().await;
        connections::set_retry_at(&mut tx, world.connection, Some(at(7))).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claimed(&db.store, 6, 9).await.is_empty());
        assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), Some(at(7)));
        let mut tx = world.begin().await;
        connections::set_state(&mut tx, world.connection, ConnectionState::ReconnectNeeded, None).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claimed(&db.store, 8, 9).await.is_empty());
        assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), None);
        let mut tx = world.begin().await;
        connections::set_state(&mut tx, world.connection, ConnectionState::Ok, None).await.unwrap();
        links::set_state(&mut tx, link, LinkState::Paused, at(8)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.try_lease(link, 8).await, None);
        assert!(claimed(&db.store, 8, 9).await.is_empty());
        let mut tx = world.begin().await;
        links::set_state(&mut tx, link, LinkState::Active, at(8)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claimed(&db.store, 8, 9).await, [link]);
        assert!(claimed(&db.store, 8, 9).await.is_empty());
    }

    async fn a_large_tenant_does_not_starve_a_small_one(db) {
        let large = World::new(&db.store, "large").await;
        for _ in 0..6 {
            large.link(Direction::TwoWay).await;
        }
        let small = World::new(&db.store, "small").await;
        let one = small.link(Direction::TwoWay).await;
        let two = small.link(Direction::TwoWay).await;
        let first = leases::claim_due(&db.store, &claim("node", 1), 2).await.unwrap();
        let tenants: BTreeSet<_> = first.iter().map(|leased| leased.tenant).collect();
        assert_eq!(tenants.len(), 2);
        let second = claimed(&db.store, 1, 2).await;
        assert!(second.contains(&one) || second.contains(&two));
        assert_eq!(claimed(&db.store, 1, 100).await.len(), 4);
    }

    async fn two_nodes_never_claim_one_link_twice(db) {
        let world = World::new(&db.store, "a").await;
        for _ in 0..40 {
            world.link(Direction::TwoWay).await;
        }
        // As two processes would: each with its own pool.
        let other = Store::open(&db.address).await.unwrap();
        let node = |store: Store| async move {
            let mut all = Vec::new();
            loop {
                let some = claimed(&store, 1, 3).await;
                if some.is_empty() {
                    return all;
                }
                assert!(some.len() <= 3);
                all.extend(some);
            }
        };
        let tasks = [
            tokio::spawn(node(db.store.clone())),
            tokio::spawn(node(other.clone())),
            tokio::spawn(node(db.store.clone())),
        ];
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        other.close().await;
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (40, 40));
    }
}
