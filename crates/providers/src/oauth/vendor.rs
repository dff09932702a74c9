//! In what Google and Microsoft differ: scopes, and what their consent pages want to know.

use std::collections::BTreeSet;

/// Whose authorisation server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Google's.
    Google,
    /// Microsoft's.
    Microsoft,
}

/// What a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Calendars of a tenant's member.
    Calendar,
    /// The platform's own mailbox, from which notices are sent.
    Email,
}

const GOOGLE_CALENDAR: [&str; 5] = [
    "openid",
    "email",
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
    "https://www.googleapis.com/auth/calendar.freebusy",
];
const GOOGLE_EMAIL: [&str; 3] = [
    "openid",
    "email",
    "https://www.googleapis.com/auth/gmail.send",
];
const MICROSOFT_CALENDAR: [&str; 5] = [
    "openid",
    "email",
    "offline_access",
    "User.Read",
    "Calendars.ReadWrite",
];
const MICROSOFT_EMAIL: [&str; 5] = [
    "openid",
    "email",
    "offline_access",
    "User.Read",
    "Mail.Send",
];

/// Scopes about the person, which vendors echo or not, and by other names: nothing is missing without them.
const ABOUT_THE_PERSON: [&str; 4] = ["openid", "email", "profile", "offline_access"];

/// What Graph's scopes begin with in their long form.
const GRAPH_PREFIX: &str = "https://graph.microsoft.com/";

impl Vendor {
    /// As people know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Microsoft => "Microsoft",
        }
    }

    /// As paths, settings and the store know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }

    /// What is asked for.
    pub(super) fn scopes(self, purpose: Purpose) -> &'static [&'static str] {
        match (self, purpose) {
            (Self::Google, Purpose::Calendar) => &GOOGLE_CALENDAR,
            (Self::Google, Purpose::Email) => &GOOGLE_EMAIL,
            (Self::Microsoft, Purpose::Calendar) => &MICROSOFT_CALENDAR,
            (Self::Microsoft, Purpose::Email) => &MICROSOFT_EMAIL,
        }
    }

    /// What else the consent page is told.
    ///
    /// Google gives a refresh token on the first consent only, unless consent is asked for each time.
    pub(super) fn consent_parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Google => &[("access_type", "offline"), ("prompt", "consent")],
            Self::Microsoft => &[("response_mode", "query"), ("prompt", "select_account")],
        }
    }

    /// What of a purpose's scopes was not granted.
    pub(super) fn missing(self, purpose: Purpose, granted: &BTreeSet<String>) -> Vec<&'static str> {
        let granted: BTreeSet<String> = granted.iter().map(|scope| self.bare(scope)).collect();
        self.scopes(purpose)
            .iter()
            .copied()
            .filter(|scope| !ABOUT_THE_PERSON.contains(scope))
            .filter(|scope| !granted.contains(&self.bare(scope)))
            .collect()
    }

    /// A scope as it is compared: Graph's come back in a short or a long form, in any case.
    fn bare(self, scope: &str) -> String {
        match self {
            Self::Google => scope.to_owned(),
            Self::Microsoft => scope
                .strip_prefix(GRAPH_PREFIX)
                .unwrap_or(scope)
                .to_lowercase(),
        }
    }
}
