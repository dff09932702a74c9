//! One entry of somebody's calendar as a person would say it, and how each face is told of it.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::SeedError;
use super::zone::Zone;
use crate::google::Visit;
use crate::text::lines;
use crate::world::{Place, Upload, World};

/// An entry: a single event or a series.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    title: &'static str,
    start: DateTime,
    end: DateTime,
    all_day: bool,
    zone: &'static str,
    /// Another zone at its end: a journey.
    end_zone: &'static str,
    place: &'static str,
    repeats: Option<Repeat>,
    guests: &'static [&'static str],
    shows: Shows,
    /// Occurrences that are not as the rule says, by their dates.
    changed: Vec<(Date, Change)>,
}

/// How it repeats, without end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Repeat {
    /// On these days of every so manieth week.
    Weekly(&'static [Weekday], u8),
    /// On the first such day of every month.
    FirstOfMonth(Weekday),
    /// On its date every year.
    Yearly,
}

/// What others see of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Busy,
    Free,
    /// Leave.
    Away,
}

/// What became of an occurrence.
#[derive(Clone, Copy, Debug)]
enum Change {
    Cancelled,
    /// So many minutes later.
    Moved(i64),
}

impl Planned {
    /// Something with a time on the clock of a zone.
    pub(super) fn timed(
        title: &'static str,
        zone: &'static str,
        day: Date,
        (hour, minute): (i8, i8),
        minutes: i64,
    ) -> Self {
        let start = day.to_datetime(Time::constant(hour, minute, 0, 0));
        Self {
            title,
            start,
            end: start.saturating_add(minutes.minutes()),
            all_day: false,
            zone,
            end_zone: zone,
            place: "",
            repeats: None,
            guests: &[],
            shows: Shows::Busy,
            changed: Vec::new(),
        }
    }

    /// Something of whole days.
    pub(super) fn days(title: &'static str, zone: &'static str, first: Date, count: i64) -> Self {
        let midnight = Self::timed(title, zone, first, (0, 0), 0);
        Self {
            end: midnight.start.saturating_add(count.days()),
            all_day: true,
            ..midnight
        }
    }

    pub(super) fn at(mut self, place: &'static str) -> Self {
        self.place = place;
        self
    }

