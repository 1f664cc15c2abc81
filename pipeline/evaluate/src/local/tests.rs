use pacbot_schemas::AssetTypes;

use crate::catalog::Catalog;
use crate::overrides::Overrides;

const START: &str = "select asset_id, account_id, region, 'bad' as reason from aws_vpc";

async fn is_local(sql: &str) -> bool {
    let text = format!(
        "/*---\nid = \"policy\"\ntitle = \"t\"\nseverity = \"high\"\ncategory = \"security\"\nasset_type = \"aws_vpc\"\ndescription = \"d\"\nremediation = \"r\"\n---*/\n{sql}\n"
    );
    let types = AssetTypes::embedded().unwrap();
    let catalog = Catalog::load([("policy.sql", text.as_str())], &types, &Overrides::default()).await.unwrap();
    catalog.get("policy").unwrap().is_local
}

/// `aws_vpc as vpc` joined with subnets.
fn joined(how: &str, on: &str, condition: &str) -> String {
    format!(
        "select vpc.asset_id, vpc.account_id, vpc.region, 'bad' as reason from aws_vpc as vpc {how} aws_vpc_subnet as subnet on {on} where {condition}"
    )
}

#[tokio::test]
async fn steps_that_keep_accounts_apart_are_local() {
    let same = "vpc.account_id = subnet.account_id and vpc.vpc_id = subnet.vpc_id";
    for sql in [
        format!("{START} where is_default"),
        joined("inner join", same, "vpc.is_default"),
        joined("left join", same, "subnet.subnet_id is null"),
        joined("left anti join", same, "vpc.is_default"),
        joined("left semi join", same, "vpc.is_default"),
        "with subnets as (select account_id, vpc_id, count(*) as number from aws_vpc_subnet group by account_id, vpc_id) \
         select vpc.asset_id, vpc.account_id, vpc.region, subnets.number || ' subnets' as reason from aws_vpc as vpc \
         join subnets on vpc.account_id = subnets.account_id and vpc.vpc_id = subnets.vpc_id"
            .to_owned(),
        "with placed as (select asset_id, account_id, region, row_number() over (partition by account_id, region order by vpc_id) as place from aws_vpc) \
         select asset_id, account_id, region, 'bad' as reason from placed where place > 5"
            .to_owned(),
        "with both as (select account_id, vpc_id from aws_vpc_subnet union all select account_id, vpc_id from aws_vpc) \
         select vpc.asset_id, vpc.account_id, vpc.region, 'bad' as reason from aws_vpc as vpc \
         left anti join (select distinct account_id, vpc_id from both) as other on vpc.account_id = other.account_id and vpc.vpc_id = other.vpc_id"
            .to_owned(),
    ] {
        assert!(is_local(&sql).await, "{sql}");
    }
}

#[tokio::test]
async fn steps_that_mix_accounts_are_not() {
    for sql in [
        joined("inner join", "vpc.vpc_id = subnet.vpc_id", "vpc.is_default"),
        joined("left anti join", "vpc.vpc_id = subnet.vpc_id", "vpc.is_default"),
        joined("inner join", "vpc.account_id = subnet.vpc_id", "vpc.is_default"),
        joined("inner join", "vpc.owner_id = subnet.account_id", "vpc.is_default"),
        // The account of the result is that of the other side.
        "select vpc.asset_id, subnet.account_id, vpc.region, 'bad' as reason from aws_vpc as vpc \
         left join aws_vpc_subnet as subnet on vpc.account_id = subnet.account_id"
            .to_owned(),
        "select asset_id, owner_id as account_id, region, 'bad' as reason from aws_vpc".to_owned(),
        "with placed as (select asset_id, account_id, region, row_number() over (order by account_id) as place from aws_vpc) \
         select asset_id, account_id, region, 'bad' as reason from placed where place > 5"
            .to_owned(),
        "with counted as (select count(*) as number from aws_vpc) \
         select vpc.asset_id, vpc.account_id, vpc.region, 'bad' as reason from aws_vpc as vpc cross join counted where counted.number > 5"
            .to_owned(),
        format!("{START} where vpc_id in (select vpc_id from aws_vpc_subnet)"),
        format!("{START} order by vpc_id limit 3"),
    ] {
        assert!(!is_local(&sql).await, "{sql}");
    }
}

#[tokio::test]
async fn nearly_all_policies_are_local() {
    let types = AssetTypes::embedded().unwrap();
    let catalog = Catalog::embedded(&types, &Overrides::default()).await.unwrap();
    // What depends on the time is judged again anyway.
    let others = catalog.iter().filter(|checked| !checked.is_local && !checked.is_timed);
    let others: Vec<&str> = others.map(|checked| checked.policy.id.as_str()).collect();
    assert!(others.len() < 10, "these mix accounts: {others:?}");
}
