//! Fixing: the steps of one `pacbot fix apply`, with a limited walk before and after the changes.
//!
//! Before anything is changed, the asset types that the policies with due fixes read are collected and those policies
//! evaluated: only rows that violate at this moment are fixed. Afterwards the same walk is made again, so that issues
//! close because their assets were judged clean.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::Utc;
use pacbot_cloud::AwsSettings;
use pacbot_dashboards::Look;
use pacbot_dashboards::counted;
use pacbot_evaluate::Catalog;
use pacbot_fix::{
    Author, CustomSettings, FixedPolicy, Fixes, Live, Outcome, ReadOnly, Runner, Step, Surveyed, Surveyor, UndoOptions,
    Warner, is_on,
};
use pacbot_jobs::notify::Notifier;
use pacbot_lake::{Groups, Lake};
use pacbot_schemas::{AssetTypes, EventKind, PolicyId, RunId, Stage};

use crate::commands;
use crate::commands::notify::notifier;
use crate::config::Config;
use crate::execution::{Execution, Intent, Outcome as StageOutcome};
use crate::source::{Source, SourceArgs};
use crate::walk::{CollectOptions, EvaluateOptions, StageFailed, Walk, Walked, ended};

/// How long a change may take until it shows, unless the configuration says otherwise.
const VERIFY_WITHIN: Duration = Duration::from_secs(300);

/// What fixing works with.
pub(crate) struct Fixing<'a> {
    config: &'a Config,
    pub(crate) lake: Lake,
    types: Arc<AssetTypes>,
    catalog: Catalog,
    fixes: Fixes,
    policies: Vec<Arc<FixedPolicy>>,
    /// The asset groups that are files.
    groups: Groups,
    /// The lake as people see it, for telling them.
    look: Look,
    host: String,
}

/// What one `pacbot fix apply` did.
#[derive(Default)]
pub(crate) struct Report {
    /// By what it was about.
    pub(crate) outcomes: Vec<(String, Outcome)>,
    /// Steps that are not due yet, or never.
    waiting: usize,
    /// Something could not be collected or evaluated.
    pub(crate) is_partial: bool,
    /// What became of the issues.
    closing: Option<String>,
    /// What people could not be told; the next run tells them.
    pub(crate) untold: Vec<String>,
}

impl Report {
    /// Tells people what became of fixes.
    async fn tell(&mut self, runner: &Runner<'_>) -> anyhow::Result<()> {
        self.untold = runner.tell_results(Utc::now()).await?;
        Ok(())
    }

    /// One line.
    pub(crate) fn summary(&self) -> String {
        let fixed = self.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Verified(_))).count();
        let failed = self.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).count();
        let mut text = format!("{} fixed, {} failed", counted(fixed as u64, "asset", "assets"), failed);
        if self.waiting > 0 {
            text +=
                &format!(", {} not due (`pacbot fix plan` says why)", counted(self.waiting as u64, "issue", "issues"));
        }
        if let Some(closing) = &self.closing {
            text += &format!("\n{closing}");
        }
        text
    }
}

impl<'a> Fixing<'a> {
    /// Reads the fixes, the policies that have one, and what the configuration says about them; limited to `policy`.
    pub(crate) async fn read(config: &'a Config, lake: Lake, policy: Option<&str>) -> anyhow::Result<Self> {
        let types = commands::asset_types()?;
        let catalog = config.catalog(&types).await?;
        let fixes = config.fixes(&types)?;
        let settings = &config.fix;
        if let Some(unknown) = settings.policies.keys().find(|id| catalog.get(id.as_str()).is_none()) {
            bail!("`[fix.policies.{unknown}]` names no enabled policy");
        }
        if let Some(unknown) = settings.parameters.keys().find(|id| fixes.get(id.as_str()).is_none()) {
            bail!("`[fix.parameters.{unknown}]` names no fix");
        }
        if let Some(id) = policy {
            commands::policies::find(&catalog, id)?;
        }
        let mut policies = Vec::new();
        for checked in catalog.iter() {
            let known = &checked.policy;
            let Some(fix) = known.fix.as_ref().and_then(|id| fixes.get(id.as_str())) else { continue };
            if policy.is_some_and(|wanted| wanted != known.id.as_str()) {
                continue;
            }
            let described = (&known.id, known.title.as_str(), known.severity);
            let fixed = FixedPolicy::new(described, fix.clone(), settings).map_err(anyhow::Error::msg)?;
            // Who asks for a policy wants to know why nothing happens.
            if policy.is_some() || is_on(&fixed) {
                policies.push(Arc::new(fixed));
            }
        }
        let groups = config.groups(&types).await?;
        let look = commands::sql::look(config, &lake).await?;
        Ok(Self { config, lake, types, catalog, fixes, policies, groups, look, host: crate::execution::host() })
    }

