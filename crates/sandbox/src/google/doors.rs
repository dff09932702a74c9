//! What people do in Google's own web pages, and what a test looks at: everything without HTTP.
//!
//! Events are written and read in the shape of the API. Nothing here is counted against a quota.

use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Role};
use super::event::{Event, Kind};
use super::mail::SendUpdates;
use super::moment::{Moment, rules};
use super::push::{self, Watched};
use super::recurrence::Recurrence;
use super::render::Look;
use super::write::{self, Manner, Writing};
use super::{Google, Refusal, body, make, series};

/// Somebody in front of Google's web page, looking at a calendar.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Who: the mail address in lower case.
    pub user: &'a str,
    /// Which calendar, by its id.
    pub calendar: &'a str,
    /// What they click when they are asked whether to mail the guests.
    pub send: SendUpdates,
}

/// What a series was cut into.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The series up to the cut; none where nothing is left of it.
    pub before: Option<Value>,
    /// The new series from the cut on.
    pub after: Value,
}

impl<'a> Visit<'a> {
    /// Somebody who looks at their primary calendar and mails nobody.
    pub fn primary(user: &'a str) -> Self {
        Self {
            user,
            calendar: user,
            send: SendUpdates::None,
        }
    }

    /// The same person looking at another calendar.
    #[must_use]
    pub fn on(self, calendar: &'a str) -> Self {
        Self { calendar, ..self }
    }

    fn writing(self, google: &Google, now: Timestamp) -> Result<Writing<'a>, Refusal> {
        let role = google.role(self.user, self.calendar);
        if role == Role::None {
            return Err(Refusal::not_found());
        }
        if role < Role::WriterWithoutPrivateAccess {
            return Err(Refusal::access_level("writer"));
        }
        Ok(Writing {
            user: self.user,
            calendar: self.calendar,
            role,
            now,
            send: self.send,
            conference: true,
            attachments: true,
            labels: true,
        })
    }
}

fn members(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(Refusal::parse)
}

impl Google {
    /// Makes an event, and returns it.
    pub fn create_event(
        &mut self,
        visit: Visit<'_>,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let writing = visit.writing(self, now)?;
        let stored = make::insert(self, &writing, members(event)?)?;
        self.shown(visit, &stored)
    }

    /// Replaces an event, or makes it under this id where there is none, and returns it.
    pub fn put_event(
        &mut self,
        visit: Visit<'_>,
        id: &str,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let writing = visit.writing(self, now)?;
        let known = self
            .calendars
            .get(visit.calendar)
            .and_then(|calendar| series::find(calendar, id, &self.switches));
        let stored = if known.is_some() {
            let how = (members(event)?, Manner::Replace);
            write::change(self, &writing, id, how, None)?
        } else {
            let mut event = members(event)?.clone();
            event.insert("id".to_owned(), id.into());
            make::insert(self, &writing, &event)?
        };
        self.shown(visit, &stored)
    }

    /// Changes what `patch` names of an event or an instance, and returns it. Moving one occurrence is a patch of its
    /// `start` and `end`; `null` takes away.
    pub fn patch_event(
        &mut self,
        visit: Visit<'_>,
        id: &str,
        patch: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let writing = visit.writing(self, now)?;
        let how = (members(patch)?, Manner::Patch);
        let stored = write::change(self, &writing, id, how, None)?;
        self.shown(visit, &stored)
    }

    /// Deletes an event, or cancels an instance.
    pub fn delete_event(
        &mut self,
        visit: Visit<'_>,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let writing = visit.writing(self, now)?;
        write::delete(self, &writing, id, None)
    }

    /// Moves an event to another calendar of the same person, and returns it.
    pub fn move_event(
        &mut self,
        visit: Visit<'_>,
        id: &str,
        destination: &str,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let writing = visit.writing(self, now)?;
        visit.on(destination).writing(self, now)?;
        let stored = write::relocate(self, &writing, id, destination)?;
        self.shown(visit.on(destination), &stored)
    }

