//! Conferences that Google makes on request, and what it changes of its own accord a second later.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Google;
use super::event::Event;
use super::push::later;
use crate::digest;

/// How long after a write Google touches what was written once more, where a switch says that it does.
const TOUCHED_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// Something Google will change of its own accord.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Touch {
    due: Timestamp,
    calendar: String,
    event: String,
}

/// Fulfils a request for a conference in an event that is about to be stored. A request that was fulfilled before is
/// passed over.
pub(super) fn request(event: &mut Event, before: Option<&Event>, late: bool) {
    let Some(wanted) = event.fields.get("conferenceData") else {
        return;
    };
    let Some(id) = wanted["createRequest"]["requestId"]
        .as_str()
        .map(str::to_owned)
    else {
        return;
    };
    let earlier = before.and_then(|before| before.fields.get("conferenceData"));
    let known = earlier.and_then(|data| data["createRequest"]["requestId"].as_str());
    if known == Some(id.as_str()) {
        if let Some(earlier) = earlier.cloned() {
            event.fields.insert("conferenceData".to_owned(), earlier);
        }
        return;
    }
    let status = if late { "pending" } else { "success" };
    let data = json!({ "createRequest": {
        "requestId": id,
        "conferenceSolutionKey": { "type": "hangoutsMeet" },
        "status": { "statusCode": status },
    } });
    event.fields.insert("conferenceData".to_owned(), data);
    if !late {
        fulfil(event);
    }
}

/// Whether an event still waits for the conference it asked for.
pub(super) fn is_pending(event: &Event) -> bool {
    let data = event.fields.get("conferenceData");
    data.is_some_and(|data| data["createRequest"]["status"]["statusCode"] == "pending")
}

/// Gives an event the conference it asked for.
fn fulfil(event: &mut Event) {
    let Some(Value::Object(data)) = event.fields.get_mut("conferenceData") else {
        return;
    };
    let Some(Value::Object(request)) = data.get_mut("createRequest") else {
        return;
    };
    let hash = digest::short(&[
        event.id.as_bytes(),
        request["requestId"].to_string().as_bytes(),
    ]);
    // Meet's codes are letters alone.
    let letters: String = hash
        .bytes()
        .map(|byte| char::from(b'a' + byte % 26))
        .collect();
    let code = format!("{}-{}-{}", &letters[..3], &letters[3..7], &letters[7..10]);
    let link = format!("https://meet.google.com/{code}");
    request.insert("status".to_owned(), json!({ "statusCode": "success" }));
    data.insert("conferenceId".to_owned(), json!(code));
    data.insert(
        "conferenceSolution".to_owned(),
        json!({ "key": { "type": "hangoutsMeet" }, "name": "Google Meet" }),
    );
    data.insert(
        "entryPoints".to_owned(),
        json!([{ "entryPointType": "video", "uri": link, "label": format!("meet.google.com/{code}") }]),
    );
    event.fields.insert("hangoutLink".to_owned(), json!(link));
}

impl Google {
    /// Makes Google change an event once more a second from now.
    pub(super) fn touch_later(&mut self, calendar: &str, event: &str, now: Timestamp) {
        self.touches.push(Touch {
            due: later(now, TOUCHED_AFTER),
            calendar: calendar.to_owned(),
            event: event.to_owned(),
        });
    }

    /// Does what Google does of its own accord, as far as it is due.
    pub fn settle(&mut self, now: Timestamp) {
        let (due, waiting): (Vec<Touch>, Vec<Touch>) = std::mem::take(&mut self.touches)
            .into_iter()
            .partition(|touch| touch.due <= now);
        self.touches = waiting;
        for touch in due {
            let found = self.calendars.get(&touch.calendar);
            let Some(event) = found.and_then(|calendar| calendar.event(&touch.event)) else {
                continue;
            };
            let mut event = Event::clone(event);
            if event.is_cancelled() {
                continue;
            }
            if is_pending(&event) {
                fulfil(&mut event);
            }
            self.put(&touch.calendar, event, touch.due);
        }
    }
}
