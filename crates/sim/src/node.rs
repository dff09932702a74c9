//! The nodes: the engine's own loop, on a store of its own over the shared file.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kalends_calendar::seams::Clock;
use kalends_engine::{Engine, Mute, Settings, Silent, worker};
use kalends_sandbox::Chance;
use kalends_store::{Store, StoreError};

use crate::account::Accounts;
use crate::baton::TaskId;
use crate::seams::{Lots, NodeClock, NodeEntropy, NodeIds};
use crate::stage::{Law, Stage};

/// How wrong the clock of a node may be, in milliseconds.
const CLOCK_ERROR_MS: i64 = 3_000;

/// The database's address.
pub(crate) fn address(stage: &Stage) -> String {
    format!("sqlite:{}", stage.database.display())
}

/// Identifiers for the set-up.
pub(crate) fn ids(chance: Chance) -> NodeIds {
    NodeIds(Lots::new(chance))
}

/// A clock that is right.
pub(crate) fn exact_clock(stage: &Arc<Stage>) -> Arc<dyn Clock> {
    Arc::new(NodeClock {
        baton: Arc::clone(&stage.baton),
        wrong_by: SignedDuration::ZERO,
        lots: Arc::clone(&stage.lots),
    })
}

/// The engine as one process has it.
pub(crate) async fn engine(
    stage: &Arc<Stage>,
    holder: &str,
    mut chance: Chance,
) -> Result<Engine, StoreError> {
    let store = Store::open(&address(stage)).await?;
    let wrong_by = SignedDuration::from_millis(chance.within(-CLOCK_ERROR_MS..CLOCK_ERROR_MS));
    let lots = Lots::new(chance);
    let clock: Arc<dyn Clock> = Arc::new(NodeClock {
        baton: Arc::clone(&stage.baton),
        wrong_by,
        lots: Arc::clone(&lots),
    });
    Ok(Engine {
        store,
        clock: Arc::clone(&clock),
        ids: Arc::new(NodeIds(Arc::clone(&lots))),
        entropy: Arc::new(NodeEntropy(Arc::clone(&lots))),
        providers: Arc::new(Accounts {
            stage: Arc::clone(stage),
            clock,
            lots,
            holder: holder.to_owned(),
        }),
        // Who is woken is up to the clock alone, so that one seed gives one trace.
        bell: Arc::new(Mute),
        settings: settings(),
        holder: holder.to_owned(),
    })
}

/// The defaults, but for a shorter wait after a failure: a simulation has an hour, not a day.
fn settings() -> Settings {
    Settings {
        backoff_first: Duration::from_secs(10),
        backoff_max: Duration::from_mins(10),
        ..Settings::default()
    }
}

/// Starts a node. Each start of one is another process, under another name.
pub(crate) fn start(stage: &Arc<Stage>, number: usize, start: usize) -> TaskId {
    let holder = format!("node-{number}.{start}");
    let label = (number as u64) << 32 | start as u64;
    let chance = stage.lots.draw(|chance| chance.fork(label));
    let on_stage = Arc::clone(stage);
    let name = holder.clone();
    stage.baton.start(&name, async move {
        let stage = on_stage;
        match engine(&stage, &holder, chance).await {
            Ok(engine) => {
                let told = |report: kalends_engine::Report| {
                    let counts = serde_json::to_string(&report.counts).unwrap_or_default();
                    stage.baton.say(&format!(
                        "run over {}: {:?} {counts}",
                        report.link, report.outcome
                    ));
                };
                worker::watch(&engine, &Silent, told, pending()).await;
            }
            Err(error) => stage.cry(
                Law::Broken,
                format!("a node cannot open the store: {error}"),
            ),
        }
    })
}