    pub(super) fn with(mut self, guests: &'static [&'static str]) -> Self {
        self.guests = guests;
        self
    }

    pub(super) fn repeats(mut self, repeat: Repeat) -> Self {
        self.repeats = Some(repeat);
        self
    }

    pub(super) fn shows(mut self, shows: Shows) -> Self {
        self.shows = shows;
        self
    }

    /// It ends on the clock of another zone.
    pub(super) fn lands(mut self, zone: &'static str, (hour, minute): (i8, i8)) -> Self {
        self.end_zone = zone;
        self.end = self
            .start
            .date()
            .to_datetime(Time::constant(hour, minute, 0, 0));
        self
    }

    /// The same, on the next day.
    pub(super) fn lands_next_day(self, zone: &'static str, at: (i8, i8)) -> Self {
        let landed = self.lands(zone, at);
        Self {
            end: landed.end.saturating_add(1.day()),
            ..landed
        }
    }

    pub(super) fn moved(mut self, on: Date, minutes: i64) -> Self {
        self.changed.push((on, Change::Moved(minutes)));
        self
    }

    pub(super) fn cancelled(mut self, on: Date) -> Self {
        self.changed.push((on, Change::Cancelled));
        self
    }

    /// Puts it into somebody's calendar at Google.
    pub(super) fn into_google(
        self,
        world: &mut World,
        email: &str,
        now: Timestamp,
    ) -> Result<(), SeedError> {
        let visit = Visit::primary(email);
        let event = world.google.create_event(visit, &self.google(), now)?;
        let id = event["id"].as_str().unwrap_or_default();
        for (date, change) in &self.changed {
            let (start, end) = self.occurrence(*date);
            let instance = format!("{id}_{}", self.utc(start));
            match change {
                Change::Cancelled => world.google.delete_event(visit, &instance, now)?,
                Change::Moved(minutes) => {
                    let later = |time: DateTime| time.saturating_add(minutes.minutes());
                    let patch = json!({
                        "start": self.google_time(later(start), self.zone),
                        "end": self.google_time(later(end), self.end_zone),
                    });
                    world.google.patch_event(visit, &instance, &patch, now)?;
                }
            }
        }
        Ok(())
    }

    fn google(&self) -> Value {
        let mut event = json!({
            "summary": self.title,
            "start": self.google_time(self.start, self.zone),
            "end": self.google_time(self.end, self.end_zone),
        });
        if let Some(repeat) = self.repeats {
            event["recurrence"] = json!([format!("RRULE:{}", repeat.rule())]);
        }
        if !self.place.is_empty() {
            event["location"] = self.place.into();
        }
        if !self.guests.is_empty() {
            let guests = self.guests.iter().map(|email| json!({ "email": email }));
            event["attendees"] = guests.collect();
        }
        if self.shows == Shows::Free {
            event["transparency"] = "transparent".into();
        }
        event
    }

    fn google_time(&self, time: DateTime, zone: &str) -> Value {
        if self.all_day {
            json!({ "date": time.date().to_string() })
        } else {
            json!({ "dateTime": time.to_string(), "timeZone": zone })
        }
    }

    /// Puts it into somebody's default calendar at Microsoft.
    pub(super) fn into_microsoft(
        self,
        world: &mut World,
        (email, calendar): (&str, &str),
        now: Timestamp,
    ) -> Result<(), SeedError> {
        let graph = &mut world.microsoft;
        let id = graph.as_user_create(email, calendar, &self.graph(), now)?;
        for (date, change) in &self.changed {
            let missing = || SeedError(format!("{} has no occurrence on {date}", self.title));
            let occurrence = graph.occurrence(email, &id, *date).ok_or_else(missing)?;
            match change {
                Change::Cancelled => graph.as_user_delete(email, &occurrence, now)?,
                Change::Moved(minutes) => {
                    let (start, end) = self.occurrence(*date);
                    let later = |time: DateTime| time.saturating_add(minutes.minutes());
                    let changes = json!({
                        "start": graph_time(later(start), self.zone),
                        "end": graph_time(later(end), self.end_zone),
                    });
                    graph.as_user_change(email, &occurrence, &changes, now)?;
                }
            }
        }
        Ok(())
    }

    fn graph(&self) -> Value {
        let mut event = json!({
            "subject": self.title,
            "start": graph_time(self.start, self.zone),
            "end": graph_time(self.end, self.end_zone),
            "isAllDay": self.all_day,
            "showAs": match self.shows {
                Shows::Busy => "busy",
                Shows::Free => "free",
                Shows::Away => "oof",
            },
        });
        if let Some(repeat) = self.repeats {
            event["recurrence"] = json!({
                "pattern": repeat.pattern(self.start.date()),
                "range": { "type": "noEnd", "startDate": self.start.date().to_string() },
            });
        }
        if !self.place.is_empty() {
            event["location"] = json!({ "displayName": self.place });
        }
        if !self.guests.is_empty() {
            let guests = self.guests.iter();
            event["attendees"] = guests
                .map(|email| json!({ "type": "required", "emailAddress": { "address": email } }))
                .collect();
        }
        event
    }

    /// Puts it into somebody's collection at the CalDAV server, under a name with a number.
    pub(super) fn into_caldav(
        self,
        world: &mut World,
        place: &Place,
        number: usize,
        now: Timestamp,
    ) -> Result<(), SeedError> {
        let uid = format!("{}-{number}@seed.example", place.user);
        let owner = world.accounts.get(&place.user);
        let owner = owner.and_then(|account| account.addresses.first().cloned());
        let text = self.text(&uid, owner.as_deref().unwrap_or_default(), now);
        let name = format!("{number}.ics");
        let upload = Upload {
            name: &name,
            text: &text,
        };
        world.put(place, upload, now)?;
        Ok(())
    }

    fn text(&self, uid: &str, owner: &str, now: Timestamp) -> String {
        let mut all = vec![
            "BEGIN:VCALENDAR".to_owned(),
            "VERSION:2.0".to_owned(),
            "PRODID:-//Apple Inc.//macOS 15.3//EN".to_owned(),
            "CALSCALE:GREGORIAN".to_owned(),
        ];
        if !self.all_day {
            let zones = [self.zone, self.end_zone];
            let distinct = if self.zone == self.end_zone { 1 } else { 2 };
            for zone in zones.iter().take(distinct).filter_map(|id| Zone::named(id)) {
                all.extend(zone.definition());
            }
        }
        let stamp = format!("DTSTAMP:{}", now.strftime("%Y%m%dT%H%M%SZ"));
        let common = [
            format!("UID:{uid}"),
            stamp,
            format!("SUMMARY:{}", self.title),
        ];
        all.push("BEGIN:VEVENT".to_owned());
        all.extend(common.clone());
        all.push(self.property("DTSTART", self.start, self.zone));
        all.push(self.property("DTEND", self.end, self.end_zone));
        if let Some(repeat) = self.repeats {
            all.push(format!("RRULE:{}", repeat.rule()));
        }
        for (date, change) in &self.changed {
            if matches!(change, Change::Cancelled) {
                all.push(self.property("EXDATE", self.occurrence(*date).0, self.zone));
            }
        }
        all.extend(self.details(owner));
        all.push("END:VEVENT".to_owned());
        for (date, change) in &self.changed {
            let Change::Moved(minutes) = change else {
                continue;
            };
            let (start, end) = self.occurrence(*date);
            let later = |time: DateTime| time.saturating_add(minutes.minutes());
            all.push("BEGIN:VEVENT".to_owned());
            all.extend(common.clone());
            all.push(self.property("RECURRENCE-ID", start, self.zone));
            all.push(self.property("DTSTART", later(start), self.zone));
            all.push(self.property("DTEND", later(end), self.end_zone));
            all.extend(self.details(owner));
            all.push("END:VEVENT".to_owned());
        }
        all.push("END:VCALENDAR".to_owned());
        lines::fold(&all)
    }

    fn details(&self, owner: &str) -> Vec<String> {
        let mut details = Vec::new();
        if !self.place.is_empty() {
            details.push(format!("LOCATION:{}", super::words::escaped(self.place)));
        }
        if self.shows == Shows::Free {
            details.push("TRANSP:TRANSPARENT".to_owned());
        }
        if !self.guests.is_empty() {
            details.push(format!("ORGANIZER:mailto:{owner}"));
            let guests = self.guests.iter();
            details.extend(
                guests.map(|guest| {
                    format!("ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{guest}")
                }),
            );
        }
        details
    }

    fn property(&self, name: &str, time: DateTime, zone: &str) -> String {
        if self.all_day {
            format!("{name};VALUE=DATE:{}", time.strftime("%Y%m%d"))
        } else {
            format!("{name};TZID={zone}:{}", time.strftime("%Y%m%dT%H%M%S"))
        }
    }

    /// The plain times of the occurrence on a date.
    fn occurrence(&self, date: Date) -> (DateTime, DateTime) {
        let start = date.to_datetime(self.start.time());
        let length = self.start.duration_until(self.end);
        (start, start.saturating_add(length))
    }

    /// A start as it stands in the id of an instance at Google.
    fn utc(&self, start: DateTime) -> String {
        if self.all_day {
            return start.strftime("%Y%m%d").to_string();
        }
        let zone = kalends_calendar::zone::iana(self.zone).unwrap_or(TimeZone::UTC);
        let instant = zone.to_ambiguous_timestamp(start).compatible();
        instant
            .unwrap_or(Timestamp::MAX)
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string()
    }
}

