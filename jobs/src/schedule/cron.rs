//! When a job is due, by the clock of its zone.
//!
//! A time that its zone's clock leaves out (summer time begins) is due at the first moment after the gap; one that
//! comes twice is due once if the pattern names one time of day, and both times if it names many, as with Vixie cron.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Deserializer};

/// A pattern of five fields, or of six with seconds first.
#[derive(Debug, Clone)]
pub struct Cron(croner::Cron);

impl Cron {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| {
            let error = error.to_string();
            format!("`{pattern}` is no cron pattern: {}", error.trim_end_matches('.').to_lowercase())
        })?;
        let cron = Self(cron);
        match cron.next_after(DateTime::UNIX_EPOCH, Tz::UTC) {
            Some(_) => Ok(cron),
            None => Err(format!("`{pattern}` is never due")),
        }
    }

    /// The first time after `at`.
    #[must_use]
    pub fn next_after(&self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // An error means that there is none before the calendar ends.
        self.0.find_next_occurrence(&at.with_timezone(&zone), false).ok().map(|at| at.to_utc())
    }

    /// The last time at `at` or before.
    #[must_use]
    pub fn last_until(&self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        self.0.find_previous_occurrence(&at.with_timezone(&zone), true).ok().map(|at| at.to_utc())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
