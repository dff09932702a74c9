//! Dates, date-times, durations and offsets as iCalendar writes them (RFC 5545 §3.3).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::time::Length;

/// The longest duration that is understood, in seconds: 1,000 years. More is a mistake, and would overflow dates.
const DURATION_SECONDS_MAX: i64 = 1_000 * 366 * 86_400;

/// A moment as written, before its zone is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// `20261231`
    Date(Date),
    /// `20261231T120000`
    Local(DateTime),
    /// `20261231T120000Z`
    Utc(DateTime),
}

impl Written {
    /// The date and time on the clock it was written for; midnight for dates.
    pub(crate) fn wall(self) -> DateTime {
        match self {
            Self::Date(date) => date.at(0, 0, 0, 0),
            Self::Local(wall) | Self::Utc(wall) => wall,
        }
    }
}

/// Reads a date or a date-time, whatever `VALUE` says: the form tells. Seconds may be left out.
pub(crate) fn parse(value: &str) -> Option<Written> {
    // A quote is left over where one was closed after the value instead of before it.
    let value = value.trim().trim_end_matches('"');
    let bytes = value.as_bytes();
    let date = parse_date(bytes.get(..8)?)?;
    let time = match bytes.get(8) {
        None => return Some(Written::Date(date)),
        Some(b'T' | b't') => &bytes[9..],
        Some(_) => return None,
    };
    let (time, utc) = match time.split_last() {
        Some((b'Z' | b'z', rest)) => (rest, true),
        _ => (time, false),
    };
    let wall = match time.len() {
        4 => at_time(date, number(&time[..2])?, number(&time[2..])?, 0)?,
        6 => at_time(
            date,
            number(&time[..2])?,
            number(&time[2..4])?,
            number(&time[4..])?,
        )?,
        _ => return None,
    };
    Some(if utc {
        Written::Utc(wall)
    } else {
        Written::Local(wall)
    })
}

fn parse_date(digits: &[u8]) -> Option<Date> {
    let year = i16::try_from(number(&digits[..4])?).ok()?;
    let month = i8::try_from(number(&digits[4..6])?).ok()?;
    let day = i8::try_from(number(&digits[6..8])?).ok()?;
    Date::new(year, month, day).ok()
}

fn at_time(date: Date, hour: i32, minute: i32, second: i32) -> Option<DateTime> {
    // A leap second is read as the second before it (RFC 5545 §3.3.12); 24:00 is the next midnight.
    if (hour, minute, second) == (24, 0, 0) {
        return Some(date.tomorrow().ok()?.at(0, 0, 0, 0));
    }
    let small = |number| i8::try_from(number).ok();
    let (hour, minute, second) = (small(hour)?, small(minute)?, small(second.min(60))?);
    DateTime::new(
        date.year(),
        date.month(),
        date.day(),
        hour,
        minute,
        second.min(59),
        0,
    )
    .ok()
}

fn number(digits: &[u8]) -> Option<i32> {
    let mut number = 0i32;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number
            .checked_mul(10)?
            .checked_add(i32::from(digit - b'0'))?;
    }
    (!digits.is_empty()).then_some(number)
}

/// Writes a date.
pub(crate) fn format_date(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// Writes a date-time on some wall clock.
pub(crate) fn format_wall(wall: DateTime) -> String {
    format!(
        "{}T{:02}{:02}{:02}",
        format_date(wall.date()),
        wall.hour(),
        wall.minute(),
        wall.second()
    )
}

/// Writes an instant in UTC.
pub(crate) fn format_instant(instant: Timestamp) -> String {
    format!("{}Z", format_wall(TimeZone::UTC.to_datetime(instant)))
}

/// Reads an instant: a date-time in UTC, or one without a zone, which sloppy writers mean as UTC.
pub(crate) fn parse_instant(value: &str) -> Option<Timestamp> {
    utc_instant(parse(value)?.wall())
}

/// The instant of a wall-clock time in UTC.
pub(crate) fn utc_instant(wall: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(wall).ok()
}

/// A duration as written, with its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Weeks and days, as days.
    pub(crate) days: i32,
    /// Hours, minutes and seconds, as seconds. Of the same sign as the days.
    pub(crate) seconds: i64,
}

impl Span {
    /// As seconds, each day having 86,400.
    pub(crate) fn total_seconds(self) -> i64 {
        i64::from(self.days) * 86_400 + self.seconds
    }
}

/// Reads a duration (RFC 5545 §3.3.6). Tolerates a bare `P` or `PT`, weeks beside other parts and a
/// forgotten `T`: there are no months that `M` could mean.
pub(crate) fn parse_duration(value: &str) -> Option<Span> {
    let value = value.trim();
    let (negative, rest) = match value.as_bytes().first()? {
        b'-' => (true, &value[1..]),
        b'+' => (false, &value[1..]),
        _ => (false, value),
    };
    let rest = rest.strip_prefix(['P', 'p'])?;
    let (mut days, mut seconds, mut digits) = (0i64, 0i64, None::<i64>);
    for byte in rest.bytes() {
        match byte {
            b'0'..=b'9' => {
                let so_far = digits.unwrap_or(0);
                digits = Some(
                    so_far
                        .checked_mul(10)?
                        .checked_add(i64::from(byte - b'0'))?,
                );
            }
            b'T' | b't' if digits.is_none() => {}
            unit => {
                let count = digits.take()?;
                let (field, size) = match unit.to_ascii_uppercase() {
                    b'W' => (&mut days, 7),
                    b'D' => (&mut days, 1),
                    b'H' => (&mut seconds, 3_600),
                    b'M' => (&mut seconds, 60),
                    b'S' => (&mut seconds, 1),
                    _ => return None,
                };
                *field = field.checked_add(count.checked_mul(size)?)?;
            }
        }
    }
    let fits = days <= DURATION_SECONDS_MAX / 86_400 && seconds <= DURATION_SECONDS_MAX;
    if digits.is_some() || !fits {
        return None;
    }
    let sign = if negative { -1 } else { 1 };
    Some(Span {
        days: i32::try_from(days * sign).ok()?,
        seconds: seconds * sign,
    })
}

