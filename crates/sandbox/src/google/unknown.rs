//! Names that Google's Discovery document does not have, in queries and bodies. Google passes them over; who tests a client
//! wants to hear of them.

use serde_json::Value;

use super::call::Call;
use super::refusal::Refusal;
use super::vocabulary::{METHODS, OF_ALL, SCHEMAS, row};

/// Refuses a request that uses a name of which nobody knows what it means.
pub(super) fn refuse(call: &Call<'_>) -> Result<(), Refusal> {
    let Some((schema, parameters)) = row(METHODS, call.operation.name()) else {
        return Ok(());
    };
    let of_all: Vec<&str> = OF_ALL.split(' ').collect();
    let mut names = call.query.names();
    if let Some(name) = names.find(|name| !parameters.contains(name) && !of_all.contains(name)) {
        return Err(said(&format!(
            "Unknown name \"{name}\": Cannot bind query parameter."
        )));
    }
    let body = call.request.body();
    if schema.is_empty() || body.is_empty() {
        return Ok(());
    }
    // What is no JSON is refused by whoever reads it.
    match serde_json::from_slice(body) {
        Ok(value) => known(schema, &value),
        Err(_) => Ok(()),
    }
}

fn known(schema: &str, value: &Value) -> Result<(), Refusal> {
    if let Value::Array(items) = value {
        return items.iter().try_for_each(|item| known(schema, item));
    }
    let (Some(fields), Some((_, members))) = (value.as_object(), row(SCHEMAS, schema)) else {
        return Ok(());
    };
    for (name, inner) in fields {
        let mut members = members
            .iter()
            .map(|member| member.split_once('=').unwrap_or((member, "")));
        let Some((_, holds)) = members.find(|(member, _)| member == name) else {
            return Err(said(&format!(
                "Unknown name \"{name}\" at '{schema}': Cannot find field."
            )));
        };
        known(holds, inner)?;
    }
    Ok(())
}

fn said(what: &str) -> Refusal {
    let message = format!("Invalid JSON payload received. {what}");
    Refusal::new(400, "global", "badRequest", message)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    use super::*;

    /// Google's own document, where it is at hand.
    fn document() -> Option<Value> {
        let shared = std::env::var_os("KALENDS_SHARED").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            PathBuf::from,
        );
        let path = shared.join("data/schemas/google-calendar-v3.discovery.json");
        let text = std::fs::read_to_string(path).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// A member as our table has it, with the schemas found on the way.
    fn member(path: &str, described: &Value, found: &mut BTreeMap<String, Vec<String>>) -> String {
        let name = path.rsplit('.').next().unwrap();
        if described["type"] == "array" {
            return member(path, &described["items"], found);
        }
        if let Some(schema) = described["$ref"].as_str() {
            return format!("{name}={schema}");
        }
        if described["type"] == "object" && described.get("additionalProperties").is_none() {
            let inner = members(path, described, found);
            found.insert(path.to_owned(), inner);
            return format!("{name}={path}");
        }
        name.to_owned()
    }

    fn members(
        name: &str,
        described: &Value,
        found: &mut BTreeMap<String, Vec<String>>,
    ) -> Vec<String> {
        let all = described["properties"].as_object().unwrap();
        all.iter()
            .map(|(inner, described)| member(&format!("{name}.{inner}"), described, found))
            .collect()
    }

    #[test]
    fn the_names_are_those_of_the_discovery_document() {
        let Some(document) = document() else {
            println!(
                "skipped: no Discovery document; set KALENDS_SHARED to the folder that has it"
            );
            return;
        };
        let of_all: Vec<&str> = document["parameters"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(of_all.join(" "), OF_ALL);
        let mut found = BTreeMap::new();
        for (name, described) in document["schemas"].as_object().unwrap() {
            if described["properties"].is_object() {
                let all = members(name, described, &mut found);
                found.insert(name.clone(), all);
            }
        }
        let mut bodies = BTreeSet::new();
        for (resource, described) in document["resources"].as_object().unwrap() {
            for (name, method) in described["methods"].as_object().unwrap() {
                let parameters: BTreeSet<&str> = method["parameters"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(_, parameter)| parameter["location"] == "query")
                    .map(|(name, _)| name.as_str())
                    .collect();
                let body = method["request"]["$ref"].as_str().unwrap_or_default();
                bodies.insert(body);
                let name = format!("{resource}.{name}");
                let (schema, ours) = row(METHODS, &name).unwrap();
                assert_eq!(
                    (schema, ours.into_iter().collect()),
                    (body, parameters),
                    "{name}"
                );
            }
        }
        for name in bodies.into_iter().filter(|name| !name.is_empty()) {
            assert!(row(SCHEMAS, name).is_some(), "{name}");
        }
        for line in SCHEMAS
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(' '))
        {
            let (name, _) = line.split_once(':').unwrap();
            let (_, ours) = row(SCHEMAS, name).unwrap();
            assert_eq!(ours, found[name], "{name}");
            for inner in ours.iter().filter_map(|member| member.split_once('=')) {
                assert!(row(SCHEMAS, inner.1).is_some(), "{}", inner.1);
            }
        }
    }
}
