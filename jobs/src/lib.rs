//! Jobs: what is done with the violations of an evaluation.
//!
//! [`diff()`] turns the difference between two evaluations into issues that open and close; [`notify`] tells people.
//!
//! Nothing here talks to a cloud or evaluates a policy.

mod diff;
pub mod notify;
mod schedule;
#[cfg(test)]
mod testing;

pub use diff::{DiffError, Diffed, diff};
pub use schedule::{
    Book, Cron, Ended, Holder, Job, JobRun, Journal, Launcher, Lease, Mode, Overlap, SCHEDULER, ScheduleError,
    ScheduleSettings, Scheduler, current, next_start, run_by_hand,
};
