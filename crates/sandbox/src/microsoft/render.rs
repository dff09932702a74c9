//! Events and calendars as clients are shown them.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::body;
use super::edit::uid_of;
use super::ids::IdType;
use super::item::{Address, Answer, Attendee, Details, Item};
use super::mailbox::{Calendar, Mailbox};
use super::moment::{Moment, NEVER, Zone, instant_text, local_text, short_instant_text};
use super::options::{Expand, Select};
use super::switches::Switches;

/// How somebody is shown things.
pub(crate) struct View<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) switches: &'a Switches,
    pub(crate) ids: IdType,
    pub(crate) zone: Zone,
    pub(crate) text_bodies: bool,
    /// Whether bodies and extensions are kept back.
    pub(crate) basics: bool,
    pub(crate) select: Select,
    pub(crate) expand: Vec<Expand>,
}

impl<'a> View<'a> {
    pub(crate) fn of(asked: &Asked<'_>, mailbox: &'a Mailbox, switches: &'a Switches) -> Self {
        Self {
            mailbox,
            switches,
            ids: asked.prefer.ids,
            zone: asked.prefer.shown_zone(),
            text_bodies: asked.prefer.text_bodies,
            basics: asked.only_basics(),
            select: Select::Usual,
            expand: Vec::new(),
        }
    }

    /// What a test or simulation is shown: everything, in UTC, with immutable ids.
    pub(crate) fn whole(mailbox: &'a Mailbox, switches: &'a Switches) -> Self {
        Self {
            mailbox,
            switches,
            ids: IdType::Immutable,
            zone: Zone::utc(),
            text_bodies: false,
            basics: false,
            select: Select::All,
            expand: vec![Expand::Exceptions(Select::All)],
        }
    }

    /// An event, a master (`date` is none), an occurrence or an exception.
    pub(crate) fn event(&self, item: &Item, date: Option<Date>) -> Value {
        let occurrence = date.and_then(|date| item.occurrence(date));
        let details = occurrence.as_ref().unwrap_or(&item.master);
        let exception = date.and_then(|date| item.exceptions.get(&date));
        let key = self.mailbox.change_key(item, date);
        let mut event = Map::new();
        event.insert("@odata.etag".to_owned(), format!("W/\"{key}\"").into());
        let id = self.mailbox.id(item, date, self.ids);
        event.insert("id".to_owned(), id.into());
        let mut put = |name: &str, usually: bool, value: &dyn Fn() -> Value| {
            if self.select.shows(name, usually) {
                event.insert(name.to_owned(), value());
            }
        };
        put("changeKey", true, &|| key.clone().into());
        put("createdDateTime", true, &|| {
            instant_text(item.created).into()
        });
        let modified = exception.map_or(item.modified, |exception| exception.modified);
        put("lastModifiedDateTime", true, &|| {
            instant_text(modified).into()
        });
        put("categories", true, &|| json!(details.categories));
        put("transactionId", true, &|| json!(item.transaction));
        let zone_name = |moment: &Moment| Value::from(&*moment.zone.name);
        put("originalStartTimeZone", true, &|| zone_name(&details.start));
        put("originalEndTimeZone", true, &|| zone_name(&details.end));
        put("iCalUId", true, &|| self.uid(item, date).into());
        put("reminderMinutesBeforeStart", true, &|| {
            details.reminder_minutes.into()
        });
        put("isReminderOn", true, &|| details.reminder_on.into());
        put("hasAttachments", true, &|| false.into());
        put("subject", true, &|| details.subject.clone().into());
        if !self.basics {
            put("bodyPreview", true, &|| body::preview(&details.body).into());
            put("body", true, &|| self.body(details));
        }
        put("importance", true, &|| details.importance.into());
        put("sensitivity", true, &|| details.sensitivity.into());
        put("isAllDay", true, &|| details.all_day.into());
        put("isCancelled", true, &|| details.cancelled.into());
        put("isOrganizer", true, &|| item.is_organizer.into());
        put("responseRequested", true, &|| {
            details.response_requested.into()
        });
        put("seriesMasterId", true, &|| {
            date.map_or(Value::Null, |_| {
                self.mailbox.id(item, None, self.ids).into()
            })
        });
        put("showAs", true, &|| details.show_as.into());
        put("type", true, &|| kind(item, date).into());
        put("webLink", true, &|| self.web_link(item, date).into());
        put("onlineMeetingUrl", true, &|| Value::Null);
        put("isOnlineMeeting", true, &|| details.online.into());
        put("onlineMeetingProvider", true, &|| {
            details.online_provider.into()
        });
        put("onlineMeeting", true, &|| online_meeting(item, details));
        put("allowNewTimeProposals", true, &|| {
            details.allow_proposals.into()
        });
        put("isDraft", true, &|| false.into());
        put("hideAttendees", true, &|| details.hide_attendees.into());
        put("recurrence", true, &|| match (&item.series, date) {
            (Some(series), None) => series.to_json(),
            (Some(_) | None, _) => Value::Null,
        });
        put("responseStatus", true, &|| answer(&details.answer));
        put("start", true, &|| self.time(&details.start, details));
        put("end", true, &|| self.time(&details.end, details));
        put("location", true, &|| {
            details.locations.first().cloned().unwrap_or_else(nowhere)
        });
        put("locations", true, &|| details.locations.clone().into());
        put("attendees", true, &|| {
            details.attendees.iter().map(show_attendee).collect()
        });
        put("organizer", true, &|| recipient(&item.organizer));
        // A plain occurrence shows its original start only to those who ask for everything.
        put("originalStart", exception.is_some(), &|| {
            date.map_or(Value::Null, |date| {
                short_instant_text(item.original_start(date)).into()
            })
        });
        if date.is_none() && item.is_series() && self.switches.cancelled_occurrences {
            put("cancelledOccurrences", false, &|| {
                self.cancelled(item).into()
            });
        }
        self.put_expanded(&mut event, item, date, details);
        Value::Object(event)
    }

