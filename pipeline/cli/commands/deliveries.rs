//! `pacbot deliveries`: what was sent to whom, and what was not.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use datafusion::prelude::{col, lit};
use pacbot_lake::Lake;
use pacbot_schemas::DeliveryState;

use super::{asset_types, sql};
use crate::config::Config;
use crate::output::{Format, print};

/// The messages to people
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  pacbot deliveries list\n  pacbot deliveries list --failed\n  pacbot sql \"select * from deliveries where message_id = '…' order by sequence\""
)]
pub(crate) enum Deliveries {
    /// List the messages, newest first
    List {
        /// Only those that did not arrive
        #[arg(long)]
        failed: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

pub(crate) async fn run(command: &Deliveries, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let ctx = sql::look(config, &lake).await?.ctx;
    let Deliveries::List { failed, limit, format } = command;
    let mut messages = ctx.table("messages").await?;
    if *failed {
        let states = [DeliveryState::Failed, DeliveryState::GivenUp].map(|state| lit(state.as_str())).to_vec();
        messages = messages.filter(col("state").in_list(states, false))?;
    }
    let order = vec![col("queued_at").sort(false, false), col("message_id").sort(true, false)];
    let messages = messages.sort(order)?.limit(0, Some(*limit))?;
    let mut columns = vec!["queued_at", "state", "subscription", "kind", "channel", "recipient", "subject", "attempt"];
    match format {
        Format::Table if *failed => columns.push("error"),
        Format::Table => {}
        _ => columns.extend(["message_id", "changed_at", "may_repeat", "error", "receipt", "run_id", "period_end"]),
    }
    print(messages.select_columns(&columns)?, *format, out).await?;
    Ok(ExitCode::SUCCESS)
}
