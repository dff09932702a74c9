//! `/api/platform/tenants/`: the businesses, and what they may do.

use std::collections::BTreeMap;

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::TenantId;
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::tenants::{self, NewTenant, Tenant};
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::door::Admin;
use crate::api::error::{Answer, ApiError};
use crate::api::input::{At, Body, Params, name};
use crate::api::output::Reply;
use crate::api::paging::{PAGE, PAGE_MAX, cut, limit};
use crate::api::tenant::{Effective, shown as effective};
use crate::api::words;
use crate::config::check_slug;

/// Which page.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TenantsWanted")]
pub(crate) struct Wanted {
    /// At most so many (1000).
    #[serde(default)]
    pub(super) limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    pub(super) cursor: Option<String>,
}

/// A tenant to be made. Every feature is off, unless said otherwise.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewTenant")]
pub(crate) struct New {
    /// Its short name, as in its subdomain: lower case letters, digits and hyphens, 63 at most.
    slug: String,
    /// Its name for people.
    name: String,
    /// The code of its plan.
    #[serde(default)]
    plan: Option<String>,
    /// Its own override; false if missing.
    #[serde(default)]
    can_use_calendar_sync: bool,
}

/// What is to change of a tenant; a missing member stays as it is.
#[expect(
    clippy::option_option,
    reason = "a missing member is not one that is null"
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TenantChange")]
pub(crate) struct Change {
    #[serde(default)]
    name: Option<String>,
    /// The code of its plan; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    plan: Option<Option<String>>,
    /// Its own override; null to inherit from the plan.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<bool>")]
    can_use_calendar_sync: Option<Option<bool>>,
}

/// Overrides by the codes of features: true, false, or null to inherit from the plan. What is not named stays.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Overrides(BTreeMap<String, Option<bool>>);

/// A tenant.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tenant")]
pub(crate) struct Shown {
    id: String,
    slug: String,
    name: String,
    /// The code of its plan.
    plan: Option<String>,
    /// Whether it has calendar sync, by its own override or its plan.
    can_use_calendar_sync: bool,
    /// All features, and why it has them or not.
    features: Vec<Effective>,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
}

/// Tenants, by slug.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tenants {
    success: bool,
    tenants: Vec<Shown>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// One tenant.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TenantAnswer")]
pub(crate) struct One {
    success: bool,
    #[serde(flatten)]
    tenant: Shown,
}

/// The tenant in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct BySlug {
    /// The tenant's slug.
    slug: String,
}

/// A member that is given, perhaps as null.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

pub(crate) async fn list(admin: Admin, Params(wanted): Params<Wanted>) -> Answer<Json<Tenants>> {
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    let mut found = tenants::page(admin.store(), wanted.cursor.as_deref(), limit + 1).await?;
    let next_cursor = cut(&mut found, limit, |last| last.slug.clone());
    let mut tenants = Vec::new();
    for tenant in found {
        let mut tx = admin.store().read(tenant.id).await?;
        tenants.push(shown(&mut tx, tenant).await?);
    }
    Ok(Json(Tenants {
        success: true,
        tenants,
        next_cursor,
    }))
}

pub(crate) async fn show(admin: Admin, At(path): At<BySlug>) -> Answer<Json<One>> {
    let tenant = get(&admin, &path.slug).await?;
    let mut tx = admin.store().read(tenant.id).await?;
    one(&mut tx, tenant).await.map(Json)
}

pub(crate) async fn make(admin: Admin, Body(new): Body<New>) -> Answer<Reply<One, 201>> {
    check_slug(&new.slug).map_err(|error| ApiError::field("slug", error))?;
    let name = name("name", &new.name)?;
    let now = admin.now();
    let id = TenantId(admin.next_id());
    let mut tx = admin.administer(id).await?;
    let tenant = NewTenant {
        id,
        slug: new.slug.clone(),
        name,
        created_at: now,
    };
    tenants::insert(&mut tx, tenant).await?;
    if new.plan.is_some() {
        set_plan(&mut tx, new.plan.as_deref()).await?;
    }
    if new.can_use_calendar_sync {
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], now).await?;
    }
    let detail = json!({ "plan": new.plan, "can_use_calendar_sync": new.can_use_calendar_sync });
    let object = format!("tenant {}", new.slug);
    admin
        .0
        .audit(&mut tx, "tenant.create", object, detail)
        .await?;
    tx.commit().await?;
    let tenant = get(&admin, &new.slug).await?;
    let mut tx = admin.store().read(id).await?;
    one(&mut tx, tenant).await.map(Reply::new)
}

