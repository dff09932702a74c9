//! The doors without HTTP: accounts, what people do in Outlook, what is true, and what an operator does to the service.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::Microsoft;
use super::edit::Author;
use super::ids::IdType;
use super::item::{Address, Item, Window};
use super::mailbox::{Mailbox, Throttle, Which};
use super::meeting::Reply;
use super::moment::Zone;
use super::refusal::Refusal;
use super::render::{View, show_calendar};
use crate::chance::Chance;
use crate::world::By;

/// A mailbox to be made.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The mail address, which is also who may sign in to it.
    pub email: &'a str,
    /// The owner's name.
    pub name: &'a str,
    /// The owner's time zone, by its Windows or IANA name.
    pub time_zone: &'a str,
}

/// Ids are taken in either form, and given in the immutable one.
impl Microsoft {
    /// Makes a mailbox with its default calendar, and returns that calendar's id. A token for the address opens it; who can
    /// sign in by password is the authorisation server's matter ([`Microsoft::oauth`]).
    pub fn add_account(&mut self, account: Account<'_>) -> Result<String, Refusal> {
        let key = account.email.to_ascii_lowercase();
        let person = self.oauth.people.get(account.email);
        let subject = person.map_or_else(
            || super::ids::guid(&[b"person", key.as_bytes()]),
            |person| person.subject.clone(),
        );
        let owner = Address {
            name: account.name.to_owned(),
            address: account.email.to_owned(),
        };
        let mailbox = Mailbox::new(owner, subject, Zone::find(account.time_zone)?);
        let id = mailbox.calendar_id(mailbox.default);
        self.mailboxes.insert(key, mailbox);
        Ok(id)
    }

    /// The id of the calendar that Outlook opens with.
    pub fn default_calendar(&self, email: &str) -> Result<String, Refusal> {
        let mailbox = self.mailbox(email)?;
        Ok(mailbox.calendar_id(mailbox.default))
    }

    /// Makes a further calendar, and returns its id.
    pub fn add_calendar(&mut self, email: &str, name: &str) -> Result<String, Refusal> {
        let mailbox = self.mailbox_mut(email)?;
        let key = mailbox.add_calendar(name);
        Ok(mailbox.calendar_id(key))
    }

    /// Takes the right to write into a calendar away, or gives it back.
    pub fn let_write(&mut self, email: &str, calendar: &str, may: bool) -> Result<(), Refusal> {
        let mailbox = self.mailbox_mut(email)?;
        let key = mailbox.calendar(calendar)?.key;
        if let Some(calendar) = mailbox.calendars.get_mut(&key) {
            calendar.can_edit = may;
        }
        Ok(())
    }

    /// The user makes an event. `event` is what a request's body would be; it may also say `iCalUId`, as an import does.
    /// Guests are mailed as Outlook would. Returns the event's id.
    pub fn as_user_create(
        &mut self,
        email: &str,
        calendar: &str,
        event: &Value,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let key = self.mailbox(email)?.calendar(calendar)?.key;
        let body = object(event)?;
        let item = self.create_event(user(email, now), key, body)?;
        Ok(self.mailbox(email)?.id(&item, None, IdType::Immutable))
    }

    /// The user changes an event, a whole series, or the one occurrence that the id names. Returns the id, which for an
    /// occurrence may be a new one.
    pub fn as_user_change(
        &mut self,
        email: &str,
        id: &str,
        changes: &Value,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let which = self.named(email, id)?;
        let item = self.patch_event(user(email, now), which, object(changes)?)?;
        Ok(self
            .mailbox(email)?
            .id(&item, which.date, IdType::Immutable))
    }

    /// The user deletes an event, a whole series, or the one occurrence that the id names.
    pub fn as_user_delete(&mut self, email: &str, id: &str, now: Timestamp) -> Result<(), Refusal> {
        let which = self.named(email, id)?;
        self.delete_event(user(email, now), which)
    }

