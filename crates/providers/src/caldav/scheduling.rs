//! Whom a server would mail about a write (RFC 6638 §3.2), and the refusal of writes that it would mail about.
//!
//! What a client can say against it (`SCHEDULE-AGENT`, `Schedule-Reply`) holds for objects that are new and for guests
//! that go. On an object whose guests a server has invited, saying so is itself a change that it mails about.

use kalends_calendar::event::Address;
use kalends_calendar::failure::Failure;
use kalends_calendar::ical::{Agent, Roles};
use url::Url;

use super::{CalDav, requests};

/// What a server says of itself that mails by itself (RFC 6638 §2).
const AUTO_SCHEDULE: &str = "calendar-auto-schedule";

/// What every `CalDAV` server says of itself (RFC 4791 §5.1). An answer without it is that of something on the way.
const CALENDAR_ACCESS: &str = "calendar-access";

/// Whom a server that schedules would mail about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mailed {
    Nobody,
    /// The guests of an event that the account organizes, or may.
    Guests,
    /// The organizer of an event to which the account is invited, or may be.
    Organizer,
}

/// Whom an object's change from `before` to `after` mails.
pub(super) fn by_update(before: &Roles, after: &Roles, me: &[Address]) -> Mailed {
    if invites(before, me) || invites(after, me) {
        return Mailed::Guests;
    }
    if before.answers != after.answers && (answers(before, me) || answers(after, me)) {
        return Mailed::Organizer;
    }
    Mailed::Nobody
}

/// Whom an object's deletion mails. A guest's copy goes with `Schedule-Reply: F`.
pub(super) fn by_delete(object: &Roles, me: &[Address]) -> Mailed {
    if invites(object, me) {
        Mailed::Guests
    } else {
        Mailed::Nobody
    }
}

/// Whether this is the organizer's object, for all that is known, and the server mails its guests.
fn invites(object: &Roles, me: &[Address]) -> bool {
    let is_own = object
        .organizers
        .keys()
        .any(|organizer| me.is_empty() || me.contains(organizer));
    // Organizers often stand among their own guests; nobody mails them.
    let is_mailed = |(guest, agent): (&Address, &Agent)| {
        *agent == Agent::Server && !me.contains(guest) && !object.organizers.contains_key(guest)
    };
    is_own && object.guests.iter().any(is_mailed)
}

/// Whether this is a guest's copy, for all that is known, and the server answers its organizer.
fn answers(object: &Roles, me: &[Address]) -> bool {
    object
        .organizers
        .iter()
        .any(|(organizer, agent)| *agent == Agent::Server && !me.contains(organizer))
}

impl CalDav {
    /// Refuses what the server would mail about.
    pub(super) async fn refuse_mail(&self, calendar: &Url, mailed: Mailed) -> Result<(), Failure> {
        let whom = match mailed {
            Mailed::Nobody => return Ok(()),
            Mailed::Guests => "guests",
            Mailed::Organizer => "organizer",
        };
        if !self.schedules(calendar).await? {
            return Ok(());
        }
        let host = calendar.host_str().unwrap_or_default();
        Err(Failure::item(format!(
            "{host} would mail the {whom} of this event about the change; change it where it was made"
        )))
    }

    /// Whether the server mails by itself. A server that does not tell is taken for one that does, and asked again the
    /// next time; when it cannot be reached at all, neither can the write be sent.
    async fn schedules(&self, calendar: &Url) -> Result<bool, Failure> {
        if let Some(known) = self.with_learned(|learned| learned.schedules) {
            return Ok(known);
        }
        let answer = self.send(requests::options(calendar)).await?;
        let features: Vec<String> = answer
            .headers
            .get_all("dav")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|feature| feature.trim().to_ascii_lowercase())
            .collect();
        let has = |name: &str| features.iter().any(|feature| feature == name);
        if !answer.status.is_success() || !has(CALENDAR_ACCESS) {
            return Ok(true);
        }
        let schedules = has(AUTO_SCHEDULE);
        self.with_learned(|learned| learned.schedules = Some(schedules));
        Ok(schedules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines<'a> = &'a [&'a str];

    fn roles(lines: Lines<'_>) -> Roles {
        Roles::read(&format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            lines.join("\r\n")
        ))
    }

    #[test]
    fn who_is_mailed_depends_on_whose_copy_it_is() {
        const ANN: &str = "ORGANIZER:mailto:ann@example.com";
        const SILENT_ANN: &str = "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:ann@example.com";
        const ANN_COMES: &str = "ATTENDEE:mailto:ann@example.com";
        const BOB: &str = "ATTENDEE:mailto:bob@example.com";
        const BOB_COMES: &str = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com";
        const SILENT_BOB: &str = "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:bob@example.com";
        const TITLE: &str = "SUMMARY:x";
        const SKIPPED: &str = "EXDATE:20260302T100000Z";
        let (ann, bob) = (
            [Address::new("ann@example.com")],
            [Address::new("bob@example.com")],
        );
        let table: [(Lines<'_>, Lines<'_>, &[Address], Mailed); 14] = [
            (&[ANN, BOB], &[ANN, BOB, TITLE], &ann, Mailed::Guests),
            (&[ANN, BOB], &[ANN, BOB, TITLE], &[], Mailed::Guests),
            (&[ANN, BOB], &[ANN, BOB, TITLE], &bob, Mailed::Nobody),
            (&[ANN, BOB], &[ANN, SILENT_BOB], &ann, Mailed::Guests),
            (&[ANN, BOB], &[ANN], &ann, Mailed::Guests),
            (&[TITLE], &[ANN, BOB], &ann, Mailed::Guests),
            (
                &[ANN, SILENT_BOB],
                &[ANN, SILENT_BOB, TITLE],
                &ann,
                Mailed::Nobody,
            ),
            (
                &[ANN, ANN_COMES],
                &[ANN, ANN_COMES, TITLE],
                &ann,
                Mailed::Nobody,
            ),
            (&[BOB], &[BOB_COMES], &ann, Mailed::Nobody),
            (&[ANN, BOB], &[ANN, BOB_COMES], &bob, Mailed::Organizer),
            (&[ANN, BOB], &[ANN, BOB, SKIPPED], &bob, Mailed::Organizer),
            (
                &[SILENT_ANN, BOB],
                &[SILENT_ANN, BOB_COMES],
                &bob,
                Mailed::Nobody,
            ),
            (
                &[ANN, SILENT_BOB],
                &[ANN, BOB_COMES],
                &bob,
                Mailed::Organizer,
            ),
            (&[TITLE], &[ANN, BOB_COMES], &bob, Mailed::Organizer),
        ];
        for (before, after, me, expected) in table {
            let mailed = by_update(&roles(before), &roles(after), me);
            assert_eq!(mailed, expected, "{before:?} to {after:?} for {me:?}");
        }
        for (object, me, expected) in [
            ([ANN, BOB], &ann[..], Mailed::Guests),
            ([ANN, BOB], &[], Mailed::Guests),
            ([ANN, BOB], &bob, Mailed::Nobody),
            ([ANN, SILENT_BOB], &ann, Mailed::Nobody),
        ] {
            assert_eq!(
                by_delete(&roles(&object), me),
                expected,
                "{object:?} {me:?}"
            );
        }
    }
}
