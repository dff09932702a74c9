//! `GET /api/calendar/links/{id}/held/`: the deletions that wait for a person's word, one by one.

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId};
use kalends_store::{events, held, links};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::skipped::titles;
use crate::api::door::{Gate, Reading};
use crate::api::error::{Answer, ApiError};
use crate::api::input::Id;
use crate::api::words;

/// A deletion that waits.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HeldDeletion {
    event_id: String,
    /// Of the event here, which is still there.
    title: String,
    /// When it starts: `allDay`, `floating` or `zoned`; null where the event is gone meanwhile.
    start: Option<Value>,
    /// Since when it waits.
    #[schemars(with = "words::Instant")]
    held_at: Timestamp,
    /// Whether somebody said yes; the next run carries it out.
    confirmed: bool,
}

/// The deletions that a link holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HeldDeletions {
    success: bool,
    held: Vec<HeldDeletion>,
}

pub(crate) async fn list(gate: Gate<Reading>, Id(id): Id<LinkId>) -> Answer<Json<HeldDeletions>> {
    let mut tx = gate.read().await?;
    links::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("link"))?;
    let waiting = held::list(&mut tx, id).await?;
    let ids: Vec<EventId> = waiting.iter().map(|held| held.event).collect();
    let known = titles(events::get_many(&mut tx, &ids).await?);
    let mut held: Vec<HeldDeletion> = waiting
        .into_iter()
        .map(|held| {
            let event = known.get(&held.event);
            HeldDeletion {
                event_id: held.event.to_string(),
                title: event.map(|event| event.title.clone()).unwrap_or_default(),
                start: event.map(|event| json!(event.start)),
                held_at: held.held_at,
                confirmed: held.confirmed,
            }
        })
        .collect();
    held.sort_by(|one, other| one.title.cmp(&other.title));
    Ok(Json(HeldDeletions {
        success: true,
        held,
    }))
}
