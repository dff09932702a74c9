//! What a copy of an event at a provider does not keep, and what is refused: said once, in the order of `docs/mapping.md`,
//! which has the same tables. A loss is a function of the event, so that nothing can be lost under its name but what it
//! takes.

use std::collections::BTreeMap;

use kalends_calendar::event::{
    Alert, AlertAction, AlertKey, Details, Event, FreeBusyStatus, Instance, Override, Status,
    Trigger,
};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_calendar::zone::resolve;

/// What is lost under one name.
pub(crate) struct Loss {
    /// Which part of an event, in the words of the guide.
    pub(crate) what: &'static str,
    /// What becomes of it there.
    pub(crate) becomes: &'static str,
    /// Takes it away.
    pub(crate) take: fn(&mut Event),
}

/// Why a provider, or its adapter, does not take an event.
pub(crate) struct Refusal {
    /// What is refused, in the words of the guide.
    pub(crate) what: &'static str,
    /// What its reason says.
    pub(crate) says: &'static str,
}

/// A provider by what it does to events.
pub(crate) struct Holding {
    pub(crate) name: &'static str,
    pub(crate) losses: &'static [Loss],
    pub(crate) refusals: &'static [Refusal],
}

impl Holding {
    /// An event as it is expected to be there, and under which names something was lost.
    pub(crate) fn expected(&self, event: &Event) -> (Event, Vec<&'static str>) {
        let mut left = event.clone();
        let mut lost = Vec::new();
        for loss in self.losses {
            let before = left.clone();
            (loss.take)(&mut left);
            if left != before {
                lost.push(loss.what);
            }
        }
        (left, lost)
    }

    /// Under which name a reason is foreseen.
    pub(crate) fn refusal(&self, reason: &str) -> Option<&'static str> {
        let known = |refusal: &&Refusal| reason.contains(refusal.says);
        self.refusals.iter().find(known).map(|refusal| refusal.what)
    }

    /// The tables, as the guide has them.
    pub(crate) fn tables(&self) -> String {
        let table = |head: [&str; 2], rows: &[(&str, String)]| {
            let mut text = format!("| {} | {} |\n|---|---|\n", head[0], head[1]);
            for (what, then) in rows {
                text.extend(["| ", what, " | ", then, " |\n"]);
            }
            text
        };
        let losses: Vec<(&str, String)> = self
            .losses
            .iter()
            .map(|loss| (loss.what, loss.becomes.to_owned()))
            .collect();
        let refusals: Vec<(&str, String)> = self
            .refusals
            .iter()
            .map(|refusal| (refusal.what, format!("“{}”", refusal.says)))
            .collect();
        let lost = if losses.is_empty() {
            "A copy keeps everything.\n".to_owned()
        } else {
            table(["not kept", "what is there instead"], &losses)
        };
        let refused = if refusals.is_empty() {
            "Nothing is refused but by the server itself.\n".to_owned()
        } else {
            table(["refused", "the reason says"], &refusals)
        };
        format!("{lost}\n{refused}")
    }
}

