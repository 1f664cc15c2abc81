//! The whole of telling, over a lake with two days, groups and exceptions.

use std::sync::Arc;

use chrono::{Duration, NaiveDate, TimeZone};
use pacbot_dashboards::Look;
use pacbot_lake::{ExceptionDraft, ExceptionRules, ExceptionScope, LakeSettings, Period};
use pacbot_schemas::{AssetTypes, EventKind, RunId, Severity};
use serde_json::json;

use super::*;
use crate::testing::{Days, Said, TYPE};

const POLICY: &[(&str, &str)] = &[(
    "encrypted",
    "select asset_id, account_id, region, 'not encrypted' as reason from aws_sns_topic where kms_master_key_id is null",
)];

const FIRST: &[(&str, bool)] = &[
    ("a", false),
    ("b", false),
    ("c", true),
    ("d", true),
    ("e", true),
    ("f", true),
    ("g", true),
    ("h", true),
    ("i", true),
    ("j", true),
];

/// What is left of it on the second day.
const SECOND: &[(&str, bool)] = &[
    ("a", false),
    ("b", true),
    ("c", false),
    ("d", false),
    ("e", true),
    ("f", true),
    ("g", true),
    ("h", true),
    ("i", true),
    ("j", true),
];

/// Ada owns the topics a and c, and e; Bob owns d.
const GROUPS: [&str; 3] = [
    "id = 'team'\ntitle = 'Team A'\nwhere = \"asset_id in ('1/a', '1/c')\"\nowner = { mail = ['ada@example.org'], slack = 'C1' }",
    "id = 'toys'\ntitle = 'Toys'\nwhere = \"asset_id in ('1/c', '1/e')\"\nowner = { mail = ['Ada@example.org'] }",
    "id = 'other'\ntitle = 'Others'\nwhere = \"asset_id = '1/d'\"\nowner = { mail = ['bob@example.org'] }",
];

struct TestLake {
    days: Days,
    groups: Groups,
}

fn day(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap()
}

impl TestLake {
    /// Two runs: on the second, two issues opened, one closed, and an account was not answered. Of ten topics, two
    /// violated the policy on the first day, and three on the second.
    async fn two_days() -> Self {
        let mut days = Days::new().await;
        days.run(&[("1", Said::Topics(FIRST))], POLICY, true).await;
        let events = days.run(&[("1", Said::Topics(SECOND)), ("2", Said::Denied)], POLICY, true).await;
        assert_eq!(events.len(), 3, "{events:?}");
        let files: Vec<_> =
            GROUPS.iter().enumerate().map(|(place, text)| (format!("{place}.toml"), (*text).to_owned())).collect();
        let groups = Groups::parse(&files, days.lake.types()).await.unwrap();
        Self { days, groups }
    }

    async fn look(&self) -> Look {
        Look::newest(&self.days.lake, self.groups.clone(), day(9)).await.unwrap()
    }

    fn settings(&self) -> NotifySettings {
        NotifySettings {
            eml_folder: self.days.folder.path().join("mails"),
            link_base: Some("https://pacbot.example.org".parse().unwrap()),
            ..NotifySettings::default()
        }
    }

    fn notifier<'a>(&self, settings: &'a NotifySettings, subscriptions: &'a [Subscription]) -> Notifier<'a> {
        Notifier {
            lake: self.days.lake.clone(),
            groups: self.groups.clone(),
            settings,
            subscriptions,
            unsubscribe_secret: Some(Secret::from("secret".to_owned())),
            claimant: Claimant { host: "here", process: 1, is_alive: &|_| false },
            now: day(3),
        }
    }

    /// An exception from the second day on, for a group's assets.
    async fn except(&self, group: &str, until: NaiveDate) {
        let from = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let draft = ExceptionDraft {
            requester: "ada".to_owned(),
            reason: "migration".to_owned(),
            ticket: None,
            scope: ExceptionScope {
                policies: vec!["encrypted".to_owned()],
                group_id: Some(group.to_owned()),
                ..ExceptionScope::default()
            },
            period: Period::new(from, until, "UTC", day(2)).unwrap(),
        };
        let rules = ExceptionRules::default();
        self.days.lake.new_exception(draft, Some("bob"), &[Severity::High], &rules, day(2)).await.unwrap();
    }
}

