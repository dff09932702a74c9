//! Single events: reading, creating, changing and deleting them, and what can be done with them besides.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::Microsoft;
use super::answer::Answer;
use super::asked::{Asked, Need};
use super::edit::Author;
use super::extensions;
use super::item::Item;
use super::listing;
use super::mailbox::Which;
use super::meeting::Reply;
use super::moment::Moment;
use super::options::{Options, Select};
use super::refusal::Refusal;
use super::render::{View, events_context, show_calendar};
use super::shape;
use super::switches::TransactionRepeat;
use super::writing;
use crate::world::By;

/// `/events/{id}` and what lies below it. With a calendar in the path, the event must be in it.
pub(crate) fn answer(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    method: &Method,
    calendar: Option<u64>,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let (id, rest) = path
        .split_first()
        .ok_or_else(|| Refusal::no_route(StatusCode::NOT_FOUND))?;
    let reading = *method == Method::GET;
    asked.needs(if reading {
        Need::ReadCalendars
    } else {
        Need::WriteCalendars
    })?;
    if let Some(calendar) = calendar {
        let which = locate(graph, asked, id)?;
        if graph.mailbox(asked.email)?.item(which.key)?.calendar != calendar {
            return Err(Refusal::not_found());
        }
    }
    match (method.as_str(), rest) {
        ("GET", []) => get(graph, asked, id),
        ("PATCH", []) => patch(graph, asked, id),
        ("DELETE", []) | ("POST", ["permanentDelete"]) => delete(graph, asked, id),
        ("GET", ["instances"]) => listing::instances(graph, asked, id),
        ("GET", ["calendar"]) => its_calendar(graph, asked, id),
        (_, ["extensions", rest @ ..]) => {
            let which = locate(graph, asked, id)?;
            extensions::answer(graph, asked, method, which, rest)
        }
        ("POST", ["accept"]) => respond(graph, asked, id, "accepted"),
        ("POST", ["tentativelyAccept"]) => respond(graph, asked, id, "tentativelyAccepted"),
        ("POST", ["decline"]) => respond(graph, asked, id, "declined"),
        ("POST", ["cancel"]) => cancel(graph, asked, id),
        ("POST", ["forward"]) => forward(graph, asked, id),
        ("POST", ["dismissReminder"]) => dismiss_reminder(graph, asked, id),
        ("POST", ["snoozeReminder"]) => snooze_reminder(graph, asked, id),
        (_, []) => Err(Refusal::no_route(StatusCode::METHOD_NOT_ALLOWED)),
        _ => Err(Refusal::no_route(StatusCode::BAD_REQUEST)),
    }
}

/// Creates an event. The same `transactionId` again creates nothing.
pub(crate) fn create(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    calendar: u64,
) -> Result<Answer, Refusal> {
    asked.needs(Need::WriteCalendars)?;
    let body = writing::object(asked.body)?;
    let known = body
        .get("transactionId")
        .and_then(Value::as_str)
        .and_then(|id| {
            graph
                .mailbox(asked.email)
                .ok()?
                .with_transaction(id)
                .cloned()
        });
    if let Some(known) = known {
        return match graph.switches.transaction_repeat {
            TransactionRepeat::Created => shown(graph, asked, &known, None).map(Answer::created),
            TransactionRepeat::Ok => shown(graph, asked, &known, None).map(Answer::ok),
            TransactionRepeat::Conflict => Err(Refusal::new(
                StatusCode::CONFLICT,
                "ErrorDuplicateTransactionId",
                "An event with this transactionId was created already.",
            )),
        };
    }
    graph.spurious_conflict()?;
    let given = extensions::read_all(&body)?;
    let item = graph.create_event(author(asked), calendar, &body)?;
    if !given.is_empty() {
        let key = (item.key, None);
        graph
            .mailbox_mut(asked.email)?
            .extensions
            .entry(key)
            .or_default()
            .extend(given);
    }
    shown(graph, asked, &item, None).map(Answer::created)
}

fn get(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let mailbox = graph.mailbox(asked.email)?;
    let items = mailbox.items_at(mailbox.shown(asked.how));
    let which = mailbox.find(&items, id)?;
    let item = Arc::clone(items.get(&which.key).ok_or_else(Refusal::not_found)?);
    let answer = shown(graph, asked, &item, which.date)?;
    graph.mailbox_mut(asked.email)?.tell(item.version);
    Ok(Answer::ok(answer))
}

fn patch(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let which = locate(graph, asked, id)?;
    let body = writing::object(asked.body)?;
    let given = extensions::read_all(&body)?;
    unchanged(graph, asked, which)?;
    graph.spurious_conflict()?;
    let item = graph.patch_event(author(asked), which, &body)?;
    if !given.is_empty() {
        let key = (which.key, which.date);
        graph
            .mailbox_mut(asked.email)?
            .extensions
            .entry(key)
            .or_default()
            .extend(given);
    }
    shown(graph, asked, &item, which.date).map(Answer::ok)
}

fn delete(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let which = locate(graph, asked, id)?;
    unchanged(graph, asked, which)?;
    graph.spurious_conflict()?;
    graph.delete_event(author(asked), which)?;
    Ok(Answer::no_content())
}

fn its_calendar(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let which = locate(graph, asked, id)?;
    let mailbox = graph.mailbox(asked.email)?;
    let key = mailbox.item(which.key)?.calendar;
    let calendar = mailbox.calendars.get(&key).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(show_calendar(mailbox, calendar)))
}

