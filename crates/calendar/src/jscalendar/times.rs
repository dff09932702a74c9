//! Times, zones and durations as JSCalendar writes them (RFC 8984 §1.4).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::JsError;
use super::node::Node;
use crate::ical::{Custom, quoted};
use crate::time::{Length, ZoneId};
use crate::zone;

/// The longest duration, in days: all the years that the calendar has. More is a mistake, and would overflow dates.
const DURATION_DAYS_MAX: i64 = 10_000 * 366;

/// What a start looks like, for those who wrote another.
const LOCAL_EXAMPLE: &str = "a local time such as \"2026-12-01T09:00:00\"";

/// A local time, or a date alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Date(Date),
    Local(DateTime),
}

/// Writes a `LocalDateTime` (RFC 8984 §1.4.5).
pub(super) fn format_local(local: DateTime) -> String {
    local.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Reads a `LocalDateTime`, or a date.
pub(super) fn moment(node: &Node<'_>) -> Result<Moment, JsError> {
    let text = node.text()?;
    parse_moment(text).ok_or_else(|| {
        let quoted = quoted(text);
        let after_date = text.get(10..).unwrap_or_default();
        node.fail(if after_date.contains(['Z', 'z', '+', '-']) {
            format!(
                "is {quoted}; it is to be {LOCAL_EXAMPLE}, without Z or offset: its zone goes into timeZone"
            )
        } else {
            format!("is {quoted}, not {LOCAL_EXAMPLE}, in whole seconds")
        })
    })
}

/// Reads a moment from a text: `2026-12-01` or `2026-12-01T09:00:00`.
pub(super) fn parse_moment(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let number = |at: usize, length: usize| {
        let digits = bytes.get(at..at + length)?;
        digits.iter().try_fold(0i16, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| i16::from(digit - b'0'))?;
            Some(number * 10 + digit)
        })
    };
    let small = |at: usize| number(at, 2).and_then(|number| i8::try_from(number).ok());
    let marks = |marks: &[(usize, u8)]| {
        let stands = |(at, mark): &(usize, u8)| bytes.get(*at) == Some(mark);
        marks.iter().all(stands)
    };
    if !marks(&[(4, b'-'), (7, b'-')]) {
        return None;
    }
    let date = Date::new(number(0, 4)?, small(5)?, small(8)?).ok()?;
    match bytes.len() {
        10 => Some(Moment::Date(date)),
        19 if marks(&[(10, b'T'), (13, b':'), (16, b':')]) => {
            let time = jiff::civil::Time::new(small(11)?, small(14)?, small(17)?, 0).ok()?;
            Some(Moment::Local(date.to_datetime(time)))
        }
        _ => None,
    }
}

/// Reads a `LocalDateTime`, and nothing less.
pub(super) fn local(node: &Node<'_>) -> Result<DateTime, JsError> {
    match moment(node)? {
        Moment::Local(local) => Ok(local),
        Moment::Date(_) => Err(node.fail(format!("is a date, not {LOCAL_EXAMPLE}"))),
    }
}

/// Writes a `UTCDateTime` (RFC 8984 §1.4.4).
pub(super) fn format_instant(instant: Timestamp) -> String {
    instant.to_string()
}

/// Reads a `UTCDateTime`.
pub(super) fn instant(node: &Node<'_>) -> Result<Timestamp, JsError> {
    let text = node.text()?;
    let instant = text
        .strip_suffix('Z')
        .and_then(|_| text.parse::<Timestamp>().ok());
    instant.ok_or_else(|| {
        node.fail(format!(
            "is {}, not a time in UTC such as \"2026-12-01T09:00:00Z\"",
            quoted(text)
        ))
    })
}

/// Writes a `Duration` (RFC 8984 §1.4.6).
pub(super) fn format_length(length: Length) -> String {
    let (days, seconds) = (length.days.max(0), length.seconds.max(0));
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let part = |shown: bool, count: i64, unit: &str| {
        if shown {
            format!("{count}{unit}")
        } else {
            String::new()
        }
    };
    let days = part(days > 0, days.into(), "D");
    if seconds == 0 {
        return if days.is_empty() {
            "PT0S".to_owned()
        } else {
            format!("P{days}")
        };
    }
    // The grammar has no seconds after hours without minutes between.
    let minutes = part(minutes > 0 || (hours > 0 && rest > 0), minutes, "M");
    let (hours, rest) = (part(hours > 0, hours, "H"), part(rest > 0, rest, "S"));
    format!("P{days}T{hours}{minutes}{rest}")
}

