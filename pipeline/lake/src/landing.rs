//! Lands one collection of one asset type: one commit that replaces exactly the scopes that were answered whole.
//!
//! Promises: what a scope that was not answered holds stays as it is; a scope whose answer is the same as
//! before keeps its files; an asset that was known keeps its `first_seen_at`; a scope that lost too much at
//! once is held back. A commit is atomic, so a killed landing leaves the version before.
//!
//! Memory is bounded: rows stream from the staged answers through a sort that spills.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::DataFusionError;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::datasource::MemTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use pacbot_schemas::{AccountId, AssetTypeDef, Region};
use tracing::{info, warn};

use crate::changes::Changed;
use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::{files_provider, provider, register};
use crate::table::{Change, Committed, Table};
use crate::writer;

/// Writers that overtake each other retry this often.
const ATTEMPTS: u32 = 20;

/// Rows that are moved, and merged, at a time: each has some kilobytes.
const ROWS_AT_ONCE: usize = 1024;

/// Staged batches of one scope, which can be read more than once.
pub trait StagedRows: Send + Sync + Debug {
    /// The batches, in the asset table's schema.
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;
}

/// A scope: the account, and the region (or `global`) that it was asked in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey {
    /// The account.
    pub account_id: AccountId,
    /// The region, or `global`.
    pub region: Region,
}

/// One scope that was answered whole.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The scope.
    pub scope: ScopeKey,
    /// Its assets.
    pub rows: Arc<dyn StagedRows>,
}

/// What to land.
#[derive(Debug, Default)]
pub struct Landing {
    /// Scopes that were answered whole.
    pub answered: Vec<Answered>,
    /// Scopes that a person withdrew: their assets leave the table.
    pub withdrawn: Vec<ScopeKey>,
    /// Scopes that the last collection held back, with the fingerprint of its answer.
    pub held_before: BTreeMap<ScopeKey, String>,
    /// Believe every answer, however small.
    pub accept_shrink: bool,
    /// The run's time.
    pub run_at: DateTime<Utc>,
}

/// How one answered scope landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedScope {
    /// The scope.
    pub scope: ScopeKey,
    /// Assets in the answer.
    pub rows: u64,
    /// Count and hash of the answer.
    pub fingerprint: String,
    /// The assets before, when the answer was held back since it lost too many.
    pub held: Option<u64>,
}

/// How a landing ended.
#[derive(Debug)]
pub struct Landed {
    /// The table's version now.
    pub version: u64,
    /// Whether that version is a new one.
    pub changed: bool,
    /// One entry per answered scope.
    pub scopes: Vec<LandedScope>,
    /// Assets in the table now.
    pub assets: u64,
}

/// Count and hash of the rows of each scope.
type Fingerprints = BTreeMap<(String, String), (i64, i64)>;

const FINGERPRINTS: &str = "
    select account_id, collected_in, count(*) as assets, bit_xor(content_hash) as hash
    from %TABLE%
    group by account_id, collected_in";

/// Rows that stay, and the answers with what is known of their assets from before. A row whose content is the
/// same keeps the time at which it was collected first: that is where its history begins.
///
/// The small side of each join stands on the left, and is what is kept in memory: answers are wide, and many. Of each asset that
/// was known these are 16 bytes of its id, which has a hundred, and three numbers.
const REPLACED: &str = "
    with kept as (
        select old.*
        from replaced
        right anti join old on replaced.account_id = old.account_id and replaced.collected_in = old.collected_in
    ),
    known as (
        select
            digest(asset_id, 'md5') as id,
            max(first_seen_at) as first_seen_at,
            max(collected_at) as collected_at,
            max(content_hash) as content_hash
        from old
        group by digest(asset_id, 'md5')
    ),
    answered as (
        select %NEW_COLUMNS%
        from known
        right join (
            replaced
            right semi join new on replaced.account_id = new.account_id and replaced.collected_in = new.collected_in
        )
            on known.id = digest(new.asset_id, 'md5')
    )
    select * from kept
    union all
    select * from answered
    order by account_id, collected_in, asset_id";

