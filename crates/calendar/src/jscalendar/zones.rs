//! Zones that an event defines itself (RFC 8984 §4.7.2) to and from JSON.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::node::{Members, Node, join};
use super::write::{put, put_some, typed};
use super::{JsError, extension, rule, times};
use crate::ical::{Custom, format_utc_offset, parse_utc_offset};
use crate::time::ZoneId;
use crate::zone::{CustomZone, Observance};

/// Members of `TimeZone` that are not kept.
const ZONE_UNKEPT: [&str; 4] = ["updated", "url", "validUntil", "aliases"];
/// Members of `TimeZoneRule` that are not kept.
const OBSERVANCE_UNKEPT: [&str; 2] = ["names", "comments"];

const STANDARD: &str = "standard";
const DAYLIGHT: &str = "daylight";

/// Writes the zones.
pub(super) fn write(zones: &Custom) -> Map<String, Value> {
    let written = zones.iter();
    written
        .map(|(id, zone)| (id.0.clone(), Value::Object(write_zone(id, zone))))
        .collect()
}

fn write_zone(id: &ZoneId, zone: &CustomZone) -> Map<String, Value> {
    let mut map = typed("TimeZone");
    put(&mut map, "tzId", own_name(id));
    let kind = |observance: &&Observance| {
        if observance.offset_to > observance.offset_from {
            DAYLIGHT
        } else {
            STANDARD
        }
    };
    for name in [STANDARD, DAYLIGHT] {
        let of_kind = zone.observances.iter().filter(|one| kind(one) == name);
        put_some(&mut map, name, of_kind.map(write_observance).collect());
    }
    let order: Vec<&str> = zone.observances.iter().map(|one| kind(&one)).collect();
    if !order.is_sorted_by_key(|kind| *kind == DAYLIGHT) {
        put(&mut map, extension::ORDER, order);
    }
    map
}

fn own_name(id: &ZoneId) -> &str {
    id.0.strip_prefix('/').unwrap_or(&id.0)
}

fn write_observance(observance: &Observance) -> Value {
    let mut map = typed("TimeZoneRule");
    put(&mut map, "start", times::format_local(observance.start));
    for (name, offset) in [
        ("offsetFrom", observance.offset_from),
        ("offsetTo", observance.offset_to),
    ] {
        put(&mut map, name, format_utc_offset(offset));
    }
    // Its end is in UTC, unlike that of an event's rule.
    let until = |wall| times::format_local(shifted(wall, -observance.offset_from).unwrap_or(wall));
    let rules = observance.recurrence_rules.iter();
    put_some(
        &mut map,
        "recurrenceRules",
        rules.map(|one| rule::write(one, until)).collect(),
    );
    let dates = &observance.dates;
    let local = |date: &DateTime| times::format_local(*date);
    if !dates.is_sorted_by(|one, next| one < next) {
        put(
            &mut map,
            extension::DATES,
            dates.iter().map(local).collect::<Vec<_>>(),
        );
    } else if !dates.is_empty() {
        let dates: Map<String, Value> = dates.iter().map(|date| (local(date), json!({}))).collect();
        put(&mut map, "recurrenceOverrides", dates);
    }
    Value::Object(map)
}

fn shifted(wall: DateTime, seconds: i32) -> Option<DateTime> {
    wall.checked_add(SignedDuration::from_secs(seconds.into()))
        .ok()
}

/// Reads the zones.
pub(super) fn read(members: &mut Members<'_>) -> Result<Custom, JsError> {
    let mut zones = Custom::new();
    for (id, node) in members.entries("timeZones")? {
        let id = ZoneId(id.to_owned());
        if !id.is_custom() || own_name(&id).is_empty() {
            return Err(node.fail("is under an id that does not open with /"));
        }
        let zone = read_zone(&id, &node)?;
        zones.insert(id, zone);
    }
    Ok(zones)
}

fn read_zone(id: &ZoneId, node: &Node<'_>) -> Result<CustomZone, JsError> {
    let mut members = node.members("TimeZone")?;
    if let Some(node) = members.take("tzId")
        && node.text()? != own_name(id)
    {
        return Err(node.fail("is not the id of the zone without its /; Kalends keeps one"));
    }
    let mut standard = members.list(STANDARD)?.into_iter();
    let mut daylight = members.list(DAYLIGHT)?.into_iter();
    let order = members.list(extension::ORDER)?;
    members.finish(&ZONE_UNKEPT)?;
    let mut observances = Vec::new();
    for kind in order {
        let next = if kind.one_of(&[(STANDARD, false), (DAYLIGHT, true)])? {
            daylight.next()
        } else {
            standard.next()
        };
        let next = next.ok_or_else(|| kind.fail("is one more than there are"))?;
        observances.push(read_observance(&next)?);
    }
    for rest in standard.chain(daylight) {
        observances.push(read_observance(&rest)?);
    }
    if observances.is_empty() {
        return Err(node.fail("has neither standard nor daylight"));
    }
    Ok(CustomZone { observances })
}

fn read_observance(node: &Node<'_>) -> Result<Observance, JsError> {
    let mut members = node.members("TimeZoneRule")?;
    let start = times::local(&members.need("start")?)?;
    let offset_from = offset(&members.need("offsetFrom")?)?;
    let offset_to = offset(&members.need("offsetTo")?)?;
    let until = |node: &Node<'_>| {
        let utc = times::local(node)?;
        shifted(utc, offset_from).ok_or_else(|| node.fail("is outside the calendar"))
    };
    let rules = members.list("recurrenceRules")?.into_iter();
    let recurrence_rules = rules
        .map(|node| rule::read(&node, until))
        .collect::<Result<_, _>>()?;
    let mut dates = Vec::new();
    for (date, node) in members.entries("recurrenceOverrides")? {
        if node.value.as_object().is_none_or(|patch| !patch.is_empty()) {
            return Err(node.fail("is not {}; Kalends keeps the date alone"));
        }
        let date = Value::String(date.to_owned());
        dates.push(times::local(&Node::new(
            &date,
            join(&members.node.pointer, "recurrenceOverrides"),
        ))?);
    }
    for date in members.list(extension::DATES)? {
        dates.push(times::local(&date)?);
    }
    members.finish(&OBSERVANCE_UNKEPT)?;
    Ok(Observance {
        start,
        offset_from,
        offset_to,
        recurrence_rules,
        dates,
    })
}

fn offset(node: &Node<'_>) -> Result<i32, JsError> {
    let text = node.text()?;
    parse_utc_offset(text)
        .filter(|_| text.starts_with(['+', '-']))
        .ok_or_else(|| node.fail("is not an offset such as \"+0100\""))
}
