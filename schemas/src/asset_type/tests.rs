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

#[test]
fn a_table_in_an_answer_is_what_is_listed() {
    let table = r#"answer = { path = "Content", encoding = "base64-csv", null = ["N/A"] }"#;
    let listed = VOLUME.replace(r#"items      = "volumeSet[]""#, table);
    let volume = AssetTypeDef::parse("volume.toml", &listed).unwrap();
    assert_eq!(volume.list().table.as_ref().unwrap().null, ["N/A"]);
    assert_eq!(
        messages(&listed.replace(table, &format!("{table}\nitems = \"volumeSet[]\""))),
        ["12:10: the lines of `answer` are the items of `list` or of a request with `match` (leave out `items`)"]
    );
    let whole = VOLUME.replace("[columns]", &format!("{table}\n[columns]"));
    assert_eq!(messages(&whole), ["21:10: the lines of `answer` are the items of `list` or of a request with `match`"]);
    assert!(messages(&listed.replace("base64-csv", "csv"))[0].contains("unknown variant `csv`"));
}

#[test]
fn words_are_for_texts() {
    let worded = VOLUME.replace("type = \"int\", doc", "type = \"int\", words = { a = \"b\" }, doc");
    assert_eq!(messages(&worded), ["23:37: `words` is for a `string`: words of the answer = words of the table"]);
}

fn derived(columns: &str) -> String {
    format!("{VOLUME}{columns}")
}

#[test]
fn a_derived_column_comes_from_the_request_of_what_it_is_made_of() {
    let volume = derived(
        r#"uri  = { type = "string", template = "{partition}/{volume_id}/{tags.Name}", doc = "d" }
both = { type = "string", template = "{volume_id}/{auto_io}", doc = "d" }
big  = { type = "bool", has_any = "size", doc = "d" }
odd  = { type = "bool", begins = { column = "volume_id", with = "{account_id}-" }, doc = "d" }
"#,
    );
    let volume = AssetTypeDef::parse("volume.toml", &volume).unwrap();
    let from: Vec<&str> = ["uri", "both", "big", "odd"].map(|column| volume.request_of(column)).into();
    assert_eq!(from, ["list", "attribute", "list", "list"]);
    assert_eq!(volume.schema().field_with_name("big").unwrap().data_type(), &DataType::Boolean);
}

#[test]
fn mistakes_of_derived_columns_are_found_with_their_places() {
    let broken = derived(
        r#"a = { type = "bool", template = "{volume_id}", doc = "d" }
b = { type = "bool", has_any = "volumes", doc = "d" }
c = { type = "bool", has_any = "tags", doc = "d" }
d = { type = "bool", begins = { column = "size", with = "{nothing}" }, doc = "d" }
e = { type = "string", template = "{tags}", path = "x", doc = "d" }
f = { type = "string", template = "x", has_any = "size", doc = "d" }
g = { type = "string", template = "{a", doc = "d" }
h = { type = "bool", begins = { column = "region", with = "x" }, doc = "d" }
i = { type = "string", template = "{a}", doc = "d" }
"#,
    );
    assert_eq!(
        messages(&broken),
        [
            "26:14: `template` makes a `string`",
            "27:32: `volumes` is no column that a request feeds (did you mean `volume_id`?)",
            "28:32: `tags` is not a list or an int",
            "29:31: `size` is not a string",
            "29:31: `nothing` is no column that a request feeds",
            "30:1: `e` is made of other columns: it has a type and a doc besides",
            "30:35: `tags` is not a string, int or bool",
            "31:1: a column is made by one of `template`, `has_any` and `begins`",
            "32:35: `{a` has no closing brace",
            "33:31: `region` is no column that a request feeds",
            "34:35: `a` is no column that a request feeds (did you mean `f`?)",
        ]
    );
    let two = derived("x = { type = \"string\", template = \"{auto_io}{other}\", doc = \"d\" }\nother = { type = \"int\", from = \"more\", doc = \"d\" }\n")
        .replace("[columns]", "[request.more]\nper = \"scope\"\noperation = \"More\"\npermission = \"p\"\n[columns]");
    assert_eq!(messages(&two), ["30:35: `attribute` and `more` feed it: it may depend on one request and `list`"]);
    let keyed = VOLUME.replace("key = true", "has_any = \"size\", key = true");
    // Where the key is used says so as well.
    let is_told =
        messages(&keyed).iter().any(|message| message.starts_with("22:1: `volume_id` is made of other columns"));
    assert!(is_told, "{:?}", messages(&keyed));
    let asked = derived("own = { type = \"string\", template = \"{volume_id}\", doc = \"d\" }\n")
        .replace("VolumeId = \"{volume_id}\"", "VolumeId = \"{own}\"");
    assert!(messages(&asked)[0].contains("`{own}` is not a column that `list` feeds"), "{:?}", messages(&asked));
}
