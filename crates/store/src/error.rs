//! What can go wrong in the store.

use kalends_calendar::ids::EventId;

use crate::features::Feature;
use crate::plans::Quota;
use crate::vault::VaultError;
use crate::words::Word as _;

/// A failed store operation. Nothing of the transaction it happened in is kept, unless the caller commits it still.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database makes no sense, or it cannot be opened.
    #[error("cannot open the database {address}: {problem}")]
    Open {
        /// The address, without password.
        address: String,
        /// What is wrong.
        problem: String,
    },
    /// Another process holds the write lock of the SQLite file, longer than we wait.
    #[error(
        "the database is busy: another process has been writing to it for more than {seconds} s"
    )]
    Busy {
        /// How long we waited.
        seconds: u64,
    },
    /// There is something under this key or name already.
    #[error("{0} exists already")]
    Taken(String),
    /// What is referred to is not there, or what is deleted is still referred to.
    #[error("{0} is missing, or still in use")]
    Reference(String),
    /// What is asked for is not there (or belongs to another tenant, which is the same).
    #[error("no such {0}")]
    NotFound(&'static str),
    /// What was given as a code of a feature is none.
    #[error("{0:?} is not a code: up to 64 lower case letters, digits and _")]
    NotACode(String),
    /// The tenant does not have this feature. What was asked for was not done.
    #[error("the tenant does not have the feature {}", .0.name)]
    FeatureOff(Feature),
    /// The tenant's plan allows no more of this. What was asked for was not done.
    #[error("the plan allows {limit} {}, and there are {used}", .quota.word())]
    QuotaExceeded {
        /// Of what.
        quota: Quota,
        /// How many there may be.
        limit: i64,
        /// How many there are.
        used: i64,
    },
    /// The member is the tenant's only owner, who can neither leave nor become less.
    #[error("a tenant needs an owner, and this is its last one")]
    LastOwner,
    /// A row that this version of Kalends cannot read.
    #[error("the database holds {column} = {value:?}, which cannot be read: {problem}")]
    Corrupt {
        /// Which column.
        column: String,
        /// What it holds, cut short.
        value: String,
        /// Why it cannot be read.
        problem: String,
    },
    /// A write was tried in a transaction opened for reading.
    #[error("this transaction only reads")]
    ReadOnly,
    /// What only the platform may change was to be changed in a tenant's own transaction.
    #[error("only the platform may change this")]
    PlatformOnly,
    /// The schema and the migrations of this version do not fit.
    #[error("migration: {0}")]
    Migration(String),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Any other word from the database.
    #[error("database: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why an event was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not in the revision that the caller saw.
    #[error("event {0} was changed meanwhile")]
    Stale(EventId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why something was not done under a lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The lease is lost: another holder has the link, or it was paused or deleted. Or the tenant lost the feature; then the
    /// lease can still be released. Nothing was written.
    #[error("the lease is lost")]
    Fenced,
    /// The store failed. Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a batch was not applied. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The lease is lost: another holder has the link, or it was paused or deleted; or the tenant lost the feature.
    #[error("the lease is lost")]
    Fenced,
    /// An event is not in the revision that the plan was made from: plan again.
    #[error("event {0} was changed meanwhile")]
    Stale(EventId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an invitation was not accepted. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// There is no such invitation.
    #[error("there is no such invitation")]
    Unknown,
    /// Somebody accepted it before.
    #[error("the invitation was accepted already")]
    Used,
    /// It was not accepted in time.
    #[error("the invitation has expired")]
    Expired,
    /// It was taken back.
    #[error("the invitation was taken back")]
    Revoked,
    /// Another tenant has taken the short name meanwhile.
    #[error("the short name of the invitation is in use")]
    SlugTaken,
    /// A user with its address was made, or was none any more, while it was being accepted. Trying again helps.
    #[error("somebody with this address has become a user meanwhile")]
    Meanwhile,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LeaseError> for ApplyError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Fenced => Self::Fenced,
            LeaseError::Store(error) => Self::Store(error),
        }
    }
}

impl From<EditError> for ApplyError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Stale(event) => Self::Stale(event),
            EditError::Store(error) => Self::Store(error),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        crate::dialect::translate(error)
    }
}
