//! `GET /api/platform/audit/`: who did what, when, from where and why, in all tenants and in the platform itself.

use axum::Json;
use jiff::Timestamp;
use kalends_store::audit::{self, Kept};
use kalends_store::{PLATFORM, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::api::door::Admin;
use crate::api::error::Answer;
use crate::api::input::Params;
use crate::api::paging::{self, PAGE, PAGE_MAX, cut, limit};
use crate::api::words;

/// Which entries.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// By whom, as `actor` has it.
    #[serde(default)]
    actor: Option<String>,
    /// Of which kind, such as `connection.create`.
    #[serde(default)]
    action: Option<String>,
    /// About what, such as `link 0190…`.
    #[serde(default)]
    object: Option<String>,
    /// From this time on.
    #[serde(default)]
    #[schemars(with = "Option<words::Instant>")]
    from: Option<Timestamp>,
    /// Before this time.
    #[serde(default)]
    #[schemars(with = "Option<words::Instant>")]
    to: Option<Timestamp>,
    /// Whether with every single write to an account (`remote.create`, `remote.update`, `remote.delete`), of which there may be
    /// many: true unless it is said.
    #[serde(default = "with_writes")]
    writes: bool,
    /// At most so many (1000).
    #[serde(default)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

fn with_writes() -> bool {
    true
}

/// Entries, the latest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntries")]
pub(crate) struct Entries {
    success: bool,
    entries: Vec<Entry>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
pub(crate) struct Entry {
    id: String,
    /// The id of the tenant; null where it is about the platform itself.
    tenant_id: Option<String>,
    /// Its place in the tenant's chain.
    seq: Option<i64>,
    #[schemars(with = "words::Instant")]
    at: Timestamp,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// To what.
    object: String,
    /// From where.
    address: Option<String>,
    /// Why: the request or the run that it follows from.
    cause: Option<String>,
    /// What else is worth knowing.
    detail: Value,
}

/// What of a filter the store looks for, from where on, and how much of it.
type Asked = (audit::Filter, Option<(Timestamp, Uuid)>, i64);

pub(crate) async fn list(admin: Admin, Params(filter): Params<Filter>) -> Answer<Json<Entries>> {
    let (filter, before, limit) = asked(filter)?;
    let found = audit::list_all(admin.store(), &filter, before, limit + 1).await?;
    Ok(Json(entries(found, limit)))
}

/// The entries of one tenant.
pub(crate) async fn filtered(tx: &mut Tx, filter: Filter) -> Answer<Entries> {
    let (filter, before, limit) = asked(filter)?;
    let found = audit::list(tx, &filter, before, limit + 1).await?;
    Ok(entries(found, limit))
}

fn asked(filter: Filter) -> Answer<Asked> {
    let limit = limit(filter.limit, PAGE, PAGE_MAX)?;
    let before = filter.cursor.as_deref().map(paging::place).transpose()?;
    let filter = audit::Filter {
        actor: filter.actor,
        action: filter.action,
        object: filter.object,
        from: filter.from,
        to: filter.to,
        without_writes: !filter.writes,
    };
    Ok((filter, before, limit))
}

fn entries(mut found: Vec<Kept>, limit: i64) -> Entries {
    let next_cursor = cut(&mut found, limit, |last| {
        paging::cursor(last.entry.at, last.entry.id)
    });
    let entries = found
        .into_iter()
        .map(|kept| Entry {
            id: kept.entry.id.to_string(),
            tenant_id: (kept.tenant != PLATFORM).then(|| kept.tenant.to_string()),
            seq: kept.seq,
            at: kept.entry.at,
            actor: kept.entry.actor,
            action: kept.entry.action,
            object: kept.entry.object,
            address: kept.entry.address,
            cause: kept.entry.cause,
            detail: kept.entry.detail,
        })
        .collect();
    Entries {
        success: true,
        entries,
        next_cursor,
    }
}
