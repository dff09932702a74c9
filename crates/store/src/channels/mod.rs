//! Channels: how a provider says by itself that a calendar changed, and when each is to be looked after.
//!
//! A channel is asked for once: what is asked is kept before it is sent, so that an answer that is lost is followed by a
//! channel of another name, never by a second try under the same one. A link may have several, while one takes the place of
//! another; each outlives its link until it is closed at the provider.
//!
//! Of what a call shows the store knows hashes only.

mod tending;

use jiff::Timestamp;
use kalends_calendar::ids::{ChannelId, ConnectionId, LinkId, TenantId};

use crate::bind::binds;
use crate::connections::ProviderKind;
use crate::error::StoreError;
use crate::features::{CALENDAR_SYNC, has_feature};
use crate::links::DueReason;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};

pub use tending::{
    Asking, Claimed, NewChannel, Opened, Said, Wanting, ask, claim, close_unwanted, is_wanted,
    later, lost, make_due, opened, propose, refused, remove, renewed, wanting,
};

/// How far a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// It is to be opened, or was asked for and nobody knows yet what came of it.
    Opening,
    /// It is open.
    Open,
    /// It is to be closed, or to run out where nobody knows how to close it.
    Closing,
}

/// The SHA-256 of the key in the address of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

/// The SHA-256 of what a provider shows when it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its identity, and its name at a provider where names are ours to give.
    pub id: ChannelId,
    /// For which link.
    pub link: LinkId,
    /// Through which account.
    pub connection: ConnectionId,
    /// At which provider.
    pub provider: ProviderKind,
    /// How far it is.
    pub state: ChannelState,
    /// What the provider wants to hear when it is prolonged or closed, once known.
    pub provider_id: Option<String>,
    /// When it was asked for.
    pub asked_at: Option<Timestamp>,
    /// When it ends, at the latest; none before it is asked for.
    pub expires_at: Option<Timestamp>,
    /// When it is to be looked after again: opened, renewed, closed.
    pub due_at: Timestamp,
    /// The number of its last claim.
    pub fence: i64,
    /// How often looking after it failed in a row.
    pub failures: i64,
    /// What was wrong the last time, for people.
    pub last_error: Option<String>,
    /// When it was last heard of.
    pub last_signal_at: Option<Timestamp>,
    /// How often it was heard of.
    pub signals: i64,
}

/// A channel that a call is about.
#[derive(Clone, Debug)]
pub struct Called {
    /// Of this tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: Channel,
    /// What the call must show.
    pub token: TokenHash,
    /// Whether the tenant has [`CALENDAR_SYNC`].
    pub may_sync: bool,
}

/// All channels of a link are to be closed.
pub(crate) async fn close_all(tx: &mut Tx, link: LinkId, at: Timestamp) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link];
    tx.execute(
        "DELETE FROM channels WHERE tenant_id = $1 AND link_id = $2 AND state = 'opening'
            AND asked_at IS NULL",
        binds,
    )
    .await?;
    let binds = binds![tx.tenant, link, at];
    tx.execute(
        "UPDATE channels SET state = 'closing', failures = 0,
            due_at = CASE WHEN provider_id IS NULL THEN expires_at ELSE $3 END
         WHERE tenant_id = $1 AND link_id = $2 AND state <> 'closing'",
        binds,
    )
    .await?;
    Ok(())
}

/// Whether a call makes the link of its channel due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakes {
    /// It does, if the link is worked on.
    Link,
    /// It only says that the channel lives.
    Nobody,
}

