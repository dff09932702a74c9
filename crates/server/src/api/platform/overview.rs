//! `/api/platform/usage/` and `/api/platform/health/`: how much all tenants use, and how their links are. Counts and times
//! alone; what stands in their calendars is none of the platform's business.

use std::collections::BTreeMap;

use axum::Json;
use jiff::Timestamp;
use kalends_store::overview::{self, Standing};
use kalends_store::plans::{Quota, Usage};
use schemars::JsonSchema;
use serde::Serialize;

use super::tenants::Wanted;
use crate::api::door::Admin;
use crate::api::error::Answer;
use crate::api::input::Params;
use crate::api::paging::{PAGE, PAGE_MAX, cut, limit};
use crate::api::words;

/// How much of something a tenant may have, and has.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Used {
    /// How many there may be; null: as many as it wants.
    limit: Option<i64>,
    /// How many there are.
    used: i64,
}

/// How much one tenant uses.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TenantUsage {
    slug: String,
    name: String,
    /// The code of its plan.
    plan: Option<String>,
    /// By what is counted: `connections`, `links` and `calendars`.
    #[schemars(with = "BTreeMap<String, Used>")]
    usage: BTreeMap<Quota, Used>,
}

/// What tenants use, by slug.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PlatformUsage")]
pub(crate) struct Usages {
    success: bool,
    tenants: Vec<TenantUsage>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// How the links of one tenant are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TenantHealth {
    slug: String,
    name: String,
    /// How many links are how: `in_step`, `syncing`, `new`, `waiting`, `failing`, `paused`, `reconnect_needed`, and `off` where
    /// the tenant has no calendar sync. What none is in is missing.
    #[schemars(with = "BTreeMap<String, i64>")]
    links: BTreeMap<Standing, i64>,
    /// When one of them last succeeded.
    #[schemars(with = "Option<words::Instant>")]
    last_success_at: Option<Timestamp>,
    /// Since when the one has been due that has waited longest for its turn; null where none waits.
    #[schemars(with = "Option<words::Instant>")]
    oldest_due_at: Option<Timestamp>,
}

/// How the links of tenants are, by slug.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PlatformHealth")]
pub(crate) struct Healths {
    success: bool,
    tenants: Vec<TenantHealth>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// As the document has it.
pub(crate) fn used(usage: BTreeMap<Quota, Usage>) -> BTreeMap<Quota, Used> {
    let shown = |Usage { limit, used }| Used { limit, used };
    usage
        .into_iter()
        .map(|(quota, usage)| (quota, shown(usage)))
        .collect()
}

pub(crate) async fn usage(admin: Admin, Params(wanted): Params<Wanted>) -> Answer<Json<Usages>> {
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    let after = wanted.cursor.as_deref();
    let mut found = overview::usage(admin.store(), after, limit + 1).await?;
    let next_cursor = cut(&mut found, limit, |last| last.slug.clone());
    let tenants = found.into_iter().map(|one| TenantUsage {
        slug: one.slug,
        name: one.name,
        plan: one.plan,
        usage: used(one.usage),
    });
    Ok(Json(Usages {
        success: true,
        tenants: tenants.collect(),
        next_cursor,
    }))
}

pub(crate) async fn health(admin: Admin, Params(wanted): Params<Wanted>) -> Answer<Json<Healths>> {
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    let after = wanted.cursor.as_deref();
    let mut found = overview::health(admin.store(), after, limit + 1, admin.now()).await?;
    let next_cursor = cut(&mut found, limit, |last| last.slug.clone());
    let tenants = found.into_iter().map(|one| TenantHealth {
        slug: one.slug,
        name: one.name,
        links: one.links,
        last_success_at: one.last_success_at,
        oldest_due_at: one.oldest_due_at,
    });
    Ok(Json(Healths {
        success: true,
        tenants: tenants.collect(),
        next_cursor,
    }))
}