/// Reads a `Duration`.
pub(super) fn length(node: &Node<'_>) -> Result<Length, JsError> {
    let text = node.text()?;
    parse_length(text).ok_or_else(|| {
        node.fail(if text.starts_with('-') {
            format!("is {}; nothing lasts less than no time", quoted(text))
        } else {
            not_a_duration(text)
        })
    })
}

fn not_a_duration(text: &str) -> String {
    format!(
        "is {}, not a duration such as \"PT1H30M\" or \"P1D\", of whole seconds and at most {DURATION_DAYS_MAX} days",
        quoted(text)
    )
}

/// Writes a `SignedDuration` (RFC 8984 §1.4.7), in days where they are whole.
pub(super) fn format_offset(seconds: i64) -> String {
    let size = seconds.saturating_abs();
    let sign = if seconds < 0 { "-" } else { "" };
    let length = match i32::try_from(size / 86_400) {
        Ok(days) if size > 0 && size % 86_400 == 0 => Length::days(days),
        _ => Length::seconds(size),
    };
    format!("{sign}{}", format_length(length))
}

/// Reads a `SignedDuration`, as seconds.
pub(super) fn offset(node: &Node<'_>) -> Result<i64, JsError> {
    let text = node.text()?;
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let length = parse_length(size).ok_or_else(|| node.fail(not_a_duration(text)))?;
    Ok(sign * (i64::from(length.days) * 86_400 + length.seconds))
}

fn parse_length(text: &str) -> Option<Length> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let days = units(date, &[(b'W', 7), (b'D', 1)])?;
    let seconds = units(time, &[(b'H', 3_600), (b'M', 60), (b'S', 1)])?;
    if days > DURATION_DAYS_MAX || seconds > DURATION_DAYS_MAX * 86_400 {
        return None;
    }
    Some(Length {
        days: i32::try_from(days).ok()?,
        seconds,
    })
}

/// Adds up numbers with their units, which stand in order and once at most.
fn units(text: &str, mut sizes: &[(u8, i64)]) -> Option<i64> {
    let mut total = 0i64;
    let mut digits: Option<i64> = None;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            let digit = i64::from(byte - b'0');
            let so_far = digits.unwrap_or(0).checked_mul(10)?;
            digits = Some(so_far.checked_add(digit)?);
            continue;
        }
        let at = sizes.iter().position(|(unit, _)| *unit == byte)?;
        total = total.checked_add(digits.take()?.checked_mul(sizes[at].1)?)?;
        sizes = &sizes[at + 1..];
    }
    digits.is_none().then_some(total)
}

/// Reads a time zone: an IANA or Windows name, or the id of a zone that the event defines (RFC 8984 §4.7.2).
pub(super) fn zone(node: &Node<'_>, custom: &Custom) -> Result<ZoneId, JsError> {
    let name = node.filled()?;
    let id = ZoneId(name.to_owned());
    if custom.contains_key(&id) {
        return Ok(id);
    }
    zone::identify(name).ok_or_else(|| {
        node.fail(if id.is_custom() {
            format!("is {}, which no member of timeZones defines", quoted(name))
        } else {
            format!(
                "is {}, not a time zone that is known, such as \"Europe/Berlin\"",
                quoted(name)
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_grammar() {
        for (text, days, seconds) in [
            ("PT0S", 0, 0),
            ("P2D", 2, 0),
            ("PT24H", 0, 86_400),
            ("PT1H0M5S", 0, 3_605),
            ("P1DT30M", 1, 1_800),
        ] {
            let length = Length { days, seconds };
            assert_eq!(parse_length(text), Some(length), "{text}");
            assert_eq!(format_length(length), text);
        }
        assert_eq!(parse_length("P2W1D"), Some(Length::days(15)));
        assert_eq!(format_offset(-86_400), "-P1D");
        assert_eq!(format_offset(-900), "-PT15M");
        for bad in [
            "", "P", "PT", "P1DT", "1D", "P1H", "PT1D", "P1D2W", "PT1M1H", "PTS", "P-1D", "p1d",
        ] {
            assert_eq!(parse_length(bad), None, "{bad}");
        }
    }
}
