//! Zones as Windows calls them, by CLDR, both ways.
//!
//! Many IANA zones share one Windows name. The name that a person chose is kept beside the event (see
//! [`super::properties`]) and counts as long as it still means the same Windows zone.

use std::collections::HashMap;
use std::sync::LazyLock;

use icu_time::TimeZone;
use icu_time::zone::WindowsParser;
use icu_time::zone::iana::IanaParser;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::time::ZoneId;
use kalends_calendar::zone;

/// What Graph calls UTC.
pub(super) const UTC: &str = "UTC";

/// Every Windows zone that CLDR maps. Zones with the same rules come in the order in which they are preferred.
const NAMES: [&str; 139] = [
    "UTC",
    "W. Europe Standard Time",
    "Romance Standard Time",
    "Central Europe Standard Time",
    "Central European Standard Time",
    "GMT Standard Time",
    "Eastern Standard Time",
    "Central Standard Time",
    "Mountain Standard Time",
    "Pacific Standard Time",
    "FLE Standard Time",
    "GTB Standard Time",
    "E. Europe Standard Time",
    "Greenwich Standard Time",
    "Atlantic Standard Time",
    "SA Western Standard Time",
    "SA Pacific Standard Time",
    "SA Eastern Standard Time",
    "US Mountain Standard Time",
    "US Eastern Standard Time",
    "Central America Standard Time",
    "E. South America Standard Time",
    "Argentina Standard Time",
    "South Africa Standard Time",
    "E. Africa Standard Time",
    "W. Central Africa Standard Time",
    "Arabian Standard Time",
    "Arab Standard Time",
    "Turkey Standard Time",
    "Russian Standard Time",
    "India Standard Time",
    "SE Asia Standard Time",
    "China Standard Time",
    "Singapore Standard Time",
    "Tokyo Standard Time",
    "West Asia Standard Time",
    "Central Asia Standard Time",
    "AUS Eastern Standard Time",
    "E. Australia Standard Time",
    "New Zealand Standard Time",
    "West Pacific Standard Time",
    "Central Pacific Standard Time",
    "Dateline Standard Time",
    "UTC-11",
    "Aleutian Standard Time",
    "Hawaiian Standard Time",
    "Marquesas Standard Time",
    "Alaskan Standard Time",
    "UTC-09",
    "Pacific Standard Time (Mexico)",
    "UTC-08",
    "Mountain Standard Time (Mexico)",
    "Yukon Standard Time",
    "Easter Island Standard Time",
    "Central Standard Time (Mexico)",
    "Canada Central Standard Time",
    "Eastern Standard Time (Mexico)",
    "Haiti Standard Time",
    "Cuba Standard Time",
    "Turks And Caicos Standard Time",
    "Paraguay Standard Time",
    "Venezuela Standard Time",
    "Central Brazilian Standard Time",
    "Pacific SA Standard Time",
    "Newfoundland Standard Time",
    "Tocantins Standard Time",
    "Greenland Standard Time",
    "Montevideo Standard Time",
    "Magallanes Standard Time",
    "Saint Pierre Standard Time",
    "Bahia Standard Time",
    "UTC-02",
    "Azores Standard Time",
    "Cape Verde Standard Time",
    "Sao Tome Standard Time",
    "Morocco Standard Time",
    "Jordan Standard Time",
    "Middle East Standard Time",
    "Egypt Standard Time",
    "Syria Standard Time",
    "West Bank Standard Time",
    "Israel Standard Time",
    "South Sudan Standard Time",
    "Kaliningrad Standard Time",
    "Sudan Standard Time",
    "Libya Standard Time",
    "Namibia Standard Time",
    "Arabic Standard Time",
    "Belarus Standard Time",
    "Volgograd Standard Time",
    "Iran Standard Time",
    "Astrakhan Standard Time",
    "Azerbaijan Standard Time",
    "Russia Time Zone 3",
    "Mauritius Standard Time",
    "Saratov Standard Time",
    "Georgian Standard Time",
    "Caucasus Standard Time",
    "Afghanistan Standard Time",
    "Ekaterinburg Standard Time",
    "Pakistan Standard Time",
    "Qyzylorda Standard Time",
    "Sri Lanka Standard Time",
    "Nepal Standard Time",
    "Bangladesh Standard Time",
    "Omsk Standard Time",
    "Myanmar Standard Time",
    "Altai Standard Time",
    "W. Mongolia Standard Time",
    "North Asia Standard Time",
    "N. Central Asia Standard Time",
    "Tomsk Standard Time",
    "North Asia East Standard Time",
    "W. Australia Standard Time",
    "Taipei Standard Time",
    "Ulaanbaatar Standard Time",
    "Aus Central W. Standard Time",
    "Transbaikal Standard Time",
    "North Korea Standard Time",
    "Korea Standard Time",
    "Yakutsk Standard Time",
    "Cen. Australia Standard Time",
    "AUS Central Standard Time",
    "Tasmania Standard Time",
    "Vladivostok Standard Time",
    "Lord Howe Standard Time",
    "Bougainville Standard Time",
    "Russia Time Zone 10",
    "Magadan Standard Time",
    "Norfolk Standard Time",
    "Sakhalin Standard Time",
    "Russia Time Zone 11",
    "UTC+12",
    "Fiji Standard Time",
    "Chatham Islands Standard Time",
    "UTC+13",
    "Tonga Standard Time",
    "Samoa Standard Time",
    "Line Islands Standard Time",
];

