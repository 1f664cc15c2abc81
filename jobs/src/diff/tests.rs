use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, TimeZone, Utc};
use pacbot_evaluate::{Catalog, Overrides, evaluate};
use pacbot_lake::{
    Answered, Groups, Lake, LakeSettings, Landing, RunRow, ScopeKey, StagedRows, from_batches, snapshot_of, to_batch,
};
use pacbot_schemas::{AccountId, AssetTypes, Region, RunId, RunStatus, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

const TYPE: &str = "aws_sns_topic";
const ENCRYPTED: &str =
    "select asset_id, account_id, region, 'not encrypted' as reason from aws_sns_topic where kms_master_key_id is null";
const NAMED: &str =
    "select asset_id, account_id, region, 'has no name' as reason from aws_sns_topic where name is null";

#[derive(Debug)]
struct Rows(Vec<RecordBatch>);

impl StagedRows for Rows {
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
        Box::new(self.0.clone().into_iter().map(Ok))
    }
}

/// How an account was answered on a day.
enum Said {
    /// All topics: their names, and whether they are encrypted.
    Topics(&'static [(&'static str, bool)]),
    /// All topics, but for those named here the attributes were not read.
    Unread(&'static [(&'static str, bool)], &'static str),
    /// Nothing.
    Denied,
    /// The configuration has dropped the account.
    Withdrawn,
}

/// A lake whose days are answered, evaluated and compared like in real life.
struct Days {
    lake: Lake,
    day: u32,
    _folder: tempfile::TempDir,
}

impl Days {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().to_str().unwrap().to_owned();
        let types = Arc::new(AssetTypes::embedded().unwrap());
        let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
        Self { lake, day: 0, _folder: folder }
    }

    /// One run: lands what the accounts said, evaluates `policies`, compares. Yields the events as
    /// "issue: from -> to (cause)".
    async fn run(&mut self, said: &[(&str, Said)], policies: &[(&str, &str)], is_full: bool) -> Vec<String> {
        self.day += 1;
        let at = Utc.with_ymd_and_hms(2026, 3, self.day, 6, 0, 0).unwrap();
        let run_id = RunId::new(format!("day-{}", self.day)).unwrap();
        let snapshot = self.land(said, &run_id, at).await;
        self.judge(&snapshot, &run_id, policies, is_full).await
    }

    async fn land(&self, said: &[(&str, Said)], run_id: &RunId, at: DateTime<Utc>) -> RunRow {
        let def = self.lake.types().get(TYPE).unwrap().clone();
        let key = |account: &str| ScopeKey {
            account_id: AccountId::new(account).unwrap(),
            region: Region::new("eu-west-1").unwrap(),
        };
        let mut landing = Landing { run_at: at, ..Landing::default() };
        let mut coverage = Vec::new();
        for (account, said) in said {
            let (topics, unread, status) = match said {
                Said::Topics(topics) => (*topics, "", "complete"),
                Said::Unread(topics, name) => (*topics, *name, "complete"),
                Said::Denied => ([].as_slice(), "", "denied"),
                Said::Withdrawn => ([].as_slice(), "", "withdrawn"),
            };
            for request in def.requests.keys() {
                let status = if request != "list" && !unread.is_empty() { "denied" } else { status };
                coverage.push(json!({
                    "run_id": run_id, "collected_at": at, "account_id": account, "region": "eu-west-1",
                    "asset_type": TYPE, "request": request, "status": status,
                }));
            }
            match status {
                "complete" => {
                    let rows: Vec<Value> = topics.iter().map(|(name, encrypted)| json!({
                        "asset_id": format!("{account}/{name}"), "name": name, "account_id": account,
                        "region": "eu-west-1", "collected_in": "eu-west-1", "first_seen_at": at, "collected_at": at,
                        "content_hash": i64::from(*encrypted) + i64::from(self.day), "raw": "{}",
                        "kms_master_key_id": encrypted.then_some("key"),
                        "unread": if *name == unread { vec!["attributes"] } else { vec![] },
                    })).collect();
                    let batch = to_batch(TYPE, def.schema(), &rows).unwrap();
                    landing.answered.push(Answered { scope: key(account), rows: Arc::new(Rows(vec![batch])) });
                }
                "withdrawn" => landing.withdrawn.push(key(account)),
                _ => {}
            }
        }
        let landed = self.lake.land(&def, &landing).await.unwrap();
        let covered = self.lake.replace_run_values("coverage", run_id, "", &coverage, at).await.unwrap();
        let versions = BTreeMap::from([(TYPE.to_owned(), landed.version), ("coverage".to_owned(), covered)]);
        RunRow {
            run_id: run_id.clone(),
            stage: Stage::Collect,
            status: RunStatus::Complete,
            run_at: at,
            started_at: at,
            finished_at: Some(at),
            snapshot: snapshot_of(&versions),
            scopes: 0,
            problems: 0,
            rows: 0,
            selection: None,
            host: String::new(),
            process: 0,
            pacbot_version: String::new(),
        }
    }

    async fn judge(&self, snapshot: &RunRow, run_id: &RunId, policies: &[(&str, &str)], is_full: bool) -> Vec<String> {
        let files: Vec<(String, String)> =
            policies.iter().map(|(id, sql)| (format!("{id}.sql"), policy(id, sql))).collect();
        let files = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let catalog = Catalog::load(files, self.lake.types(), &Overrides::default()).await.unwrap();
        let enabled: Vec<_> = catalog.iter().cloned().collect();
        evaluate(&self.lake, &enabled, Groups::default(), snapshot, run_id, &|_| {}).await.unwrap();
        let diffed = diff(&self.lake, run_id, snapshot, is_full).await.unwrap();
        let events: Vec<Event> = self.rows("select * from issue_events order by sequence, policy_id, asset_id").await;
        let newest = events.iter().filter(|event| event.run_id == run_id.as_str());
        let newest = newest.map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(diffed.events(), newest.len() as u64);
        newest
    }

    async fn rows<T: serde::de::DeserializeOwned>(&self, sql: &str) -> Vec<T> {
        let ctx = self.lake.session(SessionOptions::newest(Utc::now())).await.unwrap();
        from_batches("rows", &ctx.sql(sql).await.unwrap().collect().await.unwrap()).unwrap()
    }
}

