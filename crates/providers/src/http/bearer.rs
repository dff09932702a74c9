//! The way to an API that wants a bearer token (RFC 6750): the token goes to that API's own origin and nowhere else.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::{AUTHORIZATION, HeaderValue};
use kalends_calendar::failure::Failure;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::exchange::{Answer, unsent};
use super::{Request, Transport, host_of};
use crate::oauth::Tokens;

/// An API, and what opens it.
pub(crate) struct Api {
    /// What requests are sent over.
    pub(crate) transport: Arc<dyn Transport>,
    /// Where tokens come from.
    pub(crate) tokens: Arc<dyn Tokens>,
    /// Where the API is. Its links may lead to the same origin only.
    pub(crate) base: Url,
}

impl Api {
    /// Sends a request. A token that is refused is replaced once; what is refused then is an answer like any other.
    ///
    /// Redirects are not followed: these APIs have none.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Failure> {
        if request.url.origin() != self.base.origin() {
            return Err(Failure::protocol(format!(
                "{} sends us on to {}, where its token is not sent",
                host_of(&self.base),
                host_of(&request.url)
            )));
        }
        let token = self.tokens.access(None).await?;
        let answer = self.send_with(&request, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let another = self.tokens.access(Some(&token)).await?;
        self.send_with(&request, &another).await
    }

    async fn send_with(&self, request: &Request, token: &SecretString) -> Result<Answer, Failure> {
        let mut sent = request.clone();
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Failure::protocol("the access token cannot stand in a header"))?;
        value.set_sensitive(true);
        sent.headers.insert(AUTHORIZATION, value);
        let response = self
            .transport
            .send(sent)
            .await
            .map_err(|error| unsent(&request.method, &error))?;
        Ok(Answer {
            url: request.url.clone(),
            status: response.status,
            headers: response.headers,
            body: response.body,
        })
    }
}
