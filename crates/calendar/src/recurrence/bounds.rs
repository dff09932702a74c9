//! Between which instants an event happens: what an index needs to know, without expanding it.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::occurrences::{Zones, length_of, span};
use super::starts::{First, Starts};
use super::{End, ExpansionError, Rule};
use crate::event::{Event, Override, Shape};
use crate::time::{Length, Start};
use crate::zone::clamped;

/// How many starts of rules with `COUNT` are followed to find the last one, of all rules of an event together. Beyond, the
/// event counts as endless, which only makes an index look at it more often.
const COUNTED_STARTS_MAX: u32 = 10_000;

/// How many rules of an event are looked at: a rule without starts costs time too. Beyond, the event counts as endless.
const RULES_MAX: usize = 20;

/// Added to either side: where zone rules change later, and where `UNTIL` itself is no start, nothing is missed.
const MARGIN_SECONDS: i64 = 26 * 3600;

/// Within what an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// No occurrence starts before.
    pub starts_at: Timestamp,
    /// No occurrence ends after; none where it never ends. An event with rules may end earlier than said here: `UNTIL`
    /// is taken as if it were a start, exclusions are not looked at, and a margin of 26 hours is added.
    pub ends_at: Option<Timestamp>,
}

/// The bounds of an event. Cheap: rules without `COUNT` are not followed, others for 10,000 starts at most in all.
pub fn bounds(event: &Event, floating: &TimeZone) -> Result<Bounds, ExpansionError> {
    let mut zones = Zones::new(event, floating);
    let mut hull = Hull::default();
    if event.shape == Shape::Series {
        let zone = zones.of(&event.master.start)?;
        let length = length_of(&event.master);
        hull.add(&span(&zone, event.master.start.local(), length));
        hull.endless |= event.recurrence_rules.len() > RULES_MAX;
        let mut starts_left = COUNTED_STARTS_MAX;
        for rule in event.recurrence_rules.iter().take(RULES_MAX) {
            match last_start(rule, &event.master.start, &mut starts_left) {
                Some(last) => {
                    let span = span(&zone, last, length);
                    hull.add(&(span.start..clamped(span.end.as_second() + MARGIN_SECONDS)));
                }
                None => hull.endless = true,
            }
        }
        for (id, change) in &event.recurrence_overrides {
            if let Override::Added { duration } = change {
                hull.add(&span(&zone, id.0, duration.unwrap_or(length)));
            }
        }
    }
    for change in event.recurrence_overrides.values() {
        if let Override::Replaced(instance) = change {
            let zone = zones.of(&instance.start)?;
            hull.add(&span(&zone, instance.start.local(), length_of(instance)));
        }
    }
    if hull.range.is_none() {
        // Instances only, and none of them: nothing happens, at the master's time.
        let zone = zones.of(&event.master.start)?;
        hull.add(&span(&zone, event.master.start.local(), Length::default()));
    }
    Ok(hull.bounds())
}

/// The last start of a rule, or a time after it; none where it goes on, or is too long to follow.
fn last_start(rule: &Rule, start: &Start, starts_left: &mut u32) -> Option<jiff::civil::DateTime> {
    let first = start.local();
    match rule.end {
        End::Never => None,
        End::Until(until) => Some(until.max(first)),
        End::Count(count) => {
            *starts_left = starts_left.checked_sub(count)?;
            let mut starts = Starts::new(rule, first, i64::MIN..i64::MAX, First::Always);
            let mut last = None;
            while let Some(start) = starts.next_second() {
                last = Some(start.ok()?);
            }
            super::civil::datetime(last?)
        }
    }
}

#[derive(Default)]
struct Hull {
    range: Option<Range<Timestamp>>,
    endless: bool,
}

impl Hull {
    fn add(&mut self, span: &Range<Timestamp>) {
        self.range = Some(match self.range.take() {
            Some(range) => range.start.min(span.start)..range.end.max(span.end),
            None => span.clone(),
        });
    }

    fn bounds(self) -> Bounds {
        let range = self.range.unwrap_or(Timestamp::MIN..Timestamp::MIN);
        Bounds {
            starts_at: range.start,
            ends_at: (!self.endless).then_some(range.end),
        }
    }
}
