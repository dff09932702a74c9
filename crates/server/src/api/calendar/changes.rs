//! `GET /api/calendar/changes/`: the change feed, with tombstones.

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use kalends_calendar::jscalendar;
use kalends_store::events::{self, EventVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::door::{Gate, Reading};
use crate::api::error::{Answer, ApiError};
use crate::api::input::Params;
use crate::api::paging::{PAGE, PAGE_MAX, limit};
use crate::api::words;

/// From where on.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChangesWanted")]
pub(crate) struct Since {
    /// The `next_cursor` of the page before; from the beginning if missing.
    #[serde(default)]
    since: Option<String>,
    /// At most so many changes (1000).
    #[serde(default)]
    limit: Option<i64>,
}

/// Changes, in the order they were made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Changes {
    success: bool,
    changes: Vec<Change>,
    /// Where to go on, now or later.
    next_cursor: String,
    /// Whether there are more already.
    has_more: bool,
}

/// An event as it became.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventChange")]
pub(crate) struct Change {
    /// The position in the feed.
    pub(super) cursor: String,
    pub(super) event_id: String,
    pub(super) calendar_id: String,
    pub(super) version: i64,
    /// Whether it was deleted: then there is no `event`.
    pub(super) deleted: bool,
    /// The event as JSCalendar.
    #[schemars(with = "Option<words::JsEvent>")]
    pub(super) event: Option<Value>,
    #[schemars(with = "words::Instant")]
    pub(super) at: Timestamp,
    /// Who and why.
    #[schemars(with = "Value")]
    pub(super) cause: kalends_calendar::revision::Cause,
}

pub(crate) async fn list(
    gate: Gate<Reading>,
    Params(wanted): Params<Since>,
) -> Answer<Json<Changes>> {
    let since = position(wanted.since.as_deref())?;
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    if since > gate.feed_position().await? {
        return Err(cursor_gone());
    }
    let mut tx = gate.read().await?;
    let mut found = events::changes_since(&mut tx, since, limit + 1).await?;
    let wanted = usize::try_from(limit).unwrap_or_default();
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let next = found.last().map_or(since, |last| last.seq);
    Ok(Json(Changes {
        success: true,
        changes: found.into_iter().map(change).collect(),
        next_cursor: next.to_string(),
        has_more,
    }))
}

/// A cursor from a feed that went further: the database was restored from a backup.
pub(super) fn cursor_gone() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "cursor_gone",
        "The feed does not reach as far as this cursor: a backup was restored. Begin without one.",
    )
}

/// Where in the feed a cursor points.
pub(super) fn position(cursor: Option<&str>) -> Answer<i64> {
    match cursor {
        None => Ok(0),
        Some(text) => text
            .parse()
            .ok()
            .filter(|position| *position >= 0)
            .ok_or_else(|| ApiError::field("since", "expected a cursor of this feed")),
    }
}

pub(super) fn change(version: EventVersion) -> Change {
    Change {
        cursor: version.seq.to_string(),
        event_id: version.event.to_string(),
        calendar_id: version.calendar.to_string(),
        version: version.revision.0,
        deleted: version.deleted,
        event: version.body.as_ref().map(jscalendar::to_json),
        at: version.at,
        cause: version.cause,
    }
}
