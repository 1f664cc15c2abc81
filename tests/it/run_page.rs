//! The page of a run: the numbers of the tables, the worst first.

use serde_json::Value;

use crate::pacbot::{Pacbot, recording};

/// RDS is denied in one account on day 3.
const PART: &str = "
[collect]
types = [\"aws_rds_db_instance\", \"aws_s3_bucket\", \"aws_sns_topic\"]
[policies]
enabled = [\"aws-s3-bucket-not-public\", \"aws-sns-topic-encrypted\", \"aws-rds-db-instance-storage-encrypted\"]
";

#[test]
fn a_run_is_told_by_scope_and_policy_worst_first() {
    let pacbot = Pacbot::new(PART);
    let none = pacbot.expect(64, &["report", "--run", "latest"]);
    assert!(none.stderr.contains("nothing was evaluated yet"), "{none:?}");
    pacbot.expect(2, &["run", "--replay", &recording(3)]);
    let text = pacbot.expect(0, &["report", "--run", "latest"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let scopes = lines.iter().position(|line| line.starts_with("account ")).unwrap();
    assert!(lines[scopes + 1].contains("aws_rds_db_instance") && lines[scopes + 1].contains("denied"), "{text}");
    assert_eq!(lines[scopes + 2], "    grant rds:DescribeDBInstances", "{text}");
    assert!(lines.iter().any(|line| line.starts_with("collect ") && line.contains("partial")), "{text}");

    let page: Value =
        serde_json::from_str(&pacbot.expect(0, &["report", "--run", "latest", "--format", "json"]).stdout).unwrap();
    let sum = |part: &str, column: &str| -> u64 {
        page[part].as_array().unwrap().iter().map(|row| row[column].as_u64().unwrap_or(0)).sum()
    };
    assert_eq!(Value::from(sum("scopes", "calls")), pacbot.value("select sum(calls) from coverage"));
    assert_eq!(
        Value::from(sum("scopes", "rows")),
        pacbot.value("select sum(rows) from coverage where request = 'list'")
    );
    let unanswered = "select count(*) from coverage where status not in ('complete', 'skipped')";
    assert_eq!(Value::from(sum("scopes", "unanswered_requests")), pacbot.value(unanswered));
    assert_eq!(Value::from(sum("policies", "violations")), pacbot.value("select count(*) from violations"));
    let scopes = page["scopes"].as_array().unwrap().len();
    let expected = "select count(*) from (select distinct account_id, region, asset_type from coverage)";
    assert_eq!(Value::from(scopes), pacbot.value(expected));
    assert!(page["policies"][0]["unanswered_requests"].as_u64() > Some(0), "{page}");

    let id = page["run_id"].as_str().unwrap();
    assert_eq!(pacbot.expect(0, &["report", "--run", id]).stdout, text);
    assert!(pacbot.expect(64, &["report", "--run", "nothing"]).stderr.contains("holds no run `nothing`"));
}
