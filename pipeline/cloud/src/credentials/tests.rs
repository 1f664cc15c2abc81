//! Whose credentials sign a call, and what happens when there are none or they expire.

use std::time::Duration;

use futures::future::join_all;
use pacbot_schemas::Protocol;

use crate::testing::{
    ACCOUNT, ONE_ROLE, Scripted, account, answer, assumed, aws, by_operation, identity, query_error, request, scope,
};
use crate::{Aws, CallError, CallErrorKind};

const OK: &str = "<ListResponse/>";

async fn list(aws: &Aws, id: &str) -> Result<u32, CallError> {
    let ask = request("ec2", Protocol::Query, "ListThings");
    aws.call(&scope(id, "eu-west-1"), ask).await.map(|answer| answer.attempts)
}

/// The access key in the signature of each request.
fn signers(transport: &Scripted) -> Vec<String> {
    let signer = |request: &http::Request<_>| {
        let header = request.headers()["authorization"].to_str().unwrap();
        header.split_once("Credential=").unwrap().1.split_once('/').unwrap().0.to_owned()
    };
    transport.requests().iter().map(signer).collect()
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_calls() {
    let transport = by_operation([("AssumeRole", assumed("ROLE", 12)), ("ListThings", answer(200, OK))]);
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    for outcome in join_all((0..20).map(|_| list(&aws, ACCOUNT))).await {
        outcome.unwrap();
    }
    assert_eq!(transport.operations().iter().filter(|operation| operation.starts_with("AssumeRole")).count(), 1);
    let signers = signers(&transport);
    assert_eq!(signers[0], "BASE");
    assert!(signers[1..].iter().all(|signer| signer == "ROLE"));
    let assume = &transport.requests()[0];
    assert_eq!(assume.uri(), "https://sts.us-east-1.amazonaws.com/");
    assert_eq!(
        assume.body().as_ref(),
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Freader\
        &RoleSessionName=pacbot&ExternalId=our-id"
    );
}

#[tokio::test]
async fn credentials_are_renewed_before_they_expire() {
    let transport = Scripted::new(|call, before| match call.operation.as_str() {
        "AssumeRole" => assumed(&format!("ROLE{before}"), 7 + u32::try_from(before).unwrap()),
        _ => answer(200, OK),
    });
    let (aws, clock) = aws(ONE_ROLE, transport.clone());
    list(&aws, ACCOUNT).await.unwrap();
    clock.advance(Duration::from_secs(54 * 60));
    list(&aws, ACCOUNT).await.unwrap();
    clock.advance(Duration::from_secs(2 * 60));
    list(&aws, ACCOUNT).await.unwrap();
    assert_eq!(signers(&transport), ["BASE", "ROLE0", "ROLE0", "BASE", "ROLE1"]);
}

#[tokio::test]
async fn credentials_outlive_a_renewal_that_fails() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", 0) => assumed("ROLE", 7),
        ("AssumeRole", _) => query_error(403, "AccessDenied"),
        _ => answer(200, OK),
    });
    let (aws, clock) = aws(ONE_ROLE, transport.clone());
    list(&aws, ACCOUNT).await.unwrap();
    clock.advance(Duration::from_secs(56 * 60));
    list(&aws, ACCOUNT).await.unwrap();
    list(&aws, ACCOUNT).await.unwrap();
    assert_eq!(signers(&transport), ["BASE", "ROLE", "BASE", "ROLE", "ROLE"], "one renewal was tried");
    clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(list(&aws, ACCOUNT).await.unwrap_err().kind, CallErrorKind::Credentials);
}

#[tokio::test]
async fn credentials_that_expire_in_the_middle_are_renewed_once() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) => assumed(&format!("ROLE{before}"), 12),
        (_, 1) => query_error(400, "ExpiredTokenException"),
        _ => answer(200, OK),
    });
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    assert_eq!(list(&aws, ACCOUNT).await, Ok(1));
    assert_eq!(list(&aws, ACCOUNT).await, Ok(2));
    assert_eq!(signers(&transport), ["BASE", "ROLE0", "ROLE0", "BASE", "ROLE1"]);
}

#[tokio::test]
async fn credentials_that_stay_expired_are_an_error() {
    let transport =
        by_operation([("AssumeRole", assumed("ROLE", 12)), ("ListThings", query_error(400, "ExpiredToken"))]);
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    let error = list(&aws, ACCOUNT).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (CallErrorKind::Expired, 2));
}

