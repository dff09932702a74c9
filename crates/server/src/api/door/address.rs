//! From where a request comes.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use aide::OperationInput;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use tower_http::request_id::RequestId;

use super::{Api, Shared};

/// Extracts the address of the client, as far as it is known.
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl OperationInput for Address {}

impl FromRequestParts<Shared> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, Infallible> {
        Ok(Self(of(parts, api)))
    }
}

/// Extracts why something is done that follows from the request: its id, as the audit log has it.
pub(crate) struct Cause(pub(crate) Option<String>);

impl OperationInput for Cause {}

impl FromRequestParts<Shared> for Cause {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        Ok(Self(cause(parts)))
    }
}

/// The id of the request, as a cause.
pub(super) fn cause(parts: &Parts) -> Option<String> {
    let id = parts.extensions.get::<RequestId>()?;
    let id = id.header_value().to_str().ok()?;
    Some(format!("request {id}"))
}

/// The address of the connection, or what the proxy before us says where the operator trusts one.
pub(super) fn of(parts: &Parts, api: &Api) -> Option<IpAddr> {
    if api.settings.behind_proxy
        && let Some(told) = forwarded(parts)
    {
        return Some(told);
    }
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip())
}

/// The last address of `X-Forwarded-For` is the one that our own proxy added; those before it anybody can write.
fn forwarded(parts: &Parts) -> Option<IpAddr> {
    let last = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}
