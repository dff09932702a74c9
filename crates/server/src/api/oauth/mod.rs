//! `/api/oauth/`: connecting accounts by consent at Google and Microsoft.

pub(super) mod callback;
pub(super) mod initiate;
mod page;
#[cfg(test)]
mod tests;

use kalends_providers::oauth::Vendor;
use url::Url;

use super::error::{Answer, ApiError};
use crate::config::Server;

/// The longest address to return to.
const RETURN_CHARS_MAX: usize = 2_048;

/// Where a vendor sends people back to. It is registered there, and compared letter by letter.
pub(crate) fn redirect_uri(settings: &Server, vendor: Vendor) -> Result<Url, ApiError> {
    let text = format!(
        "{}/api/oauth/{}/callback/",
        settings.address(),
        vendor.word()
    );
    text.parse().map_err(ApiError::internal)
}

/// Where the person is sent afterwards, if that is one of ours.
pub(crate) fn sent_back(settings: &Server, wish: Option<&str>) -> Answer<Option<String>> {
    let Some(text) = wish else {
        return Ok(None);
    };
    let parsed = Some(text)
        .filter(|text| text.len() <= RETURN_CHARS_MAX)
        .and_then(|text| text.parse::<Url>().ok());
    match parsed {
        Some(url) if settings.may_return_to(&url) => Ok(Some(url.into())),
        Some(_) | None => Err(ApiError::field(
            "return_url",
            "people are sent only to origins that the operator lists in server.return_origins",
        )),
    }
}
