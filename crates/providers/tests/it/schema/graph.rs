//! Every request to Graph, held against Microsoft's own metadata (an extract of `msgraph-metadata`): each
//! segment of its path, each option of its query, and in its body each property, its type and the members of its enums.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use http::Method;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

static METADATA: LazyLock<Option<String>> =
    LazyLock::new(|| super::document("microsoft-graph-v1.calendar.csdl.xml"));

/// What the extract leaves out: where `me` leads.
const OF_ME: [(&str, &str); 3] = [
    ("calendar", "graph.calendar"),
    ("calendars", "Collection(graph.calendar)"),
    ("events", "Collection(graph.event)"),
];

/// What only Exchange sets.
const READ_ONLY: [&str; 20] = [
    "id",
    "changeKey",
    "createdDateTime",
    "lastModifiedDateTime",
    "bodyPreview",
    "cancelledOccurrences",
    "hasAttachments",
    "iCalUId",
    "isCancelled",
    "isDraft",
    "isOrganizer",
    "onlineMeeting",
    "onlineMeetingUrl",
    "organizer",
    "originalStart",
    "responseStatus",
    "seriesMasterId",
    "type",
    "webLink",
    "exceptionOccurrences",
];

/// What mails somebody: never written by us.
const MAILING: [&str; 1] = ["attendees"];

#[derive(Default)]
struct Shape {
    base: Option<String>,
    properties: BTreeMap<String, String>,
    navigation: BTreeMap<String, String>,
}

#[derive(Default)]
struct Schema {
    shapes: BTreeMap<String, Shape>,
    enums: BTreeMap<String, BTreeSet<String>>,
    /// Actions and functions: what they are bound to, and their parameters.
    calls: Vec<(String, String, BTreeMap<String, String>)>,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(read);

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag
        .attributes()
        .flatten()
        .find(|one| one.key.as_ref() == name)?;
    Some(found.value.into_owned())
}

fn read() -> Schema {
    let mut schema = Schema::default();
    let mut reader = Reader::from_str(METADATA.as_deref().unwrap_or_default());
    let (mut shape, mut members, mut call) = (String::new(), String::new(), false);
    loop {
        let event = reader.read_event().unwrap();
        let (Event::Start(tag) | Event::Empty(tag)) = &event else {
            if matches!(event, Event::Eof) {
                return schema;
            }
            continue;
        };
        let name = attribute(tag, "Name").unwrap_or_default();
        let kind = attribute(tag, "Type").unwrap_or_default();
        match tag.name().as_ref() {
            "EnumType" => members.clone_from(&name),
            "Member" => {
                schema
                    .enums
                    .entry(format!("graph.{members}"))
                    .or_default()
                    .insert(name);
            }
            "ComplexType" | "EntityType" => {
                shape = format!("graph.{name}");
                call = false;
                let base = attribute(tag, "BaseType");
                schema.shapes.entry(shape.clone()).or_default().base = base;
            }
            "Property" => {
                schema
                    .shapes
                    .get_mut(&shape)
                    .unwrap()
                    .properties
                    .insert(name, kind);
            }
            "NavigationProperty" => {
                schema
                    .shapes
                    .get_mut(&shape)
                    .unwrap()
                    .navigation
                    .insert(name, kind);
            }
            "Action" | "Function" => {
                call = true;
                schema.calls.push((name, String::new(), BTreeMap::new()));
            }
            "Parameter" if call => {
                let (_, bound, parameters) = schema.calls.last_mut().unwrap();
                if name.eq_ignore_ascii_case("bindingParameter") {
                    *bound = kind;
                } else {
                    parameters.insert(name, kind);
                }
            }
            _ => {}
        }
    }
}

impl Schema {
    fn property(&self, shape: &str, name: &str) -> Option<&str> {
        let shape = self.shapes.get(shape)?;
        let own = shape.properties.get(name).map(String::as_str);
        own.or_else(|| self.property(shape.base.as_deref()?, name))
    }

    fn navigation(&self, shape: &str, name: &str) -> Option<&str> {
        let shape = self.shapes.get(shape)?;
        let own = shape.navigation.get(name).map(String::as_str);
        own.or_else(|| self.navigation(shape.base.as_deref()?, name))
    }

    fn call(&self, bound: &str, name: &str) -> Option<&BTreeMap<String, String>> {
        let found = self
            .calls
            .iter()
            .find(|(call, to, _)| call == name && to == bound);
        found.map(|(_, _, parameters)| parameters)
    }
}

fn item_of(kind: &str) -> Option<&str> {
    kind.strip_prefix("Collection(")?.strip_suffix(')')
}

/// What a request addresses.
enum Target {
    Resource(String),
    Call(BTreeMap<String, String>),
}

