//! Items as a mailbox keeps them: a single event, or a series with its exceptions and deleted occurrences as one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::moment::{Moment, Zone};
use super::recurrence::Series;
use crate::saved::{self, Word};

/// An item of a mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) key: u64,
    /// The calendar it lies in.
    pub(crate) calendar: u64,
    /// How often it was moved to another calendar: what its normal id changes with.
    pub(crate) moves: u32,
    /// The mailbox's revision that made it.
    pub(crate) version: u64,
    /// What all copies of a meeting share.
    pub(crate) uid: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) transaction: Option<String>,
    pub(crate) organizer: Address,
    pub(crate) is_organizer: bool,
    /// The single event, or what all occurrences have in common.
    pub(crate) master: Details,
    pub(crate) series: Option<Series>,
    /// By the date that the pattern gives them.
    pub(crate) exceptions: BTreeMap<Date, Exception>,
    /// Dates of the pattern that were deleted.
    pub(crate) deleted: BTreeSet<Date>,
}

/// An occurrence that differs from its series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exception {
    pub(crate) details: Details,
    /// The properties in which it differs: the others follow the master.
    #[serde(deserialize_with = "saved::words::deserialize")]
    pub(crate) own: BTreeSet<&'static str>,
    pub(crate) version: u64,
    pub(crate) modified: Timestamp,
    /// Whether it got another id when it ceased to be a plain occurrence.
    pub(crate) renamed: bool,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the resource's own properties"
)]
pub(crate) struct Details {
    pub(crate) subject: String,
    /// HTML.
    pub(crate) body: String,
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) all_day: bool,
    /// `location` is the first of them.
    pub(crate) locations: Vec<Value>,
    pub(crate) attendees: Vec<Attendee>,
    pub(crate) categories: Vec<String>,
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) importance: Word,
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) sensitivity: Word,
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) show_as: Word,
    pub(crate) reminder_on: bool,
    pub(crate) reminder_minutes: i32,
    pub(crate) response_requested: bool,
    pub(crate) allow_proposals: bool,
    pub(crate) hide_attendees: bool,
    pub(crate) online: bool,
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) online_provider: Word,
    pub(crate) cancelled: bool,
    /// The answer of the mailbox's owner.
    pub(crate) answer: Answer,
    /// Single-value extended properties by id.
    pub(crate) extended: BTreeMap<String, String>,
}

/// A mail address with the name beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Somebody invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attendee {
    pub(crate) who: Address,
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) kind: Word,
    pub(crate) answer: Answer,
    pub(crate) proposed: Option<Value>,
}

/// An answer to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// A member of `responseType`.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub(crate) response: Word,
    pub(crate) at: Option<Timestamp>,
}

/// One thing that stands in a calendar: a single event, an occurrence or an exception.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    /// The pattern's date; none for a single event.
    pub(crate) date: Option<Date>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// A stretch of time, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

/// How far a wall clock can be from UTC, rounded up: how much further one must look for dates than for instants.
const CLOCK_SPREAD: SignedDuration = SignedDuration::from_hours(27);

impl Answer {
    pub(crate) const fn none(response: &'static str) -> Self {
        Self { response, at: None }
    }
}

impl Address {
    pub(crate) fn is(&self, email: &str) -> bool {
        self.address.eq_ignore_ascii_case(email)
    }
}

impl Window {
    /// Whether something of this extent is in the window. What has no length is where it starts.
    fn holds(self, start: Timestamp, end: Timestamp) -> bool {
        start < self.until && (end > self.from || (start == end && start == self.from))
    }
}

impl Details {
    pub(crate) fn attendee(&self, email: &str) -> Option<&Attendee> {
        self.attendees
            .iter()
            .find(|attendee| attendee.who.is(email))
    }

    pub(crate) fn attendee_mut(&mut self, email: &str) -> Option<&mut Attendee> {
        self.attendees
            .iter_mut()
            .find(|attendee| attendee.who.is(email))
    }

    /// Whether people who are invited would be told of the difference.
    pub(crate) fn tells_the_same(&self, other: &Self) -> bool {
        self.same_time(other)
            && self.subject == other.subject
            && self.body == other.body
            && self.locations == other.locations
            && self.importance == other.importance
            && self.online == other.online
            && self.cancelled == other.cancelled
    }

    pub(crate) fn same_time(&self, other: &Self) -> bool {
        self.start == other.start && self.end == other.end && self.all_day == other.all_day
    }

    /// When it happens. A whole day is one of its own zone.
    pub(crate) fn span(&self) -> (Timestamp, Timestamp) {
        (self.start.instant(), self.end.instant())
    }

    fn wall_length(&self, zone: &Zone) -> SignedDuration {
        if self.all_day {
            return self.end.local.duration_since(self.start.local);
        }
        let local = |moment: &Moment| moment.within(zone).local;
        local(&self.end).duration_since(local(&self.start))
    }
}

impl Item {
    pub(crate) fn is_series(&self) -> bool {
        self.series.is_some()
    }

    /// What the occurrence of `date` says; none when the series has no such occurrence, or has it no more.
    pub(crate) fn occurrence(&self, date: Date) -> Option<Details> {
        if let Some(exception) = self.exceptions.get(&date) {
            return Some(exception.details.clone());
        }
        let series = self.series.as_ref()?;
        if self.deleted.contains(&date) || !series.has(date) {
            return None;
        }
        Some(self.plain_occurrence(series, date))
    }

