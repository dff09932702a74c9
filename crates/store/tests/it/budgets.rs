//! Budgets: what nodes take of an account's is counted once, and no account has more runs than it bears.

use kalends_calendar::ids::{ConnectionId, LinkId, RemoteCalendarId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_store::connections::{self, NewConnection, ProviderKind, RetryReason};
use kalends_store::leases::{self, AtOnce, Claim, Outcome, RunResult};
use kalends_store::links::{self, DueReason, NewLink};
use kalends_store::{Store, StoreError, budgets};

use crate::fixture::{World, at, id};
use crate::harness::contract;

const TWO: AtOnce = AtOnce {
    google: 2,
    microsoft: 2,
};

async fn account(world: &World, provider: ProviderKind, name: &str) -> ConnectionId {
    let connection = ConnectionId(id());
    let mut tx = world.begin().await;
    let new = NewConnection {
        provider,
        url: "https://provider.example/".to_owned(),
        ..world.new_connection(connection, name)
    };
    connections::insert(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    connection
}

async fn link(world: &World, connection: ConnectionId, remote: &str, due: i64) -> LinkId {
    let link = LinkId(id());
    let mut tx = world.begin().await;
    let new = NewLink {
        id: link,
        calendar: world.calendar,
        connection,
        remote_calendar: RemoteCalendarId(remote.to_owned()),
        direction: Direction::TwoWay,
        detail: Detail::Full,
        conflict_policy: ConflictPolicy::Newest,
        bounds: ImportBounds::default(),
        created_at: at(due),
    };
    links::insert(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    link
}

fn claim(minute: i64) -> Claim<'static> {
    Claim {
        now: at(minute),
        holder: "node",
        until: at(minute + 10),
        at_once: TWO,
    }
}

async fn claimed(store: &Store, minute: i64) -> Vec<LinkId> {
    let leased = leases::claim_due(store, &claim(minute), 99).await.unwrap();
    let mut ids: Vec<LinkId> = leased.iter().map(|leased| leased.link.id).collect();
    ids.sort();
    ids
}

async fn release(world: &World, link: LinkId, result: RunResult) {
    let leased = world.look(link).await;
    let lease = leases::Lease {
        tenant: world.tenant,
        link,
        fence: leased.fence,
        holder: "node".to_owned(),
        until: at(0),
    };
    let outcome = Outcome {
        at: at(5),
        next_due_at: Some(at(99)),
        next_reason: DueReason::Schedule,
        result,
        reconnect: None,
    };
    leases::release(&world.store, &lease, outcome)
        .await
        .unwrap();
}

contract! {
    async fn a_mailbox_bears_two_runs_and_a_caldav_account_any_number(db) {
        let world = World::new(&db.store, "a").await;
        let mailbox = account(&world, ProviderKind::Microsoft, "Outlook").await;
        let other = account(&world, ProviderKind::Microsoft, "Other").await;
        let mut own = Vec::new();
        for minute in 0..3 {
            own.push(link(&world, mailbox, &format!("calendar {minute}"), minute).await);
        }
        let beside = link(&world, other, "calendar 9", 0).await;
        let mut free = vec![own[0], own[1], beside];
        for minute in 0..3 {
            free.push(link(&world, world.connection, &format!("/cal/{minute}/"), minute).await);
        }
        free.sort();
        assert_eq!(claimed(&db.store, 3).await, free);
        assert_eq!(claimed(&db.store, 3).await, []);
        assert_eq!(leases::next_due(&db.store, TWO).await.unwrap(), Some(at(13)), "a lease that runs out");
        // Nor when somebody asks for it by name.
        let asked = leases::claim_link(&db.store, world.tenant, own[2], &claim(3)).await.unwrap();
        assert_eq!(asked, None);
        // Whoever waited longest is next.
        release(&world, own[0], RunResult::Success).await;
        assert_eq!(leases::next_due(&db.store, TWO).await.unwrap(), Some(at(2)));
        assert_eq!(claimed(&db.store, 4).await, [own[2]]);
        // A node that died does not count for ever.
        let again = claimed(&db.store, 13).await;
        assert!(again.contains(&own[1]) && !again.contains(&own[2]), "{again:?}");
    }

    async fn two_links_to_one_remote_calendar_take_turns_whatever_their_accounts(db) {
        let world = World::new(&db.store, "a").await;
        let ann = account(&world, ProviderKind::Google, "Ann").await;
        let ben = account(&world, ProviderKind::Google, "Ben").await;
        let outlook = account(&world, ProviderKind::Microsoft, "Outlook").await;
        let team = "team@group.calendar.google.com";
        let first = link(&world, ann, team, 0).await;
        let second = link(&world, ben, team, 1).await;
        let own = link(&world, ben, "ben@example.com", 2).await;
        let elsewhere = link(&world, outlook, team, 3).await;
        let mut expected = vec![first, own, elsewhere];
        expected.sort();
        assert_eq!(claimed(&db.store, 4).await, expected);
        assert_eq!(claimed(&db.store, 4).await, []);
        assert_eq!(leases::claim_link(&db.store, world.tenant, second, &claim(4)).await.unwrap(), None);
        release(&world, first, RunResult::Success).await;
        assert_eq!(claimed(&db.store, 5).await, [second]);
        // Another tenant has a calendar of that name too, and nothing to do with this.
        let rival = World::new(&db.store, "b").await;
        let theirs = account(&rival, ProviderKind::Google, "Ann").await;
        let theirs = link(&rival, theirs, team, 0).await;
        assert_eq!(claimed(&db.store, 6).await, [theirs]);
    }

    async fn nodes_that_claim_at_once_do_not_exceed_it_together(db) {
        let world = World::new(&db.store, "a").await;
        let mailbox = account(&world, ProviderKind::Microsoft, "Outlook").await;
        for minute in 0..8 {
            link(&world, mailbox, &format!("calendar {minute}"), 0).await;
        }
        let claim = claim(1);
        let node = || leases::claim_due(&db.store, &claim, 1);
        let (one, two, three, four, five) = tokio::join!(node(), node(), node(), node(), node());
        let claimed: usize = [one, two, three, four, five].into_iter().map(|all| all.unwrap().len()).sum();
        assert_eq!(claimed, 2);
    }

    async fn what_is_taken_of_a_budget_is_counted_once(db) {
        let world = World::new(&db.store, "a").await;
        let take = async |minutes: i64| {
            let mut tx = world.begin().await;
            let spent = budgets::locked(&mut tx, world.connection).await.unwrap();
            let until = spent.map_or(at(0), |spent| spent) + jiff::SignedDuration::from_mins(minutes);
            budgets::keep(&mut tx, world.connection, until).await.unwrap();
            tx.commit().await.unwrap();
        };
        tokio::join!(take(1), take(2), take(4), take(8));
        let mut tx = world.begin().await;
        assert_eq!(budgets::locked(&mut tx, world.connection).await.unwrap(), Some(at(15)));
        drop(tx);
        let rival = World::new(&db.store, "b").await;
        let mut tx = rival.begin().await;
        let strange = budgets::locked(&mut tx, world.connection).await;
        assert!(matches!(strange, Err(StoreError::NotFound(_))));
    }

    async fn why_an_account_rests_is_told_and_a_run_that_waits_has_not_failed(db) {
        let world = World::new(&db.store, "a").await;
        let own = world.link(Direction::TwoWay).await;
        let reason = async || {
            let known = world.connection_state().await;
            (known.retry_at, known.retry_reason)
        };
        assert_eq!(reason().await, (None, None));
        let mut tx = world.begin().await;
        connections::wait_for_budget(&mut tx, world.connection, at(3)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(reason().await, (Some(at(3)), Some(RetryReason::Budget)));
        // Of several words the latest time counts, with its reason.
        let mut tx = world.begin().await;
        connections::leave_alone(&mut tx, world.connection, at(7)).await.unwrap();
        connections::wait_for_budget(&mut tx, world.connection, at(5)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(reason().await, (Some(at(7)), Some(RetryReason::Asked)));
        assert_eq!(claimed(&db.store, 6).await, []);
        assert_eq!(claimed(&db.store, 7).await, [own]);
        release(&world, own, RunResult::Failure("503".to_owned())).await;
        leases::claim_link(&db.store, world.tenant, own, &claim(8)).await.unwrap().unwrap();
        release(&world, own, RunResult::Waiting).await;
        let after = world.look(own).await;
        assert_eq!((after.failures, after.last_success_at), (1, None));
        assert_eq!((after.due_at, after.lease_until), (Some(at(99)), None));
        let mut tx = world.begin().await;
        connections::set_retry_at(&mut tx, world.connection, None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(reason().await, (None, None));
    }
}
