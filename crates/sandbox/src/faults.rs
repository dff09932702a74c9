//! What befalls single requests, and the one door through which requests come in.
//!
//! The caller decides which request is struck: by hand, or by [`Odds`] and its own seed.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::world::World;
use crate::{caldav, google, ics, microsoft, page};

/// Something that goes wrong with one request. Where a fault has no meaning for a request, the request goes right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// It never reaches the server.
    LostBeforeSend,
    /// The server does it, and the answer is lost.
    LostAfterEffect,
    /// A proxy on the way sends it twice; the second answer arrives.
    SentTwice,
    /// The server refuses it without doing anything.
    Status {
        /// The status, such as 429 or 503.
        code: u16,
        /// `Retry-After` in seconds.
        retry_after_s: Option<u32>,
    },
    /// The server does it, and a gateway answers in its place, such as 502 or 504.
    GatewayAfterEffect {
        /// The gateway's status.
        code: u16,
    },
    /// 401, once, although the credentials are right.
    Unauthorized,
    /// The sync token in it is declared dead.
    DeadCursor,
    /// The answer breaks off.
    CutBody {
        /// How much of it arrives.
        keep_percent: u8,
    },
    /// The answer shows an earlier state, some changes ago, as a replica that lags would.
    StaleRead {
        /// How many changes of the collection are missing.
        changes: u64,
        /// How far back it may go.
        session: Session,
    },
    /// The answer has no `ETag` header.
    MissingEtag,
    /// A web page arrives with status 200, and the server knows nothing of it.
    Html,
    /// A listing has no members, though there are some. Its sync token is that of the beginning.
    EmptyListing,
    /// A listing breaks off after some members and says so by a 507.
    CutListing {
        /// How many members it has.
        members: usize,
    },
}

/// How far back a stale read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Session {
    /// Never behind what an answer has shown or a request has done: reads are monotonic and see one's own writes, as
    /// behind a balancer that keeps a session on its replica. A correct client recovers from these by itself.
    Kept,
    /// Anywhere. An incremental client still recovers, for it gets the older token with the older state; a full listing
    /// may lack what the client itself has just written.
    Broken,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An answer arrived.
    Answered(Response<Bytes>),
    /// None did. The request may or may not have taken effect.
    Lost,
}

/// How often each fault strikes, in tenths of a percent of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the chance of the fault of its name")]
pub struct Odds {
    pub lost_before_send: u64,
    pub lost_after_effect: u64,
    pub sent_twice: u64,
    pub throttled: u64,
    pub unavailable: u64,
    pub gateway_after_effect: u64,
    pub unauthorized: u64,
    pub dead_cursor: u64,
    pub cut_body: u64,
    pub stale_read: u64,
    pub missing_etag: u64,
    pub html: u64,
    pub empty_listing: u64,
    pub cut_listing: u64,
}

/// How faults change the making of an answer, for the faces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Disturbance {
    #[default]
    None,
    DeadCursor,
    Stale {
        changes: u64,
        session: Session,
    },
    EmptyListing,
    CutListing {
        members: usize,
    },
}

/// What a captive portal or a login wall sends.
pub(crate) const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n\
    <body><form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>\n";

/// Answers a request by whichever face its path belongs to.
pub fn handle(world: &mut World, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    let response = answer(world, request, now, Disturbance::None);
    world.record(request, now, Some(response.status().as_u16()), None);
    response
}

/// Answers a request that a fault may strike.
pub fn handle_with(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    fault: Option<Fault>,
) -> Outcome {
    let Some(fault) = fault else {
        return Outcome::Answered(handle(world, request, now));
    };
    let outcome = strike(world, request, now, fault);
    let status = match (&outcome, fault) {
        (_, Fault::LostBeforeSend) | (Struck::Aside(_), _) => None,
        (Struck::Lost(response) | Struck::Answered(response), _) => {
            response.as_ref().map(|answer| answer.status().as_u16())
        }
    };
    world.record(request, now, status, Some(fault));
    match outcome {
        Struck::Answered(Some(response)) | Struck::Aside(response) => Outcome::Answered(response),
        Struck::Answered(None) | Struck::Lost(_) => Outcome::Lost,
    }
}

