use std::collections::BTreeSet;

use chrono::{DateTime, TimeZone, Utc};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use pacbot_lake::{
    Lake, LakeSettings, Versions, all_assets, assets_schema, bare_session, from_batches, to_batch, with_text_views,
};
use pacbot_schemas::{AssetTypes, CoverageStatus, RunId};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalog::{Catalog, Checked};
use crate::coverage::Answers;
use crate::judging::{Judge, Judged};
use crate::overrides::Overrides;

const TYPE: &str = "aws_ec2_instance";
const OTHER: &str = "aws_sns_topic";

fn at() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 6, 0, 0).unwrap()
}

/// Instances of two accounts and two regions; `None` is null.
fn instance() -> impl Strategy<Value = Value> {
    let tags = prop::option::of(prop::collection::btree_map("[A-C]", prop::option::of("[x-z]"), 0..3));
    let groups = prop::option::of(prop::collection::vec("sg-[1-3]", 0..3));
    (
        prop::bool::ANY,
        prop::bool::ANY,
        prop::option::of(prop::sample::select(vec!["running", "stopped", "terminated"])),
        tags,
        prop::option::of(0i64..200),
        prop::option::of(prop::bool::ANY),
        groups,
        prop::sample::subsequence(vec!["termination_protection", "shutdown_behavior"], 0..2),
        prop::option::of(prop::option::of(prop::sample::select(vec!["required", "optional"]))),
    )
        .prop_map(|(account, region, state, tags, days, protected, groups, unread, tokens)| {
            let region = if region { "eu-west-1" } else { "us-east-1" };
            json!({
                "account_id": if account { "1" } else { "2" }, "region": region, "collected_in": region,
                "instance_state": state, "tags": tags, "unread": unread,
                "launch_time": days.map(|days| at() - chrono::Duration::days(days)),
                "disable_api_termination": protected,
                "security_groups": groups.map(|groups| groups.iter().map(|id| json!({"group_id": id})).collect::<Vec<_>>()),
                "metadata_options": tokens.map(|tokens| json!({"http_tokens": tokens})),
            })
        })
}

/// A condition on one row.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("instance_state = 'running'".to_owned()),
        Just("instance_state in ('stopped', 'terminated')".to_owned()),
        Just("tags['A'] is null".to_owned()),
        Just("tags['B'] <> 'x'".to_owned()),
        Just("coalesce(disable_api_termination, false)".to_owned()),
        Just("not disable_api_termination".to_owned()),
        Just("metadata_options['http_tokens'] <> 'required'".to_owned()),
        Just("array_length(security_groups) > 1".to_owned()),
        Just("region like 'eu-%'".to_owned()),
        (1u32..150).prop_map(|days| format!("launch_time < now() - interval '{days} days'")),
        (1u32..150).prop_map(|days| format!("date_diff_days > {days}")
            .replace("date_diff_days", "date_part('day', now() - launch_time)")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} and {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} or {other})")),
            inner.prop_map(|one| format!("(not {one})")),
        ]
    })
}

/// A policy's query: plain, in steps, or over all types.
fn query() -> impl Strategy<Value = (&'static str, String)> {
    (condition(), condition(), 0..5u8).prop_map(|(one, other, shape)| match shape {
        0 => (TYPE, format!("select asset_id, account_id, region, 'bad' as reason from {TYPE} where {one}")),
        1 => (
            TYPE,
            format!(
                "with chosen as (select asset_id, account_id, region, launch_time, tags, instance_state, disable_api_termination, metadata_options, security_groups, tags['A'] as tag from {TYPE} where {one}) \
                 select asset_id, account_id, region, 'tag ' || coalesce(tag, '?') as reason, launch_time, instance_state from chosen where {other} order by tag"
            ),
        ),
        2 => (
            "assets",
            "select asset_id, account_id, region, asset_type || ' in ' || region as reason from assets where tags['A'] is null or region like 'us-%'".to_owned(),
        ),
        // It says where its assets are; the one above has them looked up where it is judged alone.
        3 => (
            "assets",
            "select asset_id, account_id, region, 'not here' as reason, asset_type, collected_in from assets where region like 'us-%'".to_owned(),
        ),
        _ => (
            TYPE,
            format!("select asset_id, account_id, region, instance_state as reason from {TYPE} where instance_state is not null and {one}"),
        ),
    })
}

