//! Members: which users act in the tenant, and as what.

use jiff::Timestamp;
use kalends_calendar::ids::{TenantId, UserId};

use crate::bind::binds;
use crate::error::StoreError;
use crate::links;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tenants::{self, Tenant};
use crate::tx::{Tx, TxAccess};
use crate::users::{self, User};

/// What a member may do. A greater one may do all that a lesser one may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Books with the business; sees nothing of its calendars.
    Customer,
    /// Works there: reads, and looks after their own accounts.
    Staff,
    /// Runs its calendars: connects, syncs and disconnects.
    Manager,
    /// Whose business it is.
    Owner,
}

/// A user in the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// A tenant of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Where.
    pub tenant: Tenant,
    /// As what.
    pub role: Role,
}

/// Makes a user a member, or gives a member another role. [`StoreError::Reference`] if there is no such user;
/// [`StoreError::LastOwner`] if nobody else would be left to own the tenant.
pub async fn put(tx: &mut Tx, user: UserId, role: Role, at: Timestamp) -> Result<(), StoreError> {
    if role != Role::Owner {
        keep_an_owner(tx, user).await?;
    }
    let binds = binds![tx.tenant, user, role, at];
    tx.execute(
        "INSERT INTO members (tenant_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role",
        binds,
    )
    .await?;
    Ok(())
}

/// As what a user acts in the tenant; none if they do not.
pub async fn role(tx: &mut Tx, user: UserId) -> Result<Option<Role>, StoreError> {
    let binds = binds![tx.tenant, user];
    let row = tx
        .row(
            "SELECT role FROM members WHERE tenant_id = $1 AND user_id = $2",
            binds,
        )
        .await?;
    row.map(|row| row.get("role")).transpose()
}

/// All members, in the order they came.
pub async fn list(tx: &mut Tx) -> Result<Vec<Member>, StoreError> {
    let binds = binds![tx.tenant];
    let rows = tx
        .rows(
            "SELECT * FROM members WHERE tenant_id = $1 ORDER BY created_at, user_id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// All members with who they are, in the order they came. In a transaction of the platform, because only that sees users.
pub async fn people(store: &Store, tenant: TenantId) -> Result<Vec<(Member, User)>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT u.*, m.role, m.created_at AS joined_at
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.tenant_id = $1 ORDER BY m.created_at, m.user_id",
            binds![tenant],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let user = users::read(row)?;
            let member = Member {
                user: user.id,
                role: row.get("role")?,
                created_at: row.get("joined_at")?,
            };
            Ok((member, user))
        })
        .collect()
}

/// Ends a membership; the user stays. [`StoreError::LastOwner`] if nobody else would be left to own the tenant.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    keep_an_owner(tx, user).await?;
    let binds = binds![tx.tenant, user];
    let touched = tx
        .execute(
            "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2",
            binds,
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("member"));
    }
    // Their accounts are the tenant's from now on, also if they come back as somebody else.
    let binds = binds![tx.tenant, user];
    tx.execute(
        "UPDATE connections SET owner_id = NULL WHERE tenant_id = $1 AND owner_id = $2",
        binds,
    )
    .await?;
    Ok(())
}

/// The tenants in which a user acts, by slug. Across tenants.
pub async fn tenants_of(store: &Store, user: UserId) -> Result<Vec<Membership>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT t.*, m.role FROM members m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.user_id = $1 ORDER BY t.slug",
            binds![user],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Membership {
                tenant: tenants::read(row)?,
                role: row.get("role")?,
            })
        })
        .collect()
}

/// Makes sure that the tenant has another owner than this one. The tenant's row is locked first: of two owners who send
/// each other away at once, one stays.
async fn keep_an_owner(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    links::lock_tenant(tx).await?;
    let binds = binds![tx.tenant, Role::Owner];
    let owners = tx
        .rows(
            "SELECT user_id FROM members WHERE tenant_id = $1 AND role = $2 LIMIT 2",
            binds,
        )
        .await?;
    match owners.as_slice() {
        [only] if only.get::<UserId>("user_id")? == user => Err(StoreError::LastOwner),
        _ => Ok(()),
    }
}

fn read(row: &Row) -> Result<Member, StoreError> {
    Ok(Member {
        user: row.get("user_id")?,
        role: row.get("role")?,
        created_at: row.get("created_at")?,
    })
}
