//! Runs: which stages ran when, on which versions, and how far they came.
//!
//! A run row is written when a stage begins and written again when it ends. A run whose process is gone
//! without an end is *continued*: the next run takes over its id and its time, and every write of a run replaces what
//! that run wrote before. So a kill costs the time of a rerun and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use pacbot_schemas::{RunId, RunStatus, Stage};
use serde::{Deserialize, Serialize};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::Versions;

/// A run on another machine that has not ended after this long is taken to be dead.
const ABANDONED_AFTER: Duration = Duration::hours(24);

/// One stage of one run; a row of the table `runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub run_id: RunId,
    /// The stage.
    pub stage: Stage,
    /// How far it came.
    pub status: RunStatus,
    /// What `now()` is in it.
    pub run_at: DateTime<Utc>,
    /// When it began, by the clock.
    pub started_at: DateTime<Utc>,
    /// When it ended, by the clock.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// The versions that it left (collect) or read (evaluate, diff).
    #[serde(default)]
    pub snapshot: Vec<TableVersion>,
    /// Scopes that were asked.
    #[serde(default)]
    pub scopes: u64,
    /// What was not answered, or could not be judged.
    #[serde(default)]
    pub problems: u64,
    /// What it produced.
    #[serde(default)]
    pub rows: u64,
    /// The assets that an evaluation read.
    #[serde(default)]
    pub assets: Option<u64>,
    /// The issues that were open after a diff.
    #[serde(default)]
    pub open_issues: Option<u64>,
    /// What it was limited to.
    #[serde(default)]
    pub selection: Option<String>,
    /// The machine.
    pub host: String,
    /// The process.
    pub process: u32,
    /// The program's version.
    pub pacbot_version: String,
}

/// A table and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    /// The table.
    pub table: String,
    /// The version.
    pub version: u64,
}

impl RunRow {
    /// The snapshot as pinned versions.
    #[must_use]
    pub fn versions(&self) -> Versions {
        Versions(self.snapshot.iter().map(|pin| (pin.table.clone(), pin.version)).collect())
    }

    /// Whether the stage ended and its result counts.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.status, RunStatus::Complete | RunStatus::Partial)
    }

    /// Whether nobody will end the stage any more. `is_alive` tells whether a process of this machine still runs.
    pub fn is_dead(&self, host: &str, now: DateTime<Utc>, is_alive: &impl Fn(u32) -> bool) -> bool {
        self.status == RunStatus::Running
            && if self.host == host { !is_alive(self.process) } else { now - self.started_at > ABANDONED_AFTER }
    }
}

/// From a map of versions to what a run row holds.
#[must_use]
pub fn snapshot_of(versions: &BTreeMap<String, u64>) -> Vec<TableVersion> {
    versions.iter().map(|(table, version)| TableVersion { table: table.clone(), version: *version }).collect()
}

impl Lake {
    /// Every stage of every run, oldest first.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn runs(&self) -> Result<Vec<Arc<RunRow>>, LakeError> {
        let Some(table) = self.table("runs").await? else { return Ok(Vec::new()) };
        let mut rows = self.known_rows.of(self, &table).await?;
        rows.sort_by(|one, other| {
            let key = |row: &RunRow| (row.run_at, row.started_at);
            let then = || (&one.run_id, one.stage.as_str()).cmp(&(&other.run_id, other.stage.as_str()));
            key(one).cmp(&key(other)).then_with(then)
        });
        Ok(rows)
    }

    /// The time of the last finished collection of everything up to `run_at`: it noted how each request of each scope was
    /// answered, so what `coverage` holds from before does not count any more.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn collected_since(&self, run_at: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, LakeError> {
        let is_whole = |row: &Arc<RunRow>| row.stage == Stage::Collect && row.is_finished() && row.selection.is_none();
        let runs = self.runs().await?;
        Ok(runs.iter().filter(|row| is_whole(row) && row.run_at <= run_at).map(|row| row.run_at).max())
    }

    /// Writes (again) the row of one stage of a run.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn save_run(&self, row: &RunRow) -> Result<(), LakeError> {
        self.replace_run_values("runs", &row.run_id, row.stage.as_str(), std::slice::from_ref(row), row.started_at)
            .await
            .map(drop)
    }

    /// The newest run of `first` stage that began and whose process is gone: it is to be continued.
    ///
    /// `is_alive` tells whether a process of this machine still runs.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn interrupted(
        &self,
        host: &str,
        now: DateTime<Utc>,
        is_alive: impl Fn(u32) -> bool,
    ) -> Result<Option<RunRow>, LakeError> {
        let runs = self.runs().await?;
        let newest = runs.iter().map(|row| (row.run_at, &row.run_id)).max().map(|(_, run_id)| run_id.clone());
        // Only the newest: what came after an older one has overwritten what that one left.
        let mut runs = runs.into_iter();
        let found = runs.find(|row| Some(&row.run_id) == newest.as_ref() && row.is_dead(host, now, &is_alive));
        Ok(found.map(Arc::unwrap_or_clone))
    }

    /// The newest finished collection, or that of `run_id`: what an evaluation reads.
    ///
    /// # Errors
    ///
    /// [`LakeError::NoSnapshot`], [`LakeError::UnknownRun`]
    pub async fn snapshot(&self, run_id: Option<&RunId>) -> Result<RunRow, LakeError> {
        self.finished_stage(Stage::Collect, run_id).await
    }

    /// The newest finished row of a stage, or that of `run_id`.
    ///
    /// # Errors
    ///
    /// [`LakeError::NoSnapshot`], [`LakeError::UnknownRun`]
    pub async fn finished_stage(&self, stage: Stage, run_id: Option<&RunId>) -> Result<RunRow, LakeError> {
        let wanted = |row: &Arc<RunRow>| {
            row.stage == stage && row.is_finished() && run_id.is_none_or(|run_id| &row.run_id == run_id)
        };
        let found = self.runs().await?.into_iter().rev().find(wanted);
        found.map(Arc::unwrap_or_clone).ok_or_else(|| match run_id {
            Some(run_id) => LakeError::UnknownRun(run_id.to_string()),
            None => LakeError::NoSnapshot(self.location().to_owned()),
        })
    }
}
