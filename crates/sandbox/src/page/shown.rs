//! What stretch of a calendar is shown, and on whose clock.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::entry::midnight;

/// Some days on the clock of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) zone: TimeZone,
    pub(crate) first: Date,
    /// Exclusive.
    pub(crate) until: Date,
}

impl Shown {
    /// The instants to look for: a day more on either side, for whole days are days of every zone.
    pub(crate) fn window(&self) -> Range<Timestamp> {
        let before = self.first.saturating_sub(1.day());
        let after = self.until.saturating_add(1.day());
        midnight(&self.zone, before)..midnight(&self.zone, after)
    }

    /// The days in order.
    pub(crate) fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let until = self.until;
        self.first
            .series(1.day())
            .take_while(move |day| *day < until)
    }
}
