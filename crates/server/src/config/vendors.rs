//! `[google]` and `[microsoft]`: what Kalends is there (its OAuth client), and where they are.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use kalends_providers::oauth::{Client, Endpoints, Vendor};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::env;
use super::reference::Setting;

/// `[google]` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GoogleSection {
    /// The name of Kalends there.
    client_id: Option<String>,
    /// A file with its password there.
    client_secret_file: Option<PathBuf>,
    /// In place of all hosts below: the sandbox's.
    base_url: Option<String>,
    /// Where people consent.
    accounts_url: Option<String>,
    /// Where tokens come from.
    oauth_url: Option<String>,
    /// Where calendars are.
    api_url: Option<String>,
    /// Where mails are sent.
    gmail_url: Option<String>,
}

/// `[microsoft]` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MicrosoftSection {
    /// The name of Kalends there.
    client_id: Option<String>,
    /// A file with its password there.
    client_secret_file: Option<PathBuf>,
    /// Whose accounts may come: `common`, `organizations`, `consumers`, or a directory's id.
    directory: Option<String>,
    /// In place of all hosts below: the sandbox's.
    base_url: Option<String>,
    /// Where people consent, and where tokens come from.
    login_url: Option<String>,
    /// Where calendars are, and mails are sent.
    graph_url: Option<String>,
}

/// A vendor, as Kalends is known there.
#[derive(Clone, Debug)]
pub(crate) struct VendorSettings {
    /// What Kalends is there.
    pub(crate) client: Client,
    /// Where calendars are.
    pub(crate) calendars: Url,
    /// Where mails are sent.
    pub(crate) mail: Url,
}

/// The vendors that the operator set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vendors {
    /// Google.
    pub(crate) google: Option<VendorSettings>,
    /// Microsoft.
    pub(crate) microsoft: Option<VendorSettings>,
}

impl Vendors {
    /// One of them; none where the operator did not set it up.
    pub(crate) fn get(&self, vendor: Vendor) -> Option<&VendorSettings> {
        match vendor {
            Vendor::Google => self.google.as_ref(),
            Vendor::Microsoft => self.microsoft.as_ref(),
        }
    }

    /// Both from the sandbox at this address.
    pub(crate) fn sandboxed(
        base: &str,
        client: impl Fn(Vendor) -> (String, SecretString),
    ) -> Result<Self> {
        let own = |vendor: Vendor| Some(client(vendor));
        let base = |vendor: Vendor| format!("{}/{}", base.trim_end_matches('/'), vendor.word());
        Ok(Self {
            google: google(own(Vendor::Google), &Hosts::all(&base(Vendor::Google)))?,
            microsoft: microsoft(
                own(Vendor::Microsoft),
                DIRECTORY,
                &Hosts::all(&base(Vendor::Microsoft)),
            )?,
        })
    }
}

/// Work, school and personal accounts.
const DIRECTORY: &str = "common";

/// The hosts of a vendor; of Microsoft the first two are one.
struct Hosts {
    consent: String,
    tokens: String,
    api: String,
    mail: String,
}

impl Hosts {
    fn all(base: &str) -> Self {
        Self {
            consent: base.to_owned(),
            tokens: base.to_owned(),
            api: base.to_owned(),
            mail: base.to_owned(),
        }
    }
}

impl GoogleSection {
    pub(super) fn checked(self) -> Result<Option<VendorSettings>> {
        let client = client(
            ("google", "KALENDS_GOOGLE"),
            self.client_id,
            self.client_secret_file,
        )?;
        let base = env("KALENDS_GOOGLE_BASE_URL").or(self.base_url);
        let host = |own: Option<String>, usual: &str| {
            own.or_else(|| base.clone())
                .unwrap_or_else(|| usual.to_owned())
        };
        let hosts = Hosts {
            consent: host(self.accounts_url, "https://accounts.google.com"),
            tokens: host(self.oauth_url, "https://oauth2.googleapis.com"),
            api: host(self.api_url, "https://www.googleapis.com"),
            mail: host(self.gmail_url, "https://gmail.googleapis.com"),
        };
        google(client, &hosts)
    }
}

