//! Listings of everything that are under way: where each stands, and the parts of series that wait until it is whole. A node
//! that dies in the middle of one costs a page, not all that was listed before.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::LinkId;
use kalends_calendar::provider::Part;

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::Row;
use crate::tx::Tx;

/// Where a listing of everything stands. It is of the [generation](crate::links::Link::generation) that its link has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The next page, in the provider's own word.
    pub page: String,
    /// How many events were named on the pages before.
    pub count: i64,
    /// When this was kept.
    pub at: Timestamp,
}

/// The parts of the next series, in the order of their names: of so many series at most, each with all its parts.
pub async fn parts(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    after: Option<&str>,
    series_max: i64,
) -> Result<Vec<Part>, StoreError> {
    let binds = binds![
        tx.tenant,
        link,
        generation,
        after.unwrap_or_default(),
        series_max,
    ];
    let rows = tx
        .rows(
            "SELECT series, id, body FROM listing_parts
             WHERE tenant_id = $1 AND link_id = $2 AND generation = $3 AND series IN (
                SELECT DISTINCT series FROM listing_parts
                WHERE tenant_id = $1 AND link_id = $2 AND generation = $3 AND series > $4
                ORDER BY series LIMIT $5)
             ORDER BY series, id",
            binds,
        )
        .await?;
    let part = |row: &Row| {
        Ok(Part {
            series: row.get("series")?,
            id: row.get("id")?,
            text: row.get("body")?,
        })
    };
    rows.iter().map(part).collect()
}

/// Keeps parts; the last word on each counts.
pub(crate) async fn keep(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    parts: Vec<Part>,
) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO listing_parts (tenant_id, link_id, generation, series, id, body) VALUES ",
            3,
            "($1, $2, $3, ?, ?, ?)",
            " ON CONFLICT (tenant_id, link_id, series, id) DO UPDATE SET
                generation = excluded.generation, body = excluded.body",
        )
    });
    // A statement may name a row only once.
    let mut last = std::collections::BTreeMap::new();
    for part in parts {
        last.insert((part.series, part.id), part.text);
    }
    let shared = binds![tx.tenant, link, generation];
    let mut items = Vec::with_capacity(last.len() * 3);
    for ((series, id), text) in last {
        items.extend(binds![series, id, text]);
    }
    tx.execute_many(&TEXT, &shared, items).await?;
    Ok(())
}

/// Forgets the parts of series that were put together.
pub(crate) async fn assembled(
    tx: &mut Tx,
    link: LinkId,
    series: Vec<String>,
) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "DELETE FROM listing_parts WHERE tenant_id = $1 AND link_id = $2 AND series IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let series = series.into_iter().map(Bind::from).collect();
    tx.execute_in(&TEXT, &shared, series).await?;
    Ok(())
}

/// Forgets what is left of listings that were never finished.
pub(crate) async fn clear(tx: &mut Tx, link: LinkId) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link];
    tx.execute(
        "DELETE FROM listing_parts WHERE tenant_id = $1 AND link_id = $2",
        binds,
    )
    .await?;
    Ok(())
}

pub(crate) fn place(row: &Row) -> Result<Option<Place>, StoreError> {
    let (page, count, at) = (
        row.opt("listing_page")?,
        row.opt("listing_count")?,
        row.opt("listing_at")?,
    );
    Ok(match (page, count, at) {
        (Some(page), Some(count), Some(at)) => Some(Place { page, count, at }),
        _ => None,
    })
}
