use chrono::TimeZone;
use pacbot_dashboards::{RunPart, Scores};
use pacbot_schemas::{EventKind, Severity};

use super::super::digest::{AccountLine, CategoryLine, Changes, Due, Listed, PolicyLine, SeverityLine};
use super::super::event::{Event, Expiring, IssueChange, Outage, ScoreDrop};
use super::super::message::{EventCount, Events, MessageId};
use super::super::notice::{Notice, NoticeKind};
use super::*;

fn at(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, day, 6, 0, 0).unwrap()
}

/// What somebody could type as a name, to be more than a name.
const TYPED: &str = "<script>alert(\"1\")</script> & </mj-text></td> {{ 7*7 }} {% endif %} <!--";

fn change(cause: &str, name: &str) -> IssueChange {
    IssueChange {
        issue_id: "3f2a".to_owned(),
        cause: cause.to_owned(),
        occurrence: 1,
        severity: Severity::Critical,
        policy_id: "aws-s3-bucket-not-public".to_owned(),
        title: Some("S3 buckets are open to nobody outside".to_owned()),
        account_id: "111122223333".to_owned(),
        account_name: Some("shop".to_owned()),
        region: "eu-west-1".to_owned(),
        asset_type: "aws_s3_bucket".to_owned(),
        asset_id: "arn:aws:s3:::leak".to_owned(),
        asset_name: Some(name.to_owned()),
        key: String::new(),
        reason: Some("the bucket's ACL lets everyone read".to_owned()),
        at: at(2),
    }
}

fn outage() -> Outage {
    Outage {
        account_id: "111122223333".to_owned(),
        account_name: Some("shop".to_owned()),
        regions: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
        asset_type: "aws_sns_topic".to_owned(),
        request: "list".to_owned(),
        status: "denied".to_owned(),
        error: Some("no".to_owned()),
        missing_permission: Some("sns:ListTopics".to_owned()),
        answered_at: Some(at(1)),
        policies: 2,
    }
}

fn expiring() -> Expiring {
    Expiring {
        exception_id: "ex-7".to_owned(),
        until_at: at(9),
        reason: Some("until the migration is done".to_owned()),
        policies: vec!["aws-s3-bucket-not-public".to_owned()],
        issues: 3,
    }
}

fn digest() -> Digest {
    let scores = |passing: f64, classic: i64| Scores {
        passing_percent: Some(passing),
        judged_percent: Some(97.5),
        classic_percent: Some(classic),
        ..Scores::default()
    };
    let line =
        |severity: &str, open_issues| SeverityLine { severity: severity.to_owned(), open_issues, unknown_issues: 1 };
    Digest {
        title: "all assets".to_owned(),
        groups: Vec::new(),
        run: RunPart { run_id: "two".to_owned(), run_at: at(2), previous_at: Some(at(1)), assets: 12 },
        since_at: Some(at(1)),
        scores: Some(scores(83.4, 72)),
        earlier: Some(scores(84.1, 70)),
        severities: vec![line("critical", 1), line("high", 20), line("medium", 0), line("low", 3)],
        categories: vec![CategoryLine { category: "security".to_owned(), policies: 4, compliance_percent: 80 }],
        changes: vec![
            Changes { cause: "opened".to_owned(), count: 3, named: vec![change("opened", "leak")] },
            Changes { cause: "fixed".to_owned(), count: 1, named: vec![change("fixed", TYPED)] },
        ],
        policies: Listed {
            rows: vec![PolicyLine {
                policy_id: "aws-s3-bucket-not-public".to_owned(),
                title: "S3 buckets are open to nobody outside".to_owned(),
                severity: "critical".to_owned(),
                open_issues: 1,
            }],
            unnamed: 4,
        },
        accounts: Listed {
            rows: vec![AccountLine {
                account_id: "111122223333".to_owned(),
                account_name: "shop".to_owned(),
                open_issues: 24,
                open_critical: 1,
                open_high: 20,
            }],
            unnamed: 0,
        },
        due: Listed {
            rows: vec![Due {
                issue_id: "3f2a".to_owned(),
                policy_id: "aws-s3-bucket-not-public".to_owned(),
                fix: "aws-s3-block-public-access".to_owned(),
                asset_id: "arn:aws:s3:::leak".to_owned(),
                asset_name: Some("leak".to_owned()),
                account_id: "111122223333".to_owned(),
                region: "eu-west-1".to_owned(),
                due_at: at(5),
                warning: 1,
                warnings: 3,
            }],
            unnamed: 0,
        },
        expiring: Listed { rows: vec![expiring()], unnamed: 0 },
        unjudged: Listed { rows: vec![outage()], unnamed: 0 },
    }
}

fn notice(kind: NoticeKind) -> Notice {
    Notice {
        kind,
        recipients: vec!["ada@example.org".to_owned()],
        issue_id: "3f2a".to_owned(),
        occurrence: 1,
        severity: Severity::High,
        policy_id: "aws-s3-bucket-not-public".to_owned(),
        policy_title: "S3 buckets are open to nobody outside".to_owned(),
        asset_type: "aws_s3_bucket".to_owned(),
        asset_id: "arn:aws:s3:::shop-invoices-archive-of-all-years-eu-west-1".to_owned(),
        asset_name: Some("shop-invoices-archive-of-all-years-eu-west-1".to_owned()),
        account_id: "111122223333".to_owned(),
        account_name: Some("shop".to_owned()),
        region: "eu-west-1".to_owned(),
        fix: "aws-s3-block-public-access".to_owned(),
        what: "PacBot will turn on Block Public Access for this bucket. Whoever reads it without signing in cannot do so any more.".to_owned(),
        at: at(5),
        number: 2,
        of: 3,
        objection: Some("If that must not happen, ask for an exception: pacbot exceptions request 3f2a".to_owned()),
        run_id: "two".to_owned(),
        run_at: at(2),
    }
}

