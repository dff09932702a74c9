//! Creating, changing, moving and deleting events, the same for requests and for people at their own programs.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::Microsoft;
use super::ids;
use super::item::Item;
use super::mailbox::{Mailbox, Which};
use super::recurrence::{Series, Written};
use super::refusal::Refusal;
use super::switches::{StartDateMismatch, Switches};
use super::writing;
use crate::world::By;

/// In whose mailbox, by which way, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author<'a> {
    pub(crate) email: &'a str,
    pub(crate) by: By,
    pub(crate) now: Timestamp,
}

/// How a UID begins that Exchange made itself ([MS-OXOCAL] PidLidGlobalObjectId).
const UID_HEAD: &str = "040000008200E00074C5B7101A82E008";

/// Properties that an exception never takes over from its master.
const TIMES: [&str; 3] = ["start", "end", "isAllDay"];

impl Microsoft {
    pub(crate) fn mailbox(&self, email: &str) -> Result<&Mailbox, Refusal> {
        self.mailboxes
            .get(&email.to_ascii_lowercase())
            .ok_or_else(no_mailbox)
    }

    pub(crate) fn mailbox_mut(&mut self, email: &str) -> Result<&mut Mailbox, Refusal> {
        self.mailboxes
            .get_mut(&email.to_ascii_lowercase())
            .ok_or_else(no_mailbox)
    }

    /// Creates an event in a calendar. Whoever is invited is mailed at once.
    pub(crate) fn create_event(
        &mut self,
        author: Author<'_>,
        calendar: u64,
        body: &Map<String, Value>,
    ) -> Result<Arc<Item>, Refusal> {
        for needed in ["start", "end"] {
            if !body.contains_key(needed) {
                return Err(Refusal::property(format!(
                    "The Event.{needed} property is required."
                )));
            }
        }
        let mut master = writing::blank();
        writing::apply(&mut master, body, &self.switches)?;
        let switches = self.switches.clone();
        let mailbox = self.mailbox_mut(author.email)?;
        if !mailbox
            .calendars
            .get(&calendar)
            .ok_or_else(Refusal::not_found)?
            .can_edit
        {
            return Err(Refusal::denied());
        }
        let key = mailbox.next_key();
        let mut item = Item {
            key,
            calendar,
            moves: 0,
            version: 0,
            uid: match body.get("iCalUId").and_then(Value::as_str) {
                // Only an import brings a UID along.
                Some(uid) if author.by == By::Other => uid.to_owned(),
                Some(_) | None => new_uid(mailbox, key),
            },
            created: author.now,
            modified: author.now,
            transaction: match body.get("transactionId") {
                None | Some(Value::Null) => None,
                Some(transaction) => Some(writing::text("transactionId", transaction)?),
            },
            organizer: mailbox.owner.clone(),
            is_organizer: true,
            master,
            series: None,
            exceptions: std::collections::BTreeMap::new(),
            deleted: std::collections::BTreeSet::new(),
        };
        if let Some(recurrence) = body.get("recurrence").filter(|value| !value.is_null()) {
            repeat(&mut item, &Written::read(recurrence)?, &switches)?;
        }
        Ok(self.save(author, item))
    }

    /// Changes an event, a series or one occurrence.
    pub(crate) fn patch_event(
        &mut self,
        author: Author<'_>,
        which: Which,
        body: &Map<String, Value>,
    ) -> Result<Arc<Item>, Refusal> {
        let switches = self.switches.clone();
        let mailbox = self.mailbox(author.email)?;
        let mut item = Item::clone(mailbox.item(which.key)?);
        if !mailbox
            .calendars
            .get(&item.calendar)
            .is_some_and(|calendar| calendar.can_edit)
        {
            return Err(Refusal::denied());
        }
        match which.date {
            Some(date) => patch_occurrence(&mut item, date, body, &switches)?,
            None => patch_whole(&mut item, body, &switches)?,
        }
        mark_exceptions(mailbox, &mut item, author.now);
        Ok(self.save(author, item))
    }

    /// Deletes an event, a series or one occurrence. The organizer's guests are told.
    pub(crate) fn delete_event(&mut self, author: Author<'_>, which: Which) -> Result<(), Refusal> {
        let mailbox = self.mailbox(author.email)?;
        let item = Arc::clone(mailbox.item(which.key)?);
        if !mailbox
            .calendars
            .get(&item.calendar)
            .is_some_and(|calendar| calendar.can_edit)
        {
            return Err(Refusal::denied());
        }
        match which.date {
            None => {
                self.erase(author, &item, None);
            }
            Some(date) => {
                let mut after = Item::clone(&item);
                after.occurrence(date).ok_or_else(Refusal::not_found)?;
                after.exceptions.remove(&date);
                after.deleted.insert(date);
                self.save(author, after);
            }
        }
        Ok(())
    }

