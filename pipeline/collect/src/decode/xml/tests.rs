use serde_json::{Value, json};

use super::*;

fn shape(paths: &[(&str, Shape)]) -> Shape {
    let mut merged = Shape::empty();
    paths.iter().for_each(|(path, inner)| merged.overlay(Shape::at(&Path::parse(path).unwrap(), inner.clone())));
    merged
}

fn text() -> Shape {
    Shape::Leaf(Leaf::Text)
}

fn to_json(body: &str, protocol: Protocol, shape: &Shape) -> Result<String, XmlError> {
    Ok(Document::parse(body, protocol)?.to_json(shape))
}

fn convert(protocol: Protocol, body: &str, shape: &Shape) -> Value {
    serde_json::from_str(&to_json(body, protocol, shape).unwrap()).unwrap()
}

#[test]
fn ec2_lists_are_lists_with_one_item_and_with_none() {
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
        <DescribeX xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
          <requestId>1</requestId>
          <xSet>
            <item><id>a</id><groupSet><item><groupId>g</groupId></item></groupSet><on>true</on><name/></item>
            <item><id>b</id><groupSet/><on>no</on><tagSet><item><key>k</key><value/></item></tagSet></item>
          </xSet>
        </DescribeX>"#;
    let shape = shape(&[
        ("xSet[].id", text()),
        ("xSet[].groupSet[].groupId", text()),
        ("xSet[].on", Shape::Leaf(Leaf::Flag)),
        ("xSet[].tagSet[].value", Shape::Leaf(Leaf::Kept)),
    ]);
    assert_eq!(
        convert(Protocol::Ec2, body, &shape),
        json!({"xSet": [
            {"id": "a", "groupSet": [{"groupId": "g"}], "on": true, "name": null},
            {"id": "b", "groupSet": [], "on": "no", "tagSet": [{"key": "k", "value": ""}]},
        ]})
    );
}

#[test]
fn items_and_tokens_are_found_where_they_stand() {
    let body = "<DescribeX><requestId>1</requestId><rSet><item><iSet><item><id>a</id></item></iSet></item><item><iSet/></item>\
        <item><iSet><item><id>b</id></item></iSet></item></rSet><nextToken> </nextToken><page><n>7</n></page></DescribeX>";
    let path = |text: &str| Path::parse(text).unwrap();
    let shape = shape(&[("rSet[].iSet[].id", text())]);
    let document = Document::parse(body, Protocol::Ec2).unwrap();
    let items = document.items(&path("rSet[].iSet[]"), &shape).into_iter().map(|(item, shape)| {
        let mut out = String::new();
        document.value(item, shape, &mut out);
        out
    });
    assert_eq!(items.collect::<Vec<_>>(), [r#"{"id":"a"}"#, r#"{"id":"b"}"#]);
    assert_eq!(document.text_at(&path("page.n")), Some("7"));
    assert_eq!((document.text_at(&path("nextToken")), document.text_at(&path("page"))), (None, None));
}

#[test]
fn query_wrappers_are_taken_off_and_member_is_a_list() {
    let body = "<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated><Users><member><UserName>a</UserName>\
        </member></Users></ListUsersResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></ListUsersResponse>";
    let expected = json!({"IsTruncated": "false", "Users": [{"UserName": "a"}]});
    assert_eq!(convert(Protocol::Query, body, &Shape::empty()), expected);
    let empty = "<DoResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DoResponse>";
    assert_eq!(convert(Protocol::Query, empty, &Shape::empty()), json!({}));
}

#[test]
fn lists_with_named_children_follow_the_shape() {
    let body = "<RResponse><RResult><DBs><DB><Id>a</Id><Subnets><Subnet><N>1</N></Subnet></Subnets></DB></DBs></RResult></RResponse>";
    let listed = shape(&[("DBs.DB[].Id", text()), ("DBs.DB[].Subnets.Subnet[].N", text())]);
    assert_eq!(
        convert(Protocol::Query, body, &listed),
        json!({"DBs": {"DB": [{"Id": "a", "Subnets": {"Subnet": [{"N": "1"}]}}]}})
    );
    let twice = "<R><A>1</A><B>2</B><A>3</A></R>";
    assert_eq!(convert(Protocol::RestXml, twice, &Shape::empty()), json!({"A": ["1", "3"], "B": "2"}));
    let scalars = shape(&[("A[]", text()), ("B[]", text())]);
    assert_eq!(convert(Protocol::RestXml, twice, &scalars), json!({"A": ["1", "3"], "B": ["2"]}));
}

#[test]
fn entries_are_objects_by_key() {
    let body = "<GResponse><GResult><Attributes><entry><key>Owner</key><value>1</value></entry><entry><key>On</key>\
        <value>true</value></entry></Attributes></GResult></GResponse>";
    let declared = shape(&[("Attributes.On", Shape::Leaf(Leaf::Flag))]);
    let expected = json!({"Attributes": {"Owner": "1", "On": true}});
    assert_eq!(convert(Protocol::Query, body, &declared), expected);
    let map = shape(&[("Attributes", Shape::Map)]);
    assert_eq!(convert(Protocol::Query, body, &map), json!({"Attributes": {"Owner": "1", "On": "true"}}));
}

#[test]
fn text_is_unescaped_and_types_are_members() {
    let body = r#"<L><G xmlns:xsi="u" xsi:type="Group"><U> a&amp;b &#x41;<![CDATA[<c>]]>&odd; </U><E>
        </E></G></L>"#;
    assert_eq!(
        convert(Protocol::RestXml, body, &Shape::empty()),
        json!({"G": {"Type": "Group", "U": " a&b A<c>&odd; ", "E": null}})
    );
}

#[test]
fn an_answer_of_nothing_is_an_empty_object() {
    assert_eq!(convert(Protocol::RestXml, "<LocationConstraint/>", &Shape::empty()), json!({}));
}

#[test]
fn what_is_no_xml_or_too_deep_is_an_error() {
    for broken in ["", "text", "<a><b></a>", "<a>", "<a></a></b>"] {
        assert!(matches!(to_json(broken, Protocol::RestXml, &Shape::empty()), Err(XmlError::Malformed(_))), "{broken}");
    }
    let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
    assert!(matches!(to_json(&deep, Protocol::RestXml, &Shape::empty()), Err(XmlError::TooDeep)));
}
