//! Users: people who sign in. Of no tenant: which tenants a user acts in, `members` says.

use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::UserId;

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};

/// A person who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their identity.
    pub id: UserId,
    /// Their address, in lower case. Unique.
    pub email: String,
    /// Their name for people.
    pub name: String,
    /// What their password is compared with; none while they have no password.
    pub password_hash: Option<PasswordHash>,
    /// Whether they administer the platform.
    pub platform_admin: bool,
    /// Since when they are here.
    pub created_at: Timestamp,
    /// Since when they may not sign in, nor may any of their tokens be used.
    pub disabled_at: Option<Timestamp>,
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their identity.
    pub id: UserId,
    /// Their address, in any case.
    pub email: String,
    /// Their name for people.
    pub name: String,
    /// What their password is compared with.
    pub password_hash: Option<PasswordHash>,
    /// Whether they administer the platform.
    pub platform_admin: bool,
    /// Now.
    pub created_at: Timestamp,
}

/// A password's hash, in the PHC string format. No log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Makes a user; [`StoreError::Taken`] if the address is in use, in whatever case; [`StoreError::PlatformOnly`] in a
/// tenant's own transaction.
pub async fn create(tx: &mut Tx, new: NewUser) -> Result<(), StoreError> {
    if make(tx, new).await? == 0 {
        return Err(StoreError::Taken("a row of users".to_owned()));
    }
    Ok(())
}

/// The user with this address, made if there is none; one that is there stays as it is.
pub(crate) async fn find_or_make(tx: &mut Tx, new: NewUser) -> Result<UserId, StoreError> {
    let email = new.email.to_lowercase();
    make(tx, new).await?;
    tx.only_row("SELECT id FROM users WHERE email = $1", binds![email])
        .await?
        .get("id")
}

/// Makes a user unless the address is in use; how many that were.
async fn make(tx: &mut Tx, new: NewUser) -> Result<u64, StoreError> {
    tx.require_platform()?;
    let binds = binds![
        new.id,
        new.email.to_lowercase(),
        new.name,
        new.password_hash.map(|hash| hash.0),
        new.platform_admin,
        new.created_at,
    ];
    tx.execute(
        "INSERT INTO users (id, email, name, password_hash, platform_admin, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email) DO NOTHING",
        binds,
    )
    .await
}

/// The user with this address, in whatever case.
pub async fn by_email(store: &Store, email: &str) -> Result<Option<User>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row(
            "SELECT * FROM users WHERE email = $1",
            binds![email.to_lowercase()],
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// One user.
pub async fn get(store: &Store, id: UserId) -> Result<Option<User>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    find(&mut tx, id).await
}

/// Those of these users that there are, in any order.
pub async fn get_many(store: &Store, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
    static TEXT: LazyLock<Multi> =
        LazyLock::new(|| Multi::new("SELECT * FROM users WHERE id IN (", 0, "?", ")"));
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let ids = ids.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &[], ids).await?;
    rows.iter().map(read).collect()
}

/// Gives a user another password, or takes it away. Their sessions stay: see [`end_all`](crate::sessions::end_all).
pub async fn set_password_hash(
    tx: &mut Tx,
    id: UserId,
    hash: Option<PasswordHash>,
) -> Result<(), StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE users SET password_hash = $2 WHERE id = $1",
            binds![id, hash.map(|hash| hash.0)],
        )
        .await?;
    found(touched)
}

/// Keeps a user out from now on; none lets them in again. Whoever is out already stays so since then.
pub async fn set_disabled(
    tx: &mut Tx,
    id: UserId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE users SET disabled_at = CASE WHEN $2 IS NULL THEN NULL
                ELSE coalesce(disabled_at, $2) END
             WHERE id = $1",
            binds![id, at],
        )
        .await?;
    found(touched)
}

/// Says whether a user administers the platform.
pub async fn set_platform_admin(
    tx: &mut Tx,
    id: UserId,
    platform_admin: bool,
) -> Result<(), StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE users SET platform_admin = $2 WHERE id = $1",
            binds![id, platform_admin],
        )
        .await?;
    found(touched)
}

/// One user, in a transaction of the platform.
pub(crate) async fn find(tx: &mut Tx, id: UserId) -> Result<Option<User>, StoreError> {
    let row = tx
        .row("SELECT * FROM users WHERE id = $1", binds![id])
        .await?;
    row.map(|row| read(&row)).transpose()
}

fn found(touched: u64) -> Result<(), StoreError> {
    if touched == 0 {
        return Err(StoreError::NotFound("user"));
    }
    Ok(())
}

pub(crate) fn read(row: &Row) -> Result<User, StoreError> {
    let password_hash: Option<String> = row.opt("password_hash")?;
    Ok(User {
        id: row.get("id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        password_hash: password_hash.map(PasswordHash),
        platform_admin: row.get("platform_admin")?,
        created_at: row.get("created_at")?,
        disabled_at: row.opt("disabled_at")?,
    })
}
