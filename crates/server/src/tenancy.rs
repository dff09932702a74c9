//! For whom a command works: the tenant that is named, and whether it may.

use anyhow::{Result, bail};
use kalends_calendar::ids::TenantId;
use kalends_store::audit::{self, Entry};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{PLATFORM, Store, StoreError};
use serde_json::json;

use crate::app::App;

/// For whom a command works, and what it needs of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// For the platform, for all tenants, or for those that it names itself.
    Platform,
    /// For a tenant that is there, whatever it may use.
    Tenant,
    /// Shows how a tenant fares, whatever it may use.
    Overview,
    /// Works with a tenant's calendars: it needs calendar sync.
    Calendars,
    /// The same; and where the default tenant is not there yet, this may be the first that is done for it.
    First,
}

/// The tenant that the settings name, if it may do what the command is for; [`PLATFORM`] where it is for none.
pub(crate) async fn of(app: &App, work: For) -> Result<TenantId> {
    if work == For::Platform {
        return Ok(PLATFORM);
    }
    let slug = &app.settings.tenant;
    let Some(tenant) = tenants::by_slug(&app.store, slug).await? else {
        return missing(app, slug, work).await;
    };
    match work {
        For::Calendars | For::First => gate(&app.store, tenant.id, slug).await?,
        For::Platform | For::Tenant | For::Overview => {}
    }
    Ok(tenant.id)
}

/// What stands for a tenant that is not there. Who names one means one that is: nothing is made of a slip of the pen.
async fn missing(app: &App, slug: &str, work: For) -> Result<TenantId> {
    match work {
        For::First if !app.settings.tenant_is_named => make(app, slug).await,
        // Nobody has this id, so all that is looked for is not there.
        For::Overview | For::Calendars if !app.settings.tenant_is_named => {
            Ok(TenantId(app.ids.next()))
        }
        For::Platform | For::Tenant | For::Overview | For::Calendars | For::First => bail!(
            "there is no tenant {slug:?}: `kalends tenant list` shows those that there are, \
             `kalends tenant add {slug}` makes it"
        ),
    }
}

/// Refuses a tenant without calendar sync, and says what would give it to it.
async fn gate(store: &Store, tenant: TenantId, slug: &str) -> Result<()> {
    let mut tx = store.read(tenant).await?;
    match features::require(&mut tx, CALENDAR_SYNC).await {
        Err(StoreError::FeatureOff(feature)) => bail!(
            "the tenant {slug} does not have {}: `kalends tenant set {slug} --feature {CALENDAR_SYNC}=on` \
             switches it on, or a plan that has it (`kalends tenant set {slug} --plan PLAN`)",
            feature.name
        ),
        done => Ok(done?),
    }
}

/// Makes the default tenant. It has calendar sync: whoever begins so keeps calendars of their own in step, and has no plan.
async fn make(app: &App, slug: &str) -> Result<TenantId> {
    let id = TenantId(app.ids.next());
    let new = NewTenant {
        id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        created_at: app.now(),
    };
    let detail = json!({ "plan": null, "can_use_calendar_sync": true });
    let told = app.entry("tenant.create", format!("tenant {slug}"), detail);
    match insert(&app.store, new, told).await {
        Ok(()) => Ok(id),
        // Another process was quicker.
        Err(StoreError::Taken(_)) => match tenants::by_slug(&app.store, slug).await? {
            Some(known) => Ok(known.id),
            None => bail!("the tenant {slug} can be neither found nor made"),
        },
        Err(error) => Err(error.into()),
    }
}

async fn insert(store: &Store, new: NewTenant, told: Entry) -> Result<(), StoreError> {
    let at = new.created_at;
    let mut tx = store.administer(new.id).await?;
    tenants::insert(&mut tx, new).await?;
    features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], at).await?;
    audit::append(&mut tx, told).await?;
    tx.commit().await
}
