//! `/api/calendar/events/`: events as JSCalendar (RFC 8984), their history, and single occurrences.

use axum::Json;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use kalends_calendar::event::{Event, RecurrenceId};
use kalends_calendar::ids::{CalendarId, EventId, Uid};
use kalends_calendar::jscalendar::{self, JsError};
use kalends_calendar::revision::{Cause, Revision};
use kalends_calendar::series::{self, SeriesError};
use kalends_engine::edits;
use kalends_store::events::{self, PageKey, StoredEvent, Window};
use kalends_store::{Tx, calendars, tenants};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::occurrences::{Expanded, OCCURRENCES_MAX, Shown as Occurrence, Unexpanded, expand};
use super::trace::{self, Written};
use crate::api::door::{Gate, Reading, Tending};
use crate::api::error::{Answer, ApiError};
use crate::api::input::{Body, Id, Params};
use crate::api::output::{Reply, etag};
use crate::api::paging::{self, PAGE, PAGE_MAX, cut, limit};
use crate::api::words;

/// How many occurrences a page holds where nobody says.
const OCCURRENCES: i64 = 1_000;
/// The longest stretch of time that one page expands.
const EXPANDED_YEARS_MAX: i64 = 2;
/// The most events that are expanded for one page.
const EXPANDED_EVENTS_MAX: i64 = 10_000;

/// Which events.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "EventsWanted")]
pub(crate) struct Wanted {
    /// Only what happens after this.
    #[serde(default)]
    #[schemars(with = "Option<words::Instant>")]
    from: Option<Timestamp>,
    /// Only what happens before this.
    #[serde(default)]
    #[schemars(with = "Option<words::Instant>")]
    to: Option<Timestamp>,
    /// Single occurrences instead of whole series; needs `from` and `to`.
    #[serde(default)]
    expand: bool,
    /// At most so many.
    #[serde(default)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// A page of events, or of occurrences.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Page {
    success: bool,
    /// Whole events, in the order of their starts; missing where occurrences were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<Shown>>,
    /// Occurrences, in the order of their starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrences: Option<Vec<Occurrence>>,
    /// Events that could not be expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<Unexpanded>>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// An event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct Shown {
    id: String,
    calendar_id: String,
    /// Its version, which is also its `ETag`.
    version: i64,
    deleted: bool,
    #[schemars(with = "words::Instant")]
    updated_at: Timestamp,
    /// As JSCalendar; null when deleted.
    #[schemars(with = "Option<words::JsEvent>")]
    event: Option<Value>,
}

/// One event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventAnswer")]
pub(crate) struct One {
    success: bool,
    #[serde(flatten)]
    event: Shown,
    /// With `scope=following`: the series that begins at the occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    following: Option<Shown>,
}

/// Which occurrence, and how much of the series with it. A misspelt one is not taken for the whole series.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// The occurrence that the rules put at this wall-clock time (a date of all-day series); the whole event if missing.
    #[serde(default)]
    recurrence_id: Option<String>,
    /// With `recurrence_id`: that one alone (as if missing), it and all that follow, or all.
    #[serde(default)]
    scope: Option<Scope>,
}

/// How much of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// The occurrence alone.
    This,
    /// It and all that follow.
    Following,
    /// The whole series.
    All,
}

/// Which page of a history.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "HistoryWanted")]
pub(crate) struct Since {
    /// At most so many versions (1000).
    #[serde(default)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// The versions of an event, the first one first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct History {
    success: bool,
    id: String,
    versions: Vec<VersionShown>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// A version of an event.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VersionShown {
    version: i64,
    deleted: bool,
    #[schemars(with = "words::Instant")]
    at: Timestamp,
    /// Who and why.
    #[schemars(with = "Value")]
    cause: Cause,
    /// As JSCalendar; null for a deletion.
    #[schemars(with = "Option<words::JsEvent>")]
    event: Option<Value>,
    /// Where this version was written to.
    written: Vec<Written>,
}

/// Which version is to come back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    version: i64,
}

