//! The delegated scopes of Microsoft Graph, and what the consent page says of them.

use std::collections::BTreeSet;

/// What a scope of Graph begins with when it is written in full.
pub(crate) const GRAPH: &str = "https://graph.microsoft.com/";

/// The scopes of OpenID Connect. They belong to no resource.
pub(crate) const OPENID: [&str; 3] = ["email", "openid", "profile"];

/// The scope that leads to a refresh token. No token tells it.
pub(super) const OFFLINE: &str = "offline_access";

/// All that was consented to before.
pub(super) const DEFAULT: &str = ".default";

/// Each scope of Graph with its sentence, after the permissions reference.
const KNOWN: &[(&str, &str)] = &[
    ("Calendars.Read", "Read your calendars"),
    ("Calendars.Read.Shared", "Read calendars you can access"),
    (
        "Calendars.ReadBasic",
        "Read basic details of your calendars",
    ),
    ("Calendars.ReadWrite", "Have full access to your calendars"),
    (
        "Calendars.ReadWrite.Shared",
        "Read and write to your and shared calendars",
    ),
    ("Mail.Read", "Read your mail"),
    ("Mail.ReadWrite", "Read and write access to your mail"),
    ("Mail.Send", "Send mail as you"),
    ("MailboxSettings.Read", "Read your mailbox settings"),
    (
        "MailboxSettings.ReadWrite",
        "Read and write to your mailbox settings",
    ),
    ("User.Read", "Sign you in and read your profile"),
    ("User.ReadWrite", "Read and update your profile"),
    ("email", "View your email address"),
    ("openid", "Sign you in"),
    ("profile", "View your basic profile"),
    (
        OFFLINE,
        "Maintain access to data you have given it access to",
    ),
];

/// A list of scopes, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Each in its long form; without those below.
    pub(super) scopes: BTreeSet<String>,
    /// Whether `offline_access` is among them.
    pub(super) offline: bool,
    /// Whether `.default` is.
    pub(super) default: bool,
}

impl Wanted {
    /// Reads a list. The error is the first scope that nobody knows.
    pub(super) fn read<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut wanted = Self::default();
        for word in words {
            match long(word) {
                Some(scope) if scope == OFFLINE => wanted.offline = true,
                Some(scope) => {
                    wanted.scopes.insert(scope);
                }
                None if short(word) == DEFAULT => wanted.default = true,
                None => return Err(word),
            }
        }
        Ok(wanted)
    }

    /// Whether nothing was wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_empty() && !self.default
    }
}

/// The long form of a scope, in whatever case and form it was written. None when Graph does not know it.
pub(crate) fn long(scope: &str) -> Option<String> {
    let bare = short(scope);
    let (known, _) = KNOWN
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(bare))?;
    Some(if OPENID.contains(known) || *known == OFFLINE {
        (*known).to_owned()
    } else {
        format!("{GRAPH}{known}")
    })
}

/// A scope without the resource before it.
pub(crate) fn short(scope: &str) -> &str {
    match scope.get(..GRAPH.len()) {
        Some(resource) if resource.eq_ignore_ascii_case(GRAPH) => &scope[GRAPH.len()..],
        _ => scope,
    }
}

/// What the consent page says of a scope.
pub(super) fn told(scope: &str) -> &'static str {
    KNOWN
        .iter()
        .find(|(known, _)| *known == short(scope))
        .map_or("", |(_, told)| told)
}

/// Whether an access token may be used for a scope, however either is written.
pub(super) fn cover(scopes: &BTreeSet<String>, wanted: &str) -> bool {
    scopes
        .iter()
        .any(|scope| short(scope).eq_ignore_ascii_case(short(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_the_same_in_every_form() {
        let full = "https://graph.microsoft.com/Calendars.ReadWrite";
        for form in ["Calendars.ReadWrite", "calendars.readwrite", full] {
            assert_eq!(long(form).as_deref(), Some(full));
        }
        assert_eq!(long("openid").as_deref(), Some("openid"));
        assert_eq!(long("Calendars.Burn"), None);
        let wanted = Wanted::read("openid offline_access .default".split(' '));
        assert!(wanted.is_ok_and(|wanted| wanted.offline && wanted.default));
        assert_eq!(Wanted::read("a b".split(' ')), Err("a"));
    }
}
