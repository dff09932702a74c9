//! The consent page and where it leads.
//!
//! What is wrong with the request itself is told to the person and never to the address in it, for that address may be
//! somebody else's.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;

use super::scopes;
use crate::oauth::page::{self, Consent, Line};
use crate::oauth::params::Params;
use crate::oauth::reply::{self, Script};
use crate::oauth::{
    Challenge, Client, ClientKind, Code, Holder, Oauth, Offline, code_end, domain_of,
};

/// The parameters of a request, which the page carries along.
const CARRIED: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "access_type",
    "prompt",
    "include_granted_scopes",
    "login_hint",
    "hd",
    "code_challenge",
    "code_challenge_method",
    "enable_granular_consent",
];

/// Mail domains whose accounts belong to no organisation.
const CONSUMER_DOMAINS: [&str; 2] = ["gmail.com", "googlemail.com"];

/// A request without fault.
struct Asked<'a> {
    client: Client,
    redirect: &'a str,
    scopes: BTreeSet<String>,
    challenge: Option<Challenge>,
    offline: bool,
    include_granted: bool,
    prompt: BTreeSet<&'a str>,
}

/// What a person decided, to be sent to the client.
struct Decision {
    holder: Holder,
    granted: BTreeSet<String>,
    /// Whether the consent page was shown.
    shown: bool,
}

pub(super) fn answer(
    oauth: &mut Oauth,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let params = match *request.method() {
        Method::GET => Params::of_query(request),
        Method::POST => Params::of_form(request),
        _ => return reply::only("GET, POST"),
    };
    let asked = match Asked::read(oauth, &params) {
        Ok(asked) => asked,
        Err(refusal) => return *refusal,
    };
    match params.decision(request) {
        None => begin(oauth, &asked, &params, request, now),
        Some("allow") => allow(oauth, &asked, &params, now),
        Some(_) => back(&asked, &params, vec![("error", "access_denied".to_owned())]),
    }
}

/// Shows the page, unless nothing needs to be asked.
fn begin(
    oauth: &mut Oauth,
    asked: &Asked<'_>,
    params: &Params,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let hint = params.get("login_hint").and_then(|hint| oauth.hinted(hint));
    let signed_in = oauth
        .signed_in(request)
        .filter(|person| hint.is_none_or(|hint| hint == *person));
    let chosen = signed_in.or(hint).map(|person| person.email.clone());
    let holder = signed_in.map(|person| Holder {
        email: person.email.clone(),
        client: asked.client.id.clone(),
    });
    let consented = holder
        .as_ref()
        .is_some_and(|holder| asked.scopes.is_subset(&oauth.consented(holder)));
    let asks = asked.prompt.contains("consent") || asked.prompt.contains("select_account");
    match holder {
        Some(holder) if consented && !asks => {
            let decision = Decision {
                holder,
                granted: asked.scopes.clone(),
                shown: false,
            };
            grant(oauth, asked, params, decision, now)
        }
        holder if asked.prompt.contains("none") => {
            let error = match holder {
                Some(_) => "interaction_required",
                None => "login_required",
            };
            back(asked, params, vec![("error", error.to_owned())])
        }
        _ => show(oauth, asked, params, chosen.as_deref(), None),
    }
}

/// What pressing "Allow" leads to.
fn allow(oauth: &mut Oauth, asked: &Asked<'_>, params: &Params, now: Timestamp) -> Response<Bytes> {
    let email = match oauth.identify(params) {
        Ok(person) => person.email.clone(),
        Err(alert) => return show(oauth, asked, params, params.get("account"), Some(alert)),
    };
    oauth.settle(&email);
    let granular = oauth.switches.granular_consent;
    let granted: BTreeSet<String> = asked
        .scopes
        .iter()
        .filter(|scope| {
            !granular
                || scopes::is_identity(scope)
                || params.all("granted").any(|ticked| ticked == *scope)
        })
        .cloned()
        .collect();
    let mut response = if granted.is_empty() {
        back(asked, params, vec![("error", "access_denied".to_owned())])
    } else {
        let decision = Decision {
            holder: Holder {
                email: email.clone(),
                client: asked.client.id.clone(),
            },
            granted,
            shown: true,
        };
        grant(oauth, asked, params, decision, now)
    };
    oauth.sign_in(&email, &mut response);
    response
}

/// Remembers the consent, and sends a code.
fn grant(
    oauth: &mut Oauth,
    asked: &Asked<'_>,
    params: &Params,
    decision: Decision,
    now: Timestamp,
) -> Response<Bytes> {
    let Decision {
        holder,
        granted,
        shown,
    } = decision;
    oauth.consent(&holder, &granted, now);
    let scopes = if asked.include_granted {
        oauth.consented(&holder)
    } else {
        granted
    };
    let told = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let domain = domain_of(&holder.email).to_owned();
    let code = oauth.give_code(Code {
        holder,
        redirect: asked.redirect.to_owned(),
        scopes,
        challenge: asked.challenge.clone(),
        nonce: params.get("nonce").map(str::to_owned),
        offline: match (asked.offline, asked.prompt.contains("consent")) {
            (false, _) => Offline::Never,
            (true, false) => Offline::Once,
            (true, true) => Offline::Always,
        },
        good_until: code_end(now),
        used: false,
    });
    let mut pairs = vec![
        ("code", code),
        ("scope", told),
        ("authuser", "0".to_owned()),
    ];
    if !CONSUMER_DOMAINS.contains(&domain.as_str()) {
        pairs.push(("hd", domain));
    }
    let prompt = if shown { "consent" } else { "none" };
    pairs.push(("prompt", prompt.to_owned()));
    back(asked, params, pairs)
}

