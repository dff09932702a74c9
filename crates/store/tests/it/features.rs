//! Features: who has which, and who says so.

use std::collections::BTreeMap;

use kalends_calendar::ids::TenantId;
use kalends_store::features::{self, CALENDAR_SYNC, Effective, Feature, Source};
use kalends_store::plans::{self, Plan, Quota};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{Store, StoreError};

use crate::fixture::{at, id};
use crate::harness::contract;

const WEBHOOKS: &str = "can_use_webhooks";

/// A plan with these permissions.
fn plan(code: &str, permissions: &[(&str, bool)]) -> Plan {
    Plan {
        code: code.to_owned(),
        name: format!("Plan {code}"),
        permissions: permissions
            .iter()
            .map(|(feature, enabled)| ((*feature).to_owned(), *enabled))
            .collect(),
        quotas: BTreeMap::new(),
    }
}

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
        features::add(&db.store, feature("seats_2")).await.unwrap();
        assert_eq!(names(features::catalogue(&db.store).await.unwrap())[4], "seats_2: Seats 2");
        let error = features::add(&db.store, feature("seats_2")).await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)), "{error}");
        let long = "x".repeat(65);
        for code in ["", "Seats", "more seats", "seats-2", "plätze", &long] {
            let error = features::add(&db.store, feature(code)).await.unwrap_err();
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

        plans::put(store, plan("pro", &[(CALENDAR_SYNC, true), (WEBHOOKS, false)]), at(0)).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [nobody, nobody]);
        tenants::set_plan(store, tenant, Some("pro")).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [(true, Source::Plan), (false, Source::Plan)]);

        override_with(store, tenant, &[(CALENDAR_SYNC, Some(false)), (WEBHOOKS, Some(true))]).await;
        assert_eq!(two_of(store, tenant).await, [(false, Source::Tenant), (true, Source::Tenant)]);
        // Another of the same plan goes by the plan.
        let other = plain_tenant(store, "b").await;
        tenants::set_plan(store, other, Some("pro")).await.unwrap();
        assert_eq!(two_of(store, other).await, [(true, Source::Plan), (false, Source::Plan)]);

        override_with(store, tenant, &[(WEBHOOKS, None)]).await;
        assert_eq!(two_of(store, tenant).await, [(false, Source::Tenant), (false, Source::Plan)]);
        override_with(store, tenant, &[(CALENDAR_SYNC, None), (WEBHOOKS, None)]).await;
        plans::put(store, plan("pro", &[(WEBHOOKS, true)]), at(1)).await.unwrap();
        assert_eq!(two_of(store, tenant).await, [nobody, (true, Source::Plan)]);
        tenants::set_plan(store, tenant, None).await.unwrap();
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
        plans::put(store, pro.clone(), at(0)).await.unwrap();
        let basic = plan("basic", &[(CALENDAR_SYNC, false)]);
        plans::put(store, basic.clone(), at(0)).await.unwrap();
        assert_eq!(plans::list(store).await.unwrap(), [basic.clone(), pro.clone()]);
        assert_eq!(plans::get(store, "pro").await.unwrap(), Some(pro));

        let pro = Plan {
            name: "Professional".to_owned(),
            quotas: BTreeMap::from([(Quota::Calendars, 0)]),
            ..plan("pro", &[(CALENDAR_SYNC, true)])
        };
        plans::put(store, pro.clone(), at(1)).await.unwrap();
        assert_eq!(plans::get(store, "pro").await.unwrap(), Some(pro.clone()));

        let error = plans::put(store, plan("pro", &[("can_fly", true)]), at(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        let mut less = pro.clone();
        less.quotas = BTreeMap::from([(Quota::Links, -1)]);
        assert!(plans::put(store, less, at(2)).await.is_err());
        assert_eq!(plans::list(store).await.unwrap(), [basic, pro]);

        let tenant = plain_tenant(store, "a").await;
        let error = tenants::set_plan(store, tenant, Some("gold")).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        let error = tenants::set_plan(store, TenantId(id()), Some("pro")).await.unwrap_err();
        assert_eq!(error.to_string(), "no such tenant");
        tenants::set_plan(store, tenant, Some("pro")).await.unwrap();
        let kept = tenants::by_id(store, tenant).await.unwrap().unwrap();
        assert_eq!(kept.plan.as_deref(), Some("pro"));
    }
}
