//! `GET /api/calendar/list/`: the tenant's connections, without anything secret.

use axum::Json;
use jiff::Timestamp;
use kalends_store::connections::{self, Connection, ConnectionState, ProviderKind};
use kalends_store::links::{self, Link};
use kalends_store::remote_calendars;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::door::{Gate, Reading};
use crate::api::error::Answer;
use crate::api::words;

/// The tenant's connections.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Connections {
    success: bool,
    calendars: Vec<Shown>,
}

/// An authorised account at a provider.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(crate) struct Shown {
    id: String,
    /// For people: `Google`, `Microsoft`, `CalDAV`, `ICS`.
    provider: &'static str,
    /// Who signs in there; of a feed its name.
    email: String,
    /// Its name within the tenant.
    name: String,
    /// Whether it can be used; not so once it must be connected again.
    is_valid: bool,
    /// Whether the access token has run out; it is renewed by itself where there is one.
    is_expired: bool,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
    /// `connected`, or `reconnect_needed`.
    status: &'static str,
    /// What is wrong with it, for people.
    problem: Option<String>,
    #[schemars(with = "Option<words::Instant>")]
    last_synced_at: Option<Timestamp>,
    /// How many calendars were seen through it.
    calendars_found: usize,
    /// The ids of its links.
    links: Vec<String>,
}

pub(crate) async fn list(gate: Gate<Reading>) -> Answer<Json<Connections>> {
    let mut tx = gate.read().await?;
    let links = links::list(&mut tx).await?;
    let mut calendars = Vec::new();
    for connection in connections::list(&mut tx).await? {
        let found = remote_calendars::list(&mut tx, connection.id).await?.len();
        calendars.push(shown(&connection, found, &links, gate.api().now()));
    }
    Ok(Json(Connections {
        success: true,
        calendars,
    }))
}

pub(super) fn shown(
    connection: &Connection,
    found: usize,
    links: &[Link],
    now: Timestamp,
) -> Shown {
    let own = || links.iter().filter(|link| link.connection == connection.id);
    Shown {
        id: connection.id.to_string(),
        provider: provider(connection.provider),
        email: if connection.user.is_empty() {
            connection.name.clone()
        } else {
            connection.user.clone()
        },
        name: connection.name.clone(),
        is_valid: connection.state == ConnectionState::Ok,
        // Neither a password nor a feed's address runs out.
        is_expired: connection.access_expires_at.is_some_and(|at| at <= now),
        created_at: connection.created_at,
        status: match connection.state {
            ConnectionState::Ok => "connected",
            ConnectionState::ReconnectNeeded => "reconnect_needed",
        },
        problem: connection.problem.clone(),
        last_synced_at: own().filter_map(|link| link.last_success_at).max(),
        calendars_found: found,
        links: own().map(|link| link.id.to_string()).collect(),
    }
}

/// As people know it.
pub(super) fn provider(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Caldav => "CalDAV",
        ProviderKind::Ics => "ICS",
        ProviderKind::Google => "Google",
        ProviderKind::Microsoft => "Microsoft",
    }
}
