//! `kalends events rm`: a whole event, or one occurrence of it.

use anyhow::{Result, bail};
use clap::Args;
use kalends_calendar::series::{self, SeriesError};
use kalends_engine::edits;
use serde_json::json;

use super::{audited, form, title};
use crate::app::{App, EDITOR};
use crate::words::{self, Typed, typed_time};
use crate::{Ended, names};

/// Delete an event, or one occurrence of it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends events rm 1f0c22d9
  kalends events rm 1f0c22d9 --occurrence 2026-12-08T09:30")]
pub(crate) struct Rm {
    /// The event, by id
    id: String,
    /// Only the occurrence that the rules put at this time
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    occurrence: Option<Typed>,
}

pub(crate) async fn run(app: &App, command: Rm) -> Result<Ended> {
    let stored = names::event(app, &command.id).await?;
    let Some(mut event) = stored.body.filter(|_| !stored.deleted) else {
        bail!("this event is deleted already");
    };
    let engine = app.engine()?;
    let (id, from) = (stored.id, stored.revision);
    let mut tx = app.store.begin(app.tenant).await?;
    let (action, version, what) = match command.occurrence {
        None => {
            let version = edits::delete_in(&engine, &mut tx, id, from, EDITOR).await?;
            ("event.delete", version, title(&event))
        }
        Some(typed) => {
            let which = form::occurrence_id(&event, typed)?;
            let what = format!("{} on {}", title(&event), words::occurrence(which));
            let left = match series::exclude(&event, which) {
                Ok(left) if series::is_empty(&left) => None,
                Ok(left) => Some(left),
                Err(SeriesError::NothingLeft) => None,
                Err(error) => return Err(error.into()),
            };
            let (action, version) = if let Some(left) = left {
                event = left;
                event.sequence = event.sequence.saturating_add(1);
                event.updated = Some(app.now());
                let version = edits::update_in(&engine, &mut tx, id, from, &event, EDITOR).await?;
                ("event.update", version)
            } else {
                // It was the last one: a series without any is none.
                let version = edits::delete_in(&engine, &mut tx, id, from, EDITOR).await?;
                ("event.delete", version)
            };
            (action, version, what)
        }
    };
    audited(app, &mut tx, action, id, version).await?;
    tx.commit().await?;
    app.screen
        .json(&json!({ "id": stored.id, "version": version }))?;
    app.screen.line(&format!(
        "Deleted {what}. To have it back: kalends events restore {} --version {}",
        names::short(stored.id.0),
        stored.revision
    ))?;
    Ok(Ended::Well)
}
