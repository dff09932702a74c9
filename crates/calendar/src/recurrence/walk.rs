//! Walks a compiled rule period by period, from wherever it is told to begin.

use super::civil::{
    DAY_SECONDS, YEARS, days_before_month, days_in_year, first_day, month_of, year_of,
};
use super::compiled::{Compiled, DayBits, ones, unit_seconds};
use super::{ExpansionError, Frequency};

/// What a walk may spend between two starts, so that a rule that yields nothing ends. Real rules are far below: the
/// 29th of February on a given weekday is at most 40 years away.
const IDLE_COST_MAX: u32 = 100_000;

/// The cost of looking through a year in vain, next to which that of any shorter period is 1: 2,000 empty years end a
/// walk, and so do 100,000 empty hours.
const IDLE_YEAR_COST: u32 = 50;
/// The same for a month.
const IDLE_MONTH_COST: u32 = 4;

/// A walk over the starts of a rule, as seconds on the wall clock, strictly ascending. It may begin a little before
/// the first start that is asked for, and it ends at `limit` or shortly after.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) rule: Compiled,
    first_period: i64,
    next_period: i64,
    limit: i64,
    /// What the days (hours, …) of the current period are, and how far we are in it.
    bases: Vec<i64>,
    picked: Vec<i64>,
    cursor: usize,
    /// The days of the two years last looked at; a week may lie in both.
    years: [Option<(i32, DayBits)>; 2],
    idle: u32,
}

impl Walk {
    pub(super) fn new(rule: Compiled, origin: i64, limit: i64) -> Self {
        let last = (first_day(*YEARS.end() + 1)) * DAY_SECONDS - 1;
        let mut walk = Self {
            rule,
            first_period: 0,
            next_period: 0,
            limit: limit.min(last),
            bases: Vec::new(),
            picked: Vec::new(),
            cursor: 0,
            years: [None; 2],
            idle: 0,
        };
        walk.first_period = walk.period_at(origin);
        walk.next_period = walk.first_period;
        walk
    }

    /// Jumps to the period in which `from` lies, and tells how many periods were left out.
    pub(super) fn seek(&mut self, from: i64) -> u64 {
        let ahead = (self.period_at(from) - self.first_period).div_euclid(self.rule.interval);
        let skipped = ahead.max(0);
        self.next_period = self.first_period + skipped * self.rule.interval;
        self.bases.clear();
        self.picked.clear();
        self.cursor = 0;
        skipped.unsigned_abs()
    }

