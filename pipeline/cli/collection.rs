//! The stage *collect*: the cloud's answers into the lake, one landing per asset type, and coverage of everything.
//!
//! A type is landed as soon as its last scope was asked, while the next ones are being asked. Coverage is written
//! once, at the end: until then a killed run has landed answers that nobody judges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use futures::StreamExt;
use pacbot_cloud::{Aws, AwsSettings};
use pacbot_collect::{
    Coverage, Plan, Progress, RunContext, ScopeResult, StagedAssets, StagingRoom, TypeResult, Wanted, collect_all,
    collectors,
};
use pacbot_dashboards::counted;
use pacbot_lake::{Answered, KnownScope, Lake, Landed, Landing, ScopeKey, Spool, StagedRows, snapshot_of, to_batch};
use pacbot_schemas::{AssetType, AssetTypeDef, CoverageStatus};
use tracing::{Instrument, field, info_span};

use crate::config::CollectSettings;
use crate::coverage_row::CoverageRow;
use crate::execution::{Execution, Outcome};
use crate::scopes::{Left, Scopes, scopes_of};

/// Types whose scopes are all answered and that wait to be landed.
const WAITING_TYPES: usize = 2;

/// What to collect, and how.
pub(crate) struct Collection<'a> {
    pub(crate) execution: &'a Execution,
    pub(crate) aws: Aws,
    pub(crate) aws_settings: &'a AwsSettings,
    pub(crate) settings: &'a CollectSettings,
    /// The asset types, all or some.
    pub(crate) defs: Vec<Arc<AssetTypeDef>>,
    pub(crate) wanted: Wanted,
    /// Believe every answer, however small.
    pub(crate) accept_shrink: bool,
    pub(crate) watcher: Arc<dyn Watcher>,
}

/// Is told how far a collection has come.
pub(crate) trait Watcher: Progress {
    /// The scopes are known.
    fn planned(&self, accounts: usize, types: usize, scopes: usize);
    /// An asset type is in the lake.
    fn landed(&self, asset_type: &AssetType, landed: &Landed, problems: usize);
}

impl Collection<'_> {
    /// Collects and lands.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let known = self.execution.lake.known_scopes(&self.execution.run_id).await?;
        let scopes = Scopes::find(&self.aws, self.aws_settings, &self.defs, &known).await;
        let scopes = scopes.context("failed to find the accounts")?;
        let mut ledger = Ledger::new(&self)?;
        ledger.note_unreached(&self.defs, &scopes)?;
        ledger.note_left(&self.defs, &scopes.left)?;

        let plan = Plan::new(collectors(&self.defs), &scopes.reached);
        self.watcher.planned(scopes.reached.len() + scopes.unreached.len(), self.defs.len(), plan.scopes());
        ledger.outcome.scopes += plan.scopes() as u64;
        let staging = tempfile::tempdir().context("failed to make a folder for staged assets")?;
        let room = StagingRoom::new(staging.path(), self.settings.memory);
        let mut context = RunContext::new(self.aws.clone(), self.execution.run_at, room);
        context.wanted = self.wanted.clone();
        let at_once = self.settings.scopes_at_once.get();
        let answers = collect_all(plan, Arc::new(context), at_once, self.watcher.clone());

        // A task of its own, so that asking goes on while a type is being landed.
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<TypeResult>(WAITING_TYPES);
        let asking = tokio::spawn(async move {
            let mut answers = std::pin::pin!(answers);
            while let Some(answer) = answers.next().await {
                if sender.send(answer).await.is_err() {
                    return;
                }
            }
        });
        let mut pending: BTreeMap<&AssetType, &Arc<AssetTypeDef>> =
            self.defs.iter().map(|def| (&def.asset_type, def)).collect();
        while let Some(answer) = receiver.recv().await {
            if let Some(def) = pending.remove(&answer.asset_type) {
                self.land(def, answer.scopes, &known, &scopes.left, &mut ledger).await?;
            }
        }
        asking.await.context("asking the cloud ended unexpectedly")?;
        // Types that nobody was asked for may have scopes to withdraw.
        for def in pending.into_values() {
            self.land(def, Vec::new(), &known, &scopes.left, &mut ledger).await?;
        }
        ledger.write(&self.execution.lake).await
    }

    async fn land(
        &self,
        def: &AssetTypeDef,
        results: Vec<ScopeResult>,
        known: &[KnownScope],
        left: &[Left],
        ledger: &mut Ledger<'_>,
    ) -> anyhow::Result<()> {
        let of_type = |scope: &&KnownScope| scope.asset_type == def.asset_type;
        let held = known.iter().filter(of_type).filter(|scope| scope.status == CoverageStatus::Held);
        let withdrawn = left.iter().filter(|left| left.status == CoverageStatus::Withdrawn && of_type(&&left.known));
        let (mut answered, mut coverage) = (Vec::new(), Vec::new());
        for result in results {
            let ScopeResult { scope, coverage: requests, assets, .. } = result;
            let scope = ScopeKey { account_id: scope.account.id.clone(), region: scope.region.clone() };
            let requests = without_broken(requests);
            if requests.iter().any(|request| request.request == "list" && request.status == CoverageStatus::Complete) {
                answered.push(Answered { scope: scope.clone(), rows: Arc::new(Staged(assets)) });
            }
            coverage.push((scope, requests));
        }
        let landing = Landing {
            answered,
            withdrawn: withdrawn.map(|left| key_of(&left.known)).collect(),
            held_before: held.filter_map(|scope| Some((key_of(scope), scope.fingerprint.clone()?))).collect(),
            accept_shrink: self.accept_shrink,
            run_at: self.execution.run_at,
        };
        if landing.answered.is_empty() && landing.withdrawn.is_empty() {
            return coverage.into_iter().try_for_each(|(_, requests)| ledger.note(&requests, None).map(drop));
        }
        let span = info_span!("landing", asset_type = %def.asset_type, assets = field::Empty);
        let landed = self.execution.lake.land(def, &landing).instrument(span.clone()).await;
        let landed = landed.with_context(|| format!("failed to land `{}`", def.asset_type))?;
        span.record("assets", landed.assets);
        metrics::gauge!("pacbot_collect_assets", "asset_type" => def.asset_type.to_string()).set(landed.assets as f64);
        let mut problems = 0;
        for (scope, requests) in coverage {
            let landed = landed.scopes.iter().find(|landed| landed.scope == scope);
            problems += ledger.note(&requests, landed)?;
        }
        self.watcher.landed(&def.asset_type, &landed, problems);
        ledger.outcome.rows +=
            landed.scopes.iter().filter(|scope| scope.held.is_none()).map(|scope| scope.rows).sum::<u64>();
        ledger.versions.insert(def.asset_type.to_string(), landed.version);
        Ok(())
    }
}

