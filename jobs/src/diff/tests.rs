mod accounts;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeZone, Utc};
use pacbot_lake::LakeSettings;
use pacbot_schemas::{AssetTypes, RunId};
use serde::Deserialize;

use super::*;
use crate::testing::{Days, Said};

const ENCRYPTED: &str =
    "select asset_id, account_id, region, 'not encrypted' as reason from aws_sns_topic where kms_master_key_id is null";
const NAMED: &str =
    "select asset_id, account_id, region, 'has no name' as reason from aws_sns_topic where name is null";

const DECRYPTED: &str = "select asset_id, account_id, region, 'is encrypted' as reason from aws_sns_topic where kms_master_key_id is not null";

const POLICY: &[(&str, &str)] = &[("encrypted", ENCRYPTED)];

#[tokio::test]
async fn an_issue_opens_closes_as_fixed_and_opens_again() {
    let mut days = Days::new().await;
    let opened = days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    assert_eq!(opened, ["encrypted 1/a: none -> open (opened, 1)"]);
    let same = days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    assert_eq!(same, [] as [&str; 0]);
    let fixed = days.run(&[("1", Said::Topics(&[("a", true), ("b", true)]))], POLICY, true).await;
    assert_eq!(fixed, ["encrypted 1/a: open -> closed (fixed, 1)"]);
    let again = days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    assert_eq!(again, ["encrypted 1/a: closed -> open (reopened, 2)"]);

    #[derive(Debug, Deserialize)]
    struct Issue {
        first_opened_at: DateTime<Utc>,
        opened_at: DateTime<Utc>,
        occurrence: u64,
        #[serde(default)]
        closed_at: Option<DateTime<Utc>>,
    }
    let issues: Vec<Issue> = days.rows("select * from issues").await;
    let day = |day| Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap();
    assert_eq!(issues.len(), 1);
    assert_eq!((issues[0].first_opened_at, issues[0].opened_at), (day(1), day(4)));
    assert_eq!((issues[0].occurrence, issues[0].closed_at), (2, None));
}

#[tokio::test]
async fn what_is_gone_from_an_answered_scope_closes() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false), ("b", false)]))], POLICY, true).await;
    let gone = days.run(&[("1", Said::Topics(&[("b", false)]))], POLICY, true).await;
    assert_eq!(gone, ["encrypted 1/a: open -> closed (asset_gone, 1)"]);
    let empty = days.run(&[("1", Said::Topics(&[]))], POLICY, true).await;
    assert_eq!(empty, ["encrypted 1/b: open -> closed (asset_gone, 1)"], "an empty whole answer is real");
}

#[tokio::test]
async fn what_was_not_answered_becomes_unknown_and_comes_back() {
    let mut days = Days::new().await;
    let both = || [("1", Said::Topics(&[("a", false)])), ("2", Said::Topics(&[("a", false)]))];
    days.run(&both(), POLICY, true).await;
    let denied = days.run(&[("1", Said::Denied), ("2", Said::Topics(&[("a", false)]))], POLICY, true).await;
    assert_eq!(denied, ["encrypted 1/a: open -> unknown (not_covered, 1)"]);
    let still = days.run(&[("1", Said::Denied), ("2", Said::Topics(&[("a", false)]))], POLICY, true).await;
    assert_eq!(still, [] as [&str; 0]);
    assert_eq!(days.run(&both(), POLICY, true).await, ["encrypted 1/a: unknown -> open (judged_again, 1)"]);
    let fixed_unseen = [("1", Said::Denied), ("2", Said::Denied)];
    days.run(&fixed_unseen, POLICY, true).await;
    let fixed = days.run(&[("1", Said::Topics(&[("a", true)])), ("2", Said::Denied)], POLICY, true).await;
    assert_eq!(fixed, ["encrypted 1/a: unknown -> closed (fixed, 1)"]);
}

