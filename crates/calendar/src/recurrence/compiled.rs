//! A rule made ready to run: its BY-parts as bit sets, what it leaves unsaid taken from the first start.

use super::civil::{
    DAY_SECONDS, days_before_month, days_in_month, days_in_year, first_day, weekday_number,
    weekday_of,
};
use super::{Frequency, Rule};
use jiff::civil::DateTime;

/// One bit for each of up to 366 days.
pub(super) type DayBits = [u64; 6];

/// A rule ready to run.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) frequency: Frequency,
    pub(super) interval: i64,
    pub(super) week_start: i64,
    /// Bit n: month n. All twelve where the rule names none.
    months: u16,
    /// Bit n: the n-th day of the month, and the n-th from its end.
    month_days: Option<(u32, u32)>,
    /// Days of the year, counted from either end.
    year_days: Option<Vec<i16>>,
    weeks: Option<Vec<i8>>,
    /// Bit n: weekday n, Monday being 0.
    weekdays: u8,
    /// Weekday and its number within the month or the year.
    nth: Vec<(i64, i32)>,
    nth_in_month: bool,
    has_weekdays: bool,
    /// Bits of the hours, minutes and seconds that a sub-daily rule lets pass.
    pub(super) hours: u32,
    pub(super) minutes: u64,
    pub(super) seconds: u64,
    /// What each day (or hour, minute, second) of the rule expands to, in seconds from its start, ascending.
    pub(super) offsets: Vec<u32>,
    /// `BYSETPOS`; some where the rule names any, even if none of them can be.
    pub(super) positions: Option<Vec<i64>>,
    /// Every day passes.
    pub(super) every_day: bool,
}

impl Compiled {
    pub(super) fn new(rule: &Rule, first: DateTime) -> Self {
        let no_day_part = rule.by_week_no.is_empty()
            && rule.by_year_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_day.is_empty();

        let mut months = bits(rule.by_month.iter().copied(), 1..=12);
        let mut month_days = (!rule.by_month_day.is_empty()).then(|| {
            let forward = bits(rule.by_month_day.iter().copied(), 1..=31);
            let backward = bits(
                rule.by_month_day.iter().map(|day| day.saturating_neg()),
                1..=31,
            );
            (narrow(forward), narrow(backward))
        });
        let mut weekdays = 0_u8;
        let mut nth = Vec::new();
        let counts = matches!(rule.frequency, Frequency::Yearly | Frequency::Monthly);
        for by in &rule.by_day {
            match by.nth_of_period {
                // Elsewhere a number has no meaning (RFC 5545 §3.3.10): the weekday alone counts.
                Some(n) if counts => nth.push((weekday_number(by.day), i32::from(n))),
                _ => weekdays |= 1 << weekday_number(by.day),
            }
        }
        let mut has_weekdays = !rule.by_day.is_empty();

        // What the rule leaves open comes from the first start (RFC 5545 §3.3.10).
        match rule.frequency {
            Frequency::Yearly if no_day_part => {
                if rule.by_month.is_empty() {
                    months = 1 << first.month();
                }
                month_days = Some((1 << first.day(), 0));
            }
            Frequency::Monthly if no_day_part => month_days = Some((1 << first.day(), 0)),
            Frequency::Weekly if no_day_part => {
                weekdays = 1 << weekday_number(first.date().weekday());
                has_weekdays = true;
            }
            Frequency::Yearly
                if !rule.by_week_no.is_empty()
                    && rule.by_day.is_empty()
                    && rule.by_month_day.is_empty()
                    && rule.by_year_day.is_empty() =>
            {
                weekdays = 1 << weekday_number(first.date().weekday());
                has_weekdays = true;
            }
            _ => {}
        }
        let names_no_month = rule.by_month.is_empty() && months == 0;
        if names_no_month {
            months = 0x1ffe;
        }

        let year_days =
            (!rule.by_year_day.is_empty()).then(|| rule.by_year_day.iter().copied().collect());
        let weeks =
            (!rule.by_week_no.is_empty()).then(|| rule.by_week_no.iter().copied().collect());
        let every_day = names_no_month
            && month_days.is_none()
            && year_days.is_none()
            && weeks.is_none()
            && !has_weekdays;

        let times = Times::new(rule, first);
        Self {
            frequency: rule.frequency,
            interval: i64::from(rule.interval.get()),
            week_start: weekday_number(rule.first_day_of_week),
            months: u16::try_from(months).unwrap_or_default(),
            month_days,
            year_days,
            weeks,
            weekdays,
            nth,
            nth_in_month: rule.frequency == Frequency::Monthly || !rule.by_month.is_empty(),
            has_weekdays,
            offsets: times.offsets(rule.frequency),
            hours: narrow(times.hours),
            minutes: times.minutes,
            seconds: times.seconds,
            positions: (!rule.by_set_position.is_empty()).then(|| {
                rule.by_set_position
                    .iter()
                    .copied()
                    .map(i64::from)
                    .collect()
            }),
            every_day,
        }
    }

