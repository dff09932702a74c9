//! Organisations: what administrators let the people of a domain consent to.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::people::MICROSOFT_SCOPES;
use super::reply::{Asked, Done, Refused};
use super::{Provider, clients};
use crate::oauth::{Oauth, domain_of};
use crate::world::World;
use crate::{google, microsoft};

/// Whether only an administrator may consent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requiring {
    domain: String,
    #[serde(default = "yes")]
    required: bool,
}

fn yes() -> bool {
    true
}

/// An administrator's consent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approving {
    domain: String,
    client: String,
    scopes: Option<Vec<String>>,
}

/// An administrator's consent that shall end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawing {
    domain: String,
    client: String,
}

/// All the scopes that shall be closed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Restricting {
    scopes: Vec<String>,
}

fn show(world: &World) -> Value {
    let oauth = Provider::Microsoft.oauth_of(world);
    let domains: BTreeSet<&str> = oauth.people.keys().map(|email| domain_of(email)).collect();
    let organisations = domains.into_iter().map(|domain| {
        let approved = oauth.approved.iter().filter(|((of, _), _)| of == domain);
        let approved: Vec<Value> = approved
            .map(|((_, client), scopes)| json!({ "client": client, "scopes": scopes }))
            .collect();
        json!({
            "domain": domain,
            "admin_consent": oauth.admin_consent.contains(domain),
            "approved": approved,
        })
    });
    json!({
        "microsoft": organisations.collect::<Vec<_>>(),
        "google": { "restricted_scopes": world.google.oauth.restricted },
    })
}

/// `GET /_sandbox/organisations`.
pub(super) fn list(world: &World) -> Done {
    Done::ok(show(world))
}

/// `POST /_sandbox/organisations/require`: people of a domain at Microsoft may consent themselves no more, or again.
pub(super) fn require(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let requiring: Requiring = asked.read()?;
    let oauth = Provider::Microsoft.oauth(world);
    let domain = known(oauth, &requiring.domain)?;
    if requiring.required {
        oauth.require_admin_consent(&domain);
    } else {
        oauth.allow_own_consent(&domain);
    }
    Ok(Done::ok(show(world)))
}

/// `POST /_sandbox/organisations/approve`: an administrator at Microsoft consents for everybody in a domain.
pub(super) fn approve(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let approving: Approving = asked.read()?;
    let oauth = Provider::Microsoft.oauth(world);
    let domain = known(oauth, &approving.domain)?;
    clients::known(oauth, &approving.client)?;
    let scopes: Vec<&str> = match &approving.scopes {
        Some(scopes) => scopes.iter().map(String::as_str).collect(),
        None => MICROSOFT_SCOPES.to_vec(),
    };
    let unknown = scopes
        .iter()
        .find(|scope| microsoft::signin::scopes::long(scope).is_none());
    if let Some(unknown) = unknown {
        let error = format!("Graph has no scope {unknown:?}.");
        return Err(Refused::field("scopes", error));
    }
    oauth.approve(&domain, &scopes, &approving.client);
    Ok(Done::ok(show(world)))
}

/// `POST /_sandbox/organisations/withdraw`: what an administrator consented to for everybody is taken back.
pub(super) fn withdraw(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let withdrawing: Withdrawing = asked.read()?;
    let oauth = Provider::Microsoft.oauth(world);
    let domain = known(oauth, &withdrawing.domain)?;
    if !oauth.disapprove(&domain, &withdrawing.client) {
        let error = "No administrator has consented to such a client.";
        return Err(Refused::unknown("client", error));
    }
    Ok(Done::ok(show(world)))
}

/// `POST /_sandbox/organisations/restrict`: the scopes that administrators of Google Workspace have closed; all others are
/// open.
pub(super) fn restrict(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let restricting: Restricting = asked.read()?;
    let mut scopes = BTreeSet::new();
    for scope in &restricting.scopes {
        let long = google::signin::scopes::long(scope)
            .ok_or_else(|| Refused::field("scopes", format!("Google has no scope {scope:?}.")))?;
        scopes.insert(long.to_owned());
    }
    Provider::Google.oauth(world).restricted = scopes;
    Ok(Done::ok(show(world)))
}

/// A domain as the people write it who live there.
fn known(oauth: &Oauth, domain: &str) -> Result<String, Refused> {
    let mut domains = oauth.people.keys().map(|email| domain_of(email));
    let found = domains.find(|known| known.eq_ignore_ascii_case(domain));
    found
        .map(str::to_owned)
        .ok_or_else(|| Refused::unknown("domain", "Nobody of this domain has an account here."))
}
