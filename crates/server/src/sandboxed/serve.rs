//! The sandbox's port: requests come in, and the world answers.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Request, Response};
use kalends_calendar::seams::Clock;
use kalends_sandbox::{World, control};

use super::Sandboxed;

/// More than any client of ours sends.
const BODY_BYTES_MAX: usize = 32 << 20;

#[derive(Clone)]
struct Face {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
}

impl Sandboxed {
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

async fn answer(State(face): State<Face>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .unwrap_or_else(|_| Bytes::new());
    let request = Request::from_parts(parts, body);
    let now = face.clock.now();
    let mut world = face.world.lock().unwrap_or_else(PoisonError::into_inner);
    let response = control::answer(&mut world, &request, now)
        .unwrap_or_else(|| kalends_sandbox::handle(&mut world, &request, now));
    // Nobody reads them here, and it may run for long.
    world.requests.clear();
    world.mails.clear();
    response.map(Body::from)
}
