//! Runs the jobs of the configuration when they are due, by one leader among all schedulers of a lake.
//!
//! Promises: a time at which a job is due is run once, whoever is killed when. It is claimed by a commit on the version
//! of `job_runs` that was read, before it starts; a run whose scheduler died is recorded as lost and tried again if its
//! job allows. One scheduler leads, by a lease with a term; a leader whose term is over starts and records nothing more,
//! since whoever leads next begins with a row of a higher term in the same table.
//!
//! A job is a command of this executable in a process of its own: what it does is no business of the schedule.

mod by_hand;
mod cron;
mod error;
mod journal;
mod lease;
mod plan;
mod process;
mod scheduler;
mod settings;

pub use by_hand::run_by_hand;
pub use cron::Cron;
pub use error::ScheduleError;
pub use journal::{Book, JobRun, Journal, SCHEDULER};
pub use lease::{Holder, Lease, current};
pub use plan::next_start;
pub use process::Launcher;
pub use scheduler::{Ended, Mode, Scheduler};
pub use settings::{Job, Overlap, ScheduleSettings};
