use super::*;

const FRONT: &str = "/*---\nid = \"aws-x\"\ntitle = \"X\"\nseverity = \"low\"\nasset_type = \"aws_s3_bucket\"\nremediation = \"Mend it.\"\n---*/\n";

async fn load(sql: &str) -> Result<Catalog, String> {
    let types = AssetTypes::embedded().unwrap();
    let text = format!("{FRONT}{sql}");
    Catalog::load([("x.sql", text.as_str())], &types, &Overrides::default())
        .await
        .map_err(|errors| errors[0].to_string())
}

#[tokio::test]
async fn the_plan_tells_tables_and_columns() {
    let catalog =
        load("select asset_id, account_id, region, 'off' as reason from aws_s3_bucket where not versioning_enabled")
            .await
            .unwrap();
    let checked = catalog.get("aws-x").unwrap();
    let columns: Vec<&str> = checked.reads["aws_s3_bucket"].iter().map(String::as_str).collect();
    assert_eq!(columns, ["account_id", "asset_id", "region", "versioning_enabled"]);
    let requests = checked.requests(&AssetTypes::embedded().unwrap(), "aws_s3_bucket");
    assert_eq!(requests.into_iter().collect::<Vec<_>>(), ["list", "versioning"]);
}

#[tokio::test]
async fn mistakes_point_at_the_file() {
    let star = load("select\n    *\nfrom aws_s3_bucket").await.unwrap_err();
    assert!(star.starts_with("x.sql:9:5: `select *` is refused"), "{star}");
    let table = load("select asset_id, account_id, region, 'x' as reason\nfrom aws_s3_buket").await.unwrap_err();
    assert!(table.starts_with("x.sql:") && table.contains("did you mean `aws_s3_bucket`?"), "{table}");
    let column =
        load("select asset_id, account_id, region, 'x' as reason\nfrom aws_s3_bucket\nwhere not versioning_enable")
            .await
            .unwrap_err();
    assert!(column.starts_with("x.sql:10:11:"), "{column}");
    let shape = load("select asset_id, region, 'x' as reason from aws_s3_bucket").await.unwrap_err();
    assert!(shape.contains("the first columns are"), "{shape}");
    let write = load("insert into aws_s3_bucket (asset_id) values ('x')").await.unwrap_err();
    assert!(write.starts_with("x.sql:8:1:"), "{write}");
    let syntax = load("select asset_id,\n  from where").await.unwrap_err();
    assert!(syntax.starts_with("x.sql:9:"), "{syntax}");
}

#[tokio::test]
async fn every_embedded_policy_is_sound() {
    let types = AssetTypes::embedded().unwrap();
    let catalog = Catalog::embedded(&types, &Overrides::default()).await;
    let catalog = catalog
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    assert!(catalog.iter().count() >= 38);
}
