//! What was not answered, and so which assets a policy cannot judge.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use pacbot_lake::spawned;
use pacbot_schemas::{AssetTypes, CoverageStatus, ScopeKind};
use serde::{Deserialize, Serialize};

use crate::catalog::Checked;

/// A request of one scope that was not answered whole, as of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    account_id: String,
    region: String,
    asset_type: String,
    request: String,
    status: CoverageStatus,
}

impl Answer {
    fn scope(&self) -> BlindScope {
        BlindScope {
            asset_type: self.asset_type.clone(),
            account_id: self.account_id.clone(),
            collected_in: self.region.clone(),
        }
    }
}

/// A request that was not answered whole in a scope. `*` stands for every account or region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The account.
    pub account_id: String,
    /// The scope's region.
    pub region: String,
    /// The table that lacks the answer.
    pub asset_type: String,
    /// The request.
    pub request: String,
}

/// A scope of a judged type in which no asset can be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlindScope {
    /// The judged type.
    pub asset_type: String,
    /// The account.
    pub account_id: String,
    /// The scope's region.
    pub collected_in: String,
}

/// A region of an account in which a joined type is not collected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutsideRegion {
    /// The account.
    pub account_id: String,
    /// The region.
    pub region: String,
}

/// A request of a judged type: an asset that has it among its `unread` cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadRequest {
    /// The judged type.
    pub asset_type: String,
    /// The request.
    pub request: String,
}

/// The newest coverage row of each request that was once not answered whole, if it still is not. Nearly all are complete,
/// so the few that are not are looked for first. A collection of everything says all that counts: what is older than the
/// last one is not read.
const PROBLEMS: &str = "
    with lately as (
        select account_id, region, asset_type, request, status, collected_at, run_id
        from coverage
        where collected_at >= $since and collected_at <= $run_at
    ),
    candidate as (
        select distinct account_id, region, asset_type, request
        from lately
        where status <> 'complete'
    )
    select account_id, region, asset_type, request, status
    from (
        select
            lately.account_id, lately.region, lately.asset_type, lately.request, lately.status,
            row_number() over (
                partition by lately.account_id, lately.region, lately.asset_type, lately.request
                order by lately.collected_at desc, lately.run_id desc
            ) as age
        from candidate
        join lately
            on candidate.account_id = lately.account_id
            and candidate.region = lately.region
            and candidate.asset_type = lately.asset_type
            and candidate.request = lately.request
    )
    where age = 1 and status <> 'complete'";

/// The asset types that were asked for.
const ASKED_TYPES: &str = "
    select distinct asset_type
    from coverage
    where request = 'list' and collected_at >= $since and collected_at <= $run_at";

/// The scopes in which they were, of some types.
const ASKED: &str = "
    select distinct asset_type, account_id, region
    from coverage
    where request = 'list' and collected_at >= $since and collected_at <= $run_at and array_has($types, asset_type)";

/// All answers as of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Requests that were not answered whole, by asset type.
    problems: BTreeMap<String, Vec<Answer>>,
    /// The asset types that were asked for.
    types: BTreeSet<String>,
    /// The scopes in which a type was asked, account and region: of all types where something was not answered, else of
    /// those that regions are compared with.
    asked: HashMap<String, HashSet<(String, String)>>,
}

