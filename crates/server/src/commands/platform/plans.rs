//! `kalends plan`: what those who subscribed may use, and how much of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clap::Subcommand;
use kalends_store::plans::{self, Plan, Quota};
use serde_json::json;

use super::keep;
use crate::Ended;
use crate::app::App;
use crate::screen::plain;
use crate::typed;
use crate::words::word;

/// What to do with plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plans {
    /// List all plans
    #[command(after_help = "EXAMPLES:\n  kalends plan list")]
    List,
    /// Make a plan, or replace all that it says, for all of its tenants at once
    #[command(after_help = "\
EXAMPLES:
  kalends plan put pro --name Professional --allow can_use_calendar_sync --allow can_use_webhooks
  kalends plan put solo --name Solo --allow can_use_calendar_sync --connections 2 --links 4")]
    Put {
        /// Its short name
        code: String,
        /// Its name for people
        #[arg(long)]
        name: String,
        /// The code of a feature that it has (may be repeated)
        #[arg(long, value_name = "FEATURE")]
        allow: Vec<String>,
        /// How many accounts a tenant may connect [default: any number]
        #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
        connections: Option<i64>,
        /// How many links a tenant may have [default: any number]
        #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
        links: Option<i64>,
        /// How many calendars of its own a tenant may have [default: any number]
        #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
        calendars: Option<i64>,
    },
}

pub(crate) async fn run(app: &App, command: Plans) -> Result<Ended> {
    match command {
        Plans::List => list(app).await,
        Plans::Put {
            code,
            name,
            allow,
            connections,
            links,
            calendars,
        } => {
            let quotas = [
                (Quota::Connections, connections),
                (Quota::Links, links),
                (Quota::Calendars, calendars),
            ];
            typed::check_plan_code(&code)?;
            let plan = Plan {
                name: typed::name("--name", &name)?,
                code,
                permissions: allow.into_iter().map(|code| (code, true)).collect(),
                quotas: quotas
                    .into_iter()
                    .filter_map(|(quota, limit)| Some((quota, limit?)))
                    .collect::<BTreeMap<_, _>>(),
            };
            put(app, plan).await
        }
    }
}

async fn list(app: &App) -> Result<Ended> {
    let mut table = app.screen.table(["PLAN", "NAME", "HAS", "QUOTAS"]);
    let mut rows = Vec::new();
    for plan in plans::list(&app.store).await? {
        let has: Vec<&str> = plan
            .permissions
            .iter()
            .filter(|(_, enabled)| **enabled)
            .map(|(code, _)| code.as_str())
            .collect();
        let quotas: Vec<String> = plan
            .quotas
            .iter()
            .map(|(quota, limit)| format!("{limit} {}", word(quota)))
            .collect();
        table.add([
            plain(&*plan.code),
            plain(&*plan.name),
            plain(has.join(", ")),
            plain(quotas.join(", ")),
        ]);
        rows.push(json!({
            "code": plan.code, "name": plan.name, "permissions": plan.permissions,
            "quotas": plan.quotas,
        }));
    }
    app.screen.json(&json!({ "plans": rows }))?;
    app.screen
        .show(&table, "There are no plans yet: kalends plan put --help")?;
    Ok(Ended::Well)
}

async fn put(app: &App, plan: Plan) -> Result<Ended> {
    let mut tx = app.store.platform().await?;
    let action = match plans::locked(&mut tx, &plan.code).await? {
        Some(_) => "plan.update",
        None => "plan.create",
    };
    plans::put(&mut tx, plan.clone(), app.now())
        .await
        .context("a feature that is not in the catalogue? See kalends feature list")?;
    let detail = json!({ "permissions": plan.permissions, "quotas": plan.quotas });
    let object = format!("plan {}", plan.code);
    keep(app, tx, action, object, detail).await?;
    list(app).await
}
