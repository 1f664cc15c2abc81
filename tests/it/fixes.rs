//! Fixes on an emulator: a violation is planned, announced, fixed, verified, closed on evidence, undone, and open again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pacbot::{Ended, Pacbot};
use crate::servers::fault_proxy::FaultProxy;
use crate::servers::moto::Moto;
use crate::servers::{estate_file, python};

/// The emulator's account.
const ACCOUNT: &str = "123456789012";

/// What was made to violate a policy.
#[derive(Debug, Clone, Deserialize)]
struct Violation {
    policy: String,
    asset: String,
}

#[derive(Debug, Deserialize)]
struct Issue {
    issue_id: String,
    policy_id: String,
    asset_id: String,
    state: String,
    cause: String,
}

fn estate(endpoint: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = python();
    command.arg(estate_file("fixes.py")).args(["--endpoint", endpoint]).args(arguments);
    let made = command.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn make(endpoint: &str, group: &str) -> Vec<Violation> {
    serde_json::from_slice(&estate(endpoint, &["make", group])).unwrap()
}

fn observed(endpoint: &str) -> BTreeMap<String, Value> {
    serde_json::from_slice(&estate(endpoint, &["observe"])).unwrap()
}

fn config(endpoint: &str, policies: &[&str], more: &str) -> String {
    format!(
        "[aws]\nendpoint = \"{endpoint}\"\nregions = [\"us-east-1\"]\n[aws.limits]\nbackoff = \"20ms\"\n\
         [policies]\nenabled = {policies:?}\n[policies.parameters]\n{{parameters}}\n\
         [fix]\nmode = \"auto\"\naccounts = [\"{ACCOUNT}\"]\nnotices = \"fix-notices\"\nwarnings = 1\nwait = \"0s\"\n\
         verify_within = \"5s\"\ncaps = {{ run = 50, policy = 50, account = 50, share = 1.0 }}\n{more}"
    )
    .replace("{parameters}", if policies.contains(&"aws-iam-access-key-rotated") { "aws-iam-access-key-rotated = { max_age_days = -1 }" } else { "" })
}

fn issues(pacbot: &Pacbot) -> Vec<Issue> {
    pacbot.rows("select issue_id, policy_id, asset_id, state, cause from issues")
}

fn issue_of<'a>(issues: &'a [Issue], violation: &Violation) -> &'a Issue {
    let found = issues.iter().find(|issue| issue.policy_id == violation.policy && issue.asset_id.ends_with(&violation.asset));
    found.unwrap_or_else(|| panic!("no issue of {violation:?} among {issues:#?}"))
}

