//! Enumerations as words in `TEXT` columns. A new case without a word does not compile.

use kalends_calendar::merge::Winner;
use kalends_calendar::plan::{Origin, Reason};
use kalends_calendar::provider::Access;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};

use crate::answers::AnswerState;
use crate::channels::ChannelState;
use crate::conflicts::ConflictState;
use crate::connections::{ConnectionState, ProviderKind, RetryReason};
use crate::intents::IntentState;
use crate::links::{DueReason, LinkState};
use crate::mailbox::AuthServer;
use crate::mails::{MailKind, MailState};
use crate::members::Role;
use crate::overview::Standing;
use crate::plans::Quota;
use crate::remote_writes::{WriteOp, WriteOutcome};
use crate::runs::RunState;

/// An enumeration that is kept as a word.
pub(crate) trait Word: Sized {
    /// The word.
    fn word(self) -> &'static str;
}

macro_rules! words {
    ($($type:ident { $($case:ident = $word:literal),+ $(,)? })+) => {$(
        impl Word for $type {
            fn word(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }
        }

        impl From<$type> for crate::bind::Bind {
            fn from(value: $type) -> Self {
                Self::Text(Some(value.word().to_owned()))
            }
        }

        impl crate::row::Column for $type {
            fn read(row: &crate::row::Row, name: &str) -> Result<Option<Self>, crate::StoreError> {
                match String::read(row, name)? {
                    None => Ok(None),
                    Some(word) => match word.as_str() {
                        $($word => Ok(Some(Self::$case)),)+
                        other => Err(crate::row::corrupt(name, other, "not a word known here")),
                    },
                }
            }
        }
    )+};
}

words! {
    AnswerState { Running = "running", Answered = "answered", Withheld = "withheld" }
    Direction { TwoWay = "two_way", Pull = "pull", Push = "push" }
    Detail { Full = "full", Busy = "busy" }
    ConflictPolicy { Newest = "newest", Remote = "remote", Local = "local", Ask = "ask" }
    Access { ReadWrite = "read_write", ReadOnly = "read_only", FreeBusy = "free_busy" }
    Origin { Remote = "remote", Kalends = "kalends" }
    Winner { Local = "local", Remote = "remote", Undecided = "undecided" }
    Reason {
        NewThere = "new_there",
        NewHere = "new_here",
        ChangedThere = "changed_there",
        ChangedHere = "changed_here",
        Merged = "merged",
        DeletedThere = "deleted_there",
        DeletedHere = "deleted_here",
        EditBeatsDeletionThere = "edit_beats_deletion_there",
        EditBeatsDeletionHere = "edit_beats_deletion_here",
        FoundAgain = "found_again",
        PutBack = "put_back",
        Leaving = "leaving",
    }
    ProviderKind { Caldav = "caldav", Ics = "ics", Google = "google", Microsoft = "microsoft" }
    AuthServer { Google = "google", Microsoft = "microsoft" }
    MailKind { Invitation = "invitation", Reconnect = "reconnect", Held = "held" }
    MailState { Due = "due", Sent = "sent", Failed = "failed", Unknown = "unknown" }
    ConnectionState { Ok = "ok", ReconnectNeeded = "reconnect_needed" }
    ChannelState { Opening = "opening", Open = "open", Closing = "closing" }
    RetryReason { Asked = "asked", Budget = "budget" }
    LinkState { Active = "active", Paused = "paused" }
    DueReason {
        New = "new",
        Edit = "edit",
        Signal = "signal",
        Schedule = "schedule",
        Retry = "retry",
        User = "user",
    }
    IntentState { Due = "due", Sent = "sent", Failed = "failed" }
    ConflictState { Open = "open", Decided = "decided", Resolved = "resolved" }
    Role { Owner = "owner", Manager = "manager", Staff = "staff", Customer = "customer" }
    Standing {
        InStep = "in_step",
        Syncing = "syncing",
        New = "new",
        Waiting = "waiting",
        Failing = "failing",
        Paused = "paused",
        ReconnectNeeded = "reconnect_needed",
        Off = "off",
    }
    Quota { Connections = "connections", Links = "links", Calendars = "calendars" }
    RunState { Running = "running", Done = "done", Failed = "failed" }
    WriteOp { Create = "create", Update = "update", Delete = "delete" }
    WriteOutcome {
        Sent = "sent",
        Done = "done",
        Retry = "retry",
        Failed = "failed",
        Replan = "replan",
    }
}
