//! What this face does where the documents are silent, unconfirmed, or of different ages.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// Behaviours that differ between tenants, documents or years. [`Switches::default`] is what the newest official page says,
/// and where none says anything, what is harder for a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the server that somebody has seen or denied"
)]
pub struct Switches {
    /// Whether `calendarView/delta` shows series masters too. Microsoft's staff deny it, some clients see them.
    pub masters_in_delta: bool,
    /// Whether `/events` lists exceptions beside singles and masters, as some tenants do.
    pub exceptions_in_events: bool,
    /// Whether `events/delta` is served, which is documented for beta only.
    pub events_delta: bool,
    /// Whether `cancelledOccurrences` is filled, which was unreliable in v1.0 in January 2025.
    pub cancelled_occurrences: bool,
    /// Whether a deleted occurrence is reported as removed. An experiment of 2019 says it is not.
    pub deleted_occurrences_reported: bool,
    /// For what a deleted or departed series is reported as removed.
    pub series_removal: SeriesRemoval,
    /// Whether leaving the window is reported with the reason `changed` instead of `deleted`.
    pub removed_reason_changed: bool,
    /// Whether exceptions come without subject and body in delta pages.
    pub bare_exceptions_in_delta: bool,
    /// Whether each round of a delta opens with an empty page.
    pub empty_pages: bool,
    /// Whether a page of a delta repeats the last item of the page before.
    pub replays: bool,
    /// Whether `$top` is let through in a delta, where the documents name only `odata.maxpagesize`.
    pub top_in_delta: bool,
    /// How many changes a delta token may lie behind before its state is forgotten; none means it never is.
    pub delta_changes_kept: Option<u64>,
    /// The code of a 410.
    pub dead_delta: DeadDelta,
    /// How many items a page has when nothing is said.
    pub page_default: usize,
    /// The largest `$top`.
    pub top_max: usize,
    /// The widest `calendarView` in days (seen since 2019; not on the reference page).
    pub view_days_max: i64,
    /// Whether each occurrence's `iCalUId` carries its date, as the documents say; field reports see them equal.
    pub uid_per_occurrence: bool,
    /// Whether an occurrence gets another id when it becomes an exception.
    pub exception_changes_id: bool,
    /// Whether occurrences show the extended properties of their master.
    pub occurrences_inherit_extended: bool,
    /// Whether a day of the month that a month lacks means its last day, as in Outlook, and not no day.
    pub short_months_clamp: bool,
    /// What happens when `range.startDate` is not the date of `start`.
    pub start_date_mismatch: StartDateMismatch,
    /// Whether a new time or pattern of a master drops all its exceptions, and not only those of dates that it no longer has.
    pub master_change_drops_exceptions: bool,
    /// Whether an all-day event read in another zone than its own is moved by the difference, and not shown as it was written.
    pub all_day_shifts: bool,
    /// What a second creation with the same `transactionId` is answered.
    pub transaction_repeat: TransactionRepeat,
    /// Whether a property that no event has is refused.
    pub unknown_properties_refused: bool,
    /// How often, in percent, a write is refused although nobody else wrote.
    pub spurious_conflict_percent: u64,
    /// With which status: 412 or 409.
    pub spurious_conflict_status: u16,
    /// Whether a change of the attendees alone mails everybody, and not only who came and who went.
    pub attendee_change_mails_everybody: bool,
    /// Whether a declined event stays in the calendar.
    pub declined_stays: bool,
    /// Whether the organizer is told when an attendee deletes the event without an answer.
    pub attendee_delete_tells_organizer: bool,
    /// How many requests a mailbox takes in [`Switches::budget_window`].
    pub budget_requests: u32,
    /// The stretch of time of [`Switches::budget_requests`].
    pub budget_window: SignedDuration,
    /// `Retry-After` when the budget is spent or too much goes on at once, as it is written: decimals are possible.
    pub budget_retry_after: String,
    /// How many requests of one client to a mailbox may go on at the same time. One goes on until its answer is out, which a
    /// fault may delay.
    #[serde(default = "concurrency_max")]
    pub concurrency_max: usize,
    /// The longest life of a subscription in minutes: 4,230 in every official page, 10,080 in a guide of 2026.
    pub subscription_minutes_max: i64,
    /// The shortest life that is granted: a shorter one is made longer.
    pub subscription_minutes_min: i64,
    /// How many subscriptions a mailbox may have.
    pub subscriptions_max: usize,
    /// Whether the same subscription a second time is a 409.
    pub duplicate_subscription_refused: bool,
    /// Whether one calendar can be subscribed to, besides the whole mailbox.
    pub calendars_can_be_subscribed: bool,
    /// The status of a successful reauthorization: 204 or 202.
    pub reauthorize_status: u16,
    /// How long after a change it is notified.
    pub push_delay: SignedDuration,
    /// How often each change is notified.
    pub pushes_per_change: u32,
    /// How many schedules one getSchedule may ask for.
    pub schedules_max: usize,
    /// The widest window of getSchedule in days.
    pub schedule_days_max: i64,
}

