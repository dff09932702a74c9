//! Writing events: each under its precondition, mailing nobody, and what Graph made of it as the answer tells.
//!
//! A series takes several requests: its master, then each occurrence that departs from it. All of them are worked out, and
//! refused where one is impossible, before the first is sent. What a cut-off write leaves undone is found by the next one:
//! see [`Note::owed`](super::properties::Note).

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{Event, Instance};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId, Version};
use kalends_calendar::merge::differing as fields_differing;
use kalends_calendar::provider::{Mark, Observed, Raw, Receipt, State, Write};
use serde_json::{Value, json};

use super::compose::{self, Fields};
use super::exceptions::{self, Departure};
use super::normalize::{self, Owed};
use super::properties::Ours;
use super::refusal::{self, Doing};
use super::wire::{self, Item};
use super::{Graph, answer, body, listing};
use crate::halfway::half_done;
use crate::http::Request;
use crate::inheritance::Followed;
use crate::remote_id::digest;

/// What may be written of a meeting without anybody being mailed: what only the account itself sees.
const PERSONAL: [&str; 3] = ["categories", "isReminderOn", "reminderMinutesBeforeStart"];

/// The property that holds ours.
const OURS: &str = "singleValueExtendedProperties";

/// What stands between a name and what tells a second creation under it from the first.
pub(super) const AGAIN: char = '~';

/// How old a creation may be, by two clocks, and still be the one that was just asked for.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(2);

/// The new state of an event that is there.
struct Change<'a> {
    remote_id: &'a RemoteId,
    version: Option<&'a Version>,
    raw: &'a Raw,
    event: &'a Event,
    mark: Option<&'a Mark>,
}

/// What stands at Graph, as a write begins from it.
pub(super) struct Standing {
    pub(super) value: Value,
    pub(super) item: Item,
    pub(super) event: Event,
}

impl Graph {
    /// One write.
    pub(super) async fn write_one(
        &self,
        calendar: &RemoteCalendarId,
        write: &Write,
    ) -> Result<Receipt, Failure> {
        match write {
            Write::Create { name, event, mark } => self.create(calendar, name, event, mark).await,
            Write::Update {
                remote_id,
                version,
                raw,
                event,
                mark,
            } => {
                // On the heap: it holds what is there and what shall be.
                Box::pin(self.update(Change {
                    remote_id,
                    version: version.as_ref(),
                    raw,
                    event,
                    mark: mark.as_ref(),
                }))
                .await
            }
            Write::Delete {
                remote_id,
                version,
                raw,
            } => self.delete(remote_id, version.as_ref(), raw).await,
        }
    }

    async fn create(
        &self,
        calendar: &RemoteCalendarId,
        name: &str,
        event: &Event,
        mark: &Mark,
    ) -> Result<Receipt, Failure> {
        let pinned = &self.settings.floating_zone;
        let fields = compose::master(event, pinned)?;
        let departures = exceptions::departures(None, event, pinned)?;
        let mut ours = Ours {
            name: Some(name.to_owned()),
            mark: Some(mark.clone()),
            note: compose::note(event, pinned, &[]),
        };
        if !departures.is_empty() {
            ours.note.owed.clone_from(&event.recurrence_overrides);
        }
        let mut sent = written(None, fields)?;
        sent.retain(|_, value| !value.is_null());
        sent.insert("transactionId".to_owned(), json!(name));
        sent.insert(OURS.to_owned(), ours.to_value());
        let request = self.ask().create(calendar, &Value::Object(sent.clone()));
        let sent_first = self.send_write(request, Doing::Create).await;
        let (value, mut is_new) = match sent_first {
            Err(failure) if failure.message.contains(refusal::KNOWN_NAME) => {
                return Err(self.refused_as_known(calendar, name, failure).await?);
            }
            other => other?,
        };
        let mut made = self.made(value, &ours)?;
        let mut remote_id = RemoteId(made.item.id.clone());
        if self.was_made_before(&made.item, is_new)
            && self.was_moved_away(calendar, &remote_id).await?
        {
            // What was made under this name is an event of another calendar by now. Graph would give it out for ever, so
            // that the one that is wanted here has to be made under another name.
            let name = format!("{name}{AGAIN}{}", digest(remote_id.as_str()));
            sent.insert("transactionId".to_owned(), json!(name));
            let request = self.ask().create(calendar, &Value::Object(sent));
            let (value, again) = self.send_write(request, Doing::Create).await?;
            is_new = again;
            made = self.made(value, &ours)?;
            remote_id = RemoteId(made.item.id.clone());
        }
        if !departures.is_empty() {
            let rest = self.finish_creation(&remote_id, &made, event, departures, ours);
            return rest.await.map_err(half_done);
        }
        let observed = normalize::observed(&made.value, &self.me())?;
        if is_new {
            return Ok(Receipt::Written {
                remote_id,
                observed: Box::new(observed),
            });
        }
        // An earlier try of ours had made it: what somebody did to it since must not be taken for ours.
        self.receipt(remote_id, observed, event)
    }

