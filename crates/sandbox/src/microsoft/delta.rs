//! Change tracking: `calendarView/delta`, and `events/delta` where it is switched on.
//!
//! A link holds everything that its round needs. The first round walks the items by key, later ones the log of changes:
//! what a round costs depends on what has changed, not on how much there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::{Date, Time, date};
use serde_json::{Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::{Asked, encoded};
use super::item::{Item, Window};
use super::listing;
use super::mailbox::Mailbox;
use super::moment::{Zone, instant_text, query_instant};
use super::refusal::Refusal;
use super::render::{EVENT, View};
use super::switches::{SeriesRemoval, Switches};
use crate::faults::Disturbance;
use crate::{base64, digest};

/// Which of the two deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracked {
    /// What stands in a window.
    View,
    /// Singles and masters, sparsely.
    Events,
}

/// What a link holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Track {
    tracked: Tracked,
    calendar: u64,
    window: Window,
    generation: u32,
    /// The revision that the client has; none in a first round.
    since: Option<u64>,
    /// The revision that the round brings the client to.
    shown: u64,
    /// How far the round has come: the last key of a first round, the number of changes of a later one.
    after: u64,
    /// Whether the round has had its empty page.
    opened: bool,
}

/// How a round goes on.
enum Next {
    Page(u64),
    Done,
}

/// A window without bounds: from the first to the last year that a token can hold in microseconds.
const ALWAYS: (Date, Date) = (date(1, 1, 1), date(9999, 1, 1));

/// What is not possible together with change tracking.
const REFUSED: [&str; 5] = ["$orderby", "$filter", "$select", "$expand", "$search"];

pub(crate) fn answer(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    tracked: Tracked,
    calendar: u64,
) -> Result<Answer, Refusal> {
    if tracked == Tracked::Events && !graph.switches.events_delta {
        return Err(Refusal::bad(
            "BadRequest",
            "Resource not found for the segment 'delta'.",
        ));
    }
    let top = (!graph.switches.top_in_delta).then_some("$top");
    if REFUSED
        .into_iter()
        .chain(top)
        .any(|option| asked.query.get(option).is_some())
    {
        return Err(Refusal::bad(
            "ErrorInvalidUrlQuery",
            "The following parameters are not supported with change tracking over the 'CalendarView' resource: \
             '$orderby, $filter, $select, $expand, $search'.",
        ));
    }
    let mut track = begin(graph, asked, tracked, calendar)?;
    let mailbox = graph.mailbox(asked.email)?;
    let switches = &graph.switches;
    if asked.how == Disturbance::EmptyListing {
        // As if nothing had happened since: whoever believes it is told the rest the next time.
        return Ok(finish(asked, mailbox, track, &[], &Next::Done));
    }
    if switches.empty_pages && !track.opened {
        track.opened = true;
        let after = track.after;
        return Ok(finish(asked, mailbox, track, &[], &Next::Page(after)));
    }
    let mut size = asked.prefer.page.unwrap_or(switches.page_default);
    if switches.top_in_delta
        && let Some(top) = asked.query.get("$top").and_then(|top| top.parse().ok())
    {
        size = top;
    }
    if let Disturbance::CutListing { members } = asked.how {
        size = size.min(members);
    }
    let size = size.max(1);
    let view = View::of(asked, mailbox, switches);
    let (value, next) = match track.since {
        None => first_round(&view, mailbox, &track, size),
        Some(since) => later_round(&view, mailbox, &track, since, size),
    };
    let shown = track.shown;
    if matches!(next, Next::Done) {
        track.since = Some(track.shown);
    }
    let answer = finish(asked, mailbox, track, &value, &next);
    listing::note(graph, asked, shown);
    Ok(answer)
}

