//! What a person fills in about an event, and what becomes of the event then.

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::civil::{DateTime, Time};
use kalends_calendar::event::{Event, Instance, Location, RecurrenceId};
use kalends_calendar::ical::read_object;
use kalends_calendar::recurrence::Rule;
use kalends_calendar::series::{self, SeriesError};
use kalends_calendar::time::{Length, Start};
use kalends_calendar::zone::{Resolved, resolve};

use crate::local_zone::LocalZone;
use crate::words::{Typed, typed_length, typed_time};

/// How long a timed event lasts where nobody says.
const USUAL_LENGTH: Length = Length::minutes(60);

/// The word for a time that is the same on every wall clock.
const FLOATING: &str = "floating";

/// What can be said about an event on the command line.
#[derive(Debug, Default, Args)]
pub(crate) struct Form {
    /// What it is called
    #[arg(long)]
    pub(super) title: Option<String>,
    /// When it starts: a date for a whole day, or a date and a time
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    pub(super) start: Option<Typed>,
    /// When it ends (of whole days: the last of them)
    #[arg(long, value_name = "TIME", value_parser = typed_time, conflicts_with = "duration")]
    pub(super) end: Option<Typed>,
    /// How long it lasts, such as 45m, 1h30m or 2d
    #[arg(long, value_name = "LENGTH", value_parser = typed_length)]
    pub(super) duration: Option<Length>,
    /// The time zone of start and end, or `floating` [default: that of the settings or the system]
    #[arg(long, alias = "time-zone", value_name = "ZONE")]
    pub(super) zone: Option<String>,
    /// Whole days
    #[arg(long)]
    pub(super) all_day: bool,
    /// Where it is
    #[arg(long)]
    pub(super) location: Option<String>,
    /// What else there is to say
    #[arg(long)]
    pub(super) description: Option<String>,
}

impl Form {
    /// Whether nothing is filled in.
    pub(super) fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.start.is_none()
            && self.end.is_none()
            && self.duration.is_none()
            && self.zone.is_none()
            && !self.all_day
            && self.location.is_none()
            && self.description.is_none()
    }

    /// A new instance as filled in.
    pub(super) fn instance(&self, usual: &LocalZone) -> Result<Instance> {
        let typed = self
            .start
            .context("an event starts at some time: give --start")?;
        let start = self.start_of(typed, None, usual)?;
        let mut instance = Instance {
            duration: usual_length(&start),
            start,
            end_zone: None,
            details: kalends_calendar::event::Details::default(),
        };
        self.fill_rest(&mut instance)?;
        Ok(instance)
    }

    /// Changes an instance as filled in.
    pub(super) fn fill(&self, instance: &mut Instance, usual: &LocalZone) -> Result<()> {
        if self.start.is_some() || self.zone.is_some() || self.all_day {
            let typed = self.start.unwrap_or(match &instance.start {
                Start::AllDay(date) => Typed::Date(*date),
                Start::Floating(local) | Start::Zoned { local, .. } => Typed::DateTime(*local),
            });
            let start = self.start_of(typed, Some(&instance.start), usual)?;
            if start.is_all_day() != instance.start.is_all_day() {
                instance.duration = usual_length(&start);
                instance.end_zone = None;
            }
            instance.start = start;
        }
        self.fill_rest(instance)
    }

    fn fill_rest(&self, instance: &mut Instance) -> Result<()> {
        if let Some(length) = self.duration {
            if instance.start.is_all_day() && (length.seconds != 0 || length.days == 0) {
                bail!("whole days last whole days: --duration 2d");
            }
            instance.duration = length;
        } else if let Some(end) = self.end {
            instance.duration = until(&instance.start, end)?;
            instance.end_zone = None;
        }
        let details = &mut instance.details;
        if let Some(title) = &self.title {
            details.title.clone_from(title);
        }
        if let Some(description) = &self.description {
            details.description.clone_from(description);
        }
        if let Some(location) = &self.location {
            let place = Location {
                name: location.clone(),
                coordinates: None,
            };
            match details.locations.first_mut() {
                Some(_) if location.is_empty() => {
                    details.locations.remove(0);
                }
                Some(first) => *first = place,
                None if location.is_empty() => {}
                None => details.locations.push(place),
            }
        }
        Ok(())
    }

    /// A start of the kind that was asked for; where nobody says, the kind it was.
    fn start_of(&self, typed: Typed, was: Option<&Start>, usual: &LocalZone) -> Result<Start> {
        if self.all_day {
            return match typed {
                Typed::Date(date) => Ok(Start::AllDay(date)),
                Typed::DateTime(local) if self.start.is_none() => Ok(Start::AllDay(local.date())),
                Typed::DateTime(_) => bail!("--all-day goes with a date alone"),
            };
        }
        let local = match typed {
            Typed::Date(date) if self.zone.is_none() => return Ok(Start::AllDay(date)),
            Typed::Date(_) => bail!("a whole day has no --zone; give --start a time"),
            Typed::DateTime(local) => local,
        };
        match (&self.zone, was) {
            (Some(name), _) if name == FLOATING => Ok(Start::Floating(local)),
            (Some(name), _) => {
                let zone = LocalZone::named(name)
                    .with_context(|| format!("{name:?} is no time zone that is known"))?;
                Ok(Start::Zoned {
                    local,
                    zone: zone.id,
                })
            }
            (None, Some(was @ (Start::Floating(_) | Start::Zoned { .. }))) => Ok(was.at(local)),
            (None, Some(Start::AllDay(_)) | None) => Ok(Start::Zoned {
                local,
                zone: usual.id.clone(),
            }),
        }
    }
}

