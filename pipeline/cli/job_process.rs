//! A process that a scheduler started, and the scheduler's side of it.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;

use pacbot_jobs::{JobRun, Launcher};
use pacbot_schemas::JobState;

use crate::config::Config;
use crate::execution::say;
use crate::telemetry::{self, Scrapes};

/// Names the job to the process that runs it.
const JOB: &str = "PACBOT_JOB";

/// Ended by the end of its scheduler, as by a signal.
const EXIT_ORPHANED: i32 = 143;

/// In a process of a job: watches the pipe that its scheduler holds, and ends the process when the scheduler is gone.
/// Whatever is being done then is continued or done again by the next run, as after any kill.
pub(crate) fn end_with_scheduler() {
    if std::env::var_os(JOB).is_none() {
        return;
    }
    std::thread::spawn(|| {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|count| count > 0) {}
        std::process::exit(EXIT_ORPHANED);
    });
}

/// Starts jobs with the configuration that this process has.
pub(crate) struct Jobs {
    program: PathBuf,
    arguments: Vec<OsString>,
    scrapes: Scrapes,
    /// Whether lines go where a person reads one command's output.
    is_by_hand: bool,
}

impl Jobs {
    /// By this executable.
    pub(crate) fn new(config: &Config, scrapes: Scrapes, is_by_hand: bool) -> std::io::Result<Self> {
        let mut arguments = vec!["--lake".into(), config.lake.location.clone().into()];
        if let Some(file) = &config.file {
            arguments.extend(["--config".into(), file.clone().into()]);
        }
        Ok(Self { program: std::env::current_exe()?, arguments, scrapes, is_by_hand })
    }
}

impl Launcher for Jobs {
    fn program(&self) -> PathBuf {
        self.program.clone()
    }

    fn arguments(&self) -> Vec<OsString> {
        self.arguments.clone()
    }

    fn prepare(&self, run: &JobRun, command: &mut tokio::process::Command) {
        command.env(JOB, run.job.as_str());
        telemetry::pass_on(run, &self.scrapes, command);
    }

    fn line(&self, run: &JobRun, is_error: bool, line: &str) {
        match (self.is_by_hand, is_error) {
            (true, true) => say(line),
            // Nobody is left to tell when standard output is gone.
            (true, false) => drop(writeln!(std::io::stdout(), "{line}")),
            (false, _) => say(&format!("[{}] {line}", run.job)),
        }
    }

    fn changed(&self, run: &JobRun) {
        if run.state != JobState::Running {
            self.scrapes.absorb(run);
        }
        let name = format!("job {} of {}", run.job, run.scheduled_for.format("%Y-%m-%d %H:%M:%S UTC"));
        let attempt = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
        let took = run.took().map(|took| format!(" after {:.1} s", took.as_seconds_f64())).unwrap_or_default();
        let why = run.error.as_ref().and_then(|error| error.lines().last());
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        say(&format!("{name}{attempt}: {}{took}{why}", run.state.as_str().replace('_', " ")));
    }
}
