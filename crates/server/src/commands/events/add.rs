//! `kalends events add`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::Args;
use kalends_calendar::event::{Event, Shape};
use kalends_calendar::ids::Uid;
use kalends_calendar::revision::Revision;
use kalends_engine::edits;
use serde_json::json;

use super::form::{Form, rule};
use super::{audited, body_json, title};
use crate::app::{App, EDITOR};
use crate::commands::links::calendar_wanted;
use crate::{Ended, names, words};

/// A calendar for those who have none yet.
const FIRST_CALENDAR: &str = "Calendar";

/// Add an event.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends events add --title Dentist --start 2026-12-01T09:00 --duration 45m
  kalends events add --title Holidays --start 2026-12-21 --end 2027-01-03
  kalends events add --title Standup --start 2026-12-01T09:30 --duration 15m --zone Europe/Berlin \\
      --rrule 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' --calendar Team")]
pub(crate) struct Add {
    /// Into this calendar, made if there is none of this name [default: your only one]
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
    /// How it repeats, as iCalendar writes it
    #[arg(long, value_name = "RULE")]
    rrule: Option<String>,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(app: &App, command: Add) -> Result<Ended> {
    if command.form.title.is_none() {
        bail!("an event has a title: give --title");
    }
    let master = command.form.instance(&app.settings.zone)?;
    let rules = match &command.rrule {
        Some(text) => vec![rule(text, &master.start)?],
        None => Vec::new(),
    };
    let now = app.now();
    let event = Event {
        uid: Uid(app.ids.next().to_string()),
        shape: Shape::Series,
        master,
        recurrence_rules: rules,
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: Some(now),
        updated: Some(now),
    };
    let mut tx = app.store.begin(app.tenant).await?;
    let calendar =
        calendar_wanted(app, &mut tx, command.calendar.as_deref(), FIRST_CALENDAR).await?;
    let id = edits::create_in(&app.engine()?, &mut tx, calendar.id, &event, EDITOR).await?;
    audited(app, &mut tx, "event.create", id, Revision(1)).await?;
    tx.commit().await?;
    let mut row = body_json(&event);
    row["id"] = json!(id);
    row["calendar"] = json!(calendar.name);
    row["version"] = json!(1);
    app.screen.json(&row)?;
    app.screen.line(&format!(
        "Added {} to {}: {}, {} (event {})",
        title(&event),
        calendar.name,
        words::start(&event.master.start, &app.settings.zone.id.0),
        words::length(event.master.duration),
        names::short(id.0)
    ))?;
    Ok(Ended::Well)
}
