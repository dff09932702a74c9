//! Events on their way through all providers: Google, Microsoft and CalDAV one after the other, and each alone, through
//! Kalends' own adapters over the sandbox's faces. What is not the same afterwards is declared in [`losses`], or is a
//! fault; what a provider cannot hold is refused by a reason that is declared there too. Nothing is lost in silence.

#![expect(clippy::unwrap_used, reason = "what a test cannot set up has failed")]

mod edits;
mod events;
mod hub;
mod journey;
mod losses;
mod same;
mod world;

use std::collections::BTreeSet;

use self::events::Known;
use self::hub::Hub;
use self::journey::Journal;
use self::losses::{CALDAV, GOOGLE, GRAPH};

fn travelled(events: &[Known]) -> Journal {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut journal = Journal::default();
    for known in events {
        runtime.block_on(journal.travel(known));
    }
    println!("{journal}");
    assert!(journal.faults.is_empty(), "{} faults", journal.faults.len());
    journal
}

#[test]
fn events_of_our_own_lose_every_thing_that_can_be_lost_and_nothing_else() {
    let journal = travelled(&events::samples());
    for holding in [&GOOGLE, &GRAPH, &CALDAV] {
        let declared: BTreeSet<&str> = holding.losses.iter().map(|loss| loss.what).collect();
        let never: Vec<&&str> = declared
            .iter()
            .filter(|what| !journal.losses.contains_key(&(holding.name, **what)))
            .collect();
        assert!(never.is_empty(), "{}: never lost: {never:?}", holding.name);
        let never: Vec<&str> = holding
            .refusals
            .iter()
            .map(|refusal| refusal.what)
            .filter(|what| !journal.refused.contains_key(&(holding.name, *what)))
            .collect();
        assert!(
            never.is_empty(),
            "{}: never refused: {never:?}",
            holding.name
        );
    }
}

#[test]
fn events_from_the_wild_lose_only_what_the_guide_says() {
    let Some(events) = events::corpus() else {
        println!("skipped: no corpus; set KALENDS_SHARED to the folder that has it");
        return;
    };
    let journal = travelled(&events);
    assert!(journal.events > 3_000, "only {} events", journal.events);
}

/// Every so manieth event of the corpus is one of those that the engine keeps in step: a run costs as much as a journey.
const KEPT_EVERY: usize = 8;

#[test]
fn a_calendar_with_three_links_comes_to_rest_with_all_sides_equal() {
    let mut events = events::samples();
    let corpus = events::corpus().unwrap_or_default();
    events.extend(corpus.into_iter().step_by(KEPT_EVERY));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let hub = Hub::new().await;
        let count = hub.have(&events);
        assert!(count >= 30, "the server took {count} events");
        hub.settle().await;
        let faults = hub.faults().await;
        assert!(faults.is_empty(), "{}", faults.join("\n"));

        let retitled = hub.retitle_at_google().await;
        assert!(retitled >= 20, "{retitled} events stand at Google");
        hub.settle().await;
        let faults = hub.faults().await;
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert_eq!(hub.sides.mails(), 0);
        println!("{count} events, {retitled} of them also at Google");
    });
}

#[test]
fn the_guide_has_the_tables_of_what_is_lost_and_refused() {
    const GUIDE: &str = include_str!("../../../../../docs/mapping.md");
    for holding in [&GOOGLE, &GRAPH, &CALDAV] {
        let made = holding.tables();
        assert!(
            GUIDE.contains(&made),
            "docs/mapping.md is to have these tables for {}:\n{made}",
            holding.name
        );
    }
}
