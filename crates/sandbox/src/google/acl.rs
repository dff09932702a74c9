//! Who may do what with a calendar, as a resource.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::calendar::{Calendar, Role, Rule};
use super::call::Call;
use super::mail::{Mail, MailKind, SendUpdates};
use super::operation::Operation;
use super::push::{self, Watched};
use super::reply::{self, Reply};
use super::write::met;
use super::{Google, Refusal, body};
use crate::digest;

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

/// `acl.list`.
pub(super) fn list(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    let (id, rule) = owners(calendar);
    let own = shown(&id, &rule);
    let rules = calendar
        .rules
        .iter()
        .filter(|(_, rule)| rule.role > Role::None);
    let items: Vec<Value> = [own]
        .into_iter()
        .chain(rules.map(|(id, rule)| shown(id, rule)))
        .collect();
    let tag = digest::short(&[json!(items).to_string().as_bytes()]);
    Ok(call.tagged(json!({
        "kind": "calendar#acl", "etag": format!("\"p{tag}\""), "items": items,
    })))
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
        let rule = calendar.rules.get(id).filter(|rule| rule.role > Role::None);
        rule.ok_or_else(Refusal::not_found)?
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
        let rule = calendar.rules.get(&id).ok_or_else(Refusal::not_found)?;
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
    let rule = calendar.rules.get(&id).ok_or_else(Refusal::not_found)?;
    met(&format!("\"{}\"", rule.version), call.if_match())?;
    google.unshare(&seat.calendar, &id, call.now);
    Ok(Reply::Empty)
}

impl Google {
    /// Takes a rule back; whoever it was for loses the calendar from the list.
    fn unshare(&mut self, calendar: &str, rule: &str, now: Timestamp) {
        if let Some(calendar) = self.calendars.get_mut(calendar) {
            calendar.rules.remove(rule);
        }
        push::notify(self, &Watched::Acl(calendar.to_owned()), now);
        if let Some(with) = rule.strip_prefix("user:") {
            self.delist(with, calendar, now);
        }
    }
}
