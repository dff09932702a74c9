//! `kalends sync --dry-run`: the plan as a table that a person can read.

use anyhow::Result;
use kalends_calendar::plan::Reason;
use kalends_engine::report::{Action, Planned, Side};
use kalends_engine::{Engine, Outcome, dry_run};
use kalends_providers::http::Metered;
use serde_json::json;

use crate::Ended;
use crate::app::App;
use crate::names::NamedLink;
use crate::screen::{Tone, plain};
use crate::words;

/// Shows what a sync of these links would do.
pub(super) async fn show(
    app: &App,
    engine: &Engine,
    transport: &Metered,
    selected: Vec<NamedLink>,
) -> Result<Ended> {
    let bars = app.screen.bars();
    let mut ended = Ended::Well;
    let mut rows = Vec::new();
    let mut reports = Vec::new();
    for named in selected {
        bars.title(&named.words());
        let before = transport.traffic().requests;
        let report = Box::pin(dry_run(engine, app.tenant, named.link.clone(), &bars)).await?;
        rows.push(json!({
            "id": named.link.id,
            "remote": named.words(),
            "calendar": named.calendar,
            "outcome": report.outcome,
            "plan": report.plan.iter().map(line_json).collect::<Vec<_>>(),
            "skipped_items": report.skipped,
            "requests": transport.traffic().requests - before,
        }));
        reports.push((named, report));
    }
    bars.end();
    app.screen
        .json(&json!({ "dry_run": true, "links": rows }))?;
    for (named, report) in &reports {
        app.screen
            .line(&format!("{} and {}", named.words(), named.calendar))?;
        let mut table = app
            .screen
            .table(["WHERE", "ACTION", "EVENT", "WHEN", "FIELDS", "WHY"]);
        for line in &report.plan {
            table.add(cells(app, named, line));
        }
        match &report.outcome {
            Outcome::Succeeded => app.screen.show(&table, "Nothing to do.")?,
            Outcome::Failed { error, .. } | Outcome::NeedsReconnect { error } => {
                crate::screen::warn(&format!("{}: {error}", named.words()));
                ended = Ended::WithFailures;
            }
            Outcome::Waiting { .. } | Outcome::TakenOver => {}
        }
        app.screen.line("")?;
    }
    if reports.len() > 1 && reports.iter().any(|(_, report)| !report.plan.is_empty()) {
        app.screen.line("Nothing was changed. What one side brings here goes on to the others in the same sync.")?;
    } else {
        app.screen.line("Nothing was changed.")?;
    }
    Ok(ended)
}

fn cells(app: &App, named: &NamedLink, line: &Planned) -> [(String, Tone); 6] {
    let place = match line.side {
        Side::Here => "here".to_owned(),
        Side::There => named.connection.name.clone(),
    };
    let (action, tone) = match line.action {
        Action::Create => ("create", Tone::Good),
        Action::Update => ("update", Tone::Plain),
        Action::Delete => ("delete", Tone::Bad),
        Action::Hold => ("hold back a deletion", Tone::Wary),
        Action::Skip => ("skip", Tone::Wary),
        Action::Conflict => ("conflict", Tone::Wary),
    };
    let when = line
        .start
        .as_ref()
        .map(|start| words::start(start, &app.settings.zone.id.0))
        .unwrap_or_default();
    [
        plain(place),
        (action.to_owned(), tone),
        plain(&*line.title),
        plain(when),
        plain(words::fields(&line.fields)),
        plain(why(line)),
    ]
}

fn why(line: &Planned) -> &'static str {
    match line.reason {
        _ if line.action == Action::Skip => "cannot be handled",
        _ if line.action == Action::Conflict => "both sides changed it",
        Reason::NewThere => "new there",
        Reason::NewHere => "new here",
        Reason::ChangedThere => "changed there",
        Reason::ChangedHere => "changed here",
        Reason::Merged => "changed on both sides",
        Reason::DeletedThere => "deleted there",
        Reason::DeletedHere => "deleted here",
        Reason::EditBeatsDeletionThere => "deleted there, but edited here",
        Reason::EditBeatsDeletionHere => "deleted here, but edited there",
        Reason::FoundAgain => "found again",
        Reason::PutBack => "may not be changed there: put back",
        Reason::Leaving => "the account was disconnected",
    }
}

fn line_json(line: &Planned) -> serde_json::Value {
    json!({
        "side": line.side,
        "action": line.action,
        "title": line.title,
        "start": line.start.as_ref().map(words::start_plain),
        "time_zone": line.start.as_ref().and_then(|start| start.zone()),
        "event_id": line.event,
        "fields": line.fields.iter().map(words::field).collect::<Vec<_>>(),
        "reason": line.reason,
    })
}
