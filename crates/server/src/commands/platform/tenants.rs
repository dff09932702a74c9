//! `kalends tenant`: the businesses, and what they may do.

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Subcommand};
use kalends_calendar::ids::TenantId;
use kalends_store::features::{self, CALENDAR_SYNC, Source};
use kalends_store::tenants::{self, NewTenant, Tenant};
use kalends_store::{StoreError, Tx, plans};
use serde_json::{Map, Value, json};

use super::{keep, tenant};
use crate::Ended;
use crate::app::App;
use crate::config::check_slug;
use crate::screen::{Tone, plain};
use crate::typed;

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenants {
    /// List all tenants
    #[command(after_help = "EXAMPLES:\n  kalends tenant list\n  kalends tenant list --json")]
    List,
    /// Show a tenant: its plan, its features and why it has them, its quotas
    #[command(after_help = "EXAMPLES:\n  kalends tenant show demo")]
    Show {
        /// Its short name
        slug: String,
    },
    /// Make a tenant; every feature is off, unless said otherwise
    #[command(after_help = "\
EXAMPLES:
  kalends tenant add demo --name 'Demo Dental' --calendar-sync
  kalends tenant add rival --plan free")]
    Add {
        /// Its short name, as in its subdomain
        slug: String,
        /// Its name for people [default: the short name]
        #[arg(long)]
        name: Option<String>,
        /// The code of its plan
        #[arg(long)]
        plan: Option<String>,
        /// With calendar sync, whatever its plan says
        #[arg(long)]
        calendar_sync: bool,
    },
    /// Change a tenant's name, plan or features
    #[command(group(ArgGroup::new("change").args(["name", "plan", "features"]).required(true).multiple(true)), after_help = "\
EXAMPLES:
  kalends tenant set demo --plan pro
  kalends tenant set demo --feature can_use_calendar_sync=off
  kalends tenant set demo --feature can_use_calendar_sync=inherit --plan ''   # no plan")]
    Set {
        /// Its short name
        slug: String,
        /// Another name for people
        #[arg(long)]
        name: Option<String>,
        /// The code of another plan; empty for none
        #[arg(long)]
        plan: Option<String>,
        /// An override; `inherit` takes it away (may be repeated)
        #[arg(long = "feature", value_name = "CODE=on|off|inherit", value_parser = typed_override)]
        features: Vec<(String, Option<bool>)>,
    },
}

/// `can_use_webhooks=on` and its like.
fn typed_override(text: &str) -> Result<(String, Option<bool>), String> {
    let wrong = || format!("{text:?} is not like can_use_calendar_sync=on, =off or =inherit");
    let (code, word) = text.split_once('=').ok_or_else(wrong)?;
    let enabled = match word {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        "inherit" => None,
        _ => return Err(wrong()),
    };
    Ok((code.to_owned(), enabled))
}

pub(crate) async fn run(app: &App, command: Tenants) -> Result<Ended> {
    match command {
        Tenants::List => list(app).await,
        Tenants::Show { slug } => show(app, &slug).await,
        Tenants::Add {
            slug,
            name,
            plan,
            calendar_sync,
        } => add(app, &slug, name.as_deref(), plan.as_deref(), calendar_sync).await,
        Tenants::Set {
            slug,
            name,
            plan,
            features,
        } => set(app, &slug, name.as_deref(), plan.as_deref(), &features).await,
    }
}

async fn list(app: &App) -> Result<Ended> {
    let mut table = app
        .screen
        .table(["TENANT", "NAME", "PLAN", "CALENDAR SYNC"]);
    let mut rows = Vec::new();
    for tenant in tenants::list(&app.store).await? {
        let mut tx = app.store.read(tenant.id).await?;
        let enabled = features::has(&mut tx, CALENDAR_SYNC).await?;
        table.add([
            plain(&*tenant.slug),
            plain(&*tenant.name),
            plain(tenant.plan.clone().unwrap_or_default()),
            if enabled {
                ("on".to_owned(), Tone::Good)
            } else {
                ("off".to_owned(), Tone::Faint)
            },
        ]);
        rows.push(json!({
            "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "plan": tenant.plan,
            "can_use_calendar_sync": enabled, "created_at": tenant.created_at,
        }));
    }
    app.screen.json(&json!({ "tenants": rows }))?;
    app.screen.show(&table, "There are no tenants.")?;
    Ok(Ended::Well)
}

