//! The zones of a text: what each `TZID` means, custom `VTIMEZONE`s, and the way from wall clocks to instants and back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::line::Line;
use super::moment::{self, Written};
use super::rule;
use super::tree::Component;
use crate::event::RecurrenceId;
use crate::time::{Start, ZoneId};
use crate::zone::{self, CustomZone, Observance};

/// Definitions of zones that no database knows, by their key.
pub(crate) type Custom = BTreeMap<ZoneId, CustomZone>;

/// The most observances of one `VTIMEZONE`; two centuries of changes written one by one.
const OBSERVANCES_MAX: usize = 1_000;

/// What the `TZID`s of one text mean. Each is looked up once.
pub(crate) struct Zones<'t, 'a> {
    defined: Vec<&'t Component<'a>>,
    known: RefCell<BTreeMap<String, Option<ZoneId>>>,
    custom: RefCell<Custom>,
}

impl<'t, 'a> Zones<'t, 'a> {
    /// The zones of a calendar with these components.
    pub(crate) fn of(components: impl Iterator<Item = &'t Component<'a>>) -> Self
    where
        'a: 't,
    {
        Self {
            defined: components.filter(|inner| inner.is("VTIMEZONE")).collect(),
            known: RefCell::default(),
            custom: RefCell::default(),
        }
    }

    /// The zone that a `TZID` means: a known name, or one that the text defines; none if neither.
    pub(crate) fn resolve(&self, tzid: &str) -> Option<ZoneId> {
        if let Some(known) = self.known.borrow().get(tzid) {
            return known.clone();
        }
        let found = self.look_up(tzid);
        self.known
            .borrow_mut()
            .insert(tzid.to_owned(), found.clone());
        found
    }

    fn look_up(&self, tzid: &str) -> Option<ZoneId> {
        if let Some(zone) = zone::identify(tzid) {
            return Some(zone);
        }
        let definition = self.definition(tzid)?;
        let location = definition
            .line("X-LIC-LOCATION")
            .and_then(|line| zone::identify(line.value()));
        if location.is_some() {
            return location;
        }
        let custom = read_zone(definition)?;
        let id = ZoneId(format!("/{tzid}"));
        self.custom.borrow_mut().insert(id.clone(), custom);
        Some(id)
    }

    /// The `VTIMEZONE` of this name.
    pub(crate) fn definition(&self, tzid: &str) -> Option<&'t Component<'a>> {
        let defines = |component: &&&Component<'a>| {
            tzid_of(component).is_some_and(|name| name.trim() == tzid.trim())
        };
        self.defined.iter().find(defines).copied()
    }

    /// The `TZID` under which the text already defines a zone, or names it without a definition.
    pub(crate) fn tzid_for(&self, zone: &ZoneId) -> Option<String> {
        let defined = self
            .defined
            .iter()
            .filter_map(|component| tzid_of(component));
        for tzid in defined {
            if self.resolve(&tzid).as_ref() == Some(zone) {
                return Some(tzid);
            }
        }
        let known = self.known.borrow();
        let named = known.iter().find(|(_, known)| known.as_ref() == Some(zone));
        named.map(|(tzid, _)| tzid.clone())
    }

    /// The custom zones met so far.
    pub(crate) fn custom(&self) -> Custom {
        self.custom.borrow().clone()
    }

    /// Reads a moment of a date-time line, in the zone of the line or, where it names none, in `fallback`'s.
    pub(crate) fn moment(
        &self,
        line: &Line<'_>,
        value: &str,
        fallback: Option<&ZoneId>,
    ) -> Result<Start, String> {
        let written = moment::parse(value)
            .ok_or_else(|| format!("not a date or date-time: {}", super::quoted(value)))?;
        let as_date = line
            .param("VALUE")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("DATE"));
        match written {
            Written::Date(date) => Ok(Start::AllDay(date)),
            Written::Local(wall) | Written::Utc(wall) if as_date => Ok(Start::AllDay(wall.date())),
            Written::Utc(local) => Ok(Start::Zoned {
                local,
                zone: ZoneId::utc(),
            }),
            Written::Local(local) => {
                let tzid = line.param("TZID").filter(|tzid| !tzid.trim().is_empty());
                let zone = match tzid {
                    None => fallback.cloned(),
                    Some(tzid) => Some(self.resolve(&tzid).ok_or_else(|| {
                        format!(
                            "unknown time zone {}, and no VTIMEZONE that defines it",
                            super::quoted(&tzid)
                        )
                    })?),
                };
                Ok(zone.map_or(Start::Floating(local), |zone| Start::Zoned { local, zone }))
            }
        }
    }

    /// Adds definitions from elsewhere; they overrule those of the text.
    pub(crate) fn learn(&self, custom: &Custom) {
        for (zone, rules) in custom {
            self.custom.borrow_mut().insert(zone.clone(), rules.clone());
            let name = tzid(zone).to_owned();
            self.known.borrow_mut().insert(name, Some(zone.clone()));
        }
    }

    /// The instant of a wall-clock time in a zone of this text.
    pub(crate) fn instant(&self, wall: DateTime, zone: &ZoneId) -> Option<Timestamp> {
        instant(wall, zone, &self.custom.borrow())
    }

    /// Which occurrence of a series a moment names.
    pub(crate) fn occurrence(&self, moment: &Start, master: &Start) -> RecurrenceId {
        occurrence(moment, master, &self.custom.borrow())
    }
}

