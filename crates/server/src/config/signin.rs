//! `[signin]`: an OpenID provider at which people may sign in, beside their passwords here.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use kalends_providers::oauth::oidc::{self, RelyingParty};
use serde::Deserialize;
use url::Url;

use super::reference::Setting;
use super::{env, vendors};

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// The provider, as it names itself.
    issuer: Option<String>,
    /// The name of Kalends there.
    client_id: Option<String>,
    /// A file with its password there.
    client_secret_file: Option<PathBuf>,
    /// How people know the provider.
    name: Option<String>,
}

/// An OpenID provider at which people may sign in.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    /// What Kalends is there.
    pub(crate) party: RelyingParty,
    /// How people know it.
    pub(crate) name: String,
}

impl Section {
    pub(super) fn checked(self) -> Result<Option<SignIn>> {
        let client = vendors::client(
            ("signin", "KALENDS_OIDC"),
            self.client_id,
            self.client_secret_file,
        )?;
        let issuer = env("KALENDS_OIDC_ISSUER").or(self.issuer);
        match (issuer, client) {
            (None, None) => Ok(None),
            (Some(issuer), Some((client_id, client_secret))) => {
                let host = host(&issuer)?;
                Ok(Some(SignIn {
                    party: RelyingParty {
                        issuer,
                        client_id,
                        client_secret,
                    },
                    name: self.name.unwrap_or(host),
                }))
            }
            (Some(_), None) => bail!("signin.client_id is missing, while signin.issuer is set"),
            (None, Some(_)) => bail!("signin.issuer is missing, while signin.client_id is set"),
        }
    }
}

/// The host of an issuer: `https`, without query and fragment (OpenID Connect Discovery §4.1), or of this machine.
fn host(issuer: &str) -> Result<String> {
    let url: Url = issuer
        .parse()
        .with_context(|| format!("signin.issuer: {issuer:?} is no address"))?;
    let fits = oidc::is_guarded(&url) && url.query().is_none() && url.fragment().is_none();
    match url.host_str() {
        Some(host) if fits => Ok(host.to_owned()),
        Some(_) | None => {
            bail!(
                "signin.issuer: {issuer:?} must be like https://id.example.com, as the provider names itself"
            )
        }
    }
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("signin"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("issuer"),
            Some("OIDC_ISSUER"),
            "none",
            "an OpenID provider at which people may sign in too, as it names itself: `https://login.example.com`",
        ),
        setting(
            Some("client_id"),
            Some("OIDC_CLIENT_ID"),
            "none",
            "the client that Kalends is there",
        ),
        setting(
            Some("client_secret_file"),
            Some("OIDC_CLIENT_SECRET_FILE"),
            "none",
            "a file with its secret",
        ),
        setting(None, Some("OIDC_CLIENT_SECRET"), "", "the secret itself"),
        setting(
            Some("name"),
            None,
            "the issuer's host",
            "how people know it: `Company login`",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_address_whose_way_is_encrypted() {
        assert_eq!(
            host("https://id.example.com/realm").unwrap(),
            "id.example.com"
        );
        assert_eq!(host("http://127.0.0.1:8090/google").unwrap(), "127.0.0.1");
        for wrong in [
            "id.example.com",
            "http://id.example.com",
            "https://id.example.com/?a=b",
            "https://id.example.com/#a",
            "",
        ] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_a_provider_is_refused() {
        let section = |issuer: Option<&str>, file: Option<&str>| Section {
            issuer: issuer.map(str::to_owned),
            client_id: file.map(|_| "kalends".to_owned()),
            client_secret_file: file.map(PathBuf::from),
            name: None,
        };
        assert!(section(None, None).checked().unwrap().is_none());
        let issuer = Some("https://id.example.com");
        let error = section(issuer, None).checked().unwrap_err();
        assert!(error.to_string().contains("signin.client_id"), "{error}");
        let error = section(issuer, Some("no-such-file")).checked().unwrap_err();
        assert!(
            error.to_string().contains("signin.client_secret_file"),
            "{error}"
        );
    }
}
