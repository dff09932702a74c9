//! Whom a server with auto-scheduling would have mailed, and why (RFC 6638 §3.2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, bare_address};
use super::store::consequential;
use super::{Object, Place};
use crate::saved::{self, Word};
use crate::text::lines;

/// A mail that would have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRecord {
    /// When.
    pub at: Timestamp,
    /// The collection whose change sent it.
    pub place: Place,
    /// The object's name.
    pub name: String,
    /// The object's UID.
    pub uid: String,
    /// What it says.
    pub kind: MailKind,
    /// To whom, without `mailto:`.
    pub to: Vec<String>,
    /// What the request did that led to it.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub why: Word,
}

/// What a scheduling mail says (RFC 5546's methods).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailKind {
    /// REQUEST to somebody new.
    Invitation,
    /// REQUEST to somebody who knew an earlier version.
    Update,
    /// CANCEL.
    Cancellation,
    /// REPLY to the organizer.
    Reply,
}

/// A mail before it is dated and addressed to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScheduleAct {
    pub(crate) kind: MailKind,
    pub(crate) to: Vec<String>,
    pub(crate) why: &'static str,
}

/// Whom storing `after` in place of `before` mails.
pub(crate) fn after_put(account: &Account, before: Option<&str>, after: &str) -> Vec<ScheduleAct> {
    let old = before.map(Roles::read);
    let new = Roles::read(after);
    match &new.organizer {
        Some(organizer) if account.is_me(&organizer.address) => {
            organizer_put(account, old.as_ref(), &new)
        }
        Some(organizer) if organizer.server_acts => {
            attendee_put(account, old.as_ref(), &new, &organizer.address)
        }
        _ => Vec::new(),
    }
}

/// Whom deleting `object` mails. `replies` is false when the request said `Schedule-Reply: F` (RFC 6638 §8.1).
pub(crate) fn after_delete(account: &Account, object: &Object, replies: bool) -> Vec<ScheduleAct> {
    let roles = Roles::read(&object.text);
    let Some(organizer) = &roles.organizer else {
        return Vec::new();
    };
    if account.is_me(&organizer.address) {
        let to = roles.mailed(account);
        return act(
            MailKind::Cancellation,
            to,
            "the organizer deleted the object",
        );
    }
    let declined = roles
        .my_answers(account)
        .iter()
        .all(|answer| answer == "DECLINED");
    if !organizer.server_acts || !replies || declined {
        return Vec::new();
    }
    act(
        MailKind::Reply,
        vec![organizer.address.clone()],
        "an attendee deleted the object without Schedule-Reply: F",
    )
}

/// The text with `SCHEDULE-STATUS` (RFC 6638 §7.3) on the lines of those who were mailed: a reason why what a server stores
/// is not what was sent.
pub(crate) fn with_schedule_status(text: &str, acts: &[ScheduleAct]) -> String {
    if acts.is_empty() {
        return text.to_owned();
    }
    let mut lines = lines::unfold(text);
    for line in &mut lines {
        let person = lines::is(line, "ATTENDEE") || lines::is(line, "ORGANIZER");
        let address = bare_address(lines::value(line)).to_ascii_lowercase();
        if person && acts.iter().any(|act| act.to.contains(&address)) {
            let bare = lines::without_params(line, &["SCHEDULE-STATUS"]);
            *line = format!(
                "{};SCHEDULE-STATUS=1.1:{}",
                lines::head(&bare),
                lines::value(&bare)
            );
        }
    }
    lines::fold(&lines)
}

fn organizer_put(account: &Account, old: Option<&Roles>, new: &Roles) -> Vec<ScheduleAct> {
    let before = old.map(|old| old.mailed(account)).unwrap_or_default();
    let after = new.mailed(account);
    let (known, invited): (Vec<String>, Vec<String>) =
        after.iter().cloned().partition(|to| before.contains(to));
    let dropped = before
        .into_iter()
        .filter(|to| !after.contains(to))
        .collect();
    let mut acts = act(
        MailKind::Invitation,
        invited,
        "the organizer's object names attendees",
    );
    acts.extend(act(
        MailKind::Cancellation,
        dropped,
        "the organizer took attendees off",
    ));
    if old.is_some_and(|old| old.matter != new.matter) {
        acts.extend(act(
            MailKind::Update,
            known,
            "the organizer changed the object",
        ));
    }
    acts
}

fn attendee_put(
    account: &Account,
    old: Option<&Roles>,
    new: &Roles,
    organizer: &str,
) -> Vec<ScheduleAct> {
    let answers = new.my_answers(account);
    let told = match old {
        Some(old) => answers != old.my_answers(account) || old.exceptions != new.exceptions,
        None => answers.iter().any(|answer| answer != "NEEDS-ACTION"),
    };
    if told {
        act(
            MailKind::Reply,
            vec![organizer.to_owned()],
            "an attendee's answer changed",
        )
    } else {
        Vec::new()
    }
}

/// Nothing when there is nobody to mail.
fn act(kind: MailKind, to: Vec<String>, why: &'static str) -> Vec<ScheduleAct> {
    if to.is_empty() {
        Vec::new()
    } else {
        vec![ScheduleAct { kind, to, why }]
    }
}

/// Who plays which part in an object.
struct Roles {
    organizer: Option<Person>,
    attendees: Vec<Person>,
    matter: Vec<String>,
    exceptions: Vec<String>,
}

struct Person {
    address: String,
    answer: String,
    /// Whether the server is the one to send (`SCHEDULE-AGENT`, RFC 6638 §7.1; absent means yes).
    server_acts: bool,
}

impl Roles {
    fn read(text: &str) -> Self {
        let lines = lines::unfold(text);
        let people = |property: &'static str| {
            lines
                .iter()
                .filter(move |line| lines::is(line, property))
                .map(|line| Person::read(line))
        };
        Self {
            organizer: people("ORGANIZER").next(),
            attendees: people("ATTENDEE").collect(),
            exceptions: lines
                .iter()
                .filter(|line| lines::is(line, "EXDATE"))
                .cloned()
                .collect(),
            matter: consequential(&lines),
        }
    }

    /// The attendees whom the server mails, each once, without the account's own.
    fn mailed(&self, account: &Account) -> Vec<String> {
        let mut to: Vec<String> = Vec::new();
        for person in &self.attendees {
            if person.server_acts
                && !account.is_me(&person.address)
                && !to.contains(&person.address)
            {
                to.push(person.address.clone());
            }
        }
        to
    }

    /// My answers, one for each component I stand in.
    fn my_answers(&self, account: &Account) -> Vec<String> {
        self.attendees
            .iter()
            .filter(|person| account.is_me(&person.address))
            .map(|person| person.answer.clone())
            .collect()
    }
}

impl Person {
    fn read(line: &str) -> Self {
        let agent = lines::param(line, "SCHEDULE-AGENT").unwrap_or("SERVER");
        Self {
            address: bare_address(lines::value(line)).to_ascii_lowercase(),
            answer: lines::param(line, "PARTSTAT")
                .unwrap_or("NEEDS-ACTION")
                .to_ascii_uppercase(),
            server_acts: agent.eq_ignore_ascii_case("SERVER"),
        }
    }
}
