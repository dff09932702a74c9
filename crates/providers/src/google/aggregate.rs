//! An event as the engine wants it: one resource that happens once, or a master with every instance that departs from it.
//!
//! This is what is kept as the raw payload. It holds all that a reading needs, so that the merge base can be read again
//! years later: the calendar's zone and its default reminders as they were then stand beside the resources.

use std::collections::BTreeMap;

use kalends_calendar::failure::Failure;
use kalends_calendar::ids::Version;
use kalends_calendar::provider::Raw;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{self, Reminder, Resource};
use crate::remote_id::digest;

/// What a calendar says of all its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Frame {
    /// The zone in which times without one of their own are meant.
    pub(crate) time_zone: String,
    /// What `useDefault` means for the account that asks.
    pub(crate) default_reminders: Vec<Reminder>,
}

/// A whole event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Aggregate {
    /// Of its calendar.
    pub(crate) frame: Frame,
    /// The event, or the master of the series.
    pub(crate) event: Resource,
    /// Its changed and cancelled instances, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) instances: BTreeMap<String, Resource>,
}

impl Aggregate {
    /// Reads a raw payload.
    pub(crate) fn parse(raw: &Raw) -> Result<Self, Failure> {
        serde_json::from_str(&raw.0).map_err(|error| {
            Failure::item(format!(
                "what was kept of this event cannot be read: {error}"
            ))
        })
    }

    /// The raw payload.
    pub(crate) fn raw(&self) -> Raw {
        // Maps with string keys: writing them cannot fail.
        Raw(serde_json::to_string(self).unwrap_or_default())
    }

    /// The version of the whole: the event's own where nothing departs from it, else one that differs as soon as the
    /// version of any part does. For comparing only; a precondition takes the [`etag`] of the resource it is about.
    pub(crate) fn version(&self) -> Option<Version> {
        let own = version_of(&self.event)?;
        if self.instances.is_empty() {
            return Some(Version(own));
        }
        let mut all = String::new();
        for (id, instance) in &self.instances {
            all.push_str(id);
            all.push(' ');
            match version_of(instance) {
                Some(version) => all.push_str(&version),
                // A cancelled instance need not have a version; that it is one is all there is to know.
                None => all.push_str(text(instance, "status").unwrap_or_default()),
            }
            all.push('\n');
        }
        Some(Version(format!("{own}+{}", digest(&all))))
    }
}

/// The version of one resource, for comparing. A change of the reminders, which are each user's own, need not change the
/// etag: what departs from the calendar's counts beside it.
fn version_of(resource: &Resource) -> Option<String> {
    let etag = etag(resource)?;
    let reminders = resource.get("reminders");
    Some(match reminders.and_then(|own| own.get("overrides")) {
        _ if reminders.is_none_or(|own| own["useDefault"] == true) => etag.to_owned(),
        own => format!(
            "{etag}~{}",
            digest(&own.map_or_else(String::new, Value::to_string))
        ),
    })
}

/// The version of one resource, as `If-Match` wants it: with its inner quotes.
pub(crate) fn etag(resource: &Resource) -> Option<&str> {
    text(resource, "etag").filter(|etag| !etag.is_empty())
}

/// A text of a resource.
pub(crate) fn text<'r>(resource: &'r Resource, name: &str) -> Option<&'r str> {
    resource.get(name).and_then(Value::as_str)
}

/// Whether a resource is deleted, or an instance that was taken away.
pub(crate) fn is_cancelled(resource: &Resource) -> bool {
    text(resource, "status") == Some("cancelled")
}

/// A resource as far as it is read.
pub(crate) fn typed(resource: &Resource) -> Result<wire::Event, String> {
    wire::Event::deserialize(Value::Object(resource.clone()))
        .map_err(|error| format!("not an event as Google documents it: {error}"))
}

/// Applies a merge patch (RFC 7396), which is what Google's `PATCH` does: objects merge, null clears, all else replaces.
pub(crate) fn merge_patch(target: &mut Resource, patch: &Resource) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let there = target
                    .entry(name.clone())
                    .or_insert_with(|| Value::Object(Resource::new()));
                if !there.is_object() {
                    *there = Value::Object(Resource::new());
                }
                if let Value::Object(there) = there {
                    merge_patch(there, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_of_the_reminders_alone_is_another_version() {
        let version = |reminders: Value| {
            let event = json!({"id": "e", "etag": "\"1\"", "reminders": reminders});
            Aggregate {
                frame: Frame::default(),
                event: event.as_object().unwrap().clone(),
                instances: BTreeMap::new(),
            }
            .version()
        };
        let calendars = version(json!({"useDefault": true}));
        assert_eq!(calendars, Some(Version("\"1\"".to_owned())));
        let none = version(json!({"useDefault": false}));
        let one =
            version(json!({"useDefault": false, "overrides": [{"method": "popup", "minutes": 5}]}));
        let two =
            version(json!({"useDefault": false, "overrides": [{"method": "popup", "minutes": 9}]}));
        let all = [calendars, none, one, two];
        let distinct: std::collections::BTreeSet<String> =
            all.into_iter().flatten().map(|version| version.0).collect();
        assert_eq!(distinct.len(), 4);
    }
}
