//! Waking the workers after whatever may have made something due.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::Shared;

/// Rings after each request that may have changed something: a write, a provider's signal, the way back from consent.
pub(crate) async fn wake(State(api): State<Shared>, request: Request, next: Next) -> Response {
    let comes_back = request.uri().path().ends_with("/callback/");
    let only_reads = request.method().is_safe() && !comes_back;
    let response = next.run(request).await;
    if !only_reads && !response.status().is_server_error() {
        api.engine.bell.ring();
    }
    response
}
