//! `/api/calendar/connections/`: connecting accounts that need no consent page, and what can be selected there.

use axum::Json;
use axum::http::StatusCode;
use kalends_calendar::failure::Class;
use kalends_calendar::ids::{ConnectionId, RemoteCalendarId};
use kalends_calendar::provider::RemoteCalendar;
use kalends_store::links::{self, Link};
use kalends_store::members::Role;
use kalends_store::{StoreError, Tx, connections, mirrors, remote_calendars, tenants};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::door::{Asks, Gate, Reading, Tending};
use crate::api::error::{Answer, ApiError};
use crate::api::input::{self, Body, Id};
use crate::api::output::Reply;
use crate::api::words;
use crate::connecting::{self, ConnectError, Keeping, Kept, Seen, Wanted};
use crate::keys;

/// An account at a CalDAV server.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCaldav {
    /// The server's address, the account's, or the domain of the mail address.
    url: String,
    /// The user's name there.
    user: String,
    /// Where the provider has app passwords, one of those.
    #[schemars(with = "String")]
    password: SecretString,
    /// A name for the connection; `user@host` if missing.
    #[serde(default)]
    name: Option<String>,
}

/// A feed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFeed {
    /// Its address (https: or webcal:). That of a private feed is a secret, and is kept as one.
    #[schemars(with = "String")]
    url: SecretString,
    /// A name for the connection; the feed's own if missing.
    #[serde(default)]
    name: Option<String>,
}

/// An account that is connected now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountConnected")]
pub(crate) struct Connected {
    success: bool,
    id: String,
    name: String,
    /// Whether it was connected before: then its id, links and events stayed.
    reconnected: bool,
    /// What can be selected there.
    calendars: Vec<Selectable>,
}

/// What can be selected in an account.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Selection {
    success: bool,
    calendars: Vec<Selectable>,
}

/// A remote calendar.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Selectable {
    /// Its id at the provider.
    id: String,
    name: String,
    /// `#rrggbb`, where it has one.
    color: Option<String>,
    #[schemars(with = "words::Access")]
    access: kalends_calendar::provider::Access,
    /// The links that it has already.
    links: Vec<String>,
    /// How many of its events are known here; null of one that is not linked yet: its size is not known before it is looked at.
    events: Option<i64>,
}

pub(crate) async fn caldav(
    gate: Gate<Tending>,
    Body(new): Body<NewCaldav>,
) -> Answer<Reply<Connected, 201, 200>> {
    gate.count_connect()?;
    input::name("user", &new.user)?;
    check(new.name.as_deref())?;
    let wanted = connecting::caldav(gate.accounts(), &new.url, &new.user, |_| Ok(new.password))
        .map_err(|error| match error.downcast::<ConnectError>() {
            Ok(error) => told(error),
            Err(error) => ApiError::internal(error),
        })?;
    connect(&gate, wanted, new.name.as_deref()).await
}

pub(crate) async fn feed(
    gate: Gate<Tending>,
    Body(new): Body<NewFeed>,
) -> Answer<Reply<Connected, 201, 200>> {
    gate.count_connect()?;
    check(new.name.as_deref())?;
    let wanted = connecting::feed(gate.accounts(), new.url).map_err(told)?;
    connect(&gate, wanted, new.name.as_deref()).await
}

/// A name may be missing or empty: then the connection gets one.
fn check(wanted: Option<&str>) -> Answer<()> {
    match wanted.map(str::trim) {
        None | Some("") => Ok(()),
        Some(name) => input::name("name", name).map(drop),
    }
}

async fn connect(
    gate: &Gate<Tending>,
    wanted: Wanted,
    name: Option<&str>,
) -> Answer<Reply<Connected, 201, 200>> {
    let Some(keys) = gate.accounts().keys.clone() else {
        return Err(ApiError::internal("the vault is closed"));
    };
    let seen = connecting::look(wanted).await.map_err(told)?;
    let mut tx = gate.begin().await?;
    tenants::lock(&mut tx).await?;
    if let Some(known) = connecting::known(&mut tx, &seen).await? {
        gate.require_own(known.owner)?;
    }
    let keeping = Keeping {
        name: name.map(str::trim).filter(|name| !name.is_empty()),
        owner: Some(gate.user()),
        vault: &keys.vault(),
        ids: gate.api().ids().as_ref(),
        at: gate.api().now(),
    };
    let kept = connecting::keep(&mut tx, &seen, &keeping)
        .await
        .map_err(told)?;
    let action = if kept.again {
        "connection.reconnect"
    } else {
        "connection.create"
    };
    let object = format!("connection {}", kept.id);
    gate.audit(&mut tx, action, object, json!({ "name": kept.name }))
        .await?;
    let links = sized(&mut tx, kept.id).await?;
    tx.commit().await?;
    Ok(connected(kept, &seen, &links))
}

