//! What a refusal means: the status first, then the code in its most specific form. Messages change and are for people.

use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};
use serde_json::Value;

use crate::http::{Answer, retry_at};

/// The longest quotation of Microsoft in one of our sentences, in characters.
const WORDS_MAX: usize = 200;

/// How deep errors may be nested and still be read.
const DEPTH_MAX: usize = 5;

/// Codes that say more than a status, in the form of [`plain`].
mod code {
    /// The id is none, which is as good as an id of nothing.
    pub(super) const MALFORMED_ID: &str = "invalididmalformed";
    /// There is no mailbox in the cloud: nothing will ever work.
    pub(super) const NO_MAILBOX: &str = "mailboxnotenabledforrestapi";
    /// An exception would pass its neighbours.
    pub(super) const CROSSING: &str = "occurrencecrossingboundary";
    /// Something was made under this name before.
    pub(super) const KNOWN_NAME: &str = "duplicatetransactionid";
    /// The mailbox is full.
    pub(super) const FULL: &str = "quotaexceeded";
    /// The mailbox is being moved.
    pub(super) const MOVING: &str = "mailboxmoveinprogress";
    /// Parts of a code that says that a token of a listing is dead.
    pub(super) const DEAD_TOKEN: [&str; 5] = [
        "syncstatenotfound",
        "syncstateinvalid",
        "resyncrequired",
        "syncstate",
        "deltatoken",
    ];
}

/// What is said of a creation under a name that Graph knows.
pub(super) const KNOWN_NAME: &str = "has made an event under this name before";

/// What a write was to do: the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Create,
    Update,
    Delete,
}

/// What Microsoft says about a refusal.
struct Said {
    /// All codes, the most specific last, in the form of [`plain`].
    codes: Vec<String>,
    words: Option<String>,
}

impl Said {
    fn of(answer: &Answer) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let mut codes = Vec::new();
        let mut error = &body["error"];
        let words = error["message"].as_str().map(scrubbed);
        for _ in 0..DEPTH_MAX {
            if let Some(code) = error["code"].as_str() {
                codes.push(plain(code));
            }
            error = match (&error["innerError"], &error["innererror"]) {
                (Value::Null, inner) | (inner, _) => inner,
            };
        }
        Self {
            codes,
            words: words.filter(|words| !words.is_empty()),
        }
    }

    fn is(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known == code)
    }

    fn says_dead_token(&self) -> bool {
        let is_dead = |code: &String| code::DEAD_TOKEN.iter().any(|dead| code.contains(dead));
        let words = self.words.as_deref().unwrap_or_default().to_lowercase();
        self.codes.iter().any(is_dead)
            || ["sync state", "delta token", "deltatoken", "skiptoken"]
                .iter()
                .any(|said| words.contains(said))
    }

    fn failure(&self, class: Class, what: &str) -> Failure {
        Failure::new(
            class,
            match &self.words {
                Some(words) => format!("Microsoft {what}: “{words}”"),
                None => format!("Microsoft {what}"),
            },
        )
    }
}

/// A code in the one form in which they compare: `ErrorItemNotFound`, `itemNotFound`, `ErrorItemnotfound`.
fn plain(code: &str) -> String {
    let lower = code.to_ascii_lowercase();
    lower.strip_prefix("error").unwrap_or(&lower).to_owned()
}

/// What the refusal of a read means.
pub(super) fn of_read(answer: &Answer, now: Timestamp) -> Failure {
    let said = Said::of(answer);
    let status = answer.status.as_u16();
    if let Some(failure) = of_anything(&said, answer, now) {
        return failure;
    }
    match status {
        400 if said.is(code::MALFORMED_ID) => said.failure(Class::Gone, "knows no such event"),
        404 | 410 => said.failure(Class::Gone, "no longer has this"),
        403 => said.failure(Class::Forbidden, "does not let this account read here"),
        408 | 409 | 423 | 425 | 500..=599 => said.failure(
            Class::Passing {
                retry_at: retry_at(&answer.headers, now),
            },
            &format!("answers {status}"),
        ),
        _ => said.failure(Class::Protocol, &format!("answers {status}")),
    }
}

/// What the refusal of a listing by a token means. Tokens die; that is routine.
pub(super) fn of_token(answer: &Answer, now: Timestamp) -> Failure {
    let said = Said::of(answer);
    let is_dead = match answer.status.as_u16() {
        410 => true,
        400 => !said.is(code::MALFORMED_ID) || said.says_dead_token(),
        404 => said.says_dead_token(),
        _ => false,
    };
    if is_dead {
        said.failure(Class::CursorDead, "no longer knows where we were")
    } else {
        of_read(answer, now)
    }
}

/// What the refusal of a write means.
pub(super) fn of_write(answer: &Answer, doing: Doing, now: Timestamp) -> Failure {
    let said = Said::of(answer);
    let status = answer.status.as_u16();
    if let Some(failure) = of_anything(&said, answer, now) {
        return failure;
    }
    if said.is(code::CROSSING) {
        return said.failure(
            Class::Item,
            "moves no occurrence to or past the day of its neighbour",
        );
    }
    if said.is(code::KNOWN_NAME) && doing == Doing::Create {
        return said.failure(Class::Exists, KNOWN_NAME);
    }
    match (status, doing) {
        // 409 and 412 also come when Exchange itself has just touched the event: what is there now tells.
        (409 | 412, Doing::Create) => said.failure(Class::Exists, "has this event already"),
        (409 | 412, Doing::Update | Doing::Delete) => {
            said.failure(Class::Changed, "has changed this event in the meantime")
        }
        (404 | 410, Doing::Create) => said.failure(Class::Gone, "no longer has this calendar"),
        (404 | 410, Doing::Update | Doing::Delete) => {
            said.failure(Class::Gone, "no longer has this event")
        }
        (400, Doing::Update | Doing::Delete) if said.is(code::MALFORMED_ID) => {
            said.failure(Class::Gone, "knows no such event")
        }
        (403 | 405, _) => said.failure(Class::Forbidden, "does not let this account write here"),
        (423 | 425 | 503, _) => said.failure(
            Class::Passing {
                retry_at: retry_at(&answer.headers, now),
            },
            &format!("answers {status}"),
        ),
        (408 | 500..=599, _) => said.failure(
            Class::Unknown,
            &format!("answers {status}, and whether it wrote is not known"),
        ),
        (400..=499, _) => said.failure(Class::Item, &format!("refuses this event with {status}")),
        _ => said.failure(Class::Unknown, &format!("answers {status} to a write")),
    }
}

/// What means the same whatever was asked.
fn of_anything(said: &Said, answer: &Answer, now: Timestamp) -> Option<Failure> {
    let retry_at = retry_at(&answer.headers, now);
    let passing = Class::Passing { retry_at };
    if said.is(code::NO_MAILBOX) {
        return Some(said.failure(
            Class::Forbidden,
            "has no mailbox in the cloud for this account",
        ));
    }
    if said.is(code::FULL) || answer.status.as_u16() == 507 {
        return Some(said.failure(passing, "has no more room for this account"));
    }
    if said.is(code::MOVING) {
        return Some(said.failure(passing, "is moving this mailbox"));
    }
    match answer.status.as_u16() {
        401 => Some(said.failure(
            Class::ReconnectNeeded,
            "does not accept the connection's access any more",
        )),
        429 | 509 => Some(said.failure(passing, "asks for fewer requests")),
        _ => None,
    }
}

/// Foreign words on one line, cut, and without addresses, which may hold secrets.
fn scrubbed(words: &str) -> String {
    let words: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains("://") { "…" } else { word })
        .collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(WORDS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}
