//! `kalends connect`: an account or a feed, looked at before it is kept. The same one again is a reconnect.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::ConnectionId;
use kalends_calendar::provider::{Access, Discovery, Provider};
use kalends_providers::caldav::locate;
use kalends_store::connections::{self, Connection, ConnectionState, NewConnection, ProviderKind};
use kalends_store::links;
use kalends_store::vault::{Purpose, Vault};
use kalends_store::{Tx, remote_calendars, secrets};
use secrecy::SecretString;
use serde_json::json;
use url::Url;

use crate::Ended;
use crate::app::App;
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

/// An account that was looked at and is to be kept.
struct Seen {
    provider: ProviderKind,
    /// As it is kept in clear.
    url: String,
    user: String,
    secret: SecretString,
    name: Option<String>,
    usual_name: String,
    discovery: Discovery,
}

pub(crate) async fn run(app: &App, command: Connect) -> Result<Ended> {
    let wired = app.wired().await?;
    let keys = wired.accounts.keys.clone();
    let vault = keys.context("the vault is closed")?.vault();
    let seen = match command.what {
        What::Caldav {
            url,
            user,
            name,
            password_file,
            password_env,
        } => {
            without_password(&url)?;
            let base = locate(&url).map_err(|failure| anyhow!(failure.message))?;
            let host = base.host_str().unwrap_or_default().to_owned();
            let secret = match (password_file, password_env) {
                (Some(file), _) => from_file(&file)?,
                (None, Some(variable)) => from_env(&variable)?,
                (None, None) => from_terminal(&user, &host)?,
            };
            let account = wired
                .accounts
                .caldav(base.clone(), &user, secret.clone(), Vec::new());
            let discovery = look(app, account, &host).await?;
            if discovery.calendars.is_empty() {
                bail!(
                    "{host} accepts this user and password, but shows no calendar that can hold \
                     events; make one there, or give the address of the account's calendars"
                );
            }
            Seen {
                provider: ProviderKind::Caldav,
                usual_name: if user.contains('@') {
                    user.clone()
                } else {
                    format!("{user}@{host}")
                },
                url: base.to_string(),
                user,
                secret,
                name,
                discovery,
            }
        }
        What::Ics {
            url,
            url_file,
            url_env,
            name,
        } => {
            let secret = match (url, url_file, url_env) {
                (Some(url), _, _) => SecretString::from(url),
                (None, Some(file), _) => from_file(&file)?,
                (None, None, Some(variable)) => from_env(&variable)?,
                (None, None, None) => bail!("give --url, --url-file or --url-env"),
            };
            let url = feed_url(&secret)?;
            let host = url.host_str().unwrap_or_default().to_owned();
            let discovery = look(app, wired.accounts.feed(url.clone()), &host).await?;
            let usual_name = discovery
                .calendars
                .first()
                .map_or_else(|| host.clone(), |calendar| calendar.name.clone());
            Seen {
                provider: ProviderKind::Ics,
                // The whole address is the secret; its host is what people may see.
                url: format!("{}://{host}/", url.scheme()),
                user: String::new(),
                secret,
                name,
                usual_name,
                discovery,
            }
        }
    };
    keep(app, &vault, seen).await
}

/// Refuses an address that holds a user or a password, before anything quotes it: an address is kept and shown in clear.
///
/// A mail address is none such, nor is an `@` further on in a path.
fn without_password(address: &str) -> Result<()> {
    let holds_one = match address.split_once("://") {
        Some((_, rest)) => rest
            .split(['/', '\\', '?', '#'])
            .next()
            .is_some_and(|place| place.contains('@')),
        None => address
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':')),
    };
    if holds_one {
        bail!(
            "the password does not belong in the address: leave out what stands before the `@`, give the user \
             as --user, and the password when asked, or with --password-file or --password-env"
        );
    }
    Ok(())
}

fn feed_url(secret: &SecretString) -> Result<Url> {
    use secrecy::ExposeSecret;
    let wrong = "a feed's address begins with https://, http:// or webcal://";
    let url: Url = secret.expose_secret().trim().parse().context(wrong)?;
    let known = matches!(url.scheme(), "http" | "https" | "webcal" | "webcals");
    if known && url.host().is_some() {
        Ok(url)
    } else {
        bail!(wrong)
    }
}

fn from_file(file: &PathBuf) -> Result<SecretString> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}

fn from_env(variable: &str) -> Result<SecretString> {
    match std::env::var(variable) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => bail!("the variable {variable} is not set"),
    }
}

fn from_terminal(user: &str, host: &str) -> Result<SecretString> {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask for the password: give --password-file or --password-env"
        );
    }
    let typed = rpassword::prompt_password(format!("Password of {user} at {host}: "))?;
    Ok(SecretString::from(typed))
}

