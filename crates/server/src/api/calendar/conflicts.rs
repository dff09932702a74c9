//! `/api/calendar/conflicts/`: what both sides changed at once.

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::ConflictId;
use kalends_engine::edits::{self, Choice};
use kalends_store::conflicts::{self, ConflictState, StoredConflict, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    link_id: String,
    /// Which field.
    field: Value,
    /// What it was before.
    base: Value,
    /// What it became here.
    local: Value,
    /// What it became there.
    remote: Value,
    /// Whose value stands: `local`, `remote` or `undecided`.
    #[schemars(with = "String")]
    winner: kalends_calendar::merge::Winner,
    #[schemars(with = "words::ConflictState")]
    state: ConflictState,
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
    Ok(Json(Conflicts {
        success: true,
        conflicts: found.into_iter().map(shown).collect(),
        next_cursor,
    }))
}

fn shown(found: StoredConflict) -> Shown {
    let conflict = found.conflict;
    Shown {
        id: found.id.to_string(),
        event_id: found.event.to_string(),
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
    // The values are the event's, whose history has them.
    let detail = json!({
        "choose": decision.choose, "event": found.event, "link": found.link, "field": found.conflict.field,
    });
    let object = format!("conflict {id}");
    gate.audit(&mut tx, "conflict.resolve", object, detail)
        .await?;
    tx.commit().await?;
    Ok(done())
}
