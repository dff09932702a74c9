//! The Microsoft identity platform, what Graph says of the person who signed in, and Graph's door for sending.

mod aadsts;
mod admin;
mod authorize;
mod identity;
mod mail;
mod profile;
pub(crate) mod scopes;
mod tenancy;
mod token;
mod way;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

use self::tenancy::Tenancy;
use super::PREFIX;
use crate::oauth::page;
use crate::oauth::reply::{self, Script};
use crate::world::World;

/// What stands before the paths of Graph, as opposed to those of the identity platform.
const GRAPH: &str = "/microsoft/v1.0/";

/// Answers a request if it is one of those.
pub(super) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let response = found(world, request, now)?;
    if request.uri().path().starts_with(GRAPH) {
        return Some(profile::stamped(
            response,
            &mut world.microsoft.oauth,
            request,
            now,
        ));
    }
    Some(response)
}

fn found(world: &mut World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let path = request.uri().path().strip_prefix(PREFIX)?;
    let base = format!("{}{}", world.origin, PREFIX.trim_end_matches('/'));
    let parts: Vec<&str> = path.split('/').collect();
    let oauth = &mut world.microsoft.oauth;
    Some(match parts[..] {
        [tenant, "oauth2", "v2.0", "token"] => {
            let tenancy = Tenancy::read(tenant, oauth);
            token::answer(oauth, &base, (tenant, tenancy), request, now)
        }
        ["common", "discovery", "instance"] => identity::instance(&base, request),
        ["oidc", "userinfo"] => identity::userinfo(oauth, request, now),
        ["v1.0", "me"] => profile::answer(oauth, &base, request, now),
        ["v1.0", "me", "revokeSignInSessions"] => {
            profile::revoke_sessions(oauth, &base, request, now)
        }
        ["v1.0", "me", "sendMail" | "microsoft.graph.sendMail"] => {
            mail::answer(world, request, now)
        }
        [tenant, "oauth2", "v2.0", "authorize" | "logout"]
        | [tenant, "v2.0", "adminconsent"]
        | [tenant, "v2.0", ".well-known", "openid-configuration"]
        | [tenant, "discovery", "v2.0", "keys"] => {
            let Some(tenancy) = Tenancy::read(tenant, oauth) else {
                return Some(no_tenant(tenant));
            };
            match parts[parts.len() - 1] {
                "authorize" => authorize::answer(oauth, &tenancy, request, now),
                "adminconsent" => admin::answer(oauth, &tenancy, request, now),
                "logout" => authorize::logout(oauth, request),
                "keys" => identity::keys(request),
                _ => identity::discovery(oauth, &base, (tenant, &tenancy), request),
            }
        }
        _ => return None,
    })
}

/// What a browser is shown that asks for a tenant nobody knows.
fn no_tenant(tenant: &str) -> Response<Bytes> {
    let told = aadsts::no_tenant(tenant).told;
    let page = page::refusal("Sign in", "AADSTS90002", &told);
    reply::html(StatusCode::BAD_REQUEST, page, Script::None)
}
