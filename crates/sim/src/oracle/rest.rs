//! Bringing everything to rest: faults off, users gone, run until nothing is left to do; then the laws of rest.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kalends_calendar::ids::LinkId;
use kalends_engine::{Engine, Silent, run_link};
use kalends_sandbox::Chance;
use kalends_store::leases::{self, Claim};

use super::{sides, traces, wire};
use crate::people::operator;
use crate::plant;
use crate::stage::{Law, Stage};
use crate::{baton, node};

/// A round begins so much later than the last: everything is listed once a day, so every round lists everything, and all
/// waits after failures are over.
const BETWEEN_ROUNDS: SignedDuration = SignedDuration::from_hours(25);

/// So many rounds are enough: an edit crosses two links in two rounds, and whoever takes five times as long goes in circles.
const ROUNDS_MAX: usize = 10;

/// So many runs of one link in one round are enough.
const RUNS_PER_ROUND_MAX: usize = 12;

/// Settles everything and looks at what came of it.
pub(crate) async fn come_to_rest(stage: Arc<Stage>, chance: Chance) {
    let engine = match node::engine(&stage, "rest", chance).await {
        Ok(engine) => engine,
        Err(error) => return stage.cry(Law::Broken, format!("no store at rest: {error}")),
    };
    if let Err(error) = Box::pin(settle(&stage, &engine)).await {
        stage.cry(Law::Broken, format!("rest: {error}"));
    }
}

async fn settle(stage: &Arc<Stage>, engine: &Engine) -> anyhow::Result<()> {
    stage.baton.say("everybody leaves, the weather clears");
    give_new_passwords(stage);
    let mut quiet_rounds = 0;
    let mut planted = false;
    for round in 0..ROUNDS_MAX {
        let confirm = stage.lots.draw(|chance| chance.percent(50));
        operator::look(stage, &engine.store, confirm).await?;
        stage.baton.skip(BETWEEN_ROUNDS);
        stage.baton.say(&format!("round {round}"));
        let before = writes(stage);
        if !Box::pin(run_round(stage, engine)).await? {
            return Ok(());
        }
        let written = writes(stage) - before;
        stage
            .baton
            .say(&format!("round {round} wrote {written} times"));
        if stage.first_violation().is_some() {
            return Ok(());
        }
        quiet_rounds = if written == 0 { quiet_rounds + 1 } else { 0 };
        if quiet_rounds == 1 && !planted {
            planted = true;
            plant::at_rest(stage, engine).await?;
        }
        if quiet_rounds == 2 {
            sides::compare(stage, engine).await?;
            traces::find(stage, engine).await?;
            return Ok(());
        }
    }
    stage.cry(
        Law::NoRest,
        format!("it still writes after {ROUNDS_MAX} rounds"),
    );
    Ok(())
}

/// Passwords that were changed and grants that were taken back, and that nobody has noticed yet, are given to us, so that
/// all links can run.
fn give_new_passwords(stage: &Stage) {
    for account in &stage.cast().accounts {
        operator::give_what_opens(stage, &account.user);
    }
}

/// Runs all links that are due until none is; each must be due at least once.
async fn run_round(stage: &Arc<Stage>, engine: &Engine) -> anyhow::Result<bool> {
    let mut ran: Vec<LinkId> = Vec::new();
    loop {
        let now = engine.clock.now();
        let claim = Claim {
            now,
            holder: &engine.holder,
            until: baton::after(now, Duration::from_mins(1)),
            at_once: leases::AtOnce::ANY,
        };
        let Some(leased) = leases::claim_due(&engine.store, &claim, 1)
            .await?
            .into_iter()
            .next()
        else {
            break;
        };
        let link = leased.link.id;
        ran.push(link);
        if ran.iter().filter(|other| **other == link).count() > RUNS_PER_ROUND_MAX {
            stage.cry(
                Law::NoRest,
                format!("{link} is due again at once, for ever"),
            );
            return Ok(false);
        }
        let report = Box::pin(run_link(engine, leased, &Silent)).await?;
        let counts = serde_json::to_string(&report.counts)?;
        stage
            .baton
            .say(&format!("run over {link}: {:?} {counts}", report.outcome));
        if stage.first_violation().is_some() {
            return Ok(false);
        }
    }
    for link in &stage.cast().links {
        if !ran.contains(&link.id) {
            stage.cry(Law::NoRest, format!("{} was not due for a day", link.id));
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many writes were sent so far.
fn writes(stage: &Stage) -> usize {
    let world = stage.world();
    world
        .requests
        .iter()
        .filter(|request| wire::writes(&request.method, &request.path))
        .count()
}