pub(crate) async fn list(
    gate: Gate<Reading>,
    Id(id): Id<CalendarId>,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Page>> {
    if let (Some(from), Some(to)) = (wanted.from, wanted.to)
        && from >= to
    {
        return Err(ApiError::field("to", "it lies before `from`"));
    }
    let mut tx = gate.read().await?;
    let calendar = calendars::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("calendar"))?;
    if wanted.expand {
        return expanded(tx, calendar, &wanted).await;
    }
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    let after = wanted.cursor.as_deref().map(key).transpose()?;
    let window = Window {
        from: wanted.from,
        to: wanted.to,
    };
    let page = events::list_range(&mut tx, Some(id), window, after, limit).await?;
    Ok(Json(Page {
        success: true,
        events: Some(page.events.iter().map(shown).collect()),
        occurrences: None,
        problems: None,
        next_cursor: page
            .next
            .map(|key| format!("{}.{}", key.starts_at.as_microsecond(), key.id)),
    }))
}

fn key(cursor: &str) -> Answer<PageKey> {
    let read = || {
        let (micros, id) = cursor.split_once('.')?;
        Some(PageKey {
            starts_at: Timestamp::from_microsecond(micros.parse().ok()?).ok()?,
            id: id.parse().ok()?,
        })
    };
    read().ok_or_else(paging::strange)
}

/// A page of occurrences. It ends after two years or as many as were asked for, whichever is first.
async fn expanded(
    mut tx: Tx,
    calendar: calendars::Calendar,
    wanted: &Wanted,
) -> Answer<Json<Page>> {
    let most = i64::try_from(OCCURRENCES_MAX).unwrap_or(i64::MAX);
    let limit = limit(wanted.limit, OCCURRENCES, most)?;
    let limit = usize::try_from(limit).unwrap_or(OCCURRENCES_MAX);
    let from = wanted
        .from
        .ok_or_else(|| ApiError::field("from", "with `expand`, from when on?"))?;
    let to = wanted
        .to
        .ok_or_else(|| ApiError::field("to", "with `expand`, up to when?"))?;
    let (begin, skip) = match wanted.cursor.as_deref() {
        Some(cursor) => resume(cursor)?,
        None => (Timestamp::MIN, 0),
    };
    // What begins before the cursor was on an earlier page; what has ended before `from` is on none.
    let from = from.max(begin);
    let end = from
        .to_zoned(TimeZone::UTC)
        .checked_add(Span::new().years(EXPANDED_YEARS_MAX))
        .map_or(Timestamp::MAX, |end| end.timestamp())
        .min(to);
    if from >= end {
        return Err(ApiError::field("cursor", "it lies behind `to`"));
    }
    let window = Window {
        from: Some(from),
        to: Some(end),
    };
    let id = Some(calendar.id);
    let found = events::list_range(&mut tx, id, window, None, EXPANDED_EVENTS_MAX).await?;
    drop(tx);
    if found.next.is_some() {
        let problem = "too many events lie in that time; ask for less of it";
        return Err(ApiError::field("to", problem));
    }
    let work = move || as_much_as_fits(&found.events, &calendar, from, end);
    let worked = tokio::task::spawn_blocking(work).await;
    let Some(((mut all, problems), end)) = worked.map_err(ApiError::internal)? else {
        let problem = "too much happens in that time";
        return Err(ApiError::field("from", problem));
    };
    all.retain(|one| one.starts_at >= begin);
    all.drain(..skip.min(all.len()));
    let next = match all.get(limit) {
        Some(first) => {
            let at = first.starts_at;
            let same = all[..limit]
                .iter()
                .filter(|one| one.starts_at == at)
                .count();
            let before = if at == begin { skip } else { 0 };
            Some(format!("{}.{}", at.as_microsecond(), same + before))
        }
        None if end < to => Some(format!("{}.0", end.as_microsecond())),
        None => None,
    };
    all.truncate(limit);
    Ok(Json(Page {
        success: true,
        events: None,
        occurrences: Some(all),
        problems: Some(problems),
        next_cursor: next,
    }))
}

