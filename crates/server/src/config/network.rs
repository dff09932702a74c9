//! `[network]`: what this installation may talk to beside the public internet.

use std::path::PathBuf;

use anyhow::{Context, Result};
use kalends_providers::http::HttpSettings;
use kalends_providers::http::guard::{Guard, PrivateAddresses};
use serde::Deserialize;

use super::env;
use super::reference::Setting;

/// Opens every private address; the metadata services of clouds stay closed.
const ALL_PRIVATE: &str = "private";

/// How Kalends introduces itself to servers.
const USER_AGENT: &str = concat!("Kalends/", env!("CARGO_PKG_VERSION"));

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// Networks, addresses and hosts, or `private` for all private addresses.
    allow: Vec<String>,
    /// Certificates (PEM) to trust beside the system's.
    extra_roots_file: Option<PathBuf>,
}

/// What may be talked to.
#[derive(Debug)]
pub(crate) struct Network {
    /// The settings of the one transport of this process.
    pub(crate) http: HttpSettings,
}

impl Section {
    pub(super) fn checked(self) -> Result<Network> {
        let (source, allow) = match env("KALENDS_ALLOW_ADDRESSES") {
            Some(list) => (
                "KALENDS_ALLOW_ADDRESSES",
                list.split(',').map(str::to_owned).collect(),
            ),
            None => ("network.allow", self.allow),
        };
        let guard = guard(&allow).with_context(|| source)?;
        let roots = env("KALENDS_EXTRA_ROOTS_FILE")
            .map(PathBuf::from)
            .or(self.extra_roots_file);
        let extra_roots_pem = match roots {
            Some(file) => Some(
                std::fs::read_to_string(&file)
                    .with_context(|| format!("network.extra_roots_file: {}", file.display()))?,
            ),
            None => None,
        };
        Ok(Network {
            http: HttpSettings {
                guard,
                user_agent: USER_AGENT.to_owned(),
                extra_roots_pem,
            },
        })
    }
}

impl Network {
    /// The public internet, and this machine.
    pub(crate) fn with_loopback() -> Result<Self> {
        let own = ["127.0.0.0/8".to_owned(), "::1".to_owned()];
        Ok(Self {
            http: HttpSettings {
                guard: guard(&own)?,
                user_agent: USER_AGENT.to_owned(),
                extra_roots_pem: None,
            },
        })
    }
}

fn guard(allow: &[String]) -> Result<Guard> {
    let mut guard = Guard::default();
    for entry in allow.iter().map(|entry| entry.trim()) {
        match entry {
            "" => {}
            ALL_PRIVATE => guard.private = PrivateAddresses::Open,
            entry => guard.allowed.push(entry.parse()?),
        }
    }
    Ok(guard)
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("network"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("allow"),
            Some("ALLOW_ADDRESSES"),
            "none",
            "what may be talked to beside the public internet (commas between)",
        ),
        setting(
            Some("extra_roots_file"),
            Some("EXTRA_ROOTS_FILE"),
            "none",
            "certificates (PEM) to trust beside the system's",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hosts_and_the_word_private() {
        let list = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
        let open = guard(&list("127.0.0.0/8, nas.local ,private")).unwrap();
        assert_eq!(open.allowed.len(), 2);
        assert_eq!(open.private, PrivateAddresses::Open);
        let error = guard(&list("10.0.0.0/99")).unwrap_err();
        assert!(error.to_string().contains("10.0.0.0/99"), "{error}");
    }
}
