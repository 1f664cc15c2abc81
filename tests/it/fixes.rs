//! Fixes on an emulator: a violation is planned, announced, fixed, verified, closed on evidence, undone, and open again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pacbot::{Ended, Pacbot};
use crate::servers::fault_proxy::FaultProxy;
use crate::servers::inbox::Inbox;
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
         [fix]\nmode = \"auto\"\naccounts = [\"{ACCOUNT}\"]\nrecipients = [\"cloud@example.org\"]\nwarnings = 1\nwait = \"0s\"\n\
         verify_within = \"5s\"\ncaps = {{ run = 50, policy = 50, account = 50, share = 1.0 }}\n{more}"
    )
    .replace(
        "{parameters}",
        if policies.contains(&"aws-iam-access-key-rotated") {
            "aws-iam-access-key-rotated = { max_age_days = -1 }"
        } else {
            ""
        },
    )
}

fn issues(pacbot: &Pacbot) -> Vec<Issue> {
    pacbot.rows("select issue_id, policy_id, asset_id, state, cause from issues")
}

fn issue_of<'a>(issues: &'a [Issue], violation: &Violation) -> &'a Issue {
    let found =
        issues.iter().find(|issue| issue.policy_id == violation.policy && issue.asset_id.ends_with(&violation.asset));
    found.unwrap_or_else(|| panic!("no issue of {violation:?} among {issues:#?}"))
}

/// The owner of all assets; what they should be tagged with.
const SHOP: &str = "id = \"shop\"\ntitle = \"The shop\"\nwhere = \"true\"\nowner = { mail = [\"shop@example.org\"] }\n\
                    tags = { Application = \"shop\" }\n";

/// The rest of a configuration: where groups are, and where mails go.
fn groups_and_mail(inbox: &Inbox) -> String {
    let smtp = format!("smtp = {{ host = \"127.0.0.1\", port = {}, tls = \"none\" }}", inbox.port);
    format!("[groups]\nfolder = \"groups\"\n[notify]\n{smtp}\n")
}

/// Runs what fixes violations of these policies, and undoes it.
fn fixed_and_undone(group: &str, policies: &[&str], more: &str, refused: &[&str]) {
    let moto = Moto::start();
    let endpoint = moto.endpoint();
    let violations = make(&endpoint, group);
    let inbox = Inbox::start(&[]);
    let pacbot = Pacbot::new(&config(&endpoint, policies, &format!("{more}{}", groups_and_mail(&inbox))));
    std::fs::create_dir(pacbot.path("groups")).unwrap();
    std::fs::write(pacbot.path("groups/shop.toml"), SHOP).unwrap();
    pacbot.expect(0, &["run"]);
    let before = observed(&endpoint);
    for violation in &violations {
        assert_eq!(issue_of(&issues(&pacbot), violation).state, "open");
    }

    let plan = pacbot.expect(0, &["fix", "plan", "--format", "json"]).stdout;
    assert!(plan.contains("a dry run"), "{plan}");
    pacbot.run(&["fix", "apply", "--dry-run"]);
    assert_eq!(pacbot.value("select count(*) from fix_events"), 0, "a dry run of the command notes nothing");
    let rehearsed = pacbot.run(&["fix", "apply"]);
    assert!(rehearsed.stdout.contains("would be changed"), "{rehearsed:?}");
    let warned = pacbot.run(&["fix", "apply"]);
    assert!(warned.stdout.contains("warned, 1 of 1"), "{warned:?}");
    assert_eq!(observed(&endpoint), before, "nothing is changed before every warning was delivered");
    // Each warning is in the inbox of the owner and of those who are told of all.
    let warnings = pacbot.value("select count(*) from fix_events where event = 'warned'").as_u64().unwrap() as usize;
    let mails = inbox.mails();
    for recipient in ["cloud@example.org", "shop@example.org"] {
        let theirs = mails.iter().filter(|mail| mail.header("to") == recipient);
        let subjects: Vec<&str> = theirs.map(|mail| mail.header("subject")).collect();
        assert_eq!(subjects.len(), warnings, "{subjects:#?}");
        assert!(subjects.iter().all(|subject| subject.contains("will be changed on")), "{subjects:#?}");
    }

    let planned = pacbot.value("select count(*) from fixes_planned").as_u64().unwrap() as usize;
    assert_eq!(planned, warnings);

    let applied = pacbot.run(&["fix", "apply"]);
    let after = observed(&endpoint);
    let closed = issues(&pacbot);
    let is_refused = |violation: &&Violation| refused.contains(&violation.asset.as_str());
    for violation in violations.iter().filter(|violation| !is_refused(violation)) {
        let issue = issue_of(&closed, violation);
        let is_gone = ["aws-vpc-eip-in-use", "aws-vpc-security-group-in-use"].contains(&violation.policy.as_str());
        let cause = if is_gone { "asset_gone" } else { "fixed" };
        assert_eq!(
            (issue.state.as_str(), issue.cause.as_str()),
            ("closed", cause),
            "{violation:?}: {}",
            applied.stdout
        );
    }
    for violation in violations.iter().filter(is_refused) {
        assert_eq!(issue_of(&closed, violation).state, "open", "{violation:?}");
    }
    assert_ne!(before, after);

    let verified: Vec<Value> = pacbot.rows("select issue_id from fix_events where event = 'verified'");
    let is_verified = |issue: &&Issue| verified.iter().any(|row| row["issue_id"] == issue.issue_id.as_str());
    let undoable: Vec<&Issue> = closed.iter().filter(is_verified).collect();
    assert_eq!(undoable.len(), verified.len(), "each was verified once");
    assert!(undoable.len() + refused.len() >= violations.len());
    let told = |words: &str| inbox.mails().iter().filter(|mail| mail.header("subject").contains(words)).count();
    assert_eq!(told("was changed:"), 2 * undoable.len(), "{}", applied.stdout);
    for issue in undoable.iter().rev() {
        let undone = pacbot.run(&["fix", "undo", &issue.issue_id, "--as", "ann"]);
        assert_eq!(undone.code, Some(0), "{issue:?}: {undone:?}");
    }
    assert_eq!(told("was changed back"), 2 * undoable.len());
    let again = observed(&endpoint);
    let changed: Vec<_> = before.iter().filter(|(name, state)| again.get(*name) != Some(*state)).collect();
    assert!(
        changed.is_empty(),
        "not as before: {changed:#?}\nbut {:#?}",
        changed.iter().map(|(name, _)| again.get(*name)).collect::<Vec<_>>()
    );
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
        "[fix.policies]\naws-s3-bucket-versioning-enabled = { names = \"^fix-open$\" }\n\
         aws-s3-bucket-encryption-enabled = { names = \"^fix-open$\" }\n\
         aws-s3-bucket-access-logging-enabled = { names = \"^fix-open$\" }\n\
         [fix.parameters]\naws-s3-enable-logging = { target_bucket = \"fix-logs\" }\naws-cloudtrail-log-all-regions = { trail = \"trail\" }\n",
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
        // Without its filter the group of the classic load balancer, which shows no interface here, counts as unused.
        "[fix.policies]\naws-vpc-security-group-in-use = { names = \"^left over$\" }\n\
         [fix.parameters]\naws-vpc-log-flows = { destination = \"arn:aws:s3:::fix-flows\" }\n\
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
        "[fix.policies]\naws-assets-mandatory-tags = { names = \"^mail$\" }\n\
         [fix.parameters.aws-assets-add-tags]\ntags = { Environment = \"test\" }\n\
         [collect]\ntypes = [\"aws_rds_db_instance\", \"aws_redshift_cluster\", \"aws_opensearch_domain\", \
         \"aws_ec2_instance\", \"aws_ec2_network_interface\", \"aws_kms_key\", \"aws_vpc_security_group_rule\", \"aws_vpc_route_table\"]\n",
        &[],
    );
}

