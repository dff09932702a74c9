//! `Retry-After` (RFC 9110 §10.2.3): seconds or a date.

use std::time::UNIX_EPOCH;

use ::http::HeaderMap;
use ::http::header::RETRY_AFTER;
use jiff::{SignedDuration, Timestamp};

/// The longest wait that is believed. A server that says more is misconfigured, and nobody would wait for it.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(24);

/// When the server wants to be asked again, if it said so.
pub(crate) fn retry_at(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // Some servers send fractions of seconds; waiting a little longer is always allowed.
    let wait = if let Ok(seconds) = text.parse::<f64>() {
        SignedDuration::try_from_secs_f64(seconds.ceil()).ok()?
    } else {
        let since_epoch = httpdate::parse_http_date(text)
            .ok()?
            .duration_since(UNIX_EPOCH)
            .ok()?;
        let at = Timestamp::from_second(i64::try_from(since_epoch.as_secs()).ok()?).ok()?;
        at.duration_since(now)
    };
    now.checked_add(wait.clamp(SignedDuration::ZERO, WAIT_MAX))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let table = [
            ("120", Some("2026-03-01T10:02:00Z")),
            (" 0 ", Some("2026-03-01T10:00:00Z")),
            ("1.5", Some("2026-03-01T10:00:02Z")),
            (
                "Sun, 01 Mar 2026 10:05:00 GMT",
                Some("2026-03-01T10:05:00Z"),
            ),
            (
                "Sun, 01 Mar 2026 09:00:00 GMT",
                Some("2026-03-01T10:00:00Z"),
            ),
            ("99999999999", Some("2026-03-02T10:00:00Z")),
            ("-5", Some("2026-03-01T10:00:00Z")),
            ("soon", None),
            ("NaN", None),
            ("", None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            let expected = expected.map(|at| at.parse::<Timestamp>().unwrap());
            assert_eq!(retry_at(&headers, now), expected, "{text:?}");
        }
    }
}