    /// What a delta shows of a plain occurrence.
    pub(crate) fn stub(&self, item: &Item, date: Date) -> Value {
        let series = item.series.as_ref();
        let details = series.map_or_else(
            || item.master.clone(),
            |series| item.plain_occurrence(series, date),
        );
        json!({
            "@odata.type": EVENT,
            "@odata.etag": format!("W/\"{}\"", self.mailbox.change_key(item, Some(date))),
            "id": self.mailbox.id(item, Some(date), self.ids),
            "seriesMasterId": self.mailbox.id(item, None, self.ids),
            "type": "occurrence",
            "start": self.time(&details.start, &details),
            "end": self.time(&details.end, &details),
        })
    }

    /// What `events/delta` shows of an event.
    pub(crate) fn sparse(&self, item: &Item) -> Value {
        json!({
            "@odata.type": EVENT,
            "@odata.etag": format!("W/\"{}\"", self.mailbox.change_key(item, None)),
            "id": self.mailbox.id(item, None, self.ids),
            "type": kind(item, None),
            "start": self.time(&item.master.start, &item.master),
            "end": self.time(&item.master.end, &item.master),
        })
    }

    /// An event as deltas show it, with its type.
    pub(crate) fn typed_event(&self, item: &Item, date: Option<Date>) -> Value {
        let mut event = self.event(item, date);
        event["@odata.type"] = EVENT.into();
        event
    }

    pub(crate) fn uid(&self, item: &Item, date: Option<Date>) -> String {
        match date {
            Some(date) if self.switches.uid_per_occurrence => uid_of(&item.uid, date),
            Some(_) | None => item.uid.clone(),
        }
    }

    /// A time as it is shown: whole days as they were written, whatever the zone.
    fn time(&self, moment: &Moment, details: &Details) -> Value {
        if details.all_day && !self.switches.all_day_shifts {
            return json!({ "dateTime": local_text(moment.local), "timeZone": &*self.zone.name });
        }
        moment.within(&self.zone).to_json()
    }

    fn body(&self, details: &Details) -> Value {
        if self.text_bodies {
            json!({ "contentType": "text", "content": body::to_text(&details.body) })
        } else {
            json!({ "contentType": "html", "content": details.body })
        }
    }

    fn cancelled(&self, item: &Item) -> Vec<Value> {
        let master = self.mailbox.id(item, None, self.ids);
        let dates = item.deleted.iter();
        dates
            .map(|date| format!("OID.{master}.{date}").into())
            .collect()
    }

    fn web_link(&self, item: &Item, date: Option<Date>) -> String {
        let id = self.mailbox.id(item, date, IdType::Normal);
        format!(
            "https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item",
            super::asked::encoded(&id)
        )
    }

