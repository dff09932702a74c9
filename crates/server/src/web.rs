//! The web app: files that were built before the binary was, and travel in it.

use std::borrow::Cow;

use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::api::ApiError;

/// What the app may load: its own scripts and styles, and the API. Styles of single elements are set by scripts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

/// The page in which the app lives, whatever its path.
const PAGE: &str = "index.html";

/// Files below it have a digest of their content in their name.
const FOR_EVER: &str = "app/";

/// What a browser gets from a binary into which no app was built.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Kalends</title>\
    <link rel=\"stylesheet\" href=\"/assets/page.css\"><main><h1>Kalends</h1><p>This program was built without its web \
    app: <code>make web</code>, then build it again. The API is at <a href=\"/api/docs/\">/api/docs/</a>.</p></main></html>";

#[derive(RustEmbed)]
#[folder = "../../web/dist/"]
struct Built;

/// Answers whatever no route of the API answers.
pub(crate) async fn answer(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let reads = method == Method::GET || method == Method::HEAD;
    let is_api = path == "api" || path.starts_with("api/");
    if !reads || is_api {
        return ApiError::not_found("page").into_response();
    }
    if path != PAGE && Built::get(path).is_some() {
        return file(path, &headers);
    }
    if path.starts_with(FOR_EVER) || !wants_page(&headers) {
        return ApiError::not_found("page").into_response();
    }
    if Built::get(PAGE).is_none() {
        return (StatusCode::OK, Html(NOT_BUILT)).into_response();
    }
    let mut response = file(PAGE, &headers);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn wants_page(headers: &HeaderMap) -> bool {
    text(headers, &ACCEPT).contains("text/html")
}

fn text<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// A file, compressed where the browser takes that.
fn file(path: &str, headers: &HeaderMap) -> Response {
    let takes_brotli = text(headers, &ACCEPT_ENCODING).split(',').any(|one| {
        one.split(';')
            .next()
            .is_some_and(|name| name.trim() == "br")
    });
    let compressed = takes_brotli
        .then(|| Built::get(&format!("{path}.br")))
        .flatten();
    let is_compressed = compressed.is_some();
    let Some(found) = compressed.or_else(|| Built::get(path)) else {
        return ApiError::not_found("page").into_response();
    };
    let tag = tag(&found);
    if text(headers, &IF_NONE_MATCH) == tag {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    let keep = if path.starts_with(FOR_EVER) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let body = match found.data {
        Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    let mut response = (
        [
            (CONTENT_TYPE, HeaderValue::from_static(kind(path))),
            (CACHE_CONTROL, HeaderValue::from_static(keep)),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ],
        [(ETAG, tag)],
        body,
    )
        .into_response();
    if is_compressed {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn tag(file: &EmbeddedFile) -> String {
    use std::fmt::Write;
    let mut tag = String::from("\"");
    for byte in file.metadata.sha256_hash().iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(path: &'static str, accept: &'static str) -> Response {
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static(accept)),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip, br")),
        ]);
        answer(Method::GET, Uri::from_static(path), headers).await
    }

    #[tokio::test]
    async fn a_browser_gets_the_app_at_any_path_or_reads_how_to_build_it() {
        for path in ["/", "/connect", "/accounts/1"] {
            let response = asked(path, "text/html,*/*").await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let kind = &response.headers()[CONTENT_TYPE];
            assert_eq!(kind, "text/html; charset=utf-8", "{path}");
        }
        assert!(NOT_BUILT.contains("make web"));
    }

    #[tokio::test]
    async fn what_is_no_page_is_not_answered_with_one() {
        for (path, accept) in [
            ("/api/nothing/", "text/html"),
            ("/app/gone.js", "text/html"),
            ("/connect", "application/json"),
        ] {
            let response = asked(path, accept).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_files_of_the_app_come_compressed_and_are_kept_by_their_name() {
        // In a binary without the app there are none.
        for path in Built::iter().filter(|path| path.starts_with(FOR_EVER) && path.ends_with(".js"))
        {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("br"))]);
            let response = file(&path, &headers);
            assert_eq!(response.headers()[CONTENT_ENCODING], "br", "{path}");
            assert_eq!(
                response.headers()[CONTENT_TYPE],
                "text/javascript; charset=utf-8"
            );
            assert!(
                response.headers()[CACHE_CONTROL]
                    .to_str()
                    .unwrap()
                    .contains("immutable")
            );
        }
    }
}
