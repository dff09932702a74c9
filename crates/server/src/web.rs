//! The web app: files that were built before the binary was, and travel in it.

use std::borrow::Cow;

use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

use crate::api::ApiError;
use crate::config::Server;

/// The page in which the app lives, whatever its path.
const PAGE: &str = "index.html";

/// Files below it have a digest of their content in their name.
const FOR_EVER: &str = "app/";

/// Of what may change under its name: kept, and asked for again each time.
const LOOK_FIRST: &str = "no-cache";

/// Where the page says below which path the service stands.
const BASE: &str = "<base href=\"/\" />";

/// Below it are the screens that host products show in a frame.
const EMBEDDED: &str = "embed";

#[derive(RustEmbed)]
#[folder = "../../web/dist/"]
struct Built;

/// Marks an answer that pages of others may show in a frame.
#[derive(Clone, Copy)]
pub(crate) struct Framed;

/// The app, as this service shows it.
pub(crate) struct Site {
    /// The path below which the service stands.
    prefix: String,
    /// What pages of the app may load, and who may frame them.
    policy: HeaderValue,
    /// The same of embedded screens; none where nobody may frame them.
    embedded: Option<HeaderValue>,
}

impl Site {
    /// As it is set up.
    pub(crate) fn new(settings: &Server) -> Self {
        let origins = settings.frame_origins.join(" ");
        let page = Built::get(PAGE).map(|page| page.data).unwrap_or_default();
        let styles = styles(&String::from_utf8_lossy(&page));
        Self {
            prefix: settings.prefix().to_owned(),
            policy: policy(&styles, "", "'none'"),
            embedded: (!origins.is_empty()).then(|| policy(&styles, &origins, &origins)),
        }
    }

    /// Answers whatever no route of the API answers.
    pub(crate) fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
        let path = uri.path().trim_start_matches('/');
        let reads = method == Method::GET || method == Method::HEAD;
        let is_api = path == "api" || path.starts_with("api/");
        if !reads || is_api {
            return ApiError::not_found("page").into_response();
        }
        if path != PAGE && Built::get(path).is_some() {
            return file(path, headers);
        }
        if path.starts_with(FOR_EVER) || !wants_page(headers) {
            return ApiError::not_found("page").into_response();
        }
        let first = path.split('/').next();
        self.page(first == Some(EMBEDDED), headers)
    }

    /// The page in which the app lives.
    fn page(&self, is_embedded: bool, headers: &HeaderMap) -> Response {
        let Some(found) = Built::get(PAGE) else {
            return (StatusCode::OK, Html(self.not_built())).into_response();
        };
        let tag = tag(&found);
        let mut response = if text(headers, &IF_NONE_MATCH) == tag {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let page = String::from_utf8_lossy(&found.data);
            let base = format!("<base href=\"{}/\" />", self.prefix);
            Html(page.replacen(BASE, &base, 1)).into_response()
        };
        let framed = self.embedded.as_ref().filter(|_| is_embedded);
        if framed.is_some() {
            response.extensions_mut().insert(Framed);
        }
        let policy = framed.unwrap_or(&self.policy).clone();
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(LOOK_FIRST));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        response
    }

    /// What a browser gets from a binary into which no app was built.
    fn not_built(&self) -> String {
        let prefix = &self.prefix;
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Kalends</title>\
             <link rel=\"stylesheet\" href=\"{prefix}/assets/page.css\"><main><h1>Kalends</h1><p>This program was \
             built without its web app: <code>make web</code>, then build it again. The API is at \
             <a href=\"{prefix}/api/docs/\">{prefix}/api/docs/</a>.</p></main></html>"
        )
    }
}

/// The hashes of the styles that stand in the page, as a policy names them (CSP Level 3 §2.3.1).
fn styles(page: &str) -> String {
    let blocks = page.split("<style>").skip(1);
    let mut hashes = String::new();
    for (block, _) in blocks.filter_map(|rest| rest.split_once("</style>")) {
        hashes.push_str(" 'sha256-");
        hashes.push_str(&BASE64.encode(Sha256::digest(block)));
        hashes.push('\'');
    }
    hashes
}

