//! `/api/calendar/links/`: what keeps a calendar and a remote one in step.

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use kalends_calendar::ids::{CalendarId, ConnectionId, LinkId};
use kalends_calendar::provider::RemoteCalendar;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_engine::report::Counts;
use kalends_engine::{Planned, Silent, dry_run};
use kalends_store::calendars::Calendar;
use kalends_store::connections::{self, Connection, RetryReason};
use kalends_store::links::{self, DueReason, Link, LinkSettings, LinkState};
use kalends_store::runs::{self, Run, RunState};
use kalends_store::{
    Tx, calendars, held, intents, mirrors, outside, remote_calendars, skips, tenants,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::doubles::{self, Double};
use super::sync::{Synced, bounds, run, unlinked};
use crate::api::door::{Api, Asks, Gate, Reading, Tending};
use crate::api::error::{Answer, ApiError};
use crate::api::input::{Body, Id, Params, name};
use crate::api::output::Reply;
use crate::api::words;
use crate::linking::{self, How, Making};
use crate::push::{self, Push};

/// A link to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLink {
    connection_id: String,
    /// The provider's id of the calendar.
    remote_calendar_id: String,
    /// The tenant's calendar; one of the remote calendar's name, made if there is none, if missing.
    #[serde(default)]
    calendar_id: Option<String>,
    /// The name of a calendar that is made for it, which no other may have. Not together with `calendar_id`.
    #[serde(default)]
    new_calendar: Option<String>,
    /// Which way; both ways if missing, or `pull` where the remote calendar cannot be written.
    #[serde(default)]
    #[schemars(with = "Option<words::Direction>")]
    direction: Option<Direction>,
    /// How much; `full` if missing.
    #[serde(default)]
    #[schemars(with = "Option<words::Detail>")]
    detail: Option<Detail>,
    /// Who wins; `newest` if missing.
    #[serde(default)]
    #[schemars(with = "Option<words::ConflictPolicy>")]
    conflict_policy: Option<ConflictPolicy>,
    /// The first day that is imported, in the calendar's zone; from the beginning if missing. What lies wholly before is left
    /// there until it changes.
    #[serde(default)]
    start_date: Option<String>,
    /// The last day that is imported, in the same way.
    #[serde(default)]
    end_date: Option<String>,
    /// `paused`: it rests until it is resumed, so that a dry run can tell before what it would do; `active` if missing.
    #[serde(default)]
    #[schemars(with = "Option<words::LinkState>")]
    state: Option<LinkState>,
}

/// What is to change of a link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LinkChange")]
pub(crate) struct Change {
    #[serde(default)]
    #[schemars(with = "Option<words::Direction>")]
    direction: Option<Direction>,
    #[serde(default)]
    #[schemars(with = "Option<words::Detail>")]
    detail: Option<Detail>,
    #[serde(default)]
    #[schemars(with = "Option<words::ConflictPolicy>")]
    conflict_policy: Option<ConflictPolicy>,
    /// `paused` lets it rest.
    #[serde(default)]
    #[schemars(with = "Option<words::LinkState>")]
    state: Option<LinkState>,
    /// What to do with deletions that were held because they were many: true carries them out, false keeps the events.
    #[serde(default)]
    confirm_deletions: Option<bool>,
}

/// A link.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Link")]
pub(crate) struct Shown {
    id: String,
    connection_id: String,
    remote_calendar_id: String,
    calendar_id: String,
    #[schemars(with = "words::Direction")]
    direction: Direction,
    #[schemars(with = "words::Detail")]
    detail: Detail,
    #[schemars(with = "words::ConflictPolicy")]
    conflict_policy: ConflictPolicy,
    /// The first day that it imported when it was made, where it was bound.
    #[schemars(with = "Option<String>")]
    start_date: Option<Date>,
    /// The last one.
    #[schemars(with = "Option<String>")]
    end_date: Option<Date>,
    #[schemars(with = "words::LinkState")]
    state: LinkState,
    /// Whether a run is under way.
    syncing: bool,
    #[schemars(with = "Option<words::Instant>")]
    last_success_at: Option<Timestamp>,
    #[schemars(with = "Option<words::Instant>")]
    next_run_at: Option<Timestamp>,
    /// Why and until when it rests, if it does.
    waiting: Option<Waiting>,
    /// How often it failed since it last succeeded.
    failures: i64,
    /// What is wrong with it, for people.
    problem: Option<String>,
    /// Writes that the remote side is owed.
    owed: i64,
    /// Deletions that wait for a person's word.
    held_deletions: usize,
    /// Items that could not be handled.
    skipped: usize,
    /// Of the owed writes those that the provider refused. They are sent again when their events change.
    refused: usize,
    /// Remote events that lie outside its dates and are left where they are.
    outside: i64,
    /// Events that stand on both sides.
    events: i64,
    /// The last run, if there was one.
    last_run: Option<LastRun>,
    /// Whether the provider says when something changes.
    push: Push,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
}

