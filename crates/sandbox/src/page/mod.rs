//! The page at `/`: what people see of the world in a browser, and what they do there as its users.
//!
//! Every edit goes through the doors that the faces have for people at their own programs, so that tokens, pushes and mails
//! follow as from theirs. Markup is made by [`html`] alone, which escapes whatever does not stand in the source. The page
//! works without its script, which only lets the log of requests go on by itself.

mod access;
mod acts;
mod agenda;
mod caldav;
mod calendar;
mod desk;
mod draft;
mod entry;
mod event;
mod form;
mod frame;
mod google;
mod html;
mod mails;
mod microsoft;
mod month;
mod operator;
mod overview;
mod path;
mod requests;
mod shown;
mod worlds;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use crate::oauth::params::Params;
use crate::world::World;
use path::{Act, Route};

/// Whether a request is for the page. At the root, programs ask for other things than browsers do.
pub(crate) fn is_for_page(request: &Request<Bytes>) -> bool {
    let path = request.uri().path();
    let reading = [Method::GET, Method::HEAD].contains(request.method());
    path::is_page(path) && (path != "/" || reading)
}

/// Answers a request for the page.
pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let route = Route::parse(request.uri().path());
    let query = Params::of_query(request);
    match request.method().as_str() {
        "GET" | "HEAD" => get(world, &route, &query, now).unwrap_or_else(|| not_found(now)),
        "POST" if !is_from_here(request) => frame::refusal(
            StatusCode::FORBIDDEN,
            "Not from here",
            "This form was sent from another site, or by a program that does not say where it is from. Nothing was done.",
            now,
        ),
        "POST" => {
            post(world, &route, &Params::of_form(request), now).unwrap_or_else(|| not_found(now))
        }
        _ => frame::refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "Not possible",
            "A page is looked at, and its forms are sent.",
            now,
        ),
    }
}

/// None where there is no such thing.
fn get(
    world: &mut World,
    route: &Route,
    query: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    match route {
        Route::Overview => Some(overview::page(world, now)),
        Route::File(name) => frame::file(name),
        Route::Requests => Some(requests::page(world, now)),
        Route::RequestLog => Some(requests::log(world, query)),
        Route::Mails => Some(mails::page(world, now)),
        Route::Faults => Some(operator::faults(world, None, query, now)),
        Route::Clock => Some(operator::clock(world, None, now)),
        Route::Worlds => Some(worlds::page(world, None, now)),
        Route::Access => Some(access::page(world, None, now)),
        Route::User(face, user) => overview::user(world, *face, user, now),
        Route::Calendar(seat) => calendar::page(world, seat, query, now),
        Route::Act(seat, Act::New) => acts::blank(world, seat, query, now),
        Route::Act(seat, Act::Event) => acts::shown(world, seat, query, now),
        Route::Act(seat, Act::Edit) => acts::filled(world, seat, query, now),
        Route::Act(_, Act::Delete | Act::Move | Act::Answer)
        | Route::FaultsRemoved
        | Route::Unknown => None,
    }
}

fn post(
    world: &mut World,
    route: &Route,
    form: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let (seat, act) = match route {
        Route::Act(seat, act) => (seat, act),
        Route::Faults => return Some(operator::add_fault(world, form, now)),
        Route::FaultsRemoved => return Some(operator::remove_fault(world, form, now)),
        Route::Clock => return Some(operator::set_clock(world, form, now)),
        Route::Worlds => return Some(worlds::plant(world, form, now)),
        Route::Access => return Some(access::act(world, form, now)),
        Route::Overview
        | Route::File(_)
        | Route::Requests
        | Route::RequestLog
        | Route::Mails
        | Route::User(..)
        | Route::Calendar(_)
        | Route::Unknown => return None,
    };
    match act {
        Act::New => acts::create(world, seat, form, now),
        Act::Edit => acts::change(world, seat, form, now),
        Act::Delete => acts::delete(world, seat, form, now),
        Act::Move => acts::relocate(world, seat, form, now),
        Act::Answer => acts::respond(world, seat, form, now),
        Act::Event => None,
    }
}

fn not_found(now: Timestamp) -> Response<Bytes> {
    frame::refusal(
        StatusCode::NOT_FOUND,
        "Not here",
        "There is no such page, user, calendar or event, or not any more.",
        now,
    )
}

/// Whether a form was sent from a page of this very server. Browsers say so in one of two headers that no page can set.
fn is_from_here(request: &Request<Bytes>) -> bool {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    is_of_this_origin(request)
}

/// Whether a browser asks for a page of another server. Programs say nothing of the kind, and what a person types has no
/// page that it is from.
pub(crate) fn is_from_elsewhere(request: &Request<Bytes>) -> bool {
    let said = |name: &str| request.headers().get(name);
    match said("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => said(header::ORIGIN.as_str()).is_some() && !is_of_this_origin(request),
    }
}

/// Whether the header `Origin` names this server.
fn is_of_this_origin(request: &Request<Bytes>) -> bool {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    let here = text(header::HOST.as_str())
        .or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    let origin = text(header::ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    match (origin, here) {
        (Some((_, origin)), Some(here)) => origin.eq_ignore_ascii_case(here),
        (None, _) | (_, None) => false,
    }
}