    /// The occurrences of a new series. Whatever goes wrong with them, the series is there and must be found: else it would
    /// be a stranger's, and come back when the event is deleted.
    async fn finish_creation(
        &self,
        remote_id: &RemoteId,
        made: &Standing,
        event: &Event,
        departures: Vec<Departure>,
        mut ours: Ours,
    ) -> Result<Receipt, Failure> {
        self.depart(remote_id, made, event, departures).await?;
        ours.note.owed.clear();
        self.note_down(remote_id, &ours).await?;
        self.read_back(remote_id, event).await
    }

    /// What was created, by the answer to its creation.
    fn made(&self, value: Value, ours: &Ours) -> Result<Standing, Failure> {
        let made = self.standing(with_ours(value, ours))?;
        if made.item.id.is_empty() {
            return Err(Failure::new(
                Class::Unknown,
                "Microsoft does not say under which id it keeps what was created",
            ));
        }
        Ok(made)
    }

    /// A name that is refused as known: what was made under it is here, or nobody can tell where.
    async fn refused_as_known(
        &self,
        calendar: &RemoteCalendarId,
        name: &str,
        failure: Failure,
    ) -> Result<Failure, Failure> {
        Ok(match self.find(calendar, name).await? {
            Some(_) => failure,
            None => Failure::item(
                "Microsoft has this event already, in another calendar; it does not take it a second time",
            ),
        })
    }

    /// Whether what a creation was answered with may be older than that creation: Graph answers a name that it knows with
    /// what was made under it, and not always by a status of its own.
    fn was_made_before(&self, item: &Item, is_new: bool) -> bool {
        let created = item.created_date_time.as_deref();
        let created = created.and_then(|text| text.parse::<Timestamp>().ok());
        !is_new || created.is_none_or(|at| self.now().duration_since(at) > JUST_NOW)
    }

    /// Whether an event that was made in a calendar is in another one. The answer must be certain: it decides whether a
    /// second one is made.
    async fn was_moved_away(
        &self,
        calendar: &RemoteCalendarId,
        id: &RemoteId,
    ) -> Result<bool, Failure> {
        self.is_elsewhere(calendar, id).await.map_err(|failure| {
            Failure::new(
                Class::Unknown,
                format!(
                    "The event was written, and it cannot be told where: {}",
                    failure.message
                ),
            )
        })
    }

    async fn update(&self, change: Change<'_>) -> Result<Receipt, Failure> {
        let known = self.standing(wire::value(change.raw.0.as_bytes())?)?;
        let (remote_id, event) = (change.remote_id, change.event);
        let answer = answer::owed(&known, event, &self.me())?;
        let receipt = Box::pin(self.update_fields(change, known)).await?;
        match (answer, receipt) {
            (
                Some(answer),
                Receipt::Written { observed, .. } | Receipt::ReadBack { observed, .. },
            ) => self.answer(remote_id, answer, *observed, event).await,
            (Some(_) | None, receipt) => Ok(receipt),
        }
    }

