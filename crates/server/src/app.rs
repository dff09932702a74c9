//! The composition root: settings, store, tenant, vault, transport and engine put together.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use kalends_calendar::ids::TenantId;
use kalends_calendar::seams::{Clock, Ids};
use kalends_engine::Engine;
use kalends_engine::edits::Editor;
use kalends_providers::http::{HttpTransport, Metered};
use kalends_store::audit::{self, Entry};
use kalends_store::{PLATFORM, Store, Tx, secrets, tenants};
use serde_json::Value;

use crate::accounts::Accounts;
use crate::budgets::Budgets;
use crate::cli::Global;
use crate::config::{Migrate, Settings};
use crate::keys::KeyRing;
use crate::screen::Screen;
use crate::seams::{Gong, SystemClock, SystemEntropy, TimedIds};
use crate::tenancy::{self, For};
use crate::{holder, keys};

/// How the command line signs in histories and the audit log.
pub(crate) const EDITOR: Editor<'static> = Editor("cli");

/// What every command has.
pub(crate) struct App {
    /// Where it shows things.
    pub(crate) screen: Screen,
    /// How it is set up.
    pub(crate) settings: Settings,
    /// Where everything is kept.
    pub(crate) store: Store,
    /// For whom it works; [`PLATFORM`] where it is for no tenant.
    pub(crate) tenant: TenantId,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where identifiers come from.
    pub(crate) ids: Arc<dyn Ids>,
}

/// What a command has that talks to providers.
pub(crate) struct Wired {
    /// The engine.
    pub(crate) engine: Engine,
    /// Who opens connections.
    pub(crate) accounts: Arc<Accounts>,
}

impl Wired {
    /// What opens secrets.
    pub(crate) fn keys(&self) -> Result<Arc<KeyRing>> {
        self.accounts
            .keys
            .clone()
            .context("the master key was not read")
    }
}

impl App {
    /// Opens the database, with the schema up to date, for whom the command works.
    pub(crate) async fn open(global: &Global, work: For) -> Result<Self> {
        let settings = Settings::load(global)?;
        let mut app = Self::of_platform(settings, Screen::new(global.json, global.quiet)).await?;
        app.tenant = tenancy::of(&app, work).await?;
        Ok(app)
    }

    /// For no tenant, with settings that are read already.
    pub(crate) async fn of_platform(settings: Settings, screen: Screen) -> Result<Self> {
        for note in &settings.notes {
            screen.note(note);
        }
        let store = open_store(&settings).await?;
        match settings.database.migrate {
            Migrate::Auto => {
                store.migrate_up().await?;
            }
            Migrate::Manual => {
                let status = store.migration_status().await?;
                if status.iter().any(|migration| !migration.applied) {
                    bail!("the database is not up to date: run `kalends migrate up`");
                }
            }
        }
        Ok(Self {
            screen,
            settings,
            store,
            tenant: PLATFORM,
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimedIds),
        })
    }

    /// The engine for commands that only edit: it opens no connection and needs no master key.
    pub(crate) fn engine(&self) -> Result<Engine> {
        let transport = self.transport()?;
        Ok(self.engine_with(Arc::new(Accounts {
            store: self.store.clone(),
            keys: None,
            transport,
            clock: Arc::clone(&self.clock),
            vendors: self.settings.vendors.clone(),
            budgets: Budgets::new(self.store.clone(), Arc::clone(&self.clock)),
        })))
    }

    /// The engine with all that it needs to talk to providers.
    pub(crate) async fn wired(&self) -> Result<Wired> {
        self.make_missing_key().await?;
        let ring = KeyRing::read(&self.settings.keys, &self.settings.database)?;
        let accounts = Arc::new(Accounts {
            store: self.store.clone(),
            keys: Some(Arc::new(ring)),
            transport: self.transport()?,
            clock: Arc::clone(&self.clock),
            vendors: self.settings.vendors.clone(),
            budgets: Budgets::new(self.store.clone(), Arc::clone(&self.clock)),
        });
        Ok(Wired {
            engine: self.engine_with(Arc::clone(&accounts)),
            accounts,
        })
    }

    /// Makes the key beside an embedded database where there is none, unless something is sealed with one that is gone.
    pub(crate) async fn make_missing_key(&self) -> Result<()> {
        let Some(path) = keys::missing(&self.settings.keys, &self.settings.database) else {
            return Ok(());
        };
        for tenant in tenants::list(&self.store).await? {
            let mut tx = self.store.read(tenant.id).await?;
            if let Some(id) = secrets::master_key(&mut tx).await? {
                bail!(
                    "the master key {id} is gone, which sealed the passwords of the tenant {}: put its copy \
                     back as {}; if there is none, `kalends --tenant {} keys forget` lets the accounts be connected again",
                    tenant.slug,
                    path.display(),
                    tenant.slug
                );
            }
        }
        keys::make(&path, &self.screen)
    }

    fn transport(&self) -> Result<Arc<Metered>> {
        let transport = HttpTransport::new(&self.settings.network.http)?;
        Ok(Arc::new(Metered::new(Arc::new(transport))))
    }

    fn engine_with(&self, providers: Arc<Accounts>) -> Engine {
        Engine {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            entropy: Arc::new(SystemEntropy),
            providers,
            bell: Arc::new(Gong::default()),
            settings: self.settings.sync.engine.clone(),
            holder: holder::own_name(),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a line to the audit log, in the transaction of what it is about.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        action: &str,
        object: String,
        detail: Value,
    ) -> Result<()> {
        Ok(audit::append(tx, self.entry(action, object, detail)).await?)
    }

    /// Adds a line to the platform's log, in a transaction that is about a tenant.
    pub(crate) async fn audit_for_platform(
        &self,
        tx: &mut Tx,
        action: &str,
        object: String,
        detail: Value,
    ) -> Result<()> {
        Ok(audit::append_to_platform(tx, self.entry(action, object, detail)).await?)
    }

    /// A line for the audit log.
    pub(crate) fn entry(&self, action: &str, object: String, detail: Value) -> Entry {
        Entry {
            id: self.ids.next(),
            at: self.now(),
            actor: EDITOR.0.to_owned(),
            action: action.to_owned(),
            object,
            detail,
            address: None,
            cause: None,
        }
    }
}

/// Opens the database. Of an embedded one, a missing folder and a missing file are made for their owner alone.
pub(crate) async fn open_store(settings: &Settings) -> Result<Store> {
    if let Some(folder) = &settings.database.folder {
        private_folder(folder)
            .with_context(|| format!("the folder of the database, {}", folder.display()))?;
    }
    if let Some(file) = &settings.database.file
        && !file.exists()
    {
        // Of a file that cannot be made, opening it says more.
        let _ = private_file(file);
    }
    Ok(Store::open(&settings.database.url).await?)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// SQLite gives the files beside it (`-wal`, `-shm`) the mode of this one.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
