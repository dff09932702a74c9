//! The HTTP API: all routes on one page.
//!
//! A handler takes what proves that it may (`door`), then what the request says (`input`), and answers with a type that is
//! also its documentation. The OpenAPI document comes from these types, so it cannot lie.

#![expect(
    clippy::struct_field_names,
    reason = "clients know these members by these names"
)]
#![expect(clippy::doc_markdown, reason = "OpenAPI is a name, not code")]

/// What every operation is told by: its id, what it does in a line, where it stands in the document, and with which
/// statuses it refuses beyond those of its door and its input.
macro_rules! op {
    ($tag:literal, $id:literal, $summary:literal) => {
        op!($tag, $id, $summary, [])
    };
    ($tag:literal, $id:literal, $summary:literal, $refuses:expr) => {
        |operation: aide::transform::TransformOperation<'_>| {
            let operation = operation.id($id).summary($summary).tag($tag);
            crate::api::error::refuses(operation, &$refuses)
        }
    };
}

mod blame;
mod browsers;
mod calendar;
mod cookie;
mod docs;
mod door;
mod embed;
mod error;
mod hooks;
mod input;
mod invitation;
mod oauth;
mod outer;
mod output;
mod page;
mod paging;
mod platform;
mod session;
mod signin;
mod tenant;
mod tokens;
mod tongue;
pub(crate) mod words;

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, delete_with, get_with, post_with};
use aide::openapi::{OpenApi, SecurityScheme};
use aide::transform::TransformOpenApi;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use tower_http::timeout::TimeoutLayer;

pub(crate) use door::{Api, Shared, SignIn};
pub(crate) use error::ApiError;
pub(crate) use oauth::redirect_uri;
pub(crate) use outer::{ANSWER_WITHIN, as_routed, wrapped};

use calendar::{
    calendars, changes, conflicts, connections, disconnect, events, free_busy, held, links, list,
    overlaps, skipped, status, stream, sync,
};
use oauth::initiate;

use crate::config::Server;

/// The routes that the document describes.
fn described() -> ApiRouter<Shared> {
    ApiRouter::new()
        .merge(calendar_routes())
        .merge(event_routes())
        .merge(oauth_routes())
        .merge(browsers::routes())
        .merge(hook_routes())
        .merge(platform::routes::all())
        .merge(own_routes())
}

fn calendar_routes() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route(
            "/api/calendar/status/",
            get_with(
                status::show,
                op!(
                    "calendar",
                    "calendarStatus",
                    "Whether the tenant has calendar sync"
                ),
            ),
        )
        .api_route(
            "/api/calendar/list/",
            get_with(
                list::list,
                op!(
                    "calendar",
                    "listConnections",
                    "The tenant's connected accounts"
                ),
            ),
        )
        .api_route(
            "/api/calendar/sync/",
            post_with(
                sync::sync,
                op!(
                    "calendar",
                    "syncCalendar",
                    "Link a calendar where it is not linked yet, and sync it",
                    [404, 502]
                ),
            ),
        )
        .api_route(
            "/api/calendar/free-busy/",
            post_with(
                free_busy::ask,
                op!(
                    "calendar",
                    "askFreeBusy",
                    "When remote calendars are taken, whatever with"
                ),
            ),
        )
        .api_route(
            "/api/calendar/disconnect/",
            get_with(
                disconnect::forecast,
                op!(
                    "calendar",
                    "forecastDisconnect",
                    "What disconnecting an account would come to",
                    [404]
                ),
            )
            .delete_with(
                disconnect::disconnect,
                op!("calendar", "disconnect", "Disconnect an account", [404]),
            ),
        )
        .api_route(
            "/api/calendar/connections/caldav/",
            post_with(
                connections::caldav,
                op!(
                    "calendar",
                    "connectCaldav",
                    "Connect an account at a CalDAV server"
                ),
            ),
        )
        .api_route(
            "/api/calendar/connections/ics/",
            post_with(
                connections::feed,
                op!("calendar", "connectIcs", "Connect a feed"),
            ),
        )
        .api_route(
            "/api/calendar/connections/{id}/calendars/",
            get_with(
                connections::selection,
                op!(
                    "calendar",
                    "listRemoteCalendars",
                    "What can be selected in an account"
                ),
            ),
        )
        .api_route("/api/calendar/links/", links_route())
        .api_route(
            "/api/calendar/links/preview/",
            post_with(
                links::preview,
                op!(
                    "links",
                    "previewLink",
                    "What a link would do if it were made; nothing is written",
                    [404, 502]
                ),
            ),
        )
        .api_route("/api/calendar/links/{id}/", link_route())
        .api_route(
            "/api/calendar/links/{id}/sync/",
            post_with(
                links::sync,
                op!(
                    "links",
                    "syncLink",
                    "Sync a link now, or say what that would do",
                    [502]
                ),
            ),
        )
        .api_route(
            "/api/calendar/links/{id}/held/",
            get_with(
                held::list,
                op!(
                    "links",
                    "listHeldDeletions",
                    "The deletions that wait for a person's word"
                ),
            ),
        )
        .api_route(
            "/api/calendar/links/{id}/skipped/",
            get_with(
                skipped::list,
                op!(
                    "links",
                    "listSkipped",
                    "What a link could not take over or send out, and why"
                ),
            ),
        )
        .api_route(
            "/api/calendar/conflicts/",
            get_with(
                conflicts::list,
                op!(
                    "conflicts",
                    "listConflicts",
                    "What both sides changed at once"
                ),
            ),
        )
        .api_route(
            "/api/calendar/conflicts/resolve/",
            post_with(
                conflicts::resolve_many,
                op!(
                    "conflicts",
                    "resolveConflicts",
                    "Decide several conflicts for the same side"
                ),
            ),
        )
        .api_route(
            "/api/calendar/conflicts/{id}/resolve/",
            post_with(
                conflicts::resolve,
                op!("conflicts", "resolveConflict", "Decide a conflict", [412]),
            ),
        )
}