/// The occurrences up to an end, or up to an earlier one where there are too many; and up to which. None if even an hour
/// holds too many.
fn as_much_as_fits(
    found: &[StoredEvent],
    calendar: &calendars::Calendar,
    from: Timestamp,
    mut end: Timestamp,
) -> Option<(Expanded, Timestamp)> {
    loop {
        if let Some(expanded) = expand(found, std::slice::from_ref(calendar), (from, end)) {
            return Some((expanded, end));
        }
        let half = SignedDuration::from_secs(end.duration_since(from).as_secs() / 2);
        if half < SignedDuration::from_hours(1) {
            return None;
        }
        end = from.checked_add(half).ok()?;
    }
}

/// From when on, and how many that begin then were shown already.
fn resume(cursor: &str) -> Answer<(Timestamp, usize)> {
    let read = || {
        let (micros, skip) = cursor.split_once('.')?;
        let at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
        Some((at, skip.parse().ok()?))
    };
    read().ok_or_else(paging::strange)
}

pub(crate) async fn show(
    gate: Gate<Reading>,
    Id(id): Id<EventId>,
    Params(part): Params<Part>,
) -> Answer<Reply<One, 200>> {
    let mut tx = gate.read().await?;
    let stored = get(&mut tx, id).await?;
    let mut found = shown(&stored);
    if let Some(text) = &part.recurrence_id {
        let body = stored.body.as_ref().ok_or_else(|| deleted(id))?;
        let occurrence = recurrence_id(text)?;
        series::check_occurrence(body, occurrence).map_err(|error| split(&error))?;
        let event = jscalendar::occurrence_to_json(body, occurrence);
        let event = event.map_err(|error| split(&error))?;
        found.event = Some(event);
    }
    Ok(one(found, None))
}

pub(crate) async fn make(
    gate: Gate<Tending>,
    Id(calendar): Id<CalendarId>,
    Body(new): Body<words::JsObject>,
) -> Answer<Reply<One, 201>> {
    let uid = || Uid(gate.api().ids().next().to_string());
    let mut event = jscalendar::from_json(&Value::Object(new.0), uid).map_err(field)?;
    let now = gate.api().now();
    event.created = event.created.or(Some(now));
    event.updated = Some(now);
    let mut tx = gate.begin().await?;
    calendars::get(&mut tx, calendar)
        .await?
        .ok_or_else(|| ApiError::not_found("calendar"))?;
    let made = edits::create_in(gate.engine(), &mut tx, calendar, &event, gate.editor()).await?;
    audited(&gate, &mut tx, "event.create", made, Revision(1)).await?;
    let stored = get(&mut tx, made).await?;
    tx.commit().await?;
    Ok(one(shown(&stored), None))
}

pub(crate) async fn change(
    gate: Gate<Tending>,
    Id(id): Id<EventId>,
    Params(part): Params<Part>,
    headers: HeaderMap,
    Body(change): Body<words::JsObject>,
) -> Answer<Reply<One, 200>> {
    let mut tx = gate.begin().await?;
    let (stored, body) = editable(&mut tx, id, &headers).await?;
    let now = gate.api().now();
    let (event, following) = match target(&part, &body)? {
        None => (jscalendar::patch(&body, &change.0).map_err(field)?, None),
        Some((Scope::This, occurrence)) => {
            let event =
                jscalendar::patch_occurrence(&body, occurrence, &change.0).map_err(field)?;
            (event, None)
        }
        Some((_, occurrence)) => {
            let uid = Uid(gate.api().ids().next().to_string());
            let (before, after) =
                series::split(&body, occurrence, uid).map_err(|error| split(&error))?;
            let after = jscalendar::patch(&after, &change.0).map_err(field)?;
            (before, Some(after))
        }
    };
    let (action, revision) = revised(&gate, &mut tx, &stored, &body, event, now).await?;
    audited(&gate, &mut tx, action, id, revision).await?;
    let following = match following {
        None => None,
        Some(mut event) => {
            event.updated = Some(now);
            let made = edits::create_in(
                gate.engine(),
                &mut tx,
                stored.calendar,
                &event,
                gate.editor(),
            )
            .await?;
            audited(&gate, &mut tx, "event.create", made, Revision(1)).await?;
            Some(shown(&get(&mut tx, made).await?))
        }
    };
    let stored = get(&mut tx, id).await?;
    tx.commit().await?;
    Ok(one(shown(&stored), following))
}

