//! `POST /api/calendar/sync/`: links a calendar where it is not linked yet, and runs the sync.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use kalends_calendar::ids::LinkId;
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{Access, RemoteCalendar};
use kalends_calendar::rules::{ConflictPolicy, Detail};
use kalends_engine::report::Counts;
use kalends_engine::worker::run_until;
use kalends_engine::{Silent, claim};
use kalends_store::connections::{self, Connection, ConnectionState, RetryReason};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::leases::Leased;
use kalends_store::links::{self, LinkState};
use kalends_store::runs::{self, Run, RunState};
use kalends_store::{Tx, remote_calendars, skips, tenants};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::disconnect::credential;
use super::links::{own_calendar, told as told_of_link};
use crate::api::door::{Asks, Gate, Tending};
use crate::api::error::{Answer, ApiError};
use crate::api::input::Body;
use crate::api::output::Reply;
use crate::connecting::DEFAULT_CALENDAR;
use crate::linking::{self, How, LinkError, Making, Side};

/// How long a request waits for its run.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How often it looks whether the run has ended that another node has under way.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which account, and which of its calendars.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SyncWanted")]
pub(crate) struct Wanted {
    /// The id of the connection.
    #[schemars(with = "String")]
    credential_id: Value,
    /// The provider's id of the calendar; the primary one if missing.
    #[serde(default)]
    calendar_id: Option<String>,
    /// The first day that is imported when the calendar is linked for the first time, in the calendar's zone. What lies wholly
    /// before is left there until it changes. A calendar that is linked already goes on as it was made.
    #[serde(default)]
    start_date: Option<String>,
    /// The last day, in the same way.
    #[serde(default)]
    end_date: Option<String>,
}

/// What came of a run.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Synced {
    success: bool,
    /// The id of the run.
    sync_id: String,
    /// `succeeded`, `running` where it still goes on, or `waiting` where it goes on by itself when the provider's quota allows.
    status: &'static str,
    created: usize,
    updated: usize,
    deleted: usize,
    pushed: usize,
    conflicts: usize,
    /// Events that this run left where they are because they lie wholly outside the dates of the first import.
    outside: usize,
    /// Items that could not be handled, and why.
    skipped: Vec<Skipped>,
    /// The link that was synced.
    link_id: String,
}

/// An item that could not be handled.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Skipped {
    /// Its id at the provider.
    item: String,
    error: String,
}

pub(crate) async fn sync(
    gate: Gate<Tending>,
    Body(wanted): Body<Wanted>,
) -> Answer<Reply<Synced, 200, 202>> {
    let id = credential(&wanted.credential_id)?;
    let bounds = bounds(wanted.start_date.as_deref(), wanted.end_date.as_deref())?;
    let mut tx = gate.begin().await?;
    // Of two who sync a calendar for the first time at once, one links it.
    tenants::lock(&mut tx).await?;
    let connection = connections::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("credential"))?;
    gate.require_own(connection.owner)?;
    if connection.state == ConnectionState::ReconnectNeeded {
        return Err(reconnect(connection.problem));
    }
    let remote = remote(&mut tx, &connection, wanted.calendar_id.as_deref()).await?;
    let known = links::list(&mut tx)
        .await?
        .into_iter()
        .find(|link| link.connection == connection.id && link.remote_calendar.0 == remote.id.0);
    let link = match known {
        Some(link) if link.state == LinkState::Paused => {
            return Err(paused());
        }
        Some(link) => link.id,
        None => linked(&gate, &mut tx, &connection, &remote, bounds).await?,
    };
    tx.commit().await?;
    run(&gate, link).await
}

pub(super) fn reconnect(problem: Option<String>) -> ApiError {
    ApiError::conflict(
        "reconnect_required",
        problem.unwrap_or_else(|| "This account must be connected again.".to_owned()),
    )
}

