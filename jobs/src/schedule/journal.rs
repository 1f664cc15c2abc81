//! The table `job_runs`: what was claimed and how it ended.

use chrono::{DateTime, Utc};
use futures::stream;
use pacbot_lake::{Lake, LakeError, from_batches, to_batch};
use pacbot_schemas::{JobName, JobState, JobTrigger};
use serde::{Deserialize, Serialize};

use super::error::ScheduleError;
use super::lease::Lease;

const TABLE: &str = "job_runs";

/// Stands for the schedulers themselves where a job's name is asked for.
pub const SCHEDULER: &str = "pacbot-schedule";

/// So many small files slow every look at the journal down.
const MANY_FILES: usize = 64;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRun {
    /// The job.
    pub job: JobName,
    /// When it was due.
    pub scheduled_for: DateTime<Utc>,
    /// Counts from 1.
    pub attempt: u32,
    /// What became of it.
    pub state: JobState,
    /// Why it runs.
    pub trigger: JobTrigger,
    /// When the row was written.
    pub recorded_at: DateTime<Utc>,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// What its command ended with.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Why it did not succeed.
    #[serde(default)]
    pub error: Option<String>,
    /// What was run.
    #[serde(default)]
    pub command: Option<String>,
    /// The machine of its scheduler.
    pub host: String,
    /// The scheduler's process.
    pub process: u32,
    /// The scheduler.
    pub holder: String,
    /// The scheduler's term.
    pub term: u64,
}

impl JobRun {
    /// What tells it from other runs.
    #[must_use]
    pub fn key(&self) -> (JobName, DateTime<Utc>, u32) {
        (self.job.clone(), self.scheduled_for, self.attempt)
    }

    /// How long it took, when it ran and ended.
    #[must_use]
    pub fn took(&self) -> Option<chrono::Duration> {
        Some(self.finished_at? - self.started_at?)
    }
}

/// The journal as of a version.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The version; `None` when nothing was ever written.
    pub version: Option<u64>,
    /// The highest term that anything was written in.
    pub term: u64,
    /// Of each job what has not ended, and the attempts at its newest time.
    pub runs: Vec<JobRun>,
}

/// The journal of a lake.
#[derive(Clone)]
pub struct Journal {
    lake: Lake,
}

#[derive(Deserialize)]
struct Term {
    #[serde(default)]
    term: u64,
}

impl Journal {
    /// That of `lake`.
    #[must_use]
    pub fn new(lake: Lake) -> Self {
        Self { lake }
    }

    /// Reads what a plan needs.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Lake`], [`ScheduleError::Query`]
    pub async fn read(&self, now: DateTime<Utc>) -> Result<Book, ScheduleError> {
        let (ctx, versions) = self.lake.own_session(&[TABLE], now).await?;
        let version = versions.0.get(TABLE).copied();
        if version.is_none() {
            return Ok(Book::default());
        }
        let terms = ctx.sql("select max(term) as term from job_runs").await?.collect().await?;
        let terms: Vec<Term> = from_batches(TABLE, &terms)?;
        let runs = ctx.sql(include_str!("journal.sql")).await?.collect().await?;
        Ok(Book { version, term: terms.first().map_or(0, |row| row.term), runs: from_batches(TABLE, &runs)? })
    }

    /// The version without its rows, which costs little.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Lake`]
    pub(crate) async fn version(&self) -> Result<Option<u64>, ScheduleError> {
        Ok(self.lake.table(TABLE).await?.map(|table| table.version()))
    }

    /// Appends rows, if nobody else did since `version`; else `None`, and what was decided must be decided again.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Lake`]
    pub async fn append(
        &self,
        version: Option<u64>,
        rows: &[JobRun],
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, ScheduleError> {
        let batch = to_batch(TABLE, self.lake.schema_of(TABLE)?, rows)?;
        let rows = stream::iter([Ok::<_, LakeError>(batch)]);
        Ok(self.lake.commit_on(TABLE, version, rows, false, now).await?)
    }

    /// Writes the table's files into few when they have become many.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Lake`]
    pub(crate) async fn tidy(&self, now: DateTime<Utc>) -> Result<(), ScheduleError> {
        match self.lake.table(TABLE).await? {
            Some(table) if table.files()?.len() > MANY_FILES => {
                self.lake.optimize(TABLE, now).await?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The row with which a scheduler begins its term: whoever led before cannot append any more.
pub(crate) fn leads(lease: &Lease, name: JobName, now: DateTime<Utc>) -> JobRun {
    JobRun {
        job: name,
        scheduled_for: lease.acquired_at,
        attempt: 0,
        state: JobState::Leads,
        trigger: JobTrigger::Schedule,
        recorded_at: now,
        started_at: None,
        finished_at: None,
        exit_code: None,
        error: None,
        command: None,
        host: lease.host.clone(),
        process: lease.process,
        holder: lease.holder.clone(),
        term: lease.term,
    }
}
