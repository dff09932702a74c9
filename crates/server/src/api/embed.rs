//! `/api/embed-links/`: links that open a screen of Kalends inside the pages of a host product.
//!
//! A link carries a token of its own: good for hours, for one tenant, as one member, and at most as what that member and
//! whoever made the link may. It stands in the fragment of the address, which browsers send to no server.

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::{TokenId, UserId};
use kalends_store::members::Role;
use kalends_store::tokens::{self, NewToken, TokenHash};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::{Url, form_urlencoded};

use super::door::{Inside, Present, Tending, Via};
use super::error::{Answer, ApiError};
use super::input::Body;
use super::output::{Once, Reply};
use super::words;
use crate::config::Server;
use crate::credentials::{self, Kind};

/// How long a link is good, unless said otherwise: for one sitting.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(1);
/// A link that somebody kept opens nothing on the next day but one.
const GOOD_FOR_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Shorter than it takes to go through a consent page helps nobody.
const GOOD_FOR_MIN: SignedDuration = SignedDuration::from_secs(60);
/// The longest address of a logo.
const LOGO_CHARS_MAX: usize = 2_048;

/// A screen that may be shown inside another product.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EmbeddedScreen")]
enum Screen {
    /// Whether calendars are in step, with everything that is done about it.
    #[default]
    Status,
    /// Connecting an account, then choosing its calendars.
    Connect,
}

impl Screen {
    /// Below the place of embedded screens.
    fn path(self) -> &'static str {
        match self {
            Self::Status => "",
            Self::Connect => "connect",
        }
    }
}

/// Light or dark.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EmbeddedTheme")]
enum Theme {
    Light,
    Dark,
}

/// A language of the screens.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EmbeddedLanguage")]
enum Language {
    En,
    De,
}

/// A link to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewEmbedLink")]
pub(crate) struct New {
    /// Which screen it opens.
    #[serde(default)]
    screen: Screen,
    /// The member who looks at it; the caller if missing. Only owners name somebody else.
    #[serde(default)]
    email: Option<String>,
    /// At most as what they act there; as the caller if missing.
    #[serde(default)]
    #[schemars(with = "Option<words::Role>")]
    role: Option<Role>,
    /// For how many seconds it is good: 60 to 86400, an hour if missing; never longer than the token with which it is made.
    #[serde(default)]
    lifetime_seconds: Option<i64>,
    /// The host's colour, such as `#2456c8`. Kalends shifts it as far as it must so that text on it can be read.
    #[serde(default)]
    accent: Option<String>,
    /// The host's logo: an address below one of `server.frame_origins`.
    #[serde(default)]
    logo: Option<String>,
    /// As the system has it if missing.
    #[serde(default)]
    theme: Option<Theme>,
    /// As the browser has it if missing.
    #[serde(default)]
    language: Option<Language>,
}

/// A link that was made. It is shown this once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmbedLinkMade")]
pub(crate) struct Made {
    success: bool,
    /// For the `src` of a frame, in a page below one of `server.frame_origins`.
    url: String,
    /// The id of its token, which `DELETE /api/tokens/{id}/` revokes.
    token_id: String,
    #[schemars(with = "words::Instant")]
    expires_at: Timestamp,
}

