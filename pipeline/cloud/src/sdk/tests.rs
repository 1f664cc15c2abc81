//! A client of an official SDK crate over our transport. STS stands for all of them: aws-config brings it.

use std::sync::Arc;

use aws_sdk_sts::Client;
use tempfile::TempDir;

use crate::testing::{
    ACCOUNT, ONE_ROLE, Scripted, assumed, aws, by_operation, identity, query_error, scope, settings, with_header,
};
use crate::{Aws, Recorder, Replay};

use super::*;

/// Calls `GetCallerIdentity` by the SDK, in `eu-west-1`.
async fn ask(aws: &Aws) -> Result<String, CallError> {
    let region = Region::new("eu-west-1").unwrap();
    let client = Client::new(&aws.sdk_config(&scope(ACCOUNT, "global"), &region));
    let answer = client.get_caller_identity().send().await.map_err(|error| CallError::from_sdk(&error))?;
    Ok(answer.account().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_client_does_not_hold_on_to_expired_credentials() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) => assumed(&format!("ROLE{before}"), 12),
        (_, 1) => query_error(403, "ExpiredToken"),
        _ => identity(ACCOUNT),
    });
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    let client = Client::new(&aws.sdk_config(&scope(ACCOUNT, "global"), &Region::global()));
    for _ in 0..3 {
        client.get_caller_identity().send().await.unwrap();
    }
    assert_eq!(
        transport.operations().join(" ").replace("@111122223333", ""),
        "AssumeRole POST POST AssumeRole POST POST",
        "the third call is signed with the renewed credentials"
    );
    let last = transport.requests().pop().unwrap();
    assert!(last.headers()["authorization"].to_str().unwrap().contains("Credential=ROLE1/"));
}

/// The operation that this module gives the SDK's request: STS posts a form, and forms are not read here.
const POST: &str = "POST";

#[tokio::test]
async fn a_client_uses_our_credentials_and_transport() {
    let transport = by_operation([("AssumeRole", assumed("ROLE", 12)), (POST, identity(ACCOUNT))]);
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    assert_eq!(ask(&aws).await.unwrap(), ACCOUNT);
    assert_eq!(transport.operations(), ["AssumeRole@111122223333", "POST@111122223333"]);
    let request = &transport.requests()[1];
    assert_eq!(request.uri().host(), Some("sts.eu-west-1.amazonaws.com"));
    let signature = Signature { access_key_id: "ROLE".into(), region: "eu-west-1".into(), service: "sts".into() };
    assert_eq!(Signature::of(request), Some(signature));
}

#[tokio::test]
async fn credentials_that_expire_under_the_sdk_are_renewed() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) => assumed(&format!("ROLE{before}"), 12),
        (_, 0) => query_error(403, "ExpiredToken"),
        _ => identity(ACCOUNT),
    });
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    assert_eq!(ask(&aws).await.unwrap(), ACCOUNT);
    let last = transport.requests().pop().unwrap();
    assert!(last.headers()["authorization"].to_str().unwrap().contains("Credential=ROLE1/"));
    assert_eq!(last.headers()["x-amz-security-token"], "token-of-ROLE1");
}

#[tokio::test]
async fn failures_under_the_sdk_have_the_same_kinds() {
    for (sent, kind) in [
        (query_error(403, "AccessDenied"), CallErrorKind::Denied),
        (query_error(403, "ExpiredToken"), CallErrorKind::Expired),
        (query_error(400, "Throttling"), CallErrorKind::Throttled),
        (query_error(404, "NoSuchEntity"), CallErrorKind::Service),
        (crate::testing::answer(200, "<html>log in</html>"), CallErrorKind::NotAnApi),
        (crate::testing::answer(503, ""), CallErrorKind::Server),
        (Err(TransportError::Timeout { message: "x".into() }), CallErrorKind::Timeout),
        (Err(TransportError::Connect { message: "x".into() }), CallErrorKind::Transport),
        (Err(TransportError::Truncated { message: "x".into() }), CallErrorKind::Truncated),
        (Err(TransportError::NotRecorded { exchange: "x".into() }), CallErrorKind::NotRecorded),
    ] {
        let transport = by_operation([("AssumeRole", assumed("ROLE", 12)), (POST, sent)]);
        let (aws, _) = aws(ONE_ROLE, transport.clone());
        let error = ask(&aws).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(transport.operations().len() <= 1 + 2 * 5, "{:?}", transport.operations());
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_assumed_says_so_through_the_sdk() {
    let (aws, _) = aws(ONE_ROLE, by_operation([("AssumeRole", query_error(403, "AccessDenied"))]));
    let error = ask(&aws).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (CallErrorKind::Credentials, Some("AccessDenied")));
}

#[tokio::test]
async fn an_sdk_client_is_recorded_and_replayed() {
    let folder = TempDir::new().unwrap();
    let cloud = by_operation([("AssumeRole", assumed("ROLE", 12)), (POST, identity(ACCOUNT))]);
    let recorder = Arc::new(Recorder::new(cloud, folder.path()).unwrap());
    let (live, _) = aws(ONE_ROLE, recorder.clone());
    assert_eq!(ask(&live).await.unwrap(), ACCOUNT);
    recorder.finish(chrono::DateTime::UNIX_EPOCH, serde_json::Value::Null).await.unwrap();
    assert!(folder.path().join("111122223333/eu-west-1/sts.jsonl").is_file());
    let replay = Arc::new(Replay::open(folder.path()).unwrap());
    assert_eq!(ask(&Aws::new(settings(ONE_ROLE), replay).unwrap()).await.unwrap(), ACCOUNT);
}

#[tokio::test]
async fn a_client_is_as_patient_as_its_server_asks() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) => assumed("ROLE", 12),
        (_, 0) => with_header(query_error(503, "Throttling"), "content-type", "text/xml"),
        _ => identity(ACCOUNT),
    });
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    assert_eq!(ask(&aws).await.unwrap(), ACCOUNT);
    assert_eq!(transport.operations().len(), 3);
}

#[test]
fn operations_have_names() {
    let of = |uri: &str, target: Option<&str>| {
        let mut request = Request::get(format!("https://x{uri}")).body(Bytes::new()).unwrap();
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target.parse().unwrap());
        }
        operation(&request)
    };
    assert_eq!(of("/", Some("TrentService.ListKeys")), "ListKeys");
    assert_eq!(of("/?x-id=ListBuckets", None), "GET:ListBuckets");
    assert_eq!(of("/bucket?versioning", None), "GET:versioning");
    assert_eq!(of("/bucket?prefix=a", None), "GET");
}
