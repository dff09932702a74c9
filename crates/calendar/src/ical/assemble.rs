//! From the `VEVENT`s of one UID to one event: master, rules, dates and overrides brought onto one clock.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use super::moment::{self, Written};
use super::part::{self, Part};
use super::zones::{self, Custom, Zones};
use super::{ItemError, quoted, rule};
use crate::event::{Event, Override, RecurrenceId, Shape};
use crate::ids::Uid;
use crate::recurrence::Rule;
use crate::time::{Length, Start};

/// The parts of one event that count, and what was wrong with the others.
pub(crate) struct Chosen<'p, 't, 'a> {
    pub(crate) master: Option<&'p Part<'t, 'a>>,
    /// By occurrence; without a master, brought onto the clock of the earliest.
    pub(crate) overrides: BTreeMap<RecurrenceId, &'p Part<'t, 'a>>,
    pub(crate) problems: Vec<ItemError>,
}

impl<'p, 't, 'a> Chosen<'p, 't, 'a> {
    /// The parts that count.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'p Part<'t, 'a>> {
        let overrides = self.overrides.values().copied();
        self.master.into_iter().chain(overrides)
    }

    /// The lines where they begin.
    pub(crate) fn lines(&self) -> BTreeSet<u32> {
        self.parts().map(Part::line).collect()
    }
}

/// Chooses among the parts of one UID. Of two that claim the same place, the one with the higher `SEQUENCE`, then the
/// later `LAST-MODIFIED`, `DTSTAMP` and position counts; the other is reported.
pub(crate) fn choose<'p, 't, 'a>(
    parts: &'p [Part<'t, 'a>],
    zones: &Zones<'_, '_>,
) -> Option<Chosen<'p, 't, 'a>> {
    let mut problems = Vec::new();
    let mut master: Option<&Part<'_, '_>> = None;
    for part in parts.iter().filter(|part| part.recurrence_id.is_none()) {
        master = Some(match master {
            Some(other) => newer(
                other,
                part,
                "another VEVENT has the same UID",
                &mut problems,
            ),
            None => part,
        });
    }
    let clock = match master {
        Some(master) => &master.instance.start,
        None => &earliest(parts, zones)?.instance.start,
    };
    let mut overrides: BTreeMap<RecurrenceId, &Part<'_, '_>> = BTreeMap::new();
    for part in parts {
        if let Some(moment) = &part.recurrence_id {
            let id = zones.occurrence(moment, clock);
            let chosen = match overrides.get(&id) {
                Some(other) => {
                    let message = "another VEVENT has the same RECURRENCE-ID";
                    newer(other, part, message, &mut problems)
                }
                None => part,
            };
            overrides.insert(id, chosen);
        }
    }
    Some(Chosen {
        master,
        overrides,
        problems,
    })
}

/// The part without a master that stands for it: the one that replaces the earliest occurrence.
fn earliest<'p, 't, 'a>(
    parts: &'p [Part<'t, 'a>],
    zones: &Zones<'_, '_>,
) -> Option<&'p Part<'t, 'a>> {
    parts.iter().min_by_key(|part| {
        part.recurrence_id.as_ref().map(|moment| {
            let instant = moment
                .zone()
                .and_then(|zone| zones.instant(moment.local(), zone))
                .or_else(|| moment::utc_instant(moment.local()));
            (instant, moment.local())
        })
    })
}

fn newer<'p, 't, 'a>(
    one: &'p Part<'t, 'a>,
    other: &'p Part<'t, 'a>,
    message: &str,
    problems: &mut Vec<ItemError>,
) -> &'p Part<'t, 'a> {
    let age = |part: &Part<'_, '_>| (part.sequence, part.updated, part.stamp);
    let (kept, left) = if age(other) >= age(one) {
        (other, one)
    } else {
        (one, other)
    };
    let message = format!(
        "{message} and is newer (line {}): this one is left out",
        kept.line()
    );
    problems.push(ItemError::new(left.line(), "VEVENT", message));
    kept
}

/// Makes the event.
pub(crate) fn event(
    uid: &Uid,
    chosen: &Chosen<'_, '_, '_>,
    zones: &Zones<'_, '_>,
) -> Result<Event, ItemError> {
    let Some(first) = chosen
        .master
        .or_else(|| chosen.overrides.values().next().copied())
    else {
        return Err(ItemError::new(
            1,
            "VEVENT",
            "missing: there is no event here",
        ));
    };
    let start = &first.instance.start;
    let mut event = Event {
        uid: uid.clone(),
        shape: if chosen.master.is_some() {
            Shape::Series
        } else {
            Shape::InstancesOnly
        },
        master: first.instance.clone(),
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: first.sequence,
        created: first.created,
        updated: first.updated,
    };
    if let Some(master) = chosen.master {
        event.recurrence_rules = rules(&master.rules, start, &zones.custom())?;
        event.excluded_recurrence_rules = rules(&master.excluded_rules, start, &zones.custom())?;
        for line in &master.dates {
            for date in added_dates(line, start, zones)? {
                let duration = date
                    .duration
                    .filter(|length| *length != master.instance.duration);
                event
                    .recurrence_overrides
                    .insert(date.id, Override::Added { duration });
            }
        }
        for line in &master.excluded_dates {
            for (_, id) in excluded_dates(line, start, zones)? {
                event.recurrence_overrides.insert(id, Override::Excluded);
            }
        }
    }
    for (id, part) in &chosen.overrides {
        event.sequence = event.sequence.max(part.sequence);
        let replaced = Override::Replaced(Box::new(part.instance.clone()));
        event.recurrence_overrides.insert(*id, replaced);
    }
    event.time_zones = used_zones(&event, &zones.custom());
    Ok(event)
}

