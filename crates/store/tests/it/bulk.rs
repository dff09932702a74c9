//! A first sync in bulk: 10,000 events must cost little. `--nocapture` tells what they cost here.

use std::time::Duration;

use kalends_calendar::ids::{EventId, RemoteId, RunId};
use kalends_calendar::plan::Step;
use kalends_calendar::provider::Raw;
use kalends_calendar::rules::Direction;
use kalends_store::{Batch, apply, intents, mirrors};

use crate::fixture::{World, at, id, taken_in};
use crate::harness::contract;

const PAGE: usize = 100;

/// The processor time of this process: user and system, from `/proc` (in clock ticks of 10 ms).
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

contract! {
    async fn a_first_sync_is_applied_in_pages(db) {
        // Other tests run beside this one, so the default size says nothing of time; `KALENDS_BULK=10000` with
        // `--test-threads 1` does.
        let count = std::env::var("KALENDS_BULK").map_or(500, |count| count.parse().unwrap());
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let other = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let filler = "X-FILLER:all that a real event carries, which is about a kilobyte\r\n".repeat(14);
        let mut pages = Vec::new();
        for first in (0..count).step_by(PAGE) {
            let mut batch = Batch::new(RunId(id()), at(1));
            batch.generation = Some(1);
            for n in first..count.min(first + PAGE) {
                let mut steps = taken_in(EventId(id()), &format!("event-{n}"));
                if let Some(Step::SetMirror(mirror)) = steps.last_mut() {
                    mirror.raw = Raw(format!("{}{filler}", mirror.raw.0));
                }
                batch.steps.extend(steps);
                batch.seen.push(RemoteId(format!("/cal/event-{n}.ics")));
            }
            pages.push(batch);
        }
        let before = processor_time();
        for batch in pages {
            apply(&db.store, &lease, batch).await.unwrap();
        }
        if let (Some(before), Some(after)) = (before, processor_time()) {
            let each = after.saturating_sub(before).as_micros() / count as u128;
            println!("{:?}: {each} µs of processor time for each of {count} events", db.store.dialect());
        }
        let mut tx = world.read().await;
        let count = i64::try_from(count).unwrap();
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), count);
        assert_eq!(intents::count(&mut tx, other).await.unwrap(), count);
        assert_eq!(mirrors::unseen(&mut tx, link, 1, None, None).await.unwrap(), []);
    }
}