/// The round that a request begins or goes on with.
fn begin(
    graph: &Microsoft,
    asked: &Asked<'_>,
    tracked: Tracked,
    calendar: u64,
) -> Result<Track, Refusal> {
    let mailbox = graph.mailbox(asked.email)?;
    let token = |name| asked.query.get(name).filter(|token| !token.is_empty());
    let (given, goes_on) = match (token("$deltatoken"), token("$skiptoken")) {
        (Some(token), _) => (token, false),
        (None, Some(token)) => (token, true),
        (None, None) => {
            return Ok(Track {
                tracked,
                calendar,
                window: first_window(asked, tracked)?,
                generation: mailbox.generation,
                since: None,
                shown: mailbox.shown(asked.how),
                after: 0,
                opened: false,
            });
        }
    };
    let mut track = Track::read(mailbox, given)
        .filter(|track| track.tracked == tracked && track.calendar == calendar)
        .ok_or_else(|| {
            Refusal::bad("ErrorInvalidUrlQuery", "The token in the query is invalid.")
        })?;
    let behind = mailbox
        .revision()
        .saturating_sub(track.since.unwrap_or(track.shown));
    let forgotten = graph
        .switches
        .delta_changes_kept
        .is_some_and(|kept| behind > kept);
    if track.generation != mailbox.generation || forgotten || asked.how == Disturbance::DeadCursor {
        return Err(dead(&track, mailbox, asked, &graph.switches));
    }
    if !goes_on {
        // A replica that lags behind the token itself has nothing new to tell.
        track.shown = mailbox.shown(asked.how).max(track.since.unwrap_or(0));
        track.after = 0;
        track.opened = false;
    }
    Ok(track)
}

/// The window of a first request. `events/delta` needs none, but refuses an empty one.
fn first_window(asked: &Asked<'_>, tracked: Tracked) -> Result<Window, Refusal> {
    match tracked {
        Tracked::View => listing::window(asked),
        Tracked::Events => Ok(Window {
            from: match asked.query.get("startDateTime") {
                None => Zone::utc().instant(ALWAYS.0.to_datetime(Time::midnight())),
                Some(text) => query_instant("StartDateTime", text)?,
            },
            until: Zone::utc().instant(ALWAYS.1.to_datetime(Time::midnight())),
        }),
    }
}

/// The state behind a token is no more. `Location` leads to a new first round.
fn dead(track: &Track, mailbox: &Mailbox, asked: &Asked<'_>, switches: &Switches) -> Refusal {
    let window = match track.tracked {
        Tracked::View => format!(
            "startDateTime={}&endDateTime={}&",
            encoded(&instant_text(track.window.from)),
            encoded(&instant_text(track.window.until))
        ),
        Tracked::Events => String::new(),
    };
    Refusal::new(
        StatusCode::GONE,
        switches.dead_delta.code(),
        format!(
            "The sync state generation is not found; generation={};[highest={}]",
            track.generation, mailbox.generation
        ),
    )
    .with("location", asked.link(&format!("{window}$deltatoken=")))
}

/// Items from the smallest key on, a series never in two pages.
fn first_round(
    view: &View<'_>,
    mailbox: &Mailbox,
    track: &Track,
    size: usize,
) -> (Vec<Value>, Next) {
    // What was changed since the round began is shown as it is now, and again in the next round.
    let items = if track.after == 0 {
        mailbox.items_at(track.shown)
    } else {
        std::borrow::Cow::Borrowed(mailbox.items())
    };
    let mut value = Vec::new();
    let mut last = track.after;
    if view.switches.replays
        && track.after > 0
        && let Some((_, item)) = items.range(..=track.after).next_back()
    {
        value.extend(present(view, track, item));
    }
    let mut new = 0;
    for (key, item) in items.range(track.after + 1..) {
        let entries = present(view, track, item);
        if entries.is_empty() {
            continue;
        }
        if new >= size {
            return (value, Next::Page(last));
        }
        new += entries.len();
        value.extend(entries);
        last = *key;
    }
    (value, Next::Done)
}

