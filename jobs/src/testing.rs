//! A lake for tests, with days on which something was answered, evaluated and compared.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, TimeZone, Utc};
use datafusion::prelude::col;
use pacbot_evaluate::{Catalog, InProcess, Overrides, Task, evaluate};
use pacbot_lake::{
    Answered, Groups, Lake, LakeSettings, Landing, RunRow, ScopeKey, SessionOptions, StagedRows, folded_issues,
    from_batches, snapshot_of, to_batch,
};
use pacbot_schemas::{AccountId, AssetTypes, Region, RunId, RunStatus, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::diff::{append_events, diff};

/// The type of all assets.
pub(crate) const TYPE: &str = "aws_sns_topic";

#[derive(Debug)]
struct Rows(Vec<RecordBatch>);

impl StagedRows for Rows {
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
        Box::new(self.0.clone().into_iter().map(Ok))
    }
}

/// How an account was answered on a day.
pub(crate) enum Said {
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
pub(crate) struct Days {
    pub(crate) lake: Lake,
    pub(crate) day: u32,
    pub(crate) folder: tempfile::TempDir,
}

impl Days {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("lake").to_str().unwrap().to_owned();
        let types = Arc::new(AssetTypes::embedded().unwrap());
        let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
        Self { lake, day: 0, folder }
    }

    /// One run: lands what the accounts said, evaluates `policies`, compares. Yields the events as
    /// "issue: from -> to (cause)".
    pub(crate) async fn run(&mut self, said: &[(&str, Said)], policies: &[(&str, &str)], is_full: bool) -> Vec<String> {
        self.day += 1;
        let at = Utc.with_ymd_and_hms(2026, 3, self.day, 6, 0, 0).unwrap();
        let run_id = RunId::new(format!("day-{}", self.day)).unwrap();
        let snapshot = self.land(said, &run_id, at).await;
        self.judge(&snapshot, &run_id, policies, is_full).await
    }

    pub(crate) async fn land(&self, said: &[(&str, Said)], run_id: &RunId, at: DateTime<Utc>) -> RunRow {
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
                        "content_hash": content_hash(&(account, name, encrypted, *name == unread)), "raw": "{}",
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
        let row = RunRow {
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
            assets: None,
            open_issues: None,
            selection: None,
            host: String::new(),
            process: 0,
            pacbot_version: String::new(),
        };
        self.lake.save_run(&row).await.unwrap();
        row
    }

    pub(crate) async fn judge(
        &self,
        snapshot: &RunRow,
        run_id: &RunId,
        policies: &[(&str, &str)],
        is_full: bool,
    ) -> Vec<String> {
        let stage = self.evaluate(snapshot, run_id, policies, is_full).await;
        let diffed = diff(&self.lake, run_id, snapshot, is_full).await.unwrap();
        let open_issues = Some(diffed.open);
        self.lake.save_run(&RunRow { stage: Stage::Diff, open_issues, ..stage }).await.unwrap();
        append_events(&self.lake, run_id, snapshot, is_full, true).await.unwrap();
        let events: Vec<Event> = self.rows("select * from issue_events order by sequence, policy_id, asset_id").await;
        let newest = events.iter().filter(|event| event.run_id == run_id.as_str());
        let newest = newest.map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(diffed.events(), newest.len() as u64, "comparing all policies finds nothing more: {newest:?}");
        let ctx = self.lake.session(SessionOptions::newest(Utc::now())).await.unwrap();
        let folded = folded_issues(&ctx, 0).await.unwrap().sort_by(vec![col("issue_id")]).unwrap();
        let folded: Vec<Value> = from_batches("folded", &folded.collect().await.unwrap()).unwrap();
        let kept: Vec<Value> = self.rows("select * from issues order by issue_id").await;
        let open = kept.iter().filter(|issue| issue["state"] == "open").count();
        assert_eq!(diffed.open, open as u64, "{kept:?}");
        assert_eq!(kept, folded, "folding the new events into the issues is folding all events");
        newest
    }

    /// Evaluates without comparing; yields the row of the run.
    pub(crate) async fn evaluate(
        &self,
        snapshot: &RunRow,
        run_id: &RunId,
        policies: &[(&str, &str)],
        is_full: bool,
    ) -> RunRow {
        let runs = self.lake.runs().await.unwrap();
        let before = runs.iter().rev().find(|row| row.stage == Stage::Evaluate && &row.run_id != run_id);
        self.evaluate_after(before.map(Arc::as_ref), snapshot, run_id, policies).await;
        let selection = (!is_full).then(|| "some".to_owned());
        let row = RunRow { run_id: run_id.clone(), stage: Stage::Evaluate, selection, ..snapshot.clone() };
        self.lake.save_run(&row).await.unwrap();
        row
    }

    /// Evaluates everything, as a run that nobody hears of.
    pub(crate) async fn evaluate_anew(&self, snapshot: &RunRow, run_id: &RunId, policies: &[(&str, &str)]) {
        self.evaluate_after(None, snapshot, run_id, policies).await;
    }

    async fn evaluate_after(
        &self,
        before: Option<&RunRow>,
        snapshot: &RunRow,
        run_id: &RunId,
        policies: &[(&str, &str)],
    ) {
        let files: Vec<(String, String)> =
            policies.iter().map(|(id, sql)| (format!("{id}.sql"), policy(id, sql))).collect();
        let files = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let catalog = Catalog::load(files, self.lake.types(), &Overrides::default()).await.unwrap();
        let enabled: Vec<_> = catalog.iter().cloned().collect();
        let task = Task { snapshot, run_id, before, engine: &InProcess };
        evaluate(&self.lake, &enabled, Groups::default(), task, &|_| {}).await.unwrap();
    }

    pub(crate) async fn rows<T: serde::de::DeserializeOwned>(&self, sql: &str) -> Vec<T> {
        let ctx = self.lake.session(SessionOptions::newest(Utc::now())).await.unwrap();
        from_batches("rows", &ctx.sql(sql).await.unwrap().collect().await.unwrap()).unwrap()
    }
}

/// The same for the same asset that says the same.
fn content_hash(content: &impl Hash) -> i64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    i64::from_ne_bytes(hasher.finish().to_ne_bytes())
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
