//! Bad input: the message and the exit code that people get.

use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};

/// What people are told, one case below the other.
#[derive(Default)]
struct Cases(String);

impl Cases {
    fn add(&mut self, name: &str, told: String) {
        self.0 += &format!("# {name}: {told}\n");
    }
}

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
    let mut cases = Cases::default();
    cases.add("config_unknown_key", with_config("[lake]\nlocaton = \"x\"\n"));
    cases.add("config_wrong_type", with_config("[lake]\nretention_days = \"long\"\n"));
    cases.add("config_no_toml", with_config("[lake\n"));
    cases.add("config_unknown_policy", with_config("[policies]\ndisabled = [\"aws-s3-bucket-not-publik\"]\n"));
    let parameter = "[policies.parameters.aws-iam-access-key-rotated]\nmax_age_days = \"soon\"\n";
    cases.add("config_wrong_parameter_type", with_config(parameter));
    let unknown = "[policies.parameters.aws-iam-access-key-rotated]\nmax_days = 3\n";
    cases.add("config_unknown_parameter", with_config(unknown));
    cases.add("config_missing_file", told(&Pacbot::new(""), &["--config", "nowhere.toml", "policies", "list"]));
    let two_roles = "[aws]\naccounts = [{ id = \"111122223333\", role = \"a\", role_arn = \"b\" }]\n";
    cases.add("config_two_roles", told(&Pacbot::new(two_roles), &["collect"]));
    insta::assert_snapshot!("configurations", cases.0);
}

#[test]
fn policies_and_types() {
    let mut cases = Cases::default();
    let pacbot = Pacbot::new("");
    let policy = |name: &str, sql: &str| {
        let text = format!(
            "/*---\nid = \"mine\"\ntitle = \"t\"\nseverity = \"high\"\ncategory = \"security\"\nasset_type = \"aws_s3_bucket\"\ndescription = \"d\"\nremediation = \"r\"\n---*/\n{sql}\n"
        );
        std::fs::write(pacbot.path(name), text).unwrap();
        told(&pacbot, &["policies", "check", name])
    };
    let columns = "select asset_id, account_id, region, 'x' as reason";
    cases.add("policy_unknown_table", policy("a.sql", &format!("{columns} from aws_s3_bukket")));
    cases.add("policy_unknown_column", policy("b.sql", &format!("{columns} from aws_s3_bucket where versioning")));
    cases.add("policy_star", policy("c.sql", "select * from aws_s3_bucket"));
    cases.add("policy_missing_reason", policy("d.sql", "select asset_id, account_id, region from aws_s3_bucket"));
    cases.add("policy_writes", policy("e.sql", "delete from aws_s3_bucket"));
    cases.add("policy_broken_sql", policy("f.sql", "select asset_id, from aws_s3_bucket wher"));
    std::fs::write(pacbot.path("g.sql"), "/*---\nid = \"mine\"\nseverty = \"high\"\n---*/\nselect 1\n").unwrap();
    cases.add("policy_front_matter", told(&pacbot, &["policies", "check", "g.sql"]));
    let unknown = "/*---\nid = \"mine\"\ntitle = \"X\"\nseverity = \"high\"\nasset_type = \"aws_s3_bucket\"\nremediation = \"Mend it.\"\nfix = \"aws-s3-encrypted\"\n---*/\nselect asset_id, account_id, region, 'x' as reason from aws_s3_bucket\n";
    std::fs::write(pacbot.path("h.sql"), unknown).unwrap();
    cases.add("policy_unknown_fix", told(&pacbot, &["policies", "check", "h.sql"]));
    let unfit = unknown.replace("aws-s3-encrypted", "aws-kms-rotate-key");
    std::fs::write(pacbot.path("i.sql"), unfit).unwrap();
    cases.add("policy_unfit_fix", told(&pacbot, &["policies", "check", "i.sql"]));
    cases.add("policy_unknown_id", told(&pacbot, &["policies", "show", "aws-s3-bucket-not-publik"]));

    let broken =
        "table = \"aws_thing\"\nasset_id = \"{thing_id}\"\n\n[request.list]\nservice = \"ec2\"\nprotocoll = \"ec2\"\n";
    std::fs::write(pacbot.path("thing.toml"), broken).unwrap();
    cases.add("type_unknown_key", told(&pacbot, &["schema", "check", "thing.toml"]));
    cases.add("type_unknown", told(&pacbot, &["collect", "--type", "aws_s3_bukket"]));
    insta::assert_snapshot!("policies_and_types", cases.0);
}

#[test]
fn lakes_and_statements() {
    let mut cases = Cases::default();
    let pacbot = Pacbot::new("");
    std::fs::write(pacbot.path("file"), "not a folder").unwrap();
    cases.add("lake_is_a_file", told(&pacbot, &["--lake", "file", "runs", "list"]));
    cases.add("lake_unknown_scheme", told(&pacbot, &["--lake", "ftp://host/lake", "runs", "list"]));
    cases.add("lake_empty_report", told(&pacbot, &["report"]));
    cases.add("lake_empty_evaluate", told(&pacbot, &["evaluate", "--policy", "aws-s3-bucket-not-public"]));
    cases.add("no_recording", told(&pacbot, &["run", "--replay", "nowhere"]));
    cases.add("sql_unknown_table", told(&pacbot, &["sql", "select 1 from aws_s3_bukket"]));
    cases.add("sql_writes", told(&pacbot, &["sql", "drop table runs"]));
    cases.add("issue_unknown", told(&pacbot, &["issues", "show", "0000"]));
    cases.add("run_unknown", told(&pacbot, &["runs", "show", "20250101T000000Z-000000"]));
    cases.add("option_unknown", told(&pacbot, &["run", "--fial-on", "high"]));
    cases.add("severity_unknown", told(&pacbot, &["run", "--fail-on", "hihg"]));
    insta::assert_snapshot!("lakes_and_statements", cases.0);
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

#[test]
fn a_reader_that_leaves_ends_the_command_without_a_word() {
    // More than a pipe holds, so that the command is still writing.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pacbot"));
    command.args(["completions", "bash"]).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut running = command.spawn().unwrap();
    drop(running.stdout.take());
    let ended = running.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(141), ""));
}

#[test]
fn one_policy_is_tested_without_the_others() {
    // A mistake about another policy is not its own.
    let pacbot = Pacbot::new("[policies.parameters.aws-iam-access-key-rotated]\nmax_age_days = \"soon\"\n");
    let tested = pacbot.run(&["policies", "test", "aws-s3-bucket-not-public"]);
    assert_eq!(
        (tested.code, tested.stdout.as_str()),
        (Some(0), "ok      aws-s3-bucket-not-public\n1 passed, 0 failed\n")
    );
    let unknown = told(&Pacbot::new(""), &["policies", "test", "aws-s3-bucket-not-publik"]);
    assert!(unknown.contains("did you mean `aws-s3-bucket-not-public`?"), "{unknown}");
}
