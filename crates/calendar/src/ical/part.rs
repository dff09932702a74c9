//! One `VEVENT` as read by itself: an instance, what it says about recurrence, and whom it belongs to.

use jiff::Timestamp;

use super::details::Gathering;
use super::line::Line;
use super::tree::Component;
use super::zones::Zones;
use super::{ItemError, MARK_ID, MARK_UID, alarm, moment, quoted, text};
use crate::event::Instance;
use crate::ids::{EventId, Uid};
use crate::provider::Mark;
use crate::time::{Length, Start, ZoneId};

/// A `VEVENT`. Recurrence lines are kept as lines: what they mean depends on the master.
pub(crate) struct Part<'t, 'a> {
    pub(crate) component: &'t Component<'a>,
    pub(crate) instance: Instance,
    /// Which occurrence it replaces; none for a master.
    pub(crate) recurrence_id: Option<Start>,
    pub(crate) rules: Vec<&'t Line<'a>>,
    pub(crate) excluded_rules: Vec<&'t Line<'a>>,
    pub(crate) dates: Vec<&'t Line<'a>>,
    pub(crate) excluded_dates: Vec<&'t Line<'a>>,
    pub(crate) sequence: u32,
    pub(crate) created: Option<Timestamp>,
    pub(crate) updated: Option<Timestamp>,
    pub(crate) stamp: Option<Timestamp>,
    mark_id: Option<EventId>,
    mark_uid: Option<Uid>,
}

impl Part<'_, '_> {
    /// Where the component begins.
    pub(crate) fn line(&self) -> u32 {
        self.component.begin.number()
    }

    /// The mark we left on it. Where its UID was lost on the way, the event's own stands in.
    pub(crate) fn mark(&self, uid: &Uid) -> Option<Mark> {
        self.mark_id.map(|event| Mark {
            event,
            uid: self.mark_uid.clone().unwrap_or_else(|| uid.clone()),
        })
    }
}

/// The most `VEVENT`s of one UID. Ten years of a daily series with each occurrence edited are 3,650.
const MEMBERS_MAX: usize = 5_000;

/// The most rules, excluding ones included, of one `VEVENT`. RFC 5545 advises against a second one.
const RULES_MAX: usize = 20;

/// The most alarms of one `VEVENT`. People set a handful.
const ALARMS_MAX: usize = 100;

/// Reads the `VEVENT`s of one UID.
pub(crate) fn read_all<'t, 'a: 't>(
    members: impl Iterator<Item = &'t Component<'a>>,
    zones: &Zones<'_, '_>,
) -> Result<Vec<Part<'t, 'a>>, ItemError> {
    members
        .enumerate()
        .map(|(before, component)| {
            if before == MEMBERS_MAX {
                let message = format!("more than {MEMBERS_MAX} VEVENTs have this UID");
                return Err(ItemError::new(component.begin.number(), "VEVENT", message));
            }
            read(component, zones)
        })
        .collect()
}

/// Reads a `VEVENT`.
fn read<'t, 'a>(
    component: &'t Component<'a>,
    zones: &Zones<'_, '_>,
) -> Result<Part<'t, 'a>, ItemError> {
    if component.end.is_none() {
        return Err(ItemError::new(
            component.begin.number(),
            "VEVENT",
            "has no END",
        ));
    }
    let mut gathering = Gathering::default();
    let (mut start, mut end, mut duration, mut recurrence_id) = (None, None, None, None);
    let (mut rules, mut excluded_rules) = (Vec::new(), Vec::new());
    let (mut dates, mut excluded_dates) = (Vec::new(), Vec::new());
    let (mut sequence, mut created, mut updated, mut stamp) = (None, None, None, None);
    let (mut mark_id, mut mark_uid) = (None, None);
    let mut buffer = [0; NAME_BYTES_MAX];
    for line in component.lines() {
        let Some(name) = upper(line.name(), &mut buffer) else {
            continue;
        };
        match name {
            "DTSTART" => first(&mut start, line),
            "DTEND" => first(&mut end, line),
            "DURATION" => first(&mut duration, line),
            "RECURRENCE-ID" => first(&mut recurrence_id, line),
            "RRULE" => rules.push(line),
            "EXRULE" => excluded_rules.push(line),
            "RDATE" => dates.push(line),
            "EXDATE" => excluded_dates.push(line),
            "SEQUENCE" => first(&mut sequence, line),
            "CREATED" => first(&mut created, line),
            "LAST-MODIFIED" => first(&mut updated, line),
            "DTSTAMP" => first(&mut stamp, line),
            MARK_ID => first(&mut mark_id, line),
            MARK_UID => first(&mut mark_uid, line),
            other => {
                gathering.take(other, line);
            }
        }
    }
    let more_rules = [&rules, &excluded_rules]
        .into_iter()
        .flatten()
        .nth(RULES_MAX);
    if let Some(line) = more_rules {
        let message = format!("more than {RULES_MAX} rules in one event");
        return Err(ItemError::new(line.number(), line.name(), message));
    }
    let mut alarms = component.components().filter(|inner| inner.is("VALARM"));
    if let Some(alarm) = alarms.nth(ALARMS_MAX) {
        let message = format!("more than {ALARMS_MAX} alarms in one event");
        return Err(ItemError::new(alarm.begin.number(), "VALARM", message));
    }
    let instant = |line: &Line<'_>| moment::parse_instant(line.value());
    let start_line = start.ok_or_else(|| {
        ItemError::new(
            component.begin.number(),
            "DTSTART",
            "missing: the event has no time",
        )
    })?;
    let start = moment_of(start_line, zones, None)?;
    let (duration, end_zone) = length(&start, end, duration, zones)?;
    let mut details = gathering.finish();
    details.alerts = alarm::read_all(component.components())
        .into_iter()
        .map(|(key, alert, _)| (key, alert))
        .collect();
    Ok(Part {
        component,
        recurrence_id: match recurrence_id {
            Some(line) => Some(recurrence_moment(line, zones, &start)?),
            None => None,
        },
        instance: Instance {
            start,
            duration,
            end_zone,
            details,
        },
        rules,
        excluded_rules,
        dates,
        excluded_dates,
        sequence: sequence.map_or(0, |line| line.value().trim().parse().unwrap_or(0)),
        created: created.and_then(instant),
        updated: updated.and_then(instant),
        stamp: stamp.and_then(instant),
        mark_id: mark_id.and_then(|line| line.value().trim().parse().ok()),
        mark_uid: mark_uid.map(|line| Uid(text::unescape(line.value()).into_owned())),
    })
}

