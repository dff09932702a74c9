//! The door of a world that stands behind a port: every request comes in here, and all that piles up is bounded.

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::delivery::{self, Parcel};
use super::{answer, keep_last, mails};
use crate::faults::{Fault, Outcome, handle_with};
use crate::microsoft;
use crate::world::World;

/// What came of a request, and what the holder has still to do before the answer goes out.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The answer, or that there is none.
    pub outcome: Outcome,
    /// What is to be sent first: the answer waits for what becomes of it, by [`World::report_push`].
    pub awaited: Vec<Parcel>,
    /// How long the answer is then held back.
    pub delay: SignedDuration,
    /// Whether the connection breaks where the answer ends.
    pub breaks_off: bool,
}

/// How many requests are kept to be looked at. With their bodies some megabytes.
const REQUESTS_KEPT: usize = 2_000;

/// Answers a request as the world behind a port does, by an operator's door or by a face. `now` is what the holder's clock
/// says.
pub fn exchange(world: &mut World, request: &Request<Bytes>, now: Timestamp) -> Exchange {
    if let Some(response) = answer(world, request, now) {
        return Exchange {
            outcome: Outcome::Answered(response),
            awaited: Vec::new(),
            delay: SignedDuration::ZERO,
            breaks_off: false,
        };
    }
    let struck = world.struck(request);
    if struck.revoked_grant {
        revoke(world, request);
    }
    let at = world.time(now);
    let outcome = handle_with(world, request, at, struck.fault);
    let awaited = match &outcome {
        Outcome::Answered(response) => delivery::awaited(world, response, at),
        Outcome::Lost => Vec::new(),
    };
    if struck.delay > SignedDuration::ZERO && goes_on(request, &outcome) {
        world.microsoft.hold(request, struck.delay, at);
    }
    world.control.requests_forgotten += keep_last(&mut world.requests, REQUESTS_KEPT);
    mails::gather(world);
    Exchange {
        outcome,
        awaited,
        delay: struck.delay,
        breaks_off: matches!(struck.fault, Some(Fault::CutBody { .. })),
    }
}

/// Whether a request to a mailbox occupies it while its answer is held back: one that is refused for others does not.
fn goes_on(request: &Request<Bytes>, outcome: &Outcome) -> bool {
    let refused = match outcome {
        Outcome::Answered(response) => response.status() == StatusCode::TOO_MANY_REQUESTS,
        Outcome::Lost => true,
    };
    microsoft::is_api(request.uri().path()) && !refused
}

/// Takes back what whoever sends a request has allowed the client.
fn revoke(world: &mut World, request: &Request<Bytes>) {
    for oauth in [&mut world.google.oauth, &mut world.microsoft.oauth] {
        if let Some(holder) = oauth.whose(request) {
            oauth.revoke_grant(&holder);
        }
    }
}