    /// Brings the properties of an event to what they shall be.
    async fn update_fields(&self, change: Change<'_>, known: Standing) -> Result<Receipt, Failure> {
        let pinned = &self.settings.floating_zone;
        let is_series = known.item.is_master() || !change.event.recurrence_rules.is_empty();
        let standing = if is_series || change.version.is_none() {
            self.unchanged(change.remote_id, change.version, known)
                .await?
                .ok_or_else(gone)?
        } else {
            known
        };
        let before = Ours::of(&standing.item);
        let mut ours = Ours {
            name: before.name.clone(),
            mark: change.mark.cloned().or_else(|| before.mark.clone()),
            note: compose::note(change.event, pinned, &normalize::made_there(&standing.item)),
        };
        let have = compose::master(&standing.event, pinned)?;
        let want = compose::master(change.event, pinned)?;
        let patch = compose::differing(&have, &want);
        let resets = is_series && compose::resets(&patch);
        let base = (!resets).then_some(&standing.event);
        let departures = exceptions::departures(base, change.event, pinned)?;
        refuse_mail(&standing.item, &patch, &departures)?;
        // A write that was cut off may be cut off again.
        if !departures.is_empty() && (resets || !before.note.owed.is_empty()) {
            ours.note
                .owed
                .clone_from(&change.event.recurrence_overrides);
        }

        let mut sent = written(Some(&standing.item), patch)?;
        let is_meeting = guests(&standing.item) != Guests::None;
        let notes = ours != before && !is_meeting;
        if notes {
            sent.insert(OURS.to_owned(), ours.to_value());
        }
        let mut answered = None;
        if !sent.is_empty() {
            let tag = standing.item.tag();
            let request = self.ask().patch(
                change.remote_id.as_str(),
                tag.as_deref(),
                &Value::Object(sent),
            )?;
            let (value, _) = self.send_write(request, Doing::Update).await?;
            let shown = if notes { &ours } else { &before };
            answered = Some(with_ours(value, shown));
        }
        if !is_series {
            let value = answered.unwrap_or(standing.value);
            return Ok(Receipt::Written {
                remote_id: change.remote_id.clone(),
                observed: Box::new(normalize::observed(&value, &self.me())?),
            });
        }
        let (standing, departures) = if answered.is_some() && !resets {
            let now = self
                .after_master(change.remote_id, &standing, change.event)
                .await?;
            let left = exceptions::departures(Some(&now.event), change.event, pinned)?;
            (now, left)
        } else {
            (standing, departures)
        };
        let has_departures = !departures.is_empty();
        if answered.is_none() && !has_departures {
            return Ok(Receipt::Written {
                remote_id: change.remote_id.clone(),
                observed: Box::new(normalize::observed(&standing.value, &self.me())?),
            });
        }
        if has_departures {
            let now = match answered {
                Some(_) if resets => Standing {
                    event: Event {
                        recurrence_overrides: std::collections::BTreeMap::new(),
                        ..change.event.clone()
                    },
                    ..standing
                },
                Some(_) | None => standing,
            };
            self.depart(change.remote_id, &now, change.event, departures)
                .await?;
            if !ours.note.owed.is_empty() {
                ours.note.owed.clear();
                self.note_down(change.remote_id, &ours).await?;
            }
        }
        self.read_back(change.remote_id, change.event).await
    }

