//! The operator's own doors, below `/_sandbox/`: what a test looks at and changes while the faces answer.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

use crate::world::World;

/// What stands before every path of these doors.
pub const PREFIX: &str = "/_sandbox/";

/// Answers a request for one of these doors; none when it is for a face.
pub fn answer(
    _world: &mut World,
    request: &Request<Bytes>,
    _now: Timestamp,
) -> Option<Response<Bytes>> {
    if !request.uri().path().starts_with(PREFIX) {
        return None;
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    Some(response)
}
