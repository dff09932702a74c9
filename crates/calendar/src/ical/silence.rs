//! Keeps servers from mailing guests (RFC 6638 §7.1) and texts from being messages (RFC 4791 §4.1).

use super::people;
use super::tree::{Component, Node, Tree};
use crate::event::Address;

/// Sets `SCHEDULE-AGENT=CLIENT` on each `ATTENDEE` of an object that `me` organizes, or that nobody does, and on the
/// `ORGANIZER` of one that somebody else organizes; takes `METHOD` out. Everything else stays byte for byte.
pub fn silence_scheduling(text: &str, me: &[Address]) -> String {
    let mut tree = Tree::parse(text);
    let line_end = tree.line_end();
    for node in &mut tree.nodes {
        if let Node::Component(component) = node {
            silence(component, me, line_end);
        }
    }
    tree.to_string()
}

fn silence(component: &mut Component<'_>, me: &[Address], line_end: &str) {
    if component.is("VCALENDAR") {
        component
            .nodes
            .retain(|node| !matches!(node, Node::Line(line) if line.is("METHOD")));
        for node in &mut component.nodes {
            if let Node::Component(inner) = node {
                silence(inner, me, line_end);
            }
        }
        return;
    }
    let organizer = component.line("ORGANIZER").and_then(people::address);
    let guests_copy = organizer.is_some_and(|organizer| !me.contains(&organizer));
    for node in &mut component.nodes {
        let Node::Line(line) = node else { continue };
        // On a guest's copy the server answers the organizer; on the organizer's it invites the guests. A copy whose
        // owner is not known for sure is silenced both ways.
        if line.is("ATTENDEE") || (line.is("ORGANIZER") && guests_copy) {
            let silent = line
                .param("SCHEDULE-AGENT")
                .is_some_and(|agent| agent.eq_ignore_ascii_case("CLIENT"));
            if !silent {
                let value = line.value().to_owned();
                *line = line.with_params(&[("SCHEDULE-AGENT", Some("CLIENT"))], &value, line_end);
            }
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
    fn without_guests_nothing_changes() {
        let text = "begin:vcalendar\nBEGIN:VEVENT\nSUMMARY:x\n y\nEND:VEVENT\nend:vcalendar";
        assert_eq!(silence_scheduling(text, &[]), text);
    }
}
