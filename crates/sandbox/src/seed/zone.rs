//! Time zones with their definitions, as common programs write them.

use crate::chance::Chance;

/// A zone: its id and its `VTIMEZONE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) id: &'static str,
    lines: &'static [&'static str],
}

const ZONES: [Zone; 6] = [
    Zone {
        id: "Europe/Berlin",
        lines: &[
            "X-LIC-LOCATION:Europe/Berlin",
            "BEGIN:DAYLIGHT",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:+0200",
            "TZNAME:CEST",
            "DTSTART:19700329T020000",
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
            "END:DAYLIGHT",
            "BEGIN:STANDARD",
            "TZOFFSETFROM:+0200",
            "TZOFFSETTO:+0100",
            "TZNAME:CET",
            "DTSTART:19701025T030000",
            "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
            "END:STANDARD",
        ],
    },
    Zone {
        id: "America/New_York",
        lines: &[
            "BEGIN:DAYLIGHT",
            "TZOFFSETFROM:-0500",
            "TZOFFSETTO:-0400",
            "TZNAME:EDT",
            "DTSTART:20070311T020000",
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
            "END:DAYLIGHT",
            "BEGIN:STANDARD",
            "TZOFFSETFROM:-0400",
            "TZOFFSETTO:-0500",
            "TZNAME:EST",
            "DTSTART:20071104T020000",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU",
            "END:STANDARD",
        ],
    },
    Zone {
        id: "Asia/Tokyo",
        lines: &[
            "BEGIN:STANDARD",
            "TZOFFSETFROM:+0900",
            "TZOFFSETTO:+0900",
            "TZNAME:JST",
            "DTSTART:19700101T000000",
            "END:STANDARD",
        ],
    },
    Zone {
        id: "Asia/Kolkata",
        lines: &[
            "BEGIN:STANDARD",
            "TZOFFSETFROM:+0530",
            "TZOFFSETTO:+0530",
            "TZNAME:IST",
            "DTSTART:19700101T000000",
            "END:STANDARD",
        ],
    },
    // Outlook's name for central Europe.
    Zone {
        id: "W. Europe Standard Time",
        lines: &[
            "BEGIN:STANDARD",
            "DTSTART:16010101T030000",
            "TZOFFSETFROM:+0200",
            "TZOFFSETTO:+0100",
            "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10",
            "END:STANDARD",
            "BEGIN:DAYLIGHT",
            "DTSTART:16010101T020000",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:+0200",
            "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
            "END:DAYLIGHT",
        ],
    },
    // A name that no database knows, but whose rules say what it is.
    Zone {
        id: "Customized Time Zone",
        lines: &[
            "BEGIN:STANDARD",
            "TZOFFSETFROM:+0300",
            "TZOFFSETTO:+0300",
            "TZNAME:+03",
            "DTSTART:20160907T000000",
            "END:STANDARD",
        ],
    },
];

impl Zone {
    /// One of the zones; the common ones more often.
    pub(crate) fn pick(chance: &mut Chance) -> Self {
        if chance.percent(50) {
            ZONES[0]
        } else {
            *chance.pick(&ZONES)
        }
    }

    /// The zone with this id; none where it is not among them.
    pub(crate) fn named(id: &str) -> Option<Self> {
        ZONES.into_iter().find(|zone| zone.id == id)
    }

    /// Its `VTIMEZONE`.
    pub(crate) fn definition(&self) -> Vec<String> {
        let mut lines = vec!["BEGIN:VTIMEZONE".to_owned(), format!("TZID:{}", self.id)];
        lines.extend(self.lines.iter().map(|line| (*line).to_owned()));
        lines.push("END:VTIMEZONE".to_owned());
        lines
    }
}
