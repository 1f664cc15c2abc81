//! Two days of the estate, collected from the emulator itself.

use crate::compared;
use crate::estate::{self, Flag, ISSUES, Issue, Truth};
use crate::pacbot::Pacbot;
use crate::servers::moto::Moto;

#[test]
fn a_run_lands_what_boto3_lists_and_issues_follow_the_changes() {
    let moto = Moto::start();
    let pacbot = Pacbot::new(&estate::config(&moto.endpoint(), ""));
    let day_1 = estate::seed(&moto.endpoint(), &pacbot.path("day1.json"));
    pacbot.expect(0, &["run"]);
    landed_as_observed(&pacbot, &day_1);
    flags_are_open(&pacbot, &day_1);

    let day_2 = estate::change(&moto.endpoint(), 2, &pacbot.path("day1.json"), &pacbot.path("day2.json"));
    pacbot.expect(0, &["run"]);
    landed_as_observed(&pacbot, &day_2);
    changed_as_told(&pacbot, &day_1, &day_2);
    flags_are_open(&pacbot, &day_2);

    let before = pacbot.value("select count(*) from issue_events");
    pacbot.expect(0, &["run"]);
    assert_eq!(pacbot.value("select count(*) from issue_events"), before, "nothing changed, so no issue did");
    // Nobody asked for detectors in the other regions that AWS has.
    let elsewhere = "select count(*) from issues where policy_id = 'aws-guardduty-region-detector-enabled' and region not in ('us-east-1', 'eu-west-1')";
    assert_eq!(pacbot.value(elsewhere), 0);
    // The report's numbers are those of the tables.
    let report: serde_json::Value =
        serde_json::from_str(&pacbot.expect(0, &["report", "--format", "json"]).stdout).unwrap();
    let open: u64 =
        report["severities"].as_array().unwrap().iter().map(|part| part["open_issues"].as_u64().unwrap()).sum();
    assert_eq!(Some(open), pacbot.value("select count(*) from issues where state = 'open'").as_u64());
    assert_eq!(report["run"]["assets"], pacbot.value("select count(*) from assets"));
    for account in report["accounts"].as_array().unwrap() {
        let id = account["account_id"].as_str().unwrap();
        assert_eq!(account["assets"], pacbot.value(&format!("select count(*) from assets where account_id = '{id}'")));
    }
    assert_eq!(
        pacbot.value("select sum(assets) from account_assets"),
        report["run"]["assets"],
        "they were counted before"
    );
    pacbot.expect(1, &["evaluate", "--fail-on", "critical"]);
}

fn landed_as_observed(pacbot: &Pacbot, truth: &Truth) {
    assert!(truth.observed.len() >= 27, "the truth is about all first types");
    compared::landed_as_observed(pacbot, &truth.observed);
}

fn flags_are_open(pacbot: &Pacbot, truth: &Truth) {
    let judged = compared::judged_policies(pacbot);
    let unknown: Vec<&String> = truth.flags.keys().filter(|policy| !judged.contains(*policy)).collect();
    assert!(unknown.is_empty(), "the seeder flags policies that do not exist: {unknown:?}");
    compared::flags_are_open(pacbot, &truth.all_flags());
}

/// Compares the newest run's transitions with what the day changed, for the policies that the seeder flags. Others may
/// have opened and closed for the same reasons; those that closed must have had one.
fn changed_as_told(pacbot: &Pacbot, before: &Truth, after: &Truth) {
    let issues: Vec<Issue> = pacbot.rows(ISSUES);
    let newest = pacbot.value("select max(run_id) from runs where stage = 'diff'");
    let newest = newest.as_str().unwrap();
    let transitions = |state: &str, cause: &str| -> Vec<&Issue> {
        let of = |issue: &&Issue| issue.run_id == newest && issue.state == state && issue.cause == cause;
        issues.iter().filter(of).collect()
    };
    for (told, state, cause) in
        [(&after.fixed, "closed", "fixed"), (&after.gone, "closed", "asset_gone"), (&after.opened, "open", "opened")]
    {
        let found = transitions(state, cause);
        let missed: Vec<&Flag> = told.iter().filter(|flag| !found.iter().any(|issue| issue.is_about(flag))).collect();
        assert!(missed.is_empty(), "{cause}: not found {missed:#?}");
        assert!(!told.is_empty(), "the day has nothing that was {cause}");
        // Of a policy that is flagged, nothing else did. What was violated without a flag may have closed.
        let flagged_before = before.all_flags();
        let is_surprising = |issue: &&&Issue| {
            let is_known = after.flags.contains_key(&issue.policy_id) || before.flags.contains_key(&issue.policy_id);
            let may_close = cause != "opened" && !flagged_before.iter().any(|flag| issue.is_about(flag));
            is_known && !may_close && !told.iter().any(|flag| issue.is_about(flag))
        };
        let wrong: Vec<&&Issue> = found.iter().filter(is_surprising).collect();
        assert!(wrong.is_empty(), "{cause}, but nothing said so: {wrong:#?}");
    }
    assert!(issues.iter().filter(|issue| issue.run_id == newest).all(|issue| issue.state != "unknown"));
    // What closed as gone is gone, and what closed as fixed is there.
    let there = "select count(*) from issues join assets on issues.asset_id = assets.asset_id where issues.cause = ";
    assert_eq!(pacbot.value(&format!("{there}'asset_gone'")), 0);
    let fixed = pacbot.value("select count(*) from issues where cause = 'fixed'");
    assert_eq!(pacbot.value(&format!("{there}'fixed'")), fixed);
}
