//! The consent page and where it leads; and signing out.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::aadsts::{self, Fault};
use super::scopes::{self, Wanted};
use super::tenancy::{Tenancy, tenant_of};
use super::way::Way;
use crate::oauth::page::{self, Consent, Line};
use crate::oauth::params::{Params, base64_url};
use crate::oauth::reply::{self, Script};
use crate::oauth::{Challenge, Code, Holder, Oauth, Obstacle, Offline, code_end};

/// The parameters of a request, which the page carries along.
pub(super) const CARRIED: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "prompt",
    "login_hint",
    "domain_hint",
    "code_challenge",
    "code_challenge_method",
    "client_info",
];

/// A request without fault.
struct Asked<'a> {
    wanted: Wanted,
    challenge: Option<Challenge>,
    prompt: BTreeSet<&'a str>,
}

/// What every step needs to answer.
struct Turn<'a> {
    way: Way<'a>,
    tenancy: &'a Tenancy,
    params: &'a Params,
    request: &'a Request<Bytes>,
    now: Timestamp,
}

pub(super) fn answer(
    oauth: &mut Oauth,
    tenancy: &Tenancy,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let params = match *request.method() {
        Method::GET => Params::of_query(request),
        Method::POST => Params::of_form(request),
        _ => return reply::only("GET, POST"),
    };
    let way = match Way::find(oauth, &params, request, now) {
        Ok(way) => way,
        Err(page) => return *page,
    };
    let turn = Turn {
        way,
        tenancy,
        params: &params,
        request,
        now,
    };
    let asked = match Asked::read(&params) {
        Ok(asked) => asked,
        Err(fault) => return turn.fail(oauth, &fault),
    };
    match params.decision(request) {
        None => turn.begin(oauth, &asked),
        Some("allow") => turn.allow(oauth, &asked),
        Some(_) => turn.fail(oauth, &aadsts::declined()),
    }
}

impl<'a> Asked<'a> {
    fn read(params: &'a Params) -> Result<Self, Fault> {
        if params.repeated(CARRIED).is_some() {
            return Err(aadsts::malformed());
        }
        match params.get("response_type") {
            Some("code") => {}
            None => return Err(aadsts::missing("response_type")),
            Some(other) => {
                return Err(aadsts::fault(
                    700_054,
                    "unsupported_response_type",
                    format!("response_type '{other}' is not enabled for the application."),
                ));
            }
        }
        let wanted = Wanted::read(params.words("scope")).map_err(aadsts::bad_scope)?;
        if wanted.is_empty() {
            return Err(aadsts::missing("scope"));
        }
        let challenge = Challenge::read(params).map_err(|_| {
            aadsts::fault(
                501_491,
                "invalid_request",
                "The code_challenge or code_challenge_method supplied in the authorization request is invalid.",
            )
        })?;
        let prompt: BTreeSet<&str> = params.words("prompt").collect();
        if prompt
            .iter()
            .any(|word| !["none", "login", "consent", "select_account"].contains(word))
        {
            return Err(aadsts::fault(
                90023,
                "invalid_request",
                "Unsupported 'prompt' value.",
            ));
        }
        Ok(Self {
            wanted,
            challenge,
            prompt,
        })
    }
}

