use arrow::array::{Array, AsArray};
use arrow::datatypes::{Field, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;

use super::*;
use crate::testing::{EC2_HEAD, json_type};

fn def(text: &str) -> AssetTypeDef {
    AssetTypeDef::parse("test.toml", text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Decodes the `list` answer `body`; columns by name, and misfits.
fn decode(def: &AssetTypeDef, body: &str) -> (Vec<(String, ArrayRef)>, u64) {
    let request = def.list();
    let decoder = RequestDecoder::new(def, request);
    let mut items = Items::default();
    decoder.answer(body).unwrap().each_item(request.items.as_ref(), |item| items.push(item));
    let columns = decoder.columns(&items);
    let named = columns.arrays.into_iter().map(|(index, array)| (def.columns[index].name.clone(), array));
    (named.collect(), columns.misfits)
}

fn column(columns: &[(String, ArrayRef)], name: &str) -> ArrayRef {
    columns.iter().find(|(column, _)| column == name).unwrap().1.clone()
}

/// The column's values, null as `-`; times without their zone, whose name would need a database to show.
fn shown(array: &ArrayRef) -> Vec<String> {
    let array = without_zone(array);
    let show = |row| if array.is_null(row) { "-".to_owned() } else { array_value_to_string(&array, row).unwrap() };
    (0..array.len()).map(show).collect()
}

fn without_zone(array: &ArrayRef) -> ArrayRef {
    if let Some(times) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Arc::new(times.clone().with_timezone_opt(None::<&str>));
    }
    let Some(objects) = array.as_struct_opt() else { return array.clone() };
    let columns: Vec<ArrayRef> = objects.columns().iter().map(without_zone).collect();
    let named = objects.fields().iter().zip(&columns);
    let fields = named.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true));
    Arc::new(StructArray::new(fields.collect(), columns, objects.nulls().cloned()))
}

#[test]
fn ec2_xml_becomes_columns_of_every_type() {
    let def = def(&format!(
        r#"{EC2_HEAD}
items = "reservationSet[].instancesSet[]"
permission = "x:y"
[columns]
instance_id = {{ type = "string", key = true, doc = "d" }}
state = {{ type = "string", path = "instanceState.name", doc = "d" }}
code = {{ type = "int", path = "instanceState.code", doc = "d" }}
ebs_optimized = {{ type = "bool", doc = "d" }}
launch_time = {{ type = "timestamp", doc = "d" }}
group_ids = {{ type = "list<string>", path = "groupSet[].groupId", doc = "d" }}
groups = {{ type = "list<struct<group_id: string, vpc_number: int>>", path = "groupSet[]", doc = "d" }}
private_ips = {{ type = "list<string>", path = "networkInterfaceSet[].privateIpAddressesSet[].ip", doc = "d" }}
first_group = {{ type = "string", path = "groupSet[].groupId", doc = "d" }}
tags = {{ type = "map", path = "tagSet[]", entry = {{ key = "key", value = "value" }}, doc = "d" }}
"#
    ));
    let body = "<DescribeResponse><requestId>r</requestId><reservationSet>\
        <item><instancesSet>\
          <item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>\
            <ebsOptimized>true</ebsOptimized><launchTime>2024-05-06T07:08:09.000Z</launchTime>\
            <groupSet><item><groupId>g1</groupId><vpcNumber>7</vpcNumber></item><item><groupId>g2</groupId></item></groupSet>\
            <networkInterfaceSet><item><privateIpAddressesSet><item><ip>1</ip></item><item><ip>2</ip></item></privateIpAddressesSet></item>\
            <item><privateIpAddressesSet><item><ip>3</ip></item></privateIpAddressesSet></item></networkInterfaceSet>\
            <tagSet><item><key>Name</key><value>web</value></item><item><key>empty</key><value/></item></tagSet></item>\
        </instancesSet></item>\
        <item><instancesSet><item><instanceId>i-2</instanceId><instanceState/><groupSet/>\
          <tagSet><item><key>a</key><value>1</value></item><item><key>a</key><value>2</value></item><item><value>3</value></item></tagSet></item>\
        </instancesSet></item></reservationSet></DescribeResponse>";
    let (columns, misfits) = decode(&def, body);
    let show = |name| shown(&column(&columns, name));
    assert_eq!(show("instance_id"), ["i-1", "i-2"]);
    assert_eq!(show("state"), ["running", "-"]);
    assert_eq!(show("code"), ["16", "-"]);
    assert_eq!(show("ebs_optimized"), ["true", "-"]);
    assert_eq!(show("launch_time"), ["2024-05-06T07:08:09", "-"]);
    assert_eq!(show("group_ids"), ["[g1, g2]", "[]"]);
    assert_eq!(show("groups"), ["[{group_id: g1, vpc_number: 7}, {group_id: g2, vpc_number: }]", "[]"]);
    assert_eq!(show("private_ips"), ["[1, 2, 3]", "-"]);
    assert_eq!(show("first_group"), ["g1", "-"]);
    assert_eq!(show("tags"), ["{Name: web, empty: }", "{a: 2}"]);
    assert_eq!(column(&columns, "tags").as_map().value(0).column(1).null_count(), 0, "an empty tag is no null");
    assert_eq!(misfits, 1, "the pair without a key");
    for (name, array) in &columns {
        assert_eq!(array.data_type(), &def.column(name).unwrap().column_type.arrow(), "{name}");
    }
}

