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

    /// The system's: `TZ`, else what `/etc` says, else UTC.
    pub(crate) fn of_system() -> Self {
        let named = std::env::var("TZ")
            .ok()
            .map(|name| name.trim_start_matches(':').to_owned())
            .or_else(linked_zone)
            .or_else(|| std::fs::read_to_string(TIMEZONE_FILE).ok());
        named
            .and_then(|name| Self::named(name.trim()))
            .unwrap_or_else(|| Self {
                id: ZoneId("Etc/UTC".to_owned()),
                rules: TimeZone::UTC,
            })
    }
}

fn linked_zone() -> Option<String> {
    let target = std::fs::read_link(Path::new(LOCALTIME_LINK)).ok()?;
    let text = target.to_str()?;
    let (_, name) = text.split_once("zoneinfo/")?;
    Some(name.to_owned())
}