/// An item without a key may be an asset that we know: a list with such an item does not say who is gone.
fn without_broken(mut requests: Vec<Coverage>) -> Vec<Coverage> {
    for request in &mut requests {
        if request.request == "list" && request.broken_items > 0 && request.status == CoverageStatus::Complete {
            request.status = CoverageStatus::Failed;
            request.error =
                Some(format!("{} without what identifies an asset", counted(request.broken_items, "item", "items")));
        }
    }
    requests
}

fn key_of(known: &KnownScope) -> ScopeKey {
    ScopeKey { account_id: known.account_id.clone(), region: known.region.clone() }
}

/// Staged assets as the lake reads them.
#[derive(Debug)]
struct Staged(Arc<StagedAssets>);

impl StagedRows for Staged {
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
        Box::new(self.0.batches().map(|batch| batch.map_err(|error| ArrowError::ExternalError(Box::new(error)))))
    }
}

/// The coverage of a run while it is being collected, and what comes of it.
struct Ledger<'a> {
    execution: &'a Execution,
    rows: Spool,
    /// Those that are no whole answers, again.
    gaps: Vec<RecordBatch>,
    schema: arrow::datatypes::SchemaRef,
    versions: BTreeMap<String, u64>,
    outcome: Outcome,
}

impl<'a> Ledger<'a> {
    fn new(collection: &Collection<'a>) -> anyhow::Result<Self> {
        let execution = collection.execution;
        let schema = execution.lake.schema_of("coverage")?;
        let rows = Spool::new("coverage", &schema)?;
        Ok(Self { execution, rows, gaps: Vec::new(), schema, versions: BTreeMap::new(), outcome: Outcome::default() })
    }

    fn push(&mut self, rows: &[CoverageRow]) -> anyhow::Result<usize> {
        let problems = rows.iter().filter(|row| row.is_problem()).count();
        self.outcome.problems += problems as u64;
        self.rows.push(&to_batch("coverage", self.schema.clone(), rows)?)?;
        let gaps: Vec<&CoverageRow> = rows.iter().filter(|row| row.is_gap()).collect();
        if !gaps.is_empty() {
            self.gaps.push(to_batch("coverage", self.schema.clone(), &gaps)?);
        }
        Ok(problems)
    }

    /// The requests of one scope; counts those that were not answered whole.
    fn note(&mut self, requests: &[Coverage], landed: Option<&pacbot_lake::LandedScope>) -> anyhow::Result<usize> {
        let row = |request| CoverageRow::new(&self.execution.run_id, self.execution.run_at, request, landed);
        let rows: Vec<CoverageRow> = requests.iter().map(row).collect();
        self.push(&rows)
    }

    fn note_unreached(&mut self, defs: &[Arc<AssetTypeDef>], scopes: &Scopes) -> anyhow::Result<()> {
        let staging = StagingRoom::new("", 0);
        for def in defs {
            for (reached, error) in &scopes.unreached {
                for scope in scopes_of(def, reached) {
                    self.outcome.scopes += 1;
                    self.note(&ScopeResult::unreached(def, scope, error, &staging).coverage, None)?;
                }
            }
        }
        Ok(())
    }

    fn note_left(&mut self, defs: &[Arc<AssetTypeDef>], left: &[Left]) -> anyhow::Result<()> {
        for def in defs {
            for left in left.iter().filter(|left| left.known.asset_type == def.asset_type) {
                let row =
                    |request: &String| CoverageRow::left(&self.execution.run_id, self.execution.run_at, left, request);
                let rows: Vec<CoverageRow> = def.requests.keys().map(row).collect();
                self.push(&rows)?;
            }
        }
        Ok(())
    }

    async fn write(mut self, lake: &Lake) -> anyhow::Result<Outcome> {
        let (run_id, run_at) = (&self.execution.run_id, self.execution.run_at);
        let written = lake.write_coverage(run_id, self.rows, self.gaps, run_at).await;
        self.versions.insert("coverage".to_owned(), written.context("failed to write the coverage")?);
        let names: BTreeSet<String> = lake.types().iter().map(|def| def.asset_type.to_string()).collect();
        for name in lake.tables().await?.into_iter().filter(|name| names.contains(name)) {
            if !self.versions.contains_key(&name)
                && let Some(table) = lake.table(&name).await?
            {
                self.versions.insert(name, table.version());
            }
        }
        self.outcome.snapshot = snapshot_of(&self.versions);
        Ok(self.outcome)
    }
}
