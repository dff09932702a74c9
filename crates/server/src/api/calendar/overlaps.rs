//! `GET /api/calendar/overlaps/`: double bookings across the tenant's calendars.

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::event::{FreeBusyStatus, Status};
use kalends_store::calendars;
use kalends_store::events::{self, Window};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::occurrences::{OCCURRENCES_MAX, Shown, Unexpanded, expand, range};
use crate::api::door::{Gate, Reading};
use crate::api::error::{Answer, ApiError};
use crate::api::input::Params;
use crate::api::words;

/// The most events that are looked at.
const EVENTS_MAX: i64 = 10_000;
/// The most double bookings that are shown.
const OVERLAPS_MAX: usize = 1_000;

/// Between when.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Range {
    #[schemars(with = "words::Instant")]
    from: Option<Timestamp>,
    #[schemars(with = "words::Instant")]
    to: Option<Timestamp>,
}

/// Double bookings, in the order of their begin.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Overlaps {
    success: bool,
    overlaps: Vec<Overlap>,
    /// Whether there are more than are shown.
    truncated: bool,
    /// Events that could not be looked at.
    problems: Vec<Unexpanded>,
}

/// Two occurrences that block the same time.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Overlap {
    /// When both have begun.
    #[schemars(with = "words::Instant")]
    from: Timestamp,
    /// When the first of them ends.
    #[schemars(with = "words::Instant")]
    to: Timestamp,
    first: Shown,
    second: Shown,
}

pub(crate) async fn list(
    gate: Gate<Reading>,
    Params(wanted): Params<Range>,
) -> Answer<Json<Overlaps>> {
    let (from, to) = range(wanted.from, wanted.to)?;
    let mut tx = gate.read().await?;
    let calendars = calendars::list(&mut tx).await?;
    let window = Window {
        from: Some(from),
        to: Some(to),
    };
    let page = events::list_range(&mut tx, None, window, None, EVENTS_MAX).await?;
    drop(tx);
    if page.next.is_some() {
        let problem = format!("more than {EVENTS_MAX} events lie in that time; ask for less of it");
        return Err(ApiError::field("to", problem));
    }
    let work = move || {
        let (occurrences, problems) = expand(&page.events, &calendars, (from, to))?;
        Some((overlapping(occurrences), problems))
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let Some(((overlaps, truncated), problems)) = worked.map_err(ApiError::internal)? else {
        let problem =
            format!("more than {OCCURRENCES_MAX} occurrences lie in that time; ask for less of it");
        return Err(ApiError::field("to", problem));
    };
    Ok(Json(Overlaps {
        success: true,
        overlaps,
        truncated,
        problems,
    }))
}

/// Those that block time at the same time, from occurrences in the order of their starts; and whether there are more.
fn overlapping(all: Vec<Shown>) -> (Vec<Overlap>, bool) {
    let blocking = |one: &Shown| {
        one.free_busy_status == FreeBusyStatus::Busy
            && one.status != Status::Cancelled
            && one.starts_at < one.ends_at
    };
    let mut open: Vec<Shown> = Vec::new();
    let mut overlaps = Vec::new();
    for one in all.into_iter().filter(blocking) {
        open.retain(|earlier| earlier.ends_at > one.starts_at);
        for earlier in open.iter().filter(|earlier| !is_copy(earlier, &one)) {
            if overlaps.len() == OVERLAPS_MAX {
                return (overlaps, true);
            }
            overlaps.push(Overlap {
                from: one.starts_at,
                to: one.ends_at.min(earlier.ends_at),
                first: earlier.clone(),
                second: one.clone(),
            });
        }
        open.push(one);
    }
    (overlaps, false)
}

/// Occurrences of one event do not book anybody twice.
fn is_copy(one: &Shown, other: &Shown) -> bool {
    one.event_id == other.event_id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_to(id: &str, from: i64, to: i64) -> Shown {
        let at = |second| Timestamp::from_second(second).unwrap();
        Shown {
            event_id: id.to_owned(),
            calendar_id: "c".to_owned(),
            recurrence_id: None,
            title: id.to_owned(),
            start: String::new(),
            time_zone: None,
            all_day: false,
            starts_at: at(from),
            ends_at: at(to),
            location: None,
            free_busy_status: FreeBusyStatus::Busy,
            status: Status::Confirmed,
        }
    }

    #[test]
    fn what_touches_does_not_overlap_and_what_is_free_or_cancelled_books_nobody() {
        let mut free = from_to("free", 0, 100);
        free.free_busy_status = FreeBusyStatus::Free;
        let mut cancelled = from_to("cancelled", 0, 100);
        cancelled.status = Status::Cancelled;
        let all = vec![
            free,
            cancelled,
            from_to("a", 0, 10),
            from_to("b", 10, 30),
            from_to("b", 15, 25),
            from_to("c", 20, 22),
            from_to("instant", 21, 21),
        ];
        let (found, truncated) = overlapping(all);
        let pairs: Vec<(&str, &str, i64, i64)> = found
            .iter()
            .map(|one| {
                let (from, to) = (one.from.as_second(), one.to.as_second());
                (&*one.first.title, &*one.second.title, from, to)
            })
            .collect();
        assert_eq!(pairs, [("b", "c", 20, 22), ("b", "c", 20, 22)]);
        assert!(!truncated);
    }
}
