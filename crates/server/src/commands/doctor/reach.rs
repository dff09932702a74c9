//! What `kalends doctor` says of others: Google and Microsoft, the way in from outside, and the way out for mails.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use kalends_providers::http::{HttpTransport, Limits, Request, Transport};
use kalends_providers::oauth::{self, GrantError, Vendor};
use kalends_store::connections::{ConnectionState, ProviderKind};
use kalends_store::{Store, StoreError, mailbox};
use secrecy::SecretString;
use url::Url;

use super::{Finding, bad, wary, well};
use crate::api::redirect_uri;
use crate::config::{Settings, VendorSettings};
use crate::hooks::{Unreached, WayIn};
use crate::seams::SystemClock;

/// How long another service is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// What a health page says fits in this many bytes.
const ANSWER_BYTES_MAX: usize = 4_096;

/// Looks at all of them.
pub(super) async fn examine(settings: &Settings, store: &Store, findings: &mut Vec<Finding>) {
    let transport: Arc<dyn Transport> = match HttpTransport::new(&settings.network.http) {
        Ok(transport) => Arc::new(transport),
        Err(error) => {
            let cure = "correct `[network]`, or install ca-certificates";
            findings.push(bad("network", error.to_string(), cure));
            return;
        }
    };
    for vendor in [Vendor::Google, Vendor::Microsoft] {
        match settings.vendors.get(vendor) {
            Some(known) => client(settings, known, transport.as_ref(), findings).await,
            None => findings.push(wary(
                vendor.word(),
                format!(
                    "{} accounts cannot be connected{}",
                    vendor.name(),
                    to_register(settings, vendor)
                ),
                &format!(
                    "register Kalends there, and set `client_id` and its secret in `[{}]`: docs/operations.md",
                    vendor.word()
                ),
            )),
        }
    }
    findings.extend(hooks(settings, transport.as_ref()).await);
    findings.extend(push(settings));
    match mails(settings, store).await {
        Ok(finding) => findings.push(finding),
        Err(error) => findings.push(bad("mail", error.to_string(), "see the log")),
    }
}

/// The redirect URI, where it is known under which address people reach Kalends: whoever registers it there needs it first.
fn to_register(settings: &Settings, vendor: Vendor) -> String {
    match (
        &settings.server.public_url,
        redirect_uri(&settings.server, vendor),
    ) {
        (Some(_), Ok(uri)) => format!("; the redirect URI to be registered there is {uri}"),
        (None, _) | (_, Err(_)) => String::new(),
    }
}

/// Whether a vendor knows Kalends: it is asked with a refresh token that is none. Whoever is refused as a client hears of
/// that first.
async fn client(
    settings: &Settings,
    known: &VendorSettings,
    transport: &dyn Transport,
    findings: &mut Vec<Finding>,
) {
    let vendor = known.client.vendor;
    let about = vendor.word();
    let Ok(redirect) = redirect_uri(&settings.server, vendor) else {
        findings.push(bad(
            about,
            "there is no address to come back to",
            "set `public_url` in `[server]`",
        ));
        return;
    };
    let is_local = redirect
        .host_str()
        .is_some_and(|host| host == "localhost" || host.starts_with("127."));
    if redirect.scheme() != "https" && !is_local {
        findings.push(bad(
            about,
            format!(
                "{} sends nobody back to {redirect}: it is not encrypted",
                vendor.name()
            ),
            "say https:// in `public_url` of `[server]`",
        ));
    }
    let to_register = to_register(settings, vendor);
    let none = SecretString::from("kalends-doctor-asks");
    let asked = oauth::refresh(transport, &known.client, &none, &SystemClock);
    findings.push(match asked.await {
        Err(GrantError::Dead(_)) => well(
            about,
            format!("it knows Kalends; the redirect URI to be registered there is {redirect}"),
        ),
        Err(GrantError::Operator(problem)) => bad(
            about,
            format!("{problem}{to_register}"),
            &format!("correct `client_id` and its secret in `[{about}]`"),
        ),
        Err(GrantError::AdminNeeded(problem)) => wary(
            about,
            format!("{problem}{to_register}"),
            "ask the organisation's administrator",
        ),
        Err(GrantError::Passing { message, .. } | GrantError::Protocol(message)) => wary(
            about,
            format!("{message}{to_register}"),
            "can this machine reach it? See `[network]`, proxies and firewalls",
        ),
        Ok(_) => bad(
            about,
            "it gives tokens for nothing: this is not the provider",
            &format!("correct the addresses in `[{about}]`"),
        ),
    });
}

