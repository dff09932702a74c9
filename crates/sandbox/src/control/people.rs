//! Who lives in the world, and what they are given: accounts, passwords, tokens.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use super::{Face, Provider, grants};
use crate::microsoft;
use crate::oauth::{Client, Holder, Oauth, Person};
use crate::world::{Account, World};

/// Where somebody lives of whom nothing else is said.
const ZONE_DEFAULT: &str = "Europe/Berlin";

/// What a token may be used for of which nothing else is said.
pub(super) const GOOGLE_SCOPES: [&str; 3] = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/calendar",
];
/// The same at Microsoft.
pub(super) const MICROSOFT_SCOPES: [&str; 4] = [
    "openid",
    "User.Read",
    "Calendars.ReadWrite",
    "offline_access",
];

/// Somebody to be added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Newcomer {
    face: Face,
    /// The mail address; at CalDAV the user name.
    user: String,
    name: Option<String>,
    password: Option<String>,
    time_zone: Option<String>,
}

/// Somebody who shall have another password.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    face: Face,
    user: String,
    /// Unless it is said, one is made up.
    password: Option<String>,
}

/// A token to be given out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenWanted {
    face: Provider,
    user: String,
    client: Option<String>,
    scopes: Option<Vec<String>>,
}

/// Somebody to be added to a world, whose password the world makes up unless it is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident<'a> {
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) zone: &'a str,
    pub(crate) password: Option<&'a str>,
}

/// `GET /_sandbox/users`.
pub(super) fn list(world: &World) -> Done {
    let google = world.google.accounts.values().map(|account| {
        let calendars: Vec<Value> = account
            .list
            .iter()
            .filter(|(_, entry)| !entry.deleted)
            .filter_map(|(id, _)| world.google.calendars.get(id))
            .map(|calendar| json!({ "id": calendar.id, "name": calendar.summary }))
            .collect();
        let mut shown = show_person(&world.google.oauth, &account.email);
        shown["user"] = account.email.clone().into();
        shown["name"] = account.name.clone().into();
        shown["time_zone"] = account.time_zone.clone().into();
        shown["calendars"] = calendars.into();
        shown
    });
    let microsoft = world.microsoft.mailboxes().map(|mailbox| {
        let email = &mailbox.owner.address;
        let calendars = world.microsoft.calendars(email).unwrap_or_default();
        let calendars: Vec<Value> = calendars
            .iter()
            .map(|calendar| json!({ "id": calendar["id"], "name": calendar["name"] }))
            .collect();
        let mut shown = show_person(&world.microsoft.oauth, email);
        shown["user"] = email.clone().into();
        shown["name"] = mailbox.owner.name.clone().into();
        shown["time_zone"] = mailbox.zone.name.as_ref().into();
        shown["calendars"] = calendars.into();
        shown
    });
    let caldav = world.accounts.values().map(|account| {
        let calendars: Vec<Value> = account
            .collections
            .iter()
            .map(|(slug, collection)| json!({ "id": slug, "name": collection.name }))
            .collect();
        json!({
            "user": account.user,
            "password": account.password,
            "addresses": account.addresses,
            "calendars": calendars,
        })
    });
    let clients =
        |oauth: &Oauth| -> Vec<Value> { oauth.clients.values().map(show_client).collect() };
    Done::ok(json!({
        "google": { "users": google.collect::<Vec<_>>(), "clients": clients(&world.google.oauth) },
        "microsoft": { "users": microsoft.collect::<Vec<_>>(), "clients": clients(&world.microsoft.oauth) },
        "caldav": { "users": caldav.collect::<Vec<_>>() },
    }))
}

fn show_person(oauth: &Oauth, email: &str) -> Value {
    let person = oauth.people.get(email);
    json!({
        "password": person.map(|person| &person.password),
        "subject": person.map(|person| &person.subject),
        "obstacle": oauth.obstacle(email).map(|obstacle| format!("{obstacle:?}")),
    })
}

fn show_client(client: &Client) -> Value {
    let secrets: Vec<&String> = client.secrets.iter().map(|secret| &secret.text).collect();
    json!({
        "id": client.id,
        "name": client.name,
        "secrets": secrets,
        "redirects": client.redirects,
    })
}

/// `POST /_sandbox/users`.
pub(super) fn add(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let new: Newcomer = asked.read()?;
    let taken = match new.face {
        Face::Google => world
            .google
            .accounts
            .contains_key(&new.user.to_ascii_lowercase()),
        Face::Microsoft => world.microsoft.calendars(&new.user).is_ok(),
        Face::Caldav => world.accounts.contains_key(&new.user),
    };
    if taken {
        return Err(Refused::field("user", "There is such a user already."));
    }
    let is_address = new.user.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if new.face != Face::Caldav && !is_address {
        return Err(Refused::field("user", "A mail address is wanted."));
    }
    if new.user.is_empty() || new.user.contains('/') {
        return Err(Refused::field("user", "A name is wanted, without a slash."));
    }
    let resident = Resident {
        email: &new.user,
        name: new.name.as_deref().unwrap_or(&new.user),
        zone: new.time_zone.as_deref().unwrap_or(ZONE_DEFAULT),
        password: new.password.as_deref(),
    };
    let password = match new.face {
        Face::Google => world.settle_google(resident, asked.now),
        Face::Microsoft => world.settle_microsoft(resident),
        Face::Caldav => Ok(world.settle_caldav(resident)),
    };
    let password = password.map_err(|error| Refused::field("time_zone", error))?;
    Ok(Done::made(
        json!({ "user": new.user, "password": password }),
    ))
}

