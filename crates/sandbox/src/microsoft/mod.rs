//! Microsoft 365 as its documents describe it: Graph v1.0 calendars and what belongs to them, below one prefix.
//!
//! A [`Mailbox`] holds calendars and items; a series with all its exceptions is one item. Requests come in through
//! `answer`: the door, then `routes`, then one file per noun. `edit` is the one way in which an event changes, for requests
//! and for people at their own programs ([`Microsoft`]'s `as_user_*` methods) alike. What goes out by itself waits in
//! [`Microsoft::mails`] and [`Microsoft::pushes`]. What the documents leave open is decided by [`Switches`].

mod answer;
mod asked;
mod batch;
mod body;
mod calendars;
mod delta;
mod doors;
mod edit;
mod events;
mod extensions;
mod ids;
mod item;
mod listing;
mod mailbox;
mod meeting;
mod moment;
mod options;
mod pushes;
mod recurrence;
mod refusal;
mod render;
mod routes;
mod schedule;
mod settings;
mod shape;
pub(crate) mod signin;
mod subscriptions;
mod switches;
mod words;
mod writing;
mod zones;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::faults::Disturbance;
use crate::oauth::{Denied, Oauth, Style, later};
use crate::world::World;
use answer::Answer;
use asked::{Asked, Prefer, Query};

pub(crate) use body::to_text as body_text;
pub use doors::Account;
pub use mailbox::{Limit, Mailbox, Throttle};
pub use meeting::Mail;
pub use pushes::{Delivered, Push, PushKind, TAKEN_WITHIN, VALIDATION_WITHIN};
pub use refusal::Refusal;
pub use subscriptions::Lifecycle;
pub use switches::{DeadDelta, SeriesRemoval, StartDateMismatch, Switches, TransactionRepeat};

/// What stands before every path of this face.
pub const PREFIX: &str = "/microsoft/";

/// What stands before every path of Graph.
const VERSION_ROOT: &str = "/microsoft/v1.0/";

/// Everything behind this face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Microsoft {
    /// Who can sign in, and what was given out.
    pub oauth: Oauth,
    /// How the server behaves where documents leave it open.
    pub switches: Switches,
    /// Every scheduling mail that would have been sent, in order.
    pub mails: Vec<Mail>,
    /// What is to be sent to subscribers, for the holder to deliver.
    pub pushes: Vec<Push>,
    mailboxes: BTreeMap<String, Mailbox>,
    endpoints: BTreeMap<String, pushes::Endpoint>,
    chance: Chance,
    /// How many requests were answered.
    answered: u64,
}

impl Default for Microsoft {
    fn default() -> Self {
        Self {
            oauth: Oauth::new(Style::Microsoft, 0),
            switches: Switches::default(),
            mails: Vec::new(),
            pushes: Vec::new(),
            mailboxes: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            chance: Chance::new(SEED),
            answered: 0,
        }
    }
}

/// Where chance begins unless [`Microsoft::seed`] says otherwise.
const SEED: u64 = 0x365;

/// Whether a path is one of Graph, which a token opens.
pub(crate) fn is_api(path: &str) -> bool {
    path.starts_with(VERSION_ROOT)
}

/// What a gateway before Graph calls every request.
const STRUCK: u64 = 0;

/// 401, although the token may be good.
pub(crate) fn unauthorized(now: Timestamp) -> Response<Bytes> {
    let id = pushes::request_id(STRUCK);
    answer::refuse(&unauthenticated(Denied::Unknown), &id, &id, now)
}

/// A refusal that means nothing but "not now": too much was asked, or the servers behind are out of order.
pub(crate) fn refuse_for_now(status: StatusCode, now: Timestamp) -> Response<Bytes> {
    let (code, message) = match status {
        StatusCode::TOO_MANY_REQUESTS => ("TooManyRequests", "Please retry again later."),
        StatusCode::SERVICE_UNAVAILABLE => (
            "serviceNotAvailable",
            "The service is temporarily unavailable.",
        ),
        _ => ("UnknownError", ""),
    };
    let id = pushes::request_id(STRUCK);
    answer::refuse(&Refusal::new(status, code, message), &id, &id, now)
}

