//! Admin consent: somebody consents for a whole tenant. Here, anybody in it may.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;

use super::aadsts;
use super::authorize::{Shown, consent_page};
use super::scopes::Wanted;
use super::tenancy::{Tenancy, tenant_of};
use super::way::Way;
use crate::oauth::params::Params;
use crate::oauth::reply::{self, Script};
use crate::oauth::{Oauth, domain_of};

/// `/{tenant}/v2.0/adminconsent`.
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
    let wanted = match Wanted::read(params.words("scope")) {
        Ok(wanted) if wanted.is_empty() => {
            return way.fail(&aadsts::missing("scope"), oauth, request, now);
        }
        Ok(wanted) => wanted,
        Err(scope) => return way.fail(&aadsts::bad_scope(scope), oauth, request, now),
    };
    let shown = |oauth: &Oauth, alert: Option<&str>| {
        let page = consent_page(
            oauth,
            &Shown {
                heading: format!(
                    "{} asks for permission for your organization",
                    way.client.name
                ),
                tenancy,
                params: &params,
                request,
                chosen: params.get("account"),
                alert,
                scopes: wanted.scopes.iter().map(String::as_str).collect(),
            },
        );
        reply::html(StatusCode::OK, page, Script::None)
    };
    match params.decision(request) {
        None => return shown(oauth, None),
        Some("allow") => {}
        Some(_) => return way.fail(&aadsts::declined(), oauth, request, now),
    }
    let email = match oauth.identify(&params) {
        Ok(person) if tenancy.admits(&person.email) => person.email.clone(),
        Ok(_) => {
            let told = aadsts::other_tenant("invalid_grant").told;
            return shown(oauth, Some(&told));
        }
        Err(alert) => return shown(oauth, Some(alert)),
    };
    let scopes: Vec<&str> = wanted.scopes.iter().map(String::as_str).collect();
    oauth.approve(domain_of(&email), &scopes, &way.client.id);
    way.send(vec![
        ("admin_consent", "True".to_owned()),
        ("tenant", tenant_of(&email)),
        ("scope", scopes.join(" ")),
    ])
}
