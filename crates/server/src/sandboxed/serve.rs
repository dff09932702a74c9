//! The sandbox's port: requests come in, and the world answers.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Request, Response, StatusCode};
use futures_util::future::join_all;
use kalends_calendar::seams::Clock;
use kalends_sandbox::control::{self, Exchange, Parcel};
use kalends_sandbox::{Outcome, World};
use tokio::task::JoinSet;

use super::Sandboxed;
use super::deliver::Courier;

/// More than any client of ours sends.
const BODY_BYTES_MAX: usize = 32 << 20;

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
            .with_state(face);
        axum::serve(self.listener, routes)
            .with_graceful_shutdown(stop)
            .await
            .context("the sandbox")
    }
}

async fn answer(State(face): State<Face>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .unwrap_or_else(|_| Bytes::new());
    let request = Request::from_parts(parts, body);
    let Exchange { outcome, awaited } = face.exchange(&request);
    let refused = face.validate(awaited).await;
    face.courier.woken.notify_one();
    match (refused, outcome) {
        (Some(response), Outcome::Answered(_)) | (None, Outcome::Answered(response)) => {
            response.map(Body::from)
        }
        (_, Outcome::Lost) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
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
