//! Google as its documents describe it: Calendar API v3 and what belongs to it, below one prefix.

pub(crate) mod signin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

use crate::faults::Disturbance;
use crate::oauth::Oauth;
use crate::world::World;

/// What stands before every path of this face.
pub const PREFIX: &str = "/google/";

/// Everything behind this face.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Google {
    /// Who can sign in, and what was given out.
    pub oauth: Oauth,
}

/// Answers a request.
pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    _how: Disturbance,
) -> Response<Bytes> {
    if let Some(response) = signin::answer(world, request, now) {
        return response;
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
