//! Makes estates of any size in a lake, as a collection would have left them, and changes a part of them.
//!
//! The rows are made up, but have every column of their types filled, nested ones too, with the words that policies look
//! for and ids that rows of other types name. The same arguments make the same estate. What is measured on it, and beside
//! which peers, is in `benches/bench.py`.

mod estate;
mod value;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Parser;
use pacbot_lake::{Answered, Lake, LakeSettings, Landing, RunRow, ScopeKey, Spool, snapshot_of, to_batch};
use pacbot_schemas::{AssetTypes, CoverageStatus, RunId, RunStatus, Stage};
use serde::Serialize;

use crate::estate::{Change, Estate, Rows};

/// Make an estate in a lake, or change a part of it
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  pacbot-bench --lake /tmp/lake --assets 1000000")]
struct Arguments {
    /// The lake's folder
    #[arg(long)]
    lake: String,

    /// How many assets, of all types together
    #[arg(long, default_value_t = 1_000_000)]
    assets: u64,

    /// How many accounts; some are much larger than others
    #[arg(long, default_value_t = 100)]
    accounts: u32,

    /// How many regions of each
    #[arg(long, default_value_t = 4)]
    regions: u32,

    /// The part of the assets that differs from generation 0, in percent
    #[arg(long, default_value_t = 0.0)]
    changed: f64,

    /// Change whole accounts instead of some assets everywhere
    #[arg(long)]
    clustered: bool,

    /// Which change: 0 is none
    #[arg(long, default_value_t = 0)]
    generation: u32,

    /// The collection's time
    #[arg(long, default_value = "2026-03-01T06:00:00Z")]
    at: DateTime<Utc>,
}

/// A row of `coverage`.
#[derive(Debug, Serialize)]
struct Covered<'a> {
    run_id: &'a RunId,
    collected_at: DateTime<Utc>,
    account_id: &'a str,
    account_name: &'a str,
    region: &'a str,
    asset_type: &'a str,
    request: &'a str,
    status: CoverageStatus,
    rows: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let types =
        AssetTypes::embedded().map_err(|errors| anyhow::anyhow!("{} asset type files are broken", errors.len()))?;
    let types = Arc::new(types);
    let settings = LakeSettings { location: arguments.lake.clone(), ..LakeSettings::default() };
    let lake = Lake::open(settings, types.clone()).await?;
    let change =
        Change { generation: arguments.generation, share: arguments.changed / 100.0, clustered: arguments.clustered };
    let estate = Arc::new(Estate::new(&types, arguments.assets, arguments.accounts, arguments.regions, change));
    let run_id = RunId::new(arguments.at.format("%Y%m%dT%H%M%SZ-bench").to_string())?;
    let started_at = Utc::now();
    let mut versions = BTreeMap::new();
    let mut rows = 0;
    let schema = lake.schema_of("coverage")?;
    let mut coverage = Spool::new("coverage", &schema)?;
    for def in types.iter() {
        let mut covered = Vec::new();
        let mut answered = Vec::new();
        let scopes = estate.scopes(def);
        for scope in &scopes {
            for request in def.requests.keys() {
                covered.push(Covered {
                    run_id: &run_id,
                    collected_at: arguments.at,
                    account_id: scope.account.as_str(),
                    account_name: scope.account.as_str(),
                    region: scope.region.as_str(),
                    asset_type: def.asset_type.as_str(),
                    request,
                    status: CoverageStatus::Complete,
                    rows: scope.rows,
                });
            }
            if scope.rows > 0 {
                answered.push(Answered {
                    scope: ScopeKey { account_id: scope.account.clone(), region: scope.region.clone() },
                    rows: Arc::new(Rows {
                        estate: estate.clone(),
                        def: def.clone(),
                        scope: scope.clone(),
                        at: arguments.at,
                    }),
                });
            }
        }
        coverage.push(&to_batch("coverage", schema.clone(), &covered)?)?;
        let landing = Landing { answered, accept_shrink: true, run_at: arguments.at, ..Landing::default() };
        let landed = lake.land(def, &landing).await.with_context(|| format!("failed to land `{}`", def.asset_type))?;
        rows += landed.assets;
        versions.insert(def.asset_type.to_string(), landed.version);
    }
    let covered = lake.write_coverage(&run_id, coverage, Vec::new(), arguments.at).await?;
    versions.insert("coverage".to_owned(), covered);
    lake.save_run(&RunRow {
        run_id,
        stage: Stage::Collect,
        status: RunStatus::Complete,
        run_at: arguments.at,
        started_at,
        finished_at: Some(Utc::now()),
        snapshot: snapshot_of(&versions),
        scopes: 0,
        problems: 0,
        rows,
        assets: None,
        open_issues: None,
        selection: None,
        host: "bench".to_owned(),
        process: std::process::id(),
        pacbot_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
    .await?;
    // As every walk ends.
    lake.tidy(Utc::now()).await?;
    Ok(())
}
