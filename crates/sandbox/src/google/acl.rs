//! Who may do what with a calendar, as a resource.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Role, Rule};
use super::call::Call;
use super::mail::{Mail, MailKind, SendUpdates};
use super::operation::Operation;
use super::push::{self, Watched, later};
use super::reply::{self, Reply};
use super::token::{PageToken, SyncToken};
use super::write::met;
use super::{Google, Refusal, body};
use crate::digest;
use crate::faults::Disturbance;

/// A rule in JSON.
fn shown(id: &str, rule: &Rule) -> Value {
    let mut value = reply::resource("calendar#aclRule", rule.version);
    let (kind, name) = id.split_once(':').unwrap_or((id, ""));
    value["id"] = json!(id);
    value["role"] = json!(rule.role.word());
    value["scope"] = json!({ "type": kind });
    if !name.is_empty() {
        value["scope"]["value"] = json!(name);
    }
    value
}

/// The owner's own rule, which is there without being made.
fn owners(calendar: &Calendar) -> (String, Rule) {
    let rule = Rule {
        role: Role::Owner,
        version: calendar.version,
    };
    (format!("user:{}", calendar.owner), rule)
}

fn found<'a>(google: &'a Google, id: &str) -> Result<&'a Calendar, Refusal> {
    google.calendars.get(id).ok_or_else(Refusal::not_found)
}

/// A rule that was not taken back.
fn live<'a>(calendar: &'a Calendar, id: &str) -> Result<&'a Rule, Refusal> {
    let rule = calendar.rules.get(id).filter(|rule| rule.role > Role::None);
    rule.ok_or_else(Refusal::not_found)
}

/// How many rules a page has when nothing is said, and at most.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 250;

/// `acl.list`. A rule that was taken back is told with the role `none`.
pub(super) fn list(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    let topic = format!("acl:{}", seat.calendar);
    let show_deleted = call.query.flag("showDeleted")?;
    let since = since(google, call, calendar, &topic)?;
    if since.is_some() && show_deleted == Some(false) {
        let message = "Sync token cannot be used when deleted entries are left out.";
        return Err(Refusal::new(400, "global", "badRequest", message));
    }
    let page = match call.query.text("pageToken") {
        None => None,
        Some(text) => {
            let token = PageToken::read(text).filter(|token| token.topic == topic);
            Some(token.ok_or_else(Refusal::page_token)?)
        }
    };
    let limit = call.query.count("maxResults")?.unwrap_or(PAGE_DEFAULT);
    let limit = limit.min(PAGE_MAX);
    let (own, owners) = owners(calendar);
    let mut rules: BTreeMap<&str, &Rule> = calendar
        .rules
        .iter()
        .map(|(id, rule)| (id.as_str(), rule))
        .collect();
    rules.insert(&own, &owners);
    let after = page.as_ref().map_or("", |page| page.after.as_str());
    let shows_gone = since.is_some() || show_deleted == Some(true);
    let wanted: Vec<(&str, &Rule)> = rules
        .into_iter()
        .filter(|(id, rule)| {
            *id > after
                && rule.version > since.unwrap_or(0)
                && (rule.role > Role::None || shows_gone)
        })
        .collect();
    let here = &wanted[..wanted.len().min(limit)];
    let items: Vec<Value> = here.iter().map(|(id, rule)| shown(id, rule)).collect();
    let tag = digest::short(&[json!(items).to_string().as_bytes()]);
    let mut answer = json!({
        "kind": "calendar#acl", "etag": format!("\"p{tag}\""), "items": items,
    });
    let revision = page.as_ref().map_or(google.version, |page| page.shown);
    if let Some((last, _)) = here.last().filter(|_| wanted.len() > limit) {
        let token = PageToken {
            topic,
            after: (*last).to_owned(),
            shown: revision,
        };
        answer["nextPageToken"] = json!(token.write());
    } else {
        let token = SyncToken {
            topic,
            user: call.user.clone(),
            role: String::new(),
            generation: calendar.generation(),
            revision,
            issued: call.now,
            kept: Map::new(),
        };
        answer["nextSyncToken"] = json!(token.write());
    }
    Ok(call.tagged(answer))
}

