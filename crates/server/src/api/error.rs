//! The one place where errors become responses: problem details (RFC 9457) with the members that clients rely on.

use aide::generate::GenContext;
use aide::openapi::{
    MediaType, Operation, ReferenceOr, Response as Documented, SchemaObject,
    StatusCode as DocumentedStatus,
};
use aide::operation::OperationOutput;
use aide::transform::TransformOperation;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use indexmap::IndexMap;
use kalends_calendar::failure::{Class, Failure};
use kalends_engine::edits::EditRefused;
use kalends_store::features::Feature;
use kalends_store::plans::Quota;
use kalends_store::{InvitationError, StoreError};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What every handler may end with.
pub(crate) type Answer<T> = Result<T, ApiError>;

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Told>);

/// What is told of it.
#[derive(Clone, Debug)]
struct Told {
    status: StatusCode,
    code: &'static str,
    error: String,
    /// What else machines want to know.
    more: Map<String, Value>,
    retry_after_seconds: Option<u64>,
}

/// A problem (RFC 9457), with `success`, `error` and `code` for the clients of old.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Always false.
    pub(crate) success: bool,
    /// What is wrong, for people.
    pub(crate) error: String,
    /// What is wrong, for machines: a word that stays the same.
    pub(crate) code: String,
    /// A URI for this kind of problem.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The status in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// As `error`.
    pub(crate) detail: String,
    /// Further members, by code: `feature`, `field`, `quota`, `limit`, `used`, `error_id`, `setting`.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        Self(Box::new(Told {
            status,
            code,
            error: error.into(),
            more: Map::new(),
            retry_after_seconds: None,
        }))
    }

    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(member.to_owned(), value.into());
        self
    }

    /// Its status, for pages.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its word, for pages and addresses that one is sent back to.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    /// When to try again.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }

    /// Its sentence.
    pub(crate) fn text(&self) -> &str {
        &self.0.error
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_error(mut self, error: impl Into<String>) -> Self {
        self.0.error = error.into();
        self
    }

    pub(crate) fn not_authenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_authenticated",
            "Authentication credentials were not provided.",
        )
    }

    /// A token or cookie that is unknown, expired or revoked: which of these is nobody's business.
    pub(crate) fn bad_credentials() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_authenticated",
            "The credentials are wrong, expired or revoked.",
        )
    }

    pub(crate) fn tenant_required() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "tenant_required",
            "Say for which tenant: by its subdomain, by the header X-Tenant, or with a token that is bound to it.",
        )
    }

    pub(crate) fn feature_not_available(feature: &Feature) -> Self {
        let error = format!(
            "Your current plan does not include {}. Please upgrade your subscription to use this feature.",
            feature.name
        );
        Self::new(StatusCode::FORBIDDEN, "feature_not_available", error)
            .with("feature", feature.code.clone())
    }

    pub(crate) fn role_required(error: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "role_required", error)
    }

    /// A request that makes no sense, where no field is to blame.
    pub(crate) fn invalid(problem: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", problem)
    }

    /// A field of the request that makes no sense.
    pub(crate) fn field(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::invalid(format!("{field}: {problem}")).with("field", field)
    }

    /// The field that it names.
    #[cfg(test)]
    pub(crate) fn named_field(&self) -> Option<String> {
        let field = self.0.more.get("field")?;
        field.as_str().map(str::to_owned)
    }

    /// Not there, or another tenant's, which is the same.
    pub(crate) fn not_found(noun: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {noun}."),
        )
    }

    pub(crate) fn conflict(code: &'static str, error: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, error)
    }

    pub(crate) fn too_many(retry_after_seconds: u64) -> Self {
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format!("Too many requests; try again in {retry_after_seconds} s."),
        );
        error.0.retry_after_seconds = Some(retry_after_seconds);
        error
    }

    /// What the caller cannot help. They get an id, the log gets the cause.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        let id = error_id();
        tracing::error!(error_id = %id, %cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side. Tell the operator the error id.",
        )
        .with("error_id", id.to_string())
    }

    /// What the provider said, which is scrubbed where it is made.
    pub(crate) fn provider(failure: &Failure) -> Self {
        let (status, code) = match failure.class {
            Class::ReconnectNeeded => (StatusCode::CONFLICT, "reconnect_required"),
            Class::AddressRefused => (StatusCode::BAD_REQUEST, "address_refused"),
            _ => (StatusCode::BAD_GATEWAY, "provider_error"),
        };
        Self::new(status, code, failure.message.clone())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the id of an error is never compared with another; nothing repeats it"
)]
fn error_id() -> Uuid {
    Uuid::now_v7()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let told = *self.0;
        let title = told.status.canonical_reason().unwrap_or_default();
        let body = Problem {
            success: false,
            error: told.error.clone(),
            code: told.code.to_owned(),
            kind: format!("urn:kalends:problem:{}", told.code),
            title: title.to_owned(),
            status: told.status.as_u16(),
            detail: told.error,
            more: told.more,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (told.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = told.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if told.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(noun) => Self::not_found(noun),
            // What the store names here are its own tables and columns, and differs by database.
            StoreError::Taken(_) => Self::conflict(
                "taken",
                "Something of this name, code or slug exists already.",
            ),
            StoreError::Reference(_) => Self::conflict(
                "in_use",
                "What it refers to is missing, or it is still in use.",
            ),
            StoreError::LastOwner => Self::conflict("last_owner", sentence(&error)),
            StoreError::NotACode(_) => Self::field("code", &error),
            StoreError::FeatureOff(feature) => Self::feature_not_available(&feature),
            StoreError::QuotaExceeded { quota, limit, used } => Self::new(
                StatusCode::FORBIDDEN,
                "quota_exceeded",
                format!(
                    "Your current plan allows {limit} {}, and {used} are in use. Please upgrade your subscription.",
                    word(quota)
                ),
            )
            .with("quota", word(quota))
            .with("limit", limit)
            .with("used", used),
            StoreError::Busy { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The database is busy; try again.",
            ),
            StoreError::Open { .. }
            | StoreError::Corrupt { .. }
            | StoreError::ReadOnly
            | StoreError::PlatformOnly
            | StoreError::Migration(_)
            | StoreError::Vault(_)
            | StoreError::Database(_) => Self::internal(error),
        }
    }
}

