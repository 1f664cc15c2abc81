//! Writes a table's log down as one file now and then, so that whoever opens the table reads that and the few commits since.
//!
//! A commit stands whether or not its checkpoint could be written. Does not know what is committed.

use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::FinalizedCommit;
use deltalake_core::protocol::checkpoints::create_checkpoint;
use tracing::warn;

/// After so many commits. The Delta library's own default is a hundred: every table's small files of four days, if its
/// collector runs every hour.
pub(crate) const COMMITS: u64 = 10;

/// Writes the checkpoint of a commit to the table `name`, if it is one of those that have one. That it could not be written is
/// logged and nothing more: the table reads the same without, and a later one will hold it.
pub(crate) async fn follow(name: &str, table: &DeltaTable, commit: FinalizedCommit) {
    let version = commit.version;
    if !(version + 1).is_multiple_of(COMMITS) {
        return;
    }
    let mut table = table.clone();
    table.state = Some(commit.snapshot);
    if let Err(error) = create_checkpoint(&table, None).await {
        warn!(table = name, version, %error, "no checkpoint of `{name}` was written");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chrono::Utc;
    use pacbot_schemas::RunId;
    use serde_json::json;

    use super::*;
    use crate::lake::Lake;
    use crate::testing::lake_in;

    /// One row in a file with a tag, in the place of the part's row before; the version then.
    async fn write(lake: &Lake, part: u64) -> u64 {
        let row = json!({"issue_id": part.to_string(), "account_id": "1", "policy_id": format!("p{part}")});
        let run_id = RunId::new("run").unwrap();
        lake.replace_run_values("issues", &run_id, &part.to_string(), &[row], Utc::now()).await.unwrap()
    }

    fn checkpoints(log: &Path) -> Vec<String> {
        let names = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.contains(".checkpoint.")).collect();
        names.sort();
        names
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_checkpoint_tells_what_its_commits_told() {
        let folder = tempfile::tempdir().unwrap();
        let writer = lake_in(folder.path()).await;
        let log = folder.path().join("issues/_delta_log");
        let mut version = 0;
        while version + 1 < 2 * COMMITS {
            version = write(&writer, version % 7).await;
        }
        assert_eq!(checkpoints(&log).len(), 2);
        let told = |lake: Lake| async move {
            let table = lake.table("issues").await.unwrap().unwrap();
            let mut files: Vec<_> = table.files().unwrap().iter().map(|file| format!("{file:?}")).collect();
            let mut past: Vec<_> =
                table.past_files().await.unwrap().into_iter().map(|past| (past.file.path, past.removed_at)).collect();
            files.sort();
            past.sort();
            (table.version(), files, past, table.schema().unwrap())
        };
        let before = told(writer).await;
        assert!(!before.1.is_empty() && !before.2.is_empty(), "{before:?}");
        for version in 0..=version {
            std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
        }
        assert_eq!(told(lake_in(folder.path()).await).await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_stands_without_its_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let writer = lake_in(folder.path()).await;
        let log = folder.path().join("issues/_delta_log");
        let mut version = write(&writer, 0).await;
        // A folder lies where the checkpoint would.
        std::fs::create_dir_all(log.join(format!("{:020}.checkpoint.parquet/x", COMMITS - 1))).unwrap();
        while version < COMMITS + 1 {
            let next = write(&writer, version).await;
            assert_eq!(next, version + 1);
            version = next;
        }
        let seen = lake_in(folder.path()).await.table("issues").await.unwrap().unwrap();
        assert_eq!((seen.version(), seen.files().unwrap().len() as u64), (version, version));
        assert_eq!(checkpoints(&log).len(), 1, "the folder");
    }
}