async fn show(app: &App, slug: &str) -> Result<Ended> {
    let tenant = tenant(app, slug).await?;
    let mut tx = app.store.read(tenant.id).await?;
    let effective = features::effective(&mut tx).await?;
    let usage = plans::usage(&mut tx).await?;
    app.screen.json(&json!({
        "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "plan": tenant.plan,
        "features": effective.iter().map(|feature| json!({
            "code": feature.code, "name": feature.name, "enabled": feature.enabled,
            "source": feature.source,
        })).collect::<Vec<Value>>(),
        "usage": usage,
    }))?;
    app.screen.line(&format!(
        "{} ({}), plan {}",
        tenant.name,
        tenant.slug,
        tenant.plan.as_deref().unwrap_or("none")
    ))?;
    let mut table = app.screen.table(["FEATURE", "CODE", "", "BECAUSE OF"]);
    for feature in &effective {
        let because = match feature.source {
            Source::Tenant => "its own override",
            Source::Plan => "its plan",
            Source::Default => "nobody",
        };
        table.add([
            plain(&*feature.name),
            plain(&*feature.code),
            if feature.enabled {
                ("on".to_owned(), Tone::Good)
            } else {
                ("off".to_owned(), Tone::Faint)
            },
            plain(because),
        ]);
    }
    app.screen.show(&table, "There are no features.")?;
    let mut table = app.screen.table(["QUOTA", "USED", "LIMIT"]);
    for (quota, usage) in &usage {
        let limit = usage
            .limit
            .map_or("-".to_owned(), |limit| limit.to_string());
        table.add([
            plain(crate::words::word(quota)),
            plain(usage.used.to_string()),
            plain(limit),
        ]);
    }
    app.screen.show(&table, "")?;
    Ok(Ended::Well)
}

async fn add(
    app: &App,
    slug: &str,
    name: Option<&str>,
    plan: Option<&str>,
    calendar_sync: bool,
) -> Result<Ended> {
    check_slug(slug)?;
    let name = typed::name("--name", name.unwrap_or(slug))?;
    let id = TenantId(app.ids.next());
    let mut tx = app.store.administer(id).await?;
    let new = NewTenant {
        id,
        slug: slug.to_owned(),
        name,
        created_at: app.now(),
    };
    match tenants::insert(&mut tx, new).await {
        Err(StoreError::Taken(_)) => bail!("there is a tenant {slug:?} already"),
        done => done?,
    }
    if plan.is_some() {
        set_plan(&mut tx, plan).await?;
    }
    if calendar_sync {
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], app.now()).await?;
    }
    let detail = json!({ "plan": plan, "can_use_calendar_sync": calendar_sync });
    keep(app, tx, "tenant.create", format!("tenant {slug}"), detail).await?;
    app.screen.json(&json!({ "id": id, "slug": slug }))?;
    app.screen.line(&format!("Made the tenant {slug}."))?;
    Ok(Ended::Well)
}

async fn set(
    app: &App,
    slug: &str,
    name: Option<&str>,
    plan: Option<&str>,
    overrides: &[(String, Option<bool>)],
) -> Result<Ended> {
    let Tenant { id, .. } = tenant(app, slug).await?;
    let object = format!("tenant {slug}");
    let mut tx = app.store.administer(id).await?;
    let mut detail = Map::new();
    if let Some(name) = name {
        let name = typed::name("--name", name)?;
        tenants::rename(&mut tx, &name).await?;
        detail.insert("name".to_owned(), json!(name));
    }
    if let Some(plan) = plan {
        let plan = Some(plan).filter(|plan| !plan.is_empty());
        set_plan(&mut tx, plan).await?;
        detail.insert("plan".to_owned(), json!(plan));
    }
    if !detail.is_empty() {
        app.audit(&mut tx, "tenant.update", object.clone(), detail.into())
            .await?;
    }
    let pairs: Vec<(&str, Option<bool>)> = overrides
        .iter()
        .map(|(code, enabled)| (code.as_str(), *enabled))
        .collect();
    features::set_overrides(&mut tx, &pairs, app.now())
        .await
        .context("a feature that is not in the catalogue? See kalends feature list")?;
    if !overrides.is_empty() {
        let detail: Map<String, Value> = overrides
            .iter()
            .map(|(code, enabled)| (code.clone(), json!(enabled)))
            .collect();
        app.audit(&mut tx, "tenant.features", object, detail.into())
            .await?;
    }
    tx.commit().await?;
    show(app, slug).await
}

async fn set_plan(tx: &mut Tx, plan: Option<&str>) -> Result<()> {
    match tenants::set_plan(tx, plan).await {
        Err(StoreError::Reference(_)) => bail!(
            "there is no plan {:?}: kalends plan list",
            plan.unwrap_or_default()
        ),
        done => Ok(done?),
    }
}
