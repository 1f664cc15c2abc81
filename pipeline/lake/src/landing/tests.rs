use arrow::json::ReaderBuilder;
use pacbot_schemas::AssetTypes;
use serde_json::json;

use super::*;
use crate::session::{SessionOptions, Versions};
use crate::settings::LakeSettings;

const VPC: &str = r#"
table    = "aws_vpc"
doc      = "VPCs."
asset_id = "arn:{partition}:ec2:{region}:{account_id}:vpc/{vpc_id}"
name     = "{vpc_id}"

[request.list]
service    = "ec2"
protocol   = "ec2"
version    = "2016-11-15"
operation  = "DescribeVpcs"
items      = "vpcSet[]"
permission = "ec2:DescribeVpcs"

[columns]
vpc_id = { type = "string", key = true, doc = "Its id." }
tags   = { type = "map", doc = "Tags." }
"#;

#[derive(Debug)]
struct Rows(Vec<RecordBatch>);

impl StagedRows for Rows {
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
        Box::new(self.0.clone().into_iter().map(Ok))
    }
}

struct TestLake {
    lake: Lake,
    def: Arc<AssetTypeDef>,
    folder: tempfile::TempDir,
}

fn at(day: u32) -> DateTime<Utc> {
    format!("2026-01-{day:02}T06:00:00Z").parse().unwrap()
}

fn scope(account: &str, region: &str) -> ScopeKey {
    ScopeKey { account_id: AccountId::new(account).unwrap(), region: Region::new(region).unwrap() }
}

impl TestLake {
    async fn new() -> Self {
        Self::with_memory(LakeSettings::default().memory).await
    }

    async fn with_memory(memory: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let types = Arc::new(AssetTypes::parse([("vpc.toml", VPC)]).unwrap());
        let location = folder.path().display().to_string();
        let settings = LakeSettings { location, memory, ..LakeSettings::default() };
        let def = types.get("aws_vpc").unwrap().clone();
        Self { lake: Lake::open(settings, types).await.unwrap(), def, folder }
    }

    fn answered(&self, account: &str, region: &str, day: u32, vpcs: &[(&str, i64)]) -> Answered {
        let rows: Vec<_> = vpcs.iter().map(|(vpc, hash)| json!({
            "asset_id": format!("{account}/{vpc}"), "account_id": account, "region": region, "collected_in": region, "vpc_id": vpc,
            "tags": {"Name": vpc}, "first_seen_at": at(day), "collected_at": at(day), "content_hash": hash, "raw": "{}",
        })).collect();
        let mut decoder = ReaderBuilder::new(self.def.schema()).build_decoder().unwrap();
        decoder.serialize(&rows).unwrap();
        Answered { scope: scope(account, region), rows: Arc::new(Rows(decoder.flush().unwrap().into_iter().collect())) }
    }

    async fn land(&self, day: u32, answered: Vec<Answered>) -> Landed {
        self.lake.land(&self.def, &Landing { answered, run_at: at(day), ..Landing::default() }).await.unwrap()
    }

