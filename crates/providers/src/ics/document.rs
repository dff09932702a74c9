//! From the bytes of a feed to changes: what is no whole calendar is an error, and never a deletion.

use kalends_calendar::failure::Failure;
use kalends_calendar::ical::{self, Component, ItemError, Object, Tree};
use kalends_calendar::ids::{RemoteId, Uid, Version};
use kalends_calendar::provider::{Change, Coverage, Observed, Raw, State};

use crate::color;
use crate::remote_id::{digest, fitting};

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
        let mut coverage = Coverage::Complete;
        let mut changes = Vec::with_capacity(reading.objects.len());
        for (position, object) in reading.objects.into_iter().enumerate() {
            changes.push(match object {
                Ok(object) => present(object),
                Err(error) => {
                    let name = names.get(position);
                    if name.is_none_or(|name| !name.is_its_own) {
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

    /// What to say of an event that the feed does not name.
    pub(super) fn absent(&self) -> State {
        match self.coverage {
            Coverage::Complete => State::Gone,
            Coverage::Incremental => State::Broken {
                version: None,
                error:
                    "the feed does not name it, but has an event without UID that cannot be read \
                        and may be this one"
                        .to_owned(),
            },
        }
    }
}

fn present(object: Object) -> Change {
    Change {
        remote_id: remote_id(&object.uid),
        state: State::Present(Box::new(Observed {
            version: Some(Version(digest(&without_noise(&object.text)))),
            event: object.event,
            raw: Raw(object.text),
            mark: object.mark,
        })),
    }
}

fn broken(name: Option<&Name>, error: &ItemError) -> Change {
    let (remote_id, version) = if let Some(name) = name {
        (remote_id(&name.uid), name.content_digest.clone())
    } else {
        // Without its line number the message stays the same when something else is added to the feed.
        let content_digest = digest(&format!("{} {}", error.property, error.message));
        (RemoteId(format!("broken-{content_digest}")), content_digest)
    };
    Change {
        remote_id,
        state: State::Broken {
            version: Some(Version(version)),
            error: error.to_string(),
        },
    }
}

/// By what an event is known: its UID, or a digest of one that no index takes.
fn remote_id(uid: &Uid) -> RemoteId {
    fitting("long-uid-", uid.0.clone())
}

/// By what an event of a feed is known even when it cannot be read.
struct Name {
    uid: Uid,
    /// Whether the event says its UID; one made of what else it says changes with that.
    is_its_own: bool,
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
            let uid = ical::uid_of(event);
            if seen.insert(uid.clone()) {
                let lines: String = event.lines().map(ical::Line::raw).collect();
                names.push(Name {
                    uid,
                    is_its_own: ical::own_uid(event).is_some(),
                    content_digest: digest(&without_noise(&lines)),
                });
            }
        }
    }
    names
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
