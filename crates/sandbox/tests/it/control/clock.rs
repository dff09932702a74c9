//! The clock that can be moved.

use serde_json::{Value, json};

use super::desk::{Desk, meeting};

#[test]
fn every_face_lives_at_the_moved_time() {
    let mut desk = Desk::new();
    let moved = desk
        .door("PUT", "clock", json!({ "advance": "30m" }))
        .is(200);
    assert_eq!(
        moved,
        json!({ "now": "2026-05-20T08:30:00Z", "offset_s": 1800 })
    );
    let made = desk
        .google("POST", "calendars/primary/events", &meeting("Audit"))
        .is(200);
    assert_eq!(made["created"], "2026-05-20T08:30:00.000Z");
    // An access token lives an hour, and the hour is over sooner.
    desk.door("PUT", "clock", json!({ "now": "2026-05-20T09:00:01Z" }))
        .is(200);
    let refused = desk.google("GET", "users/me/calendarList", &Value::Null);
    assert_eq!(refused.status, 401);
    assert_eq!(desk.graph("GET", "me/events", &Value::Null).status, 401);

    assert_eq!(
        desk.door("DELETE", "clock", Value::Null).is(200),
        json!({ "now": "2026-05-20T08:00:00Z", "offset_s": 0 })
    );
    assert_eq!(desk.graph("GET", "me/events", &Value::Null).status, 200);
}

#[test]
fn a_time_that_is_none_is_refused_by_name() {
    let mut desk = Desk::new();
    for (body, field) in [
        (json!({}), "now"),
        (json!({ "now": "tomorrow" }), "now"),
        (
            json!({ "advance": "1h", "now": "2026-05-20T09:00:00Z" }),
            "advance",
        ),
        (json!({ "advance": "99999999h" }), "advance"),
        (json!({ "later": "1h" }), "later"),
    ] {
        let refused = desk.door("PUT", "clock", body.clone()).is(400);
        assert_eq!(refused["field"], field, "{body}: {refused}");
    }
    assert_eq!(desk.sees("clock")["offset_s"], 0);
}
