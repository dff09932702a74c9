//! Edits on our side: each is a new version of an event plus what its links owe, in one transaction.

use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, ConflictId, EventId, TenantId};
use kalends_calendar::merge::{FieldError, Winner, put};
use kalends_calendar::provider::Guests;
use kalends_calendar::revision::{Actor, Cause, Revision};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction, Rules};
use kalends_store::conflicts::ConflictState;
use kalends_store::debts;
use kalends_store::events::{self, Edit, StoredEvent};
use kalends_store::links::{self, Link};
use kalends_store::{EditError, StoreError, Tx, conflicts, tenants};
use serde_json::Value;

use crate::Engine;

/// Who edits, by the name in the history.
#[derive(Clone, Copy, Debug)]
pub struct Editor<'a>(pub &'a str);

/// Why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditRefused {
    /// There is no such event, conflict or version (or it belongs to somebody else).
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It was deleted; restore it first.
    #[error("event {0} is deleted; restore it first")]
    Deleted(EventId),
    /// Somebody else was quicker.
    #[error("event {0} was changed meanwhile; look at it again")]
    Stale(EventId),
    /// A value does not fit its field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EditError> for EditRefused {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Stale(event) => Self::Stale(event),
            EditError::Store(error) => Self::Store(error),
        }
    }
}

/// How a person decides a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Our value.
    Local,
    /// Theirs.
    Remote,
    /// Another one.
    Custom(Value),
}

/// Makes an event.
pub async fn create(
    engine: &Engine,
    tenant: TenantId,
    calendar: CalendarId,
    event: &Event,
    by: Editor<'_>,
) -> Result<EventId, EditRefused> {
    let mut tx = engine.store.begin(tenant).await?;
    let done = create_in(engine, &mut tx, calendar, event, by).await?;
    tx.commit().await?;
    Ok(done)
}

/// The same in a transaction of the caller's.
pub async fn create_in(
    engine: &Engine,
    tx: &mut Tx,
    calendar: CalendarId,
    event: &Event,
    by: Editor<'_>,
) -> Result<EventId, EditRefused> {
    let id = EventId(engine.ids.next());
    events::create(tx, calendar, id, event, &edit(engine, by, "made")).await?;
    Ok(id)
}

/// Changes an event, if it still is in the revision that the editor saw.
pub async fn update(
    engine: &Engine,
    tenant: TenantId,
    id: EventId,
    from: Revision,
    event: &Event,
    by: Editor<'_>,
) -> Result<Revision, EditRefused> {
    let mut tx = engine.store.begin(tenant).await?;
    let done = update_in(engine, &mut tx, id, from, event, by).await?;
    tx.commit().await?;
    Ok(done)
}

/// The same in a transaction of the caller's.
pub async fn update_in(
    engine: &Engine,
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    event: &Event,
    by: Editor<'_>,
) -> Result<Revision, EditRefused> {
    let stored = find(tx, id).await?;
    if stored.deleted {
        return Err(EditRefused::Deleted(id));
    }
    let revision = events::update(tx, id, from, event, &edit(engine, by, "edited")).await?;
    Ok(revision)
}

/// Deletes an event, restorably.
pub async fn delete(
    engine: &Engine,
    tenant: TenantId,
    id: EventId,
    from: Revision,
    by: Editor<'_>,
) -> Result<Revision, EditRefused> {
    let mut tx = engine.store.begin(tenant).await?;
    let done = delete_in(engine, &mut tx, id, from, by).await?;
    tx.commit().await?;
    Ok(done)
}

/// The same in a transaction of the caller's.
pub async fn delete_in(
    engine: &Engine,
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    by: Editor<'_>,
) -> Result<Revision, EditRefused> {
    let stored = find(tx, id).await?;
    if stored.deleted {
        return Err(EditRefused::Deleted(id));
    }
    let revision = events::delete(tx, id, from, &edit(engine, by, "deleted")).await?;
    Ok(revision)
}

