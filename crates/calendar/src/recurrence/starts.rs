//! The starts of one rule on the wall clock: the walk, bounded by `COUNT` and `UNTIL`.

use std::ops::Range;

use jiff::civil::DateTime;

use super::civil::{datetime, seconds};
use super::compiled::Compiled;
use super::walk::Walk;
use super::{End, ExpansionError, Rule};

/// How many starts of a rule with `COUNT` are counted off before the window, where their number has to be counted and
/// cannot be computed: a rule with more is refused, not waited for.
const COUNTED_STARTS_MAX: usize = 1_000_000;

impl Rule {
    /// The local starts of this rule from `from` on, ascending; `dtstart` is always the first of them, and counts
    /// (RFC 5545 §3.8.5.3). Fractions of a second are dropped. Ends after the first error.
    ///
    /// Without `COUNT`, and for most rules with it, the price does not depend on how long before `from` the rule began.
    pub fn starts(&self, dtstart: DateTime, from: DateTime) -> Starts {
        Starts::new(self, dtstart, seconds(from)..i64::MAX, First::Always)
    }
}

/// Whether the first start belongs to a rule that does not match it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// A rule of the event: `DTSTART` is its first start.
    Always,
    /// An excluding rule: it takes away what it matches, and no more.
    IfMatching,
}

/// The local starts of a rule.
#[derive(Clone, Debug)]
pub struct Starts {
    walk: Walk,
    origin: i64,
    range: Range<i64>,
    until: i64,
    /// How many are still to come, where the rule counts.
    left: Option<u64>,
    /// The first start, until it has been given.
    first: Option<i64>,
    first_is: First,
    skipped: usize,
    done: bool,
}

impl Starts {
    /// Within seconds of the wall clock, half-open.
    pub(crate) fn new(rule: &Rule, dtstart: DateTime, range: Range<i64>, first_is: First) -> Self {
        let origin = seconds(dtstart);
        let until = match rule.end {
            End::Until(until) => seconds(until),
            End::Never | End::Count(_) => i64::MAX,
        };
        let limit = until.min(range.end.saturating_sub(1));
        let walk = Walk::new(Compiled::new(rule, dtstart), origin, limit);
        let mut starts = Self {
            walk,
            origin,
            until,
            left: match rule.end {
                End::Count(count) => Some(u64::from(count)),
                End::Never | End::Until(_) => None,
            },
            first: (first_is == First::Always).then_some(origin),
            first_is,
            skipped: 0,
            done: range.is_empty(),
            range,
        };
        starts.seek();
        starts
    }

    /// Goes to the window at once where what lies before it needs no counting or can be computed.
    fn seek(&mut self) {
        let from = self.range.start;
        if from <= self.origin {
            return;
        }
        let Some(left) = self.left else {
            self.first = None;
            self.walk.seek(from);
            return;
        };
        let Some(per_period) = self.walk.rule.per_period() else {
            return;
        };
        let mut ahead = self.walk.clone();
        let skipped = ahead.seek(from);
        if skipped == 0 {
            return;
        }
        let first_period = self.in_first_period(per_period);
        let before = first_period.saturating_add((skipped - 1).saturating_mul(per_period));
        self.first = None;
        self.done |= before >= left;
        self.left = Some(left.saturating_sub(before));
        self.walk = ahead;
    }

    /// How many starts the first period has, the first start included where it counts.
    fn in_first_period(&self, per_period: u64) -> u64 {
        let mut walk = self.walk.clone();
        let mut count = u64::from(self.first.is_some());
        for _ in 0..per_period {
            match walk.next() {
                Some(Ok(start)) if self.is_new(start) => count += 1,
                Some(Ok(_)) => {}
                _ => break,
            }
        }
        count
    }

    /// Whether the walk's start is one of the rule's: not before the first one, and not that one again.
    fn is_new(&self, start: i64) -> bool {
        match self.first_is {
            First::Always => start > self.origin,
            First::IfMatching => start >= self.origin,
        }
    }

    /// The next start as seconds of the wall clock.
    pub(crate) fn next_second(&mut self) -> Option<Result<i64, ExpansionError>> {
        while !self.done {
            let start = match self.first.take() {
                Some(first) => first,
                None => match self.walk.next() {
                    Some(Ok(start)) if start > self.until => break,
                    Some(Ok(start)) if !self.is_new(start) => continue,
                    Some(Ok(start)) => start,
                    Some(Err(error)) => {
                        self.done = true;
                        return Some(Err(error));
                    }
                    None => break,
                },
            };
            if start >= self.range.end {
                break;
            }
            match &mut self.left {
                Some(0) => break,
                Some(left) => *left -= 1,
                None => {}
            }
            if start >= self.range.start {
                return Some(Ok(start));
            }
            self.skipped += 1;
            if self.skipped > COUNTED_STARTS_MAX {
                self.done = true;
                return Some(Err(ExpansionError::TooMany(COUNTED_STARTS_MAX)));
            }
        }
        self.done = true;
        None
    }
}

impl Iterator for Starts {
    type Item = Result<DateTime, ExpansionError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_second()? {
            Ok(second) => datetime(second).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}
