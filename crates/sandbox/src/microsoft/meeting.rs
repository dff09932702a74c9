//! Meetings: who is mailed about what, the copies in the guests' mailboxes, and the answers that come back.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Microsoft;
use super::edit::{Author, mark_exceptions};
use super::item::{Address, Answer, Attendee, Details, Exception, Item};
use super::mailbox::Which;
use super::refusal::Refusal;
use crate::saved::{self, Word};
use crate::world::{By, MailKind};

/// A mail that would have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// Whether a request led to it, or somebody at another program.
    pub by: By,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// What kind of scheduling mail it is.
    pub kind: MailKind,
    /// The event's subject.
    pub subject: String,
    /// The event's UID.
    pub uid: String,
    /// What the sender wrote beside it.
    pub comment: String,
    /// What was done that led to it.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub why: Word,
}

/// An answer to an invitation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    /// A member of `responseType`.
    pub(crate) response: &'static str,
    /// Whether the organizer is told.
    pub(crate) send: bool,
    pub(crate) comment: String,
    pub(crate) proposed: Option<Value>,
}

/// What is put before the subject of a meeting that was called off.
const CANCELED: &str = "Canceled: ";

/// The mark of an exception whose owner answered it apart from its series.
const ANSWERED: &str = "responseStatus";

impl Microsoft {
    /// Tells the guests of a meeting what became of it: by mail, and in their mailboxes here.
    pub(crate) fn tell_guests(&mut self, author: Author<'_>, before: Option<&Item>, after: &Item) {
        let was: Vec<String> = before.map(guests).unwrap_or_default();
        let is = guests(after);
        let (known, invited): (Vec<String>, Vec<String>) =
            is.iter().cloned().partition(|guest| was.contains(guest));
        let dropped: Vec<String> = was
            .into_iter()
            .filter(|guest| !is.contains(guest))
            .collect();
        self.mail(
            author,
            after,
            MailKind::Cancellation,
            &dropped,
            "the organizer took attendees off",
        );
        if let Some(before) = before {
            let news = news(before, after);
            for _ in 0..news.updates {
                self.mail(
                    author,
                    after,
                    MailKind::Update,
                    &known,
                    "the organizer changed the event",
                );
            }
            for _ in 0..news.cancellations {
                self.mail(
                    author,
                    after,
                    MailKind::Cancellation,
                    &known,
                    "the organizer deleted an occurrence",
                );
            }
            let others = !invited.is_empty() || !dropped.is_empty();
            if others && news.updates == 0 && self.switches.attendee_change_mails_everybody {
                self.mail(
                    author,
                    after,
                    MailKind::Update,
                    &known,
                    "the attendees changed",
                );
            }
        }
        self.mail(
            author,
            after,
            MailKind::Invitation,
            &invited,
            "the event has attendees",
        );
        for guest in dropped {
            self.cancel_copy(&guest, &after.uid, author.now);
        }
        self.renew_copies(after, author.now);
    }

    /// Tells the guests that there is no meeting any more.
    pub(crate) fn call_off(&mut self, author: Author<'_>, item: &Item, comment: Option<&str>) {
        let guests = guests(item);
        self.mail(
            author,
            item,
            MailKind::Cancellation,
            &guests,
            "the organizer deleted the event",
        );
        if let (Some(comment), Some(mail)) = (comment, self.mails.last_mut())
            && !guests.is_empty()
        {
            comment.clone_into(&mut mail.comment);
        }
        for guest in guests {
            self.cancel_copy(&guest, &item.uid, author.now);
        }
    }

    pub(crate) fn mail_organizer_of_deletion(&mut self, author: Author<'_>, item: &Item) {
        let to = [item.organizer.address.clone()];
        self.mail(
            author,
            item,
            MailKind::Reply,
            &to,
            "an attendee deleted the event",
        );
    }

