//! `VALARM` components and the alerts they mean. A broken alarm is kept in the text and means no alert. One that is muted
//! (see [`super::silence`]) means the mail that it would be.

use std::collections::{BTreeMap, BTreeSet};

use super::moment::{self, Written};
use super::tree::{Component, Node};
use super::{Line, MUTED_ACTION, text};
use crate::event::{Alert, AlertAction, AlertKey, Trigger};

/// Reads an alarm; none where it is broken or says that there is none (Apple's `ACTION:NONE`).
pub(crate) fn read(component: &Component<'_>) -> Option<Alert> {
    let trigger = component.line("TRIGGER")?;
    let value = trigger.value().trim();
    let trigger = match moment::parse_duration(value) {
        Some(span) => {
            let from_end = trigger
                .param("RELATED")
                .is_some_and(|related| related.eq_ignore_ascii_case("END"));
            if from_end {
                Trigger::FromEnd(span.total_seconds())
            } else {
                Trigger::FromStart(span.total_seconds())
            }
        }
        None => match moment::parse(value)? {
            Written::Utc(wall) => Trigger::At(moment::utc_instant(wall)?),
            // RFC 5545 §3.8.6.3 wants UTC; which zone another one means, nobody can say.
            Written::Date(_) | Written::Local(_) => return None,
        },
    };
    let action = component.line("ACTION")?.value().trim();
    let action = match action.to_ascii_uppercase().as_str() {
        "NONE" | "" => return None,
        "EMAIL" => AlertAction::Email,
        _ if component.lines().any(mutes_a_mail) => AlertAction::Email,
        _ => AlertAction::Display,
    };
    Some(Alert { trigger, action })
}

fn mutes_a_mail(line: &Line<'_>) -> bool {
    line.is(MUTED_ACTION) && is_mail(line)
}

fn is_mail(action: &Line<'_>) -> bool {
    action.value().trim().eq_ignore_ascii_case("EMAIL")
}

/// Whether a server that runs alarms mails about this one.
pub(crate) fn mails(component: &Component<'_>) -> bool {
    component.line("ACTION").is_some_and(is_mail)
}

/// Makes an alarm that mails one that is shown. It keeps its key, as a `UID`, whatever of the rest a server drops.
pub(crate) fn mute(component: &mut Component<'_>, key: &AlertKey, line_end: &str) {
    let has_uid = uid(component).is_some();
    let of_mails = |line: &Line<'_>| {
        ["ATTENDEE", "SUMMARY", MUTED_ACTION]
            .iter()
            .any(|name| line.is(name))
            || (!has_uid && line.is("UID"))
    };
    component
        .nodes
        .retain(|node| !matches!(node, Node::Line(line) if of_mails(line)));
    let is_action = |node: &Node<'_>| matches!(node, Node::Line(line) if line.is("ACTION"));
    let Some(at) = component.nodes.iter().position(is_action) else {
        return;
    };
    let number = component.begin.number();
    let line = |content: &str| Node::Line(Line::compose(content, line_end, number));
    let mut lines = vec![
        line("ACTION:DISPLAY"),
        line(&format!("{MUTED_ACTION}:EMAIL")),
    ];
    if !has_uid {
        lines.push(line(&format!("UID:{}", text::escape(&key.0))));
    }
    component.nodes.splice(at..=at, lines);
}

/// The alerts of a component with their keys, in order, and where among its nodes each stands.
pub(crate) fn read_all<'t, 'a: 't>(
    alarms: impl Iterator<Item = &'t Component<'a>>,
) -> Vec<(AlertKey, Alert, &'t Component<'a>)> {
    let mut found: Vec<(AlertKey, Alert, _)> = Vec::new();
    let mut keys = Keys::default();
    for component in alarms.filter(|inner| inner.is("VALARM")) {
        if let Some(alert) = read(component) {
            let key = keys.next(uid(component).as_deref(), &alert);
            found.push((key, alert, component));
        }
    }
    found
}

/// The `UID` of an alarm, where it has one that says something.
pub(crate) fn uid(component: &Component<'_>) -> Option<String> {
    component
        .line("UID")
        .map(|line| text::unescape(line.value()).trim().to_owned())
        .filter(|uid| !uid.is_empty())
}

/// Gives alarms their keys, in the order they stand.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    given: BTreeSet<String>,
    alike: BTreeMap<String, usize>,
    /// Of each key that was asked for twice, the number to try next: all below are given.
    numbers: BTreeMap<String, usize>,
}

