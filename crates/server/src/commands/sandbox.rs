//! `kalends sandbox`: accounts at CalDAV, Google and Microsoft behind a port, to try things with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use kalends_calendar::seams::Clock;
use secrecy::ExposeSecret;

use super::stop;
use crate::Ended;
use crate::cli::Global;
use crate::sandboxed::Sandboxed;
use crate::screen::Screen;
use crate::seams::SystemClock;

/// Any port that is free, on this machine alone.
pub(super) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serve accounts at CalDAV, Google and Microsoft, held in memory, to try things with.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends sandbox
  kalends sandbox --listen 127.0.0.1:8090 --json
  kalends sandbox --listen 127.0.0.1:8090 --api http://127.0.0.1:8080

  A Kalends that uses it: KALENDS_GOOGLE_BASE_URL=http://127.0.0.1:8090/google with the client id and secret that
  this prints, KALENDS_MICROSOFT_BASE_URL likewise, and KALENDS_ALLOW_ADDRESSES=127.0.0.1.")]
pub(crate) struct Sandbox {
    /// Address of the Kalends to which people are sent back after consenting
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    api: url::Url,
    /// Address and port [default: a free port of this machine]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(global: &Global, command: Sandbox) -> Result<Ended> {
    let screen = Screen::new(global.json, global.quiet);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let on = command.listen.unwrap_or(ANY_PORT);
    let sandbox = Sandboxed::open(on, &["ann", "ben"], clock.as_ref()).await?;
    sandbox.send_back_to(command.api.as_str().trim_end_matches('/'));
    screen.json_line(&sandbox.told())?;
    tell_accounts(&screen, &sandbox)?;
    sandbox.serve(clock, stop::asked()).await?;
    Ok(Ended::Well)
}

fn tell_accounts(screen: &Screen, sandbox: &Sandboxed) -> Result<()> {
    let told = sandbox.told();
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
    Ok(())
}
