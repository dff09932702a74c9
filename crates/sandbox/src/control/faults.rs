//! The faults that a rule can name, as an operator writes them.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::faults::{Fault, Session};

/// What a rule does to what it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strike {
    /// The request never reaches the server: the connection breaks.
    LostBeforeSend {},
    /// The server does it, and the connection breaks.
    LostAfterEffect {},
    /// The server gets it twice.
    SentTwice {},
    /// The server refuses it with a status.
    Status {
        /// Such as 500 or 503.
        code: u16,
        /// `Retry-After` in seconds.
        retry_after_s: Option<u32>,
    },
    /// 429.
    Throttled {
        /// `Retry-After` in seconds.
        #[serde(default = "seconds")]
        retry_after_s: Option<u32>,
    },
    /// The server does it, and a gateway answers in its place.
    GatewayAfterEffect {
        /// The gateway's status.
        #[serde(default = "bad_gateway")]
        code: u16,
    },
    /// 401, although the credentials are right.
    Unauthorized {},
    /// The cursor in it is declared dead.
    DeadCursor {},
    /// The answer breaks off.
    CutBody {
        /// How much of it arrives.
        #[serde(default = "half")]
        keep_percent: u8,
    },
    /// The answer shows an earlier state.
    StaleRead {
        /// How many changes are missing.
        #[serde(default = "one")]
        changes: u64,
        /// Whether it may go behind what an answer has shown already.
        #[serde(default)]
        breaks_session: bool,
    },
    /// The answer has no `ETag` header.
    MissingEtag {},
    /// A login page arrives with status 200.
    Html {},
    /// A listing without members.
    EmptyListing {},
    /// A listing that breaks off and says so.
    CutListing {
        /// How many members it has.
        #[serde(default = "few")]
        members: usize,
    },
    /// The answer comes late. It goes together with other faults.
    Delay {
        /// How late.
        ms: u32,
    },
    /// Whoever asks has their grant taken back first; elsewhere than at Google and Microsoft nothing happens.
    RevokedGrant {},
    /// A push is lost.
    PushDropped {},
    /// A push comes twice.
    PushTwice {},
    /// A push comes late.
    PushLate {
        /// How late.
        ms: u32,
    },
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the default of a field that may be none"
)]
fn seconds() -> Option<u32> {
    Some(5)
}

fn bad_gateway() -> u16 {
    502
}

fn half() -> u8 {
    50
}

fn one() -> u64 {
    1
}

fn few() -> usize {
    1
}

/// What becomes of a push that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushStrike {
    Dropped,
    Twice,
    Late(SignedDuration),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestStrike {
    Fault(Fault),
    Delay(SignedDuration),
    RevokedGrant,
}

impl Strike {
    /// What it does to a push; none when it is for requests.
    pub(super) fn on_push(self) -> Option<PushStrike> {
        match self {
            Self::PushDropped {} => Some(PushStrike::Dropped),
            Self::PushTwice {} => Some(PushStrike::Twice),
            Self::PushLate { ms } => Some(PushStrike::Late(milliseconds(ms))),
            Self::LostBeforeSend {}
            | Self::LostAfterEffect {}
            | Self::SentTwice {}
            | Self::Status { .. }
            | Self::Throttled { .. }
            | Self::GatewayAfterEffect { .. }
            | Self::Unauthorized {}
            | Self::DeadCursor {}
            | Self::CutBody { .. }
            | Self::StaleRead { .. }
            | Self::MissingEtag {}
            | Self::Html {}
            | Self::EmptyListing {}
            | Self::CutListing { .. }
            | Self::Delay { .. }
            | Self::RevokedGrant {} => None,
        }
    }

    /// What it does to a request; none when it is for pushes.
    pub(super) fn on_request(self) -> Option<RequestStrike> {
        let fault = match self {
            Self::PushDropped {} | Self::PushTwice {} | Self::PushLate { .. } => return None,
            Self::Delay { ms } => return Some(RequestStrike::Delay(milliseconds(ms))),
            Self::RevokedGrant {} => return Some(RequestStrike::RevokedGrant),
            Self::LostBeforeSend {} => Fault::LostBeforeSend,
            Self::LostAfterEffect {} => Fault::LostAfterEffect,
            Self::SentTwice {} => Fault::SentTwice,
            Self::Status {
                code,
                retry_after_s,
            } => Fault::Status {
                code,
                retry_after_s,
            },
            Self::Throttled { retry_after_s } => Fault::Status {
                code: 429,
                retry_after_s,
            },
            Self::GatewayAfterEffect { code } => Fault::GatewayAfterEffect { code },
            Self::Unauthorized {} => Fault::Unauthorized,
            Self::DeadCursor {} => Fault::DeadCursor,
            Self::CutBody { keep_percent } => Fault::CutBody { keep_percent },
            Self::StaleRead {
                changes,
                breaks_session,
            } => Fault::StaleRead {
                changes,
                session: if breaks_session {
                    Session::Broken
                } else {
                    Session::Kept
                },
            },
            Self::MissingEtag {} => Fault::MissingEtag,
            Self::Html {} => Fault::Html,
            Self::EmptyListing {} => Fault::EmptyListing,
            Self::CutListing { members } => Fault::CutListing { members },
        };
        Some(RequestStrike::Fault(fault))
    }

    /// The member whose value cannot be, and why.
    pub(super) fn problem(self) -> Option<(&'static str, &'static str)> {
        let is_refusal = |code: u16| (400..600).contains(&code);
        match self {
            Self::Status { code, .. } | Self::GatewayAfterEffect { code } if !is_refusal(code) => {
                Some(("fault.code", "A status from 400 to 599 is wanted."))
            }
            Self::CutBody { keep_percent } if keep_percent >= 100 => {
                Some(("fault.keep_percent", "A number from 0 to 99 is wanted."))
            }
            Self::Delay { ms } | Self::PushLate { ms } if ms > DELAY_MS_MAX => {
                Some(("fault.ms", "That is more than an hour."))
            }
            _ => None,
        }
    }
}

/// The longest delay: nobody waits longer, and what waits holds a connection.
const DELAY_MS_MAX: u32 = 60 * 60 * 1000;

fn milliseconds(ms: u32) -> SignedDuration {
    SignedDuration::from_millis(i64::from(ms))
}
