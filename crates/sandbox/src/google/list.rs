//! Listings of events: whole, incremental, expanded, filtered, in pages.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Role};
use super::call::Call;
use super::event::{Event, Status};
use super::events::look;
use super::moment::stamp;
use super::render::Look;
use super::reply::Reply;
use super::selection::{
    Order, Selection, allows_sync_token, kept, matches, select, sync_token, window,
};
use super::series;
use super::switches::{LeavingWindow, Switches};
use super::token::{PageToken, SyncToken};
use super::{Google, Refusal};
use crate::digest;
use crate::faults::{Disturbance, Session};

/// How many events a page has when nothing is said, and at most.
const PAGE_DEFAULT: usize = 250;
const PAGE_MAX: usize = 2500;

/// An event in a listing, and its place there.
struct Item {
    key: String,
    event: Arc<Event>,
}

impl Item {
    /// An event from the source that stands at `place`.
    fn at(place: &str, event: Arc<Event>) -> Self {
        Self {
            key: format!("{place}\0{}", event.id),
            event,
        }
    }
}

/// How far back an answer looks.
pub(super) fn revision(calendar: &Calendar, how: Disturbance) -> u64 {
    match how {
        Disturbance::Stale { changes, session } => {
            let earlier = calendar.revision().saturating_sub(changes);
            match session {
                Session::Kept => earlier.max(calendar.told()).min(calendar.revision()),
                Session::Broken => earlier,
            }
        }
        Disturbance::None
        | Disturbance::DeadCursor
        | Disturbance::EmptyListing
        | Disturbance::CutListing { .. } => calendar.revision(),
    }
}

/// `events.list`.
pub(super) fn events(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::FreeBusyReader)?;
    let switches = google.switches.clone();
    let mut look = look(google, call, &seat)?;
    let calendar = look.calendar;
    let topic = format!("events:{}", calendar.id);
    let page = page_token(call, &topic)?;
    let sync = sync_token(call, &switches, calendar, &seat, &topic)?;
    let selection = select(call, &switches, &seat, sync.as_ref())?;
    look.stubs = selection.incremental;
    let since = sync.as_ref().map(|token| token.revision);
    let shown = page
        .as_ref()
        .map_or_else(|| revision(calendar, call.how), |page| page.shown)
        // A replica that lags behind the token itself has nothing new to tell.
        .max(since.unwrap_or(0));
    let limit = page_limit(call)?;
    let after = page.as_ref().map_or("", |page| page.after.as_str());
    let (chosen, told) = if call.how == Disturbance::EmptyListing {
        (Page::default(), since.unwrap_or(0))
    } else if switches.empty_pages && page.is_none() {
        let none_yet = Page {
            items: Vec::new(),
            next: Some(String::new()),
        };
        (none_yet, shown)
    } else {
        let found = gather(
            calendar,
            &selection,
            &switches,
            (since, shown),
            after,
            limit,
        );
        (found, shown)
    };
    let mut answer = header(&look, &call.query_text());
    let items = chosen.items.iter();
    answer.insert(
        "items".to_owned(),
        items.map(|event| look.event(event)).collect(),
    );
    let ends = chosen.next.is_none();
    match chosen.next {
        Some(after) => {
            let token = PageToken {
                topic,
                after,
                shown,
            };
            answer.insert("nextPageToken".to_owned(), token.write().into());
        }
        None if allows_sync_token(call, &switches) => {
            let token = SyncToken {
                topic,
                user: call.user.clone(),
                role: seat.role.word().to_owned(),
                generation: calendar.generation(),
                revision: told,
                issued: call.now,
                kept: sync.map_or_else(|| kept(&selection), |token| token.kept),
            };
            answer.insert("nextSyncToken".to_owned(), token.write().into());
        }
        None => {}
    }
    if ends && let Some(calendar) = google.calendars.get_mut(&seat.calendar) {
        calendar.tell(told);
    }
    Ok(call.tagged(Value::Object(answer)))
}

/// The members of a listing that are about the calendar.
fn header(look: &Look<'_>, query: &str) -> Map<String, Value> {
    let calendar = look.calendar;
    let tag = digest::short(&[
        calendar.id.as_bytes(),
        &calendar.revision().to_be_bytes(),
        &calendar.version.to_be_bytes(),
        look.user.as_bytes(),
        query.as_bytes(),
    ]);
    let mut members = Map::new();
    members.insert("kind".to_owned(), "calendar#events".into());
    members.insert("etag".to_owned(), format!("\"p{tag}\"").into());
    members.insert("summary".to_owned(), calendar.summary.clone().into());
    if let Some(description) = calendar.fields.get("description") {
        members.insert("description".to_owned(), description.clone());
    }
    members.insert("updated".to_owned(), stamp(calendar.updated).into());
    members.insert("timeZone".to_owned(), calendar.time_zone.clone().into());
    members.insert("accessRole".to_owned(), look.role.word().into());
    members.insert("defaultReminders".to_owned(), json!(look.default_reminders));
    members
}

