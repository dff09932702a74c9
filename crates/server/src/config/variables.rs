//! The variables of the environment that are settings, so that one which is misspelt does not pass in silence.

use super::reference;

/// What all of them begin with.
const PREFIX: &str = "KALENDS_";

/// What others set: tests and scripts of the repository, and Kubernetes for a service that is called kalends.
const OTHERS: [&str; 12] = [
    "BENCH_", "BUILT", "DEMO_", "NEXTEST", "PG_BIN", "PORT", "REQUIRE_", "SEEDS", "SERVICE_",
    "SHARED", "TEST_", "VENV",
];

/// What to say of variables that look like settings and are none, but for those that the command line names.
pub(super) fn unknown(set: impl Iterator<Item = String>, named: &[String]) -> Vec<String> {
    let known = known();
    let mut unknown: Vec<String> = set
        .filter(|name| !named.contains(name))
        .filter(|name| {
            name.strip_prefix(PREFIX).is_some_and(|rest| {
                !known.contains(&rest) && !OTHERS.iter().any(|others| rest.starts_with(others))
            })
        })
        .map(|name| {
            format!("the variable {name} is set, but there is no such setting: is it misspelt?")
        })
        .collect();
    unknown.sort();
    unknown
}

/// Those that are settings, without the prefix.
fn known() -> Vec<&'static str> {
    let all = reference::all();
    all.iter().filter_map(|setting| setting.variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_named_and_what_is_known_is_not() {
        let set = [
            "KALENDS_SYNC_POL_EVERY",
            "KALENDS_SYNC_POLL_EVERY",
            "KALENDS_SERVICE_HOST",
            "KALENDS_PORT_8080_TCP",
            "KALENDS_PASSWORD",
            "PATH",
        ];
        let set = set.map(str::to_owned).into_iter();
        let notes = unknown(set, &["KALENDS_PASSWORD".to_owned()]);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("KALENDS_SYNC_POL_EVERY"), "{notes:?}");
    }

    #[test]
    fn every_variable_that_the_guide_names_is_known() {
        let known = known();
        let guide = include_str!("../../../../docs/configuration.md");
        for part in guide.split(PREFIX).skip(1) {
            let end = part.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            let name = &part[..end.unwrap_or(part.len())];
            assert!(known.contains(&name), "{PREFIX}{name}");
        }
    }
}
