//! One execution of `pacbot run`, or of a part of it: its id, its time, and the row of each of its stages.
//!
//! An execution that was killed is continued by the next one: same id, same time, from the stage that had not
//! ended. Every stage replaces what it wrote before, so the tables end as if nothing had happened.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use pacbot_lake::{Lake, RunRow, TableVersion};
use pacbot_schemas::{RunId, RunStatus, Stage};
use tracing::info;

/// A killed run that is older than this is given up: its answers are no longer news.
const CONTINUED_WITHIN: Duration = Duration::hours(1);

/// What an execution is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    /// Its stages, in order.
    pub(crate) stages: Vec<Stage>,
    /// What it is limited to, for example some policies.
    pub(crate) selection: Option<String>,
    /// Its time, when it is not the present: that of a recording.
    pub(crate) run_at: Option<DateTime<Utc>>,
    /// Begin anew even if a killed run could be continued.
    pub(crate) fresh: bool,
    /// The run of this process that this one is a part of.
    pub(crate) within: Option<RunId>,
}

/// One execution.
pub(crate) struct Execution {
    pub(crate) lake: Lake,
    pub(crate) run_id: RunId,
    pub(crate) run_at: DateTime<Utc>,
    intent: Intent,
    host: String,
    /// Stages of this run that had ended before it was killed.
    ended: Vec<Arc<RunRow>>,
}

/// How a stage ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) snapshot: Vec<TableVersion>,
    pub(crate) scopes: u64,
    pub(crate) problems: u64,
    pub(crate) rows: u64,
    pub(crate) assets: Option<u64>,
    pub(crate) open_issues: Option<u64>,
}

impl Execution {
    /// Begins, or continues the newest run if that was killed a short while ago.
    pub(crate) async fn begin(lake: Lake, intent: Intent) -> anyhow::Result<Self> {
        let now = Utc::now().trunc_subsecs(6);
        let host = host();
        let interrupted = lake.interrupted(&host, now, is_alive).await?;
        let mut ended = Vec::new();
        let continued = interrupted.filter(|row| !intent.fresh && intent.fits(row, now));
        let (run_id, run_at) = match &continued {
            Some(row) => {
                ended = lake.runs().await?;
                ended.retain(|other| other.run_id == row.run_id && other.is_finished() && other.stage < row.stage);
                say(&format!("continuing run {}, which was interrupted in stage {}", row.run_id, row.stage));
                (row.run_id.clone(), row.run_at)
            }
            None => (new_run_id(now)?, intent.run_at.unwrap_or(now)),
        };
        let execution = Self { lake, run_id, run_at, intent, host, ended };
        execution.give_up_others(now).await?;
        Ok(execution)
    }

    /// A stage's row of this run, if it had ended before the run was interrupted.
    pub(crate) fn ended(&self, stage: Stage) -> Option<&RunRow> {
        self.ended.iter().map(Arc::as_ref).find(|row| row.stage == stage)
    }

    /// Notes that a stage begins.
    pub(crate) async fn start(&self, stage: Stage, snapshot: Vec<TableVersion>) -> anyhow::Result<RunRow> {
        let row = RunRow {
            run_id: self.run_id.clone(),
            stage,
            status: RunStatus::Running,
            run_at: self.run_at,
            started_at: Utc::now().trunc_subsecs(6),
            finished_at: None,
            snapshot,
            scopes: 0,
            problems: 0,
            rows: 0,
            assets: None,
            open_issues: None,
            selection: self.intent.selection.clone(),
            host: self.host.clone(),
            process: std::process::id(),
            pacbot_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.lake.save_run(&row).await.context("failed to note that the stage begins")?;
        info!(run = %self.run_id, %stage, "stage {stage} began");
        Ok(row)
    }

    /// Notes how a stage ended. The stage after it is noted first, so that a kill between the two is seen.
    pub(crate) async fn end(&self, row: RunRow, outcome: Outcome) -> anyhow::Result<RunRow> {
        let next = self.intent.stages.iter().copied().find(|stage| *stage > row.stage);
        if let Some(next) = next {
            self.start(next, Vec::new()).await?;
        }
        let row = RunRow {
            status: if outcome.problems == 0 { RunStatus::Complete } else { RunStatus::Partial },
            finished_at: Some(Utc::now().trunc_subsecs(6)),
            snapshot: outcome.snapshot,
            scopes: outcome.scopes,
            problems: outcome.problems,
            rows: outcome.rows,
            assets: outcome.assets,
            open_issues: outcome.open_issues,
            ..row
        };
        self.lake.save_run(&row).await.context("failed to note that the stage ended")?;
        observe(&row);
        Ok(row)
    }

    /// Notes that a stage failed as a whole. The error goes on; that it could not be noted is said beside it.
    pub(crate) async fn fail(&self, row: RunRow) {
        let row = RunRow { status: RunStatus::Failed, finished_at: Some(Utc::now().trunc_subsecs(6)), ..row };
        observe(&row);
        if let Err(error) = self.lake.save_run(&row).await {
            say(&format!("the failure could not be noted in `runs` either: {:#}", anyhow::Error::from(error)));
        }
    }

    /// Stages of other dead runs are marked as failed: nobody will end them.
    async fn give_up_others(&self, now: DateTime<Utc>) -> anyhow::Result<()> {
        for row in self.lake.runs().await? {
            let is_ours = row.run_id == self.run_id || Some(&row.run_id) == self.intent.within.as_ref();
            if !is_ours && row.is_dead(&self.host, now, &is_alive) {
                let row = Arc::unwrap_or_clone(row);
                self.lake.save_run(&RunRow { status: RunStatus::Failed, finished_at: Some(now), ..row }).await?;
            }
        }
        Ok(())
    }
}

/// Numbers about a stage that ended.
fn observe(row: &RunRow) {
    let (stage, finished_at) = (row.stage.as_str(), row.finished_at.unwrap_or(row.started_at));
    let took = (finished_at - row.started_at).as_seconds_f64();
    metrics::gauge!("pacbot_stage_duration_seconds", "stage" => stage).set(took);
    metrics::gauge!("pacbot_stage_problems", "stage" => stage).set(row.problems as f64);
    metrics::gauge!("pacbot_stage_finished_timestamp_seconds", "stage" => stage, "status" => row.status.as_str())
        .set(finished_at.timestamp() as f64);
}

impl Intent {
    fn fits(&self, row: &RunRow, now: DateTime<Utc>) -> bool {
        let same_time = match self.run_at {
            Some(run_at) => row.run_at == run_at,
            None => now - row.run_at < CONTINUED_WITHIN,
        };
        same_time && self.selection == row.selection && self.stages.contains(&row.stage)
    }
}

/// Whether a process of this machine still runs. A container's processes get the same numbers each time: one that
/// has ours is dead.
pub(crate) fn is_alive(process: u32) -> bool {
    if process == std::process::id() {
        return false;
    }
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| match rustix::process::test_kill_process(pid) {
        Ok(()) => true,
        // It is there, but somebody else's.
        Err(error) => error == rustix::io::Errno::PERM,
    })
}

/// This machine's name.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Sorts by time; the end keeps two runs of one second apart.
pub(crate) fn new_run_id(now: DateTime<Utc>) -> anyhow::Result<RunId> {
    Ok(RunId::new(format!("{}-{:06x}", now.format("%Y%m%dT%H%M%SZ"), rand::random::<u32>() & 0x00ff_ffff))?)
}

/// A line for people, on standard error.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    // Nobody is left to tell when standard error is gone.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Whether people watch.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
