use std::collections::BTreeSet;
use std::sync::Arc;

use pacbot_cloud::AwsSettings;
use pacbot_schemas::{AssetTypeDef, CoverageStatus};
use serde_json::{Value, json};

use crate::testing::{EC2_HEAD, Script, cell, cells, context, covered, json_type, scope};
use crate::{RunContext, ScopeResult, Wanted, collectors};

fn def(text: &str) -> Arc<AssetTypeDef> {
    Arc::new(AssetTypeDef::parse("test.toml", text).unwrap_or_else(|errors| panic!("{errors:?}")))
}

async fn collect_in(run: &RunContext, file: &str) -> ScopeResult {
    let collectors = collectors([&def(file)]);
    collectors[0].collect(&scope("eu-west-1"), run).await
}

async fn collect(script: &Arc<Script>, file: &str) -> ScopeResult {
    collect_in(&context(script, AwsSettings::default()), file).await
}

const ID: &str = r#"id = { type = "string", key = true, doc = "d" }"#;

/// A JSON type with a page token and these further requests and columns.
fn paged(page: &str, requests: &str, columns: &str) -> String {
    json_type(&format!("{ID}\n{columns}"))
        .replace("permission", &format!("page = {page}\npermission"))
        .replace("[columns]", &format!("{requests}\n[columns]"))
}

