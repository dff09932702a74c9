//! Where Google's behaviour is not confirmed or can be turned up and down: every such choice, with its default.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// How this Google behaves where documents are silent, disagree, or leave room.
///
/// The defaults are the likeliest reading; [`Switches::draw`] gives others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, set by name"
)]
pub struct Switches {
    /// Whether every listing begins with an empty page that has a `nextPageToken`. Pages may be empty by the reference;
    /// how often they are is not told. Default: never.
    pub empty_pages: bool,
    /// How long a sync token is good. Unconfirmed. Default: 29 days, so that none outlives the tombstones.
    pub sync_token_lifetime: SignedDuration,
    /// How long a deleted event is still told. Unconfirmed. Default: 30 days.
    pub tombstone_lifetime: SignedDuration,
    /// How far back `updatedMin` may reach. Observed, unconfirmed. Default: 30 days.
    pub updated_min_age_max: SignedDuration,
    /// Whether a listing with a filter that a sync token cannot carry (`q`, `orderBy`, ...) ends with a token all the
    /// same. The exact set is unconfirmed. Default: no.
    pub tokens_despite_filters: bool,
    /// What an incremental listing with a window tells of an event outside of it. Unconfirmed.
    pub leaving_window: LeavingWindow,
    /// Whether `status: confirmed` brings a deleted event back. Unconfirmed. Default: yes.
    pub revival: bool,
    /// What becomes of exceptions that a changed rule has no place for. Unconfirmed.
    pub misfits: Misfits,
    /// Whether a master's new value reaches exceptions that had the old one. Unconfirmed. Default: yes.
    pub masters_reach_exceptions: bool,
    /// Whether an incremental listing names the exceptions of a deleted series too. Unconfirmed. Default: yes.
    pub deaths_told_one_by_one: bool,
    /// What a guest's change of shared fields does. Sources differ.
    pub guest_edits: GuestEdits,
    /// What an import with a lower `sequence` than the stored one does. Unconfirmed.
    pub lower_sequence: LowerSequence,
    /// Whether a change of reminders alone gives a new ETag. Seen live once. Default: yes.
    pub reminders_change_etag: bool,
    /// Whether UNTIL must be UTC for timed events and a date for whole days. Unconfirmed. Default: yes.
    pub until_types_enforced: bool,
    /// Whether COUNT together with UNTIL is refused. Unconfirmed. Default: yes.
    pub count_and_until_refused: bool,
    /// Whether HOURLY, MINUTELY and SECONDLY are refused. Unconfirmed. Default: yes.
    pub sub_daily_refused: bool,
    /// How many instances of one series a listing shows. About 730 by reports, unconfirmed.
    pub instances_max: usize,
    /// Whether a requested conference is made only after the answer, by a second change of Google's own: the ETag of the
    /// answer is outdated a second later. Seen by others. Default: no.
    pub late_conferences: bool,
    /// Whether a new series is touched once more by Google itself after a second. Seen by others. Default: no.
    pub late_touches: bool,
    /// How several extended-property filters combine: the reference and the guide disagree.
    pub property_filters: PropertyFilters,
    /// Whether guests are mailed although `sendUpdates` was not given ("some emails might still be sent"). Default: no.
    pub mails_by_default: bool,
    /// How many days `freeBusy.query` may span. About three months, unconfirmed.
    pub free_busy_days_max: i64,
    /// Whether a calendar shared through the API stands in the other person's list at once. Default: no.
    pub sharing_lists: bool,
    /// Whether a second write to the same calendar in one batch is refused with 409 `conflict`. It can be. Default: no.
    pub batch_conflicts: bool,
    /// Who may not invite guests: service accounts without domain-wide delegation.
    pub cannot_invite: BTreeSet<String>,
    /// What becomes of parameters and members of bodies that the Discovery document does not have. Google passes them over;
    /// who tests a client wants to hear of them.
    pub unknown_names: UnknownNames,
    /// How many calls one batch may hold.
    pub batch_calls_max: usize,
    /// How much may be asked.
    pub quotas: Quotas,
    /// How push channels behave.
    pub channels: Channels,
}

/// What becomes of names that Google does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownNames {
    /// Nothing, as at Google.
    #[default]
    PassedOver,
    /// 400, naming them.
    Refused,
}

/// What an incremental listing with a window tells of an event outside of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeavingWindow {
    /// It is listed as cancelled.
    #[default]
    Cancelled,
    /// It is not listed.
    Silent,
}

/// What becomes of exceptions that a changed rule has no place for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Misfits {
    /// They are dropped.
    #[default]
    Dropped,
    /// They stay.
    Kept,
}

/// What a guest's change of shared fields does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestEdits {
    /// It changes the guest's copy until the organizer's next change.
    #[default]
    LocalOnly,
    /// 403 `forbiddenForNonOrganizer`.
    Refused,
}

/// What an import with a lower `sequence` than the stored one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LowerSequence {
    /// 400.
    #[default]
    Refused,
    /// Nothing: the stored event is answered.
    Ignored,
}

