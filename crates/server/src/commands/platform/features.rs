//! `kalends feature`: the catalogue.

use anyhow::{Result, bail};
use clap::Subcommand;
use kalends_store::StoreError;
use kalends_store::features::{self, Feature};
use serde_json::json;

use super::keep;
use crate::Ended;
use crate::app::App;
use crate::screen::plain;
use crate::typed;

/// What to do with features.
#[derive(Debug, Subcommand)]
pub(crate) enum Features {
    /// List all features that there are
    #[command(after_help = "EXAMPLES:\n  kalends feature list")]
    List,
    /// Add a feature of your own product; every tenant is without it
    #[command(
        after_help = "EXAMPLES:\n  kalends feature add can_print_invoices 'Printed Invoices'"
    )]
    Add {
        /// Its code: lower case letters, digits and `_`
        code: String,
        /// Its name for people
        name: String,
    },
}

pub(crate) async fn run(app: &App, command: Features) -> Result<Ended> {
    match command {
        Features::List => list(app).await,
        Features::Add { code, name } => add(app, code, name).await,
    }
}

async fn list(app: &App) -> Result<Ended> {
    let mut table = app.screen.table(["CODE", "NAME"]);
    let mut rows = Vec::new();
    for feature in features::catalogue(&app.store).await? {
        table.add([plain(&*feature.code), plain(&*feature.name)]);
        rows.push(json!({ "code": feature.code, "name": feature.name }));
    }
    app.screen.json(&json!({ "features": rows }))?;
    app.screen.show(&table, "There are no features.")?;
    Ok(Ended::Well)
}

async fn add(app: &App, code: String, name: String) -> Result<Ended> {
    let name = typed::name("the name", &name)?;
    let mut tx = app.store.platform().await?;
    let feature = Feature {
        code: code.clone(),
        name: name.clone(),
    };
    match features::add(&mut tx, feature).await {
        Err(StoreError::Taken(_)) => bail!("there is a feature {code:?} already"),
        done => done?,
    }
    let detail = json!({ "name": name });
    keep(app, tx, "feature.create", format!("feature {code}"), detail).await?;
    app.screen.json(&json!({ "code": code, "name": name }))?;
    app.screen.line(&format!("Added {name} ({code})."))?;
    Ok(Ended::Well)
}
