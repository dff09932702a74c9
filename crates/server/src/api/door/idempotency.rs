//! `Idempotency-Key`: a write that is sent again with the key of the first time gets the answer of the first time, and
//! nothing is done twice. All writes of the API pass here before their handlers, which know nothing of it.
//!
//! Not kept are the answers of whoever could not carry the request out (5xx), of the door (401, 403, 429: what it says may
//! change at any moment), and what holds a secret that is shown once ([`Secret`]): of that only the fact is kept.

use std::sync::Arc;

use aide::openapi::{
    OpenApi, Operation, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr,
    SchemaObject,
};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use kalends_store::PLATFORM;
use kalends_store::answers::{self, Answer, Asked, Ending, Known, Place, RequestHash};
use kalends_store::features::Feature;
use kalends_store::members::Role;
use sha2::{Digest as _, Sha256};

use super::caller::{self, Caller};
use super::tenant::{Present, Standing};
use super::{Api, Shared};
use crate::api::error::{ApiError, document};
use crate::api::input::BODY_BYTES_MAX;

/// The header with the key.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that is told again.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The longest key: what an index takes, and more than any kind of id needs.
const KEY_CHARS_MAX: usize = 255;
/// The largest answer that is kept. Only the plan of a dry run grows beyond, and that does nothing.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long a request goes on at most. One that runs for longer was cut off with its node.
const RUNNING_MAX: SignedDuration = SignedDuration::from_mins(5);
/// What lies below needs the feature.
const GATED: &str = "/api/calendar/";
/// What lies below is for administrators of the platform.
const PLATFORMS: &str = "/api/platform/";
/// The statuses with which any write may be refused: its key, its size, or the page of another site that sends it.
const REFUSED: [u16; 5] = [400, 403, 409, 413, 422];

/// Stands with an answer that holds a secret which is shown this once: it is not kept.
#[derive(Clone, Copy)]
pub(crate) struct Secret;

/// Carries a request with a key out, unless it was carried out before.
pub(crate) async fn once(State(api): State<Shared>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY) else {
        return next.run(request).await;
    };
    if !is_write(request.method()) {
        return next.run(request).await;
    }
    let key = match checked(key) {
        Ok(key) => key,
        Err(error) => return error.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let asking = match caller::caller(&parts, &api).await {
        Ok(caller) => caller,
        // Nobody has no keys; who is about to sign in is nobody yet.
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            return next.run(Request::from_parts(parts, body)).await;
        }
        Err(error) => return error.into_response(),
    };
    // The handler is not to count the request again.
    parts.extensions.insert(asking.clone());
    match carried_out(api, parts, body, Keyed { key, asking }, next).await {
        Ok(answer) => answer,
        Err(error) => error.into_response(),
    }
}

/// A key, and who sent it.
struct Keyed {
    key: String,
    asking: Caller,
}

fn is_write(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method)
}

fn checked(key: &HeaderValue) -> Result<String, ApiError> {
    let text = key.to_str().unwrap_or_default().trim();
    if (1..=KEY_CHARS_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let problem = format!("expected 1 to {KEY_CHARS_MAX} characters of ASCII");
    Err(ApiError::field("Idempotency-Key", problem))
}

async fn carried_out(
    api: Shared,
    mut parts: Parts,
    body: Body,
    keyed: Keyed,
    next: Next,
) -> Result<Response, ApiError> {
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let error = format!("The body must not be larger than {BODY_BYTES_MAX} bytes.");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", error)
    })?;
    let request = hash(&parts, &body);
    // Where they are no member their handler says so, if it asks at all; here it is as if they named no tenant.
    let present = match Present::from_request_parts(&mut parts, &api).await {
        Ok(present) => Some(present),
        Err(error) if error.status() == StatusCode::BAD_REQUEST => None,
        Err(error) if error.status() == StatusCode::FORBIDDEN => None,
        Err(error) => return Err(error),
    };
    let Keyed { key, asking } = keyed;
    let place = Place {
        tenant: present.as_ref().map_or(PLATFORM, |at| at.tenant.id),
        user: asking.user.id,
        key,
    };
    let asked = Asked {
        request,
        role: present.as_ref().and_then(role),
        at: api.now(),
    };
    let path = parts.uri.path().to_owned();
    match answers::begin(&api.store, &place, &asked).await? {
        Known::New => {
            let request_again = Request::from_parts(parts, Body::from(body));
            let store = Arc::clone(&api);
            // It goes on though the client hangs up, or that one could never know what came of it.
            let going = api.lasting.spawn(async move {
                kept(&store, &place, request, next.run(request_again).await).await
            });
            going.await.map_err(ApiError::internal)
        }
        Known::Another => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "Another request was sent with this Idempotency-Key; take a new key for each.",
        )),
        Known::Running { since } if asked.at.duration_since(since) <= RUNNING_MAX => {
            Err(ApiError::conflict(
                "idempotency_in_progress",
                "The request of this Idempotency-Key is still being carried out.",
            ))
        }
        Known::Running { .. } => Err(ApiError::conflict(
            "idempotency_outcome_unknown",
            "The request of this Idempotency-Key was cut off, and whether it took effect is not known: look before you \
             send it with another key.",
        )),
        Known::Withheld { role } => {
            still_may(&asking, present.as_ref(), role, &path).await?;
            Err(ApiError::conflict(
                "idempotency_answer_not_kept",
                "This was carried out already. Its answer held a secret, and was not kept.",
            ))
        }
        Known::Answered { answer, role } => {
            still_may(&asking, present.as_ref(), role, &path).await?;
            Ok(again(answer))
        }
    }
}