    /// Moves an item to another calendar of its mailbox: its normal id changes, its immutable one does not.
    pub(crate) fn move_item(
        &mut self,
        author: Author<'_>,
        key: u64,
        calendar: u64,
    ) -> Result<(), Refusal> {
        let mailbox = self.mailbox(author.email)?;
        let mut item = Item::clone(mailbox.item(key)?);
        if !mailbox.calendars.contains_key(&calendar) {
            return Err(Refusal::not_found());
        }
        if item.calendar != calendar {
            item.calendar = calendar;
            item.moves += 1;
            self.save(author, item);
        }
        Ok(())
    }

    /// Stores a version, tells the guests and the subscribers.
    pub(crate) fn save(&mut self, author: Author<'_>, item: Item) -> Arc<Item> {
        let before = self
            .mailbox(author.email)
            .ok()
            .and_then(|mailbox| mailbox.items().get(&item.key).cloned());
        let after = self.keep(author, item);
        if after.is_organizer {
            self.tell_guests(author, before.as_deref(), &after);
        }
        after
    }

    /// Stores a version and tells the subscribers, but no guest.
    pub(crate) fn keep(&mut self, author: Author<'_>, item: Item) -> Arc<Item> {
        let key = author.email.to_ascii_lowercase();
        let Some(mailbox) = self.mailboxes.get_mut(&key) else {
            return Arc::new(item);
        };
        let created = !mailbox.items().contains_key(&item.key);
        let item = mailbox.store(item, author.by, author.now);
        let kind = if created { "created" } else { "updated" };
        self.notify(author, &item, kind);
        item
    }

    /// Removes an item, tells the guests and the subscribers.
    pub(crate) fn erase(&mut self, author: Author<'_>, item: &Arc<Item>, comment: Option<&str>) {
        if self.forget(author, item) {
            if item.is_organizer {
                self.call_off(author, item, comment);
            } else if self.switches.attendee_delete_tells_organizer {
                self.mail_organizer_of_deletion(author, item);
            }
        }
    }

    /// Removes an item and tells the subscribers, but nobody else. False when it was not there.
    pub(crate) fn forget(&mut self, author: Author<'_>, item: &Arc<Item>) -> bool {
        let key = author.email.to_ascii_lowercase();
        let removed = self
            .mailboxes
            .get_mut(&key)
            .and_then(|mailbox| mailbox.remove(item.key, author.by));
        if removed.is_some() {
            self.notify(author, item, "deleted");
        }
        removed.is_some()
    }
}

/// A UID in Exchange's form: no instance date, the time of creation, and what differs.
fn new_uid(mailbox: &Mailbox, key: u64) -> String {
    let id = ids::guid(&[b"uid", &mailbox.tag, &key.to_be_bytes()]);
    let id = id.replace('-', "").to_uppercase();
    format!(
        "{UID_HEAD}00000000{}000000000000000010000000{id}",
        &id[..16]
    )
}

/// The UID as one occurrence shows it.
pub(crate) fn uid_of(uid: &str, date: Date) -> String {
    match uid.strip_prefix(UID_HEAD) {
        Some(tail) if tail.len() > 8 => format!(
            "{UID_HEAD}{:04X}{:02X}{:02X}{}",
            date.year(),
            date.month(),
            date.day(),
            &tail[8..]
        ),
        Some(_) | None => uid.to_owned(),
    }
}

/// A UID without the date of an occurrence.
pub(crate) fn clean_uid(uid: &str) -> String {
    match uid.strip_prefix(UID_HEAD) {
        Some(tail) if tail.len() > 8 => format!("{UID_HEAD}00000000{}", &tail[8..]),
        Some(_) | None => uid.to_owned(),
    }
}

