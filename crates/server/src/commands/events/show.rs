//! `kalends events show`: everything about one event.

use anyhow::Result;
use clap::Args;
use kalends_calendar::event::{Event, Override};
use kalends_store::{calendars, mirrors};
use serde_json::{Value, json};

use super::{summary, title};
use crate::app::App;
use crate::words::{self, instant, word};
use crate::{Ended, names};

/// Show everything about an event.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends events show 1f0c22d9
  kalends events show 1f0c22d9 --json")]
pub(crate) struct Show {
    /// The event, by id
    id: String,
}

pub(crate) async fn run(app: &App, command: Show) -> Result<Ended> {
    let event = names::event(app, &command.id).await?;
    let mut tx = app.store.read(app.tenant).await?;
    let calendar = calendars::get(&mut tx, event.calendar)
        .await?
        .map(|calendar| calendar.name)
        .unwrap_or_default();
    let mut copies = Vec::new();
    for named in names::named_links(&mut tx).await? {
        for mirror in mirrors::by_events(&mut tx, named.link.id, &[event.id]).await? {
            copies.push((named.words(), mirror.remote_id));
        }
    }
    drop(tx);
    let mut row = summary(&event, &calendar);
    if let Value::Object(row) = &mut row {
        row.insert("event".to_owned(), json!(event.body));
        let copies: Vec<Value> = copies
            .iter()
            .map(|(remote, id)| json!({ "remote": remote, "remote_id": id }))
            .collect();
        row.insert("copies".to_owned(), json!(copies));
    }
    app.screen.json(&row)?;
    let mut lines = Vec::new();
    match &event.body {
        Some(body) => lines.extend(body_lines(app, body)),
        None => lines.push((
            "deleted",
            format!(
                "kalends events restore {} --version N",
                names::short(event.id.0)
            ),
        )),
    }
    lines.push(("calendar", calendar));
    for (remote, id) in copies {
        lines.push(("copy", format!("{remote} as {id}")));
    }
    let changed = instant(event.updated_at, &app.settings.zone.rules);
    lines.push(("version", format!("{}, of {changed}", event.revision)));
    lines.push(("id", event.id.to_string()));
    for (name, text) in lines {
        app.screen.line(&format!(
            "{name:<12}{}",
            text.replace('\n', &format!("\n{:12}", ""))
        ))?;
    }
    Ok(Ended::Well)
}

fn body_lines(app: &App, event: &Event) -> Vec<(&'static str, String)> {
    let zone = &app.settings.zone.id.0;
    let master = &event.master;
    let details = &master.details;
    let mut lines = vec![
        ("title", title(event)),
        ("when", words::start(&master.start, zone)),
        ("lasts", words::length(master.duration)),
    ];
    lines.extend(
        words::rules(event)
            .into_iter()
            .map(|rule| ("repeats", rule)),
    );
    for (id, change) in &event.recurrence_overrides {
        let what = match change {
            Override::Excluded => "does not happen".to_owned(),
            Override::Added { .. } => "also happens".to_owned(),
            Override::Replaced(instance) => format!(
                "is {}: {}",
                words::start(&instance.start, zone),
                instance.details.title
            ),
        };
        lines.push(("occurrence", format!("{} {what}", words::occurrence(*id))));
    }
    for place in details
        .locations
        .iter()
        .filter(|place| !place.name.is_empty())
    {
        lines.push(("location", place.name.clone()));
    }
    for place in &details.virtual_locations {
        lines.push(("conference", place.uri.clone()));
    }
    if let Some(url) = &details.url {
        lines.push(("url", url.clone()));
    }
    if !details.description.is_empty() {
        lines.push(("description", details.description.clone()));
    }
    for (address, who) in &details.participants {
        let answer = who
            .attendance
            .as_ref()
            .map(|attendance| word(&attendance.participation_status));
        let role = if who.organizer {
            Some("organizer".to_owned())
        } else {
            None
        };
        let facts: Vec<String> = role.into_iter().chain(answer).collect();
        lines.push((
            "participant",
            format!("{} {} ({})", who.name, address.0, facts.join(", "))
                .trim()
                .to_owned(),
        ));
    }
    if !details.keywords.is_empty() {
        lines.push((
            "keywords",
            details
                .keywords
                .iter()
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
        ));
    }
    if !details.alerts.is_empty() {
        lines.push(("alerts", details.alerts.len().to_string()));
    }
    lines.push((
        "status",
        format!(
            "{}, {}",
            word(&details.status),
            word(&details.free_busy_status)
        ),
    ));
    lines.push(("uid", event.uid.0.clone()));
    lines
}
