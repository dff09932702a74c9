//! When people are free: `getSchedule`. Work and school accounts only.

use std::collections::BTreeMap;
use std::ops::Range;

use ::http::Method;
use jiff::Timestamp;
use kalends_calendar::event::Address;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::provider::BusyTimes;
use serde::Deserialize;
use serde_json::json;

use super::wire::{self, Moment};
use super::{Graph, refusal, zones};

/// The most people that are asked about at once.
pub const SCHEDULE_PEOPLE_MAX: usize = 20;

/// The word for a calendar that is not named by the address of somebody: Microsoft tells of people, not of calendars.
const BY_ADDRESS: &str = "askByAddress";

/// The word for somebody of whom the answer says nothing.
const NOT_FOUND: &str = "notFound";

/// The length of one slot of a view, in minutes: the finest that people plan by.
const SLOT_MINUTES: i64 = 15;

/// What is known of one person's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleAnswer {
    /// Whose.
    pub address: Address,
    /// When the person is not free, or why that is not known.
    pub busy: Result<Vec<Busy>, String>,
}

/// A stretch of time in which somebody is not free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When it begins.
    pub from: Timestamp,
    /// When it is over.
    pub to: Timestamp,
    /// How the person spends it.
    pub availability: Availability,
}

/// How somebody spends a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Perhaps with something.
    Tentative,
    /// With something. Also for words that nobody knows.
    Busy,
    /// Away.
    OutOfOffice,
    /// At work, but not here.
    WorkingElsewhere,
}

#[derive(Deserialize)]
struct Answer {
    value: Vec<Information>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Information {
    #[serde(deserialize_with = "wire::or_default")]
    schedule_id: String,
    #[serde(deserialize_with = "wire::or_default")]
    schedule_items: Vec<Stretch>,
    error: Option<Refused>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stretch {
    #[serde(deserialize_with = "wire::or_default")]
    status: String,
    start: Option<Moment>,
    end: Option<Moment>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Refused {
    #[serde(deserialize_with = "wire::or_default")]
    response_code: String,
}

impl Graph {
    /// When these people, named by their addresses, are taken within a window. What somebody is not sure of takes the time
    /// too.
    pub(super) async fn busy(
        &self,
        calendars: &[RemoteCalendarId],
        window: Range<Timestamp>,
    ) -> Result<Vec<BusyTimes>, Failure> {
        let people: Vec<Address> = calendars
            .iter()
            .filter(|calendar| is_address(calendar))
            .map(|calendar| Address::new(calendar.as_str()))
            .collect();
        let mut told = BTreeMap::new();
        for some in people.chunks(SCHEDULE_PEOPLE_MAX) {
            for answer in self.schedule(some, window.start, window.end).await? {
                told.insert(answer.address, answer.busy);
            }
        }
        let of = |calendar: &RemoteCalendarId| {
            if !is_address(calendar) {
                return Err(BY_ADDRESS.to_owned());
            }
            match told.get(&Address::new(calendar.as_str())) {
                Some(Ok(busy)) => Ok(joined(busy, &window)),
                Some(Err(why)) => Err(why.clone()),
                None => Err(NOT_FOUND.to_owned()),
            }
        };
        Ok(calendars
            .iter()
            .map(|calendar| BusyTimes {
                calendar: calendar.clone(),
                busy: of(calendar),
            })
            .collect())
    }

    /// When these people are not free within a window. At most [`SCHEDULE_PEOPLE_MAX`] of them.
    pub async fn schedule(
        &self,
        people: &[Address],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<ScheduleAnswer>, Failure> {
        if people.len() > SCHEDULE_PEOPLE_MAX {
            return Err(Failure::protocol(format!(
                "Microsoft tells of at most {SCHEDULE_PEOPLE_MAX} people at once"
            )));
        }
        let moment = |at: Timestamp| {
            json!({
                "dateTime": at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                "timeZone": zones::UTC,
            })
        };
        let addresses: Vec<&str> = people.iter().map(|address| address.0.as_str()).collect();
        let body = json!({
            "schedules": addresses,
            "startTime": moment(from),
            "endTime": moment(to),
            "availabilityViewInterval": SLOT_MINUTES,
        });
        let path = ["me", "calendar", "getSchedule"];
        let answer = self
            .send(self.ask().call(Method::POST, &path, Some(&body)))
            .await?;
        if !answer.status.is_success() {
            return Err(refusal::of_read(&answer, self.now()));
        }
        let answer: Answer = serde_json::from_slice(&answer.body).map_err(|error| {
            Failure::protocol(format!("Microsoft's answer cannot be read: {error}"))
        })?;
        Ok(answer.value.into_iter().map(read).collect())
    }
}

fn is_address(calendar: &RemoteCalendarId) -> bool {
    calendar.as_str().contains('@')
}

/// Stretches in order, those that touch made one, and cut to the window: Exchange names an appointment whole.
fn joined(busy: &[Busy], window: &Range<Timestamp>) -> Vec<Range<Timestamp>> {
    let mut stretches: Vec<Range<Timestamp>> = busy
        .iter()
        .map(|busy| busy.from.max(window.start)..busy.to.min(window.end))
        .filter(|stretch| !stretch.is_empty())
        .collect();
    stretches.sort_by_key(|stretch| stretch.start);
    let mut joined: Vec<Range<Timestamp>> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if last.end >= stretch.start => last.end = last.end.max(stretch.end),
            Some(_) | None => joined.push(stretch),
        }
    }
    joined
}

fn read(information: Information) -> ScheduleAnswer {
    let busy = match information.error {
        Some(error) => Err(error.response_code),
        None => Ok(information
            .schedule_items
            .iter()
            .filter_map(stretch)
            .collect()),
    };
    ScheduleAnswer {
        address: Address::new(&information.schedule_id),
        busy,
    }
}

fn stretch(stretch: &Stretch) -> Option<Busy> {
    let availability = match stretch.status.as_str() {
        "free" => return None,
        "tentative" => Availability::Tentative,
        "oof" => Availability::OutOfOffice,
        "workingElsewhere" => Availability::WorkingElsewhere,
        _ => Availability::Busy,
    };
    let instant = |moment: &Option<Moment>| {
        let moment = moment.as_ref()?;
        let zone = kalends_calendar::zone::iana(&zones::iana(&moment.time_zone)?.0)?;
        zone.to_ambiguous_timestamp(moment.local()?)
            .compatible()
            .ok()
    };
    Some(Busy {
        from: instant(&stretch.start)?,
        to: instant(&stretch.end)?,
        availability,
    })
}
