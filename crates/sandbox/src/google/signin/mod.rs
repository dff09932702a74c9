//! Google's authorisation server: consent, tokens, who somebody is; and Gmail's door for sending.

mod authorize;
mod identity;
mod mail;
pub(crate) mod scopes;
mod token;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use super::PREFIX;
use crate::world::World;

/// Answers a request if it is one of those.
pub(super) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let path = request.uri().path().strip_prefix(PREFIX)?;
    let base = format!("{}{}", world.origin, PREFIX.trim_end_matches('/'));
    let oauth = &mut world.google.oauth;
    Some(match path {
        "o/oauth2/v2/auth" | "o/oauth2/auth" => authorize::answer(oauth, request, now),
        "token" => token::answer(oauth, &base, request, now),
        "revoke" => token::revoke(oauth, request, now),
        "oauth2/v2/userinfo" | "userinfo/v2/me" => identity::person(oauth, request, now),
        "v1/userinfo" => identity::claims(oauth, request, now),
        "tokeninfo" | "oauth2/v3/tokeninfo" => identity::token(oauth, request, now),
        "oauth2/v2/tokeninfo" => identity::token_of_v2(oauth, request, now),
        ".well-known/openid-configuration" => identity::discovery(oauth, &base, request),
        "oauth2/v3/certs" => identity::keys(request),
        _ => return mail::answer(world, path, request, now),
    })
}
