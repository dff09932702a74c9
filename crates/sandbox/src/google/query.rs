//! Query parameters: read, and refused where they are not what the Discovery document says they are.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::zone;
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

/// The parameters of a request, in order. Unknown ones are passed over, as Google does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// Percent-encoded text, decoded.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Query {
    pub(crate) fn read(query: Option<&str>) -> Self {
        let pairs = query
            .unwrap_or("")
            .split('&')
            .filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    let spaced = |text: &str| decoded(&text.replace('+', " "));
                    (spaced(name), spaced(value))
                })
                .collect(),
        )
    }

    /// The names of all parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A parameter that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut found = self
            .0
            .iter()
            .filter(|(known, value)| known == name && !value.is_empty());
        found.next().map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)
            .ok_or_else(|| Refusal::required_parameter(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                let message = format!("Invalid boolean value: '{other}'.");
                Err(Refusal::parameter(name, message))
            }
        }
    }

    /// Whether a flag is set; false when it is not given.
    pub(crate) fn set(&self, name: &str) -> Result<bool, Refusal> {
        Ok(self.flag(name)?.unwrap_or(false))
    }

    /// A number of at least 1.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number: i64 = text
            .parse()
            .map_err(|_| Refusal::parameter(name, format!("Invalid integer value: '{text}'.")))?;
        match usize::try_from(number) {
            Ok(number) if number > 0 && i32::try_from(number).is_ok() => Ok(Some(number)),
            _ => {
                let message = format!(
                    "Invalid value '{text}'. Values must be within the range: [1, 2147483647]"
                );
                Err(Refusal::parameter(name, message))
            }
        }
    }

    /// Whether a version parameter, 0 or 1, is 1.
    pub(crate) fn version(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(other) => {
                let message =
                    format!("Invalid value '{other}'. Values must be within the range: [0, 1]");
                Err(Refusal::parameter(name, message))
            }
        }
    }

    /// One of the words allowed.
    pub(crate) fn word(&self, name: &str, allowed: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.text(name) {
            Some(word) if !allowed.contains(&word) => Err(unlisted(name, word, allowed)),
            word => Ok(word),
        }
    }

    /// Words of a parameter that may be repeated.
    pub(crate) fn words(&self, name: &str, allowed: &[&str]) -> Result<Vec<String>, Refusal> {
        self.all(name)
            .map(|word| {
                if allowed.contains(&word) {
                    Ok(word.to_owned())
                } else {
                    Err(unlisted(name, word, allowed))
                }
            })
            .collect()
    }

    /// An RFC 3339 time with an offset; milliseconds are ignored.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        self.text(name)
            .map(|text| time(text).ok_or_else(Refusal::bad_request))
            .transpose()
    }

    pub(crate) fn zone(&self) -> Result<Option<TimeZone>, Refusal> {
        self.text("timeZone")
            .map(|name| {
                zone::iana(name).ok_or_else(|| {
                    let message = format!("Unrecognized timezone identifier: '{name}'.");
                    Refusal::parameter("timeZone", message)
                })
            })
            .transpose()
    }
}

/// An RFC 3339 time with an offset, to the second.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let shape = text.get(10..11)?;
    if !shape.eq_ignore_ascii_case("t") || text.ends_with(']') {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    Timestamp::from_second(time.as_second()).ok()
}

fn unlisted(name: &str, word: &str, allowed: &[&str]) -> Refusal {
    let message = format!(
        "Invalid string value: '{word}'. Allowed values: [{}]",
        allowed.join(", ")
    );
    Refusal::parameter(name, message)
}
