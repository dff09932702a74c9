//! Plays seeds of the simulation and says which break a law.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let _ = options;
    Ok(())
}

/// Plays seeds of the simulation.
#[derive(Debug, Parser)]
struct Options {
    /// One seed.
    #[arg(long)]
    seed: Option<u64>,
}