    async fn rows(&self, sql: &str) -> String {
        let ctx = self.lake.session(SessionOptions::newest(at(31))).await.unwrap();
        let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        let table = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        table
            .lines()
            .filter(|line| line.starts_with("| "))
            .skip(1)
            .map(|line| line.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

const CURRENT: &str = "select asset_id, cast(first_seen_at as date) as f, tags['Name'] as n from aws_vpc order by 1";

#[tokio::test]
async fn only_answered_scopes_are_replaced_and_first_seen_survives() {
    let test = TestLake::new().await;
    test.land(1, vec![test.answered("1", "eu", 1, &[("a", 1), ("b", 2)]), test.answered("2", "eu", 1, &[("c", 3)])])
        .await;
    let landed = test.land(2, vec![test.answered("1", "eu", 2, &[("b", 20), ("d", 4)])]).await;
    assert_eq!(landed.assets, 3);
    assert_eq!(test.rows(CURRENT).await, "1/b 2026-01-01 b\n1/d 2026-01-02 d\n2/c 2026-01-01 c");
    let history = "select asset_id, cast(seen_from as date) as f, cast(seen_until as date) as t from aws_vpc_history order by 1, 2";
    assert_eq!(
        test.rows(history).await,
        "1/a 2026-01-01 2026-01-02\n1/b 2026-01-01 2026-01-02\n1/b 2026-01-02\n1/d 2026-01-02\n2/c 2026-01-01"
    );
}

#[tokio::test]
async fn the_same_answer_writes_nothing_and_an_empty_one_is_real() {
    let test = TestLake::new().await;
    let first = test.land(1, vec![test.answered("1", "eu", 1, &[("a", 1), ("b", 2)])]).await;
    let again = test.land(2, vec![test.answered("1", "eu", 2, &[("b", 2), ("a", 1)])]).await;
    assert_eq!((again.version, again.changed), (first.version, false));
    let empty = test.land(3, vec![test.answered("1", "eu", 3, &[])]).await;
    assert_eq!((empty.version, empty.assets), (first.version + 1, 0));
    assert_eq!(test.rows(CURRENT).await, "");
    assert_eq!(test.rows("select asset_id from aws_vpc_history order by 1").await, "1/a\n1/b");
}

#[tokio::test]
async fn a_scope_that_shrinks_too_much_is_held_until_it_says_so_twice() {
    let test = TestLake::new().await;
    let names: Vec<String> = (0..20).map(|number| format!("v{number}")).collect();
    let many: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 7)).collect();
    test.land(1, vec![test.answered("1", "eu", 1, &many)]).await;
    let half = test.land(2, vec![test.answered("1", "eu", 2, &many[..10])]).await;
    assert_eq!(half.scopes[0].held, None, "half is not more than half");
    test.land(3, vec![test.answered("1", "eu", 3, &many)]).await;
    let held = test.land(4, vec![test.answered("1", "eu", 4, &many[..9])]).await;
    assert_eq!((held.scopes[0].held, held.changed, held.assets), (Some(20), false, 20));

    let held_before = BTreeMap::from([(scope("1", "eu"), held.scopes[0].fingerprint.clone())]);
    let landing = Landing {
        answered: vec![test.answered("1", "eu", 5, &many[..9])],
        held_before,
        run_at: at(5),
        ..Landing::default()
    };
    let believed = test.lake.land(&test.def, &landing).await.unwrap();
    assert_eq!((believed.scopes[0].held, believed.assets), (None, 9));
}

#[tokio::test]
async fn a_withdrawn_scope_leaves_the_table_and_stays_in_history() {
    let test = TestLake::new().await;
    test.land(1, vec![test.answered("1", "eu", 1, &[("a", 1)]), test.answered("2", "eu", 1, &[("c", 3)])]).await;
    let landing = Landing { withdrawn: vec![scope("2", "eu")], run_at: at(2), ..Landing::default() };
    test.lake.land(&test.def, &landing).await.unwrap();
    assert_eq!(test.rows("select asset_id from aws_vpc").await, "1/a");
    assert_eq!(test.rows("select asset_id from aws_vpc_history order by 1").await, "1/a\n2/c");
}

#[tokio::test]
async fn writers_that_race_lose_nothing() {
    let test = TestLake::new().await;
    let accounts: Vec<String> = (1..=6).map(|number| number.to_string()).collect();
    let writes =
        accounts.iter().map(|account| test.land(1, vec![test.answered(account, "eu", 1, &[("a", 1), ("b", 2)])]));
    futures::future::join_all(writes).await;
    assert_eq!(test.rows("select count(*) from aws_vpc").await, "12");
}

#[tokio::test]
async fn a_pinned_session_does_not_see_what_lands_later() {
    let test = TestLake::new().await;
    let first = test.land(1, vec![test.answered("1", "eu", 1, &[("a", 1)])]).await;
    let pinned = SessionOptions {
        versions: Versions(BTreeMap::from([("aws_vpc".to_owned(), first.version)])),
        ..SessionOptions::newest(at(1))
    };
    test.land(2, vec![test.answered("1", "eu", 2, &[("b", 2)])]).await;
    let ctx = test.lake.session(pinned).await.unwrap();
    let batches = ctx.sql("select vpc_id from aws_vpc").await.unwrap().collect().await.unwrap();
    assert_eq!(batches[0].column(0).as_string::<i32>().value(0), "a");
}

#[tokio::test]
async fn optimize_and_vacuum_keep_what_readers_see() {
    let test = TestLake::new().await;
    for (day, account) in [(1, "1"), (2, "3"), (3, "5")] {
        test.land(day, vec![test.answered(account, "eu", day, &[("a", 1)])]).await;
    }
    let files = |table: Table| table.files().unwrap().len();
    assert_eq!(
        files(test.lake.table("aws_vpc").await.unwrap().unwrap()),
        3,
        "accounts that no file spans are added beside it"
    );
    let history = "select asset_id, cast(seen_from as date) as f, seen_until from aws_vpc_history order by 1";
    let before = (test.rows(CURRENT).await, test.rows(history).await);
    assert_eq!(test.lake.optimize("aws_vpc", at(4)).await.unwrap().after, 1);
    assert_eq!((test.rows(CURRENT).await, test.rows(history).await), before);
    assert_eq!(test.lake.vacuum("aws_vpc", chrono::Duration::days(400), false).await.unwrap(), 0);
    assert_eq!(test.lake.vacuum("aws_vpc", chrono::Duration::zero(), true).await.unwrap(), 3);
}

#[tokio::test]
async fn a_table_that_gained_a_column_is_optimized_as_it_is_defined_now() {
    let test = TestLake::new().await;
    for (day, account) in [(1, "1"), (2, "3")] {
        test.land(day, vec![test.answered(account, "eu", day, &[("a", 1)])]).await;
    }
    let more = format!("{VPC}cidr   = {{ type = \"string\", doc = \"Its block.\" }}\n");
    let types = Arc::new(AssetTypes::parse([("vpc.toml", more.as_str())]).unwrap());
    let lake = Lake::open(test.lake.settings.as_ref().clone(), types).await.unwrap();
    assert_eq!(lake.optimize("aws_vpc", at(3)).await.unwrap().after, 1);
    let test = TestLake { lake, ..test };
    assert_eq!(test.rows("select asset_id, cidr is null as n from aws_vpc order by 1").await, "1/a true\n3/a true");
}

#[tokio::test]
async fn a_lost_file_is_an_error_and_no_empty_table() {
    let test = TestLake::new().await;
    test.land(1, vec![test.answered("1", "eu", 1, &[("a", 1)])]).await;
    let file = test.lake.table("aws_vpc").await.unwrap().unwrap().files().unwrap().remove(0);
    let ctx = test.lake.session(SessionOptions::newest(at(2))).await.unwrap();
    std::fs::remove_file(test.folder.path().join("aws_vpc").join(&file.path)).unwrap();
    let error = ctx.sql("select asset_id from aws_vpc").await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("is missing although a version of its table holds it"), "{error}");
    let count = ctx.sql("select count(*) from aws_vpc").await.unwrap().collect().await.unwrap();
    let count = count[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0);
    assert_eq!(count, 1, "the log counts rows, and it is not lost");
}