/// The Windows name of each zone that CLDR names for a country, or for the world.
static BY_ZONE: LazyLock<HashMap<TimeZone, &'static str>> = LazyLock::new(|| {
    let parser = WindowsParser::new();
    let mut by_zone = HashMap::new();
    for name in NAMES {
        if let Some(zone) = parser.parse(name, None) {
            by_zone.entry(zone).or_insert(name);
        }
    }
    for first in 'A'..='Z' {
        for second in 'A'..='Z' {
            let Ok(country) = format!("{first}{second}").parse() else {
                continue;
            };
            for name in NAMES {
                if let Some(zone) = parser.parse(name, Some(country)) {
                    by_zone.entry(zone).or_insert(name);
                }
            }
        }
    }
    by_zone
});

/// The Windows zone that an IANA zone belongs to: by CLDR, else the one whose clocks go alike. None for zones that an
/// event defines itself, and for clocks that no Windows zone shows.
pub(super) fn windows(zone: &ZoneId) -> Option<&'static str> {
    if zone.is_utc() {
        return Some(UTC);
    }
    if zone.is_custom() {
        return None;
    }
    let known = IanaParser::new().parse(&zone.0);
    BY_ZONE.get(&known).copied().or_else(|| alike(zone))
}

/// The IANA zone that a Windows name means first of all; also where Graph writes an IANA name, or the name of a zone
/// since retired.
pub(super) fn iana(name: &str) -> Option<ZoneId> {
    zone::identify(name)
}

/// Years over which two zones must show the same time: rules that were changed before no longer matter, and those that
/// are known reach this far.
const ALIKE_FROM: i64 = 1_767_225_600; // 2026-01-01
const ALIKE_DAYS: i64 = 3 * 366;

fn alike(zone: &ZoneId) -> Option<&'static str> {
    let zone = zone::iana(&zone.0)?;
    let begin = Timestamp::from_second(ALIKE_FROM).ok()?;
    let instants = || {
        (0..ALIKE_DAYS)
            .filter_map(move |day| begin.checked_add(SignedDuration::from_hours(24 * day)).ok())
    };
    let offsets: Vec<_> = instants().map(|at| zone.to_offset(at)).collect();
    NAMES.into_iter().find(|name| {
        iana(name)
            .and_then(|candidate| zone::iana(&candidate.0))
            .is_some_and(|candidate| {
                instants()
                    .zip(&offsets)
                    .all(|(at, offset)| candidate.to_offset(at) == *offset)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_windows_name_means_a_zone_and_comes_back() {
        for name in NAMES {
            let zone = iana(name).unwrap_or_else(|| panic!("{name} means nothing"));
            assert_eq!(windows(&zone), Some(name), "{zone}");
        }
    }

    #[test]
    fn zones_are_called_as_outlook_calls_them() {
        let table = [
            ("Europe/Berlin", "W. Europe Standard Time"),
            ("Europe/Rome", "W. Europe Standard Time"),
            ("Europe/Paris", "Romance Standard Time"),
            ("Europe/Warsaw", "Central European Standard Time"),
            ("Europe/Budapest", "Central Europe Standard Time"),
            ("Europe/London", "GMT Standard Time"),
            ("Atlantic/Reykjavik", "Greenwich Standard Time"),
            ("Europe/Kyiv", "FLE Standard Time"),
            ("Europe/Kiev", "FLE Standard Time"),
            ("America/New_York", "Eastern Standard Time"),
            ("America/Detroit", "Eastern Standard Time"),
            ("US/Pacific", "Pacific Standard Time"),
            ("America/Phoenix", "US Mountain Standard Time"),
            ("Asia/Calcutta", "India Standard Time"),
            ("Asia/Kolkata", "India Standard Time"),
            ("Asia/Tokyo", "Tokyo Standard Time"),
            ("Etc/UTC", "UTC"),
            ("UTC", "UTC"),
        ];
        for (iana, name) in table {
            assert_eq!(windows(&ZoneId(iana.to_owned())), Some(name), "{iana}");
        }
        assert_eq!(windows(&ZoneId("/own".to_owned())), None);
        assert_eq!(windows(&ZoneId("Nowhere/Land".to_owned())), None);
    }

    #[test]
    fn nearly_every_zone_of_the_database_can_be_written() {
        let without: Vec<String> = zone::iana_names()
            .filter(|name| windows(&ZoneId(name.clone())).is_none())
            .collect();
        assert!(without.len() < 20, "{without:?}");
    }
}