#[tokio::test]
async fn one_asset_whose_attributes_were_not_read_is_unknown() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false), ("b", false)]))], POLICY, true).await;
    let unread = days.run(&[("1", Said::Unread(&[("a", false), ("b", true)], "a"))], POLICY, true).await;
    assert_eq!(
        unread,
        ["encrypted 1/a: open -> unknown (not_covered, 1)", "encrypted 1/b: open -> closed (fixed, 1)"],
        "its null is no violation, and no proof either"
    );
}

#[tokio::test]
async fn a_withdrawn_account_and_a_withdrawn_policy_close() {
    let mut days = Days::new().await;
    let policies = [("encrypted", ENCRYPTED), ("named", NAMED)];
    days.run(&[("1", Said::Topics(&[("a", false)])), ("2", Said::Topics(&[("a", false)]))], &policies, true).await;
    let withdrawn = days.run(&[("1", Said::Topics(&[("a", false)])), ("2", Said::Withdrawn)], &policies, true).await;
    assert_eq!(withdrawn, ["encrypted 2/a: open -> closed (out_of_scope, 1)"]);
    let partial = days.run(&[("1", Said::Topics(&[("a", true)]))], &policies[1..], false).await;
    assert_eq!(partial, [] as [&str; 0], "a policy that was not selected keeps its issues");
    let retired = days.run(&[("1", Said::Topics(&[("a", true)]))], &policies[1..], true).await;
    assert_eq!(retired, ["encrypted 1/a: open -> closed (policy_retired, 1)"]);
}

#[tokio::test]
async fn a_failed_policy_closes_nothing() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false)]))], POLICY, true).await;
    let broken = "select asset_id, account_id, region, cast(cast(name as bigint) as varchar) as reason from aws_sns_topic where kms_master_key_id is null or cast(name as bigint) > 0";
    let failed = days.run(&[("1", Said::Topics(&[("a", true)]))], &[("encrypted", broken)], true).await;
    assert_eq!(failed, ["encrypted 1/a: open -> unknown (policy_failed, 1)"]);
}

#[tokio::test]
async fn comparing_twice_changes_nothing_and_issues_catch_up() {
    let mut days = Days::new().await;
    let said = [("1", Said::Topics(&[("a", false), ("b", false)]))];
    days.run(&said, POLICY, true).await;
    let run_id = RunId::new("day-1").unwrap();
    let at = Utc.with_ymd_and_hms(2026, 3, 1, 6, 0, 0).unwrap();
    let snapshot = days.land(&said, &run_id, at).await;
    let version = days.lake.table("issue_events").await.unwrap().unwrap().version();
    assert_eq!(diff(&days.lake, &run_id, &snapshot, true).await.unwrap().events(), 2, "those of the first time");
    assert_eq!(days.lake.table("issue_events").await.unwrap().unwrap().version(), version);

    // As after a kill between the events and the issues.
    let issues = days.lake.table("issues").await.unwrap().unwrap().version();
    let nothing = futures::stream::empty();
    days.lake.commit_on("issues", Some(issues), nothing, true, at).await.unwrap();
    let diffed = diff(&days.lake, &run_id, &snapshot, true).await.unwrap();
    assert_eq!((diffed.events(), diffed.open), (2, 2));
}

#[tokio::test]
async fn issues_of_accounts_without_events_stay_in_their_files() {
    let mut days = Days::new().await;
    let first = || Said::Topics(&[("a", false), ("b", false)]);
    days.run(&[("1", first())], POLICY, true).await;
    let of_one = files(&days).await;
    assert_eq!(of_one.len(), 1);
    days.run(&[("1", first()), ("2", first())], POLICY, true).await;
    let of_both = files(&days).await;
    assert!(of_both.len() == 2 && of_both.is_superset(&of_one), "no file spans account 2: it gets one beside");
    days.run(&[("1", Said::Topics(&[("b", false)])), ("2", first())], POLICY, true).await;
    let changed = files(&days).await;
    assert!(changed.len() == 2 && changed.is_disjoint(&of_one), "{changed:?}");
    assert_eq!(changed.intersection(&of_both).count(), 1, "that of account 2");
}

