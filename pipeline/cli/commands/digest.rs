//! `pacbot digest`: one digest, as files or as a mail.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{SubsecRound, Utc};
use clap::Args;
use pacbot_jobs::notify::{Content, EVERYTHING, Message, MessageId, mail_file};
use pacbot_lake::Lake;

use super::notify::{notifier, tell};
use super::{asset_types, sql};
use crate::config::Config;

/// Write one digest: what changed in the newest run, and how all stands
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot digest --to digests         # digests/digest.html, .txt and .eml\n  pacbot digest --group shop --send\n  pacbot digest --send --recipient ada@example.org"
)]
pub(crate) struct DigestArgs {
    /// The asset group
    #[arg(long, value_name = "ID", default_value = EVERYTHING)]
    group: String,

    /// A folder for the digest as HTML, as text and as a mail
    #[arg(long, value_name = "FOLDER", conflicts_with = "send")]
    to: Option<PathBuf>,

    /// Send it by mail
    #[arg(long)]
    send: bool,

    /// Who gets it [default: the group's owners]
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
}

pub(crate) async fn run(command: &DigestArgs, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let look = sql::look(config, &lake).await?;
    let host = crate::execution::host();
    let now = Utc::now().trunc_subsecs(6);
    let notifier = notifier(config, &lake, &host, now).await?;
    let (digest, owners) = notifier.digest_of(&look, &command.group).await?;
    let content = Content::Digest(Box::new(digest));
    let recipients = command.recipient.clone().map_or(owners, |recipient| vec![recipient]);
    if command.send {
        if recipients.is_empty() {
            bail!("group `{}` has no owner; name a --recipient", command.group);
        }
        let sent = notifier.send_by_hand(&look, &recipients, &content).await?;
        return tell(&sent, &[], out);
    }
    let message = Message {
        id: MessageId::of(&["by hand", &command.group, &now.to_rfc3339()]),
        subscription: "digest".to_owned(),
        recipient: recipients.into_iter().next().unwrap_or_else(|| config.notify.from.email.to_string()),
        queued_at: now,
        may_repeat: false,
        unsubscribe: None,
        content,
    };
    let mail = mail_file(&message, &config.notify).context("failed to write the digest")?;
    match &command.to {
        None => write!(out, "{}", mail.text)?,
        Some(folder) => {
            let files = [
                ("digest.html", mail.html.as_bytes()),
                ("digest.txt", mail.text.as_bytes()),
                ("digest.eml", &mail.mail),
            ];
            std::fs::create_dir_all(folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
            for (name, bytes) in files {
                save(&folder.join(name), bytes)?;
                writeln!(out, "wrote {}", folder.join(name).display())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("failed to write `{}`", path.display()))
}
