//! An object as lines in which single properties can be changed, and all others stay.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::page::entry::{instant, rules};
use crate::text::lines::{self, Component};
use crate::text::moment::{Form, Moment};

/// An object's logical lines.
#[derive(Clone, Debug)]
pub(super) struct Page {
    lines: Vec<String>,
}

/// What belongs to a series alone, and not to one occurrence of it.
const OF_SERIES: [&str; 4] = ["RRULE", "RDATE", "EXDATE", "EXRULE"];

impl Page {
    pub(super) fn read(text: &str) -> Self {
        Self {
            lines: lines::unfold(text),
        }
    }

    pub(super) fn of(lines: Vec<String>) -> Self {
        Self { lines }
    }

    pub(super) fn write(&self) -> String {
        lines::fold(&self.lines)
    }

    fn events(&self) -> Vec<Component> {
        let all = lines::components(&self.lines).unwrap_or_default();
        all.into_iter()
            .filter(|part| part.name == "VEVENT")
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events().is_empty()
    }

    /// The instances that are set apart, by where the rule has them start.
    pub(super) fn exceptions(&self) -> Vec<DateTime> {
        let events = self.events();
        let ids = events.iter().filter_map(|event| self.id(event));
        ids.collect()
    }

    /// Where the rule has an exception start, on the clock of the series.
    fn id(&self, event: &Component) -> Option<DateTime> {
        let line = lines::property(&self.lines, event, "RECURRENCE-ID")?;
        self.on_clock(line)
    }

    /// A time on the clock of the series.
    fn on_clock(&self, line: &str) -> Option<DateTime> {
        let moment = Moment::read(lines::value(line))?;
        let own = lines::param(line, "TZID");
        let series = self.zone();
        let from = match (moment.form, own) {
            (Form::Utc, _) => Some(TimeZone::UTC),
            (Form::Local, Some(own)) if series.as_deref() != Some(own) => rules(own),
            (Form::Date | Form::Local, _) => None,
        };
        let to = series.as_deref().and_then(rules);
        match (from, to) {
            (Some(from), Some(to)) => Some(to.to_datetime(instant(&from, moment.at))),
            _ => Some(moment.at),
        }
    }

    /// The `TZID` of the series.
    pub(super) fn zone(&self) -> Option<String> {
        let start = self.get(None, "DTSTART")?;
        lines::param(start, "TZID").map(str::to_owned)
    }

    /// The component of an occurrence that is set apart, or without `at` the master: the first where there is none.
    fn component(&self, at: Option<DateTime>) -> Option<Component> {
        let events = self.events();
        let found = events.iter().find(|event| {
            let is_master = lines::property(&self.lines, event, "RECURRENCE-ID").is_none();
            match at {
                None => is_master,
                Some(_) => !is_master && self.id(event) == at,
            }
        });
        let first = events.first().filter(|_| at.is_none());
        found.or(first).cloned()
    }

    pub(super) fn has(&self, at: Option<DateTime>) -> bool {
        self.component(at).is_some()
    }

    /// Whether there is a master, and not exceptions alone.
    pub(super) fn has_master(&self) -> bool {
        let events = self.events();
        events
            .iter()
            .any(|event| lines::property(&self.lines, event, "RECURRENCE-ID").is_none())
    }

    /// The first property of this name.
    pub(super) fn get(&self, at: Option<DateTime>, name: &str) -> Option<&str> {
        let event = self.component(at)?;
        lines::property(&self.lines, &event, name)
    }

    /// All properties of this name.
    pub(super) fn all(&self, at: Option<DateTime>, name: &str) -> Vec<String> {
        let Some(event) = self.component(at) else {
            return Vec::new();
        };
        let own = lines::own_lines(&self.lines, &event).into_iter();
        own.map(|index| &self.lines[index])
            .filter(|line| lines::is(line, name))
            .cloned()
            .collect()
    }

    /// Puts these lines in place of all properties of this name.
    pub(super) fn set(&mut self, at: Option<DateTime>, name: &str, new: Vec<String>) {
        let Some(event) = self.component(at) else {
            return;
        };
        let mut own = lines::own_lines(&self.lines, &event);
        own.retain(|index| lines::is(&self.lines[*index], name));
        let place = own.first().copied().unwrap_or(event.end);
        for index in own.into_iter().rev() {
            self.lines.remove(index);
        }
        // Where alarms follow, a property stands before them.
        let place = self.lines[..place]
            .iter()
            .enumerate()
            .skip(event.begin + 1)
            .find(|(_, line)| lines::is(line, "BEGIN"))
            .map_or(place, |(alarm, _)| alarm);
        self.lines.splice(place..place, new);
    }

    /// Changes every line of an event in place.
    pub(super) fn rewrite(
        &mut self,
        at: Option<DateTime>,
        change: impl Fn(&str) -> Option<String>,
    ) {
        let Some(event) = self.component(at) else {
            return;
        };
        for index in lines::own_lines(&self.lines, &event) {
            if let Some(line) = change(&self.lines[index]) {
                self.lines[index] = line;
            }
        }
    }

