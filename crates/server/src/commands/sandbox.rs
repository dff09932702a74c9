//! `kalends sandbox`: accounts at CalDAV, Google and Microsoft behind a port, to try things with.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use kalends_calendar::seams::Clock;
use kalends_sandbox::World;
use kalends_sandbox::seed::{SEEDS, Seed};
use secrecy::ExposeSecret;

use super::stop;
use crate::Ended;
use crate::cli::Global;
use crate::sandboxed::{Beginning, Sandboxed, Tls};
use crate::screen::{Screen, warn};
use crate::seams::SystemClock;

/// Any port that is free, on this machine alone.
pub(super) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The most events that the sandbox makes: they take some kilobytes of memory each.
const EVENTS_MAX: i64 = 1_000_000;

/// Serve accounts at CalDAV, Google and Microsoft, held in memory, to try things with.
///
/// Below `/_sandbox/` are doors to look at and change everything while it runs: requests, mails, pushes, faults, the clock.
/// Nobody is asked for a password there. docs/sandbox.md describes it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends sandbox
  kalends sandbox --listen 127.0.0.1:8090 --json
  kalends sandbox --listen 127.0.0.1:8090 --api http://127.0.0.1:8080
  kalends sandbox --tls --tls-dir ~/.local/share/kalends-sandbox
  kalends sandbox --seed clinic
  kalends sandbox --world clinic.json --seed clinic   # as it was the last time

A Kalends uses it with KALENDS_GOOGLE_BASE_URL=http://127.0.0.1:8090/google, the client id and
secret that this prints, KALENDS_MICROSOFT_BASE_URL likewise, and
KALENDS_ALLOW_ADDRESSES=127.0.0.1.")]
pub(crate) struct Sandbox {
    /// Address of the Kalends to which people are sent back after consenting
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    api: url::Url,
    /// Address and port [default: a free port of this machine]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Speak HTTPS, with a certificate of an authority that is made for it: for clients that speak nothing else
    #[arg(long)]
    tls: bool,
    /// Keep the authority in this folder, and take the one that is there; clients are to trust its ca.pem [default: one that
    /// lasts as long as the sandbox]
    #[arg(long, value_name = "DIR", requires = "tls")]
    tls_dir: Option<PathBuf>,
    /// Who lives there at the beginning: demo, clinic or law-firm
    #[arg(long, value_name = "NAME", default_value = "demo", value_parser = seed)]
    seed: Seed,
    /// So many more events in the first calendars at Google and Microsoft, to see what many are like
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=EVENTS_MAX))]
    events: u32,
    /// A file to take the world from, if it is there, and to save it to at the end
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
}

/// A seed by its name.
fn seed(name: &str) -> Result<Seed, String> {
    let names = SEEDS.map(Seed::word).join(", ");
    Seed::read(name).ok_or_else(|| format!("one of {names} is wanted"))
}

pub(crate) async fn run(global: &Global, command: Sandbox) -> Result<Ended> {
    let screen = Screen::new(global.json, global.quiet);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let on = command.listen.unwrap_or(ANY_PORT);
    let beginning = match &command.world {
        Some(file) => saved(file, command.seed)?,
        None => Beginning::Planted(command.seed),
    };
    let tls = match (command.tls, &command.tls_dir) {
        (false, _) => None,
        (true, folder) => Some(Tls::prepare(folder.as_deref(), on.ip(), clock.now())?),
    };
    let sandbox = Sandboxed::open(on, tls, beginning, clock.as_ref()).await?;
    sandbox.crowd(command.events, clock.now())?;
    sandbox.send_back_to(command.api.as_str().trim_end_matches('/'));
    if !sandbox.address().ip().is_loopback() {
        let address = sandbox.address();
        warn(&format!(
            "kalends: whoever reaches {address} can read and change everything in this sandbox without a password"
        ));
    }
    screen.json_line(&sandbox.told())?;
    tell_accounts(&screen, &sandbox)?;
    let world = sandbox.world();
    sandbox.serve(clock, stop::asked()).await?;
    if let Some(file) = &command.world {
        save(&world.file()?, file)?;
        screen.note(&format!("The world is in {}.", file.display()));
    }
    Ok(Ended::Well)
}

/// The world in a file; where there is no file yet, a new one.
fn saved(file: &Path, otherwise: Seed) -> Result<Beginning> {
    let cannot = || format!("cannot take the world from {}", file.display());
    match std::fs::read(file) {
        Ok(bytes) => {
            let world = World::load(&bytes).with_context(cannot)?;
            Ok(Beginning::Saved(Box::new(world)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Beginning::Planted(otherwise)),
        Err(error) => Err(error).with_context(cannot),
    }
}

/// Writes beside the file first: whoever is interrupted keeps the old world.
fn save(world: &[u8], file: &Path) -> Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let cannot = || format!("cannot save the world to {}", file.display());
    let mut beside = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    beside.write_all(world).with_context(cannot)?;
    beside.persist(file).with_context(cannot)?;
    Ok(())
}

fn tell_accounts(screen: &Screen, sandbox: &Sandboxed) -> Result<()> {
    let told = sandbox.told();
    screen.line(&format!("A page for people at {}", sandbox.base()))?;
    if let Some(authority) = sandbox.authority() {
        screen.line(&format!("Certificate to trust: {}", authority.display()))?;
    }
    for (name, vendor) in [("Google", "google"), ("Microsoft", "microsoft")] {
        let text = |member: &str| told[vendor][member].as_str().unwrap_or_default().to_owned();
        screen.line(&format!("{name} at {}", text("base")))?;
        screen.line(&format!(
            "  client id {}, secret {}",
            text("client_id"),
            text("client_secret")
        ))?;
        for person in told[vendor]["users"].as_array().into_iter().flatten() {
            let text = |member: &str| person[member].as_str().unwrap_or_default();
            screen.line(&format!("  {}  {}", text("email"), text("password")))?;
        }
    }
    screen.line(&format!("CalDAV accounts at {}", sandbox.base()))?;
    for (user, password) in sandbox.users() {
        screen.line(&format!("  {user}  {}", password.expose_secret()))?;
    }
    screen.line(&format!(
        "What can be seen and changed: {}_sandbox/",
        sandbox.base()
    ))
}