impl MicrosoftSection {
    pub(super) fn checked(self) -> Result<Option<VendorSettings>> {
        let client = client(
            ("microsoft", "KALENDS_MICROSOFT"),
            self.client_id,
            self.client_secret_file,
        )?;
        let base = env("KALENDS_MICROSOFT_BASE_URL").or(self.base_url);
        let host = |own: Option<String>, usual: &str| {
            own.or_else(|| base.clone())
                .unwrap_or_else(|| usual.to_owned())
        };
        let login = host(self.login_url, "https://login.microsoftonline.com");
        let graph = host(self.graph_url, "https://graph.microsoft.com");
        let hosts = Hosts {
            consent: login.clone(),
            tokens: login,
            api: graph.clone(),
            mail: graph,
        };
        let directory = env("KALENDS_MICROSOFT_DIRECTORY").or(self.directory);
        let directory = directory.as_deref().unwrap_or(DIRECTORY);
        let fits = !directory.is_empty()
            && directory
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
        if !fits {
            bail!(
                "microsoft.directory: {directory:?} is no directory, such as common or contoso.com"
            );
        }
        microsoft(client, directory, &hosts)
    }
}

/// The client's name and password, by the section and by how its variables begin: both or neither.
pub(super) fn client(
    (section, prefix): (&str, &str),
    id: Option<String>,
    secret_file: Option<PathBuf>,
) -> Result<Option<(String, SecretString)>> {
    let id = env(&format!("{prefix}_CLIENT_ID")).or(id);
    let file = env(&format!("{prefix}_CLIENT_SECRET_FILE"))
        .map(PathBuf::from)
        .or(secret_file);
    let secret = match (env(&format!("{prefix}_CLIENT_SECRET")), file) {
        (Some(secret), _) => Some(secret),
        (None, Some(file)) => Some(
            std::fs::read_to_string(&file)
                .with_context(|| format!("{section}.client_secret_file: {}", file.display()))?
                .trim()
                .to_owned(),
        ),
        (None, None) => None,
    };
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() => {
            Ok(Some((id, SecretString::from(secret))))
        }
        (None, Some(_)) => bail!("{section}.client_id is missing, while its secret is set"),
        (Some(_), None | Some(_)) => bail!(
            "{section}.client_secret_file (or {prefix}_CLIENT_SECRET) is missing, while {section}.client_id is set"
        ),
    }
}

fn google(client: Option<(String, SecretString)>, hosts: &Hosts) -> Result<Option<VendorSettings>> {
    let Some((id, secret)) = client else {
        return Ok(None);
    };
    Ok(Some(VendorSettings {
        client: Client {
            vendor: Vendor::Google,
            id,
            secret,
            endpoints: Endpoints {
                authorize: at("google.accounts_url", &hosts.consent, "o/oauth2/v2/auth")?,
                token: at("google.oauth_url", &hosts.tokens, "token")?,
                revoke: Some(at("google.oauth_url", &hosts.tokens, "revoke")?),
                identity: at("google.api_url", &hosts.api, "oauth2/v2/userinfo")?,
            },
        },
        calendars: at("google.api_url", &hosts.api, "calendar/v3/")?,
        mail: at("google.gmail_url", &hosts.mail, "")?,
    }))
}

fn microsoft(
    client: Option<(String, SecretString)>,
    directory: &str,
    hosts: &Hosts,
) -> Result<Option<VendorSettings>> {
    let Some((id, secret)) = client else {
        return Ok(None);
    };
    let login = |path: &str| {
        at(
            "microsoft.login_url",
            &hosts.consent,
            &format!("{directory}/oauth2/v2.0/{path}"),
        )
    };
    let graph = |path: &str| at("microsoft.graph_url", &hosts.api, path);
    Ok(Some(VendorSettings {
        client: Client {
            vendor: Vendor::Microsoft,
            id,
            secret,
            endpoints: Endpoints {
                authorize: login("authorize")?,
                token: login("token")?,
                revoke: None,
                identity: graph("v1.0/me")?,
            },
        },
        calendars: graph("v1.0/")?,
        mail: graph("")?,
    }))
}

/// A path below a host, which may itself have one (the sandbox's).
fn at(setting: &str, host: &str, path: &str) -> Result<Url> {
    let text = format!("{}/{path}", host.trim_end_matches('/'));
    let url: Url = text
        .parse()
        .with_context(|| format!("{setting}: {host:?} is no address"))?;
    let fits = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !fits {
        bail!("{setting}: {host:?} must be like https://www.example.com");
    }
    Ok(url)
}

