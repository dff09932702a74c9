//! What the operator does for all tenants: tenants, users, tokens, features, plans, invitations, the audit log.

pub(crate) mod audit;
pub(crate) mod features;
pub(crate) mod invite;
pub(crate) mod plans;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod users;

use anyhow::{Result, bail};
use kalends_store::tenants::Tenant;
use kalends_store::users::User;
use kalends_store::{Tx, tenants as stored_tenants, users as stored_users};
use serde_json::Value;

use crate::app::App;

/// The tenant of this slug.
async fn tenant(app: &App, slug: &str) -> Result<Tenant> {
    match stored_tenants::by_slug(&app.store, slug).await? {
        Some(tenant) => Ok(tenant),
        None => bail!("there is no tenant {slug:?}: kalends tenant list"),
    }
}

/// The user with this address.
async fn user(app: &App, email: &str) -> Result<User> {
    match stored_users::by_email(&app.store, email).await? {
        Some(user) => Ok(user),
        None => bail!("there is no user {email:?}: kalends user list, or kalends user add"),
    }
}

/// Adds a line to the log that the transaction writes to, and keeps all of it.
async fn keep(app: &App, mut tx: Tx, action: &str, object: String, detail: Value) -> Result<()> {
    app.audit(&mut tx, action, object, detail).await?;
    Ok(tx.commit().await?)
}