    /// What stands there after a master was patched: what its exceptions had of it has followed it. An exception that is
    /// neither as it was nor as it shall be, nor has followed, was changed by somebody else meanwhile.
    async fn after_master(
        &self,
        remote_id: &RemoteId,
        before: &Standing,
        want: &Event,
    ) -> Result<Standing, Failure> {
        let value = self.whole(remote_id).await?.ok_or_else(gone)?;
        let now = self.standing(value)?;
        let pinned = &self.settings.floating_zone;
        for id in before.event.recurrence_overrides.keys() {
            let (Some(was), Some(is)) = (
                compose::happening(&before.event, *id),
                compose::happening(&now.event, *id),
            ) else {
                continue;
            };
            let fields = |event: &Event, one: &Instance| compose::instance(event, one, pinned);
            let wanted = match compose::happening(want, *id) {
                Some(wanted) => fields(want, &wanted)?,
                None => Fields::new(),
            };
            let followed = Followed {
                series: (
                    &fields(&before.event, &exceptions::usual(&before.event, *id))?,
                    &fields(&now.event, &exceptions::usual(&now.event, *id))?,
                ),
                before: &fields(&before.event, &was)?,
                now: &fields(&now.event, &is)?,
                wanted: &wanted,
            };
            if !followed.is_explained() {
                return Err(changed());
            }
        }
        Ok(now)
    }

    async fn delete(
        &self,
        remote_id: &RemoteId,
        version: Option<&Version>,
        raw: &Raw,
    ) -> Result<Receipt, Failure> {
        let known = self.standing(wire::value(raw.0.as_bytes())?)?;
        let standing = if known.item.is_master() || version.is_none() {
            match self.unchanged(remote_id, version, known).await? {
                Some(standing) => standing,
                None => return Ok(Receipt::Deleted),
            }
        } else {
            known
        };
        if everyone(&standing.item).any(|item| guests(item) == Guests::Own) {
            return Err(would_mail());
        }
        let tag = standing.item.tag();
        let request = self.ask().delete(remote_id.as_str(), tag.as_deref())?;
        let answer = self.send(request).await?;
        if answer.is_done() {
            return Ok(Receipt::Deleted);
        }
        let failure = refusal::of_write(&answer, Doing::Delete, self.now());
        if failure.class == Class::Gone {
            Ok(Receipt::Deleted)
        } else {
            Err(failure)
        }
    }

    /// What stands there, if it still is what was known of it: none where nothing does. Exchange gives an event a new tag
    /// for reasons of its own; what counts is what it says.
    async fn unchanged(
        &self,
        remote_id: &RemoteId,
        version: Option<&Version>,
        known: Standing,
    ) -> Result<Option<Standing>, Failure> {
        let Some(value) = self.whole(remote_id).await? else {
            return Ok(None);
        };
        let now = self.standing(value)?;
        let is_same_version =
            version.is_some() && normalize::version(&now.item).as_ref() == version;
        if is_same_version || fields_differing(&now.event, &known.event).is_empty() {
            Ok(Some(now))
        } else {
            Err(changed())
        }
    }

    pub(super) fn standing(&self, value: Value) -> Result<Standing, Failure> {
        let item = wire::item(&value)?;
        let event = normalize::event(&item, &self.me(), Owed::Waits)?;
        Ok(Standing { value, item, event })
    }

    /// Sends a write. Answers the event as it is now, and whether it was made by this very request.
    pub(super) async fn send_write(
        &self,
        request: Request,
        doing: Doing,
    ) -> Result<(Value, bool), Failure> {
        let answer = self.send(request).await?;
        if !answer.status.is_success() {
            return Err(refusal::of_write(&answer, doing, self.now()));
        }
        let value = wire::value(&answer.body).map_err(|failure| {
            Failure::new(
                Class::Unknown,
                format!("{} It may be written.", failure.message),
            )
        })?;
        Ok((value, answer.status == ::http::StatusCode::CREATED))
    }

    /// Writes our own properties alone.
    async fn note_down(&self, remote_id: &RemoteId, ours: &Ours) -> Result<(), Failure> {
        let sent = json!({OURS: ours.to_value()});
        let request = self.ask().patch(remote_id.as_str(), None, &sent)?;
        self.send_write(request, Doing::Update).await?;
        Ok(())
    }

