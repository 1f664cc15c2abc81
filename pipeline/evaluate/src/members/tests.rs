use arrow::array::AsArray;
use arrow::datatypes::{Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use chrono::Utc;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use pacbot_lake::{Lake, LakeSettings, bare_session, to_batch};
use pacbot_schemas::{AssetTypes, RunId};
use serde_json::json;

use super::*;
use crate::planned::over_tables_of;

const INTERFACES: &str = "select asset_id, unnest(network_interfaces) as interface from aws_ec2_instance";

async fn session() -> SessionContext {
    let types = AssetTypes::embedded().unwrap();
    let ctx = bare_session(64 << 20, Utc::now()).unwrap();
    let schema = types.get("aws_ec2_instance").unwrap().schema();
    let rows = [json!({
        "asset_id": "i-1",
        "network_interfaces": [
            {"interface_type": "efa", "vpc_id": "vpc-1", "association": {"public_ip": "1.2.3.4", "ip_owner_id": "amazon"},
             "groups": [{"group_id": "sg-1", "group_name": "web"}, {"group_id": "sg-2"}]},
            null,
            {"interface_type": "interface", "association": null, "groups": []},
        ],
    })];
    let batch = to_batch("aws_ec2_instance", schema.clone(), &rows).unwrap();
    ctx.register_table("aws_ec2_instance", Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap())).unwrap();
    ctx
}

async fn read_by(sql: &str) -> Option<Vec<String>> {
    let plan = session().await.sql(sql).await.unwrap().into_optimized_plan().unwrap();
    members_read(&plan).map(|names| names.iter().cloned().collect())
}

#[tokio::test]
async fn what_is_named_is_read_and_a_whole_struct_is_all_of_it() {
    let named = async |what: &str| read_by(&format!("select asset_id, {what} as value from ({INTERFACES})")).await;
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(named("interface['vpc_id']").await, names(&["vpc_id"]));
    assert_eq!(named("interface['association']['public_ip']").await, names(&["association", "public_ip"]));
    assert_eq!(named("interface['groups'][1]['group_id']").await, names(&["group_id", "groups"]));
    assert_eq!(named("cardinality(interface['groups'])").await, names(&["groups"]));
    assert_eq!(named("interface['association'] is null").await, names(&["association"]));
    assert_eq!(named("1").await, names(&[]));
    for whole in [
        "interface",
        "interface['groups']",
        "interface['association']",
        "interface['groups'][1]",
        "cast(interface['association'] as varchar)",
        "array_distinct(interface['groups'])[1]['group_id']",
        "coalesce(interface['association'], interface['association'])['public_ip']",
    ] {
        assert_eq!(named(whole).await, None, "{whole}");
    }
    for whole in [
        "select distinct interface from (%)",
        "select count(distinct interface) from (%)",
        "select first_value(interface)['vpc_id'] from (%)",
        "select a.asset_id from (%) as a join (%) as b on a.interface = b.interface",
        "select asset_id from (%) order by interface",
        "select a.asset_id from (%) as a where a.interface in (select b.interface from (%) as b)",
    ] {
        assert_eq!(read_by(&whole.replace('%', INTERFACES)).await, None, "{whole}");
    }
}

