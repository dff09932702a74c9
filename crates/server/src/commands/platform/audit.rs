//! `kalends audit`: who did what, when, from where and why; and whether anybody has tampered with that.

use std::collections::HashMap;

use anyhow::Result;
use clap::Subcommand;
use kalends_calendar::ids::TenantId;
use kalends_store::audit::{self, Filter, Verdict};
use kalends_store::{PLATFORM, tenants};
use serde_json::{Value, json};

use crate::Ended;
use crate::app::App;
use crate::screen::{Tone, plain};
use crate::tenancy::For;
use crate::words::instant_exact;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Show the latest entries of the tenant
    #[command(after_help = "\
EXAMPLES:
  kalends audit list
  kalends --tenant demo audit list --action connection.create --limit 20 --json")]
    List {
        /// Only by this one
        #[arg(long)]
        actor: Option<String>,
        /// Only of this kind
        #[arg(long)]
        action: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Check the chains of all tenants and of the platform: find an entry that was changed, put in, taken out or cut off
    #[command(after_help = "EXAMPLES:\n  kalends audit verify\n  kalends audit verify --json")]
    Verify,
}

impl Audit {
    /// For whom it works.
    pub(crate) fn work(&self) -> For {
        match self {
            Self::List { .. } => For::Overview,
            Self::Verify => For::Platform,
        }
    }
}

pub(crate) async fn run(app: &App, command: Audit) -> Result<Ended> {
    match command {
        Audit::List {
            actor,
            action,
            limit,
        } => {
            let filter = Filter {
                actor,
                action,
                ..Filter::default()
            };
            list(app, &filter, limit).await
        }
        Audit::Verify => verify(app).await,
    }
}

async fn list(app: &App, filter: &Filter, limit: i64) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let mut table = app
        .screen
        .table(["WHEN", "WHO", "WHAT", "TO WHAT", "FROM", "WHY", "MORE"]);
    let mut rows = Vec::new();
    for kept in audit::list(&mut tx, filter, None, limit).await? {
        let entry = &kept.entry;
        let more = match &entry.detail {
            Value::Object(members) if members.is_empty() => String::new(),
            detail => detail.to_string(),
        };
        table.add([
            plain(instant_exact(entry.at, &app.settings.zone.rules)),
            plain(&*entry.actor),
            plain(&*entry.action),
            plain(&*entry.object),
            plain(entry.address.clone().unwrap_or_default()),
            plain(entry.cause.clone().unwrap_or_default()),
            (more, Tone::Faint),
        ]);
        rows.push(json!({
            "id": entry.id, "seq": kept.seq, "at": entry.at, "actor": entry.actor,
            "action": entry.action, "object": entry.object, "address": entry.address,
            "cause": entry.cause, "detail": entry.detail,
        }));
    }
    app.screen.json(&json!({ "entries": rows }))?;
    app.screen.show(&table, "There are no such entries.")?;
    Ok(Ended::Well)
}

async fn verify(app: &App) -> Result<Ended> {
    let all = tenants::list(&app.store).await?;
    let mut names: HashMap<TenantId, String> = all
        .into_iter()
        .map(|tenant| (tenant.id, tenant.slug))
        .collect();
    names.insert(PLATFORM, "(platform)".to_owned());
    let mut table = app.screen.table(["CHAIN", "ENTRIES", "VERDICT"]);
    let mut rows = Vec::new();
    let mut ended = Ended::Well;
    for (tenant, verdict) in audit::verify_all(&app.store).await? {
        let name = names
            .remove(&tenant)
            .unwrap_or_else(|| format!("{} (no such tenant)", tenant.0));
        let (entries, hash, unchained, outside, problem) = match &verdict {
            Verdict::Whole {
                entries,
                hash,
                unchained,
                outside,
            } => {
                let problem = (*outside > 0).then(|| "outside".to_owned());
                (*entries, Some(hex(hash)), *unchained, *outside, problem)
            }
            Verdict::Broken { seq, fault } => (*seq, None, 0, 0, Some(crate::words::word(fault))),
        };
        if problem.is_some() {
            ended = Ended::WithFailures;
        }
        table.add([
            plain(&*name),
            plain(entries.to_string()),
            in_words(&verdict),
        ]);
        rows.push(json!({
            "chain": name, "entries": entries, "last_hash": hash, "unchained": unchained, "outside": outside,
            "problem": problem,
        }));
    }
    if ended == Ended::Well {
        audit::anchor(&app.store, app.now()).await?;
    }
    app.screen.json(&json!({ "chains": rows }))?;
    app.screen.show(&table, "")?;
    Ok(ended)
}

fn in_words(verdict: &Verdict) -> (String, Tone) {
    match verdict {
        Verdict::Whole {
            outside: 0,
            unchained: 0,
            ..
        } => ("whole".to_owned(), Tone::Good),
        Verdict::Whole {
            outside: 0,
            unchained,
            ..
        } => (
            format!(
                "whole; {unchained} more are from before it, of which only the number is known"
            ),
            Tone::Wary,
        ),
        Verdict::Whole { outside, .. } => (
            format!("whole; {outside} more stand outside of it, and nothing vouches for them"),
            Tone::Bad,
        ),
        Verdict::Broken { seq, fault } => (
            format!("broken at {seq}: {}", crate::words::word(fault)),
            Tone::Bad,
        ),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
