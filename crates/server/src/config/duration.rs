//! Lengths of time in settings: `90s`, `5m`, `1h 30m`, `PT5M`.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

/// Reads `5m` and its like.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = |_| format!("{text:?} is no length of time such as 90s, 5m or 24h");
    let parsed: SignedDuration = text.trim().parse().map_err(wrong)?;
    let length = Duration::try_from(parsed).map_err(|_| format!("{text:?} is negative"))?;
    if length.is_zero() {
        return Err(format!("{text:?} is no time at all"));
    }
    Ok(length)
}

/// Writes it as people do, in the largest unit that leaves nothing over.
pub(super) fn shown(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds % 3_600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3_600),
        (_, 0) if seconds > 60 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(parse("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse("PT5M"), Ok(Duration::from_mins(5)));
        assert!(parse("-5m").is_err());
        assert!(parse("0s").is_err());
        assert!(parse("5").is_err());
    }
}
