//! The loop of a scheduler: leads if nobody else does, starts what is due, records how it ended.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Timelike, Utc};
use pacbot_lake::Lake;
use pacbot_schemas::{JobName, JobState, JobTrigger};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{Instrument, info, info_span, warn};

use super::error::ScheduleError;
use super::journal::{self, Book, JobRun, Journal};
use super::lease::{self, Holder, Lease};
use super::plan::{Decision, decide, next_start};
use super::process::{Launcher, ended, supervise};
use super::settings::{Job, ScheduleSettings};

pub(super) const ATTEMPTS: u32 = 20;

/// A run by hand on another machine, of a job that the configuration does not have any more, is lost after this long.
const LONGEST_BY_HAND: Duration = Duration::from_secs(86_400);

/// How long a scheduler goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until it is stopped.
    Forever,
    /// Until what is due now has ended.
    Once,
}

/// What a scheduler did.
#[derive(Debug, Default)]
pub struct Ended {
    /// The runs that ended and were recorded.
    pub runs: Vec<JobRun>,
    /// Who leads, if it is another.
    pub leader: Option<Lease>,
}

/// One scheduler of a lake.
pub struct Scheduler<L> {
    /// The lake.
    pub lake: Lake,
    /// All jobs.
    pub jobs: Vec<Job>,
    /// How schedulers take turns.
    pub settings: ScheduleSettings,
    /// Who this is.
    pub me: Holder,
    /// The name under which terms are noted; see [`super::SCHEDULER`].
    pub own_name: JobName,
    /// Starts the jobs.
    pub launcher: Arc<L>,
    /// Whether a process of this machine still runs.
    pub is_alive: fn(u32) -> bool,
}

/// What a scheduler holds while it runs.
struct Shift<'a, L> {
    scheduler: &'a Scheduler<L>,
    journal: Journal,
    /// The lease as it was last seen, mine or another's.
    lease: Option<Lease>,
    /// The term in which this scheduler leads, or led until it is told otherwise.
    term: Option<u64>,
    /// Whether the journal says that this term began.
    is_noted: bool,
    /// Whether what is due was looked for in this term.
    has_advanced: bool,
    is_tidy: bool,
    mode: Mode,
    running: JoinSet<JobRun>,
    /// The claims of what runs or could not be recorded yet.
    local: BTreeMap<(JobName, DateTime<Utc>, u32), JobRun>,
    unrecorded: Vec<JobRun>,
    stop: watch::Sender<bool>,
    /// The journal when it was last acted on.
    book: Book,
    done: Ended,
}

pub(super) fn clock() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

impl<L: Launcher> Scheduler<L> {
    /// Runs jobs until `stop` yields, or, once, until what is due has ended.
    ///
    /// When `stop` yields, no job starts any more, and running ones may go on for the grace period.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] if the lake fails in [`Mode::Once`]; a scheduler that runs forever tries again.
    pub async fn run(&self, mode: Mode, stop: impl Future<Output = ()>) -> Result<Ended, ScheduleError> {
        let mut shift = Shift {
            scheduler: self,
            journal: Journal::new(self.lake.clone()),
            lease: None,
            term: None,
            is_noted: false,
            has_advanced: false,
            is_tidy: true,
            mode,
            running: JoinSet::new(),
            local: BTreeMap::new(),
            unrecorded: Vec::new(),
            stop: watch::channel(false).0,
            book: Book::default(),
            done: Ended::default(),
        };
        let outcome = shift.work(stop).await;
        // What still runs ends with the set: its processes are killed, and recorded as lost by whoever leads next.
        shift.running.shutdown().await;
        outcome?;
        lease::release(&self.lake, &self.me, clock()).await?;
        metrics::gauge!("pacbot_leader").set(0.0);
        Ok(shift.done)
    }

    fn job(&self, name: &JobName) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name() == name)
    }

    /// So often the lease is renewed.
    fn renewal(&self) -> Duration {
        self.settings.lease / 3
    }
}

