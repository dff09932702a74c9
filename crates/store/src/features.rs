//! Features: what may be used at all, and by which tenant.
//!
//! A tenant has a feature if its own override says so; without an override, if its plan says so; else it has not.

use jiff::Timestamp;

use crate::bind::binds;
use crate::error::StoreError;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};

/// Connecting accounts, reading through them, and keeping them in step.
pub const CALENDAR_SYNC: &str = "can_use_calendar_sync";

/// The longest code of a feature: what a person can still read, and an index takes.
const CODE_CHARS_MAX: usize = 64;

/// A feature of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its code, such as `can_use_webhooks`.
    pub code: String,
    /// Its name for people.
    pub name: String,
}

/// What a tenant has of a feature, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The feature's code.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Whether the tenant has it.
    pub enabled: bool,
    /// Who says so.
    pub source: Source,
}

/// Who says whether a tenant has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The tenant's own override.
    Tenant,
    /// Its plan.
    Plan,
    /// Nobody: it is without.
    Default,
}

/// The rule as SQL, from the SQL of the tenant's id and of the feature's code. Who asks inside of a larger statement takes
/// this; [`effective`] says the same with reasons.
macro_rules! has_feature {
    ($tenant:literal, $code:literal) => {
        concat!(
            "coalesce(
                (SELECT own.enabled FROM tenant_features own
                 WHERE own.tenant_id = ",
            $tenant,
            " AND own.feature_code = ",
            $code,
            "),
                (SELECT planned.enabled FROM tenants paying
                 JOIN plan_permissions planned ON planned.plan_code = paying.plan_code
                 WHERE paying.id = ",
            $tenant,
            " AND planned.feature_code = ",
            $code,
            "),
                FALSE)"
        )
    };
}
pub(crate) use has_feature;

/// All features that there are, by code. Of no tenant.
pub async fn catalogue(store: &Store) -> Result<Vec<Feature>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows("SELECT code, name FROM features ORDER BY code", binds![])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Feature {
                code: row.get("code")?,
                name: row.get("name")?,
            })
        })
        .collect()
}

/// Adds a feature to the catalogue; every tenant is without it. [`StoreError::NotACode`] if the code has other characters
/// than lower case letters, digits and `_`; [`StoreError::Taken`] if it is there already; [`StoreError::PlatformOnly`] in a
/// tenant's own transaction. Of no tenant.
pub async fn add(tx: &mut Tx, feature: Feature) -> Result<(), StoreError> {
    tx.require_platform()?;
    if !is_code(&feature.code) {
        return Err(StoreError::NotACode(feature.code));
    }
    tx.execute(
        "INSERT INTO features (code, name) VALUES ($1, $2)",
        binds![feature.code, feature.name],
    )
    .await?;
    Ok(())
}

/// What the tenant has of the whole catalogue, by code.
pub async fn effective(tx: &mut Tx) -> Result<Vec<Effective>, StoreError> {
    let binds = binds![tx.tenant];
    let rows = tx
        .rows(
            "SELECT f.code, f.name, own.enabled AS own, planned.enabled AS planned
             FROM tenants t CROSS JOIN features f
             LEFT JOIN tenant_features own ON own.tenant_id = t.id AND own.feature_code = f.code
             LEFT JOIN plan_permissions planned
                ON planned.plan_code = t.plan_code AND planned.feature_code = f.code
             WHERE t.id = $1 ORDER BY f.code",
            binds,
        )
        .await?;
    rows.iter()
        .map(|row| {
            let (enabled, source) = match (row.opt("own")?, row.opt("planned")?) {
                (Some(own), _) => (own, Source::Tenant),
                (None, Some(planned)) => (planned, Source::Plan),
                (None, None) => (false, Source::Default),
            };
            Ok(Effective {
                code: row.get("code")?,
                name: row.get("name")?,
                enabled,
                source,
            })
        })
        .collect()
}

/// Whether the tenant has a feature; not if there is no such feature.
pub async fn has(tx: &mut Tx, code: &str) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, code];
    tx.only_row(
        concat!("SELECT ", has_feature!("$1", "$2"), " AS enabled"),
        binds,
    )
    .await?
    .get("enabled")
}

/// Makes sure that the tenant has a feature: [`StoreError::FeatureOff`], by the name that the catalogue has for it.
pub async fn require(tx: &mut Tx, code: &str) -> Result<(), StoreError> {
    if has(tx, code).await? {
        return Ok(());
    }
    let row = tx
        .row("SELECT name FROM features WHERE code = $1", binds![code])
        .await?;
    let name = match row {
        Some(row) => row.get("name")?,
        None => code.to_owned(),
    };
    Err(StoreError::FeatureOff(Feature {
        code: code.to_owned(),
        name,
    }))
}

/// Sets the tenant's overrides for these features; none: inherit from the plan again. Others stay as they are.
/// [`StoreError::PlatformOnly`] in a tenant's own transaction ([`Store::administer`] begins another);
/// [`StoreError::Reference`] if there is no such feature.
pub async fn set_overrides(
    tx: &mut Tx,
    overrides: &[(&str, Option<bool>)],
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.require_platform()?;
    for (code, enabled) in overrides {
        if let Some(enabled) = enabled {
            let binds = binds![tx.tenant, *code, *enabled, at];
            tx.execute(
                "INSERT INTO tenant_features (tenant_id, feature_code, enabled, at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (tenant_id, feature_code)
                    DO UPDATE SET enabled = excluded.enabled, at = excluded.at",
                binds,
            )
            .await?;
        } else {
            let binds = binds![tx.tenant, *code];
            tx.execute(
                "DELETE FROM tenant_features WHERE tenant_id = $1 AND feature_code = $2",
                binds,
            )
            .await?;
        }
    }
    Ok(())
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CODE_CHARS_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
