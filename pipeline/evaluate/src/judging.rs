//! Judges policies: what they are about, what of that is hidden, and which rows violate them.
//!
//! There are two ways, which find the same. [`Judge::policy`] runs one policy as its own plan and takes its rows in as it
//! returns them; every policy can be judged so. [`Judge::table`] judges policies that look at one row at a time together,
//! in one scan of their table.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, AsArray};
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use pacbot_lake::{Lake, Versions, from_batches};
use pacbot_schemas::{PolicyStatus, RunId};
use tokio::sync::{Mutex, OnceCell};
use tokio::task::{JoinError, JoinHandle};
use tracing::{Instrument, Span, debug, field, info, info_span, warn};

use crate::catalog::Checked;
use crate::coverage::{Answers, Blind, OutsideRegion, UnreadRequest};
use crate::evaluation::{Part, PolicyRun};
use crate::findings::Findings;
use crate::fused::{self, Fetched, Member};
use crate::of_accounts::AccountIds;
use crate::planned::run_optimised;
use crate::reuse::{Before, Holds};
use crate::subjects::{Subjects, hidden};
use crate::violation::violations;

/// Assets of an account-wide type that are of a region.
const REGIONS: &str = "select distinct account_id, region from %TABLE% where region <> collected_in";

/// Assets, and how many of them are hidden; counted by whoever asks first.
type Count = Arc<OnceCell<(u64, u64)>>;

/// Regions of a table's assets; found by whoever asks first.
type Regions = Arc<OnceCell<Vec<OutsideRegion>>>;

/// What the policies of one evaluation share.
pub(crate) struct Judge {
    /// The snapshot's tables and groups, and what runs queries over them.
    pub(crate) ctx: SessionContext,
    /// Whether that is another process.
    pub(crate) is_remote: bool,
    pub(crate) lake: Lake,
    pub(crate) answers: Answers,
    /// What the evaluation before found.
    pub(crate) before: Option<Before>,
    /// The versions that are read.
    pub(crate) versions: Versions,
    /// Asset types of which the snapshot has a table.
    pub(crate) landed: BTreeSet<String>,
    /// How many assets there are, and how many are hidden, by the name of [`Subjects`].
    pub(crate) counts: Mutex<HashMap<String, Count>>,
    /// The regions of a table's assets.
    pub(crate) regions: Mutex<HashMap<String, Regions>>,
    /// Of the table `violations`.
    pub(crate) schema: SchemaRef,
    pub(crate) run_id: RunId,
    pub(crate) at: DateTime<Utc>,
}

/// A policy that is to be judged, and what of its assets nobody can judge.
pub(crate) struct Due {
    pub(crate) checked: Arc<Checked>,
    blind: Blind,
    /// Its row of `policy_runs`, without what is found.
    pub(crate) run: PolicyRun,
}

/// What is judged again of a policy whose result holds in all other accounts.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    pub(crate) accounts: AccountIds,
    /// Violations and violating assets of all accounts before.
    pub(crate) violations: u64,
    pub(crate) violating: u64,
}

/// What was found of one policy, or of its assets of one type.
pub(crate) struct Judged {
    pub(crate) run: PolicyRun,
    /// The violations.
    pub(crate) found: Vec<Findings>,
    /// Set if they are those of some accounts.
    pub(crate) again: Option<Again>,
}

/// What of an earlier result holds.
pub(crate) enum Held {
    /// Nothing.
    Nothing,
    /// What it says of other accounts than those that are to be judged again.
    Others(Judged),
    /// All.
    All(Judged),
}

impl Judged {
    /// Nothing, so far.
    pub(crate) fn nothing(due: &Due) -> Self {
        Self { run: due.run.clone(), found: Vec::new(), again: None }
    }

    /// Adds what was found of the same policy's assets of another type.
    pub(crate) fn add(&mut self, part: Self) {
        self.run.assets += part.run.assets;
        self.run.unknown += part.run.unknown;
        self.run.violations += part.run.violations;
        self.run.violating += part.run.violating;
        self.run.millis += part.run.millis;
        self.found.extend(part.found);
    }
}

/// Work on whatever core is free; it stops when this is dropped.
struct Working<T>(JoinHandle<T>);

impl<T> Drop for Working<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Judge {
    /// The tables of the snapshot whose assets a policy judges.
    pub(crate) fn tables<'a>(&'a self, checked: &'a Checked) -> impl Iterator<Item = &'a String> {
        let asset_type = checked.policy.asset_type.as_str();
        self.landed.iter().filter(move |table| asset_type == "assets" || asset_type == table.as_str())
    }

    /// Judges a policy by itself, on whatever core is free. If it fails, there are no violations.
    pub(crate) async fn policy(self: Arc<Self>, due: Arc<Due>) -> Result<Judged, JoinError> {
        let span = info_span!("policy", policy.id = %due.checked.policy.id, violations = field::Empty);
        let mut working = Working(tokio::spawn(async move { self.alone(&due).await }.instrument(span)));
        (&mut working.0).await
    }

