//! Keeps servers from mailing guests (RFC 6638 §7.1) and texts from being messages (RFC 4791 §4.1).

use std::collections::BTreeMap;

use super::line::Line;
use super::people;
use super::tree::{Component, Node, Tree};
use crate::event::Address;

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
/// `ORGANIZER` of one that somebody else organizes; takes `METHOD` out. Everything else stays byte for byte. Only for
/// objects that are new: a server that has invited guests cancels them when it no longer is their agent (RFC 6638
/// §3.2.1.2).
pub fn silence_scheduling(text: &str, me: &[Address]) -> String {
    silence_added(text, &Roles::default(), me)
}

/// The same for an object that is there already: people whom `before` leaves to the server stay as they are.
pub fn silence_added(text: &str, before: &Roles, me: &[Address]) -> String {
    let mut tree = Tree::parse(text);
    let line_end = tree.line_end();
    for node in &mut tree.nodes {
        if let Node::Component(component) = node {
            drop_method(component);
            if component.is("VCALENDAR") {
                for node in &mut component.nodes {
                    if let Node::Component(inner) = node {
                        silence(inner, before, me, line_end);
                    }
                }
            } else {
                silence(component, before, me, line_end);
            }
        }
    }
    tree.to_string()
}

/// Takes `METHOD` out and nothing else.
pub fn without_method(text: &str) -> String {
    let mut tree = Tree::parse(text);
    for node in &mut tree.nodes {
        if let Node::Component(component) = node {
            drop_method(component);
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(without_method(TEXT), as_it_is);
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