/// What is wrong with a request; nothing if it is one that Graph describes.
pub(crate) fn check(request: &Request) -> Result<(), String> {
    headers(request)?;
    if METADATA.is_none() {
        return Ok(());
    }
    let path = request.url.path();
    let path = path
        .split_once("/v1.0/")
        .ok_or_else(|| format!("{path} is not below a version"))?
        .1;
    let segments: Vec<String> = path
        .split('/')
        .map(|part| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8()
                .unwrap()
                .into_owned()
        })
        .collect();
    let target = walk(&segments)?;
    let is_delta = segments.last().is_some_and(|last| last == "delta");
    let is_window = segments
        .last()
        .is_some_and(|last| last == "instances" || last == "calendarView");
    query(request, &target, is_delta, is_window)?;
    body(request, &target)
}

fn headers(request: &Request) -> Result<(), String> {
    let header = |name: &str| {
        let value = request
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned());
        value.ok_or_else(|| format!("{} {} has no {name}", request.method, request.url))
    };
    let prefer = header("prefer")?;
    for wanted in [
        "IdType=\"ImmutableId\"",
        "outlook.timezone=\"UTC\"",
        "odata.maxpagesize=",
    ] {
        if !prefer.contains(wanted) {
            return Err(format!("Prefer lacks {wanted}: {prefer}"));
        }
    }
    if !header("authorization")?.starts_with("Bearer ") {
        return Err("no bearer token".to_owned());
    }
    if header("client-request-id")?
        .split('-')
        .map(str::len)
        .collect::<Vec<_>>()
        != [8, 4, 4, 4, 12]
    {
        return Err("client-request-id is no GUID".to_owned());
    }
    if !request.body.is_empty() && header("content-type")? != "application/json" {
        return Err("a body that is not called JSON".to_owned());
    }
    Ok(())
}

fn walk(segments: &[String]) -> Result<Target, String> {
    let mut rest = segments.iter();
    let mut at = match rest.next().map(String::as_str) {
        Some("me") => {
            let name = rest.next().ok_or("nothing after me")?;
            let found = OF_ME.iter().find(|(known, _)| known == name);
            found
                .ok_or_else(|| format!("me has no {name}"))?
                .1
                .to_owned()
        }
        Some("subscriptions") => "Collection(graph.subscription)".to_owned(),
        other => return Err(format!("there is no {other:?} at the root")),
    };
    while let Some(segment) = rest.next() {
        if let Some(parameters) = SCHEMA.call(&at, segment) {
            if rest.next().is_some() {
                return Err(format!("something follows {segment}"));
            }
            return Ok(if segment == "delta" {
                Target::Resource(at)
            } else {
                Target::Call(parameters.clone())
            });
        }
        at = match item_of(&at) {
            Some(_) if segment.is_empty() => return Err("an empty id".to_owned()),
            Some(item) => item.to_owned(),
            None => SCHEMA
                .navigation(&at, segment)
                .ok_or_else(|| format!("{at} has no {segment}"))?
                .to_owned(),
        };
    }
    Ok(Target::Resource(at))
}

fn query(
    request: &Request,
    target: &Target,
    is_delta: bool,
    is_window: bool,
) -> Result<(), String> {
    let pairs: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
    let Target::Resource(kind) = target else {
        return if pairs.is_empty() {
            Ok(())
        } else {
            Err("an action takes no options".to_owned())
        };
    };
    let shape = item_of(kind).unwrap_or(kind);
    let has_window = pairs.contains_key("startDateTime") && pairs.contains_key("endDateTime");
    let has_token = pairs.contains_key("$deltatoken") || pairs.contains_key("$skiptoken");
    if (is_delta || is_window) && !has_window && !has_token {
        return Err("This request requires a time window".to_owned());
    }
    for (name, value) in &pairs {
        match name.as_str() {
            "startDateTime" | "endDateTime" if is_delta || is_window => {
                let parsed: Result<jiff::Timestamp, _> = value.parse();
                parsed.map_err(|error| format!("{name}={value}: {error}"))?;
            }
            "$deltatoken" | "$skiptoken" | "$skip" => {}
            _ if is_delta => return Err(format!("delta takes no {name}")),
            "$top" => {
                let top: u32 = value.parse().map_err(|_| format!("$top={value}"))?;
                if !(1..=1_000).contains(&top) {
                    return Err(format!("$top={value}"));
                }
            }
            "$select" => {
                for name in value.split(',').filter(|name| *name != "*") {
                    let known = SCHEMA.property(shape, name).is_some()
                        || SCHEMA.navigation(shape, name).is_some();
                    if !known {
                        return Err(format!("{shape} has no {name} to select"));
                    }
                }
            }
            "$expand" => expand(shape, value)?,
            "$filter" => filter(shape, value)?,
            other => return Err(format!("nobody knows the option {other}")),
        }
    }
    Ok(())
}

