//! `kalends calendars`: your own, and those seen through connections.

use anyhow::Result;
use clap::Args;
use kalends_store::{calendars, connections, remote_calendars};
use serde_json::json;

use crate::app::App;
use crate::screen::plain;
use crate::words::word;
use crate::{Ended, names};

/// Show your own calendars and those seen through connections.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends calendars
  kalends calendars --connection ann@dav.example.com")]
pub(crate) struct Calendars {
    /// Only those seen through this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
}

pub(crate) async fn run(app: &App, command: Calendars) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let links = names::named_links(&mut tx).await?;
    let (own, seen) = match &command.connection {
        Some(name) => (Vec::new(), vec![names::connection(&mut tx, name).await?]),
        None => (
            calendars::list(&mut tx).await?,
            connections::list(&mut tx).await?,
        ),
    };
    let mut table =
        app.screen
            .table(["WHERE", "CALENDAR", "ACCESS", "COLOR", "IN STEP WITH", "ID"]);
    let mut own_rows = Vec::new();
    for calendar in own {
        let with: Vec<String> = links
            .iter()
            .filter(|named| named.link.calendar == calendar.id)
            .map(names::NamedLink::words)
            .collect();
        table.add([
            plain("here"),
            plain(&*calendar.name),
            plain("own"),
            plain(calendar.color.clone().unwrap_or_default()),
            plain(with.join(", ")),
            plain(names::short(calendar.id.0)),
        ]);
        own_rows.push(json!({
            "id": calendar.id,
            "name": calendar.name,
            "color": calendar.color,
            "time_zone": calendar.time_zone,
            "linked_with": with,
        }));
    }
    let mut remote_rows = Vec::new();
    for connection in seen {
        for remote in remote_calendars::list(&mut tx, connection.id).await? {
            let with: Vec<String> = links
                .iter()
                .filter(|named| {
                    named.link.connection == connection.id
                        && named.link.remote_calendar == remote.id
                })
                .map(|named| named.calendar.clone())
                .collect();
            table.add([
                plain(&*connection.name),
                plain(&*remote.name),
                plain(word(&remote.access)),
                plain(remote.color.clone().unwrap_or_default()),
                plain(with.join(", ")),
                plain(last_part(remote.id.as_str())),
            ]);
            remote_rows.push(json!({
                "id": remote.id,
                "name": remote.name,
                "color": remote.color,
                "access": remote.access,
                "connection": connection.name,
                "connection_id": connection.id,
                "linked_with": with,
            }));
        }
    }
    app.screen
        .json(&json!({ "calendars": own_rows, "remote_calendars": remote_rows }))?;
    app.screen
        .show(&table, "There are no calendars yet: kalends connect --help")?;
    Ok(Ended::Well)
}

/// The part of a calendar's address that tells it from its neighbours.
fn last_part(id: &str) -> String {
    let trimmed = id.trim_end_matches('/');
    trimmed.rsplit('/').next().unwrap_or(trimmed).to_owned()
}
