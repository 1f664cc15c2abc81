//! The table `issues`: what the events of issues fold to.
//!
//! Promises: issues of accounts without new events stay in their files; files hold few accounts each, since rows are in the
//! order of accounts; who is killed or overtaken leaves what was there. At first all are sorted, as many at a time as memory
//! holds; later the new states are put among the rows of the files that their accounts are in ([`super::renew`]).

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Expr;
use datafusion::prelude::DataFrame;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use pacbot_lake::{Lake, LakeError, RunRow, folded_issues};

use super::merge::ORDER;
use super::renew::{Count, between, known, renewed, renewed_files};
use super::{ATTEMPTS, DiffError, ascending, held_at_once, keep_sides, number};

/// An issue that is sorted takes so much memory: itself, and what it becomes.
const BYTES_OF_AN_ISSUE: u64 = 2 << 10;

/// The newest event.
pub(super) const LAST: &str = "select coalesce(max(sequence), 0) from issue_events";

/// The newest event that `issues` has.
pub(super) const FOLDED: &str = "select coalesce(max(sequence), 0) from issues";

/// The accounts and policies of the events that are not in `issues`.
const NEW: &str = "
    select account_id, policy_id, count(*) as rows from issue_events where sequence > $folded
    group by account_id, policy_id";

/// Where `issues` has those that opened again: an asset whose id does not name its account may have come back in another one.
const BEFORE: &str = "
    select issues.account_id, issues.policy_id, count(*) as rows
    from (select issue_id from issue_events where sequence > $folded and cause in ('reopened', 'judged_again')) as again
    right semi join issues on again.issue_id = issues.issue_id
    group by issues.account_id, issues.policy_id";

/// The state of each issue, where the events up to `folded` are in `issues`.
pub(super) async fn state(ctx: &SessionContext, folded: i64) -> Result<DataFrame, DataFusionError> {
    let newest = folded_issues(ctx, folded).await?;
    if folded == 0 {
        // No issue is known, so this is all, however much it is.
        let issues = ctx.table("issues").await?;
        let columns: Vec<&str> = issues.schema().fields().iter().map(|field| field.name().as_str()).collect();
        return newest.select_columns(&columns);
    }
    let known = known(ctx, newest.clone(), folded).await?;
    let renewed = renewed(ctx, newest, known).await?;
    ctx.register_table("renewed", renewed.into_view())?;
    ctx.sql(include_str!("state.sql")).await
}

/// Brings `issues` to what `issue_events` folds to, unless a later fold is there.
pub(super) async fn fold(lake: &Lake, snapshot: &RunRow) -> Result<(), DiffError> {
    fold_so_many(lake, snapshot, BYTES_OF_AN_ISSUE).await
}

async fn fold_so_many(lake: &Lake, snapshot: &RunRow, bytes_of_an_issue: u64) -> Result<(), DiffError> {
    for _ in 0..ATTEMPTS {
        let (ctx, versions) = lake.own_session(&["issues", "issue_events"], snapshot.run_at).await?;
        keep_sides(&ctx);
        let folded = number(&ctx, FOLDED).await?;
        if folded >= number(&ctx, LAST).await? {
            return Ok(());
        }
        let new = counted(&ctx, NEW, folded).await?;
        let before = counted(&ctx, BEFORE, folded).await?;
        let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (account, policy, _) in new.iter().chain(&before) {
            written.entry(account.clone()).or_default().insert(policy.clone());
        }
        let version = versions.0.get("issues").copied();
        let Some(files) = lake.files_of_accounts("issues", version, &written).await? else { continue };
        ctx.deregister_table("issues")?;
        ctx.register_table("issues", files.rows(lake)?)?;
        let most = held_at_once(&ctx, bytes_of_an_issue);
        let streams = if folded > 0 {
            renewed_files(lake, (&ctx, &files), (folded, &new), most, snapshot.run_at).await?
        } else {
            let mut accounts: BTreeMap<String, u64> = BTreeMap::new();
            for (account, _, rows) in new {
                *accounts.entry(account).or_default() += rows;
            }
            let issues = sorted(state(&ctx, folded).await?, ranges(&accounts, most), most);
            vec![issues.map_err(LakeError::query("issues")).boxed()]
        };
        if lake.replace_files(files, streams, snapshot.run_at).await?.is_some() {
            return Ok(());
        }
    }
    Err(DiffError::Contention)
}

