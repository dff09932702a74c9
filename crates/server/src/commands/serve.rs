//! `kalends serve`: the workers, and health over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Args;
use futures_util::FutureExt;
use kalends_store::Store;

use super::{stop, watch};
use crate::Ended;
use crate::app::App;

/// Run the workers and tell about health over HTTP.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends serve
  kalends serve --listen 0.0.0.0:8080

  GET /healthz   200 while the process lives
  GET /readyz    200 while the database answers and its schema is up to date, else 503")]
pub(crate) struct Serve {
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(app: &App, command: Serve) -> Result<Ended> {
    let wired = app.wired().await?;
    let listen = command.listen.unwrap_or(app.settings.server.listen);
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let listen = listener.local_addr()?;
    let stopped = stop::asked().shared();
    app.screen.line(&format!("Listening on http://{listen}"))?;
    app.screen
        .json_line(&serde_json::json!({ "listen": format!("http://{listen}") }))?;
    let routes = routes(Arc::new(app.store.clone()));
    let http = axum::serve(listener, routes).with_graceful_shutdown(stopped.clone());
    let (served, worked) = tokio::join!(
        async { http.await.context("the HTTP server") },
        watch::work(app, &wired.engine, stopped)
    );
    served?;
    worked?;
    Ok(Ended::Well)
}

fn routes(store: Arc<Store>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(store)
}

async fn ready(State(store): State<Arc<Store>>) -> (StatusCode, &'static str) {
    match store.migration_status().await {
        Ok(status) if status.iter().all(|migration| migration.applied) => (StatusCode::OK, "ok\n"),
        Ok(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database's schema is not up to date\n",
        ),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}