#[tokio::test]
async fn an_account_that_cannot_be_assumed_fails_alone_and_is_asked_once_a_minute() {
    let transport = Scripted::new(|call, _| match (call.operation.as_str(), call.account.as_str()) {
        ("AssumeRole", "222233334444") => query_error(403, "AccessDenied"),
        ("AssumeRole", _) => assumed("ROLE", 12),
        _ => answer(200, OK),
    });
    let accounts = "accounts = [{ id = '111122223333', role = 'r' }, { id = '222233334444', role = 'r' }]";
    let (aws, clock) = aws(accounts, transport.clone());
    let error = list(&aws, "222233334444").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`AccessDenied`: role `arn:aws:iam::222233334444:role/r` cannot be assumed: said AccessDenied (status 403)"
    );
    assert_eq!(error.kind, CallErrorKind::Credentials);
    list(&aws, "222233334444").await.unwrap_err();
    list(&aws, ACCOUNT).await.unwrap();
    assert_eq!(
        transport.operations(),
        ["AssumeRole@222233334444", "AssumeRole@111122223333", "ListThings@111122223333"]
    );
    aws.check(&account("222233334444")).await.unwrap_err();
    assert_eq!(transport.operations().len(), 4, "a check asks again at once");
    clock.advance(Duration::from_secs(61));
    list(&aws, "222233334444").await.unwrap_err();
    assert_eq!(transport.operations().len(), 5);
    aws.check(&account(ACCOUNT)).await.unwrap();
}

#[tokio::test]
async fn base_credentials_do_not_read_an_account_that_is_not_theirs() {
    let transport = by_operation([("GetCallerIdentity", identity(ACCOUNT)), ("ListThings", answer(200, OK))]);
    let (aws, _) = aws("accounts = [{ id = '111122223333' }, { id = '222233334444' }]", transport.clone());
    list(&aws, ACCOUNT).await.unwrap();
    let error = list(&aws, "222233334444").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Credentials);
    assert!(error.message.contains("the base credentials are of account `111122223333`"), "{error}");
    assert_eq!(transport.operations(), ["GetCallerIdentity@base", "ListThings@111122223333"]);
}

/// The outer call must not take the failure of the inner one for a reason to try again.
#[tokio::test]
async fn an_sts_that_is_down_ends_the_call() {
    for (settings, operation) in
        [("accounts = [{ id = '111122223333' }]", "GetCallerIdentity"), (ONE_ROLE, "AssumeRole")]
    {
        let down = Err(crate::TransportError::Connect { message: "refused".into() });
        let transport = by_operation([(operation, down)]);
        let (aws, _) = aws(settings, transport.clone());
        let error = list(&aws, ACCOUNT).await.unwrap_err();
        assert_eq!((error.kind, error.attempts), (CallErrorKind::Credentials, 5), "{error}");
        assert_eq!(transport.operations().len(), 5);
    }
}

#[tokio::test]
async fn the_management_account_is_read_without_the_members_role() {
    let transport = by_operation([
        ("AssumeRole", query_error(403, "AccessDenied")),
        ("GetCallerIdentity", identity(ACCOUNT)),
        ("ListThings", answer(200, OK)),
    ]);
    let (aws, _) = aws("organization = { role = 'reader' }", transport.clone());
    list(&aws, ACCOUNT).await.unwrap();
    assert_eq!(signers(&transport), ["BASE", "BASE", "BASE"]);
    let error = list(&aws, "222233334444").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (CallErrorKind::Credentials, Some("AccessDenied")));
}

#[tokio::test]
async fn an_answer_without_credentials_is_an_error() {
    let transport = by_operation([("AssumeRole", answer(200, "<AssumeRoleResponse/>"))]);
    let (aws, _) = aws(ONE_ROLE, transport);
    assert_eq!(list(&aws, ACCOUNT).await.unwrap_err().kind, CallErrorKind::Credentials);
}

#[tokio::test]
async fn nothing_secret_is_in_the_debug_text() {
    let transport = by_operation([("AssumeRole", assumed("ROLE", 12)), ("ListThings", answer(200, OK))]);
    let (aws, _) = aws(ONE_ROLE, transport);
    list(&aws, ACCOUNT).await.unwrap();
    let text = format!("{aws:?}");
    for secret in ["secret-of", "token-of", "our-id"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
