//! What goes wrong in a small world.

use jiff::Timestamp;
use kalends_calendar::ids::TenantId;
use kalends_store::Store;
use kalends_store::features::{self, CALENDAR_SYNC};

/// What goes wrong with the next write.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    LostBeforeSend,
    LostAfterEffect,
    Refused,
    /// The server fails.
    Unwell,
    /// The grant is dead.
    GrantDead,
    /// It is carried out, and the tenant loses the feature before that is known here.
    FeatureLost(Store, TenantId),
}

/// What goes wrong with listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    Honest,
    Empty,
    Fails,
}

/// Gives a tenant the feature, or takes it away.
pub(crate) async fn set_sync(store: &Store, tenant: TenantId, enabled: bool) {
    let mut tx = store.administer(tenant).await.unwrap();
    let overrides = [(CALENDAR_SYNC, Some(enabled))];
    features::set_overrides(&mut tx, &overrides, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
