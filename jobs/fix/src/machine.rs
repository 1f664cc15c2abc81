//! What comes next for one occurrence of an issue: from what happened, the settings and the time to one step. A pure
//! function; whether the step is also taken (caps, claims, the switch) is decided where it is taken.

use std::fmt;

use chrono::{DateTime, Utc};
use pacbot_schemas::{AccountId, FixEvent, FixMode, IssueState};
use serde::Deserialize;

use crate::events::EventRow;
use crate::settings::Rules;
use crate::windows::{is_open, next_opening};

/// Something that happened to an issue; the part of a row of `fix_events` that decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Past {
    /// The occurrence that it happened to.
    pub occurrence: u64,
    /// What.
    pub event: FixEvent,
    /// When.
    pub at: DateTime<Utc>,
    /// Which run did it.
    #[serde(default)]
    pub run_id: String,
}

impl Past {
    /// The part of a row that decides.
    pub(crate) fn of(row: &EventRow) -> Self {
        Self { occurrence: row.occurrence, event: row.event, at: row.at, run_id: row.run_id.clone() }
    }
}

/// The issue as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its state; only open ones are fixed.
    pub state: IssueState,
    /// Its occurrence.
    pub occurrence: u64,
    /// When this occurrence opened.
    pub opened_at: DateTime<Utc>,
    /// The asset's account.
    pub account_id: AccountId,
    /// What people call the asset.
    pub name: String,
}

/// What is so for all issues of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// The switch is thrown.
    pub is_stopped: bool,
    /// There is a way to deliver warnings.
    pub can_warn: bool,
    /// An earlier run has noted what this very fix would change.
    pub is_rehearsed: bool,
    /// A parameter that the fix needs and nobody configured.
    pub missing_parameter: Option<String>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, and why.
    Nothing(Why),
    /// A dry run: what would be changed is noted.
    Rehearse,
    /// People are told, for the n-th of m times.
    Warn {
        /// n.
        number: u32,
        /// m.
        of: u32,
    },
    /// Nothing until then.
    Wait {
        /// When something may come next.
        until: DateTime<Utc>,
        /// For what.
        awaits: Awaits,
    },
    /// A person has to agree.
    Approval,
    /// It is due: it is claimed and applied.
    Apply,
    /// A claim has no result: the live asset says what became of it.
    Resolve,
}

/// Why nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Fixes are stopped.
    Stopped,
    /// The issue is in this state.
    NotOpen(IssueState),
    /// The mode is `off`.
    Off,
    /// The account is not listed.
    AccountNotListed,
    /// The asset's name is not one that is fixed.
    Name,
    /// A parameter is missing.
    MissingParameter(String),
    /// Nobody could be told.
    NoWayToWarn,
    /// A dry run is all that is asked for, and it is noted.
    DryRunOnly,
    /// Another run is at it.
    Claimed(String),
    /// It was verified; the next evaluation closes the issue.
    Fixed,
    /// A person undid it.
    Undone,
    /// It failed as often as it is tried.
    GivenUp(u32),
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// The issue's minimum age.
    Age,
    /// The next warning, or the time after the last.
    Warning,
    /// A maintenance window.
    Window,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("fixes are stopped"),
            Self::NotOpen(state) => write!(f, "the issue is {state}"),
            Self::Off => f.write_str("the mode is off"),
            Self::AccountNotListed => f.write_str("the account is not listed"),
            Self::Name => f.write_str("assets of this name are not fixed"),
            Self::MissingParameter(name) => write!(f, "the parameter `{name}` is not configured"),
            Self::NoWayToWarn => f.write_str("nobody is told of fixes; name `[fix] recipients`, owners of groups, or a subscription to `fix_warning`"),
            Self::DryRunOnly => f.write_str("the dry run is noted"),
            Self::Claimed(run) => write!(f, "run {run} is at it"),
            Self::Fixed => f.write_str("fixed and verified; the next evaluation closes the issue"),
            Self::Undone => f.write_str("a person undid it; `pacbot fix approve` allows it again"),
            Self::GivenUp(attempts) => write!(f, "failed {attempts} times"),
        }
    }
}

impl fmt::Display for Awaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Age => "the issue is younger than the minimum age",
            Self::Warning => "warned",
            Self::Window => "outside the maintenance windows",
        })
    }
}

