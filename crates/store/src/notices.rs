//! What people have to be told of and were not yet: accounts that must be connected again, deletions that are held.
//!
//! It is looked for, not signalled: whatever made it so, and wherever that ran, the next look finds it.

use jiff::Timestamp;
use kalends_calendar::ids::{ConnectionId, LinkId, TenantId, UserId};

use crate::bind::binds;
use crate::connections::ProviderKind;
use crate::error::StoreError;
use crate::store::Store;
use crate::tx::Tx;

/// An account that must be connected again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadAccount {
    /// Of this tenant.
    pub tenant: TenantId,
    /// Its connection.
    pub connection: ConnectionId,
    /// Where it is.
    pub provider: ProviderKind,
    /// How it is called.
    pub name: String,
    /// What is wrong with it, for people.
    pub problem: Option<String>,
    /// Whose it is.
    pub owner: Option<UserId>,
}

/// A link that holds deletions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Of this tenant.
    pub tenant: TenantId,
    /// The link.
    pub link: LinkId,
    /// How many it holds.
    pub deletions: i64,
}

/// Accounts that must be connected again and of which nobody was told, of all tenants.
pub async fn dead_accounts(store: &Store, limit: i64) -> Result<Vec<DeadAccount>, StoreError> {
    let mut tx = store.platform_read().await?;
    let rows = tx
        .rows(
            "SELECT tenant_id, id, provider, name, problem, owner_id FROM connections
             WHERE state = 'reconnect_needed' AND told_at IS NULL AND leaving_since IS NULL
             ORDER BY tenant_id, id LIMIT $1",
            binds![limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(DeadAccount {
                tenant: row.get("tenant_id")?,
                connection: row.get("id")?,
                provider: row.get("provider")?,
                name: row.get("name")?,
                problem: row.opt("problem")?,
                owner: row.opt("owner_id")?,
            })
        })
        .collect()
}

/// People are told of a dead account; false if somebody else did so, or it is alive again.
pub async fn told_of_account(
    tx: &mut Tx,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, connection, at];
    let touched = tx
        .execute(
            "UPDATE connections SET told_at = $3
             WHERE tenant_id = $1 AND id = $2 AND state = 'reconnect_needed' AND told_at IS NULL",
            binds,
        )
        .await?;
    Ok(touched > 0)
}

/// Links that hold deletions of which nobody was told, of all tenants.
pub async fn holding(store: &Store, limit: i64) -> Result<Vec<Holding>, StoreError> {
    let mut tx = store.platform_read().await?;
    let rows = tx
        .rows(
            "SELECT h.tenant_id, h.link_id, count(*) AS deletions FROM held_deletions h
             JOIN links l ON l.tenant_id = h.tenant_id AND l.id = h.link_id
             WHERE NOT h.confirmed AND NOT l.leaving AND (l.held_told_at IS NULL OR h.held_at > l.held_told_at)
             GROUP BY h.tenant_id, h.link_id ORDER BY h.tenant_id, h.link_id LIMIT $1",
            binds![limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Holding {
                tenant: row.get("tenant_id")?,
                link: row.get("link_id")?,
                deletions: row.get("deletions")?,
            })
        })
        .collect()
}

/// People are told of what a link holds now; false if somebody else did so, or it holds nothing any more.
pub async fn told_of_held(tx: &mut Tx, link: LinkId, at: Timestamp) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, link, at];
    let touched = tx
        .execute(
            "UPDATE links SET held_told_at = $3 WHERE tenant_id = $1 AND id = $2
                AND EXISTS (SELECT 1 FROM held_deletions h
                    WHERE h.tenant_id = links.tenant_id AND h.link_id = links.id AND NOT h.confirmed
                        AND (links.held_told_at IS NULL OR h.held_at > links.held_told_at))",
            binds,
        )
        .await?;
    Ok(touched > 0)
}