/// What became of one item in a round.
struct Touched {
    before: Option<Arc<Item>>,
    after: Option<Arc<Item>>,
    /// Whether the item ever was in the calendar during the round.
    here: bool,
    /// The place of its last change.
    at: usize,
}

fn later_round(
    view: &View<'_>,
    mailbox: &Mailbox,
    track: &Track,
    since: u64,
    size: usize,
) -> (Vec<Value>, Next) {
    let mut touched: BTreeMap<u64, Touched> = BTreeMap::new();
    for (at, change) in mailbox.changes(since, track.shown).iter().enumerate() {
        let entry = touched.entry(change.key).or_insert_with(|| Touched {
            before: change.before.clone(),
            after: None,
            here: false,
            at,
        });
        entry.at = at;
        entry.after.clone_from(&change.after);
        entry.here |= [&change.before, &change.after]
            .into_iter()
            .flatten()
            .any(|item| item.calendar == track.calendar);
    }
    let mut touched: Vec<Touched> = touched
        .into_values()
        .filter(|touched| touched.here)
        .collect();
    touched.sort_by_key(|touched| touched.at);
    let mut begin = usize::try_from(track.after).unwrap_or(usize::MAX);
    let mut end = begin;
    if view.switches.replays && begin > 0 {
        begin -= 1;
    }
    let mut value = Vec::new();
    let mut new = 0;
    for (place, touched) in touched.iter().enumerate().skip(begin) {
        let entries = changed(view, track, touched);
        if place >= end {
            if new >= size {
                return (value, Next::Page(end as u64));
            }
            new += entries.len();
            end = place + 1;
        }
        value.extend(entries);
    }
    (value, Next::Done)
}

/// What is shown of an item that is there; nothing when it is in another calendar or outside the window.
fn present(view: &View<'_>, track: &Track, item: &Item) -> Vec<Value> {
    if item.calendar != track.calendar {
        return Vec::new();
    }
    match track.tracked {
        Tracked::Events => {
            if item.is_series() || item.master.start.instant() >= track.window.from {
                vec![view.sparse(item)]
            } else {
                Vec::new()
            }
        }
        Tracked::View => {
            let standing = item.standing(track.window);
            let mut shown = Vec::with_capacity(standing.len());
            if view.switches.masters_in_delta && item.is_series() && !standing.is_empty() {
                shown.push(view.typed_event(item, None));
            }
            shown.extend(standing.iter().map(|standing| match standing.date {
                None => view.typed_event(item, None),
                Some(date) if item.exceptions.contains_key(&date) => {
                    let mut exception = view.typed_event(item, Some(date));
                    if view.switches.bare_exceptions_in_delta {
                        exception["subject"] = "".into();
                        exception["bodyPreview"] = "".into();
                        exception["body"] = json!({ "contentType": "html", "content": "" });
                    }
                    exception
                }
                Some(date) => view.stub(item, date),
            }));
            shown
        }
    }
}

/// What is shown of an item that was changed: itself, all of it, or that it is gone.
fn changed(view: &View<'_>, track: &Track, touched: &Touched) -> Vec<Value> {
    let there = touched
        .after
        .as_ref()
        .filter(|item| item.calendar == track.calendar);
    let mut shown = there
        .map(|item| present(view, track, item))
        .unwrap_or_default();
    // The client knows the item by what it was before the round; one that came into being outside the window by itself.
    let known = touched
        .before
        .as_ref()
        .filter(|item| item.calendar == track.calendar)
        .or(there);
    let Some(known) = known else {
        return shown;
    };
    if shown.is_empty() {
        let left = view.switches.removed_reason_changed && there.is_some();
        shown.extend(gone(
            view,
            track,
            known,
            if left { "changed" } else { "deleted" },
        ));
    } else if view.switches.deleted_occurrences_reported
        && let Some(there) = there
    {
        let now: BTreeSet<_> = there
            .standing(track.window)
            .into_iter()
            .map(|standing| standing.date)
            .collect();
        let lost = known
            .standing(track.window)
            .into_iter()
            .map(|standing| standing.date);
        for date in lost.filter(|date| date.is_some() && !now.contains(date)) {
            let id = view.mailbox.id(known, date, view.ids);
            shown.push(removed(&id, "deleted"));
        }
    }
    shown
}

