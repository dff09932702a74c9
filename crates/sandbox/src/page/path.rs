//! Addresses of the page: which path is what, and how links are written.

use jiff::civil::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::entry::{Face, Key, Seat};
use crate::oauth::params::Params;

/// What stands before every path of the page but its first.
pub(crate) const ROOT: &str = "/_sandbox/page";

/// All but the unreserved characters of RFC 3986 §2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Overview,
    /// A file of the page, by its name.
    File(String),
    Requests,
    /// The requests as JSON.
    RequestLog,
    Mails,
    Faults,
    /// A rule to be taken away, or all.
    FaultsRemoved,
    Clock,
    Worlds,
    /// Clients, people's tokens and organisations.
    Access,
    User(Face, String),
    Calendar(Seat),
    /// Something to be done in a calendar, or to be seen there.
    Act(Seat, Act),
    Unknown,
}

/// What can be done in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    New,
    Event,
    Edit,
    Delete,
    Move,
    Answer,
}

impl Act {
    const ALL: [Self; 6] = [
        Self::New,
        Self::Event,
        Self::Edit,
        Self::Delete,
        Self::Move,
        Self::Answer,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Event => "event",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Answer => "answer",
        }
    }
}

/// Whether a path is the page's.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/"
        || path
            .strip_prefix(ROOT)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Route {
    pub(crate) fn parse(path: &str) -> Self {
        let Some(rest) = path.strip_prefix(ROOT) else {
            return Self::Overview;
        };
        let segments: Vec<String> = rest
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let seat = |face: &str, user: &str, calendar: &str| {
            Some(Seat {
                face: Face::read(face)?,
                user: user.to_owned(),
                calendar: calendar.to_owned(),
            })
        };
        let found = match parts[..] {
            [] => Some(Self::Overview),
            ["requests"] => Some(Self::Requests),
            ["requests.json"] => Some(Self::RequestLog),
            ["mails"] => Some(Self::Mails),
            ["faults"] => Some(Self::Faults),
            ["faults", "remove"] => Some(Self::FaultsRemoved),
            ["clock"] => Some(Self::Clock),
            ["worlds"] => Some(Self::Worlds),
            ["access"] => Some(Self::Access),
            [file] => Some(Self::File(file.to_owned())),
            [face, user] => Face::read(face).map(|face| Self::User(face, user.to_owned())),
            [face, user, calendar] => seat(face, user, calendar).map(Self::Calendar),
            [face, user, calendar, act] => {
                let act = Act::ALL.into_iter().find(|known| known.word() == act);
                act.and_then(|act| Some(Self::Act(seat(face, user, calendar)?, act)))
            }
            _ => None,
        };
        found.unwrap_or(Self::Unknown)
    }
}

/// The address of something of the page by its name.
pub(crate) fn to(name: &str) -> String {
    format!("{ROOT}/{name}")
}

/// The address of somebody's calendars.
pub(crate) fn user(face: Face, user: &str) -> String {
    format!("{ROOT}/{}/{}", face.word(), encoded(user))
}

/// The address of a calendar.
pub(crate) fn calendar(seat: &Seat, query: &[(&str, &str)]) -> String {
    let path = format!(
        "{}/{}",
        user(seat.face, &seat.user),
        encoded(&seat.calendar)
    );
    with_query(path, query)
}

/// The address of something to be done in a calendar.
pub(crate) fn act(seat: &Seat, act: Act, query: &[(&str, &str)]) -> String {
    with_query(format!("{}/{}", calendar(seat, &[]), act.word()), query)
}

/// The address of an event.
pub(crate) fn event(seat: &Seat, key: &Key, query: &[(&str, &str)]) -> String {
    about(seat, Act::Event, key, query)
}

/// The address of something to be done with an event.
pub(crate) fn about(seat: &Seat, what: Act, key: &Key, query: &[(&str, &str)]) -> String {
    let at = key.at.map(|at| at.to_string());
    let mut all = vec![("id", key.id.as_str())];
    all.extend(at.as_deref().map(|at| ("at", at)));
    all.extend(query);
    act(seat, what, &all)
}

/// The event that a query or a form names.
pub(crate) fn key(params: &Params) -> Option<Key> {
    Some(Key {
        id: params.get("id")?.to_owned(),
        at: match params.get("at") {
            Some(at) => Some(at.parse::<DateTime>().ok()?),
            None => None,
        },
    })
}

fn with_query(path: String, query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    if pairs.is_empty() {
        path
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_what_it_names() {
        let seat = Seat {
            face: Face::CalDav,
            user: "ada@x.org".to_owned(),
            calendar: "Büro/Heim & 50%".to_owned(),
        };
        let path = act(&seat, Act::Edit, &[]);
        assert_eq!(Route::parse(&path), Route::Act(seat.clone(), Act::Edit));
        assert_eq!(
            Route::parse(&calendar(&seat, &[])),
            Route::Calendar(seat.clone())
        );
        assert_eq!(
            Route::parse(&user(seat.face, &seat.user)),
            Route::User(Face::CalDav, seat.user)
        );
    }

    #[test]
    fn only_its_own_paths_are_the_page() {
        assert!(is_page("/") && is_page("/_sandbox/page") && is_page("/_sandbox/page/mails"));
        assert!(!is_page("/_sandbox/pages") && !is_page("/_sandbox/faults") && !is_page("/dav/"));
        assert_eq!(Route::parse("/_sandbox/page/nobody/x"), Route::Unknown);
    }
}
