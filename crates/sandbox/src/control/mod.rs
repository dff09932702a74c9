//! The world behind a port: the one door for requests, the pushes that go out, and what an operator may look at and change.
//!
//! An operator's doors lie below [`PREFIX`]. They speak JSON, know nobody and ask for no password: they are for tests and
//! people on their own machine.

mod channels;
mod clients;
mod clock;
mod cursors;
mod delivery;
mod door;
mod faults;
mod feeds;
mod file;
mod grants;
mod journal;
mod limits;
mod mails;
mod organisations;
mod peculiar;
mod people;
mod reply;
mod routes;
mod rules;
mod seeds;
mod switches;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use delivery::{Delivery, Parcel};
pub use door::{Exchange, exchange};
pub use faults::Strike;
pub use file::FileError;
pub use mails::Mail;
pub(crate) use people::Resident;
pub use routes::answer;
pub(crate) use routes::knock;

use crate::oauth::Oauth;
use crate::world::World;

/// What stands before every path of an operator's doors.
pub const PREFIX: &str = "/_sandbox/";

/// What a world behind a port keeps beside its faces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The pushes that were sent lately, in order.
    pub deliveries: Vec<Delivery>,
    /// How many were sent in all.
    delivered: u64,
    /// Pushes that a rule holds back.
    held: Vec<delivery::Held>,
    /// The log of mails.
    mails: mails::Log,
    /// How many requests are forgotten, so that the others keep their numbers.
    requests_forgotten: u64,
    /// The rules by which faults strike.
    rules: rules::Rules,
    /// How far the world's clock is ahead of its holder's.
    offset: SignedDuration,
    /// The world as it began.
    #[serde(skip)]
    beginning: file::Beginning,
}

/// A face with people and calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Face {
    Google,
    Microsoft,
    Caldav,
}

/// A face at which people consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Provider {
    Google,
    Microsoft,
}

impl Provider {
    fn word(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }

    fn oauth(self, world: &mut World) -> &mut Oauth {
        match self {
            Self::Google => &mut world.google.oauth,
            Self::Microsoft => &mut world.microsoft.oauth,
        }
    }

    fn oauth_of(self, world: &World) -> &Oauth {
        match self {
            Self::Google => &world.google.oauth,
            Self::Microsoft => &world.microsoft.oauth,
        }
    }
}

impl Control {
    /// Lets what is numbered go on where another world left off.
    fn go_on_from(&mut self, before: &Self) {
        self.delivered = before.delivered;
        self.mails.go_on_from(&before.mails);
    }
}

/// Takes the oldest away until at most `most` are left, and says how many that were.
fn keep_last<T>(all: &mut Vec<T>, most: usize) -> u64 {
    let surplus = all.len().saturating_sub(most);
    all.drain(..surplus);
    surplus as u64
}
