//! The occurrences of an event within a window: rules, additions, exclusions and replacements put together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::civil::{DAY_SECONDS, datetime, datetime_clamped, seconds};
use super::starts::{First, Starts};
use super::{ExpansionError, Occurrence};
use crate::event::{Event, Instance, Override, RecurrenceId, Shape};
use crate::time::{Length, Start};
use crate::zone::{Resolved, clamped, resolve};

/// How far a wall clock may be from where a length of exact seconds puts it: offsets reach from −12 to +14 hours and
/// no zone ever moved by more than a day.
const CLOCK_SLACK_SECONDS: i64 = 26 * 3600;

/// How many starts of one event are looked at for one window, kept or not, so that rules which exclude each other by
/// the million end too.
const EXAMINED_STARTS_MAX: usize = 1_000_000;

/// The occurrences of an event that overlap a window, in order of their start.
///
/// All-day and floating times are placed in `floating`, the reader's zone. Spans are half-open: what ends as the window
/// begins is out, and what takes no time is in where it stands at the window's beginning, out at its end. Two starts
/// that the rules put at one instant (where the clock skips an hour) are one occurrence, the one the clock shows.
pub fn occurrences<'a>(
    event: &'a Event,
    window: Range<Timestamp>,
    floating: &TimeZone,
    limit: usize,
) -> Result<Vec<Occurrence<'a>>, ExpansionError> {
    let mut zones = Zones::new(event, floating);
    let mut found = Found {
        zone: zones.of(&event.master.start)?.into_owned(),
        event,
        window,
        out: Vec::new(),
    };
    if found.window.start >= found.window.end {
        return Ok(Vec::new());
    }
    if event.shape == Shape::Series {
        ruled(event, &mut found, limit)?;
    }
    for (id, change) in &event.recurrence_overrides {
        if let Override::Replaced(instance) = change {
            let zone = zones.of(&instance.start)?;
            let span = span(&zone, instance.start.local(), length_of(instance));
            if overlaps(&span, &found.window) {
                found.out.push(Occurrence {
                    recurrence_id: Some(*id),
                    start: instance.start.clone(),
                    span,
                    instance,
                });
            }
        }
    }
    let mut out = found.out;
    out.sort_by_key(|occurrence| (occurrence.span.start, occurrence.recurrence_id));
    if out.len() > limit {
        return Err(ExpansionError::TooMany(limit));
    }
    Ok(out)
}

/// Gathers what the master yields: its rules and added dates, less what is excluded or replaced.
fn ruled<'a>(event: &'a Event, found: &mut Found<'a>, limit: usize) -> Result<(), ExpansionError> {
    let first = event.master.start.local();
    let range = found.local_range(longest(event));
    let mut locals: Vec<i64> = Vec::new();
    let mut examined = 0;
    let mut kept_by_rule = Vec::new();

    let mut excluded = Vec::new();
    for rule in &event.excluded_recurrence_rules {
        let mut starts = Starts::new(rule, first, range.clone(), First::IfMatching);
        while let Some(start) = starts.next_second() {
            excluded.push(start?);
            examined += 1;
            if examined > EXAMINED_STARTS_MAX {
                return Err(ExpansionError::TooMany(EXAMINED_STARTS_MAX));
            }
        }
    }
    excluded.sort_unstable();

    let overrides = Overrides(&event.recurrence_overrides);
    for rule in &event.recurrence_rules {
        kept_by_rule.clear();
        let mut starts = Starts::new(rule, first, range.clone(), First::Always);
        while let Some(start) = starts.next_second() {
            let start = start?;
            examined += 1;
            if examined > EXAMINED_STARTS_MAX {
                return Err(ExpansionError::TooMany(EXAMINED_STARTS_MAX));
            }
            if excluded.binary_search(&start).is_err()
                && let Some(length) = overrides.length_at(start, event)
                && found.spans(start, length).is_some()
            {
                kept_by_rule.push(start);
                // Where the clock skips, two of them may be one: more than twice the limit is certainly too many.
                if kept_by_rule.len() > limit.saturating_mul(2) {
                    return Err(ExpansionError::TooMany(limit));
                }
            }
        }
        locals.extend_from_slice(&kept_by_rule);
    }
    let added = event
        .recurrence_overrides
        .iter()
        .filter(|(_, change)| matches!(change, Override::Added { .. }))
        .map(|(id, _)| seconds(id.0));
    let alone = event
        .recurrence_rules
        .is_empty()
        .then(|| seconds(first))
        .filter(|start| overrides.length_at(*start, event).is_some());
    locals.extend(
        added
            .chain(alone)
            .filter(|start| excluded.binary_search(start).is_err()),
    );
    locals.sort_unstable();
    locals.dedup();
    for local in locals {
        if let Some(length) = overrides.length_at(local, event) {
            found.keep(local, length);
        }
    }
    found.merge_same_instants();
    Ok(())
}

/// What is gathered, and what decides on it.
struct Found<'a> {
    event: &'a Event,
    zone: Resolved,
    window: Range<Timestamp>,
    out: Vec<Occurrence<'a>>,
}

