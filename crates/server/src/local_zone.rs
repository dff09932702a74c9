//! The time zone of the person at the terminal: set, or what the system says.

use std::path::Path;

use jiff::tz::TimeZone;
use kalends_calendar::time::ZoneId;
use kalends_calendar::zone;

/// A zone by its name and rules.
#[derive(Clone, Debug)]
pub(crate) struct LocalZone {
    /// Its IANA name.
    pub(crate) id: ZoneId,
    /// Its rules.
    pub(crate) rules: TimeZone,
}

/// Where the name of the system's zone stands on Debian and its kin.
const TIMEZONE_FILE: &str = "/etc/timezone";
/// Where it is a link into the zone files, everywhere.
const LOCALTIME_LINK: &str = "/etc/localtime";

impl LocalZone {
    /// A zone by its name, IANA or Windows.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let id = zone::identify(name)?;
        let rules = zone::iana(&id.0)?;
        Some(Self { id, rules })
    }

    /// The system's: `TZ`, else what `/etc` says, else UTC; and a note where something is said that names no zone.
    pub(crate) fn of_system() -> (Self, Option<String>) {
        let variable = std::env::var("TZ").ok();
        let link = zone_of_link(Path::new(LOCALTIME_LINK));
        let file = std::fs::read_to_string(TIMEZONE_FILE).ok();
        Self::said(variable.as_deref(), link.as_deref(), file.as_deref())
    }

    fn said(
        variable: Option<&str>,
        link: Option<&str>,
        file: Option<&str>,
    ) -> (Self, Option<String>) {
        let utc = || Self {
            id: ZoneId("Etc/UTC".to_owned()),
            rules: TimeZone::UTC,
        };
        // An empty variable means UTC (POSIX), as no word at all does.
        if variable == Some("") || (variable, link, file) == (None, None, None) {
            return (utc(), None);
        }
        let of_variable = || Self::named(&name_in(variable?));
        let of_link = || Self::named(link?);
        let of_file = || Self::named(file?.trim());
        match of_variable().or_else(of_link).or_else(of_file) {
            Some(zone) => (zone, None),
            None => (
                utc(),
                Some(format!(
                    "the system's time zone ({}) is none that is known by name, so times are in UTC: set \
                     time_zone or KALENDS_TIME_ZONE",
                    variable.or(link).or(file).unwrap_or_default().trim()
                )),
            ),
        }
    }
}

/// The name in a `TZ`: itself, or that of the file which it names by its path (`:/etc/localtime`).
fn name_in(variable: &str) -> String {
    let text = variable.trim_start_matches(':');
    if text.starts_with('/') {
        within_zoneinfo(text)
            .or_else(|| zone_of_link(Path::new(text)))
            .unwrap_or_default()
    } else {
        text.to_owned()
    }
}

fn zone_of_link(link: &Path) -> Option<String> {
    within_zoneinfo(std::fs::read_link(link).ok()?.to_str()?)
}

fn within_zoneinfo(path: &str) -> Option<String> {
    let (_, name) = path.split_once("zoneinfo/")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_names_a_zone_counts() {
        let berlin = Some("Europe/Berlin");
        let paris = Some("Europe/Paris\n");
        for (variable, link, file, expected) in [
            (Some("Asia/Tokyo"), berlin, paris, "Asia/Tokyo"),
            (
                Some(":/usr/share/zoneinfo/Asia/Tokyo"),
                berlin,
                paris,
                "Asia/Tokyo",
            ),
            (Some(":/nowhere/localtime"), berlin, paris, "Europe/Berlin"),
            (
                Some("CET-1CEST,M3.5.0,M10.5.0/3"),
                berlin,
                paris,
                "Europe/Berlin",
            ),
            (None, berlin, paris, "Europe/Berlin"),
            (None, Some("Nowhere/Atall"), paris, "Europe/Paris"),
            (None, None, paris, "Europe/Paris"),
            (Some(""), berlin, paris, "Etc/UTC"),
            (None, None, None, "Etc/UTC"),
        ] {
            let (zone, note) = LocalZone::said(variable, link, file);
            assert_eq!(zone.id.0, expected, "{variable:?} {link:?} {file:?}");
            assert_eq!(note, None);
        }
    }

    #[test]
    fn utc_for_want_of_a_name_is_told() {
        let (zone, note) = LocalZone::said(Some("XYZ-3"), None, None);
        assert_eq!(zone.id.0, "Etc/UTC");
        assert!(note.is_some_and(|note| note.contains("XYZ-3")));
    }
}
