//! Features: who has which, who says so, and what a tenant without [`CALENDAR_SYNC`] is not given to do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kalends_calendar::ids::{LinkId, RunId, TenantId};
use kalends_calendar::plan::{Reason, Step};
use kalends_calendar::rules::Direction;
use kalends_store::features::{self, CALENDAR_SYNC, Effective, Feature, Source};
use kalends_store::intents::{MirrorMove, Sending, Settled, Settlement};
use kalends_store::leases::{self, AtOnce, Outcome, RunResult};
use kalends_store::links::DueReason;
use kalends_store::plans::{self, Plan, Quota};
use kalends_store::remote_writes::WriteOp;
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{
    ApplyError, Batch, CursorMove, Store, StoreError, apply, events, intents, mirrors,
};

use crate::fixture::{
    World, at, claim, edit, event, id, mirror, plan, platform, put_plan, set_plan,
};
use crate::harness::contract;

const WEBHOOKS: &str = "can_use_webhooks";

/// A tenant as it is made: without any feature.
async fn plain_tenant(store: &Store, slug: &str) -> TenantId {
    let new = NewTenant {
        id: TenantId(id()),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        created_at: at(0),
    };
    let tenant = new.id;
    tenants::create(store, new).await.unwrap();
    tenant
}

async fn override_with(store: &Store, tenant: TenantId, overrides: &[(&str, Option<bool>)]) {
    let mut tx = store.administer(tenant).await.unwrap();
    features::set_overrides(&mut tx, overrides, at(1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// What a tenant has of syncing and of webhooks. The answer without reasons is the same for the whole catalogue.
async fn two_of(store: &Store, tenant: TenantId) -> [(bool, Source); 2] {
    let mut tx = store.read(tenant).await.unwrap();
    let all = features::effective(&mut tx).await.unwrap();
    for feature in &all {
        let has = features::has(&mut tx, &feature.code).await.unwrap();
        assert_eq!(has, feature.enabled, "{feature:?}");
    }
    let of = |code: &str| {
        let found = all.iter().find(|feature| feature.code == code);
        found
            .map(|feature| (feature.enabled, feature.source))
            .unwrap()
    };
    [of(CALENDAR_SYNC), of(WEBHOOKS)]
}

/// By whose word a tenant has a feature.
#[derive(Clone, Copy)]
enum Way {
    Override,
    Plan,
}

async fn switch_sync(world: &World, way: Way, enabled: bool) {
    match way {
        Way::Override => world.set_sync(Some(enabled)).await,
        Way::Plan => {
            let basic = plan("basic", &[(CALENDAR_SYNC, enabled)]);
            put_plan(&world.store, basic, 4).await.unwrap();
            set_plan(&world.store, world.tenant, Some("basic"))
                .await
                .unwrap();
            world.set_sync(None).await;
        }
    }
}

async fn claimed(store: &Store, now: Timestamp) -> Vec<LinkId> {
    let mut claim = claim("node", 0);
    (claim.now, claim.until) = (now, now);
    let leased = leases::claim_due(store, &claim, 9).await.unwrap();
    leased.iter().map(|leased| leased.link.id).collect()
}

/// A run that went well; the next is due at minute 3.
fn well() -> Outcome {
    Outcome {
        at: at(2),
        next_due_at: Some(at(3)),
        next_reason: DueReason::Schedule,
        result: RunResult::Success,
        reconnect: None,
    }
}

contract! {
    async fn the_catalogue_is_data(db) {
        let names = |all: Vec<Feature>| -> Vec<String> {
            all.into_iter().map(|feature| format!("{}: {}", feature.code, feature.name)).collect()
        };
        let seeded = names(features::catalogue(&db.store).await.unwrap());
        assert_eq!(seeded, [
            "can_create_plugins: Custom Plugins",
            "can_use_calendar_sync: Calendar Sync",
            "can_use_sms_reminders: SMS Reminders",
            "can_use_webhooks: Webhooks",
        ]);
        let feature = |code: &str| Feature { code: code.to_owned(), name: "Seats 2".to_owned() };
        platform(&db.store, async |tx| features::add(tx, feature("seats_2")).await).await.unwrap();
        assert_eq!(names(features::catalogue(&db.store).await.unwrap())[4], "seats_2: Seats 2");
        let error = platform(&db.store, async |tx| features::add(tx, feature("seats_2")).await).await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)), "{error}");
        let long = "x".repeat(65);
        for code in ["", "Seats", "more seats", "seats-2", "plätze", &long] {
            let error = platform(&db.store, async |tx| features::add(tx, feature(code)).await).await.unwrap_err();
            assert!(matches!(error, StoreError::NotACode(_)), "{code}: {error}");
        }
        let tenant = plain_tenant(&db.store, "a").await;
        let mut tx = db.store.read(tenant).await.unwrap();
        let last = features::effective(&mut tx).await.unwrap().pop().unwrap();
        let nothing = Effective {
            code: "seats_2".to_owned(),
            name: "Seats 2".to_owned(),
            enabled: false,
            source: Source::Default,
        };
        assert_eq!(last, nothing);
    }

    async fn an_override_beats_the_plan_and_the_plan_beats_nothing(db) {
        let store = &db.store;
        let tenant = plain_tenant(store, "a").await;
        let nobody = (false, Source::Default);
        assert_eq!(two_of(store, tenant).await, [nobody, nobody]);

        put_plan(store, plan("pro", &[(CALENDAR_SYNC, true), (WEBHOOKS, false)]), 0).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [nobody, nobody]);
        set_plan(store, tenant, Some("pro")).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [(true, Source::Plan), (false, Source::Plan)]);

        override_with(store, tenant, &[(CALENDAR_SYNC, Some(false)), (WEBHOOKS, Some(true))]).await;
        assert_eq!(two_of(store, tenant).await, [(false, Source::Tenant), (true, Source::Tenant)]);
        // Another of the same plan goes by the plan.
        let other = plain_tenant(store, "b").await;
        set_plan(store, other, Some("pro")).await.unwrap();
        assert_eq!(two_of(store, other).await, [(true, Source::Plan), (false, Source::Plan)]);

        override_with(store, tenant, &[(WEBHOOKS, None)]).await;
        assert_eq!(two_of(store, tenant).await, [(false, Source::Tenant), (false, Source::Plan)]);
        override_with(store, tenant, &[(CALENDAR_SYNC, None), (WEBHOOKS, None)]).await;
        put_plan(store, plan("pro", &[(WEBHOOKS, true)]), 1).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [nobody, (true, Source::Plan)]);
        set_plan(store, tenant, None).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [nobody, nobody]);

        let mut tx = store.read(tenant).await.unwrap();
        assert!(!features::has(&mut tx, "can_fly").await.unwrap());
    }

    async fn only_the_platform_gives_features(db) {
        let tenant = plain_tenant(&db.store, "a").await;
        let mut tx = db.store.begin(tenant).await.unwrap();
        let error = features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], at(0)).await.unwrap_err();
        assert!(matches!(error, StoreError::PlatformOnly), "{error}");
        drop(tx);
        let mut tx = db.store.administer(tenant).await.unwrap();
        let error = features::set_overrides(&mut tx, &[("can_fly", Some(true))], at(0)).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
    }

    async fn a_plan_is_replaced_as_a_whole_or_not_at_all(db) {
        let store = &db.store;
        assert_eq!(plans::get(store, "pro").await.unwrap(), None);
        let mut pro = plan("pro", &[(CALENDAR_SYNC, true), (WEBHOOKS, true)]);
        pro.quotas = BTreeMap::from([(Quota::Connections, 5), (Quota::Links, 20)]);
        put_plan(store, pro.clone(), 0).await.unwrap();
        let basic = plan("basic", &[(CALENDAR_SYNC, false)]);
        put_plan(store, basic.clone(), 0).await.unwrap();
        assert_eq!(plans::list(store).await.unwrap(), [basic.clone(), pro.clone()]);
        assert_eq!(plans::get(store, "pro").await.unwrap(), Some(pro));

        let pro = Plan {
            name: "Professional".to_owned(),
            quotas: BTreeMap::from([(Quota::Calendars, 0)]),
            ..plan("pro", &[(CALENDAR_SYNC, true)])
        };
        put_plan(store, pro.clone(), 1).await.unwrap();
        assert_eq!(plans::get(store, "pro").await.unwrap(), Some(pro.clone()));

        let error = put_plan(store, plan("pro", &[("can_fly", true)]), 2).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        let mut less = pro.clone();
        less.quotas = BTreeMap::from([(Quota::Links, -1)]);
        assert!(put_plan(store, less, 2).await.is_err());
        assert_eq!(plans::list(store).await.unwrap(), [basic, pro]);

        let tenant = plain_tenant(store, "a").await;
        let error = set_plan(store, tenant, Some("gold")).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        let error = set_plan(store, TenantId(id()), Some("pro")).await.unwrap_err();
        assert_eq!(error.to_string(), "no such tenant");
        set_plan(store, tenant, Some("pro")).await.unwrap();
        let kept = tenants::by_id(store, tenant).await.unwrap().unwrap();
        assert_eq!(kept.plan.as_deref(), Some("pro"));
    }

    async fn without_the_feature_nothing_is_claimed_and_with_it_work_goes_on_from_where_it_was(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let tea = world.take_in(&lease, "tea").await;
        let mut batch = Batch::new(RunId(id()), at(1));
        batch.cursor = CursorMove::Set("token".into());
        apply(&db.store, &lease, batch).await.unwrap();
        leases::release(&db.store, &lease, well()).await.unwrap();
        for way in [Way::Override, Way::Plan] {
            let before = world.look(link).await;
            assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), before.due_at);
            switch_sync(&world, way, false).await;
            assert_eq!(claimed(&db.store, at(5)).await, []);
            assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), None);
            let refused = leases::claim_link(&db.store, world.tenant, link, &claim("node", 5)).await;
            let Err(StoreError::FeatureOff(feature)) = refused else { panic!("{refused:?}") };
            assert_eq!((feature.code.as_str(), feature.name.as_str()), (CALENDAR_SYNC, "Calendar Sync"));
            assert_eq!(world.look(link).await, before);
            // What is edited meanwhile is owed.
            let mut tx = world.begin().await;
            let now = events::get(&mut tx, tea).await.unwrap().unwrap();
            events::update(&mut tx, tea, now.revision, &event("coffee"), &edit("edited", 6)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(claimed(&db.store, at(7)).await, []);
            switch_sync(&world, way, true).await;
            assert_eq!(claimed(&db.store, at(7)).await, [link]);
            let after = world.look(link).await;
            assert_eq!((after.cursor, after.generation, after.live), (before.cursor, before.generation, before.live));
            let mut tx = world.read().await;
            let owed = intents::due(&mut tx, link, at(7), 9).await.unwrap();
            assert_eq!(owed.iter().map(|intent| intent.event).collect::<Vec<_>>(), [tea]);
            assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 1);
            drop(tx);
            let lease = world.lease(link, 8).await;
            leases::release(&db.store, &lease, well()).await.unwrap();
        }
    }

    async fn what_came_of_a_write_is_kept_though_the_feature_was_lost_meanwhile(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let tea = world.take_in(&lease, "tea").await;
        let mut tx = world.begin().await;
        events::update(&mut tx, tea, kalends_calendar::revision::Revision(1), &event("coffee"), &edit("edited", 1)).await.unwrap();
        tx.commit().await.unwrap();
        world.apply(&lease, vec![Step::Push { event: tea, reason: Reason::ChangedHere }]).await;
        let mut tx = world.read().await;
        let stamp = intents::due(&mut tx, link, at(9), 1).await.unwrap()[0].stamp;
        drop(tx);
        let run = RunId(id());
        let sending = Sending {
            event: tea, stamp, revision: kalends_calendar::revision::Revision(2), name: None, op: WriteOp::Update,
            remote_id: None, fields: vec![], reason: Reason::ChangedHere, run, at: at(2),
        };
        intents::mark_sent(&db.store, &lease, &sending).await.unwrap();
        world.set_sync(Some(false)).await;
        // What the provider made of it is taken in, and the write is settled.
        let mut batch = Batch::new(run, at(3));
        batch.steps = vec![Step::SetMirror(mirror(tea, "tea", "2"))];
        let refused = apply(&db.store, &lease, batch.clone()).await;
        assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
        batch.settles = true;
        apply(&db.store, &lease, batch).await.unwrap();
        let done = Settlement::Done(MirrorMove::Keep);
        let settled = intents::settle(&db.store, &lease, tea, stamp, done, at(3)).await.unwrap();
        assert_eq!(settled, Settled::AsSent);
        let mut tx = world.read().await;
        assert_eq!(intents::count(&mut tx, link).await.unwrap(), 0);
        let kept = mirrors::by_events(&mut tx, link, &[tea]).await.unwrap();
        assert_eq!(kept[0].version.as_ref().unwrap().0, "2");
        // But nothing further is sent.
        drop(tx);
        let late = intents::mark_sent(&db.store, &lease, &sending).await;
        assert!(matches!(late, Err(kalends_store::LeaseError::Fenced)), "{late:?}");
    }

    async fn a_tenant_without_the_feature_keeps_nobody_waiting(db) {
        let with = World::new(&db.store, "with").await;
        let without = World::new(&db.store, "without").await;
        let link = with.link(Direction::TwoWay).await;
        without.link(Direction::TwoWay).await;
        without.set_sync(None).await;
        assert_eq!(claimed(&db.store, at(1)).await, [link]);
        // Nor is one that nobody works on any more taken over.
        let refused = without.link(Direction::Pull).await;
        without.set_sync(Some(true)).await;
        without.lease(refused, 0).await;
        without.set_sync(Some(false)).await;
        with.lease(link, 2).await;
        assert_eq!(claimed(&db.store, at(11)).await, []);
        assert_eq!(leases::next_due(&db.store, AtOnce::ANY).await.unwrap(), Some(at(12)));
    }
}
