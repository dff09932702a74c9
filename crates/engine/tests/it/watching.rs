//! Channels over their lives, and what a signal does.

use std::sync::Arc;

use jiff::SignedDuration;
use kalends_calendar::channel::Renewal;
use kalends_calendar::failure::Class;
use kalends_calendar::ids::LinkId;
use kalends_engine::signal::{Heard, Signal, hear};
use kalends_engine::{Outcome, watch};
use kalends_store::channels::{self, Channel, ChannelState};
use kalends_store::links::{self, DueReason, Link, LinkState};
use kalends_store::{connections, departures};

use crate::desk::{LIFE, Mishap, WayIn};
use crate::trouble::set_sync;
use crate::world::{Remote, World, meeting};

/// A world with one link in step, whose provider has channels.
struct Story {
    world: World,
    remote: Arc<Remote>,
    link: LinkId,
    hooks: WayIn,
}

impl Story {
    async fn begins(renewal: Renewal) -> Self {
        let world = World::new().await;
        let remote = Remote::new();
        remote.desk.has_channels(renewal);
        remote.put("/a", meeting("a", "Standup"));
        let link = world.link(&remote).await;
        world.sync(link).await;
        let story = Self {
            world,
            remote,
            link,
            hooks: WayIn::open(),
        };
        story.waits(0);
        story
    }

    /// The same with a channel that is open.
    async fn with_channel(renewal: Renewal) -> Self {
        let story = Self::begins(renewal).await;
        story.tends().await;
        assert_eq!(story.remote.desk.asked(), ["open"]);
        story.is_greeted().await;
        story.world.sync(story.link).await;
        story
    }

    /// The provider says hello on the latest channel.
    async fn is_greeted(&self) {
        let channel = self.channels().await.remove(0);
        self.hears(&channel, &[Signal::Opened]).await;
    }

    fn waits(&self, seconds: i64) {
        self.world.wait(seconds);
        self.remote.desk.set_clock(self.world.now());
    }

    /// Looks, and does all that is due.
    async fn tends(&self) {
        watch::look(&self.world.engine, &self.hooks).await.unwrap();
        while watch::tend(&self.world.engine, &self.hooks).await.unwrap() {}
    }

    async fn channels(&self) -> Vec<Channel> {
        let mut tx = self
            .world
            .engine
            .store
            .read(self.world.tenant)
            .await
            .unwrap();
        channels::of_link(&mut tx, self.link).await.unwrap()
    }

    async fn states(&self) -> Vec<ChannelState> {
        self.channels().await.iter().map(|one| one.state).collect()
    }

    async fn the_link(&self) -> Link {
        let mut tx = self
            .world
            .engine
            .store
            .read(self.world.tenant)
            .await
            .unwrap();
        links::get(&mut tx, self.link).await.unwrap().unwrap()
    }

    /// In how many minutes the link is due.
    async fn due_in(&self) -> i64 {
        let due_at = self.the_link().await.due_at.unwrap();
        due_at.duration_since(self.world.now()).as_mins()
    }