    /// Takes an event out.
    pub(super) fn remove(&mut self, at: Option<DateTime>) {
        if let Some(event) = self.component(at) {
            self.lines.drain(event.begin..=event.end);
        }
    }

    /// Sets an occurrence apart, as it is now: a copy of the master at its time.
    pub(super) fn set_apart(&mut self, at: DateTime, start: DateTime, end: DateTime) {
        let Some(master) = self.component(None) else {
            return;
        };
        let id = self.dated("RECURRENCE-ID", at);
        let (start, end) = (self.dated("DTSTART", start), self.dated("DTEND", end));
        let own = lines::own_lines(&self.lines, &master);
        let mut copy: Vec<String> = Vec::new();
        for index in master.begin..=master.end {
            let line = &self.lines[index];
            let is_own = own.contains(&index);
            if is_own && lines::is(line, "DTSTART") {
                copy.extend([id.clone(), start.clone(), end.clone()]);
            } else if !is_own || !Self::leaves(line) {
                copy.push(line.clone());
            }
        }
        let after = master.end + 1;
        self.lines.splice(after..after, copy);
    }

    fn leaves(line: &str) -> bool {
        let times = ["DTEND", "DURATION"];
        let mut names = OF_SERIES.iter().chain(&times);
        names.any(|name| lines::is(line, name))
    }

    /// A property with a time of the series, in the form in which the series' start is written.
    pub(super) fn dated(&self, name: &str, local: DateTime) -> String {
        let start = self.get(None, "DTSTART").unwrap_or("DTSTART:");
        let head = &lines::head(start)["DTSTART".len()..];
        let form = Moment::read(lines::value(start)).map_or(Form::Local, |moment| moment.form);
        format!("{name}{head}:{}", Moment { at: local, form }.write())
    }

    /// The starts that a property of the series names (`EXDATE`, `RDATE`), kept where `keep` says so.
    pub(super) fn keep_dates(&mut self, name: &str, keep: impl Fn(DateTime) -> bool) {
        let kept: Vec<String> = self
            .all(None, name)
            .iter()
            .filter_map(|line| {
                let head = lines::head(line);
                let values: Vec<&str> = lines::value(line)
                    .split(',')
                    .filter(|value| {
                        let single = format!("{head}:{value}");
                        self.on_clock(&single).is_none_or(&keep)
                    })
                    .collect();
                (!values.is_empty()).then(|| format!("{head}:{}", values.join(",")))
            })
            .collect();
        self.set(None, name, kept);
    }

    /// The starts that a property of the series names, on its clock.
    pub(super) fn dates(&self, name: &str) -> Vec<DateTime> {
        let lines = self.all(None, name);
        let singles = lines.iter().flat_map(|line| {
            let head = lines::head(line);
            let values = lines::value(line).split(',');
            values.map(move |value| format!("{head}:{value}"))
        });
        singles.filter_map(|line| self.on_clock(&line)).collect()
    }

    /// Takes exceptions out, but those that `keep` says.
    pub(super) fn keep_exceptions(&mut self, keep: impl Fn(DateTime) -> bool) {
        for at in self.exceptions() {
            if !keep(at) {
                self.remove(Some(at));
            }
        }
    }

    /// Lets a zone be known by its definition, where it is not yet.
    pub(super) fn define(&mut self, name: &str, around: Timestamp) {
        let all = lines::components(&self.lines).unwrap_or_default();
        let known = all
            .iter()
            .filter(|part| part.name == "VTIMEZONE")
            .any(|part| lines::property(&self.lines, part, "TZID").map(lines::value) == Some(name));
        let first = all.iter().find(|part| part.name == "VEVENT");
        if let (false, Some(rules), Some(first)) = (known, rules(name), first) {
            let definition = super::zone::definition(name, &rules, around);
            self.lines.splice(first.begin..first.begin, definition);
        }
    }

    /// Counts the revision of an event up and dates it, as programs do.
    pub(super) fn touch(&mut self, at: Option<DateTime>, now: Timestamp) {
        let number = self
            .get(at, "SEQUENCE")
            .and_then(|line| lines::value(line).parse::<u32>().ok());
        let next = number.unwrap_or(0).saturating_add(1);
        self.set(at, "SEQUENCE", vec![format!("SEQUENCE:{next}")]);
        let stamp = utc(now);
        self.set(at, "DTSTAMP", vec![format!("DTSTAMP:{stamp}")]);
        self.set(at, "LAST-MODIFIED", vec![format!("LAST-MODIFIED:{stamp}")]);
    }
}

/// An instant in the form of RFC 5545.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The rules of a series as they are written.
pub(super) fn rule(text: &str) -> Option<String> {
    let page = Page::read(text);
    let lines = OF_SERIES.iter().flat_map(|name| page.all(None, name));
    let all: Vec<String> = lines.collect();
    (!all.is_empty()).then(|| all.join("\n"))
}
