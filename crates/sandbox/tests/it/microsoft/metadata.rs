//! Every event, calendar and subscription that the face answers is one of the official metadata (CSDL).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use super::desk::{BEN, Desk, ask, berlin, event_path, five_days, guest, hour};

/// What no type has.
const NO_NAME: &str = "zzz";

/// The properties of events that hold what has members by the metadata, and that are no resources of their own.
const NESTED: [&str; 12] = [
    "attendees",
    "body",
    "end",
    "location",
    "locations",
    "multiValueExtendedProperties",
    "onlineMeeting",
    "organizer",
    "recurrence",
    "responseStatus",
    "singleValueExtendedProperties",
    "start",
];

/// What the metadata says about types.
#[derive(Default)]
struct Metadata {
    enumerations: BTreeMap<String, Vec<String>>,
    types: BTreeMap<String, Type>,
}

#[derive(Default)]
struct Type {
    base: Option<String>,
    open: bool,
    /// Types by property; whether null is allowed.
    properties: BTreeMap<String, (String, bool)>,
}

impl Metadata {
    /// Reads the metadata, where they are at hand.
    fn load() -> Option<Self> {
        let shared = std::env::var_os("KALENDS_SHARED").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            PathBuf::from,
        );
        let file = shared.join("data/schemas/microsoft-graph-v1.calendar.csdl.xml");
        let text = std::fs::read_to_string(file).ok()?;
        let mut reader = Reader::from_str(&text);
        let mut metadata = Self::default();
        let (mut enumeration, mut current) = (None, None);
        loop {
            match reader.read_event().expect("well-formed metadata") {
                Event::Start(element) | Event::Empty(element) => {
                    let name = attribute(&element, "Name").unwrap_or_default();
                    match element.local_name().as_ref() {
                        "EnumType" => enumeration = Some(name),
                        "Member" => metadata
                            .enumerations
                            .entry(enumeration.clone().expect("an enumeration"))
                            .or_default()
                            .push(name),
                        "ComplexType" | "EntityType" => {
                            let kind = Type {
                                base: attribute(&element, "BaseType").map(|base| short(&base)),
                                open: attribute(&element, "OpenType")
                                    .is_some_and(|open| open == "true"),
                                properties: BTreeMap::new(),
                            };
                            metadata.types.insert(name.clone(), kind);
                            current = Some(name);
                        }
                        "Property" | "NavigationProperty" => {
                            let kind = attribute(&element, "Type").expect("a type");
                            let nullable = attribute(&element, "Nullable")
                                .is_none_or(|nullable| nullable == "true");
                            let owner = current
                                .as_ref()
                                .and_then(|owner| metadata.types.get_mut(owner));
                            owner
                                .expect("a type")
                                .properties
                                .insert(name, (kind, nullable));
                        }
                        _ => {}
                    }
                }
                Event::Eof => return Some(metadata),
                _ => {}
            }
        }
    }

    /// Whether a type, or one that it builds on, is open.
    fn is_open(&self, name: &str) -> bool {
        self.types.get(name).is_some_and(|kind| {
            kind.open || kind.base.as_ref().is_some_and(|base| self.is_open(base))
        })
    }

    fn property(&self, name: &str, property: &str) -> Option<&(String, bool)> {
        let kind = self.types.get(name)?;
        kind.properties
            .get(property)
            .or_else(|| self.property(kind.base.as_ref()?, property))
    }

    /// The properties of a type and of those that it builds on, with their types.
    fn properties(&self, name: &str) -> BTreeMap<String, String> {
        let kind = &self.types[name];
        let mut all = kind
            .base
            .as_ref()
            .map_or_else(BTreeMap::new, |base| self.properties(base));
        let own = kind.properties.iter();
        all.extend(own.map(|(name, (kind, _))| (name.clone(), kind.clone())));
        all
    }

    /// Values of a type, each with all members it may have and one that nothing has, at every depth; and the type that
    /// does not know it.
    fn misspelt(&self, kind: &str) -> Vec<(Value, String)> {
        if let Some(inner) = kind
            .strip_prefix("Collection(")
            .and_then(|kind| kind.strip_suffix(')'))
        {
            let all = self.misspelt(inner).into_iter();
            return all.map(|(one, who)| (json!([one]), who)).collect();
        }
        let name = short(kind);
        if !self.types.contains_key(&name) {
            return Vec::new();
        }
        let members = self.properties(&name);
        let plain: serde_json::Map<String, Value> = members
            .keys()
            .map(|member| (member.clone(), Value::Null))
            .collect();
        let with = |member: &str, value: Value| {
            let mut object = plain.clone();
            object.insert(member.to_owned(), value);
            Value::Object(object)
        };
        // It is the last of all names: the ones before it were known.
        let mut all = vec![(with(NO_NAME, json!(1)), name.clone())];
        for (member, kind) in &members {
            let inner = self.misspelt(kind).into_iter();
            all.extend(inner.map(|(value, who)| (with(member, value), who)));
        }
        all
    }

    /// Checks a value against a type, and says where it is none of it.
    fn check(&self, kind: &str, value: &Value, at: &str) {
        if let Some(inner) = kind
            .strip_prefix("Collection(")
            .and_then(|kind| kind.strip_suffix(')'))
        {
            let all = value
                .as_array()
                .unwrap_or_else(|| panic!("{at} is no collection: {value}"));
            for (place, one) in all.iter().enumerate() {
                self.check(inner, one, &format!("{at}[{place}]"));
            }
            return;
        }
        let name = short(kind);
        if let Some(members) = self.enumerations.get(&name) {
            let member = value
                .as_str()
                .unwrap_or_else(|| panic!("{at} is no member: {value}"));
            assert!(
                members.iter().any(|known| known == member),
                "{at}: {member} is none of {name}"
            );
        } else if self.types.contains_key(&name) {
            let object = value
                .as_object()
                .unwrap_or_else(|| panic!("{at} is no {name}: {value}"));
            for (property, value) in object {
                if property.contains('@') {
                    continue;
                }
                let at = format!("{at}.{property}");
                // Events are open by type, but what this face writes is all declared; extensions are open by purpose.
                let Some((kind, nullable)) = self.property(&name, property) else {
                    assert!(
                        self.is_open(&name) && name != "event",
                        "{at} is no property of {name}"
                    );
                    continue;
                };
                if value.is_null() {
                    assert!(*nullable, "{at} is null");
                } else {
                    self.check(kind, value, &at);
                }
            }
        } else {
            let fits = match kind {
                "Edm.Boolean" => value.is_boolean(),
                "Edm.Int32" => value
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok()),
                "Edm.Double" => value.is_number(),
                "Edm.Date" => value
                    .as_str()
                    .is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok()),
                "Edm.DateTimeOffset" => value.as_str().is_some_and(|text| {
                    text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
                }),
                "Edm.TimeOfDay" => value
                    .as_str()
                    .is_some_and(|text| text.parse::<jiff::civil::Time>().is_ok()),
                // Strings, and enumerations that the file at hand leaves out.
                _ => value.is_string(),
            };
            assert!(fits, "{at} is no {kind}: {value}");
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    element
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.as_ref() == name)
        .map(|attribute| attribute.value.into_owned())
}

