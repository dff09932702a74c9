//! Times, lengths, rules and fields in the words of the command line, and back.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use kalends_calendar::event::{Event, Override, RecurrenceId};
use kalends_calendar::ical::{Component, Tree, WriteOptions, write_object};
use kalends_calendar::merge::Field;
use kalends_calendar::time::{Length, Start};
use serde::Serialize;
use serde_json::Value;

/// An instant in the reader's zone, to the minute.
pub(crate) fn instant(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// The same to the second.
pub(crate) fn instant_exact(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// An instant that may not be there.
pub(crate) fn maybe_instant(at: Option<Timestamp>, zone: &TimeZone) -> String {
    at.map_or_else(|| "never".to_owned(), |at| instant(at, zone))
}

/// A start as people read it: `Tue 2026-12-01 09:00`, with its zone where that is not the reader's.
pub(crate) fn start(start: &Start, reader: &str) -> String {
    match start {
        Start::AllDay(date) => date.strftime("%a %Y-%m-%d").to_string(),
        Start::Floating(local) => local.strftime("%a %Y-%m-%d %H:%M (floating)").to_string(),
        Start::Zoned { local, zone } => {
            let when = local.strftime("%a %Y-%m-%d %H:%M");
            if zone.0 == reader {
                when.to_string()
            } else if zone.is_utc() {
                format!("{when} UTC")
            } else {
                format!("{when} {}", zone.0.trim_start_matches('/'))
            }
        }
    }
}

/// A start for scripts: `2026-12-01`, or `2026-12-01T09:00:00` with its zone beside it.
pub(crate) fn start_plain(start: &Start) -> String {
    match start {
        Start::AllDay(date) => date.to_string(),
        Start::Floating(local) | Start::Zoned { local, .. } => local.to_string(),
    }
}

/// A length as people read it: `1 d 2 h 30 min`.
pub(crate) fn length(length: Length) -> String {
    let Length { days, seconds } = length;
    let parts = [
        (i64::from(days), "d"),
        (seconds / 3600, "h"),
        (seconds % 3600 / 60, "min"),
        (seconds % 60, "s"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() {
        "no time".to_owned()
    } else {
        words.join(" ")
    }
}

/// A length for scripts, as ISO 8601 has it: `P1D`, `PT1H30M`.
pub(crate) fn length_plain(length: Length) -> String {
    let Length { days, seconds } = length;
    let mut text = "P".to_owned();
    if days != 0 {
        text.extend([&*days.to_string(), "D"]);
    }
    if seconds != 0 || days == 0 {
        text.push('T');
        let parts = [
            (seconds / 3600, 'H'),
            (seconds % 3600 / 60, 'M'),
            (seconds % 60, 'S'),
        ];
        let mut written = false;
        for (count, unit) in parts {
            if count != 0 {
                text.push_str(&count.to_string());
                text.push(unit);
                written = true;
            }
        }
        if !written {
            text.push_str("0S");
        }
    }
    text
}

/// The rules of an event as iCalendar writes them: `FREQ=WEEKLY;BYDAY=MO`.
pub(crate) fn rules(event: &Event) -> Vec<String> {
    if event.recurrence_rules.is_empty() {
        return Vec::new();
    }
    let options = WriteOptions {
        mark: None,
        stamp: Timestamp::UNIX_EPOCH,
    };
    let text = write_object(event, &options);
    let tree = Tree::parse(&text);
    let rules: Vec<String> = tree
        .components()
        .flat_map(Component::components)
        .filter(|component| component.is("VEVENT"))
        .flat_map(Component::lines)
        .filter(|line| line.is("RRULE"))
        .map(|line| line.value().to_owned())
        .collect();
    rules
}

/// Whether an event happens more than once.
pub(crate) fn repeats(event: &Event) -> bool {
    !event.recurrence_rules.is_empty()
        || event
            .recurrence_overrides
            .values()
            .any(|change| !matches!(change, Override::Excluded))
}

/// A field by its name.
pub(crate) fn field(field: &Field) -> String {
    match field {
        Field::Time => "time".to_owned(),
        Field::Title => "title".to_owned(),
        Field::Description => "description".to_owned(),
        Field::Locations => "locations".to_owned(),
        Field::VirtualLocations => "virtual locations".to_owned(),
        Field::Url => "url".to_owned(),
        Field::Status => "status".to_owned(),
        Field::FreeBusyStatus => "free/busy".to_owned(),
        Field::Privacy => "privacy".to_owned(),
        Field::Priority => "priority".to_owned(),
        Field::Keywords => "keywords".to_owned(),
        Field::Color => "color".to_owned(),
        Field::Participant(who) => format!("participant {}", who.0),
        Field::Alert(_) => "alert".to_owned(),
        Field::Override(id) => format!("occurrence {}", occurrence(*id)),
    }
}

/// An occurrence by the start that the rules gave it.
pub(crate) fn occurrence(id: RecurrenceId) -> String {
    if id.0.time() == Time::midnight() {
        id.0.date().to_string()
    } else {
        id.0.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// Several fields by their names.
pub(crate) fn fields(of: &[Field]) -> String {
    let words: Vec<String> = of.iter().map(field).collect();
    words.join(", ")
}

/// One word of an enumeration as it is stored: `two_way`, `new_there`.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// The value of a field in a table: its text where it is one, the times of a time, else short JSON.
pub(crate) fn value(of: &Value) -> String {
    /// Longer values are for `--json`.
    const SHOWN_MAX: usize = 60;
    let text = match of {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.replace('\n', " ⏎ "),
        Value::Array(items) if items.is_empty() => "(none)".to_owned(),
        Value::Array(items) if items.iter().all(|item| item.get("name").is_some()) => items
            .iter()
            .filter_map(|item| item.get("name").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Object(members) => match members
            .get("start")
            .and_then(|start| serde_json::from_value::<Start>(start.clone()).ok())
        {
            Some(at) => start(&at, ""),
            None => of.to_string(),
        },
        other => other.to_string(),
    };
    if text.chars().count() > SHOWN_MAX {
        format!("{}…", text.chars().take(SHOWN_MAX - 1).collect::<String>())
    } else {
        text
    }
}

/// A time as people type it: a date, or a date and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A date alone.
    Date(Date),
    /// A date and a time.
    DateTime(DateTime),
}

impl Typed {
    /// The wall-clock time: midnight where only a date was typed.
    pub(crate) fn local(self) -> DateTime {
        match self {
            Self::Date(date) => date.to_datetime(Time::midnight()),
            Self::DateTime(local) => local,
        }
    }

    /// The instant in a zone.
    pub(crate) fn in_zone(self, zone: &TimeZone) -> Timestamp {
        zone.to_ambiguous_timestamp(self.local())
            .compatible()
            .unwrap_or(Timestamp::MIN)
    }
}

/// Reads `2026-12-01`, `2026-12-01T09:00` or `2026-12-01 09:00:00`, and nothing that says more: an offset or a zone which
/// is not heeded would put an event at another time.
pub(crate) fn typed_time(text: &str) -> Result<Typed, String> {
    const WRITTEN: &str = "a time is written 2026-12-01 or 2026-12-01T09:00";
    let text = text.trim();
    let Some((date, rest)) = shaped(text, "dddd-dd-dd") else {
        return Err(WRITTEN.to_owned());
    };
    let none = |_| format!("there is no such time; {WRITTEN}");
    let date: Date = date.parse().map_err(none)?;
    let Some(rest) = rest.strip_prefix(['T', ' ']) else {
        return match rest {
            "" => Ok(Typed::Date(date)),
            _ => Err(WRITTEN.to_owned()),
        };
    };
    let (time, rest) = shaped(rest, "dd:dd:dd")
        .or_else(|| shaped(rest, "dd:dd"))
        .ok_or(WRITTEN)?;
    if !rest.is_empty() {
        return Err(format!(
            "{WRITTEN}, and {:?} after it is not understood. The zone is said with --zone \
             (Europe/Berlin, UTC), else it is that of the settings",
            rest.trim()
        ));
    }
    let time: Time = time.parse().map_err(none)?;
    Ok(Typed::DateTime(date.to_datetime(time)))
}

/// The beginning of a text that has this shape (`d` is a digit), and what comes after it.
fn shaped<'a>(text: &'a str, shape: &str) -> Option<(&'a str, &'a str)> {
    let (begins, rest) = text.split_at_checked(shape.len())?;
    let fits = |(is, wanted): (u8, u8)| match wanted {
        b'd' => is.is_ascii_digit(),
        other => is == other,
    };
    begins
        .bytes()
        .zip(shape.bytes())
        .all(fits)
        .then_some((begins, rest))
}

/// Reads `1h30m`, `90m`, `2d`, `PT1H30M`, `P2D`.
pub(crate) fn typed_length(text: &str) -> Result<Length, String> {
    let wrong = || format!("{text:?} is no length such as 1h30m, 45m or 2d");
    let span: jiff::Span = text.trim().parse().map_err(|_| wrong())?;
    if span.is_negative() || span.get_months() != 0 || span.get_years() != 0 {
        return Err(wrong());
    }
    let seconds = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
    Ok(Length {
        days: span.get_weeks() * 7 + span.get_days(),
        seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_typed_as_dates_or_wall_clock_times() {
        let date = jiff::civil::date(2026, 12, 1);
        assert_eq!(typed_time("2026-12-01"), Ok(Typed::Date(date)));
        for text in [
            "2026-12-01T09:00",
            "2026-12-01 09:00",
            "2026-12-01T09:00:00",
        ] {
            assert_eq!(
                typed_time(text),
                Ok(Typed::DateTime(date.at(9, 0, 0, 0))),
                "{text}"
            );
        }
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-12-01T25:00",
            "2026-12-01T",
            "2026-12-01T09",
            "2026-12-01t09:00",
            "20261201",
            "20261201T090000",
            "2026-12-011",
            "09:00",
        ] {
            assert!(typed_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_offset_or_zone_is_refused_instead_of_dropped() {
        for text in [
            "2026-12-01T09:00Z",
            "2026-12-01T09:00:00Z",
            "2026-12-01T09:00+02:00",
            "2026-12-01 09:00 -05",
            "2026-12-01T09:00[Europe/Berlin]",
            "2026-12-01T09:00:00.5",
        ] {
            let error = typed_time(text).unwrap_err();
            assert!(error.contains("--zone"), "{text}: {error}");
        }
    }

    #[test]
    fn lengths_are_typed_and_told() {
        for (text, days, seconds, told, plain) in [
            ("1h30m", 0, 5400, "1 h 30 min", "PT1H30M"),
            ("90m", 0, 5400, "1 h 30 min", "PT1H30M"),
            ("2d", 2, 0, "2 d", "P2D"),
            ("PT45M", 0, 2700, "45 min", "PT45M"),
            ("P1W", 7, 0, "7 d", "P7D"),
            ("P1DT2H", 1, 7200, "1 d 2 h", "P1DT2H"),
            ("0s", 0, 0, "no time", "PT0S"),
        ] {
            let read = typed_length(text).unwrap();
            assert_eq!(read, Length { days, seconds }, "{text}");
            assert_eq!(length(read), told);
            assert_eq!(length_plain(read), plain);
        }
        for text in ["", "1 month", "-1h", "soon"] {
            assert!(typed_length(text).is_err(), "{text}");
        }
    }
}
