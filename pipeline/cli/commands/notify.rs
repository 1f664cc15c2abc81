//! `pacbot notify`: sends what is due.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, SubsecRound, Utc};
use clap::Args;
use pacbot_dashboards::{Align, columns, counted};
use pacbot_jobs::notify::{Claimant, DeliveryRow, Notifier, Problem, Sent};
use pacbot_lake::Lake;

use super::{asset_types, sql};
use crate::config::Config;
use crate::{EXIT_NOT_KNOWN, execution, terminal};

/// Tell people what happened since they were told last, and send the digests whose period ended
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot notify --dry-run            # what would be sent\n  pacbot run; pacbot notify          # after each run, or every few minutes\n  pacbot notify --test slack-ops     # does the channel work?\n  pacbot notify --test mail --to ada@example.org\n\nExit codes: 0 everything was sent, 2 something was not and is tried again by the next run, 64 usage."
)]
pub(crate) struct Notify {
    /// Only say what would be sent
    #[arg(long, conflicts_with = "test")]
    dry_run: bool,

    /// Send one test message through a channel instead
    #[arg(long, value_name = "CHANNEL")]
    test: Option<String>,

    /// Who gets the test message, where the channel needs somebody [default: who the mails are from]
    #[arg(long, value_name = "RECIPIENT", requires = "test")]
    to: Option<String>,

    /// The time as of which periods have ended [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime<Utc>>,
}

/// Whoever tells people, as configured.
pub(crate) async fn notifier<'a>(
    config: &'a Config,
    lake: &Lake,
    host: &'a str,
    now: DateTime<Utc>,
) -> anyhow::Result<Notifier<'a>> {
    let secret = config.notify.unsubscribe_secret.as_ref().map(|secret| secret.resolve()).transpose();
    Ok(Notifier {
        lake: lake.clone(),
        groups: config.groups(lake.types()).await?,
        settings: &config.notify,
        subscriptions: &config.subscriptions,
        unsubscribe_secret: secret.context("`[notify] unsubscribe_secret` cannot be read")?,
        claimant: Claimant { host, process: std::process::id(), is_alive: &execution::is_alive },
        now,
    })
}

pub(crate) async fn run(command: &Notify, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let host = execution::host();
    let now = command.at.unwrap_or_else(Utc::now).trunc_subsecs(6);
    let notifier = notifier(config, &lake, &host, now).await?;
    if let Some(channel) = &command.test {
        let sent = notifier.test(channel, command.to.as_deref()).await?;
        return tell(&sent, &[], out);
    }
    let look = sql::look(config, &lake).await?;
    if command.dry_run {
        let planned = notifier.due(&look).await?;
        list(&planned.messages, out)?;
        return tell(&Sent::default(), &planned.problems, out);
    }
    let planned = notifier.queue(&look).await?;
    let sent = notifier.send(None).await?;
    tell(&sent, &planned.problems, out)
}

fn list(messages: &[DeliveryRow], out: &mut impl Write) -> anyhow::Result<()> {
    let cells = messages.iter().map(|row| {
        let subject = row.subject.clone().unwrap_or_default();
        vec![row.state.to_string(), row.subscription.clone(), row.channel.clone(), row.recipient.clone(), subject]
    });
    let head = ["state", "subscription", "channel", "recipient", "subject"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(cells).collect();
    for line in columns(&rows, &[Align::Left; 5], 0, &[3, 4], terminal::width()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Says how it went; what failed makes the exit code.
pub(crate) fn tell(sent: &Sent, problems: &[Problem], out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let repeats = match sent.repeats {
        0 => String::new(),
        repeats => format!(" ({repeats} perhaps for the second time)"),
    };
    let waiting = match sent.waiting {
        0 => String::new(),
        waiting => format!(", {waiting} wait for the next run"),
    };
    let left = match sent.left {
        0 => String::new(),
        left => format!(", {left} left to another process that sends now"),
    };
    let failed = match sent.unsent.len() {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    writeln!(out, "notified: {} sent{repeats}{failed}{waiting}{left}", counted(sent.sent, "message", "messages"))?;
    for unsent in &sent.unsent {
        let id = unsent.message_id.as_ref().map(|id| format!(" message {id}")).unwrap_or_default();
        let end = if unsent.is_final { "; it is given up" } else { "" };
        writeln!(out, "  `{}`{id}: {}{end}", unsent.channel, unsent.reason)?;
    }
    for problem in problems {
        let error: &dyn std::error::Error = &problem.error;
        let causes = std::iter::successors(error.source(), |error| error.source());
        let causes: String = causes.map(|cause| format!(": {cause}")).collect();
        writeln!(out, "  subscription `{}`: {error}{causes}", problem.subscription)?;
    }
    let is_whole = sent.unsent.is_empty() && sent.waiting == 0 && problems.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_KNOWN) })
}