#[tokio::test]
async fn an_asset_that_comes_back_in_another_account_is_one_issue() {
    let mut days = Days::new().await;
    // As a bucket's, the id does not name the account.
    let policies = [(
        "named",
        "select name as asset_id, account_id, region, 'has no key' as reason from aws_sns_topic where kms_master_key_id is null",
    )];
    let said = |first, second| [("1", Said::Topics(first)), ("2", Said::Topics(second))];
    days.run(&said(&[("a", false)], &[("b", false)]), &policies, true).await;
    days.run(&said(&[], &[("b", false)]), &policies, true).await;
    let moved = days.run(&said(&[], &[("a", false), ("b", false)]), &policies, true).await;
    assert_eq!(moved, ["named a: closed -> open (reopened, 2)"]);
    let issues: Vec<serde_json::Value> = days.rows("select asset_id, account_id from issues order by asset_id").await;
    let issue = |asset: &str, account: &str| serde_json::json!({"asset_id": asset, "account_id": account});
    assert_eq!(issues, [issue("a", "2"), issue("b", "2")]);
}

/// The files of `issues`.
async fn files(days: &Days) -> BTreeSet<String> {
    let table = days.lake.table("issues").await.unwrap().unwrap();
    table.files().unwrap().into_iter().map(|file| file.path).collect()
}

#[tokio::test]
async fn what_nothing_has_changed_for_is_not_judged_again() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Found {
        policy_id: String,
        found_in: String,
        violations: u64,
        rows: u64,
    }
    const FOUND: &str = "
        select policy_runs.policy_id, found_in, violations, count(violations.run_id) as rows
        from (select *, parts[1]['run_id'] as found_in from policy_runs) as policy_runs
        left join violations
            on policy_runs.policy_id = violations.policy_id and policy_runs.run_id = violations.run_id
        where policy_runs.run_id = 'again'
        group by policy_runs.policy_id, found_in, violations
        order by policy_runs.policy_id";
    let mut days = Days::new().await;
    let said = [("1", Said::Topics(&[("a", false), ("b", true)]))];
    days.run(&said, &[("encrypted", ENCRYPTED), ("named", NAMED)], true).await;
    let row = days.lake.snapshot(None).await.unwrap();
    let again = RunId::new("again").unwrap();
    let at_all = format!("{NAMED} or now() < timestamp '2000-01-01'");
    let policies = [("encrypted", ENCRYPTED), ("named", NAMED), ("timed", at_all.as_str())];
    let events = days.judge(&row, &again, &policies, true).await;
    assert_eq!(events, [] as [&str; 0], "what was found before is still there");
    let found = |policy_id: &str, found_in: &str, violations, rows| Found {
        policy_id: policy_id.to_owned(),
        found_in: found_in.to_owned(),
        violations,
        rows,
    };
    let expected = [found("encrypted", "day-1", 1, 0), found("named", "day-1", 0, 0), found("timed", "again", 0, 0)];
    assert_eq!(days.rows::<Found>(FOUND).await, expected);

    let other = ENCRYPTED.replace("not encrypted", "is not encrypted");
    days.judge(&row, &again, &[("encrypted", &other), ("named", NAMED)], false).await;
    let expected = [found("encrypted", "again", 1, 1), found("named", "day-1", 0, 0)];
    assert_eq!(days.rows::<Found>(FOUND).await, expected, "another text is another policy");
}

#[tokio::test]
async fn a_result_that_does_not_say_where_it_is_is_made_again() {
    let mut days = Days::new().await;
    let said = || [("1", Said::Topics(&[("a", false), ("b", true)]))];
    days.run(&said(), POLICY, true).await;
    // As a version of PacBot left it that did not know of parts.
    let mut runs: Vec<serde_json::Value> = days.rows("select * from policy_runs").await;
    runs.iter_mut().for_each(|run| drop(run.as_object_mut().unwrap().remove("parts").unwrap()));
    let (day_1, at) = (RunId::new("day-1").unwrap(), Utc.with_ymd_and_hms(2026, 3, 1, 6, 0, 0).unwrap());
    days.lake.replace_run_values("policy_runs", &day_1, "", &runs, at).await.unwrap();
    assert_eq!(days.run(&said(), POLICY, true).await, [] as [&str; 0]);
    let parts: Vec<serde_json::Value> =
        days.rows("select parts[1]['run_id'] as run_id, array_length(parts) as number from policy_runs where run_id = 'day-2'").await;
    assert_eq!(parts, [serde_json::json!({"run_id": "day-2", "number": 1})]);
}

