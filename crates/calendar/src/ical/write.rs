//! Writing an event as a calendar object resource of its own.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::line::Line;
use super::tree::{Component, Node};
use super::zones::{self, Custom};
use super::{MARK_ID, MARK_UID, PRODUCT, alarm, details, moment, rule, text};
use crate::event::{Event, Instance, Override, RecurrenceId, Shape};
use crate::provider::Mark;
use crate::recurrence::{End, Rule};
use crate::time::{Length, Start, ZoneId};
use crate::zone;

/// What a writer must be told beside the event.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions<'o> {
    /// The mark to leave on the event.
    pub mark: Option<&'o Mark>,
    /// When this text was made (`DTSTAMP`).
    pub stamp: Timestamp,
}

/// Writes an event: `CRLF`, folded, with the `VTIMEZONE` of each zone it names.
///
/// What iCalendar has no words for is written as the nearest it has: an all-day event lasts whole days and at least
/// one, instants are whole seconds, and a place that says nothing is left out.
pub fn write_object(event: &Event, options: &WriteOptions<'_>) -> String {
    let mut calendar = Sheet::new("\r\n");
    calendar.line("VERSION:2.0");
    calendar.line(&format!("PRODID:{PRODUCT}"));
    for zone in zones_of(event) {
        if let Some(definition) = zone_component(zone, event, "\r\n") {
            calendar.nodes.push(Node::Component(definition));
        }
    }
    let mut mark = options.mark;
    if event.shape == Shape::Series {
        let master = master_component(event, mark.take(), options.stamp, "\r\n");
        calendar.nodes.push(Node::Component(master));
    }
    for (id, change) in &event.recurrence_overrides {
        if let Override::Replaced(instance) = change {
            let place = Place {
                event,
                occurrence: Some(*id),
                mark: mark.take(),
                stamp: options.stamp,
            };
            calendar
                .nodes
                .push(Node::Component(place.component(instance, "\r\n")));
        }
    }
    calendar.finish("VCALENDAR").to_string()
}

/// A component in the making.
pub(crate) struct Sheet {
    pub(crate) nodes: Vec<Node<'static>>,
    line_end: &'static str,
}

impl Sheet {
    pub(crate) fn new(line_end: &'static str) -> Self {
        Self {
            nodes: Vec::new(),
            line_end,
        }
    }

    pub(crate) fn line(&mut self, content: &str) {
        let line = Line::compose(content, self.line_end, 0);
        self.nodes.push(Node::Line(line));
    }

    pub(crate) fn finish(self, name: &str) -> Component<'static> {
        Component {
            begin: Line::compose(&format!("BEGIN:{name}"), self.line_end, 0),
            nodes: self.nodes,
            end: Some(Line::compose(&format!("END:{name}"), self.line_end, 0)),
        }
    }
}

/// The zones an event names, each once.
pub(crate) fn zones_of(event: &Event) -> Vec<&ZoneId> {
    let mut found: Vec<&ZoneId> = Vec::new();
    let replaced = event
        .recurrence_overrides
        .values()
        .filter_map(|change| match change {
            Override::Replaced(instance) => Some(instance.as_ref()),
            Override::Excluded | Override::Added { .. } => None,
        });
    for instance in std::iter::once(&event.master).chain(replaced) {
        for zone in [instance.start.zone(), instance.end_zone.as_ref()]
            .into_iter()
            .flatten()
        {
            if !zone.is_utc() && !found.contains(&zone) {
                found.push(zone);
            }
        }
    }
    found
}

/// The `VTIMEZONE` of a zone as the event needs it; none where nobody knows the zone.
pub(crate) fn zone_component(
    zone: &ZoneId,
    event: &Event,
    line_end: &'static str,
) -> Option<Component<'static>> {
    let observances = match event.time_zones.get(zone) {
        Some(custom) => custom.observances.clone(),
        None => zone::observances(zone, first_year(event))?,
    };
    let mut sheet = Sheet::new(line_end);
    sheet.line(&format!("TZID:{}", zones::tzid(zone)));
    for observance in &observances {
        let (name, lines) = zones::write_observance(observance);
        let mut inner = Sheet::new(line_end);
        for line in lines {
            inner.line(&line);
        }
        sheet.nodes.push(Node::Component(inner.finish(name)));
    }
    Some(sheet.finish("VTIMEZONE"))
}

