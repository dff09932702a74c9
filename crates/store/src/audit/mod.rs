//! The audit log: who did what to which object, from where and why. What is in it is neither changed nor deleted.
//!
//! The entries of a tenant are a [chain](verify): each carries the hash of the one before it. The platform has a chain of its
//! own, under [`PLATFORM`], which is told now and then where those of the tenants end ([anchors](anchor())). Entries from before there were chains have no place in one.

pub(crate) mod anchor;
pub(crate) mod chain;

use jiff::Timestamp;
use kalends_calendar::ids::TenantId;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::bind::{Bind, binds, without_nul};
use crate::error::StoreError;
use crate::row::Row;
use crate::store::{PLATFORM, Scope, Store};
use crate::tx::{Tx, TxAccess};

pub use anchor::{anchor, verify_all};
pub use chain::{Fault, Verdict, verify};

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its identity, sortable by time: entries are read in the order of `at`, then this.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: `cli`, a user, `sync`.
    pub actor: String,
    /// What: `link.create`, `deletions.confirm`.
    pub action: String,
    /// To what: `link 0190…`.
    pub object: String,
    /// What else is worth knowing. Numbers that are not whole are kept as text: the databases round them differently.
    pub detail: Value,
    /// From where: the address of whoever asked.
    pub address: Option<String>,
    /// Why: the request, the run or the entry that this follows from.
    pub cause: Option<String>,
}

/// An entry as it was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// In whose log; [`PLATFORM`] in that of the platform.
    pub tenant: TenantId,
    /// Its place in the chain, counted from 1; none from before there was a chain.
    pub seq: Option<i64>,
    /// What it says.
    pub entry: Entry,
}

/// Which entries are wanted: those for which all that is named here is so, word for word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// By this one.
    pub actor: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// About this object.
    pub object: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Without the [single writes](WRITE) to accounts, of which there may be many.
    pub without_writes: bool,
}

/// What the actions of writes to remote calendars begin with: `remote.create`, `remote.update`, `remote.delete`.
pub const WRITE: &str = "remote.";

/// Adds an entry to the log of the transaction's tenant. It is written at the commit and not seen before;
/// [`StoreError::Taken`] comes from there if its id is in use.
#[expect(
    clippy::unused_async,
    reason = "it reads like every other write to its callers, and may become one again"
)]
pub async fn append(tx: &mut Tx, entry: Entry) -> Result<(), StoreError> {
    let whose = tx.tenant;
    note(tx, whose, entry)
}

/// Adds an entry to the platform's own log, in a transaction that may be about a tenant (which is made, or gets another
/// plan); [`StoreError::PlatformOnly`] in a tenant's own.
#[expect(clippy::unused_async, reason = "as `append`")]
pub async fn append_to_platform(tx: &mut Tx, entry: Entry) -> Result<(), StoreError> {
    tx.require_platform()?;
    note(tx, PLATFORM, entry)
}

fn note(tx: &mut Tx, whose: TenantId, entry: Entry) -> Result<(), StoreError> {
    if tx.access == TxAccess::Read {
        return Err(StoreError::ReadOnly);
    }
    tx.log.push((whose, as_kept(entry)));
    Ok(())
}

/// The text of a page: the filter's parameters, then the tenant. What leads is compared without a way out, so that the
/// database can go by its index.
macro_rules! page {
    ($whose:literal, $leads:literal) => {
        concat!(
            "SELECT * FROM audit WHERE (at, id) < ($1, $2)
                AND ($3 IS NULL OR actor = $3) AND ($4 IS NULL OR action = $4)
                AND ($5 IS NULL OR object = $5)
                AND ($6 IS NULL OR at >= $6) AND ($7 IS NULL OR at < $7)
                AND ($8 IS NULL OR action NOT LIKE $8)",
            $whose,
            $leads,
            " ORDER BY at DESC, id DESC LIMIT $9"
        )
    };
}

