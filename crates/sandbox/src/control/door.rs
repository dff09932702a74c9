//! The door of a world that stands behind a port: every request comes in here, and all that piles up is bounded.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::delivery::{self, Parcel};
use super::{answer, keep_last};
use crate::faults::{Outcome, handle};
use crate::world::World;

/// What came of a request, and what the holder has still to do before the answer goes out.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The answer, or that there is none.
    pub outcome: Outcome,
    /// What is to be sent first: the answer waits for what becomes of it, by [`World::report_push`].
    pub awaited: Vec<Parcel>,
}

/// How many requests are kept to be looked at. With their bodies some megabytes.
const REQUESTS_KEPT: usize = 2_000;

/// How many mails of each kind are kept to be looked at.
const MAILS_KEPT: usize = 1_000;

/// Answers a request as the world behind a port does: by an operator's door or by a face.
pub fn exchange(world: &mut World, request: &Request<Bytes>, now: Timestamp) -> Exchange {
    if let Some(response) = answer(world, request, now) {
        return Exchange {
            outcome: Outcome::Answered(response),
            awaited: Vec::new(),
        };
    }
    let outcome = Outcome::Answered(handle(world, request, now));
    let awaited = match &outcome {
        Outcome::Answered(response) => delivery::awaited(world, response),
        Outcome::Lost => Vec::new(),
    };
    bound(world);
    Exchange { outcome, awaited }
}

/// Forgets the oldest of what only people and tests look at.
fn bound(world: &mut World) {
    let forgotten = &mut world.control.forgotten;
    forgotten.requests += keep_last(&mut world.requests, REQUESTS_KEPT);
    forgotten.mails += keep_last(&mut world.mails, MAILS_KEPT);
    forgotten.outbox += keep_last(&mut world.outbox, MAILS_KEPT);
    forgotten.google_mails += keep_last(&mut world.google.mails, MAILS_KEPT);
    forgotten.microsoft_mails += keep_last(&mut world.microsoft.mails, MAILS_KEPT);
}
