//! The Discovery document as a judge: every answer has the members and types it promises, every method its scopes.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::desk::{ALL, ANN, Answer, Desk};

/// The document, where it is at hand.
pub(crate) fn document() -> Option<&'static Value> {
    static DOCUMENT: OnceLock<Option<Value>> = OnceLock::new();
    let read = || {
        let shared = std::env::var_os("KALENDS_SHARED").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            PathBuf::from,
        );
        let path = shared.join("data/schemas/google-calendar-v3.discovery.json");
        let text = std::fs::read_to_string(path).ok()?;
        Some(serde_json::from_str(&text).expect("the Discovery document is JSON"))
    };
    DOCUMENT.get_or_init(read).as_ref()
}

/// A method of the document.
struct Method {
    name: String,
    http: String,
    path: String,
    scopes: Vec<String>,
    response: Option<String>,
}

fn methods(document: &Value) -> Vec<Method> {
    let resources = document["resources"].as_object().expect("resources");
    let mut methods = Vec::new();
    for (resource, described) in resources {
        for (name, method) in described["methods"].as_object().expect("methods") {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            let scopes = method["scopes"].as_array().expect("scopes");
            methods.push(Method {
                name: format!("{resource}.{name}"),
                http: text(&method["httpMethod"]),
                path: text(&method["path"]),
                scopes: scopes.iter().map(text).collect(),
                response: method["response"]["$ref"].as_str().map(str::to_owned),
            });
        }
    }
    methods
}

fn is_at(pattern: &str, path: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
}

/// Panics where an answer is not what the document promises.
#[track_caller]
pub(crate) fn check((http, path): (&str, &str), answer: &Answer) {
    let Some(document) = document() else {
        return;
    };
    if answer.status != 200 || path.contains("fields=") {
        return;
    }
    let path = path.split('?').next().unwrap_or("");
    let found = methods(document)
        .into_iter()
        .find(|method| method.http == http && is_at(&method.path, path));
    let method = found.unwrap_or_else(|| panic!("{http} {path} is not in the document"));
    let schema = method.response.expect("an answer with a body has a schema");
    let wrong = faults(
        document,
        &document["schemas"][&schema],
        &answer.json,
        &schema,
    );
    assert!(
        wrong.is_empty(),
        "{}: {wrong:#?}\n{:#}",
        method.name,
        answer.json
    );
}

/// Where a value is not what its schema says.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return faults(document, &document["schemas"][name], value, at);
    }
    let wrong = |what: &str| vec![format!("{at}: {value} is no {what}")];
    let format = schema["format"].as_str().unwrap_or("");
    match schema["type"].as_str().unwrap_or("any") {
        "object" => {
            let Some(members) = value.as_object() else {
                return wrong("object");
            };
            let each = members.iter().flat_map(|(name, member)| {
                let known = schema["properties"].get(name);
                let known = known.or_else(|| schema.get("additionalProperties"));
                let at = format!("{at}.{name}");
                match known {
                    Some(known) => faults(document, known, member, &at),
                    None => vec![format!("{at} is not in the schema")],
                }
            });
            each.collect()
        }
        "array" => match value.as_array() {
            Some(list) => list
                .iter()
                .flat_map(|entry| faults(document, &schema["items"], entry, &format!("{at}[]")))
                .collect(),
            None => wrong("array"),
        },
        "string" => match value.as_str() {
            Some(text) if format == "date-time" && text.parse::<jiff::Timestamp>().is_err() => {
                wrong("time")
            }
            Some(text) if format == "date" && text.parse::<jiff::civil::Date>().is_err() => {
                wrong("date")
            }
            Some(text) if format == "int64" && text.parse::<i64>().is_err() => wrong("number"),
            Some(_) => Vec::new(),
            None => wrong("string"),
        },
        "integer" if value.as_i64().is_none() => wrong("integer"),
        "boolean" if !value.is_boolean() => wrong("boolean"),
        "integer" | "boolean" | "any" => Vec::new(),
        other => panic!("the document has a type {other}"),
    }
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let Some(document) = document() else {
        println!("skipped: no Discovery document; set KALENDS_SHARED to the folder that has it");
        return;
    };
    let event = &document["schemas"]["Event"];
    let wrong = |value: Value| faults(document, event, &value, "event").len();
    assert_eq!(
        wrong(json!({ "id": "a", "sequence": 1, "start": { "date": "2026-01-01" } })),
        0
    );
    assert_eq!(wrong(json!({ "id": 1 })), 1);
    assert_eq!(wrong(json!({ "unheardOf": 1 })), 1);
    assert_eq!(
        wrong(json!({ "created": "yesterday", "attendees": [{ "self": "yes" }] })),
        2
    );
    assert_eq!(
        wrong(json!({ "extendedProperties": { "private": { "a": 1 } } })),
        1
    );
}

/// Whether a request with this scope alone gets past the door.
fn gets_in(method: &Method, scope: &str) -> bool {
    let mut desk = Desk::new();
    desk.sign_in(ANN, &[scope]);
    let path = method
        .path
        .replace("{calendarId}", "nobody%40example.com")
        .replace("{eventId}", "none")
        .replace("{ruleId}", "none")
        .replace("{setting}", "none");
    let request = desk.request((&method.http, &path), &[], None);
    let response = kalends_sandbox::handle(&mut desk.world, &request, desk.now);
    let answer = Answer::read(response);
    let reason = answer.json["error"]["errors"][0]["reason"].as_str();
    reason != Some("insufficientPermissions")
}

#[test]
fn every_method_takes_the_scopes_of_the_document_and_no_others() {
    let Some(document) = document() else {
        println!("skipped: no Discovery document; set KALENDS_SHARED to the folder that has it");
        return;
    };
    let scopes = document["auth"]["oauth2"]["scopes"]
        .as_object()
        .expect("scopes");
    assert!(scopes.contains_key(ALL));
    for method in methods(document) {
        for scope in scopes.keys() {
            let allowed = method.scopes.contains(scope);
            assert_eq!(
                gets_in(&method, scope),
                allowed,
                "{} with {scope}",
                method.name
            );
        }
    }
}