/// What a fault left of an exchange.
enum Struck {
    /// The server's answer, whole or not.
    Answered(Option<Response<Bytes>>),
    /// Nothing arrived; the server's answer, if it gave one.
    Lost(Option<Response<Bytes>>),
    /// Something else answered, and the server never knew.
    Aside(Response<Bytes>),
}

fn strike(world: &mut World, request: &Request<Bytes>, now: Timestamp, fault: Fault) -> Struck {
    let disturbed =
        |world: &mut World, how| Struck::Answered(Some(answer(world, request, now, how)));
    match fault {
        Fault::LostBeforeSend => Struck::Lost(None),
        Fault::LostAfterEffect => {
            Struck::Lost(Some(answer(world, request, now, Disturbance::None)))
        }
        Fault::SentTwice => {
            let _ = answer(world, request, now, Disturbance::None);
            disturbed(world, Disturbance::None)
        }
        Fault::Status {
            code,
            retry_after_s,
        } => {
            let mut response = refusal(request, code, now);
            if let Some(seconds) = retry_after_s {
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            Struck::Answered(Some(response))
        }
        Fault::GatewayAfterEffect { code } => {
            let _ = answer(world, request, now, Disturbance::None);
            Struck::Answered(Some(refusal(request, code, now)))
        }
        Fault::Unauthorized => match Face::of(request) {
            Face::Google => Struck::Answered(Some(google::unauthorized())),
            Face::Microsoft => Struck::Answered(Some(microsoft::unauthorized(now))),
            // Whoever asks for a token has none to be refused.
            Face::SignIn => disturbed(world, Disturbance::None),
            Face::Plain => Struck::Answered(Some(caldav::unauthorized())),
        },
        Fault::DeadCursor => disturbed(world, Disturbance::DeadCursor),
        Fault::CutBody { keep_percent } => {
            let mut response = answer(world, request, now, Disturbance::None);
            let keep = response.body().len() * usize::from(keep_percent.min(100)) / 100;
            let kept = response.body().slice(..keep);
            *response.body_mut() = kept;
            Struck::Answered(Some(response))
        }
        Fault::StaleRead { changes, session } => {
            disturbed(world, Disturbance::Stale { changes, session })
        }
        Fault::MissingEtag => {
            let mut response = answer(world, request, now, Disturbance::None);
            response.headers_mut().remove(header::ETAG);
            Struck::Answered(Some(response))
        }
        Fault::Html => Struck::Aside(web_page()),
        Fault::EmptyListing => disturbed(world, Disturbance::EmptyListing),
        Fault::CutListing { members } => disturbed(world, Disturbance::CutListing { members }),
    }
}

fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    let path = request.uri().path();
    if path.starts_with(google::PREFIX) {
        google::answer(world, request, now, how)
    } else if path.starts_with(microsoft::PREFIX) {
        microsoft::answer(world, request, now, how)
    } else if path.starts_with(ics::PREFIX) {
        ics::answer(world, request, now, how)
    } else if page::is_for_page(request) {
        page::answer(world, request, now)
    } else {
        caldav::answer(world, request, now, how)
    }
}

/// Who answers a request: each words its refusals in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    /// The Calendar API of Google.
    Google,
    /// Graph.
    Microsoft,
    /// The pages and endpoints at which either gives out tokens.
    SignIn,
    /// CalDAV and feeds, whose refusals are their status.
    Plain,
}

impl Face {
    fn of(request: &Request<Bytes>) -> Self {
        Self::at(request.uri().path())
    }

    fn at(path: &str) -> Self {
        if google::is_api(path) {
            Self::Google
        } else if microsoft::is_api(path) {
            Self::Microsoft
        } else if path.starts_with(google::PREFIX) || path.starts_with(microsoft::PREFIX) {
            Self::SignIn
        } else {
            Self::Plain
        }
    }
}

