//! The log of mails: whom each provider would have mailed and why, and what clients sent themselves, in one order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::journal::Window;
use super::keep_last;
use super::reply::{Asked, Done, Refused};
use crate::google::{self, Google};
use crate::saved::{self, Word};
use crate::world::{MailKind, World};

/// A mail that would have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Which face's: `google`, `microsoft` or `caldav`.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub face: Word,
    /// Whose doing sent it.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// What it says: `invitation`, `update`, `cancellation`, `reply`, `sharing`, or `sent` where a client wrote it.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub kind: Word,
    /// The UID or id of what it is about.
    pub about: Option<String>,
    /// Its subject, or the title of what it is about.
    pub subject: Option<String>,
    /// What it says, where a client wrote it.
    pub text: Option<String>,
    /// What was done that led to it.
    pub why: String,
}

/// The log, and how far each of the world's own lists is copied into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    mails: Vec<Mail>,
    /// How many there ever were.
    number: u64,
    caldav: usize,
    google: usize,
    microsoft: usize,
    outbox: usize,
}

/// How many mails are kept to be looked at: of the log, and of each of the world's lists.
const MAILS_KEPT: usize = 1_000;

impl Log {
    /// Gives numbers on from where another log left off.
    pub(super) fn go_on_from(&mut self, before: &Self) {
        self.number = before.number;
        for mail in &mut self.mails {
            self.number += 1;
            mail.number = self.number;
        }
    }
}

/// Copies what is new into the log, and forgets the oldest.
pub(super) fn gather(world: &mut World) {
    let mut log = std::mem::take(&mut world.control.mails);
    let mut new: Vec<Mail> = Vec::new();
    new.extend(rest(&world.mails, log.caldav).iter().map(|mail| Mail {
        number: 0,
        at: mail.at,
        face: "caldav",
        from: mail.place.user.clone(),
        to: mail.to.clone(),
        kind: word(mail.kind),
        about: Some(mail.uid.clone()),
        subject: None,
        text: None,
        why: mail.why.to_owned(),
    }));
    new.extend(
        rest(&world.google.mails, log.google)
            .iter()
            .map(|mail| by_google(&world.google, mail)),
    );
    let microsoft = rest(&world.microsoft.mails, log.microsoft);
    new.extend(microsoft.iter().map(|mail| Mail {
        number: 0,
        at: mail.at,
        face: "microsoft",
        from: mail.from.clone(),
        to: mail.to.clone(),
        kind: word(mail.kind),
        about: Some(mail.uid.clone()),
        subject: Some(mail.subject.clone()),
        text: None,
        why: mail.why.to_owned(),
    }));
    new.extend(rest(&world.outbox, log.outbox).iter().map(|mail| {
        let google = world.google.oauth.people.contains_key(&mail.from);
        Mail {
            number: 0,
            at: mail.at,
            face: if google { "google" } else { "microsoft" },
            from: mail.from.clone(),
            to: mail.to.clone(),
            kind: "sent",
            about: None,
            subject: Some(mail.subject.clone()),
            text: Some(mail.text.clone()),
            why: "a client sent it through the mailbox".to_owned(),
        }
    }));
    for mut mail in new {
        log.number += 1;
        mail.number = log.number;
        log.mails.push(mail);
    }
    keep_last(&mut log.mails, MAILS_KEPT);
    log.caldav = shorten(&mut world.mails);
    log.google = shorten(&mut world.google.mails);
    log.microsoft = shorten(&mut world.microsoft.mails);
    log.outbox = shorten(&mut world.outbox);
    world.control.mails = log;
}

/// What a list has behind the first `known`.
fn rest<T>(all: &[T], known: usize) -> &[T] {
    all.get(known..).unwrap_or_default()
}

/// Forgets the oldest, and returns how many are left.
fn shorten<T>(all: &mut Vec<T>) -> usize {
    keep_last(all, MAILS_KEPT);
    all.len()
}

fn by_google(google: &Google, mail: &google::Mail) -> Mail {
    let event = mail.event.as_ref();
    let event_now = event.and_then(|id| google.event(&mail.calendar, id));
    Mail {
        number: 0,
        at: mail.at,
        face: "google",
        from: mail.from.clone(),
        to: vec![mail.to.clone()],
        kind: match mail.kind {
            google::MailKind::Invitation => "invitation",
            google::MailKind::Update => "update",
            google::MailKind::Cancellation => "cancellation",
            google::MailKind::Answer => "reply",
            google::MailKind::Sharing => "sharing",
        },
        about: event.cloned(),
        subject: event_now.and_then(|event| Some(event["summary"].as_str()?.to_owned())),
        text: None,
        why: mail.why.to_owned(),
    }
}

fn word(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Invitation => "invitation",
        MailKind::Update => "update",
        MailKind::Cancellation => "cancellation",
        MailKind::Reply => "reply",
    }
}

/// `GET /_sandbox/mails`.
pub(super) fn list(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    gather(world);
    let window = Window::read(asked)?;
    let (face, to) = (asked.parameter("face"), asked.parameter("to"));
    let wanted = |mail: &&Mail| {
        let to_them = |to: &str| mail.to.iter().any(|known| known.eq_ignore_ascii_case(to));
        face.as_deref().is_none_or(|face| face == mail.face) && to.as_deref().is_none_or(to_them)
    };
    let entries = world.control.mails.mails.iter().filter(wanted).map(|mail| {
        let value = json!({
            "at": mail.at.to_string(),
            "face": mail.face,
            "from": mail.from,
            "to": mail.to,
            "kind": mail.kind,
            "about": mail.about,
            "subject": mail.subject,
            "text": mail.text,
            "why": mail.why,
        });
        (mail.number, value)
    });
    Ok(window.list("mails", entries))
}

/// `DELETE /_sandbox/mails`: forgets them, and lets the numbers go on.
pub(super) fn forget(world: &mut World) -> Done {
    gather(world);
    world.control.mails.mails.clear();
    Done::ok(json!({}))
}
