//! Bad input: the message and the exit code that people get.

use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};

/// Exit code and messages, with the folder's path left out.
fn told(pacbot: &Pacbot, arguments: &[&str]) -> String {
    let ended = pacbot.run(arguments);
    let folder = pacbot.path("").display().to_string();
    let text = format!("{}{}", ended.stdout, ended.stderr).replace(folder.trim_end_matches('/'), "FOLDER");
    format!("exit code {:?}\n{text}", ended.code.unwrap_or(-1))
}

fn with_config(config: &str) -> String {
    told(&Pacbot::new(config), &["policies", "list"])
}

#[test]
fn configurations() {
    insta::assert_snapshot!("config_unknown_key", with_config("[lake]\nlocaton = \"x\"\n"));
    insta::assert_snapshot!("config_wrong_type", with_config("[lake]\nretention_days = \"long\"\n"));
    insta::assert_snapshot!("config_no_toml", with_config("[lake\n"));
    insta::assert_snapshot!("config_unknown_policy", with_config("[policies]\ndisabled = [\"aws-s3-bucket-not-publik\"]\n"));
    let parameter = "[policies.parameters.aws-iam-access-key-rotated]\nmax_age_days = \"soon\"\n";
    insta::assert_snapshot!("config_wrong_parameter_type", with_config(parameter));
    let unknown = "[policies.parameters.aws-iam-access-key-rotated]\nmax_days = 3\n";
    insta::assert_snapshot!("config_unknown_parameter", with_config(unknown));
    insta::assert_snapshot!("config_missing_file", told(&Pacbot::new(""), &["--config", "nowhere.toml", "policies", "list"]));
    let two_roles = "[aws]\naccounts = [{ id = \"1\", role = \"a\", role_arn = \"b\" }]\n";
    insta::assert_snapshot!("config_two_roles", told(&Pacbot::new(two_roles), &["collect"]));
}

#[test]
fn policies_and_types() {
    let pacbot = Pacbot::new("");
    let policy = |name: &str, sql: &str| {
        let text = format!(
            "/*---\nid = \"mine\"\ntitle = \"t\"\nseverity = \"high\"\ncategory = \"security\"\nasset_type = \"aws_s3_bucket\"\ndescription = \"d\"\nremediation = \"r\"\n---*/\n{sql}\n"
        );
        std::fs::write(pacbot.path(name), text).unwrap();
        told(&pacbot, &["policies", "check", name])
    };
    let columns = "select asset_id, account_id, region, 'x' as reason";
    insta::assert_snapshot!("policy_unknown_table", policy("a.sql", &format!("{columns} from aws_s3_bukket")));
    insta::assert_snapshot!("policy_unknown_column", policy("b.sql", &format!("{columns} from aws_s3_bucket where versioning")));
    insta::assert_snapshot!("policy_star", policy("c.sql", "select * from aws_s3_bucket"));
    insta::assert_snapshot!("policy_missing_reason", policy("d.sql", "select asset_id, account_id, region from aws_s3_bucket"));
    insta::assert_snapshot!("policy_writes", policy("e.sql", "delete from aws_s3_bucket"));
    insta::assert_snapshot!("policy_broken_sql", policy("f.sql", "select asset_id, from aws_s3_bucket wher"));
    std::fs::write(pacbot.path("g.sql"), "/*---\nid = \"mine\"\nseverty = \"high\"\n---*/\nselect 1\n").unwrap();
    insta::assert_snapshot!("policy_front_matter", told(&pacbot, &["policies", "check", "g.sql"]));
    insta::assert_snapshot!("policy_unknown_id", told(&pacbot, &["policies", "show", "aws-s3-bucket-not-publik"]));

    let broken = "table = \"aws_thing\"\nasset_id = \"{thing_id}\"\n\n[request.list]\nservice = \"ec2\"\nprotocoll = \"ec2\"\n";
    std::fs::write(pacbot.path("thing.toml"), broken).unwrap();
    insta::assert_snapshot!("type_unknown_key", told(&pacbot, &["schema", "check", "thing.toml"]));
    insta::assert_snapshot!("type_unknown", told(&pacbot, &["collect", "--type", "aws_s3_bukket"]));
}

#[test]
fn lakes_and_statements() {
    let pacbot = Pacbot::new("");
    std::fs::write(pacbot.path("file"), "not a folder").unwrap();
    insta::assert_snapshot!("lake_is_a_file", told(&pacbot, &["--lake", "file", "runs", "list"]));
    insta::assert_snapshot!("lake_unknown_scheme", told(&pacbot, &["--lake", "ftp://host/lake", "runs", "list"]));
    insta::assert_snapshot!("lake_empty_report", told(&pacbot, &["report"]));
    insta::assert_snapshot!("lake_empty_evaluate", told(&pacbot, &["evaluate", "--policy", "aws-s3-bucket-not-public"]));
    insta::assert_snapshot!("no_recording", told(&pacbot, &["run", "--replay", "nowhere"]));
    insta::assert_snapshot!("sql_unknown_table", told(&pacbot, &["sql", "select 1 from aws_s3_bukket"]));
    insta::assert_snapshot!("sql_writes", told(&pacbot, &["sql", "drop table runs"]));
    insta::assert_snapshot!("issue_unknown", told(&pacbot, &["issues", "show", "0000"]));
    insta::assert_snapshot!("run_unknown", told(&pacbot, &["runs", "show", "20250101T000000Z-000000"]));
    insta::assert_snapshot!("option_unknown", told(&pacbot, &["run", "--fial-on", "high"]));
    insta::assert_snapshot!("severity_unknown", told(&pacbot, &["run", "--fail-on", "hihg"]));
}

#[test]
fn a_lake_with_a_broken_log_or_a_lost_file() {
    let pacbot = Pacbot::new(SMALL);
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    let lost = pacbot.copy();
    for entry in std::fs::read_dir(lost.path("lake/aws_s3_bucket")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "parquet") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let evaluated = lost.run(&["evaluate"]);
    assert_eq!(evaluated.code, Some(2), "{evaluated:?}");
    assert_eq!(lost.value("select count(*) from issues where state = 'closed'"), 0, "a lost file closes nothing");

    std::fs::write(pacbot.path("lake/aws_s3_bucket/_delta_log/00000000000000000001.json"), "{ this is no log").unwrap();
    let ended = pacbot.run(&["sql", "select count(*) from aws_s3_bucket"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.stderr.contains("`aws_s3_bucket`"), "{ended:?}");
}
