//! Pages that the service writes itself, for whoever comes by a link: plain HTML in one style, without scripts.

use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::error::ApiError;
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

/// The page of somebody who tries too often, with the time until the next attempt.
pub(super) fn too_many(settings: &Server, error: &ApiError, again: &str) -> Response {
    let content = format!("<h1>Too many attempts</h1><p>{again}</p>");
    let mut response = page(settings, error.status(), &content);
    if let Some(seconds) = error.retry_after_seconds() {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
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
