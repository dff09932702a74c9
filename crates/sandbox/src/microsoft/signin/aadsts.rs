//! Errors as the identity platform words them: a number, a text, and how to find the case in the logs.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::oauth::{ClientProblem, CodeProblem, Ended, Oauth, Obstacle, RefreshProblem, reply};

/// An error of the authorisation or the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The number behind `AADSTS`.
    pub(super) number: u32,
    /// The word of OAuth.
    pub(super) error: &'static str,
    /// The text, without number and identifiers.
    pub(super) told: String,
    status: StatusCode,
    suberror: Option<&'static str>,
    claims: Option<&'static str>,
}

/// What a fresh sign-in must bring, when a second factor is asked for.
const SECOND_FACTOR_CLAIMS: &str =
    "{\"access_token\":{\"capolids\":{\"essential\":true,\"values\":[\"second-factor\"]}}}";

/// An error with status 400.
pub(super) fn fault(number: u32, error: &'static str, told: impl Into<String>) -> Fault {
    Fault {
        number,
        error,
        told: told.into(),
        status: StatusCode::BAD_REQUEST,
        suberror: None,
        claims: None,
    }
}

impl Fault {
    fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same case under another word of OAuth: the endpoints differ in them.
    pub(super) fn called(self, error: &'static str) -> Self {
        Self { error, ..self }
    }

    pub(super) fn suberror(self, suberror: &'static str) -> Self {
        Self {
            suberror: Some(suberror),
            ..self
        }
    }

    /// `error_description`: the number, the text, and how to find the case.
    pub(super) fn description(&self, case: &Case) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {} Correlation ID: {} Timestamp: {}",
            self.number, self.told, case.trace, case.correlation, case.at
        )
    }

    /// Where people are told more.
    pub(super) fn uri(&self) -> String {
        format!(
            "https://login.microsoftonline.com/error?code={}",
            self.number
        )
    }

    /// The answer of the token endpoint.
    pub(super) fn response(
        &self,
        oauth: &mut Oauth,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Response<Bytes> {
        let case = Case::new(oauth, request, now);
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(&case),
            "error_codes": [self.number],
            "timestamp": case.at,
            "trace_id": case.trace,
            "correlation_id": case.correlation,
            "error_uri": self.uri(),
        });
        if let Some(suberror) = self.suberror.filter(|_| oauth.switches.tells_suberrors) {
            body["suberror"] = Value::from(suberror);
        }
        if let Some(claims) = self.claims {
            body["claims"] = Value::from(claims);
        }
        let mut response = reply::json(self.status, &body);
        reply::header(
            &mut response,
            header::HeaderName::from_static("x-ms-request-id"),
            &case.trace,
        );
        response
    }
}

/// How to find a case in the logs.
pub(super) struct Case {
    trace: String,
    correlation: String,
    at: String,
}

impl Case {
    pub(super) fn new(oauth: &mut Oauth, request: &Request<Bytes>, now: Timestamp) -> Self {
        let sent = request
            .headers()
            .get("client-request-id")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Self {
            trace: oauth.maker.guid(),
            correlation: sent.unwrap_or_else(|| oauth.maker.guid()),
            at: now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        }
    }
}

pub(super) fn no_tenant(tenant: &str) -> Fault {
    fault(
        90002,
        "invalid_request",
        format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud. Check with your subscription administrator, this may happen if there are no active \
             subscriptions for the tenant."
        ),
    )
}

pub(super) fn missing(name: &str) -> Fault {
    fault(
        900_144,
        "invalid_request",
        format!("The request body must contain the following parameter: '{name}'."),
    )
}

pub(super) fn malformed() -> Fault {
    fault(
        9_002_313,
        "invalid_request",
        "Invalid request. Request is malformed or invalid.",
    )
}

pub(super) fn wrong_redirect(redirect: &str, client: &str) -> Fault {
    fault(
        50011,
        "invalid_request",
        format!(
            "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the \
             application '{client}'. Make sure the redirect URI sent in the request matches one added to your \
             application in the Azure portal."
        ),
    )
}

pub(super) fn bad_scope(scope: &str) -> Fault {
    fault(
        70011,
        "invalid_scope",
        format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
             'scope' is not valid. The scope {scope} is not valid."
        ),
    )
}

pub(super) fn not_consented(client: &str, error: &'static str) -> Fault {
    fault(
        65001,
        error,
        format!(
            "The user or administrator has not consented to use the application with ID '{client}'. Send an interactive \
             authorization request for this user and resource."
        ),
    )
    .suberror("consent_required")
}

pub(super) fn admin_needed(client: &str) -> Fault {
    fault(
        90094,
        "consent_required",
        format!(
            "The application with ID '{client}' needs permission to access resources in your organization that only an \
             admin can grant."
        ),
    )
}

pub(super) fn declined() -> Fault {
    fault(
        65004,
        "access_denied",
        "User declined to consent to access the app.",
    )
}

pub(super) fn other_tenant(error: &'static str) -> Fault {
    fault(
        50020,
        error,
        "User account from identity provider 'live.com' does not exist in tenant and cannot access the application. The \
         account needs to be added as an external user in the tenant first.",
    )
}