fn usual_length(start: &Start) -> Length {
    if start.is_all_day() {
        Length::days(1)
    } else {
        USUAL_LENGTH
    }
}

/// How long it is from a start to an end that was typed for it.
fn until(start: &Start, end: Typed) -> Result<Length> {
    let length = match (start, end) {
        (Start::AllDay(first), Typed::Date(last)) => {
            Length::days(first.until(last)?.get_days() + 1)
        }
        (Start::AllDay(_), Typed::DateTime(_)) => bail!("whole days end with a date"),
        (Start::Floating(from), typed) => {
            let to = end_time(typed)?;
            Length::seconds(from.duration_until(to).as_secs())
        }
        (Start::Zoned { local, zone }, typed) => {
            let to = end_time(typed)?;
            let rules = resolve(zone, &std::collections::BTreeMap::new());
            let exact = match &rules {
                Ok(rules) => between(rules, *local, to),
                Err(_) => local.duration_until(to).as_secs(),
            };
            Length::seconds(exact)
        }
    };
    if length.days < 0 || length.seconds < 0 || (start.is_all_day() && length.days == 0) {
        bail!("it ends before it starts");
    }
    Ok(length)
}

fn end_time(typed: Typed) -> Result<DateTime> {
    match typed {
        Typed::DateTime(local) => Ok(local),
        Typed::Date(_) => bail!("--end needs a time too, as --start has one"),
    }
}

fn between(rules: &Resolved, from: DateTime, to: DateTime) -> i64 {
    let seconds = rules.to_instant(to).duration_since(rules.to_instant(from));
    seconds.as_secs()
}

/// Reads a rule as iCalendar writes it: `FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10`.
pub(super) fn rule(text: &str, start: &Start) -> Result<Rule> {
    let text = text.trim();
    let text = text.strip_prefix("RRULE:").unwrap_or(text);
    if text.contains(['\r', '\n']) {
        bail!("a rule is one line");
    }
    let local = start.local();
    let stamp = local.strftime("%Y%m%dT%H%M%S");
    let start_line = match start {
        Start::AllDay(date) => format!("DTSTART;VALUE=DATE:{}", date.strftime("%Y%m%d")),
        Start::Floating(_) => format!("DTSTART:{stamp}"),
        Start::Zoned { zone, .. } if zone.is_utc() => format!("DTSTART:{stamp}Z"),
        Start::Zoned { zone, .. } => format!("DTSTART;TZID={}:{stamp}", zone.0),
    };
    let object = format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:rule\r\n{start_line}\r\nRRULE:{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let read = read_object(&object)
        .map_err(|error| anyhow::anyhow!("--rrule {text}: {}", error.message))?;
    match read.event.recurrence_rules.into_iter().next() {
        Some(rule) => Ok(rule),
        None => bail!("--rrule {text}: this is no rule such as FREQ=WEEKLY;BYDAY=MO"),
    }
}

/// The name of the occurrence that a person means by its start; also of one that was taken away.
pub(super) fn occurrence_id(event: &Event, typed: Typed) -> Result<RecurrenceId> {
    let local = match (&event.master.start, typed) {
        (Start::AllDay(_), typed) => typed.local().date().to_datetime(Time::midnight()),
        (_, Typed::DateTime(local)) => local,
        // A date names the day; the time is that of the series.
        (start, Typed::Date(date)) => date.to_datetime(start.local().time()),
    };
    let id = RecurrenceId(local);
    match series::check_occurrence(event, id) {
        Ok(()) | Err(SeriesError::TakenAway(_)) => Ok(id),
        Err(SeriesError::HappensOnce) => {
            bail!("this event happens once: leave --occurrence away")
        }
        Err(SeriesError::NoOccurrence(_)) => bail!(
            "nothing of this series starts at {local}; `kalends events list --expand` shows what does"
        ),
        Err(other) => Err(other.into()),
    }
}

/// One occurrence as it is now, whole.
pub(super) fn instance_of(event: &Event, id: RecurrenceId) -> Result<Instance> {
    series::instance_of(event, id).map_err(|error| match error {
        SeriesError::TakenAway(_) => anyhow::anyhow!(
            "this occurrence was taken away; `kalends events history` shows the version to restore"
        ),
        other => other.into(),
    })
}