/// Looks what there is, before anything is kept.
async fn look(app: &App, provider: Arc<dyn Provider>, host: &str) -> Result<Discovery> {
    let bars = app.screen.bars();
    bars.begin(&format!("looking for calendars at {host}"));
    let found = provider.calendars().await;
    bars.end();
    found.map_err(explained)
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

async fn keep(app: &App, vault: &Vault, seen: Seen) -> Result<Ended> {
    let mut tx = app.store.begin(app.tenant).await?;
    let (id, name, again) = if let Some(connection) = known(&mut tx, &seen).await? {
        revive(app, &mut tx, &connection, &seen).await?;
        (connection.id, connection.name, true)
    } else {
        let (id, name) = insert(app, &mut tx, &seen).await?;
        (id, name, false)
    };
    let sealed = secrets::put(
        &mut tx,
        vault,
        id,
        Purpose::Password,
        &seen.secret,
        app.now(),
    );
    sealed
        .await
        .map_err(|error| anyhow!(keys::explained(&error)))?;
    remote_calendars::upsert(&mut tx, id, &seen.discovery.calendars, app.now()).await?;
    let action = if again {
        "connection.reconnect"
    } else {
        "connection.create"
    };
    app.audit(
        &mut tx,
        action,
        format!("connection {id}"),
        json!({ "name": name }),
    )
    .await?;
    tx.commit().await?;
    show(app, id, &name, again, &seen.discovery)
}

/// The connection that this account is already.
async fn known(tx: &mut Tx, seen: &Seen) -> Result<Option<Connection>> {
    for connection in connections::list(tx).await? {
        if connection.provider != seen.provider {
            continue;
        }
        let same = match seen.provider {
            ProviderKind::Caldav => connection.url == seen.url && connection.user == seen.user,
            ProviderKind::Ics => {
                let known = remote_calendars::list(tx, connection.id).await?;
                seen.discovery
                    .calendars
                    .iter()
                    .any(|feed| known.iter().any(|calendar| calendar.id == feed.id))
            }
        };
        if same {
            return Ok(Some(connection));
        }
    }
    Ok(None)
}

/// The account can be used again, and its links go on where they were.
async fn revive(app: &App, tx: &mut Tx, connection: &Connection, seen: &Seen) -> Result<()> {
    // Links before their connection, as a run does that gives its lease back: neither waits for the other in a circle.
    links::revive(tx, connection.id, app.now()).await?;
    connections::set_state(tx, connection.id, ConnectionState::Ok, None).await?;
    connections::set_retry_at(tx, connection.id, None).await?;
    connections::set_me(tx, connection.id, &seen.discovery.me).await?;
    if seen
        .name
        .as_ref()
        .is_some_and(|name| *name != connection.name)
    {
        app.screen.note(&format!(
            "this account is connected already, as {}, and keeps that name",
            connection.name
        ));
    }
    Ok(())
}

async fn insert(app: &App, tx: &mut Tx, seen: &Seen) -> Result<(ConnectionId, String)> {
    let taken: Vec<String> = connections::list(tx)
        .await?
        .into_iter()
        .map(|connection| connection.name)
        .collect();
    let name = match &seen.name {
        Some(name) if taken.contains(name) => {
            bail!("another account is connected as {name:?} already; give this one another --name")
        }
        Some(name) => name.clone(),
        None => free_name(&seen.usual_name, &taken),
    };
    let new = NewConnection {
        id: ConnectionId(app.ids.next()),
        provider: seen.provider,
        name: name.clone(),
        url: seen.url.clone(),
        user: seen.user.clone(),
        me: seen.discovery.me.clone(),
        settings: json!({}),
        created_at: app.now(),
    };
    let id = new.id;
    connections::insert(tx, new).await?;
    Ok((id, name))
}

fn free_name(wanted: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

fn show(app: &App, id: ConnectionId, name: &str, again: bool, found: &Discovery) -> Result<Ended> {
    app.screen.json(&json!({
        "id": id,
        "name": name,
        "reconnected": again,
        "calendars": found.calendars,
    }))?;
    app.screen.line(&format!(
        "{} {name}",
        if again {
            "Connected again:"
        } else {
            "Connected"
        }
    ))?;
    let mut table = app.screen.table(["CALENDAR", "ACCESS", "COLOR"]);
    for calendar in &found.calendars {
        let access = match calendar.access {
            Access::ReadWrite => plain(word(&calendar.access)),
            Access::ReadOnly => (word(&calendar.access), Tone::Wary),
        };
        let color = calendar.color.clone().unwrap_or_default();
        table.add([plain(&*calendar.name), access, plain(color)]);
    }
    app.screen.show(&table, "It has no calendars.")?;
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_password() {
        for fine in [
            "https://dav.example.com/dav/calendars/user/ann@example.com/",
            "dav.example.com:8443",
            "ann@example.com",
            "example.com",
        ] {
            assert!(without_password(fine).is_ok(), "{fine}");
        }
        for refused in [
            "https://ann:sesame@dav.example.com/",
            "https://ann@dav.example.com",
            "caldavs://ann:se@same@dav.example.com?x",
            "ann:sesame@dav.example.com",
        ] {
            let error = without_password(refused).unwrap_err().to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