    /// How many starts every period has, where each has the same number; none where that depends on the period.
    pub(super) fn per_period(&self) -> Option<u64> {
        let days = match self.frequency {
            Frequency::Yearly | Frequency::Monthly => return None,
            Frequency::Weekly => {
                let whole_weeks = self.months == 0x1ffe
                    && self.month_days.is_none()
                    && self.year_days.is_none()
                    && self.weeks.is_none()
                    && self.has_weekdays;
                if !whole_weeks {
                    return None;
                }
                u64::from(self.weekdays.count_ones())
            }
            Frequency::Daily => u64::from(self.every_day),
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                let passes = self.every_day
                    && self.hours == (1 << 24) - 1
                    && (self.frequency == Frequency::Hourly || self.minutes == (1 << 60) - 1)
                    && (self.frequency != Frequency::Secondly || self.seconds == (1 << 60) - 1);
                u64::from(passes)
            }
        };
        let starts = days * self.offsets.len() as u64;
        (starts > 0 && self.positions.is_none()).then_some(starts)
    }

    /// The days of a year that the rule lets pass.
    pub(super) fn days_of(&self, year: i32) -> DayBits {
        let mut days = [0; 6];
        let january_first = first_day(year);
        for month in 1..=12_usize {
            if self.months & (1 << month) == 0 {
                continue;
            }
            let before = days_before_month(year, month);
            let length = days_in_month(year, month);
            let first_weekday = weekday_of(january_first + i64::from(before));
            // Bit 0 is the first of the month.
            let mut bits = u64::MAX >> (64 - length);
            if let Some((forward, backward)) = self.month_days {
                bits &=
                    u64::from(forward >> 1) | u64::from(backward.reverse_bits() >> (31 - length));
            }
            if self.has_weekdays {
                let mut allowed = weekday_bits(self.weekdays, first_weekday);
                if self.nth_in_month {
                    for (weekday, n) in &self.nth {
                        if let Some(day) = nth_of(*weekday, *n, first_weekday, length) {
                            allowed |= 1 << day;
                        }
                    }
                } else if !self.nth.is_empty() {
                    allowed = u64::MAX;
                }
                bits &= allowed;
            }
            place(&mut days, bits, before);
        }
        if self.has_weekdays && !self.nth_in_month && !self.nth.is_empty() {
            self.keep_nth_of_year(&mut days, year);
        }
        if let Some(listed) = &self.year_days {
            let length = days_in_year(year);
            let mut allowed = [0; 6];
            for day in listed.iter().copied().map(i32::from) {
                let at = if day > 0 { day - 1 } else { length + day };
                if day != 0 && (0..length).contains(&at) {
                    set(&mut allowed, at);
                }
            }
            intersect(&mut days, &allowed);
        }
        if let Some(listed) = &self.weeks {
            intersect(&mut days, &self.week_days(listed, year));
        }
        days
    }

    fn keep_nth_of_year(&self, days: &mut DayBits, year: i32) {
        let length = days_in_year(year);
        let first_weekday = weekday_of(first_day(year));
        let mut allowed = [0; 6];
        for day in 0..length {
            if self.weekdays & (1 << ((first_weekday + i64::from(day)) % 7)) != 0 {
                set(&mut allowed, day);
            }
        }
        for (weekday, n) in &self.nth {
            if let Some(day) = nth_of(*weekday, *n, first_weekday, length) {
                set(&mut allowed, day);
            }
        }
        intersect(days, &allowed);
    }

    /// The days of a calendar year that lie in the numbered weeks. Week 1 is the first with four days in the year, so
    /// that days at either end may belong to a week of the neighbouring year.
    fn week_days(&self, listed: &[i8], year: i32) -> DayBits {
        let mut allowed = [0; 6];
        let january_first = first_day(year);
        for week_year in [year - 1, year, year + 1] {
            let from = self.first_week(week_year);
            let weeks = (self.first_week(week_year + 1) - from) / 7;
            for number in listed.iter().copied().map(i64::from) {
                let week = if number > 0 {
                    number - 1
                } else {
                    weeks + number
                };
                if number == 0 || !(0..weeks).contains(&week) {
                    continue;
                }
                for day in 0..7 {
                    let at = from + week * 7 + day - january_first;
                    if let Ok(at) = i32::try_from(at)
                        && (0..days_in_year(year)).contains(&at)
                    {
                        set(&mut allowed, at);
                    }
                }
            }
        }
        allowed
    }

    /// The day on which week 1 of a year begins.
    fn first_week(&self, year: i32) -> i64 {
        let january_first = first_day(year);
        let into_week = (weekday_of(january_first) - self.week_start).rem_euclid(7);
        january_first - into_week + if into_week <= 3 { 0 } else { 7 }
    }

    /// The day on which the week of a day begins.
    pub(super) fn week_of(&self, day: i64) -> i64 {
        day - (weekday_of(day) - self.week_start).rem_euclid(7)
    }
}

