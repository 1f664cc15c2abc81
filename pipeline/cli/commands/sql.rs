//! `pacbot sql`: one read-only statement over the lake.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use arrow::util::pretty::pretty_format_batches;
use chrono::Utc;
use clap::{Args, ValueEnum};
use pacbot_lake::{Lake, SessionOptions, read_only};

use super::asset_types;
use crate::config::Config;

/// How rows are printed
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One object a line
    Json,
    /// With a header
    Csv,
}

/// Ask the lake one read-only SQL statement
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot sql \"select region, count(*) from aws_ec2_instance group by 1\"\n  pacbot sql --format csv \"select * from runs\""
)]
pub(crate) struct Sql {
    /// The statement
    statement: String,

    /// How rows are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(crate) async fn run(command: &Sql, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let ctx = lake.session(SessionOptions::newest(Utc::now())).await?;
    let frame = read_only(&ctx, &command.statement).await.context("the statement cannot be run")?;
    let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
    let mut batches = frame.collect().await.context("the statement failed")?;
    if batches.is_empty() {
        batches.push(arrow::array::RecordBatch::new_empty(schema));
    }
    match command.format {
        Format::Table => writeln!(out, "{}", pretty_format_batches(&batches)?)?,
        Format::Json => {
            let mut writer = arrow::json::LineDelimitedWriter::new(out);
            writer.write_batches(&batches.iter().collect::<Vec<_>>())?;
            writer.finish()?;
        }
        Format::Csv => {
            let mut writer = arrow::csv::Writer::new(out);
            batches.iter().try_for_each(|batch| writer.write(batch)).context("nested columns need --format json")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
