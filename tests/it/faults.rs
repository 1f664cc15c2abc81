//! Faults between us and the cloud: what was not answered whole closes nothing, and is told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::estate::{self, Truth};
use crate::pacbot::Pacbot;
use crate::servers::fault_proxy::FaultProxy;
use crate::servers::moto::Moto;

/// One policy for each kind of request that a fault hits.
const PART: &str = "
[collect]
types = [\"aws_s3_bucket\", \"aws_sns_topic\", \"aws_ebs_volume\", \"aws_iam_user\", \"aws_dynamodb_table\", \"aws_lambda_function\"]

[policies]
enabled = [\"aws-s3-bucket-not-public\", \"aws-s3-bucket-versioning-enabled\", \"aws-sns-topic-encrypted\", \"aws-ebs-volume-encrypted\", \"aws-iam-user-console-mfa\", \"aws-dynamodb-table-encrypted-with-kms\", \"aws-lambda-function-memory-size\"]
";

/// A fault and what it must lead to.
struct Fault {
    name: &'static str,
    rule: Value,
    /// 0 where trying again heals it.
    code: i32,
    /// A condition on `coverage` of the run that holds for at least one row.
    told: &'static str,
    /// Types whose issues may become unknown; all others keep their state.
    hides: &'static [&'static str],
}

fn faults(truth: &Truth) -> Vec<Fault> {
    let dev = truth.account("shop-dev");
    vec![
        Fault {
            name: "throttled now and then",
            rule: json!([{"fault": "throttle", "every": 10}]),
            code: 0,
            told: "status = 'complete' and calls > pages",
            hides: &[],
        },
        Fault {
            name: "a burst of server errors",
            rule: json!([{"fault": "error500", "match": {"service": "ec2"}, "times": 2}]),
            code: 0,
            told: "asset_type = 'aws_ebs_volume' and status = 'complete'",
            hides: &[],
        },
        Fault {
            name: "server errors for ever",
            rule: json!([{"fault": "error500", "match": {"service": "ec2"}}]),
            code: 2,
            told: "asset_type = 'aws_ebs_volume' and status = 'failed' and error is not null",
            hides: &["aws_ebs_volume"],
        },
        Fault {
            name: "bodies that end in the middle",
            rule: json!([{"fault": "truncate", "match": {"service": "sns", "action": "ListTopics"}}]),
            code: 2,
            told: "asset_type = 'aws_sns_topic' and status = 'failed'",
            hides: &["aws_sns_topic"],
        },
        Fault {
            name: "a list is denied",
            rule: json!([{"fault": "denied", "match": {"service": "dynamodb", "action": "ListTables", "account": dev}}]),
            code: 2,
            told: "asset_type = 'aws_dynamodb_table' and status = 'denied' and missing_permission = 'dynamodb:ListTables'",
            hides: &["aws_dynamodb_table"],
        },
        Fault {
            name: "what is asked for each asset is denied",
            rule: json!([{"fault": "denied", "match": {"service": "s3", "action": "GET /[^?]+\\?acl"}}]),
            code: 2,
            told: "asset_type = 'aws_s3_bucket' and request = 'acl' and status = 'denied' and missing_permission = 's3:GetBucketAcl' and failed_items > 0",
            hides: &["aws_s3_bucket"],
        },
        Fault {
            name: "pages without end",
            rule: json!([{"fault": "endless-page", "match": {"service": "iam", "action": "ListUsers"}}]),
            code: 2,
            told: "asset_type = 'aws_iam_user' and request = 'list' and status = 'failed'",
            hides: &["aws_iam_user"],
        },
        Fault {
            name: "an HTML page where XML should be",
            rule: json!([{"fault": "html", "match": {"service": "ec2", "action": "DescribeVolumes"}}]),
            code: 2,
            told: "asset_type = 'aws_ebs_volume' and status = 'failed'",
            hides: &["aws_ebs_volume"],
        },
        Fault {
            name: "credentials that expire in the middle, and can be had again",
            rule: json!([{"fault": "expired", "match": {"service": "sns", "account": dev}, "after": 2, "times": 1}]),
            code: 0,
            told: "asset_type = 'aws_sns_topic' and status = 'complete'",
            hides: &[],
        },
        Fault {
            name: "credentials that are expired for ever",
            rule: json!([{"fault": "expired", "match": {"service": "lambda"}}]),
            code: 2,
            told: "asset_type = 'aws_lambda_function' and status = 'failed'",
            hides: &["aws_lambda_function"],
        },
        Fault {
            name: "an account whose role nobody may assume",
            rule: json!([{"fault": "denied", "match": {"service": "sts", "action": "AssumeRole", "account": dev}}]),
            code: 2,
            told: "status = 'denied' and error is not null and missing_permission is null",
            hides: &[
                "aws_s3_bucket",
                "aws_sns_topic",
                "aws_ebs_volume",
                "aws_iam_user",
                "aws_dynamodb_table",
                "aws_lambda_function",
            ],
        },
        Fault {
            name: "an organization that does not say who its members are",
            rule: json!([{"fault": "denied", "match": {"service": "organizations"}}]),
            code: 2,
            told: "status = 'denied' and error is not null",
            hides: &[
                "aws_s3_bucket",
                "aws_sns_topic",
                "aws_ebs_volume",
                "aws_iam_user",
                "aws_dynamodb_table",
                "aws_lambda_function",
            ],
        },
        Fault {
            name: "connections that are cut",
            rule: json!([{"fault": "close", "match": {"service": "lambda"}, "every": 7}]),
            code: 0,
            told: "asset_type = 'aws_lambda_function' and status = 'complete'",
            hides: &[],
        },
    ]
}

#[derive(Debug, Deserialize, PartialEq)]
struct State {
    issue_id: String,
    asset_type: String,
    state: String,
    cause: String,
}

fn states(pacbot: &Pacbot) -> BTreeMap<String, State> {
    let states: Vec<State> = pacbot.rows("select issue_id, asset_type, state, cause from issues");
    states.into_iter().map(|state| (state.issue_id.clone(), state)).collect()
}

#[tokio::test]
async fn no_fault_closes_an_issue_and_every_fault_is_told() {
    let moto = Moto::start();
    let proxy = FaultProxy::start(&moto.endpoint());
    let clean = Pacbot::new(&estate::config(&proxy.endpoint(), PART));
    let truth = estate::seed(&moto.endpoint(), &clean.path("day1.json"));
    proxy.rules(&json!([])).await;
    clean.expect(0, &["run"]);
    let before = states(&clean);
    assert!(before.len() > 20, "{} issues", before.len());

    let mut wrong = Vec::new();
    for fault in faults(&truth) {
        let pacbot = clean.copy();
        proxy.rules(&fault.rule).await;
        let ended = pacbot.run(&["run"]);
        let report = proxy.report().await;
        let injected: u64 =
            report["rules"].as_array().unwrap().iter().map(|rule| rule["injected"].as_u64().unwrap()).sum();
        let calls: u64 = report["calls"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        let mut blame = |what: String| wrong.push(format!("{}: {what}\n{}{}", fault.name, ended.stdout, ended.stderr));
        if injected == 0 {
            blame(format!("never happened: {report}"));
        }
        // What never heals is given up.
        if calls > 3000 {
            blame(format!("{calls} calls"));
        }
        if ended.code != Some(fault.code) {
            blame(format!("ended with {:?} instead of {}", ended.code, fault.code));
        }
        let told = format!(
            "select count(*) from coverage where run_id = (select max(run_id) from coverage) and {}",
            fault.told
        );
        if pacbot.value(&told) == 0 {
            let rows: Vec<Value> = pacbot.rows("select asset_type, request, status, error, missing_permission, calls, pages from coverage where run_id = (select max(run_id) from coverage) and (status <> 'complete' or calls > pages)");
            blame(format!("coverage does not say so: {rows:#?}"));
        }
        for (id, state) in states(&pacbot) {
            let was = &before[&id];
            let is_hidden = state.state == "unknown"
                && state.cause == "not_covered"
                && fault.hides.contains(&state.asset_type.as_str());
            if state != *was && !is_hidden {
                blame(format!("{was:?} became {state:?}"));
            }
        }
        let hidden = states(&pacbot).values().filter(|state| state.state == "unknown").count();
        if (hidden > 0) == fault.hides.is_empty() {
            blame(format!("{hidden} issues are unknown"));
        }
        // When it is over, all is as before.
        proxy.rules(&json!([])).await;
        let healed = pacbot.run(&["run"]);
        let open = |states: BTreeMap<String, State>| -> Vec<String> {
            states.into_values().filter(|state| state.state == "open").map(|state| state.issue_id).collect()
        };
        if healed.code != Some(0) || open(states(&pacbot)) != open(states(&clean)) {
            blame(format!("does not heal: {healed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}
