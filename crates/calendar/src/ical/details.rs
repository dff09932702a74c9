//! What an instance says beside its time: each field to and from its content line.

use std::collections::BTreeSet;

use super::line::Line;
use super::people::{self, People};
use super::text::{escape, plain, split_list, unescape};
use super::{COORDINATES, FURTHER_LOCATION};
use crate::event::{Details, FreeBusyStatus, Location, Privacy, Status, VirtualLocation};

/// Gathers details line by line. Of a property that may stand once, the first that says something counts.
#[derive(Default)]
pub(crate) struct Gathering {
    details: Details,
    status: Option<Status>,
    free_busy: Option<FreeBusyStatus>,
    privacy: Option<Privacy>,
    priority: Option<u8>,
    coordinates: Option<String>,
    further: Vec<Location>,
    people: People,
}

impl Gathering {
    /// Takes a line in, by its upper-cased name; whether it was one of ours.
    pub(crate) fn take(&mut self, name: &str, line: &Line<'_>) -> bool {
        let details = &mut self.details;
        let says_nothing = line.value().trim().is_empty();
        match name {
            "STATUS" | "TRANSP" | "CLASS" | "PRIORITY" if says_nothing => {}
            "SUMMARY" => fill(&mut details.title, line),
            "DESCRIPTION" => fill(&mut details.description, line),
            "LOCATION" => {
                let name = unescape(line.value()).into_owned();
                let coordinates = line.param(COORDINATES).map(std::borrow::Cow::into_owned);
                if !name.is_empty() || coordinates.is_some() {
                    details.locations.push(Location { name, coordinates });
                }
            }
            FURTHER_LOCATION => self.further.push(Location {
                name: unescape(line.value()).into_owned(),
                coordinates: line.param(COORDINATES).map(std::borrow::Cow::into_owned),
            }),
            "GEO" => {
                if self.coordinates.is_none() {
                    self.coordinates = read_geo(line.value());
                }
            }
            "CONFERENCE" => details.virtual_locations.push(VirtualLocation {
                uri: line.value().trim().to_owned(),
                name: line.param("LABEL").unwrap_or_default().into_owned(),
            }),
            "URL" => {
                let url = line.value().trim();
                if details.url.is_none() && !url.is_empty() {
                    details.url = Some(url.to_owned());
                }
            }
            "COLOR" => {
                let color = unescape(line.value()).trim().to_owned();
                if details.color.is_none() && !color.is_empty() {
                    details.color = Some(color);
                }
            }
            "STATUS" => {
                self.status.get_or_insert_with(|| read_status(line.value()));
            }
            "TRANSP" => {
                self.free_busy
                    .get_or_insert_with(|| read_transp(line.value()));
            }
            "CLASS" => {
                self.privacy.get_or_insert_with(|| read_class(line.value()));
            }
            "PRIORITY" => {
                self.priority.get_or_insert_with(|| {
                    let priority: u8 = line.value().trim().parse().unwrap_or(0);
                    if priority > 9 { 0 } else { priority }
                });
            }
            "CATEGORIES" => details.keywords.extend(read_keywords(line)),
            "ORGANIZER" => self.people.organizer(line),
            "ATTENDEE" => self.people.attendee(line),
            _ => return false,
        }
        true
    }

    /// All that was said. Alerts are not of lines and are added by the caller.
    pub(crate) fn finish(self) -> Details {
        let mut details = self.details;
        if let Some(coordinates) = self.coordinates {
            match details.locations.first_mut() {
                Some(first) if first.coordinates.is_none() => first.coordinates = Some(coordinates),
                Some(_) => {}
                None => details.locations.push(Location {
                    name: String::new(),
                    coordinates: Some(coordinates),
                }),
            }
        }
        details.locations.extend(self.further);
        details.status = self.status.unwrap_or_default();
        details.free_busy_status = self.free_busy.unwrap_or_default();
        details.privacy = self.privacy.unwrap_or_default();
        details.priority = self.priority.unwrap_or_default();
        details.participants = self.people.finish();
        details
    }
}

fn fill(field: &mut String, line: &Line<'_>) {
    if field.is_empty() {
        *field = unescape(line.value()).into_owned();
    }
}

fn read_status(value: &str) -> Status {
    match value.trim() {
        value if value.eq_ignore_ascii_case("TENTATIVE") => Status::Tentative,
        value if value.eq_ignore_ascii_case("CANCELLED") => Status::Cancelled,
        // One letter short is seen in the wild.
        value if value.eq_ignore_ascii_case("CANCELED") => Status::Cancelled,
        _ => Status::Confirmed,
    }
}

fn read_transp(value: &str) -> FreeBusyStatus {
    if value.trim().eq_ignore_ascii_case("TRANSPARENT") {
        FreeBusyStatus::Free
    } else {
        FreeBusyStatus::Busy
    }
}

fn read_class(value: &str) -> Privacy {
    match value.trim() {
        value if value.is_empty() || value.eq_ignore_ascii_case("PUBLIC") => Privacy::Public,
        value if value.eq_ignore_ascii_case("CONFIDENTIAL") => Privacy::Secret,
        // RFC 5545 §3.8.1.3: what is not known is private.
        _ => Privacy::Private,
    }
}

