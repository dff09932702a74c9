//! `kalends invite`: a link with which somebody becomes the owner of a new tenant.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::Args;
use kalends_calendar::ids::InvitationId;
use kalends_store::features::CALENDAR_SYNC;
use kalends_store::invitations::{self, InvitationHash, NewInvitation};
use kalends_store::tenants;
use secrecy::ExposeSecret;
use serde_json::json;

use super::keep;
use crate::Ended;
use crate::app::App;
use crate::config::check_slug;
use crate::credentials::{self, INVITATION_GOOD_FOR, Kind};
use crate::typed;
use crate::words::instant;

/// Invite the owner of a new tenant; the link is good for seven days, once.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends invite ann@example.com --slug demo --tenant-name 'Demo Dental' --calendar-sync
  kalends invite ben@example.com --slug rival --plan free")]
pub(crate) struct Invite {
    /// Of the owner to be
    email: String,
    /// The tenant's short name
    #[arg(long)]
    slug: String,
    /// The tenant's name for people [default: the short name]
    #[arg(long)]
    tenant_name: Option<String>,
    /// The code of its plan
    #[arg(long)]
    plan: Option<String>,
    /// With calendar sync, whatever its plan says
    #[arg(long)]
    calendar_sync: bool,
}

pub(crate) async fn run(app: &App, command: Invite) -> Result<Ended> {
    check_slug(&command.slug)?;
    typed::check_email(&command.email)?;
    let tenant_name = command.tenant_name.as_deref().unwrap_or(&command.slug);
    let tenant_name = typed::name("--tenant-name", tenant_name)?;
    if tenants::by_slug(&app.store, &command.slug).await?.is_some() {
        bail!("there is a tenant {:?} already", command.slug);
    }
    let fresh = credentials::fresh(Kind::Invitation)?;
    let id = InvitationId(app.ids.next());
    let expires_at = app.now().checked_add(INVITATION_GOOD_FOR)?;
    let mut features = BTreeMap::new();
    if command.calendar_sync {
        features.insert(CALENDAR_SYNC.to_owned(), true);
    }
    let new = NewInvitation {
        id,
        hash: InvitationHash(fresh.hash),
        email: command.email.clone(),
        tenant_name,
        slug: command.slug.clone(),
        plan: command.plan.clone(),
        features: features.clone(),
        invited_by: None,
        created_at: app.now(),
        expires_at,
    };
    let mut tx = app.store.platform().await?;
    invitations::create(&mut tx, new)
        .await
        .context("is there such a plan? See kalends plan list")?;
    let detail = json!({
        "email": command.email, "slug": command.slug, "plan": command.plan, "features": features,
    });
    keep(
        app,
        tx,
        "invitation.create",
        format!("invitation {id}"),
        detail,
    )
    .await?;
    let link = format!(
        "{}/invitations/{}/",
        app.settings.server.address(),
        fresh.secret.expose_secret()
    );
    app.screen
        .json(&json!({ "id": id, "link": link, "mailed": false, "expires_at": expires_at }))?;
    app.screen.line(&link)?;
    app.screen.note(&format!(
        "nobody is mailed; send it to {}: it is good until {}, once",
        command.email,
        instant(expires_at, &app.settings.zone.rules)
    ));
    Ok(Ended::Well)
}