/// Whether people and providers reach Kalends from outside, under the address that they are told.
async fn hooks(settings: &Settings, transport: &dyn Transport) -> Option<Finding> {
    settings.server.public_url.as_ref()?;
    let url: Url = format!("{}/healthz", settings.server.address())
        .parse()
        .ok()?;
    let request = Request {
        method: Method::GET,
        url: url.clone(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        limits: Limits {
            body_bytes_max: ANSWER_BYTES_MAX,
            time_max: ANSWER_WITHIN,
        },
    };
    Some(match transport.send(request).await {
        Ok(answer) if answer.status.is_success() && answer.body.trim_ascii() == b"ok" => {
            well("hooks", format!("{url} answers"))
        }
        Ok(answer) => wary(
            "hooks",
            format!("{url} answers {}, but that is not Kalends", answer.status),
            "does the proxy lead to it, and does `kalends serve` run?",
        ),
        Err(error) => wary(
            "hooks",
            format!("{url} cannot be reached from here: {error}"),
            "does `kalends serve` run, and do name, proxy and firewall lead to it?",
        ),
    })
}

/// Whether providers would call at the address that they are told.
fn push(settings: &Settings) -> Vec<Finding> {
    let way_in = WayIn::new(&settings.server, &settings.vendors);
    let told = |(vendor, kind): (Vendor, ProviderKind)| match way_in.reached_by(kind) {
        Ok(()) => Some(well(
            "push",
            format!(
                "{} is told to call at {}/api/hooks/ when a calendar changes",
                vendor.name(),
                settings.server.address()
            ),
        )),
        Err(Unreached::TurnedOff) => Some(well(
            "push",
            format!("{} is polled: push is turned off", vendor.name()),
        )),
        Err(why @ Unreached::NotEncrypted) => Some(wary(
            "push",
            format!("{} is polled: {}", vendor.name(), why.told()),
            "set `public_url` in `[server]` to an https address that the internet reaches",
        )),
        // Of one that is not set up, that was told.
        Err(Unreached::NotSetUp | Unreached::Never) => None,
    };
    [
        (Vendor::Google, ProviderKind::Google),
        (Vendor::Microsoft, ProviderKind::Microsoft),
    ]
    .into_iter()
    .filter_map(told)
    .collect()
}

async fn mails(settings: &Settings, store: &Store) -> Result<Finding, StoreError> {
    if let Some(smtp) = &settings.mail.smtp {
        let host = smtp.url.host_str().unwrap_or_default();
        return Ok(well("mail", format!("notices leave through {host}")));
    }
    let mut tx = store.platform_read().await?;
    Ok(match mailbox::get(&mut tx).await? {
        Some(known) if known.state == ConnectionState::Ok => {
            well("mail", format!("notices leave from {}", known.email))
        }
        Some(known) => bad(
            "mail",
            format!("the mailbox {} must be connected again", known.email),
            "POST /api/oauth/google/initiate/ (or microsoft) with the purpose email",
        ),
        None => wary(
            "mail",
            "nobody is told by mail of invitations, dead accounts and held deletions",
            "set `smtp_url` in `[mail]`, or connect a mailbox: docs/operations.md",
        ),
    })
}
