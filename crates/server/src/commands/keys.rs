//! `kalends keys`: the master key that seals passwords.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use kalends_store::vault::Vault;
use kalends_store::{secrets, tenants};
use serde_json::json;

use crate::Ended;
use crate::app::App;
use crate::keys::{self, Rotation};

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
}

pub(crate) async fn run(app: &App, command: Keys) -> Result<Ended> {
    let Keys::Rotate = command;
    let settings = &app.settings;
    let (rotated, old) = match keys::rotation(&settings.keys, &settings.database, &app.screen)? {
        Rotation::Given(vault) => (rotate(app, &vault).await?, None),
        Rotation::Made { vault, folder } => {
            let rotated = rotate(app, &vault).await?;
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

async fn rotate(app: &App, vault: &Vault) -> Result<usize> {
    let mut rotated = 0;
    for tenant in tenants::list(&app.store).await? {
        let mut tx = app.store.begin(tenant.id).await?;
        if secrets::rotate(&mut tx, vault, app.now()).await? {
            rotated += 1;
        }
        tx.commit().await?;
    }
    Ok(rotated)
}
