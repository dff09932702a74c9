//! Connections: authorised accounts at providers.

use jiff::Timestamp;
use kalends_calendar::event::Address;
use kalends_calendar::ids::{ConnectionId, LinkId, UserId};

use crate::bind::{binds, json};
use crate::error::StoreError;
use crate::revocations;
use crate::row::Row;
use crate::tx::Tx;

/// Which protocol an account speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// CalDAV (RFC 4791).
    Caldav,
    /// A read-only feed.
    Ics,
    /// Google Calendar.
    Google,
    /// Microsoft 365 and Outlook.com.
    Microsoft,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// It can, as far as we know.
    Ok,
    /// Its grant is dead, by a definitive answer: a person must connect again. None of its links is claimed.
    ReconnectNeeded,
}

/// Why an account is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryReason {
    /// Its provider asked for it.
    Asked,
    /// The budget of its requests is used up.
    Budget,
}

/// An authorised account at a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its identity.
    pub id: ConnectionId,
    /// Which protocol it speaks.
    pub provider: ProviderKind,
    /// Its name for people. Unique within the tenant.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Who signs in; empty where nobody does.
    pub user: String,
    /// The addresses under which its owner is invited.
    pub me: Vec<Address>,
    /// Whether it can be used.
    pub state: ConnectionState,
    /// What is wrong with it, for people.
    pub problem: Option<String>,
    /// Not to be called before this time, by the provider's own word (`Retry-After`) or for its budget. Binds all nodes.
    pub retry_at: Option<Timestamp>,
    /// Why not.
    pub retry_reason: Option<RetryReason>,
    /// What the provider's code wants to remember.
    pub settings: serde_json::Value,
    /// Who connected it, and looks after it without being a manager; none: only managers do.
    pub owner: Option<UserId>,
    /// Who it is at the provider, where that has a name that stays (`sub` at Google, `oid` at Microsoft).
    pub subject: Option<String>,
    /// From when on its access token is good no more, where it has one.
    pub access_expires_at: Option<Timestamp>,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A connection to be made.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Its identity.
    pub id: ConnectionId,
    /// Which protocol it speaks.
    pub provider: ProviderKind,
    /// Its name for people.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Who signs in; empty where nobody does.
    pub user: String,
    /// The addresses under which its owner is invited.
    pub me: Vec<Address>,
    /// What the provider's code wants to remember.
    pub settings: serde_json::Value,
    /// Who connects it.
    pub owner: Option<UserId>,
    /// Who it is at the provider, where that has a name that stays. Unique within tenant and provider.
    pub subject: Option<String>,
    /// Now.
    pub created_at: Timestamp,
}

/// Makes a connection; [`StoreError::Taken`] if the name is in use.
pub async fn insert(tx: &mut Tx, new: NewConnection) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        new.id,
        new.provider,
        new.name,
        new.url,
        new.user,
        json(&new.me)?,
        json(&new.settings)?,
        new.created_at,
        new.owner,
        new.subject,
    ];
    tx.execute(
        "INSERT INTO connections
            (tenant_id, id, provider, name, url, user_name, me, settings, created_at, owner_id, subject, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'ok')",
        binds,
    )
    .await?;
    Ok(())
}

