//! A run that a person asks for, beside the schedule and without a lease.

use std::future::Future;
use std::time::Duration;

use pacbot_lake::Lake;
use pacbot_schemas::JobTrigger;
use tokio::sync::watch;

use super::error::ScheduleError;
use super::journal::{JobRun, Journal};
use super::lease::{Holder, Lease};
use super::plan::Decision;
use super::process::{Launcher, supervise};
use super::scheduler::{ATTEMPTS, clock, observe, row};
use super::settings::Job;

/// Runs a job now, whatever its schedule says and whoever leads.
///
/// # Errors
///
/// [`ScheduleError`] if it could not be recorded.
pub async fn run_by_hand<L: Launcher>(
    lake: &Lake,
    job: &Job,
    me: &Holder,
    grace: Duration,
    launcher: &L,
    stop: impl Future<Output = ()>,
) -> Result<JobRun, ScheduleError> {
    let now = clock();
    let by_me = Lease {
        lease: String::new(),
        holder: me.id.clone(),
        host: me.host.clone(),
        process: me.process,
        term: 0,
        acquired_at: now,
        renewed_at: now,
        expires_at: now,
    };
    let start = Decision::Start { scheduled_for: now, attempt: 1, trigger: JobTrigger::Manual };
    let claim = row(job, start, &by_me, now);
    append(lake, &claim).await?;
    let (sender, receiver) = watch::channel(false);
    let run = supervise(launcher, claim, job.command.get_ref(), job.deadline, grace, receiver);
    let stopped = async {
        stop.await;
        sender.send_replace(true);
        std::future::pending().await
    };
    let run = tokio::select! {
        run = run => run,
        run = stopped => run,
    };
    append(lake, &run).await?;
    observe(&run);
    launcher.changed(&run);
    Ok(run)
}

async fn append(lake: &Lake, run: &JobRun) -> Result<(), ScheduleError> {
    let journal = Journal::new(lake.clone());
    for _ in 0..ATTEMPTS {
        let version = journal.version().await?;
        if journal.append(version, std::slice::from_ref(run), clock()).await?.is_some() {
            return Ok(());
        }
    }
    Err(ScheduleError::Contention { table: "job_runs", attempts: ATTEMPTS })
}
