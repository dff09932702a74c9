//! In which language a page of the service's own speaks: the app's two, as the browser asks.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tongue {
    /// English, where nothing else is asked for.
    En,
    /// German.
    De,
}

impl Tongue {
    /// What a browser asks for first of the two (RFC 9110 §12.5.4).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let asked = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mut best = (Self::En, 0.0);
        for range in asked.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight: f32 = weight.map_or(Ok(1.0), str::parse).unwrap_or(0.0);
            let found = match tag.split('-').next() {
                Some("de") => Self::De,
                Some("en") => Self::En,
                Some(_) | None => continue,
            };
            if weight > best.1 {
                best = (found, weight);
            }
        }
        best.0
    }

    /// The tag of the language (RFC 5646).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// Of two texts the one in this language.
    pub(super) fn say(self, en: &'static str, de: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::De => de,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_most_is_spoken_and_english_else() {
        for (asked, spoken) in [
            ("", Tongue::En),
            ("fr", Tongue::En),
            ("de", Tongue::De),
            ("de-AT,de;q=0.9,en;q=0.8", Tongue::De),
            ("en-GB, de;q=0.9", Tongue::En),
            ("fr-CH, en;q=0.3, de;q=0.7", Tongue::De),
            ("de;q=0, en;q=0.1", Tongue::En),
            ("den", Tongue::En),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, asked.parse().unwrap())]);
            assert_eq!(Tongue::of(&headers), spoken, "{asked}");
        }
        assert_eq!(Tongue::of(&HeaderMap::new()), Tongue::En);
    }
}
