//! `DELETE /api/calendar/disconnect/`: an account goes, with its secret and its links. Works when the provider does not.
//!
//! Where what Kalends wrote there is to be removed, the account is gone for its tenant at once too; it is kept out of sight for
//! as long as the removals take. What it was granted is taken back at the provider afterwards, and nobody waits for it
//! (`crate::revoking`).

use axum::Json;
use kalends_calendar::ids::ConnectionId;
use kalends_store::connections::{Connection, ConnectionState};
use kalends_store::grants::{self, Grant};
use kalends_store::{Tx, channels, connections, departures, links, tenants};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::door::{Gate, Tending};
use crate::api::error::{Answer, ApiError};
use crate::api::input::{Body, Params};
use crate::stopping::stop_channels;

/// Which account, and what happens to what Kalends wrote there.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Disconnect {
    /// The id of the connection.
    #[schemars(with = "String")]
    credential_id: Value,
    /// The events that Kalends wrote into that account: `keep` (as if missing), or `remove`.
    #[serde(default)]
    events: Written,
}

/// What happens to the events that Kalends wrote into an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Written {
    /// They stay.
    #[default]
    Keep,
    /// They are deleted there, but for those that somebody has changed there since.
    Remove,
}

/// Which account.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "DisconnectWanted")]
pub(crate) struct Wanted {
    /// The id of the connection.
    credential_id: String,
}

/// What disconnecting an account would come to, as things are now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DisconnectForecast")]
pub(crate) struct Forecast {
    success: bool,
    /// How many calendars are no longer kept in step.
    links: i64,
    /// How many events of the account stand here as well; they stay here.
    events: i64,
    /// How many events Kalends wrote into the account: so many are deleted there, or stay there.
    written: i64,
}

pub(crate) async fn forecast(
    gate: Gate<Tending>,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Forecast>> {
    let id = credential(&Value::String(wanted.credential_id))?;
    let mut tx = gate.read().await?;
    let connection = connections::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("credential"))?;
    gate.require_own(connection.owner)?;
    let told = departures::forecast(&mut tx, id).await?;
    Ok(Json(Forecast {
        success: true,
        links: told.links,
        events: told.events,
        written: told.written,
    }))
}

/// It is gone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Disconnected {
    success: bool,
    message: &'static str,
    /// With `remove`: how many events are being deleted there. What became of them is told in the audit log, as
    /// `connection.cleared`.
    #[serde(skip_serializing_if = "Option::is_none")]
    removing: Option<i64>,
}

pub(crate) async fn disconnect(
    gate: Gate<Tending>,
    Body(wanted): Body<Disconnect>,
) -> Answer<Json<Disconnected>> {
    let id = credential(&wanted.credential_id)?;
    let mut tx = gate.begin().await?;
    // Nobody links it, and nobody else disconnects it, while this is done.
    tenants::lock(&mut tx).await?;
    let connection = connections::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("credential"))?;
    gate.require_own(connection.owner)?;
    let grant = grant(&gate, &mut tx, &connection).await;
    let open = channels::of_connection(&mut tx, id).await?;
    let removing = match wanted.events {
        Written::Keep => {
            forget(&gate, &mut tx, &connection).await?;
            None
        }
        Written::Remove => Some(leave(&gate, &mut tx, &connection).await?),
    };
    tx.commit().await?;
    // Whoever is still busy there needs the grant, and its channels.
    if let Some(grant) = grant.filter(|_| removing.is_none_or(|removing| removing == 0)) {
        stop_channels(gate.accounts(), &connection, &grant, &open).await;
    }
    Ok(Json(Disconnected {
        success: true,
        message: "Calendar disconnected successfully",
        removing,
    }))
}

/// What the account was granted, if it was, and if that can still be read: an account whose key is lost goes too.
async fn grant(gate: &Gate<Tending>, tx: &mut Tx, connection: &Connection) -> Option<Grant> {
    let keys = gate.accounts().keys.clone()?;
    match grants::get(tx, &keys.vault(), connection.id).await {
        Ok(grant) => grant,
        Err(error) => {
            tracing::warn!(%error, connection = %connection.id, "its tokens cannot be read, and its channels are not stopped");
            None
        }
    }
}

async fn forget(gate: &Gate<Tending>, tx: &mut Tx, connection: &Connection) -> Answer<()> {
    let id = connection.id;
    let now = gate.api().now();
    let mut unlinked = 0;
    for link in links::list(tx).await? {
        if link.connection == id {
            links::delete(tx, link.id, now).await?;
            unlinked += 1;
        }
    }
    connections::delete(tx, id, now).await?;
    let detail = json!({ "name": connection.name, "links": unlinked });
    gate.audit(tx, "connection.delete", format!("connection {id}"), detail)
        .await?;
    Ok(())
}

/// Begins to take away what Kalends wrote there; how many events that are. Where there is nothing, or nothing can be reached
/// because the grant is dead, it is over at once.
async fn leave(gate: &Gate<Tending>, tx: &mut Tx, connection: &Connection) -> Answer<i64> {
    let id = connection.id;
    let now = gate.api().now();
    let unlinked = links::list(tx)
        .await?
        .iter()
        .filter(|link| link.connection == id)
        .count();
    let owed = departures::begin(tx, id, now).await?;
    let (removing, staying) = match connection.state {
        ConnectionState::Ok => (owed, 0),
        ConnectionState::ReconnectNeeded => (0, owed),
    };
    if removing == 0 {
        departures::finish(tx, id, now).await?;
    }
    let detail = json!({
        "name": connection.name,
        "links": unlinked,
        "events": "remove",
        "removing": removing,
        "staying": staying,
    });
    gate.audit(tx, "connection.delete", format!("connection {id}"), detail)
        .await?;
    Ok(removing)
}

/// A credential's id, which older clients take to be a number: no number is one of ours.
pub(super) fn credential(value: &Value) -> Result<ConnectionId, ApiError> {
    match value {
        Value::String(text) => text.parse().map_err(|_| ApiError::not_found("credential")),
        Value::Number(_) => Err(ApiError::not_found("credential")),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(ApiError::field(
            "credential_id",
            "expected the id of a credential",
        )),
    }
}
