//! `kalends openapi`: the document of the API.

use anyhow::Result;
use clap::Args;

use crate::{Ended, api};

/// Print the document of the API (OpenAPI 3.1), for programs.
#[expect(
    clippy::doc_markdown,
    reason = "OpenAPI is a name, and people read this"
)]
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends openapi > openapi.json")]
pub(crate) struct Openapi {}

pub(crate) fn run(_: &Openapi) -> Result<Ended> {
    use std::io::Write;
    let text = serde_json::to_string_pretty(&api::document())?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(Ended::Well)
}
