//! The clock of a world, which can be moved: every face reads the holder's clock through an offset.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use crate::world::World;

/// What a clock is set to: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    /// The time it shall be.
    now: Option<Timestamp>,
    /// How much later it shall be, such as `2h 30m` or `PT2H30M`; earlier with a minus.
    advance: Option<SignedDuration>,
}

impl World {
    /// What time it is in the world when the holder's clock says `now`.
    pub fn time(&self, now: Timestamp) -> Timestamp {
        moved(now, self.control.offset)
    }
}

/// A time that is so much later, within what can be said.
fn moved(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

fn show(world: &World, now: Timestamp) -> Done {
    let offset: Value = world.control.offset.as_secs().into();
    Done::ok(json!({ "now": now.to_string(), "offset_s": offset }))
}

/// `GET /_sandbox/clock`.
pub(super) fn get(world: &World, asked: &Asked<'_>) -> Done {
    show(world, asked.now)
}

/// `PUT /_sandbox/clock`.
pub(super) fn put(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let setting: Setting = asked.read()?;
    let (field, by) = match (setting.now, setting.advance) {
        (Some(now), None) => ("now", now.duration_since(asked.now)),
        (None, Some(by)) => ("advance", by),
        (None, None) => return Err(Refused::field("now", "Say `now` or `advance`.")),
        (Some(_), Some(_)) => {
            return Err(Refused::field(
                "advance",
                "Say `now` or `advance`, not both.",
            ));
        }
    };
    let then = asked.now.checked_add(by);
    let then = then.map_err(|_| Refused::field(field, "That is beyond all calendars."))?;
    let offset = world.control.offset.checked_add(by);
    world.control.offset =
        offset.ok_or_else(|| Refused::field(field, "That is beyond all calendars."))?;
    Ok(show(world, then))
}

/// `DELETE /_sandbox/clock`: back to the holder's clock.
pub(super) fn delete(world: &mut World, asked: &Asked<'_>) -> Done {
    let true_now = moved(asked.now, -world.control.offset);
    world.control.offset = SignedDuration::ZERO;
    show(world, true_now)
}