fn expand(shape: &str, value: &str) -> Result<(), String> {
    let mut depth = 0;
    let parts = value.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    for part in parts {
        let (name, options) = part.split_once('(').unwrap_or((part, ""));
        if SCHEMA.navigation(shape, name).is_none() {
            return Err(format!("{shape} has no {name} to expand"));
        }
        let Some(options) = options.strip_suffix(')') else {
            continue;
        };
        let conditions = options
            .strip_prefix("$filter=")
            .ok_or_else(|| format!("nobody knows {options}"))?;
        for condition in conditions.split(" or ") {
            let id = condition
                .strip_prefix("id eq '")
                .and_then(|id| id.strip_suffix('\''));
            property_id(id.ok_or_else(|| format!("{condition} is no condition"))?)?;
        }
    }
    Ok(())
}

fn filter(shape: &str, value: &str) -> Result<(), String> {
    let bad = || format!("nobody knows the filter {value}");
    let inner = value
        .strip_prefix("singleValueExtendedProperties/Any(ep: ep/id eq '")
        .and_then(|rest| rest.strip_suffix("')"))
        .ok_or_else(bad)?;
    let (id, _) = inner.split_once("' and ep/value eq '").ok_or_else(bad)?;
    let known = SCHEMA.navigation(shape, "singleValueExtendedProperties");
    known.map(|_| ()).ok_or_else(bad)?;
    property_id(id)
}

/// `String {66f5a359-4659-4830-9070-00047ec6ac6e} Name syncId`
fn property_id(id: &str) -> Result<(), String> {
    let parts: Vec<&str> = id.split(' ').collect();
    let is_one = matches!(&parts[..], ["String", guid, "Name", name]
        if guid.len() == 38 && guid.starts_with('{') && guid.ends_with('}') && !name.is_empty());
    if is_one {
        Ok(())
    } else {
        Err(format!("{id} names no property"))
    }
}

fn body(request: &Request, target: &Target) -> Result<(), String> {
    if request.method == Method::GET || request.method == Method::DELETE {
        let is_empty = request.body.is_empty();
        return if is_empty {
            Ok(())
        } else {
            Err(format!("{} with a body", request.method))
        };
    }
    let value: Value = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
    let object = value.as_object().ok_or("a body that is no object")?;
    match (target, request.method.as_str()) {
        (Target::Call(parameters), "POST") => {
            for (name, value) in object {
                let known = parameters
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name));
                let (_, kind) = known.ok_or_else(|| format!("the action has no {name}"))?;
                typed(name, kind, value)?;
            }
            Ok(())
        }
        (Target::Resource(kind), method) => {
            let is_new = item_of(kind).is_some();
            if is_new != (method == "POST") {
                return Err(format!("{method} on {kind}"));
            }
            let shape = item_of(kind).unwrap_or(kind);
            if is_new && shape == "graph.event" {
                for needed in ["subject", "start", "end"] {
                    if !object.contains_key(needed) {
                        return Err(format!("a new event without {needed}"));
                    }
                }
            }
            if !is_new && object.contains_key("transactionId") {
                return Err("transactionId is for new events".to_owned());
            }
            for name in object.keys() {
                if READ_ONLY.contains(&name.as_str()) {
                    return Err(format!("{name} is not ours to write"));
                }
                if MAILING.contains(&name.as_str()) {
                    return Err(format!("writing {name} mails people"));
                }
            }
            typed("the body", shape, &value)
        }
        (Target::Call(_), method) => Err(format!("{method} of an action")),
    }
}

fn typed(name: &str, kind: &str, value: &Value) -> Result<(), String> {
    let wrong = || Err(format!("{name} is to be {kind}: {value}"));
    if value.is_null() {
        return Ok(());
    }
    if let Some(item) = item_of(kind) {
        let Some(values) = value.as_array() else {
            return wrong();
        };
        return values.iter().try_for_each(|value| typed(name, item, value));
    }
    let text = value.as_str();
    let fits = match kind {
        "Edm.String" => text.is_some(),
        "Edm.Boolean" => value.is_boolean(),
        "Edm.Int32" => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        "Edm.Double" => value.is_number(),
        "Edm.Date" => text.is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok()),
        "Edm.DateTimeOffset" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        _ => {
            if let Some(members) = SCHEMA.enums.get(kind) {
                if text.is_some_and(|text| members.contains(text)) {
                    return Ok(());
                }
                return wrong();
            }
            if !SCHEMA.shapes.contains_key(kind) {
                return Err(format!("the metadata has no {kind}"));
            }
            let Some(object) = value.as_object() else {
                return wrong();
            };
            for (name, value) in object {
                let known = SCHEMA
                    .property(kind, name)
                    .or_else(|| SCHEMA.navigation(kind, name));
                let inner = known.ok_or_else(|| format!("{kind} has no {name}"))?;
                typed(name, inner, value)?;
            }
            if kind == "graph.dateTimeTimeZone" {
                let local = object.get("dateTime").and_then(Value::as_str);
                let is_local =
                    local.is_some_and(|text| text.parse::<jiff::civil::DateTime>().is_ok());
                return if is_local { Ok(()) } else { wrong() };
            }
            if kind == "graph.singleValueLegacyExtendedProperty" {
                return property_id(object["id"].as_str().unwrap_or_default());
            }
            return Ok(());
        }
    };
    if fits { Ok(()) } else { wrong() }
}