impl Turn<'_> {
    fn fail(&self, oauth: &mut Oauth, fault: &Fault) -> Response<Bytes> {
        self.way.fail(fault, oauth, self.request, self.now)
    }

    fn holder(&self, email: &str) -> Holder {
        Holder {
            email: email.to_owned(),
            client: self.way.client.id.clone(),
        }
    }

    /// Shows the page, unless nothing needs to be asked.
    fn begin(&self, oauth: &mut Oauth, asked: &Asked<'_>) -> Response<Bytes> {
        let hint = self
            .params
            .get("login_hint")
            .and_then(|hint| oauth.hinted(hint));
        let signed_in = oauth
            .signed_in(self.request)
            .filter(|person| self.tenancy.admits(&person.email))
            .filter(|person| hint.is_none_or(|hint| hint == *person));
        let chosen = signed_in.or(hint).map(|person| person.email.clone());
        let silent = asked.prompt.contains("none");
        if !silent && !asked.prompt.is_empty() {
            return self.show(oauth, asked, chosen.as_deref(), None);
        }
        let Some(email) = signed_in.map(|person| person.email.clone()) else {
            if !silent {
                return self.show(oauth, asked, chosen.as_deref(), None);
            }
            let fault = aadsts::fault(
                50058,
                "login_required",
                "A silent sign-in request was sent but no user is signed in.",
            );
            return self.fail(oauth, &fault);
        };
        let obstacle = oauth.obstacles.get(&email).copied();
        let consented = oauth.consented(&self.holder(&email));
        match obstacle {
            None if asked.wanted.scopes.is_subset(&consented) => self.grant(oauth, asked, &email),
            None if silent => {
                let fault = aadsts::not_consented(&self.way.client.id, "consent_required");
                self.fail(oauth, &fault)
            }
            Some(obstacle) if silent => self.fail(oauth, &aadsts::of_obstacle(obstacle)),
            None | Some(_) => self.show(oauth, asked, chosen.as_deref(), None),
        }
    }

    /// What pressing "Accept" leads to.
    fn allow(&self, oauth: &mut Oauth, asked: &Asked<'_>) -> Response<Bytes> {
        let account = self.params.get("account");
        let email = match oauth.identify(self.params) {
            Ok(person) if self.tenancy.admits(&person.email) => person.email.clone(),
            Ok(_) => {
                let told = aadsts::other_tenant("invalid_grant").told;
                return self.show(oauth, asked, account, Some(&told));
            }
            Err(alert) => return self.show(oauth, asked, account, Some(alert)),
        };
        oauth.settle(&email);
        let mut response = match oauth.obstacles.get(&email).copied() {
            Some(obstacle) => {
                let fault = aadsts::of_obstacle(obstacle).called(refused_as(obstacle));
                self.fail(oauth, &fault)
            }
            None if self.waits_for_admin(oauth, asked, &email) => {
                let fault = aadsts::admin_needed(&self.way.client.id);
                self.fail(oauth, &fault)
            }
            None => self.grant(oauth, asked, &email),
        };
        oauth.sign_in(&email, &mut response);
        response
    }

    /// Whether a person wants what only an administrator can allow, and none has.
    fn waits_for_admin(&self, oauth: &Oauth, asked: &Asked<'_>, email: &str) -> bool {
        let consented = oauth.consented(&self.holder(email));
        oauth.needs_admin(email) && !asked.wanted.scopes.is_subset(&consented)
    }

    /// What the page says before anything is pressed where nobody who can be chosen may consent.
    fn admin_notice(
        &self,
        oauth: &Oauth,
        asked: &Asked<'_>,
        chosen: Option<&str>,
    ) -> Option<String> {
        let mut people = oauth
            .people
            .keys()
            .filter(|email| match chosen {
                Some(chosen) => *email == chosen,
                None => self.tenancy.admits(email),
            })
            .peekable();
        people.peek()?;
        let all_wait = people.all(|email| self.waits_for_admin(oauth, asked, email));
        all_wait.then(|| {
            format!(
                "Need admin approval. {} needs permission to access resources in your organization that only an admin \
                 can grant. Please ask an admin to grant permission to this app before you can use it.",
                self.way.client.name
            )
        })
    }

    /// Remembers the consent, and sends a code.
    fn grant(&self, oauth: &mut Oauth, asked: &Asked<'_>, email: &str) -> Response<Bytes> {
        let holder = self.holder(email);
        oauth.consent(&holder, &asked.wanted.scopes, self.now);
        let scopes = if asked.wanted.default {
            oauth.consented(&holder)
        } else {
            asked.wanted.scopes.clone()
        };
        let code = oauth.give_code(Code {
            holder,
            redirect: self.way.redirect.to_owned(),
            scopes,
            challenge: asked.challenge.clone(),
            nonce: self.params.get("nonce").map(str::to_owned),
            offline: if asked.wanted.offline {
                Offline::Always
            } else {
                Offline::Never
            },
            good_until: code_end(self.now),
            used: false,
        });
        let mut pairs = vec![("code", code)];
        if self.params.get("client_info") == Some("1")
            && let Some(info) = client_info(oauth, email)
        {
            pairs.push(("client_info", info));
        }
        pairs.push(("session_state", oauth.maker.guid()));
        self.way.send(pairs)
    }

    fn show(
        &self,
        oauth: &Oauth,
        asked: &Asked<'_>,
        chosen: Option<&str>,
        alert: Option<&str>,
    ) -> Response<Bytes> {
        let mut listed: Vec<&str> = asked.wanted.scopes.iter().map(String::as_str).collect();
        if asked.wanted.offline {
            listed.push(scopes::OFFLINE);
        }
        let notice = self.admin_notice(oauth, asked, chosen);
        let page = consent_page(
            oauth,
            &Shown {
                heading: format!("{} asks for your permission", self.way.client.name),
                tenancy: self.tenancy,
                params: self.params,
                request: self.request,
                chosen,
                alert: alert.or(notice.as_deref()),
                scopes: listed,
            },
        );
        reply::html(StatusCode::OK, page, Script::None)
    }
}