/// What the guide says of them.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |section, key, variable, usual: &str, what| Setting {
        section: Some(section),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    let google = |key, variable, usual: &str, what| setting("google", key, variable, usual, what);
    let microsoft =
        |key, variable, usual: &str, what| setting("microsoft", key, variable, usual, what);
    vec![
        google(
            Some("client_id"),
            Some("GOOGLE_CLIENT_ID"),
            "none",
            "the OAuth client that Kalends is at Google; without it Google accounts cannot be connected",
        ),
        google(
            Some("client_secret_file"),
            Some("GOOGLE_CLIENT_SECRET_FILE"),
            "none",
            "a file with its secret",
        ),
        google(None, Some("GOOGLE_CLIENT_SECRET"), "", "the secret itself"),
        google(
            Some("base_url"),
            Some("GOOGLE_BASE_URL"),
            "none",
            "in place of all of Google's hosts: a sandbox's, `http://127.0.0.1:8090/google`",
        ),
        google(
            Some("accounts_url"),
            None,
            "`https://accounts.google.com`",
            "where people consent",
        ),
        google(
            Some("oauth_url"),
            None,
            "`https://oauth2.googleapis.com`",
            "where tokens come from, and are taken back",
        ),
        google(
            Some("api_url"),
            None,
            "`https://www.googleapis.com`",
            "where calendars are",
        ),
        google(
            Some("gmail_url"),
            None,
            "`https://gmail.googleapis.com`",
            "where notices are sent from the platform's mailbox",
        ),
        microsoft(
            Some("client_id"),
            Some("MICROSOFT_CLIENT_ID"),
            "none",
            "the application that Kalends is at Microsoft; without it Microsoft accounts cannot be connected",
        ),
        microsoft(
            Some("client_secret_file"),
            Some("MICROSOFT_CLIENT_SECRET_FILE"),
            "none",
            "a file with its secret",
        ),
        microsoft(
            None,
            Some("MICROSOFT_CLIENT_SECRET"),
            "",
            "the secret itself",
        ),
        microsoft(
            Some("directory"),
            Some("MICROSOFT_DIRECTORY"),
            "`common`",
            "whose accounts may come: `common`, `organizations`, `consumers`, or one directory's id or domain",
        ),
        microsoft(
            Some("base_url"),
            Some("MICROSOFT_BASE_URL"),
            "none",
            "in place of all of Microsoft's hosts: a sandbox's, `http://127.0.0.1:8090/microsoft`",
        ),
        microsoft(
            Some("login_url"),
            None,
            "`https://login.microsoftonline.com`",
            "where people consent, and where tokens come from",
        ),
        microsoft(
            Some("graph_url"),
            None,
            "`https://graph.microsoft.com`",
            "where calendars are, and notices are sent from the platform's mailbox",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_are_the_vendors_own_until_one_stands_in_for_them() {
        let client = || Some(("kalends".to_owned(), SecretString::from("secret")));
        let own = Hosts {
            consent: "https://accounts.google.com".to_owned(),
            tokens: "https://oauth2.googleapis.com/".to_owned(),
            api: "https://www.googleapis.com".to_owned(),
            mail: "https://gmail.googleapis.com".to_owned(),
        };
        let known = google(client(), &own).unwrap().unwrap();
        let endpoints = known.client.endpoints;
        assert_eq!(
            endpoints.authorize.as_str(),
            "https://accounts.google.com/o/oauth2/v2/auth"
        );
        assert_eq!(
            endpoints.token.as_str(),
            "https://oauth2.googleapis.com/token"
        );
        assert_eq!(
            known.calendars.as_str(),
            "https://www.googleapis.com/calendar/v3/"
        );
        let sandboxed = Vendors::sandboxed("http://127.0.0.1:8090", |_| {
            ("kalends".to_owned(), SecretString::from("secret"))
        })
        .unwrap();
        let google = sandboxed.google.unwrap();
        assert_eq!(
            google.client.endpoints.token.as_str(),
            "http://127.0.0.1:8090/google/token"
        );
        assert_eq!(google.mail.as_str(), "http://127.0.0.1:8090/google/");
        let microsoft = sandboxed.microsoft.unwrap();
        assert_eq!(
            microsoft.client.endpoints.authorize.as_str(),
            "http://127.0.0.1:8090/microsoft/common/oauth2/v2.0/authorize"
        );
        assert_eq!(
            microsoft.calendars.as_str(),
            "http://127.0.0.1:8090/microsoft/v1.0/"
        );
        assert!(at("google.api_url", "ftp://example.com", "x").is_err());
    }
}
