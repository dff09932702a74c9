//! `/invitations/{token}/`: the page behind the link of an invitation, and what it sends.

use axum::extract::{Form, Path, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kalends_calendar::ids::{TenantId, UserId};
use kalends_store::audit::Entry;
use kalends_store::invitations::{self, Acceptance, Invitation, InvitationHash};
use kalends_store::users::{self, NewUser};
use kalends_store::{InvitationError, StoreError};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::docs::escaped;
use super::door::{Address, Api, Cause, Shared};
use super::error::sentence;
use super::input::{self, NAME_CHARS_MAX};
use super::page::{page, too_many};
use super::session;
use crate::credentials::{self, Kind, PASSWORD_CHARS_MIN};

/// What the page sends.
#[derive(Deserialize)]
pub(crate) struct Accepting {
    /// The owner's name.
    #[serde(default)]
    name: String,
    /// Their new password, or the one they have.
    password: SecretString,
}

pub(crate) async fn show(State(api): State<Shared>, Path(token): Path<String>) -> Response {
    match find(&api, &token).await {
        Ok((_, invitation)) => match is_known(&api, &invitation).await {
            Ok(known) => page(
                &api.settings,
                StatusCode::OK,
                &form(&invitation, known, None),
            ),
            Err(error) => refused(&api, &error.into()),
        },
        Err(error) => refused(&api, &error),
    }
}

pub(crate) async fn accept(
    State(api): State<Shared>,
    Path(token): Path<String>,
    Address(from): Address,
    Cause(cause): Cause,
    headers: HeaderMap,
    Form(accepting): Form<Accepting>,
) -> Response {
    let (hash, invitation) = match find(&api, &token).await {
        Ok(found) => found,
        Err(error) => return refused(&api, &error),
    };
    if let Err(error) = api.limits().sign_in(&invitation.email, from) {
        let again = "Wait a minute, and open the link again.";
        return too_many(&api.settings, &error, again);
    }
    let again = |known, problem: &str| {
        page(
            &api.settings,
            StatusCode::BAD_REQUEST,
            &form(&invitation, known, Some(problem)),
        )
    };
    let known = match users::by_email(api.before_sign_in(), &invitation.email).await {
        Ok(known) => known,
        Err(error) => return refused(&api, &error.into()),
    };
    if known
        .as_ref()
        .is_some_and(|user| user.disabled_at.is_some())
    {
        return again(true, "This account is closed. Ask whoever invited you.");
    }
    if known
        .as_ref()
        .is_some_and(|user| user.password_hash.is_none())
    {
        return again(
            true,
            "This account has no password yet. Ask the operator for one, and open the link again.",
        );
    }
    let is_known = known.is_some();
    // Whoever has an account has a name, and the page does not ask for it.
    let name = match input::name("name", &accepting.name) {
        Ok(name) => name,
        Err(_) if is_known => String::new(),
        Err(_) => {
            let problem = format!("Your name: it needs 1 to {NAME_CHARS_MAX} characters.");
            return again(false, &problem);
        }
    };
    let expected = known.as_ref().map(|user| user.id);
    // Whoever has a password proves to be that person: the link may have gone astray.
    let known_hash = known.and_then(|user| user.password_hash);
    let password = accepting.password;
    let checked = api.limits().hashing(move || {
        if is_known {
            Ok(credentials::verify_password(&password, known_hash.as_ref()).then_some(None))
        } else {
            credentials::hash_password(&password).map(|hash| Some(Some(hash)))
        }
    });
    let password_hash = match checked.await {
        Ok(Ok(Some(hash))) => hash,
        Ok(Ok(None)) => return again(is_known, "The password is wrong."),
        Ok(Err(problem)) => return again(is_known, &sentence(&problem)),
        Err(error) => return error.into_response(),
    };
    let now = api.now();
    let tenant = TenantId(api.ids().next());
    let user = UserId(api.ids().next());
    let entry = Entry {
        id: api.ids().next(),
        at: now,
        actor: invitation.email.clone(),
        action: "invitation.accept".to_owned(),
        object: format!("tenant {}", invitation.slug),
        detail: json!({ "plan": invitation.plan, "features": invitation.features }),
        address: from.map(|from| from.to_string()),
        cause: Some(format!("invitation {}", invitation.id)),
    };
    let acceptance = Acceptance {
        tenant,
        user: NewUser {
            id: user,
            email: invitation.email.clone(),
            name,
            password_hash,
            platform_admin: false,
            created_at: now,
        },
        known: expected,
        entry: Some(entry),
        now,
    };
    let owner = match invitations::accept(api.before_sign_in(), &hash, acceptance).await {
        Ok((_, owner)) => owner,
        Err(error) => return refused(&api, &error),
    };
    welcome(&api, owner, from, cause, &headers).await
}

/// Signs the new owner in, and leads them home.
async fn welcome(
    api: &Api,
    owner: UserId,
    from: Option<std::net::IpAddr>,
    cause: Option<String>,
    headers: &HeaderMap,
) -> Response {
    let user = match users::get(api.before_sign_in(), owner).await {
        Ok(Some(user)) => user,
        Ok(None) => return refused(api, &InvitationError::Unknown),
        Err(error) => return refused(api, &error.into()),
    };
    match session::begin(api, &user, from, cause, headers).await {
        Ok(cookie) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            let headers = response.headers_mut();
            headers.insert(SET_COOKIE, cookie);
            let next = format!("{}/invitations/accepted/", api.settings.prefix());
            if let Ok(next) = HeaderValue::from_str(&next) {
                headers.insert(LOCATION, next);
            }
            response
        }
        Err(error) => error.into_response(),
    }
}

