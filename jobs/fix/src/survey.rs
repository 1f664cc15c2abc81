//! What comes next for every issue of a policy that has a fix, and why not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::prelude::{Expr, SessionContext, col, lit};
use pacbot_lake::{Groups, Lake};
use pacbot_schemas::{FixEvent, FixId, FixMode, IssueState, PolicyId, Severity};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::caps::Spent;
use crate::events::{EVENTS, FixLakeError, Reading, in_order, rows, seen, seen_issues};
use crate::fix::{Fix, Parameters, Target};
use crate::keepers::keepers;
use crate::machine::{Circumstances, Issue, Past, Step, next_step};
use crate::settings::{FixSettings, Rules};

/// Caps look back so far.
const DAY: chrono::Duration = chrono::Duration::hours(24);

/// A policy and its fix.
#[derive(Clone)]
pub struct FixedPolicy {
    /// The policy.
    pub policy_id: PolicyId,
    /// What it asks for.
    pub title: String,
    /// How bad a violation is.
    pub severity: Severity,
    /// The fix.
    pub fix: Arc<dyn Fix>,
    /// The values of the fix's parameters; `Err` names one that nobody configured.
    pub parameters: Result<Parameters, String>,
    /// What holds for it.
    pub rules: Rules,
}

impl FixedPolicy {
    /// A policy with what the settings say about it and its fix.
    ///
    /// # Errors
    ///
    /// A parameter that is unknown, or of another type.
    pub fn new(policy: (&PolicyId, &str, Severity), fix: Arc<dyn Fix>, settings: &FixSettings) -> Result<Self, String> {
        let parameters = parameters(&*fix, settings)?;
        let rules = settings.rules(policy.0);
        let (policy_id, title, severity) = policy;
        Ok(Self { policy_id: policy_id.clone(), title: title.to_owned(), severity, fix, parameters, rules })
    }

    /// The fix's id and a hash of all that makes it do what it does.
    pub(crate) fn version(&self) -> (&FixId, u64) {
        let about = self.fix.about();
        let parameters = self.parameters.as_ref().map(|values| serde_json::to_string(values).unwrap_or_default());
        let text = format!("{:016x} {}", about.version, parameters.unwrap_or_default());
        (&about.id, pacbot_schemas::fingerprint(&text))
    }
}

/// The values of a fix's parameters; the inner `Err` names one that has none.
fn parameters(fix: &dyn Fix, settings: &FixSettings) -> Result<Result<Parameters, String>, String> {
    let about = fix.about();
    let given = settings.parameters.get(&about.id);
    if let Some(unknown) =
        given.into_iter().flatten().map(|(name, _)| name).find(|name| !about.parameters.contains_key(*name))
    {
        return Err(format!("`[fix.parameters.{}]` names `{unknown}`, which is no parameter of the fix", about.id));
    }
    let mut values = Parameters::new();
    for (name, parameter) in &about.parameters {
        let value = given.and_then(|given| given.get(name)).or(parameter.default.as_ref());
        let Some(value) = value else { return Ok(Err(name.clone())) };
        let value = parameter.r#type.value(value);
        values.insert(
            name.clone(),
            value.ok_or_else(|| format!("`[fix.parameters.{}] {name}` is of another type", about.id))?,
        );
    }
    Ok(Ok(values))
}

/// An issue, and what comes next for it.
#[derive(Clone)]
pub struct Surveyed {
    /// The policy and its fix.
    pub policy: Arc<FixedPolicy>,
    /// The violating row.
    pub target: Target,
    /// What people call the asset.
    pub name: String,
    /// Mail addresses of those who own its groups.
    pub owners: Vec<String>,
    /// When this occurrence opened.
    pub opened_at: DateTime<Utc>,
    /// What comes next.
    pub step: Step,
}

#[derive(Debug, Clone, Deserialize)]
struct IssueRow {
    issue_id: String,
    state: IssueState,
    occurrence: u64,
    policy_id: PolicyId,
    asset_type: pacbot_schemas::AssetType,
    asset_id: String,
    account_id: pacbot_schemas::AccountId,
    region: pacbot_schemas::Region,
    #[serde(default)]
    key: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    evidence: Option<String>,
    opened_at: DateTime<Utc>,
}

/// Reads what the machine needs and asks it.
pub struct Surveyor<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// The asset groups that are files.
    pub groups: &'a Groups,
    /// Whether warnings can be delivered.
    pub can_warn: bool,
    /// The policies that have a fix.
    pub policies: &'a [Arc<FixedPolicy>],
}

