//! `[server]`: where health is told.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::env;

/// Only for this machine, until somebody says otherwise.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// Address and port.
    listen: Option<SocketAddr>,
}

/// Where health is told.
#[derive(Debug)]
pub(crate) struct Server {
    /// Address and port.
    pub(crate) listen: SocketAddr,
}

impl Section {
    pub(super) fn checked(self) -> Result<Server> {
        let listen = match env("KALENDS_LISTEN") {
            Some(text) => text
                .parse()
                .with_context(|| format!("KALENDS_LISTEN: {text:?} is no ADDRESS:PORT"))?,
            None => self.listen.unwrap_or(LISTEN),
        };
        Ok(Server { listen })
    }
}