#[test]
fn json_numbers_maps_and_nested_structs() {
    let def = def(&json_type(
        r#"
id = { type = "string", key = true, doc = "d" }
size = { type = "int", doc = "d" }
ratio = { type = "float", doc = "d" }
on = { type = "bool", doc = "d" }
made = { type = "timestamp", format = "epoch_s", doc = "d" }
config = { type = "struct<mode: string, db_name(DBName): string, zones: list<int>, inner: struct<at: timestamp>>", doc = "d" }
labels = { type = "map", doc = "d" }
names = { type = "list<string>", doc = "d" }
plain_names = { type = "list<string>", path = "Names", doc = "d" }
"#,
    ));
    let body = r#"{"Things": [
        {"Id": 7, "Size": 5.0, "Ratio": 0.25, "On": true, "Made": 1714979289.5,
         "Config": {"Mode": "m", "DBName": "d", "Zones": [1, 2], "Inner": {"At": 1714979289}},
         "Labels": {"a": "1", "b": 2, "c": null}, "Names": ["x", null]},
        {"Id": "b", "Config": null, "Labels": {}, "Names": []}
    ]}"#;
    let (columns, misfits) = decode(&def, body);
    let show = |name| shown(&column(&columns, name));
    assert_eq!(misfits, 0);
    assert_eq!(show("id"), ["7", "b"]);
    assert_eq!(column(&columns, "size").as_primitive::<Int64Type>().value(0), 5);
    assert_eq!(column(&columns, "ratio").as_primitive::<Float64Type>().value(0), 0.25);
    assert_eq!(show("on"), ["true", "-"]);
    assert_eq!(show("made"), ["2024-05-06T07:08:09.500", "-"]);
    assert_eq!(show("config"), ["{mode: m, db_name: d, zones: [1, 2], inner: {at: 2024-05-06T07:08:09}}", "-"]);
    assert_eq!(show("labels"), ["{a: 1, b: 2, c: }", "{}"]);
    assert_eq!(show("names"), ["[x, ]", "[]"]);
    assert_eq!(show("plain_names"), ["[x, ]", "[]"]);
}

#[test]
fn wrong_types_are_null_and_counted_and_cost_no_neighbour() {
    let def = def(&json_type(
        r#"
id = { type = "string", key = true, doc = "d" }
size = { type = "int", doc = "d" }
made = { type = "timestamp", doc = "d" }
inner = { type = "struct<x: int>", doc = "d" }
"#,
    ));
    let body = r#"{"Things": [
        {"Id": "a", "Size": "many", "Made": "soon", "Inner": {"X": 1}},
        {"Id": {"no": 1}, "Size": [1], "Made": {}, "Inner": 7},
        {"Id": "c", "Size": "", "Made": null, "Inner": {"X": {}}},
        {"Id": "d", "Size": 4, "Made": "2024-05-06", "Inner": {"X": 2}}
    ]}"#;
    let (columns, misfits) = decode(&def, body);
    let show = |name| shown(&column(&columns, name));
    assert_eq!(show("id"), ["a", "-", "c", "d"]);
    assert_eq!(show("size"), ["-", "-", "-", "4"]);
    assert_eq!(show("made"), ["-", "-", "-", "2024-05-06T00:00:00"]);
    assert_eq!(show("inner"), ["{x: 1}", "-", "{x: }", "{x: 2}"]);
    assert_eq!(misfits, 7);
}

