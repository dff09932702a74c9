//! Texts for many rows or many ids at once, in a few fixed sizes, so that each is prepared once and used again.

use crate::bind::Bind;
use crate::error::StoreError;
use crate::row::Row;
use crate::tx::Tx;

/// The sizes. Rows come in small ones, because looking up a parameter's name costs SQLite as much as there are parameters
/// before it; a list of ids has few enough for the largest.
const SIZES: [usize; 5] = [1, 4, 16, 32, 128];
/// The largest for whole rows.
const ROWS_MAX: usize = 32;

/// A statement with a repeated part.
pub(crate) struct Multi {
    texts: [String; SIZES.len()],
    width: usize,
}

impl Multi {
    /// `head`, then `item` as often as needed, then `tail`. Each `?` of an item becomes the next parameter after the
    /// `shared` ones, which items may name too (`$1`).
    pub(crate) fn new(head: &str, shared: usize, item: &str, tail: &str) -> Self {
        let width = item.matches('?').count();
        let texts = SIZES.map(|size| {
            let mut next = shared;
            let mut text = head.to_owned();
            for n in 0..size {
                if n > 0 {
                    text.push_str(", ");
                }
                for (at, part) in item.split('?').enumerate() {
                    if at > 0 {
                        next += 1;
                        text.push('$');
                        text.push_str(&next.to_string());
                    }
                    text.push_str(part);
                }
            }
            text.push_str(tail);
            text
        });
        Self { texts, width }
    }
}

impl Tx {
    /// Executes a statement for any number of items, whose parameters come one after the other; how many rows it touched.
    pub(crate) async fn execute_many(
        &mut self,
        multi: &'static Multi,
        shared: &[Bind],
        items: Vec<Bind>,
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        let mut left = items.len() / multi.width;
        let mut items = items.into_iter();
        let sizes = SIZES.iter().zip(&multi.texts).rev();
        for (&size, text) in sizes.filter(|(size, _)| **size <= ROWS_MAX) {
            while left >= size {
                let mut binds = Vec::with_capacity(shared.len() + size * multi.width);
                binds.extend_from_slice(shared);
                binds.extend(items.by_ref().take(size * multi.width));
                touched += self.execute(text, binds).await?;
                left -= size;
            }
        }
        Ok(touched)
    }

    /// Executes a statement whose items are a list of ids (`IN (…)`); how many rows it touched.
    pub(crate) async fn execute_in(
        &mut self,
        multi: &'static Multi,
        shared: &[Bind],
        ids: Vec<Bind>,
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        for (text, binds) in lists(multi, shared, &ids) {
            touched += self.execute(text, binds).await?;
        }
        Ok(touched)
    }

    /// Queries with a list of ids (`IN (…)`).
    pub(crate) async fn rows_in(
        &mut self,
        multi: &'static Multi,
        shared: &[Bind],
        ids: Vec<Bind>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for (text, binds) in lists(multi, shared, &ids) {
            rows.append(&mut self.rows(text, binds).await?);
        }
        Ok(rows)
    }
}

/// A list of ids, cut into lists of the known sizes. A list may name an id twice, so the last one fills it up.
fn lists(multi: &'static Multi, shared: &[Bind], ids: &[Bind]) -> Vec<(&'static str, Vec<Bind>)> {
    let largest = SIZES[SIZES.len() - 1];
    let texts = || SIZES.iter().zip(&multi.texts);
    ids.chunks(largest)
        .filter_map(|chunk| {
            let (&size, text) = texts().find(|(size, _)| **size >= chunk.len())?;
            let mut binds = Vec::with_capacity(shared.len() + size);
            binds.extend_from_slice(shared);
            binds.extend_from_slice(chunk);
            let last = chunk.last()?;
            binds.resize(shared.len() + size, last.clone());
            Some((text.as_str(), binds))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_take_the_parameters_after_the_shared_ones() {
        let multi = Multi::new("INSERT INTO t VALUES ", 2, "($1, ?, ?)", " RETURNING $2");
        assert_eq!(
            multi.texts[1],
            "INSERT INTO t VALUES ($1, $3, $4), ($1, $5, $6), ($1, $7, $8), ($1, $9, $10) RETURNING $2"
        );
    }
}