impl From<EditRefused> for ApiError {
    fn from(error: EditRefused) -> Self {
        match error {
            EditRefused::NotFound(noun) => Self::not_found(noun),
            EditRefused::Deleted(_) => Self::conflict("deleted", sentence(&error)),
            EditRefused::Stale(_) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version_conflict",
                sentence(&error),
            ),
            EditRefused::Field(field) => Self::field("value", field),
            EditRefused::Store(error) => error.into(),
        }
    }
}

impl From<InvitationError> for ApiError {
    fn from(error: InvitationError) -> Self {
        let gone = |code| Self::new(StatusCode::GONE, code, sentence(&error));
        match &error {
            InvitationError::Unknown => Self::not_found("invitation"),
            InvitationError::Used => gone("invitation_used"),
            InvitationError::Expired => gone("invitation_expired"),
            InvitationError::Revoked => gone("invitation_revoked"),
            InvitationError::Meanwhile => Self::conflict("try_again", sentence(&error)),
            InvitationError::SlugTaken => Self::conflict("taken", sentence(&error)),
            InvitationError::Store(_) => match error {
                InvitationError::Store(error) => error.into(),
                _ => Self::internal("unreachable"),
            },
        }
    }
}

/// A quota as clients know it.
fn word(quota: Quota) -> String {
    match serde_json::to_value(quota) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// An error as a sentence.
pub(super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

/// How a problem is documented.
pub(crate) fn documented(ctx: &mut GenContext, description: &str) -> Documented {
    let json_schema = ctx.schema.subschema_for::<Problem>();
    let content = MediaType {
        schema: Some(SchemaObject {
            json_schema,
            example: None,
            external_docs: None,
        }),
        ..MediaType::default()
    };
    Documented {
        description: description.to_owned(),
        content: IndexMap::from_iter([("application/problem+json".to_owned(), content)]),
        ..Documented::default()
    }
}

impl OperationOutput for ApiError {
    type Inner = Problem;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(documented(ctx, "Not carried out, and why."))
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<u16>, Documented)> {
        // What each operation refuses by itself stands beside its route.
        [431, 500, 503, 504]
            .map(|status| (Some(status), documented(ctx, meaning(status))))
            .into()
    }
}

/// The statuses with which an operation refuses beyond what its door and its input say of themselves.
pub(crate) fn refuses<'t>(
    mut operation: TransformOperation<'t>,
    statuses: &[u16],
) -> TransformOperation<'t> {
    aide::generate::in_context(|ctx| {
        for status in statuses {
            document(ctx, operation.inner_mut(), *status);
        }
    });
    operation
}

/// Documents a status, unless something more exact is said of it.
pub(crate) fn document(ctx: &mut GenContext, operation: &mut Operation, status: u16) {
    let responses = operation.responses.get_or_insert_default();
    responses
        .responses
        .entry(DocumentedStatus::Code(status))
        .or_insert_with(|| ReferenceOr::Item(documented(ctx, meaning(status))));
}

/// What a status means wherever it is not said more exactly.
pub(super) fn meaning(status: u16) -> &'static str {
    match status {
        400 => "What was sent makes no sense.",
        401 => "The credentials are wrong.",
        403 => "Not allowed, or sent by a page of another site.",
        404 => "Something that is named is not there, or another tenant's.",
        409 => "It does not go together with what there is; `code` says why.",
        410 => "It is no longer good.",
        412 => "It was changed meanwhile.",
        413 => "The body is too large.",
        422 => "The `Idempotency-Key` was used for another request.",
        429 => "Too many requests; `Retry-After` says when again.",
        431 => "The headers are too large; more than 100 are refused without a body.",
        500 => "Something went wrong here; `error_id` finds it in the log.",
        502 => "The provider answered in a way that is no use; `error` has its words.",
        503 => "Busy, or not set up; try again later.",
        504 => "It took too long.",
        _ => "Not carried out, and why.",
    }
}

/// A success without anything to tell.
pub(crate) fn done() -> axum::Json<Value> {
    axum::Json(json!({ "success": true }))
}
