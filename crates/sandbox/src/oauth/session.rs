//! Browsers: who is signed in, and how people sign in on a page.

use bytes::Bytes;
use http::{Request, Response, header};

use super::params::Params;
use super::{Oauth, Obstacle, Person, Style, reply};
use crate::{google, microsoft};

/// The cookie of a browser that is signed in.
const COOKIE: &str = "sandbox_session";

impl Oauth {
    /// The person whose browser sends a request, if it is signed in.
    pub(crate) fn signed_in(&self, request: &Request<Bytes>) -> Option<&Person> {
        let cookies = request.headers().get_all(header::COOKIE);
        let token = cookies
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .map(|(_, token)| token)?;
        self.people.get(self.sessions.get(token)?)
    }

    /// Signs a browser in, with the answer that it gets anyway.
    pub(crate) fn sign_in(&mut self, email: &str, response: &mut Response<Bytes>) {
        let token = self.maker.token("s");
        let path = self.style.prefix();
        let cookie = format!("{COOKIE}={token}; Path={path}; HttpOnly; SameSite=Lax");
        self.sessions.insert(token, email.to_owned());
        reply::header(response, header::SET_COOKIE, &cookie);
    }

    /// Signs a browser out.
    pub(crate) fn sign_out(&mut self, request: &Request<Bytes>, response: &mut Response<Bytes>) {
        if let Some(email) = self.signed_in(request).map(|person| person.email.clone()) {
            self.sessions.retain(|_, whose| *whose != email);
        }
        let path = self.style.prefix();
        let cookie = format!("{COOKIE}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Lax");
        reply::header(response, header::SET_COOKIE, &cookie);
    }

    /// Who somebody is by what they filled in, or what to tell them.
    pub(crate) fn identify(&self, params: &Params) -> Result<&Person, &'static str> {
        let email = params.get("account").ok_or("Choose an account.")?;
        let person = self.people.get(email).ok_or("There is no such account.")?;
        let password = params.get("password").unwrap_or_default();
        if self.switches.asks_passwords && password != person.password {
            return Err("Wrong password. Try again.");
        }
        if self.obstacles.get(email) == Some(&Obstacle::Disabled) {
            return Err("This account has been disabled.");
        }
        Ok(person)
    }

    /// The person whom a hint means: by address in any case, or by subject.
    pub(crate) fn hinted(&self, hint: &str) -> Option<&Person> {
        self.people
            .values()
            .find(|person| person.email.eq_ignore_ascii_case(hint) || person.subject == hint)
    }
}

impl Style {
    /// What stands before every path of the face.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Google => google::PREFIX,
            Self::Microsoft => microsoft::PREFIX,
        }
    }

    /// A scope as access tokens keep it. One that nobody knows stays as it is.
    pub(crate) fn long_scope(self, scope: &str) -> String {
        match self {
            Self::Google => google::signin::scopes::long(scope).map(str::to_owned),
            Self::Microsoft => microsoft::signin::scopes::long(scope),
        }
        .unwrap_or_else(|| scope.to_owned())
    }
}

impl Person {
    /// The name's first word.
    pub(crate) fn given_name(&self) -> &str {
        self.name
            .split_once(' ')
            .map_or(&self.name, |(given, _)| given)
    }

    /// The rest of the name.
    pub(crate) fn family_name(&self) -> &str {
        self.name.split_once(' ').map_or("", |(_, family)| family)
    }
}
