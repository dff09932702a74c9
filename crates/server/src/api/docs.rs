//! `/api/docs/`: the document as a page that needs neither scripts nor a network.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aide::openapi::{OpenApi, Operation, ReferenceOr};
use serde_json::Value;

use super::page::html;
use super::tongue::Tongue;
use crate::config::Server;

/// One operation on the page.
struct Entry<'a> {
    method: &'a str,
    path: &'a str,
    operation: &'a Operation,
}

/// The page.
pub(super) fn page(settings: &Server, document: &OpenApi) -> String {
    let mut by_tag: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    let paths = document.paths.iter().flat_map(|paths| &paths.paths);
    for (path, item) in paths {
        let ReferenceOr::Item(item) = item else {
            continue;
        };
        for (method, operation) in item.iter() {
            let tag = operation.tags.first().map_or("other", String::as_str);
            by_tag.entry(tag).or_default().push(Entry {
                method,
                path,
                operation,
            });
        }
    }
    let mut body = String::new();
    for (tag, entries) in &by_tag {
        let _ = write!(body, "<h2 id=\"{0}\">{0}</h2>", escaped(tag));
        for entry in entries {
            body.push_str(&shown(entry));
        }
    }
    let schemas = document
        .components
        .as_ref()
        .and_then(|components| serde_json::to_value(&components.schemas).ok());
    body.push_str("<h2 id=\"schemas\">Schemas</h2>");
    if let Some(Value::Object(schemas)) = schemas {
        for (name, schema) in &schemas {
            let _ = write!(
                body,
                "<details id=\"schema-{0}\"><summary><code>{0}</code></summary>{1}</details>",
                escaped(name),
                json(schema)
            );
        }
    }
    let about = document.info.description.as_deref().unwrap_or_default();
    let content = format!(
        "<h1>Kalends API {}</h1><p>{}</p>\
         <p>For programs: <a href=\"{}/api/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>{body}",
        escaped(&document.info.version),
        with_code(about),
        settings.prefix(),
    );
    html(settings, Tongue::En, "<title>Kalends API</title>", &content)
}

fn shown(entry: &Entry<'_>) -> String {
    let operation = entry.operation;
    let mut text = format!(
        "<details id=\"{}\"><summary><span class=\"method\">{}</span> <code>{}</code> <span class=\"muted\">{}</span></summary>",
        escaped(operation.operation_id.as_deref().unwrap_or_default()),
        escaped(&entry.method.to_uppercase()),
        escaped(entry.path),
        escaped(operation.summary.as_deref().unwrap_or_default()),
    );
    for (title, part) in [
        ("Parameters", serde_json::to_value(&operation.parameters)),
        ("Body", serde_json::to_value(&operation.request_body)),
        ("Answers", serde_json::to_value(&operation.responses)),
    ] {
        match part {
            Ok(Value::Null) | Err(_) => {}
            Ok(Value::Array(items)) if items.is_empty() => {}
            Ok(part) => {
                let _ = write!(text, "<h3>{title}</h3>{}", json(&part));
            }
        }
    }
    text.push_str("</details>");
    text
}

fn json(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("<pre tabindex=\"0\">{}</pre>", escaped(&text))
}

/// Text with code in backticks, as HTML has it.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(number, part)| {
        if number % 2 == 1 {
            format!("<code>{}</code>", escaped(part))
        } else {
            escaped(part)
        }
    });
    parts.collect()
}

/// Text as HTML has it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
