//! Exceptions: violations that people allowed for a while, and why.
//!
//! An exception is what its rows in `exceptions` fold to; rows are never edited. Whether it holds is a matter of the time
//! that is asked for, so an end needs no job. Which issues it covers is the work of [`crate::Exceptions`].

use chrono::{DateTime, NaiveDate, Utc};
use pacbot_schemas::{PolicyId, fits};
use serde::{Deserialize, Serialize};

use crate::journal::JournalRow;
use crate::predicate::Predicate;

/// A row of `exceptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionRow {
    /// The exception.
    pub exception_id: String,
    /// Orders the rows.
    pub sequence: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What happened.
    pub event: ExceptionEvent,
    /// Who wants it.
    pub requester: String,
    /// Who allowed it.
    #[serde(default)]
    pub approver: Option<String>,
    /// Why.
    pub reason: String,
    /// Where it was discussed.
    #[serde(default)]
    pub ticket: Option<String>,
    /// What it covers.
    #[serde(flatten)]
    pub scope: ExceptionScope,
    /// When it holds.
    #[serde(flatten)]
    pub period: Period,
}

/// What happened to an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExceptionEvent {
    /// Somebody wants it.
    Requested,
    /// Somebody allowed it.
    Granted,
    /// It got another end.
    Renewed,
    /// It was taken back.
    Revoked,
    /// It was not allowed.
    Refused,
}

/// What an exception covers: issues by name, or *sticky*: policies, and perhaps only some assets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionScope {
    /// Issues by name.
    #[serde(default)]
    pub issue_ids: Vec<String>,
    /// Policies; `*` stands for any text.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Only assets of this group.
    #[serde(default)]
    pub group_id: Option<String>,
    /// The table that `where` is about.
    #[serde(default)]
    pub on: Option<String>,
    /// Only assets for which this holds.
    #[serde(default, rename = "where")]
    pub text: Option<String>,
}

impl ExceptionScope {
    /// The predicate over assets, if there is one.
    #[must_use]
    pub fn predicate(&self) -> Option<Predicate> {
        let text = self.text.clone()?;
        Some(match &self.on {
            Some(on) => Predicate { on: on.clone(), text },
            None => Predicate::of_assets(text),
        })
    }

    /// Whether a policy is among those that it names.
    #[must_use]
    pub fn names_policy(&self, policy: &PolicyId) -> bool {
        self.policies.iter().any(|pattern| fits(pattern, policy.as_str()))
    }

    /// Whether it covers whatever its policies find.
    #[must_use]
    pub fn is_of_all_assets(&self) -> bool {
        self.issue_ids.is_empty() && self.group_id.is_none() && self.text.is_none()
    }
}

/// When an exception holds: whole days of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first moment.
    pub from_at: DateTime<Utc>,
    /// The first moment after it.
    pub until_at: DateTime<Utc>,
    /// The first day.
    pub from_date: NaiveDate,
    /// The last day.
    pub until_date: NaiveDate,
    /// The zone of the days, for example `Europe/Berlin`.
    pub zone: String,
}

/// Why days make no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// There is no such zone.
    #[error("`{0}` is no time zone; write for example `Europe/Berlin` or `UTC`")]
    Zone(String),
    /// It ends before it begins.
    #[error("the exception would end on {until}, before it begins on {from}")]
    Backwards {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        until: NaiveDate,
    },
    /// It is over already.
    #[error("the exception would have ended on {0}")]
    Over(NaiveDate),
}

impl Period {
    /// From the first moment of `from` to the last of `until`, as the clocks of `zone` go.
    ///
    /// # Errors
    ///
    /// [`PeriodError`]
    pub fn new(from: NaiveDate, until: NaiveDate, zone: &str, now: DateTime<Utc>) -> Result<Self, PeriodError> {
        let tz: chrono_tz::Tz = zone.parse().map_err(|_| PeriodError::Zone(zone.to_owned()))?;
        if until < from {
            return Err(PeriodError::Backwards { from, until });
        }
        let day_after = until.succ_opt().unwrap_or(until);
        let period = Self {
            from_at: start_of_day(from, tz),
            until_at: start_of_day(day_after, tz),
            from_date: from,
            until_date: until,
            zone: zone.to_owned(),
        };
        if period.until_at <= now { Err(PeriodError::Over(until)) } else { Ok(period) }
    }

    /// How many days it lasts, both ends included.
    #[must_use]
    pub fn days(&self) -> u64 {
        (self.until_date - self.from_date).num_days().unsigned_abs() + 1
    }
}

/// The first moment of a day. Some zones skip midnight when summer begins: then the first that there is.
fn start_of_day(day: NaiveDate, zone: chrono_tz::Tz) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    let moments = (0..48).map(|half_hours| midnight + chrono::TimeDelta::minutes(30 * half_hours));
    let first = moments.filter_map(|moment| moment.and_local_timezone(zone).earliest()).next();
    first.map_or_else(|| midnight.and_utc(), |moment| moment.with_timezone(&Utc))
}

