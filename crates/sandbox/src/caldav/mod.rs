//! The CalDAV face (RFC 4918, 4791, 6578, 6638 and 6764), read from the texts and bent by [`crate::quirks`].

mod filter;
mod multistatus;
mod object;
mod path;
mod precondition;
mod propfind;
mod props;
mod report;
mod sync;
mod view;
mod xml;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use crate::base64;
use crate::faults::Disturbance;
use crate::quirks::Scheduling;
use crate::world::{Account, WellKnown, World};
use multistatus::{bare, set};
use path::Target;

/// What the methods of a calendar collection and its objects are.
const ALLOW: &str = "OPTIONS, GET, HEAD, PUT, DELETE, PROPFIND, REPORT";

/// Answers a CalDAV request, and writes it down in the world's log.
pub fn handle(world: &mut World, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    let response = answer(world, request, now, Disturbance::None);
    world.record(request, now, Some(response.status().as_u16()), None);
    response
}

/// The path of an account's calendar home, percent-encoded.
pub fn home_path(user: &str) -> String {
    Target::Home(user.to_owned()).href(crate::quirks::Hrefs::Paths, "")
}

/// The `Authorization` value that lets an account's user in.
pub fn authorization(account: &Account) -> String {
    let plain = format!("{}:{}", account.user, account.password);
    format!("Basic {}", base64::encode(plain.as_bytes()))
}

/// A request after the door: who asks for what.
pub(crate) struct Asked<'a> {
    pub(crate) account: &'a Account,
    pub(crate) target: &'a Target,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) how: Disturbance,
}

impl Asked<'_> {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header_text(self.request.headers(), name)
    }
}

pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    let target = Target::parse(request.uri().path());
    if target == Target::WellKnown
        && let Some(response) = well_known(world, request)
    {
        return response;
    }
    if request.method() == Method::OPTIONS {
        return options(world, request);
    }
    let Some(account) = login(world, request) else {
        return unauthorized();
    };
    let user = account.user.clone();
    if target.owner().is_some_and(|owner| owner != user) {
        return bare(StatusCode::FORBIDDEN);
    }
    let asked = Asked {
        account,
        target: &target,
        request,
        how,
    };
    match (request.method().as_str(), &target) {
        (_, Target::Unknown) => bare(StatusCode::NOT_FOUND),
        ("PROPFIND", _) => {
            let (response, told) = propfind::answer(world, &asked);
            told.note(world);
            response
        }
        ("REPORT", Target::Collection(place)) => {
            let (response, told) = report::answer(world, &asked, place);
            told.note(world);
            response
        }
        ("GET" | "HEAD", Target::Object(place, name)) => {
            let (response, told) = object::get(&asked, place, name);
            told.note(world);
            response
        }
        ("PUT", Target::Object(place, name)) => {
            object::put(world, request, &object::Named { place, name }, now)
        }
        ("DELETE", Target::Object(place, name)) => {
            object::delete(world, request, &object::Named { place, name }, now)
        }
        ("DELETE", _) => bare(StatusCode::FORBIDDEN),
        _ => {
            let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
            set(&mut response, header::ALLOW, ALLOW);
            response
        }
    }
}

/// RFC 6764 §5: the well-known address leads to the root. None when it answers like the root itself.
fn well_known(world: &World, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let status = match world.well_known {
        WellKnown::Found302 => StatusCode::FOUND,
        WellKnown::Temporary307 => StatusCode::TEMPORARY_REDIRECT,
        WellKnown::Permanent308 => StatusCode::PERMANENT_REDIRECT,
        WellKnown::LoginFirst if login(world, request).is_none() => return Some(unauthorized()),
        WellKnown::Moved301 | WellKnown::LoginFirst => StatusCode::MOVED_PERMANENTLY,
        WellKnown::Answers => return None,
        WellKnown::Missing => return Some(bare(StatusCode::NOT_FOUND)),
    };
    let mut response = bare(status);
    set(&mut response, header::LOCATION, path::ROOT);
    Some(response)
}

/// What the server can do for whoever asks; a stranger is told what it does for anybody.
fn options(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let mails = |account: &Account| account.quirks.scheduling == Scheduling::Auto;
    let schedules = match login(world, request) {
        Some(account) => mails(account),
        None => world.accounts.values().any(mails),
    };
    let mut response = bare(StatusCode::OK);
    set(&mut response, header::ALLOW, ALLOW);
    let dav = if schedules {
        "1, 3, calendar-access, calendar-auto-schedule"
    } else {
        "1, 3, calendar-access"
    };
    set(&mut response, header::HeaderName::from_static("dav"), dav);
    response
}

/// The account whose credentials the request has.
fn login<'a>(world: &'a World, request: &Request<Bytes>) -> Option<&'a Account> {
    let (user, password) = credentials(request)?;
    world
        .accounts
        .get(&user)
        .filter(|account| account.password == password)
}

/// User name and password by Basic authentication (RFC 7617).
pub(crate) fn credentials(request: &Request<Bytes>) -> Option<(String, String)> {
    let (scheme, coded) = header_text(request.headers(), "authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(base64::decode(coded.trim())?).ok()?;
    let (user, password) = plain.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// What a request without the right credentials gets.
pub(crate) fn unauthorized() -> Response<Bytes> {
    let mut response = bare(StatusCode::UNAUTHORIZED);
    set(
        &mut response,
        header::WWW_AUTHENTICATE,
        "Basic realm=\"sandbox\", charset=\"UTF-8\"",
    );
    response
}

pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
