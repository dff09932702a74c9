//! `freebusy.query`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::zone;
use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Role};
use super::call::Call;
use super::moment::{stamp, written};
use super::reply::Reply;
use super::series::{self, Window};
use super::{Google, Refusal, body, query};

/// How many calendars one question may be about.
const CALENDARS_MAX: usize = 50;

pub(super) fn query(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let time = |name: &str| -> Result<Timestamp, Refusal> {
        let text = body::text(&body, name)?;
        let text = text.ok_or_else(|| Refusal::required("Required"))?;
        query::time(text).ok_or_else(Refusal::bad_request)
    };
    let (from, until) = (time("timeMin")?, time("timeMax")?);
    if from >= until {
        return Err(Refusal::empty_range());
    }
    let days = google.switches.free_busy_days_max;
    if until.duration_since(from).as_secs() > days.saturating_mul(24 * 60 * 60) {
        let message = "The requested time range is too long.";
        return Err(Refusal::new(400, "calendar", "timeRangeTooLong", message));
    }
    let shown = match body::text(&body, "timeZone")? {
        None => TimeZone::UTC,
        Some(name) => zone::iana(name).ok_or_else(|| Refusal::invalid("Invalid time zone."))?,
    };
    let items = body.get("items").and_then(Value::as_array);
    let ids: Vec<&str> = items
        .into_iter()
        .flatten()
        .filter_map(|item| item["id"].as_str())
        .collect();
    let asked_max = body.get("calendarExpansionMax").and_then(Value::as_u64);
    let asked_max = asked_max.and_then(|max| usize::try_from(max).ok());
    let most = asked_max.unwrap_or(CALENDARS_MAX).min(CALENDARS_MAX);
    let mut calendars = Map::new();
    for (index, id) in ids.iter().enumerate() {
        let failure = |reason: &str| json!({ "errors": [{ "domain": "global", "reason": reason }], "busy": [] });
        let name = if *id == "primary" { &call.user } else { *id };
        let known = google
            .calendars
            .get(name)
            .or_else(|| google.calendars.get(&name.to_ascii_lowercase()));
        let readable =
            known.filter(|calendar| google.role(&call.user, &calendar.id) >= Role::FreeBusyReader);
        let answer = match readable {
            _ if index >= most => failure("tooManyCalendarsRequested"),
            None => failure("notFound"),
            Some(calendar) => {
                let busy = busy(google, calendar, from, until);
                let busy: Vec<Value> = busy
                    .into_iter()
                    .map(|(start, end)| {
                        json!({
                            "start": written(&start.to_zoned(shown.clone())),
                            "end": written(&end.to_zoned(shown.clone())),
                        })
                    })
                    .collect();
                json!({ "busy": busy })
            }
        };
        calendars.insert((*id).to_owned(), answer);
    }
    Ok(Reply::Json(json!({
        "kind": "calendar#freeBusy",
        "timeMin": stamp(from),
        "timeMax": stamp(until),
        "calendars": calendars,
    })))
}

/// When a calendar is busy, merged and in order.
fn busy(
    google: &Google,
    calendar: &Calendar,
    from: Timestamp,
    until: Timestamp,
) -> Vec<(Timestamp, Timestamp)> {
    let zone = calendar.zone();
    let window = Window {
        after: Some(from),
        before: Some(until),
    };
    let mut spans = Vec::new();
    for event in calendar
        .events()
        .values()
        .filter(|event| event.is_busy(&calendar.id))
    {
        if event.is_series() {
            for instance in series::instances(event, window, &zone, &google.switches) {
                let exception = calendar.event(&instance.id);
                if exception.is_none_or(|exception| exception.is_tombstone()) {
                    spans.push((instance.start.instant(&zone), instance.end.instant(&zone)));
                }
            }
        } else if window.has(&event.start, &event.end, &zone) {
            spans.push((event.start.instant(&zone), event.end.instant(&zone)));
        }
    }
    spans.retain(|(start, end)| start < end);
    spans.sort_unstable();
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in spans {
        let (start, end) = (start.max(from), end.min(until));
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}
