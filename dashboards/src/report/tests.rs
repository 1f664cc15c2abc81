use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use pacbot_lake::{Groups, Lake, LakeSettings};
use pacbot_schemas::{AssetTypes, RunId};
use serde_json::{Value, json};

use super::*;
use crate::{Lens, Look, VIEWS, open_issues};

struct TestLake {
    lake: Lake,
    _folder: tempfile::TempDir,
}

fn day(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap()
}

impl TestLake {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().to_str().unwrap().to_owned();
        let types = Arc::new(AssetTypes::embedded().unwrap());
        let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
        Self { lake, _folder: folder }
    }

    async fn write(&self, table: &str, run: &str, part: &str, rows: Vec<Value>) {
        let run_id = RunId::new(run).unwrap();
        self.lake.replace_run_values(table, &run_id, part, &rows, day(1)).await.unwrap();
    }

    async fn stage(&self, run: &str, stage: &str, status: &str, at: DateTime<Utc>, selection: Option<&str>) {
        let row = json!({ "run_id": run, "stage": stage, "status": status, "run_at": at, "started_at": at, "selection": selection,
            "scopes": 0, "problems": 0, "rows": 0, "host": "here", "process": 1, "pacbot_version": "0", "snapshot": [] });
        self.write("runs", run, stage, vec![row]).await;
    }

    async fn session(&self) -> SessionContext {
        Look::newest(&self.lake, Groups::default(), day(9)).await.unwrap().ctx
    }
}

fn policy_run(run: &str, policy: &str, severity: &str, category: &str, counts: [u64; 3]) -> Value {
    let [assets, violating, unknown] = counts;
    let gap = json!({ "account_id": "1", "region": "eu-west-1", "asset_type": "aws_sns_topic", "request": "list" });
    json!({
        "run_id": run, "policy_id": policy, "status": "succeeded", "title": policy, "severity": severity,
        "category": category, "asset_type": "aws_sns_topic", "assets": assets, "violating": violating,
        "unknown": unknown, "violations": violating,
        "unknown_scopes": if unknown > 0 { vec![gap] } else { vec![] },
    })
}

fn issue(id: &str, policy: &str, severity: &str, state: &str) -> Value {
    json!({
        "issue_id": id, "state": state, "policy_id": policy, "severity": severity, "asset_id": format!("arn:{id}"),
        "asset_type": "aws_sns_topic", "account_id": "1", "region": "eu-west-1", "cause": "opened", "sequence": 2,
    })
}

fn event(run: &str, id: &str, cause: &str, to_state: &str) -> Value {
    json!({
        "run_id": run, "issue_id": id, "sequence": 2, "at": day(2), "from_state": "open", "to_state": to_state,
        "cause": cause, "policy_id": "public", "severity": "critical", "asset_type": "aws_sns_topic",
        "asset_id": format!("arn:{id}"), "account_id": "1", "region": "eu-west-1",
    })
}

fn covered(run: &str, at: DateTime<Utc>, status: &str) -> Value {
    json!({
        "run_id": run, "collected_at": at, "account_id": "1", "account_name": "shop", "region": "eu-west-1",
        "asset_type": "aws_sns_topic", "request": "list", "status": status, "error": "denied by the account",
        "missing_permission": "sns:ListTopics", "answered_at": day(1),
    })
}

/// Two runs: on the second, a scope was denied, a policy failed, and a retired policy has left.
async fn two_days() -> TestLake {
    let lake = TestLake::new().await;
    for (run, at) in [("one", day(1)), ("two", day(2))] {
        for stage in ["collect", "evaluate", "diff"] {
            lake.stage(run, stage, "complete", at, None).await;
        }
    }
    // A run that never ended counts for nothing.
    lake.stage("three", "evaluate", "running", day(3), None).await;
    lake.write("policy_runs", "three", "", vec![policy_run("three", "public", "critical", "security", [9, 9, 0])])
        .await;

    lake.write("coverage", "one", "", vec![covered("one", day(1), "complete")]).await;
    lake.write("coverage", "two", "", vec![covered("two", day(2), "denied")]).await;
    lake.write("policy_runs", "one", "", vec![policy_run("one", "retired", "low", "tagging", [5, 5, 0])]).await;
    let mut failed = policy_run("two", "broken", "high", "security", [4, 0, 0]);
    failed["status"] = "failed".into();
    failed["error"] = "it divides by zero".into();
    let second = vec![
        policy_run("two", "public", "critical", "security", [10, 2, 1]),
        policy_run("two", "tagged", "low", "tagging", [10, 0, 0]),
        failed,
    ];
    lake.write("policy_runs", "two", "", second).await;
    let issues = vec![
        issue("a", "public", "critical", "open"),
        issue("b", "public", "critical", "open"),
        issue("c", "public", "critical", "unknown"),
        issue("d", "retired", "low", "closed"),
    ];
    lake.write("issues", "two", "", issues).await;
    let events = vec![event("two", "c", "not_covered", "unknown"), event("two", "e", "fixed", "closed")];
    lake.write("issue_events", "two", "", events).await;
    lake.write("issue_events", "one", "", vec![event("one", "a", "opened", "open")]).await;
    lake
}