/// The longest property name that is looked at; ours and the RFC's are shorter.
const NAME_BYTES_MAX: usize = 24;

/// The name upper-cased, in a buffer on the stack: this runs for every line of every event.
fn upper<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b str> {
    let buffer = buffer.get_mut(..name.len())?;
    buffer.copy_from_slice(name.as_bytes());
    buffer.make_ascii_uppercase();
    std::str::from_utf8(buffer).ok()
}

/// Keeps the first line that says something.
fn first<'t, 'a>(kept: &mut Option<&'t Line<'a>>, line: &'t Line<'a>) {
    if kept.is_none() && !line.value().trim().is_empty() {
        *kept = Some(line);
    }
}

fn moment_of(
    line: &Line<'_>,
    zones: &Zones<'_, '_>,
    fallback: Option<&ZoneId>,
) -> Result<Start, ItemError> {
    zones
        .moment(line, line.value(), fallback)
        .map_err(|message| ItemError::new(line.number(), line.name(), message))
}

fn recurrence_moment(
    line: &Line<'_>,
    zones: &Zones<'_, '_>,
    start: &Start,
) -> Result<Start, ItemError> {
    let range = line.param("RANGE");
    if range.is_some_and(|range| range.eq_ignore_ascii_case("THISANDFUTURE")) {
        return Err(ItemError::new(
            line.number(),
            "RECURRENCE-ID",
            "RANGE=THISANDFUTURE is not supported: it changes all that follows",
        ));
    }
    // Without a zone it is on the clock of the occurrence, which is mostly the master's.
    moment_of(line, zones, start.zone().filter(|zone| !zone.is_utc()))
}

/// How long the event lasts, by `DTEND`, else `DURATION`, else by default: a day, or no time at all. What ends before
/// it starts lasts no time.
fn length(
    start: &Start,
    end: Option<&Line<'_>>,
    duration: Option<&Line<'_>>,
    zones: &Zones<'_, '_>,
) -> Result<(Length, Option<ZoneId>), ItemError> {
    if let Some(line) = end {
        let end = moment_of(line, zones, start.zone())?;
        let end_zone = match (start.zone(), end.zone()) {
            (Some(from), Some(to)) if from != to => Some(to.clone()),
            _ => None,
        };
        return Ok((between(start, &end, zones), end_zone));
    }
    let Some(line) = duration else {
        let length = if start.is_all_day() {
            Length::days(1)
        } else {
            Length::default()
        };
        return Ok((length, None));
    };
    let span = moment::parse_duration(line.value()).ok_or_else(|| {
        let message = format!("not a duration: {}", quoted(line.value()));
        ItemError::new(line.number(), "DURATION", message)
    })?;
    let length = if start.is_all_day() {
        let days = span.total_seconds().div_euclid(86_400)
            + i64::from(span.total_seconds().rem_euclid(86_400) > 0);
        Length::days(i32::try_from(days).unwrap_or(i32::MAX).max(1))
    } else {
        Length {
            days: span.days.max(0),
            seconds: span.seconds.max(0),
        }
    };
    Ok((length, None))
}

/// From start to end: days for all-day events (at least one), exact seconds otherwise.
pub(crate) fn between(start: &Start, end: &Start, zones: &Zones<'_, '_>) -> Length {
    if let Start::AllDay(first) = start {
        let days = first
            .until(end.local().date())
            .map_or(1, |span| span.get_days());
        return Length::days(days.max(1));
    }
    let exact = match (start, end) {
        (
            Start::Zoned { local, zone },
            Start::Zoned {
                local: until,
                zone: to,
            },
        ) => zones
            .instant(*local, zone)
            .zip(zones.instant(*until, to))
            .map(|(from, until)| from.duration_until(until)),
        _ => None,
    };
    let exact = exact.unwrap_or_else(|| start.local().duration_until(end.local()));
    Length::seconds(exact.as_secs().max(0))
}
