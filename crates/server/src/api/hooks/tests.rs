//! What a provider says, and what is made of it.

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use kalends_calendar::seams::Clock as _;
use kalends_providers::oauth::Vendor;
use kalends_sandbox::microsoft::Lifecycle;
use kalends_store::channels::ChannelState;
use kalends_store::links::DueReason;
use kalends_store::runs;
use serde_json::{Value, json};

use super::play::{Call, Mishap, Play};

const BOTH: [Vendor; 2] = [Vendor::Google, Vendor::Microsoft];

/// Calls as they are owed when somebody has made an event there.
fn calls(play: &Play) -> Vec<Call> {
    play.makes("Lunch");
    let calls = play.owed();
    assert!(!calls.is_empty());
    calls
}

/// The same call with another secret.
fn forged(vendor: Vendor, call: &Call) -> Call {
    match vendor {
        Vendor::Google => call.clone().with("x-goog-channel-token", "kac_made-up"),
        Vendor::Microsoft => {
            let mut body: Value = serde_json::from_slice(&call.body).unwrap();
            body["value"][0]["clientState"] = json!("kac_made-up");
            Call {
                body: Bytes::from(body.to_string()),
                ..call.clone()
            }
        }
    }
}

fn without_secret(vendor: Vendor, call: &Call) -> Call {
    let mut call = call.clone();
    match vendor {
        Vendor::Google => drop(call.headers.remove("x-goog-channel-token")),
        Vendor::Microsoft => {
            let mut body: Value = serde_json::from_slice(&call.body).unwrap();
            body["value"][0]
                .as_object_mut()
                .unwrap()
                .remove("clientState");
            call.body = Bytes::from(body.to_string());
        }
    }
    call
}

/// What a provider hears that calls in vain.
fn in_vain(vendor: Vendor) -> StatusCode {
    match vendor {
        Vendor::Google => StatusCode::NOT_FOUND,
        Vendor::Microsoft => StatusCode::ACCEPTED,
    }
}

#[tokio::test]
async fn a_change_arrives_by_push_without_waiting_for_the_poll() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        let next = play.the_link().await.due_at.unwrap();
        let wait = next.duration_since(play.stage.clock.now());
        assert!(
            wait > SignedDuration::from_mins(25),
            "polling is a backstop: {wait}"
        );
        play.makes("Lunch");
        assert!(play.delivers().await > 0);
        let link = play.the_link().await;
        assert_eq!(link.due_reason, DueReason::Signal);
        assert_eq!(play.works().await, 1);
        assert_eq!(play.titles().await, ["Lunch"]);
        // The cause chain says what woke the run.
        let mut tx = play.stage.begin().await;
        let last = runs::list(&mut tx, play.link, 1).await.unwrap().remove(0);
        assert_eq!(last.reason, DueReason::Signal);
        drop(tx);
        let said = play.said().await;
        assert_eq!(said["state"], "open");
        assert_eq!(said["reason"], Value::Null);
        assert!(
            said["expires_at"].is_string() && said["last_signal_at"].is_string(),
            "{said}"
        );
    }
}

#[tokio::test]
async fn many_signals_make_one_run() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        for number in 0..12 {
            play.makes(&format!("Event {number:02}"));
        }
        assert_eq!(play.delivers().await, 12);
        assert_eq!(play.works().await, 1);
        assert_eq!(play.titles().await.len(), 12);
    }
}

