//! Every request to Google held against the Discovery document of `calendar` v3: method, path, parameters, body.
//!
//! The document is Google's own, read from where such documents are kept.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use jiff::Timestamp;
use jiff::civil::Date;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use serde_json::{Map, Value};

/// The document with all methods of all resources by their ids; null where it is not at hand.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let Some(text) = super::document("google-calendar-v3.discovery.json") else {
        return Value::Null;
    };
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let resources = document["resources"].take();
    let mut methods = Map::new();
    for (resource, described) in resources.as_object().unwrap() {
        for (name, method) in described["methods"].as_object().unwrap() {
            let mut method = method.clone();
            if method["parameters"].is_null() {
                method["parameters"] = Value::Object(Map::new());
            }
            // What it takes as a body, by the name of its schema.
            if let Some(schema) = method["request"]["$ref"].as_str().map(str::to_owned) {
                method["request"] = Value::String(schema);
            }
            methods.insert(format!("{resource}.{name}"), method);
        }
    }
    document["methods"] = Value::Object(methods);
    document
});

/// Whether requests can be checked here.
pub(crate) fn is_at_hand() -> bool {
    !DOCUMENT.is_null()
}

/// What may not stand beside a sync token (`events.list`).
const NOT_WITH_SYNC_TOKEN: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMax",
    "timeMin",
    "updatedMin",
];

/// A transport that lets through only what the document allows.
pub(crate) struct Checked {
    inner: Arc<dyn Transport>,
}

impl Checked {
    pub(crate) fn over(inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Self { inner })
    }
}

#[async_trait]
impl Transport for Checked {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let wrong = wrong_with(&request);
        assert!(
            wrong.is_empty(),
            "{} {}: {}",
            request.method,
            request.url,
            wrong.join("; ")
        );
        self.inner.send(request).await
    }
}

/// What the document says against a request; nothing if it is as it should be.
pub(crate) fn wrong_with(request: &Request) -> Vec<String> {
    if !is_at_hand() {
        return Vec::new();
    }
    let Some(path) = api_path(request) else {
        return vec!["not an address of the API".to_owned()];
    };
    let Some((name, method)) = method_of(&request.method, &path) else {
        return vec!["no such method".to_owned()];
    };
    let mut wrong = Vec::new();
    if !request.headers.contains_key(AUTHORIZATION) {
        wrong.push("no token".to_owned());
    }
    parameters(request, method, &mut wrong);
    body(request, name, method, &mut wrong);
    if name == "events.insert" && request.headers.contains_key(IF_MATCH) {
        wrong.push("insert has no precondition".to_owned());
    }
    wrong
}