impl TestLake {
    /// The first of three warnings that the issue of an asset will be fixed.
    async fn warn(&self, asset: &str) {
        #[derive(serde::Deserialize)]
        struct Issue {
            issue_id: String,
        }
        let issues: Vec<Issue> =
            self.days.rows(&format!("select issue_id from issues where asset_id = '{asset}'")).await;
        let event = json!({
            "issue_id": issues[0].issue_id, "occurrence": 1, "sequence": 1, "event": "warned", "policy_id": "encrypted",
            "fix": "aws-sns-encrypt", "asset_type": TYPE, "asset_id": asset, "account_id": "1", "region": "eu-west-1",
            "run_id": "fix", "at": day(2), "actor": "pacbot", "number": 1, "of": 3, "due_at": day(5),
        });
        let run = RunId::new("fix").unwrap();
        self.days.lake.replace_run_values("fix_events", &run, "", &[event], day(2)).await.unwrap();
    }
}

fn subscriptions(text: &str) -> Vec<Subscription> {
    #[derive(serde::Deserialize)]
    struct File {
        subscriptions: Vec<Subscription>,
    }
    toml::from_str::<File>(text).unwrap().subscriptions
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
    let planned = lake.notifier(&settings, &subscriptions).due(&lake.look().await).await.unwrap();
    assert!(planned.problems.is_empty(), "{:?}", planned.problems);
    let told = planned.messages.iter().map(|row| {
        let Content::Digest(digest) = content(row) else { panic!("{row:?}") };
        let percent = |scores: &Option<pacbot_dashboards::Scores>| scores.as_ref().unwrap().passing_percent;
        (row.recipient.clone(), digest.subject(), percent(&digest.earlier), percent(&digest.scores))
    });
    // Of a, c and e, which Ada owns in two groups, a violated first, and c as well then; each counts once.
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (
                "ada@example.org".to_owned(),
                "Team A, Toys: 2 open issues, 1 opened, 0 closed".to_owned(),
                Some(66.6),
                Some(33.3)
            ),
            (
                "bob@example.org".to_owned(),
                "Others: 1 open issue, 1 opened, 0 closed".to_owned(),
                Some(100.0),
                Some(0.0)
            ),
        ]
    );
}

#[tokio::test]
async fn a_group_that_there_is_not_is_a_problem_of_its_subscription() {
    let (lake, settings) = (TestLake::two_days().await, NotifySettings::default());
    let text = "[[subscriptions]]\nname = \"typo\"\ngroup = \"teem\"\nevents = [\"opened\"]\nrecipients = [\"ada@example.org\"]\n";
    let subscriptions = subscriptions(&format!("{text}{OWNERS}"));
    let planned = lake.notifier(&settings, &subscriptions).due(&lake.look().await).await.unwrap();
    assert_eq!(planned.problems[0].error.to_string(), "there is no group `teem`; did you mean `team`?");
    assert_eq!(planned.messages.len(), 2, "the other one is followed");
}

