//! Who lives at the sandbox's Google or Microsoft, and what Kalends is there.

use jiff::Timestamp;
use kalends_sandbox::oauth::{Client, Oauth};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// What the tokens may do that are given out to whoever starts the sandbox.
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
    email: String,
    password: SecretString,
    access_token: String,
}

impl Directory {
    /// Lets Kalends in where it is not known yet, and gives a token of everybody's out.
    pub(super) fn new(
        oauth: &mut Oauth,
        fresh_secret: SecretString,
        scopes: &[&str],
        now: Timestamp,
    ) -> Self {
        let known = oauth.clients.get(CLIENT_ID);
        let known = known.and_then(|client| client.secrets.first());
        let client_secret = known.map_or(fresh_secret, |secret| secret.text.clone().into());
        if !oauth.clients.contains_key(CLIENT_ID) {
            let mut client = Client::web(CLIENT_ID, client_secret.expose_secret(), "");
            "Kalends (demo)".clone_into(&mut client.name);
            client.redirects.clear();
            oauth.register_client(client);
        }
        let people: Vec<(String, String)> = oauth
            .people
            .values()
            .map(|person| (person.email.clone(), person.password.clone()))
            .collect();
        let people = people.into_iter().map(|(email, password)| Resident {
            access_token: oauth.issue(&email, CLIENT_ID, scopes, now),
            password: password.into(),
            email,
        });
        Self {
            people: people.collect(),
            client_secret,
        }
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
