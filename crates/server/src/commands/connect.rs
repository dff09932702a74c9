//! `kalends connect`: an account or a feed, looked at before it is kept. The same one again is a reconnect.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::provider::{Access, Discovery};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::vault::Vault;
use secrecy::SecretString;
use serde_json::json;

use super::secret;
use crate::Ended;
use crate::app::App;
use crate::connecting::{self, ConnectError, Keeping, Kept, Seen};
use crate::keys;
use crate::screen::{Tone, plain};
use crate::words::word;

/// Connect an account or a feed.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(crate) struct Connect {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An account at a CalDAV server: iCloud, Fastmail, Nextcloud, Radicale, ...
    ///
    /// The address may be the server's, the account's, or just the domain of the mail address. Where the provider has
    /// app passwords (iCloud, Fastmail, Google, Yahoo), it takes one of those, not the account's own. The password is
    /// asked for, or read from a file or a variable; it is never an argument, which others could see. The same address
    /// and user again gives the connection a new password, and its links go on where they were.
    #[command(after_help = "\
EXAMPLES:
  kalends connect caldav --url https://dav.example.com --user ann
  kalends connect caldav --url icloud.com --user ann@icloud.com --name ann
  kalends connect caldav --url https://dav.example.com --user ann --password-file ann.password")]
    Caldav {
        /// The server's address, or a mail address or domain of it
        #[arg(long, value_name = "URL")]
        url: String,
        /// The user's name there
        #[arg(long)]
        user: String,
        /// A name for the connection [default: USER@HOST]
        #[arg(long)]
        name: Option<String>,
        /// Read the password from the first line of a file
        #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
        password_file: Option<PathBuf>,
        /// Read the password from a variable of the environment
        #[arg(long, value_name = "VARIABLE")]
        password_env: Option<String>,
    },
    /// A feed: one iCalendar file behind an address, which is read and never written
    ///
    /// The address of a private feed is like a password: it is kept sealed, and --url-file or --url-env keep it out of
    /// the list of processes.
    #[command(after_help = "\
EXAMPLES:
  kalends connect ics --url https://example.com/holidays.ics --name holidays
  kalends connect ics --url-file private-feed.url")]
    Ics {
        /// The feed's address (https: or webcal:)
        #[arg(long, value_name = "URL", required_unless_present_any = ["url_file", "url_env"])]
        url: Option<String>,
        /// Read the address from the first line of a file
        #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "url_env"])]
        url_file: Option<PathBuf>,
        /// Read the address from a variable of the environment
        #[arg(long, value_name = "VARIABLE", conflicts_with = "url")]
        url_env: Option<String>,
        /// A name for the connection [default: the feed's own, or its host]
        #[arg(long)]
        name: Option<String>,
    },
}

impl Connect {
    /// The variable of the environment that holds the password or the address.
    pub(crate) fn variable(&self) -> Option<&str> {
        match &self.what {
            What::Caldav { password_env, .. } => password_env.as_deref(),
            What::Ics { url_env, .. } => url_env.as_deref(),
        }
    }
}

pub(crate) async fn run(app: &App, command: Connect) -> Result<Ended> {
    let wired = app.wired().await?;
    let keys = wired.accounts.keys.clone();
    let vault = keys.context("the vault is closed")?.vault();
    let (wanted, name) = match command.what {
        What::Caldav {
            url,
            user,
            name,
            password_file,
            password_env,
        } => {
            let password = |host: &str| {
                let prompt = format!("Password of {user} at {host}: ");
                secret::read(password_file, password_env, &prompt)
            };
            let wanted = connecting::caldav(&wired.accounts, &url, &user, password)?;
            (wanted, name)
        }
        What::Ics {
            url,
            url_file,
            url_env,
            name,
        } => {
            let address = match (url, url_file, url_env) {
                (Some(url), _, _) => SecretString::from(url),
                (None, Some(file), _) => secret::from_file(&file)?,
                (None, None, Some(variable)) => secret::from_env(&variable)?,
                (None, None, None) => bail!("give --url, --url-file or --url-env"),
            };
            (connecting::feed(&wired.accounts, address)?, name)
        }
    };
    let bars = app.screen.bars();
    bars.begin(&format!("looking for calendars at {}", wanted.host()));
    let seen = connecting::look(wanted).await;
    bars.end();
    let seen = seen.map_err(told)?;
    keep(app, &vault, &seen, name.as_deref()).await
}

/// What went wrong, with what to do about it.
fn told(error: ConnectError) -> anyhow::Error {
    match error {
        ConnectError::Provider(failure) => explained(failure),
        ConnectError::Store(error) => anyhow!(keys::explained(&error)),
        other => other.into(),
    }
}

/// A failure with what to do about it.
pub(crate) fn explained(failure: Failure) -> anyhow::Error {
    match failure.class {
        Class::AddressRefused => anyhow!(
            "{}: list the host, its address or its network under `allow` in the section `[network]` \
             of the settings file, or in KALENDS_ALLOW_ADDRESSES (`private` opens all private addresses)",
            failure.message
        ),
        Class::Passing { retry_at: Some(at) } => {
            anyhow!("{} (it asks to be left alone until {at})", failure.message)
        }
        _ => anyhow!(failure.message),
    }
}

async fn keep(app: &App, vault: &Vault, seen: &Seen, name: Option<&str>) -> Result<Ended> {
    let mut tx = app.store.begin(app.tenant).await?;
    // Looking takes its time, and so does typing a password.
    features::require(&mut tx, CALENDAR_SYNC).await?;
    let keeping = Keeping {
        name,
        owner: None,
        vault,
        ids: app.ids.as_ref(),
        at: app.now(),
    };
    let kept = connecting::keep(&mut tx, seen, &keeping)
        .await
        .map_err(told)?;
    let action = if kept.again {
        "connection.reconnect"
    } else {
        "connection.create"
    };
    app.audit(
        &mut tx,
        action,
        format!("connection {}", kept.id),
        json!({ "name": kept.name }),
    )
    .await?;
    tx.commit().await?;
    if kept.again && name.is_some_and(|name| name != kept.name) {
        app.screen.note(&format!(
            "this account is connected already, as {}, and keeps that name",
            kept.name
        ));
    }
    show(app, &kept, &seen.discovery)
}

fn show(app: &App, kept: &Kept, found: &Discovery) -> Result<Ended> {
    let Kept { id, name, again } = kept;
    app.screen.json(&json!({
        "id": id,
        "name": name,
        "reconnected": again,
        "calendars": found.calendars,
    }))?;
    app.screen.line(&format!(
        "{} {name}",
        if *again {
            "Connected again:"
        } else {
            "Connected"
        }
    ))?;
    let mut table = app.screen.table(["CALENDAR", "ACCESS", "COLOR"]);
    for calendar in &found.calendars {
        let access = match calendar.access {
            Access::ReadWrite => plain(word(&calendar.access)),
            Access::ReadOnly | Access::FreeBusy => (word(&calendar.access), Tone::Wary),
        };
        let color = calendar.color.clone().unwrap_or_default();
        table.add([plain(&*calendar.name), access, plain(color)]);
    }
    app.screen.show(&table, "It has no calendars.")?;
    Ok(Ended::Well)
}
