//! Who changed an event, and why: what stands beside every version in its history.

use serde::{Deserialize, Serialize};

use crate::ids::{LinkId, RunId};

/// The number of a version of one event: 1 for the first, one more for each change. Deletion is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub i64);

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Who and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who did it.
    pub actor: Actor,
    /// What for, in a few words: `imported`, `edited`, `merged`, `restored version 3`.
    pub reason: String,
}

/// Who changed an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Actor {
    /// A person or program on our side, by name.
    User {
        /// As they signed in; `cli` from the command line.
        name: String,
    },
    /// A run of the engine, with what the remote side did.
    Sync {
        /// Through this link.
        link: LinkId,
        /// In this run.
        run: RunId,
    },
}
