//! Ids: opaque to clients, case-sensitive, alike but for single characters, and read back without a table.

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{base64, digest};

/// Which of its two ids an item is shown with (`Prefer: IdType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IdType {
    /// Changes when the item is moved to another calendar.
    Normal,
    /// Stays as long as the item is in the mailbox.
    Immutable,
}

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A calendar, by its key.
    Calendar(u64),
    /// An item, or one occurrence of it.
    Item(ItemId),
}

/// An item's id, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ItemId {
    pub(crate) key: u64,
    /// How often the item had been moved when the id was made; none in an immutable id.
    pub(crate) moves: Option<u32>,
    pub(crate) part: Part,
}

/// Which part of an item is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A single event, or the master of a series.
    Whole,
    /// The occurrence of that date.
    Occurrence(Date),
    /// The same after it has become an exception and got a new id by that.
    Exception(Date),
}

/// How the two kinds of ids begin, so that they look like Exchange's: `AAMk` and `AAkA`.
const NORMAL: [u8; 3] = [0x00, 0x03, 0x24];
const IMMUTABLE: [u8; 3] = [0x00, 0x09, 0x00];

const KIND_ITEM: u8 = 0;
const KIND_CALENDAR: u8 = 1;
const KIND_OCCURRENCE: u8 = 2;
const KIND_EXCEPTION: u8 = 3;

/// Prefix, kind, mailbox, moves, day, check and key.
const LENGTH: usize = 32;

/// The mailbox's part of its ids.
pub(crate) fn mailbox_tag(email: &str) -> [u8; 8] {
    first_eight(&digest::short(&[b"mailbox", email.as_bytes()]))
}

/// The id of a calendar: containers have one id only.
pub(crate) fn calendar(tag: [u8; 8], key: u64) -> String {
    write(tag, NORMAL, KIND_CALENDAR, key, 0, 0)
}

/// The id of an item or of one of its occurrences.
pub(crate) fn item(tag: [u8; 8], id: ItemId) -> String {
    let prefix = if id.moves.is_some() {
        NORMAL
    } else {
        IMMUTABLE
    };
    let (kind, day) = match id.part {
        Part::Whole => (KIND_ITEM, 0),
        Part::Occurrence(date) => (KIND_OCCURRENCE, day_number(date)),
        Part::Exception(date) => (KIND_EXCEPTION, day_number(date)),
    };
    write(tag, prefix, kind, id.key, id.moves.unwrap_or(0), day)
}

/// Why an id names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misread {
    /// No server could have made it.
    Malformed,
    /// It is one of another mailbox.
    Foreign,
}

/// What `text` stands for in the mailbox with this tag.
pub(crate) fn read(tag: [u8; 8], text: &str) -> Result<Named, Misread> {
    let (owner, named) = taken_apart(text).ok_or(Misread::Malformed)?;
    if owner == tag {
        Ok(named)
    } else {
        Err(Misread::Foreign)
    }
}

/// The mailbox's tag and what is named in it.
fn taken_apart(text: &str) -> Option<([u8; 8], Named)> {
    let bytes = base64::decode(&text.replace('-', "+").replace('_', "/"))?;
    let bytes: [u8; LENGTH] = bytes.try_into().ok()?;
    let number =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let moves = number(12);
    let day = i32::from_be_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
    let key = (u64::from(number(24)) << 32) | u64::from(number(28));
    let mut unchecked = bytes;
    unchecked[20..24].fill(0);
    if check(&unchecked) != bytes[20..24] {
        return None;
    }
    let owner: [u8; 8] = bytes[4..12].try_into().ok()?;
    let moves = if bytes[..3] == NORMAL {
        Some(moves)
    } else if bytes[..3] == IMMUTABLE {
        None
    } else {
        return None;
    };
    let part = match bytes[3] {
        KIND_CALENDAR => return Some((owner, Named::Calendar(key))),
        KIND_ITEM => Part::Whole,
        KIND_OCCURRENCE => Part::Occurrence(date_of(day)?),
        KIND_EXCEPTION => Part::Exception(date_of(day)?),
        _ => return None,
    };
    Some((owner, Named::Item(ItemId { key, moves, part })))
}

/// The version of an item as `changeKey` shows it.
pub(crate) fn change_key(tag: [u8; 8], key: u64, version: u64) -> String {
    let mark = digest::short(&[&tag, &key.to_be_bytes(), &version.to_be_bytes()]);
    base64::encode(&mark.as_bytes()[..22])
}

/// A GUID that follows from `parts`.
pub(crate) fn guid(parts: &[&[u8]]) -> String {
    let head = digest::short(parts);
    let tail = digest::short(&[head.as_bytes()]);
    format!(
        "{}-{}-4{}-a{}-{}",
        &head[..8],
        &head[8..12],
        &head[13..16],
        &head[17..20],
        &tail[..12]
    )
}

fn write(tag: [u8; 8], prefix: [u8; 3], kind: u8, key: u64, moves: u32, day: i32) -> String {
    let mut bytes = [0_u8; LENGTH];
    bytes[..3].copy_from_slice(&prefix);
    bytes[3] = kind;
    bytes[4..12].copy_from_slice(&tag);
    bytes[12..16].copy_from_slice(&moves.to_be_bytes());
    bytes[16..20].copy_from_slice(&day.to_be_bytes());
    bytes[24..32].copy_from_slice(&key.to_be_bytes());
    let sum = check(&bytes);
    bytes[20..24].copy_from_slice(&sum);
    base64::encode(&bytes).replace('+', "-").replace('/', "_")
}

/// What makes an id with a changed letter malformed.
fn check(bytes: &[u8; LENGTH]) -> [u8; 4] {
    let eight = first_eight(&digest::short(&[bytes]));
    [eight[0], eight[1], eight[2], eight[3]]
}

fn first_eight(hex: &str) -> [u8; 8] {
    let mut bytes = [0_u8; 8];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or("00");
        *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
    }
    bytes
}

/// Days from the beginning of 1970.
fn day_number(date: Date) -> i32 {
    date.since(jiff::civil::date(1970, 1, 1))
        .map_or(0, |span| span.get_days())
}

fn date_of(day: i32) -> Option<Date> {
    jiff::civil::date(1970, 1, 1)
        .checked_add(i64::from(day).days())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_every_changed_letter_makes_them_malformed() {
        let tag = mailbox_tag("ann@example.com");
        let date = jiff::civil::date(2026, 6, 9);
        for moves in [None, Some(3)] {
            for part in [Part::Whole, Part::Occurrence(date), Part::Exception(date)] {
                let id = ItemId {
                    key: 77,
                    moves,
                    part,
                };
                let text = item(tag, id);
                assert!(text.starts_with(if moves.is_some() { "AAMk" } else { "AAkA" }));
                assert!(text.ends_with('='), "{text}");
                assert_eq!(read(tag, &text), Ok(Named::Item(id)));
                assert_eq!(
                    read(mailbox_tag("ben@example.com"), &text),
                    Err(Misread::Foreign)
                );
                assert_eq!(read(tag, &text.to_lowercase()), Err(Misread::Malformed));
            }
        }
        let text = calendar(tag, 5);
        assert_eq!(read(tag, &text), Ok(Named::Calendar(5)));
        assert_eq!(read(tag, "nonsense"), Err(Misread::Malformed));
    }
}
