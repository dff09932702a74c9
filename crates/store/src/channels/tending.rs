//! Tending channels: which links are to have one, whose turn it is, and what came of it.

use jiff::Timestamp;
use kalends_calendar::ids::{ChannelId, LinkId, TenantId};

use super::{Channel, ChannelState, KeyHash, TokenHash, lock_link_of, make_link_due, read};
use crate::bind::binds;
use crate::connections::ProviderKind;
use crate::error::StoreError;
use crate::features::{CALENDAR_SYNC, has_feature};
use crate::links::DueReason;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};

/// A channel to be opened.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its identity.
    pub id: ChannelId,
    /// For which link.
    pub link: LinkId,
    /// How often opening one for this link failed before.
    pub failures: i64,
    /// What was wrong then.
    pub last_error: Option<String>,
    /// When it is to be opened.
    pub due_at: Timestamp,
    /// Now.
    pub created_at: Timestamp,
}

/// A channel that is about to be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// Which.
    pub id: ChannelId,
    /// Under which claim.
    pub fence: i64,
    /// What its address is known by.
    pub key: KeyHash,
    /// What a call must show.
    pub token: TokenHash,
    /// Now.
    pub at: Timestamp,
    /// When it ends at the latest, if it is opened and nobody hears of it.
    pub until: Timestamp,
}

/// What a provider said of a channel that is open.
#[derive(Clone, Debug)]
pub struct Said {
    /// What it wants to hear when the channel is prolonged or closed.
    pub provider_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it is to be renewed.
    pub renew_at: Timestamp,
    /// Now.
    pub at: Timestamp,
}

/// What became of a channel when the provider opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is the first of its link: what changed before it was there, nobody was told of.
    First,
    /// It takes the place of others, which are to be closed.
    InPlace,
    /// Nobody wants it any more: it is to be closed.
    Unwanted,
    /// It is not even known any more, and nobody else will close it.
    Unknown,
}

/// A channel that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Of this tenant.
    pub tenant: TenantId,
    /// The channel, as it is now.
    pub channel: Channel,
}

/// A link that is to have a channel and has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanting {
    /// Of this tenant.
    pub tenant: TenantId,
    /// The link.
    pub link: LinkId,
}

/// Whether the link of channel `ch` is to have one: it is worked on, its tenant has the feature `$code`, and its provider is
/// among those that reach us, which are listed in `$reached`.
macro_rules! wanted {
    ($reached:literal, $code:literal) => {
        concat!(
            "(",
            $reached,
            " LIKE '%,' || ch.provider || ',%' AND EXISTS (SELECT 1 FROM links l
                WHERE l.tenant_id = ch.tenant_id AND l.id = ch.link_id AND l.state = 'active'
                    AND NOT l.leaving AND l.live)
             AND ",
            has_feature!("ch.tenant_id", $code),
            ")"
        )
    };
}

fn listed(reached: &[ProviderKind]) -> String {
    use crate::words::Word as _;
    reached.iter().fold(",".to_owned(), |list, kind| {
        format!("{list}{},", kind.word())
    })
}

/// Links that are to have a channel and have none, of providers that reach us. Across tenants.
pub async fn wanting(
    store: &Store,
    reached: &[ProviderKind],
    limit: i64,
) -> Result<Vec<Wanting>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let binds = binds![listed(reached), CALENDAR_SYNC, limit];
    let rows = tx
        .rows(
            concat!(
                "SELECT l.tenant_id, l.id FROM links l
                 JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id
                 WHERE l.state = 'active' AND NOT l.leaving AND l.live AND c.state = 'ok'
                    AND $1 LIKE '%,' || c.provider || ',%'
                    AND NOT EXISTS (SELECT 1 FROM channels ch WHERE ch.tenant_id = l.tenant_id
                        AND ch.link_id = l.id AND ch.state <> 'closing')
                    AND ",
                has_feature!("l.tenant_id", "$2"),
                " ORDER BY l.created_at, l.id LIMIT $3"
            ),
            binds,
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Wanting {
                tenant: row.get("tenant_id")?,
                link: row.get("id")?,
            })
        })
        .collect()
}

/// Whether a query finds anything. Looking comes first, so that a database in which nothing is to be done is not written to.
async fn finds(
    store: &Store,
    text: &'static str,
    binds: Vec<crate::bind::Bind>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    Ok(tx.row(text, binds).await?.is_some())
}

