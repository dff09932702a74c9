//! The variables of the environment that are settings, so that one which is misspelt does not pass in silence.

/// What all of them begin with.
const PREFIX: &str = "KALENDS_";

/// Those that are settings, without the prefix: `docs/configuration.md` lists them.
const KNOWN: [&str; 39] = [
    "ALLOW_ADDRESSES",
    "CONFIG",
    "DATA",
    "DATABASE",
    "DOMAIN",
    "EXTRA_ROOTS_FILE",
    "GOOGLE_BASE_URL",
    "GOOGLE_CLIENT_ID",
    "GOOGLE_CLIENT_SECRET",
    "GOOGLE_CLIENT_SECRET_FILE",
    "LISTEN",
    "LOG",
    "MAIL_FROM",
    "MASTER_KEY",
    "MASTER_KEY_FILE",
    "MICROSOFT_BASE_URL",
    "MICROSOFT_CLIENT_ID",
    "MICROSOFT_CLIENT_SECRET",
    "MICROSOFT_CLIENT_SECRET_FILE",
    "MICROSOFT_DIRECTORY",
    "MIGRATE",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_CLIENT_SECRET_FILE",
    "OIDC_ISSUER",
    "OLDER_MASTER_KEY_FILES",
    "PUBLIC_URL",
    "SMTP_PASSWORD",
    "SMTP_PASSWORD_FILE",
    "SMTP_URL",
    "SYNC_BACKOFF_FIRST",
    "SYNC_BACKOFF_MAX",
    "SYNC_FULL_LISTING_EVERY",
    "SYNC_LEASE",
    "SYNC_POLL_EVERY",
    "SYNC_WORKERS",
    "SYNC_WRITES_PER_EVENT_PER_HOUR",
    "TENANT",
    "TIME_ZONE",
];

/// What others set: tests and scripts of the repository, and Kubernetes for a service that is called kalends.
const OTHERS: [&str; 12] = [
    "BENCH_", "BUILT", "DEMO_", "NEXTEST", "PG_BIN", "PORT", "REQUIRE_", "SEEDS", "SERVICE_",
    "SHARED", "TEST_", "VENV",
];

/// What to say of variables that look like settings and are none, but for those that the command line names.
pub(super) fn unknown(set: impl Iterator<Item = String>, named: &[String]) -> Vec<String> {
    let mut unknown: Vec<String> = set
        .filter(|name| !named.contains(name))
        .filter(|name| {
            name.strip_prefix(PREFIX).is_some_and(|rest| {
                !KNOWN.contains(&rest) && !OTHERS.iter().any(|others| rest.starts_with(others))
            })
        })
        .map(|name| {
            format!("the variable {name} is set, but there is no such setting: is it misspelt?")
        })
        .collect();
    unknown.sort();
    unknown
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
        let guide = include_str!("../../../../docs/configuration.md");
        for part in guide.split(PREFIX).skip(1) {
            let end = part.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            let name = &part[..end.unwrap_or(part.len())];
            assert!(KNOWN.contains(&name), "{PREFIX}{name}");
        }
    }
}
