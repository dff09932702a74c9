//! Every path of the face, on one page.

use http::{Method, StatusCode};

use super::Microsoft;
use super::answer::Answer;
use super::asked::{Asked, Need};
use super::delta::{self, Tracked};
use super::refusal::Refusal;
use super::{calendars, events, listing, schedule, settings, subscriptions};

/// Answers what was asked for at `path`, which is decoded and begins below the version.
pub(crate) fn answer(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    method: &Method,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let verb = method.as_str();
    match path {
        ["subscriptions"] => match verb {
            "GET" => subscriptions::list(graph, asked),
            "POST" => {
                asked.needs(Need::ReadCalendars)?;
                subscriptions::create(graph, asked)
            }
            _ => Err(not_allowed()),
        },
        ["subscriptions", id] => match verb {
            "GET" => subscriptions::get(graph, asked, id),
            "PATCH" => subscriptions::patch(graph, asked, id),
            "DELETE" => subscriptions::delete(graph, asked, id),
            _ => Err(not_allowed()),
        },
        ["subscriptions", id, "reauthorize"] if verb == "POST" => {
            subscriptions::reauthorize(graph, asked, id)
        }
        ["me", rest @ ..] => own(graph, asked, method, rest),
        ["users", user, rest @ ..] => {
            let mailbox = graph.mailbox(asked.email)?;
            if mailbox.owner.is(user) || mailbox.subject == *user {
                own(graph, asked, method, rest)
            } else {
                Err(Refusal::denied())
            }
        }
        _ => Err(unknown()),
    }
}

/// What lies below `/me`.
fn own(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    method: &Method,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let default = graph.mailbox(asked.email)?.default;
    let verb = method.as_str();
    match path {
        ["calendars"] => match verb {
            "GET" => calendars::list(graph, asked),
            "POST" => calendars::create(graph, asked),
            _ => Err(not_allowed()),
        },
        ["calendar", rest @ ..] => calendar(graph, asked, method, default, rest),
        ["calendars", id, rest @ ..] => {
            asked.needs(Need::ReadCalendars)?;
            let key = graph.mailbox(asked.email)?.calendar(id)?.key;
            calendar(graph, asked, method, key, rest)
        }
        ["events"] => match verb {
            "GET" => {
                asked.needs(Need::ReadCalendars)?;
                listing::events(graph, asked, None)
            }
            "POST" => events::create(graph, asked, default),
            _ => Err(not_allowed()),
        },
        ["events", "delta" | "delta()"] | ["calendarView", ..] => {
            calendar(graph, asked, method, default, path)
        }
        ["events", rest @ ..] => events::answer(graph, asked, method, None, rest),
        ["mailboxSettings"] if verb == "GET" => settings::get(graph, asked, None),
        ["mailboxSettings"] if verb == "PATCH" => settings::patch(graph, asked),
        ["mailboxSettings", name] if verb == "GET" => settings::get(graph, asked, Some(name)),
        ["outlook", call] if verb == "GET" && call.starts_with("supportedTimeZones") => {
            asked.needs(Need::Nothing)?;
            settings::supported_time_zones(asked, standard(call))
        }
        ["translateExchangeIds"] if verb == "POST" => settings::translate_ids(graph, asked),
        _ => Err(unknown()),
    }
}

/// What lies below one calendar.
fn calendar(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    method: &Method,
    key: u64,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let verb = method.as_str();
    match path {
        [] => match verb {
            "GET" => calendars::get(graph, asked, key),
            "PATCH" => calendars::patch(graph, asked, key),
            "DELETE" => calendars::delete(graph, asked, key),
            _ => Err(not_allowed()),
        },
        ["permanentDelete"] if verb == "POST" => calendars::delete(graph, asked, key),
        ["getSchedule"] if verb == "POST" => schedule::get_schedule(graph, asked),
        ["events"] if verb == "POST" => events::create(graph, asked, key),
        ["events"] if verb == "GET" => {
            asked.needs(Need::ReadCalendars)?;
            listing::events(graph, asked, Some(key))
        }
        ["events", "delta" | "delta()"] if verb == "GET" => {
            asked.needs(Need::ReadCalendars)?;
            delta::answer(graph, asked, Tracked::Events, key)
        }
        ["events", rest @ ..] => events::answer(graph, asked, method, Some(key), rest),
        ["calendarView"] if verb == "GET" => {
            asked.needs(Need::ReadCalendars)?;
            listing::calendar_view(graph, asked, key)
        }
        ["calendarView", "delta" | "delta()"] if verb == "GET" => {
            asked.needs(Need::ReadCalendars)?;
            delta::answer(graph, asked, Tracked::View, key)
        }
        _ => Err(unknown()),
    }
}

/// Whether what a path answers tracks changes.
pub(crate) fn tracks_changes(path: &[&str]) -> bool {
    matches!(path.last(), Some(&("delta" | "delta()")))
}

/// The standard in `supportedTimeZones(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')`.
fn standard(call: &str) -> Option<&str> {
    let (_, quoted) = call.split_once('\'')?;
    Some(quoted.split('\'').next().unwrap_or(quoted))
}

fn unknown() -> Refusal {
    Refusal::no_route(StatusCode::BAD_REQUEST)
}

fn not_allowed() -> Refusal {
    Refusal::no_route(StatusCode::METHOD_NOT_ALLOWED)
}
