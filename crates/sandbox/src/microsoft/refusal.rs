//! What the face refuses, and how it says so: a status, a code and a sentence in the one envelope of Graph.

use http::StatusCode;

/// A refusal on its way to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The code, such as `ErrorItemNotFound`.
    pub code: &'static str,
    /// The sentence for people.
    pub message: String,
    /// Further headers, by name.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// There is no such item.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "ErrorItemNotFound",
            "The specified object was not found in the store.",
        )
    }

    /// The id is not one that this server could have made.
    pub(crate) fn malformed_id() -> Self {
        Self::bad("ErrorInvalidIdMalformed", "Id is malformed.")
    }

    /// The token lacks the scope, or the calendar may not be written.
    pub(crate) fn denied() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "ErrorAccessDenied",
            "Access is denied. Check credentials and try again.",
        )
    }

    /// A property's value cannot be taken.
    pub(crate) fn property(message: impl Into<String>) -> Self {
        Self::bad("ErrorPropertyValidationFailure", message)
    }

    /// The body cannot be read as what it should be.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::bad("RequestBodyRead", message)
    }

    /// A request that cannot be done, in Exchange's words.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::bad(
            "ErrorInvalidRequest",
            format!("Your request can't be completed. {}", message.into()),
        )
    }

    /// A parameter of the query cannot be read.
    pub(crate) fn parameter(name: &str, value: &str) -> Self {
        Self::bad(
            "ErrorInvalidParameter",
            format!("The value '{value}' of parameter '{name}' is invalid."),
        )
    }

    /// The change key is not the present one.
    pub(crate) fn conflict(status: StatusCode) -> Self {
        Self::new(
            status,
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in the request does not \
             match the current change key for the item.",
        )
    }

    /// Nothing is served at this path with this method.
    pub(crate) fn no_route(status: StatusCode) -> Self {
        Self::new(status, "BadRequest", "Resource not found for the segment.")
    }
}
