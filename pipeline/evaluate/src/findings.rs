//! The violations of one policy, on their way to the lake.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use datafusion::error::DataFusionError;
use pacbot_lake::Spool;
use xxhash_rust::xxh3::xxh3_128;

/// What a violation says, beside when and in which run it was found. The id stands for policy, asset and key.
const SAID: [&str; 8] =
    ["issue_id", "severity", "asset_type", "account_id", "region", "collected_in", "reason", "evidence"];

/// Neither is a byte of UTF-8, so no text contains them.
const END: u8 = 0xff;
const NULL: u8 = 0xfe;

/// Rows of `violations` that wait to be written, and a hash of what they say.
pub(crate) struct Findings {
    spool: Spool,
    hash: u128,
    row: Vec<u8>,
}

impl Findings {
    /// None yet, of the schema of `violations`.
    pub(crate) fn new(schema: &Schema) -> Result<Self, DataFusionError> {
        Ok(Self { spool: Spool::new("violations", schema)?, hash: 0, row: Vec::new() })
    }

    pub(crate) fn push(&mut self, violations: &RecordBatch) -> Result<(), DataFusionError> {
        let column = |name| {
            let found = violations.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            found.ok_or_else(|| DataFusionError::Internal(format!("violations without `{name}`")))
        };
        let columns: Vec<&StringArray> = SAID.into_iter().map(column).collect::<Result<_, _>>()?;
        for row in 0..violations.num_rows() {
            self.row.clear();
            for column in &columns {
                match column.is_valid(row) {
                    true => self.row.extend_from_slice(column.value(row).as_bytes()),
                    false => self.row.push(NULL),
                }
                self.row.push(END);
            }
            // A sum is the same in any order.
            self.hash = self.hash.wrapping_add(xxh3_128(&self.row));
        }
        Ok(self.spool.push(violations)?)
    }

    /// The rows.
    pub(crate) fn into_spool(self) -> Spool {
        self.spool
    }

    /// The same for the same violations, in whatever order and run they were found, and in however many parts.
    pub(crate) fn hash(parts: &[Self]) -> String {
        format!("{:032x}", parts.iter().fold(0_u128, |sum, part| sum.wrapping_add(part.hash)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::ArrayRef;

    use super::*;

    fn found(reasons: &[Option<&str>]) -> Findings {
        let columns = SAID.map(|name| {
            let values = reasons.iter().map(|reason| if name == "reason" { *reason } else { Some("same") });
            (name, Arc::new(values.collect::<StringArray>()) as ArrayRef, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut findings = Findings::new(&batch.schema()).unwrap();
        findings.push(&batch).unwrap();
        findings
    }

    #[test]
    fn a_hash_tells_what_was_found_and_not_in_which_order() {
        let hash =
            |parts: &[&[Option<&str>]]| Findings::hash(&parts.iter().map(|reasons| found(reasons)).collect::<Vec<_>>());
        let both = hash(&[&[Some("open"), Some("old")]]);
        assert_eq!(both, hash(&[&[Some("old")], &[Some("open")]]));
        for other in [&[Some("open")][..], &[Some("open"), Some("ol")], &[Some("open"), None], &[None, None]] {
            assert_ne!(both, hash(&[other]), "{other:?}");
        }
        assert_ne!(hash(&[&[None]]), hash(&[&[Some("")]]));
        assert_eq!(hash(&[]), hash(&[&[]]));
    }
}
