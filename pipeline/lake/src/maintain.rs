//! Keeps tables in few files and the lake in bounds: `optimize`, `tidy` and `vacuum`, all safe beside readers.

use std::sync::PoisonError;

use chrono::{DateTime, Duration, Utc};
use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::checkpoints::cleanup_metadata;
use futures::StreamExt;
use tracing::debug;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::{files_provider, register};
use crate::table::{Change, Committed, DataFile, Table};
use crate::writer::{self, ROWS_OF_A_GROUP};

/// So many small files of a table are written into one by the run that finds them.
const MANY_FILES: usize = 16;

/// A file of so many rows is no small one, however few bytes they take: what is answered alike by thousands of scopes takes
/// next to none, and would be sorted again with all that was ever answered.
const MANY_ROWS: u64 = 16 * ROWS_OF_A_GROUP as u64;

/// What [`Lake::optimize`] did to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Optimized {
    /// Files before.
    pub before: usize,
    /// Files now.
    pub after: usize,
}

/// Rows lie next to what is asked together. `None`: a file is what is replaced as one, and stays.
fn order(name: &str) -> Option<&'static str> {
    Some(match name {
        // What is made again as a whole, and found by its file's tag: a day, and what the newest evaluation counted.
        "compliance_daily" | "account_assets" => return None,
        "runs" => "run_at, run_id, stage",
        "coverage" => "run_id, asset_type, account_id, region, request",
        "violations" | "policy_runs" | "judged_accounts" => "run_id, policy_id",
        "issues" => "account_id, policy_id, issue_id",
        "issue_events" => "sequence, issue_id",
        "job_runs" => "recorded_at, job",
        "leases" => "lease",
        "asset_groups" | "exceptions" => "sequence",
        "asset_group_members" => "group_id, asset_type, asset_id",
        _ => "account_id, collected_in, asset_id",
    })
}

impl Lake {
    /// Optimizes every table that has many small files, of the asset tables those that were landed on through this lake.
    /// Runs add a few small files each; whoever runs often would otherwise read hundreds of them for a few rows.
    ///
    /// # Errors
    ///
    /// As [`Self::optimize`].
    pub async fn tidy(&self, now: DateTime<Utc>) -> Result<(), LakeError> {
        let landed = self.landed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for name in self.tables().await? {
            // Nobody else writes asset tables, and reading all their logs takes longer than what there is to do.
            if !self.own.contains_key(&name) && !landed.contains(&name) {
                continue;
            }
            let Some(table) = self.table(&name).await? else { continue };
            let is_small = |file: &&DataFile| self.is_small(&name, file);
            if order(&name).is_some() && table.files()?.iter().filter(is_small).count() >= MANY_FILES {
                let optimized = self.optimize(&name, now).await?;
                debug!(table = name, before = optimized.before, after = optimized.after, "tidied `{name}`");
            }
        }
        Ok(())
    }

    /// Writes a table's small files into few sorted ones; no row changes. Readers of older versions keep theirs.
    ///
    /// A table with at most one small file is left alone. When another writer commits meanwhile, nothing is done:
    /// the next call finds the files again.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`], [`LakeError::Query`]
    pub async fn optimize(&self, name: &str, now: DateTime<Utc>) -> Result<Optimized, LakeError> {
        if self.table(name).await?.is_none() {
            return Err(LakeError::UnknownTable(name.to_owned()));
        }
        // Its rows are written as they are defined now.
        let table = Table::create(self, name).await?;
        let mut files = table.files()?;
        let unchanged = Optimized { before: files.len(), after: files.len() };
        let Some(order) = order(name) else { return Ok(unchanged) };
        files.retain(|file| self.is_small(name, file));
        if files.len() <= 1 {
            return Ok(unchanged);
        }
        let unfinished: Vec<String> =
            self.runs().await?.into_iter().filter(|run| !run.is_finished()).map(|run| run.run_id.to_string()).collect();
        // A run that goes on replaces its own files, which it must find again.
        files.retain(|file| !unfinished.iter().any(|run_id| file.is_of_run(run_id)));
        if files.len() <= 1 {
            return Ok(unchanged);
        }
        let failed = LakeError::query(name);
        let ctx = self.bare(now)?;
        // One sort, which spills what the memory does not hold: two side by side would leave each other none to merge with.
        ctx.state_ref().write().config_mut().options_mut().execution.target_partitions = 1;
        register(&ctx, "files", files_provider(name, &files, &self.schema_of(name)?)?)?;
        let rows = ctx.sql(&format!("select * from files order by {order}")).await.map_err(&failed)?;
        let rows = rows.execute_stream().await.map_err(&failed)?.map(|batch| batch.map_err(LakeError::query(name)));
        let add = writer::write(self, &table, rows, &[]).await?;
        let after = unchanged.before - files.len() + add.len();
        match table.commit(Change { remove: files, add, at: now, data_change: false, noted: None }).await? {
            Committed::Done(_) => Ok(Optimized { before: unchanged.before, after }),
            Committed::Overtaken => Ok(unchanged),
        }
    }

    /// Whether a file is one of those that are worth being written into one: far smaller than what a writer leaves behind that
    /// had enough rows.
    fn is_small(&self, name: &str, file: &DataFile) -> bool {
        // A writer rolls a file by what its rows take before they are compressed, which is most of a file of one row group.
        let share = if name == "issues" { 16 } else { 2 };
        file.size < self.file_size_of(name) / share && file.rows.is_none_or(|rows| rows < MANY_ROWS)
    }