    /// The user changes a series from one of its dates on: it ends before that date, and a new series with a new UID begins
    /// there. Returns the new series' id.
    pub fn as_user_change_from(
        &mut self,
        email: &str,
        id: &str,
        date: Date,
        changes: &Value,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let which = self.named(email, id)?;
        let mailbox = self.mailbox(email)?;
        let old = Arc::clone(mailbox.item(which.key)?);
        let series = old
            .series
            .as_ref()
            .filter(|series| series.has(date))
            .ok_or_else(Refusal::not_found)?;
        let calendar = old.calendar;
        let first = old.plain_occurrence(series, date);
        let mut body = self.body_of(&old, mailbox);
        body.insert("start".to_owned(), first.start.to_json());
        body.insert("end".to_owned(), first.end.to_json());
        let mut recurrence = series.to_json();
        recurrence["range"]["startDate"] = date.to_string().into();
        if recurrence["range"]["type"] == "numbered" {
            let before = series
                .dates_from(series.start)
                .take_while(|day| *day < date)
                .count();
            let all = recurrence["range"]["numberOfOccurrences"]
                .as_u64()
                .unwrap_or(1);
            recurrence["range"]["numberOfOccurrences"] =
                all.saturating_sub(before as u64).max(1).into();
        }
        body.insert("recurrence".to_owned(), recurrence);
        body.extend(object(changes)?.clone());
        let author = user(email, now);
        if series.before(date).is_none() {
            self.delete_event(author, which)?;
        } else {
            let mut ended = Item::clone(&old);
            ended.truncate(date);
            self.save(author, ended);
        }
        let item = self.create_event(author, calendar, &body)?;
        Ok(self.mailbox(email)?.id(&item, None, IdType::Immutable))
    }

    /// The user moves an event to another calendar of the same mailbox.
    pub fn as_user_move(
        &mut self,
        email: &str,
        id: &str,
        calendar: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let which = self.named(email, id)?;
        let key = self.mailbox(email)?.calendar(calendar)?.key;
        self.move_item(user(email, now), which.key, key)
    }

    /// The user answers an invitation, or one occurrence of it, and the organizer is told. `response` is a word of
    /// `responseType`.
    pub fn as_user_respond(
        &mut self,
        email: &str,
        id: &str,
        response: &'static str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let which = self.named(email, id)?;
        let reply = Reply {
            response,
            send: true,
            comment: String::new(),
            proposed: None,
        };
        self.respond(user(email, now), which, &reply)
    }

    /// The server works on an event by itself: its change key becomes another, and nothing else.
    pub fn touch(&mut self, email: &str, id: &str, now: Timestamp) -> Result<(), Refusal> {
        let which = self.named(email, id)?;
        let item = Item::clone(self.mailbox(email)?.item(which.key)?);
        self.keep(user(email, now), item);
        Ok(())
    }

    /// The id of a series' occurrence on a date of its pattern, changed or not; none when there is no such occurrence.
    pub fn occurrence(&self, email: &str, id: &str, date: Date) -> Option<String> {
        let which = self.named(email, id).ok()?;
        let mailbox = self.mailbox(email).ok()?;
        let item = mailbox.item(which.key).ok()?;
        item.occurrence(date)?;
        Some(mailbox.id(item, Some(date), IdType::Immutable))
    }

    /// An event as it truly is: everything, in UTC, a series with its exceptions and cancelled occurrences, and with all
    /// extended properties. None when there is none.
    pub fn truth(&self, email: &str, id: &str) -> Option<Value> {
        let which = self.named(email, id).ok()?;
        let mailbox = self.mailbox(email).ok()?;
        Some(self.whole(mailbox, mailbox.item(which.key).ok()?, which.date))
    }

    /// All singles and series of a calendar as they truly are, in the order in which they were made.
    pub fn all(&self, email: &str, calendar: &str) -> Result<Vec<Value>, Refusal> {
        let mailbox = self.mailbox(email)?;
        let key = mailbox.calendar(calendar)?.key;
        let items = mailbox.items().values().filter(|item| item.calendar == key);
        Ok(items.map(|item| self.whole(mailbox, item, None)).collect())
    }

