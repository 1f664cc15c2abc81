//! Recording and replaying together: the same answers, and nothing secret between them.

use std::time::Duration;

use pacbot_schemas::Protocol;
use serde_json::json;
use tempfile::TempDir;

use crate::testing::{ACCOUNT, Scripted, answer, assumed, aws, query_error, request, scope, settings, with_header};
use crate::{Aws, CallError, Replay};

use super::*;

const ACCOUNTS: &str = "accounts = [{ id = '111122223333', role = 'r', external_id = 'our-id' },\n\
    { id = '222233334444', role = 'r' }]";

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_740_808_800, 0).unwrap()
}

/// A cloud with a bit of everything: an account that cannot be assumed, throttling, an outage, expiry, bytes.
fn cloud() -> Arc<Scripted> {
    Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) if call.account.as_str() != ACCOUNT => query_error(403, "AccessDenied"),
        ("AssumeRole", _) => assumed("ASIAROLE", 7),
        ("ListThrottled", 0) => with_header(query_error(503, "SlowDown"), "retry-after", "3"),
        ("ListOutage", _) => Err(TransportError::Connect { message: "refused".into() }),
        ("ListExpired", 0) => {
            let body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error>\
                <Token-0>token-of-ASIAROLE</Token-0></ErrorResponse>";
            answer(400, body)
        }
        ("ListGone", _) => query_error(404, "NoSuchEntity"),
        ("ListBytes", _) => answer(200, vec![b'<', b'R', b'>', 0xff, b'<', b'/', b'R', b'>']),
        (operation, _) => answer(200, format!("<R>{operation}</R>")),
    })
}

/// What a collection sees: every outcome in order.
async fn collect(aws: &Aws) -> Vec<Result<(Vec<u8>, u32), CallError>> {
    let mut outcomes = Vec::new();
    for (account, operation) in [
        (ACCOUNT, "ListThings"),
        (ACCOUNT, "ListThrottled"),
        (ACCOUNT, "ListOutage"),
        (ACCOUNT, "ListExpired"),
        (ACCOUNT, "ListGone"),
        (ACCOUNT, "ListBytes"),
        ("222233334444", "ListThings"),
    ] {
        let mut ask = request("ec2", Protocol::Query, operation);
        ask.params = vec![("b".into(), "2".into()), ("a".into(), "1".into())];
        let outcome = aws.call(&scope(account, "eu-west-1"), ask).await;
        outcomes.push(outcome.map(|answer| (answer.body.to_vec(), answer.attempts)));
    }
    outcomes
}

async fn record(folder: &Path) -> Vec<Result<(Vec<u8>, u32), CallError>> {
    let recorder = Arc::new(Recorder::new(cloud(), folder).unwrap());
    let (aws, _) = aws(ACCOUNTS, recorder.clone());
    let outcomes = collect(&aws).await;
    recorder.finish(at(), json!({"regions": ["eu-west-1"]})).await.unwrap();
    outcomes
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let names = crate::replay::files_of(folder).unwrap().into_iter().chain(["recording.json".to_owned()]);
    names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

#[tokio::test]
async fn a_replay_answers_as_the_cloud_did() {
    let folder = TempDir::new().unwrap();
    let recorded = record(folder.path()).await;
    assert_eq!(recorded.iter().filter(|outcome| outcome.is_ok()).count(), 4);

    let replay = Replay::open(folder.path()).unwrap();
    assert_eq!((replay.info().recorded_at, &replay.info().details["regions"][0]), (at(), &json!("eu-west-1")));
    // No credentials, and the recorded ones would have expired long ago.
    let (aws, clock) = aws(ACCOUNTS, Arc::new(replay));
    clock.advance(Duration::from_secs(365 * 24 * 3600));
    let before = clock_time(&clock);
    assert_eq!(collect(&aws).await, recorded);
    assert_eq!(clock_time(&clock), before, "a replay waits for nothing");
}

fn clock_time(clock: &crate::testing::VirtualClock) -> Duration {
    crate::Clock::steady(clock)
}

#[tokio::test]
async fn a_recording_is_replayed_from_memory_with_its_last_answers_repeated() {
    let folder = TempDir::new().unwrap();
    record(folder.path()).await;
    let files = files(folder.path());
    let replay = Replay::from_files(files.iter().map(|(name, text)| (name.clone(), text.as_slice()))).unwrap();
    let aws = Aws::new(settings(ACCOUNTS), Arc::new(replay)).unwrap();
    collect(&aws).await;
    let again = collect(&aws).await;
    assert_eq!(again[1].as_ref().unwrap().1, 1, "the throttled answer came first and is over");
}

#[tokio::test]
async fn a_recording_holds_no_secret() {
    let folder = TempDir::new().unwrap();
    record(folder.path()).await;
    for (name, text) in files(folder.path()) {
        let text = String::from_utf8(text).unwrap();
        for secret in ["secret-of", "token-of", "ASIAROLE", "our-id", "uthorization", "Signature", "BASE"] {
            assert!(!text.contains(secret), "{secret} in {name}: {text}");
        }
    }
}

#[tokio::test]
async fn recording_again_changes_nothing_but_what_changed() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    record(one.path()).await;
    record(other.path()).await;
    assert_eq!(files(one.path()), files(other.path()));

    let stale = one.path().join("333344445555/eu-west-1/ec2.jsonl");
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, "").unwrap();
    record(one.path()).await;
    assert_eq!(files(one.path()), files(other.path()), "the file of an account that is gone is removed");
}

