//! What changes in the occurrences of a series when the series itself is changed: what had been as in the series follows it,
//! at Google as at Microsoft. That is nobody's edit.

use serde_json::{Map, Value};

/// A series and one of its occurrences, by their properties, before and after the series was changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followed<'a> {
    /// What the series gave the occurrence, and what it gives it now.
    pub(crate) series: (&'a Map<String, Value>, &'a Map<String, Value>),
    /// What the occurrence was.
    pub(crate) before: &'a Map<String, Value>,
    /// What it is now.
    pub(crate) now: &'a Map<String, Value>,
    /// What it shall be.
    pub(crate) wanted: &'a Map<String, Value>,
}

impl Followed<'_> {
    /// Whether each property is as it was, as it shall be, or has followed the series: else somebody changed it.
    pub(crate) fn is_explained(self) -> bool {
        let (old, new) = self.series;
        self.now.keys().chain(self.before.keys()).all(|key| {
            let (now, before) = (self.now.get(key), self.before.get(key));
            let has_followed = before == old.get(key) && now == new.get(key);
            now == before || now == self.wanted.get(key) || has_followed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_follows_the_series_is_nobodys_edit() {
        let old = map(&json!({"subject": "Team", "place": "Room"}));
        let new = map(&json!({"subject": "Crew", "place": "Room"}));
        let before = map(&json!({"subject": "Team", "place": "Lake"}));
        let wanted = before.clone();
        let explained = |now: Value| {
            let now = map(&now);
            Followed {
                series: (&old, &new),
                before: &before,
                now: &now,
                wanted: &wanted,
            }
            .is_explained()
        };
        assert!(explained(json!({"subject": "Team", "place": "Lake"})));
        assert!(explained(json!({"subject": "Crew", "place": "Lake"})));
        assert!(!explained(json!({"subject": "Band", "place": "Lake"})));
        assert!(
            !explained(json!({"subject": "Crew", "place": "Room"})),
            "the place had departed already"
        );
        assert!(
            !explained(json!({"subject": "Crew"})),
            "a place that is gone"
        );
    }
}
