//! Whole worlds to begin with: who lives where, and what is in their calendars around the day it is.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::plan::Planned;
use super::{clinic, demo, law_firm};
use crate::control::Resident;
use crate::google;
use crate::microsoft;
use crate::world::{Place, World, WorldError};

/// A world to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seed {
    /// Two people at each face, with a little in their calendars.
    #[default]
    Demo,
    /// A practice with doctors at all faces.
    Clinic,
    /// A law firm on both sides of the Atlantic.
    LawFirm,
}

/// All of them.
pub const SEEDS: [Seed; 3] = [Seed::Demo, Seed::Clinic, Seed::LawFirm];

/// Why a seed could not be planted. None there is leads to this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seed cannot be planted: {0}")]
pub struct SeedError(pub(super) String);

impl From<google::Refusal> for SeedError {
    fn from(refusal: google::Refusal) -> Self {
        Self(format!("Google: {refusal:?}"))
    }
}

impl From<microsoft::Refusal> for SeedError {
    fn from(refusal: microsoft::Refusal) -> Self {
        Self(format!("Microsoft: {refusal:?}"))
    }
}

impl From<WorldError> for SeedError {
    fn from(error: WorldError) -> Self {
        Self(error.to_string())
    }
}

/// At which face somebody lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Google,
    Microsoft,
    Caldav,
}

/// Somebody, and what is in their calendar.
pub(super) struct Person {
    pub(super) at: At,
    /// The mail address; at CalDAV the user name.
    pub(super) user: &'static str,
    pub(super) name: &'static str,
    pub(super) zone: &'static str,
    pub(super) plans: Vec<Planned>,
}

impl Seed {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Clinic => "clinic",
            Self::LawFirm => "law-firm",
        }
    }

    /// What it is, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Self::Demo => "two people at each of Google, Microsoft and CalDAV",
            Self::Clinic => {
                "a practice in Berlin: rounds, surgery, night duty, leave, a congress overseas"
            }
            Self::LawFirm => {
                "a law firm in New York and Berlin: hearings, calls across zones, journeys"
            }
        }
    }

    /// The seed of this name.
    pub fn read(name: &str) -> Option<Self> {
        SEEDS.into_iter().find(|seed| seed.word() == name)
    }

    /// Lets its people live in a world without any. The same day gives the same calendars.
    pub fn plant(self, world: &mut World, now: Timestamp) -> Result<(), SeedError> {
        let around = Around::new(now);
        let people = match self {
            Self::Demo => return demo::plant(world, now),
            Self::Clinic => clinic::people(&around),
            Self::LawFirm => law_firm::people(&around),
        };
        settle(world, people, now)?;
        // They were invited long ago.
        world.mails.clear();
        world.google.mails.clear();
        world.microsoft.mails.clear();
        Ok(())
    }
}

/// Everybody moves in before anybody invites the others.
fn settle(world: &mut World, people: Vec<Person>, now: Timestamp) -> Result<(), SeedError> {
    for person in &people {
        let resident = Resident {
            email: person.user,
            name: person.name,
            zone: person.zone,
            password: None,
        };
        match person.at {
            At::Google => world.settle_google(resident, now).map_err(SeedError)?,
            At::Microsoft => world.settle_microsoft(resident).map_err(SeedError)?,
            At::Caldav => world.settle_caldav(resident),
        };
    }
    for person in people {
        match person.at {
            At::Google => {
                for plan in person.plans {
                    plan.into_google(world, person.user, now)?;
                }
            }
            At::Microsoft => {
                let calendars = world.microsoft.calendars(person.user)?;
                let calendar = calendars.first().and_then(|first| first["id"].as_str());
                let calendar = calendar.unwrap_or_default().to_owned();
                for plan in person.plans {
                    plan.into_microsoft(world, (person.user, &calendar), now)?;
                }
            }
            At::Caldav => {
                let place = Place {
                    user: person.user.to_owned(),
                    collection: "work".to_owned(),
                };
                for (number, plan) in person.plans.into_iter().enumerate() {
                    plan.into_caldav(world, &place, number, now)?;
                }
            }
        }
    }
    Ok(())
}

/// The days around the one on which a world begins.
pub(super) struct Around {
    now: Timestamp,
    /// The Monday of that week.
    monday: Date,
}

impl Around {
    fn new(now: Timestamp) -> Self {
        let today = TimeZone::UTC.to_datetime(now).date();
        let since_monday = i64::from(today.weekday().to_monday_zero_offset());
        Self {
            now,
            monday: today.saturating_sub(since_monday.days()),
        }
    }

    /// A day of this week, or of one so many weeks from it.
    pub(super) fn day(&self, weeks: i64, weekday: Weekday) -> Date {
        let days = weeks * 7 + i64::from(weekday.to_monday_zero_offset());
        self.monday.saturating_add(days.days())
    }

    /// A date of this year.
    pub(super) fn date(&self, month: i8, day: i8) -> Date {
        Date::constant(self.monday.year(), month, day)
    }

    /// The first such day of this month.
    pub(super) fn first(&self, weekday: Weekday) -> Date {
        let first = self.monday.first_of_month();
        let ahead = weekday.since(first.weekday());
        first.saturating_add(i64::from(ahead).days())
    }

    /// The next day on which a zone's clocks change.
    pub(super) fn clock_change(&self, zone: &str) -> Date {
        let rules = kalends_calendar::zone::iana(zone).unwrap_or(TimeZone::UTC);
        let next = rules.following(self.now).next();
        next.map_or(self.monday, |change| {
            rules.to_datetime(change.timestamp()).date()
        })
    }
}