/// Why a client is not believed.
pub(super) fn of_client(problem: ClientProblem, client: &str) -> Fault {
    let invalid = |number, told: String| {
        fault(number, "invalid_client", told).status(StatusCode::UNAUTHORIZED)
    };
    match problem {
        ClientProblem::Missing => missing("client_id"),
        ClientProblem::Unknown => fault(
            700_016,
            "unauthorized_client",
            format!(
                "Application with identifier '{client}' was not found in the directory. This can happen if the \
                 application has not been installed by the administrator of the tenant or consented to by any user in \
                 the tenant. You may have sent your authentication request to the wrong tenant."
            ),
        ),
        ClientProblem::SecretMissing => invalid(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
                .to_owned(),
        ),
        ClientProblem::SecretWrong => invalid(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
                 not the client secret ID, for a secret added to app '{client}'."
            ),
        ),
        ClientProblem::SecretExpired => invalid(
            7_000_222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new \
                 keys for your app."
            ),
        ),
        ClientProblem::SecretUnwanted => invalid(
            700_025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."
                .to_owned(),
        ),
    }
}

/// Why a code is not taken.
pub(super) fn of_code(problem: CodeProblem, redirect: &str, client: &str) -> Fault {
    let grant = |number, told: &str| fault(number, "invalid_grant", told);
    match problem {
        CodeProblem::Unknown | CodeProblem::OtherClient => grant(
            70000,
            "The provided value for the 'code' parameter is not valid.",
        ),
        CodeProblem::Used => grant(
            54005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing \
             refresh token.",
        ),
        CodeProblem::Expired => grant(
            70008,
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive \
             authorization request for this user and resource.",
        ),
        CodeProblem::OtherRedirect => wrong_redirect(redirect, client),
        CodeProblem::VerifierMissing | CodeProblem::VerifierWrong => grant(
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        ),
    }
}

/// Why a refresh token is not taken.
pub(super) fn of_refresh(problem: RefreshProblem, client: &str, now: Timestamp) -> Fault {
    let grant = |number, told: String| fault(number, "invalid_grant", told);
    let invalid = || {
        grant(
            70000,
            "The provided value for the input parameter 'refresh_token' or 'assertion' is not valid.".to_owned(),
        )
    };
    match problem {
        RefreshProblem::Unknown | RefreshProblem::Ended(Ended::Replaced | Ended::Crowded) => {
            invalid().suberror("bad_token")
        }
        RefreshProblem::OtherClient => invalid().suberror("client_mismatch"),
        RefreshProblem::NoPerson => grant(
            50034,
            "The user account does not exist in the directory. To sign into this application, the account must be added \
             to the directory."
                .to_owned(),
        ),
        RefreshProblem::Hindered(obstacle) => of_obstacle(obstacle),
        RefreshProblem::Ended(Ended::Revoked | Ended::PasswordChanged | Ended::SessionsRevoked) => {
            grant(
                50173,
                "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might \
                 have changed or reset their password."
                    .to_owned(),
            )
            .suberror("bad_token")
        }
        RefreshProblem::Ended(Ended::Expired) => of_code(CodeProblem::Expired, "", client)
            .suberror("token_expired"),
        RefreshProblem::TimeUp { issued_at } => grant(
            700_084,
            format!(
                "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of \
                 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the \
                 SPA to the sign in page. The token was issued on {}.",
                in_ticks(issued_at)
            ),
        ),
        RefreshProblem::Idle { issued_at } => grant(
            700_082,
            format!(
                "The refresh token has expired due to inactivity. The token was issued on {} and was inactive for \
                 90.00:00:00.",
                in_ticks(issued_at.min(now))
            ),
        )
        .suberror("bad_token"),
        RefreshProblem::NoConsent => not_consented(client, "invalid_grant"),
    }
}

/// What stands in a person's way.
pub(super) fn of_obstacle(obstacle: Obstacle) -> Fault {
    let grant = |number, told: &str| fault(number, "invalid_grant", told);
    match obstacle {
        Obstacle::Disabled => grant(50057, "The user account is disabled."),
        Obstacle::OtherOrganisation => other_tenant("invalid_grant"),
        Obstacle::NotAssigned => grant(
            50105,
            "Your administrator has configured the application to block users unless they are specifically granted \
             ('assigned') access to the application.",
        ),
        Obstacle::SecondFactor => Fault {
            claims: Some(SECOND_FACTOR_CLAIMS),
            ..fault(
                50076,
                "interaction_required",
                "Due to a configuration change made by your administrator, or because you moved to a new location, you \
                 must use multi-factor authentication to access the resource.",
            )
            .suberror("basic_action")
        },
        Obstacle::SecondFactorSetup => fault(
            50079,
            "interaction_required",
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must \
             enroll in multi-factor authentication to access the resource.",
        )
        .suberror("basic_action"),
        Obstacle::SignInTooOld => grant(
            70043,
            "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
        )
        .suberror("token_expired"),
        Obstacle::Blocked => grant(
            53003,
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        )
        .suberror("message_only"),
        Obstacle::Outage => fault(
            90033,
            "temporarily_unavailable",
            "A transient error has occurred. Please try again.",
        )
        .status(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// A time with seven digits behind the second, as the platform writes those inside its texts.
fn in_ticks(at: Timestamp) -> String {
    format!(
        "{}.{:07}Z",
        at.strftime("%Y-%m-%dT%H:%M:%S"),
        at.subsec_nanosecond() / 100
    )
}
