//! The kinds of servers there are, and how the engine and the oracle get at an account of each.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::event::Address;
use kalends_calendar::failure::Failure;
use kalends_calendar::provider::Provider;
use kalends_calendar::seams::Clock;
use kalends_calendar::time::ZoneId;
use kalends_providers::google::{Google, GoogleSettings};
use kalends_providers::graph::{Graph, GraphSettings};
use kalends_providers::http::Transport;
use kalends_providers::oauth::{Endpoints, Tokens, Vendor};
use kalends_sandbox::oauth::{self, Holder, Oauth, Pair, Secret};
use kalends_sandbox::{Chance, World};
use kalends_store::connections::ProviderKind;
use secrecy::SecretString;
use url::Url;

/// Where all servers are.
pub(crate) const ORIGIN: &str = "https://dav.test";

/// Who we are at the vendors, and how we prove it.
const CLIENT: &str = "kalends";
const SECRET: &str = "the operator's secret";

/// The zone of every account.
pub(crate) const HOME: &str = "Europe/Berlin";

/// What kind of server an account is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Face {
    Caldav,
    Google,
    Microsoft,
}

impl Face {
    /// A kind for one account of a mixed seed.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        *chance.pick(&[Self::Caldav, Self::Google, Self::Microsoft])
    }

    pub(crate) fn kind(self) -> ProviderKind {
        match self {
            Self::Caldav => ProviderKind::Caldav,
            Self::Google => ProviderKind::Google,
            Self::Microsoft => ProviderKind::Microsoft,
        }
    }

    pub(crate) fn of(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::Caldav | ProviderKind::Ics => Self::Caldav,
            ProviderKind::Google => Self::Google,
            ProviderKind::Microsoft => Self::Microsoft,
        }
    }

    /// Whose tokens open it; none where a password does.
    pub(crate) fn vendor(self) -> Option<Vendor> {
        match self {
            Self::Caldav => None,
            Self::Google => Some(Vendor::Google),
            Self::Microsoft => Some(Vendor::Microsoft),
        }
    }

    /// What a person is asked to consent to.
    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Caldav => &[],
            Self::Google => &[
                "openid",
                "email",
                "https://www.googleapis.com/auth/calendar.events",
                "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
            ],
            Self::Microsoft => &["openid", "email", "offline_access", "Calendars.ReadWrite"],
        }
    }

    /// The authorisation server of the face.
    pub(crate) fn oauth(self, world: &mut World) -> Option<&mut Oauth> {
        match self {
            Self::Caldav => None,
            Self::Google => Some(&mut world.google.oauth),
            Self::Microsoft => Some(&mut world.microsoft.oauth),
        }
    }
}

/// The mail address of a user, who is also called so at the vendors.
pub(crate) fn email(user: &str) -> String {
    format!("{user}@example.com")
}

/// Between whom a grant is.
pub(crate) fn holder(user: &str) -> Holder {
    Holder {
        email: email(user),
        client: CLIENT.to_owned(),
    }
}

/// A person consents, for the first time or anew.
pub(crate) fn consent(world: &mut World, face: Face, user: &str, now: Timestamp) -> Option<Pair> {
    let scopes = face.scopes();
    let oauth = face.oauth(world)?;
    Some(oauth.issue_offline(&holder(user), scopes, now))
}

/// Lets people and ourselves sign in at the vendors.
pub(crate) fn register(world: &mut World, face: Face, user: &str) {
    let Some(oauth) = face.oauth(world) else {
        return;
    };
    oauth.register(oauth::Person {
        email: email(user),
        name: user.to_owned(),
        password: String::new(),
        subject: format!("subject of {user}"),
    });
    oauth.register_client(oauth::Client {
        id: CLIENT.to_owned(),
        name: "Kalends".to_owned(),
        kind: oauth::ClientKind::Web,
        secrets: vec![Secret {
            text: SECRET.to_owned(),
            good_until: None,
        }],
        redirects: std::collections::BTreeSet::new(),
        publishing: oauth::Publishing::Production,
    });
}

/// What we are at a vendor's authorisation server.
pub(crate) fn client(vendor: Vendor) -> Result<kalends_providers::oauth::Client, Failure> {
    let (authorize, token, identity) = match vendor {
        Vendor::Google => ("google/o/oauth2/v2/auth", "google/token", "google/userinfo"),
        Vendor::Microsoft => (
            "microsoft/common/oauth2/v2.0/authorize",
            "microsoft/common/oauth2/v2.0/token",
            "microsoft/v1.0/me",
        ),
    };
    Ok(kalends_providers::oauth::Client {
        vendor,
        id: CLIENT.to_owned(),
        secret: SecretString::from(SECRET),
        endpoints: Endpoints {
            authorize: address(authorize)?,
            token: address(token)?,
            revoke: None,
            identity: address(identity)?,
        },
    })
}

fn address(path: &str) -> Result<Url, Failure> {
    format!("{ORIGIN}/{path}")
        .parse()
        .map_err(|_| Failure::protocol("an address of the simulation is none"))
}

/// An account at a vendor.
pub(crate) struct Door {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: Arc<dyn Tokens>,
    pub(crate) me: Vec<Address>,
}

impl Door {
    /// The real provider behind it.
    pub(crate) fn open(self, vendor: Vendor) -> Result<Arc<dyn Provider>, Failure> {
        Ok(match vendor {
            Vendor::Google => Arc::new(Google::new(
                self.transport,
                self.clock,
                self.tokens,
                GoogleSettings {
                    base: address("google/calendar/v3/")?,
                    me: self.me,
                },
            )),
            Vendor::Microsoft => {
                let settings = GraphSettings {
                    me: self.me,
                    floating_zone: ZoneId(HOME.to_owned()),
                    ..GraphSettings::new(address("microsoft/v1.0/")?)
                };
                let graph = Graph::new(self.transport, self.clock, self.tokens, settings);
                // One request at a time: with more, who runs next would be up to the database's thread.
                Arc::new(graph.with_in_flight(1))
            }
        })
    }
}

/// One token, which is good.
pub(crate) struct Pass(pub(crate) SecretString);

#[async_trait]
impl Tokens for Pass {
    async fn access(&self, _: Option<&SecretString>) -> Result<SecretString, Failure> {
        Ok(self.0.clone())
    }
}

/// A token for a look that leaves no trace.
pub(crate) fn pass(world: &mut World, face: Face, user: &str, now: Timestamp) -> Option<Pass> {
    let scopes = face.scopes();
    let oauth = face.oauth(world)?;
    let token = oauth.issue(&email(user), CLIENT, scopes, now);
    Some(Pass(SecretString::from(token)))
}
