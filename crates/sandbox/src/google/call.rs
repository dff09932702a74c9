//! A request after the door: who asks for what, and how far they may go.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::calendar::{Calendar, Role};
use super::mail::SendUpdates;
use super::operation::Operation;
use super::query::Query;
use super::reply::Reply;
use super::write::Writing;
use super::{Google, Refusal, body};
use crate::faults::Disturbance;

/// A request whose sender is known.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    /// The names in the address, in order.
    pub(super) names: Vec<String>,
    pub(super) query: Query,
    pub(super) request: &'a Request<Bytes>,
    pub(super) user: String,
    pub(super) client: String,
    /// The scopes of the token that let it in, by their short names.
    pub(super) scopes: Vec<&'static str>,
    pub(super) now: Timestamp,
    pub(super) how: Disturbance,
}

/// A calendar, and what the caller may do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) calendar: String,
    pub(super) role: Role,
}

impl Call<'_> {
    /// A name in the address; the empty one where there is none.
    pub(super) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.request.headers().get(name)?;
        value.to_str().ok()
    }

    pub(super) fn if_match(&self) -> Option<&str> {
        self.header("if-match")
    }

    pub(super) fn body(&self) -> Result<Map<String, Value>, Refusal> {
        body::object(self.request.body())
    }

    /// The answer to a GET: nothing where the client has this version already.
    pub(super) fn tagged(&self, value: Value) -> Reply {
        let etag = value["etag"].as_str().unwrap_or_default();
        let known = self.header("if-none-match").is_some_and(|tags| {
            tags.trim() == "*" || tags.split(',').any(|tag| tag.trim() == etag)
        });
        if known {
            Reply::NotModified(etag.to_owned())
        } else {
            Reply::Json(value)
        }
    }

    /// The calendar a name means, and the caller's role there; `primary` is the caller's own.
    pub(super) fn seat_at(
        &self,
        google: &Google,
        name: &str,
        needed: Role,
    ) -> Result<Seat, Refusal> {
        let calendar = if name == "primary" {
            self.user.clone()
        } else if name.contains('@') && !google.calendars.contains_key(name) {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        let role = google.role(&self.user, &calendar);
        let Some(found) = google
            .calendars
            .get(&calendar)
            .filter(|_| role > Role::None)
        else {
            return Err(Refusal::not_found());
        };
        let within = self.scopes.iter();
        let role = within
            .filter_map(|scope| self.role_by_scope(scope, role, found))
            .max()
            .ok_or_else(Refusal::scopes)?;
        if role < needed {
            let level = match needed {
                Role::Owner => "owner",
                Role::Writer | Role::WriterWithoutPrivateAccess => "writer",
                Role::Reader | Role::FreeBusyReader | Role::None => "reader",
            };
            return Err(Refusal::access_level(level));
        }
        Ok(Seat { calendar, role })
    }

    /// The calendar that is first in the address.
    pub(super) fn seat(&self, google: &Google, needed: Role) -> Result<Seat, Refusal> {
        self.seat_at(google, self.name(0), needed)
    }

    /// How far a scope lets the caller's role go on a calendar.
    fn role_by_scope(&self, scope: &str, role: Role, calendar: &Calendar) -> Option<Role> {
        match scope {
            "calendar.events.owned" | "calendar.events.owned.readonly" => {
                (role == Role::Owner).then_some(role)
            }
            "calendar.app.created" => {
                (calendar.created_by.as_deref() == Some(&self.client)).then_some(role)
            }
            "calendar.events.public.readonly" => {
                let public = calendar.rules.get("default").map(|rule| rule.role);
                public.filter(|public| *public >= Role::Reader)?;
                Some(role.min(Role::Reader))
            }
            "calendar.events.freebusy" => Some(role.min(Role::FreeBusyReader)),
            _ => Some(role),
        }
    }

    /// How the caller writes at a seat.
    pub(super) fn writing<'a>(&'a self, seat: &'a Seat) -> Result<Writing<'a>, Refusal> {
        let word = self
            .query
            .word("sendUpdates", &["all", "externalOnly", "none"])?;
        let send = match word {
            Some("all") => SendUpdates::All,
            Some("externalOnly") => SendUpdates::ExternalOnly,
            Some(_) => SendUpdates::None,
            // The parameter that came before it.
            None => match self.query.flag("sendNotifications")? {
                Some(true) => SendUpdates::All,
                Some(false) => SendUpdates::None,
                None => SendUpdates::Unsaid,
            },
        };
        Ok(Writing {
            user: &self.user,
            calendar: &seat.calendar,
            role: seat.role,
            now: self.now,
            send,
            conference: self.query.version("conferenceDataVersion")?,
            attachments: self.query.set("supportsAttachments")?,
            labels: self.query.version("eventLabelVersion")?,
        })
    }
}
