//! Judges policies: what they are about, what of that is hidden, and which rows violate them.
//!
//! There are two ways, which find the same. [`Judge::policy`] runs one policy as its own plan and takes its rows in as it
//! returns them; every policy can be judged so. [`Judge::table`] judges policies that look at one row at a time together,
//! in one scan of their table.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use pacbot_lake::{Lake, Spool, from_batches, session_over};
use pacbot_schemas::{AssetTypes, PolicyStatus, RunId};
use tokio::task::{JoinError, JoinHandle};
use tracing::{Instrument, Span, field, info, info_span, warn};

use crate::catalog::Checked;
use crate::coverage::{Answers, Blind, BlindScope, OutsideRegion, UnreadRequest};
use crate::evaluation::PolicyRun;
use crate::fused::{self, Member, hidden};
use crate::violation::violations;

/// What is judged: each asset with its scope and whether it is hidden. `%BASE%` and `%HIDDEN%` hold names of ours.
const JUDGED: &str = "
    select
        base.asset_type, base.asset_id, base.collected_in,
        blind.account_id is not null or %HIDDEN% as hidden
    from %BASE% as base
    left join blind_scopes as blind
        on base.asset_type = blind.asset_type and base.account_id = blind.account_id and base.collected_in = blind.collected_in
    left anti join outside_regions as outside on base.account_id = outside.account_id and base.region = outside.region
    %SCOPE%";

/// Of a policy that is limited to asset groups.
const IN_SCOPE: &str =
    "left semi join scope_members as member on base.asset_type = member.asset_type and base.asset_id = member.asset_id";

/// Assets of an account-wide type that are of a region.
const REGIONS: &str = "select distinct account_id, region from %TABLE% where region <> collected_in";

/// What the policies of one evaluation share.
pub(crate) struct Judge {
    /// The snapshot's tables and groups.
    pub(crate) ctx: SessionContext,
    pub(crate) lake: Lake,
    pub(crate) answers: Answers,
    /// Asset types of which the snapshot has a table.
    pub(crate) landed: BTreeSet<String>,
    /// Of the table `violations`.
    pub(crate) schema: SchemaRef,
    pub(crate) run_id: RunId,
    pub(crate) at: DateTime<Utc>,
}

/// What was found of one policy, or of its assets of one type.
pub(crate) struct Judged {
    pub(crate) run: PolicyRun,
    /// The violations.
    pub(crate) spools: Vec<Spool>,
}

impl Judged {
    /// Adds what was found of the same policy's assets of another type.
    pub(crate) fn add(&mut self, part: Self) {
        self.run.assets += part.run.assets;
        self.run.unknown += part.run.unknown;
        self.run.violations += part.run.violations;
        self.run.violating += part.run.violating;
        self.run.millis += part.run.millis;
        self.spools.extend(part.spools);
    }
}

/// Work on whatever core is free; it stops when this is dropped.
struct Working<T>(JoinHandle<T>);

impl<T> Drop for Working<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Judge {
    /// Whether assets of a type are in the snapshot.
    fn is_landed(&self, table: &str) -> bool {
        table == "assets" || self.landed.contains(table)
    }

    /// Judges a policy by itself, on whatever core is free. If it fails, there are no violations.
    pub(crate) async fn policy(self: Arc<Self>, checked: Arc<Checked>) -> Result<Judged, JoinError> {
        let span = info_span!("policy", policy.id = %checked.policy.id, violations = field::Empty);
        let mut working = Working(tokio::spawn(async move { self.alone(&checked).await }.instrument(span)));
        (&mut working.0).await
    }

    /// Judges policies that look at one row at a time on the assets of `table`, in one scan, on whatever core is free.
    pub(crate) async fn table(
        self: Arc<Self>,
        table: String,
        policies: Vec<Arc<Checked>>,
    ) -> Result<Result<Vec<Judged>, DataFusionError>, JoinError> {
        let span = info_span!("table", asset_type = table, policies = policies.len());
        let mut working = Working(tokio::spawn(async move { self.together(&table, &policies).await }.instrument(span)));
        (&mut working.0).await
    }

    /// A policy about which nothing was found yet.
    pub(crate) fn pending(&self, checked: &Checked) -> Judged {
        let blind = self.answers.blind(checked, self.lake.types());
        Judged { run: pending(checked, &blind, &self.run_id, self.at), spools: Vec::new() }
    }

