//! What an account may be asked: how many runs it bears at once, and at which pace its requests go. Pure: who counts for all
//! nodes keeps one time for each account, until when what was taken lasts, and asks here what that means.
//!
//! The pace is a leaky bucket (GCRA): each request moves the time on by a step, and an account whose time is further ahead
//! than a burst is overdrawn. A call that was begun is finished all the same; what it overdraws, the next one waits for.

use jiff::{SignedDuration, Timestamp};
use kalends_store::connections::ProviderKind;
use kalends_store::leases::AtOnce;

/// How many runs may be about one account at Google at once. Its limit is a pace; but each run may overdraw it by a call.
const GOOGLE_RUNS: i64 = 2;

/// How many runs may be about one mailbox at Microsoft at once, each with two requests under way: Exchange refuses the fifth
/// ("Outlook service limits", 4 concurrent requests for an app and a mailbox). Two, so that a long first sync of one calendar
/// leaves the others of its mailbox their turn.
const MICROSOFT_RUNS: i64 = 2;

/// For how long requests that were taken may be sent. What is left then is given back.
pub const ALLOTMENT_GOOD_FOR: SignedDuration = SignedDuration::from_secs(10);

/// How many units a node takes first, so that a short run takes little.
const FIRST_UNITS: i64 = 10;

/// How many it takes when those were not enough: a write to the database for so many requests.
const NEXT_UNITS: i64 = 50;

/// The pace of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long one unit lasts.
    pub step: SignedDuration,
    /// How many units may be spent at once.
    pub burst: i64,
}

/// Google: 600 requests a minute for each user of a project, in a sliding window ("Manage quotas", Calendar API). In any
/// minute at most the burst, what seventy seconds give (ten of them taken before), and a call overdrawn by each run are sent:
/// 100 + 368 + 120.
const GOOGLE: Pace = Pace {
    step: SignedDuration::from_millis(190),
    burst: 100,
};

/// Microsoft: 10,000 requests in ten minutes for each app and mailbox ("Outlook service limits"). In any ten minutes at most
/// 1,000 + 8,714 + 120.
const MICROSOFT: Pace = Pace {
    step: SignedDuration::from_millis(70),
    burst: 1_000,
};

/// How many runs accounts bear at once.
pub const AT_ONCE: AtOnce = AtOnce {
    google: GOOGLE_RUNS,
    microsoft: MICROSOFT_RUNS,
};

/// The pace at which an account is asked; none where its provider names no limit.
pub fn pace(provider: ProviderKind) -> Option<Pace> {
    match provider {
        ProviderKind::Google => Some(GOOGLE),
        ProviderKind::Microsoft => Some(MICROSOFT),
        ProviderKind::Caldav | ProviderKind::Ics => None,
    }
}

impl Pace {
    fn lasts(self, units: i64) -> SignedDuration {
        self.step
            .saturating_mul(i32::try_from(units).unwrap_or(i32::MAX))
    }

    /// Until when everything lasts that was taken, after this claim.
    pub fn charge(self, spent_until: Option<Timestamp>, claim: Claim, now: Timestamp) -> Timestamp {
        let back = self.lasts(claim.back);
        // What is given back cannot be older than now: it would be a burst on top of the burst.
        let before = spent_until
            .and_then(|until| until.checked_sub(back).ok())
            .map_or(now, |until| until.max(now));
        before
            .checked_add(self.lasts(claim.take))
            .unwrap_or(Timestamp::MAX)
    }

    /// Until when an account is to rest, if it is overdrawn: until half of a burst is there again, so that it goes on with
    /// more than a request.
    pub fn rest(self, spent_until: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let ahead = spent_until.duration_since(now);
        (ahead > self.lasts(self.burst)).then(|| {
            spent_until
                .checked_sub(self.lasts(self.burst / 2))
                .unwrap_or(now)
        })
    }
}

/// What a node takes from an account's budget, and gives back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Units that it takes.
    pub take: i64,
    /// Units of its last claim that it did not use.
    pub back: i64,
}

/// What a node has taken and not sent yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allotment {
    left: i64,
    taken_at: Option<Timestamp>,
}

impl Allotment {
    /// Spends units; what has to be taken first, if there are too few. The claim must be made, and told by
    /// [`Allotment::took`].
    pub fn spend(&mut self, units: i64, now: Timestamp) -> Option<Claim> {
        let good = self
            .taken_at
            .is_some_and(|at| now.duration_since(at) < ALLOTMENT_GOOD_FOR);
        if good && self.left >= units {
            self.left -= units;
            return None;
        }
        let usual = if good { NEXT_UNITS } else { FIRST_UNITS };
        Some(Claim {
            take: usual.max(units),
            back: self.left,
        })
    }

