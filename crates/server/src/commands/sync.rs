//! `kalends sync`: both sides of all links into step, once or for as long as it runs.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::LinkId;
use kalends_calendar::rules::Direction;
use kalends_engine::report::{Counts, Skipped};
use kalends_engine::{Engine, Outcome, Report, claim, run_link};
use kalends_store::connections::ConnectionState;
use kalends_store::held;
use kalends_store::intents::{self, Intent};
use kalends_store::leases::Leased;
use kalends_store::links::{self, LinkState};
use serde_json::{Value, json};

use super::{connections, stop, watch};
use crate::app::{App, Wired};
use crate::names::{self, NamedLink};
use crate::screen::{Bars, Tone, plain};
use crate::tenancy::For;
use crate::{Ended, holder};

mod plan;

/// How often links are gone through in one command. What a link brings here makes the calendar's other links due, and
/// what those refuse comes back once: three rounds settle that, and the rest is room for others who edit meanwhile.
const ROUNDS_MAX: usize = 8;

/// How often a link that another process works on is looked at again.
const WAIT: Duration = Duration::from_millis(200);

/// What a run leaves for a second look is due a second later; whoever types `sync` does not want to wait for that.
const SOON: SignedDuration = SignedDuration::from_secs(2);

/// Bring both sides of all links into step.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends sync                       # once
  kalends sync --dry-run             # what would it do?
  kalends sync --watch               # until Ctrl-C
  kalends sync --confirm-deletions   # a mass deletion was held: carry it out
  kalends sync --json | jq .links")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Sync {
    /// Only this link, by id, or by its connection where that has only one (may be repeated)
    #[arg(long, value_name = "LINK")]
    link: Vec<String>,
    /// Show what a sync would do, and do nothing
    #[arg(long, conflicts_with_all = ["watch", "confirm_deletions", "refuse_deletions"])]
    dry_run: bool,
    /// Go on until interrupted, for all tenants; several processes share the work
    #[arg(long, conflicts_with_all = ["link", "full", "confirm_deletions", "refuse_deletions"])]
    watch: bool,
    /// Carry out the deletions that were held because they were many
    #[arg(long, conflicts_with = "refuse_deletions")]
    confirm_deletions: bool,
    /// Keep the events whose deletions were held; a link that writes there writes them back
    #[arg(long)]
    refuse_deletions: bool,
    /// List everything and compare, whatever the server says has changed
    #[arg(long)]
    full: bool,
}

impl Sync {
    /// For whom it works.
    pub(crate) fn work(&self) -> For {
        if self.watch {
            For::Platform
        } else {
            For::Calendars
        }
    }
}

pub(crate) async fn run(app: &App, command: Sync) -> Result<Ended> {
    let wired = app.wired().await?;
    if command.watch {
        watch::work(app, &wired, stop::asked()).await?;
        return Ok(Ended::Well);
    }
    let selected = selected(app, &command.link).await?;
    if selected.is_empty() {
        app.screen.json(&json!({ "links": [] }))?;
        app.screen
            .line("Nothing is linked yet: kalends link --help")?;
        return Ok(Ended::Well);
    }
    let mut first = wired.engine.clone();
    if command.full {
        first.settings.full_listing_every = Duration::ZERO;
    }
    if command.dry_run {
        return plan::show(app, &first, &wired.accounts.transport, selected).await;
    }
    if command.confirm_deletions || command.refuse_deletions {
        decide_deletions(app, &selected, command.confirm_deletions).await?;
    }
    asked(app, &selected).await?;
    let mut lines: Vec<Line> = selected.into_iter().map(Line::new).collect();
    let bars = app.screen.bars();
    for round in 0..ROUNDS_MAX {
        let engine = if round == 0 { &first } else { &wired.engine };
        let mut worked = false;
        for line in &mut lines {
            if round == 0 || is_due(app, line).await? {
                worked = true;
                if let Err(error) = run_one(app, &wired, engine, line, &bars).await {
                    line.broken = Some(format!("{error:#}"));
                }
            }
        }
        if !worked {
            break;
        }
    }
    bars.end();
    for line in &mut lines {
        let mut tx = app.store.read(app.tenant).await?;
        line.held = held::list(&mut tx, line.named.link.id).await?.len();
        let owed = intents::due(&mut tx, line.named.link.id, Timestamp::MAX, i64::MAX).await?;
        line.waiting = owed.into_iter().filter_map(waiting).collect();
    }
    show(app, &lines)
}