/// What a page may load: its own scripts and styles, the API, and pictures of its own and of these hosts. Styles of single
/// elements are set by scripts.
fn policy(styles: &str, pictures: &str, framed_by: &str) -> HeaderValue {
    let text = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data: {pictures}; font-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors {framed_by}"
    );
    // Origins were checked with the settings.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
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
        LOOK_FIRST
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

    fn site(public_url: &str, frame_origins: &[&str]) -> Site {
        Site::new(&Server {
            public_url: Some(public_url.parse().unwrap()),
            frame_origins: frame_origins.iter().map(|&one| one.to_owned()).collect(),
            ..Server::for_tests()
        })
    }

    fn asked(site: &Site, path: &'static str, accept: &'static str) -> Response {
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static(accept)),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip, br")),
        ]);
        site.answer(&Method::GET, &Uri::from_static(path), &headers)
    }

    fn policy_of(response: &Response) -> &str {
        response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
    }

    #[test]
    fn a_browser_gets_the_app_at_any_path_or_reads_how_to_build_it() {
        let site = site("https://kalends.example.com", &[]);
        for path in ["/", "/connect", "/accounts/1", "/embed/connect"] {
            let response = asked(&site, path, "text/html,*/*");
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let kind = &response.headers()[CONTENT_TYPE];
            assert_eq!(kind, "text/html; charset=utf-8", "{path}");
            assert!(response.extensions().get::<Framed>().is_none(), "{path}");
        }
        assert!(site.not_built().contains("make web"));
    }

    #[test]
    fn what_is_no_page_is_not_answered_with_one() {
        let site = site("https://kalends.example.com", &[]);
        for (path, accept) in [
            ("/api/nothing/", "text/html"),
            ("/app/gone.js", "text/html"),
            ("/connect", "application/json"),
        ] {
            let response = asked(&site, path, accept);
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn only_embedded_screens_are_framed_and_only_by_sites_that_the_operator_lists() {
        // In a binary without the app there is no page to frame.
        if Built::get(PAGE).is_none() {
            return;
        }
        let site = site("https://kalends.example.com", &["https://app.example.com"]);
        let screen = asked(&site, "/embed/connect", "text/html");
        assert!(screen.extensions().get::<Framed>().is_some());
        assert!(policy_of(&screen).ends_with("frame-ancestors https://app.example.com"));
        for path in ["/", "/connect", "/embedded"] {
            let page = asked(&site, path, "text/html");
            assert!(page.extensions().get::<Framed>().is_none(), "{path}");
            assert!(
                policy_of(&page).ends_with("frame-ancestors 'none'"),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn below_a_prefix_the_page_says_so() {
        if Built::get(PAGE).is_none() {
            return;
        }
        let site = site("https://example.com/kalends/", &[]);
        let page = asked(&site, "/connect", "text/html").into_body();
        let page = axum::body::to_bytes(page, usize::MAX).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(page.contains("<base href=\"/kalends/\" />"), "{page}");
    }

    #[test]
    fn a_style_in_the_page_is_allowed_by_its_hash_and_no_other() {
        // The example of CSP Level 3 §8.3 is of scripts; the reckoning is the same.
        let text = "alert('Hello, world.');";
        let found = styles(&format!("<p>a</p><style>{text}</style><style>b"));
        assert_eq!(
            found,
            " 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
        );
        assert_eq!(styles("<p>a</p>"), "");
        if Built::get(PAGE).is_some() {
            let page = asked(&site("https://kalends.example.com", &[]), "/", "text/html");
            let policy = policy_of(&page);
            assert!(policy.contains("style-src 'self' 'sha256-"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }

    #[test]
    fn the_page_names_its_base_once() {
        let source = include_str!("../../../web/index.html");
        assert_eq!(source.matches(BASE).count(), 1);
    }

    #[test]
    fn the_files_of_the_app_come_compressed_and_are_kept_by_their_name() {
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
