//! Pages that the service writes itself, for whoever comes by a link: plain HTML in one style, without scripts.

use aide::generate::GenContext;
use aide::openapi::{
    MediaType, Operation, ReferenceOr, Response as Documented, StatusCode as DocumentedStatus,
};
use aide::operation::OperationOutput;
use aide::transform::TransformOperation;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::error::{ApiError, documented, meaning};
use super::tongue::Tongue;
use crate::config::Server;

/// What a browser gets that comes by an address of the document: a page, or the way on.
pub(crate) struct Shown(pub(crate) Response);

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Shown {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        None
    }
}

/// The statuses of what a browser is shown. What goes wrong here is told on a page too, and as a problem where nobody began
/// anything that a page could be about.
pub(super) fn shows<'t>(
    mut operation: TransformOperation<'t>,
    statuses: &[u16],
) -> TransformOperation<'t> {
    aide::generate::in_context(|ctx| {
        let responses = operation.inner_mut().responses.get_or_insert_default();
        for status in statuses {
            let shown = shown(ctx, *status);
            responses
                .responses
                .insert(DocumentedStatus::Code(*status), ReferenceOr::Item(shown));
        }
    });
    operation
}

fn shown(ctx: &mut GenContext, status: u16) -> Documented {
    let mut shown = match status {
        200 => Documented {
            description: "A page that says what came of it.".to_owned(),
            ..Documented::default()
        },
        303 => {
            return Documented {
                description: "The way on, in `Location`.".to_owned(),
                ..Documented::default()
            };
        }
        status => documented(ctx, meaning(status)),
    };
    let html = "text/html; charset=utf-8".to_owned();
    shown.content.insert(html, MediaType::default());
    shown
}

/// A page in English that nobody keeps: its address may be a secret.
pub(super) fn page(settings: &Server, status: StatusCode, content: &str) -> Response {
    page_in(settings, Tongue::En, status, content)
}

/// The same in one of the languages.
pub(super) fn page_in(
    settings: &Server,
    tongue: Tongue,
    status: StatusCode,
    content: &str,
) -> Response {
    let head = "<meta name=\"robots\" content=\"noindex\"><title>Kalends</title>";
    let html = html(settings, tongue, head, content);
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The page of somebody who tries too often, with the time until the next attempt.
pub(super) fn too_many(
    settings: &Server,
    tongue: Tongue,
    error: &ApiError,
    again: &str,
) -> Response {
    let title = tongue.say("Too many attempts", "Zu viele Versuche");
    let content = format!("<h1>{title}</h1><p>{again}</p>");
    let mut response = page_in(settings, tongue, error.status(), &content);
    if let Some(seconds) = error.retry_after_seconds() {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// A whole page, in the style that it finds below the path prefix.
pub(super) fn html(settings: &Server, tongue: Tongue, head: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}\
         <link rel=\"stylesheet\" href=\"{}/assets/page.css\"></head><body><main>{content}</main></body></html>",
        tongue.tag(),
        settings.prefix()
    )
}
