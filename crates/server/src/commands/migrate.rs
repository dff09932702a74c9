//! `kalends migrate`: the schema, up and down. Runs before anything else would look at the database.

use anyhow::{Result, bail};
use clap::Subcommand;
use kalends_store::MigrationStatus;
use serde_json::json;

use crate::Ended;
use crate::app::open_store;
use crate::cli::Global;
use crate::config::Settings;
use crate::screen::{Screen, Tone, plain};

/// What to do with the schema.
#[derive(Debug, Subcommand)]
pub(crate) enum Migrate {
    /// Bring the schema up to this version of Kalends
    #[command(after_help = "EXAMPLES:\n  kalends migrate up")]
    Up,
    /// Take the schema back; what the later migrations hold is lost
    #[command(after_help = "\
EXAMPLES:
  kalends migrate down --to 1
  kalends migrate down --to 0 --yes     # leaves nothing")]
    Down {
        /// The number of the last migration that stays
        #[arg(long, value_name = "VERSION")]
        to: i64,
        /// Yes, also where nothing is left
        #[arg(long)]
        yes: bool,
    },
    /// Show which migrations there are, and which are applied
    #[command(after_help = "EXAMPLES:\n  kalends migrate status --json")]
    Status,
}

pub(crate) async fn run(global: &Global, command: Migrate) -> Result<Ended> {
    let settings = Settings::load(global)?;
    let screen = Screen::new(global.json, global.quiet);
    let store = open_store(&settings).await?;
    let status = match command {
        Migrate::Up => store.migrate_up().await?,
        Migrate::Down { to, yes } => {
            if to < 0 {
                bail!("a version is 0 (nothing) or the number of a migration");
            }
            let known = store.migration_status().await?;
            if to != 0 && !known.iter().any(|migration| migration.version == to) {
                bail!("there is no migration {to}: kalends migrate status");
            }
            if to == 0 && !yes {
                bail!("this deletes everything in the database; say --yes if that is meant");
            }
            store.migrate_down(to).await?
        }
        Migrate::Status => store.migration_status().await?,
    };
    store.close().await;
    show(&screen, &status)?;
    Ok(Ended::Well)
}

fn show(screen: &Screen, status: &[MigrationStatus]) -> Result<()> {
    let rows: Vec<_> = status
        .iter()
        .map(|one| json!({ "version": one.version, "name": one.name, "applied": one.applied }))
        .collect();
    screen.json(&json!({ "migrations": rows }))?;
    let mut table = screen.table(["VERSION", "NAME", "STATE"]);
    for one in status {
        let state = if one.applied {
            ("applied".to_owned(), Tone::Good)
        } else {
            ("not applied".to_owned(), Tone::Wary)
        };
        table.add([plain(one.version.to_string()), plain(one.name), state]);
    }
    screen.show(&table, "There are no migrations.")?;
    Ok(())
}
