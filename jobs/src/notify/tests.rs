//! The whole of telling, over a lake with groups, exceptions and planned fixes, which other stages keep.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use chrono::{Duration, TimeZone};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use pacbot_dashboards::register_views;
use pacbot_lake::{LakeSettings, SessionOptions};
use pacbot_schemas::{AssetTypes, RunId, Severity};
use serde_json::{Value, json};

use super::*;

struct TestLake {
    lake: Lake,
    folder: tempfile::TempDir,
}

fn day(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap()
}

impl TestLake {
    /// Two runs; on the second, an issue opened, one closed, and a scope was denied.
    async fn two_days() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("lake").to_str().unwrap().to_owned();
        let types = Arc::new(AssetTypes::embedded().unwrap());
        let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
        let lake = Self { lake, folder };
        for (run, at) in [("one", day(1)), ("two", day(2))] {
            for stage in ["collect", "evaluate", "diff"] {
                let row =
                    json!({ "run_id": run, "stage": stage, "status": "complete", "run_at": at, "started_at": at });
                lake.write("runs", run, stage, vec![row]).await;
            }
            let passing = if run == "one" { 0 } else { 2 };
            let judged = json!({
                "run_id": run, "policy_id": "public", "status": "succeeded", "title": "Nobody reads it", "severity": "high",
                "category": "security", "asset_type": "aws_sns_topic", "assets": 10, "violating": 1 + passing,
                "exempt": 0, "unknown": 0, "violations": 1 + passing, "evaluated_at": at,
            });
            lake.write("policy_runs", run, "", vec![judged]).await;
        }
        let status = json!({
            "run_id": "two", "collected_at": day(2), "account_id": "1", "account_name": "shop", "region": "eu-west-1",
            "asset_type": "aws_sns_topic", "request": "list", "status": "denied", "missing_permission": "sns:ListTopics",
        });
        lake.write("coverage", "two", "", vec![status]).await;
        let issues = vec![issue("a", "open"), issue("b", "closed"), issue("c", "open"), issue("d", "open")];
        lake.write("issues", "two", "", issues).await;
        let first = ["a", "b"].map(|id| event("one", 1, day(1), id, "opened", "open")).to_vec();
        lake.write("issue_events", "one", "", first).await;
        let second = vec![
            event("two", 2, day(2), "b", "fixed", "closed"),
            event("two", 2, day(2), "c", "opened", "open"),
            event("two", 2, day(2), "d", "opened", "open"),
        ];
        lake.write("issue_events", "two", "", second).await;
        lake
    }

    async fn write(&self, table: &str, run: &str, part: &str, rows: Vec<Value>) {
        self.lake.replace_run_values(table, &RunId::new(run).unwrap(), part, &rows, day(1)).await.unwrap();
    }

    async fn session(&self) -> SessionContext {
        let ctx = self.lake.session(SessionOptions::newest(day(9))).await.unwrap();
        register_views(&ctx).await.unwrap();
        ctx
    }

    fn settings(&self) -> NotifySettings {
        NotifySettings {
            eml_folder: self.folder.path().join("mails"),
            link_base: Some("https://pacbot.example.org".parse().unwrap()),
            ..NotifySettings::default()
        }
    }

    fn notifier<'a>(&self, settings: &'a NotifySettings, subscriptions: &'a [Subscription]) -> Notifier<'a> {
        Notifier {
            lake: self.lake.clone(),
            settings,
            subscriptions,
            unsubscribe_secret: Some(Secret::from("secret".to_owned())),
            claimant: Claimant { host: "here", process: 1, is_alive: &|_| false },
            now: day(3),
        }
    }
}

fn issue(id: &str, state: &str) -> Value {
    json!({
        "issue_id": id, "state": state, "policy_id": "public", "severity": "high", "asset_id": format!("arn:{id}"),
        "asset_type": "aws_sns_topic", "account_id": "1", "region": "eu-west-1", "cause": "opened", "sequence": 2,
        "occurrence": 1,
    })
}

