//! `kalends runs`: what woke each sync, and what came of it.

use anyhow::Result;
use clap::Args;
use kalends_store::runs::{self, RunState};
use serde_json::{Value, json};

use crate::app::App;
use crate::screen::{Tone, plain};
use crate::words::{instant_exact, word};
use crate::{Ended, holder, names};

/// Show what woke each sync and what came of it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends runs
  kalends runs --link 3f9c01aa --limit 100 --json")]
pub(crate) struct Runs {
    /// Only those of this link
    #[arg(long)]
    link: Option<String>,
    /// How many of each link
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

pub(crate) async fn run(app: &App, command: Runs) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let links = match &command.link {
        Some(typed) => vec![names::link(&mut tx, typed).await?],
        None => names::named_links(&mut tx).await?,
    };
    let mut all = Vec::new();
    for named in &links {
        for run in runs::list(&mut tx, named.link.id, command.limit).await? {
            all.push((named, run));
        }
    }
    all.sort_by_key(|(_, run)| std::cmp::Reverse((run.started_at, run.id)));
    let mut table = app.screen.table([
        "STARTED", "REMOTE", "WOKEN BY", "STATE", "TOOK", "DID", "BY",
    ]);
    let mut rows = Vec::new();
    for (named, run) in all {
        let took = run
            .finished_at
            .map(|end| end.duration_since(run.started_at).as_millis());
        let tone = match run.state {
            RunState::Done => Tone::Good,
            RunState::Running => Tone::Plain,
            RunState::Failed => Tone::Bad,
        };
        table.add([
            plain(instant_exact(run.started_at, &app.settings.zone.rules)),
            plain(named.words()),
            plain(word(&run.reason)),
            (word(&run.state), tone),
            plain(took.map(|ms| format!("{ms} ms")).unwrap_or_default()),
            plain(run.error.clone().unwrap_or_else(|| counts(&run.counts))),
            (holder::for_people(&run.holder), Tone::Faint),
        ]);
        rows.push(json!({
            "id": run.id,
            "link_id": run.link,
            "remote": named.words(),
            "reason": run.reason,
            "state": run.state,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "full_listing": run.cursor.is_none(),
            "counts": run.counts,
            "error": run.error,
            "holder": run.holder,
        }));
    }
    app.screen.json(&json!({ "runs": rows }))?;
    app.screen
        .show(&table, "Nothing has been synced yet: kalends sync")?;
    Ok(Ended::Well)
}

/// The counts of a run that are not zero.
fn counts(of: &Value) -> String {
    let Value::Object(members) = of else {
        return String::new();
    };
    members
        .iter()
        .filter(|(name, count)| *name != "seen" && count.as_u64().is_some_and(|count| count > 0))
        .map(|(name, count)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}
