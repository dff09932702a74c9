//! What platform admins see of all tenants: counts and times, tenant by tenant.

use std::collections::BTreeMap;

use kalends_calendar::rules::Direction;
use kalends_store::connections::{self, ConnectionState};
use kalends_store::links::{self, LinkState};
use kalends_store::overview::{self, Standing};
use kalends_store::plans::{Plan, Quota, Usage};

use crate::fixture::{World, at, plan, put_plan, set_plan};
use crate::harness::contract;

fn standing(of: &[(Standing, i64)]) -> BTreeMap<Standing, i64> {
    of.iter().copied().collect()
}

contract! {
    async fn usage_is_told_for_each_tenant_with_what_its_plan_allows(db) {
        let small = Plan { quotas: [(Quota::Links, 4)].into(), ..plan("small", &[]) };
        put_plan(&db.store, small, 1).await.unwrap();
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        set_plan(&db.store, a.tenant, Some("small")).await.unwrap();
        a.link(Direction::TwoWay).await;
        a.link(Direction::Pull).await;
        b.link(Direction::Pull).await;
        let all = overview::usage(&db.store, None, 9).await.unwrap();
        let slugs: Vec<_> = all.iter().map(|one| (one.slug.as_str(), one.plan.as_deref())).collect();
        assert_eq!(slugs, [("a", Some("small")), ("b", None)]);
        assert_eq!(all[0].usage[&Quota::Links], Usage { limit: Some(4), used: 2 });
        assert_eq!(all[0].usage[&Quota::Calendars], Usage { limit: None, used: 1 });
        assert_eq!(all[1].usage[&Quota::Links], Usage { limit: None, used: 1 });
        assert_eq!(all[1].usage[&Quota::Connections], Usage { limit: None, used: 1 });
        let next = overview::usage(&db.store, Some("a"), 1).await.unwrap();
        assert_eq!(next[0].slug, "b");
        assert!(overview::usage(&db.store, Some("b"), 1).await.unwrap().is_empty());
    }

    async fn health_says_how_many_links_are_how(db) {
        let a = World::new(&db.store, "a").await;
        World::new(&db.store, "b").await;
        let busy = a.link(Direction::TwoWay).await;
        a.link(Direction::Pull).await;
        let rests = a.link(Direction::Pull).await;
        a.lease(busy, 3).await;
        let mut tx = a.begin().await;
        links::set_state(&mut tx, rests, LinkState::Paused, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let all = overview::health(&db.store, None, 9, at(4)).await.unwrap();
        assert_eq!(all[0].links, standing(&[(Standing::Syncing, 1), (Standing::New, 1), (Standing::Paused, 1)]));
        assert_eq!((all[0].oldest_due_at, all[0].last_success_at), (Some(at(0)), None));
        assert_eq!((all[1].slug.as_str(), all[1].links.len(), all[1].oldest_due_at), ("b", 0, None));
        let next = overview::health(&db.store, Some("a"), 9, at(4)).await.unwrap();
        assert_eq!(next, all[1..]);

        let mut tx = a.begin().await;
        connections::set_state(&mut tx, a.connection, ConnectionState::ReconnectNeeded, Some("gone".to_owned())).await.unwrap();
        tx.commit().await.unwrap();
        let all = overview::health(&db.store, None, 1, at(4)).await.unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].links, standing(&[(Standing::ReconnectNeeded, 3)]));
        assert_eq!(all[0].oldest_due_at, None);
        a.set_sync(None).await;
        let all = overview::health(&db.store, None, 1, at(4)).await.unwrap();
        assert_eq!(all[0].links, standing(&[(Standing::Off, 3)]));
    }
}
