//! What an instance says beside its time, from JSON.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::node::{Members, Node};
use super::write::is_id;
use super::{JsError, extension, times, words};
use crate::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Details, Location, Participant, Role,
    Trigger, VirtualLocation,
};
use crate::ical::quoted;

/// Members of RFC 8984 §4.2.5 that are not kept.
const LOCATION_UNKEPT: [&str; 5] = [
    "description",
    "locationTypes",
    "relativeTo",
    "timeZone",
    "links",
];
/// Members of RFC 8984 §4.2.6 that are not kept.
const VIRTUAL_LOCATION_UNKEPT: [&str; 2] = ["description", "features"];
/// Members of RFC 8984 §1.4.11 that are not kept.
const LINK_UNKEPT: [&str; 6] = ["cid", "contentType", "size", "rel", "display", "title"];
/// Members of RFC 8984 §4.4.6 that are not kept.
const PARTICIPANT_UNKEPT: [&str; 16] = [
    "description",
    "locationId",
    "language",
    "participationComment",
    "scheduleAgent",
    "scheduleForceSend",
    "scheduleSequence",
    "scheduleStatus",
    "scheduleUpdated",
    "sentBy",
    "invitedBy",
    "delegatedTo",
    "delegatedFrom",
    "memberOf",
    "links",
    "progress",
];
/// Members of RFC 8984 §4.5.2 that are not kept.
const ALERT_UNKEPT: [&str; 2] = ["acknowledged", "relatedTo"];

/// Reads all details.
pub(super) fn read(members: &mut Members<'_>) -> Result<Details, JsError> {
    let priority = members.take("priority");
    let priority = priority.map_or(Ok(0), |node| node.integer(0..=9))?;
    let keywords = members.entries("keywords")?;
    Ok(Details {
        title: members.text("title")?,
        description: members.text("description")?,
        locations: in_order(members.entries("locations")?, location)?,
        virtual_locations: in_order(members.entries("virtualLocations")?, virtual_location)?,
        url: url(members)?,
        status: members.one_of("status", words::STATUS)?,
        free_busy_status: members.one_of("freeBusyStatus", words::FREE_BUSY)?,
        privacy: members.one_of("privacy", words::PRIVACY)?,
        priority: u8::try_from(priority).unwrap_or_default(),
        keywords: keywords
            .into_iter()
            .map(|(word, node)| member_of_set(&node).map(|()| word.to_owned()))
            .collect::<Result<_, _>>()?,
        color: members.filled("color")?,
        participants: participants(members.entries("participants")?)?,
        alerts: alerts(members.entries("alerts")?)?,
    })
}

/// RFC 8984 §1.4.10 has sets as maps to true.
fn member_of_set(node: &Node<'_>) -> Result<(), JsError> {
    if node.flag()? {
        Ok(())
    } else {
        Err(node.fail("is false; leave it away"))
    }
}

fn checked_id<'v>(id: &'v str, node: &Node<'_>) -> Result<&'v str, JsError> {
    if is_id(id) {
        Ok(id)
    } else {
        Err(node.fail("is under an id that is not of 1 to 255 letters, digits, - and _"))
    }
}

