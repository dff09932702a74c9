//! `kalends events history` and `kalends events restore`.

use anyhow::{Result, bail};
use clap::Args;
use kalends_calendar::merge::{Field, differing};
use kalends_calendar::revision::{Actor, Revision};
use kalends_engine::edits;
use kalends_store::events::{self, EventVersion};
use serde_json::json;

use super::{audited, body_json, title};
use crate::Ended;
use crate::app::{App, EDITOR};
use crate::names::{self, NamedLink};
use crate::screen::{Tone, plain};
use crate::words::{self, instant_exact};

/// Show every version of an event.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends events history 1f0c22d9")]
pub(crate) struct History {
    /// The event, by id
    id: String,
}

/// Make an event again what it was in an earlier version.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends events history 1f0c22d9
  kalends events restore 1f0c22d9 --version 2")]
pub(crate) struct Restore {
    /// The event, by id; also a deleted one
    id: String,
    /// The version to restore
    #[arg(long, value_name = "NUMBER")]
    version: i64,
}

pub(crate) async fn run(app: &App, command: History) -> Result<Ended> {
    let event = names::event(app, &command.id).await?;
    let mut tx = app.store.read(app.tenant).await?;
    let versions = events::history(&mut tx, event.id).await?;
    let links = names::named_links(&mut tx).await?;
    drop(tx);
    let mut rows = Vec::new();
    let mut table = app
        .screen
        .table(["VERSION", "WHEN", "WHO", "WHY", "WHAT CHANGED", "TITLE"]);
    let mut before: Option<&EventVersion> = None;
    for version in &versions {
        let changed = changed(before, version);
        table.add([
            plain(version.revision.to_string()),
            plain(instant_exact(version.at, &app.settings.zone.rules)),
            plain(who(&version.cause.actor, &links)),
            plain(version.cause.reason.replace('_', " ")),
            match (&version.body, before) {
                (None, _) => ("deleted".to_owned(), Tone::Bad),
                (Some(_), None) => ("made".to_owned(), Tone::Good),
                (Some(_), Some(_)) => plain(words::fields(&changed)),
            },
            plain(version.body.as_ref().map(title).unwrap_or_default()),
        ]);
        rows.push(json!({
            "version": version.revision,
            "at": version.at,
            "actor": version.cause.actor,
            "reason": version.cause.reason,
            "deleted": version.deleted,
            "changed": changed.iter().map(words::field).collect::<Vec<_>>(),
            "event": version.body.as_ref().map(body_json),
        }));
        before = Some(version);
    }
    app.screen
        .json(&json!({ "id": event.id, "versions": rows }))?;
    app.screen.show(&table, "It has no history.")?;
    Ok(Ended::Well)
}

/// The fields in which a version differs from the one before that had any.
fn changed(before: Option<&EventVersion>, version: &EventVersion) -> Vec<Field> {
    match (
        before.and_then(|before| before.body.as_ref()),
        &version.body,
    ) {
        (Some(before), Some(after)) => differing(before, after),
        _ => Vec::new(),
    }
}

fn who(actor: &Actor, links: &[NamedLink]) -> String {
    match actor {
        Actor::User { name } => name.clone(),
        Actor::Sync { link, .. } => links
            .iter()
            .find(|named| named.link.id == *link)
            .map_or_else(
                || "sync (unlinked since)".to_owned(),
                |named| format!("sync with {}", named.words()),
            ),
    }
}

pub(crate) async fn restore(app: &App, command: Restore) -> Result<Ended> {
    let event = names::event(app, &command.id).await?;
    if command.version < 1 || Revision(command.version) > event.revision {
        bail!("it has the versions 1 to {}", event.revision);
    }
    let wanted = Revision(command.version);
    let mut tx = app.store.begin(app.tenant).await?;
    let version = edits::restore_in(&app.engine()?, &mut tx, event.id, wanted, EDITOR).await?;
    audited(app, &mut tx, "event.restore", event.id, version).await?;
    tx.commit().await?;
    app.screen
        .json(&json!({ "id": event.id, "version": version, "restored": wanted }))?;
    app.screen.line(&format!(
        "It is again as it was in version {wanted}; that is version {version} now."
    ))?;
    Ok(Ended::Well)
}