pub(crate) async fn delete(
    gate: Gate<Tending>,
    Id(id): Id<EventId>,
    Params(part): Params<Part>,
    headers: HeaderMap,
) -> Answer<Reply<One, 200>> {
    let mut tx = gate.begin().await?;
    let (stored, body) = editable(&mut tx, id, &headers).await?;
    let now = gate.api().now();
    let left = match target(&part, &body)? {
        None => None,
        Some((Scope::This, occurrence)) => match series::exclude(&body, occurrence) {
            Ok(left) => Some(left),
            Err(SeriesError::NothingLeft) => None,
            Err(error) => return Err(split(&error)),
        },
        Some((_, occurrence)) => {
            Some(series::truncate(&body, occurrence).map_err(|error| split(&error))?)
        }
    };
    let (action, revision) = match left {
        None => {
            let editor = gate.editor();
            let deleted =
                edits::delete_in(gate.engine(), &mut tx, id, stored.revision, editor).await?;
            ("event.delete", deleted)
        }
        Some(event) => revised(&gate, &mut tx, &stored, &body, event, now).await?,
    };
    audited(&gate, &mut tx, action, id, revision).await?;
    let stored = get(&mut tx, id).await?;
    tx.commit().await?;
    Ok(one(shown(&stored), None))
}

pub(crate) async fn history(
    gate: Gate<Reading>,
    Id(id): Id<EventId>,
    Params(since): Params<Since>,
) -> Answer<Json<History>> {
    let limit = limit(since.limit, PAGE, PAGE_MAX)?;
    let after = match &since.cursor {
        None => Revision(0),
        Some(text) => text.parse().map(Revision).map_err(|_| paging::strange())?,
    };
    let mut tx = gate.read().await?;
    get(&mut tx, id).await?;
    let mut versions = events::history_after(&mut tx, id, after, limit + 1).await?;
    let seqs: Vec<i64> = versions.iter().map(|version| version.seq).collect();
    let next_cursor = cut(&mut versions, limit, |last| last.revision.0.to_string());
    let until = seqs.get(versions.len()).copied();
    let written = trace::of(&mut tx, id, &versions, until).await?;
    let versions = versions
        .into_iter()
        .zip(written)
        .map(|(version, written)| VersionShown {
            version: version.revision.0,
            deleted: version.deleted,
            at: version.at,
            cause: version.cause,
            event: version.body.as_ref().map(jscalendar::to_json),
            written,
        })
        .collect();
    Ok(Json(History {
        success: true,
        id: id.to_string(),
        versions,
        next_cursor,
    }))
}

pub(crate) async fn restore(
    gate: Gate<Tending>,
    Id(id): Id<EventId>,
    Body(wanted): Body<Restore>,
) -> Answer<Reply<One, 200>> {
    let mut tx = gate.begin().await?;
    let version = Revision(wanted.version);
    let revision = edits::restore_in(gate.engine(), &mut tx, id, version, gate.editor()).await?;
    audited(&gate, &mut tx, "event.restore", id, revision).await?;
    let stored = get(&mut tx, id).await?;
    tx.commit().await?;
    Ok(one(shown(&stored), None))
}

/// An event that can be changed, in the version that the caller saw, where they say which (RFC 9110 §13.1.1). Others wait until
/// the transaction ends, so that who says none is never told that it was changed meanwhile.
async fn editable(tx: &mut Tx, id: EventId, headers: &HeaderMap) -> Answer<(StoredEvent, Event)> {
    tenants::lock(tx).await?;
    let stored = get(tx, id).await?;
    if let Some(wanted) = headers.get(IF_MATCH) {
        let wanted = wanted.to_str().unwrap_or_default().trim();
        let is_it = wanted == "*"
            || wanted
                .split(',')
                .any(|tag| tag.trim() == etag(stored.revision.0));
        if !is_it {
            return Err(ApiError::new(
                StatusCode::PRECONDITION_FAILED,
                "version_conflict",
                "The event was changed meanwhile; look at it again.",
            )
            .with("version", stored.revision.0));
        }
    }
    match stored.body.clone().filter(|_| !stored.deleted) {
        Some(body) => Ok((stored, body)),
        None => Err(deleted(id)),
    }
}

