//! One Delta table at one version: its files, and commits on top of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow as _, TryIntoKernel as _};
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, Remove};
use deltalake_core::logstore::get_actions;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use serde::Deserialize;

use crate::checkpoint;
use crate::error::LakeError;
use crate::lake::Lake;

/// Columns whose smallest and largest values each file's entry in the log tells. Every table has at least one of them:
/// the Delta library cannot read an empty list.
const STATISTICS: &str =
    "asset_id,account_id,region,collected_in,run_id,policy_id,issue_id,group_id,job,lease,subscription,sequence";

/// The setting of a table that names them.
const STATISTICS_COLUMNS: &str = "delta.dataSkippingStatsColumns";

/// The column by which events are counted.
pub(crate) const SEQUENCE: &str = "sequence";

/// The tag of a data file that says which run's rows it holds: `RUN` or `RUN/PART`.
pub(crate) const RUN_TAG: &str = "run";

/// The tag of a data file that says what its rows were made of, as a hash.
pub(crate) const MADE_OF_TAG: &str = "made_of";

/// A table of the lake, pinned to a version.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    pub(crate) delta: DeltaTable,
}

/// A data file of a version.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Relative to the table.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Its rows, where the log tells.
    pub rows: Option<u64>,
    /// The smallest and largest account in it, where the log tells.
    pub accounts: Option<(String, String)>,
    /// The smallest and largest policy in it, where the log tells.
    pub policies: Option<(String, String)>,
    /// The largest `sequence` in it, where the log tells.
    pub last_sequence: Option<i64>,
    /// What its writer noted, for example the run.
    pub tags: HashMap<String, Option<String>>,
}

/// A data file of earlier versions.
#[derive(Debug, Clone)]
pub struct PastFile {
    /// The file, as far as the log still tells.
    pub file: DataFile,
    /// When it was taken out.
    pub removed_at: DateTime<Utc>,
}

impl DataFile {
    /// Whether rows of one of `accounts` can be in it.
    pub(crate) fn can_hold(&self, accounts: &BTreeSet<String>) -> bool {
        self.accounts.as_ref().is_none_or(|bounds| any_within(accounts, bounds))
    }

    /// Whether rows of one of these policies in its account can be in it. The empty account stands for rows without one, which
    /// no bounds tell of.
    pub(crate) fn can_hold_of(&self, policies: &BTreeMap<String, BTreeSet<String>>) -> bool {
        let Some((first, last)) = self.accounts.as_ref().filter(|_| !policies.contains_key("")) else { return true };
        let within =
            |of_account: &BTreeSet<String>| self.policies.as_ref().is_none_or(|bounds| any_within(of_account, bounds));
        first <= last && policies.range(first.clone()..=last.clone()).any(|(_, of_account)| within(of_account))
    }

