//! The way back to the client, which every answer of the authorisation endpoint takes once the address is proven.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

use super::aadsts::{self, Case, Fault};
use crate::oauth::page;
use crate::oauth::params::Params;
use crate::oauth::reply::{self, Script};
use crate::oauth::{Client, ClientProblem, Oauth};

/// A proven address, and how to send something there.
pub(super) struct Way<'a> {
    pub(super) client: Client,
    pub(super) redirect: &'a str,
    mode: Mode,
    state: Option<&'a str>,
}

/// `response_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Query,
    Fragment,
    FormPost,
}

impl<'a> Way<'a> {
    /// Finds the way. The error is a page, for nobody may be sent to an address that is not proven.
    pub(super) fn find(
        oauth: &mut Oauth,
        params: &'a Params,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<Self, Box<Response<Bytes>>> {
        let found = Self::read(oauth, params);
        found.map_err(|fault| {
            let case = Case::new(oauth, request, now);
            let code = format!("AADSTS{}", fault.number);
            let page = page::refusal(
                "Sorry, but we're having trouble signing you in.",
                &code,
                &fault.description(&case),
            );
            Box::new(reply::html(StatusCode::BAD_REQUEST, page, Script::None))
        })
    }

    fn read(oauth: &Oauth, params: &'a Params) -> Result<Self, Fault> {
        let id = params
            .get("client_id")
            .ok_or_else(|| aadsts::missing("client_id"))?;
        let client = oauth
            .clients
            .get(id)
            .ok_or_else(|| aadsts::of_client(ClientProblem::Unknown, id))?;
        let redirect = params
            .get("redirect_uri")
            .ok_or_else(|| aadsts::missing("redirect_uri"))?;
        if !client.allows(redirect) {
            return Err(aadsts::wrong_redirect(redirect, id));
        }
        let mode = match params.get("response_mode") {
            None | Some("query") => Mode::Query,
            Some("fragment") => Mode::Fragment,
            Some("form_post") => Mode::FormPost,
            Some(_) => return Err(aadsts::malformed()),
        };
        Ok(Self {
            client: client.clone(),
            redirect,
            mode,
            state: params.get("state"),
        })
    }

    /// Sends an answer.
    pub(super) fn send(&self, mut pairs: Vec<(&str, String)>) -> Response<Bytes> {
        if let Some(state) = self.state {
            pairs.push(("state", state.to_owned()));
        }
        match self.mode {
            Mode::Query => reply::redirect(&reply::with_params(self.redirect, '?', &pairs)),
            Mode::Fragment => reply::redirect(&reply::with_params(self.redirect, '#', &pairs)),
            Mode::FormPost => {
                let page = page::form_post(self.redirect, &pairs);
                reply::html(StatusCode::OK, page, Script::Inline)
            }
        }
    }

    /// Sends an error.
    pub(super) fn fail(
        &self,
        fault: &Fault,
        oauth: &mut Oauth,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Response<Bytes> {
        let case = Case::new(oauth, request, now);
        let mut pairs = vec![
            ("error", fault.error.to_owned()),
            ("error_description", fault.description(&case)),
            ("error_uri", fault.uri()),
        ];
        if fault.error == "access_denied" && oauth.switches.tells_subcode {
            pairs.push(("error_subcode", "cancel".to_owned()));
        }
        self.send(pairs)
    }
}
