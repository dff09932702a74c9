//! Rules and events made from a seed, the same on every machine.

use jiff::civil::{DateTime, Weekday, date};
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};

/// `SplitMix64`: enough for choosing, and the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below((to - from + 1).unsigned_abs())).unwrap()
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

fn small(dice: &mut Dice, from: i64, to: i64) -> i8 {
    i8::try_from(dice.between(from, to)).unwrap()
}

/// One to `most` numbers from `low` to `high`, and now and then counted from the end.
fn some<T: TryFrom<i64, Error: std::fmt::Debug> + Ord>(
    dice: &mut Dice,
    most: i64,
    (low, high): (i64, i64),
    from_end: bool,
) -> std::collections::BTreeSet<T> {
    (0..dice.between(1, most))
        .map(|_| {
            let number = dice.between(low, high);
            let sign = if from_end && dice.one_in(3) { -1 } else { 1 };
            T::try_from(number * sign).unwrap()
        })
        .collect()
}

pub(super) fn first_start(dice: &mut Dice) -> DateTime {
    let day = small(dice, 1, 31);
    let month = small(dice, 1, 12);
    let year = i16::try_from(dice.between(1997, 2030)).unwrap();
    let length = date(year, month, 1).days_in_month();
    let hour = small(dice, 0, 23);
    let minute = dice.pick(&[0, 0, 15, 30, 59]);
    date(year, month, day.min(length)).at(hour, minute, 0, 0)
}

/// A rule with all parts that make sense for its period.
pub(super) fn rule(dice: &mut Dice, first: DateTime) -> Rule {
    let frequency = dice.pick(&[
        Frequency::Yearly,
        Frequency::Yearly,
        Frequency::Monthly,
        Frequency::Monthly,
        Frequency::Weekly,
        Frequency::Weekly,
        Frequency::Daily,
        Frequency::Hourly,
        Frequency::Minutely,
        Frequency::Secondly,
    ]);
    let mut rule = Rule::every(frequency);
    if dice.one_in(2) {
        rule.interval = u32::try_from(dice.between(1, 5))
            .unwrap()
            .try_into()
            .unwrap();
    }
    if dice.one_in(3) {
        rule.first_day_of_week =
            dice.pick(&[Weekday::Sunday, Weekday::Saturday, Weekday::Thursday]);
    }
    day_parts(dice, &mut rule);
    let within_day = matches!(
        frequency,
        Frequency::Hourly | Frequency::Minutely | Frequency::Secondly
    );
    if dice.one_in(if within_day { 3 } else { 6 }) {
        rule.by_hour = some(dice, 3, (0, 23), false);
    }
    if dice.one_in(6) {
        rule.by_minute = some(dice, 3, (0, 59), false);
    }
    if dice.one_in(12) {
        rule.by_second = some(dice, 2, (0, 59), false);
    }
    let has_parts = !rule.by_day.is_empty()
        || !rule.by_month_day.is_empty()
        || !rule.by_year_day.is_empty()
        || !rule.by_hour.is_empty();
    if has_parts && dice.one_in(4) {
        rule.by_set_position = some(dice, 2, (1, 4), true);
    }
    rule.end = match dice.below(4) {
        0 => End::Count(u32::try_from(dice.between(1, 12)).unwrap()),
        1 => {
            let ahead = jiff::Span::new().days(dice.between(1, 900));
            End::Until(first.checked_add(ahead).unwrap())
        }
        _ => End::Never,
    };
    rule
}

fn day_parts(dice: &mut Dice, rule: &mut Rule) {
    let frequency = rule.frequency;
    let whole = matches!(frequency, Frequency::Yearly | Frequency::Monthly);
    if dice.one_in(if frequency == Frequency::Yearly { 2 } else { 5 }) {
        rule.by_month = some(dice, 3, (1, 12), false);
    }
    if dice.one_in(if whole { 3 } else { 8 }) && frequency != Frequency::Weekly {
        rule.by_month_day = some(dice, 4, (1, 31), true);
    }
    if frequency == Frequency::Yearly {
        if dice.one_in(6) && rule.by_month.is_empty() {
            rule.by_year_day = some(dice, 4, (1, 366), true);
        }
        if dice.one_in(6) && rule.by_year_day.is_empty() && rule.by_month_day.is_empty() {
            rule.by_week_no = some(dice, 3, (1, 53), true);
        }
    }
    if dice.one_in(2) {
        let counted = whole && rule.by_week_no.is_empty() && dice.one_in(2);
        let in_year = frequency == Frequency::Yearly && rule.by_month.is_empty();
        for _ in 0..dice.between(1, 3) {
            let day = dice.pick(&[
                Weekday::Monday,
                Weekday::Tuesday,
                Weekday::Wednesday,
                Weekday::Thursday,
                Weekday::Friday,
                Weekday::Saturday,
                Weekday::Sunday,
            ]);
            let nth_of_period = counted.then(|| {
                let n = small(dice, 1, if in_year { 53 } else { 5 });
                if dice.one_in(3) { -n } else { n }
            });
            let by = NthDay { day, nth_of_period };
            if !rule.by_day.contains(&by) {
                rule.by_day.push(by);
            }
        }
    }
}