pub(crate) const GOOGLE: Holding = Holding {
    name: "google",
    losses: &[
        Loss {
            what: "guests and organizer",
            becomes: "nobody",
            take: nobody,
        },
        Loss {
            what: "blanks and empty lines of a description that looks like HTML",
            becomes: "one empty line for several, none at the ends, no blanks at line ends",
            take: |event| {
                each(event, |details| {
                    if looks_like_html(&details.description) {
                        details.description = canonical(&details.description);
                    }
                });
            },
        },
        Loss {
            what: "an occurrence that is shown as cancelled",
            becomes: "left out",
            take: |event| {
                for over in event.recurrence_overrides.values_mut() {
                    if matches!(over, Override::Replaced(here) if here.details.status == Status::Cancelled)
                    {
                        *over = Override::Excluded;
                    }
                }
            },
        },
    ],
    refusals: &[
        Refusal {
            what: "a zone that the event defines itself",
            says: "Google does not know the time zone",
        },
        Refusal {
            what: "an end in another zone than the start, of a series",
            says: "Invalid time zone definition for end time",
        },
        Refusal {
            what: "an event that is shown as cancelled",
            says: "status: Google shows no events that are cancelled",
        },
        Refusal {
            what: "reminders after the start, from the end or at a time of their own",
            says: "alerts: Google reminds",
        },
        Refusal {
            what: "more than five reminders",
            says: "alerts: Google takes at most",
        },
        Refusal {
            what: "an added date with a length of its own",
            says: "recurrenceOverrides: Google has no added dates with a length of their own",
        },
        Refusal {
            what: "a rule that repeats within a day",
            says: "recurrenceRules: Google repeats nothing within a day",
        },
        Refusal {
            what: "single occurrences without their series",
            says: "shape: Google has no series of which only single occurrences are known",
        },
        Refusal {
            what: "an occurrence that is hidden better than its series",
            says: "privacy: Google would hide the whole series",
        },
        Refusal {
            what: "a description of more than 8,192 characters",
            says: "description: Google keeps at most",
        },
    ],
};

pub(crate) const GRAPH: Holding = Holding {
    name: "graph",
    losses: &[
        Loss {
            what: "guests and organizer",
            becomes: "nobody",
            take: nobody,
        },
        Loss {
            what: "line breaks in a title, blanks around it",
            becomes: "a blank for each break, none around",
            take: |event| {
                each(event, |details| {
                    let on_one_line = details.title.replace(['\r', '\n'], " ");
                    on_one_line.trim().clone_into(&mut details.title);
                });
            },
        },
        Loss {
            what: "blanks and empty lines of a description",
            becomes: "one empty line for several, none at the ends, no blanks at line ends, no control characters",
            take: |event| {
                each(event, |details| {
                    details.description = canonical(&details.description);
                });
            },
        },
        Loss {
            what: "a status beside that of the time, of one occurrence",
            becomes: "those of its series where both show the same, else cancelled is free, and what is tentative and free is free",
            take: |event| {
                let series = event.master.details.clone();
                instances(event, |instance| {
                    let details = &mut instance.details;
                    if shown(details) == shown(&series) {
                        details.status = series.status;
                        details.free_busy_status = series.free_busy_status;
                        return;
                    }
                    if details.status == Status::Cancelled {
                        details.free_busy_status = FreeBusyStatus::Free;
                    }
                    if details.free_busy_status == FreeBusyStatus::Free {
                        details.status = Status::Confirmed;
                    }
                });
            },
        },
        Loss {
            what: "shades of priority",
            becomes: "1 to 4 are 1, 6 to 9 are 9, 5 is none",
            take: |event| {
                each(event, |details| {
                    details.priority = match details.priority {
                        1..=4 => 1,
                        6..=9 => 9,
                        _ => 0,
                    };
                });
            },
        },
        Loss {
            what: "colour",
            becomes: "none",
            take: |event| each(event, |details| details.color = None),
        },
        Loss {
            what: "reminders but one",
            becomes: "the last one on a screen at or before the start, in whole minutes",
            take: |event| {
                each(event, |details| {
                    details.alerts = last_reminder(&details.alerts);
                });
            },
        },
        Loss {
            what: "places without a name, altitudes",
            becomes: "none; latitude and longitude as numbers",
            take: |event| {
                each(event, |details| {
                    details
                        .locations
                        .retain(|place| !place.name.trim().is_empty());
                    for place in &mut details.locations {
                        place.coordinates = place.coordinates.as_deref().and_then(plain_point);
                    }
                });
            },
        },
        Loss {
            what: "a zone that the event defines itself",
            becomes: "UTC, for what happens once",
            take: in_utc,
        },
        Loss {
            what: "a length in days of an event with a time",
            becomes: "as many exact hours",
            take: |event| {
                let zones = event.time_zones.clone();
                if !event.master.start.is_all_day() {
                    event.master.duration = exact(&event.master, &zones);
                }
                instances(event, |instance| {
                    if !instance.start.is_all_day() {
                        instance.duration = exact(instance, &zones);
                    }
                });
            },
        },
        Loss {
            what: "the name of a reminder of one occurrence, which no one sees",
            becomes: "that of the series where it is as early, else one made from when it is",
            take: |event| {
                let series = event.master.details.alerts.clone();
                instances(event, |instance| {
                    let alerts = std::mem::take(&mut instance.details.alerts);
                    instance.details.alerts = alerts
                        .into_values()
                        .map(|alert| {
                            let like = series.iter().find(|(_, other)| **other == alert);
                            let key =
                                like.map_or_else(|| made_name(&alert), |(key, _)| key.clone());
                            (key, alert)
                        })
                        .collect();
                });
            },
        },
        Loss {
            what: "a web address or a conference of one occurrence",
            becomes: "those of its series",
            take: |event| {
                let series = event.master.details.clone();
                instances(event, |instance| {
                    instance.details.url.clone_from(&series.url);
                    instance
                        .details
                        .virtual_locations
                        .clone_from(&series.virtual_locations);
                });
            },
        },
    ],
    refusals: &[
        Refusal {
            what: "single occurrences without their series",
            says: "it has occurrences without a series",
        },
        Refusal {
            what: "added dates",
            says: "it has dates without a rule",
        },
        Refusal {
            what: "added dates beside a rule",
            says: "that the rule does not give",
        },
        Refusal {
            what: "rules that take occurrences away",
            says: "it has rules that take occurrences away",
        },
        Refusal {
            what: "several rules",
            says: "it has several rules",
        },
        Refusal {
            what: "a rule that Outlook cannot say",
            says: "Outlook cannot repeat this event: Outlook ",
        },
        Refusal {
            what: "a day of the month that not every month has",
            says: "it skips months without a day",
        },
        Refusal {
            what: "a first occurrence off the rule",
            says: "is not one that its rule gives",
        },
        Refusal {
            what: "a series in a zone that Windows has no like of",
            says: "it has no zone like",
        },
        Refusal {
            what: "an occurrence moved to or past the day of its neighbour",
            says: "Microsoft moves no occurrence to or past the day of its neighbour",
        },
        Refusal {
            what: "an occurrence that was taken away and is wanted back",
            says: "Outlook does not bring back the occurrence",
        },
        Refusal {
            what: "an event whose only day is taken away",
            says: "Outlook shows no event that never takes place",
        },
    ],
};

