//! What people allowed, and how that ends: revoked, run out, or hindered.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use super::{Face, Provider};
use crate::oauth::{Holder, Oauth, Obstacle};
use crate::world::World;

/// A grant to be taken back. Without a client all of somebody's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoking {
    face: Face,
    user: String,
    client: Option<String>,
}

/// Tokens that shall run out now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expiring {
    face: Provider,
    user: String,
    /// Unless it is said, the access tokens alone: they are refreshed and work goes on.
    #[serde(default)]
    tokens: Tokens,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tokens {
    #[default]
    Access,
    Refresh,
    Both,
}

/// Somebody whose sessions shall end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    user: String,
}

/// Something to be put in a person's way, or to be cleared away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hindering {
    face: Provider,
    user: String,
    obstacle: Option<ObstacleWord>,
}

/// The names of [`Obstacle`]s.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ObstacleWord {
    Disabled,
    OtherOrganisation,
    NotAssigned,
    SecondFactor,
    SecondFactorSetup,
    SignInTooOld,
    Blocked,
    Outage,
}

impl From<ObstacleWord> for Obstacle {
    fn from(word: ObstacleWord) -> Self {
        match word {
            ObstacleWord::Disabled => Self::Disabled,
            ObstacleWord::OtherOrganisation => Self::OtherOrganisation,
            ObstacleWord::NotAssigned => Self::NotAssigned,
            ObstacleWord::SecondFactor => Self::SecondFactor,
            ObstacleWord::SecondFactorSetup => Self::SecondFactorSetup,
            ObstacleWord::SignInTooOld => Self::SignInTooOld,
            ObstacleWord::Blocked => Self::Blocked,
            ObstacleWord::Outage => Self::Outage,
        }
    }
}

pub(super) fn known<'a>(
    world: &'a mut World,
    face: Provider,
    user: &str,
) -> Result<&'a mut Oauth, Refused> {
    let oauth = face.oauth(world);
    if oauth.people.contains_key(user) {
        Ok(oauth)
    } else {
        Err(Refused::unknown("user", "There is no such user."))
    }
}

/// `GET /_sandbox/grants`.
pub(super) fn list(world: &World, asked: &Asked<'_>) -> Done {
    let of = |face: &'static str, oauth: &Oauth| -> Vec<Value> {
        let grants = oauth.grants().map(|(holder, grant)| {
            json!({
                "face": face,
                "user": holder.email,
                "client": holder.client,
                "scopes": grant.scopes,
                "since": grant.since.to_string(),
                "refresh_tokens": oauth.live_refresh(holder, asked.now).len(),
            })
        });
        grants.collect()
    };
    let mut all = of("google", &world.google.oauth);
    all.extend(of("microsoft", &world.microsoft.oauth));
    Done::ok(json!({ "grants": all }))
}

/// `POST /_sandbox/grants/revoke`. At CalDAV, where nothing is granted, the password becomes another.
pub(super) fn revoke(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let revoking: Revoking = asked.read()?;
    let provider = match revoking.face {
        Face::Google => Provider::Google,
        Face::Microsoft => Provider::Microsoft,
        Face::Caldav => {
            let password = world.google.oauth.made_up();
            let account = world.accounts.get_mut(&revoking.user);
            let account =
                account.ok_or_else(|| Refused::unknown("user", "There is no such user."))?;
            account.password.clone_from(&password);
            return Ok(Done::ok(json!({ "revoked": 1, "password": password })));
        }
    };
    let oauth = known(world, provider, &revoking.user)?;
    let holders: Vec<Holder> = oauth
        .grants()
        .map(|(holder, _)| holder.clone())
        .filter(|holder| {
            let client = revoking.client.as_ref();
            holder.email == revoking.user && client.is_none_or(|client| *client == holder.client)
        })
        .collect();
    for holder in &holders {
        oauth.revoke_grant(holder);
    }
    Ok(Done::ok(json!({ "revoked": holders.len() })))
}

/// `POST /_sandbox/grants/expire`.
pub(super) fn expire(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let expiring: Expiring = asked.read()?;
    let oauth = known(world, expiring.face, &expiring.user)?;
    if matches!(expiring.tokens, Tokens::Access | Tokens::Both) {
        oauth.expire_access(&expiring.user, asked.now);
    }
    if matches!(expiring.tokens, Tokens::Refresh | Tokens::Both) {
        oauth.expire_refresh(&expiring.user);
    }
    Ok(Done::ok(json!({})))
}

/// `POST /_sandbox/grants/hinder`: puts something in a person's way; without an obstacle the way is cleared.
pub(super) fn hinder(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let hindering: Hindering = asked.read()?;
    let oauth = known(world, hindering.face, &hindering.user)?;
    match hindering.obstacle {
        Some(obstacle) => oauth.hinder(&hindering.user, obstacle.into()),
        None => oauth.unhinder(&hindering.user),
    }
    Ok(Done::ok(json!({ "obstacle": hindering.obstacle })))
}

/// `POST /_sandbox/grants/sessions`: browsers are signed out and refresh tokens dead, as after `revokeSignInSessions` at
/// Microsoft, or an administrator's reset.
pub(super) fn end_sessions(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let ending: Ending = asked.read()?;
    known(world, Provider::Microsoft, &ending.user)?.revoke_sessions(&ending.user);
    Ok(Done::ok(json!({})))
}