fn links_route() -> ApiMethodRouter<Shared> {
    get_with(links::list, op!("links", "listLinks", "The tenant's links")).post_with(
        links::make,
        op!(
            "links",
            "createLink",
            "Link a calendar and a remote one",
            [404]
        ),
    )
}

fn link_route() -> ApiMethodRouter<Shared> {
    get_with(links::show, op!("links", "showLink", "One link"))
        .patch_with(
            links::change,
            op!(
                "links",
                "changeLink",
                "Change, pause or resume a link, or decide its held deletions"
            ),
        )
        .delete_with(
            links::unlink,
            op!(
                "links",
                "deleteLink",
                "Unlink; both sides keep their events"
            ),
        )
}

fn event_routes() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route("/api/calendar/calendars/", calendars_route())
        .api_route("/api/calendar/calendars/{id}/events/", events_route())
        .api_route("/api/calendar/events/{id}/", event_route())
        .api_route(
            "/api/calendar/events/{id}/history/",
            get_with(
                events::history,
                op!(
                    "events",
                    "eventHistory",
                    "Every version of an event: when, who, why"
                ),
            ),
        )
        .api_route(
            "/api/calendar/events/{id}/restore/",
            post_with(
                events::restore,
                op!(
                    "events",
                    "restoreEvent",
                    "Make an event again what it was in an earlier version",
                    [412]
                ),
            ),
        )
        .api_route(
            "/api/calendar/changes/",
            get_with(
                changes::list,
                op!(
                    "events",
                    "listChanges",
                    "What has changed since a cursor, with tombstones",
                    [410]
                ),
            ),
        )
        .api_route(
            "/api/calendar/stream/",
            get_with(
                stream::stream,
                op!(
                    "events",
                    "streamChanges",
                    "What changes, as it changes (server-sent events)",
                    [410, 429]
                ),
            ),
        )
        .api_route(
            "/api/calendar/overlaps/",
            get_with(
                overlaps::list,
                op!("events", "listOverlaps", "Double bookings"),
            ),
        )
}

fn calendars_route() -> ApiMethodRouter<Shared> {
    get_with(
        calendars::list,
        op!("events", "listCalendars", "The tenant's own calendars"),
    )
    .post_with(
        calendars::make,
        op!("events", "createCalendar", "Make a calendar"),
    )
}

fn events_route() -> ApiMethodRouter<Shared> {
    get_with(
        events::list,
        op!(
            "events",
            "listEvents",
            "Events of a calendar, or their single occurrences"
        ),
    )
    .post_with(events::make, op!("events", "createEvent", "Make an event"))
}

fn event_route() -> ApiMethodRouter<Shared> {
    get_with(
        events::show,
        op!("events", "showEvent", "One event, or one occurrence of it"),
    )
    .patch_with(
        events::change,
        op!(
            "events",
            "changeEvent",
            "Change an event, one occurrence, or all that follow (JSON Merge Patch)",
            [412]
        ),
    )
    .delete_with(
        events::delete,
        op!(
            "events",
            "deleteEvent",
            "Delete an event, one occurrence, or all that follow; restorable",
            [412]
        ),
    )
}

fn oauth_routes() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route(
            "/api/oauth/google/initiate/",
            post_with(
                initiate::google,
                op!(
                    "oauth",
                    "initiateGoogle",
                    "Where a person consents to connect a Google account"
                ),
            ),
        )
        .api_route(
            "/api/oauth/microsoft/initiate/",
            post_with(
                initiate::microsoft,
                op!(
                    "oauth",
                    "initiateMicrosoft",
                    "Where a person consents to connect a Microsoft account"
                ),
            ),
        )
}

fn hook_routes() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route(
            "/api/hooks/google/{key}/",
            post_with(
                hooks::google,
                op!("hooks", "hearGoogle", "Google says that a calendar changed"),
            ),
        )
        .api_route(
            "/api/hooks/microsoft/{key}/",
            post_with(
                hooks::microsoft,
                op!(
                    "hooks",
                    "hearMicrosoft",
                    "Microsoft says that a calendar changed, or what became of a subscription",
                    [413]
                ),
            ),
        )
        .route_layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            hooks::ANSWER_WITHIN,
        ))
}