    async fn hears(&self, channel: &Channel, signals: &[Signal]) {
        let heard = Heard {
            signals: signals.to_vec(),
            provider_id: None,
        };
        hear(&self.world.engine, self.world.tenant, channel, heard)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn with_a_channel_polling_is_a_backstop_and_a_signal_wakes_at_once() {
    let story = Story::begins(Renewal::Replaced).await;
    assert_eq!(
        story.due_in().await,
        5,
        "nobody tells: every five minutes, give or take"
    );
    story.tends().await;
    let [channel] = &story.channels().await[..] else {
        panic!("one channel")
    };
    assert_eq!(channel.state, ChannelState::Open);
    assert_eq!(
        story.due_in().await,
        0,
        "what changed before it was open, nobody was told of"
    );
    story.world.sync(story.link).await;
    assert_eq!(
        story.due_in().await,
        5,
        "nobody knows yet whether the provider reaches us"
    );
    story.is_greeted().await;
    story.world.sync(story.link).await;
    assert_eq!(story.due_in().await, 30);

    story.remote.put("/b", meeting("b", "Lunch"));
    for _ in 0..20 {
        story
            .hears(channel, &[Signal::Changed, Signal::Changed])
            .await;
    }
    let link = story.the_link().await;
    assert_eq!(
        (link.due_at, link.due_reason),
        (Some(story.world.now()), DueReason::Signal)
    );
    let report = story.world.sync(story.link).await;
    assert_eq!(
        (report.outcome, report.counts.created),
        (Outcome::Succeeded, 1)
    );
    assert_eq!(story.due_in().await, 30, "many signals, one run");
    assert_eq!(story.world.titles().await, ["Lunch", "Standup"]);
    assert_eq!(story.channels().await[0].signals, 41);
}

#[tokio::test]
async fn a_signal_during_a_run_makes_one_more() {
    let story = Story::with_channel(Renewal::Replaced).await;
    let channel = story.channels().await.remove(0);
    let leased = story.world.claim(story.link).await;
    story.hears(&channel, &[Signal::Changed]).await;
    story.world.run(leased).await;
    assert_eq!(story.due_in().await, 0);
    assert_eq!(story.the_link().await.due_reason, DueReason::Signal);
}

#[tokio::test]
async fn what_says_that_nothing_changed_wakes_nobody() {
    let story = Story::with_channel(Renewal::Replaced).await;
    let channel = story.channels().await.remove(0);
    story
        .hears(&channel, &[Signal::Opened, Signal::Unknown])
        .await;
    assert_eq!(story.due_in().await, 30);
    let known = story.channels().await.remove(0);
    assert_eq!(
        (known.signals, known.last_signal_at),
        (3, Some(story.world.now()))
    );
}

#[tokio::test]
async fn another_channel_is_open_before_the_old_one_is_closed() {
    let story = Story::with_channel(Renewal::Replaced).await;
    story.waits(LIFE.as_secs() / 2 + 60);
    // The first try fails: the old one goes on meanwhile.
    story
        .remote
        .desk
        .mishap(Mishap::Refused(Class::Passing { retry_at: None }));
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open"]);
    assert_eq!(
        story.states().await,
        [ChannelState::Opening, ChannelState::Open]
    );
    assert_eq!(story.remote.desk.open_ones(), ["there-1"]);
    story.world.sync(story.link).await;
    assert_eq!(story.due_in().await, 30, "the old one still tells");
    story.waits(120);
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open", "close there-1"]);
    assert_eq!(story.states().await, [ChannelState::Open]);
    assert_eq!(story.remote.desk.open_ones(), ["there-3"]);
    assert_eq!(
        story.due_in().await,
        28,
        "there was always one: nothing is to be caught up with"
    );
}

#[tokio::test]
async fn a_channel_that_can_be_prolonged_is() {
    let story = Story::with_channel(Renewal::Prolonged).await;
    for _ in 0..3 {
        story.waits(LIFE.as_secs() / 2 + 60);
        story
            .remote
            .desk
            .mishap(Mishap::Refused(Class::Passing { retry_at: None }));
        story.tends().await;
        assert_eq!(story.channels().await[0].failures, 1);
        story.waits(120);
        story.tends().await;
        assert_eq!(
            story.remote.desk.asked(),
            ["renew there-1", "renew there-1"]
        );
        let known = story.channels().await.remove(0);
        assert_eq!(
            (known.failures, known.expires_at),
            (0, Some(story.world.now() + LIFE))
        );
    }
    let channel = story.channels().await.remove(0);
    story.hears(&channel, &[Signal::RenewNow]).await;
    story.tends().await;
    assert_eq!(
        story.remote.desk.asked(),
        ["renew there-1"],
        "it asked for it"
    );
}

#[tokio::test]
async fn a_channel_that_dies_heals() {
    let story = Story::with_channel(Renewal::Prolonged).await;
    // The provider takes it away, and says so.
    story.remote.desk.drops("there-1");
    story.remote.put("/b", meeting("b", "Lunch"));
    let channel = story.channels().await.remove(0);
    story.hears(&channel, &[Signal::Removed]).await;
    assert_eq!(story.due_in().await, 0, "who knows what changed meanwhile");
    // Again, and late: the channel is not known any more.
    story.hears(&channel, &[Signal::Removed]).await;
    story.tends().await;
    assert_eq!(story.remote.desk.open_ones(), ["there-2"]);
    story.is_greeted().await;
    story.world.sync(story.link).await;
    assert_eq!(story.world.titles().await, ["Lunch", "Standup"]);
    assert_eq!(story.due_in().await, 30);
    // It takes it away and says nothing: found out when it is to be renewed.
    story.remote.desk.drops("there-2");
    story.waits(LIFE.as_secs() / 2 + 60);
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open", "renew there-2", "open"]);
    assert_eq!(story.remote.desk.open_ones(), ["there-3"]);
    assert!(story.the_link().await.due_at.unwrap() <= story.world.now());
    // Nobody looked after it until it was over, because the node was down.
    story.world.sync(story.link).await;
    story.waits(LIFE.as_secs() + 60);
    story.tends().await;
    assert_eq!(story.states().await, [ChannelState::Open]);
    assert_eq!(story.remote.desk.open_ones(), ["there-4"]);
}

#[tokio::test]
async fn what_was_lost_is_never_asked_for_again_under_its_name() {
    let story = Story::begins(Renewal::Replaced).await;
    story.remote.desk.mishap(Mishap::LostAfterEffect);
    story.tends().await;
    assert_eq!(story.states().await, [ChannelState::Opening]);
    assert_eq!(story.due_in().await, 5, "it is polled meanwhile");
    story.waits(31);
    story.tends().await;
    assert_eq!(
        story.states().await,
        [ChannelState::Opening, ChannelState::Closing]
    );
    story.waits(61);
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open", "open"]);
    assert_eq!(
        story.states().await,
        [ChannelState::Open, ChannelState::Closing]
    );
    // The lost one calls: now it is known how to close it.
    let lost = story.channels().await.remove(1);
    let heard = Heard {
        signals: vec![Signal::Changed],
        provider_id: Some("there-1".to_owned()),
    };
    hear(&story.world.engine, story.world.tenant, &lost, heard)
        .await
        .unwrap();
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["close there-1"]);
    assert_eq!(story.remote.desk.open_ones(), ["there-2"]);
}

#[tokio::test]
async fn one_that_calls_is_open_though_the_answer_was_lost() {
    let story = Story::begins(Renewal::Replaced).await;
    story.remote.desk.mishap(Mishap::LostAfterEffect);
    story.tends().await;
    let asked = story.channels().await.remove(0);
    let heard = Heard {
        signals: vec![Signal::Opened],
        provider_id: Some("there-1".to_owned()),
    };
    hear(&story.world.engine, story.world.tenant, &asked, heard)
        .await
        .unwrap();
    story.waits(31);
    story.tends().await;
    assert_eq!(story.states().await, [ChannelState::Open]);
    assert_eq!(story.remote.desk.asked(), ["open"]);
}

#[tokio::test]
async fn one_that_never_was_runs_out_unheard() {
    let story = Story::begins(Renewal::Replaced).await;
    story.remote.desk.mishap(Mishap::LostBeforeSend);
    story.tends().await;
    story.waits(31);
    story.tends().await;
    story.waits(61);
    story.tends().await;
    assert_eq!(
        story.states().await,
        [ChannelState::Open, ChannelState::Closing]
    );
    story.waits(32 * 24 * 3600);
    story.tends().await;
    assert_eq!(story.states().await, [ChannelState::Open]);
}

#[tokio::test]
async fn a_refused_channel_is_tried_again_ever_later_and_the_link_says_why() {
    let story = Story::begins(Renewal::Replaced).await;
    let mut waited = SignedDuration::ZERO;
    for _ in 0..4 {
        story.remote.desk.mishap(Mishap::Refused(Class::Item));
        story.tends().await;
        let known = story.channels().await.remove(0);
        assert_eq!(known.last_error.as_deref(), Some("refused"));
        let wait = known.due_at.duration_since(story.world.now());
        assert!(wait > waited, "{wait} after {waited}");
        waited = wait;
        story.waits(wait.as_secs() + 1);
    }
    assert_eq!(story.remote.desk.asked(), ["open"; 4]);
    story.tends().await;
    assert_eq!(story.states().await, [ChannelState::Open]);
}

#[tokio::test]
async fn retry_after_of_a_provider_binds_its_runs_and_the_other_way_round() {
    let story = Story::begins(Renewal::Replaced).await;
    let until = story.world.now() + SignedDuration::from_mins(10);
    *story.remote.left_alone_until.lock().unwrap() = Some(until);
    story.remote.desk.mishap(Mishap::Refused(Class::Passing {
        retry_at: Some(until),
    }));
    story.tends().await;
    assert!(story.channels().await[0].due_at >= until);
    let connection = story.the_link().await.connection;
    let mut tx = story
        .world
        .engine
        .store
        .read(story.world.tenant)
        .await
        .unwrap();
    let known = connections::get(&mut tx, connection)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.retry_at, Some(until));
    drop(tx);
    // Another node, which was not told by the provider itself.
    let mut tx = story
        .world
        .engine
        .store
        .begin(story.world.tenant)
        .await
        .unwrap();
    let later = until + SignedDuration::from_mins(5);
    connections::leave_alone(&mut tx, connection, later)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    story.remote.desk.asked();
    story.waits(11 * 60);
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), Vec::<String>::new());
    assert_eq!(story.channels().await[0].due_at, later);
}

