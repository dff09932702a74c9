//! What a person wrote into the form of an event, and what of it differs from what is there.

use std::num::NonZeroU32;

use http::StatusCode;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};

use super::entry::{Part, Refused, Sheet, rules};
use crate::oauth::params::Params;

/// More guests than anybody types; the providers' own limits are smaller.
const GUESTS_MAX: usize = 1000;

/// An event as the form has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) place: String,
    pub(crate) text: String,
    pub(crate) time: Stretch,
    /// Mail addresses.
    pub(crate) guests: Vec<String>,
    pub(crate) repeat: Repeat,
    /// Whether guests are to be mailed, where the provider asks (Google).
    pub(crate) mail: bool,
}

/// When: two wall-clock times and the zone they are said in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) all_day: bool,
    pub(crate) start: DateTime,
    /// Exclusive, for whole days too.
    pub(crate) end: DateTime,
    /// None for whole days and for times that mean every clock.
    pub(crate) zone: Option<String>,
}

/// How it repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// As it does, or does not.
    Kept,
    /// Not.
    Never,
    /// By a rule that follows from the start.
    Every(Frequency, Option<NonZeroU32>),
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// What is to become different. None is to stay as it is, and is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) title: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) time: Option<Stretch>,
    pub(crate) guests: Option<Vec<String>>,
    pub(crate) repeat: Repeat,
    pub(crate) mail: bool,
}

impl Frequency {
    pub(crate) const ALL: [Self; 4] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    /// As it stands in forms, and in capitals in rules.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    /// As people read it.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Daily => "Every day",
            Self::Weekly => "Every week on this weekday",
            Self::Monthly => "Every month on this day",
            Self::Yearly => "Every year on this day",
        }
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|frequency| frequency.word() == word)
    }
}

impl Repeat {
    /// The rule as RFC 5545 writes it; none where nothing repeats.
    pub(crate) fn rule(self) -> Option<String> {
        match self {
            Self::Kept | Self::Never => None,
            Self::Every(frequency, times) => {
                let word = frequency.word().to_ascii_uppercase();
                let count = times.map_or_else(String::new, |times| format!(";COUNT={times}"));
                Some(format!("FREQ={word}{count}"))
            }
        }
    }
}

impl Draft {
    /// An hour on a day.
    pub(crate) fn on(day: Date, zone: &str) -> Self {
        let start = day.to_datetime(Time::constant(9, 0, 0, 0));
        Self {
            title: String::new(),
            place: String::new(),
            text: String::new(),
            time: Stretch {
                all_day: false,
                start,
                end: start.saturating_add(1.hour()),
                zone: Some(zone.to_owned()),
            },
            guests: Vec::new(),
            repeat: Repeat::Never,
            mail: false,
        }
    }

    /// What is there.
    pub(crate) fn of(sheet: &Sheet) -> Self {
        let when = &sheet.entry.when;
        Self {
            title: sheet.entry.title.clone(),
            place: sheet.place.clone(),
            text: sheet.text.clone(),
            time: Stretch {
                all_day: when.all_day,
                start: when.start,
                end: when.end,
                zone: when.zone.clone(),
            },
            guests: sheet
                .guests
                .iter()
                .map(|guest| guest.address.clone())
                .collect(),
            repeat: match sheet.entry.part {
                Part::Single => Repeat::Never,
                Part::Series | Part::Occurrence | Part::Exception => Repeat::Kept,
            },
            mail: false,
        }
    }

    /// Reads a form that was sent.
    pub(crate) fn read(form: &Params, known: Option<&Sheet>) -> Result<Self, Refused> {
        let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
        let date = |name: &str, told: &str| {
            let found = form.get(name).and_then(|date| date.parse::<Date>().ok());
            found.ok_or_else(|| Refused::form(format!("{told} is not a date.")))
        };
        let all_day = form.get("all_day").is_some();
        let (first, last) = (
            date("start", "The first day")?,
            date("end", "The last day")?,
        );
        let time = if all_day {
            Stretch {
                all_day,
                start: first.to_datetime(Time::midnight()),
                end: last.saturating_add(1.day()).to_datetime(Time::midnight()),
                zone: None,
            }
        } else {
            let clock = |name: &str, told: &str| {
                let found = form.get(name).and_then(|time| time.parse::<Time>().ok());
                found.ok_or_else(|| Refused::form(format!("{told} is not a time of day.")))
            };
            let zone = Some(text("zone")).filter(|zone| !zone.is_empty());
            let kept = known.and_then(|sheet| sheet.entry.when.zone.as_ref());
            if let Some(name) = &zone
                && kept != Some(name)
                && rules(name).is_none()
            {
                return Err(Refused::form(format!("“{name}” is not a time zone.")));
            }
            Stretch {
                all_day,
                start: first.to_datetime(clock("start_time", "The start")?),
                end: last.to_datetime(clock("end_time", "The end")?),
                zone,
            }
        };
        if time.end < time.start || (time.all_day && time.end == time.start) {
            return Err(Refused::form("It ends before it starts."));
        }
        Ok(Self {
            title: text("title"),
            place: text("place"),
            // Browsers send line ends as CRLF.
            text: text("text").replace("\r\n", "\n"),
            time,
            guests: guests(form.get("guests").unwrap_or_default())?,
            repeat: repeat(form)?,
            mail: form.get("mail").is_some(),
        })
    }

