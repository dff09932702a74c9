//! Whom Google would have mailed, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Google;
use super::event::Event;
use super::write::Writing;
use crate::saved::{self, Word};

/// A mail that would have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// Whose doing sent it.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What it says.
    pub kind: MailKind,
    /// The calendar it is about.
    pub calendar: String,
    /// The event it is about; none where a calendar was shared.
    pub event: Option<String>,
    /// What the request said about mails.
    pub send_updates: SendUpdates,
    /// What was done that led to it.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub why: Word,
}

/// What a mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailKind {
    /// Somebody is invited.
    Invitation,
    /// Something they were invited to has changed.
    Update,
    /// It does not take place, or without them.
    Cancellation,
    /// A guest has answered.
    Answer,
    /// A calendar was shared.
    Sharing,
}

/// `sendUpdates` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SendUpdates {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// `all`
    All,
    /// `externalOnly`: only those without a Google calendar.
    ExternalOnly,
    /// `none`
    None,
}

/// Mails the guests of what the organizer did: `before` was, `after` is.
pub(super) fn announce(
    google: &mut Google,
    writing: &Writing<'_>,
    before: Option<&Event>,
    after: &Event,
) {
    if after.private_copy {
        return;
    }
    let changed = before.is_none_or(|before| before.shared() != after.shared());
    let mut mails = Vec::new();
    for attendee in &after.attendees {
        let known = before.is_some_and(|before| {
            !before.is_cancelled() && before.attendee(&attendee.email).is_some()
        });
        match (after.is_cancelled(), known) {
            (true, true) => mails.push((
                attendee.email.clone(),
                MailKind::Cancellation,
                "the organizer cancelled the event",
            )),
            (false, true) if changed => mails.push((
                attendee.email.clone(),
                MailKind::Update,
                "the organizer changed the event",
            )),
            (false, false) => mails.push((
                attendee.email.clone(),
                MailKind::Invitation,
                "the organizer invited a guest",
            )),
            (true, false) | (false, true) => {}
        }
    }
    for attendee in before.iter().flat_map(|before| &before.attendees) {
        if after.attendee(&attendee.email).is_none() {
            let why = "the organizer took a guest off the list";
            mails.push((attendee.email.clone(), MailKind::Cancellation, why));
        }
    }
    for (to, kind, why) in mails {
        if to.eq_ignore_ascii_case(&after.organizer.email) || to.eq_ignore_ascii_case(writing.user)
        {
            continue;
        }
        send(google, writing, &after.id, to, kind, why);
    }
}

/// Mails the organizer that a guest has answered.
pub(super) fn report(google: &mut Google, writing: &Writing<'_>, event: &Event) {
    let to = event.organizer.email.clone();
    let why = "a guest answered";
    send(google, writing, &event.id, to, MailKind::Answer, why);
}

fn send(
    google: &mut Google,
    writing: &Writing<'_>,
    event: &str,
    to: String,
    kind: MailKind,
    why: &'static str,
) {
    let goes = match writing.send {
        SendUpdates::All => true,
        SendUpdates::ExternalOnly => !google.accounts.contains_key(&to.to_ascii_lowercase()),
        SendUpdates::None => false,
        SendUpdates::Unsaid => google.switches.mails_by_default,
    };
    if goes {
        google.mails.push(Mail {
            at: writing.now,
            from: writing.user.to_owned(),
            to,
            kind,
            calendar: writing.calendar.to_owned(),
            event: Some(event.to_owned()),
            send_updates: writing.send,
            why,
        });
    }
}
