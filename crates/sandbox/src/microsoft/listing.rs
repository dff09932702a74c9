//! Listings of events: `/events`, `/calendarView` and `/instances`.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::Asked;
use super::item::{Item, Window};
use super::mailbox::Mailbox;
use super::moment::query_instant;
use super::options::{Condition, Options, OrderBy};
use super::refusal::Refusal;
use super::render::{View, events_context, kind};
use super::switches::Switches;
use crate::faults::Disturbance;

/// One line of a listing.
struct Row {
    item: Arc<Item>,
    date: Option<Date>,
    start: Timestamp,
    end: Timestamp,
}

/// Singles and masters of one calendar, or of the whole mailbox.
pub(crate) fn events(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    calendar: Option<u64>,
) -> Result<Answer, Refusal> {
    let options = Options::read(&asked.query, &graph.switches)?;
    let mailbox = graph.mailbox(asked.email)?;
    let shown = mailbox.shown(asked.how);
    let items = mailbox.items_at(shown);
    let masters: Vec<&str> = options
        .filter
        .iter()
        .filter_map(|condition| match condition {
            Condition::Master(id) => Some(id.as_str()),
            Condition::Uid(_)
            | Condition::Time { .. }
            | Condition::Extended { .. }
            | Condition::Kind(_)
            | Condition::Subject(_)
            | Condition::SubjectBegins(_) => None,
        })
        .collect();
    let mut rows = Vec::new();
    if let Some(master) = masters.first() {
        let which = mailbox.find(&items, master)?;
        let item = items.get(&which.key).ok_or_else(Refusal::not_found)?;
        rows.extend(exceptions(item));
    } else {
        for item in items.values() {
            if calendar.is_some_and(|calendar| calendar != item.calendar) {
                continue;
            }
            let (start, end) = item.master.span();
            rows.push(Row {
                item: Arc::clone(item),
                date: None,
                start,
                end,
            });
            if graph.switches.exceptions_in_events {
                rows.extend(exceptions(item));
            }
        }
    }
    let what = match calendar {
        Some(calendar) => format!("calendars('{}')/events", mailbox.calendar_id(calendar)),
        None => "events".to_owned(),
    };
    let answer = page(mailbox, &graph.switches, asked, &options, rows, &what);
    note(graph, asked, shown);
    Ok(answer)
}

/// What stands in a window of one calendar: singles, occurrences and exceptions, by their start.
pub(crate) fn calendar_view(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    calendar: u64,
) -> Result<Answer, Refusal> {
    let window = window(asked)?;
    let widest = graph.switches.view_days_max;
    if window.until.duration_since(window.from).as_hours() > widest.saturating_mul(24) {
        return Err(Refusal::request(format!(
            "The range between the start and end dates is greater than the allowed range. Maximum number of days: {widest}"
        )));
    }
    let options = Options::read(&asked.query, &graph.switches)?;
    let mailbox = graph.mailbox(asked.email)?;
    let shown = mailbox.shown(asked.how);
    let items = mailbox.items_at(shown);
    let mut rows = Vec::new();
    for item in items.values().filter(|item| item.calendar == calendar) {
        rows.extend(standing(item, window));
    }
    rows.sort_by_key(|row| (row.start, row.item.key));
    let what = format!(
        "calendars('{}')/calendarView",
        mailbox.calendar_id(calendar)
    );
    let answer = page(mailbox, &graph.switches, asked, &options, rows, &what);
    note(graph, asked, shown);
    Ok(answer)
}

/// The occurrences and exceptions of a series in a window; deleted ones are not among them.
pub(crate) fn instances(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    id: &str,
) -> Result<Answer, Refusal> {
    let window = window(asked)?;
    let options = Options::read(&asked.query, &graph.switches)?;
    let mailbox = graph.mailbox(asked.email)?;
    let shown = mailbox.shown(asked.how);
    let items = mailbox.items_at(shown);
    let which = mailbox.find(&items, id)?;
    let item = items.get(&which.key).ok_or_else(Refusal::not_found)?;
    if which.date.is_some() || !item.is_series() {
        return Err(Refusal::request(
            "The expand or instances operation is only supported on a recurring master.",
        ));
    }
    let mut rows = standing(item, window);
    rows.sort_by_key(|row| row.start);
    let what = format!("events('{id}')/instances");
    let answer = page(mailbox, &graph.switches, asked, &options, rows, &what);
    note(graph, asked, shown);
    Ok(answer)
}

