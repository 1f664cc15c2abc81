//! Which accounts' rows differ between two versions of asset tables.
//!
//! A landing knows which scopes it replaces, and notes their accounts in its commit. So nobody has to compare files, and a
//! commit of somebody else is one of which nobody knows what it changed.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::runtime::SpawnedTask;
use deltalake_core::kernel::Action;
use futures::{StreamExt, stream};
use pacbot_schemas::AssetType;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{debug, warn};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::table::Table;

/// What a commit's provenance calls it.
const CHANGED: &str = "pacbotChanged";

/// Logs that are read at the same time.
const LOGS_AT_ONCE: usize = 16;

/// More commits than this are not looked through.
const MOST_COMMITS: u64 = 100;

/// What a landing changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Changed {
    /// The rows that each account has now in the scopes that changed.
    pub(crate) accounts: BTreeMap<String, u64>,
    /// All rows now.
    pub(crate) of: u64,
}

impl Changed {
    /// As a note in the provenance of the commit.
    pub(crate) fn noted(self) -> (String, Value) {
        (CHANGED.to_owned(), json!({ "accounts": self.accounts, "of": self.of }))
    }
}

/// What changed between two versions of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedAccounts {
    /// The accounts whose rows changed.
    pub accounts: BTreeSet<String>,
    /// Their rows now.
    pub rows: u64,
    /// All rows now.
    pub of: u64,
}

impl Lake {
    /// The accounts that have other rows in the second version of an asset table than in the first, by table. What a row
    /// says of itself counts (`content_hash`), not when it was seen. A table of which that is not known is left out.
    pub async fn changed_accounts(&self, tables: &[(AssetType, u64, u64)]) -> BTreeMap<String, ChangedAccounts> {
        let read = tables.iter().map(async |(asset_type, before, now)| {
            let (before, now) = (*before, *now);
            let (lake, name) = (self.clone(), asset_type.to_string());
            // Whoever is cancelled says nothing either.
            SpawnedTask::spawn(async move { lake.changed_in(name, before, now).await }).await.ok().flatten()
        });
        let read: Vec<_> = stream::iter(read).buffer_unordered(LOGS_AT_ONCE).collect().await;
        read.into_iter().flatten().collect()
    }

    async fn changed_in(&self, name: String, before: u64, now: u64) -> Option<(String, ChangedAccounts)> {
        match self.changed_between(&name, before, now).await {
            Ok(changed) => changed.map(|changed| (name, changed)),
            Err(error) => {
                warn!(table = name, %error, "what changed in `{name}` is not known");
                None
            }
        }
    }

    /// `None` where a commit does not tell, or is not there any more.
    async fn changed_between(&self, name: &str, before: u64, now: u64) -> Result<Option<ChangedAccounts>, LakeError> {
        if now < before || now - before > MOST_COMMITS {
            return Ok(None);
        }
        let (mut accounts, mut of) = (BTreeMap::new(), None);
        for version in (before + 1..=now).rev() {
            let Some(entry) = Table::commit_of(self, name, version).await? else { return Ok(None) };
            match told(&entry) {
                Told::Nothing => {}
                Told::Changed(changed) => {
                    of.get_or_insert(changed.of);
                    for (account, rows) in changed.accounts {
                        // The newest landing knows what an account has now.
                        accounts.entry(account).or_insert(rows);
                    }
                }
                Told::Unknown => {
                    debug!(table = name, version, "a commit does not say what it changed");
                    return Ok(None);
                }
            }
        }
        let rows = accounts.values().sum();
        Ok(Some(ChangedAccounts { accounts: accounts.into_keys().collect(), rows, of: of.unwrap_or_default() }))
    }
}

/// What a commit says that it changed.
enum Told {
    /// No row: it wrote rows again, or is about the table.
    Nothing,
    Changed(Changed),
    Unknown,
}

fn told(actions: &[Action]) -> Told {
    let changes_rows = |action: &Action| match action {
        Action::Add(add) => add.data_change,
        Action::Remove(remove) => remove.data_change,
        _ => false,
    };
    if !actions.iter().any(changes_rows) {
        return Told::Nothing;
    }
    let noted = actions.iter().find_map(|action| match action {
        Action::CommitInfo(info) => info.info.get(CHANGED),
        _ => None,
    });
    noted.and_then(|noted| Changed::deserialize(noted).ok()).map_or(Told::Unknown, Told::Changed)
}
