//! One evaluation: every enabled policy over one snapshot, its violations and counts into the lake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use pacbot_lake::{GroupError, Groups, Lake, LakeError, RunRow, SessionOptions, Spool, from_batches};
use pacbot_schemas::{AssetTypes, Category, PolicyId, PolicyStatus, RunId, Severity};
use serde::{Deserialize, Serialize};
use tracing::{Instrument, Span, field, info, info_span, warn};

use crate::catalog::Checked;
use crate::coverage::{Answers, Blind, BlindScope, Gap, NEWEST_ANSWERS, OutsideRegion, UnreadRequest};

/// How one policy ended; a row of the table `policy_runs`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyRun {
    /// The run.
    pub run_id: RunId,
    /// The policy.
    pub policy_id: PolicyId,
    /// Whether it succeeded.
    pub status: PolicyStatus,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Its category.
    pub category: Category,
    /// What it judges.
    pub asset_type: String,
    /// Hash of text and parameters.
    pub policy_hash: String,
    /// The parameters' values.
    pub parameters: String,
    /// The run's time.
    pub evaluated_at: DateTime<Utc>,
    /// Assets in scope.
    pub assets: u64,
    /// Assets with a violation.
    pub violating: u64,
    /// The asset groups that it is limited to; none for all assets.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Assets that could not be judged.
    pub unknown: u64,
    /// Violations.
    pub violations: u64,
    /// What was not answered.
    #[serde(default)]
    pub unknown_scopes: Vec<Gap>,
    /// Scopes in which nothing could be judged.
    #[serde(default)]
    pub blind_scopes: Vec<BlindScope>,
    /// Regions that are not in scope, since a joined type is not collected there.
    #[serde(default)]
    pub outside: Vec<OutsideRegion>,
    /// Requests whose failure hides one asset.
    #[serde(default)]
    pub unread: Vec<UnreadRequest>,
    /// How long it took.
    pub millis: u64,
}

/// The result of an evaluation; the lake holds it too.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// One per policy.
    pub policies: Vec<PolicyRun>,
}

impl Evaluation {
    /// Policies that failed or could not judge everything.
    #[must_use]
    pub fn problems(&self) -> u64 {
        self.policies.iter().filter(|run| run.status == PolicyStatus::Failed || !run.unknown_scopes.is_empty()).count()
            as u64
    }

    /// All violations.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.policies.iter().map(|run| run.violations).sum()
    }
}

