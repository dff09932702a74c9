//! Microsoft 365 as its documents describe it: Graph v1.0 calendars and what belongs to them, below one prefix.

pub(crate) mod signin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

use crate::faults::Disturbance;
use crate::oauth::Oauth;
use crate::world::World;

/// What stands before every path of this face.
pub const PREFIX: &str = "/microsoft/";

/// Everything behind this face.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Microsoft {
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
