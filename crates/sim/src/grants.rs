//! The tokens of an account at a vendor, as the engine gets them: kept, and refreshed over the same wire as all else.

use std::sync::Arc;

use async_trait::async_trait;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::seams::Clock;
use kalends_providers::http::Transport;
use kalends_providers::oauth::{Tokens, Vendor, refresh};
use kalends_sandbox::oauth::Pair;
use secrecy::{ExposeSecret, SecretString};

use crate::face;
use crate::stage::Stage;

/// One account's tokens.
pub(crate) struct Grants {
    pub(crate) stage: Arc<Stage>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vendor: Vendor,
    pub(crate) user: String,
}

#[async_trait]
impl Tokens for Grants {
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        let kept = self.stage.ledger().grant(&self.user);
        let kept = kept.ok_or_else(|| {
            Failure::new(
                Class::ReconnectNeeded,
                "nobody has consented for this account",
            )
        })?;
        // Somebody else may have refreshed it meanwhile.
        if refused.is_none_or(|refused| refused.expose_secret() != kept.access) {
            return Ok(SecretString::from(kept.access));
        }
        let granted = refresh(
            self.transport.as_ref(),
            &face::client(self.vendor)?,
            &SecretString::from(kept.refresh.clone()),
            self.clock.as_ref(),
        )
        .await?;
        self.stage
            .baton
            .say(&format!("a new token for {}", self.user));
        let new = granted.refresh.as_ref().map(ExposeSecret::expose_secret);
        let pair = Pair {
            access: granted.access.expose_secret().to_owned(),
            refresh: new.map_or(kept.refresh, str::to_owned),
        };
        self.stage.ledger().set_grant(&self.user, pair);
        Ok(granted.access)
    }
}
