//! `GET /api/calendar/stream/`: the change feed as server-sent events, resumable by `Last-Event-ID`; with `?links=true` also a
//! word whenever a link or an account is no longer as it was.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented, SchemaObject};
use aide::operation::{OperationOutput, ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use kalends_store::{StoreError, Tx, connections, events, links};
use serde::Deserialize;

use super::changes::{change, cursor_gone, position};
use crate::api::door::{Gate, OpenStream, Reading, Shared};
use crate::api::error::Answer;
use crate::api::input::Params;

/// How often the feed is looked at. Another node may have written to it, which tells this one nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the stream is silent at most: proxies take a silent one for dead.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How many changes are read at once.
const BATCH: i64 = 100;
/// After so many looks it is asked again whether the caller may still listen.
const LOOKS_PER_CHECK: u32 = 10;

/// What is to be told.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(rename = "StreamWish")]
pub(crate) struct Wish {
    /// Also when the state of a link or an account changes.
    #[serde(default)]
    links: bool,
}

/// From where in the feed on.
pub(crate) struct From(Option<String>);

/// The same, for the document.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "its form is what the document shows")]
struct LastHeard {
    /// The `id` of the last event that was heard: what came since is told first. What changes from now on if missing.
    #[schemars(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

impl FromRequestParts<Shared> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        let value = parts.headers.get("last-event-id");
        // What is no text is no cursor either.
        let text = value.map(|value| value.to_str().unwrap_or_default().to_owned());
        Ok(Self(text))
    }
}

impl OperationInput for From {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<LastHeard>();
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Header);
        add_parameters(ctx, operation, parameters);
    }
}

/// The stream.
pub(crate) struct Opened(Response);

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Opened {
    type Inner = String;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let schema = SchemaObject {
            json_schema: ctx.schema.subschema_for::<String>(),
            example: None,
            external_docs: None,
        };
        let told = MediaType {
            schema: Some(schema),
            ..MediaType::default()
        };
        Some(Documented {
            description: "Server-sent events, until the caller goes. `change`: its `id` is the cursor, its `data` what \
                          `GET /api/calendar/changes/` has in `changes`. With `links=true` also `status`, without `id` and \
                          with `{}` as `data`: look at links and accounts. A line of comment at least every 20 s. It \
                          ends when the caller may listen no more, and when the service is stopped."
                .to_owned(),
            content: indexmap::IndexMap::from_iter([("text/event-stream".to_owned(), told)]),
            ..Documented::default()
        })
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Documented)> {
        let opened = Self::operation_response(ctx, operation);
        opened
            .map(|opened| (Some(200), opened))
            .into_iter()
            .collect()
    }
}

struct Listening {
    gate: Gate<Reading>,
    api: Shared,
    since: i64,
    /// How links and accounts were when they were last looked at; none where nobody asked.
    states: Option<u64>,
    looks: u32,
    /// Counted while it is open.
    _open: OpenStream,
}

/// From `Last-Event-ID` on; without one, what changes from now on.
pub(crate) async fn stream(
    gate: Gate<Reading>,
    State(api): State<Shared>,
    Params(wish): Params<Wish>,
    From(last): From,
) -> Answer<Opened> {
    let since = match last {
        Some(last) => position(Some(&last))?,
        None => gate.feed_position().await?,
    };
    if since > gate.feed_position().await? {
        return Err(cursor_gone());
    }
    let states = if wish.links {
        Some(states(&mut gate.read().await?).await?)
    } else {
        None
    };
    let open = gate.open_stream()?;
    let stopping = api.stopping();
    let listening = Listening {
        gate,
        api,
        since,
        states,
        looks: 0,
        _open: open,
    };
    let told = stream::unfold(listening, look)
        .flat_map(stream::iter)
        .map(Ok::<_, Infallible>)
        .take_until(stopping);
    let told = Sse::new(told).keep_alive(KeepAlive::new().interval(SILENCE_MAX));
    Ok(Opened(told.into_response()))
}

/// What has changed since; ends when the caller may listen no more, or the store fails: clients come back by themselves.
async fn look(mut listening: Listening) -> Option<(Vec<Event>, Listening)> {
    let clock = Arc::clone(listening.api.clock());
    loop {
        if listening.looks % LOOKS_PER_CHECK == LOOKS_PER_CHECK - 1
            && listening.gate.again().await.is_err()
        {
            return None;
        }
        listening.looks = listening.looks.wrapping_add(1);
        let mut tx = listening.gate.read().await.ok()?;
        let found = events::changes_since(&mut tx, listening.since, BATCH)
            .await
            .ok()?;
        let turned = match listening.states {
            Some(before) => {
                let now = states(&mut tx).await.ok()?;
                listening.states = Some(now);
                now != before
            }
            None => false,
        };
        drop(tx);
        if !found.is_empty() || turned {
            // Before anything is told.
            listening.gate.again().await.ok()?;
            listening.since = found.last().map_or(listening.since, |last| last.seq);
            let mut told: Vec<_> = found
                .into_iter()
                .map(change)
                .filter_map(|change| {
                    let id = change.cursor.clone();
                    Event::default()
                        .id(id)
                        .event("change")
                        .json_data(change)
                        .ok()
                })
                .collect();
            if turned {
                // It carries no data, and no id: whoever hears it looks for themselves.
                told.push(Event::default().event("status").data("{}"));
            }
            return Some((told, listening));
        }
        clock.sleep(LOOK_EVERY).await;
    }
}

/// A number that changes when the state of a link or an account does.
async fn states(tx: &mut Tx) -> Result<u64, StoreError> {
    let mut states = DefaultHasher::new();
    for link in links::list(tx).await? {
        let words = (
            link.id.to_string(),
            link.fence,
            link.failures,
            link.last_error,
        );
        let times = (link.due_at, link.lease_until, link.last_success_at);
        (words, times, link.state == links::LinkState::Paused).hash(&mut states);
    }
    for connection in connections::list(tx).await? {
        let words = (
            connection.id.to_string(),
            connection.problem,
            connection.retry_at,
        );
        let dead = connection.state == connections::ConnectionState::ReconnectNeeded;
        (words, dead).hash(&mut states);
    }
    Ok(states.finish())
}