#[tokio::test]
async fn a_result_that_was_never_compared_is_compared_when_it_is_used_again() {
    let mut days = Days::new().await;
    days.run(&[("1", Said::Topics(&[("a", false), ("b", true)]))], POLICY, true).await;
    let row = days.lake.snapshot(None).await.unwrap();
    let policies = [("encrypted", ENCRYPTED), ("decrypted", DECRYPTED)];
    // As after a kill between evaluating and comparing.
    days.evaluate(&row, &RunId::new("killed").unwrap(), &policies, true).await;
    let again = days.judge(&row, &RunId::new("again").unwrap(), &policies, true).await;
    assert_eq!(again, ["decrypted 1/b: none -> open (opened, 1)"]);
    let same = days.judge(&row, &RunId::new("once-more").unwrap(), &policies, true).await;
    assert_eq!(same, [] as [&str; 0]);
}

#[tokio::test]
async fn few_changes_among_more_violations_than_fit_in_memory_are_found() {
    let days = Days::new().await;
    let location = days.folder.path().join("lake").display().to_string();
    // The violations are 43 MB of text. Two sorts of what differs, side by side, have to hold some of it each.
    let settings = LakeSettings { location, memory: 32 << 20, ..LakeSettings::default() };
    let small = Lake::open(settings, Arc::new(AssetTypes::embedded().unwrap())).await.unwrap();
    let names = (0..40_000).map(|number| &*format!("{number:05}").leak());
    let mut topics: Vec<(&'static str, bool)> = names.map(|name| (name, false)).collect();
    let day = async |day: u32, topics: &[(&'static str, bool)]| {
        let (run_id, at) = (RunId::new(day.to_string()).unwrap(), Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap());
        let snapshot = days.land(&[("1", Said::Topics(topics.to_vec().leak()))], &run_id, at).await;
        // Another text: nothing of what was found before holds.
        let text = ENCRYPTED.replace("'not encrypted'", &format!("repeat('not encrypted ', {day}0)"));
        days.evaluate(&snapshot, &run_id, &[("encrypted", &text), ("named", NAMED), ("decrypted", DECRYPTED)], true)
            .await;
        let diffed = diff(&small, &run_id, &snapshot, true).await.unwrap();
        days.lake.save_run(&RunRow { run_id, stage: Stage::Diff, ..snapshot }).await.unwrap();
        (diffed.causes.into_iter().collect::<Vec<_>>(), diffed.open)
    };
    assert_eq!(day(6, &topics).await, (vec![("opened".to_owned(), 40_000)], 40_000));
    topics.iter_mut().take(2_000).for_each(|topic| topic.1 = true);
    topics.extend((0..3_000).map(|number| (&*format!("new-{number}").leak(), false)));
    let causes = vec![("fixed".to_owned(), 2_000), ("opened".to_owned(), 5_000)];
    assert_eq!(day(7, &topics).await, (causes, 43_000));
}

#[tokio::test]
async fn an_asset_is_found_in_another_account_than_its_policy_names() {
    let mut days = Days::new().await;
    // As an organization's accounts are: the id names the account, and another one lists it.
    let member = "select asset_id, name as account_id, region, 'not encrypted' as reason from aws_sns_topic where kms_master_key_id is null";
    let policies = [("member", member)];
    let opened = days.run(&[("1", Said::Topics(&[("222", false)]))], &policies, true).await;
    assert_eq!(opened, ["member 1/222: none -> open (opened, 1)"]);
    let fixed = days.run(&[("1", Said::Topics(&[("222", true)]))], &policies, true).await;
    assert_eq!(fixed, ["member 1/222: open -> closed (fixed, 1)"]);
}