    /// What comes next for each issue.
    pub(crate) async fn survey(&self) -> anyhow::Result<Vec<Surveyed>> {
        let surveyor =
            Surveyor { lake: &self.lake, groups: &self.groups, can_warn: self.can_warn(), policies: &self.policies };
        surveyor.survey(Utc::now(), None).await.context("failed to read the issues")
    }

    /// Whether anybody is told of fixes; whether somebody is of one asset's is known when the asset is.
    fn can_warn(&self) -> bool {
        let has_subscription =
            self.config.subscriptions.iter().any(|subscription| subscription.events.contains(&EventKind::FixWarning));
        let has_owner = self.look.groups.iter().any(|group| !group.owner.mail.is_empty());
        !self.config.fix.recipients.is_empty() || has_subscription || has_owner
    }

    /// Who tells people.
    async fn teller(&self) -> anyhow::Result<(Notifier<'_>, &Look)> {
        Ok((notifier(self.config, &self.lake, &self.host, Utc::now()).await?, &self.look))
    }

    fn runner<'b>(&'b self, author: Author, warner: &'b dyn Warner) -> anyhow::Result<Runner<'b>> {
        let source = Source::open(&SourceArgs::default(), &self.changing())?;
        let custom = CustomSettings { private_webhooks: self.config.fix.private_webhooks };
        Ok(Runner {
            lake: &self.lake,
            groups: &self.groups,
            policies: &self.policies,
            caps: &self.config.fix.caps,
            live: Live::new(source.aws, self.config.aws.partition, Arc::new(ReadOnly), custom),
            warner: Some(warner).filter(|_| self.can_warn()),
            recipients: &self.config.fix.recipients,
            author,
            verify_within: self.config.fix.verify_within.unwrap_or(VERIFY_WITHIN),
        })
    }

    /// The accounts by the role that may change them.
    fn changing(&self) -> AwsSettings {
        let mut settings = self.config.aws.clone();
        if let Some(role) = &self.config.fix.role {
            for account in
                settings.accounts.iter_mut().filter(|account| account.role.is_some() || account.role_arn.is_some())
            {
                (account.role, account.role_arn) = (Some(role.clone()), None);
            }
            if let Some(organization) = &mut settings.organization {
                organization.role.clone_from(role);
            }
        }
        settings
    }