impl World {
    /// Gives somebody an account at Google, and returns the password. Fails where the zone is none.
    pub(crate) fn settle_google(
        &mut self,
        who: Resident<'_>,
        now: Timestamp,
    ) -> Result<String, String> {
        if kalends_calendar::zone::iana(who.zone).is_none() {
            return Err(format!("There is no time zone {:?}.", who.zone));
        }
        let person = self.google.oauth.newcomer(who);
        self.google.add_account(who.email, who.name, who.zone, now);
        Ok(person)
    }

    /// Gives somebody a mailbox at Microsoft, and returns the password. Fails where the zone is none.
    pub(crate) fn settle_microsoft(&mut self, who: Resident<'_>) -> Result<String, String> {
        let account = microsoft::Account {
            email: who.email,
            name: who.name,
            time_zone: who.zone,
        };
        let person = self.microsoft.oauth.newcomer(who);
        let made = self.microsoft.add_account(account);
        if made.is_err() {
            self.microsoft.oauth.people.remove(who.email);
            return Err(format!("There is no time zone {:?}.", who.zone));
        }
        Ok(person)
    }

    /// Gives somebody a CalDAV account with a calendar, and returns the password. The mail address is the user name's
    /// where that is one.
    pub(crate) fn settle_caldav(&mut self, who: Resident<'_>) -> String {
        let mut account = Account::new(who.email);
        if who.email.contains('@') {
            account.addresses = vec![who.email.to_owned()];
        }
        account.password = who
            .password
            .map_or_else(|| self.google.oauth.made_up(), str::to_owned);
        let password = account.password.clone();
        account.add_collection("work");
        if let Some(work) = account.collections.get_mut("work") {
            "Work".clone_into(&mut work.name);
        }
        self.add_account(account);
        password
    }
}

impl Oauth {
    /// Registers somebody new, and returns the password.
    fn newcomer(&mut self, who: Resident<'_>) -> String {
        let password = who.password.map_or_else(|| self.made_up(), str::to_owned);
        // Subjects are numbers at Google, and at Microsoft whatever is unique.
        let subject = format!("{}", 1001 + self.people.len());
        self.register(Person {
            email: who.email.to_owned(),
            name: who.name.to_owned(),
            password: password.clone(),
            subject,
        });
        password
    }
}

/// `POST /_sandbox/users/password`: Google ends refresh tokens for mail by it, Microsoft those of programs without a secret.
pub(super) fn change_password(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let new: NewPassword = asked.read()?;
    let password = match new.password {
        Some(password) => password,
        None => world.google.oauth.made_up(),
    };
    let provider = match new.face {
        Face::Google => Provider::Google,
        Face::Microsoft => Provider::Microsoft,
        Face::Caldav => {
            let account = world.accounts.get_mut(&new.user);
            let account =
                account.ok_or_else(|| Refused::unknown("user", "There is no such user."))?;
            account.password.clone_from(&password);
            return Ok(Done::ok(json!({ "password": password })));
        }
    };
    grants::known(world, provider, &new.user)?.change_password(&new.user, &password);
    Ok(Done::ok(json!({ "password": password })))
}

/// `POST /_sandbox/tokens`: what a consent would have led to, without a browser.
pub(super) fn give_tokens(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let wanted: TokenWanted = asked.read()?;
    let (oauth, usual): (&mut Oauth, &[&str]) = match wanted.face {
        Provider::Google => (&mut world.google.oauth, &GOOGLE_SCOPES),
        Provider::Microsoft => (&mut world.microsoft.oauth, &MICROSOFT_SCOPES),
    };
    if !oauth.people.contains_key(&wanted.user) {
        return Err(Refused::unknown("user", "There is no such user."));
    }
    let client = match wanted.client {
        Some(client) if oauth.clients.contains_key(&client) => client,
        Some(_) => return Err(Refused::unknown("client", "There is no such client.")),
        None => match oauth.clients.keys().next() {
            Some(first) => first.clone(),
            None => return Err(Refused::unknown("client", "There is no client.")),
        },
    };
    let scopes: Vec<&str> = match &wanted.scopes {
        Some(scopes) => scopes.iter().map(String::as_str).collect(),
        None => usual.to_vec(),
    };
    let holder = Holder {
        email: wanted.user,
        client,
    };
    let pair = oauth.issue_offline(&holder, &scopes, asked.now);
    Ok(Done::made(json!({
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "client": holder.client,
        "expires_in": crate::oauth::ACCESS_GOOD_FOR.as_secs(),
    })))
}
