//! Bodies, queries and paths, with errors that name the field.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::door::Shared;
use super::error::{ApiError, documented};

/// The largest body. An event of RFC 8984 with every guest and alert that Kalends keeps stays far below.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

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
        // An array would pass for an object with its members in order.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid",
                "The body: expected a JSON object.",
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let problem = error.into_inner();
            // The place in the text helps where no field is to blame.
            match (path.as_str(), problem.is_data()) {
                (".", _) | (_, false) => ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "invalid",
                    format!("The body: {}", scrubbed(&problem.to_string())),
                ),
                (field, true) => ApiError::field(field, scrubbed(&problem.to_string())),
            }
        })?;
        json.end().map_err(|_| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid",
                "The body: something follows after the JSON value.",
            )
        })?;
        Ok(Self(parsed))
    }
}

/// A message of the parser without the value that it quotes: that may be a password in the wrong place.
fn scrubbed(message: &str) -> String {
    for quoting in ["invalid type: string ", "invalid value: string "] {
        if let Some(rest) = message.strip_prefix(quoting)
            && let Some((_, expected)) = rest.rsplit_once(", expected ")
        {
            return format!("expected {expected}");
        }
    }
    message.to_owned()
}

impl<T: DeserializeOwned> FromRequestParts<Shared> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let text = rejection.body_text();
                let told = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                let error = match told.split_once(": ") {
                    Some((field, problem)) if !field.contains(' ') => {
                        ApiError::field(field, problem)
                    }
                    _ => ApiError::new(
                        StatusCode::BAD_REQUEST,
                        "invalid",
                        format!("The query: {told}"),
                    ),
                };
                Err(error)
            }
        }
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
