//! Grants: the tokens of an account that was connected by OAuth, and whose turn it is to refresh them.
//!
//! Of all nodes one refreshes an account's token at a time; others wait for what it gets. The turn runs out by itself, so
//! that a node that dies holds up nobody for long. No transaction is open while the provider is asked; whatever comes of it is
//! kept under the turn only, so that a late answer never replaces what somebody consented to meanwhile.

use jiff::Timestamp;
use kalends_calendar::ids::ConnectionId;
use secrecy::SecretString;

use crate::bind::binds;
use crate::error::StoreError;
use crate::secrets;
use crate::tx::Tx;
use crate::vault::{Purpose, Vault};

/// What an account was granted.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The access token.
    pub access: SecretString,
    /// From when on it is good no more.
    pub access_expires_at: Timestamp,
    /// The refresh token.
    pub refresh: SecretString,
}

/// What a provider gave out.
#[derive(Clone, Debug)]
pub struct NewTokens {
    /// The access token.
    pub access: SecretString,
    /// From when on it is good no more.
    pub access_expires_at: Timestamp,
    /// A refresh token in place of the one before; none where that stays good (Google).
    pub refresh: Option<SecretString>,
}

/// Whose turn it is, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Now.
    pub now: Timestamp,
    /// Who: one flight of a node, not the node.
    pub holder: &'a str,
    /// Until when others wait.
    pub until: Timestamp,
}

/// The tokens of an account; none if it has none.
pub async fn get(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
) -> Result<Option<Grant>, StoreError> {
    let binds = binds![tx.tenant, connection];
    let row = tx
        .row(
            "SELECT access_expires_at FROM connections WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    let expires_at = match row {
        Some(row) => row.opt("access_expires_at")?,
        None => None,
    };
    let access = secrets::get(tx, vault, connection, Purpose::AccessToken).await?;
    let refresh = secrets::get(tx, vault, connection, Purpose::RefreshToken).await?;
    Ok(match (access, expires_at, refresh) {
        (Some(access), Some(access_expires_at), Some(refresh)) => Some(Grant {
            access,
            access_expires_at,
            refresh,
        }),
        _ => None,
    })
}

/// Takes the turn of refreshing, if nobody has it.
pub async fn take_turn(
    tx: &mut Tx,
    connection: ConnectionId,
    turn: Turn<'_>,
) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, connection, turn.now, turn.holder, turn.until];
    let touched = tx
        .execute(
            "UPDATE connections SET refresh_holder = $4, refresh_until = $5
             WHERE tenant_id = $1 AND id = $2 AND (refresh_until IS NULL OR refresh_until <= $3)",
            binds,
        )
        .await?;
    Ok(touched > 0)
}

/// Gives the turn back; false if it is no longer the holder's, and then nothing is changed.
pub async fn end_turn(
    tx: &mut Tx,
    connection: ConnectionId,
    holder: &str,
) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, connection, holder];
    let touched = tx
        .execute(
            "UPDATE connections SET refresh_holder = NULL, refresh_until = NULL
             WHERE tenant_id = $1 AND id = $2 AND refresh_holder = $3",
            binds,
        )
        .await?;
    Ok(touched > 0)
}

/// Keeps what an account was granted that is connected, or connected again: whoever refreshes what was there before is too
/// late from now on. [`StoreError::NotFound`] if the connection is gone meanwhile.
pub async fn keep(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
    new: &NewTokens,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, connection];
    let touched = tx
        .execute(
            "UPDATE connections SET refresh_holder = NULL, refresh_until = NULL
             WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("connection"));
    }
    put(tx, vault, connection, new, at).await
}

/// Keeps what a flight of refreshing got, and gives its turn back; false if the turn is no longer its own, for then something
/// newer may be there, and nothing is changed.
pub async fn keep_refreshed(
    tx: &mut Tx,
    vault: &Vault,
    (connection, holder): (ConnectionId, &str),
    new: &NewTokens,
    at: Timestamp,
) -> Result<bool, StoreError> {
    if !end_turn(tx, connection, holder).await? {
        return Ok(false);
    }
    put(tx, vault, connection, new, at).await?;
    Ok(true)
}

async fn put(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
    new: &NewTokens,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, connection, new.access_expires_at];
    tx.execute(
        "UPDATE connections SET access_expires_at = $3 WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    secrets::put(tx, vault, connection, Purpose::AccessToken, &new.access, at).await?;
    if let Some(refresh) = &new.refresh {
        secrets::put(tx, vault, connection, Purpose::RefreshToken, refresh, at).await?;
    }
    Ok(())
}
