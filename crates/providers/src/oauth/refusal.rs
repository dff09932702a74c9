//! What a refusal of an authorisation server means: whose turn it is to do something.

use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};

use super::vendor::Vendor;

/// The longest quotation of a server in one of our sentences, in characters.
const WORDS_MAX: usize = 200;

/// What follows in Microsoft's sentences is for their support alone.
const MICROSOFT_TRAILER: &str = " Trace ID:";

/// Microsoft's numbers for "an administrator of the organisation has to consent".
const ADMIN_CONSENT: [u32; 3] = [90_094, 90_095, 50_105];

/// Why no token was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The grant, or the code, is dead: the person has to consent again.
    #[error("{0}")]
    Dead(String),
    /// An administrator of the person's organisation has to consent.
    #[error("{0}")]
    AdminNeeded(String),
    /// Our own client is refused: the operator has to mend the settings. It says nothing about the person's account.
    #[error("{0}")]
    Operator(String),
    /// It may work later.
    #[error("{message}")]
    Passing {
        /// Not before this time, when the server said so.
        retry_at: Option<Timestamp>,
        /// What happened.
        message: String,
    },
    /// The answer makes no sense.
    #[error("{0}")]
    Protocol(String),
}

impl From<GrantError> for Failure {
    /// Only a dead grant disconnects anybody (design.md §4.15).
    fn from(error: GrantError) -> Self {
        let message = error.to_string();
        let class = match error {
            GrantError::Dead(_) | GrantError::AdminNeeded(_) => Class::ReconnectNeeded,
            GrantError::Operator(_) => Class::Passing { retry_at: None },
            GrantError::Passing { retry_at, .. } => Class::Passing { retry_at },
            GrantError::Protocol(_) => Class::Protocol,
        };
        Failure::new(class, message)
    }
}

/// What a refusal means.
pub(super) fn of(vendor: Vendor, said: &BasicErrorResponse) -> GrantError {
    let name = vendor.name();
    let words = words(said);
    let number = said.error_description().and_then(|text| aadsts(text));
    if number.is_some_and(|number| ADMIN_CONSENT.contains(&number)) {
        return GrantError::AdminNeeded(format!(
            "an administrator of the organisation has to allow Kalends at {name} first{words}"
        ));
    }
    let operator = || {
        GrantError::Operator(format!(
            "{name} refuses Kalends itself ({}), not this account: the operator has to check the settings \
             {}.client_id and {}.client_secret and the redirect URI that is registered there{words}",
            said.error().as_ref(),
            vendor.word(),
            vendor.word(),
        ))
    };
    let dead = || {
        GrantError::Dead(format!(
            "{name} no longer accepts the consent that was given for this account; connect it again{words}"
        ))
    };
    match said.error() {
        BasicErrorResponseType::InvalidGrant => dead(),
        BasicErrorResponseType::InvalidClient
        | BasicErrorResponseType::InvalidRequest
        | BasicErrorResponseType::InvalidScope
        | BasicErrorResponseType::UnauthorizedClient
        | BasicErrorResponseType::UnsupportedGrantType => operator(),
        BasicErrorResponseType::Extension(word) => match word.as_str() {
            "interaction_required" | "login_required" | "access_denied" => dead(),
            "consent_required" | "admin_policy_enforced" => GrantError::AdminNeeded(format!(
                "{name} asks for the consent of the person, or of an administrator of their organisation{words}"
            )),
            "redirect_uri_mismatch"
            | "deleted_client"
            | "org_internal"
            | "disallowed_useragent" => operator(),
            // What nobody knows disconnects nobody.
            _ => GrantError::Passing {
                retry_at: None,
                message: format!("{name} gives no token ({word}){words}"),
            },
        },
    }
}

/// The server's own words, for people; empty if it had none.
fn words(said: &BasicErrorResponse) -> String {
    let Some(text) = said.error_description() else {
        return String::new();
    };
    let text = text.split(MICROSOFT_TRAILER).next().unwrap_or_default();
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WORDS_MAX)
        .collect();
    match text.trim() {
        "" => String::new(),
        text => format!(": “{text}”"),
    }
}

/// The number in `AADSTS700082: The refresh token has expired …`.
fn aadsts(text: &str) -> Option<u32> {
    let rest = text.trim_start().strip_prefix("AADSTS")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}
