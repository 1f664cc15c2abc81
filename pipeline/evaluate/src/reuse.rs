//! Which results of the evaluation before still hold: nothing that they were made of has changed.
//!
//! A result is a function of the policy's text and parameters, of the rows of the tables that it reads, and of what was
//! not answered. Where all of these are the same, the rows of `violations` that earlier runs wrote are the result, and
//! `policy_runs.parts` names those runs. Where rows changed in some accounts only, a policy that keeps accounts apart
//! ([`crate::local`]) is judged again for these. What depends on the run's time, on the age of answers or on asset groups
//! is judged again as a whole; where that finds what was found before, it is not written, nor compared with the issues.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::prelude::{col, lit};
use pacbot_lake::{ChangedAccounts, Lake, LakeError, RunRow, Versions, from_batches};
use pacbot_schemas::{PolicyId, PolicyStatus, RunId};

use crate::catalog::Checked;
use crate::evaluation::{Part, PolicyRun};
use crate::findings::Findings;
use crate::judging::Judged;
use crate::of_accounts::AccountIds;

/// A result that is made of so many runs is made anew: each part is read by whoever reads the result.
const MOST_PARTS: usize = 16;

/// The evaluation before.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) run_id: RunId,
    policies: BTreeMap<PolicyId, PolicyRun>,
    versions: Versions,
    /// Of tables that have another version now, the accounts whose rows changed, where that can be told.
    changed: BTreeMap<String, ChangedAccounts>,
}

/// What of an earlier result holds.
#[derive(Debug)]
pub(crate) struct Holds {
    /// The policy's row, with the earlier run's numbers.
    pub(crate) run: PolicyRun,
    /// The accounts that are to be judged again, if there are any.
    pub(crate) but: Option<AccountIds>,
}

impl Before {
    /// The results of the evaluation `row`, for one that reads the versions `now`.
    pub(crate) async fn read(
        lake: &Lake,
        row: &RunRow,
        enabled: &[Arc<Checked>],
        now: &Versions,
    ) -> Result<Self, LakeError> {
        let failed = LakeError::query("policy_runs");
        let (ctx, _) = lake.own_session(&["policy_runs"], row.run_at).await?;
        let frame = ctx.table("policy_runs").await.map_err(&failed)?;
        let of_run = frame.filter(col("run_id").eq(lit(row.run_id.as_str()))).map_err(&failed)?;
        // One row per policy.
        let policies: Vec<PolicyRun> = from_batches("policy_runs", &of_run.collect().await.map_err(&failed)?)?;
        let policies = policies.into_iter().map(|run| (run.policy_id.clone(), run)).collect();
        let mut before =
            Self { run_id: row.run_id.clone(), policies, versions: row.versions(), changed: BTreeMap::new() };
        before.changed = before.changes(lake, enabled, now).await;
        Ok(before)
    }

    async fn changes(
        &self,
        lake: &Lake,
        enabled: &[Arc<Checked>],
        now: &Versions,
    ) -> BTreeMap<String, ChangedAccounts> {
        let is_known = |checked: &&Arc<Checked>| self.policies.contains_key(&checked.policy.id);
        let local = enabled.iter().filter(is_known).filter(|checked| is_own(checked) && keeps_accounts_apart(checked));
        let read: BTreeSet<&String> = local.flat_map(|checked| checked.reads.keys()).collect();
        let tables = read.into_iter().filter_map(|table| {
            let (before, now) = (*self.versions.0.get(table)?, *now.0.get(table)?);
            (before != now).then_some((lake.types().get(table)?.asset_type.clone(), before, now))
        });
        lake.changed_accounts(&tables.collect::<Vec<_>>()).await
    }

    /// What of the result of `checked` holds as a part of the run `pending` belongs to, which reads `versions`.
    pub(crate) fn holds(&self, checked: &Checked, pending: &PolicyRun, versions: &Versions) -> Option<Holds> {
        let before = self.policies.get(&checked.policy.id)?;
        let is_as_blind = before.unknown_scopes == pending.unknown_scopes
            && before.blind_scopes == pending.blind_scopes
            && before.outside == pending.outside
            && before.unread == pending.unread;
        let is_same = is_own(checked)
            && before.status == PolicyStatus::Succeeded
            && before.policy_hash == pending.policy_hash
            // Who does not say where the rows are may have found them in an earlier run.
            && !before.parts.is_empty()
            && is_as_blind;
        if !is_same {
            return None;
        }
        let tables = checked.reads.keys();
        let differing = tables.filter(|table| self.versions.0.get(*table) != versions.0.get(*table));
        let accounts = self.accounts(checked, differing)?;
        let mut run = PolicyRun {
            assets: before.assets,
            violating: before.violating,
            unknown: before.unknown,
            violations: before.violations,
            result_hash: before.result_hash.clone(),
            parts: before.parts.clone(),
            ..pending.clone()
        };
        if accounts.is_empty() {
            return Some(Holds { run, but: None });
        }
        let number = run.parts.len() as u64;
        run.parts.push(Part { run_id: run.run_id.clone(), number });
        run.result_hash = None;
        (run.parts.len() <= MOST_PARTS).then(|| Holds { run, but: Some(Arc::new(accounts)) })
    }

    /// The accounts whose rows changed in one of `tables`; none if all are to be judged again.
    fn accounts<'a>(&self, checked: &Checked, tables: impl Iterator<Item = &'a String>) -> Option<BTreeSet<String>> {
        let mut accounts = BTreeSet::new();
        for table in tables {
            let changed = self.changed.get(table).filter(|_| keeps_accounts_apart(checked))?;
            // Where most rows are read again, reading all is no more work, and leaves a result in one part.
            if changed.rows * 2 > changed.of {
                return None;
            }
            accounts.extend(changed.accounts.iter().cloned());
        }
        Some(accounts)
    }
}

/// Tells what a policy's result is known by; if `before` found the same, its rows are the result.
pub(crate) fn hold_same(before: Option<&Before>, judged: &mut Judged) {
    let run = &mut judged.run;
    let is_new = run.parts.iter().all(|part| part.run_id == run.run_id);
    if run.status != PolicyStatus::Succeeded || !is_new || judged.again.is_some() {
        return;
    }
    run.result_hash = Some(Findings::hash(&judged.found));
    let before = before.and_then(|before| before.policies.get(&run.policy_id));
    // What was unknown may be clean now, with the same violations: then its issues are to be compared.
    let same =
        before.filter(|before| before.result_hash == run.result_hash && is_all_known(before) && is_all_known(run));
    if let Some(before) = same.filter(|before| !before.parts.is_empty() && before.outside == run.outside) {
        run.parts.clone_from(&before.parts);
        judged.found.clear();
    }
}

/// Whether every asset was judged, whoever is in which group.
fn is_all_known(run: &PolicyRun) -> bool {
    run.unknown == 0 && run.unknown_scopes.is_empty() && run.blind_scopes.is_empty() && run.groups.is_empty()
}

/// Whether a result depends on nothing but rows, answers, text and parameters.
fn is_own(checked: &Checked) -> bool {
    let reads_the_age = checked.reads.values().any(|columns| columns.contains("collected_at"));
    !checked.is_timed && !reads_the_age && checked.scoping.names().is_empty()
}

/// Whether an account's result holds while its rows say the same of themselves: when an asset was first seen is no part of
/// that.
fn keeps_accounts_apart(checked: &Checked) -> bool {
    checked.is_local && !checked.reads.values().any(|columns| columns.contains("first_seen_at"))
}