/// As documented; files of before do not have it.
fn concurrency_max() -> usize {
    4
}

/// For what a series that is gone is reported as removed; the documents do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeriesRemoval {
    /// Once, with the master's id.
    Master,
    /// Once for every occurrence in the window.
    Occurrences,
    /// Both.
    Both,
}

/// The code of a 410: all three have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeadDelta {
    /// `SyncStateNotFound`
    SyncStateNotFound,
    /// `SyncStateInvalid`
    SyncStateInvalid,
    /// `resyncRequired`
    ResyncRequired,
}

/// What happens when a recurrence starts on another date than the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartDateMismatch {
    /// 400.
    Refused,
    /// The date of `start` is taken.
    Corrected,
}

/// What a creation with a known `transactionId` is answered. Nothing is created in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionRepeat {
    /// 201 with the event that there is.
    Created,
    /// 200 with the event that there is.
    Ok,
    /// 409 `ErrorDuplicateTransactionId`.
    Conflict,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            masters_in_delta: false,
            exceptions_in_events: false,
            events_delta: false,
            cancelled_occurrences: true,
            deleted_occurrences_reported: false,
            series_removal: SeriesRemoval::Both,
            removed_reason_changed: false,
            bare_exceptions_in_delta: false,
            empty_pages: false,
            replays: false,
            top_in_delta: false,
            delta_changes_kept: None,
            dead_delta: DeadDelta::SyncStateNotFound,
            page_default: 10,
            top_max: 1000,
            view_days_max: 1825,
            uid_per_occurrence: true,
            exception_changes_id: true,
            occurrences_inherit_extended: true,
            short_months_clamp: true,
            start_date_mismatch: StartDateMismatch::Refused,
            master_change_drops_exceptions: true,
            all_day_shifts: false,
            transaction_repeat: TransactionRepeat::Created,
            unknown_properties_refused: true,
            spurious_conflict_percent: 0,
            spurious_conflict_status: 412,
            attendee_change_mails_everybody: false,
            declined_stays: false,
            attendee_delete_tells_organizer: false,
            budget_requests: 10_000,
            budget_window: SignedDuration::from_mins(10),
            budget_retry_after: "2.128".to_owned(),
            concurrency_max: concurrency_max(),
            subscription_minutes_max: 4230,
            subscription_minutes_min: 45,
            subscriptions_max: 1000,
            duplicate_subscription_refused: false,
            calendars_can_be_subscribed: true,
            reauthorize_status: 204,
            push_delay: SignedDuration::from_secs(2),
            pushes_per_change: 1,
            schedules_max: 20,
            schedule_days_max: 62,
        }
    }
}

impl Switches {
    /// A Microsoft 365 as hard to live with as documents and field reports allow, for simulations. Budgets, lifetimes and
    /// what decides about mails stay.
    pub fn draw(chance: &mut Chance) -> Self {
        let removals = [
            SeriesRemoval::Master,
            SeriesRemoval::Occurrences,
            SeriesRemoval::Both,
        ];
        let codes = [
            DeadDelta::SyncStateNotFound,
            DeadDelta::SyncStateInvalid,
            DeadDelta::ResyncRequired,
        ];
        let repeats = [
            TransactionRepeat::Created,
            TransactionRepeat::Ok,
            TransactionRepeat::Conflict,
        ];
        let series_removal = *chance.pick(&removals);
        let dead_delta = *chance.pick(&codes);
        let transaction_repeat = *chance.pick(&repeats);
        let mut often = |percent| chance.percent(percent);
        Self {
            masters_in_delta: often(30),
            exceptions_in_events: often(30),
            deleted_occurrences_reported: often(30),
            series_removal,
            removed_reason_changed: often(30),
            bare_exceptions_in_delta: often(30),
            empty_pages: often(30),
            replays: often(30),
            delta_changes_kept: often(30).then_some(25),
            dead_delta,
            page_default: if often(50) { 10 } else { 3 },
            uid_per_occurrence: often(50),
            exception_changes_id: often(50),
            occurrences_inherit_extended: often(50),
            start_date_mismatch: if often(50) {
                StartDateMismatch::Refused
            } else {
                StartDateMismatch::Corrected
            },
            master_change_drops_exceptions: often(70),
            transaction_repeat,
            spurious_conflict_percent: if often(30) { 5 } else { 0 },
            spurious_conflict_status: if often(50) { 412 } else { 409 },
            ..Self::default()
        }
    }
}

impl DeadDelta {
    /// The code as it is written.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::SyncStateNotFound => "SyncStateNotFound",
            Self::SyncStateInvalid => "SyncStateInvalid",
            Self::ResyncRequired => "resyncRequired",
        }
    }
}