pub(crate) async fn accepted(State(api): State<Shared>) -> Response {
    page(
        &api.settings,
        StatusCode::OK,
        &format!(
            "<h1>Welcome</h1><p>Your business is set up, and you are signed in as its owner.</p>\
             <p><a href=\"{}/\">Open Kalends</a></p>",
            api.settings.prefix()
        ),
    )
}

async fn find(api: &Api, token: &str) -> Result<(InvitationHash, Invitation), InvitationError> {
    let hash = credentials::hash(Kind::Invitation, token).ok_or(InvitationError::Unknown)?;
    let hash = InvitationHash(hash);
    let found = invitations::find(api.before_sign_in(), &hash).await?;
    let invitation = found.ok_or(InvitationError::Unknown)?;
    invitation.check(api.now())?;
    Ok((hash, invitation))
}

async fn is_known(api: &Api, invitation: &Invitation) -> Result<bool, StoreError> {
    let known = users::by_email(api.before_sign_in(), &invitation.email).await?;
    Ok(known.is_some())
}

/// A clear page for a link that is good no more, or never was.
fn refused(api: &Api, error: &InvitationError) -> Response {
    let (status, title, text) = match error {
        InvitationError::Unknown => (
            StatusCode::NOT_FOUND,
            "This link is not valid",
            "It may be cut off: copy the whole of it from the mail. Else ask for a new invitation.",
        ),
        InvitationError::Used => (
            StatusCode::GONE,
            "This invitation was accepted already",
            "Sign in instead. If it was not you who accepted it, tell whoever invited you.",
        ),
        InvitationError::Expired => (
            StatusCode::GONE,
            "This invitation has expired",
            "Invitations are good for seven days. Ask for a new one.",
        ),
        InvitationError::Revoked => (
            StatusCode::GONE,
            "This invitation was taken back",
            "Ask whoever invited you.",
        ),
        InvitationError::SlugTaken => (
            StatusCode::CONFLICT,
            "The name is taken",
            "Somebody else took the short name of your business meanwhile. Ask for a new invitation.",
        ),
        InvitationError::Meanwhile => (
            StatusCode::CONFLICT,
            "Open the link again",
            "Somebody with your address has got an account meanwhile. The invitation is still good.",
        ),
        InvitationError::Store(cause) => {
            tracing::error!(%cause, "an invitation could not be looked up or accepted");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "Something went wrong",
                "It is our fault, and the invitation is still good. Try again in a minute.",
            )
        }
    };
    page(
        &api.settings,
        status,
        &format!("<h1>{title}</h1><p>{text}</p>"),
    )
}

fn form(invitation: &Invitation, known: bool, problem: Option<&str>) -> String {
    let problem = problem.map_or_else(String::new, |problem| {
        format!(
            "<p class=\"problem\" role=\"alert\">{}</p>",
            escaped(problem)
        )
    });
    let tenant = escaped(&invitation.tenant_name);
    let email = escaped(&invitation.email);
    let fields = if known {
        "<label>Your password <input name=\"password\" type=\"password\" required autocomplete=\"current-password\"></label>"
            .to_owned()
    } else {
        format!(
            "<label>Your name <input name=\"name\" required maxlength=\"{NAME_CHARS_MAX}\" autocomplete=\"name\"></label>\
             <label>A new password, of {PASSWORD_CHARS_MIN} characters or more \
             <input name=\"password\" type=\"password\" required minlength=\"{PASSWORD_CHARS_MIN}\" \
             autocomplete=\"new-password\"></label>"
        )
    };
    format!(
        "<h1>Welcome to {tenant}</h1><p>You are invited as its owner, as {email}.</p>{problem}\
         <form method=\"post\">{fields}<button>Accept the invitation</button></form>"
    )
}