#[tokio::test]
async fn a_line_is_readable() {
    let folder = TempDir::new().unwrap();
    record(folder.path()).await;
    let text = fs::read_to_string(folder.path().join("111122223333/eu-west-1/ec2.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.is_sorted_by_key(|line| line.split('"').nth(3)), "{text}");
    assert_eq!(
        *lines.iter().find(|line| line.contains("ListGone")).unwrap(),
        r#"{"operation":"ListGone","request":{"method":"POST","path":"/","body":"Action=ListGone&Version=2016-11-15&a=1&b=2"},"response":{"status":404,"body":"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>said NoSuchEntity</Message></Error></ErrorResponse>"}}"#
    );
    assert!(text.contains(r#""error":{"connect":"refused"}"#), "{text}");
    assert!(text.contains(r#""base64":true"#), "{text}");
}

#[tokio::test]
async fn what_was_not_recorded_is_named() {
    let folder = TempDir::new().unwrap();
    record(folder.path()).await;
    let aws = Aws::new(settings(ACCOUNTS), Arc::new(Replay::open(folder.path()).unwrap())).unwrap();
    let error = aws.call(&scope(ACCOUNT, "us-east-1"), request("ec2", Protocol::Query, "ListThings")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, crate::CallErrorKind::NotRecorded);
    assert!(error.message.contains("ec2:ListThings in 111122223333/us-east-1"), "{error}");
}

#[tokio::test]
async fn operations_that_differ_in_a_header_only_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let cloud = Scripted::new(|call, _| match call.operation.as_str() {
        "AssumeRole" => assumed("ASIAROLE", 7),
        operation => answer(200, format!("{{\"is\":\"{operation}\"}}")),
    });
    let recorder = Arc::new(Recorder::new(cloud, folder.path()).unwrap());
    let (live, _) = aws(ACCOUNTS, recorder.clone());
    let ask = async |aws: &Aws, operation| {
        let answer = aws.call(&scope(ACCOUNT, "eu-west-1"), request("kms", Protocol::Json11, operation)).await;
        answer.unwrap().body
    };
    for operation in ["ListKeys", "ListAliases"] {
        ask(&live, operation).await;
    }
    recorder.finish(at(), json!(null)).await.unwrap();
    let replay = Aws::new(settings(ACCOUNTS), Arc::new(Replay::open(folder.path()).unwrap())).unwrap();
    assert_eq!(ask(&replay, "ListAliases").await.as_ref(), br#"{"is":"ListAliases"}"#);
    assert_eq!(ask(&replay, "ListKeys").await.as_ref(), br#"{"is":"ListKeys"}"#);
}

#[tokio::test]
async fn the_chains_own_requests_are_not_recorded() {
    let folder = TempDir::new().unwrap();
    let recorder = Recorder::new(cloud(), folder.path()).unwrap();
    let label = crate::keyring::base_label(CREDENTIALS_SERVICE, "Chain");
    recorder.send(&label, Request::get("http://169.254.169.254/").body(Bytes::new()).unwrap()).await.unwrap();
    recorder.finish(at(), json!(null)).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1, "only recording.json");
}

#[tokio::test]
async fn a_folder_with_something_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.txt"), "").unwrap();
    let refused = Recorder::new(cloud(), folder.path()).unwrap_err();
    assert!(matches!(refused, RecordingError::NotARecording { .. }), "{refused:?}");
}

#[test]
fn a_bad_line_is_named() {
    let info = br#"{"recorded_at":"2025-03-01T06:00:00Z","pacbot":"0.1.0"}"#.as_slice();
    let good = r#"{"operation":"A","request":{"method":"GET","path":"/"},"error":{"timeout":"x"}}"#;
    let lines = format!("{good}\n\nnonsense\n");
    let files = [("recording.json".to_owned(), info), ("1/global/iam.jsonl".to_owned(), lines.as_bytes())];
    let error = Replay::from_files(files).unwrap_err();
    assert_eq!(error.to_string(), "line 3 of `1/global/iam.jsonl` is not as recorded");
    assert!(matches!(Replay::from_files([]).unwrap_err(), RecordingError::Io { .. }), "no recording.json");
}

#[test]
fn s3_is_found_in_either_style() {
    let of = |uri: &str| RecordedRequest::of(&Request::get(uri).body(Bytes::new()).unwrap());
    let path_style = of("https://s3.eu-west-1.amazonaws.com/bucket?versioning");
    assert_eq!(of("https://bucket.s3.eu-west-1.amazonaws.com/?versioning"), path_style);
    assert_eq!(of("http://127.0.0.1:5000/bucket/?versioning"), path_style);
    assert_ne!(of("https://s3.eu-west-1.amazonaws.com/bucket?acl"), path_style);
}