/// Why an evaluation as a whole failed.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The lake could not be read or written.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// The asset groups cannot be used.
    #[error("the asset groups cannot be used")]
    Groups(#[from] GroupError),
    /// A query of our own failed.
    #[error("failed to prepare the evaluation")]
    Prepare(#[from] DataFusionError),
}

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

/// Evaluates `enabled` policies over `snapshot` as run `run_id`, and writes violations, policy runs and who is in which
/// group; `told` hears of each policy when it is done. `files` are the groups that are files.
///
/// # Errors
///
/// [`EvaluateError::Lake`] when the snapshot cannot be read or the result not written. A policy that fails is not an
/// error: it is a row.
pub async fn evaluate(
    lake: &Lake,
    enabled: &[Arc<Checked>],
    files: Groups,
    snapshot: &RunRow,
    run_id: &RunId,
    told: &(dyn Fn(&PolicyRun) + Send + Sync),
) -> Result<Evaluation, EvaluateError> {
    let options =
        SessionOptions { versions: snapshot.versions(), run_at: snapshot.run_at, only_pinned: true, history: false };
    let ctx = lake.session(options).await?;
    let groups = files.with_saved(lake, &ctx, snapshot.run_at).await?;
    for name in enabled.iter().flat_map(|checked| checked.scoping.names()) {
        groups.find(name)?;
    }
    groups.register(&ctx).await?;
    lake.write_group_members(&ctx, run_id, snapshot.run_at).await?;
    let answers = answers(&ctx, snapshot.run_at).await?;
    let schema = lake.schema_of("violations")?;
    let mut evaluation = Evaluation::default();
    let mut spools = Vec::new();
    for checked in enabled {
        let started = Instant::now();
        let blind = answers.blind(checked, lake.types());
        let mut run = pending(checked, &blind, run_id, snapshot.run_at);
        let span = info_span!("policy", policy.id = %run.policy_id, violations = field::Empty);
        let judging = async {
            run.outside = outside(&ctx, checked, lake.types(), &answers).await?;
            let spool = one(&ctx, checked, &blind, &mut run, &schema).await?;
            Span::current().record("violations", run.violations);
            Ok::<_, DataFusionError>(spool)
        };
        let outcome = judging.instrument(span).await;
        match outcome {
            Ok(spool) => spools.push(spool),
            Err(error) => {
                run.status = PolicyStatus::Failed;
                run.error = Some(error.strip_backtrace());
                (run.violations, run.violating) = (0, 0);
                warn!(policy.id = %run.policy_id, error = run.error, "policy {} failed", run.policy_id);
            }
        }
        run.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(policy.id = %run.policy_id, violations = run.violations, millis = run.millis, "evaluated policy {}", run.policy_id);
        told(&run);
        evaluation.policies.push(run);
    }
    let rows = futures::stream::iter(spools).flat_map(Spool::into_stream);
    lake.replace_run_rows("violations", run_id, "", rows, snapshot.run_at).await?;
    lake.replace_run_values("policy_runs", run_id, "", &evaluation.policies, snapshot.run_at).await?;
    Ok(evaluation)
}

async fn answers(ctx: &SessionContext, run_at: DateTime<Utc>) -> Result<Answers, EvaluateError> {
    let run_at = ScalarValue::TimestampMicrosecond(Some(run_at.timestamp_micros()), Some("UTC".into()));
    let frame = ctx.sql(NEWEST_ANSWERS).await?.with_param_values(vec![("run_at", run_at)])?;
    // One row per scope, type and request.
    Ok(Answers(from_batches("coverage", &frame.collect().await?)?))
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
    ctx.deregister_table("blind_scopes")?;
    ctx.register_table("blind_scopes", Arc::new(blind_scopes(blind)?))?;
    ctx.deregister_table("outside_regions")?;
    ctx.register_table("outside_regions", Arc::new(outside_regions(&run.outside)?))?;
    ctx.deregister_table("scope_members")?;
    ctx.register_table("scope_members", checked.scoping.members(ctx).await?.into_view())?;
    ctx.deregister_table("judged")?;
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

    ctx.deregister_table("policy_rows")?;
    ctx.register_table("policy_rows", checked.rows(ctx).await?.into_view())?;
    let rows = ctx
        .sql("select judged.asset_type as __asset_type, judged.collected_in as __collected_in, policy_rows.* from policy_rows join judged on policy_rows.asset_id = judged.asset_id where not judged.hidden")
        .await?;
    let mut rows = rows.execute_stream().await?;
    let mut spool = Spool::new("violations", schema)?;
    let mut violating = std::collections::HashSet::new();
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

/// A policy's batch in the shape of the table `violations`.
fn violations(batch: &RecordBatch, run: &PolicyRun, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let rows = batch.num_rows();
    let same = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef;
    let column = |name: &str| -> Result<ArrayRef, DataFusionError> {
        let found = batch
            .column_by_name(name)
            .ok_or_else(|| DataFusionError::Plan(format!("the policy returns no column `{name}`")))?;
        Ok(arrow::compute::cast(found, &DataType::Utf8)?)
    };
    let keys = match batch.column_by_name("key") {
        Some(_) => column("key")?,
        None => same(""),
    };
    let assets = column("asset_id")?;
    let ids = (0..rows)
        .map(|row| issue_id(&run.policy_id, assets.as_string::<i32>().value(row), keys.as_string::<i32>().value(row)));
    let ids = Arc::new(StringArray::from_iter_values(ids));
    let at = TimestampMicrosecondArray::from_value(run.evaluated_at.timestamp_micros(), rows).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        same(run.run_id.as_str()),
        same(run.policy_id.as_str()),
        ids,
        same(run.severity.as_str()),
        column("__asset_type")?,
        assets,
        column("account_id")?,
        column("region")?,
        column("__collected_in")?,
        keys,
        column("reason")?,
        evidence(batch)?,
        Arc::new(at),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// The stable id of an issue: the same for the same policy, asset and key, for ever.
#[must_use]
pub fn issue_id(policy: &PolicyId, asset: &str, key: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(format!("{policy}\0{asset}\0{key}").as_bytes()))
}

/// The columns after the usual ones, as one JSON object a row.
fn evidence(batch: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
    let usual = |name: &str| name.starts_with("__") || name == "key" || crate::catalog::COLUMNS.contains(&name);
    let extra: Vec<usize> = batch
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| !usual(field.name()))
        .map(|(index, _)| index)
        .collect();
    if extra.is_empty() {
        return Ok(Arc::new(StringArray::new_null(batch.num_rows())));
    }
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(&batch.project(&extra)?)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(|error| DataFusionError::External(Box::new(error)))?;
    Ok(Arc::new(text.lines().map(Some).collect::<StringArray>()))
}
