//! Clients: the programs that ask for tokens, and how they prove who they are.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Oauth;
use super::params::Credentials;

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its name, as people read it when they consent.
    pub name: String,
    /// What kind of program it is.
    pub kind: ClientKind,
    /// What it proves itself with. A public client has none.
    pub secrets: Vec<Secret>,
    /// Where codes may be sent, each in full.
    pub redirects: BTreeSet<String>,
    /// Whether it is still being tried out.
    pub publishing: Publishing,
}

/// What kind of program a client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientKind {
    /// A server, which can keep a secret and must show it.
    #[default]
    Web,
    /// A page in a browser. Its refresh tokens end after 24 hours at Microsoft.
    SinglePage,
    /// A program on a desk or a phone. Its redirects to its own machine may name any port (RFC 8252 §7.3).
    Native,
}

/// A client's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The secret itself.
    pub text: String,
    /// From when on it is refused.
    pub good_until: Option<Timestamp>,
}

/// The publishing status of Google's consent screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Publishing {
    /// Anybody may use it.
    #[default]
    Production,
    /// It is being tried out: refresh tokens end after 7 days, unless they only tell who somebody is.
    Testing,
}

/// Why a client is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientProblem {
    /// It does not say who it is.
    Missing,
    /// There is no such client.
    Unknown,
    /// It must show a secret and shows none.
    SecretMissing,
    /// It shows a secret that it does not have.
    SecretWrong,
    /// It shows one that has run out.
    SecretExpired,
    /// It is public and shows a secret.
    SecretUnwanted,
}

impl Client {
    /// A server with one secret and one redirect, open to everybody.
    pub fn web(id: &str, secret: &str, redirect: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: ClientKind::Web,
            secrets: vec![Secret {
                text: secret.to_owned(),
                good_until: None,
            }],
            redirects: BTreeSet::from([redirect.to_owned()]),
            publishing: Publishing::default(),
        }
    }

    /// A client that can keep no secret.
    pub fn public(id: &str, kind: ClientKind, redirect: &str) -> Self {
        Self {
            kind,
            secrets: Vec::new(),
            ..Self::web(id, "", redirect)
        }
    }

    /// Whether codes may be sent to an address: exactly one of those registered, with its slash and its port.
    pub(crate) fn allows(&self, redirect: &str) -> bool {
        if self.redirects.contains(redirect) {
            return true;
        }
        let Some(portless) = loopback_without_port(redirect) else {
            return false;
        };
        self.kind == ClientKind::Native
            && self
                .redirects
                .iter()
                .any(|own| loopback_without_port(own).as_deref() == Some(&portless))
    }
}

impl Oauth {
    /// The client that a request comes from.
    pub(crate) fn authenticate(
        &self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<&Client, ClientProblem> {
        let id = credentials.id.as_ref().ok_or(ClientProblem::Missing)?;
        let client = self.clients.get(id).ok_or(ClientProblem::Unknown)?;
        let Some(shown) = &credentials.secret else {
            return match client.kind {
                ClientKind::Web => Err(ClientProblem::SecretMissing),
                ClientKind::SinglePage | ClientKind::Native => Ok(client),
            };
        };
        if client.secrets.is_empty() {
            return Err(ClientProblem::SecretUnwanted);
        }
        let secret = client.secrets.iter().find(|own| own.text == *shown);
        match secret {
            None => Err(ClientProblem::SecretWrong),
            Some(secret) if secret.good_until.is_some_and(|end| end <= now) => {
                Err(ClientProblem::SecretExpired)
            }
            Some(_) => Ok(client),
        }
    }
}

/// An address on the caller's own machine without its port; none for every other address.
fn loopback_without_port(address: &str) -> Option<String> {
    let rest = address.strip_prefix("http://")?;
    let (authority, path) = match rest.find(['/', '?']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let host = ["localhost", "127.0.0.1", "[::1]"]
        .into_iter()
        .find(|host| authority.strip_prefix(host).is_some_and(is_port))?;
    Some(format!("{host}{path}"))
}

/// Whether what follows a host is nothing, or a port.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok(),
        None => text.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_compared_letter_by_letter() {
        let client = Client::web("c", "s", "https://app.example/back");
        assert!(client.allows("https://app.example/back"));
        for other in [
            "https://app.example/back/",
            "https://app.example:443/back",
            "https://APP.example/back",
            "https://app.example/back?x=1",
            "http://localhost:1/back",
        ] {
            assert!(!client.allows(other), "{other}");
        }
    }

    #[test]
    fn a_desk_program_may_listen_at_any_port_of_its_own_machine() {
        let client = Client::public("c", ClientKind::Native, "http://127.0.0.1/back");
        assert!(client.allows("http://127.0.0.1:53124/back"));
        for other in [
            "http://127.0.0.1:53124/",
            "http://localhost:53124/back",
            "http://127.0.0.1.evil.example/back",
            "http://127.0.0.1:1@evil.example/back",
        ] {
            assert!(!client.allows(other), "{other}");
        }
    }
}
