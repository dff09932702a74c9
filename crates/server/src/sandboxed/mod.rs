//! The emulator behind a port: accounts at CalDAV, Google and Microsoft to try things with, that no one else has.

mod deliver;
mod demo;
mod directory;
mod line;
mod serve;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use kalends_calendar::seams::Clock;
use kalends_providers::oauth::Vendor;
use kalends_providers::oauth::oidc::RelyingParty;
use kalends_sandbox::World;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::SignIn;
use crate::credentials::{self, Kind};
use demo::{AT_GOOGLE, AT_MICROSOFT, add, settle};
use directory::{CLIENT_ID, Directory, GOOGLE_SCOPES, MICROSOFT_SCOPES};

/// A world behind a port.
pub(crate) struct Sandboxed {
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    users: Vec<(String, SecretString)>,
    google: Directory,
    microsoft: Directory,
    address: SocketAddr,
}

impl Sandboxed {
    /// Makes a world with these users and takes a port.
    pub(crate) async fn open(on: SocketAddr, users: &[&str], clock: &dyn Clock) -> Result<Self> {
        let listener = TcpListener::bind(on)
            .await
            .with_context(|| format!("cannot listen on {on}"))?;
        let address = listener.local_addr()?;
        let mut world = World::new(&format!("http://{address}"));
        let mut known = Vec::new();
        for (number, user) in users.iter().enumerate() {
            let password = credentials::fresh(Kind::Token)?.secret;
            add(&mut world, number, user, password.expose_secret(), clock)?;
            known.push(((*user).to_owned(), password));
        }
        let google = Directory::new(&mut world.google.oauth, &AT_GOOGLE, &GOOGLE_SCOPES, clock)?;
        let microsoft = Directory::new(
            &mut world.microsoft.oauth,
            &AT_MICROSOFT,
            &MICROSOFT_SCOPES,
            clock,
        )?;
        settle(&mut world, clock.now())?;
        // Whoever subscribes here listens on this machine, without a certificate.
        world.google.switches.channels.https_required = false;
        Ok(Self {
            listener,
            world: Arc::new(Mutex::new(world)),
            users: known,
            google,
            microsoft,
            address,
        })
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
        json!({
            "google": self.google.told(&format!("{}google", self.base())),
            "microsoft": self.microsoft.told(&format!("{}microsoft", self.base())),
            "caldav": self.told_caldav(),
        })
    }

    fn told_caldav(&self) -> Value {
        let users: Vec<Value> = self
            .users
            .iter()
            .map(|(user, password)| json!({ "user": user, "password": password.expose_secret() }))
            .collect();
        json!({ "base": format!("http://{}/", self.address), "users": users })
    }

    /// Its address.
    pub(crate) fn base(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Who lives there, with their passwords.
    pub(crate) fn users(&self) -> &[(String, SecretString)] {
        &self.users
    }
}