    /// Every mailbox there is, in the order of their addresses.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.mailboxes.values()
    }

    /// Lets every delta link of a mailbox be worthless that was given up to a generation.
    pub(crate) fn outlive(&mut self, email: &str, generation: u32) {
        if let Ok(mailbox) = self.mailbox_mut(email) {
            mailbox.generation = mailbox.generation.max(generation.saturating_add(1));
        }
    }

    /// Takes a subscription away without a word, and says whether there was one.
    pub(crate) fn forget_subscription(&mut self, id: &str) -> bool {
        self.drop_pushes_of(id);
        let mut mailboxes = self.mailboxes.values_mut();
        mailboxes.any(|mailbox| mailbox.subscriptions.remove(id).is_some())
    }

    /// What stands in a calendar within a window as it truly is: singles, and series by their occurrences.
    pub fn view(
        &self,
        email: &str,
        calendar: &str,
        window: Range<Timestamp>,
    ) -> Result<Vec<Value>, Refusal> {
        let mailbox = self.mailbox(email)?;
        let key = mailbox.calendar(calendar)?.key;
        let window = Window {
            from: window.start,
            until: window.end,
        };
        let items = mailbox.items().values().filter(|item| item.calendar == key);
        Ok(items
            .flat_map(|item| {
                let standing = item.standing(window).into_iter();
                standing.map(|standing| self.whole(mailbox, item, standing.date))
            })
            .collect())
    }

    /// Everybody who has a mailbox.
    pub fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        self.mailboxes.values().map(|mailbox| Account {
            email: &mailbox.owner.address,
            name: &mailbox.owner.name,
            time_zone: &mailbox.zone.name,
        })
    }

    /// All calendars of a mailbox.
    pub fn calendars(&self, email: &str) -> Result<Vec<Value>, Refusal> {
        let mailbox = self.mailbox(email)?;
        let calendars = mailbox.calendars.values();
        Ok(calendars
            .map(|calendar| show_calendar(mailbox, calendar))
            .collect())
    }

    /// How many changes were ever made in a mailbox, by requests and by others.
    pub fn changes(&self, email: &str) -> Result<u64, Refusal> {
        Ok(self.mailbox(email)?.revision())
    }

    /// How many changes of a mailbox requests have made.
    pub fn changes_by_requests(&self, email: &str) -> Result<usize, Refusal> {
        let mailbox = self.mailbox(email)?;
        let changes = mailbox.changes(0, mailbox.revision()).iter();
        Ok(changes.filter(|change| change.by == By::Request).count())
    }

    /// Lets every delta link of a mailbox die.
    pub fn bump_generation(&mut self, email: &str) -> Result<(), Refusal> {
        self.mailbox_mut(email)?.generation += 1;
        Ok(())
    }

    /// Refuses the next request of a mailbox. Called twice, the next two.
    pub fn throttle(&mut self, email: &str, throttle: Throttle) -> Result<(), Refusal> {
        self.mailbox_mut(email)?.throttles.push_back(throttle);
        Ok(())
    }

    /// Lets chance begin anew.
    pub fn seed(&mut self, seed: u64) {
        self.chance = Chance::new(seed);
    }

    fn named(&self, email: &str, id: &str) -> Result<Which, Refusal> {
        let mailbox = self.mailbox(email)?;
        mailbox.find(mailbox.items(), id)
    }

    fn whole(&self, mailbox: &Mailbox, item: &Item, date: Option<Date>) -> Value {
        let view = View::whole(mailbox, &self.switches);
        let mut event = view.event(item, date);
        let occurrence = date.and_then(|date| item.occurrence(date));
        let details = occurrence.as_ref().unwrap_or(&item.master);
        event["singleValueExtendedProperties"] = details
            .extended
            .iter()
            .map(|(id, value)| json!({ "id": id, "value": value }))
            .collect();
        event["calendar"] = json!({ "id": mailbox.calendar_id(item.calendar) });
        event
    }

    /// What one would write to make the same event again.
    fn body_of(&self, item: &Item, mailbox: &Mailbox) -> Map<String, Value> {
        let whole = self.whole(mailbox, item, None);
        let mut body = Map::new();
        for (name, writable) in super::words::EVENT_PROPERTIES {
            let elsewhere = matches!(
                *name,
                "transactionId" | "recurrence" | "location" | "extensions"
            );
            if let Some(value) = whole.get(*name).filter(|_| *writable && !elsewhere) {
                body.insert((*name).to_owned(), value.clone());
            }
        }
        body
    }
}

fn user(email: &str, now: Timestamp) -> Author<'_> {
    Author {
        email,
        by: By::Other,
        now,
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| Refusal::unreadable("An event is an object."))
}
