//! A walk down the path: the stages of one execution, in order, each continued or begun.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use clap::Args;
use pacbot_dashboards::{IssueCount, counted, issue_counts, open_issues};
use pacbot_evaluate::{Catalog, Checked, Evaluation, PolicyRun, Task, evaluate};
use pacbot_jobs::{Diffed, diff};
use pacbot_lake::{Lake, RunRow};
use pacbot_schemas::{AssetTypeDef, AssetTypes, RunId, Severity, Stage};
use tracing::{Instrument, Span, info_span};

use crate::collection::Collection;
use crate::config::Config;
use crate::execution::{Execution, Intent, Outcome, say};
use crate::progress::Bar;
use crate::source::Source;

/// What a collection is limited to and believes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CollectOptions {
    /// Collect this asset type only; can be given again
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,

    /// Believe answers that lost more than half of a scope's assets
    #[arg(long)]
    pub(crate) accept_shrink: bool,
}

/// What an evaluation is limited to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EvaluateOptions {
    /// Evaluate this policy only; can be given again
    #[arg(long = "policy", value_name = "ID")]
    pub(crate) policies: Vec<String>,

    /// Exit with 1 if issues of this severity or above are open
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
}

/// A walk that is about to begin.
pub(crate) struct Walk<'a> {
    pub(crate) config: &'a Config,
    pub(crate) types: Arc<AssetTypes>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) source: Option<Source>,
    pub(crate) collect: CollectOptions,
    pub(crate) evaluate: EvaluateOptions,
    /// The collection to judge, if it is not the newest.
    pub(crate) snapshot: Option<RunId>,
    pub(crate) fresh: bool,
    /// The run that this walk is a part of.
    pub(crate) within: Option<RunId>,
}

/// What a walk did.
pub(crate) struct Walked {
    pub(crate) run_id: RunId,
    pub(crate) collected: Option<RunRow>,
    pub(crate) evaluated: Option<RunRow>,
    /// Policies that read asset types which are not collected.
    left_out: usize,
    pub(crate) diffed: Option<Diffed>,
    /// Open issues of the severity that was asked for, or above.
    failing: u64,
}

