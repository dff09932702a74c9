//! The Microsoft identity platform, and what Graph says about the person who signed in.

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
    let _ = (world, now);
    request.uri().path().strip_prefix(PREFIX)?;
    None
}
