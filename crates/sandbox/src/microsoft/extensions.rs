//! Open extensions of events: private to one copy, and no part of its version.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::Asked;
use super::mailbox::Which;
use super::refusal::Refusal;
use super::writing;

/// What the server puts before a name to make the id.
const ID_HEAD: &str = "Microsoft.OutlookServices.OpenTypeExtension.";

/// `/events/{id}/extensions` and below.
pub(crate) fn answer(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    method: &Method,
    which: Which,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let reading = *method == Method::GET;
    if reading && asked.only_basics() {
        return Err(Refusal::denied());
    }
    let mailbox = graph.mailbox_mut(asked.email)?;
    let place = (which.key, which.date);
    let all = mailbox.extensions.entry(place).or_default();
    match (method.as_str(), path) {
        ("GET", []) => {
            let shown: Vec<Value> = all
                .iter()
                .map(|(name, content)| show(name, content))
                .collect();
            Ok(Answer::ok(
                json!({ "@odata.context": asked.context("extensions"), "value": shown }),
            ))
        }
        ("POST", []) => {
            let (name, content) = read(&writing::object(asked.body)?)?;
            let shown = show(&name, &content);
            all.insert(name, content);
            Ok(Answer::created(shown))
        }
        ("GET", [id]) => {
            let name = bare_name(id);
            let content = all.get(name).ok_or_else(Refusal::not_found)?;
            Ok(Answer::ok(show(name, content)))
        }
        ("PATCH", [id]) => {
            let name = bare_name(id);
            let content = all.get_mut(name).ok_or_else(Refusal::not_found)?;
            for (property, value) in writing::object(asked.body)? {
                // Null takes nothing away: a property goes only with its extension.
                if is_own(&property) && !value.is_null() {
                    content.insert(property, value);
                }
            }
            Ok(Answer::ok(show(name, content)))
        }
        ("DELETE", [id]) => {
            all.remove(bare_name(id)).ok_or_else(Refusal::not_found)?;
            Ok(Answer::no_content())
        }
        _ => Err(Refusal::no_route(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

/// The extensions that come with an event.
pub(crate) fn read_all(
    body: &Map<String, Value>,
) -> Result<BTreeMap<String, Map<String, Value>>, Refusal> {
    let given = body.get("extensions").and_then(Value::as_array);
    given
        .into_iter()
        .flatten()
        .map(|extension| {
            let object = extension
                .as_object()
                .ok_or_else(|| Refusal::unreadable("An extension is no object."))?;
            read(object)
        })
        .collect()
}

fn read(object: &Map<String, Value>) -> Result<(String, Map<String, Value>), Refusal> {
    let name = object
        .get("extensionName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Refusal::property("The extensionName property is required."))?;
    let content = object
        .iter()
        .filter(|(property, value)| is_own(property) && !value.is_null())
        .map(|(property, value)| (property.clone(), value.clone()));
    Ok((name.to_owned(), content.collect()))
}

fn is_own(property: &str) -> bool {
    !property.contains('@') && !matches!(property, "id" | "extensionName")
}

/// The name of an extension, from its name or its id.
pub(crate) fn bare_name(id: &str) -> &str {
    id.strip_prefix(ID_HEAD).unwrap_or(id)
}

pub(crate) fn show(name: &str, content: &Map<String, Value>) -> Value {
    let mut shown = content.clone();
    shown.insert(
        "@odata.type".to_owned(),
        "#microsoft.graph.openTypeExtension".into(),
    );
    shown.insert("id".to_owned(), format!("{ID_HEAD}{name}").into());
    shown.insert("extensionName".to_owned(), name.into());
    Value::Object(shown)
}