/// The name that a `VTIMEZONE` gives itself.
pub(crate) fn tzid_of(component: &Component<'_>) -> Option<String> {
    component.line("TZID").map(|line| line.value().to_owned())
}

/// The name under which a zone is written.
pub(crate) fn tzid(zone: &ZoneId) -> &str {
    zone.0.strip_prefix('/').unwrap_or(&zone.0)
}

/// The instant of a wall-clock time: in a gap by the offset before it, in a fold the first (RFC 5545 §3.3.5).
pub(crate) fn instant(wall: DateTime, zone: &ZoneId, custom: &Custom) -> Option<Timestamp> {
    if zone.is_utc() {
        return moment::utc_instant(wall);
    }
    Some(zone::resolve(zone, custom).ok()?.to_instant(wall))
}

/// The wall-clock time of an instant in a zone.
pub(crate) fn wall(instant: Timestamp, zone: &ZoneId, custom: &Custom) -> Option<DateTime> {
    if zone.is_utc() {
        return Some(jiff::tz::TimeZone::UTC.to_datetime(instant));
    }
    Some(zone::resolve(zone, custom).ok()?.to_local(instant))
}

/// Brings a moment onto the wall clock of a series' master: by instant where both have zones; a date becomes the
/// master's time on that day; a moment without a zone is taken as it stands.
pub(crate) fn occurrence(moment: &Start, master: &Start, custom: &Custom) -> RecurrenceId {
    let local = moment.local();
    RecurrenceId(match (moment, master) {
        (_, Start::AllDay(_)) => local.date().at(0, 0, 0, 0),
        (Start::AllDay(date), master) => date.to_datetime(master.local().time()),
        (Start::Zoned { zone, .. }, Start::Zoned { zone: other, .. }) if zone != other => {
            instant(local, zone, custom)
                .and_then(|instant| wall(instant, other, custom))
                .unwrap_or(local)
        }
        _ => local,
    })
}

/// Reads a `VTIMEZONE`; none where it cannot be followed.
pub(crate) fn read_zone(component: &Component<'_>) -> Option<CustomZone> {
    let observances: Option<Vec<_>> = component
        .components()
        .filter(|inner| inner.is("STANDARD") || inner.is("DAYLIGHT"))
        .take(OBSERVANCES_MAX)
        .map(read_observance)
        .collect();
    observances
        .filter(|found| !found.is_empty())
        .map(|observances| CustomZone { observances })
}

fn read_observance(component: &Component<'_>) -> Option<Observance> {
    let value = |name| component.line(name).map(Line::value);
    let start = moment::parse(value("DTSTART")?)?.wall();
    let offset_from = moment::parse_utc_offset(value("TZOFFSETFROM")?)?;
    let offset_to = moment::parse_utc_offset(value("TZOFFSETTO")?)?;
    let until = |written| match written {
        Written::Utc(wall) => wall
            .checked_add(jiff::SignedDuration::from_secs(offset_from.into()))
            .ok(),
        // Nothing begins anew after 2 o'clock or so: the whole day counts.
        Written::Date(date) => Some(date.at(23, 59, 59, 0)),
        Written::Local(wall) => Some(wall),
    };
    let mut observance = Observance {
        start,
        offset_from,
        offset_to,
        recurrence_rules: Vec::new(),
        dates: Vec::new(),
    };
    for line in component.lines() {
        if line.is("RRULE") {
            let rule = rule::parse(line.value(), until).ok()?;
            observance.recurrence_rules.push(rule);
        } else if line.is("RDATE") {
            for value in line.value().split(',') {
                let start = value.split('/').next().unwrap_or(value);
                let date = moment::parse(start)?.wall();
                observance.dates.push(date);
            }
        }
    }
    Some(observance)
}

/// The content lines of a `VTIMEZONE`, each observance as its own list.
pub(crate) fn write_observance(observance: &Observance) -> (&'static str, Vec<String>) {
    let name = if observance.offset_to > observance.offset_from {
        "DAYLIGHT"
    } else {
        "STANDARD"
    };
    let offset = moment::format_utc_offset;
    let mut lines = vec![
        format!("DTSTART:{}", moment::format_wall(observance.start)),
        format!("TZOFFSETFROM:{}", offset(observance.offset_from)),
        format!("TZOFFSETTO:{}", offset(observance.offset_to)),
    ];
    let until = |wall: DateTime| {
        let utc = wall.checked_sub(jiff::SignedDuration::from_secs(
            observance.offset_from.into(),
        ));
        format!("{}Z", moment::format_wall(utc.unwrap_or(wall)))
    };
    for rule in &observance.recurrence_rules {
        lines.push(format!("RRULE:{}", rule::format(rule, until)));
    }
    for date in &observance.dates {
        lines.push(format!("RDATE:{}", moment::format_wall(*date)));
    }
    (name, lines)
}