/// The hours, minutes and seconds of a rule as bits.
struct Times {
    hours: u64,
    minutes: u64,
    seconds: u64,
}

impl Times {
    fn new(rule: &Rule, first: DateTime) -> Self {
        let part = |listed: &std::collections::BTreeSet<i8>, own: i8, stepped: bool, count: i8| {
            if !listed.is_empty() {
                bits(listed.iter().copied(), 0..=count - 1)
            } else if stepped {
                (1 << count) - 1
            } else {
                1 << own
            }
        };
        let hourly = matches!(
            rule.frequency,
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly
        );
        let minutely = matches!(rule.frequency, Frequency::Minutely | Frequency::Secondly);
        let secondly = rule.frequency == Frequency::Secondly;
        let leap_second = u64::from(rule.by_second.contains(&60)) << 59;
        Self {
            hours: part(&rule.by_hour, first.hour(), hourly, 24),
            minutes: part(&rule.by_minute, first.minute(), minutely, 60),
            seconds: part(&rule.by_second, first.second(), secondly, 60) | leap_second,
        }
    }

    fn offsets(&self, frequency: Frequency) -> Vec<u32> {
        let only_zero = 1;
        let (hours, minutes, seconds) = match frequency {
            Frequency::Secondly => (only_zero, only_zero, only_zero),
            Frequency::Minutely => (only_zero, only_zero, self.seconds),
            Frequency::Hourly => (only_zero, self.minutes, self.seconds),
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => {
                (self.hours, self.minutes, self.seconds)
            }
        };
        let mut offsets = Vec::new();
        for hour in ones(hours) {
            for minute in ones(minutes) {
                for second in ones(seconds) {
                    offsets.push(hour * 3600 + minute * 60 + second);
                }
            }
        }
        offsets
    }
}

/// Seconds in the period of a sub-daily frequency.
pub(super) const fn unit_seconds(frequency: Frequency) -> i64 {
    match frequency {
        Frequency::Secondly => 1,
        Frequency::Minutely => 60,
        Frequency::Hourly => 3600,
        Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => {
            DAY_SECONDS
        }
    }
}

fn bits(values: impl Iterator<Item = i8>, range: std::ops::RangeInclusive<i8>) -> u64 {
    values
        .filter(|value| range.contains(value))
        .fold(0, |bits, value| bits | 1 << value)
}

fn narrow(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

/// The positions of the bits that are set.
pub(super) fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let at = bits.trailing_zeros();
            bits &= bits - 1;
            at
        })
    })
}

/// The days of a month (bit 0 its first) that fall on these weekdays.
fn weekday_bits(weekdays: u8, first_weekday: i64) -> u64 {
    const WEEKLY: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
    (0..7)
        .filter(|into| weekdays & (1 << ((first_weekday + into) % 7)) != 0)
        .fold(0, |bits, into| bits | WEEKLY << into)
}

/// The n-th weekday of a span of days, counted from 0; none if it has not that many.
fn nth_of(weekday: i64, n: i32, first_weekday: i64, length: i32) -> Option<i32> {
    let first = i32::try_from((weekday - first_weekday).rem_euclid(7)).ok()?;
    let day = match n {
        0 => return None,
        1.. => first + (n - 1) * 7,
        _ => {
            let last = first + (length - 1 - first) / 7 * 7;
            last + (n + 1) * 7
        }
    };
    (0..length).contains(&day).then_some(day)
}

fn set(days: &mut DayBits, at: i32) {
    if let Some(word) = usize::try_from(at / 64)
        .ok()
        .and_then(|at| days.get_mut(at))
    {
        *word |= 1 << (at % 64);
    }
}

fn place(days: &mut DayBits, bits: u64, at: i32) {
    let word = usize::try_from(at / 64).unwrap_or_default();
    let shift = at % 64;
    days[word] |= bits << shift;
    if shift > 33 && word < 5 {
        days[word + 1] |= bits >> (64 - shift);
    }
}

fn intersect(days: &mut DayBits, allowed: &DayBits) {
    for (word, allowed) in days.iter_mut().zip(allowed) {
        *word &= allowed;
    }
}