#[test]
fn a_struct_keeps_a_member_of_those_that_nobody_names() {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let list = |of: DataType| DataType::List(Arc::new(Field::new("element", of, true)));
    let structure = |fields: Vec<Field>| DataType::Struct(fields.into());
    let groups = list(structure(vec![text("group_id"), text("group_name")]));
    let whole = list(structure(vec![Field::new("groups", groups.clone(), true), text("vpc_id")]));
    let of = |members: &[&str]| narrowed(&whole, &members.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(of(&[]), Some(list(structure(vec![text("vpc_id")]))));
    let counted = list(structure(vec![text("group_id")]));
    assert_eq!(of(&["groups"]), Some(list(structure(vec![Field::new("groups", counted, true)]))));
    let named = list(structure(vec![text("group_name")]));
    let named = list(structure(vec![Field::new("groups", named, true), text("vpc_id")]));
    assert_eq!(of(&["groups", "group_name", "vpc_id"]), Some(named));
    assert_eq!(of(&["groups", "group_name", "group_id", "vpc_id"]), None);
    assert_eq!(narrowed(&DataType::Utf8, &BTreeSet::new()), None);
}

#[tokio::test]
async fn what_is_named_is_the_same_without_the_others() {
    let ctx = session().await;
    let sql = format!(
        "select asset_id, interface['association']['public_ip'] as ip, interface['association'] is null as is_private,
            interface is null as is_unknown, cardinality(interface['groups']) as groups,
            interface['groups'][2]['group_id'] as second
        from ({INTERFACES})"
    );
    let plan = ctx.sql(&sql).await.unwrap().into_optimized_plan().unwrap();
    let members = members_read(&plan).unwrap();
    let found = async |members: Option<&Members>| {
        let rows = over_tables_of(&ctx, &plan, None, members).await.unwrap().collect().await.unwrap();
        pretty_format_batches(&rows).unwrap().to_string()
    };
    let all = found(None).await;
    assert!(all.contains("1.2.3.4") && all.contains("sg-2"), "{all}");
    assert_eq!(found(Some(&members)).await, all);
}

#[tokio::test]
async fn a_scan_of_files_does_not_decode_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let types = Arc::new(AssetTypes::embedded().unwrap());
    let location = folder.path().to_str().unwrap().to_owned();
    let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
    let run_id = RunId::new("run").unwrap();
    let gap = json!({"account_id": "1", "region": "eu", "asset_type": "aws_vpc", "request": "list"});
    let rows = [json!({"run_id": "run", "policy_id": "a", "unknown_scopes": [gap]})];
    lake.replace_run_values("policy_runs", &run_id, "", &rows, Utc::now()).await.unwrap();
    let (ctx, _) = lake.own_session(&["policy_runs"], Utc::now()).await.unwrap();
    let sql = "select policy_id, gap['region'] as region from (select policy_id, unnest(unknown_scopes) as gap from policy_runs)";
    let plan = ctx.sql(sql).await.unwrap().into_optimized_plan().unwrap();
    let members = members_read(&plan).unwrap();
    let frame = over_tables_of(&ctx, &plan, None, Some(&members)).await.unwrap();
    let physical = frame.clone().create_physical_plan().await.unwrap();
    let shown = displayable(physical.as_ref()).indent(false).to_string();
    let scan = shown.lines().find(|line| line.contains("DataSourceExec")).unwrap();
    assert!(scan.contains("CAST"), "the scan itself knows what is named: {shown}");
    let rows = pretty_format_batches(&frame.collect().await.unwrap()).unwrap().to_string();
    assert!(rows.contains("| a         | eu     |"), "{rows}");
}

#[tokio::test]
async fn a_file_may_lack_what_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.parquet").display().to_string();
    let ctx = bare_session(64 << 20, Utc::now()).unwrap();
    let old =
        "select 'i-1' as asset_id, make_array(named_struct('vpc_id', 'vpc-1', 'status', 'in-use'), null) as interfaces";
    let old = ctx.sql(old).await.unwrap();
    old.write_parquet(&file, DataFrameWriteOptions::new(), None).await.unwrap();
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let member = DataType::Struct(vec![text("subnet_id"), text("vpc_id"), text("status")].into());
    let interfaces = DataType::List(Arc::new(Field::new("element", member, true)));
    let schema = Schema::new(vec![text("asset_id"), Field::new("interfaces", interfaces, true)]);
    ctx.register_parquet("instances", &file, ParquetReadOptions::default().schema(&schema)).await.unwrap();
    for (named, expected) in [("subnet_id", [None, None]), ("vpc_id", [Some("vpc-1"), None])] {
        let sql = format!(
            "select asset_id, interface['{named}'] as named, interface is null as is_null
            from (select asset_id, unnest(interfaces) as interface from instances)"
        );
        let plan = ctx.sql(&sql).await.unwrap().into_optimized_plan().unwrap();
        let members = members_read(&plan).unwrap();
        let rows = over_tables_of(&ctx, &plan, None, Some(&members)).await.unwrap().collect().await.unwrap();
        let named: Vec<Option<&str>> = rows[0].column(1).as_string::<i32>().iter().collect();
        assert_eq!(named, expected);
        let is_null: Vec<Option<bool>> = rows[0].column(2).as_boolean().iter().collect();
        assert_eq!(is_null, [Some(false), Some(true)], "{named:?}");
    }
}
