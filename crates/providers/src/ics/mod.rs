//! ICS feeds: a calendar as one file behind one address, read and never written.

use std::fmt;
use std::sync::Arc;

use kalends_calendar::seams::Clock;
use url::Url;

use crate::http::{Door, Transport};

/// One feed.
pub struct Feed {
    door: Door,
    clock: Arc<dyn Clock>,
    url: Url,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// A feed at an address. Asks nothing yet.
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, url: Url) -> Self {
        Self {
            door: Door {
                transport,
                credentials: None,
            },
            clock,
            url,
        }
    }
}
