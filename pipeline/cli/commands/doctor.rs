//! `pacbot doctor`: does everything that a run needs, once, and says what is missing.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use futures::StreamExt;
use pacbot_cloud::ReachStatus;
use pacbot_collect::{Coverage, Plan, RunContext, StagingRoom, Wanted, collect_all, collectors};
use pacbot_dashboards::counted;
use pacbot_lake::Lake;
use pacbot_schemas::{CoverageStatus, Region};

use super::asset_types;
use crate::config::Config;
use crate::progress::Bar;
use crate::source::{Source, SourceArgs};

/// Check credentials, permissions, policies and the lake; nothing is landed
#[derive(Debug, Args)]
#[command(
    after_help = "Every request of every asset type is made in one region of each account, so that a missing permission shows.\n\nExample:\n  pacbot doctor"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    source: SourceArgs,
}

/// What was looked at; says each thing as it comes.
struct Findings<'a, W: Write> {
    out: &'a mut W,
    problems: u64,
}

impl<W: Write> Findings<'_, W> {
    fn good(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "ok       {text}")
    }

    fn bad(&mut self, text: &str) -> std::io::Result<()> {
        self.problems += 1;
        writeln!(self.out, "PROBLEM  {text}")
    }
}

pub(crate) async fn run(command: &Doctor, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut findings = Findings { out, problems: 0 };
    check_lake(config, &mut findings).await?;
    let wanted = match config.catalog(&*asset_types()?).await {
        Ok(catalog) => {
            findings.good(&format!("{} policies, no mistakes", catalog.iter().count()))?;
            config.wanted(&*asset_types()?, &catalog)
        }
        Err(error) => {
            findings.bad(&format!("policies: {error:#}"))?;
            Wanted::Everything
        }
    };
    check_accounts(config, &Source::open(&command.source, &config.aws)?, wanted, &mut findings).await?;
    let problems = findings.problems;
    writeln!(
        out,
        "{}",
        if problems == 0 { "all is well".to_owned() } else { counted(problems, "problem", "problems") }
    )?;
    Ok(ExitCode::from(if problems == 0 { 0 } else { 2 }))
}

async fn check_lake(config: &Config, findings: &mut Findings<'_, impl Write>) -> anyhow::Result<()> {
    let location = &config.lake.location;
    let lake = match Lake::open(config.lake.clone(), asset_types()?).await {
        Ok(lake) => lake,
        Err(error) => return Ok(findings.bad(&format!("lake: {:#}", anyhow::Error::from(error)))?),
    };
    match lake.check_writable().await {
        Ok(()) => findings.good(&format!("the lake `{location}` can be read and written"))?,
        Err(error) => findings.bad(&format!("lake: {:#}", anyhow::Error::from(error)))?,
    }
    Ok(())
}

async fn check_accounts(
    config: &Config,
    source: &Source,
    wanted: Wanted,
    findings: &mut Findings<'_, impl Write>,
) -> anyhow::Result<()> {
    let accounts = match source.aws.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(findings.bad(&format!("accounts: {error}"))?),
    };
    let mut reached: Vec<(Arc<_>, Vec<Region>)> = Vec::new();
    for reach in accounts {
        let name = format!("account {} ({})", reach.account.id, reach.account.name);
        if reach.status == ReachStatus::Suspended {
            findings.bad(&format!("{name}: suspended; its assets cannot be judged until it is excluded"))?;
            continue;
        }
        let regions = match source.aws.check(&reach.account).await {
            Ok(()) => source.aws.regions(&reach.account).await,
            Err(error) => Err(error),
        };
        match regions {
            Ok(regions) => {
                findings.good(&format!("{name}: credentials, {} regions", regions.len()))?;
                reached.push((reach.account, regions.into_iter().take(1).collect()));
            }
            Err(error) => findings.bad(&format!("{name}: {error}"))?,
        }
    }
    let types = asset_types()?;
    let staging = tempfile::tempdir().context("failed to make a folder for staged assets")?;
    let room = StagingRoom::new(staging.path(), config.collect.memory);
    let mut context = RunContext::new(source.aws.clone(), chrono::Utc::now(), room);
    context.wanted = wanted;
    let plan = Plan::new(collectors(types.iter()), &reached);
    let bar = Arc::new(Bar::new("asking"));
    bar.length(plan.scopes() as u64);
    let answers = collect_all(plan, Arc::new(context), config.collect.scopes_at_once.get(), bar.clone());
    let mut answers = std::pin::pin!(answers);
    let (mut asked, mut refused) = (0_usize, BTreeMap::<String, Vec<String>>::new());
    while let Some(answer) = answers.next().await {
        for request in answer.scopes.iter().flat_map(|scope| &scope.coverage) {
            asked += 1;
            if !matches!(request.status, CoverageStatus::Complete | CoverageStatus::Skipped) {
                refused.entry(account_of(request)).or_default().push(complaint(request));
            }
        }
    }
    bar.finish();
    for (account, complaints) in &refused {
        for complaint in complaints {
            findings.bad(&format!("{account}: {complaint}"))?;
        }
    }
    let failed: usize = refused.values().map(Vec::len).sum();
    findings.good(&format!("{} of {asked} requests were answered", asked - failed))?;
    Ok(())
}

fn account_of(request: &Coverage) -> String {
    format!("account {} ({})", request.account_id, request.account_name)
}

fn complaint(request: &Coverage) -> String {
    match (&request.missing_permission, &request.error) {
        (Some(permission), _) => {
            format!("grant {permission} (for {}, request {})", request.asset_type, request.request)
        }
        (None, error) => {
            let error = error.as_deref().unwrap_or("not answered");
            format!("{}, request {}: {error}", request.asset_type, request.request)
        }
    }
}
