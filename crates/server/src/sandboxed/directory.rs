//! Who lives at the sandbox's Google and Microsoft, and what Kalends is there.

use anyhow::{Result, anyhow};
use kalends_calendar::seams::Clock;
use kalends_sandbox::oauth::{Client, Oauth, Person};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::credentials::{self, Kind};

/// What the tokens may do that are given out to whoever starts the demo.
pub(super) const GOOGLE_SCOPES: [&str; 3] = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/calendar",
];
pub(super) const MICROSOFT_SCOPES: [&str; 3] = ["openid", "User.Read", "Calendars.ReadWrite"];

/// The name of Kalends at the sandbox's Google and Microsoft.
pub(super) const CLIENT_ID: &str = "kalends-demo";

/// Who lives at Google or Microsoft, and what Kalends is there.
pub(super) struct Directory {
    pub(super) client_secret: SecretString,
    people: Vec<Resident>,
}

/// Somebody with an account there.
struct Resident {
    email: &'static str,
    password: SecretString,
    access_token: String,
}

impl Directory {
    /// Lets people and Kalends in.
    pub(super) fn new(
        oauth: &mut Oauth,
        people: &[(&'static str, &'static str)],
        scopes: &[&str],
        clock: &dyn Clock,
    ) -> Result<Self> {
        let client_secret = credentials::fresh(Kind::Token)?.secret;
        let mut client = Client::web(CLIENT_ID, client_secret.expose_secret(), "");
        "Kalends (demo)".clone_into(&mut client.name);
        client.redirects.clear();
        oauth.reseed(getrandom::u64().map_err(|error| anyhow!("no randomness: {error}"))?);
        oauth.register_client(client);
        let mut known = Vec::new();
        for (number, (email, name)) in (1001..).zip(people) {
            let password = credentials::fresh(Kind::Token)?.secret;
            oauth.register(Person {
                email: (*email).to_owned(),
                name: (*name).to_owned(),
                password: password.expose_secret().to_owned(),
                subject: format!("{number}"),
            });
            known.push(Resident {
                email,
                password,
                access_token: oauth.issue(email, CLIENT_ID, scopes, clock.now()),
            });
        }
        Ok(Self {
            client_secret,
            people: known,
        })
    }

    pub(super) fn told(&self, base: &str) -> Value {
        let users: Vec<Value> = self
            .people
            .iter()
            .map(|person| {
                json!({
                    "email": person.email,
                    "password": person.password.expose_secret(),
                    "access_token": person.access_token,
                })
            })
            .collect();
        json!({
            "base": base,
            "client_id": CLIENT_ID,
            "client_secret": self.client_secret.expose_secret(),
            "users": users,
        })
    }
}
