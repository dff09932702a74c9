//! Keeps servers from mailing guests (RFC 6638 §7.1) and texts from being messages (RFC 4791 §4.1).
//!
//! A server that runs alarms sends those by mail to the guests of the event too, whatever their `SCHEDULE-AGENT`
//! (Nextcloud does). So an alarm by mail that comes with a sync is muted: written as one that is shown, with the same
//! trigger, text and `UID`, and with [`MUTED_ACTION`](super::MUTED_ACTION) to say what it is. The reader reads that as the
//! alarm by mail it was, so that both sides agree and nothing is owed. From a server that drops the property it comes back
//! as one that is shown: [`as_landed`] takes that for what was sent, so that it is the merge base, no edit of theirs, and
//! ours stays as it is. What mails already in an object goes on doing so: somebody asked for that there.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use super::tree::{Component, Node, Tree};
use super::{alarm, people};
use crate::event::{Address, AlertAction, AlertKey, Event, Instance, Override};

/// Lines by which a guest's copy answers its organizer (RFC 6638 §3.2.2): who comes, and to which occurrences.
const ANSWERING: [&str; 4] = ["ORGANIZER", "ATTENDEE", "RECURRENCE-ID", "EXDATE"];

/// Who mails about somebody (`SCHEDULE-AGENT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agent {
    /// A client, or nobody.
    NotTheServer,
    /// The server: what holds where nothing is said.
    Server,
}

/// An object as a server sees it that mails guests and organizers by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Its organizer; more than one only in objects that are wrong.
    pub organizers: BTreeMap<Address, Agent>,
    /// Its guests. One who is the server's on any line is the server's.
    pub guests: BTreeMap<Address, Agent>,
    /// What a guest's copy tells its organizer, line by line.
    pub answers: Vec<String>,
    /// The alarms that the server sends by mail, if it runs alarms.
    pub mail_alarms: BTreeSet<AlertKey>,
}

impl Roles {
    /// Reads them off a text, of which nothing else need make sense.
    pub fn read(text: &str) -> Self {
        let mut roles = Self::default();
        for component in Tree::parse(text).components() {
            roles.gather(component);
        }
        roles
    }

    fn gather(&mut self, component: &Component<'_>) {
        for line in component.lines() {
            if line.is("ORGANIZER") {
                note(&mut self.organizers, line);
            } else if line.is("ATTENDEE") && !component.is("VALARM") {
                note(&mut self.guests, line);
            }
            let answers = ANSWERING.iter().any(|name| line.is(name));
            if answers && !component.is("VALARM") {
                self.answers.push(line.content().to_owned());
            }
        }
        for (key, _, inner) in alarm::read_all(component.components()) {
            if alarm::mails(inner) {
                self.mail_alarms.insert(key);
            }
        }
        for inner in component.components() {
            self.gather(inner);
        }
    }
}

fn note(people: &mut BTreeMap<Address, Agent>, line: &Line<'_>) {
    if let Some(address) = people::address(line) {
        let known = people.entry(address).or_insert(Agent::NotTheServer);
        *known = (*known).max(agent(line));
    }
}

fn agent(line: &Line<'_>) -> Agent {
    match line.param("SCHEDULE-AGENT") {
        Some(agent) if ["CLIENT", "NONE"].contains(&&*agent.to_ascii_uppercase()) => {
            Agent::NotTheServer
        }
        Some(_) | None => Agent::Server,
    }
}

/// Sets `SCHEDULE-AGENT=CLIENT` on each `ATTENDEE` of an object that `me` organizes, or that nobody does, and on the
/// `ORGANIZER` of one that somebody else organizes; mutes alarms by mail and takes `METHOD` out. Everything else stays byte
/// for byte. Only for objects that are new: a server that has invited guests cancels them when it no longer is their agent
/// (RFC 6638 §3.2.1.2).
pub fn silence_scheduling(text: &str, me: &[Address]) -> String {
    silence_added(text, &Roles::default(), me)
}

/// The same for an object that is there already: people whom `before` leaves to the server stay as they are, and so do
/// alarms that mail there already.
pub fn silence_added(text: &str, before: &Roles, me: &[Address]) -> String {
    each_member(text, |component, line_end| {
        silence(component, before, me, line_end);
        mute(component, before, line_end);
    })
}

/// Mutes alarms by mail that are new, takes `METHOD` out, and leaves people alone.
pub fn mute_added(text: &str, before: &Roles) -> String {
    each_member(text, |component, line_end| {
        mute(component, before, line_end);
    })
}