fn api_path(request: &Request) -> Option<Vec<String>> {
    let service = format!("/{}", DOCUMENT["servicePath"].as_str().unwrap());
    let (_, path) = request.url.path().split_once(&service)?;
    let decode = |segment: &str| {
        percent_encoding::percent_decode_str(segment)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    Some(path.split('/').map(decode).collect())
}

fn method_of(verb: &Method, path: &[String]) -> Option<(&'static str, &'static Value)> {
    let methods = DOCUMENT["methods"].as_object().unwrap();
    methods
        .iter()
        .filter(|(_, method)| method["httpMethod"] == verb.as_str())
        .filter(|(_, method)| fits(method["path"].as_str().unwrap(), path))
        // A literal path goes before one with a placeholder in its place.
        .min_by_key(|(_, method)| method["path"].as_str().unwrap().matches('{').count())
        .map(|(name, method)| (name.as_str(), method))
}

fn fits(template: &str, path: &[String]) -> bool {
    let parts: Vec<&str> = template.split('/').collect();
    parts.len() == path.len()
        && parts.iter().zip(path).all(|(part, segment)| {
            if part.starts_with('{') {
                !segment.is_empty()
            } else {
                part == segment
            }
        })
}

fn parameters(request: &Request, method: &Value, wrong: &mut Vec<String>) {
    let known = method["parameters"].as_object().unwrap();
    let of_all = DOCUMENT["parameters"].as_object().unwrap();
    let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    for (name, value) in &pairs {
        let Some(parameter) = known
            .get(name)
            .filter(|parameter| parameter["location"] == "query")
            .or_else(|| of_all.get(name))
        else {
            wrong.push(format!("unknown parameter {name}"));
            continue;
        };
        let times = pairs.iter().filter(|(other, _)| other == name).count();
        if times > 1 && parameter["repeated"] != true {
            wrong.push(format!("{name} more than once"));
        }
        if let Some(error) = wrong_text(parameter, value) {
            wrong.push(format!("{name}={value}: {error}"));
        }
    }
    let has = |name: &str| pairs.iter().any(|(other, _)| other == name);
    for (name, parameter) in known {
        let is_query = parameter["location"] == "query";
        if is_query && parameter["required"] == true && !has(name) {
            wrong.push(format!("{name} is missing"));
        }
    }
    if has("syncToken") {
        for name in NOT_WITH_SYNC_TOKEN.iter().filter(|name| has(name)) {
            wrong.push(format!("{name} beside a sync token"));
        }
        if pairs.contains(&("showDeleted".to_owned(), "false".to_owned())) {
            wrong.push("showDeleted=false beside a sync token".to_owned());
        }
    }
}

fn wrong_text(parameter: &Value, text: &str) -> Option<String> {
    let allowed = parameter["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(&Value::from(text))) {
        return Some("not among the words".to_owned());
    }
    match parameter["type"].as_str().unwrap() {
        "integer" => {
            let Ok(number) = text.parse::<i64>() else {
                return Some("not a number".to_owned());
            };
            let limit = |name: &str| parameter[name].as_str()?.parse::<i64>().ok();
            let low = limit("minimum").is_some_and(|minimum| number < minimum);
            let high = limit("maximum").is_some_and(|maximum| number > maximum);
            (low || high).then(|| "out of range".to_owned())
        }
        "boolean" => (!matches!(text, "true" | "false")).then(|| "not a boolean".to_owned()),
        "string" => wrong_format(parameter, text),
        other => Some(format!("a parameter of type {other}")),
    }
}

fn wrong_format(schema: &Value, text: &str) -> Option<String> {
    let fits = match schema["format"].as_str() {
        Some("date-time") => text.parse::<Timestamp>().is_ok(),
        Some("date") => text.parse::<Date>().is_ok() && text.len() == 10,
        Some("int64") => text.parse::<i64>().is_ok(),
        Some(_) | None => true,
    };
    (!fits).then(|| format!("not a {}", schema["format"].as_str().unwrap_or_default()))
}

fn body(request: &Request, name: &str, method: &Value, wrong: &mut Vec<String>) {
    let Some(schema) = method["request"].as_str() else {
        if !request.body.is_empty() {
            wrong.push("a body, where there is none".to_owned());
        }
        return;
    };
    let is_json = request
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().unwrap().starts_with("application/json"));
    if !is_json {
        wrong.push("a body that is not called JSON".to_owned());
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        wrong.push("a body that is not JSON".to_owned());
        return;
    };
    let nulls = request.method == Method::PATCH;
    value(&DOCUMENT["schemas"][schema], &body, schema, nulls, wrong);
    if name == "events.insert" {
        new_event(&body, wrong);
    }
}

/// What the prose says of new events.
fn new_event(body: &Value, wrong: &mut Vec<String>) {
    for name in ["start", "end"] {
        if !body[name].is_object() {
            wrong.push(format!("{name} is missing"));
        }
    }
    if let Some(id) = body["id"].as_str() {
        let fits = (5..=1_024).contains(&id.len())
            && id
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'));
        if !fits {
            wrong.push(format!("{id} cannot be an id"));
        }
        if body.get("iCalUID").is_some() {
            wrong.push("an id and a UID".to_owned());
        }
    }
    let repeats = body["recurrence"].is_array();
    if repeats && body["start"].get("dateTime").is_some() && !body["start"]["timeZone"].is_string()
    {
        wrong.push("a series without a zone".to_owned());
    }
}

fn value(schema: &Value, given: &Value, place: &str, nulls: bool, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return value(&DOCUMENT["schemas"][name], given, place, nulls, wrong);
    }
    if given.is_null() {
        if !nulls {
            wrong.push(format!("{place}: null outside of a patch"));
        }
        return;
    }
    let fits = match schema["type"].as_str().unwrap() {
        "object" => match given.as_object() {
            Some(fields) => return object(schema, fields, place, nulls, wrong),
            None => false,
        },
        "array" => match given.as_array() {
            Some(items) => {
                for (at, item) in items.iter().enumerate() {
                    value(
                        &schema["items"],
                        item,
                        &format!("{place}[{at}]"),
                        false,
                        wrong,
                    );
                }
                true
            }
            None => false,
        },
        "string" => match given.as_str() {
            Some(text) => {
                wrong.extend(wrong_format(schema, text).map(|error| format!("{place}: {error}")));
                true
            }
            None => false,
        },
        "integer" => given.is_i64() || given.is_u64(),
        "boolean" => given.is_boolean(),
        _ => false,
    };
    if !fits {
        wrong.push(format!("{place}: not a {}", schema["type"]));
    }
}

fn object(
    schema: &Value,
    fields: &Map<String, Value>,
    place: &str,
    nulls: bool,
    wrong: &mut Vec<String>,
) {
    for (name, given) in fields {
        let known = schema["properties"]
            .get(name)
            .or_else(|| schema.get("additionalProperties"));
        match known {
            Some(known) => value(known, given, &format!("{place}.{name}"), nulls, wrong),
            None => wrong.push(format!("{place}: unknown field {name}")),
        }
    }
}