    /// The master's details on one date of the pattern.
    pub(crate) fn plain_occurrence(&self, series: &Series, date: Date) -> Details {
        let mut details = self.master.clone();
        let (start, end) = self.plain_times(series, date);
        details.start = start;
        details.end = end;
        details
    }

    /// When the occurrence of `date` starts if nobody moved it.
    pub(crate) fn original_start(&self, date: Date) -> Timestamp {
        match &self.series {
            None => self.master.start.instant(),
            // Whole days are shown as they were written, and so is what they are recognised by.
            Some(_) if self.master.all_day => {
                Zone::utc().instant(date.to_datetime(Time::midnight()))
            }
            Some(series) => series.zone.instant(date.to_datetime(series.time)),
        }
    }

    fn plain_times(&self, series: &Series, date: Date) -> (Moment, Moment) {
        if self.master.all_day {
            let on = |local: DateTime| Moment {
                local,
                zone: self.master.start.zone.clone(),
            };
            let start = date.to_datetime(Time::midnight());
            let end = start.saturating_add(self.master.wall_length(&series.zone));
            return (on(start), on(end));
        }
        let start = Moment {
            local: date.to_datetime(series.time),
            zone: series.zone.clone(),
        };
        let end = Moment {
            local: start
                .local
                .saturating_add(self.master.wall_length(&series.zone)),
            zone: series.zone.clone(),
        };
        (
            start.within(&self.master.start.zone),
            end.within(&self.master.end.zone),
        )
    }

    /// What of the item stands in the window, in the order of dates: masters never do.
    pub(crate) fn standing(&self, window: Window) -> Vec<Standing> {
        let Some(series) = &self.series else {
            let (start, end) = self.master.span();
            let single = window.holds(start, end).then_some(Standing {
                date: None,
                start,
                end,
            });
            return single.into_iter().collect();
        };
        let mut all = Vec::new();
        for (date, exception) in &self.exceptions {
            let (start, end) = exception.details.span();
            if window.holds(start, end) {
                let date = Some(*date);
                all.push(Standing { date, start, end });
            }
        }
        let length = self.master.wall_length(&series.zone);
        let day = |instant: Timestamp| Zone::utc().local(instant).date();
        let from = day(window
            .from
            .saturating_sub(length.saturating_add(CLOCK_SPREAD))
            .unwrap_or(Timestamp::MIN));
        let until = day(window
            .until
            .saturating_add(CLOCK_SPREAD)
            .unwrap_or(Timestamp::MAX));
        for date in series
            .dates_from(from.max(series.start))
            .take_while(|date| *date <= until)
        {
            if self.deleted.contains(&date) || self.exceptions.contains_key(&date) {
                continue;
            }
            let (start, end) = self.plain_times(series, date);
            let (start, end) = (start.instant(), end.instant());
            if window.holds(start, end) {
                let date = Some(date);
                all.push(Standing { date, start, end });
            }
        }
        all.sort_by_key(|standing| standing.date);
        all
    }

    /// The exception of `date`, made from the plain occurrence if there is none yet; none when there is no such occurrence.
    pub(crate) fn exception_mut(&mut self, date: Date, renamed: bool) -> Option<&mut Exception> {
        let details = self.occurrence(date)?;
        let modified = self.modified;
        Some(self.exceptions.entry(date).or_insert_with(|| Exception {
            details,
            own: BTreeSet::new(),
            version: 0,
            modified,
            renamed,
        }))
    }

    /// Whether an occurrence with these new times would cross or overlap one of its neighbours, deleted ones included.
    pub(crate) fn crosses_boundary(&self, date: Date, details: &Details) -> bool {
        let Some(series) = &self.series else {
            return false;
        };
        let day = if details.all_day {
            details.start.local.date()
        } else {
            details.start.within(&series.zone).local.date()
        };
        if series.before(date).is_some_and(|before| day <= before) {
            return true;
        }
        series.after(date).is_some_and(|after| {
            let (next, _) = self.plain_times(series, after);
            day >= after || details.end.instant() > next.instant()
        })
    }

    /// Ends the series before `date`.
    pub(crate) fn truncate(&mut self, date: Date) {
        let Some(series) = &mut self.series else {
            return;
        };
        series.range = super::recurrence::Range::EndDate(date.saturating_sub(1.day()));
        self.exceptions.retain(|at, _| *at < date);
        self.deleted.retain(|at| *at < date);
    }

    /// Everybody who is invited to the item or to one of its occurrences, each once, without the organizer.
    pub(crate) fn invited(&self) -> Vec<&Attendee> {
        let mut all: Vec<&Attendee> = Vec::new();
        let exceptions = self.exceptions.values().map(|exception| &exception.details);
        for attendee in std::iter::once(&self.master)
            .chain(exceptions)
            .flat_map(|details| &details.attendees)
        {
            let known = all.iter().any(|known| known.who.is(&attendee.who.address));
            if !known && !self.organizer.is(&attendee.who.address) {
                all.push(attendee);
            }
        }
        all
    }
}
