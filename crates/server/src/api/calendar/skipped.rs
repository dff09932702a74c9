//! `GET /api/calendar/links/{id}/skipped/`: what could not be taken over or sent out, item by item, and why.

use std::collections::HashMap;

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId};
use kalends_calendar::time::Start;
use kalends_engine::COPY_SKIPPED;
use kalends_store::events::{self, StoredEvent};
use kalends_store::{intents, links, mirrors, skips};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::door::{Gate, Reading};
use crate::api::error::{Answer, ApiError};
use crate::api::input::Id;
use crate::api::words;

/// What could not be handled.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SkippedItem")]
pub(crate) struct Item {
    side: Toward,
    reason: Why,
    /// Its id at the provider; null where it is not there.
    item: Option<String>,
    /// The event here, where there is one.
    event_id: Option<String>,
    /// Its title, where it is known.
    title: Option<String>,
    /// What was wrong, in the words of whoever refused it.
    error: String,
    /// Since when; null of what was refused there.
    #[schemars(with = "Option<words::Instant>")]
    since: Option<Timestamp>,
}

/// Where it should have gone.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SkippedSide")]
enum Toward {
    /// Into the tenant's calendar.
    Here,
    /// Into the remote calendar.
    There,
}

/// Why it did not get there.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SkippedReason")]
enum Why {
    /// It cannot be read: it is put right where it is, and comes in by itself then.
    Unreadable,
    /// It is a copy of an event that Kalends knows. Nothing is missing.
    Copy,
    /// The provider does not take it. It is sent again when the event changes.
    Refused,
}

/// What a link could not handle.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SkippedItems")]
pub(crate) struct Items {
    success: bool,
    items: Vec<Item>,
}

/// What people know an event by.
pub(super) struct Known {
    pub(super) title: String,
    pub(super) start: Start,
}

/// What people know these events by; of those that are deleted nothing.
pub(super) fn titles(found: Vec<StoredEvent>) -> HashMap<EventId, Known> {
    found
        .into_iter()
        .filter_map(|stored| {
            let master = stored.body?.master;
            let known = Known {
                title: master.details.title,
                start: master.start,
            };
            Some((stored.id, known))
        })
        .collect()
}

pub(crate) async fn list(gate: Gate<Reading>, Id(id): Id<LinkId>) -> Answer<Json<Items>> {
    let mut tx = gate.read().await?;
    links::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("link"))?;
    let skipped = skips::list(&mut tx, id).await?;
    let refused = intents::failed(&mut tx, id).await?;
    // What could be read before has an event here.
    let remote: Vec<RemoteId> = skipped.iter().map(|skip| skip.remote_id.clone()).collect();
    let mirrored: HashMap<RemoteId, EventId> = mirrors::versions(&mut tx, id, &remote)
        .await?
        .into_iter()
        .map(|mirror| (mirror.remote_id, mirror.event))
        .collect();
    let mut ids: Vec<EventId> = mirrored.values().copied().collect();
    ids.extend(refused.iter().map(|intent| intent.event));
    let known = titles(events::get_many(&mut tx, &ids).await?);
    let title = |event: &EventId| known.get(event).map(|known| known.title.clone());
    let unread = skipped.into_iter().map(|skip| {
        let event = mirrored.get(&skip.remote_id);
        Item {
            side: Toward::Here,
            reason: if skip.error == COPY_SKIPPED {
                Why::Copy
            } else {
                Why::Unreadable
            },
            event_id: event.map(EventId::to_string),
            title: event.and_then(title),
            item: Some(skip.remote_id.0),
            error: skip.error,
            since: Some(skip.at),
        }
    });
    let unsent = refused.into_iter().map(|intent| Item {
        side: Toward::There,
        reason: Why::Refused,
        item: None,
        event_id: Some(intent.event.to_string()),
        title: title(&intent.event),
        error: intent.error.unwrap_or_default(),
        since: None,
    });
    Ok(Json(Items {
        success: true,
        items: unread.chain(unsent).collect(),
    }))
}
