//! Listings: what there is and what changed, page by page, each series as a whole.
//!
//! Google lists a series in parts, in any order: the master, and every instance that departs from it. What happens once is
//! passed on as it comes; the parts of series wait until the last page, because only then is it known that no more follow.
//! So the memory that a listing takes grows with its series, not with its events.

use std::collections::{BTreeMap, BTreeSet};

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Change, Coverage, Next, Page, Position, State};
use serde::{Deserialize, Serialize};

use super::Google;
use super::aggregate::{self, Aggregate, Frame};
use super::fetch::{Series, is_series, is_synced};
use super::refusal::Doing;
use super::requests::{self, From};
use super::wire::{self, Events, Resource};

/// What the cursors of listings with these parameters open with. Google's tokens are good for the parameters they were
/// given with only: whoever changes those counts on, and every calendar is listed once more.
const CURSOR_PREFIX: &str = "1:";

/// How many series are passed on at once when all their parts are here.
const SERIES_PER_PAGE: usize = 500;

/// How many series are passed on at once when they must be asked for: each costs a request or two.
const ASKED_PER_PAGE: usize = 20;

/// How many listings may be under way at once. One more, and the oldest is taken for abandoned.
const LISTINGS_MAX: usize = 8;

/// A listing under way.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The token it began with; none where it names everything.
    since: Option<String>,
    frame: Frame,
    /// Masters, as text: a tree of each would take five times the memory.
    masters: BTreeMap<String, String>,
    /// Instances that depart, by series and id.
    instances: BTreeMap<String, BTreeMap<String, String>>,
    /// What was deleted, so that its parts are not taken for something of their own.
    deleted: BTreeSet<String>,
    cursor: Option<Cursor>,
}

/// Where a listing goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// Which listing.
    listing: u64,
    /// Google's page; none where all pages were read and series remain.
    page: Option<String>,
}

impl Place {
    fn next(self) -> Next {
        // Plain data: writing it cannot fail.
        Next::More(serde_json::to_string(&self).unwrap_or_default())
    }
}

impl Google {
    /// One page.
    pub(super) async fn list(
        &self,
        calendar: &RemoteCalendarId,
        from: &Position,
    ) -> Result<Page, Failure> {
        let place = match from {
            Position::Start => self.begin(Listing::default()),
            Position::Since(cursor) => {
                let since = cursor.as_str().strip_prefix(CURSOR_PREFIX).ok_or_else(|| {
                    Failure::new(
                        Class::CursorDead,
                        "the listing has other parameters than it had when this cursor was given",
                    )
                })?;
                self.begin(Listing {
                    since: Some(since.to_owned()),
                    ..Listing::default()
                })
            }
            Position::Page(token) => {
                let place: Place = serde_json::from_str(token)
                    .map_err(|_| Failure::protocol("this is no page of a listing of Google's"))?;
                if place.page.is_none() {
                    let listing = self.take_listing(place.listing)?;
                    return self
                        .pass_on(calendar, place.listing, listing, Vec::new())
                        .await;
                }
                place
            }
        };
        let listing = self.take_listing(place.listing)?;
        self.read_page(calendar, place, listing).await
    }

    fn begin(&self, listing: Listing) -> Place {
        self.with_learned(|learned| {
            learned.listings_begun += 1;
            let number = learned.listings_begun;
            learned.listings.insert(number, listing);
            while learned.listings.len() > LISTINGS_MAX {
                learned.listings.pop_first();
            }
            Place {
                listing: number,
                page: None,
            }
        })
    }

    /// Takes a listing out: whoever fails with it leaves nothing behind.
    fn take_listing(&self, number: u64) -> Result<Listing, Failure> {
        self.with_learned(|learned| learned.listings.remove(&number))
            .ok_or_else(|| Failure::passing("this listing was given up; it begins anew"))
    }

    fn keep_listing(&self, number: u64, listing: Listing) {
        self.with_learned(|learned| learned.listings.insert(number, listing));
    }

    async fn read_page(
        &self,
        calendar: &RemoteCalendarId,
        place: Place,
        mut listing: Listing,
    ) -> Result<Page, Failure> {
        let from = From {
            sync_token: listing.since.as_deref(),
            page_token: place.page.as_deref(),
        };
        let request = requests::events(&self.api.base, calendar, from)?;
        let answer = self.ask(request, Doing::ReadCalendar).await?;
        let mut page: Events = wire::body(&answer.body)?;
        drop(answer);
        listing.frame = self.learn_frame(calendar, &mut page);
        let mut changes = Vec::new();
        for resource in page.items {
            changes.extend(self.sort(&mut listing, resource)?);
        }
        if let Some(token) = page.next_page_token {
            self.keep_listing(place.listing, listing);
            let next = Place {
                listing: place.listing,
                page: Some(token),
            };
            return Ok(Page {
                changes,
                next: next.next(),
            });
        }
        listing.cursor = page
            .next_sync_token
            .map(|token| Cursor(format!("{CURSOR_PREFIX}{token}")));
        self.pass_on(calendar, place.listing, listing, changes)
            .await
    }

