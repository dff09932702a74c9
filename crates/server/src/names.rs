//! How people name things: by their name, or by the beginning or the end of an id as long as it is the only one.

use anyhow::{Result, bail};
use kalends_calendar::ids::EventId;
use kalends_calendar::provider::RemoteCalendar;
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, Connection};
use kalends_store::events::{self, StoredEvent, Window};
use kalends_store::links::{self, Link};
use kalends_store::{Store, Tx, remote_calendars};
use uuid::Uuid;

use crate::app::App;

/// How much of an id is shown: its end, because ids that were made together begin alike.
const SHOWN: usize = 8;
/// Less than this names nothing.
const TYPED_MIN: usize = 4;
/// How many candidates are named where there are several.
const CANDIDATES_SHOWN: usize = 5;
/// How many events are looked at in one query.
const PAGE: i64 = 1_000;

/// An id as it is shown.
pub(crate) fn short(id: Uuid) -> String {
    let text = id.simple().to_string();
    text[text.len() - SHOWN..].to_owned()
}

/// Whether a text can mean an id.
fn means(id: Uuid, typed: &str) -> bool {
    let typed: String = typed
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let whole = id.simple().to_string();
    typed.len() >= TYPED_MIN && (whole.starts_with(&typed) || whole.ends_with(&typed))
}

/// The one thing that a text means.
pub(crate) fn one<T>(
    noun: &str,
    typed: &str,
    things: Vec<T>,
    id: impl Fn(&T) -> Uuid,
    name: impl Fn(&T) -> String,
) -> Result<T> {
    let mut found: Vec<T> = things
        .into_iter()
        .filter(|thing| means(id(thing), typed))
        .collect();
    if found.len() > 1 {
        let several: Vec<String> = found
            .iter()
            .take(CANDIDATES_SHOWN)
            .map(|thing| format!("{} ({})", id(thing), name(thing)))
            .collect();
        bail!("{typed:?} means several {noun}s: {}", several.join(", "));
    }
    match found.pop() {
        Some(thing) => Ok(thing),
        None => bail!("there is no {noun} {typed:?}"),
    }
}

/// The connection of this name or id.
pub(crate) async fn connection(tx: &mut Tx, typed: &str) -> Result<Connection> {
    let all = connections::list(tx).await?;
    if let Some(named) = all.iter().find(|connection| connection.name == typed) {
        return Ok(named.clone());
    }
    let names: Vec<String> = all
        .iter()
        .map(|connection| connection.name.clone())
        .collect();
    one("connection", typed, all, |c| c.id.0, |c| c.name.clone()).map_err(|error| {
        if names.is_empty() {
            error.context("nothing is connected yet: kalends connect --help")
        } else {
            error.context(format!("connections are: {}", names.join(", ")))
        }
    })
}

/// The calendar of this name or id, if there is one.
pub(crate) async fn find_calendar(tx: &mut Tx, typed: &str) -> Result<Option<Calendar>> {
    if let Some(named) = calendars::by_name(tx, typed).await? {
        return Ok(Some(named));
    }
    let all = calendars::list(tx).await?;
    if all.iter().any(|calendar| means(calendar.id.0, typed)) {
        return one("calendar", typed, all, |c| c.id.0, |c| c.name.clone()).map(Some);
    }
    Ok(None)
}

/// The calendar of this name or id.
pub(crate) async fn calendar(tx: &mut Tx, typed: &str) -> Result<Calendar> {
    if let Some(found) = find_calendar(tx, typed).await? {
        return Ok(found);
    }
    let names: Vec<String> = calendars::list(tx)
        .await?
        .into_iter()
        .map(|calendar| calendar.name)
        .collect();
    if names.is_empty() {
        bail!("there is no calendar {typed:?}, nor any other yet");
    }
    bail!(
        "there is no calendar {typed:?}; there are: {}",
        names.join(", ")
    );
}

/// The remote calendar of this name or id.
pub(crate) async fn remote_calendar(
    tx: &mut Tx,
    connection: &Connection,
    typed: &str,
) -> Result<RemoteCalendar> {
    let all = remote_calendars::list(tx, connection.id).await?;
    if let Some(exact) = all.iter().find(|calendar| calendar.id.0 == typed) {
        return Ok(exact.clone());
    }
    let named: Vec<&RemoteCalendar> = all
        .iter()
        .filter(|calendar| calendar.name == typed)
        .collect();
    // The last part of the address is how people know calendars of servers that give them no names.
    let placed: Vec<&RemoteCalendar> = all
        .iter()
        .filter(|calendar| last_segment(&calendar.id.0) == typed)
        .collect();
    let candidates = if named.is_empty() { placed } else { named };
    match candidates[..] {
        [one] => Ok(one.clone()),
        [] => {
            let names: Vec<&str> = all.iter().map(|calendar| calendar.name.as_str()).collect();
            bail!(
                "{} has no calendar {typed:?}; it has: {}",
                connection.name,
                names.join(", ")
            )
        }
        _ => {
            let ids: Vec<&str> = candidates
                .iter()
                .map(|calendar| calendar.id.as_str())
                .collect();
            bail!(
                "{} has several calendars {typed:?}; name one by its id: {}",
                connection.name,
                ids.join(", ")
            )
        }
    }
}

