//! `/api/oauth/`: connecting accounts by consent at Google and Microsoft.

pub(super) mod callback;
pub(super) mod initiate;
mod page;

use kalends_providers::oauth::Vendor;
use url::Url;

use super::error::ApiError;
use crate::config::Server;

/// Where a vendor sends people back to. It is registered there, and compared letter by letter.
pub(crate) fn redirect_uri(settings: &Server, vendor: Vendor) -> Result<Url, ApiError> {
    let text = format!(
        "{}/api/oauth/{}/callback/",
        settings.address(),
        vendor.word()
    );
    text.parse().map_err(ApiError::internal)
}