/// Makes an event again what it was in an earlier version. This is a new version: nothing is taken out of the history.
pub async fn restore(
    engine: &Engine,
    tenant: TenantId,
    id: EventId,
    version: Revision,
    by: Editor<'_>,
) -> Result<Revision, EditRefused> {
    let mut tx = engine.store.begin(tenant).await?;
    let done = restore_in(engine, &mut tx, id, version, by).await?;
    tx.commit().await?;
    Ok(done)
}

/// The same in a transaction of the caller's.
pub async fn restore_in(
    engine: &Engine,
    tx: &mut Tx,
    id: EventId,
    version: Revision,
    by: Editor<'_>,
) -> Result<Revision, EditRefused> {
    // Nobody else changes it from here on: whoever says no version that they saw is not told that it is another by now.
    tenants::lock(tx).await?;
    let stored = find(tx, id).await?;
    let earlier = events::version(tx, id, version)
        .await?
        .ok_or(EditRefused::NotFound("version"))?;
    let body = earlier.body.ok_or(EditRefused::NotFound(
        "content in that version: it is a deletion",
    ))?;
    let edit = edit(engine, by, &format!("restored version {version}"));
    let revision = events::update(tx, id, stored.revision, &body, &edit).await?;
    Ok(revision)
}

/// Decides a conflict: the event gets the chosen value, and the link owes it to the remote side. A conflict that the
/// policy had decided already can be decided otherwise the same way.
pub async fn resolve(
    engine: &Engine,
    tenant: TenantId,
    id: ConflictId,
    choice: Choice,
    by: Editor<'_>,
) -> Result<(), EditRefused> {
    let mut tx = engine.store.begin(tenant).await?;
    resolve_in(engine, &mut tx, id, choice, by).await?;
    tx.commit().await?;
    Ok(())
}

/// The same in a transaction of the caller's.
pub async fn resolve_in(
    engine: &Engine,
    tx: &mut Tx,
    id: ConflictId,
    choice: Choice,
    by: Editor<'_>,
) -> Result<(), EditRefused> {
    let now = engine.clock.now();
    tenants::lock(tx).await?;
    let found = conflicts::get(tx, id)
        .await?
        .ok_or(EditRefused::NotFound("conflict"))?;
    let stored = find(tx, found.event).await?;
    let Some(mut body) = stored.body.clone().filter(|_| !stored.deleted) else {
        return Err(EditRefused::Deleted(found.event));
    };
    let undecided =
        found.conflict.winner == Winner::Undecided && found.state == ConflictState::Open;
    let value = match &choice {
        // What we have now stands, also where it was edited since the conflict.
        Choice::Local if undecided => None,
        Choice::Local => Some(&found.conflict.local),
        Choice::Remote => Some(&found.conflict.remote),
        Choice::Custom(value) => Some(value),
    };
    if let Some(value) = value {
        let link = links::get(tx, found.link).await?;
        put(
            &mut body,
            &shown_by(link.as_ref()),
            &found.conflict.field,
            value,
        )?;
    }
    if stored.body.as_ref() != Some(&body) {
        let edit = edit(engine, by, "resolved a conflict");
        events::update(tx, found.event, stored.revision, &body, &edit).await?;
    } else if undecided {
        debts::owe(tx, found.link, found.event, now).await?;
    }
    conflicts::resolve(tx, id, by.0, now).await?;
    Ok(())
}

/// The rules by which the values of a link's conflicts are to be read.
fn shown_by(link: Option<&Link>) -> Rules {
    Rules {
        direction: link.map_or(Direction::TwoWay, |link| link.direction),
        detail: link.map_or(Detail::Full, |link| link.detail),
        conflict_policy: link.map_or(ConflictPolicy::Ask, |link| link.conflict_policy),
        guests: Guests::Silent,
        writable: true,
        me: Vec::new(),
    }
}

async fn find(tx: &mut Tx, id: EventId) -> Result<StoredEvent, EditRefused> {
    events::get(tx, id)
        .await?
        .ok_or(EditRefused::NotFound("event"))
}

fn edit(engine: &Engine, by: Editor<'_>, reason: &str) -> Edit {
    Edit {
        cause: Cause {
            actor: Actor::User {
                name: by.0.to_owned(),
            },
            reason: reason.to_owned(),
        },
        at: engine.clock.now(),
        except_link: None,
    }
}