/// The text of a page of one tenant's log. Of several members the one leads of which there are fewest entries.
fn of_tenant(filter: &Filter) -> &'static str {
    if filter.object.is_some() {
        page!(" AND tenant_id = $10", " AND object = $5")
    } else if filter.actor.is_some() {
        page!(" AND tenant_id = $10", " AND actor = $3")
    } else if filter.action.is_some() {
        page!(" AND tenant_id = $10", " AND action = $4")
    } else {
        page!(" AND tenant_id = $10", "")
    }
}

/// The entries of the transaction's tenant before a point (`at`, `id` of the last one read), the latest first.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    before: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Kept>, StoreError> {
    let mut binds = page(filter, before, limit);
    binds.push(Bind::from(tx.tenant));
    let rows = tx.rows(of_tenant(filter), binds).await?;
    rows.iter().map(read).collect()
}

/// The entries of all tenants and of the platform before a point, the latest first. Across tenants.
pub async fn list_all(
    store: &Store,
    filter: &Filter,
    before: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Kept>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx.rows(page!("", ""), page(filter, before, limit)).await?;
    rows.iter().map(read).collect()
}

fn page(filter: &Filter, before: Option<(Timestamp, Uuid)>, limit: i64) -> Vec<Bind> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, Uuid::max()));
    binds![
        at,
        id,
        filter.actor.clone(),
        filter.action.clone(),
        filter.object.clone(),
        filter.from,
        filter.to,
        filter.without_writes.then(|| format!("{WRITE}%")),
        limit,
    ]
}

fn read(row: &Row) -> Result<Kept, StoreError> {
    Ok(Kept {
        tenant: row.get("tenant_id")?,
        seq: row.opt("seq")?,
        entry: Entry {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            object: row.get("object")?,
            detail: row.json("detail")?,
            address: row.opt("address")?,
            cause: row.opt("cause")?,
        },
    })
}

/// An entry as both databases will give it back: the hash is over what is read, not over what was meant.
fn as_kept(entry: Entry) -> Entry {
    Entry {
        actor: without_nul(entry.actor),
        action: without_nul(entry.action),
        object: without_nul(entry.object),
        detail: value_as_kept(entry.detail),
        address: entry.address.map(without_nul),
        cause: entry.cause.map(without_nul),
        ..entry
    }
}

fn value_as_kept(value: Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(number) if number.is_f64() => Value::String(number.to_string()),
        Value::Number(number) => Value::Number(number),
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(value_as_kept).collect()),
        Value::Object(members) => {
            let kept = |(name, value)| (without_nul(name), value_as_kept(value));
            Value::Object(members.into_iter().map(kept).collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use kalends_calendar::ids::TenantId;

    use super::*;

    #[tokio::test]
    async fn every_filter_of_a_tenant_goes_by_an_index_and_sorts_nothing() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate_up().await.unwrap();
        let some = || Some("x".to_owned());
        for (filter, index) in [
            (Filter::default(), "audit_by_time"),
            (
                Filter {
                    actor: some(),
                    ..Filter::default()
                },
                "audit_by_actor",
            ),
            (
                Filter {
                    action: some(),
                    from: Some(Timestamp::UNIX_EPOCH),
                    ..Filter::default()
                },
                "audit_by_action",
            ),
            (
                Filter {
                    actor: some(),
                    action: some(),
                    object: some(),
                    ..Filter::default()
                },
                "audit_by_object",
            ),
        ] {
            let text: &'static str = format!("EXPLAIN QUERY PLAN {}", of_tenant(&filter)).leak();
            let mut binds = page(&filter, None, 9);
            binds.push(Bind::from(TenantId(Uuid::nil())));
            let mut tx = store.read(TenantId(Uuid::nil())).await.unwrap();
            let rows = tx.rows(text, binds).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
            assert_eq!(plan.len(), 1, "{plan:?}");
            assert!(plan[0].contains(index), "{index}: {plan:?}");
        }
    }
}