    /// Reads a series after it was written.
    pub(super) async fn read_back(
        &self,
        remote_id: &RemoteId,
        asked: &Event,
    ) -> Result<Receipt, Failure> {
        let unread = |why: String| {
            Failure::new(
                Class::Unknown,
                format!("The event was written and cannot be read back: {why}"),
            )
        };
        let value = self
            .whole(remote_id)
            .await
            .map_err(|failure| unread(failure.message))?
            .ok_or_else(|| unread("it is not there".to_owned()))?;
        let item = wire::item(&value)?;
        match listing::present(&value, &item, &self.me()).state {
            State::Present(observed) => self.receipt(remote_id.clone(), *observed, asked),
            State::Broken { error, .. } => Err(unread(error)),
            State::Listed(_) | State::Gone => Err(unread("it is not there".to_owned())),
        }
    }

    fn receipt(
        &self,
        remote_id: RemoteId,
        observed: Observed,
        asked: &Event,
    ) -> Result<Receipt, Failure> {
        let item = wire::item(&wire::value(observed.raw.0.as_bytes())?)?;
        let made_there = normalize::made_there(&item);
        let pinned = &self.settings.floating_zone;
        let sent = compose::as_told(&observed.event, asked, pinned, &made_there)?;
        Ok(Receipt::ReadBack {
            remote_id,
            observed: Box::new(observed),
            sent: Box::new(sent),
        })
    }
}

/// Properties as a body has them: the description as HTML.
pub(super) fn written(item: Option<&Item>, mut fields: Fields) -> Result<Fields, Failure> {
    if let Some(Value::String(text)) = fields.get("body") {
        let body = body::with_description(item, text)?;
        fields.insert("body".to_owned(), body);
    }
    Ok(fields)
}

/// An answer to a write holds none of our properties, which it has nevertheless.
fn with_ours(mut value: Value, ours: &Ours) -> Value {
    if value.is_object() {
        value[OURS] = ours.to_value();
    }
    value
}

/// Who is invited to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guests {
    /// Nobody: what is written stays in the mailbox.
    None,
    /// Others, by this account.
    Own,
    /// This account, by somebody else.
    Theirs,
}

fn guests(item: &Item) -> Guests {
    let organizer = item
        .organizer
        .as_ref()
        .and_then(|organizer| organizer.email_address.as_ref())
        .map(|email| email.address.to_lowercase());
    let is_other = |address: &str| organizer.as_deref() != Some(&address.to_lowercase());
    let has_guests = item.attendees.iter().any(|attendee| {
        let email = attendee.email_address.as_ref();
        email.is_none_or(|email| is_other(&email.address))
    });
    match item.is_organizer {
        Some(false) => Guests::Theirs,
        Some(true) | None if has_guests => Guests::Own,
        Some(true) | None => Guests::None,
    }
}

/// A master and its exceptions, of which each may have guests of its own.
fn everyone(item: &Item) -> impl Iterator<Item = &Item> {
    std::iter::once(item).chain(&item.exception_occurrences)
}

/// Refuses what Graph would mail about, which it does by itself and cannot be told not to; and on a guest's copy what
/// the organizer's next word would undo.
fn refuse_mail(item: &Item, patch: &Fields, departures: &[Departure]) -> Result<(), Failure> {
    let is_personal =
        departures.is_empty() && patch.keys().all(|key| PERSONAL.contains(&key.as_str()));
    if is_personal {
        return Ok(());
    }
    let mut found = Guests::None;
    for one in everyone(item) {
        match guests(one) {
            Guests::None => {}
            Guests::Own => return Err(would_mail()),
            Guests::Theirs => found = Guests::Theirs,
        }
    }
    match found {
        Guests::None | Guests::Own => Ok(()),
        Guests::Theirs => Err(Failure::item(
            "Somebody else organizes this meeting; here it can only be given an answer, categories and a reminder",
        )),
    }
}

fn would_mail() -> Failure {
    Failure::item(
        "Microsoft would mail the guests of this event about the change; change it where it was made",
    )
}

pub(super) fn changed() -> Failure {
    Failure::new(
        Class::Changed,
        "The event was changed at Microsoft in the meantime",
    )
}

fn gone() -> Failure {
    Failure::new(Class::Gone, "The event is no longer there")
}