/// What woke a link last, and what came of it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LastRun {
    #[schemars(with = "words::Waking")]
    woken_by: DueReason,
    #[schemars(with = "words::RunState")]
    state: RunState,
    #[schemars(with = "words::Instant")]
    started_at: Timestamp,
    #[schemars(with = "Option<words::Instant>")]
    finished_at: Option<Timestamp>,
    /// Events made here.
    created: usize,
    /// Events changed here.
    updated: usize,
    /// Events deleted here.
    deleted: usize,
    /// Writes to the remote side.
    pushed: usize,
}

/// A link that rests for a while. Nothing is wrong with it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Waiting {
    /// `quota`: the account was asked as much as its provider allows; `provider`: the provider asked to be left alone.
    #[serde(rename = "for")]
    reason: &'static str,
    #[schemars(with = "words::Instant")]
    until: Timestamp,
}

/// The tenant's links.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Links {
    success: bool,
    links: Vec<Shown>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LinkAnswer")]
pub(crate) struct One {
    success: bool,
    link: Shown,
}

/// How to sync.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct HowToSync {
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// What came of it: of a dry run the plan, else the run.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "SyncAnswer")]
pub(crate) enum Came {
    /// A dry run.
    Plan(Plan),
    /// A run.
    Run(Synced),
}

/// What a run would do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SyncPlan")]
pub(crate) struct Plan {
    success: bool,
    /// Always `planned`.
    status: &'static str,
    /// One entry for each event that something would happen to, on either side.
    #[schemars(with = "Vec<Value>")]
    plan: Vec<Planned>,
    /// Events that would come in beside one of the same title and time, which is there already.
    doubles: Vec<Double>,
}

/// What a link that is only thought of would do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LinkPreview")]
pub(crate) struct Preview {
    #[serde(flatten)]
    plan: Plan,
    /// Into which calendar.
    calendar: LinkedCalendar,
}

/// A calendar of the tenant's own, which may not be there yet.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LinkedCalendar {
    /// Null where it would be made.
    calendar_id: Option<String>,
    name: String,
}

pub(crate) async fn list(gate: Gate<Reading>) -> Answer<Json<Links>> {
    let mut tx = gate.read().await?;
    let mut shown_links = Vec::new();
    for link in links::list(&mut tx).await? {
        shown_links.push(shown(gate.api(), &mut tx, link).await?);
    }
    Ok(Json(Links {
        success: true,
        links: shown_links,
    }))
}

pub(crate) async fn show(gate: Gate<Reading>, Id(id): Id<LinkId>) -> Answer<Json<One>> {
    let mut tx = gate.read().await?;
    let link = get(&mut tx, id).await?;
    one(gate.api(), &mut tx, link).await
}

pub(crate) async fn make(gate: Gate<Tending>, Body(new): Body<NewLink>) -> Answer<Reply<One, 201>> {
    let mut tx = gate.begin().await?;
    let (made, connection) = made(&gate, &mut tx, &new).await?;
    if let Some(state) = new.state {
        links::set_state(&mut tx, made, state, gate.api().now()).await?;
    }
    let link = get(&mut tx, made).await?;
    let detail = told(&mut tx, &link, &connection).await?;
    gate.audit(&mut tx, "link.create", format!("link {made}"), detail)
        .await?;
    let Json(answer) = one(gate.api(), &mut tx, link).await?;
    tx.commit().await?;
    Ok(Reply::new(answer))
}

