//! Which accounts' rows differ between two versions of an asset table.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Utc};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::{files_provider, register};
use crate::table::{DataFile, Table};

/// Rows that only went from file to file cancel each other out.
const CHANGED: &str = "
    select account_id, sum(now) as rows
    from (
        select account_id, collected_in, content_hash, -1 as change, 0 as now from removed
        union all
        select account_id, collected_in, content_hash, 1 as change, 1 as now from added
    )
    group by account_id, collected_in
    having sum(change) <> 0 or bit_xor(content_hash) <> 0";

/// What changed between two versions of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedAccounts {
    /// The accounts whose rows changed.
    pub accounts: BTreeSet<String>,
    /// Their rows now.
    pub rows: u64,
    /// All rows now.
    pub of: u64,
}

impl Lake {
    /// The accounts that have other rows in the version `now` of an asset table than in the version `before`. What a row
    /// says of itself counts (`content_hash`), not when it was seen. Files that both versions hold are not read.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] or [`LakeError::Query`] when one of the versions cannot be read (any more).
    pub async fn changed_accounts(
        &self,
        name: &str,
        before: u64,
        now: u64,
        run_at: DateTime<Utc>,
    ) -> Result<ChangedAccounts, LakeError> {
        let (schema, failed) = (self.schema_of(name)?, LakeError::query(name));
        // The version of before is read for this alone; that of now is read again.
        let before = files(Table::load(self, name, Some(before)).await?.as_ref())?;
        let now = files(self.table_at(name, now).await?.as_ref())?;
        let without = |files: &BTreeMap<String, DataFile>, others: &BTreeMap<String, DataFile>| {
            files
                .iter()
                .filter(|(path, _)| !others.contains_key(*path))
                .map(|(_, file)| file.clone())
                .collect::<Vec<_>>()
        };
        let (removed, added) = (without(&before, &now), without(&now, &before));
        let of = now.values().filter_map(|file| file.rows).sum();
        let mut changed = ChangedAccounts { of, ..ChangedAccounts::default() };
        if removed.is_empty() && added.is_empty() {
            return Ok(changed);
        }
        let ctx = self.bare(run_at)?;
        register(&ctx, "removed", files_provider(name, &removed, &schema)?)?;
        register(&ctx, "added", files_provider(name, &added, &schema)?)?;
        // One row per scope: small by construction.
        for batch in ctx.sql(CHANGED).await.map_err(&failed)?.collect().await.map_err(&failed)? {
            changed.accounts.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
            changed.rows +=
                batch.column(1).as_primitive::<Int64Type>().iter().flatten().map(i64::unsigned_abs).sum::<u64>();
        }
        Ok(changed)
    }
}

fn files(table: Option<&Table>) -> Result<BTreeMap<String, DataFile>, LakeError> {
    let files = table.map(Table::files).transpose()?.unwrap_or_default();
    Ok(files.into_iter().map(|file| (file.path.clone(), file)).collect())
}