    /// Judges policies that look at one row at a time on the assets of `table`, or on those of `accounts` among them, in one
    /// scan, on whatever core is free.
    pub(crate) async fn table(
        self: Arc<Self>,
        table: String,
        accounts: Option<AccountIds>,
        policies: Vec<Arc<Due>>,
    ) -> Result<Result<Vec<Judged>, DataFusionError>, JoinError> {
        let span = info_span!("table", asset_type = table, policies = policies.len());
        let together = async move { self.together(&table, accounts.as_deref(), &policies).await };
        let mut working = Working(tokio::spawn(together.instrument(span)));
        (&mut working.0).await
    }

    /// What the evaluation before found of a policy, as far as that still holds.
    pub(crate) fn held(&self, checked: &Checked, run: &PolicyRun) -> Held {
        let held = self.before.as_ref().and_then(|before| before.holds(checked, run, &self.versions));
        let Some(Holds { mut run, but }) = held else { return Held::Nothing };
        let Some(accounts) = but else {
            debug!(policy.id = %run.policy_id, "nothing has changed for policy {}", run.policy_id);
            return Held::All(Judged { run, found: Vec::new(), again: None });
        };
        debug!(policy.id = %run.policy_id, accounts = accounts.len(), "some accounts have changed for policy {}", run.policy_id);
        let again = Again { accounts, violations: run.violations, violating: run.violating };
        (run.violations, run.violating, run.assets, run.unknown) = (0, 0, 0, 0);
        Held::Others(Judged { run, found: Vec::new(), again: Some(again) })
    }

    /// A policy that is to be judged.
    pub(crate) fn due(&self, checked: Arc<Checked>) -> Arc<Due> {
        let blind = self.answers.blind(&checked, self.lake.types());
        Arc::new(Due { run: pending(&checked, &blind, &self.run_id, self.at), checked, blind })
    }

    async fn alone(&self, due: &Due) -> Judged {
        let Due { checked, blind, .. } = due;
        let (started, mut judged) = (Instant::now(), Judged::nothing(due));
        if self.tables(checked).next().is_some() {
            let found = match self.outside(checked).await {
                Ok(outside) => {
                    judged.run.outside = outside;
                    match self.held(checked, &judged.run) {
                        Held::All(found) => return found,
                        Held::Others(found) => judged = found,
                        Held::Nothing => {}
                    }
                    let accounts = judged.again.as_ref().map(|again| again.accounts.clone());
                    self.violations(checked, blind, accounts.as_ref(), &mut judged.run).await
                }
                Err(error) => Err(error),
            };
            match found {
                Ok(findings) => judged.found.push(findings),
                Err(error) => {
                    let run = &mut judged.run;
                    (run.status, run.error) = (PolicyStatus::Failed, Some(error.strip_backtrace()));
                    (run.violations, run.violating, run.parts) = (0, 0, due.run.parts.clone());
                    judged.again = None;
                    warn!(policy.id = %run.policy_id, error = run.error, "policy {} failed", run.policy_id);
                }
            }
        }
        let run = &mut judged.run;
        Span::current().record("violations", run.violations);
        run.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(policy.id = %run.policy_id, violations = run.violations, millis = run.millis, "evaluated policy {}", run.policy_id);
        judged
    }