#[tokio::test]
async fn a_forged_call_wakes_nothing_and_learns_nothing() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        let genuine = calls(&play).remove(0);
        let elsewhere = genuine
            .path
            .replace("/google/", "/x/")
            .replace("/microsoft/", "/google/");
        let strange = Call {
            path: genuine.path.replace("kah_", "kah_A"),
            ..genuine.clone()
        };
        let other_face = Call {
            path: elsewhere.replace("/x/", "/microsoft/"),
            ..genuine.clone()
        };
        let mut answers = Vec::new();
        for call in [
            forged(vendor, &genuine),
            without_secret(vendor, &genuine),
            strange,
        ] {
            let (status, _, text) = play.heard(&call).await;
            assert_eq!(status, in_vain(vendor), "{call:?}");
            answers.push(text);
        }
        assert!(
            answers.iter().all(|text| *text == answers[0]),
            "{answers:?}"
        );
        // A call in the form of one vendor at the address of the other is no call.
        assert_eq!(play.call(&other_face).await, StatusCode::BAD_REQUEST);
        if vendor == Vendor::Google {
            let renamed = genuine.clone().with("x-goog-channel-id", "another");
            assert_eq!(play.call(&renamed).await, StatusCode::NOT_FOUND);
        } else {
            let mut body: Value = serde_json::from_slice(&genuine.body).unwrap();
            body["value"][0]["subscriptionId"] = json!("another");
            let renamed = Call {
                body: Bytes::from(body.to_string()),
                ..genuine.clone()
            };
            assert_eq!(play.call(&renamed).await, StatusCode::ACCEPTED);
        }
        assert!(!play.is_due().await);
        assert_eq!(play.works().await, 0);
        assert_eq!(play.call(&genuine).await, StatusCode::ACCEPTED);
        assert!(play.is_due().await);
    }
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let play = Play::with_channel(Vendor::Microsoft).await;
    let genuine = calls(&play).remove(0);
    for body in ["", "[]", "{}", "{\"value\": 1}", "not JSON"] {
        let call = Call {
            body: Bytes::from(body),
            ..genuine.clone()
        };
        assert_eq!(play.call(&call).await, StatusCode::BAD_REQUEST, "{body}");
    }
    let long = Call {
        body: Bytes::from(vec![b' '; 2 << 20]),
        ..genuine.clone()
    };
    assert_eq!(play.call(&long).await, StatusCode::PAYLOAD_TOO_LARGE);
    let nothing = Call {
        body: Bytes::from("{\"value\": []}"),
        ..genuine
    };
    assert_eq!(play.call(&nothing).await, StatusCode::ACCEPTED);
    assert!(!play.is_due().await);
}

#[tokio::test]
async fn a_call_that_comes_twice_or_late_does_no_harm() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        let calls = calls(&play);
        for _ in 0..3 {
            for call in &calls {
                assert_eq!(play.call(call).await, StatusCode::ACCEPTED);
            }
        }
        assert_eq!(play.works().await, 1);
        assert_eq!(play.call(&calls[0]).await, StatusCode::ACCEPTED);
        assert_eq!(
            play.works().await,
            1,
            "it comes once more, and nothing is found"
        );
        assert_eq!(play.titles().await, ["Lunch"]);
        let path = format!("/api/calendar/links/{}/", play.link);
        play.asks(Method::DELETE, &path, None).await;
        // The link is gone, and its channel not yet.
        assert_eq!(play.call(&calls[0]).await, StatusCode::ACCEPTED);
        play.tends().await;
        assert_eq!(play.open_there(), 0);
        assert_eq!(
            play.call(&calls[0]).await,
            in_vain(vendor),
            "nobody knows it any more"
        );
        assert_eq!(play.works().await, 0);
    }
}

#[tokio::test]
async fn too_many_calls_are_told_to_come_again() {
    let play = Play::with_channel(Vendor::Google).await;
    let call = calls(&play).remove(0);
    let mut last = StatusCode::ACCEPTED;
    for _ in 0..200 {
        last = play.call(&call).await;
        if last != StatusCode::ACCEPTED {
            break;
        }
    }
    assert_eq!(
        last,
        StatusCode::SERVICE_UNAVAILABLE,
        "Google tries again then"
    );
    assert!(play.is_due().await);
}

#[tokio::test]
async fn a_channel_is_replaced_or_prolonged_before_it_ends() {
    for (vendor, life, is_kept) in [
        (Vendor::Google, SignedDuration::from_hours(7 * 24), false),
        (Vendor::Microsoft, SignedDuration::from_mins(4_230), true),
    ] {
        let play = Play::with_channel(vendor).await;
        let first = play.channels().await.remove(0);
        for _ in 0..4 {
            play.waits(life / 2 + life / 16);
            play.tends().await;
            play.settles().await;
            assert_eq!(play.open_there(), 1);
            assert_eq!(play.said().await["state"], "open");
            let [now] = &play.channels().await[..] else {
                panic!("one channel: {:?}", play.channels().await)
            };
            assert_eq!(now.id == first.id, is_kept);
        }
        play.makes("Lunch");
        assert!(play.delivers().await > 0);
        assert_eq!(play.works().await, 1);
        assert_eq!(play.titles().await, ["Lunch"]);
    }
}