    async fn alone(&self, checked: &Checked) -> Judged {
        let started = Instant::now();
        let blind = self.answers.blind(checked, self.lake.types());
        let mut run = pending(checked, &blind, &self.run_id, self.at);
        let mut spools = Vec::new();
        if self.is_landed(&checked.policy.asset_type) {
            match self.violations(checked, &blind, &mut run).await {
                Ok(spool) => spools.push(spool),
                Err(error) => {
                    run.status = PolicyStatus::Failed;
                    run.error = Some(error.strip_backtrace());
                    (run.violations, run.violating) = (0, 0);
                    warn!(policy.id = %run.policy_id, error = run.error, "policy {} failed", run.policy_id);
                }
            }
        }
        Span::current().record("violations", run.violations);
        run.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(policy.id = %run.policy_id, violations = run.violations, millis = run.millis, "evaluated policy {}", run.policy_id);
        Judged { run, spools }
    }

    async fn together(&self, table: &str, policies: &[Arc<Checked>]) -> Result<Vec<Judged>, DataFusionError> {
        let started = Instant::now();
        let (mut judged, mut members, mut spools) = (Vec::new(), Vec::new(), Vec::new());
        for checked in policies {
            let blind = self.answers.blind(checked, self.lake.types());
            judged.push(Judged { run: pending(checked, &blind, &self.run_id, self.at), spools: Vec::new() });
            let row = checked.row.as_ref().ok_or_else(|| {
                DataFusionError::Internal(format!("`{}` does not look at one row at a time", checked.policy.id))
            })?;
            members.push(Member { row: row.on(&self.ctx, table)?, hidden: hidden(&blind, table) });
            spools.push(Spool::new("violations", &self.schema)?);
        }
        let counted = fused::judge(&self.ctx, table, &members, |place, rows| {
            Ok(spools[place].push(&violations(rows, &judged[place].run, &self.schema)?)?)
        });
        let counted = counted.await?;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let share = millis / (policies.len() as u64).max(1);
        for ((judged, spool), counted) in judged.iter_mut().zip(spools).zip(counted) {
            // An asset is one row of its table, and such a policy returns a row once.
            (judged.run.violations, judged.run.violating) = (counted.violating, counted.violating);
            (judged.run.assets, judged.run.unknown) = (counted.assets, counted.hidden);
            judged.run.millis = share;
            judged.spools.push(spool);
        }
        info!(asset_type = table, policies = policies.len(), millis, "judged `{table}` in one scan");
        Ok(judged)
    }

    async fn violations(
        &self,
        checked: &Checked,
        blind: &Blind,
        run: &mut PolicyRun,
    ) -> Result<Spool, DataFusionError> {
        run.outside = outside(&self.ctx, checked, self.lake.types(), &self.answers).await?;
        one(&apart(&self.ctx).await?, checked, blind, run, &self.schema).await
    }
}

/// A session with the same tables, to which a policy can add its own unseen by others.
async fn apart(ctx: &SessionContext) -> Result<SessionContext, DataFusionError> {
    let state = ctx.state();
    let names = &state.config_options().catalog;
    let tables = MemorySchemaProvider::new();
    let shared = state.catalog_list().catalog(&names.default_catalog);
    if let Some(shared) = shared.and_then(|catalog| catalog.schema(&names.default_schema)) {
        for name in shared.table_names() {
            if let Some(table) = shared.table(&name).await? {
                tables.register_table(name, table)?;
            }
        }
    }
    session_over(ctx, Arc::new(tables))
}

fn pending(checked: &Checked, blind: &Blind, run_id: &RunId, at: DateTime<Utc>) -> PolicyRun {
    let policy = &checked.policy;
    let values: BTreeMap<&String, String> =
        checked.values.iter().map(|(name, value)| (name, value.to_string())).collect();
    PolicyRun {
        run_id: run_id.clone(),
        policy_id: policy.id.clone(),
        status: PolicyStatus::Succeeded,
        error: None,
        title: policy.title.clone(),
        severity: policy.severity,
        category: policy.category,
        asset_type: policy.asset_type.clone(),
        policy_hash: format!("{:016x}", checked.fingerprint()),
        parameters: serde_json::to_string(&values).unwrap_or_default(),
        evaluated_at: at,
        assets: 0,
        violating: 0,
        groups: checked.scoping.groups.clone(),
        unknown: 0,
        violations: 0,
        unknown_scopes: blind.gaps.iter().cloned().collect(),
        blind_scopes: blind.scopes.iter().cloned().collect(),
        outside: Vec::new(),
        unread: blind
            .requests
            .iter()
            .flat_map(|(asset_type, requests)| {
                let of_type =
                    |request: &String| UnreadRequest { asset_type: asset_type.clone(), request: request.clone() };
                requests.iter().map(of_type)
            })
            .collect(),
        millis: 0,
    }
}