/// An exception as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its newest row.
    pub row: ExceptionRow,
    /// Who wanted it, when.
    pub first_at: DateTime<Utc>,
}

/// Whether an exception holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExceptionState {
    /// It holds.
    Active,
    /// It is allowed, and begins later.
    Future,
    /// Nobody has allowed it yet.
    Requested,
    /// It has ended.
    Expired,
    /// It was taken back.
    Revoked,
    /// It was not allowed.
    Refused,
}

impl ExceptionState {
    /// As text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Future => "future",
            Self::Requested => "requested",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Refused => "refused",
        }
    }
}

impl Exception {
    /// What `rows`, in their order, fold to; sorted by id.
    #[must_use]
    pub fn fold(rows: impl IntoIterator<Item = ExceptionRow>) -> Vec<Self> {
        let mut exceptions: std::collections::BTreeMap<String, Self> = std::collections::BTreeMap::new();
        for row in rows {
            let first_at = exceptions.get(&row.exception_id).map_or(row.at, |exception| exception.first_at);
            exceptions.insert(row.exception_id.clone(), Self { row, first_at });
        }
        exceptions.into_values().collect()
    }

    /// Whether it holds at a time.
    #[must_use]
    pub fn state(&self, at: DateTime<Utc>) -> ExceptionState {
        let period = &self.row.period;
        match self.row.event {
            ExceptionEvent::Revoked => ExceptionState::Revoked,
            ExceptionEvent::Refused => ExceptionState::Refused,
            _ if at >= period.until_at => ExceptionState::Expired,
            ExceptionEvent::Requested => ExceptionState::Requested,
            _ if at < period.from_at => ExceptionState::Future,
            _ => ExceptionState::Active,
        }
    }

    /// Whether somebody allowed it and nobody took that back, whatever the time.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        matches!(self.row.event, ExceptionEvent::Granted | ExceptionEvent::Renewed)
    }
}

impl JournalRow for ExceptionRow {
    const TABLE: &'static str = "exceptions";
    fn sequence(&self) -> i64 {
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_is_part_of_it_in_the_zone() {
        let period =
            Period::new(day("2026-03-01"), day("2026-03-31"), "Europe/Berlin", at("2026-03-01T00:00:00Z")).unwrap();
        // Summer time began on the 29th.
        assert_eq!((period.from_at, period.until_at), (at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z")));
        assert_eq!(period.days(), 31);
        let told = |from: &str, until: &str, zone: &str| {
            Period::new(day(from), day(until), zone, at("2026-03-01T00:00:00Z")).unwrap_err().to_string()
        };
        assert_eq!(
            told("2026-03-02", "2026-03-01", "UTC"),
            "the exception would end on 2026-03-01, before it begins on 2026-03-02"
        );
        assert_eq!(told("2026-02-01", "2026-02-28", "UTC"), "the exception would have ended on 2026-02-28");
        assert_eq!(
            told("2026-03-01", "2026-03-02", "Mars"),
            "`Mars` is no time zone; write for example `Europe/Berlin` or `UTC`"
        );
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_it_begins() {
        let period =
            Period::new(day("2018-11-04"), day("2018-11-04"), "America/Sao_Paulo", at("2018-01-01T00:00:00Z")).unwrap();
        assert_eq!((period.from_at, period.until_at), (at("2018-11-04T03:00:00Z"), at("2018-11-05T02:00:00Z")));
    }

    #[test]
    fn what_happened_last_decides() {
        let period = Period::new(day("2026-03-01"), day("2026-03-10"), "UTC", at("2026-03-01T00:00:00Z")).unwrap();
        let row = |sequence, event| ExceptionRow {
            exception_id: "e".to_owned(),
            sequence,
            at: at("2026-03-01T00:00:00Z"),
            actor: "a".to_owned(),
            event,
            requester: "a".to_owned(),
            approver: None,
            reason: "r".to_owned(),
            ticket: None,
            scope: ExceptionScope::default(),
            period: period.clone(),
        };
        let state = |events: &[ExceptionEvent], when: &str| {
            let rows = events.iter().zip(1..).map(|(event, sequence)| row(sequence, *event));
            Exception::fold(rows)[0].state(at(when))
        };
        use ExceptionEvent::{Granted, Refused, Requested, Revoked};
        assert_eq!(state(&[Requested], "2026-03-05T00:00:00Z"), ExceptionState::Requested);
        assert_eq!(state(&[Requested, Granted], "2026-02-05T00:00:00Z"), ExceptionState::Future);
        assert_eq!(state(&[Requested, Granted], "2026-03-10T23:59:59Z"), ExceptionState::Active);
        assert_eq!(state(&[Requested, Granted], "2026-03-11T00:00:00Z"), ExceptionState::Expired);
        assert_eq!(state(&[Granted, Revoked], "2026-03-05T00:00:00Z"), ExceptionState::Revoked);
        assert_eq!(state(&[Requested, Refused], "2026-03-05T00:00:00Z"), ExceptionState::Refused);
        assert_eq!(state(&[Requested], "2026-04-05T00:00:00Z"), ExceptionState::Expired);
    }
}
