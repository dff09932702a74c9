//! Who lives at the sandbox's Google or Microsoft, and what Kalends is there.

use anyhow::Result;
use jiff::Timestamp;
use kalends_sandbox::oauth::{Client, ClientKind, Oauth, Style};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::credentials::{self, Kind};

/// What the tokens may do that are given out to whoever starts the sandbox.
pub(super) const GOOGLE_SCOPES: [&str; 3] = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/calendar",
];
pub(super) const MICROSOFT_SCOPES: [&str; 3] = ["openid", "User.Read", "Calendars.ReadWrite"];

/// The name of Kalends at the sandbox's Google and Microsoft.
pub(super) const CLIENT_ID: &str = "kalends-demo";

/// The name there of a program on somebody's desk: other people's clients, unchanged but for the address.
const DESKTOP_ID: &str = "kalends-desktop";
/// Where such a program waits for its code, at any port of its machine. Libraries differ in the slash.
const DESKTOP_REDIRECTS: [&str; 4] = [
    "http://localhost",
    "http://localhost/",
    "http://127.0.0.1",
    "http://127.0.0.1/",
];

/// Who lives at Google or Microsoft, and what Kalends is there.
pub(super) struct Directory {
    pub(super) client_secret: SecretString,
    /// What a program on a desk shows there. Google gives such a program a secret that is none; Microsoft does not.
    desktop_secret: Option<SecretString>,
    people: Vec<Resident>,
}

/// Somebody with an account there.
struct Resident {
    email: String,
    password: SecretString,
    access_token: String,
}

impl Directory {
    /// Lets Kalends and the program on a desk in where they are not known yet, and gives a token of everybody's out.
    pub(super) fn new(oauth: &mut Oauth, scopes: &[&str], now: Timestamp) -> Result<Self> {
        let fresh = credentials::fresh(Kind::Token)?.secret;
        let mut client = Client::web(CLIENT_ID, fresh.expose_secret(), "");
        "Kalends (demo)".clone_into(&mut client.name);
        client.redirects.clear();
        let client_secret = admitted(oauth, client).unwrap_or(fresh);
        let fresh = match oauth.style {
            Style::Google => Some(credentials::fresh(Kind::Token)?.secret),
            Style::Microsoft => None,
        };
        let desktop_secret = admitted(oauth, desktop(fresh.as_ref()));
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
        Ok(Self {
            people: people.collect(),
            client_secret,
            desktop_secret,
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
            "desktop": {
                "client_id": DESKTOP_ID,
                "client_secret": self.desktop_secret.as_ref().map(ExposeSecret::expose_secret),
            },
            "users": users,
        })
    }
}

/// Lets a program in where it is not known yet: a world from a file knows it already. What it proves itself with, if it does.
fn admitted(oauth: &mut Oauth, client: Client) -> Option<SecretString> {
    let known = oauth.clients.entry(client.id.clone()).or_insert(client);
    known
        .secrets
        .first()
        .map(|secret| secret.text.clone().into())
}

/// A program on a desk.
fn desktop(secret: Option<&SecretString>) -> Client {
    let shown = secret.map(|secret| Client::web(DESKTOP_ID, secret.expose_secret(), ""));
    Client {
        name: "A program on your desk".to_owned(),
        kind: ClientKind::Native,
        redirects: DESKTOP_REDIRECTS.map(str::to_owned).into(),
        ..shown.unwrap_or_else(|| Client::public(DESKTOP_ID, ClientKind::Native, ""))
    }
}