fn connected(kept: Kept, seen: &Seen, links: &[Sized]) -> Reply<Connected, 201, 200> {
    let again = kept.again;
    let calendars = seen
        .discovery
        .calendars
        .iter()
        .map(|calendar| selectable(calendar, links))
        .collect();
    let connected = Connected {
        success: true,
        id: kept.id.to_string(),
        name: kept.name,
        reconnected: kept.again,
        calendars,
    };
    if again {
        Reply::other(connected)
    } else {
        Reply::new(connected)
    }
}

fn told(error: ConnectError) -> ApiError {
    match error {
        ConnectError::Address(problem) => ApiError::field("url", problem),
        // Here a refusal is about what was typed, not about an account that was connected before.
        ConnectError::Provider(failure) if failure.class == Class::ReconnectNeeded => {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "credentials_refused",
                failure.message,
            )
        }
        ConnectError::Provider(failure) if failure.class == Class::AddressRefused => {
            ApiError::provider(&failure)
        }
        // What was typed leads nowhere, or to something that is no calendar: the caller's to correct.
        ConnectError::Provider(failure) => {
            ApiError::field("url", failure.message).with_code("not_reachable")
        }
        ConnectError::NoCalendars { .. } => ApiError::new(
            StatusCode::BAD_REQUEST,
            "no_calendars_found",
            error.to_string(),
        ),
        ConnectError::NameTaken(_) => ApiError::conflict("taken", error.to_string()),
        ConnectError::NoRefreshToken(_) => ApiError::internal(error),
        ConnectError::Store(kalends_store::StoreError::Vault(problem)) => {
            ApiError::internal(keys::explained(&kalends_store::StoreError::Vault(problem)))
        }
        ConnectError::Store(error) => error.into(),
    }
}

pub(crate) async fn selection(
    gate: Gate<Reading>,
    Id(id): Id<ConnectionId>,
) -> Answer<Json<Selection>> {
    let mut tx = gate.read().await?;
    connections::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("connection"))?;
    let links = sized(&mut tx, id).await?;
    let calendars = remote_calendars::list(&mut tx, id)
        .await?
        .iter()
        .map(|calendar| selectable(calendar, &links))
        .collect();
    Ok(Json(Selection {
        success: true,
        calendars,
    }))
}

/// A link of an account, and how many events stand on both of its sides.
type Sized = (Link, i64);

async fn sized(tx: &mut Tx, connection: ConnectionId) -> Result<Vec<Sized>, StoreError> {
    let mut own = links::list(tx).await?;
    own.retain(|link| link.connection == connection);
    let mut sized = Vec::with_capacity(own.len());
    for link in own {
        let events = mirrors::count(tx, link.id).await?;
        sized.push((link, events));
    }
    Ok(sized)
}

fn selectable(calendar: &RemoteCalendar, links: &[Sized]) -> Selectable {
    let own = || {
        links.iter().filter(|(link, _)| {
            let RemoteCalendarId(id) = &link.remote_calendar;
            *id == calendar.id.0
        })
    };
    Selectable {
        id: calendar.id.0.clone(),
        name: calendar.name.clone(),
        color: calendar.color.clone(),
        access: calendar.access,
        links: own().map(|(link, _)| link.id.to_string()).collect(),
        // Of several links the largest: one may be bound to some days.
        events: own().map(|(_, events)| *events).max(),
    }
}

impl<A: Asks> Gate<A> {
    /// Makes sure that an account is the caller's own, or that they may look after everybody's.
    pub(super) fn require_own(
        &self,
        owner: Option<kalends_calendar::ids::UserId>,
    ) -> Result<(), ApiError> {
        if self.role() >= Role::Manager || owner == Some(self.user()) {
            return Ok(());
        }
        Err(ApiError::role_required(
            "This account is somebody else's: it needs the role manager or a greater one.",
        ))
    }
}
