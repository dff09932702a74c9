//! Applying a plan: one transaction, under a lease.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, Cursor, EventId, RemoteId, RunId, Uid};
use kalends_calendar::merge::Conflict;
use kalends_calendar::plan::{LeftOutside, Mirror, Reason, Step};
use kalends_calendar::provider::Part;
use kalends_calendar::revision::{Actor, Cause, Revision};

use crate::bind::{Bind, binds};
use crate::error::{ApplyError, StoreError};
use crate::events::{self, Creation, Written};
use crate::leases::{self, Advance, Held, Lease};
use crate::listings::{self, Place};
use crate::mirrors;
use crate::multi::Multi;
use crate::outbox::{self, Debt, Owed};
use crate::skips::{self, Skip};
use crate::store::Store;
use crate::tx::Tx;
use crate::words::Word as _;
use crate::{conflicts, held, intents, outside};

/// What one page of a run changes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The plan's steps.
    pub steps: Vec<Step>,
    /// Remote events that a full listing named, whether or not they were news.
    pub seen: Vec<RemoteId>,
    /// Remote events that are explicitly gone: what was skipped about them is forgotten.
    pub gone: Vec<RemoteId>,
    /// The number of the full listing under way; none for an incremental one. A new full listing takes
    /// [`Link::generation`](crate::links::Link::generation) plus one, and keeps it for all its batches.
    pub generation: Option<i64>,
    /// Where the full listing under way stands after this; none leaves that as it is.
    pub place: Option<Place>,
    /// Parts of series that it named, kept until it is whole.
    pub parts: Vec<Part>,
    /// The series whose parts were put together, and are kept no longer.
    pub assembled: Vec<String>,
    /// What becomes of the cursor.
    pub cursor: CursorMove,
    /// Whether this ends a full listing: the link is live from now on, and skips it did not see are forgotten.
    pub complete: bool,
    /// Whether it takes in what came of a write that was sent. That was sent, so it is kept though the tenant lost the
    /// feature meanwhile; such a batch moves no cursor and ends no listing.
    pub settles: bool,
    /// In this run.
    pub run: RunId,
    /// Now.
    pub at: Timestamp,
}

impl Batch {
    /// A batch that does nothing yet.
    pub fn new(run: RunId, at: Timestamp) -> Self {
        Self {
            steps: Vec::new(),
            seen: Vec::new(),
            gone: Vec::new(),
            generation: None,
            place: None,
            parts: Vec::new(),
            assembled: Vec::new(),
            cursor: CursorMove::Keep,
            complete: false,
            settles: false,
            run,
            at,
        }
    }
}

/// What becomes of a link's cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorMove {
    /// It stays: the listing is not whole yet.
    Keep,
    /// The next run goes on from here.
    Set(Cursor),
    /// The next run lists everything: the cursor is dead, or the provider gives none.
    Clear,
}

/// What a batch did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Applied {
    /// Events made.
    pub created: u64,
    /// Events changed.
    pub updated: u64,
    /// Events deleted.
    pub deleted: u64,
    /// Mirrors set.
    pub mirrored: u64,
    /// Mirrors dropped.
    pub dropped: u64,
    /// Remote writes owed by this link.
    pub pushed: u64,
    /// Conflicts recorded.
    pub conflicts: u64,
    /// Deletions held.
    pub held: u64,
    /// Items skipped.
    pub skipped: u64,
    /// Events left outside the bounds of the link.
    pub outside: u64,
}

