//! One seed, one trace: otherwise no failure could be looked at again.

use kalends_sim::Plant;

use crate::stage::play_seeds;

/// So many seeds are played twice; half of all have accounts at Google and Microsoft.
const SEEDS: std::ops::Range<u64> = 0..8;

/// So many of them must, or the vendors' faces would not be looked at.
const WITH_VENDORS_MIN: usize = 2;

#[test]
fn the_same_seed_gives_the_same_trace() {
    let played = || -> Vec<(u64, bool)> {
        play_seeds(SEEDS, Plant::Nothing)
            .map(|(_, played)| (played.fingerprint, played.vendors))
            .collect()
    };
    let first = played();
    assert_eq!(first, played());
    let distinct: std::collections::BTreeSet<u64> = first.iter().map(|(print, _)| *print).collect();
    assert_eq!(distinct.len(), first.len(), "other seeds give other traces");
    let with_vendors = first.iter().filter(|(_, vendors)| *vendors).count();
    assert!(
        with_vendors >= WITH_VENDORS_MIN,
        "{with_vendors} seeds of {SEEDS:?} have accounts at vendors"
    );
}