/// The version after which a listing with a sync token begins.
fn since(
    google: &Google,
    call: &Call<'_>,
    calendar: &Calendar,
    topic: &str,
) -> Result<Option<u64>, Refusal> {
    let Some(text) = call.query.text("syncToken") else {
        return Ok(None);
    };
    let token = SyncToken::read(text).filter(|token| token.topic == topic);
    let token = token.ok_or_else(Refusal::sync_token)?;
    let ends = later(token.issued, google.switches.sync_token_lifetime);
    if token.generation != calendar.generation()
        || ends <= call.now
        || call.how == Disturbance::DeadCursor
    {
        return Err(Refusal::full_sync());
    }
    Ok(Some(token.revision))
}

/// `acl.get`.
pub(super) fn get(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    let (own, rule) = owners(calendar);
    let id = call.name(1);
    let rule = if id == own {
        &rule
    } else {
        live(calendar, id)?
    };
    Ok(call.tagged(shown(id, rule)))
}

/// `acl.insert`, `acl.patch` and `acl.update`.
pub(super) fn write(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let said = call.body()?;
    let id = if call.operation == Operation::AclInsert {
        let scope = said.get("scope").and_then(Value::as_object);
        let scope = scope.ok_or_else(|| Refusal::required("Required"))?;
        match body::text(scope, "type")?.unwrap_or("default") {
            "default" => "default".to_owned(),
            kind @ ("user" | "group" | "domain") => {
                let name = body::text(scope, "value")?;
                let name = name.ok_or_else(|| Refusal::required("Required"))?;
                if kind != "domain" && !body::is_address(name) {
                    return Err(Refusal::invalid("Invalid scope value."));
                }
                format!("{kind}:{}", name.to_ascii_lowercase())
            }
            _ => return Err(body::wrong("scope.type")),
        }
    } else {
        call.name(1).to_owned()
    };
    let calendar = found(google, &seat.calendar)?;
    if call.operation != Operation::AclInsert {
        let rule = live(calendar, &id)?;
        met(&format!("\"{}\"", rule.version), call.if_match())?;
    }
    let role = match body::text(&said, "role")? {
        Some(word) => Role::read(word).ok_or_else(|| body::wrong("role"))?,
        None => return Err(Refusal::required("Required")),
    };
    if id == owners(calendar).0 {
        // Nobody can take a calendar from its owner.
        return Err(Refusal::forbidden());
    }
    let notified = call.query.flag("sendNotifications")?.unwrap_or(true);
    let version = google.stamp(call.now).version;
    let rule = Rule { role, version };
    let value = shown(&id, &rule);
    if let Some(calendar) = google.calendars.get_mut(&seat.calendar) {
        calendar.rules.insert(id.clone(), rule);
    }
    push::notify(google, &Watched::Acl(seat.calendar.clone()), call.now);
    if let Some(with) = id.strip_prefix("user:") {
        if role == Role::None {
            google.delist(with, &seat.calendar, call.now);
        } else if google.switches.sharing_lists {
            google.enlist(with, &seat.calendar, call.now);
        }
        if notified && role > Role::None {
            google.mails.push(sharing(call, &seat.calendar, with));
        }
    }
    Ok(Reply::Json(value))
}

fn sharing(call: &Call<'_>, calendar: &str, with: &str) -> Mail {
    Mail {
        at: call.now,
        from: call.user.clone(),
        to: with.to_owned(),
        kind: MailKind::Sharing,
        calendar: calendar.to_owned(),
        event: None,
        send_updates: SendUpdates::Unsaid,
        why: "a calendar was shared and sendNotifications is true when it is not given",
    }
}

/// `acl.delete`.
pub(super) fn delete(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    let id = call.name(1).to_owned();
    if id == owners(calendar).0 {
        return Err(Refusal::forbidden());
    }
    let rule = live(calendar, &id)?;
    met(&format!("\"{}\"", rule.version), call.if_match())?;
    google.unshare(&seat.calendar, &id, call.now);
    Ok(Reply::Empty)
}

impl Google {
    /// Takes a rule back; whoever it was for loses the calendar from the list. That it is gone is told to who asks what has
    /// changed.
    fn unshare(&mut self, calendar: &str, rule: &str, now: Timestamp) {
        let version = self.stamp(now).version;
        let gone = Rule {
            role: Role::None,
            version,
        };
        if let Some(calendar) = self.calendars.get_mut(calendar) {
            calendar.rules.insert(rule.to_owned(), gone);
        }
        push::notify(self, &Watched::Acl(calendar.to_owned()), now);
        if let Some(with) = rule.strip_prefix("user:") {
            self.delist(with, calendar, now);
        }
    }
}
