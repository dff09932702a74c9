//! The recurrence lines of a series: Google keeps them as iCalendar writes them, so its reader and writer do the work.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kalends_calendar::event::{Details, Event, Instance, Override, RecurrenceId, Shape};
use kalends_calendar::ical::{Tree, WriteOptions, read_object, write_object};
use kalends_calendar::ids::Uid;
use kalends_calendar::recurrence::{Frequency, Rule};
use kalends_calendar::series::check_occurrence;
use kalends_calendar::time::{Length, Start};

/// The properties of which `recurrence` consists.
const NAMES: [&str; 4] = ["RRULE", "EXRULE", "RDATE", "EXDATE"];

/// What the lines of a series say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recurrence {
    pub(crate) rules: Vec<Rule>,
    pub(crate) excluded_rules: Vec<Rule>,
    /// Added and excluded dates.
    pub(crate) dates: BTreeMap<RecurrenceId, Override>,
}

/// Reads the lines of a series that starts at `start`.
pub(crate) fn read(lines: &[String], start: &Start) -> Result<Recurrence, String> {
    if lines.is_empty() {
        return Ok(Recurrence::default());
    }
    let mut text = String::from("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:series\r\n");
    text.push_str(&start_line(start));
    for line in lines {
        let name = line.split([':', ';']).next().unwrap_or_default().trim();
        let is_one_line = !line.contains(['\r', '\n']);
        if !is_one_line || !NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(format!("recurrence: not understood: “{}”", shown(line)));
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
    let event = read_object(&text)
        .map_err(|error| format!("recurrence: {}: {}", error.property, error.message))?
        .event;
    Ok(Recurrence {
        rules: event.recurrence_rules,
        excluded_rules: event.excluded_recurrence_rules,
        dates: event.recurrence_overrides,
    })
}

fn start_line(start: &Start) -> String {
    const WALL: &str = "%Y%m%dT%H%M%S";
    match start {
        Start::AllDay(date) => format!("DTSTART;VALUE=DATE:{}\r\n", date.strftime("%Y%m%d")),
        Start::Floating(local) => format!("DTSTART:{}\r\n", local.strftime(WALL)),
        Start::Zoned { local, zone } if zone.is_utc() => {
            format!("DTSTART:{}Z\r\n", local.strftime(WALL))
        }
        Start::Zoned { local, zone } => format!("DTSTART;TZID={zone}:{}\r\n", local.strftime(WALL)),
    }
}

fn shown(line: &str) -> String {
    /// Long enough for any rule that a person would look at.
    const SHOWN_MAX: usize = 80;
    line.chars().take(SHOWN_MAX).collect()
}

/// Writes the lines of a series that starts at `start` (pinned, where the event's own start floats). `excluded` says of
/// an exclusion whether it is to stand among them.
///
/// An occurrence that no rule yields gets a date of its own, so that there is one to be changed.
pub(crate) fn write(
    event: &Event,
    start: &Start,
    excluded: impl Fn(RecurrenceId) -> bool,
) -> Result<Vec<String>, String> {
    refuse(event)?;
    let bare = bare(event, start);
    let mut written = bare.clone();
    for (id, over) in &event.recurrence_overrides {
        let line = match over {
            Override::Excluded => excluded(*id).then_some(Override::Excluded),
            Override::Added { .. } => Some(Override::Added { duration: None }),
            Override::Replaced(_) => {
                (!is_yielded(&bare, *id)).then_some(Override::Added { duration: None })
            }
        };
        if let Some(line) = line {
            written.recurrence_overrides.insert(*id, line);
        }
    }
    let options = WriteOptions {
        mark: None,
        stamp: Timestamp::UNIX_EPOCH,
    };
    let text = write_object(&written, &options);
    let tree = Tree::parse(&text);
    let mut lines = Vec::new();
    for calendar in tree.components() {
        for component in calendar.components().filter(|inner| inner.is("VEVENT")) {
            let of_recurrence =
                |name: &str| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
            lines.extend(
                component
                    .lines()
                    .filter(|line| of_recurrence(line.name()))
                    .map(|line| line.content().to_owned()),
            );
        }
    }
    Ok(lines)
}

/// Whether the rules, or the start where there are none, yield an occurrence.
pub(crate) fn is_yielded(bare: &Event, id: RecurrenceId) -> bool {
    if bare.recurrence_rules.is_empty() {
        return id.0 == bare.master.start.local();
    }
    check_occurrence(bare, id).is_ok()
}

/// A series without its overrides and details.
pub(crate) fn bare(event: &Event, start: &Start) -> Event {
    Event {
        uid: Uid::from("series"),
        shape: Shape::Series,
        master: Instance {
            start: start.clone(),
            duration: Length::default(),
            end_zone: None,
            details: Details::default(),
        },
        recurrence_rules: event.recurrence_rules.clone(),
        excluded_recurrence_rules: event.excluded_recurrence_rules.clone(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

fn refuse(event: &Event) -> Result<(), String> {
    let all = event
        .recurrence_rules
        .iter()
        .chain(&event.excluded_recurrence_rules);
    for rule in all {
        match rule.frequency {
            Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                return Err("recurrenceRules: Google repeats nothing within a day".to_owned());
            }
            Frequency::Yearly | Frequency::Monthly | Frequency::Weekly | Frequency::Daily => {}
        }
    }
    let has_length = event
        .recurrence_overrides
        .values()
        .any(|over| matches!(over, Override::Added { duration: Some(_) }));
    if has_length {
        return Err(
            "recurrenceOverrides: Google has no added dates with a length of their own".to_owned(),
        );
    }
    Ok(())
}
