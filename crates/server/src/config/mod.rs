//! Settings: a file in TOML, overridden by the environment, overridden by options. All of it is checked at the start.

mod database;
mod duration;
mod keys;
mod mail;
mod network;
mod reference;
mod server;
mod signin;
mod sync;
mod variables;
mod vendors;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cli::Global;
use crate::local_zone::LocalZone;

pub(crate) use database::{Database, Migrate};
pub(crate) use keys::{KeyPlace, Keys};
pub(crate) use mail::{Mail, Smtp};
pub(crate) use network::Network;
pub(crate) use reference::table;
pub(crate) use server::{Server, checked_origin, checked_public_url, is_this_machine};
pub(crate) use signin::SignIn;
pub(crate) use sync::Sync;
pub(crate) use vendors::{VendorSettings, Vendors};

/// The tenant of an installation that has only one.
const TENANT: &str = "default";

/// The file, one section a struct.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    tenant: Option<String>,
    time_zone: Option<String>,
    database: database::Section,
    keys: keys::Section,
    network: network::Section,
    sync: sync::Section,
    server: server::Section,
    google: vendors::GoogleSection,
    microsoft: vendors::MicrosoftSection,
    mail: mail::Section,
    signin: signin::Section,
}

/// All settings, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The slug of the tenant that commands work for.
    pub(crate) tenant: String,
    /// Whether somebody said so; else it is that of an installation that has only one.
    pub(crate) tenant_is_named: bool,
    /// The zone of the person at the terminal.
    pub(crate) zone: LocalZone,
    /// What is odd about the settings, though nothing stops for it.
    pub(crate) notes: Vec<String>,
    /// Where everything is kept.
    pub(crate) database: Database,
    /// What opens secrets.
    pub(crate) keys: Keys,
    /// What may be talked to.
    pub(crate) network: Network,
    /// How eager and patient the engine is.
    pub(crate) sync: Sync,
    /// Where the API is served, and under which names.
    pub(crate) server: Server,
    /// What Kalends is at Google and Microsoft.
    pub(crate) vendors: Vendors,
    /// How notices leave.
    pub(crate) mail: Mail,
    /// At whom people may sign in, beside their passwords here.
    pub(crate) signin: Option<SignIn>,
}

impl Settings {
    /// Reads and checks all settings.
    pub(crate) fn load(global: &Global) -> Result<Self> {
        let file = match file_path(global)? {
            Some(path) => read(&path)?,
            None => File::default(),
        };
        Self::checked(global, file)
    }

    fn checked(global: &Global, file: File) -> Result<Self> {
        let named = global.tenant.clone().or(file.tenant);
        let tenant_is_named = named.is_some();
        let tenant = named.unwrap_or_else(|| TENANT.to_owned());
        check_slug(&tenant)?;
        let (zone, note) = match env("KALENDS_TIME_ZONE").or(file.time_zone) {
            Some(name) => {
                let zone = LocalZone::named(&name).with_context(|| {
                    format!("time_zone: {name:?} is no time zone that is known")
                })?;
                (zone, None)
            }
            None => LocalZone::of_system(),
        };
        let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let mut notes = variables::unknown(set, &global.variables);
        notes.extend(note);
        Ok(Self {
            tenant,
            tenant_is_named,
            zone,
            notes,
            database: file.database.checked(global.database.as_deref())?,
            keys: file.keys.checked()?,
            network: file.network.checked()?,
            sync: file.sync.checked()?,
            server: file.server.checked()?,
            vendors: Vendors {
                google: file.google.checked()?,
                microsoft: file.microsoft.checked()?,
            },
            mail: file.mail.checked()?,
            signin: file.signin.checked()?,
        })
    }
}

impl Settings {
    /// Those of a demo: everything in one folder, with a key of its own, and this machine's own servers may be talked to.
    /// No settings file counts, nor what the environment says of keys, addresses and names.
    pub(crate) fn for_demo(global: &Global, folder: &Path) -> Result<Self> {
        let own = Global {
            database: Some(format!("sqlite:{}", folder.join("kalends.db").display())),
            tenant: None,
            config: None,
            json: global.json,
            quiet: global.quiet,
            variables: Vec::new(),
        };
        let file = File {
            time_zone: env("KALENDS_TIME_ZONE"),
            ..File::default()
        };
        let mut settings = Self::checked(&own, file)?;
        settings.database.migrate = Migrate::Auto;
        settings.keys = Keys::beside_the_database();
        settings.network = Network::with_loopback()?;
        settings.notes.clear();
        settings.vendors = Vendors::default();
        settings.mail = Mail::default();
        settings.signin = None;
        settings.server.domain = None;
        Ok(settings)
    }
}