impl Keys {
    /// The key of the next alarm: its `UID`, else what it says, numbered from the second that says the same.
    pub(crate) fn next(&mut self, uid: Option<&str>, alert: &Alert) -> AlertKey {
        let key = match uid {
            Some(uid) => uid.to_owned(),
            None => self.derived(alert),
        };
        if self.given.insert(key.clone()) {
            return AlertKey(key);
        }
        // Copied alarms may share a UID; neither may hide the other.
        let number = self.numbers.entry(key.clone()).or_insert(2);
        loop {
            let free = format!("{key} #{number}");
            *number += 1;
            if self.given.insert(free.clone()) {
                return AlertKey(free);
            }
        }
    }

    /// What the next alarm without a `UID` would be called.
    pub(crate) fn peek(&self, alert: &Alert) -> AlertKey {
        let base = says(alert);
        AlertKey(match self.alike.get(&base) {
            None => base,
            Some(count) => format!("{base} #{}", count + 1),
        })
    }

    fn derived(&mut self, alert: &Alert) -> String {
        let key = self.peek(alert).0;
        *self.alike.entry(says(alert)).or_insert(0) += 1;
        key
    }
}

fn says(alert: &Alert) -> String {
    let action = action_name(alert.action).to_ascii_lowercase();
    match &alert.trigger {
        Trigger::FromStart(seconds) => {
            format!("{action} {} start", moment::format_offset_seconds(*seconds))
        }
        Trigger::FromEnd(seconds) => {
            format!("{action} {} end", moment::format_offset_seconds(*seconds))
        }
        Trigger::At(instant) => format!("{action} at {}", moment::format_instant(*instant)),
    }
}

/// The value of `ACTION`.
pub(crate) fn action_name(action: AlertAction) -> &'static str {
    match action {
        AlertAction::Display => "DISPLAY",
        AlertAction::Email => "EMAIL",
    }
}

/// The `RELATED` and `VALUE` parameters and the value of `TRIGGER`.
pub(crate) fn trigger_parts(
    trigger: &Trigger,
) -> (Option<&'static str>, Option<&'static str>, String) {
    match trigger {
        Trigger::FromStart(seconds) => (None, None, moment::format_offset_seconds(*seconds)),
        Trigger::FromEnd(seconds) => (Some("END"), None, moment::format_offset_seconds(*seconds)),
        Trigger::At(instant) => (None, Some("DATE-TIME"), moment::format_instant(*instant)),
    }
}

/// The lines of a new alarm. `title` is what it shows; a mail needs a summary and somebody to go to as well
/// (RFC 5545 §3.6.6), so that a mail alarm without anybody is written with the title alone.
pub(crate) fn write(alert: &Alert, uid: Option<&AlertKey>, title: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(key) = uid {
        lines.push(format!("UID:{}", text::escape(&key.0)));
    }
    lines.push(format!("ACTION:{}", action_name(alert.action)));
    let (related, kind, value) = trigger_parts(&alert.trigger);
    let related = related.map_or(String::new(), |related| format!(";RELATED={related}"));
    let kind = kind.map_or(String::new(), |kind| format!(";VALUE={kind}"));
    lines.push(format!("TRIGGER{related}{kind}:{value}"));
    let shown = if title.is_empty() { "Reminder" } else { title };
    let shown = text::escape(shown);
    match alert.action {
        AlertAction::Display => lines.push(format!("DESCRIPTION:{shown}")),
        AlertAction::Email => {
            lines.push(format!("SUMMARY:{shown}"));
            lines.push(format!("DESCRIPTION:{shown}"));
        }
    }
    lines
}

/// Alerts in the order in which they are written, each with whether it needs a `UID` to keep its key.
pub(crate) fn in_order<'e>(
    alerts: &'e BTreeMap<AlertKey, Alert>,
) -> Vec<(&'e AlertKey, &'e Alert, bool)> {
    let mut ordered = Vec::new();
    let mut rest: BTreeMap<&'e AlertKey, &'e Alert> = alerts.iter().collect();
    let mut keys = Keys::default();
    // First those whose keys say what they are, by number; whatever then remains needs a UID.
    for alert in alerts.values() {
        while let Some((key, found)) = rest.remove_entry(&keys.peek(alert)) {
            if says(found) != says(alert) {
                rest.insert(key, found);
                break;
            }
            keys.next(None, found);
            ordered.push((key, found, false));
        }
    }
    ordered.extend(rest.into_iter().map(|(key, alert)| (key, alert, true)));
    ordered
}
