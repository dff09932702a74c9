//! The one door of the Calendar API: who asks, whether they may, how much they asked lately, and to whom it goes.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use jiff::Timestamp;

use super::call::Call;
use super::operation::Operation;
use super::query::Query;
use super::reply::{self, Reply, Style};
use super::{
    CALENDAR_PREFIX, Google, Refusal, UnknownNames, acl, calendar_list, calendars, events,
    free_busy, list, settings, unknown, watch,
};
use crate::faults::Disturbance;

/// Answers one request to the Calendar API.
pub(super) fn answer(
    google: &mut Google,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    google.settle(now);
    google.age_out(now);
    let outcome = perform(google, request, now, how);
    match outcome {
        Ok((answer, style)) => reply::answered(answer, &style),
        Err(refusal) => reply::refused(&refusal),
    }
}

fn perform(
    google: &mut Google,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Result<(Reply, Style), Refusal> {
    let access = google
        .oauth
        .bearer(request, now)
        .map_err(|_| Refusal::credentials())?
        .clone();
    let path = request.uri().path().strip_prefix(CALENDAR_PREFIX);
    let method = overridden(request.method(), request.headers());
    let (operation, names) = path
        .and_then(|path| Operation::find(&method, path))
        .ok_or_else(Refusal::not_found)?;
    let scopes = operation.granted(access.scopes.iter());
    if scopes.is_empty() {
        return Err(Refusal::scopes());
    }
    let user = access.email.to_ascii_lowercase();
    if !google.accounts.contains_key(&user) {
        return Err(Refusal::no_calendar_user());
    }
    google.charge((&access.client, &user), operation.units(), now)?;
    let query = parameters(request, &method);
    let style = Style::read(&query)?;
    let call = Call {
        operation,
        names,
        query,
        request,
        user,
        client: access.client,
        scopes,
        now,
        how,
    };
    match google.switches.unknown_names {
        UnknownNames::PassedOver => {}
        UnknownNames::Refused => unknown::refuse(&call)?,
    }
    Ok((dispatch(google, &call)?, style))
}

/// The parameters of a request: of a long GET sent as a POST, they are its body.
fn parameters(request: &Request<Bytes>, method: &Method) -> Query {
    if method == request.method() {
        return Query::read(request.uri().query());
    }
    let form = String::from_utf8_lossy(request.body());
    let both = format!("{}&{form}", request.uri().query().unwrap_or(""));
    Query::read(Some(&both))
}

/// Google's client libraries send long GETs as POSTs with the method in a header.
fn overridden(method: &Method, headers: &HeaderMap) -> Method {
    headers
        .get("x-http-method-override")
        .and_then(|value| Method::from_bytes(value.as_bytes()).ok())
        .filter(|_| method == Method::POST)
        .unwrap_or_else(|| method.clone())
}

fn dispatch(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    match call.operation {
        Operation::AclDelete => acl::delete(google, call),
        Operation::AclGet => acl::get(google, call),
        Operation::AclInsert | Operation::AclPatch | Operation::AclUpdate => {
            acl::write(google, call)
        }
        Operation::AclList => acl::list(google, call),
        Operation::CalendarListDelete => calendar_list::delete(google, call),
        Operation::CalendarListGet => calendar_list::get(google, call),
        Operation::CalendarListInsert => calendar_list::insert(google, call),
        Operation::CalendarListList => calendar_list::list(google, call),
        Operation::CalendarListPatch | Operation::CalendarListUpdate => {
            calendar_list::change(google, call)
        }
        Operation::CalendarsClear => calendars::clear(google, call),
        Operation::CalendarsDelete => calendars::delete(google, call),
        Operation::CalendarsGet => calendars::get(google, call),
        Operation::CalendarsInsert => calendars::insert(google, call),
        Operation::CalendarsPatch | Operation::CalendarsUpdate => calendars::change(google, call),
        // Only an administrator of a Workspace domain may, and there is none here.
        Operation::CalendarsTransferOwnership => Err(Refusal::forbidden()),
        Operation::ChannelsStop => watch::stop(google, call),
        Operation::ColorsGet => Ok(settings::colors()),
        Operation::EventsDelete => events::delete(google, call),
        Operation::EventsGet => events::get(google, call),
        Operation::EventsImport | Operation::EventsInsert | Operation::EventsQuickAdd => {
            events::create(google, call)
        }
        Operation::EventsInstances => list::instances(google, call),
        Operation::EventsList => list::events(google, call),
        Operation::EventsMove => events::relocate(google, call),
        Operation::EventsPatch | Operation::EventsUpdate => events::change(google, call),
        Operation::AclWatch
        | Operation::CalendarListWatch
        | Operation::EventsWatch
        | Operation::SettingsWatch => watch::start(google, call),
        Operation::FreeBusyQuery => free_busy::query(google, call),
        Operation::SettingsGet => settings::get(google, call),
        Operation::SettingsList => settings::list(google, call),
    }
}
