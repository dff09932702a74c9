//! `kalends events`: one file per thing to do with an event.

mod add;
mod edit;
mod form;
mod history;
mod list;
mod rm;
mod show;

use anyhow::Result;
use clap::Subcommand;
use kalends_calendar::event::Event;
use kalends_calendar::ids::EventId;
use kalends_calendar::revision::Revision;
use kalends_store::Tx;
use kalends_store::events::StoredEvent;
use serde_json::{Value, json};

use crate::Ended;
use crate::app::App;
use crate::words;

/// What to do with events.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// List events, or their single occurrences
    List(list::List),
    /// Show everything about an event
    Show(show::Show),
    /// Add an event
    Add(add::Add),
    /// Change an event, or one occurrence of it
    Edit(edit::Edit),
    /// Delete an event, or one occurrence of it; it can be restored
    Rm(rm::Rm),
    /// Show every version of an event: when, who, why, and what changed
    History(history::History),
    /// Make an event again what it was in an earlier version
    Restore(history::Restore),
}

pub(crate) async fn run(app: &App, command: Events) -> Result<Ended> {
    match command {
        Events::List(command) => list::run(app, command).await,
        Events::Show(command) => show::run(app, command).await,
        Events::Add(command) => add::run(app, command).await,
        Events::Edit(command) => edit::run(app, command).await,
        Events::Rm(command) => rm::run(app, command).await,
        Events::History(command) => history::run(app, command).await,
        Events::Restore(command) => history::restore(app, command).await,
    }
}

/// Adds a line about an event to the audit log, in the transaction of its change.
async fn audited(
    app: &App,
    tx: &mut Tx,
    action: &str,
    id: EventId,
    version: Revision,
) -> Result<()> {
    let detail = json!({ "version": version });
    app.audit(tx, action, format!("event {id}"), detail).await
}

/// An event for scripts, in short.
fn summary(stored: &StoredEvent, calendar: &str) -> Value {
    let mut row = json!({
        "id": stored.id,
        "calendar": calendar,
        "calendar_id": stored.calendar,
        "version": stored.revision,
        "deleted": stored.deleted,
        "updated_at": stored.updated_at,
    });
    if let (Value::Object(row), Some(Value::Object(body))) =
        (&mut row, stored.body.as_ref().map(body_json))
    {
        row.extend(body);
    }
    row
}

/// What an event says, in short.
fn body_json(event: &Event) -> Value {
    let master = &event.master;
    let details = &master.details;
    json!({
        "uid": event.uid,
        "title": details.title,
        "start": words::start_plain(&master.start),
        "time_zone": master.start.zone(),
        "all_day": master.start.is_all_day(),
        "duration": words::length_plain(master.duration),
        "location": details.locations.first().map(|place| place.name.as_str()),
        "description": details.description,
        "status": details.status,
        "repeats": words::repeats(event),
        "rrule": words::rules(event),
    })
}

/// The title of an event, or what stands for one.
fn title(event: &Event) -> String {
    match event.master.details.title.as_str() {
        "" => "(no title)".to_owned(),
        title => title.to_owned(),
    }
}
