//! The sandbox's pushes on their way out: Google's messages and Graph's notifications, sent as both send them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::SignedDuration;
use kalends_calendar::seams::Clock;
use kalends_providers::http::guard::Guard;
use kalends_providers::http::{HttpSettings, HttpTransport, Limits, Request, Transport};
use kalends_sandbox::World;
use kalends_sandbox::control::Parcel;
use kalends_sandbox::microsoft::Delivered;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

/// How often it is looked whether something has become due.
const LOOKED_EVERY: Duration = Duration::from_millis(200);

/// How many pushes are on their way at a time. A receiver that hangs holds up to ten seconds each.
const IN_FLIGHT_MAX: usize = 32;

/// A validation token given back fits in this many bytes; of other answers nothing is read but the status.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// What sends the pushes of a world.
#[derive(Clone)]
pub(super) struct Courier {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
    /// Woken when a request may have made something due.
    pub(super) woken: Arc<Notify>,
}

/// What an address answered, as it came.
pub(super) struct Answered {
    status: Option<u16>,
    content_type: String,
    body: String,
    took: SignedDuration,
}

impl Answered {
    pub(super) fn as_told(&self) -> Delivered<'_> {
        Delivered {
            status: self.status,
            content_type: &self.content_type,
            body: &self.body,
            took: self.took,
        }
    }
}

impl Courier {
    /// One that sends to any address but the metadata services of clouds: subscribers to a sandbox are on this machine.
    pub(super) fn new(world: Arc<Mutex<World>>, clock: Arc<dyn Clock>) -> Result<Self> {
        let settings = HttpSettings {
            guard: Guard::open_to_private(),
            user_agent: "Kalends-Sandbox".to_owned(),
            extra_roots_pem: None,
        };
        let transport = HttpTransport::new(&settings).context("the sandbox's way out")?;
        Ok(Self {
            world,
            clock,
            transport: Arc::new(transport),
            woken: Arc::default(),
        })
    }

    /// Sends whatever becomes due, until it is dropped.
    pub(super) async fn run(self) {
        let room = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let mut under_way = JoinSet::new();
        loop {
            // Early on a change, and else now and then: most of what is due was made some time ago.
            tokio::select! {
                () = self.woken.notified() => {}
                () = self.clock.sleep(LOOKED_EVERY) => {}
            }
            while under_way.try_join_next().is_some() {}
            for parcel in self.due() {
                let (courier, room) = (self.clone(), Arc::clone(&room));
                under_way.spawn(async move {
                    // It is never closed.
                    let _permit = room.acquire_owned().await;
                    let answered = courier.send(&parcel).await;
                    let mut world = courier.world.lock().unwrap_or_else(PoisonError::into_inner);
                    let now = courier.clock.now();
                    // Nobody waits for what was made outside of a request.
                    let _ = world.report_push(parcel, &answered.as_told(), now);
                });
            }
        }
    }

    fn due(&self) -> Vec<Parcel> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.due_pushes(self.clock.now())
    }

    /// Sends one push and reads what is answered. Without an answer there is no status.
    pub(super) async fn send(&self, parcel: &Parcel) -> Answered {
        let begun = self.clock.now();
        let mut answered = match request(parcel) {
            Some(request) => self.ask(request).await,
            None => Answered::nothing(),
        };
        answered.took = self.clock.now().duration_since(begun);
        answered
    }

    async fn ask(&self, request: Request) -> Answered {
        let Ok(response) = self.transport.send(request).await else {
            return Answered::nothing();
        };
        let content_type = response.headers.get(header::CONTENT_TYPE);
        Answered {
            status: Some(response.status.as_u16()),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            body: String::from_utf8_lossy(&response.body).into_owned(),
            took: SignedDuration::ZERO,
        }
    }
}

impl Answered {
    fn nothing() -> Self {
        Self {
            status: None,
            content_type: String::new(),
            body: String::new(),
            took: SignedDuration::ZERO,
        }
    }
}

/// The request for a push; none where its address or a header of it cannot be sent.
fn request(parcel: &Parcel) -> Option<Request> {
    let mut headers = HeaderMap::new();
    for (name, value) in &parcel.headers {
        let name: HeaderName = name.parse().ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(Request {
        method: Method::POST,
        url: parcel.address.parse().ok()?,
        headers,
        body: parcel.body.clone(),
        limits: Limits {
            body_bytes_max: ANSWER_BYTES_MAX,
            time_max: Duration::try_from(parcel.time_max).ok()?,
        },
    })
}
