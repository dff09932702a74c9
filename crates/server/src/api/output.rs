//! Successful answers, with every status that they may have in the document.

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use axum::Json;
use axum::http::header::{ETAG, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::door::Secret;

/// A body in JSON with the status `A`, or with `B` where that differs.
pub(crate) struct Reply<T, const A: u16, const B: u16 = A> {
    body: T,
    status: u16,
    version: Option<i64>,
}

impl<T, const A: u16, const B: u16> Reply<T, A, B> {
    /// With the first status.
    pub(crate) fn new(body: T) -> Self {
        Self {
            body,
            status: A,
            version: None,
        }
    }

    /// With the second one.
    pub(crate) fn other(body: T) -> Self {
        Self {
            status: B,
            ..Self::new(body)
        }
    }

    /// With an `ETag` (RFC 9110 §8.8.3).
    pub(crate) fn tagged(self, version: i64) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// With another body.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Reply<U, A, B> {
        Reply {
            body: change(self.body),
            status: self.status,
            version: self.version,
        }
    }
}

/// The version as an `ETag` has it.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

impl<T: Serialize, const A: u16, const B: u16> IntoResponse for Reply<T, A, B> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, Json(self.body)).into_response();
        let tag = self
            .version
            .and_then(|version| HeaderValue::from_str(&etag(version)).ok());
        if let Some(tag) = tag {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

impl<T: JsonSchema, const A: u16, const B: u16> OperationOutput for Reply<T, A, B> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Documented)> {
        let mut statuses = vec![A, B];
        statuses.dedup();
        statuses
            .into_iter()
            .filter_map(|status| Some((Some(status), Self::operation_response(ctx, operation)?)))
            .collect()
    }
}

/// A body in JSON that holds a secret which is shown this once: no copy of the answer is kept.
pub(crate) struct Once<T, const A: u16>(pub(crate) Reply<T, A>);

impl<T: Serialize, const A: u16> IntoResponse for Once<T, A> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.extensions_mut().insert(Secret);
        response
    }
}

impl<T: JsonSchema, const A: u16> OperationOutput for Once<T, A> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        Reply::<T, A>::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Documented)> {
        Reply::<T, A>::inferred_responses(ctx, operation)
    }
}

/// A body in JSON with a cookie.
pub(crate) struct Cookied<T> {
    /// The cookie.
    pub(crate) cookie: HeaderValue,
    /// The body.
    pub(crate) body: T,
}

impl<T: JsonSchema> OperationOutput for Cookied<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Documented)> {
        Json::<T>::inferred_responses(ctx, operation)
    }
}

impl<T: Serialize> IntoResponse for Cookied<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        response.headers_mut().insert(SET_COOKIE, self.cookie);
        response
    }
}