/// Runs a link now, and tells what came of it, or that it goes on.
pub(super) async fn run<A: Asks>(gate: &Gate<A>, link: LinkId) -> Answer<Reply<Synced, 200, 202>> {
    let mut tx = gate.begin().await?;
    gate.audit(&mut tx, "link.sync", format!("link {link}"), json!({}))
        .await?;
    tx.commit().await?;
    let began = gate.api().now();
    let clock = Arc::clone(gate.api().clock());
    tokio::select! {
        ended = ends(gate, link, began) => if let Err(error) = ended {
            in_the_way(&mut gate.read().await?, link).await?;
            return Err(error);
        },
        () = clock.sleep(WAIT_MAX) => {}
    }
    told(gate, link, began).await
}

/// Until a run has ended that was not over when we came: ours, or that of another who has the link, whose end is ours.
///
/// Another may have its run behind it and not yet given the link back, or have died over it, and of one account only so many
/// runs go on at once: then ours begins as soon as it may.
async fn ends<A: Asks>(gate: &Gate<A>, link: LinkId, began: Timestamp) -> Answer<()> {
    let mut is_held = false;
    loop {
        if !is_held && let Some(leased) = claim(gate.engine(), gate.tenant(), link).await? {
            return run_here(gate, leased).await;
        }
        gate.api().clock().sleep(LOOK_EVERY).await;
        in_the_way(&mut gate.read().await?, link).await?;
        let last;
        (last, is_held) = last_run(gate, link).await?;
        let ended_at = last.and_then(|run| run.finished_at);
        if ended_at.is_some_and(|at| at >= began) {
            return Ok(());
        }
    }
}

/// The run goes on when the request is over, unless this node stops: then the link is given back before it ends.
async fn run_here<A: Asks>(gate: &Gate<A>, leased: Leased) -> Answer<()> {
    let engine = gate.engine().clone();
    let stopping = gate.api().stopping();
    let going = async move { run_until(&engine, leased, &Silent, stopping).await };
    let run = gate.api().lasting().spawn(going);
    match run.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(error) => Err(ApiError::internal(error)),
    }
}

/// Makes sure that nothing stands in the way of a link's runs: the tenant lost the feature, the account was disconnected, the link
/// paused. A run that this cut off says only that it did not end.
async fn in_the_way(tx: &mut Tx, link: LinkId) -> Answer<()> {
    features::require(tx, CALENDAR_SYNC).await?;
    let link = links::get(tx, link)
        .await?
        .ok_or_else(|| ApiError::not_found("link"))?;
    // An account that is leaving is none any more.
    connections::get(tx, link.connection)
        .await?
        .ok_or_else(|| ApiError::not_found("credential"))?;
    match link.state {
        LinkState::Active => Ok(()),
        LinkState::Paused => Err(paused()),
    }
}

pub(super) fn paused() -> ApiError {
    ApiError::conflict("link_paused", "The link is paused; resume it first.")
}

/// The last run of the link, and whether somebody has the link now.
async fn last_run<A: Asks>(gate: &Gate<A>, link: LinkId) -> Answer<(Option<Run>, bool)> {
    let mut tx = gate.read().await?;
    let last = runs::list(&mut tx, link, 1).await?.into_iter().next();
    let found = links::get(&mut tx, link).await?;
    let now = gate.api().now();
    let is_held = found.is_some_and(|link| link.lease_until.is_some_and(|until| until > now));
    Ok((last, is_held))
}

async fn told<A: Asks>(
    gate: &Gate<A>,
    link: LinkId,
    began: Timestamp,
) -> Answer<Reply<Synced, 200, 202>> {
    let (last, is_held) = last_run(gate, link).await?;
    let is_news = |run: &Run| run.finished_at.map_or(is_held, |at| at >= began);
    let mut tx = gate.read().await?;
    let news = last.filter(is_news);
    if news.as_ref().is_none_or(|run| run.state != RunState::Done) {
        in_the_way(&mut tx, link).await?;
    }
    let Some(run) = news else {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "The link could not be run now; try again.",
        ));
    };
    let skipped = skips::list(&mut tx, link).await?;
    let skipped = skipped
        .into_iter()
        .map(|skip| Skipped {
            item: skip.remote_id.0,
            error: skip.error,
        })
        .collect();
    match run.state {
        RunState::Running => Ok(Reply::other(synced(&run, "running", skipped))),
        RunState::Done => Ok(Reply::new(synced(&run, "succeeded", skipped))),
        RunState::Failed => {
            let connection = match links::get(&mut tx, link).await? {
                Some(link) => connections::get(&mut tx, link.connection).await?,
                None => None,
            };
            let is_dead =
                |connection: &Connection| connection.state == ConnectionState::ReconnectNeeded;
            if let Some(connection) = connection {
                if is_dead(&connection) {
                    return Err(reconnect(connection.problem));
                }
                let now = gate.api().now();
                let waits = connection.retry_at.is_some_and(|until| now < until);
                if waits && connection.retry_reason == Some(RetryReason::Budget) {
                    return Ok(Reply::other(synced(&run, "waiting", skipped)));
                }
            }
            let error = run.error.unwrap_or_default();
            Err(
                ApiError::new(StatusCode::BAD_GATEWAY, "provider_error", error)
                    .with("sync_id", run.id.to_string()),
            )
        }
    }
}

