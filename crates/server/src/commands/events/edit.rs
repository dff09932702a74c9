//! `kalends events edit`: a whole event, or one occurrence of it.

use anyhow::{Result, bail};
use clap::Args;
use kalends_calendar::event::Event;
use kalends_calendar::merge::{Field, differing};
use kalends_calendar::series;
use kalends_engine::edits;
use serde_json::json;

use super::form::{self, Form};
use super::{audited, body_json, title};
use crate::app::{App, EDITOR};
use crate::words::{self, Typed, typed_time};
use crate::{Ended, names};

/// Change an event, or one occurrence of it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends events edit 1f0c22d9 --title 'Dentist, second floor'
  kalends events edit 1f0c22d9 --start 2026-12-02T10:00
  kalends events edit 1f0c22d9 --occurrence 2026-12-08T09:30 --start 2026-12-08T11:00
  kalends events edit 1f0c22d9 --rrule 'FREQ=WEEKLY;BYDAY=TU'
  kalends events edit 1f0c22d9 --location ''                   # takes it away")]
pub(crate) struct Edit {
    /// The event, by id
    id: String,
    /// Only the occurrence that the rules put at this time
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    occurrence: Option<Typed>,
    /// How it repeats, as iCalendar writes it; empty for once
    #[arg(long, value_name = "RULE", conflicts_with = "occurrence")]
    rrule: Option<String>,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(app: &App, command: Edit) -> Result<Ended> {
    if command.form.is_empty() && command.rrule.is_none() {
        bail!("what is to be changed? See kalends events edit --help");
    }
    let stored = names::event(app, &command.id).await?;
    let Some(before) = stored.body.filter(|_| !stored.deleted) else {
        bail!(
            "this event is deleted: kalends events restore {} --version N",
            command.id
        );
    };
    let mut event = before.clone();
    change(app, &command, &mut event)?;
    let fields = differing(&before, &event);
    let version = if fields.is_empty() {
        stored.revision
    } else {
        if fields
            .iter()
            .any(|field| matches!(field, Field::Time | Field::Override(_)))
        {
            // RFC 5546 §2.1.4: guests tell a new time from an old one by this number.
            event.sequence = event.sequence.saturating_add(1);
        }
        event.updated = Some(app.now());
        let engine = app.engine()?;
        let (id, from) = (stored.id, stored.revision);
        let mut tx = app.store.begin(app.tenant).await?;
        let version = edits::update_in(&engine, &mut tx, id, from, &event, EDITOR).await?;
        audited(app, &mut tx, "event.update", id, version).await?;
        tx.commit().await?;
        version
    };
    let mut row = body_json(&event);
    row["id"] = json!(stored.id);
    row["version"] = json!(version);
    row["changed"] = json!(fields.iter().map(words::field).collect::<Vec<_>>());
    app.screen.json(&row)?;
    if fields.is_empty() {
        app.screen
            .line(&format!("{} is like that already.", title(&event)))?;
    } else {
        app.screen.line(&format!(
            "Changed {} of {} (version {version})",
            words::fields(&fields),
            title(&event)
        ))?;
    }
    Ok(Ended::Well)
}

fn change(app: &App, command: &Edit, event: &mut Event) -> Result<()> {
    let usual = &app.settings.zone;
    if let Some(typed) = command.occurrence {
        let id = form::occurrence_id(event, typed)?;
        let mut instance = form::instance_of(event, id)?;
        command.form.fill(&mut instance, usual)?;
        *event = series::replace(event, id, instance)?;
        return Ok(());
    }
    let start_before = event.master.start.clone();
    command.form.fill(&mut event.master, usual)?;
    series::follow_start(event, &start_before)?;
    match command.rrule.as_deref() {
        None => {}
        Some("") => event.recurrence_rules.clear(),
        Some(text) => event.recurrence_rules = vec![form::rule(text, &event.master.start)?],
    }
    Ok(())
}
