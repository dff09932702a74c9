//! `kalends settings`: the table of all settings that the guide has.

use anyhow::Result;
use clap::Args;

use crate::{Ended, config};

/// Print the table of all settings, in Markdown, as docs/configuration.md has it.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends settings")]
pub(crate) struct Settings {}

pub(crate) fn run(_: &Settings) -> Result<Ended> {
    use std::io::Write;
    write!(std::io::stdout(), "{}", config::table())?;
    Ok(Ended::Well)
}
