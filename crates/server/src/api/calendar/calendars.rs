//! `/api/calendar/calendars/`: the tenant's own calendars.

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::time::ZoneId;
use kalends_store::calendars::{self, Calendar};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::occurrences::known_zone;
use crate::api::door::{Gate, Managing, Reading};
use crate::api::error::{Answer, ApiError};
use crate::api::input::{Body, name};
use crate::api::output::Reply;
use crate::api::words;
use crate::linking::{self, Making};

/// A calendar to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCalendar {
    /// Its name; no other calendar of the tenant may have it.
    name: String,
    /// `#rrggbb`.
    #[serde(default)]
    color: Option<String>,
    /// Its IANA time zone, in which all-day and floating events are placed; the operator's if missing.
    #[serde(default)]
    time_zone: Option<String>,
}

/// A calendar of the tenant's own.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Calendar")]
pub(crate) struct Shown {
    id: String,
    name: String,
    /// `#rrggbb`, where it has one.
    color: Option<String>,
    time_zone: String,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
}

/// The tenant's own calendars.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Calendars {
    success: bool,
    calendars: Vec<Shown>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CalendarMade")]
pub(crate) struct Made {
    success: bool,
    calendar: Shown,
}

pub(crate) async fn list(gate: Gate<Reading>) -> Answer<Json<Calendars>> {
    let mut tx = gate.read().await?;
    let all = calendars::list(&mut tx).await?;
    Ok(Json(Calendars {
        success: true,
        calendars: all.into_iter().map(shown).collect(),
    }))
}

pub(crate) async fn make(
    gate: Gate<Managing>,
    Body(new): Body<NewCalendar>,
) -> Answer<Reply<Made, 201>> {
    let name = name("name", &new.name)?;
    if new.color.as_deref().is_some_and(|color| !is_color(color)) {
        return Err(ApiError::field("color", "expected #rrggbb"));
    }
    let zone = match new.time_zone {
        None => gate.api().zone.id.clone(),
        Some(name) if known_zone(&name) => ZoneId(name),
        Some(_) => {
            return Err(ApiError::field(
                "time_zone",
                "expected an IANA time zone such as Europe/Berlin",
            ));
        }
    };
    let making = Making {
        ids: gate.api().ids().as_ref(),
        at: gate.api().now(),
    };
    let mut tx = gate.begin().await?;
    let made = linking::calendar(&mut tx, &name, new.color.as_deref(), zone, making).await?;
    let object = format!("calendar {}", made.id);
    gate.audit(
        &mut tx,
        "calendar.create",
        object,
        json!({ "name": made.name }),
    )
    .await?;
    tx.commit().await?;
    let made = Made {
        success: true,
        calendar: shown(made),
    };
    Ok(Reply::new(made))
}

fn shown(calendar: Calendar) -> Shown {
    Shown {
        id: calendar.id.to_string(),
        name: calendar.name,
        color: calendar.color,
        time_zone: calendar.time_zone.0,
        created_at: calendar.created_at,
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