    /// Changes "this and following": ends the series before the instance `id`, and begins a new one with `patch` there.
    /// The new one is called as Google's web page calls it, `<series>_R<start>`; exceptions after the cut are lost.
    pub fn split_series(
        &mut self,
        visit: Visit<'_>,
        id: &str,
        patch: &Value,
        now: Timestamp,
    ) -> Result<Split, Refusal> {
        let writing = visit.writing(self, now)?;
        let calendar = self.calendars.get(visit.calendar);
        let calendar = calendar.ok_or_else(Refusal::not_found)?;
        let found = series::find(calendar, id, &self.switches).ok_or_else(Refusal::not_found)?;
        let slot = found.slot.clone().ok_or_else(Refusal::not_found)?;
        let whole = calendar.event(&slot.series).cloned();
        let whole = whole.ok_or_else(Refusal::not_found)?;
        let first = slot.original.local();
        let recurrence = Recurrence::read(&whole.recurrence, &whole.start, &self.switches)?;
        let earlier = recurrence.starts(jiff::civil::DateTime::MIN, Some(first), usize::MAX - 2);
        let mut body = body::writable(&whole, visit.user);
        let later_start = whole.start.at_local(first);
        let later_end = whole.end.shifted(&whole.start, &later_start);
        body.insert(
            "start".to_owned(),
            super::moment::members(&later_start).into(),
        );
        body.insert("end".to_owned(), super::moment::members(&later_end).into());
        let counted = |line: &String| without_count(line, earlier.len());
        let lines: Vec<String> = whole.recurrence.iter().map(counted).collect();
        body.insert("recurrence".to_owned(), json!(lines));
        body::merge(&mut body, members(patch)?);
        let before = if earlier.is_empty() {
            write::delete(self, &writing, &slot.series, None)?;
            None
        } else {
            let until = until(&whole.start, first);
            let lines: Vec<String> = whole
                .recurrence
                .iter()
                .map(|line| with_until(line, &until))
                .collect();
            let mut trim = Map::new();
            trim.insert("recurrence".to_owned(), json!(lines));
            let how = (&trim, Manner::Patch);
            let stored = write::change(self, &writing, &slot.series, how, None)?;
            Some(self.shown(visit, &stored)?)
        };
        let mark = match &slot.original {
            Moment::Day(day) => day.strftime("%Y%m%d").to_string(),
            Moment::Time { at, .. } => at.strftime("%Y%m%dT%H%M%S").to_string(),
        };
        let name = format!("{}_R{mark}", slot.series);
        body.insert("iCalUID".to_owned(), json!(format!("{name}@google.com")));
        let stored = make::insert_named(self, &writing, &body, &name)?;
        let after = self.shown(visit, &stored)?;
        Ok(Split { before, after })
    }

    fn shown(&self, visit: Visit<'_>, event: &Event) -> Result<Value, Refusal> {
        let calendar = self.calendars.get(visit.calendar);
        let calendar = calendar.ok_or_else(Refusal::not_found)?;
        Ok(self.as_owner(calendar).event(event))
    }

    /// The eyes that see all there is.
    fn as_owner<'a>(&'a self, calendar: &'a Calendar) -> Look<'a> {
        let account = self.accounts.get(&calendar.owner);
        Look {
            calendar,
            user: &calendar.owner,
            role: Role::Owner,
            zone: calendar.zone(),
            attendees_max: None,
            default_reminders: account
                .map_or(&[], |account| account.default_reminders(&calendar.id)),
            stubs: false,
        }
    }

    /// An event as its calendar's owner sees it, tombstones and single instances too.
    pub fn event(&self, calendar: &str, id: &str) -> Option<Value> {
        let calendar = self.calendars.get(calendar)?;
        let event = series::find(calendar, id, &self.switches)?;
        Some(self.as_owner(calendar).event(&event))
    }

    /// An event as a visitor sees it, single instances too; none where there is nothing to see.
    pub fn seen_event(&self, visit: Visit<'_>, id: &str) -> Option<Value> {
        let calendar = self.calendars.get(visit.calendar)?;
        let event = series::find(calendar, id, &self.switches)?;
        let role = self.role(visit.user, visit.calendar);
        let visible = role != Role::None && !event.is_tombstone();
        visible.then(|| self.as_visitor(visit, calendar, role).event(&event))
    }

    /// What takes place on a calendar within a window, as a visitor sees it: series by their instances, and instances that
    /// were cancelled.
    pub fn view(&self, visit: Visit<'_>, window: Range<Timestamp>) -> Vec<Value> {
        let role = self.role(visit.user, visit.calendar);
        let Some(calendar) = self.calendars.get(visit.calendar) else {
            return Vec::new();
        };
        if role == Role::None {
            return Vec::new();
        }
        let look = self.as_visitor(visit, calendar, role);
        let zone = calendar.zone();
        let window = series::Window {
            after: Some(window.start),
            before: Some(window.end),
        };
        let events = calendar.events();
        let live = events.values().filter(|event| !event.is_tombstone());
        let mut shown = Vec::new();
        for event in live {
            if event.is_series() {
                let instances = series::instances(event, window, &zone, &self.switches);
                let plain = instances
                    .iter()
                    .filter(|instance| !events.contains_key(&instance.id));
                shown.extend(plain.map(|instance| look.event(instance)));
            } else if window.has(&event.start, &event.end, &zone) {
                shown.push(look.event(event));
            }
        }
        shown
    }