/// A request that was not answered.
fn unanswered() -> impl Strategy<Value = Option<(&'static str, CoverageStatus)>> {
    prop_oneof![
        3 => Just(None),
        1 => prop::sample::select(vec![
            ("list", CoverageStatus::Denied),
            ("termination_protection", CoverageStatus::Skipped),
            ("termination_protection", CoverageStatus::Failed),
        ]).prop_map(Some),
    ]
}

fn policy((place, (asset_type, query)): (usize, &(&str, String))) -> (String, String) {
    let front = format!(
        "id = \"policy-{place}\"\ntitle = \"t\"\nseverity = \"high\"\ncategory = \"security\"\nasset_type = \"{asset_type}\"\ndescription = \"d\"\nremediation = \"r\"\n"
    );
    (format!("policy-{place}.sql"), format!("/*---\n{front}---*/\n{query}\n"))
}

async fn judge(
    instances: &[Value],
    unanswered: Option<(&str, CoverageStatus)>,
    is_remote: bool,
) -> (Arc<Judge>, tempfile::TempDir, Arc<AssetTypes>) {
    let folder = tempfile::tempdir().unwrap();
    let types = Arc::new(AssetTypes::embedded().unwrap());
    let location = folder.path().to_str().unwrap().to_owned();
    let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types.clone()).await.unwrap();
    let ctx = bare_session(64 << 20, at()).unwrap();
    let topics = [json!({"asset_id": "topic", "account_id": "1", "region": "us-east-1", "collected_in": "us-east-1"})];
    let mut tables = Vec::new();
    for (name, rows) in [(TYPE, instances), (OTHER, &topics[..])] {
        let schema = with_text_views(&types.get(name).unwrap().schema());
        let batch = to_batch(name, schema.clone(), rows).unwrap();
        // Several partitions and batches, as of several files.
        let half = batch.num_rows() / 2;
        let parts = vec![vec![batch.slice(0, half)], vec![batch.slice(half, batch.num_rows() - half)]];
        let table = Arc::new(MemTable::try_new(schema, parts).unwrap());
        ctx.register_table(name, table.clone()).unwrap();
        tables.push((types.get(name).unwrap().asset_type.clone(), table as Arc<dyn TableProvider>));
    }
    ctx.register_table("assets", all_assets(with_text_views(&assets_schema()), tables)).unwrap();
    let members = ctx.sql("select '' as group_id, '' as asset_type, '' as asset_id where false").await.unwrap();
    ctx.register_table("group_members", members.into_view()).unwrap();
    let mut answers = Answers::default();
    for name in [TYPE, OTHER] {
        for request in types.get(name).unwrap().requests.keys() {
            for account in ["1", "2"] {
                for region in ["eu-west-1", "us-east-1"] {
                    let is_hit = name == TYPE && account == "2" && region == "us-east-1";
                    let status = unanswered.filter(|(hit, _)| is_hit && hit == request).map(|(_, status)| status);
                    let status = status.unwrap_or(CoverageStatus::Complete);
                    answers.note(&[account, region, name, request, status.as_str()]).unwrap();
                }
            }
        }
    }
    let judge = Judge {
        ctx,
        is_remote,
        schema: lake.schema_of("violations").unwrap(),
        lake,
        answers,
        landed: BTreeSet::from([TYPE.to_owned(), OTHER.to_owned()]),
        before: None,
        counts: tokio::sync::Mutex::default(),
        regions: tokio::sync::Mutex::default(),
        versions: Versions::default(),
        run_id: RunId::new("run").unwrap(),
        at: at(),
    };
    (Arc::new(judge), folder, types)
}

/// What was found, in an order of its own: counts, and violations as JSON.
async fn found(judged: Judged) -> (String, [u64; 4], Vec<String>) {
    let run = &judged.run;
    assert_eq!(run.error, None);
    let counts = [run.assets, run.unknown, run.violating, run.violations];
    let mut rows = Vec::new();
    for found in judged.found {
        let rows_of = found.into_spool().into_stream();
        let batches: Vec<RecordBatch> = futures::TryStreamExt::try_collect(rows_of).await.unwrap();
        rows.extend(from_batches::<Value>("violations", &batches).unwrap().iter().map(Value::to_string));
    }
    rows.sort();
    (run.policy_id.to_string(), counts, rows)
}

