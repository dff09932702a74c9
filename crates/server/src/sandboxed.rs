//! The emulator behind a port: accounts at CalDAV, Google and Microsoft to try things with, that no one else has.

mod crowd;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Request, Response};
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use kalends_calendar::seams::Clock;
use kalends_providers::oauth::Vendor;
use kalends_providers::oauth::oidc::RelyingParty;
use kalends_sandbox::google::Visit;
use kalends_sandbox::microsoft;
use kalends_sandbox::oauth::{Client, Oauth, Person};
use kalends_sandbox::world::{Account, Upload};
use kalends_sandbox::{Place, World, seed};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::SignIn;
use crate::credentials::{self, Kind};

/// What the tokens may do that are given out to whoever starts the demo.
const GOOGLE_SCOPES: [&str; 3] = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/calendar",
];
const MICROSOFT_SCOPES: [&str; 3] = ["openid", "User.Read", "Calendars.ReadWrite"];

/// More than any client of ours sends.
const BODY_BYTES_MAX: usize = 32 << 20;
/// How many events each account begins with.
const EVENTS: usize = 40;

/// The name of Kalends at the sandbox's Google and Microsoft.
const CLIENT_ID: &str = "kalends-demo";

/// Who has an account at Google.
const AT_GOOGLE: [(&str, &str); 2] = [
    ("ann@example.com", "Ann Albers"),
    ("ben@example.com", "Ben Brandt"),
];
/// Who has one at Microsoft.
const AT_MICROSOFT: [(&str, &str); 2] = [
    ("ann@contoso.example", "Ann Albers"),
    ("ben@contoso.example", "Ben Brandt"),
];

/// Where they live.
const ZONE: &str = "Europe/Berlin";
/// What is in their calendars: a title, and the rule of what repeats.
const HELD: [(&str, Option<&str>); 3] = [
    ("Team meeting", Some("FREQ=WEEKLY;BYDAY=MO;COUNT=8")),
    ("Interview", None),
    ("Visit to the tax adviser", None),
];

/// A world behind a port.
pub(crate) struct Sandboxed {
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    users: Vec<(String, SecretString)>,
    google: Directory,
    microsoft: Directory,
    address: SocketAddr,
}

/// Who lives at Google or Microsoft, and what Kalends is there.
struct Directory {
    client_secret: SecretString,
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
    fn new(
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

    fn told(&self, base: &str) -> Value {
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

#[derive(Clone)]
struct Face {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    asked: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Face {
    fn count(&self, path: &str) {
        let first = path.trim_start_matches('/').split('/').next();
        let of = ["google", "microsoft"]
            .into_iter()
            .find(|name| first == Some(name));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked.entry(of.unwrap_or("caldav")).or_default() += 1;
    }
}

/// Where it tells how many requests each face had: for who measures.
const COUNTS: &str = "/requests";

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

    /// Puts many events into the calendars of the first person at Google and at Microsoft.
    pub(crate) fn crowd(&self, events: u32, now: Timestamp) -> Result<()> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        crowd::fill(&mut world, (AT_GOOGLE[0].0, AT_MICROSOFT[0].0), events, now)
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

    /// Answers until told to stop.
    pub(crate) async fn serve(
        self,
        clock: Arc<dyn Clock>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let face = Face {
            world: self.world,
            clock,
            asked: Arc::default(),
        };
        let routes = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(face);
        axum::serve(self.listener, routes)
            .with_graceful_shutdown(stop)
            .await
            .context("the sandbox")
    }
}

/// Gives everybody at Google and Microsoft a calendar with something in it.
fn settle(world: &mut World, now: Timestamp) -> Result<()> {
    for (email, name) in AT_GOOGLE {
        world.google.add_account(email, name, ZONE, now);
        for (title, rule) in HELD {
            let recurrence: Vec<String> = rule
                .map(|rule| format!("RRULE:{rule}"))
                .into_iter()
                .collect();
            let event = json!({
                "summary": title,
                "start": { "dateTime": "2026-11-30T09:00:00", "timeZone": ZONE },
                "end": { "dateTime": "2026-11-30T09:45:00", "timeZone": ZONE },
                "recurrence": recurrence,
            });
            world
                .google
                .create_event(Visit::primary(email), &event, now)
                .map_err(|refusal| anyhow!("the sandbox's Google: {refusal:?}"))?;
        }
    }
    for (email, name) in AT_MICROSOFT {
        let refused = |refusal| anyhow!("the sandbox's Microsoft: {refusal:?}");
        let calendar = world
            .microsoft
            .add_account(microsoft::Account {
                email,
                name,
                time_zone: ZONE,
            })
            .map_err(refused)?;
        for (title, rule) in HELD {
            let mut event = json!({
                "subject": title,
                "start": { "dateTime": "2026-11-30T11:00:00", "timeZone": ZONE },
                "end": { "dateTime": "2026-11-30T11:30:00", "timeZone": ZONE },
            });
            if rule.is_some() {
                event["recurrence"] = json!({
                    "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday" },
                    "range": { "type": "numbered", "startDate": "2026-11-30", "numberOfOccurrences": 8 },
                });
            }
            world
                .microsoft
                .as_user_create(email, &calendar, &event, now)
                .map_err(refused)?;
        }
    }
    Ok(())
}

/// An account with a calendar of events such as people have, and an empty one.
fn add(
    world: &mut World,
    number: usize,
    user: &str,
    password: &str,
    clock: &dyn Clock,
) -> Result<()> {
    let mut account = Account::new(user);
    password.clone_into(&mut account.password);
    let work = account.add_collection("work");
    account.add_collection("private");
    world.add_account(account);
    for (slug, name) in [("work", "Work"), ("private", "Private")] {
        let place = Place {
            user: user.to_owned(),
            collection: slug.to_owned(),
        };
        name.clone_into(&mut world.collection_mut(&place)?.name);
    }
    let seed = u64::try_from(number)?.saturating_add(1);
    for (index, text) in seed::populate(seed, EVENTS).iter().enumerate() {
        let name = format!("{index}.ics");
        let upload = Upload { name: &name, text };
        world.put(&work, upload, clock.now())?;
    }
    Ok(())
}

async fn answer(State(face): State<Face>, request: Request<Body>) -> Response<Body> {
    if request.uri().path() == COUNTS {
        let counts = json!(*face.asked.lock().unwrap_or_else(PoisonError::into_inner)).to_string();
        let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
        return (json, counts).into_response();
    }
    face.count(request.uri().path());
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .unwrap_or_else(|_| Bytes::new());
    let request = Request::from_parts(parts, body);
    let now = face.clock.now();
    let mut world = face.world.lock().unwrap_or_else(PoisonError::into_inner);
    let response = kalends_sandbox::handle(&mut world, &request, now);
    // Nobody reads them here, and it may run for long.
    world.requests.clear();
    world.mails.clear();
    response.map(Body::from)
}
