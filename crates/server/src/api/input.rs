//! Bodies, queries and paths, with errors that name the field.

use std::error::Error;
use std::iter::successors;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::blame::blame;
use super::door::Shared;
use super::error::{ApiError, documented};

/// The largest body. An event of RFC 8984 with every guest and alert that Kalends keeps stays far below.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// How errors call what holds the fields.
const WHOLE_BODY: &str = "The body";
const WHOLE_QUERY: &str = "The query";

/// A body in JSON.
pub(crate) struct Body<T>(pub(crate) T);

/// The parameters after the question mark.
pub(crate) struct Params<T>(pub(crate) T);

/// One id in the path. One that is none names nothing: 404.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Shared) -> Result<Self, ApiError> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_json = kind.eq_ignore_ascii_case("application/json")
            || kind.to_ascii_lowercase().ends_with("+json");
        if !is_json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be JSON, with `Content-Type: application/json`.",
            ));
        }
        let bytes = Bytes::from_request(request, api).await.map_err(|_| {
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                format!("The body must not be larger than {BODY_BYTES_MAX} bytes."),
            )
        })?;
        read_json(&bytes).map(Self)
    }
}

/// Reads a JSON object.
pub(super) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // An array would pass for an object with its members in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::invalid("The body: expected a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner();
        if problem.is_data() {
            blame(&path, &problem.to_string()).told(WHOLE_BODY)
        } else {
            // What is no JSON is told by its place, and quotes nothing.
            ApiError::invalid(format!("{WHOLE_BODY}: {problem}"))
        }
    })?;
    let problem = "The body: something follows after the JSON value.";
    json.end().map_err(|_| ApiError::invalid(problem))?;
    Ok(parsed)
}

/// Reads what stands after the question mark.
pub(super) fn read_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    type Problem = serde_path_to_error::Error<serde::de::value::Error>;
    Query::try_from_uri(uri)
        .map(|Query(read)| read)
        .map_err(|rejection| {
            let mut causes = successors(rejection.source(), |&cause| cause.source());
            match causes.find_map(<dyn Error>::downcast_ref) {
                Some::<&Problem>(problem) => {
                    let path = problem.path().to_string();
                    blame(&path, &problem.inner().to_string()).told(WHOLE_QUERY)
                }
                None => ApiError::invalid(format!("{WHOLE_QUERY}: it cannot be read")),
            }
        })
}

impl<T: DeserializeOwned> FromRequestParts<Shared> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        read_query(&parts.uri).map(Self)
    }
}

impl<T: std::str::FromStr + Send> FromRequestParts<Shared> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let strange = || ApiError::not_found("object");
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|_| strange())?;
        text.parse().map(Self).map_err(|_| strange())
    }
}

/// The parts of the path that are no ids.
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for At<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, api).await {
            Ok(Path(at)) => Ok(Self(at)),
            Err(_) => Err(ApiError::not_found("object")),
        }
    }
}

impl<T: JsonSchema> OperationInput for At<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        <Path<T> as OperationInput>::operation_input(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        Id::<T>::inferred_early_responses(ctx, operation)
    }
}

/// The longest name that people give to anything, an account's user at its provider included: what a list can still show.
pub(crate) const NAME_CHARS_MAX: usize = 200;

/// A name without what stands around it: neither empty nor too long.
pub(crate) fn name(field: &str, text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if (1..=NAME_CHARS_MAX).contains(&name.chars().count()) {
        return Ok(name.to_owned());
    }
    let problem = format!("expected 1 to {NAME_CHARS_MAX} characters");
    Err(ApiError::field(field, problem))
}

/// The longest mail address (RFC 5321 §4.5.3.1.3).
const EMAIL_CHARS_MAX: usize = 254;

/// Whether a text can be an address. Whether it is one shows when somebody gets a mail.
pub(crate) fn check_email(text: &str) -> Result<(), ApiError> {
    let is_one = text.len() <= EMAIL_CHARS_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && text
            .rsplit_once('@')
            .is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty());
    if is_one {
        Ok(())
    } else {
        Err(ApiError::field(
            "email",
            "expected an address such as ann@example.com",
        ))
    }
}

fn bad(ctx: &mut GenContext) -> (Option<u16>, Response) {
    (Some(400), documented(ctx, "No tenant, or bad input."))
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        <axum::Json<T> as OperationInput>::operation_input(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        vec![
            bad(ctx),
            (Some(413), documented(ctx, "The body is too large.")),
            (Some(415), documented(ctx, "The body is not JSON.")),
        ]
    }
}

impl<T: JsonSchema> OperationInput for Params<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        <Query<T> as OperationInput>::operation_input(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        vec![bad(ctx)]
    }
}

/// The id in the path, for the document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "its form is what the document shows")]
struct ById {
    /// Which one.
    id: String,
}

impl<T> OperationInput for Id<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        <Path<ById> as OperationInput>::operation_input(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        vec![(
            Some(404),
            documented(ctx, "Not there, or another tenant's."),
        )]
    }
}
