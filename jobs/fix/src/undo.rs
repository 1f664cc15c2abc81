//! Putting back what was: by a person, for one issue.

use std::sync::Arc;

use chrono::Utc;
use pacbot_schemas::{FixEvent, PolicyId};

use crate::events::{EventRow, FixLakeError, Reading, append};
use crate::fix::{Fix, FixError, Job, Made, State};
use crate::guard::{ClaimGuard, Undo};
use crate::machine::{Past, unresolved};
use crate::registry::Fixes;
use crate::resolve::undo_base;
use crate::runner::{Claim, Outcome, Runner};

/// How an undo is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct UndoOptions {
    /// Even if somebody changed the asset since it was fixed.
    pub over_changes: bool,
    /// Even while fixes are stopped.
    pub while_stopped: bool,
}

impl Runner<'_> {
    /// Puts the asset of an issue back into the state that its fix found; yields the policy too, whose judgement that
    /// changes.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`] if it cannot be noted.
    pub async fn undo(
        &self,
        fixes: &Fixes,
        issue_id: &str,
        options: UndoOptions,
    ) -> Result<(Outcome, Option<PolicyId>), FixLakeError> {
        let events = Reading::now(self.lake, Utc::now()).await?.events_of(issue_id).await?;
        let policy = events.last().map(|row| row.policy_id.clone());
        let outcome = self.undo_of(fixes, issue_id, &events, options).await?;
        Ok((outcome, policy))
    }

    async fn undo_of(
        &self,
        fixes: &Fixes,
        issue_id: &str,
        events: &[EventRow],
        options: UndoOptions,
    ) -> Result<Outcome, FixLakeError> {
        let (claim, fix) = match self.base(fixes, events) {
            Ok(base) => base,
            Err(why) => return Ok(Outcome::Skipped(why)),
        };
        let last = |event| events.iter().rev().find(|row| row.event == event && row.occurrence == claim.row.occurrence);
        let made: Made =
            last(FixEvent::Applied).and_then(|row| serde_json::from_str(row.made.as_ref()?).ok()).unwrap_or_default();
        let live = self.live.guarded(Arc::new(ClaimGuard {
            lake: self.lake.clone(),
            groups: self.groups.clone(),
            issue_id: issue_id.to_owned(),
            run_id: self.author.run_id.clone(),
            undo: Some(Undo { while_stopped: options.while_stopped }),
        }));
        let job = Job { target: &claim.target, parameters: &claim.parameters, live: &live };
        let now = match fix.read(job, &made).await {
            Ok(now) => now,
            Err(error) => return Ok(Outcome::Failed(error.line())),
        };
        let after: Option<State> =
            last(FixEvent::Verified).and_then(|row| serde_json::from_str(row.state_after.as_ref()?).ok());
        if let Some(after) = after.filter(|_| !options.over_changes) {
            let changed = fix.differences(&after, &now);
            if !changed.is_empty() {
                let changed = changed.join(", ");
                return Ok(Outcome::Skipped(format!(
                    "somebody changed it since it was fixed: {changed}; --over-changes undoes all the same"
                )));
            }
        }
        if !self.claim_undo(events, &claim).await? {
            return Ok(Outcome::Skipped("another run is at it".to_owned()));
        }
        let undone = fix.undo(job, &claim.before, &now, &made).await;
        let row = self.row_of(FixEvent::Undone, &claim);
        let (outcome, row) = match undone {
            Ok(made) => compared(&*fix, job, &claim, &made, row, self.verify_within).await,
            Err(error) => (
                Outcome::Failed(error.line()),
                EventRow { event: FixEvent::UndoFailed, error: Some(error.line()), ..row },
            ),
        };
        self.note(row).await?;
        Ok(outcome)
    }

    fn base(&self, fixes: &Fixes, events: &[EventRow]) -> Result<(Claim, Arc<dyn Fix>), String> {
        let history: Vec<Past> = events.iter().map(Past::of).collect();
        if let Some(claim) = unresolved(&history) {
            return Err(format!(
                "run {} is at it; `pacbot fix apply` finds out what became of a killed one",
                claim.run_id
            ));
        }
        let base = undo_base(events).ok_or("no fix has changed it")?;
        let fix = fixes.get(base.fix.as_str()).ok_or_else(|| format!("there is no fix `{}`", base.fix))?;
        let claim = Claim::of(base).map_err(|error| error.to_string())?;
        Ok((claim, fix.clone()))
    }

    async fn claim_undo(&self, events: &[EventRow], claim: &Claim) -> Result<bool, FixLakeError> {
        let row = self.row_of(FixEvent::UndoClaimed, claim);
        let seen = events.last().map(|row| row.sequence);
        let claimed = append(self.lake, |reading| {
            let row = &row;
            async move {
                let events = reading.events_of(&row.issue_id).await?;
                let is_same = events.last().map(|row| row.sequence) == seen;
                Ok(if is_same { vec![EventRow { at: Utc::now(), ..row.clone() }] } else { Vec::new() })
            }
        })
        .await?;
        Ok(!claimed.is_empty())
    }

    fn row_of(&self, event: FixEvent, claim: &Claim) -> EventRow {
        EventRow {
            event,
            run_id: self.author.run_id.clone(),
            actor: self.author.actor.clone(),
            plan: None,
            state_before: None,
            ..claim.row.clone()
        }
    }
}

/// Looks until the asset is as it was before, or the time is up.
async fn compared(
    fix: &dyn Fix,
    job: Job<'_>,
    claim: &Claim,
    made: &Made,
    row: EventRow,
    within: std::time::Duration,
) -> (Outcome, EventRow) {
    let began = tokio::time::Instant::now();
    let mut pause = std::time::Duration::from_millis(500);
    let made_text = EventRow::json(made);
    loop {
        let now = match fix.read(job, made).await {
            Ok(now) => now,
            Err(error) => return failed(row, error),
        };
        let differences = fix.differences(&claim.before, &now);
        if differences.is_empty() {
            return (Outcome::Undone, EventRow { made: made_text, state_after: EventRow::json(&now), ..row });
        }
        if began.elapsed() + pause > within {
            let error = format!("not as it was before: {}", differences.join(", "));
            let row = EventRow {
                event: FixEvent::UndoFailed,
                state_after: EventRow::json(&now),
                error: Some(error.clone()),
                ..row
            };
            return (Outcome::Failed(error), row);
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

fn failed(row: EventRow, error: FixError) -> (Outcome, EventRow) {
    (Outcome::Failed(error.line()), EventRow { event: FixEvent::UndoFailed, error: Some(error.line()), ..row })
}