#[test]
fn columns_that_want_different_things_of_one_value_are_read_apart() {
    let def = def(&json_type(
        r#"
id = { type = "string", key = true, doc = "d" }
state = { type = "map", doc = "d" }
state_code = { type = "int", path = "State.Code", doc = "d" }
state_text = { type = "json", path = "State", doc = "d" }
"#,
    ));
    let (columns, misfits) = decode(&def, r#"{"Things": [{"Id": "a", "State": {"Code": 3}}]}"#);
    let show = |name| shown(&column(&columns, name));
    assert_eq!((show("state"), show("state_code")), (vec!["{Code: 3}".to_owned()], vec!["3".to_owned()]));
    assert_eq!(show("state_text"), [r#"{"Code": 3}"#]);
    assert_eq!(misfits, 0);
}

#[test]
fn an_answer_of_another_protocol_is_an_error() {
    let def = def(&json_type(r#"id = { type = "string", key = true, doc = "d" }"#));
    let decoder = RequestDecoder::new(&def, def.list());
    assert!(decoder.answer("<html>").is_err() && decoder.answer("{\"a\": 1} x").is_err());
    assert_eq!(decoder.answer("").unwrap().to_json(), "{}");
    let stray = text(Bytes::from_static(b"\xef\xbb\xbf{\"a\": \"\xff\"} "));
    assert_eq!(decoder.answer(&stray).unwrap().to_json(), "{\"a\": \"\u{fffd}\"}");
}

/// A generator without a seed from outside, so that a failure is found again (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn json(&mut self, depth: u32) -> String {
        let many = |random: &mut Self| (0..random.below(4)).map(|_| random.json(depth - 1)).collect::<Vec<_>>();
        match self.below(if depth == 0 { 9 } else { 12 }) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => "-1.5e300".to_owned(),
            3 => "99999999999999999999999".to_owned(),
            4 => r#""""#.to_owned(),
            5 => r#""\ud800\u0000""#.to_owned(),
            6 => r#""é\\\" 2024-01-01T00:00:00Z""#.to_owned(),
            7 => r#""{\"Statement\": 7}""#.to_owned(),
            8 => "1714979289".to_owned(),
            9 => format!("[{}]", many(self).join(", ")),
            _ => {
                let names = ["Key", "Value", "X", "Id", "Inner", "Zones", "é"];
                let members: Vec<String> = many(self)
                    .iter()
                    .map(|value| format!("{:?}: {value}", names[usize::try_from(self.below(7)).unwrap()]))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

#[test]
fn any_json_in_place_of_any_member_loses_no_page() {
    let def = def(&json_type(
        r#"
id = { type = "string", key = true, doc = "d" }
size = { type = "int", doc = "d" }
ratio = { type = "float", doc = "d" }
on = { type = "bool", doc = "d" }
made = { type = "timestamp", doc = "d" }
inner = { type = "struct<x: int, zones: list<struct<x: timestamp>>>", doc = "d" }
labels = { type = "map", doc = "d" }
pairs = { type = "map", path = "Pairs[]", entry = { key = "Key", value = "Value" }, doc = "d" }
deep = { type = "list<string>", path = "Inner.Zones[].X", doc = "d" }
document = { type = "json", doc = "d" }
policy = { type = "policy", doc = "d" }
policies = { type = "list<policy>", path = "Pairs[].Value", doc = "d" }
"#,
    ));
    let names = ["Size", "Ratio", "On", "Made", "Inner", "Labels", "Pairs", "Document", "Policy", "Policies"];
    let mut random = Random(7);
    for _ in 0..500 {
        let members: Vec<String> = names.iter().map(|name| format!("\"{name}\": {}", random.json(4))).collect();
        let odd = format!(r#"{{"Id": "odd", {}}}"#, members.join(","));
        let body = format!(
            r#"{{"Things": [{{"Id": "before", "Size": 1}}, {odd}, {}, {{"Id": "after", "Size": 2}}]}}"#,
            random.json(3)
        );
        let (columns, _) = decode(&def, &body);
        let ids = shown(&column(&columns, "id"));
        assert_eq!((&*ids[0], &*ids[1], &*ids[3]), ("before", "odd", "after"), "{body}");
        let sizes = shown(&column(&columns, "size"));
        assert_eq!((&*sizes[0], &*sizes[3]), ("1", "2"), "{body}");
    }
}
