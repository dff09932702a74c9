//! What surrounds every request: its id, limits, headers of defence, a line in the log, and problem details for every
//! error, whoever made it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_MATCH, LOCATION, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;

use super::door::{KEY, REPLAYED};
use super::error::{ApiError, sentence};
use super::input::BODY_BYTES_MAX;
use crate::config::Server;
use crate::web::{Framed, Site};

/// How long a request may take until its answer begins. A sync waits for 10 s.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// How much the headers of a request may say: more than the largest cookie, token and path together need.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What pages may load: their style, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The header that carries the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone, Copy)]
struct NewIds;

impl MakeRequestId for NewIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the id of a request is only ever shown; nothing repeats it"
    )]
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let id = uuid::Uuid::now_v7().simple().to_string();
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

/// The routes with all that surrounds them.
pub(crate) fn wrapped(routes: Router, settings: &Server) -> Router {
    let is_https = settings.is_https();
    let site = Arc::new(Site::new(settings));
    let routes = routes
        .fallback(move |method, uri, headers| async move { site.answer(&method, &uri, &headers) })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This path does not take that method.",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(same_site(&settings.cors_origins))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            ANSWER_WITHIN,
        ))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::internal("a handler panicked").into_response()
        }))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            surrounded(request, next, is_https)
        }))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        // An id that comes from outside is not taken over: it would stand in the audit log.
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewIds))
        .layer(middleware::map_request(without_foreign_id));
    if settings.cors_origins.is_empty() {
        return routes;
    }
    routes.layer(cors(&settings.cors_origins))
}

/// Pages of other sites may not act for whoever is signed in, but for those that the operator lists (which send no cookies).
fn same_site(origins: &[HeaderValue]) -> CsrfLayer {
    origins
        .iter()
        .filter_map(|origin| origin.to_str().ok())
        .fold(CsrfLayer::new(), |layer, origin| {
            // What is no origin was refused with the settings.
            layer.clone().add_trusted_origin(origin).unwrap_or(layer)
        })
}

async fn without_foreign_id(mut request: Request) -> Request {
    request.headers_mut().remove(REQUEST_ID);
    request
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            HeaderName::from_static("x-tenant"),
            HeaderName::from_static("last-event-id"),
            KEY,
        ])
        .expose_headers([
            ALLOW,
            ETAG,
            LOCATION,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            REQUEST_ID,
            REPLAYED,
        ])
}

async fn surrounded(request: Request, next: Next, is_https: bool) -> Response {
    let method = request.method().clone();
    // Of a path only its form is told: an invitation's is a secret.
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let id = request
        .extensions()
        .get::<RequestId>()
        .and_then(|id| id.header_value().to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let began = tokio::time::Instant::now();
    let mut response = if header_bytes(&request) > HEADER_BYTES_MAX {
        ApiError::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "The headers are too large.",
        )
        .into_response()
    } else {
        as_problem(next.run(request).await).await
    };
    tracing::info!(
        %method,
        path = path.as_deref().unwrap_or("(none)"),
        status = response.status().as_u16(),
        milliseconds = began.elapsed().as_millis(),
        request = id,
        "answered"
    );
    let is_framed = response.extensions().get::<Framed>().is_some();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !is_framed {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    if is_https {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    // Somebody's calendar is in no cache, unless a handler says so.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn header_bytes(request: &Request) -> usize {
    let headers = request.headers().iter();
    headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// The longest reason for not being ready.
const REASON_BYTES_MAX: usize = 1_000;

/// An error that no handler made as a problem, as one of ours.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if !is_error || kind.contains("json") || kind.starts_with("text/html") {
        return response;
    }
    // Monitoring is told in plain text why nothing can be served. Other plain texts quote what was sent, and are not told.
    if status == StatusCode::SERVICE_UNAVAILABLE && kind.starts_with("text/plain") {
        let reason = axum::body::to_bytes(response.into_body(), REASON_BYTES_MAX).await;
        let reason = reason.unwrap_or_default();
        let reason = sentence(&String::from_utf8_lossy(&reason).trim());
        return ApiError::new(status, "not_ready", reason).into_response();
    }
    let (code, error) = match status {
        StatusCode::FORBIDDEN => (
            "cross_origin",
            "This was sent by a page of another site, which may not act for you.",
        ),
        StatusCode::GATEWAY_TIMEOUT => ("timeout", "It took too long."),
        StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large", "The body is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            "The body is in no form that is taken here.",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => ("invalid", "A field is missing or makes no sense."),
        _ => ("refused", status.canonical_reason().unwrap_or("Refused.")),
    };
    ApiError::new(status, code, error).into_response()
}

/// The path as the routes have it: without the prefix, if a proxy left it there, and with its trailing slash.
pub(crate) fn as_routed<B>(
    prefix: &str,
    request: axum::http::Request<B>,
) -> axum::http::Request<B> {
    with_slash(without_prefix(prefix, request))
}

fn without_prefix<B>(prefix: &str, mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    let uri = request.uri();
    let rest = uri.path().strip_prefix(prefix);
    let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return request;
    };
    let rest = if rest.is_empty() { "/" } else { rest };
    if let Some(uri) = at_path(uri, rest) {
        *request.uri_mut() = uri;
    }
    request
}

