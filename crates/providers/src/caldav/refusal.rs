//! What a refusal means: from a status and the words beside it to a class of failure.

use ::http::StatusCode;
use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};

use super::xml::{ErrorBody, Ns, error_body};
use crate::http::{Answer, retry_at};

/// The longest quotation of a server in one of our sentences, in characters.
const WORDS_MAX: usize = 200;

/// Hosts that want a password made for one app instead of the account's own.
const APP_PASSWORD_DOMAINS: [(&str, &str); 8] = [
    ("icloud.com", "iCloud"),
    ("me.com", "iCloud"),
    ("fastmail.com", "Fastmail"),
    ("google.com", "Google"),
    ("googleusercontent.com", "Google"),
    ("yahoo.com", "Yahoo"),
    ("zoho.com", "Zoho"),
    ("mailbox.org", "mailbox.org"),
];

/// What a read that was refused means.
pub(crate) fn of_read(answer: &Answer, now: Timestamp) -> Failure {
    let status = answer.status;
    let said = error_body(&answer.body);
    let host = answer.url.host_str().unwrap_or_default();
    match status.as_u16() {
        401 => wrong_password(host),
        403 => Failure::new(
            Class::Forbidden,
            sentence(host, "does not let this account read here", &said),
        ),
        404 | 410 => Failure::new(
            Class::Gone,
            sentence(host, "no longer has this calendar", &said),
        ),
        status if is_passing(status) => passing(answer, now, &said),
        200..=299 => Failure::protocol(format!(
            "{host} does not speak CalDAV at this address: it answers {status} with {}",
            content_kind(answer)
        )),
        _ => Failure::protocol(sentence(host, &format!("answers {status}"), &said)),
    }
}

/// Whether a read that is refused so may work later.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 423 | 425 | 429 | 500 | 502..=504 | 507..=599)
}

/// What a refusal means while nothing is known of the account yet.
pub(crate) fn of_discovery(answer: &Answer, now: Timestamp) -> Failure {
    let host = answer.url.host_str().unwrap_or_default();
    match answer.status.as_u16() {
        403 => Failure::new(
            Class::ReconnectNeeded,
            format!(
                "{host} knows this user but does not let it use CalDAV{}",
                app_password(host)
            ),
        ),
        404 | 405 | 410 | 501 => Failure::protocol(format!(
            "{host} does not speak CalDAV at this address: it answers {}",
            answer.status
        )),
        _ => of_read(answer, now),
    }
}

/// Nothing happened, and it may work later.
pub(crate) fn passing(answer: &Answer, now: Timestamp, said: &ErrorBody) -> Failure {
    let host = answer.url.host_str().unwrap_or_default();
    let what = match answer.status.as_u16() {
        429 => "asks for fewer requests".to_owned(),
        423 => "holds this under a lock".to_owned(),
        507 => "has no more room for this account".to_owned(),
        _ => format!("answers {}", answer.status),
    };
    Failure::new(
        Class::Passing {
            retry_at: retry_at(&answer.headers, now),
        },
        sentence(host, &what, said),
    )
}

/// The password is wrong, or not one for this.
pub(crate) fn wrong_password(host: &str) -> Failure {
    Failure::new(
        Class::ReconnectNeeded,
        format!(
            "{host} does not accept this user name and password{}",
            app_password(host)
        ),
    )
}

fn app_password(host: &str) -> String {
    APP_PASSWORD_DOMAINS
        .iter()
        .find(|(domain, _)| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
        .map(|(_, name)| {
            format!("; {name} wants an app-specific password here, not the account's own")
        })
        .unwrap_or_default()
}

/// `HOST WHAT: "the server's words"`.
pub(crate) fn sentence(host: &str, what: &str, said: &ErrorBody) -> String {
    match quotation(said) {
        Some(words) => format!("{host} {what}: “{words}”"),
        None => format!("{host} {what}"),
    }
}

/// The server's words, or else the precondition that did not hold, short and without addresses.
pub(crate) fn quotation(said: &ErrorBody) -> Option<String> {
    let condition = said
        .conditions
        .iter()
        .find(|(ns, _)| matches!(ns, Ns::Dav | Ns::CalDav));
    let words = match (&said.words, condition) {
        (Some(words), _) => scrubbed(words),
        (None, Some((_, name))) => scrubbed(name),
        (None, None) => return None,
    };
    (!words.is_empty()).then_some(words)
}

/// Foreign words on one line, cut, and without addresses, which may hold secrets.
pub(crate) fn scrubbed(words: &str) -> String {
    let cleaned: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains("://") { "…" } else { word })
        .collect();
    let mut line = cleaned.join(" ");
    if let Some((end, _)) = line.char_indices().nth(WORDS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Whether an answer is a page for people.
pub(crate) fn is_web_page(answer: &Answer) -> bool {
    !answer.body.is_empty()
        && answer
            .headers
            .get(::http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| {
                kind.trim_start()
                    .to_ascii_lowercase()
                    .starts_with("text/html")
            })
}

fn content_kind(answer: &Answer) -> String {
    if answer.body.is_empty() {
        return "nothing".to_owned();
    }
    answer
        .headers
        .get(::http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map_or_else(|| "something else".to_owned(), scrubbed)
}

/// The body of a multistatus answer; all else is a refusal.
pub(crate) fn multistatus(answer: &Answer, now: Timestamp) -> Result<&[u8], Failure> {
    if answer.status == StatusCode::MULTI_STATUS {
        Ok(&answer.body)
    } else {
        Err(of_read(answer, now))
    }
}