    /// Answers an invitation. Only who was invited can.
    pub(crate) fn respond(
        &mut self,
        author: Author<'_>,
        which: Which,
        reply: &Reply,
    ) -> Result<(), Refusal> {
        let mailbox = self.mailbox(author.email)?;
        let stored = Arc::clone(mailbox.item(which.key)?);
        if stored.is_organizer {
            return Err(Refusal::request(
                "You can't respond to this meeting because you're the meeting organizer.",
            ));
        }
        if reply.proposed.is_some() && !(reply.send && stored.master.allow_proposals) {
            return Err(Refusal::request(
                "A new time can only be proposed together with a response, and if the organizer allows it.",
            ));
        }
        let answer = Answer {
            response: reply.response,
            at: Some(author.now),
        };
        let declined = reply.response == "declined" && !self.switches.declined_stays;
        let renamed = self.switches.exception_changes_id;
        let mut item = Item::clone(&stored);
        match which.date {
            None if declined => {}
            None => {
                answer_with(&mut item.master, author.email, answer);
                for exception in item.exceptions.values_mut() {
                    answer_with(&mut exception.details, author.email, answer);
                }
            }
            Some(date) if declined => {
                item.exceptions.remove(&date);
                item.deleted.insert(date);
            }
            Some(date) => {
                let exception = item
                    .exception_mut(date, renamed)
                    .ok_or_else(Refusal::not_found)?;
                answer_with(&mut exception.details, author.email, answer);
                exception.own.insert(ANSWERED);
            }
        }
        if which.date.is_none() && declined {
            self.forget(author, &stored);
        } else {
            mark_exceptions(self.mailbox(author.email)?, &mut item, author.now);
            self.keep(author, item);
        }
        if reply.send {
            let to = [stored.organizer.address.clone()];
            self.mail(
                author,
                &stored,
                MailKind::Reply,
                &to,
                "an attendee answered",
            );
            if let Some(mail) = self.mails.last_mut() {
                mail.comment.clone_from(&reply.comment);
            }
            self.hear(author, &stored, which.date, reply);
        }
        Ok(())
    }

    /// The organizer's copy takes an answer in.
    fn hear(&mut self, author: Author<'_>, meeting: &Item, date: Option<Date>, reply: &Reply) {
        let organizer = meeting.organizer.address.clone();
        let renamed = self.switches.exception_changes_id;
        let Ok(mailbox) = self.mailbox(&organizer) else {
            return;
        };
        let Some(stored) = mailbox
            .with_uid(&meeting.uid)
            .filter(|item| item.is_organizer)
        else {
            return;
        };
        let mut item = Item::clone(stored);
        let note = |details: &mut Details| {
            if let Some(attendee) = details.attendee_mut(author.email) {
                attendee.answer = Answer {
                    response: reply.response,
                    at: Some(author.now),
                };
                attendee.proposed.clone_from(&reply.proposed);
            }
        };
        if let Some(date) = date {
            let Some(exception) = item.exception_mut(date, renamed) else {
                return;
            };
            note(&mut exception.details);
            exception.own.insert("attendees");
        } else {
            note(&mut item.master);
            for exception in item.exceptions.values_mut() {
                note(&mut exception.details);
            }
        }
        mark_exceptions(mailbox, &mut item, author.now);
        self.keep(behind(&organizer, author.now), item);
    }

    /// Passes an invitation on to others, who become guests.
    pub(crate) fn forward(
        &mut self,
        author: Author<'_>,
        which: Which,
        to: &[Address],
    ) -> Result<(), Refusal> {
        let meeting = Arc::clone(self.mailbox(author.email)?.item(which.key)?);
        let addresses: Vec<String> = to.iter().map(|who| who.address.clone()).collect();
        self.mail(
            author,
            &meeting,
            MailKind::Invitation,
            &addresses,
            "an invitation was forwarded",
        );
        let organizer = meeting.organizer.address.clone();
        let stored = self
            .mailbox(&organizer)
            .ok()
            .and_then(|mailbox| mailbox.with_uid(&meeting.uid).cloned());
        if let Some(stored) = stored.filter(|item| item.is_organizer) {
            let mut item = Item::clone(&stored);
            for who in to {
                if item.master.attendee(&who.address).is_none() {
                    item.master.attendees.push(Attendee {
                        who: who.clone(),
                        kind: "optional",
                        answer: Answer::none("none"),
                        proposed: None,
                    });
                }
            }
            let item = self.keep(behind(&organizer, author.now), item);
            self.renew_copies(&item, author.now);
        }
        Ok(())
    }