fn gone(view: &View<'_>, track: &Track, item: &Item, reason: &str) -> Vec<Value> {
    let id = |date| view.mailbox.id(item, date, view.ids);
    let mut all = Vec::new();
    let series = item.is_series() && track.tracked == Tracked::View;
    let whole = !series
        || matches!(
            view.switches.series_removal,
            SeriesRemoval::Master | SeriesRemoval::Both
        );
    let parts = series
        && matches!(
            view.switches.series_removal,
            SeriesRemoval::Occurrences | SeriesRemoval::Both
        );
    if parts {
        let standing = item.standing(track.window).into_iter();
        all.extend(standing.map(|standing| removed(&id(standing.date), reason)));
    }
    if whole {
        all.push(removed(&id(None), reason));
    }
    all
}

fn removed(id: &str, reason: &str) -> Value {
    json!({ "@odata.type": EVENT, "id": id, "@removed": { "reason": reason } })
}

fn finish(
    asked: &Asked<'_>,
    mailbox: &Mailbox,
    mut track: Track,
    value: &[Value],
    next: &Next,
) -> Answer {
    let (name, parameter) = match next {
        Next::Page(after) => {
            track.after = *after;
            ("@odata.nextLink", "$skiptoken")
        }
        Next::Done => ("@odata.deltaLink", "$deltatoken"),
    };
    let link = asked.link(&format!("{parameter}={}", encoded(&track.write(mailbox))));
    let mut body = json!({ "@odata.context": asked.context("Collection(event)"), "value": value });
    body[name] = link.into();
    Answer::ok(body)
}

impl Track {
    /// The link's opaque part.
    fn write(&self, mailbox: &Mailbox) -> String {
        let tracked = match self.tracked {
            Tracked::View => "v",
            Tracked::Events => "e",
        };
        let since = self
            .since
            .map_or_else(|| "-".to_owned(), |since| since.to_string());
        let text = format!(
            "{tracked}|{}|{}|{}|{}|{since}|{}|{}|{}",
            self.calendar,
            self.window.from.as_microsecond(),
            self.window.until.as_microsecond(),
            self.generation,
            self.shown,
            self.after,
            u8::from(self.opened),
        );
        let check = digest::short(&[&mailbox.tag, text.as_bytes()]);
        base64::encode(format!("{text}|{check}").as_bytes())
            .replace('+', "-")
            .replace('/', "_")
            .replace('=', "")
    }

    fn read(mailbox: &Mailbox, token: &str) -> Option<Self> {
        let mut padded = token.replace('-', "+").replace('_', "/");
        while !padded.len().is_multiple_of(4) {
            padded.push('=');
        }
        let text = String::from_utf8(base64::decode(&padded)?).ok()?;
        let (text, check) = text.rsplit_once('|')?;
        if digest::short(&[&mailbox.tag, text.as_bytes()]) != check {
            return None;
        }
        let parts: Vec<&str> = text.split('|').collect();
        let [
            tracked,
            calendar,
            from,
            until,
            generation,
            since,
            shown,
            after,
            opened,
        ] = parts.as_slice()
        else {
            return None;
        };
        let instant = |text: &str| Timestamp::from_microsecond(text.parse().ok()?).ok();
        Some(Self {
            tracked: if *tracked == "v" {
                Tracked::View
            } else {
                Tracked::Events
            },
            calendar: calendar.parse().ok()?,
            window: Window {
                from: instant(from)?,
                until: instant(until)?,
            },
            generation: generation.parse().ok()?,
            since: match *since {
                "-" => None,
                since => Some(since.parse().ok()?),
            },
            shown: shown.parse().ok()?,
            after: after.parse().ok()?,
            opened: *opened == "1",
        })
    }
}
