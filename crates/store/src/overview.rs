//! What platform admins see of all tenants: how much each uses of what its plan allows, and how its links are. Counts and
//! times alone: nothing of what stands in a calendar. Across tenants.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bind::binds;
use crate::error::StoreError;
use crate::features::{CALENDAR_SYNC, has_feature};
use crate::plans::{Quota, Usage};
use crate::store::{Scope, Store};
use crate::tx::TxAccess;
use crate::words::Word as _;

/// How much a tenant uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantUsage {
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The code of its plan.
    pub plan: Option<String>,
    /// Of each quota, also of those that its plan does not limit.
    pub usage: BTreeMap<Quota, Usage>,
}

/// How the links of a tenant are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantHealth {
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// How many links are how; those that none is in are missing.
    pub links: BTreeMap<Standing, i64>,
    /// When one of them last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// Since when the one has been due that has waited longest for its turn.
    pub oldest_due_at: Option<Timestamp>,
}

/// How a link is, in one word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its last run succeeded.
    InStep,
    /// A run is under way.
    Syncing,
    /// It has not run yet.
    New,
    /// Its account is left alone for a while: for its quota, or because the provider asked for that.
    Waiting,
    /// Its last run failed; it tries again by itself.
    Failing,
    /// Somebody paused it.
    Paused,
    /// Its account must be connected again.
    ReconnectNeeded,
    /// Its tenant has no calendar sync.
    Off,
}

/// The usage of the tenants after a slug (that of the last one read), by slug.
pub async fn usage(
    store: &Store,
    after_slug: Option<&str>,
    limit: i64,
) -> Result<Vec<TenantUsage>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "WITH page AS (
                SELECT id, slug, name, plan_code FROM tenants WHERE slug > $1 ORDER BY slug LIMIT $2)
             SELECT p.slug, p.name, p.plan_code,
                (SELECT count(*) FROM connections c
                    WHERE c.tenant_id = p.id AND c.leaving_since IS NULL) AS connections,
                (SELECT count(*) FROM links l WHERE l.tenant_id = p.id AND NOT l.leaving) AS links,
                (SELECT count(*) FROM calendars c WHERE c.tenant_id = p.id) AS calendars,
                (SELECT q.quota FROM plan_quotas q
                    WHERE q.plan_code = p.plan_code AND q.name = 'connections') AS connections_max,
                (SELECT q.quota FROM plan_quotas q
                    WHERE q.plan_code = p.plan_code AND q.name = 'links') AS links_max,
                (SELECT q.quota FROM plan_quotas q
                    WHERE q.plan_code = p.plan_code AND q.name = 'calendars') AS calendars_max
             FROM page p ORDER BY p.slug",
            binds![after_slug.unwrap_or_default(), limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let mut usage = BTreeMap::new();
            for quota in [Quota::Connections, Quota::Links, Quota::Calendars] {
                let limit = row.opt(&format!("{}_max", quota.word()))?;
                let used = row.get(quota.word())?;
                usage.insert(quota, Usage { limit, used });
            }
            Ok(TenantUsage {
                slug: row.get("slug")?,
                name: row.get("name")?,
                plan: row.opt("plan_code")?,
                usage,
            })
        })
        .collect()
}

/// How the links of the tenants after a slug (that of the last one read) are, by slug.
pub async fn health(
    store: &Store,
    after_slug: Option<&str>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<TenantHealth>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let binds = binds![after_slug.unwrap_or_default(), limit, now, CALENDAR_SYNC];
    let rows = tx
        .rows(
            concat!(
                "WITH page AS (
                    SELECT id, slug, name FROM tenants WHERE slug > $1 ORDER BY slug LIMIT $2),
                standing AS (
                    SELECT l.tenant_id, l.last_success_at,
                        CASE WHEN l.due_at <= $3 AND l.lease_until IS NULL AND l.state = 'active'
                            AND c.state = 'ok' AND (c.retry_at IS NULL OR c.retry_at <= $3)
                            THEN l.due_at END AS waits_since,
                        CASE WHEN NOT ",
                has_feature!("l.tenant_id", "$4"),
                "           THEN 'off'
                            WHEN c.state <> 'ok' THEN 'reconnect_needed'
                            WHEN l.state = 'paused' THEN 'paused'
                            WHEN l.lease_until > $3 THEN 'syncing'
                            WHEN c.retry_at > $3 THEN 'waiting'
                            WHEN l.failures > 0 THEN 'failing'
                            WHEN l.last_success_at IS NULL THEN 'new'
                            ELSE 'in_step' END AS standing
                    FROM page p
                    JOIN links l ON l.tenant_id = p.id AND NOT l.leaving
                    JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id)
                SELECT p.slug, p.name, s.standing, count(s.standing) AS n,
                    max(s.last_success_at) AS last_success_at,
                    min(CASE WHEN s.standing <> 'off' THEN s.waits_since END) AS oldest_due_at
                FROM page p LEFT JOIN standing s ON s.tenant_id = p.id
                GROUP BY p.slug, p.name, s.standing ORDER BY p.slug, s.standing"
            ),
            binds,
        )
        .await?;
    let mut all: Vec<TenantHealth> = Vec::new();
    for row in &rows {
        let slug: String = row.get("slug")?;
        if all.last().is_none_or(|last| last.slug != slug) {
            all.push(TenantHealth {
                slug,
                name: row.get("name")?,
                links: BTreeMap::new(),
                last_success_at: None,
                oldest_due_at: None,
            });
        }
        let standing: Option<Standing> = row.opt("standing")?;
        if let (Some(tenant), Some(standing)) = (all.last_mut(), standing) {
            tenant.links.insert(standing, row.get("n")?);
            tenant.last_success_at = tenant.last_success_at.max(row.opt("last_success_at")?);
            let due: Option<Timestamp> = row.opt("oldest_due_at")?;
            tenant.oldest_due_at = tenant.oldest_due_at.into_iter().chain(due).min();
        }
    }
    Ok(all)
}