fn policy(id: &str, sql: &str) -> String {
    format!(
        "/*---\nid = \"{id}\"\ntitle = \"t\"\nseverity = \"high\"\ncategory = \"security\"\nasset_type = \"{TYPE}\"\ndescription = \"d\"\nremediation = \"r\"\n---*/\n{sql}\n"
    )
}

#[derive(Debug, Deserialize)]
struct Event {
    run_id: String,
    policy_id: String,
    asset_id: String,
    #[serde(default)]
    from_state: Option<String>,
    to_state: String,
    cause: String,
    occurrence: u64,
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let from = self.from_state.as_deref().unwrap_or("none");
        write!(
            f,
            "{} {}: {from} -> {} ({}, {})",
            self.policy_id, self.asset_id, self.to_state, self.cause, self.occurrence
        )
    }
}

const POLICY: &[(&str, &str)] = &[("encrypted", ENCRYPTED)];

#[tokio::test]
async fn an_issue_opens_closes_as_fixed_and_opens_again() {
    let mut days = Days::new().await;
    let opened = days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    assert_eq!(opened, ["encrypted 1/a: none -> open (opened, 1)"]);
    let same = days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    assert_eq!(same, [] as [&str; 0]);
    let fixed = days.run(&[("1", Said::Topics(&[("a", true), ("b", true)]))], POLICY, true).await;
    assert_eq!(fixed, ["encrypted 1/a: open -> closed (fixed, 1)"]);
    let again = days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    assert_eq!(again, ["encrypted 1/a: closed -> open (reopened, 2)"]);

    #[derive(Debug, Deserialize)]
    struct Issue {
        first_opened_at: DateTime<Utc>,
        opened_at: DateTime<Utc>,
        occurrence: u64,
        #[serde(default)]
        closed_at: Option<DateTime<Utc>>,
    }
    let issues: Vec<Issue> = days.rows("select * from issues").await;
    let day = |day| Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap();
    assert_eq!(issues.len(), 1);
    assert_eq!((issues[0].first_opened_at, issues[0].opened_at), (day(1), day(4)));
    assert_eq!((issues[0].occurrence, issues[0].closed_at), (2, None));
}

#[tokio::test]
async fn what_is_gone_from_an_answered_scope_closes() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false), ("b", false)]))], POLICY, true).await;
    let gone = days.run(&[("1", Said::Topics(&[("b", false)]))], POLICY, true).await;
    assert_eq!(gone, ["encrypted 1/a: open -> closed (asset_gone, 1)"]);
    let empty = days.run(&[("1", Said::Topics(&[]))], POLICY, true).await;
    assert_eq!(empty, ["encrypted 1/b: open -> closed (asset_gone, 1)"], "an empty whole answer is real");
}

