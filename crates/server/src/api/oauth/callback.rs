//! `GET /api/oauth/{google,microsoft}/callback/`: where people come back to from a consent page. Unless all is well, nothing
//! is stored.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::TenantId;
use kalends_providers::oauth::{self, GrantError, Granted, Identity, Purpose, Returned, Vendor};
use kalends_store::mailbox::{self, AuthServer, NewMailbox};
use kalends_store::members::Role;
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::page::{self, End};
use super::redirect_uri;
use crate::api::door::{Aim, Unwelcome, Visitor, Welcome};
use crate::api::error::{ApiError, sentence};
use crate::api::input::Params;
use crate::api::page::Shown;
use crate::config::VendorSettings;
use crate::connecting::{self, ConnectError, Keeping, Seen};

/// What a vendor sends back (RFC 6749 §4.1.2).
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ConsentAnswer")]
pub(crate) struct Brought {
    /// The one that the person was sent away with.
    #[serde(default)]
    state: String,
    /// What is changed for tokens.
    #[schemars(with = "Option<String>")]
    code: Option<SecretString>,
    /// Why there is no code.
    error: Option<String>,
}

pub(crate) async fn google(visitor: Visitor, Params(brought): Params<Brought>) -> Shown {
    Shown(land(visitor, Vendor::Google, brought).await)
}

pub(crate) async fn microsoft(visitor: Visitor, Params(brought): Params<Brought>) -> Shown {
    Shown(land(visitor, Vendor::Microsoft, brought).await)
}