fn settings() -> NotifySettings {
    NotifySettings { link_base: Some("https://pacbot.example.org".parse().unwrap()), ..NotifySettings::default() }
}

fn message(content: Content) -> Message {
    Message {
        id: MessageId::of(&["a"]),
        subscription: "weekly".to_owned(),
        recipient: "ada@example.org".to_owned(),
        queued_at: at(2),
        may_repeat: false,
        unsubscribe: Some("https://pacbot.example.org/unsubscribe?token=a.b.c".parse().unwrap()),
        content,
    }
}

fn events(events: Vec<Event>) -> Content {
    let counts = vec![
        EventCount { event: EventKind::Opened, count: 3, unnamed: 2 },
        EventCount { event: EventKind::CollectorFailing, count: 1, unnamed: 0 },
    ];
    Content::Events(Events { run_id: "two".to_owned(), run_at: at(2), counts, events })
}

/// Every content that there is, with a name that somebody typed.
fn contents() -> Vec<(&'static str, Content)> {
    let mut typed = notice(NoticeKind::FixWarning);
    typed.asset_name = Some(TYPED.to_owned());
    let drop = ScoreDrop {
        run_id: "two".to_owned(),
        run_at: at(2),
        earlier_at: at(1),
        passing_percent: Some(80.0),
        earlier_passing_percent: Some(84.1),
        classic_percent: Some(70),
        earlier_classic_percent: Some(72),
    };
    let all = vec![
        Event::Opened(change("opened", TYPED)),
        Event::CollectorFailing(outage()),
        Event::ComplianceDrop(drop),
        Event::ExceptionExpiring(expiring()),
    ];
    let exception = Events {
        run_id: "two".to_owned(),
        run_at: at(2),
        counts: vec![EventCount { event: EventKind::ExceptionExpiring, count: 1, unnamed: 0 }],
        events: vec![Event::ExceptionExpiring(expiring())],
    };
    vec![
        ("digest", Content::Digest(Box::new(digest()))),
        ("events", events(all)),
        ("exception", Content::Events(exception)),
        ("ticket", Content::Ticket(Box::new(change("opened", TYPED)))),
        ("warning", Content::Notice(Box::new(notice(NoticeKind::FixWarning)))),
        ("typed", Content::Notice(Box::new(typed))),
        ("done", Content::Notice(Box::new(notice(NoticeKind::FixDone)))),
        ("exempted", Content::Notice(Box::new(notice(NoticeKind::Exempted)))),
        ("test", Content::Test { at: at(2) }),
    ]
}

#[test]
fn a_digest_in_text() {
    let rendered = Templates::new(&settings()).mail(&message(Content::Digest(Box::new(digest())))).unwrap();
    insta::assert_snapshot!("digest", rendered.text);
}

#[test]
fn events_in_text() {
    let templates = Templates::new(&settings());
    let mut message = message(contents().swap_remove(1).1);
    message.may_repeat = true;
    insta::assert_snapshot!("events", templates.mail(&message).unwrap().text);
}

#[test]
fn a_fix_warning_in_text() {
    let content = Content::Notice(Box::new(notice(NoticeKind::FixWarning)));
    insta::assert_snapshot!("fix_warning", Templates::new(&settings()).mail(&message(content)).unwrap().text);
}

#[test]
fn a_ticket_in_text() {
    let ticket = message(Content::Ticket(Box::new(change("fixed", "leak"))));
    insta::assert_snapshot!("ticket", Templates::new(&settings()).ticket(&ticket).unwrap());
}

#[test]
fn what_people_typed_is_text_in_every_message() {
    let templates = Templates::new(&settings());
    for (name, content) in contents() {
        let message = message(content);
        let Rendered { html, text } = templates.mail(&message).unwrap();
        assert!(!html.contains("<script"), "{name}: {html}");
        assert!(!html.contains("<mj-"), "{name}: MJML is left in {html}");
        assert!(!message.content.subject().contains('\n'));
        assert!(!text.contains("&lt;"), "{name}: text is not HTML: {text}");
        // A folder, to look at the mails with a browser.
        if let Ok(folder) = std::env::var("PACBOT_MAILS") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), html).unwrap();
        }
    }
}

#[test]
fn what_is_written_reads_back() {
    for (name, content) in contents() {
        let json = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content, "{name}");
    }
}

#[test]
fn without_history_a_score_has_no_earlier_value() {
    assert_eq!(points(Some(80.0), None), "no earlier value");
    assert_eq!(points(Some(80.3), Some(80.0)), "up 0.3 points");
    assert_eq!(points(Some(79.0), Some(80.0)), "down 1.0 points");
    assert_eq!(points(Some(80.0), Some(80.0)), "unchanged");
}