/// How several extended-property filters combine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PropertyFilters {
    /// All must match (the reference).
    #[default]
    All,
    /// One is enough (the guide).
    Any,
}

/// How much may be asked. What is beyond gets 403 and 429 by turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// Units per user, project and minute. A PATCH is three units.
    pub user_units_per_minute: u64,
    /// Units per project and minute.
    pub project_units_per_minute: u64,
    /// How many writes one calendar takes within how long: the operational limit. Its size is not told. Default: none.
    pub calendar_writes: Option<(u64, SignedDuration)>,
    /// How many events a user may make in a day before `quotaExceeded`. Its size is not told. Default: none.
    pub creations_per_day: Option<u64>,
}

/// How push channels behave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// Whether the address must be `https`. Default: yes.
    pub https_required: bool,
    /// The hosts whose domains are verified; none when nobody asks. Whether Google still asks is unconfirmed.
    pub verified_hosts: Option<BTreeSet<String>>,
    /// How long a channel lives when nothing is asked for: 7 days.
    pub lifetime_default: SignedDuration,
    /// How long a channel lives at most: about a month by practice, unconfirmed.
    pub lifetime_max: SignedDuration,
    /// How long after `watch` the first message is due. Default: at once.
    pub sync_delay: SignedDuration,
    /// Whether the answer to `watch` waits until the first message, where it is due at once, was taken or refused. Default:
    /// no, and either may be there first.
    #[serde(default)]
    pub sync_first: bool,
    /// How long after a change its message is due.
    pub change_delay: SignedDuration,
    /// How many of a hundred messages about changes never come. Default: none.
    pub lost_percent: u64,
}

impl Default for Switches {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            empty_pages: false,
            sync_token_lifetime: days(29),
            tombstone_lifetime: days(30),
            updated_min_age_max: days(30),
            tokens_despite_filters: false,
            leaving_window: LeavingWindow::default(),
            revival: true,
            misfits: Misfits::default(),
            masters_reach_exceptions: true,
            deaths_told_one_by_one: true,
            guest_edits: GuestEdits::default(),
            lower_sequence: LowerSequence::default(),
            reminders_change_etag: true,
            until_types_enforced: true,
            count_and_until_refused: true,
            sub_daily_refused: true,
            instances_max: 730,
            late_conferences: false,
            late_touches: false,
            property_filters: PropertyFilters::default(),
            mails_by_default: false,
            free_busy_days_max: 92,
            sharing_lists: false,
            batch_conflicts: false,
            cannot_invite: BTreeSet::new(),
            unknown_names: UnknownNames::default(),
            batch_calls_max: 50,
            quotas: Quotas {
                user_units_per_minute: 600,
                project_units_per_minute: 10_000,
                calendar_writes: None,
                creations_per_day: None,
            },
            channels: Channels {
                https_required: true,
                verified_hosts: None,
                lifetime_default: days(7),
                lifetime_max: days(30),
                sync_delay: SignedDuration::ZERO,
                sync_first: false,
                change_delay: SignedDuration::from_secs(1),
                lost_percent: 0,
            },
        }
    }
}

impl Switches {
    /// A Google that is as hard to live with as documents allow, for simulations. Never one that mails unasked or that
    /// takes less than a correct client needs: quotas, sizes and lifetimes stay.
    pub fn draw(chance: &mut Chance) -> Self {
        let mut often = |percent| chance.percent(percent);
        Self {
            empty_pages: often(30),
            tokens_despite_filters: often(20),
            leaving_window: if often(50) {
                LeavingWindow::Cancelled
            } else {
                LeavingWindow::Silent
            },
            misfits: if often(70) {
                Misfits::Dropped
            } else {
                Misfits::Kept
            },
            masters_reach_exceptions: often(50),
            deaths_told_one_by_one: often(50),
            guest_edits: if often(50) {
                GuestEdits::LocalOnly
            } else {
                GuestEdits::Refused
            },
            lower_sequence: if often(50) {
                LowerSequence::Refused
            } else {
                LowerSequence::Ignored
            },
            reminders_change_etag: often(50),
            late_conferences: often(30),
            late_touches: often(30),
            property_filters: if often(50) {
                PropertyFilters::All
            } else {
                PropertyFilters::Any
            },
            sharing_lists: often(50),
            channels: Channels {
                sync_delay: SignedDuration::from_secs(if often(50) { 0 } else { 2 }),
                lost_percent: if often(50) { 0 } else { 20 },
                ..Self::default().channels
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_google_which_never_mails_unasked() {
        let drawn = |seed| Switches::draw(&mut Chance::new(seed));
        assert_eq!(drawn(7), drawn(7));
        let many: Vec<Switches> = (0..50).map(drawn).collect();
        assert!(many.iter().any(|one| one.empty_pages) && many.iter().any(|one| !one.empty_pages));
        assert!(many.iter().all(|one| !one.mails_by_default));
        assert!(
            many.iter()
                .all(|one| one.quotas == Switches::default().quotas)
        );
    }
}
