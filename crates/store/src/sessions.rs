//! Sessions: with which a browser acts for a user. The store never sees what the browser holds, only its hash. Of no tenant.

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::UserId;

use crate::bind::binds;
use crate::error::StoreError;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};
use crate::users::{self, User};

/// How exactly it is kept when a session was last seen: a busy one is not to cost a write per request.
const SIGHT_KEPT_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The SHA-256 of what a browser holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHash(pub [u8; 32]);

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its hash, which is its identity too.
    pub hash: SessionHash,
    /// For whom it acts.
    pub user: UserId,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// When it was last seen, to the minute.
    pub last_seen_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// From where it was begun.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// A session to be kept.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its hash.
    pub hash: SessionHash,
    /// For whom it acts.
    pub user: UserId,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// From where it is begun.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// A session that was seen.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Now.
    pub at: Timestamp,
    /// From when on it is good no more, unless it is seen again.
    pub expires_at: Timestamp,
}

/// Keeps a session. [`StoreError::Taken`] if it is there already, [`StoreError::Reference`] if there is no such user,
/// [`StoreError::PlatformOnly`] in a tenant's own transaction.
pub async fn create(tx: &mut Tx, new: NewSession) -> Result<(), StoreError> {
    tx.require_platform()?;
    let binds = binds![
        new.hash.0.to_vec(),
        new.user,
        new.created_at,
        new.expires_at,
        new.address,
        new.agent,
    ];
    tx.execute(
        "INSERT INTO sessions
            (hash, user_id, created_at, last_seen_at, expires_at, address, agent)
         VALUES ($1, $2, $3, $3, $4, $5, $6)",
        binds,
    )
    .await?;
    Ok(())
}

/// The session with this hash and its user, if both are good: neither expired nor disabled.
pub async fn find(
    store: &Store,
    hash: &SessionHash,
    now: Timestamp,
) -> Result<Option<(Session, User)>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row(
            "SELECT * FROM sessions WHERE hash = $1 AND expires_at > $2",
            binds![hash.0.to_vec(), now],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let session = read(&row)?;
    let user = users::find(&mut tx, session.user).await?;
    Ok(user
        .filter(|user| user.disabled_at.is_none())
        .map(|user| (session, user)))
}

/// Keeps that a session was seen and is good for longer, unless that of less than a minute ago is kept already: then nothing
/// is asked of the database. The session is as it was found. One that was ended meanwhile stays so.
pub async fn touch(store: &Store, session: &Session, sight: Sight) -> Result<(), StoreError> {
    if sight.at.duration_since(session.last_seen_at) < SIGHT_KEPT_EVERY {
        return Ok(());
    }
    let mut tx = store.platform().await?;
    tx.execute(
        "UPDATE sessions SET last_seen_at = $2, expires_at = $3
         WHERE hash = $1 AND last_seen_at < $2",
        binds![session.hash.0.to_vec(), sight.at, sight.expires_at],
    )
    .await?;
    tx.commit().await
}

/// The sessions of a user that were not swept yet, good or not, the latest first.
pub async fn list(store: &Store, user: UserId) -> Result<Vec<Session>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT * FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, hash",
            binds![user],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Ends a session, if it is there; [`StoreError::PlatformOnly`] in a tenant's own transaction.
pub async fn end(tx: &mut Tx, hash: &SessionHash) -> Result<(), StoreError> {
    tx.require_platform()?;
    tx.execute(
        "DELETE FROM sessions WHERE hash = $1",
        binds![hash.0.to_vec()],
    )
    .await?;
    Ok(())
}

/// Ends all sessions of a user, as befits another password; how many there were. [`StoreError::PlatformOnly`] in a tenant's
/// own transaction.
pub async fn end_all(tx: &mut Tx, user: UserId) -> Result<u64, StoreError> {
    tx.require_platform()?;
    tx.execute("DELETE FROM sessions WHERE user_id = $1", binds![user])
        .await
}

fn read(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        hash: SessionHash(row.hash("hash")?),
        user: row.get("user_id")?,
        created_at: row.get("created_at")?,
        last_seen_at: row.get("last_seen_at")?,
        expires_at: row.get("expires_at")?,
        address: row.opt("address")?,
        agent: row.opt("agent")?,
    })
}
