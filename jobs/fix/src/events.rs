//! The tables `fix_events` and `fix_controls`: rows, and appends that are decided on the version that was read.

use chrono::{DateTime, SubsecRound, Utc};
use datafusion::prelude::{DataFrame, SessionContext, col, lit};
use pacbot_jobs::notify::NotifyError;
use pacbot_lake::{ExceptionError, Exceptions, Groups, Lake, LakeError, SessionOptions, from_batches, to_batch};
use pacbot_schemas::{AccountId, AssetType, FixEvent, FixId, PolicyId, Region};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fix::{Parameters, Target};

/// The table of events.
pub(crate) const EVENTS: &str = "fix_events";
/// The table of the switch.
pub(crate) const CONTROLS: &str = "fix_controls";

/// Writers that overtake each other retry this often.
const ATTEMPTS: u32 = 50;

/// Why the lake could not tell or take what happened.
#[derive(Debug, thiserror::Error)]
pub enum FixLakeError {
    /// The lake could not be read or written.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// What people said of issues could not be applied.
    #[error("the exceptions cannot be used")]
    Exceptions(#[from] ExceptionError),
    /// People could not be told.
    #[error("people cannot be told")]
    Notify(#[from] NotifyError),
    /// A query failed.
    #[error("failed to read what was fixed")]
    Query(#[from] datafusion::error::DataFusionError),
    /// Other writers were faster every time.
    #[error("other writers were faster {ATTEMPTS} times; nothing was noted")]
    Contention,
}

/// One row of `fix_events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// The issue.
    pub issue_id: String,
    /// Its occurrence.
    pub occurrence: u64,
    /// Orders the events.
    #[serde(default)]
    pub sequence: u64,
    /// What happened.
    pub event: FixEvent,
    /// The policy.
    pub policy_id: PolicyId,
    /// The fix.
    pub fix: FixId,
    /// Hash of its definition and parameters.
    #[serde(default)]
    pub fix_version: String,
    /// The asset's type.
    pub asset_type: AssetType,
    /// The asset.
    pub asset_id: String,
    /// Its account.
    pub account_id: AccountId,
    /// Its region.
    pub region: Region,
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// Which warning.
    #[serde(default)]
    pub number: Option<u32>,
    /// Of how many.
    #[serde(default)]
    pub of: Option<u32>,
    /// Before when the fix is not applied.
    #[serde(default)]
    pub due_at: Option<DateTime<Utc>>,
    /// For people.
    #[serde(default)]
    pub detail: Option<String>,
    /// What is changed: a [`Plan`] as JSON.
    #[serde(default)]
    pub plan: Option<String>,
    /// What undo puts back.
    #[serde(default)]
    pub state_before: Option<String>,
    /// What the fix left.
    #[serde(default)]
    pub state_after: Option<String>,
    /// What the changes answered.
    #[serde(default)]
    pub made: Option<String>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// What is stored with a claim: enough to go on after a kill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The calls, one line each.
    pub changes: Vec<String>,
    /// The row that is fixed, with the asset's columns as they were.
    pub target: Target,
    /// The fix's parameters as they were.
    pub parameters: Parameters,
    /// Mail addresses of those who owned the asset's groups: an asset that the fix deletes is in none afterwards.
    #[serde(default)]
    pub owners: Vec<String>,
}

/// Who writes, and in which run.
#[derive(Debug, Clone)]
pub struct Author {
    /// The run.
    pub run_id: String,
    /// `pacbot`, or a person.
    pub actor: String,
}

impl EventRow {
    /// An event of a target.
    pub(crate) fn new(
        event: FixEvent,
        target: &Target,
        fix: (&FixId, u64),
        author: &Author,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            issue_id: target.issue_id.clone(),
            occurrence: target.occurrence,
            sequence: 0,
            event,
            policy_id: target.policy_id.clone(),
            fix: fix.0.clone(),
            fix_version: format!("{:016x}", fix.1),
            asset_type: target.asset_type.clone(),
            asset_id: target.asset_id.clone(),
            account_id: target.account_id.clone(),
            region: target.region.clone(),
            run_id: author.run_id.clone(),
            at: now.trunc_subsecs(6),
            actor: author.actor.clone(),
            number: None,
            of: None,
            due_at: None,
            detail: None,
            plan: None,
            state_before: None,
            state_after: None,
            made: None,
            error: None,
        }
    }

    /// A value for one of the JSON columns.
    pub(crate) fn json(value: &impl Serialize) -> Option<String> {
        serde_json::to_string(value).ok()
    }
}

/// One row of `fix_controls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRow {
    /// Orders the rows.
    #[serde(default)]
    pub sequence: u64,
    /// What.
    pub control: Control,
    /// When.
    pub at: DateTime<Utc>,
    /// The command that did it.
    #[serde(default)]
    pub run_id: String,
    /// Who.
    pub actor: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What the switch was turned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// No fix changes anything.
    Stop,
    /// Fixes go on.
    Resume,
}

/// What happened, at one version of `fix_events`.
pub(crate) struct Reading {
    /// A session over `fix_events` and `policy_runs`.
    pub(crate) ctx: SessionContext,
    pub(crate) version: Option<u64>,
}

impl Reading {
    /// As it is now.
    pub(crate) async fn now(lake: &Lake, now: DateTime<Utc>) -> Result<Self, FixLakeError> {
        let (ctx, versions) = lake.own_session(&[EVENTS, "policy_runs"], now).await?;
        Ok(Self { ctx, version: versions.0.get(EVENTS).copied() })
    }

