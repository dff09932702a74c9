//! The way to an API that wants a bearer token (RFC 6750): the token goes to that API's own origin and nowhere else.

use std::sync::Arc;

use ::http::header::{AUTHORIZATION, HeaderValue};
use ::http::{Method, StatusCode};
use kalends_calendar::failure::Failure;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::budget::Budget;
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
    /// What the account may be asked.
    pub(crate) budget: Arc<dyn Budget>,
    /// How many units of it a `PATCH` takes; all else takes one.
    pub(crate) patch_units: i64,
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
        let units = if sent.method == Method::PATCH {
            self.patch_units
        } else {
            1
        };
        self.budget.spend(units).await;
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use ::http::HeaderMap;
    use async_trait::async_trait;
    use bytes::Bytes;
    use kalends_calendar::failure::Class;

    use super::*;
    use crate::http::{Limits, Response, TransportError, Unlimited};

    /// An API whose first so many tokens are refused; it remembers what it was shown.
    struct Choosy {
        refuses: usize,
        shown: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Transport for Choosy {
        async fn send(&self, request: Request) -> Result<Response, TransportError> {
            let mut shown = self.shown.lock().unwrap();
            assert!(request.headers[AUTHORIZATION].is_sensitive());
            shown.push(request.headers[AUTHORIZATION].to_str().unwrap().to_owned());
            let status = if shown.len() > self.refuses {
                StatusCode::OK
            } else {
                StatusCode::UNAUTHORIZED
            };
            Ok(Response {
                status,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            })
        }
    }

    /// `first`, and `second` for whom the first was refused.
    struct Two;

    #[async_trait]
    impl Tokens for Two {
        async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
            Ok(match refused.map(ExposeSecret::expose_secret) {
                None => "first".into(),
                Some("first") => "second".into(),
                Some(other) => panic!("{other} was never given out first"),
            })
        }
    }

    async fn ask(refuses: usize, url: &str) -> (Result<Answer, Failure>, Vec<String>) {
        let choosy = Arc::new(Choosy {
            refuses,
            shown: Mutex::default(),
        });
        let api = Api {
            transport: Arc::clone(&choosy) as Arc<dyn Transport>,
            tokens: Arc::new(Two),
            base: "https://api.example/v1/".parse().unwrap(),
            budget: Arc::new(Unlimited),
            patch_units: 1,
        };
        let answer = api
            .send(Request {
                method: Method::GET,
                url: url.parse().unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                limits: Limits {
                    body_bytes_max: 1,
                    time_max: Duration::from_secs(1),
                },
            })
            .await;
        let shown = choosy.shown.lock().unwrap().clone();
        (answer, shown)
    }

    #[tokio::test]
    async fn a_token_goes_to_its_own_origin_and_is_replaced_once() {
        let here = "https://api.example/v1/events?page=2";
        let (answer, shown) = ask(0, here).await;
        assert_eq!(answer.unwrap().status, StatusCode::OK);
        assert_eq!(shown, ["Bearer first"]);
        let (answer, shown) = ask(1, here).await;
        assert_eq!(answer.unwrap().status, StatusCode::OK);
        assert_eq!(shown, ["Bearer first", "Bearer second"]);
        let (answer, shown) = ask(9, here).await;
        assert_eq!(answer.unwrap().status, StatusCode::UNAUTHORIZED);
        assert_eq!(shown.len(), 2);
        for elsewhere in [
            "http://api.example/v1/events",
            "https://api.example:8443/v1/events",
            "https://api.example.evil.example/v1/events",
            "https://evil.example/v1/events",
        ] {
            let (answer, shown) = ask(0, elsewhere).await;
            assert_eq!(answer.unwrap_err().class, Class::Protocol, "{elsewhere}");
            assert_eq!(shown, [""; 0], "{elsewhere}");
        }
    }
}