/// Tells the audit log which links somebody asked to be synced.
async fn asked(app: &App, selected: &[NamedLink]) -> Result<()> {
    let mut tx = app.store.begin(app.tenant).await?;
    for named in selected {
        let object = format!("link {}", named.link.id);
        app.audit(&mut tx, "link.sync", object, json!({})).await?;
    }
    Ok(tx.commit().await?)
}

/// The links that were named, or all that are not paused.
async fn selected(app: &App, typed: &[String]) -> Result<Vec<NamedLink>> {
    let mut tx = app.store.read(app.tenant).await?;
    if typed.is_empty() {
        let mut all = names::named_links(&mut tx).await?;
        all.retain(|named| named.link.state == LinkState::Active);
        return Ok(all);
    }
    let mut named = Vec::new();
    for typed in typed {
        let link = names::link(&mut tx, typed).await?;
        if link.link.state == LinkState::Paused {
            bail!(
                "{} is paused: kalends resume {}",
                link.words(),
                names::short(link.link.id.0)
            );
        }
        if !named
            .iter()
            .any(|known: &NamedLink| known.link.id == link.link.id)
        {
            named.push(link);
        }
    }
    Ok(named)
}

async fn decide_deletions(app: &App, selected: &[NamedLink], yes: bool) -> Result<()> {
    let now = app.now();
    for named in selected {
        let mut tx = app.store.begin(app.tenant).await?;
        let link = named.link.id;
        let count = if yes {
            held::confirm(&mut tx, link, now).await?
        } else {
            held::refuse(&mut tx, link, now).await?
        };
        let detail = json!({ "confirm_deletions": yes, "deletions": count });
        app.audit(&mut tx, "link.update", format!("link {link}"), detail)
            .await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What came of a link in all rounds together.
struct Line {
    named: NamedLink,
    ran: bool,
    outcome: Outcome,
    /// What went wrong with it outside of a run: it was deleted meanwhile, or the database fails.
    broken: Option<String>,
    counts: Counts,
    skipped: Vec<Skipped>,
    /// Writes that did not get through and are tried again.
    waiting: Vec<Skipped>,
    held: usize,
    requests: u64,
    took: SignedDuration,
}

impl Line {
    fn new(named: NamedLink) -> Self {
        Self {
            named,
            ran: false,
            outcome: Outcome::Succeeded,
            broken: None,
            counts: Counts::default(),
            skipped: Vec::new(),
            waiting: Vec::new(),
            held: 0,
            requests: 0,
            took: SignedDuration::ZERO,
        }
    }

    /// Whether something of it failed, so that both sides may not be in step.
    fn failed(&self) -> bool {
        self.broken.is_some() || self.outcome != Outcome::Succeeded || !self.waiting.is_empty()
    }

    /// Events that were made, changed, deleted or written.
    fn items(&self) -> usize {
        let counts = &self.counts;
        counts.created + counts.updated + counts.deleted + counts.pushed
    }

    /// Of those, per second.
    fn rate(&self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate for people, of far fewer than 2^52 items"
        )]
        let items = self.items() as f64;
        items / self.took.as_secs_f64().max(0.001)
    }

    fn add(&mut self, report: Report) {
        let counts = report.counts;
        let sum = &mut self.counts;
        sum.created += counts.created;
        sum.updated += counts.updated;
        sum.deleted += counts.deleted;
        sum.pushed += counts.pushed;
        sum.conflicts += counts.conflicts;
        sum.held += counts.held;
        sum.skipped += counts.skipped;
        sum.seen += counts.seen;
        self.skipped.extend(report.skipped);
        self.outcome = report.outcome;
        self.ran = true;
    }
}

/// Whether a link is due already again: others brought something for it, or it left something for a second look.
async fn is_due(app: &App, line: &Line) -> Result<bool> {
    if line.failed() {
        return Ok(false);
    }
    let mut tx = app.store.read(app.tenant).await?;
    let soon = app.now().checked_add(SOON)?;
    Ok(links::get(&mut tx, line.named.link.id)
        .await?
        .is_some_and(|link| link.due_at.is_some_and(|at| at <= soon)))
}

