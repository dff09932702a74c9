//! Addresses: which path is what, and how a server writes them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::quirks::Hrefs;
use crate::world::Place;

/// Where the CalDAV paths begin.
pub(crate) const ROOT: &str = "/dav/";

/// All but the unreserved characters of RFC 3986 §2.3 and those a path segment may hold that names often have.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$');

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/.well-known/caldav`
    WellKnown,
    /// `/` and `/dav/`
    Root,
    /// `/dav/principals/USER/`
    Principal(String),
    /// `/dav/calendars/USER/`
    Home(String),
    /// `/dav/calendars/USER/inbox/`: a scheduling collection, no calendar.
    Inbox(String),
    /// `/dav/calendars/USER/outbox/`
    Outbox(String),
    /// `/dav/calendars/USER/COLLECTION/`
    Collection(Place),
    /// `/dav/calendars/USER/COLLECTION/NAME`
    Object(Place, String),
    /// Anything else.
    Unknown,
}

impl Target {
    /// What `path` stands for, percent-encoding undone segment by segment.
    pub(crate) fn parse(path: &str) -> Self {
        if path.trim_end_matches('/') == "/.well-known/caldav" {
            return Self::WellKnown;
        }
        let slash = path.ends_with('/');
        let segments: Option<Vec<String>> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| {
                percent_decode_str(segment)
                    .decode_utf8()
                    .ok()
                    .map(std::borrow::Cow::into_owned)
            })
            .collect();
        let Some(segments) = segments else {
            return Self::Unknown;
        };
        match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] | ["dav"] => Self::Root,
            ["dav", "principals", user] => Self::Principal(user.to_owned()),
            ["dav", "calendars", user] => Self::Home(user.to_owned()),
            ["dav", "calendars", user, "inbox"] => Self::Inbox(user.to_owned()),
            ["dav", "calendars", user, "outbox"] => Self::Outbox(user.to_owned()),
            ["dav", "calendars", user, collection] => Self::Collection(Place {
                user: user.to_owned(),
                collection: collection.to_owned(),
            }),
            ["dav", "calendars", user, collection, name] if !slash => Self::Object(
                Place {
                    user: user.to_owned(),
                    collection: collection.to_owned(),
                },
                name.to_owned(),
            ),
            _ => Self::Unknown,
        }
    }

    /// Whose it is; none when it is nobody's.
    pub(crate) fn owner(&self) -> Option<&str> {
        match self {
            Self::WellKnown | Self::Root | Self::Unknown => None,
            Self::Principal(user) | Self::Home(user) | Self::Inbox(user) | Self::Outbox(user) => {
                Some(user)
            }
            Self::Collection(place) | Self::Object(place, _) => Some(&place.user),
        }
    }

    /// Its address as a server of this kind writes it.
    pub(crate) fn href(&self, hrefs: Hrefs, origin: &str) -> String {
        let segment = |text: &str| match hrefs {
            Hrefs::OverEncoded => over_encode(text),
            Hrefs::Paths | Hrefs::Urls | Hrefs::NoTrailingSlash => {
                utf8_percent_encode(text, SEGMENT).to_string()
            }
        };
        let path = match self {
            Self::WellKnown => "/.well-known/caldav".to_owned(),
            Self::Root | Self::Unknown => ROOT.to_owned(),
            Self::Principal(user) => format!("{ROOT}principals/{}/", segment(user)),
            Self::Home(user) => format!("{ROOT}calendars/{}/", segment(user)),
            Self::Inbox(user) => format!("{ROOT}calendars/{}/inbox/", segment(user)),
            Self::Outbox(user) => format!("{ROOT}calendars/{}/outbox/", segment(user)),
            Self::Collection(place) => {
                format!(
                    "{ROOT}calendars/{}/{}/",
                    segment(&place.user),
                    segment(&place.collection)
                )
            }
            Self::Object(place, name) => {
                format!(
                    "{ROOT}calendars/{}/{}/{}",
                    segment(&place.user),
                    segment(&place.collection),
                    segment(name)
                )
            }
        };
        match hrefs {
            Hrefs::Paths | Hrefs::OverEncoded => path,
            Hrefs::Urls => format!("{origin}{path}"),
            Hrefs::NoTrailingSlash => path.trim_end_matches('/').to_owned(),
        }
    }
}

/// Punctuation and every third letter percent-encoded in lower case: the same address to whoever decodes it.
fn over_encode(text: &str) -> String {
    text.bytes()
        .enumerate()
        .map(|(index, byte)| {
            if byte.is_ascii_alphanumeric() && index % 3 != 1 {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_what_it_names() {
        let place = Place {
            user: "ada@x.org".to_owned(),
            collection: "Büro & Heim".to_owned(),
        };
        for target in [
            Target::Principal("ada@x.org".to_owned()),
            Target::Collection(place.clone()),
            Target::Object(place, "50%/ü+1.ics".to_owned()),
        ] {
            for hrefs in [Hrefs::Paths, Hrefs::OverEncoded, Hrefs::NoTrailingSlash] {
                assert_eq!(
                    Target::parse(&target.href(hrefs, "https://h")),
                    target,
                    "{hrefs:?}"
                );
            }
            let url = target.href(Hrefs::Urls, "https://h");
            assert_eq!(
                url.strip_prefix("https://h").map(Target::parse),
                Some(target)
            );
        }
    }
}
