//! What people put into calendars that are no files: an event as a person thinks of it, and what they do to it later.

use jiff::civil::{Date, DateTime, date};
use jiff::{Span, ToSpan};
use kalends_sandbox::Chance;

/// Most of what people plan is around the day on which simulations begin.
const AROUND: Date = date(2030, 3, 17);

/// Zones of the people's meetings, by their IANA and Windows names.
pub(crate) const ZONES: [(&str, &str); 4] = [
    ("Europe/Berlin", "W. Europe Standard Time"),
    ("America/New_York", "Eastern Standard Time"),
    ("Asia/Tokyo", "Tokyo Standard Time"),
    ("Europe/London", "GMT Standard Time"),
];

const PLACES: [&str; 4] = [
    "Room 4.12, Main Street 5",
    "Café Central; upstairs",
    "東京都",
    "Kitchen",
];

/// What people write beside a title.
const TEXTS: [&str; 3] = [
    "Please bring the numbers from last week.",
    "Agenda:\n- open points\n- budget; forecast, plan",
    "🎉 bis später",
];

/// An event as a person thinks of it.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a mark that the event has or has not, as in the forms of calendars"
)]
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) text: Option<&'static str>,
    pub(crate) place: Option<&'static str>,
    pub(crate) start: DateTime,
    /// The zone by its IANA and its Windows name; none for whole days.
    pub(crate) zone: Option<(&'static str, &'static str)>,
    /// Minutes, or days of whole days.
    pub(crate) length: i64,
    pub(crate) repeat: Option<Repeat>,
    pub(crate) ends: Ends,
    pub(crate) guests: bool,
    /// Minutes before the start.
    pub(crate) reminder: Option<i64>,
    pub(crate) free: bool,
    pub(crate) private: bool,
    pub(crate) tentative: bool,
}

/// How often it repeats. The start is its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Daily(i64),
    Weekly(i64),
    /// On its day of the month, which is one that every month has.
    Monthly,
    /// On its weekday of the month, which is one that every month has.
    MonthlyNth,
    Yearly,
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Never,
    Count(u64),
    /// The last day.
    Until(Date),
}

/// What a person does to an event that is there.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Retitle(String),
    Describe(String),
    Relocate(String),
    Remind(Option<i64>),
    Free(bool),
    Private(bool),
    Tentative(bool),
    /// Moves a single event, or a whole series.
    Shift(i64),
    /// Lets a series end elsewhere.
    End(Ends),
    /// Takes an occurrence away.
    Skip,
    /// Gives an occurrence a title of its own.
    RetitleOne(String),
    /// Moves an occurrence by so many minutes.
    MoveOne(i64),
    /// Changes this occurrence and all that follow.
    Split(String),
    /// Puts it into another calendar of the account.
    MoveAway,
    Delete,
}

impl Draft {
    pub(crate) fn draw(chance: &mut Chance, title: String) -> Self {
        let zone = (!chance.percent(25)).then(|| *chance.pick(&ZONES));
        // Now and then something far away, which a window of changes does not show.
        let day = AROUND.saturating_add(
            if chance.percent(12) {
                chance.within(-700..1200)
            } else {
                chance.within(-60..220)
            }
            .days(),
        );
        let start = match zone {
            None => day.to_datetime(jiff::civil::Time::midnight()),
            Some(_) => day
                .to_datetime(jiff::civil::Time::midnight())
                .saturating_add((15 * chance.within(26..84)).minutes()),
        };
        let repeat = chance.percent(40).then(|| repeat(chance, start.date()));
        let ends = match chance.below(3) {
            0 => Ends::Never,
            1 => Ends::Count(3 + chance.below(20)),
            _ => Ends::Until(start.date().saturating_add(chance.within(40..400).days())),
        };
        Self {
            title,
            text: chance.percent(40).then(|| *chance.pick(&TEXTS)),
            place: chance.percent(40).then(|| *chance.pick(&PLACES)),
            start,
            zone,
            length: match zone {
                None => 1 + chance.within(0..3),
                Some(_) => 15 * chance.within(1..12),
            },
            repeat,
            ends,
            guests: chance.percent(8),
            reminder: chance.percent(50).then(|| 5 * chance.within(0..12)),
            free: chance.percent(15),
            private: chance.percent(10),
            tentative: chance.percent(10),
        }
    }

    /// When the first one ends, exclusive.
    pub(crate) fn end(&self) -> DateTime {
        let length: Span = match self.zone {
            None => self.length.days(),
            Some(_) => self.length.minutes(),
        };
        self.start.saturating_add(length)
    }
}

fn repeat(chance: &mut Chance, day: Date) -> Repeat {
    let every = 1 + chance.within(0..3);
    match chance.below(8) {
        0 | 1 => Repeat::Daily(every),
        2..5 => Repeat::Weekly(every),
        5 if day.day() <= 28 => Repeat::Monthly,
        6 if day.day() <= 28 => Repeat::MonthlyNth,
        7 if day.day() <= 28 => Repeat::Yearly,
        _ => Repeat::Weekly(1),
    }
}

impl Act {
    /// Something to do. `word` makes texts with a word that stands nowhere else.
    pub(crate) fn draw(chance: &mut Chance, mut word: impl FnMut() -> String) -> Self {
        let minutes = 15 * chance.within(1..9) * if chance.percent(50) { 1 } else { -1 };
        match chance.below(100) {
            0..18 => Self::Retitle(format!("as told in {}", word())),
            18..28 => Self::Describe(format!("all about {}", word())),
            28..36 => Self::Relocate(format!("at the sign of {}", word())),
            36..42 => Self::Remind(chance.percent(70).then(|| 5 * chance.within(1..20))),
            42..46 => Self::Free(chance.percent(50)),
            46..49 => Self::Private(chance.percent(50)),
            49..52 => Self::Tentative(chance.percent(50)),
            52..64 => Self::Shift(minutes),
            64..67 => Self::End(match chance.below(2) {
                0 => Ends::Count(2 + chance.below(12)),
                _ => Ends::Until(AROUND.saturating_add(chance.within(100..500).days())),
            }),
            67..73 => Self::Skip,
            73..79 => Self::RetitleOne(format!("just this once {}", word())),
            79..84 => Self::MoveOne(minutes),
            84..88 => Self::Split(format!("from now on {}", word())),
            88..91 => Self::MoveAway,
            _ => Self::Delete,
        }
    }
}