/// Calls came on a channel, and were what they should be. What the provider told of the channel with them is kept where it was
/// not known: one of which nobody heard whether it was opened can be closed then.
pub async fn heard(
    tx: &mut Tx,
    id: ChannelId,
    calls: usize,
    provider_id: Option<String>,
    wakes: Wakes,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(link) = lock_link_of(tx, id).await? else {
        return Ok(());
    };
    let calls = i64::try_from(calls).unwrap_or(i64::MAX);
    let binds = binds![tx.tenant, id, provider_id, at, calls];
    tx.execute(
        "UPDATE channels SET signals = signals + $5, last_signal_at = $4,
            due_at = CASE WHEN state = 'closing' AND provider_id IS NULL AND $3 IS NOT NULL
                THEN $4 ELSE due_at END,
            provider_id = coalesce(provider_id, $3)
         WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    match wakes {
        Wakes::Link => make_link_due(tx, link, at, DueReason::Signal).await,
        Wakes::Nobody => Ok(()),
    }
}

/// The channels of a link, the latest first.
pub async fn of_link(tx: &mut Tx, link: LinkId) -> Result<Vec<Channel>, StoreError> {
    let binds = binds![tx.tenant, link];
    let rows = tx
        .rows(
            "SELECT * FROM channels WHERE tenant_id = $1 AND link_id = $2
             ORDER BY created_at DESC, id DESC",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The channels of an account that the provider has, as far as is known.
pub async fn of_connection(
    tx: &mut Tx,
    connection: ConnectionId,
) -> Result<Vec<Channel>, StoreError> {
    let binds = binds![tx.tenant, connection];
    let rows = tx
        .rows(
            "SELECT * FROM channels WHERE tenant_id = $1 AND connection_id = $2
                AND provider_id IS NOT NULL ORDER BY id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Whether a link is told of changes: then it need not look so often. A channel that was never heard of counts for nothing:
/// Google does not try whether it reaches the address.
pub async fn is_open(tx: &mut Tx, link: LinkId, now: Timestamp) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, link, now];
    tx.only_row(
        "SELECT EXISTS (SELECT 1 FROM channels WHERE tenant_id = $1 AND link_id = $2
            AND state = 'open' AND expires_at > $3 AND signals > 0) AS found",
        binds,
    )
    .await?
    .get("found")
}

/// The channel that a call is about, by the key in its address. Across tenants: whose it is, is what is asked.
pub async fn by_key(store: &Store, key: &KeyHash) -> Result<Option<Called>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row(
            concat!(
                "SELECT ch.*, ",
                has_feature!("ch.tenant_id", "$2"),
                " AS may_sync FROM channels ch WHERE ch.key_hash = $1"
            ),
            binds![key.0.to_vec(), CALENDAR_SYNC],
        )
        .await?;
    row.map(|row| {
        Ok(Called {
            tenant: row.get("tenant_id")?,
            channel: read(&row)?,
            token: TokenHash(row.hash("token_hash")?),
            may_sync: row.get("may_sync")?,
        })
    })
    .transpose()
}

/// Locks the link of a channel before the channel, as everybody does, and says which it is; none if the channel is gone.
async fn lock_link_of(tx: &mut Tx, id: ChannelId) -> Result<Option<LinkId>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT link_id FROM channels WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    let Some(link) = row.map(|row| row.get("link_id")).transpose()? else {
        return Ok(None);
    };
    let binds = binds![tx.tenant, link];
    tx.execute(
        "UPDATE links SET fence = fence WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    Ok(Some(link))
}

/// As [`crate::links::make_due`], for a link that is worked on. One that rests looks at everything when it is resumed.
async fn make_link_due(
    tx: &mut Tx,
    link: LinkId,
    at: Timestamp,
    reason: DueReason,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, at, reason];
    tx.execute(
        "UPDATE links SET due_at = $3, due_reason = $4
         WHERE tenant_id = $1 AND id = $2 AND state = 'active' AND NOT leaving
            AND (due_at IS NULL OR due_at > $3)",
        binds,
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Channel, StoreError> {
    Ok(Channel {
        id: row.get("id")?,
        link: row.get("link_id")?,
        connection: row.get("connection_id")?,
        provider: row.get("provider")?,
        state: row.get("state")?,
        provider_id: row.opt("provider_id")?,
        asked_at: row.opt("asked_at")?,
        expires_at: row.opt("expires_at")?,
        due_at: row.get("due_at")?,
        fence: row.get("fence")?,
        failures: row.get("failures")?,
        last_error: row.opt("last_error")?,
        last_signal_at: row.opt("last_signal_at")?,
        signals: row.get("signals")?,
    })
}
