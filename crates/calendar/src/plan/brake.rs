//! The brake: a pull that would delete suspiciously much waits for a person's word.

/// So many deletions in one pull are never suspicious by their number alone.
pub const BRAKE_MIN_DELETIONS: usize = 10;

/// So large a share of a link's events, in percent, may go in one pull, where that is more.
pub const BRAKE_PERCENT: usize = 30;

/// What to do with the deletions of one pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brake {
    /// Carry them out.
    Release,
    /// Hold them for a person's word.
    Hold,
}

/// Decides for a pull that would delete `deletions` of a link's `mirrored` events. `listed` is how many events a complete
/// listing named, if there was one: a calendar that suddenly shows nothing at all is held however small it was, because
/// emptiness is what broken servers answer.
pub fn brake(deletions: usize, mirrored: usize, listed: Option<usize>) -> Brake {
    let share = mirrored.saturating_mul(BRAKE_PERCENT) / 100;
    let suspicious = deletions > share.max(BRAKE_MIN_DELETIONS);
    let emptied = deletions > 0 && listed == Some(0);
    if suspicious || emptied {
        Brake::Hold
    } else {
        Brake::Release
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_table() {
        // (deletions, mirrored, listed) -> what happens
        let table = [
            ((0, 0, None), Brake::Release),
            ((0, 100, Some(0)), Brake::Release),
            ((10, 12, None), Brake::Release),
            ((11, 12, None), Brake::Hold),
            ((30, 100, None), Brake::Release),
            ((31, 100, None), Brake::Hold),
            ((3, 3, None), Brake::Release),
            ((3, 3, Some(0)), Brake::Hold),
            ((3, 4, Some(1)), Brake::Release),
            ((3_000, 10_000, Some(7_000)), Brake::Release),
            ((3_001, 10_000, Some(6_999)), Brake::Hold),
        ];
        for ((deletions, mirrored, listed), expected) in table {
            assert_eq!(
                brake(deletions, mirrored, listed),
                expected,
                "{deletions} of {mirrored}, listed {listed:?}"
            );
        }
    }
}
