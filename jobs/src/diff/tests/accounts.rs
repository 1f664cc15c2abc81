//! Days on which some accounts change: judging these again finds what judging everything finds.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Depends on the time, so nobody knows that it finds the same before it was judged.
const TIMED: &str = "select asset_id, account_id, region, 'not encrypted' as reason from aws_sns_topic where kms_master_key_id is null and now() > timestamp '2000-01-01'";

/// One policy of each kind: a row, a group, the lack of a partner, places in an account, several violations of an asset, one
/// that mixes accounts, and one that depends on the time.
const POLICIES: &[(&str, &str)] = &[
    ("row", ENCRYPTED),
    (
        "group",
        "with plain as (select account_id, count(*) as topics from aws_sns_topic where kms_master_key_id is null group by account_id)
         select topic.asset_id, topic.account_id, topic.region, plain.topics || ' are not encrypted' as reason
         from aws_sns_topic as topic join plain on topic.account_id = plain.account_id where plain.topics > 1",
    ),
    (
        "partner",
        "select topic.asset_id, topic.account_id, topic.region, 'no other is encrypted' as reason from aws_sns_topic as topic
         left anti join (select account_id, name from aws_sns_topic where kms_master_key_id is not null) as other
         on topic.account_id = other.account_id and topic.name <> other.name",
    ),
    (
        "place",
        "with placed as (select asset_id, account_id, region, row_number() over (partition by account_id order by name) as place from aws_sns_topic)
         select asset_id, account_id, region, 'it is number ' || place as reason from placed where place > 1",
    ),
    (
        "keys",
        "with other as (select account_id, name from aws_sns_topic)
         select topic.asset_id, topic.account_id, topic.region, 'beside ' || other.name as reason, other.name as key
         from aws_sns_topic as topic join other on topic.account_id = other.account_id and topic.name < other.name",
    ),
    (
        "all",
        "with counted as (select count(*) as topics from aws_sns_topic)
         select topic.asset_id, topic.account_id, topic.region, 'one of ' || counted.topics as reason
         from aws_sns_topic as topic cross join counted where counted.topics > 3",
    ),
    ("timed", TIMED),
];

/// What was found in a run: numbers and violations of each policy.
const FOUND: &str = "
    with run as (
        select * from policy_runs where run_id = '%RUN%'
    ),
    part as (
        select policy_id, part['run_id'] as run_id, part['number'] as number
        from (select policy_id, unnest(parts) as part from run)
    ),
    again as (
        select part.policy_id, account_id, max(number) as number
        from part join judged_accounts on part.policy_id = judged_accounts.policy_id and part.run_id = judged_accounts.run_id
        group by part.policy_id, account_id
    ),
    found as (
        select violations.*
        from part
        join violations on part.policy_id = violations.policy_id and part.run_id = violations.run_id
        left join again on violations.policy_id = again.policy_id and violations.account_id = again.account_id
        where part.number = coalesce(again.number, 0)
    )
    select
        run.policy_id, run.status, run.assets, run.violating, run.unknown, run.violations,
        found.issue_id, found.asset_id, found.region, found.collected_in, found.key, found.reason, found.evidence
    from run left join found on run.policy_id = found.policy_id
    order by run.policy_id, found.issue_id, found.reason";

type Topics = Vec<(&'static str, bool)>;

fn topics() -> impl Strategy<Value = Topics> {
    let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..4);
    names.prop_flat_map(|names| {
        let encrypted = prop::collection::vec(prop::bool::ANY, names.len());
        (Just(names), encrypted).prop_map(|(names, encrypted)| names.into_iter().zip(encrypted).collect())
    })
}

/// What five accounts say on the first day, and on each later day what one or two of them say instead.
fn days() -> impl Strategy<Value = (Vec<Topics>, Vec<Vec<(usize, Topics)>>)> {
    let changes = prop::collection::vec((0usize..5, topics()), 0..3);
    (prop::collection::vec(topics(), 5), prop::collection::vec(changes, 3))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn some_accounts_judged_again_are_all_judged_anew((mut said, changes) in days()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut days = Days::new().await;
            days.run(&answers(&said), POLICIES, true).await;
            for change in changes {
                for (account, topics) in change {
                    said[account] = topics;
                }
                days.run(&answers(&said), POLICIES, true).await;
                let row = days.lake.snapshot(None).await.unwrap();
                let anew = RunId::new(format!("anew-{}", days.day)).unwrap();
                days.evaluate_anew(&row, &anew, POLICIES).await;
                let found = |run_id: &str| FOUND.replace("%RUN%", run_id);
                let again: Vec<Value> = days.rows(&found(&format!("day-{}", days.day))).await;
                let anew: Vec<Value> = days.rows(&found(anew.as_str())).await;
                assert_eq!(again, anew);
            }
        });
    }
}

fn answers(said: &[Topics]) -> Vec<(&'static str, Said)> {
    let accounts = ["1", "2", "3", "4", "5"];
    accounts.into_iter().zip(said).map(|(account, topics)| (account, Said::Topics(topics.clone().leak()))).collect()
}

