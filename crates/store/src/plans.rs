//! Plans: what those who subscribed may use, and how much of it. Of no tenant, but for what a tenant has used of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bind::binds;
use crate::error::StoreError;
use crate::links;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};
use crate::words::Word as _;

/// A subscription plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its short name, such as `pro`. Unique.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// By the codes of features: whether the plan has them. What is not named here it has not.
    pub permissions: BTreeMap<String, bool>,
    /// How many of each a tenant may have. What is not named here is not limited.
    pub quotas: BTreeMap<Quota, i64>,
}

/// What a plan may limit, per tenant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Accounts at providers.
    Connections,
    /// Pairs of calendars that are kept in step.
    Links,
    /// Calendars of its own.
    Calendars,
}

/// How much of something a tenant may have, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// How many there may be; none: as many as it wants.
    pub limit: Option<i64>,
    /// How many there are.
    pub used: i64,
}

/// All plans, by code.
pub async fn list(store: &Store) -> Result<Vec<Plan>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let plans = tx
        .rows("SELECT * FROM plans ORDER BY code", binds![])
        .await?;
    let permissions = tx.rows("SELECT * FROM plan_permissions", binds![]).await?;
    let quotas = tx.rows("SELECT * FROM plan_quotas", binds![]).await?;
    read(&plans, &permissions, &quotas)
}

/// One plan.
pub async fn get(store: &Store, code: &str) -> Result<Option<Plan>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let plans = tx
        .rows("SELECT * FROM plans WHERE code = $1", binds![code])
        .await?;
    terms(&mut tx, code, &plans).await
}

/// The plan of these rows, with all that it says.
async fn terms(tx: &mut Tx, code: &str, plans: &[Row]) -> Result<Option<Plan>, StoreError> {
    let permissions = tx
        .rows(
            "SELECT * FROM plan_permissions WHERE plan_code = $1",
            binds![code],
        )
        .await?;
    let quotas = tx
        .rows(
            "SELECT * FROM plan_quotas WHERE plan_code = $1",
            binds![code],
        )
        .await?;
    Ok(read(plans, &permissions, &quotas)?.pop())
}

/// One plan, which nobody else changes until the transaction ends; [`StoreError::PlatformOnly`] in a tenant's own.
pub async fn locked(tx: &mut Tx, code: &str) -> Result<Option<Plan>, StoreError> {
    tx.require_platform()?;
    let plans = tx
        .rows(
            "UPDATE plans SET name = name WHERE code = $1 RETURNING *",
            binds![code],
        )
        .await?;
    terms(tx, code, &plans).await
}

/// Makes a plan; [`StoreError::Taken`] if there is one of this code, else as [`put`].
pub async fn create(tx: &mut Tx, plan: Plan, at: Timestamp) -> Result<(), StoreError> {
    tx.require_platform()?;
    tx.execute(
        "INSERT INTO plans (code, name, created_at, updated_at) VALUES ($1, $2, $3, $3)",
        binds![plan.code.clone(), plan.name.clone(), at],
    )
    .await?;
    replace_terms(tx, plan).await
}

/// Makes a plan, or replaces all that the plan of this code says, for all of its tenants at once.
/// [`StoreError::Reference`] if it names a feature that there is not; [`StoreError::PlatformOnly`] in a tenant's own
/// transaction.
pub async fn put(tx: &mut Tx, plan: Plan, at: Timestamp) -> Result<(), StoreError> {
    tx.require_platform()?;
    // The plan's row goes first: two who replace it at once do so one after the other.
    tx.execute(
        "INSERT INTO plans (code, name, created_at, updated_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at",
        binds![plan.code.clone(), plan.name.clone(), at],
    )
    .await?;
    replace_terms(tx, plan).await
}

/// What the tenant has used of each quota, also of those that its plan does not limit.
pub async fn usage(tx: &mut Tx) -> Result<BTreeMap<Quota, Usage>, StoreError> {
    let binds = binds![tx.tenant];
    let counts = tx
        .only_row(
            "SELECT (SELECT count(*) FROM connections
                    WHERE tenant_id = $1 AND leaving_since IS NULL) AS connections,
                (SELECT count(*) FROM links WHERE tenant_id = $1 AND NOT leaving) AS links,
                (SELECT count(*) FROM calendars WHERE tenant_id = $1) AS calendars",
            binds.clone(),
        )
        .await?;
    let limits = tx
        .rows(
            "SELECT q.name, q.quota FROM tenants t JOIN plan_quotas q ON q.plan_code = t.plan_code
             WHERE t.id = $1",
            binds,
        )
        .await?;
    let mut usage = BTreeMap::new();
    for quota in [Quota::Connections, Quota::Links, Quota::Calendars] {
        let used = counts.get(quota.word())?;
        usage.insert(quota, Usage { limit: None, used });
    }
    for row in limits {
        let limit = row.get("quota")?;
        if let Some(usage) = usage.get_mut(&row.get("name")?) {
            usage.limit = Some(limit);
        }
    }
    Ok(usage)
}

/// Makes sure that the tenant may have one more, and keeps it so until the transaction ends: the tenant's row is locked
/// first, so that two who ask at once do not both get the last place. [`StoreError::QuotaExceeded`] if it may not.
pub async fn require_room(tx: &mut Tx, quota: Quota) -> Result<(), StoreError> {
    links::lock_tenant(tx).await?;
    match usage(tx).await?.get(&quota) {
        Some(&Usage {
            limit: Some(limit),
            used,
        }) if used >= limit => Err(StoreError::QuotaExceeded { quota, limit, used }),
        Some(_) | None => Ok(()),
    }
}

async fn replace_terms(tx: &mut Tx, plan: Plan) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM plan_permissions WHERE plan_code = $1",
        binds![plan.code.clone()],
    )
    .await?;
    for (feature, enabled) in plan.permissions {
        tx.execute(
            "INSERT INTO plan_permissions (plan_code, feature_code, enabled) VALUES ($1, $2, $3)",
            binds![plan.code.clone(), feature, enabled],
        )
        .await?;
    }
    tx.execute(
        "DELETE FROM plan_quotas WHERE plan_code = $1",
        binds![plan.code.clone()],
    )
    .await?;
    for (name, quota) in plan.quotas {
        tx.execute(
            "INSERT INTO plan_quotas (plan_code, name, quota) VALUES ($1, $2, $3)",
            binds![plan.code.clone(), name, quota],
        )
        .await?;
    }
    Ok(())
}

/// Plans in the order of their rows, with those of the other rows that are theirs.
fn read(plans: &[Row], permissions: &[Row], quotas: &[Row]) -> Result<Vec<Plan>, StoreError> {
    let mut permissions_of: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    for row in permissions {
        let plan = permissions_of.entry(row.get("plan_code")?).or_default();
        plan.insert(row.get("feature_code")?, row.get("enabled")?);
    }
    let mut quotas_of: BTreeMap<String, BTreeMap<Quota, i64>> = BTreeMap::new();
    for row in quotas {
        let plan = quotas_of.entry(row.get("plan_code")?).or_default();
        plan.insert(row.get("name")?, row.get("quota")?);
    }
    plans
        .iter()
        .map(|row| {
            let code: String = row.get("code")?;
            Ok(Plan {
                name: row.get("name")?,
                permissions: permissions_of.remove(&code).unwrap_or_default(),
                quotas: quotas_of.remove(&code).unwrap_or_default(),
                code,
            })
        })
        .collect()
}