fn things(requests: &str, columns: &str) -> String {
    paged(r#"{ next = { NextToken = "NextToken" } }"#, requests, columns)
}

const DETAIL: &str = r#"
[request.detail]
per        = "item"
operation  = "GetThing"
input      = { Id = "{id}" }
permission = "test:GetThing"
absent     = ["NothingThere"]
gone       = ["NoSuchThing"]
"#;
const COLOUR: &str = r#"colour = { type = "string", from = "detail", doc = "d" }"#;

fn list(ids: &[&str]) -> String {
    json!({"Things": ids.iter().map(|id| json!({"Id": id})).collect::<Vec<_>>()}).to_string()
}

fn raw(result: &ScopeResult, row: usize) -> Value {
    serde_json::from_str(&cell(&result.assets, row, "raw")).unwrap()
}

#[tokio::test]
async fn pages_of_ec2_become_assets_with_their_common_columns() {
    let page = |token: &str, items: &str| {
        format!("<R><requestId>{token}-x</requestId><thingSet>{items}</thingSet><nextToken>{token}</nextToken></R>")
    };
    let item =
        "<item><instanceId>i-1</instanceId><tagSet><item><key>Name</key><value>web</value></item></tagSet></item>";
    let script = Arc::new(
        Script::default()
            .on("DescribeThings", "NextToken=t2", page("", "<item><instanceId>i-3</instanceId></item>"))
            .on("DescribeThings", "NextToken=t1", page("t2", ""))
            .on("DescribeThings", "", page("t1", &format!("{item}<item><instanceId>i-2</instanceId></item>"))),
    );
    let file = format!(
        r#"{EC2_HEAD}
page = {{ size = {{ MaxResults = 5 }}, next = {{ NextToken = "nextToken" }} }}
items = "thingSet[]"
permission = "x:y"
[columns]
instance_id = {{ type = "string", key = true, doc = "d" }}
tags = {{ type = "map", path = "tagSet[]", entry = {{ key = "key", value = "value" }}, doc = "d" }}
"#
    );
    let result = collect(&script, &file).await;
    assert_eq!(result.assets.schema(), &def(&file).schema());
    assert_eq!(cells(&result.assets, "instance_id"), ["i-1", "i-2", "i-3"]);
    assert_eq!(cells(&result.assets, "name"), ["web", "i-2", "i-3"]);
    assert_eq!(cell(&result.assets, 0, "asset_id"), "arn:aws:test:eu-west-1:111122223333:i-1");
    let common = ["account_id", "account_name", "region", "collected_in", "tags", "unread"];
    let common = common.map(|column| cell(&result.assets, 0, column));
    assert_eq!(common, ["111122223333", "production", "eu-west-1", "eu-west-1", "{Name: web}", "[]"]);
    assert_eq!(raw(&result, 1), json!({"instanceId": "i-2"}));
    let coverage = covered(&result, "list");
    assert_eq!((coverage.status, coverage.rows, coverage.pages, coverage.calls), (CoverageStatus::Complete, 3, 3, 3));
    assert!(
        script.asked()[0].ends_with("Action=DescribeThings&Version=2016-11-15&MaxResults=5"),
        "{:?}",
        script.asked()
    );
}

#[tokio::test]
async fn a_flag_a_number_and_a_link_lead_on_too() {
    let flag = Script::default()
        .on("ListThings", r#""Marker":"m""#, r#"{"Things": [{"Id": "b"}], "More": false, "Marker": "m"}"#)
        .on("ListThings", "", r#"{"Things": [{"Id": "a"}], "More": true, "Marker": "m"}"#);
    let number = Script::default()
        .on("ListThings", r#""Page":3"#, list(&[]))
        .on("ListThings", r#""Page":2"#, list(&["b"]))
        .on("ListThings", r#""Page":1"#, list(&["a"]));
    let link = Script::default().on("ListThings", "/more?x=1", list(&["b"])).on(
        "ListThings",
        "",
        r#"{"Things": [{"Id": "a"}], "Next": "http://localhost:1/more?x=1"}"#,
    );
    let pages = [
        (flag, r#"{ next = { Marker = "Marker" }, more = "More" }"#, 2),
        (number, r#"{ number = "Page" }"#, 3),
        (link, r#"{ link = "Next" }"#, 2),
    ];
    for (script, page, calls) in pages {
        let script = Arc::new(script);
        let settings = AwsSettings { endpoint: Some("http://localhost:1".parse().unwrap()), ..AwsSettings::default() };
        let result = collect_in(&context(&script, settings), &paged(page, "", "")).await;
        assert_eq!(cells(&result.assets, "id"), ["a", "b"], "{page}: {:?}", result.coverage);
        assert_eq!(script.asked().len(), calls, "{page}");
    }
}

#[tokio::test]
async fn a_listing_that_does_not_move_on_is_no_listing() {
    let token = Script::default().on("ListThings", "", r#"{"Things": [{"Id": "a"}], "NextToken": "same"}"#);
    let number = Script::default().on("ListThings", "", list(&["a"]));
    let pages = [(token, r#"{ next = { NextToken = "NextToken" } }"#), (number, r#"{ number = "Page" }"#)];
    for (script, page) in pages {
        let script = Arc::new(script);
        let result = collect(&script, &paged(page, "", "")).await;
        let coverage = covered(&result, "list");
        assert_eq!(coverage.status, CoverageStatus::Failed, "{page}");
        assert_eq!(coverage.error.as_deref(), Some("not_an_api: the API repeats its page token"));
        assert!(result.assets.is_empty());
        assert_eq!(script.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_list_that_fails_on_its_third_page_leaves_nothing() {
    let script = Arc::new(
        Script::default()
            .fails("ListThings", r#""NextToken":"3""#, 400, "ValidationException")
            .on("ListThings", r#""NextToken":"2""#, r#"{"Things": [{"Id": "b"}], "NextToken": "3"}"#)
            .on("ListThings", "", r#"{"Things": [{"Id": "a"}], "NextToken": "2"}"#)
            .on("GetThing", "", r#"{"Colour": "red"}"#),
    );
    let result = collect(&script, &things(DETAIL, COLOUR)).await;
    assert!(result.assets.is_empty());
    let (list, detail) = (covered(&result, "list"), covered(&result, "detail"));
    assert_eq!((list.status, list.rows, list.pages), (CoverageStatus::Failed, 0, 2));
    assert_eq!(list.error.as_deref(), Some("`ValidationException`: not so (status 400)"));
    assert_eq!((list.error_code.as_deref(), &list.missing_permission), (Some("ValidationException"), &None));
    assert_eq!((detail.status, detail.rows), (CoverageStatus::Failed, 0));
    assert!(detail.error.as_deref().unwrap().contains("since `list` failed: not so"));
}

#[tokio::test]
async fn a_denied_list_names_what_to_grant() {
    let script = Arc::new(Script::default().fails("ListThings", "", 400, "AccessDeniedException"));
    let result = collect(&script, &things(DETAIL, COLOUR)).await;
    let (list, detail) = (covered(&result, "list"), covered(&result, "detail"));
    assert_eq!((list.status, list.missing_permission.as_deref()), (CoverageStatus::Denied, Some("test:ListThings")));
    assert_eq!((detail.status, &detail.missing_permission), (CoverageStatus::Denied, &None));
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn an_empty_list_is_an_answer_for_its_follow_ups_too() {
    let script = Arc::new(Script::default().on("ListThings", "", list(&[])));
    let result = collect(&script, &things(DETAIL, COLOUR)).await;
    let statuses: Vec<_> = result.coverage.iter().map(|coverage| coverage.status).collect();
    assert_eq!(statuses, [CoverageStatus::Complete; 2]);
    assert!(result.assets.is_empty());
}

#[tokio::test]
async fn follow_ups_are_answered_absent_gone_or_unread() {
    let script = Arc::new(
        Script::default()
            .on("ListThings", "", list(&["red", "plain", "gone", "odd"]))
            .on("GetThing", "red", r#"{"Colour": "red"}"#)
            .fails("GetThing", "plain", 400, "NothingThere")
            .fails("GetThing", "gone", 404, "NoSuchThing")
            .fails("GetThing", "odd", 400, "ValidationException"),
    );
    let result = collect(&script, &things(DETAIL, COLOUR)).await;
    assert_eq!(cells(&result.assets, "id"), ["red", "plain", "odd"]);
    assert_eq!(cells(&result.assets, "colour"), ["red", "-", "-"]);
    assert_eq!(cells(&result.assets, "unread"), ["[]", "[]", "[detail]"]);
    assert_eq!(raw(&result, 0), json!({"Id": "red", "_requests": {"detail": {"Colour": "red"}}}));
    assert_eq!(raw(&result, 1), json!({"Id": "plain"}));
    let (list, detail) = (covered(&result, "list"), covered(&result, "detail"));
    assert_eq!((list.status, list.rows, list.broken_items), (CoverageStatus::Complete, 3, 0));
    assert_eq!((detail.status, detail.rows, detail.failed_items, detail.calls), (CoverageStatus::Failed, 2, 1, 4));
    assert_eq!(detail.error_code.as_deref(), Some("ValidationException"));
}

#[tokio::test]
async fn a_follow_up_that_is_always_refused_is_not_asked_for_every_asset() {
    let script = Script::default().on("ListThings", "", list(&["a", "b", "c", "d", "e"]));
    let script = Arc::new(script.fails("GetThing", "", 400, "AccessDeniedException"));
    let result = collect(&script, &things(DETAIL, COLOUR)).await;
    assert_eq!(script.count("GetThing"), 3);
    let detail = covered(&result, "detail");
    assert_eq!((detail.status, detail.rows, detail.failed_items), (CoverageStatus::Denied, 0, 5));
    assert_eq!(detail.missing_permission.as_deref(), Some("test:GetThing"));
    assert_eq!(cells(&result.assets, "unread"), ["[detail]"; 5]);
}

#[tokio::test]
async fn assets_that_refuse_by_themselves_do_not_stop_the_others() {
    let list = list(&["open", "a", "b", "c", "d", "late"]);
    let script = Script::default().on("ListThings", "", list).on("GetThing", "open", "{}").on("GetThing", "late", "{}");
    let script = Arc::new(script.fails("GetThing", "", 400, "AccessDeniedException"));
    let result = collect(&script, &things(DETAIL, COLOUR)).await;
    let detail = covered(&result, "detail");
    assert_eq!((detail.status, detail.rows, detail.failed_items), (CoverageStatus::Denied, 2, 4));
}

#[tokio::test]
async fn a_placeholder_without_a_value_leaves_its_asset_unread() {
    let detail = DETAIL.replace("{id}", "{owner}");
    let script = Arc::new(Script::default().on("ListThings", "", list(&["a"])));
    let result =
        collect(&script, &things(&detail, &format!("owner = {{ type = \"string\", doc = \"d\" }}\n{COLOUR}"))).await;
    assert_eq!(cells(&result.assets, "unread"), ["[detail]"]);
    assert!(covered(&result, "detail").error.as_deref().unwrap().contains("`{owner}`, which has no value"));
    assert_eq!(script.count("GetThing"), 0);
}

#[tokio::test]
async fn pages_of_a_follow_up_are_one_answer() {
    let parts = r#"
[request.parts]
per        = "item"
operation  = "ListParts"
input      = { Id = "{id}" }
page       = { next = { NextToken = "NextToken" } }
items      = "Parts[]"
permission = "test:ListParts"
"#;
    let columns = r#"parts = { type = "list<string>", path = "Parts[].Name", from = "parts", doc = "d" }"#;
    let script = Arc::new(
        Script::default()
            .on("ListThings", "", list(&["a"]))
            .on("ListParts", "NextToken", r#"{"Parts": [{"Name": "2"}]}"#)
            .on("ListParts", "", r#"{"Parts": [{"Name": "1"}], "NextToken": "n"}"#),
    );
    let result = collect(&script, &things(parts, columns)).await;
    assert_eq!(cells(&result.assets, "parts"), ["[1, 2]"]);
    assert_eq!(raw(&result, 0)["_requests"], json!({"parts": {"Parts": [{"Name": "1"}, {"Name": "2"}]}}));
}

const ROLES: &str = r#"
[request.roles]
per        = "scope"
operation  = "ListRoles"
items      = "Roles[]"
match      = { id = "Name" }
permission = "test:ListRoles"

[request.settings]
per        = "scope"
operation  = "GetSettings"
permission = "test:GetSettings"
absent     = ["NothingThere"]
"#;
const ROLE_COLUMNS: &str = r#"
role = { type = "string", path = "Text", from = "roles", doc = "d" }
mode = { type = "string", path = "Mode", from = "settings", doc = "d" }
"#;

#[tokio::test]
async fn requests_of_the_scope_are_asked_once_and_matched() {
    let script = Arc::new(
        Script::default()
            .on("ListThings", r#""NextToken":"2""#, list(&["c"]))
            .on("ListThings", "", r#"{"Things": [{"Id": "a"}, {"Id": "b"}], "NextToken": "2"}"#)
            .on("ListRoles", "", r#"{"Roles": [{"Name": "c", "Text": "third"}, {"Name": "a", "Text": "first"}]}"#)
            .on("GetSettings", "", r#"{"Mode": "strict"}"#),
    );
    let result = collect(&script, &things(ROLES, ROLE_COLUMNS)).await;
    assert_eq!(cells(&result.assets, "role"), ["first", "-", "third"]);
    assert_eq!(cells(&result.assets, "mode"), ["strict"; 3]);
    assert_eq!(cells(&result.assets, "unread"), ["[]"; 3]);
    assert_eq!((script.count("ListRoles"), script.count("GetSettings")), (1, 1));
    assert_eq!(
        raw(&result, 2)["_requests"],
        json!({"roles": {"Name": "c", "Text": "third"}, "settings": {"Mode": "strict"}})
    );
    assert_eq!((covered(&result, "roles").rows, covered(&result, "settings").rows), (3, 3));
}

#[tokio::test]
async fn a_failed_request_of_the_scope_is_unread_for_all() {
    let script = Arc::new(
        Script::default()
            .on("ListThings", "", list(&["a", "b"]))
            .fails("ListRoles", "", 400, "AccessDeniedException")
            .fails("GetSettings", "", 400, "NothingThere"),
    );
    let result = collect(&script, &things(ROLES, ROLE_COLUMNS)).await;
    assert_eq!(cells(&result.assets, "unread"), ["[roles]"; 2]);
    let (roles, settings) = (covered(&result, "roles"), covered(&result, "settings"));
    assert_eq!((roles.status, roles.failed_items), (CoverageStatus::Denied, 2));
    assert_eq!((settings.status, settings.rows), (CoverageStatus::Complete, 2));
}

/// Things of users.
fn of_users() -> String {
    let users = r#"
[request.users]
per        = "scope"
service    = "test"
protocol   = "json-1.1"
target     = "Test"
operation  = "ListUsers"
items      = "Users[]"
permission = "test:ListUsers"
"#;
    things(users, r#"user = { type = "string", path = "users.UserName", doc = "d" }"#).replace(
        "[request.list]",
        "[request.list]\nper = \"users\"\ninput = { UserName = \"{users.UserName}\" }\ngone = [\"NoSuchUser\"]",
    )
}

#[tokio::test]
async fn children_are_listed_for_each_item_of_their_parent() {
    let script = Arc::new(
        Script::default()
            .on("ListUsers", "", r#"{"Users": [{"UserName": "ann"}, {"UserName": "deleted"}, {"UserName": "bob"}]}"#)
            .on("ListThings", r#""UserName":"ann","NextToken":"2""#, list(&["a2"]))
            .on("ListThings", "ann", r#"{"Things": [{"Id": "a1"}], "NextToken": "2"}"#)
            .on("ListThings", "bob", list(&["b1"]))
            .fails("ListThings", "deleted", 404, "NoSuchUser"),
    );
    let result = collect(&script, &of_users()).await;
    assert_eq!(cells(&result.assets, "id"), ["a1", "a2", "b1"], "{:?}", result.coverage);
    assert_eq!(cells(&result.assets, "user"), ["ann", "ann", "bob"]);
    assert_eq!(raw(&result, 0), json!({"Id": "a1", "users": {"UserName": "ann"}}));
    assert_eq!((covered(&result, "users").rows, covered(&result, "list").rows), (3, 3));
}

#[tokio::test]
async fn without_its_parent_a_list_is_unknown() {
    let denied = Arc::new(Script::default().fails("ListUsers", "", 400, "AccessDeniedException"));
    let result = collect(&denied, &of_users()).await;
    let (things, users) = (covered(&result, "list"), covered(&result, "users"));
    assert_eq!((users.status, things.status), (CoverageStatus::Denied, CoverageStatus::Denied));
    assert!(things.error.as_deref().unwrap().contains("since `users` failed"));
    assert_eq!((users.missing_permission.as_deref(), &things.missing_permission), (Some("test:ListUsers"), &None));

    let one_fails = Arc::new(
        Script::default()
            .on("ListUsers", "", r#"{"Users": [{"UserName": "ann"}, {"UserName": "bob"}]}"#)
            .on("ListThings", "ann", list(&["a1"]))
            .fails("ListThings", "bob", 400, "ValidationException"),
    );
    let result = collect(&one_fails, &of_users()).await;
    assert!(result.assets.is_empty());
    let (things, users) = (covered(&result, "list"), covered(&result, "users"));
    assert_eq!((users.status, things.status), (CoverageStatus::Complete, CoverageStatus::Failed));
}

#[tokio::test]
async fn what_is_made_of_a_failed_request_is_null_and_unread() {
    let columns = r#"parts = { type = "list<string>", from = "detail", doc = "d" }
has_parts = { type = "bool", has_any = "parts", doc = "d" }
own_id = { type = "string", template = "{id}-{region}", doc = "d" }"#;
    let script = Script::default()
        .on("ListThings", "", list(&["full", "bare", "none", "failed"]))
        .on("GetThing", "full", r#"{"Parts": ["a"]}"#)
        .on("GetThing", "bare", r#"{"Parts": []}"#)
        .fails("GetThing", "none", 400, "NothingThere")
        .fails("GetThing", "failed", 400, "Broken");
    let result = collect(&Arc::new(script), &things(DETAIL, columns)).await;
    assert_eq!(cells(&result.assets, "has_parts"), ["true", "false", "-", "-"]);
    assert_eq!(cells(&result.assets, "own_id")[3], "failed-eu-west-1");
    assert_eq!(cells(&result.assets, "unread"), ["[]", "[]", "[]", "[detail]"]);

    let optional = things(&format!("{DETAIL}optional = true"), columns);
    for (wanted, asked) in [("own_id", 0), ("has_parts", 1)] {
        let script = Arc::new(Script::default().on("ListThings", "", list(&["1"])).on("GetThing", "", "{}"));
        let def = def(&optional);
        let columns = [(def.asset_type.clone(), BTreeSet::from([wanted.to_owned()]))];
        let run = RunContext {
            wanted: Wanted::Columns(columns.into_iter().collect()),
            ..context(&script, AwsSettings::default())
        };
        collect_in(&run, &optional).await;
        assert_eq!(script.count("GetThing"), asked, "{wanted}");
    }
}

/// A list of things that are reported when somebody asks for it.
fn of_report() -> String {
    json_type(&format!("{ID}\nstate = {{ type = \"string\", words = {{ x = \"yes\", \"*\" = \"no\" }}, doc = \"d\" }}"))
        .replace(
            "[request.list]",
            r#"[request.report]
per        = "scope"
operation  = "MakeReport"
until      = { State = ["DONE", "OLD"] }
permission = "test:MakeReport"
[request.list]
per        = "report"
not_yet    = ["InProgress"]"#,
        )
}

#[tokio::test]
async fn what_is_never_made_is_asked_for_so_often_only() {
    let made = || Script::default().on("MakeReport", "", r#"{"State": "OLD"}"#);
    let cases = [
        (Script::default().on("MakeReport", "", r#"{"State": "BUSY"}"#), 24, 0, "report"),
        (Script::default().fails("MakeReport", "", 400, "InProgress"), 1, 0, "report"),
        (made().fails("ListThings", "", 400, "InProgress"), 1, 24, "list"),
        (made().fails("ListThings", "", 400, "NoSuchReport"), 1, 1, "list"),
    ];
    for (script, asked, listed, failed) in cases {
        let script = Arc::new(script);
        let result = collect(&script, &of_report()).await;
        assert_eq!((script.count("MakeReport"), script.count("ListThings")), (asked, listed));
        assert_eq!(covered(&result, failed).status, CoverageStatus::Failed);
        assert_eq!(covered(&result, "list").status, CoverageStatus::Failed);
        assert_eq!(covered(&result, "report").calls, asked as u64, "each is a call");
        assert!(result.assets.is_empty());
        if asked == 24 {
            let error = covered(&result, "report").error.clone().unwrap();
            assert_eq!(error, "timeout: `State` is still `BUSY` and not DONE or OLD");
        }
    }
    let script = Arc::new(made().on(
        "ListThings",
        "",
        r#"{"Things": [{"Id": "1", "State": "x"}, {"Id": "2", "State": "y"}, {"Id": "3"}]}"#,
    ));
    let result = collect(&script, &of_report()).await;
    assert_eq!(cells(&result.assets, "state"), ["yes", "no", "-"], "in other words; null stays null");
}

#[tokio::test]
async fn broken_items_duplicates_and_filtered_items() {
    let body = json!({"Things": [
        {"Id": "a", "Kind": "x", "Size": 1},
        {"Id": null, "Kind": "x"},
        {"Kind": "x"},
        {"Id": "a", "Kind": "x", "Size": 2},
        {"Id": "other", "Kind": "y"},
        {"Id": "elsewhere", "Kind": "in-us-east-1"},
        {"Id": "b", "Kind": "in-eu-west-1", "Size": "many"},
        null
    ]});
    let file = things("", r#"size = { type = "int", doc = "d" }"#)
        .replace("permission", "filter = { Kind = [\"x\", \"in-{region}\"] }\npermission");
    let script = Arc::new(Script::default().on("ListThings", "", body.to_string()));
    let result = collect(&script, &file).await;
    assert_eq!(cells(&result.assets, "id"), ["a", "b"]);
    assert_eq!(cells(&result.assets, "size"), ["2", "-"]);
    let list = covered(&result, "list");
    assert_eq!((list.rows, list.duplicates, list.broken_items, list.cell_errors), (2, 1, 2, 1));
    assert_eq!(list.status, CoverageStatus::Complete);
}

#[tokio::test]
async fn bare_texts_are_values_and_no_items_path_is_one_item() {
    let texts = Arc::new(Script::default().on("ListThings", "", r#"{"Things": ["a", "b"]}"#));
    let file = json_type(r#"id = { type = "string", path = "value", key = true, doc = "d" }"#);
    assert_eq!(cells(&collect(&texts, &file).await.assets, "asset_id"), ["thing/a", "thing/b"]);
    let one = Arc::new(Script::default().on("ListThings", "", r#"{"Id": "account"}"#));
    let file = json_type(ID).replace("items      = \"Things[]\"\n", "");
    assert_eq!(cells(&collect(&one, &file).await.assets, "asset_id"), ["thing/account"]);
}

#[tokio::test]
async fn secrets_neither_land_nor_show_in_the_hash() {
    let file = things("", r#"variables = { type = "json", path = "Env.Variables", doc = "d" }"#)
        .replace("[request.list]", "secret = [\"Env.Variables\"]\n[request.list]");
    let mut hashes = BTreeSet::new();
    for secret in ["s3cret", "another"] {
        let body = json!({"Things": [{"Id": "a", "Env": {"Variables": {"PASSWORD": secret}, "Error": null}}]});
        let script = Arc::new(Script::default().on("ListThings", "", body.to_string()));
        let result = collect(&script, &file).await;
        assert_eq!(raw(&result, 0), json!({"Id": "a", "Env": {"Error": null}}));
        assert_eq!(cells(&result.assets, "variables"), ["-"]);
        hashes.insert(cell(&result.assets, 0, "content_hash"));
    }
    assert_eq!(hashes.len(), 1);
}

#[tokio::test]
async fn secrets_of_follow_ups_do_not_land_either() {
    let items = DETAIL.replace("permission", "items      = \"Vars[]\"\npermission");
    for (detail, answer) in [
        (DETAIL, json!({"Colour": "red", "Vars": [{"Name": "PASSWORD", "Value": "s3cret"}]})),
        (items.as_str(), json!({"Vars": [{"Name": "PASSWORD", "Value": "s3cret"}]})),
    ] {
        let names = r#"names = { type = "list<struct<name: string>>", path = "Vars[]", from = "detail", doc = "d" }"#;
        let file = things(detail, names).replacen("[request.list]", "secret = [\"Vars[].Value\"]\n[request.list]", 1);
        let script = Script::default().on("ListThings", "", list(&["a"])).on("GetThing", "", answer.to_string());
        let result = collect(&Arc::new(script), &file).await;
        let raw = raw(&result, 0).to_string();
        assert!(raw.contains("PASSWORD") && !raw.contains("s3cret"), "{raw}");
        assert_eq!(cells(&result.assets, "names"), ["[{name: PASSWORD}]"]);
    }
}

#[tokio::test]
async fn the_hash_tells_answers_apart() {
    let mut hashes = BTreeSet::new();
    for colour in ["red", "blue", "red"] {
        let script = Script::default().on("ListThings", "", list(&["a"]));
        let script = Arc::new(script.on("GetThing", "", json!({"Colour": colour}).to_string()));
        hashes.insert(cell(&collect(&script, &things(DETAIL, COLOUR)).await.assets, 0, "content_hash"));
    }
    let script = Script::default().on("ListThings", "", list(&["a"])).fails("GetThing", "", 400, "ValidationException");
    let unread = collect(&Arc::new(script), &things(DETAIL, COLOUR)).await;
    hashes.insert(cell(&unread.assets, 0, "content_hash"));
    assert_eq!(hashes.len(), 3);
}

#[tokio::test]
async fn optional_requests_are_made_for_who_reads_them() {
    let file = things(&DETAIL.replace("permission", "optional = true\npermission"), COLOUR);
    let script =
        || Arc::new(Script::default().on("ListThings", "", list(&["a"])).on("GetThing", "", r#"{"Colour": "red"}"#));
    let wanted = |column: &str| Wanted::Columns([(def(&file).asset_type.clone(), [column.to_owned()].into())].into());
    for (column, status, calls) in [("id", CoverageStatus::Skipped, 0), ("colour", CoverageStatus::Complete, 1)] {
        let script = script();
        let run = RunContext { wanted: wanted(column), ..context(&script, AwsSettings::default()) };
        let result = collect_in(&run, &file).await;
        assert_eq!((covered(&result, "detail").status, script.count("GetThing")), (status, calls), "{column}");
        assert_eq!(cells(&result.assets, "unread"), ["[]"]);
    }
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_is_refused_everywhere() {
    let script = Script::default().with(
        "AssumeRole",
        "",
        403,
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>".to_owned(),
    );
    let script = Arc::new(script);
    let settings: AwsSettings =
        serde_json::from_value(json!({"accounts": [{"id": "111122223333", "role": "reader"}]})).unwrap();
    let result = collect_in(
        &context(&script, settings),
        &things(&format!("{DETAIL}{ROLES}"), &format!("{COLOUR}{ROLE_COLUMNS}")),
    )
    .await;
    for coverage in &result.coverage {
        assert_eq!(coverage.status, CoverageStatus::Denied, "{coverage:?}");
        assert!(coverage.error.as_deref().unwrap().contains("not you"), "{coverage:?}");
        assert_eq!(coverage.missing_permission, None);
    }
    assert_eq!(script.count("AssumeRole"), 1);
}

#[tokio::test]
async fn many_items_are_worked_off_in_chunks_and_spill_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<String> = (0..3000).map(|id| id.to_string()).collect();
    let body = list(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let script = Arc::new(Script::default().on("ListThings", "", body).on("GetThing", "", r#"{"Colour": "red"}"#));
    let mut run = context(&script, AwsSettings::default());
    run.staging = crate::StagingRoom::new(folder.path(), 0);
    run.follow_ups_at_once = 16;
    let result = collect_in(&run, &things(DETAIL, COLOUR)).await;
    assert!(result.assets.is_spilled());
    assert_eq!(result.assets.batches().count(), 3);
    assert_eq!((result.assets.rows(), covered(&result, "detail").rows), (3000, 3000));
    assert_eq!(cell(&result.assets, 2999, "asset_id"), "thing/2999");
}

#[tokio::test]
async fn a_staging_folder_that_is_gone_fails_the_scope() {
    let script = Arc::new(Script::default().on("ListThings", "", list(&["a"])));
    let mut run = context(&script, AwsSettings::default());
    run.staging = crate::StagingRoom::new("/nowhere/at/all", 0);
    let result = collect_in(&run, &things("", "")).await;
    let list = covered(&result, "list");
    assert_eq!((list.status, list.rows), (CoverageStatus::Failed, 0));
    assert!(list.error.as_deref().unwrap().contains("staging file in `/nowhere/at/all`"), "{list:?}");
}
