//! The emulator behind a port: accounts at CalDAV, Google and Microsoft to try things with, that no one else has.

mod crowd;
mod deliver;
mod directory;
mod line;
mod serve;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::seams::Clock;
use kalends_providers::oauth::Vendor;
use kalends_providers::oauth::oidc::RelyingParty;
use kalends_sandbox::World;
use kalends_sandbox::google::UnknownNames;
use kalends_sandbox::oauth::Oauth;
use kalends_sandbox::seed::Seed;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::SignIn;
use directory::{CLIENT_ID, Directory, GOOGLE_SCOPES, MICROSOFT_SCOPES};

pub(crate) use tls::Tls;

/// How long after a change the providers tell of it where they are quick.
const PUSH_SOON: SignedDuration = SignedDuration::from_millis(300);

/// A world behind a port.
pub(crate) struct Sandboxed {
    listener: TcpListener,
    tls: Option<Tls>,
    world: Arc<Mutex<World>>,
    users: Vec<(String, SecretString)>,
    google: Directory,
    microsoft: Directory,
    address: SocketAddr,
}

/// How a world begins.
pub(crate) enum Beginning {
    /// With people and calendars that are the same on the same day, and with passwords that nobody knows yet.
    Planted(Seed),
    /// Where it ended once.
    Saved(Box<World>),
}

/// A world that is served by somebody else, to be saved when that is over.
pub(crate) struct Served(Arc<Mutex<World>>);

impl Served {
    /// The world as a file.
    pub(crate) fn file(&self) -> Result<Vec<u8>> {
        let world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(world.save()?)
    }
}

impl Sandboxed {
    /// Makes a world and takes a port, which speaks HTTPS where there is something to speak it with.
    pub(crate) async fn open(
        on: SocketAddr,
        tls: Option<Tls>,
        beginning: Beginning,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let listener = TcpListener::bind(on)
            .await
            .with_context(|| format!("cannot listen on {on}"))?;
        let address = listener.local_addr()?;
        let origin = origin(tls.as_ref(), address);
        let mut world = match beginning {
            Beginning::Planted(seed) => planted(seed, &origin, clock)?,
            Beginning::Saved(world) => *world,
        };
        world.origin = origin;
        // Whoever subscribes here listens on this machine, without a certificate.
        world.google.switches.channels.https_required = false;
        let now = world.time(clock.now());
        let google = Directory::new(&mut world.google.oauth, &GOOGLE_SCOPES, now)?;
        let microsoft = Directory::new(&mut world.microsoft.oauth, &MICROSOFT_SCOPES, now)?;
        let users = world.accounts.values();
        let users = users.map(|account| (account.user.clone(), account.password.clone().into()));
        Ok(Self {
            listener,
            tls,
            users: users.collect(),
            world: Arc::new(Mutex::new(world)),
            google,
            microsoft,
            address,
        })
    }

    /// The world, to be saved when it is served no more.
    pub(crate) fn world(&self) -> Served {
        Served(Arc::clone(&self.world))
    }

    /// Its address and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes its Google refuse whatever its Discovery document has no name for, as its Microsoft does in any case: where
    /// only Kalends asks, such a name is a mistake of ours.
    pub(crate) fn refuse_unknown_names(&self) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.google.switches.unknown_names = UnknownNames::Refused;
    }

    /// Makes its Google and its Microsoft tell of a change as soon as both do at their best: who tries things is watching.
    pub(crate) fn push_soon(&self) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.google.switches.channels.change_delay = PUSH_SOON;
        world.microsoft.switches.push_delay = PUSH_SOON;
    }

    /// Lets Google and Microsoft send people back to Kalends at this address.
    pub(crate) fn send_back_to(&self, api: &str) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let world = &mut *world;
        for (oauth, vendor) in [
            (&mut world.google.oauth, Vendor::Google),
            (&mut world.microsoft.oauth, Vendor::Microsoft),
        ] {
            if let Some(client) = oauth.clients.get_mut(CLIENT_ID) {
                let redirect = format!("{api}/api/oauth/{}/callback/", vendor.word());
                client.redirects.insert(redirect);
                client
                    .redirects
                    .insert(format!("{api}/api/session/oidc/callback/"));
            }
        }
    }

    /// Puts many events into the calendars of the first person at Google and at Microsoft.
    pub(crate) fn crowd(&self, events: u32, now: Timestamp) -> Result<()> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let first = |oauth: &Oauth| oauth.people.values().next().map(|one| one.email.clone());
        let (at_google, at_microsoft) = (first(&world.google.oauth), first(&world.microsoft.oauth));
        match (at_google, at_microsoft) {
            (Some(google), Some(microsoft)) => {
                crowd::fill(&mut world, (&google, &microsoft), events, now)
            }
            _ => Err(anyhow!("nobody lives there whose calendar could be filled")),
        }
    }

    /// What Kalends is at the sandbox's Google or Microsoft: its name and its password.
    pub(crate) fn client(&self, vendor: Vendor) -> (String, SecretString) {
        let secret = match vendor {
            Vendor::Google => &self.google.client_secret,
            Vendor::Microsoft => &self.microsoft.client_secret,
        };
        (CLIENT_ID.to_owned(), secret.clone())
    }

    /// Its Google as an OpenID provider at which people sign in.
    pub(crate) fn sign_in(&self) -> SignIn {
        SignIn {
            party: RelyingParty {
                issuer: format!("{}google", self.base()),
                client_id: CLIENT_ID.to_owned(),
                client_secret: self.google.client_secret.clone(),
            },
            name: "Google (sandbox)".to_owned(),
        }
    }

    /// Where it is, and who lives there.
    pub(crate) fn told(&self) -> Value {
        let mut told = json!({
            "google": self.google.told(&format!("{}google", self.base())),
            "microsoft": self.microsoft.told(&format!("{}microsoft", self.base())),
            "caldav": self.told_caldav(),
        });
        if let Some(authority) = self.authority() {
            told["authority"] = json!(authority);
        }
        told
    }

    fn told_caldav(&self) -> Value {
        let users: Vec<Value> = self
            .users
            .iter()
            .map(|(user, password)| json!({ "user": user, "password": password.expose_secret() }))
            .collect();
        json!({ "base": self.base(), "users": users })
    }

    /// Its address.
    pub(crate) fn base(&self) -> String {
        format!("{}/", origin(self.tls.as_ref(), self.address))
    }

    /// The certificate to trust, where it speaks HTTPS.
    pub(crate) fn authority(&self) -> Option<&Path> {
        self.tls.as_ref().map(Tls::authority)
    }

    /// Who lives there, with their passwords.
    pub(crate) fn users(&self) -> &[(String, SecretString)] {
        &self.users
    }
}

/// How its own addresses begin.
fn origin(tls: Option<&Tls>, address: SocketAddr) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// A new world from a seed.
fn planted(seed: Seed, origin: &str, clock: &dyn Clock) -> Result<World> {
    let chance = || getrandom::u64().map_err(|error| anyhow!("no randomness: {error}"));
    let mut world = World::new(origin);
    world.google.oauth.reseed(chance()?);
    world.microsoft.oauth.reseed(chance()?);
    seed.plant(&mut world, clock.now())?;
    Ok(world)
}