impl Walk<'_> {
    /// Walks.
    pub(crate) async fn run(self, lake: Lake) -> anyhow::Result<Walked> {
        let catalog = self.config.catalog(&self.types).await?;
        let defs = self.defs(&catalog)?;
        let enabled = self.enabled(&catalog)?;
        let is_limited = self.evaluate.policies.is_empty();
        let left_out = if is_limited { catalog.iter().count().saturating_sub(enabled.len()) } else { 0 };
        let intent = Intent {
            stages: self.stages.clone(),
            selection: self.selection(&catalog)?,
            run_at: self.source.as_ref().and_then(|source| source.recorded_at),
            fresh: self.fresh,
            within: self.within.clone(),
        };
        let execution = Execution::begin(lake, intent).await?;
        let run_id = execution.run_id.clone();
        Span::current().record("run", run_id.as_str());
        let mut walked = Walked { run_id, collected: None, evaluated: None, left_out, diffed: None, failing: 0 };
        if let Some(source) = &self.source {
            let collected = self.collected(&execution, source, defs, &catalog);
            walked.collected = Some(collected.instrument(stage_span(Stage::Collect)).await?);
        }
        if self.stages.contains(&Stage::Evaluate) {
            let snapshot = match (&walked.collected, &self.snapshot) {
                (Some(row), _) => row.clone(),
                (None, Some(run_id)) => execution.lake.snapshot(Some(run_id)).await?,
                (None, None) => execution.lake.snapshot(None).await?,
            };
            let evaluated = self.evaluated(&execution, &enabled, &snapshot);
            walked.evaluated = Some(evaluated.instrument(stage_span(Stage::Evaluate)).await?);
            // What was true once opens and closes nothing today.
            let newest = execution.lake.snapshot(None).await?;
            if self.stages.contains(&Stage::Diff) && snapshot.run_at >= newest.run_at {
                // Policies that were left out since nobody recorded what they read were not withdrawn.
                let is_full = self.evaluate.policies.is_empty() && !self.is_recorded_in_part(&catalog)?;
                let diffed = self.diffed(&execution, &snapshot, is_full);
                walked.diffed = Some(diffed.instrument(stage_span(Stage::Diff)).await?);
                if let Some(row) = walked.evaluated.as_ref().filter(|row| row.selection.is_none()) {
                    let recorded = crate::commands::compliance::record(self.config, &execution.lake, row).await;
                    recorded.context(StageFailed(Stage::Diff))?;
                }
            }
        }
        // Upkeep that fails is tried by the next run.
        if let Err(error) = execution.lake.tidy(Utc::now()).await {
            say(&format!("small files were left as they are: {:#}", anyhow::Error::from(error)));
        }
        let is_measured = self.config.metrics.is_on();
        if self.evaluate.fail_on.is_some() || is_measured {
            let ctx = crate::commands::sql::look(self.config, &execution.lake).await?.ctx;
            if let Some(severity) = self.evaluate.fail_on {
                walked.failing = open_issues(&ctx, severity).await?;
            }
            if is_measured {
                observe_issues(&issue_counts(&ctx).await?);
            }
        }
        Ok(walked)
    }

    /// The asset types that a walk without a selection collects. Of a recording, no others than it has.
    fn available(&self, catalog: &Catalog) -> anyhow::Result<Vec<Arc<AssetTypeDef>>> {
        Ok(self.recorded(self.config.collected(&self.types, catalog)?))
    }

    /// The asset types to collect.
    fn defs(&self, catalog: &Catalog) -> anyhow::Result<Vec<Arc<AssetTypeDef>>> {
        let selected = &self.collect.types;
        if selected.is_empty() {
            return self.available(catalog);
        }
        let selected = selected.iter().map(|name| crate::commands::schema::find(&self.types, name));
        Ok(self.recorded(selected.collect::<anyhow::Result<_>>()?))
    }

    fn recorded(&self, mut defs: Vec<Arc<AssetTypeDef>>) -> Vec<Arc<AssetTypeDef>> {
        if let Some(recorded) = self.source.as_ref().and_then(|source| source.recorded_types.as_ref()) {
            defs.retain(|def| recorded.contains(&def.asset_type));
        }
        defs
    }

    /// The policies to evaluate. Where a person limited the asset types, a policy about others is not among them; it would
    /// not know anything.
    fn enabled(&self, catalog: &Catalog) -> anyhow::Result<Vec<Arc<Checked>>> {
        if !self.evaluate.policies.is_empty() {
            return self.evaluate.policies.iter().map(|id| crate::commands::policies::find(catalog, id)).collect();
        }
        let available = self.available(catalog)?;
        let available: BTreeSet<&str> = available.iter().map(|def| def.asset_type.as_str()).collect();
        let is_known = |checked: &&Arc<Checked>| {
            checked.policy.asset_type == "assets"
                || checked.reads.keys().all(|table| available.contains(table.as_str()))
        };
        Ok(catalog.iter().filter(is_known).cloned().collect())
    }

    /// What the walk is limited to, if it is: what the caller named, or a recording that has fewer asset types than the
    /// configuration.
    fn selection(&self, catalog: &Catalog) -> anyhow::Result<Option<String>> {
        let mut selected: Vec<&str> =
            self.collect.types.iter().chain(&self.evaluate.policies).map(String::as_str).collect();
        if self.is_recorded_in_part(catalog)? {
            selected.push("what was recorded");
        }
        Ok((!selected.is_empty()).then(|| selected.join(", ")))
    }

    fn is_recorded_in_part(&self, catalog: &Catalog) -> anyhow::Result<bool> {
        Ok(self.available(catalog)?.len() < self.config.collected(&self.types, catalog)?.len())
    }

    async fn collected(
        &self,
        execution: &Execution,
        source: &Source,
        defs: Vec<Arc<AssetTypeDef>>,
        catalog: &Catalog,
    ) -> anyhow::Result<RunRow> {
        if let Some(row) = execution.ended(Stage::Collect) {
            return Ok(row.clone());
        }
        let row = execution.start(Stage::Collect, Vec::new()).await.context(StageFailed(Stage::Collect))?;
        let bar = Arc::new(Bar::new("collecting"));
        let collection = Collection {
            execution,
            aws: source.aws.clone(),
            aws_settings: &source.settings,
            settings: &self.config.collect,
            defs: defs.clone(),
            wanted: self.config.wanted(&self.types, catalog),
            accept_shrink: self.collect.accept_shrink,
            watcher: bar.clone(),
        };
        let outcome = collection.run().await;
        bar.finish();
        let row = ended(execution, row, outcome).await?;
        source.finish(execution.run_at, &defs).await?;
        Ok(row)
    }

    async fn evaluated(
        &self,
        execution: &Execution,
        enabled: &[Arc<Checked>],
        snapshot: &RunRow,
    ) -> anyhow::Result<RunRow> {
        if let Some(row) = execution.ended(Stage::Evaluate) {
            return Ok(row.clone());
        }
        let row =
            execution.start(Stage::Evaluate, snapshot.snapshot.clone()).await.context(StageFailed(Stage::Evaluate))?;
        let bar = Bar::new("evaluating");
        bar.length(enabled.len() as u64);
        let told = |run: &PolicyRun| {
            observe_policy(run);
            bar.step(run.policy_id.to_string());
        };
        let engine = match self.config.evaluate.engine().await {
            Ok(engine) => engine,
            Err(error) => return ended(execution, row, Err(error)).await,
        };
        let groups = self.config.groups(&self.types).await?;
        let before = self.evaluated_before(execution).await?;
        let task = Task { snapshot, run_id: &execution.run_id, before: before.as_deref(), engine: engine.as_ref() };
        let evaluation = evaluate(&execution.lake, enabled, groups, task, &told).await;
        bar.finish();
        let outcome = evaluation.map(|evaluation: Evaluation| {
            metrics::gauge!("pacbot_violations").set(evaluation.violations() as f64);
            Outcome {
                snapshot: snapshot.snapshot.clone(),
                scopes: 0,
                problems: evaluation.problems(),
                rows: evaluation.violations(),
                assets: Some(evaluation.assets),
                ..Outcome::default()
            }
        });
        ended(execution, row, outcome.map_err(Into::into)).await
    }

    /// The last evaluation of everything by this program, whose results may still hold. A limited walk looks for itself.
    async fn evaluated_before(&self, execution: &Execution) -> anyhow::Result<Option<Arc<RunRow>>> {
        let is_limited = !self.evaluate.policies.is_empty() || !self.collect.types.is_empty();
        if self.fresh || is_limited || self.within.is_some() {
            return Ok(None);
        }
        let counts = |row: &Arc<RunRow>| {
            row.stage == Stage::Evaluate
                && row.is_finished()
                && row.selection.is_none()
                && row.run_id != execution.run_id
                && row.pacbot_version == env!("CARGO_PKG_VERSION")
        };
        Ok(execution.lake.runs().await?.into_iter().rev().find(counts))
    }

    async fn diffed(&self, execution: &Execution, snapshot: &RunRow, is_full: bool) -> anyhow::Result<Diffed> {
        let row = execution.start(Stage::Diff, snapshot.snapshot.clone()).await.context(StageFailed(Stage::Diff))?;
        let diffed = diff(&execution.lake, &execution.run_id, snapshot, is_full).await;
        match diffed {
            Ok(diffed) => {
                let snapshot = snapshot.snapshot.clone();
                let (rows, open_issues) = (diffed.events(), Some(diffed.open));
                let outcome = Outcome { snapshot, rows, open_issues, ..Outcome::default() };
                ended(execution, row, Ok(outcome)).await?;
                Ok(diffed)
            }
            Err(error) => {
                Err(ended(execution, row, Err(error.into())).await.err().unwrap_or(StageFailed(Stage::Diff).into()))
            }
        }
    }
}

