//! Plays seeds of the simulation, and says which of them break a law and how to look at it again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::Parser;
use kalends_sim::{Plant, Played, Template, Wish, play};

/// Progress is told this many times at most.
const PROGRESS_LINES: u64 = 10;

/// Plays seeds of the simulation: the real engine on a real SQLite file, the real providers of CalDAV, Google and Microsoft,
/// servers in memory with oddities and faults, people editing on all sides, crashes. Everything follows from the seed.
///
/// Prints one line for each seed that breaks a law, and ends with `N passed, M failed, K open`.
#[derive(Debug, Parser)]
#[command(
    name = "kalends-sim",
    after_help = "Examples:\n  \
        kalends-sim --seeds 0..1000            a thousand seeds on all cores\n  \
        kalends-sim --seed 17 --trace          one seed, with everything that happens in it\n  \
        kalends-sim --seeds 0..200 --jobs 1    one after the other"
)]
struct Options {
    /// One seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Seeds from A up to, not including, B.
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..200")]
    seeds: Range<u64>,
    /// A file that names seeds known to break a law, a number at the beginning of each line: they are played and told of, and
    /// fail nothing.
    #[arg(long, value_name = "FILE")]
    open: Option<PathBuf>,
    /// Print what happens, line by line.
    #[arg(long)]
    trace: bool,
    /// How many seeds are played at once [default: one per core].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text
        .split_once("..")
        .ok_or("write it as A..B, such as 0..1000")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    let (from, to) = (number(from)?, number(to)?);
    if from >= to {
        return Err("there is no seed in it".to_owned());
    }
    Ok(from..to)
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let seeds = options.seed.map_or(options.seeds, |seed| seed..seed + 1);
    let jobs = match options.jobs {
        Some(0) => bail!("--jobs must be at least 1"),
        Some(jobs) => jobs,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let folder = folder()?;
    let template = runtime()?.block_on(Template::new(folder.path().to_path_buf()))?;
    let work = Arc::new(Work {
        next: AtomicU64::new(seeds.start),
        seeds,
        trace: options.trace,
        known: options
            .open
            .as_deref()
            .map(known)
            .transpose()?
            .unwrap_or_default(),
        failed: Mutex::default(),
        done: AtomicU64::new(0),
    });
    let threads: Vec<_> = (0..jobs)
        .map(|job| {
            let (work, template) = (Arc::clone(&work), template.clone());
            std::thread::spawn(move || work.run(&template, job))
        })
        .collect();
    for thread in threads {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    }
    let broken = work.failed.lock().unwrap_or_else(PoisonError::into_inner);
    let open = broken.iter().filter(|seed| work.known.contains(seed));
    let open = open.count() as u64;
    let failed = broken.len() as u64 - open;
    let played = work.seeds.end - work.seeds.start;
    println!(
        "{} passed, {failed} failed, {open} open",
        played - failed - open
    );
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The seeds that a file names.
fn known(file: &Path) -> anyhow::Result<BTreeSet<u64>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let number = line.split_whitespace().next().unwrap_or_default();
            number
                .parse()
                .with_context(|| format!("{}: {line:?} begins with no seed", file.display()))
        })
        .collect()
}

/// The databases are written and thrown away: in memory where the system has a place for that.
fn folder() -> anyhow::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(folder) = tempfile::tempdir_in(memory)
    {
        return Ok(folder);
    }
    tempfile::tempdir().context("a folder for the databases")
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// The seeds still to be played, and what came of the others.
struct Work {
    seeds: Range<u64>,
    next: AtomicU64,
    done: AtomicU64,
    trace: bool,
    known: BTreeSet<u64>,
    failed: Mutex<Vec<u64>>,
}

impl Work {
    fn run(&self, template: &Template, job: usize) -> anyhow::Result<()> {
        let runtime = runtime()?;
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.seeds.end {
                return Ok(());
            }
            let wish = Wish {
                seed,
                plant: Plant::Nothing,
                keep_trace: self.trace,
            };
            let played = runtime.block_on(play(template, &format!("seed-{job}"), wish))?;
            self.tell(seed, &played);
        }
    }

    fn tell(&self, seed: u64, played: &Played) {
        for line in &played.trace {
            println!("{line}");
        }
        if self.trace {
            println!(
                "seed {seed}: {} edits, {} requests, fingerprint {:016x}",
                played.edits, played.requests, played.fingerprint
            );
        }
        if played.violation.is_none() && self.known.contains(&seed) {
            println!("seed {seed} holds now: it is open no more");
        }
        if let Some(violation) = &played.violation {
            println!(
                "seed {seed}: {}: {} | cargo run -p kalends-sim -- --seed {seed} --trace",
                violation.law,
                violation.detail.replace('\n', " ")
            );
            self.failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(seed);
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.seeds.end - self.seeds.start;
        if all > PROGRESS_LINES && done.is_multiple_of(all / PROGRESS_LINES) {
            eprintln!("{done} of {all} seeds");
        }
    }
}
