//! The members of what a property holds, by the metadata. An event is open by its type, what it is made of is not: a name that
//! nothing has there is refused.

use serde_json::Value;

use super::refusal::Refusal;

/// What properties of events hold that has members; `*` marks a collection.
const OF_EVENTS: &[(&str, &str)] = &[
    ("attendees", "attendee*"),
    ("body", "itemBody"),
    ("end", "dateTimeTimeZone"),
    ("location", "location"),
    ("locations", "location*"),
    (
        "multiValueExtendedProperties",
        "multiValueLegacyExtendedProperty*",
    ),
    ("onlineMeeting", "onlineMeetingInfo"),
    ("organizer", "recipient"),
    ("recurrence", "patternedRecurrence"),
    ("responseStatus", "responseStatus"),
    (
        "singleValueExtendedProperties",
        "singleValueLegacyExtendedProperty*",
    ),
    ("start", "dateTimeTimeZone"),
];

/// Each type and its members, with the type of what a member holds where that has members of its own.
const TYPES: &[(&str, &str)] = &[
    (
        "attendee",
        "emailAddress=emailAddress proposedNewTime=timeSlot status=responseStatus type",
    ),
    ("dateTimeTimeZone", "dateTime timeZone"),
    ("emailAddress", "address name"),
    ("itemBody", "content contentType"),
    (
        "location",
        "address=physicalAddress coordinates=outlookGeoCoordinates displayName locationEmailAddress locationType \
         locationUri uniqueId uniqueIdType",
    ),
    ("multiValueLegacyExtendedProperty", "id value"),
    (
        "onlineMeetingInfo",
        "conferenceId joinUrl phones=phone* quickDial tollFreeNumbers tollNumber",
    ),
    (
        "outlookGeoCoordinates",
        "accuracy altitude altitudeAccuracy latitude longitude",
    ),
    (
        "patternedRecurrence",
        "pattern=recurrencePattern range=recurrenceRange",
    ),
    ("phone", "language number region type"),
    (
        "physicalAddress",
        "city countryOrRegion postalCode state street",
    ),
    ("recipient", "emailAddress=emailAddress"),
    (
        "recurrencePattern",
        "dayOfMonth daysOfWeek firstDayOfWeek index interval month type",
    ),
    (
        "recurrenceRange",
        "endDate numberOfOccurrences recurrenceTimeZone startDate type",
    ),
    ("responseStatus", "response time"),
    ("singleValueLegacyExtendedProperty", "id value"),
    ("timeSlot", "end=dateTimeTimeZone start=dateTimeTimeZone"),
];

/// Refuses the value of an event's property that has a member which its type does not know.
pub(crate) fn check_property(property: &str, value: &Value) -> Result<(), Refusal> {
    let holds = OF_EVENTS.iter().find(|(name, _)| *name == property);
    holds.map_or(Ok(()), |(_, kind)| check(kind, property, value))
}

/// Refuses a value of this type that has a member which the type does not know.
pub(crate) fn check(kind: &str, property: &str, value: &Value) -> Result<(), Refusal> {
    if value.is_null() {
        return Ok(());
    }
    if let Some(one) = kind.strip_suffix('*') {
        let all = value.as_array().ok_or_else(|| {
            Refusal::unreadable(format!("The value of '{property}' is no collection."))
        })?;
        return all.iter().try_for_each(|value| check(one, property, value));
    }
    let Some((_, members)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        return Ok(());
    };
    let object = value
        .as_object()
        .ok_or_else(|| Refusal::unreadable(format!("The value of '{property}' is no {kind}.")))?;
    for (name, value) in object.iter().filter(|(name, _)| !name.contains('@')) {
        let known = members
            .split_ascii_whitespace()
            .map(|member| member.split_once('=').unwrap_or((member, "")))
            .find(|(member, _)| member == name);
        match known {
            None => {
                return Err(Refusal::unreadable(format!(
                    "The property '{name}' does not exist on type 'microsoft.graph.{kind}'. Make sure to only use property \
                     names that are defined by the type."
                )));
            }
            Some((_, "")) => {}
            Some((_, inner)) => check(inner, name, value)?,
        }
    }
    Ok(())
}