fn synced(run: &Run, status: &'static str, skipped: Vec<Skipped>) -> Synced {
    let counts: Counts = serde_json::from_value(run.counts.clone()).unwrap_or_default();
    Synced {
        success: true,
        sync_id: run.id.to_string(),
        status,
        created: counts.created,
        updated: counts.updated,
        deleted: counts.deleted,
        pushed: counts.pushed,
        conflicts: counts.conflicts,
        outside: counts.outside,
        skipped,
        link_id: run.link.to_string(),
    }
}

/// The calendar of this id; without one the account's own, else the first that can be written, else the first.
async fn remote(
    tx: &mut Tx,
    connection: &Connection,
    wanted: Option<&str>,
) -> Answer<RemoteCalendar> {
    let all = remote_calendars::list(tx, connection.id).await?;
    let own = connection.settings[DEFAULT_CALENDAR].as_str();
    let wanted = wanted.or(own.filter(|own| all.iter().any(|calendar| calendar.id.0 == *own)));
    let is_it = |calendar: &&RemoteCalendar| match wanted {
        Some(id) => calendar.id.0 == id,
        None => calendar.access == Access::ReadWrite,
    };
    let has_events = |calendar: &&RemoteCalendar| calendar.access != Access::FreeBusy;
    let first = all.iter().find(has_events).or(all.first());
    let first = first.filter(|_| wanted.is_none());
    let found = all.iter().find(is_it).or(first).cloned();
    found.ok_or_else(|| ApiError::not_found("calendar"))
}

async fn linked(
    gate: &Gate<Tending>,
    tx: &mut Tx,
    connection: &Connection,
    remote: &RemoteCalendar,
    bounds: ImportBounds,
) -> Answer<LinkId> {
    let making = Making {
        ids: gate.api().ids().as_ref(),
        at: gate.api().now(),
    };
    let calendar = own_calendar(gate, tx, connection, remote, making).await?;
    let how = How {
        direction: None,
        detail: Detail::Full,
        conflict_policy: ConflictPolicy::Newest,
        bounds,
    };
    let link = linking::link(tx, &calendar, connection, remote, how, making)
        .await
        .map_err(unlinked)?;
    let made = links::get(tx, link.id).await?;
    let made = made.ok_or_else(|| ApiError::not_found("link"))?;
    let detail = told_of_link(tx, &made, connection).await?;
    gate.audit(tx, "link.create", format!("link {}", link.id), detail)
        .await?;
    Ok(link.id)
}

pub(super) fn unlinked(error: LinkError) -> ApiError {
    match error {
        LinkError::ReadOnly(_) => ApiError::field("direction", &error),
        LinkError::FreeBusyOnly(_) => ApiError::conflict("free_busy_only", error.to_string()),
        LinkError::Already { .. } => ApiError::conflict("taken", error.to_string()),
        LinkError::Store(error) => error.into(),
    }
}

/// The days that bound a first import; 400 naming the one that makes no sense.
pub(super) fn bounds(from: Option<&str>, to: Option<&str>) -> Answer<ImportBounds> {
    linking::bounds(from, to).map_err(|(side, problem)| {
        let field = match side {
            Side::First => "start_date",
            Side::Last => "end_date",
        };
        ApiError::field(field, problem)
    })
}