#[tokio::test]
async fn commits_tell_which_accounts_changed() {
    let test = TestLake::new().await;
    let one = |hash| test.answered("1", "eu", 1, &[("a", hash), ("b", 2)]);
    let others = || [test.answered("1", "us", 1, &[("c", 3)]), test.answered("2", "eu", 1, &[("d", 4)])];
    let first = test.land(1, [one(1)].into_iter().chain(others()).collect()).await.version;
    let second = test.land(2, [one(10)].into_iter().chain(others()).collect()).await.version;
    let asset_type = &test.def.asset_type;
    let changed = async |before, now| {
        let changed = test.lake.changed_accounts(&[(asset_type.clone(), before, now)]).await;
        changed
            .get("aws_vpc")
            .map(|changed| (changed.accounts.iter().cloned().collect::<Vec<_>>().join(" "), changed.rows, changed.of))
    };
    let told = |accounts: &str, rows, of| Some((accounts.to_owned(), rows, of));
    assert_eq!(changed(first, second).await, told("1", 2, 4), "the rows of the scope that changed, of all");
    let landing = Landing { withdrawn: vec![scope("2", "eu")], run_at: at(3), ..Landing::default() };
    let third = test.lake.land(&test.def, &landing).await.unwrap().version;
    assert_eq!(changed(first, third).await, told("1 2", 2, 3), "and what two landings changed");
    test.land(4, vec![test.answered("3", "eu", 4, &[("e", 5)])]).await;
    test.lake.optimize("aws_vpc", at(4)).await.unwrap();
    let optimized = test.lake.table("aws_vpc").await.unwrap().unwrap().version();
    assert_eq!(changed(third, optimized).await, told("3", 1, 4), "writing rows again changes none");
    assert_eq!(changed(optimized, third).await, None, "nobody knows the way back");

    let table = test.lake.table("aws_vpc").await.unwrap().unwrap();
    let foreign = Change { remove: table.files().unwrap(), at: at(5), data_change: true, ..Change::default() };
    assert!(matches!(table.commit(foreign).await.unwrap(), Committed::Done(_)));
    assert_eq!(changed(third, optimized + 1).await, None, "a commit that does not say what it changed");
}

/// Wide rows, made when they are asked for.
#[derive(Debug)]
struct Wide {
    rows: RecordBatch,
    batches: usize,
}

impl StagedRows for Wide {
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
        let (rows, schema) = (self.rows.clone(), self.rows.schema());
        // The last come first, so that there is something to sort.
        Box::new((0..self.batches).rev().map(move |batch| {
            let text = |value: &dyn Fn(usize) -> String| {
                Arc::new(StringArray::from_iter_values((0..rows.num_rows()).map(value))) as ArrayRef
            };
            let columns =
                schema.fields().iter().zip(rows.columns()).map(|(field, column)| match field.name().as_str() {
                    "asset_id" => text(&|row| format!("{batch:03}/{row:03}")),
                    "raw" => text(&|row| format!("{row:08192}")),
                    _ => column.clone(),
                });
            RecordBatch::try_new(schema.clone(), columns.collect())
        }))
    }
}

#[tokio::test]
async fn more_answers_than_memory_holds_are_landed() {
    let test = TestLake::with_memory(48 << 20).await;
    let names: Vec<String> = (0..500).map(|row| row.to_string()).collect();
    let vpcs: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let Answered { scope, rows } = test.answered("1", "eu", 1, &vpcs);
    let rows = rows.batches().next().unwrap().unwrap();
    // 160 MB, on a day when nothing is known and on one when all is.
    for (day, assets) in [(1, 500 * 40), (2, 499 * 40)] {
        let answer = Wide { rows: rows.slice(0, if day == 1 { 500 } else { 499 }), batches: 40 };
        let landed = test.land(day, vec![Answered { scope: scope.clone(), rows: Arc::new(answer) }]).await;
        assert_eq!((landed.changed, landed.assets), (true, assets));
    }
    let first = test.rows("select count(*), min(asset_id), max(asset_id), min(length(raw)) from aws_vpc").await;
    assert_eq!(first, "19960 000/000 039/498 8192");
}