/// Why nothing was connected.
enum Refusal {
    /// Whoever came back is not let in.
    Unwelcome(Unwelcome),
    /// Something is wrong with what they brought, or with the account.
    Told(StatusCode, &'static str, String),
    /// It is our fault; the log knows more.
    Internal(ApiError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::from(ApiError::from(error))
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        match error.status() {
            StatusCode::INTERNAL_SERVER_ERROR => Self::Internal(error),
            status => Self::Told(status, error.code(), error.text().to_owned()),
        }
    }
}

async fn land(visitor: Visitor, vendor: Vendor, brought: Brought) -> Response {
    let settings = visitor.settings().clone();
    let back = match visitor.come_back(vendor, &brought.state).await {
        Ok(Ok(back)) => back,
        Ok(Err(unwelcome)) => {
            return page::told(&settings, vendor, &unwelcome_end(&unwelcome), None);
        }
        Err(error) => return error.into_response(),
    };
    let return_url = back.return_url().map(str::to_owned);
    let ended = async {
        let welcome = back.welcome().await?.map_err(Refusal::Unwelcome)?;
        finish(&welcome, vendor, brought).await
    };
    let end = match ended.await {
        Ok(end) => end,
        Err(Refusal::Unwelcome(unwelcome)) => unwelcome_end(&unwelcome),
        Err(Refusal::Told(status, code, why)) => End::Refused { status, code, why },
        Err(Refusal::Internal(error)) => return error.into_response(),
    };
    page::told(&settings, vendor, &end, return_url.as_deref())
}

/// Changes the code for tokens, looks what they open, and keeps them.
async fn finish(welcome: &Welcome, vendor: Vendor, brought: Brought) -> Result<End, Refusal> {
    let code = code(vendor, brought)?;
    let settings = welcome.api.vendors().get(vendor).cloned().ok_or_else(|| {
        Refusal::Told(
            StatusCode::SERVICE_UNAVAILABLE,
            "provider_not_configured",
            format!("{} is no longer set up here.", vendor.name()),
        )
    })?;
    let redirect = redirect_uri(&welcome.api.settings, vendor)?;
    let wire = welcome.accounts().wire();
    let returned = Returned {
        code: &code,
        verifier: &welcome.verifier,
        redirect: &redirect,
    };
    let granted = oauth::exchange(wire.as_ref(), &settings.client, returned, welcome.api.now())
        .await
        .map_err(|error| {
            tracing::warn!(%error, provider = vendor.word(), "a code was not changed for tokens");
            Refusal::Told(
                StatusCode::BAD_GATEWAY,
                "exchange_failed",
                not_exchanged(vendor, &error),
            )
        })?;
    let purpose = match welcome.aim {
        Aim::Account(..) => Purpose::Calendar,
        Aim::Mailbox => Purpose::Email,
    };
    let missing = granted.missing(vendor, purpose);
    if !missing.is_empty() {
        return Err(Refusal::Told(
            StatusCode::BAD_REQUEST,
            "missing_scopes",
            format!(
                "Not everything was allowed that Kalends needs at {}; tick all boxes there. Missing: {}.",
                vendor.name(),
                missing.join(", ")
            ),
        ));
    }
    let identity = oauth::identity(
        wire.as_ref(),
        &settings.client,
        &granted.access,
        welcome.api.now(),
    )
    .await
    .map_err(|failure| unreachable(&failure))?;
    match welcome.aim {
        Aim::Account(tenant, role) => {
            account(welcome, &settings, (tenant, role), granted, identity).await
        }
        Aim::Mailbox => platform_mailbox(welcome, vendor, granted, identity).await,
    }
}

/// Why there is no token, for the person. What a refused grant of an account is called is not true of a code: nothing was
/// connected yet.
fn not_exchanged(vendor: Vendor, error: &GrantError) -> String {
    match error {
        GrantError::Dead(_) => format!(
            "{} does not accept the code that you came back with: it was used already, is too old, or was cut off. \
             Begin again where you came from.",
            vendor.name()
        ),
        GrantError::AdminNeeded(_)
        | GrantError::Operator(_)
        | GrantError::Passing { .. }
        | GrantError::Protocol(_) => sentence(error),
    }
}

fn code(vendor: Vendor, brought: Brought) -> Result<SecretString, Refusal> {
    match (brought.code, brought.error.as_deref()) {
        (Some(code), None) => Ok(code),
        (_, Some("access_denied")) => Err(Refusal::Told(
            StatusCode::BAD_REQUEST,
            "access_denied",
            format!(
                "You did not allow Kalends to use the account at {}.",
                vendor.name()
            ),
        )),
        (_, Some("consent_required" | "admin_policy_enforced")) => Err(Refusal::Told(
            StatusCode::BAD_REQUEST,
            "admin_consent_required",
            format!(
                "An administrator of your organisation has to allow Kalends at {} first.",
                vendor.name()
            ),
        )),
        // What the vendor says is not shown: anybody can write such an address.
        (_, Some(_)) => Err(Refusal::Told(
            StatusCode::BAD_REQUEST,
            "provider_refused",
            format!(
                "{} ended the consent without saying why in a way that can be shown.",
                vendor.name()
            ),
        )),
        (None, None) => Err(Refusal::Told(
            StatusCode::BAD_REQUEST,
            "code_missing",
            format!("{} sent nothing back that could be used.", vendor.name()),
        )),
    }
}

/// Keeps an account of a tenant: a new connection, or the one that it is already.
async fn account(
    welcome: &Welcome,
    settings: &VendorSettings,
    (tenant, role): (TenantId, Role),
    granted: Granted,
    identity: Identity,
) -> Result<End, Refusal> {
    let accounts = welcome.accounts();
    let Some(keys) = accounts.keys.clone() else {
        return Err(ApiError::internal("the vault is closed").into());
    };
    let wanted =
        connecting::vendor(accounts, settings, granted, identity).map_err(not_connected)?;
    let seen = connecting::look(wanted).await.map_err(not_connected)?;
    let mut tx = welcome.begin().await?.map_err(Refusal::Unwelcome)?;
    if let Some(known) = connecting::known(&mut tx, &seen).await?
        && role < Role::Manager
        && known.owner != Some(welcome.user.id)
    {
        return Err(Refusal::Told(
            StatusCode::FORBIDDEN,
            "role_required",
            "This account was connected by somebody else: it needs the role manager or a greater one."
                .to_owned(),
        ));
    }
    let keeping = Keeping {
        name: None,
        owner: Some(welcome.user.id),
        vault: &keys.vault(),
        ids: welcome.api.ids().as_ref(),
        at: welcome.api.now(),
    };
    let kept = connecting::keep(&mut tx, &seen, &keeping)
        .await
        .map_err(not_connected)?;
    let action = if kept.again {
        "connection.reconnect"
    } else {
        "connection.create"
    };
    let object = format!("connection {}", kept.id);
    let detail = json!({ "name": kept.name, "provider": settings.client.vendor.word() });
    welcome.audit(&mut tx, action, object, detail).await?;
    tx.commit().await?;
    tracing::info!(%tenant, connection = %kept.id, "an account was connected by consent");
    Ok(End::Connected {
        account: kept.name,
        connection: Some(kept.id.to_string()),
        next: connected_sentence(&seen, kept.again),
    })
}

fn connected_sentence(seen: &Seen, again: bool) -> String {
    if again {
        return "It was connected before: its links and events go on where they were. You can close this page."
            .to_owned();
    }
    match seen.discovery.calendars.len() {
        1 => "It has one calendar, which can be linked now. You can close this page.".to_owned(),
        count => {
            format!("It has {count} calendars, which can be linked now. You can close this page.")
        }
    }
}

/// Keeps the platform's mailbox, in place of the one before.
async fn platform_mailbox(
    welcome: &Welcome,
    vendor: Vendor,
    granted: Granted,
    identity: Identity,
) -> Result<End, Refusal> {
    let Some(keys) = welcome.accounts().keys.clone() else {
        return Err(ApiError::internal("the vault is closed").into());
    };
    let Some(refresh) = granted.refresh else {
        return Err(no_refresh_token(vendor));
    };
    let mut tx: Tx = welcome.begin().await?.map_err(Refusal::Unwelcome)?;
    let new = NewMailbox {
        provider: match vendor {
            Vendor::Google => AuthServer::Google,
            Vendor::Microsoft => AuthServer::Microsoft,
        },
        subject: identity.subject,
        email: identity.email.clone(),
        access: granted.access,
        access_expires_at: granted.access_expires_at,
        refresh,
        connected_by: welcome.user.id,
    };
    mailbox::connect(&mut tx, &keys.vault(), new, welcome.api.now()).await?;
    let detail = json!({ "email": identity.email, "provider": vendor.word() });
    welcome
        .audit(&mut tx, "mailbox.connect", "mailbox".to_owned(), detail)
        .await?;
    tx.commit().await?;
    Ok(End::Connected {
        account: identity.email,
        connection: None,
        next: "Kalends sends its notices from this mailbox now. You can close this page."
            .to_owned(),
    })
}

fn no_refresh_token(vendor: Vendor) -> Refusal {
    Refusal::Told(
        StatusCode::BAD_GATEWAY,
        "exchange_failed",
        format!(
            "{} gave no lasting access. Remove Kalends from the apps that may use the account there, and try again.",
            vendor.name()
        ),
    )
}

fn not_connected(error: ConnectError) -> Refusal {
    match error {
        ConnectError::Provider(failure) => unreachable(&failure),
        ConnectError::NoRefreshToken(vendor) => no_refresh_token(vendor),
        ConnectError::NameTaken(_)
        | ConnectError::Address(_)
        | ConnectError::NoCalendars { .. } => {
            Refusal::Told(StatusCode::BAD_REQUEST, "not_connected", error.to_string())
        }
        ConnectError::Store(error) => error.into(),
    }
}

fn unreachable(failure: &Failure) -> Refusal {
    let status = match failure.class {
        Class::Passing { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    Refusal::Told(status, "provider_error", failure.message.clone())
}

fn unwelcome_end(unwelcome: &Unwelcome) -> End {
    let (status, code, why) = match unwelcome {
        Unwelcome::Stale => (
            StatusCode::BAD_REQUEST,
            "invalid_state",
            "This link was used already, has expired, or was never ours. Begin again where you came from.".to_owned(),
        ),
        Unwelcome::OtherProvider => (
            StatusCode::BAD_REQUEST,
            "invalid_state",
            "This link belongs to another provider. Begin again where you came from.".to_owned(),
        ),
        Unwelcome::SomebodyElse => (
            StatusCode::FORBIDDEN,
            "invalid_state",
            "Somebody else, or another business, began this. Sign in as who began it, and begin again.".to_owned(),
        ),
        Unwelcome::NotSignedIn => (
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "You are signed in no longer. Sign in, and begin again.".to_owned(),
        ),
        Unwelcome::NoLonger(why) => (StatusCode::FORBIDDEN, "role_required", why.clone()),
        Unwelcome::Feature(_, name) => (
            StatusCode::FORBIDDEN,
            "feature_not_available",
            format!(
                "Your current plan does not include {name}. Please upgrade your subscription to use this feature."
            ),
        ),
    };
    End::Refused { status, code, why }
}
