//! A run that is killed at any point and then run again leaves what a run leaves that was never killed.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::pacbot::{Pacbot, recording};

/// Points of the run at which it is killed.
const KILLS: usize = 50;

/// A part of the estate that a run works off in a second or two, with joins and follow-ups.
pub(crate) const SMALL: &str = "
[collect]
types = [\"aws_s3_bucket\", \"aws_sns_topic\", \"aws_vpc_security_group\", \"aws_vpc_security_group_rule\", \"aws_sqs_queue\"]

[policies]
enabled = [\"aws-s3-bucket-not-public\", \"aws-s3-bucket-versioning-enabled\", \"aws-sns-topic-encrypted\", \"aws-sqs-queue-encrypted\", \"aws-vpc-security-group-no-internet-ssh\"]
";

/// Everything that runs leave, but for their ids, the clock and the machine.
const TABLES: &[(&str, &str)] = &[
    ("runs", "select stage, status, run_at, rows, problems, scopes, selection from runs order by run_at, stage"),
    (
        "coverage",
        "select collected_at, account_id, region, asset_type, request, status, rows, fingerprint, error from coverage order by 1, 2, 3, 4, 5",
    ),
    (
        "violations",
        "select evaluated_at, policy_id, issue_id, asset_id, key, reason, evidence from violations order by 1, 2, 3, 4, 5",
    ),
    (
        "policy_runs",
        "select evaluated_at, policy_id, status, assets, violating, unknown, violations from policy_runs order by 1, 2",
    ),
    (
        "issue_events",
        "select at, issue_id, from_state, to_state, cause, occurrence, reason from issue_events order by 1, 2, 3",
    ),
    (
        "issues",
        "select issue_id, state, cause, occurrence, first_opened_at, opened_at, closed_at from issues order by 1",
    ),
    ("buckets", "select asset_id, first_seen_at, collected_at, content_hash from aws_s3_bucket order by 1"),
    ("rules", "select asset_id, first_seen_at, collected_at, content_hash from aws_vpc_security_group_rule order by 1"),
    ("history", "select asset_id, seen_from, seen_until from aws_s3_bucket_history order by 1, 2, 3"),
];

/// All tables as text.
pub(crate) fn contents(pacbot: &Pacbot) -> Vec<(&'static str, String)> {
    let statements: Vec<&str> = TABLES.iter().map(|(_, sql)| *sql).collect();
    TABLES.iter().map(|(name, _)| *name).zip(pacbot.answers(&statements)).collect()
}

#[test]
fn killed_anywhere_and_run_again_it_is_as_if_never_killed() {
    let days = [recording(1), recording(2)];
    let whole = Pacbot::new(SMALL);
    whole.expect(0, &["run", "--replay", &days[0]]);
    let before = whole.copy();
    let began = Instant::now();
    whole.expect(0, &["run", "--replay", &days[1]]);
    let takes = began.elapsed();
    let expected = contents(&whole);
    assert!(expected.iter().all(|(_, rows)| !rows.is_empty()), "the comparison is about something");

    let seed = std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    while kills < KILLS {
        let pacbot = before.copy();
        // Sometimes the run that continues is killed too.
        for _ in 0..=usize::from(random.random_bool(0.2)) {
            let after = takes.mul_f64(random.random_range(0.02..1.0));
            kills += usize::from(killed_after(&pacbot, &days[1], after));
        }
        let again = pacbot.expect(0, &["run", "--replay", &days[1]]);
        let found = contents(&pacbot);
        // The signal may come when all is written: then there are two whole runs, and both say the same.
        let had_ended = found[0].1.lines().count() > expected[0].1.lines().count();
        for ((table, rows), (_, expected)) in found.iter().zip(&expected) {
            if !had_ended || STATE.contains(table) {
                assert_eq!(rows, expected, "kill {kills} of seed {seed}: `{table}` differs\n{}", again.stderr);
            }
        }
    }
}

/// Tables that a second run of the same answers leaves as they are.
const STATE: &[&str] = &["issue_events", "issues", "buckets", "rules", "history"];

/// Kills a run after a while; tells whether it was still going.
fn killed_after(pacbot: &Pacbot, recording: &str, after: Duration) -> bool {
    let mut command = pacbot.command(&["run", "--replay", recording]);
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while began.elapsed() < after {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}