    async fn together(
        &self,
        table: &str,
        accounts: Option<&BTreeSet<String>>,
        policies: &[Arc<Due>],
    ) -> Result<Vec<Judged>, DataFusionError> {
        let started = Instant::now();
        let (mut judged, mut members, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for due in policies {
            judged.push(Judged::nothing(due));
            let row = due.checked.row.as_ref().ok_or_else(|| {
                DataFusionError::Internal(format!("`{}` does not look at one row at a time", due.run.policy_id))
            })?;
            members.push(Member { row: row.on(&self.ctx, table)?, hidden: hidden(&due.blind, table) });
            found.push(Findings::new(&self.schema)?);
        }
        let fetched = if self.is_remote { Fetched::Violating } else { Fetched::All };
        let counted = fused::judge(&self.ctx, table, accounts, &members, fetched, |place, rows| {
            found[place].push(&violations(rows, &judged[place].run, &self.schema)?)
        });
        let counted = counted.await?;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let share = millis / (policies.len() as u64).max(1);
        for ((judged, found), counted) in judged.iter_mut().zip(found).zip(counted) {
            // An asset is one row of its table, and such a policy returns a row once.
            (judged.run.violations, judged.run.violating) = (counted.violating, counted.violating);
            (judged.run.assets, judged.run.unknown) = (counted.assets, counted.hidden);
            judged.run.millis = share;
            judged.found.push(found);
        }
        info!(asset_type = table, policies = policies.len(), millis, "judged `{table}` in one scan");
        Ok(judged)
    }

    /// Runs one policy.
    async fn violations(
        &self,
        checked: &Checked,
        blind: &Blind,
        accounts: Option<&AccountIds>,
        run: &mut PolicyRun,
    ) -> Result<Findings, DataFusionError> {
        let subjects = Subjects::of(&self.ctx, checked, blind, &run.outside).await?;
        (run.assets, run.unknown) = self.count(&subjects).await?;
        let rows = checked.rows(&self.ctx, accounts).await?;
        let mut rows = match subjects.take(checked, self.lake.types(), rows, run.unknown)? {
            (rows, false) if checked.is_optimised() => run_optimised(rows).await?,
            (rows, _) => rows.execute_stream().await?,
        };
        let mut findings = Findings::new(&self.schema)?;
        let mut violating = HashSet::new();
        while let Some(batch) = rows.try_next().await? {
            let batch = violations(&batch, run, &self.schema)?;
            run.violations += batch.num_rows() as u64;
            let assets = batch.column(5).as_string::<i32>();
            violating.extend((0..assets.len()).map(|row| xxh(assets.value(row))));
            findings.push(&batch)?;
        }
        run.violating = violating.len() as u64;
        Ok(findings)
    }

    /// The regions of judged assets in which a joined type is not collected. They are out of scope, not unknown: the
    /// configuration does not ask there.
    async fn outside(&self, checked: &Checked) -> Result<Vec<OutsideRegion>, DataFusionError> {
        let joins = Answers::regional_joins(checked, self.lake.types());
        if joins.is_empty() {
            return Ok(Vec::new());
        }
        let table = &checked.policy.asset_type;
        let known = self.regions.lock().await.entry(table.clone()).or_default().clone();
        let known = known.get_or_try_init(|| regions(&self.ctx, table)).await?.iter();
        let is_outside = |region: &&OutsideRegion| joins.iter().any(|joined| !self.answers.is_asked(joined, region));
        Ok(known.filter(is_outside).cloned().collect())
    }

    /// Completes what was found by one scan for some accounts: how many assets there are in all.
    pub(crate) async fn counted(&self, due: &Due, judged: &mut Judged) -> Result<(), DataFusionError> {
        let subjects = Subjects::of(&self.ctx, &due.checked, &due.blind, &due.run.outside).await?;
        (judged.run.assets, judged.run.unknown) = self.count(&subjects).await?;
        Ok(())
    }

    /// Most policies of a type are about the same assets, which are counted once.
    async fn count(&self, subjects: &Subjects) -> Result<(u64, u64), DataFusionError> {
        let Some(name) = &subjects.name else { return subjects.count().await };
        let counted = self.counts.lock().await.entry(name.clone()).or_default().clone();
        counted.get_or_try_init(|| subjects.count()).await.copied()
    }
}

/// Where the assets of a table are: one row per account and region.
async fn regions(ctx: &SessionContext, table: &str) -> Result<Vec<OutsideRegion>, DataFusionError> {
    let regions = ctx.sql(&REGIONS.replace("%TABLE%", table)).await?.collect().await?;
    let mut regions: Vec<OutsideRegion> =
        from_batches("regions", &regions).map_err(|error| DataFusionError::External(Box::new(error)))?;
    regions.sort();
    Ok(regions)
}

fn pending(checked: &Checked, blind: &Blind, run_id: &RunId, at: DateTime<Utc>) -> PolicyRun {
    let policy = &checked.policy;
    let values: BTreeMap<&String, String> =
        checked.values.iter().map(|(name, value)| (name, value.to_string())).collect();
    PolicyRun {
        run_id: run_id.clone(),
        policy_id: policy.id.clone(),
        status: PolicyStatus::Succeeded,
        error: None,
        title: policy.title.clone(),
        severity: policy.severity,
        category: policy.category,
        asset_type: policy.asset_type.clone(),
        policy_hash: format!("{:016x}", checked.fingerprint()),
        parameters: serde_json::to_string(&values).unwrap_or_default(),
        evaluated_at: at,
        assets: 0,
        violating: 0,
        groups: checked.scoping.groups.clone(),
        unknown: 0,
        violations: 0,
        unknown_scopes: blind.gaps.iter().cloned().collect(),
        blind_scopes: blind.scopes.iter().cloned().collect(),
        outside: Vec::new(),
        unread: blind
            .requests
            .iter()
            .flat_map(|(asset_type, requests)| {
                let of_type =
                    |request: &String| UnreadRequest { asset_type: asset_type.clone(), request: request.clone() };
                requests.iter().map(of_type)
            })
            .collect(),
        millis: 0,
        result_hash: None,
        parts: vec![Part { run_id: run_id.clone(), number: 0 }],
    }
}

fn xxh(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