/// Makes a new version, unless nothing is different. A series of which nothing is left is deleted: its history has it still.
/// Tells also what was done.
async fn revised(
    gate: &Gate<Tending>,
    tx: &mut Tx,
    stored: &StoredEvent,
    before: &Event,
    mut event: Event,
    now: Timestamp,
) -> Answer<(&'static str, Revision)> {
    use kalends_calendar::merge::{Field, differing};
    let (engine, editor) = (gate.engine(), gate.editor());
    let fields = differing(before, &event);
    if fields.is_empty() {
        return Ok(("event.update", stored.revision));
    }
    if series::is_empty(&event) {
        let deleted = edits::delete_in(engine, tx, stored.id, stored.revision, editor).await?;
        return Ok(("event.delete", deleted));
    }
    let is_new_time = |field: &Field| matches!(field, Field::Time | Field::Override(_));
    if fields.iter().any(is_new_time) {
        // RFC 5546 §2.1.4: guests tell a new time from an old one by this number.
        event.sequence = event.sequence.saturating_add(1);
    }
    event.updated = Some(now);
    let revision = edits::update_in(engine, tx, stored.id, stored.revision, &event, editor).await?;
    Ok(("event.update", revision))
}

async fn audited(
    gate: &Gate<Tending>,
    tx: &mut Tx,
    action: &str,
    id: EventId,
    revision: Revision,
) -> Answer<()> {
    let detail = json!({ "version": revision.0 });
    Ok(gate
        .audit(tx, action, format!("event {id}"), detail)
        .await?)
}

/// What of a series is meant; none: the whole event.
fn target(part: &Part, body: &Event) -> Answer<Option<(Scope, RecurrenceId)>> {
    let Some(text) = &part.recurrence_id else {
        return match part.scope {
            None | Some(Scope::All) => Ok(None),
            Some(Scope::This | Scope::Following) => {
                Err(ApiError::field("scope", "it needs a `recurrence_id`"))
            }
        };
    };
    let id = recurrence_id(text)?;
    series::check_occurrence(body, id).map_err(|error| split(&error))?;
    let is_first = id.0 <= body.master.start.local()
        && body.recurrence_overrides.keys().all(|other| *other >= id);
    match part.scope.unwrap_or(Scope::This) {
        Scope::This => Ok(Some((Scope::This, id))),
        // From the very first on: that is the whole series.
        Scope::Following if !is_first => Ok(Some((Scope::Following, id))),
        Scope::Following | Scope::All => Ok(None),
    }
}

fn recurrence_id(text: &str) -> Answer<RecurrenceId> {
    // A date parses as its midnight.
    let parsed: Result<DateTime, _> = text.parse();
    match parsed {
        Ok(local) if !text.ends_with('Z') => Ok(RecurrenceId(local)),
        Ok(_) | Err(_) => Err(ApiError::field(
            "recurrence_id",
            "expected a wall-clock time such as 2026-12-08T09:30:00, or a date",
        )),
    }
}

fn split(error: &impl std::fmt::Display) -> ApiError {
    ApiError::field("recurrence_id", error)
}

fn field(error: JsError) -> ApiError {
    let field = error.pointer.trim_start_matches('/');
    ApiError::field(
        if field.is_empty() { "event" } else { field },
        error.problem,
    )
}

fn deleted(id: EventId) -> ApiError {
    ApiError::conflict(
        "deleted",
        format!("Event {id} is deleted; restore one of its versions first."),
    )
}

async fn get(tx: &mut Tx, id: EventId) -> Answer<StoredEvent> {
    events::get(tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("event"))
}

fn shown(stored: &StoredEvent) -> Shown {
    Shown {
        id: stored.id.to_string(),
        calendar_id: stored.calendar.to_string(),
        version: stored.revision.0,
        deleted: stored.deleted,
        updated_at: stored.updated_at,
        event: stored.body.as_ref().map(jscalendar::to_json),
    }
}

fn one<const STATUS: u16>(event: Shown, following: Option<Shown>) -> Reply<One, STATUS> {
    let version = event.version;
    let one = One {
        success: true,
        event,
        following,
    };
    Reply::new(one).tagged(version)
}