async fn run_one(
    app: &App,
    wired: &Wired,
    engine: &Engine,
    line: &mut Line,
    bars: &Bars,
) -> Result<()> {
    if line.named.connection.state == ConnectionState::ReconnectNeeded {
        line.outcome = Outcome::NeedsReconnect {
            error: line.named.connection.problem.clone().unwrap_or_default(),
        };
        return Ok(());
    }
    bars.title(&line.named.words());
    let sent_before = wired.accounts.transport.traffic().requests;
    let Some(leased) = claim_patiently(app, engine, &line.named).await? else {
        line.outcome = Outcome::TakenOver;
        return Ok(());
    };
    let began = app.now();
    let report = Box::pin(run_link(engine, leased, bars)).await?;
    line.took += app.now().duration_since(began);
    line.requests += wired.accounts.transport.traffic().requests - sent_before;
    line.add(report);
    Ok(())
}

/// Claims a link; waits while another process works on it, unless that is dead: then its lease counts for nothing.
async fn claim_patiently(app: &App, engine: &Engine, named: &NamedLink) -> Result<Option<Leased>> {
    let link = named.link.id;
    let patience =
        SignedDuration::try_from(engine.settings.lease_for)? + SignedDuration::from_secs(1);
    let until = app.now().checked_add(patience)?;
    let mut told = false;
    loop {
        if let Some(leased) = claim(engine, app.tenant, link).await? {
            return Ok(Some(leased));
        }
        if free_of_the_dead(app, link).await? {
            continue;
        }
        if is_paused(app, link).await? {
            bail!(
                "it was paused meanwhile: kalends resume {}",
                names::short(link.0)
            );
        }
        if app.now() >= until {
            return Ok(None);
        }
        if !told {
            app.screen.note(&format!(
                "another process works on {}; waiting until it is through",
                named.words()
            ));
            told = true;
        }
        engine.clock.sleep(WAIT).await;
    }
}

async fn is_paused(app: &App, id: LinkId) -> Result<bool> {
    let mut tx = app.store.read(app.tenant).await?;
    let link = links::get(&mut tx, id).await?;
    Ok(link.is_some_and(|link| link.state == LinkState::Paused))
}

/// Takes a link from a process of this machine that was killed while it held it.
async fn free_of_the_dead(app: &App, id: LinkId) -> Result<bool> {
    let mut tx = app.store.begin(app.tenant).await?;
    let Some(link) = links::get(&mut tx, id).await? else {
        bail!("the link was deleted meanwhile");
    };
    if !link.holder.as_deref().is_some_and(holder::is_dead) {
        return Ok(false);
    }
    // The same state again: its lease ends, and nothing else.
    links::set_state(&mut tx, id, link.state, app.now()).await?;
    tx.commit().await?;
    Ok(true)
}

/// An intent that was tried and is tried again.
fn waiting(intent: Intent) -> Option<Skipped> {
    Some(Skipped {
        item: intent.event.to_string(),
        error: intent.error?,
    })
}

fn show(app: &App, lines: &[Line]) -> Result<Ended> {
    let rows: Vec<Value> = lines.iter().map(as_json).collect();
    let failed = lines.iter().any(Line::failed);
    let requests: u64 = lines.iter().map(|line| line.requests).sum();
    app.screen
        .json(&json!({ "links": rows, "requests_total": requests, "failed": failed }))?;
    let mut table = app
        .screen
        .table(["REMOTE", "CALENDAR", "DID", "REQUESTS", "TIME", "RESULT"]);
    for line in lines {
        let tone = match line.items() {
            0 => Tone::Faint,
            _ => Tone::Plain,
        };
        table.add([
            plain(line.named.words()),
            plain(&*line.named.calendar),
            (watch::did(&line.counts), tone),
            plain(line.requests.to_string()),
            plain(time(line)),
            result(line),
        ]);
    }
    app.screen.show(&table, "")?;
    for line in lines {
        explain(app, line);
    }
    Ok(if failed {
        Ended::WithFailures
    } else {
        Ended::Well
    })
}

/// How long a link took, and how quick that was where it says something.
fn time(line: &Line) -> String {
    /// A rate of fewer items is noise.
    const ITEMS_MIN: usize = 20;
    let took = format!("{:.2} s", line.took.as_secs_f64());
    if line.items() >= ITEMS_MIN {
        format!("{took} ({:.0}/s)", line.rate())
    } else {
        took
    }
}