#[tokio::test]
async fn microsoft_says_what_became_of_a_subscription() {
    let play = Play::with_channel(Vendor::Microsoft).await;
    let first = play.channels().await.remove(0);
    // It wants to be renewed, and is silent until then.
    play.lifecycle(Lifecycle::ReauthorizationRequired);
    play.makes("Lunch");
    assert_eq!(play.delivers().await, 1);
    play.tends().await;
    play.settles().await;
    assert_eq!(
        play.titles().await,
        ["Lunch"],
        "nobody told of it, and it was looked for"
    );
    play.makes("Tea");
    assert_eq!(play.delivers().await, 1, "it tells again");
    play.settles().await;
    // Something was lost.
    play.lifecycle(Lifecycle::Missed);
    assert_eq!(play.delivers().await, 1);
    assert!(play.is_due().await);
    play.settles().await;
    assert_eq!(play.channels().await[0].id, first.id);
    // It is gone.
    play.lifecycle(Lifecycle::SubscriptionRemoved);
    assert_eq!(play.open_there(), 0);
    play.makes("Dinner");
    assert_eq!(play.delivers().await, 1);
    play.tends().await;
    play.settles().await;
    assert_eq!((play.open_there(), play.titles().await.len()), (1, 3));
    let [second] = &play.channels().await[..] else {
        panic!("one channel")
    };
    assert_ne!(second.id, first.id);
}

#[tokio::test]
async fn an_address_proves_itself_and_no_other_does() {
    let play = Play::begins(Vendor::Microsoft).await;
    play.tends().await;
    // Both addresses of the subscription, which are one.
    assert_eq!(play.validated(), [StatusCode::OK; 2]);
    play.settles().await;
    let genuine = calls(&play).remove(0);
    let asked = |path: &str| {
        let mut call = genuine.clone();
        call.path = format!("{path}?validationToken=a%2Bb%3A+c%25d");
        call
    };
    let (status, headers, text) = play.heard(&asked(&genuine.path)).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "a+b: c%d"));
    let kind = headers.get("content-type").unwrap().to_str().unwrap();
    assert!(kind.starts_with("text/plain"), "{kind}");
    let without_slash = genuine.path.trim_end_matches('/');
    assert_eq!(play.call(&asked(without_slash)).await, StatusCode::OK);
    let strange = genuine.path.replace("kah_", "kah_A");
    let (status, _, text) = play.heard(&asked(&strange)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!text.contains("a+b"), "{text}");
    play.set_sync(false).await;
    assert_eq!(
        play.call(&asked(&genuine.path)).await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_feature_is_turned_off_while_a_call_arrives() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        let due_at = play.the_link().await.due_at;
        let calls = calls(&play);
        play.set_sync(false).await;
        let (status, _, text) = play.heard(&calls[0]).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["code"], "feature_not_available");
        assert_eq!(problem["feature"], "can_use_calendar_sync");
        assert_eq!(play.the_link().await.due_at, due_at, "nothing is woken");
        // Who does not know the secret does not learn that either.
        let vain = forged(vendor, &calls[0]);
        assert_eq!(play.call(&vain).await, in_vain(vendor));
        assert_eq!(play.works().await, 0);
        // The channel is closed, and what was in step stays as it was.
        play.tends().await;
        assert_eq!(play.open_there(), 0);
        assert_eq!(play.channels().await, []);
        let link = play.the_link().await;
        assert!(link.cursor.is_some() && link.live);
        play.makes("Tea");
        assert_eq!(play.owed().len(), 0);
        // With the feature back it goes on where it was.
        play.set_sync(true).await;
        play.tends().await;
        play.settles().await;
        assert_eq!(play.titles().await, ["Lunch", "Tea"], "nothing is lost");
        assert_eq!(play.said().await["state"], "open");
        play.makes("Dinner");
        assert!(play.delivers().await > 0);
        assert_eq!(play.works().await, 1);
        assert_eq!(play.titles().await.len(), 3);
    }
}

#[tokio::test]
async fn disconnecting_stops_the_channel_at_the_provider() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        assert_eq!(play.open_there(), 1);
        let call = calls(&play).remove(0);
        // The access token has run out meanwhile.
        play.waits(SignedDuration::from_hours(2));
        let body = json!({ "credential_id": play.connection.to_string() });
        play.asks(Method::DELETE, "/api/calendar/disconnect", Some(body))
            .await;
        assert_eq!(play.open_there(), 0);
        assert_eq!(play.channels().await, []);
        assert_eq!(play.call(&call).await, in_vain(vendor));
    }
}