/// Writes a length: `P1D`, `PT1H30M`, `P1DT2H`, `PT0S`.
pub(crate) fn format_length(length: Length) -> String {
    let part = |count: i64, unit: &str| match count {
        0 => String::new(),
        count => format!("{count}{unit}"),
    };
    let days = i64::from(length.days.max(0));
    let seconds = length.seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (days, seconds) {
        (0, 0) => "PT0S".to_owned(),
        (days, 0) => format!("P{days}D"),
        (days, _) => {
            let days = part(days, "D");
            let (hours, minutes, rest) = (part(hours, "H"), part(minutes, "M"), part(rest, "S"));
            format!("P{days}T{hours}{minutes}{rest}")
        }
    }
}

/// Writes seconds relative to something, in days where they are whole: `-PT15M`, `P1D`.
pub(crate) fn format_offset_seconds(seconds: i64) -> String {
    let size = i64::try_from(seconds.unsigned_abs()).unwrap_or(i64::MAX);
    let length = match i32::try_from(size / 86_400) {
        Ok(days) if size > 0 && size % 86_400 == 0 => Length::days(days),
        _ => Length::seconds(size),
    };
    let sign = if seconds < 0 { "-" } else { "" };
    format!("{sign}{}", format_length(length))
}

/// Reads a UTC offset (`+0100`, `-023015`), in seconds east.
pub(crate) fn parse_utc_offset(value: &str) -> Option<i32> {
    let value = value.trim();
    let (sign, digits) = match value.as_bytes().split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => (1, value.as_bytes()),
    };
    let field = |at: usize| number(digits.get(at..at + 2)?);
    let seconds = match digits.len() {
        2 => field(0)? * 3_600,
        4 => field(0)? * 3_600 + field(2)? * 60,
        6 => field(0)? * 3_600 + field(2)? * 60 + field(4)?,
        _ => return None,
    };
    // jiff's offsets end at 25:59:59, and so does every clock on Earth long before.
    (seconds < 26 * 3_600).then_some(sign * seconds)
}

/// Writes a UTC offset.
pub(crate) fn format_utc_offset(seconds: i32) -> String {
    let size = seconds.unsigned_abs();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, rest) = (size / 3_600, size / 60 % 60, size % 60);
    if rest == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};

    #[test]
    fn moments_are_read_by_their_form() {
        assert_eq!(parse("20261231"), Some(Written::Date(date(2026, 12, 31))));
        let noon = datetime(2026, 12, 31, 12, 0, 0, 0);
        assert_eq!(parse(" 20261231T120000"), Some(Written::Local(noon)));
        assert_eq!(parse("20261231T1200Z"), Some(Written::Utc(noon)));
        let leap = parse("20161231T235960Z").map(Written::wall);
        assert_eq!(leap, Some(datetime(2016, 12, 31, 23, 59, 59, 0)));
        let midnight = parse("20261231T240000").map(Written::wall);
        assert_eq!(midnight, Some(datetime(2027, 1, 1, 0, 0, 0, 0)));
        for bad in [
            "",
            "2026",
            "20261301",
            "20260230T000000",
            "20260101X00",
            "20260101T25",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_nominal_days_and_exact_seconds() {
        let read = |text| parse_duration(text).map(|span| (span.days, span.seconds));
        assert_eq!(read("P1W"), Some((7, 0)));
        assert_eq!(read("-P1DT2H3M4S"), Some((-1, -7384)));
        assert_eq!(read("PT"), Some((0, 0)));
        assert_eq!(read("+PT90M"), Some((0, 5_400)));
        for bad in [
            "",
            "1H",
            "PT5",
            "PX",
            "P99999999999999999999D",
            "PT99999999999999H",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn lengths_are_written_short() {
        assert_eq!(format_length(Length::default()), "PT0S");
        assert_eq!(format_length(Length::days(2)), "P2D");
        assert_eq!(
            format_length(Length {
                days: 1,
                seconds: 5_405
            }),
            "P1DT1H30M5S"
        );
        assert_eq!(format_offset_seconds(-900), "-PT15M");
        assert_eq!(format_offset_seconds(-86_400), "-P1D");
    }

    #[test]
    fn offsets_come_back() {
        for text in ["+0100", "-0330", "+053020", "+0000"] {
            assert_eq!(
                parse_utc_offset(text).map(format_utc_offset).as_deref(),
                Some(text)
            );
        }
    }
}