impl Call<'_> {
    /// What was asked, as it was written.
    fn query_text(&self) -> String {
        self.request.uri().query().unwrap_or("").to_owned()
    }
}

fn page_token(call: &Call<'_>, topic: &str) -> Result<Option<PageToken>, Refusal> {
    call.query
        .text("pageToken")
        .map(|text| {
            let token = PageToken::read(text).filter(|token| token.topic == topic);
            token.ok_or_else(Refusal::page_token)
        })
        .transpose()
}

fn page_limit(call: &Call<'_>) -> Result<usize, Refusal> {
    let asked = call.query.count("maxResults")?.unwrap_or(PAGE_DEFAULT);
    let limit = asked.min(PAGE_MAX);
    Ok(match call.how {
        Disturbance::CutListing { members } => limit.min(members.max(1)),
        Disturbance::None
        | Disturbance::DeadCursor
        | Disturbance::Stale { .. }
        | Disturbance::EmptyListing => limit,
    })
}

/// A page of a listing.
#[derive(Default)]
struct Page {
    items: Vec<Arc<Event>>,
    /// The key of the last item, if there are more.
    next: Option<String>,
}

/// The page after the key `after`. What was listed before is passed over without being looked at, where the order is
/// that of the store.
fn gather(
    calendar: &Calendar,
    selection: &Selection,
    switches: &Switches,
    (since, shown): (Option<u64>, u64),
    after: &str,
    limit: usize,
) -> Page {
    let expand = |place: String, source: &Arc<Event>| {
        items_of(calendar, source, &place, selection, switches)
    };
    if let Some(since) = since {
        let changes = calendar.changes_between(since, shown).into_iter();
        let items = changes.flat_map(|change| {
            let place = format!("{:016x}", change.revision);
            let mut items = expand(place.clone(), &change.event);
            if selection.single {
                let gone = lost(calendar, &change.event, since, (selection, switches));
                items.extend(gone.into_iter().map(|event| Item::at(&place, event)));
                items.sort_by(|one, other| one.key.cmp(&other.key));
            }
            items
        });
        return page_of(items, after, limit);
    }
    if let Some(uid) = &selection.uid {
        let items = calendar.with_uid(uid);
        return sorted(
            items.flat_map(|event| expand(event.id.clone(), event)),
            selection,
            after,
            limit,
        );
    }
    let events = calendar.events_at(shown);
    match selection.order {
        Order::Stored => {
            let source = after.split('\0').next().unwrap_or("");
            let from: (Bound<&str>, Bound<&str>) = (Bound::Included(source), Bound::Unbounded);
            let sources = events.range::<str, _>(from);
            page_of(
                sources.flat_map(|(id, event)| expand(id.clone(), event)),
                after,
                limit,
            )
        }
        Order::StartTime | Order::Updated => {
            let items = events
                .iter()
                .flat_map(|(id, event)| expand(id.clone(), event));
            sorted(items, selection, after, limit)
        }
    }
}

fn sorted(
    items: impl Iterator<Item = Item>,
    selection: &Selection,
    after: &str,
    limit: usize,
) -> Page {
    let mut by_key: BTreeMap<String, Arc<Event>> = BTreeMap::new();
    for item in items {
        let at = match selection.order {
            Order::Stored => Timestamp::UNIX_EPOCH,
            Order::StartTime => item.event.start.instant(&jiff::tz::TimeZone::UTC),
            Order::Updated => item.event.updated,
        };
        // Positive, so that the digits sort as the times do.
        let place = i128::from(at.as_microsecond()) - i128::from(Timestamp::MIN.as_microsecond());
        by_key.insert(format!("{place:024}{}", item.key), item.event);
    }
    let items = by_key.into_iter().map(|(key, event)| Item { key, event });
    page_of(items, after, limit)
}

fn page_of(items: impl Iterator<Item = Item>, after: &str, limit: usize) -> Page {
    let mut page = Page::default();
    let mut last = String::new();
    for item in items.filter(|item| item.key.as_str() > after) {
        if page.items.len() == limit {
            page.next = Some(last);
            return page;
        }
        last = item.key;
        page.items.push(item.event);
    }
    page
}

