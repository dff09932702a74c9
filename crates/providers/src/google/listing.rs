//! Listings: what there is and what changed, page by page, each series as a whole.
//!
//! Google lists a series in parts, in any order: the master, and every instance that departs from it. What happens once is
//! passed on as it comes. In a listing of everything the parts of series are passed on as such, and put together when no
//! more can follow: nothing of it is remembered here, so that it takes no more memory for more events, and goes on from
//! any page on any node. In a listing of what changed, which is short, the parts wait here until the last page; a series of
//! which some part changed is then read whole.

use std::collections::{BTreeMap, BTreeSet};

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Change, Coverage, Next, Page, Part, Position, State};
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

/// How many series are passed on at once, which must be asked for: each costs a request or two.
const ASKED_PER_PAGE: usize = 20;

/// How many listings may be under way at once. One more, and the oldest is taken for abandoned.
const LISTINGS_MAX: usize = 8;

/// A listing of what changed, under way.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The token it began with.
    since: String,
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
#[serde(rename_all = "snake_case")]
enum Place {
    /// At a page of everything.
    Everything(String),
    /// All pages of everything were read, and this is Google's token for what changes from then on.
    Read(Option<String>),
    /// In what changed: which listing, and Google's page; none where all pages were read and series remain.
    News(u64, Option<String>),
}

impl Place {
    fn next(&self) -> Next {
        // Plain data: writing it cannot fail.
        Next::More(serde_json::to_string(self).unwrap_or_default())
    }
}

impl Google {
    /// One page.
    pub(super) async fn list(
        &self,
        calendar: &RemoteCalendarId,
        from: &Position,
    ) -> Result<Page, Failure> {
        match from {
            Position::Start => self.read_everything(calendar, None).await,
            Position::Since(cursor) => {
                let since = cursor.as_str().strip_prefix(CURSOR_PREFIX).ok_or_else(|| {
                    Failure::new(
                        Class::CursorDead,
                        "the listing has other parameters than it had when this cursor was given",
                    )
                })?;
                let number = self.begin(since);
                let listing = self.take_listing(number)?;
                self.read_news(calendar, (number, None), listing).await
            }
            Position::Page(token) => {
                let place: Place = serde_json::from_str(token).map_err(|_| {
                    Failure::new(
                        Class::CursorDead,
                        "this is no page of a listing of Google's",
                    )
                })?;
                match place {
                    Place::Everything(page) => self.read_everything(calendar, Some(&page)).await,
                    Place::Read(token) => Ok(read(Vec::new(), token)),
                    Place::News(number, page) => {
                        let listing = self.take_listing(number)?;
                        if page.is_none() {
                            self.pass_on(calendar, number, listing, Vec::new()).await
                        } else {
                            self.read_news(calendar, (number, page), listing).await
                        }
                    }
                }
            }
        }
    }

    async fn read_everything(
        &self,
        calendar: &RemoteCalendarId,
        page_token: Option<&str>,
    ) -> Result<Page, Failure> {
        let from = From {
            sync_token: None,
            page_token,
        };
        let request = requests::events(&self.api.base, calendar, from)?;
        let answer = self.ask(request, Doing::ReadCalendar).await?;
        let mut page: Events = wire::body(&answer.body)?;
        drop(answer);
        let frame = self.learn_frame(calendar, &mut page);
        let mut changes = Vec::new();
        let mut parts = Vec::new();
        for resource in page.items {
            let id = id_of(&resource)?;
            if !is_synced(&resource) {
                continue;
            }
            if let Some(series) = aggregate::text(&resource, "recurringEventId") {
                let series = series.to_owned();
                parts.push(part(series, id, &resource));
            } else if aggregate::is_cancelled(&resource) {
                // A listing that takes long may name what is gone by then. Its parts go with it.
                parts.push(Part {
                    series: id.clone(),
                    id,
                    text: String::new(),
                });
            } else if is_series(&resource) {
                parts.push(part(id.clone(), id, &resource));
            } else {
                let whole = Aggregate {
                    frame: frame.clone(),
                    event: resource,
                    instances: BTreeMap::new(),
                };
                changes.push(change(id, self.state(&whole)));
            }
        }
        let next = match page.next_page_token {
            Some(token) => Place::Everything(token).next(),
            None if parts.is_empty() && page_token.is_none() => {
                return Ok(read(changes, page.next_sync_token));
            }
            None => Place::Read(page.next_sync_token).next(),
        };
        Ok(Page {
            changes,
            parts,
            next,
        })
    }

