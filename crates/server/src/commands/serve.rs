//! `kalends serve`: the API and the workers.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::get;
use clap::Args;
use futures_util::FutureExt;
use futures_util::future::join_all;
use kalends_engine::watch as channels;
use kalends_store::{Store, sweep};
use tokio::net::TcpListener;
use tower::Layer;
use tower::util::MapRequestLayer;

use super::{stop, watch};
use crate::Ended;
use crate::api::{self, Api, SignIn};
use crate::app::{App, Wired};
use crate::config::Server;
use crate::listening;
use crate::mailing::Mailer;
use crate::notices::Notifier;
use crate::rounds::{self, Ending};

/// How often what has expired is swept away.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// How many channels are looked after at once: one that a provider is slow to open holds up few others.
const TENDERS: usize = 2;

/// Serve the API, and run the workers.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends serve
  kalends serve --listen 0.0.0.0:8080

  GET /api/docs/ the API, with all its paths
  GET /healthz   200 while the process lives
  GET /readyz    200 while the database answers and its schema is up to date, else 503")]
pub(crate) struct Serve {
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(app: &App, command: Serve) -> Result<Ended> {
    let mut settings = app.settings.server.clone();
    let listener = listen(command.listen.unwrap_or(settings.listen)).await?;
    settings.listen = listener.local_addr()?;
    let wired = app.wired().await?;
    let address = format!("http://{}", settings.listen);
    app.screen.line(&format!(
        "Listening on {address} (the API's pages: {address}/api/docs/)"
    ))?;
    app.screen
        .json_line(&serde_json::json!({ "listen": address }))?;
    serve(app, &wired, settings, listener).await?;
    Ok(Ended::Well)
}

/// Takes an address and a port.
pub(crate) async fn listen(on: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(on)
        .await
        .with_context(|| format!("cannot listen on {on}"))
}

/// Serves and works until told to stop. Requests under way are answered before it ends, and links are given back.
pub(crate) async fn serve(
    app: &App,
    wired: &Wired,
    settings: Server,
    listener: TcpListener,
) -> Result<()> {
    let stopped = stop::asked().boxed().shared();
    let mailer = Arc::new(Mailer::new(
        &app.settings.mail,
        Arc::clone(&wired.accounts),
    )?);
    let notifier = Notifier {
        store: app.store.clone(),
        keys: wired.keys()?,
        mailer: Arc::clone(&mailer),
        clock: Arc::clone(&app.clock),
        ids: Arc::clone(&app.ids),
        address: settings.address(),
    };
    let api = Api::new(
        wired.engine.clone(),
        Arc::clone(&wired.accounts),
        mailer,
        (settings.clone(), SignIn::new(app.settings.signin.clone())),
        app.settings.zone.clone(),
        stopped.clone(),
    );
    let lasting = api.lasting().clone();
    let way_in = Arc::clone(api.way_in());
    let routes = health(Arc::new(app.store.clone())).merge(api::router(api));
    let prefix = settings.prefix().to_owned();
    let as_routed = move |request: Request| api::as_routed(&prefix, request);
    let service = MapRequestLayer::new(as_routed).layer(api::wrapped(routes, &settings));
    let http = listening::offer(listener, service, stopped.clone());
    let sweeping = sweep(app, stopped.clone());
    let notifying = notifier.work(stopped.clone());
    let tending = join_all(
        (0..TENDERS).map(|_| channels::watch(&wired.engine, way_in.as_ref(), stopped.clone())),
    );
    let ((), worked, (), (), _) = tokio::join!(
        http,
        watch::work(app, wired, stopped),
        sweeping,
        notifying,
        tending
    );
    // Whoever waited for these may be gone; what they hold is given back all the same.
    lasting.all_ended().await;
    worked
}

/// Forgets expired sessions and states of consent, now and then.
async fn sweep(app: &App, stopped: impl Future<Output = ()>) {
    let what = "what has expired could not be swept away";
    let round = async |_: &Ending| sweep::sweep(&app.store, app.now()).await.map(drop);
    rounds::repeat((what, SWEEP_EVERY), app.clock.as_ref(), stopped, round).await;
}

fn health(store: Arc<Store>) -> Router {
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