/// An address with another path, and the query that it has.
fn at_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// The path with its trailing slash, as the routes have it: every path answers without it too.
fn with_slash<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    let uri = request.uri();
    let path = uri.path();
    let is_ours = path.starts_with("/api/") || path.starts_with("/invitations/");
    let routed = match path {
        // The one file among them.
        "/api/openapi.json/" => "/api/openapi.json".to_owned(),
        "/api/openapi.json" => return request,
        _ if !is_ours || path.ends_with('/') => return request,
        _ => format!("{path}/"),
    };
    if let Some(uri) = at_path(uri, &routed) {
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_monitoring_is_told_keeps_its_reason_and_nothing_else_in_plain_text_does() {
        let of = async |status: StatusCode| {
            let told = (status, "the database does not answer\n").into_response();
            let response = as_problem(told).await;
            assert_eq!(response.status(), status);
            let kind = response.headers()[CONTENT_TYPE].clone();
            assert_eq!(kind, "application/problem+json");
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            serde_json::from_slice::<serde_json::Value>(&body.unwrap()).unwrap()
        };
        let not_ready = of(StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(not_ready["code"], "not_ready");
        assert_eq!(not_ready["error"], "The database does not answer.");
        for status in [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY] {
            let told = of(status).await.to_string();
            assert!(!told.contains("database"), "{told}");
        }
    }

    #[test]
    fn a_path_of_the_api_gets_its_slash_and_keeps_its_query() {
        let of = |uri: &str| {
            let request = axum::http::Request::builder().uri(uri).body(()).unwrap();
            with_slash(request).uri().to_string()
        };
        assert_eq!(of("/api/calendar/list"), "/api/calendar/list/");
        assert_eq!(of("/api/calendar/list/?a=b"), "/api/calendar/list/?a=b");
        assert_eq!(of("/api/calendar/list?a=/b"), "/api/calendar/list/?a=/b");
        assert_eq!(of("/api/openapi.json"), "/api/openapi.json");
        assert_eq!(of("/api/openapi.json/"), "/api/openapi.json");
        assert_eq!(of("/healthz"), "/healthz");
    }

    #[test]
    fn below_a_prefix_a_path_is_found_whether_or_not_the_proxy_took_the_prefix_away() {
        let of = |prefix: &str, uri: &str| {
            let request = axum::http::Request::builder().uri(uri).body(()).unwrap();
            as_routed(prefix, request).uri().to_string()
        };
        for uri in ["/kalends/api/tokens?a=b", "/api/tokens?a=b"] {
            assert_eq!(of("/kalends", uri), "/api/tokens/?a=b");
        }
        assert_eq!(of("/kalends", "/kalends"), "/");
        assert_eq!(of("/kalends", "/kalendsapi/"), "/kalendsapi/");
        assert_eq!(of("", "/connect?with=ics"), "/connect?with=ics");
    }
}