#[tokio::test]
async fn what_was_not_answered_becomes_unknown_and_comes_back() {
    let mut days = Days::new().await;
    let both = || [("1", Said::Topics(&[("a", false)])), ("2", Said::Topics(&[("a", false)]))];
    days.run(&both(), POLICY, true).await;
    let denied = days.run(&[("1", Said::Denied), ("2", Said::Topics(&[("a", false)]))], POLICY, true).await;
    assert_eq!(denied, ["encrypted 1/a: open -> unknown (not_covered, 1)"]);
    let still = days.run(&[("1", Said::Denied), ("2", Said::Topics(&[("a", false)]))], POLICY, true).await;
    assert_eq!(still, [] as [&str; 0]);
    assert_eq!(days.run(&both(), POLICY, true).await, ["encrypted 1/a: unknown -> open (judged_again, 1)"]);
    let fixed_unseen = [("1", Said::Denied), ("2", Said::Denied)];
    days.run(&fixed_unseen, POLICY, true).await;
    let fixed = days.run(&[("1", Said::Topics(&[("a", true)])), ("2", Said::Denied)], POLICY, true).await;
    assert_eq!(fixed, ["encrypted 1/a: unknown -> closed (fixed, 1)"]);
}

#[tokio::test]
async fn one_asset_whose_attributes_were_not_read_is_unknown() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false), ("b", false)]))], POLICY, true).await;
    let unread = days.run(&[("1", Said::Unread(&[("a", false), ("b", true)], "a"))], POLICY, true).await;
    assert_eq!(
        unread,
        ["encrypted 1/a: open -> unknown (not_covered, 1)", "encrypted 1/b: open -> closed (fixed, 1)"],
        "its null is no violation, and no proof either"
    );
}

#[tokio::test]
async fn a_withdrawn_account_and_a_withdrawn_policy_close() {
    let mut days = Days::new().await;
    let policies = [("encrypted", ENCRYPTED), ("named", NAMED)];
    days.run(&[("1", Said::Topics(&[("a", false)])), ("2", Said::Topics(&[("a", false)]))], &policies, true).await;
    let withdrawn = days.run(&[("1", Said::Topics(&[("a", false)])), ("2", Said::Withdrawn)], &policies, true).await;
    assert_eq!(withdrawn, ["encrypted 2/a: open -> closed (out_of_scope, 1)"]);
    let partial = days.run(&[("1", Said::Topics(&[("a", true)]))], &policies[1..], false).await;
    assert_eq!(partial, [] as [&str; 0], "a policy that was not selected keeps its issues");
    let retired = days.run(&[("1", Said::Topics(&[("a", true)]))], &policies[1..], true).await;
    assert_eq!(retired, ["encrypted 1/a: open -> closed (policy_retired, 1)"]);
}

#[tokio::test]
async fn a_failed_policy_closes_nothing() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false)]))], POLICY, true).await;
    let broken = "select asset_id, account_id, region, cast(cast(name as bigint) as varchar) as reason from aws_sns_topic where kms_master_key_id is null or cast(name as bigint) > 0";
    let failed = days.run(&[("1", Said::Topics(&[("a", true)]))], &[("encrypted", broken)], true).await;
    assert_eq!(failed, ["encrypted 1/a: open -> unknown (policy_failed, 1)"]);
}

#[tokio::test]
async fn comparing_twice_changes_nothing_and_issues_catch_up() {
    let mut days = Days::new().await;
    let said = [("1", Said::Topics(&[("a", false), ("b", false)]))];
    days.run(&said, POLICY, true).await;
    let run_id = RunId::new("day-1").unwrap();
    let at = Utc.with_ymd_and_hms(2026, 3, 1, 6, 0, 0).unwrap();
    let snapshot = days.land(&said, &run_id, at).await;
    let version = days.lake.table("issue_events").await.unwrap().unwrap().version();
    assert_eq!(diff(&days.lake, &run_id, &snapshot, true).await.unwrap().events(), 2, "those of the first time");
    assert_eq!(days.lake.table("issue_events").await.unwrap().unwrap().version(), version);

    // As after a kill between the events and the issues.
    let issues = days.lake.table("issues").await.unwrap().unwrap().version();
    let nothing = futures::stream::empty();
    days.lake.commit_on("issues", Some(issues), nothing, true, at).await.unwrap();
    let diffed = diff(&days.lake, &run_id, &snapshot, true).await.unwrap();
    assert_eq!((diffed.events(), diffed.open), (2, 2));
}