    /// A claim was made, of which these units are spent at once.
    pub fn took(&mut self, claim: Claim, units: i64, now: Timestamp) {
        self.left = claim.take - units;
        self.taken_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that one call of a provider sends: a fetch of twenty events, of which a series takes three requests.
    const CALL_UNITS_MAX: i64 = 60;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millisecond).unwrap()
    }

    /// Sends as fast as a run may, in calls of so many requests; when each request left, in milliseconds.
    fn eager(pace: Pace, nodes: usize, call_units: i64, until: i64) -> Vec<i64> {
        let mut spent_until = None;
        let mut allotments = vec![Allotment::default(); nodes];
        let mut resting = vec![0_i64; nodes];
        let mut sent = Vec::new();
        // A request takes five milliseconds at the very least.
        for now in (0..until).step_by(5) {
            for (node, allotment) in allotments.iter_mut().enumerate() {
                if resting[node] > now {
                    continue;
                }
                for _ in 0..call_units {
                    if let Some(claim) = allotment.spend(1, at(now)) {
                        let charged = pace.charge(spent_until, claim, at(now));
                        spent_until = Some(charged);
                        allotment.took(claim, 1, at(now));
                        if let Some(rest) = pace.rest(charged, at(now)) {
                            resting[node] =
                                rest.duration_since(at(0)).as_millis().try_into().unwrap();
                        }
                    }
                    sent.push(now);
                }
            }
        }
        sent
    }

    fn most_within(sent: &[i64], window: i64) -> usize {
        let mut from = 0;
        let mut most = 0;
        for to in 0..sent.len() {
            while sent[to] - sent[from] >= window {
                from += 1;
            }
            most = most.max(to + 1 - from);
        }
        most
    }

    #[test]
    fn no_minute_sees_more_than_google_allows_and_no_ten_more_than_microsoft() {
        for nodes in [1, 2] {
            for call in [1, 7, CALL_UNITS_MAX] {
                let sent = eager(GOOGLE, nodes, call, 300_000);
                let most = most_within(&sent, 60_000);
                assert!(most <= 600, "{nodes} nodes, calls of {call}: {most}");
                assert!(most >= 300, "and it is made use of: {most}");
                let sent = eager(MICROSOFT, nodes, call, 1_500_000);
                let most = most_within(&sent, 600_000);
                assert!(most <= 10_000, "{nodes} nodes, calls of {call}: {most}");
                assert!(most >= 8_000, "and it is made use of: {most}");
            }
        }
    }

    #[test]
    fn the_table_of_budgets() {
        for (provider, runs, a_minute) in [
            (ProviderKind::Google, Some(2), Some(315)),
            (ProviderKind::Microsoft, Some(2), Some(857)),
            (ProviderKind::Caldav, None, None),
            (ProviderKind::Ics, None, None),
        ] {
            let at_once = match provider {
                ProviderKind::Google => Some(AT_ONCE.google),
                ProviderKind::Microsoft => Some(AT_ONCE.microsoft),
                ProviderKind::Caldav | ProviderKind::Ics => None,
            };
            assert_eq!(at_once, runs, "{provider:?}");
            let told = pace(provider).map(|pace| 60_000 / pace.step.as_millis());
            assert_eq!(told, a_minute, "{provider:?}");
        }
    }

    #[test]
    fn a_short_run_takes_little_and_gives_back_what_it_did_not_use() {
        let mut allotment = Allotment::default();
        let first = allotment.spend(1, at(0)).unwrap();
        assert_eq!(first, Claim { take: 10, back: 0 });
        allotment.took(first, 1, at(0));
        for _ in 0..9 {
            assert_eq!(allotment.spend(1, at(100)), None);
        }
        // It goes on: a larger helping.
        let next = allotment.spend(3, at(200)).unwrap();
        assert_eq!(next, Claim { take: 50, back: 0 });
        allotment.took(next, 3, at(200));
        // Later what is left is no good any more.
        let later = allotment.spend(1, at(60_000)).unwrap();
        assert_eq!(later, Claim { take: 10, back: 47 });

        let spent = GOOGLE.charge(None, next, at(0));
        assert_eq!(spent, at(50 * 190));
        assert_eq!(GOOGLE.rest(spent, at(0)), None);
        let back = Claim { take: 10, back: 40 };
        assert_eq!(GOOGLE.charge(Some(spent), back, at(0)), at(20 * 190));
        // Long ago is over, however much is given back.
        assert_eq!(
            GOOGLE.charge(Some(spent), back, at(60_000)),
            at(60_000 + 10 * 190)
        );
    }

    #[test]
    fn who_is_overdrawn_rests_until_half_a_burst_is_there() {
        let burst = GOOGLE.lasts(GOOGLE.burst);
        let full = at(0).checked_add(burst).unwrap();
        assert_eq!(GOOGLE.rest(full, at(0)), None);
        let over = full.checked_add(GOOGLE.step).unwrap();
        assert_eq!(GOOGLE.rest(over, at(0)), Some(at(51 * 190)));
    }
}