#[tokio::test]
async fn pausing_closes_the_channel_and_says_so() {
    let play = Play::with_channel(Vendor::Google).await;
    let path = format!("/api/calendar/links/{}/", play.link);
    play.asks(Method::PATCH, &path, Some(json!({ "state": "paused" })))
        .await;
    play.tends().await;
    assert_eq!(play.open_there(), 0);
    let said = play.said().await;
    assert_eq!(
        (&said["state"], &said["reason"]),
        (&json!("polling"), &json!("the link is paused"))
    );
    play.asks(Method::PATCH, &path, Some(json!({ "state": "active" })))
        .await;
    assert_eq!(play.said().await["state"], "opening");
    play.tends().await;
    let said = play.said().await;
    assert_eq!(
        said["state"], "opening",
        "Google has not called yet: {said}"
    );
    play.settles().await;
    assert_eq!(
        (play.open_there(), play.said().await["state"].clone()),
        (1, json!("open"))
    );
}

#[tokio::test]
async fn where_no_provider_reaches_us_the_link_says_so() {
    for public in [None, Some("http://kalends.example.com")] {
        let play = Play::set(Vendor::Google, public).await;
        play.tends().await;
        assert_eq!((play.open_there(), play.channels().await), (0, vec![]));
        let said = play.said().await;
        assert_eq!(said["state"], "polling");
        assert!(
            said["reason"]
                .as_str()
                .unwrap()
                .contains("server.public_url"),
            "{said}"
        );
        play.makes("Lunch");
        play.waits(SignedDuration::from_mins(6));
        assert_eq!(play.works().await, 1);
        assert_eq!(
            play.titles().await,
            ["Lunch"],
            "it is polled every five minutes"
        );
    }
}

#[tokio::test]
async fn a_refused_channel_says_why_and_not_where() {
    let play = Play::begins(Vendor::Google).await;
    play.google_verifies_hosts();
    play.tends().await;
    let said = play.said().await;
    assert_eq!(said["state"], "polling");
    let reason = said["reason"].as_str().unwrap();
    assert!(
        reason.contains("Unauthorized WebHook callback channel"),
        "{reason}"
    );
    assert!(!reason.contains("kah_"), "{reason}");
    let wait = play
        .the_link()
        .await
        .due_at
        .unwrap()
        .duration_since(play.stage.clock.now());
    assert!(wait <= SignedDuration::from_mins(6), "{wait}");
}

#[tokio::test]
async fn a_lost_answer_is_no_second_channel_of_the_same_name() {
    for vendor in BOTH {
        let play = Play::begins(vendor).await;
        play.mishap(Mishap::AnswerLost);
        play.tends().await;
        assert_eq!(play.open_there(), 1);
        let asked = play.channels().await.remove(0);
        assert_eq!(
            (asked.state, asked.provider_id),
            (ChannelState::Opening, None)
        );
        // It calls: by Google at once, by Microsoft when something changes.
        play.makes("Lunch");
        play.settles().await;
        assert_eq!(play.titles().await, ["Lunch"]);
        play.waits(SignedDuration::from_secs(31));
        play.tends().await;
        let [known] = &play.channels().await[..] else {
            panic!("one channel")
        };
        assert_eq!((known.id, known.state), (asked.id, ChannelState::Open));
        assert_eq!(play.open_there(), 1);
    }
}

#[tokio::test]
async fn no_secret_of_a_channel_is_kept() {
    for vendor in BOTH {
        let play = Play::with_channel(vendor).await;
        let call = calls(&play).remove(0);
        let key = call.path.split('/').nth(4).unwrap();
        assert!(key.starts_with("kah_"), "{key}");
        let token = match vendor {
            Vendor::Google => call.headers["x-goog-channel-token"]
                .to_str()
                .unwrap()
                .to_owned(),
            Vendor::Microsoft => {
                let body: Value = serde_json::from_slice(&call.body).unwrap();
                body["value"][0]["clientState"].as_str().unwrap().to_owned()
            }
        };
        assert!(token.starts_with("kac_"), "{token}");
        assert!(!play.stage.holds(key.as_bytes()));
        assert!(!play.stage.holds(token.as_bytes()));
    }
}
