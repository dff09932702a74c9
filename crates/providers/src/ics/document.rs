//! From the bytes of a feed to changes: what is no whole calendar is an error, and never a deletion.

use kalends_calendar::failure::Failure;
use kalends_calendar::ical::{self, Component, ItemError, Object, Tree};
use kalends_calendar::ids::{RemoteId, Version};
use kalends_calendar::provider::{Change, Coverage, Observed, Raw, State};

use super::digest;
use crate::color;

/// Properties that publishers write anew on every request although nothing happened.
const NOISE: [&str; 3] = ["DTSTAMP", "CREATED", "LAST-MODIFIED"];

/// A feed as read.
pub(super) struct Document {
    pub(super) name: Option<String>,
    /// `#rrggbb`, where the feed says it so.
    pub(super) color: Option<String>,
    pub(super) changes: Vec<Change>,
    /// Complete, unless something broken in it cannot be told from an event that is known.
    pub(super) coverage: Coverage,
}

impl Document {
    pub(super) fn read(body: &[u8], host: &str) -> Result<Self, Failure> {
        let decoded = ical::decode(body);
        let text = decoded.text.trim_start_matches('\u{feff}').trim_start();
        if !starts_calendar(text) {
            return Err(not_a_feed(text, host));
        }
        let reading = ical::read_calendar(text);
        if !reading.complete || !ends_calendar(text) {
            return Err(Failure::protocol(format!(
                "The feed of {host} is cut short: it does not end as a calendar does"
            )));
        }
        // Read a second time only where something is broken.
        let names = if reading.objects.iter().any(Result::is_err) {
            names(text)
        } else {
            Vec::new()
        };
        let names_fit = names.len() == reading.objects.len();
        let mut coverage = Coverage::Complete;
        let mut changes = Vec::with_capacity(reading.objects.len());
        for (position, object) in reading.objects.into_iter().enumerate() {
            changes.push(match object {
                Ok(object) => present(object),
                Err(error) => {
                    let name = names.get(position).filter(|_| names_fit);
                    if name.is_none_or(|name| name.uid.is_none()) {
                        coverage = Coverage::Incremental;
                    }
                    broken(name, &error)
                }
            });
        }
        Ok(Self {
            name: reading.name,
            color: reading.color.as_deref().and_then(color::hex),
            changes,
            coverage,
        })
    }
}

fn present(object: Object) -> Change {
    Change {
        remote_id: RemoteId(object.uid.0),
        state: State::Present(Box::new(Observed {
            version: Some(Version(digest(&without_noise(&object.text)))),
            event: object.event,
            raw: Raw(object.text),
            mark: object.mark,
        })),
    }
}

fn broken(name: Option<&Name>, error: &ItemError) -> Change {
    let message = error.to_string();
    let (remote_id, version) = match name {
        Some(Name {
            uid: Some(uid),
            content_digest,
        }) => (uid.clone(), content_digest.clone()),
        Some(Name {
            uid: None,
            content_digest,
        }) => (format!("broken-{content_digest}"), content_digest.clone()),
        // Without its line number the message stays the same when something else is added to the feed.
        None => {
            let content_digest = digest(&format!("{} {}", error.property, error.message));
            (format!("broken-{content_digest}"), content_digest)
        }
    };
    Change {
        remote_id: RemoteId(remote_id),
        state: State::Broken {
            version: Some(Version(version)),
            error: message,
        },
    }
}

/// By what an event of a feed is known even when it cannot be read.
struct Name {
    uid: Option<String>,
    content_digest: String,
}

/// The names of a feed's events, one for each UID, in the order in which they first appear: as the reading has them.
fn names(text: &str) -> Vec<Name> {
    let tree = Tree::parse(text);
    let mut names: Vec<Name> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for component in tree.components() {
        let inner: Vec<&Component<'_>> = if component.is("VCALENDAR") {
            component.components().collect()
        } else {
            vec![component]
        };
        for event in inner.into_iter().filter(|inner| inner.is("VEVENT")) {
            let uid = event
                .line("UID")
                .map(|line| unescaped(line.value()).trim().to_owned())
                .filter(|uid| !uid.is_empty());
            let key = uid.clone().map_or_else(
                || {
                    ["SUMMARY", "DTSTART", "DTEND", "LOCATION"]
                        .map(|name| event.line(name).map_or("", |line| line.value().trim()))
                        .join("\0")
                },
                |uid| format!("uid\0{uid}"),
            );
            if seen.insert(key) {
                let lines: String = event.lines().map(ical::Line::raw).collect();
                let content_digest = digest(&without_noise(&lines));
                names.push(Name {
                    uid,
                    content_digest,
                });
            }
        }
    }
    names
}

/// RFC 5545 §3.3.11, as far as a UID needs it.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => text.push('\\'),
            },
            _ => text.push(character),
        }
    }
    text
}

/// A text with its lines unfolded and those left out that change without meaning.
fn without_noise(text: &str) -> String {
    let unfolded = text
        .replace("\r\n", "\n")
        .replace("\n ", "")
        .replace("\n\t", "");
    let is_noise = |line: &str| {
        let name = line.split([':', ';']).next().unwrap_or_default();
        NOISE.iter().any(|noise| name.eq_ignore_ascii_case(noise))
    };
    let mut kept = String::with_capacity(unfolded.len());
    for line in unfolded.lines().filter(|line| !is_noise(line)) {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

fn starts_calendar(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default().trim();
    first.eq_ignore_ascii_case("BEGIN:VCALENDAR")
}

fn ends_calendar(text: &str) -> bool {
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    last.trim().eq_ignore_ascii_case("END:VCALENDAR")
}

fn not_a_feed(text: &str, host: &str) -> Failure {
    let what = if text.is_empty() {
        "nothing"
    } else if text.starts_with('<') {
        "a web page, perhaps to sign in"
    } else {
        "something else"
    };
    Failure::protocol(format!("{host} answers {what} instead of a calendar"))
}
