//! Reading: one calendar object resource, or a whole file of events of which none stops the others.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::assemble::{self, Chosen};
use super::part;
use super::tree::{Component, Node, Tree};
use super::zones::Zones;
use super::{ItemError, Line, quoted, text};
use crate::event::Event;
use crate::ids::Uid;
use crate::provider::Mark;
use crate::time::Length;

/// One event as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its UID, or one made of what it says where it has none.
    pub uid: Uid,
    /// Its content.
    pub event: Event,
    /// The mark we left on it.
    pub mark: Option<Mark>,
    /// Its text: a whole `VCALENDAR` of its own, made of the original lines.
    pub text: String,
    /// What was left out of the event because something else in the text overrules it.
    pub problems: Vec<ItemError>,
}

/// A calendar file or feed as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// `NAME` or `X-WR-CALNAME`.
    pub name: Option<String>,
    /// `COLOR` or `X-APPLE-CALENDAR-COLOR`.
    pub color: Option<String>,
    /// `REFRESH-INTERVAL` or `X-PUBLISHED-TTL`: how often to look again.
    pub refresh_interval: Option<Length>,
    /// `X-WR-TIMEZONE`: where floating times may be meant. A hint; nothing here follows it.
    pub time_zone: Option<String>,
    /// `METHOD`, upper-cased.
    pub method: Option<String>,
    /// One per UID, in the order in which they first appear.
    pub objects: Vec<Result<Object, ItemError>>,
    /// Whether every `VCALENDAR` that begins also ends, and there is one. A file cut short is not complete.
    pub complete: bool,
    /// What is broken in the structure of the text.
    pub problems: Vec<ItemError>,
}

/// Reads a calendar object resource (RFC 4791 §4.1): one UID, the master and its overrides.
pub fn read_object(text: &str) -> Result<Object, ItemError> {
    let tree = Tree::parse(text);
    let members = members(&tree);
    let zones = Zones::of(definitions(&tree));
    let uid = single_uid(&tree, &members)?;
    let parts = part::read_all(members.iter().copied(), &zones)?;
    let chosen = assemble::choose(&parts, &zones).ok_or_else(no_event)?;
    let event = assemble::event(&uid, &chosen, &zones)?;
    Ok(Object {
        mark: mark_of(&chosen, &uid),
        uid,
        event,
        text: text.to_owned(),
        problems: chosen.problems,
    })
}

fn no_event() -> ItemError {
    ItemError::new(1, "VCALENDAR", "holds no event")
}

/// The one UID of a resource that is whole.
pub(crate) fn single_uid(tree: &Tree<'_>, members: &[&Component<'_>]) -> Result<Uid, ItemError> {
    if let Some(cut) = tree.components().find(|component| component.end.is_none()) {
        return Err(ItemError::new(
            cut.begin.number(),
            cut.name(),
            "has no END: the text is cut short",
        ));
    }
    let first = members.first().ok_or_else(no_event)?;
    let uid = uid_of(first);
    match members.iter().find(|other| uid_of(other) != uid) {
        None => Ok(uid),
        Some(other) => {
            let line = other.line("UID").unwrap_or(&other.begin);
            let message = format!(
                "a second UID in one object: {} after {}",
                quoted(uid_of(other).as_str()),
                quoted(uid.as_str())
            );
            Err(ItemError::new(line.number(), "UID", message))
        }
    }
}

pub(crate) fn mark_of(chosen: &Chosen<'_, '_, '_>, uid: &Uid) -> Option<Mark> {
    chosen.parts().find_map(|part| part.mark(uid))
}

/// The `VEVENT`s of a text: those in a `VCALENDAR`, and those that stand bare.
pub(crate) fn members<'t, 'a>(tree: &'t Tree<'a>) -> Vec<&'t Component<'a>> {
    everything(tree)
        .filter(|component| component.is("VEVENT"))
        .collect()
}

/// The `VTIMEZONE`s of a text.
pub(crate) fn definitions<'t, 'a>(tree: &'t Tree<'a>) -> impl Iterator<Item = &'t Component<'a>> {
    everything(tree).filter(|component| component.is("VTIMEZONE"))
}

fn everything<'t, 'a>(tree: &'t Tree<'a>) -> impl Iterator<Item = &'t Component<'a>> {
    tree.components().flat_map(|component| {
        let inner = component.is("VCALENDAR").then(|| component.components());
        let bare = inner.is_none().then_some(component);
        inner.into_iter().flatten().chain(bare)
    })
}

/// Reads a file or feed: many events, perhaps of several `VCALENDAR`s.
pub fn read_calendar(text: &str) -> Reading {
    let tree = Tree::parse(text);
    let mut reading = Reading::default();
    let mut calendars = 0;
    for calendar in tree
        .components()
        .filter(|component| component.is("VCALENDAR"))
    {
        calendars += 1;
        for line in calendar.lines() {
            reading.header(line);
        }
    }
    reading.complete = calendars > 0 && tree.components().all(|component| component.end.is_some());

    let zones = Zones::of(definitions(&tree));
    let mut order: Vec<Uid> = Vec::new();
    let mut groups: BTreeMap<Uid, Vec<Member<'_, '_>>> = BTreeMap::new();
    for component in tree.components() {
        let (calendar, inner) = if component.is("VCALENDAR") {
            (Some(component), component.components().collect())
        } else {
            (None, vec![component])
        };
        for event in inner.into_iter().filter(|inner| inner.is("VEVENT")) {
            let uid = uid_of(event);
            let member = Member { calendar, event };
            match groups.entry(uid.clone()) {
                Entry::Vacant(entry) => {
                    order.push(uid);
                    entry.insert(vec![member]);
                }
                Entry::Occupied(mut entry) => entry.get_mut().push(member),
            }
        }
    }
    for uid in order {
        let members = groups.remove(&uid).unwrap_or_default();
        reading
            .objects
            .push(object(uid, &members, &zones, tree.line_end()));
    }
    reading.problems = tree.problems;
    reading
}

