//! Where a feed was last time: its validators (RFC 9110 §8.8), and a digest for publishers that have none.

use ::http::HeaderMap;
use ::http::header::{ETAG, HeaderName, LAST_MODIFIED};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::Cursor;
use serde::{Deserialize, Serialize};

/// What the cursor of a feed holds, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedCursor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    /// As the server wrote it: it compares for equality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
    /// Of the whole body, byte for byte.
    pub(super) content_digest: String,
}

impl FeedCursor {
    pub(super) fn of(headers: &HeaderMap, content_digest: String) -> Self {
        let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Self {
            etag: text(ETAG),
            last_modified: text(LAST_MODIFIED),
            content_digest,
        }
    }

    pub(super) fn parse(cursor: &Cursor) -> Result<Self, Failure> {
        serde_json::from_str(cursor.as_str())
            .map_err(|_| Failure::new(Class::CursorDead, "The cursor is not one of a feed"))
    }

    pub(super) fn into_cursor(self) -> Cursor {
        // A struct of texts always has a JSON form; should it ever not, the next run lists everything.
        Cursor(serde_json::to_string(&self).unwrap_or_default())
    }
}