/// A refusal for now, in the words of whom the request went to.
fn refusal(request: &Request<Bytes>, code: u16, now: Timestamp) -> Response<Bytes> {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    match Face::of(request) {
        Face::Google => google::refuse_for_now(status),
        Face::Microsoft => microsoft::refuse_for_now(status, now),
        Face::SignIn | Face::Plain => {
            let mut response = Response::new(Bytes::from_static(b"try again later\n"));
            *response.status_mut() = status;
            response
        }
    }
}

/// The login page with status 200.
pub(crate) fn web_page() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(LOGIN_PAGE.as_bytes()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/html; charset=utf-8"),
    );
    response
}

impl Odds {
    /// A rough day: about one request in eight is struck, by every kind of fault.
    #[must_use]
    pub fn rough() -> Self {
        Self {
            lost_before_send: 15,
            lost_after_effect: 15,
            sent_twice: 10,
            throttled: 10,
            unavailable: 10,
            gateway_after_effect: 10,
            unauthorized: 2,
            dead_cursor: 10,
            cut_body: 10,
            stale_read: 15,
            missing_etag: 10,
            html: 5,
            empty_listing: 5,
            cut_listing: 5,
        }
    }

    /// Whether something befalls the next request, and what. Takes the same numbers from `chance` for every request, so
    /// that one more fault does not shift all that follow.
    pub fn draw(&self, chance: &mut Chance, method: &Method, path: &str) -> Option<Fault> {
        let lot = chance.below(1000);
        let detail = chance.next();
        let small = detail % 5 + 1;
        let seconds = u32::try_from(detail % 90).unwrap_or(0);
        let kinds = [
            (self.lost_before_send, Fault::LostBeforeSend),
            (self.lost_after_effect, Fault::LostAfterEffect),
            (self.sent_twice, Fault::SentTwice),
            (
                self.throttled,
                Fault::Status {
                    // Google says the same with 403 and with 429.
                    code: if Face::at(path) == Face::Google && small < 3 {
                        403
                    } else {
                        429
                    },
                    retry_after_s: Some(seconds),
                },
            ),
            (
                self.unavailable,
                Fault::Status {
                    code: 503,
                    retry_after_s: None,
                },
            ),
            (
                self.gateway_after_effect,
                Fault::GatewayAfterEffect {
                    code: if small < 3 { 502 } else { 504 },
                },
            ),
            (self.unauthorized, Fault::Unauthorized),
            (self.dead_cursor, Fault::DeadCursor),
            (
                self.cut_body,
                Fault::CutBody {
                    keep_percent: u8::try_from(detail % 100).unwrap_or(0),
                },
            ),
            (
                self.stale_read,
                Fault::StaleRead {
                    changes: small,
                    session: Session::Kept,
                },
            ),
            (self.missing_etag, Fault::MissingEtag),
            (self.html, Fault::Html),
            (self.empty_listing, Fault::EmptyListing),
            (
                self.cut_listing,
                Fault::CutListing {
                    members: usize::try_from(small).unwrap_or(1),
                },
            ),
        ];
        let mut below = 0;
        let (_, fault) = kinds.into_iter().find(|(per_mille, _)| {
            below += per_mille;
            lot < below
        })?;
        fault.concerns(method, Face::at(path)).then_some(fault)
    }
}

impl Fault {
    /// Whether the fault can mean anything for a request of this method.
    fn concerns(self, method: &Method, face: Face) -> bool {
        let report = method.as_str() == "REPORT";
        let listing = report || method.as_str() == "PROPFIND" || method == Method::GET;
        match self {
            Self::DeadCursor => match face {
                Face::Google | Face::Microsoft => method == Method::GET,
                Face::SignIn => false,
                Face::Plain => report,
            },
            Self::StaleRead { .. } | Self::EmptyListing | Self::CutListing { .. } => listing,
            Self::LostBeforeSend
            | Self::LostAfterEffect
            | Self::SentTwice
            | Self::Status { .. }
            | Self::GatewayAfterEffect { .. }
            | Self::Unauthorized
            | Self::CutBody { .. }
            | Self::MissingEtag
            | Self::Html => true,
        }
    }
}