fn patch_whole(
    item: &mut Item,
    body: &Map<String, Value>,
    switches: &Switches,
) -> Result<(), Refusal> {
    let before = item.clone();
    let written = writing::apply(&mut item.master, body, switches)?;
    match body.get("recurrence") {
        Some(Value::Null) => {
            item.series = None;
        }
        Some(recurrence) => repeat(item, &Written::read(recurrence)?, switches)?,
        None => shift(item, &before, switches)?,
    }
    let same = before.series == item.series && before.master.same_time(&item.master);
    if !same {
        // An occurrence that the pattern no longer has is none, whatever was changed in it.
        let kept = (item.series.clone()).filter(|_| !switches.master_change_drops_exceptions);
        let stays = |date: &Date| kept.as_ref().is_some_and(|series| series.has(*date));
        item.exceptions.retain(|date, _| stays(date));
        item.deleted.retain(stays);
    }
    let rest: Vec<(Date, Map<String, Value>)> = item
        .exceptions
        .iter()
        .map(|(date, exception)| {
            let inherited = written
                .iter()
                .filter(|name| !TIMES.contains(*name) && !exception.own.contains(*name));
            let inherited =
                inherited.filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone())));
            (*date, inherited.collect())
        })
        .collect();
    for (date, inherited) in rest {
        if let Some(exception) = item.exceptions.get_mut(&date) {
            writing::apply(&mut exception.details, &inherited, switches)?;
        }
    }
    Ok(())
}

/// A master whose start was moved takes its pattern's beginning along.
fn shift(item: &mut Item, before: &Item, switches: &Switches) -> Result<(), Refusal> {
    let Some(series) = &item.series else {
        return Ok(());
    };
    if before.master.same_time(&item.master) {
        return Ok(());
    }
    let start = if item.master.all_day {
        item.master.start.local
    } else {
        item.master.start.within(&series.zone).local
    };
    let written = Written {
        pattern: series.pattern.clone(),
        start: start.date(),
        range: series.range,
        zone: Some(series.zone.clone()),
    };
    repeat(item, &written, switches)
}

/// Makes the item a series, or gives it another pattern.
fn repeat(item: &mut Item, written: &Written, switches: &Switches) -> Result<(), Refusal> {
    let master = &item.master;
    let zone = written
        .zone
        .clone()
        .unwrap_or_else(|| master.start.zone.clone());
    let start = if master.all_day {
        master.start.local
    } else {
        master.start.within(&zone).local
    };
    let mut written = written.clone();
    if written.start != start.date() && written.start != master.start.local.date() {
        match switches.start_date_mismatch {
            StartDateMismatch::Refused => {
                return Err(Refusal::property(
                    "The recurrence range's startDate must be the date of the Event.Start property.",
                ));
            }
            StartDateMismatch::Corrected => {}
        }
    }
    written.start = start.date();
    let first = Series::aligned_start(&written, switches.short_months_clamp)
        .ok_or_else(|| Refusal::property("The recurrence has no occurrence."))?;
    let series = Series {
        pattern: written.pattern,
        start: first,
        range: written.range,
        zone,
        time: start.time(),
        clamp: switches.short_months_clamp,
    };
    // The master stands where its first occurrence does.
    let aligned = item.plain_occurrence(&series, first);
    item.master.start = aligned.start;
    item.master.end = aligned.end;
    item.series = Some(series);
    Ok(())
}

fn patch_occurrence(
    item: &mut Item,
    date: Date,
    body: &Map<String, Value>,
    switches: &Switches,
) -> Result<(), Refusal> {
    if body.get("recurrence").is_some_and(|value| !value.is_null()) {
        return Err(Refusal::property(
            "The Recurrence property can't be set on an occurrence.",
        ));
    }
    let mut details = item.occurrence(date).ok_or_else(Refusal::not_found)?;
    let written = writing::apply(&mut details, body, switches)?;
    if item.crosses_boundary(date, &details) {
        return Err(Refusal::bad(
            "ErrorOccurrenceCrossingBoundary",
            "Modified occurrence is crossing or overlapping adjacent occurrence.",
        ));
    }
    let exception = item
        .exception_mut(date, switches.exception_changes_id)
        .ok_or_else(Refusal::not_found)?;
    exception.details = details;
    exception.own.extend(written);
    Ok(())
}

/// Gives every exception that differs from what is stored the version that is about to be made.
pub(crate) fn mark_exceptions(mailbox: &Mailbox, item: &mut Item, now: Timestamp) {
    let version = mailbox.revision() + 1;
    let stored = mailbox.items().get(&item.key).cloned();
    for (date, exception) in &mut item.exceptions {
        let before = stored
            .as_ref()
            .and_then(|stored| stored.exceptions.get(date));
        if before.is_none_or(|before| before.details != exception.details) {
            exception.version = version;
            exception.modified = now;
        }
    }
}

fn no_mailbox() -> Refusal {
    Refusal::new(
        http::StatusCode::NOT_FOUND,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    )
}