/// All connections, by name, but those that are [leaving](crate::departures).
pub async fn list(tx: &mut Tx) -> Result<Vec<Connection>, StoreError> {
    let binds = binds![tx.tenant];
    let rows = tx
        .rows(
            "SELECT * FROM connections WHERE tenant_id = $1 AND leaving_since IS NULL
             ORDER BY name, id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One connection, unless it is leaving.
pub async fn get(tx: &mut Tx, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT * FROM connections
             WHERE tenant_id = $1 AND id = $2 AND leaving_since IS NULL",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The connection of an account that has a name that stays, unless it is leaving.
pub async fn by_subject(
    tx: &mut Tx,
    provider: ProviderKind,
    subject: &str,
) -> Result<Option<Connection>, StoreError> {
    let binds = binds![tx.tenant, provider, subject];
    let row = tx
        .row(
            "SELECT * FROM connections
             WHERE tenant_id = $1 AND provider = $2 AND subject = $3 AND leaving_since IS NULL",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Says under which address an account goes now.
pub async fn set_user(tx: &mut Tx, id: ConnectionId, user: String) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, user];
    let touched = tx
        .execute(
            "UPDATE connections SET user_name = $3 WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    found(touched)
}

/// Says whether an account can be used, and what is wrong with it. Of one that can, whoever was told otherwise is told anew
/// when it cannot.
pub async fn set_state(
    tx: &mut Tx,
    id: ConnectionId,
    state: ConnectionState,
    problem: Option<String>,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, state, problem];
    let touched = tx
        .execute(
            "UPDATE connections SET state = $3, problem = $4,
                told_at = CASE WHEN $3 = 'ok' THEN NULL ELSE told_at END
             WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    found(touched)
}

/// Keeps the provider's word on when to come back; none lifts it.
pub async fn set_retry_at(
    tx: &mut Tx,
    id: ConnectionId,
    retry_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, retry_at];
    let touched = tx
        .execute(
            "UPDATE connections SET retry_at = $3,
                retry_reason = CASE WHEN $3 IS NULL THEN NULL ELSE 'asked' END
             WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    found(touched)
}

/// The account of a link cannot be used before a person connects it again.
pub(crate) async fn needs_reconnect(
    tx: &mut Tx,
    link: LinkId,
    problem: String,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, ConnectionState::ReconnectNeeded, problem];
    tx.execute(
        "UPDATE connections SET state = $3, problem = $4 WHERE tenant_id = $1
            AND id = (SELECT connection_id FROM links WHERE tenant_id = $1 AND id = $2)",
        binds,
    )
    .await?;
    Ok(())
}

/// The provider wants to be left alone for so long at least: of several such words the latest time counts. It outlives a
/// restart and binds all nodes.
pub async fn leave_alone(
    tx: &mut Tx,
    id: ConnectionId,
    until: Timestamp,
) -> Result<(), StoreError> {
    rest(tx, id, until, RetryReason::Asked).await
}

/// The budget of the account is used up until then, which is said and heeded in the same way.
pub async fn wait_for_budget(
    tx: &mut Tx,
    id: ConnectionId,
    until: Timestamp,
) -> Result<(), StoreError> {
    rest(tx, id, until, RetryReason::Budget).await
}

async fn rest(
    tx: &mut Tx,
    id: ConnectionId,
    until: Timestamp,
    reason: RetryReason,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, until, reason];
    tx.execute(
        "UPDATE connections SET retry_at = $3, retry_reason = $4 WHERE tenant_id = $1 AND id = $2
            AND (retry_at IS NULL OR retry_at < $3)",
        binds,
    )
    .await?;
    Ok(())
}

/// Keeps the addresses under which the account's owner is invited.
pub async fn set_me(tx: &mut Tx, id: ConnectionId, me: &[Address]) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, json(me)?];
    let touched = tx
        .execute(
            "UPDATE connections SET me = $3 WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    found(touched)
}

/// Forgets a connection with its secrets; [`StoreError::Reference`] while links use it. What it was granted is owed
/// [back](crate::revocations).
pub async fn delete(tx: &mut Tx, id: ConnectionId, at: Timestamp) -> Result<(), StoreError> {
    revocations::owe(tx, id, at).await?;
    let binds = binds![tx.tenant, id];
    let touched = tx
        .execute(
            "DELETE FROM connections WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    found(touched)
}

fn found(touched: u64) -> Result<(), StoreError> {
    if touched == 0 {
        return Err(StoreError::NotFound("connection"));
    }
    Ok(())
}

pub(crate) fn read(row: &Row) -> Result<Connection, StoreError> {
    Ok(Connection {
        id: row.get("id")?,
        provider: row.get("provider")?,
        name: row.get("name")?,
        url: row.get("url")?,
        user: row.get("user_name")?,
        me: row.json("me")?,
        state: row.get("state")?,
        problem: row.opt("problem")?,
        retry_at: row.opt("retry_at")?,
        retry_reason: row.opt("retry_reason")?,
        settings: row.json("settings")?,
        owner: row.opt("owner_id")?,
        subject: row.opt("subject")?,
        access_expires_at: row.opt("access_expires_at")?,
        created_at: row.get("created_at")?,
    })
}
