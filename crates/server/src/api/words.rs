//! Words of the domain as the document describes them. They are read and written by the domain's own types; these
//! here only show their form.
#![expect(dead_code, reason = "their form is what the document shows")]

use schemars::JsonSchema;

/// Which way events travel.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Direction {
    /// Both ways.
    TwoWay,
    /// From the remote calendar to the tenant's.
    Pull,
    /// From the tenant's calendar to the remote one.
    Push,
}

/// How much of an event travels.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Detail {
    /// All of it.
    Full,
    /// Only that the time is taken.
    Busy,
}

/// Who wins where both sides changed the same field.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum ConflictPolicy {
    /// The side that changed last.
    Newest,
    /// The remote side.
    Remote,
    /// The tenant's side.
    Local,
    /// Nobody, until a person decides.
    Ask,
}

/// Whether a link works.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum LinkState {
    /// It does.
    Active,
    /// It rests until it is resumed.
    Paused,
}

/// What an account may do with a remote calendar.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Access {
    /// Read and write events.
    ReadWrite,
    /// Read events.
    ReadOnly,
    /// See when it is taken, and not with what. It cannot be linked; `POST /api/calendar/free-busy/` tells its busy times.
    FreeBusy,
}

/// Where a conflict stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum ConflictState {
    /// A person is to decide.
    Open,
    /// The link's policy has decided.
    Decided,
    /// A person has decided.
    Resolved,
}

/// What woke a link.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Waking {
    /// It was new.
    New,
    /// An event of its calendar was edited.
    Edit,
    /// The provider said that something changed.
    Signal,
    /// Its time came round.
    Schedule,
    /// An earlier run failed, or left something for later.
    Retry,
    /// A person asked for it.
    User,
}

/// How a run stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum RunState {
    /// It goes on.
    Running,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
}

/// What was done at the remote side.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum WriteOp {
    /// An event was made.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
}

/// What came of a write.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum WriteOutcome {
    /// Nobody knows yet.
    Sent,
    /// The remote side is as it should be.
    Done,
    /// Nothing happened; it is tried again.
    Retry,
    /// It was refused.
    Failed,
    /// The remote side had changed; it was thought over again.
    Replan,
}

/// What a member may do; each also what those before may.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Books with the business; sees nothing of its calendars.
    Customer,
    /// Reads and edits, and looks after their own accounts.
    Staff,
    /// Connects, links, syncs and disconnects.
    Manager,
    /// Whose business it is.
    Owner,
}

/// Who says whether a tenant has a feature.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The tenant's own override.
    Tenant,
    /// Its plan.
    Plan,
    /// Nobody: it is without.
    Default,
}

/// An instant (RFC 3339).
#[derive(JsonSchema)]
#[schemars(transparent)]
pub(crate) struct Instant(#[schemars(extend("format" = "date-time"))] String);

/// An event of JSCalendar (RFC 8984), or what is to change of one.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub(crate) struct JsEvent(serde_json::Map<String, serde_json::Value>);

/// A JSON object.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct JsObject(pub(crate) serde_json::Map<String, serde_json::Value>);
