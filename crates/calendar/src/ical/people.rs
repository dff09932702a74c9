//! `ORGANIZER` and `ATTENDEE` lines and the participants they mean.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::line::Line;
use super::text::{encode_param, plain};
use crate::event::{Address, Attendance, Kind, Participant, ParticipationStatus, Role};

/// Gathers participants line by line.
#[derive(Default)]
pub(crate) struct People {
    found: BTreeMap<Address, Participant>,
    /// What the organizer's own line calls them, where no `ATTENDEE` line does.
    organizer_names: Vec<(Address, String)>,
}

impl People {
    /// Takes an `ORGANIZER` line in.
    pub(crate) fn organizer(&mut self, line: &Line<'_>) {
        if let Some(address) = address(line) {
            let name = line.param("CN").unwrap_or_default().into_owned();
            self.found.entry(address.clone()).or_default().organizer = true;
            self.organizer_names.push((address, name));
        }
    }

    /// Takes an `ATTENDEE` line in. Of several for one address, the first counts.
    pub(crate) fn attendee(&mut self, line: &Line<'_>) {
        let Some(address) = address(line) else {
            return;
        };
        let participant = self.found.entry(address).or_default();
        if participant.name.is_empty() {
            participant.name = line.param("CN").unwrap_or_default().into_owned();
        }
        if participant.attendance.is_none() {
            participant.attendance = Some(attendance(line));
        }
    }

    /// Everybody.
    pub(crate) fn finish(mut self) -> BTreeMap<Address, Participant> {
        for (address, name) in self.organizer_names {
            if let Some(participant) = self.found.get_mut(&address)
                && participant.name.is_empty()
            {
                participant.name = name;
            }
        }
        self.found
    }
}

/// Whom a line is about: the value, or its `EMAIL` parameter where the value is an identifier nobody can write to.
pub(crate) fn address(line: &Line<'_>) -> Option<Address> {
    let mut value = Address::new(line.value());
    // Some programs put the scheme before addresses that have it already.
    while value.0.starts_with("mailto:") {
        value = Address::new(&value.0);
    }
    let opaque = value.0.is_empty() || (value.0.contains(':') && !value.0.contains('@'));
    let email = if opaque { line.param("EMAIL") } else { None };
    let address = email
        .map(|email| Address::new(&email))
        .filter(|email| email.0.contains('@'))
        .unwrap_or(value);
    (!address.0.is_empty()).then_some(address)
}

fn attendance(line: &Line<'_>) -> Attendance {
    let upper = |name| {
        line.param(name)
            .map(|value| value.trim().to_ascii_uppercase())
    };
    Attendance {
        participation_status: match upper("PARTSTAT").as_deref() {
            Some("ACCEPTED") => ParticipationStatus::Accepted,
            Some("DECLINED") => ParticipationStatus::Declined,
            Some("TENTATIVE") => ParticipationStatus::Tentative,
            Some("DELEGATED") => ParticipationStatus::Delegated,
            _ => ParticipationStatus::NeedsAction,
        },
        role: match upper("ROLE").as_deref() {
            Some("OPT-PARTICIPANT") => Role::Optional,
            Some("CHAIR") => Role::Chair,
            Some("NON-PARTICIPANT") => Role::Informational,
            _ => Role::Required,
        },
        kind: match upper("CUTYPE").as_deref() {
            Some("GROUP") => Kind::Group,
            Some("RESOURCE") => Kind::Resource,
            Some("ROOM") => Kind::Room,
            _ => Kind::Individual,
        },
        expect_reply: upper("RSVP").as_deref() == Some("TRUE"),
    }
}

/// The parameters of an attendance: name, value, and whether leaving it out says the same.
pub(crate) fn attendance_params(
    attendance: &Attendance,
) -> [(&'static str, &'static str, bool); 4] {
    let status = match attendance.participation_status {
        ParticipationStatus::NeedsAction => "NEEDS-ACTION",
        ParticipationStatus::Accepted => "ACCEPTED",
        ParticipationStatus::Declined => "DECLINED",
        ParticipationStatus::Tentative => "TENTATIVE",
        ParticipationStatus::Delegated => "DELEGATED",
    };
    let role = match attendance.role {
        Role::Required => "REQ-PARTICIPANT",
        Role::Optional => "OPT-PARTICIPANT",
        Role::Chair => "CHAIR",
        Role::Informational => "NON-PARTICIPANT",
    };
    let kind = match attendance.kind {
        Kind::Individual => "INDIVIDUAL",
        Kind::Group => "GROUP",
        Kind::Resource => "RESOURCE",
        Kind::Room => "ROOM",
    };
    let reply = if attendance.expect_reply {
        "TRUE"
    } else {
        "FALSE"
    };
    [
        ("CUTYPE", kind, attendance.kind == Kind::default()),
        ("ROLE", role, attendance.role == Role::default()),
        (
            "PARTSTAT",
            status,
            attendance.participation_status == ParticipationStatus::default(),
        ),
        ("RSVP", reply, !attendance.expect_reply),
    ]
}

/// An address as a value: `mailto:` unless it is a URI of another kind.
pub(crate) fn address_value(address: &Address) -> Cow<'_, str> {
    let text = plain(&address.0);
    let scheme = text.split_once(':').is_some_and(|(scheme, _)| {
        scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    if scheme || text.starts_with('/') {
        text
    } else {
        Cow::Owned(format!("mailto:{text}"))
    }
}

/// The `ORGANIZER` line of a participant.
pub(crate) fn organizer_line(address: &Address, participant: &Participant) -> String {
    format!(
        "ORGANIZER{}:{}",
        name_param(participant),
        address_value(address)
    )
}

/// The `ATTENDEE` line of a participant.
pub(crate) fn attendee_line(
    address: &Address,
    participant: &Participant,
    attendance: &Attendance,
) -> String {
    let mut line = format!("ATTENDEE{}", name_param(participant));
    for (name, value, default) in attendance_params(attendance) {
        if !default || name == "PARTSTAT" {
            for text in [";", name, "=", value] {
                line.push_str(text);
            }
        }
    }
    line.push(':');
    line.push_str(&address_value(address));
    line
}

/// The lines of a participant who is new here.
pub(crate) fn lines(address: &Address, participant: &Participant) -> Vec<String> {
    let mut lines = Vec::new();
    if participant.organizer {
        lines.push(organizer_line(address, participant));
    }
    if let Some(attendance) = &participant.attendance {
        lines.push(attendee_line(address, participant, attendance));
    }
    lines
}

fn name_param(participant: &Participant) -> String {
    if participant.name.is_empty() {
        String::new()
    } else {
        format!(";CN={}", encode_param(&participant.name))
    }
}
