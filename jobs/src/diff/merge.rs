//! New states of issues in the place of the old ones, among rows that stay.
//!
//! Promises: rows that are in order stay so, whatever part of them is given at a time; a batch in which nothing changes is
//! not copied. Knows nothing of files.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use futures::stream::{self, Stream, StreamExt};
use pacbot_lake::LakeError;

/// What issues are sorted by.
pub(super) const ORDER: [&str; 3] = ["account_id", "policy_id", "issue_id"];

/// The issues whose rows go, by [`number_of`] their ids.
pub(super) type Gone = HashSet<u128>;

/// An id in 16 bytes: the same for the same id alone, since ids are hashes of no more bytes.
pub(super) fn number_of(id: &str) -> u128 {
    u128::from_str_radix(id, 16).unwrap_or_else(|_| xxhash_rust::xxh3::xxh3_128(id.as_bytes()))
}

/// Rows of issues by their order.
struct Keys<'a>([&'a StringArray; 3]);

impl<'a> Keys<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self, ArrowError> {
        let [account, policy, id] = ORDER.map(|name| rows.schema_ref().index_of(name));
        Ok(Self([account?, policy?, id?].map(|place| rows.column(place).as_string::<i32>())))
    }

    fn id(&self, row: usize) -> &str {
        self.0[2].value(row)
    }

    /// How `row` stands to one of `other`. Rows without an account come last.
    fn compare(&self, row: usize, other: &Keys<'_>, other_row: usize) -> Ordering {
        let key = |column: &'a StringArray, row: usize| (column.is_null(row), column.value(row));
        let compared = self.0.iter().zip(other.0);
        let compared =
            compared.map(|(own, other)| key(own, row).cmp(&(other.is_null(other_row), other.value(other_row))));
        compared.fold(Ordering::Equal, Ordering::then)
    }
}

/// New rows on their way into others.
struct Merge {
    new: RecordBatch,
    /// How many are placed.
    placed: usize,
    gone: Arc<Gone>,
}

impl Merge {
    /// `rows` without those that go, and the new ones that belong before the last of them.
    fn take(&mut self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (old, new) = (Keys::of(rows)?, Keys::of(&self.new)?);
        let mut pieces = Vec::new();
        let mut kept = 0..0;
        for row in 0..rows.num_rows() {
            let first = self.placed;
            while self.placed < self.new.num_rows() && new.compare(self.placed, &old, row) == Ordering::Less {
                self.placed += 1;
            }
            let goes = self.gone.contains(&number_of(old.id(row)));
            if self.placed > first || goes {
                pieces.push(rows.slice(kept.start, kept.len()));
                pieces.push(self.new.slice(first, self.placed - first));
                kept = row..row;
            }
            kept = if goes { row + 1..row + 1 } else { kept.start..row + 1 };
        }
        pieces.push(rows.slice(kept.start, kept.len()));
        match pieces.as_slice() {
            [all] => Ok(all.clone()),
            _ => concat_batches(rows.schema_ref(), &pieces),
        }
    }

    /// The new rows that are left.
    fn rest(&self) -> RecordBatch {
        self.new.slice(self.placed, self.new.num_rows() - self.placed)
    }
}

/// `rows` without those of `gone`, and with those of `new`, which are in order.
pub(super) fn merged(
    rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Send,
    new: RecordBatch,
    gone: Arc<Gone>,
) -> impl Stream<Item = Result<RecordBatch, LakeError>> + Send {
    let mut merge = Merge { new, placed: 0, gone };
    rows.map(Some).chain(stream::iter([None])).map(move |rows| match rows {
        Some(rows) => merge.take(&rows?).map_err(LakeError::rows("issues")),
        None => Ok(merge.rest()),
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::ArrayRef;
    use futures::TryStreamExt;

    use super::*;

    /// Of `account/policy/id`, an empty account being none.
    fn rows(keys: &[&str]) -> RecordBatch {
        let parts: Vec<Vec<&str>> = keys.iter().map(|key| key.split('/').collect()).collect();
        let accounts: StringArray =
            parts.iter().map(|parts| Some(parts[0]).filter(|account| !account.is_empty())).collect();
        let column =
            |place: usize| Arc::new(StringArray::from_iter_values(parts.iter().map(|parts| parts[place]))) as ArrayRef;
        let named = [("issue_id", column(2)), ("account_id", Arc::new(accounts)), ("policy_id", column(1))];
        RecordBatch::try_from_iter_with_nullable(named.map(|(name, column)| (name, column, true))).unwrap()
    }

    async fn ids(batches: &[&[&str]], new: &[&str], gone: &[&str]) -> Vec<String> {
        let batches = batches.iter().map(|keys| Ok(rows(keys))).collect::<Vec<_>>();
        let gone = Arc::new(gone.iter().copied().map(number_of).collect());
        let merged: Vec<RecordBatch> = merged(stream::iter(batches), rows(new), gone).try_collect().await.unwrap();
        let ids = merged.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
        ids.map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn new_rows_come_where_they_belong_and_old_ones_go() {
        let old: [&[&str]; 2] = [&["1/p/a", "1/p/c", "1/q/b", "2/p/a2"], &["3/p/x", "/p/n"]];
        assert_eq!(ids(&old, &[], &[]).await, ["a", "c", "b", "a2", "x", "n"]);
        let new = ["0/p/z", "1/p/b2", "1/p/c", "2/q/y", "4/p/w", "/p/o"];
        assert_eq!(ids(&old, &new, &["c", "x"]).await, ["z", "a", "b2", "c", "b", "a2", "y", "w", "n", "o"]);
        assert_eq!(ids(&old, &["5/p/a"], &["a", "c", "b", "a2", "x", "n"]).await, ["a"], "it moved to another account");
        assert_eq!(ids(&[], &new, &[]).await, ["z", "b2", "c", "y", "w", "o"]);
    }

    #[test]
    fn what_does_not_change_is_not_copied() {
        let old = rows(&["2/p/a", "2/p/b"]);
        let mut merge = Merge { new: rows(&["3/p/c"]), placed: 0, gone: Arc::default() };
        let kept = merge.take(&old).unwrap();
        assert!(std::ptr::eq(
            kept.column(0).as_string::<i32>().value_data().as_ptr(),
            old.column(0).as_string::<i32>().value_data().as_ptr()
        ));
        assert_eq!(merge.rest().num_rows(), 1);
    }
}