impl Answers {
    /// Reads the table `coverage` of `ctx`, for the policies `enabled`.
    pub(crate) async fn read(
        ctx: &SessionContext,
        enabled: &[Arc<Checked>],
        types: &AssetTypes,
        since: Option<DateTime<Utc>>,
        run_at: DateTime<Utc>,
    ) -> Result<Self, DataFusionError> {
        let time = |at: Option<DateTime<Utc>>| {
            ScalarValue::TimestampMicrosecond(Some(at.map_or(0, |at| at.timestamp_micros())), Some("UTC".into()))
        };
        let times = vec![("since", time(since)), ("run_at", time(Some(run_at)))];
        let asked = |types: BTreeSet<&str>| {
            let types: Vec<ScalarValue> = types.into_iter().map(ScalarValue::from).collect();
            let types = ScalarValue::List(ScalarValue::new_list_nullable(&types, &DataType::Utf8));
            rows::<3>(ctx, ASKED, times.iter().cloned().chain([("types", types)]).collect())
        };
        let compared = enabled.iter().flat_map(|checked| Self::regional_joins(checked, types)).collect();
        let (problems, asked_types, mut scopes) = futures::try_join!(
            rows::<5>(ctx, PROBLEMS, times.clone()),
            rows::<1>(ctx, ASKED_TYPES, times.clone()),
            asked(compared),
        )?;
        let mut answers =
            Self { types: asked_types.into_iter().map(|[asset_type]| asset_type).collect(), ..Self::default() };
        let mut withdrawn = Vec::new();
        for [account, region, asset_type, request, status] in problems {
            if status == CoverageStatus::Withdrawn.as_str() {
                if request == "list" {
                    withdrawn.push((asset_type, (account, region)));
                }
            } else {
                answers.note_problem(&[&account, &region, &asset_type, &request, &status])?;
            }
        }
        let is_all_known = answers.problems.is_empty()
            && withdrawn.is_empty()
            && enabled.iter().all(|checked| answers.unasked(checked, types).next().is_none());
        if !is_all_known {
            scopes = asked(answers.types.iter().map(String::as_str).collect()).await?;
        }
        for [asset_type, account, region] in scopes {
            answers.asked.entry(asset_type).or_default().insert((account, region));
        }
        for (asset_type, scope) in withdrawn {
            let asked = answers.asked.entry(asset_type.clone()).or_default();
            asked.remove(&scope);
            if asked.is_empty() {
                answers.types.remove(&asset_type);
            }
        }
        Ok(answers)
    }

    /// The tables that a policy joins and that nobody ever asked for.
    fn unasked<'a>(&'a self, checked: &'a Checked, types: &'a AssetTypes) -> impl Iterator<Item = &'a String> {
        let tables = checked.reads.keys().filter(|table| types.get(table).is_some());
        // What nobody ever asked for is no part of all assets.
        tables.filter(|table| !self.types.contains(*table) && checked.policy.asset_type != "assets")
    }

    fn note_problem(
        &mut self,
        [account, region, asset_type, request, status]: &[&str; 5],
    ) -> Result<(), DataFusionError> {
        let status: CoverageStatus =
            status.parse().map_err(|error| DataFusionError::External(Box::<dyn Error + Send + Sync>::from(error)))?;
        if status != CoverageStatus::Complete {
            let answer = Answer {
                account_id: (*account).to_owned(),
                region: (*region).to_owned(),
                asset_type: (*asset_type).to_owned(),
                request: (*request).to_owned(),
                status,
            };
            self.problems.entry(answer.asset_type.clone()).or_default().push(answer);
        }
        Ok(())
    }

    /// Notes an answer, whatever became of it.
    #[cfg(test)]
    pub(crate) fn note(&mut self, answer: &[&str; 5]) -> Result<(), DataFusionError> {
        let [account, region, asset_type, request, _] = answer;
        if *request == "list" {
            self.types.insert((*asset_type).to_owned());
            let asked = self.asked.entry((*asset_type).to_owned()).or_default();
            asked.insert(((*account).to_owned(), (*region).to_owned()));
        }
        self.note_problem(answer)
    }
}

/// The rows of a query whose columns are text.
async fn rows<const COLUMNS: usize>(
    ctx: &SessionContext,
    sql: &'static str,
    values: Vec<(&'static str, ScalarValue)>,
) -> Result<Vec<[String; COLUMNS]>, DataFusionError> {
    let ctx = ctx.clone();
    let read = spawned(async move {
        let mut found = ctx.sql(sql).await?.with_param_values(values)?.execute_stream().await?;
        let mut rows = Vec::new();
        while let Some(batch) = found.try_next().await? {
            let columns: Vec<&StringArray> = batch.columns().iter().map(|column| column.as_string()).collect();
            let row = |row: usize| std::array::from_fn(|place| columns[place].value(row).to_owned());
            rows.extend((0..batch.num_rows()).map(row));
        }
        Ok(rows)
    });
    read.await?
}

/// What a policy cannot judge.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Blind {
    /// Scopes of judged types as a whole.
    pub(crate) scopes: BTreeSet<BlindScope>,
    /// By judged type, the requests whose failure for one asset hides that asset.
    pub(crate) requests: BTreeMap<String, BTreeSet<String>>,
    /// Why.
    pub(crate) gaps: BTreeSet<Gap>,
}