impl Surveyor<'_> {
    /// Every issue of the policies that is not closed, and those closed ones that have an unresolved claim; worst and
    /// oldest first. `seen_in` leaves only rows that were violating in that evaluation, with their newest evidence.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`]
    pub async fn survey(&self, now: DateTime<Utc>, seen_in: Option<&str>) -> Result<Vec<Surveyed>, FixLakeError> {
        let reading = Reading::now(self.lake, now).await?;
        let (ctx, groups) = seen(self.lake, self.groups, now).await?;
        let stopped = crate::events::stopped(self.lake).await?.is_some();
        let mut surveyed = Vec::new();
        for row in self.issues(&ctx, seen_in).await? {
            let Some(policy) = self.policies.iter().find(|policy| policy.policy_id == row.policy_id) else { continue };
            let target = row.target();
            surveyed.push((policy.clone(), target, row));
        }
        let assets = assets(&ctx, surveyed.iter().map(|(_, target, _)| target)).await?;
        let keepers = keepers(&groups, &ctx, assets.keys().map(String::as_str)).await?;
        let rehearsed = rehearsed(&reading.ctx).await?;
        let mut histories = histories(&reading.ctx, surveyed.iter().map(|(_, target, _)| target)).await?;
        let judged = surveyed.into_iter().map(|(policy, mut target, row)| {
            if let Some(asset) = assets.get(&target.asset_id) {
                target.asset.clone_from(asset);
            }
            let keeper = keepers.get(&target.asset_id).cloned().unwrap_or_default();
            target.tags = keeper.tags;
            let circumstances = self.circumstances(&policy, stopped, &rehearsed);
            let name = name_of(&target);
            let issue = row.issue(&name);
            let history = histories.remove(&target.issue_id).unwrap_or_default();
            let step = next_step(&history, &issue, &policy.rules, &circumstances, now);
            Surveyed { policy, target, name, owners: keeper.owners, opened_at: row.opened_at, step }
        });
        let mut judged: Vec<Surveyed> = judged.collect();
        let rank =
            |one: &Surveyed| (std::cmp::Reverse(one.policy.severity), one.opened_at, one.target.issue_id.clone());
        judged.sort_by_key(rank);
        Ok(judged)
    }

    /// What comes next for one issue, decided on what `reading` shows; `None` if the issue is not there any more.
    pub(crate) async fn again(
        &self,
        reading: &Reading,
        one: &Surveyed,
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, FixLakeError> {
        let stopped = crate::events::stopped(self.lake).await?.is_some();
        let ctx = seen_issues(self.lake, self.groups, now).await?;
        let frame = ctx.table("issues").await?.filter(col("issue_id").eq(lit(&one.target.issue_id)))?;
        let found: Vec<IssueRow> = rows("issues", frame).await?;
        let Some(row) = found.first().filter(|row| row.occurrence == one.target.occurrence) else { return Ok(None) };
        let history: Vec<Past> = reading.events_of(&one.target.issue_id).await?.iter().map(Past::of).collect();
        let rehearsed = rehearsed(&reading.ctx).await?;
        let circumstances = self.circumstances(&one.policy, stopped, &rehearsed);
        Ok(Some(next_step(&history, &row.issue(&one.name), &one.policy.rules, &circumstances, now)))
    }

    fn circumstances(&self, policy: &FixedPolicy, is_stopped: bool, rehearsed: &Rehearsed) -> Circumstances {
        let (id, version) = policy.version();
        let key = (policy.policy_id.clone(), id.clone(), format!("{version:016x}"));
        Circumstances {
            is_stopped,
            can_warn: self.can_warn,
            is_rehearsed: rehearsed.contains(&key),
            missing_parameter: policy.parameters.as_ref().err().cloned(),
        }
    }

    async fn issues(&self, ctx: &SessionContext, seen_in: Option<&str>) -> Result<Vec<IssueRow>, FixLakeError> {
        let ids: Vec<Expr> = self.policies.iter().map(|policy| lit(policy.policy_id.as_str())).collect();
        let of_policies = ctx.table("issues").await?.filter(col("policy_id").in_list(ids, false))?;
        let frame = of_policies.filter(col("state").not_eq(lit(IssueState::Closed.as_str())))?;
        let mut found: Vec<IssueRow> = rows("issues", frame).await?;
        if let Some(run_id) = seen_in {
            #[derive(Deserialize)]
            struct Seen {
                issue_id: String,
                #[serde(default)]
                reason: String,
                #[serde(default)]
                evidence: Option<String>,
            }
            let frame = ctx.table("violations").await?.filter(col("run_id").eq(lit(run_id)))?;
            let seen: Vec<Seen> =
                rows("violations", frame.select_columns(&["issue_id", "reason", "evidence"])?).await?;
            let mut seen: BTreeMap<String, Seen> = seen.into_iter().map(|row| (row.issue_id.clone(), row)).collect();
            found.retain_mut(|issue| {
                let Some(row) = seen.remove(&issue.issue_id) else { return false };
                (issue.reason, issue.evidence) = (row.reason, row.evidence);
                true
            });
        }
        Ok(found)
    }
}

/// The columns of assets, by id.
async fn assets(
    ctx: &SessionContext,
    targets: impl Iterator<Item = &Target>,
) -> Result<BTreeMap<String, Map<String, Value>>, FixLakeError> {
    let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for target in targets {
        wanted.entry(target.asset_type.as_str()).or_default().insert(&target.asset_id);
    }
    let mut assets = BTreeMap::new();
    for (table, ids) in wanted {
        let ids: Vec<Expr> = ids.into_iter().map(lit).collect();
        let frame = ctx.table(table).await?.filter(col("asset_id").in_list(ids, false))?;
        for mut asset in rows::<Map<String, Value>>(table, frame).await? {
            asset.remove("raw");
            if let Some(id) = asset.get("asset_id").and_then(Value::as_str) {
                assets.insert(id.to_owned(), asset);
            }
        }
    }
    Ok(assets)
}

