//! How the parts of a world are written that have no form of their own in a file: shared values, words, raw bytes, and maps
//! whose keys are no texts.

/// A text that is a constant of this program, such as a word of a protocol or why a mail went out.
pub(crate) type Word = &'static str;

/// One value that several hold. In a file each has its own.
pub(crate) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, T: Serialize>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// The same, where there may be none.
pub(crate) mod shared_option {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer, T: Serialize>(
        value: &Option<Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<T>>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(Arc::new))
    }
}

/// The same, by name or number.
pub(crate) mod shared_map {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, K: Serialize, T: Serialize>(
        map: &BTreeMap<K, Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(key, value)| (key, &**value)))
    }

    pub(crate) fn deserialize<'de, D, K, T>(
        deserializer: D,
    ) -> Result<BTreeMap<K, Arc<T>>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        T: Deserialize<'de>,
    {
        let map = BTreeMap::<K, T>::deserialize(deserializer)?;
        let shared = map.into_iter().map(|(key, value)| (key, Arc::new(value)));
        Ok(shared.collect())
    }
}

/// A text that several hold.
pub(crate) mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        text: &Arc<str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

/// A map whose keys are no texts, as a list of pairs.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        let pairs = Vec::<(K, V)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

/// Bytes: as text where they are text, else in Base64 behind a mark that no text has.
pub(crate) mod raw {
    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::base64;

    const MARK: &str = "\u{0}base64:";

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.starts_with(MARK) => serializer.serialize_str(text),
            Ok(_) | Err(_) => serializer.serialize_str(&format!("{MARK}{}", base64::encode(bytes))),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        let Some(coded) = text.strip_prefix(MARK) else {
            return Ok(Bytes::from(text));
        };
        let decoded = base64::decode(coded);
        decoded
            .map(Bytes::from)
            .ok_or_else(|| D::Error::custom("not Base64"))
    }
}

/// An HTTP method.
pub(crate) mod method {
    use http::Method;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        method: &Method,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(method.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Method, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Days of the week, by their numbers from Monday, which is 0.
pub(crate) mod weekday {
    use jiff::civil::Weekday;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        day: &Weekday,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i8(day.to_monday_zero_offset())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Weekday, D::Error> {
        let number = i8::deserialize(deserializer)?;
        Weekday::from_monday_zero_offset(number).map_err(D::Error::custom)
    }
}

/// Several of them.
pub(crate) mod weekdays {
    use jiff::civil::Weekday;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        days: &[Weekday],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(days.iter().map(|day| day.to_monday_zero_offset()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Weekday>, D::Error> {
        let numbers = Vec::<i8>::deserialize(deserializer)?;
        let days = numbers.into_iter().map(Weekday::from_monday_zero_offset);
        days.collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

/// Words, read back as constants.
pub(crate) mod word {
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer};

    use super::Word;

    /// How many different words may be read while the program runs. All the faces together have some hundreds.
    const WORDS_MAX: usize = 5_000;

    /// What was read so far. It stays as long as the program runs, as constants do.
    static KNOWN: Mutex<BTreeSet<Word>> = Mutex::new(BTreeSet::new());

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Word, D::Error> {
        let text = String::deserialize(deserializer)?;
        constant(&text).ok_or_else(|| D::Error::custom("too many different words"))
    }

    /// The same text as a constant; none when there are too many.
    pub(super) fn constant(text: &str) -> Option<Word> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = known.get(text) {
            return Some(word);
        }
        if known.len() >= WORDS_MAX {
            return None;
        }
        let word: Word = Box::leak(text.to_owned().into_boxed_str());
        known.insert(word);
        Some(word)
    }
}

/// A set of words.
pub(crate) mod words {
    use std::collections::BTreeSet;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer};

    use super::Word;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeSet<Word>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let words = texts.iter().map(|text| super::word::constant(text));
        let words: Option<BTreeSet<Word>> = words.collect();
        words.ok_or_else(|| D::Error::custom("too many different words"))
    }
}

/// Headers whose names are words.
pub(crate) mod headers {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer};

    use super::Word;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Word, String)>, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        let headers = pairs
            .into_iter()
            .map(|(name, value)| Some((super::word::constant(&name)?, value)));
        let headers: Option<Vec<(Word, String)>> = headers.collect();
        headers.ok_or_else(|| D::Error::custom("too many different words"))
    }
}
