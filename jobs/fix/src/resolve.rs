//! Claims without a result: what a kill left is found out from the live asset.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use datafusion::prelude::{col, lit};
use pacbot_schemas::FixEvent;

use crate::events::{EVENTS, EventRow, FixLakeError, Reading, append, in_order, rows};
use crate::fix::{FixError, Job, Made};
use crate::machine::{Past, unresolved};
use crate::registry::Fixes;
use crate::runner::{Claim, Outcome, Runner};
use crate::settings::FixSettings;

/// Events that begin and end claims.
const DECISIVE: [FixEvent; 8] = [
    FixEvent::Claimed,
    FixEvent::Released,
    FixEvent::Applied,
    FixEvent::Verified,
    FixEvent::Failed,
    FixEvent::UndoClaimed,
    FixEvent::Undone,
    FixEvent::UndoFailed,
];

impl Runner<'_> {
    /// Resolves every expired claim, also of issues that are closed by now; yields the asset and the outcome of each.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`] if the events cannot be read or a result not be noted.
    pub async fn resolve(
        &self,
        fixes: &Fixes,
        settings: &FixSettings,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, Outcome)>, FixLakeError> {
        let reading = Reading::now(self.lake, now).await?;
        let decisive = DECISIVE.map(|event| lit(event.as_str())).to_vec();
        let frame = reading.ctx.table(EVENTS).await?.filter(col("event").in_list(decisive, false))?;
        let mut by_issue: BTreeMap<String, Vec<EventRow>> = BTreeMap::new();
        for row in rows::<EventRow>(EVENTS, frame.sort(in_order())?).await? {
            by_issue.entry(row.issue_id.clone()).or_default().push(row);
        }
        let mut resolved = Vec::new();
        for events in by_issue.into_values() {
            let history: Vec<Past> = events.iter().map(Past::of).collect();
            let Some(claim) = unresolved(&history) else { continue };
            let Some(row) = events.iter().rev().find(|row| row.at == claim.at && row.event == claim.event) else {
                continue;
            };
            if now - claim.at < settings.rules(&row.policy_id).claim_expiry {
                continue;
            }
            let found = self.found(fixes, &events, row).await;
            let (outcome, row) = match found {
                Ok(found) => found,
                // The asset cannot be read now: the claim stays, and is looked into again.
                Err(error) => {
                    resolved.push((row.asset_id.clone(), Outcome::Skipped(error.line())));
                    continue;
                }
            };
            let asset = row.asset_id.clone();
            append(self.lake, |reading| {
                let (row, claim) = (&row, claim.clone());
                async move {
                    // Another run may have resolved it.
                    let events = reading.events_of(&row.issue_id).await?;
                    let history: Vec<Past> = events.iter().map(Past::of).collect();
                    let is_same = unresolved(&history) == Some(&claim);
                    Ok(if is_same { vec![EventRow { at: Utc::now(), ..row.clone() }] } else { Vec::new() })
                }
            })
            .await?;
            resolved.push((asset, outcome));
        }
        Ok(resolved)
    }

    /// What the live asset says about a claim, and the row that notes it.
    async fn found(&self, fixes: &Fixes, events: &[EventRow], row: &EventRow) -> Result<(Outcome, EventRow), FixError> {
        let fix = fixes
            .get(row.fix.as_str())
            .ok_or_else(|| FixError::unexpected(format!("there is no fix `{}`", row.fix)))?;
        let is_undo = row.event == FixEvent::UndoClaimed;
        let claim =
            if is_undo { undo_base(events).ok_or_else(|| FixError::unexpected("the undo has no claim"))? } else { row };
        let claim = Claim::of(claim)?;
        let applied =
            events.iter().rev().find(|row| row.event == FixEvent::Applied && row.occurrence == claim.row.occurrence);
        let made: Made = applied.and_then(|row| serde_json::from_str(row.made.as_ref()?).ok()).unwrap_or_default();
        let job = Job { target: &claim.target, parameters: &claim.parameters, live: &self.live };
        let state = fix.read(job, &made).await?;
        let note = EventRow {
            run_id: self.author.run_id.clone(),
            actor: self.author.actor.clone(),
            plan: None,
            state_before: None,
            state_after: EventRow::json(&state),
            detail: Some(format!("run {} ended before it said what became of it", row.run_id)),
            ..row.clone()
        };
        let differences = fix.differences(&claim.before, &state);
        Ok(if is_undo && differences.is_empty() {
            (Outcome::Undone, EventRow { event: FixEvent::Undone, ..note })
        } else if is_undo {
            let error = format!("not as it was before: {}", differences.join(", "));
            (Outcome::Failed(error.clone()), EventRow { event: FixEvent::UndoFailed, error: Some(error), ..note })
        } else if fix.is_good(job, &state)? {
            (Outcome::Verified(Vec::new()), EventRow { event: FixEvent::Verified, ..note })
        } else {
            let error = "the live asset is not as the fix wants it".to_owned();
            let made = (applied.is_some() || !differences.is_empty()).then(|| "{}".to_owned());
            (Outcome::Failed(error.clone()), EventRow { event: FixEvent::Failed, error: Some(error), made, ..note })
        })
    }
}

/// The claim whose state undo puts back: the first of its occurrence that may have changed anything, unless it was undone.
pub(crate) fn undo_base(events: &[EventRow]) -> Option<&EventRow> {
    let mut base: Option<&EventRow> = None;
    // Whether the base is the claim that has not ended yet.
    let mut is_open = false;
    for row in events {
        match row.event {
            FixEvent::Claimed if base.is_none_or(|base| base.occurrence != row.occurrence) => {
                (base, is_open) = (Some(row), true);
            }
            FixEvent::Released if is_open => (base, is_open) = (None, false),
            FixEvent::Failed if is_open && row.made.is_none() => (base, is_open) = (None, false),
            FixEvent::Failed | FixEvent::Verified => is_open = false,
            FixEvent::Undone => (base, is_open) = (None, false),
            _ => {}
        }
    }
    base
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::events::Author;
    use crate::testing::target;

    fn events(events: &[(FixEvent, bool)]) -> Vec<EventRow> {
        let fix = pacbot_schemas::FixId::new("aws-x").unwrap();
        let author = Author { run_id: "r".to_owned(), actor: "pacbot".to_owned() };
        let row = |(sequence, (event, changed)): (usize, &(FixEvent, bool))| EventRow {
            sequence: sequence as u64,
            made: changed.then(|| "{}".to_owned()),
            ..EventRow::new(*event, &target("aws_vpc", json!({})), (&fix, 1), &author, Utc::now())
        };
        events.iter().enumerate().map(row).collect()
    }

    #[test]
    fn undo_goes_back_to_what_was_before_anything_changed() {
        use FixEvent::{Claimed, Failed, Released, Undone, Verified};
        let base = |rows: &[(FixEvent, bool)]| undo_base(&events(rows)).map(|row| row.sequence);
        assert_eq!(base(&[(Claimed, false), (Failed, false), (Claimed, false), (Verified, false)]), Some(2));
        assert_eq!(
            base(&[(Claimed, false), (Failed, true), (Claimed, false), (Verified, false)]),
            Some(0),
            "half done"
        );
        assert_eq!(base(&[(Claimed, false), (Failed, true), (Failed, false)]), Some(0), "then it refused");
        assert_eq!(base(&[(Claimed, false), (Released, false)]), None);
        assert_eq!(base(&[(Claimed, false), (Verified, false), (Undone, false)]), None);
    }
}
