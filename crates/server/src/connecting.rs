//! Connecting an account: looked at before it is kept; the same one again is a reconnect. For the command line and the API.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::event::Address;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{ConnectionId, UserId};
use kalends_calendar::provider::{Discovery, Provider};
use kalends_calendar::seams::Ids;
use kalends_providers::caldav::locate;
use kalends_providers::http::Unlimited;
use kalends_providers::oauth::{Granted, Identity, Tokens, Vendor};
use kalends_store::connections::{self, Connection, ConnectionState, NewConnection, ProviderKind};
use kalends_store::grants::{self, NewTokens};
use kalends_store::plans::{self, Quota};
use kalends_store::vault::{Purpose, Vault};
use kalends_store::{StoreError, Tx, links, remote_calendars, secrets, tenants};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use crate::accounts::Accounts;
use crate::config::VendorSettings;

/// The longest address that is taken.
const ADDRESS_CHARS_MAX: usize = 2_048;

/// Why an account was not connected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The address makes no sense, or says what does not belong there.
    #[error("{0}")]
    Address(String),
    /// The provider refused or cannot be reached.
    #[error("{}", .0.message)]
    Provider(Failure),
    /// User and password are right, and there is nothing to link.
    #[error(
        "{host} accepts this user and password, but shows no calendar that can hold events; make one there, or \
         give the address of the account's calendars"
    )]
    NoCalendars {
        /// Of the server.
        host: String,
    },
    /// The provider gave access for an hour, and nothing to renew it with.
    #[error("{} gave no lasting access", .0.name())]
    NoRefreshToken(Vendor),
    /// Another account goes by the name.
    #[error("another account is connected as {0:?} already; give this one another name")]
    NameTaken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account that somebody wants to connect, with its provider.
pub(crate) struct Wanted {
    provider: ProviderKind,
    /// As it is kept in clear.
    url: String,
    user: String,
    host: String,
    /// Who it is at the provider, where that has a name that stays.
    subject: Option<String>,
    secret: Secret,
    open: Arc<dyn Provider>,
}

/// What opens an account.
enum Secret {
    /// A password, or the address of a feed.
    Password(SecretString),
    /// What was granted.
    Tokens(NewTokens),
}

/// An account that was looked at and is to be kept.
pub(crate) struct Seen {
    wanted: Wanted,
    /// What it holds.
    pub(crate) discovery: Discovery,
}

/// Who keeps an account, how it is to be called, and when.
pub(crate) struct Keeping<'a> {
    /// The name that was asked for.
    pub(crate) name: Option<&'a str>,
    /// Whose account it is, where that is known.
    pub(crate) owner: Option<UserId>,
    /// What seals its secret.
    pub(crate) vault: &'a Vault,
    /// Where identifiers come from.
    pub(crate) ids: &'a dyn Ids,
    /// Now.
    pub(crate) at: Timestamp,
}

/// An account that was kept.
pub(crate) struct Kept {
    /// Its connection.
    pub(crate) id: ConnectionId,
    /// How that is called.
    pub(crate) name: String,
    /// Whether it was there before.
    pub(crate) again: bool,
}

/// An account at a CalDAV server.
pub(crate) fn caldav(
    accounts: &Accounts,
    address: &str,
    user: &str,
    password: impl FnOnce(&str) -> Result<SecretString, anyhow::Error>,
) -> Result<Wanted, anyhow::Error> {
    let base = caldav_address(address)?;
    let host = base.host_str().unwrap_or_default().to_owned();
    let secret = password(&host)?;
    Ok(Wanted {
        provider: ProviderKind::Caldav,
        open: accounts.caldav(base.clone(), user, secret.clone(), Vec::new()),
        url: base.to_string(),
        user: user.to_owned(),
        host,
        subject: None,
        secret: Secret::Password(secret),
    })
}

fn caldav_address(address: &str) -> Result<Url, ConnectError> {
    if address.len() > ADDRESS_CHARS_MAX {
        return Err(ConnectError::Address("the address is too long".to_owned()));
    }
    without_password(address)?;
    locate(address).map_err(|failure| ConnectError::Address(failure.message))
}