    /// Whether the walk stands at the beginning of the next period.
    pub(super) fn next(&mut self) -> Option<Result<i64, ExpansionError>> {
        loop {
            if let Some(start) = self.current() {
                self.cursor += 1;
                self.idle = 0;
                return Some(Ok(start));
            }
            match self.enter_next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(barren) => return Some(Err(barren)),
            }
        }
    }

    fn current(&self) -> Option<i64> {
        let per_base = self.rule.offsets.len();
        let at = match &self.rule.positions {
            Some(_) => usize::try_from(*self.picked.get(self.cursor)?).ok()?,
            None => self.cursor,
        };
        let base = self.bases.get(at.checked_div(per_base)?)?;
        Some(base + i64::from(self.rule.offsets[at % per_base]))
    }

    /// Gathers the next period; false where there is none.
    fn enter_next(&mut self) -> Result<bool, ExpansionError> {
        self.bases.clear();
        self.cursor = 0;
        let period = self.next_period;
        self.next_period = period + self.rule.interval;
        let begins = self.begin_of(period);
        if begins > self.limit {
            return Ok(false);
        }
        match self.rule.frequency {
            Frequency::Yearly => {
                let Ok(year) = i32::try_from(period) else {
                    return Ok(false);
                };
                self.spend(IDLE_YEAR_COST)?;
                self.gather(year, 0, days_in_year(year));
            }
            Frequency::Monthly => {
                self.spend(IDLE_MONTH_COST)?;
                let (year, month) = month_at(period);
                let from = days_before_month(year, month);
                let to = if month == 12 {
                    days_in_year(year)
                } else {
                    days_before_month(year, month + 1)
                };
                self.gather(year, from, to);
            }
            Frequency::Weekly => {
                self.spend(1)?;
                let first = begins.div_euclid(DAY_SECONDS);
                for day in first..first + 7 {
                    if self.passes(day) {
                        self.bases.push(day * DAY_SECONDS);
                    }
                }
            }
            Frequency::Daily => {
                self.spend(1)?;
                if self.passes(begins.div_euclid(DAY_SECONDS)) {
                    self.bases.push(begins);
                }
            }
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                return self.enter_within_day(period);
            }
        }
        if self.bases.is_empty() && self.rule.frequency != Frequency::Yearly {
            let after = self.begin_of(period + 1).div_euclid(DAY_SECONDS);
            let Some(day) = self.next_day(after)? else {
                return Ok(false);
            };
            self.jump_to(day * DAY_SECONDS);
        }
        self.pick();
        Ok(true)
    }

    fn enter_within_day(&mut self, mut period: i64) -> Result<bool, ExpansionError> {
        let unit = unit_seconds(self.rule.frequency);
        loop {
            let base = period * unit;
            if base > self.limit {
                return Ok(false);
            }
            self.spend(1)?;
            let day = base.div_euclid(DAY_SECONDS);
            let allowed_at = if self.passes(day) {
                let Some(at) = self.allowed_time(base) else {
                    return Err(self.barren());
                };
                at
            } else {
                let Some(day) = self.next_day(day + 1)? else {
                    return Ok(false);
                };
                day * DAY_SECONDS
            };
            if allowed_at == base {
                self.bases.push(base);
                self.next_period = period + self.rule.interval;
                self.pick();
                return Ok(true);
            }
            self.jump_to(allowed_at);
            period = self.next_period;
        }
    }

    /// The earliest time from `at` on, or the beginning of the next day, at which hour, minute and second may pass.
    /// None where the rule allows no time at all.
    fn allowed_time(&self, at: i64) -> Option<i64> {
        let Compiled {
            hours,
            minutes,
            seconds,
            frequency,
            ..
        } = self.rule;
        let hours = u64::from(hours);
        let checks_minutes = frequency != Frequency::Hourly;
        let checks_seconds = frequency == Frequency::Secondly;
        if hours == 0 || minutes == 0 || seconds == 0 || self.rule.offsets.is_empty() {
            return None;
        }
        let day = at.div_euclid(DAY_SECONDS) * DAY_SECONDS;
        let time = at - day;
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        if hours & 1 << hour == 0 {
            return Some(match next_one(hours, hour + 1) {
                Some(hour) => day + hour * 3600,
                None => day + DAY_SECONDS,
            });
        }
        if checks_minutes && minutes & 1 << minute == 0 {
            let hour = day + hour * 3600;
            return Some(match next_one(minutes, minute + 1) {
                Some(minute) => hour + minute * 60,
                None => hour + 3600,
            });
        }
        if checks_seconds && seconds & 1 << second == 0 {
            let minute = day + hour * 3600 + minute * 60;
            return Some(match next_one(seconds, second + 1) {
                Some(second) => minute + second,
                None => minute + 60,
            });
        }
        Some(at)
    }

    fn gather(&mut self, year: i32, from: i32, to: i32) {
        let days = self.days_of(year);
        let first = first_day(year);
        for (word, bits) in (0_i32..).zip(days) {
            let (low, high) = (from - word * 64, to - word * 64);
            if low >= 64 || high <= 0 || bits == 0 {
                continue;
            }
            let above = u64::MAX << low.max(0);
            let below = u64::MAX >> (64 - high.min(64));
            for bit in ones(bits & above & below) {
                let day = word * 64 + bit.cast_signed();
                self.bases.push((first + i64::from(day)) * DAY_SECONDS);
            }
        }
    }

    fn pick(&mut self) {
        if let Some(positions) = &self.rule.positions {
            let total = self.bases.len() * self.rule.offsets.len();
            let total = i64::try_from(total).unwrap_or(i64::MAX);
            self.picked.clear();
            self.picked.extend(
                positions
                    .iter()
                    .filter(|position| **position != 0)
                    .map(|position| match position {
                        1.. => position - 1,
                        _ => total + position,
                    })
                    .filter(|at| (0..total).contains(at)),
            );
            self.picked.sort_unstable();
            self.picked.dedup();
        }
    }

    fn passes(&mut self, day: i64) -> bool {
        if self.rule.every_day {
            return true;
        }
        let year = year_of(day);
        bit(&self.days_of(year), day - first_day(year))
    }

    /// The next day, this one included, that passes; none beyond the limit.
    fn next_day(&mut self, from: i64) -> Result<Option<i64>, ExpansionError> {
        if self.rule.every_day {
            return Ok(Some(from));
        }
        let mut year = year_of(from);
        let mut into = from - first_day(year);
        while first_day(year) * DAY_SECONDS <= self.limit {
            let days = self.days_of(year);
            let found = (0_i64..).zip(days).find_map(|(word, bits)| {
                let first = (into - word * 64).max(0);
                (first < 64)
                    .then(|| next_one(bits, first))?
                    .map(|bit| word * 64 + bit)
            });
            if let Some(day) = found {
                return Ok(Some(first_day(year) + day));
            }
            self.spend(IDLE_YEAR_COST)?;
            year += 1;
            into = 0;
        }
        Ok(None)
    }

    fn days_of(&mut self, year: i32) -> DayBits {
        let slot = &mut self.years[usize::from(year & 1 == 1)];
        match slot {
            Some((cached, days)) if *cached == year => *days,
            _ => {
                let days = self.rule.days_of(year);
                *slot = Some((year, days));
                days
            }
        }
    }

    /// Moves on to the first period of the rule that ends at or after this time.
    fn jump_to(&mut self, at: i64) {
        let interval = self.rule.interval;
        let ahead = self.period_at(at) - self.first_period;
        let steps = ahead.div_euclid(interval) + i64::from(ahead.rem_euclid(interval) != 0);
        self.next_period = (self.first_period + steps * interval).max(self.next_period);
    }

    /// The number of the period in which a time lies.
    fn period_at(&self, at: i64) -> i64 {
        let day = at.div_euclid(DAY_SECONDS);
        match self.rule.frequency {
            Frequency::Yearly => i64::from(year_of(day)),
            Frequency::Monthly => {
                let year = year_of(day);
                let day_of_year = i32::try_from(day - first_day(year)).unwrap_or_default();
                let month = i64::try_from(month_of(year, day_of_year)).unwrap_or(1);
                i64::from(year) * 12 + month - 1
            }
            Frequency::Weekly => (self.rule.week_of(day) - self.rule.week_of(0)) / 7,
            other => at.div_euclid(unit_seconds(other)),
        }
    }

    fn begin_of(&self, period: i64) -> i64 {
        match self.rule.frequency {
            Frequency::Yearly => {
                // Years beyond the calendar need no exact beginning, only one beyond it.
                let year = i32::try_from(period).unwrap_or(*YEARS.end() + 1);
                first_day(year.min(*YEARS.end() + 1)) * DAY_SECONDS
            }
            Frequency::Monthly => {
                let (year, month) = month_at(period.min((i64::from(*YEARS.end()) + 1) * 12));
                (first_day(year) + i64::from(days_before_month(year, month))) * DAY_SECONDS
            }
            Frequency::Weekly => (self.rule.week_of(0) + period * 7) * DAY_SECONDS,
            other => period * unit_seconds(other),
        }
    }

    fn spend(&mut self, cost: u32) -> Result<(), ExpansionError> {
        self.idle += cost;
        if self.idle > IDLE_COST_MAX {
            return Err(self.barren());
        }
        Ok(())
    }

    fn barren(&self) -> ExpansionError {
        ExpansionError::Barren(format!("{:?}", self.rule.frequency).to_lowercase())
    }
}

fn month_at(period: i64) -> (i32, usize) {
    let year = i32::try_from(period.div_euclid(12)).unwrap_or(*YEARS.end() + 1);
    let month = usize::try_from(period.rem_euclid(12)).unwrap_or_default();
    (year, month + 1)
}

fn bit(days: &DayBits, at: i64) -> bool {
    usize::try_from(at / 64)
        .ok()
        .and_then(|word| days.get(word))
        .is_some_and(|word| word & 1 << (at % 64) != 0)
}

/// The first bit set at or after `from`.
fn next_one(bits: u64, from: i64) -> Option<i64> {
    let rest = u32::try_from(from)
        .ok()
        .and_then(|from| u64::MAX.checked_shl(from))
        .map_or(0, |mask| bits & mask);
    (rest != 0).then(|| i64::from(rest.trailing_zeros()))
}
