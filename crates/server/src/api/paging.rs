//! Pages of lists: how many a page holds, from where on, and where the next one begins.

use jiff::Timestamp;
use uuid::Uuid;

use super::error::{Answer, ApiError};

/// How many a page holds where nobody says.
pub(crate) const PAGE: i64 = 100;
/// How many it holds at most: some megabytes.
pub(crate) const PAGE_MAX: i64 = 1_000;

/// How many a page is to hold.
pub(crate) fn limit(wanted: Option<i64>, usual: i64, most: i64) -> Answer<i64> {
    match wanted {
        None => Ok(usual),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::field(
            "limit",
            format!("expected a number from 1 to {most}"),
        )),
    }
}

/// Cuts what was found down to a page, and says after which one the next page goes on. One more than the page holds was
/// asked for, so that there is no next page where nothing follows.
pub(crate) fn cut<T>(
    found: &mut Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> String,
) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if found.len() <= limit {
        return None;
    }
    found.truncate(limit);
    found.last().map(cursor)
}

/// A place in a list that is ordered by time, then id.
pub(crate) fn cursor(at: Timestamp, id: Uuid) -> String {
    format!("{}.{id}", at.as_microsecond())
}

/// The place that a cursor names.
pub(crate) fn place(cursor: &str) -> Answer<(Timestamp, Uuid)> {
    let read = || {
        let (micros, id) = cursor.split_once('.')?;
        let at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
        Some((at, id.parse().ok()?))
    };
    read().ok_or_else(strange)
}

/// What is no cursor of a list.
pub(crate) fn strange() -> ApiError {
    ApiError::field("cursor", "expected a `next_cursor` of this list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_next_begins_and_the_last_one_says_so() {
        let page = |found: &[u8], limit| {
            let mut found = found.to_vec();
            let next = cut(&mut found, limit, u8::to_string);
            (found, next)
        };
        assert_eq!(page(&[1, 2, 3], 2), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(page(&[1, 2], 2), (vec![1, 2], None));
        assert_eq!(page(&[], 2), (vec![], None));
    }

    #[test]
    fn a_place_is_found_again_and_nonsense_is_none() {
        let at: Timestamp = "2026-03-02T08:00:00.123456Z".parse().unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(place(&cursor(at, id)).unwrap(), (at, id));
        for text in ["", "7", ".", "x.y", "1.", "99999999999999999999.7"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