/// A feed.
pub(crate) fn feed(accounts: &Accounts, address: SecretString) -> Result<Wanted, ConnectError> {
    let url = feed_url(&address)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    Ok(Wanted {
        provider: ProviderKind::Ics,
        // The whole address is the secret; its host is what people may see.
        url: format!("{}://{host}/", url.scheme()),
        open: accounts.feed(url),
        user: String::new(),
        host,
        subject: None,
        secret: Secret::Password(address),
    })
}

/// An account at Google or Microsoft, as it was granted.
pub(crate) fn vendor(
    accounts: &Accounts,
    settings: &VendorSettings,
    granted: Granted,
    identity: Identity,
) -> Result<Wanted, ConnectError> {
    let vendor = settings.client.vendor;
    if granted.refresh.is_none() {
        return Err(ConnectError::NoRefreshToken(vendor));
    }
    let tokens = Arc::new(JustGranted {
        access: granted.access.clone(),
        vendor,
    });
    let me = vec![Address::new(&identity.email)];
    Ok(Wanted {
        provider: match vendor {
            Vendor::Google => ProviderKind::Google,
            Vendor::Microsoft => ProviderKind::Microsoft,
        },
        url: settings.calendars.to_string(),
        host: vendor.name().to_owned(),
        user: identity.email,
        subject: Some(identity.subject),
        // Not an account yet whose requests could be counted.
        open: accounts.vendor(settings, tokens, Arc::new(Unlimited), me),
        secret: Secret::Tokens(NewTokens {
            access: granted.access,
            access_expires_at: granted.access_expires_at,
            refresh: granted.refresh,
        }),
    })
}

/// A token that was given out a moment ago, before there is a connection whose tokens are refreshed.
struct JustGranted {
    access: SecretString,
    vendor: Vendor,
}

#[async_trait]
impl Tokens for JustGranted {
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        match refused {
            None => Ok(self.access.clone()),
            Some(_) => Err(Failure::new(
                Class::ReconnectNeeded,
                format!(
                    "{} refuses the access that it has just given",
                    self.vendor.name()
                ),
            )),
        }
    }
}

