//! The `fields` parameter: which members of an answer are wanted.

use serde_json::{Map, Value};

use super::Refusal;

/// What is wanted below a member: everything, or the members named.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selection {
    Everything,
    Members(Vec<(String, Selection)>),
}

/// How deep selections may nest: deeper than any resource does.
const DEPTH_MAX: usize = 20;

/// Reads a selection such as `items(id,start/dateTime),nextPageToken`.
pub(super) fn read(text: &str) -> Result<Selection, Refusal> {
    let refuse = || Refusal::parameter("fields", format!("Invalid field selection {text}"));
    let (selection, rest) = members(text, 0).ok_or_else(refuse)?;
    if rest.is_empty() {
        Ok(selection)
    } else {
        Err(refuse())
    }
}

fn members(mut text: &str, depth: usize) -> Option<(Selection, &str)> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut wanted = Vec::new();
    loop {
        let (member, rest) = member(text, depth)?;
        wanted.push(member);
        match rest.strip_prefix(',') {
            Some(rest) => text = rest,
            None => return Some((Selection::Members(wanted), rest)),
        }
    }
}

fn member(text: &str, depth: usize) -> Option<((String, Selection), &str)> {
    let end = text.find(['/', '(', ')', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = name.trim();
    if name.is_empty() || depth > DEPTH_MAX {
        return None;
    }
    if let Some(below) = rest.strip_prefix('/') {
        let (inner, rest) = member(below, depth + 1)?;
        return Some(((name.to_owned(), Selection::Members(vec![inner])), rest));
    }
    if let Some(below) = rest.strip_prefix('(') {
        let (inner, rest) = members(below, depth + 1)?;
        return Some(((name.to_owned(), inner), rest.strip_prefix(')')?));
    }
    Some(((name.to_owned(), Selection::Everything), rest))
}

/// What is left of a value.
pub(super) fn select(value: &Value, selection: &Selection) -> Value {
    let wanted = match selection {
        Selection::Everything => return value.clone(),
        Selection::Members(wanted) => wanted,
    };
    match value {
        Value::Array(list) => list.iter().map(|entry| select(entry, selection)).collect(),
        Value::Object(members) => {
            let mut kept: Map<String, Value> = Map::new();
            for (name, below) in wanted {
                let named = members
                    .iter()
                    .filter(|(known, _)| name == "*" || *known == name);
                for (known, value) in named {
                    let chosen = select(value, below);
                    match (kept.get_mut(known), chosen) {
                        // The same member named twice: both selections count.
                        (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
                        (_, chosen) => {
                            kept.insert(known.clone(), chosen);
                        }
                    }
                }
            }
            Value::Object(kept)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chosen(fields: &str) -> Value {
        let answer = json!({
            "kind": "k", "items": [{ "id": "1", "start": { "date": "d", "timeZone": "z" }, "end": 5 }],
        });
        select(&answer, &read(fields).unwrap())
    }

    #[test]
    fn members_are_chosen_by_slashes_brackets_and_stars() {
        assert_eq!(chosen("kind"), json!({ "kind": "k" }));
        assert_eq!(chosen("items/id"), json!({ "items": [{ "id": "1" }] }));
        assert_eq!(
            chosen("items(id,start/date)"),
            json!({ "items": [{ "id": "1", "start": { "date": "d" } }] })
        );
        assert_eq!(chosen("items/start/*"), chosen("items(start)"));
        assert_eq!(chosen("nothing"), json!({}));
    }

    #[test]
    fn what_is_not_a_selection_is_refused() {
        for text in ["items(id", "items)", "a,,b", "/", "a/"] {
            let refusal = read(text).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.reason),
                (400, "invalidParameter"),
                "{text}"
            );
        }
    }
}