impl<L: Launcher> Shift<'_, L> {
    async fn work(&mut self, stop: impl Future<Output = ()>) -> Result<(), ScheduleError> {
        let mode = self.mode;
        tokio::pin!(stop);
        let mut kill_at: Option<DateTime<Utc>> = None;
        loop {
            let turn = self.turn(kill_at.is_some()).await;
            if let Err(error) = turn {
                if mode == Mode::Once {
                    return Err(error);
                }
                warn!(error = ?error, "the lake failed; trying again");
                if !self.is_leading(clock()) {
                    self.step_down().await;
                }
            }
            metrics::gauge!("pacbot_jobs_running").set(self.running.len() as f64);
            let is_idle = self.running.is_empty() && self.unrecorded.is_empty();
            if is_idle && (mode == Mode::Once || kill_at.is_some()) {
                return Ok(());
            }
            let is_starting = kill_at.is_none() && self.may_advance();
            let wake_at = kill_at.into_iter().chain([self.wake_at(clock(), is_starting)]).min().unwrap_or_else(clock);
            let wait = (wake_at - clock()).to_std().unwrap_or(Duration::ZERO);
            tokio::select! {
                Some(ended) = self.running.join_next() => self.unrecorded.extend(ended.ok()),
                () = tokio::time::sleep(wait) => {}
                () = &mut stop, if kill_at.is_none() => {
                    info!("stopping");
                    kill_at = Some(clock() + self.scheduler.settings.grace);
                }
            }
            if kill_at.is_some_and(|at| at <= clock()) {
                self.stop.send_replace(true);
                // They take their own grace to end; what is left after that is killed.
                kill_at = Some(clock() + self.scheduler.settings.grace + Duration::from_secs(5));
            }
        }
    }

    /// Leads, records what ended and starts what is due.
    async fn turn(&mut self, is_stopping: bool) -> Result<(), ScheduleError> {
        if !self.lead().await? {
            return Ok(());
        }
        while let Some(run) = self.unrecorded.last() {
            if !self.record(&run.clone()).await? {
                return Ok(());
            }
            self.unrecorded.pop();
        }
        if !is_stopping && self.may_advance() {
            self.advance().await?;
        }
        if !self.is_tidy {
            self.is_tidy = true;
            self.journal.tidy(clock()).await?;
            self.scheduler.lake.forget("leases").await?;
        }
        Ok(())
    }

    /// Whether what is due is still looked for.
    fn may_advance(&self) -> bool {
        self.mode == Mode::Forever || !self.has_advanced
    }

    /// Whether this scheduler leads, as far as its clock tells.
    fn is_leading(&self, now: DateTime<Utc>) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.holder == self.scheduler.me.id && now < lease.expires_at)
    }

    /// Takes or renews the lease when that is due; tells whether this scheduler leads.
    async fn lead(&mut self) -> Result<bool, ScheduleError> {
        let Scheduler { lake, me, settings, .. } = self.scheduler;
        let is_fresh = |lease: &Lease| clock() < lease.renewed_at + self.scheduler.renewal();
        if self.is_leading(clock()) && self.lease.as_ref().is_some_and(is_fresh) {
            return Ok(true);
        }
        let (lease, before) = lease::ask(lake, me, settings.lease, clock).await?;
        let is_mine = lease.holder == me.id;
        if is_mine {
            // Whoever begins a new hour tidies.
            self.is_tidy &= before.is_none_or(|before| before.renewed_at.hour() == lease.renewed_at.hour());
            if self.term != Some(lease.term) {
                info!(term = lease.term, "leading");
                (self.is_noted, self.has_advanced) = (false, false);
            }
            self.done.leader = None;
        } else {
            if self.term.is_some() {
                warn!(leader = %lease.holder, term = lease.term, "another scheduler leads now");
                self.step_down().await;
            }
            self.done.leader = Some(lease.clone());
        }
        self.term = is_mine.then_some(lease.term);
        metrics::gauge!("pacbot_leader").set(if is_mine { 1.0 } else { 0.0 });
        metrics::gauge!("pacbot_leader_term").set(lease.term as f64);
        self.lease = Some(lease);
        Ok(is_mine)
    }

    /// Ends what was started in a term that is over; whoever leads now records it.
    async fn step_down(&mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
        self.stop.send_replace(false);
        self.local.clear();
        self.unrecorded.clear();
        (self.lease, self.term) = (None, None);
    }

    /// Appends the end of a run; false if this scheduler's term is over.
    async fn record(&mut self, run: &JobRun) -> Result<bool, ScheduleError> {
        for _ in 0..ATTEMPTS {
            let book = self.journal.read(clock()).await?;
            if book.term > run.term || !self.is_leading(clock()) {
                self.lease = None;
                return Ok(false);
            }
            let run = JobRun { recorded_at: clock(), ..run.clone() };
            if self.journal.append(book.version, std::slice::from_ref(&run), clock()).await?.is_some() {
                self.local.remove(&run.key());
                self.tell(&run);
                self.done.runs.push(run);
                return Ok(true);
            }
        }
        Err(ScheduleError::Contention { table: "job_runs", attempts: ATTEMPTS })
    }

    /// Claims and starts what is due, and records what nobody will end any more.
    async fn advance(&mut self) -> Result<(), ScheduleError> {
        let Some(term) = self.lease.clone() else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            let now = clock();
            // What nobody wrote to since the last look need not be read again.
            if !self.is_noted || self.journal.version().await? != self.book.version {
                self.book = self.journal.read(now).await?;
            }
            if self.book.term > term.term {
                self.lease = None;
                return Ok(());
            }
            let mut book = self.book.clone();
            let mut rows: Vec<JobRun> = Vec::new();
            for run in &mut book.runs {
                if run.state == JobState::Running && self.is_dead(run, &term, now) {
                    let why = "its scheduler died before it could say how it ended".to_owned();
                    *run = JobRun { term: term.term, ..ended(run.clone(), JobState::Lost, None, Some(why)) };
                    rows.push(run.clone());
                }
            }
            for job in &self.scheduler.jobs {
                rows.extend(decide(job, &book, now).map(|decision| row(job, decision, &term, now)));
            }
            // Who writes nothing keeps nobody from writing: a look that finds nothing to do leaves no row.
            if !self.is_noted && (self.mode == Mode::Forever || !rows.is_empty()) {
                rows.push(journal::leads(&term, self.scheduler.own_name.clone(), now));
            }
            if rows.is_empty() || !self.is_leading(clock()) {
                self.has_advanced = rows.is_empty();
                return Ok(());
            }
            if self.journal.append(self.book.version, &rows, now).await?.is_some() {
                (self.is_noted, self.has_advanced) = (true, true);
                for run in rows {
                    self.begin(run);
                }
                self.book = self.journal.read(clock()).await?;
                return Ok(());
            }
        }
        Err(ScheduleError::Contention { table: "job_runs", attempts: ATTEMPTS })
    }

    /// Whether nobody will end the run any more.
    fn is_dead(&self, run: &JobRun, term: &Lease, now: DateTime<Utc>) -> bool {
        let Scheduler { me, settings, is_alive, .. } = self.scheduler;
        if run.holder == me.id {
            return !self.local.contains_key(&run.key());
        }
        if run.host == me.host && (run.process == me.process || !is_alive(run.process)) {
            return true;
        }
        // A leader whose term ended has ended its jobs, or is cut off and does so when it finds out.
        let patience = settings.grace + Duration::from_secs(5);
        match run.trigger {
            JobTrigger::Manual => {
                let deadline = self.scheduler.job(&run.job).map_or(LONGEST_BY_HAND, |job| job.deadline);
                now > run.started_at.unwrap_or(run.scheduled_for) + deadline + patience
            }
            _ => run.term < term.term && now > term.acquired_at + patience,
        }
    }

    /// Starts what was claimed.
    fn begin(&mut self, run: JobRun) {
        self.tell(&run);
        let job = self.scheduler.job(&run.job).filter(|_| run.state == JobState::Running).cloned();
        let Some(job) = job else { return };
        if !self.is_leading(clock()) {
            return;
        }
        self.local.insert(run.key(), run.clone());
        let (launcher, grace) = (self.scheduler.launcher.clone(), self.scheduler.settings.grace);
        let stop = self.stop.subscribe();
        // A trace of its own: that of the scheduler ends when it is stopped.
        let span = info_span!(parent: None, "job", job = %run.job, attempt = run.attempt, trigger = %run.trigger);
        let watch = async move { supervise(&*launcher, run, job.command.get_ref(), job.deadline, grace, stop).await };
        self.running.spawn(watch.instrument(span));
    }

    fn tell(&self, run: &JobRun) {
        if matches!(run.state, JobState::Known | JobState::Leads) {
            return;
        }
        observe(run);
        self.scheduler.launcher.changed(run);
    }

    /// When there is something to do, if nothing happens before.
    fn wake_at(&self, now: DateTime<Utc>, is_starting: bool) -> DateTime<Utc> {
        let Some(lease) = self.lease.as_ref().filter(|_| self.unrecorded.is_empty()) else {
            return now + self.scheduler.renewal() / 4;
        };
        if lease.holder != self.scheduler.me.id {
            return lease.expires_at.min(now + self.scheduler.renewal()).max(now + self.scheduler.renewal() / 8);
        }
        let starts = self.scheduler.jobs.iter().filter(|_| is_starting).filter_map(|job| {
            let next = next_start(job, &self.book, now)?;
            metrics::gauge!("pacbot_job_next_timestamp_seconds", "job" => job.name().to_string())
                .set(next.timestamp() as f64);
            Some(next)
        });
        starts.chain([lease.renewed_at + self.scheduler.renewal()]).min().unwrap_or(now)
    }
}

