use super::*;

const VOLUME: &str = r#"
table    = "aws_ebs_volume"
doc      = "EBS volumes."
asset_id = "arn:{partition}:ec2:{region}:{account_id}:volume/{volume_id}"
name     = "{tags.Name|volume_id}"

[request.list]
service    = "ec2"
protocol   = "ec2"
version    = "2016-11-15"
operation  = "DescribeVolumes"
items      = "volumeSet[]"
permission = "ec2:DescribeVolumes"

[request.attribute]
per        = "item"
operation  = "DescribeVolumeAttribute"
input      = { VolumeId = "{volume_id}" }
permission = "ec2:DescribeVolumeAttribute"

[columns]
volume_id = { type = "string", key = true, doc = "Its id." }
size      = { type = "int", doc = "GiB." }
auto_io   = { type = "bool", path = "autoEnableIO.value", from = "attribute", doc = "Whether I/O resumes by itself." }
tags      = { type = "map", path = "tagSet[]", entry = { key = "key", value = "value" }, doc = "Tags." }
"#;

fn messages(text: &str) -> Vec<String> {
    let errors = AssetTypeDef::parse("volume.toml", text).unwrap_err();
    errors
        .iter()
        .map(|error| {
            format!(
                "{}:{}: {}{}",
                error.line,
                error.column,
                error.message,
                error.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn a_file_becomes_a_schema() {
    let volume = AssetTypeDef::parse("volume.toml", VOLUME).unwrap();
    let schema = volume.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names,
        [
            "asset_id",
            "name",
            "account_id",
            "account_name",
            "region",
            "tags",
            "first_seen_at",
            "collected_at",
            "volume_id",
            "size",
            "auto_io",
            "collected_in",
            "unread",
            "content_hash",
            "raw"
        ]
    );
    assert_eq!(volume.requests["attribute"].service, "ec2", "a follow-up inherits what it does not say");
    assert_eq!(volume.request_of("auto_io"), "attribute");
    assert_eq!(volume.request_of("tags"), "list");
}

#[test]
fn mistakes_are_found_with_their_places() {
    let broken = VOLUME
        .replace(
            "size      = { type = \"int\", doc = \"GiB.\" }",
            "size      = { type = \"itn\" }\nname = { type = \"string\", doc = \"x\" }",
        )
        .replace("from = \"attribute\"", "from = \"atribute\"")
        .replace("{volume_id}\" }", "{volumeid}\" }");
    assert_eq!(
        messages(&broken),
        [
            "17:14: `{volumeid}` is not a column that `list` feeds, `partition`, `region` or `account_id` (did you mean `{volume_id}`?)",
            "23:1: column `size` has no meaning (add `doc = \"…\"`: what it says, its unit, what null means)",
            "23:23: `itn` is no type; types are string, bool, int, float, timestamp, json, policy, map, list<…>, struct<name: …>",
            "24:1: duplicate column `name`: every asset table has it",
            "25:66: no request is named `atribute` (did you mean `attribute`?)",
        ]
    );
}

#[test]
fn unknown_keys_bad_paths_and_twice_the_same_column_are_refused() {
    assert_eq!(
        messages(&VOLUME.replace("items ", "itmes "))[0].split(", expected").next().unwrap(),
        "12:1: unknown field `itmes`"
    );
    assert!(messages(&VOLUME.replace("volumeSet[]", "volumeSet[0]"))[0].contains("is no step of a path"));
    assert!(messages(&VOLUME.replace("size ", "volume_id "))[0].contains("duplicate key"));
    assert!(messages(&VOLUME.replace("[request.list]", "[request.lists]"))[0].contains("no `[request.list]`"));
    assert!(messages("table = 'x'\n[request.")[0].starts_with("2:"));
}
