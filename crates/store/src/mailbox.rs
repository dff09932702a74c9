//! The platform's own mailbox, from which notices are sent. There is at most one. Of no tenant.

use jiff::Timestamp;
use kalends_calendar::ids::UserId;
use secrecy::SecretString;

use crate::bind::binds;
use crate::connections::ConnectionState;
use crate::error::StoreError;
use crate::grants::{Grant, NewTokens, Turn};
use crate::tx::Tx;
use crate::vault::Vault;
use crate::{revocations, secrets};

/// To what the tokens are bound.
const ACCESS_PLACE: &str = "mailbox access";
pub(crate) const REFRESH_PLACE: &str = "mailbox refresh";

/// Whose authorisation server gave a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthServer {
    /// Google's.
    Google,
    /// Microsoft's.
    Microsoft,
}

/// The mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Where it is.
    pub provider: AuthServer,
    /// Who it is there: what stays when its address changes.
    pub subject: String,
    /// Its address.
    pub email: String,
    /// Whether it can be used.
    pub state: ConnectionState,
    /// What is wrong with it, for people.
    pub problem: Option<String>,
    /// Who connected it.
    pub connected_by: Option<UserId>,
    /// When.
    pub connected_at: Timestamp,
}

/// A mailbox to be used from now on.
#[derive(Clone, Debug)]
pub struct NewMailbox {
    /// Where it is.
    pub provider: AuthServer,
    /// Who it is there.
    pub subject: String,
    /// Its address.
    pub email: String,
    /// Its access token.
    pub access: SecretString,
    /// From when on that is good no more.
    pub access_expires_at: Timestamp,
    /// Its refresh token.
    pub refresh: SecretString,
    /// Who connects it.
    pub connected_by: UserId,
}

/// Uses a mailbox from now on, in place of the one before, whose turn of refreshing goes with it. What that was granted is
/// owed [back](crate::revocations).
pub async fn connect(
    tx: &mut Tx,
    vault: &Vault,
    new: NewMailbox,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.require_platform()?;
    let access = secrets::seal_at(tx, vault, ACCESS_PLACE, &new.access, at).await?;
    let refresh = secrets::seal_at(tx, vault, REFRESH_PLACE, &new.refresh, at).await?;
    let binds = binds![
        new.provider,
        new.subject,
        new.email,
        access,
        new.access_expires_at,
        refresh,
        new.connected_by,
        at,
    ];
    disconnect(tx, at).await?;
    tx.execute(
        "INSERT INTO mailbox (id, provider, subject, email, state, access_token, access_expires_at,
            refresh_token, connected_by, connected_at)
         VALUES (1, $1, $2, $3, 'ok', $4, $5, $6, $7, $8)",
        binds,
    )
    .await?;
    Ok(())
}

/// The mailbox; none if none is connected.
pub async fn get(tx: &mut Tx) -> Result<Option<Mailbox>, StoreError> {
    tx.require_platform()?;
    let row = tx.row("SELECT * FROM mailbox", binds![]).await?;
    row.map(|row| {
        Ok(Mailbox {
            provider: row.get("provider")?,
            subject: row.get("subject")?,
            email: row.get("email")?,
            state: row.get("state")?,
            problem: row.opt("problem")?,
            connected_by: row.opt("connected_by")?,
            connected_at: row.get("connected_at")?,
        })
    })
    .transpose()
}

/// Forgets the mailbox and its tokens; false if there is none. What it was granted is owed [back](crate::revocations).
pub async fn disconnect(tx: &mut Tx, at: Timestamp) -> Result<bool, StoreError> {
    revocations::owe_mailbox(tx, at).await?;
    Ok(tx.execute("DELETE FROM mailbox", binds![]).await? > 0)
}

/// Its tokens.
pub async fn grant(tx: &mut Tx, vault: &Vault) -> Result<Option<Grant>, StoreError> {
    tx.require_platform()?;
    let Some(row) = tx.row("SELECT * FROM mailbox", binds![]).await? else {
        return Ok(None);
    };
    let access: Vec<u8> = row.get("access_token")?;
    let refresh: Vec<u8> = row.get("refresh_token")?;
    Ok(Some(Grant {
        access: secrets::open_at(tx, vault, ACCESS_PLACE, &access).await?,
        access_expires_at: row.get("access_expires_at")?,
        refresh: secrets::open_at(tx, vault, REFRESH_PLACE, &refresh).await?,
    }))
}

/// Takes the turn of refreshing, if nobody has it.
pub async fn take_turn(tx: &mut Tx, turn: Turn<'_>) -> Result<bool, StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE mailbox SET refresh_holder = $2, refresh_until = $3
             WHERE refresh_until IS NULL OR refresh_until <= $1",
            binds![turn.now, turn.holder, turn.until],
        )
        .await?;
    Ok(touched > 0)
}

/// Gives the turn back; false if it is no longer the holder's: another mailbox may be there, or none. Nothing is changed then.
pub async fn end_turn(tx: &mut Tx, holder: &str) -> Result<bool, StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE mailbox SET refresh_holder = NULL, refresh_until = NULL WHERE refresh_holder = $1",
            binds![holder],
        )
        .await?;
    Ok(touched > 0)
}

/// Keeps what a flight of refreshing got, and gives its turn back; false if the turn is no longer its own.
pub async fn keep_refreshed(
    tx: &mut Tx,
    vault: &Vault,
    holder: &str,
    new: &NewTokens,
    at: Timestamp,
) -> Result<bool, StoreError> {
    if !end_turn(tx, holder).await? {
        return Ok(false);
    }
    let access = secrets::seal_at(tx, vault, ACCESS_PLACE, &new.access, at).await?;
    tx.execute(
        "UPDATE mailbox SET access_token = $1, access_expires_at = $2",
        binds![access, new.access_expires_at],
    )
    .await?;
    if let Some(refresh) = &new.refresh {
        let refresh = secrets::seal_at(tx, vault, REFRESH_PLACE, refresh, at).await?;
        tx.execute("UPDATE mailbox SET refresh_token = $1", binds![refresh])
            .await?;
    }
    Ok(true)
}

/// A flight of refreshing found that the mailbox cannot be used before it is connected again: it gives its turn back; false if
/// the turn is no longer its own, for then it says nothing about what is there now.
pub async fn needs_reconnect(
    tx: &mut Tx,
    holder: &str,
    problem: String,
) -> Result<bool, StoreError> {
    if !end_turn(tx, holder).await? {
        return Ok(false);
    }
    tx.execute(
        "UPDATE mailbox SET state = $1, problem = $2",
        binds![ConnectionState::ReconnectNeeded, problem],
    )
    .await?;
    Ok(true)
}