fn short(kind: &str) -> String {
    kind.rsplit('.').next().unwrap_or(kind).to_owned()
}

#[test]
fn what_the_face_shows_is_what_the_metadata_know() {
    let Some(metadata) = Metadata::load() else {
        eprintln!("skipped: the official metadata are not at hand");
        return;
    };
    let mut desk = Desk::new();
    let mut rich = hour("Rich", "2026-03-03");
    rich["body"] = json!({ "contentType": "text", "content": "text" });
    rich["location"] = json!({ "displayName": "Room", "address": { "city": "Bern" }, "coordinates": { "latitude": 46.9 } });
    rich["attendees"] = json!([guest(BEN), { "type": "optional", "emailAddress": { "address": "cleo@elsewhere.net" } }]);
    rich["isOnlineMeeting"] = true.into();
    rich["extensions"] = json!([{ "extensionName": "com.example", "k": [1] }]);
    rich["singleValueExtendedProperties"] =
        json!([{ "id": "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name x", "value": "1" }]);
    let rich = desk.create_id(rich);
    desk.create(json!({ "subject": "Day", "isAllDay": true,
        "start": berlin("2026-03-04T00:00:00"), "end": berlin("2026-03-05T00:00:00") }));
    let master = desk.create_id(five_days("Series"));
    let third = desk.occurrence(&master, "2026-03-04");
    desk.patch(&third, json!({ "subject": "Special" }));
    let fourth = desk.occurrence(&master, "2026-03-05");
    desk.delete(&fourth);
    for (pattern, start) in [
        (
            json!({ "type": "absoluteYearly", "interval": 1, "month": 3, "dayOfMonth": 9 }),
            "2026-03-09",
        ),
        (
            json!({ "type": "relativeMonthly", "interval": 2, "daysOfWeek": ["monday"], "index": "second" }),
            "2026-03-09",
        ),
    ] {
        desk.create(
            json!({ "subject": "Pattern", "start": berlin("2026-03-09T09:00:00"),
            "end": berlin("2026-03-09T10:00:00"), "recurrence": { "pattern": pattern,
                "range": { "type": "endDate", "startDate": start, "endDate": "2030-01-01" } } }),
        );
    }
    let ben = desk
        .send(ask("GET", "/me/events").by_ben())
        .values()
        .remove(0);
    let accept = format!(
        "{}/tentativelyAccept",
        event_path(ben["id"].as_str().expect("an id"))
    );
    desk.send(
        ask("POST", accept)
            .by_ben()
            .body(json!({ "proposedNewTime": {
        "start": berlin("2026-03-04T09:00:00"), "end": berlin("2026-03-04T10:00:00") } })),
    );
    let expand = "$expand=extensions,calendar,attachments,exceptionOccurrences,\
        singleValueExtendedProperties($filter=id%20eq%20'String%20%7B66f5a359-4659-4830-9070-00047ec6ac6e%7D%20Name%20x')";
    let window = "startDateTime=2026-03-01&endDateTime=2026-04-01";
    let mut seen = 0;
    for path in [
        format!("/me/events?$select=*&$top=50&{expand}"),
        format!("/me/calendarView?{window}&$select=*&$top=50&{expand}"),
        format!("/me/calendarView/delta?{window}"),
        format!("{}/instances?{window}", event_path(&master)),
    ] {
        for event in desk.get(path).values() {
            metadata.check("graph.event", &event, "event");
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen} events");
    let single = desk.get(event_path(&rich)).body;
    metadata.check("graph.event", &single, "event");
    assert_eq!(
        single["attendees"][0]["proposedNewTime"]["start"],
        berlin("2026-03-04T09:00:00")
    );
    metadata.check("graph.event", &ben, "event");
    for calendar in desk.get("/me/calendars").values() {
        metadata.check("graph.calendar", &calendar, "calendar");
    }
    let subscription = desk.post("/subscriptions", json!({ "changeType": "updated", "resource": "me/events",
        "notificationUrl": "https://hooks.example.com", "expirationDateTime": "2026-03-02T00:00:00Z" }));
    assert_eq!(subscription.status, 201, "{}", subscription.body);
    metadata.check("graph.subscription", &subscription.body, "subscription");
    metadata.check(
        "graph.mailboxSettings",
        &desk.get("/me/mailboxSettings").body,
        "settings",
    );
    let schedule = desk.post(
        "/me/calendar/getSchedule",
        json!({ "schedules": ["ann@example.com", "x@example.com"],
        "startTime": berlin("2026-03-02T00:00:00"), "endTime": berlin("2026-03-06T00:00:00") }),
    );
    for information in schedule.values() {
        metadata.check("graph.scheduleInformation", &information, "schedule");
    }
    desk.graph().pushes.clear();
    desk.patch(&rich, json!({ "subject": "Changed" }));
    let push: Value = serde_json::from_slice(&desk.graph().pushes[0].body).expect("JSON");
    metadata.check("graph.changeNotificationCollection", &push, "notification");
}

#[test]
fn a_name_that_nothing_has_is_refused_at_every_depth() {
    let Some(metadata) = Metadata::load() else {
        eprintln!("skipped: the official metadata are not at hand");
        return;
    };
    let mut desk = Desk::new();
    let id = desk.create_id(hour("Named", "2026-03-03"));
    let mut tried = 0;
    for (property, kind) in metadata.properties("event") {
        if !NESTED.contains(&property.as_str()) {
            continue;
        }
        for (value, who) in metadata.misspelt(&kind) {
            let mut event = hour("Misspelt", "2026-03-04");
            event[&property] = value.clone();
            let patch = json!({ property.clone(): value });
            for refused in [
                desk.post("/me/events", event),
                desk.send(ask("PATCH", event_path(&id)).body(patch)),
            ] {
                assert_eq!(refused.refusal(), (400, "RequestBodyRead"), "{property}");
                assert!(
                    refused.message().starts_with(&format!(
                        "The property '{NO_NAME}' does not exist on type 'microsoft.graph.{who}'."
                    )),
                    "{property}: {}",
                    refused.message()
                );
                tried += 1;
            }
        }
    }
    assert!(tried >= 40, "{tried} names");
}

#[test]
fn what_has_members_is_written_with_members_and_actions_know_their_parameters() {
    let mut desk = Desk::new();
    for (property, wrong) in [
        ("body", json!("text")),
        ("attendees", json!({ "emailAddress": {} })),
        ("recurrence", json!([1])),
    ] {
        let mut event = hour("Flat", "2026-03-04");
        event[property] = wrong;
        let refused = desk.post("/me/events", event);
        assert_eq!(refused.refusal(), (400, "RequestBodyRead"), "{property}");
    }
    let asked = json!({ "schedules": ["ann@example.com"], "startTime": berlin("2026-03-02T00:00:00"),
        "endTime": berlin("2026-03-06T00:00:00"), "interval": 30 });
    let refused = desk.post("/me/calendar/getSchedule", asked);
    assert_eq!(refused.refusal(), (400, "RequestBodyRead"));
    let mut invited = hour("Met", "2026-03-05");
    invited["attendees"] = json!([guest(BEN)]);
    desk.create(invited);
    let theirs = desk.send(ask("GET", "/me/events").by_ben()).values();
    let decline = format!(
        "{}/decline",
        event_path(theirs[0]["id"].as_str().expect("an id"))
    );
    let slot = json!({ "start": berlin("2026-03-05T09:00:00"), "end": berlin("2026-03-05T10:00:00"), "zone": "UTC" });
    let refused = desk.send(
        ask("POST", decline)
            .by_ben()
            .body(json!({ "proposedNewTime": slot })),
    );
    assert_eq!(refused.refusal(), (400, "RequestBodyRead"));
    let forward = format!(
        "{}/forward",
        event_path(theirs[0]["id"].as_str().expect("an id"))
    );
    let to = json!([{ "emailAddress": { "address": "x@elsewhere.net", "mail": "x" } }]);
    let refused = desk.send(
        ask("POST", forward)
            .by_ben()
            .body(json!({ "toRecipients": to })),
    );
    assert_eq!(refused.refusal(), (400, "RequestBodyRead"));
}
