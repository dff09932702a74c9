//! What a refusal means: from a status and Google's reason beside it to a class of failure.

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::{Class, Failure};
use serde::Deserialize;

use crate::caldav::refusal::scrubbed;
use crate::http::{Answer, retry_at};

/// How long to stay away after `quotaExceeded`: it is about too many events made in too short a time, counts over hours,
/// and asking again only prolongs it.
const QUOTA_WAIT: SignedDuration = SignedDuration::from_hours(4);

/// How long to stay away where the operator has to do something first: the next look shows whether it was done.
const OPERATOR_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// What is said of an event that somebody else has the say over.
pub(crate) const NOT_OURS: &str = "lets only the organizer change this event";

/// What was to be done: the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Reading a calendar, or the list of them.
    ReadCalendar,
    /// Reading one event.
    ReadEvent,
    Create,
    Update,
    Delete,
    /// Opening or closing a channel: nothing of the calendar changes.
    Watch,
}

impl Doing {
    fn writes(self) -> bool {
        match self {
            Self::Create | Self::Update | Self::Delete => true,
            Self::ReadCalendar | Self::ReadEvent | Self::Watch => false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Said,
}

/// What Google says went wrong, in its older form and in the newer one of its gateways.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    errors: Vec<Reason>,
    message: Option<String>,
    status: Option<String>,
    details: Vec<Reason>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    #[serde(rename = "reason")]
    word: Option<String>,
    message: Option<String>,
    location: Option<String>,
}

impl Said {
    fn of(answer: &Answer) -> Self {
        serde_json::from_slice::<Envelope>(&answer.body)
            .map(|envelope| envelope.error)
            .unwrap_or_default()
    }

    fn reason(&self) -> &str {
        let first = self.errors.first().or(self.details.first());
        first
            .and_then(|reason| reason.word.as_deref())
            .or(self.status.as_deref())
            .unwrap_or_default()
    }

    fn words(&self) -> String {
        let words = self.message.as_deref().or_else(|| {
            let first = self.errors.first()?;
            first.message.as_deref()
        });
        scrubbed(words.unwrap_or_default())
    }

    /// Whether the token was not given for this, as opposed to the account not being allowed to.
    fn lacks_scope(&self) -> bool {
        self.reason() == "insufficientPermissions"
            || self
                .details
                .iter()
                .any(|detail| detail.word.as_deref() == Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT"))
    }

    fn is_about(&self, location: &str) -> bool {
        self.errors
            .iter()
            .any(|reason| reason.location.as_deref() == Some(location))
    }
}

/// What an answer that is no success means.
pub(crate) fn failure(answer: &Answer, doing: Doing, now: Timestamp) -> Failure {
    let said = Said::of(answer);
    let status = answer.status.as_u16();
    let sentence = |what: &str| {
        let words = said.words();
        if words.is_empty() {
            format!("Google {what}")
        } else {
            format!("Google {what}: “{words}”")
        }
    };
    let refused = |class, what: &str| Failure::new(class, sentence(what));
    let later = |wait: SignedDuration| {
        let asked = retry_at(&answer.headers, now);
        let own = now.checked_add(wait).ok();
        Class::Passing {
            retry_at: asked.max(own),
        }
    };
    let passing = || Class::Passing {
        retry_at: retry_at(&answer.headers, now),
    };

    match (status, said.reason()) {
        // About the address that Google is to call, whatever the status beside it.
        (_, reason) if doing == Doing::Watch && reason.starts_with("push.") => {
            refused(Class::Item, "does not send notifications to this address")
        }
        (401, _) => refused(
            Class::ReconnectNeeded,
            "no longer accepts this connection; connect the account again",
        ),
        (403 | 429, "userRateLimitExceeded" | "rateLimitExceeded" | "RESOURCE_EXHAUSTED")
        | (429, _) => refused(passing(), "asks for fewer requests"),
        (403, "quotaExceeded") => refused(
            later(QUOTA_WAIT),
            "lets this account make no more events for some hours",
        ),
        (403, "accessNotConfigured" | "SERVICE_DISABLED") => refused(
            later(OPERATOR_WAIT),
            "says that the operator of this installation has not enabled the Calendar API",
        ),
        (403, "dailyLimitExceeded") => refused(
            later(OPERATOR_WAIT),
            "says that the operator of this installation has used up its daily limit",
        ),
        (403, _) if said.lacks_scope() => refused(
            Class::ReconnectNeeded,
            "was not given the right to do this; connect the account again and leave all boxes ticked",
        ),
        (403, "forbiddenForNonOrganizer") => refused(Class::Item, NOT_OURS),
        (403, "requiredAccessLevel") => refused(
            Class::Forbidden,
            "does not let this account write to this calendar",
        ),
        (403, _) => refused(Class::Forbidden, "does not let this account do this"),
        (404, _) => match doing {
            Doing::ReadCalendar | Doing::Create | Doing::Watch => {
                refused(Class::Gone, "no longer has this calendar")
            }
            Doing::ReadEvent | Doing::Update | Doing::Delete => {
                refused(Class::Gone, "no longer has this event")
            }
        },
        (409, "duplicate") => refused(Class::Exists, "has an event under this id already"),
        (409, "conflict") => refused(passing(), "was busy with another change"),
        (409, _) if doing == Doing::Create => {
            refused(Class::Exists, "has an event under this id already")
        }
        (410, "deleted") => refused(Class::Gone, "no longer has this event"),
        (410, _) if doing == Doing::ReadCalendar => {
            refused(Class::CursorDead, "has forgotten where we were")
        }
        (410, _) => refused(Class::Gone, "no longer has this event"),
        (400, _) if doing == Doing::ReadCalendar && said.is_about("syncToken") => {
            refused(Class::CursorDead, "does not know where we were")
        }
        (412, _) => refused(Class::Changed, "has another version of this event by now"),
        (500..=599 | 408, _) if doing.writes() => Failure::new(
            Class::Unknown,
            sentence(&format!(
                "answers {status}, and whether it wrote is not known"
            )),
        ),
        (500..=599 | 408, _) => refused(passing(), &format!("answers {status}")),
        (400..=499, _) if doing.writes() => refused(Class::Item, "does not take this event"),
        (400..=499, _) if doing == Doing::Watch => {
            refused(Class::Item, "sends no notifications about this calendar")
        }
        _ if doing.writes() => Failure::new(
            Class::Unknown,
            sentence(&format!("answers {status} to a write")),
        ),
        _ => Failure::protocol(sentence(&format!("answers {status}"))),
    }
}