impl Wanted {
    /// Where it is.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

/// Looks what there is, before anything is kept.
pub(crate) async fn look(wanted: Wanted) -> Result<Seen, ConnectError> {
    let discovery = wanted
        .open
        .calendars()
        .await
        .map_err(ConnectError::Provider)?;
    if wanted.provider == ProviderKind::Caldav && discovery.calendars.is_empty() {
        return Err(ConnectError::NoCalendars { host: wanted.host });
    }
    Ok(Seen { wanted, discovery })
}

/// Keeps an account: as a new connection, or as the one that it is already.
pub(crate) async fn keep(
    tx: &mut Tx,
    seen: &Seen,
    keeping: &Keeping<'_>,
) -> Result<Kept, ConnectError> {
    // Of two who connect the same account at once the second one finds what the first has made.
    tenants::lock(tx).await?;
    let kept = match known(tx, seen).await? {
        Some(connection) => {
            revive(tx, &connection, seen, keeping.at).await?;
            Kept {
                id: connection.id,
                name: connection.name,
                again: true,
            }
        }
        None => insert(tx, seen, keeping).await?,
    };
    match &seen.wanted.secret {
        Secret::Password(secret) => {
            secrets::put(
                tx,
                keeping.vault,
                kept.id,
                Purpose::Password,
                secret,
                keeping.at,
            )
            .await?;
        }
        Secret::Tokens(tokens) => {
            grants::keep(tx, keeping.vault, kept.id, tokens, keeping.at).await?;
        }
    }
    remote_calendars::upsert(tx, kept.id, &seen.discovery.calendars, keeping.at).await?;
    Ok(kept)
}

/// The connection that this account is already.
pub(crate) async fn known(tx: &mut Tx, seen: &Seen) -> Result<Option<Connection>, StoreError> {
    let wanted = &seen.wanted;
    if let Some(subject) = &wanted.subject {
        return connections::by_subject(tx, wanted.provider, subject).await;
    }
    for connection in connections::list(tx).await? {
        if connection.provider != wanted.provider {
            continue;
        }
        let same = match wanted.provider {
            ProviderKind::Caldav => connection.url == wanted.url && connection.user == wanted.user,
            // They are known by their subject.
            ProviderKind::Google | ProviderKind::Microsoft => false,
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
async fn revive(
    tx: &mut Tx,
    connection: &Connection,
    seen: &Seen,
    at: Timestamp,
) -> Result<(), StoreError> {
    // Links before their connection, as a run does that gives its lease back: neither waits for the other in a circle.
    links::revive(tx, connection.id, at).await?;
    connections::set_state(tx, connection.id, ConnectionState::Ok, None).await?;
    connections::set_retry_at(tx, connection.id, None).await?;
    if seen.wanted.subject.is_some() {
        connections::set_user(tx, connection.id, seen.wanted.user.clone()).await?;
    }
    connections::set_me(tx, connection.id, &seen.discovery.me).await
}

async fn insert(tx: &mut Tx, seen: &Seen, keeping: &Keeping<'_>) -> Result<Kept, ConnectError> {
    plans::require_room(tx, Quota::Connections).await?;
    let taken: Vec<String> = connections::list(tx)
        .await?
        .into_iter()
        .map(|connection| connection.name)
        .collect();
    let name = match keeping.name {
        Some(name) if taken.iter().any(|known| known == name) => {
            return Err(ConnectError::NameTaken(name.to_owned()));
        }
        Some(name) => name.to_owned(),
        None => free_name(&usual_name(seen), &taken),
    };
    let id = ConnectionId(keeping.ids.next());
    let new = NewConnection {
        id,
        provider: seen.wanted.provider,
        name: name.clone(),
        url: seen.wanted.url.clone(),
        user: seen.wanted.user.clone(),
        me: seen.discovery.me.clone(),
        settings: settings(seen),
        owner: keeping.owner,
        subject: seen.wanted.subject.clone(),
        created_at: keeping.at,
    };
    connections::insert(tx, new).await?;
    Ok(Kept {
        id,
        name,
        again: false,
    })
}

/// The setting that names the calendar that is meant where nobody names one.
pub(crate) const DEFAULT_CALENDAR: &str = "default_calendar";

/// Google and Microsoft tell the account's own calendar first; at CalDAV servers none is.
fn settings(seen: &Seen) -> serde_json::Value {
    let first = seen.discovery.calendars.first();
    match (seen.wanted.provider, first) {
        (ProviderKind::Google | ProviderKind::Microsoft, Some(first)) => {
            json!({ DEFAULT_CALENDAR: first.id })
        }
        (ProviderKind::Google | ProviderKind::Microsoft, None)
        | (ProviderKind::Caldav | ProviderKind::Ics, _) => json!({}),
    }
}

fn usual_name(seen: &Seen) -> String {
    let Wanted { host, user, .. } = &seen.wanted;
    match seen.wanted.provider {
        ProviderKind::Caldav if user.contains('@') => user.clone(),
        ProviderKind::Caldav => format!("{user}@{host}"),
        // One person may have the same address at both.
        ProviderKind::Google | ProviderKind::Microsoft => format!("{user} ({host})"),
        ProviderKind::Ics => seen
            .discovery
            .calendars
            .first()
            .map_or_else(|| host.clone(), |calendar| calendar.name.clone()),
    }
}

fn free_name(wanted: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

/// Refuses an address that holds a user or a password, before anything quotes it: an address is kept and shown in clear.
///
/// A mail address is none such, nor is an `@` further on in a path.
fn without_password(address: &str) -> Result<(), ConnectError> {
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
        return Err(ConnectError::Address(
            "the password does not belong in the address, nor does the user: leave out what stands before the `@`, \
             and give both on their own"
                .to_owned(),
        ));
    }
    Ok(())
}

fn feed_url(secret: &SecretString) -> Result<Url, ConnectError> {
    let wrong = || {
        ConnectError::Address(
            "a feed's address begins with https://, http:// or webcal://".to_owned(),
        )
    };
    let text = secret.expose_secret().trim();
    if text.len() > ADDRESS_CHARS_MAX {
        return Err(ConnectError::Address("the address is too long".to_owned()));
    }
    let url: Url = text.parse().map_err(|_| wrong())?;
    let known = matches!(url.scheme(), "http" | "https" | "webcal" | "webcals");
    if known && url.host().is_some() {
        Ok(url)
    } else {
        Err(wrong())
    }
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
