//! Opens connections: secrets out of the vault, providers over the one transport of this process.

use std::sync::Arc;

use async_trait::async_trait;
use kalends_calendar::event::Address;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::TenantId;
use kalends_calendar::provider::Provider;
use kalends_calendar::seams::Clock;
use kalends_engine::Providers;
use kalends_providers::caldav::{Account, CalDav};
use kalends_providers::google::{Google, GoogleSettings};
use kalends_providers::graph::{Graph, GraphSettings};
use kalends_providers::http::{Budget, Metered, Transport};
use kalends_providers::ics::Feed;
use kalends_providers::mail::Mailbox;
use kalends_providers::oauth::{Tokens, Vendor};
use kalends_store::connections::{Connection, ProviderKind};
use kalends_store::vault::Purpose;
use kalends_store::{Store, StoreError, secrets};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::budgets::Budgets;
use crate::config::{VendorSettings, Vendors};
use crate::grants::{Grants, Whose};
use crate::keys::{self, KeyRing};

/// The accounts of all tenants.
pub(crate) struct Accounts {
    /// Where sealed secrets are.
    pub(crate) store: Store,
    /// What opens them; none in commands that talk to nobody.
    pub(crate) keys: Option<Arc<KeyRing>>,
    /// What everything is sent over.
    pub(crate) transport: Arc<Metered>,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// What Kalends is at Google and Microsoft.
    pub(crate) vendors: Vendors,
    /// How much their accounts are asked.
    pub(crate) budgets: Budgets,
}

impl Accounts {
    /// A CalDAV account, and the addresses under which its owner is invited, as far as they are known.
    pub(crate) fn caldav(
        &self,
        base: Url,
        user: &str,
        password: SecretString,
        me: Vec<Address>,
    ) -> Arc<dyn Provider> {
        let account = Account {
            base,
            user: user.to_owned(),
            password,
        };
        Arc::new(CalDav::new(self.wire(), Arc::clone(&self.clock), account).with_me(me))
    }

    /// A feed.
    pub(crate) fn feed(&self, url: Url) -> Arc<dyn Provider> {
        Arc::new(Feed::new(self.wire(), Arc::clone(&self.clock), url))
    }

    /// An account at Google or Microsoft, and the addresses under which its owner is invited.
    pub(crate) fn vendor(
        &self,
        settings: &VendorSettings,
        tokens: Arc<dyn Tokens>,
        budget: Arc<dyn Budget>,
        me: Vec<Address>,
    ) -> Arc<dyn Provider> {
        let clock = Arc::clone(&self.clock);
        let base = settings.calendars.clone();
        match settings.client.vendor {
            Vendor::Google => {
                let settings = GoogleSettings { base, me };
                Arc::new(Google::new(self.wire(), clock, tokens, settings).with_budget(budget))
            }
            Vendor::Microsoft => {
                let settings = GraphSettings {
                    me,
                    ..GraphSettings::new(base)
                };
                Arc::new(Graph::new(self.wire(), clock, tokens, settings).with_budget(budget))
            }
        }
    }

    /// The platform's mailbox at a vendor.
    pub(crate) fn mailbox(&self, vendor: Vendor) -> Result<Mailbox, Failure> {
        let settings = self.settings_of(vendor)?;
        Ok(Mailbox {
            vendor,
            base: settings.mail.clone(),
            tokens: self.tokens(settings, Whose::Mailbox)?,
            transport: self.wire(),
        })
    }

    /// What everything is sent over.
    pub(crate) fn wire(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport) as Arc<dyn Transport>
    }

    /// What Kalends is at a vendor; a failure where the operator did not set it up.
    pub(crate) fn settings_of(&self, vendor: Vendor) -> Result<&VendorSettings, Failure> {
        self.vendors.get(vendor).ok_or_else(|| {
            Failure::passing(format!(
                "the operator has to set {}.client_id: Kalends is not known at {} without it",
                vendor.word(),
                vendor.name()
            ))
        })
    }

    fn tokens(&self, settings: &VendorSettings, whose: Whose) -> Result<Arc<dyn Tokens>, Failure> {
        let keys = self.keys.clone().ok_or_else(no_keys)?;
        Ok(Arc::new(Grants {
            store: self.store.clone(),
            keys,
            transport: self.wire(),
            clock: Arc::clone(&self.clock),
            client: settings.client.clone(),
            whose,
        }))
    }

    async fn secret(&self, tenant: TenantId, of: &Connection) -> Result<SecretString, Failure> {
        let unreadable = |error: StoreError| Failure::passing(keys::explained(&error));
        let Some(keys) = &self.keys else {
            return Err(no_keys());
        };
        let mut tx = self.store.read(tenant).await.map_err(unreadable)?;
        let found = match secrets::get(&mut tx, &keys.vault(), of.id, Purpose::Password).await {
            // Since this process began, another has rotated the keys.
            Err(error) if keys::is_unknown_key(&error) => {
                keys.read_again()
                    .map_err(|problem| Failure::passing(format!("{problem:#}")))?;
                secrets::get(&mut tx, &keys.vault(), of.id, Purpose::Password).await
            }
            found => found,
        };
        found.map_err(unreadable)?.ok_or_else(|| {
            Failure::new(
                Class::ReconnectNeeded,
                format!("there is no password for {}", of.name),
            )
        })
    }
}

fn no_keys() -> Failure {
    Failure::passing("this command was started without the master key")
}

#[async_trait]
impl Providers for Accounts {
    async fn open(
        &self,
        tenant: TenantId,
        connection: &Connection,
    ) -> Result<Arc<dyn Provider>, Failure> {
        let wrong = |_| Failure::item(format!("the address of {} is none", connection.name));
        let by_vendor = |vendor| {
            let settings = self.settings_of(vendor)?;
            let tokens = self.tokens(settings, Whose::Connection(tenant, connection.id))?;
            let budget = self.budgets.of(tenant, connection);
            Ok(self.vendor(settings, tokens, budget, connection.me.clone()))
        };
        match connection.provider {
            ProviderKind::Google => by_vendor(Vendor::Google),
            ProviderKind::Microsoft => by_vendor(Vendor::Microsoft),
            ProviderKind::Caldav => {
                let secret = self.secret(tenant, connection).await?;
                let base = connection.url.parse().map_err(wrong)?;
                Ok(self.caldav(base, &connection.user, secret, connection.me.clone()))
            }
            // The address of a feed is itself the key to it, and so it is the secret.
            ProviderKind::Ics => {
                let secret = self.secret(tenant, connection).await?;
                Ok(self.feed(secret.expose_secret().parse().map_err(wrong)?))
            }
        }
    }
}