/// What comes next for an issue.
///
/// `history` is in order and may hold other occurrences, which count for nothing but a claim that has no result.
#[must_use]
pub fn next_step(
    history: &[Past],
    issue: &Issue,
    rules: &Rules,
    circumstances: &Circumstances,
    now: DateTime<Utc>,
) -> Step {
    // A claim without a result comes first, whatever else is: only the live asset knows what it is now.
    if let Some(claim) = unresolved(history) {
        return if now - claim.at >= rules.claim_expiry {
            Step::Resolve
        } else {
            Step::Nothing(Why::Claimed(claim.run_id.clone()))
        };
    }
    if let Some(why) = forbidden(issue, rules, circumstances) {
        return Step::Nothing(why);
    }
    if was_undone(history, issue) {
        return Step::Nothing(Why::Undone);
    }
    let history: Vec<&Past> = history.iter().filter(|past| past.occurrence == issue.occurrence).collect();
    let count = |event| history.iter().filter(|past| past.event == event).count() as u64;
    let last = |event| history.iter().rev().find(|past| past.event == event).map(|past| past.at);
    if history.iter().rev().map(|past| past.event).find(|event| is_end(*event)) == Some(FixEvent::Verified) {
        return Step::Nothing(Why::Fixed);
    }
    let failures = count(FixEvent::Failed);
    if failures >= u64::from(rules.attempts.get()) {
        return Step::Nothing(Why::GivenUp(u32::try_from(failures).unwrap_or(u32::MAX)));
    }
    let old_enough = later(issue.opened_at, rules.minimum_age);
    if now < old_enough {
        return Step::Wait { until: old_enough, awaits: Awaits::Age };
    }
    let is_noted = count(FixEvent::Planned) > 0;
    if !circumstances.is_rehearsed || rules.mode == FixMode::DryRun {
        return if is_noted && rules.mode == FixMode::DryRun { Step::Nothing(Why::DryRunOnly) } else { Step::Rehearse };
    }
    if !circumstances.can_warn {
        return Step::Nothing(Why::NoWayToWarn);
    }
    let of = rules.warnings.get();
    let warned = u32::try_from(count(FixEvent::Warned)).unwrap_or(u32::MAX);
    if let Some(last) = last(FixEvent::Warned) {
        // The last warning has its full time as well, however late it came.
        let until = later(last, rules.wait / i32::try_from(of).unwrap_or(i32::MAX));
        if now < until {
            return Step::Wait { until, awaits: Awaits::Warning };
        }
    }
    if warned < of {
        return Step::Warn { number: warned + 1, of };
    }
    if rules.mode == FixMode::Approve && count(FixEvent::Approved) == 0 {
        return Step::Approval;
    }
    if !is_open(&rules.windows, now) {
        let until = next_opening(&rules.windows, now).unwrap_or(DateTime::<Utc>::MAX_UTC);
        return Step::Wait { until, awaits: Awaits::Window };
    }
    Step::Apply
}

/// Why nothing may happen, whatever happened before.
fn forbidden(issue: &Issue, rules: &Rules, circumstances: &Circumstances) -> Option<Why> {
    if circumstances.is_stopped {
        return Some(Why::Stopped);
    }
    if issue.state != IssueState::Open {
        return Some(Why::NotOpen(issue.state));
    }
    if rules.mode == FixMode::Off {
        return Some(Why::Off);
    }
    if !rules.accounts.contains(&issue.account_id) {
        return Some(Why::AccountNotListed);
    }
    let fits = rules.names.as_ref().is_none_or(|names| names.is_match(&issue.name));
    let excepted = rules.except.as_ref().is_some_and(|except| except.is_match(&issue.name));
    if !fits || excepted {
        return Some(Why::Name);
    }
    circumstances.missing_parameter.clone().map(Why::MissingParameter)
}

/// Whether a person put back what was, and nobody agreed to a fix since. It holds for the occurrence that the undo opened
/// too: a program that fixes again what a person undid would fight that person.
fn was_undone(history: &[Past], issue: &Issue) -> bool {
    let recent = history.iter().rev().filter(|past| past.occurrence + 1 >= issue.occurrence);
    let mut decisive = recent.filter(|past| is_end(past.event) || past.event == FixEvent::Approved);
    decisive.next().is_some_and(|past| matches!(past.event, FixEvent::Undone | FixEvent::UndoFailed))
}

/// The claim that nobody has resolved.
pub(crate) fn unresolved(history: &[Past]) -> Option<&Past> {
    let last = history.iter().rev().find(|past| {
        is_end(past.event) || matches!(past.event, FixEvent::Claimed | FixEvent::UndoClaimed | FixEvent::Released)
    });
    last.filter(|past| matches!(past.event, FixEvent::Claimed | FixEvent::UndoClaimed))
}

/// Whether an event ends a claim. `applied` does not: it still has to be verified.
fn is_end(event: FixEvent) -> bool {
    matches!(event, FixEvent::Verified | FixEvent::Failed | FixEvent::Undone | FixEvent::UndoFailed)
}

fn later(time: DateTime<Utc>, by: chrono::Duration) -> DateTime<Utc> {
    time.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