#[tokio::test]
async fn what_did_not_change_is_read_from_the_run_that_found_it() {
    let mut days = Days::new().await;
    let said = |last| {
        [
            ("1", Said::Topics(&[("a", false), ("b", false), ("c", true)])),
            ("2", Said::Topics(&[("a", false)])),
            ("3", Said::Topics(if last { &[("a", true)] } else { &[("a", false)] })),
        ]
    };
    days.run(&said(false), POLICY, true).await;
    assert_eq!(days.run(&said(true), POLICY, true).await, ["encrypted 3/a: open -> closed (fixed, 1)"]);
    let parts: Vec<Value> = days.rows("select parts['run_id'] as runs from (select unnest(parts) as parts from policy_runs where run_id = 'day-2')").await;
    assert_eq!(parts, [serde_json::json!({"runs": "day-1"}), serde_json::json!({"runs": "day-2"})]);
    let again: Vec<Value> = days.rows("select account_id from judged_accounts where run_id = 'day-2'").await;
    assert_eq!(again, [serde_json::json!({"account_id": "3"})], "one of three accounts is judged again");
    let written: Vec<Value> = days.rows("select asset_id from violations where run_id = 'day-2'").await;
    assert_eq!(written, [] as [Value; 0], "nothing is written again");
    assert_eq!(days.run(&said(false), POLICY, true).await, ["encrypted 3/a: closed -> open (reopened, 2)"]);
}

#[tokio::test]
async fn what_is_found_again_is_not_written_again() {
    let mut days = Days::new().await;
    let said = |named: &'static [(&'static str, bool)]| [("1", Said::Topics(named))];
    let policies = [("timed", TIMED)];
    days.run(&said(&[("a", false), ("b", false)]), &policies, true).await;
    days.run(&said(&[("a", false), ("b", false), ("c", true)]), &policies, true).await;
    let parts =
        "select run_id, parts[1]['run_id'] as found_in, array_length(parts) as number from policy_runs order by run_id";
    let found = |run_id: &str, found_in: &str| serde_json::json!({"run_id": run_id, "found_in": found_in, "number": 1});
    assert_eq!(days.rows::<Value>(parts).await, [found("day-1", "day-1"), found("day-2", "day-1")]);
    let written: Vec<Value> = days.rows("select distinct run_id from violations").await;
    assert_eq!(written, [serde_json::json!({"run_id": "day-1"})]);
    let fixed = days.run(&said(&[("a", false), ("b", true), ("c", true)]), &policies, true).await;
    assert_eq!(fixed, ["timed 1/b: open -> closed (fixed, 1)"]);
    assert_eq!(days.rows::<Value>(parts).await.last(), Some(&found("day-3", "day-3")));
}

#[tokio::test]
async fn what_was_unknown_is_compared_though_the_same_is_found() {
    let mut days = Days::new().await;
    let policies = [("timed", TIMED)];
    days.run(&[("1", Said::Topics(&[("a", false), ("b", false)]))], &policies, true).await;
    let hidden = days.run(&[("1", Said::Unread(&[("a", false), ("b", true)], "a"))], &policies, true).await;
    assert_eq!(hidden, ["timed 1/a: open -> unknown (not_covered, 1)", "timed 1/b: open -> closed (fixed, 1)"]);
    let read = days.run(&[("1", Said::Unread(&[("a", true), ("b", true)], "b"))], &policies, true).await;
    assert_eq!(read, ["timed 1/a: unknown -> closed (fixed, 1)"], "as few violations, and as much unread, as before");
}

#[tokio::test]
async fn the_assets_of_accounts_are_those_of_the_newest_collection() {
    let days = Days::new().await;
    let land = async |day: u32, topics: &'static [(&'static str, bool)]| {
        let at = Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap();
        let said = [("1", Said::Topics(topics)), ("2", Said::Topics(&[("a", false)]))];
        days.land(&said, &RunId::new(format!("day-{day}")).unwrap(), at).await
    };
    let noted = async || {
        let rows: Vec<Value> =
            days.rows("select run_id, account_id, assets from account_assets order by account_id").await;
        rows.iter().map(|row| format!("{} {} {}", row["run_id"], row["account_id"], row["assets"])).collect::<Vec<_>>()
    };
    let judge = async |snapshot: &RunRow, run: &str| {
        days.evaluate(snapshot, &RunId::new(run).unwrap(), POLICY, true).await;
    };
    let first = land(1, &[("a", false), ("b", true)]).await;
    judge(&first, "day-1").await;
    assert_eq!(noted().await, [r#""day-1" "1" 2"#, r#""day-1" "2" 1"#]);
    judge(&land(2, &[("a", false)]).await, "day-2").await;
    assert_eq!(noted().await, [r#""day-2" "1" 1"#, r#""day-2" "2" 1"#]);
    judge(&first, "past").await;
    assert_eq!(noted().await, [r#""day-2" "1" 1"#, r#""day-2" "2" 1"#], "the past is not what people ask about");
}
