//! Policies on a Ballista cluster find what they find in one process, even when an executor is lost.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::pacbot::{Ended, Pacbot, recording};
use crate::servers::ballista::Ballista;
use crate::servers::seaweedfs::SeaweedFs;

/// What an evaluation leaves, but for its own id and how long it took.
fn found(pacbot: &Pacbot, run: &str) -> Vec<String> {
    let policies = "select policy_id, status, error, assets, violating, unknown, violations, outside, unread, unknown_scopes from policy_runs";
    let violations = "select * except (run_id) from violations";
    let of_run = |sql: &str, order: &str| format!("{sql} where run_id = '{run}' order by {order}");
    pacbot.answers(&[&of_run(policies, "policy_id"), &of_run(violations, "policy_id, issue_id")])
}

/// The run that a command's last line names.
fn run_of(stdout: &str) -> String {
    stdout.lines().last().and_then(|line| line.strip_prefix("run ")).unwrap().to_owned()
}

#[test]
fn policies_find_the_same_on_a_cluster() {
    let store = SeaweedFs::start();
    let lake = store.config("lake");
    let pacbot = Pacbot::new(&lake);
    pacbot.expect(0, &["collect", "--replay", &recording(1)]);
    let here = run_of(&pacbot.expect(2, &["evaluate", "--fresh"]).stdout);
    let expected = found(&pacbot, &here);
    assert!(expected.iter().all(|rows| rows.lines().count() > 100), "the comparison is about something");

    let cluster = Ballista::start(&pacbot, "256 MiB", 2);
    pacbot.configure(&format!("{lake}{}", cluster.config()));
    let there = run_of(&pacbot.expect(2, &["evaluate", "--fresh"]).stdout);
    assert_eq!(found(&pacbot, &there), expected);
}

/// A lake in a folder, which executors in other folders find, with what was collected on the demo's first day.
fn collected(config: &str) -> (Pacbot, String) {
    let pacbot = Pacbot::new(config);
    pacbot.expect(0, &["collect", "--replay", &recording(1)]);
    let lake = format!("[lake]\nlocation = {:?}\n", pacbot.path("lake"));
    pacbot.configure(&lake);
    (pacbot, lake)
}

/// The configuration that has no policy but this.
fn only(pacbot: &Pacbot, policy: &str) -> String {
    let folder = pacbot.path("policies");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("sorted.sql"), policy).unwrap();
    "[policies]\nfolder = \"policies\"\nenabled = [\"sorted\"]\n".to_owned()
}

/// An evaluation that has begun.
fn evaluating(pacbot: &Pacbot) -> Child {
    let mut command = pacbot.command(&["evaluate", "--fresh"]);
    command.env("RUST_LOG", "warn,pacbot_evaluate=info").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn policies_find_the_same_when_an_executor_is_killed_among_them() {
    let (pacbot, lake) = collected("");
    let here = run_of(&pacbot.expect(2, &["evaluate", "--fresh"]).stdout);
    let mut cluster = Ballista::start(&pacbot, "256 MiB", 2);
    pacbot.configure(&format!("{lake}{}", cluster.config()));

    let mut evaluation = evaluating(&pacbot);
    let mut lines = BufReader::new(evaluation.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.by_ref().filter(|line| line.contains("evaluated policy")).nth(10).is_some());
    cluster.kill_executor_in_stage(|_| true);
    assert_eq!(evaluation.try_wait().unwrap(), None, "the evaluation is under way");
    let rest: Vec<String> = lines.collect();
    let ended = Ended::of(evaluation.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(2), "{rest:#?}");
    assert_eq!(found(&pacbot, &run_of(&ended.stdout)), found(&pacbot, &here));
}

#[test]
fn a_query_finds_the_same_when_an_executor_is_killed_in_it() {
    let (pacbot, lake) = collected(BUCKETS);
    let own = only(&pacbot, &sorted(20_000));
    pacbot.configure(&format!("{lake}{own}"));
    let here = run_of(&pacbot.expect(0, &["evaluate", "--fresh"]).stdout);
    let mut cluster = Ballista::start(&pacbot, "256 MiB", 2);
    pacbot.configure(&format!("{lake}{own}{}", cluster.config()));

    let evaluation = evaluating(&pacbot);
    // The first stage is done, so whoever is killed now takes rows along that others have yet to fetch, or its own part.
    cluster.kill_executor_in_stage(|stage| stage > 1);
    let ended = Ended::of(evaluation.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("a query is sent again"), "the query was under way: {ended:?}");
    assert_eq!(found(&pacbot, &run_of(&ended.stdout)), found(&pacbot, &here));
}

#[test]
fn a_query_that_is_larger_than_memory_goes_to_disk() {
    let (pacbot, lake) = collected(BUCKETS);
    let own = only(&pacbot, &sorted(60_000));
    // One part at a time: of two sorts, the one that is full can leave the other too little to merge what it spilled.
    let cluster = Ballista::start(&pacbot, "64 MiB", 1);
    pacbot.configure(&format!("{lake}{own}{}", cluster.config()));
    let run = run_of(&pacbot.expect(0, &["evaluate"]).stdout);
    let buckets = pacbot.value("select count(*) from aws_s3_bucket");
    let violations = format!("select count(*) from violations where run_id = '{run}'");
    assert_eq!(pacbot.value(&violations), buckets);
    assert!(cluster.logs().contains("memory pool rejection"), "nothing was spilled");
}

#[test]
fn a_cluster_that_is_not_there_is_told() {
    let pacbot = Pacbot::new("");
    pacbot.expect(0, &["collect", "--replay", &recording(1)]);
    pacbot.configure("[evaluate]\nengine = \"ballista\"\nscheduler = \"http://127.0.0.1:1\"\n");
    let ended = pacbot.expect(2, &["evaluate"]);
    assert!(ended.stderr.contains("the scheduler `http://127.0.0.1:1` of `[evaluate]` does not answer"), "{ended:?}");
    let failed = pacbot.value("select count(*) from runs where stage = 'evaluate' and status = 'failed'");
    assert_eq!(failed, 1);
}

const BUCKETS: &str = "[collect]\ntypes = [\"aws_s3_bucket\"]\n";

/// Sorts so many rows of each bucket, of some hundred bytes, and keeps one.
fn sorted(rows: u32) -> String {
    SORTED.replace("ROWS", &rows.to_string())
}

const SORTED: &str = "/*---
id          = \"sorted\"
title       = \"Buckets are sorted\"
severity    = \"low\"
category    = \"governance\"
asset_type  = \"aws_s3_bucket\"
remediation = \"None is needed.\"
---*/
select
    asset_id,
    account_id,
    region,
    'it is a bucket' as reason
from (
    select
        asset_id,
        account_id,
        region,
        row_number() over (partition by asset_id order by text) as place
    from (
        select
            asset_id,
            account_id,
            region,
            repeat(md5(concat(asset_id, cast(unnest(range(0, ROWS)) as varchar))), 4) as text
        from aws_s3_bucket
    )
)
where place = 1
";
