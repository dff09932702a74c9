//! Google: scripts of bytes and a shelf with state, every request held against Google's own Discovery document.

mod desk;
mod laws;
mod listing;
mod mapping;
mod occurrences;
mod refusals;
mod requests;
mod shelf;
mod watching;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use kalends_calendar::event::Address;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::provider::{Change, Observed, State};
use kalends_providers::google::{API_BASE, Google, GoogleSettings};
use kalends_providers::http::Transport;
use kalends_providers::oauth::Tokens;
use secrecy::SecretString;
use serde_json::Value;

use crate::schema::google::Checked;
use crate::script::{Script, Still};

/// Ann's own calendar.
pub(super) const ANN: &str = "ann@example.com";

/// The events of that calendar.
pub(super) const EVENTS: &str =
    "https://www.googleapis.com/calendar/v3/calendars/ann@example.com/events";

/// The parameters of every listing.
pub(super) const LISTING: &str = "maxResults=500&singleEvents=false&eventTypes=default&eventTypes=focusTime&eventTypes=fromGmail&eventTypes=outOfOffice";

/// Gives out another token each time one is refused.
#[derive(Default)]
pub(super) struct Purse {
    refused: AtomicU64,
}

#[async_trait]
impl Tokens for Purse {
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        if refused.is_some() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        let number = self.refused.load(Ordering::Relaxed);
        Ok(format!("token-{number}").into())
    }
}

/// Ann's account over a transport.
pub(super) fn account(inner: Arc<dyn Transport>) -> Google {
    account_at(inner, API_BASE)
}

/// The same somewhere else.
pub(super) fn account_at(inner: Arc<dyn Transport>, base: &str) -> Google {
    Google::new(
        Checked::over(inner),
        Arc::new(Still),
        Arc::new(Purse::default()),
        GoogleSettings {
            base: base.parse().unwrap(),
            me: vec![Address::new(ANN)],
        },
    )
}

/// Ann's account on a script.
pub(super) fn scripted(script: &Arc<Script>) -> Google {
    account(Arc::clone(script) as Arc<dyn Transport>)
}

/// Ann's calendar.
pub(super) fn ann() -> RemoteCalendarId {
    ANN.into()
}

/// An error as Google words it.
pub(super) fn error(code: u16, domain: &str, reason: &str, message: &str) -> String {
    serde_json::json!({"error": {
        "errors": [{"domain": domain, "reason": reason, "message": message}],
        "code": code,
        "message": message,
    }})
    .to_string()
}

/// A page of Ann's calendar.
pub(super) fn page(items: &Value, end: (&str, &str)) -> String {
    let mut page = serde_json::json!({
        "kind": "calendar#events",
        "timeZone": "Europe/Berlin",
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "items": items,
    });
    page[end.0] = end.1.into();
    page.to_string()
}

/// An event that is there, as read.
pub(super) fn present(change: &Change) -> &Observed {
    match &change.state {
        State::Present(observed) => observed,
        other => panic!("{} is {other:?}", change.remote_id),
    }
}
