//! One seed, one trace: otherwise no failure could be looked at again.

use kalends_sim::Plant;

use crate::stage::play_seeds;

#[test]
fn the_same_seed_gives_the_same_trace() {
    let fingerprints = || -> Vec<u64> {
        play_seeds(0..6, Plant::Nothing)
            .map(|(_, played)| played.fingerprint)
            .collect()
    };
    let first = fingerprints();
    assert_eq!(first, fingerprints());
    let distinct: std::collections::BTreeSet<u64> = first.iter().copied().collect();
    assert_eq!(distinct.len(), first.len(), "other seeds give other traces");
}