/// What a link would do if it were made: nothing is written, here or there.
pub(crate) async fn preview(
    gate: Gate<Tending>,
    Body(new): Body<NewLink>,
) -> Answer<Json<Preview>> {
    let mut tx = gate.begin().await?;
    let (thought_of, connection) = made(&gate, &mut tx, &new).await?;
    let link = get(&mut tx, thought_of).await?;
    let calendar = calendars::get(&mut tx, link.calendar).await?;
    // It was never made.
    drop(tx);
    require_grant(connection)?;
    let mut tx = gate.read().await?;
    let is_new = calendars::get(&mut tx, link.calendar).await?.is_none();
    drop(tx);
    Ok(Json(Preview {
        calendar: LinkedCalendar {
            calendar_id: (!is_new).then(|| link.calendar.to_string()),
            name: calendar.map(|calendar| calendar.name).unwrap_or_default(),
        },
        plan: plan(&gate, link).await?,
    }))
}

/// Makes the link that is wanted, and its calendar where there is none yet.
async fn made(gate: &Gate<Tending>, tx: &mut Tx, new: &NewLink) -> Answer<(LinkId, Connection)> {
    let bounds = bounds(new.start_date.as_deref(), new.end_date.as_deref())?;
    tenants::lock(tx).await?;
    let connection = connection(gate, tx, &new.connection_id).await?;
    let remote = remote_calendars::list(tx, connection.id)
        .await?
        .into_iter()
        .find(|calendar| calendar.id.0 == new.remote_calendar_id)
        .ok_or_else(|| ApiError::not_found("remote calendar"))?;
    let making = Making {
        ids: gate.api().ids().as_ref(),
        at: gate.api().now(),
    };
    let calendar = match (&new.calendar_id, &new.new_calendar) {
        (Some(_), Some(_)) => {
            let problem = "not together with calendar_id";
            return Err(ApiError::field("new_calendar", problem));
        }
        (Some(id), None) => {
            let strange = || ApiError::not_found("calendar");
            let id: CalendarId = id.parse().map_err(|_| strange())?;
            calendars::get(tx, id).await?.ok_or_else(strange)?
        }
        (None, Some(wanted)) => {
            let wanted = name("new_calendar", wanted)?;
            let zone = gate.api().zone.id.clone();
            let color = remote.color.as_deref();
            let calendar = linking::calendar(tx, &wanted, color, zone, making).await?;
            tell_of_calendar(gate, tx, &calendar).await?;
            calendar
        }
        (None, None) => own_calendar(gate, tx, &connection, &remote, making).await?,
    };
    let how = How {
        direction: new.direction,
        detail: new.detail.unwrap_or(Detail::Full),
        conflict_policy: new.conflict_policy.unwrap_or(ConflictPolicy::Newest),
        bounds,
    };
    let made = linking::link(tx, &calendar, &connection, &remote, how, making)
        .await
        .map_err(unlinked)?;
    Ok((made.id, connection))
}