fn graph_time(time: DateTime, zone: &str) -> Value {
    json!({ "dateTime": time.to_string(), "timeZone": zone })
}

impl Repeat {
    fn rule(self) -> String {
        match self {
            Self::Weekly(days, every) => {
                let days: Vec<&str> = days.iter().map(|day| short(*day)).collect();
                format!("FREQ=WEEKLY;INTERVAL={every};BYDAY={}", days.join(","))
            }
            Self::FirstOfMonth(day) => format!("FREQ=MONTHLY;BYDAY=1{}", short(day)),
            Self::Yearly => "FREQ=YEARLY".to_owned(),
        }
    }

    fn pattern(self, start: Date) -> Value {
        match self {
            Self::Weekly(days, every) => json!({
                "type": "weekly",
                "interval": every,
                "daysOfWeek": days.iter().map(|day| long(*day)).collect::<Vec<_>>(),
                "firstDayOfWeek": "monday",
            }),
            Self::FirstOfMonth(day) => json!({
                "type": "relativeMonthly",
                "interval": 1,
                "daysOfWeek": [long(day)],
                "index": "first",
            }),
            Self::Yearly => json!({
                "type": "absoluteYearly",
                "interval": 1,
                "dayOfMonth": start.day(),
                "month": start.month(),
            }),
        }
    }
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

fn long(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}