    fn mail(
        &mut self,
        author: Author<'_>,
        item: &Item,
        kind: MailKind,
        to: &[String],
        why: &'static str,
    ) {
        if to.is_empty() {
            return;
        }
        self.mails.push(Mail {
            at: author.now,
            by: author.by,
            from: author.email.to_owned(),
            to: to.to_vec(),
            kind,
            subject: item.master.subject.clone(),
            uid: item.uid.clone(),
            comment: String::new(),
            why,
        });
    }

    /// Brings the copies of all guests who have a mailbox here in line with the organizer's.
    fn renew_copies(&mut self, meeting: &Item, now: Timestamp) {
        for guest in &meeting.master.attendees {
            let email = guest.who.address.to_ascii_lowercase();
            if meeting.organizer.is(&email) {
                continue;
            }
            let renamed = self.switches.exception_changes_id;
            let Some(mailbox) = self.mailboxes.get_mut(&email) else {
                continue;
            };
            let existing = mailbox.with_uid(&meeting.uid).cloned();
            let mut copy = copy_of(meeting, existing.as_ref(), &email, renamed);
            if existing.is_none() {
                copy.key = mailbox.next_key();
                copy.calendar = mailbox.default;
                copy.created = now;
                copy.moves = 0;
            }
            mark_exceptions(mailbox, &mut copy, now);
            if existing.is_none_or(|existing| *existing != copy) {
                self.keep(behind(&email, now), copy);
            }
        }
    }

    /// A guest's copy of a meeting that was called off stays, marked.
    fn cancel_copy(&mut self, email: &str, uid: &str, now: Timestamp) {
        let Ok(mailbox) = self.mailbox(email) else {
            return;
        };
        let Some(stored) = mailbox.with_uid(uid).filter(|item| !item.is_organizer) else {
            return;
        };
        let mut item = Item::clone(stored);
        cancel(&mut item.master);
        for exception in item.exceptions.values_mut() {
            cancel(&mut exception.details);
        }
        mark_exceptions(mailbox, &mut item, now);
        self.keep(behind(email, now), item);
    }
}

/// What the server itself does in somebody's mailbox.
fn behind(email: &str, now: Timestamp) -> Author<'_> {
    Author {
        email,
        by: By::Other,
        now,
    }
}

/// How much there is to tell those who knew a meeting already.
struct News {
    updates: usize,
    cancellations: usize,
}

fn news(before: &Item, after: &Item) -> News {
    let whole = !before.master.tells_the_same(&after.master) || before.series != after.series;
    let instances = after.exceptions.iter().filter(|(date, exception)| {
        let old = before.occurrence(**date);
        // A change of the whole series is told for each of its modified instances as well.
        whole || old.is_none_or(|old| !old.tells_the_same(&exception.details))
    });
    let gone = after
        .deleted
        .iter()
        .filter(|date| before.occurrence(**date).is_some());
    News {
        updates: usize::from(whole) + instances.count(),
        cancellations: gone.count(),
    }
}

/// The addresses of all guests, in small letters.
fn guests(item: &Item) -> Vec<String> {
    let invited = item.invited().into_iter();
    invited
        .map(|guest| guest.who.address.to_ascii_lowercase())
        .collect()
}

fn answer_with(details: &mut Details, email: &str, answer: Answer) {
    details.answer = answer;
    details.show_as = if answer.response == "tentativelyAccepted" {
        "tentative"
    } else {
        "busy"
    };
    if let Some(me) = details.attendee_mut(email) {
        me.answer = answer;
    }
}

fn cancel(details: &mut Details) {
    if !details.cancelled {
        details.cancelled = true;
        details.subject.insert_str(0, CANCELED);
        details.show_as = "free";
    }
}