    /// What was typed into a form that cannot be read, as far as it can: the rest is as in a new one.
    pub(crate) fn typed(form: &Params) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        let day = |name: &str| form.get(name).and_then(|day| day.parse::<Date>().ok());
        let clock = |name: &str| form.get(name).and_then(|time| time.parse::<Time>().ok());
        let midnight = Time::midnight();
        let blank = Self::on(day("start").unwrap_or(Date::ZERO), &text("zone"));
        let all_day = form.get("all_day").is_some();
        let last = day("end").unwrap_or(blank.time.end.date());
        let end = last.to_datetime(clock("end_time").unwrap_or(midnight));
        Self {
            title: text("title"),
            place: text("place"),
            text: text("text"),
            time: Stretch {
                all_day,
                start: blank
                    .time
                    .start
                    .date()
                    .to_datetime(clock("start_time").unwrap_or(midnight)),
                end: if all_day {
                    end.saturating_add(1.day())
                } else {
                    end
                },
                zone: blank.time.zone,
            },
            guests: text("guests").lines().map(str::to_owned).collect(),
            repeat: repeat(form).unwrap_or(Repeat::Kept),
            mail: form.get("mail").is_some(),
        }
    }

    /// Everything, for a new event.
    pub(crate) fn whole(self) -> Changes {
        Changes {
            title: Some(self.title),
            place: Some(self.place).filter(|place| !place.is_empty()),
            text: Some(self.text).filter(|text| !text.is_empty()),
            time: Some(self.time),
            guests: Some(self.guests).filter(|guests| !guests.is_empty()),
            repeat: self.repeat,
            mail: self.mail,
        }
    }

    /// What differs from what is there.
    pub(crate) fn against(self, sheet: &Sheet) -> Changes {
        let now = Self::of(sheet);
        let differs = |one: String, other: &str| (one != other).then_some(one);
        let when = &sheet.entry.when;
        let same_time = self.time.all_day == when.all_day
            && when.says(self.time.start, self.time.end, self.time.zone.as_deref());
        Changes {
            title: differs(self.title, &now.title),
            place: differs(self.place, now.place.trim()),
            text: differs(self.text, now.text.trim()),
            time: (!same_time).then_some(self.time),
            guests: (self.guests != now.guests).then_some(self.guests),
            repeat: match (self.repeat, now.repeat) {
                (Repeat::Never, Repeat::Never) => Repeat::Kept,
                (repeat, _) => repeat,
            },
            mail: self.mail,
        }
    }
}

impl Changes {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            title,
            place,
            text,
            time,
            guests,
            repeat,
            mail: _,
        } = self;
        title.is_none()
            && place.is_none()
            && text.is_none()
            && time.is_none()
            && guests.is_none()
            && *repeat == Repeat::Kept
    }
}

fn guests(text: &str) -> Result<Vec<String>, Refused> {
    let mut guests: Vec<String> = Vec::new();
    let addresses = text.split([',', ';', ' ', '\n', '\r', '\t']);
    for address in addresses.map(str::trim).filter(|word| !word.is_empty()) {
        let whole = address
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        if !whole || address.chars().any(char::is_control) {
            return Err(Refused::form(format!("“{address}” is not a mail address.")));
        }
        if !guests
            .iter()
            .any(|known| known.eq_ignore_ascii_case(address))
        {
            guests.push(address.to_owned());
        }
    }
    if guests.len() > GUESTS_MAX {
        return Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "These are too many guests.",
        ));
    }
    Ok(guests)
}

fn repeat(form: &Params) -> Result<Repeat, Refused> {
    let word = match form.get("repeat") {
        None | Some("kept") => return Ok(Repeat::Kept),
        Some("never") => return Ok(Repeat::Never),
        Some(word) => word,
    };
    let frequency =
        Frequency::read(word).ok_or_else(|| Refused::form("This is not a way to repeat."))?;
    let times = form
        .get("times")
        .map(str::trim)
        .filter(|times| !times.is_empty());
    let times = times
        .map(|times| {
            let number = times.parse::<NonZeroU32>().ok();
            number.ok_or_else(|| Refused::form("How often it repeats is a number from 1 on."))
        })
        .transpose()?;
    Ok(Repeat::Every(frequency, times))
}