impl Reading {
    fn header(&mut self, line: &Line<'_>) {
        let said = || text::unescape(line.value()).trim().to_owned();
        let set = |field: &mut Option<String>, value: String| {
            if field.is_none() && !value.is_empty() {
                *field = Some(value);
            }
        };
        if line.is("NAME") || line.is("X-WR-CALNAME") {
            set(&mut self.name, said());
        } else if line.is("COLOR") || line.is("X-APPLE-CALENDAR-COLOR") {
            set(&mut self.color, said());
        } else if line.is("X-WR-TIMEZONE") {
            set(&mut self.time_zone, said());
        } else if line.is("METHOD") {
            set(&mut self.method, said().to_ascii_uppercase());
        } else if (line.is("REFRESH-INTERVAL") || line.is("X-PUBLISHED-TTL"))
            && self.refresh_interval.is_none()
        {
            self.refresh_interval = super::moment::parse_duration(line.value())
                .filter(|span| span.total_seconds() > 0)
                .map(|span| Length {
                    days: span.days,
                    seconds: span.seconds,
                });
        }
    }
}

/// A `VEVENT` and the calendar it stands in.
#[derive(Clone, Copy)]
struct Member<'t, 'a> {
    calendar: Option<&'t Component<'a>>,
    event: &'t Component<'a>,
}

fn object(
    uid: Uid,
    members: &[Member<'_, '_>],
    zones: &Zones<'_, '_>,
    line_end: &str,
) -> Result<Object, ItemError> {
    let parts = part::read_all(members.iter().map(|member| member.event), zones)?;
    let chosen = assemble::choose(&parts, zones).ok_or_else(no_event)?;
    let event = assemble::event(&uid, &chosen, zones)?;
    let lines = chosen.lines();
    let counts = |member: &Member<'_, '_>| lines.contains(&member.event.begin.number());
    let kept: Vec<Member<'_, '_>> = members.iter().copied().filter(counts).collect();
    Ok(Object {
        mark: mark_of(&chosen, &uid),
        text: standalone(&kept, zones, line_end),
        uid,
        event,
        problems: chosen.problems,
    })
}

/// What of the head of a file belongs to each of its events. The rest is about the file.
const SHARED_HEAD: [&str; 3] = ["VERSION", "PRODID", "CALSCALE"];

/// A `VCALENDAR` of these events alone, with the zones they name, in their original lines.
fn standalone(members: &[Member<'_, '_>], zones: &Zones<'_, '_>, line_end: &str) -> String {
    let mut text = String::new();
    let push = |text: &mut String, raw: &str| {
        text.push_str(raw);
        if !raw.ends_with(['\n', '\r']) {
            text.push_str(line_end);
        }
    };
    push(&mut text, "BEGIN:VCALENDAR");
    if let Some(calendar) = members.iter().find_map(|member| member.calendar) {
        for line in calendar.lines() {
            if SHARED_HEAD.iter().any(|name| line.is(name)) {
                push(&mut text, line.raw());
            }
        }
    }
    let mut written: BTreeSet<String> = BTreeSet::new();
    for member in members {
        for tzid in tzids(member.event) {
            if written.contains(&tzid) {
                continue;
            }
            if let Some(definition) = zones.definition(&tzid) {
                push(&mut text, &definition.to_string());
            }
            written.insert(tzid);
        }
    }
    for member in members {
        push(&mut text, &member.event.to_string());
    }
    push(&mut text, "END:VCALENDAR");
    text
}

/// The zones that a component's lines name.
pub(crate) fn tzids(component: &Component<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for node in &component.nodes {
        match node {
            Node::Line(line) => found.extend(line.param("TZID").map(std::borrow::Cow::into_owned)),
            Node::Component(inner) => found.extend(tzids(inner)),
        }
    }
    found
}

/// The UID that a component gives itself.
pub fn own_uid(component: &Component<'_>) -> Option<Uid> {
    component
        .lines()
        .filter(|line| line.is("UID"))
        .map(|line| text::unescape(line.value()).trim().to_owned())
        .find(|uid| !uid.is_empty())
        .map(Uid)
}

/// The offset basis of FNV-1a with 128 bits.
const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
/// Its prime.
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The UID of a component, or one made of what it says: the same text gives the same UID, on every machine.
pub fn uid_of(component: &Component<'_>) -> Uid {
    if let Some(uid) = own_uid(component) {
        return uid;
    }
    let mut hash = BASIS;
    let mut eat = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    };
    for name in ["SUMMARY", "DTSTART", "DTEND", "LOCATION"] {
        eat(component.line(name).map_or("", |line| line.value().trim()));
    }
    Uid(format!("no-uid-{hash:032x}"))
}
