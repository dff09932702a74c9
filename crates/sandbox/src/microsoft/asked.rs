//! A request after the door: who asks, for what, and how the answer is to look.

use bytes::Bytes;
use http::{HeaderMap, Request};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::ids::IdType;
use super::moment::Zone;
use super::refusal::Refusal;
use crate::faults::Disturbance;

/// A request that was let in.
pub(crate) struct Asked<'a> {
    /// Whose mailbox.
    pub(crate) email: &'a str,
    /// Which application.
    pub(crate) client: &'a str,
    /// What the token is good for, short and in small letters.
    pub(crate) scopes: Vec<String>,
    /// The world's origin.
    pub(crate) origin: &'a str,
    /// The path as it was asked for, for links to further pages.
    pub(crate) path: &'a str,
    pub(crate) query: Query,
    pub(crate) prefer: Prefer,
    pub(crate) body: &'a [u8],
    pub(crate) if_match: Option<&'a str>,
    pub(crate) how: Disturbance,
    pub(crate) now: Timestamp,
    pub(crate) request_id: String,
}

/// What comes after the question mark, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

/// The preferences that the server honours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prefer {
    pub(crate) ids: IdType,
    pub(crate) zone: Option<Zone>,
    pub(crate) text_bodies: bool,
    pub(crate) page: Option<usize>,
    /// What is said to have been applied.
    applied: Vec<String>,
}

/// What a request needs its token to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Any of the calendar scopes.
    ReadCalendars,
    /// `Calendars.ReadWrite`.
    WriteCalendars,
    /// `MailboxSettings.Read` or `.ReadWrite`.
    ReadSettings,
    /// `MailboxSettings.ReadWrite`.
    WriteSettings,
    /// Any scope at all.
    Nothing,
}

impl Asked<'_> {
    /// The address of a description of what an answer holds.
    pub(crate) fn context(&self, what: &str) -> String {
        format!("{}/microsoft/v1.0/$metadata#{what}", self.origin)
    }

    /// This request's own address with another query.
    pub(crate) fn link(&self, query: &str) -> String {
        format!("{}{}?{query}", self.origin, self.path)
    }

    /// Whether the token is good for it.
    pub(crate) fn needs(&self, need: Need) -> Result<(), Refusal> {
        let any: &[&str] = match need {
            Need::ReadCalendars => &[
                "calendars.read",
                "calendars.readwrite",
                "calendars.read.shared",
                "calendars.readwrite.shared",
                "calendars.readbasic",
            ],
            Need::WriteCalendars => &["calendars.readwrite", "calendars.readwrite.shared"],
            Need::ReadSettings => &["mailboxsettings.read", "mailboxsettings.readwrite"],
            Need::WriteSettings => &["mailboxsettings.readwrite"],
            Need::Nothing => return Ok(()),
        };
        if self
            .scopes
            .iter()
            .any(|scope| any.contains(&scope.as_str()))
        {
            Ok(())
        } else {
            Err(Refusal::denied())
        }
    }

    /// Whether the token shows no more than `Calendars.ReadBasic` does: no bodies, no extensions.
    pub(crate) fn only_basics(&self) -> bool {
        let calendars: Vec<&String> = self
            .scopes
            .iter()
            .filter(|scope| scope.starts_with("calendars."))
            .collect();
        !calendars.is_empty()
            && calendars
                .iter()
                .all(|scope| *scope == "calendars.readbasic")
    }
}

/// A scope without its resource, in small letters.
pub(crate) fn short_scope(scope: &str) -> String {
    scope
        .rsplit('/')
        .next()
        .unwrap_or(scope)
        .to_ascii_lowercase()
}

impl Query {
    pub(crate) fn read(text: Option<&str>) -> Self {
        let decoded = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = text
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            });
        Self(pairs.collect())
    }

    /// A parameter's value, whatever the capitals of its name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All parameters but these, encoded anew.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| !names.iter().any(|known| known.eq_ignore_ascii_case(name)));
        let kept: Vec<String> = kept
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        kept.join("&")
    }
}

/// A query's name or value, as it stands in a link.
pub(crate) fn encoded(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'$')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'/');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

impl Prefer {
    /// Reads all `Prefer` headers. Preferences that the server does not know are passed over.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut prefer = Self {
            ids: IdType::Normal,
            zone: None,
            text_bodies: false,
            page: None,
            applied: Vec::new(),
        };
        let values = headers.get_all("prefer").iter();
        let parts = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(split_outside_quotes);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part.as_str(), ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            match name.to_ascii_lowercase().as_str() {
                "idtype" if value.eq_ignore_ascii_case("ImmutableId") => {
                    prefer.ids = IdType::Immutable;
                    prefer.applied.push("IdType=\"ImmutableId\"".to_owned());
                }
                "outlook.timezone" => {
                    prefer.zone = Some(Zone::find(value)?);
                    prefer.applied.push(format!("outlook.timezone=\"{value}\""));
                }
                "outlook.body-content-type" => {
                    prefer.text_bodies = value.eq_ignore_ascii_case("text");
                    prefer
                        .applied
                        .push(format!("outlook.body-content-type=\"{value}\""));
                }
                "odata.maxpagesize" => {
                    prefer.page = value.parse().ok().filter(|size| *size > 0);
                    if prefer.page.is_some() {
                        prefer.applied.push(format!("odata.maxpagesize={value}"));
                    }
                }
                _ => {}
            }
        }
        Ok(prefer)
    }

    /// `Preference-Applied`; none when nothing was.
    pub(crate) fn applied(&self, tracks_changes: bool) -> Option<String> {
        let mut applied = self.applied.clone();
        if tracks_changes {
            applied.push("odata.track-changes".to_owned());
        }
        (!applied.is_empty()).then(|| applied.join(", "))
    }

    /// The zone that times are shown in.
    pub(crate) fn shown_zone(&self) -> Zone {
        self.zone.clone().unwrap_or_else(Zone::utc)
    }
}

fn split_outside_quotes(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

/// A header's value.
pub(crate) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
