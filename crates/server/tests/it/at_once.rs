//! Many who change the same event at the same moment.

use std::thread;

use serde_json::{Value, json};

use crate::nodes::everywhere;
use crate::service::Answer;
use crate::serving::{Serving, ann};

#[test]
fn who_says_no_version_is_not_told_that_it_is_another_by_now() {
    for person in everywhere() {
        let token = ann(&person);
        let serving = Serving::start(&person, &[], &[]);
        let sends =
            |method: &str, path: &str, body: Value| serving.sends(&token, method, path, body);
        let calendar = sends(
            "POST",
            "/api/calendar/calendars/",
            json!({ "name": "Ours" }),
        )
        .is(201);
        let calendar = calendar["calendar"]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/calendar/calendars/{calendar}/events/");
        let made = sends(
            "POST",
            &path,
            json!({ "title": "Tea", "start": "2030-01-01" }),
        )
        .is(201);
        let path = format!("/api/calendar/events/{}/", made["id"].as_str().unwrap());
        let restore = format!("{path}restore/");
        let all = |asks: &(dyn Fn(usize) -> Answer + Sync)| -> Vec<u16> {
            thread::scope(|scope| {
                let asked: Vec<_> = (0..20).map(|n| scope.spawn(move || asks(n))).collect();
                asked
                    .into_iter()
                    .map(|one| one.join().unwrap().status)
                    .collect()
            })
        };
        let changed = all(&|n| sends("PATCH", &path, json!({ "title": format!("Tea {n}") })));
        assert_eq!(changed, [200; 20]);
        let restored = all(&|_| sends("POST", &restore, json!({ "version": 1 })));
        assert_eq!(restored, [200; 20]);
        serving.ends().well();
    }
}
