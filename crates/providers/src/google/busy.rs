//! When somebody is busy, whatever with (`freebusy.query`).

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::provider::BusyTimes;
use serde::Deserialize;

use super::refusal::Doing;
use super::{Google, requests, wire};

/// How many calendars one question may name (`calendarExpansionMax`).
const CALENDARS_MAX: usize = 50;

/// How long a stretch one question is about: Google refuses more than about three months.
const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(60 * 24);

/// How many questions are asked for one answer: ten years.
const WINDOWS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    calendars: BTreeMap<String, OfCalendar>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfCalendar {
    busy: Vec<Stretch>,
    errors: Vec<Why>,
}

#[derive(Debug, Deserialize)]
struct Stretch {
    start: Timestamp,
    end: Timestamp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Why {
    reason: String,
}

impl Google {
    /// When these calendars are busy within a window. Calendars that cannot be told about do not fail the others.
    pub async fn busy(
        &self,
        calendars: &[RemoteCalendarId],
        window: Range<Timestamp>,
    ) -> Result<Vec<BusyTimes>, Failure> {
        let mut all = Vec::with_capacity(calendars.len());
        for some in calendars.chunks(CALENDARS_MAX) {
            let mut found: Vec<BusyTimes> = some
                .iter()
                .map(|calendar| BusyTimes {
                    calendar: calendar.clone(),
                    busy: Ok(Vec::new()),
                })
                .collect();
            for part in parts(&window)? {
                let request = requests::free_busy(&self.api.base, some, part.start, part.end)?;
                let answer = self.ask(request, Doing::ReadCalendar).await?;
                let mut told: Told = wire::body(&answer.body)?;
                for calendar in &mut found {
                    let of_calendar = told.calendars.remove(calendar.calendar.as_str());
                    take(calendar, of_calendar);
                }
            }
            all.extend(found);
        }
        Ok(all)
    }
}

fn take(calendar: &mut BusyTimes, told: Option<OfCalendar>) {
    let Some(told) = told else {
        calendar.busy = Err("notFound".to_owned());
        return;
    };
    if let Some(why) = told.errors.into_iter().next() {
        calendar.busy = Err(why.reason);
        return;
    }
    let Ok(busy) = &mut calendar.busy else { return };
    for Stretch { start, end } in told.busy {
        match busy.last_mut() {
            // One that was cut where two questions meet.
            Some(last) if last.end >= start => last.end = last.end.max(end),
            Some(_) | None => busy.push(start..end),
        }
    }
}

fn parts(window: &Range<Timestamp>) -> Result<Vec<Range<Timestamp>>, Failure> {
    let mut parts = Vec::new();
    let mut from = window.start;
    while from < window.end {
        if parts.len() == WINDOWS_MAX {
            return Err(Failure::protocol(
                "busy times are asked for over too many years",
            ));
        }
        let until = from.checked_add(WINDOW_MAX).unwrap_or(window.end);
        let until = until.min(window.end);
        parts.push(from..until);
        from = until;
    }
    Ok(parts)
}
