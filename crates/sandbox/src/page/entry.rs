//! What a person sees of calendars and events, whichever provider keeps them.

use std::ops::Range;

use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use kalends_calendar::zone;

/// A provider that has users with calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Google,
    Microsoft,
    CalDav,
}

/// Somebody in front of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) face: Face,
    /// The mail address; the user name at CalDAV.
    pub(crate) user: String,
    /// The calendar's id; the last part of its path at CalDAV.
    pub(crate) calendar: String,
}

/// Somebody who has calendars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// As in [`Seat::user`].
    pub(crate) id: String,
    pub(crate) name: String,
    /// What lets them in.
    pub(crate) password: Option<String>,
}

/// A calendar as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// As in [`Seat::calendar`].
    pub(crate) id: String,
    pub(crate) name: String,
    /// Whether its user may write.
    pub(crate) writable: bool,
    /// What else there is to say of it, such as whose it is.
    pub(crate) note: String,
}

/// Names an event, a series, or one occurrence of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its id; the object's name at CalDAV.
    pub(crate) id: String,
    /// Which occurrence, where the id does not say it (CalDAV): when the rule has it start, on the clock of the series.
    pub(crate) at: Option<DateTime>,
}

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) all_day: bool,
    /// On the clock of `zone`; midnight for whole days.
    pub(crate) start: DateTime,
    /// Exclusive.
    pub(crate) end: DateTime,
    /// The zone it was said in; none for whole days and for times that mean every clock.
    pub(crate) zone: Option<String>,
    /// The instants. What has no zone is placed in the reader's.
    pub(crate) span: Range<Timestamp>,
}

/// What part of a series something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Of none.
    Single,
    /// The whole.
    Series,
    /// An occurrence as the rule has it.
    Occurrence,
    /// An occurrence that differs.
    Exception,
}

/// Whether it takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Confirmed,
    Tentative,
    Cancelled,
}

/// What somebody invited has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Waiting,
    Accepted,
    Tentative,
    Declined,
}

/// Something that stands in a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) title: String,
    pub(crate) when: When,
    pub(crate) part: Part,
    pub(crate) status: Status,
    /// The user's own answer, where they are invited.
    pub(crate) answer: Option<Answer>,
    /// Whether the time stays free.
    pub(crate) free: bool,
}

/// Somebody invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) answer: Answer,
}

/// Everything that is known of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) entry: Entry,
    pub(crate) place: String,
    pub(crate) text: String,
    pub(crate) organizer: Option<String>,
    pub(crate) guests: Vec<Guest>,
    /// How it repeats, as the provider writes it.
    pub(crate) rule: Option<String>,
    /// The series of an occurrence.
    pub(crate) series: Option<Key>,
    /// What changes with every change.
    pub(crate) version: String,
    /// The resource as the provider keeps or shows it.
    pub(crate) raw: String,
}

/// Why something cannot be done, in the provider's own words where it has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) told: String,
}

impl Face {
    pub(crate) const ALL: [Self; 3] = [Self::Google, Self::Microsoft, Self::CalDav];

    /// As it stands in addresses.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::CalDav => "caldav",
        }
    }

    /// As people say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Microsoft => "Microsoft",
            Self::CalDav => "CalDAV",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|face| face.word() == word)
    }
}

impl Answer {
    pub(crate) const GIVEN: [Self; 3] = [Self::Accepted, Self::Tentative, Self::Declined];

    /// As it stands in forms.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Tentative => "tentative",
            Self::Declined => "declined",
        }
    }

    /// As people read it.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Waiting => "has not answered",
            Self::Accepted => "accepted",
            Self::Tentative => "perhaps",
            Self::Declined => "declined",
        }
    }
}

impl Refused {
    pub(crate) fn new(status: StatusCode, told: impl Into<String>) -> Self {
        Self {
            status,
            told: told.into(),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such thing here.")
    }

    pub(crate) fn form(told: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, told)
    }
}

impl When {
    /// Whole days, the last one exclusive.
    pub(crate) fn days(start: Date, end: Date, shown: &TimeZone) -> Self {
        let midnight = |day: Date| day.to_datetime(Time::midnight());
        let (start, end) = (midnight(start), midnight(end));
        Self {
            all_day: true,
            start,
            end,
            zone: None,
            span: instant(shown, start)..instant(shown, end),
        }
    }

    /// From one instant to another, on the clock of a zone. A name that means no zone is shown in UTC.
    pub(crate) fn times(span: Range<Timestamp>, name: &str) -> Self {
        let rules = rules(name).unwrap_or(TimeZone::UTC);
        Self {
            all_day: false,
            start: rules.to_datetime(span.start),
            end: rules.to_datetime(span.end),
            zone: Some(name.to_owned()),
            span,
        }
    }

    /// Whether it touches a day of the reader's zone. What takes no time is on the day on which it starts.
    pub(crate) fn touches(&self, day: Date, shown: &TimeZone) -> bool {
        if self.all_day {
            return self.start.date() <= day && day < self.end.date();
        }
        let begins = midnight(shown, day);
        let ends = midnight(shown, day.tomorrow().unwrap_or(day));
        let within = self.span.start >= begins && self.span.start < ends;
        within || (self.span.start < begins && self.span.end > begins)
    }

    /// Whether two say the same to a person.
    pub(crate) fn says(&self, start: DateTime, end: DateTime, zone: Option<&str>) -> bool {
        self.start == start && self.end == end && (self.all_day || self.zone.as_deref() == zone)
    }
}

/// The rules of a zone by its IANA, Windows or Outlook name.
pub(crate) fn rules(name: &str) -> Option<TimeZone> {
    zone::iana(&zone::identify(name)?.0)
}

/// The instant of a wall-clock time; across a gap by the offset before it, of two the first.
pub(crate) fn instant(zone: &TimeZone, local: DateTime) -> Timestamp {
    zone.to_ambiguous_timestamp(local)
        .compatible()
        .unwrap_or(Timestamp::MAX)
}

/// When a day begins.
pub(crate) fn midnight(zone: &TimeZone, day: Date) -> Timestamp {
    instant(zone, day.to_datetime(Time::midnight()))
}
