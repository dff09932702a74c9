//! The world outside of tests: the sandbox's Google and Microsoft, over a wire that can be cut.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use axum::body::Bytes;
use kalends_calendar::seams::Clock;
use kalends_providers::http::{Metered, Request, Response, Transport, TransportError};
use kalends_providers::oauth::Vendor;
use kalends_sandbox::World;
use kalends_sandbox::oauth::{Client, Holder, Person};
use kalends_store::Store;

use super::{Hand, Stage};
use crate::accounts::Accounts;
use crate::budgets::Budgets;
use crate::config::Vendors;

/// Where it is.
const BASE: &str = "http://sandbox.example";
/// What Kalends is there.
const CLIENT: &str = "kalends";

/// The scopes of a calendar's consent at Google.
const SCOPES: [&str; 2] = ["openid", "https://www.googleapis.com/auth/calendar"];

/// The world outside.
pub(crate) struct Outside {
    clock: Arc<Hand>,
    world: Mutex<World>,
    wire: Mutex<Wire>,
    asked: Mutex<Vec<String>>,
}

/// How the way there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// As it should be.
    Whole,
    /// Nothing arrives there.
    Cut,
    /// What is asked is done, and no answer ever comes.
    Silent,
}

impl Outside {
    /// Google with these people, who type no password, and nobody else.
    pub(crate) fn new(clock: &Arc<Hand>, people: &[&str]) -> Arc<Self> {
        let mut world = World::new(BASE);
        let google = &mut world.google;
        google.oauth.switches.asks_passwords = false;
        let mut client = Client::web(CLIENT, "secret", "");
        client.redirects = ["http://127.0.0.1:8080/api/oauth/google/callback/".to_owned()].into();
        google.oauth.register_client(client);
        for (number, email) in (1001..).zip(people) {
            google.oauth.register(Person {
                email: (*email).to_owned(),
                name: (*email).to_owned(),
                password: String::new(),
                subject: number.to_string(),
            });
            google.add_account(email, email, "Europe/Berlin", clock.now());
        }
        Arc::new(Self {
            clock: Arc::clone(clock),
            world: Mutex::new(world),
            wire: Mutex::new(Wire::Whole),
            asked: Mutex::default(),
        })
    }

    /// Who opens connections there, for a node with this store.
    pub(crate) fn accounts(self: &Arc<Self>, stage: &Stage, store: Store) -> Accounts {
        let client = |_: Vendor| (CLIENT.to_owned(), "secret".into());
        Accounts {
            budgets: Budgets::new(store.clone(), Arc::clone(&stage.clock) as Arc<dyn Clock>),
            store,
            keys: Some(Arc::clone(&stage.keys)),
            transport: Arc::new(Metered::new(Arc::clone(self) as Arc<dyn Transport>)),
            clock: Arc::clone(&stage.clock) as Arc<dyn Clock>,
            vendors: Vendors::sandboxed(BASE, client).unwrap(),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// From now on the way there is like this.
    pub(crate) fn becomes(&self, wire: Wire) {
        *self.wire.lock().unwrap() = wire;
    }

    /// The paths that were asked for, in order, of those that end so.
    pub(crate) fn asked(&self, ending: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|path| path.ends_with(ending)).count()
    }

    /// A refresh token that somebody granted.
    pub(crate) fn grants(&self, email: &str) -> String {
        let now = self.clock.now();
        let oauth = &mut self.world().google.oauth;
        oauth.issue_offline(&holder(email), &SCOPES, now).refresh
    }

    /// How many refresh tokens of somebody are still good.
    pub(crate) fn alive(&self, email: &str) -> usize {
        let now = self.clock.now();
        let oauth = &self.world().google.oauth;
        oauth.live_refresh(&holder(email), now).len()
    }

    /// Allows all that a consent page asks for, as somebody; where the browser is sent next.
    pub(crate) fn consents(&self, page: &str, email: &str) -> url::Url {
        let page: url::Url = page.parse().unwrap();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in page.query_pairs() {
            form.append_pair(&name, &value);
            let scopes = value.split(' ').filter(|_| name == "scope");
            for scope in scopes {
                form.append_pair("granted", scope);
            }
        }
        form.append_pair("account", email);
        form.append_pair("decision", "allow");
        let request = axum::http::Request::post(page.path())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form.finish()))
            .unwrap();
        let answer = kalends_sandbox::handle(&mut self.world(), &request, self.clock.now());
        let location = answer.headers().get("location");
        let location = location.unwrap_or_else(|| panic!("{answer:?}"));
        location.to_str().unwrap().parse().unwrap()
    }
}

fn holder(email: &str) -> Holder {
    Holder {
        email: email.to_owned(),
        client: CLIENT.to_owned(),
    }
}

#[async_trait]
impl Transport for Outside {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let wire = *self.wire.lock().unwrap();
        if wire == Wire::Cut {
            let reason = "the wire is cut".to_owned();
            return Err(TransportError::NotSent { host, reason });
        }
        self.asked
            .lock()
            .unwrap()
            .push(request.url.path().to_owned());
        let mut asked = axum::http::Request::builder()
            .method(request.method)
            .uri(request.url.as_str())
            .body(request.body)
            .unwrap();
        *asked.headers_mut() = request.headers;
        let answer = kalends_sandbox::handle(&mut self.world(), &asked, self.clock.now());
        if wire == Wire::Silent {
            std::future::pending::<()>().await;
        }
        let (parts, body) = answer.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}
