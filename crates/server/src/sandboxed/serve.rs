//! The sandbox's port: requests come in, and the world answers.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{Request, Response};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use kalends_calendar::seams::Clock;
use kalends_sandbox::control::{self, Exchange, Parcel};
use kalends_sandbox::{Outcome, World};
use tokio::task::JoinSet;

use super::Sandboxed;
use super::deliver::Courier;
use super::line::{Lines, Scissors};

/// More than any client of ours sends.
const BODY_BYTES_MAX: usize = 32 << 20;

/// How long the first part of an answer that breaks off has to leave before the line goes dead.
const LEFT_WITHIN: Duration = Duration::from_millis(100);

#[derive(Clone)]
struct Face {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    courier: Courier,
}

impl Sandboxed {
    /// Answers until told to stop.
    pub(crate) async fn serve(
        self,
        clock: Arc<dyn Clock>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        // Only now everything is set that a reset must not lose.
        self.world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begin_here();
        let courier = Courier::new(Arc::clone(&self.world), Arc::clone(&clock))?;
        // What is on its way when the sandbox stops goes no further.
        let mut pushes = JoinSet::new();
        pushes.spawn(courier.clone().run());
        let face = Face {
            world: self.world,
            clock,
            courier,
        };
        let routes = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(face)
            .into_make_service_with_connect_info::<Scissors>();
        let served = match &self.tls {
            None => {
                let serving = axum::serve(Lines(self.listener), routes);
                serving.with_graceful_shutdown(stop).await
            }
            Some(tls) => {
                let serving = axum::serve(Lines(tls.over(self.listener)), routes);
                serving.with_graceful_shutdown(stop).await
            }
        };
        served.context("the sandbox")
    }
}

async fn answer(
    State(face): State<Face>,
    ConnectInfo(line): ConnectInfo<Scissors>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .unwrap_or_else(|_| Bytes::new());
    let request = Request::from_parts(parts, body);
    let Exchange {
        outcome,
        awaited,
        delay,
        breaks_off,
    } = face.exchange(&request);
    let refused = face.validate(awaited).await;
    face.courier.woken.notify_one();
    // The world goes on meanwhile: it is the answer that is late.
    face.clock.sleep(delay.unsigned_abs()).await;
    match (refused, outcome) {
        (Some(response), Outcome::Answered(_)) | (None, Outcome::Answered(response)) => {
            response.map(|body| whole_or_not(body, breaks_off, Arc::clone(&face.clock)))
        }
        (_, Outcome::Lost) => {
            line.cut();
            Response::default()
        }
    }
}

/// A body that arrives, or one that breaks off and takes the connection with it.
fn whole_or_not(body: Bytes, breaks_off: bool, clock: Arc<dyn Clock>) -> Body {
    if !breaks_off {
        return Body::from(body);
    }
    // At once, and not even the head would leave: what is written waits for what follows it.
    let broken = stream::once(async move {
        clock.sleep(LEFT_WITHIN).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(stream::iter([Ok(body)]).chain(broken))
}

impl Face {
    fn exchange(&self, request: &Request<Bytes>) -> Exchange {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        control::exchange(&mut world, request, self.clock.now())
    }

    /// Asks the addresses of a new subscription to prove themselves. The answer that goes out in place of the first, if one
    /// of them did not.
    async fn validate(&self, awaited: Vec<Parcel>) -> Option<Response<Bytes>> {
        let asked = awaited.iter().map(|parcel| self.courier.send(parcel));
        let answered = join_all(asked).await;
        let mut refused = None;
        for (parcel, answered) in awaited.into_iter().zip(&answered) {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            let refusal = world.report_push(parcel, &answered.as_told(), self.clock.now());
            refused = refused.or(refusal.map(|response| *response));
        }
        refused
    }
}