/// Applies a batch, whole or not at all.
///
/// Steps of one kind are written together, kind after kind: events made, changed and deleted; mirrors; what is owed; the
/// rest. Within a kind their order stands, and of two steps about one mirror or one debt the later one counts.
pub async fn apply(store: &Store, lease: &Lease, batch: Batch) -> Result<Applied, ApplyError> {
    let mut tx = store.begin(lease.tenant).await?;
    let sorted = Sorted::from(batch.steps);
    let positions = sorted.creates.len() + sorted.revisions.len() + sorted.pushes.len();
    // The tenant's row before the link's: see `events::write`. A batch that changes no event does not need it.
    let seq = if positions > 0 {
        events::take_seq(&mut tx, count(positions)).await?
    } else {
        0
    };
    let (moves, cursor) = match batch.cursor {
        CursorMove::Keep => (false, None),
        CursorMove::Set(cursor) => (true, Some(cursor)),
        CursorMove::Clear => (true, None),
    };
    let advance = Advance {
        generation: batch.generation,
        moves,
        cursor,
        complete: batch.complete,
        place: batch.place,
        at: batch.at,
    };
    let held = if batch.settles {
        leases::check_held(&mut tx, lease).await?
    } else {
        leases::check_and_advance(&mut tx, lease, advance).await?
    };
    let page = Page {
        lease,
        held,
        run: batch.run,
        at: batch.at,
    };
    let mut applied = Applied {
        created: sorted.creates.len() as u64,
        mirrored: sorted.mirrors.len() as u64,
        pushed: sorted.pushes.len() as u64,
        conflicts: sorted.conflicts.len() as u64,
        skipped: sorted.skips.len() as u64,
        outside: sorted.outside.len() as u64,
        ..Applied::default()
    };
    // A mirror that is set carries the listing's number already.
    let set: HashSet<&RemoteId> = sorted.mirrors.iter().map(|set| &set.remote_id).collect();
    let mut seen = batch.seen;
    seen.retain(|id| !set.contains(id));
    let pushes_from = seq + count(sorted.creates.len() + sorted.revisions.len());
    page.refuse_doubles(&mut tx, &sorted).await?;
    page.events(&mut tx, sorted.creates, sorted.revisions, seq, &mut applied)
        .await?;
    page.mirrors(&mut tx, sorted.mirrors, sorted.drops, &mut applied)
        .await?;
    page.push(&mut tx, sorted.pushes, pushes_from).await?;
    for (event, conflict) in sorted.conflicts {
        conflicts::record(&mut tx, lease.link, event, &conflict, batch.run, batch.at).await?;
    }
    for event in sorted.holds {
        applied.held += held::hold(&mut tx, lease.link, event, batch.at).await?;
    }
    for (remote_id, version, error) in sorted.skips {
        let skip = Skip {
            remote_id,
            version,
            error,
            at: batch.at,
            outside: None,
        };
        skips::put(&mut tx, lease.link, page.held.generation, skip).await?;
    }
    outside::put(
        &mut tx,
        lease.link,
        page.held.generation,
        sorted.outside,
        batch.at,
    )
    .await?;
    if !batch.gone.is_empty() {
        let ids = batch.gone.iter().map(Bind::from).collect();
        skips::forget(&mut tx, lease.link, ids).await?;
    }
    if !batch.parts.is_empty() {
        listings::keep(&mut tx, lease.link, page.held.generation, batch.parts).await?;
    }
    if !batch.assembled.is_empty() {
        listings::assembled(&mut tx, lease.link, batch.assembled).await?;
    }
    if let Some(generation) = batch.generation {
        mirrors::mark_seen(&mut tx, lease.link, generation, &seen).await?;
        held::let_go_named(&mut tx, lease.link, &seen).await?;
        if batch.complete {
            listings::clear(&mut tx, lease.link).await?;
            skips::forget_unseen(&mut tx, lease.link, generation).await?;
            held::let_go_seen(&mut tx, lease.link, generation).await?;
        }
    }
    tx.commit().await?;
    Ok(applied)
}

/// A length as the databases count; no list in memory is longer than they can.
fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The steps of a plan, by kind.
#[derive(Default)]
struct Sorted {
    creates: Vec<(EventId, Box<Event>, Reason)>,
    revisions: Vec<Revising>,
    mirrors: Vec<Mirror>,
    drops: Vec<EventId>,
    pushes: Vec<(EventId, Reason)>,
    conflicts: Vec<(EventId, Conflict)>,
    holds: Vec<EventId>,
    skips: Vec<(RemoteId, Option<kalends_calendar::ids::Version>, String)>,
    outside: Vec<LeftOutside>,
}

/// A new version of an event: a content, or its deletion.
struct Revising {
    event: EventId,
    from: Revision,
    body: Option<Box<Event>>,
    reason: Reason,
}