/// What was asked: method, path with its query, and body. Each part says how long it is.
fn hash(parts: &Parts, body: &Bytes) -> RequestHash {
    let mut to = Sha256::new();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    for part in [parts.method.as_str().as_bytes(), path.as_bytes(), body] {
        to.update((part.len() as u64).to_be_bytes());
        to.update(part);
    }
    RequestHash(to.finalize().into())
}

fn role(present: &Present) -> Option<Role> {
    match present.standing {
        Standing::Member(role) => Some(role),
        Standing::Platform => None,
    }
}

/// Whoever has lost what they asked with is not told again what they were told then.
async fn still_may(
    asking: &Caller,
    present: Option<&Present>,
    then: Option<Role>,
    path: &str,
) -> Result<(), ApiError> {
    if path.starts_with(PLATFORMS) && !asking.administers() {
        return Err(ApiError::role_required(
            "Only administrators of the platform may do this.",
        ));
    }
    if then > present.and_then(role) {
        return Err(ApiError::role_required(
            "You have not the role any more in which you asked for this.",
        ));
    }
    let Some(present) = present.filter(|_| path.starts_with(GATED)) else {
        return Ok(());
    };
    let mut tx = present.read().await?;
    let sync = present.calendar_sync(&mut tx).await?;
    if sync.enabled {
        return Ok(());
    }
    Err(ApiError::feature_not_available(&Feature {
        code: sync.code,
        name: sync.name,
    }))
}

/// Keeps an answer, where it may be kept, and passes it on.
async fn kept(api: &Api, place: &Place, request: RequestHash, answer: Response) -> Response {
    let status = answer.status();
    if status.is_server_error() || of_the_door(status) {
        return noted(answers::forget(&api.store, place, request).await, answer);
    }
    let is_secret = answer.extensions().get::<Secret>().is_some();
    if is_secret || answer.headers().contains_key(SET_COOKIE) {
        let ending = Ending::Withheld(status.as_u16());
        return noted(
            answers::finish(&api.store, place, request, ending).await,
            answer,
        );
    }
    let (parts, body) = answer.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    let text = |name: HeaderName| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    let told = if body.len() > ANSWER_BYTES_MAX {
        answers::forget(&api.store, place, request).await
    } else {
        let answer = Answer {
            status: status.as_u16(),
            kind: text(CONTENT_TYPE),
            tag: text(ETAG),
            body: body.to_vec(),
        };
        answers::finish(&api.store, place, request, Ending::Answered(answer)).await
    };
    noted(told, Response::from_parts(parts, Body::from(body)))
}

fn of_the_door(status: StatusCode) -> bool {
    [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
    ]
    .contains(&status)
}

/// What was done was done, though its answer could not be kept.
fn noted(told: Result<(), kalends_store::StoreError>, answer: Response) -> Response {
    if let Err(error) = told {
        tracing::warn!(%error, "an answer could not be kept for its Idempotency-Key");
    }
    answer
}

fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    for (name, value) in [(CONTENT_TYPE, answer.kind), (ETAG, answer.tag)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Documents the header at every write that asks who sends it.
pub(crate) fn document_writes(document: &mut OpenApi) {
    let items = document
        .paths
        .iter_mut()
        .flat_map(|paths| paths.paths.values_mut());
    for item in items {
        let ReferenceOr::Item(item) = item else {
            continue;
        };
        for operation in [
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ] {
            if let Some(operation) = operation.as_mut().filter(|of| !of.security.is_empty()) {
                document_write(operation);
            }
        }
    }
}

fn document_write(operation: &mut Operation) {
    let json_schema = schemars::json_schema!({
        "type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX,
    });
    let schema = SchemaObject {
        json_schema,
        external_docs: None,
        example: None,
    };
    let parameter_data = ParameterData {
        name: "Idempotency-Key".to_owned(),
        description: Some(
            "A key of the client's choice for this one write. Sent again within 24 hours with the same key by the same \
             user, it is not carried out again: the first answer comes again, with `Idempotent-Replayed: true`. Another \
             request with the same key: 422 `idempotency_key_reused`. While the first goes on: 409 \
             `idempotency_in_progress`; if it was cut off: 409 `idempotency_outcome_unknown`; if its answer held a secret: \
             409 `idempotency_answer_not_kept`. Answers of 401, 403, 429 and 5xx are not kept."
                .to_owned(),
        ),
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema),
        example: None,
        examples: indexmap::IndexMap::default(),
        explode: None,
        extensions: indexmap::IndexMap::default(),
    };
    let parameter = Parameter::Header {
        parameter_data,
        style: aide::openapi::HeaderStyle::Simple,
    };
    operation.parameters.push(ReferenceOr::Item(parameter));
    aide::generate::in_context(|ctx| {
        for status in REFUSED {
            document(ctx, operation, status);
        }
    });
}