fn own_routes() -> ApiRouter<Shared> {
    ApiRouter::new()
        .api_route(
            "/api/tenant/features/",
            get_with(
                tenant::features,
                op!(
                    "tenant",
                    "listOwnFeatures",
                    "What the tenant may use, and why"
                ),
            ),
        )
        .api_route(
            "/api/tenant/usage/",
            get_with(
                tenant::usage,
                op!(
                    "tenant",
                    "showOwnUsage",
                    "How much the tenant uses of what its plan allows"
                ),
            ),
        )
        .api_route(
            "/api/tenant/members/",
            get_with(
                tenant::members,
                op!("tenant", "listMembers", "The tenant's members"),
            )
            .patch_with(
                tenant::set_role,
                op!(
                    "tenant",
                    "changeMember",
                    "Give a member another role, or end the membership",
                    [404]
                ),
            ),
        )
        .api_route(
            "/api/tenant/audit/",
            get_with(
                tenant::audit,
                op!("tenant", "listOwnAudit", "The tenant's audit log"),
            ),
        )
        .api_route(
            "/api/session/",
            get_with(
                session::show,
                op!("session", "showSession", "Who is signed in"),
            )
            .post_with(
                session::sign_in,
                op!(
                    "session",
                    "signIn",
                    "Sign in with a browser",
                    [401, 403, 429]
                ),
            )
            .delete_with(session::sign_out, op!("session", "signOut", "Sign out")),
        )
        .api_route(
            "/api/session/methods/",
            get_with(
                signin::methods,
                op!(
                    "session",
                    "listSignInMethods",
                    "The ways to sign in",
                    [431, 504]
                ),
            ),
        )
        .api_route(
            "/api/tokens/",
            get_with(
                tokens::list,
                op!("session", "listTokens", "The caller's API tokens"),
            )
            .post_with(
                tokens::make,
                op!(
                    "session",
                    "createToken",
                    "Make an API token; it is shown once"
                ),
            ),
        )
        .api_route(
            "/api/embed-links/",
            post_with(
                embed::make,
                op!(
                    "session",
                    "createEmbedLink",
                    "Make a link that opens a screen inside a host product"
                ),
            ),
        )
        .api_route(
            "/api/tokens/{id}/",
            delete_with(
                tokens::revoke,
                op!("session", "revokeToken", "Revoke an API token"),
            ),
        )
}

/// What is no API: the document, and pages.
fn pages(settings: &Server, document: &OpenApi) -> Router<Shared> {
    let json = serde_json::to_string(document).unwrap_or_default();
    let page = docs::page(settings, document);
    let as_json = move || async move { ([(CONTENT_TYPE, "application/json")], json) };
    Router::new()
        .route("/api/openapi.json", get(as_json))
        .route("/api/docs/", get(move || async move { Html(page) }))
        .route("/assets/page.css", get(style))
        .route("/invitations/accepted/", get(invitation::accepted))
        .route(
            "/invitations/{token}/",
            get(invitation::show).post(invitation::accept),
        )
}

async fn style() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("page.css"),
    )
}

/// The OpenAPI document, from the types of the handlers.
pub(crate) fn document() -> OpenApi {
    routed().1
}

/// The whole API.
pub(crate) fn router(api: Shared) -> Router {
    let (router, document) = routed();
    let once = middleware::from_fn_with_state(Arc::clone(&api), door::once);
    let wake = middleware::from_fn_with_state(Arc::clone(&api), door::wake);
    router
        .route_layer(once)
        .merge(pages(&api.settings, &document))
        .route_layer(wake)
        .with_state(api)
}

fn routed() -> (Router<Shared>, OpenApi) {
    aide::generate::extract_schemas(true);
    aide::generate::infer_responses(true);
    let mut document = OpenApi::default();
    let router = described().finish_api_with(&mut document, about);
    door::document_writes(&mut document);
    (router, document)
}

fn about(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    let token = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: None,
        description: Some("An API token.".to_owned()),
        extensions: indexmap::IndexMap::default(),
    };
    let cookie = SecurityScheme::ApiKey {
        location: aide::openapi::ApiKeyLocation::Cookie,
        name: "__Host-kalends".to_owned(),
        description: Some(
            "A browser's session; on plain loopback it is called `kalends`.".to_owned(),
        ),
        extensions: indexmap::IndexMap::default(),
    };
    api.title("Kalends")
        .version(env!("CARGO_PKG_VERSION"))
        .summary("Calendar sync for the tenants of a scheduling product")
        .description(
            "Every path answers with and without its trailing slash. The tenant is said by its subdomain, by the \
             header `X-Tenant`, or by a token that is bound to it. Errors are problem details (RFC 9457) which also \
             carry `success: false`, `error` and `code`. `GET /api/calendar/stream/` tells changes as server-sent \
             events, resumable by `Last-Event-ID`; with `?links=true` it also says when a link or an account is no \
             longer as it was. Every write takes an `Idempotency-Key`, with which it can be sent again without being \
             carried out twice.",
        )
        .security_scheme("token", token)
        .security_scheme(door::AS_COOKIE, cookie)
}
