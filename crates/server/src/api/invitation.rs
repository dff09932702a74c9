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
use super::page::{page_in, too_many};
use super::session;
use super::tongue::Tongue;
use crate::credentials::{self, Kind, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// What the page sends.
#[derive(Deserialize)]
pub(crate) struct Accepting {
    /// The owner's name.
    #[serde(default)]
    name: String,
    /// Their new password, or the one they have.
    password: SecretString,
}

pub(crate) async fn show(
    State(api): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let tongue = Tongue::of(&headers);
    match find(&api, &token).await {
        Ok((_, invitation)) => match is_known(&api, &invitation).await {
            Ok(known) => page_in(
                &api.settings,
                tongue,
                StatusCode::OK,
                &form(tongue, &invitation, known, None),
            ),
            Err(error) => refused(&api, tongue, &error.into()),
        },
        Err(error) => refused(&api, tongue, &error),
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
    let tongue = Tongue::of(&headers);
    let (hash, invitation) = match find(&api, &token).await {
        Ok(found) => found,
        Err(error) => return refused(&api, tongue, &error),
    };
    if let Err(error) = api.limits().sign_in(&invitation.email, from) {
        let again = tongue.say(
            "Wait a minute, and open the link again.",
            "Warten Sie eine Minute und öffnen Sie den Link noch einmal.",
        );
        return too_many(&api.settings, tongue, &error, again);
    }
    let again = |known, problem: &str| {
        page_in(
            &api.settings,
            tongue,
            StatusCode::BAD_REQUEST,
            &form(tongue, &invitation, known, Some(problem)),
        )
    };
    let known = match users::by_email(api.before_sign_in(), &invitation.email).await {
        Ok(known) => known,
        Err(error) => return refused(&api, tongue, &error.into()),
    };
    if known
        .as_ref()
        .is_some_and(|user| user.disabled_at.is_some())
    {
        let problem = tongue.say(
            "This account is closed. Ask whoever invited you.",
            "Dieses Konto ist geschlossen. Fragen Sie, wer Sie eingeladen hat.",
        );
        return again(true, problem);
    }
    if known
        .as_ref()
        .is_some_and(|user| user.password_hash.is_none())
    {
        let problem = tongue.say(
            "This account has no password yet. Ask the operator for one, and open the link again.",
            "Dieses Konto hat noch kein Passwort. Bitten Sie den Betreiber um eines und öffnen Sie den Link noch einmal.",
        );
        return again(true, problem);
    }
    let is_known = known.is_some();
    // Whoever has an account has a name, and the page does not ask for it.
    let name = match input::name("name", &accepting.name) {
        Ok(name) => name,
        Err(_) if is_known => String::new(),
        Err(_) => {
            let (before, after) = (
                tongue.say("Your name: it needs 1 to", "Ihr Name: er braucht 1 bis"),
                tongue.say("characters.", "Zeichen."),
            );
            return again(false, &format!("{before} {NAME_CHARS_MAX} {after}"));
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
        Ok(Ok(None)) => {
            return again(
                is_known,
                tongue.say("The password is wrong.", "Das Passwort ist falsch."),
            );
        }
        Ok(Err(problem)) => {
            let problem = match tongue {
                Tongue::En => sentence(&problem),
                Tongue::De => format!(
                    "Das neue Passwort braucht mindestens {PASSWORD_CHARS_MIN} Zeichen und höchstens {PASSWORD_BYTES_MAX} Byte."
                ),
            };
            return again(is_known, &problem);
        }
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
        Err(error) => return refused(&api, tongue, &error),
    };
    welcome(&api, tongue, owner, from, cause, &headers).await
}

/// Signs the new owner in, and leads them home.
async fn welcome(
    api: &Api,
    tongue: Tongue,
    owner: UserId,
    from: Option<std::net::IpAddr>,
    cause: Option<String>,
    headers: &HeaderMap,
) -> Response {
    let user = match users::get(api.before_sign_in(), owner).await {
        Ok(Some(user)) => user,
        Ok(None) => return refused(api, tongue, &InvitationError::Unknown),
        Err(error) => return refused(api, tongue, &error.into()),
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

pub(crate) async fn accepted(State(api): State<Shared>, headers: HeaderMap) -> Response {
    let tongue = Tongue::of(&headers);
    let title = tongue.say("Welcome", "Willkommen");
    let text = tongue.say(
        "Your business is set up, and you are signed in as its owner.",
        "Ihr Betrieb ist eingerichtet, und Sie sind als Inhaber angemeldet.",
    );
    let open = tongue.say("Open Kalends", "Kalends öffnen");
    let home = api.settings.prefix();
    let content = format!("<h1>{title}</h1><p>{text}</p><p><a href=\"{home}/\">{open}</a></p>");
    page_in(&api.settings, tongue, StatusCode::OK, &content)
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
fn refused(api: &Api, tongue: Tongue, error: &InvitationError) -> Response {
    let (status, title, text) = match error {
        InvitationError::Unknown => (
            StatusCode::NOT_FOUND,
            tongue.say("This link is not valid", "Dieser Link gilt nicht"),
            tongue.say(
                "It may be cut off: copy the whole of it from the mail. Else ask for a new invitation.",
                "Vielleicht ist er abgeschnitten: Kopieren Sie ihn ganz aus der Mail. Sonst bitten Sie um eine neue Einladung.",
            ),
        ),
        InvitationError::Used => (
            StatusCode::GONE,
            tongue.say(
                "This invitation was accepted already",
                "Diese Einladung wurde schon angenommen",
            ),
            tongue.say(
                "Sign in instead. If it was not you who accepted it, tell whoever invited you.",
                "Melden Sie sich an. Waren Sie es nicht, der sie angenommen hat, sagen Sie es dem, der Sie eingeladen hat.",
            ),
        ),
        InvitationError::Expired => (
            StatusCode::GONE,
            tongue.say(
                "This invitation has expired",
                "Diese Einladung ist abgelaufen",
            ),
            tongue.say(
                "Invitations are good for seven days. Ask for a new one.",
                "Einladungen gelten sieben Tage. Bitten Sie um eine neue.",
            ),
        ),
        InvitationError::Revoked => (
            StatusCode::GONE,
            tongue.say(
                "This invitation was taken back",
                "Diese Einladung wurde zurückgenommen",
            ),
            tongue.say("Ask whoever invited you.", "Fragen Sie, wer Sie eingeladen hat."),
        ),
        InvitationError::SlugTaken => (
            StatusCode::CONFLICT,
            tongue.say("The name is taken", "Der Name ist vergeben"),
            tongue.say(
                "Somebody else took the short name of your business meanwhile. Ask for a new invitation.",
                "Den Kurznamen Ihres Betriebs hat inzwischen jemand anders. Bitten Sie um eine neue Einladung.",
            ),
        ),
        InvitationError::Meanwhile => (
            StatusCode::CONFLICT,
            tongue.say("Open the link again", "Öffnen Sie den Link noch einmal"),
            tongue.say(
                "Somebody with your address has got an account meanwhile. The invitation is still good.",
                "Jemand mit Ihrer Adresse hat inzwischen ein Konto. Die Einladung gilt noch.",
            ),
        ),
        InvitationError::Store(cause) => {
            tracing::error!(%cause, "an invitation could not be looked up or accepted");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                tongue.say("Something went wrong", "Etwas ist schiefgegangen"),
                tongue.say(
                    "It is our fault, and the invitation is still good. Try again in a minute.",
                    "Es liegt an uns, und die Einladung gilt noch. Versuchen Sie es in einer Minute wieder.",
                ),
            )
        }
    };
    let content = format!("<h1>{title}</h1><p>{text}</p>");
    page_in(&api.settings, tongue, status, &content)
}

fn form(tongue: Tongue, invitation: &Invitation, known: bool, problem: Option<&str>) -> String {
    let problem = problem.map_or_else(String::new, |problem| {
        format!(
            "<p class=\"problem\" role=\"alert\">{}</p>",
            escaped(problem)
        )
    });
    let tenant = escaped(&invitation.tenant_name);
    let email = escaped(&invitation.email);
    let fields = if known {
        let label = tongue.say("Your password", "Ihr Passwort");
        format!(
            "<label>{label} <input name=\"password\" type=\"password\" required autocomplete=\"current-password\"></label>"
        )
    } else {
        let name = tongue.say("Your name", "Ihr Name");
        let (of, more) = (
            tongue.say("A new password, of", "Ein neues Passwort mit mindestens"),
            tongue.say("characters or more", "Zeichen"),
        );
        format!(
            "<label>{name} <input name=\"name\" required maxlength=\"{NAME_CHARS_MAX}\" autocomplete=\"name\"></label>\
             <label>{of} {PASSWORD_CHARS_MIN} {more} \
             <input name=\"password\" type=\"password\" required minlength=\"{PASSWORD_CHARS_MIN}\" \
             autocomplete=\"new-password\"></label>"
        )
    };
    let welcome = tongue.say("Welcome to", "Willkommen bei");
    let (invited, end) = (
        tongue.say(
            "You are invited as its owner, as",
            "Sie sind als Inhaber eingeladen, als",
        ),
        tongue.say("Accept the invitation", "Einladung annehmen"),
    );
    format!(
        "<h1>{welcome} {tenant}</h1><p>{invited} {email}.</p>{problem}\
         <form method=\"post\">{fields}<button>{end}</button></form>"
    )
}
