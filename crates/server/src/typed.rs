//! What is typed at the command line about people and businesses: the API takes no more than this, and neither is taken here.

use anyhow::{Result, bail};

/// The longest name: what a list can still show.
const NAME_CHARS_MAX: usize = 200;
/// The longest mail address (RFC 5321 §4.5.3.1.3).
const EMAIL_CHARS_MAX: usize = 254;
/// The longest code of a plan, as that of a feature.
const CODE_CHARS_MAX: usize = 64;

/// A name without what stands around it: neither empty nor too long. `what` is what it is the name of, or its option.
pub(crate) fn name(what: &str, text: &str) -> Result<String> {
    let name = text.trim();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) {
        bail!("{what}: expected 1 to {NAME_CHARS_MAX} characters");
    }
    Ok(name.to_owned())
}

/// Whether a text can be a mail address. Whether it is one shows when somebody gets a mail.
pub(crate) fn check_email(text: &str) -> Result<()> {
    let is_one = text.len() <= EMAIL_CHARS_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && text
            .rsplit_once('@')
            .is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty());
    if !is_one {
        bail!("{text:?} is no address such as ann@example.com");
    }
    Ok(())
}

/// Whether a text can be the code of a plan.
pub(crate) fn check_plan_code(text: &str) -> Result<()> {
    let is_one = (1..=CODE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        });
    if !is_one {
        bail!(
            "{text:?} is no code: up to {CODE_CHARS_MAX} lower case letters, digits, `-` and `_`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_neither_empty_nor_endless() {
        assert_eq!(name("--name", " Demo Dental ").unwrap(), "Demo Dental");
        assert!(name("--name", &"ä".repeat(200)).is_ok());
        for wrong in ["", "   ", &"a".repeat(201)] {
            assert!(name("--name", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn addresses_have_two_sides_and_no_blanks() {
        assert!(check_email("ann@example.com").is_ok());
        for wrong in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.com",
            "two words@example.com",
            "a@b\n",
        ] {
            assert!(check_email(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn codes_of_plans_are_small_words() {
        assert!(check_plan_code("pro-2_a").is_ok());
        for wrong in ["", "Bad Code!", "Pro", &"a".repeat(65)] {
            assert!(check_plan_code(wrong).is_err(), "{wrong:?}");
        }
    }
}