/// Snapshots that are due to be taken from the public, behind a proxy that counts.
struct Due {
    _moto: Moto,
    proxy: FaultProxy,
    pacbot: Pacbot,
    snapshots: usize,
}

const CHANGE: &str = "ec2:ModifySnapshotAttribute";

impl Due {
    async fn new(more: &str) -> Self {
        let moto = Moto::start();
        let snapshots = make(&moto.endpoint(), "snapshots").len();
        let proxy = FaultProxy::start(&moto.endpoint());
        let pacbot = Pacbot::new(&config(&proxy.endpoint(), &["aws-ebs-snapshot-not-public"], more));
        pacbot.expect(0, &["run"]);
        for _ in 0..2 {
            pacbot.expect(0, &["fix", "apply"]);
        }
        proxy.rules(&json!([])).await;
        Self { _moto: moto, proxy, pacbot, snapshots }
    }

    async fn changes(&self) -> usize {
        let report = self.proxy.report().await;
        report["calls"][CHANGE].as_u64().unwrap_or_default() as usize
    }

    fn events(&self, event: &str) -> usize {
        let count = self.pacbot.value(&format!("select count(*) from fix_events where event = '{event}'"));
        count.as_u64().unwrap_or_default() as usize
    }

    fn is_all_fixed(&self) -> bool {
        self.pacbot.value("select count(*) from issues where state <> 'closed' or cause <> 'fixed'") == 0
    }
}

