//! `GET /api/calendar/status/`: whether the tenant has calendar sync at all.

use axum::Json;
use kalends_store::connections;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::door::Present;
use crate::api::error::Answer;

/// Whether the tenant has calendar sync, and how many accounts it has connected.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status {
    success: bool,
    can_use_calendar_sync: bool,
    /// Where it has: how many accounts are connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_connected: Option<usize>,
    /// Where it has not: what to tell people.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

pub(crate) async fn show(present: Present) -> Answer<Json<Status>> {
    let mut tx = present.read().await?;
    let sync = present.calendar_sync(&mut tx).await?;
    let status = if sync.enabled {
        let connected = connections::list(&mut tx).await?.len();
        Status {
            success: true,
            can_use_calendar_sync: true,
            total_connected: Some(connected),
            message: None,
        }
    } else {
        Status {
            success: true,
            can_use_calendar_sync: false,
            total_connected: None,
            message: Some(format!(
                "{} feature is not available for your plan",
                sync.name
            )),
        }
    };
    Ok(Json(status))
}