/// What was found of all policies.
async fn all_found(judge: &Arc<Judge>, enabled: &[Arc<Checked>]) -> Vec<(String, [u64; 4], Vec<String>)> {
    let mut together = Vec::new();
    let mut judged = crate::sharing::judge_all(judge, enabled);
    while let Some(judged) = judged.next().await {
        together.push(found(judged.unwrap()).await);
    }
    together.sort();
    together
}

async fn together_and_alone(instances: &[Value], queries: &[(&str, String)], gap: Option<(&str, CoverageStatus)>) {
    let (far, _folder, _) = judge(instances, gap, true).await;
    let (judge, _folder, types) = judge(instances, gap, false).await;
    let files: Vec<(String, String)> = queries.iter().enumerate().map(policy).collect();
    let files = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    let catalog = Catalog::load(files, &types, &Overrides::default()).await.unwrap();
    let enabled: Vec<Arc<Checked>> = catalog.iter().cloned().collect();
    let looks_at_a_row = |checked: &Arc<Checked>| checked.row.is_some() || checked.reads.is_empty();
    assert!(enabled.iter().all(looks_at_a_row), "all of them look at one row at a time, or at none: {queries:?}");
    let together = all_found(&judge, &enabled).await;
    assert_eq!(all_found(&far, &enabled).await, together, "of {queries:?} and fetched rows alone");
    let (mut alone, mut planned_anew) = (Vec::new(), Vec::new());
    for checked in &enabled {
        alone.push(found(judge.clone().policy(judge.due(checked.clone())).await.unwrap()).await);
        let anew = Arc::new(Checked { optimised: None, ..checked.as_ref().clone() });
        planned_anew.push(found(judge.clone().policy(judge.due(anew)).await.unwrap()).await);
    }
    alone.sort();
    planned_anew.sort();
    assert_eq!(together, alone, "of {queries:?}");
    assert_eq!(alone, planned_anew, "of {queries:?}");
}

fn numbered(mut instances: Vec<Value>) -> Vec<Value> {
    for (place, instance) in instances.iter_mut().enumerate() {
        instance["asset_id"] = json!(format!("i-{place}"));
    }
    instances
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_scan_finds_what_each_policy_finds(
        instances in prop::collection::vec(instance(), 0..40).prop_map(numbered),
        queries in prop::collection::vec(query(), 1..5),
        gap in unanswered(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(together_and_alone(&instances, &queries, gap));
    }
}

#[tokio::test]
async fn a_policy_that_fails_leaves_the_others_of_its_scan_alone() {
    let instances = numbered(vec![
        json!({"account_id": "1", "region": "eu-west-1", "collected_in": "eu-west-1", "instance_state": "running"}),
    ]);
    let (judge, _folder, types) = judge(&instances, None, false).await;
    let queries = [
        (
            TYPE,
            format!(
                "select asset_id, account_id, region, 'bad' as reason from {TYPE} where cast(instance_state as bigint) > 0"
            ),
        ),
        (
            TYPE,
            format!(
                "select asset_id, account_id, region, 'bad' as reason from {TYPE} where instance_state = 'running'"
            ),
        ),
    ];
    let files: Vec<(String, String)> = queries.iter().enumerate().map(policy).collect();
    let files = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    let catalog = Catalog::load(files, &types, &Overrides::default()).await.unwrap();
    let enabled: Vec<Arc<Checked>> = catalog.iter().cloned().collect();
    let mut judged = crate::sharing::judge_all(&judge, &enabled);
    let mut ended = Vec::new();
    while let Some(judged) = judged.next().await {
        let run = judged.unwrap().run;
        ended.push((run.policy_id.to_string(), run.error.is_some(), run.violations));
    }
    ended.sort();
    assert_eq!(ended, [("policy-0".to_owned(), true, 0), ("policy-1".to_owned(), false, 1)]);
}
