//! `/api/calendar/conflicts/`: what both sides changed at once.

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::{ConflictId, EventId};
use kalends_calendar::merge::get;
use kalends_calendar::revision::Cause;
use kalends_engine::edits::{self, Choice, EditRefused};
use kalends_store::conflicts::{self, ConflictState, StoredConflict, Which};
use kalends_store::events::{self, EventVersion};
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::skipped::titles;
use crate::api::door::{Gate, Reading, Tending};
use crate::api::error::{Answer, ApiError, done};
use crate::api::input::{Body, Id, Params};
use crate::api::paging::{self, PAGE, PAGE_MAX, cut, limit};
use crate::api::words;

/// Which conflicts.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ConflictsWanted")]
pub(crate) struct Wanted {
    /// `open` (as if missing) or `all`.
    #[serde(default)]
    state: State,
    /// At most so many (1000).
    #[serde(default)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// Which conflicts.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Those that wait for a person.
    #[default]
    Open,
    /// All that ever were.
    All,
}

/// Conflicts, the latest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Conflicts {
    success: bool,
    conflicts: Vec<Shown>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// Both sides changed the same field, differently.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Conflict")]
pub(crate) struct Shown {
    id: String,
    event_id: String,
    /// What the event is called here now; null of one that is deleted.
    title: Option<String>,
    /// When it starts: `allDay`, `floating` or `zoned`; null of one that is deleted.
    start: Option<Value>,
    link_id: String,
    /// Which field.
    field: Value,
    /// What it was before.
    base: Value,
    /// What it became here.
    local: Value,
    /// Who made it that here, and why; null where no version says so.
    #[schemars(with = "Option<Value>")]
    local_cause: Option<Cause>,
    /// When it became that here.
    #[schemars(with = "Option<words::Instant>")]
    local_at: Option<Timestamp>,
    /// What it became there.
    remote: Value,
    /// Whose value stands: `local`, `remote` or `undecided`.
    #[schemars(with = "String")]
    winner: kalends_calendar::merge::Winner,
    #[schemars(with = "words::ConflictState")]
    state: ConflictState,
    /// When a run saw what it had become there.
    #[schemars(with = "words::Instant")]
    at: Timestamp,
    #[schemars(with = "Option<words::Instant>")]
    resolved_at: Option<Timestamp>,
    resolved_by: Option<String>,
}

/// How a conflict is decided.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    choose: Chosen,
    /// With `custom`: the value, in the form of `local` and `remote`.
    #[serde(default)]
    value: Option<Value>,
}

/// How several conflicts are decided, all for the same side.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decisions {
    /// Which: 1000 at most.
    ids: Vec<String>,
    choose: Side,
}

/// A side of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ConflictSide")]
enum Side {
    /// What it became here.
    Local,
    /// What it became there.
    Remote,
}

/// What became of several conflicts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConflictsDecided")]
pub(crate) struct Decided {
    success: bool,
    /// How many are decided now.
    resolved: usize,
    /// Those that are not.
    left: Vec<Left>,
}

/// A conflict that was not decided.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConflictLeft")]
pub(crate) struct Left {
    id: String,
    /// Why not: it is none, was decided meanwhile, or its event was deleted.
    error: String,
}

/// Which value the event gets, on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Chosen {
    /// What it became here.
    Local,
    /// What it became there.
    Remote,
    /// Another one.
    Custom,
}

