//! The browser's cookie.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

/// The cookie where the way to the browser is encrypted: no other host and no plain connection can set one of this name.
const SECURE: &str = "__Host-kalends";
/// The cookie on this machine alone.
const LOOPBACK: &str = "kalends";

/// How long a session lasts that nobody uses.
const IDLE_MAX: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Until when a session lasts that is used now.
pub(crate) fn expires(now: Timestamp) -> Timestamp {
    now.checked_add(IDLE_MAX).unwrap_or(Timestamp::MAX)
}

/// The session that a request carries. Where the way is encrypted only the cookie counts that no other host can set.
pub(crate) fn session(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let wanted = if secure { SECURE } else { LOOPBACK };
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// Gives a session to the browser.
pub(crate) fn set(session: &SecretString, secure: bool) -> HeaderValue {
    header(session.expose_secret(), IDLE_MAX.as_secs(), secure)
}

/// Takes it away again.
pub(crate) fn clear(secure: bool) -> HeaderValue {
    header("", 0, secure)
}

fn header(value: &str, seconds: i64, secure: bool) -> HeaderValue {
    let (name, more) = if secure {
        (SECURE, "; Secure")
    } else {
        (LOOPBACK, "")
    };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{more}");
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