/// The keywords of one `CATEGORIES` line.
pub(crate) fn read_keywords(line: &Line<'_>) -> impl Iterator<Item = String> {
    split_list(line.value())
        .into_iter()
        .map(|part| unescape(part).trim().to_owned())
        .filter(|keyword| !keyword.is_empty())
}

/// The value of a `CATEGORIES` line.
pub(crate) fn keywords_value<'k>(keywords: impl Iterator<Item = &'k String>) -> String {
    let escaped: Vec<String> = keywords.map(|keyword| escape(keyword)).collect();
    escaped.join(",")
}

fn read_geo(value: &str) -> Option<String> {
    let (latitude, longitude) = value.split_once([';', ','])?;
    let number = |text: &str| {
        let text = text.trim().trim_end_matches('\\');
        text.parse::<f64>().ok().map(|_| text.to_owned())
    };
    Some(format!("geo:{},{}", number(latitude)?, number(longitude)?))
}

/// The value of `GEO` for a `geo:` URI; none where it says more than two numbers.
pub(crate) fn geo_value(coordinates: &str) -> Option<String> {
    let (latitude, longitude) = coordinates.strip_prefix("geo:")?.split_once(',')?;
    let plain_number = |text: &str| {
        let digits = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        digits && text.parse::<f64>().is_ok()
    };
    (plain_number(latitude) && plain_number(longitude)).then(|| format!("{latitude};{longitude}"))
}

/// One of the properties that stand once and whose value depends on one field alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Simple {
    /// The property.
    pub(crate) name: &'static str,
    /// Its value as written.
    pub(crate) value: String,
    /// Whether leaving the property out says the same.
    pub(crate) default: bool,
}

/// All properties of that kind, in the order in which we write them.
pub(crate) fn simple(details: &Details) -> [Simple; 8] {
    let text = |name, text: &str| Simple {
        name,
        value: escape(text),
        default: text.is_empty(),
    };
    let url = details.url.as_deref().unwrap_or_default();
    let (status, free_busy, privacy) = (details.status, details.free_busy_status, details.privacy);
    [
        text("SUMMARY", &details.title),
        text("DESCRIPTION", &details.description),
        Simple {
            name: "URL",
            value: plain(url).into_owned(),
            default: url.is_empty(),
        },
        Simple {
            name: "STATUS",
            value: match status {
                Status::Confirmed => "CONFIRMED",
                Status::Tentative => "TENTATIVE",
                Status::Cancelled => "CANCELLED",
            }
            .to_owned(),
            default: status == Status::default(),
        },
        Simple {
            name: "TRANSP",
            value: match free_busy {
                FreeBusyStatus::Busy => "OPAQUE",
                FreeBusyStatus::Free => "TRANSPARENT",
            }
            .to_owned(),
            default: free_busy == FreeBusyStatus::default(),
        },
        Simple {
            name: "CLASS",
            value: match privacy {
                Privacy::Public => "PUBLIC",
                Privacy::Private => "PRIVATE",
                Privacy::Secret => "CONFIDENTIAL",
            }
            .to_owned(),
            default: privacy == Privacy::default(),
        },
        Simple {
            name: "PRIORITY",
            value: details.priority.to_string(),
            default: details.priority == 0,
        },
        text("COLOR", details.color.as_deref().unwrap_or_default()),
    ]
}

/// The lines for the places, the first as `LOCATION` and `GEO`.
pub(crate) fn location_lines(locations: &[Location]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, location) in locations.iter().enumerate() {
        let geo = location
            .coordinates
            .as_deref()
            .filter(|_| at == 0)
            .and_then(geo_value);
        let parameter = match (&location.coordinates, &geo) {
            (Some(coordinates), None) => {
                format!(";{COORDINATES}={}", super::text::encode_param(coordinates))
            }
            _ => String::new(),
        };
        let name = if at == 0 {
            "LOCATION"
        } else {
            FURTHER_LOCATION
        };
        if !(location.name.is_empty() && geo.is_some()) {
            lines.push(format!("{name}{parameter}:{}", escape(&location.name)));
        }
        if let Some(geo) = geo {
            lines.push(format!("GEO:{geo}"));
        }
    }
    lines
}

/// The line of a way to take part from afar.
pub(crate) fn conference_line(place: &VirtualLocation) -> String {
    let label = if place.name.is_empty() {
        String::new()
    } else {
        format!(";LABEL={}", super::text::encode_param(&place.name))
    };
    format!("CONFERENCE;VALUE=URI{label}:{}", plain(&place.uri))
}

/// The lines of everything here, for a component that is written anew.
pub(crate) fn lines(details: &Details) -> Vec<String> {
    let mut lines: Vec<String> = simple(details)
        .into_iter()
        .filter(|simple| !simple.default)
        .map(|simple| format!("{}:{}", simple.name, simple.value))
        .collect();
    lines.extend(location_lines(&details.locations));
    lines.extend(details.virtual_locations.iter().map(conference_line));
    let keywords: &BTreeSet<String> = &details.keywords;
    if !keywords.is_empty() {
        lines.push(format!("CATEGORIES:{}", keywords_value(keywords.iter())));
    }
    for (address, participant) in &details.participants {
        lines.extend(people::lines(address, participant));
    }
    lines
}
