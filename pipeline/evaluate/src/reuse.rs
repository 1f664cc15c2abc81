//! Which results of the evaluation before still hold: nothing that they were made of has changed.
//!
//! A result is a function of the policy's text and parameters, of the versions of the tables that it reads, and of what was
//! not answered. Where all of these are the same, the rows of `violations` that the earlier run wrote are the result, and
//! `policy_runs.found_in` names that run. What depends on the run's time, on the age of answers or on asset groups is judged
//! again.

use std::collections::BTreeMap;

use datafusion::prelude::{col, lit};
use pacbot_lake::{Lake, LakeError, RunRow, Versions, from_batches};
use pacbot_schemas::{PolicyId, PolicyStatus};

use crate::catalog::Checked;
use crate::evaluation::PolicyRun;

/// The evaluation before.
#[derive(Debug)]
pub(crate) struct Before {
    policies: BTreeMap<PolicyId, PolicyRun>,
    versions: Versions,
}

impl Before {
    /// The results of the evaluation `row`.
    pub(crate) async fn read(lake: &Lake, row: &RunRow) -> Result<Self, LakeError> {
        let failed = LakeError::query("policy_runs");
        let (ctx, _) = lake.own_session(&["policy_runs"], row.run_at).await?;
        let frame = ctx.table("policy_runs").await.map_err(&failed)?;
        let of_run = frame.filter(col("run_id").eq(lit(row.run_id.as_str()))).map_err(&failed)?;
        // One row per policy.
        let policies: Vec<PolicyRun> = from_batches("policy_runs", &of_run.collect().await.map_err(&failed)?)?;
        let policies = policies.into_iter().map(|run| (run.policy_id.clone(), run)).collect();
        Ok(Self { policies, versions: row.versions() })
    }

    /// The result of `checked` as a part of the run `pending` belongs to, which reads `versions`, if it still holds.
    pub(crate) fn holds(&self, checked: &Checked, pending: &PolicyRun, versions: &Versions) -> Option<PolicyRun> {
        let before = self.policies.get(&checked.policy.id)?;
        let reads_the_age = checked.reads.values().any(|columns| columns.contains("collected_at"));
        let is_own = !checked.is_timed && !reads_the_age && checked.scoping.names().is_empty();
        let is_same_input = checked.reads.keys().all(|table| self.versions.0.get(table) == versions.0.get(table));
        let is_as_blind = before.unknown_scopes == pending.unknown_scopes
            && before.blind_scopes == pending.blind_scopes
            && before.outside == pending.outside
            && before.unread == pending.unread;
        let is_same = is_own
            && before.status == PolicyStatus::Succeeded
            && before.policy_hash == pending.policy_hash
            && is_same_input
            && is_as_blind;
        is_same.then(|| PolicyRun {
            assets: before.assets,
            violating: before.violating,
            unknown: before.unknown,
            violations: before.violations,
            found_in: Some(before.found_in.clone().unwrap_or_else(|| before.run_id.clone())),
            ..pending.clone()
        })
    }
}
