//! `pacbot unsubscribe`: follows a signed link from a mail.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{SubsecRound, Utc};
use clap::Args;
use pacbot_jobs::notify::Unsubscription;
use pacbot_lake::Lake;

use super::asset_types;
use crate::config::Config;

/// Send no more of a subscription's messages to whom a mail's link was for
#[derive(Debug, Args)]
#[command(
    after_help = "The token stands in the mail's link to unsubscribe, after `token=`. It is checked against `[notify] unsubscribe_secret`."
)]
pub(crate) struct Unsubscribe {
    /// The token
    token: String,
}

pub(crate) async fn run(command: &Unsubscribe, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Some(secret) = &config.notify.unsubscribe_secret else {
        bail!("`[notify] unsubscribe_secret` is not set, so no link was ever signed");
    };
    let secret = secret.resolve().context("`[notify] unsubscribe_secret` cannot be read")?;
    let said = Unsubscription::verify(&command.token, &secret)?;
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    said.save(&lake, Utc::now().trunc_subsecs(6)).await?;
    writeln!(out, "unsubscribed: no more messages of `{}` to whom this link was for", said.subscription)?;
    Ok(ExitCode::SUCCESS)
}
