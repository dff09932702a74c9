//! What a link lets through: direction, detail, and who has authority over which field.

use serde::{Deserialize, Serialize};

use crate::event::Address;
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
