//! The way in for providers: under which address they are told to call, and which of them would.

use kalends_calendar::channel::ChannelToken;
use kalends_calendar::failure::Failure;
use kalends_engine::watch::{Hook, Hooks};
use kalends_providers::oauth::Vendor;
use kalends_store::channels::{KeyHash, TokenHash};
use kalends_store::connections::ProviderKind;
use secrecy::ExposeSecret;

use crate::config::{Server, Vendors};
use crate::credentials::{self, Kind};

/// Why a provider does not say when a calendar changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// It never does.
    Never,
    /// The operator does not want it.
    TurnedOff,
    /// Kalends is not known there.
    NotSetUp,
    /// It calls nobody whose address is not encrypted.
    NotEncrypted,
}

impl Unreached {
    /// For people.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Never => "this provider does not say when a calendar changes",
            Self::TurnedOff => "the operator has turned push off",
            Self::NotSetUp => "the operator has not set this provider up",
            Self::NotEncrypted => {
                "the operator has given no https address (server.public_url) at which this provider could call"
            }
        }
    }
}

/// The way in.
#[derive(Clone, Debug)]
pub(crate) struct WayIn {
    address: String,
    google: Result<(), Unreached>,
    microsoft: Result<(), Unreached>,
    reached: Vec<ProviderKind>,
}

impl WayIn {
    /// As it is set up.
    pub(crate) fn new(settings: &Server, vendors: &Vendors) -> Self {
        let address = settings.address();
        let is_encrypted = address.starts_with("https://");
        let reached_by = |vendor| match vendors.get(vendor) {
            _ if !settings.push => Err(Unreached::TurnedOff),
            None => Err(Unreached::NotSetUp),
            // A stand-in that is itself spoken to in clear, such as the sandbox, asks no more of us.
            Some(known) if is_encrypted || known.calendars.scheme() == "http" => Ok(()),
            Some(_) => Err(Unreached::NotEncrypted),
        };
        let google = reached_by(Vendor::Google);
        let microsoft = reached_by(Vendor::Microsoft);
        let reached = [
            (ProviderKind::Google, google),
            (ProviderKind::Microsoft, microsoft),
        ];
        Self {
            address,
            google,
            microsoft,
            reached: reached
                .into_iter()
                .filter_map(|(kind, reached)| reached.is_ok().then_some(kind))
                .collect(),
        }
    }

    /// Whether a provider says when a calendar changes, and why not.
    pub(crate) fn reached_by(&self, provider: ProviderKind) -> Result<(), Unreached> {
        match provider {
            ProviderKind::Google => self.google,
            ProviderKind::Microsoft => self.microsoft,
            ProviderKind::Caldav | ProviderKind::Ics => Err(Unreached::Never),
        }
    }
}

/// How a provider is called in addresses.
fn word(provider: ProviderKind) -> &'static str {
    match provider {
        ProviderKind::Google => "google",
        ProviderKind::Microsoft => "microsoft",
        ProviderKind::Caldav => "caldav",
        ProviderKind::Ics => "ics",
    }
}

impl Hooks for WayIn {
    fn reached(&self) -> &[ProviderKind] {
        &self.reached
    }

    fn fresh(&self, provider: ProviderKind) -> Result<Hook, Failure> {
        let fresh =
            |kind| credentials::fresh(kind).map_err(|error| Failure::passing(error.to_string()));
        let key = fresh(Kind::Hook)?;
        let token = fresh(Kind::Channel)?;
        Ok(Hook {
            address: format!(
                "{}/api/hooks/{}/{}/",
                self.address,
                word(provider),
                key.secret.expose_secret()
            ),
            key: KeyHash(key.hash),
            token: ChannelToken::new(token.secret.expose_secret()),
            token_hash: TokenHash(token.hash),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::Settings;

    fn way_in(public: Option<&str>, vendors: &Vendors, push: bool) -> WayIn {
        let mut server = Settings::for_tests().server;
        server.public_url = public.map(|text| text.parse().unwrap());
        server.push = push;
        WayIn::new(&server, vendors)
    }

    fn vendors(base: &str) -> Vendors {
        Vendors::sandboxed(base, |_| {
            ("kalends".to_owned(), SecretString::from("secret"))
        })
        .unwrap()
    }

    #[test]
    fn who_calls_is_told_by_addresses() {
        use ProviderKind::{Caldav, Google};
        let real = vendors("https://api.example.com");
        let sandbox = vendors("http://127.0.0.1:8090");
        let https = Some("https://kalends.example.com");
        let http = Some("http://kalends.example.com");
        let none = Vendors::default();
        #[rustfmt::skip]
        let table = [
            (https, &real,    true,  Google, Ok(())),
            (http,  &real,    true,  Google, Err(Unreached::NotEncrypted)),
            (None,  &real,    true,  Google, Err(Unreached::NotEncrypted)),
            (None,  &sandbox, true,  Google, Ok(())),
            (https, &none,    true,  Google, Err(Unreached::NotSetUp)),
            (https, &real,    false, Google, Err(Unreached::TurnedOff)),
            (https, &real,    true,  Caldav, Err(Unreached::Never)),
        ];
        for (public, vendors, push, provider, expected) in table {
            let way_in = way_in(public, vendors, push);
            assert_eq!(
                way_in.reached_by(provider),
                expected,
                "{public:?} {push} {provider:?}"
            );
            let listed = way_in.reached().contains(&provider);
            assert_eq!(listed, expected.is_ok());
        }
    }

    #[test]
    fn a_hook_is_given_out_once_and_known_by_hashes() {
        let way_in = way_in(
            Some("https://kalends.example.com"),
            &vendors("https://api.example.com"),
            true,
        );
        let one = way_in.fresh(ProviderKind::Google).unwrap();
        let two = way_in.fresh(ProviderKind::Google).unwrap();
        assert_ne!(one.key, two.key);
        assert_ne!(one.token_hash, two.token_hash);
        let key = one
            .address
            .strip_prefix("https://kalends.example.com/api/hooks/google/")
            .and_then(|rest| rest.strip_suffix('/'))
            .unwrap();
        assert_eq!(credentials::hash(Kind::Hook, key), Some(one.key.0));
        let token = one.token.expose();
        assert_eq!(
            credentials::hash(Kind::Channel, token),
            Some(one.token_hash.0)
        );
        assert!(token.len() <= 128, "Graph takes no longer one");
        assert!(!format!("{one:?}").contains(token));
    }
}
