//! Whose a grant is.

use ::http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Client, Vendor, limits};
use crate::http::{Request, Transport, retry_at};

/// Whose a grant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What never changes of an account, and is never given to another: `sub` at Google, the object id at Microsoft.
    pub subject: String,
    /// The account's mail address, for people.
    pub email: String,
    /// The person's name, if it is told.
    pub name: Option<String>,
}

/// Google's userinfo: version 2 says `id`, version 1 `sub`.
#[derive(Deserialize)]
struct Userinfo {
    #[serde(alias = "sub")]
    id: String,
    email: Option<String>,
    name: Option<String>,
}

/// Graph's `/me`. `mail` is null without a mailbox of its own; then the user principal name is the address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Me {
    id: String,
    mail: Option<String>,
    user_principal_name: Option<String>,
    display_name: Option<String>,
}

/// Asks whose a token is.
pub async fn identity(
    transport: &dyn Transport,
    client: &Client,
    access: &SecretString,
    now: Timestamp,
) -> Result<Identity, Failure> {
    let name = client.vendor.name();
    let strange = || Failure::protocol(format!("{name} does not say whose account this is"));
    let mut headers = HeaderMap::new();
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", access.expose_secret()))
        .map_err(|_| strange())?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = transport
        .send(Request {
            method: Method::GET,
            url: client.endpoints.identity.clone(),
            headers,
            body: Bytes::new(),
            limits: limits(),
        })
        .await
        .map_err(|error| Failure::passing(error.to_string()))?;
    match response.status {
        StatusCode::OK => {}
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Failure::new(
                Class::Passing {
                    retry_at: retry_at(&response.headers, now),
                },
                format!("{name} answers {status} when it is asked whose account this is"),
            ));
        }
        status => {
            return Err(Failure::protocol(format!(
                "{name} answers {status} when it is asked whose account this is"
            )));
        }
    }
    let identity = match client.vendor {
        Vendor::Google => {
            let said: Userinfo = serde_json::from_slice(&response.body).map_err(|_| strange())?;
            Identity {
                subject: said.id,
                email: said.email.unwrap_or_default(),
                name: said.name,
            }
        }
        Vendor::Microsoft => {
            let said: Me = serde_json::from_slice(&response.body).map_err(|_| strange())?;
            Identity {
                subject: said.id,
                email: said.mail.or(said.user_principal_name).unwrap_or_default(),
                name: said.display_name,
            }
        }
    };
    if identity.subject.is_empty() || identity.email.is_empty() {
        return Err(strange());
    }
    Ok(identity)
}
