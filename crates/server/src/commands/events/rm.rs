//! `kalends events rm`: a whole event, or one occurrence of it.

use anyhow::{Result, bail};
use clap::Args;
use kalends_calendar::series::{self, SeriesError};
use kalends_engine::edits;
use serde_json::json;

use super::{form, title};
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
    let (version, what) = match command.occurrence {
        None => {
            let version =
                edits::delete(&engine, app.tenant, stored.id, stored.revision, EDITOR).await?;
            (version, title(&event))
        }
        Some(typed) => {
            let id = form::occurrence_id(&event, typed)?;
            let what = format!("{} on {}", title(&event), words::occurrence(id));
            let left = match series::exclude(&event, id) {
                Ok(left) if series::is_empty(&left) => None,
                Ok(left) => Some(left),
                Err(SeriesError::NothingLeft) => None,
                Err(error) => return Err(error.into()),
            };
            let version = if let Some(left) = left {
                event = left;
                event.sequence = event.sequence.saturating_add(1);
                event.updated = Some(app.now());
                let (tenant, from) = (app.tenant, stored.revision);
                edits::update(&engine, tenant, stored.id, from, &event, EDITOR).await?
            } else {
                // It was the last one: a series without any is none.
                edits::delete(&engine, app.tenant, stored.id, stored.revision, EDITOR).await?
            };
            (version, what)
        }
    };
    app.screen
        .json(&json!({ "id": stored.id, "version": version }))?;
    app.screen.line(&format!(
        "Deleted {what}. To have it back: kalends events restore {} --version {}",
        names::short(stored.id.0),
        stored.revision
    ))?;
    Ok(Ended::Well)
}