/// Sends the browser to the client, with the state as it came.
fn back(asked: &Asked<'_>, params: &Params, pairs: Vec<(&str, String)>) -> Response<Bytes> {
    let state = params.get("state").map(|state| ("state", state.to_owned()));
    let all: Vec<(&str, String)> = state.into_iter().chain(pairs).collect();
    reply::redirect(&reply::with_params(asked.redirect, '?', &all))
}

fn show(
    oauth: &Oauth,
    asked: &Asked<'_>,
    params: &Params,
    chosen: Option<&str>,
    alert: Option<&str>,
) -> Response<Bytes> {
    let carried = CARRIED
        .iter()
        .filter_map(|name| params.get(name).map(|value| (*name, value)))
        .collect();
    let page = page::consent(&Consent {
        provider: "Google",
        action: "/google/o/oauth2/v2/auth",
        heading: format!("{} wants access to your Google Account", asked.client.name),
        alert,
        carried,
        people: oauth.people.values().collect(),
        chosen,
        asks_password: oauth.switches.asks_passwords,
        scopes: asked
            .scopes
            .iter()
            .map(|scope| Line {
                scope,
                told: scopes::told(scope),
                tickable: oauth.switches.granular_consent && !scopes::is_identity(scope),
            })
            .collect(),
        buttons: ["Allow", "Deny"],
    });
    reply::html(StatusCode::OK, page, Script::None)
}

impl<'a> Asked<'a> {
    /// Reads a request, or makes the page that says what is wrong with it.
    fn read(oauth: &Oauth, params: &'a Params) -> Result<Self, Box<Response<Bytes>>> {
        let missing = |name: &str| {
            refused(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                &format!("Missing required parameter: {name}"),
            )
        };
        let invalid = |told: &str| refused(StatusCode::BAD_REQUEST, "invalid_request", told);
        if let Some(name) = params.repeated(CARRIED) {
            return Err(invalid(&format!(
                "OAuth 2 parameters can only have a single value: {name}"
            )));
        }
        let id = params
            .get("client_id")
            .ok_or_else(|| missing("client_id"))?;
        let client = oauth.clients.get(id).ok_or_else(|| {
            refused(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "The OAuth client was not found.",
            )
        })?;
        let redirect = params
            .get("redirect_uri")
            .ok_or_else(|| missing("redirect_uri"))?;
        if !client.allows(redirect) {
            return Err(refused(
                StatusCode::BAD_REQUEST,
                "redirect_uri_mismatch",
                &format!(
                    "You can't sign in to this app because it sent an invalid request: redirect_uri={redirect}"
                ),
            ));
        }
        match params.get("response_type") {
            None => return Err(missing("response_type")),
            Some("code") => {}
            Some(other) => {
                let told = format!("Invalid response_type: {other}");
                return Err(refused(
                    StatusCode::BAD_REQUEST,
                    "unsupported_response_type",
                    &told,
                ));
            }
        }
        let challenge = Challenge::read(params)
            .map_err(|_| invalid("Invalid code_challenge or code_challenge_method."))?;
        if challenge.is_some() && client.kind == ClientKind::Web && !oauth.switches.pkce_for_web {
            return Err(invalid(
                "Parameter not allowed for this message type: code_challenge",
            ));
        }
        let prompt: BTreeSet<&str> = params.words("prompt").collect();
        if prompt.contains("none") && prompt.len() > 1 {
            return Err(invalid(
                "Invalid parameter value for prompt: none stands alone",
            ));
        }
        Ok(Self {
            client: client.clone(),
            redirect,
            scopes: known_scopes(oauth, params)?,
            challenge,
            offline: params.get("access_type") == Some("offline"),
            include_granted: params.get("include_granted_scopes") == Some("true"),
            prompt,
        })
    }
}

/// The scopes of a request in their long form.
fn known_scopes(oauth: &Oauth, params: &Params) -> Result<BTreeSet<String>, Box<Response<Bytes>>> {
    let mut known = BTreeSet::new();
    let mut unknown = Vec::new();
    for scope in params.words("scope") {
        match scopes::long(scope) {
            Some(long) => {
                known.insert(long.to_owned());
            }
            None => unknown.push(scope),
        }
    }
    if !unknown.is_empty() {
        let told = format!("Some requested scopes were invalid: {}", unknown.join(", "));
        return Err(refused(StatusCode::BAD_REQUEST, "invalid_scope", &told));
    }
    if known.is_empty() {
        return Err(refused(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Missing required parameter: scope",
        ));
    }
    if known.iter().any(|scope| oauth.restricted.contains(scope)) {
        return Err(refused(
            StatusCode::BAD_REQUEST,
            "admin_policy_enforced",
            "Your administrator has not allowed this app to use the services it asks for.",
        ));
    }
    Ok(known)
}

fn refused(status: StatusCode, error: &str, told: &str) -> Box<Response<Bytes>> {
    let code = format!("Error {}: {error}", status.as_u16());
    let page = page::refusal("Access blocked", &code, told);
    Box::new(reply::html(status, page, Script::None))
}