    fn put_expanded(
        &self,
        event: &mut Map<String, Value>,
        item: &Item,
        date: Option<Date>,
        details: &Details,
    ) {
        for expand in &self.expand {
            match expand {
                Expand::Extended(ids) => {
                    let plain = date.is_some_and(|date| !item.exceptions.contains_key(&date));
                    if self.basics || (plain && !self.switches.occurrences_inherit_extended) {
                        continue;
                    }
                    let there: Vec<Value> = details
                        .extended
                        .iter()
                        .filter(|(id, _)| ids.contains(id))
                        .map(|(id, value)| json!({ "id": id, "value": value }))
                        .collect();
                    if !there.is_empty() {
                        event.insert("singleValueExtendedProperties".to_owned(), there.into());
                    }
                }
                Expand::Extensions(names) => {
                    if self.basics {
                        continue;
                    }
                    let all = self.mailbox.extensions.get(&(item.key, date));
                    let there: Vec<Value> = all
                        .into_iter()
                        .flatten()
                        .filter(|(name, _)| {
                            names.as_ref().is_none_or(|names| {
                                names.iter().any(|wanted| {
                                    super::extensions::bare_name(wanted) == name.as_str()
                                })
                            })
                        })
                        .map(|(name, content)| super::extensions::show(name, content))
                        .collect();
                    event.insert("extensions".to_owned(), there.into());
                }
                Expand::Exceptions(select) => {
                    if date.is_none() && item.is_series() {
                        let inner = View {
                            select: select.clone(),
                            expand: Vec::new(),
                            zone: self.zone.clone(),
                            ..*self
                        };
                        let dates = item.exceptions.keys();
                        let all: Vec<Value> =
                            dates.map(|date| inner.event(item, Some(*date))).collect();
                        event.insert("exceptionOccurrences".to_owned(), all.into());
                    }
                }
                Expand::Calendar => {
                    if let Some(calendar) = self.mailbox.calendars.get(&item.calendar) {
                        event.insert("calendar".to_owned(), show_calendar(self.mailbox, calendar));
                    }
                }
                Expand::Nothing(name) => {
                    event.insert((*name).to_owned(), json!([]));
                }
            }
        }
    }
}

/// What an event is said to be in deltas.
pub(crate) const EVENT: &str = "#microsoft.graph.event";

/// The `type` of an event.
pub(crate) fn kind(item: &Item, date: Option<Date>) -> &'static str {
    match date {
        None if item.is_series() => "seriesMaster",
        None => "singleInstance",
        Some(date) if item.exceptions.contains_key(&date) => "exception",
        Some(_) => "occurrence",
    }
}

/// A calendar.
pub(crate) fn show_calendar(mailbox: &Mailbox, calendar: &Calendar) -> Value {
    let default = calendar.key == mailbox.default;
    json!({
        "id": mailbox.calendar_id(calendar.key),
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": "",
        "changeKey": super::ids::change_key(mailbox.tag, calendar.key, calendar.version),
        "isDefaultCalendar": default,
        "isRemovable": !default,
        "canEdit": calendar.can_edit,
        "canShare": calendar.can_edit,
        "canViewPrivateItems": true,
        "isTallyingResponses": default,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "owner": { "name": mailbox.owner.name, "address": mailbox.owner.address },
    })
}

/// What a listing's `@odata.context` says that it holds.
pub(crate) fn events_context(asked: &Asked<'_>, mailbox: &Mailbox, what: &str) -> String {
    asked.context(&format!("users('{}')/{what}", mailbox.subject))
}

pub(crate) fn recipient(who: &Address) -> Value {
    json!({ "emailAddress": { "name": who.name, "address": who.address } })
}

fn answer(answer: &Answer) -> Value {
    let at = answer.at.map_or_else(|| NEVER.to_owned(), instant_text);
    json!({ "response": answer.response, "time": at })
}

fn nowhere() -> Value {
    json!({
        "displayName": "",
        "locationType": "default",
        "uniqueIdType": "unknown",
        "address": {},
        "coordinates": {},
    })
}

fn online_meeting(item: &Item, details: &Details) -> Value {
    if details.online {
        let room = super::ids::guid(&[b"meeting", item.uid.as_bytes()]);
        json!({ "joinUrl": format!("https://teams.microsoft.com/l/meetup-join/19%3ameeting_{room}%40thread.v2/0") })
    } else {
        Value::Null
    }
}

fn show_attendee(attendee: &Attendee) -> Value {
    let mut shown = json!({
        "type": attendee.kind,
        "status": answer(&attendee.answer),
        "emailAddress": { "name": attendee.who.name, "address": attendee.who.address },
    });
    if let Some(proposed) = &attendee.proposed {
        shown["proposedNewTime"] = proposed.clone();
    }
    shown
}
