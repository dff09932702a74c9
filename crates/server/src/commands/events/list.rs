//! `kalends events list`: events by their start, or every single occurrence in a window.

use std::collections::HashMap;

use anyhow::Result;
use clap::Args;
use jiff::{Timestamp, ToSpan};
use kalends_calendar::ids::CalendarId;
use kalends_calendar::recurrence::{Occurrence, occurrences};
use kalends_store::calendars::{self, Calendar};
use kalends_store::events::{self, StoredEvent, Window};
use serde_json::{Value, json};

use super::{summary, title};
use crate::app::App;
use crate::screen::{Tone, plain};
use crate::words::{self, Typed, typed_time};
use crate::{Ended, names};

/// How many events are read in one query.
const PAGE: i64 = 1_000;
/// The most occurrences of one event: a list of more is a mistake.
const OCCURRENCES_MAX: usize = 10_000;
/// How far `--expand` looks where nobody says.
const DAYS_AHEAD: i64 = 30;

/// List events, or their single occurrences.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends events list
  kalends events list --calendar Team --from 2026-12-01 --to 2027-01-01
  kalends events list --expand --json")]
pub(crate) struct List {
    /// Only those of this calendar
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
    /// Only what ends after this date or time
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    from: Option<Typed>,
    /// Only what begins before this date or time
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    to: Option<Typed>,
    /// Show each occurrence of a series [default window: 30 days from today]
    #[arg(long)]
    expand: bool,
}

pub(crate) async fn run(app: &App, command: List) -> Result<Ended> {
    let zone = &app.settings.zone.rules;
    let mut window = Window {
        from: command.from.map(|at| at.in_zone(zone)),
        to: command.to.map(|at| at.in_zone(zone)),
    };
    if command.expand {
        let from = match window.from {
            Some(from) => from,
            None => app.now().to_zoned(zone.clone()).start_of_day()?.timestamp(),
        };
        window.from = Some(from);
        if window.to.is_none() {
            let ahead = from.to_zoned(zone.clone()).checked_add(DAYS_AHEAD.days())?;
            window.to = Some(ahead.timestamp());
        }
    }
    let mut tx = app.store.read(app.tenant).await?;
    let only = match &command.calendar {
        Some(name) => Some(names::calendar(&mut tx, name).await?.id),
        None => None,
    };
    let calendars: HashMap<CalendarId, Calendar> = calendars::list(&mut tx)
        .await?
        .into_iter()
        .map(|calendar| (calendar.id, calendar))
        .collect();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = events::list_range(&mut tx, only, window, after, PAGE).await?;
        found.extend(page.events);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    drop(tx);
    match (command.expand, window.from, window.to) {
        (true, Some(from), Some(to)) => show_occurrences(app, &found, &calendars, from, to),
        _ => show_events(app, &found, &calendars),
    }
}

fn show_events(
    app: &App,
    found: &[StoredEvent],
    calendars: &HashMap<CalendarId, Calendar>,
) -> Result<Ended> {
    if app.screen.json {
        let rows: Vec<Value> = found
            .iter()
            .map(|event| summary(event, name_of(calendars, event)))
            .collect();
        app.screen.json(&json!({ "events": rows }))?;
        return Ok(Ended::Well);
    }
    let mut table = app
        .screen
        .table(["WHEN", "LASTS", "TITLE", "REPEATS", "CALENDAR", "ID"]);
    for event in found {
        let Some(body) = &event.body else { continue };
        let repeats = match (words::rules(body).first(), words::repeats(body)) {
            (Some(rule), _) => rule.clone(),
            (None, true) => "on dates".to_owned(),
            (None, false) => String::new(),
        };
        table.add([
            plain(words::start(&body.master.start, &app.settings.zone.id.0)),
            plain(words::length(body.master.duration)),
            plain(title(body)),
            plain(repeats),
            plain(name_of(calendars, event)),
            (names::short(event.id.0), Tone::Faint),
        ]);
    }
    app.screen.show(&table, "There are no events.")?;
    Ok(Ended::Well)
}

fn show_occurrences(
    app: &App,
    found: &[StoredEvent],
    calendars: &HashMap<CalendarId, Calendar>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Ended> {
    let mut all: Vec<(&StoredEvent, Occurrence<'_>)> = Vec::new();
    let mut problems = Vec::new();
    for event in found {
        let Some(body) = &event.body else { continue };
        match occurrences(body, from..to, &app.settings.zone.rules, OCCURRENCES_MAX) {
            Ok(list) => all.extend(list.into_iter().map(|one| (event, one))),
            Err(error) => problems.push((event, title(body), error.to_string())),
        }
    }
    all.sort_by_key(|(event, one)| (one.span.start, event.id));
    let mut rows = Vec::new();
    let mut table = app
        .screen
        .table(["WHEN", "LASTS", "TITLE", "CALENDAR", "ID"]);
    for (event, one) in &all {
        let details = &one.instance.details;
        rows.push(json!({
            "event_id": event.id,
            "recurrence_id": one.recurrence_id,
            "calendar": name_of(calendars, event),
            "title": details.title,
            "start": words::start_plain(&one.start),
            "time_zone": one.start.zone(),
            "all_day": one.start.is_all_day(),
            "starts_at": one.span.start,
            "ends_at": one.span.end,
            "location": details.locations.first().map(|place| place.name.as_str()),
        }));
        table.add([
            plain(words::start(&one.start, &app.settings.zone.id.0)),
            plain(words::length(one.instance.duration)),
            plain(&*details.title),
            plain(name_of(calendars, event)),
            (names::short(event.id.0), Tone::Faint),
        ]);
    }
    let unexpanded: Vec<Value> = problems
        .iter()
        .map(|(event, title, problem)| json!({ "event_id": event.id, "title": title, "problem": problem }))
        .collect();
    app.screen
        .json(&json!({ "occurrences": rows, "problems": unexpanded, "from": from, "to": to }))?;
    app.screen.show(&table, "Nothing happens in that time.")?;
    for (event, title, problem) in &problems {
        crate::screen::warn(&format!(
            "{title} ({}): {problem}",
            names::short(event.id.0)
        ));
    }
    Ok(if problems.is_empty() {
        Ended::Well
    } else {
        Ended::WithFailures
    })
}

fn name_of<'a>(calendars: &'a HashMap<CalendarId, Calendar>, event: &StoredEvent) -> &'a str {
    calendars
        .get(&event.calendar)
        .map_or("", |calendar| calendar.name.as_str())
}
