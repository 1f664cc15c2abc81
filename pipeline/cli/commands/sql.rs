//! `pacbot sql`: read-only SQL over the lake, one statement or a prompt.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use chrono::Utc;
use clap::Args;
use datafusion::catalog::SchemaProvider;
use datafusion::prelude::SessionContext;
use pacbot_dashboards::Look;
use pacbot_lake::{Lake, SqlMessage, read_only};

use super::asset_types;
use crate::config::Config;
use crate::output::{Format, print};
use crate::prompt;

/// Ask the lake in read-only SQL: one statement, or a prompt
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot sql                       # a prompt; tab completes tables and columns\n  pacbot sql \"select region, count(*) from aws_ec2_instance group by 1\"\n  pacbot sql --format csv \"select * from policy_status\"\n  pacbot sql --format parquet \"select * from assets\" > assets.parquet"
)]
pub(crate) struct Sql {
    /// The statement; without it, a prompt
    statement: Option<String>,

    /// How rows are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Sql {
    /// Whether it asks a person for statements.
    pub(crate) fn is_prompt(&self) -> bool {
        self.statement.is_none()
    }
}

pub(crate) async fn run(command: &Sql, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let ctx = look(config, &lake).await?.ctx;
    match &command.statement {
        Some(statement) => answer(&ctx, statement, command.format, out).await?,
        None => prompt::run(&ctx, command.format, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A look at everything that there is to read.
pub(crate) async fn look(config: &Config, lake: &Lake) -> anyhow::Result<Look> {
    let groups = config.groups(lake.types()).await?;
    Look::newest(lake, groups, Utc::now()).await.context("failed to look at the lake")
}

/// Runs one statement that can only read.
pub(crate) async fn answer(
    ctx: &SessionContext,
    statement: &str,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let frame = read_only(ctx, statement).await.map_err(|error| {
        let tables: Vec<String> = schemas(ctx).flat_map(|schema| schema.table_names()).collect();
        let message = SqlMessage::new(&error, tables.iter().map(String::as_str));
        let meant = message.meant.map(|table| format!("; did you mean `{table}`?")).unwrap_or_default();
        anyhow!("the statement cannot be run: {}{meant}", message.text)
    })?;
    print(frame, format, out).await
}

/// Where tables and views are.
pub(crate) fn schemas(ctx: &SessionContext) -> impl Iterator<Item = Arc<dyn SchemaProvider>> {
    let catalogs = ctx.catalog_names().into_iter().filter_map(|name| ctx.catalog(&name));
    catalogs.flat_map(|catalog| {
        let names = catalog.schema_names().into_iter();
        names.filter_map(move |name| catalog.schema(&name)).collect::<Vec<_>>()
    })
}
