//! `/api/calendar/connections/`: connecting accounts that need no consent page, and what can be selected there.

use std::future::Future;
use std::time::Duration;

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

use crate::api::ANSWER_WITHIN;
use crate::api::door::{Asks, Gate, Reading, Tending};
use crate::api::error::{Answer, ApiError};
use crate::api::input::{self, Body, Id};
use crate::api::output::Reply;
use crate::api::words;
use crate::connecting::{self, ConnectError, Keeping, Kept, Seen, Wanted};
use crate::keys;

/// How long a server that somebody names may take to show its calendars. Well below the time of the whole request, so that it is
/// said whose fault it was.
const LOOK_WITHIN: Duration = Duration::from_secs(45);
const _: () = assert!(LOOK_WITHIN.as_secs() < ANSWER_WITHIN.as_secs());

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
    connect(&gate, wanted, new.name.as_deref(), |error, _| told(error)).await
}

pub(crate) async fn feed(
    gate: Gate<Tending>,
    Body(new): Body<NewFeed>,
) -> Answer<Reply<Connected, 201, 200>> {
    gate.count_connect()?;
    check(new.name.as_deref())?;
    let wanted = connecting::feed(gate.accounts(), new.url).map_err(told)?;
    connect(&gate, wanted, new.name.as_deref(), told_of_feed).await
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
    refused: fn(ConnectError, &str) -> ApiError,
) -> Answer<Reply<Connected, 201, 200>> {
    let Some(keys) = gate.accounts().keys.clone() else {
        return Err(ApiError::internal("the vault is closed"));
    };
    let host = wanted.host().to_owned();
    let looked = in_time(LOOK_WITHIN, &host, connecting::look(wanted)).await?;
    let seen = looked.map_err(|error| refused(error, &host))?;
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

/// What a server answers, unless it takes so long that its address is to blame.
async fn in_time<T>(
    within: Duration,
    host: &str,
    looking: impl Future<Output = T>,
) -> Result<T, ApiError> {
    tokio::time::timeout(within, looking).await.map_err(|_| {
        let seconds = within.as_secs();
        let problem = format!("{host} did not show its calendars within {seconds} s");
        ApiError::field("url", problem).with_code("not_reachable")
    })
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
            ApiError::provider(&failure).with("field", "url")
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

/// Of a feed that is not known yet: nothing of it has changed, and there is no password that could be wrong.
fn told_of_feed(error: ConnectError, host: &str) -> ApiError {
    let refused = |code, problem| ApiError::field("url", problem).with_code(code);
    match error {
        ConnectError::Provider(failure) if failure.class == Class::ReconnectNeeded => refused(
            "credentials_refused",
            format!(
                "{host} does not show the feed at this address to Kalends; the address may be cut off or out of date, or \
                 the feed may want a password, which feeds have no place for here"
            ),
        ),
        ConnectError::Provider(failure) if failure.class == Class::Gone => refused(
            "not_reachable",
            format!("{host} has nothing at this address; it may be cut off or out of date"),
        ),
        error => told(error),
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

#[cfg(test)]
mod tests {
    use kalends_calendar::failure::Failure;

    use super::*;

    #[tokio::test]
    async fn a_server_that_never_answers_is_told_as_an_address_that_leads_nowhere() {
        let never = std::future::pending::<()>();
        let error = in_time(Duration::from_millis(1), "dav.example.com", never).await;
        let error = error.unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(error.code(), "not_reachable");
        assert_eq!(error.named_field().as_deref(), Some("url"));
        assert_eq!(
            error.text(),
            "url: dav.example.com did not show its calendars within 0 s"
        );
    }

    #[test]
    fn a_feed_that_was_never_connected_is_not_said_to_have_changed() {
        for (class, code) in [
            (Class::ReconnectNeeded, "credentials_refused"),
            (Class::Gone, "not_reachable"),
        ] {
            let failure = Failure::new(class, "it no longer shows this feed");
            let error = told_of_feed(ConnectError::Provider(failure), "example.com");
            assert_eq!(error.code(), code);
            assert_eq!(error.named_field().as_deref(), Some("url"));
            assert!(!error.text().contains("no longer"), "{}", error.text());
        }
    }

    #[test]
    fn an_address_that_is_not_talked_to_is_the_fields_fault() {
        let failure = Failure::new(Class::AddressRefused, "10.0.0.1 is a private address");
        let error = told(ConnectError::Provider(failure));
        assert_eq!(error.code(), "address_refused");
        assert_eq!(error.named_field().as_deref(), Some("url"));
    }
}
