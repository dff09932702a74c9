//! What changed in a calendar: the delta of a window of time as a signal, and a listing of everything from time to time.
//!
//! A window is watched, because that is what Graph gives out the changes of. It tells of occurrences; which series is meant
//! stands in them, and the series itself is then read whole. A listing of everything names single events with their
//! content and series by their masters, within the window and beyond.

use std::collections::{BTreeMap, BTreeSet};

use ::http::StatusCode;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Change, Coverage, Next, Page, Position, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{self, Item};
use super::{Graph, normalize, refusal};
use crate::http::Request;
use crate::remote_id::{REMOTE_ID_BYTES_MAX, digest};

/// What a cursor of this form opens with.
const CURSOR: &str = "graph1:";

/// A window does not slide by itself. After this long everything is listed anew, and a new window begins.
const WINDOW_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How many series a cursor remembers an occurrence of. A cursor then has about half a megabyte; of the series beyond, only a
/// full listing shows that they were deleted.
const SERIES_MAX: usize = 2_000;

/// What a cursor remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Memory {
    /// Where the changes since are: opaque, verbatim.
    link: String,
    /// When the window began.
    made: Timestamp,
    /// Of each series, one occurrence in the window, by digest. When a series is deleted, Graph names only its occurrences
    /// as removed, by ids that tell nothing.
    series: BTreeMap<String, String>,
}

