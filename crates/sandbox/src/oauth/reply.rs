//! Answers in the forms that sign-in needs: JSON, pages, redirects.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What stands as it is in a query: the unreserved characters of RFC 3986 §2.3.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// No page loads or sends anything but what stands in it, and none may be framed. Where a form leads is left open: it is
/// answered by a redirect to the client, which some browsers count as a target of the form.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// As [`PAGE_POLICY`], for the page that sends itself.
const SENDING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     base-uri 'none'; frame-ancestors 'none'";

/// What a page may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// Nothing by itself.
    None,
    /// Run the script that stands in it.
    Inline,
}

/// JSON that nobody keeps.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = empty(status);
    header(
        &mut response,
        header::CONTENT_TYPE,
        "application/json; charset=utf-8",
    );
    header(&mut response, header::PRAGMA, "no-cache");
    *response.body_mut() = Bytes::from(body.to_string());
    response
}

/// A page for a browser.
pub(crate) fn html(status: StatusCode, page: String, script: Script) -> Response<Bytes> {
    let mut response = empty(status);
    header(
        &mut response,
        header::CONTENT_TYPE,
        "text/html; charset=utf-8",
    );
    header(&mut response, header::X_FRAME_OPTIONS, "DENY");
    header(&mut response, header::REFERRER_POLICY, "no-referrer");
    let policy = match script {
        Script::None => PAGE_POLICY,
        Script::Inline => SENDING_POLICY,
    };
    header(&mut response, header::CONTENT_SECURITY_POLICY, policy);
    *response.body_mut() = Bytes::from(page);
    response
}

/// 302 to another address.
pub(crate) fn redirect(to: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::FOUND);
    header(&mut response, header::LOCATION, to);
    response
}

/// An answer without a body, not to be kept (RFC 6749 §5.1).
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    header(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// 405, and what may be asked instead.
pub(crate) fn only(methods: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    header(&mut response, header::ALLOW, methods);
    response
}

/// Sets a header. A value that cannot stand in one is left out.
pub(crate) fn header(response: &mut Response<Bytes>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// An address with further parameters behind `mark`, which is `?` or `#`.
pub(crate) fn with_params(address: &str, mark: char, pairs: &[(&str, String)]) -> String {
    let coded: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)))
        .collect();
    let mark = if address.contains(mark) { '&' } else { mark };
    format!("{address}{mark}{}", coded.join("&"))
}
