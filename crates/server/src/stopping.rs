//! Stopping the channels of an account that is forgotten: with the tokens that it had, which nobody else has any more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::seams::Clock;
use kalends_engine::watch::{as_there, close_quietly};
use kalends_providers::http::{Transport, Unlimited};
use kalends_providers::oauth::{self, Client, Tokens, Vendor};
use kalends_store::channels::Channel;
use kalends_store::connections::{Connection, ProviderKind};
use kalends_store::grants::Grant;
use secrecy::{ExposeSecret, SecretString};

use crate::accounts::Accounts;

/// How long whoever disconnects an account waits for this. A channel that is not stopped in time runs out, and calls in vain
/// until then.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Stops what is open of an account. It is gone here already, whatever comes of it.
pub(crate) async fn stop_channels(
    accounts: &Accounts,
    connection: &Connection,
    grant: &Grant,
    channels: &[Channel],
) {
    let vendor = match connection.provider {
        ProviderKind::Google => Vendor::Google,
        ProviderKind::Microsoft => Vendor::Microsoft,
        ProviderKind::Caldav | ProviderKind::Ics => return,
    };
    let Some(settings) = accounts.vendors.get(vendor) else {
        return;
    };
    let tokens = LastUse {
        grant: Mutex::new(grant.clone()),
        client: settings.client.clone(),
        transport: accounts.wire(),
        clock: Arc::clone(&accounts.clock),
    };
    let provider = accounts.vendor(settings, Arc::new(tokens), Arc::new(Unlimited), Vec::new());
    let closing = async {
        for there in channels.iter().filter_map(as_there) {
            close_quietly(provider.as_ref(), &there).await;
        }
    };
    let too_long = accounts.clock.sleep(STOP_WITHIN);
    match select(std::pin::pin!(closing), too_long).await {
        Either::Left(_) => {}
        Either::Right(_) => {
            tracing::info!(connection = %connection.id, "channels are left to run out");
        }
    }
}

/// The tokens of an account that is forgotten, for one last use.
struct LastUse {
    grant: Mutex<Grant>,
    client: Client,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl LastUse {
    fn grant(&self) -> Grant {
        let grant = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        grant.clone()
    }
}

#[async_trait]
impl Tokens for LastUse {
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        let grant = self.grant();
        let now = self.clock.now();
        let is_refused =
            refused.is_some_and(|refused| refused.expose_secret() == grant.access.expose_secret());
        if grant.access_expires_at > now && !is_refused {
            return Ok(grant.access);
        }
        let (transport, clock) = (self.transport.as_ref(), self.clock.as_ref());
        let asked = oauth::refresh(transport, &self.client, &grant.refresh, clock);
        let granted = asked
            .await
            .map_err(|_| Failure::new(Class::ReconnectNeeded, "the grant is dead"))?;
        let mut kept = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Grant {
            access: granted.access.clone(),
            access_expires_at: granted.access_expires_at,
            refresh: granted.refresh.unwrap_or(grant.refresh),
        };
        Ok(granted.access)
    }
}
