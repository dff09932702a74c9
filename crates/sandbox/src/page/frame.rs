//! What every page has around it, and how it is sent.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;

use super::html::Html;
use super::path;

/// The page's own files, by name, each with its type.
const FILES: [(&str, &str, &str); 3] = [
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("style.css"),
    ),
    (
        "script.js",
        "text/javascript; charset=utf-8",
        include_str!("script.js"),
    ),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// Nothing but the page's own files is loaded, nothing in a page is a script or a style, and none may be framed.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page in the making.
pub(crate) struct Page<'a> {
    pub(crate) status: StatusCode,
    pub(crate) title: &'a str,
    /// Where it stands: the pages above it, by address and name.
    pub(crate) trail: Vec<(String, String)>,
    pub(crate) body: Html,
    pub(crate) now: Timestamp,
}

/// What stands at the top of every page.
const MENU: [(&str, &str); 7] = [
    ("/", "Calendars"),
    ("/_sandbox/page/requests", "Requests"),
    ("/_sandbox/page/mails", "Mails"),
    ("/_sandbox/page/access", "Access"),
    ("/_sandbox/page/faults", "Faults"),
    ("/_sandbox/page/clock", "Clock"),
    ("/_sandbox/page/worlds", "Worlds"),
];

impl Page<'_> {
    pub(crate) fn send(self) -> Response<Bytes> {
        let mut page = Html::new();
        page.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .raw("<meta name=\"color-scheme\" content=\"light dark\"><title>")
            .text(self.title)
            .raw(" · Kalends sandbox</title>")
            .open("link", &[("rel", "icon"), ("href", &path::to("icon.svg"))])
            .open(
                "link",
                &[("rel", "stylesheet"), ("href", &path::to("style.css"))],
            )
            .open(
                "script",
                &[("src", &path::to("script.js")), ("type", "module")],
            )
            .raw("</script></head><body><a class=\"skip\" href=\"#main\">To the content</a>")
            .raw("<header class=\"top\"><p class=\"name\"><a href=\"/\">Kalends sandbox</a></p><nav aria-label=\"Pages\"><ul>");
        for (address, name) in MENU {
            page.raw("<li>").link(address, name).raw("</li>");
        }
        let clock = self.now.strftime("%a %-d %b %Y, %H:%M UTC").to_string();
        page.raw("</ul></nav><p class=\"clock\"><span class=\"dim\">Its clock</span> <time>")
            .text(&clock)
            .raw("</time></p></header><main id=\"main\">");
        if !self.trail.is_empty() {
            page.raw("<nav class=\"trail\" aria-label=\"Where this is\"><ol>");
            for (address, name) in &self.trail {
                page.raw("<li>").link(address, name).raw("</li>");
            }
            page.raw("</ol></nav>");
        }
        page.add(&self.body).raw("</main></body></html>\n");
        let mut response = sent(self.status, "text/html; charset=utf-8", page.into_string());
        // An address may name an event, and stays here. Where none is told at all, browsers hide the origin of forms too.
        set(&mut response, header::REFERRER_POLICY, "same-origin");
        set(&mut response, header::CONTENT_SECURITY_POLICY, POLICY);
        set(&mut response, header::X_FRAME_OPTIONS, "DENY");
        response
    }
}

/// One of the page's files; none of this name.
pub(crate) fn file(name: &str) -> Option<Response<Bytes>> {
    let (_, kind, text) = FILES.iter().find(|(known, _, _)| *known == name)?;
    Some(sent(StatusCode::OK, kind, (*text).to_owned()))
}

/// JSON for the page's script.
pub(crate) fn json(body: &serde_json::Value) -> Response<Bytes> {
    sent(
        StatusCode::OK,
        "application/json; charset=utf-8",
        body.to_string(),
    )
}

/// Sends the browser to another page with GET.
pub(crate) fn see_other(address: &str) -> Response<Bytes> {
    let mut response = sent(StatusCode::SEE_OTHER, "text/plain", String::new());
    set(&mut response, header::LOCATION, address);
    response
}

/// A page that says why nothing was done.
pub(crate) fn refusal(
    status: StatusCode,
    title: &str,
    told: &str,
    now: Timestamp,
) -> Response<Bytes> {
    let mut body = Html::new();
    body.raw("<h1>").text(title).raw("</h1>").add(&alert(told));
    Page {
        status,
        title,
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

/// Something that went wrong, said where it is seen first.
pub(crate) fn alert(told: &str) -> Html {
    let mut piece = Html::new();
    piece
        .raw("<p class=\"alert\" role=\"alert\">")
        .text(told)
        .raw("</p>");
    piece
}

fn sent(status: StatusCode, kind: &str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, kind);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// Sets a header. A value that cannot stand in one is left out.
fn set(response: &mut Response<Bytes>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