pub(crate) async fn change(
    admin: Admin,
    At(path): At<BySlug>,
    Body(change): Body<Change>,
) -> Answer<Json<One>> {
    let tenant = get(&admin, &path.slug).await?;
    let now = admin.now();
    let mut tx = admin.administer(tenant.id).await?;
    let mut detail = serde_json::Map::new();
    if let Some(text) = &change.name {
        let name = name("name", text)?;
        tenants::rename(&mut tx, &name).await?;
        detail.insert("name".to_owned(), json!(name));
    }
    if let Some(plan) = &change.plan {
        set_plan(&mut tx, plan.as_deref()).await?;
        detail.insert("plan".to_owned(), json!(plan));
    }
    if let Some(enabled) = change.can_use_calendar_sync {
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, enabled)], now).await?;
        detail.insert(CALENDAR_SYNC.to_owned(), json!(enabled));
    }
    finish(&admin, tx, &path.slug, "tenant.update", detail.into()).await
}

pub(crate) async fn set_features(
    admin: Admin,
    At(path): At<BySlug>,
    Body(overrides): Body<Overrides>,
) -> Answer<Json<One>> {
    let tenant = get(&admin, &path.slug).await?;
    let pairs: Vec<(&str, Option<bool>)> = overrides
        .0
        .iter()
        .map(|(code, enabled)| (code.as_str(), *enabled))
        .collect();
    let known = features::catalogue(admin.store()).await?;
    if let Some((code, _)) = pairs
        .iter()
        .find(|(code, _)| !known.iter().any(|feature| feature.code == *code))
    {
        return Err(ApiError::field(code, "there is no such feature"));
    }
    let mut tx = admin.administer(tenant.id).await?;
    features::set_overrides(&mut tx, &pairs, admin.now()).await?;
    let detail = json!(overrides.0);
    finish(&admin, tx, &path.slug, "tenant.features", detail).await
}

async fn finish(
    admin: &Admin,
    mut tx: Tx,
    slug: &str,
    action: &str,
    detail: Value,
) -> Answer<Json<One>> {
    let object = format!("tenant {slug}");
    admin.0.audit(&mut tx, action, object, detail).await?;
    tx.commit().await?;
    let tenant = get(admin, slug).await?;
    let mut tx = admin.store().read(tenant.id).await?;
    one(&mut tx, tenant).await.map(Json)
}

async fn set_plan(tx: &mut Tx, plan: Option<&str>) -> Answer<()> {
    tenants::set_plan(tx, plan)
        .await
        .map_err(|error| match error {
            StoreError::Reference(_) => ApiError::field("plan", "there is no such plan"),
            other => other.into(),
        })
}

async fn get(admin: &Admin, slug: &str) -> Answer<Tenant> {
    tenants::by_slug(admin.store(), slug)
        .await?
        .ok_or_else(|| ApiError::not_found("tenant"))
}

async fn one(tx: &mut Tx, tenant: Tenant) -> Answer<One> {
    Ok(One {
        success: true,
        tenant: shown(tx, tenant).await?,
    })
}

async fn shown(tx: &mut Tx, tenant: Tenant) -> Answer<Shown> {
    let features = features::effective(tx).await?;
    let can = features
        .iter()
        .any(|feature| feature.code == CALENDAR_SYNC && feature.enabled);
    Ok(Shown {
        id: tenant.id.to_string(),
        slug: tenant.slug,
        name: tenant.name,
        plan: tenant.plan,
        can_use_calendar_sync: can,
        features: features.into_iter().map(effective).collect(),
        created_at: tenant.created_at,
    })
}
