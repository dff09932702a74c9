//! One seed from beginning to end.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use kalends_sandbox::{Chance, Odds};
use kalends_store::Store;

use crate::baton::{Baton, Scheduler, Stopped, TaskId};
use crate::node;
use crate::oracle::{fence, rest};
use crate::people::{luck, operator, remote, web};
use crate::plant::Plant;
use crate::seams::Lots;
use crate::setup;
use crate::stage::{Law, Stage, Violation, Weather};

/// When every simulation begins.
const BEGINNING: i64 = 1_900_000_000;

/// A seed that takes so long hangs: usual is a second. A machine with more to do than it has cores for gives a seed a
/// twentieth of one, and what is slow there breaks no law.
const HANG: std::time::Duration = std::time::Duration::from_mins(20);

/// An empty database with the schema in place, copied for each seed.
#[derive(Clone, Debug)]
pub struct Template {
    folder: PathBuf,
    bytes: Arc<Vec<u8>>,
}

impl Template {
    /// Makes one in a folder, which also holds the databases of the seeds that are played.
    pub async fn new(folder: PathBuf) -> anyhow::Result<Self> {
        let file = folder.join("template.db");
        let store = Store::open(&format!("sqlite:{}", file.display())).await?;
        store.migrate_up().await?;
        store.close().await;
        let bytes = Arc::new(std::fs::read(&file)?);
        Ok(Self { folder, bytes })
    }

    fn copy(&self, name: &str) -> anyhow::Result<PathBuf> {
        let file = self.folder.join(format!("{name}.db"));
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.join(format!("{name}.db{suffix}")));
        }
        std::fs::write(&file, self.bytes.as_slice())?;
        Ok(file)
    }

    fn forget(&self, name: &str) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.join(format!("{name}.db{suffix}")));
        }
    }
}

/// What is to be played.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Everything follows from it.
    pub seed: u64,
    /// What is broken on purpose.
    pub plant: Plant,
    /// Whether the trace's lines are kept, beside their fingerprint.
    pub keep_trace: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Played {
    /// The first law that was broken.
    pub violation: Option<Violation>,
    /// What happened, line by line, where it was asked for.
    pub trace: Vec<String>,
    /// A fingerprint of all lines.
    pub fingerprint: u64,
    /// How many requests reached the servers.
    pub requests: usize,
    /// How many edits people made.
    pub edits: usize,
    /// Whether accounts at Google or Microsoft took part.
    pub vendors: bool,
}

/// Plays one seed. `name` tells its database from those of others that are played at the same time.
pub async fn play(template: &Template, name: &str, wish: Wish) -> anyhow::Result<Played> {
    let database = template.copy(name)?;
    let beginning = Timestamp::from_second(BEGINNING).context("the beginning")?;
    let baton = Baton::new(beginning, wish.keep_trace);
    let mut chance = Chance::new(wish.seed);
    let lots = Lots::new(chance.fork(2));
    let stage = Stage::new(Arc::clone(&baton), lots, database, wish.plant);
    let played = tokio::time::timeout(HANG, acts(&stage, &mut chance)).await;
    match played {
        Ok(Ok(())) => {}
        Ok(Err(error)) => stage.cry(Law::Broken, format!("{error:#}")),
        Err(_) => stage.cry(Law::Broken, "it hangs"),
    }
    template.forget(name);
    let (trace, fingerprint) = baton.trace();
    let requests = stage.world().requests.len();
    let edits = stage.ledger().deeds.len();
    let accounts = &stage.cast().accounts;
    let vendors = accounts.iter().any(|one| one.face.vendor().is_some());
    Ok(Played {
        violation: stage.first_violation(),
        trace,
        fingerprint,
        requests,
        edits,
        vendors,
    })
}

