//! One run of a job: a process of this executable, watched until it ends or is ended.
//!
//! The process's standard input is a pipe that nobody writes to: when its scheduler dies the pipe closes, and the process
//! ends itself, so that a run that is recorded as lost does not go on.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use pacbot_schemas::JobState;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::journal::JobRun;

/// How much of standard error is kept with a run that failed.
const KEPT_LINES: usize = 20;
const KEPT_BYTES: usize = 2000;

/// A line that is longer is cut where it is kept.
const LONGEST_LINE: usize = 500;

/// Who holds a pipe open after the process ended is not waited for.
const DRAIN: Duration = Duration::from_secs(1);

/// Starts jobs.
pub trait Launcher: Send + Sync + 'static {
    /// The executable.
    fn program(&self) -> PathBuf;
    /// What stands before a job's own arguments: where the configuration and the lake are.
    fn arguments(&self) -> Vec<OsString>;
    /// Adds to the environment of a run.
    fn prepare(&self, run: &JobRun, command: &mut Command);
    /// A line that a run printed.
    fn line(&self, run: &JobRun, is_error: bool, line: &str);
    /// A run began, ended or was skipped; it is in the journal.
    fn changed(&self, run: &JobRun);
}

/// How a run came to its end.
#[derive(Debug)]
enum End {
    Exited(std::io::Result<ExitStatus>),
    TimedOut,
    Stopped,
}

/// Runs `arguments` until the end; yields the row that says how it ended.
pub(crate) async fn supervise(
    launcher: &impl Launcher,
    run: JobRun,
    arguments: &[String],
    deadline: Duration,
    grace: Duration,
    mut stop: watch::Receiver<bool>,
) -> JobRun {
    let mut command = Command::new(launcher.program());
    command
        .args(launcher.arguments())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A terminal's Ctrl-C is for the scheduler, which lets its jobs end.
        .process_group(0)
        .kill_on_drop(true);
    launcher.prepare(&run, &mut command);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return ended(run, JobState::Failed, None, Some(format!("it could not be started: {error}"))),
    };
    let lifeline = child.stdin.take();
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let (end, told) = {
        let lines =
            async { tokio::join!(forward(launcher, &run, false, out), forward(launcher, &run, true, errors)).1 };
        let life = async {
            let end = tokio::select! {
                status = child.wait() => End::Exited(status),
                () = tokio::time::sleep(deadline) => End::TimedOut,
                // An error means that the scheduler is gone, and so is its wish.
                _ = stop.wait_for(|stop| *stop) => End::Stopped,
            };
            if !matches!(end, End::Exited(_)) {
                terminate(&mut child, grace).await;
            }
            end
        };
        tokio::pin!(lines, life);
        // Both at once, so that a full pipe does not block the process; then the rest of what it said.
        tokio::select! {
            end = &mut life => (end, timeout(DRAIN, lines).await.unwrap_or_default()),
            told = &mut lines => (life.await, told),
        }
    };
    drop(lifeline);
    let told = (!told.is_empty()).then_some(told);
    match end {
        End::Exited(Ok(status)) => {
            let (state, why) = judged(status);
            let error = if state == JobState::Succeeded { None } else { told.or(why) };
            ended(run, state, status.code(), error)
        }
        End::Exited(Err(error)) => ended(run, JobState::Failed, None, Some(format!("it was lost sight of: {error}"))),
        End::TimedOut => {
            let why = format!("it was killed after {}", humantime::format_duration(deadline));
            ended(run, JobState::TimedOut, None, Some(told.map_or(why.clone(), |told| format!("{why}\n{told}"))))
        }
        End::Stopped => {
            ended(run, JobState::Stopped, None, Some("it was killed since its scheduler stopped".to_owned()))
        }
    }
}

fn judged(status: ExitStatus) -> (JobState, Option<String>) {
    use std::os::unix::process::ExitStatusExt;
    match status.code() {
        Some(0) => (JobState::Succeeded, None),
        Some(1) => (JobState::Violations, None),
        Some(2) => (JobState::Partial, None),
        Some(code) => (JobState::Failed, Some(format!("it ended with {code}"))),
        None => (JobState::Failed, status.signal().map(|signal| format!("it was killed by signal {signal}"))),
    }
}

/// The row that ends `run`.
pub(crate) fn ended(run: JobRun, state: JobState, exit_code: Option<i32>, error: Option<String>) -> JobRun {
    let now = Utc::now().trunc_subsecs(6);
    JobRun { state, exit_code, error, recorded_at: now, finished_at: Some(now), ..run }
}

/// Asks the process and those that it started to end, and ends them if they do not.
async fn terminate(child: &mut Child, grace: Duration) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(group) = group else { return };
    for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, DRAIN)] {
        // An error says that it has ended meanwhile.
        let _ended = kill_process_group(group, signal);
        if timeout(patience, child.wait()).await.is_ok() {
            return;
        }
    }
}

/// Passes lines on as they come; yields the last ones.
async fn forward(
    launcher: &impl Launcher,
    run: &JobRun,
    is_error: bool,
    pipe: Option<impl AsyncRead + Unpin>,
) -> String {
    let Some(pipe) = pipe else { return String::new() };
    let mut lines = BufReader::new(pipe).lines();
    let mut kept: VecDeque<String> = VecDeque::with_capacity(KEPT_LINES);
    // What is no text ends the listening, not the process.
    while let Ok(Some(line)) = lines.next_line().await {
        launcher.line(run, is_error, &line);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line.chars().take(LONGEST_LINE).collect());
    }
    while kept.iter().map(String::len).sum::<usize>() > KEPT_BYTES {
        kept.pop_front();
    }
    Vec::from(kept).join("\n")
}
