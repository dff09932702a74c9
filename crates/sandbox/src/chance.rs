//! Seeded chance: SplitMix64, small enough to be read and the same on every machine.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A stream of pseudo-random numbers that follows from its seed alone.
///
/// This is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a counter with a
/// mixing function. It is no source of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chance {
    state: u64,
}

/// The odd constant that SplitMix64 counts by: 2^64 divided by the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

impl Chance {
    /// A stream for `seed`. Different seeds give unrelated streams, also when they are neighbours.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A second stream, named by `label`, that does not disturb this one.
    #[must_use]
    pub fn fork(&self, label: u64) -> Self {
        let mut branch = Self::new(self.state ^ label.wrapping_mul(GOLDEN_GAMMA));
        branch.state = branch.next();
        branch
    }

    /// The next 64 bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless stream is no iterator to be collected by mistake"
    )]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0. The bias is below 2^-32 for the small bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// A number in `range`; its start when the range is empty.
    pub fn within(&mut self, range: Range<i64>) -> i64 {
        let span = u64::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        range
            .start
            .saturating_add(i64::try_from(self.below(span)).unwrap_or(0))
    }

    /// True `percent` times out of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One element of `choices`, which must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        let mut chance = Chance::new(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
        assert_eq!(chance.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn a_fork_does_not_disturb_its_trunk() {
        let mut with = Chance::new(7);
        let mut without = Chance::new(7);
        let mut branch = with.fork(1);
        let _ = branch.next();
        assert_eq!(with.next(), without.next());
        assert_ne!(Chance::new(7).fork(1).next(), Chance::new(7).fork(2).next());
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut chance = Chance::new(3);
        for _ in 0..1000 {
            assert!((-5..5).contains(&chance.within(-5..5)));
        }
        assert_eq!(chance.below(0), 0);
    }
}