#[tokio::test]
async fn killed_anywhere_nothing_is_fixed_twice() {
    let due = Due::new("claim_expiry = \"0s\"\nattempts = 9\n").await;
    for _ in 0..3 {
        let mut command = due.pacbot.command(&["fix", "apply"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Somewhere between the first look and the last result.
        let until = Duration::from_millis(rand::random_range(1500..9000));
        println!("killed after {until:?}");
        tokio::time::sleep(until).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // What the last kill left is found out, and the rest is fixed.
    for _ in 0..3 {
        let ended = due.pacbot.run(&["fix", "apply"]);
        println!("{ended:?}");
        if due.is_all_fixed() {
            break;
        }
    }
    due.pacbot.run(&["run"]);
    assert!(due.is_all_fixed());
    assert_eq!(due.changes().await, due.snapshots, "each was changed once");
    assert_eq!(due.events("verified"), due.snapshots);
}

#[tokio::test]
async fn of_two_runners_one_claims() {
    let due = Due::new("").await;
    let start = || {
        let mut command = due.pacbot.command(&["fix", "apply"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, other) = (start(), start());
    let ended = [one, other].map(|child| Ended::of(child.wait_with_output().unwrap()));
    assert!(due.is_all_fixed(), "{ended:?}");
    assert_eq!(due.events("claimed"), due.snapshots, "{ended:?}");
    assert_eq!(due.changes().await, due.snapshots, "{ended:?}");
}

#[tokio::test]
async fn a_stop_holds_at_once_and_everywhere() {
    let due = Due::new("").await;
    // A change takes its time, so that there is some in which to stop.
    let change = json!({ "service": "ec2", "action": "ModifySnapshotAttribute" });
    due.proxy.rules(&json!([{ "fault": "slow", "seconds": 2, "match": change }])).await;
    let mut command = due.pacbot.command(&["fix", "apply"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while due.changes().await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    due.pacbot.expect(0, &["fix", "stop", "--reason", "incident 42", "--as", "alice"]);
    let stopped_at = due.changes().await;
    let ended = Ended::of(child.wait_with_output().unwrap());
    // One may have been under way while the switch was turned.
    assert!(due.changes().await <= stopped_at + 1, "{ended:?}");
    assert!(due.changes().await < due.snapshots, "it was stopped too late to tell: {ended:?}");
    let plan = due.pacbot.expect(0, &["fix", "plan"]).stdout;
    assert!(plan.contains("stopped by alice") && plan.contains("incident 42"), "{plan}");
    let before = due.changes().await;
    due.pacbot.expect(0, &["fix", "apply"]);
    assert_eq!(due.changes().await, before);
    due.pacbot.expect(0, &["fix", "resume", "--as", "alice"]);
    due.pacbot.expect(0, &["fix", "apply"]);
    assert!(due.is_all_fixed());
    assert_eq!(due.changes().await, due.snapshots);
}

#[tokio::test]
async fn only_listed_accounts_and_no_more_than_the_caps() {
    let due = Due::new("").await;
    let endpoint = due.proxy.endpoint();
    let policies = ["aws-ebs-snapshot-not-public"];
    let written = config(&endpoint, &policies, "");
    due.pacbot.configure(&written.replace(ACCOUNT, "111122223333"));
    due.pacbot.expect(0, &["fix", "apply"]);
    due.pacbot.configure(&written.replace("accounts = [\"123456789012\"]\n", ""));
    due.pacbot.expect(0, &["fix", "apply"]);
    due.pacbot.configure(&written.replace("mode = \"auto\"", "mode = \"approve\""));
    let waiting = due.pacbot.expect(0, &["fix", "plan", "--format", "json"]).stdout;
    assert!(waiting.contains("approve"), "{waiting}");
    due.pacbot.expect(0, &["fix", "apply"]);
    assert_eq!(due.changes().await, 0);
    let issue = due.pacbot.value("select min(issue_id) from issues");
    due.pacbot.expect(0, &["fix", "approve", issue.as_str().unwrap(), "--as", "alice"]);
    due.pacbot.expect(0, &["fix", "apply"]);
    assert_eq!(due.changes().await, 1, "the one that was approved");
    due.pacbot.configure(&written.replace("policy = 50", "policy = 3"));
    for _ in 0..2 {
        due.pacbot.expect(0, &["fix", "apply"]);
        assert_eq!(due.changes().await, 3, "three in a day, however often it runs");
    }
}

#[tokio::test]
async fn what_an_exception_covers_is_left_alone_until_it_is_revoked() {
    let due = Due::new("").await;
    let until = (chrono::Utc::now() + chrono::Days::new(1)).date_naive().to_string();
    let what = ["--policy", "aws-ebs-snapshot-not-public", "--where", "true"];
    let grant = [&what[..], &["--until", &until, "--reason", "shared on purpose"]].concat();
    due.pacbot.expect(0, &[&["exceptions", "grant"], &grant[..], &["--as", "alice"]].concat());
    let plan = due.pacbot.expect(0, &["fix", "plan", "--format", "json"]).stdout;
    assert!(plan.lines().all(|line| line.contains("the issue is exempt")), "{plan}");
    due.pacbot.expect(0, &["fix", "apply"]);
    assert_eq!(due.changes().await, 0);
    let id = due.pacbot.value("select exception_id from exceptions_status");
    due.pacbot.expect(0, &["exceptions", "revoke", id.as_str().unwrap(), "--reason", "done", "--as", "alice"]);
    due.pacbot.expect(0, &["fix", "apply"]);
    assert_eq!(due.changes().await, due.snapshots);
}
