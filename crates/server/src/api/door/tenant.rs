//! For which tenant somebody asks, and as what they stand in it.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Parameter, Response};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use jiff::Timestamp;
use kalends_calendar::ids::TokenId;
use kalends_store::features::{self, CALENDAR_SYNC, Effective};
use kalends_store::members::{self, Member, Role};
use kalends_store::tenants::{self, Tenant};
use kalends_store::tokens::{self, Token};
use kalends_store::users::User;
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde_json::Value;
use url::Url;

use super::caller::{self, Caller};
use super::{Api, Shared};
use crate::api::error::{ApiError, documented};
use crate::config::Server;

/// Names the tenant where neither subdomain nor token does.
const TENANT_HEADER: &str = "x-tenant";

/// Browsers take every name below this to be their own machine (RFC 6761 §6.3).
const LOOPBACK_DOMAIN: &str = "localhost";

/// As what somebody stands in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A member; the lesser of their own role and that of their token.
    Member(Role),
    /// No member, but an administrator of the platform: sees what the tenant may do, and nothing of its calendars.
    Platform,
}

/// Somebody in a tenant: 401 for nobody, 400 without a tenant, 403 for who is none of its members.
///
/// What needs a feature takes a [`super::Gate`] instead.
pub(crate) struct Present {
    /// Who.
    pub(crate) caller: Caller,
    /// Where.
    pub(crate) tenant: Tenant,
    /// As what.
    pub(crate) standing: Standing,
}

impl Present {
    /// Begins a transaction that reads what is the tenant's.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        self.caller.api.store.read(self.tenant.id).await
    }

    /// Begins a transaction that also writes.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        self.caller.api.store.begin(self.tenant.id).await
    }

    /// Begins a transaction about the tenant in which tokens for it can be kept, which are of no tenant.
    pub(crate) async fn administer(&self) -> Result<Tx, StoreError> {
        self.caller.api.store.administer(self.tenant.id).await
    }

    /// A token with which somebody got in.
    pub(crate) async fn token(&self, id: TokenId) -> Result<Token, ApiError> {
        let token = tokens::get(&self.caller.api.store, id).await?;
        token.ok_or_else(ApiError::bad_credentials)
    }

    /// How the service is set up.
    pub(crate) fn settings(&self) -> &Server {
        &self.caller.api.settings
    }

    /// The tenant's members, with who they are.
    pub(crate) async fn people(&self) -> Result<Vec<(Member, User)>, StoreError> {
        members::people(&self.caller.api.store, self.tenant.id).await
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.caller.api.now()
    }

    /// Makes sure that somebody is a member with this role or a greater one.
    pub(crate) fn require(&self, least: Role) -> Result<Role, ApiError> {
        match self.standing {
            Standing::Member(role) if role >= least => Ok(role),
            Standing::Member(_) | Standing::Platform => Err(ApiError::role_required(format!(
                "This needs the role {} or a greater one in this tenant.",
                word(least)
            ))),
        }
    }

    /// What the tenant has of the feature that everything about calendars needs.
    pub(crate) async fn calendar_sync(&self, tx: &mut Tx) -> Result<Effective, ApiError> {
        let all = features::effective(tx).await?;
        all.into_iter()
            .find(|feature| feature.code == CALENDAR_SYNC)
            .ok_or_else(|| ApiError::internal("the catalogue has no calendar sync"))
    }
}

/// A role as clients know it.
pub(crate) fn word(role: Role) -> String {
    match serde_json::to_value(role) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

impl FromRequestParts<Shared> for Present {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let caller = caller::caller(parts, api).await?;
        let tenant = match (caller.bound, named(parts, api)) {
            (None, None) => return Err(ApiError::tenant_required()),
            (None, Some(slug)) => tenants::by_slug(&api.store, &slug).await?,
            (Some(id), None) => tenants::by_id(&api.store, id).await?,
            (Some(id), Some(slug)) => tenants::by_id(&api.store, id)
                .await?
                .filter(|tenant| tenant.slug == slug),
        };
        // A tenant that is not there, and one that is none of theirs, are answered alike.
        let strange = || ApiError::role_required("You are not a member of this tenant.");
        let tenant = tenant.ok_or_else(strange)?;
        let mut tx = api.store.read(tenant.id).await?;
        let role = members::role(&mut tx, caller.user.id).await?;
        let standing = match role {
            Some(role) => Standing::Member(caller.capped(role)),
            None if caller.user.platform_admin && caller.role_max.is_none() => Standing::Platform,
            None => return Err(strange()),
        };
        Ok(Self {
            caller,
            tenant,
            standing,
        })
    }
}

/// The slug that the request names: by header, else by the first label of its host.
pub(super) fn named(parts: &Parts, api: &Api) -> Option<String> {
    if let Some(header) = parts.headers.get(TENANT_HEADER) {
        // One that is no text names no tenant there is.
        return Some(header.to_str().unwrap_or_default().trim().to_lowercase());
    }
    let host = parts
        .uri
        .host()
        .or_else(|| parts.headers.get(HOST)?.to_str().ok())?;
    // The address of the service itself is no tenant's, though it may stand below the same domain.
    let own = api.settings.public_url.as_ref().and_then(Url::host_str);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if own.is_some_and(|own| own.eq_ignore_ascii_case(name)) {
        return None;
    }
    subdomain(host, api.settings.domain.as_deref())
}

/// The label before a domain of ours: `demo` of `demo.localhost:8080`.
fn subdomain(host: &str, domain: Option<&str>) -> Option<String> {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let host = host.to_lowercase();
    domain
        .into_iter()
        .chain([LOOPBACK_DOMAIN])
        .find_map(|domain| host.strip_suffix(domain)?.strip_suffix('.'))
        .filter(|label| !label.is_empty() && !label.contains('.'))
        .map(str::to_owned)
}

/// The header, for the document.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "its form is what the document shows")]
struct Headers {
    /// The tenant's slug, where neither the subdomain nor the token says which tenant is meant.
    #[schemars(rename = "X-Tenant")]
    x_tenant: Option<String>,
}

/// Documents how a tenant is named, and what follows where it is not.
pub(super) fn document(
    ctx: &mut GenContext,
    operation: &mut Operation,
) -> Vec<(Option<u16>, Response)> {
    let mut responses = caller::document(ctx, operation);
    responses.push((Some(400), documented(ctx, "No tenant, or bad input.")));
    responses.push((
        Some(403),
        documented(ctx, "The feature or the role is missing."),
    ));
    responses
}

/// Documents the header.
pub(super) fn document_header(ctx: &mut GenContext, operation: &mut Operation) {
    let schema = ctx.schema.subschema_for::<Headers>();
    let parameters: Vec<Parameter> = parameters_from_schema(ctx, schema, ParamLocation::Header);
    add_parameters(ctx, operation, parameters);
}

impl OperationInput for Present {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        document_header(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        document(ctx, operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_named_by_one_label_before_a_domain_of_ours() {
        let of = |host| subdomain(host, Some("example.com"));
        assert_eq!(of("demo.localhost:8080").as_deref(), Some("demo"));
        assert_eq!(of("Demo.Example.com").as_deref(), Some("demo"));
        for none in [
            "localhost",
            "example.com",
            "a.b.example.com",
            "demoexample.com",
            "127.0.0.1:8080",
            "[::1]:8080",
            ".localhost",
            "demo.example.org",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
