//! Tenants: the only noun that is found without one.

use jiff::Timestamp;
use kalends_calendar::ids::TenantId;

use crate::bind::binds;
use crate::error::StoreError;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::TxAccess;

/// A business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its identity.
    pub id: TenantId,
    /// Its short name, as in its subdomain. Unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The last position of its change feed.
    pub feed_seq: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A tenant to be made.
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
    tx.execute(
        "INSERT INTO tenants (id, slug, name, feed_seq, created_at) VALUES ($1, $2, $3, 0, $4)",
        binds![new.id, new.slug, new.name, new.created_at],
    )
    .await?;
    tx.commit().await
}

/// The tenant with this slug. Across tenants.
pub async fn by_slug(store: &Store, slug: &str) -> Result<Option<Tenant>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row("SELECT * FROM tenants WHERE slug = $1", binds![slug])
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

fn read(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.get("id")?,
        slug: row.get("slug")?,
        name: row.get("name")?,
        feed_seq: row.get("feed_seq")?,
        created_at: row.get("created_at")?,
    })
}