impl From<Vec<Step>> for Sorted {
    fn from(steps: Vec<Step>) -> Self {
        let mut sorted = Self::default();
        for step in steps {
            match step {
                Step::CreateEvent {
                    event,
                    body,
                    reason,
                } => sorted.creates.push((event, body, reason)),
                Step::UpdateEvent {
                    event,
                    from,
                    body,
                    reason,
                } => sorted.revisions.push(Revising {
                    event,
                    from,
                    body: Some(body),
                    reason,
                }),
                Step::DeleteEvent {
                    event,
                    from,
                    reason,
                } => sorted.revisions.push(Revising {
                    event,
                    from,
                    body: None,
                    reason,
                }),
                Step::SetMirror(mirror) => {
                    sorted.drops.retain(|event| *event != mirror.event);
                    sorted.mirrors.push(mirror);
                }
                Step::DropMirror { event } => {
                    sorted.mirrors.retain(|mirror| mirror.event != event);
                    sorted.drops.push(event);
                }
                Step::Push { event, reason } => sorted.pushes.push((event, reason)),
                Step::RecordConflict { event, conflict } => {
                    sorted.conflicts.push((event, conflict));
                }
                Step::HoldDeletion { event } => sorted.holds.push(event),
                Step::Skip {
                    remote_id,
                    version,
                    error,
                } => sorted.skips.push((remote_id, version, error)),
                Step::LeaveOutside(left) => sorted.outside.push(left),
            }
        }
        sorted.mirrors = last_of_each(sorted.mirrors, |mirror| mirror.event);
        sorted.pushes = last_of_each(sorted.pushes, |(event, _)| *event);
        sorted
    }
}

/// The last entry about each event, in order: a statement may name a row only once.
fn last_of_each<T>(entries: Vec<T>, event: impl Fn(&T) -> EventId) -> Vec<T> {
    let last: HashMap<EventId, usize> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| (event(entry), at))
        .collect();
    if last.len() == entries.len() {
        return entries;
    }
    let mut at = 0..;
    entries
        .into_iter()
        .filter(|entry| at.next() == last.get(&event(entry)).copied())
        .collect()
}

/// What all steps of a batch share.
struct Page<'a> {
    lease: &'a Lease,
    held: Held,
    run: RunId,
    at: Timestamp,
}

