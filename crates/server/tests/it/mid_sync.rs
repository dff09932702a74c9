//! What happens to a tenant, an account or an event while something is under way there.

use std::thread::{self, ScopedJoinHandle};

use serde_json::{Value, json};

use crate::nodes::{eventually, everywhere};
use crate::person::Person;
use crate::sandbox::Sandbox;
use crate::service::Answer;
use crate::serving::{Serving, ann};

/// How long the provider takes for each answer: long enough for a command line to begin and do something meanwhile.
const SLOW_MS: u64 = 2_000;

/// A tenant with an account at a provider that is slow from now on.
struct Stage<'a> {
    person: &'a Person,
    sandbox: Sandbox,
    serving: Serving,
    token: String,
    credential: Value,
    link: Value,
}

impl<'a> Stage<'a> {
    fn set(person: &'a Person) -> Self {
        let sandbox = Sandbox::start(&[]);
        let token = ann(person);
        let serving = Serving::start(person, &[], &[]);
        let caldav = &sandbox.told["caldav"];
        let who = &caldav["users"][0];
        let account =
            json!({ "url": caldav["base"], "user": who["user"], "password": who["password"] });
        let connected = serving
            .sends(&token, "POST", "/api/calendar/connections/caldav/", account)
            .is(201);
        let credential = connected["id"].clone();
        let wanted = json!({ "credential_id": credential });
        let synced = serving
            .sends(&token, "POST", "/api/calendar/sync/", wanted)
            .is(200);
        let rules =
            json!({ "rules": [{ "fault": { "kind": "delay", "ms": SLOW_MS }, "face": "caldav" }] });
        sandbox.door("PUT", "faults", Some(rules)).is(200);
        Self {
            person,
            sandbox,
            serving,
            token,
            credential,
            link: synced["link_id"].clone(),
        }
    }

    fn syncs(&self) -> Answer {
        let wanted = json!({ "credential_id": self.credential });
        self.serving
            .sends(&self.token, "POST", "/api/calendar/sync/", wanted)
    }

    fn disconnects(&self) -> Answer {
        let wanted = json!({ "credential_id": self.credential });
        self.serving
            .sends(&self.token, "DELETE", "/api/calendar/disconnect/", wanted)
    }

    /// What a sync is answered that is under way while something is done.
    fn during(&self, does: impl FnOnce(&Self)) -> Answer {
        thread::scope(|scope| {
            let asked: ScopedJoinHandle<'_, Answer> = scope.spawn(|| self.syncs());
            eventually("a run", || {
                let links = self.serving.get(&self.token, "/api/calendar/links/");
                links.is(200)["links"][0]["syncing"] == true
            });
            does(self);
            asked.join().unwrap()
        })
    }

    /// Resumed or paused.
    fn set_state(&self, state: &str) {
        let path = format!("/api/calendar/links/{}/", self.link.as_str().unwrap());
        let change = json!({ "state": state });
        self.serving
            .sends(&self.token, "PATCH", &path, change)
            .is(200);
    }

    fn ends(self) {
        self.sandbox.door("DELETE", "faults", None);
        self.serving.ends().well();
    }
}

#[test]
fn a_sync_that_is_cut_off_here_is_not_the_providers_fault() {
    for person in everywhere() {
        let stage = Stage::set(&person);
        let feature = |state: &str| {
            let set = format!("can_use_calendar_sync={state}");
            let set = ["tenant", "set", "default", "--feature", &set];
            stage.person.says(&set).well();
        };
        let refused = stage
            .during(|_| feature("off"))
            .refused(403, "feature_not_available");
        assert_eq!(
            refused["error"],
            "Your current plan does not include Calendar Sync. Please upgrade your subscription to use this feature."
        );
        feature("on");
        stage
            .during(|stage| stage.set_state("paused"))
            .refused(409, "link_paused");
        stage.set_state("active");
        let cut = stage.during(|stage| drop(stage.disconnects().is(200)));
        cut.refused(404, "not_found");
        stage.ends();
    }
}

#[test]
fn of_two_who_disconnect_during_a_sync_one_does_it_and_the_other_finds_nothing() {
    for person in everywhere() {
        let stage = Stage::set(&person);
        let mut answers = Vec::new();
        let cut = stage.during(|stage| {
            answers = thread::scope(|scope| {
                let asked = [(); 3].map(|()| scope.spawn(|| stage.disconnects()));
                asked.map(|asked| asked.join().unwrap()).into()
            });
        });
        cut.refused(404, "not_found");
        let done = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(done.count(), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(
                answer.json()["error"],
                "There is no such credential.",
                "{answer:?}"
            );
        }
        stage.syncs().refused(404, "not_found");
        stage.ends();
    }
}
