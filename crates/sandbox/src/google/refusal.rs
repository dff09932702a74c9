//! Errors in Google's envelope, each with the domain, reason and message that the error guide gives.

use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {domain}.{reason}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The domain of the reason, such as `global` or `calendar`.
    pub domain: &'static str,
    /// The word that clients act on.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// What the error is about: the kind of place and its name.
    pub location: Option<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(
        status: u16,
        domain: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            domain,
            reason,
            message: message.into(),
            location: None,
        }
    }

    fn at(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        self.location = Some((kind, name.into()));
        self
    }

    pub(crate) fn credentials() -> Self {
        Self::new(401, "global", "authError", "Invalid Credentials").at("header", "Authorization")
    }

    pub(crate) fn scopes() -> Self {
        Self::new(
            403,
            "global",
            "insufficientPermissions",
            "Insufficient Permission",
        )
    }

    pub(crate) fn no_calendar_user() -> Self {
        Self::new(
            403,
            "calendar",
            "notACalendarUser",
            "The user must be signed up for Google Calendar.",
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "global", "notFound", "Not Found")
    }

    pub(crate) fn deleted() -> Self {
        Self::new(410, "global", "deleted", "Resource has been deleted")
    }

    pub(crate) fn duplicate() -> Self {
        let message = "The requested identifier already exists.";
        Self::new(409, "global", "duplicate", message)
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(403, "global", "forbidden", "Forbidden")
    }

    pub(crate) fn access_level(level: &str) -> Self {
        let message = format!("You need to have {level} access to this calendar.");
        Self::new(403, "calendar", "requiredAccessLevel", message)
    }

    pub(crate) fn non_organizer() -> Self {
        let message = "Shared properties can only be changed by the organizer of the event.";
        Self::new(403, "calendar", "forbiddenForNonOrganizer", message)
    }

    pub(crate) fn conflict() -> Self {
        Self::new(409, "global", "conflict", "Conflict")
    }

    pub(crate) fn service_account() -> Self {
        let message =
            "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority.";
        Self::new(403, "calendar", "forbiddenForServiceAccounts", message)
    }

    pub(crate) fn event_type(message: &str) -> Self {
        Self::new(400, "calendar", "eventTypeRestriction", message)
    }

    pub(crate) fn condition() -> Self {
        Self::new(412, "global", "conditionNotMet", "Precondition Failed").at("header", "If-Match")
    }

    pub(crate) fn parse() -> Self {
        Self::new(400, "global", "parseError", "Parse Error")
    }

    pub(crate) fn bad_request() -> Self {
        Self::new(400, "global", "badRequest", "Bad Request")
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "global", "invalid", message)
    }

    pub(crate) fn required(message: impl Into<String>) -> Self {
        Self::new(400, "global", "required", message)
    }

    pub(crate) fn required_parameter(name: &str) -> Self {
        Self::required(format!("Required parameter: {name}")).at("parameter", name)
    }

    pub(crate) fn parameter(name: &str, message: impl Into<String>) -> Self {
        Self::new(400, "global", "invalidParameter", message).at("parameter", name)
    }

    pub(crate) fn page_token() -> Self {
        Self::invalid("Invalid page token value.").at("parameter", "pageToken")
    }

    pub(crate) fn sync_token() -> Self {
        Self::invalid("Invalid sync token value.").at("parameter", "syncToken")
    }

    pub(crate) fn full_sync() -> Self {
        let message = "Sync token is no longer valid, a full sync is required.";
        Self::new(410, "calendar", "fullSyncRequired", message).at("parameter", "syncToken")
    }

    pub(crate) fn updated_min_too_old() -> Self {
        let message = "The requested minimum modification time lies too far in the past.";
        Self::new(410, "calendar", "updatedMinTooLongAgo", message).at("parameter", "updatedMin")
    }

    pub(crate) fn empty_range() -> Self {
        let message = "The specified time range is empty.";
        Self::new(400, "calendar", "timeRangeEmpty", message)
    }

    pub(crate) fn empty_window() -> Self {
        Self::empty_range().at("parameter", "timeMax")
    }

    /// The envelope: `{"error": {"errors": [...], "code", "message"}}`. What the front end says about scopes also has
    /// the newer members.
    pub(crate) fn body(&self) -> Value {
        let mut item = json!({
            "domain": self.domain,
            "reason": self.reason,
            "message": self.message,
        });
        if let Some((kind, name)) = &self.location {
            item["locationType"] = json!(kind);
            item["location"] = json!(name);
        }
        let mut error = json!({ "errors": [item], "code": self.status, "message": self.message });
        if self.reason == "insufficientPermissions" {
            error["message"] = json!("Request had insufficient authentication scopes.");
            error["status"] = json!("PERMISSION_DENIED");
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
            }]);
        }
        json!({ "error": error })
    }
}
