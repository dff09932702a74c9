//! Many events for the sandbox's Google and Microsoft: appointments of ten years, some of them weekly for a month.

use anyhow::{Result, anyhow};
use jiff::civil::{DateTime, date};
use jiff::{Timestamp, ToSpan};
use kalends_sandbox::World;
use kalends_sandbox::google::Visit;
use serde_json::{Value, json};

/// Where it all happens.
const ZONE: &str = "Europe/Berlin";
/// One in so many is a series at Google.
const SERIES_AT_GOOGLE: u32 = 10;
/// One in so many has an occurrence that was moved, at Google.
const MOVED_AT_GOOGLE: u32 = 100;
/// One in so many is a series at Microsoft, where each has to be asked for by itself.
const SERIES_AT_MICROSOFT: u32 = 100;
/// They are spread over so many days.
const DAYS: u32 = 3_650;
/// How many weeks a series goes on.
const WEEKS: u32 = 4;

/// When an appointment is.
fn begins(number: u32) -> Result<DateTime> {
    let minutes = 5 * (number / DAYS % 100);
    Ok(date(2017, 1, 2)
        .at(8, 0, 0, 0)
        .checked_add(i64::from(number % DAYS).days().minutes(i64::from(minutes)))?)
}

fn title(number: u32) -> String {
    format!("Appointment {number}")
}

/// A note as people leave them, so that an event is as large as theirs are.
fn note(number: u32) -> String {
    format!("Patient {number}. Please bring the referral and the results of the last visit.")
}

fn moment(at: DateTime) -> Value {
    json!({ "dateTime": at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": ZONE })
}

/// Fills both calendars.
pub(super) fn fill(
    world: &mut World,
    (at_google, at_microsoft): (&str, &str),
    events: u32,
    now: Timestamp,
) -> Result<()> {
    if events == 0 {
        return Ok(());
    }
    for number in 0..events {
        google(world, at_google, number, now)?;
    }
    let calendar = world
        .microsoft
        .default_calendar(at_microsoft)
        .map_err(|refusal| anyhow!("the sandbox's Microsoft: {refusal:?}"))?;
    for number in 0..events {
        microsoft(world, (at_microsoft, &calendar), number, now)?;
    }
    Ok(())
}

fn google(world: &mut World, email: &str, number: u32, now: Timestamp) -> Result<()> {
    let refused = |refusal| anyhow!("the sandbox's Google: {refusal:?}");
    let start = begins(number)?;
    let mut event = json!({
        "summary": title(number),
        "description": note(number),
        "start": moment(start),
        "end": moment(start.checked_add(30.minutes())?),
    });
    if number.is_multiple_of(SERIES_AT_GOOGLE) {
        event["recurrence"] = json!([format!("RRULE:FREQ=WEEKLY;COUNT={WEEKS}")]);
    }
    let visit = || Visit::primary(email);
    let made = world
        .google
        .create_event(visit(), &event, now)
        .map_err(refused)?;
    if number.is_multiple_of(MOVED_AT_GOOGLE) {
        let second = start.checked_add(1.week())?;
        let instance = second
            .in_tz(ZONE)?
            .timestamp()
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let id = format!("{}_{instance}", made["id"].as_str().unwrap_or_default());
        let moved = second.checked_add(2.hours())?;
        let patch = json!({
            "start": moment(moved),
            "end": moment(moved.checked_add(30.minutes())?),
        });
        world
            .google
            .patch_event(visit(), &id, &patch, now)
            .map_err(refused)?;
    }
    Ok(())
}

fn microsoft(
    world: &mut World,
    (email, calendar): (&str, &str),
    number: u32,
    now: Timestamp,
) -> Result<()> {
    let start = begins(number)?;
    let mut event = json!({
        "subject": title(number),
        "body": { "contentType": "text", "content": note(number) },
        "start": moment(start),
        "end": moment(start.checked_add(30.minutes())?),
    });
    if number.is_multiple_of(SERIES_AT_MICROSOFT) {
        let day = start.strftime("%A").to_string().to_lowercase();
        event["recurrence"] = json!({
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": [day], "firstDayOfWeek": "monday" },
            "range": { "type": "numbered", "startDate": start.date(), "numberOfOccurrences": WEEKS },
        });
    }
    world
        .microsoft
        .as_user_create(email, calendar, &event, now)
        .map_err(|refusal| anyhow!("the sandbox's Microsoft: {refusal:?}"))?;
    Ok(())
}
