//! Working until told to stop: what `kalends sync --watch` and `kalends serve` have in common.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use futures_util::FutureExt;
use futures_util::future::{Shared, join_all};
use kalends_calendar::ids::LinkId;
use kalends_engine::progress::Stage;
use kalends_engine::report::Counts;
use kalends_engine::{Outcome, Progress, Report, worker};
use kalends_store::tenants;
use serde_json::json;

use crate::app::{App, Wired};
use crate::names;
use crate::revoking::Revoker;
use crate::screen::warn;
use crate::words::instant_exact;

/// Works on whatever is due, of all tenants, until `stop` is done, and takes back what accounts that are gone were granted.
/// Tells of each run that did something; in a terminal, of each that begins and ends.
pub(crate) async fn work(app: &App, wired: &Wired, stop: impl Future<Output = ()>) -> Result<()> {
    let teller = Teller {
        app,
        names: link_names(app).await?,
        is_watched: app.screen.is_watched(),
    };
    let stop: Shared<_> = stop.shared();
    let workers = (0..app.settings.sync.workers).map(|_| {
        let stop = stop.clone();
        worker::watch(&wired.engine, &teller, |report| teller.ended(&report), stop)
    });
    let revoker = Revoker {
        accounts: Arc::clone(&wired.accounts),
        ids: Arc::clone(&app.ids),
    };
    tokio::join!(join_all(workers), revoker.work(stop));
    Ok(())
}

/// Tells of runs as they begin and end.
struct Teller<'a> {
    app: &'a App,
    names: HashMap<LinkId, String>,
    is_watched: bool,
}

impl Progress for Teller<'_> {
    fn begins(&self, link: LinkId) {
        if self.is_watched {
            self.app.screen.note(&self.sentence(link, "begins"));
        }
    }

    // Bars of several runs at once would write over each other.
    fn stage(&self, _: Stage) {}
    fn expect(&self, _: usize) {}
    fn done(&self, _: usize) {}
}

impl Teller<'_> {
    fn name(&self, link: LinkId) -> String {
        let name = self.names.get(&link).cloned();
        name.unwrap_or_else(|| names::short(link.0))
    }

    fn sentence(&self, link: LinkId, what: &str) -> String {
        let at = instant_exact(self.app.now(), &self.app.settings.zone.rules);
        format!("{at}  {}: {what}", self.name(link))
    }

    fn ended(&self, report: &Report) {
        let screen = &self.app.screen;
        let what = match &report.outcome {
            Outcome::Succeeded if idle(&report.counts) => {
                if self.is_watched {
                    screen.note(&self.sentence(report.link, &did(&report.counts)));
                }
                return;
            }
            Outcome::Succeeded => did(&report.counts),
            Outcome::Failed { error, .. } => format!("failed, and is tried again: {error}"),
            Outcome::Waiting { until } => format!("waits for quota until {until}"),
            Outcome::NeedsReconnect { error } => format!("stopped: {error} (kalends connections)"),
            Outcome::TakenOver => "taken over by another process".to_owned(),
        };
        let name = self.name(report.link);
        let told = screen
            .line(&self.sentence(report.link, &what))
            .and_then(|()| {
                screen.json_line(&json!({ "at": self.app.now(), "remote": name, "report": report }))
            });
        // The work goes on, whoever can be told of it.
        if let Err(error) = told {
            warn(&format!("{error:#}"));
        }
    }
}

/// What links are called. Those made later are called by their id.
async fn link_names(app: &App) -> Result<HashMap<LinkId, String>> {
    let mut all = HashMap::new();
    for tenant in tenants::list(&app.store).await? {
        let mut tx = app.store.read(tenant.id).await?;
        for named in names::named_links(&mut tx).await? {
            all.insert(named.link.id, named.words());
        }
    }
    Ok(all)
}

fn idle(counts: &Counts) -> bool {
    let Counts {
        created,
        updated,
        deleted,
        pushed,
        conflicts,
        held,
        skipped,
        outside: _,
        seen: _,
    } = counts;
    created + updated + deleted + pushed + conflicts + held + skipped == 0
}

/// What a run did, in words; what it did not is left out.
pub(crate) fn did(counts: &Counts) -> String {
    let words: Vec<String> = [
        (counts.created, "created here"),
        (counts.updated, "updated here"),
        (counts.deleted, "deleted here"),
        (counts.pushed, "written there"),
        (counts.conflicts, "in conflict"),
        (counts.held, "deletions held"),
        (counts.skipped, "skipped"),
        (counts.outside, "left outside"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if words.is_empty() {
        "nothing to do".to_owned()
    } else {
        words.join(", ")
    }
}
