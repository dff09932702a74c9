//! Limits that a mailbox at Microsoft is said to have met, whatever was really asked.

use serde::Deserialize;
use serde_json::json;

use super::reply::{Asked, Done, Refused};
use crate::microsoft::{Limit, Throttle};
use crate::world::World;

/// How many requests may be refused in a row by one word.
const COUNT_MAX: usize = 1_000;

/// What the next requests of a mailbox shall meet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Throttling {
    user: String,
    limit: LimitWord,
    /// As it shall be written: decimals are possible.
    retry_after: Option<String>,
    #[serde(default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

/// The names of [`Limit`]s.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LimitWord {
    Requests,
    Concurrency,
    Service,
}

impl From<LimitWord> for Limit {
    fn from(word: LimitWord) -> Self {
        match word {
            LimitWord::Requests => Self::Requests,
            LimitWord::Concurrency => Self::Concurrency,
            LimitWord::Service => Self::Service,
        }
    }
}

/// `POST /_sandbox/mailboxes/throttle`.
pub(super) fn throttle(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let throttling: Throttling = asked.read()?;
    if !(1..=COUNT_MAX).contains(&throttling.count) {
        let error = format!("A number from 1 to {COUNT_MAX} is wanted.");
        return Err(Refused::field("count", error));
    }
    let is_number = |text: &str| {
        let digits = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        digits && text.parse::<f64>().is_ok()
    };
    if let Some(text) = &throttling.retry_after
        && !is_number(text)
    {
        let error = format!("{text:?} is no number of seconds.");
        return Err(Refused::field("retry_after", error));
    }
    for _ in 0..throttling.count {
        let throttle = Throttle {
            limit: throttling.limit.into(),
            retry_after: throttling.retry_after.clone(),
        };
        let known = world.microsoft.throttle(&throttling.user, throttle);
        known.map_err(|_| Refused::unknown("user", "There is no such user at Microsoft."))?;
    }
    Ok(Done::ok(json!({ "count": throttling.count })))
}
