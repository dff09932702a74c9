//! What a link takes in when it is linked for the first time: the days that bound it, and what lies wholly outside of them.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::event::Event;
use crate::ids::Version;
use crate::provider::{Observed, Raw};
use crate::recurrence::{bounds, occurrences};

/// The days to which the first import of a link is bound, in the zone of the link's calendar. Both count in; where one is
/// missing there is no end on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportBounds {
    /// The first day.
    pub first_day: Option<Date>,
    /// The last day.
    pub last_day: Option<Date>,
}

impl ImportBounds {
    /// Whether they bound anything.
    pub fn are_open(&self) -> bool {
        self.first_day.is_none() && self.last_day.is_none()
    }

    /// Whether an event, or any occurrence of it, touches these days. All-day and floating times are placed in `zone`. An
    /// event whose times cannot be told counts as inside: what is not understood is not left out.
    pub fn meet(&self, event: &Event, zone: &TimeZone) -> bool {
        if self.are_open() {
            return true;
        }
        let window = self.window(zone);
        let Ok(hull) = bounds(event, zone) else {
            return true;
        };
        if hull.starts_at >= window.end || hull.ends_at.is_some_and(|end| end < window.start) {
            return false;
        }
        // One is enough to know. More than one is said with an error, which is as good.
        match occurrences(event, window, zone, 1) {
            Ok(found) => !found.is_empty(),
            Err(_) => true,
        }
    }

    fn window(&self, zone: &TimeZone) -> Range<Timestamp> {
        let start_of = |day: Date| {
            let start = day.to_zoned(zone.clone()).ok()?;
            Some(start.timestamp())
        };
        let start = self.first_day.and_then(start_of);
        let end = self.last_day.and_then(|day| start_of(day.tomorrow().ok()?));
        start.unwrap_or(Timestamp::MIN)..end.unwrap_or(Timestamp::MAX)
    }
}

/// A short stand-in for a payload: two of the same are taken to be of the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub String);

impl Fingerprint {
    /// The fingerprint of a payload.
    pub fn of(raw: &Raw) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, raw.0.as_bytes()).to_string())
    }
}

/// What a link knows of a remote event that it does not mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// Nothing.
    Never,
    /// It was listed before, and could not be read for a passing reason.
    Unread,
    /// An earlier version of it was refused.
    Refused,
    /// It was left outside in this version and with this content.
    Outside {
        /// Its version then.
        version: Option<Version>,
        /// Its content then.
        fingerprint: Fingerprint,
    },
}

/// How a link takes in what is new to it.
#[derive(Clone, Copy, Debug)]
pub struct Importing<'a> {
    /// The days that bound its first import.
    pub bounds: &'a ImportBounds,
    /// The zone of its calendar.
    pub zone: &'a TimeZone,
    /// Whether the first import is not finished yet.
    pub is_first: bool,
}

impl Importing<'_> {
    /// Whether an event that our calendar does not have is left where it is.
    ///
    /// What carries our mark comes back, wherever it lies: it is ours. What was left outside stays so until it changes; then it
    /// is news like any other. What came after the first import is news too, and so nothing is left out any more.
    pub fn leaves_out(&self, met: &Met, observed: &Observed) -> bool {
        if self.bounds.are_open() || observed.mark.is_some() {
            return false;
        }
        let lies_outside = || !self.bounds.meet(&observed.event, self.zone);
        match met {
            Met::Outside {
                version,
                fingerprint,
            } => {
                let same_version = version.is_some() && *version == observed.version;
                let unchanged = same_version || *fingerprint == Fingerprint::of(&observed.raw);
                unchanged || (self.is_first && lies_outside())
            }
            Met::Unread => lies_outside(),
            Met::Never | Met::Refused => self.is_first && lies_outside(),
        }
    }
}
