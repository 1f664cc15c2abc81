//! Which jobs are due, given what was run and what time it is. Nothing here starts or writes anything.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use pacbot_schemas::{JobName, JobState, JobTrigger};
use xxhash_rust::xxh3::xxh3_64;

use super::journal::{Book, JobRun};
use super::settings::{Job, Overlap};

/// A job that starts later than this was missed: nobody ran when it was due.
const MISSED_AFTER: Duration = Duration::from_secs(300);

/// The longest wait before a retry.
const LONGEST_BACKOFF: Duration = Duration::from_secs(3600);

/// Exit codes of wrong usage and configuration, as sysexits.h has them: trying again does not help.
const USAGE: std::ops::RangeInclusive<i32> = 64..=78;

/// What is to be done about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Note that it is there.
    Known,
    /// Start it.
    Start { scheduled_for: DateTime<Utc>, attempt: u32, trigger: JobTrigger },
    /// Note that it is not run.
    Skip { scheduled_for: DateTime<Utc>, why: String },
}

/// What was run of a job.
struct Past<'a> {
    /// The newest attempt at its newest time.
    newest: Option<&'a JobRun>,
    running: Option<&'a JobRun>,
}

impl<'a> Past<'a> {
    fn of(job: &JobName, book: &'a Book) -> Self {
        let runs = || book.runs.iter().filter(|run| run.job == *job);
        Self {
            newest: runs()
                .filter(|run| run.trigger != JobTrigger::Manual)
                .max_by_key(|run| (run.scheduled_for, run.attempt)),
            running: runs().find(|run| run.state == JobState::Running),
        }
    }
}

/// What is to be done about `job` at `now`.
pub(crate) fn decide(job: &Job, book: &Book, now: DateTime<Utc>) -> Option<Decision> {
    if !job.enabled {
        return None;
    }
    let past = Past::of(job.name(), book);
    let Some(newest) = past.newest else { return Some(Decision::Known) };
    let Some(scheduled_for) = due(job, newest.scheduled_for, now) else { return retry(job, &past, newest, now) };
    // What waited for the run before it was not missed.
    let could_start_at = (scheduled_for + jitter(job, scheduled_for)).max(newest.finished_at.unwrap_or(scheduled_for));
    let was_missed = now - could_start_at > chrono::Duration::from_std(MISSED_AFTER).unwrap_or_default();
    if was_missed && !job.catch_up {
        let why = "it was due while nobody ran".to_owned();
        return Some(Decision::Skip { scheduled_for, why });
    }
    match (past.running, job.overlap) {
        (Some(running), Overlap::Skip) => {
            let began = running.started_at.unwrap_or(running.scheduled_for).format("%Y-%m-%d %H:%M:%S UTC");
            let why = format!("it still ran, since {began}");
            Some(Decision::Skip { scheduled_for, why })
        }
        (Some(_), Overlap::Queue) => None,
        (None, _) | (Some(_), Overlap::Parallel) => {
            let trigger = if was_missed { JobTrigger::CatchUp } else { JobTrigger::Schedule };
            Some(Decision::Start { scheduled_for, attempt: 1, trigger })
        }
    }
}

/// When to look at `job` again, if nothing else happens; `None` when it is never due again.
#[must_use]
pub fn next_start(job: &Job, book: &Book, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let past = Past::of(job.name(), book);
    let retry_at = past.newest.and_then(|newest| retry_at(job, newest)).filter(|_| past.running.is_none());
    // Times before were due, and are coalesced; but for those whose jitter is not over.
    let since = past.newest.map_or(now, |newest| newest.scheduled_for).max(now - job.jitter);
    let mut after = since;
    let mut due_at = None;
    while let Some(scheduled_for) = job.cron.next_after(after, job.zone) {
        let starts_at = scheduled_for + jitter(job, scheduled_for);
        if starts_at > now {
            due_at = Some(starts_at);
            break;
        }
        after = scheduled_for;
    }
    let next = retry_at.into_iter().chain(due_at).min();
    next.filter(|_| job.enabled)
}

/// The newest time after `last` whose jitter is over. Earlier ones that nobody ran are given up for it.
fn due(job: &Job, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut until = now;
    loop {
        let scheduled_for = job.cron.last_until(until, job.zone).filter(|at| *at > last)?;
        if scheduled_for + jitter(job, scheduled_for) <= now {
            return Some(scheduled_for);
        }
        until = scheduled_for - chrono::Duration::seconds(1);
    }
}

fn retry(job: &Job, past: &Past<'_>, newest: &JobRun, now: DateTime<Utc>) -> Option<Decision> {
    let is_free = past.running.is_none() || job.overlap == Overlap::Parallel;
    let is_due = retry_at(job, newest).is_some_and(|at| at <= now);
    (is_free && is_due).then(|| Decision::Start {
        scheduled_for: newest.scheduled_for,
        attempt: newest.attempt + 1,
        trigger: JobTrigger::Retry,
    })
}

/// When the attempt after this one begins, if there is to be one.
fn retry_at(job: &Job, run: &JobRun) -> Option<DateTime<Utc>> {
    let failed = matches!(run.state, JobState::Failed | JobState::TimedOut | JobState::Stopped | JobState::Lost);
    let may_help = !run.exit_code.is_some_and(|code| USAGE.contains(&code));
    let backoff = ExponentialBuilder::default()
        .with_min_delay(job.backoff)
        .with_max_delay(LONGEST_BACKOFF.max(job.backoff))
        .with_max_times(usize::try_from(job.retries).unwrap_or(usize::MAX))
        .build()
        .nth(usize::try_from(run.attempt.saturating_sub(1)).unwrap_or(usize::MAX));
    let backoff = backoff.filter(|_| failed && may_help)?;
    Some(run.finished_at.unwrap_or(run.recorded_at) + backoff)
}

/// By how much a start is put off: always the same for a job and a time.
fn jitter(job: &Job, scheduled_for: DateTime<Utc>) -> Duration {
    let bound = u64::try_from(job.jitter.as_millis()).unwrap_or(u64::MAX);
    let hash = xxh3_64(format!("{} {}", job.name(), scheduled_for.timestamp()).as_bytes());
    hash.checked_rem(bound).map_or(Duration::ZERO, Duration::from_millis)
}

#[cfg(test)]
mod tests;
