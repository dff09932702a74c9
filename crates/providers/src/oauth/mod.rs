//! OAuth 2.0 as Google and Microsoft do it: where the tokens of requests come from.

use async_trait::async_trait;
use kalends_calendar::failure::Failure;
use secrecy::SecretString;

/// Where an adapter gets the access token of its requests. Whoever implements it refreshes, keeps and shares them.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token that should be good now. `refused` is one that the provider has just refused with 401: then another is
    /// wanted. [`kalends_calendar::failure::Class::ReconnectNeeded`] when the grant is dead.
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure>;
}