impl Found<'_> {
    /// The wall-clock seconds between which a start can touch the window.
    fn local_range(&self, longest: Length) -> Range<i64> {
        let (days, seconds_long) = (i64::from(longest.days.max(0)), longest.seconds.max(0));
        let from = seconds(self.zone.to_local(self.window.start))
            .saturating_sub(days * DAY_SECONDS)
            .saturating_sub(seconds_long)
            .saturating_sub(CLOCK_SLACK_SECONDS);
        let to = seconds(self.zone.to_local(self.window.end)).saturating_add(CLOCK_SLACK_SECONDS);
        from..to
    }

    fn spans(&self, local: i64, length: Length) -> Option<(DateTime, Range<Timestamp>)> {
        let local = datetime(local)?;
        let span = span(&self.zone, local, length);
        overlaps(&span, &self.window).then_some((local, span))
    }

    fn keep(&mut self, local: i64, length: Length) {
        let Some((local, span)) = self.spans(local, length) else {
            return;
        };
        let series = is_series(self.event);
        self.out.push(Occurrence {
            recurrence_id: series.then_some(RecurrenceId(local)),
            start: self.event.master.start.at(local),
            span,
            instance: &self.event.master,
        });
    }

    /// Where the clock skips from two to three, 02:30 and 03:30 are one instant, and the wall shows the latter.
    fn merge_same_instants(&mut self) {
        self.out
            .sort_by_key(|occurrence| (occurrence.span.start, occurrence.start.local()));
        let mut latest: Vec<Occurrence<'_>> = Vec::with_capacity(self.out.len());
        for occurrence in self.out.drain(..) {
            match latest.last_mut() {
                Some(last) if last.span.start == occurrence.span.start => *last = occurrence,
                _ => latest.push(occurrence),
            }
        }
        self.out = latest;
    }
}

/// The overrides, asked for one start.
struct Overrides<'a>(&'a BTreeMap<RecurrenceId, Override>);

impl Overrides<'_> {
    /// How long the master's occurrence lasts that starts here; none where it is excluded or replaced.
    fn length_at(&self, local: i64, event: &Event) -> Option<Length> {
        if self.0.is_empty() {
            return Some(length_of(&event.master));
        }
        let own = || Some(length_of(&event.master));
        match self.0.get(&RecurrenceId(datetime(local)?)) {
            None => own(),
            Some(Override::Added { duration }) => duration.or_else(own),
            Some(Override::Excluded | Override::Replaced(_)) => None,
        }
    }
}

/// The zones of an event and its overrides, each resolved once.
pub(super) struct Zones<'a> {
    event: &'a Event,
    floating: Resolved,
    known: BTreeMap<&'a crate::time::ZoneId, Resolved>,
}

impl<'a> Zones<'a> {
    pub(super) fn new(event: &'a Event, floating: &TimeZone) -> Self {
        Self {
            event,
            floating: Resolved::Iana(floating.clone()),
            known: BTreeMap::new(),
        }
    }

    pub(super) fn of(&mut self, start: &'a Start) -> Result<Cow<'_, Resolved>, ExpansionError> {
        let Some(id) = start.zone() else {
            return Ok(Cow::Borrowed(&self.floating));
        };
        if !self.known.contains_key(id) {
            self.known.insert(id, resolve(id, &self.event.time_zones)?);
        }
        Ok(Cow::Borrowed(&self.known[id]))
    }
}

/// Whether an event has occurrences that need telling apart.
fn is_series(event: &Event) -> bool {
    !event.recurrence_rules.is_empty()
        || !event.recurrence_overrides.is_empty()
        || event.shape == Shape::InstancesOnly
}

/// A whole day lasts a day even where nobody said how long (RFC 5545 §3.6.1).
pub(super) fn length_of(instance: &Instance) -> Length {
    if instance.start.is_all_day() && instance.duration == Length::default() {
        return Length::days(1);
    }
    instance.duration
}

/// The longest that the master's occurrences last.
fn longest(event: &Event) -> Length {
    let own = length_of(&event.master);
    event
        .recurrence_overrides
        .values()
        .filter_map(|change| match change {
            Override::Added { duration } => *duration,
            Override::Excluded | Override::Replaced(_) => None,
        })
        .fold(own, |longest, length| Length {
            days: longest.days.max(length.days),
            seconds: longest.seconds.max(length.seconds),
        })
}

/// From the start, its days on the calendar first, then its exact seconds (RFC 5545 §3.3.6).
pub(super) fn span(zone: &Resolved, local: DateTime, length: Length) -> Range<Timestamp> {
    let start = zone.to_instant(local);
    let after_days = if length.days == 0 {
        start
    } else {
        let days = i64::from(length.days) * DAY_SECONDS;
        zone.to_instant(datetime_clamped(seconds(local).saturating_add(days)))
    };
    let end = match length.seconds {
        0 => after_days,
        exact => clamped(after_days.as_second().saturating_add(exact)),
    };
    start..end.max(start)
}

fn overlaps(span: &Range<Timestamp>, window: &Range<Timestamp>) -> bool {
    let ends_after = span.end > window.start || span.start >= window.start;
    span.start < window.end && ends_after
}
