//! Listings: page by page to the end. Where a listing of everything stands is kept with each page: whoever goes on after a
//! failure or a crash begins there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::RemoteId;
use kalends_calendar::provider::{Next, Part, Position};
use kalends_store::CursorMove;
use kalends_store::apply::Batch;
use kalends_store::listings::Place;

use crate::progress::Stage;
use crate::pull::{finish, take_page};
use crate::run::{Mode, Run};
use crate::take_in::submit;
use crate::{EngineError, reconcile};

/// More pages than any honest listing has: at a hundred events a page, a million events.
const PAGES_MAX: usize = 10_000;

/// A listing that takes longer is given up: the worker is there for other links too.
const LISTING_TIME_MAX: SignedDuration = SignedDuration::from_hours(6);

/// How old the place of a listing may be from which it goes on: providers do not say how long they know a page.
const PLACE_AGE_MAX: SignedDuration = SignedDuration::from_hours(6);

/// So long a place is kept with every page.
const PLACE_BYTES_SMALL: usize = 4_096;

/// A longer one (Graph's remembers series) is kept once in so many events: it must not cost more than they do.
const PLACE_EVERY: usize = 1_000;

/// Brings our side up to date.
pub(crate) async fn pull(run: &Run<'_>) -> Result<(), EngineError> {
    run.progress.stage(Stage::Listing);
    let position = reconcile::position(&run.link, run.engine.clock.now(), &run.engine.settings);
    let next = run.link.generation + 1;
    if position == Position::Start {
        return everything(run).await;
    }
    match listing(run, position, &mut Rest::new(next)).await {
        // Routine: the provider has forgotten what it told us. Everything is listed, nothing is lost.
        Err(EngineError::Provider(Failure {
            class: Class::CursorDead,
            ..
        })) => {
            if run.mode == Mode::Apply {
                // Whoever goes on with that listing shall not ask with the dead cursor first.
                let mut forget = Batch::new(run.id, run.engine.clock.now());
                forget.cursor = CursorMove::Clear;
                submit(run, forget).await?;
            }
            listing(run, Position::Start, &mut Rest::new(next + 1)).await
        }
        other => other,
    }
}

/// Lists everything, from where an earlier run stopped if the provider still knows that place.
async fn everything(run: &Run<'_>) -> Result<(), EngineError> {
    let next = run.link.generation + 1;
    let fresh = |place: &&Place| {
        let age = run.engine.clock.now().duration_since(place.at);
        age < PLACE_AGE_MAX && run.mode == Mode::Apply
    };
    let Some(place) = run.link.listing.as_ref().filter(fresh) else {
        return listing(run, Position::Start, &mut Rest::new(next)).await;
    };
    let mut rest = Rest::new(run.link.generation);
    rest.listed = usize::try_from(place.count).unwrap_or_default();
    match listing(run, Position::Page(place.page.clone()), &mut rest).await {
        // It is not about the page where it may work later, or where nobody can list anything.
        Err(EngineError::Provider(failure))
            if !rest.got_on
                && !matches!(
                    failure.class,
                    Class::Passing { .. } | Class::ReconnectNeeded | Class::AddressRefused
                ) =>
        {
            listing(run, Position::Start, &mut Rest::new(next)).await
        }
        other => other,
    }
}

/// What a listing leaves to be done once it is whole.
pub(crate) struct Rest {
    pub(crate) gone: BTreeSet<RemoteId>,
    /// How many events it has named, also in the runs before.
    pub(crate) listed: usize,
    /// How many that were when its place was kept last.
    kept_at: usize,
    pub(crate) generation: i64,
    /// Whether this run had a page of it.
    got_on: bool,
    /// What was named, where nothing may be written down.
    pub(crate) named: BTreeSet<RemoteId>,
    /// Parts of series, where nothing may be written down.
    pub(crate) parts: BTreeMap<(String, String), Part>,
}

impl Rest {
    fn new(generation: i64) -> Self {
        Self {
            gone: BTreeSet::new(),
            listed: 0,
            kept_at: 0,
            generation,
            got_on: false,
            named: BTreeSet::new(),
            parts: BTreeMap::new(),
        }
    }
}

async fn listing(run: &Run<'_>, from: Position, rest: &mut Rest) -> Result<(), EngineError> {
    // What changed since a cursor is short, and begins anew.
    let is_everything = !matches!(from, Position::Since(_));
    let mut position = from;
    let begun = run.engine.clock.now();
    for _ in 0..PAGES_MAX {
        if run.engine.clock.now().duration_since(begun) > LISTING_TIME_MAX {
            return Err(Failure::passing("the provider's listing takes too long").into());
        }
        run.within_budget()?;
        let page = run
            .holding(run.provider.changes(&run.link.remote_calendar, &position))
            .await??;
        run.tally(|report| report.counts.seen += page.changes.len());
        rest.got_on = true;
        take_page(run, page.changes, rest).await?;
        match page.next {
            Next::More(token) => {
                let place = Some(token.as_str()).filter(|_| is_everything);
                keep(run, page.parts, place, rest).await?;
                position = Position::Page(token);
            }
            Next::Done { cursor, coverage } => {
                keep(run, page.parts, None, rest).await?;
                return finish(run, rest, cursor, coverage).await;
            }
        }
    }
    Err(Failure::protocol("the provider's listing does not end").into())
}

/// Keeps what a page leaves for the end of its listing, and where that goes on.
async fn keep(
    run: &Run<'_>,
    parts: Vec<Part>,
    next: Option<&str>,
    rest: &mut Rest,
) -> Result<(), EngineError> {
    if run.mode == Mode::DryRun {
        rest.parts.extend(
            parts
                .into_iter()
                .map(|part| ((part.series.clone(), part.id.clone()), part)),
        );
        return Ok(());
    }
    let worth_it = |token: &&str| {
        token.len() <= PLACE_BYTES_SMALL || rest.listed - rest.kept_at >= PLACE_EVERY
    };
    let place = next.filter(worth_it).map(|token| Place {
        page: token.to_owned(),
        count: i64::try_from(rest.listed).unwrap_or(i64::MAX),
        at: run.engine.clock.now(),
    });
    if place.is_some() {
        rest.kept_at = rest.listed;
    }
    let mut batch = Batch::new(run.id, run.engine.clock.now());
    batch.generation = Some(rest.generation);
    batch.parts = parts;
    batch.place = place;
    submit(run, batch).await
}