/// Answers a request.
pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    if let Some(response) = signin::answer(world, request, now) {
        return response;
    }
    world.microsoft.answered += 1;
    let request_id = pushes::request_id(world.microsoft.answered);
    let client_id = asked::header(request, "client-request-id")
        .unwrap_or(&request_id)
        .to_owned();
    let Some(path) = request.uri().path().strip_prefix(VERSION_ROOT) else {
        let refusal = Refusal::no_route(StatusCode::NOT_FOUND);
        return answer::refuse(&refusal, &request_id, &client_id, now);
    };
    let prefer = match Prefer::read(request.headers()) {
        Ok(prefer) => prefer,
        Err(refusal) => return answer::refuse(&refusal, &request_id, &client_id, now),
    };
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let applied = prefer.applied(routes::tracks_changes(&segments));
    let answer = if segments == [batch::PATH] {
        let known = world.microsoft.oauth.bearer(request, now).map(drop);
        known
            .map_err(unauthenticated)
            .and_then(|()| batch::run(world, request, now, how))
    } else {
        alone(world, request, now, how, prefer, &segments, &request_id)
    };
    match answer {
        Ok(answer) => {
            let mut response = answer.into_response(&request_id, &client_id);
            if let Some(applied) = applied.filter(|_| response.status().is_success()) {
                answer::set(&mut response, "preference-applied", &applied);
            }
            response
        }
        Err(refusal) => answer::refuse(&refusal, &request_id, &client_id, now),
    }
}

/// A request that is no batch: the door, and what is behind it.
fn alone(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
    prefer: Prefer,
    segments: &[&str],
    request_id: &str,
) -> Result<Answer, Refusal> {
    let World {
        origin, microsoft, ..
    } = world;
    let access = microsoft
        .oauth
        .bearer(request, now)
        .map_err(unauthenticated)?
        .clone();
    microsoft.spend((&access.client, &access.email), now)?;
    let asked = Asked {
        email: &access.email,
        client: &access.client,
        scopes: access
            .scopes
            .iter()
            .map(|scope| asked::short_scope(scope))
            .collect(),
        origin,
        path: request.uri().path(),
        query: Query::read(request.uri().query()),
        prefer,
        body: request.body(),
        if_match: asked::header(request, header::IF_MATCH.as_str()),
        how,
        now,
        request_id: request_id.to_owned(),
    };
    routes::answer(microsoft, &asked, request.method(), segments)
}

fn unauthenticated(denied: Denied) -> Refusal {
    let message = match denied {
        Denied::Missing => "Access token is empty.",
        Denied::Unknown => "CompactToken parsing failed with error code: 80049217",
        Denied::Expired => "Lifetime validation failed, the token is expired.",
    };
    Refusal::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message).with(
        "www-authenticate",
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
         client_id=\"00000003-0000-0000-c000-000000000000\"",
    )
}

impl Microsoft {
    /// Lets a mailbox's limits have their say.
    fn spend(&mut self, (client, email): (&str, &str), now: Timestamp) -> Result<(), Refusal> {
        let (most, window) = (self.switches.budget_requests, self.switches.budget_window);
        let at_once = self.switches.concurrency_max;
        let retry_after = self.switches.budget_retry_after.clone();
        let mailbox = self.mailbox_mut(email)?;
        let (since, spent) = &mut mailbox.spent;
        if *since == Timestamp::MIN || now.duration_since(*since) >= window {
            *since = now;
            *spent = 0;
        }
        // What is refused keeps counting.
        *spent = spent.saturating_add(1);
        if *spent > most {
            return Err(pushes::too_many(
                "TooManyRequests",
                "Please retry again later.",
                Some(retry_after),
            ));
        }
        mailbox.under_way.retain(|(_, until)| *until > now);
        let ours = mailbox.under_way.iter().filter(|(of, _)| of == client);
        if ours.count() >= at_once {
            return Err(concurrency_exceeded(Some(retry_after)));
        }
        let Some(throttle) = mailbox.throttles.pop_front() else {
            return Ok(());
        };
        Err(match throttle.limit {
            Limit::Requests => pushes::too_many(
                "TooManyRequests",
                "Please retry again later.",
                throttle.retry_after,
            ),
            Limit::Concurrency => concurrency_exceeded(throttle.retry_after),
            Limit::Service => {
                let refusal = Refusal::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "serviceNotAvailable",
                    "The service is temporarily unavailable.",
                );
                match throttle.retry_after {
                    Some(seconds) => refusal.with("retry-after", seconds),
                    None => refusal,
                }
            }
        })
    }

    /// Notes that the answer to a request is held back for so long, and that the request goes on meanwhile.
    pub(crate) fn hold(&mut self, request: &Request<Bytes>, by: SignedDuration, now: Timestamp) {
        let Some(holder) = self.oauth.whose(request) else {
            return;
        };
        if let Ok(mailbox) = self.mailbox_mut(&holder.email) {
            mailbox.under_way.retain(|(_, until)| *until > now);
            mailbox.under_way.push((holder.client, later(now, by)));
        }
    }
}

fn concurrency_exceeded(retry_after: Option<String>) -> Refusal {
    let message = "Application is over its MailboxConcurrency limit.";
    pushes::too_many("ApplicationThrottled", message, retry_after)
}