/// The first year in which anything of the event happens: a definition of its zones has to reach back to it.
fn first_year(event: &Event) -> i16 {
    let starts = event
        .recurrence_overrides
        .iter()
        .map(|(id, change)| match change {
            Override::Replaced(instance) => id.0.min(instance.start.local()),
            Override::Excluded | Override::Added { .. } => id.0,
        });
    let first = starts.fold(event.master.start.local(), DateTime::min);
    first.year()
}

/// Writes the master with its rules and dates.
fn master_component(
    event: &Event,
    mark: Option<&Mark>,
    stamp: Timestamp,
    line_end: &'static str,
) -> Component<'static> {
    let place = Place {
        event,
        occurrence: None,
        mark,
        stamp,
    };
    place.component(&event.master, line_end)
}

/// Where in an event an instance stands.
pub(crate) struct Place<'e> {
    pub(crate) event: &'e Event,
    /// The occurrence it replaces; none for the master.
    pub(crate) occurrence: Option<RecurrenceId>,
    pub(crate) mark: Option<&'e Mark>,
    pub(crate) stamp: Timestamp,
}

impl Place<'_> {
    /// Writes the `VEVENT`.
    pub(crate) fn component(
        &self,
        instance: &Instance,
        line_end: &'static str,
    ) -> Component<'static> {
        let event = self.event;
        let custom = &event.time_zones;
        let mut sheet = Sheet::new(line_end);
        sheet.line(&format!("UID:{}", text::escape(&event.uid.0)));
        sheet.line(&format!("DTSTAMP:{}", moment::format_instant(self.stamp)));
        if let Some(id) = self.occurrence {
            sheet.line(&moment_line("RECURRENCE-ID", &event.master.start.at(id.0)));
        }
        sheet.line(&moment_line("DTSTART", &instance.start));
        if let Some(line) = end_line(instance, custom) {
            sheet.line(&line);
        }
        if self.occurrence.is_none() {
            for line in recurrence_lines(event) {
                sheet.line(&line);
            }
        }
        for (name, instant) in [("CREATED", event.created), ("LAST-MODIFIED", event.updated)] {
            if let Some(instant) = instant {
                sheet.line(&format!("{name}:{}", moment::format_instant(instant)));
            }
        }
        if event.sequence > 0 {
            sheet.line(&format!("SEQUENCE:{}", event.sequence));
        }
        for line in details::lines(&instance.details) {
            sheet.line(&line);
        }
        if let Some(mark) = self.mark {
            for line in mark_lines(mark) {
                sheet.line(&line);
            }
        }
        for (key, alert, named) in alarm::in_order(&instance.details.alerts) {
            let mut inner = Sheet::new(line_end);
            for line in alarm::write(alert, named.then_some(key), &instance.details.title) {
                inner.line(&line);
            }
            sheet.nodes.push(Node::Component(inner.finish("VALARM")));
        }
        sheet.finish("VEVENT")
    }
}

/// The lines of a mark.
pub(crate) fn mark_lines(mark: &Mark) -> [String; 2] {
    [
        format!("{MARK_ID}:{}", mark.event),
        format!("{MARK_UID}:{}", text::escape(&mark.uid.0)),
    ]
}

/// The `VALUE` and `TZID` parameters and the value of a moment.
pub(crate) fn moment_parts(moment: &Start) -> (Option<&'static str>, Option<&str>, String) {
    match moment {
        Start::AllDay(date) => (Some("DATE"), None, moment::format_date(*date)),
        Start::Floating(local) => (None, None, moment::format_wall(*local)),
        Start::Zoned { local, zone } if zone.is_utc() => {
            (None, None, format!("{}Z", moment::format_wall(*local)))
        }
        Start::Zoned { local, zone } => {
            (None, Some(zones::tzid(zone)), moment::format_wall(*local))
        }
    }
}

/// A line that says one moment.
pub(crate) fn moment_line(name: &str, moment: &Start) -> String {
    let (kind, tzid, value) = moment_parts(moment);
    let kind = kind.map_or(String::new(), |kind| format!(";VALUE={kind}"));
    let tzid = tzid.map_or(String::new(), |tzid| {
        format!(";TZID={}", text::encode_param(tzid))
    });
    format!("{name}{kind}{tzid}:{value}")
}