/// Account, policy and number of rows.
async fn counted(ctx: &SessionContext, sql: &str, folded: i64) -> Result<Vec<Count>, DataFusionError> {
    let rows = ctx.sql(sql).await?.with_param_values(vec![("folded", ScalarValue::Int64(Some(folded)))])?;
    let mut counted = Vec::new();
    // One row per account and policy.
    for batch in rows.collect().await? {
        let text = |place: usize, row: usize| batch.column(place).as_string::<i32>().value(row).to_owned();
        let counts = batch.column(2).as_primitive::<Int64Type>();
        counted.extend((0..batch.num_rows()).map(|row| (text(0, row), text(1, row), counts.value(row).unsigned_abs())));
    }
    Ok(counted)
}

/// Accounts that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    /// The first; none in the first range.
    first: Option<String>,
    /// The first that is not in it; none in the last range, which has the rows without an account too.
    end: Option<String>,
    /// At most as many rows.
    rows: u64,
}

/// Ranges of `most` rows, or of one account.
fn ranges(accounts: &BTreeMap<String, u64>, most: u64) -> Vec<Range> {
    let mut ranges = vec![Range { first: None, end: None, rows: 0 }];
    for (account, rows) in accounts {
        let Some(last) = ranges.last_mut() else { continue };
        if last.rows > 0 && last.rows + rows > most {
            last.end = Some(account.clone());
            ranges.push(Range { first: Some(account.clone()), end: None, rows: *rows });
        } else {
            last.rows += rows;
        }
    }
    ranges
}

/// `issues` one range after the other, each sorted but for those of an account that has too many.
fn sorted(
    issues: DataFrame,
    ranges: Vec<Range>,
    most: u64,
) -> impl Stream<Item = Result<RecordBatch, DataFusionError>> + Send {
    let of_range = move |range: Range| {
        let issues = issues.clone();
        async move {
            let mut rows = issues;
            if let Some(filter) = range.filter() {
                rows = rows.filter(filter)?;
            }
            if range.rows <= most {
                rows = rows.sort(ascending(ORDER))?;
            }
            rows.execute_stream().await
        }
    };
    stream::iter(ranges).then(of_range).try_flatten()
}