/// A transport that lets nothing through that Graph does not describe.
pub(crate) struct Checked(pub(crate) Arc<dyn Transport>);

#[async_trait]
impl Transport for Checked {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if let Err(error) = check(&request) {
            panic!("{} {}: {error}", request.method, request.url);
        }
        self.0.send(request).await
    }
}

mod tests {
    use super::*;
    use kalends_providers::http::Limits;
    use std::time::Duration;

    fn request(method: Method, path: &str, body: &str) -> Request {
        let headers = [
            (
                "prefer",
                "IdType=\"ImmutableId\", outlook.timezone=\"UTC\", odata.maxpagesize=100",
            ),
            ("authorization", "Bearer x"),
            ("client-request-id", "01234567-0123-0123-0123-0123456789ab"),
            ("content-type", "application/json"),
        ];
        Request {
            method,
            url: format!("https://graph.microsoft.com/v1.0/{path}")
                .parse()
                .unwrap(),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: body.to_owned().into(),
            limits: Limits {
                body_bytes_max: 1,
                time_max: Duration::from_secs(1),
            },
        }
    }

    #[test]
    fn the_checker_bites() {
        if METADATA.is_none() {
            println!("skipped: no metadata; set KALENDS_SHARED to the folder that has it");
            return;
        }
        let good = r#"{"subject":"x","start":{"dateTime":"2026-06-01T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-06-01T11:00:00","timeZone":"UTC"}}"#;
        let events = "me/calendars/c/events";
        assert_eq!(check(&request(Method::POST, events, good)), Ok(()));
        let window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z";
        assert_eq!(
            check(&request(
                Method::GET,
                &format!("me/calendars/c/calendarView/delta?{window}"),
                ""
            )),
            Ok(())
        );
        let table = [
            (
                Method::POST,
                events,
                &*good.replace("{\"subject\"", "{\"summary\":\"y\",\"subject\""),
                "graph.event has no summary",
            ),
            (
                Method::POST,
                events,
                r#"{"subject":"x"}"#,
                "a new event without start",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"showAs":"away"}"#,
                "graph.freeBusyStatus",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"isAllDay":"yes"}"#,
                "Edm.Boolean",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"attendees":[]}"#,
                "mails people",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"iCalUId":"x"}"#,
                "not ours to write",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"start":{"dateTime":"2026-06-01T10:00:00Z[UTC]","zone":"UTC"}}"#,
                "has no zone",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"recurrence":{"pattern":{"type":"hourly"}}}"#,
                "graph.recurrencePatternType",
            ),
            (
                Method::PATCH,
                "me/events/e",
                r#"{"singleValueExtendedProperties":[{"id":"x","value":"y"}]}"#,
                "names no property",
            ),
            (
                Method::GET,
                "me/calendars/c/calendarView/delta",
                "",
                "requires a time window",
            ),
            (
                Method::GET,
                &format!("me/calendars/c/calendarView/delta?{window}&$top=5"),
                "",
                "delta takes no $top",
            ),
            (
                Method::GET,
                "me/events/e?$select=uid",
                "",
                "has no uid to select",
            ),
            (
                Method::GET,
                "me/events/e?$expand=body",
                "",
                "has no body to expand",
            ),
            (Method::GET, "me/people", "", "me has no people"),
            (
                Method::GET,
                "me/events/e/rows",
                "",
                "graph.event has no rows",
            ),
            (
                Method::GET,
                "me/events?$filter=subject eq 'x'",
                "",
                "nobody knows the filter",
            ),
            (
                Method::POST,
                "me/calendar/getSchedule",
                r#"{"people":[]}"#,
                "the action has no people",
            ),
        ];
        for (method, path, body, expected) in table {
            let error = check(&request(method, path, body)).unwrap_err();
            assert!(error.contains(expected), "{path}: {error}");
        }
    }
}