    /// All events of an issue, in order.
    pub(crate) async fn events_of(&self, issue_id: &str) -> Result<Vec<EventRow>, FixLakeError> {
        let frame = self.ctx.table(EVENTS).await?.filter(col("issue_id").eq(lit(issue_id)))?;
        rows(EVENTS, frame.sort(in_order())?).await
    }
}

/// A session over all assets and the issues as people see them, where what an exception covers is exempt; and all groups.
/// `files` are the groups that are files.
pub(crate) async fn seen(
    lake: &Lake,
    files: &Groups,
    now: DateTime<Utc>,
) -> Result<(SessionContext, Groups), FixLakeError> {
    let ctx = lake.session(SessionOptions::newest(now)).await?;
    let (groups, _) = Exceptions::apply(lake, &ctx, files.clone(), now).await?;
    Ok((ctx, groups))
}

/// As [`seen`], of the issues alone: reads the assets only where an exception asks for them.
pub(crate) async fn seen_issues(
    lake: &Lake,
    files: &Groups,
    now: DateTime<Utc>,
) -> Result<SessionContext, FixLakeError> {
    Ok(match Exceptions::read(lake, now).await?.has_active() {
        true => seen(lake, files, now).await?.0,
        false => lake.own_session(&["issues"], now).await?.0,
    })
}

pub(crate) fn in_order() -> Vec<datafusion::logical_expr::SortExpr> {
    vec![col("sequence").sort(true, false)]
}

/// Few rows, as values.
pub(crate) async fn rows<T: DeserializeOwned>(table: &str, frame: DataFrame) -> Result<Vec<T>, FixLakeError> {
    Ok(from_batches(table, &frame.collect().await?)?)
}

/// Whether, and by whom, fixes are stopped. Read anew each time.
///
/// # Errors
///
/// [`FixLakeError`]; who cannot read the switch must not change anything.
pub async fn stopped(lake: &Lake) -> Result<Option<ControlRow>, FixLakeError> {
    let last = controls(lake).await?.pop();
    Ok(last.filter(|row| row.control == Control::Stop))
}

async fn controls(lake: &Lake) -> Result<Vec<ControlRow>, FixLakeError> {
    let (ctx, _) = lake.own_session(&[CONTROLS], Utc::now()).await?;
    rows(CONTROLS, ctx.table(CONTROLS).await?.sort(in_order())?).await
}

/// Turns the switch.
///
/// # Errors
///
/// [`FixLakeError::Contention`] if others were always faster.
pub async fn turn(lake: &Lake, control: Control, author: &Author, reason: &str) -> Result<(), FixLakeError> {
    for _ in 0..ATTEMPTS {
        let (ctx, versions) = lake.own_session(&[CONTROLS], Utc::now()).await?;
        let version = versions.0.get(CONTROLS).copied();
        let before: Vec<ControlRow> = rows(CONTROLS, ctx.table(CONTROLS).await?.sort(in_order())?).await?;
        let now = Utc::now().trunc_subsecs(6);
        let row = ControlRow {
            sequence: before.last().map_or(0, |row| row.sequence) + 1,
            control,
            at: now,
            run_id: author.run_id.clone(),
            actor: author.actor.clone(),
            reason: reason.to_owned(),
        };
        let batch = to_batch(CONTROLS, lake.schema_of(CONTROLS)?, std::slice::from_ref(&row))?;
        let committed = lake.commit_on(CONTROLS, version, futures::stream::iter([Ok(batch)]), false, now).await?;
        if committed.is_some() {
            return Ok(());
        }
    }
    Err(FixLakeError::Contention)
}

/// Appends what `decide` wants to append to the events that were read; decides again when somebody was faster. Yields
/// the rows as they were appended, none if nothing was decided.
///
/// # Errors
///
/// [`FixLakeError::Contention`] if others were always faster; nothing was appended then.
pub(crate) async fn append<F, R>(lake: &Lake, mut decide: F) -> Result<Vec<EventRow>, FixLakeError>
where
    F: FnMut(Reading) -> R,
    R: Future<Output = Result<Vec<EventRow>, FixLakeError>>,
{
    for _ in 0..ATTEMPTS {
        let now = Utc::now().trunc_subsecs(6);
        let reading = Reading::now(lake, now).await?;
        let (version, sequence) = (reading.version, next_sequence(&reading.ctx).await?);
        let mut decided = decide(reading).await?;
        if decided.is_empty() {
            return Ok(decided);
        }
        decided.iter_mut().for_each(|row| row.sequence = sequence);
        let batch = to_batch(EVENTS, lake.schema_of(EVENTS)?, &decided)?;
        let committed = lake.commit_on(EVENTS, version, futures::stream::iter([Ok(batch)]), false, now).await?;
        if committed.is_some() {
            return Ok(decided);
        }
    }
    Err(FixLakeError::Contention)
}

async fn next_sequence(ctx: &SessionContext) -> Result<u64, FixLakeError> {
    #[derive(Deserialize)]
    struct Row {
        next: u64,
    }
    let frame = ctx.sql("select coalesce(max(sequence), 0) + 1 as next from fix_events").await?;
    let found: Vec<Row> = rows(EVENTS, frame).await?;
    Ok(found.first().map_or(1, |row| row.next))
}