/// The word of OAuth for an obstacle that a sign-in on the page meets.
fn refused_as(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Outage => "temporarily_unavailable",
        Obstacle::SecondFactor | Obstacle::SecondFactorSetup | Obstacle::SignInTooOld => {
            "interaction_required"
        }
        Obstacle::Disabled
        | Obstacle::OtherOrganisation
        | Obstacle::NotAssigned
        | Obstacle::Blocked => "access_denied",
    }
}

/// What differs from one consent page to another.
pub(super) struct Shown<'a> {
    pub(super) heading: String,
    pub(super) tenancy: &'a Tenancy,
    pub(super) params: &'a Params,
    pub(super) request: &'a Request<Bytes>,
    pub(super) chosen: Option<&'a str>,
    pub(super) alert: Option<&'a str>,
    pub(super) scopes: Vec<&'a str>,
}

/// The page on which somebody of the tenant agrees to all or to nothing.
pub(super) fn consent_page(oauth: &Oauth, shown: &Shown<'_>) -> String {
    let people = oauth
        .people
        .values()
        .filter(|person| shown.tenancy.admits(&person.email))
        .collect();
    page::consent(&Consent {
        provider: "Microsoft",
        action: shown.request.uri().path(),
        heading: shown.heading.clone(),
        alert: shown.alert,
        carried: CARRIED
            .iter()
            .filter_map(|name| shown.params.get(name).map(|value| (*name, value)))
            .collect(),
        people,
        chosen: shown.chosen,
        asks_password: oauth.switches.asks_passwords,
        scopes: shown
            .scopes
            .iter()
            .map(|scope| Line {
                scope,
                told: scopes::told(scope),
                tickable: false,
            })
            .collect(),
        buttons: ["Accept", "Cancel"],
    })
}

/// `client_info`: who signed in, as Microsoft's own libraries ask for it.
pub(super) fn client_info(oauth: &Oauth, email: &str) -> Option<String> {
    let person = oauth.people.get(email)?;
    let info = json!({ "uid": person.subject, "utid": tenant_of(email) });
    Some(base64_url(info.to_string().as_bytes()))
}

/// `GET /oauth2/v2.0/logout`. The address to go to next is only followed when some client has registered it.
pub(super) fn logout(oauth: &mut Oauth, request: &Request<Bytes>) -> Response<Bytes> {
    let params = Params::of_query(request);
    let next = params
        .get("post_logout_redirect_uri")
        .filter(|next| oauth.clients.values().any(|client| client.allows(next)));
    let mut response = if let Some(next) = next {
        let state = params.get("state").map(|state| ("state", state.to_owned()));
        match state {
            Some(state) => reply::redirect(&reply::with_params(next, '?', &[state])),
            None => reply::redirect(next),
        }
    } else {
        let page = page::refusal("You signed out", "", "You may close this window now.");
        reply::html(StatusCode::OK, page, Script::None)
    };
    oauth.sign_out(request, &mut response);
    response
}