/// Has all channels closed that nobody wants any more: of links that are paused, gone or leaving, of tenants without
/// [`CALENDAR_SYNC`], of providers that do not reach us any more. How many. Across tenants.
pub async fn close_unwanted(
    store: &Store,
    reached: &[ProviderKind],
    at: Timestamp,
) -> Result<u64, StoreError> {
    let unwanted = concat!(
        "SELECT 1 AS found FROM channels ch WHERE state <> 'closing' AND NOT ",
        wanted!("$1", "$2"),
        " LIMIT 1"
    );
    let binds = binds![listed(reached), CALENDAR_SYNC];
    if !finds(store, unwanted, binds.clone()).await? {
        return Ok(0);
    }
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Write).await?;
    let dropped = tx
        .execute(
            concat!(
                "DELETE FROM channels AS ch WHERE state = 'opening' AND asked_at IS NULL AND NOT ",
                wanted!("$1", "$2"),
            ),
            binds,
        )
        .await?;
    let binds = binds![listed(reached), CALENDAR_SYNC, at];
    let closing = tx
        .execute(
            concat!(
                "UPDATE channels AS ch SET state = 'closing', failures = 0,
                    due_at = CASE WHEN provider_id IS NULL THEN expires_at ELSE $3 END
                 WHERE state <> 'closing' AND NOT ",
                wanted!("$1", "$2"),
            ),
            binds,
        )
        .await?;
    tx.commit().await?;
    Ok(dropped + closing)
}

/// Whether the link of a channel is still to have one.
pub async fn is_wanted(
    tx: &mut Tx,
    id: ChannelId,
    reached: &[ProviderKind],
) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, id, listed(reached), CALENDAR_SYNC];
    tx.only_row(
        concat!(
            "SELECT EXISTS (SELECT 1 FROM channels ch WHERE ch.tenant_id = $1 AND ch.id = $2 AND ",
            wanted!("$3", "$4"),
            ") AS wanted"
        ),
        binds,
    )
    .await?
    .get("wanted")
}

/// Makes a channel that is to be opened, unless the link is gone or is about to have one already.
pub async fn propose(tx: &mut Tx, new: NewChannel) -> Result<bool, StoreError> {
    let binds = binds![
        tx.tenant,
        new.id,
        new.link,
        new.failures,
        new.last_error,
        new.due_at,
        new.created_at,
    ];
    let made = tx
        .execute(
            "INSERT INTO channels (tenant_id, id, link_id, connection_id, provider, state, due_at,
                fence, failures, last_error, signals, created_at)
             SELECT $1, $2, l.id, c.id, c.provider, 'opening', $6, 0, $4, $5, 0, $7
             FROM links l
             JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id
             WHERE l.tenant_id = $1 AND l.id = $3
             ON CONFLICT DO NOTHING",
            binds,
        )
        .await?;
    Ok(made > 0)
}

/// Claims the channel that is due the longest; none if none is. Nobody else gets it before `until`. Across tenants.
pub async fn claim(
    store: &Store,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Claimed>, StoreError> {
    let due = "SELECT 1 AS found FROM channels
        WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1) LIMIT 1";
    if !finds(store, due, binds![now]).await? {
        return Ok(None);
    }
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Write).await?;
    let row = tx
        .row(
            "UPDATE channels SET claimed_until = $2, fence = fence + 1
             WHERE (tenant_id, id) = (SELECT tenant_id, id FROM channels
                    WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)
                    ORDER BY due_at, id LIMIT 1)
                AND (claimed_until IS NULL OR claimed_until <= $1)
             RETURNING *",
            binds![now, until],
        )
        .await?;
    let claimed = row
        .map(|row| {
            Ok::<_, StoreError>(Claimed {
                tenant: row.get("tenant_id")?,
                channel: read(&row)?,
            })
        })
        .transpose()?;
    tx.commit().await?;
    Ok(claimed)
}

/// Keeps what is about to be asked for. False if the claim is good no more, somebody asked already, or the tenant has lost
/// [`CALENDAR_SYNC`]: then it is not to be asked for.
pub async fn ask(tx: &mut Tx, asking: &Asking) -> Result<bool, StoreError> {
    let binds = binds![
        tx.tenant,
        asking.id,
        asking.fence,
        asking.key.0.to_vec(),
        asking.token.0.to_vec(),
        asking.at,
        asking.until,
        CALENDAR_SYNC,
    ];
    let touched = tx
        .execute(
            concat!(
                "UPDATE channels SET key_hash = $4, token_hash = $5, asked_at = $6, expires_at = $7
                 WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND state = 'opening'
                    AND asked_at IS NULL AND ",
                has_feature!("$1", "$8"),
            ),
            binds,
        )
        .await?;
    Ok(touched > 0)
}