/// Runs what fixes violations of these policies, and undoes it.
fn fixed_and_undone(group: &str, policies: &[&str], more: &str, refused: &[&str]) {
    let moto = Moto::start();
    let endpoint = moto.endpoint();
    let violations = make(&endpoint, group);
    let pacbot = Pacbot::new(&config(&endpoint, policies, more));
    pacbot.expect(0, &["run"]);
    let before = observed(&endpoint);
    for violation in &violations {
        assert_eq!(issue_of(&issues(&pacbot), violation).state, "open");
    }

    let plan = pacbot.expect(0, &["fix", "plan"]).stdout;
    assert!(plan.contains("dry run"), "{plan}");
    pacbot.expect(0, &["fix", "apply", "--dry-run"]);
    assert_eq!(pacbot.value("select count(*) from fix_events"), 0, "a dry run of the command notes nothing");
    let rehearsed = pacbot.run(&["fix", "apply"]);
    assert!(rehearsed.stdout.contains("would be changed"), "{rehearsed:?}");
    let warned = pacbot.run(&["fix", "apply"]);
    assert!(warned.stdout.contains("warned, 1 of 1"), "{warned:?}");
    assert_eq!(observed(&endpoint), before, "nothing is changed before every warning was delivered");
    let notices = std::fs::read_dir(pacbot.path("fix-notices")).unwrap().count();
    assert_eq!(notices, 1, "a file for the day");

    let applied = pacbot.run(&["fix", "apply"]);
    let after = observed(&endpoint);
    let closed = issues(&pacbot);
    let is_refused = |violation: &&Violation| refused.contains(&violation.asset.as_str());
    for violation in violations.iter().filter(|violation| !is_refused(violation)) {
        let issue = issue_of(&closed, violation);
        let is_gone = ["aws-vpc-eip-in-use", "aws-vpc-security-group-in-use"].contains(&violation.policy.as_str());
        let cause = if is_gone { "asset_gone" } else { "fixed" };
        assert_eq!((issue.state.as_str(), issue.cause.as_str()), ("closed", cause), "{violation:?}: {}", applied.stdout);
    }
    for violation in violations.iter().filter(is_refused) {
        assert_eq!(issue_of(&closed, violation).state, "open", "{violation:?}");
    }
    assert_ne!(before, after);

    let undoable: Vec<&Issue> = closed.iter().filter(|issue| {
        let fixed = format!("select count(*) from fix_events where event = 'verified' and issue_id = '{}'", issue.issue_id);
        pacbot.value(&fixed) == 1
    }).collect();
    assert!(undoable.len() + refused.len() >= violations.len());
    for issue in undoable.iter().rev() {
        let undone = pacbot.run(&["fix", "undo", &issue.issue_id]);
        assert_eq!(undone.code, Some(0), "{issue:?}: {undone:?}");
    }
    let again = observed(&endpoint);
    let changed: Vec<_> = before.iter().filter(|(name, state)| again.get(*name) != Some(*state)).collect();
    assert!(changed.is_empty(), "not as before: {changed:#?}\nbut {:#?}", changed.iter().map(|(name, _)| again.get(*name)).collect::<Vec<_>>());
    assert_eq!(before.len(), again.len(), "nothing is left over");
    let reopened = issues(&pacbot);
    for violation in violations.iter().filter(|violation| !is_refused(violation)) {
        // What was made again is another asset, with an issue of its own.
        let is_gone = ["aws-vpc-eip-in-use", "aws-vpc-security-group-in-use"].contains(&violation.policy.as_str());
        if is_gone {
            assert!(reopened.iter().any(|issue| issue.policy_id == violation.policy && issue.state == "open"));
        } else {
            assert_eq!(issue_of(&reopened, violation).state, "open", "{violation:?}");
        }
    }
    // Nobody fixes again what a person undid.
    let last = pacbot.run(&["fix", "apply"]);
    assert!(!last.stdout.contains("fixed and verified"), "{last:?}");
}

#[test]
fn storage_keys_and_trails() {
    fixed_and_undone(
        "storage",
        &[
            "aws-s3-bucket-not-public",
            "aws-s3-bucket-versioning-enabled",
            "aws-s3-bucket-access-logging-enabled",
            "aws-s3-bucket-encryption-enabled",
            "aws-ebs-snapshot-not-public",
            "aws-kms-key-rotation-enabled",
            "aws-cloudtrail-trail-log-file-validation",
            "aws-cloudtrail-account-multi-region-trail",
            "aws-iam-access-key-rotated",
        ],
        "[fix.parameters]\naws-s3-enable-logging = { target_bucket = \"fix-logs\" }\naws-cloudtrail-log-all-regions = { trail = \"trail\" }\n",
        // Its policy lets a partner in as well, which the block would shut out.
        &["fix-shared"],
    );
}

#[test]
fn security_groups_addresses_and_flow_logs() {
    fixed_and_undone(
        "network",
        &[
            "aws-vpc-flow-logs-enabled",
            "aws-vpc-default-security-group-closed",
            "aws-vpc-eip-in-use",
            "aws-vpc-security-group-in-use",
            "aws-vpc-security-group-no-internet-ssh",
            "aws-ec2-instance-no-internet-rdp",
            "aws-elb-application-load-balancer-not-open-to-world",
            "aws-elb-classic-load-balancer-not-open-to-world",
            "aws-rds-db-instance-not-open-to-world",
        ],
        "[fix.parameters]\naws-vpc-log-flows = { destination = \"arn:aws:s3:::fix-flows\" }\n\
         aws-ec2-close-instance = { method = \"swap\" }\naws-elb-close-classic-load-balancer = { method = \"swap\" }\n\
         aws-elb-close-application-load-balancer = { method = \"swap\" }\n",
        &[],
    );
}

#[test]
fn databases_domains_and_tags() {
    fixed_and_undone(
        "data",
        &[
            "aws-rds-db-instance-not-publicly-accessible",
            "aws-redshift-cluster-not-publicly-accessible",
            "aws-opensearch-domain-not-public",
            "aws-assets-mandatory-tags",
        ],
        "names = \"^(mail|facts|search|untagged)$\"\n\
         [fix.parameters.aws-assets-add-tags]\ntags = { Application = \"shop\", Environment = \"test\" }\n",
        &[],
    );
}
