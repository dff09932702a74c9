//! JSON objects to events.

use jiff::civil::Time;
use serde_json::Value;

use super::node::{Members, Node};
use super::times::{self, Moment};
use super::{JsError, details, extension, overrides, rule, words, zones};
use crate::event::{Event, Instance, Override, Shape};
use crate::ical::{Custom, used_zones};
use crate::ids::Uid;
use crate::time::{Length, Start};

/// The members that an override can change.
pub(super) const INSTANCE: [&str; 18] = [
    "title",
    "description",
    "locations",
    "virtualLocations",
    "links",
    "status",
    "freeBusyStatus",
    "privacy",
    "priority",
    "keywords",
    "color",
    "participants",
    "alerts",
    "start",
    "timeZone",
    "duration",
    "showWithoutTime",
    extension::END_ZONE,
];

/// Members that RFC 8984 §4 and §5.1 define and we do not keep.
const UNKEPT: [&str; 12] = [
    "categories",
    "descriptionContentType",
    "locale",
    "localizations",
    "method",
    "recurrenceId",
    "recurrenceIdTimeZone",
    "relatedTo",
    "replyTo",
    "requestStatus",
    "sentBy",
    "useDefaultAlerts",
];

/// Reads an event.
pub(super) fn event(source: &Value, uid: impl FnOnce() -> Uid) -> Result<Event, JsError> {
    let mut members = Node::new(source, "").members("Event")?;
    // Which program wrote the JSON is no part of the event.
    members.take("prodId");
    let time_zones = zones::read(&mut members)?;
    let master = instance_members(&mut members, &time_zones)?;
    let until = |node: &Node<'_>| rule::until(node, &master.start);
    let mut rules = |name| {
        let nodes = members.list(name)?.into_iter();
        nodes
            .map(|node| rule::read(&node, until))
            .collect::<Result<Vec<_>, JsError>>()
    };
    let recurrence_rules = rules("recurrenceRules")?;
    let excluded_recurrence_rules = rules("excludedRecurrenceRules")?;
    let sequence = members.take("sequence");
    let sequence = sequence.map_or(Ok(0), |node| node.integer(0..=i64::from(u32::MAX)))?;
    let mut instant = |name| {
        let node = members.take(name);
        node.map(|node| times::instant(&node)).transpose()
    };
    let (created, updated) = (instant("created")?, instant("updated")?);
    let shape = members.one_of(extension::SHAPE, words::SHAPE)?;
    let changes = members.take("recurrenceOverrides");
    let own_uid = members.filled("uid")?;
    members.finish(&UNKEPT)?;

    let mut event = Event {
        uid: own_uid.map_or_else(uid, Uid),
        shape,
        master,
        recurrence_rules,
        excluded_recurrence_rules,
        recurrence_overrides: std::collections::BTreeMap::new(),
        time_zones,
        sequence: u32::try_from(sequence).unwrap_or(u32::MAX),
        created,
        updated,
    };
    if let Some(node) = changes {
        event.recurrence_overrides = overrides::read(&node, &event, source)?;
    }
    if !fits_shape(&event) {
        return Err(JsError::new(
            super::node::join("", extension::SHAPE),
            "is instancesOnly, which goes with changed occurrences and without rules",
        ));
    }
    event.time_zones = used_zones(&event, &event.time_zones);
    Ok(event)
}

fn fits_shape(event: &Event) -> bool {
    let overrides = &event.recurrence_overrides;
    match event.shape {
        Shape::Series => true,
        Shape::InstancesOnly => {
            event.recurrence_rules.is_empty()
                && event.excluded_recurrence_rules.is_empty()
                && !overrides.is_empty()
                && overrides
                    .values()
                    .all(|change| matches!(change, Override::Replaced(_)))
        }
    }
}

/// Reads an object that is an instance and nothing else.
pub(super) fn instance(node: &Node<'_>, zones: &Custom) -> Result<Instance, JsError> {
    let mut members = node.members("Event")?;
    let instance = instance_members(&mut members, zones)?;
    members.finish(&UNKEPT)?;
    Ok(instance)
}

/// Reads the start of an event, whatever else it says.
pub(super) fn start_of(source: &Value) -> Result<Start, JsError> {
    let mut members = Node::new(source, "").members("Event")?;
    let zones = zones::read(&mut members)?;
    start(&mut members, &zones)
}

fn instance_members(members: &mut Members<'_>, zones: &Custom) -> Result<Instance, JsError> {
    let start = start(members, zones)?;
    let duration = match members.take("duration") {
        Some(node) => length(&node, &start)?,
        None if start.is_all_day() => Length::days(1),
        None => Length::default(),
    };
    let end_zone = match members.take(extension::END_ZONE) {
        Some(node) if start.zone().is_none() => {
            return Err(node.fail("goes with a start in a time zone"));
        }
        Some(node) => Some(times::zone(&node, zones)?),
        None => None,
    };
    Ok(Instance {
        end_zone: end_zone.filter(|zone| start.zone() != Some(zone)),
        start,
        duration,
        details: details::read(members)?,
    })
}

fn start(members: &mut Members<'_>, zones: &Custom) -> Result<Start, JsError> {
    let node = members.need("start")?;
    let all_day = members.flag("showWithoutTime")?;
    let zone = members.take("timeZone");
    let date = match (times::moment(&node)?, all_day) {
        (Moment::Date(_), Some(false)) => {
            return Err(node.fail("is a date alone; what has a time of day starts at one"));
        }
        (Moment::Date(date), Some(true) | None) => date,
        (Moment::Local(local), Some(true)) if local.time() == Time::midnight() => local.date(),
        (Moment::Local(_), Some(true)) => {
            return Err(node.fail(
                "has a time of day; with showWithoutTime it is a date or midnight, else showWithoutTime is false",
            ));
        }
        (Moment::Local(local), Some(false) | None) => {
            return Ok(match zone {
                Some(node) => Start::Zoned {
                    local,
                    zone: times::zone(&node, zones)?,
                },
                None => Start::Floating(local),
            });
        }
    };
    match zone {
        Some(node) => Err(node.fail("is not null; whole days have no time zone")),
        None => Ok(Start::AllDay(date)),
    }
}

fn length(node: &Node<'_>, start: &Start) -> Result<Length, JsError> {
    let length = times::length(node)?;
    if !start.is_all_day() {
        return Ok(length);
    }
    let exact_days = i32::try_from(length.seconds / 86_400)
        .ok()
        .filter(|_| length.seconds % 86_400 == 0);
    let days = exact_days.and_then(|more| length.days.checked_add(more));
    let days = days.ok_or_else(|| node.fail("is not of whole days, as the start is"))?;
    // Whoever says nothing of a day means that day (RFC 5545 §3.6.1).
    Ok(Length::days(days.max(1)))
}