/// Reads what the model keeps as a list: numbers first, in their order, then other ids in theirs.
fn in_order<T>(
    mut entries: Vec<(&str, Node<'_>)>,
    read: impl Fn(&Node<'_>) -> Result<T, JsError>,
) -> Result<Vec<T>, JsError> {
    entries.sort_by_key(|(id, _)| {
        let number = id.parse::<u64>();
        (number.is_err(), number.unwrap_or_default())
    });
    let read = |(id, node): (&str, Node<'_>)| checked_id(id, &node).and_then(|_| read(&node));
    entries.into_iter().map(read).collect()
}

fn location(node: &Node<'_>) -> Result<Location, JsError> {
    let mut members = node.members("Location")?;
    let name = members.text("name")?;
    let coordinates = members.take("coordinates");
    let coordinates = coordinates
        .map(|node| match node.text()? {
            uri if uri.starts_with("geo:") => Ok(uri.to_owned()),
            other => Err(node.fail(format!(
                "is {}, not a geo: URI such as \"geo:48.137,11.575\"",
                quoted(other)
            ))),
        })
        .transpose()?;
    members.finish(&LOCATION_UNKEPT)?;
    Ok(Location { name, coordinates })
}

fn virtual_location(node: &Node<'_>) -> Result<VirtualLocation, JsError> {
    let mut members = node.members("VirtualLocation")?;
    let place = VirtualLocation {
        uri: members.need("uri")?.text()?.to_owned(),
        name: members.text("name")?,
    };
    members.finish(&VIRTUAL_LOCATION_UNKEPT)?;
    Ok(place)
}

fn url(members: &mut Members<'_>) -> Result<Option<String>, JsError> {
    let mut links = members.entries("links")?.into_iter();
    let Some((_, node)) = links.next() else {
        return Ok(None);
    };
    if let Some((_, second)) = links.next() {
        return Err(second.fail("is a second link; Kalends keeps one"));
    }
    let mut members = node.members("Link")?;
    let href = members.need("href")?.filled()?.to_owned();
    members.finish(&LINK_UNKEPT)?;
    Ok(Some(href))
}

fn participants(entries: Vec<(&str, Node<'_>)>) -> Result<BTreeMap<Address, Participant>, JsError> {
    let mut found = BTreeMap::new();
    for (id, node) in entries {
        checked_id(id, &node)?;
        let mut members = node.members("Participant")?;
        let address = address(&mut members)?;
        let participant = participant(&mut members)?;
        members.finish(&PARTICIPANT_UNKEPT)?;
        match found.entry(address) {
            Entry::Vacant(entry) => entry.insert(participant),
            Entry::Occupied(entry) => {
                let problem = format!("is a second participant with {}", quoted(&entry.key().0));
                return Err(node.fail(problem));
            }
        };
    }
    Ok(found)
}

/// The one calendar address of a participant.
fn address(members: &mut Members<'_>) -> Result<Address, JsError> {
    let email = members.take("email");
    let mut address: Option<Address> = None;
    for (method, node) in members.entries("sendTo")? {
        let uri = node.filled()?;
        match method {
            "imip" if !uri.to_ascii_lowercase().starts_with("mailto:") => {
                return Err(node.fail("is not a mailto: URI"));
            }
            "imip" | "other" if address.is_some() => {
                return Err(node.fail("is a second address; Kalends keeps one"));
            }
            "imip" | "other" => address = Some(Address::new(uri)),
            _ => return Err(node.fail("is not kept by Kalends")),
        }
    }
    if let Some(node) = email {
        let written = Address::new(node.filled()?);
        if !written.0.contains('@') {
            return Err(node.fail("is not an address such as \"ann@example.com\""));
        }
        if address.as_ref().is_some_and(|other| *other != written) {
            return Err(node.fail("is not the address of sendTo; Kalends keeps one"));
        }
        address = Some(written);
    }
    address
        .filter(|address| !address.0.is_empty())
        .ok_or_else(|| members.node.fail("has neither email nor sendTo"))
}

fn participant(members: &mut Members<'_>) -> Result<Participant, JsError> {
    let name = members.text("name")?;
    let mut attendance = Attendance {
        participation_status: members.one_of("participationStatus", words::PARTICIPATION)?,
        role: Role::Required,
        kind: members.one_of("kind", words::KIND)?,
        expect_reply: members.flag("expectReply")?.unwrap_or_default(),
    };
    let says_more = attendance != Attendance::default();
    let roles = members.need("roles")?;
    let (mut organizer, mut attends) = (false, false);
    for (role, node) in roles.entries()? {
        member_of_set(&node)?;
        match role {
            "owner" => organizer = true,
            "attendee" => attends = true,
            "contact" => return Err(node.fail("is not kept by Kalends")),
            other => {
                let known = words::ROLE.iter().find(|(word, _)| *word == other);
                let (_, known) = known.ok_or_else(|| {
                    node.fail("is not one of owner, attendee, chair, optional, informational")
                })?;
                if attendance.role != Role::Required {
                    return Err(node.fail(
                        "is a second one of chair, optional and informational; Kalends keeps one",
                    ));
                }
                attendance.role = *known;
                attends = true;
            }
        }
    }
    if !organizer && !attends {
        return Err(roles.fail("is empty"));
    }
    if !attends && says_more {
        return Err(roles.fail(
            "says that they do not attend; participationStatus, kind and expectReply are of those who do",
        ));
    }
    Ok(Participant {
        name,
        organizer,
        attendance: attends.then_some(attendance),
    })
}

fn alerts(entries: Vec<(&str, Node<'_>)>) -> Result<BTreeMap<AlertKey, Alert>, JsError> {
    let mut found = BTreeMap::new();
    for (id, node) in entries {
        let mut members = node.members("Alert")?;
        let key = match members.filled(extension::KEY)? {
            Some(key) => key,
            None => checked_id(id, &node)?.to_owned(),
        };
        let action = members.take("action");
        let alert = Alert {
            trigger: trigger(&members.need("trigger")?)?,
            action: action.map_or(Ok(AlertAction::Display), |node| node.one_of(words::ACTION))?,
        };
        members.finish(&ALERT_UNKEPT)?;
        if found.insert(AlertKey(key), alert).is_some() {
            return Err(node.fail("has the key of another alert"));
        }
    }
    Ok(found)
}

fn trigger(node: &Node<'_>) -> Result<Trigger, JsError> {
    if node.value.get("when").is_some() {
        let mut members = node.members("AbsoluteTrigger")?;
        let at = times::instant(&members.need("when")?)?;
        members.finish(&[])?;
        return Ok(Trigger::At(at));
    }
    let mut members = node.members("OffsetTrigger")?;
    let seconds = times::offset(&members.need("offset")?)?;
    let relative = members.take("relativeTo");
    let from_end = relative.map_or(Ok(false), |node| {
        node.one_of(&[("start", false), ("end", true)])
    })?;
    members.finish(&[])?;
    Ok(if from_end {
        Trigger::FromEnd(seconds)
    } else {
        Trigger::FromStart(seconds)
    })
}