pub(crate) const CALDAV: Holding = Holding {
    name: "caldav",
    losses: &[],
    refusals: &[],
};

/// Does something to the details of an event and of its changed occurrences.
fn each(event: &mut Event, mut act: impl FnMut(&mut Details)) {
    act(&mut event.master.details);
    instances(event, |instance| act(&mut instance.details));
}

fn instances(event: &mut Event, mut act: impl FnMut(&mut Instance)) {
    for over in event.recurrence_overrides.values_mut() {
        if let Override::Replaced(instance) = over {
            act(instance);
        }
    }
}

/// The one state that Outlook shows of the two that an event has here.
fn shown(details: &Details) -> (Status, FreeBusyStatus) {
    match (details.status, details.free_busy_status) {
        (Status::Cancelled, _) | (_, FreeBusyStatus::Free) => {
            (Status::Confirmed, FreeBusyStatus::Free)
        }
        busy => busy,
    }
}

fn nobody(event: &mut Event) {
    each(event, |details| details.participants.clear());
}

/// Whether a text has a tag or a character that is spelled out.
fn looks_like_html(text: &str) -> bool {
    let has_tag = [
        "</a>", "</b>", "</p>", "</i>", "<br", "<b>", "<i>", "</div>",
    ]
    .iter()
    .any(|tag| text.to_ascii_lowercase().contains(tag));
    has_tag
        || ["&amp;", "&lt;", "&gt;", "&quot;", "&#", "&nbsp;"]
            .iter()
            .any(|one| text.contains(one))
}