fn event(run: &str, sequence: u64, at: DateTime<Utc>, id: &str, cause: &str, to_state: &str) -> Value {
    json!({
        "run_id": run, "issue_id": id, "sequence": sequence, "at": at, "to_state": to_state, "cause": cause,
        "policy_id": "public", "severity": "high", "asset_type": "aws_sns_topic", "asset_id": format!("arn:{id}"),
        "account_id": "1", "region": "eu-west-1", "occurrence": 1, "key": "", "reason": "everyone can publish",
    })
}

fn subscriptions(text: &str) -> Vec<Subscription> {
    #[derive(serde::Deserialize)]
    struct File {
        subscriptions: Vec<Subscription>,
    }
    toml::from_str::<File>(text).unwrap().subscriptions
}

/// A table of text columns, as another stage would have it.
fn register(ctx: &SessionContext, name: &str, columns: &[&str], rows: &[&[&str]]) {
    let columns = columns.iter().enumerate().map(|(place, column)| {
        let values = StringArray::from_iter_values(rows.iter().map(|row| row[place]));
        (*column, Arc::new(values) as arrow::array::ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    ctx.register_table(name, Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())).unwrap();
}

/// The asset groups: `team` has the assets of the issues a and c, `other` that of d.
fn with_groups(ctx: &SessionContext) {
    let owners: [&[&str]; 2] =
        [&["team", "Team A", "ada@example.org", "C1"], &["other", "Others", "bob@example.org", "C2"]];
    register(ctx, "groups", &["group_id", "title", "owner_mail", "owner_slack"], &owners);
    let members: [&[&str]; 3] = [
        &["team", "aws_sns_topic", "arn:a"],
        &["team", "aws_sns_topic", "arn:c"],
        &["other", "aws_sns_topic", "arn:d"],
    ];
    register(ctx, "group_members", &["group_id", "asset_type", "asset_id"], &members);
}

const OWNERS: &str = "
[[subscriptions]]
name = \"owners\"
events = [\"digest\"]
owner = true
often = \"daily\"
";

fn content(row: &DeliveryRow) -> Content {
    serde_json::from_str(row.content.as_deref().unwrap()).unwrap()
}

#[tokio::test]
async fn each_owner_gets_one_digest_of_their_own_assets() {
    let (lake, settings) = (TestLake::two_days().await, NotifySettings::default());
    let subscriptions = subscriptions(OWNERS);
    let ctx = lake.session().await;
    let notifier = lake.notifier(&settings, &subscriptions);
    let problems = notifier.due(&ctx).await.unwrap().problems;
    assert!(matches!(problems[0].error, NotifyError::NoGroups { .. }), "without groups that is a problem, not silence");
    with_groups(&ctx);
    let planned = notifier.due(&ctx).await.unwrap();
    assert!(planned.problems.is_empty(), "{:?}", planned.problems);
    let told = planned.messages.iter().map(|row| {
        let Content::Digest(digest) = content(row) else { panic!("{row:?}") };
        assert_eq!(digest.scores, None, "a group's score is not everybody's");
        (row.recipient.clone(), digest.subject())
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("ada@example.org".to_owned(), "Team A: 2 open issues, 1 opened, 0 closed".to_owned()),
            ("bob@example.org".to_owned(), "Others: 1 open issue, 1 opened, 0 closed".to_owned()),
        ]
    );
}

#[tokio::test]
async fn parts_whose_tables_do_not_exist_are_left_out() {
    let (lake, settings) = (TestLake::two_days().await, NotifySettings::default());
    let ctx = lake.session().await;
    let notifier = lake.notifier(&settings, &[]);
    let (digest, _) = notifier.digest_of(&ctx, EVERYTHING).await.unwrap();
    assert_eq!((digest.due.as_ref(), digest.expiring.as_ref()), (None, None));
    // 9 of 10 passed on the first day, 7 of 10 on the second.
    assert_eq!(digest.earlier.unwrap().passing_percent, Some(90.0));
    assert_eq!(digest.scores.unwrap().passing_percent, Some(70.0));

    for (view, sql) in [
        (
            "fixes_planned",
            "select 'a' as issue_id, 'public' as policy_id, 'close' as fix, 'aws_sns_topic' as asset_type, 'arn:a' as asset_id, '1' as account_id, 'eu-west-1' as region, arrow_cast('2026-03-05T00:00:00', 'Timestamp(Microsecond, Some(\"UTC\"))') as due_at, 1 as warning, 3 as warnings",
        ),
        (
            "exceptions_status",
            "select 'ex-1' as exception_id, 'active' as state, arrow_cast('2026-03-09T00:00:00', 'Timestamp(Microsecond, Some(\"UTC\"))') as until_at, 'migration' as reason, ['public'] as policies, 2 as issues union all select 'ex-2', 'active', arrow_cast('2026-09-09T00:00:00', 'Timestamp(Microsecond, Some(\"UTC\"))'), 'later', ['public'], 2",
        ),
    ] {
        let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
        ctx.register_table(view, Arc::new(table)).unwrap();
    }
    let (digest, _) = notifier.digest_of(&ctx, EVERYTHING).await.unwrap();
    assert_eq!(digest.due.unwrap().rows[0].fix, "close");
    let expiring = digest.expiring.unwrap().rows;
    assert_eq!(expiring.iter().map(|row| row.exception_id.as_str()).collect::<Vec<_>>(), ["ex-1"]);

    // The same exception is told once, although it ends soon on every day until then.
    let subscriptions = subscriptions(
        "[[subscriptions]]\nname = \"ends\"\nevents = [\"exception_expiring\", \"compliance_drop\", \"collector_failing\"]\nrecipients = [\"ada@example.org\"]\n",
    );
    let settings = lake.settings();
    let notifier = lake.notifier(&settings, &subscriptions);
    let planned = notifier.queue(&ctx).await.unwrap();
    let Content::Events(events) = content(&planned.messages[0]) else { panic!() };
    assert_eq!(events.counts.len(), 3, "{events:?}");
    assert!(notifier.queue(&ctx).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn no_event_between_two_runs_of_notify_is_lost() {
    let lake = TestLake::two_days().await;
    let settings = lake.settings();
    let subscriptions = subscriptions(
        "[[subscriptions]]\nname = \"closed\"\nevents = [\"reopened\"]\nrecipients = [\"ada@example.org\"]\n",
    );
    let notifier = lake.notifier(&settings, &subscriptions);
    // Nothing is to be told, which is noted.
    assert!(notifier.queue(&lake.session().await).await.unwrap().messages.is_empty());
    for (run, sequence) in [("three", 3), ("four", 4)] {
        let row = json!({ "run_id": run, "stage": "diff", "status": "complete", "run_at": day(sequence), "started_at": day(sequence) });
        lake.write("runs", run, "diff", vec![row]).await;
        let cause = if run == "three" { "reopened" } else { "fixed" };
        let state = if run == "three" { "open" } else { "closed" };
        lake.write("issue_events", run, "", vec![event(run, u64::from(sequence), day(sequence), "b", cause, state)])
            .await;
    }
    let planned = notifier.queue(&lake.session().await).await.unwrap();
    let Content::Events(events) = content(&planned.messages[0]) else { panic!() };
    assert_eq!(events.counts[0].count, 1, "of the run before the newest");
}

fn notice() -> Notice {
    Notice {
        kind: NoticeKind::FixWarning,
        recipients: vec!["ada@example.org".to_owned(), "Ada@example.org".to_owned()],
        issue_id: "a".to_owned(),
        severity: Severity::High,
        policy_id: "public".to_owned(),
        policy_title: "Nobody reads it".to_owned(),
        asset_type: "aws_sns_topic".to_owned(),
        asset_id: "arn:a".to_owned(),
        asset_name: None,
        account_id: "1".to_owned(),
        account_name: None,
        region: "eu-west-1".to_owned(),
        fix: "close".to_owned(),
        what: "The topic's policy will be removed.".to_owned(),
        at: day(5),
        number: 1,
        of: 3,
        objection: None,
        run_id: "two".to_owned(),
        run_at: day(2),
    }
}

#[tokio::test]
async fn a_notice_is_delivered_once_and_its_outcome_says_whether_it_was() {
    let lake = TestLake::two_days().await;
    let settings = lake.settings();
    let subscriptions = subscriptions(
        "[[subscriptions]]\nname = \"fixes\"\nevents = [\"fix_warning\"]\ngroup = \"team\"\nrecipients = [\"cleo@example.org\"]\n",
    );
    let ctx = lake.session().await;
    with_groups(&ctx);
    let notifier = lake.notifier(&settings, &subscriptions);
    let outsider =
        Notice { asset_id: "arn:d".to_owned(), issue_id: "d".to_owned(), recipients: Vec::new(), ..notice() };
    let refused = Notice {
        recipients: vec!["no address".to_owned()],
        issue_id: "x".to_owned(),
        asset_id: "arn:x".to_owned(),
        ..notice()
    };
    let notices = [notice(), outsider, refused];
    for _ in 0..2 {
        let outcomes = notifier.deliver(&ctx, &notices).await.unwrap();
        assert_eq!(outcomes[..2], [Outcome::Delivered, Outcome::NobodyToTell]);
        assert!(matches!(&outcomes[2], Outcome::Failed(_)), "{outcomes:?}");
    }
    let mails = std::fs::read_dir(lake.folder.path().join("mails")).unwrap().count();
    assert_eq!(mails, 2, "to Ada, once, and to Cleo");
}

#[tokio::test]
async fn a_claim_that_nobody_holds_is_sent_again_and_says_so() {
    let lake = TestLake::two_days().await;
    let settings = lake.settings();
    let subscriptions =
        subscriptions("[[subscriptions]]\nname = \"now\"\nevents = [\"opened\"]\nrecipients = [\"ada@example.org\"]\n");
    let notifier = lake.notifier(&settings, &subscriptions);
    let planned = notifier.queue(&lake.session().await).await.unwrap();
    // A process claimed it and was killed: here, or long ago elsewhere.
    let claim = |host: &str, at: DateTime<Utc>| DeliveryRow {
        attempt: 1,
        host: Some(host.to_owned()),
        process: Some(7),
        ..planned.messages[0].then(pacbot_schemas::DeliveryState::Claimed, at)
    };
    let now = Utc::now();
    for (host, at, is_alive, is_sent) in
        [("here", now, true, false), ("there", now, false, false), ("there", now - Duration::hours(1), false, true)]
    {
        let lake = copy(&lake).await;
        let mut outbox = super::delivery::Outbox::load(&lake.lake, now).await.unwrap();
        assert!(outbox.append(&[claim(host, at)], now).await.unwrap());
        let alive = move |_: u32| is_alive;
        let notifier = Notifier {
            claimant: Claimant { host: "here", process: 8, is_alive: &alive },
            ..lake.notifier(&settings, &subscriptions)
        };
        let sent = notifier.send(None).await.unwrap();
        assert_eq!((sent.sent, sent.repeats), (u64::from(is_sent), u64::from(is_sent)), "{host} {is_alive}");
        assert_eq!((sent.waiting, sent.left), (0, u64::from(!is_sent)));
    }
}

/// Another lake with the same content.
async fn copy(from: &TestLake) -> TestLake {
    let folder = tempfile::tempdir().unwrap();
    let copied =
        std::process::Command::new("cp").arg("-R").arg(from.folder.path().join("lake")).arg(folder.path()).status();
    assert!(copied.unwrap().success());
    let location = folder.path().join("lake").to_str().unwrap().to_owned();
    let types = Arc::new(AssetTypes::embedded().unwrap());
    let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
    TestLake { lake, folder }
}
