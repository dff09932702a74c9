//! Tenants: found without one, because everything else that is theirs is found by them.

use jiff::Timestamp;
use kalends_calendar::ids::TenantId;

use crate::bind::binds;
use crate::error::StoreError;
use crate::links;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};

/// A business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its identity.
    pub id: TenantId,
    /// Its short name, as in its subdomain. Unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The code of the plan that it subscribed to.
    pub plan: Option<String>,
    /// The last position of its change feed.
    pub feed_seq: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A tenant to be made. It has no plan and no feature.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its identity.
    pub id: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Now.
    pub created_at: Timestamp,
}

/// Makes a tenant; [`StoreError::Taken`] if the slug is in use.
pub async fn create(store: &Store, new: NewTenant) -> Result<(), StoreError> {
    let mut tx = store.begin(new.id).await?;
    insert(&mut tx, new).await?;
    tx.commit().await
}

/// Makes the tenant of the transaction; what it is to begin with (features, members) can be put into the same one.
/// [`StoreError::Taken`] if the slug is in use.
pub async fn insert(tx: &mut Tx, new: NewTenant) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tenants (id, slug, name, feed_seq, created_at) VALUES ($1, $2, $3, 0, $4)",
        binds![new.id, new.slug, new.name, new.created_at],
    )
    .await?;
    Ok(())
}

/// The tenant with this slug. Across tenants.
pub async fn by_slug(store: &Store, slug: &str) -> Result<Option<Tenant>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row("SELECT * FROM tenants WHERE slug = $1", binds![slug])
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The tenant with this identity. Across tenants.
pub async fn by_id(store: &Store, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row("SELECT * FROM tenants WHERE id = $1", binds![id])
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// All tenants, by slug. Across tenants.
pub async fn list(store: &Store) -> Result<Vec<Tenant>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows("SELECT * FROM tenants ORDER BY slug", binds![])
        .await?;
    rows.iter().map(read).collect()
}

/// The tenants after a slug (that of the last one read), by slug. Across tenants.
pub async fn page(
    store: &Store,
    after_slug: Option<&str>,
    limit: i64,
) -> Result<Vec<Tenant>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT * FROM tenants WHERE slug > $1 ORDER BY slug LIMIT $2",
            binds![after_slug.unwrap_or_default(), limit],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Keeps everybody else waiting who does something about the same tenant that only one may do at a time (its quotas, its
/// accounts, which links it has), until the transaction ends. Before any other lock.
pub async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    links::lock_tenant(tx).await
}

/// Gives the tenant of the transaction another name for people.
pub async fn rename(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, name];
    let touched = tx
        .execute("UPDATE tenants SET name = $2 WHERE id = $1", binds)
        .await?;
    found(touched)
}

/// Gives the tenant of the transaction another plan, or none; [`StoreError::Reference`] if there is no such plan,
/// [`StoreError::PlatformOnly`] in the tenant's own transaction ([`Store::administer`] begins another).
pub async fn set_plan(tx: &mut Tx, plan: Option<&str>) -> Result<(), StoreError> {
    tx.require_platform()?;
    let binds = binds![tx.tenant, plan.map(str::to_owned)];
    let touched = tx
        .execute("UPDATE tenants SET plan_code = $2 WHERE id = $1", binds)
        .await?;
    found(touched)
}

fn found(touched: u64) -> Result<(), StoreError> {
    if touched == 0 {
        return Err(StoreError::NotFound("tenant"));
    }
    Ok(())
}

pub(crate) fn read(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.get("id")?,
        slug: row.get("slug")?,
        name: row.get("name")?,
        plan: row.opt("plan_code")?,
        feed_seq: row.get("feed_seq")?,
        created_at: row.get("created_at")?,
    })
}