fn last_segment(address: &str) -> &str {
    address
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

/// A link with the names of what it links.
#[derive(Clone, Debug)]
pub(crate) struct NamedLink {
    /// The link.
    pub(crate) link: Link,
    /// The name of our calendar.
    pub(crate) calendar: String,
    /// The connection.
    pub(crate) connection: Connection,
    /// The name of the remote calendar.
    pub(crate) remote: String,
}

impl NamedLink {
    /// The link in a few words: `ann: Practice`.
    pub(crate) fn words(&self) -> String {
        if self.connection.name == self.remote {
            self.remote.clone()
        } else {
            format!("{}: {}", self.connection.name, self.remote)
        }
    }
}

/// All links with the names of what they link.
pub(crate) async fn named_links(tx: &mut Tx) -> Result<Vec<NamedLink>> {
    let calendars = calendars::list(tx).await?;
    let connections = connections::list(tx).await?;
    let mut named = Vec::new();
    for link in links::list(tx).await? {
        let Some(connection) = connections.iter().find(|known| known.id == link.connection) else {
            continue;
        };
        let remote = remote_calendars::get(tx, connection.id, &link.remote_calendar)
            .await?
            .map_or_else(|| link.remote_calendar.0.clone(), |calendar| calendar.name);
        let calendar = calendars
            .iter()
            .find(|calendar| calendar.id == link.calendar)
            .map_or_else(|| short(link.calendar.0), |calendar| calendar.name.clone());
        named.push(NamedLink {
            link,
            calendar,
            connection: connection.clone(),
            remote,
        });
    }
    Ok(named)
}

/// The link of this id, or of this connection where that has only one.
pub(crate) async fn link(tx: &mut Tx, typed: &str) -> Result<NamedLink> {
    let all = named_links(tx).await?;
    let words: Vec<&NamedLink> = all
        .iter()
        .filter(|named| {
            named.words() == typed || named.connection.name == typed || named.remote == typed
        })
        .collect();
    match words[..] {
        [] => {}
        [only] => return Ok(only.clone()),
        _ => {
            let several: Vec<String> = words
                .iter()
                .take(CANDIDATES_SHOWN)
                .map(|named| format!("{} ({})", short(named.link.id.0), named.words()))
                .collect();
            bail!("{typed:?} means several links: {}", several.join(", "));
        }
    }
    one(
        "link",
        typed,
        all,
        |named| named.link.id.0,
        NamedLink::words,
    )
}

/// The event of this id, deleted or not.
pub(crate) async fn event(app: &App, typed: &str) -> Result<StoredEvent> {
    if let Ok(id) = typed.parse::<EventId>() {
        let mut tx = app.store.read(app.tenant).await?;
        return match events::get(&mut tx, id).await? {
            Some(event) => Ok(event),
            None => bail!("there is no event {typed:?}"),
        };
    }
    let ids = event_ids(&app.store, app, typed).await?;
    let mut tx = app.store.read(app.tenant).await?;
    let found = events::get_many(&mut tx, &ids).await?;
    one(
        "event",
        typed,
        found,
        |event| event.id.0,
        |event| {
            event.body.as_ref().map_or_else(
                || "deleted".to_owned(),
                |body| body.master.details.title.clone(),
            )
        },
    )
}

/// The ids that a text can mean: of events that are there, else of those that were.
async fn event_ids(store: &Store, app: &App, typed: &str) -> Result<Vec<EventId>> {
    let mut tx = store.read(app.tenant).await?;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = events::list_range(&mut tx, None, Window::default(), after, PAGE).await?;
        found.extend(
            page.events
                .iter()
                .map(|event| event.id)
                .filter(|id| means(id.0, typed)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut seq = 0;
    while found.is_empty() {
        let changes = events::changes_since(&mut tx, seq, PAGE).await?;
        let Some(last) = changes.last() else { break };
        seq = last.seq;
        found.extend(
            changes
                .iter()
                .map(|change| change.event)
                .filter(|id| means(id.0, typed)),
        );
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_meant_by_its_beginning_or_its_end() {
        let id: Uuid = "0193a5b2-7c3d-7abc-8def-0123456789ab".parse().unwrap();
        assert_eq!(short(id), "456789ab");
        for typed in ["456789ab", "0193a5b2", "0193A5B2-7c3d", &id.to_string()] {
            assert!(means(id, typed), "{typed}");
        }
        for typed in ["", "9ab", "7abc", "456789ac"] {
            assert!(!means(id, typed), "{typed}");
        }
    }
}