#[tokio::test]
async fn a_digest_tells_of_scores_of_fixes_that_are_due_and_of_exceptions_that_end() {
    let (lake, settings) = (TestLake::two_days().await, NotifySettings::default());
    let notifier = lake.notifier(&settings, &[]);
    let look = lake.look().await;
    let (digest, _) = notifier.digest_of(&look, EVERYTHING).await.unwrap();
    assert_eq!(digest.earlier.unwrap().passing_percent, Some(80.0));
    assert_eq!(digest.scores.unwrap().passing_percent, Some(70.0));
    assert_eq!((digest.expiring.rows, digest.due.rows), (Vec::new(), Vec::new()));
    let wants = "[[subscriptions]]\nname = \"ends\"\nevents = [\"exception_expiring\", \"compliance_drop\", \"collector_failing\"]\nrecipients = [\"ada@example.org\"]\n";
    let kinds = |planned: &Planned| -> Vec<EventKind> {
        let Content::Events(events) = content(&planned.messages[0]) else { panic!("{planned:?}") };
        events.counts.iter().map(|count| count.event).collect()
    };
    let wants = subscriptions(wants);
    let planned = lake.notifier(&settings, &wants).due(&look).await.unwrap();
    assert_eq!(kinds(&planned), [EventKind::CollectorFailing, EventKind::ComplianceDrop]);
    drop(look);

    lake.warn("1/a").await;
    let (digest, _) = notifier.digest_of(&lake.look().await, "other").await.unwrap();
    assert_eq!(digest.due.rows, [], "not Bob's");
    let (digest, _) = notifier.digest_of(&lake.look().await, "team").await.unwrap();
    let due: Vec<_> =
        digest.due.rows.iter().map(|due| (due.fix.as_str(), due.due_at, due.warning, due.warnings)).collect();
    assert_eq!(due, [("aws-sns-encrypt", day(5), 1, 3)]);

    lake.except("other", NaiveDate::from_ymd_opt(2026, 3, 10).unwrap()).await;
    lake.except("team", NaiveDate::from_ymd_opt(2026, 5, 20).unwrap()).await;
    let look = lake.look().await;
    let (digest, _) = notifier.digest_of(&look, EVERYTHING).await.unwrap();
    let expiring: Vec<_> = digest.expiring.rows.iter().map(|row| (row.until_at, row.issues)).collect();
    assert_eq!(expiring, [(day(11) - Duration::hours(6), 1)], "the other one ends later");
    let (digest, owners) = notifier.digest_of(&look, "team").await.unwrap();
    assert_eq!((digest.expiring.rows.as_slice(), owners), (&[][..], vec!["ada@example.org".to_owned()]), "not Ada's");
    let (digest, _) = notifier.digest_of(&look, EVERYTHING).await.unwrap();
    assert_eq!(digest.run.assets, 10, "a look is as it was before");

    // The same exception is told once, although it ends soon on every day until then.
    let settings = lake.settings();
    let notifier = lake.notifier(&settings, &wants);
    let planned = notifier.queue(&look).await.unwrap();
    // What is exempt no longer counts as violating, so no score fell.
    assert_eq!(kinds(&planned), [EventKind::ExceptionExpiring, EventKind::CollectorFailing]);
    assert!(notifier.queue(&look).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn no_event_between_two_runs_of_notify_is_lost() {
    let mut lake = TestLake::two_days().await;
    let settings = lake.settings();
    let subscriptions = subscriptions(
        "[[subscriptions]]\nname = \"again\"\nevents = [\"reopened\"]\nrecipients = [\"ada@example.org\"]\n",
    );
    let notifier = lake.notifier(&settings, &subscriptions);
    // Nothing is to be told, which is noted.
    assert!(notifier.queue(&lake.look().await).await.unwrap().messages.is_empty());
    drop(notifier);
    lake.days.run(&[("1", Said::Topics(FIRST))], POLICY, true).await;
    lake.days.run(&[("1", Said::Topics(SECOND))], POLICY, true).await;
    lake.days.run(&[("1", Said::Topics(SECOND))], POLICY, true).await;
    let notifier = lake.notifier(&settings, &subscriptions);
    let planned = notifier.queue(&lake.look().await).await.unwrap();
    let Content::Events(events) = content(&planned.messages[0]) else { panic!() };
    assert_eq!(events.counts[0].count, 3, "b on the third day, c and d on the fourth");
}

fn notice() -> Notice {
    Notice {
        kind: NoticeKind::FixWarning,
        recipients: vec!["ada@example.org".to_owned(), "Ada@example.org".to_owned()],
        issue_id: "a".to_owned(),
        occurrence: 1,
        severity: Severity::High,
        policy_id: "public".to_owned(),
        policy_title: "Nobody reads it".to_owned(),
        asset_type: TYPE.to_owned(),
        asset_id: "1/a".to_owned(),
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
    let look = lake.look().await;
    let notifier = lake.notifier(&settings, &subscriptions);
    let outsider = Notice { asset_id: "1/d".to_owned(), issue_id: "d".to_owned(), recipients: Vec::new(), ..notice() };
    let refused = Notice {
        recipients: vec!["no address".to_owned()],
        issue_id: "x".to_owned(),
        asset_id: "1/x".to_owned(),
        ..notice()
    };
    let notices = [notice(), outsider, refused];
    for _ in 0..2 {
        let outcomes = notifier.deliver(&look, &notices).await.unwrap();
        assert_eq!(outcomes[..2], [Outcome::Delivered, Outcome::NobodyToTell]);
        assert!(matches!(&outcomes[2], Outcome::Failed(_)), "{outcomes:?}");
    }
    let mails = std::fs::read_dir(lake.days.folder.path().join("mails")).unwrap().count();
    assert_eq!(mails, 2, "to Ada, once, and to Cleo");
}

#[tokio::test]
async fn a_claim_that_nobody_holds_is_sent_again_and_says_so() {
    let lake = TestLake::two_days().await;
    let settings = lake.settings();
    let subscriptions =
        subscriptions("[[subscriptions]]\nname = \"now\"\nevents = [\"opened\"]\nrecipients = [\"ada@example.org\"]\n");
    let notifier = lake.notifier(&settings, &subscriptions);
    let planned = notifier.queue(&lake.look().await).await.unwrap();
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
        let mut outbox = super::delivery::Outbox::load(&lake.days.lake, now).await.unwrap();
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
    let lake = from.days.folder.path().join("lake");
    let copied = std::process::Command::new("cp").arg("-R").arg(lake).arg(folder.path()).status();
    assert!(copied.unwrap().success());
    let location = folder.path().join("lake").to_str().unwrap().to_owned();
    let types = Arc::new(AssetTypes::embedded().unwrap());
    let lake = Lake::open(LakeSettings { location, ..LakeSettings::default() }, types).await.unwrap();
    TestLake { days: Days { lake, day: from.days.day, folder }, groups: from.groups.clone() }
}