impl IssueRow {
    fn target(&self) -> Target {
        let evidence = self.evidence.as_ref().and_then(|text| serde_json::from_str(text).ok());
        Target {
            issue_id: self.issue_id.clone(),
            occurrence: self.occurrence,
            policy_id: self.policy_id.clone(),
            asset_type: self.asset_type.clone(),
            asset_id: self.asset_id.clone(),
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            key: self.key.clone(),
            reason: self.reason.clone(),
            evidence: evidence.unwrap_or(Value::Null),
            asset: Map::new(),
            tags: BTreeMap::new(),
        }
    }

    fn issue(&self, name: &str) -> Issue {
        Issue {
            state: self.state,
            occurrence: self.occurrence,
            opened_at: self.opened_at,
            account_id: self.account_id.clone(),
            name: name.to_owned(),
        }
    }
}

/// What people call an asset; its id where it has no name.
fn name_of(target: &Target) -> String {
    let name = target.asset.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.unwrap_or(&target.asset_id).to_owned()
}

async fn histories(
    ctx: &SessionContext,
    targets: impl Iterator<Item = &Target>,
) -> Result<BTreeMap<String, Vec<Past>>, FixLakeError> {
    #[derive(Deserialize)]
    struct Row {
        issue_id: String,
        #[serde(flatten)]
        past: Past,
    }
    let wanted: BTreeSet<&str> = targets.map(|target| target.issue_id.as_str()).collect();
    let light = ["issue_id", "sequence", "occurrence", "event", "at", "run_id"];
    let frame = ctx.table(EVENTS).await?.select_columns(&light)?.sort(in_order())?;
    let mut histories: BTreeMap<String, Vec<Past>> = BTreeMap::new();
    for row in rows::<Row>(EVENTS, frame).await? {
        if wanted.contains(row.issue_id.as_str()) {
            histories.entry(row.issue_id).or_default().push(row.past);
        }
    }
    Ok(histories)
}

/// Policy, fix and version of what was rehearsed.
type Rehearsed = BTreeSet<(PolicyId, FixId, String)>;

async fn rehearsed(ctx: &SessionContext) -> Result<Rehearsed, FixLakeError> {
    #[derive(Deserialize)]
    struct Row {
        policy_id: PolicyId,
        fix: FixId,
        fix_version: String,
    }
    let frame = ctx.table(EVENTS).await?.filter(col("event").eq(lit(FixEvent::Planned.as_str())))?;
    let found: Vec<Row> = rows(EVENTS, frame.select_columns(&["policy_id", "fix", "fix_version"])?.distinct()?).await?;
    Ok(found.into_iter().map(|row| (row.policy_id, row.fix, row.fix_version)).collect())
}

/// What was claimed in a run, and in the last day.
pub(crate) async fn spent(ctx: &SessionContext, run_id: &str, now: DateTime<Utc>) -> Result<Spent, FixLakeError> {
    #[derive(Deserialize)]
    struct Row {
        event: FixEvent,
        policy_id: PolicyId,
        account_id: pacbot_schemas::AccountId,
        #[serde(default)]
        run_id: String,
        at: DateTime<Utc>,
    }
    let events = [FixEvent::Claimed, FixEvent::Released].map(|event| lit(event.as_str())).to_vec();
    let frame = ctx.table(EVENTS).await?.filter(col("event").in_list(events, false))?.sort(in_order())?;
    let columns = ["event", "policy_id", "account_id", "run_id", "at"];
    let mut spent = Spent::default();
    // Those of a day are few: the caps see to it.
    for row in rows::<Row>(EVENTS, frame.select_columns(&columns)?).await? {
        if now - row.at >= DAY {
            continue;
        }
        let count = |counter: &mut u64| match row.event {
            FixEvent::Released => *counter = counter.saturating_sub(1),
            _ => *counter += 1,
        };
        if row.run_id == run_id {
            count(&mut spent.run);
        }
        count(spent.policies.entry(row.policy_id).or_default());
        count(spent.accounts.entry(row.account_id).or_default());
    }
    Ok(spent)
}

/// The assets that a policy judged last.
pub(crate) async fn assets_judged(ctx: &SessionContext, policy: &PolicyId) -> Result<u64, FixLakeError> {
    #[derive(Deserialize)]
    struct Row {
        assets: u64,
    }
    let frame = ctx.table("policy_runs").await?.filter(col("policy_id").eq(lit(policy.as_str())))?;
    let frame = frame.sort(vec![col("evaluated_at").sort(false, false)])?.limit(0, Some(1))?;
    Ok(rows::<Row>("policy_runs", frame).await?.first().map_or(0, |row| row.assets))
}

/// Whether a policy's fix goes further than nothing.
#[must_use]
pub fn is_on(policy: &FixedPolicy) -> bool {
    policy.rules.mode != FixMode::Off
}