#[tokio::test]
async fn the_report_tells_what_is_wrong_what_changed_and_what_is_not_known() {
    let report = Report::read(&two_days().await.session().await, CHANGES_TOLD).await.unwrap();
    insta::assert_snapshot!(report.to_text(TextOptions { width: 80, all: false }), @r"
    Report of 2026-03-02 06:00 UTC (run two)
    1 account, 0 assets, 3 policies
    Score: 80.0 % of what was judged passes, 79.1 % could be judged; classic score 88 %

    severity  open issues  exempt  unknown  policies violated
    critical            2       0        1             1 of 1
    high                0       0        0             0 of 1
    medium              0       0        0             0 of 0
    low                 0       0        0             0 of 1

    policy  severity  violating  exempt  unknown
    public  critical    2 of 10                1
    broken  high         0 of 4           failed
    broken failed: it divides by zero
    1 more policy has no violation (--all shows them)

    Changes since 2026-03-01 06:00 UTC
      1 closed: fixed
        public  arn:e  shop
      1 unknown: could not be read
        public  arn:c  shop

    Not known, and so not judged
      shop (1): aws_sns_topic, request list denied in eu-west-1
        grant sns:ListTopics
        1 policy could not judge everything; last answered 2026-03-01 06:00 UTC
    ");
}

#[tokio::test]
async fn scores_follow_their_formulas() {
    let report = Report::read(&two_days().await.session().await, CHANGES_TOLD).await.unwrap();
    let scores = report.scores;
    // public passes 7, violates 2; tagged passes 10; broken is not judged: 100 * (7*10 + 10*1) / (9*10 + 10*1).
    assert_eq!(scores.passing_percent, Some(80.0));
    // 19 of 24 pairs were judged.
    assert_eq!(scores.judged_percent, Some(79.1));
    assert_eq!((scores.pairs, scores.passing, scores.violating, scores.unknown), (24, 17, 2, 5));
    // security: (80 * 10 + 100 * 5) / 15 = 86; tagging: 100; (86 * 50 + 100 * 10) / 60 = 88.
    assert_eq!(scores.classic_percent, Some(88));
}

#[tokio::test]
async fn an_evaluation_of_some_policies_replaces_only_theirs() {
    let lake = two_days().await;
    let later = json!({
        "run_id": "four", "stage": "evaluate", "status": "complete", "run_at": day(2), "started_at": day(3),
        "selection": "tagged", "scopes": 0, "problems": 0, "rows": 0, "host": "here", "process": 1, "pacbot_version": "0",
        "snapshot": [],
    });
    lake.write("runs", "four", "evaluate", vec![later]).await;
    lake.write("policy_runs", "four", "", vec![policy_run("four", "tagged", "low", "tagging", [10, 3, 0])]).await;
    let report = Report::read(&lake.session().await, CHANGES_TOLD).await.unwrap();
    let violating = report.policies.iter().map(|policy| (policy.policy_id.as_str(), policy.violating));
    assert_eq!(violating.collect::<Vec<_>>(), [("public", 2), ("broken", 0), ("tagged", 3)]);
}

#[tokio::test]
async fn issues_are_counted_from_a_severity_upwards() {
    let lake = two_days().await;
    let more = [("f", "high", "open"), ("g", "low", "open"), ("h", "low", "unknown"), ("i", "medium", "closed")];
    let more = more.map(|(id, severity, state)| issue(id, "public", severity, state)).to_vec();
    lake.write("issues", "three", "", more).await;
    let ctx = lake.session().await;
    for (severity, count) in [("critical", 2), ("high", 3), ("medium", 3), ("low", 4)] {
        assert_eq!(open_issues(&ctx, severity.parse().unwrap()).await.unwrap(), count, "{severity}");
    }
}

#[tokio::test]
async fn an_empty_lake_has_views_and_no_report() {
    let lake = TestLake::new().await;
    let ctx = lake.session().await;
    for (view, _) in VIEWS {
        ctx.table(*view).await.unwrap().collect().await.unwrap();
    }
    let error = Report::read(&ctx, CHANGES_TOLD).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing was evaluated yet; `pacbot run` does");
}

/// The worked example of PacBot's own dashboard: 93, 67, 79 and 50 % make 80.7, which it shows as 80.
#[tokio::test]
async fn the_classic_score_is_that_of_pacbots_dashboard() {
    let lake = TestLake::new().await;
    lake.stage("one", "evaluate", "complete", day(1), None).await;
    let categories = [("security", 93), ("governance", 67), ("costOptimization", 79), ("tagging", 50)];
    let (mut runs, mut issues) = (Vec::new(), Vec::new());
    for (category, percent) in categories {
        let open = 100 - percent;
        runs.push(policy_run("one", category, "high", category, [100, open, 0]));
        let id = |number: u64| format!("{category}-{number}");
        issues.extend((0..open).map(|number| issue(&id(number), category, "high", "open")));
    }
    lake.write("policy_runs", "one", "", runs).await;
    lake.write("issues", "one", "", issues).await;
    let report = Report::read(&lake.session().await, CHANGES_TOLD).await.unwrap();
    assert_eq!(report.scores.classic_percent, Some(80));
}

#[tokio::test]
async fn the_assets_are_those_that_the_evaluation_read() {
    let lake = two_days().await;
    let assets = async || Report::read(&lake.session().await, CHANGES_TOLD).await.unwrap().run.assets;
    assert_eq!(assets().await, 0, "an earlier version noted nothing, so they are counted");
    let noted = json!({
        "run_id": "four", "stage": "evaluate", "status": "complete", "run_at": day(4), "started_at": day(4), "assets": 42,
        "scopes": 0, "problems": 0, "rows": 0, "host": "here", "process": 1, "pacbot_version": "0", "snapshot": [],
    });
    lake.write("runs", "four", "evaluate", vec![noted]).await;
    assert_eq!(assets().await, 42);
}

#[tokio::test]
async fn the_assets_of_accounts_are_those_that_the_evaluation_counted() {
    let lake = two_days().await;
    let assets = async || {
        let report = Report::read(&lake.session().await, CHANGES_TOLD).await.unwrap();
        report.accounts.iter().map(|account| account.assets).collect::<Vec<_>>()
    };
    let count = async |at: DateTime<Utc>, assets: u64| {
        let counted = json!({"run_id": "four", "run_at": at, "account_id": "1", "assets": assets});
        lake.write("account_assets", "newest", "", vec![counted]).await;
    };
    count(day(2), 42).await;
    assert_eq!(assets().await, [0], "the evaluation noted nothing, so it may be another that counted");
    let noted = json!({
        "run_id": "four", "stage": "evaluate", "status": "complete", "run_at": day(4), "started_at": day(4), "assets": 42,
        "scopes": 0, "problems": 0, "rows": 0, "host": "here", "process": 1, "pacbot_version": "0", "snapshot": [],
    });
    lake.write("runs", "four", "evaluate", vec![noted]).await;
    assert_eq!(assets().await, [42], "one before it, of the same collection, counted");
    count(day(4), 41).await;
    assert_eq!(assets().await, [0], "another number of assets is another collection's");
    count(day(5), 42).await;
    assert_eq!(assets().await, [0], "what was counted later is not of this evaluation");
}

#[tokio::test]
async fn an_asset_with_several_issues_of_a_policy_is_one_asset() {
    let lake = two_days().await;
    let keyed = |id: &str, account: &str, asset: &str, key: &str| {
        let mut issue = issue(id, "public", "critical", "open");
        (issue["account_id"], issue["asset_id"], issue["key"]) = (account.into(), asset.into(), key.into());
        issue
    };
    // One account has assets with several issues, the other has not.
    let issues = vec![
        keyed("a", "1", "arn:a", "22"),
        keyed("b", "1", "arn:a", "3389"),
        keyed("c", "1", "arn:c", "22"),
        keyed("d", "2", "arn:d", ""),
        keyed("e", "2", "arn:e", ""),
    ];
    lake.write("issues", "two", "", issues).await;
    let look = Look::newest(&lake.lake, Groups::default(), day(9)).await.unwrap();
    let counts = async || {
        let sql = "select group_id, open_issues, open_assets from viewed_issue_counts";
        rows::<Value>(&look.ctx, "viewed_issue_counts", sql).await.unwrap()
    };
    assert_eq!(counts().await, [json!({ "group_id": "*", "open_issues": 5, "open_assets": 4 })]);
    look.limit(&Lens { groups: vec!["account:1".to_owned()], domain: None }).await.unwrap();
    assert_eq!(counts().await, [json!({ "group_id": "account:1", "open_issues": 3, "open_assets": 2 })]);
}

#[tokio::test]
async fn an_account_that_was_withdrawn_since_the_last_collection_of_everything_is_not_told() {
    let lake = two_days().await;
    let other = |run: &str, at: DateTime<Utc>, status: &str| {
        let mut row = covered(run, at, status);
        (row["account_id"], row["account_name"], row["run_id"]) = ("2".into(), "bank".into(), run.into());
        row
    };
    lake.write("coverage", "two", "other", vec![other("two", day(2), "complete")]).await;
    let accounts = async || {
        let report = Report::read(&lake.session().await, CHANGES_TOLD).await.unwrap();
        let told = report.accounts.into_iter().map(|account| (account.account_name, account.unanswered_requests));
        told.collect::<Vec<_>>()
    };
    assert_eq!(accounts().await, [("shop".to_owned(), 1), ("bank".to_owned(), 0)]);
    lake.stage("four", "collect", "complete", day(4), Some("aws_sns_topic")).await;
    lake.write("coverage", "four", "", vec![other("four", day(4), "withdrawn")]).await;
    assert_eq!(accounts().await, [("shop".to_owned(), 1)]);
}