/// Set-up, the play itself, and the end.
async fn acts(stage: &Arc<Stage>, chance: &mut Chance) -> anyhow::Result<()> {
    let mut scheduler = Scheduler::new(Arc::clone(&stage.baton));
    let oracle = Store::open(&node::address(stage)).await?;

    let set_up = {
        let on_stage = Arc::clone(stage);
        let mut chance = chance.fork(3);
        stage.baton.start("set-up", async move {
            if let Err(error) = setup::set_up(&on_stage, &mut chance).await {
                on_stage.cry(Law::Broken, format!("set-up: {error:#}"));
            }
        })
    };
    run(&mut scheduler, stage, &oracle, set_up).await;
    if stage.first_violation().is_some() {
        return Ok(());
    }

    stage.set_weather(weather(chance, stage.plant));
    let people = start_everybody(stage, chance);
    for task in people {
        run(&mut scheduler, stage, &oracle, task).await;
        if stage.first_violation().is_some() {
            return Ok(());
        }
    }
    scheduler.end_all();
    stage.set_weather(None);

    let at_rest = stage.baton.start(
        "rest",
        rest::come_to_rest(Arc::clone(stage), chance.fork(4)),
    );
    run(&mut scheduler, stage, &oracle, at_rest).await;
    Ok(())
}

async fn run(scheduler: &mut Scheduler, stage: &Arc<Stage>, oracle: &Store, last: TaskId) {
    let between = async || {
        if let Err(error) = fence::look(stage, oracle).await {
            stage.cry(Law::Broken, format!("the oracle cannot look: {error:#}"));
        }
        stage.first_violation().is_none()
    };
    if scheduler.run(last, between).await == Stopped::Stuck {
        stage.cry(Law::Broken, "nobody waits for anything");
    }
}

/// One seed in five has fine weather: what breaks there breaks by itself.
fn weather(chance: &mut Chance, plant: Plant) -> Option<Weather> {
    if plant.is(Plant::NoPreconditions) {
        // Slow requests leave people the time to edit between our reading and our writing.
        return Some(Weather {
            odds: Odds::default(),
            slow_percent: 30,
        });
    }
    if chance.percent(20) {
        return None;
    }
    let rough = Odds::rough();
    let share = 20 + chance.below(100);
    let odds = |tenths: u64| (tenths * share).div_ceil(100);
    Some(Weather {
        odds: Odds {
            lost_before_send: odds(rough.lost_before_send),
            lost_after_effect: odds(rough.lost_after_effect),
            sent_twice: odds(rough.sent_twice),
            throttled: odds(rough.throttled),
            unavailable: odds(rough.unavailable),
            gateway_after_effect: odds(rough.gateway_after_effect),
            unauthorized: odds(rough.unauthorized),
            dead_cursor: odds(rough.dead_cursor),
            cut_body: odds(rough.cut_body),
            stale_read: odds(rough.stale_read),
            missing_etag: odds(rough.missing_etag),
            html: odds(rough.html),
            empty_listing: odds(rough.empty_listing),
            cut_listing: odds(rough.cut_listing),
        },
        slow_percent: chance.below(4),
    })
}

/// Starts nodes, people and bad luck; answers the people, for whose end the play waits.
fn start_everybody(stage: &Arc<Stage>, chance: &mut Chance) -> Vec<TaskId> {
    let node_count = 1 + usize::from(chance.percent(60));
    let nodes: Vec<TaskId> = (0..node_count)
        .map(|number| node::start(stage, number, 0))
        .collect();
    let lots = |chance: &mut Chance| Lots::new(Chance::new(chance.next()));
    let mut people = Vec::new();
    let mut count = || usize::try_from(15 + chance.below(25)).unwrap_or(15);
    let (at_servers, here) = (count(), count());
    people.push(stage.baton.start(
        "remote",
        remote::edit(Arc::clone(stage), lots(chance), at_servers),
    ));
    people.push(
        stage
            .baton
            .start("web", web::edit(Arc::clone(stage), lots(chance), here)),
    );
    stage.baton.start(
        "operator",
        operator::look_after(Arc::clone(stage), lots(chance)),
    );
    if chance.percent(80) {
        stage
            .baton
            .start("luck", luck::strike(Arc::clone(stage), lots(chance), nodes));
    }
    people
}