impl Range {
    fn filter(&self) -> Option<Expr> {
        // No policy is below the empty one.
        between(self.first.as_deref().map(|first| (first, "")), self.end.as_deref().map(|end| (end, "")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::Utc;
    use datafusion::prelude::col;
    use pacbot_lake::{LakeSettings, SessionOptions, from_batches};
    use pacbot_schemas::{AssetTypes, RunId};
    use serde_json::Value;

    use super::super::append_events;
    use super::*;
    use crate::testing::{Days, Said};

    #[test]
    fn ranges_hold_so_many_rows_or_one_account() {
        let accounts = [("1", 2), ("2", 3), ("3", 9), ("4", 1)].map(|(account, rows)| (account.to_owned(), rows));
        let ranges = ranges(&BTreeMap::from(accounts), 5);
        let text = |text: Option<&str>| text.map(str::to_owned);
        let range = |first, end, rows| Range { first: text(first), end: text(end), rows };
        assert_eq!(ranges, [range(None, Some("3"), 5), range(Some("3"), Some("4"), 9), range(Some("4"), None, 1)]);
        assert_eq!(super::ranges(&BTreeMap::new(), 5), [range(None, None, 0)]);
    }

    #[tokio::test]
    async fn more_issues_than_are_sorted_at_once_are_folded_range_by_range() {
        let mut days = Days::new().await;
        let topics = || Said::Topics(&[("a", false), ("b", false)]);
        let said = [("1", topics()), ("2", topics()), ("3", Said::Topics(&[("c", false)]))];
        let policy = "select asset_id, case when name = 'c' then null else account_id end as account_id, region, 'plain' as reason
            from aws_sns_topic where kms_master_key_id is null";
        days.run(&said, &[("plain", policy)], true).await;
        let said = [("1", Said::Topics(&[("b", false)])), ("2", topics()), ("3", Said::Topics(&[("c", true)]))];
        days.run(&said, &[("plain", policy)], true).await;
        let kept = days.rows::<Value>("select * from issues order by issue_id").await;
        assert_eq!(kept.len(), 5);

        // As after kills between the events and the issues.
        let version = days.lake.table("issues").await.unwrap().unwrap().version();
        let row = days.lake.snapshot(None).await.unwrap();
        days.lake.commit_on("issues", Some(version), stream::empty(), true, row.run_at).await.unwrap();
        // Two at once, of 512 MiB.
        fold_so_many(&days.lake, &row, 256 << 20).await.unwrap();
        assert_eq!(days.rows::<Value>("select * from issues order by issue_id").await, kept);
        let in_order = days.rows::<Value>("select coalesce(account_id, 'none') as account from issues").await;
        let accounts: Vec<&str> = in_order.iter().filter_map(|row| row["account"].as_str()).collect();
        assert_eq!(accounts, ["1", "1", "2", "2", "none"], "of one file");
    }

    /// Each account's issues in files of their own.
    async fn apart(days: &Days) {
        let ctx = days.lake.session(SessionOptions::newest(Utc::now())).await.unwrap();
        let mut files = Vec::new();
        for account in ["= '1'", "= '2'", "= '3'", "= '4'", "is null"] {
            let sql = format!("select * from issues where account_id {account} order by policy_id, issue_id");
            files.push(ctx.sql(&sql).await.unwrap().collect().await.unwrap());
        }
        for (place, rows) in files.into_iter().enumerate() {
            let version = days.lake.table("issues").await.unwrap().map(|table| table.version());
            let rows = stream::iter(rows).map(Ok);
            assert!(days.lake.commit_on("issues", version, rows, place == 0, Utc::now()).await.unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn more_new_states_than_memory_holds_are_put_in_part_by_part() {
        let policy =
            "select asset_id, case when name = 'c' then null else account_id end as account_id, region, name as reason
            from aws_sns_topic where kms_master_key_id is null";
        let policies = [("one", policy), ("two", policy)];
        let plain = || Said::Topics(&[("a", false), ("b", false), ("c", false)]);
        let fixed = || Said::Topics(&[("a", true), ("b", true), ("c", true), ("d", false)]);
        // One at once and core, some, and all, of 512 MiB.
        for bytes in [512 << 20, 64 << 20, 1 << 10] {
            let mut days = Days::new().await;
            days.run(&[("1", plain()), ("2", plain()), ("3", fixed()), ("4", plain())], &policies, true).await;
            days.run(&[("1", plain()), ("2", fixed()), ("3", plain()), ("4", plain())], &policies, true).await;
            apart(&days).await;
            let said =
                [("1", fixed()), ("2", plain()), ("3", fixed()), ("4", Said::Topics(&[("b", true), ("c", false)]))];
            let run_id = RunId::new("last").unwrap();
            let row = days.land(&said, &run_id, "2026-03-03T06:00:00Z".parse().unwrap()).await;
            days.evaluate(&row, &run_id, &policies, true).await;
            append_events(&days.lake, &run_id, &row, true, false).await.unwrap();
            fold_so_many(&days.lake, &row, bytes).await.unwrap();
            let ctx = days.lake.session(SessionOptions::newest(Utc::now())).await.unwrap();
            let all = folded_issues(&ctx, 0).await.unwrap().sort_by(vec![col("issue_id")]).unwrap();
            let all: Vec<Value> = from_batches("issues", &all.collect().await.unwrap()).unwrap();
            assert_eq!(days.rows::<Value>("select * from issues order by issue_id").await, all, "{bytes}");
            assert!(all.iter().filter(|issue| issue["cause"] == "reopened").count() > 4, "{all:?}");
        }
    }

    #[tokio::test]
    async fn a_few_new_states_do_not_need_the_memory_of_all_issues() {
        let policy =
            "select asset_id, account_id, region, 'plain' as reason from aws_sns_topic where kms_master_key_id is null";
        let policies = ["one", "two", "three", "four", "five"].map(|id| (id, policy));
        let names = (0..40_000).map(|number| &*format!("{number:05}").leak());
        let mut topics: Vec<(&'static str, bool)> = names.map(|name| (name, false)).collect();
        let mut days = Days::new().await;
        days.run(&[("1", Said::Topics(topics.clone().leak()))], &policies, true).await;
        topics[7].1 = true;
        let run_id = RunId::new("last").unwrap();
        let row =
            days.land(&[("1", Said::Topics(topics.leak()))], &run_id, "2026-03-03T06:00:00Z".parse().unwrap()).await;
        days.evaluate(&row, &run_id, &policies, true).await;
        append_events(&days.lake, &run_id, &row, true, false).await.unwrap();
        let location = days.folder.path().join("lake").display().to_string();
        let settings = LakeSettings { location, memory: 16 << 20, ..LakeSettings::default() };
        let small = Lake::open(settings, Arc::new(AssetTypes::embedded().unwrap())).await.unwrap();
        fold(&small, &row).await.unwrap();
        let states =
            days.rows::<Value>("select state, count(*) as issues from issues group by state order by state").await;
        let issues: Vec<_> =
            states.iter().map(|row| (row["state"].as_str().unwrap(), row["issues"].as_u64().unwrap())).collect();
        assert_eq!(issues, [("closed", 5), ("open", 199_995)]);
    }
}
