//! Quotas: how much of each a tenant has, and that nobody gets more than the plan allows.

use std::collections::BTreeMap;

use kalends_calendar::ids::ConnectionId;
use kalends_calendar::rules::Direction;
use kalends_store::plans::{self, Plan, Quota, Usage};
use kalends_store::{StoreError, connections};

use crate::fixture::{World, at, id, plan, platform, put_plan, set_plan};
use crate::harness::contract;

fn limited(quotas: &[(Quota, i64)]) -> Plan {
    Plan {
        quotas: quotas.iter().copied().collect(),
        ..plan("small", &[])
    }
}

async fn usage(world: &World) -> BTreeMap<Quota, Usage> {
    let mut tx = world.read().await;
    plans::usage(&mut tx).await.unwrap()
}

fn used(of: &[(Quota, Option<i64>, i64)]) -> BTreeMap<Quota, Usage> {
    of.iter()
        .map(|&(quota, limit, used)| (quota, Usage { limit, used }))
        .collect()
}

contract! {
    async fn what_is_used_is_counted_for_each_quota(db) {
        let world = World::new(&db.store, "a").await;
        World::new(&db.store, "other").await.link(Direction::TwoWay).await;
        let all = |links, limit| used(&[
            (Quota::Connections, limit, 1),
            (Quota::Links, None, links),
            (Quota::Calendars, None, 1),
        ]);
        assert_eq!(usage(&world).await, all(0, None));
        world.link(Direction::TwoWay).await;
        world.link(Direction::Pull).await;
        assert_eq!(usage(&world).await, all(2, None));
        put_plan(&db.store, limited(&[(Quota::Connections, 3)]), 1).await.unwrap();
        assert_eq!(usage(&world).await, all(2, None));
        set_plan(&db.store, world.tenant, Some("small")).await.unwrap();
        assert_eq!(usage(&world).await, all(2, Some(3)));
    }

    async fn no_more_is_let_in_than_the_plan_allows(db) {
        let world = World::new(&db.store, "a").await;
        put_plan(&db.store, limited(&[(Quota::Connections, 1), (Quota::Calendars, 0)]), 1).await.unwrap();
        let mut tx = world.begin().await;
        for quota in [Quota::Connections, Quota::Links, Quota::Calendars] {
            plans::require_room(&mut tx, quota).await.unwrap();
        }
        drop(tx);
        set_plan(&db.store, world.tenant, Some("small")).await.unwrap();
        let mut tx = world.begin().await;
        plans::require_room(&mut tx, Quota::Links).await.unwrap();
        let full = plans::require_room(&mut tx, Quota::Connections).await.unwrap_err();
        assert!(matches!(full, StoreError::QuotaExceeded { quota: Quota::Connections, limit: 1, used: 1 }), "{full}");
        assert_eq!(full.to_string(), "the plan allows 1 connections, and there are 1");
        let over = plans::require_room(&mut tx, Quota::Calendars).await.unwrap_err();
        assert!(matches!(over, StoreError::QuotaExceeded { quota: Quota::Calendars, limit: 0, used: 1 }), "{over}");
    }

    async fn of_two_who_change_one_plan_at_once_neither_is_lost(db) {
        let (store, at_once) = (&db.store, 6);
        put_plan(store, limited(&[(Quota::Connections, 0), (Quota::Links, 0)]), 1).await.unwrap();
        let change = |quota: Quota| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut tx = store.platform().await?;
                let mut plan = plans::locked(&mut tx, "small").await?.unwrap();
                *plan.quotas.entry(quota).or_default() += 1;
                plans::put(&mut tx, plan, at(2)).await?;
                tx.commit().await
            })
        };
        let changes: Vec<_> = (0..at_once).flat_map(|_| [change(Quota::Connections), change(Quota::Links)]).collect();
        for done in changes {
            done.await.unwrap().unwrap();
        }
        let plan = plans::get(store, "small").await.unwrap().unwrap();
        assert_eq!(plan.quotas[&Quota::Connections], at_once);
        assert_eq!(plan.quotas[&Quota::Links], at_once);
        let again = platform(store, async |tx| plans::create(tx, plan, at(3)).await).await;
        assert!(matches!(again, Err(StoreError::Taken(_))), "{again:?}");
        let mut tx = store.platform().await.unwrap();
        assert_eq!(plans::locked(&mut tx, "none").await.unwrap(), None);
    }

    async fn of_two_at_once_one_gets_the_last_place(db) {
        let world = World::new(&db.store, "a").await;
        put_plan(&db.store, limited(&[(Quota::Connections, 2)]), 1).await.unwrap();
        set_plan(&db.store, world.tenant, Some("small")).await.unwrap();
        let connect = |name: &str| {
            let store = db.store.clone();
            let tenant = world.tenant;
            let new = world.new_connection(ConnectionId(id()), name);
            tokio::spawn(async move {
                let mut tx = store.begin(tenant).await?;
                plans::require_room(&mut tx, Quota::Connections).await?;
                connections::insert(&mut tx, new).await?;
                tx.commit().await
            })
        };
        let (one, two) = tokio::join!(connect("one"), connect("two"));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let error = one.and(two).unwrap_err();
        assert!(matches!(error, StoreError::QuotaExceeded { limit: 2, used: 2, .. }), "{error}");
        assert_eq!(usage(&world).await[&Quota::Connections].used, 2);
    }
}
