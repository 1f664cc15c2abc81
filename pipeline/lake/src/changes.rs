//! Which accounts' rows differ between two versions of asset tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Field, Int64Type, Schema};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use futures::{StreamExt, stream};
use pacbot_schemas::{AssetType, common_type};
use tracing::warn;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::lake_files::LakeFiles;
use crate::session::{register, root};
use crate::table::{DataFile, Table};

/// Rows that only went from file to file cancel each other out.
const CHANGED: &str = "
    select asset_type, account_id, sum(now) as rows
    from (
        select asset_type, account_id, collected_in, content_hash, -1 as change, 0 as now from removed
        union all
        select asset_type, account_id, collected_in, content_hash, 1 as change, 1 as now from added
    )
    group by asset_type, account_id, collected_in
    having sum(change) <> 0 or bit_xor(content_hash) <> 0";

/// The columns that tell.
const COLUMNS: [&str; 3] = ["account_id", "collected_in", "content_hash"];

/// Tables whose logs are read at the same time.
const LOGS_AT_ONCE: usize = 16;

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

/// A table, and the files that only one of its two versions holds.
struct Differing {
    asset_type: AssetType,
    removed: Vec<DataFile>,
    added: Vec<DataFile>,
}

impl Lake {
    /// The accounts that have other rows in the second version of an asset table than in the first, by table. What a row
    /// says of itself counts (`content_hash`), not when it was seen. Files that both versions hold are not read. A table of
    /// which a version cannot be read any more is left out.
    ///
    /// # Errors
    ///
    /// [`LakeError::Query`] when a file cannot be read.
    pub async fn changed_accounts(
        &self,
        tables: &[(AssetType, u64, u64)],
        run_at: DateTime<Utc>,
    ) -> Result<BTreeMap<String, ChangedAccounts>, LakeError> {
        if tables.is_empty() {
            return Ok(BTreeMap::new());
        }
        let read: Vec<_> =
            tables.iter().map(|(asset_type, before, now)| self.differing(asset_type, *before, *now)).collect();
        let read: Vec<_> = stream::iter(read).buffered(LOGS_AT_ONCE).collect().await;
        let (mut changed, mut differing) = (BTreeMap::new(), Vec::new());
        for ((asset_type, _, _), read) in tables.iter().zip(read) {
            match read {
                Ok((of, files)) => {
                    changed.insert(asset_type.to_string(), ChangedAccounts { of, ..ChangedAccounts::default() });
                    differing.push(files);
                }
                Err(error) => warn!(table = %asset_type, %error, "what changed in `{asset_type}` is not known"),
            }
        }
        let failed = LakeError::query("assets");
        let ctx = self.bare(run_at)?;
        register(&ctx, "removed", files_of(&differing, |differing| &differing.removed)?)?;
        register(&ctx, "added", files_of(&differing, |differing| &differing.added)?)?;
        // One row per table and scope: small by construction.
        for batch in ctx.sql(CHANGED).await.map_err(&failed)?.collect().await.map_err(&failed)? {
            let text = |place: usize| batch.column(place).as_string::<i32>();
            let rows = batch.column(2).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let of_type = changed.entry(text(0).value(row).to_owned()).or_default();
                of_type.accounts.insert(text(1).value(row).to_owned());
                of_type.rows += rows.value(row).unsigned_abs();
            }
        }
        Ok(changed)
    }

    /// The rows of the version `now`, and what differs.
    async fn differing(&self, asset_type: &AssetType, before: u64, now: u64) -> Result<(u64, Differing), LakeError> {
        let name = asset_type.as_str();
        // The version of before is read for this alone; that of now is read again.
        let before = by_path(Table::load(self, name, Some(before)).await?.as_ref())?;
        let now = by_path(self.table_at(name, now).await?.as_ref())?;
        let without = |files: &BTreeMap<String, DataFile>, others: &BTreeMap<String, DataFile>| {
            files.iter().filter(|(path, _)| !others.contains_key(*path)).map(|(_, file)| file.clone()).collect()
        };
        let of = now.values().filter_map(|file| file.rows).sum();
        let (removed, added) = (without(&before, &now), without(&now, &before));
        Ok((of, Differing { asset_type: asset_type.clone(), removed, added }))
    }
}

fn by_path(table: Option<&Table>) -> Result<BTreeMap<String, DataFile>, LakeError> {
    let files = table.map(Table::files).transpose()?.unwrap_or_default();
    Ok(files.into_iter().map(|file| (file.path.clone(), file)).collect())
}

/// The telling columns of some files of all tables.
fn files_of(
    differing: &[Differing],
    which: impl Fn(&Differing) -> &Vec<DataFile>,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let types: Vec<(&AssetType, Vec<DataFile>)> =
        differing.iter().map(|differing| (&differing.asset_type, which(differing).clone())).collect();
    let columns = COLUMNS.map(|name| Arc::new(Field::new(name, common_type(name), true)));
    let files = LakeFiles::of_types(root("assets")?, &types, Arc::new(Schema::new(columns.to_vec())));
    let is_empty = types.iter().all(|(_, files)| files.is_empty());
    Ok(if is_empty { Arc::new(EmptyTable::new(files.schema())) } else { Arc::new(files) })
}
