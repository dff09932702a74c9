//! When a link must look at everything again instead of trusting its cursor.

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::provider::Position;
use kalends_store::links::Link;

use crate::Settings;

/// Where the next listing begins. Sync tokens of many servers are known to forget changes, so that everything is listed
/// and compared once a day, whatever the cursor says.
pub(crate) fn position(link: &Link, now: Timestamp, settings: &Settings) -> Position {
    let every =
        SignedDuration::try_from(settings.full_listing_every).unwrap_or(SignedDuration::MAX);
    let fresh = link
        .last_full_at
        .is_some_and(|at| now.duration_since(at) < every);
    match &link.cursor {
        Some(cursor) if link.live && fresh => Position::Since(cursor.clone()),
        Some(_) | None => Position::Start,
    }
}