/// Where an instance ends, as a moment that `DTEND` can say; none where only `DURATION` says the same: nominal days
/// of a timed event, an end within an hour that the clock shows twice, or a zone nobody knows.
pub(crate) fn end_moment(instance: &Instance, custom: &Custom) -> Option<Start> {
    let length = instance.duration;
    match &instance.start {
        Start::AllDay(date) => {
            let days = jiff::Span::new().try_days(whole_days(length)).ok()?;
            Some(Start::AllDay(date.checked_add(days).ok()?))
        }
        _ if length.days != 0 => None,
        Start::Floating(local) => {
            let end = local
                .checked_add(jiff::SignedDuration::from_secs(length.seconds))
                .ok()?;
            Some(Start::Floating(end))
        }
        Start::Zoned { local, zone } => {
            let begins = zones::instant(*local, zone, custom)?;
            let ends = begins
                .checked_add(jiff::SignedDuration::from_secs(length.seconds))
                .ok()?;
            let zone = instance.end_zone.as_ref().unwrap_or(zone);
            let local = zones::wall(ends, zone, custom)?;
            (zones::instant(local, zone, custom)? == ends).then(|| Start::Zoned {
                local,
                zone: zone.clone(),
            })
        }
    }
}

/// An all-day event's length in days.
pub(crate) fn whole_days(length: Length) -> i32 {
    let extra = length.seconds.max(0).unsigned_abs().div_ceil(86_400);
    let days = i64::from(length.days) + i64::try_from(extra).unwrap_or(i64::MAX / 2);
    i32::try_from(days.max(1)).unwrap_or(i32::MAX)
}

/// Whether an instance's length is what its start alone would mean.
pub(crate) fn lasts_default(instance: &Instance) -> bool {
    if instance.start.is_all_day() {
        whole_days(instance.duration) == 1
    } else {
        instance.duration == Length::default() && instance.end_zone.is_none()
    }
}

fn end_line(instance: &Instance, custom: &Custom) -> Option<String> {
    // Apple's servers want an end for all-day events even where it is the default.
    if lasts_default(instance) && !instance.start.is_all_day() {
        return None;
    }
    Some(match end_moment(instance, custom) {
        Some(end) => moment_line("DTEND", &end),
        None => format!("DURATION:{}", length_value(instance)),
    })
}

/// The value of `DURATION`.
pub(crate) fn length_value(instance: &Instance) -> String {
    moment::format_length(if instance.start.is_all_day() {
        Length::days(whole_days(instance.duration))
    } else {
        instance.duration
    })
}

/// `RRULE`, `EXRULE`, `RDATE` and `EXDATE` of an event.
fn recurrence_lines(event: &Event) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in &event.recurrence_rules {
        lines.push(format!("RRULE:{}", rule_value(rule, event)));
    }
    for rule in &event.excluded_recurrence_rules {
        lines.push(format!("EXRULE:{}", rule_value(rule, event)));
    }
    let start = &event.master.start;
    for (id, change) in &event.recurrence_overrides {
        match change {
            Override::Excluded => lines.push(moment_line("EXDATE", &start.at(id.0))),
            Override::Added { duration } => lines.push(added_line(&start.at(id.0), *duration)),
            Override::Replaced(_) => {}
        }
    }
    lines
}

/// An `RDATE` line of one date, or of one period where it has a length of its own.
pub(crate) fn added_line(moment: &Start, duration: Option<Length>) -> String {
    let Some(duration) = duration else {
        return moment_line("RDATE", moment);
    };
    let (_, tzid, value) = moment_parts(moment);
    let tzid = tzid.map_or(String::new(), |tzid| {
        format!(";TZID={}", text::encode_param(tzid))
    });
    format!(
        "RDATE;VALUE=PERIOD{tzid}:{value}/{}",
        moment::format_length(duration)
    )
}

/// The value of a rule line, its end in the form that the start asks for (RFC 5545 §3.3.10).
pub(crate) fn rule_value(rule: &Rule, event: &Event) -> String {
    rule::format(rule, |until| until_value(until, event))
}

fn until_value(until: DateTime, event: &Event) -> String {
    match &event.master.start {
        Start::AllDay(_) => moment::format_date(until.date()),
        Start::Floating(_) => moment::format_wall(until),
        Start::Zoned { zone, .. } => match zones::instant(until, zone, &event.time_zones) {
            Some(instant) => moment::format_instant(instant),
            None => format!("{}Z", moment::format_wall(until)),
        },
    }
}

/// Whether a rule ends on a date, so that its text depends on the kind of the start.
pub(crate) fn ends_by_date(rule: &Rule) -> bool {
    matches!(rule.end, End::Until(_))
}
