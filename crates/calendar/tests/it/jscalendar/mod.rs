//! Events as JSCalendar: the examples of the standard, what is refused and where, the laws, and changes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod examples;
mod laws;
mod patching;
mod refusals;

use kalends_calendar::event::Event;
use kalends_calendar::ids::Uid;
use kalends_calendar::jscalendar::{JsError, from_json};
use serde_json::Value;

fn read(value: &Value) -> Result<Event, JsError> {
    from_json(value, || Uid::from("given@example.com"))
}