#[tokio::test]
async fn pausing_closes_and_resuming_opens_again() {
    let story = Story::with_channel(Renewal::Replaced).await;
    let set = async |state| {
        let mut tx = story
            .world
            .engine
            .store
            .begin(story.world.tenant)
            .await
            .unwrap();
        links::set_state(&mut tx, story.link, state, story.world.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    set(LinkState::Paused).await;
    story
        .remote
        .desk
        .mishap(Mishap::Refused(Class::Passing { retry_at: None }));
    story.tends().await;
    assert_eq!(story.states().await, [ChannelState::Closing], "tried again");
    story.waits(61);
    story.tends().await;
    assert_eq!(
        story.remote.desk.asked(),
        ["close there-1", "close there-1"]
    );
    assert_eq!(story.channels().await, []);
    set(LinkState::Active).await;
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open"]);
}

#[tokio::test]
async fn a_tenant_that_loses_the_feature_has_its_channels_closed_and_catches_up_afterwards() {
    let story = Story::with_channel(Renewal::Replaced).await;
    let World { engine, tenant, .. } = &story.world;
    set_sync(&engine.store, *tenant, false).await;
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["close there-1"]);
    story.remote.put("/b", meeting("b", "Lunch"));
    story.waits(3600);
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), Vec::<String>::new());
    set_sync(&engine.store, *tenant, true).await;
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open"]);
    assert!(
        story.due_in().await <= 0,
        "nobody told what changed meanwhile"
    );
    story.world.sync(story.link).await;
    assert_eq!(story.world.titles().await, ["Lunch", "Standup"]);
}

