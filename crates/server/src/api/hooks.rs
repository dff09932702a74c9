//! `/api/hooks/{google,microsoft}/{key}/`: providers say that a calendar changed. They are answered at once, and the link is
//! due; nothing else follows from a call.
//!
//! Google drops what is answered by 404, and Microsoft does not mind whom it calls in vain: both are told nothing about whether
//! there is a channel, unless they show what they were given with it.

use std::time::Duration;

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kalends_engine::signal::{Heard, Signal};
use kalends_providers::google;
use kalends_providers::graph::watch::{self, read_notifications, validation_token};
use kalends_store::connections::ProviderKind;

use super::door::{Line, Ringing};
use super::error::{Answer, ApiError};

/// Google counts on an answer within a few seconds, Microsoft within three, and both come again after a 503.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(900);

/// What a provider is answered.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It was taken, or does not matter.
    Accepted,
    /// Microsoft wants to hear this again, to see that whoever answers at the address wants it.
    Token(String),
}

impl IntoResponse for Taken {
    fn into_response(self) -> Response {
        match self {
            Self::Accepted => StatusCode::ACCEPTED.into_response(),
            Self::Token(token) => ([(CONTENT_TYPE, "text/plain")], token).into_response(),
        }
    }
}

impl OperationOutput for Taken {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(Documented {
            description: "Taken.".to_owned(),
            ..Documented::default()
        })
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Documented)> {
        let mut validated = String::documented(ctx, operation);
        "The validation token that was sent, as plain text.".clone_into(&mut validated.description);
        let accepted = Self::operation_response(ctx, operation).unwrap_or_default();
        vec![(Some(200), validated), (Some(202), accepted)]
    }
}

/// What stands in the document for an answer in plain text.
trait InDocument {
    fn documented(ctx: &mut GenContext, operation: &mut Operation) -> Documented;
}

impl InDocument for String {
    fn documented(ctx: &mut GenContext, operation: &mut Operation) -> Documented {
        Self::operation_response(ctx, operation).unwrap_or_default()
    }
}

/// Google calls. All that it says is in the headers.
pub(crate) async fn google(ringing: Ringing, headers: HeaderMap) -> Answer<Taken> {
    let Some(call) = google::Notification::read(&headers) else {
        return Err(no_call());
    };
    let nobody = || ApiError::not_found("channel");
    let line = ringing.channel(ProviderKind::Google).await?;
    let line = line.ok_or_else(nobody)?;
    if !line.is_named(&call.channel) || !line.is_shown(call.token.as_ref()) {
        ringing.in_vain()?;
        return Err(nobody());
    }
    let signal = match call.event {
        google::Happened::Opened => Signal::Opened,
        // A calendar that is gone is a change, which the next run finds out.
        google::Happened::Changed | google::Happened::Gone => Signal::Changed,
    };
    let heard = Heard {
        signals: vec![signal],
        provider_id: call.resource_id,
    };
    line.hear(heard).await?;
    Ok(Taken::Accepted)
}

/// Microsoft calls, of changes or of the life of a subscription; or it asks whether anybody is there who wants that.
pub(crate) async fn microsoft(
    ringing: Ringing,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer<Taken> {
    if let Some(token) = query.as_deref().and_then(validation_token) {
        let line = ringing.channel(ProviderKind::Microsoft).await?;
        let line = line.ok_or_else(|| ApiError::not_found("channel"))?;
        // Now it is known that Microsoft reaches us.
        line.hear(Heard {
            signals: vec![Signal::Opened],
            provider_id: None,
        })
        .await?;
        return Ok(Taken::Token(token));
    }
    let calls = read_notifications(&body).map_err(|_| no_call())?;
    let Some(line) = ringing.channel(ProviderKind::Microsoft).await? else {
        return Ok(Taken::Accepted);
    };
    let proven: Vec<&watch::Notification> =
        calls.iter().filter(|call| is_proven(&line, call)).collect();
    let Some(first) = proven.first() else {
        ringing.in_vain()?;
        return Ok(Taken::Accepted);
    };
    let heard = Heard {
        provider_id: Some(first.subscription.clone()),
        signals: proven.iter().map(|call| signal(&call.signal)).collect(),
    };
    line.hear(heard).await?;
    Ok(Taken::Accepted)
}

fn is_proven(line: &Line, call: &watch::Notification) -> bool {
    line.is_shown(call.secret.as_ref()) && line.may_be(&call.subscription)
}

fn signal(said: &watch::Signal) -> Signal {
    match said {
        watch::Signal::Changed => Signal::Changed,
        watch::Signal::RenewNow => Signal::RenewNow,
        watch::Signal::Removed => Signal::Removed,
        watch::Signal::Missed => Signal::Missed,
        watch::Signal::Unknown(word) => {
            tracing::info!(%word, "Microsoft says something new");
            Signal::Unknown
        }
    }
}

fn no_call() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "invalid",
        "This is no notification of that provider.",
    )
}

#[cfg(test)]
mod play;
#[cfg(test)]
mod tests;
