//! The routes of the document that are for browsers: what they are answered is a page, or the way on.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use aide::transform::TransformOperation;

use super::door::Shared;
use super::error::refuses;
use super::oauth::callback;
use super::page::shows;
use super::signin;

/// What a consent ends with.
const CONSENTED: &[u16] = &[200, 303, 400, 401, 403, 409, 429, 502, 503];
/// What a sign-in begins with.
const BEGUN: &[u16] = &[303, 400, 403, 404, 429, 502, 503];
/// What it ends with.
const SIGNED_IN: &[u16] = &[200, 303, 400, 403, 404, 429, 502, 503];

/// Where browsers are sent by providers, and how they begin to sign in.
pub(super) fn routes() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route(
            "/api/oauth/google/callback/",
            get_with(callback::google, |operation| {
                let summary = "Where Google sends people back to";
                told(
                    operation.tag("oauth"),
                    "returnFromGoogle",
                    summary,
                    CONSENTED,
                )
            }),
        )
        .api_route(
            "/api/oauth/microsoft/callback/",
            get_with(callback::microsoft, |operation| {
                let summary = "Where Microsoft sends people back to";
                told(
                    operation.tag("oauth"),
                    "returnFromMicrosoft",
                    summary,
                    CONSENTED,
                )
            }),
        )
        .api_route(
            "/api/session/oidc/",
            get_with(signin::begin, |operation| {
                let summary = "To the operator's OpenID provider, for a browser";
                told(operation.tag("session"), "beginSignIn", summary, BEGUN)
            }),
        )
        .api_route(
            "/api/session/oidc/callback/",
            get_with(signin::callback, |operation| {
                let summary = "Where that provider sends people back to";
                told(
                    operation.tag("session"),
                    "returnFromSignIn",
                    summary,
                    SIGNED_IN,
                )
            }),
        )
}

fn told<'t>(
    operation: TransformOperation<'t>,
    id: &str,
    summary: &str,
    statuses: &[u16],
) -> TransformOperation<'t> {
    let operation = operation.id(id).summary(summary);
    refuses(shows(operation, statuses), &[431, 500, 504])
}