    /// What its writer noted under `name`.
    pub(crate) fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).and_then(Option::as_deref)
    }

    pub(crate) fn is_of_run(&self, run_id: &str) -> bool {
        let tag = self.tag(RUN_TAG);
        tag.is_some_and(|tag| tag.strip_prefix(run_id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// Whether one of `names` is not below the first bound, and not above the second.
fn any_within(names: &BTreeSet<String>, (first, last): &(String, String)) -> bool {
    first <= last && names.range(first.clone()..=last.clone()).next().is_some()
}

/// What a commit takes out and puts in.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) remove: Vec<DataFile>,
    pub(crate) add: Vec<Add>,
    pub(crate) at: DateTime<Utc>,
    /// False for a rewrite that changes no row.
    pub(crate) data_change: bool,
    /// What the commit's provenance says beside who made it.
    pub(crate) noted: Option<(String, serde_json::Value)>,
}

/// How a commit ended.
pub(crate) enum Committed {
    /// The table's new version.
    Done(u64),
    /// Somebody else committed since this version was read: nothing was written.
    Overtaken,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(rename = "numRecords")]
    rows: Option<u64>,
    #[serde(rename = "minValues", default)]
    min: HashMap<String, serde_json::Value>,
    #[serde(rename = "maxValues", default)]
    max: HashMap<String, serde_json::Value>,
}

impl Table {
    fn builder(lake: &Lake, name: &str) -> Result<DeltaTableBuilder, LakeError> {
        let url = lake.log_root.url.join(name).map_err(|_| LakeError::UnknownTable(name.to_owned()))?;
        let builder = DeltaTableBuilder::from_url(url.clone()).map_err(LakeError::table(name, "read"))?;
        Ok(builder.with_storage_backend(lake.log_root.store.clone(), url))
    }

    /// The actions of the commit that made `version` of the table `name`; `None` if the log does not have it any more.
    pub(crate) async fn commit_of(lake: &Lake, name: &str, version: u64) -> Result<Option<Vec<Action>>, LakeError> {
        let failed = LakeError::table(name, "read");
        let log = Self::builder(lake, name)?.build_storage().map_err(&failed)?;
        let Some(entry) = log.read_commit_entry(version).await.map_err(&failed)? else { return Ok(None) };
        get_actions(version, &entry).map(Some).map_err(failed)
    }

    pub(crate) async fn load(lake: &Lake, name: &str, version: Option<u64>) -> Result<Option<Self>, LakeError> {
        lake.schema_of(name)?;
        if version.is_none() && !lake.has_log(name).await? {
            return Ok(None);
        }
        let mut builder = Self::builder(lake, name)?;
        if let Some(version) = version {
            builder = builder.with_version(version);
        }
        match builder.load().await {
            Ok(delta) => Ok(Some(Self { name: name.to_owned(), delta })),
            Err(error) => Err(LakeError::table(name, "read")(error)),
        }
    }

    /// The newest version, as the log's entries since this one tell.
    pub(crate) async fn followed(mut self) -> Result<Self, LakeError> {
        self.delta.update_incremental(None).await.map_err(LakeError::table(&self.name, "read"))?;
        Ok(self)
    }

    /// Makes the table with its defined schema if it does not exist; brings the schema up to date if it does.
    pub(crate) async fn create(lake: &Lake, name: &str) -> Result<Self, LakeError> {
        let schema = lake.schema_of(name)?;
        let failed = LakeError::table(name, "created");
        let schema: deltalake_core::kernel::StructType =
            schema.as_ref().try_into_kernel().map_err(|error: arrow::error::ArrowError| failed(error.into()))?;
        if let Some(table) = lake.table(name).await? {
            return table.evolved(lake, schema).await;
        }
        let retention = format!("interval {} hours", lake.retention_of(name).num_hours());
        let created = deltalake_core::operations::create::CreateBuilder::new()
            .with_log_store(Self::builder(lake, name)?.build_storage().map_err(&failed)?)
            .with_table_name(name)
            .with_columns(schema.fields().cloned())
            .with_configuration([
                (STATISTICS_COLUMNS, Some(Self::statistics_columns(&schema))),
                // For commits of others, such as those of a vacuum.
                ("delta.checkpointInterval", Some(checkpoint::COMMITS.to_string())),
                ("delta.logRetentionDuration", Some(retention.clone())),
                ("delta.deletedFileRetentionDuration", Some(retention)),
            ])
            .with_save_mode(SaveMode::Ignore)
            .await;
        match created {
            Ok(_) => {}
            // Another writer made it first.
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(failed(error)),
        }
        lake.table(name).await?.ok_or_else(|| LakeError::UnknownTable(name.to_owned()))
    }

    fn statistics_columns(schema: &deltalake_core::kernel::StructType) -> String {
        let known: Vec<&str> = STATISTICS.split(',').filter(|column| schema.field(column).is_some()).collect();
        // The Delta library cannot read an empty list: a table without any of them keeps those of its first column.
        let first = schema.fields().next().map(|field| field.name().clone()).unwrap_or_default();
        if known.is_empty() { first } else { known.join(",") }
    }

    /// A type file that gained, lost or retyped a column changes the table's schema; files that lack a column
    /// read as null there. So does what the log is to tell of files.
    async fn evolved(self, lake: &Lake, schema: deltalake_core::kernel::StructType) -> Result<Self, LakeError> {
        let failed = LakeError::table(&self.name, "altered");
        let state = self.delta.snapshot().map_err(&failed)?;
        let metadata = state.metadata().clone();
        let mut configuration = metadata.configuration().clone();
        let statistics = Self::statistics_columns(&schema);
        if state.schema().as_ref() == &schema && configuration.get(STATISTICS_COLUMNS) == Some(&statistics) {
            return Ok(self);
        }
        configuration.insert(STATISTICS_COLUMNS.to_owned(), statistics);
        let metadata = deltalake_core::kernel::new_metadata(&schema, Vec::<String>::new(), configuration)
            .and_then(|fresh| deltalake_core::kernel::MetadataExt::with_table_id(fresh, metadata.id().to_owned()))
            .map_err(|error| failed(error.into()))?;
        let operation = DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None };
        let altered = CommitBuilder::default()
            .with_actions(vec![Action::Metadata(metadata)])
            .build(Some(state), self.delta.log_store(), operation)
            .await;
        match altered {
            Ok(_) => {}
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(failed(error)),
        }
        lake.table(&self.name).await?.ok_or_else(|| LakeError::UnknownTable(self.name.clone()))
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pinned version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.delta.version().unwrap_or_default()
    }

    /// Whether the pinned version is `version`. A table that has just been made is at version 0, as one that nobody read.
    pub(crate) fn is_at(&self, version: Option<u64>) -> bool {
        version.map_or(self.version() == 0, |version| version == self.version())
    }

    /// The schema of the pinned version.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when the log holds a type that Arrow has not.
    pub fn schema(&self) -> Result<SchemaRef, LakeError> {
        let failed = LakeError::table(&self.name, "read");
        let schema = self.delta.snapshot().map_err(&failed)?.schema();
        let arrow: arrow::datatypes::Schema =
            schema.as_ref().try_into_arrow().map_err(|error: arrow::error::ArrowError| failed(error.into()))?;
        Ok(arrow.into())
    }

    /// The files of the pinned version.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub fn files(&self) -> Result<Vec<DataFile>, LakeError> {
        let state = self.delta.snapshot().map_err(LakeError::table(&self.name, "read"))?;
        Ok(state
            .log_data()
            .iter()
            .map(|file| {
                let statistics = file.stats().and_then(|text| serde_json::from_str::<Statistics>(&text).ok());
                let bounds = |column: &str| {
                    let Statistics { min, max, .. } = statistics.as_ref()?;
                    let bound = |of: &HashMap<String, serde_json::Value>| Some(of.get(column)?.as_str()?.to_owned());
                    bound(min).zip(bound(max))
                };
                #[expect(deprecated, reason = "the tags of a file have no other public accessor")]
                let tags = file.add_action().tags.unwrap_or_default();
                DataFile {
                    path: file.path().into_owned(),
                    size: u64::try_from(file.size()).unwrap_or_default(),
                    rows: statistics.as_ref().and_then(|statistics| statistics.rows),
                    accounts: bounds("account_id"),
                    policies: bounds("policy_id"),
                    last_sequence: statistics.as_ref().and_then(|statistics| statistics.max.get(SEQUENCE)?.as_i64()),
                    tags,
                }
            })
            .collect())
    }

    /// Files that versions before this one held and that were not vacuumed.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`]
    pub async fn past_files(&self) -> Result<Vec<PastFile>, LakeError> {
        let failed = LakeError::table(&self.name, "read");
        let state = self.delta.snapshot().map_err(&failed)?;
        let log_store = self.delta.log_store();
        let tombstones: Vec<_> = state.all_tombstones(log_store.as_ref()).try_collect().await.map_err(&failed)?;
        let mut past = Vec::new();
        for tombstone in tombstones.iter().filter(|tombstone| tombstone.data_change()) {
            let Some(removed_at) = tombstone.deletion_timestamp().and_then(DateTime::from_timestamp_millis) else {
                continue;
            };
            let path = tombstone.path().into_owned();
            let size = match tombstone.size().and_then(|size| u64::try_from(size).ok()) {
                Some(size) => size,
                // Other programs may leave it out.
                None => {
                    let found = log_store.object_store(None).head(&path.as_str().into()).await;
                    found.map_err(|error| failed(error.into()))?.size
                }
            };
            let file = DataFile {
                path,
                size,
                rows: None,
                accounts: None,
                policies: None,
                last_sequence: None,
                tags: HashMap::new(),
            };
            past.push(PastFile { file, removed_at });
        }
        Ok(past)
    }

    /// Commits that `add` is there and `remove` is not, if that is anything; the version then, or `None` when somebody else
    /// committed since this one.
    pub(crate) async fn replace(
        &self,
        remove: Vec<DataFile>,
        add: Vec<Add>,
        at: DateTime<Utc>,
    ) -> Result<Option<u64>, LakeError> {
        if remove.is_empty() && add.is_empty() {
            return Ok(Some(self.version()));
        }
        Ok(match self.commit(Change { remove, add, at, data_change: true, noted: None }).await? {
            Committed::Done(version) => Some(version),
            Committed::Overtaken => None,
        })
    }

    /// Commits `change` on top of the pinned version, or not at all.
    pub(crate) async fn commit(&self, change: Change) -> Result<Committed, LakeError> {
        let failed = LakeError::table(&self.name, "written");
        let removes = change.remove.iter().map(|file| {
            Action::Remove(Remove {
                path: file.path.clone(),
                data_change: change.data_change,
                deletion_timestamp: Some(change.at.timestamp_millis()),
                extended_file_metadata: Some(true),
                partition_values: Some(HashMap::new()),
                size: i64::try_from(file.size).ok(),
                tags: None,
                deletion_vector: None,
                base_row_id: None,
                default_row_commit_version: None,
            })
        });
        let adds = change.add.into_iter().map(|add| Action::Add(Add { data_change: change.data_change, ..add }));
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        // No retries in there: what was decided from the version that was read must be decided again.
        let properties = CommitProperties::default()
            .with_metadata(change.noted)
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let committed = CommitBuilder::from(properties)
            .with_actions(removes.chain(adds).collect())
            .build(Some(self.delta.snapshot().map_err(&failed)?), self.delta.log_store(), operation)
            .await;
        let outcome = match &committed {
            Ok(_) => "done",
            Err(error) if is_conflict(error) => "overtaken",
            Err(_) => "failed",
        };
        metrics::counter!("pacbot_lake_commits_total", "outcome" => outcome).increment(1);
        match committed {
            Ok(commit) => {
                let version = commit.version();
                checkpoint::follow(&self.name, &self.delta, commit).await;
                Ok(Committed::Done(version))
            }
            Err(error) if is_conflict(&error) => Ok(Committed::Overtaken),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Whether somebody else's commit came first.
fn is_conflict(error: &DeltaTableError) -> bool {
    use TransactionError::{CommitConflict, MaxCommitAttempts, VersionAlreadyExists};
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => {
            matches!(source, CommitConflict(_) | MaxCommitAttempts(_) | VersionAlreadyExists(_))
        }
        _ => false,
    }
}