/// What a listing shows of a stored event: itself, or its instances, or nothing.
fn items_of(
    calendar: &Calendar,
    source: &Arc<Event>,
    place: &str,
    selection: &Selection,
    switches: &Switches,
) -> Vec<Item> {
    let item = |event: Arc<Event>| Item::at(place, event);
    if !matches(source, selection, switches) {
        return Vec::new();
    }
    let window = selection.window;
    let expanded = selection.single && source.is_series();
    if window.is_open() && !expanded {
        // Most of what is ever listed: no zone is needed for it.
        return vec![item(Arc::clone(source))];
    }
    let zone = calendar.zone();
    let in_window = if source.is_series() {
        !series::instances(source, window, &zone, switches).is_empty()
    } else {
        window.has(&source.start, &source.end, &zone)
    };
    if !in_window {
        if !selection.incremental || switches.leaving_window == LeavingWindow::Silent {
            return Vec::new();
        }
        let mut left = Event::clone(source);
        left.status = Status::Cancelled;
        return vec![item(Arc::new(left))];
    }
    if !expanded {
        return vec![item(Arc::clone(source))];
    }
    series::instances(source, window, &zone, switches)
        .into_iter()
        .filter(|instance| {
            let exception = calendar.event(&instance.id);
            source.is_tombstone() || exception.is_none_or(|exception| exception.is_tombstone())
        })
        .map(|instance| item(Arc::new(instance)))
        .collect()
}

/// The instances that a changed series had at `since` and has no more, cancelled.
fn lost(
    calendar: &Calendar,
    source: &Event,
    since: u64,
    (selection, switches): (&Selection, &Switches),
) -> Vec<Arc<Event>> {
    let before = calendar.event_at(&source.id, since);
    let Some(before) = before.filter(|before| before.is_series() && !before.is_tombstone()) else {
        return Vec::new();
    };
    let zone = calendar.zone();
    let instances = |series: &Event| series::instances(series, selection.window, &zone, switches);
    let still: BTreeSet<String> = if source.is_series() {
        let now = instances(source).into_iter();
        now.map(|instance| instance.id).collect()
    } else {
        BTreeSet::new()
    };
    instances(before)
        .into_iter()
        .filter(|instance| !still.contains(&instance.id))
        .filter(|instance| {
            let exception = calendar.event(&instance.id);
            exception.is_none_or(|exception| exception.is_tombstone())
        })
        .map(|mut instance| {
            instance.status = Status::Cancelled;
            Arc::new(instance)
        })
        .collect()
}

/// `events.instances`.
pub(super) fn instances(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::FreeBusyReader)?;
    let look = look(google, call, &seat)?;
    let calendar = look.calendar;
    let id = call.name(1);
    let topic = format!("instances:{}:{id}", calendar.id);
    let page = page_token(call, &topic)?;
    let show_deleted = call.query.set("showDeleted")?;
    let mut window = window(call)?;
    // Here the lower bound is inclusive; events begin and end on whole seconds.
    window.after = window
        .after
        .and_then(|after| after.checked_sub(SignedDuration::from_secs(1)).ok());
    let event = calendar.event(id).ok_or_else(Refusal::not_found)?;
    let zone = calendar.zone();
    let exceptions = series::exceptions(calendar, id);
    let mut all: BTreeMap<String, Arc<Event>> = BTreeMap::new();
    if event.is_series() {
        for instance in series::instances(event, window, &zone, &google.switches) {
            all.insert(instance.id.clone(), Arc::new(instance));
        }
    }
    for exception in exceptions {
        all.remove(&exception.id);
        if window.has(&exception.start, &exception.end, &zone) {
            all.insert(exception.id.clone(), exception);
        }
    }
    let original = call.query.text("originalStart");
    let wanted = |event: &Arc<Event>| {
        let at = event
            .slot
            .as_ref()
            .map(|slot| slot.original.json(&look.zone));
        let named = at.as_ref().is_some_and(|at| {
            original.is_none_or(|wanted| {
                at["date"] == wanted
                    || super::query::time(wanted).is_some_and(|instant| {
                        event
                            .slot
                            .as_ref()
                            .is_some_and(|slot| slot.original.instant(&zone) == instant)
                    })
            })
        });
        named && (show_deleted || !event.is_cancelled())
    };
    let items = all.into_iter().filter(|(_, event)| wanted(event));
    let items = items.map(|(key, event)| Item { key, event });
    let after = page.as_ref().map_or("", |page| page.after.as_str());
    let chosen = page_of(items, after, page_limit(call)?);
    let mut answer = header(&look, &format!("{id}?{}", call.query_text()));
    let items = chosen.items.iter().map(|event| look.event(event));
    answer.insert("items".to_owned(), items.collect());
    if let Some(after) = chosen.next {
        let token = PageToken {
            topic,
            after,
            shown: calendar.revision(),
        };
        answer.insert("nextPageToken".to_owned(), token.write().into());
    }
    Ok(call.tagged(Value::Object(answer)))
}