impl Answers {
    /// Which scopes and assets `checked` cannot judge: their own list or a joined table's request was not answered.
    pub(crate) fn blind(&self, checked: &Checked, types: &AssetTypes) -> Blind {
        let mut blind = Blind::default();
        let judged = |table: &str| checked.policy.asset_type == "assets" || checked.policy.asset_type == table;
        for table in checked.reads.keys().filter(|table| types.get(table).is_some()) {
            let requests = checked.requests(types, table);
            let is_unasked = !self.types.contains(table);
            // What nobody ever asked for is no part of all assets.
            if is_unasked && checked.policy.asset_type == "assets" {
                continue;
            }
            if is_unasked {
                blind.gaps.insert(Gap {
                    account_id: "*".into(),
                    region: "*".into(),
                    asset_type: table.clone(),
                    request: "list".into(),
                });
                if !judged(table) {
                    blind.scopes.extend(self.scopes_of_judged(checked, types, "*", "*"));
                }
            }
            let problems = self.problems.get(table).into_iter().flatten();
            for answer in problems.filter(|answer| requests.contains(&answer.request)) {
                blind.gaps.insert(Gap {
                    account_id: answer.account_id.clone(),
                    region: answer.region.clone(),
                    asset_type: table.clone(),
                    request: answer.request.clone(),
                });
                if !judged(table) {
                    blind.scopes.extend(self.scopes_of_judged(checked, types, &answer.account_id, &answer.region));
                } else if answer.request == "list" || answer.status == CoverageStatus::Skipped {
                    blind.scopes.insert(answer.scope());
                }
            }
            if judged(table) {
                blind
                    .requests
                    .insert(table.clone(), requests.into_iter().filter(|request| request != "list").collect());
            }
        }
        blind
    }

    /// The joined types that are collected per region, where the judged type is collected per account: its assets may
    /// be of regions in which nobody asks for the others.
    pub(crate) fn regional_joins<'a>(checked: &'a Checked, types: &'a AssetTypes) -> Vec<&'a str> {
        let kind = |table: &str| types.get(table).map(|def| def.scope);
        if kind(&checked.policy.asset_type) != Some(ScopeKind::Global) {
            return Vec::new();
        }
        let joined = checked.reads.keys().filter(|table| kind(table) == Some(ScopeKind::Region));
        joined.map(String::as_str).collect()
    }

    /// Whether an asset type is collected in a region of an account.
    pub(crate) fn is_asked(&self, asset_type: &str, region: &OutsideRegion) -> bool {
        let scope = (region.account_id.clone(), region.region.clone());
        self.asked.get(asset_type).is_some_and(|asked| asked.contains(&scope))
    }

    /// The scopes of the judged type(s) that an unanswered scope of a joined table touches: the same region, and
    /// all of an account where one of the two is global.
    fn scopes_of_judged<'a>(
        &'a self,
        checked: &'a Checked,
        types: &'a AssetTypes,
        account: &'a str,
        region: &'a str,
    ) -> impl Iterator<Item = BlindScope> + 'a {
        let judged = move |table: &str| {
            checked.policy.asset_type == table || (checked.policy.asset_type == "assets" && types.get(table).is_some())
        };
        let judged = self.asked.iter().filter(move |(table, _)| judged(table));
        judged
            .flat_map(|(table, asked)| asked.iter().map(move |scope| (table, scope)))
            .filter(move |(_, (in_account, _))| account == "*" || in_account == account)
            .filter(move |(_, (_, in_region))| {
                region == "*" || region == "global" || in_region == "global" || in_region == region
            })
            .map(|(table, (account_id, collected_in))| BlindScope {
                asset_type: table.clone(),
                account_id: account_id.clone(),
                collected_in: collected_in.clone(),
            })
    }
}
