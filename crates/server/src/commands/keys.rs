//! `kalends keys`: the master key that seals passwords.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Subcommand;
use kalends_store::connections::{self, ConnectionState};
use kalends_store::vault::Vault;
use kalends_store::{secrets, tenants};
use serde_json::json;

use crate::Ended;
use crate::app::App;
use crate::keys::{self, Rotation};
use crate::tenancy::For;

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Seal everything with a new master key, while everything goes on
    ///
    /// A key that Kalends made beside an embedded database is replaced by another one it makes. A key of your own is
    /// replaced by you: put the new one where the old one was, and name a file with the old one in
    /// `KALENDS_OLDER_MASTER_KEY_FILES` (or `older_master_key_files` in `[keys]`) until this command is through.
    #[command(after_help = "\
EXAMPLES:
  kalends keys rotate
  KALENDS_MASTER_KEY_FILE=new.key KALENDS_OLDER_MASTER_KEY_FILES=old.key kalends keys rotate")]
    Rotate,
    /// Forget the tenant's sealed passwords, whose master key is lost
    ///
    /// No key opens them any more after that, not in this database. Each account is to be connected again, with its
    /// password; its links, their events and all that is known of them stay.
    #[command(after_help = "\
EXAMPLES:
  kalends keys forget --yes
  kalends --tenant demo keys forget --yes")]
    Forget {
        /// Yes, for good
        #[arg(long)]
        yes: bool,
    },
}

impl Keys {
    /// For whom it works.
    pub(crate) fn work(&self) -> For {
        match self {
            Self::Rotate => For::Platform,
            Self::Forget { .. } => For::Tenant,
        }
    }
}

pub(crate) async fn run(app: &App, command: Keys) -> Result<Ended> {
    match command {
        Keys::Rotate => renew(app).await,
        Keys::Forget { yes } => forget(app, yes).await,
    }
}

async fn renew(app: &App) -> Result<Ended> {
    let settings = &app.settings;
    app.make_missing_key().await?;
    let (rotated, old) = match keys::rotation(&settings.keys, &settings.database)? {
        Rotation::Given(vault) => (seal_anew(app, &vault).await?, None),
        Rotation::Made { vault, folder } => {
            let rotated = seal_anew(app, &vault).await?;
            (rotated, Some(keys::settle(&folder)?))
        }
    };
    app.screen.json(&json!({
        "tenants_rotated": rotated,
        "old_key_file": old.as_deref().map(Path::display).map(|path| path.to_string()),
    }))?;
    app.screen.line(&format!(
        "The secrets of {rotated} tenant{} are under the new master key.",
        if rotated == 1 { "" } else { "s" }
    ))?;
    if let Some(old) = old {
        app.screen.line(&format!(
            "The old key is in {}; older backups of the database need it.",
            old.display()
        ))?;
    }
    Ok(Ended::Well)
}

async fn seal_anew(app: &App, vault: &Vault) -> Result<usize> {
    let mut rotated = 0;
    for tenant in tenants::list(&app.store).await? {
        let mut tx = app.store.begin(tenant.id).await?;
        if secrets::rotate(&mut tx, vault, app.now()).await? {
            rotated += 1;
        }
        tx.commit().await?;
    }
    // What belongs to no tenant has a key of its own.
    let mut tx = app.store.platform().await?;
    secrets::rotate(&mut tx, vault, app.now()).await?;
    tx.commit().await?;
    Ok(rotated)
}

async fn forget(app: &App, yes: bool) -> Result<Ended> {
    if !yes {
        bail!(
            "this forgets every password and private address of the tenant {}, and each of its accounts has to \
             be connected again; say --yes if that is meant",
            app.settings.tenant
        );
    }
    let mut tx = app.store.begin(app.tenant).await?;
    secrets::erase(&mut tx).await?;
    let all = connections::list(&mut tx).await?;
    for connection in &all {
        let problem = Some("its password was forgotten".to_owned());
        let state = ConnectionState::ReconnectNeeded;
        connections::set_state(&mut tx, connection.id, state, problem).await?;
    }
    let count = all.len();
    let object = format!("tenant {}", app.tenant);
    app.audit(
        &mut tx,
        "keys.forget",
        object,
        json!({ "connections": count }),
    )
    .await?;
    tx.commit().await?;
    app.screen.json(&json!({ "connections": count }))?;
    app.screen.line(&format!(
        "Forgotten. To be connected again: {count} account{} (kalends connections)",
        if count == 1 { "" } else { "s" }
    ))?;
    Ok(Ended::Well)
}