pub(crate) async fn make(inside: Inside<Tending>, Body(new): Body<New>) -> Answer<Once<Made, 201>> {
    let present = inside.0;
    let settings = present.settings();
    if settings.frame_origins.is_empty() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "embedding_not_set_up",
            "The operator lists no sites in server.frame_origins, so that no page may show this link.",
        ));
    }
    let look = look(settings, &new)?;
    let (user, own_role) = looker(&present, new.email.as_deref()).await?;
    let role = new.role.map_or(own_role, |asked| asked.min(own_role));
    if role < Role::Staff {
        return Err(ApiError::field("role", "a customer sees no calendars"));
    }
    let (made_with, until) = maker(&present).await?;
    let expires_at = expiry(&new, present.now(), until)?;
    let fresh = credentials::fresh(Kind::Token).map_err(ApiError::internal)?;
    let id = TokenId(present.caller.ids().next());
    let token = NewToken {
        id,
        hash: TokenHash(fresh.hash),
        prefix: fresh.shown,
        name: "a screen inside another product".to_owned(),
        user,
        tenant: Some(present.tenant.id),
        role: Some(role),
        created_at: present.now(),
        expires_at: Some(expires_at),
        embedded: true,
        made_with,
    };
    let mut tx = present.administer().await?;
    tokens::create(&mut tx, token).await?;
    let detail = json!({ "for": new.email, "role": role, "expires_at": expires_at });
    present
        .caller
        .audit(&mut tx, "embed_link.create", format!("token {id}"), detail)
        .await?;
    tx.commit().await?;
    let fragment = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", fresh.secret.expose_secret())
        .extend_pairs(look)
        .finish();
    let (address, path) = (settings.address(), new.screen.path());
    Ok(Once(Reply::new(Made {
        success: true,
        url: format!("{address}/embed/{path}#{fragment}"),
        token_id: id.to_string(),
        expires_at,
    })))
}

/// Who looks at the screen, and at most as what.
async fn looker(present: &Present, email: Option<&str>) -> Answer<(UserId, Role)> {
    let own = present.require(Role::Staff)?;
    let caller = &present.caller.user;
    let Some(email) = email
        .map(str::to_lowercase)
        .filter(|email| *email != caller.email)
    else {
        return Ok((caller.id, own));
    };
    present.require(Role::Owner)?;
    let people = present.people().await?;
    let (member, user) = people
        .into_iter()
        .find(|(_, user)| user.email == email && user.disabled_at.is_none())
        .ok_or_else(|| ApiError::field("email", "nobody of this address is a member here"))?;
    Ok((user.id, member.role))
}

/// The token that whoever makes the link proved themselves with, and until when that is good.
async fn maker(present: &Present) -> Answer<(Option<TokenId>, Option<Timestamp>)> {
    let Via::Token(id) = present.caller.via else {
        return Ok((None, None));
    };
    let token = present.token(id).await?;
    if token.embedded {
        return Err(ApiError::role_required(
            "The token of an embedded screen makes no further links.",
        ));
    }
    Ok((Some(id), token.expires_at))
}

fn expiry(new: &New, now: Timestamp, until: Option<Timestamp>) -> Answer<Timestamp> {
    let good_for = new
        .lifetime_seconds
        .map_or(GOOD_FOR, SignedDuration::from_secs);
    if !(GOOD_FOR_MIN..=GOOD_FOR_MAX).contains(&good_for) {
        return Err(ApiError::field(
            "lifetime_seconds",
            "a link is good for 60 to 86400 seconds",
        ));
    }
    let wanted = now.checked_add(good_for).map_err(ApiError::internal)?;
    Ok(until.map_or(wanted, |until| until.min(wanted)))
}

/// How the screen is to look, as its address says it.
fn look(settings: &Server, new: &New) -> Answer<Vec<(&'static str, String)>> {
    let mut look = Vec::new();
    if let Some(accent) = &new.accent {
        let is_colour = accent.strip_prefix('#').is_some_and(|digits| {
            digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        if !is_colour {
            return Err(ApiError::field("accent", "it must be like #2456c8"));
        }
        look.push(("accent", accent.clone()));
    }
    if let Some(logo) = &new.logo {
        let listed = |url: &Url| {
            let origin = url.origin().ascii_serialization();
            settings.frame_origins.contains(&origin)
        };
        let url = Some(logo)
            .filter(|logo| logo.len() <= LOGO_CHARS_MAX)
            .and_then(|logo| logo.parse::<Url>().ok())
            .filter(listed)
            .ok_or_else(|| {
                ApiError::field(
                    "logo",
                    "it must lie below an origin of server.frame_origins",
                )
            })?;
        look.push(("logo", url.into()));
    }
    if let Some(theme) = new.theme {
        let word = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        look.push(("theme", word.to_owned()));
    }
    if let Some(language) = new.language {
        let word = match language {
            Language::En => "en",
            Language::De => "de",
        };
        look.push(("language", word.to_owned()));
    }
    Ok(look)
}