/// The definitions of the custom zones that an event uses.
pub(crate) fn used_zones(event: &Event, known: &Custom) -> Custom {
    let replaced = event
        .recurrence_overrides
        .values()
        .filter_map(|change| match change {
            Override::Replaced(instance) => Some(instance.as_ref()),
            Override::Excluded | Override::Added { .. } => None,
        });
    std::iter::once(&event.master)
        .chain(replaced)
        .flat_map(|instance| [instance.start.zone(), instance.end_zone.as_ref()])
        .flatten()
        .filter(|zone| zone.is_custom())
        .filter_map(|zone| Some((zone.clone(), known.get(zone)?.clone())))
        .collect()
}

fn rules(lines: &[&Line<'_>], start: &Start, custom: &Custom) -> Result<Vec<Rule>, ItemError> {
    lines
        .iter()
        .filter(|line| !line.value().trim().is_empty())
        .map(|line| read_rule(line, start, custom))
        .collect()
}

/// Reads a rule line as it stands on the clock of a start.
pub(crate) fn read_rule(
    line: &Line<'_>,
    start: &Start,
    custom: &Custom,
) -> Result<Rule, ItemError> {
    rule::parse(line.value(), |written| until(written, start, custom))
        .map_err(|message| ItemError::new(line.number(), line.name(), message))
}

/// Brings an `UNTIL` onto the wall clock of the start.
fn until(written: Written, start: &Start, custom: &Custom) -> Option<jiff::civil::DateTime> {
    let wall = written.wall();
    match (written, start) {
        (_, Start::AllDay(_)) => Some(wall.date().at(0, 0, 0, 0)),
        (Written::Date(date), _) => Some(date.at(23, 59, 59, 0)),
        (Written::Utc(wall), Start::Zoned { zone, .. }) if !zone.is_utc() => {
            zones::wall(moment::utc_instant(wall)?, zone, custom)
        }
        _ => Some(wall),
    }
}

/// One value of an `RDATE` line.
pub(crate) struct AddedDate<'l> {
    pub(crate) value: &'l str,
    pub(crate) id: RecurrenceId,
    /// What its period says, as seconds or days; none where it is no period.
    pub(crate) duration: Option<Length>,
}

/// Reads an `RDATE` line as occurrences of a series with this start.
pub(crate) fn added_dates<'l>(
    line: &'l Line<'_>,
    start: &Start,
    zones: &Zones<'_, '_>,
) -> Result<Vec<AddedDate<'l>>, ItemError> {
    let read = |value: &'l str| {
        let (from, to) = value
            .split_once('/')
            .map_or((value, None), |(from, to)| (from, Some(to)));
        let moment = zones.moment(line, from, start.zone())?;
        let duration = match to {
            None => None,
            Some(to) => Some(match moment::parse_duration(to) {
                Some(span) => Length {
                    days: span.days.max(0),
                    seconds: span.seconds.max(0),
                },
                None => part::between(&moment, &zones.moment(line, to, moment.zone())?, zones),
            }),
        };
        Ok(AddedDate {
            value,
            id: zones.occurrence(&moment, start),
            duration,
        })
    };
    values(line)
        .map(read)
        .collect::<Result<_, String>>()
        .map_err(|message| ItemError::new(line.number(), line.name(), message))
}

/// Reads an `EXDATE` line as occurrences of a series with this start.
pub(crate) fn excluded_dates<'l>(
    line: &'l Line<'_>,
    start: &Start,
    zones: &Zones<'_, '_>,
) -> Result<Vec<(&'l str, RecurrenceId)>, ItemError> {
    values(line)
        .map(|value| {
            let moment = zones.moment(line, value, start.zone())?;
            Ok((value, zones.occurrence(&moment, start)))
        })
        .collect::<Result<_, String>>()
        .map_err(|message| {
            let message = format!("{message} in {}", quoted(line.value()));
            ItemError::new(line.number(), line.name(), message)
        })
}

fn values<'l>(line: &'l Line<'_>) -> impl Iterator<Item = &'l str> {
    line.value()
        .split(',')
        .filter(|value| !value.trim().is_empty())
}