pub(crate) async fn list(
    gate: Gate<Reading>,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Conflicts>> {
    let which = match wanted.state {
        State::Open => Which::Open,
        State::All => Which::All,
    };
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    let before = wanted.cursor.as_deref().map(paging::place).transpose()?;
    let before = before.map(|(at, id)| (at, ConflictId(id)));
    let mut tx = gate.read().await?;
    let mut found = conflicts::page(&mut tx, which, before, limit + 1).await?;
    let next_cursor = cut(&mut found, limit, |last| paging::cursor(last.at, last.id.0));
    let known = Known::of(&mut tx, &found).await?;
    Ok(Json(Conflicts {
        success: true,
        conflicts: found.into_iter().map(|one| shown(one, &known)).collect(),
        next_cursor,
    }))
}

/// What is known of the events of some conflicts.
struct Known {
    events: HashMap<EventId, super::skipped::Known>,
    versions: Vec<EventVersion>,
}

impl Known {
    async fn of(tx: &mut Tx, found: &[StoredConflict]) -> Result<Self, StoreError> {
        let ids: BTreeSet<EventId> = found.iter().map(|one| one.event).collect();
        let ids: Vec<EventId> = ids.into_iter().collect();
        Ok(Self {
            events: titles(events::get_many(tx, &ids).await?),
            versions: events::histories(tx, &ids).await?,
        })
    }

    /// The version that gave a field the value that it had here when the conflict was met.
    fn change(&self, found: &StoredConflict) -> Option<&EventVersion> {
        let conflict = &found.conflict;
        let before =
            |version: &&EventVersion| version.event == found.event && version.at <= found.at;
        let mut change = None;
        let mut was = None;
        for version in self.versions.iter().filter(before) {
            let is = version.body.as_ref().map(|body| get(body, &conflict.field));
            if is.as_ref() == Some(&conflict.local) && is != was {
                change = Some(version);
            }
            was = is;
        }
        change
    }
}

fn shown(found: StoredConflict, known: &Known) -> Shown {
    let event = known.events.get(&found.event);
    let change = known.change(&found);
    let conflict = found.conflict;
    Shown {
        id: found.id.to_string(),
        event_id: found.event.to_string(),
        title: event.map(|event| event.title.clone()),
        start: event.map(|event| json!(event.start)),
        local_cause: change.map(|change| change.cause.clone()),
        local_at: change.map(|change| change.at),
        link_id: found.link.to_string(),
        field: json!(conflict.field),
        base: json!(conflict.base),
        local: json!(conflict.local),
        remote: json!(conflict.remote),
        winner: conflict.winner,
        state: found.state,
        at: found.at,
        resolved_at: found.resolved_at,
        resolved_by: found.resolved_by,
    }
}

pub(crate) async fn resolve(
    gate: Gate<Tending>,
    Id(id): Id<ConflictId>,
    Body(decision): Body<Decision>,
) -> Answer<Json<Value>> {
    let choice = match (decision.choose, decision.value) {
        (Chosen::Local, None) => Choice::Local,
        (Chosen::Remote, None) => Choice::Remote,
        (Chosen::Custom, Some(value)) => Choice::Custom(value),
        (Chosen::Custom, None) => return Err(ApiError::field("value", "`custom` needs one")),
        (Chosen::Local | Chosen::Remote, Some(_)) => {
            return Err(ApiError::field("value", "it goes with `custom` alone"));
        }
    };
    let mut tx = gate.begin().await?;
    let found = conflicts::get(&mut tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("conflict"))?;
    edits::resolve_in(gate.engine(), &mut tx, id, choice, gate.editor()).await?;
    told(&gate, &mut tx, &found, json!(decision.choose)).await?;
    tx.commit().await?;
    Ok(done())
}

pub(crate) async fn resolve_many(
    gate: Gate<Tending>,
    Body(decisions): Body<Decisions>,
) -> Answer<Json<Decided>> {
    let most = usize::try_from(PAGE_MAX).unwrap_or(usize::MAX);
    if decisions.ids.is_empty() || decisions.ids.len() > most {
        let problem = format!("expected 1 to {PAGE_MAX} ids of conflicts");
        return Err(ApiError::field("ids", problem));
    }
    let mut tx = gate.begin().await?;
    let mut decided = Decided {
        success: true,
        resolved: 0,
        left: Vec::new(),
    };
    for id in decisions.ids {
        match resolve_one(&gate, &mut tx, &id, decisions.choose).await? {
            None => decided.resolved += 1,
            Some(error) => decided.left.push(Left { id, error }),
        }
    }
    tx.commit().await?;
    Ok(Json(decided))
}

/// Why it was not decided, if it was not: what somebody else decided or deleted meanwhile stops none of the others.
async fn resolve_one(
    gate: &Gate<Tending>,
    tx: &mut Tx,
    id: &str,
    side: Side,
) -> Answer<Option<String>> {
    let found = match id.parse() {
        Ok(id) => conflicts::get(tx, id).await?,
        Err(_) => None,
    };
    let Some(found) = found else {
        return Ok(Some("There is no such conflict.".to_owned()));
    };
    if found.state != ConflictState::Open {
        return Ok(Some("It was decided meanwhile.".to_owned()));
    }
    let choice = match side {
        Side::Local => Choice::Local,
        Side::Remote => Choice::Remote,
    };
    match edits::resolve_in(gate.engine(), tx, found.id, choice, gate.editor()).await {
        Ok(()) => {}
        Err(refused @ (EditRefused::Deleted(_) | EditRefused::Field(_))) => {
            return Ok(Some(refused.to_string()));
        }
        Err(error) => return Err(error.into()),
    }
    told(gate, tx, &found, json!(side)).await?;
    Ok(None)
}

async fn told(
    gate: &Gate<Tending>,
    tx: &mut Tx,
    found: &StoredConflict,
    choose: Value,
) -> Answer<()> {
    // The values are the event's, whose history has them.
    let detail = json!({
        "choose": choose, "event": found.event, "link": found.link, "field": found.conflict.field,
    });
    let object = format!("conflict {}", found.id);
    gate.audit(tx, "conflict.resolve", object, detail).await?;
    Ok(())
}