/// A text with lines that end in no blanks, and no more than one empty line in a row.
fn canonical(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let line: String = line
            .chars()
            .map(|c| if matches!(c, '\t' | '\u{a0}') { ' ' } else { c })
            .filter(|c| !c.is_control() && *c != '\u{feff}')
            .collect();
        let line = line.trim_end_matches(' ');
        if !(line.is_empty() && lines.last().is_none_or(String::is_empty)) {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n").trim_end_matches('\n').to_owned()
}

fn last_reminder(alerts: &BTreeMap<AlertKey, Alert>) -> BTreeMap<AlertKey, Alert> {
    let before = |alert: &Alert| match alert.trigger {
        Trigger::FromStart(seconds) if seconds <= 0 && alert.action == AlertAction::Display => {
            Some(seconds)
        }
        Trigger::FromStart(_) | Trigger::FromEnd(_) | Trigger::At(_) => None,
    };
    let last = alerts
        .iter()
        .filter_map(|(key, alert)| Some((before(alert)?, key)))
        .max_by_key(|(seconds, _)| *seconds);
    last.into_iter()
        .map(|(seconds, key)| {
            let alert = Alert {
                trigger: Trigger::FromStart(seconds / 60 * 60),
                action: AlertAction::Display,
            };
            (key.clone(), alert)
        })
        .collect()
}

/// What a reminder on a screen is called that has no name of its own: as iCalendar writes its time.
fn made_name(alert: &Alert) -> AlertKey {
    let Trigger::FromStart(seconds) = alert.trigger else {
        return AlertKey(String::new());
    };
    let minutes = -seconds / 60;
    let (days, hours, rest) = (minutes / 1_440, minutes / 60, minutes % 60);
    let span = match (minutes % 1_440, hours, rest) {
        _ if minutes == 0 => "PT0S".to_owned(),
        (0, _, _) => format!("-P{days}D"),
        (_, 0, rest) => format!("-PT{rest}M"),
        (_, hours, 0) => format!("-PT{hours}H"),
        (_, hours, rest) => format!("-PT{hours}H{rest}M"),
    };
    AlertKey(format!("display {span} start"))
}

fn plain_point(coordinates: &str) -> Option<String> {
    let (latitude, longitude) = coordinates.strip_prefix("geo:")?.split_once(',')?;
    let longitude = longitude.split([',', ';']).next()?;
    let (latitude, longitude): (f64, f64) = (latitude.parse().ok()?, longitude.parse().ok()?);
    Some(format!("geo:{latitude},{longitude}"))
}

fn in_utc(event: &mut Event) {
    if !event.recurrence_rules.is_empty() {
        return;
    }
    if let Start::Zoned { local, zone } = &event.master.start
        && zone.is_custom()
    {
        let (from, to) = (
            resolve(zone, &event.time_zones).unwrap(),
            jiff::tz::TimeZone::UTC,
        );
        event.master.start = Start::Zoned {
            local: to.to_datetime(from.to_instant(*local)),
            zone: ZoneId::utc(),
        };
    }
    event.time_zones.clear();
}

fn exact(
    instance: &Instance,
    zones: &BTreeMap<ZoneId, kalends_calendar::zone::CustomZone>,
) -> Length {
    let Length { days, seconds } = instance.duration;
    let begin = instance.start.local();
    let end = begin + jiff::Span::new().days(days);
    let whole = match &instance.start {
        Start::Zoned { zone, .. } => {
            let zone = resolve(zone, zones).unwrap();
            zone.to_instant(begin)
                .duration_until(zone.to_instant(end))
                .as_secs()
        }
        Start::Floating(_) | Start::AllDay(_) => i64::from(days) * 86_400,
    };
    Length::seconds(whole + seconds)
}
