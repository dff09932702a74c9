//! Days and seconds of the wall clock as plain numbers, which are cheaper to step and compare than dates.

use jiff::civil::{Date, DateTime, Weekday};

/// Seconds of a civil day.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// The first and the last year that jiff's calendar has.
pub(crate) const YEARS: std::ops::RangeInclusive<i32> = -9999..=9999;

const CUMULATIVE: [i32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

pub(crate) const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) const fn days_in_year(year: i32) -> i32 {
    365 + is_leap(year) as i32
}

pub(crate) const fn days_in_month(year: i32, month: usize) -> i32 {
    CUMULATIVE[month] - CUMULATIVE[month - 1] + (month == 2 && is_leap(year)) as i32
}

/// Days of the year before the first of this month, 1..=12.
pub(crate) const fn days_before_month(year: i32, month: usize) -> i32 {
    CUMULATIVE[month - 1] + (month > 2 && is_leap(year)) as i32
}

/// The first of January as days since 1970-01-01.
pub(crate) const fn first_day(year: i32) -> i64 {
    let before = year as i64 - 1;
    before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 719_162
}

/// The year in which a day lies; the nearest year next to the calendar for days outside it.
pub(crate) fn year_of(day: i64) -> i32 {
    // 146,097 days are 400 years; the estimate is off by at most one.
    let estimate = (day.saturating_mul(400)).div_euclid(146_097) + 1970;
    let (first, last) = (YEARS.start() - 1, YEARS.end() + 1);
    let mut year = i32::try_from(estimate.clamp(first.into(), last.into())).unwrap_or(last);
    while first_day(year) > day && year > first {
        year -= 1;
    }
    while first_day(year + 1) <= day && year < last {
        year += 1;
    }
    year
}

/// The month of a day of the year, both counted from their usual origin (1 and 0).
pub(crate) fn month_of(year: i32, day_of_year: i32) -> usize {
    let mut month = usize::try_from(day_of_year / 29 + 1).unwrap_or(1).min(12);
    while days_before_month(year, month) > day_of_year {
        month -= 1;
    }
    month
}

/// 0 is Monday.
pub(crate) const fn weekday_of(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

pub(crate) fn weekday_number(day: Weekday) -> i64 {
    i64::from(day.to_monday_zero_offset())
}

/// Days since 1970-01-01.
pub(crate) fn day_number(date: Date) -> i64 {
    let year = i32::from(date.year());
    let month = usize::from(date.month().unsigned_abs());
    first_day(year) + i64::from(days_before_month(year, month)) + i64::from(date.day()) - 1
}

/// Seconds since 1970-01-01T00:00:00 on the same wall clock; fractions are dropped.
pub(crate) fn seconds(at: DateTime) -> i64 {
    day_number(at.date()) * DAY_SECONDS
        + i64::from(at.hour()) * 3600
        + i64::from(at.minute()) * 60
        + i64::from(at.second())
}

/// The way back; none outside the calendar.
pub(crate) fn datetime(seconds: i64) -> Option<DateTime> {
    let day = seconds.div_euclid(DAY_SECONDS);
    let inside = day >= first_day(*YEARS.start()) && day < first_day(*YEARS.end() + 1);
    if !inside {
        return None;
    }
    let (year, month, in_month) = date_of(day);
    // Below 86,400, and quicker to divide by than the wider number.
    let time = u32::try_from(seconds.rem_euclid(DAY_SECONDS)).ok()?;
    DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(in_month).ok()?,
        i8::try_from(time / 3600).ok()?,
        i8::try_from(time / 60 % 60).ok()?,
        i8::try_from(time % 60).ok()?,
        0,
    )
    .ok()
}

/// Year, month and day of the month of a day within the calendar. Years are counted from March here, so that the leap day
/// is the last one and months need no table (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date_of(day: i64) -> (i32, i32, i32) {
    const DAYS_OF_400_YEARS: i32 = 146_097;
    const MARCH_OF_YEAR_0: i32 = -719_468;
    let day = i32::try_from(day).unwrap_or(0) - MARCH_OF_YEAR_0;
    let era = day.div_euclid(DAYS_OF_400_YEARS);
    let of_era = day.rem_euclid(DAYS_OF_400_YEARS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let in_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i32::from(month <= 2), month, in_month)
}

/// The same, held within the calendar.
pub(crate) fn datetime_clamped(seconds: i64) -> DateTime {
    datetime(seconds).unwrap_or(if seconds < 0 {
        DateTime::MIN
    } else {
        DateTime::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn numbers_agree_with_the_calendar_of_jiff() {
        for year in [
            -9999, -1, 0, 1, 1899, 1900, 1970, 1999, 2000, 2024, 2100, 9999,
        ] {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (6, 30), (12, 31)] {
                let day = date(year, month, day);
                let number = day_number(day);
                assert_eq!(datetime(number * DAY_SECONDS), Some(day.at(0, 0, 0, 0)));
                assert_eq!(weekday_of(number), weekday_number(day.weekday()));
            }
        }
        for number in (first_day(-9999)..first_day(10_000)).step_by(13) {
            let found = datetime(number * DAY_SECONDS).map(|at| day_number(at.date()));
            assert_eq!(found, Some(number));
        }
        assert_eq!(day_number(date(1970, 1, 1)), 0);
        assert_eq!(datetime(i64::from(i32::MAX) * DAY_SECONDS), None);
        assert_eq!(
            seconds(DateTime::MAX),
            seconds(datetime_clamped(i64::MAX / 2))
        );
    }
}