/// Runs one policy; its violations wait in the spool.
async fn one(
    ctx: &SessionContext,
    checked: &Checked,
    blind: &Blind,
    run: &mut PolicyRun,
    schema: &SchemaRef,
) -> Result<Spool, DataFusionError> {
    ctx.register_table("blind_scopes", Arc::new(blind_scopes(blind)?))?;
    ctx.register_table("outside_regions", Arc::new(outside_regions(&run.outside)?))?;
    ctx.register_table("scope_members", checked.scoping.members(ctx).await?.into_view())?;
    let judged = ctx.sql(&judged_sql(checked, blind)).await?;
    ctx.register_table("judged", judged.into_view())?;
    let counts = ctx.sql("select count(*), count(*) filter (where hidden) from judged").await?.collect().await?;
    let count = |column: usize| {
        counts
            .first()
            .map_or(0, |batch| batch.column(column).as_primitive::<arrow::datatypes::Int64Type>().value(0))
            .unsigned_abs()
    };
    (run.assets, run.unknown) = (count(0), count(1));

    ctx.register_table("policy_rows", checked.rows(ctx).await?.into_view())?;
    let rows = ctx
        .sql("select judged.asset_type as __asset_type, judged.collected_in as __collected_in, policy_rows.* from policy_rows join judged on policy_rows.asset_id = judged.asset_id where not judged.hidden")
        .await?;
    let mut rows = rows.execute_stream().await?;
    let mut spool = Spool::new("violations", schema)?;
    let mut violating = HashSet::new();
    while let Some(batch) = rows.try_next().await? {
        let batch = violations(&batch, run, schema)?;
        run.violations += batch.num_rows() as u64;
        let assets = batch.column(5).as_string::<i32>();
        violating.extend((0..assets.len()).map(|row| xxh(assets.value(row))));
        spool.push(&batch)?;
    }
    run.violating = violating.len() as u64;
    Ok(spool)
}

fn xxh(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

fn judged_sql(checked: &Checked, blind: &Blind) -> String {
    let quoted =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ");
    // Names of tables and requests come from our own files, which allow only letters, digits and `_`.
    let hidden: Vec<String> = blind
        .requests
        .iter()
        .filter(|(_, requests)| !requests.is_empty())
        .map(|(table, requests)| {
            format!(
                "(base.asset_type = '{table}' and coalesce(array_has_any(base.unread, make_array({})), false))",
                quoted(&mut requests.iter())
            )
        })
        .collect();
    let hidden = if hidden.is_empty() { "false".to_owned() } else { format!("({})", hidden.join(" or ")) };
    let base = match checked.policy.asset_type.as_str() {
        "assets" => "assets".to_owned(),
        table => {
            format!("(select '{table}' as asset_type, asset_id, account_id, region, collected_in, unread from {table})")
        }
    };
    let scope = if checked.scoping.groups.is_empty() { "" } else { IN_SCOPE };
    JUDGED.replace("%HIDDEN%", &hidden).replace("%BASE%", &base).replace("%SCOPE%", scope)
}

fn blind_scopes(blind: &Blind) -> Result<MemTable, DataFusionError> {
    let names = ["asset_type", "account_id", "collected_in"];
    let schema = Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::Utf8, false)).to_vec()));
    let column = |pick: fn(&BlindScope) -> &str| {
        Arc::new(StringArray::from_iter_values(blind.scopes.iter().map(pick))) as ArrayRef
    };
    let columns =
        vec![column(|scope| &scope.asset_type), column(|scope| &scope.account_id), column(|scope| &scope.collected_in)];
    MemTable::try_new(schema.clone(), vec![vec![RecordBatch::try_new(schema, columns)?]])
}

/// The regions of judged assets in which a joined type is not collected. They are out of scope, not unknown: the
/// configuration does not ask there.
async fn outside(
    ctx: &SessionContext,
    checked: &Checked,
    types: &AssetTypes,
    answers: &Answers,
) -> Result<Vec<OutsideRegion>, DataFusionError> {
    let joins = Answers::regional_joins(checked, types);
    if joins.is_empty() {
        return Ok(Vec::new());
    }
    let regions = ctx.sql(&REGIONS.replace("%TABLE%", &checked.policy.asset_type)).await?;
    // One row per account and region.
    let mut outside: Vec<OutsideRegion> = from_batches("regions", &regions.collect().await?)
        .map_err(|error| DataFusionError::External(Box::new(error)))?;
    outside.retain(|region| joins.iter().any(|joined| !answers.is_asked(joined, region)));
    outside.sort();
    Ok(outside)
}

fn outside_regions(outside: &[OutsideRegion]) -> Result<MemTable, DataFusionError> {
    let names = ["account_id", "region"];
    let schema = Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::Utf8, false)).to_vec()));
    let column = |pick: fn(&OutsideRegion) -> &str| {
        Arc::new(StringArray::from_iter_values(outside.iter().map(pick))) as ArrayRef
    };
    let columns = vec![column(|region| &region.account_id), column(|region| &region.region)];
    MemTable::try_new(schema.clone(), vec![vec![RecordBatch::try_new(schema, columns)?]])
}