pub(crate) async fn change(
    gate: Gate<Tending>,
    Id(id): Id<LinkId>,
    Body(change): Body<Change>,
) -> Answer<Json<One>> {
    let now = gate.api().now();
    let mut tx = gate.begin().await?;
    let link = get(&mut tx, id).await?;
    let connection = connection(&gate, &mut tx, &link.connection.to_string()).await?;
    let mut detail = serde_json::Map::new();
    detail.insert(
        "before".to_owned(),
        told(&mut tx, &link, &connection).await?,
    );
    if change.direction.is_some() || change.detail.is_some() || change.conflict_policy.is_some() {
        let settings = settings(&mut tx, &link, &connection, &change).await?;
        links::update_settings(&mut tx, id, settings, now).await?;
        detail.insert("direction".to_owned(), json!(settings.direction));
        detail.insert("detail".to_owned(), json!(settings.detail));
        detail.insert(
            "conflict_policy".to_owned(),
            json!(settings.conflict_policy),
        );
    }
    if let Some(state) = change.state.filter(|state| *state != link.state) {
        links::set_state(&mut tx, id, state, now).await?;
        detail.insert("state".to_owned(), json!(state));
    }
    if let Some(yes) = change.confirm_deletions {
        let count = if yes {
            held::confirm(&mut tx, id, now).await?
        } else {
            held::refuse(&mut tx, id, now).await?
        };
        detail.insert("confirm_deletions".to_owned(), json!(yes));
        detail.insert("deletions".to_owned(), json!(count));
    }
    gate.audit(&mut tx, "link.update", format!("link {id}"), detail.into())
        .await?;
    let link = get(&mut tx, id).await?;
    let answer = one(gate.api(), &mut tx, link).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn settings(
    tx: &mut Tx,
    link: &Link,
    connection: &Connection,
    change: &Change,
) -> Answer<LinkSettings> {
    let direction = match change.direction {
        None => link.direction,
        Some(wanted) => {
            match remote_calendars::get(tx, connection.id, &link.remote_calendar).await? {
                Some(remote) => {
                    linking::direction(connection, &remote, Some(wanted)).map_err(unlinked)?
                }
                None => wanted,
            }
        }
    };
    Ok(LinkSettings {
        direction,
        detail: change.detail.unwrap_or(link.detail),
        conflict_policy: change.conflict_policy.unwrap_or(link.conflict_policy),
    })
}

pub(crate) async fn unlink(gate: Gate<Tending>, Id(id): Id<LinkId>) -> Answer<Json<Value>> {
    let mut tx = gate.begin().await?;
    let link = get(&mut tx, id).await?;
    let connection = connection(&gate, &mut tx, &link.connection.to_string()).await?;
    let mut detail = told(&mut tx, &link, &connection).await?;
    detail["owed"] = json!(intents::count(&mut tx, id).await?);
    links::delete(&mut tx, id, gate.api().now()).await?;
    gate.audit(&mut tx, "link.delete", format!("link {id}"), detail)
        .await?;
    tx.commit().await?;
    Ok(crate::api::error::done())
}

pub(crate) async fn sync(
    gate: Gate<Tending>,
    Id(id): Id<LinkId>,
    Params(how): Params<HowToSync>,
) -> Answer<Reply<Came, 200, 202>> {
    let mut tx = gate.read().await?;
    let link = get(&mut tx, id).await?;
    let connection = connection(&gate, &mut tx, &link.connection.to_string()).await?;
    drop(tx);
    require_grant(connection)?;
    if how.dry_run {
        return Ok(Reply::new(Came::Plan(plan(&gate, link).await?)));
    }
    if link.state == LinkState::Paused {
        return Err(super::sync::paused());
    }
    Ok(run(&gate, id).await?.map(Came::Run))
}

fn require_grant(connection: Connection) -> Answer<()> {
    if connection.state == connections::ConnectionState::ReconnectNeeded {
        return Err(super::sync::reconnect(connection.problem));
    }
    Ok(())
}

/// What a run would do.
async fn plan(gate: &Gate<Tending>, link: Link) -> Answer<Plan> {
    let calendar = link.calendar;
    let report = dry_run(gate.engine(), gate.tenant(), link, &Silent).await?;
    match report.outcome {
        kalends_engine::Outcome::Failed { error, .. } => Err(ApiError::new(
            StatusCode::BAD_GATEWAY,
            "provider_error",
            error,
        )),
        kalends_engine::Outcome::NeedsReconnect { error } => {
            Err(super::sync::reconnect(Some(error)))
        }
        kalends_engine::Outcome::Waiting { until } => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            format!(
                "The account was asked as much as its provider allows; try again after {until}."
            ),
        )),
        kalends_engine::Outcome::Succeeded | kalends_engine::Outcome::TakenOver => {
            let mut tx = gate.read().await?;
            Ok(Plan {
                success: true,
                status: "planned",
                doubles: doubles::find(&mut tx, calendar, &report.plan).await?,
                plan: report.plan,
            })
        }
    }
}

/// What the audit log is told of a link: what it links, and how.
pub(super) async fn told(tx: &mut Tx, link: &Link, connection: &Connection) -> Answer<Value> {
    let calendar = calendars::get(tx, link.calendar).await?;
    let remote = remote_calendars::get(tx, link.connection, &link.remote_calendar).await?;
    Ok(json!({
        "calendar": calendar.map(|calendar| calendar.name),
        "connection": connection.name,
        "remote": remote.map(|remote| remote.name),
        "remote_id": link.remote_calendar,
        "direction": link.direction,
        "detail": link.detail,
        "conflict_policy": link.conflict_policy,
        "state": link.state,
    }))
}