    /// A series of which a complete listing named these parts.
    pub(super) async fn put_together(
        &self,
        calendar: &RemoteCalendarId,
        series: &str,
        parts: Vec<Part>,
    ) -> Result<Vec<Change>, Failure> {
        let mut parts: BTreeMap<String, String> =
            parts.into_iter().map(|part| (part.id, part.text)).collect();
        let id = series.to_owned();
        match parts.remove(series) {
            Some(master) if !master.is_empty() => {
                let frame = self.frame(calendar).await?;
                Ok(vec![self.assembled(&frame, id, &master, &parts)?])
            }
            Some(_) => Ok(gone(&parts).chain([change(id, State::Gone)]).collect()),
            None => self.touched(calendar, id, None, &parts).await,
        }
    }

    fn begin(&self, since: &str) -> u64 {
        let listing = Listing {
            since: since.to_owned(),
            ..Listing::default()
        };
        self.with_learned(|learned| {
            learned.listings_begun += 1;
            let number = learned.listings_begun;
            learned.listings.insert(number, listing);
            while learned.listings.len() > LISTINGS_MAX {
                learned.listings.pop_first();
            }
            number
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

    async fn read_news(
        &self,
        calendar: &RemoteCalendarId,
        (number, page): (u64, Option<String>),
        mut listing: Listing,
    ) -> Result<Page, Failure> {
        let from = From {
            sync_token: Some(&listing.since),
            page_token: page.as_deref(),
        };
        let request = requests::events(&self.api.base, calendar, from)?;
        let answer = self.ask(request, Doing::ReadCalendar).await?;
        let mut page: Events = wire::body(&answer.body)?;
        drop(answer);
        let frame = self.learn_frame(calendar, &mut page);
        let mut changes = Vec::new();
        for resource in page.items {
            changes.extend(self.sort(&mut listing, &frame, resource)?);
        }
        if let Some(token) = page.next_page_token {
            self.keep_listing(number, listing);
            return Ok(Page::new(changes, Place::News(number, Some(token)).next()));
        }
        listing.cursor = page.next_sync_token.map(cursor_of);
        self.pass_on(calendar, number, listing, changes).await
    }

    /// Passes on what happens once, or was deleted, and keeps the parts of series.
    fn sort(
        &self,
        listing: &mut Listing,
        frame: &Frame,
        resource: Resource,
    ) -> Result<Option<Change>, Failure> {
        let id = id_of(&resource)?;
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
            frame: frame.clone(),
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
        while asked < ASKED_PER_PAGE {
            if let Some((id, master)) = listing.masters.pop_first() {
                let parts = listing.instances.remove(&id).unwrap_or_default();
                asked += 1;
                changes.extend(self.touched(calendar, id, Some(&master), &parts).await?);
            } else if let Some((id, parts)) = listing.instances.pop_first() {
                if listing.deleted.contains(&id) {
                    changes.extend(gone(&parts));
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
        Ok(Page::new(changes, Place::News(number, None).next()))
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
        match self.series(calendar, &id, uid).await? {
            Series::Whole(whole) => Ok(gone(parts)
                .chain([change(id, self.state(&whole))])
                .collect()),
            Series::Gone => Ok(gone(parts).chain([change(id, State::Gone)]).collect()),
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

/// The end of a listing of everything.
fn read(changes: Vec<Change>, token: Option<String>) -> Page {
    let next = Next::Done {
        cursor: token.map(cursor_of),
        coverage: Coverage::Complete,
    };
    Page::new(changes, next)
}

/// The end of a listing of what changed.
fn done(listing: Listing, changes: Vec<Change>) -> Page {
    let next = Next::Done {
        cursor: listing.cursor,
        coverage: Coverage::Incremental,
    };
    Page::new(changes, next)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be mapped over"
)]
fn cursor_of(token: String) -> Cursor {
    Cursor(format!("{CURSOR_PREFIX}{token}"))
}

fn id_of(resource: &Resource) -> Result<String, Failure> {
    aggregate::text(resource, "id")
        .map(str::to_owned)
        .ok_or_else(|| Failure::protocol("Google lists an event without an id"))
}

fn part(series: String, id: String, resource: &Resource) -> Part {
    let text = text_of(resource);
    Part { series, id, text }
}

fn gone(parts: &BTreeMap<String, String>) -> impl Iterator<Item = Change> {
    parts.keys().map(|part| change(part.clone(), State::Gone))
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