impl Lake {
    /// Lands one collection of one asset type.
    ///
    /// # Errors
    ///
    /// [`LakeError::Contention`] when other writers were faster every time; nothing was written then.
    pub async fn land(&self, def: &AssetTypeDef, landing: &Landing) -> Result<Landed, LakeError> {
        let name = def.asset_type.as_str();
        for attempt in 1..=ATTEMPTS {
            let table = Table::create(self, name).await?;
            if let Some(landed) = self.land_on(def, &table, landing).await? {
                if landed.changed {
                    self.landed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
                }
                info!(
                    table = name,
                    version = landed.version,
                    changed = landed.changed,
                    assets = landed.assets,
                    "landed {name}"
                );
                return Ok(landed);
            }
            warn!(table = name, attempt, "another writer was faster; landing again on its version");
        }
        Err(LakeError::Contention { table: name.to_owned(), attempts: ATTEMPTS })
    }

    /// `None` when another writer committed meanwhile.
    async fn land_on(&self, def: &AssetTypeDef, table: &Table, landing: &Landing) -> Result<Option<Landed>, LakeError> {
        let schema = def.schema();
        let ctx = self.bare(landing.run_at)?;
        keep_within_memory(&ctx).map_err(LakeError::query(def.asset_type.as_str()))?;
        register(&ctx, "new", Arc::new(answers(&schema, &landing.answered)?))?;
        register(&ctx, "old", provider(Some(table), &schema)?)?;
        let before = fingerprints(&ctx, "old").await?;
        let after = fingerprints(&ctx, "new").await?;

        let scopes: Vec<LandedScope> =
            landing.answered.iter().map(|answered| self.judge(&answered.scope, &before, &after, landing)).collect();
        let changed = |scope: &&LandedScope| {
            scope.held.is_none() && before.get(&scope.scope.text()) != after.get(&scope.scope.text())
        };
        let mut replaced: BTreeSet<(String, String)> =
            scopes.iter().filter(changed).map(|scope| scope.scope.text()).collect();
        replaced.extend(landing.withdrawn.iter().map(ScopeKey::text).filter(|scope| before.contains_key(scope)));

        let assets = assets_after(&before, &after, &replaced);
        if replaced.is_empty() {
            return Ok(Some(Landed { version: table.version(), changed: false, scopes, assets }));
        }
        let accounts: BTreeSet<String> = replaced.iter().map(|(account, _)| account.clone()).collect();
        let mut touched = table.files()?;
        touched.retain(|file| file.can_hold(&accounts));
        let noted = Some(changed_by(&after, &replaced, assets).noted());
        let change = Change { remove: touched, add: Vec::new(), at: landing.run_at, data_change: true, noted };
        let version = self.replace(def, table, &ctx, &replaced, change).await?;
        Ok(version.map(|version| Landed { version, changed: true, scopes, assets }))
    }

    fn judge(&self, scope: &ScopeKey, before: &Fingerprints, after: &Fingerprints, landing: &Landing) -> LandedScope {
        let (rows, hash) = after.get(&scope.text()).copied().unwrap_or_default();
        let had = before.get(&scope.text()).map_or(0, |(rows, _)| u64::try_from(*rows).unwrap_or_default());
        let rows = u64::try_from(rows).unwrap_or_default();
        let fingerprint = format!("{rows}:{hash:016x}");
        #[expect(clippy::cast_precision_loss, reason = "counts of assets are far below 2^52")]
        let shrank = had >= self.settings.shrink_minimum
            && (had.saturating_sub(rows) as f64) > had as f64 * self.settings.shrink_share;
        let confirmed = landing.accept_shrink || landing.held_before.get(scope) == Some(&fingerprint);
        LandedScope { scope: scope.clone(), rows, held: (shrank && !confirmed).then_some(had), fingerprint }
    }

    /// Commits `change`, whose files are written again with the replaced scopes' new rows; `None` when overtaken.
    async fn replace(
        &self,
        def: &AssetTypeDef,
        table: &Table,
        ctx: &SessionContext,
        replaced: &BTreeSet<(String, String)>,
        change: Change,
    ) -> Result<Option<u64>, LakeError> {
        let name = def.asset_type.as_str();
        let failed = LakeError::query(name);
        let schema = def.schema();
        ctx.deregister_table("old").map_err(&failed)?;
        register(ctx, "old", files_provider(name, &change.remove, &schema)?)?;
        register(ctx, "replaced", Arc::new(scope_table(replaced).map_err(LakeError::rows(name))?))?;
        let columns: Vec<String> = schema.fields().iter().map(|field| match field.name().as_str() {
            "first_seen_at" => "coalesce(known.first_seen_at, new.first_seen_at) as first_seen_at".to_owned(),
            "collected_at" => "case when known.content_hash = new.content_hash then known.collected_at else new.collected_at end as collected_at".to_owned(),
            name => format!("new.{name}"),
        }).collect();
        let sql = REPLACED.replace("%NEW_COLUMNS%", &columns.join(", "));
        let rows = ctx.sql(&sql).await.map_err(&failed)?.execute_stream().await.map_err(&failed)?;
        let rows = rows.map(|batch| batch.map_err(LakeError::query(name)));
        let add = writer::write(self, table, rows, &[]).await?;
        match table.commit(Change { add, ..change }).await? {
            Committed::Done(version) => Ok(Some(version)),
            Committed::Overtaken => Ok(None),
        }
    }
}

