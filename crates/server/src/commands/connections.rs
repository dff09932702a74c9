//! `kalends connections` and `kalends disconnect`: what is connected.

use anyhow::{Result, bail};
use clap::Args;
use kalends_store::channels::{self, Channel};
use kalends_store::connections::{self, Connection, ConnectionState, ProviderKind, RetryReason};
use kalends_store::grants::{self, Grant};
use kalends_store::{Tx, links, remote_calendars, tenants};
use serde_json::json;

use crate::app::{App, Wired};
use crate::screen::{Tone, plain};
use crate::stopping::stop_channels;
use crate::words::{maybe_instant, word};
use crate::{Ended, names};

pub(crate) const EXAMPLES: &str = "EXAMPLES:\n  kalends connections\n  kalends connections --json";

/// Forget an account and its password.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends disconnect ann@dav.example.com
  kalends disconnect ann@dav.example.com --with-links")]
pub(crate) struct Disconnect {
    /// The connection, by name or id
    connection: String,
    /// Unlink its calendars first; all events stay on both sides
    #[arg(long)]
    with_links: bool,
}

pub(crate) async fn list(app: &App) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let all = connections::list(&mut tx).await?;
    let links = links::list(&mut tx).await?;
    let zone = &app.settings.zone.rules;
    let mut rows = Vec::new();
    let mut table = app.screen.table([
        "NAME",
        "KIND",
        "WHERE",
        "USER",
        "LINKS",
        "STATE",
        "WHAT TO DO",
    ]);
    for connection in all {
        let linked = links
            .iter()
            .filter(|link| link.connection == connection.id)
            .count();
        let remedy = remedy(&connection);
        let (state, tone) = match (
            connection.state,
            connection.retry_at.filter(|at| *at > app.now()),
        ) {
            (ConnectionState::Ok, None) => ("ok".to_owned(), Tone::Good),
            (ConnectionState::Ok, Some(at)) => (
                format!(
                    "waits{} until {}",
                    match connection.retry_reason {
                        Some(RetryReason::Budget) => " for quota",
                        Some(RetryReason::Asked) | None => "",
                    },
                    maybe_instant(Some(at), zone)
                ),
                Tone::Wary,
            ),
            (ConnectionState::ReconnectNeeded, _) => ("reconnect needed".to_owned(), Tone::Bad),
        };
        rows.push(json!({
            "id": connection.id,
            "name": connection.name,
            "provider": connection.provider,
            "url": connection.url,
            "user": connection.user,
            "state": connection.state,
            "problem": connection.problem,
            "remedy": remedy,
            "retry_at": connection.retry_at,
            "retry_reason": connection.retry_reason,
            "links": linked,
            "calendars": remote_calendars::list(&mut tx, connection.id).await?,
            "created_at": connection.created_at,
        }));
        table.add([
            plain(&*connection.name),
            plain(word(&connection.provider)),
            plain(&*connection.url),
            plain(&*connection.user),
            plain(linked.to_string()),
            (state, tone),
            plain(match (&connection.problem, &remedy) {
                (Some(problem), Some(remedy)) => format!("{problem}: {remedy}"),
                (Some(problem), None) => problem.clone(),
                (None, _) => String::new(),
            }),
        ]);
    }
    app.screen.json(&json!({ "connections": rows }))?;
    app.screen
        .show(&table, "Nothing is connected yet: kalends connect --help")?;
    Ok(Ended::Well)
}

/// What a person does about a connection that cannot be used.
pub(crate) fn remedy(connection: &connections::Connection) -> Option<String> {
    match (connection.state, connection.provider) {
        (ConnectionState::Ok, _) => None,
        (ConnectionState::ReconnectNeeded, ProviderKind::Caldav) => Some(format!(
            "kalends connect caldav --url {} --user {}",
            connection.url, connection.user
        )),
        (ConnectionState::ReconnectNeeded, ProviderKind::Ics) => {
            Some("kalends connect ics --url ...".to_owned())
        }
        (ConnectionState::ReconnectNeeded, ProviderKind::Google) => {
            Some("consent again in a browser: POST /api/oauth/google/initiate/".to_owned())
        }
        (ConnectionState::ReconnectNeeded, ProviderKind::Microsoft) => {
            Some("consent again in a browser: POST /api/oauth/microsoft/initiate/".to_owned())
        }
    }
}

pub(crate) async fn disconnect(app: &App, command: Disconnect) -> Result<Ended> {
    let mut tx = app.store.begin(app.tenant).await?;
    tenants::lock(&mut tx).await?;
    let connection = names::connection(&mut tx, &command.connection).await?;
    let last_use = last_use(app, &mut tx, &connection).await?;
    let mut unlinked = 0;
    for link in links::list(&mut tx).await? {
        if link.connection != connection.id {
            continue;
        }
        if !command.with_links {
            bail!(
                "{} is still linked: `kalends unlink {}`, or say --with-links",
                connection.name,
                names::short(link.id.0)
            );
        }
        links::delete(&mut tx, link.id, app.now()).await?;
        unlinked += 1;
    }
    connections::delete(&mut tx, connection.id, app.now()).await?;
    let object = format!("connection {}", connection.id);
    app.audit(
        &mut tx,
        "connection.delete",
        object,
        json!({ "name": connection.name }),
    )
    .await?;
    tx.commit().await?;
    if let Some((wired, grant, open)) = last_use {
        stop_channels(&wired.accounts, &connection, &grant, &open).await;
    }
    app.screen
        .json(&json!({ "id": connection.id, "name": connection.name, "unlinked": unlinked }))?;
    app.screen.line(&format!(
        "Disconnected {}. All events stay where they are.",
        connection.name
    ))?;
    Ok(Ended::Well)
}

/// What the provider still tells of an account that is about to be forgotten, and what stops that; none where there is nothing to
/// stop, or no way to.
async fn last_use(
    app: &App,
    tx: &mut Tx,
    connection: &Connection,
) -> Result<Option<(Wired, Grant, Vec<Channel>)>> {
    let open = channels::of_connection(tx, connection.id).await?;
    if open.is_empty() {
        return Ok(None);
    }
    let wired = app.wired().await?;
    let vault = wired.keys()?.vault();
    // One whose tokens cannot be read is forgotten all the same; its channels run out.
    let grant = grants::get(tx, &vault, connection.id).await.ok().flatten();
    Ok(grant.map(|grant| (wired, grant, open)))
}
