//! The emulator behind a port: CalDAV accounts to try things with, that no one else has.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Request, Response};
use kalends_calendar::seams::Clock;
use kalends_sandbox::world::{Account, Upload};
use kalends_sandbox::{Place, World, seed};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::credentials::{self, Kind};

/// More than any client of ours sends.
const BODY_BYTES_MAX: usize = 32 << 20;
/// How many events each account begins with.
const EVENTS: usize = 40;

/// A world behind a port.
pub(crate) struct Sandboxed {
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    users: Vec<(String, SecretString)>,
    address: SocketAddr,
}

#[derive(Clone)]
struct Face {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
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
        Ok(Self {
            listener,
            world: Arc::new(Mutex::new(world)),
            users: known,
            address,
        })
    }

    /// Where it is, and who lives there.
    pub(crate) fn told(&self) -> Value {
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