fn respond(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    id: &str,
    response: &'static str,
) -> Result<Answer, Refusal> {
    let which = locate(graph, asked, id)?;
    let body = writing::parameters(asked.body, &["comment", "sendResponse", "proposedNewTime"])?;
    let proposed = writing::parameter(&body, "proposedNewTime").filter(|slot| !slot.is_null());
    if let Some(slot) = proposed {
        shape::check("timeSlot", "proposedNewTime", slot)?;
        for end in ["start", "end"] {
            Moment::read(end, slot.get(end).unwrap_or(&Value::Null))?;
        }
    }
    let reply = Reply {
        response,
        send: match writing::parameter(&body, "sendResponse") {
            None | Some(Value::Null) => true,
            Some(flag) => writing::flag("sendResponse", flag)?,
        },
        comment: comment(&body)?,
        // An acceptance proposes nothing.
        proposed: proposed.filter(|_| response != "accepted").cloned(),
    };
    graph.respond(author(asked), which, &reply)?;
    Ok(Answer::accepted())
}

fn cancel(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let which = locate(graph, asked, id)?;
    let comment = comment(&writing::parameters(asked.body, &["comment"])?)?;
    let item = Arc::clone(graph.mailbox(asked.email)?.item(which.key)?);
    if !item.is_organizer {
        return Err(Refusal::request(
            "You need to be an organizer to cancel a meeting.",
        ));
    }
    match which.date {
        None => graph.erase(author(asked), &item, Some(&comment)),
        Some(_) => graph.delete_event(author(asked), which)?,
    }
    Ok(Answer::accepted())
}

fn forward(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let which = locate(graph, asked, id)?;
    let body = writing::parameters(asked.body, &["comment", "toRecipients"])?;
    let to = writing::parameter(&body, "toRecipients")
        .and_then(Value::as_array)
        .filter(|to| !to.is_empty())
        .ok_or_else(|| {
            Refusal::bad(
                "ErrorInvalidRecipients",
                "At least one recipient is needed.",
            )
        })?;
    for recipient in to {
        shape::check("recipient", "toRecipients", recipient)?;
    }
    let to = to
        .iter()
        .map(writing::address)
        .collect::<Result<Vec<_>, _>>()?;
    graph.forward(author(asked), which, &to)?;
    Ok(Answer::accepted())
}

fn dismiss_reminder(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    // A dismissed reminder does not come up again; the event's own setting stays.
    locate(graph, asked, id)?;
    writing::parameters(asked.body, &[])?;
    Ok(Answer::accepted())
}

fn snooze_reminder(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    locate(graph, asked, id)?;
    let body = writing::parameters(asked.body, &["newReminderTime"])?;
    Moment::read(
        "newReminderTime",
        writing::parameter(&body, "newReminderTime").unwrap_or(&Value::Null),
    )?;
    Ok(Answer::accepted())
}

impl Microsoft {
    /// Sometimes Exchange touches an item at the same moment.
    pub(crate) fn spurious_conflict(&mut self) -> Result<(), Refusal> {
        if self.switches.spurious_conflict_percent > 0
            && self.chance.percent(self.switches.spurious_conflict_percent)
        {
            let status = StatusCode::from_u16(self.switches.spurious_conflict_status);
            return Err(Refusal::conflict(
                status.unwrap_or(StatusCode::PRECONDITION_FAILED),
            ));
        }
        Ok(())
    }
}

pub(crate) fn author<'a>(asked: &Asked<'a>) -> Author<'a> {
    Author {
        email: asked.email,
        by: By::Request,
        now: asked.now,
    }
}

/// What an id means now.
fn locate(graph: &Microsoft, asked: &Asked<'_>, id: &str) -> Result<Which, Refusal> {
    let mailbox = graph.mailbox(asked.email)?;
    mailbox.find(mailbox.items(), id)
}

/// Whether the change key that a write names is the present one.
fn unchanged(graph: &Microsoft, asked: &Asked<'_>, which: Which) -> Result<(), Refusal> {
    let Some(wanted) = asked.if_match else {
        return Ok(());
    };
    let mailbox = graph.mailbox(asked.email)?;
    let key = mailbox.change_key(mailbox.item(which.key)?, which.date);
    let there = format!("\"{key}\"");
    let matches = wanted
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == there);
    if matches {
        Ok(())
    } else {
        Err(Refusal::conflict(StatusCode::PRECONDITION_FAILED))
    }
}

fn shown(
    graph: &Microsoft,
    asked: &Asked<'_>,
    item: &Item,
    date: Option<jiff::civil::Date>,
) -> Result<Value, Refusal> {
    let mailbox = graph.mailbox(asked.email)?;
    let options = Options::read(&asked.query, &graph.switches)?;
    let view = View {
        select: match options.select {
            // One occurrence alone is shown with its original start.
            Select::Usual if date.is_some() => Select::All,
            select @ (Select::Usual | Select::All | Select::Named(_)) => select,
        },
        expand: options.expand,
        ..View::of(asked, mailbox, &graph.switches)
    };
    let mut event = view.event(item, date);
    event["@odata.context"] = events_context(asked, mailbox, "events/$entity").into();
    Ok(event)
}

fn comment(body: &Map<String, Value>) -> Result<String, Refusal> {
    writing::parameter(body, "comment").map_or(Ok(String::new()), |comment| {
        writing::text("comment", comment)
    })
}
