//! How much was asked lately, and what is said to those who ask too much.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Google, Refusal};
use crate::saved;

/// The quotas are per minute, in a window that slides.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What was used up lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Meter {
    #[serde(with = "saved::pairs")]
    users: BTreeMap<(String, String), Gauge>,
    projects: BTreeMap<String, Gauge>,
    calendars: BTreeMap<String, Gauge>,
    creations: BTreeMap<String, Gauge>,
    refusals: u64,
}

/// Units within a sliding window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Gauge {
    spent: VecDeque<(Timestamp, u64)>,
    sum: u64,
}

impl Gauge {
    /// Whether there is room for `units` more within `span`.
    fn has_room(&mut self, now: Timestamp, span: SignedDuration, units: u64, max: u64) -> bool {
        while let Some((at, spent)) = self.spent.front()
            && now.duration_since(*at) >= span
        {
            self.sum -= spent;
            self.spent.pop_front();
        }
        self.sum + units <= max
    }

    fn spend(&mut self, now: Timestamp, units: u64) {
        self.spent.push_back((now, units));
        self.sum += units;
    }
}

impl Google {
    /// Charges a request to its user and project.
    pub(super) fn charge(
        &mut self,
        (client, user): (&str, &str),
        units: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (user_max, project_max) = {
            let quotas = &self.switches.quotas;
            (
                quotas.user_units_per_minute,
                quotas.project_units_per_minute,
            )
        };
        let key = (client.to_owned(), user.to_owned());
        let mine = self.meter.users.entry(key).or_default();
        if !mine.has_room(now, MINUTE, units, user_max) {
            return Err(self.too_much("userRateLimitExceeded", "User Rate Limit Exceeded"));
        }
        let all = self.meter.projects.entry(client.to_owned()).or_default();
        if !all.has_room(now, MINUTE, units, project_max) {
            return Err(self.too_much("rateLimitExceeded", "Rate Limit Exceeded"));
        }
        all.spend(now, units);
        mine_spends(&mut self.meter, client, user, now, units);
        Ok(())
    }

    /// Counts a write against the operational limit of its calendar.
    pub(super) fn count_write(&mut self, calendar: &str, now: Timestamp) -> Result<(), Refusal> {
        let Some((max, span)) = self.switches.quotas.calendar_writes else {
            return Ok(());
        };
        let gauge = self.meter.calendars.entry(calendar.to_owned()).or_default();
        if !gauge.has_room(now, span, 1, max) {
            return Err(self.too_much("rateLimitExceeded", "Rate Limit Exceeded"));
        }
        gauge.spend(now, 1);
        Ok(())
    }

    /// Counts a new event against what a user may make in a day.
    pub(super) fn count_creation(&mut self, user: &str, now: Timestamp) -> Result<(), Refusal> {
        let Some(max) = self.switches.quotas.creations_per_day else {
            return Ok(());
        };
        let gauge = self.meter.creations.entry(user.to_owned()).or_default();
        if !gauge.has_room(now, DAY, 1, max) {
            let message = "Calendar usage limits exceeded.";
            return Err(Refusal::new(403, "usageLimits", "quotaExceeded", message));
        }
        gauge.spend(now, 1);
        Ok(())
    }

    /// Google says the same with 403 and with 429: here by turns.
    fn too_much(&mut self, reason: &'static str, message: &str) -> Refusal {
        self.meter.refusals += 1;
        if self.meter.refusals % 2 == 1 {
            Refusal::new(403, "usageLimits", reason, message)
        } else {
            Refusal::new(
                429,
                "usageLimits",
                "rateLimitExceeded",
                "Rate Limit Exceeded",
            )
        }
    }
}

fn mine_spends(meter: &mut Meter, client: &str, user: &str, now: Timestamp, units: u64) {
    let key = (client.to_owned(), user.to_owned());
    meter.users.entry(key).or_default().spend(now, units);
}
