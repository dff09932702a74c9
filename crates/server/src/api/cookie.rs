//! The browser's cookie.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

/// What a cookie is called.
#[derive(Clone, Copy)]
struct Name {
    /// Where the way to the browser is encrypted: no other host and no plain connection can set one of this name.
    secure: &'static str,
    /// On this machine alone.
    loopback: &'static str,
}

/// The session.
const SESSION: Name = Name {
    secure: "__Host-kalends",
    loopback: "kalends",
};
/// What ties a sign-in elsewhere to the browser in which it began.
const SIGN_IN: Name = Name {
    secure: "__Host-kalends-signin",
    loopback: "kalends-signin",
};

/// How long a session lasts that nobody uses.
const IDLE_MAX: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Until when a session lasts that is used now.
pub(crate) fn expires(now: Timestamp) -> Timestamp {
    now.checked_add(IDLE_MAX).unwrap_or(Timestamp::MAX)
}

/// The session that a request carries. Where the way is encrypted only the cookie counts that no other host can set.
pub(crate) fn session(headers: &HeaderMap, secure: bool) -> Option<&str> {
    read(headers, SESSION.here(secure))
}

/// The sign-in that began in this browser.
pub(crate) fn sign_in(headers: &HeaderMap, secure: bool) -> Option<&str> {
    read(headers, SIGN_IN.here(secure))
}

fn read<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
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
    header(SESSION, session.expose_secret(), IDLE_MAX, secure)
}

/// Takes it away again.
pub(crate) fn clear(secure: bool) -> HeaderValue {
    header(SESSION, "", SignedDuration::ZERO, secure)
}

/// Ties a sign-in to the browser, for so long.
pub(crate) fn bind(state: &SecretString, good_for: SignedDuration, secure: bool) -> HeaderValue {
    header(SIGN_IN, state.expose_secret(), good_for, secure)
}

/// Unties it.
pub(crate) fn unbind(secure: bool) -> HeaderValue {
    header(SIGN_IN, "", SignedDuration::ZERO, secure)
}

impl Name {
    fn here(self, secure: bool) -> &'static str {
        if secure { self.secure } else { self.loopback }
    }
}

fn header(name: Name, value: &str, good_for: SignedDuration, secure: bool) -> HeaderValue {
    let more = if secure { "; Secure" } else { "" };
    let (name, seconds) = (name.here(secure), good_for.as_secs());
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{more}");
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