impl Page<'_> {
    /// Two links of one calendar may meet the same event at the same time, each planning to make it. The second one plans
    /// again, and finds what the first one made.
    async fn refuse_doubles(&self, tx: &mut Tx, sorted: &Sorted) -> Result<(), ApplyError> {
        static TEXT: LazyLock<Multi> = LazyLock::new(|| {
            Multi::new(
                "SELECT id, uid FROM events WHERE tenant_id = $1 AND calendar_id = $2
                    AND NOT EXISTS (SELECT 1 FROM mirrors WHERE mirrors.tenant_id = $1
                        AND mirrors.link_id = $3 AND mirrors.event_id = events.id)
                    AND uid_key IN (",
                3,
                "?",
                ")",
            )
        });
        if sorted.creates.is_empty() {
            return Ok(());
        }
        let shared = binds![tx.tenant, self.held.calendar, self.lease.link];
        let uids = sorted
            .creates
            .iter()
            .map(|(_, body, _)| Bind::from(events::uid_key(&body.uid)))
            .collect();
        for row in tx.rows_in(&TEXT, &shared, uids).await? {
            let event: EventId = row.get("id")?;
            let uid: Uid = row.get("uid")?;
            let made = sorted.creates.iter().any(|(_, body, _)| body.uid == uid);
            let joined = sorted.mirrors.iter().any(|mirror| mirror.event == event);
            if made && !joined {
                return Err(ApplyError::Stale(event));
            }
        }
        Ok(())
    }

    /// Makes, changes and deletes events, each under its own position of the feed, and lets the other links owe them.
    async fn events(
        &self,
        tx: &mut Tx,
        creates: Vec<(EventId, Box<Event>, Reason)>,
        revisions: Vec<Revising>,
        mut seq: i64,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        if creates.is_empty() && revisions.is_empty() {
            return Ok(());
        }
        let calendar = self.held.calendar;
        let zone = events::zone_of(tx, calendar).await?;
        let mut debts = Vec::with_capacity(creates.len() + revisions.len());
        let causes: Vec<Cause> = creates
            .iter()
            .map(|(.., reason)| self.cause(*reason))
            .collect();
        let mut creations = Vec::with_capacity(creates.len());
        for ((event, body, _), cause) in creates.iter().zip(&causes) {
            creations.push(Creation {
                id: *event,
                body,
                seq,
                cause,
            });
            debts.push(Debt {
                event: *event,
                stamp: seq,
                reason: Reason::NewHere,
            });
            seq += 1;
        }
        events::insert_many(tx, calendar, &zone, &creations, self.at).await?;
        for revising in revisions {
            self.revise(tx, &revising, calendar, &zone, seq).await?;
            let reason = if revising.body.is_some() {
                applied.updated += 1;
                Reason::ChangedHere
            } else {
                applied.deleted += 1;
                Reason::DeletedHere
            };
            debts.push(Debt {
                event: revising.event,
                stamp: seq,
                reason,
            });
            seq += 1;
        }
        let debts = last_of_each(debts, |debt| debt.event);
        outbox::owe_others(tx, calendar, Some(self.lease.link), &debts, &self.owed()).await?;
        Ok(())
    }

    async fn revise(
        &self,
        tx: &mut Tx,
        revising: &Revising,
        calendar: CalendarId,
        zone: &TimeZone,
        seq: i64,
    ) -> Result<(), ApplyError> {
        let written = Written {
            calendar,
            zone,
            seq,
            cause: &self.cause(revising.reason),
            at: self.at,
        };
        events::revise(
            tx,
            revising.event,
            revising.from,
            revising.body.as_deref(),
            &written,
        )
        .await?;
        Ok(())
    }

    /// Drops and sets mirrors. Whatever is agreed about an event ends the wait of its deletion, and the skip of its item; and
    /// what was refused there may be taken now, or is owed no more.
    async fn mirrors(
        &self,
        tx: &mut Tx,
        mirrors: Vec<Mirror>,
        drops: Vec<EventId>,
        applied: &mut Applied,
    ) -> Result<(), StoreError> {
        if mirrors.is_empty() && drops.is_empty() {
            return Ok(());
        }
        let link = self.lease.link;
        let binds = binds![tx.tenant, link];
        let row = tx
            .only_row(
                "SELECT EXISTS (SELECT 1 FROM skips WHERE tenant_id = $1 AND link_id = $2) AS skips,
                    EXISTS (SELECT 1 FROM held_deletions WHERE tenant_id = $1 AND link_id = $2) AS held,
                    EXISTS (SELECT 1 FROM intents
                        WHERE tenant_id = $1 AND link_id = $2 AND state = 'failed') AS failed",
                binds,
            )
            .await?;
        if row.get("skips")? {
            let ids = mirrors
                .iter()
                .map(|mirror| Bind::from(&mirror.remote_id))
                .collect();
            skips::forget(tx, link, ids).await?;
        }
        if row.get("held")? {
            let events = mirrors.iter().map(|mirror| mirror.event);
            let events = events
                .chain(drops.iter().copied())
                .map(Bind::from)
                .collect();
            held::let_go(tx, link, events).await?;
        }
        if row.get("failed")? {
            let set: Vec<EventId> = mirrors.iter().map(|mirror| mirror.event).collect();
            let known = mirrors::by_events(tx, link, &set).await?;
            // A listing of everything sets many a mirror to what it was.
            let is_news = |mirror: &&Mirror| {
                let known = known.iter().find(|known| known.event == mirror.event);
                known.is_none_or(|known| known.raw != mirror.raw)
            };
            let events = mirrors.iter().filter(is_news).map(|mirror| mirror.event);
            let events = events.chain(drops.iter().copied()).map(Bind::from);
            intents::try_again(tx, link, events.collect(), self.at).await?;
        }
        applied.dropped = mirrors::drop_many(tx, link, &drops).await?;
        mirrors::set(tx, link, self.held.generation, mirrors).await
    }

    /// This link owes events itself. It is not made due: the run that says so pushes before it ends.
    async fn push(
        &self,
        tx: &mut Tx,
        pushes: Vec<(EventId, Reason)>,
        first: i64,
    ) -> Result<(), StoreError> {
        let debts: Vec<Debt> = (first..)
            .zip(pushes)
            .map(|(stamp, (event, reason))| Debt {
                event,
                stamp,
                reason,
            })
            .collect();
        outbox::owe(tx, self.lease.link, &debts, &self.owed()).await
    }

    fn owed(&self) -> Owed {
        Owed {
            run: Some(self.run),
            at: self.at,
        }
    }

    fn cause(&self, reason: Reason) -> Cause {
        Cause {
            actor: Actor::Sync {
                link: self.lease.link,
                run: self.run,
            },
            reason: reason.word().replace('_', " "),
        }
    }
}