/// The calendar that a remote one is linked to where nobody says which.
pub(super) async fn own_calendar<A: Asks>(
    gate: &Gate<A>,
    tx: &mut Tx,
    connection: &Connection,
    remote: &RemoteCalendar,
    making: Making<'_>,
) -> Answer<Calendar> {
    let zone = &gate.api().zone.id;
    let (calendar, is_new) = linking::calendar_of(tx, connection, remote, zone, making).await?;
    if is_new {
        tell_of_calendar(gate, tx, &calendar).await?;
    }
    Ok(calendar)
}

async fn tell_of_calendar<A: Asks>(gate: &Gate<A>, tx: &mut Tx, calendar: &Calendar) -> Answer<()> {
    let object = format!("calendar {}", calendar.id);
    let detail = json!({ "name": calendar.name });
    Ok(gate.audit(tx, "calendar.create", object, detail).await?)
}

/// The account that a link is about, where the caller may look after it.
async fn connection<A: Asks>(gate: &Gate<A>, tx: &mut Tx, id: &str) -> Answer<Connection> {
    let strange = || ApiError::not_found("connection");
    let id: ConnectionId = id.parse().map_err(|_| strange())?;
    let connection = connections::get(tx, id).await?.ok_or_else(strange)?;
    gate.require_own(connection.owner)?;
    Ok(connection)
}

async fn get(tx: &mut Tx, id: LinkId) -> Answer<Link> {
    links::get(tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("link"))
}

async fn one(api: &Api, tx: &mut Tx, link: Link) -> Answer<Json<One>> {
    Ok(Json(One {
        success: true,
        link: shown(api, tx, link).await?,
    }))
}

fn waiting(connection: &Connection, now: Timestamp) -> Option<Waiting> {
    let until = connection.retry_at.filter(|until| now < *until)?;
    let reason = match connection.retry_reason {
        Some(RetryReason::Budget) => "quota",
        Some(RetryReason::Asked) | None => "provider",
    };
    Some(Waiting { reason, until })
}

fn last_run(run: &Run) -> LastRun {
    let counts: Counts = serde_json::from_value(run.counts.clone()).unwrap_or_default();
    LastRun {
        woken_by: run.reason,
        state: run.state,
        started_at: run.started_at,
        finished_at: run.finished_at,
        created: counts.created,
        updated: counts.updated,
        deleted: counts.deleted,
        pushed: counts.pushed,
    }
}

async fn shown(api: &Api, tx: &mut Tx, link: Link) -> Answer<Shown> {
    let connection = connections::get(tx, link.connection).await?;
    let push = push::of_link(tx, &link, connection.as_ref(), api.way_in(), api.now()).await?;
    let waiting = connection
        .as_ref()
        .and_then(|connection| waiting(connection, api.now()));
    let problem = match connection {
        Some(connection) if connection.problem.is_some() => connection.problem,
        _ => link.last_error,
    };
    Ok(Shown {
        id: link.id.to_string(),
        connection_id: link.connection.to_string(),
        remote_calendar_id: link.remote_calendar.0,
        calendar_id: link.calendar.to_string(),
        direction: link.direction,
        detail: link.detail,
        conflict_policy: link.conflict_policy,
        start_date: link.bounds.first_day,
        end_date: link.bounds.last_day,
        state: link.state,
        syncing: link.lease_until.is_some_and(|until| api.now() < until),
        last_success_at: link.last_success_at,
        next_run_at: link.due_at,
        waiting,
        failures: link.failures,
        problem,
        owed: intents::count(tx, link.id).await?,
        held_deletions: held::list(tx, link.id).await?.len(),
        skipped: skips::list(tx, link.id).await?.len(),
        refused: intents::failed(tx, link.id).await?.len(),
        outside: outside::count(tx, link.id).await?,
        events: mirrors::count(tx, link.id).await?,
        last_run: runs::list(tx, link.id, 1).await?.first().map(last_run),
        push,
        created_at: link.created_at,
    })
}
