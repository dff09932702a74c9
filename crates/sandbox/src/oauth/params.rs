//! What clients send: parameters in a query or a form, and who they say they are (RFC 6749 §2.3.1, §3.1, §3.2).

use bytes::Bytes;
use http::{Method, Request, header};
use percent_encoding::percent_decode_str;

use crate::base64;

/// No honest request has more parameters; a longer list is not read to its end.
const PAIRS_MAX: usize = 200;

/// The parameters of a request. One without a value counts as left out (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

/// The client's id and secret, from the form or from `Authorization: Basic`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) id: Option<String>,
    pub(crate) secret: Option<String>,
}

impl Params {
    /// Those behind the question mark.
    pub(crate) fn of_query(request: &Request<Bytes>) -> Self {
        Self::parse(request.uri().query().unwrap_or_default())
    }

    /// Those of a form in the body. A body of another type has none.
    pub(crate) fn of_form(request: &Request<Bytes>) -> Self {
        if media_type(request) != "application/x-www-form-urlencoded" {
            return Self::default();
        }
        Self::parse(&String::from_utf8_lossy(request.body()))
    }

    fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .take(PAIRS_MAX)
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .collect();
        Self { pairs }
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The button that was pressed on a page. An address cannot press one.
    pub(crate) fn decision(&self, request: &Request<Bytes>) -> Option<&str> {
        self.get("decision")
            .filter(|_| request.method() == Method::POST)
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The words of a parameter whose value is a list.
    pub(crate) fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split_whitespace()
    }

    /// Which of `names` was sent more than once, against RFC 6749 §3.1.
    pub(crate) fn repeated<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        names
            .iter()
            .copied()
            .find(|name| self.all(name).nth(1).is_some())
    }
}

impl Credentials {
    /// What a request to a token endpoint says about its client. The header wins over the form.
    pub(crate) fn of(request: &Request<Bytes>, form: &Params) -> Self {
        let own = |name| form.get(name).map(str::to_owned);
        basic(request).unwrap_or_else(|| Self {
            id: own("client_id"),
            secret: own("client_secret"),
        })
    }
}

fn basic(request: &Request<Bytes>) -> Option<Credentials> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, coded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(base64::decode(coded.trim())?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    // The RFC wants both form-encoded; many clients do not encode, so that a plus sign must stay one.
    let part = |text: &str| {
        (!text.is_empty()).then(|| percent_decode_str(text).decode_utf8_lossy().into_owned())
    };
    Some(Credentials {
        id: part(id),
        secret: part(secret),
    })
}

/// The body's type without its parameters, in small letters.
pub(crate) fn media_type(request: &Request<Bytes>) -> String {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let bare = value.split(';').next().unwrap_or_default();
    bare.trim().to_ascii_lowercase()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// `bytes` in base 64 for addresses (RFC 4648 §5), without padding.
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    base64::encode(bytes)
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

/// The bytes that a text in base 64 for addresses stands for, padded or not.
pub(crate) fn from_base64_url(text: &str) -> Option<Vec<u8>> {
    let mut plain = text
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    while !plain.len().is_multiple_of(4) {
        plain.push('=');
    }
    base64::decode(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let params = Params::parse("scope=a+b%20c&state=%C3%A9%26%3D&empty=&granted=1&granted=2");
        assert_eq!(params.words("scope").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(params.get("state"), Some("é&="));
        assert_eq!(params.get("empty"), None, "no value is no parameter");
        assert_eq!(params.all("granted").count(), 2);
        assert_eq!(params.repeated(&["state", "granted"]), Some("granted"));
    }

    #[test]
    fn base64_for_addresses_goes_both_ways() {
        let bytes = [0xFB, 0xFF, 0xFE, 0x01];
        assert_eq!(base64_url(&bytes), "-__-AQ");
        assert_eq!(from_base64_url("-__-AQ").as_deref(), Some(&bytes[..]));
        assert_eq!(from_base64_url("-__-AQ==").as_deref(), Some(&bytes[..]));
        assert_eq!(from_base64_url("no*"), None);
    }
}
