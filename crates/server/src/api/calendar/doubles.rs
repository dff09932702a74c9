//! Possible doubles: what a first sync would bring in beside an event of the same title and time. The engine knows an event
//! again by its mark or its UID; what a person has typed into two calendars has two of them.

use std::collections::HashMap;

use kalends_calendar::ids::{CalendarId, EventId};
use kalends_calendar::time::Start;
use kalends_engine::Planned;
use kalends_engine::report::{Action, Side};
use kalends_store::events::{self, Window};
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// How many events of the calendar are looked at: those of years, and a look of a second.
const LOOKED_AT_MAX: usize = 20_000;
/// How many come with one statement.
const PAGE: i64 = 1_000;

/// An event that would come in beside one that is there already.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PossibleDouble")]
pub(crate) struct Double {
    title: String,
    /// When both start: `allDay`, `floating` or `zoned`.
    start: Value,
    /// The one that is there.
    event_id: String,
}

/// Which of what a plan makes in a calendar look like events that are in it.
pub(super) async fn find(
    tx: &mut Tx,
    calendar: CalendarId,
    plan: &[Planned],
) -> Result<Vec<Double>, StoreError> {
    let coming: Vec<(&str, &Start)> = plan
        .iter()
        .filter(|line| line.side == Side::Here && line.action == Action::Create)
        .filter_map(|line| Some((line.title.as_str(), line.start.as_ref()?)))
        .collect();
    if coming.is_empty() {
        return Ok(Vec::new());
    }
    let there = there(tx, calendar).await?;
    let doubles = coming.into_iter().filter_map(|(title, start)| {
        let event = there.get(&(alike(title), start.clone()))?;
        Some(Double {
            title: title.to_owned(),
            start: json!(start),
            event_id: event.to_string(),
        })
    });
    Ok(doubles.collect())
}

async fn there(
    tx: &mut Tx,
    calendar: CalendarId,
) -> Result<HashMap<(String, Start), EventId>, StoreError> {
    let mut all = HashMap::new();
    let mut after = None;
    loop {
        let page = events::list_range(tx, Some(calendar), Window::default(), after, PAGE).await?;
        for stored in page.events {
            if let Some(body) = stored.body {
                let master = body.master;
                all.insert((alike(&master.details.title), master.start), stored.id);
            }
        }
        after = page.next;
        if after.is_none() || all.len() >= LOOKED_AT_MAX {
            return Ok(all);
        }
    }
}

/// Titles that people take for the same.
fn alike(title: &str) -> String {
    title.trim().to_lowercase()
}
