//! Telling people of a fix before it is applied: what is told, and who delivers it.
//!
//! A warning counts only when it was delivered; see the crate `fix`. Nothing here knows when a warning is due.

use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pacbot_schemas::{AccountId, FixId, PolicyId, Severity};
use serde::{Deserialize, Serialize};

/// What is told about one issue that is going to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The issue.
    pub issue_id: String,
    /// Its occurrence.
    pub occurrence: u64,
    /// The policy.
    pub policy_id: PolicyId,
    /// What the policy asks for.
    pub title: String,
    /// How bad the violation is.
    pub severity: Severity,
    /// Why the asset violates the policy.
    pub reason: String,
    /// The asset's type.
    pub asset_type: String,
    /// The asset.
    pub asset_id: String,
    /// What people call it.
    pub name: String,
    /// Its account.
    pub account_id: AccountId,
    /// Its region, or `global`.
    pub region: String,
    /// The fix.
    pub fix: FixId,
    /// What the fix does.
    pub does: String,
    /// What undoing it brings back.
    pub undoes: String,
    /// Which warning this is, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// The fix is not applied before.
    pub not_before: DateTime<Utc>,
    /// Whether it then waits for a person to approve it.
    pub needs_approval: bool,
}

/// Why a notice was not delivered.
#[derive(Debug, thiserror::Error)]
#[error("the notice was not delivered: {reason}")]
pub struct Undelivered {
    /// The cause.
    pub reason: String,
}

/// Delivers notices to whoever has to know.
#[async_trait]
pub trait Warner: Send + Sync {
    /// Delivers a batch and yields one outcome for each notice, in the same order.
    ///
    /// `Ok` means that the notice has arrived where people read it: the fix may follow. Delivering the same notice again,
    /// after a kill between delivery and record, must do no harm.
    async fn warn(&self, notices: &[Notice]) -> Vec<Result<(), Undelivered>>;
}

/// Writes one JSON line for each notice into a file of the day.
#[derive(Debug)]
pub struct FolderWarner {
    folder: PathBuf,
}

impl FolderWarner {
    /// Into `folder`, which is made when the first notice is written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn write(&self, notice: &Notice) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let name = notice.at.format("%Y-%m-%d.jsonl").to_string();
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join(name))?;
        // One write, so that lines of two runs do not mix.
        let mut line = serde_json::to_vec(notice)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()
    }
}

#[async_trait]
impl Warner for FolderWarner {
    async fn warn(&self, notices: &[Notice]) -> Vec<Result<(), Undelivered>> {
        let failed = |error: std::io::Error| Undelivered { reason: format!("`{}`: {error}", self.folder.display()) };
        notices.iter().map(|notice| self.write(notice).map_err(failed)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            at: "2025-03-01T06:00:00Z".parse().unwrap(),
            issue_id: "1f".to_owned(),
            occurrence: 1,
            policy_id: PolicyId::new("aws-x").unwrap(),
            title: "X".to_owned(),
            severity: Severity::High,
            reason: "it is open".to_owned(),
            asset_type: "aws_x".to_owned(),
            asset_id: "x".to_owned(),
            name: "x".to_owned(),
            account_id: AccountId::new("111122223333").unwrap(),
            region: "eu-west-1".to_owned(),
            fix: FixId::new("aws-x-close").unwrap(),
            does: "closes it".to_owned(),
            undoes: "opens it".to_owned(),
            number: 1,
            of: 3,
            not_before: "2025-03-03T06:00:00Z".parse().unwrap(),
            needs_approval: false,
        }
    }

    #[tokio::test]
    async fn a_notice_is_a_line_and_a_folder_that_cannot_be_written_delivers_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let outcomes = FolderWarner::new(folder.path().join("notices")).warn(&[notice(), notice()]).await;
        assert!(outcomes.iter().all(Result::is_ok));
        let text = std::fs::read_to_string(folder.path().join("notices/2025-03-01.jsonl")).unwrap();
        let lines: Vec<Notice> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, [notice(), notice()]);

        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(FolderWarner::new(file).warn(&[notice()]).await[0].is_err());
    }
}
