//! `kalends conflicts`: what both sides changed at once.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use kalends_calendar::ids::EventId;
use kalends_calendar::merge::Winner;
use kalends_engine::edits::{self, Choice};
use kalends_store::conflicts::{self, ConflictState, StoredConflict, Which};
use kalends_store::events;
use serde_json::json;

use crate::app::{App, EDITOR};
use crate::screen::{Tone, plain};
use crate::words::{field, instant, value};
use crate::{Ended, names};

/// The most conflicts that are looked at: who has more resolves these first.
const LISTED_MAX: i64 = 10_000;

/// Show what both sides changed at once, and decide it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends conflicts
  kalends conflicts --all --json
  kalends conflicts resolve 5d0e77b1 --choose remote")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Conflicts {
    #[command(subcommand)]
    what: Option<What>,
    /// Also those that were decided, by a person or by the link's policy
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Decide a conflict; also one that was decided otherwise before
    #[command(after_help = "\
EXAMPLES:
  kalends conflicts resolve 5d0e77b1 --choose local
  kalends conflicts resolve 5d0e77b1 --choose custom --value '\"Dentist, second floor\"'")]
    Resolve {
        /// The conflict, by id
        id: String,
        /// Which value the event gets, on both sides
        #[arg(long, value_enum)]
        choose: Chosen,
        /// The value for `custom`, in JSON as `kalends conflicts --json` shows the others
        #[arg(long, value_name = "JSON", required_if_eq("choose", "custom"))]
        value: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Chosen {
    /// What it became here
    Local,
    /// What it became there
    Remote,
    /// Another one
    Custom,
}

impl Chosen {
    /// As the API calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Custom => "custom",
        }
    }
}

pub(crate) async fn run(app: &App, command: Conflicts) -> Result<Ended> {
    match command.what {
        Some(What::Resolve { id, choose, value }) => resolve(app, &id, choose, value).await,
        None => list(app, if command.all { Which::All } else { Which::Open }).await,
    }
}

async fn list(app: &App, which: Which) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let all = conflicts::list(&mut tx, which, LISTED_MAX).await?;
    let links = names::named_links(&mut tx).await?;
    let ids: Vec<EventId> = all.iter().map(|conflict| conflict.event).collect();
    let stored = events::get_many(&mut tx, &ids).await?;
    let mut table = app.screen.table([
        "ID", "WHEN", "EVENT", "FIELD", "WAS", "HERE", "THERE", "REMOTE", "STATE",
    ]);
    let mut rows = Vec::new();
    for found in &all {
        let title = stored
            .iter()
            .find(|event| event.id == found.event)
            .and_then(|event| event.body.as_ref())
            .map_or_else(
                || "(deleted)".to_owned(),
                |body| body.master.details.title.clone(),
            );
        let remote = links
            .iter()
            .find(|named| named.link.id == found.link)
            .map_or_else(|| "(unlinked)".to_owned(), names::NamedLink::words);
        let conflict = &found.conflict;
        table.add([
            plain(names::short(found.id.0)),
            plain(instant(found.at, &app.settings.zone.rules)),
            plain(&*title),
            plain(field(&conflict.field)),
            (value(&conflict.base), Tone::Faint),
            plain(value(&conflict.local)),
            plain(value(&conflict.remote)),
            plain(&*remote),
            state(found),
        ]);
        rows.push(json!({
            "id": found.id,
            "event_id": found.event,
            "title": title,
            "link_id": found.link,
            "remote": remote,
            "field": conflict.field,
            "base": conflict.base,
            "local": conflict.local,
            "remote_value": conflict.remote,
            "winner": conflict.winner,
            "state": found.state,
            "at": found.at,
            "resolved_at": found.resolved_at,
            "resolved_by": found.resolved_by,
        }));
    }
    app.screen.json(&json!({ "conflicts": rows }))?;
    app.screen.show(&table, "There are no conflicts.")?;
    if all.iter().any(|found| found.state == ConflictState::Open) {
        app.screen
            .line("\nDecide one: kalends conflicts resolve ID --choose local|remote|custom")?;
    }
    Ok(Ended::Well)
}

fn state(found: &StoredConflict) -> (String, Tone) {
    match (found.state, found.conflict.winner) {
        (ConflictState::Open, _) => ("open".to_owned(), Tone::Wary),
        (ConflictState::Decided, Winner::Local) => ("ours won".to_owned(), Tone::Plain),
        (ConflictState::Decided, Winner::Remote) => ("theirs won".to_owned(), Tone::Plain),
        (ConflictState::Decided, Winner::Undecided) => ("decided".to_owned(), Tone::Plain),
        (ConflictState::Resolved, _) => {
            let by = found.resolved_by.as_deref().unwrap_or("somebody");
            (format!("resolved by {by}"), Tone::Good)
        }
    }
}

async fn resolve(app: &App, typed: &str, choose: Chosen, value: Option<String>) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let all = conflicts::list(&mut tx, Which::All, LISTED_MAX).await?;
    drop(tx);
    let found = names::one(
        "conflict",
        typed,
        all,
        |found| found.id.0,
        |found| field(&found.conflict.field),
    )?;
    let choice = match (choose, value) {
        (Chosen::Local, None) => Choice::Local,
        (Chosen::Remote, None) => Choice::Remote,
        (Chosen::Custom, Some(text)) => Choice::Custom(
            serde_json::from_str(&text)
                .with_context(|| format!("--value: {text} is no JSON (text stands in quotes)"))?,
        ),
        (Chosen::Custom, None) => bail!("--choose custom needs --value"),
        (Chosen::Local | Chosen::Remote, Some(_)) => bail!("--value goes with --choose custom"),
    };
    let mut tx = app.store.begin(app.tenant).await?;
    edits::resolve_in(&app.engine()?, &mut tx, found.id, choice, EDITOR).await?;
    // The values are the event's, whose history has them.
    let detail = json!({
        "choose": choose.word(), "event": found.event, "link": found.link, "field": found.conflict.field,
    });
    let object = format!("conflict {}", found.id);
    app.audit(&mut tx, "conflict.resolve", object, detail)
        .await?;
    tx.commit().await?;
    app.screen
        .json(&json!({ "id": found.id, "state": "resolved" }))?;
    app.screen
        .line("Resolved. The next sync takes it to the other side: kalends sync")?;
    Ok(Ended::Well)
}
