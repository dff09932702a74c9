//! Pages that the service writes itself, for whoever comes by a link: plain HTML in one style, without scripts.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::config::Server;

/// A page that nobody keeps: its address may be a secret.
pub(super) fn page(settings: &Server, status: StatusCode, content: &str) -> Response {
    let head = "<meta name=\"robots\" content=\"noindex\"><title>Kalends</title>";
    let html = html(settings, head, content);
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A whole page, in the style that it finds below the path prefix.
pub(super) fn html(settings: &Server, head: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}\
         <link rel=\"stylesheet\" href=\"{}/assets/page.css\"></head><body><main>{content}</main></body></html>",
        settings.prefix()
    )
}