impl ScopeKey {
    fn text(&self) -> (String, String) {
        (self.account_id.to_string(), self.region.to_string())
    }
}

/// Has a session land rows, however many there are.
fn keep_within_memory(ctx: &SessionContext) -> Result<(), DataFusionError> {
    let state = ctx.state_ref();
    let mut state = state.write();
    let options = state.config_mut().options_mut();
    // As [`REPLACED`] says: the planner does not know how many answers there are, and might keep them.
    options.optimizer.join_reordering = false;
    // One sort of all rows, which spills what the memory does not hold: two side by side, one for rows that stay and one for
    // answers, would leave none to merge them with.
    options.execution.target_partitions = 1;
    options.optimizer.repartition_sorts = false;
    options.execution.batch_size = ConfigNonZeroUsize::try_new(ROWS_AT_ONCE)?;
    Ok(())
}

/// What a landing that replaces these scopes changes.
fn changed_by(after: &Fingerprints, replaced: &BTreeSet<(String, String)>, assets: u64) -> Changed {
    let mut changed = Changed { accounts: BTreeMap::new(), of: assets };
    for scope in replaced {
        let rows = after.get(scope).map_or(0, |(rows, _)| u64::try_from(*rows).unwrap_or_default());
        *changed.accounts.entry(scope.0.clone()).or_default() += rows;
    }
    changed
}

fn assets_after(before: &Fingerprints, after: &Fingerprints, replaced: &BTreeSet<(String, String)>) -> u64 {
    let kept = before.iter().filter(|(scope, _)| !replaced.contains(scope));
    let landed = after.iter().filter(|(scope, _)| replaced.contains(scope));
    kept.chain(landed).map(|(_, (rows, _))| u64::try_from(*rows).unwrap_or_default()).sum()
}

async fn fingerprints(ctx: &SessionContext, table: &str) -> Result<Fingerprints, LakeError> {
    let failed = LakeError::query(table);
    let frame = ctx.sql(&FINGERPRINTS.replace("%TABLE%", table)).await.map_err(&failed)?;
    // One row per scope: small by construction.
    let batches = frame.collect().await.map_err(&failed)?;
    let mut found = Fingerprints::new();
    for batch in &batches {
        let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
        let number = |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
        for row in 0..batch.num_rows() {
            found.insert((text(0, row), text(1, row)), (number(2, row), number(3, row)));
        }
    }
    Ok(found)
}

fn scope_table(scopes: &BTreeSet<(String, String)>) -> Result<MemTable, ArrowError> {
    let column = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![column("account_id"), column("collected_in")]));
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let columns = vec![
        text(scopes.iter().map(|(account, _)| account.as_str()).collect()),
        text(scopes.iter().map(|(_, region)| region.as_str()).collect()),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    MemTable::try_new(schema, vec![vec![batch]]).map_err(|error| ArrowError::ExternalError(Box::new(error)))
}

/// The staged answers as one table that streams.
fn answers(schema: &SchemaRef, answered: &[Answered]) -> Result<StreamingTable, LakeError> {
    let partition = Staged { schema: schema.clone(), answered: answered.to_vec() };
    StreamingTable::try_new(schema.clone(), vec![Arc::new(partition)]).map_err(LakeError::query("new"))
}

#[derive(Debug)]
struct Staged {
    schema: SchemaRef,
    answered: Vec<Answered>,
}

impl PartitionStream for Staged {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let answered = self.answered.clone();
        let batches = answered
            .into_iter()
            .flat_map(|scope| scope.rows.batches())
            .map(|batch| batch.map_err(DataFusionError::from));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), futures::stream::iter(batches)))
    }
}

#[cfg(test)]
mod tests;