/// The copy of a meeting in a guest's mailbox: what the organizer says, and what is the guest's own.
fn copy_of(meeting: &Item, existing: Option<&Arc<Item>>, email: &str, renamed: bool) -> Item {
    let mut copy = Item {
        is_organizer: false,
        transaction: None,
        master: copied(&meeting.master, existing.map(|item| &item.master), email),
        exceptions: std::collections::BTreeMap::new(),
        ..meeting.clone()
    };
    if let Some(existing) = existing {
        copy.key = existing.key;
        copy.calendar = existing.calendar;
        copy.moves = existing.moves;
        copy.version = existing.version;
        copy.created = existing.created;
        copy.modified = existing.modified;
    }
    let same_series = existing.is_some_and(|existing| {
        existing.series == meeting.series && existing.master.same_time(&meeting.master)
    });
    if same_series && let Some(existing) = existing {
        copy.deleted.extend(&existing.deleted);
    }
    let own = existing.filter(|_| same_series);
    let own_dates = own
        .into_iter()
        .flat_map(|item| item.exceptions.keys().copied());
    let dates: BTreeSet<Date> = meeting
        .exceptions
        .keys()
        .copied()
        .chain(own_dates)
        .collect();
    for date in dates {
        let mine = own.and_then(|item| item.exceptions.get(&date));
        let Some(theirs) = meeting.occurrence(date) else {
            continue;
        };
        if copy.deleted.contains(&date) || theirs.attendee(email).is_none() {
            copy.deleted.insert(date);
            continue;
        }
        let before = existing.and_then(|item| item.occurrence(date));
        let organizers = meeting.exceptions.get(&date);
        let mut marks = organizers
            .map(|exception| exception.own.clone())
            .unwrap_or_default();
        marks.extend(
            mine.iter()
                .flat_map(|exception| exception.own.iter().copied()),
        );
        copy.exceptions.insert(
            date,
            Exception {
                details: copied(&theirs, before.as_ref(), email),
                own: marks,
                version: mine.map_or(0, |exception| exception.version),
                modified: mine.map_or(meeting.modified, |exception| exception.modified),
                renamed: mine.map_or(renamed, |exception| exception.renamed),
            },
        );
    }
    let called_off: Vec<Date> = meeting.deleted.iter().copied().collect();
    for date in called_off {
        // Who knew the occurrence keeps it, marked; who never saw it has nothing to keep.
        let known = own.filter(|item| !item.deleted.contains(&date));
        if let Some(mut details) = known.and_then(|item| item.occurrence(date)) {
            cancel(&mut details);
            copy.deleted.remove(&date);
            let mine = known.and_then(|item| item.exceptions.get(&date));
            copy.exceptions.insert(
                date,
                Exception {
                    details,
                    own: ["subject", "showAs"].into(),
                    version: mine.map_or(0, |exception| exception.version),
                    modified: mine.map_or(meeting.modified, |exception| exception.modified),
                    renamed: mine.map_or(renamed, |exception| exception.renamed),
                },
            );
        }
    }
    copy
}

fn copied(theirs: &Details, mine: Option<&Details>, email: &str) -> Details {
    let mut details = theirs.clone();
    let fresh = mine.is_none_or(|mine| !mine.same_time(theirs));
    details.extended.clear();
    details.categories.clear();
    if let Some(mine) = mine {
        details.extended.clone_from(&mine.extended);
        details.categories.clone_from(&mine.categories);
        details.reminder_on = mine.reminder_on;
        details.reminder_minutes = mine.reminder_minutes;
        details.sensitivity = mine.sensitivity;
    }
    (details.answer, details.show_as) = match mine {
        Some(mine) if !fresh && !mine.cancelled => (mine.answer, mine.show_as),
        Some(_) | None => (Answer::none("notResponded"), "tentative"),
    };
    if details.hide_attendees {
        details.attendees.retain(|attendee| attendee.who.is(email));
    }
    for attendee in &mut details.attendees {
        // What the others answer is between them and the organizer.
        let before = mine.and_then(|mine| mine.attendee(&attendee.who.address));
        attendee.answer = before
            .filter(|_| !fresh)
            .map_or(Answer::none("none"), |before| before.answer);
        attendee.proposed = None;
    }
    details
}