/// The window that a query names.
pub(crate) fn window(asked: &Asked<'_>) -> Result<Window, Refusal> {
    let (Some(from), Some(until)) = (
        asked.query.get("startDateTime"),
        asked.query.get("endDateTime"),
    ) else {
        return Err(no_window());
    };
    let window = Window {
        from: query_instant("StartDateTime", from)?,
        until: query_instant("EndDateTime", until)?,
    };
    if window.until < window.from {
        return Err(Refusal::bad(
            "ErrorInvalidParameter",
            "The end of the time window is before its start.",
        ));
    }
    Ok(window)
}

/// There is no window.
pub(crate) fn no_window() -> Refusal {
    Refusal::bad(
        "ErrorInvalidParameter",
        "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
    )
}

fn standing(item: &Arc<Item>, window: Window) -> Vec<Row> {
    let standing = item.standing(window).into_iter();
    standing
        .map(|standing| Row {
            item: Arc::clone(item),
            date: standing.date,
            start: standing.start,
            end: standing.end,
        })
        .collect()
}

fn exceptions(item: &Arc<Item>) -> impl Iterator<Item = Row> {
    item.exceptions.iter().map(|(date, exception)| {
        let (start, end) = exception.details.span();
        Row {
            item: Arc::clone(item),
            date: Some(*date),
            start,
            end,
        }
    })
}

/// Filters, orders and cuts a listing.
fn page(
    mailbox: &Mailbox,
    switches: &Switches,
    asked: &Asked<'_>,
    options: &Options,
    mut rows: Vec<Row>,
    what: &str,
) -> Answer {
    rows.retain(|row| options.filter.iter().all(|condition| holds(row, condition)));
    if !options.order.is_empty() {
        rows.sort_by(|left, right| compare(left, right, options));
    }
    if asked.how == Disturbance::EmptyListing {
        rows.clear();
    }
    let total = rows.len();
    let mut size = options
        .top
        .or(asked.prefer.page)
        .unwrap_or(switches.page_default);
    if let Disturbance::CutListing { members } = asked.how {
        size = size.min(members.max(1));
    }
    let view = View {
        select: options.select.clone(),
        expand: options.expand.clone(),
        ..View::of(asked, mailbox, switches)
    };
    let shown: Vec<Value> = rows
        .iter()
        .skip(options.skip)
        .take(size)
        .map(|row| view.event(&row.item, row.date))
        .collect();
    let mut body =
        json!({ "@odata.context": events_context(asked, mailbox, what), "value": shown });
    if options.count {
        body["@odata.count"] = total.into();
    }
    let next = options.skip.saturating_add(size);
    if next < total {
        let rest = asked.query.without(&["$skip"]);
        let joint = if rest.is_empty() { "" } else { "&" };
        body["@odata.nextLink"] = asked.link(&format!("{rest}{joint}$skip={next}")).into();
    }
    Answer::ok(body)
}

fn holds(row: &Row, condition: &Condition) -> bool {
    let exception = row.date.and_then(|date| row.item.exceptions.get(&date));
    let details = exception.map_or(&row.item.master, |exception| &exception.details);
    match condition {
        Condition::Uid(uid) => row.item.uid == *uid,
        Condition::Time { end, is, at } => is.holds(if *end { row.end } else { row.start }, *at),
        // The rows were chosen by it.
        Condition::Master(_) => true,
        Condition::Extended { id, value } => details.extended.get(id) == Some(value),
        Condition::Kind(wanted) => kind(&row.item, row.date) == *wanted,
        Condition::Subject(subject) => details.subject == *subject,
        Condition::SubjectBegins(text) => details.subject.to_lowercase().starts_with(text),
    }
}

fn compare(left: &Row, right: &Row, options: &Options) -> Ordering {
    let subject = |row: &Row| {
        let exception = row.date.and_then(|date| row.item.exceptions.get(&date));
        exception
            .map_or(&row.item.master, |exception| &exception.details)
            .subject
            .clone()
    };
    options.order.iter().fold(Ordering::Equal, |so_far, order| {
        let next = || {
            let ascending = match order.by {
                OrderBy::Start => left.start.cmp(&right.start),
                OrderBy::End => left.end.cmp(&right.end),
                OrderBy::Subject => subject(left).cmp(&subject(right)),
                OrderBy::Created => left.item.created.cmp(&right.item.created),
                OrderBy::Modified => left.item.modified.cmp(&right.item.modified),
            };
            if order.descending {
                ascending.reverse()
            } else {
                ascending
            }
        };
        so_far.then_with(next)
    })
}

/// Notes what an answer has shown.
pub(crate) fn note(graph: &mut Microsoft, asked: &Asked<'_>, shown: u64) {
    if asked.how != Disturbance::EmptyListing
        && let Ok(mailbox) = graph.mailbox_mut(asked.email)
    {
        mailbox.tell(shown);
    }
}
