//! The commands, one file per noun. Each asks the store, calls the engine, and says what came of it.

pub(crate) mod calendars;
pub(crate) mod conflicts;
pub(crate) mod connect;
pub(crate) mod connections;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod platform;
pub(crate) mod runs;
pub(crate) mod sandbox;
mod secret;
pub(crate) mod serve;
pub(crate) mod settings;
mod stop;
pub(crate) mod sync;
mod watch;

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

use crate::Ended;
use crate::app::App;
use crate::cli::{Cli, Command};
use crate::screen;
use crate::tenancy::For;

/// What is told on the stream of errors unless `KALENDS_LOG` says otherwise.
const LOG: &str = "warn";

/// Runs a command.
pub(crate) async fn run(cli: Cli) -> Result<Ended> {
    log()?;
    let mut global = cli.global;
    let named = match &cli.command {
        Command::Connect(command) => command.variable(),
        Command::User(command) => command.variable(),
        _ => None,
    };
    global.variables.extend(named.map(str::to_owned));
    if let Command::Migrate(command) = cli.command {
        return migrate::run(&global, command).await;
    }
    let command = match cli.command {
        Command::Openapi(command) => return openapi::run(&command),
        Command::Settings(command) => return settings::run(&command),
        Command::Doctor(command) => return doctor::run(&global, command).await,
        Command::Demo(command) => return Box::pin(demo::run(&global, command)).await,
        Command::Sandbox(command) => return sandbox::run(&global, command).await,
        command => command,
    };
    let app = App::open(&global, work(&command)).await?;
    let ended = match command {
        Command::Connect(command) => connect::run(&app, command).await,
        Command::Disconnect(command) => connections::disconnect(&app, command).await,
        Command::Connections => connections::list(&app).await,
        Command::Calendars(command) => calendars::run(&app, command).await,
        Command::Link(command) => links::make(&app, command).await,
        Command::Links => links::list(&app).await,
        Command::Unlink(command) => links::unlink(&app, command).await,
        Command::Pause(command) => links::pause(&app, command).await,
        Command::Resume(command) => links::resume(&app, command).await,
        Command::Sync(command) => Box::pin(sync::run(&app, command)).await,
        Command::Events(command) => events::run(&app, command).await,
        Command::Import(command) => import::run(&app, command).await,
        Command::Export(command) => export::run(&app, command).await,
        Command::Conflicts(command) => conflicts::run(&app, command).await,
        Command::Tenant(command) => platform::tenants::run(&app, command).await,
        Command::User(command) => platform::users::run(&app, command).await,
        Command::Token(command) => platform::tokens::run(&app, command).await,
        Command::Feature(command) => platform::features::run(&app, command).await,
        Command::Plan(command) => platform::plans::run(&app, command).await,
        Command::Invite(command) => platform::invite::run(&app, command).await,
        Command::Audit(command) => platform::audit::run(&app, command).await,
        Command::Runs(command) => runs::run(&app, command).await,
        Command::Serve(command) => serve::run(&app, command).await,
        Command::Keys(command) => keys::run(&app, command).await,
        Command::Migrate(_)
        | Command::Openapi(_)
        | Command::Settings(_)
        | Command::Doctor(_)
        | Command::Demo(_)
        | Command::Sandbox(_) => Ok(Ended::Well),
    };
    app.store.close().await;
    ended
}

/// For whom a command works. What needs calendar sync by the API needs it here too.
fn work(command: &Command) -> For {
    match command {
        Command::Serve(_)
        | Command::Tenant(_)
        | Command::Feature(_)
        | Command::Plan(_)
        | Command::Invite(_)
        | Command::Migrate(_)
        | Command::Openapi(_)
        | Command::Settings(_)
        | Command::Doctor(_)
        | Command::Demo(_)
        | Command::Sandbox(_) => For::Platform,
        Command::User(command) => command.work(),
        Command::Token(command) => command.work(),
        Command::Audit(command) => command.work(),
        Command::Keys(command) => command.work(),
        Command::Sync(command) => command.work(),
        Command::Links | Command::Runs(_) => For::Overview,
        Command::Connect(_)
        | Command::Link(_)
        | Command::Import(_)
        | Command::Events(events::Events::Add(_)) => For::First,
        Command::Disconnect(_)
        | Command::Connections
        | Command::Calendars(_)
        | Command::Unlink(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Events(_)
        | Command::Export(_)
        | Command::Conflicts(_) => For::Calendars,
    }
}

fn log() -> Result<()> {
    let said = std::env::var("KALENDS_LOG").unwrap_or_default();
    let filter = if said.trim().is_empty() {
        EnvFilter::new(LOG)
    } else {
        // Its cause is in its own words already.
        EnvFilter::try_new(&said).map_err(|error| anyhow!("KALENDS_LOG: {said:?}: {error}"))?
    };
    // It would tell whole addresses, and that of an invitation is a secret.
    let filter = filter.add_directive("tower_http::csrf=off".parse()?);
    // A second subscriber is refused; there is only this one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(screen::is_coloured(&std::io::stderr()))
        // Where nobody listens, what is being done goes on.
        .log_internal_errors(false)
        .try_init();
    Ok(())
}
