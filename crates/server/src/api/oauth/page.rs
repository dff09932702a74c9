//! What a person sees who comes back from a consent page: a page, or the way on to where they came from.

use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kalends_providers::oauth::Vendor;
use url::Url;

use crate::api::docs::escaped;
use crate::api::page;
use crate::config::Server;

/// How a consent ended.
pub(super) enum End {
    /// Something is connected now.
    Connected {
        /// The account, for people.
        account: String,
        /// The id of its connection; none of the mailbox.
        connection: Option<String>,
        /// What comes next, for people.
        next: String,
    },
    /// Nothing is, and nothing was stored.
    Refused {
        /// With this status, where a page says so.
        status: StatusCode,
        /// Why, for machines.
        code: &'static str,
        /// Why, for people.
        why: String,
    },
}

/// Tells how it ended.
pub(super) fn told(
    settings: &Server,
    vendor: Vendor,
    end: &End,
    return_url: Option<&str>,
) -> Response {
    let response = match return_url.and_then(|url| url.parse::<Url>().ok()) {
        Some(url) => onward(settings, vendor, end, url),
        None => page(settings, end),
    };
    let mut response = response;
    // The address holds the code and the state: neither is the page kept, nor does it tell other sites whence one comes.
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn onward(settings: &Server, vendor: Vendor, end: &End, mut url: Url) -> Response {
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("provider", vendor.word());
        match end {
            End::Connected { connection, .. } => {
                query.append_pair("status", "connected");
                if let Some(connection) = connection {
                    query.append_pair("credential_id", connection);
                }
            }
            End::Refused { code, why, .. } => {
                query.append_pair("error", code);
                query.append_pair("error_description", why);
            }
        }
    }
    match HeaderValue::from_str(url.as_str()) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => page(settings, end),
    }
}

fn page(settings: &Server, end: &End) -> Response {
    let (status, content) = match end {
        End::Connected { account, next, .. } => (
            StatusCode::OK,
            format!(
                "<h1>Connected</h1><p>{} is connected.</p><p>{}</p>",
                escaped(account),
                escaped(next)
            ),
        ),
        End::Refused { status, why, .. } => (
            *status,
            format!(
                "<h1>Not connected</h1><p class=\"problem\" role=\"alert\">{}</p>\
                 <p>Nothing was stored. You can close this page and try again.</p>",
                escaped(why)
            ),
        ),
    };
    page::page(settings, status, &content)
}