/// Where a listing under way stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Stage {
    /// In the delta of the window, of which only the end is wanted: everything follows.
    Window,
    /// In the changes since a cursor.
    News,
    /// In the listing of everything, with the changes to go on from.
    Everything {
        /// The link that the window ended with.
        delta: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Walk {
    stage: Stage,
    next: String,
    made: Timestamp,
    series: BTreeMap<String, String>,
}

impl Graph {
    /// One page of changes.
    pub(super) async fn list(
        &self,
        calendar: &RemoteCalendarId,
        from: &Position,
    ) -> Result<Page, Failure> {
        let now = self.now();
        // What a page names is looked at before the next one is asked for.
        self.with_learned(|learned| learned.named.clear());
        match from {
            Position::Start => {
                let zoned = now.to_zoned(TimeZone::UTC);
                let back = zoned.checked_sub(self.settings.months_back.months());
                let ahead = zoned.checked_add(self.settings.months_ahead.months());
                let (Ok(back), Ok(ahead)) = (back, ahead) else {
                    return Err(Failure::protocol("The window to watch is out of range"));
                };
                let request = self
                    .ask()
                    .view(calendar, back.timestamp(), ahead.timestamp());
                let walk = Walk {
                    stage: Stage::Window,
                    next: String::new(),
                    made: now,
                    series: BTreeMap::new(),
                };
                self.turn(calendar, walk, request).await
            }
            Position::Since(Cursor(cursor)) => {
                let memory: Memory = read(cursor)?;
                if now.duration_since(memory.made) > WINDOW_AGE_MAX {
                    return Err(Failure::new(
                        Class::CursorDead,
                        "The window that was watched has moved on",
                    ));
                }
                let request = self.ask().follow(&memory.link)?;
                let walk = Walk {
                    stage: Stage::News,
                    next: memory.link,
                    made: memory.made,
                    series: memory.series,
                };
                self.turn(calendar, walk, request).await
            }
            Position::Page(page) => {
                let walk: Walk = read(page)?;
                let request = self.ask().follow(&walk.next)?;
                self.turn(calendar, walk, request).await
            }
        }
    }

    /// Reads one page, and says what follows it.
    async fn turn(
        &self,
        calendar: &RemoteCalendarId,
        mut walk: Walk,
        request: Request,
    ) -> Result<Page, Failure> {
        let answer = self.send(request).await?;
        if answer.status != StatusCode::OK {
            let failure = match walk.stage {
                // The changes of a window, also where they are only begun: a token in the middle of it may die too.
                Stage::Window | Stage::News => refusal::of_token(&answer, self.now()),
                Stage::Everything { .. } => refusal::of_read(&answer, self.now()),
            };
            let begins = matches!(walk.stage, Stage::Window);
            return Err(if begins && failure.class == Class::CursorDead {
                // There is nothing to fall back to: it begins again the next time.
                Failure::passing(failure.message)
            } else {
                failure
            });
        }
        let page = wire::collection(&answer.body)?;
        let changes = match walk.stage {
            Stage::Window => {
                self.signals(&page.value, &mut walk.series)?;
                Vec::new()
            }
            Stage::News => self.signals(&page.value, &mut walk.series)?,
            Stage::Everything { .. } => self.contents(&page.value),
        };
        if let Some(link) = page.next_link {
            if link == walk.next {
                return Err(Failure::protocol("Microsoft's listing does not get on"));
            }
            walk.next = link;
            return Ok(Page::new(changes, Next::More(written(&walk))));
        }
        let next = match (walk.stage, page.delta_link) {
            (Stage::Window, Some(delta)) => {
                let everything = self.ask().events(calendar);
                Next::More(written(&Walk {
                    stage: Stage::Everything { delta },
                    next: everything.url.to_string(),
                    made: walk.made,
                    series: walk.series,
                }))
            }
            (Stage::News, Some(delta)) => {
                done(delta, walk.made, walk.series, Coverage::Incremental)
            }
            (Stage::Everything { delta }, _) => {
                done(delta, walk.made, walk.series, Coverage::Complete)
            }
            (Stage::Window | Stage::News, None) => {
                return Err(Failure::protocol(
                    "Microsoft's listing of changes ends without saying where to go on",
                ));
            }
        };
        Ok(Page::new(changes, next))
    }

    /// What the items of a window point at.
    fn signals(
        &self,
        items: &[Value],
        series: &mut BTreeMap<String, String>,
    ) -> Result<Vec<Change>, Failure> {
        let mut changes = Vec::new();
        let mut masters = BTreeSet::new();
        let mut removed = BTreeSet::new();
        for value in items {
            let item = wire::item(value).map_err(|failure| Failure::protocol(failure.message))?;
            if item.id.is_empty() {
                continue;
            }
            if item.removed.is_some() {
                removed.insert(digest(&item.id));
                // It may only have left the window, or be one that came to be outside it: looking tells.
                changes.push(listed(&item.id, None));
            } else if let Some(master) = item.master() {
                if series.len() < SERIES_MAX || series.contains_key(master) {
                    series.insert(master.to_owned(), digest(&item.id));
                }
                masters.insert(master.to_owned());
            } else if item.is_master() {
                masters.insert(item.id.clone());
            } else {
                self.name(&item.id);
                changes.push(listed(&item.id, normalize::version(&item)));
            }
        }
        if !removed.is_empty() {
            // Gone, or gone from the window: that is looked at, so that it does not count as named.
            series.retain(|master, occurrence| {
                let lost = removed.contains(occurrence);
                if lost {
                    changes.push(listed(master, None));
                }
                !lost
            });
        }
        for master in masters {
            self.name(&master);
            changes.push(listed(&master, None));
        }
        Ok(changes)
    }

    /// The content of the items of a listing of everything. Of a series, only its own request tells the whole.
    fn contents(&self, items: &[Value]) -> Vec<Change> {
        let me = self.me();
        let mut changes = Vec::with_capacity(items.len());
        for value in items {
            let item = match wire::item(value) {
                Ok(item) if item.id.is_empty() => continue,
                Ok(item) => item,
                Err(failure) => {
                    if let Some(id) = value["id"].as_str() {
                        changes.push(broken(id, None, failure));
                    }
                    continue;
                }
            };
            if let Some(master) = item.master() {
                self.name(master);
                changes.push(listed(master, None));
                continue;
            }
            self.name(&item.id);
            changes.push(if item.is_master() {
                listed(&item.id, None)
            } else {
                present(value, &item, &me)
            });
        }
        changes
    }

    fn name(&self, id: &str) {
        self.with_learned(|learned| learned.named.insert(RemoteId::from(id)));
    }
}

/// An event with its content, or why it has none for us.
pub(super) fn present(
    value: &Value,
    item: &Item,
    me: &[kalends_calendar::event::Address],
) -> Change {
    if item.id.len() > REMOTE_ID_BYTES_MAX {
        let failure = Failure::item("its id is longer than any that Microsoft gives");
        return broken(&digest(&item.id), None, failure);
    }
    match normalize::observed(value, me) {
        Ok(observed) => Change {
            remote_id: RemoteId::from(item.id.as_str()),
            state: State::Present(Box::new(observed)),
        },
        Err(failure) => broken(&item.id, Some(item), failure),
    }
}

fn broken(id: &str, item: Option<&Item>, failure: Failure) -> Change {
    Change {
        remote_id: RemoteId::from(id),
        state: State::Broken {
            version: item.and_then(normalize::version),
            error: failure.message,
        },
    }
}

fn listed(id: &str, version: Option<kalends_calendar::ids::Version>) -> Change {
    Change {
        remote_id: RemoteId::from(id),
        state: State::Listed(version),
    }
}

fn done(
    link: String,
    made: Timestamp,
    series: BTreeMap<String, String>,
    coverage: Coverage,
) -> Next {
    Next::Done {
        cursor: Some(Cursor(written(&Memory { link, made, series }))),
        coverage,
    }
}

fn written<T: Serialize>(value: &T) -> String {
    // Plain data with string keys: serialising it cannot fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    format!("{CURSOR}{text}")
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Failure> {
    text.strip_prefix(CURSOR)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| Failure::new(Class::CursorDead, "The cursor is not one of this provider"))
}
