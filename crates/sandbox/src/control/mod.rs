//! The world behind a port: the one door for requests, the pushes that go out, and what an operator may look at and change.
//!
//! An operator's doors lie below [`PREFIX`]. They speak JSON, know nobody and ask for no password: they are for tests and
//! people on their own machine.

mod delivery;
mod door;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

pub use delivery::{Delivery, Parcel};
pub use door::{Exchange, exchange};

use crate::world::World;

/// What stands before every path of an operator's doors.
pub const PREFIX: &str = "/_sandbox/";

/// What a world behind a port keeps beside its faces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Control {
    /// The pushes that were sent lately, in order.
    pub deliveries: Vec<Delivery>,
    /// How many were sent in all.
    delivered: u64,
    /// How many of what was kept to be looked at are forgotten.
    forgotten: Forgotten,
}

/// How many are forgotten of each, so that the others keep their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Forgotten {
    requests: u64,
    mails: u64,
    outbox: u64,
    google_mails: u64,
    microsoft_mails: u64,
}

/// Answers a request for an operator's door; none when it is for a face.
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

/// Takes the oldest away until at most `most` are left, and says how many that were.
fn keep_last<T>(all: &mut Vec<T>, most: usize) -> u64 {
    let surplus = all.len().saturating_sub(most);
    all.drain(..surplus);
    surplus as u64
}