    /// Takes the steps that are due; with `dry_run` only tells them.
    pub(crate) async fn apply(&mut self, dry_run: bool) -> anyhow::Result<Report> {
        if dry_run {
            return self.preview().await;
        }
        let execution = self.begin().await?;
        let row = execution.start(Stage::Fix, Vec::new()).await.context(StageFailed(Stage::Fix))?;
        let author = Author { run_id: execution.run_id.to_string(), actor: "pacbot".to_owned() };
        let mut report = Report::default();
        let done = self.steps(author, &mut report).await;
        let fixed = report.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Verified(_))).count();
        let failed = report.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).count();
        let outcome = StageOutcome { problems: failed as u64, rows: fixed as u64, ..StageOutcome::default() };
        ended(&execution, row, done.map(|()| outcome)).await?;
        Ok(report)
    }

    async fn begin(&self) -> anyhow::Result<Execution> {
        let intent = Intent {
            stages: vec![Stage::Fix],
            selection: Some("fixes".to_owned()),
            run_at: None,
            fresh: true,
            within: None,
        };
        Execution::begin(self.lake.clone(), intent).await
    }

    async fn steps(&self, author: Author, report: &mut Report) -> anyhow::Result<()> {
        let run_id = RunId::new(&author.run_id)?;
        let teller = self.teller().await?;
        let runner = self.runner(author, &teller)?;
        for (asset, outcome) in runner.resolve(&self.fixes, &self.config.fix, Utc::now()).await? {
            report.outcomes.push((asset, outcome));
        }
        let surveyed = runner.survey(None).await?;
        let of = |wanted: fn(&Step) -> bool| surveyed.iter().filter(move |one| wanted(&one.step));
        report.waiting =
            of(|step| matches!(step, Step::Nothing(_) | Step::Wait { .. } | Step::Approval | Step::Resolve)).count();
        for one in of(|step| *step == Step::Rehearse).take(self.config.fix.caps.run as usize) {
            report.outcomes.push((told(one), runner.rehearse(one).await?));
        }
        let warned: Vec<Surveyed> = of(|step| matches!(step, Step::Warn { .. })).cloned().collect();
        for (one, outcome) in warned.iter().zip(runner.warn(&warned).await?) {
            report.outcomes.push((told(one), outcome));
        }
        let due: BTreeSet<PolicyId> = of(|step| *step == Step::Apply).map(|one| one.target.policy_id.clone()).collect();
        if due.is_empty() {
            return report.tell(&runner).await;
        }
        let walked = self.walk(&due, &run_id).await.context("failed to look again before fixing")?;
        report.is_partial |= walked.is_partial();
        let fresh = runner.survey(Some(walked.run_id.as_str())).await?;
        let mut changed = false;
        for one in fresh.iter().filter(|one| one.step == Step::Apply && due.contains(&one.target.policy_id)) {
            let outcome = runner.fix(one).await?;
            changed |= !matches!(outcome, Outcome::Skipped(_));
            report.outcomes.push((told(one), outcome));
        }
        if changed {
            let walked = self.walk(&due, &run_id).await.context("failed to look again after fixing")?;
            report.is_partial |= walked.is_partial();
            report.closing = walked.issues();
        }
        report.tell(&runner).await
    }

    /// Collects what some policies read, evaluates them, and opens and closes issues.
    async fn walk(&self, policies: &BTreeSet<PolicyId>, within: &RunId) -> anyhow::Result<Walked> {
        let checked = policies.iter().filter_map(|id| self.catalog.get(id.as_str()));
        let read: BTreeSet<String> = checked.flat_map(|checked| checked.reads.keys().cloned()).collect();
        let collected = self.config.collected(&self.types, &self.catalog)?;
        let is_all = read.contains("assets");
        let types = collected.iter().map(|def| def.asset_type.to_string()).filter(|name| is_all || read.contains(name));
        let walk = Walk {
            config: self.config,
            types: self.types.clone(),
            stages: vec![Stage::Collect, Stage::Evaluate, Stage::Diff],
            source: Some(Source::open(&SourceArgs::default(), &self.config.aws)?),
            collect: CollectOptions { types: types.collect(), accept_shrink: false },
            evaluate: EvaluateOptions { policies: policies.iter().map(ToString::to_string).collect(), fail_on: None },
            snapshot: None,
            fresh: true,
            within: Some(within.clone()),
        };
        // Boxed, as a walk's future is large.
        Box::pin(walk.run(self.lake.clone())).await
    }

    async fn preview(&self) -> anyhow::Result<Report> {
        let teller = self.teller().await?;
        let runner = self.runner(Author { run_id: String::new(), actor: "pacbot".to_owned() }, &teller)?;
        let mut report = Report::default();
        for one in runner.survey(None).await? {
            match one.step {
                Step::Rehearse | Step::Warn { .. } | Step::Wait { .. } | Step::Approval | Step::Apply => {
                    report.outcomes.push((told(&one), runner.preview(&one).await.0));
                }
                Step::Nothing(_) | Step::Resolve => report.waiting += 1,
            }
        }
        Ok(report)
    }

    /// Undoes the fix of an issue, and looks at its policy again.
    pub(crate) async fn undo(
        &mut self,
        issue_id: &str,
        person: &Author,
        options: UndoOptions,
    ) -> anyhow::Result<(Outcome, String)> {
        let execution = self.begin().await?;
        let row = execution.start(Stage::Fix, Vec::new()).await.context(StageFailed(Stage::Fix))?;
        let author = Author { run_id: execution.run_id.to_string(), actor: person.actor.clone() };
        let undone = self.undone(author, issue_id, options, &execution.run_id).await;
        let rows = u64::from(matches!(&undone, Ok((Outcome::Undone, _))));
        let problems = u64::from(matches!(&undone, Ok((Outcome::Failed(_), _))));
        let (result, ending) = match undone {
            Ok(undone) => (Some(undone), Ok(StageOutcome { rows, problems, ..StageOutcome::default() })),
            Err(error) => (None, Err(error)),
        };
        ended(&execution, row, ending).await?;
        result.context("the undo has no result")
    }

    async fn undone(
        &self,
        author: Author,
        issue_id: &str,
        options: UndoOptions,
        run_id: &RunId,
    ) -> anyhow::Result<(Outcome, String)> {
        let teller = self.teller().await?;
        let runner = self.runner(author, &teller)?;
        let (outcome, policy) = runner.undo(&self.fixes, issue_id, options).await?;
        let mut closing = String::new();
        if let (Outcome::Undone, Some(policy)) = (&outcome, policy)
            && self.catalog.get(policy.as_str()).is_some()
        {
            let walked =
                self.walk(&BTreeSet::from([policy]), run_id).await.context("failed to look again after the undo")?;
            closing = walked.issues().unwrap_or_default();
        }
        for untold in runner.tell_results(Utc::now()).await? {
            closing += &format!("\nnot told: {untold}");
        }
        Ok((outcome, closing))
    }
}

fn told(one: &Surveyed) -> String {
    format!("{} ({})", one.target.asset_id, one.policy.fix.about().id)
}

/// A step in a few words.
pub(crate) fn step_text(step: &Step) -> String {
    match step {
        Step::Nothing(why) => format!("nothing: {why}"),
        Step::Rehearse => "a dry run, as this fix has not been rehearsed".to_owned(),
        Step::Warn { number, of } => format!("warning {number} of {of}"),
        Step::Wait { until, awaits } => format!("waits until {}: {awaits}", until.format("%Y-%m-%d %H:%M UTC")),
        Step::Approval => "waits for `pacbot fix approve`".to_owned(),
        Step::Apply => "due".to_owned(),
        Step::Resolve => "a killed run left a claim, which is looked into".to_owned(),
    }
}
