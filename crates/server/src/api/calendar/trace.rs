//! Where each version of an event was written to, and what came of it.

use std::collections::HashSet;

use jiff::Timestamp;
use kalends_calendar::ids::EventId;
use kalends_store::events::EventVersion;
use kalends_store::remote_writes::{self, RemoteWrite, WriteOp, WriteOutcome};
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::words;

/// The latest writes of an event: those of years, unless two sides fight over it, which the engine ends sooner.
const WRITES_MAX: i64 = 1_000;

/// That a version was written to a remote calendar.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WrittenThere")]
pub(crate) struct Written {
    /// Through this link.
    link_id: String,
    #[schemars(with = "words::Instant")]
    at: Timestamp,
    #[schemars(with = "words::WriteOp")]
    op: WriteOp,
    /// Of the last attempt.
    #[schemars(with = "words::WriteOutcome")]
    outcome: WriteOutcome,
    /// How often it was tried.
    attempts: i64,
    /// The id there, once known.
    remote_id: Option<String>,
    /// What was wrong, for people.
    error: Option<String>,
}

/// For each of these versions, in their order, where it was written to. `until` is where in the feed the version after the last
/// of them stands, if there is one.
pub(super) async fn of(
    tx: &mut Tx,
    event: EventId,
    versions: &[EventVersion],
    until: Option<i64>,
) -> Result<Vec<Vec<Written>>, StoreError> {
    let writes = remote_writes::list(tx, event, WRITES_MAX).await?;
    let ends = versions.iter().skip(1).map(|version| version.seq);
    let ends = ends.chain([until.unwrap_or(i64::MAX)]);
    let written = versions.iter().zip(ends).map(|(version, end)| {
        // What is owed is stamped with the place in the feed of the version that it carries, or with a later one.
        let its = |write: &&RemoteWrite| (version.seq..end).contains(&write.stamp);
        last_attempts(writes.iter().filter(its))
    });
    Ok(written.collect())
}

/// The last attempt of each write, the first write first. They come the latest first.
fn last_attempts<'a>(writes: impl Iterator<Item = &'a RemoteWrite>) -> Vec<Written> {
    let mut known = HashSet::new();
    let mut written: Vec<Written> = writes
        .filter(|write| known.insert((write.link, write.stamp)))
        .map(|write| Written {
            link_id: write.link.to_string(),
            at: write.at,
            op: write.op,
            outcome: write.outcome,
            attempts: write.attempt,
            remote_id: write.remote_id.as_ref().map(|id| id.0.clone()),
            error: write.error.clone(),
        })
        .collect();
    written.reverse();
    written
}