/// Takes `METHOD` out and edits each component that is no calendar.
fn each_member(text: &str, edit: impl Fn(&mut Component<'_>, &str)) -> String {
    let mut tree = Tree::parse(text);
    let line_end = tree.line_end();
    for node in &mut tree.nodes {
        if let Node::Component(component) = node {
            drop_method(component);
            if component.is("VCALENDAR") {
                for node in &mut component.nodes {
                    if let Node::Component(inner) = node {
                        edit(inner, line_end);
                    }
                }
            } else {
                edit(component, line_end);
            }
        }
    }
    tree.to_string()
}

fn drop_method(component: &mut Component<'_>) {
    if component.is("VCALENDAR") {
        component
            .nodes
            .retain(|node| !matches!(node, Node::Line(line) if line.is("METHOD")));
    }
}

fn silence(component: &mut Component<'_>, before: &Roles, me: &[Address], line_end: &str) {
    let organizer = component.line("ORGANIZER").and_then(people::address);
    let guests_copy = organizer.is_some_and(|organizer| !me.contains(&organizer));
    for node in &mut component.nodes {
        let Node::Line(line) = node else { continue };
        // On a guest's copy the server answers the organizer; on the organizer's it invites the guests. A copy whose
        // owner is not known for sure is silenced both ways.
        let known = if line.is("ATTENDEE") {
            &before.guests
        } else if line.is("ORGANIZER") && guests_copy {
            &before.organizers
        } else {
            continue;
        };
        let is_the_servers = people::address(line)
            .is_some_and(|address| known.get(&address) == Some(&Agent::Server));
        if agent(line) == Agent::Server && !is_the_servers {
            let value = line.value().to_owned();
            *line = line.with_params(&[("SCHEDULE-AGENT", Some("CLIENT"))], &value, line_end);
        }
    }
}

fn mute(component: &mut Component<'_>, before: &Roles, line_end: &str) {
    let mut keys = alarm::Keys::default();
    for node in &mut component.nodes {
        let Node::Component(inner) = node else {
            continue;
        };
        if !inner.is("VALARM") {
            continue;
        }
        let Some(alert) = alarm::read(inner) else {
            continue;
        };
        let key = keys.next(alarm::uid(inner).as_deref(), &alert);
        if alarm::mails(inner) && !before.mail_alarms.contains(&key) {
            alarm::mute(inner, &key, line_end);
        }
    }
}

/// What was sent, as a server shows it that drops what says that an alarm is muted: an alarm by mail that `text` does not
/// have as one may have become one that is shown.
#[must_use]
pub fn as_landed(mut sent: Event, text: &str, landed: &Event) -> Event {
    let mailing = Roles::read(text).mail_alarms;
    let shown = |sent: &mut Instance, landed: &Instance| {
        for (key, alert) in &mut sent.details.alerts {
            let is_shown = landed.details.alerts.get(key).is_some_and(|landed| {
                landed.action == AlertAction::Display && landed.trigger == alert.trigger
            });
            if is_shown && !mailing.contains(key) {
                alert.action = AlertAction::Display;
            }
        }
    };
    shown(&mut sent.master, &landed.master);
    for (id, change) in &mut sent.recurrence_overrides {
        if let (Override::Replaced(sent), Some(Override::Replaced(landed))) =
            (change, landed.recurrence_overrides.get(id))
        {
            shown(sent, landed);
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ical::{PatchOptions, patch_object, read_object};

    const TEXT: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n\
        ORGANIZER;CN=Ann:mailto:Ann@example.com\r\n\
        ATTENDEE;X-A=1;SCHEDULE-AGENT=SERVER:mailto:bob@example.com\r\n\
        ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:cid@example.com\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn the_organizers_copy_invites_nobody() {
        let silent = silence_scheduling(TEXT, &[Address::new("ann@example.com")]);
        insta::assert_snapshot!(silent.replace("\r\n", "\n"), @r"
        BEGIN:VCALENDAR
        BEGIN:VEVENT
        ORGANIZER;CN=Ann:mailto:Ann@example.com
        ATTENDEE;X-A=1;SCHEDULE-AGENT=CLIENT:mailto:bob@example.com
        ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:cid@example.com
        END:VEVENT
        END:VCALENDAR
        ");
    }

    #[test]
    fn a_guests_copy_answers_nobody() {
        let silent = silence_scheduling(TEXT, &[Address::new("bob@example.com")]);
        assert!(silent.contains("ORGANIZER;CN=Ann;SCHEDULE-AGENT=CLIENT:mailto:Ann@example.com"));
    }

    #[test]
    fn whom_the_server_has_invited_stays_the_servers() {
        let before = Roles::read(TEXT);
        let text = TEXT.replace(
            "END:VEVENT",
            "ATTENDEE:mailto:dan@example.com\r\nEND:VEVENT",
        );
        let silent = silence_added(&text, &before, &[Address::new("ann@example.com")]);
        insta::assert_snapshot!(silent.replace("\r\n", "\n"), @r"
        BEGIN:VCALENDAR
        BEGIN:VEVENT
        ORGANIZER;CN=Ann:mailto:Ann@example.com
        ATTENDEE;X-A=1;SCHEDULE-AGENT=SERVER:mailto:bob@example.com
        ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:cid@example.com
        ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:dan@example.com
        END:VEVENT
        END:VCALENDAR
        ");
        let as_it_is = TEXT.replace("METHOD:REQUEST\r\n", "");
        assert_eq!(mute_added(TEXT, &before), as_it_is);
    }

    const MAILS: &str = "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1H\r\nSUMMARY:x\r\nDESCRIPTION:x\r\n\
        ATTENDEE:mailto:bob@example.com\r\nEND:VALARM\r\n";

    fn event_with(alarms: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260301T100000Z\r\nDESCRIPTION:x\r\n{alarms}\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    #[test]
    fn an_alarm_by_mail_that_is_new_is_shown_and_read_as_what_it_is() {
        let text = event_with(MAILS);
        let muted = silence_scheduling(&text, &[]);
        insta::assert_snapshot!(muted.replace("\r\n", "\n"), @r"
        BEGIN:VCALENDAR
        BEGIN:VEVENT
        UID:a
        DTSTART:20260301T100000Z
        DESCRIPTION:x
        BEGIN:VALARM
        ACTION:DISPLAY
        X-KALENDS-ACTION:EMAIL
        UID:email -PT1H start
        TRIGGER:-PT1H
        DESCRIPTION:x
        END:VALARM
        END:VEVENT
        END:VCALENDAR
        ");
        let read = |text: &str| read_object(text).unwrap().event;
        assert_eq!(read(&muted), read(&text));
        assert_eq!(mute_added(&muted, &Roles::default()), muted);
        // A server that drops what it does not know shows an alarm under the same name: no edit of anybody's.
        let dropped = muted.replace("X-KALENDS-ACTION:EMAIL\r\n", "");
        assert_ne!(read(&dropped), read(&muted));
        let sent = as_landed(read(&muted), &muted, &read(&dropped));
        assert_eq!(sent, read(&dropped));
    }

    #[test]
    fn an_alarm_that_mails_already_goes_on_doing_so() {
        let text = event_with(MAILS);
        let before = Roles::read(&text);
        assert_eq!(mute_added(&text, &before), text);
        // One more is new; and that somebody made of a mail something that is shown is an edit.
        let more = MAILS.replace("-PT1H", "-PT2H");
        let after = silence_added(&event_with(&format!("{MAILS}{more}")), &before, &[]);
        assert_eq!(after.matches("ACTION:EMAIL\r\n").count(), 2, "{after}");
        assert!(after.contains(MAILS), "{after}");
        assert!(after.contains("UID:email -PT2H start"), "{after}");
        let edited =
            event_with(&MAILS.replace("ACTION:EMAIL", "UID:email -PT1H start\r\nACTION:DISPLAY"));
        let (sent, edited) = (
            read_object(&text).unwrap().event,
            read_object(&edited).unwrap().event,
        );
        assert_eq!(as_landed(sent.clone(), &text, &edited), sent);
    }

    #[test]
    fn a_muted_alarm_is_edited_as_what_it_is() {
        let muted = silence_scheduling(&event_with(MAILS), &[]);
        let mut event = read_object(&muted).unwrap().event;
        let options = PatchOptions {
            mark: None,
            stamp: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        assert_eq!(patch_object(&muted, &event, &options).unwrap(), muted);
        for alert in event.master.details.alerts.values_mut() {
            alert.action = AlertAction::Display;
        }
        let shown = patch_object(&muted, &event, &options).unwrap();
        assert_eq!(read_object(&shown).unwrap().event, event);
        assert!(!shown.contains("EMAIL"), "{shown}");
    }

    #[test]
    fn roles_are_those_that_a_server_sees() {
        let roles = Roles::read(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nORGANIZER:mailto:ann@example.com\r\n\
             ATTENDEE;SCHEDULE-AGENT=none:mailto:bob@example.com\r\n\
             ATTENDEE;SCHEDULE-AGENT=X-OTHER:mailto:cid@exam\r\n ple.com\r\n\
             BEGIN:VALARM\r\nATTENDEE:mailto:alarm@example.com\r\nEND:VALARM\r\nEND:VEVENT\r\n\
             BEGIN:VEVENT\r\nATTENDEE:mailto:Bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        );
        let server = |address: &str| (Address::new(address), Agent::Server);
        assert_eq!(
            roles.organizers,
            BTreeMap::from([server("ann@example.com")])
        );
        // Bob is silenced on one line and not on the other: the server would mail him.
        assert_eq!(
            roles.guests,
            BTreeMap::from([server("bob@example.com"), server("cid@example.com")])
        );
        assert_eq!(roles.answers.len(), 4);
    }

    #[test]
    fn without_guests_nothing_changes() {
        let text = "begin:vcalendar\nBEGIN:VEVENT\nSUMMARY:x\n y\nEND:VEVENT\nend:vcalendar";
        assert_eq!(silence_scheduling(text, &[]), text);
    }
}
