//! Connections: taken, served within bounds, and ended in time.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt};

use crate::api::ANSWER_WITHIN;

/// How long a connection may take until the head of its next request is here. Whoever sends a head sends it at once; an idle
/// connection is closed after it too.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How much of a request is held before its head is over. What fits here and is still too much gets a problem that says so
/// (`api`); more than this is refused without words.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// How long requests under way may take until the end: as long as their answer may, and a little for its way.
const END_WITHIN: Duration = ANSWER_WITHIN.saturating_add(Duration::from_secs(5));

/// How long nothing is taken after the system gave no connection, because it has no more files.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves whoever comes until told to stop; then answers what is under way, and cuts off what takes too long.
pub(crate) async fn offer<S>(
    listener: TcpListener,
    service: S,
    stopped: impl Future<Output = ()> + Clone + Send + 'static,
) where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    let mut ending = std::pin::pin!(stopped.clone());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, service.clone(), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut ending => break,
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(END_WITHIN, all_ended).await.is_err() {
        tracing::warn!(open = connections.len(), "connections are cut off");
        connections.shutdown().await;
    }
}

/// One connection, with all its requests.
async fn serve<S>(
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    stopped: impl Future<Output = ()> + Send,
) where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let service = service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HELD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