/// The provider opened a channel. That is true whoever has claimed it since; others of its link are to be closed now.
pub async fn opened(tx: &mut Tx, id: ChannelId, said: &Said) -> Result<Opened, StoreError> {
    let Some(link) = lock_link_of(tx, id).await? else {
        return Ok(Opened::Unknown);
    };
    let binds = binds![
        tx.tenant,
        id,
        said.provider_id.clone(),
        said.expires_at,
        said.renew_at,
        said.at,
    ];
    let row = tx
        .row(
            "UPDATE channels SET provider_id = $3, expires_at = $4, opened_at = $6,
                claimed_until = NULL, failures = 0, last_error = NULL,
                due_at = CASE WHEN state = 'closing' THEN $6 ELSE $5 END,
                state = CASE WHEN state = 'closing' THEN 'closing' ELSE 'open' END
             WHERE tenant_id = $1 AND id = $2 RETURNING state",
            binds,
        )
        .await?;
    let Some(row) = row else {
        return Ok(Opened::Unknown);
    };
    if row.get::<ChannelState>("state")? == ChannelState::Closing {
        return Ok(Opened::Unwanted);
    }
    let binds = binds![tx.tenant, id, link, said.at];
    let replaced = tx
        .execute(
            "UPDATE channels SET state = 'closing', due_at = $4, failures = 0
             WHERE tenant_id = $1 AND link_id = $3 AND id <> $2 AND state = 'open'",
            binds,
        )
        .await?;
    if replaced > 0 {
        return Ok(Opened::InPlace);
    }
    make_link_due(tx, link, said.at, DueReason::Schedule).await?;
    Ok(Opened::First)
}

/// The provider refused to open a channel: nothing was made. Another one is asked for later, under a name of its own.
pub async fn refused(
    tx: &mut Tx,
    claimed: &Channel,
    again: ChannelId,
    error: String,
    retry_at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, claimed.id, claimed.fence, again, error, retry_at];
    tx.execute(
        "UPDATE channels SET id = $4, key_hash = NULL, token_hash = NULL, asked_at = NULL,
            expires_at = NULL, claimed_until = NULL, failures = failures + 1, last_error = $5,
            due_at = $6
         WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND state = 'opening'",
        binds,
    )
    .await?;
    Ok(())
}

/// Nobody knows whether the provider opened a channel: it is left to run out, or is closed when it is heard of.
pub async fn lost(tx: &mut Tx, claimed: &Channel) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, claimed.id, claimed.fence];
    tx.execute(
        "UPDATE channels SET state = 'closing', claimed_until = NULL, failures = 0, due_at = expires_at
         WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND state = 'opening'",
        binds,
    )
    .await?;
    Ok(())
}

/// The provider prolonged a channel.
pub async fn renewed(tx: &mut Tx, claimed: &Channel, said: &Said) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        claimed.id,
        claimed.fence,
        said.expires_at,
        said.renew_at,
        said.at,
    ];
    tx.execute(
        "UPDATE channels SET expires_at = $4, claimed_until = NULL, failures = 0, last_error = NULL,
            due_at = CASE WHEN state = 'closing' THEN $6 ELSE $5 END
         WHERE tenant_id = $1 AND id = $2 AND fence = $3",
        binds,
    )
    .await?;
    Ok(())
}

/// A channel is looked after again at `due_at`; with an error if that is so because something failed.
pub async fn later(
    tx: &mut Tx,
    claimed: &Channel,
    error: Option<String>,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let failed = error.is_some();
    let binds = binds![tx.tenant, claimed.id, claimed.fence, error, failed, due_at];
    tx.execute(
        "UPDATE channels SET claimed_until = NULL, due_at = $6,
            failures = CASE WHEN $5 THEN failures + 1 ELSE failures END,
            last_error = CASE WHEN $5 THEN $4 ELSE last_error END
         WHERE tenant_id = $1 AND id = $2 AND fence = $3",
        binds,
    )
    .await?;
    Ok(())
}

/// A channel is to be looked after now, whatever was planned.
pub async fn make_due(tx: &mut Tx, id: ChannelId, at: Timestamp) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, at];
    tx.execute(
        "UPDATE channels SET due_at = $3 WHERE tenant_id = $1 AND id = $2 AND due_at > $3",
        binds,
    )
    .await?;
    Ok(())
}

/// Forgets a channel that is over. If it was open until now, its link has nobody left who tells it of changes, and is due.
pub async fn remove(tx: &mut Tx, id: ChannelId, at: Timestamp) -> Result<(), StoreError> {
    let Some(link) = lock_link_of(tx, id).await? else {
        return Ok(());
    };
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "DELETE FROM channels WHERE tenant_id = $1 AND id = $2 RETURNING state",
            binds,
        )
        .await?;
    match row.map(|row| row.get("state")).transpose()? {
        Some(ChannelState::Open) => make_link_due(tx, link, at, DueReason::Schedule).await,
        Some(ChannelState::Opening | ChannelState::Closing) | None => Ok(()),
    }
}