fn stage_span(stage: Stage) -> Span {
    info_span!("stage", otel.name = stage.as_str(), %stage)
}

fn observe_policy(run: &PolicyRun) {
    let took = Duration::from_millis(run.millis).as_secs_f64();
    metrics::gauge!("pacbot_policy_duration_seconds", "policy" => run.policy_id.to_string()).set(took);
    metrics::gauge!("pacbot_policies", "status" => run.status.as_str()).increment(1.0);
}

fn observe_issues(counts: &[IssueCount]) {
    for count in counts {
        metrics::gauge!("pacbot_issues", "state" => count.state.as_str(), "severity" => count.severity.as_str())
            .set(count.issues as f64);
    }
}

/// A stage began and could not end: something is not known, which is no mistake of the caller.
#[derive(Debug, thiserror::Error)]
#[error("the stage {0} failed; it is run again next time")]
pub(crate) struct StageFailed(pub(crate) Stage);

pub(crate) async fn ended(
    execution: &Execution,
    row: RunRow,
    outcome: anyhow::Result<Outcome>,
) -> anyhow::Result<RunRow> {
    match outcome {
        Ok(outcome) => {
            let stage = row.stage;
            execution.end(row, outcome).await.context(StageFailed(stage))
        }
        Err(error) => {
            let stage = row.stage;
            execution.fail(row).await;
            Err(error.context(StageFailed(stage)))
        }
    }
}

impl Walked {
    /// Whether something could not be collected or evaluated.
    pub(crate) fn is_partial(&self) -> bool {
        let is_partial = |row: &Option<RunRow>| row.as_ref().is_some_and(|row| row.problems > 0);
        is_partial(&self.collected) || is_partial(&self.evaluated)
    }

    /// What became of the issues, in one line.
    pub(crate) fn issues(&self) -> Option<String> {
        self.diffed.as_ref().map(|diffed| format!("issues: {diffed}"))
    }

    /// 2 if something is not known, 1 if there is what the caller wants to fail on.
    pub(crate) fn code(&self) -> ExitCode {
        if self.is_partial() { ExitCode::from(2) } else { ExitCode::from(u8::from(self.failing > 0)) }
    }

    /// One line per stage.
    pub(crate) fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        if let Some(row) = &self.collected {
            let problems = problems(row.problems, "request", "requests", "not answered whole");
            writeln!(out, "collected: {} assets in {} scopes{problems}", row.rows, row.scopes)?;
        }
        if let Some(row) = &self.evaluated {
            let problems = problems(row.problems, "policy", "policies", "could not judge everything");
            writeln!(out, "evaluated: {} violations{problems}", row.rows)?;
            if self.left_out > 0 {
                let left_out = counted(self.left_out as u64, "policy is", "policies are");
                writeln!(out, "{left_out} left out: they read asset types that are not collected")?;
            }
        }
        if let Some(issues) = self.issues() {
            writeln!(out, "{issues}")?;
        }
        writeln!(out, "run {}", self.run_id)
    }
}

fn problems(count: u64, one: &str, many: &str, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {} {what}", counted(count, one, many)) }
}