    fn as_visitor<'a>(&'a self, visit: Visit<'a>, calendar: &'a Calendar, role: Role) -> Look<'a> {
        Look {
            user: visit.user,
            role,
            ..self.as_owner(calendar)
        }
    }

    /// Everything that is on a calendar and not deleted, by id: singles, series, and exceptions with the cancelled ones.
    pub fn events(&self, calendar: &str) -> Vec<Value> {
        let Some(calendar) = self.calendars.get(calendar) else {
            return Vec::new();
        };
        let look = self.as_owner(calendar);
        let live = calendar
            .events()
            .values()
            .filter(|event| !event.is_tombstone());
        live.map(|event| look.event(event)).collect()
    }

    /// Forgets everywhere what was deleted longer ago than tombstones last. Every request does the same.
    pub fn age_out(&mut self, now: Timestamp) {
        let life: SignedDuration = self.switches.tombstone_lifetime;
        let limit = now.saturating_sub(life).unwrap_or(Timestamp::MIN);
        for calendar in self.calendars.values_mut() {
            calendar.age_out(limit);
        }
    }

    /// Takes a calendar away from everybody.
    pub fn remove_calendar(&mut self, id: &str, now: Timestamp) {
        self.calendars.remove(id);
        let listed: Vec<String> = self
            .accounts
            .values()
            .filter(|account| account.list.get(id).is_some_and(|entry| !entry.deleted))
            .map(|account| account.email.clone())
            .collect();
        for user in listed {
            self.delist(&user, id, now);
        }
    }

    /// Makes every sync token of a user's calendar list worthless.
    pub fn kill_list_tokens(&mut self, user: &str) {
        if let Some(account) = self.accounts.get_mut(user) {
            account.list_generation += 1;
        }
    }

    /// Changes a user setting, and tells those who watch.
    pub fn change_setting(&mut self, user: &str, id: &str, value: &str, now: Timestamp) {
        let version = self.stamp(now).version;
        if let Some(account) = self.accounts.get_mut(user) {
            account.settings.insert(id.to_owned(), value.to_owned());
            account.settings_version = version;
            push::notify(self, &Watched::Settings(user.to_owned()), now);
        }
    }

    /// Locks an event, or unlocks it: a locked copy keeps its title, text, place and time.
    pub fn lock_event(
        &mut self,
        calendar: &str,
        id: &str,
        locked: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let found = self.calendars.get(calendar);
        let event = found.and_then(|calendar| calendar.event(id));
        let mut event = Event::clone(event.ok_or_else(Refusal::not_found)?);
        if locked {
            event.fields.insert("locked".to_owned(), true.into());
        } else {
            event.fields.remove("locked");
        }
        self.put(calendar, event, now);
        Ok(())
    }

    /// Makes an event as Gmail makes them of tickets and bookings.
    pub fn add_from_gmail(
        &mut self,
        user: &str,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let visit = Visit::primary(user);
        let writing = visit.writing(self, now)?;
        let stored = make::insert(self, &writing, members(event)?)?;
        let mut found = Event::clone(&stored);
        found.kind = Kind::FromGmail;
        let stored = self.put(user, found, now);
        self.shown(visit, &stored)
    }

    /// Puts an event on a calendar that an organizer elsewhere sent by mail.
    pub fn receive_invitation(
        &mut self,
        calendar: &str,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let owner = self
            .calendars
            .get(calendar)
            .map(|calendar| calendar.owner.clone());
        let owner = owner.ok_or_else(Refusal::not_found)?;
        let visit = Visit::primary(&owner).on(calendar);
        let writing = visit.writing(self, now)?;
        let stored: Arc<Event> = make::import(self, &writing, members(event)?)?;
        let mut received = Event::clone(&stored);
        received.private_copy = false;
        let stored = self.put(calendar, received, now);
        self.shown(visit, &stored)
    }
}

/// The last moment before an instance, as UNTIL wants it.
fn until(start: &Moment, first: jiff::civil::DateTime) -> String {
    match start {
        Moment::Day(_) => {
            let day = first.date().yesterday().unwrap_or(first.date());
            day.strftime("%Y%m%d").to_string()
        }
        Moment::Time { zone, .. } => {
            let at = super::moment::instant(&rules(zone), first);
            let last = at.checked_sub(SignedDuration::from_secs(1)).unwrap_or(at);
            last.to_zoned(TimeZone::UTC)
                .strftime("%Y%m%dT%H%M%SZ")
                .to_string()
        }
    }
}

fn parts(line: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let (head, value) = line.split_once(':')?;
    let is_rule = head.trim().eq_ignore_ascii_case("RRULE");
    is_rule.then(|| (head, value.split(';')))
}

fn ends(part: &str) -> bool {
    let upper = part.to_ascii_uppercase();
    upper.starts_with("COUNT=") || upper.starts_with("UNTIL=")
}

/// A rule that ends before a cut.
fn with_until(line: &str, until: &str) -> String {
    let Some((head, parts)) = parts(line) else {
        return line.to_owned();
    };
    let kept: Vec<&str> = parts.filter(|part| !ends(part)).collect();
    format!("{head}:{};UNTIL={until}", kept.join(";"))
}

/// A rule with as many instances less as are before a cut.
fn without_count(line: &str, earlier: usize) -> String {
    let Some((head, parts)) = parts(line) else {
        return line.to_owned();
    };
    let parts: Vec<String> = parts
        .map(|part| match part.split_once('=') {
            Some((name, count)) if name.eq_ignore_ascii_case("COUNT") => {
                let left = count.parse::<usize>().unwrap_or(1).saturating_sub(earlier);
                format!("COUNT={}", left.max(1))
            }
            _ => part.to_owned(),
        })
        .collect();
    format!("{head}:{}", parts.join(";"))
}
