//! What people say beside the policies: groups, exceptions, other parameters for some, and compliance by all of it.

use std::collections::BTreeMap;

use chrono::{Days, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};

const DEV: &str = "896383465787";
const PROD: &str = "122691669784";

/// A lake of the first day, with groups `everything` and `buckets` (those of the member accounts), and a domain.
fn first_day() -> Pacbot {
    let pacbot = Pacbot::new(&with(""));
    let write = |name: &str, text: &str| {
        let path = pacbot.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("groups/everything.toml", "id = \"everything\"\ntitle = \"All\"\nwhere = \"true\"\n");
    let buckets = "id = \"buckets\"\ntitle = \"Buckets\"\nowner = { mail = [\"owner@example.com\"] }\n\n[[members]]\non = \"aws_s3_bucket\"\nwhere = \"account_id <> '123456789012'\"\n";
    write("groups/buckets.toml", buckets);
    write("domains/storage.toml", "id = \"storage\"\ntitle = \"Storage\"\npolicies = [\"aws-s3-*\"]\n");
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    pacbot
}

/// The small configuration, with more about its policies.
fn with(policies: &str) -> String {
    format!(
        "{SMALL}{policies}\n[groups]\nfolder = \"groups\"\n\n[domains]\nfolder = \"domains\"\n\n[exceptions]\nfour_eyes = true\n"
    )
}

fn report(pacbot: &Pacbot, more: &[&str]) -> Value {
    let arguments: Vec<&str> = ["report", "--format", "json"].into_iter().chain(more.iter().copied()).collect();
    serde_json::from_str(&pacbot.expect(0, &arguments).stdout).unwrap()
}

/// What a report says of everything that can be looked at by group.
fn numbers(report: &Value) -> Value {
    serde_json::json!([
        report["scores"],
        report["severities"],
        report["policies"],
        report["changes"],
        report["accounts"]
    ])
}

fn sum(report: &Value, list: &str, member: &str) -> u64 {
    report[list].as_array().unwrap().iter().map(|part| part[member].as_u64().unwrap()).sum()
}

#[test]
fn a_group_has_the_numbers_of_its_assets_everywhere() {
    let pacbot = first_day();
    let whole = report(&pacbot, &[]);
    assert_eq!(numbers(&report(&pacbot, &["--group", "everything"])), numbers(&whole), "counted anew, and the same");
    let buckets = report(&pacbot, &["--group", "buckets"]);
    let asked = "count(*) from aws_s3_bucket where account_id <> '123456789012'";
    assert_eq!(buckets["run"]["assets"], pacbot.value(&format!("select {asked}")));
    assert_eq!(
        sum(&buckets, "severities", "open_issues"),
        pacbot.value("select count(*) from issues where state = 'open' and asset_type = 'aws_s3_bucket' and account_id <> '123456789012'").as_u64().unwrap()
    );
    assert_eq!(buckets["accounts"].as_array().unwrap().len(), 2);
    // Accounts are groups, and together they are everything.
    let of_accounts: Vec<Value> =
        ["123456789012", DEV, PROD].iter().map(|id| report(&pacbot, &["--group", &format!("account:{id}")])).collect();
    for (list, member) in
        [("severities", "open_issues"), ("policies", "assets"), ("policies", "violating"), ("policies", "passing")]
    {
        assert_eq!(
            of_accounts.iter().map(|of| sum(of, list, member)).sum::<u64>(),
            sum(&whole, list, member),
            "{list} {member}"
        );
    }
    // A domain is its policies.
    let storage = report(&pacbot, &["--domain", "storage"]);
    let policies = storage["policies"].as_array().unwrap();
    assert!(
        policies.len() == 2
            && policies.iter().all(|policy| policy["policy_id"].as_str().unwrap().starts_with("aws-s3-"))
    );
    let listed = pacbot.expect(0, &["issues", "list", "--format", "json", "--group", "buckets"]).stdout;
    assert_eq!(listed.lines().count() as u64, sum(&buckets, "severities", "open_issues"));

    // What was recorded for the day are the same numbers.
    #[derive(Deserialize)]
    struct Daily {
        group_id: String,
        domain_id: String,
        passing_percent: Option<f64>,
        classic_percent: Option<f64>,
        violating: u64,
    }
    let daily: Vec<Daily> = pacbot.rows("select * from compliance_daily where kind = 'overall'");
    let find =
        |group: &str, domain: &str| daily.iter().find(|row| row.group_id == group && row.domain_id == domain).unwrap();
    for (row, report) in [(find("*", "*"), &whole), (find("buckets", "*"), &buckets), (find("*", "storage"), &storage)]
    {
        let scores = &report["scores"];
        assert_eq!(row.passing_percent, scores["passing_percent"].as_f64());
        assert_eq!(row.classic_percent, scores["classic_percent"].as_f64());
        assert_eq!(row.violating, scores["violating"].as_u64().unwrap());
    }
    assert!(daily.iter().any(|row| row.group_id == format!("account:{DEV}")));
    let told = pacbot.run(&["report", "--group", "buckts"]);
    assert!(told.code == Some(64) && told.stderr.contains("did you mean `buckets`?"), "{told:?}");
}

#[test]
fn a_day_is_counted_again_when_it_is_made_of_something_else() {
    let pacbot = first_day();
    let counted_by = || -> Vec<BTreeMap<String, Value>> { pacbot.rows("select distinct run_id from compliance_daily") };
    let first = counted_by();
    assert_eq!(first.len(), 1);
    pacbot.expect(0, &["run", "--fresh", "--replay", &recording(1)]);
    assert_eq!(counted_by(), first, "everything was asked and judged again, and is as it was");
    let prod = format!("id = \"prod\"\ntitle = \"Prod\"\nwhere = \"account_id = '{PROD}'\"\n");
    std::fs::write(pacbot.path("groups/prod.toml"), prod).unwrap();
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    let second = counted_by();
    assert!(second.len() == 1 && second != first, "{second:?}");
    assert_ne!(pacbot.value("select count(*) from compliance_daily where group_id = 'prod'"), 0);
}

#[test]
fn a_group_that_is_new_has_a_past() {
    let pacbot = first_day();
    let all = "select day, kind, id, domain_id, group_id, assets, passing, violating, exempt, unknown, open_issues, \
               classic_percent, passing_percent from compliance_daily where group_id <> 'prod'";
    let of_first_day = || -> Vec<BTreeMap<String, Value>> {
        pacbot.rows(&format!("{all} and day = (select min(day) from compliance_daily) order by 1, 2, 3, 4, 5"))
    };
    let recorded_then = of_first_day();
    pacbot.expect(0, &["run", "--replay", &recording(2)]);
    std::fs::write(
        pacbot.path("prod.toml"),
        format!("id = \"prod\"\ntitle = \"Prod\"\nwhere = \"account_id = '{PROD}'\"\n"),
    )
    .unwrap();
    // As a file of the folder it is known for the past too; a saved one only since it was saved.
    std::fs::copy(pacbot.path("prod.toml"), pacbot.path("groups/prod.toml")).unwrap();
    pacbot.expect(0, &["compliance", "record", "--since", "2020-01-01"]);
    let of = |group: &str| -> Vec<BTreeMap<String, Value>> {
        pacbot.rows(&format!("select day, kind, id, domain_id, assets, passing, violating, open_issues, classic_percent, passing_percent from compliance_daily where group_id = '{group}' order by 1, 2, 3, 4"))
    };
    assert_eq!(of("prod"), of(&format!("account:{PROD}")), "the same assets on both days");
    let days: Vec<BTreeMap<String, Value>> =
        pacbot.rows("select distinct day from compliance_daily where group_id = 'prod'");
    assert_eq!(days.len(), 2);
    // The first day is as it was recorded then, though the second was another.
    assert_eq!(of_first_day(), recorded_then);
    assert_ne!(
        pacbot
            .value("select count(distinct violating) from compliance_daily where group_id = '*' and kind = 'overall'"),
        1
    );
    let recorded = pacbot.value("select count(*) from compliance_daily where group_id = '*' and kind = 'policy'");
    assert_eq!(recorded, 2 * 5);
    // Upkeep of the lake leaves days as they can be made again.
    pacbot.expect(0, &["lake", "optimize"]);
    pacbot.expect(0, &["compliance", "record", "--since", "2020-01-01"]);
    assert_eq!(
        pacbot.value("select count(*) from compliance_daily where group_id = '*' and kind = 'policy'"),
        recorded
    );
}

#[test]
fn an_exception_shows_at_once_and_so_does_its_end() {
    let pacbot = first_day();
    let whole = report(&pacbot, &[]);
    let events = pacbot.value("select count(*) from issue_events");
    let issue =
        pacbot.value("select issue_id from issues where policy_id = 'aws-s3-bucket-versioning-enabled' order by 1");
    let issue = issue.as_str().unwrap();
    let day = |ahead: u64| Utc::now().date_naive().checked_add_days(Days::new(ahead)).unwrap().to_string();
    let id = |stdout: &str| stdout.split_whitespace().nth(1).unwrap().to_owned();
    let state = |pacbot: &Pacbot| pacbot.value(&format!("select state from issues where issue_id = '{issue}'"));

    let until = day(10);
    let request =
        ["exceptions", "request", "--issue", &issue[..8], "--until", &until, "--reason", "moves", "--as", "ann"];
    let requested = id(&pacbot.expect(0, &request).stdout);
    assert_eq!(state(&pacbot), "open", "a request exempts nothing");
    let told = pacbot.run(&["exceptions", "grant", &requested, "--as", "ann"]);
    assert!(told.code == Some(64) && told.stderr.contains("cannot grant it as well"), "{told:?}");
    pacbot.expect(0, &["exceptions", "grant", &requested, "--as", "bob"]);
    assert_eq!(state(&pacbot), "exempt");
    let exempted = report(&pacbot, &[]);
    assert_eq!(sum(&exempted, "severities", "exempt_issues"), 1);
    assert_eq!(sum(&exempted, "severities", "open_issues") + 1, sum(&whole, "severities", "open_issues"));
    // Exempt is not passing.
    assert_eq!(
        (exempted["scores"]["passing"].as_u64(), exempted["scores"]["exempt"].as_u64()),
        (whole["scores"]["passing"].as_u64(), Some(1))
    );
    pacbot.expect(0, &["exceptions", "revoke", &requested, "--reason", "moved", "--as", "bob"]);
    assert_eq!(state(&pacbot), "open");
    assert_eq!(pacbot.value("select count(*) from issue_events"), events, "the events of issues know nothing of it");

    // A sticky one holds for assets of the future, too.
    let dev = format!("account_id = '{DEV}'");
    let sticky = [
        "exceptions",
        "grant",
        "--policy",
        "aws-s3-*",
        "--where",
        &dev,
        "--until",
        &until,
        "--reason",
        "sandbox",
        "--requester",
        "ann",
        "--as",
        "bob",
    ];
    let sticky = id(&pacbot.expect(0, &sticky).stdout);
    let not_exempt =
        format!("select count(*) from issues where policy_id like 'aws-s3-%' and {dev} and state = 'open'");
    assert_eq!(pacbot.value(&not_exempt), 0);
    assert_ne!(pacbot.value("select count(*) from issues where policy_id like 'aws-s3-%' and state = 'open'"), 0);
    pacbot.expect(0, &["run", "--replay", &recording(2)]);
    assert_eq!(pacbot.value(&not_exempt), 0);
    let listed = pacbot.expect(0, &["exceptions", "list", "--expiring", "11", "--format", "json"]).stdout;
    let listed: Value = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!((listed["exception_id"].as_str(), listed["unused"].as_bool()), (Some(&*sticky), Some(false)));
    assert_eq!(listed["exempts"], pacbot.value("select count(*) from issues where state = 'exempt'"));
    let shown = pacbot.expect(0, &["exceptions", "show", &sticky]).stdout;
    assert!(shown.contains("issues that it exempts: "), "{shown}");
    let preview = pacbot.expect(0, &["exceptions", "preview", "--policy", "aws-sqs-*"]).stdout;
    let queues = pacbot.value("select count(*) from issues where policy_id like 'aws-sqs-%' and state = 'open'");
    assert!(preview.contains(&format!("shown as open now, and exempt with it: {queues} issues")), "{preview}");

    // What makes no sense is refused.
    let far = day(400);
    let long = [
        "exceptions",
        "grant",
        "--policy",
        "aws-s3-bucket-not-public",
        "--until",
        &far,
        "--reason",
        "r",
        "--requester",
        "x",
        "--as",
        "bob",
    ];
    for (arguments, words) in [
        (long.to_vec(), "exceptions for critical severity last 30 days at most"),
        (
            vec!["exceptions", "grant", "--policy", "aws-s3-bukket*", "--until", &until, "--reason", "r", "--as", "b"],
            "no policy is called",
        ),
        (vec!["exceptions", "grant", "--until", &until, "--reason", "r", "--as", "b"], "it names neither"),
        (vec!["exceptions", "preview", "--policy", "aws-s3-*", "--where", "acount = 1"], "cannot be asked of `assets`"),
        (
            vec!["exceptions", "revoke", &requested, "--reason", "again", "--as", "b"],
            "is revoked, so it cannot be revoked",
        ),
        (
            vec![
                "exceptions",
                "grant",
                "--policy",
                "aws-s3-*",
                "--until",
                "2020-01-01",
                "--from",
                "2019-01-01",
                "--reason",
                "r",
                "--as",
                "b",
            ],
            "would have ended",
        ),
    ] {
        let told = pacbot.run(&arguments);
        assert!(told.code == Some(64) && told.stderr.contains(words), "{arguments:?}: {told:?}");
    }
}

#[test]
fn a_policy_may_be_about_a_group_and_have_other_parameters_in_one() {
    let pacbot = first_day();
    let of = |policy: &str| format!("select count(*) from issues where policy_id = '{policy}' and state = 'open'");
    let everywhere = pacbot.value(&of("aws-s3-bucket-versioning-enabled")).as_u64().unwrap();
    let in_dev =
        pacbot.value(&format!("{} and account_id = '{DEV}'", of("aws-s3-bucket-versioning-enabled"))).as_u64().unwrap();
    assert!(in_dev > 0 && in_dev < everywhere);
    let scoped = format!("\n[policies.scoped.groups]\naws-s3-bucket-versioning-enabled = [\"account:{DEV}\"]\n");
    pacbot.configure(&with(&scoped));
    pacbot.expect(0, &["run", "--replay", &recording(1), "--fresh"]);
    assert_eq!(pacbot.value(&of("aws-s3-bucket-versioning-enabled")), in_dev);
    assert_eq!(pacbot.value("select count(*) from issues where cause = 'out_of_scope'"), everywhere - in_dev);
    assert_eq!(
        pacbot.value("select assets from policy_status where policy_id = 'aws-s3-bucket-versioning-enabled'"),
        pacbot.value(&format!("select count(*) from aws_s3_bucket where account_id = '{DEV}'"))
    );
    // By group, limited policies count the same as by the evaluation.
    assert_eq!(numbers(&report(&pacbot, &["--group", "everything"])), numbers(&report(&pacbot, &[])));

    let wrong = pacbot.copy();
    wrong.configure(&with("\n[policies.scoped.groups]\naws-s3-bucket-versioning-enabled = [\"nobody\"]\n"));
    let told = wrong.run(&["evaluate"]);
    assert!(told.code == Some(2) && told.stderr.contains("there is no group `nobody`"), "{told:?}");

    let given = "\n[policies.scoped.parameters.buckets.aws-s3-bucket-not-public]\nchecks = 3\n";
    wrong.configure(&with(given));
    let told = wrong.run(&["policies", "list"]);
    assert!(told.code == Some(64) && told.stderr.contains("has no parameter `checks`"), "{told:?}");
}

#[test]
fn a_group_that_people_saved_is_there_for_all_until_it_is_removed() {
    let pacbot = first_day();
    let text = "id = \"queues\"\ntitle = \"Queues\"\n\n[[members]]\non = \"aws_sqs_queue\"\n";
    std::fs::write(pacbot.path("queues.toml"), text).unwrap();
    pacbot.expect(0, &["groups", "save", "queues.toml", "--as", "ann"]);
    let members = pacbot.expect(0, &["groups", "members", "queues", "--format", "csv"]).stdout;
    assert_eq!(
        (members.lines().count() - 1) as u64,
        pacbot.value("select count(*) from aws_sqs_queue").as_u64().unwrap()
    );
    let shown = pacbot.expect(0, &["groups", "show", "buckets"]).stdout;
    assert!(
        shown.contains("owner@example.com") && shown.contains("aws_s3_bucket where account_id <> '123456789012'"),
        "{shown}"
    );
    pacbot.expect(0, &["groups", "remove", "queues", "--as", "ann"]);
    let told = pacbot.run(&["groups", "show", "queues"]);
    assert!(told.code == Some(64) && told.stderr.contains("there is no group `queues`"), "{told:?}");
    assert_eq!(pacbot.value("select count(*) from asset_groups"), 2, "nothing is edited");
    // Who was in which group stays readable.
    let materialised = "select count(*) from asset_group_members where group_id = 'buckets' and left_at is null";
    assert_eq!(
        pacbot.value(materialised),
        pacbot.value("select count(*) from aws_s3_bucket where account_id <> '123456789012'")
    );
}