pub(super) fn row(job: &Job, decision: Decision, term: &Lease, now: DateTime<Utc>) -> JobRun {
    let (scheduled_for, attempt, state, trigger, error) = match decision {
        Decision::Known => (now, 0, JobState::Known, JobTrigger::Schedule, None),
        Decision::Start { scheduled_for, attempt, trigger } => {
            (scheduled_for, attempt, JobState::Running, trigger, None)
        }
        Decision::Skip { scheduled_for, why } => (scheduled_for, 1, JobState::Skipped, JobTrigger::Schedule, Some(why)),
    };
    JobRun {
        job: job.name().clone(),
        scheduled_for,
        attempt,
        state,
        trigger,
        recorded_at: now,
        started_at: (state == JobState::Running).then_some(now),
        finished_at: None,
        exit_code: None,
        error,
        command: Some(job.command.get_ref().join(" ")),
        host: term.host.clone(),
        process: term.process,
        holder: term.holder.clone(),
        term: term.term,
    }
}

/// Counts a run that ended or was skipped.
pub(super) fn observe(run: &JobRun) {
    let job = run.job.to_string();
    if run.state == JobState::Running {
        return;
    }
    metrics::counter!("pacbot_job_runs_total", "job" => job.clone(), "outcome" => run.state.as_str()).increment(1);
    if let Some(took) = run.took() {
        metrics::gauge!("pacbot_job_duration_seconds", "job" => job.clone()).set(took.as_seconds_f64());
    }
    if matches!(run.state, JobState::Succeeded | JobState::Violations) {
        metrics::gauge!("pacbot_job_last_success_timestamp_seconds", "job" => job)
            .set(run.recorded_at.timestamp() as f64);
    }
}
