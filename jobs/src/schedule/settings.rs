//! The `[[jobs]]` and `[schedule]` of the configuration.

use std::time::Duration;

use chrono_tz::Tz;
use pacbot_schemas::JobName;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::cron::Cron;

/// A command that is run again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What it is called; its runs are found by this name.
    pub name: Spanned<JobName>,
    /// The arguments of `pacbot`.
    pub command: Spanned<Vec<String>>,
    /// When it is due.
    pub cron: Cron,
    /// The zone of the hours in `cron`.
    #[serde(default, deserialize_with = "zone")]
    pub zone: Tz,
    /// It starts up to so much later, each time by another amount, so that not everything starts at once.
    #[serde(default, deserialize_with = "duration")]
    pub jitter: Duration,
    /// What happens when it is due while it still runs.
    #[serde(default)]
    pub overlap: Overlap,
    /// A run that takes longer is killed.
    #[serde(default = "default_deadline", deserialize_with = "duration")]
    pub deadline: Duration,
    /// How often a run that failed is tried again.
    #[serde(default = "default_retries")]
    pub retries: u32,
    /// The wait before the first of these; each further one is twice as long, up to an hour.
    #[serde(default = "default_backoff", deserialize_with = "duration")]
    pub backoff: Duration,
    /// Whether it is run, once, when it was due while nobody ran.
    #[serde(default = "yes")]
    pub catch_up: bool,
    /// Whether it is due at all.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Job {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &JobName {
        self.name.get_ref()
    }
}

/// What happens when a job is due while it still runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// That time is skipped.
    #[default]
    Skip,
    /// It starts when the other ended, once, however often it was due meanwhile.
    Queue,
    /// Both run.
    Parallel,
}

/// How schedulers take turns, and end.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleSettings {
    /// A leader that does not say for so long that it lives is replaced.
    #[serde(deserialize_with = "lease")]
    pub lease: Duration,
    /// How long running jobs may go on when their scheduler is stopped, and after SIGTERM at their deadline.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self { lease: Duration::from_secs(60), grace: Duration::from_secs(20) }
    }
}

/// Shorter leases end while a slow object store is asked to renew them.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// More jitter would bring a job past the next day's time.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

fn default_deadline() -> Duration {
    Duration::from_secs(6 * 3600)
}

fn default_retries() -> u32 {
    1
}

fn default_backoff() -> Duration {
    Duration::from_secs(60)
}

fn yes() -> bool {
    true
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no zone; write for example \"Europe/Berlin\"")))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no duration; write for example \"10m\"")))?;
    if duration > LONGEST { Err(serde::de::Error::custom("a duration of more than a year")) } else { Ok(duration) }
}

fn lease<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let lease = duration(deserializer)?;
    if lease < SHORTEST_LEASE { Err(serde::de::Error::custom("a lease of less than a second")) } else { Ok(lease) }
}