#[cfg(test)]
impl Settings {
    /// What nobody has changed, for tests.
    pub(crate) fn for_tests() -> Self {
        let nothing = Global {
            database: None,
            tenant: None,
            config: None,
            json: false,
            quiet: true,
            variables: Vec::new(),
        };
        Self::for_demo(&nothing, Path::new("/nowhere")).unwrap()
    }
}

fn file_path(global: &Global) -> Result<Option<PathBuf>> {
    if let Some(path) = &global.config {
        if !path.is_file() {
            bail!("the configuration file {} is not there", path.display());
        }
        return Ok(Some(path.clone()));
    }
    let folder = env("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| Path::new(&home).join(".config")));
    Ok(folder
        .map(|folder| folder.join("kalends").join("config.toml"))
        .filter(|path| path.is_file()))
}

fn read(path: &Path) -> Result<File> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration file {}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        anyhow::anyhow!(
            "the configuration file {}: {}",
            path.display(),
            told(&text, &error)
        )
    })
}

/// What is wrong with the file, without any value of it: one may be an address with its password.
fn told(text: &str, error: &toml::de::Error) -> String {
    /// How messages begin that quote the value.
    const QUOTING: [&str; 3] = [
        "invalid type: string",
        "invalid value: string",
        "unknown variant",
    ];
    let message = error.message();
    let is_quoting =
        QUOTING.iter().any(|quoting| message.starts_with(quoting)) || message.contains("://");
    let message = match message.rsplit_once(", expected ") {
        Some((_, "struct Section")) if is_quoting => "expected a section".to_owned(),
        Some((_, expected)) if is_quoting => format!("expected {expected}"),
        None if is_quoting => "this value makes no sense".to_owned(),
        _ => message.to_owned(),
    };
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let number = before.matches('\n').count() + 1;
    let key = text
        .lines()
        .nth(number - 1)
        .and_then(|line| line.split_once('='))
        .map(|(key, _)| key.trim())
        .filter(|key| {
            key.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
    match key {
        Some(key) => format!("line {number}, {key}: {message}"),
        None => format!("line {number}: {message}"),
    }
}

/// A tenant's slug is a label of a host name.
pub(crate) fn check_slug(slug: &str) -> Result<()> {
    /// The longest label of a host name (RFC 1035 §2.3.4).
    const SLUG_MAX: usize = 63;
    let fits = (1..=SLUG_MAX).contains(&slug.len())
        && slug
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if fits {
        Ok(())
    } else {
        bail!("tenant: {slug:?} is no slug: small letters, digits and hyphens, 63 at most")
    }
}

/// A variable of the environment; one that is empty counts as not set.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_named() {
        let told = |text: &str| told(text, &toml::from_str::<File>(text).unwrap_err());
        let said = told("[network]\nallowed = [\"10.0.0.0/8\"]\n");
        assert!(
            said.starts_with("line 2, allowed: unknown field `allowed`"),
            "{said}"
        );
        let said = told("[sync]\npoll_every = \"soon\"\n");
        assert!(said.starts_with("line 2, poll_every: "), "{said}");
        let said = told("[database]\nmigrate = \"atuo\"\n");
        assert_eq!(said, "line 2, migrate: expected `auto` or `manual`");
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_without_its_secrets() {
        for text in [
            "database = \"postgres://ann:sesame@host/db\"\n",
            "[database]\nurl = \"postgres://ann:sesame@host/db\n",
            "[database]\nurl = postgres://ann:sesame@host/db\n",
            "[database]\nurl = [\"postgres://ann:sesame@host/db\"]\n",
            "[database]\nurl = \"postgres://ann:sesame@host/db\" x\n",
            "[database]\nmigrate = \"postgres://ann:sesame@host/db\"\n",
            "keys = \"sesame\"\n",
            "[keys]\nsesameSESAME0sesame=\n",
        ] {
            let said = told(text, &toml::from_str::<File>(text).unwrap_err());
            assert!(said.starts_with("line "), "{said}");
            assert!(!said.contains("sesame"), "{said}");
        }
    }

    #[test]
    fn slugs_are_labels_of_host_names() {
        assert!(check_slug("default").is_ok());
        assert!(check_slug("a-1").is_ok());
        for wrong in ["", "-a", "a-", "A", "a b", "ä", &"a".repeat(64)] {
            assert!(check_slug(wrong).is_err(), "{wrong:?}");
        }
    }
}
