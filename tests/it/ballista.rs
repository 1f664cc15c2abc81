//! Policies on a Ballista cluster find what they find in one process.

use crate::pacbot::{Pacbot, recording};
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

    let cluster = Ballista::start(&pacbot, "256 MiB");
    pacbot.configure(&format!("{lake}{}", cluster.config()));
    let there = run_of(&pacbot.expect(2, &["evaluate", "--fresh"]).stdout);
    assert_eq!(found(&pacbot, &there), expected);
}

#[test]
fn a_query_that_is_larger_than_memory_goes_to_disk() {
    let pacbot = Pacbot::new("");
    pacbot.expect(0, &["collect", "--replay", &recording(1)]);
    std::fs::create_dir(pacbot.path("policies")).unwrap();
    std::fs::write(pacbot.path("policies/sorted.sql"), SORTED).unwrap();
    // Executors run elsewhere.
    let lake = format!("[lake]\nlocation = {:?}\n", pacbot.path("lake"));
    pacbot.configure(&lake);
    let cluster = Ballista::start(&pacbot, "64 MiB");
    let own = "[policies]\nfolder = \"policies\"\nenabled = [\"sorted\"]\n";
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

/// Sorts some hundred megabytes and keeps a row of each bucket.
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
            repeat(md5(concat(asset_id, cast(unnest(range(0, 60000)) as varchar))), 4) as text
        from aws_s3_bucket
    )
)
where place = 1
";