fn result(line: &Line) -> (String, Tone) {
    if line.broken.is_some() {
        return ("failed".to_owned(), Tone::Bad);
    }
    match &line.outcome {
        Outcome::Succeeded if !line.waiting.is_empty() => {
            (format!("{} waiting", line.waiting.len()), Tone::Bad)
        }
        Outcome::Succeeded if line.held > 0 => ("waits for you".to_owned(), Tone::Wary),
        Outcome::Succeeded => ("in step".to_owned(), Tone::Good),
        Outcome::Failed { .. } => ("failed".to_owned(), Tone::Bad),
        Outcome::Waiting { .. } => ("waits for quota".to_owned(), Tone::Wary),
        Outcome::NeedsReconnect { .. } => ("reconnect".to_owned(), Tone::Bad),
        Outcome::TakenOver => ("busy elsewhere".to_owned(), Tone::Bad),
    }
}

/// Says below the table what does not fit into it.
fn explain(app: &App, line: &Line) {
    /// More are in `kalends links --json`.
    const SKIPPED_SHOWN: usize = 10;
    let words = line.named.words();
    if let Some(error) = &line.broken {
        return crate::screen::warn(&format!("{words}: {error}"));
    }
    match &line.outcome {
        Outcome::Succeeded => {}
        Outcome::Failed { error, retry_at } => {
            let at = retry_at.to_zoned(app.settings.zone.rules.clone());
            crate::screen::warn(&format!(
                "{words}: {error} (`--watch` and `serve` try again at {})",
                at.strftime("%H:%M:%S")
            ));
        }
        Outcome::Waiting { until } => {
            let at = until.to_zoned(app.settings.zone.rules.clone());
            crate::screen::warn(&format!(
                "{words}: waits for quota: the account is asked no more than its provider allows (`--watch` and `serve` \
                 go on at {})",
                at.strftime("%H:%M:%S")
            ));
        }
        Outcome::NeedsReconnect { error } => {
            let mut connection = line.named.connection.clone();
            connection.state = ConnectionState::ReconnectNeeded;
            let remedy = connections::remedy(&connection).unwrap_or_default();
            crate::screen::warn(&format!("{words}: {error}; to connect it again: {remedy}"));
        }
        Outcome::TakenOver => {
            crate::screen::warn(&format!(
                "{words}: another process works on it: kalends links"
            ));
        }
    }
    for skipped in line.skipped.iter().take(SKIPPED_SHOWN) {
        crate::screen::warn(&format!(
            "{words}: skipped {}: {}",
            skipped.item, skipped.error
        ));
    }
    if line.skipped.len() > SKIPPED_SHOWN {
        let more = line.skipped.len() - SKIPPED_SHOWN;
        crate::screen::warn(&format!(
            "{words}: {more} more were skipped: kalends links --json"
        ));
    }
    if let Some(first) = line.waiting.first() {
        crate::screen::warn(&format!(
            "{words}: {} of your changes have not got through yet ({}); `--watch` and `serve` try again by \
             themselves, or run `kalends sync` again in a while",
            line.waiting.len(),
            first.error
        ));
    }
    if line.held > 0 {
        let kept = match line.named.link.direction {
            Direction::TwoWay | Direction::Push => "write them back",
            Direction::Pull => "keep them here",
        };
        crate::screen::warn(&format!(
            "{words}: {} events are gone there, which is so many that they stay here until you say \
             `kalends sync --confirm-deletions` (delete them) or `kalends sync --refuse-deletions` ({kept})",
            line.held
        ));
    }
}

fn as_json(line: &Line) -> Value {
    let mut row = json!({
        "id": line.named.link.id,
        "remote": line.named.words(),
        "connection": line.named.connection.name,
        "remote_calendar": line.named.remote,
        "calendar": line.named.calendar,
        "outcome": line.outcome,
        "ran": line.ran,
        "held_total": line.held,
        "skipped_items": line.skipped,
        "waiting_writes": line.waiting,
        "requests": line.requests,
        "duration_ms": line.took.as_millis(),
        "items_per_second": (line.rate() * 10.0).round() / 10.0,
    });
    if let Some(error) = &line.broken {
        row["outcome"] = json!({ "status": "failed", "error": error });
    }
    if let (Value::Object(row), Ok(Value::Object(counts))) =
        (&mut row, serde_json::to_value(line.counts))
    {
        row.extend(counts);
    }
    row
}