#[tokio::test]
async fn unlinking_closes_at_the_provider() {
    let story = Story::with_channel(Renewal::Prolonged).await;
    let mut tx = story
        .world
        .engine
        .store
        .begin(story.world.tenant)
        .await
        .unwrap();
    links::delete(&mut tx, story.link, story.world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let late = story.channels().await.remove(0);
    story.hears(&late, &[Signal::Changed]).await;
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["close there-1"]);
    assert_eq!(story.channels().await, []);
    story.hears(&late, &[Signal::Changed]).await;
}

#[tokio::test]
async fn an_account_that_leaves_closes_its_channel_before_it_is_forgotten() {
    let story = Story::with_channel(Renewal::Replaced).await;
    story.world.add("c", "Ours").await;
    story.world.sync(story.link).await;
    let connection = story.the_link().await.connection;
    let mut tx = story
        .world
        .engine
        .store
        .begin(story.world.tenant)
        .await
        .unwrap();
    departures::begin(&mut tx, connection, story.world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // The run is quicker than whoever tends channels.
    story.world.sync(story.link).await;
    assert_eq!(story.remote.titles(), ["Standup"]);
    assert_eq!(story.remote.desk.asked(), ["close there-1"]);
    assert_eq!(story.channels().await, []);
}

#[tokio::test]
async fn where_nobody_reaches_us_there_is_no_channel() {
    let mut story = Story::begins(Renewal::Replaced).await;
    story.hooks = WayIn::shut();
    story.tends().await;
    assert_eq!(story.channels().await, []);
    assert_eq!(story.due_in().await, 5);
    // The way in was open before the operator shut it.
    story.hooks = WayIn::open();
    story.tends().await;
    story.hooks = WayIn::shut();
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["open", "close there-1"]);
}

#[tokio::test]
async fn nothing_is_asked_of_a_dead_account() {
    let story = Story::with_channel(Renewal::Prolonged).await;
    story.waits(LIFE.as_secs() / 2 + 60);
    story.world.sync(story.link).await;
    story
        .remote
        .desk
        .mishap(Mishap::Refused(Class::ReconnectNeeded));
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), ["renew there-1"]);
    let link = story.the_link().await;
    assert_eq!(
        (link.due_at, link.due_reason),
        (Some(story.world.now()), DueReason::Retry)
    );
    let mut tx = story
        .world
        .engine
        .store
        .begin(story.world.tenant)
        .await
        .unwrap();
    let dead = connections::ConnectionState::ReconnectNeeded;
    connections::set_state(&mut tx, link.connection, dead, None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    story.waits(600);
    story.tends().await;
    assert_eq!(story.remote.desk.asked(), Vec::<String>::new());
    assert_eq!(story.states().await, [ChannelState::Open]);
}