    /// The size at which files of a table are rolled, in bytes. A table that every run writes again where something changed
    /// has many small ones, so that little is written for little.
    pub(crate) fn file_size_of(&self, name: &str) -> u64 {
        let size = self.settings.file_size as u64;
        if name == "issues" { size / 32 } else { size }
    }

    /// How long versions of a table stay readable: as configured, but for tables that say so themselves.
    #[must_use]
    pub fn retention_of(&self, name: &str) -> Duration {
        let own = self.own.get(name).and_then(|def| def.retention_hours);
        own.map_or(Duration::days(i64::from(self.settings.retention_days)), |hours| Duration::hours(i64::from(hours)))
    }

    /// Deletes what a table that changes all the time leaves behind: files and log entries of versions beyond
    /// [`Self::retention_of`].
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn forget(&self, name: &str) -> Result<(), LakeError> {
        self.vacuum(name, self.retention_of(name), false).await?;
        let Some(table) = self.table(name).await? else { return Ok(()) };
        let forgotten = cleanup_metadata(&table.delta, None).await.map_err(LakeError::table(name, "vacuumed"))?;
        debug!(table = name, forgotten, "forgot old versions");
        Ok(())
    }

    /// Deletes files that no version of the last `retention` needs; returns how many. Also removes what killed
    /// writers left behind, once it is that old.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn vacuum(&self, name: &str, retention: Duration, dry_run: bool) -> Result<usize, LakeError> {
        let Some(table) = self.table(name).await? else { return Err(LakeError::UnknownTable(name.to_owned())) };
        let failed = LakeError::table(name, "vacuumed");
        let (_, metrics) = table
            .delta
            .vacuum()
            .with_retention_period(retention)
            .with_enforce_retention_duration(false)
            .with_mode(VacuumMode::Full)
            .with_dry_run(dry_run)
            .await
            .map_err(&failed)?;
        Ok(metrics.files_deleted.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::stream;
    use pacbot_schemas::AssetTypes;
    use serde_json::json;

    use super::*;
    use crate::run_rows::to_batch;
    use crate::settings::LakeSettings;

    /// A lake whose files are rolled at `file_size` bytes, with this many issues.
    async fn with_issues(folder: &tempfile::TempDir, file_size: usize, issues: usize) -> Lake {
        let settings =
            LakeSettings { location: folder.path().display().to_string(), file_size, ..LakeSettings::default() };
        let types = AssetTypes::parse(Vec::<(&str, &str)>::new()).unwrap();
        let lake = Lake::open(settings, Arc::new(types)).await.unwrap();
        let schema = lake.schema_of("issues").unwrap();
        let row = |place: usize| {
            let id = format!("{:016x}", place.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let (account, asset) = (format!("{:012}", place / 2_000), format!("{:0300}/{id}", 0));
            json!({"issue_id": id, "state": "open", "account_id": account, "asset_id": asset})
        };
        let batches = (0..issues).step_by(1_000).map(|first| {
            let rows: Vec<_> = (first..first + 1_000).map(row).collect();
            to_batch("issues", schema.clone(), &rows)
        });
        lake.commit_on("issues", None, stream::iter(batches.collect::<Vec<_>>()), false, Utc::now()).await.unwrap();
        lake
    }

    #[tokio::test]
    async fn what_was_written_at_once_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let lake = with_issues(&folder, 4 << 20, 40_000).await;
        let issues = lake.table("issues").await.unwrap().unwrap();
        let files = issues.files().unwrap();
        let below_half = files.iter().filter(|file| file.size < lake.file_size_of("issues") / 2).count();
        assert!(below_half >= MANY_FILES, "{below_half} of {} files", files.len());
        lake.tidy(Utc::now()).await.unwrap();
        assert_eq!(lake.table("issues").await.unwrap().unwrap().version(), issues.version());
    }

    #[tokio::test]
    async fn many_small_files_become_few() {
        let folder = tempfile::tempdir().unwrap();
        let lake = with_issues(&folder, 64 << 20, 1_000).await;
        let schema = lake.schema_of("issues").unwrap();
        for place in 0..MANY_FILES {
            let version = lake.table("issues").await.unwrap().map(|table| table.version());
            let row = to_batch("issues", schema.clone(), &[json!({"issue_id": format!("{place:016x}")})]);
            lake.commit_on("issues", version, stream::iter([row]), false, Utc::now()).await.unwrap();
        }
        lake.tidy(Utc::now()).await.unwrap();
        let files = lake.table("issues").await.unwrap().unwrap().files().unwrap();
        assert!(files.len() < MANY_FILES, "{} files", files.len());
        assert_eq!(files.iter().filter_map(|file| file.rows).sum::<u64>(), 1_000 + MANY_FILES as u64);
    }

    #[tokio::test]
    async fn a_file_of_few_bytes_and_many_rows_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let lake = with_issues(&folder, 64 << 20, 1_000).await;
        let file = lake.table("issues").await.unwrap().unwrap().files().unwrap().remove(0);
        assert!(file.rows == Some(1_000) && lake.is_small("coverage", &file));
        assert!(lake.is_small("coverage", &DataFile { rows: None, ..file.clone() }));
        assert!(!lake.is_small("coverage", &DataFile { rows: Some(MANY_ROWS), ..file }));
    }
}