    /// Passes on what happens once, or was deleted, and keeps the parts of series.
    fn sort(&self, listing: &mut Listing, resource: Resource) -> Result<Option<Change>, Failure> {
        let Some(id) = aggregate::text(&resource, "id").map(str::to_owned) else {
            return Err(Failure::protocol("Google lists an event without an id"));
        };
        if !is_synced(&resource) {
            return Ok(None);
        }
        if let Some(series) = aggregate::text(&resource, "recurringEventId") {
            let series = series.to_owned();
            let parts = listing.instances.entry(series).or_default();
            parts.insert(id, text_of(&resource));
            return Ok(None);
        }
        listing.masters.remove(&id);
        listing.deleted.remove(&id);
        if aggregate::is_cancelled(&resource) {
            listing.deleted.insert(id.clone());
            return Ok(Some(change(id, State::Gone)));
        }
        if is_series(&resource) {
            listing.masters.insert(id, text_of(&resource));
            return Ok(None);
        }
        let whole = Aggregate {
            frame: listing.frame.clone(),
            event: resource,
            instances: BTreeMap::new(),
        };
        Ok(Some(change(id, self.state(&whole))))
    }

    /// All pages are read: passes on the next series, and in the end the cursor.
    async fn pass_on(
        &self,
        calendar: &RemoteCalendarId,
        number: u64,
        mut listing: Listing,
        mut changes: Vec<Change>,
    ) -> Result<Page, Failure> {
        let mut asked = 0;
        let full = changes.len() + SERIES_PER_PAGE;
        while changes.len() < full && asked < ASKED_PER_PAGE {
            if let Some((id, master)) = listing.masters.pop_first() {
                let parts = listing.instances.remove(&id).unwrap_or_default();
                if listing.since.is_none() {
                    changes.push(self.assembled(&listing.frame, id, &master, &parts)?);
                } else {
                    asked += 1;
                    changes.extend(self.touched(calendar, id, Some(&master), &parts).await?);
                }
            } else if let Some((id, parts)) = listing.instances.pop_first() {
                if listing.deleted.contains(&id) {
                    changes.extend(parts.into_keys().map(|part| change(part, State::Gone)));
                } else {
                    asked += 1;
                    changes.extend(self.touched(calendar, id, None, &parts).await?);
                }
            } else {
                return Ok(done(listing, changes));
            }
        }
        if listing.masters.is_empty() && listing.instances.is_empty() {
            return Ok(done(listing, changes));
        }
        self.keep_listing(number, listing);
        let next = Place {
            listing: number,
            page: None,
        };
        Ok(Page {
            changes,
            next: next.next(),
        })
    }

    /// A series of which a complete listing named every part.
    fn assembled(
        &self,
        frame: &Frame,
        id: String,
        master: &str,
        parts: &BTreeMap<String, String>,
    ) -> Result<Change, Failure> {
        let mut instances = BTreeMap::new();
        for (part, text) in parts {
            instances.insert(part.clone(), resource_of(text)?);
        }
        let whole = Aggregate {
            frame: frame.clone(),
            event: resource_of(master)?,
            instances,
        };
        Ok(change(id, self.state(&whole)))
    }

    /// A series of which only some parts were named: it is read whole. Where it cannot be seen, its instances are events of
    /// their own; where it can, they no longer are.
    async fn touched(
        &self,
        calendar: &RemoteCalendarId,
        id: String,
        master: Option<&str>,
        parts: &BTreeMap<String, String>,
    ) -> Result<Vec<Change>, Failure> {
        let resource = master
            .or(parts.values().next().map(String::as_str))
            .map(resource_of)
            .transpose()?;
        let uid = resource
            .as_ref()
            .and_then(|resource| aggregate::text(resource, "iCalUID"));
        let gone = |parts: &BTreeMap<String, String>| -> Vec<Change> {
            parts
                .keys()
                .map(|part| change(part.clone(), State::Gone))
                .collect()
        };
        match self.series(calendar, &id, uid).await? {
            Series::Whole(whole) => {
                let mut changes = gone(parts);
                changes.push(change(id, self.state(&whole)));
                Ok(changes)
            }
            Series::Gone => {
                let mut changes = gone(parts);
                changes.push(change(id, State::Gone));
                Ok(changes)
            }
            Series::Unreadable => {
                let frame = self.frame(calendar).await?;
                let mut changes = Vec::new();
                for (part, text) in parts {
                    let event = resource_of(text)?;
                    let state = if aggregate::is_cancelled(&event) {
                        State::Gone
                    } else {
                        self.state(&Aggregate {
                            frame: frame.clone(),
                            event,
                            instances: BTreeMap::new(),
                        })
                    };
                    changes.push(change(part.clone(), state));
                }
                Ok(changes)
            }
        }
    }
}

fn done(listing: Listing, changes: Vec<Change>) -> Page {
    Page {
        changes,
        next: Next::Done {
            cursor: listing.cursor,
            coverage: match listing.since {
                Some(_) => Coverage::Incremental,
                None => Coverage::Complete,
            },
        },
    }
}

fn change(id: String, state: State) -> Change {
    Change {
        remote_id: RemoteId(id),
        state,
    }
}

fn text_of(resource: &Resource) -> String {
    // A map with string keys: writing it cannot fail.
    serde_json::to_string(resource).unwrap_or_default()
}

fn resource_of(text: &str) -> Result<Resource, Failure> {
    wire::body(text.as_bytes())
}
