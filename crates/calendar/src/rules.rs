//! What a link lets through: direction, detail, and who has authority over which field.

use serde::{Deserialize, Serialize};

use crate::event::{Address, Details, Event, Instance, Override};
use crate::merge::{Field, differing};
use crate::provider::Guests;

/// Which way events travel through a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    TwoWay,
    /// From the remote calendar to ours only.
    Pull,
    /// From our calendar to the remote one only.
    Push,
}

/// How much of an event travels through a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// All of it.
    Full,
    /// Only that the time is taken.
    Busy,
}

/// Who wins where both sides changed the same field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictPolicy {
    /// The side that changed last, by the clocks of both (the remote one where that cannot be told).
    Newest,
    /// The remote side.
    Remote,
    /// Our side.
    Local,
    /// Nobody until a person decides: both sides keep what they have.
    Ask,
}

/// The title of an event of which only the time is shown.
pub const BUSY_TITLE: &str = "Busy";

/// The rules of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub detail: Detail,
    /// Who wins.
    pub conflict_policy: ConflictPolicy,
    /// Whether guests may be written there.
    pub guests: Guests,
    /// Whether the account may write there at all.
    pub writable: bool,
    /// The addresses under which the account's owner is invited.
    pub me: Vec<Address>,
}

/// Whose word counts about an event at the remote side (design law: the organizer's copy has authority).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Ours as much as theirs: no guests, or the account's owner organizes, or it is a copy that we made.
    Shared,
    /// Somebody else organizes: at the account only what is personal may be written.
    Organizer,
}

/// Which way one field of one event may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Both ways.
    Both,
    /// From the remote side to ours only: what we change here stays here.
    In,
    /// From our side to the remote one only: what they change there is put back.
    Out,
    /// Not at all.
    None,
}

impl Rules {
    /// Whether anything we do may reach the remote side.
    pub fn sends(&self) -> bool {
        self.writable && self.direction != Direction::Pull
    }

    /// Whether anything they do may reach us.
    pub fn receives(&self) -> bool {
        self.direction != Direction::Push
    }

    /// Whose word counts about an event that is at home at the remote side.
    pub fn authority(&self, remote: &Event) -> Authority {
        let organizer = remote
            .master
            .details
            .participants
            .iter()
            .find(|(_, who)| who.organizer);
        match organizer {
            Some((address, _)) if !self.me.is_empty() && !self.me.contains(address) => {
                Authority::Organizer
            }
            Some(_) | None => Authority::Shared,
        }
    }

    /// The rules by which an event at the remote side is to be read. A copy of ours that shows only the time was written
    /// when its link showed no more; it says nothing about the rest, whatever the link shows now.
    #[must_use]
    pub fn as_shown_by(&self, copy: &Event) -> Self {
        let busy = Self {
            detail: Detail::Busy,
            ..self.clone()
        };
        if differing(&busy.mask(copy), copy).is_empty() {
            busy
        } else {
            self.clone()
        }
    }

    /// Whether an event can have more than the link shows of it.
    pub fn hides(&self) -> bool {
        self.detail == Detail::Busy || self.guests == Guests::AlwaysMailed
    }

    /// Which way one field may travel.
    pub fn flow(&self, field: &Field, authority: Authority) -> Flow {
        let shown = match (self.detail, field) {
            (Detail::Full, _)
            | (
                Detail::Busy,
                Field::Time | Field::Override(_) | Field::Status | Field::FreeBusyStatus,
            ) => true,
            (
                Detail::Busy,
                Field::Title
                | Field::Description
                | Field::Locations
                | Field::VirtualLocations
                | Field::Url
                | Field::Privacy
                | Field::Priority
                | Field::Keywords
                | Field::Color
                | Field::Participant(_)
                | Field::Alert(_),
            ) => false,
        };
        if !shown {
            return Flow::None;
        }
        let out = self.sends() && self.may_write(field, authority);
        match (self.receives(), out) {
            (true, true) => Flow::Both,
            (true, false) => Flow::In,
            (false, true) => Flow::Out,
            (false, false) => Flow::None,
        }
    }

    fn may_write(&self, field: &Field, authority: Authority) -> bool {
        let mails = self.guests == Guests::AlwaysMailed;
        match (authority, field) {
            (Authority::Shared, Field::Participant(_)) => !mails,
            (Authority::Shared, _)
            | (Authority::Organizer, Field::Alert(_) | Field::Color | Field::Keywords) => true,
            // The account's own answer, which every provider takes without telling the organizer.
            (Authority::Organizer, Field::Participant(who)) => self.me.contains(who),
            (
                Authority::Organizer,
                Field::Time
                | Field::Title
                | Field::Description
                | Field::Locations
                | Field::VirtualLocations
                | Field::Url
                | Field::Status
                | Field::FreeBusyStatus
                | Field::Privacy
                | Field::Priority
                | Field::Override(_),
            ) => false,
        }
    }

    /// An event as the link shows it: whole, or only that the time is taken.
    #[must_use]
    pub fn mask(&self, event: &Event) -> Event {
        match (self.detail, self.guests) {
            (Detail::Full, Guests::Silent) => event.clone(),
            (Detail::Full, Guests::AlwaysMailed) => {
                let mut shown = event.clone();
                for instance in replaced(&mut shown) {
                    instance.details.participants.clear();
                }
                shown
            }
            (Detail::Busy, _) => {
                let mut shown = event.clone();
                shown.master.details = busy(&event.master.details);
                for instance in replaced(&mut shown) {
                    instance.details = busy(&instance.details);
                }
                shown
            }
        }
    }

    /// After an occurrence was taken over in masked form: gives it back the details that the mask hid, from what was
    /// there before (the occurrence, else the master).
    pub(crate) fn unmask(&self, event: &mut Event, before: &Event, field: &Field) {
        let Field::Override(id) = field else { return };
        if !self.hides() {
            return;
        }
        let Some(Override::Replaced(taken)) = event.recurrence_overrides.get_mut(id) else {
            return;
        };
        let known = match before.recurrence_overrides.get(id) {
            Some(Override::Replaced(instance)) => &instance.details,
            Some(Override::Excluded | Override::Added { .. }) | None => &before.master.details,
        };
        match self.detail {
            Detail::Full => taken.details.participants = known.participants.clone(),
            Detail::Busy => {
                let shown = std::mem::replace(&mut taken.details, known.clone());
                taken.details.status = shown.status;
                taken.details.free_busy_status = shown.free_busy_status;
            }
        }
    }
}

/// What a busy-only link shows of an instance.
fn busy(details: &Details) -> Details {
    Details {
        title: BUSY_TITLE.to_owned(),
        status: details.status,
        free_busy_status: details.free_busy_status,
        ..Details::default()
    }
}

fn replaced(event: &mut Event) -> impl Iterator<Item = &mut Instance> {
    event
        .recurrence_overrides
        .values_mut()
        .filter_map(|over| match over {
            Override::Replaced(instance) => Some(instance.as_mut()),
            Override::Excluded | Override::Added { .. } => None,
        })
}
